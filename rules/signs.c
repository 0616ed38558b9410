/* SPDX-License-Identifier: Apache-2.0 */
/**
 * When was all last known to be well, and what changed between? Rules with `sign: good` and `sign: change` say which rows tell; here
 * they are held against each root, after the causal graph, and become its facts last_known_good and changed_between.
 *
 * What a good sign has to satisfy, so that it misleads least:
 *  - It lies before the onset, on the same host and clock, and agrees with the finding in what it is `about`. A program's own
 *    finding is spoken for by that program alone (about: program): another server's answers say nothing about it. What the kernel
 *    or a snapshot told befell the whole host, so there any program's word counts.
 *  - It stopped. A trouble has a span, from its onset to its last line (symptoms included; to the end of that log where it lasts). A sign
 *    that goes on in that span at more than a third of its rate before is no word on this trouble, and is not used. What came back after
 *    the trouble's last line does no harm.
 *  - Best of all is the finding's own measure: the last sample of the same thing that did not yet meet a numeric bound of the must.
 *    It counts before every sign, as it is about exactly that which went wrong.
 * Changes are those between the good sign and the onset (at most 24 h before it, or what the sign says), nearest first. Of untimed logs, seconds since the same boot
 * serve as clock. Nothing is read where there is no root; for each root a binary search and a walk of bounded length.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "rules/finding.h"

#define ROOTS 64          /* so many are told */
#define WALK 4096         /* rows looked at, for one root and sign, in each direction */
#define DAY_NS (INT64_C(86400) * CUL_SECOND)
#define LEAST_SPAN_NS (INT64_C(10) * CUL_SECOND) /* a shorter trouble does not tell whether a sign went on */
#define LOOSE_NS (INT64_C(60) * CUL_SECOND) /* clocks that differ by more don't tell what came first */
#define CHANGED 3         /* changes told */
#define FOUND 48          /* changes held against each other */
#define NAMED 3           /* rows of one folded change that are named */
#define PARTITIONS 256    /* of one sign that compares rows */

/** A sign with its rows, in time order. */
struct sign {
	const struct cul_rule *rule;
	const struct cul_row **rows, **before; /* before: what the row differs from; or NULL */
	size_t count;
	size_t timed; /* so many have a time; the others follow */
};

struct change { int64_t at_ns; const char *text; size_t times; };

struct signs {
	struct cul_judge *j;
	struct sign *items; /* those that have rows */
	size_t count;
};

/** A root, by one clock. */
struct root {
	struct cul_scored *s;
	bool uptime;           /* seconds since the boot are all there is */
	int64_t onset, until;  /* its span, by that clock */
	bool kernel, snapshot; /* of the deciding lines: one is the kernel's; none is a program's log line */
};

/* ---- rows of signs -------------------------------------------------------------------------- */

static struct cul_match match_of(struct cul_judge *j, const struct cul_rule *rule, struct cul_set *set)
{
	return (struct cul_match){ .judge = j, .rule = rule, .arena = j->scratch, .set = -1, .part = { .host = -1 }, .sets = set };
}

static bool meets(struct cul_match *m, const struct cul_term *t, const struct cul_row *row)
{
	for (size_t i = 0; i < t->fixed_count; i++)
		if (cul_eval_truth(m, t->fixed[i], row) != CUL_TRUE)
			return false;
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_val(struct cul_val a, struct cul_val b)
{
	bool known;

	if (a.type == CUL_V_UNKNOWN || b.type == CUL_V_UNKNOWN)
		return a.type == b.type;
	return !cul_val_compare(a, b, &known) && known;
}

/* Keep the rows whose field differs from the row before of the same host, GPU and `of`. */
static void keep_differing(struct cul_match *m, struct sign *s)
{
	struct { const struct cul_row *row; struct cul_val of; } last[PARTITIONS];
	size_t parts = 0, kept = 0, timed = 0;
	const struct cul_rule *r = s->rule;

	for (size_t i = 0; i < s->count; i++) {
		const struct cul_row *row = s->rows[i];
		struct cul_val value = cul_row_val(m, row, cul_str(r->differs)), of = { .type = CUL_V_UNKNOWN };
		size_t k = 0;

		if (value.type == CUL_V_UNKNOWN)
			continue;
		if (r->of)
			of = cul_row_val(m, row, cul_str(r->of));
		while (k < parts && (last[k].row->host != row->host || !same_text(last[k].row->gpu, row->gpu) || !same_val(last[k].of, of)))
			k++;
		if (k == PARTITIONS)
			continue;
		if (k < parts && !same_val(cul_row_val(m, last[k].row, cul_str(r->differs)), value)) {
			timed += i < s->timed;
			s->before[kept] = last[k].row;
			s->rows[kept++] = row;
		}
		parts += k == parts;
		last[k].row = row;
		last[k].of = of;
	}
	s->count = kept;
	s->timed = timed;
}

static void read_sign(struct cul_judge *j, const struct cul_rule *rule, struct sign *s)
{
	struct cul_set set = { 0 };
	struct cul_match m = match_of(j, rule, &set);
	const struct cul_row *const *rows;
	size_t count = cul_match_base(j, rule, &rule->terms[0], &rows);

	*s = (struct sign){ .rule = rule };
	if (!count || j->status != CUL_OK)
		return;
	s->rows = cul_arena_get(j->scratch, count * sizeof(*s->rows));
	if (rule->differs)
		s->before = cul_arena_get(j->scratch, count * sizeof(*s->before));
	if (!s->rows || (rule->differs && !s->before)) {
		j->status = CUL_ENOMEM;
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (meets(&m, &rule->terms[0], rows[i])) {
			s->timed += rows[i]->time_ns != CUL_NO_TIME;
			s->rows[s->count++] = rows[i];
		}
	if (rule->differs)
		keep_differing(&m, s);
}

/* ---- whom a row speaks for ------------------------------------------------------------------ */

/* Is it a line of a program's log: no kernel's, no snapshot's? */
static bool is_logged(const struct cul_row *row)
{
	const char *stream = row->kind->stream;

	if ((row->unit && !strcmp(row->unit, "kernel")) || !stream || !strcmp(stream, "kernel"))
		return false;
	if (!strcmp(stream, "log"))
		return true;
	for (const struct cul_format *f = cul_formats(); f->name; f++)
		if (!strcmp(f->name, stream))
			return !strcmp(f->family, "message");
	return false;
}

static const struct cul_fact *entity(const struct cul_finding *f, const char *name)
{
	for (size_t i = 0; i < f->entity_count; i++)
		if (!strcmp(f->entities[i].name, name))
			return &f->entities[i];
	return NULL;
}

static bool has_value(const struct cul_fact *fact, const struct cul_value *v)
{
	for (size_t i = 0; i < fact->count; i++) {
		const struct cul_value *x = &fact->values[i];
		if (x->type == v->type && (x->type == CUL_TEXT ? cul_is(x->s, v->s) : x->i == v->i))
			return true;
	}
	return false;
}

/** Do @row and the finding agree in the entity @name where both name it? */
static bool agree(const struct cul_finding *f, const struct cul_row *row, const char *name, enum cul_entity which)
{
	const struct cul_fact *fact = entity(f, name);

	for (size_t i = 0; fact && i < row->count; i++)
		if (row->values[i].field && row->values[i].field->entity == which && row->values[i].type != CUL_ABSENT)
			return has_value(fact, &row->values[i]);
	return true;
}

static bool agree_gpu(const struct cul_finding *f, const struct cul_row *row)
{
	const struct cul_fact *fact = entity(f, "gpu");
	struct cul_value v = { .type = CUL_TEXT, .s = cul_str(row->gpu) };

	return !fact || !row->gpu || has_value(fact, &v);
}

/* The program that prints the finding's own lines. */
static bool same_program(const struct root *root, const struct cul_row *row)
{
	const struct cul_finding *f = &root->s->f;

	if (root->kernel || root->snapshot)
		return true;
	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct cul_row *e = f->evidence[i].row;
		/* a file may hold what many units print */
		if (f->evidence[i].role == CUL_MUST && (e->unit && row->unit ? !strcmp(e->unit, row->unit) : e->member == row->member))
			return true;
	}
	return false;
}

/* May their times be compared: by one clock, or by good ones? */
static bool comparable(const struct root *root, const struct cul_row *row, int64_t loose_ns)
{
	int64_t a = root->s->uncertainty_ns, b = row->uncertainty_ns;

	return a == b || (a <= loose_ns && b <= loose_ns);
}

static bool same_place(const struct root *root, const struct cul_row *row)
{
	const struct cul_scored *s = root->s;

	if (root->uptime)
		return row->boot_ns != CUL_NO_TIME && row->host == s->f.host && row->boot == s->boot;
	return s->f.host < 0 || row->host < 0 || row->host == s->f.host;
}

static bool speaks_for(const struct root *root, const struct cul_rule *r, const struct cul_row *row)
{
	const struct cul_finding *f = &root->s->f;

	if (!same_place(root, row) || !comparable(root, row, r->sign == CUL_SIGN_GOOD ? LOOSE_NS : DAY_NS))
		return false;
	/* a GPU's health is no word on what names no GPU */
	if ((r->about & CUL_ABOUT_GPU) && (!entity(f, "gpu") || !agree_gpu(f, row)))
		return false;
	if ((r->about & CUL_ABOUT_MODEL) && !agree(f, row, "model", CUL_ENTITY_MODEL))
		return false;
	if ((r->about & CUL_ABOUT_PID) && !agree(f, row, "pid", CUL_ENTITY_PID))
		return false;
	return !(r->about & CUL_ABOUT_PROGRAM) || same_program(root, row);
}

static bool may_speak(const struct root *root, const struct cul_rule *r)
{
	bool may = !r->speaks_for_count;

	for (size_t i = 0; i < r->speaks_for_count && !may; i++)
		may = cul_cause_is(r->speaks_for[i], root->s->f.cause);
	return may;
}

/* ---- time ----------------------------------------------------------------------------------- */

static int64_t clock_of(const struct root *root, const struct cul_row *row)
{
	return root->uptime ? row->boot_ns : row->time_ns;
}

static int64_t end_of(const struct root *root, const struct cul_row *row)
{
	return !root->uptime && row->last_ns != CUL_NO_TIME && row->last_ns > row->time_ns ? row->last_ns : clock_of(root, row);
}

static int64_t minus(int64_t a, int64_t b)
{
	int64_t d;
	return __builtin_sub_overflow(a, b, &d) ? (b > 0 ? INT64_MIN + 1 : INT64_MAX) : d;
}

/** How many of the first rows begin no later than @at; by uptime all untimed ones are looked at. */
static size_t until(const struct root *root, const struct sign *s, int64_t at)
{
	size_t low = 0, high = s->timed;

	if (root->uptime)
		return s->count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (s->rows[mid]->time_ns <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/** How much of @row lies in (from, to]: its observations, a run's shared out evenly. */
static double share(const struct root *root, const struct cul_row *row, int64_t from, int64_t to)
{
	int64_t begin = clock_of(root, row), end = end_of(root, row);
	double n = row->n > 0 ? (double)row->n : 1;

	if (end <= from || begin > to)
		return 0;
	if (end == begin)
		return n;
	double here = (double)(end < to ? end : to) - (double)(begin > from ? begin : from);
	return n * here / ((double)end - (double)begin);
}

/* Does the sign go on in the trouble's span at more than a third of its rate before? */
static bool goes_on(const struct root *root, const struct sign *s)
{
	int64_t span = minus(root->until, root->onset);
	double before = 0, during = 0;
	size_t at = until(root, s, root->onset);

	if (span < LEAST_SPAN_NS)
		return false;
	if (root->uptime)
		at = 0;
	for (size_t i = at, n = 0; i < s->count && n < WALK && (root->uptime || (i < s->timed && s->rows[i]->time_ns <= root->until)); i++, n++)
		if (speaks_for(root, s->rule, s->rows[i])) {
			during += share(root, s->rows[i], root->onset + CUL_SLACK_NS, root->until);
			if (root->uptime)
				before += share(root, s->rows[i], minus(root->onset, span), root->onset);
		}
	for (size_t i = at, n = 0; i-- && n < WALK; n++)
		if (speaks_for(root, s->rule, s->rows[i])) {
			before += share(root, s->rows[i], minus(root->onset, span), root->onset);
			during += share(root, s->rows[i], root->onset + CUL_SLACK_NS, root->until);
		}
	return during >= 2 && 3 * during > before;
}

/* The last row of the sign before the onset. */
static bool last_before(const struct root *root, const struct sign *s, size_t *ret, int64_t *when)
{
	bool found = false;

	for (size_t i = until(root, s, root->onset), n = 0; i-- && n < WALK; n++) {
		const struct cul_row *row = s->rows[i];
		int64_t at = clock_of(root, row), end = end_of(root, row);
		if (at == CUL_NO_TIME || at > root->onset || !speaks_for(root, s->rule, row))
			continue;
		if (end <= root->onset)
			at = end;
		if (!found || at > *when) {
			*ret = i;
			*when = at;
		}
		found = true;
		if (!root->uptime)
			break;
	}
	return found;
}

/* "2026-11-20T06:12:13Z, words" */
static const char *dated(struct cul_judge *j, const struct root *root, int64_t at, const char *words)
{
	bool zh = cul_is_zh(j->lang);
	char stamp[32];

	if (root->uptime)
		return cul_arena_printf(j->arena, zh ? "开机后 %.1f 秒，%s" : "%.1f s after the boot, %s", (double)at / 1e9, words);
	cul_clock_print(at, stamp);
	stamp[19] = 0;
	return cul_arena_printf(j->arena, zh ? "%sZ，%s" : "%sZ, %s", stamp, words);
}

static const char *title_of(struct cul_judge *j, const struct sign *s, size_t row)
{
	const struct cul_row *both[2] = { s->before ? s->before[row] : s->rows[row], s->rows[row] };
	struct cul_set set = { .rows = s->before ? both : both + 1, .count = s->before ? 2 : 1, .state = CUL_TRUE };
	struct cul_match m = match_of(j, s->rule, &set);
	const char *text = cul_rule_text(&m, s->rule->title, CUL_TEXT_PROSE);

	return text ? text : s->rule->id;
}

/* ---- the finding's own measure -------------------------------------------------------------- */

/* A bound on a number of the row: what may hold or not of one and the same thing. Other conditions say which thing is meant. */
static bool is_bound(const struct cul_expr *e)
{
	if (e->count != 2 || e->op < CUL_OP_LT || e->op > CUL_OP_GE)
		return false;
	const struct cul_expr *field = e->args[0]->op == CUL_OP_FIELD ? e->args[0] : e->args[1];
	const struct cul_expr *other = field == e->args[0] ? e->args[1] : e->args[0];
	return field->op == CUL_OP_FIELD && other->op == CUL_OP_CONST && (other->constant.type == CUL_V_INT || other->constant.type == CUL_V_REAL);
}

/** The bound that this sample keeps although the finding's rows don't; NULL: none, or it is of another thing. */
static const struct cul_expr *keeps(struct cul_match *m, const struct cul_term *t, const struct cul_row *row)
{
	const struct cul_expr *kept = NULL;

	for (size_t i = 0; i < t->fixed_count; i++) {
		enum cul_truth here = cul_eval_truth(m, t->fixed[i], row);
		if (here == CUL_FALSE && is_bound(t->fixed[i]))
			kept = t->fixed[i];
		else if (here != CUL_TRUE)
			return NULL;
	}
	return kept;
}

/* All that says which process, GPU, device, … a row is of reads the same in both. */
static bool same_thing(const struct cul_row *a, const struct cul_row *b)
{
	if (a->kind != b->kind || a->host != b->host || !same_text(a->gpu, b->gpu) || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct cul_value *x = &a->values[i], *y = &b->values[i];
		if (!x->field || x->field->entity == CUL_ENTITY_NONE)
			continue;
		if (x->type != y->type || (x->type == CUL_TEXT ? !cul_is(x->s, y->s) : x->type != CUL_ABSENT && x->i != y->i))
			return false;
	}
	return true;
}

static const char *own_measure(struct cul_judge *j, const struct root *root, int64_t *when)
{
	const struct cul_rule *r = root->s->rule;
	const struct cul_finding *f = &root->s->f;
	const struct cul_term *t = r->term_count ? &r->terms[0] : NULL;
	const struct cul_row *const *rows, *began = NULL;
	bool bound = false;

	if (!t || r->cre || t->role != CUL_TERM_MUST || t->absent || t->sql || !t->kind_count || t->kind_missing)
		return NULL;
	for (size_t i = 0; i < t->kind_count; i++)
		if (!t->kinds[i]->samples)
			return NULL;
	for (size_t i = 0; i < t->fixed_count; i++)
		bound |= is_bound(t->fixed[i]);
	if (!bound)
		return NULL;
	for (size_t i = 0; i < f->evidence_count && !began; i++)
		if (f->evidence[i].role == CUL_MUST && f->evidence[i].row->kind->samples && !strcmp(f->evidence[i].term, t->name))
			began = f->evidence[i].row;
	if (!began || root->uptime)
		return NULL;
	struct cul_set set = { 0 };
	struct cul_match m = match_of(j, r, &set);
	struct sign s = { .rule = r };
	s.count = cul_match_base(j, r, t, &rows);
	s.rows = (const struct cul_row **)(uintptr_t)rows;
	while (s.timed < s.count && rows[s.timed]->time_ns != CUL_NO_TIME)
		s.timed++;
	for (size_t i = until(root, &s, root->onset), n = 0; i-- && n < WALK; n++) {
		const struct cul_row *row = rows[i];
		if (row->time_ns > root->onset - CUL_SLACK_NS || !same_place(root, row) || !comparable(root, row, LOOSE_NS) || !same_thing(began, row))
			continue;
		const struct cul_expr *kept = keeps(&m, t, row);
		if (!kept)
			continue;
		struct cul_slice name = kept->args[0]->op == CUL_OP_FIELD ? kept->args[0]->name : kept->args[1]->name;
		const char *value = cul_val_text(j->scratch, cul_row_val(&m, row, name));
		*when = row->time_ns;
		return cul_arena_printf(j->arena, cul_is_zh(j->lang) ? "%.*s 尚为 %s" : "%.*s was %s", (int)name.size, name.data, value);
	}
	return NULL;
}

/* ---- changes -------------------------------------------------------------------------------- */

static void add_change(struct change *list, size_t *count, int64_t at, const char *text)
{
	for (size_t i = 0; i < *count; i++)
		if (!strcmp(list[i].text, text)) {
			list[i].times++;
			list[i].at_ns = at > list[i].at_ns ? at : list[i].at_ns;
			return;
		}
	if (*count < FOUND)
		list[(*count)++] = (struct change){ at, text, 1 };
}

struct keyed { const char *key; size_t row; bool preferred; };

static int by_key(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int order = strcmp(x->key, y->key);
	return order ? order : x->row < y->row ? -1 : x->row > y->row;
}

static int by_preference(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	if (x->preferred != y->preferred)
		return x->preferred ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* What tells one row of a folded change from another: two logs may tell the same one. */
static const char *key_of(struct cul_match *m, const struct cul_row *row)
{
	const char *key = "";

	for (size_t i = 0; key && i < row->count; i++)
		if (row->values[i].field && row->values[i].type != CUL_ABSENT)
			key = cul_arena_printf(m->judge->scratch, "%s|%s", key, cul_val_text(m->judge->scratch, cul_row_val(m, row, cul_str(row->values[i].field->name))));
	return key ? key : "";
}

/** @list, newest first, is one change of @s: "143 packages changed, among them a, b, c". */
static const char *folded(struct cul_judge *j, const struct sign *s, const size_t *list, size_t count)
{
	struct cul_set set = { 0 };
	struct cul_match m = match_of(j, s->rule, &set);
	bool zh = cul_is_zh(j->lang);
	struct keyed *keys = cul_arena_get(j->scratch, count * sizeof(*keys));
	const struct cul_row **rows = cul_arena_get(j->scratch, count * sizeof(*rows));
	const char *text = NULL;
	size_t kept = 0;

	if (!keys || !rows)
		return NULL;
	for (size_t i = 0; i < count; i++)
		keys[i] = (struct keyed){ key_of(&m, s->rows[list[i]]), list[i], s->rule->prefer && cul_eval_truth(&m, s->rule->prefer, s->rows[list[i]]) == CUL_TRUE };
	qsort(keys, count, sizeof(*keys), by_key);
	for (size_t i = 0; i < count; i++)
		if (!kept || strcmp(keys[i].key, keys[kept - 1].key))
			keys[kept++] = keys[i];
	qsort(keys, kept, sizeof(*keys), by_preference);
	for (size_t i = 0; i < kept; i++) {
		set.rows = rows;
		rows[set.count++] = s->rows[keys[i].row];
	}
	set.state = CUL_TRUE;
	for (size_t i = 0; i < kept && i < NAMED; i++) {
		const char *title = title_of(j, s, keys[i].row);
		if (text && strstr(text, title))
			continue; /* rows that differ in what the title leaves out */
		text = text ? cul_arena_printf(j->arena, zh ? "%s，%s" : "%s, %s", text, title) : title;
	}
	const char *many = kept > NAMED && s->rule->many ? cul_rule_text(&m, s->rule->many, CUL_TEXT_PROSE) : NULL;
	return many && text ? cul_arena_printf(j->arena, "%s%s%s", many, zh ? "" : " ", text) : text;
}

static void changes_of(struct cul_judge *j, const struct root *root, const struct sign *s, int64_t good, struct change *list, size_t *count)
{
	struct cul_set set = { 0 };
	struct cul_match m = match_of(j, s->rule, &set);
	int64_t from = minus(root->onset, s->rule->reach_ns), latent = minus(root->onset, DAY_NS);
	size_t *group = cul_arena_get(j->scratch, WALK * sizeof(*group)), size = 0;
	int64_t newest = 0, oldest = 0;
	bool counts = false;

	for (size_t i = until(root, s, root->onset + CUL_SLACK_NS), n = 0; group && i-- && n < WALK; n++) {
		const struct cul_row *row = s->rows[i];
		int64_t at = clock_of(root, row);
		if (at == CUL_NO_TIME || at > root->onset + CUL_SLACK_NS)
			continue;
		if (at <= from) {
			if (!root->uptime)
				break;
			continue;
		}
		if (good != CUL_NO_TIME && at <= good && (!s->rule->latent || at < latent))
			continue;
		if (!speaks_for(root, s->rule, row))
			continue;
		if (size && (s->before || minus(oldest, at) > s->rule->fold_ns)) {
			const char *text = counts ? folded(j, s, group, size) : NULL;
			if (text)
				add_change(list, count, newest, text);
			size = 0;
		}
		newest = size ? newest : at;
		oldest = at;
		/* a driver replaced under a program that runs on shows at the next start */
		counts = (size && counts) || good == CUL_NO_TIME || at > good || !s->rule->prefer || cul_eval_truth(&m, s->rule->prefer, row) == CUL_TRUE;
		group[size++] = i;
	}
	const char *text = size && counts ? folded(j, s, group, size) : NULL;
	if (text)
		add_change(list, count, newest, text);
}

static int by_nearness(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	if (x->at_ns != y->at_ns)
		return x->at_ns > y->at_ns ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* ---- one root ------------------------------------------------------------------------------- */

static bool has_fact(const struct cul_finding *f, const char *name)
{
	for (size_t i = 0; i < f->fact_count; i++)
		if (!strcmp(f->facts[i].name, name))
			return true;
	return false;
}

static void add_fact(struct cul_judge *j, struct cul_finding *f, const char *name, const char *const *texts, size_t count)
{
	struct cul_fact *facts = cul_arena_get(j->arena, (f->fact_count + 1) * sizeof(*facts));
	struct cul_value *values = cul_arena_get(j->arena, (count + 1) * sizeof(*values));

	if (!facts || !values || !count || has_fact(f, name))
		return;
	if (f->fact_count)
		memcpy(facts, f->facts, f->fact_count * sizeof(*facts));
	for (size_t i = 0; i < count; i++)
		values[i] = (struct cul_value){ .type = CUL_TEXT, .s = cul_str(texts[i]) };
	facts[f->fact_count++] = (struct cul_fact){ .name = name, .values = values, .count = count };
	f->facts = facts;
}

/* Its clock and span; false: nothing says when it began. */
static bool place(struct cul_judge *j, struct cul_scored **all, size_t count, struct root *root)
{
	struct cul_scored *s = root->s;
	struct cul_finding *f = &s->f;
	size_t logged = 0;

	root->uptime = f->onset_ns == CUL_NO_TIME;
	root->onset = root->until = root->uptime ? s->since_boot_ns : f->onset_ns;
	if (root->onset == CUL_NO_TIME || (root->uptime && (s->boot < 0 || f->host < 0)))
		return false;
	if (!root->uptime && f->last_ns != CUL_NO_TIME && f->last_ns > root->until)
		root->until = f->last_ns;
	for (size_t i = 0; i < count && !root->uptime; i++) {
		const struct cul_finding *o = &all[i]->f;
		if (o->explained_by != f->order)
			continue;
		if (o->last_ns != CUL_NO_TIME && o->last_ns > root->until)
			root->until = o->last_ns;
		/* seen in a snapshot, it began then or before: at its first symptom at the latest */
		if (s->onset_open && o->onset_ns != CUL_NO_TIME && o->onset_ns < root->onset)
			root->onset = o->onset_ns;
	}
	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct cul_row *row = f->evidence[i].row;
		if (f->evidence[i].role != CUL_MUST)
			continue;
		struct cul_source source;
		bool here = is_logged(row);
		logged += here;
		root->kernel |= !here && (row->kind->stream ? !strcmp(row->kind->stream, "kernel") : false);
		root->kernel |= row->unit && !strcmp(row->unit, "kernel");
		if (!root->uptime && s->rule->lasts && row->member >= 0 && cul_case_source(j->c, (size_t)row->member, &source) &&
		    source.last_ns > root->until)
			root->until = source.last_ns;
	}
	root->snapshot = !logged;
	return true;
}

static void tell(struct signs *g, const struct root *root)
{
	struct cul_judge *j = g->j;
	struct cul_finding *f = &root->s->f;
	int64_t good = CUL_NO_TIME, at = 0;
	const char *words = own_measure(j, root, &good), *texts[CHANGED];
	struct change list[FOUND];
	size_t count = 0, row = 0, best_row = 0;
	const struct sign *best = NULL;

	for (size_t i = 0; i < g->count && !words; i++) { /* the latest; of two at a time the first by id */
		const struct sign *s = &g->items[i];
		if (s->rule->sign != CUL_SIGN_GOOD || !may_speak(root, s->rule) || !last_before(root, s, &row, &at) ||
		    minus(root->onset, at) > s->rule->reach_ns || (best && at <= good) || goes_on(root, s))
			continue;
		best = s;
		best_row = row;
		good = at;
	}
	if (best)
		words = title_of(j, best, best_row);
	if (words && (texts[0] = dated(j, root, good, words)))
		add_fact(j, f, "last_known_good", texts, 1);
	for (size_t i = 0; i < g->count; i++) {
		const struct cul_rule *r = g->items[i].rule;
		if (r->sign == CUL_SIGN_CHANGE && may_speak(root, r))
			changes_of(j, root, &g->items[i], words ? good : CUL_NO_TIME, list, &count);
	}
	qsort(list, count, sizeof(*list), by_nearness);
	size_t told = 0;
	for (size_t i = 0; i < count && told < CHANGED; i++) {
		const char *text = list[i].times > 1 ? cul_arena_printf(j->arena, "%s (%zu×)", list[i].text, list[i].times) : list[i].text;
		if (text && (texts[told] = dated(j, root, list[i].at_ns, text)))
			told++;
	}
	add_fact(j, f, "changed_between", texts, told);
}

void cul_signs(struct cul_judge *j, struct cul_scored **all, size_t count)
{
	struct signs g = { .j = j };
	struct root *roots = cul_arena_get(j->scratch, ROOTS * sizeof(*roots));
	size_t root_count = 0, signs = 0;

	for (size_t i = 0; i < count && roots && root_count < ROOTS; i++) {
		struct root root = { .s = all[i] };
		if (all[i]->f.role == CUL_ROLE_ROOT && !all[i]->f.explained_by && place(j, all, count, &root))
			roots[root_count++] = root;
	}
	for (size_t i = 0; i < j->rules->count; i++)
		signs += j->rules->rules[i]->sign != CUL_SIGN_NONE;
	if (root_count && signs && !j->only) {
		g.items = cul_arena_get(j->scratch, signs * sizeof(*g.items));
		for (size_t i = 0; g.items && i < j->rules->count && j->status == CUL_OK; i++) {
			if (!j->rules->rules[i]->sign)
				continue;
			read_sign(j, j->rules->rules[i], &g.items[g.count]);
			g.count += g.items[g.count].count > 0;
		}
	}
	for (size_t i = 0; i < root_count && j->status == CUL_OK && !j->only; i++)
		tell(&g, &roots[i]);
	cul_arena_reset(j->scratch);
}

enum cul_status cul_sign_seen(const struct cul_rules *rules, const struct cul_rule *rule, struct cul_case *c, bool *ret, struct cul_error *err)
{
	struct cul_judge j = { .rules = rules, .only = rule, .c = c, .lang = "en", .arena = cul_arena_new(), .scratch = cul_arena_new(),
			       .patterns = calloc(rules->patterns + 1, sizeof(*j.patterns)), .err = err };
	struct sign s = { 0 };

	*ret = false;
	if (!j.arena || !j.scratch || !j.patterns)
		j.status = CUL_ENOMEM;
	j.record = cul_kind_find(CUL_LIT("record"));
	j.hosts = cul_case_hosts(c, &j.host_count);
	j.source_count = cul_case_source_count(c);
	if (j.status == CUL_OK)
		read_sign(&j, rule, &s);
	if (s.count) { /* its title can be written, too */
		const char *title = title_of(&j, &s, 0);
		*ret = title && *title;
	}
	for (size_t i = 0; j.patterns && i < rules->patterns; i++)
		if (j.patterns[i])
			cul_pattern_free(j.patterns[i]);
	for (size_t i = 0; i < j.late_count; i++)
		if (j.late[i].pattern)
			cul_pattern_free(j.late[i].pattern);
	free(j.patterns);
	if (j.arena)
		cul_arena_free(j.arena);
	if (j.scratch)
		cul_arena_free(j.scratch);
	return j.status == CUL_OK ? CUL_OK : cul_fail(err, j.status, "judging a sign: out of memory");
}
