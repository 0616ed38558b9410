/* SPDX-License-Identifier: Apache-2.0 */
/** What writes a case: rows.c makes rows of observations, ingest.c hears what is parsed. Inner to the two. */
#ifndef CUL_STORE_WRITER_H
#define CUL_STORE_WRITER_H

#include "store/place.h"

#define CASE_RUNS 1024 /* open runs of a section */
#define CASE_WAITING 16 /* files that are written at once */
#define CASE_SAID 8    /* a line is a row of its kind and of each pattern that it matches */

struct run {
	uint64_t a, b;     /* hash of all that must be equal */
	int64_t id, n;
	int64_t first, last, boot_last;
	uint32_t used;     /* for the least recently used */
};

/* A text that a row holds. */
struct said {
	int64_t line, id;
	uint64_t hash;
	size_t size;
};

struct case_writer {
	struct cul_case *c;
	struct cul_error err;
	enum cul_keep keep;
	int64_t rows;
	bool raw;                /* evidence is not compressed */
	sqlite3_stmt *member, *members, *section_end, *observe, *run, *count, *record, *capture, *interest;
	int *interest_ids;       /* by index of ours: its row, or 0 */
	size_t interest_count;
	int interest_last;
	bool adds;               /* onto a case that was there */
	int64_t row_id;
	int member_id, section_id;
	char member_name[4400];  /* its row is written when it ends; "": none is open */
	int64_t member_mtime, member_size;
	struct waiting {         /* members that have ended, whose rows aren't written yet */
		int id;
		size_t name;     /* in names */
		int64_t mtime;
		struct cul_source source;
	} waiting[CASE_WAITING];
	size_t waiting_count, names_size;
	char names[CASE_WAITING * 256 + 4400];
	struct section {         /* its row, likewise */
		int member;
		int64_t line, lines, records, bytes;
		const char *parser;
		struct cul_slice command, path;
		struct cul_time first, last;
		char command_text[600], path_text[600], streams[1024];
		size_t streams_size;
	} section;
	bool section_waits;      /* the member's only one yet, without rows: is it one more of the same? */
	bool section_said;       /* it has a row, or a suspect record */
	int member_sections;
	int same_last;           /* of them */
	struct case_strings same; /* sections without rows that have been written: root, parser, streams */
	int64_t lines, bytes;    /* of the member */
	char read_as[256];
	int64_t damage;
	int64_t *each_rows;      /* by interest whose hits don't fold: rows of this member */
	int64_t each_all;        /* of all of them */
	struct case_storm *storm; /* made at the first row */
	bool stormed;            /* of the member at hand */
	struct said said[CASE_SAID];  /* of the member at hand, the latest */
	size_t said_next;
	struct run runs[CASE_RUNS];
	size_t open;
	uint32_t clock;
	struct case_templates *templates;
	struct case_evidence *evidence;
	struct cul_kind damaged; /* when the registry has none (a test) */
	const struct cul_kind *damaged_kind;
};

/** All of these say what failed in @w's error. */
enum cul_status case_writer_step(struct case_writer *w, sqlite3_stmt *s, const char *what);
/** Prepare @sql into @s unless it is. */
enum cul_status case_writer_need(struct case_writer *w, sqlite3_stmt **s, const char *sql);
/** A row, one more of a run, or one of many that none is made of. */
enum cul_status case_writer_row(struct case_writer *w, const struct cul_observation *o);
/** The row's id of our interest @ours, which is written if it is not there. */
enum cul_status case_writer_interest(struct case_writer *w, size_t ours, int *id);
/** The section ends: what its runs counted. */
enum cul_status case_writer_close_runs(struct case_writer *w);
/** The member ends: what storms and thinned samples counted. */
enum cul_status case_writer_end_folded(struct case_writer *w);
enum cul_status case_writer_end_thinned(struct case_writer *w);

#endif
