/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Members -> sections -> records -> observations, one by one, into a sink.
 *
 * Parsers bid for sections; log lines lose their envelope and are offered to the message parsers and to the rules' interests; dumps
 * are opened, and the texts in them read like any other. Nothing is guessed and nothing is joined here: see store.h.
 */
#ifndef CULPRIT_PARSE_H
#define CULPRIT_PARSE_H

#include "culprit/bundle.h"
#include "culprit/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A piece of a member in one format, as told to the sink when it begins. */
struct cul_section_info {
	int member;                /* id that the sink's member() gave out */
	const char *parser;        /* "ps", "nvidia_smi", …; "log" for records */
	struct cul_slice command;  /* the command line that printed it, where a prompt or path says so */
	struct cul_slice path;     /* a file name that a mark inside the member gave ("==> x <==") */
	int64_t line;              /* first line, 1-based */
};

/** What the sink is told about a section when it ends. */
struct cul_section_span {
	int64_t lines, records, bytes;
	struct cul_time first, last; /* of enveloped records */
	const char *const *streams;  /* NULL-terminated: "kernel", "log", names of parsers that emitted */
};

/**
 * The store, a test or a dump. Each call returns CUL_OK, or a failure that ends the parse. Calls
 * come in the input's order from one thread. What nobody wants to hear may be NULL (ids are 0 then).
 */
struct cul_sink {
	void *ctx;
	enum cul_status (*member)(void *ctx, const struct cul_member *member, int *id);
	enum cul_status (*section)(void *ctx, const struct cul_section_info *info, int *id);
	enum cul_status (*observe)(void *ctx, const struct cul_observation *observation);
	enum cul_status (*section_end)(void *ctx, int section, const struct cul_section_span *span);
	/** A record that looks severe and that nobody understood: food for the template table. */
	enum cul_status (*suspect)(void *ctx, const struct cul_observation *record);
	/**
	 * May be NULL. All text of @member that was read, in order, whole lines from @line on (a line longer than a block comes in
	 * parts): it comes when the observations of at least 64 KiB behind it have been told.
	 */
	enum cul_status (*text)(void *ctx, int member, struct cul_slice text, int64_t offset, int64_t line);
};

/**
 * Callers of a dead program's threads, found with its files at hand: struct cul_limits has a place for one. The library opens no such
 * file itself: the culprit tool's is another process (culprit-unwind), which may die of what it reads.
 */
struct cul_unwind_module {
	const char *path;      /* as it was mapped */
	const char *build_id;  /* hex; never empty */
	uint64_t base, end;    /* as mapped; a file address plus @bias is one of the program's */
	uint64_t bias;
};
struct cul_unwind_thread {
	int64_t tid;
	uint64_t registers[33]; /* by DWARF's numbers; aarch64: [32] is the pc */
	size_t count;           /* of registers: 17 on x86-64, 33 on aarch64 */
	uint64_t stack_at;      /* where @stack lies in the program */
	struct cul_slice stack;
};
struct cul_unwind_frame {
	size_t thread;         /* index of the thread; frames come innermost first */
	uint64_t pc;           /* a caller's: where it goes on */
	const char *function;  /* NULL: not known */
	const char *file;      /* of the source; NULL: not known */
	int line;
};
struct cul_unwind {
	int64_t pid;
	unsigned machine; /* as ELF numbers them: 62 x86-64, 183 aarch64 */
	const struct cul_unwind_module *modules;
	const struct cul_unwind_thread *threads;
	size_t module_count, thread_count;
	struct cul_slice image; /* the vdso, which is no file: all of it, as it lies at @image_at; may be empty */
	uint64_t image_at;
};
struct cul_unwinder {
	void *ctx;
	/**
	 * Tell each frame of @what to @frame, which returns false when it wants no more. What keeps frames from being known (all or
	 * some) is one sentence in @why, else it stays empty. May be called from several threads at once. What it tells is believed
	 * no further than a stranger's input is.
	 */
	void (*unwind)(void *ctx, const struct cul_unwind *what, bool (*frame)(void *to, const struct cul_unwind_frame *f), void *to,
		       char why[256]);
};

/** Counts of one parse. */
struct cul_tally {
	uint64_t members, sections, lines, records, observations, damaged, bytes;
};

/**
 * Read all members of @bundle into @sink.
 * @interests  may be NULL; must outlive the call
 * @tally      out, may be NULL
 * Returns CUL_OK, the sink's failure, CUL_ELIMIT, CUL_ENOMEM.
 */
CUL_API CUL_MUST_CHECK enum cul_status cul_parse(struct cul_bundle *bundle, const struct cul_interests *interests,
						 const struct cul_limits *limits, const struct cul_sink *sink,
						 struct cul_tally *tally, struct cul_error *err);

/** All kinds that parsers emit (NULL-terminated), ordered by name; "record" and "input.damaged" among them. */
CUL_API const struct cul_kind *const *cul_kinds(void);

/** The kind of that name, or NULL. */
CUL_API const struct cul_kind *cul_kind_find(struct cul_slice name);

/** The dictionary entry of that name, or NULL. */
CUL_API const struct cul_field *cul_field_find(struct cul_slice name);

/** All formats: name, family ("envelope", "message", "capture", "dump") and one line about it; NULL name ends. */
struct cul_format {
	const char *name, *family, *about;
};
CUL_API const struct cul_format *cul_formats(void);

#ifdef __cplusplus
}
#endif
#endif
