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

static void format(const struct journal_entry *e, struct str *out)
{
	char at[WALL_STRLEN];
	struct json j;
	json_init(&j, out);
	json_obj(&j);
	json_field_str(&j, "time", wall_format(e->at, at));
	json_field_str(&j, "client", e->client);
	json_field_u64(&j, "client_index", e->client_index);
	json_field_str(&j, "call", e->call);
	json_key(&j, "fields");
	json_obj(&j);
	for (size_t i = 0; i < e->n_fields; i++)
		log_attr_json(&e->fields[i], &j);
	json_obj_end(&j);
	if (e->has_retval) {
		json_field_i64(&j, "retval", e->retval);
	}
	if (e->injected) {
		json_field_bool(&j, "injected", true);
	}
	json_obj_end(&j);
}

int journal_add(struct journal *j, const struct journal_entry *e, struct err *err)
{
	str_clear(&j->line);
	format(e, &j->line);
	str_add_c(&j->line, '\n');
	ssize_t n = write(j->fd, j->line.p, j->line.len);
	if (n < 0)
		return err_set_errno(err, errno, "writing the journal %s", j->path);
	if ((size_t)n < j->line.len)
		return err_set_errno(err, ENOSPC, "writing the journal %s", j->path);
	return 0;
}
