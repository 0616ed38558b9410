/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Snappy's raw format, the pages of `makedumpfile -p`, by format_description.txt of google/snappy: the length as a varint, then
 * literals and copies, told apart by two bits.
 */
#include "parsers/dump/kimage.h"

#include <string.h>

bool cul_unsnappy(const uint8_t *in, size_t in_size, uint8_t *out, size_t size)
{
	const uint8_t *end = in + in_size;
	uint64_t whole = 0;
	size_t done = 0;
	for (unsigned shift = 0;; shift += 7) {
		if (in == end || shift > 28)
			return false;
		whole |= (uint64_t)(*in & 0x7f) << shift;
		if (!(*in++ & 0x80))
			break;
	}
	if (whole != size)
		return false;
	while (in < end) {
		size_t tag = *in++, left = (size_t)(end - in), extra, n, distance = 0;
		switch (tag & 3) {
		case 0:
			n = tag >> 2;
			extra = n < 60 ? 0 : n - 59;
			break;
		case 1:
			n = 4 + (tag >> 2 & 7);
			distance = tag >> 5 << 8;
			extra = 1;
			break;
		default:
			n = 1 + (tag >> 2);
			extra = (tag & 3) == 2 ? 2 : 4;
			break;
		}
		if (extra > left)
			return false;
		size_t number = 0;
		for (size_t i = 0; i < extra; i++)
			number |= (size_t)in[i] << 8 * i;
		in += extra;
		left -= extra;
		if (tag & 3) {
			distance += number;
			if (!distance || distance > done || n > size - done)
				return false;
			for (; n--; done++)
				out[done] = out[done - distance];
			continue;
		}
		n = (extra ? number : n) + 1;
		if (n > left || n > size - done)
			return false;
		memcpy(out + done, in, n);
		done += n;
		in += n;
	}
	return done == size;
}
