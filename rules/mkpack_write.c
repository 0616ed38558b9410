/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Rules in memory -> C, for mkpack. Structures are written by the order of their members, and the C that comes out treats a missing one as an
 * error: who gives struct cul_rule or another of these a new member writes it here, too.
 */
#include "rules/mkpack.h"

#include <inttypes.h>
#include <stdlib.h>

#include "parsers/fields.h"

/* The dictionary's fields by the names that C knows them by. */
static const struct { const struct cul_field *field; const char *name; } fields[] = {
#define F(id, name, type, unit, entity, about) { F_##id, "F_" #id },
#include "parsers/fields.def"
#undef F
};

/* What was written already, by address (expressions) or by text. */
struct seen {
	const void *key;
	size_t value;
};

struct writer {
	const struct cul_rules *rules;
	const struct cul_nodes *nodes;
	bool failed;
	char *text; size_t size; /* nodes->text and what it lacks */
	struct seen *strings, *exprs; size_t seen_room, string_count;
	FILE *own, *lists, *captures, *used, *expr, *args, *named, *edges, *acts, *term, *rule, *item, *kind;
	size_t numbers[sizeof(fields) / sizeof(*fields)], field_count;
	size_t own_count, list_count, capture_count, expr_count, arg_count, named_count, edge_count, act_count, term_count, kind_count;
};

static void refuse(struct writer *w, const char *why)
{
	if (!w->failed)
		fprintf(stderr, "mkpack: %s\n", why);
	w->failed = true;
}

static size_t hash(const void *bytes, size_t size)
{
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < size; i++)
		h = (h ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

/* Where @size bytes and a NUL behind them stand in the text. */
static size_t place(struct writer *w, const char *text, size_t size)
{
	if (text >= w->nodes->text && text < w->nodes->text + w->nodes->size)
		return (size_t)(text - w->nodes->text);
	size_t slot = hash(text, size) % w->seen_room;
	for (; w->strings[slot].key; slot = (slot + 1) % w->seen_room) {
		size_t at = w->strings[slot].value;
		if (at + size < w->size && !memcmp(w->text + at, text, size) && !w->text[at + size])
			return at;
	}
	char *larger = realloc(w->text, w->size + size + 1);
	if (!larger || ++w->string_count == w->seen_room / 2) {
		refuse(w, "too many strings");
		return 0;
	}
	w->text = larger;
	memcpy(larger + w->size, text, size);
	larger[w->size + size] = 0;
	w->strings[slot] = (struct seen){ "", w->size };
	w->size += size + 1;
	return w->strings[slot].value;
}

static void put_text(struct writer *w, FILE *out, const char *text)
{
	if (text)
		fprintf(out, "T(%zu),", place(w, text, strlen(text)));
	else
		fputs("0,", out);
}

static void put_slice(struct writer *w, FILE *out, struct cul_slice s)
{
	if (s.data)
		fprintf(out, "{T(%zu),%zu},", place(w, s.data, s.size), s.size);
	else
		fputs("{0,0},", out);
}

static void put_node(struct writer *w, FILE *out, const struct cul_node *n)
{
	if (n)
		fprintf(out, "N(%zu),", (size_t)(n - w->nodes->nodes));
	else
		fputs("0,", out);
}

/* ---- expressions ---------------------------------------------------------------------------- */

static void put_constant(struct writer *w, const struct cul_val *v)
{
	fprintf(w->expr, "{%d,{", v->type);
	switch (v->type) {
	case CUL_V_UNKNOWN:
		fputs("0", w->expr);
		break;
	case CUL_V_REAL:
		fprintf(w->expr, ".r=%a", v->r);
		break;
	case CUL_V_TEXT:
		fputs(".s=", w->expr);
		put_slice(w, w->expr, v->s);
		break;
	case CUL_V_INT:
	case CUL_V_FLAG:
		fprintf(w->expr, "(int64_t)%" PRIu64 "u", (uint64_t)v->i);
		break;
	default:
		refuse(w, "a constant of a type that stands in no text");
	}
	fputs("}},", w->expr);
}

/* The number of @e among all expressions; each is written once. */
static size_t expression(struct writer *w, const struct cul_expr *e)
{
	size_t slot = hash(&e, sizeof(e)) % w->seen_room, ids[CUL_EXPR_NODES];

	for (; w->exprs[slot].key; slot = (slot + 1) % w->seen_room)
		if (w->exprs[slot].key == e)
			return w->exprs[slot].value;
	if (w->expr_count == w->seen_room / 2 || e->count > CUL_EXPR_NODES) {
		refuse(w, "too many expressions");
		return 0;
	}
	for (size_t i = 0; i < e->count; i++)
		ids[i] = expression(w, e->args[i]);
	fprintf(w->expr, "{%u,%u,%u,%d,", e->op, e->function, e->count, e->index);
	put_slice(w, w->expr, e->name);
	put_constant(w, &e->constant);
	if (e->count)
		fprintf(w->expr, "P(args,%zu),", w->arg_count);
	else
		fputs("0,", w->expr);
	fprintf(w->expr, "%d,%d},\n", e->own, e->dynamic);
	for (size_t i = 0; i < e->count; i++, w->arg_count++)
		fprintf(w->args, "E(%zu),\n", ids[i]);
	slot = hash(&e, sizeof(e)) % w->seen_room; /* those below have been put in since */
	while (w->exprs[slot].key)
		slot = (slot + 1) % w->seen_room;
	w->exprs[slot] = (struct seen){ e, w->expr_count };
	return w->expr_count++;
}

static void put_expression(struct writer *w, FILE *out, const struct cul_expr *e)
{
	if (e)
		fprintf(out, "E(%zu),", expression(w, e));
	else
		fputs("0,", out);
}

static void put_expressions(struct writer *w, FILE *out, const struct cul_expr *const *list, size_t count)
{
	if (!count) {
		fputs("0,0,", out);
		return;
	}
	size_t *ids = calloc(count, sizeof(*ids));
	if (!ids) {
		refuse(w, "out of memory");
		return;
	}
	for (size_t i = 0; i < count; i++)
		ids[i] = expression(w, list[i]);
	fprintf(out, "P(args,%zu),%zu,", w->arg_count, count);
	for (size_t i = 0; i < count; i++, w->arg_count++)
		fprintf(w->args, "E(%zu),\n", ids[i]);
	free(ids);
}

/* ---- terms ---------------------------------------------------------------------------------- */

static void put_term(struct writer *w, const struct cul_term *t)
{
	const struct cul_kind *const *kinds = cul_kinds();

	for (size_t i = 0; i < t->kind_count; i++, w->kind_count++) {
		size_t k = 0;
		while (kinds[k] && kinds[k] != t->kinds[i])
			k++;
		if (!kinds[k])
			refuse(w, "a kind that is none of cul_kinds()");
		fprintf(w->kind, "%zu,%s", k, w->kind_count % 16 == 15 ? "\n" : "");
	}
	fputs("{", w->term);
	put_text(w, w->term, t->name);
	put_node(w, w->term, t->node);
	fprintf(w->term, "%d,KINDS(%zu),%zu,%d,%zu,%zu,", t->role, w->kind_count - t->kind_count, t->kind_count, t->kind_missing, t->interest, t->interest_count);
	put_text(w, w->term, t->sql);
	put_text(w, w->term, t->stream);
	put_text(w, w->term, t->unit);
	put_expressions(w, w->term, t->fixed, t->fixed_count);
	put_expressions(w, w->term, t->dynamic, t->dynamic_count);
	fputs("{", w->term);
	for (size_t i = 0; i < sizeof(t->joins) / sizeof(*t->joins); i++) {
		fputs("{", w->term);
		put_expression(w, w->term, t->joins[i].own);
		put_expression(w, w->term, t->joins[i].other);
		fputs("},", w->term);
	}
	fprintf(w->term, "},%zu,%d,(int64_t)%" PRIu64 "u,%d,", t->join_count, t->window, (uint64_t)t->within_ns, t->anchor);
	put_expression(w, w->term, t->need);
	fprintf(w->term, "%d,%d,%d,", t->absent, t->show, t->worth);
	put_node(w, w->term, t->capture);
	fputs("},\n", w->term);
	w->term_count++;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static void put_named(struct writer *w, FILE *out, const struct cul_named *list, size_t count)
{
	if (count)
		fprintf(out, "P(named,%zu),%zu,", w->named_count, count);
	else
		fputs("0,0,", out);
	for (size_t i = 0; i < count; i++, w->named_count++) {
		fputs("{", w->named);
		put_text(w, w->named, list[i].name);
		put_expression(w, w->named, list[i].expr);
		fputs("},\n", w->named);
	}
}

static void put_edges(struct writer *w, FILE *out, const struct cul_edge *list, size_t count)
{
	if (count)
		fprintf(out, "P(edges,%zu),%zu,", w->edge_count, count);
	else
		fputs("0,0,", out);
	for (size_t i = 0; i < count; i++, w->edge_count++) {
		fputs("{", w->edges);
		put_text(w, w->edges, list[i].cause);
		put_node(w, w->edges, list[i].node);
		/* the least of its type can't be written as a number */
		fprintf(w->edges, "%d,(int64_t)%" PRIu64 "u,%d,", list[i].same, (uint64_t)list[i].within_ns, list[i].weight);
		put_expression(w, w->edges, list[i].when);
		fputs("},\n", w->edges);
	}
}

static void put_sign(struct writer *w, FILE *out, const struct cul_rule *r)
{
	fprintf(out, "%d,%u,{", r->sign, r->about);
	for (size_t i = 0; i < CUL_SIGN_FOR; i++)
		put_text(w, out, r->speaks_for[i]);
	fprintf(out, "},%zu,(int64_t)%" PRIu64 "u,%d,(int64_t)%" PRIu64 "u,", r->speaks_for_count, (uint64_t)r->reach_ns, r->latent, (uint64_t)r->fold_ns);
	put_text(w, out, r->differs);
	put_text(w, out, r->of);
	put_expression(w, out, r->prefer);
	put_node(w, out, r->many);
}

static void put_rule(struct writer *w, FILE *out, const struct cul_rule *r)
{
	const struct cul_node *const texts[] = { r->title, r->summary, r->remedy, r->do_not, r->capture, r->before_reboot, r->rivals,
						 r->references, r->examples };

	if (r->cre)
		refuse(w, "a CRE rule among the built-in ones");
	fputs("{", out);
	put_text(w, out, r->id);
	put_text(w, out, r->file);
	fputs("{", out);
	put_text(w, out, r->tree.file);
	fputs("T(0),", out);
	put_node(w, out, r->tree.root);
	fprintf(out, "},%d,%d,%d,", r->builtin, r->severity, r->worth);
	put_text(w, out, r->act);
	if (r->act_count)
		fprintf(out, "P(acts,%zu),%zu,", w->act_count, r->act_count);
	else
		fputs("0,0,", out);
	for (size_t i = 0; i < r->act_count; i++, w->act_count++) {
		fputs("{", w->acts);
		put_expression(w, w->acts, r->acts[i].when);
		put_text(w, w->acts, r->acts[i].act);
		fputs("},\n", w->acts);
	}
	fprintf(out, "%d,%d,%d,%d,%d,{", r->role, r->onset_term, r->lasts, r->per_job, r->per_gpu);
	for (size_t i = 0; i < CUL_PER; i++)
		put_text(w, out, r->per[i]);
	fprintf(out, "},%zu,P(terms,%zu),%zu,", r->per_count, w->term_count, r->term_count);
	for (size_t i = 0; i < r->term_count; i++)
		put_term(w, &r->terms[i]);
	put_expression(w, out, r->when);
	put_expression(w, out, r->at_least);
	put_expression(w, out, r->settled);
	put_named(w, out, r->lets, r->let_count);
	put_named(w, out, r->facts, r->fact_count);
	put_edges(w, out, r->edges, r->edge_count);
	fprintf(out, "%zu,%zu,", r->interest, r->interest_count);
	put_sign(w, out, r);
	fputs("0,", out);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		put_node(w, out, texts[i]);
	fputs("},\n", out);
}

/* ---- interests ------------------------------------------------------------------------------ */

/* Captures stand behind the image, by number: 0 none, the dictionary's fields that are used from 1 on, the rules' own behind CUL_PACK_OWN. */
static void put_field(struct writer *w, const struct cul_field *f)
{
	size_t total = sizeof(fields) / sizeof(*fields);

	for (size_t i = 0; f && i < total; i++)
		if (fields[i].field == f) {
			if (!w->numbers[i]) {
				w->numbers[i] = ++w->field_count;
				fprintf(w->used, "%s,\n", fields[i].name);
			}
			fprintf(w->captures, "%zu,\n", w->numbers[i]);
			return;
		}
	if (!f) {
		fputs("0,\n", w->captures);
		return;
	}
	if (w->own_count >= UINT16_MAX - CUL_PACK_OWN || total >= CUL_PACK_OWN)
		refuse(w, "too many fields");
	fprintf(w->captures, "%zu,\n", CUL_PACK_OWN + w->own_count++);
	fputs("{", w->own);
	put_text(w, w->own, f->name);
	fprintf(w->own, "%d,", f->type);
	put_text(w, w->own, f->unit);
	fprintf(w->own, "%d,", f->entity);
	put_text(w, w->own, f->about);
	fputs("},\n", w->own);
}

static void put_interest(struct writer *w, FILE *out, const struct cul_interest *item)
{
	fputs("{", out);
	put_text(w, out, item->id);
	put_text(w, out, item->pattern);
	fprintf(out, "P(lists,%zu),%d,", w->list_count, item->caseless);
	for (const char *const *l = item->literals; *l; l++, w->list_count++)
		put_text(w, w->lists, *l);
	fputs("0,\n", w->lists);
	w->list_count++;
	put_text(w, out, item->stream);
	fprintf(out, "CAPTURES(%zu),%zu,%d,%d,", w->capture_count, item->capture_count, item->line, item->each);
	for (size_t i = 0; i < item->capture_count; i++, w->capture_count++)
		put_field(w, item->captures[i]);
	put_text(w, out, item->field);
	put_text(w, out, item->jq);
	fprintf(out, "%d},\n", item->fold);
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* One array of the C: its elements, its name, how many elements stand in it. */
struct piece {
	const char *type, *name;
	FILE *file;
	char *bytes;
	size_t size, count;
};

enum { OWN, LISTS, ARGS, EXPR, NAMED, EDGES, ACTS, TERM, RULES, ITEMS, LINKED, KIND = LINKED, CAPTURES, USED, PIECES };

static void put_reals(FILE *out, const double *list, size_t count)
{
	fputs("{", out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%a,", list[i]);
	fputs("},", out);
}

static void write_nodes(FILE *out, const struct cul_nodes *nodes)
{
	for (size_t i = 0; i < nodes->count; i++) {
		const struct cul_node *n = nodes->nodes + i;
		fprintf(out, "{%u,%u,%u,%u,%u,%u,%u},%s", n->text, n->size, n->span, n->line, n->column, n->type, n->quoted,
			i % 8 == 7 ? "\n" : "");
	}
}

/*
 * The image: all that points and is pointed at, for one address (rule.h, struct cul_pack). The file includes itself: its second half is what
 * points, for another address.
 */
static void write_image(FILE *out, struct writer *w, struct piece *pieces)
{
	fputs("#pragma GCC diagnostic error \"-Wmissing-field-initializers\" /* mkpack_write.c lacks a member */\nstruct linked {\n", out);
	for (size_t i = 0; i < LINKED; i++)
		fprintf(out, "\t%s %s[%zu];\n", pieces[i].type, pieces[i].name, pieces[i].count + 1);
	fprintf(out, "};\nstruct image {\n\tstruct linked linked;\n\tstruct cul_node nodes[%zu];\n\tchar text[%zu];\n} CUL_PACK_ALIGNED;\n"
		"struct whole {\n\tstruct image image;\n\tconst struct cul_kind *kinds[%zu];\n\tconst struct cul_field *captures[%zu];\n};\n",
		w->nodes->count + 1, w->size + 1, w->kind_count + 1, w->capture_count + 1);
	fputs("#define PLACE(member, at) ((void *)(AT + offsetof(struct whole, member) + (at) * sizeof(((struct whole *)0)->member[0])))\n"
	      "#define P(member, at) PLACE(image.linked.member, at)\n#define T(at) PLACE(image.text, at)\n#define N(at) PLACE(image.nodes, at)\n"
	      "#define E(at) P(exprs, at)\n#define KINDS(at) PLACE(kinds, at)\n#define CAPTURES(at) PLACE(captures, at)\n"
	      "#define AT (CUL_PACK_AT + 65536)\nstatic const struct linked again =\n#include __FILE__\n;\n"
	      "#undef AT\n#define AT CUL_PACK_AT\nstatic const struct image image = {\n#include __FILE__\n,{\n", out);
	write_nodes(out, w->nodes);
	fputs("\n},\n", out);
	mkpack_string(out, w->text, w->size);
	fputs("};\n", out);
}

/* What stands beside the image: numbers for what has a place at run time only. */
static void write_rest(FILE *out, const struct writer *w, const struct piece *pieces)
{
	const struct cul_rules *rules = w->rules;
	const struct cul_calibration *c = &rules->calibration;
	const struct cul_kind *const *kinds = cul_kinds();
	size_t names = 0;

	for (size_t i = LINKED; i < PIECES; i++)
		fprintf(out, "static const %s %s[] = {\n%s0\n};\n", pieces[i].type, pieces[i].name, pieces[i].bytes);
	fputs("static const char *const mistakes[] = {\n", out);
	for (size_t i = 0; i < rules->mistake_count; i++) {
		mkpack_string(out, rules->mistakes[i], strlen(rules->mistakes[i]));
		fputs(",\n", out);
	}
	fputs("NULL\n};\nstatic const char *const kind_names[] = {\n", out);
	for (; kinds[names]; names++)
		fprintf(out, "\"%s\",\n", kinds[names]->name);
	fputs("};\n#define OF(member) offsetof(struct whole, member)\n#define OF_LINKED(member) OF(image.linked.member)\n"
	      "const struct cul_pack cul_builtin_pack = { &image, sizeof(image), &again, sizeof(again), sizeof(struct whole), {", out);
	put_reals(out, c->base, CUL_CLASSES);
	put_reals(out, c->adds, CUL_CLASSES);
	put_reals(out, c->takes, CUL_CLASSES);
	fprintf(out, "%a,", c->open);
	put_reals(out, c->x, sizeof(c->x) / sizeof(*c->x));
	put_reals(out, c->y, sizeof(c->y) / sizeof(*c->y));
	fprintf(out, "%zu}, OF_LINKED(rules), %zu, OF_LINKED(items), %zu, OF(kinds), %zu, kind_numbers, kind_names, %zu, OF(captures), %zu, "
		"capture_numbers, used, OF_LINKED(own), %zu, mistakes, %zu, tools };\n", c->points, rules->count, rules->item_count, w->kind_count,
		names, w->capture_count, rules->patterns, rules->mistake_count);
}

bool mkpack_write(FILE *out, const struct cul_rules *rules, const struct cul_nodes *nodes)
{
	static struct writer w;
	struct piece pieces[PIECES] = {
		[OWN] = { "struct cul_field", "own" }, [LISTS] = { "const char *", "lists" }, [ARGS] = { "const struct cul_expr *", "args" },
		[EXPR] = { "struct cul_expr", "exprs" }, [NAMED] = { "struct cul_named", "named" }, [EDGES] = { "struct cul_edge", "edges" },
		[ACTS] = { "struct cul_act", "acts" }, [TERM] = { "struct cul_term", "terms" }, [RULES] = { "struct cul_rule", "rules" },
		[ITEMS] = { "struct cul_interest", "items" }, [KIND] = { "uint16_t", "kind_numbers" },
		[CAPTURES] = { "uint16_t", "capture_numbers" }, [USED] = { "struct cul_field *const", "used" },
	};

	w = (struct writer){ .rules = rules, .nodes = nodes, .size = nodes->size, .seen_room = 1 << 20 };
	w.text = malloc(nodes->size + 1);
	w.strings = calloc(w.seen_room, sizeof(*w.strings));
	w.exprs = calloc(w.seen_room, sizeof(*w.exprs));
	for (size_t i = 0; i < PIECES; i++)
		w.failed |= !(pieces[i].file = open_memstream(&pieces[i].bytes, &pieces[i].size));
	if (!w.text || !w.strings || !w.exprs || w.failed)
		return false; /* the process ends */
	memcpy(w.text, nodes->text, nodes->size);
	FILE **const files[PIECES] = { &w.own, &w.lists, &w.args, &w.expr, &w.named, &w.edges, &w.acts, &w.term, &w.rule, &w.item, &w.kind,
				       &w.captures, &w.used };
	for (size_t i = 0; i < PIECES; i++)
		*files[i] = pieces[i].file;
	for (size_t i = 0; i < rules->count; i++)
		put_rule(&w, w.rule, rules->rules[i]);
	for (size_t i = 0; i < rules->item_count; i++)
		put_interest(&w, w.item, &rules->items[i]);
	const size_t counts[LINKED] = { w.own_count, w.list_count, w.arg_count, w.expr_count, w.named_count, w.edge_count, w.act_count,
					w.term_count, rules->count, rules->item_count };
	for (size_t i = 0; i < PIECES; i++) {
		fclose(pieces[i].file);
		pieces[i].count = i < LINKED ? counts[i] : 0;
	}
	write_image(out, &w, pieces);
	write_rest(out, &w, pieces);
	fputs("#else\n{\n", out);
	for (size_t i = 0; i < LINKED; i++)
		fprintf(out, "/* %s */ {\n%s},\n", pieces[i].name, pieces[i].bytes);
	fputs("}\n#endif\n", out);
	for (size_t i = 0; i < PIECES; i++)
		free(pieces[i].bytes);
	free(w.text);
	free(w.strings);
	free(w.exprs);
	return !w.failed;
}
