/* SPDX-License-Identifier: Apache-2.0 */
/* What a good file becomes: defaults, values, order; warnings; and files that are no files. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"

static void assert_addr(const struct addr *a, const char *want)
{
	char buf[ADDR_STRLEN];

	assert_string_equal(addr_format(a, buf), want);
}

static const struct healthcheck *check(const struct config *c, const char *name)
{
	long i = config_find_check(c, name);

	assert_true(i >= 0);
	return c->checks[i];
}

static const struct backend_conf *backend(const struct config *c, const char *name)
{
	long i = find_backend(c, name);

	assert_true(i >= 0);
	return &c->backends[i];
}

static const struct frontend_conf *frontend(const struct config *c, const char *name)
{
	long i = config_find_frontend(c, name);

	assert_true(i >= 0);
	return &c->frontends[i];
}

static void assert_example_frontend(const struct config *c)
{
	const struct frontend_conf *f = frontend(c, "www");

	assert_string_equal(f->description, "public web");
	assert_addr(&f->addr, "203.0.113.80");
	assert_int_equal(f->proto, PROTO_TCP);
	assert_int_equal(f->port, 80);
	assert_int_equal(f->n_pools, 3);
	assert_string_equal(f->pools[0].name, "primary");
	assert_string_equal(f->pools[1].name, "fallback");
	assert_string_equal(f->pools[2].name, "last-resort");
	assert_int_equal(f->pools[0].n_members, 2);
	assert_string_equal(c->backends[f->pools[0].members[0].backend].name, "web-a");
	assert_int_equal(f->pools[0].members[0].weight, 100);
	assert_string_equal(c->backends[f->pools[0].members[1].backend].name, "web-b");
	assert_int_equal(f->pools[0].members[1].weight, 50);
	assert_string_equal(c->backends[f->pools[2].members[0].backend].name, "sorry");
	assert_false(f->src_ip_sticky);
	assert_true(f->flush_on_down);
	assert_int_equal(f->flow_table_length, 1024);
	assert_int_equal(f->backend_family, ADDR_IP4);
}

static void test_example(void **state)
{
	struct config *c = NULL;
	struct config_report rep = { 0 };
	const struct healthcheck *web, *ping;

	assert_int_equal(config_load(TEST_DATA "/config/example.yaml", &c, &rep), CONFIG_OK);
	assert_int_equal(rep.n_warnings, 0);
	config_report_done(&rep);
	assert_int_equal(c->transition_history, 5);
	assert_string_equal(c->netns, "dataplane");
	assert_addr(&c->vpp.src4, "192.0.2.1");
	assert_addr(&c->vpp.src6, "2001:db8::1");
	web = check(c, "web");
	assert_int_equal(web->type, HC_HTTP);
	assert_int_equal(web->port, 80);
	assert_true(web->interval == 2 * NS_PER_S);
	assert_true(web->fast_interval == 500 * NS_PER_MS);
	assert_true(web->down_interval == 10 * NS_PER_S);
	assert_true(web->timeout == NS_PER_S);
	assert_string_equal(web->path, "/healthz");
	assert_string_equal(web->host, "www.example.net");
	assert_string_equal(web->response_code, "2xx");
	ping = check(c, "ping");
	assert_int_equal(ping->type, HC_ICMP);
	assert_null(ping->path);
	assert_ptr_equal(backend(c, "web-a")->check, web);
	assert_ptr_equal(backend(c, "spare")->check, ping);
	assert_null(backend(c, "sorry")->check);
	assert_addr(&backend(c, "web-b")->addr, "198.51.100.11");
	assert_example_frontend(c);
	config_free(c);
}

static void test_defaults(void **state)
{
	struct config *c = must_load(
		HEAD "  healthchecks: { h: { type: http, port: 8080 }, t: { type: tcp, "
		     "port: 1 } }\n"
		     "  backends: { b: { address: 192.0.2.7 } }\n"
		     "  frontends: { f: { address: '2001:db8::f', pools: [{ name: p, "
		     "backends: { b: } }] } }\n");
	const struct healthcheck *h = check(c, "h"), *t = check(c, "t");
	const struct frontend_conf *f = frontend(c, "f");

	assert_int_equal(c->transition_history, 5);
	assert_null(c->netns);
	assert_true(c->vpp.sync_interval == 30 * NS_PER_S);
	assert_int_equal(c->vpp.sticky_buckets_per_core, 65536);
	assert_true(c->vpp.flow_timeout == 40 * NS_PER_S);
	assert_true(c->vpp.startup_min_delay == 5 * NS_PER_S);
	assert_true(c->vpp.startup_max_delay == 30 * NS_PER_S);
	assert_true(h->interval == 2 * NS_PER_S && h->fast_interval == h->interval &&
		    h->down_interval == h->interval && h->timeout == h->interval);
	assert_int_equal(h->rise, 2);
	assert_int_equal(h->fall, 3);
	assert_int_equal(h->src4.family | h->src6.family, ADDR_NONE);
	assert_false(h->reuse_connection || h->ssl || h->insecure_skip_verify);
	assert_string_equal(h->path, "/");
	assert_string_equal(h->response_code, "200");
	for (int code = 0; code < 1000; code++)
		assert_int_equal(code_set_has(&h->codes, code), code == 200);
	assert_null(h->host);
	assert_null(h->regexp);
	assert_null(h->server_name);
	assert_null(t->path);
	assert_null(t->response_code);
	assert_true(backend(c, "b")->enabled);
	assert_string_equal(f->description, "");
	assert_int_equal(f->proto, PROTO_ANY);
	assert_int_equal(f->port, 0);
	assert_int_equal(f->pools[0].members[0].weight, 100);
	assert_int_equal(f->flow_table_length, 1024);
	assert_true(f->flush_on_down);
	assert_false(f->src_ip_sticky);
	assert_int_equal(f->backend_family, ADDR_IP4);
	config_free(c);
}

/* One check's fields, written as `body`. */
static struct config *with_check(const char *body)
{
	_cleanup_free_ char *text = xasprintf(HEAD "  healthchecks: { h: { %s } }\n", body);

	return must_load(text);
}

static void test_check_values(void **state)
{
	static const struct {
		const char *body;
		dur_ns interval, fast, down, timeout;
	} rows[] = {
		{ "type: icmp, interval: 10s", 10000, 10000, 10000, 3000 },
		{ "type: icmp, interval: 1s", 1000, 1000, 1000, 1000 },
		{ "type: icmp, interval: 10ms", 10, 10, 10, 10 },
		{ "type: icmp, fast-interval: 100ms", 2000, 100, 2000, 2000 },
		{ "type: icmp, down-interval: '1m30s'", 2000, 2000, 90000, 2000 },
		{ "type: icmp, timeout: 1ms", 2000, 2000, 2000, 1 },
		{ "type: icmp, timeout: 1m, interval: ~", 2000, 2000, 2000, 60000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config *c = with_check(rows[i].body);
		const struct healthcheck *h = check(c, "h");

		assert_true(h->interval == rows[i].interval * NS_PER_MS);
		assert_true(h->fast_interval == rows[i].fast * NS_PER_MS);
		assert_true(h->down_interval == rows[i].down * NS_PER_MS);
		assert_true(h->timeout == rows[i].timeout * NS_PER_MS);
		config_free(c);
	}
}

static void test_check_params(void **state)
{
	struct config *c = with_check("type: https, port: 0x1bb, rise: 1, fall: 1000, "
				      "probe-ipv4-src: 192.0.2.3, probe-ipv6-src: '2001:db8::3', "
				      "reuse-connection: on, params: { path: '/x?y=1', host: "
				      "'[2001:db8::5]:8443', response-code: '200, 301-302 ,5XX', "
				      "response-regexp: '^o(k|K)$', server-name: n.example, "
				      "insecure-skip-verify: True }");
	const struct healthcheck *h = check(c, "h");

	assert_int_equal(h->type, HC_HTTPS);
	assert_int_equal(h->port, 443);
	assert_int_equal(h->rise, 1);
	assert_int_equal(h->fall, 1000);
	assert_addr(&h->src4, "192.0.2.3");
	assert_addr(&h->src6, "2001:db8::3");
	assert_true(h->reuse_connection && h->ssl && h->insecure_skip_verify);
	assert_string_equal(h->path, "/x?y=1");
	assert_string_equal(h->host, "[2001:db8::5]:8443");
	assert_string_equal(h->response_code, "200, 301-302 ,5XX");
	for (int code = 0; code < 1000; code++)
		assert_int_equal(code_set_has(&h->codes, code),
				 code == 200 || code == 301 || code == 302 ||
					 (code >= 500 && code < 600));
	assert_string_equal(h->regexp, "^o(k|K)$");
	assert_string_equal(h->server_name, "n.example");
	config_free(c);
	c = with_check("type: tcp, port: 1, params: { ssl: y, server-name: 443, "
		       "insecure-skip-verify: no }");
	h = check(c, "h");
	assert_true(h->ssl);
	assert_false(h->insecure_skip_verify);
	assert_string_equal(h->server_name, "443");
	config_free(c);
	/* empty is not written; of http the two TLS settings are dropped */
	c = with_check("type: http, port: 1, params: { host: '', server-name: n, "
		       "response-regexp: '', insecure-skip-verify: true }");
	h = check(c, "h");
	assert_null(h->host);
	assert_null(h->regexp);
	assert_null(h->server_name);
	assert_false(h->insecure_skip_verify || h->ssl);
	config_free(c);
}

static void test_numbers_and_words(void **state)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "7", 7 },     { "+7", 7 },    { "0x10", 16 },   { "0xfF", 255 },
		{ "0o17", 15 }, { "0b101", 5 }, { "1000", 1000 },
	};
	static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES",
					   "on",   "On",   "ON",   "y",   "Y" };
	static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO",
					  "off",   "Off",   "OFF",   "n",  "N" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *text = xasprintf(
			HEAD "  healthchecker: { transition-history: %s }\n", rows[i].text);
		struct config *c = must_load(text);

		assert_int_equal(c->transition_history, rows[i].want);
		config_free(c);
	}
	for (size_t i = 0; i < 2 * ARRAY_LEN(yes); i++) {
		bool want = i % 2;
		_cleanup_free_ char *text = xasprintf(
			HEAD "  backends: { b: { address: 192.0.2.1, enabled: %s } }\n",
			want ? yes[i / 2] : no[i / 2]);
		struct config *c = must_load(text);

		assert_int_equal(c->backends[0].enabled, want);
		config_free(c);
	}
}

/* Null is not written, wherever it stands; unquoted numbers and booleans may be names and texts. */
static void test_null_and_text(void **state)
{
	struct config *c = must_load(
		"maglev:\n"
		"  healthchecker:\n"
		"  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1', "
		"sync-interval: null } }\n"
		"  healthchecks: { 1: { type: icmp, rise: ~, params: } }\n"
		"  backends: { true: { address: 192.0.2.1, healthcheck: 1, enabled: }, 0x1: { "
		"address: "
		"192.0.2.2, healthcheck: null } }\n"
		"  frontends: { www.example.net: { description: 5, address: 192.0.2.9, port: , "
		"protocol: "
		", pools: [ { name: no, backends: { true: { weight: }, 0x1: } } ] } }\n");

	assert_int_equal(c->n_backends, 2);
	assert_string_equal(c->backends[0].name, "0x1");
	assert_null(c->backends[0].check);
	assert_string_equal(c->backends[1].name, "true");
	assert_string_equal(c->backends[1].check->name, "1");
	assert_int_equal(c->backends[1].check->rise, 2);
	assert_string_equal(c->frontends[0].name, "www.example.net");
	assert_string_equal(c->frontends[0].description, "5");
	assert_string_equal(c->frontends[0].pools[0].name, "no");
	assert_int_equal(c->frontends[0].pools[0].members[1].weight, 100);
	assert_true(c->vpp.sync_interval == 30 * NS_PER_S);
	config_free(c);
}

static void test_aliases_and_merges(void **state)
{
	struct config *c = must_load(
		HEAD
		"  healthchecks:\n"
		"    base: &base { type: http, port: 80, interval: 5s, params: &p { path: /a } }\n"
		"    more: { <<: *base, port: 81, params: { <<: *p, host: h } }\n"
		"  backends:\n"
		"    a: { address: 192.0.2.1, healthcheck: base }\n"
		"    b: { address: 192.0.2.2, healthcheck: more }\n"
		"  frontends:\n"
		"    x: &x\n"
		"      address: 192.0.2.9\n"
		"      protocol: tcp\n"
		"      port: 80\n"
		"      pools: [{ name: p, backends: &members { a: { weight: 1 }, b: } }]\n"
		"    y: { <<: [{ port: 81 }, *x], flush-on-down: false }\n");

	assert_int_equal(check(c, "more")->port, 81);
	assert_true(check(c, "more")->interval == 5 * NS_PER_S);
	assert_string_equal(check(c, "more")->path, "/a");
	assert_string_equal(check(c, "more")->host, "h");
	assert_null(check(c, "base")->host);
	assert_int_equal(frontend(c, "y")->port, 81);
	assert_false(frontend(c, "y")->flush_on_down);
	assert_int_equal(frontend(c, "y")->pools[0].n_members, 2);
	assert_int_equal(frontend(c, "y")->pools[0].members[0].weight, 1);
	config_free(c);
}

/* Everything comes out in the order of names, bytewise, whatever the file's order. */
static void test_sorted(void **state)
{
	struct config *c = must_load(
		HEAD
		"  healthchecks: { z: { type: icmp }, A: { type: icmp }, a: { type: icmp } }\n"
		"  backends: { é: { address: 192.0.2.3, healthcheck: a }, b: { address: 192.0.2.1, "
		"healthcheck: z }, B: { address: 192.0.2.2, healthcheck: A } }\n"
		"  frontends: { y: { address: 192.0.2.9, pools: [{ name: p, backends: { é: { "
		"weight: "
		"3 }, b: { weight: 1 }, B: { weight: 2 } } }] },\n"
		"    x: { address: 192.0.2.8, pools: [{ name: q, backends: { b: } }, { name: a, "
		"backends: { B: } }] } }\n");
	static const char *const names[] = { "B", "b", "é" };
	const struct pool_conf *pool = frontend(c, "y")->pools;

	for (uint32_t i = 0; i < 3; i++) {
		assert_string_equal(c->backends[i].name, names[i]);
		assert_int_equal(pool->members[i].backend, i);
		assert_int_equal(pool->members[i].weight, i == 0 ? 2 : i == 1 ? 1 : 3);
	}
	assert_string_equal(c->checks[0]->name, "A");
	assert_string_equal(c->checks[2]->name, "z");
	assert_string_equal(c->frontends[0].name, "x");
	assert_string_equal(c->frontends[0].pools[0].name, "q"); /* pools keep their order */
	assert_int_equal(find_backend(c, "nope"), -1);
	assert_int_equal(config_find_check(c, ""), -1);
	assert_int_equal(config_find_frontend(c, "zz"), -1);
	config_free(c);
}

/* Every bound and edge the rules let through. */
static void test_edges(void **state)
{
	static const char *const lb[] = {
		"sticky-buckets-per-core: 1",
		"sticky-buckets-per-core: 16777216",
		"flow-timeout: 1s",
		"flow-timeout: 2m",
		"flow-timeout: 1000ms",
		"sync-interval: 1ns",
		"startup-min-delay: 0, startup-max-delay: 0",
		"startup-min-delay: 30s, startup-max-delay: 30s",
		"startup-min-delay: 0s",
	};
	static const char *const frontends[] = {
		"flow-table-length: 64",      "flow-table-length: 32768",
		"protocol: udp, port: 65535", "port: 0",
		"protocol: tcp, port: 1",     "src-ip-sticky: yes",
	};

	for (size_t i = 0; i < ARRAY_LEN(lb); i++) {
		_cleanup_free_ char *text = xasprintf(
			"maglev: { vpp: { lb: { ipv4-src-address: "
			"192.0.2.1, ipv6-src-address: '2001::1', %s } } }",
			lb[i]);

		config_free(must_load(text));
	}
	for (size_t i = 0; i < ARRAY_LEN(frontends); i++) {
		_cleanup_free_ char *text = xasprintf(
			HEAD "  backends: { b: { address: 192.0.2.1 } }\n"
			     "  frontends: { f: { address: 192.0.2.9, pools: [{ name: p, "
			     "backends: { b: { weight: 0 } } }], %s } }\n",
			frontends[i]);

		config_free(must_load(text));
	}
}

static void test_longest_name(void **state)
{
	char name[NAME_MAX_BYTES + 1] = "";
	_cleanup_free_ char *text = NULL;
	struct config *c;

	memset(name, 'n', sizeof name - 1);
	text = xasprintf(HEAD "  backends: { ? %s : { address: 192.0.2.1 } }\n", name);
	c = must_load(text);
	assert_string_equal(c->backends[0].name, name);
	config_free(c);
}

static void test_warnings(void **state)
{
#define USED "  frontends: { f: { address: 192.0.2.9, pools: [{ name: p, backends: { a: } }] } }\n"
	static const struct row rows[] = {
		{ HEAD
		  "  backends: { a: { address: 192.0.2.1 }, b: { address: 192.0.2.2 } }\n" USED,
		  "f:3:42: backends.b: no frontend uses this backend" },
		{ HEAD "  healthchecks: { x: { type: icmp } }\n",
		  "f:3:19: healthchecks.x: no backend uses this health check" },
		{ HEAD "  healthchecks: { x: { type: icmp, timeout: 2001ms } }\n"
		       "  backends: { a: { address: 192.0.2.1, healthcheck: x } }\n" USED,
		  "f:3:45: healthchecks.x.timeout: 2.001s is longer than the interval, 2s" },
		{ HEAD "  healthchecks: { x: { type: icmp, timeout: 2s } }\n"
		       "  backends: { a: { address: 192.0.2.1, healthcheck: x } }\n" USED,
		  "" },
		{ HEAD "  healthchecks: { x: { type: http, port: 80, params: { server-name: n, "
		       "insecure-skip-verify: false } } }\n"
		       "  backends: { a: { address: 192.0.2.1, healthcheck: x } }\n" USED,
		  "f:3:69: healthchecks.x.params.server-name: is ignored: a check of type http "
		  "does "
		  "no TLS\n"
		  "f:3:94: healthchecks.x.params.insecure-skip-verify: is ignored: a check of type "
		  "http does no TLS" },
		{ HEAD
		  "  healthchecks: { x: { type: icmp }, y: { type: icmp } }\n"
		  "  backends: { a: { address: 192.0.2.1, healthcheck: x }, b: { address: "
		  "192.0.2.1, healthcheck: x }, c: { address: 192.0.2.1, healthcheck: y }, d: { "
		  "address: 192.0.2.1 }, e: { address: 192.0.2.1 } }\n"
		  "  frontends: { f: { address: 192.0.2.9, pools: [{ name: p, backends: { a: } }] "
		  "}, "
		  "g: { address: 192.0.2.8, pools: [{ name: p, backends: { b: } }] }, h: { "
		  "address: "
		  "192.0.2.7, pools: [{ name: p, backends: { c: } }] }, i: { address: 192.0.2.6, "
		  "pools: [{ name: p, backends: { d: } }] }, j: { address: 192.0.2.5, pools: [{ "
		  "name: p, backends: { e: } }] } }\n",
		  "f:4:58: backends.b: the same address and health check as backends.a (f:4:15): "
		  "probed "
		  "twice" },
		{ HEAD
		  "  backends: { a: { address: 192.0.2.1 }, b: { address: 192.0.2.2 } }\n"
		  "  frontends: { f: { address: 192.0.2.9, pools: [{ name: p, backends: { a: { "
		  "weight: 0 } } }, { name: q, backends: { b: { weight: 0 } } }] } }\n",
		  "f:4:16: frontends.f: every weight is 0: it never serves" },
		{ HEAD
		  "  backends: { a: { address: 192.0.2.1 }, b: { address: 192.0.2.2 } }\n"
		  "  frontends: { f: { address: 192.0.2.9, pools: [{ name: p, backends: { a: { "
		  "weight: 0 } } }, { name: q, backends: { b: { weight: 1 } } }] } }\n",
		  "" },
	};

	EXPECT_ROWS(rows, CONFIG_OK);
}

static void test_many_warnings(void **state)
{
	struct config_report rep = { 0 };
	struct config *c = NULL;
	struct str text = { 0 };

	str_add(&text, HEAD "  backends:\n");
	for (int i = 0; i < 250; i++)
		str_addf(&text, "    b%d: { address: 192.0.2.%d }\n", i, i);
	assert_int_equal(config_load_text("f", text.p, text.len, &c, &rep), CONFIG_OK);
	assert_int_equal(rep.n_warnings, 201);
	assert_string_equal(rep.warnings[200], "f: 50 more warnings are not shown");
	config_report_done(&rep);
	config_free(c);
	str_done(&text);
}

static void expect_file(const char *path, const char *want)
{
	struct config *c = NULL;
	struct config_report rep = { 0 };

	assert_int_equal(config_load(path, &c, &rep), CONFIG_PARSE_ERROR);
	assert_string_equal(rep.parse_error, want);
	assert_null(c);
	config_report_done(&rep);
	assert_null(rep.parse_error);
}

static void test_files(void **state)
{
	char dir[] = "/tmp/test-config-XXXXXX", path[64], want[160];
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(want, sizeof want, "%s: is a directory", dir);
	expect_file(dir, want);
	snprintf(path, sizeof path, "%s/c.yaml", dir);
	snprintf(want, sizeof want, "%s: cannot be opened: No such file or directory", path);
	expect_file(path, want);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(want, sizeof want, "%s: is not a regular file", path);
	expect_file(path, want);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	snprintf(want, sizeof want, "%s:1:1: maglev: the file is empty", path);
	expect_file(path, want);
	assert_int_equal(ftruncate(fd, CONFIG_MAX_FILE_BYTES + 1), 0);
	snprintf(want, sizeof want, "%s: larger than 64 MiB", path);
	expect_file(path, want);
	close(fd);
	unlink(path);
	rmdir(dir);
	/* It opens as a regular file, and its first page is never there. */
	expect_file("/proc/self/mem", "/proc/self/mem: cannot be read: Input/output error");
}

static void test_unreadable(void **state)
{
	char path[] = "/tmp/test-config-XXXXXX", want[160];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0), 0);
	close(fd);
	if (geteuid() != 0) { /* root reads everything */
		snprintf(want, sizeof want, "%s: cannot be opened: Permission denied", path);
		expect_file(path, want);
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_check_values),
		cmocka_unit_test(test_check_params),
		cmocka_unit_test(test_numbers_and_words),
		cmocka_unit_test(test_null_and_text),
		cmocka_unit_test(test_aliases_and_merges),
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_longest_name),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_many_warnings),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
