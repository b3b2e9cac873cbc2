/* SPDX-License-Identifier: Apache-2.0 */
/* maglevd/pb.h - what answers and events have in common as messages of the API. */
#pragma once

#include <stdint.h>

#include "maglev.pb-c.h"
#include "maglevd/fleet.h"

/* protobuf-c's structs have no const; what is packed at once may be borrowed. */
static inline char *pb_str(const char *s)
{
	return (char *)(uintptr_t)(s ? s : "");
}

/* Its strings are borrowed from the transition. */
static inline Maglev__TransitionRecord pb_transition(const struct transition *t)
{
	Maglev__TransitionRecord m = MAGLEV__TRANSITION_RECORD__INIT;

	m.from = pb_str(health_state_name(t->from));
	m.to = pb_str(health_state_name(t->to));
	m.at_unix_ns = t->at;
	m.code = pb_str(code_name(t->code));
	m.detail = pb_str(t->detail);
	return m;
}
