/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Terms are sets: for each part of a rule (host, GPU, …) each term's rows by kind, condition and window; musts that are
 * joined lose rows without a partner, in both directions; then need, and present, absent or unknown.
 */
#include "rules/match.h"

#include <stdlib.h>

#include "base/pattern.h"

/* ---- rows of a term ------------------------------------------------------------------------- */

static int by_place(const void *pa, const void *pb)
{
	const struct cul_row *a = *(const struct cul_row *const *)pa, *b = *(const struct cul_row *const *)pb;
	bool untimed_a = a->time_ns == CUL_NO_TIME, untimed_b = b->time_ns == CUL_NO_TIME;

	if (untimed_a != untimed_b)
		return untimed_a - untimed_b;
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	if (a->host != b->host)
		return a->host < b->host ? -1 : 1;
	if (a->member != b->member)
		return a->member < b->member ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static const struct cul_row *const *fail(struct cul_judge *j, enum cul_status status, size_t *count)
{
	if (j->status == CUL_OK)
		j->status = status;
	*count = 0;
	return NULL;
}

struct sql_rows {
	struct cul_judge *judge;
	struct cul_kind *kind;
	const struct cul_row **rows;
	size_t count, room;
};

/* A query's columns are the fields; "line", "member", "host", "time_ns" also say where the row stands. */
static bool sql_row(void *ctx, int64_t number, int columns, const char *const *texts)
{
	struct sql_rows *s = ctx;
	struct cul_arena *arena = s->judge->scratch;

	if (!number) {
		const struct cul_field **fields = cul_arena_get(arena, ((size_t)columns + 1) * sizeof(*fields));
		s->kind = cul_arena_get(arena, sizeof(*s->kind));
		for (int i = 0; fields && i < columns; i++) {
			struct cul_field *f = cul_arena_get(arena, sizeof(*f));
			if (!f)
				return false;
			const struct cul_field *known = cul_field_find(cul_str(texts[i]));
			*f = known ? *known : (struct cul_field){ .name = cul_arena_copy(arena, cul_str(texts[i])), .unit = "", .about = "" };
			fields[i] = f;
		}
		if (s->kind)
			*s->kind = (struct cul_kind){ .name = "sql", .stream = "log", .fields = fields };
		return fields && s->kind;
	}
	struct cul_row *row = cul_arena_get(arena, sizeof(*row));
	struct cul_value *values = cul_arena_get(arena, (size_t)columns * sizeof(*values));
	if (!row || !values || !s->kind || s->count == 10000)
		return false;
	*row = (struct cul_row){ .kind = s->kind, .id = number, .interest = -1, .member = -1, .section = -1, .time_ns = CUL_NO_TIME,
				 .last_ns = CUL_NO_TIME, .onset_ns = CUL_NO_TIME, .boot_ns = CUL_NO_TIME, .n = 1, .host = -1, .boot = -1,
				 .severity = -1, .values = values, .count = (size_t)columns };
	for (int i = 0; i < columns; i++) {
		struct cul_value *v = &values[i];
		struct cul_slice t = cul_str(texts[i]);
		int64_t whole;
		v->field = s->kind->fields[i];
		if (!texts[i])
			continue;
		if (cul_to_int(t, &v->i))
			v->type = CUL_INT;
		else if (cul_to_real(t, &v->r))
			v->type = CUL_REAL;
		else if ((v->s = cul_str(cul_arena_copy(arena, t))).data)
			v->type = CUL_TEXT;
		whole = v->type == CUL_INT ? v->i : -1;
		if (!strcmp(v->field->name, "line") && whole > 0)
			row->line = whole;
		else if (!strcmp(v->field->name, "member") && whole >= 0 && whole < INT32_MAX)
			row->member = (int)whole;
		else if (!strcmp(v->field->name, "host") && whole >= 0 && (size_t)whole < s->judge->host_count)
			row->host = (int)whole;
		else if (!strcmp(v->field->name, "time_ns") && v->type == CUL_INT)
			row->time_ns = row->last_ns = row->onset_ns = v->i;
	}
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		const struct cul_row **larger = cul_arena_get(arena, room * sizeof(*larger));
		if (!larger)
			return false;
		if (s->count)
			memcpy(larger, s->rows, s->count * sizeof(*larger));
		s->rows = larger;
		s->room = room;
	}
	s->rows[s->count++] = row;
	return true;
}

static bool of_unit(const struct cul_row *row, const char *unit)
{
	return !unit || !row->unit || cul_find_nocase(cul_str(row->unit), cul_str(unit)) != SIZE_MAX;
}

size_t cul_match_base(struct cul_judge *j, const struct cul_rule *rule, const struct cul_term *t, const struct cul_row *const **ret)
{
	const struct cul_row *const *found = NULL, *const *lists[64];
	size_t count = 0, counts[64], lists_count = 0, total = 0;
	enum cul_status status = CUL_OK;

	*ret = NULL;
	if (t->sql) {
		struct sql_rows s = { .judge = j };
		if (cul_case_sql(j->c, t->sql, sql_row, &s, NULL) != CUL_OK)
			return 0;
		*ret = s.rows;
		return s.count;
	}
	for (size_t k = 0; k < t->kind_count + t->interest_count && lists_count < 64; k++) {
		if (k < t->kind_count)
			status = cul_case_rows(j->c, t->kinds[k], -1, &found, &count, j->err);
		else if (j->record)
			status = cul_case_rows(j->c, j->record, (int)((j->only ? 0 : rule->interest) + t->interest + k - t->kind_count), &found,
					       &count, j->err);
		if (status != CUL_OK) {
			fail(j, status, &count);
			return 0;
		}
		if (!count)
			continue;
		lists[lists_count] = found;
		counts[lists_count++] = count;
		total += count;
	}
	if (!lists_count)
		return 0;
	if (lists_count == 1 && !t->unit) {
		*ret = lists[0];
		return counts[0];
	}
	const struct cul_row **all = cul_arena_get(j->scratch, total * sizeof(*all));
	if (!all) {
		fail(j, CUL_ENOMEM, &count);
		return 0;
	}
	size_t n = 0;
	for (size_t k = 0; k < lists_count; k++)
		for (size_t i = 0; i < counts[k]; i++)
			if (of_unit(lists[k][i], t->unit))
				all[n++] = lists[k][i];
	if (lists_count > 1) {
		qsort(all, n, sizeof(*all), by_place);
		size_t kept = 0; /* a line that two patterns of one term confirm is one */
		for (size_t i = 0; i < n; i++)
			if (!kept || !t->interest_count || all[i]->line != all[kept - 1]->line || all[i]->member != all[kept - 1]->member)
				all[kept++] = all[i];
		n = kept;
	}
	*ret = all;
	return n;
}

/* ---- coverage ------------------------------------------------------------------------------- */

const char *cul_term_stream(const struct cul_term *t)
{
	if (t->stream)
		return t->stream;
	return t->kind_count ? t->kinds[0]->stream : t->interest_count ? "log" : NULL;
}

enum cul_truth cul_term_covered(struct cul_judge *j, const struct cul_term *t, int host, int64_t from, int64_t to, const char **missing)
{
	size_t count = t->stream || !t->kind_count ? 1 : t->kind_count;
	enum cul_truth all = CUL_TRUE;

	*missing = NULL;
	if (t->kind_missing)
		return CUL_FALSE;
	for (size_t i = 0; i < count; i++) {
		const char *stream = t->stream ? t->stream : t->kind_count ? t->kinds[i]->stream : cul_term_stream(t);
		if (!stream)
			return CUL_UNKNOWN;
		enum cul_truth here = cul_case_covers(j->c, stream, host, from, to);
		if (here == CUL_TRUE)
			continue;
		if (!*missing)
			*missing = stream;
		if (all == CUL_TRUE || here == CUL_FALSE)
			all = here;
	}
	return all;
}

const char cul_rescan[] = "rescan";

bool cul_term_looked(const struct cul_judge *j, const struct cul_rule *r, const struct cul_term *t)
{
	for (size_t k = 0; k < t->interest_count; k++)
		if (!cul_case_looked_for(j->c, (int)((j->only ? 0 : r->interest) + t->interest + k)))
			return false;
	return true;
}

/* ---- parts ---------------------------------------------------------------------------------- */

struct parts {
	struct cul_part items[CUL_PARTS * 4];
	size_t rows[CUL_PARTS * 4];
	size_t count;
};

static bool same_val(struct cul_val a, struct cul_val b)
{
	bool known;
	if (a.type == CUL_V_UNKNOWN || b.type == CUL_V_UNKNOWN)
		return a.type == b.type;
	return !cul_val_compare(a, b, &known) && known;
}

static bool same_gpu(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static struct cul_part part_of(struct cul_match *m, const struct cul_row *row)
{
	const struct cul_rule *r = m->rule;
	struct cul_part p = { .host = r->per_job ? -1 : row->host, .gpu = r->per_gpu ? row->gpu : NULL };

	for (size_t i = 0; i < r->per_count; i++)
		p.keys[i] = cul_row_val(m, row, cul_str(r->per[i]));
	return p;
}

static bool same_part(const struct cul_rule *r, const struct cul_part *a, const struct cul_part *b)
{
	if (a->host != b->host || !same_gpu(a->gpu, b->gpu))
		return false;
	for (size_t i = 0; i < r->per_count; i++)
		if (!same_val(a->keys[i], b->keys[i]))
			return false;
	return true;
}

/** Does @a leave open what @b says, and contradict nothing? */
static bool vaguer(const struct cul_rule *r, const struct cul_part *a, const struct cul_part *b)
{
	bool less = false;

	if (a->host != b->host) {
		if (a->host != -1)
			return false;
		less = true;
	}
	if (!same_gpu(a->gpu, b->gpu)) {
		if (a->gpu)
			return false;
		less = true;
	}
	for (size_t i = 0; i < r->per_count; i++) {
		if (same_val(a->keys[i], b->keys[i]))
			continue;
		if (a->keys[i].type != CUL_V_UNKNOWN)
			return false;
		less = true;
	}
	return less;
}

static void add_parts(struct cul_match *m, const struct cul_row *const *rows, size_t count, struct parts *parts)
{
	size_t last = 0;

	for (size_t i = 0; i < count; i++) {
		struct cul_part p = part_of(m, rows[i]);
		if (parts->count && same_part(m->rule, &parts->items[last], &p)) {
			parts->rows[last]++;
			continue;
		}
		size_t k = 0;
		while (k < parts->count && !same_part(m->rule, &parts->items[k], &p))
			k++;
		if (k == parts->count) {
			if (k == sizeof(parts->items) / sizeof(*parts->items))
				continue;
			parts->items[parts->count++] = p;
			parts->rows[k] = 0;
		}
		parts->rows[k]++;
		last = k;
	}
}

static void prune_parts(const struct cul_rule *r, struct parts *parts)
{
	bool drop[CUL_PARTS * 4] = { false };
	size_t n = 0;

	for (size_t i = 0; i < parts->count; i++)
		for (size_t k = 0; k < parts->count && !drop[i]; k++)
			drop[i] = vaguer(r, &parts->items[i], &parts->items[k]);
	for (size_t i = 0; i < parts->count; i++) {
		if (drop[i])
			continue;
		parts->rows[n] = parts->rows[i];
		parts->items[n++] = parts->items[i];
	}
	parts->count = n;
	while (parts->count > CUL_PARTS) { /* the one with the fewest rows goes, the later of two */
		size_t least = 0;
		for (size_t i = 1; i < parts->count; i++)
			if (parts->rows[i] <= parts->rows[least])
				least = i;
		for (size_t i = least; i + 1 < parts->count; i++) {
			parts->items[i] = parts->items[i + 1];
			parts->rows[i] = parts->rows[i + 1];
		}
		parts->count--;
	}
}

static bool belongs(struct cul_match *m, const struct cul_row *row)
{
	const struct cul_part *p = &m->part;

	if (p->host >= 0 && row->host >= 0 && row->host != p->host)
		return false;
	if (p->gpu && row->gpu && strcmp(p->gpu, row->gpu))
		return false;
	for (size_t i = 0; i < m->rule->per_count; i++) {
		if (p->keys[i].type == CUL_V_UNKNOWN)
			continue;
		struct cul_val v = cul_row_val(m, row, cul_str(m->rule->per[i]));
		if (v.type != CUL_V_UNKNOWN && !same_val(v, p->keys[i]))
			return false;
	}
	return true;
}

/* ---- windows -------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static int64_t onset_of(const struct cul_row *row)
{
	return row->onset_ns != CUL_NO_TIME ? row->onset_ns : row->time_ns;
}

/** The anchor's onsets, ordered; when none of its rows has a time, seconds since boot (of one boot). */
static bool make_onsets(struct cul_match *m, struct cul_set *set)
{
	if (set->onsets_made)
		return true;
	set->onsets = cul_arena_get(m->arena, (set->count + 1) * sizeof(*set->onsets));
	if (!set->onsets)
		return false;
	for (size_t i = 0; i < set->count; i++) {
		const struct cul_row *row = set->rows[i];
		int64_t at = onset_of(row);
		if (at == CUL_NO_TIME)
			continue;
		bool first = !set->onset_count;
		if (first)
			set->section = row->section;
		if (row->section != set->section || (!first && row->uncertainty_ns != set->uncertainty_ns))
			set->section = -1;
		set->uncertainty_ns = row->uncertainty_ns;
		set->onsets[set->onset_count++] = at;
	}
	if (!set->onset_count)
		for (size_t i = 0; i < set->count; i++)
			if (set->rows[i]->boot_ns != CUL_NO_TIME)
				set->onsets[set->onset_count++] = set->rows[i]->boot_ns;
	qsort(set->onsets, set->onset_count, sizeof(*set->onsets), by_number);
	return set->onsets_made = true;
}

/** Some onset in [from, to]? */
static bool any_within(const struct cul_set *set, int64_t from, int64_t to)
{
	size_t low = 0, high = set->onset_count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (set->onsets[mid] < from)
			low = mid + 1;
		else
			high = mid;
	}
	return low < set->onset_count && set->onsets[low] <= to;
}

static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;
	if (__builtin_add_overflow(a, b, &sum))
		return b > 0 ? INT64_MAX : INT64_MIN + 1;
	return sum;
}

static enum cul_truth in_window(struct cul_match *m, const struct cul_term *t, const struct cul_row *row)
{
	struct cul_set *anchor = &m->sets[t->anchor];
	int64_t at = onset_of(row), slack = row->uncertainty_ns > 0 ? row->uncertainty_ns : 0;

	if (!make_onsets(m, anchor) || !anchor->onset_count)
		return CUL_UNKNOWN;
	bool anchor_timed = onset_of(anchor->rows[0]) != CUL_NO_TIME;
	if (!anchor_timed)
		at = row->boot_ns != CUL_NO_TIME && row->boot == anchor->rows[0]->boot && row->host == anchor->rows[0]->host ? row->boot_ns : CUL_NO_TIME;
	if (at == CUL_NO_TIME)
		return CUL_UNKNOWN;
	if (anchor->rows[0]->uncertainty_ns > slack)
		slack = anchor->rows[0]->uncertainty_ns;
	/* one log, one clock: whatever its zone is, it is the same for both */
	if (anchor_timed && anchor->section >= 0 && row->section == anchor->section && row->uncertainty_ns == anchor->uncertainty_ns && slack > CUL_SLACK_NS)
		slack = CUL_SLACK_NS;
	if (slack > CUL_SLACK_NS) {
		if (t->within_ns != INT64_MAX && slack > t->within_ns && slack > 60 * INT64_C(1000000000))
			return CUL_UNKNOWN;
		if (slack > 60 * INT64_C(1000000000))
			slack = 60 * INT64_C(1000000000);
	}
	int64_t w = t->within_ns == INT64_MAX ? INT64_MAX : plus(t->within_ns, slack);
	switch (t->window) {
	case CUL_WINDOW_BEFORE:
		return any_within(anchor, plus(at, -slack), plus(at, w)) ? CUL_TRUE : CUL_FALSE;
	case CUL_WINDOW_AFTER:
		return any_within(anchor, w == INT64_MAX ? INT64_MIN + 1 : plus(at, -w), plus(at, slack)) ? CUL_TRUE : CUL_FALSE;
	default:
		return any_within(anchor, plus(at, -w), plus(at, w)) ? CUL_TRUE : CUL_FALSE;
	}
}

/* ---- one term in one part ------------------------------------------------------------------- */

static void keep(struct cul_set *set, size_t kept)
{
	set->count = kept;
	set->cache = NULL;
	set->onsets_made = false;
	set->onset_count = 0;
}

static enum cul_truth all_true(struct cul_match *m, const struct cul_expr *const *list, size_t count, const struct cul_row *row)
{
	enum cul_truth all = CUL_TRUE;

	for (size_t i = 0; i < count && all != CUL_FALSE; i++) {
		enum cul_truth t = cul_eval_truth(m, list[i], row);
		if (t != CUL_TRUE)
			all = t;
	}
	return all;
}

/** Drop rows for which the conditions on other terms don't hold. */
static void select_dynamic(struct cul_match *m, const struct cul_term *t, struct cul_set *set)
{
	size_t kept = 0;

	if (!t->dynamic_count && !t->window)
		return;
	set->untimed = false;
	m->memo = NULL; /* terms above may have lost rows since */
	for (size_t i = 0; i < set->count; i++) {
		const struct cul_row *row = set->rows[i];
		enum cul_truth here = all_true(m, t->dynamic, t->dynamic_count, row);
		if (here == CUL_UNKNOWN)
			set->undecided++;
		if (here != CUL_TRUE)
			continue;
		if (t->window) {
			here = m->sets[t->anchor].count ? in_window(m, t, row) : CUL_FALSE;
			if (here == CUL_FALSE)
				continue;
			set->untimed |= here == CUL_UNKNOWN;
		}
		set->rows[kept++] = row;
	}
	keep(set, kept);
}

static void decide(struct cul_match *m, int index)
{
	const struct cul_term *t = &m->rule->terms[index];
	struct cul_set *set = &m->sets[index];
	enum cul_truth holds = CUL_FALSE;
	const char *missing = NULL;

	if (set->count) {
		m->set = index;
		holds = t->need ? cul_eval_truth(m, t->need, NULL) : CUL_TRUE;
		m->set = -1;
	} else if (set->undecided) {
		holds = CUL_UNKNOWN;
	} else if (!cul_term_looked(m->judge, m->rule, t)) {
		holds = CUL_UNKNOWN;
		missing = cul_rescan;
	} else {
		int64_t from = CUL_NO_TIME, to = CUL_NO_TIME;
		struct cul_set *anchor = t->window ? &m->sets[t->anchor] : NULL;
		if (anchor && !anchor->count) {
			holds = m->sets[t->anchor].state == CUL_FALSE && !t->absent ? CUL_FALSE : CUL_UNKNOWN;
			set->state = holds;
			return;
		}
		if (anchor && make_onsets(m, anchor) && anchor->onset_count && onset_of(anchor->rows[0]) != CUL_NO_TIME) {
			int64_t w = t->within_ns == INT64_MAX ? 0 : t->within_ns;
			from = anchor->onsets[0];
			to = anchor->onsets[anchor->onset_count - 1];
			if (t->window != CUL_WINDOW_AFTER)
				from = plus(from, -w);
			if (t->window != CUL_WINDOW_BEFORE)
				to = plus(to, w);
			if (from == CUL_NO_TIME)
				from++;
		}
		holds = cul_term_covered(m->judge, t, m->part.host, from, to, &missing) == CUL_TRUE ? CUL_FALSE : CUL_UNKNOWN;
		if (t->sql)
			holds = CUL_FALSE;
	}
	if (holds == CUL_UNKNOWN)
		set->missing = missing;
	set->state = !t->absent || holds == CUL_UNKNOWN ? holds : holds == CUL_TRUE ? CUL_FALSE : CUL_TRUE;
}

/** Rows of the term above that no row of this one points at go, when both must be there. */
static void reduce_back(struct cul_match *m, int index)
{
	const struct cul_term *t = &m->rule->terms[index];

	for (size_t k = 0; k < t->join_count; k++) {
		const struct cul_expr *own = t->joins[k].own, *other = t->joins[k].other;
		struct cul_set *up = &m->sets[other->index];
		if (m->rule->terms[other->index].role != CUL_TERM_MUST || m->rule->terms[other->index].absent)
			continue;
		m->set = index;
		struct cul_val values = cul_eval(m, own, NULL);
		m->set = -1;
		if (values.type != CUL_V_LIST)
			continue;
		size_t kept = 0;
		for (size_t i = 0; i < up->count; i++) {
			struct cul_val v = cul_row_val(m, up->rows[i], other->name);
			if (v.type != CUL_V_UNKNOWN && cul_list_has(m, values.list, v))
				up->rows[kept++] = up->rows[i];
		}
		keep(up, kept);
	}
}

/* ---- one part, one rule --------------------------------------------------------------------- */

struct base {
	const struct cul_row **rows;
	uint8_t *undecided;
	size_t count;
	bool made;
};

/** Rows whose fixed conditions hold (or are unknown: marked). */
static void make_base(struct cul_match *m, const struct cul_term *t, struct base *base)
{
	const struct cul_row *const *rows;
	size_t count = cul_match_base(m->judge, m->rule, t, &rows);

	base->made = true;
	if (!count)
		return;
	base->rows = cul_arena_get(m->judge->scratch, count * sizeof(*base->rows));
	base->undecided = cul_arena_get(m->judge->scratch, count);
	if (!base->rows || !base->undecided) {
		m->judge->status = CUL_ENOMEM;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		enum cul_truth here = all_true(m, t->fixed, t->fixed_count, rows[i]);
		if (here == CUL_FALSE)
			continue;
		base->undecided[base->count] = here == CUL_UNKNOWN;
		base->rows[base->count++] = rows[i];
	}
}

static void match_part(struct cul_match *m, struct base *bases)
{
	const struct cul_rule *r = m->rule;
	struct cul_judge *j = m->judge;

	m->sets = cul_arena_get(j->scratch, r->term_count * sizeof(*m->sets));
	m->lets = cul_arena_get(j->scratch, (r->let_count + 1) * sizeof(*m->lets));
	m->let_done = cul_arena_get(j->scratch, r->let_count + 1);
	m->set = -1;
	m->memo = NULL;
	if (!m->sets || !m->lets || !m->let_done) {
		j->status = CUL_ENOMEM;
		return;
	}
	m->must = CUL_TRUE;
	m->never = CUL_FALSE;
	bool some = false, some_present = false, some_open = false;
	size_t musts = 0;
	while (musts < r->term_count && r->terms[musts].role == CUL_TERM_MUST)
		musts++;
	for (size_t i = 0; i < r->term_count; i++) {
		const struct cul_term *t = &r->terms[i];
		struct cul_set *set = &m->sets[i];
		if (i == musts && m->must == CUL_FALSE)
			return; /* nothing else can matter */
		if (!bases[i].made)
			make_base(m, t, &bases[i]);
		size_t mine = 0;
		for (size_t k = 0; k < bases[i].count; k++)
			mine += belongs(m, bases[i].rows[k]);
		set->rows = cul_arena_get(j->scratch, (mine + 1) * sizeof(*set->rows));
		if (!set->rows) {
			j->status = CUL_ENOMEM;
			return;
		}
		for (size_t k = 0; k < bases[i].count; k++) {
			if (!belongs(m, bases[i].rows[k]))
				continue;
			if (bases[i].undecided[k])
				set->undecided++;
			else
				set->rows[set->count++] = bases[i].rows[k];
		}
		select_dynamic(m, t, set);
		decide(m, (int)i);
		if (t->role != CUL_TERM_MUST || i + 1 != musts)
			continue;
		/* all musts are there: drop what has no partner, back and forth, and decide anew */
		for (size_t k = musts; k--;)
			if (r->terms[k].join_count && !r->terms[k].absent)
				reduce_back(m, (int)k);
		for (size_t k = 0; k < musts; k++) {
			select_dynamic(m, &r->terms[k], &m->sets[k]);
			decide(m, (int)k);
			enum cul_truth state = m->sets[k].state;
			m->partly |= state == CUL_TRUE && !r->terms[k].absent;
			if (state == CUL_FALSE)
				m->must = CUL_FALSE;
			else if (state == CUL_UNKNOWN && m->must == CUL_TRUE)
				m->must = CUL_UNKNOWN;
		}
	}
	for (size_t i = musts; i < r->term_count; i++) {
		enum cul_truth state = m->sets[i].state;
		if (r->terms[i].role == CUL_TERM_SOME) {
			some = true;
			some_present |= state == CUL_TRUE;
			some_open |= state == CUL_UNKNOWN;
			m->partly |= state == CUL_TRUE;
		} else if (r->terms[i].role == CUL_TERM_NEVER && state == CUL_TRUE) {
			m->never = CUL_TRUE;
		}
	}
	if (some && !some_present && m->must != CUL_FALSE)
		m->must = some_open ? CUL_UNKNOWN : CUL_FALSE;
	if (r->when && m->must != CUL_FALSE) {
		enum cul_truth when = cul_eval_truth(m, r->when, NULL);
		if (when != CUL_TRUE)
			m->must = when;
	}
}

void cul_match_rule(struct cul_judge *j, const struct cul_rule *r, void (*each)(void *ctx, struct cul_match *match), void *ctx)
{
	struct cul_match m = { .judge = j, .rule = r, .arena = j->scratch, .set = -1, .part = { .host = -1 } };
	struct base bases[CUL_TERMS] = { 0 };
	struct parts parts;
	bool started = false;

	parts.count = 0;
	for (size_t i = 0; i < r->term_count && r->terms[i].role <= CUL_TERM_SOME; i++) {
		const struct cul_term *t = &r->terms[i];
		if (t->absent || (t->role == CUL_TERM_SOME && started && r->terms[0].role == CUL_TERM_MUST))
			continue;
		if (t->role == CUL_TERM_MUST && started)
			continue;
		make_base(&m, t, &bases[i]);
		if (bases[i].count) {
			add_parts(&m, bases[i].rows, bases[i].count, &parts);
			started = true;
		} else if (t->role == CUL_TERM_MUST) {
			const char *missing; /* nothing there: is that an answer already? */
			if (!t->kind_missing && cul_term_looked(j, r, t) && (t->sql || cul_term_covered(j, t, -1, CUL_NO_TIME, CUL_NO_TIME, &missing) == CUL_TRUE))
				return;
		}
	}
	if (!started)
		return;
	prune_parts(r, &parts);
	for (size_t i = 0; i < parts.count && j->status == CUL_OK; i++) {
		m.part = parts.items[i];
		m.partly = false;
		match_part(&m, bases);
		if (j->status == CUL_OK && m.sets && m.partly)
			each(ctx, &m);
	}
}
