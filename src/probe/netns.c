/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces: a probe thread enters one and stays.
 *
 * A socket belongs to the namespace its thread was in when it was made, for ever; so one setns per
 * thread serves all probes. Being inside keeps a namespace alive after `ip netns del`, and a new
 * one may get the old name: the file's device and inode tell. A thread that is not where it should
 * be probes nothing: a verdict from another network would be worse than none. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/internal.h"

#define NETNS_DIR      "/var/run/netns/"
#define NETNS_PATH_LEN (sizeof NETNS_DIR + 256)

static void own_enter(struct netns *ns, int own_fd)
{
	if (!ns->moved)
		return;
	if (own_fd < 0)
		err_set(&ns->why, -ENOENT, "no way back to the own network namespace (no /proc)");
	else if (setns(own_fd, CLONE_NEWNET) < 0)
		err_set_errno(&ns->why, errno, "returning to the own network namespace");
	else
		ns->moved = false;
	ns->broken = ns->moved;
}

static void named_enter(struct netns *ns, int fd)
{
	struct stat st;

	if (setns(fd, CLONE_NEWNET) < 0) {
		if (errno == EPERM)
			err_set(&ns->why, -EPERM,
				"entering network namespace %s needs CAP_SYS_ADMIN", ns->name);
		else if (errno == EINVAL)
			err_set(&ns->why, -EINVAL, "%s%s is no network namespace", NETNS_DIR,
				ns->name);
		else
			err_set_errno(&ns->why, errno, "entering network namespace %s", ns->name);
		return;
	}
	ns->moved = true;
	if (fstat(fd, &st) < 0) {
		err_set_errno(&ns->why, errno, "network namespace %s", ns->name);
		return;
	}
	ns->dev = st.st_dev;
	ns->ino = st.st_ino;
	ns->broken = false;
}

void netns_enter(struct netns *ns, int own_fd)
{
	char path[NETNS_PATH_LEN];
	int fd;

	ns->broken = false;
	if (!ns->name) {
		own_enter(ns, own_fd);
		return;
	}
	ns->broken = true;
	snprintf(path, sizeof path, "%s%s", NETNS_DIR, ns->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_set_errno(&ns->why, errno, "network namespace %s", ns->name);
		return;
	}
	named_enter(ns, fd);
	close(fd);
}

bool netns_stale(const struct netns *ns)
{
	char path[NETNS_PATH_LEN];
	struct stat st;

	snprintf(path, sizeof path, "%s%s", NETNS_DIR, ns->name);
	return stat(path, &st) < 0 || st.st_dev != ns->dev || st.st_ino != ns->ino;
}

void netns_read_ports(struct netns *ns)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	char line[64], *mid, *end;

	ns->port_min = 0;
	ns->port_max = UINT16_MAX;
	if (!f)
		return;
	if (fgets(line, sizeof line, f)) {
		long min = strtol(line, &mid, 10), max = strtol(mid, &end, 10);

		if (mid > line && end > mid && min >= 0 && min <= max && max <= UINT16_MAX) {
			ns->port_min = (int)min;
			ns->port_max = (int)max;
		}
	}
	(void)fclose(f);
}
