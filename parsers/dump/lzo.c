/* SPDX-License-Identifier: Apache-2.0 */
/**
 * LZO1X, the pages of `makedumpfile -l`, by the description in Linux' Documentation/staging/lzo.rst.
 *
 * A stream of instructions: literals, or a copy of what was written up to 48 KiB before. Two bits of a copy say how many
 * literals (0 to 3) follow it, and that number ("state") says what the smallest instructions mean. The end is a copy from 16384 before.
 */
#include "parsers/dump/kimage.h"

#include <string.h>

struct lzo {
	const uint8_t *in, *in_end;
	uint8_t *out, *at, *end;
};

static bool literals(struct lzo *z, size_t n)
{
	if (n > (size_t)(z->in_end - z->in) || n > (size_t)(z->end - z->at))
		return false;
	memcpy(z->at, z->in, n);
	z->at += n;
	z->in += n;
	return true;
}

/* Byte by byte: what is copied may be what is being written. */
static bool copy(struct lzo *z, size_t distance, size_t n)
{
	if (distance > (size_t)(z->at - z->out) || n > (size_t)(z->end - z->at))
		return false;
	for (; n--; z->at++)
		*z->at = z->at[-(ptrdiff_t)distance];
	return true;
}

/* @low bits of the instruction, or when these are 0 what they can hold at most and a run of bytes, 255 for each zero */
static bool length(struct lzo *z, size_t low, size_t most, size_t *ret)
{
	*ret = low;
	if (low)
		return true;
	for (*ret = most; z->in < z->in_end; *ret += 255) {
		uint8_t byte = *z->in++;
		if (byte) {
			*ret += byte;
			return true;
		}
	}
	return false;
}

bool cul_unlzo(const uint8_t *in, size_t in_size, uint8_t *out, size_t size)
{
	struct lzo z = { in, in + in_size, out, out, out + size };
	size_t state = 0, n, distance;
	if (in_size && *in > 17) { /* literals first */
		n = (size_t)*z.in++ - 17;
		if (!literals(&z, n))
			return false;
		state = n < 4 ? n : 4;
	}
	while (z.in < z.in_end) {
		size_t op = *z.in++, left = (size_t)(z.in_end - z.in);
		if (op < 16 && !state) {
			if (!length(&z, op, 15, &n) || !literals(&z, n + 3))
				return false;
			state = 4;
			continue;
		}
		if (op < 16) {
			if (left < 1)
				return false;
			n = state == 4 ? 3 : 2;
			distance = ((size_t)*z.in++ << 2) + (op >> 2) + (state == 4 ? 2049 : 1);
			state = op & 3;
		} else if (op < 64) {
			bool far = op < 32;
			if (!length(&z, op & (far ? 7 : 31), far ? 7 : 31, &n) || z.in_end - z.in < 2)
				return false;
			n += 2;
			size_t word = z.in[0] | (size_t)z.in[1] << 8;
			z.in += 2;
			distance = (word >> 2) + (far ? 16384 + ((op & 8) << 11) : 1);
			state = word & 3;
			if (far && distance == 16384)
				return n == 3 && z.in == z.in_end && z.at == z.end;
		} else {
			if (left < 1)
				return false;
			n = op < 128 ? 3 + (op >> 5 & 1) : 5 + (op >> 5 & 3);
			distance = ((size_t)*z.in++ << 3) + (op >> 2 & 7) + 1;
			state = op & 3;
		}
		if (!copy(&z, distance, n) || !literals(&z, state))
			return false;
	}
	return false;
}
