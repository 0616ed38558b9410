/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A line as a record: its envelopes peeled off, what it inherits, who follows it, who understands it, and whether it is suspect.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "parsers/sections.h"
#include "parsers/state.h"

/* ---- records -------------------------------------------------------------------------------- */

#define CUL_ENVELOPE_SURE 20 /* bits: the envelope that fitted last fits again, no other is asked */

void cul_peel_init(struct cul_parse *p)
{
	p->blank = (struct cul_record){ .time.ns = CUL_NO_TIME, .severity = -1, .boot_ns = CUL_NO_TIME, .scratch = p->scratch, .scratch_size = CUL_SCRATCH };
	for (uint32_t i = 0; cul_envelopes[i]; i++) {
		const char *begins = cul_envelopes[i]->begins;
		for (unsigned c = 0; c < 256; c++) {
			char class = c >= '0' && c <= '9' ? '0' : c >= 'a' && c <= 'z' ? 'a' : (char)c;
			if (!begins || (c && (strchr(begins, (char)c) || strchr(begins, class))))
				p->begins[c] |= 1u << i;
		}
	}
}

/* One layer: the envelope that fits best, the one that fitted last first. Returns its number, or -1 and no @layer. */
static int peel_once(struct cul_parse *p, int depth, const struct cul_line *line, struct cul_slice text, struct cul_record *layer)
{
	int most = 0, best = -1, last = p->envelope[depth];
	uint32_t may = text.size ? p->begins[(unsigned char)text.data[0]] : 0;
	bool first = last >= 0 && (may >> last & 1);
	while (may) {
		int which = first ? last : __builtin_ctz(may);
		may &= ~(1u << which);
		struct cul_record tried = p->blank;
		tried.line = *line;
		tried.message = text;
		int bid = cul_envelopes[which]->peel(text, &tried);
		if (bid > most) {
			most = bid;
			best = which;
			*layer = tried;
			if (first && bid >= CUL_ENVELOPE_SURE)
				break; /* of a log's lines nearly all have the same */
		}
		first = false;
	}
	return best;
}

static struct cul_slice settle(struct cul_parse *p, struct cul_slice text)
{
	if (text.data >= p->scratch && text.data < p->scratch + CUL_SCRATCH)
		return cul_lines_keep(p->lines, text);
	return text;
}

/*
 * The time of a program (@inner, UTC) on the wall clock of the syslog line around it, where both differ by whole quarters of an hour: the
 * kernel's lines beside it have no other clock. Else the program's own. A New Year's Eve that only one of them has is left alone.
 */
static struct cul_time same_clock(struct cul_time outer, struct cul_time inner)
{
	const int64_t quarter = 900 * CUL_SECOND;
	int year, month, day, hour, minute, second, of_inner[6];
	int64_t frac, inner_frac, diff;
	if (outer.no_date || inner.no_year || inner.no_date)
		return inner;
	cul_clock_split(outer.ns, &year, &month, &day, &hour, &minute, &second, &frac);
	if (outer.no_year)
		cul_clock_split(inner.ns, &year, &of_inner[1], &of_inner[2], &of_inner[3], &of_inner[4], &of_inner[5], &inner_frac);
	int64_t wall = cul_clock_civil(year, month, day, hour, minute, second, frac);
	if (wall == CUL_NO_TIME || __builtin_sub_overflow(wall, inner.ns, &diff) || diff < -56 * quarter - CUL_SECOND * 10 || diff > 56 * quarter + CUL_SECOND * 10)
		return inner;
	int64_t zone = (diff + (diff < 0 ? -quarter / 2 : quarter / 2)) / quarter * quarter, off = diff - zone;
	if (!zone || off < -5 * CUL_SECOND || off > 5 * CUL_SECOND)
		return inner;
	return (struct cul_time){ .ns = inner.ns + zone, .clock = CUL_CLOCK_LOCAL };
}

/* Envelope by envelope: the outer wall time wins, the kernel's own clock is kept beside it. */
void cul_peel(struct cul_parse *p, struct cul_record *rec)
{
	struct cul_slice text = rec->line.text;
	for (int depth = 0; depth < CUL_ENVELOPE_DEPTH; depth++) {
		struct cul_record layer;
		layer.severity = -1; /* what a compiler can't see is made by who says yes */
		layer.boot_ns = CUL_NO_TIME;
		int which = peel_once(p, depth, &rec->line, text, &layer);
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
		p->stepped |= layer.step_ns != 0;
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
			rec->time = same_clock(rec->time, layer.time); /* the program says its zone, syslog does not */
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
		if (p->span.lines - f.from >= CUL_FOLLOW_RECORDS) {
			/* others print in between: what it keeps of its first line lives no longer */
			enum cul_status status = CUL_OK;
			p->current = f.parser;
			f.next(p, f.state, NULL, &status);
			cul_parse_fail(p, status);
			stay = false;
		} else if (same_caller(&f, rec)) {
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
		return cul_parse_no_memory(p);
	if (p->follower_count == CUL_FOLLOWERS) {
		struct follower oldest = p->followers[0];
		enum cul_status status = CUL_OK;
		oldest.next(p, oldest.state, NULL, &status);
		memmove(p->followers, p->followers + 1, (CUL_FOLLOWERS - 1) * sizeof(oldest));
		p->follower_count--;
		cul_parse_fail(p, status);
	}
	p->followers[p->follower_count++] = (struct follower){
		next, state, p->current, rec->unit, rec->caller, rec->kernel, CUL_FOLLOW_RECORDS, p->span.lines,
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
	cul_note_time(p, rec->time);
}

#define CUL_KEPT_BYTES (4u << 20) /* kept text of followers that are done; above it, it is let go */
#define CUL_KEPT_MOST (64u << 20) /* somebody follows all the time: above it they are done */

/* Nobody follows: what followers kept is let go, so that a log of a million errors costs no more than one of ten. */
static void forget(struct cul_parse *p, struct cul_record *rec)
{
	char host[256], unit[256], caller[256];
	if (!p->has_last && rec->bare) { /* there is nothing to inherit yet */
		cul_arena_reset(p->arena);
		return;
	}
	bool ours = p->has_last && rec->host.data == p->last.host.data && rec->unit.data == p->last.unit.data &&
		    rec->caller.data == p->last.caller.data;
	if (!ours || p->last.host.size > sizeof(host) || p->last.unit.size > sizeof(unit) || p->last.caller.size > sizeof(caller))
		return;
	struct cul_slice h = cul_hold(host, sizeof(host), p->last.host), u = cul_hold(unit, sizeof(unit), p->last.unit),
			 c = cul_hold(caller, sizeof(caller), p->last.caller);
	cul_arena_reset(p->arena);
	rec->host = p->last.host = cul_keep(p, h);
	rec->unit = p->last.unit = cul_keep(p, u);
	rec->caller = p->last.caller = cul_keep(p, c);
}

struct cul_record cul_bare_record(const struct cul_line *line)
{
	return (struct cul_record){ .line = *line, .time.ns = CUL_NO_TIME, .severity = -1, .boot_ns = CUL_NO_TIME, .bare = true };
}

/* Lines before the one at hand were passed over unpeeled: find the nearest that has an envelope. */
void cul_catch_up(struct cul_parse *p, bool itself)
{
	struct cul_above above = { .itself = itself };
	struct cul_line line;
	int64_t most = p->passed + itself;
	/* where nothing has shown an envelope so far a glance will do: it is hardly a log */
	if (!p->has_last && most > 24)
		most = 24;
	p->passed = 0;
	for (int64_t back = 0; back < most && cul_lines_above(p->lines, &above, &line); back++) {
		struct cul_record rec = cul_bare_record(&line);
		cul_peel(p, &rec);
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
bool cul_may_pass(const struct cul_parse *p)
{
	return !p->follower_count && !p->folds && !p->stepped && !p->partial_size && p->span.lines >= 8;
}

/* A needle of @use stands in @text: may something come of it? */
static bool may(struct cul_parse *p, uint32_t use, struct cul_slice text)
{
	switch (USE_TYPE(use)) {
	case USE_INTEREST:
		return cul_interest_may(p, USE_INDEX(use), text);
	case USE_KERNEL:
		return !p->saw_kernel;
	default:
		return true;
	}
}

bool cul_idle_hits(void *ctx, struct cul_slice text, const struct cul_hit *hits, size_t count)
{
	struct cul_parse *p = ctx;
	for (size_t i = 0; i < count; i++)
		if (may(p, p->needle_use[hits[i].needle], text))
			return false;
	return true;
}

/* Literals of rules stand in this line, but none of their patterns matches any part of it: it is as ordinary as the others. */
static bool idle(struct cul_parse *p, const struct cul_line *line)
{
	for (size_t i = 0; i < p->hit_count; i++)
		if (USE_TYPE(p->needle_use[p->hits[i]]) != USE_CAPTURE && may(p, p->needle_use[p->hits[i]], line->text))
			return false;
	return true;
}

static bool ordinary(struct cul_parse *p, const struct cul_line *line)
{
	if (p->always_hit || p->wanted || p->suspicious || (p->kernel_word && !p->saw_kernel) || !cul_may_pass(p) || cul_says_severity(line->text))
		return false;
	bool escaped = (p->hit_count || p->eager) && cul_may_unescape(line->text);
	if (p->eager && (escaped || line->text.size > CUL_LINE_BYTES_BIG))
		return false;
	return !p->hit_count || (!escaped && idle(p, line));
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
	if (!role && !cul_has(text, CUL_LIT("prompt")) && !cul_has(text, CUL_LIT("messages\":")) && !cul_has(text, CUL_LIT("obj=")))
		return text;
	if (role && cul_cut(text, CUL_LIT("\"content\":"), &before, NULL))
		return before;
	for (size_t i = 0; i < sizeof(quotes) / sizeof(*quotes); i++)
		if (cul_starts(text, cul_str(quotes[i].begins)) && cul_cut(text, cul_str(quotes[i].mark), &before, NULL))
			return before;
	return text;
}

/*
 * Nor is what somebody searched for, or ordered: `dmesg | grep -E 'fallen off the bus|Xid'` in a script or behind set -x, the command
 * that sudo, cron or the audit log names. The record ends where the words of the command begin.
 */
static struct cul_slice without_order(struct cul_slice text)
{
	static const char *const orders[] = { " ; COMMAND=", ") CMD (", "EXECVE msg=" };
	static const char *const tools[] = { "grep -", "grep '", "grep \"", "awk '", "awk \"", "rg '", "rg \"", "rg -" };
	struct cul_slice before, head = text;
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++)
		if (cul_cut(text, cul_str(orders[i]), &before, NULL))
			return before;
	for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
		size_t at = cul_find(head, cul_str(tools[i]));
		if (at == SIZE_MAX)
			continue;
		for (; at && isalpha((unsigned char)text.data[at - 1]); at--) /* zgrep, egrep */
			;
		size_t from = at; /* a command stands first, or behind what joins commands: a sentence may have the word */
		while (from && (text.data[from - 1] == ' ' || text.data[from - 1] == '+'))
			from--;
		if (!from || strchr("|;&($`", text.data[from - 1]) || (from >= 4 && cul_ends(cul_slice(text.data, from), CUL_LIT("sudo"))))
			head.size = at;
	}
	return head;
}

#ifdef __SSE2__
static inline __m128i where(__m128i bytes, char c)
{
	return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

static inline __m128i where_two(__m128i first, char a, __m128i second, char b)
{
	return _mm_and_si128(where(first, a), where(second, b));
}
#endif

/*
 * False: none of the words that without_prompt() and without_order() look for stands in @text. Two bytes of each, with one more behind
 * them, are sought at sixteen places at a time: word by word it takes as long as all else that is done for a record with a hit.
 */
static bool may_quote(struct cul_slice text)
{
#ifdef __SSE2__
	for (size_t i = 0; text.size >= 18 && i + 2 < text.size; i += 16) {
		if (text.size - i < 18)
			i = text.size - 18;
		const char *p = text.data + i;
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)p), b = _mm_loadu_si128((const __m128i *)(const void *)(p + 1)),
			c = _mm_loadu_si128((const __m128i *)(const void *)(p + 2));
		__m128i prompt = _mm_or_si128(where_two(a, 'm', b, 'p'), _mm_or_si128(where_two(a, 's', b, '"'), where_two(a, '"', b, 'r')));
		__m128i order = _mm_or_si128(where_two(a, 'N', b, 'D'), _mm_or_si128(where_two(a, 'M', b, 'D'), where_two(a, 'X', b, 'E')));
		/* grep, awk, rg, a blank, and what an argument begins with */
		__m128i tool = _mm_or_si128(where(a, 'p'), _mm_or_si128(where(a, 'k'), where(a, 'g')));
		__m128i argument = _mm_or_si128(where(c, '-'), _mm_or_si128(where(c, '\''), where(c, '"')));
		__m128i all = _mm_or_si128(_mm_or_si128(prompt, order), where_two(a, 'b', b, 'j'));
		if (_mm_movemask_epi8(_mm_or_si128(all, _mm_and_si128(_mm_and_si128(tool, where(b, ' ')), argument))))
			return true;
	}
	return text.size && text.size < 18;
#else
	return text.size;
#endif
}

static void leave_quotes(struct cul_parse *p, struct cul_record *rec)
{
	if (!may_quote(rec->message))
		return;
	struct cul_slice said = without_order(without_prompt(rec->message));
	if (said.size == rec->message.size)
		return;
	rec->message = said;
	p->suspicious = false;
}

/* A line without an envelope, in which literals stand: do no parser and no rule want it? */
static bool unwanted(struct cul_parse *p, const struct cul_record *rec)
{
	uint32_t done = UINT32_MAX;
	for (size_t i = 0; i < p->hit_count; i++) {
		uint32_t use = p->needle_use[p->hits[i]];
		if (use == done || USE_TYPE(use) == USE_CAPTURE)
			continue;
		if (USE_TYPE(use) != USE_INTEREST || cul_interest_wants(p, USE_INDEX(use), rec->message))
			return false;
		done = use;
	}
	return true;
}

/* One line as a record: envelope, followers, message parsers, interests, suspicion. The line's hits are known. */
void cul_read_record(struct cul_parse *p, const struct cul_line *line)
{
	if (ordinary(p, line)) {
		p->passed++;
		p->span.records++;
		p->tally.records++;
		return;
	}
	struct cul_record rec = cul_bare_record(line);
	cul_peel(p, &rec);
	if (rec.partial || (rec.message.size && (rec.message.data < line->text.data || rec.message.data > line->text.data + line->text.size)))
		p->eager = true;
	if (!whole(p, &rec)) {
		cul_confirm_lines(p, &rec);
		return;
	}
	if (rec.bare && p->passed) {
		if (!p->suspicious && !p->always_hit && !p->wanted && cul_may_pass(p) && unwanted(p, &rec)) {
			p->passed++; /* no need to know what it inherits */
			return;
		}
		cul_catch_up(p, false);
	}
	p->passed = 0;
	if (p->hit_count)
		leave_quotes(p, &rec);
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
	if (p->follower_count && cul_arena_bytes(p->arena) > CUL_KEPT_MOST)
		cul_drop_followers(p);
	if (!p->follower_count && cul_arena_bytes(p->arena) > CUL_KEPT_BYTES)
		forget(p, &rec);
	if (rec.message.data < line->text.data || rec.message.data > line->text.data + line->text.size)
		cul_find_hits(p, rec.message); /* unescaped or joined: not what stood in the line */
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
	bool suspect = p->suspicious && !p->dull && (rec.severity < 6 || p->grave) && (!rec.bare || p->has_last || p->loggish) && !cul_mark_blob(line->text);
	if (!p->understood && (suspect || (rec.severity >= 0 && rec.severity <= 3)) && !p->failed && rec.message.size) {
		struct cul_observation o = { .interest = -1, .section = p->section, .line = rec.line.number, .offset = rec.line.offset,
					     .time = rec.time, .boot_ns = rec.boot_ns, .host = rec.host, .unit = rec.unit,
					     .severity = rec.severity < 0 && p->grave ? 3 : rec.severity, .text = rec.message };
		cul_parse_fail(p, p->sink->suspect(p->sink->ctx, &o));
	}
}


void cul_line_also(struct cul_parse *p, const struct cul_line *line, bool quiet)
{
	const struct cul_parser *current = p->current;
	bool dull = p->dull;
	p->dull |= quiet;
	p->always_hit = false;
	cul_find_hits(p, line->text);
	cul_read_record(p, line);
	p->dull = dull;
	p->current = current;
}
