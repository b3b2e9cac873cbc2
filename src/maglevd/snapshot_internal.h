/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/snapshot_internal.h - what taking a snapshot and writing it out share. */
#pragma once

#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"
#include "base/vec.h"
#include "maglevd/counters.h"
#include "lbsync/lbcounters.h"
#include "maglevd/snapshot.h"

#define SNAPSHOT_NO_STRING UINT32_MAX

struct snapshot_backend {
	uint32_t name, check; /* offsets into strings; SNAPSHOT_NO_STRING: static */
	const char *type;     /* a literal */
	struct addr addr;
	bool enabled;
	uint8_t state; /* enum health_state */
	int health;
	wall_ns cert_not_after; /* 0: no TLS handshake so far */
	struct backend_counters counters;
};

struct snapshot_frontend {
	uint32_t name;
	uint8_t state; /* enum frontend_state */
	size_t first_member, n_members;
};

struct snapshot_member {
	uint32_t backend; /* index into backends */
	uint32_t pool;    /* offset of its name */
	uint8_t weight, effective;
};

struct snapshot {
	struct metrics_content content;
	uint64_t layout; /* of the fleet when it was begun; 0: not begun */
	wall_ns at;
	struct str strings; /* NUL-terminated, one after the other */

	struct snapshot_backend *backends; /* in name order */
	size_t n_backends, n_frontends;    /* taken so far */
	uint32_t *by_id;                   /* fleet's number -> index into backends; while taking */
	struct snapshot_frontend *frontends;
	VEC(struct snapshot_member) members;
	VEC(uint32_t) pools; /* scratch: name offsets of one frontend's */

	struct lateness_counters lateness;
	struct lbcounters_vip *vips;
	size_t n_vips;
	struct metrics_rows rows; /* all other families */
};

/* content.write: see metrics/http.h. */
bool snapshot_write(const struct metrics_content *c, struct metrics_pos *pos, struct exposition *x);
