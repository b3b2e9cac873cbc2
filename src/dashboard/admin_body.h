/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/admin_body.h - what administrators' requests say, as JSON (pure). */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* 0, or -EINVAL with a sentence. Members that are not known are refused: a misspelt "flush" must
 * not pass for none. */
int admin_body_none(const struct str *body, struct err *e); /* nothing, or {} */
/* {"weight": 0..100, "flush": bool}; flush may be left out. */
int admin_body_weight(const struct str *body, int *ret_weight, bool *ret_flush, struct err *e);
/* Nothing, {}, or {"frontend": "name"}; *ret_frontend is the caller's to free, NULL: all. */
int admin_body_sync(const struct str *body, char **ret_frontend, struct err *e);
