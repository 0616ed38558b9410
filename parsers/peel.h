/* SPDX-License-Identifier: Apache-2.0 */
/** What envelopes share: words for severities, JSON objects of one line, tags of hosts and programs. */
#ifndef CUL_PARSERS_PEEL_H
#define CUL_PARSERS_PEEL_H

#include "parsers/parser.h"

/** "ERROR", "warn", "E", "Fatal", "notice" -> 0..7; -1 for any other word. */
int cul_level(struct cul_slice word);

/** An outer envelope's time stays; the first one to know a time sets it. */
static inline void cul_peel_time(struct cul_record *rec, struct cul_time time)
{
	if (rec->time.ns == CUL_NO_TIME)
		rec->time = time;
}

static inline void cul_peel_severity(struct cul_record *rec, int severity)
{
	if (severity >= 0)
		rec->severity = severity;
}

static inline bool cul_peel_digit(char c)
{
	return c >= '0' && c <= '9';
}

/** @text begins like "2026-11-21" or "2026/11/21": cheap test before reading a clock. */
static inline bool cul_peel_iso(struct cul_slice text)
{
	return text.size >= 19 && cul_peel_digit(text.data[0]) && cul_peel_digit(text.data[1]) && cul_peel_digit(text.data[2]) &&
	       cul_peel_digit(text.data[3]) && (text.data[4] == '-' || text.data[4] == '/') && cul_peel_digit(text.data[5]);
}

/** stamp.c: the time of a line without a known envelope, where one begins within its first bytes. */
bool cul_stamp(struct cul_slice line, struct cul_time *ret);

/**
 * "host ident[pid]: message" or "ident[pid]: message" at the start of @text (blanks trimmed before). On success fills host
 * (may be left empty), unit, caller, kernel and message of @rec. @strict: ident must have a pid or be "kernel".
 */
bool cul_peel_ident(struct cul_slice text, bool strict, struct cul_record *rec);

/** Set unit, caller, kernel from an ident without its colon: "sshd[12]", "kernel". */
void cul_peel_unit(struct cul_slice ident, struct cul_record *rec);

/** Text before a record's time that says who speaks, "(Worker_TP0 pid=12) ", "[rank3]: ", is put before @message again. */
void cul_peel_tagged(struct cul_slice tag, struct cul_slice message, struct cul_record *rec);
/** Such a tag at the start of @text, with the blanks behind it, or empty. Sets caller to its pid or rank. */
struct cul_slice cul_peel_tag(struct cul_slice *text, struct cul_record *rec);

/**
 * The next member of a JSON object. @rest begins at the object's '{' on the first call and is moved on.
 * @value is raw: strings with their quotes, arrays and objects whole. False at the end or where it is damaged.
 */
bool cul_json_next(struct cul_slice *rest, struct cul_slice *key, struct cul_slice *value);
/**
 * The text of a raw value: strings unescaped (terminal colours dropped), arrays of byte numbers turned to bytes, numbers as they
 * are; null and objects empty. Unchanged text points into the line, else into @rec's scratch.
 */
struct cul_slice cul_json_text(struct cul_slice raw, struct cul_record *rec);

#endif
