/* SPDX-License-Identifier: Apache-2.0 */
/* Server reflection (grpc/reflection/v1/reflection.proto).
 *
 * v1alpha has the same messages under another package's name: their encoding is the same, so one
 * set of C structs serves both. A client asks one thing after another on one stream; an answer to a
 * question that has none is an ErrorResponse, and the stream goes on. */
#include "rpc/reflection.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/list.h"
#include "reflection.pb-c.h"
#include "rpc/schema.h"
#include "rpc/stream.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest question;
typedef Grpc__Reflection__V1__ServerReflectionResponse answer;

#define ASKS(WHAT)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##WHAT
#define GIVES(WHAT) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##WHAT

struct rpc_reflection {
	struct schema schema;
	struct list sessions; /* of struct session */
};

struct session {
	struct list node;
	struct rpc_reflection *reflection;
	struct rpc_stream *stream;
};

/* ---- answers */

static void send(struct session *se, const question *q, answer *a)
{
	union {
		const question *given;
		question *wanted;
	} original = { .given = q };
	struct rpc_packed *p;

	a->valid_host = q->host;
	a->original_request = original.wanted;
	p = rpc_packed_one(&a->base);
	rpc_stream_send(se->stream, p);
	rpc_packed_unref(p);
}

static void send_error(struct session *se, const question *q, enum rpc_status status,
		       const char *what, const char *name)
{
	Grpc__Reflection__V1__ErrorResponse error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
	answer a = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
	_cleanup_free_ char *text = name ? xasprintf("%s \"%s\" not found", what, name)
					 : xstrdup(what);

	error.error_code = (int32_t)status;
	error.error_message = text;
	a.message_response_case = GIVES(ERROR_RESPONSE);
	a.error_response = &error;
	send(se, q, &a);
}

struct files {
	VEC(const struct schema_file *) list;
};

static bool has_file(const struct files *fs, const struct schema_file *f)
{
	for (size_t i = 0; i < fs->list.n; i++)
		if (fs->list.v[i] == f)
			return true;
	return false;
}

/* The file, and after it what it imports, each once. */
static void closure(const struct schema *s, const struct schema_file *first, struct files *fs)
{
	vec_push(&fs->list, first);
	for (size_t i = 0; i < fs->list.n; i++) {
		const struct schema_file *f = fs->list.v[i];
		for (size_t k = 0; k < f->imports.n; k++) {
			const struct schema_file *in = map_get_z(&s->by_name, f->imports.v[k]);
			if (in && !has_file(fs, in))
				vec_push(&fs->list, in);
		}
	}
}

static void send_file(struct session *se, const question *q, const struct schema_file *file)
{
	Grpc__Reflection__V1__FileDescriptorResponse files =
		GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
	answer a = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
	struct files fs = { 0 };
	ProtobufCBinaryData *data;

	closure(&se->reflection->schema, file, &fs);
	data = xcalloc(fs.list.n, sizeof *data);
	for (size_t i = 0; i < fs.list.n; i++) {
		union {
			const uint8_t *given;
			uint8_t *wanted;
		} p = { .given = fs.list.v[i]->bytes.p };
		data[i] = (ProtobufCBinaryData){ fs.list.v[i]->bytes.n, p.wanted };
	}
	files.n_file_descriptor_proto = fs.list.n;
	files.file_descriptor_proto = data;
	a.message_response_case = GIVES(FILE_DESCRIPTOR_RESPONSE);
	a.file_descriptor_response = &files;
	send(se, q, &a);
	free(data);
	vec_done(&fs.list);
}

static void find_file(struct session *se, const question *q, const struct map *in, const char *what,
		      const char *name)
{
	const struct schema_file *file = map_get_z(in, name);

	if (file)
		send_file(se, q, file);
	else
		send_error(se, q, RPC_NOT_FOUND, what, name);
}

static void list_services(struct session *se, const question *q)
{
	const struct schema *s = &se->reflection->schema;
	Grpc__Reflection__V1__ListServiceResponse list =
		GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
	Grpc__Reflection__V1__ServiceResponse *all = xcalloc(s->services.n, sizeof *all);
	Grpc__Reflection__V1__ServiceResponse **pointers = xcalloc(s->services.n, sizeof *pointers);
	answer a = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;

	for (size_t i = 0; i < s->services.n; i++) {
		grpc__reflection__v1__service_response__init(&all[i]);
		all[i].name = s->services.v[i];
		pointers[i] = &all[i];
	}
	list.n_service = s->services.n;
	list.service = pointers;
	a.message_response_case = GIVES(LIST_SERVICES_RESPONSE);
	a.list_services_response = &list;
	send(se, q, &a);
	free(pointers);
	free(all);
}

/* proto3 messages as ours have no extensions. */
static void extension_numbers(struct session *se, const question *q, char *type)
{
	Grpc__Reflection__V1__ExtensionNumberResponse none =
		GRPC__REFLECTION__V1__EXTENSION_NUMBER_RESPONSE__INIT;
	answer a = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;

	if (!map_get_z(&se->reflection->schema.types, type)) {
		send_error(se, q, RPC_NOT_FOUND, "message type", type);
		return;
	}
	none.base_type_name = type;
	a.message_response_case = GIVES(ALL_EXTENSION_NUMBERS_RESPONSE);
	a.all_extension_numbers_response = &none;
	send(se, q, &a);
}

static void on_message(void *ctx, struct rpc_stream *st _unused_, const ProtobufCMessage *m)
{
	struct session *se = ctx;
	const question *q = (const question *)m;
	const struct schema *s = &se->reflection->schema;

	switch ((unsigned)q->message_request_case) {
	case ASKS(FILE_BY_FILENAME):
		find_file(se, q, &s->by_name, "file", q->file_by_filename);
		break;
	case ASKS(FILE_CONTAINING_SYMBOL):
		find_file(se, q, &s->by_symbol, "symbol", q->file_containing_symbol);
		break;
	case ASKS(FILE_CONTAINING_EXTENSION):
		send_error(se, q, RPC_NOT_FOUND, "extension of message type",
			   q->file_containing_extension->containing_type);
		break;
	case ASKS(ALL_EXTENSION_NUMBERS_OF_TYPE):
		extension_numbers(se, q, q->all_extension_numbers_of_type);
		break;
	case ASKS(LIST_SERVICES):
		list_services(se, q);
		break;
	default:
		send_error(se, q, RPC_INVALID_ARGUMENT, "the request asks for nothing", NULL);
	}
}

/* ---- sessions */

static void session_free(struct session *se)
{
	list_remove(&se->node);
	free(se);
}

static void on_closed(void *ctx, struct rpc_stream *st _unused_)
{
	session_free(ctx);
}

static void on_half_closed(void *ctx, struct rpc_stream *st)
{
	rpc_stream_end(st, RPC_OK, "");
	session_free(ctx);
}

static const struct rpc_stream_ops session_ops = { .closed = on_closed,
						   .message = on_message,
						   .half_closed = on_half_closed };

static void server_reflection_info(void *ctx, struct rpc_call *call,
				   const ProtobufCMessage *request _unused_)
{
	struct rpc_reflection *r = ctx;
	struct session *se = XNEW(struct session);

	se->reflection = r;
	list_add_tail(&r->sessions, &se->node);
	se->stream = rpc_stream_open(call, &session_ops, se);
}

struct rpc_reflection *rpc_reflection_new(void)
{
	struct rpc_reflection *r = XNEW(struct rpc_reflection);

	schema_init(&r->schema, rpc_schema_set, rpc_schema_set_len);
	list_init(&r->sessions);
	return r;
}

void rpc_reflection_stop(struct rpc_reflection *r)
{
	list_foreach (&r->sessions, node) {
		struct session *se = CONTAINER_OF(node, struct session, node);
		rpc_stream_end(se->stream, RPC_UNAVAILABLE, "shutting down");
		session_free(se);
	}
}

void rpc_reflection_free(struct rpc_reflection *r)
{
	if (!r)
		return;
	schema_done(&r->schema);
	free(r);
}

#define SERVES(VERSION)                                                                            \
	{                                                                                          \
		.path = "/grpc.reflection." VERSION ".ServerReflection/ServerReflectionInfo",      \
		.request = &grpc__reflection__v1__server_reflection_request__descriptor,           \
		.fn = server_reflection_info, .kind = RPC_BIDI_STREAM                              \
	}

static const struct rpc_method methods[] = { SERVES("v1"), SERVES("v1alpha") };

struct rpc_service rpc_reflection_service(struct rpc_reflection *r)
{
	return (struct rpc_service){ methods, ARRAY_LEN(methods), r };
}
