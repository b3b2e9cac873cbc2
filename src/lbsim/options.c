/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsim/options.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "lbsim/api.h"
#include "lbsim/control.h"

#define N_FLAGS 11

static const char *const log_levels[] = { "debug", "info", "warn", "error", NULL };

struct parsed { /* what does not go straight into struct options */
	int level;
	struct flag_list drop;
};

/* The one table; the values go to `o` and `p`. */
static void fill_table(struct options *o, struct parsed *p, struct flag t[static N_FLAGS])
{
	const struct flag table[N_FLAGS] = {
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
		{ .name = "drop-message",
		  .kind = FLAG_LIST,
		  .arg = "NAME",
		  .help = "do not have this message (lb_as_set_weight); may be repeated",
		  .to_list = &p->drop },
		{ .name = "log-level",
		  .kind = FLAG_ENUM,
		  .def = "info",
		  .arg = "LEVEL",
		  .help = "the least level that is logged",
		  .to_enum = &p->level,
		  .choices = log_levels },
		{ .name = "version",
		  .kind = FLAG_BOOL,
		  .def = "false",
		  .help = "print the version and exit",
		  .to_bool = &o->version },
		{ .name = "help",
		  .kind = FLAG_BOOL,
		  .def = "false",
		  .help = "print this and exit",
		  .to_bool = &o->help },
	};
	memcpy(t, table, sizeof table);
}

static int take_drops(const struct flag_list *drop, struct options *o, struct err *err)
{
	for (size_t i = 0; i < drop->n; i++) {
		enum vpp_msg m = api_msg_find(drop->v[i]);
		if (m == VPP_MSG_N)
			return err_set(err, -EINVAL, "--drop-message: no message is called %s",
				       drop->v[i]);
		o->dropped[m] = true;
	}
	return 0;
}

static int check(const struct options *o, int argc, char *const *argv, int next, struct err *err)
{
	if (next < argc)
		return err_set(err, -EINVAL, "unexpected argument %s", argv[next]);
	if (*o->api_socket == '\0')
		return err_set(err, -EINVAL, "--api-socket must be given");
	if (o->journal_reads && *o->journal == '\0')
		return err_set(err, -EINVAL, "--journal-reads needs --journal");
	return 0;
}

int options_parse(int argc, char *const *argv, struct options *ret, struct err *err)
{
	struct parsed p = { 0 };
	struct flag table[N_FLAGS];
	int next = argc;
	*ret = (struct options){ 0 };
	fill_table(ret, &p, table);
	int r = flags_parse(table, N_FLAGS, argc, argv, &next, err);
	if (ret->help || ret->version)
		r = 0;
	else if (!r)
		r = check(ret, argc, argv, next, err);
	if (!r)
		r = take_drops(&p.drop, ret, err);
	if (!r)
		r = log_level_parse(log_levels[p.level], &ret->log_level);
	flag_list_done(&p.drop);
	return r;
}

void options_usage(struct str *out)
{
	struct options o;
	struct parsed p = { 0 };
	struct flag table[N_FLAGS];
	fill_table(&o, &p, table);
	flags_usage(table, N_FLAGS, "maglev-lbsim --api-socket PATH [flags]", out);
	str_add(out,
		"\nCommands on the control socket, a line each, answered by a line of JSON:\n");
	control_help(out);
}
