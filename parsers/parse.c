/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Drives members through sections: a capture parser reads its whole snapshot, everything else is read
 * as log lines that lose their envelopes and are offered to message parsers and to the rules' interests.
 *
 * One literal pass over each message finds what may be somebody's; only those are asked, and patterns are compiled when
 * one of their literals is first seen. A record that looks severe and that nobody took is told as a suspect.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "parsers/image.h"
#include "parsers/parts.h"
#include "parsers/sections.h"
#include "parsers/side.h"
#include "parsers/state.h"
#include "parsers/writing.h"

#define SMALL (128 << 10) /* bytes of a member that may be read beside others */
#define ALONE 16          /* small members that are read one by one before it is worth the threads */

enum cul_status cul_parse_fail(struct cul_parse *p, enum cul_status status)
{
	if (status != CUL_OK && p->failed == CUL_OK)
		p->failed = status;
	return p->failed;
}

enum cul_status cul_parse_no_memory(struct cul_parse *p)
{
	return cul_parse_fail(p, cul_fail(p->err, CUL_ENOMEM, "out of memory while reading %s", p->member_name ? p->member_name : "the input"));
}

extern const struct cul_parser cul_parser_vmcore;

/* ---- sections ------------------------------------------------------------------------------- */

void cul_note_time(struct cul_parse *p, struct cul_time time)
{
	if (time.ns == CUL_NO_TIME)
		return;
	if (p->span.first.ns == CUL_NO_TIME)
		p->span.first = time;
	p->span.last = time;
}

void cul_drop_followers(struct cul_parse *p)
{
	for (size_t i = 0; i < p->follower_count; i++) {
		enum cul_status status = CUL_OK;
		p->current = p->followers[i].parser;
		p->followers[i].next(p, p->followers[i].state, NULL, &status);
		cul_parse_fail(p, status);
	}
	p->current = NULL;
	p->follower_count = 0;
}

static void end_section(struct cul_parse *p, const char *capture)
{
	if (!p->open)
		return;
	cul_drop_followers(p);
	cul_fold_end(p);
	if (p->passed)
		cul_catch_up(p, true); /* for the time of the last record */
	const char *streams[CUL_FIELDS + CUL_STREAMS + 4];
	size_t n = 0;
	if (capture)
		streams[n++] = capture;
	if (p->saw_record)
		streams[n++] = "log";
	if (p->saw_kernel)
		streams[n++] = "kernel";
	for (size_t i = 0; i < p->message_count && n < CUL_FIELDS + 2; i++)
		if (p->emitted[i / 64] >> i % 64 & 1)
			streams[n++] = cul_messages[i]->name;
	/* ps.process also comes from top: what covers the kind is its stream, whoever read it */
	for (size_t i = 0; i < p->covered_count; i++)
		if (!strchr(p->covered[i], ',') && (!capture || strcmp(capture, p->covered[i])) && strcmp(p->covered[i], "log") && strcmp(p->covered[i], "kernel"))
			streams[n++] = p->covered[i];
	streams[n] = NULL;
	p->span.streams = streams;
	p->open = false;
	cul_parse_fail(p, p->sink->section_end(p->sink->ctx, p->section, &p->span));
	cul_arena_reset(p->arena);
}

static void begin_section(struct cul_parse *p, const char *parser, const struct cul_line *start)
{
	p->start = *start;
	p->span = (struct cul_section_span){ .first.ns = CUL_NO_TIME, .last.ns = CUL_NO_TIME };
	p->saw_kernel = p->saw_record = p->eager = p->stepped = false;
	p->passed = 0;
	p->covered_count = 0;
	p->has_last = false;
	p->partial_size = 0;
	memset(p->emitted, 0, (p->message_count / 64 + 1) * sizeof(*p->emitted));
	struct cul_section_info info = { p->member, parser, p->command, p->name, start->number };
	p->tally.sections++;
	p->open = true;
	cul_parse_fail(p, p->sink->section(p->sink->ctx, &info, &p->section));
}

struct cul_slice cul_hold(char *room, size_t size, struct cul_slice text)
{
	size_t n = text.size < size ? text.size : size;
	memcpy(room, text.data ? text.data : "", n);
	return cul_slice(room, n);
}

/* What a capture parser may see: the next line unless a mark or the member's end stands there. */
static bool next_in_section(struct cul_parse *p, size_t ahead, struct cul_line *line)
{
	struct cul_mark mark;
	for (size_t i = 0; i <= ahead; i++)
		if (!cul_lines_peek(p->lines, i, line) || cul_mark_read(line->text, &mark) != CUL_MARK_NONE)
			return false;
	return true;
}

static void offer_line(struct cul_parse *p, const struct cul_line *line);

bool cul_line_next(struct cul_parse *p, struct cul_line *line)
{
	if (p->failed || !next_in_section(p, 0, line) || !cul_lines_next(p->lines, line))
		return false;
	if (p->line_interests)
		offer_line(p, line);
	p->span.lines++;
	p->tally.lines++;
	return true;
}

bool cul_line_peek(struct cul_parse *p, size_t ahead, struct cul_line *line)
{
	return !p->failed && ahead < 32 && next_in_section(p, ahead, line);
}

void cul_line_back(struct cul_parse *p)
{
	if (!p->span.lines)
		return;
	cul_lines_back(p->lines);
	p->span.lines--;
	p->tally.lines--;
}

struct cul_record cul_line_record(const struct cul_line *line, struct cul_time time)
{
	return (struct cul_record){ .line = *line, .message = line->text, .time = time, .severity = -1, .bare = true, .boot_ns = CUL_NO_TIME };
}

struct cul_line cul_section_line(const struct cul_parse *p)
{
	return p->start;
}

struct cul_slice cul_section_command(const struct cul_parse *p)
{
	return p->command;
}

struct cul_slice cul_section_name(const struct cul_parse *p)
{
	return p->name;
}

struct cul_time cul_capture_time(const struct cul_parse *p)
{
	return p->capture_time;
}

void cul_set_capture_time(struct cul_parse *p, struct cul_time time)
{
	p->capture_time = time;
}

void cul_set_host(struct cul_parse *p, struct cul_slice host)
{
	struct cul_record rec = cul_line_record(&p->start, p->capture_time);
	rec.host = host;
	if (host.size && host.size < 256 && p->open)
		cul_emit(p, &rec, "host.id", cul_text("host", host));
}

/* Who reads what starts at the next line? NULL: nobody. */
static const struct cul_parser *best_bid(struct cul_parse *p, bool begins, uint64_t only)
{
	struct cul_line lines[32];
	struct cul_head head = { .lines = lines, .command = p->command, .name = p->name, .begins = begins };
	struct cul_mark mark;
	while (head.count < 32 && cul_lines_peek(p->lines, head.count, &lines[head.count]) &&
	       cul_mark_read(lines[head.count].text, &mark) == CUL_MARK_NONE)
		head.count++;
	if (!head.count && !p->command.size)
		return NULL;
	const struct cul_parser *best = NULL;
	int most = 0;
	if (begins)
		only = p->command.size ? UINT64_MAX : cul_capture_may(lines[0].text);
	for (size_t i = 0; i < p->capture_count; i++) {
		if (i < 64 && !(only >> i & 1))
			continue;
		int bid = cul_captures[i]->bid(&head);
		if (bid > most) {
			most = bid;
			best = cul_captures[i];
		}
	}
	return best;
}

/* Returns true if the parser took lines (or was asked about an empty answer). */
static bool read_capture(struct cul_parse *p, const struct cul_parser *parser, const struct cul_line *mark)
{
	struct cul_line start;
	if (mark)
		start = *mark;
	else if (!cul_lines_peek(p->lines, 0, &start))
		return false;
	end_section(p, NULL);
	begin_section(p, parser->name, &start);
	p->current = parser;
	cul_parse_fail(p, parser->section(p));
	p->current = NULL;
	cul_note_time(p, p->capture_time);
	bool took = p->span.lines > 0;
	end_section(p, parser->name);
	return took;
}

/* A capture parser takes this line; it may be a log's all the same. */
static void offer_line(struct cul_parse *p, const struct cul_line *line)
{
	if (line->number <= p->line_asked)
		return;
	cul_find_hits(p, line->text);
	cul_ask_always(p, line);
	bool wanted = p->always_hit;
	for (size_t i = 0; i < p->hit_count && !wanted; i++)
		wanted = USE_TYPE(p->needle_use[p->hits[i]]) == USE_INTEREST && p->interests->items[USE_INDEX(p->needle_use[p->hits[i]])].line;
	if (wanted) {
		struct cul_record rec = cul_bare_record(line);
		cul_peel(p, &rec);
		if (rec.time.ns == CUL_NO_TIME)
			rec.time = p->capture_time;
		cul_confirm_lines(p, &rec);
	}
	p->line_asked = line->number;
}

/* ---- members -------------------------------------------------------------------------------- */

/* The prose above a fence may name what is in it. */
static struct cul_slice title_above(struct cul_parse *p)
{
	struct cul_above above = { 0 };
	struct cul_line line;
	struct cul_mark mark;
	for (int i = 0; i < 8 && cul_lines_above(p->lines, &above, &line); i++)
		if (cul_trim(line.text).size)
			return cul_mark_read(line.text, &mark) == CUL_MARK_NONE ? cul_mark_title(line.text) : CUL_NONE;
	return CUL_NONE;
}

/* Take a mark; what it says about the next section is kept. */
static void take_mark(struct cul_parse *p, const struct cul_mark *mark, const struct cul_line *line, bool fenced)
{
	struct cul_slice title = mark->type == CUL_MARK_FENCE && !fenced ? title_above(p) : CUL_NONE;
	end_section(p, NULL);
	p->command = cul_hold(p->command_text, sizeof(p->command_text), mark->command);
	if (mark->type == CUL_MARK_FILE)
		p->name = cul_hold(p->name_text, sizeof(p->name_text), mark->name);
	else if (title.size)
		p->name = cul_hold(p->name_text, sizeof(p->name_text), title);
	else if (mark->type == CUL_MARK_RULE) /* the file before it has ended */
		p->name = cul_hold(p->name_text, sizeof(p->name_text), cul_str(p->member_name));
	if (mark->type != CUL_MARK_PROMPT)
		return;
	begin_section(p, "prompt", line);
	struct cul_record rec = cul_line_record(line, p->capture_time);
	rec.host = mark->host;
	cul_emit(p, &rec, "input.command", cul_text("command", p->command), cul_text("host", mark->host));
	if (mark->host.size)
		cul_set_host(p, mark->host);
	end_section(p, NULL);
}

/* "# if it says ..., do this" above a command of a script. Tables (nvidia-smi dmon) and reports (HotSpot's) have such lines too. */
static bool is_remark(struct cul_parse *p, struct cul_slice text)
{
	struct cul_line next;
	return cul_starts(text, CUL_LIT("# ")) && cul_lines_peek(p->lines, 1, &next) && cul_mark_command(next.text);
}

/* Markdown's other form of what is pasted, and a mail's of what is quoted. */
static bool is_indented(struct cul_slice line)
{
	return cul_starts(line, CUL_LIT("    ")) || cul_starts(line, CUL_LIT("\t")) || cul_starts(line, CUL_LIT(">"));
}

/* Lines that nobody wants are counted and left where they stand. @plain: whatever else a line is depends on itself alone. */
static void pass_over(struct cul_parse *p, bool paper, bool plain)
{
	unsigned flags = 0xff;
	if (p->saw_kernel)
		flags &= ~(unsigned)CUL_LINE_KERNEL;
	if (!p->eager)
		flags &= ~(unsigned)(CUL_LINE_ESCAPED | CUL_LINE_BIG);
	int64_t n = cul_lines_skip(p->lines, (uint8_t)flags, plain ? cul_idle_hits : NULL, p);
	p->span.lines += n;
	p->tally.lines += (uint64_t)n;
	if (paper)
		return;
	p->passed += n;
	p->span.records += n;
	p->tally.records += (uint64_t)n;
}

static void begin_member(struct cul_parse *p, struct cul_slice member)
{
	char command[256];
	p->capture_time = (struct cul_time){ .ns = CUL_NO_TIME };
	p->line_asked = 0;
	for (size_t i = 0; p->line_interests && i < p->interest_count; i++)
		p->line_taken[i] = 0;
	for (int i = 0; i < CUL_ENVELOPE_DEPTH; i++)
		p->envelope[i] = -1;
	p->command = cul_hold(p->command_text, sizeof(p->command_text), cul_mark_sos_command(member, command, sizeof(command)));
	p->name = cul_hold(p->name_text, sizeof(p->name_text), member);
	p->loggish = cul_is_loggish(member);
	p->dull = cul_has(member, CUL_LIT("log/apt/")) || cul_has(member, CUL_LIT("dpkg.log")); /* packages called liberror */
}

/* Where in a member the reading is. */
struct place {
	bool paper, trials;
	bool ticket;        /* a person wrote what isn't fenced */
	bool begins;        /* a section may begin here */
	bool fenced;        /* in a ticket's fence */
	char fence;         /* its mark, ` or ~ */
	bool told;          /* what is in it is a person's writing too */
	bool inner;         /* in a fence of the other mark within it */
	bool alerts;        /* the log of a monitor, that tells when a trouble is over */
	bool blanks, ruled; /* behind a line of underscores; and no command by its path stood there yet */
};

/* The line at hand is of no section. */
static void drop_line(struct cul_parse *p, struct cul_line *line)
{
	cul_lines_next(p->lines, line);
	p->tally.lines++;
}

/* ~~~ in a ``` is what stood in there. */
static bool ends_fence(struct cul_slice line, char fence)
{
	struct cul_mark mark;
	return cul_mark_read(line, &mark) == CUL_MARK_FENCE && line.data[0] == fence;
}

/* @line is a mark. */
static void drop_mark(struct cul_parse *p, struct place *at, const struct cul_mark *mark, struct cul_line *line)
{
	const struct cul_parser *parser;
	drop_line(p, line);
	char fence = line->text.size ? line->text.data[0] : 0;
	take_mark(p, mark, line, at->fenced);
	at->begins = true;
	at->blanks = at->ruled = mark->type == CUL_MARK_RULE;
	bool opens = false, within = at->told; /* a fence of a pasted ticket */
	if (mark->type == CUL_MARK_FENCE && at->fenced && fence != at->fence) {
		at->inner = opens = !at->inner;
		within = false;
	} else if (mark->type == CUL_MARK_FENCE) {
		at->fenced = opens = !at->fenced;
		at->fence = fence;
		at->told = opens && (cul_is_prose(line->text) || cul_is_letter(p->name));
		at->alerts = opens && cul_is_alert_log(p->lines);
		at->inner = false;
		if (!opens)
			p->name = CUL_NONE;
	}
	opens = opens || (within && mark->type == CUL_MARK_FENCE);
	if (opens && (at->inner || !cul_is_quoted_writing(line->text, p->lines)))
		opens = at->ticket && (!at->inner || at->told) && cul_is_told_of(p->lines, false);
	while (opens && cul_lines_peek(p->lines, 0, line) && !ends_fence(line->text, fence))
		drop_line(p, line);
	/* a command that printed nothing is an answer too */
	if (mark->type == CUL_MARK_PROMPT && !next_in_section(p, 0, &(struct cul_line){ 0 }) && (parser = best_bid(p, true, 0)))
		read_capture(p, parser, line);
}

/* Behind a line of underscores: blanks, then a command by its path, blanks again. False: neither. */
static bool drop_title(struct cul_parse *p, struct place *at, struct cul_line *line)
{
	struct cul_mark mark;
	bool named = at->ruled && cul_mark_path(line->text, &mark);
	if (!named && cul_trim(line->text).size) {
		at->blanks = at->ruled = false;
		return false;
	}
	drop_line(p, line);
	if (named)
		take_mark(p, &mark, line, at->fenced);
	at->ruled = at->ruled && !named;
	return true;
}

/* Bits of the captures whose literals stand in the line at hand. */
static uint64_t captures_hit(const struct cul_parse *p)
{
	uint64_t ret = 0;
	for (size_t i = 0; i < p->hit_count; i++)
		if (USE_TYPE(p->needle_use[p->hits[i]]) == USE_CAPTURE)
			ret |= UINT64_C(1) << (USE_INDEX(p->needle_use[p->hits[i]]) & 63);
	return ret;
}

static void read_member(struct cul_parse *p)
{
	struct cul_line line;
	struct cul_mark mark;
	struct cul_slice member = cul_str(p->member_name);
	struct place at = { .begins = true, .paper = cul_is_paper(member) || cul_is_settings(member, p->lines), .ticket = cul_is_ticket(member, p->lines) };
	begin_member(p, member);
	if (cul_is_writing(member, p->lines)) {
		while (cul_lines_next(p->lines, &line))
			p->tally.lines++;
		cul_lines_end(p->lines);
		return;
	}
	at.trials = cul_is_trials(p->lines);
	at.alerts = cul_is_alert_log(p->lines);
	for (;;) {
		if (p->open && !at.begins && (at.paper || (!p->always_count && cul_may_pass(p))))
			pass_over(p, at.paper, !at.paper && !at.trials && !at.fenced && !at.ticket && !at.alerts);
		if (p->failed || !cul_lines_peek(p->lines, 0, &line))
			break;
		at.trials = at.trials || (cul_starts(line.text, CUL_LIT("==")) && cul_begins_trials(line.text));
		if (cul_mark_read(line.text, &mark) != CUL_MARK_NONE) {
			drop_mark(p, &at, &mark, &line);
			continue;
		}
		if (at.blanks && drop_title(p, &at, &line))
			continue;
		if ((at.trials && cul_in_passed_trial(p->lines)) || (at.fenced && is_remark(p, line.text)) || (at.ticket && cul_is_injected(line.text)) ||
		    (at.ticket && (!at.fenced || (at.told && !at.inner)) && cul_is_hearsay(line.text)) || (at.alerts && cul_is_recovered(p->lines)) ||
		    (at.ticket && (at.fenced ? cul_starts(line.text, CUL_LIT(">")) : is_indented(line.text)) && cul_is_told_of(p->lines, true))) {
			drop_line(p, &line);
			p->span.lines += p->open; /* as if it had been passed over */
			continue;
		}
		cul_next_hits(p, line.text);
		uint64_t only = at.begins ? 0 : captures_hit(p);
		const struct cul_parser *parser = at.begins || only ? best_bid(p, at.begins, only) : NULL;
		at.begins = false;
		if (parser && read_capture(p, parser, NULL))
			continue;
		if (!cul_lines_next(p->lines, &line))
			break;
		if (!p->open)
			begin_section(p, "log", &line);
		p->span.lines++;
		p->tally.lines++;
		if (!at.paper) {
			cul_ask_always(p, &line);
			cul_read_record(p, &line);
		}
	}
	end_section(p, NULL);
	cul_lines_end(p->lines);
}

static enum cul_status note_damage(struct cul_parse *p, int member, const char *why)
{
	struct cul_line line = { .number = 0 };
	struct cul_record rec = cul_line_record(&line, (struct cul_time){ .ns = CUL_NO_TIME });
	p->member = member;
	p->command = p->name = CUL_NONE;
	begin_section(p, "damage", &line);
	cul_damaged(p, &rec, why);
	end_section(p, NULL);
	return p->failed;
}

static void read_damage(struct cul_parse *p, const char *member_name, int member)
{
	const char *name, *why;
	while (!p->failed && cul_bundle_damage(p->bundle, &name, &why)) {
		int id = member;
		if (!member_name || !name || strcmp(name, member_name)) {
			struct cul_member lost = { .name = name ? name : "", .mtime_ns = CUL_NO_TIME, .size = -1 };
			cul_parse_fail(p, p->sink->member(p->sink->ctx, &lost, &id));
		}
		if (!p->failed)
			note_damage(p, id, why);
	}
}

/* ---- dumps ---------------------------------------------------------------------------------- */

struct cul_record cul_dump_record(const struct cul_parse *p, struct cul_time time, struct cul_slice text)
{
	struct cul_line line = { .text = text };
	(void)p;
	return cul_line_record(&line, time);
}

static enum cul_status add_inner(struct cul_parse *p, const char *name, char *bytes, size_t size, bool opens)
{
	struct inner_text inner = { .size = size, .bytes = bytes, .opens = opens };
	if (asprintf(&inner.name, "%s!%s", p->member_name, name) < 0) {
		free(bytes);
		return cul_parse_no_memory(p);
	}
	p->inner[p->inner_count++] = inner;
	return p->failed;
}

enum cul_status cul_dump_text(struct cul_parse *p, const char *name, struct cul_slice text)
{
	if (p->inner_count == CUL_INNER_TEXTS || !text.size)
		return p->failed;
	char *bytes = malloc(text.size);
	if (!bytes)
		return cul_parse_no_memory(p);
	memcpy(bytes, text.data, text.size);
	return add_inner(p, name, bytes, text.size, false);
}

enum cul_status cul_section_member(struct cul_parse *p, const char *name, void *bytes, size_t size)
{
	if (p->inner_count < CUL_INNER_TEXTS && size)
		return add_inner(p, name, bytes, size, true);
	free(bytes);
	return p->failed;
}

const struct cul_unwinder *cul_dump_unwinder(const struct cul_parse *p)
{
	return p->limits.unwinder;
}

struct cul_slice cul_dump_beside(const struct cul_parse *p)
{
	return cul_bundle_beside(p->bundle);
}

static void drop_inner(struct cul_parse *p)
{
	for (size_t i = 0; i < p->inner_count; i++) {
		free(p->inner[i].name);
		free(p->inner[i].bytes);
	}
	p->inner_count = 0;
}

static const struct cul_parser *dump_of(struct cul_slice head, struct cul_slice name)
{
	const struct cul_parser *best = NULL;
	int most = 0;
	for (size_t i = 0; cul_dumps[i]; i++) {
		int bid = cul_dumps[i]->claim(head, name);
		if (bid > most) {
			most = bid;
			best = cul_dumps[i];
		}
	}
	return best;
}

static bool read_dump(struct cul_parse *p);

/* What stood inside a text, packed or not: what died may be in it. */
static void read_opened(struct cul_parse *p, const struct inner_text *inner)
{
	struct cul_blob blob = { inner->name, { inner->bytes, inner->size } };
	struct cul_bundle *outer = p->bundle;
	struct cul_member member;
	if (cul_bundle_memory(&blob, 1, &p->limits, &p->bundle, p->err) != CUL_OK) {
		p->bundle = outer;
		cul_parse_no_memory(p);
		return;
	}
	if (cul_bundle_next(p->bundle, &member)) {
		member.name = p->member_name = inner->name;
		p->tally.members++;
		if (cul_parse_fail(p, p->sink->member(p->sink->ctx, &member, &p->member)) == CUL_OK && !read_dump(p))
			note_damage(p, p->member, "not read: no core file of a kind that is known");
		/* also where its gzip is torn */
		if (!p->failed)
			read_damage(p, inner->name, p->member);
	}
	cul_bundle_close(p->bundle);
	p->bundle = outer;
}

void cul_parse_text(struct cul_parse *p, const char *name, int known, struct cul_slice text, const char *damage)
{
	struct cul_blob blob = { name, text };
	struct cul_bundle *bundle = NULL;
	struct cul_member member;
	if (cul_bundle_memory(&blob, 1, NULL, &bundle, p->err) != CUL_OK) {
		cul_parse_no_memory(p);
		return;
	}
	if (cul_bundle_next(bundle, &member)) {
		member.name = p->member_name = name;
		p->member = known;
		p->tally.members += known < 0;
		if (known >= 0 || cul_parse_fail(p, p->sink->member(p->sink->ctx, &member, &p->member)) == CUL_OK) {
			cul_lines_start(p->lines, bundle, p->limits.line_bytes);
			if (!cul_lines_binary(p->lines))
				read_member(p);
			if (cul_lines_failed(p->lines))
				cul_parse_no_memory(p);
			if (damage && !p->failed)
				note_damage(p, p->member, damage);
		}
	}
	cul_bundle_close(bundle);
}

/* What openers and captures found inside, now that they are done. */
static void read_inner(struct cul_parse *p)
{
	struct inner_text inner[CUL_INNER_TEXTS];
	size_t count = p->inner_count;
	memcpy(inner, p->inner, count * sizeof(*inner));
	p->inner_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (!p->failed && inner[i].opens)
			read_opened(p, &inner[i]);
		else if (!p->failed)
			cul_parse_text(p, inner[i].name, -1, cul_slice(inner[i].bytes, inner[i].size), NULL);
		free(inner[i].name);
		free(inner[i].bytes);
	}
}

static void begin_dump(struct cul_parse *p, const struct cul_parser *parser)
{
	struct cul_line none = { .number = 0 };
	p->capture_time = (struct cul_time){ .ns = CUL_NO_TIME };
	p->command = CUL_NONE;
	p->name = cul_hold(p->name_text, sizeof(p->name_text), cul_str(p->member_name));
	begin_section(p, parser->name, &none);
	p->current = parser;
}

static void end_dump(struct cul_parse *p, const struct cul_parser *parser)
{
	p->current = NULL;
	cul_note_time(p, p->capture_time);
	end_section(p, parser->name);
}

/* Dumps that were written as several files: each file says which it is, the first one all that the whole set holds. */
static void read_splits(struct cul_parse *p)
{
	const struct cul_image *images[CUL_KSPLIT_FILES];
	const struct cul_parser *parser = &cul_parser_vmcore;
	cul_ksplit_sort(&p->splits);
	for (size_t i = 0, n; i < p->splits.count && !p->failed; i += n) {
		n = cul_ksplit_count(&p->splits, i);
		for (size_t k = 0; k < n; k++)
			images[k] = &p->splits.items[i + k].image;
		for (size_t k = 0; k < n && !p->failed; k++) {
			const struct cul_ksplit_file *file = &p->splits.items[i + k];
			p->member = file->member;
			p->member_name = file->name;
			p->tally.bytes += (uint64_t)file->image.size;
			begin_dump(p, parser);
			cul_parse_fail(p, cul_vmcore_part(p, file, k, n));
			if (!k && !p->failed)
				cul_parse_fail(p, cul_vmcore_open(p, images, n));
			end_dump(p, parser);
			read_inner(p);
		}
	}
}

/* False: no dump, its bytes are as they were. */
static bool read_dump(struct cul_parse *p)
{
	const struct cul_parser *parser = dump_of(cul_bundle_head(p->bundle), cul_str(p->member_name));
	struct cul_image image;
	if (!parser)
		return false;
	if (!cul_bundle_image(p->bundle, &image))
		return true;
	begin_dump(p, parser);
	cul_parse_fail(p, parser->open(p, &image));
	end_dump(p, parser);
	p->tally.bytes += (uint64_t)image.size;
	read_inner(p);
	return true;
}

void cul_parse_done(struct cul_parse *p)
{
	drop_inner(p);
	cul_ksplit_free(&p->splits);
	cul_parts_free(p);
	if (!p->beside) {
		cul_needles_free(p->needles);
		free(p->needle_use);
		free(p->needle_class);
	}
	free(p->hits);
	free(p->hit_marked);
	for (size_t i = 0; p->patterns && i < p->interest_count; i++)
		cul_pattern_free(p->patterns[i]);
	free(p->patterns);
	for (size_t i = 0; p->loose && i < p->interest_count; i++)
		cul_pattern_free(p->loose[i]);
	free(p->loose);
	free(p->tight);
	free(p->broken);
	for (size_t i = 0; p->jqs && i < p->interest_count; i++)
		cul_jq_free(p->jqs[i]);
	free(p->jqs);
	free(p->fold);
	free(p->always);
	free(p->line_taken);
	free(p->emitted);
	free(p->scratch);
	free(p->partial);
	cul_lines_free(p->lines);
	cul_arena_free(p->arena);
	free(p);
}

static void set_limits(struct cul_limits *to, const struct cul_limits *from)
{
	*to = from ? *from : (struct cul_limits){ 0 };
	if (!to->line_bytes)
		to->line_bytes = 64u << 10;
	if (!to->pattern_steps)
		to->pattern_steps = 100000;
}

/* Text that was read leaves: the sink may keep what stands around its observations. */
static void on_leave(void *ctx, struct cul_slice text, int64_t offset, int64_t line)
{
	struct cul_parse *p = ctx;
	if (!p->failed)
		cul_parse_fail(p, p->sink->text(p->sink->ctx, p->member, text, offset, line));
}

/* @other: NULL, or one whose needles serve. NULL: out of memory before there was anything that could say so. */
static struct cul_parse *parse_new(struct cul_bundle *bundle, const struct cul_interests *interests, const struct cul_limits *limits,
				   const struct cul_sink *sink, struct cul_parse *other, struct cul_error *err)
{
	struct cul_parse *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->bundle = bundle;
	p->interests = interests;
	p->heard = cul_sink_whole(sink);
	sink = p->sink = &p->heard;
	p->err = err;
	set_limits(&p->limits, limits);
	while (cul_messages[p->message_count])
		p->message_count++;
	while (cul_captures[p->capture_count])
		p->capture_count++;
	p->interest_count = interests ? interests->count : 0;
	p->patterns = calloc(p->interest_count + 1, sizeof(*p->patterns));
	p->broken = calloc(p->interest_count + 1, sizeof(*p->broken));
	p->loose = calloc(p->interest_count + 1, sizeof(*p->loose));
	p->tight = calloc(p->interest_count + 1, sizeof(*p->tight));
	p->emitted = calloc(p->message_count / 64 + 1, sizeof(*p->emitted));
	p->scratch = malloc(CUL_SCRATCH);
	cul_peel_init(p);
	p->arena = cul_arena_new();
	p->always = calloc(p->interest_count + 1, sizeof(*p->always));
	p->line_taken = calloc(p->interest_count + 1, sizeof(*p->line_taken));
	p->jqs = calloc(p->interest_count + 1, sizeof(*p->jqs));
	for (size_t i = 0; p->always && i < p->interest_count; i++) {
		p->line_interests |= interests->items[i].line;
		if (interests->items[i].line && !interests->items[i].literals && !interests->items[i].fold)
			p->always[p->always_count++] = i;
	}
	enum cul_status status = p->patterns && p->broken && p->loose && p->tight && p->always && p->line_taken && p->jqs && p->emitted && p->scratch && p->arena && cul_fold_init(p) ? (other ? cul_share_hits(p, other) : cul_make_hits(p)) : cul_parse_no_memory(p);
	if (status == CUL_OK) {
		struct cul_lines_how how = { p->needles, p->needle_class, p->limits.threads, p->limits.block_bytes, sink->text ? on_leave : NULL, p };
		p->lines = cul_lines_new(&how);
		if (!p->lines)
			cul_parse_no_memory(p);
	}
	return p;
}

struct cul_parse *cul_parse_beside(struct cul_parse *other, const struct cul_sink *sink, struct cul_error *err)
{
	struct cul_limits limits = other->limits;
	limits.threads = 1;
	struct cul_parse *p = parse_new(NULL, other->interests, &limits, sink, other, err);
	if (!p || !p->failed)
		return p;
	cul_parse_done(p);
	return NULL;
}

enum cul_status cul_parse_damage(struct cul_parse *p, int member, const char *why)
{
	return note_damage(p, member, why);
}

void cul_parse_member(struct cul_parse *p, struct cul_bundle *bundle, const char *name, int member, void (*between)(void *ctx), void *ctx)
{
	p->bundle = bundle;
	p->member_name = name;
	p->member = member;
	cul_lines_start(p->lines, bundle, p->limits.line_bytes);
	const char *binary = cul_lines_binary(p->lines);
	if (binary) {
		char why[200];
		snprintf(why, sizeof(why), "not read: %s", binary);
		note_damage(p, p->member, why);
	} else {
		read_member(p);
	}
	p->tally.bytes += (uint64_t)cul_lines_bytes(p->lines);
	if (cul_lines_failed(p->lines))
		cul_parse_no_memory(p);
	if (!p->failed)
		between(ctx);
	if (p->inner_count)
		read_inner(p);
}

static void tell_damage(void *ctx)
{
	struct cul_parse *p = ctx;
	read_damage(p, p->member_name, p->member);
}

/* Is the bundle's member one of many small ones, text and nothing else, that may be read beside others? */
static bool is_small(struct cul_parse *p, const struct cul_member *member)
{
	if (p->limits.threads < 2 || member->size < 0 || member->size > SMALL)
		return false;
	struct cul_slice head = cul_bundle_head(p->bundle), name = cul_str(member->name);
	return (member->size || !head.size) && !cul_has(name, CUL_LIT("dmesg-e")) && !dump_of(head, name);
}

enum cul_status cul_parse(struct cul_bundle *bundle, const struct cul_interests *interests, const struct cul_limits *limits,
			  const struct cul_sink *sink, struct cul_tally *tally, struct cul_error *err)
{
	struct cul_parse *p = parse_new(bundle, interests, limits, sink, NULL, err);
	if (!p)
		return cul_fail(err, CUL_ENOMEM, "out of memory before reading");
	enum cul_status status;
	struct cul_side *side = NULL;
	unsigned small = 0;
	sink = p->sink;
	struct cul_member member;
	while (!p->failed && cul_bundle_next(bundle, &member)) {
		if (is_small(p, &member) && ++small > ALONE && (side || (side = cul_side_new(p)))) {
			cul_side_take(side, &member);
			continue;
		}
		cul_side_flush(side);
		if (p->failed)
			break;
		read_damage(p, NULL, -1);
		p->member_name = member.name;
		p->tally.members++;
		if (cul_parse_fail(p, sink->member(sink->ctx, &member, &p->member)) != CUL_OK)
			break;
		if (cul_parts_take(p, &member) || cul_ksplit_take(&p->splits, bundle, member.name, p->member) || read_dump(p)) {
			if (!p->failed)
				read_damage(p, member.name, p->member);
			continue;
		}
		cul_parse_member(p, bundle, member.name, p->member, tell_damage, p);
	}
	cul_side_flush(side);
	cul_side_free(side);
	if (!p->failed)
		read_damage(p, NULL, -1);
	cul_parts_read(p);
	if (!p->failed)
		read_splits(p);
	if (tally)
		*tally = p->tally;
	status = p->failed;
	cul_parse_done(p);
	return status;
}
