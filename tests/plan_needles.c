/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Writes base/needle_planned.c: mkmodel -t FOLDER... | plan_needles OUT. The best windows and buckets for the product's own needles on
 * the text that stdin brings, which takes seconds and so is not done at start. `make plan` runs it after needles were
 * added; what the plan does not know yet is planned quickly, and a little worse.
 */
#include <stdio.h>

#include "base/needle_inside.h"
#include "tests/own_needles.h"

static int by_name(const void *a, const void *b)
{
	const struct cul_planned *x = a, *y = b;
	return x->name < y->name ? -1 : x->name > y->name;
}

int main(int argc, char **argv)
{
	static const struct cul_effort best = { 65536, 250, 2 };
	size_t size = 0, room = 1 << 20, got, kept = 0;
	char *text = malloc(room);

	while (text && (got = fread(text + size, 1, room - size, stdin)) > 0) {
		size += got;
		if (size == room)
			text = realloc(text, room *= 2);
	}
	if (argc != 2 || !text || size < 4096 || !own_needles(NULL, 0)) {
		fputs("usage: mkmodel -t FOLDER... | plan_needles OUT\n", stderr);
		return 2;
	}
	/* a literal that several look for is one */
	struct cul_planned *plan = calloc(own_count, sizeof(*plan));
	struct cul_choice *bytes = calloc(own_count, sizeof(*bytes)), *halves = calloc(own_count, sizeof(*halves));
	if (!plan || !bytes || !halves || !cul_needles_plan(own, own_count, false, (struct cul_slice){ text, size }, &best, bytes) ||
	    !cul_needles_plan(own, own_count, true, (struct cul_slice){ text, size }, &best, halves))
		return 1;
	for (size_t i = 0; i < own_count; i++)
		plan[i] = (struct cul_planned){ cul_literal_name(own[i].literal, own[i].caseless), bytes[i], halves[i] };
	qsort(plan, own_count, sizeof(*plan), by_name);
	FILE *out = fopen(argv[1], "we");
	if (!out)
		return 1;
	fputs("/* SPDX-License-Identifier: Apache-2.0 */\n/** The plan of the product's own needles; made by `make plan` (tests/plan_needles.c). */\n"
	      "#include \"base/needle_inside.h\"\n\nconst struct cul_planned cul_needle_plan[] = {\n", out);
	for (size_t i = 0; i < own_count; i++)
		if (!i || plan[i].name != plan[i - 1].name) {
			fprintf(out, "%s{0x%08x,{%u,%u},{%u,%u}},%s", kept % 5 ? "" : "\t", plan[i].name, plan[i].bytes.at, plan[i].bytes.bucket,
				plan[i].halves.at, plan[i].halves.bucket, kept % 5 == 4 ? "\n" : " ");
			kept++;
		}
	fprintf(out, "\n};\nconst size_t cul_needle_planned = sizeof(cul_needle_plan) / sizeof(*cul_needle_plan);\n");
	if (fclose(out))
		return 1;
	printf("%zu needles, %zu of them different\n", own_count, kept);
	free(plan);
	free(bytes);
	free(halves);
	free(text);
	own_needles_free();
	return 0;
}
