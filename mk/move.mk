# SPDX-License-Identifier: GPL-2.0-or-later
# Transitions: docs/transitions.md as C, and random sequences against its promise; against the real
# program; as a Spin model. tests/move/what_test.c is a binary, the other files are what they share.

MOVE_TESTS := $(wildcard tests/move/*_test.c)
MOVE_BINS := $(MOVE_TESTS:tests/move/%.c=$(BUILD)/tests/move/%)
MOVE_REAL := tests/move/replay.c tests/move/replay_kinds.c
MOVE_REAL_OBJS := $(MOVE_REAL:tests/move/%.c=$(BUILD)/tests/move/%.o)
MOVE_SRCS := $(filter-out $(MOVE_TESTS) $(MOVE_REAL),$(wildcard tests/move/*.c))
MOVE_OBJS := $(MOVE_SRCS:tests/move/%.c=$(BUILD)/tests/move/%.o)

$(MOVE_REAL_OBJS): | $(BPF_SKELS)
$(BUILD)/tests/move/replay_test: $(MOVE_REAL_OBJS)

$(BUILD)/tests/move/%.o: tests/move/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests/move -Itests/model $(CFLAGS) -c $< -o $@

$(MOVE_BINS): $(BUILD)/tests/move/%: tests/move/%.c $(MOVE_OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests/move -Itests/model $(CFLAGS) $(LDFLAGS) $(filter %.c %.o,$^) \
		$(shell $(PKG_CONFIG) --libs libbpf) -lcmocka -o $@

.PHONY: move
#: make move        transitions: random sequences against the promise (FL_SEED=, FL_SEQUENCES=)
move: $(MOVE_BINS)
	@tests/unit.sh $(RESULTS)/$(SUITE)move $(MOVE_BINS)

.PHONY: spin
#: make spin        the Spin model: two changes, packets, the sweeper; and that it can fail
spin:
	@tests/move/spin/check.sh $(BUILD)/tests/spin $(RESULTS)/$(SUITE)spin.xml
