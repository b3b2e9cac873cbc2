/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over FileDescriptorSet (google/protobuf/descriptor.proto), of which only names matter:
 * protobuf-c's own descriptors know neither files nor the order of things, and reflection has to
 * hand out the original bytes anyway. */
#include "rpc/schema.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Field numbers of descriptor.proto. `name` is 1 in every message of it. */
enum {
	SET_FILE = 1,
	NAME = 1,
	FILE_PACKAGE = 2,
	FILE_DEPENDENCY = 3,
	FILE_MESSAGE = 4,
	FILE_ENUM = 5,
	FILE_SERVICE = 6,
	MESSAGE_FIELD = 2,
	MESSAGE_NESTED = 3,
	MESSAGE_ENUM = 4,
	MESSAGE_ONEOF = 8,
	ENUM_VALUE = 2,
	SERVICE_METHOD = 2,
};

#define fields_foreach(CURSOR, F)                                                                  \
	for (struct wire_field F; (CURSOR).n > 0 && (take(&(CURSOR), &F), true);)

static void take(struct cursor *c, struct wire_field *f)
{
	bool ok = wire_take(c, f);

	assert(ok);
}

static char *text(struct cursor c)
{
	return xstrndup((const char *)c.p, c.n);
}

/* "scope.name" of what is encoded in `c`; "name" at the top. */
static char *full_name(const char *scope, struct cursor c)
{
	char *ret = NULL;

	fields_foreach(c, f)
	{
		if (f.number != NAME || ret)
			continue;
		ret = *scope ? xasprintf("%s.%.*s", scope, (int)f.bytes.n, f.bytes.p)
			     : text(f.bytes);
	}
	assert(ret);
	return ret;
}

/* The symbol is the schema's now; returns it. */
static char *symbol_add(struct schema *s, struct schema_file *file, char *name)
{
	vec_push(&s->symbols, name);
	(void)map_put_z(&s->by_symbol, name, file);
	return name;
}

static void parts_add(struct schema *s, struct schema_file *file, const char *scope,
		      struct cursor c, unsigned number)
{
	fields_foreach(c, f)
	{
		if (f.number == number && f.wire == WIRE_LEN)
			(void)symbol_add(s, file, full_name(scope, f.bytes));
	}
}

/* The values of an enum are named in the scope around it, as in C++. */
static void enum_add(struct schema *s, struct schema_file *file, const char *scope, struct cursor c)
{
	(void)symbol_add(s, file, full_name(scope, c));
	parts_add(s, file, scope, c, ENUM_VALUE);
}

static void message_add(struct schema *s, struct schema_file *file, const char *scope,
			struct cursor c)
{
	const char *name = symbol_add(s, file, full_name(scope, c));

	(void)map_put_z(&s->types, name, file);
	parts_add(s, file, name, c, MESSAGE_FIELD);
	parts_add(s, file, name, c, MESSAGE_ONEOF);
	fields_foreach(c, f)
	{
		if (f.number == MESSAGE_NESTED)
			message_add(s, file, name, f.bytes);
		else if (f.number == MESSAGE_ENUM)
			enum_add(s, file, name, f.bytes);
	}
}

static void service_add(struct schema *s, struct schema_file *file, const char *scope,
			struct cursor c)
{
	char *name = symbol_add(s, file, full_name(scope, c));

	vec_push(&s->services, name);
	parts_add(s, file, name, c, SERVICE_METHOD);
}

static char *package_of(struct cursor c)
{
	char *ret = NULL;

	fields_foreach(c, f)
	{
		if (f.number == FILE_PACKAGE && !ret)
			ret = text(f.bytes);
	}
	return ret ? ret : xstrdup("");
}

static void file_add(struct schema *s, struct cursor c)
{
	struct schema_file *file = XNEW(struct schema_file);
	_cleanup_free_ char *package = package_of(c);

	file->bytes = c;
	file->name = full_name("", c);
	vec_push(&s->files, file);
	(void)map_put_z(&s->by_name, file->name, file);
	fields_foreach(c, f)
	{
		if (f.number == FILE_DEPENDENCY)
			vec_push(&file->imports, text(f.bytes));
		else if (f.number == FILE_MESSAGE)
			message_add(s, file, package, f.bytes);
		else if (f.number == FILE_ENUM)
			enum_add(s, file, package, f.bytes);
		else if (f.number == FILE_SERVICE)
			service_add(s, file, package, f.bytes);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void schema_init(struct schema *s, const uint8_t *set, size_t n)
{
	struct cursor c = { set, n };

	memset(s, 0, sizeof *s);
	fields_foreach(c, f)
	{
		assert(f.number == SET_FILE);
		file_add(s, f.bytes);
	}
	if (s->services.n)
		qsort(s->services.v, s->services.n, sizeof(char *), by_text);
}

void schema_done(struct schema *s)
{
	map_done(&s->by_name);
	map_done(&s->by_symbol);
	map_done(&s->types);
	for (size_t i = 0; i < s->files.n; i++) {
		struct schema_file *file = s->files.v[i];
		for (size_t k = 0; k < file->imports.n; k++)
			free(file->imports.v[k]);
		vec_done(&file->imports);
		free(file->name);
		free(file);
	}
	for (size_t i = 0; i < s->symbols.n; i++)
		free(s->symbols.v[i]);
	vec_done(&s->files);
	vec_done(&s->symbols);
	vec_done(&s->services);
}
