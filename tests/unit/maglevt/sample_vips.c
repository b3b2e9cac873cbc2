/* SPDX-License-Identifier: Apache-2.0 */
#include "sample_vips.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "config/config.h"

/* 2026-11-20T13:00:00Z at the monotonic clock's 0. */
#define WALL_AT_0 (INT64_C(1795179600) * NS_PER_S)

void vips_of_text(struct vips *v, const char *text, enum scheme_choice choice,
		  const struct filter *filter)
{
	struct config_report rep = { 0 };
	struct config *c = NULL;

	if (config_load_text("test", text, strlen(text), &c, &rep) != CONFIG_OK)
		fail_msg("%s", rep.parse_error ? rep.parse_error : rep.semantic[0]);
	vips_add(v, c, choice, filter);
	config_free(c);
	config_report_done(&rep);
}

#define POOL ", pools: [{name: p, backends: {a: {}}}]}\n"

void vips_many(struct vips *v, size_t n, bool more)
{
	struct str s = { 0 };

	str_add(&s, "maglev:\n  vpp: {lb: {ipv4-src-address: 192.0.2.1, ipv6-src-address: "
		    "'2001:db8::1'}}\n  backends: {a: {address: 192.0.2.9}}\n  frontends:\n");
	for (size_t i = 0; i < n; i++)
		str_addf(&s, "    web-%03zu: {address: 203.0.%zu.%zu, protocol: tcp, port: 80" POOL,
			 i, 113 + i / 200, 1 + i % 200);
	if (more)
		str_add(&s, "    dns: {address: 198.51.100.53, protocol: udp, port: 53" POOL
			    "    secure: {address: '2001:db8:1::443', protocol: tcp, port: 443" POOL
			    "    mail: {address: 198.51.100.25, protocol: tcp, port: 25" POOL);
	vips_of_text(v, str_z(&s), CHOICE_AUTO, NULL);
	str_done(&s);
}

struct reading passed(uint32_t vip, int status, const char *field, uint32_t us, mono_ns now)
{
	return (struct reading){ .vip = vip,
				 .code = status ? CODE_L7OK : CODE_L4OK,
				 .status = status,
				 .field = field,
				 .detail = "HTTP status 200",
				 .latency = us * NS_PER_US,
				 .now = now,
				 .wall = WALL_AT_0 + now };
}

struct reading failure(uint32_t vip, enum code code, int status, const char *detail, mono_ns now)
{
	return (struct reading){ .vip = vip,
				 .code = code,
				 .status = status,
				 .detail = detail,
				 .latency = 2 * NS_PER_S,
				 .now = now,
				 .wall = WALL_AT_0 + now };
}
