/* SPDX-License-Identifier: Apache-2.0 */
/* config/yaml.h - YAML text into a tree of nodes that know their line and column.
 *
 * What comes out: one document; no duplicate keys; every key a scalar; aliases resolved (a node may
 * hang in several places: the tree is read-only); merge keys applied; depth and size bounded. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* Collections within collections, the outermost counted. */
#define YAML_DEPTH_MAX 32
/* Nodes that aliases may add to those written out, all together: ten thousand frontends that share
 * a list of a hundred backends stay below it, and a few nested aliases cannot take the machine. */
#define YAML_EXPANSION_MAX (4u << 20)

/* Nodes written out. A real file of the largest size has about half as many; one made of nothing
 * but commas would take gigabytes. */
#define YAML_NODES_MAX (16u << 20)

enum node_kind { NODE_SCALAR, NODE_SEQ, NODE_MAP };

struct node {
	uint8_t kind;       /* enum node_kind */
	uint8_t height;     /* levels of collections: 0 for a scalar */
	bool plain;         /* a scalar without quotes, whose type its text decides */
	bool open;          /* a collection still being read: an alias to it is a cycle */
	uint32_t line, col; /* from 1; columns count characters */
	uint32_t size;      /* nodes in the subtree, aliases counted in full; saturates */
	uint32_t n;         /* items of a list, pairs of a mapping, bytes of a scalar */
	union {
		const char *text;          /* scalar: UTF-8, NUL-terminated, no NUL within */
		struct node *const *items; /* list; mapping: key, value, key, value, … */
	};
};

static inline const struct node *node_key(const struct node *map, size_t i)
{
	return map->items[2 * i];
}
static inline const struct node *node_value(const struct node *map, size_t i)
{
	return map->items[2 * i + 1];
}
/* An empty value, ~ or null: the same as the key not written. */
bool node_null(const struct node *n);

struct yaml_problem {
	uint32_t line, col;
	char *path; /* text, for path "" of an empty file too; caller frees */
	char *what; /* one line; caller frees */
};

/* Read one document. Nodes live in `a`, as long as it does. 0, or -EINVAL with *ret_problem
 * filled. */
int yaml_read(struct arena *a, const char *text, size_t len, const struct node **ret_root,
	      struct yaml_problem *ret_problem);
