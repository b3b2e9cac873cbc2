/* SPDX-License-Identifier: Apache-2.0 */
/* base/version.h - what this build is. */
#pragma once

const char *version_string(void); /* "2.0.0" */
const char *version_commit(void); /* short hash, with "-dirty" when so; "unknown" outside git */
const char *version_date(void);   /* UTC, ISO 8601; from SOURCE_DATE_EPOCH when it is set */
/* "maglevd 2.0.0 (commit 1a2b3c4, built 2026-11-20T09:55:00Z)" on stdout, for --version. */
void version_print(const char *program);
