/* SPDX-License-Identifier: Apache-2.0 */
/* base/log.c - records to one descriptor and, when set, to one tap.
 *
 * The state here is global by intent: a log belongs to the process. The threshold every call site
 * looks at is the lower of the two levels; who wants the record is decided here. Two locks, so that
 * a slow reader of the log does not hold up changing the tap; neither is held while formatting. */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"

_Atomic int log_threshold_ = LVL_INFO;

static _Atomic int out_level = LVL_INFO;
static _Atomic int out_fd = STDOUT_FILENO;
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;

static pthread_mutex_t tap_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int tap_level = LVL_OFF; /* written under tap_lock */
static log_tap_fn *tap_fn;
static void *tap_ctx;

static const char *const level_names[] = {
	[LVL_DEBUG] = "debug", [LVL_INFO] = "info", [LVL_WARN] = "warn",
	[LVL_ERROR] = "error", [LVL_OFF] = "off",
};
static const char *const record_names[] = {
	[LVL_DEBUG] = "DEBUG",
	[LVL_INFO] = "INFO",
	[LVL_WARN] = "WARN",
	[LVL_ERROR] = "ERROR",
};

static wall_ns wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (wall_ns)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

void log_attr_json(const struct log_attr *a, struct json *j)
{
	char buf[ADDR_STRLEN];

	json_key(j, a->key);
	switch (a->type) {
	case LOG_ATTR_STR:
		json_str(j, a->s);
		break;
	case LOG_ATTR_I64:
		json_i64(j, a->i);
		break;
	case LOG_ATTR_U64:
		json_u64(j, a->u);
		break;
	case LOG_ATTR_BOOL:
		json_bool(j, a->b);
		break;
	case LOG_ATTR_ADDR:
		json_str(j, addr_format(a->addr, buf));
		break;
	}
}

static void format_record(struct str *line, enum log_level l, wall_ns at, const char *msg,
			  const struct log_attr *a, size_t n)
{
	char when[WALL_STRLEN];
	struct json j;

	json_init(&j, line);
	json_obj(&j);
	json_field_str(&j, "time", wall_format(at, when));
	json_field_str(&j, "level", record_names[l]);
	json_field_str(&j, "msg", msg);
	for (size_t i = 0; i < n; i++)
		log_attr_json(&a[i], &j);
	json_obj_end(&j);
	str_add_c(line, '\n');
}

/* One write(2) as a rule. A pipe that takes a part gets the rest before anybody else's line; a
 * descriptor somebody made non-blocking is waited for, as a blocking one would be; a broken one
 * loses the record, since there is nowhere left to say so. */
static void write_all(const char *p, size_t n)
{
	int fd = atomic_load(&out_fd);

	while (n) {
		ssize_t done = write(fd, p, n);

		if (done >= 0) {
			p += done;
			n -= (size_t)done;
		} else if (errno == EAGAIN) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };

			(void)poll(&pfd, 1, -1);
		} else if (errno != EINTR) {
			return;
		}
	}
}

static void emit(enum log_level l, wall_ns at, const char *msg, const struct log_attr *a, size_t n)
{
	struct str line = { 0 };

	format_record(&line, l, at, msg, a, n);
	pthread_mutex_lock(&out_lock);
	write_all(line.p, line.len);
	pthread_mutex_unlock(&out_lock);
	str_done(&line);
}

void log_write(enum log_level l, const char *msg, const struct log_attr *a, size_t n)
{
	wall_ns at = wall_now();

	assert(l < LVL_OFF);
	if ((int)l >= atomic_load(&out_level))
		emit(l, at, msg, a, n);
	if ((int)l < atomic_load(&tap_level))
		return;
	pthread_mutex_lock(&tap_lock);
	if (tap_fn && (int)l >= atomic_load(&tap_level))
		tap_fn(tap_ctx, l, at, msg, a, n);
	pthread_mutex_unlock(&tap_lock);
}

/* Under tap_lock, so that two setters cannot leave the threshold above a level. */
static void update_threshold(void)
{
	int out = atomic_load(&out_level), tap = atomic_load(&tap_level);

	atomic_store_explicit(&log_threshold_, out < tap ? out : tap, memory_order_relaxed);
}

void log_set_level(enum log_level l)
{
	pthread_mutex_lock(&tap_lock);
	atomic_store(&out_level, (int)l);
	update_threshold();
	pthread_mutex_unlock(&tap_lock);
}

void log_set_fd(int fd)
{
	atomic_store(&out_fd, fd);
}

void log_set_tap(enum log_level l, log_tap_fn *fn, void *ctx)
{
	pthread_mutex_lock(&tap_lock);
	atomic_store(&tap_level, fn ? (int)l : LVL_OFF);
	tap_fn = l < LVL_OFF ? fn : NULL;
	tap_ctx = ctx;
	update_threshold();
	pthread_mutex_unlock(&tap_lock);
}

const char *log_level_name(enum log_level l)
{
	return level_names[l];
}

int log_level_parse(const char *name, enum log_level *ret)
{
	for (int l = LVL_DEBUG; l < LVL_OFF; l++) {
		if (!str_eq(name, level_names[l]))
			continue;
		*ret = (enum log_level)l;
		return 0;
	}
	return -EINVAL;
}

void log_attr_text(const struct log_attr *a, struct str *out)
{
	char buf[ADDR_STRLEN];

	switch (a->type) {
	case LOG_ATTR_STR:
		str_add(out, a->s ? a->s : "");
		break;
	case LOG_ATTR_I64:
		str_addf(out, "%" PRId64, a->i);
		break;
	case LOG_ATTR_U64:
		str_addf(out, "%" PRIu64, a->u);
		break;
	case LOG_ATTR_BOOL:
		str_add(out, a->b ? "true" : "false");
		break;
	case LOG_ATTR_ADDR:
		str_add(out, addr_format(a->addr, buf));
		break;
	}
}
