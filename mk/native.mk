# SPDX-License-Identifier: GPL-2.0-or-later
# The data path compiled for this machine: bpf/*.bpf.c unchanged, with tests/native/shim in the place
# of libbpf's helpers. clang with ASan and UBSan; COV=1: gcc, so that bpf/ has lines like user/.

NATIVE := $(BUILD)/native
NATIVE_CORPUS := $(BUILD_ROOT)/native-corpus
NATIVE_PROGRAMS := lb decap
NATIVE_BINS := $(NATIVE_PROGRAMS:%=$(NATIVE)/native_%_test)
FUZZ_BINS := $(NATIVE_PROGRAMS:%=$(NATIVE)/fuzz_%)
FUZZ_SECONDS ?= 600
# At a time, each on one core.
FUZZ_JOBS ?= 1

NATIVE_FLAGS := -std=gnu11 -g -D_GNU_SOURCE -Itests/native -Iinclude -MMD -MP
ifdef COV
NATIVE_CC := $(CC)
NATIVE_FLAGS += -O0 --coverage
NATIVE_LINK := --coverage
else
NATIVE_CC := $(CLANG)
NATIVE_SAN := address,undefined
# Headers lie at any address in a frame, and the programs read them where they lie.
NATIVE_FLAGS += -O2 -fno-omit-frame-pointer -fsanitize=$(NATIVE_SAN) \
	-fno-sanitize=alignment -fno-sanitize-recover=undefined
# Only the programs lead libFuzzer: what the judge does says nothing about them.
NATIVE_GUIDE := -fsanitize=fuzzer-no-link
NATIVE_LINK := -fsanitize=$(NATIVE_SAN)
endif

NATIVE_WARN := $(if $(COV),$(WARN),$(filter-out -Wformat-signedness,$(WARN))) # gcc's alone

# What each program is judged by; lb has maps, which a scene fills.
NATIVE_lb := judge judge_passive judge_send scene scene_links
NATIVE_decap := judge_decap
NATIVE_OBJS = $(patsubst %,$(NATIVE)/%.o,$(1) $(1)_input $(NATIVE_$(1)) \
	helpers map mem show wire $(2))

$(NATIVE)/%.o: tests/native/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(NATIVE_CC) $(NATIVE_FLAGS) $(NATIVE_WARN) -c $< -o $@

# What the programs are held to when they are compiled for BPF is not asked again.
$(NATIVE)/lb.o $(NATIVE)/decap.o: $(NATIVE)/%.o: tests/native/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(NATIVE_CC) -Itests/native/shim -Ibpf -Ivmlinux/$(shell uname -m) $(NATIVE_FLAGS) \
		$(NATIVE_GUIDE) -Wall -Werror -Wno-unknown-pragmas -c $< -o $@

define native_rules
$(NATIVE)/native_$(1)_test: $(call NATIVE_OBJS,$(1),replay_main)
	$$(call say,LD,$$@)
	$$(Q)$$(NATIVE_CC) $$(NATIVE_LINK) $$^ -lcmocka -o $$@

$(NATIVE)/fuzz_$(1): $(call NATIVE_OBJS,$(1),fuzz_main)
	$$(call say,LD,$$@)
	$$(Q)$$(NATIVE_CC) $$(NATIVE_LINK) -fsanitize=fuzzer $$^ -o $$@
endef
$(foreach p,$(NATIVE_PROGRAMS),$(eval $(call native_rules,$(p))))

$(NATIVE_CORPUS)/.made: tests/native/seeds.py $(wildcard tests/native/regress/*.hex)
	@mkdir -p $(@D)
	@$(PYTHON) -B tests/native/seeds.py $(NATIVE_CORPUS)
	@touch $@

.PHONY: native fuzz
#: make native      the BPF programs as C under ASan and UBSan: seeds, and all that fuzzing found
native: $(NATIVE_BINS) $(NATIVE_CORPUS)/.made
	@FL_CORPUS=$(NATIVE_CORPUS) tests/unit.sh $(RESULTS)/$(SUITE)native $(NATIVE_BINS)

#: make fuzz        libFuzzer on them, FUZZ_SECONDS=600 each
fuzz: $(FUZZ_BINS) $(NATIVE_CORPUS)/.made
	@printf '%s\n' $(NATIVE_PROGRAMS) | xargs -P $(FUZZ_JOBS) -I '{}' tests/native/fuzz.sh $(NATIVE) \
		$(NATIVE_CORPUS) '{}' $(FUZZ_SECONDS)
