/* SPDX-License-Identifier: Apache-2.0 */
#include "base/version.h"

#include <stdio.h>

#include "version_data.h" /* made at build time by tools/version.sh */

const char *version_string(void)
{
	return VERSION_STRING;
}

const char *version_commit(void)
{
	return VERSION_COMMIT;
}

const char *version_date(void)
{
	return VERSION_DATE;
}

void version_print(const char *program)
{
	printf("%s %s (commit %s, built %s)\n", program, VERSION_STRING, VERSION_COMMIT,
	       VERSION_DATE);
}
