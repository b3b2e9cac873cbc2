/* SPDX-License-Identifier: Apache-2.0 */
/* A VPP to test on: connects to it, refuses one that is in use, and leaves it as it was.
 *
 * Tests here are programs that end with 0, or 1 and a sentence on stderr; 77 is "skipped". */
#pragma once

#include "base/str.h"
#include "vpp/client.h"

#define VPPBED_SKIPPED  77
#define VPPBED_PATIENCE (120 * NS_PER_S)

struct vppbed {
	struct loop *loop;
	struct vpp_client *client;
	struct vpp_lb_conf_get_reply conf; /* as it was found */
	size_t open;                       /* requests unanswered */
};

_Noreturn void vppbed_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Connect to the API socket that MAGLEV_TEST_VPP_API names (exits as skipped when it is not set);
 * dies when that VPP has VIPs. */
void vppbed_open(struct vppbed *b);
/* Dies unless VPP has no VIPs; puts lb_conf back. */
void vppbed_close(struct vppbed *b);

/* Send; dies when the answer is not 0. Pipelined: see vppbed_wait. */
void vppbed_send(struct vppbed *b, enum vpp_msg m, const void *body);
void vppbed_wait(struct vppbed *b); /* for all answers */
/* A dump; fn is called for each row. */
void vppbed_dump(struct vppbed *b, enum vpp_msg m, const void *body, vpp_answer_fn *fn, void *ctx);
/* What a command of VPP's CLI prints. */
void vppbed_cli(struct vppbed *b, struct str *ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
