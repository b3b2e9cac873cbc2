/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/packet.h - the packets that --forward takes and sends (pure: bytes in, bytes out).
 *
 * Read exactly as far as the lb plugin reads them (src/plugins/lb/node.c, lb_node_get_hash): ports
 * are where they are in a packet without options or extension headers, whether it has some or not,
 * and fragments are not told from other packets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "lbsim/ip46.h"

#define PACKET_MAX 65535
#define PACKET_GRE4_LEN                                                                            \
	24 /* what encapsulation puts in front: an IPv4 header and GRE's four bytes */
#define PACKET_GRE6_LEN  44 /* the same over IPv6 */
#define PACKET_OUTER_MAX PACKET_GRE6_LEN

struct packet {
	const uint8_t *p; /* the IP packet, borrowed */
	uint32_t len;     /* as its header tells it; what comes behind is padding */
	bool is_ip4;
	uint8_t protocol;            /* for IPv6 the first next header */
	struct ip46 dst;             /* for IPv4 in the last four bytes */
	uint16_t src_port, dst_port; /* host order; 0 when neither TCP nor UDP */
};

/* 0, or -EBADMSG with `err` (may be NULL): no IP, a length that the bytes do not bear out, or TCP
 * or UDP without room for ports. */
int packet_parse(const uint8_t *p, size_t n, struct packet *ret, struct err *err);

/* The plugin's hash of a flow (vppinfra/lb_hash_hash.h where the processor has CRC32C
 * instructions): CRC32C of addresses and ports, or of addresses alone when src_ip_sticky. */
uint32_t packet_hash(const struct packet *pkt, bool src_ip_sticky);
/* Its arithmetic: Castagnoli's polynomial, reflected, nothing inverted. */
uint32_t packet_crc32c(uint32_t crc, const uint8_t *p, size_t n);

/* The outer headers of `pkt`: PACKET_GRE4_LEN or PACKET_GRE6_LEN bytes as the plugin writes them:
 * hop limit 128, GRE without options, the inner family as its protocol. 0, or -EMSGSIZE: the sum
 * does not fit a packet. */
int packet_gre4(const struct packet *pkt, const struct ip46 *src, const struct ip46 *dst,
		uint8_t ret_outer[static PACKET_GRE4_LEN]);
int packet_gre6(const struct packet *pkt, const struct ip46 *src, const struct ip46 *dst,
		uint8_t ret_outer[static PACKET_GRE6_LEN]);
