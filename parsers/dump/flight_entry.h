/* SPDX-License-Identifier: Apache-2.0 */
/** What the entries of a flight recorder say: one operation, and the operations of one launch together. Inner to the room. */
#ifndef CUL_PARSERS_FLIGHT_ENTRY_H
#define CUL_PARSERS_FLIGHT_ENTRY_H

#include "parsers/dump/pickle.h"

#define SHAPE_ROOM 200

enum cul_flight_state { CUL_FLIGHT_SCHEDULED, CUL_FLIGHT_STARTED, CUL_FLIGHT_COMPLETED };

/** Texts point into the file. What is not known is 0, a size -1. */
struct cul_flight_entry {
	struct cul_slice pg, desc, op, dtype;
	int64_t id, seq, p2p_seq, created, started, completed, timeout_ms, in, out;
	double duration_ms;
	enum cul_flight_state state;
	bool has_id, has_seq, p2p, retired;
	struct cul_plain frames;
};

/** The entries that share a number; @shape is what all ranks have to agree on. Zero it to begin. */
struct cul_flight_launch {
	struct cul_flight_entry first;
	bool any;
	char shape[SHAPE_ROOM + 24];
	size_t size;
	uint64_t hash;
};

/** A frame: where in the program. */
struct cul_flight_place {
	struct cul_slice function, path;
	int64_t line;
};

struct cJSON;
/** JSON as plain values that point into @json, which has to live as long. Too many: false. */
bool cul_flight_json(struct cul_plain_tree *tree, const struct cJSON *json);
/** A whole number of @dict, 0 if there is none. */
int64_t cul_flight_int(struct cul_plain dict, const char *key);
struct cul_flight_entry cul_flight_entry(struct cul_plain dict);
/** Are both collectives of the same group and number? */
bool cul_flight_same(const struct cul_flight_entry *a, const struct cul_flight_entry *b);
void cul_flight_add(struct cul_flight_launch *launch, const struct cul_flight_entry *entry);
struct cul_slice cul_flight_shape(struct cul_flight_launch *launch);
/** The innermost frame that is neither torch's own nor the interpreter's; the innermost of all where there is none. */
struct cul_flight_place cul_flight_place(struct cul_plain frames);

#endif
