/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload changes, and which check objects live on. */
#include "config/diff.h"

#include "base/rng.h"
#include "load.h"

static const char *const change_names[] = {
	[BACKEND_KEPT] = "kept",
	[BACKEND_ADDED] = "added",
	[BACKEND_REMOVED] = "removed",
	[BACKEND_RECHECKED] = "rechecked",
	[BACKEND_READDRESSED] = "readdressed",
};

/* "a:kept b:rechecked+enabled c:added" */
static char *deltas(const struct config *old, const struct config *new_,
		    const struct config_delta *d)
{
	struct str out = { 0 };

	for (size_t i = 0; i < d->n_backends; i++) {
		const struct backend_delta *b = &d->backends[i];
		const char *name = b->new_index >= 0 ? new_->backends[b->new_index].name
						     : old->backends[b->old_index].name;

		str_addf(&out, "%s%s:%s%s", i ? " " : "", name, change_names[b->change],
			 b->enabled_changed ? "+enabled" : "");
		assert_int_equal(b->old_index < 0, b->change == BACKEND_ADDED);
		assert_int_equal(b->new_index < 0, b->change == BACKEND_REMOVED);
	}
	return str_take(&out);
}

static struct config *load(const char *checks, const char *backends)
{
	_cleanup_free_ char *text = xasprintf(HEAD "  healthchecks: { %s }\n  backends: { %s }\n",
					      checks, backends);

	return must_load(text);
}

#define C1   "x: { type: icmp }"
#define A(S) "a: { address: 192.0.2.1" S " }"
#define B(S) "b: { address: 192.0.2.2" S " }"
#define HC   ", healthcheck: x"

static void test_backends(void **state)
{
	static const struct {
		const char *old_checks, *old_backends, *new_checks, *new_backends, *want;
		size_t counts[4]; /* added, removed, changed, kept */
	} rows[] = {
		{ C1, A(HC), C1, A(HC), "a:kept", { 0, 0, 0, 1 } },
		{ "", "", C1, A(HC), "a:added", { 1, 0, 0, 0 } },
		{ C1, A(HC), "", "", "a:removed", { 0, 1, 0, 0 } },
		{ C1, A(HC), C1, B(HC), "a:removed b:added", { 1, 1, 0, 0 } },
		{ C1, B(HC), C1, A(HC), "a:added b:removed", { 1, 1, 0, 0 } },
		{ C1, A(HC) ", " B(""), C1, B("") ", " A(HC), "a:kept b:kept", { 0, 0, 0, 2 } },
		{ C1,
		  A(HC),
		  "x: { type: icmp, timeout: 1s }",
		  A(HC),
		  "a:rechecked",
		  { 0, 0, 1, 0 } },
		{ C1, A(HC), "x: { type: tcp, port: 1 }", A(HC), "a:rechecked", { 0, 0, 1, 0 } },
		{ C1, A(HC), C1, A(""), "a:rechecked", { 0, 0, 1, 0 } },
		{ C1, A(""), C1, A(HC), "a:rechecked", { 0, 0, 1, 0 } },
		{ C1, A(HC), "y: { type: icmp }", A(", healthcheck: y"), "a:kept", { 0, 0, 0, 1 } },
		{ C1,
		  A(HC),
		  C1 ", y: { type: icmp, rise: 9 }",
		  A(", healthcheck: y"),
		  "a:rechecked",
		  { 0, 0, 1, 0 } },
		{ C1,
		  A(HC),
		  C1,
		  "a: { address: 192.0.2.7" HC " }",
		  "a:readdressed",
		  { 0, 0, 1, 0 } },
		{ C1,
		  A(HC),
		  "x: { type: icmp, fall: 1 }",
		  "a: { address: '2001:db8::1'" HC " }",
		  "a:readdressed",
		  { 0, 0, 1, 0 } },
		{ C1, A(HC), C1, A(HC ", enabled: false"), "a:kept+enabled", { 0, 0, 1, 0 } },
		{ C1,
		  A(HC ", enabled: false"),
		  C1,
		  A(", enabled: true"),
		  "a:rechecked+enabled",
		  { 0, 0, 1, 0 } },
		{ C1,
		  A(HC ", enabled: false"),
		  C1,
		  A(HC ", enabled: no"),
		  "a:kept",
		  { 0, 0, 0, 1 } },
		{ C1, "", C1, A(HC ", enabled: false"), "a:added", { 1, 0, 0, 0 } },
		{ "", "", "", "", "", { 0, 0, 0, 0 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *old = load(rows[i].old_checks, rows[i].old_backends);
		struct config *new_ = load(rows[i].new_checks, rows[i].new_backends);
		struct config_delta d;
		_cleanup_free_ char *got = NULL;

		config_diff(old, new_, &d);
		got = deltas(old, new_, &d);
		assert_string_equal(got, rows[i].want);
		assert_int_equal(d.n_added, rows[i].counts[0]);
		assert_int_equal(d.n_removed, rows[i].counts[1]);
		assert_int_equal(d.n_changed, rows[i].counts[2]);
		assert_int_equal(d.n_kept, rows[i].counts[3]);
		config_delta_done(&d);
		config_free(old);
		config_free(new_);
	}
}

/* Every setting of a check makes it another one; its name alone does not. */
static void test_every_setting_counts(void **state)
{
	static const char *const bodies[] = {
		"type: http, port: 80",
		"type: http, port: 81",
		"type: https, port: 80",
		"type: tcp, port: 80",
		"type: tcp, port: 80, params: { ssl: true }",
		"type: tcp, port: 80, params: { server-name: a }",
		"type: icmp",
		("type: http, port: 80, interval: 3s, timeout: 2s, fast-interval: 2s, "
		 "down-interval: 2s"),
		"type: http, port: 80, fast-interval: 3s",
		"type: http, port: 80, down-interval: 3s",
		"type: http, port: 80, timeout: 1s",
		"type: http, port: 80, rise: 3",
		"type: http, port: 80, fall: 2",
		"type: http, port: 80, probe-ipv4-src: 192.0.2.4",
		"type: http, port: 80, probe-ipv6-src: '2001:db8::4'",
		"type: http, port: 80, reuse-connection: true",
		"type: http, port: 80, params: { path: /x }",
		"type: http, port: 80, params: { host: a }",
		"type: http, port: 80, params: { response-code: 2xx }",
		"type: http, port: 80, params: { response-regexp: a }",
		"type: https, port: 80, params: { server-name: a }",
		"type: https, port: 80, params: { insecure-skip-verify: true }",
	};
	struct config *c[ARRAY_LEN(bodies)];

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		_cleanup_free_ char *one = xasprintf("n%zu: { %s }, m: { %s }", i, bodies[i],
						     bodies[i]);

		c[i] = load(one, "");
		assert_true(healthcheck_same(c[i]->checks[0], c[i]->checks[1]));
	}
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		for (size_t k = 0; k < ARRAY_LEN(bodies); k++)
			if (healthcheck_same(c[i]->checks[0], c[k]->checks[0]) != (i == k))
				fail_msg("%s / %s", bodies[i], bodies[k]);
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		config_free(c[i]);
}

static void test_sharing(void **state)
{
	struct config *old = load("x: { type: icmp }, y: { type: icmp, rise: 3 }",
				  A(HC) ", " B(", healthcheck: y"));
	struct config *new_ = load(
		"x: { type: icmp }, y: { type: icmp, rise: 4 }, z: { type: icmp }",
		A(HC) ", " B(", healthcheck: y"));
	struct healthcheck *x = healthcheck_ref(old->checks[0]);
	struct config_delta d;

	config_diff(old, new_, &d);
	assert_ptr_equal(new_->checks[0], x);
	assert_ptr_equal(new_->backends[0].check, x);
	assert_ptr_not_equal(new_->checks[1], old->checks[1]);
	assert_ptr_equal(new_->backends[1].check, new_->checks[1]);
	assert_int_equal(atomic_load(&x->refs), 1 + 2 + 2);
	config_delta_done(&d);
	config_diff(old, new_, &d); /* again: nothing more to share */
	assert_int_equal(atomic_load(&x->refs), 1 + 2 + 2);
	config_delta_done(&d);
	config_free(old);
	assert_int_equal(atomic_load(&x->refs), 1 + 2);
	config_free(new_);
	assert_int_equal(atomic_load(&x->refs), 1);
	assert_string_equal(x->name, "x"); /* it outlives both */
	healthcheck_unref(x);
}

/* Two random files of up to eight backends; each name's change by looking both up. */
static char *random_backends(struct rng *r)
{
	struct str out = { 0 };

	for (int i = 0; i < 8; i++)
		if (rng_below(r, 3))
			str_addf(&out, "n%d: { address: 192.0.2.%d%s%s }, ", i,
				 (int)(i * 10 + (int)rng_below(r, 2) + 1),
				 rng_below(r, 2) ? ", healthcheck: x" : "",
				 rng_below(r, 4) ? "" : ", enabled: false");
	return str_take(&out);
}

static enum backend_change naive(const struct config *old, const struct config *new_,
				 const char *name)
{
	long o = find_backend(old, name), n = find_backend(new_, name);
	const struct backend_conf *a, *b;

	if (o < 0 || n < 0)
		return o < 0 ? BACKEND_ADDED : BACKEND_REMOVED;
	a = &old->backends[o];
	b = &new_->backends[n];
	if (!addr_eq(&a->addr, &b->addr))
		return BACKEND_READDRESSED;
	return a->check == b->check ? BACKEND_KEPT : BACKEND_RECHECKED;
}

static void test_random(void **state)
{
	struct rng r;

	rng_init(&r, 42);
	for (int round = 0; round < 500; round++) {
		_cleanup_free_ char *was = random_backends(&r), *is = random_backends(&r);
		struct config *old = load(C1, was), *new_ = load(C1, is);
		struct config_delta d;
		const char *last = "";

		config_diff(old, new_, &d);
		assert_int_equal(d.n_added + d.n_removed + d.n_changed + d.n_kept, d.n_backends);
		assert_int_equal(d.n_backends - d.n_removed, new_->n_backends);
		assert_int_equal(d.n_backends - d.n_added, old->n_backends);
		for (size_t i = 0; i < d.n_backends; i++) {
			const struct backend_delta *b = &d.backends[i];
			const char *name = b->new_index >= 0 ? new_->backends[b->new_index].name
							     : old->backends[b->old_index].name;

			assert_true(strcmp(last, name) < 0);
			assert_int_equal(b->change, naive(old, new_, name));
			last = name;
		}
		config_delta_done(&d);
		config_free(new_);
		config_free(old);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backends),
		cmocka_unit_test(test_every_setting_counts),
		cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
