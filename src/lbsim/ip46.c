/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsim/ip46.h"

#include <string.h>

#define IP4_AT   12 /* where the four bytes stand */
#define IP4_BITS 96 /* and their offset in a prefix length */

struct ip46 ip46_from_addr(const struct addr *a)
{
	struct ip46 r = { 0 };
	if (a->family == ADDR_IP6)
		memcpy(r.b, a->b, sizeof r.b);
	else
		memcpy(r.b + IP4_AT, a->b, 4);
	return r;
}

struct addr ip46_to_addr(const struct ip46 *a)
{
	struct addr r = { .family = ADDR_IP6 };
	if (ip46_is_ip4(a)) {
		r.family = ADDR_IP4;
		memcpy(r.b, a->b + IP4_AT, 4);
	} else {
		memcpy(r.b, a->b, sizeof r.b);
	}
	return r;
}

bool ip46_is_ip4(const struct ip46 *a)
{
	static const uint8_t zero[IP4_AT];
	return memcmp(a->b, zero, IP4_AT) == 0;
}

bool ip46_eq(const struct ip46 *a, const struct ip46 *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool ip46_prefix_is_ip4(const struct ip46 *a, uint8_t plen)
{
	return plen >= IP4_BITS && ip46_is_ip4(a);
}

void ip46_mask(struct ip46 *a, uint8_t plen)
{
	for (unsigned i = 0; i < sizeof a->b; i++) {
		if (plen <= i * 8)
			a->b[i] = 0;
		else if (plen < i * 8 + 8)
			a->b[i] &= (uint8_t)(0xff << (i * 8 + 8 - plen));
	}
}

uint8_t ip46_prefix_len(const struct ip46 *a, uint8_t plen)
{
	return (uint8_t)(ip46_prefix_is_ip4(a, plen) ? plen - IP4_BITS : plen);
}

static unsigned group(const struct ip46 *a, int i)
{
	const uint8_t *p = a->b + 2 * (size_t)i;
	return (unsigned)(p[0] << 8 | p[1]);
}

/* The first of the longest runs of two or more zero groups; its length, 0 when there is none. */
static int zero_run(const struct ip46 *a, int *ret_at)
{
	int best = 0;
	for (int i = 0; i < 8; i++) {
		int n = 0;
		while (i + n < 8 && group(a, i + n) == 0)
			n++;
		if (n > 1 && n > best) {
			best = n;
			*ret_at = i;
		}
		i += n;
	}
	return best;
}

void ip46_format6(const struct ip46 *a, struct str *out)
{
	int run_at = -1;
	int run = zero_run(a, &run_at);
	const char *sep = "";
	for (int i = 0; i < 8; i++) {
		if (i == run_at) {
			str_add(out, "::");
			i += run - 1;
			sep = "";
			continue;
		}
		str_addf(out, "%s%x", sep, group(a, i));
		sep = ":";
	}
}

static void format4(const struct ip46 *a, struct str *out)
{
	const uint8_t *b = a->b + IP4_AT;
	str_addf(out, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

void ip46_format(const struct ip46 *a, struct str *out)
{
	if (ip46_is_ip4(a))
		format4(a, out);
	else
		ip46_format6(a, out);
}

void ip46_prefix_format(const struct ip46 *a, uint8_t plen, struct str *out)
{
	if (ip46_prefix_is_ip4(a, plen))
		format4(a, out);
	else
		ip46_format6(a, out);
	str_addf(out, "/%u", ip46_prefix_len(a, plen));
}
