/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seats.c - the pinned rows of a service's seats, so that the next agent computes the same tables.
 *
 * An array with a row for each seat is filled and pinned beside the one that is there, `<id>_next`, and
 * later put into its place by rename(2): an agent that is killed leaves the one or the other, whole. No
 * fd is kept: the pins hold the arrays.
 */
#include "plane/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void pin_path(const struct plane *p, uint32_t id, const char *suffix, char *buf)
{
	char name[32];

	snprintf(name, sizeof(name), "%u%s", id, suffix);
	plane_pins__path(buf, PLANE_PATH_LEN, p->instance, PLANE_SEATS, name);
}

/*
 * What a row is, for `bpftool map dump` to print it. The object has no such type, as no program reads
 * it; a kernel that does not take this has bpftool print bytes.
 */
static struct btf *describe(void)
{
	struct btf *b = btf__new_empty();
	int u32, text, name, holder, row;

	if (!b)
		return NULL;
	u32 = btf__add_int(b, "__u32", sizeof(__u32), 0);
	text = btf__add_int(b, "char", 1, BTF_INT_SIGNED);
	name = btf__add_array(b, u32, text, FL_SEAT_LEN);
	holder = btf__add_array(b, u32, text, FL_ID_LEN);
	row = btf__add_struct(b, "fl_seat", sizeof(struct fl_seat));
	btf__add_field(b, "name", name, 8 * offsetof(struct fl_seat, name), 0);
	btf__add_field(b, "holder", holder, 8 * offsetof(struct fl_seat, holder), 0);
	btf__add_field(b, "weight", u32, 8 * offsetof(struct fl_seat, weight), 0);
	btf__add_field(b, "epoch", u32, 8 * offsetof(struct fl_seat, epoch), 0);
	if (row < 0 || btf__load_into_kernel(b)) {
		btf__free(b);
		return NULL;
	}
	return b;
}

static int make(struct plane *p, uint32_t id, uint32_t n)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	char name[16];

	if (!p->seat_btf)
		p->seat_btf = describe();
	if (p->seat_btf) {
		opts.btf_fd = (__u32)btf__fd(p->seat_btf);
		opts.btf_key_type_id =
			(__u32)btf__find_by_name_kind(p->seat_btf, "__u32", BTF_KIND_INT);
		opts.btf_value_type_id =
			(__u32)btf__find_by_name_kind(p->seat_btf, "fl_seat", BTF_KIND_STRUCT);
	}
	snprintf(name, sizeof(name), "seats_%u", id);
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(__u32), sizeof(struct fl_seat), n,
			      &opts);
}

int plane__seats_stage(struct plane *p, uint32_t id, const struct fl_seat *rows, size_t n,
		       uint32_t epoch, struct err *err)
{
	char path[PLANE_PATH_LEN];
	int fd = make(p, id, n ? (uint32_t)n : 1), rc = 0;

	if (fd < 0)
		return err__set(err, fd, "cannot make an array of %zu seats: %s", n, strerror(-fd));
	for (__u32 i = 0; i < n || !i; i++) {
		struct fl_seat row = {0};

		if (n)
			row = rows[i];
		row.epoch = epoch;
		if (bpf_map_update_elem(fd, &i, &row, BPF_ANY)) {
			rc = err__set(err, -errno, "cannot write seat %u: %s", i, strerror(errno));
			goto cleanup;
		}
	}
	pin_path(p, id, "_next", path);
	/* Left by an agent that was killed before they were in use. */
	unlink(path);
	if (bpf_obj_pin(fd, path))
		rc = err__set(err, -errno, "cannot pin the seats at %s: %s", path, strerror(errno));
cleanup:
	close(fd);
	return rc;
}

int plane__seats_commit(struct plane *p, uint32_t id, struct err *err)
{
	char from[PLANE_PATH_LEN], to[PLANE_PATH_LEN];

	pin_path(p, id, "_next", from);
	pin_path(p, id, "", to);
	if (rename(from, to))
		return err__set(err, -errno, "cannot rename the seats %s to %s: %s", from, to,
				strerror(errno));
	return 0;
}

void plane__seats_drop(struct plane *p, uint32_t id)
{
	char path[PLANE_PATH_LEN];

	pin_path(p, id, "_next", path);
	unlink(path);
}

static int read_rows(int fd, struct fl_seat **out, size_t *n, uint32_t *epoch)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);
	struct fl_seat *rows;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != sizeof(*rows))
		return -EINVAL;
	rows = calloc(info.max_entries, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	*n = 0;
	for (__u32 i = 0; i < info.max_entries; i++) {
		if (bpf_map_lookup_elem(fd, &i, &rows[*n])) {
			int rc = -errno;

			free(rows);
			return rc;
		}
		*epoch = rows[*n].epoch;
		*n += rows[*n].name[0] != '\0';
	}
	*out = rows;
	return 0;
}

int plane__seats_read(const struct plane *p, uint32_t id, struct fl_seat **out, size_t *n,
		      uint32_t *epoch, struct err *err)
{
	char path[PLANE_PATH_LEN];
	int fd, rc;

	pin_path(p, id, "", path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT
				       : err__set(err, -errno, "cannot open the seats %s: %s", path,
						  strerror(errno));
	rc = read_rows(fd, out, n, epoch);
	close(fd);
	return rc ? err__set(err, rc, "cannot read the seats %s: %s", path, strerror(-rc)) : 0;
}

void plane_seats__free(struct plane *p, uint32_t id)
{
	char path[PLANE_PATH_LEN];

	plane__seats_drop(p, id);
	pin_path(p, id, "", path);
	unlink(path);
}
