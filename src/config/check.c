/* SPDX-License-Identifier: Apache-2.0 */
/* config/check.c - the rules, all of them, on a draft of the right shape.
 *
 * Rules of one value come from its row in schema.c (draft_check_values); what follows are rules
 * that look at several keys, section by section. A value that broke a rule is marked bad, and rules
 * that would look at it again stay silent: one mistake, one message. */
#include <assert.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/alloc.h"
#include "config/draft.h"
#include "config/value.h"

/* A value's rule is broken. */
static void bad(struct reporter *r, struct value *v, const struct path *p, const char *what)
{
	report_semantic(r, v->at, p, "%s", what);
	v->bad = true;
}

/* How a number is out of its bounds; NULL: it is not. The caller frees. */
static char *bounds_fault(const struct schema_row *row, const struct value *v)
{
	_cleanup_free_ char *text = shown(v->at->text);
	char bound[DUR_STRLEN];

	if ((!row->lo && !row->hi) || (v->i >= row->lo && v->i <= row->hi))
		return NULL;
	if (row->type == VALUE_INT)
		return xasprintf("%s is not from %lld to %lld", text, (long long)row->lo,
				 (long long)row->hi);
	if (v->i > row->hi)
		return xasprintf("%s is longer than %s", text, dur_format(row->hi, bound));
	if (row->lo == 1)
		return xasprintf("%s is not longer than 0", text);
	return xasprintf("%s is shorter than %s", text, dur_format(row->lo, bound));
}

static void check_number(struct reporter *r, const struct schema_row *row, struct value *v,
			 const struct path *p)
{
	_cleanup_free_ char *fault = bounds_fault(row, v);

	if (fault)
		bad(r, v, p, fault);
	else if ((row->rules & RULE_POW2) && (v->i & (v->i - 1)) != 0)
		bad(r, v, p, "must be a power of two");
	else if ((row->rules & RULE_WHOLE_SECONDS) && v->i % NS_PER_S != 0)
		bad(r, v, p, "must be whole seconds");
}

static void check_addr(struct reporter *r, const struct schema_row *row, struct value *v,
		       const struct path *p)
{
	uint8_t family = v->addr.family;

	if (v->scoped)
		bad(r, v, p, "an address with a scope cannot be used");
	else if ((row->rules & RULE_IP4) && family != ADDR_IP4)
		bad(r, v, p, "must be an IPv4 address");
	else if ((row->rules & RULE_IP6) && family != ADDR_IP6)
		bad(r, v, p, "must be an IPv6 address");
	else if (!addr_unicast(&v->addr))
		bad(r, v, p, "must be a unicast address, outside ::/96");
}

/* Any character that would end or split a line of a request? */
static bool has_blank_or_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return true;
	return false;
}

static bool has_control(const char *s)
{
	size_t left = strlen(s);

	while (left) {
		unsigned cp = 0;
		size_t n = utf8_decode(s, left, &cp);

		if (!n || cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			return true;
		s += n;
		left -= n;
	}
	return false;
}

/* What is wrong with a name; NULL: nothing. (The file is UTF-8 throughout, as yaml.c saw to.) */
static const char *name_fault(const char *s)
{
	if (!*s)
		return "a name must not be empty";
	if (strlen(s) > NAME_MAX_BYTES)
		return "a name has at most 255 bytes";
	return has_control(s) ? "a name must not contain control characters" : NULL;
}

void draft_check_name(struct reporter *r, const struct node *name, const struct path *p)
{
	const char *fault = name_fault(name->text);

	if (fault)
		report_semantic(r, name, p, "%s", fault);
}

static const char *netns_fault(const char *s)
{
	if (strchr(s, '/') || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return "must be the name of a namespace, without '/'";
	return strlen(s) > 255 ? "has at most 255 bytes" : NULL;
}

static const char *codes_fault(const char *s)
{
	struct code_set set;

	return code_set_parse(s, &set) < 0 ? "must be a code (200), a range (200-299), a class "
					     "(2xx), or a comma list of "
					     "these, from 100 to 599"
					   : NULL;
}

static const char *path_fault(const char *s)
{
	if (*s != '/')
		return "must start with '/'";
	return has_blank_or_control(s) ? "must not contain blanks or control characters" : NULL;
}

/* Compiled as the probes do: the bytes of the body, no options. */
static void check_regexp(struct reporter *r, struct value *v, const struct path *p)
{
	PCRE2_SIZE offset = 0;
	PCRE2_UCHAR text[160] = "";
	int error = 0;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)v->s, PCRE2_ZERO_TERMINATED, 0, &error,
					 &offset, NULL);

	if (code) {
		pcre2_code_free(code);
		return;
	}
	pcre2_get_error_message(error, text, sizeof text);
	report_semantic(r, v->at, p, "not a regular expression: %s (at offset %zu)",
			(const char *)text, (size_t)offset);
	v->bad = true;
}

static void check_string(struct reporter *r, const struct schema_row *row, struct value *v,
			 const struct path *p)
{
	const char *fault = NULL;

	if (row->rules & RULE_NAME)
		fault = name_fault(v->s);
	else if (row->rules & RULE_NETNS)
		fault = netns_fault(v->s);
	else if (row->rules & RULE_PATH)
		fault = path_fault(v->s);
	else if ((row->rules & RULE_HEADER) && has_blank_or_control(v->s))
		fault = "must not contain blanks or control characters";
	else if (row->rules & RULE_CODES)
		fault = codes_fault(v->s);
	else if (row->rules & RULE_REGEXP)
		check_regexp(r, v, p);
	if (fault)
		bad(r, v, p, fault);
}

static void check_enum(struct reporter *r, const struct schema_row *row, struct value *v,
		       const struct path *p)
{
	struct str out = { 0 };

	if (v->i >= 0)
		return;
	str_add(&out, "must be ");
	for (size_t i = 0; row->words[i]; i++) {
		str_add(&out, i == 0 ? "" : row->words[i + 1] ? ", " : " or ");
		str_add(&out, row->words[i]);
	}
	str_add(&out, ", not ");
	quote_add(&out, v->at->text);
	bad(r, v, p, out.p);
	str_done(&out);
}

static void check_value(struct reporter *r, const struct schema_row *row, struct value *v,
			const struct path *p)
{
	switch (row->type) {
	case VALUE_INT:
	case VALUE_DUR:
		check_number(r, row, v, p);
		break;
	case VALUE_STR:
		check_string(r, row, v, p);
		break;
	case VALUE_ADDR:
		check_addr(r, row, v, p);
		break;
	case VALUE_ENUM:
		check_enum(r, row, v, p);
		break;
	case VALUE_BOOL:
	case VALUE_MAP:
	case VALUE_LIST:
		break;
	}
}

void draft_check_values(struct reporter *r, const struct schema *s, struct value *v,
			const struct node *owner, const struct path *p)
{
	for (size_t i = 0; i < s->n; i++) {
		struct path kp = PATH_KEY(p, s->rows[i].key);

		if (v[i].at)
			check_value(r, &s->rows[i], &v[i], &kp);
		else if (s->rows[i].rules & RULE_REQUIRED)
			report_semantic(r, owner, &kp, "is required");
	}
}

/* The port belongs to the kinds of probe that connect to one. */
static void check_port(struct draft_check *c, struct reporter *r, const struct path *p)
{
	enum hc_type type = (enum hc_type)c->v[CHECK_TYPE].i;
	struct path pp = PATH_KEY(p, "port");
	const struct value *port = &c->v[CHECK_PORT];

	if (type == HC_ICMP && port->at)
		report_semantic(r, port->at, &pp, "a check of type icmp has no port");
	else if (type != HC_ICMP && !port->at)
		report_semantic(r, c->name, &pp, "is required for type %s", hc_type_name(type));
}

static void check_reuse(struct draft_check *c, struct reporter *r, const struct path *p)
{
	enum hc_type type = (enum hc_type)c->v[CHECK_TYPE].i;
	struct path rp = PATH_KEY(p, "reuse-connection");
	const struct value *reuse = &c->v[CHECK_REUSE];

	if (reuse->at && reuse->b && type != HC_HTTP && type != HC_HTTPS)
		report_semantic(r, reuse->at, &rp, "is for http and https, not for %s",
				hc_type_name(type));
}

static void check_check(struct draft_check *c, struct reporter *r)
{
	struct path sp = PATH_TOP("healthchecks"), p = PATH_KEY(&sp, c->name->text);
	struct path pp = PATH_KEY(&p, "params");
	struct value *code = &c->params[PARAM_CODE];

	draft_check_name(r, c->name, &p);
	draft_check_values(r, &schema_check, c->v, c->name, &p);
	if (value_good(&c->v[CHECK_TYPE])) {
		check_port(c, r, &p);
		check_reuse(c, r, &p);
	}
	draft_check_values(r, &schema_param, c->params, c->name, &pp);
	if (!code->bad) {
		int err = code_set_parse(code->s, &c->codes);

		assert(err == 0);
	}
}

static void check_checks(struct draft *d, struct reporter *r)
{
	for (size_t i = 0; i < d->checks.n; i++) {
		struct draft_check *c = &d->checks.v[i];

		map_put_z(&d->check_by_name, c->name->text, c);
		check_check(c, r);
	}
}

static void check_backend(struct draft *d, struct draft_backend *b, struct reporter *r)
{
	struct path sp = PATH_TOP("backends"), p = PATH_KEY(&sp, b->name->text);
	struct path cp = PATH_KEY(&p, "healthcheck");
	struct value *check = &b->v[BACKEND_CHECK];

	draft_check_name(r, b->name, &p);
	draft_check_values(r, &schema_backend, b->v, b->name, &p);
	if (!check->at)
		return;
	b->check = draft_find_check(d, check->s);
	if (b->check)
		b->check->used = true;
	else
		bad(r, check, &cp, "no such health check");
}

static void check_backends(struct draft *d, struct reporter *r)
{
	struct map by_addr = { 0 };

	for (size_t i = 0; i < d->backends.n; i++) {
		struct draft_backend *b = &d->backends.v[i];
		const struct value *addr = &b->v[BACKEND_ADDRESS];
		struct draft_backend *first;

		map_put_z(&d->backend_by_name, b->name->text, b);
		check_backend(d, b, r);
		b->same_addr = (uint32_t)i;
		if (!value_good(addr))
			continue;
		first = map_get(&by_addr, &addr->addr, sizeof addr->addr);
		if (first)
			b->same_addr = first->same_addr;
		else
			map_put(&by_addr, &addr->addr, sizeof addr->addr, b);
	}
	map_done(&by_addr);
}

static void check_vpp(struct draft *d, struct reporter *r)
{
	struct path vp = PATH_TOP("vpp"), lp = PATH_KEY(&vp, "lb");
	struct path mp = PATH_KEY(&lp, "startup-max-delay");
	struct value *min = &d->lb[LB_MIN_DELAY], *max = &d->lb[LB_MAX_DELAY];
	char text[2][DUR_STRLEN];

	if (!d->has_lb) {
		report_semantic(r, d->lb_at, &lp, "this section is required");
		return;
	}
	draft_check_values(r, &schema_lb, d->lb, d->lb_at, &lp);
	if (!min->bad && !max->bad && max->i < min->i)
		report_semantic(r, max->at ? max->at : min->at, &mp,
				"%s is shorter than startup-min-delay, %s",
				dur_format(max->i, text[0]), dur_format(min->i, text[1]));
}

void draft_check_all(struct draft *d, struct reporter *r)
{
	struct path cp = PATH_TOP("healthchecker");

	draft_check_values(r, &schema_checker, d->checker, d->root, &cp);
	check_checks(d, r);
	check_backends(d, r);
	draft_check_frontends(d, r);
	check_vpp(d, r);
}
