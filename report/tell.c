/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What of a long text tells: the first clause of a title, the message inside a log line's envelope, the columns of a line in
 * which the words of the finding stand. And texts without what isn't known, which a rule's text prints as "?".
 */
#include <string.h>

#include "base/slice.h"
#include "report/escape.h"
#include "report/parts.h"

#define MOST_HITS 32
#define MOST_TEXT 4096

static size_t blanks(const char *s)
{
	return strspn(s, " ");
}

/* ---- what isn't known ---------------------------------------------------------------------- */

/* a "?" that stands for a value: not at the end of a word, as a question has it */
static bool open_mark(const char *begin, const char *at)
{
	if (*at != '?')
		return false;
	/* "(gfx1035?)", "(?see its stack)": a value beside a known one */
	if ((at > begin && at[-1] == '(') || at[1] == ')')
		return true;
	bool before = at == begin || strchr(" (,:", at[-1]) || (at - begin >= 3 && (unsigned char)at[-1] >= 0x80);
	bool after = !at[1] || strchr(" ),.;:%", at[1]) || (unsigned char)at[1] >= 0x80;

	return before && after;
}

static const char *find_mark(const char *begin, const char *from)
{
	for (const char *at = strchr(from, '?'); at; at = strchr(at + 1, '?'))
		if (open_mark(begin, at))
			return at;
	return NULL;
}

static const char *without(struct cul_report *r, const char *text, size_t from, size_t to)
{
	return cul_words(r, "%.*s%s", (int)from, text, text + to);
}

/* "(load ?)" goes as a whole, of "on rank ?" the words that only lead to it */
static const char *drop_mark(struct cul_report *r, const char *text, const char *mark)
{
	static const char *const leads[] = { "in", "of", "at", "on", "by", "rank", "pid", "gpu", "GPU", "host", "node", "from", "for", "about", "limit",
					     "with", "exit", "number", "progress", "kernel", "model" };
	size_t from = (size_t)(mark - text), to = from + 1, open = from;

	if (from && ((mark[1] == ')' && !strchr(" (,:", mark[-1])) || (mark[-1] == '(' && mark[1] && !strchr(" ),.;:%", mark[1]))))
		return without(r, text, from, to);

	while (open && text[open] != '(' && text[open] != ')')
		open--;
	const char *close = strchr(mark, ')');
	if (text[open] == '(' && close && !memchr(mark, '(', (size_t)(close - mark))) {
		const char *comma = NULL;

		/* what stands in the bracket before a comma may be known */
		for (const char *at = text + open + 1; at < mark; at++)
			if (*at == ',')
				comma = at;
		if (comma)
			return without(r, text, (size_t)(comma - text), (size_t)(close - text));
		from = open;
		to = (size_t)(close - text) + 1;
		while (from && text[from - 1] == ' ')
			from--;
		return without(r, text, from, to);
	}
	/* the wide brackets of Chinese */
	for (size_t i = from; i >= 3; i--) {
		const char *end = strstr(mark, "）");

		if (!strncmp(text + i - 3, "）", 3) || !end)
			break;
		if (!strncmp(text + i - 3, "（", 3))
			return without(r, text, i - 3, (size_t)(end - text) + 3);
	}
	if (text[to] == ' ' && text[to + 1] == '%')
		to += 2;
	for (bool more = true; more;) {
		while (from && strchr(" :,", text[from - 1]))
			from--;
		size_t word = from;
		while (word && text[word - 1] != ' ')
			word--;
		more = false;
		for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]) && word && !more; i++)
			more = strlen(leads[i]) == from - word && !strncmp(text + word, leads[i], from - word);
		if (more)
			from = word;
	}
	return without(r, text, from, to);
}

const char *cul_known(struct cul_report *r, const char *text)
{
	const char *mark;

	for (int i = 0; text && i < 8 && (mark = find_mark(text, text)); i++)
		text = drop_mark(r, text, mark);
	const char *gap = text ? strstr(text, "  ") : NULL;
	return gap ? cul_words(r, "%.*s%s", (int)(gap - text), text, gap + 1) : text ? text : "";
}

/* where the sentence that begins at @at ends, with the blanks behind it */
static const char *sentence_end(const char *at)
{
	for (; *at; at++) {
		if (!strncmp(at, "。", 3))
			return at + 3;
		if (*at == '.' && at[1] == ' ' && at[2] && !(at[2] >= 'a' && at[2] <= 'z'))
			return at + 1 + blanks(at + 1);
	}
	return at;
}

const char *cul_known_sentences(struct cul_report *r, const char *text)
{
	const char *ret = "";

	if (!text || !find_mark(text, text))
		return text ? text : "";
	for (const char *at = text, *end; *at; at = end) {
		end = sentence_end(at);
		const char *one = cul_words(r, "%.*s", (int)(end - at), at), *mark;

		/* only a bracket may go; a sentence that needs the value says nothing without it */
		for (int i = 0; i < 4 && (mark = find_mark(one, one)); i++) {
			const char *less = drop_mark(r, one, mark);
			bool bracket = (memchr(one, '(', (size_t)(mark - one)) && strchr(mark, ')')) || (strstr(one, "（") && strstr(mark, "）"));
			if (!bracket)
				break;
			one = less;
		}
		if (!find_mark(one, one))
			ret = cul_words(r, "%s%s", ret, one);
	}
	return *ret ? ret : cul_known(r, text);
}

/* ---- titles -------------------------------------------------------------------------------- */

/* "/a/long/path/name" as "…/name" */
static const char *brief_paths(struct cul_report *r, const char *text)
{
	const char *ret = "";

	for (const char *at = text; *at;) {
		size_t n = strcspn(at, " "), name = n;

		if (*at == '/' && n > 24) {
			while (name && at[name - 1] != '/')
				name--;
			ret = cul_words(r, "%s…/%s", ret, cul_shorten(r->arena, cul_words(r, "%.*s", (int)(n - name), at + name), 24));
		} else {
			ret = cul_words(r, "%s%.*s", ret, (int)n, at);
		}
		at += n;
		size_t gap = blanks(at);
		ret = cul_words(r, "%s%.*s", ret, (int)gap, at);
		at += gap;
	}
	return ret;
}

const char *cul_clause(struct cul_report *r, const char *text, size_t columns)
{
	static const char *const ends[] = { "; ", ": ", " (", ", ", "；", "：", "（", "，" };
	size_t best = 0;

	if (cul_columns(text) <= columns)
		return text;
	text = brief_paths(r, text);
	if (cul_columns(text) <= columns)
		return text;
	for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++)
		for (const char *at = strstr(text, ends[e]); at; at = strstr(at + 1, ends[e])) {
			size_t n = (size_t)(at - text);
			int depth = 0;

			/* not in the middle of a bracket */
			for (size_t i = 0; i < n; i++)
				depth += text[i] == '(' || !strncmp(text + i, "（", 3) ? 1 : text[i] == ')' || !strncmp(text + i, "）", 3) ? -1 : 0;
			if (depth > 0)
				continue;
			const char *head = cul_words(r, "%.*s", (int)n, text);

			/* "GPU 3:" alone says nothing */
			if (n > best && cul_columns(head) <= columns && cul_columns(head) >= 24)
				best = n;
		}
	return best ? cul_words(r, "%.*s", (int)best, text) : cul_shorten(r->arena, text, columns);
}

/* ---- evidence ------------------------------------------------------------------------------ */

/* runs of blanks and frames of tables as one blank */
static const char *squeeze(struct cul_report *r, const char *text)
{
	char *ret = cul_arena_get(r->arena, strlen(text) + 1), *at = ret;

	if (!ret)
		return text;
	for (; *text; text++) {
		if (*text == ' ' && (at == ret || at[-1] == ' '))
			continue;
		if (*text == '|' && at - ret >= 2 && at[-1] == ' ' && at[-2] == '|')
			continue;
		*at++ = *text;
	}
	*at = '\0';
	return ret;
}

/* the message of a journal entry, of Docker's JSON, of a structured log */
static const char *json_message(struct cul_report *r, const char *text)
{
	static const char *const keys[] = { "\"MESSAGE\":", "\"log\":", "\"message\":", "\"msg\":" };

	if (*text != '{')
		return text;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *at = strstr(text, keys[i]);

		if (!at)
			continue;
		at += strlen(keys[i]);
		at += blanks(at);
		if (*at++ != '"')
			continue;
		char *ret = cul_arena_get(r->arena, strlen(at) + 1), *to = ret;
		if (!ret)
			return text;
		for (; *at && *at != '"'; at++) {
			if (*at == '\\' && at[1]) {
				at++;
				*to++ = strchr("nrt", *at) ? ' ' : *at;
			} else {
				*to++ = *at;
			}
		}
		*to = '\0';
		return ret + blanks(ret);
	}
	return text;
}

static bool month_or_day(const char *word, size_t n)
{
	static const char *const names = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun";

	for (const char *at = names; n == 3 && strlen(at) >= 3; at += at[3] ? 4 : 3)
		if (!strncmp(at, word, 3))
			return true;
	return false;
}

/* "2025-11-18T09:12:03", "[831033.322899]", "18", "09:12:03" */
static bool of_time(const char *word, size_t n)
{
	size_t digits = 0, others = 0, i = 0;

	/* "<4>1", the priority before RFC 5424's time */
	if (n > 2 && word[0] == '<') {
		for (i = 1; i < n && word[i] >= '0' && word[i] <= '9';)
			i++;
		return i < n && word[i] == '>';
	}
	for (; i < n; i++) {
		if (word[i] >= '0' && word[i] <= '9')
			digits++;
		else if (!strchr("[]-+:./,TZ", word[i]))
			others++;
	}
	return digits && !others;
}

static bool names_host(const struct cul_report *r, const char *word, size_t n)
{
	for (size_t i = 0; i < r->host_count; i++)
		if (strlen(r->hosts[i].name) == n && !strncmp(r->hosts[i].name, word, n))
			return true;
	return false;
}

/* what stands behind time, host and program; the text itself where it has no such beginning */
static const char *behind_envelope(const struct cul_report *r, const char *text)
{
	const char *at = text;
	int words = 0, times = 0;

	while (words < 12) {
		at += blanks(at);
		/* "[  653.018442]" */
		const char *word = at + (*at == '[' ? 1 + blanks(at + 1) : 0);
		size_t n = strcspn(word, " ");
		bool time = of_time(word, n) || (month_or_day(word, n) && of_time(word + n + blanks(word + n), strcspn(word + n + blanks(word + n), " ")));

		if (time)
			times++;
		else if (!times || !(names_host(r, word, n) || (n == 7 && !strncmp(word, "kernel:", 7)) ||
				     (n == 6 && !strncmp(word, "kernel", 6)) || (n == 1 && *word == '-')))
			break;
		at = word + n;
		words++;
		/* the next column of a table says more than when */
		if (n && word[n - 1] == ',')
			break;
	}
	at += blanks(at);
	if (!strncmp(at, "- ", 2))
		at += 2;
	/* a table of numbers is no envelope */
	return times && strlen(at) >= 12 ? at : text;
}

/* the beginning names the line; behind it the part in which most words of the finding stand */
static const char *window(struct cul_report *r, const struct cul_finding *f, const char *text, size_t whole)
{
	size_t hits[MOST_HITS], ends[MOST_HITS], count = 0, best = 0, most = 0, size = strlen(text), head = whole / 3;

	while (head && text[head] != ' ')
		head--;
	if (!head || size <= whole)
		return text;
	const size_t columns = whole - head - 3;

	for (size_t list = 0; f && list < 2; list++) {
		const struct cul_fact *facts = list ? f->entities : f->facts;
		size_t n = list ? f->entity_count : f->fact_count;

		for (size_t i = 0; i < n; i++)
			for (size_t k = 0; k < facts[i].count && k < 3 && count < MOST_HITS; k++) {
				const char *word = facts[i].values[k].type == CUL_FLAG ? "" : cul_value_words(r, &facts[i].values[k]);
				const char *at = strlen(word) >= 3 && strlen(word) < columns / 2 ? strstr(text, word) : NULL;

				if (!at)
					continue;
				hits[count] = (size_t)(at - text);
				ends[count++] = (size_t)(at - text) + strlen(word);
			}
	}
	/* the beginning, unless more of the words stand behind it */
	for (size_t i = 0; i < count; i++)
		most += ends[i] + 1 < whole;
	for (size_t i = 0; i < count; i++) {
		size_t from = hits[i] > 12 ? hits[i] - 12 : 0, seen = 0;

		/* not past the point from which all the rest shows */
		if (size > columns && from + columns > size + 2)
			from = size - columns + 2;
		for (size_t k = 0; k < count; k++)
			seen += ends[k] < head || (hits[k] >= from && ends[k] + 2 < from + columns);
		if (seen > most) {
			most = seen;
			best = from;
		}
	}
	while (best && best < size && text[best - 1] != ' ' && text[best] != '|')
		best++;
	return best > head + 4 && best < size ? cul_words(r, "%.*s … %s", (int)head, text, text + best) : text;
}

static const char *value_of(struct cul_report *r, const struct cul_row *row, const char *field)
{
	for (size_t i = 0; i < row->count; i++)
		if (row->values[i].type != CUL_ABSENT && row->values[i].field && !strcmp(row->values[i].field->name, field))
			return cul_value_words(r, &row->values[i]);
	return "";
}

const char *cul_row_rest(struct cul_report *r, const struct cul_row *row)
{
	if (!row->kind || strcmp(row->kind->name, "nvidia.smi.gpu") != 0 || !row->text.size || row->text.data[0] != '|' ||
	    memchr(row->text.data, '%', row->text.size))
		return "";
	const char *used = value_of(r, row, "used_mib"), *total = value_of(r, row, "total_mib"), *util = value_of(r, row, "util_pct");
	const char *power = value_of(r, row, "power_w");

	if (!*used || !*util)
		return "";
	return cul_words(r, "%s%s%s MiB, %s %%%s%s%s", used, *total ? "/" : "", total, util, *power ? ", " : "", power, *power ? " W" : "");
}

const char *cul_tell(struct cul_report *r, const struct cul_finding *f, struct cul_slice raw, size_t columns)
{
	const char *text = cul_harmless(r->arena, cul_trim(cul_slice(raw.data, raw.size < MOST_TEXT ? raw.size : MOST_TEXT)));

	if (cul_columns(text) <= columns)
		return text;
	text = squeeze(r, json_message(r, text));
	if (cul_columns(text) <= columns)
		return text;
	text = behind_envelope(r, text);
	if (cul_columns(text) <= columns)
		return text;
	return cul_shorten(r->arena, window(r, f, text, columns), columns);
}
