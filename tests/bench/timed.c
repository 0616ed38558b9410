/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What one command costs: timed RESULT COMMAND... writes "wall_ns user_us sys_us peak_kib status" to RESULT.
 *
 * A program of its own, since a child's peak memory counts from that of the process that forked it: from an interpreter of 15 MiB
 * nothing below that can be measured. Time and memory of what the command itself waited for are counted in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec from, to;
	struct rusage use;
	int status;

	if (argc < 3) {
		fputs("usage: timed RESULT COMMAND...\n", stderr);
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) < 0) {
		perror("timed");
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	FILE *out = fopen(argv[1], "we");
	if (!out) {
		perror(argv[1]);
		return 1;
	}
	fprintf(out, "%lld %lld %lld %ld %d\n", (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec,
		use.ru_utime.tv_sec * 1000000LL + use.ru_utime.tv_usec, use.ru_stime.tv_sec * 1000000LL + use.ru_stime.tv_usec, use.ru_maxrss,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return fclose(out) != 0;
}
