# SPDX-License-Identifier: GPL-2.0-or-later
# Packet tests: the real BPF objects under BPF_PROG_TEST_RUN. tests/packet/what_test.c is a binary;
# the other files there are what they share.

PACKET_TESTS := $(wildcard tests/packet/*_test.c)
PACKET_BINS := $(PACKET_TESTS:tests/packet/%.c=$(BUILD)/tests/packet/%)
PACKET_OBJS := $(patsubst tests/packet/%.c,$(BUILD)/tests/packet/%.o,\
	$(filter-out $(PACKET_TESTS),$(wildcard tests/packet/*.c)))

$(PACKET_OBJS): | $(BPF_SKELS)

$(BUILD)/tests/packet/%.o: tests/packet/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests/packet $(CFLAGS) -c $< -o $@

$(PACKET_BINS): $(BUILD)/tests/packet/%: tests/packet/%.c $(PACKET_OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests/packet $(CFLAGS) $(LDFLAGS) $(filter %.c %.o,$^) \
		$(shell $(PKG_CONFIG) --libs libbpf) -lcmocka -o $@

.PHONY: packet
#: make packet      the BPF programs, packet by packet (root; SAN=1: under ASan and UBSan)
packet: $(PACKET_BINS)
	@tests/unit.sh $(RESULTS)/$(SUITE)packet $(PACKET_BINS)
