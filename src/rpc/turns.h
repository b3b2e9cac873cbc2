/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/turns.h - streams that begin with much take turns (private to rpc/).
 *
 * A thousand readers that come back at once are owed a thousand snapshots. Sent side by side, the
 * messages of streams which are beyond theirs would wait for a thousand others each time, and live
 * events come faster than that: their readers would be cut without having been slow. So only a few
 * begin at a time, and who waits for a turn owns no queue: the snapshot is made when the turn
 * comes.
 *
 * A turn ends when the beginning has been handed to gRPC, or when nothing of it has moved for a
 * while: a reader that does not read keeps nobody waiting. All on the owner's thread. */
#pragma once

#include "base/list.h"
#include "loop/loop.h"

/* Of one stream; embedded, {0} is idle. */
struct rpc_turn {
	struct list node; /* in waiting or running */
	bool running;
	size_t left; /* messages of the beginning, when it was last looked at */
	mono_ns moved_at;
};

struct rpc_turns_ops {
	/* It is this one's turn. */
	void (*begin)(struct rpc_turn *t);
	/* Messages of the beginning that have not been handed to gRPC. */
	size_t (*left)(struct rpc_turn *t);
};

struct rpc_turns {
	struct loop *loop;
	const struct rpc_turns_ops *ops;
	struct list waiting, running;
	size_t n_running;
	struct timer look;
	struct loop_defer next;
};

void rpc_turns_init(struct rpc_turns *ts, struct loop *l, const struct rpc_turns_ops *ops);
void rpc_turns_done(struct rpc_turns *ts);
/* `begin` is called when its turn comes, from the loop. */
void rpc_turns_await(struct rpc_turns *ts, struct rpc_turn *t);
/* No more of it: it need not have waited. */
void rpc_turns_leave(struct rpc_turns *ts, struct rpc_turn *t);
