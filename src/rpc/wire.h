/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/wire.h - walking over encoded messages (protocol buffers encoding; private to rpc/).
 *
 * A cursor shrinks from its front as things are taken from it. Nothing is copied. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Wire types. 3 and 4 (groups) are not part of proto3. */
enum wire { WIRE_VARINT = 0, WIRE_I64 = 1, WIRE_LEN = 2, WIRE_I32 = 5 };

struct cursor {
	const uint8_t *p;
	size_t n;
};

struct wire_field {
	unsigned number;
	unsigned wire;
	uint64_t varint;     /* with WIRE_VARINT */
	struct cursor bytes; /* with WIRE_LEN */
};

/* Take the next field; false when what is there is no field. The cursor must not be empty. */
bool wire_take(struct cursor *c, struct wire_field *ret);
