/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.h - how a service's backends are probed, as the file says it.
 *
 * One struct for all kinds: a key that several kinds have means the same in each, and schema_probe.c
 * says which kinds have it. What a kind has not is NULL or its default, so that two probes can be
 * compared, copied and freed by walking the table of keys.
 */
#ifndef FAIRLEAD_CONFIG_PROBE_H
#define FAIRLEAD_CONFIG_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_probe_kind {
	CONFIG_PROBE_TCP,
	CONFIG_PROBE_TLS,
	CONFIG_PROBE_HTTP,
	CONFIG_PROBE_HTTPS,
	CONFIG_PROBE_GRPC,
	CONFIG_PROBE_DNS,
	CONFIG_PROBE_UDP,
	CONFIG_PROBE_ICMP,
	CONFIG_PROBE_EXEC,
	CONFIG_PROBE_SCRIPT,
	CONFIG_PROBE_SMTP,
	CONFIG_PROBE_LDAP,
	CONFIG_PROBE_REDIS,
	CONFIG_PROBE_MYSQL,
	CONFIG_PROBE_POSTGRES,
	CONFIG_PROBE_ZOOKEEPER,
	CONFIG_PROBE_KAFKA,
	CONFIG_PROBE_ELASTICSEARCH,
	CONFIG_PROBE_DUBBO,
	CONFIG_PROBE_MEMCACHED,
	CONFIG_PROBE_MQTT,
	CONFIG_PROBE_KINDS, /* how many there are */
};

/* What a backend must be in its group; which of them a kind knows: config_probe__has_role(). */
enum config_role {
	CONFIG_ROLE_ANY,
	CONFIG_ROLE_MASTER, /* takes writes; "primary" is the same */
	CONFIG_ROLE_REPLICA,
	CONFIG_ROLE_LEADER,
	CONFIG_ROLE_FOLLOWER,
	CONFIG_ROLE_STANDALONE,
	CONFIG_ROLE_CONTROLLER,
	CONFIG_ROLE_DATA,
};

#define CONFIG_EXEC_WORDS 64 /* of the command of an exec probe, and variables of it, at most */

#define CONFIG_SENTINELS 16 /* of a redis probe, at most */

#define CONFIG_SEND_MAX 4096 /* bytes that a script sends in a row, at most */

/* A list of texts, in the order of the file. */
struct config_words {
	char **list;
	size_t n;
};

/* Bytes that may hold any value; data NULL: not given. */
struct config_bytes {
	uint8_t *data;
	size_t len;
};

/* One step of a conversation: bytes to send, or bytes that must come. */
struct config_step {
	bool expect;
	struct config_bytes bytes;
};

struct config_steps {
	struct config_step *list;
	size_t n;
};

/* Durations in milliseconds. */
struct config_probe {
	enum config_probe_kind kind; /* default tcp */
	uint32_t interval_ms; /* between probes of a settled backend; 10..3600000, default 2000 */
	uint32_t fast_interval_ms; /* while rise/fall is being counted; default interval / 4 */
	uint32_t timeout_ms; /* of one probe; 1..60000, default 1000 */
	uint32_t rise; /* successes in a row that make DOWN into UP; 1..100, default 2 */
	uint32_t fall; /* failures in a row that make UP into DOWN; 1..100, default 3 */
	uint32_t jitter_pct; /* each interval varies by up to +-this; 0..50, default 10 */
	uint16_t port; /* 0: the backend's port, or else the service's */
	bool by_path; /* via: path, to the VIP as clients' packets go; default false */

	/* TLS */
	bool tls; /* kinds that can do without; default false */
	bool starttls; /* TLS begins within the conversation; `tls` is true then, too */
	bool verify; /* the chain and the name of the certificate; default true */
	char *sni; /* the name asked for and verified; NULL: none asked, the address is verified */
	char *ca_file; /* PEM; NULL: the system's */
	char *cert_file, *key_file; /* PEM, the client's own; NULL: none */
	uint32_t
		expiry_warning_ms; /* warn when the certificate ends sooner; 0: never; default 14 d */

	/* HTTP and what is built on it */
	char *method; /* default GET */
	char *path; /* default "/" */
	char *host; /* Host header; NULL: the backend's address */
	struct config_words headers; /* "Name: value" */
	char *body; /* substring that the body must hold (first 64 KiB of it); NULL: any body */
	char *body_regex; /* POSIX extended; likewise */
	uint16_t status_min; /* default 200 */
	uint16_t status_max; /* default 399 */
	bool http2; /* default false */

	/* Names: what is asked for */
	char *service; /* grpc: of the health protocol; NULL: the server as a whole */
	char *name; /* dns: the name asked for; smtp: how we call ourselves */
	char *record; /* dns: "A", "AAAA", ...; default A */
	char *answer; /* dns: an answer must be this; NULL: any */
	bool over_tcp; /* dns: by TCP; default false */

	/* Conversations */
	struct config_bytes send, expect; /* udp */
	struct config_steps steps; /* script */
	struct config_words command; /* exec: program and arguments */
	struct config_words env; /* exec: "NAME=value", beside the probe's own */
	bool weight; /* exec: its last line gives the weight; default false */

	/* Who we are, and what the server must be */
	char *user, *password_file, *password_env; /* the last two name where the secret is */
	char *database;
	enum config_role role; /* default any */
	uint32_t max_lag_ms; /* a replica may be behind its master by; 0 (default): by any time */
	struct config_words sentinels; /* redis: "address:port" of those whose word counts */
	char *master_name; /* redis: what sentinels call the group */
	char *color; /* elasticsearch: "green" or "yellow", the worst that will do; default yellow */
};

/*
 * A total order of what is asked and when: 0 when two probes of one target would be the same probe.
 * `rise` and `fall` are no part of it: they say what the answers mean.
 */
int config_probe__compare(const struct config_probe *a, const struct config_probe *b);

/* Hands each value of the probe to `feed`, as bytes that are the same on every machine for equal probes. */
typedef void config_feed_cb(void *ctx, const void *bytes, size_t len);
void config_probe__feed(const struct config_probe *p, config_feed_cb *feed, void *ctx);

/* A deep copy; 0 or -ENOMEM, `to` untouched then. config_probe__clear() frees what it holds. */
int config_probe__copy(const struct config_probe *from, struct config_probe *to);
void config_probe__clear(struct config_probe *p);

/* Whether the kind needs a port of the target: not icmp and exec. */
bool config_probe_kind__has_port(enum config_probe_kind kind);

/* The protocol that the probe speaks, IPPROTO_TCP or IPPROTO_UDP; 0: neither. */
uint8_t config_probe__proto(const struct config_probe *p);

/* Whether a probe of this kind can tell that role. */
bool config_probe_kind__has_role(enum config_probe_kind kind, enum config_role role);

/* As they are written in the file: "tcp", "master". */
const char *config_probe_kind__name(enum config_probe_kind kind);
const char *config_role__name(enum config_role role);

#endif
