/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A member -> blocks of whole lines.
 *
 * PowerShell's `>` writes UTF-16 with a byte order mark; everything else is taken as bytes. What is
 * not text at all is known by its magic or by its share of control bytes. The bytes behind the last line end wait for the
 * next block. Where a member has many blocks, a crew reads ahead and surveys, one reading at a time; who has read a block surveys
 * it, for it lies in the cache of his processor. The caller lends a hand instead of waiting: what comes out, and in what order, is
 * the same with any number of them.
 */
#include "parsers/blocks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "parsers/opened.h"

#define SURVEYORS 16
#define AHEAD (2 * SURVEYORS + 2)
#define SPARE (64u << 10) /* room for what is carried, lest a buffer be got anew for each longer rest */

enum { TAKEN = 0, DONE };

struct cul_blocks {
	const struct cul_needles *needles;
	const uint8_t *classes;
	size_t block_bytes;
	uint32_t line_bytes;
	struct cul_bundle *bundle;
	enum cul_encoding encoding;
	int64_t read, offset, line;
	uint32_t high; /* a surrogate that waits for its other half */
	int odd;       /* a byte that waits for its other half, or -1 */
	char *raw;     /* for UTF-16 */
	char *carry;   /* behind the last line end */
	size_t carried, carry_room;
	bool ended, inside, failed;
	size_t blocks; /* of this member */
	bool lent;     /* some of it was: a thread of its own unpacks it */

	unsigned threads, running;
	pthread_t crew[SURVEYORS];
	pthread_mutex_t lock; /* of what follows; what stands above is his who reads */
	pthread_cond_t work, done;
	struct cul_block *free;
	struct cul_block *queue[AHEAD]; /* in the order of the text */
	size_t first, count;
	bool ahead;   /* the crew reads on */
	bool reading; /* somebody reads */
	bool over;    /* and there is no more */
	bool stop;
};

struct cul_blocks *cul_blocks_new(const struct cul_needles *needles, const uint8_t *classes, unsigned threads, size_t block_bytes)
{
	struct cul_blocks *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->needles = needles;
	b->classes = classes;
	b->threads = threads < 1 ? 1 : threads > SURVEYORS ? SURVEYORS : threads;
	b->block_bytes = block_bytes ? block_bytes : CUL_BLOCK_BYTES;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->work, NULL);
	pthread_cond_init(&b->done, NULL);
	return b;
}

static void free_block(struct cul_block *block)
{
	cul_survey_free(&block->survey);
	cul_loan_end(block->loan);
	free(block->own);
	free(block);
}

/* The lock is held. */
static void put_aside(struct cul_blocks *b, struct cul_block *block)
{
	cul_loan_end(block->loan);
	block->loan = NULL;
	block->next = b->free;
	b->free = block;
}

void cul_blocks_stop(struct cul_blocks *b)
{
	pthread_mutex_lock(&b->lock);
	b->ahead = false;
	while (b->reading)
		pthread_cond_wait(&b->done, &b->lock);
	for (size_t i = 0; i < b->count; i++) {
		struct cul_block *block = b->queue[(b->first + i) % AHEAD];
		while (block->state == TAKEN)
			pthread_cond_wait(&b->done, &b->lock);
		put_aside(b, block);
	}
	b->first = b->count = 0;
	b->over = false;
	pthread_mutex_unlock(&b->lock);
}

void cul_blocks_free(struct cul_blocks *b)
{
	if (!b)
		return;
	cul_blocks_stop(b);
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_broadcast(&b->work);
	pthread_mutex_unlock(&b->lock);
	for (unsigned i = 0; i < b->running; i++)
		pthread_join(b->crew[i], NULL);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->work);
	pthread_cond_destroy(&b->done);
	while (b->free) {
		struct cul_block *next = b->free->next;
		free_block(b->free);
		b->free = next;
	}
	free(b->raw);
	free(b->carry);
	free(b);
}

bool cul_blocks_start(struct cul_blocks *b, struct cul_bundle *bundle, uint32_t line_bytes)
{
	cul_blocks_stop(b);
	b->bundle = bundle;
	b->line_bytes = line_bytes;
	b->read = b->offset = 0;
	b->line = 1;
	b->high = 0;
	b->odd = -1;
	b->carried = 0;
	b->ended = b->inside = b->failed = false;
	b->encoding = CUL_ENCODING_BYTES;
	b->blocks = 0;
	b->lent = false;
	return true;
}

static size_t decode_utf16(struct cul_blocks *b, const char *in, size_t size, char *out)
{
	size_t used = 0;
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)in[i];
		if (b->odd < 0) {
			b->odd = byte;
			continue;
		}
		uint32_t c = b->encoding == CUL_ENCODING_UTF16LE ? (uint32_t)b->odd | (uint32_t)byte << 8
								 : (uint32_t)b->odd << 8 | byte;
		b->odd = -1;
		if (c == 0xfeff)
			continue;
		if (c >= 0xd800 && c < 0xdc00) {
			b->high = c;
			continue;
		}
		if (c >= 0xdc00 && c < 0xe000)
			c = b->high ? 0x10000 + ((b->high - 0xd800) << 10) + (c - 0xdc00) : 0xfffd;
		b->high = 0;
		used += cul_put_utf8(out + used, c);
	}
	return used;
}

/* Up to @size bytes of raw input: 2 of UTF-16 may become 3. */
static size_t more(struct cul_blocks *b, char *to, size_t size)
{
	if (b->encoding == CUL_ENCODING_BYTES) {
		size_t n = cul_bundle_read(b->bundle, to, size);
		b->read += (int64_t)n;
		return n;
	}
	size_t made = 0, n;
	while (!made && (n = cul_bundle_read(b->bundle, b->raw, size / 2))) {
		b->read += (int64_t)n;
		made = decode_utf16(b, b->raw, n, to);
	}
	return made;
}

/* One with room for @size bytes of its own, 0: for none. */
static struct cul_block *fresh(struct cul_blocks *b, size_t size)
{
	pthread_mutex_lock(&b->lock);
	struct cul_block *block = b->free;
	if (block)
		b->free = block->next;
	pthread_mutex_unlock(&b->lock);
	if (!block) {
		block = calloc(1, sizeof(*block));
		if (!block)
			return NULL;
	}
	block->size = 0;
	block->open = block->inside = false;
	block->next = NULL;
	block->state = DONE;
	if (size && (block->room < size || block->room > size * 8 + (1u << 20))) {
		char *own = malloc(size + SPARE);
		if (!own) {
			free_block(block);
			return NULL;
		}
		free(block->own);
		block->own = own;
		block->room = size + SPARE;
	}
	block->text = block->own;
	return block;
}

static void carry(struct cul_blocks *b, struct cul_slice rest)
{
	if (rest.size > b->carry_room) {
		char *room = realloc(b->carry, rest.size * 2);
		if (!room) {
			b->failed = true;
			return;
		}
		b->carry = room;
		b->carry_room = rest.size * 2;
	}
	if (rest.size)
		memcpy(b->carry, rest.data, rest.size);
	b->carried = rest.size;
}

static bool is_marked(const char *text, size_t size)
{
	return size >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2));
}

/* The next bytes where they lie, behind what was carried. NULL: @loan has to be copied, or there is none. */
static struct cul_block *borrow(struct cul_blocks *b, struct cul_loan *loan)
{
	/* a little more, lest a remnant be a block of its own */
	if (b->ended || b->encoding != CUL_ENCODING_BYTES || !cul_bundle_lend(b->bundle, b->block_bytes + b->block_bytes / 8, loan))
		return NULL;
	b->lent = true;
	b->read += (int64_t)loan->size;
	b->ended = !loan->size || loan->last;
	/* what a member is, its first block says, which is a whole one */
	if (!loan->size || loan->before < b->carried || (!b->blocks && (is_marked(loan->data, loan->size) || !(loan->last || loan->size >= b->block_bytes))))
		return NULL;
	struct cul_block *block = fresh(b, 0);
	if (!block)
		return NULL;
	block->text = loan->data - b->carried;
	if (b->carried)
		memcpy(block->text, b->carry, b->carried);
	block->size = b->carried + loan->size;
	block->loan = loan->of;
	b->carried = 0;
	return block;
}

/* What was read so far is UTF-16. False: out of memory. */
static bool turn(struct cul_blocks *b, struct cul_block *block, size_t room)
{
	b->encoding = block->text[0] == '\xff' ? CUL_ENCODING_UTF16LE : CUL_ENCODING_UTF16BE;
	char *raw = realloc(b->raw, room);
	if (raw)
		b->raw = raw;
	char *own = raw ? malloc(room * 2 + 16) : NULL;
	if (!own)
		return false;
	memcpy(b->raw, block->text, block->size);
	free(block->own);
	block->own = block->text = own;
	block->room = room * 2 + 16;
	block->size = decode_utf16(b, b->raw, block->size, block->text);
	return true;
}

/* A copy: of what was carried, of @loan, and what can be read behind it. */
static struct cul_block *copy(struct cul_blocks *b, const struct cul_loan *loan)
{
	size_t room = b->block_bytes + b->carried + loan->size;
	struct cul_block *block = fresh(b, room + 16);
	if (block && b->carried)
		memcpy(block->text, b->carry, b->carried);
	if (block && loan->size)
		memcpy(block->text + b->carried, loan->data, loan->size);
	cul_loan_end(loan->of);
	if (!block) {
		b->failed = true;
		return NULL;
	}
	room -= loan->size;
	block->size = b->carried + loan->size;
	b->carried = 0;
	for (bool looked = b->blocks > 0;;) {
		if (!looked && block->size >= 2) {
			looked = true;
			if (is_marked(block->text, block->size) && !turn(b, block, room > block->size ? room : block->size)) {
				b->failed = true;
				break;
			}
		}
		if (b->ended || block->size >= room)
			break;
		size_t n = more(b, block->text + block->size, room - block->size);
		b->ended = !n;
		block->size += n;
	}
	return block;
}

/* Read one more block; NULL at the end. */
static struct cul_block *read_block(struct cul_blocks *b)
{
	struct cul_loan loan = { 0 };
	if (b->failed || (b->ended && !b->carried))
		return NULL;
	struct cul_block *block = borrow(b, &loan);
	if (!block)
		block = copy(b, &loan);
	if (!block)
		return NULL;
	if (!block->size) {
		cul_blocks_give_back(b, block);
		return NULL;
	}
	struct cul_slice all = cul_slice(block->text, block->size);
	size_t keep = all.size;
	if (!b->ended) {
		const char *last = memrchr(all.data, '\n', all.size);
		if (last)
			keep = (size_t)(last - all.data) + 1;
		else
			block->open = true;
	}
	if (keep < all.size)
		carry(b, cul_from(all, keep));
	block->size = keep;
	block->offset = b->offset;
	block->inside = b->inside;
	b->inside = block->open;
	b->offset += (int64_t)keep;
	b->blocks++;
	return block;
}

static void survey(struct cul_blocks *b, struct cul_block *block)
{
	if (!cul_survey_make(&block->survey, b->needles, b->classes, cul_slice(block->text, block->size), b->line_bytes))
		block->survey.failed = true;
}

/* May one more block be read now? The lock is held. */
static bool may_read(const struct cul_blocks *b)
{
	return b->ahead && !b->reading && !b->over && b->count < 2 * b->threads;
}

/* Read a block and survey it. The lock is held, but not meanwhile. */
static void read_ahead(struct cul_blocks *b)
{
	b->reading = true;
	pthread_mutex_unlock(&b->lock);
	struct cul_block *block = read_block(b);
	pthread_mutex_lock(&b->lock);
	b->reading = false;
	if (!block) {
		b->over = true;
		pthread_cond_broadcast(&b->done);
		return;
	}
	block->state = TAKEN;
	b->queue[(b->first + b->count++) % AHEAD] = block;
	if (may_read(b))
		pthread_cond_signal(&b->work);
	else if (!b->ahead)
		pthread_cond_broadcast(&b->done);
	pthread_mutex_unlock(&b->lock);
	survey(b, block);
	pthread_mutex_lock(&b->lock);
	block->state = DONE;
	pthread_cond_signal(&b->done);
}

static void *surveyor(void *ctx)
{
	struct cul_blocks *b = ctx;
	pthread_mutex_lock(&b->lock);
	while (!b->stop) {
		if (may_read(b))
			read_ahead(b);
		else
			pthread_cond_wait(&b->work, &b->lock);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* The next block out of the queue; NULL at the end. Only where a member has so many that it pays. */
static struct cul_block *next_of_crew(struct cul_blocks *b)
{
	struct cul_block *block = NULL;
	while (b->running + 1 < b->threads) {
		if (pthread_create(&b->crew[b->running], NULL, surveyor, b))
			break;
		b->running++;
	}
	pthread_mutex_lock(&b->lock);
	if (!b->ahead) {
		b->ahead = true;
		pthread_cond_signal(&b->work);
	}
	while (!b->count || b->queue[b->first]->state != DONE) {
		if (!b->count && b->over)
			break;
		if (may_read(b))
			read_ahead(b);
		else
			pthread_cond_wait(&b->done, &b->lock);
	}
	if (b->count) {
		block = b->queue[b->first];
		b->first = (b->first + 1) % AHEAD;
		b->count--;
		/* not for each: to wake somebody takes as long as to read */
		if (b->count <= b->threads && may_read(b))
			pthread_cond_signal(&b->work);
	}
	pthread_mutex_unlock(&b->lock);
	return block;
}

struct cul_block *cul_blocks_next(struct cul_blocks *b)
{
	struct cul_block *block;
	/* of two processors one unpacks */
	if (b->threads < (!b->ahead && b->lent ? 3 : 2) || (!b->ahead && b->blocks < 4)) {
		block = read_block(b);
		if (block)
			survey(b, block);
	} else {
		block = next_of_crew(b);
	}
	if (!block)
		return NULL;
	if (block->survey.failed) {
		cul_blocks_give_back(b, block);
		cul_blocks_stop(b);
		b->failed = true;
		return NULL;
	}
	block->first_line = b->line;
	b->line += (int64_t)block->survey.lines - (block->open ? 1 : 0);
	return block;
}

void cul_blocks_give_back(struct cul_blocks *b, struct cul_block *block)
{
	pthread_mutex_lock(&b->lock);
	put_aside(b, block);
	pthread_mutex_unlock(&b->lock);
}

bool cul_blocks_failed(const struct cul_blocks *b)
{
	return b->failed;
}

int64_t cul_blocks_read(const struct cul_blocks *b)
{
	return b->read;
}

enum cul_encoding cul_blocks_encoding(const struct cul_blocks *b)
{
	return b->encoding;
}

/* Of the bytes below a blank, those that text may have. */
#define TEXT_CONTROLS (1u << '\n' | 1u << '\r' | 1u << '\t' | 1u << 0x1b | 1u << '\f' | 1u << '\b' | 1u << 0x1e)

/* Is one of these eight bytes below a blank? */
static bool has_control(uint64_t eight)
{
	return (eight - UINT64_C(0x2020202020202020)) & ~eight & UINT64_C(0x8080808080808080);
}

const char *cul_blocks_binary(struct cul_slice head)
{
	static const struct {
		struct cul_slice magic;
		const char *what;
	} magics[] = {
		{ { "LPKSHHRH", 8 }, "a systemd journal file (export it: journalctl --file FILE -o short-iso-precise)" },
		{ { "KDUMP   ", 8 }, "a kdump-compressed kernel dump" },
		{ { "makedumpfile", 12 }, "a flattened kernel dump" },
		{ { "\177ELF", 4 }, "an ELF file" },
		{ { "SQLite format 3", 15 }, "an SQLite database" },
		{ { "\211PNG", 4 }, "a picture" },
		{ { "\377\330\377", 3 }, "a picture" },
		{ { "%PDF-", 5 }, "a PDF" },
		{ { "GIF8", 4 }, "a picture" },
		{ { "MDMP", 4 }, "a minidump" },
	};
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (cul_starts(head, magics[i].magic))
			return magics[i].what;
	const unsigned char *p = (const unsigned char *)head.data;
	if (head.size >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)))
		return NULL;
	/* a log cut by copytruncate begins with a run of NULs: don't count those */
	size_t i = 0, odd = 0, seen = 0;
	while (i < head.size && !p[i])
		i++;
	for (size_t end = i + (head.size - i < 4096 ? head.size - i : 4096); i < end;) {
		uint64_t eight;
		if (end - i >= sizeof(eight) && !has_control((memcpy(&eight, p + i, sizeof(eight)), eight))) {
			i += sizeof(eight);
			seen += sizeof(eight);
			continue;
		}
		for (size_t stop = end - i < sizeof(eight) ? end : i + sizeof(eight); i < stop; i++, seen++)
			/* a NUL behind each letter: UTF-16 that was pasted into something else */
			odd += p[i] < 0x20 && !(TEXT_CONTROLS >> p[i] & 1) && !(!p[i] && i && p[i - 1] >= '\t' && p[i - 1] < 0x7f);
	}
	if (head.size && !seen)
		return "nothing but NUL bytes";
	return odd * 20 > seen + 20 ? "binary data" : NULL;
}
