# SPDX-License-Identifier: GPL-2.0-or-later
# What drives user/net in tests/e2e/test_net.py.

$(BUILD)/tests/netwatch: tests/e2e/netwatch/netwatch.c $(call libs,net)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(filter %.c %.a,$^) $(call pkg_libs,net) -o $@

e2e: $(BUILD)/tests/netwatch
