/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "core/model.h"
#include "dies.h"

static void test_names(void **state)
{
	assert_string_equal(hc_type_name(HC_ICMP), "icmp");
	assert_string_equal(hc_type_name(HC_TCP), "tcp");
	assert_string_equal(hc_type_name(HC_HTTP), "http");
	assert_string_equal(hc_type_name(HC_HTTPS), "https");
	assert_dies(hc_type_name(HC_TYPE_N));
	assert_string_equal(vip_proto_name(6), "tcp");
	assert_string_equal(vip_proto_name(17), "udp");
	assert_string_equal(vip_proto_name(255), "any");
	assert_string_equal(vip_proto_name(1), "?");
}

static void test_code_set(void **state)
{
	struct code_set set = { 0 };
	const int in[] = { 100, 163, 164, 200, 404, 599 };

	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		code_set_add(&set, in[i]);
	for (int code = -1; code < 1000; code++) {
		bool want = false;

		for (size_t i = 0; i < ARRAY_LEN(in); i++)
			want |= in[i] == code;
		assert_int_equal(code_set_has(&set, code), want);
	}
}

static struct healthcheck *full_check(void)
{
	struct healthcheck *hc = healthcheck_new();

	hc->name = xstrdup("web");
	hc->type = HC_HTTPS;
	hc->port = 443;
	hc->interval = hc->fast_interval = hc->down_interval = hc->timeout = NS_PER_S;
	hc->rise = 2;
	hc->fall = 3;
	hc->path = xstrdup("/");
	hc->host = xstrdup("h");
	hc->response_code = xstrdup("200");
	hc->regexp = xstrdup("ok");
	hc->server_name = xstrdup("s");
	return hc;
}

static void replace(char **field)
{
	free(*field);
	*field = xstrdup("other");
}

/* Change the n-th setting; false when there are no more. */
static bool change(struct healthcheck *hc, int n)
{
	switch (n) {
	case 0:
		return hc->type = HC_HTTP, true;
	case 1:
		return hc->port++, true;
	case 2:
		return hc->interval++, true;
	case 3:
		return hc->fast_interval++, true;
	case 4:
		return hc->down_interval++, true;
	case 5:
		return hc->timeout++, true;
	case 6:
		return hc->rise++, true;
	case 7:
		return hc->fall++, true;
	case 8:
		return hc->src4.family = ADDR_IP4, true;
	case 9:
		return hc->src6.family = ADDR_IP6, true;
	case 10:
		return hc->reuse_connection = true;
	case 11:
		return replace(&hc->path), true;
	case 12:
		return replace(&hc->host), true;
	case 13:
		return replace(&hc->response_code), true;
	case 14:
		return replace(&hc->regexp), true;
	case 15:
		return hc->ssl = true;
	case 16:
		return replace(&hc->server_name), true;
	case 17:
		return hc->insecure_skip_verify = true;
	default:
		return false;
	}
}

static void test_same(void **state)
{
	struct healthcheck *a = full_check(), *b;

	assert_true(healthcheck_same(a, a));
	b = full_check();
	assert_true(healthcheck_same(a, b));
	replace(&b->name); /* a rename probes nothing differently */
	assert_true(healthcheck_same(a, b));
	for (int n = 0; change(b, n); n++) {
		assert_false(healthcheck_same(a, b));
		assert_false(healthcheck_same(b, a));
		healthcheck_unref(b);
		b = full_check();
	}
	healthcheck_unref(b);
	healthcheck_unref(a);
}

static void test_references(void **state)
{
	struct healthcheck *hc = full_check(), dead = { 0 };

	assert_ptr_equal(healthcheck_ref(hc), hc);
	healthcheck_unref(hc);
	assert_string_equal(hc->name, "web"); /* one is left */
	healthcheck_unref(hc);
	healthcheck_unref(NULL);
	assert_dies(healthcheck_ref(&dead));
	dead.refs = 0;
	assert_dies(healthcheck_unref(&dead));
}

static void test_counter_max(void **state)
{
	struct healthcheck *hc = full_check();

	assert_int_equal(healthcheck_counter_max(hc), 4);
	assert_int_equal(healthcheck_counter_max(NULL), 1);
	healthcheck_unref(hc);
}

static struct config *some_config(void)
{
	struct config *c = config_new();
	const char *const names[] = { "a", "b", "bb", "c" };

	c->n_checks = c->n_backends = c->n_frontends = 4;
	c->checks = xcalloc(4, sizeof *c->checks);
	c->backends = xcalloc(4, sizeof *c->backends);
	c->frontends = xcalloc(4, sizeof *c->frontends);
	for (size_t i = 0; i < 4; i++) {
		c->checks[i] = healthcheck_new();
		c->checks[i]->name = xstrdup(names[i]);
		c->backends[i].name = xstrdup(names[i]);
		c->backends[i].check = i ? healthcheck_ref(c->checks[i]) : NULL;
		c->frontends[i].name = xstrdup(names[i]);
		c->frontends[i].n_pools = i % 2;
		c->frontends[i].pools = xcalloc(1, sizeof(struct pool_conf));
		c->frontends[i].pools->name = i % 2 ? xstrdup("p") : NULL;
		c->frontends[i].pools->members = i % 2 ? XNEW(struct member_conf) : NULL;
	}
	return c;
}

static void test_find(void **state)
{
	struct config *c = some_config(), *empty = config_new();

	assert_int_equal(config_find_check(c, "a"), 0);
	assert_int_equal(config_find_check(c, "c"), 3);
	assert_int_equal(config_find_check(c, "ab"), -1);
	assert_int_equal(config_find_frontend(c, "b"), 1);
	assert_int_equal(config_find_frontend(c, "d"), -1);
	assert_int_equal(config_find_frontend(empty, "a"), -1);
	config_free(c);
	config_free(empty);
	config_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),       cmocka_unit_test(test_code_set),
		cmocka_unit_test(test_same),        cmocka_unit_test(test_references),
		cmocka_unit_test(test_counter_max), cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
