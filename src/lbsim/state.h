/* SPDX-License-Identifier: Apache-2.0 */
/* lbsim/state.h - everything the simulator holds, as one JSON object. */
#pragma once

#include "base/str.h"
#include "lbsim/api.h"

/* {"uptime":…,"conf":{…},"clients":[…],"calls":{…},"vips":[{…,"ases":[…]}]}: removed VIPs and ASes
 * are in with "used":false; "calls" counts requests by name since the start. */
void state_format(const struct api *a, const struct api_time *t, struct str *out);
