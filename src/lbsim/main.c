/* SPDX-License-Identifier: Apache-2.0 */
/* maglev-lbsim: a process that looks like a VPP with the lb plugin to whoever programs it, for the
 * demo and the tests. With --forward it forwards packets, too. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "base/version.h"
#include "lbsim/control.h"
#include "lbsim/options.h"
#include "lbsim/server.h"

struct sim {
	struct options opt;
	struct loop *loop;
	struct journal *journal;
	struct server *server;
	struct control *control;
};

/* A VPP that runs out of memory aborts on the spot: it answers nobody and leaves its socket behind.
 * So does this, but with an exit code instead of a core file. */
static void on_died(void *ctx, const char *why)
{
	log_error("vpp-died", L_STR("reason", why));
	fprintf(stderr, "maglev-lbsim: died as VPP would: %s\n", why);
	_exit(EXIT_FAILURE);
}

static void on_signal(void *ctx, int signo)
{
	struct sim *s = ctx;
	log_info("stopping", L_INT("signal", signo));
	loop_stop(s->loop, EXIT_SUCCESS);
}

static uint64_t random_seed(void)
{
	struct rng r;
	rng_init_os(&r);
	return rng_u64(&r);
}

static int sim_open(struct sim *s, struct err *err)
{
	static const int signals[] = { SIGTERM, SIGINT };
	const struct options *o = &s->opt;
	s->loop = loop_new();
	int r = loop_signals(s->loop, signals, ARRAY_LEN(signals), on_signal, s);
	if (r)
		return err_set_errno(err, -r, "signals");
	if (*o->journal && !(s->journal = journal_open(o->journal, err)))
		return err->code;
	const struct server_options so = {
		.path = o->api_socket,
		.stats_path = o->stats_socket,
		.forward = o->forward ? o->forward_device : NULL,
		.gc_interval = o->gc_interval,
		.api = {
			.version = o->version_string,
			.build_date = version_date(),
			.pid = (uint32_t)getpid(),
			.seed = random_seed(),
			.dropped = o->dropped,
			.journal = s->journal,
			.journal_reads = o->journal_reads,
			.died = on_died,
		},
	};
	s->server = server_new(s->loop, &so, err);
	if (!s->server)
		return err->code;
	if (*o->control && !(s->control = control_new(s->loop, o->control, s->server, err)))
		return err->code;
	return 0;
}

static void sim_close(struct sim *s)
{
	control_free(s->control);
	server_free(s->server);
	journal_free(s->journal);
	if (s->loop)
		loop_free(s->loop);
}

static int serve(struct sim *s)
{
	struct err err = { 0 };
	int code = EXIT_FAILURE;
	log_set_level((enum log_level)s->opt.log_level);
	log_info("starting", L_STR("program", "maglev-lbsim"), L_STR("version", version_string()),
		 L_STR("commit", version_commit()), L_STR("date", version_date()));
	if (sim_open(s, &err)) {
		log_error("start-error", L_STR("error", err.msg));
		fprintf(stderr, "maglev-lbsim: %s\n", err.msg);
	} else {
		log_info("listening", L_STR("api", s->opt.api_socket),
			 L_STR("stats", s->opt.stats_socket), L_STR("control", s->opt.control));
		code = loop_run(s->loop);
	}
	sim_close(s);
	return code;
}

int main(int argc, char **argv)
{
	struct sim s = { 0 };
	int code;
	if (command_start(&options_command, &s.opt, argc, argv, &code)) {
		signal(SIGPIPE, SIG_IGN);
		code = serve(&s);
	}
	options_done(&s.opt);
	return code;
}
