/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/gtsm.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

/* Where the TTL or hop limit is, for a filter. */
static uint32_t ttl_at(int family)
{
	size_t at = family == AF_INET ? offsetof(struct iphdr, ttl)
				      : offsetof(struct ip6_hdr, ip6_hlim);

	return (uint32_t)SKF_NET_OFF + (uint32_t)at;
}

int gtsm__attach(int fd, int family)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ttl_at(family)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, GTSM_TTL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		return -errno;
	return 0;
}

int gtsm__attach_raw(int fd, int family)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "fl_gtsm", sizeof(uint32_t), sizeof(uint64_t),
				 1, NULL),
	    program, rc = 0;
	/* All of a packet if its TTL is right; else one more in the map, and nothing. */
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1},
		{.code = BPF_LD | BPF_ABS | BPF_B, .imm = (int32_t)ttl_at(family)},
		{.code = BPF_JMP | BPF_JEQ | BPF_K,
		 .dst_reg = BPF_REG_0,
		 .off = 6,
		 .imm = GTSM_TTL},
		{.code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_PSEUDO_MAP_VALUE,
		 .imm = map},
		{.imm = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 1},
		{.code = BPF_STX | BPF_ATOMIC | BPF_DW,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_REG_2,
		 .imm = BPF_ADD},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
		{.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1},
		{.code = BPF_JMP | BPF_EXIT},
	};

	if (map < 0)
		return -errno;
	program = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "fl_gtsm", "GPL", code,
				sizeof(code) / sizeof(*code), NULL);
	if (program < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)))
		rc = -errno;
	/* The socket has it now. */
	if (program >= 0)
		close(program);
	if (!rc)
		return map;
	close(map);
	return rc;
}

uint64_t gtsm__refused(int map)
{
	const uint32_t first = 0;
	uint64_t n = 0;

	return bpf_map_lookup_elem(map, &first, &n) ? 0 : n;
}

uint64_t gtsm__dropped(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		return 0;
	return info[SK_MEMINFO_DROPS];
}
