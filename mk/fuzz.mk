# SPDX-License-Identifier: GPL-2.0-or-later
# The agent's decoders under libFuzzer, ASan and UBSan: tests/fuzz/NAME_fuzz.c, with the sources of
# user/ that FUZZ_NAME names. `make fuzz` runs them after the BPF programs (mk/native.mk).

DECODERS := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_bfd := vip/bfd_wire vip/bfd_session
FUZZ_vrrp := vip/vrrp_wire core/addr
FUZZ_bgp = bgp/dialog bgp/bird bgp/frr $(patsubst user/%.c,%,$(wildcard user/config/*.c user/core/*.c))
FUZZ_LIBS_bgp := -lyaml -ljansson -lsystemd -lm
FUZZ_peer := peer/channel peer/ledger peer/link peer/offset peer/facts peer/accord peer/accord_told peer/accord_view peer/page
FUZZ_LIBS_peer := -lsodium
FUZZ_stream := peer/record peer/stream
FUZZ_seats := peer/seats peer/ledger peer/facts peer/accord_told $(patsubst user/%.c,%,$(wildcard user/table/*.c)) core/err
FUZZ_LIBS_seats := -lsodium -lm
# The import's parser and translation, and fairlead's own reader, which must take what comes of it.
FUZZ_import = $(patsubst user/%.c,%,$(wildcard user/import/*.c user/config/*.c user/core/*.c))
FUZZ_LIBS_import := -lyaml -ljansson -lsystemd -lm

DECODER_BUILD := $(BUILD)/fuzz
DECODER_CORPUS := $(BUILD_ROOT)/fuzz-corpus
DECODER_BINS := $(DECODERS:%=$(DECODER_BUILD)/fuzz_%)

define decoder_rule
$(DECODER_BUILD)/fuzz_$(1): tests/fuzz/$(1)_fuzz.c $(FUZZ_$(1):%=user/%.c)
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$$(Q)$(CLANG) -std=gnu11 -g -O1 -D_GNU_SOURCE -Iuser -Iinclude -MMD -MP -Wall -Wextra -Werror \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined $$(filter %.c,$$^) $$(FUZZ_LIBS_$(1)) -o $$@
endef
$(foreach d,$(DECODERS),$(eval $(call decoder_rule,$(d))))

.PHONY: fuzz-decoders
#: make fuzz-decoders  libFuzzer on the agent's decoders alone, FUZZ_SECONDS=600 each
fuzz-decoders: $(DECODER_BINS)
	@$(PYTHON) -B tests/fuzz/seeds.py $(DECODER_CORPUS)
	@printf '%s\n' $(DECODERS) | xargs -P $(FUZZ_JOBS) -I '{}' tests/native/fuzz.sh $(DECODER_BUILD) \
		$(DECODER_CORPUS) '{}' $(FUZZ_SECONDS) tests/fuzz/regress/'{}'-WHAT.hex

fuzz: fuzz-decoders
