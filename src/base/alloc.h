/* SPDX-License-Identifier: Apache-2.0 */
/* base/alloc.h - allocation that cannot fail.
 *
 * Running out of memory aborts the process with a message: a health checker that limps on after
 * a failed allocation decides on half a picture. Everything an outsider can make grow is bounded
 * elsewhere, so these only fail when the machine itself is out of memory. */
#pragma once

#include <stddef.h>
#include <stdlib.h>

/* malloc(3), calloc(3), reallocarray(3), strdup(3), strndup(3), memdup; never NULL (a size of 0
 * gives a unique pointer). The caller frees with free(3). */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
void *xmemdup(const void *p, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
	__attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/* One zeroed object of type T. */
#define XNEW(T) ((T *)xcalloc(1, sizeof(T)))

/* Scope release: `_cleanup_free_ char *s = ...` frees s when it leaves scope. */
static inline void cleanup_free_(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ __attribute__((cleanup(cleanup_free_)))
#define _cleanup_(fn)  __attribute__((cleanup(fn)))
#define _unused_       __attribute__((unused))

#define ARRAY_LEN(a)               (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, T, member) ((T *)(void *)((char *)(p)-offsetof(T, member)))
/* Each operand is evaluated once: it may be a call, and the clock's next answer is another. */
#define MIN(a, b) LESSER_(a, b, UNIQUE_(a_, __COUNTER__), UNIQUE_(b_, __COUNTER__))
#define MAX(a, b) GREATER_(a, b, UNIQUE_(a_, __COUNTER__), UNIQUE_(b_, __COUNTER__))
#define LESSER_(a, b, x, y)                                                                        \
	__extension__({                                                                            \
		const __typeof__(0 ? (a) : (b)) x = (a), y = (b);                                  \
		x < y ? x : y;                                                                     \
	})
#define GREATER_(a, b, x, y)                                                                       \
	__extension__({                                                                            \
		const __typeof__(0 ? (a) : (b)) x = (a), y = (b);                                  \
		x > y ? x : y;                                                                     \
	})
#define UNIQUE_(name, n)  UNIQUE__(name, n)
#define UNIQUE__(name, n) name##n
