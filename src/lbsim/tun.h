/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/tun.h - what --forward has of the kernel: a TUN device, routes to it, raw sockets.
 *
 * A TUN device gives whole IP packets that the kernel routed to it. It goes with its descriptor,
 * and its routes go with it. */
#pragma once

#include <net/if.h>
#include <stdint.h>

#include "base/err.h"
#include "lbsim/fib.h"

struct tun {         /* tun_open first */
	int fd;      /* non-blocking; a read is a packet */
	int netlink; /* for routes */
	unsigned index;
	char name[IF_NAMESIZE];
};

/* Make the device and bring it up; a %d in `name` becomes a number. 0, or negative with `err`:
 * -EPERM (CAP_NET_ADMIN is missing), -EBUSY (the name is taken), -EINVAL (it is no name), or what
 * the system says. */
int tun_open(struct tun *ret, const char *name, struct err *err);
void tun_close(struct tun *t);

/* Route this prefix to the device, in the main table, or no longer. 0, or negative with `err`:
 * -EEXIST when there is such a route already. */
int tun_route_add(struct tun *t, const struct fib_key *prefix, struct err *err);
int tun_route_del(struct tun *t, const struct fib_key *prefix, struct err *err);

/* A raw socket for whole IPv4 or IPv6 packets, header included; a descriptor, or negative with
 * `err`: -EPERM (CAP_NET_RAW is missing). */
int tun_raw_socket(bool is_ip4, struct err *err);
