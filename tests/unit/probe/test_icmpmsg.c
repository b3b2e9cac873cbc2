/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "probe/icmp.h"

static const struct icmp_echo echo = { .id = 0x1234,
				       .seq = 0xabcd,
				       .nonce = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
						  16 } };

/* RFC 1071, written differently from the one under test. */
static uint16_t sum(const uint8_t *p, size_t n)
{
	uint64_t s = 0;

	for (size_t i = 0; i < n; i++)
		s += i % 2 ? p[i] : (uint64_t)p[i] << 8;
	while (s > 0xffff)
		s = s % 0x10000 + s / 0x10000;
	return (uint16_t)(0xffff - s);
}

static void seal(uint8_t *p, size_t n)
{
	uint16_t c;

	p[2] = p[3] = 0;
	c = sum(p, n);
	p[2] = (uint8_t)(c >> 8);
	p[3] = (uint8_t)c;
}

static size_t ip4_header(uint8_t *p, size_t payload, uint8_t protocol)
{
	memset(p, 0, 20);
	p[0] = 0x45;
	p[2] = (uint8_t)((20 + payload) >> 8);
	p[3] = (uint8_t)(20 + payload);
	p[9] = protocol;
	memcpy(p + 16, (const uint8_t[]){ 192, 0, 2, 7 }, 4);
	return 20;
}

/* What a raw socket gives for the echo reply to `echo`. */
static size_t reply4(uint8_t *p)
{
	size_t at = ip4_header(p, ICMP_ECHO_LEN, 1);

	icmp_echo_encode(ADDR_IP4, &echo, p + at);
	p[at] = 0;
	seal(p + at, ICMP_ECHO_LEN);
	return at + ICMP_ECHO_LEN;
}

/* "host unreachable" that quotes `quoted` bytes of the ICMP message of ours. */
static size_t error4(uint8_t *p, size_t quoted)
{
	size_t at = ip4_header(p, 8 + 20 + quoted, 1), inner = at + 8;
	uint8_t request[ICMP_ECHO_LEN];

	memset(p + at, 0, 8);
	p[at] = 3;
	p[at + 1] = 1;
	inner += ip4_header(p + inner, ICMP_ECHO_LEN, 1);
	icmp_echo_encode(ADDR_IP4, &echo, request);
	memcpy(p + inner, request, quoted);
	seal(p + at, 8 + 20 + quoted);
	return inner + quoted;
}

static void test_encode(void **state)
{
	static const uint8_t head6[] = { 128, 0, 0, 0, 0x12, 0x34, 0xab, 0xcd };
	uint8_t p[ICMP_ECHO_LEN];

	icmp_echo_encode(ADDR_IP4, &echo, p);
	assert_int_equal(p[0], 8);
	assert_int_equal(p[1], 0);
	assert_int_equal(sum(p, sizeof p), 0);
	assert_memory_equal(p + 4, head6 + 4, 4);
	assert_memory_equal(p + 8, echo.nonce, ICMP_NONCE_LEN);
	icmp_echo_encode(ADDR_IP6, &echo, p);
	assert_memory_equal(p, head6, sizeof head6);
	assert_memory_equal(p + 8, echo.nonce, ICMP_NONCE_LEN);
}

static void test_reply4(void **state)
{
	uint8_t p[128];
	size_t n = reply4(p);
	struct icmp_msg m;

	icmp_decode(ADDR_IP4, p, n, &m);
	assert_int_equal(m.kind, ICMP_REPLY);
	assert_true(icmp_matches(&m, &echo, true));
	icmp_decode_bare(ADDR_IP4, p + 20, n - 20, &m);
	assert_true(icmp_matches(&m, &echo, true));
}

/* Any bit that is not ours, and a reply is somebody else's. */
static void test_reply4_one_bit_off(void **state)
{
	uint8_t p[128], q[128];
	size_t n = reply4(p);

	for (size_t bit = 0; bit < (n - 20) * 8; bit++) {
		struct icmp_msg m;

		memcpy(q, p, n);
		q[20 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		icmp_decode(ADDR_IP4, q, n, &m);
		assert_int_equal(m.kind, ICMP_OTHER); /* the checksum does not fit */
		if (bit / 8 == 2 || bit / 8 == 3)
			continue;
		seal(q + 20, n - 20);
		icmp_decode(ADDR_IP4, q, n, &m);
		assert_false(icmp_matches(&m, &echo, true));
	}
}

static void test_reply_lengths(void **state)
{
	uint8_t p[128];
	size_t n = reply4(p);
	struct icmp_msg m;

	for (size_t len = 0; len < n; len++) {
		uint8_t *q = xmemdup(p, len);

		if (len >= 28)
			seal(q + 20, len - 20);
		icmp_decode(ADDR_IP4, q, len, &m);
		assert_false(icmp_matches(&m, &echo, true));
		free(q);
	}
	p[n] = 0; /* longer than ours */
	seal(p + 20, n + 1 - 20);
	icmp_decode(ADDR_IP4, p, n + 1, &m);
	assert_int_equal(m.kind, ICMP_REPLY);
	assert_false(icmp_matches(&m, &echo, true));
}

static void test_reply6(void **state)
{
	uint8_t p[ICMP_ECHO_LEN];
	struct icmp_echo other = echo;
	struct icmp_msg m;

	icmp_echo_encode(ADDR_IP6, &echo, p);
	icmp_decode(ADDR_IP6, p, sizeof p, &m);
	assert_int_equal(m.kind, ICMP_OTHER); /* a request */
	p[0] = 129;
	icmp_decode(ADDR_IP6, p, sizeof p, &m);
	assert_int_equal(m.kind, ICMP_REPLY);
	assert_true(icmp_matches(&m, &echo, true));
	other.id++;
	assert_false(icmp_matches(&m, &other, true));
	assert_true(icmp_matches(&m, &other, false)); /* ping sockets: the kernel's identifier */
	other.nonce[15]++;
	assert_false(icmp_matches(&m, &other, false));
}

static void test_error4(void **state)
{
	uint8_t p[128];
	struct icmp_msg m;
	struct addr dst;

	assert_int_equal(addr_parse("192.0.2.7", &dst), 0);
	for (size_t quoted = 8; quoted <= ICMP_ECHO_LEN; quoted++) {
		size_t n = error4(p, quoted);

		icmp_decode(ADDR_IP4, p, n, &m);
		assert_int_equal(m.kind, ICMP_ERROR);
		assert_int_equal(m.type, 3);
		assert_int_equal(m.code, 1);
		assert_true(addr_eq(&m.quoted_dst, &dst));
		assert_true(icmp_matches(&m, &echo, true));
		if (quoted > 8) {
			p[n - 1] ^= 1;
			seal(p + 20, n - 20);
			icmp_decode(ADDR_IP4, p, n, &m);
			assert_false(icmp_matches(&m, &echo, true));
		}
	}
	icmp_decode(ADDR_IP4, p, error4(p, 7), &m);
	assert_int_equal(m.kind, ICMP_OTHER);
}

static void test_error4_with_an_extension(void **state)
{
	uint8_t p[256] = { 0 };
	size_t n = 20 + 8 + 128 + 12;
	struct icmp_msg m;

	/* RFC 4884: zero padding to 128 bytes, then more */
	(void)error4(p, ICMP_ECHO_LEN);
	seal(p + 20, n - 20);
	icmp_decode(ADDR_IP4, p, n, &m);
	assert_int_equal(m.kind, ICMP_ERROR);
	assert_int_equal(m.payload_len, ICMP_NONCE_LEN);
	assert_true(icmp_matches(&m, &echo, true));
}

static void test_error4_about_others(void **state)
{
	uint8_t p[128];
	size_t n = error4(p, ICMP_ECHO_LEN);
	struct icmp_msg m;

	p[20 + 8 + 9] = 17; /* about UDP */
	seal(p + 20, n - 20);
	icmp_decode(ADDR_IP4, p, n, &m);
	assert_int_equal(m.kind, ICMP_OTHER);
	n = error4(p, ICMP_ECHO_LEN);
	p[20 + 8 + 7] = 1; /* about a later fragment */
	seal(p + 20, n - 20);
	icmp_decode(ADDR_IP4, p, n, &m);
	assert_int_equal(m.kind, ICMP_OTHER);
	n = error4(p, ICMP_ECHO_LEN);
	p[20] = 5; /* a redirect is no verdict */
	seal(p + 20, n - 20);
	icmp_decode(ADDR_IP4, p, n, &m);
	assert_int_equal(m.kind, ICMP_OTHER);
}

static void test_error6(void **state)
{
	uint8_t p[8 + 40 + ICMP_ECHO_LEN] = { 1, 4 };
	struct icmp_msg m;
	struct addr dst;

	assert_int_equal(addr_parse("2001:db8::7", &dst), 0);
	p[8] = 0x60;
	p[8 + 5] = ICMP_ECHO_LEN;
	p[8 + 6] = 58;
	memcpy(p + 8 + 24, dst.b, 16);
	icmp_echo_encode(ADDR_IP6, &echo, p + 48);
	icmp_decode(ADDR_IP6, p, sizeof p, &m);
	assert_int_equal(m.kind, ICMP_ERROR);
	assert_true(addr_eq(&m.quoted_dst, &dst));
	assert_true(icmp_matches(&m, &echo, true));
	assert_string_equal(icmp_error_name(ADDR_IP6, m.type, m.code), "port unreachable");
	for (size_t n = 0; n < 48 + 8; n++) {
		uint8_t *q = xmemdup(p, n);

		icmp_decode(ADDR_IP6, q, n, &m);
		assert_int_equal(m.kind, ICMP_OTHER);
		free(q);
	}
}

static void test_error_names(void **state)
{
	assert_string_equal(icmp_error_name(ADDR_IP4, 3, 1), "host unreachable");
	assert_string_equal(icmp_error_name(ADDR_IP4, 11, 0), "time to live exceeded");
	assert_string_equal(icmp_error_name(ADDR_IP4, 3, 200), "unreachable");
	assert_string_equal(icmp_error_name(ADDR_IP6, 1, 1), "administratively prohibited");
	assert_string_equal(icmp_error_name(ADDR_IP6, 200, 1), "ICMP error");
}

static void test_random_bytes(void **state)
{
	struct rng rng;

	rng_init(&rng, 12);
	for (int i = 0; i < 50000; i++) {
		size_t n = rng_below(&rng, 120);
		uint8_t *p = xmalloc(n + 1);
		enum addr_family f = i % 2 ? ADDR_IP4 : ADDR_IP6;
		struct icmp_msg m;

		for (size_t k = 0; k < n; k++)
			p[k] = (uint8_t)rng_u64(&rng);
		if (n > 30 && i % 4 < 2) {
			p[0] = 0x45;
			p[20] = i % 8 < 4 ? 3 : 0;
			seal(p + 20, n - 20);
		}
		icmp_decode(f, p, n, &m);
		assert_false(icmp_matches(&m, &echo, true));
		icmp_decode_quoted(f, p, n, &m);
		assert_false(icmp_matches(&m, &echo, true));
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_reply4),
		cmocka_unit_test(test_reply4_one_bit_off),
		cmocka_unit_test(test_reply_lengths),
		cmocka_unit_test(test_reply6),
		cmocka_unit_test(test_error4),
		cmocka_unit_test(test_error4_with_an_extension),
		cmocka_unit_test(test_error4_about_others),
		cmocka_unit_test(test_error6),
		cmocka_unit_test(test_error_names),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
