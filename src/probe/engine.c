/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's side of the engine: messages to the probe threads, results from them.
 *
 * A target belongs to worker id % threads for as long as it exists, so its messages are in order
 * and its results are too. Nothing is shared but the mailboxes, the reference counts of health
 * checks, and what never changes while the threads run. */
#include "probe/engine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "probe/internal.h"
#include "probe/tls.h"

/* ---- results */

static void results_ready(void *ctx, struct mail *mail)
{
	struct probe_engine *e = ctx;
	struct result_batch *b = CONTAINER_OF(mail, struct result_batch, mail);

	atomic_fetch_sub_explicit(&e->backlog, b->n, memory_order_relaxed);
	if (b->answers)
		b->answers->unanswered = 0;
	if (b->n)
		e->on_results(e->ctx, b->r, b->n);
	free(b);
}

static void results_drop(void *ctx, struct mail *mail)
{
	(void)ctx;
	free(CONTAINER_OF(mail, struct result_batch, mail));
}

/* ---- messages */

static struct worker *worker_of(struct probe_engine *e, uint32_t id)
{
	return &e->workers[id % (uint32_t)e->n_workers];
}

static void post(struct worker *w, const struct msg *m)
{
	struct msg *copy = xmemdup(m, sizeof *m);

	mailbox_post(w->mailbox, &copy->mail);
}

void probe_engine_put(struct probe_engine *e, const struct probe_target *t)
{
	post(worker_of(e, t->id),
	     &(struct msg){ .kind = MSG_PUT,
			    .id = t->id,
			    .generation = t->generation,
			    .addr = t->addr,
			    .check = t->check ? healthcheck_ref(t->check) : NULL,
			    .pace = t->pace,
			    .first_start = t->first_start });
}

void probe_engine_remove(struct probe_engine *e, uint32_t id)
{
	post(worker_of(e, id), &(struct msg){ .kind = MSG_REMOVE, .id = id });
}

void probe_engine_pace(struct probe_engine *e, uint32_t id, uint32_t generation, enum pace pace)
{
	post(worker_of(e, id),
	     &(struct msg){ .kind = MSG_PACE, .id = id, .generation = generation, .pace = pace });
}

void probe_engine_trace(struct probe_engine *e, bool on)
{
	for (int i = 0; i < e->n_workers; i++)
		post(&e->workers[i], &(struct msg){ .kind = MSG_TRACE, .trace = on });
}

void probe_engine_set_netns(struct probe_engine *e, const char *netns)
{
	for (int i = 0; i < e->n_workers; i++)
		post(&e->workers[i],
		     &(struct msg){ .kind = MSG_NETNS, .netns = netns ? xstrdup(netns) : NULL });
}

static int silent_for(const struct probe_engine *e, int questions)
{
	int n = 0;

	for (int i = 0; i < e->n_workers; i++)
		n += e->workers[i].unanswered >= questions;
	return n;
}

struct probe_pulse probe_engine_pulse(struct probe_engine *e)
{
	int long_silent = silent_for(e, 2);
	struct probe_pulse p;

	if (long_silent)
		mailbox_look(e->results);
	p.unread = long_silent - silent_for(e, 2);
	p.silent = silent_for(e, 1);
	for (int i = 0; i < e->n_workers; i++)
		if (e->workers[i].unanswered++ == 0) /* one question at a time */
			post(&e->workers[i], &(struct msg){ .kind = MSG_PULSE });
	return p;
}

/* ---- life */

struct probe_engine *probe_engine_new(const struct probe_engine_opts *o)
{
	struct probe_engine *e = XNEW(struct probe_engine);

	assert(o->threads >= 1 && o->threads <= 64 && o->on_results && o->user_agent);
	e->user_agent = xstrdup(o->user_agent);
	e->report_header = o->report_header ? xstrdup(o->report_header) : NULL;
	e->own_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	e->results = mailbox_new(o->loop, results_ready, e);
	e->tls = tls_store_new();
	e->on_results = o->on_results;
	e->ctx = o->ctx;
	e->n_workers = o->threads;
	e->workers = xcalloc((size_t)o->threads, sizeof *e->workers);
	for (int i = 0; i < e->n_workers; i++)
		worker_init(&e->workers[i], e, o->netns);
	for (int i = 0; i < e->n_workers; i++) {
		int r = pthread_create(&e->workers[i].thread, NULL, worker_main, &e->workers[i]);

		assert(r == 0); /* at start, as for memory: without probes there is no daemon */
	}
	return e;
}

void probe_engine_free(struct probe_engine *e)
{
	if (!e)
		return;
	for (int i = 0; i < e->n_workers; i++)
		post(&e->workers[i], &(struct msg){ .kind = MSG_STOP });
	for (int i = 0; i < e->n_workers; i++) {
		pthread_join(e->workers[i].thread, NULL);
		worker_done(&e->workers[i]);
	}
	mailbox_free(e->results, results_drop, NULL);
	tls_store_free(e->tls);
	if (e->own_ns >= 0)
		close(e->own_ns);
	free(e->workers);
	free(e->user_agent);
	free(e->report_header);
	free(e);
}

/* ---- what is needed */

size_t probe_engine_fd_need(size_t n_backends, int threads)
{
	/* Per thread: epoll, the loop's and the mailbox's eventfd, an ICMP socket per family, a
	 * namespace while it is entered. Per engine: the results' mailbox, the own namespace. */
	return n_backends + (size_t)threads * 6 + 2;
}

static bool can_open(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || (errno != EPERM && errno != EACCES);
}

bool probe_missing_icmp(struct err *ret)
{
	if (caps_permitted(CAP_NET_RAW) || can_open(AF_INET, SOCK_DGRAM, IPPROTO_ICMP))
		return false;
	err_set(ret, -EPERM,
		"icmp probes need CAP_NET_RAW (AmbientCapabilities=CAP_NET_RAW in the unit, or "
		"setcap cap_net_raw+p on the binary), or group %u within the range of sysctl "
		"net.ipv4.ping_group_range; until then they are inconclusive",
		getegid());
	return true;
}

bool probe_missing_netns(struct err *ret)
{
	if (caps_permitted(CAP_SYS_ADMIN))
		return false;
	err_set(ret, -EPERM,
		"netns needs CAP_SYS_ADMIN (AmbientCapabilities=CAP_SYS_ADMIN in the unit, or "
		"setcap cap_sys_admin+p on the binary); until then all probes are inconclusive");
	return true;
}
