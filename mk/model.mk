# SPDX-License-Identifier: GPL-2.0-or-later
# The model: docs/datapath.md as C, checked by hand-made packets and golden frames, then against the
# real program. tests/model/what_test.c is a binary; the other files there are what they share, of
# which only the differential test's know the BPF object.

MODEL_TESTS := $(wildcard tests/model/*_test.c)
MODEL_BINS := $(MODEL_TESTS:tests/model/%.c=$(BUILD)/tests/model/%)
MODEL_REAL := tests/model/real.c tests/model/diff.c tests/model/diff_state.c tests/model/told.c
MODEL_SRCS := $(filter-out $(MODEL_TESTS) $(MODEL_REAL),$(wildcard tests/model/*.c))
MODEL_OBJS := $(MODEL_SRCS:tests/model/%.c=$(BUILD)/tests/model/%.o)
MODEL_REAL_OBJS := $(MODEL_REAL:tests/model/%.c=$(BUILD)/tests/model/%.o)

$(MODEL_REAL_OBJS): | $(BPF_SKELS)

$(BUILD)/tests/model/%.o: tests/model/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests/model $(CFLAGS) -c $< -o $@

$(BUILD)/tests/model/diff_test: $(MODEL_REAL_OBJS)

$(MODEL_BINS): $(BUILD)/tests/model/%: tests/model/%.c $(MODEL_OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests/model $(CFLAGS) $(LDFLAGS) $(filter %.c %.o,$^) \
		$(shell $(PKG_CONFIG) --libs libbpf) -lcmocka -o $@

.PHONY: model golden
#: make model       the model against the real program (root; FL_SEED=, FL_PACKETS=, SAN=1)
model: $(MODEL_BINS)
	@tests/unit.sh $(RESULTS)/$(SUITE)model $(MODEL_BINS)

#: make golden      write tests/model/golden/*.pcap anew from the model
golden: $(BUILD)/tests/model/golden_test
	@FL_GOLDEN=write $<
