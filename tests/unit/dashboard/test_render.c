/* SPDX-License-Identifier: Apache-2.0 */
/* What is known, as JSON: all of it, and what is said of what is not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "dashboard/render.h"

#define S NS_PER_S

static char *z(const char *s)
{
	return (char *)(uintptr_t)s;
}

static const char *name_of_frontend(const ProtobufCMessage *m)
{
	return ((const Maglev__FrontendInfo *)(const void *)m)->name;
}

static const char *name_of_backend(const ProtobufCMessage *m)
{
	return ((const Maglev__BackendInfo *)(const void *)m)->name;
}

static void add_frontend(struct store *s)
{
	Maglev__PoolBackendInfo member = MAGLEV__POOL_BACKEND_INFO__INIT, *members[] = { &member };
	Maglev__PoolInfo pool = MAGLEV__POOL_INFO__INIT, *pools[] = { &pool };
	Maglev__FrontendInfo f = MAGLEV__FRONTEND_INFO__INIT;
	ProtobufCMessage *all[] = { &f.base };

	member.name = z("a");
	member.weight = 100;
	member.effective_weight = 50;
	member.buckets = 1024;
	pool.name = z("primary");
	pool.n_backends = 1;
	pool.backends = members;
	f.name = z("www");
	f.description = z("the \"site\"");
	f.address = z("192.0.2.80");
	f.protocol = z("tcp");
	f.port = 443;
	f.src_ip_sticky = true;
	f.state = z("up");
	f.active_pool = z("primary");
	f.flow_table_length = 1024;
	f.released = true;
	f.n_pools = 1;
	f.pools = pools;
	catalog_load(&s->frontends, all, 1, name_of_frontend);
}

static void fill_backend(Maglev__BackendInfo *b, Maglev__ProbeRecord *p,
			 Maglev__TransitionRecord *t, Maglev__TransitionRecord **history)
{
	static char *www[] = { (char *)(uintptr_t) "www" };

	p->outcome = z("pass");
	p->code = z("L7OK");
	p->detail = z("200");
	p->at_unix_ns = 7 * S;
	p->duration_ns = 1234567;
	t->from = z("down");
	t->to = z("up");
	t->code = z("L7OK");
	t->detail = z("why");
	t->at_unix_ns = 5 * S;
	history[0] = t;
	history[1] = t;
	b->name = z("a");
	b->address = z("10.0.0.1");
	b->state = z("up");
	b->enabled = true;
	b->healthcheck = z("http");
	b->counter = 3;
	b->counter_max = 4;
	b->since_unix_ns = 5 * S;
	b->n_transitions = 2;
	b->transitions = history;
	b->last_probe = p;
	b->n_frontend_names = 1;
	b->frontend_names = www;
	b->cert_not_after_unix_ns = 9 * S;
}

#define TRANSITION                                                                                 \
	"{\"from\":\"down\",\"to\":\"up\",\"at_ms\":5000,\"code\":\"L7OK\",\"detail\":\"why\"}"
#define BACKEND                                                                                    \
	"{\"name\":\"a\",\"address\":\"10.0.0.1\",\"state\":\"up\",\"enabled\":true,"              \
	"\"healthcheck\":\"http\",\"counter\":3,\"counter_max\":4,\"since_ms\":5000,"              \
	"\"last_transition\":" TRANSITION ",\"last_probe\":{\"outcome\":\"pass\","                 \
	"\"code\":\"L7OK\",\"detail\":\"200\",\"at_ms\":7000,\"duration_ms\":1.234},"              \
	"\"frontends\":[\"www\"],\"cert_not_after_ms\":9000"

static void add_backend(struct store *s)
{
	Maglev__BackendInfo b = MAGLEV__BACKEND_INFO__INIT;
	Maglev__ProbeRecord p = MAGLEV__PROBE_RECORD__INIT;
	Maglev__TransitionRecord t = MAGLEV__TRANSITION_RECORD__INIT, *history[2];
	ProtobufCMessage *all[] = { &b.base };

	fill_backend(&b, &p, &t, history);
	catalog_load(&s->backends, all, 1, name_of_backend);
}

static void add_healthchecks(struct store *s)
{
	Maglev__HTTPParams http = MAGLEV__HTTPPARAMS__INIT;
	Maglev__TCPParams tcp = MAGLEV__TCPPARAMS__INIT;
	Maglev__HealthCheckInfo h = MAGLEV__HEALTH_CHECK_INFO__INIT,
				t = MAGLEV__HEALTH_CHECK_INFO__INIT, *all[] = { &h, &t };
	Maglev__ListHealthChecksResponse m = MAGLEV__LIST_HEALTH_CHECKS_RESPONSE__INIT;

	http.path = z("/");
	http.host = z("example.net");
	http.response_code = z("200");
	http.response_regexp = z("ok");
	http.server_name = z("sni");
	h.name = z("http");
	h.type = z("https");
	h.port = 443;
	h.interval_ns = 2 * S;
	h.fast_interval_ns = S / 2;
	h.down_interval_ns = 10 * S;
	h.timeout_ns = 1500;
	h.rise = 2;
	h.fall = 3;
	h.probe_ipv4_src = z("10.0.0.9");
	h.http = &http;
	tcp.ssl = true;
	tcp.server_name = z("imap");
	tcp.insecure_skip_verify = true;
	t.name = z("tcp");
	t.type = z("tcp");
	t.tcp = &tcp;
	m.n_healthchecks = 2;
	m.healthchecks = all;
	s->healthchecks = (Maglev__ListHealthChecksResponse *)(void *)catalog_copy(&m.base);
}

static void add_vpp(struct store *s)
{
	Maglev__VPPInfo v = MAGLEV__VPPINFO__INIT;
	Maglev__VPPLBConf conf = MAGLEV__VPPLBCONF__INIT;
	Maglev__VPPLBAS as = MAGLEV__VPPLBAS__INIT, *ases[] = { &as };
	Maglev__VPPLBVIP vip = MAGLEV__VPPLBVIP__INIT, *vips[] = { &vip };
	Maglev__VPPLBState lb = MAGLEV__VPPLBSTATE__INIT;

	v.version = z("26.10");
	v.build_date = z("today");
	v.pid = 42;
	v.boottime_ns = S;
	v.connecttime_ns = 2 * S;
	s->vpp = (Maglev__VPPInfo *)(void *)catalog_copy(&v.base);
	conf.ipv4_src_address = z("192.0.2.1");
	conf.ipv6_src_address = z("2001:db8::1");
	conf.sticky_buckets_per_core = 1024;
	conf.flow_timeout = 40;
	as.address = z("10.0.0.1");
	as.weight = 50;
	as.num_buckets = 1024;
	as.backend_name = z("a");
	vip.prefix = z("192.0.2.80/32");
	vip.protocol = z("tcp");
	vip.port = 443;
	vip.encap = z("gre4");
	vip.flow_table_length = 1024;
	vip.frontend_name = z("www");
	vip.n_application_servers = 1;
	vip.application_servers = ases;
	lb.conf = &conf;
	lb.n_vips = 1;
	lb.vips = vips;
	s->lb = (Maglev__VPPLBState *)(void *)catalog_copy(&lb.base);
	s->lb_at = 3 * S;
}

static void add_counters(struct store *s)
{
	Maglev__VIPCounters v = MAGLEV__VIPCOUNTERS__INIT, *vips[] = { &v };
	Maglev__VPPLBCounters c = MAGLEV__VPPLBCOUNTERS__INIT;

	v.prefix = z("192.0.2.80/32");
	v.protocol = z("tcp");
	v.port = 443;
	v.frontend_name = z("www");
	v.first_packets = 1;
	v.next_packets = 2;
	v.untracked_packets = 3;
	v.no_server_packets = 4;
	v.route_packets = 5;
	v.route_bytes = UINT64_MAX;
	c.at_unix_ns = 4 * S;
	c.n_vips = 1;
	c.vips = vips;
	s->counters = (Maglev__VPPLBCounters *)(void *)catalog_copy(&c.base);
}

static void expect_state(const struct store *s, const char *event_id, const char *want)
{
	struct str out = { 0 };
	struct json j;

	json_init(&j, &out);
	render_state(&j, s, event_id);
	assert_string_equal(str_z(&out), want);
	str_done(&out);
}

static void all_of_it(void **state)
{
	Maglev__VersionInfo version = MAGLEV__VERSION_INFO__INIT;
	struct store s;

	store_init(&s, "m", "host:1", 0);
	s.connected = true;
	free(s.last_error);
	s.last_error = NULL;
	s.since = S;
	s.loaded = true;
	s.refreshed = 8 * S;
	version.version = z("1.0");
	version.commit = z("abc");
	version.build_date = z("today");
	version.started_unix_ns = S;
	s.version = (Maglev__VersionInfo *)(void *)catalog_copy(&version.base);
	add_frontend(&s);
	add_backend(&s);
	add_healthchecks(&s);
	add_vpp(&s);
	add_counters(&s);
	expect_state(
		&s, "1-2",
		"{\"event_id\":\"1-2\",\"name\":\"m\",\"address\":\"host:1\",\"connected\":true,"
		"\"last_error\":\"\",\"since_ms\":1000,\"loaded\":true,\"refreshed_ms\":8000,"
		"\"daemon\":{\"version\":\"1.0\",\"commit\":\"abc\",\"build_date\":\"today\","
		"\"started_ms\":1000},\"frontends\":[{\"name\":\"www\","
		"\"description\":\"the \\\"site\\\"\",\"address\":\"192.0.2.80\","
		"\"protocol\":\"tcp\",\"port\":443,\"src_ip_sticky\":true,\"flush_on_down\":false,"
		"\"state\":\"up\",\"active_pool\":\"primary\",\"flow_table_length\":1024,"
		"\"released\":true,\"pools\":[{\"name\":\"primary\",\"backends\":[{\"name\":\"a\","
		"\"weight\":100,\"effective_weight\":50,\"buckets\":1024}]}]}],"
		"\"backends\":[" BACKEND "}],"
		"\"healthchecks\":[{\"name\":\"http\",\"type\":\"https\",\"port\":443,"
		"\"interval_ms\":2000,\"fast_interval_ms\":500,\"down_interval_ms\":10000,"
		"\"timeout_ms\":0.001,\"rise\":2,\"fall\":3,\"probe_ipv4_src\":\"10.0.0.9\","
		"\"probe_ipv6_src\":\"\",\"http\":{\"path\":\"/\",\"host\":\"example.net\","
		"\"response_code\":\"200\",\"response_regexp\":\"ok\",\"server_name\":\"sni\","
		"\"insecure_skip_verify\":false},\"tcp\":null},{\"name\":\"tcp\",\"type\":\"tcp\","
		"\"port\":0,\"interval_ms\":0,\"fast_interval_ms\":0,\"down_interval_ms\":0,"
		"\"timeout_ms\":0,\"rise\":0,\"fall\":0,\"probe_ipv4_src\":\"\","
		"\"probe_ipv6_src\":\"\",\"http\":null,\"tcp\":{\"ssl\":true,"
		"\"server_name\":\"imap\",\"insecure_skip_verify\":true}}],"
		"\"vpp\":{\"connected\":true,\"error\":\"\",\"version\":\"26.10\","
		"\"build_date\":\"today\",\"pid\":42,\"boot_ms\":1000,\"connect_ms\":2000},"
		"\"lb\":{\"at_ms\":3000,\"conf\":{\"ipv4_src_address\":\"192.0.2.1\","
		"\"ipv6_src_address\":\"2001:db8::1\",\"sticky_buckets_per_core\":1024,"
		"\"flow_timeout_s\":40},\"vips\":[{\"prefix\":\"192.0.2.80/32\","
		"\"protocol\":\"tcp\",\"port\":443,\"encap\":\"gre4\",\"flow_table_length\":1024,"
		"\"src_ip_sticky\":false,\"frontend\":\"www\",\"application_servers\":[{"
		"\"address\":\"10.0.0.1\",\"weight\":50,\"buckets\":1024,\"backend\":\"a\"}]}]},"
		"\"counters\":{\"at_ms\":4000,\"vips\":[{\"prefix\":\"192.0.2.80/32\","
		"\"protocol\":\"tcp\",\"port\":443,\"frontend\":\"www\",\"first_packets\":1,"
		"\"next_packets\":2,\"untracked_packets\":3,\"no_server_packets\":4,"
		"\"route_packets\":5,\"route_bytes\":18446744073709551615}]}}");
	store_done(&s);
}

#define UNKNOWN                                                                                    \
	"\"name\":\"m\",\"address\":\"host:1\",\"connected\":false,"                               \
	"\"last_error\":\"not connected yet\",\"since_ms\":6000"

static void nothing_yet(void **state)
{
	Maglev__VPPLBState lb = MAGLEV__VPPLBSTATE__INIT;
	struct str out = { 0 };
	struct store s;
	struct json j;

	store_init(&s, "m", "host:1", 6 * S);
	json_init(&j, &out);
	render_status(&j, &s);
	assert_string_equal(str_z(&out), "{" UNKNOWN "}");
	str_done(&out);
	expect_state(&s, NULL,
		     "{" UNKNOWN ",\"loaded\":false,\"refreshed_ms\":0,\"daemon\":null,"
		     "\"frontends\":[],\"backends\":[],\"healthchecks\":[],"
		     "\"vpp\":{\"connected\":false,\"error\":\"not known yet\",\"version\":\"\","
		     "\"build_date\":\"\",\"pid\":0,\"boot_ms\":0,\"connect_ms\":0},"
		     "\"lb\":null,\"counters\":null}");
	/* a load balancer that has not been read whole */
	s.lb = (Maglev__VPPLBState *)(void *)catalog_copy(&lb.base);
	json_init(&j, &out);
	render_state(&j, &s, NULL);
	assert_non_null(strstr(str_z(&out), "\"lb\":{\"at_ms\":0,\"conf\":null,\"vips\":[]}"));
	str_done(&out);
	store_done(&s);
}

static void a_backend_alone(void **state)
{
	Maglev__BackendInfo b = MAGLEV__BACKEND_INFO__INIT;
	Maglev__ProbeRecord p = MAGLEV__PROBE_RECORD__INIT;
	Maglev__TransitionRecord t = MAGLEV__TRANSITION_RECORD__INIT, *history[2];
	struct str out = { 0 };
	struct json j;

	fill_backend(&b, &p, &t, history);
	json_init(&j, &out);
	render_backend(&j, &b, true);
	assert_string_equal(str_z(&out),
			    BACKEND ",\"transitions\":[" TRANSITION "," TRANSITION "]}");
	str_done(&out);
	b.n_transitions = 0;
	b.last_probe = NULL;
	json_init(&j, &out);
	render_backend(&j, &b, true);
	assert_non_null(strstr(str_z(&out), "\"last_transition\":null,\"last_probe\":null,"));
	assert_non_null(strstr(str_z(&out), "\"transitions\":[]}"));
	str_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it),
		cmocka_unit_test(nothing_yet),
		cmocka_unit_test(a_backend_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
