/* SPDX-License-Identifier: Apache-2.0 */
/* config/value.c - what a scalar means, by the type its key wants.
 *
 * Integers and booleans are the plain (unquoted) scalars that Go's yaml.v3 takes for a typed field,
 * so that files written for the Go daemon load: true/false and YAML 1.1's yes/no/on/off; decimal,
 * 0x, 0o and 0b. A leading zero is refused: YAML 1.1 reads it as octal, 1.2 as decimal. Strings are
 * any scalar. Durations may be quoted or not. */
#include "config/value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static int expected(struct reporter *r, const struct node *n, const struct path *p,
		    const char *what)
{
	struct str out = { 0 };
	int ret;

	if (n->kind == NODE_SCALAR)
		quote_add(&out, n->text);
	else
		str_add(&out, n->kind == NODE_SEQ ? "a list" : "a mapping");
	ret = report_parse(r, n, p, "expected %s, not %s", what, out.p);
	str_done(&out);
	return ret;
}

/* Digits in the base the prefix says; 0 when it is not a number. */
static int int_base(const char **s)
{
	if (**s != '0' || !(*s)[1])
		return 10;
	switch ((*s)[1]) {
	case 'x':
		*s += 2;
		return 16;
	case 'o':
		*s += 2;
		return 8;
	case 'b':
		*s += 2;
		return 2;
	default:
		return 0;
	}
}

static int parse_int(const char *s, struct value *ret)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	bool neg = *s == '-';
	int64_t v = 0;
	int base;

	if (*s == '-' || *s == '+')
		s++;
	base = int_base(&s);
	if (!base || !*s)
		return -EINVAL;
	for (; *s; s++) {
		const char *d = strchr(digits, *s);
		int digit = d ? (int)((d - digits) % 16) : 16;

		if (digit >= base)
			return -EINVAL;
		/* beyond every bound already: the rule that is broken will say so */
		if (v <= (INT64_MAX - digit) / base)
			v = v * base + digit;
		else
			v = INT64_MAX;
	}
	ret->i = neg ? -v : v;
	return 0;
}

static int parse_bool(const char *s, struct value *ret)
{
	static const char *const words[2][12] = {
		{ "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N" },
		{ "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y" },
	};

	for (int b = 0; b < 2; b++) {
		for (size_t i = 0; words[b][i]; i++) {
			if (strcmp(s, words[b][i]) != 0)
				continue;
			ret->b = b;
			return 0;
		}
	}
	return -EINVAL;
}

static void parse_enum(const char *s, const char *const *words, struct value *ret)
{
	ret->i = -1;
	for (size_t i = 0; words[i]; i++)
		if (strcmp(s, words[i]) == 0)
			ret->i = (int64_t)i;
}

/* An IPv6 address with a scope is an address that breaks a rule, not a wrong word. */
static int parse_addr(const char *s, struct value *ret)
{
	const char *scope = strchr(s, '%');
	char bare[ADDR_STRLEN];

	if (!scope)
		return addr_parse(s, &ret->addr);
	if ((size_t)(scope - s) >= sizeof bare || !scope[1])
		return -EINVAL;
	memcpy(bare, s, (size_t)(scope - s));
	bare[scope - s] = '\0';
	ret->scoped = true;
	return addr_parse(bare, &ret->addr);
}

static const char *const expectations[] = {
	[VALUE_INT] = "a whole number",
	[VALUE_DUR] = "a duration with a unit, such as 500ms, 2s or 1m30s",
	[VALUE_BOOL] = "true or false",
	[VALUE_STR] = "text",
	[VALUE_ADDR] = "an IP address",
	[VALUE_ENUM] = "a word",
	[VALUE_MAP] = "a mapping",
	[VALUE_LIST] = "a list",
};

static int parse_scalar(const struct schema_row *row, const struct node *n, struct value *ret)
{
	switch (row->type) {
	case VALUE_INT:
		return n->plain ? parse_int(n->text, ret) : -EINVAL;
	case VALUE_DUR:
		return dur_parse(n->text, &ret->i);
	case VALUE_BOOL:
		return n->plain ? parse_bool(n->text, ret) : -EINVAL;
	case VALUE_STR:
		ret->s = n->text;
		return 0;
	case VALUE_ADDR:
		return parse_addr(n->text, ret);
	case VALUE_ENUM:
		parse_enum(n->text, row->words, ret);
		return 0;
	case VALUE_MAP:
	case VALUE_LIST:
		break;
	}
	return -EINVAL;
}

static enum node_kind kind_of(enum value_type t)
{
	return t == VALUE_MAP ? NODE_MAP : t == VALUE_LIST ? NODE_SEQ : NODE_SCALAR;
}

int value_parse(struct reporter *r, const struct schema_row *row, const struct node *n,
		const struct path *p, struct value *ret)
{
	struct value v = { .at = n };
	int err = 0;

	if (node_null(n)) {
		*ret = value_default(row);
		return 0;
	}
	if (n->kind != kind_of(row->type))
		return expected(r, n, p, expectations[row->type]);
	if (n->kind == NODE_SCALAR)
		err = parse_scalar(row, n, &v);
	if (err == -ERANGE)
		return expected(r, n, p, "a duration of less than 292 years");
	if (err < 0)
		return expected(r, n, p, expectations[row->type]);
	*ret = v;
	return 0;
}

struct value value_default(const struct schema_row *row)
{
	struct value v = { 0 };
	struct node n = { .kind = NODE_SCALAR, .plain = true };
	int err;

	if (!row->def)
		return v;
	n.text = row->def;
	err = parse_scalar(row, &n, &v);
	assert(err == 0);
	return v;
}

/* Three digits from 100 to 599. */
static int parse_code(const char *s, int *ret)
{
	if (s[0] < '1' || s[0] > '5' || s[1] < '0' || s[1] > '9' || s[2] < '0' || s[2] > '9')
		return -EINVAL;
	*ret = (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
	return 0;
}

static bool class_word(const char *s, size_t n)
{
	return n == 3 && s[0] >= '1' && s[0] <= '5' && (s[1] == 'x' || s[1] == 'X') && s[2] == s[1];
}

/* One part of the list, [s, s+n). */
static int add_codes(const char *s, size_t n, struct code_set *set)
{
	int lo, hi;

	if (class_word(s, n)) {
		lo = (s[0] - '0') * 100;
		hi = lo + 99;
	} else if (n == 3 && parse_code(s, &lo) == 0) {
		hi = lo;
	} else if (n != 7 || s[3] != '-' || parse_code(s, &lo) < 0 || parse_code(s + 4, &hi) < 0 ||
		   lo > hi) {
		return -EINVAL;
	}
	for (int code = lo; code <= hi; code++)
		code_set_add(set, code);
	return 0;
}

int code_set_parse(const char *s, struct code_set *ret)
{
	struct code_set set = { 0 };

	for (;;) {
		const char *end = strchrnul(s, ','), *part_end = end;

		while (s < end && *s == ' ')
			s++;
		while (part_end > s && part_end[-1] == ' ')
			part_end--;
		if (add_codes(s, (size_t)(part_end - s), &set) < 0)
			return -EINVAL;
		if (!*end)
			break;
		s = end + 1;
	}
	*ret = set;
	return 0;
}
