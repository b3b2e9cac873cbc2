/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/json.h - the proto3 JSON mapping, written from a message's descriptor.
 *
 * lowerCamelCase names, 64-bit integers as strings, default values left out unless asked for (unset
 * messages are always left out). Writing only; bytes fields as base64. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/json.h"

void rpc_json_message(struct json *j, const ProtobufCMessage *m, bool with_defaults);
