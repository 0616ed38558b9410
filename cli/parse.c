/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit parse FILE: what was understood of a file, an observation a line, as in the golden files:
 *
 *   1 nvidia.xid xid=79 gpu_bdf=0000:3b:00.0 pid=4242 comm="python3" what="GPU has fallen off the bus."
 *
 * Line number, kind, then the fields that are there in the order of the kind. Numbers and PCI addresses stand
 * bare, flags as 0 and 1, other text in quotes with \" \\ \n \xNN. Log records that only a rule asked for
 * (kind record) are shown with --rules.
 */
#include "commands.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct printer {
	const struct options *o;
	const struct cul_interests *interests;
	const char *path;
	int members, sections;
};

/* the length of the UTF-8 sequence at @at, 0 when it is none */
static size_t utf8(const unsigned char *at, size_t left)
{
	size_t n = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : at[0] >= 0xe0 && at[0] < 0xf0 ? 3 :
		   at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : 0;

	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] >= 0xa0) || (at[0] == 0xf0 && at[1] < 0x90) ||
	    (at[0] == 0xf4 && at[1] >= 0x90) || (at[0] == 0xc2 && at[1] < 0xa0))
		return 0;
	return n;
}

static bool hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* dddd:bb:dd.f as the parsers write it */
static bool is_bdf(struct cul_slice s)
{
	static const char shape[] = "hhhh:hh:hh.h";

	if (s.size != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < s.size; i++)
		if (shape[i] == 'h' ? !hex(s.data[i]) : s.data[i] != shape[i])
			return false;
	return true;
}

static void put_quoted(FILE *out, struct cul_slice text)
{
	const unsigned char *at = (const unsigned char *)text.data;
	bool terminal = isatty(fileno(out)); /* a golden file has the bytes as they are */

	putc('"', out);
	for (size_t i = 0; i < text.size;) {
		size_t n = utf8(at + i, text.size - i);

		if (at[i] == '"' || at[i] == '\\')
			fprintf(out, "\\%c", at[i]);
		else if (at[i] == '\n')
			fputs("\\n", out);
		else if (at[i] < 0x20 || at[i] == 0x7f || (!n && terminal))
			fprintf(out, "\\x%02x", at[i]);
		else
			fwrite(at + i, 1, n ? n : 1, out);
		i += n ? n : 1;
	}
	putc('"', out);
}

static void put_real(FILE *out, double r)
{
	char text[40];
	double back;

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, r);
		if (sscanf(text, "%lf", &back) == 1 && back == r)
			break;
	}
	fputs(text, out);
}

static void put_clock(FILE *out, struct cul_time time)
{
	char buf[40];

	if (time.clock == CUL_CLOCK_NONE || time.ns == CUL_NO_TIME) {
		fputs(" @-", out);
		return;
	}
	if (time.clock == CUL_CLOCK_BOOT) {
		fprintf(out, " @%" PRId64 ".%06" PRId64, time.ns / 1000000000, time.ns % 1000000000 / 1000);
		return;
	}
	print_time(time.ns, buf);
	size_t n = strlen(buf);
	if (time.clock == CUL_CLOCK_LOCAL && n && buf[n - 1] == 'Z')
		buf[n - 1] = '\0';
	fprintf(out, " @%s", buf + (time.no_date ? 11 : time.no_year ? 5 : 0));
}

static void put_value(FILE *out, const struct cul_value *v)
{
	if (v->type == CUL_ABSENT || !v->field)
		return;
	fprintf(out, " %s=", v->field->name);
	if (v->type == CUL_INT || v->type == CUL_FLAG)
		fprintf(out, "%" PRId64, v->i);
	else if (v->type == CUL_REAL)
		put_real(out, v->r);
	else if (is_bdf(v->s))
		fwrite(v->s.data, 1, v->s.size, out);
	else
		put_quoted(out, v->s);
}

static enum cul_status on_member(void *ctx, const struct cul_member *member, int *id)
{
	struct printer *p = ctx;
	const char *base = strrchr(p->path, '/');

	*id = p->members++;
	base = base && base[1] ? base + 1 : p->path;
	if (*id > 0 || (strcmp(member->name, p->path) != 0 && strcmp(member->name, base) != 0 && strcmp(p->path, "-") != 0)) {
		printf("# ");
		put_text(stdout, slice_of(member->name));
		putchar('\n');
	}
	return CUL_OK;
}

static enum cul_status on_section(void *ctx, const struct cul_section_info *info, int *id)
{
	struct printer *p = ctx;

	*id = p->sections++;
	if (p->o->verbose) {
		printf("# %" PRId64 " section %d read as %s", info->line, *id, info->parser ? info->parser : "nothing");
		if (info->command.size) {
			printf(", printed by ");
			put_quoted(stdout, info->command);
		}
		if (info->path.size) {
			printf(", called ");
			put_quoted(stdout, info->path);
		}
		putchar('\n');
	}
	return CUL_OK;
}

static enum cul_status on_section_end(void *ctx, int section, const struct cul_section_span *span)
{
	const struct printer *p = ctx;

	if (p->o->verbose) {
		printf("# section %d ends: lines=%" PRId64 " records=%" PRId64 " bytes=%" PRId64, section, span->lines,
		       span->records, span->bytes);
		for (const char *const *s = span->streams; s && *s; s++)
			printf("%s%s", s == span->streams ? " streams=" : ",", *s);
		putchar('\n');
	}
	return CUL_OK;
}

static enum cul_status on_observe(void *ctx, const struct cul_observation *ob)
{
	const struct printer *p = ctx;

	if (ob->interest >= 0 && !p->o->rules_asked)
		return CUL_OK;
	printf("%" PRId64, ob->line);
	if (p->o->times)
		put_clock(stdout, ob->time);
	printf(" %s", ob->kind->name);
	if (ob->interest >= 0 && p->interests && (size_t)ob->interest < p->interests->count) {
		printf(" interest=");
		put_quoted(stdout, slice_of(p->interests->items[ob->interest].id));
	}
	for (size_t i = 0; i < ob->count; i++)
		put_value(stdout, &ob->values[i]);
	putchar('\n');
	return CUL_OK;
}

static enum cul_status on_suspect(void *ctx, const struct cul_observation *ob)
{
	const struct printer *p = ctx;

	if (p->o->verbose) {
		printf("# %" PRId64 " not understood: ", ob->line);
		put_quoted(stdout, ob->text);
		putchar('\n');
	}
	return CUL_OK;
}

int run_parse(const struct options *o)
{
	int ret = EXIT_DONE;
	struct cul_error err = { 0 };
	AUTO(rules_freep) struct cul_rules *rules = NULL;

	if (o->rules_asked && load_rules(o, &rules, &err) != CUL_OK)
		return failed(err.status, &err);

	for (size_t i = 0; i < o->count; i++) {
		AUTO(bundle_closep) struct cul_bundle *bundle = NULL;
		struct printer p = { .o = o, .path = o->args[i] };
		const struct cul_sink sink = { .ctx = &p, .member = on_member, .section = on_section, .observe = on_observe, .section_end = on_section_end, .suspect = on_suspect };
		const struct cul_limits limits = { .unwinder = o->unwinder };
		struct cul_tally tally = { 0 };
		const char *name, *why;

		p.interests = rules ? cul_rules_interests(rules) : NULL;
		if (o->count > 1)
			printf("%s# %s\n", i ? "\n" : "", o->args[i]);
		enum cul_status status = cul_bundle_open(o->args[i], NULL, &bundle, &err);
		if (status == CUL_OK)
			status = cul_parse(bundle, p.interests, &limits, &sink, &tally, &err);
		if (status != CUL_OK) {
			ret = failed(status, &err);
			continue;
		}
		while (cul_bundle_damage(bundle, &name, &why)) {
			fflush(stdout);
			complain("%s: %s", name, why);
		}
		if (o->verbose)
			printf("# members=%" PRIu64 " sections=%" PRIu64 " lines=%" PRIu64 " records=%" PRIu64
			       " observations=%" PRIu64 " damaged=%" PRIu64 "\n", tally.members, tally.sections,
			       tally.lines, tally.records, tally.observations, tally.damaged);
	}
	return ret;
}
