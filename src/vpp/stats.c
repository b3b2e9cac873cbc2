/* SPDX-License-Identifier: Apache-2.0 */
/* The segment:
 *
 *   header   {u64 version, u64 base, u64 epoch, u64 in_progress, u64 directory}
 *   entry    {u32 type, u32 pad, u64 value or pointer, char name[128]}, 144 bytes
 *   vector   elements, with their number in the u32 eight bytes before the first
 *
 * Pointers are addresses in VPP; minus `base` they are offsets here. The directory is a vector of
 * entries; a simple counter points to a vector (by thread) of pointers to vectors of u64, a
 * combined one to pairs of them.
 *
 * fetch() is the only function that touches the memory, in whole aligned words, each read once: VPP
 * stores its counters as such, so that none is ever seen half written, and what was checked is what
 * is used.
 *
 * What is found wrong while VPP was changing the segment proves nothing: the pass is repeated, a
 * few times here and then by the caller, who does not hold up a loop meanwhile. */
#include "vpp/stats.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

#define VERSION     2
#define NAME_SIZE   128
#define TRIES       8          /* a pass takes some tenths of a millisecond, a change by VPP less */
#define ENTRIES_MAX (1u << 22) /* VPP has some thousands */
#define THREADS_MAX 1024       /* VPP has a thread for a core at most */
#define CHUNK       32         /* directory entries copied at a time */

enum type { TYPE_SCALAR = 1, TYPE_SIMPLE = 2, TYPE_COMBINED = 3 }; /* stat_directory_type_t */

struct header {
	uint64_t version, base, epoch, in_progress, directory;
};

struct entry {
	uint32_t type, pad;
	uint64_t value; /* or a pointer */
	char name[NAME_SIZE];
};
_Static_assert(sizeof(struct entry) == 144, "as in VPP");

struct vector {
	uint64_t at; /* offset of its first element */
	uint32_t n;
};

enum wanted { BOOTTIME, FIRST, NEXT, UNTRACKED, NO_SERVER, ROUTE_TO, WANTED_N };

static const struct {
	const char *name;
	enum type type;
} wanted[WANTED_N] = {
	[BOOTTIME] = { "/sys/boottime", TYPE_SCALAR },
	[FIRST] = { "first session packet", TYPE_SIMPLE },
	[NEXT] = { "packet from existing sessions", TYPE_SIMPLE },
	[UNTRACKED] = { "untracked packet", TYPE_SIMPLE },
	[NO_SERVER] = { "no server configured", TYPE_SIMPLE },
	[ROUTE_TO] = { "/net/route/to", TYPE_COMBINED },
};

struct pass { /* over the segment */
	const struct vpp_stats_mem *m;
	uint64_t base;
	struct {
		bool there;
		uint64_t value;
	} found[WANTED_N];
	struct err *e;
};

/* ---- memory */

static int fetch_file(const struct vpp_stats_mem *m, uint64_t off, void *dst, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(m->fd, (char *)dst + done, n - done, (off_t)(off + done));

		if (r < 0 && errno != EINTR)
			return -errno;
		if (r == 0)
			return -EBADMSG; /* it has shrunk */
		done += r > 0 ? (size_t)r : 0;
	}
	return 0;
}

/* Copy n bytes, a multiple of 8, from an offset that should be. -EBADMSG when it is not, or when
 * they are not all there. */
static int fetch(const struct vpp_stats_mem *m, uint64_t off, void *dst, size_t n)
{
	assert(n % 8 == 0);
	if (off % 8 != 0 || off > m->size || n > m->size - off)
		return -EBADMSG;
	if (!m->map)
		return fetch_file(m, off, dst, n);
	for (size_t i = 0; i < n; i += 8) {
		const uint64_t *p = (const uint64_t *)m->map + (off + i) / 8;
		uint64_t word = __atomic_load_n(p, __ATOMIC_RELAXED);

		memcpy((char *)dst + i, &word, sizeof word);
	}
	return 0;
}

static int bad(const struct pass *p, int r, const char *what)
{
	err_set(p->e, r, "VPP's stats segment is broken: %s", what);
	return r;
}

/* The vector behind a pointer of VPP's; one that was never made has no elements. */
static int vector_at(const struct pass *p, uint64_t ptr, size_t elem, const char *what,
		     struct vector *ret)
{
	uint64_t at = ptr - p->base;
	uint32_t head[2];
	int r;

	if (ptr == 0) {
		*ret = (struct vector){ 0 };
		return 0;
	}
	r = at < sizeof head ? -EBADMSG : fetch(p->m, at - sizeof head, head, sizeof head);
	if (r == 0 && (at % 8 != 0 || at > p->m->size || head[0] > (p->m->size - at) / elem))
		r = -EBADMSG;
	if (r < 0)
		return bad(p, r, what);
	*ret = (struct vector){ .at = at, .n = head[0] };
	return 0;
}

/* ---- the directory */

static void note(struct pass *p, const struct entry *e)
{
	for (size_t i = 0; i < WANTED_N; i++) {
		if (p->found[i].there || e->type != wanted[i].type)
			continue;
		if (strncmp(e->name, wanted[i].name, NAME_SIZE) != 0)
			continue;
		p->found[i].there = true;
		p->found[i].value = e->value;
		return;
	}
}

static int read_directory(struct pass *p, uint64_t directory)
{
	struct entry chunk[CHUNK];
	struct vector dir;
	int r = vector_at(p, directory, sizeof(struct entry), "the directory", &dir);

	if (r < 0)
		return r;
	if (dir.n > ENTRIES_MAX)
		return bad(p, -EBADMSG, "the directory has no end");
	for (uint32_t i = 0; i < dir.n; i += CHUNK) {
		uint32_t n = MIN(dir.n - i, (uint32_t)CHUNK);

		r = fetch(p->m, dir.at + i * sizeof(struct entry), chunk, n * sizeof(struct entry));
		if (r < 0)
			return bad(p, r, "the directory");
		for (uint32_t k = 0; k < n; k++)
			note(p, &chunk[k]);
	}
	return 0;
}

/* ---- counters */

struct counter { /* by thread */
	struct vector by_thread[THREADS_MAX];
	uint32_t threads;
	size_t elem;
};

static int read_counter(const struct pass *p, enum wanted w, size_t elem, struct counter *ret)
{
	uint64_t value = p->found[w].there ? p->found[w].value : 0;
	struct vector threads;
	int r = vector_at(p, value, sizeof(uint64_t), wanted[w].name, &threads);

	if (r < 0)
		return r;
	if (threads.n > THREADS_MAX)
		return bad(p, -EBADMSG, "more threads than VPP can have");
	ret->threads = threads.n;
	ret->elem = elem;
	for (uint32_t t = 0; t < threads.n; t++) {
		uint64_t ptr;

		r = fetch(p->m, threads.at + t * sizeof ptr, &ptr, sizeof ptr);
		if (r < 0)
			return bad(p, r, wanted[w].name);
		r = vector_at(p, ptr, elem, wanted[w].name, &ret->by_thread[t]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Add up element i of all threads: elem / 8 sums. A thread whose vector ends before has not counted
 * it. */
static int sum(const struct pass *p, const struct counter *c, uint32_t i, uint64_t *ret)
{
	for (uint32_t t = 0; t < c->threads; t++) {
		const struct vector *v = &c->by_thread[t];
		uint64_t words[2];
		int r;

		if (i >= v->n)
			continue;
		r = fetch(p->m, v->at + i * c->elem, words, c->elem);
		if (r < 0)
			return bad(p, r, "a counter");
		for (size_t k = 0; k < c->elem / sizeof words[0]; k++)
			ret[k] += words[k];
	}
	return 0;
}

static int read_simple(const struct pass *p, enum wanted w, const struct vpp_stats_vip *vips,
		       size_t n, struct vpp_stats_figures *f)
{
	struct counter c;
	int r = read_counter(p, w, sizeof(uint64_t), &c);

	for (size_t i = 0; r == 0 && i < n; i++) {
		uint64_t v = 0;

		r = sum(p, &c, vips[i].index, &v);
		if (w == FIRST)
			f[i].first = v;
		else if (w == NEXT)
			f[i].next = v;
		else if (w == UNTRACKED)
			f[i].untracked = v;
		else
			f[i].no_server = v;
	}
	return r;
}

static int read_routes(const struct pass *p, const struct vpp_stats_vip *vips, size_t n,
		       struct vpp_stats_figures *f)
{
	struct counter c;
	int r = read_counter(p, ROUTE_TO, 2 * sizeof(uint64_t), &c);

	for (size_t i = 0; r == 0 && i < n; i++) {
		uint64_t v[2] = { 0 };

		if (vips[i].route_known)
			r = sum(p, &c, vips[i].route_index, v);
		f[i].route_packets = v[0];
		f[i].route_bytes = v[1];
	}
	return r;
}

static int read_figures(const struct pass *p, const struct vpp_stats_vip *vips, size_t n,
			struct vpp_stats_figures *f)
{
	static const enum wanted simple[] = { FIRST, NEXT, UNTRACKED, NO_SERVER };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(simple); i++)
		r = read_simple(p, simple[i], vips, n, f);
	return r < 0 ? r : read_routes(p, vips, n, f);
}

/* ---- a pass */

static int read_header(const struct vpp_stats_mem *m, struct header *ret, struct err *e)
{
	int r = fetch(m, 0, ret, sizeof *ret);

	if (r < 0) {
		err_set(e, r, "VPP's stats segment is broken: it has no header");
		return r;
	}
	if (ret->version != VERSION)
		return err_set(e, -EPROTONOSUPPORT,
			       "VPP's stats segment has version %llu, we know %d",
			       (unsigned long long)ret->version, VERSION);
	return ret->in_progress ? -EAGAIN : 0;
}

/* Was the segment left alone since `before`? */
static bool unchanged(const struct vpp_stats_mem *m, const struct header *before)
{
	struct header after;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return read_header(m, &after, NULL) == 0 && after.epoch == before->epoch;
}

static int one_pass(struct pass *p, const struct vpp_stats_vip *vips, size_t n,
		    struct vpp_stats_figures *f)
{
	struct header h;
	int r = read_header(p->m, &h, p->e);

	if (r < 0)
		return r;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	p->base = h.base;
	r = read_directory(p, h.directory);
	if (r == 0 && n > 0)
		r = read_figures(p, vips, n, f);
	return unchanged(p->m, &h) ? r : -EAGAIN;
}

int vpp_stats_read(const struct vpp_stats_mem *m, const struct vpp_stats_vip *vips, size_t n,
		   struct vpp_stats_figures *ret, uint64_t *ret_boot_s, struct err *e)
{
	_cleanup_free_ struct vpp_stats_figures *f = xcalloc(n, sizeof *f);
	struct pass p;
	int r = -EAGAIN;

	for (int i = 0; i < TRIES && r == -EAGAIN; i++) {
		p = (struct pass){ .m = m, .e = e };
		r = one_pass(&p, vips, n, f);
	}
	if (r == -EAGAIN)
		return err_set(e, r, "VPP is changing its stats segment");
	if (r < 0)
		return r;
	if (n > 0)
		memcpy(ret, f, n * sizeof *f);
	*ret_boot_s = p.found[BOOTTIME].value;
	return 0;
}
