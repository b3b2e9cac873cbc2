/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/api.h - VPP's binary API before the plugin model: payloads in, frames out (no sockets).
 *
 * Who is connected, which message has which id, what each message does. The owner feeds whole
 * payloads and sends what comes out. The rules are those of src/vlibmemory/socket_api.c: a request
 * is answered to the client that its client index names, not to the one that sent it; with an index
 * that names nobody it is executed and nobody hears of it.
 *
 * Two deliberate differences: a message that is shorter than its fields, or has an impossible
 * address family, is an error of its sender here (VPP drops the message with a warning and goes
 * on), and message ids are drawn at random at each start, one by one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/dur.h"
#include "base/err.h"
#include "base/vec.h"
#include "lbsim/journal.h"
#include "lbsim/lbplugin.h"
#include "vpp/messages.h"

#define API_CLIENTS_MAX  64  /* connected at a time; more are turned away */
#define API_TABLE_ROWS   865 /* of a real VPP with the lb plugin; most of them are fillers */
#define API_INDEX_SOCKET 0x80000000u /* in the index of every socket client */

struct api_client {
	uint32_t index; /* of the first: 0x80000001 */
	char name[64 + 1];
	bool leaving;                  /* sockclnt_delete was answered: close when it is sent */
	uint64_t requests, keepalives; /* keepalives answered */
	void *ctx;                     /* the owner's */
};

struct api_refusal { /* ordered by a test */
	int32_t retval;
	uint32_t left;
};

struct api_options {
	const char *version;    /* of show_version, up to 31 bytes; borrowed */
	const char *build_date; /* borrowed */
	uint32_t pid;
	uint64_t seed;           /* for the message ids */
	const bool *dropped;     /* VPP_MSG_N: messages this VPP does not have; or NULL */
	struct journal *journal; /* borrowed, or NULL */
	bool journal_reads;      /* reading calls too */
	void (*send)(void *ctx, struct api_client *to, const char *frame, size_t n);
	void (*leave)(void *ctx, struct api_client *c); /* close it once its last answer is sent */
	void (*died)(void *ctx, const char *why); /* a request killed VPP; nothing more happens */
	void *ctx;
};

struct api_time {
	uint32_t uptime; /* VPP's, seconds */
	wall_ns wall;
};

struct api { /* api_init first */
	struct api_options opt;
	struct lbplugin plugin;
	struct vpp_ids ids;
	struct str table; /* the message table as it is sent */
	uint32_t table_rows;
	struct slots client_slots; /* 0 is VPP's own listener */
	struct api_client *clients[API_CLIENTS_MAX + 1];
	struct api_refusal refuse[VPP_MSG_N];
	uint64_t calls[VPP_MSG_N];
	struct str out;        /* scratch */
	struct wire_dump dump; /* scratch */
	bool dead;
};

void api_init(struct api *a, const struct api_options *opt);
void api_done(struct api *a); /* every client must have been closed */

/* A client connects: heap, until api_client_close. NULL when there are API_CLIENTS_MAX already. */
struct api_client *api_client_open(struct api *a, void *ctx);
void api_client_close(struct api *a, struct api_client *c);

/* One payload from a client. 0, or -EPROTO with `err` for one that cannot be taken apart: its
 * sender has to be disconnected. `send`, `leave` and `died` are called from here, `send` and
 * `leave` for any client; none of them may close a client before this has returned. */
int api_input(struct api *a, struct api_client *c, const uint8_t *payload, size_t n,
	      const struct api_time *t, struct err *err);

/* What a client with nothing to do may be asked. */
void api_send_keepalive(struct api *a, struct api_client *c);

/* Refuse the next `count` calls of this name with this retval, without executing them. 0, or
 * -EINVAL for a name that is no request with a retval, or a retval of 0. */
int api_refuse(struct api *a, const char *name, int32_t retval, uint32_t count, struct err *err);

/* The request or reply of this name (without CRC), or VPP_MSG_N. */
enum vpp_msg api_msg_find(const char *name);
