/* SPDX-License-Identifier: Apache-2.0 */
/* tcp: connect, with TLS when the check says so, and close. */
#include "core/model.h"
#include "probe/internal.h"

static void tcp_ready(void *ctx, uint32_t events)
{
	struct target *t = ctx;

	if (!conn_advance(t, &t->tcp, events))
		return;
	if (t->check->ssl)
		probe_conclude(t, CODE_L6OK, "TLS handshake done");
	else if (conn_is_own(t, &t->tcp))
		probe_conclude(t, CODE_L4CON, "nobody listens: the connection reached itself");
	else
		probe_conclude(t, CODE_L4OK, "connected");
	conn_close(&t->tcp);
}

static void tcp_start(struct target *t)
{
	(void)conn_open(t, &t->tcp, tcp_ready);
}

static struct probe_overdue tcp_expire(struct target *t)
{
	tcp_ready(t, conn_events(&t->tcp));
	return conn_overdue(&t->tcp);
}

static void tcp_abandon(struct target *t)
{
	conn_close(&t->tcp);
}

const struct probe_kind probe_kind_tcp = {
	.start = tcp_start,
	.expire = tcp_expire,
	.abandon = tcp_abandon,
};
