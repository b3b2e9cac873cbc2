/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding in two steps: a walk over the wire format that looks at strings and depth only, then
 * protobuf-c, which checks the rest. Encoding packs first and walks the result the same way; only
 * when that finds a bad string (never, on a good day) is the message copied and mended. */
#include "rpc/message.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "rpc/wire.h"

static int malformed(struct err *e, const ProtobufCMessageDescriptor *d)
{
	return err_set(e, -EBADMSG, "the request is no valid %s", d->name);
}

static int check_string(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f,
			const struct cursor *c, struct err *e)
{
	if (memchr(c->p, 0, c->n))
		return err_set(e, -EILSEQ, "%s.%s holds a NUL byte", d->name, f->name);
	if (!utf8_valid((const char *)c->p, c->n))
		return err_set(e, -EILSEQ, "%s.%s is not valid UTF-8", d->name, f->name);
	return 0;
}

static int check_message(const ProtobufCMessageDescriptor *d, struct cursor c, int depth,
			 struct err *e)
{
	while (c.n > 0) {
		struct wire_field value;
		int r = 0;

		if (!wire_take(&c, &value))
			return malformed(e, d);
		const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(
			d, value.number);
		if (!f || value.wire != WIRE_LEN)
			continue;
		if (f->type == PROTOBUF_C_TYPE_STRING)
			r = check_string(d, f, &value.bytes, e);
		else if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			r = depth > 1 ? check_message(f->descriptor, value.bytes, depth - 1, e)
				      : malformed(e, d);
		if (r)
			return r;
	}
	return 0;
}

int rpc_message_decode(const ProtobufCMessageDescriptor *d, const uint8_t *p, size_t n,
		       ProtobufCMessage **ret, struct err *e)
{
	ProtobufCMessage *m;
	int r = check_message(d, (struct cursor){ p, n }, RPC_MESSAGE_DEPTH_MAX, e);

	if (r)
		return r;
	m = protobuf_c_message_unpack(d, NULL, n, p);
	if (!m)
		return malformed(e, d);
	*ret = m;
	return 0;
}

/* ---- encoding */

/* U+FFFD for every byte that belongs to no character. */
static char *mended(const char *s)
{
	struct str out = { 0 };
	size_t n = strlen(s);

	while (n > 0) {
		unsigned cp;
		size_t len = utf8_decode(s, n, &cp);
		if (len)
			str_add_n(&out, s, len);
		else
			str_add(&out, "\xef\xbf\xbd");
		s += len ? len : 1;
		n -= len ? len : 1;
	}
	return str_take(&out);
}

static void mend_string(char **s)
{
	if (!*s || utf8_valid(*s, strlen(*s)))
		return; /* protobuf-c's shared empty string is among these */
	char *good = mended(*s);
	free(*s);
	*s = good;
}

static void mend_message(ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		void *member = (char *)m + f->offset;
		void *quantifier = (char *)m + f->quantifier_offset;
		size_t n = 1;

		if (f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			n = *(size_t *)quantifier;
			member = *(void **)member;
		} else if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
			   *(uint32_t *)quantifier != f->id) {
			continue;
		}
		for (size_t k = 0; k < n; k++) {
			if (f->type == PROTOBUF_C_TYPE_STRING)
				mend_string((char **)member + k);
			else if (((ProtobufCMessage **)member)[k])
				mend_message(((ProtobufCMessage **)member)[k]);
		}
	}
}

static uint8_t *pack(const ProtobufCMessage *m, size_t *ret_n)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	uint8_t *p = xmalloc(n);

	*ret_n = protobuf_c_message_pack(m, p);
	return p;
}

uint8_t *rpc_message_encode(const ProtobufCMessage *m, size_t *ret_n)
{
	size_t n;
	uint8_t *p = pack(m, &n);

	if (check_message(m->descriptor, (struct cursor){ p, n }, RPC_MESSAGE_DEPTH_MAX, NULL)) {
		ProtobufCMessage *copy = protobuf_c_message_unpack(m->descriptor, NULL, n, p);
		if (copy) {
			mend_message(copy);
			free(p);
			p = pack(copy, &n);
			protobuf_c_message_free_unpacked(copy, NULL);
		}
	}
	*ret_n = n;
	return p;
}
