/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The causal graph of the findings in Graphviz' language: `culprit report --format dot CASE | dot -Tsvg`. An arrow goes from
 * what explains to what is explained; one that is dashed, from what contributes to what it brings about.
 */
#include <string.h>

#include "base/slice.h"
#include "report/escape.h"
#include "report/parts.h"

#define COLUMNS 60

/* a quoted string's inside: harmless, then what the language itself acts upon */
static const char *quoted(struct cul_report *r, const char *text, size_t columns)
{
	const char *plain = cul_harmless(r->arena, cul_str(text));
	if (columns)
		plain = cul_shorten(r->arena, plain, columns);
	char *out = cul_arena_get(r->arena, 2 * strlen(plain) + 1);
	size_t n = 0;

	for (const char *at = plain; out && *at; at++) {
		if (*at == '"' || *at == '\\')
			out[n++] = '\\';
		out[n++] = *at;
	}
	return out ? out : "";
}

static void put_node(struct cul_report *r, const struct cul_finding *f)
{
	static const char *const fills[] = { "#f8d7da", "#fff3cd", "#e7f1ff", "#eeeeee" };
	const char *first = cul_time_words(r, f->onset_ns != CUL_NO_TIME ? f->onset_ns : f->first_ns), *where = cul_entity_words(r, f);
	const char *asked = cul_asked_words(r, f);

	fprintf(r->out, "  f%d [label=\"%d. %s\\n%s  %.0f %%", f->order, f->order, quoted(r, f->title ? f->title : "", COLUMNS),
		quoted(r, f->cause, 0), f->certainty * 100);
	if (*where)
		fprintf(r->out, "\\n%s", quoted(r, where, COLUMNS));
	if (*first)
		fprintf(r->out, "\\n%s", quoted(r, first, 0));
	if (*asked)
		fprintf(r->out, "\\n%s", quoted(r, asked + 2, COLUMNS));
	fprintf(r->out, "\", fillcolor=\"%s\"%s%s];\n", fills[f->role <= CUL_ROLE_BACKGROUND ? f->role : CUL_ROLE_BACKGROUND],
		f == r->lead ? ", penwidth=3" : "", f->role == CUL_ROLE_BACKGROUND || f->waived ? ", style=\"filled,rounded,dashed\"" : "");
}

void cul_report_dot(struct cul_report *r)
{
	fprintf(r->out, "digraph culprit {\n  label=\"%s\";\n  rankdir=LR;\n  node [shape=box, style=\"filled,rounded\", fontname=\"sans-serif\"];\n"
			"  edge [fontname=\"sans-serif\", fontsize=10];\n",
		quoted(r, r->options->input ? r->options->input : "", 0));
	for (size_t i = 0; i < r->verdict->count; i++)
		put_node(r, &r->verdict->findings[i]);
	for (size_t i = 0; i < r->verdict->count; i++) {
		const struct cul_finding *f = &r->verdict->findings[i];
		bool contributes = f->role == CUL_ROLE_CONTRIBUTING;

		if (f->explained_by)
			fprintf(r->out, "  f%d -> f%d [label=\"%s\"%s];\n", contributes ? f->order : f->explained_by,
				contributes ? f->explained_by : f->order, quoted(r, f->relation ? f->relation : "", COLUMNS),
				contributes ? ", style=dashed" : "");
	}
	fputs("}\n", r->out);
}
