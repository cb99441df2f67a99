/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/pair.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net/internal.h"

#define MTU 9216 /* bytes; a probe is never larger than the way to its backend */

static struct nlmsghdr *begin(char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return nlh;
}

static struct nlmsghdr *begin_link(char *buf, uint16_t type, uint16_t flags, uint32_t ifindex)
{
	struct nlmsghdr *nlh = begin(buf, type, flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = (int)ifindex;
	return nlh;
}

static int make_link(struct net_ask *a, const struct net_pair *p)
{
	char buf[NET_BUF];
	struct nlmsghdr *nlh = begin_link(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	struct nlattr *info, *data, *peer;

	mnl_attr_put_strz(nlh, IFLA_IFNAME, p->near);
	mnl_attr_put(nlh, IFLA_ADDRESS, 6, p->mac);
	mnl_attr_put_u32(nlh, IFLA_MTU, MTU);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, p->far);
	mnl_attr_put_u32(nlh, IFLA_MTU, MTU);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return net_ask__change(a, nlh);
}

static int set_flags(struct net_ask *a, uint32_t ifindex, unsigned int flags)
{
	char buf[NET_BUF];
	struct nlmsghdr *nlh = begin_link(buf, RTM_NEWLINK, 0, ifindex);
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	ifi->ifi_flags = ifi->ifi_change = flags;
	return net_ask__change(a, nlh);
}

/* XDP sees packets before a device would complete their checksums, and wants them one by one. */
static int complete_checksums(const char *name)
{
	struct ethtool_value off = {.cmd = ETHTOOL_STXCSUM};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;
	struct ifreq r = {.ifr_data = (char *)&off};

	if (fd < 0)
		return -errno;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(fd, SIOCETHTOOL, &r))
		rc = -errno;
	close(fd);
	return rc;
}

static int remove_link(struct net_ask *a, const char *name)
{
	uint32_t ifindex = if_nametoindex(name);
	char buf[NET_BUF];

	return ifindex ? net_ask__change(a, begin_link(buf, RTM_DELLINK, 0, ifindex)) : 0;
}

int net_pair__make(struct net_pair *p, struct err *err)
{
	struct net_ask a = {0};
	int rc = net_ask__open(&a, err);

	if (rc)
		return rc;
	rc = remove_link(&a, p->near);
	if (!rc)
		rc = make_link(&a, p);
	if (rc) {
		net_ask__close(&a);
		return err__set(err, rc, "cannot make the pair of devices %s and %s: %s", p->near,
				p->far, strerror(-rc));
	}
	p->near_ifindex = if_nametoindex(p->near);
	p->far_ifindex = if_nametoindex(p->far);
	rc = complete_checksums(p->near);
	if (!rc)
		rc = set_flags(&a, p->near_ifindex, IFF_UP | IFF_NOARP);
	if (!rc)
		rc = set_flags(&a, p->far_ifindex, IFF_UP);
	if (rc) {
		err__set(err, rc, "cannot set up the pair of devices %s and %s: %s", p->near,
			 p->far, strerror(-rc));
		remove_link(&a, p->near);
	}
	net_ask__close(&a);
	return rc;
}

int net_pair__route(const struct net_pair *p, const struct addr_prefix *to, struct err *err)
{
	bool v4 = addr__is4(&to->addr);
	char buf[NET_BUF], text[ADDR_PREFIX_STRLEN];
	struct nlmsghdr *nlh = begin(buf, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct net_ask a = {0};
	const uint8_t *bytes;
	size_t len;
	int rc;

	bytes = addr__bytes(&to->addr, &len);
	rtm->rtm_family = (unsigned char)addr__family(&to->addr);
	rtm->rtm_dst_len = (unsigned char)(v4 ? to->len - 96 : to->len);
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = RT_SCOPE_LINK;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put(nlh, RTA_DST, len, bytes);
	mnl_attr_put_u32(nlh, RTA_OIF, p->near_ifindex);
	rc = net_ask__open(&a, err);
	if (rc)
		return rc;
	rc = net_ask__change(&a, nlh);
	net_ask__close(&a);
	if (rc)
		return err__set(err, rc, "cannot route %s to the device %s: %s%s",
				addr_prefix__format(to, text), p->near, strerror(-rc),
				rc == -EEXIST ? ", by a route that is not fairlead's" : "");
	return 0;
}

int net_pair__remove(const char *near, struct err *err)
{
	struct net_ask a = {0};
	int rc = net_ask__open(&a, err);

	if (rc)
		return rc;
	rc = remove_link(&a, near);
	net_ask__close(&a);
	return rc ? err__set(err, rc, "cannot remove the device %s: %s", near, strerror(-rc)) : 0;
}
