/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_xdp.c - what drivers can do with XDP, by the kernel's "netdev" family (Linux 6.3;
 * Documentation/netlink/specs/netdev.yaml). Its numbers stand here, since the headers that a system is
 * built with are often older than its kernel.
 */
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/time.h>

#include "doctor/read.h"

#define NETDEV_FAMILY "netdev"
#define NETDEV_VERSION 1
#define NETDEV_DEV_GET 1 /* command */
#define NETDEV_IFINDEX 1 /* attributes of a device */
#define NETDEV_XDP_FEATURES 3

#define PATIENCE_US 200000

struct asker {
	struct mnl_socket *socket;
	unsigned int seq;
	char buf[8192];
};

static struct nlmsghdr *request(struct asker *a, uint16_t family, uint8_t command)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(a->buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++a->seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = NETDEV_VERSION;
	return nlh;
}

/* Feeds the answer to cb; 0 or negative. */
static int ask(struct asker *a, struct nlmsghdr *nlh, mnl_cb_t cb, void *ctx)
{
	unsigned int port = mnl_socket_get_portid(a->socket), seq = nlh->nlmsg_seq;
	ssize_t len;
	int rc = MNL_CB_OK;

	if (mnl_socket_sendto(a->socket, nlh, nlh->nlmsg_len) < 0)
		return -1;
	while (rc > MNL_CB_STOP) {
		len = mnl_socket_recvfrom(a->socket, a->buf, sizeof(a->buf));
		if (len <= 0)
			return -1;
		rc = mnl_cb_run(a->buf, (size_t)len, seq, port, cb, ctx);
	}
	return rc;
}

static int on_family(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
			*(uint16_t *)ctx = mnl_attr_get_u16(attr);
	}
	return MNL_CB_OK;
}

static uint16_t find_family(struct asker *a)
{
	struct nlmsghdr *nlh = request(a, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	uint16_t family = 0;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NETDEV_FAMILY);
	return ask(a, nlh, on_family, &family) < 0 ? 0 : family;
}

static int on_device(const struct nlmsghdr *nlh, void *ctx)
{
	struct doctor_device *d = ctx;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attr) != NETDEV_XDP_FEATURES ||
		    mnl_attr_validate(attr, MNL_TYPE_U64) < 0)
			continue;
		d->features = mnl_attr_get_u64(attr);
		d->features_known = true;
	}
	return MNL_CB_OK;
}

void doctor_read__features(struct doctor_facts *f)
{
	struct timeval patience = {.tv_usec = PATIENCE_US};
	struct asker a = {.socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC)};
	uint16_t family;

	if (!a.socket)
		return;
	family = mnl_socket_bind(a.socket, 0, MNL_SOCKET_AUTOPID) ||
				 setsockopt(mnl_socket_get_fd(a.socket), SOL_SOCKET, SO_RCVTIMEO,
					    &patience, sizeof(patience))
			 ? 0
			 : find_family(&a);
	for (size_t i = 0; family && i < f->n_devices; i++) {
		struct doctor_device *d = &f->devices[i];
		struct nlmsghdr *nlh;

		if (!d->exists)
			continue;
		nlh = request(&a, family, NETDEV_DEV_GET);
		mnl_attr_put_u32(nlh, NETDEV_IFINDEX, d->link.ifindex);
		ask(&a, nlh, on_device, d);
	}
	mnl_socket_close(a.socket);
}
