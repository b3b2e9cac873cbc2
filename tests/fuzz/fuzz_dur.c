/* SPDX-License-Identifier: Apache-2.0 */
/* Durations: whatever text is taken comes back the same after it was written out, and nothing
 * written overruns its buffer or lacks its end. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/dur.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	dur_ns d = 42, again;
	char buf[DUR_STRLEN];
	int r = dur_parse(text, &d);

	if (r < 0) {
		assert(r == -EINVAL || r == -ERANGE);
		assert(d == 42); /* outputs are left alone on failure */
		return;
	}
	assert(memchr(dur_format(d, buf), '\0', sizeof buf));
	assert(dur_parse(buf, &again) == 0 && again == d);
}

/* Any number of nanoseconds can be written, not only what a text came to. */
static void check_value(int64_t d)
{
	char buf[DUR_STRLEN], wall[WALL_STRLEN];
	dur_ns again;

	dur_format(d, buf);
	assert(dur_parse(buf, &again) == 0 && again == d);
	assert(memchr(dur_format_short(d, buf), '\0', sizeof buf));
	assert(memchr(wall_format(d, wall), '\0', sizeof wall));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1);
	int64_t value;

	memcpy(text, data, size);
	text[size] = '\0';
	check_text(text);
	if (size >= sizeof value) {
		memcpy(&value, data, sizeof value);
		check_value(value);
	}
	free(text);
	return 0;
}
