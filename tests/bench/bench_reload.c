/* SPDX-License-Identifier: Apache-2.0 */
/* How long a reload holds the main loop: 10,000 backends, 1,000 frontends, one backend changed.
 *
 * Reading and checking happen on the loader's thread; what holds the loop is putting the new
 * configuration in force. The engine and lbsync are stand-ins that count what they are told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "fakes.h"
#include "loop/loop.h"
#include "maglevd/reload.h"

enum { N_BACKENDS = 10000, PER_FRONTEND = 10, ROUNDS = 21 };

/* Never dereferenced by the fakes. */
#define ENGINE ((struct probe_engine *)(uintptr_t)16)
#define LBSYNC ((struct lbsync *)(uintptr_t)16)

#define HELD_MAX (50 * NS_PER_MS)

static char *make_text(int changed)
{
	struct str s = { 0 };

	str_add(&s,
		"maglev:\n"
		"  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1' } }\n"
		"  healthchecks:\n    web: { type: http, port: 80, interval: 2s }\n"
		"  backends:\n");
	for (int i = 0; i < N_BACKENDS; i++)
		str_addf(&s, "    backend-%05d: { address: 198.18.%d.%d, healthcheck: web }\n", i,
			 i / 250, i % 250 + (i == 77 ? 250 - 77 + changed : 1));
	str_add(&s, "  frontends:\n");
	for (int i = 0; i < N_BACKENDS / PER_FRONTEND; i++) {
		str_addf(&s,
			 "    frontend-%05d:\n      address: 10.0.%d.%d\n      protocol: tcp\n"
			 "      port: 80\n      pools:\n        - name: primary\n"
			 "          backends: {",
			 i, i / 250, i % 250 + 1);
		for (int k = 0; k < PER_FRONTEND; k++)
			str_addf(&s, " backend-%05d: {},", i * PER_FRONTEND + k);
		str_add(&s, " }\n");
	}
	return str_take(&s);
}

static struct config *load(const char *text)
{
	struct config_report rep = { 0 };
	struct config *c = NULL;

	if (config_load_text("bench.yaml", text, strlen(text), &c, &rep) != CONFIG_OK) {
		(void)fprintf(stderr, "%s\n", rep.parse_error ? rep.parse_error : rep.semantic[0]);
		exit(1);
	}
	config_report_done(&rep);
	return c;
}

static int by_time(const void *a, const void *b)
{
	dur_ns x = *(const dur_ns *)a, y = *(const dur_ns *)b;

	return (x > y) - (x < y);
}

static double ms(dur_ns d)
{
	return (double)d / (double)NS_PER_MS;
}

static void print(const char *what, dur_ns *d)
{
	qsort(d, ROUNDS, sizeof(*d), by_time);
	(void)printf("%-28s median %6.2f ms, worst %6.2f ms\n", what, ms(d[ROUNDS / 2]),
		     ms(d[ROUNDS - 1]));
}

static void all_up(struct fleet *f)
{
	for (size_t i = 0; i < f->backends.n; i++) {
		const struct probe_result r = { .id = f->backends_sorted[i]->id,
						.generation = f->backends_sorted[i]->generation,
						.code = CODE_L7OK };

		fleet_results(f, &r, 1, 0);
	}
}

int main(void)
{
	char *text[2] = { make_text(0), make_text(1) };
	dur_ns loading[ROUNDS], held[ROUNDS];
	struct fleet *f;
	size_t messages = 0;

	log_set_level(LVL_OFF);
	f = fleet_new(load(text[1]));
	f->engine = ENGINE;
	f->lbsync = LBSYNC;
	fleet_start(f, 0);
	all_up(f);
	for (int i = 0; i < ROUNDS; i++) {
		mono_ns begin = loop_clock(), loaded;
		struct config *c = load(text[i % 2]);

		fakes_clear();
		loaded = loop_clock();
		(void)reload_apply(f, c, 0);
		held[i] = loop_clock() - loaded;
		loading[i] = loaded - begin;
		messages += fakes.engine.n;
	}
	(void)printf("reload of %d backends, %d frontends, 1 backend changed\n", N_BACKENDS,
		     N_BACKENDS / PER_FRONTEND);
	print("reading and checking", loading);
	print("main loop held", held);
	(void)printf("%-28s %.1f per reload\n", "messages to probe threads",
		     (double)messages / ROUNDS);
	fleet_free(f);
	fakes_done();
	free(text[0]);
	free(text[1]);
	return messages == ROUNDS && held[ROUNDS / 2] < HELD_MAX ? 0 : 1;
}
