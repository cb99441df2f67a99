/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_device.c - the interfaces that the program is attached to. */
#include <string.h>

#include "doctor/checks.h"
#include "plane/plane.h"

/* Frames: at 10 Gbit/s of small ones, 1024 are what comes in 70 us, a short pause of a CPU. */
#define RING 1024

typedef void device_check(const struct doctor_facts *f, const struct doctor_device *d,
			  struct doctor_report *r);

/* Of every interface that the configuration names and that there is. */
static void each(const struct doctor_facts *f, struct doctor_report *r, device_check *check)
{
	for (size_t i = 0; i < f->n_devices; i++) {
		if (f->devices[i].named && f->devices[i].exists)
			check(f, &f->devices[i], r);
	}
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

void doctor_check__interface(const struct doctor_facts *f, struct doctor_report *r)
{
	char word[DOCTOR_WORD];

	for (size_t i = 0; i < f->n_devices; i++) {
		const struct doctor_device *d = &f->devices[i];

		if (!d->named)
			continue;
		if (!d->exists) {
			doctor_report__add(
				r, DOCTOR_ERROR, "ip -br link",
				"there is no interface %s, which `interfaces` names: see "
				"those that there are, and correct the file",
				d->name);
		} else if (!d->link.up) {
			doctor_report__add(r, DOCTOR_ERROR,
					   doctor_report__command(r, "ip link set dev %s up",
								  doctor__word(d->name, word)),
					   "%s is down, or has no carrier: nothing comes in",
					   d->name);
		} else {
			doctor_report__ok(r, "%s is up, driver %s", d->name,
					  d->driver[0] ? d->driver : "unknown");
		}
	}
}

/* Why an interface that could be native is generic. */
static void judge_generic(const struct doctor_facts *f, const struct doctor_device *d,
			  struct doctor_report *r)
{
	char word[DOCTOR_WORD], socket[DOCTOR_WORD];

	doctor__word(f->agent.socket, socket);
	if (f->config->xdp_generic) {
		doctor_report__note(r, "%s: XDP is generic, as xdp_mode says", d->name);
		return;
	}
	if (d->link.is_vlan) {
		doctor_report__add(
			r, DOCTOR_WARNING, doctor__edit(f, r),
			"%s: XDP is generic, several times slower, as a VLAN device has no "
			"driver of its own: name the interface below it in `interfaces`",
			d->name);
		return;
	}
	if (d->features_known && !(d->features & DOCTOR_XDP_BASIC)) {
		doctor_report__add(
			r, DOCTOR_WARNING,
			doctor_report__command(r, "ethtool -i %s", doctor__word(d->name, word)),
			"%s: XDP is generic, several times slower: driver %s, as the device "
			"is set up now, has no native XDP",
			d->name, d->driver[0] ? d->driver : "unknown");
		return;
	}
	if (d->features_known && d->link.mtu > PLANE_PAGE_MTU &&
	    !(d->features & DOCTOR_XDP_BUFFERS)) {
		doctor_report__add(
			r, DOCTOR_WARNING,
			doctor_report__command(
				r, "ip link set dev %s mtu %d && fairlead -s %s config apply",
				doctor__word(d->name, word), PLANE_PAGE_MTU, socket),
			"%s: XDP is generic, several times slower: driver %s has native XDP, "
			"but not for frames of an MTU of %u",
			d->name, d->driver, d->link.mtu);
		return;
	}
	doctor_report__add(
		r, DOCTOR_WARNING, doctor_report__command(r, "fairlead -s %s config apply", socket),
		"%s: XDP is generic, several times slower, though %s: the log of the start "
		"says why; an apply tries again",
		d->name,
		d->features_known ? "its driver has native XDP"
				  : "the configuration wants it native");
}

static void judge_xdp(const struct doctor_facts *f, const struct doctor_device *d,
		      struct doctor_report *r)
{
	char word[DOCTOR_WORD];

	if (!d->xdp_known)
		return;
	if (d->xdp.mode == PLANE_SEEN_NONE) {
		doctor_report__add(r, f->agent.runs ? DOCTOR_ERROR : DOCTOR_NOTE,
				   doctor_report__command(r, "systemctl %s fairleadd",
							  f->agent.runs ? "restart" : "start"),
				   "%s has no XDP program%s", d->name,
				   f->agent.runs ? ", though the agent runs: nothing is steered"
						 : "");
	} else if (!d->xdp.ours && !f->plane.pins) {
		doctor_report__add(
			r, DOCTOR_ERROR,
			doctor_report__command(
				r, "ip link set dev %s %s off && systemctl restart fairleadd",
				doctor__word(d->name, word),
				d->xdp.mode == PLANE_SEEN_GENERIC ? "xdpgeneric" : "xdpdrv"),
			"%s has an XDP program that is not this instance's (id %u): nothing "
			"is steered there",
			d->name, d->xdp.id);
	} else if (d->xdp.mode == PLANE_SEEN_GENERIC) {
		judge_generic(f, d, r);
	} else {
		doctor_report__ok(r, "%s: XDP is native (driver %s)", d->name,
				  d->driver[0] ? d->driver : "unknown");
	}
}

void doctor_check__xdp(const struct doctor_facts *f, struct doctor_report *r)
{
	each(f, r, judge_xdp);
}

static void judge_offloads(const struct doctor_facts *f, const struct doctor_device *d,
			   struct doctor_report *r)
{
	char word[DOCTOR_WORD];
	size_t before = r->n;

	(void)f;
	doctor__word(d->name, word);
	if (d->lro == DOCTOR_SWITCH_ON) {
		doctor_report__add(
			r, DOCTOR_ERROR, doctor_report__command(r, "ethtool -K %s lro off", word),
			"%s joins the packets of a flow before the program sees them (LRO), "
			"and most drivers then refuse native XDP",
			d->name);
	}
	if (d->gro_hw == DOCTOR_SWITCH_ON) {
		doctor_report__add(r, DOCTOR_ERROR,
				   doctor_report__command(r, "ethtool -K %s rx-gro-hw off", word),
				   "%s joins the packets of a flow before the program sees them "
				   "(GRO in hardware)",
				   d->name);
	}
	/* A veth leaves the tag where its sender has put it. */
	if (d->vlan_strip == DOCTOR_SWITCH_ON && d->carries_vlans && !d->link.is_veth) {
		doctor_report__add(
			r, DOCTOR_WARNING,
			doctor_report__command(r, "ethtool -K %s rxvlan off", word),
			"%s takes VLAN tags off before the program sees them: what it sends "
			"on leaves in another VLAN than it came in",
			d->name);
	}
	if (r->n == before)
		doctor_report__ok(r, "%s: no offload is in the program's way", d->name);
}

void doctor_check__offloads(const struct doctor_facts *f, struct doctor_report *r)
{
	each(f, r, judge_offloads);
}

/* A veth hands on packets whose checksum their sender left to the device. */
static void judge_checksums(const struct doctor_facts *f, const struct doctor_device *d,
			    struct doctor_report *r)
{
	char word[DOCTOR_WORD];

	(void)f;
	if (!d->link.is_veth)
		return;
	if (!d->peer[0]) {
		doctor_report__note(
			r,
			"%s is a veth whose other end is in another network namespace: mind "
			"that `ethtool -K DEVICE tx off` is set there, or what processes "
			"there send has no checksum yet when it is steered",
			d->name);
	} else if (d->peer_tx_checksum == DOCTOR_SWITCH_ON) {
		doctor_report__add(
			r, DOCTOR_WARNING,
			doctor_report__command(r, "ethtool -K %s tx off",
					       doctor__word(d->peer, word)),
			"%s is a veth, and its other end %s leaves checksums to it: what "
			"processes here send by it has none yet when it is steered, and "
			"backends drop it",
			d->name, d->peer);
	} else {
		doctor_report__ok(r, "%s: the veth's other end %s makes its checksums", d->name,
				  d->peer);
	}
}

void doctor_check__checksums(const struct doctor_facts *f, struct doctor_report *r)
{
	each(f, r, judge_checksums);
}

static void judge_rings(const struct doctor_facts *f, const struct doctor_device *d,
			struct doctor_report *r)
{
	uint32_t better = lesser(RING, d->ring_max);
	char word[DOCTOR_WORD];

	(void)f;
	if (!d->ring_max)
		return;
	if (d->ring >= better) {
		doctor_report__ok(r, "%s: its rings for reception hold %u frames (of %u)", d->name,
				  d->ring, d->ring_max);
		return;
	}
	doctor_report__add(r, DOCTOR_WARNING,
			   doctor_report__command(r, "ethtool -G %s rx %u",
						  doctor__word(d->name, word), better),
			   "%s: its rings for reception hold %u frames (of %u): a burst that comes "
			   "while a CPU is busy is lost",
			   d->name, d->ring, d->ring_max);
}

void doctor_check__rings(const struct doctor_facts *f, struct doctor_report *r)
{
	each(f, r, judge_rings);
}

static void judge_queues(const struct doctor_facts *f, const struct doctor_device *d,
			 struct doctor_report *r)
{
	uint32_t cpus = f->kernel.cpus, better = lesser(cpus, d->queues_max);
	char word[DOCTOR_WORD];

	if (!d->queues || !cpus)
		return;
	if (d->queues >= cpus) {
		doctor_report__ok(r, "%s: %u queues for %u CPUs", d->name, d->queues, cpus);
		return;
	}
	if (d->queues >= better)
		doctor_report__note(
			r,
			"%s: %u queue%s for %u CPUs: the program runs on no more of them, "
			"and the device has no more queues",
			d->name, d->queues, d->queues == 1 ? "" : "s", cpus);
	else
		doctor_report__add(
			r, DOCTOR_WARNING,
			doctor_report__command(r, "ethtool -L %s %s %u",
					       doctor__word(d->name, word),
					       d->combined ? "combined" : "rx", better),
			"%s: %u queue%s for %u CPUs: the program runs on no more of them", d->name,
			d->queues, d->queues == 1 ? "" : "s", cpus);
}

void doctor_check__queues(const struct doctor_facts *f, struct doctor_report *r)
{
	each(f, r, judge_queues);
}

static void judge_rss(const struct doctor_facts *f, const struct doctor_device *d,
		      struct doctor_report *r)
{
	char word[DOCTOR_WORD];

	(void)f;
	if (!d->spread || !d->queues)
		return;
	if (d->spread >= d->queues) {
		doctor_report__ok(r, "%s spreads flows over all its %u queues", d->name, d->queues);
		return;
	}
	doctor_report__add(r, DOCTOR_WARNING,
			   doctor_report__command(r, "ethtool -X %s equal %u",
						  doctor__word(d->name, word), d->queues),
			   "%s spreads flows over %u of its %u queues only (RSS)", d->name,
			   d->spread, d->queues);
}

void doctor_check__rss(const struct doctor_facts *f, struct doctor_report *r)
{
	each(f, r, judge_rss);
}

static void judge_interrupts(const struct doctor_facts *f, const struct doctor_device *d,
			     struct doctor_report *r)
{
	if (!d->interrupts)
		return;
	if (d->interrupts == 1 || f->kernel.cpus == 1 || d->interrupt_cpus > 1) {
		doctor_report__ok(r, "%s: its %u interrupt%s served by %u CPU%s", d->name,
				  d->interrupts, d->interrupts == 1 ? " is" : "s are",
				  d->interrupt_cpus, d->interrupt_cpus == 1 ? "" : "s");
		return;
	}
	doctor_report__add(
		r, DOCTOR_WARNING,
		doctor_report__command(r, "systemctl %s irqbalance",
				       f->irqbalance ? "restart" : "start"),
		"%s: all its %u interrupts are served by one CPU, so the program runs on "
		"one (irqbalance %s)",
		d->name, d->interrupts,
		f->irqbalance ? "runs, and leaves them there" : "does not run");
}

void doctor_check__interrupts(const struct doctor_facts *f, struct doctor_report *r)
{
	each(f, r, judge_interrupts);
}
