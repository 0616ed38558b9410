/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What every room shares: slices, time, status and error, typed fields and observations, limits.
 *
 * Values are open and small and are passed by value. A slice points into somebody else's bytes and
 * says nothing about who frees them: the docstring of the function that hands it out does.
 */
#ifndef CULPRIT_TYPES_H
#define CULPRIT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CUL_API __attribute__((visibility("default")))
#define CUL_MUST_CHECK __attribute__((warn_unused_result))
#define CUL_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* ---- bytes ---------------------------------------------------------------------------------- */

/** A piece of somebody else's bytes; not NUL-terminated; { NULL, 0 } is "not there". */
struct cul_slice {
	const char *data;
	size_t size;
};

#define CUL_LIT(s) ((struct cul_slice){ "" s, sizeof(s) - 1 })
#define CUL_NONE ((struct cul_slice){ NULL, 0 })

/* ---- status and error ----------------------------------------------------------------------- */

/**
 * Damage is in the input (an observation of kind input.damaged); a failure is ours or the system's
 * (one of these); a bug is a promise broken inside (assert).
 */
enum cul_status {
	CUL_OK = 0,
	CUL_EUSE,   /* the caller asked for something that makes no sense */
	CUL_EIO,    /* the system could not read or write */
	CUL_ELIMIT, /* a named limit of the whole call was met; what was read is kept */
	CUL_ESTORE, /* SQLite refused */
	CUL_ERULE,  /* a rule file has mistakes */
	CUL_ENOMEM,
};

/** One sentence: what was tried, on what, and why it failed. Written on failure only. */
struct cul_error {
	enum cul_status status;
	char text[1024];
};

/* ---- time ----------------------------------------------------------------------------------- */

#define CUL_NO_TIME INT64_MIN

enum cul_clock {
	CUL_CLOCK_NONE,  /* no time at all: order only */
	CUL_CLOCK_UTC,   /* nanoseconds since the Unix epoch */
	CUL_CLOCK_LOCAL, /* the same, read as if the wall clock were UTC: zone unknown */
	CUL_CLOCK_BOOT,  /* nanoseconds since the kernel started */
};

/** A time as a source prints it. */
struct cul_time {
	int64_t ns; /* by @clock; CUL_NO_TIME when there is none */
	enum cul_clock clock;
	bool no_year; /* the source prints no year: ns is that of year 1970 (a leap day: 1972) */
	bool no_date; /* the source prints hours and minutes only: ns is that of 1970-01-01 */
};

/* ---- fields, kinds, observations ------------------------------------------------------------ */

enum cul_type {
	CUL_ABSENT = 0,
	CUL_INT,  /* int64 */
	CUL_REAL, /* double */
	CUL_TEXT, /* bytes */
	CUL_FLAG, /* 0 or 1, in .i */
};

/** What a field identifies, so that placing can join spellings of the same thing. */
enum cul_entity {
	CUL_ENTITY_NONE = 0,
	CUL_ENTITY_HOST,
	CUL_ENTITY_GPU_INDEX, /* 0, 1, … in the order of the tool that printed it */
	CUL_ENTITY_GPU_UUID,
	CUL_ENTITY_GPU_BDF, /* domain:bus:device.function, lower case */
	CUL_ENTITY_PID,
	CUL_ENTITY_RANK,
	CUL_ENTITY_DEVICE, /* sda, nvme0n1, eth0, mlx5_0 */
	CUL_ENTITY_MODEL,
};

/** An entry of the dictionary (parsers/fields.h): one name, one meaning, one unit everywhere. */
struct cul_field {
	const char *name; /* ends in its unit: used_mib, blocked_s, power_w */
	enum cul_type type;
	const char *unit; /* "" for counts, names, ids */
	enum cul_entity entity;
	const char *about; /* one line for the documentation */
};

/** A typed value under a dictionary name. */
struct cul_value {
	const struct cul_field *field;
	enum cul_type type; /* CUL_ABSENT: the source does not say */
	union {
		int64_t i;
		double r;
		struct cul_slice s;
	};
};

/**
 * A kind of observation. Kind `nvidia.xid` is table `nvidia_xid`; its version grows when its
 * fields do. @stream says which stream covers it: "kernel" (any kernel log), "log" (any log), or
 * the name of the parser that emits it (several: "ps,top"); where that stream was not handed in, the kind's absence
 * is unknown, never evidence.
 */
struct cul_kind {
	const char *name;
	int version;
	const char *stream;
	bool samples; /* a row is a sample or a table row: equal ones never fold into a run */
	const struct cul_field *const *fields; /* NULL-terminated */
};

/** A typed fact with its place. Slices live until the sink returns. */
struct cul_observation {
	const struct cul_kind *kind;
	int interest; /* kind "record": index into the interest table that matched; else -1 */
	int section;  /* id that the sink's section() call gave out */
	int64_t line;   /* 1-based, in the member */
	int64_t offset; /* bytes, in the unpacked member */
	struct cul_time time;
	int64_t boot_ns;       /* the kernel's own clock, where a wall clock stands in front of it; CUL_NO_TIME */
	int64_t since_ns;      /* what it tells began this long before its time (>= 0) */
	struct cul_slice host; /* as the envelope spells it; { NULL, 0 }: the source does not say */
	struct cul_slice unit; /* program or unit that printed it: "kernel", "ollama" */
	int severity;          /* syslog's 0..7, or -1 */
	struct cul_slice text; /* the line as read, cleaned of terminal colours */
	const struct cul_value *values;
	size_t count;
};

/* ---- interest: what rules want confirmed ------------------------------------------------------ */

/**
 * One text pattern of the rules, handed down as data. The parse searches @literal in its one pass
 * over the input and confirms with @pattern; captures come up as the values of a `record`.
 */
struct cul_interest {
	const char *id;      /* "cause/term" */
	const char *pattern; /* PCRE2, UTF off, searched in the record's message (see @line) */
	const char *const *literals; /* NULL-terminated; one of them must stand in the message; lower case if @caseless */
	bool caseless;
	const char *stream;  /* "kernel", "log", or NULL: any */
	/* one for each named capture, by number of the group, NULL where a group has no name; a field
	 * of type CUL_ABSENT takes what it finds: whole number, decimal, else text */
	const struct cul_field *const *captures;
	size_t capture_count;
	bool line;         /* search in the whole line as read, envelope and all; literals NULL: every line is asked, which costs */
	bool each;         /* every hit is a row of its own with its own time: nothing folds */
	const char *field; /* with @line: search in that field of a structured line (JSON, logfmt) alone; or NULL */
	const char *jq;    /* with @line, instead of @pattern: a jq program that puts out something for that line of JSON; or NULL */
	bool fold;         /* with @line: search in the record with its continuation lines, "\n" between them */
};

struct cul_interests {
	const struct cul_interest *items;
	size_t count;
};

/* ---- limits --------------------------------------------------------------------------------- */

struct cul_unwinder;

/**
 * Every loop that input can prolong has one of these. A limit met in one member is damage of that
 * member; what was read is kept. Zero means the default.
 */
struct cul_limits {
	uint64_t unpacked_bytes; /* of the whole input; a bomb stops here. 1 TiB */
	uint32_t ratio;          /* unpacked/packed of one stream above 64 MiB. 2000 */
	uint32_t nesting;        /* archives in archives. 8 */
	uint32_t members;        /* 2 million */
	uint32_t line_bytes;     /* longer lines are read in pieces of this size. 64 KiB */
	uint32_t rows;           /* samples of one kind from one member, 200000; log lines of one kind a twentieth of it, of one pattern a fortieth */
	uint32_t pattern_steps;  /* PCRE2 match limit. 100000 */
	uint64_t spool_bytes;    /* temporary file for what needs seeking. 64 GiB */
	uint32_t threads;        /* that search large members. 1; what is found is the same with any number */
	uint32_t block_bytes;    /* that are searched at once. 256 KiB; likewise */
	const struct cul_unwinder *unwinder; /* parse.h; NULL: stacks of core files by their frame pointers alone. Must outlive the call */
};

#ifdef __cplusplus
}
#endif
#endif
