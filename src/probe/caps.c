/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities, by the two system calls and without a library.
 *
 * A container's binary may carry them as permitted only (an effective bit would make it fail to
 * start where the container was not given them). So the threads that need one raise it themselves;
 * the rest of the process runs without. */
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe/internal.h"

struct caps {
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
};

static bool caps_read(struct caps *ret)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &h, ret->d) == 0;
}

bool caps_permitted(int cap)
{
	struct caps c;

	return caps_read(&c) && (c.d[CAP_TO_INDEX(cap)].permitted & CAP_TO_MASK(cap));
}

bool caps_raise(int cap)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct caps c;

	if (!caps_read(&c) || !(c.d[CAP_TO_INDEX(cap)].permitted & CAP_TO_MASK(cap)))
		return false;
	if (c.d[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap))
		return true;
	c.d[CAP_TO_INDEX(cap)].effective |= CAP_TO_MASK(cap);
	return syscall(SYS_capset, &h, c.d) == 0;
}
