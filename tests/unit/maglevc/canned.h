/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon that gives the same answers every time, for looking at what maglevc makes of them. */
#pragma once

#include "base/str.h"
#include "rpc/server.h"

/* 2026-11-20T10:00:00Z */
#define CANNED_NOW INT64_C(1795168800000000000)

struct canned {
	struct str requests; /* "GetBackend {"name":"web-a"}", a line each */
};

extern const struct rpc_method canned_methods[];
extern const size_t canned_n_methods;
