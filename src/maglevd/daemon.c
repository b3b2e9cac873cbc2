/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/daemon.c - start, run, stop.
 *
 * One loop on the main thread owns all state. Around it: probe threads, which send outcomes into
 * it; the gRPC thread, which sends requests into it; VPP, whose socket is on it. Signals arrive
 * through it, too, so that nothing here ever runs in the middle of anything else.
 *
 * Stopping leaves VPP exactly as it is: a load balancer goes on balancing without its control
 * plane. */
#include "maglevd/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/version.h"
#include "maglevd/desired.h"
#include "maglevd/descriptors.h"
#include "maglevd/events.h"
#include "maglevd/metrics.h"
#include "maglevd/notify.h"
#include "maglevd/service.h"
#include "rpc/health.h"
#include "rpc/reflection.h"
#include "rpc/server.h"

/* Calls under way when we stop have this long. */
#define STOP_GRACE (5 * NS_PER_S)

/* How often the probe threads are asked for a sign of life, and how many questions in a row one may
 * leave unanswered. Counted in questions, not in time: a process that was stopped and goes on has
 * missed one, however long that was. */
#define PULSE_INTERVAL (5 * NS_PER_S)
#define PULSE_MISSED   3

/* ---- what arrives on the loop */

static void on_results(void *ctx, const struct probe_result *r, size_t n)
{
	struct daemon *d = ctx;

	fleet_results(d->fleet, r, n, loop_now(d->loop));
}

static void on_doubt_tick(void *ctx, struct timer *t)
{
	struct daemon *d = ctx;
	mono_ns now = loop_now(d->loop);

	fleet_tick(d->fleet, now);
	timer_set(d->loop, t, now + DOUBT_TICK, on_doubt_tick, d);
}

static void on_pulse(void *ctx, struct timer *t)
{
	struct daemon *d = ctx;

	timer_set(d->loop, t, loop_now(d->loop) + PULSE_INTERVAL, on_pulse, d);
	if (!d->engine)
		return;

	struct probe_pulse p = probe_engine_pulse(d->engine);

	if (p.unread)
		log_error("probe-results-unread", L_INT("threads", p.unread));
	if (p.silent && ++d->pulse_missed == PULSE_MISSED)
		log_error("probe-threads-silent", L_INT("threads", p.silent));
	if (p.silent)
		return;
	if (d->pulse_missed >= PULSE_MISSED)
		log_info("probe-threads-answer");
	d->pulse_missed = 0;
}

/* A main loop that turns is not enough: without its probes the daemon sees nobody die, and a new
 * one is better. */
static void on_watchdog(void *ctx, struct timer *t)
{
	struct daemon *d = ctx;

	if (d->pulse_missed < PULSE_MISSED)
		notify_watchdog();
	notify_status(d->fleet, d->lbsync);
	timer_set(d->loop, t, loop_now(d->loop) + notify_watchdog_interval(), on_watchdog, d);
}

static void on_rpc_stopped(void *ctx)
{
	struct daemon *d = ctx;

	loop_stop(d->loop, 0);
}

static void stop(struct daemon *d, int signo)
{
	if (d->stopping) {
		log_warn("stopping-at-once", L_STR("signal", strsignal(signo)));
		_exit(0);
	}
	d->stopping = true;
	log_info("stopping", L_STR("signal", strsignal(signo)));
	notify_stopping();
	probe_engine_free(d->engine);
	d->engine = d->fleet->engine = NULL;
	rpc_health_stop(d->health);
	events_stop(d->events);
	if (d->reflection)
		rpc_reflection_stop(d->reflection);
	rpc_server_shutdown(d->rpc, STOP_GRACE, on_rpc_stopped, d);
}

static void on_signal(void *ctx, int signo)
{
	struct daemon *d = ctx;

	if (signo != SIGHUP)
		stop(d, signo);
	else if (!d->stopping)
		daemon_hup(d);
}

/* ---- start */

/* Say by name what the configuration needs and this process may not do. Such probes are
 * inconclusive; everything else works. */
static void warn_missing(const struct config *c)
{
	bool icmp = false;
	struct err e;

	for (size_t i = 0; i < c->n_backends; i++)
		icmp |= c->backends[i].check && c->backends[i].check->type == HC_ICMP;
	if (icmp && probe_missing_icmp(&e))
		log_warn("missing-capability", L_STR("capability", "CAP_NET_RAW"),
			 L_STR("detail", e.msg));
	if (c->netns && probe_missing_netns(&e))
		log_warn("missing-capability", L_STR("capability", "CAP_SYS_ADMIN"),
			 L_STR("detail", e.msg));
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

/* What only debug records tell is reported only while somebody reads them. */
static void update_trace(void *ctx)
{
	struct daemon *d = ctx;

	if (d->engine)
		probe_engine_trace(d->engine, log_enabled(LVL_DEBUG));
}

#define STANDARD_SERVICES_MAX 2

static size_t start_standard_services(struct daemon *d,
				      struct rpc_service ret[static STANDARD_SERVICES_MAX])
{
	size_t n = 0;

	d->health = rpc_health_new("maglev.Maglev");
	rpc_health_set(d->health, true); /* there is a configuration, or we were not here */
	ret[n++] = rpc_health_service(d->health);
	if (d->options->reflection) {
		d->reflection = rpc_reflection_new();
		ret[n++] = rpc_reflection_service(d->reflection);
	}
	return n;
}

static int start_rpc(struct daemon *d, struct err *e)
{
	const struct options *o = d->options;
	const struct events_opts events = {
		.loop = d->loop, .fleet = d->fleet, .trace = update_trace, .ctx = d
	};
	struct rpc_service more[STANDARD_SERVICES_MAX];
	struct rpc_server_opts opts = { .loop = d->loop,
					.addr = o->grpc_addr,
					.tls_cert = or_null(o->grpc_tls_cert),
					.tls_key = or_null(o->grpc_tls_key),
					.client_ca = or_null(o->grpc_client_ca) };

	d->events = events_new(&events);
	d->service = service_new(d);
	opts.ctx = d->service;
	opts.methods = service_methods(&opts.n_methods);
	opts.more = more;
	opts.n_more = start_standard_services(d, more);
	d->rpc = rpc_server_new(&opts, e);
	if (!d->rpc)
		return e->code;
	log_info("grpc-listening", L_STR("addr", o->grpc_addr),
		 L_INT("port", rpc_server_port(d->rpc)), L_BOOL("tls", opts.tls_cert != NULL),
		 L_BOOL("client_ca", opts.client_ca != NULL));
	return 0;
}

static int start_metrics(struct daemon *d, struct err *e)
{
	if (!*d->options->metrics_addr) {
		log_info("metrics-off");
		return 0;
	}
	d->metrics = metrics_new(d, e);
	if (!d->metrics)
		return err_prefix(e, "metrics: ");
	log_info("metrics-listening", L_STR("addr", d->options->metrics_addr),
		 L_INT("port", metrics_port(d->metrics)));
	return 0;
}

static void start_probes(struct daemon *d)
{
	char agent[128];
	const struct probe_engine_opts opts = { .loop = d->loop,
						.threads = (int)d->options->probe_threads,
						.netns = d->fleet->config->netns,
						.user_agent = agent,
						.on_results = on_results,
						.ctx = d };

	(void)snprintf(agent, sizeof(agent), "maglevd/%s (+https://git.ipng.ch/ipng/vpp-maglev)",
		       version_string());
	descriptors_reserve(fleet_n_probed(d->fleet), opts.threads);
	warn_missing(d->fleet->config);
	d->engine = d->fleet->engine = probe_engine_new(&opts);
	update_trace(d);
}

static void start_vpp(struct daemon *d, mono_ns started)
{
	const struct lbsync_opts opts = { .loop = d->loop,
					  .api_path = d->options->vpp_api_addr,
					  .stats_path = d->options->vpp_stats_addr,
					  .started = started,
					  .source = desired_source(d->fleet) };

	if (!*opts.api_path) {
		log_info("vpp-off");
		return;
	}
	d->lbsync = d->fleet->lbsync = lbsync_new(&opts);
}

static void start_watchdog(struct daemon *d)
{
	dur_ns interval = notify_watchdog_interval();

	if (interval)
		timer_set(d->loop, &d->watchdog, loop_clock() + interval, on_watchdog, d);
}

static void done(struct daemon *d)
{
	timer_cancel(d->loop, &d->watchdog);
	timer_cancel(d->loop, &d->doubt);
	timer_cancel(d->loop, &d->pulse);
	probe_engine_free(d->engine);
	d->engine = NULL; /* who unsubscribes now asks for its tracing */
	metrics_free(d->metrics);
	rpc_server_free(d->rpc);
	loader_free(d->loader);
	lbsync_free(d->lbsync);
	rpc_health_free(d->health);
	rpc_reflection_free(d->reflection);
	events_free(d->events);
	service_free(d->service);
	fleet_free(d->fleet);
	loop_free(d->loop);
}

int daemon_run(const struct options *o, struct config *config)
{
	static const int signals[] = { SIGHUP, SIGTERM, SIGINT };
	mono_ns started = loop_clock();
	struct daemon d = { .options = o, .started = loop_wall() };
	struct err e;
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	d.loop = loop_new();
	d.fleet = fleet_new(config);
	d.reloads.good_at = d.started;
	r = loop_signals(d.loop, signals, ARRAY_LEN(signals), on_signal, &d);
	if (r < 0)
		r = err_set_errno(&e, -r, "taking over signals");
	else
		r = start_rpc(&d, &e);
	if (r == 0)
		r = start_metrics(&d, &e);
	if (r < 0) {
		log_error("start-failed", L_STR("detail", e.msg));
		(void)fprintf(stderr, "maglevd: %s\n", e.msg);
		done(&d);
		return 1;
	}
	d.loader = loader_new(d.loop);
	start_probes(&d);
	start_vpp(&d, started);
	fleet_start(d.fleet, loop_clock());
	on_doubt_tick(&d, &d.doubt);
	on_pulse(&d, &d.pulse);
	notify_ready();
	notify_status(d.fleet, d.lbsync);
	start_watchdog(&d);
	r = loop_run(d.loop);
	log_info("stopped");
	done(&d);
	return r;
}
