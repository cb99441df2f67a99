#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# generate.sh - cuts vmlinux.h down to the kernel types that the BPF programs use.
#
# The full dump of a kernel's BTF is 3 MB of types that no program here reads. Run it on a kernel of
# the architecture, as `vmlinux/generate.sh > vmlinux/$(uname -m)/vmlinux.h`; the result depends only
# on the definitions of the types below. They are the kernel's UAPI and formats of the wire, whose layout
# no kernel changes: nothing is relocated at load time (and the compiler, which merges relocated accesses
# to struct xdp_md, cannot make of them what the verifier refuses).
set -eu

btf=${1:-/sys/kernel/btf/vmlinux}
bpftool=$(command -v bpftool || echo /usr/sbin/bpftool)

types='__u8 __s8 __u16 __s16 __u32 __s32 __u64 __s64 __be16 __be32 __sum16 __wsum'
blocks='enum:xdp_action enum:bpf_map_type struct:xdp_md struct:bpf_timer struct:ethhdr struct:vlan_hdr
struct:iphdr struct:in6_addr struct:ipv6hdr struct:bpf_fib_lookup struct:__sk_buff'
# enums without a name, by one of their members
members='BPF_ANY BPF_F_MMAPABLE IPPROTO_TCP BPF_FIB_LKUP_RET_SUCCESS
BPF_F_RECOMPUTE_CSUM BPF_F_PSEUDO_HDR BPF_F_INGRESS'

cat <<HEAD
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel types, cut from BTF by vmlinux/generate.sh: do not edit. */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

HEAD
"$bpftool" btf dump file "$btf" format c | awk -v types="$types" -v blocks="$blocks" -v members="$members" '
BEGIN {
	n = split(types, t, /[ \n]+/)
	for (i = 1; i <= n; i++)
		want_type[t[i]] = 1
	n = split(blocks, b, /[ \n]+/)
	for (i = 1; i <= n; i++) {
		sub(":", " ", b[i])
		want_block[b[i] " {"] = 1
	}
}
BEGIN {
	n = split(members, m, /[ \n]+/)
	for (i = 1; i <= n; i++)
		want_member[m[i]] = 1
}
$0 == "enum {" { text = ""; wanted = 0; unnamed = 1 }
unnamed {
	text = text $0 "\n"
	if ($1 in want_member)
		wanted = 1
	if (/^}/) {
		unnamed = 0
		if (wanted)
			print text
	}
}
/^typedef / {
	name = $NF
	sub(";", "", name)
	if (name in want_type)
		print
}
$0 in want_block { inside = 1 }
inside { print }
inside && /^}/ { inside = 0; print "" }
'

cat <<TAIL
#endif
TAIL
