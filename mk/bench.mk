# SPDX-License-Identifier: GPL-2.0-or-later
# The packet benchmark: user/bench/ measures, also for `fairlead bench`; tests/bench/packet.c has all of it
# done on a machine that does nothing else, and a script prints.

BENCH_OUT := $(BUILD_ROOT)/bench/packet

$(BUILD)/tests/bench/packet: tests/bench/packet.c $(call libs,bench)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(filter %.c %.a,$^) $(call pkg_libs,bench) -o $@

# tests/e2e/test_bench.py runs it.
e2e-built: $(BUILD)/tests/bench/packet

.PHONY: bench-packet
#: make bench-packet  what a packet costs: table, build/bench/packet.json and .svg (root; BENCH_ROUNDS=)
bench-packet: deps
	@$(MAKE) --no-print-directory $(BUILD)/tests/bench/packet
	@mkdir -p $(dir $(BENCH_OUT))
	@$(BUILD)/tests/bench/packet $(BENCH_OUT).json
	@$(PYTHON) -B tests/bench/report.py $(BENCH_OUT).json $(BENCH_OUT).svg
