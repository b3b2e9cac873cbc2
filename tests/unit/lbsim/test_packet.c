/* SPDX-License-Identifier: Apache-2.0 */
/* Packets as --forward reads and writes them. The outer headers' bytes are what RFC 791, 8200 and
 * 2784 say; the hashes were computed by hand from the CRC's definition. */
#include "lbsim/packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"

static const uint8_t tcp4[] = {
	0x45, 0x00, 0x00, 0x2c, 0x12, 0x34, 0x40, 0x00, 0x3f, 0x06, 0x00, 0x00, /* TTL 63, TCP */
	10,   77,   1,    2,    192,  0,    2,    80,   0x4e, 0x20, 0x00, 0x50, /* 20000 -> 80 */
	0,    0,    0,    0,    0,    0,    0,    0,    0x50, 0x10, 0,    0,
	0,    0,    0,    0,    'a',  'b',  'c',  'd',
};
static const uint8_t udp6[] = {
	0x60, 0,   0, 0, 0, 10, 17, 64,   0xfd, 0x77, 0,    1,    0, 0,  0, 0,
	0,    0,   0, 0, 0, 0,  0,  2,    0x20, 0x01, 0x0d, 0xb8, 0, 0,  0, 0,
	0,    0,   0, 0, 0, 0,  0,  0x80, 0x30, 0x39, 0x00, 0x35, 0, 10, 0, 0, /* 12345 -> 53 */
	'h',  'i',
};

static struct ip46 ip(const char *s)
{
	struct addr a;
	assert_int_equal(addr_parse(s, &a), 0);
	return ip46_from_addr(&a);
}

static struct packet parsed(const uint8_t *p, size_t n)
{
	struct packet pkt;
	assert_int_equal(packet_parse(p, n, &pkt, NULL), 0);
	return pkt;
}

static void refused(const uint8_t *p, size_t n, const char *why)
{
	struct packet pkt = { .len = 4711 };
	struct err err = { 0 };
	_cleanup_free_ uint8_t *copy = xmemdup(p, n ? n : 1); /* its end is the heap's */
	assert_int_equal(packet_parse(copy, n, &pkt, &err), -EBADMSG);
	assert_string_equal(err.msg, why);
	assert_int_equal(pkt.len, 4711);
}

static void test_tcp_over_ip4(void **state)
{
	struct packet pkt = parsed(tcp4, sizeof tcp4);
	const struct ip46 vip = ip("192.0.2.80");
	assert_true(pkt.is_ip4);
	assert_int_equal(pkt.len, 44);
	assert_int_equal(pkt.protocol, 6);
	assert_int_equal(pkt.src_port, 20000);
	assert_int_equal(pkt.dst_port, 80);
	assert_true(ip46_eq(&pkt.dst, &vip));
}

static void test_udp_over_ip6(void **state)
{
	struct packet pkt = parsed(udp6, sizeof udp6);
	const struct ip46 vip = ip("2001:db8::80");
	assert_false(pkt.is_ip4);
	assert_int_equal(pkt.len, 50);
	assert_int_equal(pkt.protocol, 17);
	assert_int_equal(pkt.src_port, 12345);
	assert_int_equal(pkt.dst_port, 53);
	assert_true(ip46_eq(&pkt.dst, &vip));
}

static void test_padding_is_not_part_of_it(void **state)
{
	uint8_t padded[sizeof tcp4 + 16] = { 0 };
	memcpy(padded, tcp4, sizeof tcp4);
	assert_int_equal(parsed(padded, sizeof padded).len, 44);
}

static void test_other_protocols_have_no_ports(void **state)
{
	uint8_t icmp[sizeof tcp4];
	memcpy(icmp, tcp4, sizeof icmp);
	icmp[9] = 1;
	struct packet pkt = parsed(icmp, sizeof icmp);
	assert_int_equal(pkt.protocol, 1);
	assert_int_equal(pkt.src_port, 0);
	assert_int_equal(pkt.dst_port, 0);
	/* Nor need they have room for any. */
	icmp[3] = 20;
	assert_int_equal(parsed(icmp, 20).len, 20);
}

/* The plugin looks where ports are without options. */
static void test_options_are_taken_for_ports(void **state)
{
	uint8_t opt[sizeof tcp4];
	memcpy(opt, tcp4, sizeof opt);
	opt[0] = 0x46;
	opt[20] = 0x94; /* router alert */
	opt[21] = 0x04;
	assert_int_equal(parsed(opt, sizeof opt).src_port, 0x9404);
}

static void test_bad_packets(void **state)
{
	uint8_t bad[sizeof tcp4];
	refused(tcp4, 0, "neither IPv4 nor IPv6");
	refused(tcp4, 19, "19 bytes are no IPv4 header");
	refused(tcp4, 43, "43 bytes of a packet of 44");
	refused(udp6, 39, "39 bytes are no IPv6 header");
	refused(udp6, 49, "49 bytes of a packet of 50");
	memcpy(bad, tcp4, sizeof bad);
	bad[0] = 0x55;
	refused(bad, sizeof bad, "neither IPv4 nor IPv6");
	bad[0] = 0x44;
	refused(bad, sizeof bad, "IPv4: header of 16 bytes in a packet of 44");
	bad[0] = 0x4f;
	refused(bad, sizeof bad, "IPv4: header of 60 bytes in a packet of 44");
	bad[0] = 0x45;
	bad[3] = 23;
	refused(bad, sizeof bad, "protocol 6 without ports");
}

/* ---- the hash */

/* Bit by bit, as the polynomial says. */
static uint32_t slow_crc32c(uint32_t crc, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

static void test_crc32c(void **state)
{
	struct rng r;
	uint8_t bytes[64];
	rng_init(&r, 7);
	/* RFC 3720, appendix B.4; its CRC is inverted before and after. */
	memset(bytes, 0, sizeof bytes);
	assert_int_equal(~packet_crc32c(~0u, bytes, 32), 0x8a9136aa);
	assert_int_equal(~packet_crc32c(~0u, (const uint8_t *)"123456789", 9), 0xe3069283);
	for (int i = 0; i < 1000; i++) {
		for (size_t b = 0; b < sizeof bytes; b++)
			bytes[b] = (uint8_t)rng_u64(&r);
		assert_int_equal(packet_crc32c(bytes[0], bytes, bytes[1] % 65),
				 slow_crc32c(bytes[0], bytes, bytes[1] % 65));
	}
}

static void test_hash_of_a_flow(void **state)
{
	struct packet pkt = parsed(tcp4, sizeof tcp4);
	const uint8_t ip4[40] = { 10, 77, 1, 2, 192, 0, 2, 80, 0x00, 0x50, 0x4e, 0x20 };
	uint8_t ip6[40] = { 0 };
	assert_int_equal(packet_hash(&pkt, false), slow_crc32c(0, ip4, sizeof ip4));
	uint8_t addresses[40] = { 0 };
	memcpy(addresses, ip4, 8);
	assert_int_equal(packet_hash(&pkt, true), slow_crc32c(0, addresses, sizeof addresses));

	pkt = parsed(udp6, sizeof udp6);
	memcpy(ip6, udp6 + 8, 32);
	assert_int_equal(packet_hash(&pkt, true), slow_crc32c(0, ip6, sizeof ip6));
	memcpy(ip6 + 32, udp6 + 42, 2);
	memcpy(ip6 + 34, udp6 + 40, 2);
	assert_int_equal(packet_hash(&pkt, false), slow_crc32c(0, ip6, sizeof ip6));
}

/* ---- encapsulation */

static void test_gre4(void **state)
{
	const struct packet inner4 = parsed(tcp4, sizeof tcp4), inner6 = parsed(udp6, sizeof udp6);
	const struct ip46 src = ip("192.0.2.1"), dst = ip("198.51.100.10");
	const uint8_t want[] = { 0x45, 0, 0, 68, 0,   0,  0,   0,  128, 47, 0x8a, 0x86,
				 192,  0, 2, 1,  198, 51, 100, 10, 0,   0,  0x08, 0x00 };
	uint8_t got[PACKET_GRE4_LEN];
	uint32_t sum = 0;
	assert_int_equal(packet_gre4(&inner4, &src, &dst, got), 0);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(got[i] << 8 | got[i + 1]);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff); /* RFC 1071 */
	got[10] = want[10];
	got[11] = want[11];
	assert_memory_equal(got, want, sizeof want);
	assert_int_equal(packet_gre4(&inner6, &src, &dst, got), 0);
	assert_int_equal(got[3], 74);
	assert_int_equal(got[22] << 8 | got[23], 0x86dd);
}

static void test_gre6(void **state)
{
	const struct packet inner4 = parsed(tcp4, sizeof tcp4), inner6 = parsed(udp6, sizeof udp6);
	const struct ip46 src = ip("2001:db8::1"), dst = ip("2001:db8:1::10");
	const uint8_t want[] = { 0x60, 0, 0, 0, 0, 48, 47, 128,  0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0,
				 0,    0, 0, 0, 0, 0,  0,  1,    0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0,
				 0,    0, 0, 0, 0, 0,  0,  0x10, 0,    0,    0x08, 0x00 };
	uint8_t got[PACKET_GRE6_LEN];
	assert_int_equal(packet_gre6(&inner4, &src, &dst, got), 0);
	assert_memory_equal(got, want, sizeof want);
	assert_int_equal(packet_gre6(&inner6, &src, &dst, got), 0);
	assert_int_equal(got[5], 54);
	assert_int_equal(got[42] << 8 | got[43], 0x86dd);
}

static void test_what_does_not_fit(void **state)
{
	struct packet pkt = parsed(tcp4, sizeof tcp4);
	const struct ip46 four = ip("192.0.2.1"), six = ip("2001:db8::1");
	uint8_t outer[PACKET_OUTER_MAX];
	pkt.len = 65535 - 24;
	assert_int_equal(packet_gre4(&pkt, &four, &four, outer), 0);
	pkt.len++;
	assert_int_equal(packet_gre4(&pkt, &four, &four, outer), -EMSGSIZE);
	pkt.len = 65535 - 4; /* the fixed header does not count */
	assert_int_equal(packet_gre6(&pkt, &six, &six, outer), 0);
	pkt.len++;
	assert_int_equal(packet_gre6(&pkt, &six, &six, outer), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_over_ip4),
		cmocka_unit_test(test_udp_over_ip6),
		cmocka_unit_test(test_padding_is_not_part_of_it),
		cmocka_unit_test(test_other_protocols_have_no_ports),
		cmocka_unit_test(test_options_are_taken_for_ports),
		cmocka_unit_test(test_bad_packets),
		cmocka_unit_test(test_crc32c),
		cmocka_unit_test(test_hash_of_a_flow),
		cmocka_unit_test(test_gre4),
		cmocka_unit_test(test_gre6),
		cmocka_unit_test(test_what_does_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
