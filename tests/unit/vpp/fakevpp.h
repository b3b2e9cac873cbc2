/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted VPP on a Unix socket, in the test's own loop: what it answers, leaves unanswered or
 * mangles is up to the test. One client at a time. */
#pragma once

#include <limits.h>

#include "loop/loop.h"
#include "vpp/messages.h"

#define FAKE_INDEX 0x80000001u

struct fakevpp;
/* A decoded request. Answer it with fakevpp_reply and friends, or not. */
typedef void fakevpp_handler(struct fakevpp *f, enum vpp_msg m, const struct wire_hdr *h,
			     const union vpp_body *b);

struct fakevpp {
	struct loop *loop;
	char dir[PATH_MAX], path[PATH_MAX + 8];
	int listen_fd, fd;
	struct loop_io listen_io, io;
	struct str in, out, table;
	struct vpp_ids ids;
	uint16_t n_table, first_id;
	fakevpp_handler *handler; /* of all but the handshake and control_ping */
	void *ctx;
	bool mute;       /* reads, answers nothing */
	bool mute_hello; /* not even the handshake */
	int32_t hello_response;
	unsigned n_hello, n_ping, n_goodbye; /* seen */
	struct {
		enum vpp_msg *v;
		size_t n, cap;
	} seen; /* every message but control_ping, in order */
};

/* Make the socket and its message table; ids begin at `first_id`. */
void fakevpp_init(struct fakevpp *f, struct loop *l, uint16_t first_id);
void fakevpp_done(struct fakevpp *f);
/* Begin or stop to listen; stopping drops the client and removes the socket. */
void fakevpp_listen(struct fakevpp *f);
void fakevpp_stop(struct fakevpp *f);
void fakevpp_drop(struct fakevpp *f); /* the client alone */
/* Build the message table anew with one message left out (VPP_MSG_N: none), or with this CRC. */
void fakevpp_table(struct fakevpp *f, enum vpp_msg odd_one, const char *crc);

void fakevpp_reply(struct fakevpp *f, enum vpp_msg m, const struct wire_hdr *to, const void *body);
void fakevpp_retval(struct fakevpp *f, enum vpp_msg request, const struct wire_hdr *to,
		    int32_t retval);
void fakevpp_raw(struct fakevpp *f, const void *bytes, size_t n);

/* Turn the loop until *flag, or fail the test after a generous time. */
void turn_until(struct loop *l, const bool *flag);
/* ... until pred(ctx). */
void turn_until_fn(struct loop *l, bool (*pred)(void *ctx), void *ctx);
/* Turn for about this long. */
void turn_for(struct loop *l, dur_ns d);
