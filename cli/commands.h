/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the commands share: options, exit status, and the few helpers that each of them needs.
 *
 * A command is a row in main.c and a file of its own. It uses culprit.h alone, as any other user of
 * the library does; everything below is the tool's own.
 */
#ifndef CUL_CLI_COMMANDS_H
#define CUL_CLI_COMMANDS_H

#include <stdio.h>

#include "culprit/culprit.h"

enum {
	EXIT_DONE = 0,       /* analysed, whatever was found */
	EXIT_MET = 1,        /* --fail-on met; rules check: mistakes */
	EXIT_USE = 2,        /* wrong use, a rule file with mistakes */
	EXIT_UNREADABLE = 3, /* input could not be read at all, output not written */
};

#define MOST_RULE_PATHS 64
#define MOST_SYMBOL_PATHS 32

struct options {
	const char *const *args; /* what is no option */
	size_t count;

	int progress; /* -1: a bar when stderr is a terminal; 0; 1: lines where it is none */
	bool json, csv, quiet, times, verbose, all, add, builtin, sandbox;
	int colour;       /* -1: when stdout is a terminal; 0; 1 */
	const char *lang; /* "en", "zh" */
	const char *format, *output, *keep;
	const char *from; /* rules new: the case or bundle */
	bool cross;       /* rules check: each hit is judged by all rules, too */
	int fail_on;      /* severity, or -1 */
	int64_t since_ns, until_ns; /* 0: open */
	int64_t at_ns;              /* 0: no time is asked about */
	const char *about, *waive, *baseline;
	int before, after; /* lines of context */
	unsigned jobs;     /* threads: over several bundles, or within one */
	const char *rules[MOST_RULE_PATHS];
	size_t rule_count;
	size_t rules_asked; /* how many of them stood on the command line */
	const char *cre_sources; /* or NULL */
	struct {
		const char *path;
		bool debug; /* --debuginfo, else --sysroot */
	} symbols[MOST_SYMBOL_PATHS];
	size_t symbol_count;
	const struct cul_unwinder *unwinder; /* while the command runs; NULL where none was asked for */
};

int run_analyse(const struct options *o);
int run_scan(const struct options *o);
int run_judge(const struct options *o);
int run_report(const struct options *o);
int run_show(const struct options *o);
int run_timeline(const struct options *o);
int run_explain(const struct options *o);
int run_label(const struct options *o);
int run_sql(const struct options *o);
int run_parse(const struct options *o);
int run_dump(const struct options *o);
int run_formats(const struct options *o);
int run_rules(const struct options *o);
int run_rules_new(const struct options *o);

/** Enter the sandbox (sandbox.c): reading what @o names, writing what it asks for. false: failed, and said so. */
bool lock_in(const struct options *o);
/** A scan writes @path.tmp until case_done(): Ctrl-C removes it. */
void case_begun(const char *path);
void case_done(void);

/** Start culprit-unwind (unwind.c) where @o asks for it, before the sandbox closes. NULL: it doesn't. A failure is told where frames would be. */
const struct cul_unwinder *unwinder_start(const struct options *o);

/* ---- helpers (common.c) ---------------------------------------------------------------------- */

/** One sentence on stderr: "culprit: …". Bytes that a terminal would act upon are made harmless. */
void complain(const char *format, ...) CUL_PRINTF(1, 2);
/** The same for a failure of the library; returns the exit status that goes with it. Says nothing when a pipe was closed. */
int failed(enum cul_status status, const struct cul_error *err);
/** Could nothing more be written because the reader of a pipe has seen enough? That is no failure. */
bool reader_left(void);
/** Is @path a case (an SQLite file of ours by its magic)? */
bool is_case(const char *path);
/** CPUs that this process may use; 1 to 64. */
unsigned processors(void);
/** Load the built-in and the user's rules as the options say. */
enum cul_status load_rules(const struct options *o, struct cul_rules **ret, struct cul_error *err);
/** Scan @path into @case_path (NULL: in memory), with progress on a terminal. @add: onto the case that is there. */
enum cul_status scan_path(const struct options *o, const char *path, const char *case_path, bool add,
			  const struct cul_interests *interests, struct cul_tally *tally, struct cul_case **ret,
			  struct cul_error *err);
/** Open @path if it is a case, else scan it in memory. */
enum cul_status open_or_scan(const struct options *o, const char *path, const struct cul_interests *interests,
			     struct cul_tally *tally, struct cul_case **ret, struct cul_error *err);
/** SOURCE:LINE as reports print it, where the end of a source's name will do. Says why it is none. */
bool find_place(struct cul_case *c, const char *place, int *member, int64_t *line);
/** Is @finding one that --fail-on means? */
bool fails(const struct options *o, const struct cul_verdict *verdict);
/** What --waive and --baseline brought, for all paths of a run. */
struct asked {
	struct cul_waiver *waivers;
	char **lines; /* that their words stand in */
	size_t waiver_count;
	struct cul_case *baseline;
};
/** Read what the options name. Returns an exit status; asked_free() either way. */
int asked_prepare(const struct options *o, const struct cul_rules *rules, struct asked *ask);
void asked_free(struct asked *ask);
/** Judge and print. Returns an exit status. @tally may be NULL. */
int judge_and_print(const struct options *o, const struct asked *ask, const struct cul_rules *rules, struct cul_case *c, const char *input,
		    const struct cul_tally *tally, double seconds, FILE *out);
bool use_colour(const struct options *o);
/** How far the reading is, on stderr (progress.c). */
struct progress {
	double start, shown, at; /* when it began, was last told; when @done was measured */
	int64_t done, total;     /* bytes of the outermost input */
	double rate;             /* of the last seconds, smoothed */
	bool bar, blocks, told;  /* redrawn in place; with U+2588 and its like; something stands there */
};
/** false: nothing shall be shown. */
bool progress_begin(struct progress *p, const struct options *o);
/** As cul_scan_options wants it; @ctx is the struct progress. */
void progress_tell(void *ctx, int64_t done, int64_t total);
/** Clear the bar. */
void progress_end(struct progress *p);
/** Seconds of a clock that only goes forward. */
double now_s(void);
/** "2026-11-21", "2026-11-21 02:00", "…T02:00:59.5Z", "…+01:00", "@1700000000"; without a zone UTC. */
bool read_time(const char *text, int64_t *ret);
/** "2026-11-21T02:00:59.123Z", or "" for CUL_NO_TIME. */
const char *print_time(int64_t ns, char buf[40]);
/** "crit" -> 2; -1. */
int read_severity(const char *name);
const char *severity_name(int severity);
/** The name nearest to @word among @count @names, or NULL when none is near. */
const char *nearest(const char *word, const char *const *names, size_t count);

/* text for a terminal: harmless, valid UTF-8 is left as it is */
void put_text(FILE *out, struct cul_slice text);
/** Columns that put_text() takes. */
size_t text_width(struct cul_slice text);
/** A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void put_json(FILE *out, struct cul_slice text);
struct cul_slice slice_of(const char *text);

static inline void rules_freep(struct cul_rules **p) { if (*p) cul_rules_free(*p); }
static inline void case_closep(struct cul_case **p) { if (*p) cul_case_close(*p); }
static inline void bundle_closep(struct cul_bundle **p) { if (*p) cul_bundle_close(*p); }
static inline void verdict_freep(const struct cul_verdict **p) { if (*p) cul_verdict_free(*p); }
#define AUTO(fn) __attribute__((cleanup(fn)))

#endif
