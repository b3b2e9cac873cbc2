/* SPDX-License-Identifier: Apache-2.0 */
/* rpc/message.h - messages to bytes and back, with what protobuf-c leaves out.
 *
 * protobuf-c neither looks at the encoding of strings nor notices a NUL byte inside one (a C string
 * then ends there, and "web\0x" would pass for "web"). proto3 demands UTF-8, and other languages'
 * clients refuse a whole message over one bad byte. Any thread. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define RPC_MESSAGE_DEPTH_MAX 16 /* messages inside messages; ours need 4 */

/* Bytes from a peer to a message; free it with protobuf_c_message_free_unpacked(m, NULL).
 * -EBADMSG: not the encoding of such a message; -EILSEQ: a string field (named in `e`) is not
 * UTF-8 or holds a NUL. */
int rpc_message_decode(const ProtobufCMessageDescriptor *d, const uint8_t *p, size_t n,
		       ProtobufCMessage **ret, struct err *e);

/* A message to bytes, which the caller frees. What is not UTF-8 in its strings (a probed server's
 * words, say) becomes U+FFFD. */
uint8_t *rpc_message_encode(const ProtobufCMessage *m, size_t *ret_n);
