/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsim/packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/inet.h"

#define IP4_LEN        20
#define IP6_LEN        40
#define IP4_VERSION_5  0x45 /* five words of header */
#define IP6_VERSION    0x60
#define PORTS_LEN      4
#define OUTER_HOPS     128
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd

/* ---- reading */

static int parse_ip4(const uint8_t *p, size_t n, struct packet *pkt, struct err *err)
{
	size_t header = (size_t)(p[0] & 0xf) * 4;

	if (n < IP4_LEN)
		return err_set(err, -EBADMSG, "%zu bytes are no IPv4 header", n);
	pkt->len = inet_get16(p + 2);
	if (header < IP4_LEN || pkt->len < header)
		return err_set(err, -EBADMSG, "IPv4: header of %zu bytes in a packet of %u", header,
			       pkt->len);
	pkt->is_ip4 = true;
	pkt->protocol = p[9];
	memcpy(pkt->dst.b + 12, p + 16, 4);
	return 0;
}

static int parse_ip6(const uint8_t *p, size_t n, struct packet *pkt, struct err *err)
{
	if (n < IP6_LEN)
		return err_set(err, -EBADMSG, "%zu bytes are no IPv6 header", n);
	pkt->len = inet_get16(p + 4) + (uint32_t)IP6_LEN;
	pkt->protocol = p[6];
	memcpy(pkt->dst.b, p + 24, sizeof pkt->dst.b);
	return 0;
}

static size_t fixed_header(const struct packet *pkt)
{
	return pkt->is_ip4 ? IP4_LEN : IP6_LEN;
}

static int parse_ports(struct packet *pkt, struct err *err)
{
	const uint8_t *ports = pkt->p + fixed_header(pkt);

	if (pkt->protocol != IPPROTO_TCP && pkt->protocol != IPPROTO_UDP)
		return 0;
	if (pkt->len < fixed_header(pkt) + PORTS_LEN)
		return err_set(err, -EBADMSG, "protocol %u without ports", pkt->protocol);
	pkt->src_port = inet_get16(ports);
	pkt->dst_port = inet_get16(ports + 2);
	return 0;
}

int packet_parse(const uint8_t *p, size_t n, struct packet *ret, struct err *err)
{
	struct packet pkt = { .p = p };
	int r;

	if (n == 0 || (p[0] >> 4 != 4 && p[0] >> 4 != 6))
		return err_set(err, -EBADMSG, "neither IPv4 nor IPv6");
	r = p[0] >> 4 == 4 ? parse_ip4(p, n, &pkt, err) : parse_ip6(p, n, &pkt, err);
	if (!r && pkt.len > n)
		r = err_set(err, -EBADMSG, "%zu bytes of a packet of %u", n, pkt.len);
	if (!r)
		r = parse_ports(&pkt, err);
	if (!r)
		*ret = pkt;
	return r;
}

/* ---- the hash */

uint32_t packet_crc32c(uint32_t crc, const uint8_t *p, size_t n)
{
	/* Four bits at a time: entry i is what is left of i after four steps of the division. */
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

/* Five words go in: addresses, then the ports as a number (source << 16 | destination) of what a
 * little-endian processor makes of the two fields, which is destination first in memory; the words
 * left over are 0. */
uint32_t packet_hash(const struct packet *pkt, bool src_ip_sticky)
{
	uint8_t key[5 * sizeof(uint64_t)] = { 0 };
	size_t n = pkt->is_ip4 ? 8 : 32;

	memcpy(key, pkt->p + (pkt->is_ip4 ? 12 : 8), n);
	if (!src_ip_sticky) {
		inet_put16(key + n, pkt->dst_port);
		inet_put16(key + n + 2, pkt->src_port);
	}
	return packet_crc32c(0, key, sizeof key);
}

/* ---- writing */

static void put_gre(uint8_t *gre, const struct packet *pkt)
{
	inet_put16(gre, 0);
	inet_put16(gre + 2, pkt->is_ip4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
}

int packet_gre4(const struct packet *pkt, const struct ip46 *src, const struct ip46 *dst,
		uint8_t ret_outer[static PACKET_GRE4_LEN])
{
	uint8_t *o = ret_outer;

	if (pkt->len + PACKET_GRE4_LEN > PACKET_MAX)
		return -EMSGSIZE;
	memset(o, 0, PACKET_GRE4_LEN);
	o[0] = IP4_VERSION_5;
	inet_put16(o + 2, (uint16_t)(pkt->len + PACKET_GRE4_LEN));
	o[8] = OUTER_HOPS;
	o[9] = IPPROTO_GRE;
	memcpy(o + 12, src->b + 12, 4);
	memcpy(o + 16, dst->b + 12, 4);
	inet_put16(o + 10, inet_checksum(o, IP4_LEN));
	put_gre(o + IP4_LEN, pkt);
	return 0;
}

int packet_gre6(const struct packet *pkt, const struct ip46 *src, const struct ip46 *dst,
		uint8_t ret_outer[static PACKET_GRE6_LEN])
{
	uint8_t *o = ret_outer;
	size_t payload = pkt->len + PACKET_GRE6_LEN - IP6_LEN;

	if (payload > PACKET_MAX)
		return -EMSGSIZE;
	memset(o, 0, PACKET_GRE6_LEN);
	o[0] = IP6_VERSION;
	inet_put16(o + 4, (uint16_t)payload);
	o[6] = IPPROTO_GRE;
	o[7] = OUTER_HOPS;
	memcpy(o + 8, src->b, sizeof src->b);
	memcpy(o + 24, dst->b, sizeof dst->b);
	put_gre(o + IP6_LEN, pkt);
	return 0;
}
