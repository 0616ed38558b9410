/* SPDX-License-Identifier: Apache-2.0 */
/**
 * LZ4's block format, as journals of systemd 219 to 245 pack long fields, by doc/lz4_Block_format.md of lz4/lz4: a token of two
 * lengths, literals, and a copy of what was written up to 64 KiB before; lengths of 15 and more go on in bytes.
 */
#include "parsers/dump/journal.h"

#include <string.h>

/* 15 and what the bytes add that follow it */
static bool more(const uint8_t **in, const uint8_t *end, size_t *n)
{
	uint8_t byte;
	do {
		if (*in == end || *n > SIZE_MAX / 2)
			return false;
		byte = *(*in)++;
		*n += byte;
	} while (byte == 255);
	return true;
}

size_t cul_unlz4(const uint8_t *in, size_t in_size, uint8_t *out, size_t room)
{
	const uint8_t *end = in + in_size;
	size_t done = 0;
	while (in < end) {
		uint8_t token = *in++;
		size_t n = token >> 4, distance;
		if (n == 15 && !more(&in, end, &n))
			return done;
		if (n > (size_t)(end - in))
			n = (size_t)(end - in);
		if (n > room - done)
			n = room - done;
		memcpy(out + done, in, n);
		done += n;
		in += n;
		if (end - in < 2 || done == room) /* the last one has literals only */
			return done;
		distance = (size_t)in[0] | (size_t)in[1] << 8;
		in += 2;
		n = token & 15;
		if ((n == 15 && !more(&in, end, &n)) || !distance || distance > done)
			return done;
		n += 4;
		if (n > room - done)
			n = room - done;
		for (; n--; done++) /* byte by byte: it may copy what it writes */
			out[done] = out[done - distance];
	}
	return done;
}
