/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/session.h - what the commands of one run share: the daemon, the options, the output. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/dur.h"
#include "base/str.h"
#include "maglevc/format.h"
#include "maglevc/tree.h"
#include "maglevc/words.h"
#include "rpc/client.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct session { /* {0} with the options filled */
	struct rpc_client_opts daemon;
	dur_ns timeout;
	bool json;
	struct style style;
	bool error_colour;
	bool live; /* commands that last write to stdout as they go, not into `out` alone */

	struct rpc_client *client; /* made by the first call */
	struct str out;            /* for stdout */
	struct str error;          /* for stderr, when a command fails */
	bool usage;                /* the failure is how we were called */
	bool quit;                 /* the user wants to leave */
};

struct session_question {
	const char *path;
	const ProtobufCMessage *request;
	const ProtobufCMessageDescriptor *response;
	dur_ns timeout;
};
/* One call, waited for. NULL with `e`. Freed with protobuf_c_message_free_unpacked(m, NULL). */
ProtobufCMessage *session_ask(struct session *ss, const struct session_question *q, struct err *e);

/* The same for a command: with the session's timeout. NULL with the session's error set: the
 * server's message alone, or what is in the way. */
ProtobufCMessage *session_call(struct session *ss, const char *path,
			       const ProtobufCMessage *request,
			       const ProtobufCMessageDescriptor *response);
/* protobuf-c's generated structs hold `char *`, of which a request only reads. */
char *session_borrow(const char *s);
/* A message, or an array of them, as proto3 JSON with all fields: one line of output. */
void session_json(struct session *ss, const ProtobufCMessage *m);
void session_json_array(struct session *ss, ProtobufCMessage *const *v, size_t n);
/* Understand and run a line. Returns the exit code; output and error are in the session. */
int session_run(struct session *ss, const struct words *w);
/* To stderr, safe for a terminal. */
void error_print(const char *text, bool colour);
/* Write output and error to stdout and stderr, the error in red where error_colour is set; both are
 * empty then. 0, or -errno when the output could not be written, which is said. */
int session_flush(struct session *ss);
void session_done(struct session *ss);
