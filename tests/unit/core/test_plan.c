/* SPDX-License-Identifier: Apache-2.0 */
/* The planner by examples, and the pictures it works on. States and plans are written as text:
 *
 *   V address protocol/port encap sticky(n,y,?) length [held]
 *   A address weight [flags: z flush_on_zero, f flush_now, k keep, d dead]  (of the V above) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/str.h"
#include "core/plan.h"
#include "lb_model.h"
#include "dies.h"

/* ------------------------------------------------------------------------------ text to states */

static struct addr addr_of(const char *s)
{
	struct addr a;

	assert_int_equal(addr_parse(s, &a), 0);
	return a;
}

static struct vip_key key_of(const char *addr, unsigned proto, unsigned port)
{
	struct addr a = addr_of(addr);

	return (struct vip_key){ prefix_host(&a), (uint8_t)proto, (uint16_t)port };
}

static uint8_t encap_of(const char *name)
{
	uint8_t e = 0;

	while (strcmp(plan_encap_name(e), name) != 0)
		assert_true(e++ < 5);
	return e;
}

static void add_vip(struct plan_state *s, const char *line)
{
	char addr[64], encap[16], sticky, held[8] = "";
	unsigned proto, port, len;
	struct plan_vip *v;

	assert_true(sscanf(line, "V %63s %u/%u %15s %c %u %7s", addr, &proto, &port, encap, &sticky,
			   &len, held) >= 6);
	s->vips = xreallocarray(s->vips, s->n_vips + 1, sizeof *s->vips);
	v = &s->vips[s->n_vips++];
	*v = (struct plan_vip){ .key = key_of(addr, proto, port),
				.encap = encap_of(encap),
				.sticky = sticky == 'y'   ? STICKY_YES
					  : sticky == '?' ? STICKY_UNKNOWN
							  : STICKY_NO,
				.table_len = len,
				.held = strcmp(held, "held") == 0 };
}

static void add_as(struct plan_state *s, const char *line)
{
	struct plan_vip *v = &s->vips[s->n_vips - 1];
	char addr[64], flags[8] = "";
	unsigned weight;

	assert_true(sscanf(line, "A %63s %u %7s", addr, &weight, flags) >= 2);
	v->as = xreallocarray(v->as, v->n_as + 1, sizeof *v->as);
	v->as[v->n_as++] = (struct plan_as){ .addr = addr_of(addr),
					     .weight = (uint8_t)weight,
					     .flush_on_zero = strchr(flags, 'z'),
					     .flush_now = strchr(flags, 'f'),
					     .keep = strchr(flags, 'k'),
					     .dead = strchr(flags, 'd'),
					     .buckets = 7 };
}

static struct plan_state state_of(const char *text)
{
	struct plan_state s = { 0 };
	char *copy = xstrdup(text), *save = NULL;

	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		if (*l == 'V')
			add_vip(&s, l);
		else
			add_as(&s, l);
	}
	free(copy);
	return s;
}

/* ------------------------------------------------------------------------- states, plans to text
 */

static void key_text(const struct vip_key *k, struct str *out)
{
	char a[ADDR_STRLEN];

	str_addf(out, " %s %u/%u", addr_format(&k->prefix.addr, a), k->proto, k->port);
}

static char sticky_char(enum plan_sticky s)
{
	return s == STICKY_YES ? 'y' : s == STICKY_NO ? 'n' : '?';
}

static char *state_text(const struct plan_state *s)
{
	struct str out = { 0 };
	char a[ADDR_STRLEN];

	for (size_t i = 0; i < s->n_vips; i++) {
		const struct plan_vip *v = &s->vips[i];

		str_add(&out, "V");
		key_text(&v->key, &out);
		str_addf(&out, " %s %c %u\n", plan_encap_name(v->encap), sticky_char(v->sticky),
			 v->table_len);
		for (size_t j = 0; j < v->n_as; j++)
			str_addf(&out, "A %s %u\n", addr_format(&v->as[j].addr, a),
				 v->as[j].weight);
	}
	return str_take(&out);
}

static void call_text(const struct plan_call *c, struct str *out)
{
	char a[ADDR_STRLEN];

	str_add(out, plan_op_name(c->op));
	key_text(&c->key, out);
	if (c->op == PLAN_VIP_ADD)
		str_addf(out, " %s %c %u", plan_encap_name(c->encap), c->sticky ? 'y' : 'n',
			 c->table_len);
	else if (c->op != PLAN_VIP_DEL)
		str_addf(out, " %s", addr_format(&c->as, a));
	if (c->op == PLAN_AS_WEIGHT)
		str_addf(out, " %u>%u", c->from_weight, c->weight);
	if (c->op == PLAN_AS_ADD)
		str_addf(out, " %u", c->weight);
	if (c->flush)
		str_add(out, " flush");
	if (c->recreate)
		str_add(out, " recreate");
	str_add_c(out, '\n');
}

struct example {
	const char *desired, *actual;
	const struct vip_key *only; /* NULL: full */
	const char *calls;
	size_t deferred;
};

static void check_example(const struct example *e)
{
	struct plan_state desired = state_of(e->desired), actual = state_of(e->actual);
	enum plan_scope scope = e->only ? PLAN_ONLY : PLAN_FULL;
	struct plan p = { 0 };
	struct str out = { 0 };

	plan_build(&desired, &actual, scope, e->only, e->only ? 1 : 0, &p);
	for (size_t i = 0; i < p.n; i++)
		call_text(&p.calls[i], &out);
	assert_string_equal(str_z(&out), e->calls);
	assert_int_equal(p.n_deferred, e->deferred);
	str_done(&out);
	plan_done(&p);
	plan_state_done(&desired);
	plan_state_done(&actual);
}

/* ------------------------------------------------------------------------------------ examples */

static void test_nothing_to_do(void **state)
{
	check_example(&(struct example){
		.desired = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.2 100 zd\nA 10.0.0.3 0 zd\n",
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.2 100\nA 10.0.0.3 0\n",
		.calls = "",
	});
	check_example(&(struct example){ .desired = "", .actual = "", .calls = "" });
}

static void test_from_nothing(void **state)
{
	check_example(&(struct example){
		.desired = "V 192.0.2.1 6/80 gre4 y 64\nA 10.0.0.2 100\nA 10.0.0.10 0 z\n"
			   "V 2001:db8::1 255/0 gre6 ? 1024\nA fd00::1 1\n",
		.actual = "",
		.calls = "vip-add 192.0.2.1 6/80 gre4 y 64\n"
			 "as-add 192.0.2.1 6/80 10.0.0.2 100\n"
			 "as-add 192.0.2.1 6/80 10.0.0.10 0\n"
			 "vip-add 2001:db8::1 255/0 gre6 n 1024\n"
			 "as-add 2001:db8::1 255/0 fd00::1 1\n",
	});
}

static void test_to_nothing(void **state)
{
	check_example(&(struct example){
		.desired = "",
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.2 100\nA 10.0.0.10 0\n"
			  "V 192.0.2.1 6/443 gre4 n 1024\n",
		.calls = "as-del 192.0.2.1 6/80 10.0.0.2 flush\n"
			 "as-del 192.0.2.1 6/80 10.0.0.10 flush\n"
			 "vip-del 192.0.2.1 6/80\n"
			 "vip-del 192.0.2.1 6/443\n",
	});
}

static void test_raise_before_lower(void **state)
{
	check_example(&(struct example){
		.desired = "V 192.0.2.1 6/80 gre4 n 1024\n"
			   "A 10.0.0.2 0 z\nA 10.0.0.3 90\nA 10.0.0.10 100\nA 10.0.0.11 5\n",
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\n"
			  "A 10.0.0.1 100\nA 10.0.0.2 100\nA 10.0.0.3 80\nA 10.0.0.11 6\n",
		.calls = "as-weight 192.0.2.1 6/80 10.0.0.3 80>90\n"
			 "as-add 192.0.2.1 6/80 10.0.0.10 100\n"
			 "as-del 192.0.2.1 6/80 10.0.0.1 flush\n"
			 "as-weight 192.0.2.1 6/80 10.0.0.2 100>0 flush\n"
			 "as-weight 192.0.2.1 6/80 10.0.0.11 6>5\n",
	});
}

static void test_flushes(void **state)
{
	check_example(&(struct example){
		.desired = "V 192.0.2.1 6/80 gre4 n 1024\n"
			   "A 10.0.0.1 0\n"    /* drained */
			   "A 10.0.0.2 0 z\n"  /* down */
			   "A 10.0.0.3 50 z\n" /* less, but not nothing: the policy is silent */
			   "A 10.0.0.4 0 zf\n" /* a drained standby was disabled */
			   "A 10.0.0.5 70 f\n" /* the operator's wish: weight and flush */
			   "A 10.0.0.6 70 f\n" /* more, and flush */
			   "A 10.0.0.7 9 f\n", /* new, and flush */
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 100\nA 10.0.0.2 100\n"
			  "A 10.0.0.3 100\nA 10.0.0.4 0\nA 10.0.0.5 100\nA 10.0.0.6 1\n",
		.calls = "as-weight 192.0.2.1 6/80 10.0.0.6 1>70 flush\n"
			 "as-add 192.0.2.1 6/80 10.0.0.7 9 flush\n"
			 "as-weight 192.0.2.1 6/80 10.0.0.1 100>0\n"
			 "as-weight 192.0.2.1 6/80 10.0.0.2 100>0 flush\n"
			 "as-weight 192.0.2.1 6/80 10.0.0.3 100>50\n"
			 "as-weight 192.0.2.1 6/80 10.0.0.4 0>0 flush\n"
			 "as-weight 192.0.2.1 6/80 10.0.0.5 100>70 flush\n",
	});
}

static void test_keep(void **state)
{
	check_example(&(struct example){
		.desired = "V 192.0.2.1 6/80 gre4 n 1024\n"
			   "A 10.0.0.1 0 kz\nA 10.0.0.2 100 k\nA 10.0.0.3 100 k\nA 10.0.0.4 3 kf\n",
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\n"
			  "A 10.0.0.1 100\nA 10.0.0.2 0\nA 10.0.0.4 77\n",
		.calls = "as-add 192.0.2.1 6/80 10.0.0.3 0\n"
			 "as-weight 192.0.2.1 6/80 10.0.0.4 77>77 flush\n",
	});
	check_example(&(struct example){
		.desired = "V 192.0.2.1 6/80 gre4 y 1024\nA 10.0.0.1 0 kf\nA 10.0.0.2 5 k\n",
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 100\n",
		.calls = "as-del 192.0.2.1 6/80 10.0.0.1 flush recreate\n"
			 "vip-del 192.0.2.1 6/80 recreate\n"
			 "vip-add 192.0.2.1 6/80 gre4 y 1024 recreate\n"
			 "as-add 192.0.2.1 6/80 10.0.0.1 100 flush recreate\n"
			 "as-add 192.0.2.1 6/80 10.0.0.2 0 recreate\n",
	});
}

static void test_the_dead_first(void **state)
{
	check_example(&(struct example){
		.desired = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 1\nA 10.0.0.2 0 zd\n"
			   "V 192.0.2.2 6/80 gre4 n 1024\nA 10.0.0.1 1\nA 10.0.0.2 0 zd\n"
			   "V 192.0.2.3 6/80 gre4 n 1024\nA 10.0.0.2 0 dfz\n"
			   "V 192.0.2.4 6/80 gre4 n 1024\nA 10.0.0.2 0 d\n",
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 100\nA 10.0.0.2 0\n"
			  "V 192.0.2.2 6/80 gre4 n 1024\nA 10.0.0.1 0\nA 10.0.0.2 9\n"
			  "V 192.0.2.3 6/80 gre4 n 1024\nA 10.0.0.2 0\n"
			  "V 192.0.2.4 6/80 gre4 n 1024\n",
		.calls = "as-weight 192.0.2.2 6/80 10.0.0.1 0>1\n"
			 "as-weight 192.0.2.2 6/80 10.0.0.2 9>0 flush\n"
			 "as-weight 192.0.2.3 6/80 10.0.0.2 0>0 flush\n"
			 "as-weight 192.0.2.1 6/80 10.0.0.1 100>1\n"
			 "as-add 192.0.2.4 6/80 10.0.0.2 0\n",
	});
}

/* Sticky flag and table length are one VIP's own affair, also on a shared prefix. */
static void test_recreate_one_of_a_prefix(void **state)
{
	check_example(&(struct example){
		.desired = "V 192.0.2.1 6/80 gre4 y 1024\nA 10.0.0.1 1\n"
			   "V 192.0.2.1 6/443 gre4 n 1024\nA 10.0.0.1 7\n"
			   "V 192.0.2.1 17/53 gre4 n 2048\n"
			   "V 192.0.2.1 17/123 gre4 ? 64\n", /* does not matter to us */
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 1\n"
			  "V 192.0.2.1 6/443 gre4 ? 1024\nA 10.0.0.1 9\n"
			  "V 192.0.2.1 17/53 gre4 n 0\n"
			  "V 192.0.2.1 17/123 gre4 y 64\n",
		.calls = "as-del 192.0.2.1 6/80 10.0.0.1 flush recreate\n"
			 "vip-del 192.0.2.1 6/80 recreate\n"
			 "vip-del 192.0.2.1 17/53 recreate\n"
			 "vip-add 192.0.2.1 6/80 gre4 y 1024 recreate\n"
			 "as-add 192.0.2.1 6/80 10.0.0.1 1 recreate\n"
			 "as-weight 192.0.2.1 6/443 10.0.0.1 9>7\n"
			 "vip-add 192.0.2.1 17/53 gre4 n 2048 recreate\n",
	});
}

static const char two_gre6[] = "V 192.0.2.1 6/80 gre6 n 1024\nA fd00::1 1\n"
			       "V 192.0.2.1 6/443 gre6 n 1024\nA fd00::2 1\n";

/* A prefix whose VIPs all change encapsulation comes through, whatever the scope. */
static void test_other_encapsulation(void **state)
{
	const struct vip_key https = key_of("192.0.2.1", 6, 443);
	struct example e = {
		.desired = two_gre6,
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 1\n"
			  "V 192.0.2.1 6/443 gre4 n 1024\n"
			  "V 192.0.2.1 17/53 gre4 n 1024\n" /* not desired: in the way */
			  "V 192.0.2.9 17/53 gre4 n 1024\n",
		.only = &https,
		.calls = "as-del 192.0.2.1 6/80 10.0.0.1 flush recreate\n"
			 "vip-del 192.0.2.1 6/80 recreate\n"
			 "vip-del 192.0.2.1 6/443 recreate\n"
			 "vip-del 192.0.2.1 17/53\n"
			 "vip-add 192.0.2.1 6/80 gre6 n 1024 recreate\n"
			 "as-add 192.0.2.1 6/80 fd00::1 1 recreate\n"
			 "vip-add 192.0.2.1 6/443 gre6 n 1024 recreate\n"
			 "as-add 192.0.2.1 6/443 fd00::2 1 recreate\n",
	};

	check_example(&e);
	e.actual = "V 192.0.2.1 17/53 l3dsr n 1024\nA 10.0.0.1 1\n"; /* somebody else's */
	e.calls = "as-del 192.0.2.1 17/53 10.0.0.1 flush\n"
		  "vip-del 192.0.2.1 17/53\n"
		  "vip-add 192.0.2.1 6/80 gre6 n 1024\n"
		  "as-add 192.0.2.1 6/80 fd00::1 1\n"
		  "vip-add 192.0.2.1 6/443 gre6 n 1024\n"
		  "as-add 192.0.2.1 6/443 fd00::2 1\n";
	check_example(&e);
	e.only = NULL;
	check_example(&e);
}

static void test_all_port_and_per_port(void **state)
{
	const struct vip_key http = key_of("192.0.2.1", 6, 80), all = key_of("192.0.2.1", 255, 0);

	check_example(&(struct example){
		.desired = "V 192.0.2.1 6/80 gre4 n 1024\n",
		.actual = "V 192.0.2.1 255/0 gre4 n 1024\nA 10.0.0.1 5\n",
		.only = &http,
		.calls = "as-del 192.0.2.1 255/0 10.0.0.1 flush\n"
			 "vip-del 192.0.2.1 255/0\n"
			 "vip-add 192.0.2.1 6/80 gre4 n 1024\n",
	});
	check_example(&(struct example){
		.desired = "V 192.0.2.1 255/0 gre4 n 1024\n",
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\nV 192.0.2.1 6/443 gre4 n 1024\n",
		.only = &all,
		.calls = "vip-del 192.0.2.1 6/80\n"
			 "vip-del 192.0.2.1 6/443\n"
			 "vip-add 192.0.2.1 255/0 gre4 n 1024\n",
	});
	check_example(&(struct example){
		/* the key asked for is not desired: leave it */
		.desired = "V 192.0.2.1 255/0 gre4 n 1024\n",
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\n",
		.only = &http,
		.calls = "",
	});
}

/* A unit with a dead backend in a re-created VIP goes first as a whole; its neighbours' updates in
 * place do not. */
static void test_the_dead_in_a_unit(void **state)
{
	check_example(&(struct example){
		.desired = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 5\n"
			   "V 192.0.2.2 6/80 gre4 n 1024\nA 10.0.0.1 5\n"
			   "V 192.0.2.2 6/443 gre4 y 1024\nA 10.0.0.1 0 d\n"
			   "V 192.0.2.2 17/53 gre4 n 1024\n",
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 6\n"
			  "V 192.0.2.2 6/22 gre4 n 1024\n"
			  "V 192.0.2.2 6/80 gre4 n 1024\nA 10.0.0.1 6\n"
			  "V 192.0.2.2 6/443 gre4 n 1024\nA 10.0.0.1 6\n",
		.calls = "vip-del 192.0.2.2 6/22\n"
			 "as-del 192.0.2.2 6/443 10.0.0.1 flush recreate\n"
			 "vip-del 192.0.2.2 6/443 recreate\n"
			 "vip-add 192.0.2.2 6/443 gre4 y 1024 recreate\n"
			 "as-add 192.0.2.2 6/443 10.0.0.1 0 recreate\n"
			 "vip-add 192.0.2.2 17/53 gre4 n 1024\n"
			 "as-weight 192.0.2.1 6/80 10.0.0.1 6>5\n"
			 "as-weight 192.0.2.2 6/80 10.0.0.1 6>5\n",
	});
}

static void test_held(void **state)
{
	const struct vip_key https = key_of("192.0.2.1", 6, 443);
	struct example e = {
		/* one by one: the held one is left as it is, missing or not */
		.desired = "V 192.0.2.1 6/80 gre4 n 1024 held\nA 10.0.0.1 5\n"
			   "V 192.0.2.1 6/443 gre4 n 1024\n"
			   "V 192.0.2.2 6/80 gre4 y 64 held\n",
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 6\nA 10.0.0.2 6\n",
		.calls = "vip-add 192.0.2.1 6/443 gre4 n 1024\n",
	};

	check_example(&e);
	/* of one unit: all wait */
	e.actual = "V 192.0.2.1 6/80 gre6 n 1024\nA fd00::1 6\n";
	e.only = &https;
	e.calls = "";
	e.deferred = 1;
	check_example(&e);
	e.only = NULL;
	check_example(&e);
}

static void test_single_scope_touches_its_own_alone(void **state)
{
	const struct vip_key http = key_of("192.0.2.1", 6, 80);
	struct example e = {
		.desired = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 5\n"
			   "V 192.0.2.1 6/443 gre4 n 1024\nA 10.0.0.1 5\n"
			   "V 192.0.2.2 6/80 gre4 n 1024\n",
		.actual = "V 192.0.2.0 6/80 gre4 n 1024\n"
			  "V 192.0.2.1 6/22 gre4 n 1024\n"
			  "V 192.0.2.1 6/443 gre4 n 1024\nA 10.0.0.1 9\n",
		.only = &http,
		.calls = "vip-add 192.0.2.1 6/80 gre4 n 1024\n"
			 "as-add 192.0.2.1 6/80 10.0.0.1 5\n",
	};

	check_example(&e);
	e.desired = "";
	e.calls = "";
	check_example(&e);
}

/* Rows that come twice count once; what a peer sends must not make us delete a VIP. */
static void test_equal_neighbours(void **state)
{
	check_example(&(struct example){
		.desired = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 5\n",
		.actual = "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 5\nA 10.0.0.1 6\nA 10.0.0.2 1\n"
			  "A 10.0.0.2 1\n"
			  "V 192.0.2.1 6/80 gre4 n 1024\nA 10.0.0.1 7\n",
		.calls = "as-del 192.0.2.1 6/80 10.0.0.2 flush\n",
	});
}

/* Several keys, of one prefix and of others, and an empty list of them. */
static void test_several_keys(void **state)
{
	struct plan_state desired = state_of("V 192.0.2.1 6/80 gre4 n 1024\n"
					     "V 192.0.2.1 6/443 gre4 n 1024\n"
					     "V 192.0.2.2 6/80 gre4 n 1024\n"
					     "V 192.0.2.3 6/80 gre4 n 1024\n");
	const struct vip_key only[] = { key_of("192.0.2.1", 6, 80), key_of("192.0.2.1", 6, 443),
					key_of("192.0.2.3", 6, 80), key_of("192.0.2.4", 6, 80) };
	struct plan_state actual = { 0 };
	struct plan p = { 0 };

	plan_build(&desired, &actual, PLAN_ONLY, only, 4, &p);
	assert_int_equal(p.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(vip_key_cmp(&p.calls[i].key, &only[i]), 0);
	plan_build(&desired, &actual, PLAN_ONLY, NULL, 0, &p);
	assert_int_equal(p.n, 0);
	plan_done(&p);
	plan_state_done(&desired);
}

/* Thousands of VIPs on few prefixes and on many, there and back again. */
static void test_many(void **state)
{
	struct plan_state desired = { 0 }, actual = { 0 }, none = { 0 };
	struct plan p = { 0 };
	const size_t n = 6000;

	desired.vips = xcalloc(n, sizeof *desired.vips);
	for (size_t i = 0; i < n; i++) {
		struct addr a = { ADDR_IP4, { 192, 0, 2, 0 } }, b = { ADDR_IP4, { 10, 0, 0, 1 } };
		struct plan_vip *v = &desired.vips[desired.n_vips++];

		a.b[3] = (uint8_t)(i < n / 2 ? 0 : 1);
		*v = (struct plan_vip){ .key = { prefix_host(&a), 6, (uint16_t)(i % (n / 2) + 1) },
					.table_len = 64,
					.as = XNEW(struct plan_as),
					.n_as = 1 };
		v->as[0] = (struct plan_as){ .addr = b, .weight = 100 };
	}
	plan_build(&desired, &actual, PLAN_FULL, NULL, 0, &p);
	assert_int_equal(p.n, 2 * n);
	for (size_t i = 0; i < p.n; i++)
		plan_apply(&actual, &p.calls[i]);
	plan_build(&desired, &actual, PLAN_FULL, NULL, 0, &p);
	assert_int_equal(p.n, 0);
	plan_build(&none, &actual, PLAN_FULL, NULL, 0, &p);
	assert_int_equal(p.n, 2 * n);
	for (size_t i = p.n; i-- > 0;) /* from the back, for a change: VIP first, then its AS */
		plan_apply(&actual, &p.calls[i]);
	assert_int_equal(actual.n_vips, 0);
	plan_done(&p);
	plan_state_done(&desired);
	plan_state_done(&actual);
}

/* ------------------------------------------------------------------------------------ pictures */

static void test_key_order(void **state)
{
	const struct vip_key sorted[] = {
		key_of("10.0.0.2", 6, 80),   key_of("10.0.0.2", 6, 443),
		key_of("10.0.0.2", 17, 53),  key_of("10.0.0.2", 255, 0),
		key_of("10.0.0.10", 6, 80),  key_of("192.0.2.1", 6, 1),
		key_of("2001:db8::", 6, 80), key_of("2001:db8::1", 6, 2),
	};
	struct vip_key wide = sorted[0];

	for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
		for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
			int c = vip_key_cmp(&sorted[i], &sorted[j]);

			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
		}
	wide.prefix.len = 24;
	assert_true(vip_key_cmp(&wide, &sorted[0]) < 0);
}

static void test_find(void **state)
{
	struct plan_state s = state_of("V 10.0.0.2 6/80 gre4 n 64\nV 10.0.0.2 6/443 gre4 n 64\n"
				       "V 10.0.0.10 6/80 gre4 n 64\n");
	const struct vip_key there[] = { key_of("10.0.0.2", 6, 80), key_of("10.0.0.2", 6, 443),
					 key_of("10.0.0.10", 6, 80) };
	const struct vip_key not_there[] = { key_of("10.0.0.1", 6, 80), key_of("10.0.0.2", 6, 81),
					     key_of("10.0.0.3", 6, 80), key_of("10.0.0.11", 6, 1) };
	const struct plan_state none = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(there); i++)
		assert_ptr_equal(plan_state_find(&s, &there[i]), &s.vips[i]);
	for (size_t i = 0; i < ARRAY_LEN(not_there); i++)
		assert_null(plan_state_find(&s, &not_there[i]));
	assert_null(plan_state_find(&none, &there[0]));
	plan_state_done(&s);
	assert_true(s.n_vips == 0 && s.vips == NULL);
}

static void test_sort(void **state)
{
	struct plan_state s = state_of("V 10.0.0.10 6/80 gre6 n 64\nA fd00::2 5\nA fd00::1 6\n"
				       "A fd00::2 7\n"
				       "V 10.0.0.2 17/53 gre4 n 64\nA 10.0.0.10 1\nA 10.0.0.2 2\n"
				       "V 10.0.0.10 6/80 gre4 y 32\nA 10.0.0.10 1\n"
				       "V 10.0.0.2 6/80 gre4 n 64\n");
	struct plan_state none = { 0 };
	char *text;

	plan_state_sort(&s);
	text = state_text(&s);
	assert_string_equal(text, "V 10.0.0.2 6/80 gre4 n 64\n"
				  "V 10.0.0.2 17/53 gre4 n 64\nA 10.0.0.2 2\nA 10.0.0.10 1\n"
				  "V 10.0.0.10 6/80 gre6 n 64\nA fd00::1 6\nA fd00::2 5\n");
	free(text);
	plan_state_done(&s);
	plan_state_sort(&none);
	assert_int_equal(none.n_vips, 0);
}

static struct plan_call as_call(enum plan_op op, const char *vip, const char *as, unsigned weight)
{
	return (struct plan_call){
		.op = op, .key = key_of(vip, 6, 80), .as = addr_of(as), .weight = (uint8_t)weight
	};
}

static void check_apply(struct plan_state *s, struct plan_call c, const char *want)
{
	char *text;

	plan_apply(s, &c);
	text = state_text(s);
	assert_string_equal(text, want);
	free(text);
}

static void test_apply(void **state)
{
	struct plan_state s = state_of("V 10.0.0.2 6/80 gre4 n 64\nA 10.0.0.1 1\n");
	struct plan_call add = { .op = PLAN_VIP_ADD,
				 .key = key_of("10.0.0.2", 6, 80),
				 .encap = ENCAP_GRE4,
				 .table_len = 64 };

	check_apply(&s, add, "V 10.0.0.2 6/80 gre4 n 64\nA 10.0.0.1 1\n"); /* already so */
	assert_int_equal(s.vips[0].as[0].buckets, 7);
	check_apply(&s, as_call(PLAN_AS_ADD, "10.0.0.2", "10.0.0.3", 2),
		    "V 10.0.0.2 6/80 gre4 n 64\nA 10.0.0.1 1\nA 10.0.0.3 2\n");
	assert_int_equal(s.vips[0].as[0].buckets, 0);
	/* acknowledged: so it must be there, though the picture did not know */
	check_apply(&s, as_call(PLAN_AS_WEIGHT, "10.0.0.2", "10.0.0.2", 3),
		    "V 10.0.0.2 6/80 gre4 n 64\nA 10.0.0.1 1\nA 10.0.0.2 3\nA 10.0.0.3 2\n");
	check_apply(&s, as_call(PLAN_AS_DEL, "10.0.0.2", "10.0.0.1", 0),
		    "V 10.0.0.2 6/80 gre4 n 64\nA 10.0.0.2 3\nA 10.0.0.3 2\n");
	check_apply(&s, as_call(PLAN_AS_DEL, "10.0.0.2", "10.0.0.1", 0),
		    "V 10.0.0.2 6/80 gre4 n 64\nA 10.0.0.2 3\nA 10.0.0.3 2\n");
	/* of VIPs that the picture does not know */
	check_apply(&s, as_call(PLAN_AS_ADD, "10.0.0.9", "10.0.0.1", 1),
		    "V 10.0.0.2 6/80 gre4 n 64\nA 10.0.0.2 3\nA 10.0.0.3 2\n");
	check_apply(&s, as_call(PLAN_VIP_DEL, "10.0.0.9", "10.0.0.1", 1),
		    "V 10.0.0.2 6/80 gre4 n 64\nA 10.0.0.2 3\nA 10.0.0.3 2\n");
	add.sticky = true; /* another one: VPP had none, so this one starts empty */
	check_apply(&s, add, "V 10.0.0.2 6/80 gre4 y 64\n");
	add.encap = ENCAP_GRE6;
	check_apply(&s, add, "V 10.0.0.2 6/80 gre6 y 64\n");
	add.table_len = 128;
	check_apply(&s, add, "V 10.0.0.2 6/80 gre6 y 128\n");
	add.key = key_of("10.0.0.1", 255, 0);
	check_apply(&s, add, "V 10.0.0.1 255/0 gre6 y 128\nV 10.0.0.2 6/80 gre6 y 128\n");
	add.op = PLAN_VIP_DEL;
	check_apply(&s, add, "V 10.0.0.2 6/80 gre6 y 128\n");
	plan_state_done(&s);
}

static void test_names(void **state)
{
	assert_string_equal(plan_encap_name(ENCAP_L3DSR), "l3dsr");
	assert_string_equal(plan_encap_name(ENCAP_NAT6), "nat6");
	assert_string_equal(plan_encap_name(5), "?");
	assert_string_equal(plan_op_name(PLAN_AS_WEIGHT), "as-weight");
	assert_string_equal(plan_op_name(PLAN_OP_N), "?");
}

/* The model the random test leans on refuses what VPP refuses. */
static void test_the_model_refuses(void **state)
{
	static struct lb lb;
	struct plan_call vip = { .op = PLAN_VIP_ADD,
				 .key = key_of("192.0.2.1", 6, 80),
				 .encap = ENCAP_GRE4,
				 .table_len = 64 };
	struct plan_call as = as_call(PLAN_AS_ADD, "192.0.2.1", "10.0.0.1", 5), other;

	assert_int_equal(lb_call(&lb, &as), LB_NO_SUCH_ENTRY);
	vip.table_len = 0;
	assert_int_equal(lb_call(&lb, &vip), LB_BAD_LENGTH);
	vip.table_len = 64;
	assert_int_equal(lb_call(&lb, &vip), LB_OK);
	assert_int_equal(lb_call(&lb, &vip), LB_EXISTS);
	other = vip;
	other.key = key_of("192.0.2.1", 255, 0);
	assert_int_equal(lb_call(&lb, &other), LB_EXISTS);
	other.key = key_of("192.0.2.1", 6, 443);
	other.encap = ENCAP_GRE6;
	assert_int_equal(lb_call(&lb, &other), LB_OTHER_ENCAP);
	assert_int_equal(lb_call(&lb, &as), LB_OK);
	assert_int_equal(lb_call(&lb, &as), LB_EXISTS);
	other = as_call(PLAN_AS_ADD, "192.0.2.1", "fd00::1", 5);
	assert_int_equal(lb_call(&lb, &other), LB_WRONG_FAMILY);
	as.op = PLAN_AS_DEL;
	assert_int_equal(lb_call(&lb, &as), LB_OK);
	as.op = PLAN_AS_WEIGHT;
	assert_int_equal(lb_call(&lb, &as), LB_NO_SUCH_ENTRY);
}

/* A plan for these would be nonsense. */
static void check_dies(const char *desired, const char *actual, const struct vip_key *only,
		       size_t n_only)
{
	struct plan_state want = state_of(desired), have = state_of(actual);
	enum plan_scope scope = only ? PLAN_ONLY : PLAN_FULL;
	struct plan p = { 0 };

	assert_dies(plan_build(&want, &have, scope, only, n_only, &p));
	assert_int_equal(p.n, 0);
	plan_state_done(&want);
	plan_state_done(&have);
}

static void test_programmer_errors(void **state)
{
	const struct vip_key keys[] = { key_of("192.0.2.2", 6, 80), key_of("192.0.2.1", 6, 80) };
	const struct plan_call unknown = { .op = PLAN_OP_N };
	struct plan_state none = { 0 };

	check_dies("V 192.0.2.1 6/80 gre4 n 64\nA 10.0.0.2 1\nA 10.0.0.1 1\n",
		   "V 192.0.2.1 6/80 gre4 n 64\n", NULL, 0);
	check_dies("V 192.0.2.1 6/443 gre4 n 64\nV 192.0.2.1 6/80 gre4 n 64\n", "", NULL, 0);
	check_dies("", "V 192.0.2.2 6/80 gre4 n 64\nV 192.0.2.1 6/80 gre4 n 64\n", NULL, 0);
	check_dies("V 192.0.2.1 6/80 gre4 n 64\nV 192.0.2.1 6/443 gre6 n 64\n", "", NULL, 0);
	check_dies("V 192.0.2.1 6/80 gre4 n 64\nV 192.0.2.1 255/0 gre4 n 64\n", "", NULL, 0);
	check_dies("", "", keys, 2);
	assert_dies(plan_apply(&none, &unknown));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_from_nothing),
		cmocka_unit_test(test_to_nothing),
		cmocka_unit_test(test_raise_before_lower),
		cmocka_unit_test(test_flushes),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_the_dead_first),
		cmocka_unit_test(test_recreate_one_of_a_prefix),
		cmocka_unit_test(test_other_encapsulation),
		cmocka_unit_test(test_all_port_and_per_port),
		cmocka_unit_test(test_the_dead_in_a_unit),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_single_scope_touches_its_own_alone),
		cmocka_unit_test(test_equal_neighbours),
		cmocka_unit_test(test_several_keys),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_key_order),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_the_model_refuses),
		cmocka_unit_test(test_programmer_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
