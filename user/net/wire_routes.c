/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire_routes.c - rtnetlink messages about the agent's own routes: made and read. */
#include <errno.h>
#include <string.h>

#include "net/internal.h"
#include "net/routes.h"

/* A prefix's length in its own family: struct addr_prefix counts in 128 bits. */
static uint8_t family_len(const struct addr_prefix *p)
{
	return addr__is4(&p->addr) ? p->len - 96 : p->len;
}

struct nlmsghdr *net_wire__set_route(char *buf, bool add, uint32_t table,
				     const struct addr_prefix *to)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	size_t len;
	const uint8_t *raw = addr__bytes(&to->addr, &len);

	nlh->nlmsg_type = add ? RTM_NEWROUTE : RTM_DELROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	rtm->rtm_family = (uint8_t)addr__family(&to->addr);
	rtm->rtm_dst_len = family_len(to);
	rtm->rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC;
	rtm->rtm_protocol = NET_ROUTES_PROTOCOL;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_BLACKHOLE;
	mnl_attr_put(nlh, RTA_DST, len, raw);
	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	return nlh;
}

struct nlmsghdr *net_wire__ask_own_routes(char *buf, int family, uint32_t table)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	rtm->rtm_family = (uint8_t)family;
	rtm->rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC;
	rtm->rtm_protocol = NET_ROUTES_PROTOCOL;
	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	return nlh;
}

int net_wire__own_route(const struct nlmsghdr *nlh, uint32_t table, struct addr_prefix *out)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct addr_prefix to = {0};
	const struct nlattr *attr;
	uint32_t in_table;
	bool v4;

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) ||
	    rtm->rtm_protocol != NET_ROUTES_PROTOCOL || rtm->rtm_type != RTN_BLACKHOLE)
		return -EINVAL;
	v4 = rtm->rtm_family == AF_INET;
	if (rtm->rtm_dst_len > (v4 ? 32 : 128))
		return -EINVAL;
	in_table = rtm->rtm_table;
	to.addr = addr__from_bytes(rtm->rtm_family, (const uint8_t[16]){0});
	to.len = v4 ? rtm->rtm_dst_len + 96 : rtm->rtm_dst_len;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		size_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == RTA_TABLE && len == sizeof(in_table))
			in_table = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_DST && len == (v4 ? 4 : 16))
			to.addr = addr__from_bytes(rtm->rtm_family, mnl_attr_get_payload(attr));
	}
	if (in_table != table)
		return -EINVAL;
	*out = to;
	return 0;
}
