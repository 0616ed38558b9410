/* SPDX-License-Identifier: Apache-2.0 */
/**
 * PyTorch's flight recorder: what each rank last did in each process group, one file a rank.
 *
 *   /tmp/nccl_trace_rank_3                          TORCH_NCCL_DEBUG_INFO_TEMP_FILE, torch 2.2 and later
 *   ~/.cache/torch/comm_lib_trace_rank_3            TORCH_FR_DUMP_TEMP_FILE, since 2.9
 *
 * A pickle of protocol 2 (dump() -> pickle_str()) or, from the dump_nccl_trace_json handler, one line of JSON (dump_json()): both in
 * torch/csrc/distributed/c10d/FlightRecorderDetail.hpp, before 2.7 in NCCLUtils.hpp and TraceUtils.h. Keys: version, pg_config, pg_status,
 * nccl_comm_state, entries. collective_seq_id was seq_id before 2.4, JSON has 0 where the pickle has None. The file does not say which rank
 * it is of: its name does. One launch may be several entries (coalesced): they share their number.
 *
 * Of completed launches the last 64 come up, of the others the first 256; the groups' summary counts them all.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "parsers/dump/pickle.h"
#include "parsers/image.h"
#include "parsers/parser.h"

#define MOST_BYTES (128 << 20)
#define MOST_JSON (32 << 20)
#define MOST_GROUPS 256
#define LAST_LAUNCHES 64
#define FIRST_UNFINISHED 256
#define SHAPE_ROOM 200

/* ---- whose file is it ----------------------------------------------------------------------- */

static int flight_claim(struct cul_slice head, struct cul_slice name)
{
	bool named = cul_has(name, CUL_LIT("trace_rank_"));
	bool groups = cul_has(head, CUL_LIT("pg_config")), entries = cul_has(head, CUL_LIT("collective_seq_id")) || cul_has(head, CUL_LIT("profiling_name"));

	if (head.size > 2 && (uint8_t)head.data[0] == 0x80 && head.data[1] >= 2 && head.data[1] <= 5)
		return (groups || entries || cul_has(head, CUL_LIT("entries"))) && cul_has(head, CUL_LIT("version")) ? 48 : 0;
	head = cul_trim(head);
	while (head.size && head.data[0] == '\n')
		head = cul_trim(cul_from(head, 1));
	if (!head.size || head.data[0] != '{')
		return 0;
	if (entries && cul_has(head, CUL_LIT("\"entries\"")) && (cul_has(head, CUL_LIT("\"collective_seq_id\"")) || cul_has(head, CUL_LIT("\"profiling_name\""))))
		return 40;
	return groups && (named || cul_has(head, CUL_LIT("\"pg_status\""))) && (cul_has(head, CUL_LIT("\"version\"")) || named) ? 36 : 0;
}

/* The number behind "rank", else the last digits of the name (without what stands behind the last dot). */
static bool rank_of(struct cul_slice name, int64_t *ret)
{
	struct cul_slice base = name, rest, digits;

	cul_cut_last(base, CUL_LIT("/"), NULL, &base);
	cul_cut_last(base, CUL_LIT("!"), NULL, &base);
	size_t at = cul_find_nocase(base, CUL_LIT("rank"));
	if (at != SIZE_MAX) {
		rest = cul_from(base, at + 4);
		while (rest.size && (rest.data[0] == '_' || rest.data[0] == '-' || rest.data[0] == '.' || rest.data[0] == '='))
			rest = cul_from(rest, 1);
		digits = cul_digits(&rest);
		if (digits.size && digits.size < 10)
			return cul_to_int(digits, ret);
	}
	for (int i = 0; i < 2; i++) {
		size_t from = base.size;
		while (from && base.data[from - 1] >= '0' && base.data[from - 1] <= '9')
			from--;
		digits = cul_from(base, from);
		if (digits.size && digits.size < 10)
			return cul_to_int(digits, ret);
		if (!cul_cut_last(base, CUL_LIT("."), &base, NULL))
			break;
	}
	return false;
}

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

/* ---- entries -------------------------------------------------------------------------------- */

enum state { SCHEDULED, STARTED, COMPLETED };
static const char *const state_words[] = { "scheduled", "started", "completed" };

struct entry {
	struct cul_slice pg, desc, op, dtype;
	int64_t seq, p2p_seq, created, started, completed, timeout_ms, in, out;
	double duration_ms;
	enum state state;
	bool has_seq, p2p, retired;
	struct cul_plain frames;
};

static int64_t whole(struct cul_plain dict, const char *key)
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

static struct entry entry_of(struct cul_plain dict)
{
	struct entry e = { .op = cul_plain_text(cul_plain_get(dict, "profiling_name")), .duration_ms = NAN };
	struct cul_plain group = cul_plain_get(dict, "process_group"), id = cul_plain_get(dict, "pg_id"), v;
	struct cul_slice state = cul_plain_text(cul_plain_get(dict, "state"));

	cul_cut(e.op, CUL_LIT(":"), NULL, &e.op);
	e.pg = cul_plain_text(cul_plain_at(group, 0));
	e.desc = cul_plain_text(cul_plain_at(group, 1));
	if (!e.pg.size && cul_plain_int(id, &e.in)) /* 2.2 has the number alone */
		e.pg = e.in == 0 ? CUL_LIT("0") : CUL_NONE;
	if (cul_is(e.desc, CUL_LIT("undefined")))
		e.desc = CUL_NONE;
	e.has_seq = cul_plain_int(cul_plain_get(dict, "collective_seq_id"), &e.seq) || cul_plain_int(cul_plain_get(dict, "seq_id"), &e.seq);
	e.p2p_seq = whole(dict, "p2p_seq_id");
	v = cul_plain_get(dict, "is_p2p");
	e.p2p = (v.type == CUL_PLAIN_FLAG && v.i) || cul_starts(e.op, CUL_LIT("send ")) || cul_starts(e.op, CUL_LIT("recv "));
	v = cul_plain_get(dict, "retired");
	e.retired = v.type == CUL_PLAIN_FLAG && v.i;
	e.created = whole(dict, "time_created_ns");
	e.started = whole(dict, "time_discovered_started_ns");
	e.completed = whole(dict, "time_discovered_completed_ns");
	e.timeout_ms = whole(dict, "timeout_ms");
	v = cul_plain_get(dict, "duration_ms");
	if (v.type == CUL_PLAIN_REAL && isfinite(v.r))
		e.duration_ms = v.r;
	e.state = cul_is(state, CUL_LIT("completed")) || (!state.size && e.completed > 0) ? COMPLETED :
		  cul_is(state, CUL_LIT("started")) || (!state.size && e.started > 0) ? STARTED : SCHEDULED;
	e.in = elements(cul_plain_get(dict, "input_sizes"));
	e.out = elements(cul_plain_get(dict, "output_sizes"));
	v = cul_plain_get(dict, "input_dtypes");
	e.dtype = cul_plain_text(cul_plain_at(cul_plain_count(v) ? v : cul_plain_get(dict, "output_dtypes"), 0));
	e.frames = cul_plain_get(dict, "frames");
	return e;
}

/* Which sizes all ranks must have in common; of the other operations each may bring its own. */
static int64_t common_elements(const struct entry *e)
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

struct launch {
	struct entry first;
	bool any;
	char shape[SHAPE_ROOM + 24];
	size_t size;
	uint64_t hash;
};

static void launch_add(struct launch *l, const struct entry *e)
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

static struct cul_slice launch_shape(struct launch *l)
{
	if (l->size >= SHAPE_ROOM) {
		size_t n = strlen(l->shape);
		snprintf(l->shape + n, sizeof(l->shape) - n, " + … %08x", (unsigned)(l->hash ^ l->hash >> 32));
	}
	return cul_str(l->shape);
}

/* ---- groups --------------------------------------------------------------------------------- */

struct group {
	struct cul_slice name, desc;
	char ranks[112];
	int64_t n_ranks, first_rank, rank_step, first_seq, enqueued, started, completed, latest;
	bool seen;
	size_t unfinished;
	struct launch waits; /* the first that is not completed */
};

struct recorder {
	struct cul_parse *parse;
	int64_t rank;
	bool has_rank;
	struct group *groups;
	size_t group_count, last;
	int64_t latest;
	enum cul_status status;
};

static struct group *group_of(struct recorder *r, struct cul_slice name)
{
	if (r->last < r->group_count && cul_is(r->groups[r->last].name, name))
		return &r->groups[r->last];
	for (size_t i = 0; i < r->group_count; i++)
		if (cul_is(r->groups[i].name, name))
			return &r->groups[r->last = i];
	if (r->group_count == MOST_GROUPS)
		return NULL;
	r->groups[r->group_count] = (struct group){ .name = name };
	return &r->groups[r->last = r->group_count++];
}

/* "[0, 8, 16]": how many, and whether they go up evenly. A long list is told as 0-504:8, an uneven one by its sum. */
static void read_ranks(struct group *g, struct cul_slice text)
{
	struct cul_slice rest = text;
	int64_t rank, last = 0;
	uint64_t hash = 0xcbf29ce484222325;
	bool even = true;

	for (size_t i = 0; i < text.size; i++)
		hash = (hash ^ (uint8_t)text.data[i]) * 0x100000001b3;
	while (rest.size) {
		struct cul_slice digits = cul_digits(&rest);
		if (!digits.size) {
			rest = cul_from(rest, 1);
			continue;
		}
		if (!cul_to_int(digits, &rank) || rank > INT32_MAX)
			return;
		if (!g->n_ranks)
			g->first_rank = rank;
		else if (g->n_ranks == 1)
			g->rank_step = rank - last;
		even &= g->n_ranks < 2 || rank - last == g->rank_step;
		last = rank;
		g->n_ranks++;
	}
	if (!even || g->rank_step < 0)
		g->rank_step = 0;
	if (text.size < 80)
		snprintf(g->ranks, sizeof(g->ranks), "%.*s", (int)text.size, text.data);
	else if (g->rank_step == 1)
		snprintf(g->ranks, sizeof(g->ranks), "%lld-%lld", (long long)g->first_rank, (long long)last);
	else if (g->rank_step)
		snprintf(g->ranks, sizeof(g->ranks), "%lld-%lld:%lld", (long long)g->first_rank, (long long)last, (long long)g->rank_step);
	else
		snprintf(g->ranks, sizeof(g->ranks), "%.*s... %lld ranks %08x", 60, text.data, (long long)g->n_ranks, (unsigned)(hash ^ hash >> 32));
}

static void read_config(struct recorder *r, struct cul_plain config)
{
	for (uint32_t i = 0; config.type == CUL_PLAIN_DICT && i + 1 < cul_plain_count(config); i += 2) {
		struct cul_plain info = cul_plain_at(config, i + 1);
		struct cul_slice name = cul_plain_text(cul_plain_at(config, i)), ranks = cul_plain_text(cul_plain_get(info, "ranks"));
		struct group *g = name.size ? group_of(r, name) : NULL;
		if (!g)
			continue;
		g->desc = cul_plain_text(cul_plain_get(info, "desc"));
		if (cul_is(g->desc, CUL_LIT("undefined")))
			g->desc = CUL_NONE;
		if (!g->n_ranks)
			read_ranks(g, ranks);
	}
}

static void later(int64_t *latest, int64_t ns)
{
	if (ns > *latest)
		*latest = ns;
}

static bool same_launch(const struct entry *a, const struct entry *b)
{
	return !a->p2p && !b->p2p && a->has_seq && b->has_seq && a->seq == b->seq && cul_is(a->pg, b->pg);
}

static void note(struct recorder *r, const struct entry *e)
{
	struct group *g = group_of(r, e->pg);

	later(&r->latest, e->created);
	later(&r->latest, e->started);
	later(&r->latest, e->completed);
	if (!g)
		return;
	if (!g->desc.size)
		g->desc = e->desc;
	later(&g->latest, e->created);
	g->unfinished += e->state != COMPLETED;
	if (e->p2p || !e->has_seq)
		return;
	if (!g->seen || e->seq < g->first_seq)
		g->first_seq = e->seq;
	g->seen = true;
	later(&g->enqueued, e->seq);
	if (e->state >= STARTED)
		later(&g->started, e->seq);
	if (e->state == COMPLETED)
		later(&g->completed, e->seq);
	if (g->waits.any ? same_launch(&g->waits.first, e) : e->state != COMPLETED)
		launch_add(&g->waits, e);
}

/* ---- observing ------------------------------------------------------------------------------ */

static struct cul_time wall(int64_t ns)
{
	return ns > 0 ? (struct cul_time){ .ns = ns, .clock = CUL_CLOCK_UTC } : (struct cul_time){ .ns = CUL_NO_TIME };
}

struct place {
	struct cul_slice function, path;
	int64_t line;
};

/* The innermost frame that is neither torch's own nor the interpreter's; the innermost of all where there is none. */
static struct place place_of(struct cul_plain frames)
{
	static const char *const inner[] = { "/torch/", "torch/distributed/", "/deepspeed/", "/contextlib.py", "<frozen ", "??", NULL };
	struct place found = { .line = 0 };

	for (uint32_t i = 0; i < cul_plain_count(frames) && i < 512; i++) {
		struct cul_plain f = cul_plain_at(frames, i);
		struct place p = { cul_plain_text(cul_plain_get(f, "name")), cul_plain_text(cul_plain_get(f, "filename")), whole(f, "line") };
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

static struct cul_arg rank_arg(const struct recorder *r)
{
	return r->has_rank ? cul_int("rank", r->rank) : cul_text("rank", CUL_NONE);
}

static struct cul_arg positive(const char *name, int64_t value)
{
	return value > 0 ? cul_int(name, value) : cul_text(name, CUL_NONE);
}

static struct cul_slice told(char *room, size_t size, const struct recorder *r, const struct entry *e, struct cul_slice shape, const struct place *at)
{
	int n = r->has_rank ? snprintf(room, size, "rank %lld: ", (long long)r->rank) : 0;

	n += snprintf(room + n, size - (size_t)n, "%.*s #%lld in group %.*s%s%.*s%s, %s", (int)shape.size, shape.data ? shape.data : "",
		      (long long)(e->p2p ? e->p2p_seq : e->seq), (int)(e->pg.size < 60 ? e->pg.size : 60), e->pg.data ? e->pg.data : "",
		      e->desc.size ? " (" : "", (int)(e->desc.size < 60 ? e->desc.size : 60), e->desc.data ? e->desc.data : "", e->desc.size ? ")" : "",
		      state_words[e->state]);
	if (at->path.size && n > 0 && (size_t)n < size)
		n += snprintf(room + n, size - (size_t)n, ", %.*s at %.*s:%lld", (int)(at->function.size < 80 ? at->function.size : 80),
			      at->function.data ? at->function.data : "", (int)(at->path.size < 200 ? at->path.size : 200), at->path.data, (long long)at->line);
	return cul_str(room);
}

static void emit_launch(struct recorder *r, struct launch *l)
{
	char room[900];
	const struct entry *e = &l->first;
	struct place at = place_of(e->frames);
	struct cul_slice shape = launch_shape(l);
	struct cul_record rec = cul_dump_record(r->parse, wall(e->created), told(room, sizeof(room), r, e, shape, &at));

	r->status = cul_emit(r->parse, &rec, "fr.entry", rank_arg(r), cul_text("pg", e->pg), cul_text("pg_desc", e->desc),
			     e->has_seq ? cul_int("seq", e->seq) : cul_text("seq", CUL_NONE),
			     positive("p2p_seq", e->p2p_seq), cul_flag("is_p2p", e->p2p), cul_text("op_type", e->op), cul_text("shape", shape),
			     cul_text("dtype", e->dtype), cul_int("numel_in", e->in), cul_int("numel_out", e->out),
			     cul_string("state_word", state_words[e->state]), cul_flag("retired", e->retired), positive("timeout_ms", e->timeout_ms),
			     cul_real("start_delay_ms", e->started > 0 && e->created > 0 && e->started >= e->created ? (double)(e->started - e->created) / 1e6 : NAN),
			     cul_real("duration_ms", e->duration_ms), cul_text("function", at.function), cul_text("path", at.path), positive("line_no", at.line));
}

static void emit_group(struct recorder *r, struct group *g)
{
	char room[900];
	const struct entry *e = &g->waits.first;
	struct place at = place_of(e->frames);
	struct cul_slice shape = launch_shape(&g->waits);
	struct cul_record rec;

	if (g->waits.any)
		rec = cul_dump_record(r->parse, wall(e->created), told(room, sizeof(room), r, e, shape, &at));
	else {
		int n = r->has_rank ? snprintf(room, sizeof(room), "rank %lld: ", (long long)r->rank) : 0;
		snprintf(room + n, sizeof(room) - (size_t)n, "group %.*s%s%.*s%s: last enqueued %lld, completed %lld, nothing unfinished",
			 (int)(g->name.size < 60 ? g->name.size : 60), g->name.data, g->desc.size ? " (" : "", (int)(g->desc.size < 60 ? g->desc.size : 60),
			 g->desc.data ? g->desc.data : "", g->desc.size ? ")" : "", (long long)g->enqueued, (long long)g->completed);
		rec = cul_dump_record(r->parse, wall(g->latest), cul_str(room));
	}
	r->status = cul_emit(r->parse, &rec, "fr.group", rank_arg(r), cul_text("pg", g->name), cul_text("pg_desc", g->desc), cul_string("ranks", g->ranks[0] ? g->ranks : NULL),
			     positive("n_ranks", g->n_ranks), g->n_ranks ? cul_int("first_rank", g->first_rank) : cul_text("first_rank", CUL_NONE),
			     positive("rank_step", g->rank_step), cul_int("last_enqueued", g->enqueued), cul_int("last_started", g->started),
			     cul_int("last_completed", g->completed), g->seen ? cul_int("first_seq", g->first_seq) : cul_text("first_seq", CUL_NONE),
			     cul_int("unfinished", (int64_t)g->unfinished), g->waits.any ? cul_int("seq", e->seq) : cul_text("seq", CUL_NONE),
			     cul_text("op_type", g->waits.any ? e->op : CUL_NONE), cul_text("shape", g->waits.any ? shape : CUL_NONE),
			     cul_string("state_word", g->waits.any ? state_words[e->state] : NULL), cul_flag("retired", e->retired),
			     positive("timeout_ms", e->timeout_ms), cul_text("function", at.function), cul_text("path", at.path), positive("line_no", at.line));
}

/* All launches in their order: count them, or emit the last ones and those that are not done. */
static size_t launches(struct recorder *r, struct cul_plain entries, size_t skip, bool emit)
{
	struct launch *l = calloc(1, sizeof(*l));
	size_t number = 0, open = 0;

	for (uint32_t i = 0; l && i <= cul_plain_count(entries) && r->status == CUL_OK; i++) {
		struct cul_plain dict = cul_plain_at(entries, i);
		struct entry e = entry_of(dict);
		bool end = i == cul_plain_count(entries);
		if (!end && dict.type != CUL_PLAIN_DICT)
			continue;
		if (l->any && (end || !same_launch(&l->first, &e))) {
			bool undone = l->first.state != COMPLETED && open < FIRST_UNFINISHED;
			open += l->first.state != COMPLETED;
			if (emit && (undone || number >= skip))
				emit_launch(r, l);
			number++;
			l->any = false;
			l->size = 0;
			l->shape[0] = 0;
		}
		if (!end)
			launch_add(l, &e);
	}
	free(l);
	return number;
}

static void observe(struct recorder *r, struct cul_plain root)
{
	struct cul_plain entries = cul_plain_get(root, "entries"), version = cul_plain_get(root, "comm_lib_version");
	size_t unfinished = 0;
	char room[160];

	if (version.type == CUL_PLAIN_NONE)
		version = cul_plain_get(root, "nccl_version");
	read_config(r, cul_plain_get(root, "pg_config"));
	for (uint32_t i = 0; i < cul_plain_count(entries); i++)
		if (cul_plain_at(entries, i).type == CUL_PLAIN_DICT) {
			struct entry e = entry_of(cul_plain_at(entries, i));
			unfinished += e.state != COMPLETED;
			note(r, &e);
		}
	snprintf(room, sizeof(room), "flight recorder of rank %lld: %u operations, %zu unfinished", (long long)(r->has_rank ? r->rank : -1),
		 cul_plain_count(entries), unfinished);
	struct cul_record rec = cul_dump_record(r->parse, wall(r->latest), cul_str(room));
	r->status = cul_emit(r->parse, &rec, "fr.rank", rank_arg(r), cul_text("version", cul_plain_text(cul_plain_get(root, "version"))),
			     cul_text("library", cul_plain_text(version)), cul_int("recorded", cul_plain_count(entries)), cul_int("unfinished", (int64_t)unfinished));
	for (size_t i = 0; i < r->group_count && r->status == CUL_OK; i++)
		emit_group(r, &r->groups[i]);
	size_t count = launches(r, entries, 0, false);
	launches(r, entries, count > LAST_LAUNCHES ? count - LAST_LAUNCHES : 0, true);
}

static enum cul_status flight_open(struct cul_parse *parse, const struct cul_image *image)
{
	struct cul_record rec = cul_dump_record(parse, wall(0), CUL_NONE);
	struct cul_plain_tree tree = { .all = NULL };
	struct recorder r = { .parse = parse, .rank = -1 };
	const char *why = NULL;
	cJSON *json = NULL;
	char room[160], first;

	if (image->size < 2 || !cul_image_read(image, 0, &first, 1))
		return CUL_OK;
	bool pickled = (uint8_t)first == 0x80;
	if (image->size > (pickled ? MOST_BYTES : MOST_JSON))
		return cul_damaged(parse, &rec, "a flight recorder file that is larger than is read");
	char *bytes = malloc((size_t)image->size);
	r.groups = calloc(MOST_GROUPS, sizeof(*r.groups));
	r.has_rank = rank_of(cul_section_name(parse), &r.rank);
	if (!bytes || !r.groups || !cul_image_read(image, 0, bytes, (size_t)image->size)) {
		why = "a flight recorder file that could not be read";
	} else if (pickled) {
		why = cul_pickle_read(cul_slice(bytes, (size_t)image->size), &tree, room);
	} else {
		json = cJSON_ParseWithLength(bytes, (size_t)image->size);
		if (!json || !plain_json(&tree, json, 8, &tree.root))
			why = "JSON of a flight recorder that is cut off or garbled";
	}
	if (why)
		r.status = cul_damaged(parse, &rec, why);
	if (r.groups && r.status == CUL_OK && tree.root.type == CUL_PLAIN_DICT)
		observe(&r, tree.root);
	cJSON_Delete(json);
	cul_plain_free(&tree);
	free(r.groups);
	free(bytes);
	return r.status;
}

const struct cul_parser cul_parser_flight_recorder = {
	.name = "flight_recorder",
	.about = "PyTorch flight recorder files (nccl_trace_rank_N): pickle or JSON",
	.kinds = CUL_KINDS(
		CUL_SAMPLES("fr.rank", 1, "flight-recorder", F_RANK, F_VERSION, F_LIBRARY, F_RECORDED, F_UNFINISHED),
		CUL_SAMPLES("fr.group", 1, "flight-recorder", F_RANK, F_PG, F_PG_DESC, F_RANKS, F_N_RANKS, F_FIRST_RANK, F_RANK_STEP, F_LAST_ENQUEUED, F_LAST_STARTED, F_LAST_COMPLETED, F_FIRST_SEQ,
			    F_UNFINISHED, F_SEQ, F_OP_TYPE, F_SHAPE, F_STATE_WORD, F_RETIRED, F_TIMEOUT_MS, F_FUNCTION, F_PATH, F_LINE_NO),
		CUL_SAMPLES("fr.entry", 1, "flight-recorder", F_RANK, F_PG, F_PG_DESC, F_SEQ, F_P2P_SEQ, F_IS_P2P, F_OP_TYPE, F_SHAPE, F_DTYPE, F_NUMEL_IN,
			    F_NUMEL_OUT, F_STATE_WORD, F_RETIRED, F_TIMEOUT_MS, F_START_DELAY_MS, F_DURATION_MS, F_FUNCTION, F_PATH, F_LINE_NO)),
	.claim = flight_claim,
	.open = flight_open,
};
