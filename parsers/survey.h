/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What stands where in a chunk of text, found in one pass for all parsers and rules: line ends, literals, and which
 * lines need a look. A pure function of the bytes and the needles: it may run in any thread. Inner to the room.
 */
#ifndef CUL_PARSERS_SURVEY_H
#define CUL_PARSERS_SURVEY_H

#include <string.h>

#include "base/needle.h"

/* why a line needs a look */
#define CUL_LINE_HIT 1    /* a literal stands in it */
#define CUL_LINE_KERNEL 2 /* " kernel: " does */
#define CUL_LINE_ODD 4    /* control bytes, an escape: its clean form is to be searched again */
#define CUL_LINE_BEGIN 8  /* its first bytes may be a mark, or a severity */
#define CUL_LINE_LONG 16  /* longer than the limit: comes in pieces */
/* the same where text is escaped or split: JSON, containers */
#define CUL_LINE_ESCAPED 32 /* a backslash behind a quote, but for \n at the end of a string */
#define CUL_LINE_BIG 64     /* over 4 KiB: a container may have split it */

#define CUL_LINE_BYTES_BIG 4096

/** Does a line begin with a severity that no word says: glog's E and F, a priority of 0 to 3 in <…>? */
static inline bool cul_says_severity(struct cul_slice line)
{
	unsigned priority = 0;
	size_t i = 1;
	if (!line.size || line.data[0] != '<')
		return line.size && (line.data[0] == 'E' || line.data[0] == 'F');
	while (i < line.size && i < 5 && line.data[i] >= '0' && line.data[i] <= '9')
		priority = priority * 10 + (unsigned)(line.data[i++] - '0');
	return i > 1 && i < line.size && line.data[i] == '>' && priority % 8 <= 3;
}

/** May an envelope unescape a part of this line, so that it says what does not stand in it? */
static inline bool cul_may_unescape(struct cul_slice line)
{
	const char *quote = line.size ? memchr(line.data, '"', line.size) : NULL;
	return quote && memchr(quote, '\\', line.size - (size_t)(quote - line.data));
}

struct cul_hit {
	uint32_t end, needle;
};

struct cul_survey {
	uint32_t *ends;   /* of each line: offset of its '\n', or of the end of the text */
	uint8_t *flags;   /* by line; one more that is never 0 */
	size_t lines, room;
	struct cul_hit *hits; /* by end */
	size_t hit_count, hit_room;
	bool failed, sorted;
	const uint8_t *classes; /* by needle: the flag that it sets */
};

/** Survey @text. @classes: by needle, one of the flags above. False: out of memory. */
bool cul_survey_make(struct cul_survey *survey, const struct cul_needles *needles, const uint8_t *classes, struct cul_slice text,
		     uint32_t line_bytes);
void cul_survey_free(struct cul_survey *survey);

#endif
