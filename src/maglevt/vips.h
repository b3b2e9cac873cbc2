/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/vips.h - the VIPs of one or more configurations, and how each is to be probed (pure). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "core/model.h"
#include "maglevt/filter.h"

enum scheme { SCHEME_NONE, SCHEME_HTTP, SCHEME_HTTPS, SCHEME_TCP, SCHEME_N };
const char *scheme_name(enum scheme s); /* "-", "http", "https", "tcp" */

enum scheme_choice { CHOICE_AUTO, CHOICE_HTTP, CHOICE_HTTPS, CHOICE_TCP };
extern const char *const scheme_choice_names[]; /* "auto", "http", …; NULL at the end */

#define VIP_ENDPOINT_LEN (ADDR_STRLEN + 8)

struct vip {
	char *name; /* the frontend's: valid UTF-8 without control characters */
	/* What makes it one of its kind. */
	struct vip_key {
		struct addr addr;
		uint8_t proto;
		uint16_t port; /* 0: all */
	} key;
	enum scheme scheme;              /* SCHEME_NONE: it is not probed, `why_not` */
	uint16_t probe_port;             /* the frontend's, or, where that has all, a check's */
	const char *why_not;             /* static */
	char endpoint[VIP_ENDPOINT_LEN]; /* "192.0.2.1:80", "[2001:db8::1]:80", without all ports */
};

struct vips { /* {0} is empty */
	struct vip *v;
	size_t n, cap;
};

/* Take the frontends of `c` whose names match, in its order (by name). One with the address,
 * protocol and port of an earlier one is dropped. Copies what it needs.
 *
 * auto: port 443 and 8443 are https, 80 and 8080 http; another port is what the first http or https
 * check behind the frontend is, else tcp. A VIP of all ports is probed on the port of the first
 * check behind it that has one (http, https, tcp) and in that way; a chosen scheme wins here, too,
 * and without such a check has its own port: 80, 443. */
void vips_add(struct vips *v, const struct config *c, enum scheme_choice choice,
	      const struct filter *filter);
void vips_done(struct vips *v);
size_t vips_probed(const struct vips *v); /* how many have a scheme */
