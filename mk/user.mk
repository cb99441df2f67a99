# SPDX-License-Identifier: GPL-2.0-or-later
# The agent and the CLI. Each folder of user/ is an archive; NEEDS says which others it may include,
# so that a step can't reach a later one without a change here.

NEEDS_core :=
NEEDS_config := core
NEEDS_table := core
NEEDS_move := core
NEEDS_health := config core
NEEDS_probe := config core
NEEDS_net := core
NEEDS_frame := core
NEEDS_plane := move core
NEEDS_peer := table core
NEEDS_vip := config net core
NEEDS_api := core
NEEDS_journal := core
NEEDS_bgp := config core
NEEDS_agent := alert journal api bgp vip net frame peer plane move table health probe config core
NEEDS_alert := probe config core
NEEDS_doctor := net plane move config core
NEEDS_import := config core
NEEDS_bench := plane move core
NEEDS_cli := import doctor bench net plane move config core

PKGS_core := libsystemd
PKGS_config := yaml-0.1 jansson
PKGS_table := libsodium
PKGS_move :=
PKGS_health :=
PKGS_probe := libuv libcurl openssl jansson libcares libmariadb libpq
PKGS_net := libuv libmnl
PKGS_frame :=
PKGS_peer := libsodium
PKGS_plane := libbpf libxdp libcap-ng
PKGS_vip := libuv libmnl libbpf
PKGS_bgp := libuv jansson
PKGS_api := libuv libmicrohttpd jansson libsodium
PKGS_journal := libuv sqlite3 zlib
PKGS_agent := libuv jansson libsystemd libcap-ng
PKGS_alert := libuv libcurl jansson
PKGS_doctor := libmnl libcap-ng
PKGS_import :=
PKGS_bench := jansson
PKGS_cli := libcurl jansson libpcap smartcols ncursesw

DIRS := core config table move health probe net frame peer plane vip bgp api journal alert agent doctor import bench cli

# $(call closure,DIR): DIR and all that it needs, in link order
closure = $(1) $(NEEDS_$(1))
pkgs = $(sort $(foreach d,$(call closure,$(1)),$(PKGS_$(d))))
libs = $(foreach d,$(call closure,$(1)),$(BUILD)/lib/$(d).a)
pkg_libs = $(if $(call pkgs,$(1)),$(shell $(PKG_CONFIG) --libs $(call pkgs,$(1)))) -lpthread -lm

define dir_rules
$(BUILD)/lib/$(1).a: $$(patsubst user/%.c,$(BUILD)/obj/%.o,$$(filter-out %/main.c,$$(wildcard user/$(1)/*.c)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)ar rcs $$@ $$^
endef
$(foreach d,$(DIRS),$(eval $(call dir_rules,$(d))))

# The plane is the one folder that knows the skeletons, and the benchmark has its own.
$(patsubst user/%.c,$(BUILD)/obj/%.o,$(wildcard user/plane/*.c)): | $(BPF_SKELS)
$(patsubst user/%.c,$(BUILD)/obj/%.o,$(wildcard user/bench/*.c)): | $(BPF_SKELS) $(BENCH_SKELS)

# What these include is no header.
$(BUILD)/obj/api/openapi.o: docs/openapi.json
$(BUILD)/obj/api/asset.o: $(wildcard user/dashboard/*)

$(BUILD)/obj/%.o: user/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(BUILD)/fairleadd: $(BUILD)/obj/agent/main.o $(call libs,agent)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(call pkg_libs,agent) -o $@

$(BUILD)/fairlead: $(BUILD)/obj/cli/main.o $(call libs,cli)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(call pkg_libs,cli) -o $@
