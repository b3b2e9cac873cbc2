/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/catalog.h - a list of a maglevd's objects: in its order, and by name (pure).
 *
 * Holds copies of messages (frontends, backends), with a hash of each by which it is seen whether a
 * newer one says anything new. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"

struct object {
	ProtobufCMessage *msg; /* owned */
	const char *name;      /* inside msg */
	uint64_t hash;
	bool dirty;   /* the owner's mark */
	bool changed; /* by the last catalog_load: it is new, or says something new */
};

struct catalog {                  /* {0} is empty */
	VEC(struct object *) all; /* in the daemon's order */
	struct map by_name;
};

typedef const char *catalog_name_fn(const ProtobufCMessage *m);

/* Copy of a message; freed with protobuf_c_message_free_unpacked(m, NULL). */
ProtobufCMessage *catalog_copy(const ProtobufCMessage *m);
/* Do two messages of one type say the same? NULL equals NULL alone. */
bool catalog_same(const ProtobufCMessage *a, const ProtobufCMessage *b);

/* What there is now: these and no others, in this order (a name that comes twice counts once).
 * Returns whether names came, went, or changed places. Marks go with their objects. */
bool catalog_load(struct catalog *c, ProtobufCMessage *const *msgs, size_t n,
		  catalog_name_fn *name);
/* A newer message of an object that is in it. Returns whether it says something new; false, too,
 * when it is of none. */
bool catalog_put(struct catalog *c, const char *name, const ProtobufCMessage *m,
		 catalog_name_fn *name_of);
struct object *catalog_get(const struct catalog *c, const char *name); /* NULL: not in it */
void catalog_rehash(struct object *o); /* after its message was changed in place */
void catalog_done(struct catalog *c);
