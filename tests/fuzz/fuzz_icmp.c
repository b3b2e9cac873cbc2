/* SPDX-License-Identifier: Apache-2.0 */
/* What ICMP sockets and their error queues give: any bytes, and nothing is read beyond them.
 *
 * Input: one byte that chooses family and decoder, then the message. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "probe/icmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct icmp_echo echo = { .id = 1, .seq = 2, .nonce = "0123456789abcde" };
	enum addr_family f;
	struct icmp_msg m;
	uint8_t how;

	if (size < 1)
		return 0;
	how = *data++;
	size--;
	f = how & 1 ? ADDR_IP6 : ADDR_IP4;
	if (how & 4)
		icmp_decode_quoted(f, data, size, &m);
	else if (how & 2)
		icmp_decode_bare(f, data, size, &m);
	else
		icmp_decode(f, data, size, &m);
	if (m.kind != ICMP_OTHER) {
		assert(m.payload >= data && m.payload + m.payload_len <= data + size);
		(void)icmp_matches(&m, &echo, how & 8);
	}
	if (m.kind == ICMP_REPLY)
		assert(!icmp_matches(&m, &echo, true) ||
		       memcmp(m.payload, echo.nonce, ICMP_NONCE_LEN) == 0);
	assert(icmp_error_name(f, m.type, m.code));
	return 0;
}
