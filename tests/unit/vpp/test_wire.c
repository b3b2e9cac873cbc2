/* SPDX-License-Identifier: Apache-2.0 */
/* The codec against the recorded bytes of a real VPP, and against what is cut short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "vpp/messages.h"
#include "vpp/wire.h"

/* ---- the transcript: one JSON object a line, of a fixed form */

struct frame {
	bool tx;
	unsigned id;
	char msg[80];
	uint8_t *bytes; /* header and payload */
	size_t n;
};
static struct {
	struct frame *v;
	size_t n, cap;
} frames;
static struct vpp_ids ids;

/* What stands behind `key` on the line, up to the next quote, comma or brace. */
static const char *value(const char *line, const char *key, size_t *ret_n)
{
	const char *p = strstr(line, key);

	assert_non_null(p);
	p += strlen(key);
	*ret_n = strcspn(p, "\",}");
	return p;
}

static void frame_parse(const char *line, struct frame *f)
{
	size_t n;
	const char *msg = value(line, "\"msg\": \"", &n), *hex;

	assert_true(n < sizeof f->msg);
	memcpy(f->msg, msg, n);
	f->tx = value(line, "\"dir\": \"", &n)[0] == 't';
	f->id = (unsigned)strtoul(value(line, "\"id\": ", &n), NULL, 10);
	hex = value(line, "\"frame_hex\": \"", &n);
	f->n = n / 2;
	f->bytes = xmalloc(f->n);
	for (size_t i = 0; i < f->n; i++)
		f->bytes[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
}

static int setup(void **state)
{
	FILE *f = fopen(TEST_DATA "/vpp/api-transcript.jsonl", "r");
	char *line = NULL;
	size_t cap = 0;

	assert_non_null(f);
	while (getline(&line, &cap, f) > 0)
		frame_parse(line, vec_add(&frames));
	free(line);
	fclose(f);
	return frames.n > 100 ? 0 : -1;
}

static int teardown(void **state)
{
	for (size_t i = 0; i < frames.n; i++)
		free(frames.v[i].bytes);
	vec_done(&frames);
	return 0;
}

/* Which message a frame is, by the recorded name (which for the handshake lacks the CRC). */
static enum vpp_msg msg_of(const struct frame *f)
{
	char name[96];

	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++) {
		snprintf(name, sizeof name, "%s_%s", vpp_msgs[m].name, vpp_msgs[m].crc);
		if (strcmp(f->msg, name) == 0 || strcmp(f->msg, vpp_msgs[m].name) == 0)
			return m;
	}
	fail_msg("%s is not in the table", f->msg);
	return VPP_MSG_N;
}

static void decode(const struct frame *f, struct wire_hdr *h, union vpp_body *b)
{
	struct err e = { 0 };
	int r = wire_decode(&vpp_msgs[msg_of(f)], f->bytes + WIRE_FRAME_HDR, f->n - WIRE_FRAME_HDR,
			    h, b, &e);

	if (r < 0)
		fail_msg("%s", e.msg);
}

/* The message table of the recorded handshake. */
static void ids_load(void)
{
	struct wire_hdr h;
	union vpp_body b;
	struct err e = { 0 };

	decode(&frames.v[1], &h, &b);
	assert_int_equal(b.sockclnt_create_reply.response, 0);
	assert_int_equal(b.sockclnt_create_reply.index, 0x80000001u);
	assert_int_equal(b.sockclnt_create_reply.message_table.n, 865);
	if (vpp_ids_load(&b.sockclnt_create_reply.message_table, &ids, &e) < 0)
		fail_msg("%s", e.msg);
}

/* ---- tests */

static void test_transcript_identical(void **state)
{
	struct str out = { 0 };
	uint32_t len;

	for (size_t i = 0; i < frames.n; i++) {
		const struct frame *f = &frames.v[i];
		struct wire_hdr h;
		union vpp_body b;

		assert_int_equal(wire_frame_get(f->bytes, f->n, &len), 0);
		assert_int_equal(len, f->n - WIRE_FRAME_HDR);
		decode(f, &h, &b);
		assert_int_equal(h.id, f->id);
		str_clear(&out);
		wire_encode(&vpp_msgs[msg_of(f)], &h, &b, &out);
		assert_int_equal(out.len, f->n);
		/* words 0 and 2 of the header are VPP's own business */
		assert_memory_equal(out.p + 8, f->bytes + 8, 4);
		assert_memory_equal(out.p + 16, f->bytes + 16, f->n - 16);
		if (f->tx)
			assert_memory_equal(out.p, f->bytes, f->n);
	}
	str_done(&out);
}

static void test_ids_from_the_table(void **state)
{
	ids_load();
	for (size_t i = 0; i < frames.n; i++) {
		uint16_t id;

		assert_int_equal(wire_id(frames.v[i].bytes + WIRE_FRAME_HDR, 2, &id, NULL), 0);
		assert_int_equal(id, frames.v[i].id);
		assert_int_equal(vpp_ids_find(&ids, id), msg_of(&frames.v[i]));
		assert_int_equal(ids.id[msg_of(&frames.v[i])], id);
	}
	assert_int_equal(ids.id[VPP_SOCKCLNT_CREATE_REQ], VPP_SOCKCLNT_CREATE);
	assert_int_equal(ids.id[VPP_MEMCLNT_KEEPALIVE], 21);
	assert_int_equal(vpp_ids_find(&ids, 9999), VPP_MSG_N);
	assert_int_equal(vpp_ids_find(&ids, 0), VPP_MSG_N);
}

/* Every frame of the transcript, cut at every length, is refused, and by name. */
static void test_truncated(void **state)
{
	for (size_t i = 0; i < frames.n; i++) {
		const struct frame *f = &frames.v[i];
		const struct wire_msg *m = &vpp_msgs[msg_of(f)];
		size_t payload = f->n - WIRE_FRAME_HDR, step = payload > 2000 ? 97 : 1;

		for (size_t n = 0; n < payload; n += step) {
			/* a copy of exactly n bytes, so that a sanitizer sees a read beyond */
			uint8_t *copy = xmemdup(f->bytes + WIRE_FRAME_HDR, n);
			struct wire_hdr h;
			union vpp_body b;
			struct err e = { 0 };

			assert_int_equal(wire_decode(m, copy, n, &h, &b, &e), -EPROTO);
			assert_non_null(strstr(e.msg, m->name));
			free(copy);
		}
	}
}

static void test_field_values(void **state)
{
	char buf[PREFIX_STRLEN];
	bool seen = false;

	for (size_t i = 0; i < frames.n; i++) {
		struct wire_hdr h;
		union vpp_body b;

		if (msg_of(&frames.v[i]) != VPP_LB_AS_V2_DETAILS)
			continue;
		decode(&frames.v[i], &h, &b);
		if (b.lb_as_v2_details.num_buckets != 49267)
			continue;
		seen = true;
		assert_string_equal(prefix_format(&b.lb_as_v2_details.pfx, buf),
				    "2001:db8:1::80/128");
		assert_int_equal(b.lb_as_v2_details.protocol, 17);
		assert_int_equal(b.lb_as_v2_details.port, 53);
		assert_string_equal(addr_format(&b.lb_as_v2_details.as_address, buf),
				    "2001:db8::a");
		assert_int_equal(b.lb_as_v2_details.flags, VPP_AS_USED);
		assert_int_equal(b.lb_as_v2_details.weight, 100);
		assert_int_equal(h.client_index, 0);
	}
	assert_true(seen);
}

static void test_bad_addresses(void **state)
{
	struct vpp_lb_vip_dump d = { .pfx.addr.family = ADDR_IP4, .pfx.len = 32 };
	struct wire_hdr h = { 1, 2, 3 };
	struct str out = { 0 };
	union vpp_body b;
	struct err e = { 0 };
	const size_t at = WIRE_FRAME_HDR + 10; /* of the prefix */

	wire_encode(&vpp_msgs[VPP_LB_VIP_DUMP], &h, &d, &out);
	out.p[at] = 2;
	assert_int_equal(wire_decode(&vpp_msgs[VPP_LB_VIP_DUMP], (uint8_t *)out.p + 16,
				     out.len - 16, &h, &b, &e),
			 -EPROTO);
	assert_non_null(strstr(e.msg, "family"));
	out.p[at] = 0; /* 0.0.0.0/64 is how VPP tells ::/64 */
	out.p[at + 17] = 64;
	assert_int_equal(wire_decode(&vpp_msgs[VPP_LB_VIP_DUMP], (uint8_t *)out.p + 16,
				     out.len - 16, &h, &b, &e),
			 0);
	assert_int_equal(b.lb_vip_dump.pfx.len, 64);
	str_done(&out);
}

static void test_strings_cut_and_terminated(void **state)
{
	struct vpp_sockclnt_create c, back;
	struct wire_hdr h = { VPP_SOCKCLNT_CREATE, 0, 9 };
	struct str out = { 0 };

	memset(c.name, 'x', 64);
	c.name[64] = '\0';
	wire_encode(&vpp_msgs[VPP_SOCKCLNT_CREATE_REQ], &h, &c, &out);
	assert_int_equal(out.len, 16 + 6 + 64);
	assert_int_equal(wire_decode(&vpp_msgs[VPP_SOCKCLNT_CREATE_REQ], (uint8_t *)out.p + 16,
				     out.len - 16, &h, &back, NULL),
			 0);
	assert_string_equal(back.name, c.name);
	str_done(&out);
}

static void test_frame_header(void **state)
{
	uint8_t h[WIRE_FRAME_HDR];
	uint32_t len = 0;

	wire_frame_put(h, 0x01020304);
	assert_memory_equal(h, "\0\0\0\0\0\0\0\0\1\2\3\4\0\0\0\0", 16);
	assert_int_equal(wire_frame_get(h, 15, &len), -EAGAIN);
	wire_frame_put(h, WIRE_FRAME_MAX);
	assert_int_equal(wire_frame_get(h, 16, &len), 0);
	assert_int_equal(len, WIRE_FRAME_MAX);
	wire_frame_put(h, WIRE_FRAME_MAX + 1);
	assert_int_equal(wire_frame_get(h, 16, &len), -EMSGSIZE);
	assert_int_equal(len, WIRE_FRAME_MAX + 1);
	uint16_t id;
	struct err e = { 0 };
	assert_int_equal(wire_id(h, 1, &id, &e), -EPROTO);
	assert_non_null(strstr(e.msg, "1 bytes"));
}

static const struct log_attr *attr(const struct wire_dump *d, const char *key)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(d->a[i].key, key) == 0)
			return &d->a[i];
	}
	fail_msg("no attribute %s", key);
	return NULL;
}

static void test_dump(void **state)
{
	struct vpp_lb_add_del_as m = { .protocol = 6, .port = 443, .weight = 7, .is_flush = true };
	struct vpp_cli_inband cli;
	struct wire_dump d = { 0 };
	char text[WIRE_DUMP_TEXT_MAX + 50];

	addr_parse("192.0.2.1", &m.pfx.addr);
	m.pfx.len = 32;
	addr_parse("2001:db8::1", &m.as_address);
	wire_dump(&vpp_msgs[VPP_LB_ADD_DEL_AS_V2], &m, &d);
	assert_int_equal(d.n, 7);
	assert_string_equal(attr(&d, "pfx")->s, "192.0.2.1/32");
	assert_int_equal(attr(&d, "port")->u, 443);
	assert_true(addr_eq(attr(&d, "as_address")->addr, &m.as_address));
	assert_true(attr(&d, "is_flush")->b);
	assert_false(attr(&d, "is_del")->b);

	memset(text, 'y', sizeof text);
	cli.cmd = (struct wire_bytes){ text, sizeof text };
	wire_dump(&vpp_msgs[VPP_CLI_INBAND], &cli, &d);
	assert_int_equal(d.n, 1);
	assert_int_equal(strlen(d.a[0].s), WIRE_DUMP_TEXT_MAX + 3);
	wire_dump_done(&d);
}

/* Every message of the table comes back as it went. */
static void test_every_message_round_trips(void **state)
{
	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++) {
		const struct wire_msg *w = &vpp_msgs[m];
		struct wire_hdr h = { 7, w->shape == WIRE_REQUEST ? 0x80000001u : 0, 42 }, h2;
		struct str a = { 0 }, b = { 0 };
		union vpp_body one = { 0 }, two;
		struct err e = { 0 };

		assert_true(w->size <= sizeof one);
		assert_true(w->n_fields <= WIRE_FIELDS_MAX);
		wire_encode(w, &h, &one, &a);
		if (wire_decode(w, (uint8_t *)a.p + 16, a.len - 16, &h2, &two, &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(h.id, h2.id);
		assert_int_equal(h.client_index, h2.client_index);
		assert_int_equal(h.context, h2.context);
		wire_encode(w, &h2, &two, &b);
		assert_int_equal(a.len, b.len);
		assert_memory_equal(a.p, b.p, a.len);
		str_done(&a);
		str_done(&b);
	}
}

/* A VPP that is too old or too new: each message that is missing or another is named. */
static void test_ids_missing(void **state)
{
	char want_a[128], want_b[128];
	struct str table = { 0 };
	struct vpp_ids got;
	struct err e = { 0 };
	struct wire_rows rows;
	const struct wire_msg *first = &vpp_msgs[VPP_LB_VIP_DUMP], *second = &vpp_msgs[VPP_LB_CONF];

	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++)
		if (&vpp_msgs[m] != first)
			vpp_table_add(&table, (uint16_t)(100 + m), vpp_msgs[m].name,
				      &vpp_msgs[m] == second ? "00000000" : vpp_msgs[m].crc);
	rows = (struct wire_rows){ (uint8_t *)table.p, VPP_MSG_N - 1 };
	assert_int_equal(vpp_ids_load(&rows, &got, &e), -ENOENT);
	snprintf(want_a, sizeof want_a, "%s (CRC %s) is missing", first->name, first->crc);
	snprintf(want_b, sizeof want_b, "%s has CRC 00000000 where %s is wanted", second->name,
		 second->crc);
	assert_non_null(strstr(e.msg, want_a));
	assert_non_null(strstr(e.msg, want_b));
	assert_non_null(strstr(e.msg, ", "));
	str_done(&table);
}

/* Every return value that VPP's lb plugin gives has words of its own. */
static void test_retvals(void **state)
{
	static const int32_t known[] = { 0,
					 VPP_ERR_NO_SUCH_ENTRY,
					 VPP_ERR_INVALID_VALUE,
					 VPP_ERR_ENCAP_DIFFERS,
					 VPP_ERR_EXISTS,
					 VPP_ERR_ADDRESS_FAMILY };
	const char *other = vpp_retval_text(-9999);

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		assert_string_not_equal(vpp_retval_text(known[i]), other);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(vpp_retval_text(known[i]),
						vpp_retval_text(known[k]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transcript_identical),
		cmocka_unit_test(test_ids_from_the_table),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_field_values),
		cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test(test_strings_cut_and_terminated),
		cmocka_unit_test(test_frame_header),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_every_message_round_trips),
		cmocka_unit_test(test_ids_missing),
		cmocka_unit_test(test_retvals),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
