/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/str.h"

_Static_assert(ADDR_STRLEN >= INET6_ADDRSTRLEN, "room for any text form");

int addr_parse(const char *s, struct addr *ret)
{
	struct addr a = { 0 };

	/* inet_pton is strict: four decimal parts without leading zeros, no blanks, no scope */
	if (inet_pton(AF_INET, s, a.b) == 1)
		a.family = ADDR_IP4;
	else if (inet_pton(AF_INET6, s, a.b) == 1)
		a.family = ADDR_IP6;
	else
		return -EINVAL;
	*ret = a;
	return 0;
}

const char *addr_format(const struct addr *a, char buf[static ADDR_STRLEN])
{
	if (a->family == ADDR_NONE)
		buf[0] = '\0';
	else
		inet_ntop(a->family == ADDR_IP4 ? AF_INET : AF_INET6, a->b, buf, ADDR_STRLEN);
	return buf;
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof a->b);
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) == 0;
}

static bool all_bytes(const uint8_t *b, size_t n, uint8_t value)
{
	for (size_t i = 0; i < n; i++)
		if (b[i] != value)
			return false;
	return true;
}

bool addr_unicast(const struct addr *a)
{
	switch ((enum addr_family)a->family) {
	case ADDR_IP4:
		return !all_bytes(a->b, 4, 0) && !all_bytes(a->b, 4, 255) &&
		       (a->b[0] & 0xf0) != 0xe0;
	case ADDR_IP6:
		return !all_bytes(a->b, 12, 0) && a->b[0] != 0xff;
	case ADDR_NONE:
		break;
	}
	return false;
}

bool addr_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (a->family == ADDR_IP4)
		return a->b[0] == 127;
	if (a->family != ADDR_IP6)
		return false;
	if (all_bytes(a->b, 10, 0) && all_bytes(a->b + 10, 2, 0xff))
		return a->b[12] == 127;
	return memcmp(a->b, one, sizeof one) == 0;
}

uint8_t addr_bits(const struct addr *a)
{
	return a->family == ADDR_IP4 ? 32 : 128;
}

struct prefix prefix_host(const struct addr *a)
{
	return (struct prefix){ .addr = *a, .len = addr_bits(a) };
}

const char *prefix_format(const struct prefix *p, char buf[static PREFIX_STRLEN])
{
	char a[ADDR_STRLEN];

	snprintf(buf, PREFIX_STRLEN, "%s/%u", addr_format(&p->addr, a), p->len);
	return buf;
}

int prefix_cmp(const struct prefix *a, const struct prefix *b)
{
	int c = addr_cmp(&a->addr, &b->addr);

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

unsigned addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof *ret);
	if (a->family == ADDR_IP4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->b, 4);
		return sizeof *in;
	}
	assert(a->family == ADDR_IP6);
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->b, 16);
	return sizeof *in6;
}

int addr_from_sockaddr(const struct sockaddr_storage *ss, struct addr *ret, uint16_t *ret_port)
{
	struct addr a = { 0 };
	uint16_t port;

	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)ss;

		a.family = ADDR_IP4;
		memcpy(a.b, &in->sin_addr, 4);
		port = ntohs(in->sin_port);
	} else if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

		a.family = ADDR_IP6;
		memcpy(a.b, &in6->sin6_addr, 16);
		port = ntohs(in6->sin6_port);
	} else {
		return -EAFNOSUPPORT;
	}
	*ret = a;
	if (ret_port)
		*ret_port = port;
	return 0;
}

int hostport_split(const char *s, char *host, size_t host_size, uint16_t *ret_port)
{
	const char *colon = strrchr(s, ':'), *end = colon;
	long long port;

	if (!colon || str_to_i64(colon + 1, 0, 65535, &port) < 0 || colon[1] == '-')
		return -EINVAL;
	if (*s == '[') {
		s++;
		end--;
		if (end <= s || *end != ']' || memchr(s, '[', (size_t)(end - s)) ||
		    memchr(s, ']', (size_t)(end - s)))
			return -EINVAL;
	} else if (memchr(s, ':', (size_t)(end - s)) || memchr(s, ']', (size_t)(end - s))) {
		return -EINVAL; /* an IPv6 address wants its brackets */
	}
	if ((size_t)(end - s) >= host_size)
		return -EINVAL;
	memcpy(host, s, (size_t)(end - s));
	host[end - s] = '\0';
	*ret_port = (uint16_t)port;
	return 0;
}
