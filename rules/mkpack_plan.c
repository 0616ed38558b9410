/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Of the literals that parsers and built-in rules look for, those that base/needle_planned.c does not know yet: planned here, once, as they
 * would be at each start. The needles are caught where the parse makes its set, so that no list is kept twice: linked with
 * --wrap=cul_needles_new.
 */
#include "rules/mkpack.h"

#include <stdlib.h>

#include "base/needle_inside.h"

const struct cul_planned cul_needle_late[1]; /* mkpack itself has none */
const size_t cul_needle_late_planned = 0;

static FILE *into;
static bool written;

static int by_name(const void *a, const void *b)
{
	const struct cul_planned *x = a, *y = b;
	return x->name < y->name ? -1 : x->name > y->name;
}

static bool is_known(uint32_t name)
{
	for (size_t i = 0; i < cul_needle_planned; i++)
		if (cul_needle_plan[i].name == name)
			return true;
	return false;
}

/* In place of a set of needles: its plan. There is no set, and the parse ends. */
enum cul_status __wrap_cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret);
enum cul_status __wrap_cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret)
{
	static const struct cul_effort quick = CUL_EFFORT_QUICK;
	struct cul_choice *bytes = calloc(count, sizeof(*bytes)), *halves = calloc(count, sizeof(*halves));
	struct cul_planned *late = calloc(count, sizeof(*late));
	size_t n = 0;

	*ret = NULL;
	if (bytes && halves && late && cul_needles_plan(needles, count, false, CUL_NONE, &quick, bytes) &&
	    cul_needles_plan(needles, count, true, CUL_NONE, &quick, halves)) {
		for (size_t i = 0; i < count; i++) {
			uint32_t name = cul_literal_name(needles[i].literal, needles[i].caseless);
			if (needles[i].literal.size && !is_known(name))
				late[n++] = (struct cul_planned){ name, bytes[i], halves[i] };
		}
		qsort(late, n, sizeof(*late), by_name);
		fputs("const struct cul_planned cul_needle_late[] = {\n", into);
		size_t kept = 0;
		for (size_t i = 0; i < n; i++)
			if (!i || late[i].name != late[i - 1].name) {
				fprintf(into, "{0x%08x,{%u,%u},{%u,%u}},\n", late[i].name, late[i].bytes.at, late[i].bytes.bucket,
					late[i].halves.at, late[i].halves.bucket);
				kept++;
			}
		fprintf(into, "{0,{0,0},{0,0}}};\nconst size_t cul_needle_late_planned = %zu;\n", kept);
		written = true;
	}
	free(bytes);
	free(halves);
	free(late);
	return CUL_ENOMEM;
}

bool mkpack_plan(FILE *out, const struct cul_rules *rules)
{
	struct cul_interests interests = { rules->items, rules->item_count };
	struct cul_limits limits = { 0 };
	struct cul_sink sink = { 0 };
	struct cul_tally tally;
	struct cul_error err = { 0 };
	struct cul_bundle *bundle = NULL;
	struct cul_blob nothing = { .name = "nothing", .bytes = { "", 0 } };

	into = out;
	if (cul_bundle_memory(&nothing, 1, &limits, &bundle, &err) != CUL_OK)
		return false;
	enum cul_status status = cul_parse(bundle, &interests, &limits, &sink, &tally, &err);
	cul_bundle_close(bundle);
	return status == CUL_ENOMEM && written;
}
