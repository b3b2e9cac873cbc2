/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/maglevt/sample_vips.h - VIPs and readings for tests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "maglevt/model.h"
#include "maglevt/vips.h"

/* The VIPs of a configuration given as text; fails the test when it is wrong. */
void vips_of_text(struct vips *v, const char *text, enum scheme_choice choice,
		  const struct filter *filter);
/* n VIPs "web-000"… on 203.0.113.x:80 and, when `more`, a dns (udp), an https on IPv6, a tcp. */
void vips_many(struct vips *v, size_t n, bool more);

/* A pass with this status (0: tcp) and header value (NULL: none) after `us`. */
struct reading passed(uint32_t vip, int status, const char *field, uint32_t us, mono_ns now);
struct reading failure(uint32_t vip, enum code code, int status, const char *detail, mono_ns now);
