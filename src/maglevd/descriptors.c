/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevd/descriptors.h"

#include <sys/resource.h>

#include "base/alloc.h"
#include "base/log.h"
#include "probe/engine.h"

/* Log, configuration file, loop, signals, VPP, gRPC's own sockets and pollers, and callers: a
 * thousand connections is what the API is meant to carry. */
#define OTHER_DESCRIPTORS 1100

static int raise_limit(rlim_t need, struct rlimit *lim)
{
	if (getrlimit(RLIMIT_NOFILE, lim) < 0)
		return -1;
	if (lim->rlim_cur >= need)
		return 0;

	rlim_t most = MAX(lim->rlim_max, need);
	struct rlimit want = { .rlim_cur = need, .rlim_max = most };

	if (setrlimit(RLIMIT_NOFILE, &want) == 0)
		return 0; /* CAP_SYS_RESOURCE, or within the hard limit */
	want.rlim_cur = MIN(need, lim->rlim_max);
	want.rlim_max = lim->rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &want);
	return -1;
}

void descriptors_reserve(size_t n_probed, int probe_threads)
{
	rlim_t need = probe_engine_fd_need(n_probed, probe_threads) + OTHER_DESCRIPTORS;
	struct rlimit lim = { 0 };

	if (raise_limit(need, &lim) == 0)
		return;
	log_warn("descriptor-limit", L_UINT("needed", need), L_UINT("hard_limit", lim.rlim_max),
		 L_STR("detail", "probes beyond the limit will be inconclusive; raise LimitNOFILE "
				 "(systemd) or ulimit -n"));
}
