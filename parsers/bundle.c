/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Whatever a person hands in -> named byte streams: a stack of folders, archives and packed streams.
 *
 * What a member is, its first bytes say, never its name. libarchive reads the containers (tar, zip, 7z, cpio, rpm,
 * deb) over our own layers; 7z wants to seek and is read from a plain file, or from memory up to a limit.
 */
#include "culprit/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/slice.h"
#include "parsers/unpack.h"

#define NAME_BYTES 4096
#define FRAMES 32
#define HELD_BYTES (256u << 20) /* of a nested container that wants to seek */
#define DAMAGES 1000

struct damage {
	char *name, *why;
};

struct frame {
	enum { FOLDER, ARCHIVE, BLOBS, ONE } type;
	char *prefix; /* in front of names: "", "upload/files.zip!" */
	/* FOLDER: sorted entries; descended into depth first */
	char *path;
	char **names;
	size_t count, next;
	/* ARCHIVE */
	struct archive *archive;
	struct cul_layer *bytes;
	char *held;
	char block[64 << 10];
	/* ONE: a stream that becomes a member */
	char *name;
	int64_t mtime_ns, size;
};

struct cul_bundle {
	struct cul_limits limits;
	struct frame *frames[FRAMES];
	size_t depth;
	const struct cul_blob *blobs;
	struct cul_layer *current;
	char name[NAME_BYTES];
	uint64_t unpacked, members;
	bool stopped;
	struct damage *damages;
	size_t damage_count, damage_next;
	int64_t total, done_before;
	struct cul_layer *outer; /* for progress */
};

static void set_limits(struct cul_limits *to, const struct cul_limits *from)
{
	*to = from ? *from : (struct cul_limits){ 0 };
	if (!to->unpacked_bytes)
		to->unpacked_bytes = UINT64_C(1) << 40;
	if (!to->ratio)
		to->ratio = 2000;
	if (!to->nesting)
		to->nesting = 8;
	if (!to->members)
		to->members = 2000000;
}

static void note(struct cul_bundle *b, const char *name, const char *why)
{
	if (b->damage_count == DAMAGES)
		return;
	if (b->damage_next == b->damage_count) { /* all told: start over */
		for (size_t i = 0; i < b->damage_count; i++) {
			free(b->damages[i].name);
			free(b->damages[i].why);
		}
		b->damage_next = b->damage_count = 0;
	}
	struct damage *d = realloc(b->damages, (b->damage_count + 1) * sizeof(*d));
	if (!d)
		return;
	b->damages = d;
	d[b->damage_count].name = strdup(name);
	d[b->damage_count].why = strdup(why);
	if (d[b->damage_count].name && d[b->damage_count].why) {
		b->damage_count++;
	} else {
		free(d[b->damage_count].name);
		free(d[b->damage_count].why);
	}
}

static void free_frame(struct frame *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		free(f->names ? f->names[i] : NULL);
	free(f->names);
	if (f->archive)
		archive_read_free(f->archive);
	cul_layer_free(f->bytes);
	free(f->held);
	free(f->prefix);
	free(f->path);
	free(f->name);
	free(f);
}

static void pop(struct cul_bundle *b)
{
	struct frame *f = b->frames[--b->depth];
	if (f->bytes && f->bytes == b->outer)
		b->outer = NULL;
	free_frame(f);
}

static struct frame *push(struct cul_bundle *b, int type, const char *prefix)
{
	if (b->depth == FRAMES)
		return NULL;
	struct frame *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->type = type;
	f->prefix = strdup(prefix);
	f->mtime_ns = CUL_NO_TIME;
	f->size = -1;
	if (!f->prefix) {
		free(f);
		return NULL;
	}
	b->frames[b->depth++] = f;
	return f;
}

/* An archive's name made harmless: no leading '/', no "..", no "./", no control bytes. */
static void safe_name(char *out, size_t size, const char *prefix, const char *name)
{
	size_t n = 0;
	while (*prefix && n + 1 < size)
		out[n++] = *prefix++;
	while (*name) {
		size_t part = strcspn(name, "/\\");
		bool drop = !part || (part == 1 && name[0] == '.') || (part == 2 && name[0] == '.' && name[1] == '.');
		if (!drop) {
			if (n && out[n - 1] != '/' && out[n - 1] != '!' && n + 1 < size)
				out[n++] = '/';
			for (size_t i = 0; i < part && n + 1 < size; i++)
				out[n++] = (unsigned char)name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i];
		}
		name += part + (name[part] != 0);
	}
	out[n] = 0;
}

/* "messages.1.gz" -> "messages.1", "ps.txt.xz" -> "ps.txt" */
static void drop_suffix(char *name)
{
	static const char *const ends[] = { ".gz", ".xz", ".zst", ".bz2", ".lz4" };
	size_t n = strlen(name);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t k = strlen(ends[i]);
		if (n > k && name[n - k - 1] != '/' && !strcmp(name + n - k, ends[i])) {
			name[n - k] = 0;
			return;
		}
	}
}

static bool is_container(struct cul_slice h)
{
	const char *p = h.data;
	if (h.size >= 262 && !memcmp(p + 257, "ustar", 5))
		return true;
	if (h.size >= 4 && (!memcmp(p, "PK\3\4", 4) || !memcmp(p, "PK\5\6", 4) || !memcmp(p, "\xed\xab\xee\xdb", 4)))
		return true;
	if (h.size >= 6 && (!memcmp(p, "7z\xbc\xaf\x27\x1c", 6) || !memcmp(p, "070701", 6) || !memcmp(p, "070702", 6) || !memcmp(p, "070707", 6)))
		return true;
	if (h.size >= 8 && !memcmp(p, "!<arch>\n", 8))
		return true;
	return false;
}

static bool is_seven(struct cul_slice h)
{
	return h.size >= 6 && !memcmp(h.data, "7z\xbc\xaf\x27\x1c", 6);
}

static la_ssize_t archive_bytes(struct archive *a, void *ctx, const void **out)
{
	struct frame *f = ctx;
	(void)a;
	size_t n = cul_layer_read(f->bytes, f->block, sizeof(f->block));
	*out = f->block;
	return (la_ssize_t)n;
}

/* A layer whose head looks like a container becomes a frame; takes the layer over. */
static bool open_archive(struct cul_bundle *b, struct cul_layer *layer, const char *prefix, const char *name)
{
	struct cul_slice head = cul_layer_peek(layer);
	bool seven = is_seven(head), rpm = cul_starts(head, CUL_LIT("\xed\xab\xee\xdb"));
	struct frame *f = push(b, ARCHIVE, prefix);
	if (!f) {
		cul_layer_free(layer);
		note(b, name, "archives are nested too deeply");
		return false;
	}
	f->bytes = layer;
	f->archive = archive_read_new();
	if (!f->archive) {
		pop(b);
		return false;
	}
	archive_read_support_format_tar(f->archive);
	archive_read_support_format_gnutar(f->archive);
	archive_read_support_format_zip(f->archive);
	archive_read_support_format_7zip(f->archive);
	archive_read_support_format_cpio(f->archive);
	archive_read_support_format_ar(f->archive);
	if (rpm)
		archive_read_support_filter_all(f->archive);
	int code, fd = cul_layer_seekable(layer);
	if (fd >= 0 && lseek(fd, 0, SEEK_SET) == 0) {
		code = archive_read_open_fd(f->archive, fd, sizeof(f->block));
	} else if (seven) {
		size_t used = 0, room = 0, n;
		do {
			if (room - used < 65536) {
				room = room ? room * 2 : 1u << 20;
				char *more = room <= HELD_BYTES ? realloc(f->held, room) : NULL;
				if (!more) {
					note(b, name, "a nested 7z archive of more than 256 MiB is not read");
					pop(b);
					return false;
				}
				f->held = more;
			}
			n = cul_layer_read(layer, f->held + used, room - used);
			used += n;
		} while (n);
		code = archive_read_open_memory(f->archive, f->held, used);
	} else {
		code = archive_read_open(f->archive, f, NULL, archive_bytes, NULL);
	}
	if (code != ARCHIVE_OK) {
		const char *why = archive_error_string(f->archive);
		char text[300];
		snprintf(text, sizeof(text), "the archive can't be read: %s", why ? why : "unknown format");
		note(b, name, text);
		pop(b);
		return false;
	}
	return true;
}

static size_t entry_bytes(void *ctx, void *buffer, size_t size, const char **why)
{
	struct frame *f = ctx;
	la_ssize_t n = archive_read_data(f->archive, buffer, size);
	if (n == ARCHIVE_RETRY || n == ARCHIVE_WARN)
		n = archive_read_data(f->archive, buffer, size);
	if (n < 0) {
		const char *text = cul_layer_damage(f->bytes);
		*why = text ? text : "the archive is cut off or garbled here";
		return 0;
	}
	return (size_t)n;
}

static bool by_limits(struct cul_bundle *b, const char *name)
{
	if (b->members >= b->limits.members) {
		note(b, name, "the limit of members is met: the rest is not read");
		b->stopped = true;
	} else if (b->unpacked > b->limits.unpacked_bytes) {
		note(b, name, "the limit of unpacked bytes is met: the rest is not read");
		b->stopped = true;
	}
	return !b->stopped;
}

/*
 * A stream of unknown content: unpack it as long as it is packed; a container becomes a frame
 * (false: go on with the next), anything else the current member (true).
 */
static bool settle(struct cul_bundle *b, struct cul_layer *layer, const char *name, struct cul_member *member)
{
	char text[NAME_BYTES];
	snprintf(text, sizeof(text), "%s", name);
	for (uint32_t level = 0;; level++) {
		struct cul_slice head = cul_layer_peek(layer);
		enum cul_packing packing = cul_packing_of(head);
		if (packing == CUL_PACKING_NONE)
			break;
		if (b->depth + level > b->limits.nesting + 1) {
			note(b, text, "packed streams are nested deeper than the limit");
			cul_layer_free(layer);
			return false;
		}
		struct cul_layer *upper = cul_layer_unpack(layer, packing, &b->limits);
		if (!upper) {
			note(b, text, "this compression can't be read here");
			cul_layer_free(layer);
			return false;
		}
		layer = upper;
		drop_suffix(text);
		if (level > 16)
			break;
	}
	struct cul_slice head = cul_layer_peek(layer);
	if (is_container(head)) {
		if (b->depth > b->limits.nesting) {
			note(b, text, "archives are nested deeper than the limit");
			cul_layer_free(layer);
			return false;
		}
		char prefix[NAME_BYTES] = "";
		bool outermost = b->depth && b->frames[b->depth - 1]->type == ONE;
		if (!outermost)
			snprintf(prefix, sizeof(prefix), "%.*s!", (int)sizeof(prefix) - 2, name);
		open_archive(b, layer, prefix, name);
		return false;
	}
	b->current = layer;
	snprintf(b->name, sizeof(b->name), "%s", text);
	b->members++;
	member->name = b->name;
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool open_folder(struct cul_bundle *b, const char *path, const char *prefix, struct cul_error *err)
{
	DIR *dir = opendir(path);
	if (!dir) {
		cul_fail(err, CUL_EIO, "%s: %s", path, strerror(errno));
		if (b->depth)
			note(b, prefix, strerror(errno));
		return false;
	}
	struct frame *f = push(b, FOLDER, prefix);
	bool good = f && (f->path = strdup(path));
	struct dirent *entry;
	size_t room = 0;
	while (good && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (f->count == room) {
			room = room ? room * 2 : 64;
			char **names = realloc(f->names, room * sizeof(*names));
			if (!names) {
				good = false;
				break;
			}
			f->names = names;
		}
		good = (f->names[f->count] = strdup(entry->d_name)) != NULL;
		f->count += good;
	}
	closedir(dir);
	if (!good) {
		note(b, prefix, f ? "out of memory" : "folders are nested too deeply");
		if (f)
			pop(b);
		cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
		return false;
	}
	qsort(f->names, f->count, sizeof(*f->names), by_bytes);
	return true;
}

/* The next entry of the folder on top. True: a member is open. */
static bool folder_next(struct cul_bundle *b, struct frame *f, struct cul_member *member)
{
	const char *entry = f->names[f->next++];
	char path[NAME_BYTES * 2], name[NAME_BYTES];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", f->path, entry);
	safe_name(name, sizeof(name), f->prefix, entry);
	if (lstat(path, &st) < 0) {
		note(b, name, strerror(errno));
		return false;
	}
	if (S_ISLNK(st.st_mode))
		return false;
	if (S_ISDIR(st.st_mode)) {
		char prefix[NAME_BYTES];
		snprintf(prefix, sizeof(prefix), "%.*s/", (int)sizeof(prefix) - 2, name);
		if (b->depth + 2 < FRAMES)
			open_folder(b, path, prefix, NULL);
		else
			note(b, name, "folders are nested too deeply");
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		note(b, name, "a device, pipe or socket: not read");
		return false;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0) {
		note(b, name, strerror(errno));
		return false;
	}
	struct cul_layer *layer = cul_layer_file(fd);
	if (!layer) {
		close(fd);
		note(b, name, "out of memory");
		return false;
	}
	member->mtime_ns = CUL_NO_TIME;
	member->size = st.st_size;
	return settle(b, layer, name, member);
}

static bool archive_next(struct cul_bundle *b, struct frame *f, struct cul_member *member)
{
	struct archive_entry *entry;
	int code = archive_read_next_header(f->archive, &entry);
	if (code == ARCHIVE_EOF || code == ARCHIVE_FATAL || code == ARCHIVE_RETRY) {
		const char *why = cul_layer_damage(f->bytes);
		if (code != ARCHIVE_EOF || why) {
			char text[300], name[NAME_BYTES];
			const char *said = why ? why : archive_error_string(f->archive);
			snprintf(text, sizeof(text), "the archive ends early or is garbled: %s", said ? said : "no more is known");
			snprintf(name, sizeof(name), "%s", f->prefix);
			if (name[0] && name[strlen(name) - 1] == '!')
				name[strlen(name) - 1] = 0;
			note(b, name, text);
		}
		pop(b);
		return false;
	}
	const char *inner = archive_entry_pathname(entry);
	if (!inner)
		inner = archive_entry_pathname_utf8(entry);
	if (!inner)
		inner = "unnamed";
	if (archive_entry_filetype(entry) != AE_IFREG && archive_entry_filetype(entry) != 0)
		return false;
	if (archive_entry_hardlink(entry))
		return false;
	const char *base = strrchr(inner, '/');
	base = base ? base + 1 : inner;
	if (!strncmp(base, "._", 2) || !strncmp(inner, "__MACOSX/", 9))
		return false;
	char name[NAME_BYTES];
	safe_name(name, sizeof(name), f->prefix, inner);
	if (!by_limits(b, name))
		return false;
	if (archive_entry_is_encrypted(entry)) {
		note(b, name, "encrypted: not read");
		return false;
	}
	member->mtime_ns = archive_entry_mtime_is_set(entry) && archive_entry_mtime(entry) > 0 ?
				   (int64_t)archive_entry_mtime(entry) * 1000000000 :
				   CUL_NO_TIME;
	member->size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : -1;
	struct cul_layer *layer = cul_layer_calls(entry_bytes, f);
	if (!layer) {
		note(b, name, "out of memory");
		return false;
	}
	return settle(b, layer, name, member);
}

static void end_member(struct cul_bundle *b)
{
	if (!b->current)
		return;
	const char *why = cul_layer_damage(b->current);
	if (why)
		note(b, b->name, why);
	if (b->current == b->outer) {
		b->done_before = b->total;
		b->outer = NULL;
	}
	cul_layer_free(b->current);
	b->current = NULL;
}

bool cul_bundle_next(struct cul_bundle *b, struct cul_member *member)
{
	end_member(b);
	while (b->depth && !b->stopped) {
		struct frame *f = b->frames[b->depth - 1];
		*member = (struct cul_member){ .mtime_ns = CUL_NO_TIME, .size = -1 };
		switch (f->type) {
		case FOLDER:
			if (f->next >= f->count)
				pop(b);
			else if (by_limits(b, f->prefix) && folder_next(b, f, member))
				return true;
			break;
		case ARCHIVE:
			if (archive_next(b, f, member))
				return true;
			break;
		case BLOBS:
			if (f->next >= f->count) {
				pop(b);
				break;
			}
			{
				const struct cul_blob *blob = &b->blobs[f->next++];
				struct cul_layer *layer = cul_layer_memory(blob->bytes);
				char name[NAME_BYTES];
				safe_name(name, sizeof(name), "", blob->name);
				member->size = (int64_t)blob->bytes.size;
				if (layer && settle(b, layer, name, member))
					return true;
			}
			break;
		case ONE:
			if (f->next++) {
				pop(b);
				break;
			}
			{
				struct cul_layer *layer = f->bytes;
				f->bytes = NULL;
				member->size = f->size;
				b->outer = NULL;
				if (settle(b, layer, f->name, member))
					return true;
			}
			break;
		}
	}
	return false;
}

size_t cul_bundle_read(struct cul_bundle *b, void *buffer, size_t size)
{
	if (!b->current || b->stopped)
		return 0;
	size_t n = cul_layer_read(b->current, buffer, size);
	b->unpacked += n;
	if (b->unpacked > b->limits.unpacked_bytes)
		by_limits(b, b->name);
	return n;
}

bool cul_bundle_damage(struct cul_bundle *b, const char **name, const char **why)
{
	if (b->damage_next >= b->damage_count)
		return false;
	*name = b->damages[b->damage_next].name;
	*why = b->damages[b->damage_next].why;
	b->damage_next++;
	return true;
}

void cul_bundle_progress(const struct cul_bundle *b, int64_t *done, int64_t *total)
{
	int64_t taken = (int64_t)b->unpacked;
	for (size_t i = 0; i < b->depth; i++)
		if (b->frames[i]->type == ARCHIVE) {
			int fd = cul_layer_seekable(b->frames[i]->bytes);
			taken = fd >= 0 ? (int64_t)lseek(fd, 0, SEEK_CUR) : cul_layer_taken(b->frames[i]->bytes);
			break;
		}
	if (b->depth && b->frames[0]->type == ONE && b->current && b->depth == 1)
		taken = cul_layer_taken(b->current);
	*done = taken;
	*total = b->total;
}

void cul_bundle_close(struct cul_bundle *b)
{
	if (!b)
		return;
	cul_layer_free(b->current);
	while (b->depth)
		pop(b);
	for (size_t i = 0; i < b->damage_count; i++) {
		free(b->damages[i].name);
		free(b->damages[i].why);
	}
	free(b->damages);
	free(b);
}

enum cul_status cul_bundle_memory(const struct cul_blob *blobs, size_t count, const struct cul_limits *limits, struct cul_bundle **ret,
				  struct cul_error *err)
{
	struct cul_bundle *b = calloc(1, sizeof(*b));
	if (!b)
		return cul_fail(err, CUL_ENOMEM, "out of memory");
	set_limits(&b->limits, limits);
	b->blobs = blobs;
	b->total = -1;
	struct frame *f = push(b, BLOBS, "");
	if (!f) {
		cul_bundle_close(b);
		return cul_fail(err, CUL_ENOMEM, "out of memory");
	}
	f->count = count;
	*ret = b;
	return CUL_OK;
}

enum cul_status cul_bundle_open(const char *path, const struct cul_limits *limits, struct cul_bundle **ret, struct cul_error *err)
{
	struct stat st;
	struct cul_bundle *b = calloc(1, sizeof(*b));
	if (!b)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
	set_limits(&b->limits, limits);
	b->total = -1;
	bool standard = !strcmp(path, "-");
	int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		enum cul_status status = cul_fail(err, CUL_EIO, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		cul_bundle_close(b);
		return status;
	}
	if (S_ISDIR(st.st_mode)) {
		close(fd);
		enum cul_status status = open_folder(b, path, "", err) ? CUL_OK : CUL_EIO;
		if (status != CUL_OK) {
			cul_bundle_close(b);
			return status;
		}
		*ret = b;
		return CUL_OK;
	}
	if (!standard)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	struct frame *f = push(b, ONE, "");
	const char *base = strrchr(path, '/');
	if (f) {
		f->name = strdup(standard ? "stdin" : base && base[1] ? base + 1 : path);
		f->bytes = cul_layer_file(fd);
		f->size = S_ISREG(st.st_mode) ? st.st_size : -1;
		b->total = f->size;
	}
	if (!f || !f->name || !f->bytes) {
		if (!f || !f->bytes)
			close(fd);
		cul_bundle_close(b);
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
	}
	*ret = b;
	return CUL_OK;
}
