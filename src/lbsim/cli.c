/* SPDX-License-Identifier: Apache-2.0 */
/* The little of VPP's command line that people use on the lb plugin.
 *
 * A command is a path of words in a tree; a word may be cut short where it stays unique (in the
 * whole of VPP's tree, hence the least lengths below). What a command does not take from the line
 * is taken for the next command, so `show lb foo` prints and then complains about `foo`; only `show
 * lb vips` swallows the rest of its line. */
#include "lbsim/cli.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"

#define ERROR_TEXT_MAX 30 /* of the input that an error quotes (format_unformat_error) */

/* ---- printing */

/* format_lb_main of src/plugins/lb/lb.c; below are format_lb_vip and format_lb_vip_detailed. */
static void show_lb(const struct lbplugin *p, uint32_t now, struct str *out)
{
	str_add(out, "lb_main ip4-src-address: ");
	ip46_format(&p->conf.ip4_src, out);
	str_add(out, " \n ip6-src-address: ");
	ip46_format6(&p->conf.ip6_src, out);
	str_addf(out, " \n #vips: %u\n #ass: %u\n", slots_count(&p->vip_slots),
		 slots_count(&p->as_slots) - 1);
	if (!p->sticky_table)
		return;
	str_addf(out, "core 0\n  timeout: %ds\n  usage: %u / %u\n", (int)p->conf.flow_timeout,
		 (unsigned)lbplugin_sticky_used(p, now),
		 p->conf.sticky_buckets - 1 + FLOW_BUCKET_ENTRIES);
}

static bool is_nat(const struct lb_vip *v)
{
	return v->type == LB_IP4_NAT4 || v->type == LB_IP6_NAT6;
}

/* The port is printed byte-swapped here, as it is not in network order in the plugin. */
static void show_nat(const struct lb_vip *v, struct str *out)
{
	str_addf(out, "type:%s port:%u target_port:%u",
		 v->dscp_or_srv_type == 0 ? "clusterip" : "nodeport",
		 __builtin_bswap16(v->key.port), v->target_port);
}

static void show_vip(const struct lbplugin *p, uint32_t vip, struct str *out)
{
	const struct lb_vip *v = &p->vips.v[vip];
	str_addf(out, "%s ", lb_vip_type_name(v->type));
	ip46_prefix_format(&v->key.prefix, v->key.plen, out);
	str_addf(out, " new_size:%u #as:%u%s", v->new_length, slots_count(&v->as_slots),
		 v->used ? "" : " removed");
	if (v->key.port != 0)
		str_addf(out, "  protocol:%u port:%u ", v->key.protocol, v->key.port);
	if (v->type == LB_IP4_L3DSR)
		str_addf(out, "  dscp:%u", v->dscp_or_srv_type);
	if (is_nat(v)) {
		str_add_c(out, ' ');
		show_nat(v, out);
	}
	str_add_c(out, '\n');
}

static void show_as(const struct lb_as *a, struct str *out)
{
	str_add(out, "    ");
	ip46_format(&a->addr, out);
	str_addf(out, " weight:%u buckets:%u flows:%llu dpo:%u %s\n", a->weight, a->buckets,
		 (unsigned long long)a->flows, a->dpo, a->used ? "used" : " removed");
}

void cli_show_vip_verbose(const struct lbplugin *p, uint32_t vip, struct str *out)
{
	const struct lb_vip *v = &p->vips.v[vip];
	str_addf(out, " %s [%u] ", lb_vip_type_name(v->type), vip);
	ip46_prefix_format(&v->key.prefix, v->key.plen, out);
	str_addf(out, "%s%s\n  new_size:%u\n", v->src_ip_sticky ? " src_ip_sticky" : "",
		 v->used ? "" : " removed", v->new_length);
	if (v->key.port != 0)
		str_addf(out, "  protocol:%u port:%u\n", v->key.protocol, v->key.port);
	if (v->type == LB_IP4_L3DSR)
		str_addf(out, "  dscp:%u\n", v->dscp_or_srv_type);
	if (is_nat(v)) {
		str_add(out, "  ");
		show_nat(v, out); /* without an end of line, as in VPP */
	}
	str_add(out, "  counters:\n");
	for (enum lb_counter c = 0; c < LB_COUNTER_N; c++)
		str_addf(out, "    %s: %llu\n", lb_counter_name(c),
			 (unsigned long long)v->counters[c]);
	str_addf(out, "  #as:%u\n", slots_count(&v->as_slots));
	slots_foreach(&v->as_slots, s) show_as(&p->ases.v[v->ases.v[s]], out);
	str_add_c(out, '\n');
}

/* ---- reading */

struct input {
	const char *p, *end;
};

static void skip_space(struct input *in)
{
	while (in->p < in->end && isspace((unsigned char)*in->p))
		in->p++;
}

/* The next word if it is `word`, at least its first `least` letters; it is taken then. */
static bool take_word(struct input *in, const char *word, size_t least)
{
	struct input at = *in;
	size_t n = 0;
	skip_space(&at);
	while (at.p + n < at.end && !isspace((unsigned char)at.p[n]))
		n++;
	if (n < least || n > strlen(word) || memcmp(at.p, word, n) != 0)
		return false;
	in->p = at.p + n;
	return true;
}

/* The rest of the line, taken. */
static struct input take_line(struct input *in)
{
	struct input line = *in;
	const char *nl = memchr(in->p, '\n', (size_t)(in->end - in->p));
	line.end = nl ? nl : in->end;
	in->p = nl ? nl + 1 : in->end;
	return line;
}

/* `where: unknown input `text'`, the text cut after 30 characters. */
static int32_t unknown(const char *where, struct input *in, struct str *out)
{
	skip_space(in);
	bool cut = in->end - in->p > ERROR_TEXT_MAX;
	const char *end = cut ? in->p + ERROR_TEXT_MAX : in->end;
	while (!cut && end > in->p && isspace((unsigned char)end[-1]))
		end--;
	str_addf(out, "%sunknown input `", where);
	for (; in->p < end; in->p++) {
		const char *escape = *in->p == '\n' ? "\\n" : *in->p == '\r' ? "\\r" : "\\t";
		if (strchr("\n\r\t", *in->p) && *in->p)
			str_add(out, escape);
		else
			str_add_c(out, *in->p);
	}
	str_add(out, cut ? "...'\n" : "'\n");
	return -1;
}

static void show_vips(const struct lbplugin *p, struct input *in, struct str *out)
{
	struct input line = take_line(in);
	skip_space(&line);
	bool verbose = line.end - line.p >= 7 && memcmp(line.p, "verbose", 7) == 0;
	slots_foreach(&p->vip_slots, i)
	{
		if (i == 0)
			continue; /* the placeholder */
		if (verbose)
			cli_show_vip_verbose(p, i, out);
		else
			show_vip(p, i, out);
	}
}

static int32_t run_one(const struct cli_vpp *vpp, struct input *in, struct str *out)
{
	if (!take_word(in, "show", 2))
		return unknown("", in, out);
	if (take_word(in, "version", 3)) {
		str_addf(out, "vpp v%s\n", vpp->version);
		return 0;
	}
	if (!take_word(in, "lb", 2))
		return unknown("show: ", in, out);
	if (take_word(in, "vips", 1))
		show_vips(vpp->plugin, in, out);
	else
		show_lb(vpp->plugin, vpp->now, out);
	return 0;
}

int32_t cli_run(const struct cli_vpp *vpp, const char *cmd, size_t n, struct str *out)
{
	struct input in = { cmd, cmd + n };
	int32_t r;
	do {
		r = run_one(vpp, &in, out);
		skip_space(&in);
	} while (r == 0 && in.p < in.end);
	return r;
}
