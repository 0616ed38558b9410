/* SPDX-License-Identifier: Apache-2.0 */
/** Bytes kept for what needs seeking. The file has no name (or loses it at once) and dies with its descriptor. */
#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST (256u << 10)
#define IN_MEMORY (64u << 20)

struct cul_spool {
	uint64_t limit, size;
	char *memory;
	size_t room;
	int fd; /* -1: all is in memory */
};

struct cul_spool *cul_spool_new(uint64_t limit)
{
	struct cul_spool *spool = calloc(1, sizeof(*spool));
	if (spool) {
		spool->limit = limit;
		spool->fd = -1;
	}
	return spool;
}

void cul_spool_free(struct cul_spool *spool)
{
	if (!spool)
		return;
	if (spool->fd >= 0)
		close(spool->fd);
	free(spool->memory);
	free(spool);
}

static int nameless(void)
{
	const char *folder = getenv("TMPDIR");
	if (!folder || !folder[0])
		folder = "/tmp";
#ifdef O_TMPFILE
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd >= 0)
		return fd;
#endif
	char name[4096];
	int n = snprintf(name, sizeof(name), "%s/culprit-XXXXXX", folder);
	if (n < 0 || (size_t)n >= sizeof(name))
		return -1;
	int named = mkostemp(name, O_CLOEXEC);
	if (named >= 0)
		unlink(name);
	return named;
}

static bool write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

bool cul_spool_settle(struct cul_spool *spool)
{
	if (spool->fd >= 0)
		return true;
	int fd = nameless();
	if (fd < 0 || !write_all(fd, spool->memory, (size_t)spool->size)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	spool->fd = fd;
	free(spool->memory);
	spool->memory = NULL;
	spool->room = 0;
	return true;
}

enum cul_status cul_spool_add(struct cul_spool *spool, const void *data, size_t size)
{
	if (!size)
		return CUL_OK;
	if (size > spool->limit || spool->size > spool->limit - size)
		return CUL_ELIMIT;
	if (spool->fd < 0 && spool->size + size > IN_MEMORY && !cul_spool_settle(spool))
		return CUL_EIO;
	if (spool->fd >= 0) {
		if (!write_all(spool->fd, data, size))
			return CUL_EIO;
	} else {
		if (spool->room - spool->size < size) {
			size_t room = spool->room ? spool->room : FIRST;
			while (room - spool->size < size)
				room *= 2;
			char *memory = realloc(spool->memory, room);
			if (!memory)
				return CUL_ENOMEM;
			spool->memory = memory;
			spool->room = room;
		}
		memcpy(spool->memory + spool->size, data, size);
	}
	spool->size += size;
	return CUL_OK;
}

size_t cul_spool_read(const struct cul_spool *spool, uint64_t offset, void *buffer, size_t size)
{
	if (offset >= spool->size)
		return 0;
	if (size > spool->size - offset)
		size = (size_t)(spool->size - offset);
	if (spool->fd < 0) {
		memcpy(buffer, spool->memory + offset, size);
		return size;
	}
	ssize_t n;
	do
		n = pread(spool->fd, buffer, size, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? 0 : (size_t)n;
}

uint64_t cul_spool_size(const struct cul_spool *spool)
{
	return spool->size;
}
