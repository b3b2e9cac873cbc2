/* SPDX-License-Identifier: Apache-2.0 */
#include "dashboard/admin_body.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/alloc.h"
#include "core/model.h"

static void release(json_t **j)
{
	json_decref(*j);
}

/* An object, or NULL with *r set: 0 when there is no body at all. */
static json_t *load(const struct str *body, int *r, struct err *e)
{
	json_error_t error;
	json_t *j;

	*r = 0;
	if (!body->len)
		return NULL;
	j = json_loadb(body->p, body->len, JSON_REJECT_DUPLICATES, &error);
	if (!j)
		*r = err_set(e, -EINVAL, "the body is no JSON: line %d, column %d: %s", error.line,
			     error.column, error.text);
	if (j && !json_is_object(j)) {
		*r = err_set(e, -EINVAL, "the body is no JSON object");
		json_decref(j);
		j = NULL;
	}
	return j;
}

static int check_members(json_t *j, const char *const *known, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach(j, key, value)
	{
		const char *const *k = known;

		while (*k && strcmp(*k, key) != 0)
			k++;
		if (!*k)
			return err_set(e, -EINVAL, "\"%s\" is not known here", key);
	}
	return 0;
}

int admin_body_none(const struct str *body, struct err *e)
{
	static const char *const known[] = { NULL };
	int r;
	_cleanup_(release) json_t *j = load(body, &r, e);

	return j ? check_members(j, known, e) : r;
}

int admin_body_weight(const struct str *body, int *ret_weight, bool *ret_flush, struct err *e)
{
	static const char *const known[] = { "weight", "flush", NULL };
	const json_t *weight, *flush;
	json_int_t n;
	int r;
	_cleanup_(release) json_t *j = load(body, &r, e);

	if (!j)
		return r ? r : err_set(e, -EINVAL, "a weight is needed");
	if (check_members(j, known, e))
		return -EINVAL;
	weight = json_object_get(j, "weight");
	flush = json_object_get(j, "flush");
	n = json_is_integer(weight) ? json_integer_value(weight) : -1;
	if (n < 0 || n > WEIGHT_MAX)
		return err_set(e, -EINVAL, "\"weight\" must be an integer from 0 to %d",
			       WEIGHT_MAX);
	if (flush && !json_is_boolean(flush))
		return err_set(e, -EINVAL, "\"flush\" must be true or false");
	*ret_weight = (int)n;
	*ret_flush = json_is_true(flush);
	return 0;
}

int admin_body_sync(const struct str *body, char **ret_frontend, struct err *e)
{
	static const char *const known[] = { "frontend", NULL };
	const json_t *frontend;
	int r;
	_cleanup_(release) json_t *j = load(body, &r, e);

	if (r || (j && check_members(j, known, e)))
		return -EINVAL;
	frontend = json_object_get(j, "frontend");
	if (frontend && !(json_is_string(frontend) && *json_string_value(frontend)))
		return err_set(e, -EINVAL, "\"frontend\" must be a name");
	*ret_frontend = frontend ? xstrdup(json_string_value(frontend)) : NULL;
	return 0;
}
