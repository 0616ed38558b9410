/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The lists of parsers/meson.build as tables, and the kinds that follow from them.
 *
 * A kind that several parsers emit (ps.process comes from ps, top and tasklist) is one kind: the union of their fields
 * in the order of the registry, covered by any of their streams. The union is made once and never changes.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/registry.h"
#include "parsers/state.h"

#define P(name) extern const struct cul_parser cul_parser_##name;
CUL_MESSAGES(P)
CUL_CAPTURES(P)
CUL_DUMPS(P)
#undef P
#define P(name) extern const struct cul_envelope cul_envelope_##name;
CUL_ENVELOPES(P)
#undef P

#define P(name) &cul_parser_##name,
const struct cul_parser *const cul_messages[] = { CUL_MESSAGES(P) NULL };
const struct cul_parser *const cul_captures[] = { CUL_CAPTURES(P) NULL };
const struct cul_parser *const cul_dumps[] = { CUL_DUMPS(P) NULL };
#undef P
#define P(name) &cul_envelope_##name,
const struct cul_envelope *const cul_envelopes[] = { CUL_ENVELOPES(P) NULL };
#undef P

/* what the driver itself emits */
static const struct cul_kind *const own[] = {
	CUL_KIND("input.damaged", 1, "", F_WHY),
	CUL_SAMPLES("input.command", 1, "", F_COMMAND, F_HOST),
	CUL_SAMPLES("host.id", 1, "", F_HOST),
	CUL_KIND("record", 1, "log", NULL),
	NULL,
};

#define KINDS 512
struct made {
	struct cul_kind kind;
	const struct cul_field *fields[CUL_FIELDS + 1];
	char stream[256];
};
static struct made *made;
static const struct cul_kind *sorted[KINDS + 1];
static struct cul_format *formats;
static size_t made_count;
/* what captures say of their first lines: bytes that stand there, bit 7 left out */
static struct first {
	uint64_t need[2], capture; /* its bit */
} firsts[128];
static size_t first_count;
static uint64_t first_any; /* the bits of those that may bid on any line */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool stream_has(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = strstr(list, word); p; p = strstr(p + 1, word))
		if ((p == list || p[-1] == ',') && (p[n] == ',' || !p[n]))
			return true;
	return !n;
}

/* @slots: 2 * KINDS places by the name's hash; the kind's number + 1 */
static void add_kind(const struct cul_kind *kind, uint16_t *slots)
{
	struct made *m = NULL;
	uint32_t at = 2166136261u;
	for (const char *c = kind->name; *c; c++)
		at = (at ^ (unsigned char)*c) * 16777619u;
	for (at = (at ^ at >> 16) % (2 * KINDS); slots[at] && !m; at = (at + 1) % (2 * KINDS))
		if (!strcmp(made[slots[at] - 1].kind.name, kind->name))
			m = &made[slots[at] - 1];
	if (!m) {
		if (made_count == KINDS)
			return;
		m = &made[made_count++];
		slots[at] = (uint16_t)made_count;
		m->kind = *kind;
		m->kind.fields = m->fields;
		m->stream[0] = 0;
		m->kind.stream = m->stream;
	}
	if (kind->version > m->kind.version)
		m->kind.version = kind->version;
	m->kind.samples |= kind->samples;
	if (kind->stream && !stream_has(m->stream, kind->stream) && strlen(m->stream) + strlen(kind->stream) + 2 < sizeof(m->stream)) {
		if (m->stream[0])
			strcat(m->stream, ",");
		strcat(m->stream, kind->stream);
	}
	for (const struct cul_field *const *f = kind->fields; f && *f; f++) {
		size_t i = 0;
		while (m->fields[i] && m->fields[i] != *f)
			i++;
		if (!m->fields[i] && i < CUL_FIELDS)
			m->fields[i] = *f;
	}
}

static void add_firsts(size_t i, const struct cul_parser *capture)
{
	const char *const *set = capture->first;
	if (i > 63) /* always asked */
		return;
	uint64_t bit = UINT64_C(1) << i;
	if (!set)
		first_any |= bit;
	for (; set && *set; set++) {
		struct first f = { .capture = bit };
		if (first_count == sizeof(firsts) / sizeof(firsts[0])) {
			first_any |= bit;
			return;
		}
		for (const char *c = *set; *c; c++)
			f.need[*c >> 6 & 1] |= UINT64_C(1) << (*c & 63);
		firsts[first_count++] = f;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct cul_kind *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

static void make(void)
{
	size_t parsers = 0, envelopes = 0;
	uint16_t slots[2 * KINDS] = { 0 };
	for (size_t i = 0; cul_captures[i]; i++)
		add_firsts(i, cul_captures[i]);
	made = calloc(KINDS, sizeof(*made));
	for (const struct cul_parser *const *p = cul_messages; *p; p++)
		parsers++;
	for (const struct cul_parser *const *p = cul_captures; *p; p++)
		parsers++;
	for (const struct cul_parser *const *p = cul_dumps; *p; p++)
		parsers++;
	for (const struct cul_envelope *const *e = cul_envelopes; *e; e++)
		envelopes++;
	formats = calloc(parsers + envelopes + 1, sizeof(*formats));
	if (!made || !formats)
		return;
	for (size_t i = 0; own[i]; i++)
		add_kind(own[i], slots);
	struct cul_format *f = formats;
	for (const struct cul_envelope *const *e = cul_envelopes; *e; e++)
		*f++ = (struct cul_format){ (*e)->name, "envelope", (*e)->about };
	for (const struct cul_parser *const *p = cul_messages; *p; p++) {
		*f++ = (struct cul_format){ (*p)->name, "message", (*p)->about };
		for (const struct cul_kind *const *k = (*p)->kinds; k && *k; k++)
			add_kind(*k, slots);
	}
	for (const struct cul_parser *const *p = cul_captures; *p; p++) {
		*f++ = (struct cul_format){ (*p)->name, "capture", (*p)->about };
		for (const struct cul_kind *const *k = (*p)->kinds; k && *k; k++)
			add_kind(*k, slots);
	}
	for (const struct cul_parser *const *p = cul_dumps; *p; p++) {
		*f++ = (struct cul_format){ (*p)->name, "dump", (*p)->about };
		for (const struct cul_kind *const *k = (*p)->kinds; k && *k; k++)
			add_kind(*k, slots);
	}
	for (size_t i = 0; i < made_count; i++)
		sorted[i] = &made[i].kind;
	qsort(sorted, made_count, sizeof(sorted[0]), by_name);
}

const struct cul_kind *const *cul_kinds(void)
{
	pthread_once(&once, make);
	return sorted;
}

const struct cul_format *cul_formats(void)
{
	static const struct cul_format none;
	pthread_once(&once, make);
	return formats ? formats : &none;
}

const struct cul_kind *cul_kind_find(struct cul_slice name)
{
	pthread_once(&once, make);
	size_t low = 0, high = made_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = cul_compare(cul_str(sorted[middle]->name), name);
		if (!order)
			return sorted[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

uint64_t cul_capture_may(struct cul_slice line)
{
	uint64_t seen[2] = { 0 };
	pthread_once(&once, make);
	uint64_t may = first_any;
	for (size_t i = 0; i < line.size && line.size <= 400; i++)
		seen[line.data[i] >> 6 & 1] |= UINT64_C(1) << (line.data[i] & 63);
	if (!(seen[0] >> ' ' >> 1) && !seen[1]) /* blank or long */
		return UINT64_MAX;
	for (size_t i = 0; i < first_count; i++)
		if (!(firsts[i].need[0] & ~seen[0]) && !(firsts[i].need[1] & ~seen[1]))
			may |= firsts[i].capture;
	return may;
}
