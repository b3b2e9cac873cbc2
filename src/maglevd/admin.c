/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevd/admin.h"

#include <errno.h>

bool admin_may_change(const struct rpc_peer *peer, bool client_ca, bool allow_remote, struct err *e)
{
	if (peer->local || allow_remote || (client_ca && peer->authenticated))
		return true;
	(void)err_set(e, -EPERM,
		      "changes are taken from this host only (you are %s); --grpc-client-ca lets "
		      "callers with a certificate make them from anywhere, "
		      "--grpc-allow-remote-admin all callers",
		      peer->text);
	return false;
}
