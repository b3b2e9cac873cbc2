/* SPDX-License-Identifier: Apache-2.0 */
/* Who may administrate: credentials, the limit on guessing, origins. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "dashboard/auth.h"

static struct addr address(const char *s)
{
	struct addr a = { 0 };

	assert_int_equal(addr_parse(s, &a), 0);
	return a;
}

/* In its place: it may not be copied, for there is a list in it. */
static void fresh(struct auth *ret)
{
	struct err e;

	assert_int_equal(auth_init(ret, "admin", "s:cret", &e), 0);
}

static void credentials(void **state)
{
	static const struct {
		const char *header;
		enum auth_verdict verdict;
	} cases[] = {
		{ NULL, AUTH_MISSING },
		{ "", AUTH_MISSING },
		{ "Bearer YWRtaW46czpjcmV0", AUTH_MISSING },
		{ "Basic YWRtaW46czpjcmV0", AUTH_OK }, /* admin:s:cret */
		{ "basic  YWRtaW46czpjcmV0", AUTH_OK },
		{ "Basic YWRtaW46czpjcmV0Cg==", AUTH_WRONG }, /* and a newline */
		{ "Basic YWRtaW46czpjcmU=", AUTH_WRONG },     /* admin:s:cre */
		{ "Basic YWRtaW46", AUTH_WRONG },             /* admin: */
		{ "Basic YWRtaW4=", AUTH_WRONG },             /* admin */
		{ "Basic OnM6Y3JldA==", AUTH_WRONG },         /* :s:cret */
		{ "Basic QURNSU46czpjcmV0", AUTH_WRONG },     /* ADMIN:s:cret */
		{ "Basic YWRtaW46czpjcmV0AA==", AUTH_WRONG }, /* and a NUL */
		{ "Basic ", AUTH_WRONG },
		{ "Basic ====", AUTH_WRONG },
		{ "Basic !!!!", AUTH_WRONG },
	};
	struct addr peer = address("192.0.2.1");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		_cleanup_(auth_done) struct auth a = { 0 };
		struct err e;

		assert_int_equal(auth_init(&a, "admin", "s:cret", &e), 0);
		if (auth_check(&a, cases[i].header, &peer, 0) != cases[i].verdict)
			fail_msg("%s", cases[i].header);
	}
}

/* A presented field that is longer than any of ours must not pass for its beginning. */
static void long_credentials(void **state)
{
	struct auth a;
	struct err e;
	struct addr peer = address("192.0.2.1");
	char user[AUTH_FIELD_MAX + 1], header[2048] = "Basic ";

	memset(user, 'a', AUTH_FIELD_MAX);
	user[AUTH_FIELD_MAX] = '\0';
	assert_int_equal(auth_init(&a, user, "p", &e), 0);
	/* 258 times 'a' (86 × "YWFh"), then ":p": one 'a' too many after 255, and more */
	for (int i = 0; i < 86; i++)
		strcat(header, "YWFh");
	strcat(header, "OnA=");
	assert_int_equal(auth_check(&a, header, &peer, 0), AUTH_WRONG);
	/* 255 = 85 × 3 */
	header[6 + 85 * 4] = '\0';
	strcat(header, "OnA=");
	assert_int_equal(auth_check(&a, header, &peer, 0), AUTH_OK);
	auth_done(&a);
}

static void bad_settings(void **state)
{
	char longer[AUTH_FIELD_MAX + 2];
	struct auth a;
	struct err e;

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(auth_init(&a, "", "p", &e), -EINVAL);
	assert_int_equal(auth_init(&a, "u:v", "p", &e), -EINVAL);
	assert_int_equal(auth_init(&a, longer, "p", &e), -EINVAL);
	assert_int_equal(auth_init(&a, "u", "", &e), -EINVAL);
	assert_int_equal(auth_init(&a, "u", longer, &e), -EINVAL);
}

static const char wrong[] = "Basic eDp5", right[] = "Basic YWRtaW46czpjcmV0";

static void guessing(void **state)
{
	struct auth a;
	struct addr peer = address("192.0.2.1"), other = address("192.0.2.2");
	mono_ns now = 1000 * NS_PER_S;

	fresh(&a);
	for (int i = 0; i < AUTH_FAILURES_MAX; i++)
		assert_int_equal(auth_check(&a, wrong, &peer, now), AUTH_WRONG);
	/* full: right or wrong is not looked at; who shows nothing is asked as ever */
	assert_int_equal(auth_check(&a, wrong, &peer, now), AUTH_TOO_MANY);
	assert_int_equal(auth_check(&a, right, &peer, now), AUTH_TOO_MANY);
	assert_int_equal(auth_check(&a, NULL, &peer, now), AUTH_MISSING);
	assert_int_equal(auth_check(&a, right, &other, now), AUTH_OK);
	assert_true(auth_wait(&a, &peer, now) == AUTH_FORGET);
	/* one is forgotten: one attempt, no more */
	now += AUTH_FORGET;
	assert_true(auth_wait(&a, &peer, now) == 0);
	assert_int_equal(auth_check(&a, wrong, &peer, now), AUTH_WRONG);
	assert_int_equal(auth_check(&a, right, &peer, now), AUTH_TOO_MANY);
	now += AUTH_FORGET;
	assert_int_equal(auth_check(&a, right, &peer, now), AUTH_OK);
	/* and all of it after a while */
	now += AUTH_FAILURES_MAX * AUTH_FORGET;
	for (int i = 0; i < AUTH_FAILURES_MAX; i++)
		assert_int_equal(auth_check(&a, wrong, &peer, now), AUTH_WRONG);
	assert_int_equal(auth_check(&a, wrong, &peer, now), AUTH_TOO_MANY);
	auth_done(&a);
}

static void peers_by_prefix(void **state)
{
	struct auth a;
	struct addr one = address("2001:db8::1"), neighbour = address("2001:db8::ffff"),
		    other = address("2001:db8:0:1::1");

	fresh(&a);
	for (int i = 0; i < AUTH_FAILURES_MAX; i++)
		(void)auth_check(&a, wrong, &one, 0);
	assert_int_equal(auth_check(&a, right, &neighbour, 0), AUTH_TOO_MANY);
	assert_int_equal(auth_check(&a, right, &other, 0), AUTH_OK);
	auth_done(&a);
}

static void many_peers(void **state)
{
	struct auth a;
	struct addr peer = address("10.0.0.0"), first;

	fresh(&a);
	for (unsigned i = 0; i < AUTH_PEERS_MAX + 10; i++) {
		peer.b[2] = (uint8_t)(i >> 8);
		peer.b[3] = (uint8_t)i;
		for (int k = 0; k < AUTH_FAILURES_MAX; k++)
			(void)auth_check(&a, wrong, &peer, i);
		assert_in_range(a.peers.n, 1, AUTH_PEERS_MAX);
	}
	assert_int_equal(auth_check(&a, right, &peer, 0), AUTH_TOO_MANY);
	first = address("10.0.0.0"); /* gave way */
	assert_int_equal(auth_check(&a, right, &first, 0), AUTH_OK);
	auth_done(&a);
}

static void origins(void **state)
{
	static const struct {
		const char *host, *origin, *site;
		bool same;
	} cases[] = {
		{ "d:8080", "http://d:8080", NULL, true },
		{ "d:8080", "http://d:8080", "same-origin", true },
		{ "D:8080", "HTTP://d:8080", NULL, true },
		{ "d", "https://d", NULL, true },
		{ "d:443", "https://d", NULL, true },
		{ "d", "https://d:443", NULL, true },
		{ "d:80", "http://d", NULL, true },
		{ "[::1]:8080", "http://[::1]:8080", NULL, true },
		{ "d", NULL, "same-origin", true },
		{ "d", NULL, NULL, false },
		{ "d", NULL, "same-site", false },
		{ "d", NULL, "none", false },
		{ "d", NULL, "cross-site", false },
		{ "d", "http://d", "cross-site", false },
		{ "d", "null", NULL, false },
		{ "d", "null", "same-origin", false },
		{ "d", "", NULL, false },
		{ "d", "http://", NULL, false },
		{ "d", "http://evil", NULL, false },
		{ "d", "http://d.evil", NULL, false },
		{ "d", "http://evil/d", NULL, false },
		{ "d", "http://d:8081", NULL, false },
		{ "d:8080", "http://d", NULL, false },
		{ "d", "http://d/", NULL, false },
		{ "d", "ftp://d", NULL, false },
		{ "d", "http://u@d", NULL, false },
		{ NULL, "http://d", NULL, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (auth_same_origin(cases[i].host, cases[i].origin, cases[i].site) !=
		    cases[i].same)
			fail_msg("%s %s %s", cases[i].host, cases[i].origin, cases[i].site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credentials),     cmocka_unit_test(long_credentials),
		cmocka_unit_test(bad_settings),    cmocka_unit_test(guessing),
		cmocka_unit_test(peers_by_prefix), cmocka_unit_test(many_peers),
		cmocka_unit_test(origins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
