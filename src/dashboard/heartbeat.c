/* SPDX-License-Identifier: Apache-2.0 */
#include "dashboard/heartbeat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"

#define CODE_MAX 16 /* maglevd's are shorter */

struct beat {
	struct list flying, probed; /* in the lists of struct heartbeat, or in none */
	mono_ns started;
	dur_ns took;
	char code[CODE_MAX];
	char name[];
};

void heartbeat_init(struct heartbeat *h)
{
	*h = (struct heartbeat){ 0 };
	list_init(&h->in_flight);
	list_init(&h->probed);
}

static struct beat *find(const struct heartbeat *h, const char *backend)
{
	return map_get_z(&h->backends, backend);
}

/* NULL: there are too many. */
static struct beat *find_or_make(struct heartbeat *h, const char *backend)
{
	struct beat *b = find(h, backend);
	size_t n = strlen(backend) + 1;

	if (b || h->backends.n >= HEARTBEAT_BACKENDS_MAX)
		return b;
	b = xcalloc(1, sizeof *b + n);
	list_init(&b->flying);
	list_init(&b->probed);
	memcpy(b->name, backend, n);
	(void)map_put_z(&h->backends, b->name, b);
	return b;
}

static void drop_if_idle(struct heartbeat *h, struct beat *b)
{
	if (list_linked(&b->flying) || list_linked(&b->probed))
		return;
	(void)map_del_z(&h->backends, b->name);
	free(b);
}

void heartbeat_probe_start(struct heartbeat *h, const char *backend, mono_ns now)
{
	struct beat *b = find_or_make(h, backend);

	if (!b)
		return;
	b->started = now;
	list_remove(&b->flying);
	list_add_tail(&h->in_flight, &b->flying);
	h->stir = true;
}

void heartbeat_probe_end(struct heartbeat *h, const char *backend, const char *code, dur_ns took)
{
	struct beat *b = find_or_make(h, backend);

	if (!b)
		return;
	(void)snprintf(b->code, sizeof b->code, "%s", code);
	b->took = took;
	list_remove(&b->flying);
	list_remove(&b->probed);
	list_add_tail(&h->probed, &b->probed);
	h->stir = true;
}

void heartbeat_vpp(struct heartbeat *h, bool sent)
{
	if (sent)
		h->vpp_sent++;
	else
		h->vpp_received++;
	h->stir = true;
}

static void land(struct heartbeat *h, struct beat *b)
{
	list_remove(&b->flying);
	h->stir = true;
	drop_if_idle(h, b);
}

void heartbeat_forget(struct heartbeat *h, const char *backend)
{
	struct beat *b = backend ? find(h, backend) : NULL;

	if (b && list_linked(&b->flying))
		land(h, b);
	while (!backend && !list_empty(&h->in_flight))
		land(h, CONTAINER_OF(h->in_flight.next, struct beat, flying));
}

static void drop_lost(struct heartbeat *h, mono_ns now)
{
	while (!list_empty(&h->in_flight)) {
		struct beat *b = CONTAINER_OF(h->in_flight.next, struct beat, flying);

		if (b->started + HEARTBEAT_LOST >= now)
			return;
		land(h, b);
	}
}

static uint64_t write_in_flight(struct heartbeat *h, struct json *j)
{
	uint64_t n = 0;

	json_key(j, "in_flight");
	json_arr(j);
	list_foreach (&h->in_flight, node)
		if (n++ < HEARTBEAT_LIST_MAX)
			json_str(j, CONTAINER_OF(node, struct beat, flying)->name);
	json_arr_end(j);
	return n > HEARTBEAT_LIST_MAX ? n - HEARTBEAT_LIST_MAX : 0;
}

static void write_probe(struct json *j, const struct beat *b)
{
	dur_ns us = b->took / NS_PER_US; /* whole ones */

	json_arr(j);
	json_str(j, b->name);
	json_str(j, b->code);
	json_f64(j, (double)us / 1e3);
	json_arr_end(j);
}

static uint64_t write_probes(struct heartbeat *h, struct json *j)
{
	uint64_t n = 0;

	json_key(j, "probes");
	json_arr(j);
	while (!list_empty(&h->probed)) {
		struct beat *b = CONTAINER_OF(h->probed.next, struct beat, probed);

		if (n++ < HEARTBEAT_LIST_MAX)
			write_probe(j, b);
		list_remove(&b->probed);
		drop_if_idle(h, b);
	}
	json_arr_end(j);
	return n > HEARTBEAT_LIST_MAX ? n - HEARTBEAT_LIST_MAX : 0;
}

bool heartbeat_take(struct heartbeat *h, const char *maglevd, mono_ns now, wall_ns at,
		    struct str *out)
{
	struct json j;
	uint64_t omitted;

	drop_lost(h, now);
	if (!h->stir)
		return false;
	json_init(&j, out);
	json_obj(&j);
	json_field_str(&j, "maglevd", maglevd);
	json_field_i64(&j, "at_ms", at / NS_PER_MS);
	omitted = write_in_flight(h, &j);
	omitted += write_probes(h, &j);
	json_field_u64(&j, "vpp_sent", h->vpp_sent);
	json_field_u64(&j, "vpp_received", h->vpp_received);
	json_field_u64(&j, "omitted", omitted);
	json_obj_end(&j);
	h->vpp_sent = h->vpp_received = 0;
	/* What is in flight still shows: the next event tells when it is not any more. */
	h->stir = false;
	return true;
}

void heartbeat_done(struct heartbeat *h)
{
	struct beat *b;
	size_t it = 0;

	while ((b = map_next(&h->backends, &it)))
		free(b);
	map_done(&h->backends);
}
