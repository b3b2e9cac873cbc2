/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/content.h - a body that many requests share, in the encodings that there are. */
#pragma once

#include <microhttpd.h>

#include "base/str.h"
#include "dashboard/assets.h"

struct content; /* counted; one thread */

/* JSON: takes the text; compressed when that is worth it. */
struct content *content_json(struct str *text);
struct content *content_asset(const struct asset *a, const char *cache_control);
struct content *content_ref(struct content *c);
void content_unref(struct content *c); /* NULL is fine */
/* The response for a browser that accepts these encodings; the content's. */
struct MHD_Response *content_response(const struct content *c, unsigned accepted);

/* The headers that every answer has. */
void content_headers(struct MHD_Response *r);
