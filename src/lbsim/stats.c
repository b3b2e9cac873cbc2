/* SPDX-License-Identifier: Apache-2.0 */
/* The layout is VPP's (src/vlib/stats/shared.h), see vpp/stats.c for a picture of it; what stands
 * in it is what a VPP with the lb plugin alone shows of its own, and a few entries of the kinds
 * that a reader has to pass over.
 *
 * Counts are stored as VPP stores them, while anybody reads. What makes readers' pointers invalid
 * (a longer vector, a longer directory) happens between in_progress = 1 and epoch + 1, as there.
 * A vector that moved leaves rubbish behind, so that a reader who does not mind the epoch is found
 * out.
 *
 * Memory is only ever taken: every growth doubles, and the plugin's bounds are such that all of it
 * fits SIZE. Pages that nobody wrote cost nothing. */
#include "lbsim/stats.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "lbsim/listener.h"

#define VERSION     2
#define SIZE        (256u << 20)
#define NAME_SIZE   128
#define ENTRIES_MAX 16
#define THREADS     2 /* the main one and a worker */
#define WORKER      1
#define ALIGN       64 /* VPP's vectors begin on cache lines */
#define CAP_MIN     16

enum type { /* stat_directory_type_t */
	    TYPE_SCALAR = 1,
	    TYPE_SIMPLE = 2,
	    TYPE_COMBINED = 3,
	    TYPE_NAMES = 4,
	    TYPE_SYMLINK = 6,
	    TYPE_GAUGE = 9
};

struct header {
	uint64_t version, base, epoch, in_progress, directory;
};

struct entry {
	uint32_t type, pad;
	uint64_t value;
	char name[NAME_SIZE];
};

struct vec_header { /* before the elements of a vector */
	uint64_t unused;
	uint32_t n, unused2;
};

/* A counter: a vector of elements for each thread, all of one length. */
struct counter {
	uint64_t **threads; /* NULL: VPP has not made it yet */
	size_t words;       /* of an element */
	uint32_t n, cap;
};

struct stats {
	struct loop *loop;
	const struct lbplugin *plugin;
	char *path;
	struct listener *listener; /* NULL: not served */
	bool paused, held;
	struct loop_defer update;
	int fd;
	struct header *h; /* the memory */
	size_t taken;
	struct entry *directory;
	uint32_t n_entries, cap_entries;
	struct counter vip[LB_COUNTER_N], route;
};

/* ---- memory */

static void *take(struct stats *s, size_t n)
{
	size_t at = (s->taken + ALIGN - 1) / ALIGN * ALIGN;

	assert(n <= SIZE - at);
	s->taken = at + n;
	return (char *)s->h + at;
}

/* Room for `cap` elements, none of them there. */
static void *vector_new(struct stats *s, size_t cap, size_t elem)
{
	return (struct vec_header *)take(s, sizeof(struct vec_header) + cap * elem) + 1;
}

static void vector_set_len(void *vec, uint32_t n)
{
	((struct vec_header *)vec - 1)->n = n;
}

/* What a freed vector looks like once VPP has used its memory for something else. */
static void vector_free(void *vec, size_t bytes)
{
	memset((struct vec_header *)vec - 1, 0xfd, sizeof(struct vec_header) + bytes);
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* ---- changes that readers must not fall into */

static void change_begin(struct stats *s)
{
	__atomic_store_n(&s->h->in_progress, 1, __ATOMIC_SEQ_CST);
}

static void change_end(struct stats *s)
{
	__atomic_add_fetch(&s->h->epoch, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&s->h->in_progress, s->held, __ATOMIC_RELEASE);
}

/* ---- the directory */

static void directory_grow(struct stats *s)
{
	uint32_t cap = s->cap_entries ? 2 * s->cap_entries : 4;
	struct entry *moved = vector_new(s, cap, sizeof *moved);

	if (s->directory) {
		memcpy(moved, s->directory, s->n_entries * sizeof *moved);
		vector_free(s->directory, s->cap_entries * sizeof *moved);
	}
	s->directory = moved;
	s->cap_entries = cap;
}

static struct entry *entry_add(struct stats *s, enum type type, const char *name, uint64_t value)
{
	struct entry *e;

	assert(s->n_entries < ENTRIES_MAX && strlen(name) < NAME_SIZE);
	change_begin(s);
	if (s->n_entries == s->cap_entries)
		directory_grow(s);
	e = &s->directory[s->n_entries++];
	*e = (struct entry){ .type = type, .value = value };
	memcpy(e->name, name, strlen(name));
	vector_set_len(s->directory, s->n_entries);
	s->h->directory = pointer(s->directory);
	change_end(s);
	return e;
}

/* ---- counters */

static void counter_init(struct stats *s, struct counter *c, enum type type, const char *name)
{
	c->words = type == TYPE_COMBINED ? 2 : 1;
	c->threads = vector_new(s, THREADS, sizeof *c->threads);
	memset(c->threads, 0, THREADS * sizeof *c->threads);
	vector_set_len(c->threads, THREADS);
	entry_add(s, type, name, pointer(c->threads));
}

static void counter_move(struct stats *s, struct counter *c, uint32_t cap)
{
	size_t size = c->words * sizeof(uint64_t);

	for (int t = 0; t < THREADS; t++) {
		uint64_t *old = c->threads[t], *moved = vector_new(s, cap, size);

		if (old) {
			memcpy(moved, old, c->n * size);
			vector_free(old, c->cap * size);
		}
		c->threads[t] = moved;
	}
	c->cap = cap;
}

/* Make it `n` elements long; the new ones are zero. */
static void counter_validate(struct stats *s, struct counter *c, uint32_t n)
{
	uint32_t cap = c->cap ? c->cap : CAP_MIN;

	if (n <= c->n)
		return;
	while (cap < n)
		cap *= 2;
	change_begin(s);
	if (cap != c->cap)
		counter_move(s, c, cap);
	for (int t = 0; t < THREADS; t++)
		vector_set_len(c->threads[t], n);
	c->n = n;
	change_end(s);
}

static void counter_set(struct counter *c, uint32_t i, size_t word, uint64_t v)
{
	__atomic_store_n(&c->threads[WORKER][i * c->words + word], v, __ATOMIC_RELAXED);
}

/* ---- following the plugin */

static void update_vips(struct stats *s)
{
	const struct lbplugin *p = s->plugin;
	uint32_t n = slots_len(&p->vip_slots);

	if (n <= 1)
		return; /* the plugin makes its counters with the first VIP */
	for (enum lb_counter k = 0; k < LB_COUNTER_N; k++) {
		if (!s->vip[k].threads)
			counter_init(s, &s->vip[k], TYPE_SIMPLE, lb_counter_name(k));
		counter_validate(s, &s->vip[k], n);
		slots_foreach(&p->vip_slots, i)
			counter_set(&s->vip[k], i, 0, p->vips.v[i].counters[k]);
	}
}

static void update_routes(struct stats *s)
{
	const struct fib *f = &s->plugin->fib;
	const struct fib_entry *e;
	size_t it = 0;

	counter_validate(s, &s->route, slots_len(&f->objects));
	while ((e = map_next(&f->by_key, &it))) {
		counter_set(&s->route, e->index, 0, e->packets);
		counter_set(&s->route, e->index, 1, e->bytes);
	}
}

static void update(void *ctx)
{
	struct stats *s = ctx;

	update_vips(s);
	update_routes(s);
	s->directory[0].value++; /* the heartbeat */
}

void stats_changed(struct stats *s)
{
	loop_defer_set(s->loop, &s->update, update, s);
}

/* ---- the socket */

static void on_connect(void *ctx, int fd)
{
	struct stats *s = ctx;
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.buf,
			    .msg_controllen = sizeof control.buf };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &s->fd, sizeof(int));
	(void)sendmsg(fd, &m, MSG_NOSIGNAL); /* a caller that is gone has lost nothing */
	(void)close(fd);
}

int stats_serve(struct stats *s, bool on, struct err *err)
{
	if (!on) {
		listener_free(s->listener);
		s->listener = NULL;
		return 0;
	}
	if (s->listener)
		return 0;
	s->listener = listener_new(s->loop, s->path, SOCK_SEQPACKET, on_connect, s, err);
	if (!s->listener)
		return err->code;
	listener_pause(s->listener, s->paused);
	return 0;
}

void stats_pause(struct stats *s, bool paused)
{
	s->paused = paused;
	if (s->listener)
		listener_pause(s->listener, paused);
}

void stats_hold(struct stats *s, bool on)
{
	s->held = on;
	if (on)
		change_begin(s);
	else
		change_end(s);
}

/* ---- life */

static int map(struct stats *s, struct err *err)
{
	void *m;

	s->fd = memfd_create("stats", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->fd < 0)
		return err_set_errno(err, errno, "memory for the stats");
	/* Sealed as VPP's is, so that no reader's mapping can lose its end. */
	if (ftruncate(s->fd, SIZE) < 0 || fcntl(s->fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
		return err_set_errno(err, errno, "memory for the stats");
	m = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (m == MAP_FAILED)
		return err_set_errno(err, errno, "memory for the stats");
	s->h = m;
	s->taken = sizeof *s->h;
	s->h->version = VERSION;
	s->h->base = pointer(s->h);
	return 0;
}

/* What VPP has before the plugin counts anything. */
static void fill(struct stats *s)
{
	entry_add(s, TYPE_SCALAR, "/sys/heartbeat", 0);
	entry_add(s, TYPE_SCALAR, "/sys/last_stats_clear", 0);
	entry_add(s, TYPE_SCALAR, "/sys/boottime", (uint64_t)(loop_wall() / NS_PER_S));
	entry_add(s, TYPE_GAUGE, "/sys/num_worker_threads", THREADS - 1);
	entry_add(s, TYPE_SYMLINK, "/err/null-node/blackholed packets", 14);
	entry_add(s, TYPE_NAMES, "/if/names", 0);
	counter_init(s, &s->route, TYPE_COMBINED, "/net/route/to");
	update_routes(s);
}

struct stats *stats_new(struct loop *l, const char *path, const struct lbplugin *p, struct err *err)
{
	struct stats *s = XNEW(struct stats);

	s->loop = l;
	s->plugin = p;
	s->path = xstrdup(path);
	s->fd = -1;
	if (map(s, err) < 0 || stats_serve(s, true, err) < 0) {
		stats_free(s);
		return NULL;
	}
	fill(s);
	return s;
}

void stats_free(struct stats *s)
{
	if (!s)
		return;
	loop_defer_cancel(&s->update);
	listener_free(s->listener);
	if (s->h)
		(void)munmap(s->h, SIZE);
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->path);
	free(s);
}
