/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and host:port: our reading of an address is the C library's (but for the scopes and the
 * abbreviated quads that we refuse), and what is written reads back as the same. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_socket(const struct addr *a, uint16_t port)
{
	struct sockaddr_storage ss;
	struct addr again;
	uint16_t port_again;

	assert(addr_to_sockaddr(a, port, &ss) <= sizeof ss);
	assert(addr_from_sockaddr(&ss, &again, &port_again) == 0);
	assert(addr_eq(a, &again) && port == port_again);
}

static void check_address(const struct addr *a)
{
	struct prefix p = prefix_host(a);
	struct addr again;
	char buf[ADDR_STRLEN], text[PREFIX_STRLEN];

	assert(memchr(addr_format(a, buf), '\0', sizeof buf));
	assert(addr_parse(buf, &again) == 0 && memcmp(a, &again, sizeof again) == 0);
	assert(addr_cmp(a, &again) == 0 && p.len == addr_bits(a));
	assert(memchr(prefix_format(&p, text), '\0', sizeof text));
	assert(strncmp(text, buf, strlen(buf)) == 0);
	assert(!(addr_unicast(a) && a->family == ADDR_NONE));
	(void)addr_loopback(a);
	check_socket(a, a->b[1]);
}

static void check_text(const char *text)
{
	struct addr a = { 0 };
	uint8_t want[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	int known = inet_pton(family, text, want);

	if (addr_parse(text, &a) < 0) {
		assert(a.family == ADDR_NONE);
		assert(known != 1);
		return;
	}
	assert(known == 1 && memcmp(a.b, want, family == AF_INET ? 4 : 16) == 0);
	check_address(&a);
}

static void check_hostport(const char *text)
{
	char host[32];
	uint16_t port = 7;
	int r = hostport_split(text, host, sizeof host, &port);

	assert(r == 0 || (r == -EINVAL && port == 7));
	if (r == 0)
		assert(memchr(host, '\0', sizeof host));
}

static void check_bytes(const uint8_t *data)
{
	struct addr a = { .family = data[0] & 1 ? ADDR_IP4 : ADDR_IP6 };

	memcpy(a.b, data + 1, a.family == ADDR_IP4 ? 4 : 16);
	check_address(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	check_text(text);
	check_hostport(text);
	if (size >= 17)
		check_bytes(data);
	free(text);
	return 0;
}
