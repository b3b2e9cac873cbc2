/* SPDX-License-Identifier: Apache-2.0 */
/* What a browser, or whoever pretends to be one, sends to the dashboard. The first byte chooses:
 * 'p' path, 'b' body, 'a' Authorization, 'o' host, origin and Sec-Fetch-Site on a line each,
 * 'e' Accept-Encoding, 'i' Last-Event-ID. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "dashboard/admin_body.h"
#include "dashboard/auth.h"
#include "dashboard/broker.h"
#include "dashboard/encoding.h"
#include "dashboard/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_path(const char *text)
{
	struct path p;

	if (path_parse(text, &p))
		return;
	assert(p.n >= 1 && p.n <= PATH_SEGMENTS_MAX);
	for (size_t i = 0; i < p.n; i++) {
		assert(strcmp(p.seg[i], "..") != 0 && strcmp(p.seg[i], ".") != 0);
		assert(*p.seg[i] || i + 1 == p.n);
		assert(utf8_valid(p.seg[i], strlen(p.seg[i])));
	}
}

static void fuzz_body(const char *text, size_t n)
{
	_cleanup_(str_done) struct str body = { 0 };
	char *frontend = NULL;
	int weight = -1;
	bool flush;
	struct err e;

	str_add_n(&body, text, n);
	(void)admin_body_none(&body, &e);
	if (admin_body_weight(&body, &weight, &flush, &e) == 0)
		assert(weight >= 0 && weight <= 100);
	if (admin_body_sync(&body, &frontend, &e) == 0)
		assert(!frontend || *frontend);
	free(frontend);
}

static void fuzz_auth(const char *text)
{
	struct addr peer = { .family = ADDR_IP4 };
	struct auth a;
	struct err e;

	if (auth_init(&a, "admin", "secret", &e))
		abort();
	if (auth_check(&a, text, &peer, 0) == AUTH_OK)
		assert(strstr(text, "YWRtaW46c2VjcmV0"));
	auth_done(&a);
}

static void fuzz_origin(char *text)
{
	char *save = NULL;
	const char *host = strtok_r(text, "\n", &save), *origin = strtok_r(NULL, "\n", &save);
	const char *site = strtok_r(NULL, "\n", &save);

	if (auth_same_origin(host, origin, site))
		assert(!site || strcasecmp(site, "same-origin") == 0);
}

static void fuzz_id(const char *text)
{
	struct broker *b = XNEW(struct broker);
	struct broker_reader r;
	char buf[512];

	broker_init(b, 0xabc);
	broker_publish(b, 0, "backend", LVL_OFF, "{}");
	broker_publish(b, 0, "backend", LVL_OFF, "{}");
	broker_reader_init(b, &r, LVL_INFO, text, 0);
	assert(broker_reader_take(b, &r, 0, buf, sizeof buf) > 0);
	assert(broker_reader_take(b, &r, 0, buf, sizeof buf) == 0);
	broker_reader_done(&r);
	broker_done(b);
	free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = size ? xstrndup((const char *)data + 1, size - 1) : NULL;

	if (!size)
		return 0;
	switch (*data) {
	case 'p':
		fuzz_path(text);
		break;
	case 'b':
		fuzz_body((const char *)data + 1, size - 1);
		break;
	case 'a':
		fuzz_auth(text);
		break;
	case 'o':
		fuzz_origin(text);
		break;
	case 'e':
		(void)encoding_accepted(text);
		break;
	case 'i':
		fuzz_id(text);
		break;
	default:
		break;
	}
	return 0;
}
