/* SPDX-License-Identifier: Apache-2.0 */
/** What place.c and who.c share while a case is placed. */
#ifndef CUL_STORE_PLACE_H
#define CUL_STORE_PLACE_H

#include "store/case.h"

struct placed {
	int64_t id, line, raw, raw_last, raw_boot, since, n;
	uint64_t hash;
	int kind, member, section; /* ids of the case */
	int clock, flags;
	bool kernel;               /* its stream is the kernel's */
	bool as_written;           /* as its row was made: its time as printed, on host 0 */
	int said;                  /* host as the envelope spells it: index of names, or -1 */
	/* what placing finds out */
	int host, boot, segment;
	int64_t time, last, uncertainty;
	int gpu;                   /* index of gpus, or -1 */
	int64_t copy;              /* 0: none; id of the row this is a copy of; -1: outside the window */
};

struct place_section {
	int member, host;
	struct cul_time first, last;
	int64_t from, to;          /* placed */
	int64_t end;               /* wall time of its last record or of what is known instead: years and days end there */
	int64_t dated;             /* the latest row that says its year, as written; CUL_NO_TIME */
	bool log;                  /* records, not a capture */
	bool packages;             /* a package manager's: it ends at the last upgrade, weeks before the rest perhaps */
	bool end_guessed;
	bool as_written;           /* its row has host 0 and no times */
};

/** One that has a section, lies in a sosreport or was placed before; of the others all is said by placing.others. */
struct place_member {
	int id;
	int host;
	int root;                  /* of the sosreport it lies in, or -1 */
	bool as_written;           /* its row has host 0 and no times */
	int64_t mtime;
	int64_t said;              /* by date, when it was captured; CUL_NO_TIME */
	int64_t first, last;
};

struct place_host {
	const char *name;
	int64_t rows;
	bool utc, local;           /* clocks that its sources use */
	int64_t utc_first, utc_last, local_first, local_last;
	bool zone_known;
	int64_t zone;              /* wall minus UTC */
	int64_t capture, latest, boot;
	int boots;
};

struct place_gpu {
	int host, vendor;
	int64_t index;
	const char *bdf, *uuid, *name, *driver, *id;
};

struct placing {
	struct cul_case *c;
	struct cul_arena *arena;
	struct cul_error *err;
	struct placed *rows;
	size_t count;
	struct place_section *sections; /* by id - 1 */
	size_t section_count;
	struct place_member *members;   /* by id */
	size_t member_count;
	int others;                     /* host of those that are not among them, or -1 */
	struct case_strings roots;      /* folders of sosreports */
	int64_t *root_said;             /* by date, of each; CUL_NO_TIME */
	const char **names;             /* hosts as spelled */
	int *name_host;
	size_t name_count, name_room;
	struct place_host *hosts;
	size_t host_count, host_room;
	struct place_gpu *gpus;
	size_t gpu_count, gpu_room;
};

/** How far off a time of that clock may be, in ns, where nothing speaks against it. */
static inline int64_t place_slack(int clock)
{
	return clock == CUL_CLOCK_UTC ? 1000000 : clock == CUL_CLOCK_LOCAL ? CUL_SECOND : 0;
}
#define PLACE_GROUP 64 /* rows of one hash that are compared with each other */

/** @a + @b, CUL_NO_TIME where that doesn't fit. */
static inline int64_t place_plus(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) || sum == CUL_NO_TIME ? CUL_NO_TIME : sum;
}
/** @a - @b, held at the ends of what fits. */
static inline int64_t place_minus(int64_t a, int64_t b)
{
	int64_t d;
	return __builtin_sub_overflow(a, b, &d) ? (a < b ? -INT64_MAX : INT64_MAX) : d;
}
/** Read those of the @known members that are @needed (by id - 1), lie in a sosreport or were placed before; rows are placed afterwards. */
enum cul_status place_members(struct placing *p, const bool *needed, size_t known);
/** The member of that id, which has a section or a row. */
struct place_member *place_member(const struct placing *p, int id);
/** Order of pointers to rows: section, line, id. */
int place_order(const void *a, const void *b);
/** Find copies among the rows; @order, pointers to all of them, is used up. */
enum cul_status place_copies(struct placing *p, struct placed **order);
/** The root of a member of that name in roots; -1: none; -2: out of memory. */
int place_root(struct placing *p, const char *name);
enum cul_status place_hosts(struct placing *p);
enum cul_status place_gpus(struct placing *p);
enum cul_status place_facts(struct placing *p);
/** Write what was found out of hosts, rows, sections and members. */
enum cul_status place_write(struct placing *p);
/** Run a statement that gives no rows, for the next time as well. */
enum cul_status place_done(struct placing *p, sqlite3_stmt *s, const char *what);
int place_name(struct placing *p, struct cul_slice name); /* -1: none or no memory */
/** The row of that id, or NULL. */
struct placed *place_row(struct placing *p, int64_t id);
/** Grow an array by one; false: out of memory. */
bool place_more(void *array, size_t count, size_t *room, size_t size);
/** Does the kind have a field of that name? */
bool place_has(const struct cul_kind *kind, const char *field);
/**
 * Call @each with a statement at each row of the kind: column 0 the id, then @fields (NULL where the kind has none).
 */
enum cul_status place_each(struct placing *p, const struct case_kind *k, const char *const *fields, size_t count,
			   enum cul_status (*each)(struct placing *p, struct placed *row, const struct cul_kind *kind, sqlite3_stmt *s));

#endif
