/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the table of the configuration's keys, a line for each, fields separated by tabs: section,
 * key, type, default, least and greatest value, "required" or nothing. What is not there is "-".
 * tests/e2e/test_docs.py compares it with docs/config-guide.md. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/dur.h"
#include "config/schema.h"

static const char *const type_names[] = {
	[VALUE_INT] = "int",    [VALUE_DUR] = "duration", [VALUE_BOOL] = "bool",
	[VALUE_STR] = "string", [VALUE_ADDR] = "address", [VALUE_ENUM] = "word",
	[VALUE_MAP] = "map",    [VALUE_LIST] = "list",
};

static const struct {
	const char *name;
	const struct schema *schema;
} sections[] = {
	{ "maglev", &schema_top },
	{ "healthchecker", &schema_checker },
	{ "vpp", &schema_vpp },
	{ "vpp.lb", &schema_lb },
	{ "healthchecks.<name>", &schema_check },
	{ "healthchecks.<name>.params", &schema_param },
	{ "backends.<name>", &schema_backend },
	{ "frontends.<name>", &schema_frontend },
	{ "frontends.<name>.pools[]", &schema_pool },
	{ "frontends.<name>.pools[].backends.<name>", &schema_member },
};

static void print_bound(const struct schema_row *row, int64_t bound)
{
	char text[DUR_STRLEN];

	if ((row->lo == 0 && row->hi == 0) || bound == DUR_BOUND)
		(void)printf("\t-");
	else if (row->type == VALUE_DUR)
		(void)printf("\t%s", dur_format(bound, text));
	else
		(void)printf("\t%lld", (long long)bound);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		for (size_t k = 0; k < sections[i].schema->n; k++) {
			const struct schema_row *row = &sections[i].schema->rows[k];

			(void)printf("%s\t%s\t%s\t%s", sections[i].name, row->key,
				     type_names[row->type],
				     !row->def   ? "-"
				     : *row->def ? row->def
						 : "empty");
			print_bound(row, row->lo);
			print_bound(row, row->hi);
			(void)printf("\t%s\n", row->rules & RULE_REQUIRED ? "required" : "-");
		}
	}
	return 0;
}
