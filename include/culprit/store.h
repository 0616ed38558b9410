/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Observations -> rows, placed in time and joined by entity, in one SQLite file: the case.
 *
 * A row is a run of equal observations of one stream. Placing gives rows their boot, host, UTC time
 * and the GPU they speak of. The reading half below is all that rules and reports see.
 */
#ifndef CULPRIT_STORE_H
#define CULPRIT_STORE_H

#include "culprit/parse.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cul_case;

enum cul_keep { CUL_KEEP_EVIDENCE = 0, CUL_KEEP_ALL, CUL_KEEP_NONE };

struct cul_scan_options {
	struct cul_limits limits;
	enum cul_keep keep;
	int64_t since_ns, until_ns; /* UTC; 0: open */
	const char *add_to;         /* copy this case first and add to it; NULL: start afresh */
	void (*progress)(void *ctx, int64_t done, int64_t total);
	void *progress_ctx;
};

/* ---- writing -------------------------------------------------------------------------------- */

/**
 * Read everything of @bundle into a new case at @case_path and put it in its place when all of it
 * is on disk: after a failure the former case is what it was. @case_path NULL: a case in memory.
 * A torn or garbled member is no failure; it leaves an observation of kind input.damaged.
 *
 * @interests  what the rules want confirmed (rules.h: cul_rules_interests()); must outlive @ret; NULL: nothing
 * @options    NULL for the defaults
 * @tally      out, may be NULL
 * @ret        out: the placed case, open for reading; close with cul_case_close()
 *
 * Returns CUL_OK; CUL_EIO, CUL_ELIMIT (what was read is kept), CUL_ESTORE, CUL_ENOMEM.
 */
CUL_API CUL_MUST_CHECK enum cul_status
cul_case_scan(const char *case_path, struct cul_bundle *bundle, const struct cul_interests *interests,
	      const struct cul_scan_options *options, struct cul_tally *tally, struct cul_case **ret,
	      struct cul_error *err);

/**
 * Open an existing case (a stranger's, possibly hostile) for reading. Records of interests are found
 * again by id and pattern through @interests (may be NULL).
 */
CUL_API CUL_MUST_CHECK enum cul_status cul_case_open(const char *case_path, const struct cul_interests *interests,
						     struct cul_case **ret, struct cul_error *err);

CUL_API void cul_case_close(struct cul_case *c);

/* ---- reading -------------------------------------------------------------------------------- */

enum cul_truth { CUL_FALSE = 0, CUL_TRUE = 1, CUL_UNKNOWN = 2 };

/** A placed row. All pointers live as long as the case. */
struct cul_row {
	int64_t id;
	const struct cul_kind *kind;
	int interest;           /* kind "record": index into the interests; else -1 */
	int member, section;
	int64_t line, offset;   /* of the first of the run */
	int64_t time_ns;        /* UTC, placed; CUL_NO_TIME: order only */
	int64_t last_ns;        /* of the last of the run */
	int64_t onset_ns;       /* when it began: time minus what it tells; CUL_NO_TIME */
	int64_t boot_ns;        /* since the boot, where the source says so; CUL_NO_TIME */
	int64_t uncertainty_ns; /* of time_ns */
	int64_t n;              /* observations in the run */
	int host;               /* index into cul_case_hosts(); -1 unknown */
	int boot;               /* ordinal on that host; -1 unknown */
	const char *gpu;        /* entity id ("0000:3b:00.0", "gpu 0"), or NULL */
	const char *unit;       /* or NULL */
	int severity;
	struct cul_slice text;  /* the first line of the run */
	const struct cul_value *values; /* by the kind's fields (a record: by its interest's captures) */
	size_t count;
};

/** The value of that field in that row; type CUL_ABSENT if it has none. */
CUL_API struct cul_value cul_row_value(const struct cul_row *row, struct cul_slice field);

/**
 * All rows of @kind in order of placed time, then host, member name, line (rows without time last in
 * order of place; the order never depends on the order of reading). Copies of one kernel line in several files count once.
 * For kind "record" those of @interest only. Loaded on first use. *@rows lives as long as the case.
 */
CUL_API CUL_MUST_CHECK enum cul_status cul_case_rows(struct cul_case *c, const struct cul_kind *kind, int interest,
						     const struct cul_row *const **rows, size_t *count,
						     struct cul_error *err);

/**
 * Did the scan of this case look for that interest (an index into those it was opened with)? A case that was scanned by other rules
 * holds no answer for it: its absence is unknown.
 */
CUL_API bool cul_case_looked_for(const struct cul_case *c, int interest);

struct cul_host {
	const char *name;    /* never NULL: "host" when nothing says */
	const char *kernel, *os, *model, *cpu; /* or NULL */
	int64_t boot_ns, capture_ns;          /* last boot, time of capture; CUL_NO_TIME */
	int64_t cpus, memory_mib;             /* 0 unknown */
	double load_1m;                       /* NAN unknown */
};
CUL_API const struct cul_host *cul_case_hosts(const struct cul_case *c, size_t *count);

/** A GPU as the inventories name it. */
struct cul_gpu {
	const char *id; /* what rows carry */
	int host;
	int64_t index;  /* -1 unknown */
	const char *bdf, *uuid, *name, *driver; /* or NULL */
};
CUL_API const struct cul_gpu *cul_case_gpus(const struct cul_case *c, size_t *count);

/** A file that was read: all but its name, for there may be half a million. */
struct cul_source {
	int64_t bytes, lines;
	const char *read_as;  /* "nvidia_smi, ps", "log"; NULL: nobody read it */
	int64_t first_ns, last_ns; /* placed span of its records; CUL_NO_TIME */
	int host;
};
/** A row's member is one of these, from 0 on. */
CUL_API size_t cul_case_source_count(const struct cul_case *c);
/** False, nothing written: there is no such source. */
CUL_API bool cul_case_source(const struct cul_case *c, size_t source, struct cul_source *ret);
/** "path!member", as handed in; "?" if there is no such source. Read when first asked; lives as long as the case. */
CUL_API const char *cul_case_source_name(struct cul_case *c, int source);

/**
 * Does the case hold @stream ("kernel", "log", a parser's name; "ps,top": any of them) of that host (-1: any) for all of
 * [from_ns, to_ns] (CUL_NO_TIME: open)? CUL_TRUE, CUL_FALSE (no such stream), CUL_UNKNOWN (torn there).
 */
CUL_API enum cul_truth cul_case_covers(struct cul_case *c, const char *stream, int host, int64_t from_ns, int64_t to_ns);

/** Damage met while reading: lines for the coverage part of a report. */
struct cul_damage { const char *source; int64_t line; const char *why; };
CUL_API const struct cul_damage *cul_case_damage(const struct cul_case *c, size_t *count);

/** Templates of suspicious records that no parser understood. */
struct cul_template {
	const char *text; /* parameters folded to <*> */
	int64_t n;
	int64_t first_ns, last_ns;
	int severity;
	const char *source; int64_t line; /* the first one */
	const char *specimen;
};
CUL_API const struct cul_template *cul_case_templates(const struct cul_case *c, size_t *count);

/** Lines @before and @after a place, from the kept evidence. Returns false if they weren't kept. */
CUL_API bool cul_case_context(struct cul_case *c, int member, int64_t line, int before, int after,
			      void (*each)(void *ctx, int64_t line, struct cul_slice text), void *ctx);

/** Run one read-only @query, limited in steps and memory; @row gets column texts (NULL for NULL); names first (row 0). */
CUL_API CUL_MUST_CHECK enum cul_status cul_case_sql(struct cul_case *c, const char *query,
						    bool (*row)(void *ctx, int64_t number, int columns, const char *const *texts),
						    void *ctx, struct cul_error *err);

#ifdef __cplusplus
}
#endif
#endif
