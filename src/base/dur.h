/* SPDX-License-Identifier: Apache-2.0 */
/* base/dur.h - times and durations: integer nanoseconds, with the unit in the type's name. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef int64_t dur_ns;  /* a length of time */
typedef int64_t mono_ns; /* a moment on CLOCK_MONOTONIC (or a simulated clock) */
typedef int64_t wall_ns; /* Unix time */

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

#define DUR_STRLEN 32

/* Go's time.ParseDuration: a signed sequence of decimal numbers with an optional fraction and a
 * unit ("300ms", "-1.5h", "2h45m"); units ns us µs ms s m h; a bare "0" is fine, any other bare
 * number is not. 0, -EINVAL (syntax) or -ERANGE (does not fit). */
int dur_parse(const char *s, dur_ns *ret);
/* Go's Duration.String: "1m30s", "500ms", "2s", "0s". Returns buf. */
const char *dur_format(dur_ns d, char buf[static DUR_STRLEN]);
/* For people, two units at the most: "3d4h", "5m12s", "850ms". Returns buf. */
const char *dur_format_short(dur_ns d, char buf[static DUR_STRLEN]);

#define WALL_STRLEN 40
/* RFC 3339 in UTC with nine fractional digits: "2026-11-20T09:55:00.123456789Z". Returns buf. */
const char *wall_format(wall_ns t, char buf[static WALL_STRLEN]);
