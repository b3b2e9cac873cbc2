/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads of VPP's API: the first byte chooses the message, the rest is decoded as it, or, for the
 * handshake's reply, searched for our messages. What decodes must encode and decode again to the
 * same bytes. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "vpp/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Encode what was decoded; the payload of that. */
static void round_trip(const struct wire_msg *m, const struct wire_hdr *h, const void *body)
{
	struct str a = { 0 }, b = { 0 };
	union vpp_body again;
	struct wire_hdr h2;

	wire_encode(m, h, body, &a);
	assert(wire_decode(m, (const uint8_t *)a.p + WIRE_FRAME_HDR, a.len - WIRE_FRAME_HDR, &h2,
			   &again, NULL) == 0);
	wire_encode(m, &h2, &again, &b);
	assert(a.len == b.len && memcmp(a.p, b.p, a.len) == 0);
	str_done(&a);
	str_done(&b);
}

static void look_for_ids(const struct wire_rows *table)
{
	struct vpp_ids ids;
	struct err e;

	if (vpp_ids_load(table, &ids, &e) < 0)
		assert(e.code < 0 && e.msg[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct wire_dump dump = { 0 };
	union vpp_body body;
	struct wire_hdr h;
	struct err e = { 0 };
	enum vpp_msg m;
	uint32_t len;

	if (n == 0)
		return 0;
	(void)wire_frame_get(data, n, &len);
	m = data[0] % VPP_MSG_N;
	if (wire_decode(&vpp_msgs[m], data + 1, n - 1, &h, &body, &e) < 0) {
		assert(e.msg[0] != '\0');
		return 0;
	}
	wire_dump(&vpp_msgs[m], &body, &dump);
	wire_dump_done(&dump);
	round_trip(&vpp_msgs[m], &h, &body);
	if (m == VPP_SOCKCLNT_CREATE_REPLY)
		look_for_ids(&body.sockclnt_create_reply.message_table);
	return 0;
}
