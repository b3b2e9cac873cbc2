/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt/figures.h - numbers as text of bounded width (pure). All return buf. */
#pragma once

#include <stdint.h>

#define FIGURE_LEN 32

/* At most 5 columns: "0" … "99999", "123k", "1.2M", "34M", … */
const char *figure_compact(uint64_t n, char buf[static FIGURE_LEN]);
/* At most 4 columns: "0" … "9999", "12k", "123k", "1.2M", … */
const char *figure_short(uint64_t n, char buf[static FIGURE_LEN]);
/* "1,234,567" */
const char *figure_grouped(uint64_t n, char buf[static FIGURE_LEN]);
/* At most 6 columns: "0.12ms", "12.3ms", "123ms", "1.23s", "12.3s", "123s" */
const char *figure_latency(uint32_t us, char buf[static FIGURE_LEN]);
/* Of a thousand: "100", "99.9", "0.0"; never rounded up */
const char *figure_percent(unsigned permille, char buf[static FIGURE_LEN]);
/* A part of a whole, rounded: "33%", "100%"; "<1%" for what is not nothing */
const char *figure_share(uint64_t part, uint64_t whole, char buf[static FIGURE_LEN]);
