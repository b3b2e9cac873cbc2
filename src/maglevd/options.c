/* SPDX-License-Identifier: Apache-2.0 */
#include "maglevd/options.h"

#include <errno.h>

#include "base/alloc.h"

#define PROBE_THREADS_MAX 64

static size_t table(void *options, struct flag *ret)
{
	struct options *o = options;
	const struct flag flags[] = {
		{ .name = "config",
		  .env = "MAGLEV_CONFIG",
		  .kind = FLAG_STRING,
		  .def = "/etc/vpp-maglev/maglev.yaml",
		  .arg = "FILE",
		  .help = "the configuration file",
		  .to_string = &o->config },
		{ .name = "grpc-addr",
		  .env = "MAGLEV_GRPC_ADDR",
		  .kind = FLAG_STRING,
		  .def = ":9090",
		  .arg = "ADDR",
		  .help = "listen here for gRPC: host:port, [v6]:port or unix:/path",
		  .to_string = &o->grpc_addr },
		{ .name = "grpc-tls-cert",
		  .env = "MAGLEV_GRPC_TLS_CERT",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "FILE",
		  .help = "certificate chain (PEM) of the gRPC server; with its key switches TLS "
			  "on",
		  .to_string = &o->grpc_tls_cert },
		{ .name = "grpc-tls-key",
		  .env = "MAGLEV_GRPC_TLS_KEY",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "FILE",
		  .help = "its private key (PEM)",
		  .to_string = &o->grpc_tls_key },
		{ .name = "grpc-client-ca",
		  .env = "MAGLEV_GRPC_CLIENT_CA",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "FILE",
		  .help = "demand client certificates signed by this CA; their owners may change "
			  "things from anywhere",
		  .to_string = &o->grpc_client_ca },
		{ .name = "grpc-allow-remote-admin",
		  .env = "MAGLEV_GRPC_ALLOW_REMOTE_ADMIN",
		  .kind = FLAG_BOOL,
		  .def = "false",
		  .help = "take changes from any address without a client certificate; for "
			  "closed networks",
		  .to_bool = &o->grpc_allow_remote_admin },
		{ .name = "vpp-api-addr",
		  .env = "MAGLEV_VPP_API_ADDR",
		  .kind = FLAG_STRING,
		  .def = "/run/vpp/api.sock",
		  .arg = "PATH",
		  .help = "VPP's API socket; empty: VPP is not programmed",
		  .to_string = &o->vpp_api_addr },
		{ .name = "vpp-stats-addr",
		  .env = "MAGLEV_VPP_STATS_ADDR",
		  .kind = FLAG_STRING,
		  .def = "/run/vpp/stats.sock",
		  .arg = "PATH",
		  .help = "VPP's stats socket; empty: no counters",
		  .to_string = &o->vpp_stats_addr },
		{ .name = "metrics-addr",
		  .env = "MAGLEV_METRICS_ADDR",
		  .kind = FLAG_STRING,
		  .def = ":9091",
		  .arg = "ADDR",
		  .help = "listen here for Prometheus: host:port, [v6]:port or :port; empty: off",
		  .to_string = &o->metrics_addr },
		{ .name = "reflection",
		  .env = "MAGLEV_REFLECTION",
		  .kind = FLAG_BOOL,
		  .def = "true",
		  .help = "serve gRPC reflection, v1 and v1alpha",
		  .to_bool = &o->reflection },
		COMMAND_LOG_LEVEL("MAGLEV_LOG_LEVEL", &o->log_level),
		{ .name = "probe-threads",
		  .env = "MAGLEV_PROBE_THREADS",
		  .kind = FLAG_INT,
		  .def = "1",
		  .arg = "N",
		  .help = "threads that probe",
		  .min = 1,
		  .max = PROBE_THREADS_MAX,
		  .to_int = &o->probe_threads },
		{ .name = "check",
		  .kind = FLAG_BOOL,
		  .help = "check the configuration and exit: 0 good, 1 it cannot be parsed, 2 it "
			  "breaks a rule",
		  .to_bool = &o->check },
	};

	return command_flags(flags, ARRAY_LEN(flags), ret);
}

static int check_together(void *options, struct err *e)
{
	const struct options *o = options;

	if (!*o->grpc_addr)
		return err_set(e, -EINVAL, "--grpc-addr must not be empty");
	if (!*o->grpc_tls_cert != !*o->grpc_tls_key)
		return err_set(e, -EINVAL, "--grpc-tls-cert and --grpc-tls-key go together");
	if (*o->grpc_client_ca && !*o->grpc_tls_cert)
		return err_set(e, -EINVAL,
			       "--grpc-client-ca needs --grpc-tls-cert and --grpc-tls-key");
	return 0;
}

const struct command options_command = {
	.program = "maglevd",
	.synopsis = "maglevd [flags]",
	.table = table,
	.complete = check_together,
};
