/* SPDX-License-Identifier: Apache-2.0 */
#include "lbsim/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/str.h"

struct journal {
	int fd;
	char *path;
	struct str line; /* reused */
};

struct journal *journal_open(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0) {
		err_set_errno(err, errno, "opening the journal %s", path);
		return NULL;
	}
	struct journal *j = XNEW(struct journal);
	j->fd = fd;
	j->path = xstrdup(path);
	return j;
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	close(j->fd);
	free(j->path);
	str_done(&j->line);
	free(j);
}

static void add_field(struct json *j, const struct log_attr *a)
{
	char text[ADDR_STRLEN];
	json_key(j, a->key);
	switch (a->type) {
	case LOG_ATTR_STR:
		return json_str(j, a->s);
	case LOG_ATTR_I64:
		return json_i64(j, a->i);
	case LOG_ATTR_U64:
		return json_u64(j, a->u);
	case LOG_ATTR_BOOL:
		return json_bool(j, a->b);
	case LOG_ATTR_ADDR:
		return json_str(j, addr_format(a->addr, text));
	}
}

void journal_format(const struct journal_entry *e, struct str *out)
{
	char at[WALL_STRLEN];
	struct json j;
	json_init(&j, out);
	json_obj(&j);
	json_key(&j, "time");
	json_str(&j, wall_format(e->at, at));
	json_key(&j, "client");
	json_str(&j, e->client);
	json_key(&j, "client_index");
	json_u64(&j, e->client_index);
	json_key(&j, "call");
	json_str(&j, e->call);
	json_key(&j, "fields");
	json_obj(&j);
	for (size_t i = 0; i < e->n_fields; i++)
		add_field(&j, &e->fields[i]);
	json_obj_end(&j);
	if (e->has_retval) {
		json_key(&j, "retval");
		json_i64(&j, e->retval);
	}
	if (e->injected) {
		json_key(&j, "injected");
		json_bool(&j, true);
	}
	json_obj_end(&j);
}

int journal_add(struct journal *j, const struct journal_entry *e, struct err *err)
{
	str_clear(&j->line);
	journal_format(e, &j->line);
	str_add_c(&j->line, '\n');
	ssize_t n = write(j->fd, j->line.p, j->line.len);
	if (n < 0)
		return err_set_errno(err, errno, "writing the journal %s", j->path);
	if ((size_t)n < j->line.len)
		return err_set_errno(err, ENOSPC, "writing the journal %s", j->path);
	return 0;
}
