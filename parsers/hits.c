/* SPDX-License-Identifier: Apache-2.0 */
/**
 * All literals of parsers, rules and suspicion as one set of needles, and what of them stands in a line.
 */
#include <stdlib.h>

#include "parsers/state.h"

/* words that make a record suspect; lower case. The first ones do so even where its envelope says "info". */
#define GRAVE 7
static const char *const suspicion[] = {
	"panic", "fatal", "traceback", "exception", "segfault", "killed", "critical",
	"error", "fail", "abort", "timeout", "timed out", "corrupt", "oops", "denied", " hang", "incompatible", "unable to", "refused", "not responding", "stuck", "hung", "lockup",
};

/* ---- needles -------------------------------------------------------------------------------- */

struct collect {
	struct cul_needle *needles;
	uint32_t *use;
	size_t count, room;
	bool failed;
};

static void add_needle(struct collect *c, const char *literal, bool caseless, uint32_t use)
{
	if (!literal || !*literal)
		return;
	if (c->count == c->room) {
		c->room = c->room ? c->room * 2 : 1024;
		struct cul_needle *needles = realloc(c->needles, c->room * sizeof(*needles));
		if (needles)
			c->needles = needles;
		uint32_t *uses = realloc(c->use, c->room * sizeof(*uses));
		if (uses)
			c->use = uses;
		if (!needles || !uses) {
			c->failed = true;
			c->room = c->count;
			return;
		}
	}
	c->needles[c->count] = (struct cul_needle){ cul_str(literal), caseless, (uint32_t)c->count };
	c->use[c->count++] = use;
}

enum cul_status cul_make_hits(struct cul_parse *p)
{
	struct collect c = { 0 };
	for (size_t i = 0; i < p->message_count; i++)
		for (const char *const *n = cul_messages[i]->needles; n && *n; n++)
			add_needle(&c, *n, false, USE(USE_MESSAGE, i));
	for (size_t i = 0; i < p->capture_count; i++)
		for (const char *const *n = cul_captures[i]->needles; n && *n; n++)
			add_needle(&c, *n, false, USE(USE_CAPTURE, i));
	for (size_t i = 0; i < p->interest_count; i++)
		for (const char *const *n = p->interests->items[i].literals; n && *n; n++)
			add_needle(&c, *n, p->interests->items[i].caseless, USE(USE_INTEREST, i));
	for (size_t i = 0; i < sizeof(suspicion) / sizeof(suspicion[0]); i++)
		add_needle(&c, suspicion[i], true, USE(USE_SUSPICION, i));
	add_needle(&c, " kernel: ", false, USE(USE_KERNEL, 0)); /* so that a syslog counts as a kernel log where it is one */
	/* what a journal says by a number alone, or in bytes */
	for (const char *const *n = CUL_LIST("\"PRIORITY\":\"0\"", "\"PRIORITY\":\"1\"", "\"PRIORITY\":\"2\"", "\"PRIORITY\":\"3\"", "\"PRIORITY\" : \"3\"", "\"PRIORITY\" : \"2\"", "\"MESSAGE\":[", "\"MESSAGE\" : ["); *n; n++)
		add_needle(&c, *n, false, USE(USE_WANTED, 0));
	add_needle(&c, "#033[", false, USE(USE_ODD, 0));         /* rsyslog's escape of an escape */
	p->needle_use = c.use;
	enum cul_status status = c.failed ? CUL_ENOMEM : cul_needles_new(c.needles, c.count, &p->needles);
	/* the literals are the parsers' and the rules'; the array itself is copied by the set */
	free(c.needles);
	p->needle_count = c.count;
	p->hits = calloc(c.count + 1, sizeof(*p->hits));
	p->hit_marked = calloc(c.count + 1, 1);
	p->needle_class = calloc(c.count + 1, 1);
	for (size_t i = 0; p->needle_class && i < c.count; i++)
		p->needle_class[i] = USE_TYPE(c.use[i]) == USE_KERNEL ? CUL_LINE_KERNEL : USE_TYPE(c.use[i]) == USE_ODD ? CUL_LINE_ODD : CUL_LINE_HIT;
	return status == CUL_OK && p->hits && p->hit_marked && p->needle_class ? CUL_OK : cul_parse_no_memory(p);
}

static void note_hit(struct cul_parse *p, uint32_t index)
{
	uint32_t type = USE_TYPE(p->needle_use[index]);
	if (type >= USE_SUSPICION) {
		p->suspicious |= type == USE_SUSPICION;
		p->grave |= type == USE_SUSPICION && USE_INDEX(p->needle_use[index]) < GRAVE;
		p->kernel_word |= type == USE_KERNEL;
		p->wanted |= type == USE_WANTED;
	} else if (!p->hit_marked[index]) {
		p->hit_marked[index] = 1;
		p->hits[p->hit_count++] = index;
	}
}

static bool on_hit(void *ctx, uint32_t index, size_t end)
{
	(void)end;
	note_hit(ctx, index);
	return true;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void forget_hits(struct cul_parse *p)
{
	for (size_t i = 0; i < p->hit_count; i++)
		p->hit_marked[p->hits[i]] = 0;
	p->hit_count = 0;
	p->suspicious = p->grave = p->kernel_word = p->wanted = false;
}

/* All that stands in @text, as sorted needle indexes in p->hits: parsers first, then interests. */
void cul_find_hits(struct cul_parse *p, struct cul_slice text)
{
	forget_hits(p);
	cul_needles_scan(p->needles, text, on_hit, p);
	if (p->hit_count > 1)
		qsort(p->hits, p->hit_count, sizeof(p->hits[0]), by_number);
}

/* The same of the line that comes next: mostly it is known. */
void cul_next_hits(struct cul_parse *p, struct cul_slice text)
{
	const struct cul_hit *hits;
	size_t count;
	if (!cul_lines_hits(p->lines, &hits, &count)) {
		cul_find_hits(p, text);
		return;
	}
	forget_hits(p);
	for (size_t i = 0; i < count; i++)
		note_hit(p, hits[i].needle);
	if (p->hit_count > 1)
		qsort(p->hits, p->hit_count, sizeof(p->hits[0]), by_number);
}

enum cul_status cul_share_hits(struct cul_parse *p, const struct cul_parse *other)
{
	p->beside = true;
	p->needles = other->needles;
	p->needle_use = other->needle_use;
	p->needle_class = other->needle_class;
	p->needle_count = other->needle_count;
	p->hits = calloc(p->needle_count + 1, sizeof(*p->hits));
	p->hit_marked = calloc(p->needle_count + 1, 1);
	return p->hits && p->hit_marked ? CUL_OK : cul_parse_no_memory(p);
}
