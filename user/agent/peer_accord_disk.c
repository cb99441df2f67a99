/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer_accord_disk.c - FILE.peers: a JSON object that is replaced as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config_file.h"
#include "agent/peer_accord_state.h"
#include "core/log.h"

#define SUFFIX ".peers"
#define BESIDE ".peers-new"
#define HEX_LEN (2UL * ACCORD_BY)

static json_t *point_json(const struct accord_point *p, const char *text)
{
	char by[2 * ACCORD_BY + 1];

	for (size_t i = 0; i < ACCORD_BY; i++)
		snprintf(by + 2 * i, 3, "%02x", p->epoch.by[i]);
	return json_pack("{s:I, s:s, s:s}", "epoch", (json_int_t)p->epoch.number, "by", by, "text",
			 text);
}

char *accord_disk__format(const struct accord_record *r, bool confirm,
			  const struct held_text *decided, const struct held_text *next)
{
	json_t *o = json_pack("{s:i, s:I, s:b, s:b}", "version", 1, "last", (json_int_t)r->last,
			      "in_force", r->in_force, "confirm", confirm);
	char *text;

	if (r->decided.epoch.number && decided)
		json_object_set_new(o, "decided", point_json(&r->decided, decided->bytes));
	if (r->next.epoch.number && next)
		json_object_set_new(o, "prepared", point_json(&r->next, next->bytes));
	text = json_dumps(o, JSON_INDENT(1));
	json_decref(o);
	return text;
}

char *accord_disk__path(const char *config_path)
{
	char real[PATH_MAX];
	char *path = NULL;

	if (asprintf(&path, "%s" SUFFIX, realpath(config_path, real) ? real : config_path) < 0)
		return NULL;
	return path;
}

/* The name itself has to outlive a loss of power, too. */
static void sync_folder(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		log_warn("%s is written, but may be the one before after a loss of power: %s", path,
			 strerror(errno));
	if (fd >= 0)
		close(fd);
}

int accord_disk__write(const char *path, const char *text, struct err *err)
{
	char beside[PATH_MAX];
	int fd, rc;

	if (snprintf(beside, sizeof(beside), "%.*s" BESIDE, (int)(strlen(path) - strlen(SUFFIX)),
		     path) >= (int)sizeof(beside))
		return err__set(err, -ENAMETOOLONG, "the name %s is too long", path);
	if (unlink(beside) && errno != ENOENT)
		return err__set(err, -errno, "removing the old %s: %s", beside, strerror(errno));
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err__set(err, -errno, "making %s: %s", beside, strerror(errno));
	rc = config_file__write_all(fd, text, strlen(text));
	close(fd);
	if (!rc && rename(beside, path))
		rc = -errno;
	if (rc) {
		unlink(beside);
		return err__set(err, rc, "writing %s: %s", path, strerror(-rc));
	}
	sync_folder(path);
	return 0;
}

static bool read_by(const char *hex, uint8_t by[ACCORD_BY])
{
	if (strlen(hex) != HEX_LEN || strspn(hex, "0123456789abcdef") != HEX_LEN)
		return false;
	for (size_t i = 0; i < ACCORD_BY; i++) {
		const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};

		by[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return true;
}

/* False: it is none; no memory is treated likewise. */
static bool read_point(const json_t *o, struct accord_point *p, struct held_text *held)
{
	const char *by = json_string_value(json_object_get(o, "by")),
		   *text = json_string_value(json_object_get(o, "text"));
	json_int_t number = json_integer_value(json_object_get(o, "epoch"));

	if (!o)
		return true;
	if (!by || !text || number <= 0 || strlen(text) > ACCORD_TEXT_MAX ||
	    !read_by(by, p->epoch.by))
		return false;
	held->bytes = strdup(text);
	if (!held->bytes)
		return false;
	peer_accord__name(text, strlen(text), &held->name);
	p->epoch.number = (uint64_t)number;
	p->text = held->name;
	return true;
}

int accord_disk__read(const char *path, struct accord_record *r, bool *confirm,
		      struct held_text held[ACCORD_HELD], struct err *err)
{
	json_error_t why;
	json_t *o;
	bool ok;

	if (access(path, F_OK))
		return -ENOENT;
	o = json_load_file(path, 0, &why);
	ok = json_integer_value(json_object_get(o, "version")) == 1 &&
	     read_point(json_object_get(o, "decided"), &r->decided, &held[0]) &&
	     read_point(json_object_get(o, "prepared"), &r->next, &held[1]);
	r->last = (uint64_t)json_integer_value(json_object_get(o, "last"));
	r->in_force = json_is_true(json_object_get(o, "in_force"));
	*confirm = json_is_true(json_object_get(o, "confirm"));
	json_decref(o);
	if (ok)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		free(held[i].bytes);
		held[i] = (struct held_text){0};
	}
	*r = (struct accord_record){0};
	return err__set(
		err, -EBADMSG,
		"%s is not what an agent wrote there: this machine has forgotten which epoch it "
		"has, and takes that of its peers",
		path);
}
