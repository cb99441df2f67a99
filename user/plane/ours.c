/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ours.c - what this machine answers for: its MAC addresses, and the VIPs of VRRP groups. */
#include "plane/internal.h"

#include <string.h>

static __u64 cell_of(const uint8_t mac[6])
{
	__u64 cell = 0;

	memcpy((uint8_t *)&cell + sizeof(cell) - 6, mac, 6);
	return cell;
}

static bool among(const __u64 *list, size_t n, __u64 cell)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] == cell)
			return true;
	}
	return false;
}

/* A cell that nobody misses: it says what is not wanted, or what another one says as well. */
static __u64 *spare(__u64 *cells, const __u64 *want, size_t n)
{
	for (size_t i = 0; i < FL_MACS; i++) {
		if (!among(want, n, cells[i]) || among(cells, i, cells[i]))
			return &cells[i];
	}
	return NULL;
}

/*
 * What stays is found all the time: new addresses come into cells that nobody misses, then those that
 * are not wanted go.
 */
static void set_cells(__u64 *cells, const __u64 *want, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		__u64 *to = among(cells, FL_MACS, want[i]) ? NULL : spare(cells, want, n);

		if (to)
			__atomic_store_n(to, want[i], __ATOMIC_RELEASE);
	}
	for (size_t i = 0; i < FL_MACS; i++) {
		if (!among(want, n, cells[i]))
			__atomic_store_n(&cells[i], n ? want[0] : 0, __ATOMIC_RELEASE);
	}
}

bool plane__macs(struct plane *p, const uint8_t (*macs)[6], size_t n)
{
	__u64 want[FL_MACS];
	size_t fit = n <= FL_MACS ? n : 0;

	for (size_t i = 0; i < fit; i++)
		want[i] = cell_of(macs[i]);
	set_cells(p->ours->mac, want, fit);
	return fit == n;
}

void plane__groups(struct plane *p, bool any)
{
	__atomic_store_n(&p->ours->groups, any, __ATOMIC_RELEASE);
}

void plane__stale(struct plane *p, bool stale)
{
	__atomic_store_n(&p->ours->stale, stale, __ATOMIC_RELEASE);
}

bool plane__is_stale(const struct plane *p)
{
	return __atomic_load_n(&p->ours->stale, __ATOMIC_ACQUIRE) != 0;
}
