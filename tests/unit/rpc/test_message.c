/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "everything.pb-c.h"
#include "rpc/message.h"

#define EVERYTHING &test__everything__descriptor

static Test__Everything *decode(const uint8_t *p, size_t n)
{
	ProtobufCMessage *m = NULL;
	struct err e = { 0 };

	if (rpc_message_decode(EVERYTHING, p, n, &m, &e))
		fail_msg("%s", e.msg);
	return (Test__Everything *)m;
}

static void done(Test__Everything *m)
{
	protobuf_c_message_free_unpacked(&m->base, NULL);
}

/* The bytes in a heap block of their very size, so that ASan sees one read too far. */
static void refused(const char *bytes, size_t n, int code, const char *text)
{
	_cleanup_free_ uint8_t *p = xmemdup(bytes, n);
	ProtobufCMessage *m = NULL;
	struct err e = { 0 };

	assert_int_equal(rpc_message_decode(EVERYTHING, p, n, &m, &e), code);
	assert_null(m);
	assert_int_equal(e.code, code);
	assert_string_equal(e.msg, text);
}
#define REFUSED(BYTES, CODE, TEXT) refused((BYTES), sizeof(BYTES) - 1, (CODE), (TEXT))
#define MALFORMED                  "the request is no valid test.Everything"

static void test_decode(void **state)
{
	static const uint8_t bytes[] = { 0x08, 0x96, 0x01, 0x7a, 0x02, 'h', 'i' };
	Test__Everything *m = decode(bytes, sizeof bytes);

	assert_int_equal(m->i32, 150);
	assert_string_equal(m->text, "hi");
	done(m);
	m = decode(NULL, 0);
	assert_int_equal(m->i32, 0);
	done(m);
}

static void test_malformed(void **state)
{
	REFUSED("\x08", -EBADMSG, MALFORMED);       /* a key alone */
	REFUSED("\xff", -EBADMSG, MALFORMED);       /* half a key */
	REFUSED("\x00\x00", -EBADMSG, MALFORMED);   /* field 0 */
	REFUSED("\x7a\x05hi", -EBADMSG, MALFORMED); /* shorter than it says */
	REFUSED("\x7a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", -EBADMSG, MALFORMED);
	REFUSED("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", -EBADMSG, MALFORMED);
	REFUSED("\x0b\x0c", -EBADMSG, MALFORMED);                     /* a group */
	REFUSED("\x0e", -EBADMSG, MALFORMED);                         /* wire type 6 */
	REFUSED("\x1d\x01\x02", -EBADMSG, MALFORMED);                 /* half a fixed32 */
	REFUSED("\x51\x01\x02\x03", -EBADMSG, MALFORMED);             /* half a fixed64 */
	REFUSED("\x80\x80\x80\x80\x80\x01\x00", -EBADMSG, MALFORMED); /* field 2^32 and more */
}

static void test_strings(void **state)
{
	REFUSED("\x7a\x02\xc3\x28", -EILSEQ, "test.Everything.text is not valid UTF-8");
	REFUSED("\x7a\x03\xed\xa0\x80", -EILSEQ, "test.Everything.text is not valid UTF-8");
	REFUSED("\x7a\x03"
		"a\0b",
		-EILSEQ, "test.Everything.text holds a NUL byte");
	REFUSED("\x9a\x01\x01\xff", -EILSEQ, "test.Everything.text_list is not valid UTF-8");
	REFUSED("\xc2\x01\x01\xff", -EILSEQ, "test.Everything.choice_text is not valid UTF-8");
	/* in a message in a list in a message */
	REFUSED("\x8a\x01\x06\xa2\x01\x03\x7a\x01\xff", -EILSEQ,
		"test.Everything.text is not valid UTF-8");
	/* bytes may be anything */
	done(decode((const uint8_t *)"\x82\x01\x02\xff\x00", 5));
}

/* Unknown fields of every wire type are passed over. */
static void test_unknown_fields(void **state)
{
	static const uint8_t bytes[] = { 0xf8, 0x06, 0x05, 0xfa, 0x06, 0x02, 0xff, 0x00, 0xfd,
					 0x06, 1,    2,    3,    4,    0xf9, 0x06, 1,    2,
					 3,    4,    5,    6,    7,    8,    0x08, 0x07 };
	Test__Everything *m = decode(bytes, sizeof bytes);

	assert_int_equal(m->i32, 7);
	done(m);
}

/* n messages, each in the one before. */
static size_t nest(uint8_t *buf, size_t size, int n)
{
	size_t len = 0;

	for (int i = 1; i < n; i++) {
		uint8_t head[8] = { 0x8a, 0x01 };
		size_t h = 2;
		for (size_t v = len; h == 2 || v; v >>= 7)
			head[h++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		assert_true(len + h <= size);
		memmove(buf + h, buf, len);
		memcpy(buf, head, h);
		len += h;
	}
	return len;
}

static void test_depth(void **state)
{
	uint8_t buf[65536];
	size_t n = nest(buf, sizeof buf, RPC_MESSAGE_DEPTH_MAX);

	done(decode(buf, n));
	n = nest(buf, sizeof buf, RPC_MESSAGE_DEPTH_MAX + 1);
	refused((const char *)buf, n, -EBADMSG, MALFORMED);
	n = nest(buf, sizeof buf, 12000);
	refused((const char *)buf, n, -EBADMSG, MALFORMED);
}

/* ---- encoding */

static void test_encode(void **state)
{
	Test__Everything e = TEST__EVERYTHING__INIT;
	char text[] = "hi";
	size_t n;

	e.i32 = 150;
	e.text = text;
	_cleanup_free_ uint8_t *p = rpc_message_encode(&e.base, &n);
	assert_int_equal(n, 7);
	assert_memory_equal(p, ((const uint8_t[]){ 0x08, 0x96, 0x01, 0x7a, 2, 0x68, 0x69 }), 7);
	Test__Everything empty = TEST__EVERYTHING__INIT;
	_cleanup_free_ uint8_t *none = rpc_message_encode(&empty.base, &n);
	assert_int_equal(n, 0);
	assert_non_null(none);
}

/* What is no UTF-8 is mended, wherever it stands, and nothing else is touched. */
static void test_mend(void **state)
{
	Test__Everything e = TEST__EVERYTHING__INIT, inner = TEST__EVERYTHING__INIT,
			 choice = TEST__EVERYTHING__INIT;
	char bad[] = "a\xff\xc3z", good[] = "caf\xc3\xa9", empty[] = "", half[] = "\xe5\x8f";
	char *list[] = { good, bad, empty, half };
	Test__Everything *inners[] = { &inner };
	uint8_t raw[] = { 0xff, 0 };
	size_t n;

	inner.text = bad;
	choice.choice_case = TEST__EVERYTHING__CHOICE_CHOICE_TEXT;
	choice.choice_text = bad;
	e.text = bad;
	e.i64 = -5;
	e.raw = (ProtobufCBinaryData){ 2, raw };
	e.n_text_list = 4;
	e.text_list = list;
	e.n_inner_list = 1;
	e.inner_list = inners;
	e.choice_case = TEST__EVERYTHING__CHOICE_CHOICE_INNER;
	e.choice_inner = &choice;
	_cleanup_free_ uint8_t *p = rpc_message_encode(&e.base, &n);
	Test__Everything *m = decode(p, n);
	assert_string_equal(m->text, "a\xef\xbf\xbd\xef\xbf\xbdz");
	assert_int_equal(m->i64, -5);
	assert_int_equal(m->raw.len, 2);
	assert_memory_equal(m->raw.data, raw, 2);
	assert_string_equal(m->text_list[0], good);
	assert_string_equal(m->text_list[1], "a\xef\xbf\xbd\xef\xbf\xbdz");
	assert_string_equal(m->text_list[2], "");
	assert_string_equal(m->text_list[3], "\xef\xbf\xbd\xef\xbf\xbd");
	assert_string_equal(m->inner_list[0]->text, "a\xef\xbf\xbd\xef\xbf\xbdz");
	assert_string_equal(m->choice_inner->choice_text, "a\xef\xbf\xbd\xef\xbf\xbdz");
	assert_string_equal(bad, "a\xff\xc3z"); /* the caller's own is not written to */
	done(m);
}

/* Whatever decodes, encodes, and decodes again to the same bytes. */
static void test_random_bytes(void **state)
{
	struct rng r;
	int decoded = 0;

	rng_init(&r, 42);
	for (int i = 0; i < 200000; i++) {
		size_t n = rng_below(&r, 24), n1, n2;
		_cleanup_free_ uint8_t *p = xmalloc(n);
		ProtobufCMessage *m = NULL;
		for (size_t k = 0; k < n; k++)
			p[k] = (uint8_t)(rng_below(&r, 2) ? rng_below(&r, 64) : rng_u64(&r));
		if (rpc_message_decode(EVERYTHING, p, n, &m, NULL))
			continue;
		_cleanup_free_ uint8_t *once = rpc_message_encode(m, &n1);
		done((Test__Everything *)m);
		Test__Everything *again = decode(once, n1);
		_cleanup_free_ uint8_t *twice = rpc_message_encode(&again->base, &n2);
		done(again);
		assert_int_equal(n1, n2);
		assert_memory_equal(once, twice, n1);
		decoded++;
	}
	assert_true(decoded > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),  cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_strings), cmocka_unit_test(test_unknown_fields),
		cmocka_unit_test(test_depth),   cmocka_unit_test(test_encode),
		cmocka_unit_test(test_mend),    cmocka_unit_test(test_random_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
