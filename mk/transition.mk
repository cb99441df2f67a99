# SPDX-License-Identifier: GPL-2.0-or-later
# The proof that no connection breaks: see tests/bench/transition/.

TRANSITION := $(BUILD)/tests/transition
TRANSITION_CPP := -DMV_LARGE -I$(BUILD)/tests/bench -Itests -Itests/move -Itests/model

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
	$(TRANSITION)/move/agent.o $(BUILD)/obj/bench/result.o $(call libs,table)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(call pkg_libs,table) -ljansson -lm -o $@

$(TRANSITION)/talk: $(TRANSITION)/talk.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@

$(BUILD)/tests/bench/%.bpf.o: tests/bench/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/tests/bench/%.skel.h: $(BUILD)/tests/bench/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp
	$(Q)mv $@.tmp $@

.PRECIOUS: $(BUILD)/tests/bench/%.bpf.o $(BUILD)/tests/bench/%.skel.h

$(TRANSITION)/cost.o: | $(BPF_SKELS) $(BUILD)/tests/bench/bare.skel.h

$(TRANSITION)/cost: $(TRANSITION)/cost.o $(call libs,bench)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(call pkg_libs,bench) -o $@

# tests/e2e/test_long_lived.py runs it.
e2e-built: $(TRANSITION)/talk

TRANSITION_BINS := $(TRANSITION)/cost $(TRANSITION)/simulate $(TRANSITION)/talk $(MOVE_BINS) $(FLOOD)/flood

.PHONY: bench-transition
#: make bench-transition  no connection broken: model, trace, TCP, attacks; build/bench/transition.json (root; PARTS=)
bench-transition: deps
	@$(MAKE) --no-print-directory all $(LAB_OBJS) $(TRANSITION_BINS)
	@mkdir -p $(BUILD_ROOT)/bench
	@$(PYTHON) -B tests/bench/transition/transition.py $(BUILD) $(BUILD_ROOT)/bench/transition.json $(PARTS)
