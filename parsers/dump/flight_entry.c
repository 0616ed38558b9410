/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Entries of PyTorch's flight recorder, as getCollectiveTrace() and dump_json() of torch/csrc/distributed/c10d/FlightRecorderDetail.hpp
 * write them; which sizes have to agree follows torch/distributed/flight_recorder/components/utils.py.
 */
#include "parsers/dump/flight_entry.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>

/* ---- JSON as the same plain values ---------------------------------------------------------- */

static bool plain_text(struct cul_plain *v, const char *text)
{
	*v = (struct cul_plain){ .type = CUL_PLAIN_TEXT, .size = (uint32_t)strlen(text), .text = text };
	return true;
}

static bool plain_json(struct cul_plain_tree *tree, const cJSON *node, int depth, struct cul_plain *ret)
{
	struct cul_plain v;

	*ret = (struct cul_plain){ .type = CUL_PLAIN_NONE };
	if (cJSON_IsNumber(node)) {
		*ret = (struct cul_plain){ .type = CUL_PLAIN_REAL, .r = node->valuedouble };
	} else if (cJSON_IsBool(node)) {
		*ret = (struct cul_plain){ .type = CUL_PLAIN_FLAG, .i = cJSON_IsTrue(node) };
	} else if (cJSON_IsString(node)) {
		return plain_text(ret, node->valuestring);
	} else if (cJSON_IsArray(node) || cJSON_IsObject(node)) {
		if (!cul_plain_make(tree, cJSON_IsArray(node) ? CUL_PLAIN_LIST : CUL_PLAIN_DICT, ret))
			return false;
		for (const cJSON *child = depth ? node->child : NULL; child; child = child->next) {
			if (ret->type == CUL_PLAIN_DICT && !(plain_text(&v, child->string) && cul_plain_add(tree, ret, v)))
				return false;
			if (!plain_json(tree, child, depth - 1, &v) || !cul_plain_add(tree, ret, v))
				return false;
		}
	}
	return true;
}

bool cul_flight_json(struct cul_plain_tree *tree, const cJSON *json)
{
	return plain_json(tree, json, 8, &tree->root);
}

/* ---- entries -------------------------------------------------------------------------------- */

int64_t cul_flight_int(struct cul_plain dict, const char *key)
{
	int64_t value;
	return cul_plain_int(cul_plain_get(dict, key), &value) ? value : 0;
}

static int64_t elements(struct cul_plain tensors)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < cul_plain_count(tensors) && i < 4096; i++) {
		struct cul_plain dims = cul_plain_at(tensors, i);
		int64_t product = 1, dim;
		for (uint32_t k = 0; k < cul_plain_count(dims) && k < 64; k++)
			if (!cul_plain_int(cul_plain_at(dims, k), &dim) || dim < 0 || __builtin_mul_overflow(product, dim, &product))
				return -1;
		if (__builtin_add_overflow(sum, product, &sum))
			return -1;
	}
	return sum;
}

struct cul_flight_entry cul_flight_entry(struct cul_plain dict)
{
	struct cul_flight_entry e = { .op = cul_plain_text(cul_plain_get(dict, "profiling_name")), .duration_ms = NAN };
	struct cul_plain group = cul_plain_get(dict, "process_group"), v;
	struct cul_slice state = cul_plain_text(cul_plain_get(dict, "state"));

	cul_cut(e.op, CUL_LIT(":"), NULL, &e.op);
	e.pg = cul_plain_text(cul_plain_at(group, 0));
	e.desc = cul_plain_text(cul_plain_at(group, 1));
	e.has_id = cul_plain_int(cul_plain_get(dict, "pg_id"), &e.id);
	if (!e.pg.size && e.has_id && !e.id) /* 2.2 has the number alone */
		e.pg = CUL_LIT("0");
	if (cul_is(e.desc, CUL_LIT("undefined")))
		e.desc = CUL_NONE;
	e.has_seq = cul_plain_int(cul_plain_get(dict, "collective_seq_id"), &e.seq) || cul_plain_int(cul_plain_get(dict, "seq_id"), &e.seq);
	e.p2p_seq = cul_flight_int(dict, "p2p_seq_id");
	v = cul_plain_get(dict, "is_p2p");
	e.p2p = (v.type == CUL_PLAIN_FLAG && v.i) || cul_starts(e.op, CUL_LIT("send ")) || cul_starts(e.op, CUL_LIT("recv "));
	v = cul_plain_get(dict, "retired");
	e.retired = v.type == CUL_PLAIN_FLAG && v.i;
	e.created = cul_flight_int(dict, "time_created_ns");
	e.started = cul_flight_int(dict, "time_discovered_started_ns");
	e.completed = cul_flight_int(dict, "time_discovered_completed_ns");
	e.timeout_ms = cul_flight_int(dict, "timeout_ms");
	v = cul_plain_get(dict, "duration_ms");
	if (v.type == CUL_PLAIN_REAL && isfinite(v.r))
		e.duration_ms = v.r;
	e.state = cul_is(state, CUL_LIT("completed")) || (!state.size && e.completed > 0) ? CUL_FLIGHT_COMPLETED :
		  cul_is(state, CUL_LIT("started")) || (!state.size && e.started > 0) ? CUL_FLIGHT_STARTED : CUL_FLIGHT_SCHEDULED;
	e.in = elements(cul_plain_get(dict, "input_sizes"));
	e.out = elements(cul_plain_get(dict, "output_sizes"));
	v = cul_plain_get(dict, "input_dtypes");
	e.dtype = cul_plain_text(cul_plain_at(cul_plain_count(v) ? v : cul_plain_get(dict, "output_dtypes"), 0));
	e.frames = cul_plain_get(dict, "frames");
	return e;
}

/* Which sizes all ranks must have in common; of the other operations each may bring its own. */
static int64_t common_elements(const struct cul_flight_entry *e)
{
	static const char *const by_in[] = { "all_reduce", "all_reduce_barrier", "allreduce_coalesced", "broadcast", "reduce", "_reduce_oop",
					     "_all_gather_base", "all_gather_single", "all_gather_into_tensor_coalesced", "gather", NULL };
	static const char *const by_out[] = { "_broadcast_oop", "_reduce_scatter_base", "reduce_scatter_single", "reduce_scatter_tensor_coalesced",
					      "scatter", NULL };

	for (const char *const *op = by_in; *op; op++)
		if (cul_is(e->op, cul_str(*op)))
			return e->in;
	for (const char *const *op = by_out; *op; op++)
		if (cul_is(e->op, cul_str(*op)))
			return e->out;
	return -1;
}

/* ---- launches: the entries of one number ---------------------------------------------------- */

void cul_flight_add(struct cul_flight_launch *l, const struct cul_flight_entry *e)
{
	char text[160];
	int64_t common = common_elements(e);
	int n = snprintf(text, sizeof(text), "%s%.*s", l->any ? " + " : "", (int)(e->op.size < 80 ? e->op.size : 80), e->op.data ? e->op.data : "");
	if (common >= 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %lld", (long long)common);
	if (e->dtype.size)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %.*s", (int)(e->dtype.size < 40 ? e->dtype.size : 40), e->dtype.data);
	if (!l->any) {
		l->first = *e;
		l->any = true;
		l->hash = 0xcbf29ce484222325;
	} else if (e->state < l->first.state) {
		l->first.state = e->state;
	}
	for (int i = 0; i < n; i++)
		l->hash = (l->hash ^ (uint8_t)text[i]) * 0x100000001b3;
	if (l->size + (size_t)n < SHAPE_ROOM) {
		memcpy(l->shape + l->size, text, (size_t)n + 1);
		l->size += (size_t)n;
	} else if (l->size < SHAPE_ROOM) { /* too long to show: what follows counts by its sum */
		l->size = SHAPE_ROOM;
	}
}

struct cul_slice cul_flight_shape(struct cul_flight_launch *l)
{
	if (l->size >= SHAPE_ROOM) {
		size_t n = strlen(l->shape);
		snprintf(l->shape + n, sizeof(l->shape) - n, " + … %08x", (unsigned)(l->hash ^ l->hash >> 32));
	}
	return cul_str(l->shape);
}

bool cul_flight_same(const struct cul_flight_entry *a, const struct cul_flight_entry *b)
{
	return !a->p2p && !b->p2p && a->has_seq && b->has_seq && a->seq == b->seq && cul_is(a->pg, b->pg);
}

/* The innermost frame that is neither torch's own nor the interpreter's; the innermost of all where there is none. */
struct cul_flight_place cul_flight_place(struct cul_plain frames)
{
	static const char *const inner[] = { "/torch/", "torch/distributed/", "/deepspeed/", "/contextlib.py", "<frozen ", "??", NULL };
	struct cul_flight_place found = { .line = 0 };

	for (uint32_t i = 0; i < cul_plain_count(frames) && i < 512; i++) {
		struct cul_plain f = cul_plain_at(frames, i);
		struct cul_flight_place p = { cul_plain_text(cul_plain_get(f, "name")), cul_plain_text(cul_plain_get(f, "filename")), cul_flight_int(f, "line") };
		bool own = p.path.size == 0;
		for (const char *const *word = inner; *word && !own; word++)
			own = cul_has(p.path, cul_str(*word));
		if (!own)
			return p;
		if (!found.path.size)
			found = p;
	}
	return found;
}
