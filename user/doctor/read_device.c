/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read_device.c - what a driver says, by ethtool's ioctl: libraries that ask by netlink need Linux 5.6. */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor/read.h"

#define MAX_FEATURES 512
#define MAX_INDIR 65536

struct asker {
	int fd;
	char name[DOCTOR_NAME];
};

static bool ask(const struct asker *a, void *request)
{
	struct ifreq r = {.ifr_data = request};

	memcpy(r.ifr_name, a->name, sizeof(a->name));
	return ioctl(a->fd, SIOCETHTOOL, &r) == 0;
}

static void ask_driver(const struct asker *a, struct doctor_device *d)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	if (!ask(a, &info))
		return;
	snprintf(d->driver, sizeof(d->driver), "%.31s", info.driver);
	snprintf(d->bus, sizeof(d->bus), "%.31s", info.bus_info);
}

/* How many features the kernel knows; 0: it does not tell. */
static uint32_t count_features(const struct asker *a)
{
	union {
		struct ethtool_sset_info info;
		uint32_t room[sizeof(struct ethtool_sset_info) / sizeof(uint32_t) + 1];
	} request = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES}};

	if (!ask(a, &request) || !request.info.sset_mask || request.info.data[0] > MAX_FEATURES)
		return 0;
	return request.info.data[0];
}

static enum doctor_switch feature(const struct ethtool_gstrings *names,
				  const struct ethtool_gfeatures *features, const char *name)
{
	for (uint32_t i = 0; i < names->len; i++) {
		const char *at = (const char *)names->data + (size_t)i * ETH_GSTRING_LEN;

		if (strncmp(at, name, ETH_GSTRING_LEN) == 0)
			return features->features[i / 32].active >> i % 32 & 1 ? DOCTOR_SWITCH_ON
									       : DOCTOR_SWITCH_OFF;
	}
	return DOCTOR_SWITCH_UNKNOWN;
}

static enum doctor_switch either(enum doctor_switch a, enum doctor_switch b)
{
	return a > b ? a : b;
}

static void ask_features(const struct asker *a, struct doctor_device *d,
			 enum doctor_switch *tx_checksum)
{
	uint32_t n = count_features(a), blocks = (n + 31) / 32;
	struct ethtool_gstrings *names = calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	struct ethtool_gfeatures *features =
		calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));

	if (!n || !names || !features)
		goto cleanup;
	*names = (struct ethtool_gstrings){
		.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = n};
	*features = (struct ethtool_gfeatures){.cmd = ETHTOOL_GFEATURES, .size = blocks};
	if (!ask(a, names) || names->len > n || !ask(a, features) || features->size < blocks)
		goto cleanup;
	d->lro = feature(names, features, "rx-lro");
	d->gro_hw = feature(names, features, "rx-gro-hw");
	d->vlan_strip = feature(names, features, "rx-vlan-hw-parse");
	*tx_checksum = either(feature(names, features, "tx-checksum-ip-generic"),
			      either(feature(names, features, "tx-checksum-ipv4"),
				     feature(names, features, "tx-checksum-ipv6")));
cleanup:
	free(names);
	free(features);
}

static void ask_rings(const struct asker *a, struct doctor_device *d)
{
	struct ethtool_ringparam rings = {.cmd = ETHTOOL_GRINGPARAM};

	if (!ask(a, &rings))
		return;
	d->ring = rings.rx_pending;
	d->ring_max = rings.rx_max_pending;
}

static void ask_queues(const struct asker *a, struct doctor_device *d)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (!ask(a, &channels))
		return;
	d->combined = channels.max_combined > 0;
	d->queues = channels.combined_count + channels.rx_count;
	d->queues_max = d->combined ? channels.max_combined : channels.max_rx;
}

static uint32_t count_different(const uint32_t *list, uint32_t n)
{
	uint32_t different = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t before = 0;

		while (before < i && list[before] != list[i])
			before++;
		different += before == i;
	}
	return different;
}

static void ask_rss(const struct asker *a, struct doctor_device *d)
{
	struct ethtool_rxfh_indir size = {.cmd = ETHTOOL_GRXFHINDIR}, *table;

	if (!ask(a, &size) || !size.size || size.size > MAX_INDIR)
		return;
	table = calloc(1, sizeof(*table) + size.size * sizeof(table->ring_index[0]));
	if (!table)
		return;
	table->cmd = ETHTOOL_GRXFHINDIR;
	table->size = size.size;
	if (ask(a, table))
		d->spread = count_different(table->ring_index, size.size);
	free(table);
}

void doctor_read__ethtool(struct doctor_device *d)
{
	struct asker a = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
	enum doctor_switch own_tx;

	if (a.fd < 0)
		return;
	memcpy(a.name, d->name, sizeof(a.name));
	ask_driver(&a, d);
	ask_features(&a, d, &own_tx);
	ask_rings(&a, d);
	ask_queues(&a, d);
	ask_rss(&a, d);
	if (d->peer[0]) {
		struct doctor_device peer = {0};

		memcpy(a.name, d->peer, sizeof(a.name));
		ask_features(&a, &peer, &d->peer_tx_checksum);
	}
	close(a.fd);
}
