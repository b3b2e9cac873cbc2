/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

/* Copy text without anything to mend in it, as our own words are. False: the other way. */
static bool copy_plain(char ret[static PROBE_DETAIL_MAX], const char *text)
{
	for (size_t i = 0; i < PROBE_DETAIL_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		ret[i] = (char)c;
		if (c == '\0')
			return true;
		if (c < 0x20 || c >= 0x7f)
			return false;
	}
	return false;
}

/* As much of [raw, raw+n) as fits, cleaned and NUL-terminated. */
static void copy_mended(char *ret, size_t size, const char *raw, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n;) {
		unsigned cp;
		size_t len = utf8_decode(raw + i, n - i, &cp);
		/* C0, DEL and C1 would move a terminal's cursor; U+2028/9 end lines for some */
		bool control = len > 0 && (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 ||
					   cp == 0x2029);
		size_t need = len == 0 || control ? 1 : len;

		if (out + need >= size)
			break;
		if (len == 0)
			ret[out] = '?';
		else if (control)
			ret[out] = ' ';
		else
			memcpy(ret + out, raw + i, len);
		out += need;
		i += len ? len : 1;
	}
	ret[out] = '\0';
}

void result_vdetail(char ret[static PROBE_DETAIL_MAX], const char *fmt, va_list ap)
{
	char raw[PROBE_DETAIL_MAX * 2];

	/* "connected" some thousand times a second */
	if (!strchr(fmt, '%') && copy_plain(ret, fmt))
		return;
	vsnprintf(raw, sizeof raw, fmt, ap);
	if (copy_plain(ret, raw))
		return;
	copy_mended(ret, PROBE_DETAIL_MAX, raw, strlen(raw));
}

void result_field(struct probe_result *r, const char *value, size_t n)
{
	size_t at = strlen(r->detail) + 1;

	if (at >= PROBE_DETAIL_MAX)
		return;
	copy_mended(r->detail + at, PROBE_DETAIL_MAX - at, value, n);
	if (r->detail[at])
		r->field_at = (uint8_t)at;
}

const char *probe_result_field(const struct probe_result *r)
{
	return r->field_at ? r->detail + r->field_at : NULL;
}

const char *result_excerpt(const char *data, size_t n, char buf[static RESULT_EXCERPT_LEN])
{
	size_t out = 0;

	buf[out++] = '"';
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)data[i];
		bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';

		if (out + (plain ? 1 : 4) + 2 > RESULT_EXCERPT_LEN)
			break;
		out += (size_t)snprintf(buf + out, RESULT_EXCERPT_LEN - out,
					plain ? "%c" : "\\x%02x", c);
	}
	buf[out++] = '"';
	buf[out] = '\0';
	return buf;
}

const char *result_errno(int errno_value, char buf[static RESULT_ERRNO_LEN])
{
	const char *s = strerror_r(errno_value, buf, RESULT_ERRNO_LEN);

	if (s != buf)
		snprintf(buf, RESULT_ERRNO_LEN, "%s", s);
	return buf;
}

/* What socket(2), bind(2), connect(2), sendmsg(2) and epoll_ctl(2) return for reasons of this host.
 *
 *   EMFILE ENFILE            out of descriptors: the process's limit, the system's
 *   ENOBUFS ENOMEM ENOSPC    out of buffers, memory, epoll watches
 *   EADDRNOTAVAIL EADDRINUSE out of local ports; or the source address is not (any more) here
 *   EAGAIN                   the same for some kinds of connect
 *   EPERM EACCES             a local firewall rule, a missing capability, a "prohibit" route
 *   ENETUNREACH ENETDOWN     our own routing table has no route there, or its interface is down
 *   EAFNOSUPPORT EPROTONOSUPPORT ESOCKTNOSUPPORT
 *                            this kernel or sandbox has no such sockets (IPv6 switched off)
 *
 * All others (ECONNREFUSED, ECONNRESET, EHOSTUNREACH of a neighbour that does not answer or of an
 * "unreachable" route, EINVAL of a "blackhole" route, …) say that the backend cannot be reached,
 * which is what a probe asks. What the network sent (ICMP "network unreachable", ICMPv6
 * "administratively prohibited", …) comes as the socket's pending error, not from our call, and is
 * no business of this table. */
bool result_errno_is_local(int errno_value)
{
	static const int local[] = {
		EMFILE,        ENFILE,     ENOBUFS,      ENOMEM,          ENOSPC,
		EADDRNOTAVAIL, EADDRINUSE, EAGAIN,       EPERM,           EACCES,
		ENETUNREACH,   ENETDOWN,   EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT,
	};

	for (size_t i = 0; i < ARRAY_LEN(local); i++)
		if (local[i] == errno_value)
			return true;
	return false;
}
