/* SPDX-License-Identifier: Apache-2.0 */
/* The proto3 JSON mapping (protobuf.dev, "ProtoJSON Format"), driven by protobuf-c's descriptors.
 *
 * proto3 has no presence for plain fields, so "unset" and "zero" are one; members of a oneof and
 * messages do have it. protobuf-c does not keep json_name options: names are always derived. */
#include "rpc/json.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* lowerCamelCase: every '_' goes, and the letter behind it becomes a capital. */
static void key(struct json *j, const char *name)
{
	_cleanup_(str_done) struct str out = { 0 };
	bool up = false;

	for (; *name; name++) {
		if (*name != '_')
			str_add_c(&out, up ? (char)toupper((unsigned char)*name) : *name);
		up = *name == '_';
	}
	json_key(j, str_z(&out));
}

static void base64(struct json *j, const ProtobufCBinaryData *b)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	_cleanup_(str_done) struct str out = { 0 };

	for (size_t i = 0; i < b->len; i += 3) {
		size_t n = b->len - i;
		unsigned v = (unsigned)b->data[i] << 16;
		if (n > 1)
			v |= (unsigned)b->data[i + 1] << 8;
		if (n > 2)
			v |= b->data[i + 2];
		str_add_c(&out, digits[v >> 18]);
		str_add_c(&out, digits[v >> 12 & 63]);
		str_add_c(&out, n > 1 ? digits[v >> 6 & 63] : '=');
		str_add_c(&out, n > 2 ? digits[v & 63] : '=');
	}
	json_str(j, str_z(&out));
}

static void enumerated(struct json *j, const ProtobufCEnumDescriptor *d, int v)
{
	const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(d, v);

	if (known)
		json_str(j, known->name);
	else
		json_i64(j, v);
}

/* 64 bits do not fit into JavaScript's numbers: strings. */
static void wide(struct json *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void wide(struct json *j, const char *fmt, ...)
{
	_cleanup_(str_done) struct str out = { 0 };
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&out, fmt, ap);
	va_end(ap);
	json_str(j, str_z(&out));
}

static size_t value_size(ProtobufCType t)
{
	switch (t) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM:
		break;
	}
	return 4;
}

static void value(struct json *j, const ProtobufCFieldDescriptor *f, const void *v,
		  bool with_defaults)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		json_i64(j, *(const int32_t *)v);
		return;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		json_u64(j, *(const uint32_t *)v);
		return;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		wide(j, "%lld", (long long)*(const int64_t *)v);
		return;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		wide(j, "%llu", (unsigned long long)*(const uint64_t *)v);
		return;
	case PROTOBUF_C_TYPE_FLOAT:
		json_f64(j, (double)*(const float *)v);
		return;
	case PROTOBUF_C_TYPE_DOUBLE:
		json_f64(j, *(const double *)v);
		return;
	case PROTOBUF_C_TYPE_BOOL:
		json_bool(j, *(const protobuf_c_boolean *)v);
		return;
	case PROTOBUF_C_TYPE_ENUM:
		enumerated(j, f->descriptor, *(const int *)v);
		return;
	case PROTOBUF_C_TYPE_STRING:
		json_str(j, *(char *const *)v);
		return;
	case PROTOBUF_C_TYPE_BYTES:
		base64(j, v);
		return;
	case PROTOBUF_C_TYPE_MESSAGE:
		rpc_json_message(j, *(ProtobufCMessage *const *)v, with_defaults);
		return;
	}
	assert(0 && "a field of no known type");
}

/* Has a plain field its default value? */
static bool is_default(const ProtobufCFieldDescriptor *f, const void *v)
{
	static const char zero[8];

	if (f->type == PROTOBUF_C_TYPE_STRING) {
		const char *s = *(char *const *)v;
		return !s || !*s;
	}
	if (f->type == PROTOBUF_C_TYPE_BYTES)
		return ((const ProtobufCBinaryData *)v)->len == 0;
	return memcmp(v, zero, value_size(f->type)) == 0;
}

static void repeated(struct json *j, const ProtobufCFieldDescriptor *f, const void *v, size_t n,
		     bool with_defaults)
{
	const char *at = *(const char *const *)v;

	if (n == 0 && !with_defaults)
		return;
	key(j, f->name);
	json_arr(j);
	for (size_t i = 0; i < n; i++, at += value_size(f->type))
		value(j, f, at, with_defaults);
	json_arr_end(j);
}

static void field(struct json *j, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
		  bool with_defaults)
{
	const void *v = (const char *)m + f->offset;
	const void *quantifier = (const char *)m + f->quantifier_offset;
	bool present;

	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		repeated(j, f, v, *(const size_t *)quantifier, with_defaults);
		return;
	}
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		present = *(const uint32_t *)quantifier == f->id;
	else if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		present = *(ProtobufCMessage *const *)v != NULL;
	else
		present = with_defaults || !is_default(f, v);
	if (!present)
		return;
	key(j, f->name);
	value(j, f, v, with_defaults);
}

void rpc_json_message(struct json *j, const ProtobufCMessage *m, bool with_defaults)
{
	json_obj(j);
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		field(j, m, &m->descriptor->fields[i], with_defaults);
	json_obj_end(j);
}
