/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A journal's entries as the lines that a syslog would have of them: what the openers of its files, its export and its JSON
 * over many lines have in common.
 *
 *   <3>2026-11-21T02:00:59.123456+00:00 host kernel: [  812.100000] NVRM: Xid …
 *   <6>2026-11-21T02:01:00.000001+00:00 host vllm[901]: INFO …
 *   -- Boot 0123456789abcdef0123456789abcdef --
 */
#ifndef CUL_DUMP_JOURNAL_H
#define CUL_DUMP_JOURNAL_H

#include "parsers/dump/stream.h"
#include "parsers/parser.h"

enum cul_journal_field {
	CUL_JOURNAL_MESSAGE,
	CUL_JOURNAL_HOST,
	CUL_JOURNAL_IDENT,
	CUL_JOURNAL_CONTAINER,
	CUL_JOURNAL_UNIT,
	CUL_JOURNAL_COMM,
	CUL_JOURNAL_PID,
	CUL_JOURNAL_SYSLOG_PID,
	CUL_JOURNAL_TRANSPORT,
	CUL_JOURNAL_PRIORITY,
	CUL_JOURNAL_BOOT,
	CUL_JOURNAL_REALTIME,         /* µs; the two below win over it where they are */
	CUL_JOURNAL_SOURCE_REALTIME,
	CUL_JOURNAL_SOURCE_MONOTONIC, /* µs since boot */
	CUL_JOURNAL_FIELDS,
	CUL_JOURNAL_OTHER = -1,
};

#define CUL_JOURNAL_VALUE 256            /* what is kept of a field */
#define CUL_JOURNAL_TEXT (256u << 10)    /* what is kept of a message */

struct cul_journal_entry {
	size_t size[CUL_JOURNAL_FIELDS]; /* 0: not there */
	char value[CUL_JOURNAL_FIELDS][CUL_JOURNAL_VALUE];
	char *message;                   /* CUL_JOURNAL_TEXT of room */
};

/** How many entries an export held, whatever its form. */
extern const struct cul_kind cul_kind_journal_export;

/** Why a journal's end is missing that has more than is read (cul_journal_count()). */
#define CUL_JOURNAL_FULL "the journal is larger than what is read of one file; its end is missing"

/** Lines in the making; opaque. */
struct cul_journal;

/** NULL: no memory. @name is that of the text that is read in the end. */
struct cul_journal *cul_journal_new(struct cul_parse *parse, const char *name);
void cul_journal_free(struct cul_journal *journal);
/** The entry to fill; empty after each cul_journal_put(). */
struct cul_journal_entry *cul_journal_entry(struct cul_journal *journal);
/** "_HOSTNAME" -> CUL_JOURNAL_HOST; CUL_JOURNAL_OTHER: nobody wants it. */
enum cul_journal_field cul_journal_field(struct cul_slice key);
/** Copied, cut where it is too long. The first value of a field stays. */
void cul_journal_set(struct cul_journal_entry *entry, enum cul_journal_field field, struct cul_slice value);
/** The entry is complete: its lines are written, if it has a time and a message. */
enum cul_status cul_journal_put(struct cul_journal *journal);
/** How many were written; @full: some more were not, there was no room. */
int64_t cul_journal_count(const struct cul_journal *journal, bool *full);
/** All entries are in: the text is handed on. */
enum cul_status cul_journal_end(struct cul_journal *journal);

/**
 * One form of an export: all of @stream, put into @journal. @line: CUL_JOURNAL_TEXT bytes to use. @why: set to a sentence where something
 * is wrong with it. CUL_OK; else what ended it.
 */
typedef enum cul_status (*cul_journal_form)(struct cul_journal *journal, struct cul_stream *stream, char *line, const char **why);
/** A whole export: read by @form, counted, told and handed on. CUL_ENOMEM; else what @form or the sink returned. */
enum cul_status cul_journal_export(struct cul_parse *parse, const struct cul_image *image, cul_journal_form form);

/** A raw LZ4 block: bytes written, up to @room; less where it is damaged or longer. */
size_t cul_unlz4(const uint8_t *in, size_t in_size, uint8_t *out, size_t room);

#endif
