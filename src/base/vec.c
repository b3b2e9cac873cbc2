/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include <assert.h>
#include <stdint.h>

#include "base/alloc.h"

void *vec_grow_(void *v, size_t elem, size_t *cap, size_t need)
{
	size_t n = *cap ? *cap : 8;

	if (need <= *cap)
		return v;
	assert(need <= SIZE_MAX / 2);
	while (n < need)
		n *= 2;
	v = xreallocarray(v, n, elem);
	*cap = n;
	return v;
}
