/* SPDX-License-Identifier: Apache-2.0 */
/* Command line flags from a table.
 *
 * Three passes over one table: defaults, the command line, the environment. The environment comes
 * last, and only for flags the command line did not give, so that a bad variable cannot keep
 * somebody from overriding it (or from reading --help). All values, defaults included, go through
 * the same parser per kind: a default that its own flag would refuse is a programmer's error. */
#include "base/flags.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define USAGE_WIDTH  80
#define USAGE_INDENT 8

/* What a value came from, as the user knows it: "--name" or "NAME". */
struct origin {
	const char *dashes;
	const char *name;
};

static int bool_parse(const char *s, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (strcmp(s, yes[i]) == 0 || strcmp(s, no[i]) == 0) {
			*ret = strcmp(s, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_bool(const struct flag *f, const struct origin *o, const char *value,
		    struct err *err)
{
	if (bool_parse(value, f->to_bool))
		return err_set(err, -EINVAL, "%s%s: \"%s\" is neither true nor false", o->dashes,
			       o->name, value);
	return 0;
}

void flag_list_done(struct flag_list *l)
{
	while (l->n > 0)
		free(l->v[--l->n]);
}

static int set_list(const struct flag *f, const struct origin *o, const char *value,
		    struct err *err)
{
	if (f->to_list->n == FLAG_LIST_MAX)
		return err_set(err, -EINVAL, "%s%s: more than %d values", o->dashes, o->name,
			       FLAG_LIST_MAX);
	f->to_list->v[f->to_list->n++] = xstrdup(value);
	return 0;
}

static int set_int(const struct flag *f, const struct origin *o, const char *value, struct err *err)
{
	int r = str_to_i64(value, f->min, f->max, f->to_int);
	if (r == -ERANGE)
		return err_set(err, -EINVAL, "%s%s: %s is not within %lld..%lld", o->dashes,
			       o->name, value, f->min, f->max);
	if (r)
		return err_set(err, -EINVAL, "%s%s: \"%s\" is not a whole number", o->dashes,
			       o->name, value);
	return 0;
}

static int set_duration(const struct flag *f, const struct origin *o, const char *value,
			struct err *err)
{
	char lo[DUR_STRLEN], hi[DUR_STRLEN];
	dur_ns d;
	if (dur_parse(value, &d))
		return err_set(err, -EINVAL,
			       "%s%s: \"%s\" is not a duration (a number with a unit, as 1m30s)",
			       o->dashes, o->name, value);
	if (f->max && (d < f->min || d > f->max))
		return err_set(err, -EINVAL, "%s%s: %s is not within %s..%s", o->dashes, o->name,
			       value, dur_format(f->min, lo), dur_format(f->max, hi));
	*f->to_duration = d;
	return 0;
}

static void choices_add(const struct flag *f, struct str *out)
{
	for (int i = 0; f->choices[i]; i++)
		str_addf(out, "%s%s", i ? ", " : "", f->choices[i]);
}

static int set_enum(const struct flag *f, const struct origin *o, const char *value,
		    struct err *err)
{
	for (int i = 0; f->choices[i]; i++) {
		if (strcmp(f->choices[i], value) == 0) {
			*f->to_enum = i;
			return 0;
		}
	}
	_cleanup_(str_done) struct str words = { 0 };
	choices_add(f, &words);
	return err_set(err, -EINVAL, "%s%s: \"%s\" is not one of %s", o->dashes, o->name, value,
		       str_z(&words));
}

static int set_value(const struct flag *f, const struct origin *o, const char *value,
		     struct err *err)
{
	switch (f->kind) {
	case FLAG_BOOL:
		return set_bool(f, o, value, err);
	case FLAG_STRING:
		*f->to_string = value;
		return 0;
	case FLAG_LIST:
		return set_list(f, o, value, err);
	case FLAG_INT:
		return set_int(f, o, value, err);
	case FLAG_DURATION:
		return set_duration(f, o, value, err);
	case FLAG_ENUM:
		return set_enum(f, o, value, err);
	}
	assert(0 && "a flag of no known kind");
	return -EINVAL;
}

static void set_defaults(const struct flag *flags, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct flag *f = &flags[i];
		const struct origin o = { "default of --", f->name };
		if (f->kind == FLAG_LIST)
			flag_list_done(f->to_list);
		if (!f->def)
			continue;
		int r = set_value(f, &o, f->def, NULL);
		assert(r == 0 && "a default that its own flag refuses");
		(void)r;
	}
}

static bool is_called(const char *a, const char *name, size_t len)
{
	return a && strlen(a) == len && memcmp(a, name, len) == 0;
}

/* The flag whose name is [name, name+len), or NULL. */
static const struct flag *find(const struct flag *flags, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		if (is_called(flags[i].name, name, len) || is_called(flags[i].alias, name, len))
			return &flags[i];
	}
	return NULL;
}

/* Is it to be read as a flag? "-" is an ordinary word (people mean standard input by it). */
static bool is_flag(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0';
}

/* One flag at argv[*at], with its value; *at moves behind it. */
static int take_flag(const struct flag *flags, size_t n, char *const *argv, int *at,
		     uint64_t *given, struct err *err)
{
	const char *arg = argv[*at], *name = arg + (arg[1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	const struct flag *f = find(flags, n, name, len);
	if (!f)
		return err_set(err, -EINVAL, "unknown flag %.*s", (int)(name - arg + (int)len),
			       arg);
	const struct origin o = { "--", f->name };
	const char *value = name[len] ? name + len + 1 : NULL;
	*at += 1;
	if (!value && f->kind == FLAG_BOOL)
		value = "true";
	else if (!value)
		value = argv[*at] ? argv[(*at)++] : NULL;
	if (!value)
		return err_set(err, -EINVAL, "--%s needs a value", f->name);
	*given |= UINT64_C(1) << (f - flags);
	return set_value(f, &o, value, err);
}

static int take_argv(const struct flag *flags, size_t n, char *const *argv, int *ret_next,
		     uint64_t *given, struct err *err)
{
	int at = 1;
	while (argv[at] && is_flag(argv[at])) {
		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		int r = take_flag(flags, n, argv, &at, given, err);
		if (r)
			return r;
	}
	*ret_next = at;
	return 0;
}

/* A list in the environment is separated by commas. */
static int take_env_list(const struct flag *f, const struct origin *o, const char *value,
			 struct err *err)
{
	for (const char *p = value; *p;) {
		size_t len = strcspn(p, ",");
		_cleanup_free_ char *one = xstrndup(p, len);
		int r = len ? set_list(f, o, one, err) : 0;
		if (r)
			return r;
		p += len + (p[len] == ',');
	}
	return 0;
}

static int take_env(const struct flag *flags, size_t n, uint64_t given, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct flag *f = &flags[i];
		const char *value = f->env && !(given >> i & 1) ? getenv(f->env) : NULL;
		if (!value || (*value == '\0' && f->kind != FLAG_STRING))
			continue;
		const struct origin o = { "", f->env };
		int r = f->kind == FLAG_LIST ? take_env_list(f, &o, value, err)
					     : set_value(f, &o, value, err);
		if (r)
			return r;
	}
	return 0;
}

int flags_parse(const struct flag *flags, size_t n, int argc, char *const *argv, int *ret_next,
		struct err *err)
{
	assert(n <= FLAGS_MAX);
	uint64_t given = 0;
	int next = argc;
	set_defaults(flags, n);
	int r = argc > 0 ? take_argv(flags, n, argv, &next, &given, err) : 0;
	if (!r)
		r = take_env(flags, n, given, err);
	if (!r)
		*ret_next = next;
	return r;
}

/* Words of `text`, wrapped. */
static void add_wrapped(struct str *out, const char *text)
{
	size_t column = 0;
	for (const char *p = text; *p;) {
		size_t len = strcspn(p, " ");
		if (column && column + 1 + len > USAGE_WIDTH) {
			str_add_c(out, '\n');
			column = 0;
		}
		if (column) {
			str_add_c(out, ' ');
			column++;
		} else {
			str_addf(out, "%*s", USAGE_INDENT, "");
			column = USAGE_INDENT;
		}
		str_add_n(out, p, len);
		column += len;
		p += len + strspn(p + len, " ");
	}
	str_add_c(out, '\n');
}

/* "environment X, default Y", as far as there is something to say. */
static void add_origins(const struct flag *f, struct str *out)
{
	bool has_default = f->def && *f->def && !(f->kind == FLAG_BOOL && str_eq(f->def, "false"));
	if (!f->env && !has_default)
		return;
	str_add(out, " (");
	if (has_default)
		str_addf(out, "default %s", f->def);
	if (f->env)
		str_addf(out, "%senvironment %s", has_default ? "; " : "", f->env);
	str_add_c(out, ')');
}

void flags_usage(const struct flag *flags, size_t n, const char *synopsis, struct str *out)
{
	str_addf(out, "usage: %s\n", synopsis);
	for (size_t i = 0; i < n; i++) {
		const struct flag *f = &flags[i];
		_cleanup_(str_done) struct str text = { 0 };
		str_addf(out, "  --%s", f->name);
		if (f->alias)
			str_addf(out, ", --%s", f->alias);
		str_addf(out, "%s%s\n", f->arg ? " " : "", f->arg ? f->arg : "");
		str_add(&text, f->help);
		if (f->kind == FLAG_ENUM) {
			str_add(&text, ": ");
			choices_add(f, &text);
		}
		add_origins(f, &text);
		add_wrapped(out, str_z(&text));
	}
}
