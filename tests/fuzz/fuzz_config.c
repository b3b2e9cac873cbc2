/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration of any bytes: loaded or refused with a message, never a crash, leak or hang.
 *
 * A file that loads is then compared with itself loaded again, which walks all of both. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "config/config.h"
#include "config/diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config *load(const char *text, size_t size)
{
	struct config *c = NULL;
	struct config_report rep = { 0 };
	enum config_class class = config_load_text("f", text, size, &c, &rep);
	_cleanup_free_ char *semantic = config_report_semantic(&rep);

	assert((class == CONFIG_OK) == (c != NULL));
	assert((class == CONFIG_PARSE_ERROR) == (rep.parse_error != NULL));
	assert((class == CONFIG_SEMANTIC_ERROR) == (rep.n_semantic > 0));
	assert((class == CONFIG_SEMANTIC_ERROR) == (*semantic != '\0'));
	assert(!rep.parse_error || !strchr(rep.parse_error, '\n'));
	for (size_t i = 0; i < rep.n_semantic; i++)
		assert(!strchr(rep.semantic[i], '\n'));
	config_report_done(&rep);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* an exact copy, so that a read past the end is seen */
	_cleanup_free_ char *text = xmemdup(data, size);
	struct config *a = load(text, size), *b;
	struct config_delta d;

	if (!a)
		return 0;
	b = load(text, size);
	config_diff(a, b, &d);
	assert(d.n_kept == d.n_backends && d.n_backends == a->n_backends);
	config_delta_done(&d);
	config_free(a);
	config_free(b);
	return 0;
}
