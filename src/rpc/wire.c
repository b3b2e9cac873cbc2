/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/wire.h"

static bool take_varint(struct cursor *c, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70 && c->n > 0; shift += 7) {
		uint8_t b = *c->p++;
		c->n--;
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static bool take_bytes(struct cursor *c, uint64_t n, struct cursor *ret)
{
	if (n > c->n)
		return false;
	*ret = (struct cursor){ c->p, (size_t)n };
	c->p += n;
	c->n -= (size_t)n;
	return true;
}

static bool take_value(struct cursor *c, struct wire_field *f)
{
	uint64_t n;
	struct cursor skipped;

	switch (f->wire) {
	case WIRE_VARINT:
		return take_varint(c, &f->varint);
	case WIRE_I64:
		return take_bytes(c, 8, &skipped);
	case WIRE_I32:
		return take_bytes(c, 4, &skipped);
	case WIRE_LEN:
		return take_varint(c, &n) && take_bytes(c, n, &f->bytes);
	default:
		return false;
	}
}

bool wire_take(struct cursor *c, struct wire_field *ret)
{
	uint64_t key;

	if (!take_varint(c, &key) || key > UINT32_MAX || key >> 3 == 0)
		return false;
	*ret = (struct wire_field){ .number = (unsigned)(key >> 3), .wire = (unsigned)(key & 7) };
	return take_value(c, ret);
}
