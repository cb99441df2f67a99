/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flowhash.h - the hashes that both sides must compute alike.
 *
 * fl_flow_hash() decides the slot of a flow. It is UMAC's NH (RFC 4418 5.2.1, here with 64-bit
 * products of 32-bit sums) under a 256-bit secret, followed by a keyed 64-bit finaliser: for any two
 * different flows the collision probability over the key is at most 2^-32, so without the key nobody
 * can choose flows that meet in one slot, at two multiplications for IPv4 and five for IPv6.
 *
 * fl_service_hash() finds a service's bucket. It is not keyed: its input is the configuration's.
 */
#ifndef FAIRLEAD_FLOWHASH_H
#define FAIRLEAD_FLOWHASH_H

#include "abi.h"

#ifdef __bpf__
#define FL_INLINE static __always_inline
#else
#define FL_INLINE static inline
#endif

/* A bijective mixer of 64 bits (the finaliser of MurmurHash3, published in the public domain). */
FL_INLINE __u64 fl_mix64(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	x ^= x >> 33;
	return x;
}

/* One term of NH: (lo(m) + lo(k)) * (hi(m) + hi(k)), sums of 32 bits, product of 64. */
FL_INLINE __u64 fl_nh(__u64 m, __u64 k)
{
	return (__u64)((__u32)m + (__u32)k) * (__u64)((__u32)(m >> 32) + (__u32)(k >> 32));
}

/* Rotation that derives further NH key words from the four that are configured. */
FL_INLINE __u64 fl_rot(__u64 k, int n)
{
	return k << n | k >> (64 - n);
}

/*
 * Hash of an IPv4 flow. Arguments are the raw network-order words of the packet; `ports` is
 * source port << 16 | destination port as they lie in memory (one 32-bit load).
 */
FL_INLINE __u64 fl_flow_hash4(const __u64 *key, __u32 saddr, __u32 daddr, __u32 ports, __u32 proto)
{
	__u64 h = fl_nh((__u64)saddr << 32 | ports, key[0]) +
		  fl_nh((__u64)daddr << 32 | proto, key[1]);

	return fl_mix64(h ^ key[3]);
}

/* Hash of an IPv6 flow; saddr and daddr are two 64-bit words each, as they lie in memory. */
FL_INLINE __u64 fl_flow_hash6(const __u64 *key, const __u64 *saddr, const __u64 *daddr, __u32 ports,
			      __u32 proto)
{
	__u64 h = fl_nh(saddr[0], key[0]) + fl_nh(saddr[1], key[1]) + fl_nh(daddr[0], key[2]) +
		  fl_nh(daddr[1], fl_rot(key[0], 21)) +
		  fl_nh((__u64)ports << 32 | proto, fl_rot(key[1], 43));

	return fl_mix64(h ^ key[3]);
}

/*
 * Hash of a service key: a0, a1 are the address's two 64-bit words as they lie in memory. Multiplicative
 * (Knuth, TAOCP 6.4): addresses and ports that follow one another, which is what configurations have,
 * fall into buckets more evenly than at random, at one multiplication for IPv4. An address's last bytes
 * lie at the top of a1; turned, all of them reach the top of the product, which is all that is used.
 */
FL_INLINE __u64 fl_service_hash(__u64 a0, __u64 a1, __u32 port_be, __u32 proto)
{
	const __u64 golden = 0x9e3779b97f4a7c15ULL;
	__u64 h = a0 * golden + fl_rot(a1, 32);

	return (h ^ (__u64)(port_be | proto << 16) << 32) * golden;
}

/* The bucket of that hash, and the fingerprint as it lies in a way. */
FL_INLINE __u32 fl_service_bucket(__u64 hash)
{
	return (__u32)(hash >> 52) & (FL_INDEX_BUCKETS - 1);
}

FL_INLINE __u32 fl_service_fingerprint(__u64 hash)
{
	return (__u32)(hash >> 20) & 0xffff0000U;
}

#endif /* FAIRLEAD_FLOWHASH_H */
