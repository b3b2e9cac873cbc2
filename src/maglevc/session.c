/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevc/session.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/json.h"
#include "maglevc/tree.h"
#include "rpc/json.h"

ProtobufCMessage *session_call(struct session *ss, const char *path,
			       const ProtobufCMessage *request,
			       const ProtobufCMessageDescriptor *response)
{
	struct err e = { 0 };
	ProtobufCMessage *m;

	if (!ss->client) {
		ss->client = rpc_client_new(&ss->daemon, &e);
		ss->usage = !ss->client && e.code == -EINVAL;
	}
	if (ss->client &&
	    rpc_client_call(ss->client, path, request, response, ss->timeout, &m, &e) == RPC_OK)
		return m;
	str_add(&ss->error, e.msg);
	return NULL;
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

/* The line again, with carets under what is meant. */
static void point_at(struct str *out, const char *line, const struct tree_error *e)
{
	_cleanup_(str_done) struct str before = { 0 };
	_cleanup_(str_done) struct str meant = { 0 };
	_cleanup_free_ char *head = xstrndup(line, e->start);
	_cleanup_free_ char *part = NULL;
	size_t len = strlen(line);

	text_safe(&before, head);
	if (e->start < len)
		part = xstrndup(line + e->start, e->end - e->start);
	text_safe(&meant, part ? part : "");
	str_add(out, "\n  ");
	text_safe(out, line);
	str_addf(out, "\n  %*s", (int)(text_width(str_z(&before)) + (e->start > len)), "");
	for (size_t i = 0; i < MAX(text_width(str_z(&meant)), 1); i++)
		str_add_c(out, '^');
}

int session_run(struct session *ss, const struct words *w)
{
	struct tree_error e = { 0 };
	struct command c;

	if (tree_parse(tree_root, w, &c, &e)) {
		str_add(&ss->error, e.err.msg);
		point_at(&ss->error, w->line, &e);
		return EXIT_USAGE;
	}
	if (c.node->run(ss, &c) == 0)
		return EXIT_OK;
	return ss->usage ? EXIT_USAGE : EXIT_FAILED;
}

void session_done(struct session *ss)
{
	rpc_client_free(ss->client);
	ss->client = NULL;
	str_done(&ss->out);
	str_done(&ss->error);
}
