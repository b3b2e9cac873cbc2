/* SPDX-License-Identifier: Apache-2.0 */
/* config/report.h - messages with their place, gathered while a file is read. Internal to config/.
 */
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "config/path.h"
#include "config/yaml.h"

/* Warnings beyond these are counted, not kept: they travel in one RPC answer. */
#define CONFIG_MAX_WARNINGS 200

struct reporter {
	const char *file;
	struct config_report *rep;
	size_t n_more_warnings;
};

/* A message is about node `at`, reached by `p`. The first parse error is the one kept; it returns
 * -EINVAL. Semantic errors beyond CONFIG_MAX_SEMANTIC are counted. */
int report_parse(struct reporter *r, const struct node *at, const struct path *p, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));
void report_semantic(struct reporter *r, const struct node *at, const struct path *p,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void report_warning(struct reporter *r, const struct node *at, const struct path *p,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A warning without a place in the file; takes the text. */
void report_plain(struct reporter *r, char *text);
/* Is a further warning only counted? */
static inline bool report_is_full(const struct reporter *r)
{
	return r->rep->n_warnings == CONFIG_MAX_WARNINGS;
}

/* The other place of a cross rule, for the end of a message: "frontends.www (maglev.yaml:41:5)". */
struct place {
	const struct node *at;
	const struct path *path;
};
void place_add(struct str *out, const struct reporter *r, const struct place *pl);
/* A semantic error whose text ends with the other place. */
void report_semantic_pair(struct reporter *r, const struct node *at, const struct path *p,
			  const char *what, const struct place *other);

/* Add the line that says how many warnings were left out. */
void report_finish(struct reporter *r);
