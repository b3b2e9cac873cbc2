/* SPDX-License-Identifier: Apache-2.0 */
/* base/inet.h - numbers in packets, in network byte order, and the checksum of RFC 1071. */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint16_t inet_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void inet_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Over what has its checksum in place the result is 0. */
static inline uint16_t inet_checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (; n > 1; p += 2, n -= 2)
		sum += inet_get16(p);
	if (n)
		sum += (uint32_t)p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}
