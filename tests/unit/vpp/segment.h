/* SPDX-License-Identifier: Apache-2.0 */
/* Builds stats segments for tests. The memory ends where a page does and nothing can be read behind
 * it. Offsets count from its start; in it stand VPP's addresses, from `base` on. */
#pragma once

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct segment {
	uint8_t *p;
	size_t size;
	uint64_t base;
	uint64_t next; /* where the next vector goes */
	uint8_t *map;
	size_t mapped;
};

static inline struct segment segment_new(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page * page;
	struct segment s = { .size = size, .base = 0x7f0000000000, .next = 64 };

	s.mapped = pages + page;
	s.map = mmap(NULL, s.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(s.map != MAP_FAILED);
	assert(mprotect(s.map + pages, page, PROT_NONE) == 0);
	s.p = s.map + pages - size;
	return s;
}

static inline void segment_free(struct segment *s)
{
	(void)munmap(s->map, s->mapped);
}

static inline void segment_word(struct segment *s, uint64_t off, uint64_t v)
{
	memcpy(s->p + off, &v, sizeof v);
}

static inline void segment_header(struct segment *s, uint64_t version, uint64_t in_progress)
{
	segment_word(s, 0, version);
	segment_word(s, 8, s->base);
	segment_word(s, 24, in_progress);
}

static inline void segment_set_directory(struct segment *s, uint64_t dir)
{
	segment_word(s, 32, s->base + dir);
}

static inline void segment_set_length(struct segment *s, uint64_t vec, uint32_t n)
{
	memcpy(s->p + vec - 8, &n, sizeof n);
}

static inline uint64_t segment_vector(struct segment *s, uint32_t n, size_t elem)
{
	uint64_t vec = s->next + 8;

	s->next = vec + (n * elem + 7) / 8 * 8;
	segment_set_length(s, vec, n);
	return vec;
}

/* `value` is an offset, to become a pointer. */
static inline void segment_pointer(struct segment *s, uint64_t vec, uint32_t i, uint64_t value)
{
	segment_word(s, vec + i * 8, s->base + value);
}

static inline void segment_entry(struct segment *s, uint64_t dir, uint32_t i, uint32_t type,
				 const char *name, uint64_t value)
{
	uint8_t *e = s->p + dir + i * 144;

	memcpy(e, &type, sizeof type);
	segment_word(s, dir + i * 144 + 8, type == 1 ? value : s->base + value);
	memcpy(e + 16, name, strlen(name) + 1);
}
