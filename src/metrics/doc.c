/* SPDX-License-Identifier: Apache-2.0 */
/* metrics/doc.c - prints docs/metrics.md, made from the table of families. */
#include <stdio.h>

#include "base/str.h"
#include "metrics/families.h"

static void add_labels(struct str *out, const struct metrics_family *f)
{
	if (!f->n_labels)
		str_add(out, "–");
	for (size_t i = 0; i < f->n_labels; i++)
		str_addf(out, "%s`%s`", i ? ", " : "", f->labels[i]);
}

static void add_help(struct str *out, const struct metrics_family *f)
{
	str_add(out, f->help);
	if (f->n_buckets)
		str_add(out, " Buckets (s):");
	for (size_t i = 0; i < f->n_buckets; i++)
		str_addf(out, " %.15g", f->buckets[i]);
	if (f->n_buckets)
		str_add_c(out, '.');
	if (f->absent)
		str_addf(out, " Absent %s.", f->absent);
}

static void add_row(struct str *out, const struct metrics_family *f)
{
	str_addf(out, "| `%s` | %s | %s | ", f->name, metrics_type_name(f->type),
		 *f->unit ? f->unit : "–");
	add_labels(out, f);
	str_add(out, " | ");
	add_help(out, f);
	str_add(out, " |\n");
}

static const char intro[] =
	"<!-- Made by `make docs` from src/metrics/families.c: change it there. -->\n"
	"# Metrics\n"
	"\n"
	"maglevd serves them at `http://<--metrics-addr>/metrics` (`:9091` unless told otherwise; "
	"an\n"
	"empty address switches them off), in the Prometheus text format 0.0.4, or in OpenMetrics\n"
	"1.0.0 to clients that ask for it with Accept. Each answer is fresh and ends its "
	"connection.\n"
	"\n"
	"Series of a backend or frontend that left the configuration disappear. Counters start at "
	"0\n"
	"with the process; those of a backend's probes start anew when the type of its check "
	"changes.\n"
	"\n"
	"| family | type | unit | labels | what it tells |\n"
	"|---|---|---|---|---|\n";

int main(void)
{
	struct str out = { 0 };
	int r;

	str_add(&out, intro);
	for (size_t i = 0; i < METRICS_ID_N; i++)
		add_row(&out, &metrics_families[i]);
	r = fputs(str_z(&out), stdout) < 0 || fflush(stdout) != 0;
	str_done(&out);
	return r;
}
