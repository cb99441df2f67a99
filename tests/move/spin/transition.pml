/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * transition.pml - one slot that changes owner twice, packets on two CPUs, the sweeper (docs/transitions.md).
 *
 * Every step of a packet, of the agent and of flow_sweep that another CPU can see is a step of its own
 * here; memory is sequentially consistent (x86's stores are seen in order, which is what the order of
 * writes needs). The flow lives on backend A since before the first change. With -DREPLACE its record is
 * over (FIN) when the model starts, and its packets are the ACKs of a new connection on the same addresses
 * that has a tentative record: the record is replaced while the sweeper is after it.
 *
 * Checked: no packet finds MOVING without a prev; a flow that speaks reaches A, by prev or by its
 * record; the sweeper deletes no record that was used after it was marked, and none that it did
 * not mark. Each -D below takes one rule away, and must be found out:
 * SWAP_FIRST BACK_EARLY BACK_NO_GRACE OVERWRITE NO_CLAIM BLIND_DELETE NO_CAS CLEAN_EARLY
 */

#define NONE 0
#define A 1
#define B 2
#define C 3

mtype = { ACTIVE, DYING, DEAD };

#define INSTANCES 4 /* of the record's memory: a stale pointer may look at the next life of it */
#define CPUS 2
#define PACKETS 2 /* of CPU 0; CPU 1 has one */

typedef slot_t { byte cur; bool dirty };
typedef record_t { mtype state; byte seen; bool over };

byte live = 0;
slot_t half[2];
byte prev = NONE; /* word of the move table: prev and pinned change together */
bool pinned = false;

byte map = 0; /* the flow's element in `flows`: index of its memory, 0: none */
record_t rec[INSTANCES]; /* rec[0] is not used */
bool busy[INSTANCES];

/* RCU: a packet is a reader; a grace period waits for those that have begun */
bool reading[CPUS];
byte turns[CPUS];

/* ghosts */
bool used = false; /* the record was used since it was marked */
bool silent = false; /* its record was rightly deleted: nothing is promised any more */

inline grace()
{
	for (g : 0 .. CPUS - 1) {
		atomic {
			before = turns[g];
			if
			:: (!reading[g] || turns[g] != before) -> skip
			:: reading[g] -> (!reading[g] || turns[g] != before)
			fi
		}
	}
}

/* Memory for a new record: j */
inline allocate()
{
	j = 1;
	do
	:: busy[j] -> j++
	:: else -> break
	od;
	busy[j] = true;
	rec[j].state = ACTIVE;
	rec[j].seen = 0;
	rec[j].over = false
}

/* BPF_NOEXIST: one step under the bucket's lock */
inline insert()
{
	atomic {
		if
#ifdef OVERWRITE
		:: map != 0 && rec[map].state == DEAD ->
			busy[map] = false;
			allocate();
			map = j;
			used = true
#endif
		:: map == 0 ->
			allocate();
			map = j;
			used = true
		:: else -> skip
		fi
	}
}

/* The packet that makes an over record DEAD may write over it. */
inline replace()
{
#ifdef NO_CLAIM
	claimed = true;
#else
	atomic {
		claimed = rec[i].state != DEAD;
		rec[i].state = (claimed -> DEAD : rec[i].state)
	}
#endif
	if
	:: claimed ->
		atomic {
			allocate();
			if
			:: map != 0 -> busy[map] = false
			:: else -> skip
			fi;
			map = j;
			used = true
		}
	:: else -> skip
	fi
}

/* Line 1: dest is A if the record counts. */
inline by_record()
{
	i = map;
	if
	:: i == 0 -> skip
	:: i != 0 && rec[i].over -> replace(); dest = A
	:: else ->
		s = rec[i].state;
		if
		:: s == ACTIVE -> dest = A
#ifdef NO_CAS
		:: s == DYING -> rec[i].state = ACTIVE; dest = A; used = true
#else
		:: s == DYING ->
			atomic {
				if
				:: rec[i].state == DYING ->
					rec[i].state = ACTIVE;
					dest = A;
					used = true
				:: rec[i].state == ACTIVE -> dest = A
				:: else -> skip
				fi
			}
#endif
		:: else -> skip
		fi;
		if
		:: dest == A -> atomic { rec[i].seen++; used = used || map == i }
		:: else -> skip
		fi
	fi
}

proctype cpu(byte me)
{
	byte n, l, cur, i, j, p, dest;
	bool dirty, pin, claimed;
	mtype s;

	for (n : 1 .. PACKETS - me) {
		atomic { reading[me] = true; turns[me]++; dest = NONE; i = 0; j = 0 }
		l = live;
		atomic { cur = half[l].cur; dirty = half[l].dirty }
		if
		:: !dirty -> dest = cur
		:: else ->
			by_record();
			if
			:: dest == NONE ->
				atomic { p = prev; pin = pinned }
				if
				:: pin -> dest = cur
				:: else ->
					assert(p != NONE);
					dest = p;
					/* met again a second later */
					insert()
				fi
			:: else -> skip
			fi
		fi;
		atomic {
#ifndef REPLACE
			assert(dest == A || silent);
#endif
			reading[me] = false;
			cur = 0; i = 0; j = 0; p = 0; dest = 0; dirty = false; pin = false; claimed = false; l = 0
		}
	}
}

/* flow_sweep, two runs of it; the agent takes the record for idle when it reads it. */
proctype sweeper()
{
	byte round, i, seen, before, g;
	bool sure;

	for (round : 1 .. 2) {
		i = map;
		if
		:: i == 0 -> skip
		:: else ->
			/* what an earlier run has marked is judged anew, too */
			atomic {
				seen = rec[i].seen;
				used = used && rec[i].state != DYING
			}
			/* MARK: compares seen, then compare-and-swap */
			if
			:: rec[i].seen == seen ->
				atomic {
					if
					:: rec[i].state == ACTIVE ->
						rec[i].state = DYING;
						used = false
					:: else -> skip
					fi
				}
			:: else -> skip
			fi;
			/* the next pass is seconds later */
			grace();
			i = map;
			/* DELETE */
#ifdef BLIND_DELETE
			sure = i != 0;
#else
			sure = i != 0 && rec[i].seen == seen;
#endif
			if
			:: sure ->
				atomic {
					sure = rec[i].state == DYING;
					rec[i].state = (sure -> DEAD : rec[i].state);
					assert(!sure || !used);
					silent = silent || sure
				}
				if
				:: sure ->
					atomic {
						assert(map == i && rec[i].state == DEAD);
						busy[map] = false;
						map = 0
					}
				:: else -> skip
				fi
			:: else -> skip
			fi
		fi
	}
}

inline swap(owner, d)
{
	atomic { half[1 - live].cur = owner; half[1 - live].dirty = d }
	live = 1 - live
}

/* A slot that is not MOVING gets another owner. */
inline begin_move(owner)
{
#ifdef SWAP_FIRST
	swap(owner, true);
	atomic { prev = half[1 - live].cur; pinned = false };
#else
	atomic { prev = half[live].cur; pinned = false };
	swap(owner, true);
#endif
	grace()
}

/* hold is over: the flow, if it is one that speaks, has had its record for some time. */
inline end_hold()
{
	(map != 0 || silent);
	grace();
	pinned = true
}

proctype agent()
{
	byte before, g;

	begin_move(B);
	if
	:: /* another owner while MOVING: prev stays */
		swap(C, true);
		grace();
		end_hold()
	:: /* prev back */
#ifdef BACK_EARLY
		pinned = true;
		swap(A, true);
		grace()
#else
		swap(A, true);
#ifndef BACK_NO_GRACE
		grace();
#endif
		pinned = true
#endif
	:: /* PINNED, then another owner */
		end_hold();
		begin_move(C);
		end_hold()
	fi;
	grace();
	/* a full pass counts none */
#ifndef CLEAN_EARLY
	(map == 0);
#endif
	swap(half[live].cur, false);
	grace()
}

init {
	atomic {
		half[0].cur = A;
		half[1].cur = A;
#ifdef REPLACE
		map = 1;
		busy[1] = true;
		rec[1].state = ACTIVE;
		rec[1].over = true;
#endif
		run agent();
		run sweeper();
		run cpu(0);
		run cpu(1)
	}
}
