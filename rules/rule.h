/* SPDX-License-Identifier: Apache-2.0 */
/** A rule in memory, for this room. Read-only once it is loaded; texts stay YAML nodes until a finding needs them. */
#ifndef CUL_RULES_RULE_H
#define CUL_RULES_RULE_H

#include "base/arena.h"
#include "base/slice.h"
#include "culprit/rules.h"
#include "rules/expr.h"
#include "rules/node.h"

enum cul_class { CUL_CLASS_NONE = -1, CUL_PROOF = 0, CUL_STRONG, CUL_LIKELY, CUL_HINT, CUL_CLASSES };
enum cul_part_role { CUL_TERM_MUST, CUL_TERM_SOME, CUL_TERM_MAY, CUL_TERM_AGAINST, CUL_TERM_NEVER };
enum cul_window { CUL_WINDOW_NONE, CUL_WINDOW_BEFORE, CUL_WINDOW_AFTER, CUL_WINDOW_OF };

#define CUL_TERMS 32
#define CUL_PER 4
#define CUL_STACK 8

/** `f == t.g` in a term's where: rows of both that have no partner can be dropped. */
struct cul_join {
	const struct cul_expr *own; /* FIELD */
	const struct cul_expr *other; /* TERM_FIELD */
};

struct cul_term {
	const char *name;
	const struct cul_node *node;
	enum cul_part_role role;
	const struct cul_kind **kinds; size_t kind_count; /* rows of kinds … */
	bool kind_missing;                     /* a kind that nobody emits (yet): never any row, always unknown */
	size_t interest, interest_count;       /* … or text patterns: rules->items[rule->interest + interest …] */
	const char *sql;                       /* … or a query */
	const char *stream, *unit;
	const struct cul_expr **fixed; size_t fixed_count;   /* conditions on the row alone */
	const struct cul_expr **dynamic; size_t dynamic_count; /* that look at other terms */
	struct cul_join joins[4]; size_t join_count;
	enum cul_window window; int64_t within_ns; int anchor; /* INT64_MAX: any length */
	const struct cul_expr *need;
	bool absent, show;
	enum cul_class worth;
	const struct cul_node *capture;
};

struct cul_named { const char *name; const struct cul_expr *expr; };
struct cul_act { const struct cul_expr *when; const char *act; };

enum cul_same { CUL_SAME_HOST, CUL_SAME_GPU, CUL_SAME_PID, CUL_SAME_JOB, CUL_SAME_DEVICE, CUL_SAME_ANY };
enum cul_weight { CUL_WEAK = 1, CUL_MEDIUM, CUL_EDGE_STRONG, CUL_TRIGGER };

struct cul_edge {
	const char *cause; /* may end in '*' */
	const struct cul_node *node;
	enum cul_same same;
	int64_t within_ns; /* CUL_NO_TIME: any */
	enum cul_weight weight;
	const struct cul_expr *when;
};

/** What a sign tells instead of a cause: that all was well then, or that something changed. */
enum cul_sign { CUL_SIGN_NONE, CUL_SIGN_GOOD, CUL_SIGN_CHANGE };
/** What a sign speaks for, beside the host: bits. */
enum cul_about { CUL_ABOUT_GPU = 1, CUL_ABOUT_MODEL = 2, CUL_ABOUT_PID = 4, CUL_ABOUT_PROGRAM = 8 };
#define CUL_SIGN_FOR 32

struct cul_rule {
	const char *id, *file;
	struct cul_tree tree;
	bool builtin;
	int severity;
	enum cul_class worth;
	const char *act; /* where none of @acts holds */
	struct cul_act *acts; size_t act_count;
	int role; /* enum cul_role, or -1 */
	int onset_term; /* whose first row tells when it began; -1: the first must */
	bool lasts; /* true until the next boot, whether or not it is printed again */
	bool per_job, per_gpu;
	const char *per[CUL_PER]; size_t per_count; /* fields beside the host */
	struct cul_term *terms; size_t term_count;
	const struct cul_expr *when, *at_least;
	const struct cul_expr *settled; /* while it isn't true, the certainty stays below the calibration's `open`; or NULL */
	struct cul_named *lets; size_t let_count;
	struct cul_named *facts; size_t fact_count;
	struct cul_edge *edges; size_t edge_count;
	size_t interest, interest_count; /* its slice of rules->items */
	enum cul_sign sign; /* then it has one must and is no cause; and these: */
	unsigned about;     /* enum cul_about */
	const char *speaks_for[CUL_SIGN_FOR]; size_t speaks_for_count; /* causes, "nccl.*" too; none: all */
	int64_t reach_ns;   /* so long before an onset it still counts */
	bool latent;        /* it takes effect at some later start: what is preferred counts for a day although all was well after it */
	int64_t fold_ns;    /* rows no further apart than that are one change */
	const char *differs, *of; /* only rows whose field differs from the row before of the same host, GPU and @of; or NULL */
	const struct cul_expr *prefer; /* rows to be named first; or NULL */
	const struct cul_node *many;   /* what stands before the names of more than a few; or NULL */
	const struct cul_cre *cre; /* of a CRE file: then all above from `role` on is empty, and the texts below are, too */
	/* texts, NULL where there is none */
	const struct cul_node *title, *summary, *remedy, *do_not, *capture, *before_reboot, *rivals, *references, *examples;
};

struct cul_calibration {
	double base[CUL_CLASSES], adds[CUL_CLASSES], takes[CUL_CLASSES]; /* log-odds */
	double open; /* log-odds: no more while a rule's `settled` isn't true */
	double x[32], y[32];
	size_t points;
};

/** An abstract source of CRE rules ("cre.log.redis") and globs of the members that are it. */
struct cul_cre_source {
	const char *name;
	const char **globs; size_t glob_count;
};

struct cul_rules {
	struct cul_arena *arena;
	struct cul_rule **rules; size_t count, room; /* ordered by id */
	struct cul_interest *items; size_t item_count, item_room;
	struct cul_interests interests;
	size_t kind_count; /* how many cul_kinds() has; 0: not asked yet */
	size_t patterns;  /* regular expressions in expressions */
	struct cul_calibration calibration;
	const char **mistakes; size_t mistake_count, mistake_room; /* rules that were left out, for check */
	const char **notes; size_t note_count, note_room; /* what was passed over on loading, for check; no mistakes */
	const struct cul_cre_source *sources; size_t source_count; /* abstract source -> names of logs */
	struct cul_tree *trees;
};

extern const char *const cul_class_names[CUL_CLASSES + 1];
extern const char *const cul_sign_names[3]; /* by enum cul_sign */

/* ---- load.c ---- */
/** Read one rule out of @tree. On CUL_ERULE nothing is added. */
CUL_MUST_CHECK enum cul_status cul_rule_read(struct cul_rules *rules, const struct cul_tree *tree, bool builtin,
					     struct cul_error *err);
/** Each `{expression}` of a text or of all texts below @node parses. */
CUL_MUST_CHECK enum cul_status cul_rule_texts(const struct cul_rules *rules, const struct cul_rule *rule,
					      struct cul_error *err);
/** The value of @key in a map, or NULL. */
const struct cul_node *cul_node_get(const struct cul_tree *tree, const struct cul_node *map, const char *key);
struct cul_rule *cul_rules_find(const struct cul_rules *rules, struct cul_slice id);

/* ---- calibration.c ---- */
CUL_MUST_CHECK enum cul_status cul_calibration_read(struct cul_calibration *c, const struct cul_tree *tree, struct cul_error *err);
double cul_calibration_map(const struct cul_calibration *c, double odds);

/* ---- the built-in pack: made from rules/ at build time by mkpack --------------------------- */

/**
 * The rules as load.c read them: one image, used where it stands and never written to. Its pointers are numbers, made for the address
 * CUL_PACK_AT: were they C's, the loader would rewrite 1.8 MB of them at each start, which took a fifth of reading a small log. So the image's
 * pages are mapped there, untouched, as they are wanted (pack.c); where that can't be, a copy is made, and each word by which the image
 * and @again differ is moved. What lies at a known address so is data that everybody has, and no code.
 */
struct cul_pack {
	const void *image; size_t size;
	const void *again; size_t linked; /* the first so many bytes of the image, made for another address */
	size_t whole; /* with what stands behind the image and is filled in when it is placed; offsets below are from its begin */
	struct cul_calibration calibration;
	size_t rules, count;      /* struct cul_rule, by id */
	size_t items, item_count; /* struct cul_interest */
	size_t kinds, kind_count; /* const struct cul_kind *: what the terms' .kinds point into, … */
	const uint16_t *kind_numbers;                /* … by their numbers among cul_kinds(), … */
	const char *const *kind_names; size_t names; /* … which were these */
	size_t captures, capture_count; /* const struct cul_field *: what the items' .captures point into, … */
	const uint16_t *capture_numbers;       /* … NULL, of … */
	const struct cul_field *const *used;   /* … the dictionary's, from 1 on, … */
	size_t own;                            /* … or of the rules' own struct cul_field, from CUL_PACK_OWN on */
	size_t patterns;
	const char *const *mistakes; size_t mistake_count; /* why rules were left out */
	const char *const *tools;                          /* names of rules/tools.list, NULL-terminated */
};
#define CUL_PACK_OWN 32768
/* free in each address space of Linux, as long as nobody asks for it: above what stands low, below programs, libraries and stacks */
#if UINTPTR_MAX > UINT32_MAX
#define CUL_PACK_AT UINT64_C(0x1000000000)
#else
#define CUL_PACK_AT 0x30000000u
#endif
/* the largest pages there are; a program's alignment of more than a page is not kept by every loader: then a copy is made */
#if defined(__x86_64__) || defined(__i386__)
#define CUL_PACK_ALIGNED __attribute__((aligned(4096)))
#else
#define CUL_PACK_ALIGNED __attribute__((aligned(65536)))
#endif
extern const struct cul_pack cul_builtin_pack;

/* ---- interest.c ---- */
/** Make @term's patterns to interests behind what @rules has. */
CUL_MUST_CHECK enum cul_status cul_interest_add(struct cul_rules *rules, struct cul_rule *rule, struct cul_term *term,
						const struct cul_node *pattern, struct cul_error *err);

#endif
