/* SPDX-License-Identifier: Apache-2.0 */
/* probe/icmp.h - ICMP and ICMPv6 echo: the messages (pure), and the sockets of one worker.
 *
 * RFC 792, 4443, 4884. A reply counts when its sequence number, its identifier (raw sockets), its
 * source address and its 16 random bytes are those of a probe under way. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/map.h"
#include "loop/loop.h"

#define ICMP_NONCE_LEN 16
#define ICMP_ECHO_LEN  (8 + ICMP_NONCE_LEN)

struct icmp_echo {
	uint16_t id, seq;
	uint8_t nonce[ICMP_NONCE_LEN];
};

enum icmp_kind {
	ICMP_OTHER, /* nothing that a probe waits for, or malformed */
	ICMP_REPLY,
	ICMP_ERROR, /* about a packet that is quoted in it */
};

/* One received message, taken apart. For an error, everything but `type` and `code` is about the
 * quoted echo request. */
struct icmp_msg {
	enum icmp_kind kind;
	uint8_t type, code;
	uint16_t id, seq;
	struct addr
		quoted_dst; /* of the quoted packet; ADDR_NONE when the quote has no IP header */
	const uint8_t *payload; /* into what was decoded */
	size_t payload_len;
};

/* An echo request, ready to send. The IPv6 checksum is the kernel's to fill in. */
void icmp_echo_encode(enum addr_family f, const struct icmp_echo *e,
		      uint8_t ret[static ICMP_ECHO_LEN]);
/* Take apart what a raw socket gave: IPv4 with its IP header (checksum verified here, as the kernel
 * delivers it unverified), IPv6 without (verified by the kernel). Never fails: ICMP_OTHER. */
void icmp_decode(enum addr_family f, const uint8_t *p, size_t n, struct icmp_msg *ret);
/* Take apart what a ping socket gave: no IP header, either family. */
void icmp_decode_bare(enum addr_family f, const uint8_t *p, size_t n, struct icmp_msg *ret);
/* Take apart what an error queue gave: the ICMP message that the error is about. */
void icmp_decode_quoted(enum addr_family f, const uint8_t *p, size_t n, struct icmp_msg *ret);
/* Are sequence, payload (as much of it as is there) and, with `check_id`, identifier those of `e`?
 * A reply must carry the whole payload; a quote may be cut short. */
bool icmp_matches(const struct icmp_msg *m, const struct icmp_echo *e, bool check_id);
/* "host unreachable", "port unreachable", "time to live exceeded", …; never NULL. */
const char *icmp_error_name(enum addr_family f, uint8_t type, uint8_t code);

/* ---- one worker's sockets */

struct worker;

struct icmp_socket {
	struct worker *w;
	enum addr_family family;
	bool open, raw;
	int fd;
	struct loop_io io;
	uint16_t id;       /* ours, random; ping sockets have their own */
	uint16_t next_seq; /* where the search for a free one begins */
	struct map by_seq; /* targets in flight, by sequence number */
};

/* Randomness for nonces, fetched from the kernel by the block. */
struct icmp_nonces {
	uint8_t pool[64 * ICMP_NONCE_LEN];
	size_t left; /* bytes at the end of pool that were not given out yet */
};

void icmp_socket_close(struct icmp_socket *s); /* no probe of it may be in flight */
