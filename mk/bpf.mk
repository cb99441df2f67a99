# SPDX-License-Identifier: GPL-2.0-or-later
# BPF objects and their skeletons. An object is bpf/NAME.bpf.c; what it includes is under bpf/. Those of
# bpf/bench/ feed packets and take the path apart; user/bench/ loads them.

BPF_ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
BPF_CFLAGS := -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror \
	-Wshadow -Wno-unused-parameter -Ibpf -Iinclude -Ivmlinux/$(shell uname -m) -MMD -MP
BPF_NAMES := $(patsubst bpf/%.bpf.c,%,$(wildcard bpf/*.bpf.c))
BPF_OBJS := $(BPF_NAMES:%=$(BUILD)/bpf/%.bpf.o)
BPF_SKELS := $(BPF_NAMES:%=$(BUILD)/bpf/%.skel.h)
BENCH_SKELS := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.skel.h,$(wildcard bpf/bench/*.bpf.c))

$(BUILD)/bpf/bench/%.bpf.o: BPF_CFLAGS += -Iuser

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf > $@.tmp
	$(Q)mv $@.tmp $@

.PRECIOUS: $(BUILD)/bpf/%.bpf.o $(BUILD)/bpf/%.skel.h
