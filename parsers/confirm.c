/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Interests of the rules, confirmed: a literal of theirs stands in the record (or they have none), and now the pattern is
 * asked. Most want the message; some want the line as it was read, envelope and all, or one field of it.
 */
#include <stdlib.h>

#include "base/structured.h"
#include "parsers/peel.h"
#include "parsers/state.h"

#define LINES_ABOVE 64 /* in which the time of a line without one is looked for */

/* "2026-11-21T02:00:59.123456789Z stderr F text": is the text what a container's program printed? */
static bool is_cri(struct cul_slice line)
{
	const char *space = memchr(line.data ? line.data : "", ' ', line.size < 64 ? line.size : 64);
	struct cul_slice rest = space ? cul_from(line, (size_t)(space - line.data)) : CUL_NONE;
	return rest.size > 10 && (cul_starts(rest, CUL_LIT(" stdout ")) || cul_starts(rest, CUL_LIT(" stderr "))) &&
	       (rest.data[8] == 'F' || rest.data[8] == 'P');
}

static bool outside(const struct cul_record *rec)
{
	return rec->message.size && (rec->message.data < rec->line.text.data || rec->message.data > rec->line.text.data + rec->line.text.size);
}

/* Does @which stand in the whole line (its field, what a container's program printed)? -1: a limit was met. */
static int in_line(struct cul_parse *p, const struct cul_record *rec, size_t which, struct cul_slice *groups, size_t *count)
{
	const struct cul_interest *want = &p->interests->items[which];
	size_t room = *count;
	if (want->field) {
		char *value = cul_line_field(rec->line.text, want->field);
		if (value) {
			int found = cul_pattern_match(p->patterns[which], cul_str(value), NULL, &room);
			free(value);
			*count = 0;
			return found;
		}
		/* a line of plain text has no fields: it is asked as a whole */
	}
	if (want->jq) {
		*count = 0;
		return cul_jq_match(p->jqs[which], rec->line.text) ||
		       (rec->message.size && (outside(rec) || is_cri(rec->line.text)) && cul_jq_match(p->jqs[which], rec->message));
	}
	int found = cul_pattern_match(p->patterns[which], rec->line.text, groups, count);
	if (!found && rec->message.size && (outside(rec) || is_cri(rec->line.text))) {
		*count = room;
		found = cul_pattern_match(p->patterns[which], rec->message, groups, count);
	}
	return found;
}

static bool ready_pattern(struct cul_parse *p, size_t which)
{
	if (p->broken[which])
		return false;
	if (p->interests->items[which].jq) {
		if (!p->jqs[which] && cul_jq_new(p->interests->items[which].jq, &p->jqs[which], NULL) != CUL_OK)
			p->broken[which] = true;
		return !p->broken[which];
	}
	if (!p->patterns[which] &&
	    cul_pattern_new(p->interests->items[which].pattern, p->limits.pattern_steps, &p->patterns[which], NULL) != CUL_OK)
		p->broken[which] = true;
	return !p->broken[which];
}

bool cul_interest_may(struct cul_parse *p, size_t which, struct cul_slice line)
{
	const struct cul_interest *want = &p->interests->items[which];
	size_t count = 1;
	struct cul_slice all;
	if (want->line || want->fold || want->jq || want->field || !want->pattern || p->tight[which])
		return true;
	if (!p->loose[which]) {
		char *loose = cul_pattern_loosen(want->pattern);
		if (!loose || cul_pattern_new(loose, p->limits.pattern_steps, &p->loose[which], NULL) != CUL_OK)
			p->tight[which] = true;
		free(loose);
		if (p->tight[which])
			return true;
	}
	return cul_pattern_match(p->loose[which], line, &all, &count) != 0;
}

bool cul_interest_wants(struct cul_parse *p, size_t which, struct cul_slice message)
{
	const struct cul_interest *want = &p->interests->items[which];
	size_t count = 1;
	struct cul_slice all;
	return want->line || want->fold || want->jq || want->field || !ready_pattern(p, which) || cul_pattern_match(p->patterns[which], message, &all, &count) != 0;
}

/* @fold: the text to search instead of the record's, or NULL. */
static void confirm(struct cul_parse *p, const struct cul_record *rec, size_t which, const struct cul_slice *fold)
{
	const struct cul_interest *want = &p->interests->items[which];
	if (want->fold && !fold)
		return;
	if (want->stream && !strcmp(want->stream, "kernel") && !rec->kernel && (!rec->bare || rec->unit.size))
		return;
	if (!ready_pattern(p, which))
		return;
	if (want->line && !fold && (p->line_taken[which] == rec->line.offset + 1 || rec->line.number <= p->line_asked))
		return;
	struct cul_slice groups[CUL_FIELDS + 1];
	size_t count = CUL_FIELDS + 1;
	int found = fold ? cul_pattern_match(p->patterns[which], *fold, groups, &count) :
		    want->line ? in_line(p, rec, which, groups, &count) : cul_pattern_match(p->patterns[which], rec->message, groups, &count);
	if (found < 0) {
		cul_damaged(p, rec, "a pattern met its step limit on this record");
		return;
	}
	if (!found)
		return;
	if (want->line)
		p->line_taken[which] = rec->line.offset + 1;
	struct cul_value values[CUL_FIELDS];
	size_t n = 0;
	for (size_t g = 0; g < want->capture_count && n < CUL_FIELDS; g++) {
		const struct cul_field *field = want->captures[g];
		if (!field)
			continue;
		struct cul_value v = { .field = field };
		struct cul_slice text = g + 1 < count ? groups[g + 1] : CUL_NONE;
		enum cul_type type = field->type;
		if (text.data) {
			if (type == CUL_ABSENT && cul_starts(text, CUL_LIT("0x")))
				type = CUL_TEXT; /* an address, a version, a mask: people search for it as printed */
			if ((type == CUL_INT || type == CUL_ABSENT || type == CUL_FLAG) && cul_to_int(text, &v.i))
				v.type = CUL_INT;
			else if ((type == CUL_REAL || type == CUL_ABSENT) && cul_to_real(text, &v.r))
				v.type = CUL_REAL;
			else if (type == CUL_TEXT || type == CUL_ABSENT) {
				v.type = CUL_TEXT;
				v.s = text;
			}
		}
		values[n++] = v;
	}
	static const struct cul_field entry = { .name = "entry", .type = CUL_INT };
	if (want->line && want->each && p->entry && n < CUL_FIELDS) /* where the entry begins that this line continues */
		values[n++] = (struct cul_value){ .field = &entry, .type = CUL_INT, .i = p->entry - 1 };
	p->understood = true;
	static const struct cul_slice name = { "record", 6 };
	cul_observe(p, rec, cul_kind_find(name), (int)which, values, n, 0);
}

/* A record that an interest's literal stands in: is it one? */
void cul_confirm(struct cul_parse *p, const struct cul_record *rec, size_t which)
{
	confirm(p, rec, which, NULL);
}

/* Like that, of a record with its continuation lines. */
void cul_confirm_fold(struct cul_parse *p, const struct cul_record *rec, size_t which, struct cul_slice text)
{
	p->entry = 0;
	confirm(p, rec, which, &text);
}

/* A line without a time has that of the one before it, and is one entry with it. */
static bool stamp_above(struct cul_parse *p, struct cul_time *time)
{
	struct cul_above above = { .itself = false };
	struct cul_line line;

	for (int back = 0; back < LINES_ABOVE && cul_lines_above(p->lines, &above, &line); back++)
		if (cul_stamp(line.text, time)) {
			p->entry = line.offset + 1;
			return true;
		}
	return false;
}

/* The hits of a whole line: interests that want it as it was read. */
void cul_confirm_lines(struct cul_parse *p, const struct cul_record *rec)
{
	uint32_t done = UINT32_MAX;
	struct cul_record stamped;
	p->entry = 0;
	if (p->line_interests && (rec->bare || rec->time.ns == CUL_NO_TIME) && (p->hit_count || p->always_hit)) {
		stamped = *rec;
		if (cul_stamp(rec->line.text, &stamped.time) || (stamp_above(p, &stamped.time) && rec->time.ns == CUL_NO_TIME)) {
			stamped.boot_ns = CUL_NO_TIME;
			rec = &stamped;
		}
	}
	for (size_t i = 0; p->line_interests && i < p->hit_count && !p->failed; i++) {
		uint32_t use = p->needle_use[p->hits[i]];
		if (use == done || USE_TYPE(use) != USE_INTEREST || !p->interests->items[USE_INDEX(use)].line)
			continue;
		done = use;
		cul_confirm(p, rec, USE_INDEX(use));
	}
	for (size_t i = 0; p->always_hit && i < p->always_count && !p->failed; i++)
		cul_confirm(p, rec, p->always[i]);
	p->entry = 0;
}

/* Patterns that have no literal look at each line. */
void cul_ask_always(struct cul_parse *p, const struct cul_line *line)
{
	struct cul_record rec = { .line = *line };
	p->always_hit = false;
	for (size_t i = 0; i < p->always_count && !p->always_hit; i++) {
		size_t count = 0;
		struct cul_slice none;
		if (is_cri(line->text) || (line->text.size && line->text.data[0] == '{'))
			p->always_hit = true; /* an anchor may mean what is inside */
		else if (ready_pattern(p, p->always[i]))
			p->always_hit = in_line(p, &rec, p->always[i], &none, &count) != 0;
	}
}
