/* SPDX-License-Identifier: Apache-2.0 */
/* Three kinds of lines matter. A VIP begins with a line whose second word is a number in brackets
 * and whose third is a prefix; words behind that are flags. A line with the words protocol:N and
 * port:N completes the key of the VIP above it; a VIP without one stands for all ports. new_size:N
 * is the length of its table. */
#include "vpp/lbtext.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "core/model.h"

/* Longer than any word that means something: a prefix, or "[4294967295]". */
#define WORD_MAX PREFIX_STRLEN
/* A VIP's first line has six words at the most; those beyond are flags we do not know. */
#define WORDS_MAX 8

struct words {
	char w[WORDS_MAX][WORD_MAX];
	size_t n;
};

struct span {
	const char *p, *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next line without its newline; false at the end. */
static bool next_line(struct span *text, struct span *ret)
{
	const char *nl;

	if (text->p == text->end)
		return false;
	nl = memchr(text->p, '\n', (size_t)(text->end - text->p));
	*ret = (struct span){ text->p, nl ? nl : text->end };
	text->p = nl ? nl + 1 : text->end;
	return true;
}

/* A word that is too long means nothing to us: it is kept as an empty one. */
static void split(struct span line, struct words *ret)
{
	ret->n = 0;
	while (ret->n < WORDS_MAX) {
		const char *start;
		size_t len;

		while (line.p < line.end && is_blank(*line.p))
			line.p++;
		if (line.p == line.end)
			return;
		start = line.p;
		while (line.p < line.end && !is_blank(*line.p))
			line.p++;
		len = (size_t)(line.p - start);
		len = len < WORD_MAX ? len : 0;
		memcpy(ret->w[ret->n], start, len);
		ret->w[ret->n++][len] = '\0';
	}
}

static bool has_word(const struct words *w, size_t from, const char *word)
{
	for (size_t i = from; i < w->n; i++) {
		if (strcmp(w->w[i], word) == 0)
			return true;
	}
	return false;
}

/* "[12]" */
static bool index_parse(const char *word, uint32_t *ret)
{
	char digits[WORD_MAX];
	size_t n = strlen(word);
	long long v;

	if (n < 3 || word[0] != '[' || word[n - 1] != ']')
		return false;
	memcpy(digits, word + 1, n - 2);
	digits[n - 2] = '\0';
	if (str_to_i64(digits, 1, UINT32_MAX, &v) < 0)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* "192.0.2.80/32" */
static bool prefix_parse(const char *word, struct prefix *ret)
{
	char text[WORD_MAX];
	const char *slash = strchr(word, '/');
	long long len;

	if (!slash)
		return false;
	memcpy(text, word, (size_t)(slash - word));
	text[slash - word] = '\0';
	if (addr_parse(text, &ret->addr) < 0 ||
	    str_to_i64(slash + 1, 0, addr_bits(&ret->addr), &len) < 0)
		return false;
	ret->len = (uint8_t)len;
	return true;
}

/* "port:80" among the words: 1 found, 0 not there, -1 there but not a number up to `max`. */
static int number_after(const struct words *w, const char *name, long long max, long long *ret)
{
	for (size_t i = 0; i < w->n; i++) {
		if (str_prefix(w->w[i], name))
			return str_to_i64(w->w[i] + strlen(name), 0, max, ret) < 0 ? -1 : 1;
	}
	return 0;
}

/* Does a VIP begin here? */
static bool is_head(const struct words *w)
{
	return w->n >= 3 && w->w[1][0] == '[';
}

static bool head_parse(const struct words *w, struct lbtext_vip *ret)
{
	*ret = (struct lbtext_vip){ .key.proto = PROTO_ANY };
	ret->sticky = has_word(w, 3, "src_ip_sticky");
	return index_parse(w->w[1], &ret->index) && prefix_parse(w->w[2], &ret->key.prefix) &&
	       !has_word(w, 3, "removed");
}

/* Take what a line inside a VIP tells. False when it is a key that makes no sense. */
static bool body_parse(const struct words *w, struct lbtext_vip *v)
{
	long long proto, port, len;
	int a = number_after(w, "protocol:", 255, &proto);
	int b = number_after(w, "port:", 65535, &port);

	if (a < 0 || b < 0)
		return false;
	if (a > 0 && b > 0) {
		v->key.proto = (uint8_t)proto;
		v->key.port = (uint16_t)port;
	}
	if (number_after(w, "new_size:", UINT32_MAX, &len) > 0)
		v->table_len = (uint32_t)len;
	return true;
}

static int vip_cmp(const void *a, const void *b)
{
	const struct lbtext_vip *x = a, *y = b;

	return vip_key_cmp(&x->key, &y->key);
}

/* Sort, and drop what is there more than once. */
static void settle(struct lbtext *t)
{
	size_t kept = 0;

	if (t->n > 0)
		qsort(t->v, t->n, sizeof *t->v, vip_cmp);
	for (size_t i = 0, next; i < t->n; i = next) {
		for (next = i + 1; next < t->n && vip_cmp(&t->v[i], &t->v[next]) == 0;)
			next++;
		if (next == i + 1)
			t->v[kept++] = t->v[i];
	}
	t->n = kept;
}

void lbtext_parse(const char *text, size_t n, struct lbtext *ret)
{
	struct span rest = { text, text + n }, line;
	struct words w;
	bool in_vip = false; /* the last element belongs to the lines at hand */

	vec_clear(ret);
	while (next_line(&rest, &line)) {
		struct lbtext_vip vip;

		split(line, &w);
		if (is_head(&w)) {
			in_vip = head_parse(&w, &vip);
			if (in_vip)
				vec_push(ret, vip);
		} else if (in_vip && !body_parse(&w, &ret->v[ret->n - 1])) {
			ret->n--;
			in_vip = false;
		}
	}
	settle(ret);
}

const struct lbtext_vip *lbtext_find(const struct lbtext *t, const struct vip_key *key)
{
	const struct lbtext_vip want = { .key = *key };

	return t->n > 0 ? bsearch(&want, t->v, t->n, sizeof want, vip_cmp) : NULL;
}

void lbtext_done(struct lbtext *t)
{
	vec_done(t);
}
