/* SPDX-License-Identifier: Apache-2.0 */
/* Requests into the simulator: records of {u8 message, u8 length, bytes}. The bytes are a request's
 * fields behind a header with the right id and index; message 255 takes them as the whole payload,
 * 254 moves the clock. What the plugin holds must stay consistent, and all it can tell must be
 * tellable. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/table.h"
#include "lbsim/api.h"
#include "lbsim/cli.h"
#include "lbsim/state.h"

#define TABLE_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void on_send(void *ctx, struct api_client *to, const char *frame, size_t n)
{
	uint32_t len;
	assert(wire_frame_get((const uint8_t *)frame, n, &len) == 0 && len + WIRE_FRAME_HDR == n);
}

static void on_leave(void *ctx, struct api_client *c) {}

static void on_died(void *ctx, const char *why)
{
	assert(*why);
}

static void check(const struct lbplugin *p)
{
	slots_foreach(&p->vip_slots, i)
	{
		const struct lb_vip *v = &p->vips.v[i];
		uint32_t buckets = 0;
		slots_foreach(&v->as_slots, s) buckets += p->ases.v[v->ases.v[s]].buckets;
		assert(buckets == 0 || buckets == v->new_length);
	}
}

/* Asks for a smaller table where the payload asks for a large one: every AS added computes it anew,
 * and one of 65,536 entries takes as long as a thousand requests. A length that is refused stays.
 */
static void shrink_table(const struct vpp_ids *ids, uint8_t *payload, size_t n)
{
	const struct wire_msg *m = &vpp_msgs[VPP_LB_ADD_DEL_VIP_V2];
	struct vpp_lb_add_del_vip vip;
	struct wire_hdr h;
	struct str frame = { 0 };
	if (wire_decode(m, payload, n, &h, &vip, NULL) < 0 ||
	    h.id != ids->id[VPP_LB_ADD_DEL_VIP_V2])
		return;
	uint32_t len = vip.new_flows_table_length;
	if (len <= TABLE_MAX || len > TABLE_LEN_MAX || (len & (len - 1)) != 0)
		return;
	vip.new_flows_table_length = TABLE_MAX;
	wire_encode(m, &h, &vip, &frame);
	memcpy(payload, frame.p + WIRE_FRAME_HDR, frame.len - WIRE_FRAME_HDR);
	str_done(&frame);
}

/* One record; its payload is built with the id and index that the message needs. */
static void request(struct api *a, struct api_client *c, uint8_t what, const uint8_t *p, size_t n,
		    struct api_time *t)
{
	uint8_t payload[10 + UINT8_MAX] = { 0 };
	size_t at = 0;
	if (what == 254) {
		t->uptime += (uint32_t)(n ? p[0] : 60);
		lbplugin_gc(&a->plugin, t->uptime);
		return;
	}
	if (what != 255) {
		enum vpp_msg m = what % VPP_MSG_N;
		payload[0] = (uint8_t)(a->ids.id[m] >> 8);
		payload[1] = (uint8_t)a->ids.id[m];
		payload[2] = 0x80; /* 0x80000001 */
		payload[5] = 1;
		at = vpp_msgs[m].shape == WIRE_REQUEST ? 10 : 6;
	}
	memcpy(payload + at, p, n);
	shrink_table(&a->ids, payload, at + n);
	(void)api_input(a, c, payload, at + n, t, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct api a; /* 64 KiB of ids */
	const struct api_options opt = { .version = "x",
					 .build_date = "x",
					 .seed = 1,
					 .send = on_send,
					 .leave = on_leave,
					 .died = on_died };
	struct api_time t = { 0 };
	struct str out = { 0 };
	log_set_level(LVL_OFF);
	api_init(&a, &opt);
	struct api_client *c = api_client_open(&a, NULL);
	for (size_t at = 0; at + 2 <= n;) {
		size_t len = data[at + 1] < n - at - 2 ? data[at + 1] : n - at - 2;
		request(&a, c, data[at], data + at + 2, len, &t);
		at += 2 + len;
	}
	check(&a.plugin);
	state_format(&a, &t, &out);
	const struct cli_vpp vpp = { .plugin = &a.plugin, .version = "x", .now = t.uptime };
	(void)cli_run(&vpp, "show lb vips verbose", 20, &out);
	str_done(&out);
	api_client_close(&a, c);
	api_done(&a);
	return 0;
}
