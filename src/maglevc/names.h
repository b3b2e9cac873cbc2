/* SPDX-License-Identifier: Apache-2.0 */
/* maglevc/names.h - names as the daemon has them now, for completion.
 *
 * Asked for when needed, a second at the most, and kept for NAMES_TTL so that a few presses of Tab
 * are one question; so is the answer that there is none. */
#pragma once

#include "maglevc/complete.h"
#include "maglevc/session.h"

#define NAMES_TIMEOUT NS_PER_S
#define NAMES_TTL     (2 * NS_PER_S)

struct name_cache;

struct name_cache *name_cache_new(struct session *ss); /* borrows the session */
void name_cache_free(struct name_cache *nc);
/* Forget: a command may have changed something. */
void name_cache_clear(struct name_cache *nc);
/* A names_fn whose ctx is the cache. In name order, each once. */
struct names name_cache_get(void *ctx, enum arg_kind kind, const struct command *so_far);
