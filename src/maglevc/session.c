/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "maglevc/tree.h"
#include "rpc/json.h"

ProtobufCMessage *session_ask(struct session *ss, const struct session_question *q, struct err *e)
{
	ProtobufCMessage *m;

	if (!ss->client)
		ss->client = rpc_client_new(&ss->daemon, e);
	if (!ss->client)
		return NULL;
	if (rpc_client_call(ss->client, q->path, q->request, q->response, q->timeout, &m, e) !=
	    RPC_OK)
		return NULL;
	return m;
}

ProtobufCMessage *session_call(struct session *ss, const char *path,
			       const ProtobufCMessage *request,
			       const ProtobufCMessageDescriptor *response)
{
	const struct session_question q = { path, request, response, ss->timeout };
	struct err e = { 0 };
	ProtobufCMessage *m = session_ask(ss, &q, &e);

	if (m)
		return m;
	ss->usage = !ss->client && e.code == -EINVAL;
	str_add(&ss->error, e.msg);
	return NULL;
}

char *session_borrow(const char *s)
{
	union {
		const char *given;
		char *wanted;
	} u = { .given = s };

	return u.wanted;
}

void session_json(struct session *ss, const ProtobufCMessage *m)
{
	struct json j;

	json_init(&j, &ss->out);
	rpc_json_message(&j, m, true);
	str_add_c(&ss->out, '\n');
}

void session_json_array(struct session *ss, ProtobufCMessage *const *v, size_t n)
{
	struct json j;

	json_init(&j, &ss->out);
	json_arr(&j);
	for (size_t i = 0; i < n; i++)
		rpc_json_message(&j, v[i], true);
	json_arr_end(&j);
	str_add_c(&ss->out, '\n');
}

int session_run(struct session *ss, const struct words *w)
{
	struct tree_error e = { 0 };
	struct command c;

	if (tree_parse(tree_root, w, &c, &e)) {
		tree_error_print(&e, w->line, &ss->error);
		return EXIT_USAGE;
	}
	if (c.node->run(ss, &c) == 0)
		return EXIT_OK;
	return ss->usage ? EXIT_USAGE : EXIT_FAILED;
}

void error_print(const char *text, bool colour)
{
	const struct style st = { .colour = colour };
	_cleanup_(str_done) struct str out = { 0 };

	tint_begin(&out, &st, TINT_ERROR);
	text_safe_lines(&out, text);
	tint_end(&out, &st, TINT_ERROR);
	fprintf(stderr, "%s\n", str_z(&out));
}

int session_flush(struct session *ss)
{
	int r = 0;

	fwrite(str_z(&ss->out), 1, ss->out.len, stdout);
	if (fflush(stdout) || ferror(stdout)) {
		r = errno ? -errno : -EIO;
		fprintf(stderr, "writing the output: %s\n", strerror(-r));
	}
	if (ss->error.len)
		error_print(str_z(&ss->error), ss->error_colour);
	str_clear(&ss->out);
	str_clear(&ss->error);
	return r;
}

void session_done(struct session *ss)
{
	rpc_client_free(ss->client);
	ss->client = NULL;
	str_done(&ss->out);
	str_done(&ss->error);
}
