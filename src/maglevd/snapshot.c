/* SPDX-License-Identifier: Apache-2.0 */
/* Taking the copy. All names go into one string of the snapshot's own, by offset: the fleet's may
 * be gone before they are written out. A backend takes about 400 bytes.
 *
 * The fleet's arrays are walked by index over several turns of the loop. They keep still as long as
 * fleet.layout does; when that moves, the walk begins again. */
#include "maglevd/snapshot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "loop/loop.h"
#include "maglevd/fleet.h"
#include "maglevd/snapshot_internal.h"

#define CLOCK_EVERY 16 /* backends or frontends between looks at the clock */

static void content_free(struct metrics_content *c)
{
	snapshot_free(CONTAINER_OF(c, struct snapshot, content));
}

struct snapshot *snapshot_new(void)
{
	struct snapshot *s = XNEW(struct snapshot);

	s->content.write = snapshot_write;
	s->content.free = content_free;
	atomic_init(&s->content.refs, 1);
	return s;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	free(s->backends);
	free(s->frontends);
	free(s->by_id);
	free(s->vips);
	vec_done(&s->members);
	vec_done(&s->pools);
	str_done(&s->strings);
	metrics_rows_done(&s->rows);
	free(s);
}

static uint32_t keep(struct snapshot *s, const char *text)
{
	size_t at = s->strings.len;

	assert(at < SNAPSHOT_NO_STRING); /* a configuration file is much smaller */
	str_add_n(&s->strings, text, strlen(text) + 1);
	return (uint32_t)at;
}

static void begin(struct snapshot *s, const struct fleet *f)
{
	s->layout = f->layout;
	s->at = loop_wall();
	str_clear(&s->strings);
	vec_clear(&s->members);
	s->n_backends = s->n_frontends = 0;
	s->backends = xreallocarray(s->backends, f->backends.n, sizeof *s->backends);
	s->by_id = xreallocarray(s->by_id, f->slots.n, sizeof *s->by_id);
	s->frontends = xreallocarray(s->frontends, f->frontends.n, sizeof *s->frontends);
}

static void take_backend(struct snapshot *s, const struct backend *b)
{
	const struct healthcheck *hc = b->conf->check;

	s->by_id[b->id] = (uint32_t)s->n_backends;
	s->backends[s->n_backends++] = (struct snapshot_backend){
		.name = keep(s, b->name),
		.check = hc ? keep(s, hc->name) : SNAPSHOT_NO_STRING,
		.type = backend_type_name(b),
		.addr = b->conf->addr,
		.enabled = b->enabled,
		.state = (uint8_t)b->health.state,
		.health = b->health.counter,
		.cert_not_after = b->cert_not_after,
		.counters = b->counters,
	};
}

static void take_frontend(struct snapshot *s, const struct frontend *fe)
{
	vec_clear(&s->pools);
	for (size_t i = 0; i < fe->conf->n_pools; i++)
		vec_push(&s->pools, keep(s, fe->conf->pools[i].name));
	s->frontends[s->n_frontends++] = (struct snapshot_frontend){
		.name = keep(s, fe->name),
		.state = (uint8_t)fe->state,
		.first_member = s->members.n,
		.n_members = fe->n_members,
	};
	for (size_t i = 0; i < fe->n_members; i++) {
		const struct member *m = &fe->members[i];

		vec_push(&s->members,
			 ((struct snapshot_member){ .backend = s->by_id[m->backend->id],
						    .pool = s->pools.v[m->pool],
						    .weight = (uint8_t)m->weight,
						    .effective = (uint8_t)m->verdict.weight }));
	}
}

/* The next backend or, after them, frontend. False: there is none. */
static bool take_one(struct snapshot *s, const struct fleet *f)
{
	if (s->n_backends < f->backends.n)
		take_backend(s, f->backends_sorted[s->n_backends]);
	else if (s->n_frontends < f->frontends.n)
		take_frontend(s, f->frontends_sorted[s->n_frontends]);
	else
		return false;
	return true;
}

bool snapshot_step(struct snapshot *s, const struct fleet *f, mono_ns until)
{
	if (s->layout != f->layout)
		begin(s, f);
	for (;;) {
		for (int i = 0; i < CLOCK_EVERY; i++) {
			if (!take_one(s, f)) {
				s->lateness = f->lateness;
				return true;
			}
		}
		if (loop_clock() >= until)
			return false;
	}
}

void snapshot_vips(struct snapshot *s, const struct lbcounters_vip *v, size_t n)
{
	s->vips = xmemdup(v, n * sizeof *v);
	s->n_vips = n;
}

struct metrics_rows *snapshot_rows(struct snapshot *s)
{
	return &s->rows;
}

struct metrics_content *snapshot_content(struct snapshot *s)
{
	free(s->by_id);
	s->by_id = NULL;
	vec_done(&s->pools);
	return &s->content;
}
