/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What parsers hand up: typed arguments -> an observation by the kind's canonical fields.
 */
#include <assert.h>
#include <math.h>

#include "parsers/state.h"

struct cul_arg cul_int(const char *name, int64_t value)
{
	return (struct cul_arg){ .name = name, .type = CUL_INT, .i = value };
}

struct cul_arg cul_real(const char *name, double value)
{
	return (struct cul_arg){ .name = name, .type = isfinite(value) ? CUL_REAL : CUL_ABSENT, .r = value };
}

struct cul_arg cul_text(const char *name, struct cul_slice text)
{
	return (struct cul_arg){ .name = name, .type = text.size ? CUL_TEXT : CUL_ABSENT, .s = text };
}

struct cul_arg cul_string(const char *name, const char *text)
{
	return cul_text(name, cul_str(text));
}

struct cul_arg cul_flag(const char *name, bool value)
{
	return (struct cul_arg){ .name = name, .type = CUL_FLAG, .i = value };
}

struct cul_arg cul_number(const char *name, struct cul_slice digits)
{
	struct cul_arg arg = { .name = name };
	if (cul_to_int(cul_trim(digits), &arg.i))
		arg.type = CUL_INT;
	return arg;
}

struct cul_arg cul_decimal(const char *name, struct cul_slice text)
{
	struct cul_arg arg = { .name = name };
	text = cul_trim(text);
	size_t n = 0;
	while (n < text.size && (strchr("+-.,eE", text.data[n]) || (text.data[n] >= '0' && text.data[n] <= '9')))
		n++;
	while (n && (text.data[n - 1] == ',' || text.data[n - 1] == '.' || text.data[n - 1] == 'e' || text.data[n - 1] == 'E'))
		n--;
	if (n && cul_to_real(cul_slice(text.data, n), &arg.r) && isfinite(arg.r))
		arg.type = CUL_REAL;
	return arg;
}

struct cul_arg cul_bdf(const char *name, struct cul_slice bdf)
{
	/* checked here, spelled in cul_emit_args(), where there is an arena */
	char spelled[16];
	bool good = cul_to_bdf(cul_trim(bdf), spelled);
	return (struct cul_arg){ .name = name, .type = good ? CUL_TEXT : CUL_ABSENT, .s = cul_trim(bdf) };
}

struct cul_arg cul_since(struct cul_arg duration)
{
	duration.since = true;
	return duration;
}

struct cul_slice cul_keep(struct cul_parse *parse, struct cul_slice slice)
{
	char *copy = slice.size ? cul_arena_copy(parse->arena, slice) : NULL;
	return copy ? cul_slice(copy, slice.size) : CUL_NONE;
}

void *cul_keep_bytes(struct cul_parse *parse, size_t size)
{
	return cul_arena_get(parse->arena, size);
}

bool cul_kept_much(const struct cul_parse *parse)
{
	return cul_arena_bytes(parse->arena) > 4u << 20;
}

static int64_t duration_ns(double value, const char *unit)
{
	double scale = !strcmp(unit, "ms") ? 1e6 : !strcmp(unit, "us") ? 1e3 : !strcmp(unit, "min") ? 60e9 : !strcmp(unit, "h") ? 3600e9 : 1e9;
	double ns = value * scale;
	return ns > 0 && ns < 9e18 ? (int64_t)ns : 0;
}

/* The argument under the field's type. */
static bool convert(const struct cul_arg *arg, const struct cul_field *field, struct cul_value *value, char bdf[16])
{
	*value = (struct cul_value){ .field = field };
	if (arg->type == CUL_ABSENT)
		return false;
	switch (field->type) {
	case CUL_INT:
	case CUL_FLAG:
		if (arg->type == CUL_TEXT)
			return false;
		value->i = arg->type == CUL_REAL ? llround(arg->r) : arg->i;
		break;
	case CUL_REAL:
		if (arg->type == CUL_TEXT)
			return false;
		value->r = arg->type == CUL_REAL ? arg->r : (double)arg->i;
		break;
	case CUL_TEXT:
		if (arg->type != CUL_TEXT)
			return false;
		value->s = arg->s;
		if ((field->entity == CUL_ENTITY_GPU_BDF || !strcmp(field->name, "bdf")) && cul_to_bdf(arg->s, bdf))
			value->s = cul_str(bdf);
		break;
	default:
		return false;
	}
	value->type = field->type;
	return true;
}

enum cul_status cul_emit_args(struct cul_parse *parse, const struct cul_record *rec, const char *kind_name,
			      const struct cul_arg *args, size_t count)
{
	const struct cul_kind *kind = cul_kind_find(cul_str(kind_name));
	assert(kind && "a parser emits only kinds that a parser declares");
	if (!kind || parse->failed)
		return parse->failed;
	struct cul_value values[CUL_FIELDS];
	char bdf[CUL_FIELDS][16];
	size_t fields = 0;
	int64_t since = 0;
	for (; kind->fields[fields] && fields < CUL_FIELDS; fields++)
		values[fields] = (struct cul_value){ .field = kind->fields[fields] };
	for (size_t a = 0; a < count; a++) {
		if (!args[a].name)
			continue;
		size_t f = 0;
		while (f < fields && strcmp(kind->fields[f]->name, args[a].name))
			f++;
		assert(f < fields && "a parser emits only fields that its kind declares");
		if (f >= fields)
			continue;
		struct cul_value value;
		if (!convert(&args[a], kind->fields[f], &value, bdf[f]))
			continue;
		values[f] = value;
		if (args[a].since)
			since = duration_ns(value.type == CUL_REAL ? value.r : (double)value.i, kind->fields[f]->unit);
	}
	parse->understood = true;
	for (size_t i = 0; parse->current && i < parse->message_count; i++)
		if (cul_messages[i] == parse->current)
			parse->emitted[i / 64] |= UINT64_C(1) << i % 64;
	if (parse->current && kind->stream[0]) {
		size_t i = 0;
		while (i < parse->covered_count && parse->covered[i] != kind->stream)
			i++;
		if (i == parse->covered_count && i < CUL_STREAMS)
			parse->covered[parse->covered_count++] = kind->stream;
	}
	return cul_observe(parse, rec, kind, -1, values, fields, since);
}

enum cul_status cul_damaged(struct cul_parse *parse, const struct cul_record *rec, const char *why)
{
	parse->tally.damaged++;
	const struct cul_parser *current = parse->current;
	parse->current = NULL;
	enum cul_status status = cul_emit(parse, rec, "input.damaged", cul_string("why", why));
	parse->current = current;
	return status;
}

enum cul_status cul_observe(struct cul_parse *parse, const struct cul_record *rec, const struct cul_kind *kind,
			    int interest, const struct cul_value *values, size_t count, int64_t since_ns)
{
	if (parse->failed)
		return parse->failed;
	struct cul_observation o = {
		.kind = kind, .interest = interest, .section = parse->section, .line = rec->line.number, .offset = rec->line.offset,
		.time = rec->time, .boot_ns = rec->boot_ns, .since_ns = since_ns, .host = rec->host, .unit = rec->unit,
		.severity = rec->severity, .text = rec->line.text, .values = values, .count = count,
	};
	parse->tally.observations++;
	return cul_parse_fail(parse, parse->sink->observe(parse->sink->ctx, &o));
}
