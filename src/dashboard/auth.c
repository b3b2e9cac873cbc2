/* SPDX-License-Identifier: Apache-2.0 */
/* Basic authentication (RFC 7617), and the limit on guessing.
 *
 * The limit is a leaky bucket for each peer: a failure adds a drop, drops leave one by one. A peer
 * whose bucket is full is not listened to, right or wrong, or guessing would go on behind the
 * refusals. Behind a proxy all browsers are one peer: the limit is then one for all. */
#include "dashboard/auth.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/str.h"

#define DECODED_MAX (2 * AUTH_FIELD_MAX + 2) /* "user:password" and its NUL */
#define FULL        (AUTH_FAILURES_MAX * AUTH_FORGET)

struct peer {
	struct list node;
	struct addr addr;
	mono_ns empty_at; /* when its bucket will be empty */
};

/* ---- what was presented */

static int digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Base64 (RFC 4648), padded or not, into a string; 0 or -EINVAL. */
static int decode(const char *s, char *buf, size_t size)
{
	size_t n = strcspn(s, "="), len = 0;
	unsigned bits = 0, held = 0;

	if (strspn(s + n, "=") != strlen(s + n) || strlen(s + n) > 2)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		int d = digit(s[i]);

		if (d < 0)
			return -EINVAL;
		held = (held << 6 | (unsigned)d) & 0xffff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (len + 1 >= size)
			return -EINVAL;
		buf[len++] = (char)(held >> bits & 0xff);
	}
	buf[len] = '\0';
	return memchr(buf, '\0', len) ? -EINVAL : 0;
}

/* Is what was given what is wanted? Looks at all of the space of both. */
static bool same(const char want[static AUTH_FIELD_MAX + 1], const char *given)
{
	char padded[AUTH_FIELD_MAX + 1] = { 0 };
	size_t n = strlen(given);
	volatile unsigned differ = n > AUTH_FIELD_MAX;

	memcpy(padded, given, MIN(n, sizeof padded - 1));
	for (size_t i = 0; i < sizeof padded; i++)
		differ = differ | ((unsigned char)padded[i] ^ (unsigned char)want[i]);
	return differ == 0;
}

/* 1: they are right, 0: they are not, -EINVAL: these are no credentials. */
static int judge(const struct auth *a, const char *header)
{
	static const char scheme[] = "Basic ";
	char text[DECODED_MAX] = { 0 };
	char *colon;
	bool user, password;

	if (!header || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
		return -EINVAL;
	header += sizeof scheme - 1;
	header += strspn(header, " ");
	if (decode(header, text, sizeof text) || !(colon = strchr(text, ':')))
		return 0;
	*colon = '\0';
	user = same(a->user, text);
	password = same(a->password, colon + 1);
	return user & password;
}

/* ---- failures */

static struct addr peer_key(const struct addr *peer)
{
	struct addr key = *peer;

	if (key.family == ADDR_IP6)
		memset(key.b + 8, 0, 8);
	return key;
}

static void forget(struct auth *a, struct peer *p)
{
	(void)map_del(&a->peers, &p->addr, sizeof p->addr);
	list_remove(&p->node);
	free(p);
}

static struct peer *remember(struct auth *a, const struct addr *key)
{
	struct peer *p = map_get(&a->peers, key, sizeof *key);

	if (p) {
		list_remove(&p->node);
	} else {
		if (a->peers.n >= AUTH_PEERS_MAX)
			forget(a, CONTAINER_OF(a->by_age.next, struct peer, node));
		p = XNEW(struct peer);
		p->addr = *key;
		(void)map_put(&a->peers, &p->addr, sizeof p->addr, p);
	}
	list_add_tail(&a->by_age, &p->node);
	return p;
}

dur_ns auth_wait(const struct auth *a, const struct addr *peer, mono_ns now)
{
	const struct addr key = peer_key(peer);
	const struct peer *p = map_get(&a->peers, &key, sizeof key);
	dur_ns level = p ? p->empty_at - now : 0;

	return MAX(level - (FULL - AUTH_FORGET), 0);
}

static void failed(struct auth *a, const struct addr *peer, mono_ns now)
{
	const struct addr key = peer_key(peer);
	struct peer *p = remember(a, &key);

	p->empty_at = MAX(p->empty_at, now) + AUTH_FORGET;
}

enum auth_verdict auth_check(struct auth *a, const char *header, const struct addr *peer,
			     mono_ns now)
{
	int r = -EINVAL;

	if (header && auth_wait(a, peer, now) > 0)
		return AUTH_TOO_MANY;
	r = judge(a, header);
	if (r < 0)
		return AUTH_MISSING;
	if (r > 0)
		return AUTH_OK;
	failed(a, peer, now);
	return AUTH_WRONG;
}

int auth_init(struct auth *a, const char *user, const char *password, struct err *e)
{
	if (!*user || strlen(user) > AUTH_FIELD_MAX || strchr(user, ':'))
		return err_set(e, -EINVAL,
			       "the administrator's name must have 1 to %d bytes, and "
			       "no colon",
			       AUTH_FIELD_MAX);
	if (!*password || strlen(password) > AUTH_FIELD_MAX)
		return err_set(e, -EINVAL, "the administrator's password must have 1 to %d bytes",
			       AUTH_FIELD_MAX);
	*a = (struct auth){ 0 };
	memcpy(a->user, user, strlen(user));
	memcpy(a->password, password, strlen(password));
	list_init(&a->by_age);
	return 0;
}

void auth_done(struct auth *a)
{
	while (a->by_age.next && !list_empty(&a->by_age))
		forget(a, CONTAINER_OF(a->by_age.next, struct peer, node));
	map_done(&a->peers);
	explicit_bzero(a->password, sizeof a->password);
}

/* ---- origins */

/* Does an authority ("h", "h:80", "[::1]:80") end in this port? Gives its length without it. */
static size_t without_port(const char *authority, const char *port)
{
	size_t n = strlen(authority), m = strlen(port);

	return n > m && strcmp(authority + n - m, port) == 0 ? n - m : n;
}

bool auth_same_origin(const char *host, const char *origin, const char *fetch_site)
{
	const char *authority, *port;
	size_t n;

	if (fetch_site && strcasecmp(fetch_site, "same-origin") != 0)
		return false;
	if (!origin)
		return fetch_site != NULL;
	if (strncasecmp(origin, "https://", 8) == 0)
		authority = origin + 8, port = ":443";
	else if (strncasecmp(origin, "http://", 7) == 0)
		authority = origin + 7, port = ":80";
	else
		return false; /* "null", too */
	if (!host)
		return false;
	n = without_port(host, port);
	return n == without_port(authority, port) && strncasecmp(host, authority, n) == 0;
}
