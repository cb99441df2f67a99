# SPDX-License-Identifier: GPL-2.0-or-later
# Tools and flags of every build. SAN=1: ASan and UBSan. COV=1: coverage. Each has a folder of its own.

VERSION := 0.1.0
CC = gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
PYTHON ?= /usr/bin/python3

BUILD_ROOT := build
BUILD := $(BUILD_ROOT)$(if $(SAN),/san)$(if $(COV),/cov)

WARN := -Wall -Wextra -Werror -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat-signedness
CPPFLAGS += -D_GNU_SOURCE -DFAIRLEAD_VERSION='"$(VERSION)"' -Iuser -Iinclude -I$(BUILD)/bpf
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 $(WARN) -MMD -MP -fstack-protector-strong
ifdef SAN
CFLAGS += -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif
ifdef COV
CFLAGS += -O0 --coverage
LDFLAGS += --coverage
endif

# `make V=1` prints commands; otherwise one short line a file.
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n' $(1) $(2))
