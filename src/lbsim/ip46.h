/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/ip46.h - an address as VPP keeps it: 16 bytes, IPv4 in the last four.
 *
 * The family is not stored: an address whose first twelve bytes are zero IS an IPv4 address
 * (src/vnet/ip/ip46_address.h), so ::c000:250 turns into 192.0.2.80 on its way through VPP. A
 * prefix is IPv4 when its address is and its length, counted over all 128 bits, is 96 or more
 * (src/plugins/lb/util.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/str.h"

struct ip46 {
	uint8_t b[16];
};

struct ip46 ip46_from_addr(const struct addr *a);
/* Back to the API's form; IPv4 when it looks so. */
struct addr ip46_to_addr(const struct ip46 *a);
bool ip46_is_ip4(const struct ip46 *a);
bool ip46_eq(const struct ip46 *a, const struct ip46 *b);
bool ip46_prefix_is_ip4(const struct ip46 *a, uint8_t plen);
/* Clear the bits behind the prefix; plen counts over 128 bits. */
void ip46_mask(struct ip46 *a, uint8_t plen);
/* The length to print and to send: without the 96 for an IPv4 prefix. */
uint8_t ip46_prefix_len(const struct ip46 *a, uint8_t plen);

/* Text as VPP prints it (format_ip46_address, format_ip46_prefix). Unlike RFC 5952 it never writes
 * the last four bytes of an IPv6 address as a dotted quad. */
void ip46_format(const struct ip46 *a, struct str *out);
void ip46_format6(const struct ip46 *a, struct str *out); /* as IPv6 whatever it is */
void ip46_prefix_format(const struct ip46 *a, uint8_t plen, struct str *out);
