/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Who explains whom. An edge counts when both findings are of the same host, GPU, …, the explaining one began first (2 s of
 * slack; unknown times: half weight) and is certain enough: ≥ 0.5 and ≥ 0.8 × the other. Edges are taken from
 * the strongest down and one that would close a circle is left out, so a circle is cut at its weakest, then latest edge.
 */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rules/finding.h"

#define EDGES 16384
#define LEAD 0.5
#define SHARE 0.8
#define AROUND_NS (INT64_C(1800) * CUL_SECOND)
#define PAST_NS (INT64_C(86400) * CUL_SECOND) /* so long after its last sign a trouble is over */
#define OVER_NS (14 * PAST_NS) /* and so long after it nobody asks about it */
#define SURE 0.8 /* a root that puts older ones behind it */

struct link {
	int from, to; /* from explains to */
	const struct cul_edge *edge;
	double weight;
	bool untimed;
};

bool cul_cause_is(const char *cause, const char *id)
{
	while (*cause && *cause == *id) {
		cause++;
		id++;
	}
	return cause[0] == '*' ? !cause[1] : !*cause && !*id;
}

/** TRUE: they share a value of @name; UNKNOWN: one names none. */
static enum cul_truth share(const struct cul_finding *a, const struct cul_finding *b, const char *name)
{
	const struct cul_fact *fa = NULL, *fb = NULL;

	for (size_t i = 0; i < a->entity_count; i++)
		if (!strcmp(a->entities[i].name, name))
			fa = &a->entities[i];
	for (size_t i = 0; i < b->entity_count; i++)
		if (!strcmp(b->entities[i].name, name))
			fb = &b->entities[i];
	if (!fa || !fb)
		return CUL_UNKNOWN;
	for (size_t i = 0; i < fa->count; i++)
		for (size_t k = 0; k < fb->count; k++) {
			const struct cul_value *x = &fa->values[i], *y = &fb->values[k];
			if (x->type == y->type && (x->type == CUL_TEXT ? cul_is(x->s, y->s) : x->i == y->i))
				return CUL_TRUE;
		}
	return CUL_FALSE;
}

static bool related(const struct cul_scored *a, const struct cul_scored *b, enum cul_same same)
{
	if (same == CUL_SAME_ANY || same == CUL_SAME_JOB)
		return true;
	if (a->f.host >= 0 && b->f.host >= 0 && a->f.host != b->f.host)
		return false;
	if (a->f.host < 0 || b->f.host < 0) { /* a job's finding names all its hosts */
		if (share(&a->f, &b->f, "host") == CUL_FALSE)
			return false;
	} else if (a->boot >= 0 && b->boot >= 0 && a->boot != b->boot) {
		return false;
	}
	switch (same) {
	case CUL_SAME_GPU:
		return share(&a->f, &b->f, "gpu") != CUL_FALSE;
	case CUL_SAME_DEVICE:
		return share(&a->f, &b->f, "device") != CUL_FALSE;
	case CUL_SAME_PID:
		return share(&a->f, &b->f, "pid") == CUL_TRUE;
	default:
		return true;
	}
}

/** Onsets on one clock: UTC, or seconds since the same boot. False: they can't be compared. */
static bool onsets(const struct cul_scored *a, const struct cul_scored *b, int64_t *x, int64_t *y)
{
	if (a->f.onset_ns != CUL_NO_TIME && b->f.onset_ns != CUL_NO_TIME) {
		*x = a->f.onset_ns;
		*y = b->f.onset_ns;
		return true;
	}
	if (a->since_boot_ns == CUL_NO_TIME || b->since_boot_ns == CUL_NO_TIME || a->f.host != b->f.host || a->boot != b->boot)
		return false;
	*x = a->since_boot_ns;
	*y = b->since_boot_ns;
	return true;
}

/** Can @a have come before @b, and within the edge's time? UNKNOWN: the times don't say. */
static enum cul_truth in_order(const struct cul_scored *a, const struct cul_scored *b, int64_t within_ns)
{
	int64_t x, y;
	if (!onsets(a, b, &x, &y))
		return CUL_UNKNOWN;
	int64_t gap, slack = CUL_SLACK_NS, loose = a->uncertainty_ns > b->uncertainty_ns ? a->uncertainty_ns : b->uncertainty_ns;
	if (a->section && a->section == b->section && a->uncertainty_ns == b->uncertainty_ns)
		loose = 0; /* one log, one clock */
	if (__builtin_sub_overflow(y, x, &gap))
		return CUL_UNKNOWN;
	if (gap < -slack) {
		if (a->onset_open)
			return CUL_UNKNOWN; /* a snapshot shows what began earlier */
		return gap < -slack - loose ? CUL_FALSE : CUL_UNKNOWN;
	}
	if (within_ns != CUL_NO_TIME && gap > within_ns + slack) {
		if (b->onset_open) /* and so may be the symptom: it was seen late */
			return CUL_UNKNOWN;
		return gap > within_ns + slack + loose ? CUL_FALSE : CUL_UNKNOWN;
	}
	return CUL_TRUE;
}

static int64_t onset_or_last(const struct cul_scored *s)
{
	return s->f.onset_ns == CUL_NO_TIME ? INT64_MAX : s->f.onset_ns;
}

struct sort_context {
	struct cul_scored **scored;
	int64_t at_ns;
};

static int by_strength(const void *pa, const void *pb, void *ctx)
{
	const struct link *a = pa, *b = pb;
	struct cul_scored **s = ((struct sort_context *)ctx)->scored;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	int64_t x = onset_or_last(s[a->from]), y = onset_or_last(s[b->from]);
	if (x != y)
		return x < y ? -1 : 1;
	if (s[a->from]->f.certainty != s[b->from]->f.certainty)
		return s[a->from]->f.certainty > s[b->from]->f.certainty ? -1 : 1;
	if (a->from != b->from)
		return a->from - b->from;
	return a->to - b->to;
}

/* @first: of each finding the first one of its rule. A storm makes hundreds of a few rules: each is compared by name once an edge. */
static void find_first(struct cul_scored **s, size_t count, size_t *first)
{
	size_t rules = 0, *met = first + count; /* the first ones */
	for (size_t i = 0; i < count; i++) {
		size_t k = 0;
		while (k < rules && s[met[k]]->rule != s[i]->rule)
			k++;
		if (k == rules)
			met[rules++] = i;
		first[i] = met[k];
	}
}

/* @first: room for count * 2; @named: for count */
static size_t make_links(struct cul_scored **s, size_t count, struct link *links, size_t *first, bool *named)
{
	size_t n = 0;

	find_first(s, count, first);
	for (size_t a = 0; a < count; a++)
		for (size_t e = 0; e < s[a]->rule->edge_count && e < 64; e++) {
			const struct cul_edge *edge = &s[a]->rule->edges[e];
			if (!(s[a]->edges >> e & 1))
				continue;
			for (size_t b = 0; b < count && n < EDGES; b++) {
				if (first[b] == b)
					named[b] = s[a]->rule != s[b]->rule && cul_cause_is(edge->cause, s[b]->f.cause);
				if (!named[first[b]] || !related(s[a], s[b], edge->same))
					continue;
				enum cul_truth order = in_order(s[a], s[b], edge->within_ns);
				if (order == CUL_FALSE)
					continue;
				bool trigger = edge->weight == CUL_TRIGGER;
				/* what triggers need only be there; what explains must be certain enough */
				const struct cul_scored *sure = trigger ? s[b] : s[a];
				if (sure->strength < LEAD || (!trigger && s[a]->strength < SHARE * s[b]->strength))
					continue;
				double weight = trigger ? CUL_MEDIUM : (double)edge->weight;
				links[n++] = (struct link){ .from = (int)(trigger ? b : a), .to = (int)(trigger ? a : b), .edge = edge,
							    .weight = order == CUL_UNKNOWN ? weight / 2 : weight, .untimed = order == CUL_UNKNOWN };
			}
		}
	return n;
}

/** Does following parents from @from reach @to? */
static bool leads_to(struct cul_scored **s, size_t count, int from, int to)
{
	for (size_t steps = 0; from >= 0 && steps <= count; steps++) {
		if (from == to)
			return true;
		from = s[from]->parent;
	}
	return false;
}

static const char *relation(struct cul_judge *j, const struct cul_scored *parent, const struct cul_scored *child)
{
	static const char *const en[] = { "same host", "same GPU", "same process", "same job", "same device", "" };
	static const char *const zh[] = { "同一主机", "同一 GPU", "同一进程", "同一作业", "同一设备", "" };
	bool chinese = cul_is_zh(j->lang);
	const char *where = (chinese ? zh : en)[child->via->same], *comma = *where ? (chinese ? "，" : ", ") : "";

	if (child->contributes)
		return cul_arena_printf(j->arena, "%s%s%s", where, comma, chinese ? "促成了它" : "brings it about");
	int64_t x, y;
	if (child->untimed_edge || !onsets(parent, child, &x, &y))
		return cul_arena_printf(j->arena, "%s%s%s", where, comma, chinese ? "先后由时间无法确定" : "order not told by the times");
	double gap = ((double)y - (double)x) / 1e9;
	if (gap < 0.05)
		return cul_arena_printf(j->arena, "%s%s%s", where, comma, chinese ? "同时" : "at the same time");
	return cul_arena_printf(j->arena, chinese ? "%s%s晚 %.*f 秒" : "%s%s%.*f s later", where, comma, gap < 10 ? 1 : 0, gap);
}

static enum cul_role role_of(const struct cul_scored *s)
{
	if (s->rule->role >= 0 && (s->rule->role != CUL_ROLE_ROOT || s->parent < 0))
		return (enum cul_role)s->rule->role;
	if (s->parent < 0)
		return CUL_ROLE_ROOT;
	return s->contributes ? CUL_ROLE_CONTRIBUTING : CUL_ROLE_SYMPTOM;
}

static bool near(const struct cul_scored *s, int64_t at)
{
	return at && s->f.first_ns != CUL_NO_TIME && s->f.first_ns <= at + AROUND_NS && s->f.last_ns >= at - AROUND_NS;
}

/* Do the logs of the kernel or program that told @s go on two weeks and more after @last, or begin again six weeks after it, whatever the boots between? */
static bool is_long_over(const struct cul_judge *j, const struct cul_scored *s, int64_t last)
{
	if (!s->stream || !strcmp(s->stream, "log")) /* any log: another program's tells nothing of this one */
		return false;
	/* what has no times covers all of them, and tells nothing here */
	if (last > INT64_MAX - 26 * OVER_NS || cul_case_covers(j->c, s->stream, s->f.host, INT64_MAX - 1, INT64_MAX - 1) == CUL_TRUE)
		return false;
	for (int i = 1; i <= 24; i++)
		if (cul_case_covers(j->c, s->stream, s->f.host, last + i * OVER_NS, last + i * OVER_NS) == CUL_TRUE)
			return true;
	/* rotated parts are missing in between: a log that only ends so long after it. From the end of time, so that its end alone counts. */
	return cul_case_covers(j->c, s->stream, s->f.host, INT64_MAX - 1, last + 3 * OVER_NS) == CUL_TRUE;
}

/* Did the host boot again after @last, by its own log? What lasts until a boot is over then, though nobody said when all was captured. */
static bool is_rebooted(const struct cul_judge *j, const struct cul_scored *s, int64_t last)
{
	const struct cul_kind *kind = cul_kind_find(CUL_LIT("kernel.boot"));
	const struct cul_row *const *rows = NULL;
	size_t count = 0;
	if (s->f.ongoing == CUL_FALSE)
		return true;
	if (!kind || s->f.host < 0 || cul_case_rows(j->c, kind, -1, &rows, &count, NULL) != CUL_OK)
		return false;
	while (count--)
		if (rows[count]->host == s->f.host && rows[count]->time_ns != CUL_NO_TIME && rows[count]->time_ns > last)
			return true;
	return false;
}

/*
 * An old trouble that was over for a day when a sure and severe one began isn't what the incident is about. What lasts is not over
 * before the next boot, nor is what led to such, nor what has symptoms since. What the kernel or a program told once, and never again in two weeks and more of
 * its log, is history: it leads no more, unless --about or --at ask for it.
 */
static void mark_past(struct cul_judge *j, struct cul_scored **s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t last = s[i]->f.last_ns;
		s[i]->past = false;
		if (s[i]->f.role != CUL_ROLE_ROOT || s[i]->f.onset_ns == CUL_NO_TIME || last == CUL_NO_TIME || (s[i]->rule->lasts && !is_rebooted(j, s[i], last)))
			continue;
		bool lasts = false;
		for (size_t k = 0; k < count; k++)
			if (s[k]->parent == (int)i) {
				lasts |= s[k]->rule->lasts && s[k]->f.ongoing != CUL_FALSE;
				if (s[k]->f.last_ns != CUL_NO_TIME && s[k]->f.last_ns > last)
					last = s[k]->f.last_ns;
			}
		if (lasts) /* what it led to is still so */
			continue;
		for (size_t k = 0; k < count && !s[i]->past; k++)
			s[i]->past = k != i && s[k]->f.role == CUL_ROLE_ROOT && s[k]->f.host == s[i]->f.host && !s[k]->onset_open &&
				     s[k]->f.certainty >= SURE && s[k]->f.severity >= 0 && s[k]->f.severity <= 3 &&
				     s[k]->f.onset_ns != CUL_NO_TIME && s[k]->f.onset_ns > last && s[k]->f.onset_ns - PAST_NS > last;
		if (!s[i]->asked && !near(s[i], j->at_ns) && is_long_over(j, s[i], last)) {
			s[i]->past = true;
			s[i]->f.role = CUL_ROLE_BACKGROUND;
		}
	}
}

static int by_rank(const void *pa, const void *pb, void *ctx)
{
	const struct cul_scored *a = *(const struct cul_scored *const *)pa, *b = *(const struct cul_scored *const *)pb;
	int64_t at = ((struct sort_context *)ctx)->at_ns;
	long x = lround(a->f.certainty * 100), y = lround(b->f.certainty * 100);

	if (a->f.role != b->f.role)
		return (int)a->f.role - (int)b->f.role;
	if (a->asked != b->asked && (x >= 50) == (y >= 50))
		return a->asked ? -1 : 1;
	if (near(a, at) != near(b, at) && (x >= 50) == (y >= 50))
		return near(a, at) ? -1 : 1;
	if (a->past != b->past && (x >= 50) == (y >= 50))
		return a->past ? 1 : -1;
	if (x != y)
		return x > y ? -1 : 1;
	if (a->f.severity != b->f.severity)
		return a->f.severity - b->f.severity;
	if (onset_or_last(a) != onset_or_last(b))
		return onset_or_last(a) < onset_or_last(b) ? -1 : 1;
	if (a->f.onset_ns == CUL_NO_TIME && a->since_boot_ns != b->since_boot_ns) /* CUL_NO_TIME is the least: it goes last */
		return (uint64_t)a->since_boot_ns < (uint64_t)b->since_boot_ns ? -1 : 1;
	int order = strcmp(a->f.cause, b->f.cause);
	if (order)
		return order;
	if (a->f.host != b->f.host)
		return a->f.host - b->f.host;
	return a->f.order - b->f.order; /* as they were found: by rule, then part */
}

/* A root of the same rule on the same host that stands before it: one incident that shows on several GPUs, processes or devices. */
struct twin {
	struct cul_scored *later, *first;
};

static size_t fold_twins(struct cul_scored **s, size_t count, struct twin *twins)
{
	size_t n = 0;
	for (size_t i = 1; i < count && n < EDGES; i++)
		for (size_t k = 0; k < i && s[i]->f.role == CUL_ROLE_ROOT; k++)
			if (s[k]->rule == s[i]->rule && s[k]->f.role == CUL_ROLE_ROOT && s[k]->f.host == s[i]->f.host) {
				s[i]->f.role = CUL_ROLE_SYMPTOM;
				twins[n++] = (struct twin){ s[i], s[k] };
			}
	return n;
}

int cul_graph(struct cul_judge *j, struct cul_scored **s, size_t count)
{
	struct sort_context ctx = { .scored = s, .at_ns = j->at_ns };
	size_t pairs = count * count < EDGES ? count * count + 1 : EDGES, most = pairs * 64 < EDGES ? pairs * 64 : EDGES;
	struct link *links = cul_arena_get(j->scratch, most * sizeof(*links));
	struct cul_scored **before = cul_arena_get(j->scratch, (count + 1) * sizeof(*before));
	struct twin *twins = cul_arena_get(j->scratch, pairs * sizeof(*twins));
	size_t *first = cul_arena_get(j->scratch, (count * 2 + 1) * sizeof(*first));
	bool *named = cul_arena_get(j->scratch, count + 1);

	if (!links || !before || !twins || !first || !named) {
		j->status = CUL_ENOMEM;
		return 0;
	}
	size_t n = make_links(s, count, links, first, named);
	qsort_r(links, n, sizeof(*links), by_strength, &ctx);
	for (size_t i = 0; i < n; i++) {
		struct cul_scored *child = s[links[i].to];
		if (child->parent >= 0 || leads_to(s, count, links[i].from, links[i].to))
			continue;
		child->parent = links[i].from;
		child->via = links[i].edge;
		child->untimed_edge = links[i].untimed;
		child->contributes = links[i].edge->weight == CUL_TRIGGER;
	}
	for (size_t i = 0; i < count; i++) {
		s[i]->f.role = role_of(s[i]);
		s[i]->f.order = (int)i;
		s[i]->asked = cul_ask_about(j, &s[i]->f);
		s[i]->f.waived = cul_ask_waived(j, &s[i]->f);
		before[i] = s[i];
	}
	mark_past(j, s, count);
	qsort_r(s, count, sizeof(*s), by_rank, &ctx);
	size_t twin_count = fold_twins(s, count, twins);
	if (twin_count)
		qsort_r(s, count, sizeof(*s), by_rank, &ctx);
	for (size_t i = 0; i < count; i++)
		s[i]->f.order = (int)i + 1;
	for (size_t i = 0; i < twin_count; i++) {
		twins[i].later->f.explained_by = twins[i].first->f.order;
		twins[i].later->f.relation = cul_is_zh(j->lang) ? "同一原因，出现在另一处" : "the same cause in another place";
	}
	int lead = 0;
	for (size_t i = 0; i < count; i++) {
		if (s[i]->parent >= 0) {
			const struct cul_scored *parent = before[s[i]->parent];
			s[i]->f.explained_by = parent->f.order;
			s[i]->f.relation = relation(j, parent, s[i]);
		}
		if (!lead && s[i]->f.role == CUL_ROLE_ROOT && s[i]->f.certainty >= LEAD && !s[i]->f.waived)
			lead = s[i]->f.order;
	}
	return lead;
}
