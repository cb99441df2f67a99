# SPDX-License-Identifier: GPL-2.0-or-later
# Unit tests: tests/unit/DIR_what_test.c links user/DIR and what that needs, nothing else.

UNIT_SRCS := $(wildcard tests/unit/*_test.c)
UNIT_BINS := $(UNIT_SRCS:tests/unit/%.c=$(BUILD)/tests/unit/%)

define unit_rule
$(BUILD)/tests/unit/$(1): tests/unit/$(1).c $(call libs,$(firstword $(subst _, ,$(1))))
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) $$(CFLAGS) $$(LDFLAGS) $$(filter %.c %.a,$$^) \
		$(call pkg_libs,$(firstword $(subst _, ,$(1)))) -lcmocka -lm -o $$@
endef
$(foreach t,$(UNIT_SRCS:tests/unit/%.c=%),$(eval $(call unit_rule,$(t))))

.PHONY: unit
#: make unit        build and run the unit tests
unit: $(UNIT_BINS)
	@for t in $(UNIT_BINS); do $$t || exit 1; done
