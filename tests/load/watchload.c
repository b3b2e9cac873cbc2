/* SPDX-License-Identifier: Apache-2.0 */
/* Many subscribers to one maglevd, for the end-to-end tests:
 *
 *   watchload TARGET N REPLAY FIRST LAST SECONDS [log_level]
 *
 * N subscribers to everything, each on a connection of its own. Prints "ready" when each has had
 * its REPLAY messages; then counts events from the first that has the text FIRST in it to the first
 * that has LAST, and prints what came as one JSON object. Exit 0 unless something ended early. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "subscribers.h"

static size_t number(const char *s)
{
	return (size_t)strtoul(s, NULL, 10);
}

int main(int argc, char **argv)
{
	struct subscribers_opts o = { .request = MAGLEV__WATCH_REQUEST__INIT };
	struct rlimit files;
	struct subscribers_tally t;
	struct subscribers *s;
	bool ok;

	if (argc < 7) {
		fprintf(stderr, "usage: watchload TARGET N REPLAY FIRST LAST SECONDS [LEVEL]\n");
		return 2;
	}
	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	o.target = argv[1];
	o.n = number(argv[2]);
	o.replay = number(argv[3]);
	o.first = argv[4];
	o.last = argv[5];
	if (argc > 7)
		o.request.log_level = argv[7];
	s = subscribers_new(&o);
	ok = subscribers_run(s, subscribers_all_begun, (dur_ns)number(argv[6]) * NS_PER_S);
	printf("ready\n");
	fflush(stdout);
	ok = ok && subscribers_run(s, subscribers_all_finished, (dur_ns)number(argv[6]) * NS_PER_S);
	subscribers_tally(s, &t);
	printf("{\"begun\":%zu,\"finished\":%zu,\"ended\":%zu,\"min\":%" PRIu64 ",\"max\":%" PRIu64
	       ",\"total\":%" PRIu64 ",\"sequences\":%zu,\"end_text\":\"%s\"}\n",
	       t.begun, t.finished, t.ended, t.min, t.max, t.total, t.sequences, t.end_text);
	fflush(stdout);
	subscribers_free(s);
	return ok && t.ended == 0 ? 0 : 1;
}
