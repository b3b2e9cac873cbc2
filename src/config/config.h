/* SPDX-License-Identifier: Apache-2.0 */
/* config/config.h - from a YAML file to a checked struct config, or to every reason why not.
 *
 * Pure but for reading the one file; logs nothing. */
#pragma once

#include <stddef.h>

#include "core/model.h"

/* Values are maglevd's exit codes. */
enum config_class { CONFIG_OK = 0, CONFIG_PARSE_ERROR = 1, CONFIG_SEMANTIC_ERROR = 2 };

#define CONFIG_MAX_SEMANTIC   20
#define CONFIG_MAX_FILE_BYTES (64u << 20)

/* {0} is empty. Each message is one line: "<file>:<line>:<column>: <yaml path>: <what>"; of a file
 * that cannot be read, "<file>: <what>". Words of the file in it are escaped and cut. Warnings are
 * at most a few hundred, the last one telling how many there would be more. */
struct config_report {
	char *parse_error; /* set with CONFIG_PARSE_ERROR alone */
	char *semantic[CONFIG_MAX_SEMANTIC];
	size_t n_semantic;
	size_t n_suppressed; /* semantic errors beyond the cap */
	char **warnings;
	size_t n_warnings;
};

/* Read, parse and check the file. On CONFIG_OK *ret is a new config the caller owns; otherwise it
 * is untouched. `rep` must be {0}; warnings are filled with CONFIG_OK too. */
enum config_class config_load(const char *path, struct config **ret, struct config_report *rep);
/* The same for text in memory; `file` is the name in messages. */
enum config_class config_load_text(const char *file, const char *text, size_t len,
				   struct config **ret, struct config_report *rep);
void config_report_done(struct config_report *rep);
/* All semantic errors, a line each, with a last line when some were suppressed. Caller frees. */
char *config_report_semantic(const struct config_report *rep);
