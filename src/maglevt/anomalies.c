/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevt/anomalies.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

const char *anomaly_kind_name(enum anomaly_kind k)
{
	static const char *const names[ANOMALY_KIND_N] = {
		[ANOMALY_TIMEOUT] = "timeout", [ANOMALY_HTTP_ERR] = "http-err",
		[ANOMALY_NET_ERR] = "net-err", [ANOMALY_SPIKE] = "spike",
		[ANOMALY_LOCAL] = "local",
	};

	assert(k < ANOMALY_KIND_N);
	return names[k];
}

/* Cut between characters. */
static void text_copy(char ret[static ANOMALY_TEXT_LEN], const char *text)
{
	size_t n = strlen(text), at = 0;

	while (at < n) {
		unsigned cp;
		size_t len = MAX(utf8_decode(text + at, n - at, &cp), 1);

		if (at + len >= ANOMALY_TEXT_LEN)
			break;
		at += len;
	}
	memcpy(ret, text, at);
	ret[at] = '\0';
}

/* A spike's text has its figures, which differ: the kind alone makes it the same. */
static struct anomaly *going_on(struct anomalies *a, const struct anomaly_event *e)
{
	char text[ANOMALY_TEXT_LEN];

	text_copy(text, e->text);
	for (size_t i = 0; i < a->n; i++) {
		struct anomaly *x = &a->v[i];

		if (x->vip == e->vip && x->kind == e->kind && anomaly_open(x, e->now) &&
		    (e->kind == ANOMALY_SPIKE || strcmp(x->text, text) == 0))
			return x;
	}
	return NULL;
}

static struct anomaly *place(struct anomalies *a)
{
	struct anomaly *oldest = &a->v[0];

	if (a->n < ANOMALIES_MAX)
		return &a->v[a->n++];
	for (size_t i = 1; i < a->n; i++)
		if (a->v[i].last < oldest->last)
			oldest = &a->v[i];
	return oldest;
}

void anomalies_add(struct anomalies *a, const struct anomaly_event *e)
{
	struct anomaly *x = going_on(a, e);

	assert(e->kind < ANOMALY_KIND_N);
	a->total[e->kind]++;
	if (!x) {
		x = place(a);
		*x = (struct anomaly){
			.kind = e->kind, .vip = e->vip, .first = e->now, .first_wall = e->wall
		};
	}
	x->count++;
	x->last = e->now;
	text_copy(x->text, e->text);
}

struct ranked {
	const struct anomaly *a;
	bool open;
};

static int newest_first(mono_ns a, mono_ns b)
{
	return a > b ? -1 : a < b;
}

static int ranked_cmp(const void *pa, const void *pb)
{
	const struct ranked *a = pa, *b = pb;
	int c;

	if (a->open != b->open)
		return a->open ? -1 : 1;
	c = a->open ? newest_first(a->a->first, b->a->first) : newest_first(a->a->last, b->a->last);
	if (c == 0)
		c = a->a->vip < b->a->vip ? -1 : a->a->vip > b->a->vip;
	return c ? c : (int)a->a->kind - (int)b->a->kind;
}

size_t anomalies_list(const struct anomalies *a, mono_ns now, size_t max,
		      const struct anomaly **ret)
{
	struct ranked r[ANOMALIES_MAX] = { { 0 } };

	for (size_t i = 0; i < a->n; i++)
		r[i] = (struct ranked){ &a->v[i], anomaly_open(&a->v[i], now) };
	qsort(r, a->n, sizeof r[0], ranked_cmp);
	for (size_t i = 0; i < MIN(a->n, max); i++)
		ret[i] = r[i].a;
	return MIN(a->n, max);
}
