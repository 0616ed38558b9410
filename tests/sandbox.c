/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Enters the sandbox, then tries what it should be unable to do. 77 (skipped) where the kernel offers nothing.
 *
 * usage: sandbox FOLDER    FOLDER may be read, nothing else
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "culprit/sandbox.h"

static int bad;

static void expect(bool held, const char *what)
{
	if (!held) {
		fprintf(stderr, "FAIL %s (%s)\n", what, strerror(errno));
		bad = 1;
	}
}

static void *in_thread(void *arg)
{
	return arg;
}

int main(int argc, char **argv)
{
	char text[64];
	struct cul_error err = { 0 };
	const char *read[] = { argc > 1 ? argv[1] : ".", "/no/such/file" };
	const struct cul_sandbox how = { .read = read, .read_count = 2 };
	pthread_t thread;

	cul_sandbox_about(text);
	if (!strcmp(text, "none"))
		return 77;
	if (cul_sandbox_enter(&how, &err) != CUL_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	expect(open(read[0], O_RDONLY | O_CLOEXEC) >= 0, "what was granted opens");
	expect(pthread_create(&thread, NULL, in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0, "threads start");
	if (strstr(text, "Landlock")) {
		expect(open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES, "/etc/passwd stays closed");
		expect(open("/tmp/culprit-test-sandbox", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EACCES, "no file is made");
	}
	if (strstr(text, "seccomp"))
		expect(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM, "no socket");
	execl("/bin/true", "true", (char *)NULL);
	expect(errno == EPERM || errno == EACCES, "no exec");
	return bad;
}
