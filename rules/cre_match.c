/* SPDX-License-Identifier: Apache-2.0 */
/**
 * CRE rules × rows -> findings. Which log is a rule's? Its source is an abstract name; without a table that maps it
 * (--cre-sources) each log of the bundle is tried by itself, where a log and its rotated parts are one. With a table the
 * logs that it names are one stream for each host, and so are all logs where a rule's parts read different sources.
 *
 * All of a case is known when it is judged: a set's negative terms are decided at once, and at the end of a log the clock
 * stands behind all windows. Lines without a time are one entry with the line above that has one; an entry counts once for
 * each term.
 *
 *   set       each term remembers its entries; when all have theirs and they lie within the window, it fires and takes the
 *             oldest of each. Where they don't, the oldest of all is dropped.
 *   sequence  the active term is the next in order; entries of earlier ones are remembered, so that a later start serves
 *             when the first ages out. Equal times count as in order. With negative terms it is decided when their windows
 *             have passed; until then entries are remembered for all terms, as the reference does.
 *   negate    start = time of the anchored entry + slide, width = window + (absolute ? 0 : span); a negative entry from
 *             start to start + width, both included, costs the candidate its anchored entry.
 */
#include <fnmatch.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/structured.h"
#include "rules/cre.h"
#include "rules/finding.h"

#define DEPTH 10
#define FIRING_ROWS 64
#define MANY 50000 /* rows of one pattern that a case keeps of one file */
#define ONGOING_NS (INT64_C(600) * CUL_SECOND)

struct firing {
	int64_t first, last;
	size_t place;               /* of its last entry in the stream */
	const struct cul_row **rows; size_t count; /* the entry that takes the blame first */
};

/** An entry that a term matched; of a nested term one of its firings. */
struct cul_cre_event {
	int64_t time;
	size_t place;               /* of the entry in its stream: equal for all terms that matched one line */
	const struct cul_row *row;
	const struct firing *nested;
	const char *key;            /* values of the correlated fields */
	int term;                   /* negative ones: -1 - index */
};

struct stream {
	struct cul_judge *judge;
	const struct cul_rule *rule;
	const struct cul_row **rows; /* all of the rule's, in order */
	int64_t *times;
	size_t *places;
	size_t count;
	bool untimed;
};

struct queue {
	const struct cul_cre_event **items;
	size_t head, count;
};

struct machine {
	struct stream *stream;
	const struct cul_cre_part *part;
	struct queue *queues;
	const struct cul_cre_event **negative[CUL_CRE_TERMS];
	size_t negative_count[CUL_CRE_TERMS];
	const struct cul_cre_event **chosen; /* room for part->need */
	struct firing **firings; size_t count, room;
	size_t active;
};

static void *get(struct cul_judge *j, size_t count, size_t size)
{
	void *p = cul_arena_get(j->scratch, (count + 1) * size);

	if (!p)
		j->status = CUL_ENOMEM;
	return p;
}

/* ---- logs ------------------------------------------------------------------------------------- */

/* "x/app.log.2.gz", "x/app.log-20251118" -> "x/app.log" */
static struct cul_slice log_name(struct cul_slice name)
{
	static const char *const packed[] = { ".gz", ".xz", ".zst", ".bz2", ".lz4", ".old" };

	for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++)
		if (cul_ends(name, cul_str(packed[i])))
			name.size -= strlen(packed[i]);
	size_t n = name.size;
	while (n && ((name.data[n - 1] >= '0' && name.data[n - 1] <= '9') || name.data[n - 1] == '-' || name.data[n - 1] == 'T'))
		n--;
	size_t digits = name.size - n;
	if (n > 1 && name.data[n - 1] == '.' && digits && digits <= 3) /* .1 */
		return cul_slice(name.data, n - 1);
	if (digits >= 7 && n && (name.data[n] == '-' || name.data[n - 1] == '.' || name.data[n - 1] == '_')) /* -20251118, .2025-11-18 */
		return cul_slice(name.data, name.data[n] == '-' ? n : n - 1);
	return name;
}

struct named { struct cul_slice name, log; int member; };

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = cul_compare(x->name, y->name);
	return order ? order : x->member - y->member;
}

static int by_log(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = cul_compare(x->log, y->log);
	return order ? order : x->member - y->member;
}

/* Which members are one log, and the order of their names; once for all rules. */
static bool make_logs(struct cul_judge *j)
{
	if (j->logs)
		return true;
	size_t n = j->source_count;
	struct named *names = get(j, n, sizeof(*names));
	int *logs = cul_arena_get(j->arena, (n + 1) * sizeof(*logs)), *order = cul_arena_get(j->arena, (n + 1) * sizeof(*order));
	if (!names || !logs || !order) {
		j->status = CUL_ENOMEM;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		struct cul_slice name = cul_str(cul_case_source_name(j->c, (int)i));
		names[i] = (struct named){ name, log_name(name), (int)i };
	}
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++)
		order[names[i].member] = (int)i;
	qsort(names, n, sizeof(*names), by_log);
	for (size_t i = 0, log = 0; i < n; i++) {
		if (i && !cul_is(names[i].log, names[i - 1].log))
			log = i;
		logs[names[i].member] = (int)log;
	}
	j->logs = logs;
	j->log_order = order;
	return true;
}

/* Is the member one that @source names? No table, or none for that source: every log. */
static bool admits(const struct cul_judge *j, const char *source, int member)
{
	const struct cul_cre_source *known = NULL;

	for (size_t i = 0; source && i < j->rules->source_count && !known; i++)
		if (!strcmp(j->rules->sources[i].name, source))
			known = &j->rules->sources[i];
	if (!known || member < 0 || (size_t)member >= j->source_count)
		return true;
	const char *name = cul_case_source_name(j->c, member), *base = strrchr(name, '/');
	for (size_t i = 0; i < known->glob_count; i++) {
		const char *glob = known->globs[i];
		while (*glob == '/')
			glob++;
		char tail[1024];
		snprintf(tail, sizeof(tail), "*[/!]%s", glob);
		if (!fnmatch(glob, name, 0) || (base && !fnmatch(glob, base + 1, 0)) || !fnmatch(tail, name, 0))
			return true;
	}
	return false;
}

static bool mapped(const struct cul_judge *j, const char *source)
{
	for (size_t i = 0; source && i < j->rules->source_count; i++)
		if (!strcmp(j->rules->sources[i].name, source))
			return true;
	return false;
}

/* ---- events of one part ------------------------------------------------------------------------- */

static int by_place(const void *pa, const void *pb)
{
	const struct cul_cre_event *a = pa, *b = pb;
	int keys = a->key && b->key ? strcmp(a->key, b->key) : 0;

	if (keys)
		return keys;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return a->term < b->term ? -1 : a->term > b->term;
}

static char *field_of(struct cul_judge *j, const struct cul_row *row, const char *field)
{
	char *found = cul_line_field(row->text, field), *out = NULL;

	if (found)
		out = cul_arena_copy(j->scratch, cul_str(found));
	else if ((!strcmp(field, "hostname") || !strcmp(field, "host") || !strcmp(field, "node")) && row->host >= 0 &&
		 (size_t)row->host < j->host_count)
		out = cul_arena_copy(j->scratch, cul_str(j->hosts[row->host].name));
	else if (row->unit)
		out = cul_arena_copy(j->scratch, cul_str(row->unit));
	free(found);
	return out;
}

/* The values of all correlated fields, or NULL when one is not there. */
static const char *key_of(struct stream *s, const struct cul_cre_part *p, const struct cul_cre_event *e)
{
	const char *all = "";

	for (size_t i = 0; i < p->correlation_count; i++) {
		const char *value = NULL;
		size_t rows = e->nested ? e->nested->count : 1;
		for (size_t k = 0; k < rows && !value; k++)
			value = field_of(s->judge, e->nested ? e->nested->rows[k] : e->row, p->correlations[i]);
		if (!value || !(all = cul_arena_printf(s->judge->scratch, "%s%s\x1f", all, value)))
			return NULL;
	}
	return all;
}

static const struct firing *const *run_part(struct stream *s, const struct cul_cre_part *p, int depth, size_t *count);

struct events { struct cul_cre_event *items; size_t count, room; };

static void push(struct stream *s, struct events *list, const struct cul_cre_part *p, struct cul_cre_event e)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		struct cul_cre_event *larger = get(s->judge, room, sizeof(*larger));
		if (!larger)
			return;
		if (list->count)
			memcpy(larger, list->items, list->count * sizeof(*larger));
		list->items = larger;
		list->room = room;
	}
	e.key = NULL;
	if (p->correlation_count && !(e.key = key_of(s, p, &e)))
		return;
	list->items[list->count++] = e;
}

static void add_events(struct stream *s, const struct cul_cre_part *p, const struct cul_cre_term *t, int number, struct events *list, int depth)
{
	int base = (int)(s->judge->only ? 0 : s->rule->interest);

	if (t->nested) {
		size_t count;
		const struct firing *const *found = run_part(s, t->nested, depth + 1, &count);
		for (size_t i = 0; i < count; i++)
			push(s, list, p, (struct cul_cre_event){ .time = found[i]->last, .place = found[i]->place, .nested = found[i], .term = number });
		return;
	}
	for (size_t i = 0; i < s->count; i++)
		if (s->rows[i]->interest == base + t->interest && admits(s->judge, p->source, s->rows[i]->member))
			push(s, list, p, (struct cul_cre_event){ .time = s->times[i], .place = s->places[i], .row = s->rows[i], .term = number });
}

/* ---- the machines --------------------------------------------------------------------------------- */

static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? (b > 0 ? INT64_MAX : INT64_MIN) : sum;
}

static bool any_from(const struct cul_cre_event *const *list, size_t count, int64_t from, int64_t to)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (list[mid]->time < from)
			low = mid + 1;
		else
			high = mid;
	}
	return low < count && list[low]->time <= to;
}

static int by_time(const void *pa, const void *pb)
{
	const struct cul_cre_event *a = *(const struct cul_cre_event *const *)pa, *b = *(const struct cul_cre_event *const *)pb;
	return by_place(a, b);
}

/* The entries at the heads: in the terms' order, of a set by time. */
static void choose(struct machine *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->part->count; i++)
		for (size_t k = 0; k < m->part->terms[i].need; k++)
			m->chosen[n++] = m->queues[i].items[m->queues[i].head + k];
	if (!m->part->sequence && m->part->negate_count)
		qsort(m->chosen, n, sizeof(*m->chosen), by_time);
}

/* The candidate's entry that a negative term costs it, or NULL. *@wait: a window that reaches to @now or beyond leaves it open. */
static const struct cul_cre_event *refused(const struct machine *m, int64_t first, int64_t last, int64_t now, bool *wait)
{
	const struct cul_cre_part *p = m->part;

	*wait = false;
	for (size_t i = 0; i < p->negate_count; i++) {
		const struct cul_cre_term *t = &p->negate[i];
		int64_t start = plus(m->chosen[t->anchor]->time, t->slide), width = plus(t->window, t->absolute ? 0 : last - first);
		int64_t stop = width > 0 ? plus(start, width) : start;
		if (any_from(m->negative[i], m->negative_count[i], start, stop < now ? stop : now))
			return m->chosen[t->anchor];
		if (stop >= now && now != INT64_MAX) {
			*wait = true;
			return NULL;
		}
	}
	return NULL;
}

/* Take @e out of the queue it heads, or nearly so. */
static void drop(struct machine *m, const struct cul_cre_event *e)
{
	for (size_t i = 0; i < m->part->count; i++) {
		struct queue *q = &m->queues[i];
		for (size_t k = q->head; e->term == (int)i && k < q->count; k++) {
			if (q->items[k] != e)
				continue;
			memmove(q->items + q->head + 1, q->items + q->head, (k - q->head) * sizeof(*q->items));
			q->head++;
			return;
		}
	}
}

static void add_row(struct firing *f, const struct cul_row *row)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->rows[i] == row || (f->rows[i]->member == row->member && f->rows[i]->line == row->line && f->rows[i]->offset == row->offset))
			return;
	if (f->count < FIRING_ROWS)
		f->rows[f->count++] = row;
}

static void fire(struct machine *m, int64_t first, int64_t last)
{
	struct cul_judge *j = m->stream->judge;
	const struct cul_cre_part *p = m->part;
	struct firing *f = get(j, 1, sizeof(*f));
	size_t want = 0;

	choose(m);
	for (size_t i = 0; i < p->need && want < FIRING_ROWS; i++)
		want += m->chosen[i]->nested ? m->chosen[i]->nested->count : 1;
	if (m->count == m->room) {
		size_t room = m->room ? 2 * m->room : 16;
		struct firing **larger = get(j, room, sizeof(*larger));
		if (larger && m->count)
			memcpy(larger, m->firings, m->count * sizeof(*larger));
		m->firings = larger;
		m->room = larger ? room : 0;
	}
	if (!f || !m->firings || !(f->rows = get(j, want < FIRING_ROWS ? want : FIRING_ROWS, sizeof(*f->rows))))
		return;
	f->first = first;
	f->last = last;
	for (int pass = 0; pass < 2; pass++) /* the blamed part first */
		for (size_t i = 0; i < p->need; i++) {
			const struct cul_cre_event *e = m->chosen[i];
			bool blamed = e->nested && p->terms[e->term].nested && p->terms[e->term].nested->origin;
			f->place = e->place > f->place ? e->place : f->place;
			for (size_t k = 0; blamed == !pass && k < (e->nested ? e->nested->count : 1); k++)
				add_row(f, e->nested ? e->nested->rows[k] : e->row);
		}
	for (size_t i = 0; i < p->count; i++)
		m->queues[i].head += p->terms[i].need;
	m->firings[m->count++] = f;
}

static void run_set(struct machine *m, const struct cul_cre_event *events, size_t count)
{
	const struct cul_cre_part *p = m->part;

	for (size_t i = 0; i < count && m->stream->judge->status == CUL_OK;) {
		size_t place = events[i].place;
		for (; i < count && events[i].place == place; i++)
			if (events[i].term >= 0)
				m->queues[events[i].term].items[m->queues[events[i].term].count++] = &events[i];
		for (;;) {
			const struct cul_cre_event *oldest = NULL;
			int64_t first = INT64_MAX, last = INT64_MIN;
			size_t t = 0;
			for (; t < p->count && m->queues[t].count - m->queues[t].head >= p->terms[t].need; t++) {
				const struct cul_cre_event *a = m->queues[t].items[m->queues[t].head],
							   *b = m->queues[t].items[m->queues[t].head + p->terms[t].need - 1];
				if (a->time < first) {
					first = a->time;
					oldest = a;
				}
				last = b->time > last ? b->time : last;
			}
			if (t < p->count || m->stream->judge->status != CUL_OK)
				break;
			if (p->need > 1 && last - first > p->window) {
				drop(m, oldest);
				continue;
			}
			const struct cul_cre_event *lost = NULL;
			bool wait;
			if (p->negate_count) {
				choose(m);
				lost = refused(m, first, last, INT64_MAX, &wait);
			}
			if (lost)
				drop(m, lost);
			else
				fire(m, first, last);
		}
	}
}

/*
 * What is remembered stays in order: an entry older than the first one of the term before is of no use any more, and without
 * that no later one is. Equal times are in order, and so is one line that two terms match.
 */
static void put_in_order(struct machine *m)
{
	int64_t before = INT64_MIN;
	size_t reached = m->active;
	bool lacks = false;

	m->active = 0;
	for (size_t i = 0; i < m->part->count; i++) {
		struct queue *q = &m->queues[i];
		if (i && i >= reached)
			break;
		if (lacks)
			q->head = q->count;
		while (q->head < q->count && q->items[q->head]->time < before)
			q->head++;
		if (q->head < q->count)
			before = q->items[q->head]->time;
		lacks = lacks || q->count - q->head < m->part->terms[i].need;
		m->active += !lacks;
	}
	if (m->queues[0].head == m->queues[0].count)
		for (size_t i = 1; i < m->part->count; i++)
			m->queues[i].head = m->queues[i].count;
}

/* Decide on what is complete at the time @now. */
static void settle(struct machine *m, int64_t now)
{
	const struct cul_cre_part *p = m->part;

	while (m->active == p->count && m->stream->judge->status == CUL_OK) {
		bool wait = false;
		choose(m);
		int64_t from = m->chosen[0]->time, to = m->chosen[p->need - 1]->time;
		const struct cul_cre_event *lost = to - from > p->window ? m->chosen[0] : refused(m, from, to, now, &wait);
		if (wait)
			return;
		if (lost)
			drop(m, lost);
		else
			fire(m, from, to);
		put_in_order(m);
	}
}

/*
 * As long as the window of a negative term is open, nothing is decided, and entries are remembered for all terms; and what could
 * begin a sequence is kept for as long as such a window may reach.
 */
static void run_sequence(struct machine *m, const struct cul_cre_event *events, size_t count)
{
	const struct cul_cre_part *p = m->part;
	struct queue *first = &m->queues[0];
	int64_t kept = p->window;

	for (size_t i = 0; i < p->negate_count; i++) {
		int64_t reach = plus(plus(p->window, p->negate[i].window), p->negate[i].slide);
		kept = reach > kept ? reach : kept;
	}
	for (size_t i = 0; i < count && m->stream->judge->status == CUL_OK;) {
		size_t place = events[i].place, active, head;
		int64_t now = events[i].time;
		settle(m, now);
		head = first->head;
		while (m->active < p->count && first->head < first->count && first->items[first->head]->time < plus(now, -kept))
			first->head++;
		if (first->head != head)
			put_in_order(m);
		active = m->active;
		for (; i < count && events[i].place == place; i++) {
			if (events[i].term < 0 || (size_t)events[i].term > active)
				continue;
			struct queue *q = &m->queues[events[i].term];
			q->items[q->count++] = &events[i];
			if ((size_t)events[i].term == active && q->count - q->head >= p->terms[active].need)
				m->active = active + 1;
		}
		settle(m, now);
	}
	settle(m, INT64_MAX);
}

/* One stretch of events with equal keys. */
static void run_machine(struct machine *m, const struct cul_cre_event *events, size_t count)
{
	struct cul_judge *j = m->stream->judge;
	const struct cul_cre_part *p = m->part;
	size_t each[CUL_CRE_TERMS] = { 0 }, negative[CUL_CRE_TERMS] = { 0 };

	for (size_t i = 0; i < count; i++)
		(events[i].term >= 0 ? &each[events[i].term] : &negative[-1 - events[i].term])[0]++;
	for (size_t i = 0; i < p->count; i++)
		if (each[i] < p->terms[i].need)
			return;
	m->active = 0;
	m->queues = get(j, p->count, sizeof(*m->queues));
	if (!m->queues)
		return;
	for (size_t i = 0; i < p->count; i++)
		if (!(m->queues[i].items = get(j, each[i], sizeof(*m->queues[i].items))))
			return;
	for (size_t i = 0; i < p->negate_count; i++) {
		m->negative_count[i] = 0;
		if (!(m->negative[i] = get(j, negative[i], sizeof(*m->negative[i]))))
			return;
	}
	for (size_t i = 0; i < count; i++)
		if (events[i].term < 0)
			m->negative[-1 - events[i].term][m->negative_count[-1 - events[i].term]++] = &events[i];
	if (p->sequence)
		run_sequence(m, events, count);
	else
		run_set(m, events, count);
}

static const struct firing *const *run_part(struct stream *s, const struct cul_cre_part *p, int depth, size_t *count)
{
	struct machine m = { .stream = s, .part = p };
	struct events list = { 0 };

	*count = 0;
	if (depth > DEPTH || s->judge->status != CUL_OK)
		return NULL;
	for (size_t i = 0; i < p->count; i++) {
		size_t before = list.count;
		add_events(s, p, &p->terms[i], (int)i, &list, depth);
		if (list.count - before < p->terms[i].need)
			return NULL;
	}
	for (size_t i = 0; i < p->negate_count; i++)
		add_events(s, p, &p->negate[i], -1 - (int)i, &list, depth);
	m.chosen = get(s->judge, p->need, sizeof(*m.chosen));
	if (!m.chosen || !list.count)
		return NULL;
	qsort(list.items, list.count, sizeof(*list.items), by_place);
	for (size_t from = 0, to; from < list.count; from = to) {
		to = from + 1;
		while (to < list.count && (!list.items[from].key || !strcmp(list.items[from].key, list.items[to].key)))
			to++;
		run_machine(&m, list.items + from, to - from);
	}
	*count = m.count;
	return (const struct firing *const *)m.firings;
}

/* ---- streams ---------------------------------------------------------------------------------------- */

/* Where the entry begins that the row's line belongs to: lines without a time of their own go with the one above that has one. */
static int64_t entry_of(const struct cul_row *row)
{
	struct cul_value v = cul_row_value(row, CUL_LIT("entry"));
	return v.type == CUL_INT ? v.i : row->offset;
}

struct sorted { const struct cul_row *row; int64_t time; int stream, member; };

static int by_stream(const void *pa, const void *pb)
{
	const struct sorted *a = pa, *b = pb;

	if (a->stream != b->stream)
		return a->stream - b->stream;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->member != b->member)
		return a->member - b->member;
	if (a->row->line != b->row->line)
		return a->row->line < b->row->line ? -1 : 1;
	if (a->row->offset != b->row->offset)
		return a->row->offset < b->row->offset ? -1 : 1;
	return a->row->interest - b->row->interest;
}

/* A line before the first one with a time is before all; in a log of seconds since boot: those. */
static int64_t time_of(const struct cul_row *row, bool timed)
{
	if (row->time_ns != CUL_NO_TIME)
		return row->time_ns;
	if (!timed)
		return row->boot_ns != CUL_NO_TIME ? row->boot_ns : 0;
	return INT64_MIN / 4;
}

/* ---- findings ----------------------------------------------------------------------------------------- */

struct found {
	int host;
	int64_t firings;
	struct cul_evidence *lines; size_t line_count;
	int64_t first, last;
	const struct cul_row *began;
	bool untimed, capped;
};

static const char *term_name(const struct cul_cre_part *p, int interest)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->terms[i].interest == interest)
			return p->terms[i].name;
		const char *inner = p->terms[i].nested ? term_name(p->terms[i].nested, interest) : NULL;
		if (inner)
			return inner;
	}
	return NULL;
}

static void add_fact(struct cul_judge *j, struct cul_fact *facts, size_t *count, const char *name, struct cul_value v)
{
	struct cul_value *value = cul_arena_get(j->arena, sizeof(*value));

	if (!value || (v.type == CUL_TEXT && !v.s.size))
		return;
	*value = v;
	facts[(*count)++] = (struct cul_fact){ .name = name, .values = value, .count = 1 };
}

static struct cul_value text_value(const char *text)
{
	return (struct cul_value){ .type = CUL_TEXT, .s = cul_str(text) };
}

static void fill_texts(struct cul_judge *j, const struct cul_cre *cre, struct cul_finding *f)
{
	struct cul_remedy *remedy = cul_arena_get(j->arena, (cre->step_count + 1) * sizeof(*remedy));

	f->title = cre->title;
	f->summary = cre->summary;
	for (size_t i = 0; remedy && i < cre->step_count; i++)
		remedy[i] = (struct cul_remedy){ .what = cre->steps[i], .needs = "none" };
	f->remedy = remedy;
	f->remedy_count = remedy ? cre->step_count : 0;
	f->references = cre->references;
	f->reference_count = cre->reference_count;
}

static struct cul_scored *score(struct cul_judge *j, const struct cul_rule *rule, const struct found *found)
{
	const struct cul_cre *cre = rule->cre;
	const struct cul_host *host = found->host >= 0 && (size_t)found->host < j->host_count ? &j->hosts[found->host] : NULL;
	struct cul_scored *s = cul_arena_get(j->arena, sizeof(*s));
	struct cul_summand *sum = cul_arena_get(j->arena, sizeof(*sum));
	struct cul_fact *facts = cul_arena_get(j->arena, 8 * sizeof(*facts)), *entities = cul_arena_get(j->arena, 2 * sizeof(*entities));
	bool zh = cul_is_zh(j->lang);
	char text[32];

	if (!s || !sum || !facts || !entities) {
		j->status = CUL_ENOMEM;
		return NULL;
	}
	struct cul_finding *f = &s->f;
	double odds = log(cre->certainty / (1 - cre->certainty));
	if (found->untimed && cre->root->need > 1)
		odds = odds > 0 ? odds / 2 : odds * 1.5;
	s->rule = rule;
	s->parent = -1;
	s->boot = found->began->boot;
	s->uncertainty_ns = found->began->uncertainty_ns;
	s->since_boot_ns = found->began->boot_ns;
	f->cause = rule->id;
	f->severity = rule->severity;
	f->act = rule->act;
	f->certainty = s->strength = cul_calibration_map(&j->rules->calibration, odds);
	*sum = (struct cul_summand){ .term = "rule", .points = odds, .state = CUL_TRUE,
		.class_name = cul_class_names[cre->certainty >= 0.88 ? CUL_STRONG : cre->certainty >= 0.65 ? CUL_LIKELY : CUL_HINT],
		.why = !found->untimed || cre->root->need == 1 ? NULL :
		       zh ? "证据行没有时间，是否在窗口内不明" : "no line carries a time, so the window is open" };
	f->summands = sum;
	f->summand_count = 1;
	f->host = found->host;
	f->count = found->firings;
	f->at_least = found->capped;
	f->first_ns = f->onset_ns = found->first;
	f->last_ns = found->last;
	f->ongoing = CUL_UNKNOWN;
	if (host && host->capture_ns != CUL_NO_TIME && f->last_ns != CUL_NO_TIME && f->last_ns >= host->capture_ns - ONGOING_NS)
		f->ongoing = CUL_TRUE;
	f->evidence = found->lines;
	f->evidence_count = found->line_count;
	fill_texts(j, cre, f);
	f->facts = facts;
	f->entities = entities;
	add_fact(j, facts, &f->fact_count, "firings", (struct cul_value){ .type = CUL_INT, .i = found->firings });
	if (f->first_ns != CUL_NO_TIME && *cul_clock_print(f->first_ns, text)) {
		text[19] = 0;
		const char *copy = cul_arena_copy(j->arena, cul_str(text));
		add_fact(j, facts, &f->fact_count, "first_event", text_value(copy));
	}
	add_fact(j, facts, &f->fact_count, "cre", text_value(cre->name));
	add_fact(j, facts, &f->fact_count, "cre_cause", text_value(cre->cause));
	add_fact(j, facts, &f->fact_count, "impact", text_value(cre->impact));
	add_fact(j, facts, &f->fact_count, "category", text_value(cre->category));
	if (host)
		add_fact(j, entities, &f->entity_count, "host", text_value(host->name));
	return s;
}

static void keep_firing(struct cul_judge *j, const struct cul_rule *rule, const struct firing *f, struct found *all, size_t *count, bool untimed)
{
	int base = (int)(j->only ? 0 : rule->interest), host = -1;
	struct found *to = NULL;

	for (size_t i = 0; i < f->count && host < 0; i++)
		host = f->rows[i]->host;
	for (size_t i = 0; i < *count && !to; i++)
		to = all[i].host == host ? &all[i] : NULL;
	if (!to) {
		if (*count == CUL_PARTS)
			return;
		to = &all[*count];
		*to = (struct found){ .host = host, .first = CUL_NO_TIME, .last = CUL_NO_TIME, .untimed = true,
				      .lines = cul_arena_get(j->arena, CUL_EVIDENCE * sizeof(*to->lines)) };
		if (!to->lines) {
			j->status = CUL_ENOMEM;
			return;
		}
		++*count;
	}
	to->firings++;
	to->untimed &= untimed;
	for (size_t i = 0; i < f->count; i++) {
		const struct cul_row *row = f->rows[i];
		if (!to->began || (row->time_ns != CUL_NO_TIME && (to->first == CUL_NO_TIME || row->time_ns < to->first)))
			to->began = row;
		if (row->time_ns != CUL_NO_TIME && (to->first == CUL_NO_TIME || row->time_ns < to->first))
			to->first = row->time_ns;
		if (row->time_ns != CUL_NO_TIME && (to->last == CUL_NO_TIME || row->time_ns > to->last))
			to->last = row->time_ns;
		bool twice = to->line_count == CUL_EVIDENCE;
		for (size_t k = 0; k < to->line_count && !twice; k++)
			twice = to->lines[k].row->line == row->line && to->lines[k].row->member == row->member;
		if (!twice) {
			const char *name = term_name(rule->cre->root, row->interest - base);
			to->lines[to->line_count++] = (struct cul_evidence){ .role = CUL_MUST, .term = name ? name : "match", .row = row };
		}
	}
}

void cul_cre_match(struct cul_judge *j, const struct cul_rule *rule, void (*add)(void *ctx, struct cul_scored *scored), void *ctx)
{
	const struct cul_cre *cre = rule->cre;
	size_t total = 0, n = 0, found_count = 0;
	bool capped = false;
	const struct cul_row *const *lists;
	size_t count, base = j->only ? 0 : rule->interest;

	if (!j->record || !make_logs(j))
		return;
	for (size_t i = 0; i < rule->interest_count; i++) {
		enum cul_status status = cul_case_rows(j->c, j->record, (int)(base + i), &lists, &count, j->err);
		if (status != CUL_OK) {
			j->status = status;
			return;
		}
		total += count;
		capped |= count >= MANY;
	}
	if (!total)
		return;
	struct sorted *rows = get(j, total, sizeof(*rows));
	struct found *found = get(j, CUL_PARTS, sizeof(*found));
	struct stream s = { .judge = j, .rule = rule, .rows = get(j, total, sizeof(*s.rows)), .times = get(j, total, sizeof(*s.times)),
			    .places = get(j, total, sizeof(*s.places)) };
	uint8_t *timed = get(j, j->source_count + j->host_count + 1, 1);
	if (!rows || !found || !s.rows || !s.times || !s.places || !timed)
		return;
	bool by_host = cre->several || mapped(j, cre->root->source);
	for (size_t i = 0; i < rule->interest_count; i++) {
		if (cul_case_rows(j->c, j->record, (int)(base + i), &lists, &count, j->err) != CUL_OK)
			return;
		for (size_t k = 0; k < count; k++) {
			const struct cul_row *row = lists[k];
			bool known = row->member >= 0 && (size_t)row->member < j->source_count;
			rows[n] = (struct sorted){ .row = row, .member = known ? j->log_order[row->member] : INT_MAX,
						   .stream = by_host ? row->host + 1 : known ? j->logs[row->member] + 1 : 0 };
			timed[rows[n].stream] |= row->time_ns != CUL_NO_TIME;
			n++;
		}
	}
	for (size_t i = 0; i < n; i++)
		rows[i].time = time_of(rows[i].row, timed[rows[i].stream]);
	qsort(rows, n, sizeof(*rows), by_stream);
	for (size_t from = 0, to; from < n && j->status == CUL_OK; from = to) {
		s.count = 0;
		s.untimed = !timed[rows[from].stream] && rows[from].row->boot_ns == CUL_NO_TIME;
		for (to = from; to < n && rows[to].stream == rows[from].stream; to++) {
			const struct cul_row *row = rows[to].row;
			bool same = to > from && rows[to].member == rows[to - 1].member && rows[to].time == rows[to - 1].time &&
				    entry_of(row) == entry_of(rows[to - 1].row), twice = false;
			for (size_t k = s.count; same && k-- && s.places[k] == s.places[s.count - 1] && !twice;)
				twice = s.rows[k]->interest == row->interest;
			if (twice) /* one entry counts once for a term, however many of its lines match */
				continue;
			s.rows[s.count] = row;
			s.times[s.count] = rows[to].time;
			s.places[s.count] = s.count ? s.places[s.count - 1] + !same : 0;
			s.count++;
		}
		const struct firing *const *firings = run_part(&s, cre->root, 0, &count);
		for (size_t i = 0; i < count && j->status == CUL_OK; i++)
			keep_firing(j, rule, firings[i], found, &found_count, s.untimed);
	}
	for (size_t i = 0; i < found_count && j->status == CUL_OK; i++) {
		found[i].capped = capped;
		struct cul_scored *scored = score(j, rule, &found[i]);
		if (scored)
			add(ctx, scored);
	}
}
