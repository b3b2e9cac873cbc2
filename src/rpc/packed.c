/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/packed.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>

#include "base/alloc.h"
#include "base/vec.h"
#include "rpc/core.h"
#include "rpc/message.h"

struct rpc_packed {
	_Atomic int refs;
	VEC(uint8_t) bytes; /* until sealed; then the slice's */
	VEC(size_t) ends;   /* of each message, in bytes */
	bool sealed;
	grpc_slice slice;
};

struct rpc_packed *rpc_packed_new(void)
{
	struct rpc_packed *p = XNEW(struct rpc_packed);

	atomic_init(&p->refs, 1);
	return p;
}

struct rpc_packed *rpc_packed_one(const ProtobufCMessage *m)
{
	struct rpc_packed *p = rpc_packed_new();

	rpc_packed_add(p, m);
	return p;
}

void rpc_packed_add(struct rpc_packed *p, const ProtobufCMessage *m)
{
	size_t n;
	uint8_t *bytes = rpc_message_encode(m, &n);

	assert(!p->sealed);
	if (p->bytes.cap == 0) {
		p->bytes.v = bytes;
		p->bytes.n = p->bytes.cap = n;
	} else {
		vec_reserve(&p->bytes, p->bytes.n + n);
		memcpy(p->bytes.v + p->bytes.n, bytes, n);
		p->bytes.n += n;
		free(bytes);
	}
	vec_push(&p->ends, p->bytes.n);
}

size_t rpc_packed_count(const struct rpc_packed *p)
{
	return p->ends.n;
}

void rpc_packed_seal(struct rpc_packed *p)
{
	if (p->sealed)
		return;
	p->sealed = true;
	p->slice = p->bytes.v ? grpc_slice_new(p->bytes.v, p->bytes.n, free) : grpc_empty_slice();
	p->bytes.v = NULL;
}

grpc_byte_buffer *rpc_packed_buffer(const struct rpc_packed *p, size_t i)
{
	size_t start = i ? p->ends.v[i - 1] : 0;
	grpc_slice s = p->ends.n == 1 ? grpc_slice_ref(p->slice)
				      : grpc_slice_sub(p->slice, start, p->ends.v[i]);
	grpc_byte_buffer *b = grpc_raw_byte_buffer_create(&s, 1);

	grpc_slice_unref(s);
	return b;
}

struct rpc_packed *rpc_packed_ref(struct rpc_packed *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void rpc_packed_unref(struct rpc_packed *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (p->sealed)
		grpc_slice_unref(p->slice);
	free(p->bytes.v);
	vec_done(&p->ends);
	free(p);
}
