# SPDX-License-Identifier: GPL-2.0-or-later
# What a flood of spoofed packets does to established traffic, and what limits cost.

FLOOD := $(BUILD)/tests/flood

$(FLOOD)/flood.bpf.o: tests/bench/flood/flood.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Itests/bench/flood -c $< -o $@

$(FLOOD)/flood.skel.h: $(FLOOD)/flood.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name flood_bpf > $@.tmp
	$(Q)mv $@.tmp $@

$(FLOOD)/flood: tests/bench/flood/flood.c $(FLOOD)/flood.skel.h
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests/bench/flood -I$(FLOOD) $(CFLAGS) $(LDFLAGS) $< \
		$(shell $(PKG_CONFIG) --libs libbpf) -o $@

.PHONY: bench-flood
#: make bench-flood 10 M spoofed SYNs, then ACKs, beside established traffic (root; FLOOD_PACKETS=, _RATE=)
bench-flood: all $(LAB_OBJS) $(FLOOD)/flood
	@mkdir -p $(BUILD_ROOT)/bench
	@$(PYTHON) -B tests/bench/flood/flood.py $(BUILD) $(BUILD_ROOT)/bench/flood.json
