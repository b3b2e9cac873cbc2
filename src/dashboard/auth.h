/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/auth.h - who may administrate: basic authentication, failures counted by peer, and
 * requests that another site made (pure: time is a parameter). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/dur.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"

#define AUTH_FIELD_MAX 255 /* bytes of user and of password */
/* Failures that a peer (an IPv4 address, an IPv6 /64) has at once, and how soon one is forgotten:
 * typing errors pass, guessing makes 30 attempts a minute. */
#define AUTH_FAILURES_MAX 10
#define AUTH_FORGET       (2 * NS_PER_S)
/* Peers remembered; the one that failed longest ago gives way. */
#define AUTH_PEERS_MAX 4096

struct auth {
	char user[AUTH_FIELD_MAX + 1], password[AUTH_FIELD_MAX + 1];
	struct map peers;
	struct list by_age; /* oldest failure first */
};

enum auth_verdict {
	AUTH_MISSING,  /* nobody said who he is, or not in this way */
	AUTH_WRONG,    /* counted as a failure */
	AUTH_TOO_MANY, /* failures of this peer: not looked at */
	AUTH_OK,
};

/* 0; -EINVAL: one is empty, longer than AUTH_FIELD_MAX, or the user has a ':' in it. */
int auth_init(struct auth *a, const char *user, const char *password, struct err *e);
void auth_done(struct auth *a);
/* The value of an Authorization header (NULL: none), from this peer. Both fields are compared
 * whatever the other one is, in a time that depends on neither. */
enum auth_verdict auth_check(struct auth *a, const char *header, const struct addr *peer,
			     mono_ns now);
/* How long until a peer that is AUTH_TOO_MANY is listened to; 0: at once. */
dur_ns auth_wait(const struct auth *a, const struct addr *peer, mono_ns now);

/* Was a request made by a page of ours? By Origin (its host and port must be those of Host; the
 * scheme's own port may be left out), and Sec-Fetch-Site, of which one must be there. NULL: the
 * header is not. */
bool auth_same_origin(const char *host, const char *origin, const char *fetch_site);
