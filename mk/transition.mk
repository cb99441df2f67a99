# SPDX-License-Identifier: GPL-2.0-or-later
# The proof that no connection breaks: see tests/bench/transition/.

TRANSITION := $(BUILD)/tests/transition
TRANSITION_CPP := -DMV_LARGE -Itests/bench -I$(BUILD)/tests/bench -Itests -Itests/move -Itests/model

$(TRANSITION)/%.o: tests/bench/transition/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(TRANSITION_CPP) $(CFLAGS) -c $< -o $@

# The model in production's sizes.
$(TRANSITION)/move/%.o: tests/move/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(TRANSITION_CPP) $(CFLAGS) -c $< -o $@

$(TRANSITION)/simulate: $(TRANSITION)/simulate.o $(TRANSITION)/trace.o $(TRANSITION)/move/model.o \
	$(TRANSITION)/move/agent.o $(BUILD)/tests/bench/result.o $(call libs,table)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(call pkg_libs,table) -ljansson -lm -o $@

$(TRANSITION)/talk: $(TRANSITION)/talk.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@

$(TRANSITION)/cost.o: | $(BPF_SKELS) $(BENCH_SKELS)

$(TRANSITION)/cost: $(TRANSITION)/cost.o $(filter-out %/packet.o,$(BENCH_OBJS)) $(call libs,plane)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(call pkg_libs,plane) -ljansson -lm -o $@

# tests/e2e/test_long_lived.py runs it.
e2e-built: $(TRANSITION)/talk

TRANSITION_BINS := $(TRANSITION)/cost $(TRANSITION)/simulate $(TRANSITION)/talk $(MOVE_BINS) $(FLOOD)/flood

.PHONY: bench-transition
#: make bench-transition  no connection broken: model, trace, TCP, attacks; build/bench/transition.json (root; PARTS=)
bench-transition: deps
	@$(MAKE) --no-print-directory all $(LAB_OBJS) $(TRANSITION_BINS)
	@mkdir -p $(BUILD_ROOT)/bench
	@$(PYTHON) -B tests/bench/transition/transition.py $(BUILD) $(BUILD_ROOT)/bench/transition.json $(PARTS)
