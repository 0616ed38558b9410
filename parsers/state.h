/* SPDX-License-Identifier: Apache-2.0 */
/** One run of the parse, as its own files see it (parse.c, emit.c, registry.c). Parsers use parser.h. */
#ifndef CUL_PARSERS_STATE_H
#define CUL_PARSERS_STATE_H

#include "base/arena.h"
#include "base/jq.h"
#include "base/needle.h"
#include "base/pattern.h"
#include "parsers/dump/ksplit.h"
#include "parsers/lines.h"
#include "parsers/parser.h"

#define CUL_FOLLOWERS 16       /* records that are followed at once; an older one is let go */
#define CUL_FOLLOW_RECORDS 512 /* records that one follower sees */
#define CUL_ENVELOPE_DEPTH 4   /* envelopes in envelopes */
#define CUL_SCRATCH (256u << 10)
#define CUL_FIELDS 64          /* fields of one kind at most */
#define CUL_INNER_TEXTS 64     /* texts inside one dump */
#define CUL_STREAMS 24         /* streams that one section may cover beside its parsers' own */

/* needle_use: what a needle belongs to */
enum { USE_MESSAGE = 0, USE_CAPTURE = 1, USE_INTEREST = 2, USE_SUSPICION = 3, USE_KERNEL = 4, USE_ODD = 5, USE_WANTED = 6 };
#define USE(type, i) ((uint32_t)(type) << 28 | (uint32_t)(i))
#define USE_TYPE(u) ((u) >> 28)
#define USE_INDEX(u) ((u) & 0xfffffff)

/** The tables that meson's lists make; NULL-terminated. */
extern const struct cul_parser *const cul_messages[];
extern const struct cul_parser *const cul_captures[];
/** Bits of the captures, as far as there are 64, that may bid on a section with this first line, without a command (struct cul_parser, first). */
uint64_t cul_capture_may(struct cul_slice line);
extern const struct cul_parser *const cul_dumps[];
extern const struct cul_envelope *const cul_envelopes[];

struct follower {
	cul_follower next;
	void *state;
	const struct cul_parser *parser;
	struct cul_slice unit, caller;
	bool kernel;
	int left;
	int64_t from; /* lines of the section when it began */
};

struct cul_parse {
	struct cul_bundle *bundle;
	const struct cul_interests *interests;
	const struct cul_sink *sink;
	struct cul_sink heard; /* the caller's, without holes */
	struct cul_limits limits;
	struct cul_tally tally;
	struct cul_error *err;
	enum cul_status failed; /* the first failure; everything ends soon after */

	bool beside;            /* the needles are another's */
	struct cul_needles *needles;
	size_t needle_count;
	uint32_t *needle_use; /* by needle: what it belongs to */
	size_t message_count, capture_count, interest_count;
	struct cul_pattern **patterns; /* by interest; compiled when first met */
	bool *broken;                  /* patterns that PCRE2 refuses */
	struct cul_pattern **loose;    /* by interest: what a whole line is asked before its envelopes are peeled off */
	bool *tight;                   /* by interest: there is no such pattern */
	bool line_interests;           /* some interest wants whole lines */
	size_t *always, always_count;  /* interests without a literal: each line is asked */
	int64_t *line_taken;           /* by interest of whole lines: offset + 1 of the line it took last */
	int64_t entry;                 /* offset + 1 of the line that the line at hand continues; 0: it stands for itself */
	struct cul_jq **jqs;           /* by interest; compiled when first met */
	bool folds;                    /* some interest wants a record with its continuation lines */
	char *fold;                    /* the record at hand and those lines, see fold.c */
	size_t fold_size, fold_lines;
	struct cul_record fold_rec;    /* its first line */

	struct cul_lines *lines;
	struct cul_arena *arena; /* lives as long as a section */
	char *scratch;

	/* the member */
	int member;
	const char *member_name;
	bool dull;    /* words in it make nothing suspect */
	bool loggish; /* its lines may be a log's although they have no envelope */
	struct cul_time capture_time;

	/* the section */
	bool open;
	int section;
	char command_text[512], name_text[512];
	struct cul_slice command, name;
	struct cul_line start;
	const struct cul_parser *current; /* whose kinds cul_emit() knows */
	uint64_t *emitted;                /* bit by message parser */
	const char *covered[CUL_STREAMS]; /* streams of the kinds that were emitted */
	size_t covered_count;
	bool saw_kernel, saw_record;
	bool eager;      /* text is split or escaped here: lines with an escape are peeled */
	bool stepped;    /* times are told by steps (dmesg --reltime): none may be left out */
	int64_t passed;  /* lines before the one at hand that were left unpeeled */
	struct cul_section_span span;
	struct cul_record last; /* the last record that had an envelope */
	bool has_last;
	int envelope[CUL_ENVELOPE_DEPTH]; /* that fitted last, by depth */
	uint32_t begins[256];             /* by a line's first byte: bits of envelopes */
	struct cul_record blank;          /* what an envelope is handed, but for the line */
	struct follower followers[CUL_FOLLOWERS];
	size_t follower_count;
	char *partial;
	size_t partial_size, partial_room;

	/* texts that a dump holds, read when it is closed */
	struct inner_text {
		char *name, *bytes;
		size_t size;
		bool opens; /* not a text, but what may be a dump */
	} inner[CUL_INNER_TEXTS];
	size_t inner_count;

	struct cul_ksplit_files splits; /* ksplit.c: dumps in several files, read together at the end */
	struct cul_part *parts; /* parts.c: members that are read together at the end */
	size_t part_count;

	/* the record at hand */
	uint32_t *hits;
	size_t hit_count;
	uint8_t *hit_marked;
	uint8_t *needle_class; /* CUL_LINE_…, by needle */
	bool always_hit;    /* one of @always stands in the line */
	int64_t line_asked; /* lines up to this one were offered to whole-line interests while a capture parser read them */
	bool suspicious, grave, kernel_word, wanted, understood;
};

/** An observation of a kind, by canonical fields. */
enum cul_status cul_observe(struct cul_parse *parse, const struct cul_record *rec, const struct cul_kind *kind,
			    int interest, const struct cul_value *values, size_t count, int64_t since_ns);
/** A record that a literal of interest @which stands in: is it one? Then it is observed. */
void cul_confirm(struct cul_parse *parse, const struct cul_record *rec, size_t which);
/** True: interest @which wants the record @message, or there is no telling yet. */
bool cul_interest_wants(struct cul_parse *parse, size_t which, struct cul_slice message);
/** Nothing comes of @hits in the line @text: for cul_lines_skip(), with a struct cul_parse. */
bool cul_idle_hits(void *parse, struct cul_slice text, const struct cul_hit *hits, size_t count);
/** False: whatever the envelopes of @line are, its record is none that interest @which wants. Escaped text is not known here. */
bool cul_interest_may(struct cul_parse *parse, size_t which, struct cul_slice line);
/** The hits of a whole line: interests that want it as it was read. */
void cul_confirm_lines(struct cul_parse *parse, const struct cul_record *rec);
/** The same for what wants a record and its continuation lines, @text. */
void cul_confirm_fold(struct cul_parse *parse, const struct cul_record *rec, size_t which, struct cul_slice text);
/** Does a pattern that has no literal stand in @line? Sets always_hit. */
void cul_ask_always(struct cul_parse *parse, const struct cul_line *line);
/** Whoever follows is told that the input ended. */
void cul_drop_followers(struct cul_parse *parse);
/** fold.c: make room where an interest needs it; the next line; the last one was it. */
bool cul_fold_init(struct cul_parse *parse);
void cul_fold_line(struct cul_parse *parse, const struct cul_record *rec);
void cul_fold_end(struct cul_parse *parse);
/** hits.c: the needles of all parsers and interests; those of @other, which lives longer. */
enum cul_status cul_make_hits(struct cul_parse *parse);
enum cul_status cul_share_hits(struct cul_parse *parse, const struct cul_parse *other);
/** The same as cul_find_hits() of the line that comes next: mostly it is known. */
void cul_next_hits(struct cul_parse *parse, struct cul_slice text);
/** Which envelopes a line may have by its first byte: once. */
void cul_peel_init(struct cul_parse *parse);
/** What stands in @text, as sorted needle indexes in hits. */
void cul_find_hits(struct cul_parse *parse, struct cul_slice text);
/** One line as a record, its hits being known. */
void cul_read_record(struct cul_parse *parse, const struct cul_line *line);
/** May lines that nobody wants be passed over unpeeled? */
bool cul_may_pass(const struct cul_parse *parse);
/** Lines were passed over unpeeled: find the nearest that has an envelope, above the one taken last or with it. */
void cul_catch_up(struct cul_parse *parse, bool itself);
struct cul_record cul_bare_record(const struct cul_line *line);
void cul_peel(struct cul_parse *parse, struct cul_record *rec);
void cul_note_time(struct cul_parse *parse, struct cul_time time);
/** Copy into @room, cut to what fits. */
struct cul_slice cul_hold(char *room, size_t size, struct cul_slice text);
/** Read @text as a log or capture of its own: a new member, or the one that is @member already (-1: none). @damage: of it; may be NULL. */
void cul_parse_text(struct cul_parse *parse, const char *name, int member, struct cul_slice text, const char *damage);
enum cul_status cul_parse_no_memory(struct cul_parse *parse);
/** Remember the first failure; returns it. */
enum cul_status cul_parse_fail(struct cul_parse *parse, enum cul_status status);

/** @given, with functions that do nothing in place of those it has none of (text stays as it is). */
struct cul_sink cul_sink_whole(const struct cul_sink *given);

#endif
