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

#include "parsers/dump/flight_entry.h"
#include "parsers/image.h"
#include "parsers/parser.h"

#define MOST_BYTES (128 << 20)
#define MOST_JSON (32 << 20)
#define MOST_GROUPS 256
#define LAST_LAUNCHES 64
#define FIRST_UNFINISHED 256

/* ---- whose file is it ----------------------------------------------------------------------- */

static int flight_claim(struct cul_slice head, struct cul_slice name)
{
	struct cul_slice text = cul_trim(head);
	while (text.size && text.data[0] == '\n')
		text = cul_trim(cul_from(text, 1));
	bool pickled = head.size > 2 && (uint8_t)head.data[0] == 0x80 && head.data[1] >= 2 && head.data[1] <= 5;
	if (!pickled && (!text.size || text.data[0] != '{'))
		return 0;
	bool named = cul_has(name, CUL_LIT("trace_rank_"));
	bool groups = cul_has(head, CUL_LIT("pg_config")), entries = cul_has(head, CUL_LIT("collective_seq_id")) || cul_has(head, CUL_LIT("profiling_name"));

	if (pickled)
		return (groups || entries || cul_has(head, CUL_LIT("entries"))) && cul_has(head, CUL_LIT("version")) ? 48 : 0;
	head = text;
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

/* ---- groups --------------------------------------------------------------------------------- */

struct group {
	struct cul_slice name, desc;
	char ranks[112];
	int64_t n_ranks, first_rank, rank_step, first_seq, enqueued, started, completed, latest, id;
	bool seen, has_id, p2p;
	bool open; /* how far it came isn't known: its entries were overwritten, left out or torn off */
	size_t unfinished;
	struct cul_flight_launch waits; /* the first that is not completed */
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

static void note(struct recorder *r, const struct cul_flight_entry *e)
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
	if (e->has_id) {
		g->id = e->id;
		g->has_id = true;
	}
	g->p2p |= e->p2p;
	g->unfinished += e->state != CUL_FLIGHT_COMPLETED;
	if (e->p2p || !e->has_seq)
		return;
	if (!g->seen || e->seq < g->first_seq)
		g->first_seq = e->seq;
	g->seen = true;
	later(&g->enqueued, e->seq);
	if (e->state >= CUL_FLIGHT_STARTED)
		later(&g->started, e->seq);
	if (e->state == CUL_FLIGHT_COMPLETED)
		later(&g->completed, e->seq);
	if (g->waits.any ? cul_flight_same(&g->waits.first, e) : e->state != CUL_FLIGHT_COMPLETED)
		cul_flight_add(&g->waits, e);
}

/* Entries may be overwritten (the first left is not number 0) or, asked for so, the active ones alone: pg_status knows the last number then. */
static void read_status(struct recorder *r, struct cul_plain status, struct cul_plain entries, bool torn)
{
	int64_t first, enqueued;
	bool whole_story = cul_plain_count(entries) && cul_plain_int(cul_plain_get(cul_plain_at(entries, 0), "record_id"), &first) && !first;

	for (size_t i = 0; i < r->group_count; i++) {
		struct group *g = &r->groups[i];
		char key[24];
		struct cul_plain info = { .type = CUL_PLAIN_NONE };
		g->open = torn || !(g->seen || whole_story);
		snprintf(key, sizeof(key), "%lld", (long long)g->id);
		if (g->has_id)
			info = cul_plain_get(status, key);
		else if (r->group_count == 1 && cul_plain_count(status) == 2)
			info = cul_plain_at(status, 1);
		/* a send's number may stand there, too */
		if (torn || g->p2p || !cul_plain_int(cul_plain_get(info, "last_enqueued_collective"), &enqueued) || enqueued < g->enqueued)
			continue;
		g->enqueued = enqueued > 0 ? enqueued : 0;
		g->open = false;
		if (cul_plain_int(cul_plain_get(info, "last_completed_collective"), &enqueued))
			later(&g->completed, enqueued);
		if (cul_plain_int(cul_plain_get(info, "last_started_collective"), &enqueued))
			later(&g->started, enqueued);
	}
}

/* ---- observing ------------------------------------------------------------------------------ */

static const char *const state_words[] = { "scheduled", "started", "completed" };

static struct cul_time wall(int64_t ns)
{
	return ns > 0 ? (struct cul_time){ .ns = ns, .clock = CUL_CLOCK_UTC } : (struct cul_time){ .ns = CUL_NO_TIME };
}

static struct cul_arg rank_arg(const struct recorder *r)
{
	return r->has_rank ? cul_int("rank", r->rank) : cul_text("rank", CUL_NONE);
}

static struct cul_arg positive(const char *name, int64_t value)
{
	return value > 0 ? cul_int(name, value) : cul_text(name, CUL_NONE);
}

static struct cul_slice told(char *room, size_t size, const struct recorder *r, const struct cul_flight_entry *e, struct cul_slice shape, const struct cul_flight_place *at)
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

static void emit_launch(struct recorder *r, struct cul_flight_launch *l)
{
	char room[900];
	const struct cul_flight_entry *e = &l->first;
	struct cul_flight_place at = cul_flight_place(e->frames);
	struct cul_slice shape = cul_flight_shape(l);
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
	const struct cul_flight_entry *e = &g->waits.first;
	struct cul_flight_place at = cul_flight_place(e->frames);
	struct cul_slice shape = cul_flight_shape(&g->waits);
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
			     positive("rank_step", g->rank_step), g->open ? cul_text("last_enqueued", CUL_NONE) : cul_int("last_enqueued", g->enqueued),
			     g->open ? cul_text("last_started", CUL_NONE) : cul_int("last_started", g->started),
			     g->open ? cul_text("last_completed", CUL_NONE) : cul_int("last_completed", g->completed), g->seen ? cul_int("first_seq", g->first_seq) : cul_text("first_seq", CUL_NONE),
			     cul_int("unfinished", (int64_t)g->unfinished), g->waits.any ? cul_int("seq", e->seq) : cul_text("seq", CUL_NONE),
			     cul_text("op_type", g->waits.any ? e->op : CUL_NONE), cul_text("shape", g->waits.any ? shape : CUL_NONE),
			     cul_string("state_word", g->waits.any ? state_words[e->state] : NULL), cul_flag("retired", e->retired),
			     positive("timeout_ms", e->timeout_ms), cul_text("function", at.function), cul_text("path", at.path), positive("line_no", at.line));
}

/* All launches in their order: count them, or emit the last ones and those that are not done. */
static size_t launches(struct recorder *r, struct cul_plain entries, size_t skip, bool emit)
{
	struct cul_flight_launch *l = calloc(1, sizeof(*l));
	size_t number = 0, open = 0;

	for (uint32_t i = 0; l && i <= cul_plain_count(entries) && r->status == CUL_OK; i++) {
		struct cul_plain dict = cul_plain_at(entries, i);
		struct cul_flight_entry e = cul_flight_entry(dict);
		bool end = i == cul_plain_count(entries);
		if (!end && dict.type != CUL_PLAIN_DICT)
			continue;
		if (l->any && (end || !cul_flight_same(&l->first, &e))) {
			bool undone = l->first.state != CUL_FLIGHT_COMPLETED && open < FIRST_UNFINISHED;
			open += l->first.state != CUL_FLIGHT_COMPLETED;
			if (emit && (undone || number >= skip))
				emit_launch(r, l);
			number++;
			l->any = false;
			l->size = 0;
			l->shape[0] = 0;
		}
		if (!end)
			cul_flight_add(l, &e);
	}
	free(l);
	return number;
}

static void observe(struct recorder *r, struct cul_plain root, bool torn)
{
	struct cul_plain entries = cul_plain_get(root, "entries"), version = cul_plain_get(root, "comm_lib_version");
	size_t unfinished = 0;
	char room[160];

	if (version.type == CUL_PLAIN_NONE)
		version = cul_plain_get(root, "nccl_version");
	read_config(r, cul_plain_get(root, "pg_config"));
	for (uint32_t i = 0; i < cul_plain_count(entries); i++)
		if (cul_plain_at(entries, i).type == CUL_PLAIN_DICT) {
			struct cul_flight_entry e = cul_flight_entry(cul_plain_at(entries, i));
			unfinished += e.state != CUL_FLIGHT_COMPLETED;
			note(r, &e);
		}
	read_status(r, cul_plain_get(root, "pg_status"), entries, torn);
	snprintf(room, sizeof(room), "flight recorder of rank %lld: %u operations, %zu unfinished", (long long)(r->has_rank ? r->rank : -1),
		 cul_plain_count(entries), unfinished);
	struct cul_record rec = cul_dump_record(r->parse, wall(r->latest), cul_str(room));
	r->status = cul_emit(r->parse, &rec, "fr.rank", rank_arg(r), cul_text("version", cul_plain_text(cul_plain_get(root, "version"))),
			     cul_text("library", cul_plain_text(version)), cul_int("recorded", cul_plain_count(entries)),
			     torn ? cul_text("unfinished", CUL_NONE) : cul_int("unfinished", (int64_t)unfinished));
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
		if (!json || !cul_flight_json(&tree, json))
			why = "JSON of a flight recorder that is cut off or garbled";
	}
	if (why)
		r.status = cul_damaged(parse, &rec, why);
	if (r.groups && r.status == CUL_OK && tree.root.type == CUL_PLAIN_DICT)
		observe(&r, tree.root, why != NULL);
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
