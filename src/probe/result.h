/* SPDX-License-Identifier: Apache-2.0 */
/* probe/result.h - the words of an outcome: one line, valid UTF-8, bounded, whatever went in. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "probe/engine.h"

/* Format into a result's detail. Control characters become spaces, malformed UTF-8 becomes '?', and
 * what does not fit is cut between characters. */
void result_vdetail(char ret[static PROBE_DETAIL_MAX], const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Put a response header's value behind the detail's words, in the same cleanness, as far as there
 * is room: see probe_result_field. */
void result_field(struct probe_result *r, const char *value, size_t n);

#define RESULT_EXCERPT_LEN 32
/* The first bytes of what a peer sent, in quotes, with what is not printable ASCII as \xNN; NUL-
 * terminated. Returns buf. */
const char *result_excerpt(const char *data, size_t n, char buf[static RESULT_EXCERPT_LEN]);

/* "Connection refused"; any thread. Returns buf. */
#define RESULT_ERRNO_LEN 64
const char *result_errno(int errno_value, char buf[static RESULT_ERRNO_LEN]);

/* Is this errno, returned by a system call of ours, our own shortage or lack of permission (LOCAL),
 * and not the network's or the peer's answer? The table stands in result.c. */
bool result_errno_is_local(int errno_value);
