/* SPDX-License-Identifier: Apache-2.0 */
/* maglevt's cells: whatever a server or a file says, nothing but printable characters is on them.
 *
 * Input: width, place and room, a flag byte, then the text. */
#include <assert.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/alloc.h"
#include "maglevt/grid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct grid *g)
{
	for (int col = 0; col < g->cols; col++) {
		const struct cell *c = grid_at(g, 0, col);

		if (c->width == 0) {
			assert(col > 0 && grid_at(g, 0, col - 1)->width == 2);
			continue;
		}
		assert(c->width == 1 || (c->width == 2 && col + 1 < g->cols));
		assert(c->c[0] >= 0x20 && c->c[0] < 0x110000);
		assert(!(c->c[0] >= 0x7f && c->c[0] < 0xa0));
		assert(!g->ascii || c->c[0] < 0x80);
		assert(c->c[0] < 0x80 || wcwidth((wchar_t)c->c[0]) == c->width);
		for (int i = 1; i < CELL_CHARS && c->c[i]; i++)
			assert(wcwidth((wchar_t)c->c[i]) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct grid g;
	char *text;
	int used, at, max;

	if (size < 4)
		return 0;
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	grid_init(&g, 1, data[0], data[3] & 1);
	at = (int)data[1] - 16;
	max = data[2];
	text = xstrndup((const char *)data + 4, size - 4);
	if (data[3] & 2)
		(void)grid_put(&g, 0, 0, g.cols, STYLE_PLAIN, "台北台北台北台北");
	used = grid_put(&g, 0, at, max, STYLE_BAD, text);
	assert(used >= 0 && used <= MAX(MIN(max, g.cols - at), 0));
	(void)grid_put_right(&g, 0, at, max, STYLE_WARN, text);
	check(&g);
	free(text);
	grid_done(&g);
	return 0;
}
