/* SPDX-License-Identifier: Apache-2.0 */
/* What VPP's command line prints. The expected texts are a real VPP's. (`show lb vips verbose` in
 * full is in the transcript.) */
#include "lbsim/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SHOW_LB_FRESH                                                                              \
	"lb_main ip4-src-address: 255.255.255.255 \n"                                              \
	" ip6-src-address: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \n"                             \
	" #vips: 1\n #ass: 0\n"

static void says(const struct lbplugin *p, const char *cmd, int32_t retval, const char *want)
{
	struct str out = { 0 };
	const struct cli_vpp vpp = { .plugin = p, .version = "26.10 built by x" };
	assert_int_equal(cli_run(&vpp, cmd, strlen(cmd), &out), retval);
	assert_string_equal(str_z(&out), want);
	str_done(&out);
}

static struct lb_key key(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	const struct prefix p = { .addr = { ADDR_IP4, { a, b, c, d } }, .len = 32 };
	return lb_key(&p, 6, port);
}

static int setup(void **state)
{
	static struct lbplugin p;
	lbplugin_init(&p);
	*state = &p;
	return 0;
}

static int teardown(void **state)
{
	lbplugin_done(*state);
	return 0;
}

static void test_commands(void **state)
{
	const struct lbplugin *p = *state;
	says(p, "show lb", 0, SHOW_LB_FRESH);
	says(p, "sh lb", 0, SHOW_LB_FRESH);
	says(p, "  show\tlb\n", 0, SHOW_LB_FRESH);
	says(p, "show lb vips", 0, "");
	says(p, "show lb vip", 0, "");
	says(p, "show lb vips verbose", 0, "");
	says(p, "show lb vips anything else", 0, ""); /* the line is swallowed */
	says(p, "show version", 0, "vpp v26.10 built by x\n");
	says(p, "show ver", 0, "vpp v26.10 built by x\n");
	says(p, "show lb\nshow version", 0, SHOW_LB_FRESH "vpp v26.10 built by x\n");
	says(p, "show lb vips x\nshow version", 0, "vpp v26.10 built by x\n");
}

static void test_unknown(void **state)
{
	const struct lbplugin *p = *state;
	says(p, "foo", -1, "unknown input `foo'\n");
	says(p, "show foo", -1, "show: unknown input `foo'\n");
	says(p, "show", -1, "show: unknown input `'\n");
	says(p, "", -1, "unknown input `'\n");
	says(p, "   ", -1, "unknown input `'\n");
	says(p, "SHOW LB", -1, "unknown input `SHOW LB'\n");
	says(p, "s lb", -1, "unknown input `s lb'\n");
	says(p, "foo\tbar\n", -1, "unknown input `foo\\tbar'\n");
	says(p, "show lb foo", -1, SHOW_LB_FRESH "unknown input `foo'\n");
	says(p, "show lb vipsx", -1, SHOW_LB_FRESH "unknown input `vipsx'\n");
	says(p, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -1,
	     "unknown input `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'\n");
	says(p, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -1,
	     "unknown input `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'\n");
	says(p, "foo\nshow lb", -1, "unknown input `foo\\nshow lb'\n"); /* it ends there */
}

static void test_vips(void **state)
{
	struct lbplugin *p = *state;
	const struct lb_vip_args per_port = { .key = key(192, 0, 2, 80, 80), .new_length = 1024 };
	const struct lb_vip_args all_port = { .key = key(192, 0, 2, 81, 0), .new_length = 16 };
	const struct lb_vip_args dscp = {
		.key = key(192, 0, 2, 82, 0), .new_length = 16, .encap = 2, .dscp = 7
	};
	const struct lb_vip_args nat = {
		.key = key(192, 0, 2, 83, 80), .new_length = 16, .encap = 3, .target_port = 8080
	};
	const struct ip46 as = ip46_from_addr(&(struct addr){ ADDR_IP4, { 198, 51, 100, 10 } });
	assert_int_equal(lbplugin_vip_add(p, &per_port, 0, NULL), 0);
	assert_int_equal(lbplugin_vip_add(p, &all_port, 0, NULL), 0);
	assert_int_equal(lbplugin_vip_add(p, &dscp, 0, NULL), 0);
	assert_int_equal(lbplugin_vip_add(p, &nat, 0, NULL), 0);
	assert_int_equal(lbplugin_as_add(p, &per_port.key, &as, 100, false, 0), 0);
	assert_int_equal(lbplugin_vip_del(p, &per_port.key, 0), 0);
	says(p, "show lb vips", 0,
	     "ip4-gre4 192.0.2.80/32 new_size:1024 #as:1 removed  protocol:6 port:80 \n"
	     "ip4-gre4 192.0.2.81/32 new_size:16 #as:0\n"
	     "ip4-l3dsr 192.0.2.82/32 new_size:16 #as:0  dscp:7\n"
	     "ip4-nat4 192.0.2.83/32 new_size:16 #as:0  protocol:6 port:80  type:clusterip "
	     "port:20480 target_port:8080\n");
	struct str out = { 0 };
	cli_show_vip_verbose(p, 4, &out);
	assert_string_equal(str_z(&out), " ip4-nat4 [4] 192.0.2.83/32\n"
					 "  new_size:16\n"
					 "  protocol:6 port:80\n"
					 "  type:clusterip port:20480 target_port:8080  counters:\n"
					 "    packet from existing sessions: 0\n"
					 "    first session packet: 0\n"
					 "    untracked packet: 0\n"
					 "    no server configured: 0\n"
					 "  #as:0\n\n");
	str_done(&out);
}

static void test_show_lb_with_flows(void **state)
{
	struct lbplugin *p = *state;
	const struct lb_vip_args a = { .key = key(192, 0, 2, 80, 80), .new_length = 1024 };
	const struct ip46 as = ip46_from_addr(&(struct addr){ ADDR_IP4, { 198, 51, 100, 10 } });
	assert_int_equal(lbplugin_vip_add(p, &a, 0, NULL), 0);
	assert_int_equal(lbplugin_as_add(p, &a.key, &as, 100, false, 0), 0);
	lbplugin_set_flows(p, 1, 12);
	says(p, "show lb", 0,
	     "lb_main ip4-src-address: 255.255.255.255 \n"
	     " ip6-src-address: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \n"
	     " #vips: 2\n #ass: 1\n"
	     "core 0\n  timeout: 40s\n  usage: 12 / 1027\n");
}

static void address(const char *text, const char *want)
{
	struct addr a;
	struct str out = { 0 };
	assert_int_equal(addr_parse(text, &a), 0);
	const struct ip46 ip = ip46_from_addr(&a);
	ip46_format(&ip, &out);
	assert_string_equal(str_z(&out), want);
	str_done(&out);
}

static void test_addresses(void **state)
{
	address("10.0.0.1", "10.0.0.1");
	address("2001:db8::1", "2001:db8::1");
	address("2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1");
	address("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"); /* one zero is not shortened */
	address("2001:0:0:1:0:0:1:1", "2001::1:0:0:1:1");        /* the first of two equal runs */
	address("2001:db8::", "2001:db8::");
	address("::ffff:10.0.0.1", "::ffff:a00:1"); /* no dotted quad */
	address("::a00:1", "10.0.0.1");             /* IPv4 to VPP */
	address("::", "0.0.0.0");
	address("1::", "1::");
}

#define TEST(FN) cmocka_unit_test_setup_teardown(FN, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_commands),           TEST(test_unknown),   TEST(test_vips),
		TEST(test_show_lb_with_flows), TEST(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
