/* SPDX-License-Identifier: Apache-2.0 */
/**
 * tar's blocks of 512 bytes, as POSIX.1-1988 (ustar) and GNU tar write them for names, sizes and times that fit the header.
 *
 * libarchive takes 16,000 instructions for such a header, most of them to turn the name into wide characters and back; a bundle of small
 * files is nothing but headers. Whatever is not plain (long names, pax attributes, sparse files, numbers in base 256, other
 * character sets, other magics) is left to it, from that header on. A header whose sum is wrong is passed over, as there.
 */
#include "parsers/tar.h"

#include <stdio.h>
#include <string.h>

#define BLOCK CUL_TAR_BLOCK

/* Blanks, octal digits, then blanks or NULs up to the field's end; nothing else. */
static bool octal(const char *field, size_t size, uint64_t *value)
{
	size_t i = 0, digits = 0;
	uint64_t n = 0;
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++, digits++)
		n = n << 3 | (uint64_t)(field[i] - '0');
	while (i < size && (field[i] == ' ' || !field[i]))
		i++;
	*value = n;
	return digits && i == size;
}

/* All NULs? */
static bool is_end(const char *block)
{
	return !block[0] && !memcmp(block, block + 1, BLOCK - 1);
}

static bool sum_is_right(const unsigned char *block)
{
	uint64_t told;
	uint32_t sum = 0;
	if (!octal((const char *)block + 148, 8, &told))
		return false;
	for (size_t i = 0; i < BLOCK; i++)
		sum += block[i];
	for (size_t i = 148; i < 156; i++)
		sum -= block[i];
	return told == sum + 8 * ' ';
}

/* A text of at most @size bytes of ASCII behind @out's first @at. SIZE_MAX: another character. */
static size_t put(char *out, size_t at, const char *field, size_t size)
{
	for (size_t i = 0; i < size && field[i]; i++) {
		if (field[i] & 0x80)
			return SIZE_MAX;
		out[at++] = field[i];
	}
	out[at] = 0;
	return at;
}

static enum cul_tar_step plain_head(const char *block, struct cul_tar_head *head)
{
	bool gnu = !memcmp(block + 257, "ustar  ", 8);
	uint64_t mtime;
	size_t n = 0;
	char type = block[156];
	if ((!gnu && memcmp(block + 257, "ustar\00000", 8) != 0) || !octal(block + 124, 12, &head->size) || !octal(block + 136, 12, &mtime) ||
	    !memcmp(block + 508, "tar", 4))
		return CUL_TAR_UNUSUAL;
	if (type >= '1' && type <= '6')
		return head->size ? CUL_TAR_UNUSUAL : CUL_TAR_OTHER;
	if (type && type != '0')
		return CUL_TAR_UNUSUAL;
	if (!gnu && block[345]) {
		n = put(head->name, 0, block + 345, 155);
		if (n != SIZE_MAX && head->name[n - 1] != '/')
			head->name[n++] = '/';
	}
	n = n == SIZE_MAX ? n : put(head->name, n, block, 100);
	/* a name with a slash behind it is a folder's, whatever its type is */
	if (n == SIZE_MAX || !n || !block[0] || head->name[n - 1] == '/')
		return CUL_TAR_UNUSUAL;
	head->mtime = (int64_t)mtime;
	return CUL_TAR_FILE;
}

/* False: the archive ends before. */
static bool skip(struct cul_stream *chain, uint64_t n)
{
	while (n) {
		struct cul_slice have = cul_stream_peek(chain, 1);
		if (!have.size)
			return false;
		uint64_t some = have.size < n ? have.size : n;
		cul_stream_take(chain, (size_t)some);
		n -= some;
		uint64_t at = cul_stream_at(chain);
		if (n > 1u << 20 && chain->seek && chain->size > 0 && (uint64_t)chain->size >= at && n <= (uint64_t)chain->size - at)
			return cul_stream_seek(chain, at + n);
	}
	return true;
}

enum cul_tar_step cul_tar_next(struct cul_tar *tar, struct cul_stream *chain, struct cul_tar_head *head)
{
	uint64_t rest = tar->left + tar->padding;
	tar->left = tar->padding = 0;
	if (tar->cut || !skip(chain, rest))
		return CUL_TAR_CUT;
	struct cul_slice block = cul_stream_peek(chain, BLOCK);
	if (block.size < BLOCK)
		return block.size ? CUL_TAR_CUT : CUL_TAR_END;
	if (is_end(block.data))
		return CUL_TAR_END;
	if (!sum_is_right((const unsigned char *)block.data)) {
		cul_stream_take(chain, BLOCK);
		return CUL_TAR_GARBLED;
	}
	enum cul_tar_step step = plain_head(block.data, head);
	if (step == CUL_TAR_UNUSUAL)
		return step;
	cul_stream_take(chain, BLOCK);
	if (step == CUL_TAR_FILE) {
		tar->left = head->size;
		tar->padding = (BLOCK - head->size % BLOCK) % BLOCK;
	}
	return step;
}

size_t cul_tar_read(struct cul_tar *tar, struct cul_stream *chain, void *buffer, size_t size)
{
	if (size > tar->left)
		size = (size_t)tar->left;
	size_t n = size ? cul_stream_read(chain, buffer, size) : 0;
	tar->cut |= size && !n;
	cul_tar_took(tar, chain, n);
	return n;
}

struct cul_slice cul_tar_peek(struct cul_tar *tar, struct cul_stream *chain, size_t least)
{
	if (least > tar->left)
		least = (size_t)tar->left;
	struct cul_slice have = least ? cul_stream_peek(chain, least) : CUL_NONE;
	if (have.size > tar->left)
		have.size = (size_t)tar->left;
	tar->cut |= least && !have.size;
	return have;
}

void cul_tar_took(struct cul_tar *tar, struct cul_stream *chain, size_t n)
{
	tar->left -= n;
	if (!tar->left && tar->padding) {
		tar->cut |= !skip(chain, tar->padding);
		tar->padding = 0;
	}
}

bool cul_tar_begins(struct cul_stream *chain)
{
	struct cul_tar_head head;
	struct cul_slice block = cul_stream_peek(chain, BLOCK);
	return block.size >= BLOCK && sum_is_right((const unsigned char *)block.data) && plain_head(block.data, &head) != CUL_TAR_UNUSUAL;
}

void cul_tar_folder(char *block)
{
	unsigned sum = 0;
	memset(block, 0, BLOCK);
	memcpy(block, "./", 2);
	memcpy(block + 100, "0000755\0000000000\0000000000\00000000000000\00000000000000\0        5", 57);
	memcpy(block + 257, "ustar\00000", 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
	block[155] = ' ';
}
