/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard/encoding.h - which encodings of a content a browser takes (pure). */
#pragma once

enum encoding { ENCODING_PLAIN, ENCODING_GZIP, ENCODING_BROTLI, ENCODING_N };

const char *encoding_name(enum encoding e); /* "identity", "gzip", "br" */
/* The set of those that an Accept-Encoding header (NULL: none) allows, as bits 1 << encoding (RFC
 * 9110, 12.5.3); ENCODING_PLAIN is always in it. */
unsigned encoding_accepted(const char *header);
