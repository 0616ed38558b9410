/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Is the fast way the same as the plain one? naive [--only-ways] PATH...: each file or folder is parsed as the product does, and then
 *
 * - naively: every pattern of every rule is asked by PCRE2 of every record, whatever literals stand in it and whatever a loosened
 *   pattern thinks of its line;
 * - in other ways: without vector instructions, in blocks of 4 KiB and of 1 MiB, by four threads;
 *
 * and what the sink is told must be the same. The set of needles is caught where the parse makes and asks it: linked with
 * --wrap=cul_needles_new,cul_needles_scan,cul_pattern_loosen. --only-ways leaves the first out, which takes some minutes a MiB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/needle.h"
#include "base/pattern.h"
#include "culprit/bundle.h"
#include "culprit/parse.h"
#include "culprit/rules.h"

/* ---- the naive set: in each line every literal of a rule stands ---------------------------------------- */

static const struct cul_interests *interests;
static bool naive;
static bool *ours; /* by needle: it is a rule's */
static size_t our_count;

static bool is_literal(const char *text)
{
	for (size_t i = 0; i < interests->count; i++)
		for (const char *const *l = interests->items[i].literals; l && *l; l++)
			if (*l == text)
				return true;
	return false;
}

enum cul_status __real_cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret);
enum cul_status __wrap_cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret);
enum cul_status __wrap_cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret)
{
	if (!ours) {
		ours = calloc(count + 1, sizeof(*ours));
		for (size_t i = 0; ours && i < count; i++)
			ours[i] = is_literal(needles[i].literal.data);
		our_count = count;
	}
	return __real_cul_needles_new(needles, count, ret);
}

struct hit {
	size_t end;
	uint32_t index;
};
struct hits {
	struct hit *items;
	size_t count, room;
};

static void add_hit(struct hits *h, uint32_t index, size_t end)
{
	if (h->count == h->room) {
		h->room = h->room ? 2 * h->room : 4096;
		h->items = realloc(h->items, h->room * sizeof(*h->items));
		if (!h->items)
			abort();
	}
	h->items[h->count++] = (struct hit){ end, index };
}

static bool keep_others(void *ctx, uint32_t index, size_t end)
{
	if (index >= our_count || !ours[index])
		add_hit(ctx, index, end);
	return true;
}

static int by_end(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	return x->end != y->end ? (x->end < y->end ? -1 : 1) : x->index < y->index ? -1 : x->index > y->index;
}

void __real_cul_needles_scan(const struct cul_needles *set, struct cul_slice text, bool (*hit)(void *ctx, uint32_t index, size_t end), void *ctx);
void __wrap_cul_needles_scan(const struct cul_needles *set, struct cul_slice text, bool (*hit)(void *ctx, uint32_t index, size_t end), void *ctx);
void __wrap_cul_needles_scan(const struct cul_needles *set, struct cul_slice text, bool (*hit)(void *ctx, uint32_t index, size_t end), void *ctx)
{
	struct hits h = { 0 };
	if (!naive) {
		__real_cul_needles_scan(set, text, hit, ctx);
		return;
	}
	__real_cul_needles_scan(set, text, keep_others, &h);
	for (size_t start = 0; start < text.size;) {
		const char *stop = memchr(text.data + start, '\n', text.size - start);
		size_t end = stop ? (size_t)(stop - text.data) : text.size;
		for (uint32_t i = 0; end > start && i < our_count; i++)
			if (ours[i])
				add_hit(&h, i, end);
		start = end + 1;
	}
	if (h.count)
		qsort(h.items, h.count, sizeof(*h.items), by_end);
	for (size_t i = 0; i < h.count && hit(ctx, h.items[i].index, h.items[i].end); i++)
		;
	free(h.items);
}

char *__real_cul_pattern_loosen(const char *pattern);
char *__wrap_cul_pattern_loosen(const char *pattern);
char *__wrap_cul_pattern_loosen(const char *pattern)
{
	return naive ? NULL : __real_cul_pattern_loosen(pattern);
}

/* ---- what a sink is told ------------------------------------------------------------------------------- */

struct told {
	char **lines;
	size_t count, room;
	int members, sections;
	int64_t records;
};

static void tell(struct told *t, char *line)
{
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 1024;
		t->lines = realloc(t->lines, t->room * sizeof(*t->lines));
	}
	if (!t->lines || !line)
		abort();
	t->lines[t->count++] = line;
}

static void told_done(struct told *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->lines[i]);
	free(t->lines);
	*t = (struct told){ 0 };
}

static enum cul_status on_member(void *ctx, const struct cul_member *member, int *id)
{
	struct told *t = ctx;
	char *line = NULL;
	*id = ++t->members;
	if (asprintf(&line, "member %s", member->name) < 0)
		abort();
	tell(t, line);
	return CUL_OK;
}

static enum cul_status on_section(void *ctx, const struct cul_section_info *info, int *id)
{
	struct told *t = ctx;
	char *line = NULL;
	*id = ++t->sections;
	if (asprintf(&line, "section %s of %d at %lld", info->parser, info->member, (long long)info->line) < 0)
		abort();
	tell(t, line);
	return CUL_OK;
}

static enum cul_status on_observe(void *ctx, const struct cul_observation *o)
{
	struct told *t = ctx;
	char *line = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&line, &size);
	if (!out)
		abort();
	fprintf(out, "%s %s line %lld in %d, time %lld boot %lld, host %.*s unit %.*s severity %d:", o->kind->name,
		o->interest >= 0 ? interests->items[o->interest].id : "-", (long long)o->line, o->section, (long long)o->time.ns, (long long)o->boot_ns,
		(int)o->host.size, o->host.data ? o->host.data : "", (int)o->unit.size, o->unit.data ? o->unit.data : "", o->severity);
	for (size_t i = 0; i < o->count; i++) {
		const struct cul_value *v = &o->values[i];
		fprintf(out, " %s=", v->field->name);
		if (v->type == CUL_TEXT)
			fprintf(out, "%.*s", (int)v->s.size, v->s.data);
		else if (v->type == CUL_REAL)
			fprintf(out, "%a", v->r);
		else if (v->type != CUL_ABSENT)
			fprintf(out, "%lld", (long long)v->i);
	}
	fclose(out);
	tell(t, line);
	return CUL_OK;
}

static enum cul_status on_end(void *ctx, int section, const struct cul_section_span *span)
{
	struct told *t = ctx;
	char *line = NULL;
	t->records += span->records;
	if (asprintf(&line, "end of %d: %lld lines", section, (long long)span->lines) < 0)
		abort();
	tell(t, line);
	return CUL_OK;
}

static void parse(const char *path, const struct cul_limits *limits, struct told *t)
{
	struct cul_sink sink = { t, on_member, on_section, on_observe, on_end, NULL, NULL };
	struct cul_bundle *bundle = NULL;
	struct cul_tally tally;
	struct cul_error err = { 0 };
	if (cul_bundle_open(path, limits, &bundle, &err) != CUL_OK || cul_parse(bundle, interests, limits, &sink, &tally, &err) != CUL_OK) {
		fprintf(stderr, "naive: %s: %s\n", path, err.text);
		exit(1);
	}
	cul_bundle_close(bundle);
}

/* False: they differ; the first difference is printed. */
static bool same(const char *path, const char *way, const struct told *want, const struct told *got)
{
	size_t i = 0;
	while (i < want->count && i < got->count && !strcmp(want->lines[i], got->lines[i]))
		i++;
	if (i == want->count && i == got->count)
		return true;
	printf("%s: %s\n  the product  %s\n  otherwise    %s\n", path, way, i < want->count ? want->lines[i] : "(nothing)", i < got->count ? got->lines[i] : "(nothing)");
	return false;
}

int main(int argc, char **argv)
{
	struct cul_rules *rules = NULL;
	struct cul_error err = { 0 };
	bool only_ways = argc > 1 && !strcmp(argv[1], "--only-ways");
	static const struct {
		const char *name, *isa;
		unsigned threads;
		size_t block_bytes;
	} ways[] = { { "without vector instructions", "scalar", 1, 0 }, { "in blocks of 4 KiB", NULL, 1, 4096 }, { "in blocks of 1 MiB", NULL, 1, 1 << 20 },
		     { "by four threads, in blocks of 16 KiB", NULL, 4, 16384 } };
	size_t wrong = 0, observations = 0;
	int64_t records = 0;

	if (argc < 2 + only_ways || cul_rules_load(true, NULL, 0, &rules, &err) != CUL_OK) {
		fprintf(stderr, "usage: naive [--only-ways] PATH...\n%s", err.text);
		return 2;
	}
	interests = cul_rules_interests(rules);
	for (int i = 1 + only_ways; i < argc; i++) {
		struct told want = { 0 }, got = { 0 };
		struct cul_limits limits = { .threads = 1 };
		parse(argv[i], &limits, &want);
		observations += want.count;
		records += want.records;
		for (size_t k = 0; k < sizeof(ways) / sizeof(*ways); k++) {
			struct cul_limits other = { .threads = ways[k].threads, .block_bytes = ways[k].block_bytes };
			if (ways[k].isa)
				setenv("CULPRIT_ISA", ways[k].isa, 1);
			parse(argv[i], &other, &got);
			unsetenv("CULPRIT_ISA");
			wrong += !same(argv[i], ways[k].name, &want, &got);
			told_done(&got);
		}
		if (!only_ways) {
			naive = true;
			parse(argv[i], &limits, &got);
			naive = false;
			wrong += !same(argv[i], "every pattern asked of every record", &want, &got);
			told_done(&got);
		}
		told_done(&want);
	}
	printf("naive: %d inputs, %lld records, %zu things told, %zu differences\n", argc - 1 - only_ways, (long long)records, observations, wrong);
	cul_rules_free(rules);
	free(ours);
	return wrong ? 1 : 0;
}
