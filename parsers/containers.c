/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Containers -> their members: tar, zip, 7z, rpm, cpio, ar, in any nesting.
 *
 * libarchive reads them over our own streams and nothing else (plain tar headers tar.c reads itself): each level of nesting is a frame here, with the limits
 * that this brings. zip and 7z keep a table at their end; where the bytes can be sought (a plain file, memory) that is
 * used. Inside of something else a zip is read front to back, and a 7z goes through a spool. Links, devices and folders
 * in archives are no members; holes of sparse files are skipped; what macOS adds (._x, __MACOSX/) is left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/archive.h"
#include "parsers/opened.h"
#include "parsers/tar.h"

#define FAILURES 1000   /* broken entries of one archive until it is given up */
#define EMPTY 100000    /* blocks without bytes in one entry */
#define SLACK (1u << 20) /* packed bytes that libarchive may have read ahead of an entry */

struct frame {
	struct frame *up;
	struct cul_stream *chain; /* the container's bytes */
	enum cul_form form;
	struct archive *archive;  /* NULL: tar.c reads it */
	struct cul_tar tar;
	char *primer;             /* what libarchive reads before the rest of a tar */
	char *name, *prefix;      /* of the container; in front of its members: "" or "upload/files.zip!" */
	size_t held;              /* peeked bytes that libarchive looks at */
	uint64_t handed;          /* bytes it got in all */
	unsigned failures;
	bool dead, told, primed;
};

static la_ssize_t on_read(struct archive *a, void *ctx, const void **out)
{
	struct frame *f = ctx;
	(void)a;
	if (f->primer && !f->primed) {
		f->primed = true;
		*out = f->primer;
		return CUL_TAR_BLOCK;
	}
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

void cul_container_pop(struct cul_bundle *b)
{
	struct frame *f = b->frames;
	b->frames = f->up;
	b->depth--;
	if (f->archive)
		archive_read_free(f->archive);
	cul_stream_free(f->chain);
	free(f->name);
	free(f->prefix);
	free(f->primer);
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

/* libarchive reads from here on. False: it can't; the frame is gone. */
static bool open_archive(struct cul_bundle *b, struct frame *f)
{
	f->archive = archive_read_new();
	/* names in pax heads and 7z are Unicode; the C locale would lose them. For this thread, for the call */
	if (!b->locale)
		b->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!f->archive) {
		const char *lacks = cul_archive_lacks();
		cul_bundle_damaged(b, f->name, "%s", lacks ? lacks : "out of memory");
	} else {
		support(f->archive, f->form);
		archive_read_set_callback_data(f->archive, f);
		archive_read_set_read_callback(f->archive, on_read);
		if (f->chain->seek) {
			archive_read_set_skip_callback(f->archive, on_skip);
			archive_read_set_seek_callback(f->archive, on_seek);
		}
		if (archive_read_open1(f->archive) == ARCHIVE_OK)
			return true;
		const char *why = archive_error_string(f->archive);
		cul_bundle_damaged(b, f->name, "the %s archive can't be opened: %s", cul_form_name(f->form), why ? why : "no reason is known");
	}
	cul_container_pop(b);
	return false;
}

/*
 * libarchive reads a tar from here on, whose former headers tar.c has read. It is choosy about the first header of an archive and bears
 * much in a later one, so it gets a folder's first.
 */
static bool take_over(struct cul_bundle *b, struct frame *f)
{
	struct archive_entry *entry;
	f->primer = malloc(CUL_TAR_BLOCK);
	if (!f->primer) {
		cul_bundle_damaged(b, f->name, "out of memory");
		cul_container_pop(b);
		return false;
	}
	cul_tar_folder(f->primer);
	if (!open_archive(b, f))
		return false;
	archive_read_next_header(f->archive, &entry);
	return true;
}

/* @chain is taken over. */
void cul_container_push(struct cul_bundle *b, struct cul_stream *chain, enum cul_form form, const char *name, bool outermost)
{
	if (b->depth >= b->budget.limits.nesting) {
		cul_bundle_damaged(b, name, "archives are nested deeper than %u: this one is not opened", (unsigned)b->budget.limits.nesting);
		cul_stream_free(chain);
		return;
	}
	if (form == CUL_FORM_7Z && !chain->seek) {
		struct cul_stream *spool = cul_stream_spool(chain);
		if (!spool) {
			cul_bundle_damaged(b, name, "the 7z archive is not read: %s", cul_stream_damage(chain));
			cul_stream_free(chain);
			return;
		}
		chain = spool;
	}
	struct frame *f = calloc(1, sizeof(*f));
	bool good = f && (f->name = strdup(name)) && (f->prefix = malloc(strlen(name) + 2));
	if (!f) {
		cul_bundle_damaged(b, name, "out of memory");
		cul_stream_free(chain);
		return;
	}
	f->chain = chain;
	f->form = form;
	f->up = b->frames;
	b->frames = f;
	b->depth++;
	if (!good) {
		cul_bundle_damaged(b, name, "out of memory");
		cul_container_pop(b);
		return;
	}
	snprintf(f->prefix, strlen(name) + 2, "%s!", outermost ? "" : name);
	if (outermost)
		f->prefix[0] = 0;
	if (form != CUL_FORM_TAR || !cul_tar_begins(chain))
		open_archive(b, f);
}

/* What is wrong with the archive on top, once. */
static void tell(struct cul_bundle *b, struct frame *f, const char *name, const char *what)
{
	const char *below = cul_stream_damage(f->chain), *why = f->archive ? archive_error_string(f->archive) : f->dead ? "Truncated tar archive" : "Damaged tar archive";
	if (b->budget.spent || f->told)
		return;
	if (below)
		cul_bundle_damaged(b, f->name, "%s", below);
	else
		cul_bundle_damaged(b, name, "%s: %s", what, why ? why : "no reason is known");
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

/* The tar ended within the entry. */
static void spoil_cut(struct cul_stream *s)
{
	struct frame *f = ((struct entry_stream *)s)->frame;
	const char *below = cul_stream_damage(f->chain);
	if (!f->tar.cut)
		return;
	f->dead = f->told = true;
	if (!s->budget->spent)
		cul_stream_spoil(s, "%s", below ? below : "Truncated tar archive");
}

/* Entries of a tar that tar.c reads: their bytes lie in the tar's stream. */
static size_t tar_fill(struct cul_stream *s, void *buffer, size_t size)
{
	struct frame *f = ((struct entry_stream *)s)->frame;
	size_t n = cul_tar_read(&f->tar, f->chain, buffer, size);
	spoil_cut(s);
	return n;
}

static void tar_show(struct cul_stream *s, size_t least)
{
	struct frame *f = ((struct entry_stream *)s)->frame;
	struct cul_slice have = cul_tar_peek(&f->tar, f->chain, least);
	s->made += have.size - (s->end - s->start);
	s->bytes = (unsigned char *)(uintptr_t)have.data;
	s->start = 0;
	s->end = have.size;
	s->ended = !have.size || have.size == f->tar.left;
	spoil_cut(s);
}

static void tar_took(struct cul_stream *s, size_t n)
{
	struct frame *f = ((struct entry_stream *)s)->frame;
	cul_stream_take(f->chain, n);
	cul_tar_took(&f->tar, f->chain, n);
	spoil_cut(s);
}

static void tar_lend(struct cul_stream *s, size_t most, struct cul_loan *loan)
{
	struct frame *f = ((struct entry_stream *)s)->frame;
	if (f->tar.left)
		cul_stream_lend(f->chain, most < f->tar.left ? most : (size_t)f->tar.left, loan);
	size_t n = loan->size;
	s->made += n - (s->end - s->start);
	s->start = s->end = 0;
	f->tar.cut |= f->tar.left && !n;
	cul_tar_took(&f->tar, f->chain, n);
	s->ended = loan->last = !f->tar.left;
	spoil_cut(s);
}

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

/* The archive can't be read on. */
static void dies(struct cul_bundle *b, struct frame *f)
{
	char what[80];
	f->dead = true;
	snprintf(what, sizeof(what), "the %s archive is cut off or garbled", cul_form_name(f->form));
	tell(b, f, f->name, what);
	cul_container_pop(b);
}

/* One of its members can't be read. */
static void failed(struct cul_bundle *b, struct frame *f)
{
	tell(b, f, f->name, "a member of the archive can't be read");
	if (++f->failures >= FAILURES)
		dies(b, f);
}

static void ends(struct cul_bundle *b, struct frame *f)
{
	/* the checksum of a packed tar stands behind all that tar reads */
	cul_stream_take(f->chain, f->held);
	f->held = 0;
	for (struct cul_slice rest; f->chain->below && (rest = cul_stream_peek(f->chain, 1)).size;)
		cul_stream_take(f->chain, rest.size);
	if (cul_stream_damage(f->chain))
		tell(b, f, f->name, "");
	cul_container_pop(b);
}

/* The file that the archive names @raw; @member holds its time and size. */
static bool open_entry(struct cul_bundle *b, struct frame *f, const char *raw, bool encrypted, struct cul_member *member)
{
	char name[CUL_NAME];
	cul_clean_name(name, f->prefix, raw, f->form == CUL_FORM_ZIP);
	if (cul_of_macos(name + strlen(f->prefix)))
		return false;
	if (!cul_bundle_within(b, name))
		return false;
	if (encrypted) {
		cul_bundle_damaged(b, name, "encrypted: not read");
		return false;
	}
	struct entry_stream *e = calloc(1, sizeof(*e));
	if (!e) {
		cul_bundle_damaged(b, name, "out of memory");
		return false;
	}
	bool packs = f->form == CUL_FORM_ZIP || f->form == CUL_FORM_7Z || f->form == CUL_FORM_RPM;
	e->s = (struct cul_stream){ .fill = entry_fill, .budget = &b->budget, .size = member->size, .counts = packs, .expands = packs,
				     .sip = 4096 };
	if (!f->archive) {
		e->s.fill = tar_fill;
		e->s.show = tar_show;
		e->s.took = tar_took;
		e->s.lend = f->chain->lend ? tar_lend : NULL;
	}
	e->bundle = b;
	e->frame = f;
	e->handed = f->handed;
	return cul_settle(b, &e->s, name, false, member);
}

/* One header of the archive on top. True: a member is open. */
bool cul_container_next(struct cul_bundle *b, struct cul_member *member)
{
	struct frame *f = b->frames;
	struct archive_entry *entry = NULL;
	if (!f->archive) {
		struct cul_tar_head head;
		switch (f->dead ? CUL_TAR_CUT : cul_tar_next(&f->tar, f->chain, &head)) {
		case CUL_TAR_FILE:
			if (head.mtime > 0 && head.mtime < INT64_C(9000000000))
				member->mtime_ns = head.mtime * INT64_C(1000000000);
			member->size = (int64_t)head.size;
			return open_entry(b, f, head.name, false, member);
		case CUL_TAR_OTHER:
			return false;
		case CUL_TAR_UNUSUAL:
			if (!take_over(b, f))
				return false;
			return cul_container_next(b, member);
		case CUL_TAR_GARBLED:
			failed(b, f);
			return false;
		case CUL_TAR_CUT:
			dies(b, f);
			return false;
		case CUL_TAR_END:
			ends(b, f);
			return false;
		}
	}
	locale_t before = b->locale ? uselocale(b->locale) : (locale_t)0;
	int code = f->dead ? ARCHIVE_FATAL : archive_read_next_header(f->archive, &entry);
	const char *raw = code == ARCHIVE_OK || code == ARCHIVE_WARN ? archive_entry_pathname(entry) : NULL;
	if (b->locale)
		uselocale(before);

	if (code == ARCHIVE_FAILED || code == ARCHIVE_RETRY) {
		failed(b, f);
		return false;
	}
	if (code == ARCHIVE_FATAL) {
		dies(b, f);
		return false;
	}
	if (code == ARCHIVE_EOF) {
		ends(b, f);
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
	if (archive_entry_is_data_encrypted(entry))
		return open_entry(b, f, raw ? raw : "", true, member);
	int64_t seconds = archive_entry_mtime_is_set(entry) ? archive_entry_mtime(entry) : 0;
	if (seconds > 0 && seconds < INT64_C(9000000000))
		member->mtime_ns = seconds * INT64_C(1000000000) + archive_entry_mtime_nsec(entry) % 1000000000;
	member->size = known ? archive_entry_size(entry) : -1;
	return open_entry(b, f, raw ? raw : "", false, member);
}
