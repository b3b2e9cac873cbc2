/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded client of a real VPP, replayed into a fresh simulator: every answer must be the one
 * that VPP gave, byte by byte, but for what differs from run to run by nature: message ids and
 * table, words 0 and 2 of the frame header, in_use_since, pid, version strings. (dpo, stats_index
 * and paths differ between VPPs with other plugins; the recorded one's are reproduced.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simclient.h"

#include <cmocka.h>

#include "base/alloc.h"

struct replay {
	struct sim sim;
	struct simclient client;
	unsigned tx, rx;
};

struct line {
	bool tx;
	enum vpp_msg msg;
	uint8_t *frame;
	size_t n;
};

static int hex(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static enum vpp_msg msg_named(const char *name_crc)
{
	for (enum vpp_msg m = 0; m < VPP_MSG_N; m++) {
		char name[128];
		snprintf(name, sizeof name, "%s_%s", vpp_msgs[m].name, vpp_msgs[m].crc);
		if (strcmp(name, name_crc) == 0 || strcmp(vpp_msgs[m].name, name_crc) == 0)
			return m;
	}
	fail_msg("unknown message %s", name_crc);
	return VPP_MSG_N;
}

static void line_parse(const char *text, struct line *ret)
{
	char dir[3], name[80];
	unsigned id;
	const char *p = strstr(text, "\"frame_hex\": \"");
	assert_int_equal(sscanf(text, "{\"dir\": \"%2s\", \"id\": %u, \"msg\": \"%79[^\"]\"", dir,
				&id, name),
			 3);
	assert_non_null(p);
	p += strlen("\"frame_hex\": \"");
	ret->tx = dir[0] == 't';
	ret->msg = msg_named(name);
	ret->n = strcspn(p, "\"") / 2;
	ret->frame = xmalloc(ret->n);
	for (size_t i = 0; i < ret->n; i++)
		ret->frame[i] = (uint8_t)(hex(p[2 * i]) << 4 | hex(p[2 * i + 1]));
}

static void put_id(uint8_t *payload, uint16_t id)
{
	payload[0] = (uint8_t)(id >> 8);
	payload[1] = (uint8_t)id;
}

/* The recorded request with this simulator's id; the client index is the same by nature. */
static void replay_tx(struct replay *r, struct line *l)
{
	if (l->msg != VPP_SOCKCLNT_CREATE_REQ)
		put_id(l->frame + WIRE_FRAME_HDR, r->client.ids.id[l->msg]);
	simclient_write(&r->client, l->frame, l->n);
	r->tx++;
}

/* Learn the ids from the answer to the handshake. */
static void learn(struct replay *r, const uint8_t *p, size_t n)
{
	struct wire_hdr h;
	union vpp_body b;
	struct err err = { 0 };
	assert_int_equal(wire_decode(&vpp_msgs[VPP_SOCKCLNT_CREATE_REPLY], p, n, &h, &b, NULL), 0);
	if (vpp_ids_load(&b.sockclnt_create_reply.message_table, &r->client.ids, &err))
		fail_msg("%s", err.msg);
}

/* Blank what may differ, in both. */
static void blank(enum vpp_msg m, uint8_t *p, size_t n)
{
	static const struct {
		enum vpp_msg m;
		size_t at, n;
	} rows[] = {
		{ VPP_SOCKCLNT_CREATE_REPLY, 20, SIZE_MAX },   /* the table */
		{ VPP_SHOW_VERSION_REPLY, 10 + 32, SIZE_MAX }, /* version, date, directory */
		{ VPP_CONTROL_PING_REPLY, 14, 4 },             /* pid */
		{ VPP_LB_AS_V2_DETAILS, 45, 4 },               /* in_use_since */
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].m == m)
			memset(p + rows[i].at, 0, MIN(rows[i].n, n - rows[i].at));
	}
}

static void show_difference(const struct line *l, const uint8_t *want, const uint8_t *got, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (want[i] != got[i])
			fail_msg("%s: byte %zu of the payload is %02x, not %02x; text there: %.40s",
				 vpp_msgs[l->msg].name, i, got[i], want[i],
				 l->msg == VPP_CLI_INBAND_REPLY ? (const char *)got + i : "");
	}
}

static void replay_rx(struct replay *r, struct line *l)
{
	size_t n;
	uint8_t *want = l->frame + WIRE_FRAME_HDR;
	const uint8_t *p = simclient_recv(&r->client, &n);
	assert_non_null(p);
	if (l->msg == VPP_SOCKCLNT_CREATE_REPLY)
		learn(r, p, n);
	put_id(want, r->client.ids.id[l->msg]);
	assert_int_equal(n, l->n - WIRE_FRAME_HDR); /* and so word 1 of the header */
	uint8_t *got = xmemdup(p, n + 1);
	blank(l->msg, want, n);
	blank(l->msg, got, n);
	show_difference(l, want, got, n);
	free(got);
	r->rx++;
}

static void test_replay(void **state)
{
	struct replay r = { 0 };
	FILE *f = fopen(TEST_DATA "/vpp/api-transcript.jsonl", "r");
	char *text = NULL;
	size_t cap = 0;
	assert_non_null(f);
	sim_init(&r.sim);
	sim_start(&r.sim);
	simclient_connect(&r.client, &r.sim);
	while (getline(&text, &cap, f) > 0) {
		struct line l;
		line_parse(text, &l);
		if (l.tx)
			replay_tx(&r, &l);
		else
			replay_rx(&r, &l);
		free(l.frame);
	}
	free(text);
	fclose(f);
	assert_true(r.tx > 50 && r.rx > 90);
	assert_true(simclient_ended(&r.client)); /* sockclnt_delete was the last request */
	simclient_close(&r.client);
	sim_done(&r.sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_replay) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
