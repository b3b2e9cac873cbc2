/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/replay.c - runs a fuzz harness over its corpus, without a fuzzer.
 *
 * Linked with each harness in place of libFuzzer's main, so that `meson test` feeds every stored
 * input through it with any compiler, and a crash found once stays found. Arguments are files or
 * directories (not descended into further); no input at all is a failure: it would prove nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static void die(const char *what, const char *path)
{
	fprintf(stderr, "replay: %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

static void replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	if (!f || fstat(fileno(f), &st) < 0)
		die("open", path);
	size_t size = (size_t)st.st_size;
	/* Exactly as long as the input (at least 1, malloc(0) may be NULL): a read behind its end
	 * is then one behind the block, where AddressSanitizer sees it. */
	uint8_t *data = malloc(size > 0 ? size : 1);
	if (!data || fread(data, 1, size, f) != size)
		die("read", path);
	fclose(f);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static unsigned long replay_dir(const char *path)
{
	DIR *d = opendir(path);
	if (!d)
		die("open", path);
	unsigned long n = 0;
	for (struct dirent *e; (e = readdir(d));) {
		char file[PATH_MAX];
		struct stat st;
		int len = snprintf(file, sizeof file, "%s/%s", path, e->d_name);
		if (len < 0 || (size_t)len >= sizeof file || e->d_name[0] == '.')
			continue;
		if (stat(file, &st) < 0)
			die("stat", file);
		if (!S_ISREG(st.st_mode))
			continue;
		replay_file(file);
		n++;
	}
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	unsigned long n = 0;
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		struct stat st;
		if (stat(argv[i], &st) < 0)
			die("stat", argv[i]);
		if (S_ISDIR(st.st_mode)) {
			n += replay_dir(argv[i]);
		} else {
			replay_file(argv[i]);
			n++;
		}
	}
	if (n == 0) {
		fprintf(stderr, "replay: no input found\n");
		return 1;
	}
	printf("replay: %lu inputs\n", n);
	return 0;
}
