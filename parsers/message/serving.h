/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the parsers of AI servers and training jobs share: a value behind a label, the rank that a line names, and
 * texts that stand for an event. Nothing is kept, nothing allocates.
 */
#ifndef CUL_PARSERS_MESSAGE_SERVING_H
#define CUL_PARSERS_MESSAGE_SERVING_H

#include <math.h>

#include "parsers/parser.h"

/** A literal that a program prints and the word that rules know it by. */
struct event_text {
	const char *text, *event;
};

/** For X-macros X(text, event): a row of the table, a needle. */
#define EVENT_ROW(text, event) { text, event },
#define EVENT_NEEDLE(text, event) text,

/** The first row whose text stands in @message, or NULL. */
static inline const struct event_text *event_find(const struct event_text *table, size_t count, struct cul_slice message)
{
	for (size_t i = 0; i < count; i++)
		if (cul_has(message, cul_str(table[i].text)))
			return &table[i];
	return NULL;
}

/** What the record says: its message, or the whole line where the envelope took the @mark with it. */
static inline struct cul_slice said(const struct cul_record *rec, struct cul_slice mark)
{
	return cul_has(rec->message, mark) ? rec->message : rec->line.text;
}

/** A copy of @rec for a follower's state (its slices live as long); NULL when there is no memory. */
static inline struct cul_record *keep_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_record *kept = cul_keep_bytes(parse, sizeof(*kept));

	if (kept)
		*kept = *rec;
	return kept;
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/** The leading number of @a: sign, digits, a decimal point, an exponent; or nan, inf. */
static inline struct cul_slice number_at(struct cul_slice a)
{
	size_t n = 0, digits = 0;
	bool dot = false;

	if (n < a.size && (a.data[n] == '-' || a.data[n] == '+'))
		n++;
	if (a.size - n >= 3 && (!memcmp(a.data + n, "nan", 3) || !memcmp(a.data + n, "inf", 3)))
		return cul_slice(a.data, n + 3);
	for (; n < a.size && n < 40; n++) {
		if (is_digit(a.data[n]))
			digits++;
		else if (a.data[n] == '.' && !dot && n + 1 < a.size && is_digit(a.data[n + 1]))
			dot = true;
		else
			break;
	}
	if (!digits)
		return CUL_NONE;
	if (n + 1 < a.size && (a.data[n] == 'e' || a.data[n] == 'E')) {
		size_t m = n + 1;

		if (a.data[m] == '-' || a.data[m] == '+')
			m++;
		if (m < a.size && is_digit(a.data[m])) {
			while (m < a.size && is_digit(a.data[m]))
				m++;
			n = m;
		}
	}
	return cul_slice(a.data, n);
}

/** Without blanks in front. */
static inline struct cul_slice unblank(struct cul_slice a)
{
	while (a.size && (a.data[0] == ' ' || a.data[0] == '\t'))
		a = cul_from(a, 1);
	return a;
}

/** The number behind the first @label (blanks between are skipped); empty if there is none. */
static inline struct cul_slice number_after(struct cul_slice a, struct cul_slice label)
{
	struct cul_slice rest;

	return cul_cut(a, label, NULL, &rest) ? number_at(unblank(rest)) : CUL_NONE;
}

static inline struct cul_arg int_after(const char *name, struct cul_slice a, struct cul_slice label)
{
	return cul_number(name, number_after(a, label));
}

static inline double to_real(struct cul_slice a)
{
	double value;

	return a.size && cul_to_real(a, &value) ? value : NAN;
}

static inline struct cul_arg real_after(const char *name, struct cul_slice a, struct cul_slice label)
{
	return cul_real(name, to_real(number_after(a, label)));
}

/** "20.00 MiB", "512 bytes", "0 B", "1.18GiB" at the start of @a in MiB, or NAN. */
static inline double mib_at(struct cul_slice a)
{
	struct cul_slice number, unit;
	double value;
	size_t n = 0;

	a = unblank(a);
	number = number_at(a);
	if (!number.size || !cul_to_real(number, &value))
		return NAN;
	unit = unblank(cul_from(a, number.size));
	while (n < unit.size && n < 5 && is_word(unit.data[n]) && !is_digit(unit.data[n]))
		n++;
	unit.size = n;
	if (cul_starts(unit, CUL_LIT("byte")) || cul_is(unit, CUL_LIT("B")))
		return value / 1048576;
	if (!n)
		return NAN;
	switch (unit.data[0]) {
	case 'k': case 'K': value *= n > 1 && unit.data[1] == 'i' ? 1024.0 : 1000.0; break;
	case 'm': case 'M': value *= n > 1 && unit.data[1] == 'i' ? 1048576.0 : 1e6; break;
	case 'g': case 'G': value *= n > 1 && unit.data[1] == 'i' ? 1073741824.0 : 1e9; break;
	case 't': case 'T': value *= n > 1 && unit.data[1] == 'i' ? 1099511627776.0 : 1e12; break;
	default: return NAN;
	}
	return value / 1048576;
}

static inline struct cul_arg mib_after(const char *name, struct cul_slice a, struct cul_slice label)
{
	struct cul_slice rest;

	return cul_real(name, cul_cut(a, label, NULL, &rest) ? mib_at(rest) : NAN);
}

/** The value of @key in key=value pairs as MiB. */
static inline struct cul_arg mib_of(const char *name, struct cul_slice a, struct cul_slice key)
{
	struct cul_slice value;

	return cul_real(name, cul_logfmt(a, key, &value) ? mib_at(value) : NAN);
}

static inline struct cul_arg int_of(const char *name, struct cul_slice a, struct cul_slice key)
{
	struct cul_slice value;

	return cul_number(name, cul_logfmt(a, key, &value) ? number_at(value) : CUL_NONE);
}

static inline struct cul_arg text_of(const char *name, struct cul_slice a, struct cul_slice key)
{
	struct cul_slice value;

	return cul_text(name, cul_logfmt(a, key, &value) ? value : CUL_NONE);
}

/** The word (no blank, comma, quote, bracket) behind @label. */
static inline struct cul_slice word_after(struct cul_slice a, struct cul_slice label)
{
	struct cul_slice rest;
	size_t n = 0;

	if (!cul_cut(a, label, NULL, &rest))
		return CUL_NONE;
	rest = unblank(rest);
	while (n < rest.size && !memchr(" \t,;\"'()[]<>{}", rest.data[n], 14))
		n++;
	return cul_slice(rest.data, n);
}

/** The first AMD target in @a: gfx906, gfx90a, gfx1100; empty if it names none. */
static inline struct cul_slice gfx_of(struct cul_slice a)
{
	for (int i = 0; i < 64; i++) {
		size_t at = cul_find(a, CUL_LIT("gfx")), n = 3;

		if (at == SIZE_MAX)
			break;
		a = cul_from(a, at);
		while (n < a.size && n < 8 && (is_digit(a.data[n]) || (a.data[n] >= 'a' && a.data[n] <= 'f')))
			n++;
		if (n >= 6)
			return cul_slice(a.data, n);
		a = cul_from(a, 3);
	}
	return CUL_NONE;
}

/**
 * The rank that a line names itself: "[rank3]:", "[Rank 3]", "Rank 3]", "[1,3]<stdout>", "Worker_TP1", " TP1]", "(Worker rank=1".
 * Empty where it names none.
 */
static inline struct cul_slice rank_of(struct cul_slice line)
{
	static const char *const marks[] = { "[rank", "[Rank ", "[default", "[Rank", " Rank ", "Worker_TP", "_TP", "Worker_PP", "rank=", "local_rank: " };
	struct cul_slice head = line, rest, digits;

	if (head.size > 160)
		head.size = 160;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (!cul_cut(head, cul_str(marks[i]), NULL, &rest))
			continue;
		digits = cul_digits(&rest);
		if (digits.size && digits.size < 7 && rest.size && memchr("]: ,)", rest.data[0], 5))
			return digits;
	}
	if (cul_cut(head, CUL_LIT(">: "), &rest, NULL) || cul_cut(head, CUL_LIT(">:"), &rest, NULL)) {
		/* mpirun -tag-output: [job,rank]<stdout>: */
		if (rest.size && rest.data[0] == '[' && cul_between(rest, CUL_LIT(","), CUL_LIT("]<std"), &digits)) {
			struct cul_slice number = digits;

			digits = cul_digits(&number);
			if (digits.size && !number.size)
				return digits;
		}
	}
	if (cul_cut(head, CUL_LIT(" ["), &rest, &head) && memchr(rest.data, '/', rest.size) && !memchr(rest.data, ' ', rest.size)) {
		/* torchx: role/replica [rank]: */
		digits = cul_digits(&head);
		if (digits.size && digits.size < 7 && cul_starts(head, CUL_LIT("]:")))
			return digits;
	}
	return CUL_NONE;
}

/** rank_of() the message, else the line. */
static inline struct cul_arg rank_arg(const struct cul_record *rec)
{
	struct cul_slice rank = rank_of(rec->message);

	return cul_number("rank", rank.size ? rank : rank_of(rec->line.text));
}

#endif
