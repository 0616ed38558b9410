/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Every parser and its samples: what comes of a file must stand, byte for byte, in the .obs beside it.
 *
 * usage: golden [--update] [--chop] SAMPLES [FAMILY/]NAME...     no NAME: every parser of the registry
 *
 * samples/FAMILY/NAME/FILE.{log,txt,csv,json} is read as a member FILE; FILE.obs has a line for each observation:
 * "line kind field=value ...". For an envelope it has what the envelope peels off each line. A parser without a sample
 * fails, so does one whose samples bring nothing of its own kinds. --update rewrites the .obs files; the diff is to be
 * reviewed. --chop cuts each sample at every byte (large ones at steps): damage may come of it, never a failure.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "culprit/culprit.h"
#include "parsers/parser.h"
#include "parsers/state.h"

#define EVERY_BYTE 2048 /* a sample up to this size is cut at every byte, a larger one at each 37th */
#define CHOPS 1024      /* and so many times at most */

struct out {
	char *data;
	size_t size;
	FILE *file;
	const struct cul_kind *const *own; /* kinds of the parser under test */
	size_t own_seen;
};

static int failures;

static void complain(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	failures++;
}

static bool is_bdf(struct cul_slice s)
{
	static const char shape[] = "hhhh:hh:hh.h";

	if (s.size != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < s.size; i++)
		if (shape[i] == 'h' ? !strchr("0123456789abcdef", s.data[i]) || !s.data[i] : s.data[i] != shape[i])
			return false;
	return true;
}

static void put_text(FILE *out, struct cul_slice text)
{
	putc('"', out);
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static void put_real(FILE *out, double r)
{
	char text[40];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, r);
		if (strtod(text, NULL) == r)
			break;
	}
	fputs(text, out);
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
		put_text(out, v->s);
}

/* ---- the sink: observations become lines ------------------------------------------------------ */

static enum cul_status on_observe(void *ctx, const struct cul_observation *ob)
{
	struct out *out = ctx;

	for (size_t i = 0; out->own && out->own[i]; i++)
		out->own_seen += !strcmp(out->own[i]->name, ob->kind->name);
	if (!out->file)
		return CUL_OK;
	fprintf(out->file, "%" PRId64 " %s", ob->line, ob->kind->name);
	for (size_t i = 0; i < ob->count; i++)
		put_value(out->file, &ob->values[i]);
	putc('\n', out->file);
	return CUL_OK;
}

static enum cul_status parse(const char *name, struct cul_slice bytes, struct out *out, struct cul_error *err)
{
	const struct cul_sink sink = { .ctx = out, .observe = on_observe };
	const struct cul_blob blob = { name, bytes };
	struct cul_bundle *bundle = NULL;
	enum cul_status status = cul_bundle_memory(&blob, 1, NULL, &bundle, err);

	if (status != CUL_OK)
		return status;
	status = cul_parse(bundle, NULL, NULL, &sink, NULL, err);
	cul_bundle_close(bundle);
	return status;
}

/* ---- envelopes: what is peeled off each line ---------------------------------------------------- */

static void put_peeled(FILE *out, const char *key, struct cul_slice text)
{
	if (!text.size)
		return;
	fprintf(out, " %s=", key);
	put_text(out, text);
}

static void put_time(FILE *out, struct cul_time time)
{
	char buf[32];

	if (time.ns == CUL_NO_TIME)
		return;
	if (time.clock == CUL_CLOCK_BOOT) {
		fprintf(out, " boot=%" PRId64 ".%09" PRId64, time.ns / CUL_SECOND, time.ns % CUL_SECOND);
		return;
	}
	fprintf(out, " %s=%s%s%s", time.clock == CUL_CLOCK_UTC ? "utc" : "local", cul_clock_print(time.ns, buf),
		time.no_year ? " no_year" : "", time.no_date ? " no_date" : "");
}

/* Returns how many lines the envelope took. */
static size_t peel(const struct cul_envelope *envelope, struct cul_slice bytes, FILE *out)
{
	static char scratch[256u << 10];
	size_t taken = 0;
	int64_t number = 0;

	while (bytes.size) {
		struct cul_slice text = bytes, rest = { 0 };
		cul_cut(bytes, CUL_LIT("\n"), &text, &rest);
		bytes = rest;
		if (text.size && text.data[text.size - 1] == '\r')
			text.size--;
		number++;
		struct cul_record rec = { .line = { text, number, 0 }, .message = text, .time.ns = CUL_NO_TIME, .severity = -1,
					  .boot_ns = CUL_NO_TIME, .scratch = scratch, .scratch_size = sizeof(scratch) };
		if (envelope->peel(text, &rec) <= 0)
			continue;
		taken++;
		if (!out)
			continue;
		fprintf(out, "%" PRId64, number);
		put_time(out, rec.time);
		put_peeled(out, "host", rec.host);
		put_peeled(out, "unit", rec.unit);
		put_peeled(out, "caller", rec.caller);
		if (rec.severity >= 0)
			fprintf(out, " severity=%d", rec.severity);
		if (rec.kernel)
			fputs(" kernel", out);
		fputs(" message=", out);
		put_text(out, rec.message);
		putc('\n', out);
	}
	return taken;
}

/* ---- files ------------------------------------------------------------------------------------- */

static bool slurp(const char *path, char **data, size_t *size)
{
	FILE *f = fopen(path, "rb");
	size_t room = 1 << 16, n;

	*size = 0;
	*data = NULL;
	if (!f)
		return false;
	char *buf = malloc(room);
	while (buf && (n = fread(buf + *size, 1, room - *size, f)) > 0) {
		*size += n;
		if (*size == room) {
			char *more = realloc(buf, room *= 2);
			if (!more)
				free(buf);
			buf = more;
		}
	}
	fclose(f);
	*data = buf;
	return buf != NULL;
}

static bool is_sample(const char *name)
{
	static const char *const ends[] = { ".log", ".txt", ".csv", ".json" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (cul_ends(cul_str(name), cul_str(ends[i])))
			return true;
	return false;
}

/* show where two texts part */
static void show_difference(const char *path, struct cul_slice want, struct cul_slice got)
{
	for (int line = 1; want.size || got.size; line++) {
		struct cul_slice w = want, g = got, wrest = { 0 }, grest = { 0 };
		cul_cut(want, CUL_LIT("\n"), &w, &wrest);
		cul_cut(got, CUL_LIT("\n"), &g, &grest);
		if (!cul_is(w, g)) {
			fprintf(stderr, "%s:%d:\n  want %.*s\n  got  %.*s\n", path, line, (int)w.size, w.data ? w.data : "",
				(int)g.size, g.data ? g.data : "");
			return;
		}
		want = wrest;
		got = grest;
	}
}

static void compare(const char *path, struct cul_slice got, bool update)
{
	char obs[4096];
	char *data = NULL;
	size_t size = 0;

	snprintf(obs, sizeof(obs), "%.*s.obs", (int)(strrchr(path, '.') - path), path);
	bool there = slurp(obs, &data, &size);
	if (there && cul_is(cul_slice(data, size), got)) {
		free(data);
		return;
	}
	if (update) {
		FILE *f = fopen(obs, "wb");
		if (!f || fwrite(got.data, 1, got.size, f) != got.size)
			complain(obs, strerror(errno));
		if (f && fclose(f))
			complain(obs, strerror(errno));
	} else if (!there) {
		complain(obs, "not there; golden --update writes it");
	} else {
		show_difference(obs, cul_slice(data, size), got);
		complain(obs, "differs");
	}
	free(data);
}

static void chop(const char *path, const char *name, struct cul_slice bytes)
{
	size_t step = bytes.size <= EVERY_BYTE ? 1 : bytes.size / 37 <= CHOPS ? 37 : bytes.size / CHOPS | 1;
	struct cul_error err;

	for (size_t cut = 0; cut < bytes.size; cut += step) {
		/* a block of its own, so that a read behind the cut is seen */
		char *copy = malloc(cut + 1);
		if (!copy)
			return;
		memcpy(copy, bytes.data, cut);
		copy = realloc(copy, cut ? cut : 1);
		struct out out = { 0 };
		if (parse(name, cul_slice(copy, cut), &out, &err) != CUL_OK) {
			fprintf(stderr, "cut at %zu: %s\n", cut, err.text);
			complain(path, "a failure from a cut sample");
		}
		free(copy);
	}
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void golden(const char *samples, const char *family, const char *name, const struct cul_parser *parser,
		   const struct cul_envelope *envelope, bool update, bool chopping)
{
	char folder[2048], path[3072];
	struct dirent **list = NULL;
	size_t count = 0, own = 0;

	snprintf(folder, sizeof(folder), "%s/%s/%s", samples, family, name);
	int n = scandir(folder, &list, NULL, by_name);
	for (int i = 0; i < n; i++) {
		char *data;
		size_t size;
		if (is_sample(list[i]->d_name)) {
			snprintf(path, sizeof(path), "%s/%s", folder, list[i]->d_name);
			if (!slurp(path, &data, &size)) {
				complain(path, strerror(errno));
			} else if (chopping) {
				count++;
				chop(path, list[i]->d_name, cul_slice(data, size));
			} else {
				struct out out = { .own = parser ? parser->kinds : NULL };
				struct cul_error err = { 0 };
				out.file = open_memstream(&out.data, &out.size);
				if (envelope)
					out.own_seen = peel(envelope, cul_slice(data, size), out.file);
				else if (parse(list[i]->d_name, cul_slice(data, size), &out, &err) != CUL_OK)
					complain(path, err.text);
				fclose(out.file);
				count++;
				own += out.own_seen;
				compare(path, cul_slice(out.data, out.size), update);
				free(out.data);
			}
			free(data);
		}
		free(list[i]);
	}
	free(list);
	if (!count)
		complain(folder, "no sample");
	else if (!chopping && !own)
		complain(folder, envelope ? "not a line of it is peeled" : "nothing of the parser's own kinds comes of it");
}

static bool asked(int argc, char **argv, int from, const char *family, const char *name)
{
	char both[256];

	snprintf(both, sizeof(both), "%s/%s", family, name);
	for (int i = from; i < argc; i++)
		if (!strcmp(argv[i], name) || !strcmp(argv[i], both))
			return true;
	return from >= argc;
}

int main(int argc, char **argv)
{
	bool update = false, chopping = false;
	int at = 1;

	for (; at < argc && !strncmp(argv[at], "--", 2); at++) {
		update |= !strcmp(argv[at], "--update");
		chopping |= !strcmp(argv[at], "--chop");
	}
	if (at >= argc) {
		fprintf(stderr, "usage: golden [--update] [--chop] SAMPLES [[FAMILY/]NAME...]\n");
		return 2;
	}
	const char *samples = argv[at++];
	for (int i = 0; cul_envelopes[i]; i++)
		if (asked(argc, argv, at, "envelope", cul_envelopes[i]->name))
			golden(samples, "envelope", cul_envelopes[i]->name, NULL, cul_envelopes[i], update, chopping);
	for (int i = 0; cul_messages[i]; i++)
		if (asked(argc, argv, at, "message", cul_messages[i]->name))
			golden(samples, "message", cul_messages[i]->name, cul_messages[i], NULL, update, chopping);
	for (int i = 0; cul_captures[i]; i++)
		if (asked(argc, argv, at, "capture", cul_captures[i]->name))
			golden(samples, "capture", cul_captures[i]->name, cul_captures[i], NULL, update, chopping);
	return failures ? 1 : 0;
}
