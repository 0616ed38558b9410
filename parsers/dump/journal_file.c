/* SPDX-License-Identifier: Apache-2.0 */
/**
 * systemd's journal as journald keeps it: /var/log/journal/MACHINE/system.journal, system@….journal, user-1000.journal, ….journal~.
 *
 * By https://systemd.io/JOURNAL_FILE_FORMAT and systemd's src/libsystemd/sd-journal/journal-def.h: a header ("LPKSHHRH"), behind it objects
 * one after the other, each with type, flags and size and begun at a multiple of 8. An ENTRY has times and boot, and points to DATA
 * objects, "KEY=value", that other entries may point to as well. Files of systemd 252 and later may be compact: offsets of 32 bits.
 * DATA of 512 bytes and more may be packed by xz (since 189), lz4 (219) or zstd (246).
 *
 * Entries stand in the file as they were written, that is in order of time: objects are walked from the first to the last and the
 * arrays and hash tables, which are what a crash leaves half-written, are not needed. Where an object makes no sense the
 * next one that does is looked for. A file that is cut off is read to where it ends; sealing is not verified.
 */
#include "parsers/dump/journal.h"
#include "parsers/image.h"

#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#define HEADER 208
#define WINDOW (512u << 10)
#define ITEMS 256              /* fields of an entry */
#define SLOTS 8192             /* values that were looked up */
#define SLOT_VALUE 64
#define PACKED (1u << 20)      /* the largest packed message that is read */
#define EFFORT (2ull << 30)    /* bytes unpacked and unpacked from, and of messages: entries may name one value a million times */
#define LOOK 512               /* what a value costs of that which is far away and was not seen lately, in bytes */
#define BEGIN 2048             /* what xz's begin costs of it: packed values may be tiny */
#define SEARCHED (1ull << 30)  /* bytes in which the next object that makes sense is looked for: a file may be all holes */
#define COMPACT 16u
#define KNOWN 31u

enum { DATA = 1, ENTRY = 3, TYPES = 7 };
enum { XZ = 1, LZ4 = 2, ZSTD = 4 };

struct slot {
	uint64_t offset;
	int8_t field;
	bool whole; /* the value stands here */
	uint8_t size;
	char value[SLOT_VALUE];
};

struct file {
	const struct cul_image *image;
	struct cul_journal *journal;
	uint64_t size, tail;
	bool compact;
	unsigned char *window, *packed, *plain;
	uint64_t window_at;
	size_t window_size;
	struct slot *slots;
	ZSTD_DCtx *zstd;
	lzma_stream xz;
	uint64_t effort, searched; /* so far */
};

static uint64_t le(const unsigned char *at, size_t bytes)
{
	uint64_t value = 0;
	while (bytes--)
		value = value << 8 | at[bytes];
	return value;
}

/* What stands there, if it is near what was read last; else NULL. */
static const unsigned char *near_by(const struct file *f, uint64_t offset, size_t size)
{
	return offset >= f->window_at && size <= f->window_size && offset - f->window_at <= f->window_size - size ? f->window + (offset - f->window_at) : NULL;
}

/* The same for the walk: the window moves along, a quarter of it stays behind. */
static const unsigned char *walk(struct file *f, uint64_t offset, size_t size)
{
	const unsigned char *at = near_by(f, offset, size);
	if (at || offset > f->size || size > f->size - offset || size > WINDOW / 2)
		return at;
	f->window_at = offset < WINDOW / 4 ? 0 : offset - WINDOW / 4;
	f->window_size = f->size - f->window_at < WINDOW ? (size_t)(f->size - f->window_at) : WINDOW;
	if (!cul_image_read(f->image, f->window_at, f->window, f->window_size))
		f->window_size = 0;
	return near_by(f, offset, size);
}

/* Anywhere: into @room unless it is near. */
static const unsigned char *look(const struct file *f, uint64_t offset, size_t size, unsigned char *room)
{
	const unsigned char *at = near_by(f, offset, size);
	return at ? at : cul_image_read(f->image, offset, room, size) ? room : NULL;
}

/* The first bytes of what is packed, up to @room. */
static size_t unpack_some(struct file *f, unsigned how, const unsigned char *in, size_t in_size, unsigned char *out, size_t room)
{
	if (how == ZSTD) {
		ZSTD_inBuffer from = { in, in_size, 0 };
		ZSTD_outBuffer to = { out, room, 0 };
		if (!f->zstd && !(f->zstd = ZSTD_createDCtx()))
			return 0;
		ZSTD_DCtx_reset(f->zstd, ZSTD_reset_session_only);
		ZSTD_DCtx_setParameter(f->zstd, ZSTD_d_windowLogMax, 24);
		while (to.pos < to.size && from.pos < from.size) {
			size_t before = to.pos + from.pos, code = ZSTD_decompressStream(f->zstd, &to, &from);
			if (ZSTD_isError(code) || !code || to.pos + from.pos == before)
				break;
		}
		return to.pos;
	}
	if (how == LZ4) /* the size of what comes, then a block */
		return in_size > 8 ? cul_unlz4(in + 8, in_size - 8, out, room) : 0;
	/* begun anew it keeps its memory, a dictionary of some MiB */
	if (lzma_stream_decoder(&f->xz, 32u << 20, 0) != LZMA_OK)
		return 0;
	f->xz.next_in = in;
	f->xz.avail_in = in_size;
	f->xz.next_out = out;
	f->xz.avail_out = room;
	while (lzma_code(&f->xz, LZMA_FINISH) == LZMA_OK && f->xz.avail_out)
		;
	return room - f->xz.avail_out;
}

/* The same while the file's share of work lasts; 0 behind that. */
static size_t unpack(struct file *f, unsigned how, const unsigned char *in, size_t in_size, unsigned char *out, size_t room)
{
	size_t size = f->effort < EFFORT ? unpack_some(f, how, in, in_size, out, room) : 0;
	f->effort += in_size + size + (how == XZ ? BEGIN : 0);
	return size;
}

/* A DATA object's field, into the entry. */
static void take_data(struct file *f, uint64_t offset)
{
	struct slot *slot = &f->slots[(offset >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 51];
	struct cul_journal_entry *entry = cul_journal_entry(f->journal);
	unsigned char room[CUL_JOURNAL_VALUE + 64];
	size_t skip = f->compact ? 72 : 64, size;

	if (slot->offset == offset && (slot->field == CUL_JOURNAL_OTHER || slot->whole)) {
		cul_journal_set(entry, slot->field, cul_slice(slot->value, slot->size));
		return;
	}
	if (f->effort >= EFFORT)
		return;
	f->effort += near_by(f, offset, skip) ? 0 : LOOK;
	const unsigned char *at = offset & 7 ? NULL : look(f, offset, skip, room);
	if (!at || at[0] != DATA)
		return;
	uint64_t whole = le(at + 8, 8);
	unsigned how = at[1] & 7;
	if (whole <= skip || offset > f->size || whole > f->size - offset)
		return;
	whole -= skip;
	size = whole < sizeof(room) ? (size_t)whole : sizeof(room);
	if (how)
		size = whole < PACKED ? (size_t)whole : PACKED;
	at = look(f, offset + skip, size, how ? f->packed : room);
	if (!at)
		return;
	const unsigned char *packed = at;
	size_t packed_size = size;
	if (how) {
		size = unpack(f, how, packed, packed_size, f->plain, sizeof(room));
		at = f->plain;
	}
	struct cul_slice key, value;
	if (!cul_cut(cul_slice((const char *)at, size), CUL_LIT("="), &key, &value))
		key = CUL_NONE;
	enum cul_journal_field field = cul_journal_field(key);
	/* the head of it is at hand; of a message all is wanted */
	if (field == CUL_JOURNAL_MESSAGE && !entry->size[field]) {
		if (how) {
			size = unpack(f, how, packed, packed_size, f->plain, CUL_JOURNAL_TEXT);
		} else if (whole > size) {
			size = whole < CUL_JOURNAL_TEXT ? (size_t)whole : CUL_JOURNAL_TEXT;
			at = look(f, offset + skip, size, f->plain);
		}
		if (!at || size < 8)
			return;
		value = cul_slice((const char *)at + 8, size - 8);
		f->effort += size;
	}
	cul_journal_set(entry, field, value);
	*slot = (struct slot){ .offset = offset, .field = (int8_t)field, .whole = value.size <= SLOT_VALUE };
	if (field != CUL_JOURNAL_OTHER && slot->whole) {
		slot->size = (uint8_t)value.size;
		memcpy(slot->value, value.data, value.size);
	}
}

static enum cul_status take_entry(struct file *f, uint64_t offset, uint64_t size)
{
	struct cul_journal_entry *entry = cul_journal_entry(f->journal);
	size_t width = f->compact ? 4 : 16, count = (size_t)((size - 64) / width > ITEMS ? ITEMS : (size - 64) / width);
	uint64_t items[ITEMS];
	char text[40];
	const unsigned char *at = walk(f, offset, 64 + count * width);

	if (!at)
		return CUL_OK;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)le(at + 24, 8));
	cul_journal_set(entry, CUL_JOURNAL_REALTIME, cul_str(text));
	for (int i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", at[40 + i]);
	cul_journal_set(entry, CUL_JOURNAL_BOOT, cul_str(text));
	for (size_t i = 0; i < count; i++)
		items[i] = le(at + 64 + i * width, f->compact ? 4 : 8);
	for (size_t i = 0; i < count; i++)
		take_data(f, items[i]);
	return cul_journal_put(f->journal);
}

/* Is an object here, whose head is @at? Its size, or 0. */
static uint64_t object(const struct file *f, uint64_t offset, const unsigned char *at)
{
	uint64_t size = at ? le(at + 8, 8) : 0;
	if (!at || !at[0] || at[0] > TYPES || at[1] > 7 || le(at + 2, 6) || size <= 16 || size > f->size - offset || (at[0] == ENTRY && size < 64))
		return 0;
	return size;
}

static enum cul_status walk_all(struct file *f, uint64_t offset, bool *damaged)
{
	enum cul_status status = CUL_OK;
	bool lost = false, full = false;

	while (status == CUL_OK && !full && offset <= f->size && f->size - offset >= 16) {
		unsigned char room[16];
		bool far = false;
		uint64_t size = object(f, offset, walk(f, offset, 16)), next = offset + ((size + 7) & ~UINT64_C(7));
		/* a lost place is found again where two objects stand one behind the other; the window stays for what stands before the second */
		if (size && lost) {
			far = !near_by(f, next, 16);
			if (!object(f, next, look(f, next, 16, room)) && next < f->tail)
				size = 0;
		}
		if (!size) {
			if (offset > f->tail)
				break; /* room for what never came */
			*damaged = lost = true;
			offset += 8;
			f->searched += far ? 8 + LOOK : 8;
			if (f->searched > SEARCHED)
				break;
			continue;
		}
		lost = false;
		const unsigned char *at = walk(f, offset, 16);
		if (at && at[0] == ENTRY)
			status = take_entry(f, offset, size);
		cul_journal_count(f->journal, &full);
		offset = next;
	}
	return status;
}

static int journal_claim(struct cul_slice head, struct cul_slice name)
{
	return head.size >= HEADER && cul_starts(head, CUL_LIT("LPKSHHRH")) ? 64 : 0;
}

static enum cul_status journal_open(struct cul_parse *parse, const struct cul_image *image)
{
	static const char *const states[] = { "offline", "online", "archived" };
	struct cul_record rec = cul_dump_record(parse, (struct cul_time){ .ns = CUL_NO_TIME }, cul_section_name(parse));
	struct file f = { .xz = LZMA_STREAM_INIT, .image = image, .size = image->size > 0 ? (uint64_t)image->size : 0 };
	enum cul_status status = CUL_ENOMEM;
	unsigned char header[HEADER];
	bool damaged = false, full = false;

	if (!cul_image_read(image, 0, header, HEADER))
		return cul_damaged(parse, &rec, "the journal's header is cut off");
	uint64_t begin = le(header + 88, 8), arena = le(header + 96, 8);
	unsigned flags = (unsigned)le(header + 12, 4);
	f.compact = flags & COMPACT;
	f.tail = le(header + 136, 8);
	if (begin < HEADER || begin > 65536 || begin & 7)
		return cul_damaged(parse, &rec, "the journal's header is garbled");
	f.journal = cul_journal_new(parse, "journal");
	f.window = malloc(WINDOW);
	f.packed = malloc(PACKED);
	f.plain = malloc(CUL_JOURNAL_TEXT);
	f.slots = calloc(SLOTS, sizeof(*f.slots));
	if (f.journal && f.window && f.packed && f.plain && f.slots)
		status = walk_all(&f, begin, &damaged);
	if (status == CUL_OK) {
		int64_t count = cul_journal_count(f.journal, &full);
		status = cul_emit(parse, &rec, "journal.file", cul_string("status", header[16] < 3 ? states[header[16]] : NULL), cul_int("count", count));
		if (status == CUL_OK && (arena > f.size || begin > f.size - arena || f.tail >= f.size))
			status = cul_damaged(parse, &rec, "the journal's file is cut short");
		else if (status == CUL_OK && (damaged || f.effort >= EFFORT))
			status = cul_damaged(parse, &rec, "the journal's file holds objects that make no sense; entries may be missing");
		if (status == CUL_OK && (flags & ~KNOWN))
			status = cul_damaged(parse, &rec, "the journal's file has features that are not known; entries may be missing");
		if (status == CUL_OK && full)
			status = cul_damaged(parse, &rec, CUL_JOURNAL_FULL);
	}
	if (status == CUL_OK)
		status = cul_journal_end(f.journal);
	cul_journal_free(f.journal);
	free(f.window);
	free(f.packed);
	free(f.plain);
	free(f.slots);
	ZSTD_freeDCtx(f.zstd);
	lzma_end(&f.xz);
	return status;
}

const struct cul_parser cul_parser_journal_file = {
	.name = "journal_file",
	.about = "systemd's journal files (.journal, .journal~), packed or compact ones too",
	.kinds = CUL_KINDS(CUL_KIND("journal.file", 1, "journal_file", F_STATUS, F_COUNT)),
	.claim = journal_claim,
	.open = journal_open,
};
