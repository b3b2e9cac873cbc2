/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of `show lb vips verbose`: any text, never more than it can vouch for. */
#include <assert.h>
#include <stdint.h>

#include "vpp/lbtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lbtext t = { 0 };

	lbtext_parse((const char *)data, n, &t);
	for (size_t i = 0; i < t.n; i++) {
		assert(t.v[i].index > 0);
		assert(i == 0 || vip_key_cmp(&t.v[i - 1].key, &t.v[i].key) < 0);
		assert(lbtext_find(&t, &t.v[i].key) == &t.v[i]);
	}
	lbtext_done(&t);
	return 0;
}
