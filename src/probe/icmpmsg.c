/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP messages: bytes in and out, no sockets. */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "base/alloc.h"
#include "base/inet.h"
#include "probe/icmp.h"

#define IP4_HEADER_MIN 20
#define IP6_HEADER     40
#define ICMP_HEADER    8

void icmp_echo_encode(enum addr_family f, const struct icmp_echo *e,
		      uint8_t ret[static ICMP_ECHO_LEN])
{
	memset(ret, 0, ICMP_HEADER);
	ret[0] = f == ADDR_IP4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	inet_put16(ret + 4, e->id);
	inet_put16(ret + 6, e->seq);
	memcpy(ret + ICMP_HEADER, e->nonce, ICMP_NONCE_LEN);
	if (f == ADDR_IP4)
		inet_put16(ret + 2, inet_checksum(ret, ICMP_ECHO_LEN));
}

/* ---- taking apart */

static bool is_error(enum addr_family f, uint8_t type)
{
	if (f == ADDR_IP4)
		return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
		       type == ICMP_PARAMETERPROB;
	return type == ICMP6_DST_UNREACH || type == ICMP6_PACKET_TOO_BIG ||
	       type == ICMP6_TIME_EXCEEDED || type == ICMP6_PARAM_PROB;
}

static bool echo_fields(uint8_t type, const uint8_t *p, size_t n, struct icmp_msg *m)
{
	if (n < ICMP_HEADER || p[0] != type || p[1] != 0)
		return false;
	m->id = inet_get16(p + 4);
	m->seq = inet_get16(p + 6);
	m->payload = p + ICMP_HEADER;
	m->payload_len = n - ICMP_HEADER;
	return true;
}

void icmp_decode_quoted(enum addr_family f, const uint8_t *p, size_t n, struct icmp_msg *ret)
{
	struct icmp_msg m = { .kind = ICMP_ERROR };

	if (!echo_fields(f == ADDR_IP4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST, p, n, &m))
		m.kind = ICMP_OTHER;
	*ret = m;
}

/* An error's body begins with the packet it is about, IP header first. Of ours that is exact: no
 * IPv4 fragment but the first, no IPv6 extension header. */
static bool quoted_packet(enum addr_family f, const uint8_t *p, size_t n, struct icmp_msg *m)
{
	size_t header = IP6_HEADER;

	if (f == ADDR_IP4) {
		if (n < IP4_HEADER_MIN || p[0] >> 4 != 4)
			return false;
		header = (size_t)(p[0] & 15) * 4;
		if (header < IP4_HEADER_MIN || n < header || p[9] != IPPROTO_ICMP ||
		    (inet_get16(p + 6) & 0x1fff) != 0)
			return false;
		/* what follows the packet is RFC 4884's extension, not payload */
		n = MIN(n, MAX((size_t)inet_get16(p + 2), header));
	} else if (n < IP6_HEADER || p[0] >> 4 != 6 || p[6] != IPPROTO_ICMPV6) {
		return false;
	} else {
		n = MIN(n, IP6_HEADER + (size_t)inet_get16(p + 4));
	}
	icmp_decode_quoted(f, p + header, n - header, m);
	m->quoted_dst.family = (uint8_t)f;
	memcpy(m->quoted_dst.b, f == ADDR_IP4 ? p + 16 : p + 24, f == ADDR_IP4 ? 4 : 16);
	return m->kind == ICMP_ERROR;
}

void icmp_decode_bare(enum addr_family f, const uint8_t *p, size_t n, struct icmp_msg *ret)
{
	struct icmp_msg m = { .kind = ICMP_OTHER };

	if (n < ICMP_HEADER) {
		*ret = m;
		return;
	}
	if (echo_fields(f == ADDR_IP4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY, p, n, &m))
		m.kind = ICMP_REPLY;
	else if (!is_error(f, p[0]) || !quoted_packet(f, p + ICMP_HEADER, n - ICMP_HEADER, &m))
		m = (struct icmp_msg){ .kind = ICMP_OTHER };
	m.type = p[0];
	m.code = p[1];
	*ret = m;
}

void icmp_decode(enum addr_family f, const uint8_t *p, size_t n, struct icmp_msg *ret)
{
	size_t header;

	*ret = (struct icmp_msg){ .kind = ICMP_OTHER };
	if (f == ADDR_IP6) {
		icmp_decode_bare(f, p, n, ret);
		return;
	}
	if (n < IP4_HEADER_MIN || p[0] >> 4 != 4)
		return;
	header = (size_t)(p[0] & 15) * 4;
	if (header < IP4_HEADER_MIN || n < header || inet_checksum(p + header, n - header) != 0)
		return;
	icmp_decode_bare(f, p + header, n - header, ret);
}

bool icmp_matches(const struct icmp_msg *m, const struct icmp_echo *e, bool check_id)
{
	if (m->kind == ICMP_OTHER || m->seq != e->seq || (check_id && m->id != e->id))
		return false;
	if (m->kind == ICMP_REPLY && m->payload_len != ICMP_NONCE_LEN)
		return false;
	/* RFC 792 asks for no more than 64 bits after the IP header: such a quote has no payload */
	return memcmp(m->payload, e->nonce, MIN(m->payload_len, (size_t)ICMP_NONCE_LEN)) == 0;
}

/* ---- words */

struct error_name {
	uint8_t type, code;
	const char *name;
};

static const struct error_name names4[] = {
	{ ICMP_DEST_UNREACH, ICMP_NET_UNREACH, "network unreachable" },
	{ ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, "host unreachable" },
	{ ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, "protocol unreachable" },
	{ ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, "port unreachable" },
	{ ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, "fragmentation needed" },
	{ ICMP_DEST_UNREACH, ICMP_SR_FAILED, "source route failed" },
	{ ICMP_DEST_UNREACH, ICMP_NET_UNKNOWN, "network unknown" },
	{ ICMP_DEST_UNREACH, ICMP_HOST_UNKNOWN, "host unknown" },
	{ ICMP_DEST_UNREACH, ICMP_NET_ANO, "network administratively prohibited" },
	{ ICMP_DEST_UNREACH, ICMP_HOST_ANO, "host administratively prohibited" },
	{ ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, "administratively prohibited" },
	{ ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, "time to live exceeded" },
	{ ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, "fragment reassembly time exceeded" },
	{ ICMP_PARAMETERPROB, 0, "parameter problem" },
};

static const struct error_name names6[] = {
	{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE, "no route" },
	{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN, "administratively prohibited" },
	{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_BEYONDSCOPE, "beyond scope" },
	{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, "address unreachable" },
	{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, "port unreachable" },
	{ ICMP6_DST_UNREACH, 5, "source address failed policy" },
	{ ICMP6_DST_UNREACH, 6, "route rejected" },
	{ ICMP6_PACKET_TOO_BIG, 0, "packet too big" },
	{ ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT, "hop limit exceeded" },
	{ ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_REASSEMBLY, "fragment reassembly time exceeded" },
	{ ICMP6_PARAM_PROB, 0, "parameter problem" },
};

const char *icmp_error_name(enum addr_family f, uint8_t type, uint8_t code)
{
	const struct error_name *v = f == ADDR_IP4 ? names4 : names6;
	size_t n = f == ADDR_IP4 ? ARRAY_LEN(names4) : ARRAY_LEN(names6);

	for (size_t i = 0; i < n; i++)
		if (v[i].type == type && v[i].code == code)
			return v[i].name;
	return is_error(f, type) && type == (f == ADDR_IP4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH)
		       ? "unreachable"
		       : "ICMP error";
}
