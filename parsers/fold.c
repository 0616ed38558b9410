/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A record with its continuation lines as one text, for those few patterns that may match across lines: a line with an
 * envelope begins one, lines without go with it, up to 64 KiB and 512 lines. Only where a rule brings such a pattern is any
 * of this done; then each line's envelope is peeled, which costs.
 */
#include <stdlib.h>

#include "parsers/state.h"

#define FOLD_BYTES (64 << 10)
#define FOLD_LINES 512

static bool literal_in(const struct cul_interest *want, struct cul_slice text)
{
	if (!want->literals || want->caseless)
		return true; /* PCRE2 itself looks for what it must hold */
	for (const char *const *literal = want->literals; *literal; literal++)
		if (cul_has(text, cul_str(*literal)))
			return true;
	return false;
}

void cul_fold_end(struct cul_parse *p)
{
	if (!p->folds || !p->fold_lines)
		return;
	struct cul_slice text = cul_slice(p->fold, p->fold_size);
	struct cul_record rec = p->fold_rec;
	const char *newline = memchr(text.data, '\n', text.size);
	rec.line.text = rec.message = newline ? cul_slice(text.data, (size_t)(newline - text.data)) : text;
	if (p->has_last) {
		rec.host = p->last.host;
		rec.unit = p->last.unit;
		rec.caller = p->last.caller;
	}
	p->fold_lines = 0;
	for (size_t i = 0; i < p->interest_count && !p->failed; i++)
		if (p->interests->items[i].fold && literal_in(&p->interests->items[i], text))
			cul_confirm_fold(p, &rec, i, text);
}

void cul_fold_line(struct cul_parse *p, const struct cul_record *rec)
{
	if (!p->folds)
		return;
	if (!rec->bare || !p->has_last || !p->fold_lines) {
		cul_fold_end(p);
		p->fold_rec = *rec;
		p->fold_rec.host = p->fold_rec.unit = p->fold_rec.caller = CUL_NONE;
		if (rec->time.ns == CUL_NO_TIME && p->has_last) {
			p->fold_rec.time = p->last.time;
			p->fold_rec.boot_ns = p->last.boot_ns;
		}
		p->fold_size = 0;
	} else if (p->fold_lines == FOLD_LINES || p->fold_size + rec->line.text.size + 1 > FOLD_BYTES) {
		p->fold_lines = FOLD_LINES;
		return;
	} else {
		p->fold[p->fold_size++] = '\n';
	}
	size_t n = rec->line.text.size < FOLD_BYTES - p->fold_size ? rec->line.text.size : FOLD_BYTES - p->fold_size;
	if (n)
		memcpy(p->fold + p->fold_size, rec->line.text.data, n);
	p->fold_size += n;
	p->fold_lines++;
}

bool cul_fold_init(struct cul_parse *p)
{
	for (size_t i = 0; i < p->interest_count && !p->folds; i++)
		p->folds = p->interests->items[i].fold;
	return !p->folds || (p->fold = malloc(FOLD_BYTES + 1));
}
