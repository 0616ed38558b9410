/* SPDX-License-Identifier: Apache-2.0 */
/**
 * All that a parser's author reads.
 *
 * There are four families, a source file for each format:
 *
 *   envelope/  peels time, host, unit, severity off a log line (struct cul_envelope)
 *   message/   says what a record means, whatever envelope it came in (struct cul_parser .record)
 *   capture/   reads a whole snapshot: a table, a listing (struct cul_parser .section)
 *   dump/      opens what died: a kernel dump, a core file (struct cul_parser .claim, .open)
 *
 * A parser emits what stands there, typed and scoped, and guesses nothing: a field that isn't there
 * is left out. It keeps no state between sections except through cul_follow().
 */
#ifndef CUL_PARSERS_PARSER_H
#define CUL_PARSERS_PARSER_H

#include "culprit/parse.h"
#include "base/clock.h"
#include "base/slice.h"
#include "base/table.h"
#include "parsers/fields.h"

struct cul_parse; /* one run of the parse; opaque */
struct cul_image; /* parsers/image.h: for dumps */

/* ---- lines and records ---------------------------------------------------------------------- */

/** A line of a section: no line end, no terminal colours, UTF-8 or Latin-1 bytes. */
struct cul_line {
	struct cul_slice text; /* lives for 512 more lines at least */
	int64_t number;        /* 1-based, in the member */
	int64_t offset;        /* bytes, in the member */
};

/** A log line with its envelope peeled off. A line without one inherits time, host, unit and severity. */
struct cul_record {
	struct cul_line line;
	struct cul_slice message; /* what is left; leading tag of a rank or worker stays in */
	struct cul_time time;
	struct cul_slice host, unit; /* unit: syslog ident, journal unit, container: "kernel" for the kernel */
	struct cul_slice caller;     /* kernel caller id "T123", "C5"; else the pid's digits; may be empty */
	int severity;                /* 0..7, or -1 */
	bool kernel;                 /* the kernel printed it */
	bool bare;                   /* no envelope of its own: inherited */
	bool partial;                /* set by peel(): the line was split by its container; more of it follows */
	int64_t boot_ns;             /* the kernel's own time where an outer envelope has the wall time; CUL_NO_TIME */
	int64_t step_ns;             /* set by peel() without a time: so long after the record before (dmesg -H) */
	char *scratch;               /* for peel(): room for unescaped text; what is left there is kept by the driver */
	size_t scratch_size;         /* 256 KiB */
};

/* ---- emitting ------------------------------------------------------------------------------- */

/** One field of an observation; made by the functions below. Absent values are left out. */
struct cul_arg {
	const char *name;
	enum cul_type type;
	int64_t i;
	double r;
	struct cul_slice s;
	bool since; /* the value, in the field's unit (s or ms), also sets how long before the record it began */
};

struct cul_arg cul_number(const char *name, struct cul_slice digits); /* decimal or 0x…; thousands' commas taken; junk: absent */
struct cul_arg cul_decimal(const char *name, struct cul_slice text);  /* "12.5", "12,5"; a trailing unit or % is ignored */
struct cul_arg cul_int(const char *name, int64_t value);
struct cul_arg cul_real(const char *name, double value);              /* NAN: absent */
struct cul_arg cul_text(const char *name, struct cul_slice text);     /* empty: absent */
struct cul_arg cul_string(const char *name, const char *text);        /* NULL: absent */
struct cul_arg cul_flag(const char *name, bool value);
struct cul_arg cul_bdf(const char *name, struct cul_slice bdf);       /* "00000000:3B:00.0", "PCI:0000:3b:00" -> "0000:3b:00.0" */
struct cul_arg cul_since(struct cul_arg duration);                    /* blocked_s: 122 -> onset 122 s earlier */

/**
 * Emit an observation of @kind (one the parser declares) at @rec's place and time.
 * Use the macro: cul_emit(parse, rec, "nvidia.xid", cul_number("xid", code), …).
 */
enum cul_status cul_emit_args(struct cul_parse *parse, const struct cul_record *rec, const char *kind,
			      const struct cul_arg *args, size_t count);
#define cul_emit(parse, rec, kind, ...)                                                             \
	cul_emit_args(parse, rec, kind, (const struct cul_arg[]){ __VA_ARGS__ },                     \
		      sizeof((const struct cul_arg[]){ __VA_ARGS__ }) / sizeof(struct cul_arg))

/** Damage at this place: observed as input.damaged; always read on. */
enum cul_status cul_damaged(struct cul_parse *parse, const struct cul_record *rec, const char *why);

/** Copy @slice so that it lives until the section ends (or the follower is done). */
struct cul_slice cul_keep(struct cul_parse *parse, struct cul_slice slice);
/** Zeroed memory with the same life; NULL when there is none. */
void *cul_keep_bytes(struct cul_parse *parse, size_t size);
/** Much is kept by now: a section that could go on for ever had better end here, and another begin. */
bool cul_kept_much(const struct cul_parse *parse);

/* ---- message parsers ------------------------------------------------------------------------ */

/**
 * A follower is handed the records after the one at hand that come from the same caller (kernel:
 * caller id where there is one, else any kernel record; otherwise the same unit and caller).
 * @next is called with each; return false there to be done (the record is then treated like any other); @rec NULL: the input ended.
 * At most 512 records. The slices of @rec live as long (copy struct cul_record into your state). Records that a follower takes are still offered to the other parsers.
 */
typedef bool (*cul_follower)(struct cul_parse *parse, void *state, const struct cul_record *rec,
			     enum cul_status *status);
enum cul_status cul_follow(struct cul_parse *parse, const struct cul_record *rec, cul_follower next, void *state);

/* ---- capture parsers ------------------------------------------------------------------------ */

/** The lines at the start of what may be a section, and what is known about where it came from. */
struct cul_head {
	const struct cul_line *lines; /* up to 32; the first is the one to start at */
	size_t count;                 /* 0: a prompt whose command printed nothing: bid on @command alone */
	struct cul_slice command;     /* of the prompt before it, or derived from a sos file name; may be empty */
	struct cul_slice name;        /* the member's name, or that of a mark inside it */
	bool begins;                  /* at the start of the member, or right after a mark or prompt */
};

/**
 * The next line of the section, or false at its end (the member's end, or a mark: prompt, fence,
 * "==> file <=="). @line->text lives for 512 more lines.
 */
bool cul_line_next(struct cul_parse *parse, struct cul_line *line);
/** Look at the line after (0: the next) without taking it; at most 31 ahead. */
bool cul_line_peek(struct cul_parse *parse, size_t ahead, struct cul_line *line);
/** This line of the capture is a log's line as well: messages and rules' texts are looked for in it. @quiet: words make it no suspect. */
void cul_line_also(struct cul_parse *parse, const struct cul_line *line, bool quiet);
/** Give the last line back: it isn't this format's any more; another parser starts there. */
void cul_line_back(struct cul_parse *parse);
/** A record at @line with @time, for cul_emit() (host and unit empty). */
struct cul_record cul_line_record(const struct cul_line *line, struct cul_time time);
/** The line that the section starts with: the mark before it if there is one (a prompt whose command printed nothing has no other). */
struct cul_line cul_section_line(const struct cul_parse *parse);
/** Command and name of the section at hand. */
struct cul_slice cul_section_command(const struct cul_parse *parse);
struct cul_slice cul_section_name(const struct cul_parse *parse);
/**
 * The time of the last capture-time line seen in this member ("date; nvidia-smi", a ctime line), for tables
 * that print none; { CUL_NO_TIME } if none. cul_set_capture_time() remembers one.
 */
struct cul_time cul_capture_time(const struct cul_parse *parse);
void cul_set_capture_time(struct cul_parse *parse, struct cul_time time);
/** Tell which host this member is of (uname -n, a prompt, a hostname file). Kept. */
void cul_set_host(struct cul_parse *parse, struct cul_slice host);

/**
 * Something in the section that is a file of its own, packed or not: opened as a dump when this member is read, "x.crash!CoreDump". @bytes
 * are from malloc() and taken over.
 */
enum cul_status cul_section_member(struct cul_parse *parse, const char *name, void *bytes, size_t size);

/* ---- dumps ---------------------------------------------------------------------------------- */

/** A record to emit at: a dump has no lines; @time is when it was taken or when the thing happened. @text is its evidence line. */
struct cul_record cul_dump_record(const struct cul_parse *parse, struct cul_time time, struct cul_slice text);
/**
 * A text that stands inside the dump (the kernel's log): read after open() as a member of its own, "vmcore!dmesg",
 * by all parsers. Copied.
 */
enum cul_status cul_dump_text(struct cul_parse *parse, const char *name, struct cul_slice text);
/** Who finds callers where the program's files are at hand; NULL: nobody. */
const struct cul_unwinder *cul_dump_unwinder(const struct cul_parse *parse);
/** What stands beside the file on disk: "key=value" lines of its user.coredump.* attributes. Empty: nothing. */
struct cul_slice cul_dump_beside(const struct cul_parse *parse);

/* ---- the tables ----------------------------------------------------------------------------- */

struct cul_parser {
	const char *name;  /* the source's name: "nvidia_xid" */
	const char *about; /* one line for `culprit formats` */
	const struct cul_kind *const *kinds; /* NULL-terminated */

	/* message: literals, one of which must stand in the record (as printed, case-sensitive);
	 * capture: literals that can only stand in a section's first three lines; they let it start in mid-file */
	const char *const *needles; /* NULL-terminated */

	/* message parsers */
	enum cul_status (*record)(struct cul_parse *parse, const struct cul_record *rec);

	/* capture parsers: 0 not mine, else how many bits of the head were checked (4 a checked word;
	 * a matching command or file name counts too); the highest bid reads the section. A capture whose
	 * lines carry no literal may bid on the name or command alone. */
	int (*bid)(const struct cul_head *head);
	/* what spares asking: where no command stands before a section and its first line isn't blank, bid() is 0 unless that line has
	 * all the bytes (ASCII, the rarest first) of one of these; NULL: it may bid on any line */
	const char *const *first;
	/* reads with cul_line_next() until its end or until the format stops matching (cul_line_back()) */
	enum cul_status (*section)(struct cul_parse *parse);

	/* dumps: what the member's first bytes (up to 4 KiB) and its name say: 0 not mine, else how many bits were checked */
	int (*claim)(struct cul_slice head, struct cul_slice name);
	/* observes with cul_emit() and cul_damaged() on cul_dump_record(); a text inside goes to cul_dump_text() */
	enum cul_status (*open)(struct cul_parse *parse, const struct cul_image *image);
};

/** An envelope: 0 not mine, else the bits checked; on success fills @rec's fields and narrows message. */
struct cul_envelope {
	const char *name, *about;
	const char *begins; /* the bytes that a line of its may begin with; '0' stands for any digit, 'a' for any small letter; NULL: any byte */
	int (*peel)(struct cul_slice line, struct cul_record *rec);
};

#define CUL_LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define CUL_KINDS(...) ((const struct cul_kind *const[]){ __VA_ARGS__, NULL })
/** A kind whose equal observations fold into a run; @stream as in struct cul_kind. */
#define CUL_KIND(kind_name, kind_version, kind_stream, ...)                                         \
	(&(const struct cul_kind){ .name = kind_name, .version = kind_version, .stream = kind_stream, \
				   .fields = (const struct cul_field *const[]){ __VA_ARGS__, NULL } })
/** A kind whose observations are samples or table rows. */
#define CUL_SAMPLES(kind_name, kind_version, kind_stream, ...)                                      \
	(&(const struct cul_kind){ .name = kind_name, .version = kind_version, .stream = kind_stream, \
				   .samples = true,                                                  \
				   .fields = (const struct cul_field *const[]){ __VA_ARGS__, NULL } })

#endif
