/* SPDX-License-Identifier: Apache-2.0 */
/* httpd/door.h - where connections come in: sockets that listen on a loop, and what they accept
 * handed to libmicrohttpd. Everything happens on the loop's thread. */
#pragma once

#include "base/dur.h"
#include "base/err.h"
#include "httpd/listen.h"
#include "httpd/turn.h"

struct httpd_door_opts {
	struct loop *loop;
	const char *addr;        /* as listen_open has it */
	struct httpd_turn *turn; /* of the daemon that gets them; started before the loop turns */
	int send_buffer;         /* bytes of the kernel's that a reader who stopped may fill */
	dur_ns defer;            /* the kernel keeps those that say nothing about as long; 0: not */
	void (*coming)(void *ctx); /* somebody is about to be let in: make room, if need be */
	void *ctx;
};

struct httpd_door { /* embed; {0} is closed */
	struct httpd_door_opts o;
	size_t n;
	struct httpd_socket {
		struct httpd_door *door;
		struct loop_io io;
		int fd;
	} sockets[LISTEN_MAX];
};

/* Listening when it returns. 0, or as listen_open fails; after a failure, too, it is to be closed.
 */
int httpd_door_open(struct httpd_door *d, const struct httpd_door_opts *o, int *ret_port,
		    struct err *e);
void httpd_door_close(struct httpd_door *d); /* closed is fine */
/* Now and then: out of descriptors or memory it stopped listening, and begins again here. */
void httpd_door_tick(struct httpd_door *d);
