/* SPDX-License-Identifier: Apache-2.0 */
/* config/yaml.c - libyaml's events composed into nodes.
 *
 * libyaml's own document API is not used: it forgets duplicate keys, merge keys and where a cycle
 * stands. Events come as a flat list; a stack of open collections, at most YAML_DEPTH_MAX, holds
 * what is being read, so nothing recurses.
 *
 * Bounds. Nodes written out are counted. What an alias adds is counted by the size of what it
 * names, which includes what its own aliases added: the sum of these is held under
 * YAML_EXPANSION_MAX, whatever the nesting. Merging copies pointers of a mapping that was counted
 * where its alias stood (or was written out).
 *
 * The characters are checked before libyaml sees them, because its reader knows only byte offsets
 * and ours is to be a line and a column. */
#include "config/yaml.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "config/path.h"

/* Below this many pairs, comparing all is cheaper than hashing. */
#define SMALL_MAP 8

struct frame {
	struct node *node;
	VEC(struct node *) items; /* of the collection so far */
};

struct reader {
	struct arena *arena;
	yaml_parser_t parser;
	struct map anchors; /* name -> node */
	struct frame stack[YAML_DEPTH_MAX];
	size_t depth;
	struct node *root;
	size_t written, expanded; /* nodes */
	size_t documents;
	struct yaml_problem *problem;
};

bool node_null(const struct node *n)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (n->kind != NODE_SCALAR || !n->plain)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(n->text, words[i]) == 0)
			return true;
	return false;
}

/* The path to what is being read: the last key, or the next index, of each open collection. */
static char *current_path(const struct reader *r)
{
	struct path frames[YAML_DEPTH_MAX];
	const struct path *up = NULL;
	struct str out = { 0 };

	for (size_t i = 0; i < r->depth; i++) {
		const struct frame *f = &r->stack[i];
		const struct node *key;

		if (f->node->kind == NODE_SEQ) {
			bool open = i + 1 < r->depth; /* the last item is being read */

			frames[i] = PATH_ITEM(up, f->items.n - open);
		} else {
			if (f->items.n == 0)
				break;
			key = f->items.v[(f->items.n - 1) / 2 * 2];
			if (key->kind != NODE_SCALAR)
				break;
			frames[i] = PATH_KEY(up, key->text);
		}
		up = &frames[i];
	}
	path_add(&out, up ? up : &PATH_TOP("maglev"));
	return str_take(&out);
}

static int fail(struct reader *r, uint32_t line, uint32_t col, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int fail(struct reader *r, uint32_t line, uint32_t col, const char *fmt, ...)
{
	struct str what = { 0 };
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&what, fmt, ap);
	va_end(ap);
	*r->problem = (struct yaml_problem){
		.line = line, .col = col, .path = current_path(r), .what = str_take(&what)
	};
	return -EINVAL;
}

static int fail_at(struct reader *r, yaml_mark_t m, const char *what)
{
	return fail(r, (uint32_t)m.line + 1, (uint32_t)m.column + 1, "%s", what);
}

/* What YAML 1.2 calls printable, and libyaml takes. */
static bool printable(unsigned cp)
{
	if (cp < 0x20)
		return cp == '\t' || cp == '\n' || cp == '\r';
	return cp < 0x7f || cp == 0x85 ||
	       (cp >= 0xa0 && cp != 0xfeff && cp != 0xfffe && cp != 0xffff);
}

static int check_text(struct reader *r, const char *text, size_t len)
{
	uint32_t line = 1, col = 1;

	for (size_t i = 0, n; i < len; i += n, col++) {
		unsigned cp = 0;

		n = utf8_decode(text + i, len - i, &cp);
		if (!n)
			return fail(r, line, col, "not UTF-8: byte 0x%02x", (unsigned char)text[i]);
		if (!printable(cp))
			return fail(r, line, col, "the character U+%04X is not allowed in YAML",
				    cp);
		if (cp == '\n' || (cp == '\r' && !(i + 1 < len && text[i + 1] == '\n'))) {
			line++;
			col = 0;
		}
	}
	return 0;
}

static int libyaml_failed(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *context = p->context ? p->context : "";
	const char *what = p->problem ? p->problem : "cannot be read";

	if (p->error == YAML_MEMORY_ERROR)
		abort(); /* as everybody who allocates: base/alloc.h */
	if (strstr(what, "cannot start any token"))
		what = "a character that cannot start anything (a tab? YAML indents with spaces)";
	return fail(r, (uint32_t)p->problem_mark.line + 1, (uint32_t)p->problem_mark.column + 1,
		    *context ? "not YAML: %s, %s" : "not YAML: %s", what, context);
}

static struct node *new_node(struct reader *r, enum node_kind kind, yaml_mark_t m)
{
	struct node *n = ARENA_NEW(r->arena, struct node);

	n->kind = (uint8_t)kind;
	n->line = (uint32_t)m.line + 1;
	n->col = (uint32_t)m.column + 1;
	n->size = 1;
	return n;
}

static int count_written(struct reader *r, const struct node *n)
{
	if (++r->written <= YAML_NODES_MAX)
		return 0;
	/* GCOVR_EXCL_START: it takes a test 1.5 GB to come here */
	return fail(r, n->line, n->col, "more than %u values", YAML_NODES_MAX);
	/* GCOVR_EXCL_STOP */
}

/* Names are the last node's that carried them. */
static void set_anchor(struct reader *r, const yaml_char_t *anchor, struct node *n)
{
	if (anchor)
		map_put_z(&r->anchors, arena_strdup(r->arena, (const char *)anchor), n);
}

/* Hang a finished node (or one just opened) where it belongs. */
static int attach(struct reader *r, struct node *n)
{
	struct frame *f;

	if (!r->depth) {
		r->root = n;
		return 0;
	}
	f = &r->stack[r->depth - 1];
	if (f->node->kind == NODE_MAP && f->items.n % 2 == 0 && n->kind != NODE_SCALAR)
		return fail(r, n->line, n->col, "a key must be a word, not a list or a mapping");
	vec_push(&f->items, n);
	return 0;
}

/* Only the tags that say what the node is anyway; "!!str" and "!" make a string of any scalar. */
static int check_tag(struct reader *r, const yaml_char_t *tag, struct node *n)
{
	static const char *const kinds[] = {
		[NODE_SCALAR] = YAML_STR_TAG,
		[NODE_SEQ] = YAML_SEQ_TAG,
		[NODE_MAP] = YAML_MAP_TAG,
	};
	struct str what = { 0 };
	int ret;

	if (!tag)
		return 0;
	if (strcmp((const char *)tag, kinds[n->kind]) == 0 || strcmp((const char *)tag, "!") == 0) {
		n->plain = false;
		return 0;
	}
	str_add(&what, "a tag that is not used here: ");
	quote_add(&what, (const char *)tag);
	ret = fail(r, n->line, n->col, "%s", what.p);
	str_done(&what);
	return ret;
}

static int on_scalar(struct reader *r, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	struct node *n = new_node(r, NODE_SCALAR, e->start_mark);
	char *copy;

	n->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (memchr(text, '\0', len))
		return fail_at(r, e->start_mark, "a NUL character in a string");
	if (count_written(r, n) < 0 || check_tag(r, e->data.scalar.tag, n) < 0)
		return -EINVAL;
	copy = arena_alloc(r->arena, len + 1);
	memcpy(copy, text, len);
	n->text = copy;
	n->n = (uint32_t)len;
	set_anchor(r, e->data.scalar.anchor, n);
	return attach(r, n);
}

static int on_open(struct reader *r, enum node_kind kind, const yaml_event_t *e)
{
	bool map = kind == NODE_MAP;
	struct node *n = new_node(r, kind, e->start_mark);

	if (r->depth == YAML_DEPTH_MAX)
		return fail(r, n->line, n->col, "nested more than %d levels deep", YAML_DEPTH_MAX);
	if (count_written(r, n) < 0 ||
	    check_tag(r, map ? e->data.mapping_start.tag : e->data.sequence_start.tag, n) < 0 ||
	    attach(r, n) < 0)
		return -EINVAL;
	set_anchor(r, map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor, n);
	n->open = true;
	r->stack[r->depth++] = (struct frame){ .node = n };
	return 0;
}

static int on_alias(struct reader *r, const yaml_event_t *e)
{
	struct node *n = map_get_z(&r->anchors, (const char *)e->data.alias.anchor);

	if (!n)
		return fail_at(r, e->start_mark,
			       "an alias to an anchor that is not defined before it");
	if (n->open)
		return fail_at(r, e->start_mark, "an alias to what it stands in");
	if (r->depth + n->height > YAML_DEPTH_MAX)
		return fail(r, (uint32_t)e->start_mark.line + 1, (uint32_t)e->start_mark.column + 1,
			    "nested more than %d levels deep through an alias", YAML_DEPTH_MAX);
	r->expanded += n->size;
	if (r->expanded > YAML_EXPANSION_MAX)
		return fail(r, (uint32_t)e->start_mark.line + 1, (uint32_t)e->start_mark.column + 1,
			    "aliases expand to more than %u values", YAML_EXPANSION_MAX);
	return attach(r, n);
}

/* Pairs by key, for finding the same key again. */
struct key_set {
	struct map map; /* used beyond SMALL_MAP */
	VEC(struct node *) few;
};

/* Add a key unless it is there; returns the one that was, or NULL. */
static struct node *key_set_add(struct key_set *s, struct node *key)
{
	struct node *was = NULL;

	if (s->map.n) {
		was = map_get(&s->map, key->text, key->n);
		if (!was)
			map_put(&s->map, key->text, key->n, key);
		return was;
	}
	for (size_t i = 0; i < s->few.n && !was; i++)
		if (strcmp(s->few.v[i]->text, key->text) == 0)
			was = s->few.v[i];
	if (was)
		return was;
	vec_push(&s->few, key);
	if (s->few.n > SMALL_MAP)
		for (size_t i = 0; i < s->few.n; i++)
			map_put(&s->map, s->few.v[i]->text, s->few.v[i]->n, s->few.v[i]);
	return NULL;
}

static void key_set_done(struct key_set *s)
{
	map_done(&s->map);
	vec_done(&s->few);
}

static bool merge_key(const struct node *key)
{
	return key->plain && strcmp(key->text, "<<") == 0;
}

/* What is written out, aside from the merge key, whose value's index is returned (or 0 kept).
 * Duplicates are an error. */
static int take_own_pairs(struct reader *r, struct frame *f, struct key_set *seen,
			  struct frame *out, size_t *ret_merge)
{
	size_t n = f->items.n;

	for (size_t i = 0; i < n; i += 2) {
		struct node *key = f->items.v[i];
		const struct node *was = key_set_add(seen, key);

		f->items.n = i + 1; /* so that a message names this key */
		if (was)
			return fail(r, key->line, key->col, "duplicate key (first at %u:%u)",
				    was->line, was->col);
		if (merge_key(key)) {
			*ret_merge = i + 1;
			continue;
		}
		vec_push(&out->items, key);
		vec_push(&out->items, f->items.v[i + 1]);
	}
	return 0;
}

/* Pairs of `from` whose keys are not there yet: what is written wins, then what is merged first. */
static int merge_mapping(struct reader *r, const struct node *from, struct key_set *seen,
			 struct frame *out)
{
	if (from->kind != NODE_MAP)
		return fail(r, from->line, from->col,
			    "what << merges must be a mapping or a list of mappings");
	for (size_t i = 0; i < from->n; i++) {
		if (key_set_add(seen, from->items[2 * i]))
			continue;
		vec_push(&out->items, from->items[2 * i]);
		vec_push(&out->items, from->items[2 * i + 1]);
	}
	return 0;
}

static int merge(struct reader *r, const struct node *from, struct key_set *seen, struct frame *out)
{
	if (node_null(from))
		return 0;
	if (from->kind != NODE_SEQ)
		return merge_mapping(r, from, seen, out);
	for (size_t i = 0; i < from->n; i++)
		if (merge_mapping(r, from->items[i], seen, out) < 0)
			return -EINVAL;
	return 0;
}

/* Replace the frame's pairs by distinct ones with merges applied. */
static int finish_mapping(struct reader *r, struct frame *f)
{
	struct key_set seen = { 0 };
	struct frame out = { 0 };
	size_t at = 0;
	int ret = take_own_pairs(r, f, &seen, &out, &at);

	if (ret == 0 && at) {
		f->items.n = at + 1; /* so that a message names this key */
		ret = merge(r, f->items.v[at], &seen, &out);
	}
	key_set_done(&seen);
	if (ret < 0) {
		vec_done(&out.items);
		return ret;
	}
	vec_done(&f->items);
	f->items.v = out.items.v;
	f->items.n = out.items.n;
	f->items.cap = out.items.cap;
	return 0;
}

static int on_close(struct reader *r)
{
	struct frame *f = &r->stack[r->depth - 1];
	struct node *n = f->node;
	struct node **items;

	if (n->kind == NODE_MAP && finish_mapping(r, f) < 0)
		return -EINVAL;
	items = ARENA_ARRAY(r->arena, f->items.n, struct node *);
	for (size_t i = 0; i < f->items.n; i++) {
		const struct node *item = f->items.v[i];

		items[i] = f->items.v[i];
		n->height = (uint8_t)MAX(n->height, item->height);
		n->size = item->size > UINT32_MAX - n->size ? UINT32_MAX : n->size + item->size;
	}
	n->height++;
	n->items = items;
	n->n = (uint32_t)(n->kind == NODE_MAP ? f->items.n / 2 : f->items.n);
	n->open = false;
	vec_done(&f->items);
	r->depth--;
	return 0;
}

static int on_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->documents++)
			return fail_at(r, e->start_mark, "a second YAML document; one is expected");
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(r, e);
	case YAML_ALIAS_EVENT:
		return on_alias(r, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(r, NODE_SEQ, e);
	case YAML_MAPPING_START_EVENT:
		return on_open(r, NODE_MAP, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_close(r);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return 0;
}

static int read_events(struct reader *r)
{
	for (bool more = true; more;) {
		yaml_event_t e;
		int ret;

		if (!yaml_parser_parse(&r->parser, &e))
			return libyaml_failed(r);
		ret = on_event(r, &e);
		more = e.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
		if (ret < 0)
			return ret;
	}
	return r->root ? 0 : fail(r, 1, 1, "the file is empty");
}

int yaml_read(struct arena *a, const char *text, size_t len, const struct node **ret_root,
	      struct yaml_problem *ret_problem)
{
	struct reader r = { .arena = a, .problem = ret_problem };
	int ret;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
		text += 3;
		len -= 3;
	}
	ret = check_text(&r, text, len);
	if (ret < 0)
		return ret;
	if (!yaml_parser_initialize(&r.parser))
		abort();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	ret = read_events(&r);
	for (size_t i = 0; i < r.depth; i++)
		vec_done(&r.stack[i].items);
	map_done(&r.anchors);
	yaml_parser_delete(&r.parser);
	if (ret == 0)
		*ret_root = r.root;
	return ret;
}
