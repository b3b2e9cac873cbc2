/* SPDX-License-Identifier: Apache-2.0 */
/* One table of commands: name, arguments as the help shows them, what it does. */
#include "lbsim/control.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/list.h"
#include "lbsim/conn.h"
#include "lbsim/listener.h"
#include "lbsim/state.h"

#define PEERS_MAX    16 /* tests open one or two */
#define WORDS_MAX    5
#define PACKET_BYTES 64     /* the smallest on Ethernet */
#define ADVANCE_MAX  864000 /* seconds: ten days of collections in one go */

struct control {
	struct loop *loop;
	struct server *server;
	struct listener *listener;
	struct list peers;
	unsigned n_peers;
};

struct peer {
	struct list node;
	struct control *control;
	struct conn *conn;
};

struct command {
	const char *name, *args, *help;
	int min, max; /* words behind the name */
	/* 0 with *out left alone (then {"ok":true}) or filled, or negative with `err`. */
	int (*run)(struct server *s, char **w, int n, struct str *out, struct err *err);
};

/* ---- commands */

static int run_state(struct server *s, char **w, int n, struct str *out, struct err *err)
{
	const struct api_time t = server_time(s);
	state_format(server_api(s), &t, out);
	return 0;
}

static int number(const char *what, const char *text, long long lo, long long hi, long long *ret,
		  struct err *err)
{
	if (str_to_i64(text, lo, hi, ret))
		return err_set(err, -EINVAL, "%s: \"%s\" is no number within %lld..%lld", what,
			       text, lo, hi);
	return 0;
}

static int run_fail(struct server *s, char **w, int n, struct str *out, struct err *err)
{
	long long retval, count = 1;
	int r = number("retval", w[1], INT32_MIN, INT32_MAX, &retval, err);
	if (!r && n == 3)
		r = number("count", w[2], 0, UINT32_MAX, &count, err);
	return r ? r : api_refuse(server_api(s), w[0], (int32_t)retval, (uint32_t)count, err);
}

static int run_silence(struct server *s, char **w, int n, struct str *out, struct err *err)
{
	dur_ns d;
	long long seconds;
	if (dur_parse(w[0], &d)) {
		int r = number("seconds", w[0], 0, 86400, &seconds, err);
		if (r)
			return r;
		d = seconds * NS_PER_S;
	}
	if (d < 0)
		return err_set(err, -EINVAL, "a time cannot be negative");
	server_silence(s, d);
	return 0;
}

/* {"ok":true,"clients":n} */
static int tell_clients(struct str *out, unsigned n)
{
	str_addf(out, "{\"ok\":true,\"clients\":%u}", n);
	return 0;
}

static int run_drop(struct server *s, char **w, int n, struct str *out, struct err *err)
{
	return tell_clients(out, server_drop(s));
}

static int run_keepalive(struct server *s, char **w, int n, struct str *out, struct err *err)
{
	return tell_clients(out, server_send_keepalive(s));
}

static int run_send(struct server *s, char **w, int n, struct str *out, struct err *err)
{
	uint8_t bytes[CONTROL_LINE_MAX / 2];
	size_t len = strlen(w[0]);
	for (size_t i = 0; i < len; i++) {
		int d = hex_digit(w[0][i]);
		if (d < 0 || len % 2)
			return err_set(err, -EINVAL, "not an even number of hexadecimal digits");
		bytes[i / 2] = (uint8_t)(i % 2 ? bytes[i / 2] << 4 | d : d);
	}
	return tell_clients(out, server_send_raw(s, bytes, len / 2));
}

static int run_flows(struct server *s, char **w, int n, struct str *out, struct err *err)
{
	struct lbplugin *p = &server_api(s)->plugin;
	long long vip, flows;
	struct addr addr;
	uint32_t as;
	int r = number("vip", w[0], 1, UINT32_MAX, &vip, err);
	if (!r)
		r = number("n", w[2], 0, UINT32_MAX, &flows, err);
	if (r)
		return r;
	if (p->forwards)
		return err_set(err, -EPERM, "with --forward flows are those of real packets");
	if (addr_parse(w[1], &addr))
		return err_set(err, -EINVAL, "as: \"%s\" is no address", w[1]);
	if (!slots_used(&p->vip_slots, (uint32_t)vip))
		return err_set(err, -ENOENT, "no VIP has index %lld", vip);
	const struct ip46 ip = ip46_from_addr(&addr);
	if (lbplugin_find_as(p, (uint32_t)vip, &ip, &as))
		return err_set(err, -ENOENT, "VIP %lld has no AS %s", vip, w[1]);
	lbplugin_set_flows(p, as, (uint64_t)flows);
	return 0;
}

/* The names of enum lb_counter on the command line. */
static const char *const counter_words[] = {
	[LB_COUNTER_NEXT] = "next",
	[LB_COUNTER_FIRST] = "first",
	[LB_COUNTER_UNTRACKED] = "untracked",
	[LB_COUNTER_NO_SERVER] = "no-server",
};
_Static_assert(ARRAY_LEN(counter_words) == LB_COUNTER_N, "a word for each counter");

static int counter_of(const char *word, enum lb_counter *ret, struct err *err)
{
	for (enum lb_counter k = 0; k < LB_COUNTER_N; k++) {
		if (strcmp(word, counter_words[k]) == 0) {
			*ret = k;
			return 0;
		}
	}
	return err_set(err, -EINVAL, "\"%s\" is none of first, next, untracked, no-server", word);
}

static int run_count(struct server *s, char **w, int n, struct str *out, struct err *err)
{
	struct lbplugin *p = &server_api(s)->plugin;
	long long vip, packets, bytes = -1;
	enum lb_counter k = LB_COUNTER_NEXT;
	int r = number("vip", w[0], 1, UINT32_MAX, &vip, err);
	if (!r)
		r = counter_of(w[1], &k, err);
	if (!r)
		r = number("packets", w[2], 0, UINT32_MAX, &packets, err);
	if (!r && n == 4)
		r = number("bytes", w[3], 0, INT64_MAX, &bytes, err);
	if (r)
		return r;
	if (!slots_used(&p->vip_slots, (uint32_t)vip))
		return err_set(err, -ENOENT, "no VIP has index %lld", vip);
	lbplugin_count(p, (uint32_t)vip, k, (uint64_t)packets,
		       (uint64_t)(bytes >= 0 ? bytes : packets * PACKET_BYTES));
	return 0;
}

static int run_stats(struct server *s, char **w, int n, struct str *out, struct err *err)
{
	struct stats *stats = server_stats(s);
	if (!stats)
		return err_set(err, -ENOENT, "there is no --stats-socket");
	if (strcmp(w[0], "on") != 0 && strcmp(w[0], "off") != 0 && strcmp(w[0], "busy") != 0)
		return err_set(err, -EINVAL, "\"%s\" is none of on, off, busy", w[0]);
	stats_hold(stats, strcmp(w[0], "busy") == 0);
	return stats_serve(stats, strcmp(w[0], "off") != 0, err);
}

static int run_forward(struct server *s, char **w, int n, struct str *out, struct err *err)
{
	const struct forward *f = server_forward(s);
	if (!f)
		return err_set(err, -ENOENT, "there is no --forward");
	forward_format(f, out);
	return 0;
}

static int run_advance(struct server *s, char **w, int n, struct str *out, struct err *err)
{
	long long seconds;
	int r = number("seconds", w[0], 0, ADVANCE_MAX, &seconds, err);
	if (!r)
		server_advance(s, (uint32_t)seconds);
	return r;
}

static const struct command commands[] = {
	{ "state", "", "everything the simulator holds, as JSON", 0, 0, run_state },
	{ "fail", "MESSAGE RETVAL [COUNT]",
	  "refuse the next COUNT (1) calls of this name, unexecuted; 0 ends it", 2, 3, run_fail },
	{ "silence", "TIME", "neither accept, read nor answer for so long (5, 500ms)", 1, 1,
	  run_silence },
	{ "drop", "", "close every API connection", 0, 0, run_drop },
	{ "flows", "VIP AS N", "the AS of the VIP with this index has N sticky flows", 3, 3,
	  run_flows },
	{ "count", "VIP KIND PACKETS [BYTES]",
	  "the VIP with this index got so many first, next, untracked or no-server packets", 3, 4,
	  run_count },
	{ "stats", "on|off|busy", "serve the stats, do not, or be changing them all the time", 1, 1,
	  run_stats },
	{ "forward", "", "packets that --forward took, by what became of them, as JSON", 0, 0,
	  run_forward },
	{ "advance", "SECONDS", "let VPP's clock jump ahead, collections included", 1, 1,
	  run_advance },
	{ "keepalive", "", "send memclnt_keepalive to every client", 0, 0, run_keepalive },
	{ "send", "HEX", "send these bytes to every client as they are", 1, 1, run_send },
};

void control_help(struct str *out)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const struct command *c = &commands[i];
		int width = 32 - (int)strlen(c->name);
		str_addf(out, "  %s %-*s%s\n", c->name, width, c->args, c->help);
	}
}

/* ---- one line */

static int dispatch(struct server *s, char *line, struct str *out, struct err *err)
{
	char *w[WORDS_MAX + 1], *save = NULL;
	int n = 0;
	for (char *p = strtok_r(line, " \t\r", &save); p; p = strtok_r(NULL, " \t\r", &save)) {
		if (n == WORDS_MAX)
			return err_set(err, -EINVAL, "too many words");
		w[n++] = p;
	}
	server_changed(s);
	for (size_t i = 0; n > 0 && i < ARRAY_LEN(commands); i++) {
		const struct command *c = &commands[i];
		if (strcmp(c->name, w[0]) != 0)
			continue;
		if (n - 1 < c->min || n - 1 > c->max)
			return err_set(err, -EINVAL, "usage: %s %s", c->name, c->args);
		return c->run(s, w + 1, n - 1, out, err);
	}
	return err_set(err, -EINVAL, "unknown command \"%s\"", n > 0 ? w[0] : "");
}

void control_run(struct server *s, const char *line, struct str *out)
{
	_cleanup_free_ char *copy = xstrdup(line);
	struct err err = { 0 };
	size_t before = out->len;
	if (dispatch(s, copy, out, &err)) {
		struct json j;
		json_init(&j, out);
		json_obj(&j);
		json_field_str(&j, "error", err.msg);
		json_obj_end(&j);
	}
	if (out->len == before)
		str_add(out, "{\"ok\":true}");
	str_add_c(out, '\n');
}

/* ---- connections */

static ssize_t on_input(void *ctx, const uint8_t *p, size_t n)
{
	struct peer *peer = ctx;
	const uint8_t *nl = memchr(p, '\n', n);
	if (!nl)
		return 0;
	struct str out = { 0 };
	size_t len = (size_t)(nl - p);
	if (len >= CONTROL_LINE_MAX)
		return -1;
	_cleanup_free_ char *line = xstrndup((const char *)p, len);
	control_run(peer->control->server, line, &out);
	conn_send(peer->conn, out.p, out.len);
	str_done(&out);
	return (ssize_t)len + 1;
}

static void peer_free(struct peer *p)
{
	list_remove(&p->node);
	p->control->n_peers--;
	free(p);
}

static void on_closed(void *ctx, const char *why)
{
	peer_free(ctx);
}

static const struct conn_ops peer_ops = {
	.in_max = CONTROL_LINE_MAX,
	.input = on_input,
	.closed = on_closed,
};

static void on_connect(void *ctx, int fd)
{
	struct control *c = ctx;
	if (c->n_peers == PEERS_MAX) {
		log_warn("control-refused", L_UINT("connected", c->n_peers));
		close(fd);
		return;
	}
	struct peer *p = XNEW(struct peer);
	p->control = c;
	p->conn = conn_new(c->loop, fd, &peer_ops, p);
	if (!p->conn) {
		free(p);
		return;
	}
	list_add_tail(&c->peers, &p->node);
	c->n_peers++;
}

struct control *control_new(struct loop *l, const char *path, struct server *s, struct err *err)
{
	struct control *c = XNEW(struct control);
	c->loop = l;
	c->server = s;
	list_init(&c->peers);
	c->listener = listener_new(l, path, SOCK_STREAM, on_connect, c, err);
	if (!c->listener) {
		free(c);
		return NULL;
	}
	return c;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	listener_free(c->listener);
	list_foreach (&c->peers, node) {
		struct peer *p = CONTAINER_OF(node, struct peer, node);
		conn_free(p->conn);
		peer_free(p);
	}
	free(c);
}
