/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Whatever a person hands in -> named byte streams: folders, archives and packed streams, in any nesting.
 *
 * What a member is, its first bytes say, never its name. libarchive reads the containers over our own streams and
 * nothing else: each level of nesting is a frame here, with the limits that this brings. zip and 7z keep a table at
 * their end; where the bytes can be sought (a plain file, memory) that is used. Inside of something else a zip is read
 * front to back, and a 7z goes through a spool. Links, devices and folders in archives are no members; holes of
 * sparse files are skipped; what macOS adds (._x, __MACOSX/) is left out.
 */
#include "culprit/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/error.h"
#include "base/slice.h"
#include "parsers/image.h"
#include "parsers/unpack.h"

#define NAME 4096
#define FOLDERS 100     /* folders in folders; each holds a descriptor */
#define DAMAGES 1000    /* told between two calls of cul_bundle_damage() */
#define FAILURES 1000   /* broken entries of one archive until it is given up */
#define MEASURED 200000 /* files of a folder whose sizes are added up for a progress bar */
#define AHEAD (256 << 10) /* packed bytes from which a thread unpacks ahead */
#define EMPTY 100000    /* blocks without bytes in one entry */
#define SLACK (1u << 20) /* packed bytes that libarchive may have read ahead of an entry */

struct damage {
	char *name, *why;
};

struct folder {
	struct folder *up;
	int fd;
	char *prefix; /* "", "var/log/" */
	char **names;
	size_t count, next;
	unsigned depth;
};

struct frame {
	struct frame *up;
	struct cul_stream *chain; /* the container's bytes */
	enum cul_form form;
	struct archive *archive;
	char *name, *prefix;      /* of the container; in front of its members: "" or "upload/files.zip!" */
	size_t held;              /* peeked bytes that libarchive looks at */
	uint64_t handed;          /* bytes it got in all */
	unsigned failures;
	bool dead, told;
};

struct cul_bundle {
	struct cul_budget budget;
	locale_t locale;
	/* where outermost files come from: one of these */
	struct folder *folder;
	const struct cul_blob *blobs;
	size_t blob_count, blob_next;
	struct cul_stream *only;
	bool single; /* one file or stream: no prefix, no suffix */
	int64_t total;
	char *only_name;

	struct frame *frames; /* innermost first */
	uint32_t depth;
	struct cul_stream *current;
	char name[NAME];
	char beside[4096]; /* see cul_bundle_beside() */
	size_t beside_size;
	uint32_t members;
	bool stopped;
	void (*watch)(void *ctx, int64_t done, int64_t total);
	void *watch_ctx;

	struct damage damages[DAMAGES];
	size_t first, count; /* a ring */
	struct damage told;
};

/* ---- damage ----------------------------------------------------------------------------------------- */

CUL_PRINTF(3, 4) static void damaged(struct cul_bundle *b, const char *name, const char *format, ...)
{
	char why[512];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	for (char *c = why; *c; c++)
		if ((unsigned char)*c < 0x20)
			*c = ' ';
	if (b->count == DAMAGES)
		return;
	if (b->count == DAMAGES - 1)
		snprintf(why, sizeof(why), "more damage follows here than is listed");
	struct damage d = { strdup(name[0] ? name : b->single && b->only_name ? b->only_name : "."), strdup(why) };
	if (d.name && d.why) {
		b->damages[(b->first + b->count++) % DAMAGES] = d;
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
	b->first = (b->first + 1) % DAMAGES;
	b->count--;
	*name = b->told.name;
	*why = b->told.why;
	return true;
}

/* The whole bundle's limits; false: stop. */
static bool within(struct cul_bundle *b, const char *name)
{
	if (b->stopped)
		return false;
	if (b->budget.spent) {
		damaged(b, name, "the limit of %llu unpacked bytes is met: the rest is not read",
			(unsigned long long)b->budget.limits.unpacked_bytes);
		b->stopped = true;
	} else if (b->members >= b->budget.limits.members) {
		damaged(b, name, "the limit of %u members is met: the rest is not read", (unsigned)b->budget.limits.members);
		b->stopped = true;
	}
	return !b->stopped;
}

/* ---- names ------------------------------------------------------------------------------------------ */

/* Made harmless: no leading '/', no "..", no "." and no control bytes. */
static void clean_name(char out[NAME], const char *prefix, const char *raw, bool backslashes)
{
	size_t n = strlen(prefix), root;
	if (n > NAME - 16)
		n = NAME - 16;
	memcpy(out, prefix, n);
	root = n;
	const char *marks = backslashes && !strchr(raw, '/') ? "\\" : "/";
	while (*raw && n + 1 < NAME) {
		size_t part = strcspn(raw, marks);
		if (part && !(part == 1 && raw[0] == '.')) {
			if (n > root)
				out[n++] = '/';
			if (part == 2 && raw[0] == '.' && raw[1] == '.') {
				if (n + 1 < NAME)
					out[n++] = '_';
			} else {
				for (size_t i = 0; i < part && n + 1 < NAME; i++)
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

static bool of_macos(const char *name)
{
	const char *base = strrchr(name, '/');
	base = base ? base + 1 : name;
	return !strncmp(base, "._", 2) || !strncmp(name, "__MACOSX/", 9) || strstr(name, "/__MACOSX/");
}

/* ---- containers ------------------------------------------------------------------------------------- */

static la_ssize_t on_read(struct archive *a, void *ctx, const void **out)
{
	struct frame *f = ctx;
	(void)a;
	cul_stream_take(f->chain, f->held);
	struct cul_slice piece = cul_stream_peek(f->chain, 1);
	f->held = piece.size;
	f->handed += piece.size;
	*out = piece.data;
	return (la_ssize_t)piece.size;
}

static la_int64_t on_seek(struct archive *a, void *ctx, la_int64_t offset, int whence)
{
	struct frame *f = ctx;
	(void)a;
	int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_END ? f->chain->size : (int64_t)(cul_stream_at(f->chain) + f->held), to;
	if (__builtin_add_overflow(from, offset, &to) || to < 0)
		return ARCHIVE_FATAL;
	if (to > f->chain->size)
		to = f->chain->size;
	f->held = 0;
	return cul_stream_seek(f->chain, (uint64_t)to) ? to : ARCHIVE_FATAL;
}

/* Forward only, and never behind the end: a cut file has to be noticed. */
static la_int64_t on_skip(struct archive *a, void *ctx, la_int64_t request)
{
	struct frame *f = ctx;
	uint64_t at = cul_stream_at(f->chain) + f->held;
	(void)a;
	if (request <= 0 || !f->chain->seek || (uint64_t)f->chain->size < at || (uint64_t)request > (uint64_t)f->chain->size - at)
		return 0;
	f->held = 0;
	return cul_stream_seek(f->chain, at + (uint64_t)request) ? request : ARCHIVE_FATAL;
}

static void pop(struct cul_bundle *b)
{
	struct frame *f = b->frames;
	b->frames = f->up;
	b->depth--;
	if (f->archive)
		archive_read_free(f->archive);
	cul_stream_free(f->chain);
	free(f->name);
	free(f->prefix);
	free(f);
}

static int support(struct archive *a, enum cul_form form)
{
	switch (form) {
	case CUL_FORM_TAR:
		archive_read_support_format_gnutar(a);
		return archive_read_support_format_tar(a);
	case CUL_FORM_ZIP:
		archive_read_support_format_zip_streamable(a);
		return archive_read_support_format_zip_seekable(a);
	case CUL_FORM_7Z:
		return archive_read_support_format_7zip(a);
	case CUL_FORM_RPM: /* a head, then a packed cpio */
		archive_read_support_filter_rpm(a);
		archive_read_support_filter_gzip(a);
		archive_read_support_filter_bzip2(a);
		archive_read_support_filter_xz(a);
		archive_read_support_filter_lzma(a);
		archive_read_support_filter_zstd(a);
		return archive_read_support_format_cpio(a);
	case CUL_FORM_CPIO:
		return archive_read_support_format_cpio(a);
	default:
		return archive_read_support_format_ar(a);
	}
}

/* @chain is taken over. */
static void push(struct cul_bundle *b, struct cul_stream *chain, enum cul_form form, const char *name, bool outermost)
{
	if (b->depth >= b->budget.limits.nesting) {
		damaged(b, name, "archives are nested deeper than %u: this one is not opened", (unsigned)b->budget.limits.nesting);
		cul_stream_free(chain);
		return;
	}
	if (form == CUL_FORM_7Z && !chain->seek) {
		struct cul_stream *spool = cul_stream_spool(chain);
		if (!spool) {
			damaged(b, name, "the 7z archive is not read: %s", cul_stream_damage(chain));
			cul_stream_free(chain);
			return;
		}
		chain = spool;
	}
	struct frame *f = calloc(1, sizeof(*f));
	bool good = f && (f->name = strdup(name)) && (f->prefix = malloc(strlen(name) + 2)) && (f->archive = archive_read_new());
	if (!f) {
		damaged(b, name, "out of memory");
		cul_stream_free(chain);
		return;
	}
	f->chain = chain;
	f->form = form;
	f->up = b->frames;
	b->frames = f;
	b->depth++;
	if (good) {
		snprintf(f->prefix, strlen(name) + 2, "%s!", outermost ? "" : name);
		if (outermost)
			f->prefix[0] = 0;
		support(f->archive, form);
		archive_read_set_callback_data(f->archive, f);
		archive_read_set_read_callback(f->archive, on_read);
		if (chain->seek) {
			archive_read_set_skip_callback(f->archive, on_skip);
			archive_read_set_seek_callback(f->archive, on_seek);
		}
		if (archive_read_open1(f->archive) == ARCHIVE_OK)
			return;
		const char *why = archive_error_string(f->archive);
		damaged(b, name, "the %s archive can't be opened: %s", cul_form_name(form), why ? why : "no reason is known");
	} else {
		damaged(b, name, "out of memory");
	}
	pop(b);
}

/* What is wrong with the archive on top, once. */
static void tell(struct cul_bundle *b, struct frame *f, const char *name, const char *what)
{
	const char *below = cul_stream_damage(f->chain), *why = archive_error_string(f->archive);
	if (b->budget.spent || f->told)
		return;
	if (below)
		damaged(b, f->name, "%s", below);
	else
		damaged(b, name, "%s: %s", what, why ? why : "no reason is known");
	f->told = f->dead || below;
}

struct entry_stream {
	struct cul_stream s;
	struct cul_bundle *bundle;
	struct frame *frame;
	const char *block;
	size_t left;
	uint64_t handed; /* what libarchive had got when the entry began */
};

static size_t entry_fill(struct cul_stream *s, void *buffer, size_t size)
{
	struct entry_stream *e = (struct entry_stream *)s;
	struct frame *f = e->frame;
	for (unsigned tries = 0; !e->left; tries++) {
		const void *block = NULL;
		size_t n = 0;
		la_int64_t offset; /* a hole in a sparse file shows here only: it is skipped */
		int code = f->dead || tries == EMPTY ? ARCHIVE_FATAL : archive_read_data_block(f->archive, &block, &n, &offset);
		if (code == ARCHIVE_EOF)
			return 0;
		if (code == ARCHIVE_OK || code == ARCHIVE_WARN) {
			e->block = block;
			e->left = n;
		} else if (code != ARCHIVE_RETRY) {
			const char *below = cul_stream_damage(f->chain), *why = archive_error_string(f->archive);
			if (code == ARCHIVE_FATAL)
				f->dead = true;
			if (!s->budget->spent)
				cul_stream_spoil(s, "%s", below ? below : why ? why : "the archive is garbled here");
			f->told |= f->dead;
			return 0;
		}
	}
	if (size > e->left)
		size = e->left;
	memcpy(buffer, e->block, size);
	e->block += size;
	e->left -= size;
	s->in = f->handed - e->handed + SLACK;
	return size;
}

/* What systemd-coredump writes down about a core in the attributes of its file (src/coredump/coredump.c, fix_xattr()). */
static void read_beside(struct cul_bundle *b, int fd, const char *name)
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

static bool settle(struct cul_bundle *b, struct cul_stream *stream, const char *name, bool outermost, struct cul_member *member);

/* One header of the archive on top. True: a member is open. */
static bool archive_next(struct cul_bundle *b, struct cul_member *member)
{
	struct frame *f = b->frames;
	struct archive_entry *entry = NULL;
	locale_t before = b->locale ? uselocale(b->locale) : (locale_t)0;
	int code = f->dead ? ARCHIVE_FATAL : archive_read_next_header(f->archive, &entry);
	const char *raw = code == ARCHIVE_OK || code == ARCHIVE_WARN ? archive_entry_pathname(entry) : NULL;
	if (b->locale)
		uselocale(before);

	if (code == ARCHIVE_FAILED || code == ARCHIVE_RETRY) {
		tell(b, f, f->name, "a member of the archive can't be read");
		if (++f->failures < FAILURES)
			return false;
		code = ARCHIVE_FATAL;
	}
	if (code == ARCHIVE_FATAL) {
		f->dead = true;
		char what[80];
		snprintf(what, sizeof(what), "the %s archive is cut off or garbled", cul_form_name(f->form));
		tell(b, f, f->name, what);
		pop(b);
		return false;
	}
	if (code == ARCHIVE_EOF) {
		/* the checksum of a packed tar stands behind all that tar reads */
		cul_stream_take(f->chain, f->held);
		f->held = 0;
		for (struct cul_slice rest; f->chain->below && (rest = cul_stream_peek(f->chain, 1)).size;)
			cul_stream_take(f->chain, rest.size);
		if (cul_stream_damage(f->chain))
			tell(b, f, f->name, "");
		pop(b);
		return false;
	}

	/* cpio gives a file with several names its bytes at the last of them, which libarchive calls a hard link */
	size_t size = raw ? strlen(raw) : 0;
	bool known = archive_entry_size_is_set(entry);
	unsigned type = archive_entry_filetype(entry);
	if ((type != AE_IFREG && (type || (size && raw[size - 1] == '/'))) ||
	    (archive_entry_hardlink(entry) && (!known || archive_entry_size(entry) <= 0)) || archive_entry_symlink(entry))
		return false;
	if (f->form == CUL_FORM_AR && raw && (!strcmp(raw, "/") || !strcmp(raw, "//")))
		return false;
	char name[NAME];
	clean_name(name, f->prefix, raw ? raw : "", f->form == CUL_FORM_ZIP);
	if (of_macos(name + strlen(f->prefix)))
		return false;
	if (!within(b, name))
		return false;
	if (archive_entry_is_data_encrypted(entry)) {
		damaged(b, name, "encrypted: not read");
		return false;
	}
	int64_t seconds = archive_entry_mtime_is_set(entry) ? archive_entry_mtime(entry) : 0;
	if (seconds > 0 && seconds < INT64_C(9000000000))
		member->mtime_ns = seconds * INT64_C(1000000000) + archive_entry_mtime_nsec(entry) % 1000000000;
	member->size = known ? archive_entry_size(entry) : -1;
	struct entry_stream *e = calloc(1, sizeof(*e));
	if (!e) {
		damaged(b, name, "out of memory");
		return false;
	}
	bool packs = f->form == CUL_FORM_ZIP || f->form == CUL_FORM_7Z || f->form == CUL_FORM_RPM;
	e->s = (struct cul_stream){ .fill = entry_fill, .budget = &b->budget, .size = member->size, .counts = packs, .expands = packs };
	e->bundle = b;
	e->frame = f;
	e->handed = f->handed;
	return settle(b, &e->s, name, false, member);
}

/*
 * Look what @stream (taken over) is: unpack it as long as it is packed; a container goes on the stack (false: go on
 * with its members); anything else is the current member (true).
 */
static bool settle(struct cul_bundle *b, struct cul_stream *stream, const char *name, bool outermost, struct cul_member *member)
{
	snprintf(b->name, sizeof(b->name), "%s", name);
	for (uint32_t level = 0;; level++) {
		struct cul_slice head = cul_stream_peek(stream, CUL_FORM_HEAD);
		enum cul_form form = cul_form_of(head);
		if (cul_form_container(form)) {
			push(b, stream, form, name, outermost);
			return false;
		}
		if (!cul_form_packed(form))
			break;
		if (level == b->budget.limits.nesting) {
			damaged(b, name, "packed more than %u times over: not read", (unsigned)b->budget.limits.nesting);
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
			damaged(b, name, "the %s stream can't be unpacked here: no memory, or no library for it", cul_form_name(form));
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

/* ---- folders ---------------------------------------------------------------------------------------- */

static void leave_folder(struct cul_bundle *b)
{
	struct folder *d = b->folder;
	b->folder = d->up;
	for (size_t i = 0; i < d->count; i++)
		free(d->names[i]);
	free(d->names);
	free(d->prefix);
	close(d->fd);
	free(d);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* @fd is taken over. What can't be listed to its end is damage. */
static bool enter_folder(struct cul_bundle *b, int fd, const char *prefix)
{
	struct folder *d = calloc(1, sizeof(*d));
	int again = d ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;
	if (!dir || !(d->prefix = strdup(prefix))) {
		damaged(b, prefix, "the folder can't be listed: %s", strerror(errno));
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
				damaged(b, prefix, "the folder can't be listed to its end: %s", strerror(errno));
			break;
		}
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (d->count >= b->budget.limits.members) {
			damaged(b, prefix, "the folder has more than %u entries: the rest is not read", (unsigned)b->budget.limits.members);
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
			damaged(b, prefix, "out of memory");
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

static bool folder_next(struct cul_bundle *b, struct cul_member *member)
{
	struct folder *d = b->folder;
	if (d->next == d->count) {
		leave_folder(b);
		return false;
	}
	const char *entry = d->names[d->next++];
	char name[NAME];
	struct stat st;
	clean_name(name, d->prefix, entry, false);
	if (fstatat(d->fd, entry, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		damaged(b, name, "can't be read: %s", strerror(errno));
		return false;
	}
	if (S_ISLNK(st.st_mode) || of_macos(name))
		return false;
	if (S_ISDIR(st.st_mode)) {
		if (!strcmp(entry, "__MACOSX"))
			return false;
		if (d->depth + 1 >= FOLDERS || strlen(name) + 2 >= NAME) {
			damaged(b, name, "folders are nested deeper than %u: not read", FOLDERS);
			return false;
		}
		int fd = openat(d->fd, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			damaged(b, name, "the folder can't be opened: %s", strerror(errno));
			return false;
		}
		char prefix[NAME + 2];
		snprintf(prefix, sizeof(prefix), "%s/", name);
		enter_folder(b, fd, prefix);
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		damaged(b, name, "a device, pipe or socket: not read");
		return false;
	}
	if (!within(b, name))
		return false;
	int fd = openat(d->fd, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		damaged(b, name, "can't be opened: %s", fd < 0 ? strerror(errno) : "it changed meanwhile");
		if (fd >= 0)
			close(fd);
		return false;
	}
	read_beside(b, fd, name);
	struct cul_stream *stream = cul_stream_file(fd, &b->budget);
	if (!stream) {
		damaged(b, name, "out of memory");
		return false;
	}
	member->size = st.st_size;
	return settle(b, stream, name, false, member);
}

static bool blob_next(struct cul_bundle *b, struct cul_member *member)
{
	const struct cul_blob *blob = &b->blobs[b->blob_next++];
	char name[NAME];
	clean_name(name, "", blob->name ? blob->name : "", false);
	if (!within(b, name))
		return false;
	struct cul_stream *stream = cul_stream_memory(blob->bytes, &b->budget);
	if (!stream) {
		damaged(b, name, "out of memory");
		return false;
	}
	member->size = (int64_t)blob->bytes.size;
	return settle(b, stream, name, b->single, member);
}

/* ---- the public face -------------------------------------------------------------------------------- */

static void tell_current(struct cul_bundle *b)
{
	const char *why = b->current ? cul_stream_damage(b->current) : NULL;
	if (!why)
		return;
	damaged(b, b->name, "%s", why);
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
			within(b, b->name);
		if (b->stopped)
			return false;
		bool open = false;
		if (b->frames) {
			b->beside_size = 0; /* that was the archive's */
			open = archive_next(b, member);
		} else if (b->only) {
			struct cul_stream *stream = b->only;
			b->only = NULL;
			member->size = stream->size;
			open = settle(b, stream, b->only_name, true, member);
		} else if (b->folder) {
			open = folder_next(b, member);
		} else if (b->blob_next < b->blob_count) {
			open = blob_next(b, member);
		} else {
			return false;
		}
		if (open)
			return true;
	}
}

size_t cul_bundle_read(struct cul_bundle *b, void *buffer, size_t size)
{
	if (!b->current || !size)
		return 0;
	size_t n = cul_stream_read(b->current, buffer, size);
	tell_watch(b);
	if (!n) {
		tell_current(b);
		if (b->budget.spent)
			within(b, b->name);
	}
	return n;
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

void cul_bundle_progress(const struct cul_bundle *b, int64_t *done, int64_t *total)
{
	*done = (int64_t)b->budget.read;
	*total = b->total;
	if (b->total >= 0 && *done > b->total)
		*done = b->total; /* what was sought is read twice */
}

/** Bytes of the regular files below @fd, which is closed. @left: entries that may still be looked at; a bar is not worth more. */
static int64_t folder_bytes(int fd, unsigned depth, unsigned *left)
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
		else if (S_ISDIR(st.st_mode) && depth + 1 < FOLDERS)
			sum += folder_bytes(openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), depth + 1, left);
	}
	closedir(dir);
	return sum;
}

void cul_bundle_watch(struct cul_bundle *b, void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx)
{
	unsigned left = MEASURED;

	b->watch = progress;
	b->watch_ctx = ctx;
	if (!progress || b->total >= 0 || !b->folder)
		return;
	int64_t sum = folder_bytes(openat(b->folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0, &left);
	if (left && sum > 0)
		b->total = sum;
}

void cul_bundle_close(struct cul_bundle *b)
{
	const char *name, *why;
	if (!b)
		return;
	cul_stream_free(b->current);
	while (b->frames)
		pop(b);
	while (b->folder)
		leave_folder(b);
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
	/* names in pax heads and 7z are Unicode; the C locale would lose them. For this thread, for the call */
	b->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
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
		if (!enter_folder(b, taken, ""))
			return cul_fail(err, CUL_EIO, "%s: the folder can't be listed", path);
	} else {
		size_t size = strlen(path);
		while (size > 1 && path[size - 1] == '/')
			size--;
		const char *base = path + size;
		while (base > path && base[-1] != '/')
			base--;
		char name[NAME];
		clean_name(name, "", standard ? "stdin" : base, false);
		b->single = true;
		read_beside(b, taken, name);
		b->only = cul_stream_file(taken, &b->budget);
		b->only_name = strdup(name);
		if (!b->only || !b->only_name)
			return cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
		b->total = S_ISREG(st.st_mode) && st.st_size > 0 ? st.st_size : -1;
	}
	*ret = cul_take(b);
	return CUL_OK;
}
