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
#include "parsers/sections.h"
#include "parsers/state.h"
#include "parsers/writing.h"

/* words that make a record suspect; lower case. The first ones do so even where its envelope says "info". */
#define GRAVE 7
static const char *const suspicion[] = {
	"panic", "fatal", "traceback", "exception", "segfault", "killed", "critical",
	"error", "fail", "abort", "timeout", "timed out", "corrupt", "oops", "denied", " hang", "incompatible", "unable to", "refused", "not responding", "stuck", "hung", "lockup",
};

enum cul_status cul_parse_fail(struct cul_parse *p, enum cul_status status)
{
	if (status != CUL_OK && p->failed == CUL_OK)
		p->failed = status;
	return p->failed;
}

static enum cul_status no_memory(struct cul_parse *p)
{
	return cul_parse_fail(p, cul_fail(p->err, CUL_ENOMEM, "out of memory while reading %s", p->member_name ? p->member_name : "the input"));
}

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

static enum cul_status make_needles(struct cul_parse *p)
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
	p->needle_use = c.use;
	enum cul_status status = c.failed ? CUL_ENOMEM : cul_needles_new(c.needles, c.count, &p->needles);
	/* the literals are the parsers' and the rules'; the array itself is copied by the set */
	free(c.needles);
	p->hits = calloc(c.count + 1, sizeof(*p->hits));
	p->hit_marked = calloc(c.count + 1, 1);
	return status == CUL_OK && p->hits && p->hit_marked ? CUL_OK : no_memory(p);
}

static bool on_hit(void *ctx, uint32_t index, size_t end)
{
	struct cul_parse *p = ctx;
	(void)end;
	uint32_t type = USE_TYPE(p->needle_use[index]);
	if (type >= USE_SUSPICION) {
		p->suspicious |= type == USE_SUSPICION;
		p->grave |= type == USE_SUSPICION && USE_INDEX(p->needle_use[index]) < GRAVE;
		p->kernel_word |= type == USE_KERNEL;
		return true;
	}
	if (!p->hit_marked[index]) {
		p->hit_marked[index] = 1;
		p->hits[p->hit_count++] = index;
	}
	return true;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* All that stands in @text, as sorted needle indexes in p->hits: parsers first, then interests. */
static void find_hits(struct cul_parse *p, struct cul_slice text)
{
	for (size_t i = 0; i < p->hit_count; i++)
		p->hit_marked[p->hits[i]] = 0;
	p->hit_count = 0;
	p->suspicious = p->grave = p->kernel_word = false;
	cul_needles_scan(p->needles, text, on_hit, p);
	if (p->hit_count > 1)
		qsort(p->hits, p->hit_count, sizeof(p->hits[0]), by_number);
}

/* ---- sections ------------------------------------------------------------------------------- */

static void note_time(struct cul_parse *p, struct cul_time time)
{
	if (time.ns == CUL_NO_TIME)
		return;
	if (p->span.first.ns == CUL_NO_TIME)
		p->span.first = time;
	p->span.last = time;
}

static void drop_followers(struct cul_parse *p)
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

static void catch_up(struct cul_parse *p);

static void end_section(struct cul_parse *p, const char *capture)
{
	if (!p->open)
		return;
	drop_followers(p);
	cul_fold_end(p);
	if (p->passed)
		catch_up(p); /* for the time of the last record */
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
	p->saw_kernel = p->saw_record = p->eager = false;
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

static struct cul_slice hold(char *room, size_t size, struct cul_slice text)
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
	while (head.count < 32 && next_in_section(p, head.count, &lines[head.count]))
		head.count++;
	if (!head.count && !p->command.size)
		return NULL;
	const struct cul_parser *best = NULL;
	int most = 0;
	for (size_t i = 0; i < p->capture_count; i++) {
		if (!begins && i < 64 && !(only >> i & 1))
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
	note_time(p, p->capture_time);
	bool took = p->span.lines > 0;
	end_section(p, parser->name);
	return took;
}

/* ---- records -------------------------------------------------------------------------------- */

/* One layer: the envelope that fits best, the one that fitted last first. Returns its number or -1. */
static int peel_once(struct cul_parse *p, int depth, struct cul_slice text, struct cul_record *layer)
{
	int most = 0, best = -1;
	struct cul_record tried;
	int last = p->envelope[depth];
	for (int i = -1; i < 0 || cul_envelopes[i]; i++) {
		int which = i < 0 ? last : i;
		if (which < 0 || (i >= 0 && which == last))
			continue;
		tried = (struct cul_record){ .line = layer->line, .message = text, .time.ns = CUL_NO_TIME, .severity = -1, .boot_ns = CUL_NO_TIME,
					     .scratch = p->scratch, .scratch_size = CUL_SCRATCH };
		int bid = cul_envelopes[which]->peel(text, &tried);
		if (bid > most) {
			most = bid;
			best = which;
			*layer = tried;
		}
	}
	return best;
}

static struct cul_slice settle(struct cul_parse *p, struct cul_slice text)
{
	if (text.data >= p->scratch && text.data < p->scratch + CUL_SCRATCH)
		return cul_lines_keep(p->lines, text);
	return text;
}

/* Envelope by envelope: the outer wall time wins, the kernel's own clock is kept beside it. */
static void peel(struct cul_parse *p, struct cul_record *rec)
{
	struct cul_slice text = rec->line.text;
	for (int depth = 0; depth < CUL_ENVELOPE_DEPTH; depth++) {
		struct cul_record layer = { .line = rec->line };
		int which = peel_once(p, depth, text, &layer);
		if (which < 0)
			break;
		p->envelope[depth] = which;
		text = settle(p, layer.message);
		if (layer.host.size)
			rec->host = settle(p, layer.host);
		if (layer.unit.size)
			rec->unit = settle(p, layer.unit);
		if (layer.caller.size)
			rec->caller = settle(p, layer.caller);
		if (layer.severity >= 0)
			rec->severity = layer.severity;
		rec->kernel |= layer.kernel;
		rec->partial |= layer.partial;
		rec->step_ns += layer.step_ns;
		if (layer.boot_ns != CUL_NO_TIME)
			rec->boot_ns = layer.boot_ns;
		if (rec->bare || rec->time.ns == CUL_NO_TIME) {
			if (layer.time.ns != CUL_NO_TIME)
				rec->time = layer.time;
		} else if (layer.time.ns != CUL_NO_TIME && layer.time.clock == CUL_CLOCK_BOOT) {
			rec->boot_ns = layer.time.ns;
		} else if (layer.time.ns != CUL_NO_TIME && rec->time.clock == CUL_CLOCK_BOOT) {
			rec->boot_ns = rec->time.ns;
			rec->time = layer.time;
		} else if (layer.time.ns != CUL_NO_TIME && layer.time.clock == CUL_CLOCK_UTC && rec->time.clock == CUL_CLOCK_LOCAL) {
			rec->time = layer.time; /* the program says its zone, syslog does not */
		}
		rec->bare = false;
		if (layer.message.data == rec->line.text.data && layer.message.size == rec->line.text.size)
			break; /* the envelope stays in the message (logfmt): don't peel it twice */
		if (!text.size)
			break;
	}
	rec->message = text;
}

static bool same_caller(const struct follower *f, const struct cul_record *rec)
{
	if (f->kernel != rec->kernel)
		return false;
	if (f->kernel)
		return !f->caller.size || !rec->caller.size || cul_is(f->caller, rec->caller);
	return cul_is(f->unit, rec->unit) && (!f->caller.size || !rec->caller.size || cul_is(f->caller, rec->caller));
}

static void feed_followers(struct cul_parse *p, const struct cul_record *rec)
{
	size_t kept = 0, count = p->follower_count;
	for (size_t i = 0; i < count; i++) {
		struct follower f = p->followers[i];
		bool stay = true;
		if (same_caller(&f, rec)) {
			enum cul_status status = CUL_OK;
			p->current = f.parser;
			if (--f.left <= 0) {
				f.next(p, f.state, NULL, &status);
				stay = false;
			} else {
				stay = f.next(p, f.state, rec, &status);
				p->understood |= stay;
			}
			cul_parse_fail(p, status);
		}
		if (stay)
			p->followers[kept++] = f;
	}
	/* followers that were added meanwhile */
	for (size_t i = count; i < p->follower_count; i++)
		p->followers[kept++] = p->followers[i];
	p->follower_count = kept;
	p->current = NULL;
}

enum cul_status cul_follow(struct cul_parse *p, const struct cul_record *rec, cul_follower next, void *state)
{
	if (!state)
		return no_memory(p);
	if (p->follower_count == CUL_FOLLOWERS) {
		struct follower oldest = p->followers[0];
		enum cul_status status = CUL_OK;
		oldest.next(p, oldest.state, NULL, &status);
		memmove(p->followers, p->followers + 1, (CUL_FOLLOWERS - 1) * sizeof(oldest));
		p->follower_count--;
		cul_parse_fail(p, status);
	}
	p->followers[p->follower_count++] = (struct follower){
		next, state, p->current, rec->unit, rec->caller, rec->kernel, CUL_FOLLOW_RECORDS,
	};
	return p->failed;
}

/* Join what a container split: true when the record is whole. */
static bool whole(struct cul_parse *p, struct cul_record *rec)
{
	if (!rec->partial && !p->partial_size)
		return true;
	size_t size = p->partial_size + rec->message.size;
	if (size > p->partial_room && p->partial_room < CUL_SCRATCH * 4) {
		char *room = realloc(p->partial, size * 2);
		if (room) {
			p->partial = room;
			p->partial_room = size * 2;
		}
	}
	size_t n = p->partial_room - p->partial_size;
	n = n < rec->message.size ? n : rec->message.size;
	if (n)
		memcpy(p->partial + p->partial_size, rec->message.data, n);
	p->partial_size += n;
	if (rec->partial)
		return false;
	rec->message = cul_lines_keep(p->lines, cul_slice(p->partial, p->partial_size));
	p->partial_size = 0;
	return true;
}

/* What a bare line inherits from: an enveloped record. */
static void remember(struct cul_parse *p, struct cul_record *rec)
{
	/* it is inherited from for long: what it points to has to live as long as the section */
	if (!p->has_last || !cul_is(p->last.host, rec->host))
		p->last.host = cul_keep(p, rec->host);
	if (!p->has_last || !cul_is(p->last.unit, rec->unit))
		p->last.unit = cul_keep(p, rec->unit);
	if (!p->has_last || !cul_is(p->last.caller, rec->caller))
		p->last.caller = cul_keep(p, rec->caller);
	p->last.time = rec->time;
	p->last.boot_ns = rec->boot_ns;
	p->last.severity = rec->severity;
	p->last.kernel = rec->kernel;
	p->has_last = true;
	rec->host = p->last.host;
	rec->unit = p->last.unit;
	rec->caller = p->last.caller;
	p->saw_kernel |= rec->kernel;
	p->saw_record = true;
	note_time(p, rec->time);
}

#define CUL_KEPT_BYTES (4u << 20) /* kept text of followers that are done; above it, it is let go */

/* Nobody follows: what followers kept is let go, so that a log of a million errors costs no more than one of ten. */
static void forget(struct cul_parse *p, struct cul_record *rec)
{
	char host[256], unit[256], caller[256];
	bool ours = p->has_last && rec->host.data == p->last.host.data && rec->unit.data == p->last.unit.data &&
		    rec->caller.data == p->last.caller.data;
	if (!ours || p->last.host.size > sizeof(host) || p->last.unit.size > sizeof(unit) || p->last.caller.size > sizeof(caller))
		return;
	struct cul_slice h = hold(host, sizeof(host), p->last.host), u = hold(unit, sizeof(unit), p->last.unit),
			 c = hold(caller, sizeof(caller), p->last.caller);
	cul_arena_reset(p->arena);
	rec->host = p->last.host = cul_keep(p, h);
	rec->unit = p->last.unit = cul_keep(p, u);
	rec->caller = p->last.caller = cul_keep(p, c);
}

static struct cul_record bare_record(const struct cul_line *line)
{
	return (struct cul_record){ .line = *line, .time.ns = CUL_NO_TIME, .severity = -1, .boot_ns = CUL_NO_TIME, .bare = true };
}

/* Lines before the one at hand were passed over unpeeled: find the nearest that has an envelope. */
static void catch_up(struct cul_parse *p)
{
	struct cul_line line;
	int64_t most = p->passed < CUL_FOLLOW_RECORDS ? p->passed : CUL_FOLLOW_RECORDS;
	p->passed = 0;
	for (int64_t back = 1; back <= most && cul_lines_behind(p->lines, (size_t)back, &line); back++) {
		struct cul_record rec = bare_record(&line);
		peel(p, &rec);
		if (!rec.bare) {
			remember(p, &rec);
			return;
		}
	}
}

/*
 * May this line be counted and left? Only if nobody wants it; a line that inherits from it finds its
 * envelope later. Where containers split or escape text, nothing is left.
 */
static bool ordinary(const struct cul_parse *p, const struct cul_line *line)
{
	if (p->hit_count || p->always_hit || p->suspicious || p->kernel_word || p->follower_count || p->eager || p->partial_size || p->folds || p->span.lines < 8)
		return false;
	char c = line->text.size ? line->text.data[0] : 0;
	return c != 'E' && c != 'F' && c != '<';
}

/*
 * What a person said to a model is no message of the machine: a server that logs its requests, a gateway and a transcript repeat
 * prompts word for word ("why do I get CUDA error: ..."). The record ends where the prompt begins.
 */
static struct cul_slice without_prompt(struct cul_slice text)
{
	static const struct {
		const char *begins, *mark;
	} quotes[] = {
		{ "Received request ", " prompt: " },     /* vLLM, request logger */
		{ "Receive: obj=", "obj=" },              /* SGLang, log_requests */
		{ "Finish: obj=", "obj=" },
		{ "", "\"prompt\":" },                    /* JSON of gateways, LiteLLM, Triton clients */
		{ "", "\"messages\":[{\"role\"" },
		{ "", "\"messages\": [{\"role\"" },
		{ "", " prompt=\"" },                     /* ollama with OLLAMA_DEBUG, logfmt of others */
	};
	bool role = text.size && text.data[0] == '{' && cul_has(text, CUL_LIT("\"role\":"));
	struct cul_slice before;
	if (role && cul_cut(text, CUL_LIT("\"content\":"), &before, NULL))
		return before;
	for (size_t i = 0; i < sizeof(quotes) / sizeof(*quotes); i++)
		if (cul_starts(text, cul_str(quotes[i].begins)) && cul_cut(text, cul_str(quotes[i].mark), &before, NULL))
			return before;
	return text;
}

/* One line as a record: envelope, followers, message parsers, interests, suspicion. The line's hits are known. */
static void read_record(struct cul_parse *p, const struct cul_line *line)
{
	if (ordinary(p, line)) {
		p->passed++;
		p->span.records++;
		p->tally.records++;
		return;
	}
	struct cul_record rec = bare_record(line);
	peel(p, &rec);
	if (rec.partial || (rec.message.size && (rec.message.data < line->text.data || rec.message.data > line->text.data + line->text.size)))
		p->eager = true;
	if (!whole(p, &rec)) {
		cul_confirm_lines(p, &rec);
		return;
	}
	if (rec.bare && p->passed)
		catch_up(p);
	p->passed = 0;
	if (p->hit_count)
		rec.message = without_prompt(rec.message);
	cul_fold_line(p, &rec);
	if (rec.bare && p->has_last) {
		rec.time = p->last.time;
		rec.boot_ns = p->last.boot_ns;
		rec.host = p->last.host;
		rec.unit = p->last.unit;
		rec.caller = p->last.caller;
		rec.severity = p->last.severity;
		rec.kernel = p->last.kernel;
	} else if (!rec.bare) {
		/* an envelope that tells no time: that of the record before, as one without envelope */
		if (rec.time.ns == CUL_NO_TIME && p->has_last && p->last.time.ns != CUL_NO_TIME) {
			rec.time = p->last.time;
			if (__builtin_add_overflow(rec.time.ns, rec.step_ns, &rec.time.ns))
				rec.time = p->last.time;
		}
		remember(p, &rec);
		p->tally.records++;
		p->span.records++;
	}
	p->understood = false;
	cul_confirm_lines(p, &rec);
	if (p->follower_count)
		feed_followers(p, &rec);
	if (!p->follower_count && cul_arena_bytes(p->arena) > CUL_KEPT_BYTES)
		forget(p, &rec);
	if (rec.message.data < line->text.data || rec.message.data > line->text.data + line->text.size)
		find_hits(p, rec.message); /* unescaped or joined: not what stood in the line */
	uint32_t done = UINT32_MAX;
	for (size_t i = 0; i < p->hit_count && !p->failed; i++) {
		uint32_t use = p->needle_use[p->hits[i]];
		if (use == done)
			continue;
		done = use;
		if (USE_TYPE(use) == USE_MESSAGE) {
			p->current = cul_messages[USE_INDEX(use)];
			cul_parse_fail(p, p->current->record(p, &rec));
			p->current = NULL;
		} else if (USE_TYPE(use) == USE_INTEREST) {
			cul_confirm(p, &rec, USE_INDEX(use));
		}
	}
	bool suspect = p->suspicious && !p->dull && (rec.severity < 6 || p->grave) && (!rec.bare || p->has_last || p->loggish);
	if (!p->understood && (suspect || (rec.severity >= 0 && rec.severity <= 3)) && !p->failed && rec.message.size) {
		struct cul_observation o = { .interest = -1, .section = p->section, .line = rec.line.number, .offset = rec.line.offset,
					     .time = rec.time, .boot_ns = rec.boot_ns, .host = rec.host, .unit = rec.unit,
					     .severity = rec.severity < 0 && p->grave ? 3 : rec.severity, .text = rec.message };
		cul_parse_fail(p, p->sink->suspect(p->sink->ctx, &o));
	}
}

/* A capture parser takes this line; it may be a log's all the same. */
static void offer_line(struct cul_parse *p, const struct cul_line *line)
{
	if (line->number <= p->line_asked)
		return;
	find_hits(p, line->text);
	cul_ask_always(p, line);
	bool wanted = p->always_hit;
	for (size_t i = 0; i < p->hit_count && !wanted; i++)
		wanted = USE_TYPE(p->needle_use[p->hits[i]]) == USE_INTEREST && p->interests->items[USE_INDEX(p->needle_use[p->hits[i]])].line;
	if (wanted) {
		struct cul_record rec = bare_record(line);
		peel(p, &rec);
		if (rec.time.ns == CUL_NO_TIME)
			rec.time = p->capture_time;
		cul_confirm_lines(p, &rec);
	}
	p->line_asked = line->number;
}

/* ---- members -------------------------------------------------------------------------------- */

/* Take a mark; what it says about the next section is kept. */
static void take_mark(struct cul_parse *p, const struct cul_mark *mark, const struct cul_line *line, struct cul_slice *prose)
{
	struct cul_slice title = mark->type == CUL_MARK_FENCE && prose->size ? cul_mark_title(*prose) : CUL_NONE;
	end_section(p, NULL);
	p->command = hold(p->command_text, sizeof(p->command_text), mark->command);
	if (mark->type == CUL_MARK_FILE)
		p->name = hold(p->name_text, sizeof(p->name_text), mark->name);
	else if (title.size)
		p->name = hold(p->name_text, sizeof(p->name_text), title);
	*prose = CUL_NONE;
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

/* Settings and papers of a bundle, and what the collector says of itself: no logs of the machine, whatever words stand in them. */
static bool is_paper(struct cul_slice name)
{
	return cul_starts(name, CUL_LIT("etc/")) || cul_has(name, CUL_LIT("/etc/")) || cul_has(name, CUL_LIT("sos_logs/")) ||
	       cul_has(name, CUL_LIT("sos_reports/")) || cul_has(name, CUL_LIT("usr/share/")) || cul_has(name, CUL_LIT("usr/lib/")) ||
	       cul_has(name, CUL_LIT("log/apt/eipp"));
}

/* May lines without any envelope be a log's? A program's output is; what a command of a report printed is not. */
static bool is_loggish(struct cul_slice name)
{
	if (cul_has(name, CUL_LIT("sos_commands/")) || cul_has(name, CUL_LIT("proc/")) || cul_has(name, CUL_LIT("sys/")))
		return false;
	return cul_ends(name, CUL_LIT(".log")) || cul_ends(name, CUL_LIT(".out")) || cul_ends(name, CUL_LIT(".err")) || cul_ends(name, CUL_LIT(".txt")) ||
	       cul_is(name, CUL_LIT("stdin"));
}

static void read_member(struct cul_parse *p)
{
	struct cul_line line;
	struct cul_mark mark;
	struct cul_slice member = cul_str(p->member_name);
	struct cul_slice prose = CUL_NONE;
	char command[256];
	p->capture_time = (struct cul_time){ .ns = CUL_NO_TIME };
	p->line_asked = 0;
	for (size_t i = 0; p->line_interests && i < p->interest_count; i++)
		p->line_taken[i] = 0;
	for (int i = 0; i < CUL_ENVELOPE_DEPTH; i++)
		p->envelope[i] = -1;
	p->command = hold(p->command_text, sizeof(p->command_text), cul_mark_sos_command(member, command, sizeof(command)));
	p->name = hold(p->name_text, sizeof(p->name_text), member);
	bool begins = true, fenced = false, paper = is_paper(member);
	p->loggish = is_loggish(member);
	if (cul_is_writing(member, p->lines)) {
		while (cul_lines_next(p->lines, &line))
			p->tally.lines++;
		return;
	}
	p->dull = cul_has(member, CUL_LIT("log/apt/")) || cul_has(member, CUL_LIT("dpkg.log")); /* packages called liberror */
	while (!p->failed && cul_lines_peek(p->lines, 0, &line)) {
		if (cul_mark_read(line.text, &mark) != CUL_MARK_NONE) {
			cul_lines_next(p->lines, &line);
			p->tally.lines++;
			take_mark(p, &mark, &line, &prose);
			if (mark.type == CUL_MARK_FENCE) {
				fenced = !fenced;
				if (!fenced)
					p->name = CUL_NONE;
			}
			begins = true;
			if (mark.type == CUL_MARK_PROMPT) {
				/* a command that printed nothing is an answer too */
				struct cul_line next;
				const struct cul_parser *parser;
				if (!next_in_section(p, 0, &next) && (parser = best_bid(p, true, 0)))
					read_capture(p, parser, &line);
			}
			continue;
		}
		uint64_t only = 0;
		find_hits(p, line.text);
		if (!begins) {
			for (size_t i = 0; i < p->hit_count; i++)
				if (USE_TYPE(p->needle_use[p->hits[i]]) == USE_CAPTURE)
					only |= UINT64_C(1) << (USE_INDEX(p->needle_use[p->hits[i]]) & 63);
		}
		if (begins || only) {
			const struct cul_parser *parser = best_bid(p, begins, only);
			if (parser && read_capture(p, parser, NULL)) {
				begins = false;
				continue;
			}
		}
		begins = false;
		if (!cul_lines_next(p->lines, &line))
			break;
		if (!p->open)
			begin_section(p, "log", &line);
		p->span.lines++;
		p->tally.lines++;
		if (!fenced && line.text.size)
			prose = line.text; /* lives for longer than a fence is away */
		if (!paper) {
			cul_ask_always(p, &line);
			read_record(p, &line);
		}
	}
	end_section(p, NULL);
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

enum cul_status cul_dump_text(struct cul_parse *p, const char *name, struct cul_slice text)
{
	if (p->inner_count == CUL_INNER_TEXTS || !text.size)
		return p->failed;
	struct inner_text inner = { .size = text.size, .bytes = malloc(text.size) };
	if (!inner.bytes || asprintf(&inner.name, "%s!%s", p->member_name, name) < 0) {
		free(inner.bytes);
		return no_memory(p);
	}
	memcpy(inner.bytes, text.data, text.size);
	p->inner[p->inner_count++] = inner;
	return p->failed;
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

static void read_inner(struct cul_parse *p, const struct inner_text *inner)
{
	struct cul_blob blob = { inner->name, { inner->bytes, inner->size } };
	struct cul_bundle *bundle = NULL;
	struct cul_member member;
	if (cul_bundle_memory(&blob, 1, NULL, &bundle, p->err) != CUL_OK) {
		no_memory(p);
		return;
	}
	if (cul_bundle_next(bundle, &member)) {
		member.name = p->member_name = inner->name;
		p->tally.members++;
		if (cul_parse_fail(p, p->sink->member(p->sink->ctx, &member, &p->member)) == CUL_OK) {
			cul_lines_start(p->lines, bundle, p->limits.line_bytes);
			if (!cul_lines_binary(p->lines))
				read_member(p);
			if (cul_lines_failed(p->lines))
				no_memory(p);
		}
	}
	cul_bundle_close(bundle);
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
	struct cul_line none = { .number = 0 };
	p->capture_time = (struct cul_time){ .ns = CUL_NO_TIME };
	p->command = CUL_NONE;
	p->name = hold(p->name_text, sizeof(p->name_text), cul_str(p->member_name));
	begin_section(p, parser->name, &none);
	p->current = parser;
	cul_parse_fail(p, parser->open(p, &image));
	p->current = NULL;
	note_time(p, p->capture_time);
	end_section(p, parser->name);
	p->tally.bytes += (uint64_t)image.size;
	for (size_t i = 0; i < p->inner_count && !p->failed; i++)
		read_inner(p, &p->inner[i]);
	drop_inner(p);
	return true;
}

static void parse_done(struct cul_parse *p)
{
	drop_inner(p);
	cul_needles_free(p->needles);
	free(p->needle_use);
	free(p->hits);
	free(p->hit_marked);
	for (size_t i = 0; p->patterns && i < p->interest_count; i++)
		cul_pattern_free(p->patterns[i]);
	free(p->patterns);
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

enum cul_status cul_parse(struct cul_bundle *bundle, const struct cul_interests *interests, const struct cul_limits *limits,
			  const struct cul_sink *sink, struct cul_tally *tally, struct cul_error *err)
{
	struct cul_parse *p = calloc(1, sizeof(*p));
	if (!p)
		return cul_fail(err, CUL_ENOMEM, "out of memory before reading");
	p->bundle = bundle;
	p->interests = interests;
	p->sink = sink;
	p->err = err;
	set_limits(&p->limits, limits);
	while (cul_messages[p->message_count])
		p->message_count++;
	while (cul_captures[p->capture_count])
		p->capture_count++;
	p->interest_count = interests ? interests->count : 0;
	p->patterns = calloc(p->interest_count + 1, sizeof(*p->patterns));
	p->broken = calloc(p->interest_count + 1, sizeof(*p->broken));
	p->emitted = calloc(p->message_count / 64 + 1, sizeof(*p->emitted));
	p->scratch = malloc(CUL_SCRATCH);
	p->lines = cul_lines_new();
	p->arena = cul_arena_new();
	p->always = calloc(p->interest_count + 1, sizeof(*p->always));
	p->line_taken = calloc(p->interest_count + 1, sizeof(*p->line_taken));
	p->jqs = calloc(p->interest_count + 1, sizeof(*p->jqs));
	for (size_t i = 0; p->always && i < p->interest_count; i++) {
		p->line_interests |= interests->items[i].line;
		if (interests->items[i].line && !interests->items[i].literals && !interests->items[i].fold)
			p->always[p->always_count++] = i;
	}
	enum cul_status status = p->patterns && p->broken && p->always && p->line_taken && p->jqs && p->emitted && p->scratch && p->lines && p->arena && cul_fold_init(p) ? make_needles(p) : no_memory(p);
	struct cul_member member;
	while (status == CUL_OK && !p->failed && cul_bundle_next(bundle, &member)) {
		read_damage(p, NULL, -1);
		p->member_name = member.name;
		p->tally.members++;
		if (cul_parse_fail(p, sink->member(sink->ctx, &member, &p->member)) != CUL_OK)
			break;
		if (read_dump(p)) {
			if (!p->failed)
				read_damage(p, member.name, p->member);
			continue;
		}
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
			no_memory(p);
		if (!p->failed)
			read_damage(p, p->member_name, p->member);
	}
	if (!p->failed)
		read_damage(p, NULL, -1);
	if (tally)
		*tally = p->tally;
	status = p->failed;
	parse_done(p);
	return status;
}
