/* SPDX-License-Identifier: Apache-2.0 */
#include "dashboard/catalog.h"

#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint8_t *pack(const ProtobufCMessage *m, size_t *ret_len)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	uint8_t *buf = xmalloc(n);

	*ret_len = protobuf_c_message_pack(m, buf);
	assert(buf && *ret_len == n); /* the first for clang's analyser, which doubts xmalloc */
	return buf;
}

static uint64_t hash(const ProtobufCMessage *m)
{
	size_t n;
	_cleanup_free_ uint8_t *buf = pack(m, &n);

	return XXH3_64bits(buf, n);
}

ProtobufCMessage *catalog_copy(const ProtobufCMessage *m)
{
	size_t n;
	_cleanup_free_ uint8_t *buf = pack(m, &n);
	ProtobufCMessage *ret = protobuf_c_message_unpack(m->descriptor, NULL, n, buf);

	assert(ret); /* what was packed just now */
	return ret;
}

bool catalog_same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	size_t n, m;

	if (!a || !b)
		return a == b;
	_cleanup_free_ uint8_t *x = pack(a, &n), *y = pack(b, &m);
	return n == m && memcmp(x, y, n) == 0;
}

static void object_free(struct object *o)
{
	protobuf_c_message_free_unpacked(o->msg, NULL);
	free(o);
}

static void object_set(struct object *o, const ProtobufCMessage *m, catalog_name_fn *name)
{
	if (o->msg)
		protobuf_c_message_free_unpacked(o->msg, NULL);
	o->msg = catalog_copy(m);
	o->name = name(o->msg);
	o->hash = hash(m);
}

struct object *catalog_get(const struct catalog *c, const char *name)
{
	return map_get_z(&c->by_name, name);
}

void catalog_rehash(struct object *o)
{
	o->hash = hash(o->msg);
}

/* The key of the map's entry is inside the message: out before the message goes. */
static void replace(struct catalog *c, struct object *o, const ProtobufCMessage *m,
		    catalog_name_fn *name)
{
	(void)map_del_z(&c->by_name, o->name);
	object_set(o, m, name);
	(void)map_put_z(&c->by_name, o->name, o);
}

bool catalog_put(struct catalog *c, const char *name, const ProtobufCMessage *m,
		 catalog_name_fn *name_of)
{
	struct object *o = catalog_get(c, name);

	if (!o || o->hash == hash(m))
		return false;
	replace(c, o, m, name_of);
	return true;
}

/* The object of this message, taken out of `old` or new. */
static struct object *take(struct catalog *old, const ProtobufCMessage *m, catalog_name_fn *name)
{
	struct object *o = map_del_z(&old->by_name, name(m));

	if (!o)
		o = XNEW(struct object);
	o->changed = !o->msg || o->hash != hash(m);
	if (o->changed)
		object_set(o, m, name);
	return o;
}

bool catalog_load(struct catalog *c, ProtobufCMessage *const *msgs, size_t n, catalog_name_fn *name)
{
	struct catalog old = *c;
	bool moved = false;
	struct object *left;
	size_t it = 0;

	*c = (struct catalog){ 0 };
	for (size_t i = 0; i < n; i++) {
		if (catalog_get(c, name(msgs[i])))
			continue;
		struct object *o = take(&old, msgs[i], name);
		moved = moved || c->all.n >= old.all.n || old.all.v[c->all.n] != o;
		vec_push(&c->all, o);
		(void)map_put_z(&c->by_name, o->name, o);
	}
	moved = moved || c->all.n != old.all.n;
	while ((left = map_next(&old.by_name, &it)))
		object_free(left);
	map_done(&old.by_name);
	vec_done(&old.all);
	return moved;
}

void catalog_done(struct catalog *c)
{
	for (size_t i = 0; i < c->all.n; i++)
		object_free(c->all.v[i]);
	vec_done(&c->all);
	map_done(&c->by_name);
}
