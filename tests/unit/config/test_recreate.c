/* SPDX-License-Identifier: Apache-2.0 */
/* The warnings about VIPs that a new configuration makes VPP make anew. */
#include <stdio.h>

#include "config/recreate.h"
#include "load.h"

#define BACKENDS                                                                                   \
	"  backends: { a: { address: 198.51.100.1 }, b: { address: '2001:db8::b' } }\n"            \
	"  frontends:\n"

#define WWW(EXTRA, BACKEND)                                                                        \
	"    www: { address: 203.0.113.80, protocol: tcp, port: 80, " EXTRA                        \
	"pools: [ { name: p, backends: { " BACKEND ": } } ] }\n"
#define DNS(NAME, EXTRA)                                                                           \
	"    " NAME ": { address: '2001:db8::53', " EXTRA                                          \
	"pools: [ { name: p, backends: { a: } } ] }\n"

static void expect(const char *running, const char *new_, const char *want)
{
	struct config *r = must_load(running), *n = must_load(new_);
	struct config_report rep = { 0 };
	_cleanup_free_ char *got = NULL;

	config_warn_recreated(r, n, &rep);
	got = said(&rep);
	assert_string_equal(got, want);
	config_report_done(&rep);
	config_free(r);
	config_free(n);
}

static void test_kept(void **state)
{
	expect(HEAD BACKENDS WWW("", "a") DNS("dns", ""),
	       HEAD BACKENDS WWW("flow-table-length: 1024, ", "a") DNS("renamed", ""), "");
	/* What only one of them has is no matter of this. */
	expect(HEAD BACKENDS WWW("", "a"), HEAD BACKENDS DNS("dns", "flow-table-length: 64, "), "");
	expect(HEAD, HEAD BACKENDS WWW("", "a"), "");
	expect(HEAD BACKENDS WWW("", "a"), HEAD, "");
}

static void test_each(void **state)
{
	expect(HEAD BACKENDS WWW("", "a"), HEAD BACKENDS WWW("flow-table-length: 2048, ", "a"),
	       "frontends.www: live flows of VIP 203.0.113.80 tcp port 80 will be dropped: VPP has "
	       "to make it anew to change flow-table-length from 1024 to 2048");
	expect(HEAD BACKENDS WWW("src-ip-sticky: true, ", "a"), HEAD BACKENDS WWW("", "a"),
	       "frontends.www: live flows of VIP 203.0.113.80 tcp port 80 will be dropped: VPP has "
	       "to make it anew to change src-ip-sticky to false");
	expect(HEAD BACKENDS WWW("", "a"), HEAD BACKENDS WWW("", "b"),
	       "frontends.www: live flows of VIP 203.0.113.80 tcp port 80 will be dropped: VPP has "
	       "to make it anew to change the backends to IPv6");
}

/* By the VIP, not by the name; all changes in one line, all VIPs. */
static void test_several(void **state)
{
	expect(HEAD BACKENDS DNS("dns", "") WWW("", "a"),
	       HEAD BACKENDS DNS("renamed", "flow-table-length: 64, src-ip-sticky: true, ")
		       WWW("src-ip-sticky: true, ", "a"),
	       "frontends.renamed: live flows of VIP 2001:db8::53 will be dropped: VPP has to make "
	       "it anew to change flow-table-length from 1024 to 64, src-ip-sticky to true\n"
	       "frontends.www: live flows of VIP 203.0.113.80 tcp port 80 will be dropped: VPP has "
	       "to make it anew to change src-ip-sticky to true");
}

static void test_many(void **state)
{
	struct str a = { 0 }, b = { 0 };
	struct config_report rep = { 0 };
	struct config *r, *n;

	str_add(&a, HEAD BACKENDS);
	str_add(&b, HEAD BACKENDS);
	for (int i = 0; i < 220; i++) {
		static const char row[] =
			"    f%d: { address: 203.0.113.%d, flow-table-length: %d, "
			"pools: [ { name: p, backends: { a: } } ] }\n";

		str_addf(&a, row, i, i, 1024);
		str_addf(&b, row, i, i, 2048);
	}
	r = must_load(a.p);
	n = must_load(b.p);
	config_warn_recreated(r, n, &rep);
	assert_int_equal(rep.n_warnings, 201);
	assert_string_equal(rep.warnings[200], "maglevd: 20 more warnings are not shown");
	config_report_done(&rep);
	config_free(r);
	config_free(n);
	str_done(&a);
	str_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
