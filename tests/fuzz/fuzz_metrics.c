/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from outside into the metrics: an Accept header, and label values (names of VPP's,
 * say). Whatever they are, each sample is one line of valid UTF-8, and reading it back by the rules
 * of the format gives the value that went in. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "metrics/exposition.h"

static const struct metrics_family family = {
	"t", METRICS_GAUGE, "", { "a", "b" }, 2, .help = "T."
};

/* A label value as it should come back: U+FFFD for each byte that is not UTF-8. */
static void sanitised(const char *s, struct str *out)
{
	while (*s) {
		unsigned cp;
		size_t n = utf8_decode(s, strlen(s), &cp);

		if (n)
			str_add_n(out, s, n);
		else
			str_add(out, "\xef\xbf\xbd");
		s += n ? n : 1;
	}
}

/* Reads name="value" at `at`, by the book; returns what follows. */
static const char *read_label(const char *at, const char *name, struct str *value)
{
	size_t n = strlen(name);

	assert(strncmp(at, name, n) == 0 && at[n] == '=' && at[n + 1] == '"');
	for (at += n + 2; *at != '"'; at++) {
		assert(*at && *at != '\n');
		if (*at != '\\') {
			str_add_c(value, *at);
			continue;
		}
		at++;
		assert(*at == 'n' || *at == '"' || *at == '\\');
		str_add_c(value, *at == 'n' ? '\n' : *at);
	}
	return at + 1;
}

static void check_value(const char *raw, const struct str *read)
{
	struct str want = { 0 };

	sanitised(raw, &want);
	assert(strcmp(str_z(&want), str_z(read)) == 0);
	str_done(&want);
}

static void check_sample(enum exposition_format f, const char *a, const char *b)
{
	struct exposition x;
	struct str ra = { 0 }, rb = { 0 };
	const char *at;

	exposition_init(&x, f);
	exposition_family(&x, &family);
	exposition_uint(&x, (const char *[]){ "", "" }, 0);
	str_clear(&x.out);
	exposition_uint(&x, (const char *[]){ a, b }, 42);
	assert(utf8_valid(x.out.p, x.out.len));
	assert(strncmp(x.out.p, "t{", 2) == 0);
	at = read_label(x.out.p + 2, "a", &ra);
	assert(*at == ',');
	at = read_label(at + 1, "b", &rb);
	assert(strcmp(at, "} 42\n") == 0);
	check_value(a, &ra);
	check_value(b, &rb);
	str_done(&ra);
	str_done(&rb);
	exposition_done(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The first line is the one value and an Accept header, the rest the other value. */
	char *all = xstrndup((const char *)data, size);
	char *second = strchr(all, '\n');
	enum exposition_format f = exposition_negotiate(all);

	assert(f < EXPOSITION_FORMAT_N);
	if (second)
		*second++ = '\0';
	assert(exposition_negotiate(all) < EXPOSITION_FORMAT_N);
	check_sample(f, all, second ? second : "");
	free(all);
	return 0;
}
