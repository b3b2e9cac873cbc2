/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes.h"

#include <string.h>

struct fakes fakes;

void fakes_clear(void)
{
	vec_clear(&fakes.engine);
	vec_clear(&fakes.changed);
	fakes.n_urgent = fakes.n_added = fakes.n_forgotten = fakes.n_reloaded = 0;
}

void fakes_done(void)
{
	fakes_clear();
	vec_done(&fakes.engine);
	vec_done(&fakes.changed);
}

size_t fakes_count(enum fake_op op)
{
	size_t n = 0;

	for (size_t i = 0; i < fakes.engine.n; i++)
		n += fakes.engine.v[i].op == op;
	return n;
}

void probe_engine_put(struct probe_engine *e, const struct probe_target *t)
{
	vec_push(&fakes.engine, ((struct fake_call){ .op = FAKE_PUT, .target = *t }));
}

void probe_engine_remove(struct probe_engine *e, uint32_t id)
{
	vec_push(&fakes.engine, ((struct fake_call){ .op = FAKE_REMOVE, .target.id = id }));
}

void probe_engine_pace(struct probe_engine *e, uint32_t id, uint32_t generation, enum pace pace)
{
	vec_push(&fakes.engine,
		 ((struct fake_call){
			 .op = FAKE_PACE,
			 .target = { .id = id, .generation = generation, .pace = pace } }));
}

void probe_engine_set_netns(struct probe_engine *e, const char *netns)
{
	vec_push(&fakes.engine, ((struct fake_call){ .op = FAKE_NETNS }));
}

void lbsync_add(struct lbsync *s, struct lbsync_vip *v)
{
	fakes.n_added++;
}

void lbsync_forget(struct lbsync *s, struct lbsync_vip *v)
{
	fakes.n_forgotten++;
}

void lbsync_changed(struct lbsync *s, struct lbsync_vip *v, bool lost_dead)
{
	vec_push(&fakes.changed, v);
	fakes.n_urgent += lost_dead;
}

void lbsync_reloaded(struct lbsync *s)
{
	fakes.n_reloaded++;
}
