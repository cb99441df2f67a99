/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ours.c - what this machine answers for: its MAC addresses, and the VIPs of VRRP groups. */
#include "plane/internal.h"

#include <string.h>

static __u64 cell_of(const uint8_t mac[6])
{
	__u64 cell = 0;

	memcpy((uint8_t *)&cell + sizeof(cell) - 6, mac, 6);
	return cell;
}

static bool among(const __u64 *list, size_t n, __u64 cell)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] == cell)
			return true;
	}
	return false;
}

/* A cell that nobody misses: it says what is not wanted, or what another one says as well. */
static __u64 *spare(__u64 *cells, const __u64 *want, size_t n)
{
	for (size_t i = 0; i < FL_MACS; i++) {
		if (!among(want, n, cells[i]) || among(cells, i, cells[i]))
			return &cells[i];
	}
	return NULL;
}

/*
 * What stays is found all the time: new addresses come into cells that nobody misses, then those that
 * are not wanted go.
 */
static void set_cells(__u64 *cells, const __u64 *want, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		__u64 *to = among(cells, FL_MACS, want[i]) ? NULL : spare(cells, want, n);

		if (to)
			__atomic_store_n(to, want[i], __ATOMIC_RELEASE);
	}
	for (size_t i = 0; i < FL_MACS; i++) {
		if (!among(want, n, cells[i]))
			__atomic_store_n(&cells[i], n ? want[0] : 0, __ATOMIC_RELEASE);
	}
}

void plane_ours__init(struct plane *p)
{
	pthread_mutexattr_t inherit;

	/* The real-time thread waits for the loop, which must not wait for others meanwhile. */
	pthread_mutexattr_init(&inherit);
	pthread_mutexattr_setprotocol(&inherit, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&p->ours_lock, &inherit);
	pthread_mutexattr_destroy(&inherit);
}

/* What is wanted goes into the cells; false: it does not fit. The lock is held. */
static bool apply(struct plane *p)
{
	__u64 want[FL_MACS];
	size_t n = p->n_own;

	if (n <= FL_MACS)
		memcpy(want, p->own, n * sizeof(*want));
	for (unsigned int i = 0; i < 512 && n <= FL_MACS; i++) {
		const uint8_t mac[6] = {0, 0, 0x5e, 0, (uint8_t)(1 + i / 256), (uint8_t)i};

		if (!p->virtual_macs[i / 256][i % 256] || among(want, n, cell_of(mac)))
			continue;
		if (n < FL_MACS)
			want[n] = cell_of(mac);
		n++;
	}
	set_cells(p->ours->mac, want, n <= FL_MACS ? n : 0);
	return n <= FL_MACS;
}

bool plane__macs(struct plane *p, const uint8_t (*macs)[6], size_t n)
{
	bool fit;

	pthread_mutex_lock(&p->ours_lock);
	p->n_own = n <= FL_MACS ? n : FL_MACS + 1;
	for (size_t i = 0; i < n && i < FL_MACS; i++)
		p->own[i] = cell_of(macs[i]);
	fit = apply(p);
	pthread_mutex_unlock(&p->ours_lock);
	return fit;
}

void plane__virtual_mac(struct plane *p, const uint8_t mac[6], bool ours)
{
	pthread_mutex_lock(&p->ours_lock);
	p->virtual_macs[mac[4] == 2][mac[5]] += ours ? 1 : -1;
	/* With none of its own every frame is taken for ours; one of a group would change that. */
	if (p->n_own)
		apply(p);
	pthread_mutex_unlock(&p->ours_lock);
}

void plane__groups(struct plane *p, bool any)
{
	__atomic_store_n(&p->ours->groups, any, __ATOMIC_RELEASE);
}

void plane__stale(struct plane *p, bool stale)
{
	__atomic_store_n(&p->ours->stale, stale, __ATOMIC_RELEASE);
}

bool plane__is_stale(const struct plane *p)
{
	return __atomic_load_n(&p->ours->stale, __ATOMIC_ACQUIRE) != 0;
}
