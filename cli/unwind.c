/* SPDX-License-Identifier: Apache-2.0 */
/**
 * --sysroot, --debuginfo: callers in core files by culprit-unwind, a program of its own.
 *
 * It is started before the sandbox closes, since nothing can be started afterwards, and is asked over a socket pair. It has no
 * environment, and its own sandbox and limits (culprit-unwind.c). What it says is taken in pieces of a fixed size within a fixed time; once it
 * has failed it is not asked again: its end of the socket sees the other one closed, and it leaves.
 */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unwind.h"

#ifndef UNWIND_FOLDER
#define UNWIND_FOLDER "/usr/local/libexec"
#endif

struct unwinder {
	struct cul_unwinder face;
	pthread_mutex_t mutex;
	int fd;
	char why[256]; /* it isn't there any more */
};

static struct unwinder the_unwinder = { .mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* ---- bytes within a time --------------------------------------------------------------------------- */

/* NULL, or what went wrong */
static const char *await(int fd, short what, double until)
{
	for (;;) {
		double left = until - now_s();
		struct pollfd p = { .fd = fd, .events = what };
		int n = left > 0 ? poll(&p, 1, (int)(left * 1000) + 1) : 0;

		if (n > 0)
			return NULL;
		if (!n)
			return "it took too long";
		if (errno != EINTR)
			return strerror(errno);
	}
}

static const char *send_all(int fd, const void *data, size_t size, double until)
{
	for (const char *at = data; size;) {
		const char *why = await(fd, POLLOUT, until);
		ssize_t n = why ? -1 : write(fd, at, size);

		if (why)
			return why;
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return "it has ended";
		at += n;
		size -= (size_t)n;
	}
	return NULL;
}

static const char *take_all(int fd, void *data, size_t size, double until)
{
	for (char *at = data; size;) {
		const char *why = await(fd, POLLIN, until);
		ssize_t n = why ? -1 : read(fd, at, size);

		if (why)
			return why;
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return "it has ended";
		at += n;
		size -= (size_t)n;
	}
	return NULL;
}

/* ---- asking ----------------------------------------------------------------------------------------- */

static const char *ask(int fd, const struct cul_unwind *what, double until)
{
	struct unwind_head head = { UNWIND_MAGIC, what->machine, 0, (uint32_t)(what->thread_count < UNWIND_THREADS ? what->thread_count : UNWIND_THREADS), what->pid };
	const char *why;

	head.modules = (uint32_t)(what->module_count < UNWIND_MODULES ? what->module_count : UNWIND_MODULES);
	head.image_at = what->image_at;
	head.image_size = what->image.size < UNWIND_IMAGE ? what->image.size : 0;
	why = send_all(fd, &head, sizeof(head), until);
	if (!why)
		why = send_all(fd, what->image.data, head.image_size, until);
	for (uint32_t i = 0; i < head.modules && !why; i++) {
		const struct cul_unwind_module *m = &what->modules[i];
		struct unwind_module module = { .base = m->base, .end = m->end, .bias = m->bias };

		snprintf(module.build_id, sizeof(module.build_id), "%s", m->build_id);
		snprintf(module.path, sizeof(module.path), "%s", m->path);
		why = send_all(fd, &module, sizeof(module), until);
	}
	for (uint32_t i = 0; i < head.threads && !why; i++) {
		const struct cul_unwind_thread *t = &what->threads[i];
		struct unwind_thread thread = { .tid = t->tid, .count = t->count, .stack_at = t->stack_at,
						.stack_size = t->stack.size < UNWIND_STACK ? t->stack.size : UNWIND_STACK };

		memcpy(thread.registers, t->registers, sizeof(thread.registers));
		why = send_all(fd, &thread, sizeof(thread), until);
		if (!why)
			why = send_all(fd, t->stack.data, thread.stack_size, until);
	}
	return why;
}

static void unwind(void *ctx, const struct cul_unwind *what, bool (*frame)(void *to, const struct cul_unwind_frame *f), void *to, char why[256])
{
	struct unwinder *u = ctx;
	double until = now_s() + UNWIND_SECONDS + 5;
	bool more = true;

	pthread_mutex_lock(&u->mutex);
	const char *wrong = u->fd < 0 ? u->why : ask(u->fd, what, until);
	for (size_t i = 0; !wrong && i <= (size_t)UNWIND_THREADS * UNWIND_FRAMES; i++) {
		struct unwind_answer a;

		wrong = take_all(u->fd, &a, sizeof(a), until);
		if (wrong)
			break;
		a.function[sizeof(a.function) - 1] = a.file[sizeof(a.file) - 1] = '\0';
		if (a.last == 1) {
			snprintf(why, 256, "%.255s", a.function);
			goto out;
		}
		const struct cul_unwind_frame f = { a.thread, a.pc, a.function[0] ? a.function : NULL, a.file[0] ? a.file : NULL, a.line };
		if (a.last || a.thread >= what->thread_count)
			wrong = "what it said makes no sense";
		else if (more)
			more = frame(to, &f);
	}
	if (!wrong)
		wrong = "it doesn't come to an end";
	snprintf(why, 256, "callers could not be looked up with culprit-unwind: %.150s", wrong);
	if (u->fd >= 0) {
		close(u->fd);
		u->fd = -1;
		snprintf(u->why, sizeof(u->why), "it failed before");
	}
out:
	pthread_mutex_unlock(&u->mutex);
}

/* ---- starting --------------------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

/* beside a culprit that isn't installed, else where it was to be installed */
static bool find_program(char *to, size_t size)
{
	char self[3072];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = n > 0 ? memrchr(self, '/', (size_t)n) : NULL;

	if (slash) {
		*slash = '\0';
		snprintf(to, size, "%s/culprit-unwind", self);
		if (is_program(to))
			return true;
		snprintf(to, size, "%s/../libexec/culprit-unwind", self);
		if (is_program(to))
			return true;
	}
	snprintf(to, size, "%s/culprit-unwind", UNWIND_FOLDER);
	return is_program(to);
}

static void run_program(const char *path, int fd, const struct options *o)
{
	const char *args[2 * MOST_SYMBOL_PATHS + 2];
	size_t n = 0;
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	args[n++] = "culprit-unwind";
	for (size_t i = 0; i < o->symbol_count; i++) {
		args[n++] = o->symbols[i].debug ? "--debuginfo" : "--sysroot";
		args[n++] = o->symbols[i].path;
	}
	args[n] = NULL;
	if (nothing < 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0)
		_exit(126);
	dup2(nothing, STDERR_FILENO);
#ifdef SYS_close_range
	syscall(SYS_close_range, 3, ~0u, 0);
#endif
	execve(path, (char *const *)args, (char *const[]){ NULL });
	_exit(127);
}

const struct cul_unwinder *unwinder_start(const struct options *o)
{
	struct unwinder *u = &the_unwinder;
	char path[4096];
	int pair[2] = { -1, -1 };
	pid_t pid;

	if (!o->symbol_count)
		return NULL;
	u->face = (struct cul_unwinder){ u, unwind };
	if (!find_program(path, sizeof(path))) {
		snprintf(u->why, sizeof(u->why), "it is not there");
		return &u->face;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || (pid = fork()) < 0) {
		snprintf(u->why, sizeof(u->why), "%s", strerror(errno));
		if (pair[0] >= 0) {
			close(pair[0]);
			close(pair[1]);
		}
		return &u->face;
	}
	if (!pid)
		run_program(path, pair[1], o);
	close(pair[1]);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	u->fd = pair[0];
	return &u->face;
}
