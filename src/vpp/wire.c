/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over a field table each for encoding, decoding and dumping. The decoder keeps a cursor
 * that knows the end of the payload and the field it is at, so that every read is checked in one
 * place (take) and every error names its field. */
#include "vpp/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* ---- frames */

static void put_be(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = n; i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

static uint64_t get_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

void wire_frame_put(uint8_t hdr[static WIRE_FRAME_HDR], uint32_t len)
{
	memset(hdr, 0, WIRE_FRAME_HDR);
	put_be(hdr + 8, len, 4);
}

int wire_frame_get(const uint8_t *p, size_t n, uint32_t *ret_len)
{
	if (n < WIRE_FRAME_HDR)
		return -EAGAIN;
	*ret_len = (uint32_t)get_be(p + 8, 4);
	return *ret_len > WIRE_FRAME_MAX ? -EMSGSIZE : 0;
}

/* ---- encoding */

static void enc_int(struct str *out, uint64_t v, size_t n)
{
	uint8_t b[8];

	put_be(b, v, n);
	str_add_n(out, (const char *)b, n);
}

static void enc_addr(struct str *out, const struct addr *a)
{
	enc_int(out, a->family == ADDR_IP6, 1);
	str_add_n(out, (const char *)a->b, sizeof a->b);
}

/* `size` bytes, cut or NUL-padded. */
static void enc_str(struct str *out, const char *s, size_t size)
{
	size_t len = strnlen(s, size);

	str_add_n(out, s, len);
	for (; len < size; len++)
		str_add_c(out, '\0');
}

static void enc_vstr(struct str *out, const struct wire_bytes *b)
{
	enc_int(out, b->n, 4);
	if (b->n > 0)
		str_add_n(out, b->p, b->n);
}

static void enc_rows(struct str *out, const struct wire_rows *r, size_t count_size, size_t row_size)
{
	assert(r->n < 1u << 8 * count_size);
	enc_int(out, r->n, count_size);
	if (r->n > 0)
		str_add_n(out, (const char *)r->p, r->n * row_size);
}

static void enc_field(const struct wire_field *f, const void *body, struct str *out)
{
	const void *v = (const uint8_t *)body + f->offset;

	switch (f->kind) {
	case WIRE_U8:
		return enc_int(out, *(const uint8_t *)v, 1);
	case WIRE_U16:
		return enc_int(out, *(const uint16_t *)v, 2);
	case WIRE_U32:
		return enc_int(out, *(const uint32_t *)v, 4);
	case WIRE_I32:
		return enc_int(out, (uint32_t) * (const int32_t *)v, 4);
	case WIRE_BOOL:
		return enc_int(out, *(const bool *)v, 1);
	case WIRE_ADDR:
		return enc_addr(out, v);
	case WIRE_PREFIX:
		enc_addr(out, &((const struct prefix *)v)->addr);
		return enc_int(out, ((const struct prefix *)v)->len, 1);
	case WIRE_VSTR:
		return enc_vstr(out, v);
	case WIRE_IP4:
		return str_add_n(out, (const char *)((const struct addr *)v)->b, 4);
	case WIRE_IP6:
		return str_add_n(out, (const char *)((const struct addr *)v)->b, 16);
	case WIRE_STR:
		return enc_str(out, v, f->size);
	case WIRE_ROWS8:
		return enc_rows(out, v, 1, f->size);
	case WIRE_ROWS16:
		return enc_rows(out, v, 2, f->size);
	case WIRE_KIND_N:
		break;
	}
	abort(); /* a table with a kind that does not exist */
}

void wire_encode(const struct wire_msg *m, const struct wire_hdr *h, const void *body,
		 struct str *out)
{
	size_t start = out->len, payload;

	str_add_n(out, (const char[WIRE_FRAME_HDR]){ 0 }, WIRE_FRAME_HDR);
	enc_int(out, h->id, 2);
	if (m->shape == WIRE_REQUEST)
		enc_int(out, h->client_index, 4);
	enc_int(out, h->context, 4);
	for (size_t i = 0; i < m->n_fields; i++)
		enc_field(&m->fields[i], body, out);
	payload = out->len - start - WIRE_FRAME_HDR;
	assert(payload <= WIRE_FRAME_MAX);
	wire_frame_put((uint8_t *)out->p + start, (uint32_t)payload);
}

/* ---- decoding */

struct cursor {
	const uint8_t *p, *end;
	const char *msg, *field; /* for the error */
	struct err *e;
};

/* The next n bytes, or NULL with the error set. */
static const uint8_t *take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (n > (size_t)(c->end - p)) {
		err_set(c->e, -EPROTO, "%s: short message: %s needs %zu bytes, %zu are left",
			c->msg, c->field, n, (size_t)(c->end - p));
		return NULL;
	}
	c->p += n;
	return p;
}

static int dec_int(struct cursor *c, size_t n, uint64_t *ret)
{
	const uint8_t *p = take(c, n);

	if (!p)
		return -EPROTO;
	*ret = get_be(p, n);
	return 0;
}

static int dec_addr(struct cursor *c, struct addr *ret)
{
	const uint8_t *p = take(c, 17);

	if (!p)
		return -EPROTO;
	if (p[0] > 1)
		return err_set(c->e, -EPROTO, "%s: %s has address family %u", c->msg, c->field,
			       p[0]);
	memset(ret, 0, sizeof *ret);
	ret->family = p[0] ? ADDR_IP6 : ADDR_IP4;
	memcpy(ret->b, p + 1, p[0] ? 16 : 4);
	return 0;
}

static int dec_prefix(struct cursor *c, struct prefix *ret)
{
	uint64_t len;

	if (dec_addr(c, &ret->addr) < 0 || dec_int(c, 1, &len) < 0)
		return -EPROTO;
	ret->len = (uint8_t)len;
	return 0;
}

static int dec_ip(struct cursor *c, uint8_t family, struct addr *ret)
{
	size_t n = family == ADDR_IP4 ? 4 : 16;
	const uint8_t *p = take(c, n);

	if (!p)
		return -EPROTO;
	memset(ret, 0, sizeof *ret);
	ret->family = family;
	memcpy(ret->b, p, n);
	return 0;
}

static int dec_str(struct cursor *c, size_t size, char *ret)
{
	const uint8_t *p = take(c, size);

	if (!p)
		return -EPROTO;
	memcpy(ret, p, size);
	ret[size] = '\0';
	return 0;
}

static int dec_vstr(struct cursor *c, struct wire_bytes *ret)
{
	uint64_t n;
	const uint8_t *p;

	if (dec_int(c, 4, &n) < 0)
		return -EPROTO;
	p = take(c, (size_t)n);
	if (!p)
		return -EPROTO;
	*ret = (struct wire_bytes){ (const char *)p, (uint32_t)n };
	return 0;
}

static int dec_rows(struct cursor *c, size_t count_size, size_t row_size, struct wire_rows *ret)
{
	uint64_t n;
	const uint8_t *p;

	if (dec_int(c, count_size, &n) < 0)
		return -EPROTO;
	p = take(c, (size_t)n * row_size);
	if (!p)
		return -EPROTO;
	*ret = (struct wire_rows){ p, (uint32_t)n };
	return 0;
}

/* Fields that are one integer on the wire. */
static int dec_scalar(struct cursor *c, enum wire_kind kind, void *v)
{
	static const uint8_t sizes[WIRE_KIND_N] = {
		[WIRE_U8] = 1, [WIRE_U16] = 2, [WIRE_U32] = 4, [WIRE_I32] = 4, [WIRE_BOOL] = 1,
	};
	uint64_t u = 0;

	assert(sizes[kind] != 0);
	if (dec_int(c, sizes[kind], &u) < 0)
		return -EPROTO;
	if (kind == WIRE_U8)
		*(uint8_t *)v = (uint8_t)u;
	else if (kind == WIRE_U16)
		*(uint16_t *)v = (uint16_t)u;
	else if (kind == WIRE_U32)
		*(uint32_t *)v = (uint32_t)u;
	else if (kind == WIRE_I32)
		*(int32_t *)v = (int32_t)(uint32_t)u;
	else
		*(bool *)v = u != 0;
	return 0;
}

static int dec_field(struct cursor *c, const struct wire_field *f, void *body)
{
	void *v = (uint8_t *)body + f->offset;

	c->field = f->name;
	switch (f->kind) {
	case WIRE_U8:
	case WIRE_U16:
	case WIRE_U32:
	case WIRE_I32:
	case WIRE_BOOL:
		return dec_scalar(c, f->kind, v);
	case WIRE_ADDR:
		return dec_addr(c, v);
	case WIRE_PREFIX:
		return dec_prefix(c, v);
	case WIRE_VSTR:
		return dec_vstr(c, v);
	case WIRE_IP4:
		return dec_ip(c, ADDR_IP4, v);
	case WIRE_IP6:
		return dec_ip(c, ADDR_IP6, v);
	case WIRE_STR:
		return dec_str(c, f->size, v);
	case WIRE_ROWS8:
		return dec_rows(c, 1, f->size, v);
	case WIRE_ROWS16:
		return dec_rows(c, 2, f->size, v);
	case WIRE_KIND_N:
		break;
	}
	abort(); /* a table with a kind that does not exist */
}

int wire_id(const uint8_t *payload, size_t n, uint16_t *ret_id, struct err *e)
{
	if (n < 2)
		return err_set(e, -EPROTO, "a frame of %zu bytes has no message id", n);
	*ret_id = (uint16_t)get_be(payload, 2);
	return 0;
}

int wire_decode(const struct wire_msg *m, const uint8_t *payload, size_t n,
		struct wire_hdr *ret_hdr, void *ret_body, struct err *e)
{
	struct cursor c = { payload, payload + n, m->name, "header", e };
	uint64_t id, client = 0, context;

	if (dec_int(&c, 2, &id) < 0 || (m->shape == WIRE_REQUEST && dec_int(&c, 4, &client) < 0) ||
	    dec_int(&c, 4, &context) < 0)
		return -EPROTO;
	memset(ret_body, 0, m->size);
	for (size_t i = 0; i < m->n_fields; i++) {
		if (dec_field(&c, &m->fields[i], ret_body) < 0)
			return -EPROTO;
	}
	*ret_hdr = (struct wire_hdr){ (uint16_t)id, (uint32_t)client, (uint32_t)context };
	return 0;
}

/* ---- dumping */

/* Copy text into the dump; attributes take its offset until the buffer has stopped moving. */
static uint64_t dump_text(struct wire_dump *d, const char *s, size_t n)
{
	uint64_t at = d->text.len;

	str_add_n(&d->text, s, MIN(n, WIRE_DUMP_TEXT_MAX));
	if (n > WIRE_DUMP_TEXT_MAX)
		str_add(&d->text, "...");
	str_add_c(&d->text, '\0');
	return at;
}

static struct log_attr dump_field(const struct wire_field *f, const void *body, struct wire_dump *d)
{
	const void *v = (const uint8_t *)body + f->offset;
	char buf[PREFIX_STRLEN];

	switch (f->kind) {
	case WIRE_U8:
		return L_UINT(f->name, *(const uint8_t *)v);
	case WIRE_U16:
		return L_UINT(f->name, *(const uint16_t *)v);
	case WIRE_U32:
		return L_UINT(f->name, *(const uint32_t *)v);
	case WIRE_I32:
		return L_INT(f->name, *(const int32_t *)v);
	case WIRE_BOOL:
		return L_BOOL(f->name, *(const bool *)v);
	case WIRE_ADDR:
	case WIRE_IP4:
	case WIRE_IP6:
		return L_ADDR(f->name, v);
	case WIRE_PREFIX:
		prefix_format(v, buf);
		return (struct log_attr){ f->name, LOG_ATTR_STR,
					  .u = dump_text(d, buf, strlen(buf)) };
	case WIRE_VSTR:
		return (struct log_attr){ f->name, LOG_ATTR_STR,
					  .u = dump_text(d, ((const struct wire_bytes *)v)->p,
							 ((const struct wire_bytes *)v)->n) };
	case WIRE_STR:
		return (struct log_attr){ f->name, LOG_ATTR_STR,
					  .u = dump_text(d, v, strnlen(v, f->size)) };
	case WIRE_ROWS8:
	case WIRE_ROWS16:
		return L_UINT(f->name, ((const struct wire_rows *)v)->n);
	case WIRE_KIND_N:
		break;
	}
	abort(); /* a table with a kind that does not exist */
}

void wire_dump(const struct wire_msg *m, const void *body, struct wire_dump *ret)
{
	assert(m->n_fields <= WIRE_FIELDS_MAX);
	str_clear(&ret->text);
	ret->n = m->n_fields;
	for (size_t i = 0; i < m->n_fields; i++)
		ret->a[i] = dump_field(&m->fields[i], body, ret);
	for (size_t i = 0; i < ret->n; i++) {
		if (ret->a[i].type == LOG_ATTR_STR)
			ret->a[i].s = ret->text.p + ret->a[i].u;
	}
}

void wire_dump_done(struct wire_dump *d)
{
	str_done(&d->text);
	d->n = 0;
}
