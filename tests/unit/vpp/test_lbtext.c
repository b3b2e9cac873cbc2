/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of `show lb vips verbose` against a real VPP's text and against nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/str.h"
#include "core/model.h"
#include "vpp/lbtext.h"

/* As VPP 26.10 prints it, a deleted VIP and deleted ASes included. */
static const char real[] = " ip4-gre4 [1] 192.0.2.80/32\n"
			   "  new_size:1024\n"
			   "  protocol:6 port:80\n"
			   "  counters:\n"
			   "    packet from existing sessions: 0\n"
			   "    no server configured: 0\n"
			   "  #as:2\n"
			   "    198.51.100.10 weight:100 buckets:844 flows:0 dpo:9 used\n"
			   "    198.51.100.11 weight:20 buckets:180 flows:0 dpo:10  removed\n"
			   "\n"
			   " ip4-gre4 [2] 192.0.2.80/32 src_ip_sticky\n"
			   "  new_size:1024\n"
			   "  protocol:6 port:443\n"
			   "  #as:0\n"
			   "\n"
			   " ip6-gre6 [3] 2001:db8:1::80/128 removed\n"
			   "  new_size:65536\n"
			   "  protocol:17 port:53\n"
			   "\n"
			   " ip6-gre6 [7] 2001:db8:1::80/128 src_ip_sticky\n"
			   "  new_size:65536\n"
			   "  protocol:17 port:53\n"
			   "\n"
			   " ip6-gre4 [4] 2001:db8:1::81/128\n"
			   "  new_size:2048\n"
			   "  counters:\n"
			   "\n";

static struct vip_key key(const char *addr, uint8_t len, uint8_t proto, uint16_t port)
{
	struct vip_key k = { .prefix.len = len, .proto = proto, .port = port };

	assert_int_equal(addr_parse(addr, &k.prefix.addr), 0);
	return k;
}

static void expect(const struct lbtext *t, struct vip_key k, uint32_t index, bool sticky)
{
	const struct lbtext_vip *v = lbtext_find(t, &k);

	assert_non_null(v);
	assert_int_equal(v->index, index);
	assert_int_equal(v->sticky, sticky);
}

static void expect_real(const struct lbtext *t)
{
	assert_int_equal(t->n, 4);
	expect(t, key("192.0.2.80", 32, PROTO_TCP, 80), 1, false);
	expect(t, key("192.0.2.80", 32, PROTO_TCP, 443), 2, true);
	expect(t, key("2001:db8:1::80", 128, PROTO_UDP, 53), 7, true);
	expect(t, key("2001:db8:1::81", 128, PROTO_ANY, 0), 4, false);
	struct vip_key k = key("2001:db8:1::80", 128, PROTO_UDP, 53);
	assert_int_equal(lbtext_find(t, &k)->table_len, 65536);
}

static void test_real_text(void **state)
{
	struct lbtext t = { 0 };

	lbtext_parse(real, sizeof real - 1, &t);
	expect_real(&t);
	/* and again into the same memory */
	lbtext_parse(real, sizeof real - 1, &t);
	expect_real(&t);
	lbtext_done(&t);
}

static void test_cr_lf(void **state)
{
	struct lbtext t = { 0 };
	struct str crlf = { 0 };

	for (const char *p = real; *p; p++) {
		if (*p == '\n')
			str_add_c(&crlf, '\r');
		str_add_c(&crlf, *p);
	}
	lbtext_parse(crlf.p, crlf.len, &t);
	expect_real(&t);
	str_done(&crlf);
	lbtext_done(&t);
}

/* What a row makes of the parser: NULL key address when nothing is to be found. */
static const struct {
	const char *text;
	size_t n;
} odd[] = {
	{ "", 0 },
	{ "\n\n\n", 0 },
	{ "no vips here\n", 0 },
	{ " ip4-gre4 [0] 192.0.2.1/32\n", 0 },          /* the placeholder */
	{ " ip4-gre4 [1] 192.0.2.1/33\n", 0 },          /* no such length */
	{ " ip4-gre4 [1] 192.0.2.1\n", 0 },             /* no prefix */
	{ " ip4-gre4 [1] 192.0.2.300/32\n", 0 },        /* no address */
	{ " ip4-gre4 [] 192.0.2.1/32\n", 0 },           /* no index */
	{ " ip4-gre4 [4294967296] 192.0.2.1/32\n", 0 }, /* too large an index */
	{ " ip4-gre4 [-1] 192.0.2.1/32\n", 0 },
	{ " ip4-gre4 [1x] 192.0.2.1/32\n", 0 },
	{ " ip4-gre4 [1] 192.0.2.1/32", 1 }, /* no newline at the end */
	{ " ip4-new9 [1] 192.0.2.1/32 brand new flags\n", 1 },
	{ " ip4-gre4 [1] 192.0.2.1/32 a b c d e f g h i j k l m\n", 1 },
	{ " ip4-gre4 [1] 192.0.2.1/32\n  protocol:6 port:70000\n", 0 },
	{ " ip4-gre4 [1] 192.0.2.1/32\n  protocol:x port:80\n", 0 },
	{ " ip4-gre4 [1] 192.0.2.1/32\n  protocol:6\n", 1 },
	{ " ip4-gre4 [1] 192.0.2.1/32\n ip4-gre4 [2] 192.0.2.1/32\n", 0 }, /* ambiguous */
	{ " ip4-gre4 [1] 192.0.2.1/32\n ip4-gre4 [2] 192.0.2.1/32 removed\n", 1 },
	{ " ip4-gre4 [1] 192.0.2.1/32 removed\n  protocol:6 port:80\n", 0 },
	{ "  protocol:6 port:80\n", 0 }, /* without a VIP above it */
};

static void test_tolerance(void **state)
{
	struct lbtext t = { 0 };

	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		lbtext_parse(odd[i].text, strlen(odd[i].text), &t);
		if (t.n != odd[i].n)
			fail_msg("row %zu: %zu instead of %zu", i, t.n, odd[i].n);
	}
	lbtext_done(&t);
}

static void test_find_in_nothing(void **state)
{
	struct lbtext t = { 0 };
	struct vip_key k = key("192.0.2.1", 32, PROTO_ANY, 0);

	assert_null(lbtext_find(&t, &k));
	lbtext_parse("", 0, &t);
	assert_null(lbtext_find(&t, &k));
	lbtext_done(&t);
}

/* Random damage: never more VIPs than head lines, always sorted and distinct, no sanitizer report.
 */
static void test_damaged(void **state)
{
	struct lbtext t = { 0 };
	struct rng r;

	rng_init(&r, 4711);
	for (int round = 0; round < 2000; round++) {
		size_t n = rng_below(&r, sizeof real);
		char *copy = malloc(n + 1);

		memcpy(copy, real, n);
		for (int k = 0; k < 5 && n > 0; k++)
			copy[rng_below(&r, n)] = (char)rng_below(&r, 256);
		lbtext_parse(copy, n, &t);
		assert_true(t.n <= 10);
		for (size_t i = 1; i < t.n; i++)
			assert_true(vip_key_cmp(&t.v[i - 1].key, &t.v[i].key) < 0);
		free(copy);
	}
	lbtext_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_text), cmocka_unit_test(test_cr_lf),
		cmocka_unit_test(test_tolerance), cmocka_unit_test(test_find_in_nothing),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
