# SPDX-License-Identifier: GPL-2.0-or-later
# How long clients are without an answer when a balancer dies, beside keepalived: tests/bench/failover/.

FAILOVER := $(BUILD)/tests/failover

$(FAILOVER)/stream: tests/bench/failover/stream.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $< -o $@

# tests/e2e/test_bench.py and test_planned.py run it.
e2e-built: $(FAILOVER)/stream

.PHONY: bench-failover
#: make bench-failover  kills, beside keepalived; build/bench/failover.json (root; FL_BENCH_KILLS=200, _TCP=600, _SOAK=3600, PARTS=)
bench-failover: deps
	@$(MAKE) --no-print-directory all $(LAB_OBJS) $(FAILOVER)/stream $(BUILD)/tests/transition/talk
	@mkdir -p $(BUILD_ROOT)/bench
	@$(PYTHON) -B tests/bench/failover/failover.py $(BUILD) $(BUILD_ROOT)/bench/failover.json $(PARTS)
