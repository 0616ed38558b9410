/* SPDX-License-Identifier: Apache-2.0 */
/** The case in memory, for this room alone. */
#ifndef CUL_STORE_CASE_H
#define CUL_STORE_CASE_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"
#include "culprit/store.h"

#define CASE_APPLICATION 0x43554c50 /* "CULP" */
#define CASE_VERSION 3

#define CASE_TEXT 1000          /* bytes of a row's line that are kept */
#define CASE_RUN_GAP (60 * CUL_SECOND) /* a run ends when nothing equal came for so long */
#define CASE_ROWS 200000        /* default of limits.rows */
#define CASE_THIN_FROM 1000      /* samples of one kind in a member that are rows all */
#define CASE_THIN_OVER 128       /* the same in a log whose rows are many beside it */
#define CASE_KIND_SHARE 20       /* of these rows a kind whose rows are no samples may have so much: a storm says no more in 200,000 rows than in 10,000 */
#define CASE_LOUD_SHARE 40       /* and a pattern whose hits fold */
#define CASE_EACH_SHARE 4       /* of these rows a pattern whose hits don't fold may have a fourth; all such patterns twice as many */
#define CASE_DAMAGE 1000        /* damage rows of one member */
#define CASE_TEMPLATES 1000
#define CASE_BLOCK 262144       /* raw bytes of an evidence block: in 64 KiB zstd finds a sixth less */
#define CASE_BLOCK_LINES 512    /* lines that no parser took, kept of one member */
#define CASE_AROUND 12          /* lines around a row that are kept */
#define CASE_CODEC_LINES 0      /* of a block: lines with their numbers; + 1: packed */
#define CASE_CODEC_TEXT 2       /* text as it stood; + 1: packed */
#define CASE_CAPTURES 32        /* named captures of a pattern that are kept */
#define CASE_COLUMNS 200        /* fields of a kind */
#define CASE_HASH 5             /* bytes of a pattern's hash in searched: of 1,200 another one is taken for one of them once in 10^9 */

/** A kind that has rows in this case. */
struct case_kind {
	const struct cul_kind *kind;
	const char *table;      /* "nvidia_xid" */
	int id;
	size_t columns;
	bool stored;            /* its table exists */
	sqlite3_stmt *insert;
	int64_t member, rows;   /* rows of that member so far */
	bool full;
	struct case_thin *thin; /* of samples, once they are many */
	bool thinned;           /* of the member at hand */
	/* reading */
	bool loaded;
	const struct cul_row *const *list;
	size_t count;
};

/** What a section covers. */
struct case_section {
	const char *parser, *streams; /* streams: "kernel,log"; each text once */
	int64_t first, last, first_boot;
	int host;
};

/** Sections that were read by one parser and show the same streams. */
struct case_show {
	const char *parser, *streams;
	const struct case_section *const *sections;
	size_t count;
};

/** Which sorts of sections show a stream that was asked about. */
struct case_cover {
	const char *stream;
	const bool *by_show; /* by number of struct case_show */
};
#define CASE_COVERS 256

/* strings.c */
/** Texts, each once, by order of their coming; they live as long as the arena. */
struct case_strings {
	struct cul_arena *arena;
	struct cul_slice *items;
	size_t count;
	uint32_t *slots; /* index + 1 */
	size_t room;
};
int case_strings_add(struct case_strings *s, struct cul_slice text); /* its index; -1: out of memory */
int case_strings_find(const struct case_strings *s, struct cul_slice text); /* its index; -1: not there */
void case_strings_free(struct case_strings *s);

/** A source in memory; what doesn't fit stands elsewhere (sources.c). */
struct case_source {
	uint32_t bytes, lines;
	unsigned reader : 15;   /* its index + 1; 0: nobody */
	unsigned rooted : 1;    /* in the folder of a sosreport */
	signed host : 16;
};

/** The same at its full width. */
struct case_file {
	int64_t bytes, lines, first_ns, last_ns;
	int host, reader;       /* reader -1: nobody */
	bool rooted;
};

struct case_sources {
	struct cul_arena *arena;
	struct case_source *items; size_t count, room; /* by the member's id - 1 */
	struct case_file *wide;    size_t wide_count, wide_room;
	struct case_strings readers;
	const char ***names;    /* that were asked for, in pages */
	sqlite3_stmt *name;
};

struct cul_case {
	sqlite3 *db;
	sqlite3_stmt *spine;           /* an observation's columns by its id; made when first asked */
	struct cul_arena *arena;
	const struct cul_interests *interests;
	struct case_kind **kinds;
	size_t kind_count, kind_room;
	struct { const struct cul_kind *key; struct case_kind *kind; } cache[256];

	struct case_sources sources;
	struct case_section *sections; size_t section_count;  /* that differ */
	size_t section_last;           /* the highest id */
	struct case_show *shows;       size_t show_count;     /* made when first asked */
	struct case_cover *covers;     size_t cover_count;    /* CASE_COVERS places, by hash of the stream */
	struct cul_host *hosts;        size_t host_count;
	struct cul_gpu *gpus;          size_t gpu_count;
	struct cul_damage *damage;     size_t damage_count;
	struct cul_template *templates; size_t template_count;
	int *interest_of;              size_t interest_count; /* the case's interest id - 1 -> ours, or -1 */
	bool *looked_for;              /* by interest of ours; NULL: for all of them (a case in memory) */

	bool records_loaded;
	const struct cul_row *const **records; /* by interest of ours */
	size_t *record_counts;
	const struct cul_field **made;  size_t made_count, made_room; /* captures under names of no dictionary */
	int64_t steps;
	int64_t memory;
};

/* store.c */
enum cul_status case_fail(sqlite3 *db, struct cul_error *err, const char *what);
enum cul_status case_exec(sqlite3 *db, const char *sql, struct cul_error *err);
enum cul_status case_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct cul_error *err);
void case_finalizep(sqlite3_stmt **statement);
/** The text of a column in @arena, never NULL; "" for NULL. */
struct cul_slice case_text(struct cul_arena *arena, sqlite3_stmt *s, int column);
const char *case_string(struct cul_arena *arena, sqlite3_stmt *s, int column); /* NULL for NULL */
int64_t case_time(sqlite3_stmt *s, int column);                                 /* CUL_NO_TIME for NULL */
void case_bind_time(sqlite3_stmt *s, int column, int64_t ns);
void case_bind_slice(sqlite3_stmt *s, int column, struct cul_slice text);
struct case_kind *case_kind_get(struct cul_case *c, const struct cul_kind *kind); /* NULL: out of memory */
/** Can @query only fail, for want of the table of a kind? False: perhaps not (lacks.c). */
bool case_lacks_table(struct cul_case *c, const char *query);
/** SQL that makes the kind's table and view; sqlite3_free(). */
char *case_kind_sql(const struct cul_kind *kind, bool view);
static inline size_t case_kind_fields(const struct cul_kind *kind)
{
	size_t n = 0;
	while (kind->fields && kind->fields[n] && n < CASE_COLUMNS)
		n++;
	return n;
}
/** The dictionary's field of that name and type, or one made for this case. NULL: out of memory. */
const struct cul_field *case_field(struct cul_case *c, struct cul_slice name, enum cul_type type);

/* ingest.c, rows.c */
struct case_writer;
struct case_writer *case_writer_new(struct cul_case *c, const struct cul_scan_options *options, bool raw);
void case_writer_free(struct case_writer *w);
void case_writer_sink(struct case_writer *w, struct cul_sink *sink);
enum cul_status case_writer_finish(struct case_writer *w);
const struct cul_error *case_writer_error(const struct case_writer *w);
uint64_t case_hash(uint64_t hash, const void *data, size_t size);
/** What an interest looks for, as the case keeps it. */
int64_t case_pattern_hash(const struct cul_interest *in);
/** The same with its name, as searched holds it: in order of the bytes. */
void case_searched_hash(const struct cul_interest *in, uint8_t hash[CASE_HASH]);
int case_searched_order(const void *a, const void *b);
void case_write_varint(uint8_t **p, uint64_t value);
bool case_read_varint(const uint8_t **p, const uint8_t *end, uint64_t *value);

/* evidence.c */
struct case_evidence;
struct case_evidence *case_evidence_new(sqlite3 *db, enum cul_keep keep, bool plain);
void case_evidence_free(struct case_evidence *e);
/** Another member begins. */
enum cul_status case_evidence_member(struct case_evidence *e, int member, struct cul_error *err);
/** Keep this line; a suspicious one that no parser took: up to a limit. */
enum cul_status case_evidence_line(struct case_evidence *e, int64_t line, struct cul_slice text, struct cul_error *err);
enum cul_status case_evidence_suspect(struct case_evidence *e, int64_t line, struct cul_slice text, struct cul_error *err);
/**
 * What stands around this line is wanted when its text comes; it is the @row-th of its kind in the member. @few: the member's rows
 * are many beside it.
 */
void case_evidence_want(struct case_evidence *e, int64_t line, int64_t row, bool few);
/** The member's text passes: whole lines from @line on. */
enum cul_status case_evidence_text(struct case_evidence *e, struct cul_slice text, int64_t line, struct cul_error *err);
enum cul_status case_evidence_finish(struct case_evidence *e, struct cul_error *err);

/** A member's rows beside what was read of it. */
enum case_many { CASE_FEW = 0, CASE_MANY, CASE_TOO_MANY };

/* thin.c */
struct case_thin;
/** A row that stands for @n samples. */
struct case_thinned { int64_t id, n; };
struct case_thin *case_thin_new(void);
void case_thin_free(struct case_thin *t);
/** Another member begins. */
void case_thin_clear(struct case_thin *t);
/** Does this sample become a row, with the id @row? @over: of fewer. @before: a row of its series that is complete now (id 0: none). */
bool case_thin_takes(struct case_thin *t, const struct cul_observation *o, int64_t row, enum case_many over, struct case_thinned *before);
/** The rows that are left at the end of a member, one by one from *@at = 0. */
bool case_thin_rest(struct case_thin *t, size_t *at, struct case_thinned *row);

/* storm.c */
struct case_storm;
/** A row that stands for @extra lines beside itself, up to the time @last. */
struct case_folded { int64_t id, extra, last; };
struct case_storm *case_storm_new(void);
void case_storm_free(struct case_storm *t);
/** Another member begins. */
void case_storm_clear(struct case_storm *t);
/** This line is what the next calls are about. */
void case_storm_line(struct case_storm *t, const struct cul_observation *o);
/** A row of so many bytes was written. */
void case_storm_spend(struct case_storm *t, int64_t bytes, bool sample);
/** Are the member's rows more than they should be beside the @offset bytes of it that were read? Too many: rows that are no samples. */
enum case_many case_storm_over(const struct case_storm *t, int64_t offset);
/**
 * Does this line become a row, with the id @row? @boot: its time since boot; @full: it must not. @before: a row that is complete
 * now (extra 0: none).
 */
bool case_storm_takes(struct case_storm *t, const struct cul_observation *o, int64_t boot, int64_t row, bool full, struct case_folded *before);
/** The rows that are left at the end of a member, one by one from *@at = 0. */
bool case_storm_rest(struct case_storm *t, size_t *at, struct case_folded *row);

/* template.c */
struct case_templates;
struct case_templates *case_templates_new(void);
void case_templates_free(struct case_templates *t);
enum cul_status case_templates_load(struct case_templates *t, sqlite3 *db, struct cul_error *err);
enum cul_status case_templates_add(struct case_templates *t, const struct cul_observation *o);
enum cul_status case_templates_write(struct case_templates *t, sqlite3 *db, struct cul_error *err);

/* place.c, who.c */
enum cul_status case_place(struct cul_case *c, int64_t since_ns, int64_t until_ns, struct cul_error *err);

/* sources.c */
/** One more, of that name and read so (data NULL: by nobody). False: out of memory. */
bool case_sources_add(struct case_sources *s, const char *name, const struct cul_source *source, struct cul_slice read_as);
/** Where placing puts it. False: out of memory. */
bool case_sources_place(struct case_sources *s, size_t i, int host, int64_t first, int64_t last);
bool case_sources_rooted(const struct case_sources *s, size_t i);
/** Is it on host 0 and without times, as the writer leaves it? */
bool case_sources_as_written(const struct case_sources *s, size_t i);
void case_sources_free(struct case_sources *s);
/** Bytes of @name that are the folder or archive of a sosreport; 0: it lies in none. */
size_t place_root_size(const char *name);

/* load.c */
enum cul_status case_load(struct cul_case *c, struct cul_error *err);
enum cul_status case_check(sqlite3 *db, struct cul_error *err);

#endif
