/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/assets.h - the files of the page, put into the program when it is built (by pack.c). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dashboard/encoding.h"

struct asset {
	const char *path; /* below the bundle's root: "index.html", "assets/index-1a2b3c.js" */
	const char *type; /* Content-Type */
	struct {
		const uint8_t *p; /* NULL: there is no such variant, it would not be smaller */
		size_t len;
	} variant[ENCODING_N]; /* the plain one is always there */
};

extern const struct asset assets[];
extern const size_t assets_n;
