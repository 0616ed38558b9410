/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A member -> blocks of decoded bytes.
 *
 * PowerShell's `>` writes UTF-16 with a byte order mark; everything else is taken as bytes. What is
 * not text at all is known by its magic or by its share of control bytes.
 */
#include "parsers/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

bool cul_blocks_start(struct cul_blocks *b, struct cul_bundle *bundle)
{
	if (!b->raw)
		b->raw = malloc(CUL_BLOCK_BYTES);
	if (!b->raw)
		return false;
	b->bundle = bundle;
	b->offset = b->read = 0;
	b->high = 0;
	b->odd = -1;
	b->ended = false;
	b->encoding = CUL_ENCODING_BYTES;
	b->raw_size = 0;
	while (b->raw_size < CUL_BLOCK_BYTES) {
		size_t n = cul_bundle_read(bundle, b->raw + b->raw_size, CUL_BLOCK_BYTES - b->raw_size);
		if (!n)
			break;
		b->raw_size += n;
		if (b->raw_size >= 4096)
			break;
	}
	b->read = (int64_t)b->raw_size;
	const unsigned char *p = (const unsigned char *)b->raw;
	if (b->raw_size >= 2 && p[0] == 0xff && p[1] == 0xfe)
		b->encoding = CUL_ENCODING_UTF16LE;
	else if (b->raw_size >= 2 && p[0] == 0xfe && p[1] == 0xff)
		b->encoding = CUL_ENCODING_UTF16BE;
	if (b->encoding != CUL_ENCODING_BYTES && !b->decoded) {
		b->decoded = malloc(CUL_BLOCK_BYTES * 2 + 16);
		if (!b->decoded)
			return false;
	}
	return true;
}

static struct cul_slice decode_utf16(struct cul_blocks *b, struct cul_slice in)
{
	size_t used = 0;
	for (size_t i = 0; i < in.size; i++) {
		unsigned char byte = (unsigned char)in.data[i];
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
		used += cul_put_utf8(b->decoded + used, c);
	}
	return cul_slice(b->decoded, used);
}

struct cul_slice cul_blocks_next(struct cul_blocks *b)
{
	if (b->ended)
		return CUL_NONE;
	if (!b->raw_size) {
		b->raw_size = cul_bundle_read(b->bundle, b->raw, CUL_BLOCK_BYTES);
		b->read += (int64_t)b->raw_size;
	}
	if (!b->raw_size) {
		b->ended = true;
		return CUL_NONE;
	}
	struct cul_slice got = cul_slice(b->raw, b->raw_size);
	b->offset = b->read - (int64_t)b->raw_size;
	b->raw_size = 0;
	if (b->encoding != CUL_ENCODING_BYTES) {
		got = decode_utf16(b, got);
		return got.size ? got : cul_blocks_next(b);
	}
	return got;
}

void cul_blocks_free(struct cul_blocks *b)
{
	free(b->raw);
	free(b->decoded);
	b->raw = b->decoded = NULL;
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
	for (; i < head.size && seen < 4096; i++, seen++)
		/* a NUL behind each letter: UTF-16 that was pasted into something else */
		if (!(p[i] == 0 && i && p[i - 1] >= '\t' && p[i - 1] < 0x7f) && p[i] < 0x20 && p[i] != '\n' && p[i] != '\r' && p[i] != '\t' && p[i] != 0x1b && p[i] != '\f' && p[i] != '\b' &&
		    p[i] != 0x1e)
			odd++;
	if (head.size && !seen)
		return "nothing but NUL bytes";
	return odd * 20 > seen + 20 ? "binary data" : NULL;
}
