/* SPDX-License-Identifier: Apache-2.0 */
/* static: a backend without a health check passes, every time. */
#include "probe/internal.h"

static void static_start(struct target *t)
{
	probe_conclude(t, CODE_STATIC, "no health check");
}

static struct probe_overdue static_expire(struct target *t)
{
	(void)t;
	return (struct probe_overdue){ CODE_LOCAL, "no verdict" }; /* it concludes at its start */
}

static void static_abandon(struct target *t)
{
	(void)t;
}

const struct probe_kind probe_kind_static = {
	.local = true,
	.start = static_start,
	.expire = static_expire,
	.abandon = static_abandon,
};
