# SPDX-License-Identifier: GPL-2.0-or-later
# Benchmarks. tests/bench/*.bpf.c feed packets and take the path apart; the rest of tests/bench/ is one
# binary that measures, and a script that prints.

BENCH_BPF := $(patsubst tests/bench/%.bpf.c,%,$(wildcard tests/bench/*.bpf.c))
BENCH_SKELS := $(BENCH_BPF:%=$(BUILD)/tests/bench/%.skel.h)
BENCH_OBJS := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%.o,\
	$(filter-out %.bpf.c,$(wildcard tests/bench/*.c)))
BENCH_OUT := $(BUILD_ROOT)/bench/packet

$(BUILD)/tests/bench/%.bpf.o: tests/bench/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Itests/bench -c $< -o $@

$(BUILD)/tests/bench/%.skel.h: $(BUILD)/tests/bench/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp
	$(Q)mv $@.tmp $@

.PRECIOUS: $(BUILD)/tests/bench/%.bpf.o $(BUILD)/tests/bench/%.skel.h

$(BENCH_OBJS): | $(BPF_SKELS) $(BENCH_SKELS)

$(BUILD)/tests/bench/%.o: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests/bench -I$(BUILD)/tests/bench $(CFLAGS) -c $< -o $@

$(BUILD)/tests/bench/packet: $(BENCH_OBJS) $(call libs,plane)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(call pkg_libs,plane) -ljansson -lm -o $@

# tests/e2e/test_bench.py runs it.
e2e-built: $(BUILD)/tests/bench/packet

.PHONY: bench-packet
#: make bench-packet  what a packet costs: table, build/bench/packet.json and .svg (root; BENCH_ROUNDS=)
bench-packet: deps
	@$(MAKE) --no-print-directory $(BUILD)/tests/bench/packet
	@mkdir -p $(dir $(BENCH_OUT))
	@$(BUILD)/tests/bench/packet $(BENCH_OUT).json
	@$(PYTHON) -B tests/bench/report.py $(BENCH_OUT).json $(BENCH_OUT).svg
