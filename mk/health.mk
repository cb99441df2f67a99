# SPDX-License-Identifier: GPL-2.0-or-later
# What probes cost at scale, and how soon what they find is what packets do: see tests/bench/health/.

HEALTH := $(BUILD)/tests/health

$(HEALTH)/share: tests/bench/health/share.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $< -o $@

# tests/e2e/test_bench.py runs it.
e2e: $(HEALTH)/share

.PHONY: bench-health
#: make bench-health  probes at scale, detection, false alarms; build/bench/health.json (root; PARTS=, DURATION=)
bench-health: deps all $(LAB_OBJS) $(HEALTH)/share
	@mkdir -p $(BUILD_ROOT)/bench
	@$(PYTHON) -B tests/bench/health/health.py $(BUILD) $(BUILD_ROOT)/bench/health.json $(PARTS)
