/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Whatever a person hands in -> named byte streams: folders, archives and packed streams, in any nesting.
 *
 * What a member is, its first bytes say, never its name. folders.c walks folders, containers.c reads containers.
 */
#include "culprit/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/error.h"
#include "base/slice.h"
#include "parsers/image.h"
#include "parsers/opened.h"

#define AHEAD (256 << 10) /* packed bytes from which a thread unpacks ahead */

/* ---- damage ----------------------------------------------------------------------------------------- */

void cul_bundle_damaged(struct cul_bundle *b, const char *name, const char *format, ...)
{
	char why[512];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	for (char *c = why; *c; c++)
		if ((unsigned char)*c < 0x20)
			*c = ' ';
	if (b->count == CUL_DAMAGES)
		return;
	if (b->count == CUL_DAMAGES - 1)
		snprintf(why, sizeof(why), "more damage follows here than is listed");
	struct damage d = { strdup(name[0] ? name : b->single && b->only_name ? b->only_name : "."), strdup(why) };
	if (d.name && d.why) {
		b->damages[(b->first + b->count++) % CUL_DAMAGES] = d;
	} else {
		free(d.name);
		free(d.why);
	}
}

bool cul_bundle_damage(struct cul_bundle *b, const char **name, const char **why)
{
	free(b->told.name);
	free(b->told.why);
	b->told = (struct damage){ 0 };
	if (!b->count)
		return false;
	b->told = b->damages[b->first];
	b->first = (b->first + 1) % CUL_DAMAGES;
	b->count--;
	*name = b->told.name;
	*why = b->told.why;
	return true;
}

/* The whole bundle's limits; false: stop. */
bool cul_bundle_within(struct cul_bundle *b, const char *name)
{
	if (b->stopped)
		return false;
	if (b->budget.spent) {
		cul_bundle_damaged(b, name, "the limit of %llu unpacked bytes is met: the rest is not read",
			(unsigned long long)b->budget.limits.unpacked_bytes);
		b->stopped = true;
	} else if (b->members >= b->budget.limits.members) {
		cul_bundle_damaged(b, name, "the limit of %u members is met: the rest is not read", (unsigned)b->budget.limits.members);
		b->stopped = true;
	}
	return !b->stopped;
}

/* ---- names ------------------------------------------------------------------------------------------ */

/* Made harmless: no leading '/', no "..", no "." and no control bytes. */
void cul_clean_name(char out[CUL_NAME], const char *prefix, const char *raw, bool backslashes)
{
	size_t n = strlen(prefix), root;
	if (n > CUL_NAME - 16)
		n = CUL_NAME - 16;
	memcpy(out, prefix, n);
	root = n;
	const char *marks = backslashes && !strchr(raw, '/') ? "\\" : "/";
	while (*raw && n + 1 < CUL_NAME) {
		size_t part = strcspn(raw, marks);
		if (part && !(part == 1 && raw[0] == '.')) {
			if (n > root)
				out[n++] = '/';
			if (part == 2 && raw[0] == '.' && raw[1] == '.') {
				if (n + 1 < CUL_NAME)
					out[n++] = '_';
			} else {
				for (size_t i = 0; i < part && n + 1 < CUL_NAME; i++)
					out[n++] = (unsigned char)raw[i] < 0x20 || raw[i] == 0x7f ? '?' : raw[i];
			}
		}
		raw += part + (raw[part] != 0);
	}
	out[n] = 0;
	if (n == root)
		memcpy(out + n, "unnamed", 8);
}

/* "messages.gz" -> "messages" */
static void drop_suffix(char *name)
{
	static const char *const ends[] = { ".gz", ".xz", ".zst", ".zstd", ".bz2", ".lz4", ".lz", ".Z", ".z" };
	size_t size = strlen(name);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);
		if (size > n && name[size - n - 1] != '/' && !strcmp(name + size - n, ends[i])) {
			name[size - n] = 0;
			return;
		}
	}
}

bool cul_of_macos(const char *name)
{
	const char *base = strrchr(name, '/');
	base = base ? base + 1 : name;
	return !strncmp(base, "._", 2) || !strncmp(name, "__MACOSX/", 9) || strstr(name, "/__MACOSX/");
}

/* ---- one stream ------------------------------------------------------------------------------------- */

/* What systemd-coredump writes down about a core in the attributes of its file (src/coredump/coredump.c, fix_xattr()). */
void cul_read_beside(struct cul_bundle *b, int fd, const char *name)
{
	static const char *const keys[] = { "pid", "uid", "signal", "timestamp", "hostname", "comm", "exe" };
	const char *base = strrchr(name, '/');
	b->beside_size = 0;
	if (strncmp(base ? base + 1 : name, "core", 4) != 0)
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char attribute[64], value[512];
		snprintf(attribute, sizeof(attribute), "user.coredump.%s", keys[i]);
		ssize_t n = fgetxattr(fd, attribute, value, sizeof(value));
		if (n <= 0 || memchr(value, '\n', (size_t)n) || memchr(value, 0, (size_t)n))
			continue;
		b->beside_size += (size_t)snprintf(b->beside + b->beside_size, sizeof(b->beside) - b->beside_size, "%s=%.*s\n", keys[i], (int)n, value);
	}
}

struct cul_slice cul_bundle_beside(const struct cul_bundle *b)
{
	return cul_slice(b->beside, b->beside_size);
}

/*
 * Look what @stream (taken over) is: unpack it as long as it is packed; a container goes on the stack (false: go on
 * with its members); anything else is the current member (true).
 */
bool cul_settle(struct cul_bundle *b, struct cul_stream *stream, const char *name, bool outermost, struct cul_member *member)
{
	size_t size = strlen(name);
	size = size < sizeof(b->name) ? size : sizeof(b->name) - 1;
	memcpy(b->name, name, size);
	b->name[size] = 0;
	for (uint32_t level = 0;; level++) {
		struct cul_slice head = cul_stream_peek(stream, CUL_FORM_HEAD);
		enum cul_form form = cul_form_of(head);
		if (cul_form_container(form)) {
			cul_container_push(b, stream, form, name, outermost);
			return false;
		}
		if (!cul_form_packed(form))
			break;
		if (level == b->budget.limits.nesting) {
			cul_bundle_damaged(b, name, "packed more than %u times over: not read", (unsigned)b->budget.limits.nesting);
			cul_stream_free(stream);
			return false;
		}
		if (form == CUL_FORM_GZ && member->mtime_ns == CUL_NO_TIME && head.size >= 10) {
			const unsigned char *p = (const unsigned char *)head.data + 4;
			uint32_t seconds = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
			if (seconds)
				member->mtime_ns = (int64_t)seconds * INT64_C(1000000000);
		}
		struct cul_stream *upper = cul_stream_unpack(stream, form);
		if (!upper) {
			cul_bundle_damaged(b, name, "the %s stream can't be unpacked here: no memory, or no library for it", cul_form_name(form));
			cul_stream_free(stream);
			return false;
		}
		/* an outermost file of some size: unpacked while it is read */
		if (b->budget.limits.threads > 1 && !b->frames && !level && stream->size > AHEAD) {
			struct cul_stream *ahead = cul_stream_ahead(upper);
			if (ahead)
				upper = ahead;
		}
		stream = upper;
		member->size = -1;
		if (outermost)
			drop_suffix(b->name);
	}
	b->current = stream;
	b->members++;
	member->name = b->name;
	return true;
}

/* ---- blobs ------------------------------------------------------------------------------------------ */

static bool blob_next(struct cul_bundle *b, struct cul_member *member)
{
	const struct cul_blob *blob = &b->blobs[b->blob_next++];
	char name[CUL_NAME];
	cul_clean_name(name, "", blob->name ? blob->name : "", false);
	if (!cul_bundle_within(b, name))
		return false;
	struct cul_stream *stream = cul_stream_memory(blob->bytes, &b->budget);
	if (!stream) {
		cul_bundle_damaged(b, name, "out of memory");
		return false;
	}
	member->size = (int64_t)blob->bytes.size;
	return cul_settle(b, stream, name, b->single, member);
}

/* ---- the public face -------------------------------------------------------------------------------- */

static void tell_current(struct cul_bundle *b)
{
	const char *why = b->current ? cul_stream_damage(b->current) : NULL;
	if (!why)
		return;
	cul_bundle_damaged(b, b->name, "%s", why);
	for (struct cul_stream *s = b->current; s; s = s->aside ? NULL : s->below)
		s->damage[0] = 0;
}

static void tell_watch(struct cul_bundle *b)
{
	int64_t done, total;

	if (!b->watch)
		return;
	cul_bundle_progress(b, &done, &total);
	b->watch(b->watch_ctx, done, total);
}

bool cul_bundle_next(struct cul_bundle *b, struct cul_member *member)
{
	tell_current(b);
	tell_watch(b);
	cul_stream_free(b->current);
	b->current = NULL;
	for (;;) {
		*member = (struct cul_member){ .mtime_ns = CUL_NO_TIME, .size = -1 };
		if (b->budget.spent)
			cul_bundle_within(b, b->name);
		if (b->stopped)
			return false;
		bool open = false;
		if (b->frames) {
			b->beside_size = 0; /* that was the archive's */
			open = cul_container_next(b, member);
		} else if (b->only) {
			struct cul_stream *stream = b->only;
			b->only = NULL;
			member->size = stream->size;
			open = cul_settle(b, stream, b->only_name, true, member);
		} else if (b->folder) {
			open = cul_folder_next(b, member);
		} else if (b->blob_next < b->blob_count) {
			open = blob_next(b, member);
		} else {
			return false;
		}
		if (open)
			return true;
	}
}

void cul_bundle_refill(struct cul_bundle *b, struct cul_slice bytes)
{
	cul_stream_free(b->current);
	b->budget.made = b->budget.read = 0;
	b->budget.spent = false;
	b->current = cul_stream_memory(bytes, &b->budget);
}

static void after_read(struct cul_bundle *b, size_t n)
{
	tell_watch(b);
	if (n)
		return;
	tell_current(b);
	if (b->budget.spent)
		cul_bundle_within(b, b->name);
}

size_t cul_bundle_read(struct cul_bundle *b, void *buffer, size_t size)
{
	if (!b->current || !size)
		return 0;
	size_t n = cul_stream_read(b->current, buffer, size);
	after_read(b, n);
	return n;
}

bool cul_bundle_lend(struct cul_bundle *b, size_t most, struct cul_loan *loan)
{
	if (!b->current || !cul_stream_lend(b->current, most, loan))
		return false;
	after_read(b, loan->size);
	return true;
}

struct cul_slice cul_bundle_head(struct cul_bundle *b)
{
	return b->current ? cul_stream_peek(b->current, 4096) : CUL_NONE;
}

static size_t read_at(void *ctx, uint64_t offset, void *buffer, size_t size)
{
	return cul_stream_read_at(ctx, offset, buffer, size);
}

bool cul_bundle_image(struct cul_bundle *b, struct cul_image *image)
{
	if (!b->current)
		return false;
	if (!b->current->seek || b->current->size < 0) {
		struct cul_stream *spooled = cul_stream_spool(b->current);
		if (!spooled) {
			tell_current(b);
			return false;
		}
		b->current = spooled;
	}
	*image = (struct cul_image){ .size = b->current->size, .read = read_at, .ctx = b->current };
	return true;
}

void cul_bundle_rewind(struct cul_bundle *b)
{
	if (b->current)
		cul_stream_seek(b->current, 0);
}

struct cul_stream *cul_bundle_keep(struct cul_bundle *b, struct cul_image *image)
{
	struct cul_stream *kept = cul_bundle_image(b, image) ? b->current : NULL;
	if (!kept)
		return NULL;
	tell_current(b);
	cul_stream_settle(kept);
	b->current = NULL;
	return kept;
}

void cul_bundle_release(struct cul_stream *kept)
{
	cul_stream_free(kept);
}

void cul_bundle_progress(const struct cul_bundle *b, int64_t *done, int64_t *total)
{
	*done = (int64_t)b->budget.read;
	*total = b->total;
	if (b->total >= 0 && *done > b->total)
		*done = b->total; /* what was sought is read twice */
}

void cul_bundle_watch(struct cul_bundle *b, void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx)
{
	b->watch = progress;
	b->watch_ctx = ctx;
	if (!progress || b->total >= 0 || !b->folder)
		return;
	int64_t sum = cul_folder_bytes(b);
	if (sum > 0)
		b->total = sum;
}

void cul_bundle_close(struct cul_bundle *b)
{
	const char *name, *why;
	if (!b)
		return;
	cul_stream_free(b->current);
	while (b->frames)
		cul_container_pop(b);
	while (b->folder)
		cul_folder_leave(b);
	cul_stream_free(b->only);
	while (cul_bundle_damage(b, &name, &why))
		;
	if (b->locale)
		freelocale(b->locale);
	free(b->only_name);
	free(b);
}

CUL_GUARD(close_bundle, struct cul_bundle, cul_bundle_close)

static struct cul_bundle *bundle_new(const struct cul_limits *limits)
{
	struct cul_bundle *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	struct cul_limits *l = &b->budget.limits;
	if (limits)
		*l = *limits;
	if (!l->unpacked_bytes)
		l->unpacked_bytes = UINT64_C(1) << 40;
	if (!l->ratio)
		l->ratio = 2000;
	if (!l->nesting)
		l->nesting = 8;
	if (!l->members)
		l->members = 2000000;
	if (!l->spool_bytes)
		l->spool_bytes = UINT64_C(64) << 30;
	b->total = -1;
	return b;
}

enum cul_status cul_bundle_memory(const struct cul_blob *blobs, size_t count, const struct cul_limits *limits, struct cul_bundle **ret,
				  struct cul_error *err)
{
	struct cul_bundle *b = bundle_new(limits);
	if (!b)
		return cul_fail(err, CUL_ENOMEM, "out of memory");
	b->blobs = blobs;
	b->blob_count = count;
	b->single = count == 1;
	*ret = b;
	return CUL_OK;
}

enum cul_status cul_bundle_paths(const char *const *paths, size_t count, const struct cul_limits *limits, struct cul_bundle **ret,
				 struct cul_error *err)
{
	CUL_AUTO(close_bundle) struct cul_bundle *b = bundle_new(limits);
	struct stat st;
	int64_t total = 0;
	for (size_t i = 0; i < count; i++) {
		if (stat(paths[i], &st) < 0 || access(paths[i], R_OK) < 0)
			return cul_fail(err, CUL_EIO, "%s: %s", paths[i], strerror(errno));
		total = total < 0 || !S_ISREG(st.st_mode) || st.st_size > INT64_MAX - total ? -1 : total + st.st_size;
	}
	if (!b || !count || !cul_folder_given(b, paths, count))
		return cul_fail(err, CUL_ENOMEM, "out of memory");
	b->total = total > 0 ? total : -1;
	*ret = cul_take(b);
	return CUL_OK;
}

enum cul_status cul_bundle_open(const char *path, const struct cul_limits *limits, struct cul_bundle **ret, struct cul_error *err)
{
	CUL_AUTO(close_bundle) struct cul_bundle *b = bundle_new(limits);
	CUL_AUTO(cul_closep) int fd = -1;
	bool standard = !strcmp(path, "-");
	struct stat st;
	if (!b)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
	fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return cul_fail(err, CUL_EIO, "%s: %s", standard ? "standard input" : path, strerror(errno));
	int taken = fd;
	fd = -1;
	if (S_ISDIR(st.st_mode)) {
		if (!cul_folder_enter(b, taken, ""))
			return cul_fail(err, CUL_EIO, "%s: the folder can't be listed", path);
	} else {
		size_t size = strlen(path);
		while (size > 1 && path[size - 1] == '/')
			size--;
		const char *base = path + size;
		while (base > path && base[-1] != '/')
			base--;
		char name[CUL_NAME];
		cul_clean_name(name, "", standard ? "stdin" : base, false);
		b->single = true;
		cul_read_beside(b, taken, name);
		b->only = cul_stream_file(taken, &b->budget);
		b->only_name = strdup(name);
		if (!b->only || !b->only_name)
			return cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
		b->total = S_ISREG(st.st_mode) && st.st_size > 0 ? st.st_size : -1;
	}
	*ret = cul_take(b);
	return CUL_OK;
}
