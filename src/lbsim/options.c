/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsim/options.h"

#include <errno.h>

#include "base/alloc.h"
#include "lbsim/api.h"
#include "lbsim/control.h"

static size_t table(void *options, struct flag *ret)
{
	struct options *o = options;
	const struct flag flags[] = {
		{ .name = "api-socket",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "PATH",
		  .help = "serve VPP's binary API here (must be given)",
		  .to_string = &o->api_socket },
		{ .name = "stats-socket",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "PATH",
		  .help = "serve VPP's stats segment here",
		  .to_string = &o->stats_socket },
		{ .name = "version-string",
		  .kind = FLAG_STRING,
		  .def = "26.10-maglev-lbsim",
		  .arg = "TEXT",
		  .help = "the version that show_version tells",
		  .to_string = &o->version_string },
		{ .name = "journal",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "FILE",
		  .help = "append each call that changes something to this file, a JSON object a "
			  "line: time, client, client_index, call, fields, retval",
		  .to_string = &o->journal },
		{ .name = "journal-reads",
		  .kind = FLAG_BOOL,
		  .def = "false",
		  .help = "put calls that only read into the journal too",
		  .to_bool = &o->journal_reads },
		{ .name = "control",
		  .kind = FLAG_STRING,
		  .def = "",
		  .arg = "PATH",
		  .help = "listen here for commands, see below",
		  .to_string = &o->control },
		{ .name = "gc-interval",
		  .kind = FLAG_DURATION,
		  .def = "60s",
		  .arg = "TIME",
		  .min = 10 * NS_PER_MS,
		  .max = 3600 * NS_PER_S,
		  .help = "the plugin collects removed ASes and VIPs this often. VPP's whole clock "
			  "is scaled with it: at 6s the 60 s of a VIP and the 10 s of an AS pass "
			  "in 6 "
			  "s and 1 s, and in_use_since counts ten times as fast",
		  .to_duration = &o->gc_interval },
		{ .name = "forward",
		  .kind = FLAG_BOOL,
		  .def = "false",
		  .help = "for tests and demos: forward packets, see below. Needs CAP_NET_ADMIN "
			  "and CAP_NET_RAW",
		  .to_bool = &o->forward },
		{ .name = "forward-device",
		  .kind = FLAG_STRING,
		  .def = "lbsim%d",
		  .arg = "NAME",
		  .help = "the TUN device that --forward makes; a %d becomes the first free number",
		  .to_string = &o->forward_device },
		{ .name = "drop-message",
		  .kind = FLAG_LIST,
		  .arg = "NAME",
		  .help = "do not have this message (lb_as_set_weight); may be repeated",
		  .to_list = &o->drop },
		COMMAND_LOG_LEVEL(NULL, &o->log_level),
	};
	return command_flags(flags, ARRAY_LEN(flags), ret);
}

static int take_drops(struct options *o, struct err *err)
{
	for (size_t i = 0; i < o->drop.n; i++) {
		enum vpp_msg m = api_msg_find(o->drop.v[i]);
		if (m == VPP_MSG_N)
			return err_set(err, -EINVAL, "--drop-message: no message is called %s",
				       o->drop.v[i]);
		o->dropped[m] = true;
	}
	return 0;
}

static int complete(void *options, struct err *err)
{
	struct options *o = options;
	if (*o->api_socket == '\0')
		return err_set(err, -EINVAL, "--api-socket must be given");
	if (o->journal_reads && *o->journal == '\0')
		return err_set(err, -EINVAL, "--journal-reads needs --journal");
	if (*o->forward_device == '\0')
		return err_set(err, -EINVAL, "--forward-device must not be empty");
	return take_drops(o, err);
}

static void epilogue(struct str *out)
{
	str_add(out,
		"\nWith --forward the VIPs take packets. Each VIP's prefix is routed to a TUN "
		"device;\n"
		"a packet that comes out of it goes to the AS that the plugin would pick (sticky\n"
		"flows, then the new-flow table), in GRE4 or GRE6 from the addresses of lb_conf, "
		"by\n"
		"a raw socket. The machine has to forward (sysctl net.ipv4.ip_forward=1,\n"
		"net.ipv6.conf.all.forwarding=1) and to have routes to the ASes; a VIP must not "
		"be\n"
		"an address of its own. VIPs with NAT or L3DSR drop what they get. It is for "
		"tests\n"
		"and demos: one thread, some 100,000 packets a second.\n");
	str_add(out,
		"\nCommands on the control socket, a line each, answered by a line of JSON:\n");
	control_help(out);
}

const struct command options_command = {
	.program = "maglev-lbsim",
	.synopsis = "maglev-lbsim --api-socket PATH [flags]",
	.table = table,
	.complete = complete,
	.epilogue = epilogue,
};

void options_done(struct options *o)
{
	flag_list_done(&o->drop);
}
