/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A folder -> its files, in byte order of names. Links are not followed; devices, pipes and sockets are told and not read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parsers/opened.h"

#define MEASURED 200000 /* files of a folder whose sizes are added up for a progress bar */

struct folder {
	struct folder *up;
	int fd;
	char *prefix; /* "", "var/log/" */
	char **names;
	size_t count, next;
	unsigned depth;
};

void cul_folder_leave(struct cul_bundle *b)
{
	struct folder *d = b->folder;
	b->folder = d->up;
	for (size_t i = 0; i < d->count; i++)
		free(d->names[i]);
	free(d->names);
	free(d->prefix);
	if (d->fd != AT_FDCWD)
		close(d->fd);
	free(d);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* @fd is taken over. What can't be listed to its end is damage. */
bool cul_folder_enter(struct cul_bundle *b, int fd, const char *prefix)
{
	struct folder *d = calloc(1, sizeof(*d));
	int again = d ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;
	if (!dir || !(d->prefix = strdup(prefix))) {
		cul_bundle_damaged(b, prefix, "the folder can't be listed: %s", strerror(errno));
		if (dir)
			closedir(dir);
		else if (again >= 0)
			close(again);
		close(fd);
		free(d);
		return false;
	}
	size_t room = 0;
	for (;;) {
		errno = 0;
		struct dirent *entry = readdir(dir);
		if (!entry) {
			if (errno)
				cul_bundle_damaged(b, prefix, "the folder can't be listed to its end: %s", strerror(errno));
			break;
		}
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (d->count >= b->budget.limits.members) {
			cul_bundle_damaged(b, prefix, "the folder has more than %u entries: the rest is not read", (unsigned)b->budget.limits.members);
			break;
		}
		if (d->count == room) {
			room = room ? room * 2 : 64;
			char **names = realloc(d->names, room * sizeof(*names));
			if (names)
				d->names = names;
			else
				room = 0;
		}
		char *name = room ? strdup(entry->d_name) : NULL;
		if (!name) {
			cul_bundle_damaged(b, prefix, "out of memory");
			break;
		}
		d->names[d->count++] = name;
	}
	closedir(dir);
	if (d->count)
		qsort(d->names, d->count, sizeof(*d->names), by_bytes);
	d->fd = fd;
	d->depth = b->folder ? b->folder->depth + 1 : 0;
	d->up = b->folder;
	b->folder = d;
	return true;
}

bool cul_folder_given(struct cul_bundle *b, const char *const *paths, size_t count)
{
	struct folder *d = calloc(1, sizeof(*d));
	if (!d || !(d->names = calloc(count, sizeof(*d->names))) || !(d->prefix = strdup(""))) {
		if (d)
			free(d->names);
		free(d);
		return false;
	}
	d->fd = AT_FDCWD;
	b->folder = d;
	for (; d->count < count; d->count++) {
		struct stat st;
		bool link = lstat(paths[d->count], &st) == 0 && S_ISLNK(st.st_mode);
		if (!(d->names[d->count] = link ? realpath(paths[d->count], NULL) : strdup(paths[d->count])))
			return false;
	}
	return true;
}

bool cul_folder_next(struct cul_bundle *b, struct cul_member *member)
{
	struct folder *d = b->folder;
	if (d->next == d->count) {
		cul_folder_leave(b);
		return false;
	}
	const char *entry = d->names[d->next++];
	char name[CUL_NAME];
	struct stat st;
	cul_clean_name(name, d->prefix, entry, false);
	if (fstatat(d->fd, entry, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		cul_bundle_damaged(b, name, "can't be read: %s", strerror(errno));
		return false;
	}
	if (S_ISLNK(st.st_mode) || cul_of_macos(name))
		return false;
	if (S_ISDIR(st.st_mode)) {
		if (!strcmp(entry, "__MACOSX"))
			return false;
		if (d->depth + 1 >= CUL_FOLDERS || strlen(name) + 2 >= CUL_NAME) {
			cul_bundle_damaged(b, name, "folders are nested deeper than %u: not read", CUL_FOLDERS);
			return false;
		}
		int fd = openat(d->fd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			cul_bundle_damaged(b, name, "the folder can't be opened: %s", strerror(errno));
			return false;
		}
		char prefix[CUL_NAME + 2];
		snprintf(prefix, sizeof(prefix), "%s/", name);
		cul_folder_enter(b, fd, prefix);
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		cul_bundle_damaged(b, name, "a device, pipe or socket: not read");
		return false;
	}
	if (!cul_bundle_within(b, name))
		return false;
	int fd = openat(d->fd, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		cul_bundle_damaged(b, name, "can't be opened: %s", fd < 0 ? strerror(errno) : "it changed meanwhile");
		if (fd >= 0)
			close(fd);
		return false;
	}
	cul_read_beside(b, fd, name);
	struct cul_stream *stream = cul_stream_file(fd, &b->budget);
	if (!stream) {
		cul_bundle_damaged(b, name, "out of memory");
		return false;
	}
	member->size = st.st_size;
	return cul_settle(b, stream, name, false, member);
}

/** Bytes of the regular files below @fd, which is closed. @left: entries that may still be looked at; a bar is not worth more. */
static int64_t bytes_below(int fd, unsigned depth, unsigned *left)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int64_t sum = 0;
	struct stat st;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (struct dirent *entry; *left && (entry = readdir(dir));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		--*left;
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			sum += st.st_size;
		else if (S_ISDIR(st.st_mode) && depth + 1 < CUL_FOLDERS)
			sum += bytes_below(openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), depth + 1, left);
	}
	closedir(dir);
	return sum;
}

int64_t cul_folder_bytes(struct cul_bundle *b)
{
	unsigned left = MEASURED;
	if (b->folder->fd == AT_FDCWD)
		return -1;
	int64_t sum = bytes_below(openat(b->folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0, &left);
	return left ? sum : -1;
}
