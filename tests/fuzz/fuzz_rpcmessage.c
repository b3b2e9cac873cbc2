/* SPDX-License-Identifier: Apache-2.0 */
/* A peer's bytes as messages: the first byte says which, the rest is on the wire. Whatever decodes
 * must be printable as JSON, and encode to bytes that decode again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "maglev.pb-c.h"
#include "rpc/json.h"
#include "rpc/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const kinds[] = {
	&maglev__set_weight_request__descriptor,
	&maglev__list_backends_response__descriptor,
	&maglev__list_frontends_response__descriptor,
	&maglev__list_health_checks_response__descriptor,
	&maglev__event__descriptor,
	&maglev__vpplbstate__descriptor,
	&maglev__vpplbcounters__descriptor,
	&maglev__watch_request__descriptor,
	&maglev__backend_request__descriptor,
	&maglev__list_backends_request__descriptor,
	&maglev__sync_vpplbstate_request__descriptor,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const ProtobufCMessageDescriptor *d;
	_cleanup_(str_done) struct str text = { 0 };
	ProtobufCMessage *m, *again;
	struct json j;
	size_t n;

	if (size == 0)
		return 0;
	d = kinds[data[0] % ARRAY_LEN(kinds)];
	if (rpc_message_decode(d, data + 1, size - 1, &m, NULL))
		return 0;
	json_init(&j, &text);
	rpc_json_message(&j, m, true);
	_cleanup_free_ uint8_t *bytes = rpc_message_encode(m, &n);
	if (rpc_message_decode(d, bytes, n, &again, NULL))
		abort();
	protobuf_c_message_free_unpacked(again, NULL);
	protobuf_c_message_free_unpacked(m, NULL);
	return 0;
}
