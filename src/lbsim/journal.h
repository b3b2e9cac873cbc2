/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/journal.h - what was asked of the simulator, one JSON object a line.
 *
 *   {"time":"…Z","client":"vpp-maglev","client_index":2147483649,"call":"lb_as_set_weight",
 *    "fields":{"pfx":"192.0.2.80/32",…},"retval":0}
 *
 * Fields have the names of VPP's .api files. "injected":true marks a refusal that a test ordered
 * and the plugin never saw; "retval" is absent where the answer has none (dumps). Each line is one
 * write(2), there when the answer is sent. The file is appended to, so it survives a restart. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/dur.h"
#include "base/err.h"
#include "base/log.h"

struct journal;

struct journal_entry {
	wall_ns at;
	const char *client; /* the name it gave; "" before the handshake */
	uint32_t client_index;
	const char *call;
	const struct log_attr *fields;
	size_t n_fields;
	bool has_retval, injected;
	int32_t retval;
};

/* NULL with `err`. Heap; journal_free. */
struct journal *journal_open(const char *path, struct err *err);
void journal_free(struct journal *j);
/* 0 or -errno with `err` (disk full and the like). */
int journal_add(struct journal *j, const struct journal_entry *e, struct err *err);
