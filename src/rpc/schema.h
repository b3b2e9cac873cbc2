/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/schema.h - the .proto files this program speaks, as it can tell others (private to rpc/).
 *
 * Made from what protoc writes (a FileDescriptorSet), which is part of the program. Read-only once
 * made. */
#pragma once

#include <stddef.h>

#include "base/map.h"
#include "base/vec.h"
#include "rpc/wire.h"

struct schema_file {
	char *name;          /* "maglev.proto" */
	struct cursor bytes; /* the FileDescriptorProto */
	VEC(char *) imports; /* names of files */
};

struct schema {
	VEC(struct schema_file *) files;
	VEC(char *) symbols;  /* "maglev.Event", "maglev.Maglev.GetVersion", …: owned */
	VEC(char *) services; /* among them; in name order */
	struct map by_name;   /* file by its name */
	struct map by_symbol; /* file by a symbol in it */
	struct map types;     /* file by a message type in it */
};

/* `set` must outlive it. Aborts when it is not what protoc writes: it is our own. */
void schema_init(struct schema *s, const uint8_t *set, size_t n);
void schema_done(struct schema *s);

extern const uint8_t rpc_schema_set[]; /* made at build time */
extern const size_t rpc_schema_set_len;
