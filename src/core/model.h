/* SPDX-License-Identifier: Apache-2.0 */
/* core/model.h - the configuration as the program sees it, and the words everybody shares.
 *
 * A struct config is built whole by config/, checked, and immutable from then on. All arrays are
 * sorted by name (bytewise). Health checks are reference-counted on their own, because probe
 * threads keep using one for as long as a target needs it and because a reload keeps the old object
 * where nothing changed. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/dur.h"

#define NAME_MAX_BYTES 255
#define WEIGHT_MAX     100

enum hc_type { HC_ICMP, HC_TCP, HC_HTTP, HC_HTTPS, HC_TYPE_N };
const char *hc_type_name(enum hc_type t); /* "icmp", "tcp", "http", "https" */

enum vip_proto {
	PROTO_ANY = 255,
	PROTO_TCP = 6,
	PROTO_UDP = 17
};                                     /* IANA numbers, as VPP has them */
const char *vip_proto_name(uint8_t p); /* "tcp", "udp", "any"; another number: "?" */

/* Accepted status codes, one bit each for 100..599. */
struct code_set {
	uint64_t bits[8]; /* bit (code - 100) */
};
static inline bool code_set_has(const struct code_set *c, int code)
{
	return code >= 100 && code < 600 && (c->bits[(code - 100) >> 6] >> ((code - 100) & 63) & 1);
}
static inline void code_set_add(struct code_set *c, int code)
{
	c->bits[(code - 100) >> 6] |= UINT64_C(1) << ((code - 100) & 63);
}

struct healthcheck {
	_Atomic int refs;
	char *name;
	enum hc_type type;
	uint16_t port; /* 0 for icmp */
	dur_ns interval, fast_interval, down_interval, timeout;
	int rise, fall;
	struct addr src4, src6; /* family ADDR_NONE when unset */
	bool reuse_connection;  /* http, https */
	/* http, https */
	char *path;          /* "/" by default */
	char *host;          /* as written; NULL: made from the backend's address */
	char *response_code; /* as written, "200" by default */
	struct code_set codes;
	char *regexp; /* NULL: the body is not looked at */
	/* https, tcp with ssl */
	bool ssl;          /* tcp's switch; true for https */
	char *server_name; /* as written, NULL when not */
	bool insecure_skip_verify;
};

struct healthcheck *healthcheck_new(void); /* zeroed, one reference */
struct healthcheck *healthcheck_ref(struct healthcheck *hc);
void healthcheck_unref(struct healthcheck *hc); /* NULL is fine; any thread */
/* Same in everything but the name (a rename probes nothing differently)? */
bool healthcheck_same(const struct healthcheck *a, const struct healthcheck *b);
static inline int healthcheck_counter_max(const struct healthcheck *hc)
{
	return hc ? hc->rise + hc->fall - 1 : 1; /* a static backend has rise = fall = 1 */
}

struct backend_conf {
	char *name;
	struct addr addr;
	struct healthcheck *check; /* owned reference; NULL: static, always up */
	bool enabled;
};

struct member_conf {
	uint32_t backend; /* index into config.backends */
	int weight;       /* 0..WEIGHT_MAX */
};

struct pool_conf {
	char *name;
	struct member_conf *members; /* in the backends' name order */
	size_t n_members;
};

struct frontend_conf {
	char *name, *description; /* description "" when unset */
	struct addr addr;
	uint8_t proto;           /* enum vip_proto */
	uint16_t port;           /* 0: all ports, then proto is PROTO_ANY */
	struct pool_conf *pools; /* in priority order */
	size_t n_pools;
	bool src_ip_sticky, flush_on_down;
	uint32_t flow_table_length;
	uint8_t backend_family; /* enum addr_family of all its backends */
};

struct vpp_conf {
	struct addr src4, src6;
	dur_ns sync_interval;
	uint32_t sticky_buckets_per_core;
	dur_ns flow_timeout; /* whole seconds */
	dur_ns startup_min_delay, startup_max_delay;
};

struct config {
	int transition_history;
	char *netns; /* NULL when unset */
	struct vpp_conf vpp;
	struct healthcheck **checks;
	size_t n_checks;
	struct backend_conf *backends;
	size_t n_backends;
	struct frontend_conf *frontends;
	size_t n_frontends;
};

struct config *config_new(void);
void config_free(struct config *c); /* NULL and half-built objects are fine */
/* Index by name, or -1. O(log n). */
long config_find_check(const struct config *c, const char *name);
long config_find_frontend(const struct config *c, const char *name);
