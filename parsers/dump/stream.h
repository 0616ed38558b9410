/* SPDX-License-Identifier: Apache-2.0 */
/** An image from front to back, byte by byte or by lines: for texts that may hold bytes of any kind and are turned into other texts. */
#ifndef CUL_DUMP_STREAM_H
#define CUL_DUMP_STREAM_H

#include <string.h>

#include "base/slice.h"
#include "parsers/image.h"

struct cul_stream {
	const struct cul_image *image;
	uint64_t at; /* of what is behind the buffer */
	size_t next, size;
	unsigned char bytes[64u << 10];
};

/** The next byte, -1 at the end. */
static inline int cul_stream_byte(struct cul_stream *s)
{
	if (s->next == s->size) {
		s->size = s->image->size > 0 && s->at < (uint64_t)s->image->size ? s->image->read(s->image->ctx, s->at, s->bytes, sizeof(s->bytes)) : 0;
		s->next = 0;
		s->at += s->size;
		if (!s->size)
			return -1;
	}
	return s->bytes[s->next++];
}

/** The next line into @room without its end, cut to what fits. False at the end of it all. */
static inline bool cul_stream_line(struct cul_stream *s, char *room, size_t size, struct cul_slice *line)
{
	size_t n = 0;
	int c;
	while ((c = cul_stream_byte(s)) >= 0 && c != '\n')
		if (n < size)
			room[n++] = (char)c;
	*line = cul_slice(room, n);
	if (c < 0 && !n)
		return false;
	if (n && n < size && room[n - 1] == '\r')
		line->size--;
	return true;
}

/** @count bytes: the first of them into @room, the others passed over. False where there are not so many. */
static inline bool cul_stream_take(struct cul_stream *s, uint64_t count, char *room, size_t size)
{
	size_t n = 0;
	while (count) {
		if (s->next == s->size) {
			int c = cul_stream_byte(s);
			if (c < 0)
				return false;
			s->next--;
		}
		size_t step = s->size - s->next < count ? s->size - s->next : (size_t)count, keep = step < size - n ? step : size - n;
		memcpy(room + n, s->bytes + s->next, keep);
		n += keep;
		s->next += step;
		count -= step;
	}
	return true;
}

#endif
