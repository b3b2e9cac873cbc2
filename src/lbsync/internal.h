/* SPDX-License-Identifier: Apache-2.0 */
/* lbsync/internal.h - what the files of lbsync share. Nobody else includes it. */
#pragma once

#include "base/alloc.h"
#include "base/err.h"
#include "base/vec.h"
#include "core/warmup.h"
#include "lbsync/lbcounters.h"
#include "lbsync/lbdrift.h"
#include "lbsync/lbmirror.h"
#include "lbsync/lbsync.h"
#include "vpp/client.h"

/* Calls of a sync that VPP has not answered yet. Enough to keep it busy over the socket's latency,
 * few enough that the answers fit its output queue and a ping does not wait long behind them. */
#define LBSYNC_WINDOW 256

/* What a job does, in this order. */
enum lbsync_job {
	JOB_NONE = 0,
	JOB_READ = 1,       /* lb_conf_get, the dumps, the text where it is needed */
	JOB_CONF = 2,       /* push lb_conf where it differs; needs JOB_READ */
	JOB_PLAN_FULL = 4,  /* all VIPs */
	JOB_PLAN_DIRTY = 8, /* the dirty ones that are due */
	JOB_TEXT = 16,      /* the text alone */
};

/* Somebody waits for a sync or for a read. */
struct lbsync_waiter {
	struct list node;
	struct lbsync_vip *v; /* of a sync: NULL is all */
	lbsync_done_fn *done; /* one of the two */
	lbsync_state_fn *state;
	void *ctx;
	bool taken; /* the job under way answers it */
	struct lbsync_counts counts;
};

enum call_fate { CALL_OPEN, CALL_DONE, CALL_REFUSED, CALL_SKIPPED };

struct run_slot { /* one per call of the plan; the context of its request */
	struct lbsync *s;
	enum call_fate fate;
};

/* A plan being carried out. */
struct lbrun {
	bool active;
	enum lbsync_scope scope;
	struct plan plan;
	struct plan_state desired; /* what it was planned for */
	struct vip_key *only;      /* LBSYNC_VIP: the keys it is about, sorted */
	size_t n_only;
	struct run_slot *slots;
	size_t next;         /* the first call not sent */
	size_t in_flight;    /* sent and unanswered */
	bool deleting;       /* a VIP deletion is among them: nothing else goes out */
	bool cut;            /* something urgent waits: stop at the next prefix */
	bool unexplained;    /* a refusal that the mirror cannot explain */
	bool lost_vip;       /* a VIP could not be added: */
	struct vip_key lost; /* its ASes will fare no better */
	struct lbsync_counts counts;
};

struct lbsync {
	struct lbsync_opts o;
	char *api_path;
	struct vpp_client *client;
	struct lbcounters *counters;

	/* connection */
	bool connected;     /* version and process id known, and what the stats tell or do not */
	bool pid_known;     /* two of the three */
	bool stats_settled; /* ... of this session */
	mono_ns up_at;
	char last_failure[ERR_MSG_MAX]; /* logged already */
	struct vpp_show_version_reply version;
	uint32_t pid;
	wall_ns connected_at;

	/* frontends */
	struct warmup warmup;
	size_t n_held;     /* unreleased */
	struct list all;   /* lbsync_vip.all */
	struct list dirty; /* lbsync_vip.dirty, urgent ones first */
	struct {
		struct lbsync_vip **v; /* sorted by key */
		size_t n, cap;
	} by_key;

	/* what VPP has, and what is being done about it */
	struct lbmirror mirror;
	struct lbread read;
	struct vpp_lb_conf conf_sent; /* on its way to VPP */
	struct lbrun run;
	unsigned job; /* enum lbsync_job bits; 0: idle */
	mono_ns job_began;
	struct loop_defer next;   /* looks for the next job */
	const char *full_wanted;  /* why a full sync is due (a literal); NULL: it is not */
	const char *full_reason;  /* of the full sync that was begun last */
	bool full_resumes;        /* it was cut short: the mirror is good, nothing has to be read */
	bool conf_wanted;         /* lb_conf may differ, though no full sync is due */
	bool last_was_dirty;      /* the last plan was of dirty VIPs: the others' turn */
	struct list syncs, reads; /* lbsync_waiter */
	int full_failures;     /* full syncs in a row in which a VIP that is not ours was refused */
	mono_ns full_retry_at; /* 0: none */
	struct timer drift, retry, warm;

	uint64_t totals[LBSYNC_SCOPE_N][LBSYNC_KIND_N];
	uint64_t drifts[LBDRIFT_N];
	size_t n_kept;
	bool text_too_long; /* said already */
	size_t n_untold;    /* VIPs that the text did not tell of, when it was read last */
};

/* ---- lbsync.c: jobs */
void lbsync_schedule(struct lbsync *s);
void lbsync_want_full(struct lbsync *s, const char *why);
/* A VIP that is no frontend's could not be removed: another full sync, later and later. */
void lbsync_full_failed(struct lbsync *s);
/* To be synced, not before `retry_at` (0: now). One that is dirty already keeps the earlier time.
 */
void lbsync_mark_dirty(struct lbsync *s, struct lbsync_vip *v, mono_ns retry_at);
/* 1, 2, 4 ... s, at most sync-interval. */
dur_ns lbsync_backoff(const struct lbsync *s, int failures);
/* The part of the job that is under way is done. */
void lbsync_read_finished(struct lbsync *s);
void lbsync_conf_finished(struct lbsync *s);
void lbsync_job_finished(struct lbsync *s);
void lbsync_send(struct lbsync *s, enum vpp_msg m, const void *body, vpp_answer_fn *fn, void *ctx);

/* ---- index.c */
struct lbsync_vip *lbsync_find_key(const struct lbsync *s, const struct vip_key *key); /* or NULL */
/* The first on this prefix, and how many. */
struct lbsync_vip **lbsync_find_prefix(const struct lbsync *s, const struct prefix *p,
				       size_t *ret_n);
void lbsync_index_add(struct lbsync *s, struct lbsync_vip *v); /* its key is new (asserted) */
void lbsync_index_remove(struct lbsync *s, const struct lbsync_vip *v); /* it is there (asserted) */

/* ---- connect.c */
void lbsync_connect_start(struct lbsync *s);
void lbsync_stats_settled(void *ctx); /* lbcounters' ready */

/* ---- read.c */
void lbsync_read_start(struct lbsync *s);
void lbsync_text_start(struct lbsync *s);
void lbsync_conf_push(struct lbsync *s);

/* ---- run.c */
void lbsync_run_full(struct lbsync *s);
void lbsync_run_dirty(struct lbsync *s);
void lbsync_run_abort(struct lbsync *s);
void lbsync_run_cut(struct lbsync *s);

/* ---- wait.c */
struct lbsync_waiter *lbsync_wait_add(struct list *queue, void *ctx);
/* The sync that begins answers these: all that wait, or those of dirty frontends. */
void lbsync_wait_take(struct lbsync *s, bool full);
/* A call of it was answered, and counts as this. */
void lbsync_wait_count(struct lbsync *s, const struct plan_call *c, enum lbsync_kind kind);
void lbsync_wait_synced(struct lbsync *s); /* answer those taken */
void lbsync_wait_untake(struct lbsync *s); /* it was cut short: the next one answers them */
void lbsync_wait_read(struct lbsync *s);   /* answer all readers from the mirror */
void lbsync_wait_lost(struct lbsync *s);   /* VPP is gone */
void lbsync_wait_gone(struct lbsync *s, const struct lbsync_vip *v); /* the frontend is */
void lbsync_wait_drop(struct lbsync *s);                             /* without a word */

/* ---- warmup.c */
void lbsync_warmup_start(struct lbsync *s);
void lbsync_warmup_reloaded(struct lbsync *s);
void lbsync_warmup_add(struct lbsync *s, struct lbsync_vip *v);
void lbsync_warmup_forget(struct lbsync *s, struct lbsync_vip *v);
/* Something changed about a frontend that is held: release it if it may be. */
void lbsync_warmup_look(struct lbsync *s, struct lbsync_vip *v);
bool lbsync_warm(const struct lbsync *s); /* the warm-up is over */

/* ---- log.c */
enum lbsync_kind lbsync_kind_of(enum plan_op op); /* of a call that VPP took */
void lbsync_log_call(const struct plan_call *c);
void lbsync_log_refused(const struct plan_call *c, int32_t retval);
void lbsync_log_recreate(const struct plan_vip *want, const struct plan_vip *have);
void lbsync_log_drift(const struct lbdrift *d);
void lbsync_log_start(const struct lbsync *s, enum log_level l);
void lbsync_log_done(const struct lbsync *s, enum log_level l);
void lbsync_log_suppressed(const struct lbsync *s, const char *why, const struct lbsync_vip *v);
