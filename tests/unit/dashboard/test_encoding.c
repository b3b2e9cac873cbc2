/* SPDX-License-Identifier: Apache-2.0 */
/* Which encodings a header allows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "dashboard/encoding.h"

#define G (1u << ENCODING_GZIP)
#define B (1u << ENCODING_BROTLI)
#define P (1u << ENCODING_PLAIN)

static void headers(void **state)
{
	static const struct {
		const char *header;
		unsigned set;
	} cases[] = {
		{ NULL, P },
		{ "", P },
		{ "gzip", P | G },
		{ "br", P | B },
		{ "gzip, deflate, br, zstd", P | G | B },
		{ "GZIP,BR", P | G | B },
		{ "gzip;q=0", P },
		{ "gzip;q=0.000, br;q=0.001", P | B },
		{ "gzip ; q=0.5 , br ; q=0", P | G },
		{ "gzip; q=0 ", P },
		{ "x-gzip, brotli, gzipx", P },
		{ "identity;q=0, gzip", P | G },
		{ "*", P },
		{ ",,;;,gzip;,", P | G },
		{ "gzip;q=", P | G },
		{ "gzip;q=1.0", P | G },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (encoding_accepted(cases[i].header) != cases[i].set)
			fail_msg("%s: %x", cases[i].header, encoding_accepted(cases[i].header));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(headers) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
