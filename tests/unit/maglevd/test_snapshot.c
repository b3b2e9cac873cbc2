/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the fleet taken in slices, and what is written of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/log.h"
#include "config/config.h"
#include "fakes.h"
#include "loop/loop.h"
#include "maglevd/fleet.h"
#include "lbsync/lbcounters.h"
#include "maglevd/reload.h"
#include "maglevd/snapshot.h"

#define HEAD                                                                                       \
	"maglev:\n"                                                                                \
	"  vpp: { lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1' } }\n"        \
	"  healthchecks:\n"                                                                        \
	"    web: { type: http, port: 80, interval: 2s, rise: 2, fall: 3 }\n"                      \
	"    ping: { type: icmp, interval: 2s }\n"

static const char yaml[] = HEAD
	"  backends:\n"
	"    a: { address: 198.51.100.10, healthcheck: web }\n"
	"    \"b\\\"q\": { address: 198.51.100.9, healthcheck: web, enabled: false }\n"
	"    sorry: { address: 198.51.100.99 }\n"
	"  frontends:\n"
	"    www:\n"
	"      address: 203.0.113.80\n"
	"      protocol: tcp\n"
	"      port: 80\n"
	"      pools:\n"
	"        - { name: primary, backends: { a: { weight: 70 }, \"b\\\"q\": {} } }\n"
	"        - { name: fallback, backends: { sorry: { weight: 9 } } }\n";

static struct config *load(const char *text)
{
	struct config_report rep = { 0 };
	struct config *c = NULL;

	if (config_load_text("test.yaml", text, strlen(text), &c, &rep) != CONFIG_OK)
		fail_msg("%s", rep.parse_error ? rep.parse_error : rep.semantic[0]);
	config_report_done(&rep);
	return c;
}

static void result(struct fleet *f, const char *name, enum code code, dur_ns took)
{
	const struct backend *b = fleet_backend(f, name);
	struct probe_result r = { .id = b->id,
				  .generation = b->generation,
				  .code = code,
				  .duration = took,
				  .lateness = 300 * NS_PER_US,
				  .started = 1 };

	fleet_results(f, &r, 1, NS_PER_S);
}

static struct snapshot *taken(struct fleet *f)
{
	struct snapshot *s = snapshot_new();

	assert_true(snapshot_step(s, f, INT64_MAX));
	return s;
}

/* Everything, in pieces, as the server reads it. Takes the snapshot. */
static char *written(struct snapshot *s, size_t *ret_pieces)
{
	struct metrics_content *c = snapshot_content(s);
	struct metrics_pos pos = { 0 };
	struct exposition x;
	struct str all = { 0 };
	bool more;

	exposition_init(&x, EXPOSITION_TEXT);
	*ret_pieces = 0;
	do {
		more = c->write(c, &pos, &x);
		str_add_n(&all, str_z(&x.out), x.out.len);
		str_clear(&x.out);
		++*ret_pieces;
	} while (more);
	exposition_done(&x);
	metrics_content_unref(c);
	assert_true(all.len > 0);
	return str_take(&all);
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, part)); p++)
		n++;
	return n;
}

/* Is the part there so many times? */
static void expect(const char *text, const char *part, size_t times)
{
	size_t n = count(text, part);

	if (n == times)
		return;
	(void)fputs(text, stderr);
	fail_msg("%zu times, not %zu: %s", n, times, part);
}

static void has(const char *text, const char *line)
{
	expect(text, line, 1);
}

static void hasnt(const char *text, const char *part)
{
	expect(text, part, 0);
}

static void what_there_is_to_tell(void **state)
{
	struct fleet *f = fleet_new(load(yaml));
	size_t pieces;
	char *t;

	result(f, "a", CODE_L7OK, 3 * NS_PER_MS);
	result(f, "a", CODE_L7STS, 20 * NS_PER_S);
	result(f, "a", CODE_LOCAL, 0);
	result(f, "sorry", CODE_STATIC, 0);
	t = written(taken(f), &pieces);
	assert_int_equal(pieces, 1);

	has(t, "\nmaglev_backend_state{backend=\"a\",address=\"198.51.100.10\",healthcheck=\"web\","
	       "state=\"up\"} 1\n");
	has(t, "\nmaglev_backend_state{backend=\"b\\\"q\",address=\"198.51.100.9\","
	       "healthcheck=\"web\",state=\"disabled\"} 1\n");
	has(t, "\nmaglev_backend_state{backend=\"sorry\",address=\"198.51.100.99\","
	       "healthcheck=\"\",state=\"up\"} 1\n");
	assert_int_equal(count(t, "\nmaglev_backend_state{"), 15);
	hasnt(t, "removed");
	has(t, "\nmaglev_backend_health{backend=\"a\"} 3\n");
	has(t, "\nmaglev_backend_enabled{backend=\"a\"} 1\n");
	has(t, "\nmaglev_backend_enabled{backend=\"b\\\"q\"} 0\n");
	has(t, "\nmaglev_backend_transitions_total{backend=\"a\",from=\"unknown\",to=\"up\"} 1\n");
	assert_int_equal(count(t, "\nmaglev_backend_transitions_total{"), 2);
	hasnt(t, "cert_expiry");

	has(t, "\nmaglev_probe_total{backend=\"a\",type=\"http\",result=\"success\","
	       "code=\"L7OK\"} 1\n");
	has(t, "\nmaglev_probe_total{backend=\"a\",type=\"http\",result=\"failure\","
	       "code=\"L7STS\"} 1\n");
	has(t, "\nmaglev_probe_total{backend=\"a\",type=\"http\",result=\"inconclusive\","
	       "code=\"LOCAL\"} 1\n");
	has(t, "\nmaglev_probe_total{backend=\"sorry\",type=\"static\",result=\"success\","
	       "code=\"STATIC\"} 1\n");
	assert_int_equal(count(t, "\nmaglev_probe_total{"), 4);
	has(t, "\nmaglev_probe_duration_seconds_bucket{backend=\"a\",type=\"http\",le=\"0.005\"} "
	       "2\n");
	has(t, "\nmaglev_probe_duration_seconds_count{backend=\"a\",type=\"http\"} 3\n");
	has(t, "\nmaglev_probe_duration_seconds_sum{backend=\"a\",type=\"http\"} 20.003\n");
	hasnt(t, "maglev_probe_duration_seconds_count{backend=\"b");
	/* A static backend's are never late. */
	has(t, "\nmaglev_probe_lateness_seconds_bucket{le=\"0.0005\"} 3\n");
	has(t, "\nmaglev_probe_lateness_seconds_sum 0.0009\n");

	has(t, "\nmaglev_frontend_state{frontend=\"www\",state=\"up\"} 1\n");
	assert_int_equal(count(t, "\nmaglev_frontend_state{"), 3);
	has(t, "\nmaglev_frontend_pool_backend_weight{frontend=\"www\",pool=\"fallback\","
	       "backend=\"sorry\"} 9\n");
	has(t, "\nmaglev_frontend_pool_backend_effective_weight{frontend=\"www\",pool=\"primary\","
	       "backend=\"a\"} 70\n");
	has(t, "\nmaglev_frontend_pool_backend_effective_weight{frontend=\"www\","
	       "pool=\"fallback\",backend=\"sorry\"} 0\n");
	hasnt(t, "maglev_vip_");
	hasnt(t, "maglev_vpp_");
	has(t, "\nprocess_resident_memory_bytes ");
	free(t);
	fleet_free(f);
}

static void doubted_failures_are_inconclusive(void **state)
{
	struct fleet *f = fleet_new(load(yaml));
	size_t pieces;
	char *t;

	f->doubt.degraded = true;
	f->doubt.stepped = f->doubt.bad_at = NS_PER_S;
	result(f, "a", CODE_L4TOUT, NS_PER_S);
	t = written(taken(f), &pieces);
	has(t, "\nmaglev_probe_total{backend=\"a\",type=\"http\",result=\"inconclusive\","
	       "code=\"L4TOUT\"} 1\n");
	hasnt(t, "result=\"failure\"");
	free(t);
	fleet_free(f);
}

static void certificates_expire(void **state)
{
	struct fleet *f = fleet_new(load(yaml));
	size_t pieces;
	char *t;
	double left;

	fleet_backend(f, "a")->cert_not_after = loop_wall() + 3600 * NS_PER_S;
	t = written(taken(f), &pieces);
	const char *at = strstr(t, "\nmaglev_backend_cert_expiry_seconds{backend=\"a\"} ");
	assert_non_null(at);
	assert_int_equal(sscanf(strchr(at + 1, ' '), "%lf", &left), 1);
	assert_true(left <= 3600 && left > 0);
	assert_int_equal(count(t, "\nmaglev_backend_cert_expiry_seconds{"), 1);
	free(t);
	fleet_free(f);
}

static void vips_and_the_routes_they_share(void **state)
{
	struct fleet *f = fleet_new(load(yaml));
	struct snapshot *s = taken(f);
	struct lbcounters_vip v[3] = { 0 };
	struct addr a;
	size_t pieces;
	char *t;

	assert_int_equal(addr_parse("203.0.113.80", &a), 0);
	for (size_t i = 0; i < 3; i++)
		v[i] = (struct lbcounters_vip){
			.key = { prefix_host(&a), PROTO_TCP, (uint16_t)(80 + i) },
			.route_known = i > 0,
			.figures = { 1 + i, 10, 100, 1000, 77, 7777 },
		};
	assert_int_equal(addr_parse("2001:db8::80", &a), 0);
	v[2].key = (struct vip_key){ prefix_host(&a), PROTO_ANY, 0 };
	v[2].route_known = false;
	snapshot_vips(s, v, 3);
	t = written(s, &pieces);
	has(t, "\nmaglev_vip_packets_total{prefix=\"203.0.113.80/32\",protocol=\"tcp\","
	       "port=\"81\",kind=\"first\"} 2\n");
	has(t, "\nmaglev_vip_packets_total{prefix=\"2001:db8::80/128\",protocol=\"any\","
	       "port=\"0\",kind=\"no_server\"} 1000\n");
	assert_int_equal(count(t, "\nmaglev_vip_packets_total{"), 12);
	has(t, "\nmaglev_vip_route_packets_total{prefix=\"203.0.113.80/32\"} 77\n");
	has(t, "\nmaglev_vip_route_bytes_total{prefix=\"203.0.113.80/32\"} 7777\n");
	assert_int_equal(count(t, "\nmaglev_vip_route_packets_total{"), 1);
	free(t);
	fleet_free(f);
}

static struct config *large(size_t n, size_t first)
{
	struct str text = { 0 };
	struct config *c;

	str_add(&text, HEAD "  backends:\n");
	for (size_t i = first; i < first + n; i++)
		str_addf(&text, "    n%05zu: { address: 10.0.%zu.%zu, healthcheck: web }\n", i,
			 i / 250, i % 250 + 1);
	str_addf(&text,
		 "  frontends:\n    www:\n      address: 203.0.113.80\n      protocol: tcp\n"
		 "      port: 80\n      pools: [{ name: p, backends: { n%05zu: {} } }]\n",
		 first + n - 1);
	c = load(str_z(&text));
	str_done(&text);
	return c;
}

static void slices_and_pieces_lose_nothing(void **state)
{
	struct fleet *f = fleet_new(large(3000, 0));
	struct snapshot *s = snapshot_new();
	size_t steps = 1, pieces;
	char *t;

	/* No time at all: a little is done each time. */
	while (!snapshot_step(s, f, 0))
		steps++;
	assert_true(steps > 100);
	t = written(s, &pieces);
	assert_true(pieces > 10);
	assert_int_equal(count(t, "\nmaglev_backend_health{"), 3000);
	assert_int_equal(count(t, "\nmaglev_backend_state{"), 15000);
	assert_int_equal(count(t, "\n# TYPE maglev_backend_state gauge\n"), 1);
	has(t, "\nmaglev_frontend_pool_backend_weight{frontend=\"www\",pool=\"p\","
	       "backend=\"n02999\"} 100\n");
	free(t);
	fleet_free(f);
}

static void a_reload_in_between_starts_it_over(void **state)
{
	struct fleet *f = fleet_new(large(1000, 0));
	struct snapshot *s = snapshot_new();
	size_t pieces;
	char *t;

	for (int i = 0; i < 20; i++)
		assert_false(snapshot_step(s, f, 0));
	/* Half of them go, and as many come: numbers and places are used again. */
	(void)reload_apply(f, large(1000, 500), 0);
	while (!snapshot_step(s, f, 0))
		;
	t = written(s, &pieces);
	assert_int_equal(count(t, "\nmaglev_backend_health{"), 1000);
	hasnt(t, "n00499");
	has(t, "\nmaglev_backend_health{backend=\"n00500\"} ");
	has(t, "\nmaglev_frontend_pool_backend_weight{frontend=\"www\",pool=\"p\","
	       "backend=\"n01499\"} 100\n");
	free(t);
	fleet_free(f);
}

static void another_kind_of_probe_counts_anew(void **state)
{
	static const char before[] = HEAD
		"  backends:\n"
		"    a: { address: 198.51.100.10, healthcheck: web }\n"
		"    b: { address: 198.51.100.11, healthcheck: web }\n"
		"    gone: { address: 198.51.100.12, healthcheck: web }\n";
	static const char after[] = HEAD "  backends:\n"
					 "    a: { address: 198.51.100.10, healthcheck: ping }\n"
					 "    b: { address: 198.51.100.13, healthcheck: web }\n";
	struct fleet *f = fleet_new(load(before));
	size_t pieces;
	char *t;

	result(f, "a", CODE_L7OK, 0);
	result(f, "b", CODE_L7OK, 0);
	result(f, "gone", CODE_L7OK, 0);
	(void)reload_apply(f, load(after), 0);
	result(f, "a", CODE_L4OK, 0);
	result(f, "b", CODE_L7OK, 0);
	t = written(taken(f), &pieces);
	hasnt(t, "gone");
	has(t, "\nmaglev_probe_total{backend=\"a\",type=\"icmp\",result=\"success\","
	       "code=\"L4OK\"} 1\n");
	has(t, "\nmaglev_probe_total{backend=\"b\",type=\"http\",result=\"success\","
	       "code=\"L7OK\"} 2\n");
	assert_int_equal(count(t, "\nmaglev_probe_total{"), 2);
	assert_int_equal(count(t, "\nmaglev_probe_duration_seconds_count{"), 2);
	/* What it went through stays: up, unknown for its new address, up. */
	has(t, "\nmaglev_backend_transitions_total{backend=\"b\",from=\"up\",to=\"unknown\"} 1\n");
	has(t, "\nmaglev_backend_transitions_total{backend=\"b\",from=\"unknown\",to=\"up\"} 2\n");
	free(t);
	fleet_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_there_is_to_tell),
		cmocka_unit_test(doubted_failures_are_inconclusive),
		cmocka_unit_test(certificates_expire),
		cmocka_unit_test(vips_and_the_routes_they_share),
		cmocka_unit_test(slices_and_pieces_lose_nothing),
		cmocka_unit_test(a_reload_in_between_starts_it_over),
		cmocka_unit_test(another_kind_of_probe_counts_anew),
	};

	log_set_level(LVL_OFF);
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	fakes_done();
	return r;
}
