/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Who is who: hosts and GPUs.
 *
 * A host is named by envelopes, by what the bundle says of itself (host.id: hostname files, uname,
 * prompts) and by the folder of a sosreport. A name and its fully qualified form are one. A GPU has an
 * index, a PCI address and a UUID; inventories hold several of them in one row, and so they meet.
 */
#include "store/place.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

#define MOST_HOSTS 4096
#define MOST_GPUS 4096

bool place_more(void *array, size_t count, size_t *room, size_t size)
{
	void *held, *grown;
	if (count < *room)
		return true;
	size_t want = *room ? *room * 2 : 16;
	memcpy(&held, array, sizeof(held));
	grown = realloc(held, want * size);
	if (!grown)
		return false;
	memcpy(array, &grown, sizeof(grown));
	*room = want;
	return true;
}

struct placed *place_row(struct placing *p, int64_t id)
{
	size_t low = 0, high = p->count;
	if (id > 0 && (uint64_t)id <= p->count && p->rows[id - 1].id == id)
		return &p->rows[id - 1];
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (p->rows[mid].id == id)
			return &p->rows[mid];
		if (p->rows[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool place_has(const struct cul_kind *kind, const char *field)
{
	for (const struct cul_field *const *f = kind->fields; f && *f; f++)
		if (!strcmp((*f)->name, field))
			return true;
	return false;
}

enum cul_status place_each(struct placing *p, const struct case_kind *k, const char *const *fields, size_t count,
			   enum cul_status (*each)(struct placing *p, struct placed *row, const struct cul_kind *kind, sqlite3_stmt *s))
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	sqlite3_str *sql = sqlite3_str_new(NULL);
	sqlite3_str_appendf(sql, "SELECT id");
	for (size_t i = 0; i < count; i++)
		if (place_has(k->kind, fields[i]))
			sqlite3_str_appendf(sql, ", \"%w\"", fields[i]);
		else
			sqlite3_str_appendf(sql, ", NULL");
	sqlite3_str_appendf(sql, " FROM \"%w_\"", k->table);
	char *text = sqlite3_str_finish(sql);
	if (!text)
		return cul_fail(p->err, CUL_ENOMEM, "%s: out of memory", k->kind->name);
	enum cul_status status = case_prepare(p->c->db, text, &s, p->err);
	sqlite3_free(text);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct placed *row = place_row(p, sqlite3_column_int64(s, 0));
		if (row)
			status = each(p, row, k->kind, s);
	}
	return status == CUL_OK && rc != SQLITE_DONE ? case_fail(p->c->db, p->err, k->kind->name) : status;
}

static struct cul_slice column(sqlite3_stmt *s, int i)
{
	const char *text = (const char *)sqlite3_column_text(s, i);
	int size = sqlite3_column_bytes(s, i);
	return text && size > 0 ? cul_slice(text, (size_t)size) : CUL_NONE;
}

/* ---- hosts ------------------------------------------------------------------------------------ */

int place_name(struct placing *p, struct cul_slice name)
{
	name = cul_trim(name);
	if (!name.size || name.size > 255)
		return -1;
	for (size_t i = 0; i < p->name_count; i++)
		if (cul_is_nocase(cul_str(p->names[i]), name))
			return (int)i;
	if (p->name_count >= MOST_HOSTS)
		return -1;
	size_t room = p->name_room;
	if (!place_more(&p->names, p->name_count, &room, sizeof(*p->names)))
		return -1;
	p->name_room = room;
	const char *copy = cul_arena_copy(p->arena, name);
	if (!copy)
		return -1;
	p->names[p->name_count] = copy;
	return (int)p->name_count++;
}

static bool is_weak(const char *name)
{
	struct cul_slice s = cul_str(name);
	return cul_is_nocase(s, CUL_LIT("localhost")) || cul_starts(s, CUL_LIT("localhost.")) || cul_is(s, CUL_LIT("(none)")) ||
	       cul_is_nocase(s, CUL_LIT("unknown")) || cul_is_nocase(s, CUL_LIT("host")) || cul_is(s, CUL_LIT("-"));
}

/* The first label, unless it is an address. */
static struct cul_slice short_name(const char *name)
{
	struct cul_slice s = cul_str(name), first;
	bool address = true;
	for (size_t i = 0; i < s.size && address; i++)
		address = (s.data[i] >= '0' && s.data[i] <= '9') || s.data[i] == '.' || s.data[i] == ':';
	return !address && cul_cut(s, CUL_LIT("."), &first, NULL) && first.size ? first : s;
}

static int host_of_name(struct placing *p, int name)
{
	if (name < 0 || is_weak(p->names[name]))
		return -1;
	struct cul_slice label = short_name(p->names[name]);
	for (size_t i = 0; i < p->host_count; i++)
		if (cul_is_nocase(short_name(p->hosts[i].name), label)) {
			/* the longer form says more, but people speak of the short one: keep what came first in order */
			return (int)i;
		}
	if (!place_more(&p->hosts, p->host_count, &p->host_room, sizeof(*p->hosts)))
		return -1;
	p->hosts[p->host_count] = (struct place_host){ .name = cul_arena_copy(p->arena, label), .capture = CUL_NO_TIME,
						       .latest = CUL_NO_TIME, .boot = CUL_NO_TIME };
	if (!p->hosts[p->host_count].name)
		return -1;
	return (int)p->host_count++;
}

/* The end of the folder that holds one host's files: "…/sosreport-x-2025-…/"; 0 if there is none. */
size_t place_root_size(const char *name)
{
	size_t end = 0;
	for (const char *p = strstr(name, "sos") ? name : ""; *p;) {
		size_t n = strcspn(p, "/!");
		struct cul_slice part = cul_slice(p, n);
		if (p[n] && (cul_starts(part, CUL_LIT("sosreport-")) || cul_starts(part, CUL_LIT("sos-report-"))) &&
		    !cul_starts(part, CUL_LIT("sos-collector")))
			end = (size_t)(p - name) + n;
		p += n + (p[n] != 0);
	}
	return end;
}

/* "sosreport-NAME-2025-11-04-abc.tar.xz", "sosreport-NAME-01234567-2025-…" -> NAME */
static struct cul_slice root_host(struct cul_slice root)
{
	struct cul_slice part = root, rest;
	cul_cut_last(root, CUL_LIT("/"), NULL, &part);
	if (!cul_cut(part, CUL_LIT("-"), NULL, &part))
		return CUL_NONE;
	cul_skip(&part, CUL_LIT("report-"));
	for (size_t i = 0; i + 5 < part.size; i++)
		if (part.data[i] == '-' && part.data[i + 1] == '2' && part.data[i + 2] == '0' && part.data[i + 5] == '-') {
			rest = cul_slice(part.data, i);
			struct cul_slice before, number;
			if (cul_cut_last(rest, CUL_LIT("-"), &before, &number) && number.size >= 5) {
				struct cul_slice digits = number;
				if (cul_digits(&digits).size == number.size)
					rest = before;
			}
			return rest;
		}
	return CUL_NONE;
}

/* A vote for a member's or a root's host. */
struct vote {
	int thing, host;
	int64_t weight;
};

struct ballot {
	struct vote *votes;
	size_t count, room;
};

static bool cast(struct ballot *b, int thing, int host, int64_t weight)
{
	if (b->count && b->votes[b->count - 1].thing == thing && b->votes[b->count - 1].host == host) {
		b->votes[b->count - 1].weight += weight;
		return true;
	}
	if (!place_more(&b->votes, b->count, &b->room, sizeof(*b->votes)))
		return false;
	b->votes[b->count++] = (struct vote){ thing, host, weight };
	return true;
}

static int by_thing(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;
	if (x->thing != y->thing)
		return x->thing < y->thing ? -1 : 1;
	return x->host < y->host ? -1 : x->host > y->host;
}

/* The winner of each thing into winners[thing] (where it is still -1). */
static void elect(struct ballot *b, int *winners, size_t things)
{
	if (b->count)
		qsort(b->votes, b->count, sizeof(*b->votes), by_thing);
	for (size_t i = 0; i < b->count;) {
		int thing = b->votes[i].thing, best = -1;
		int64_t most = 0;
		while (i < b->count && b->votes[i].thing == thing) {
			int host = b->votes[i].host;
			int64_t sum = 0;
			for (; i < b->count && b->votes[i].thing == thing && b->votes[i].host == host; i++)
				sum += b->votes[i].weight;
			if (sum > most) {
				most = sum;
				best = host;
			}
		}
		if (thing >= 0 && (size_t)thing < things && winners[thing] < 0)
			winners[thing] = best;
	}
	free(b->votes);
	*b = (struct ballot){ 0 };
}

static enum cul_status read_mark(struct placing *p, struct placed *row, const struct cul_kind *kind, sqlite3_stmt *s)
{
	int name = place_name(p, column(s, 1));
	if (name >= 0 && !is_weak(p->names[name]))
		row->said = name;
	return CUL_OK;
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int place_root(struct placing *p, const char *name)
{
	size_t size = place_root_size(name);
	int root = size ? case_strings_add(&p->roots, cul_slice(name, size)) : -1;
	return size && root < 0 ? -2 : root;
}

struct place_member *place_member(const struct placing *p, int id)
{
	size_t low = 0, high = p->member_count;
	if ((size_t)id <= high && p->members[id - 1].id == id)
		return &p->members[id - 1];
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		if (p->members[mid].id > id)
			high = mid;
		else
			low = mid;
	}
	return &p->members[low];
}

enum cul_status place_members(struct placing *p, const bool *needed, size_t known)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = case_prepare(p->c->db, "SELECT name, mtime FROM member WHERE id = ?", &s, p->err);
	size_t room = 0;
	for (size_t i = 0; i < known && status == CUL_OK; i++) {
		bool as_written = case_sources_as_written(&p->c->sources, i);
		if (!needed[i] && as_written && !case_sources_rooted(&p->c->sources, i))
			continue;
		sqlite3_bind_int64(s, 1, (int64_t)i + 1);
		const char *name = sqlite3_step(s) == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
		int root = name ? place_root(p, name) : -1;
		if (root == -2 || !place_more(&p->members, p->member_count, &room, sizeof(*p->members)))
			return cul_fail(p->err, CUL_ENOMEM, "members: out of memory");
		p->members[p->member_count++] = (struct place_member){ .id = (int)i + 1, .mtime = case_time(s, 1), .host = -1, .root = root, .as_written = as_written,
								       .first = CUL_NO_TIME, .last = CUL_NO_TIME };
		if (sqlite3_reset(s) != SQLITE_OK)
			status = case_fail(p->c->db, p->err, "members");
	}
	return status;
}

/* What is found out on the way to the hosts. */
struct household {
	const struct case_kind *marks; /* where a member says of itself whose it is; or NULL */
	bool *speaks;                  /* by root: something in it names a host */
	int *member_host, *root_host;  /* elected; -1: nobody */
};

static enum cul_status read_marks(struct placing *p, struct household *home)
{
	static const char *const fields[] = { "host" };
	enum cul_status status = CUL_OK;
	for (size_t i = 0; i < p->c->kind_count && status == CUL_OK; i++) {
		const struct case_kind *k = p->c->kinds[i];
		bool id = !strcmp(k->kind->name, "host.id");
		if (!k->stored || (!id && strcmp(k->kind->name, "input.command")))
			continue;
		status = place_each(p, k, fields, 1, read_mark);
		if (id)
			home->marks = k;
	}
	return status;
}

/* Hosts in order of their names, whatever was read first. */
static bool make_hosts(struct placing *p, struct household *home)
{
	/* a folder's name counts only where nothing in it names a host: reports are renamed and obfuscated */
	home->speaks = calloc(p->roots.count + 1, sizeof(*home->speaks));
	if (!home->speaks)
		return false;
	for (size_t i = 0; i < p->count; i++) {
		int root = place_member(p, p->rows[i].member)->root;
		if (root >= 0 && p->rows[i].said >= 0 && !is_weak(p->names[p->rows[i].said]))
			home->speaks[root] = true;
	}
	for (size_t i = 0; i < p->roots.count; i++)
		if (!home->speaks[i])
			place_name(p, root_host(p->roots.items[i]));
	CUL_AUTO(cul_freep) const char **sorted = calloc(p->name_count + 1, sizeof(*sorted));
	p->name_host = calloc(p->name_count + 1, sizeof(*p->name_host));
	if (!sorted || !p->name_host)
		return false;
	if (p->name_count) {
		memcpy(sorted, p->names, p->name_count * sizeof(*sorted));
		qsort(sorted, p->name_count, sizeof(*sorted), by_string);
	}
	for (size_t i = 0; i < p->name_count; i++)
		host_of_name(p, place_name(p, cul_str(sorted[i])));
	for (size_t i = 0; i < p->name_count; i++)
		p->name_host[i] = host_of_name(p, (int)i);
	return true;
}

/* Whose is each member, each root? What a member says of itself counts like a host in each of its lines. */
static bool vote(struct placing *p, struct household *home)
{
	struct ballot members = { 0 }, roots = { 0 };
	CUL_AUTO(cul_freep) int *named = malloc((p->roots.count + 1) * sizeof(*named));
	bool room = named != NULL;
	for (size_t i = 0; i < p->count && room; i++) {
		struct placed *row = &p->rows[i];
		row->host = row->said >= 0 ? p->name_host[row->said] : -1;
		if (row->host < 0)
			continue;
		int64_t weight = home->marks && row->kind == home->marks->id ? 1000 : 1;
		p->hosts[row->host].rows += weight;
		const struct place_member *m = place_member(p, row->member);
		room = cast(&members, (int)(m - p->members), row->host, weight);
		if (room && m->root >= 0)
			room = cast(&roots, m->root, row->host, weight);
	}
	for (size_t i = 0; room && i < p->roots.count; i++) {
		int name = home->speaks[i] ? -1 : place_name(p, root_host(p->roots.items[i]));
		named[i] = name >= 0 ? p->name_host[name] : -1;
	}
	for (size_t i = 0; i < p->member_count && room; i++) {
		int root = p->members[i].root;
		if (root >= 0 && named[root] >= 0)
			room = cast(&roots, root, named[root], 100);
	}
	home->member_host = malloc((p->member_count + 1) * sizeof(int));
	home->root_host = malloc((p->roots.count + 1) * sizeof(int));
	if (!room || !home->member_host || !home->root_host) {
		free(members.votes);
		free(roots.votes);
		return false;
	}
	memset(home->member_host, 0xff, p->member_count * sizeof(int));
	memset(home->root_host, 0xff, p->roots.count * sizeof(int));
	elect(&members, home->member_host, p->member_count);
	elect(&roots, home->root_host, p->roots.count);
	return true;
}

/* Members, rows and sections get their hosts. */
static bool move_in(struct placing *p, const struct household *home)
{
	if (!p->host_count) { /* a host that nobody names is still one */
		const char *weak = p->name_count ? p->names[0] : "host";
		if (!place_more(&p->hosts, 0, &p->host_room, sizeof(*p->hosts)))
			return false;
		p->hosts[0] = (struct place_host){ .name = is_weak(weak) && p->name_count ? "localhost" : "host", .capture = CUL_NO_TIME,
						   .latest = CUL_NO_TIME, .boot = CUL_NO_TIME };
		p->host_count = 1;
	}
	int dominant = 0;
	for (size_t i = 1; i < p->host_count; i++)
		if (p->hosts[i].rows > p->hosts[dominant].rows)
			dominant = (int)i;
	p->others = p->roots.count > 1 ? -1 : dominant; /* beside several hosts' folders: a job's log, nobody's */
	for (size_t i = 0; i < p->member_count; i++) {
		struct place_member *m = &p->members[i];
		m->host = m->root >= 0 ? home->root_host[m->root] : -1;
		if (m->host < 0)
			m->host = home->member_host[i];
		if (m->host < 0 && m->root < 0)
			m->host = p->others;
	}
	for (size_t i = 0; i < p->count; i++)
		if (p->rows[i].host < 0)
			p->rows[i].host = place_member(p, p->rows[i].member)->host;
	for (size_t i = 0; i < p->section_count; i++)
		p->sections[i].host = place_member(p, p->sections[i].member)->host;
	return true;
}

enum cul_status place_hosts(struct placing *p)
{
	struct household home = { 0 };
	enum cul_status status = read_marks(p, &home);
	if (status == CUL_OK && !(make_hosts(p, &home) && vote(p, &home) && move_in(p, &home)))
		status = cul_fail(p->err, CUL_ENOMEM, "hosts: out of memory");
	free(home.speaks);
	free(home.member_host);
	free(home.root_host);
	return status;
}

/* ---- GPUs ------------------------------------------------------------------------------------- */

enum { VENDOR_ANY, VENDOR_NVIDIA, VENDOR_AMD };

static int vendor_of(const struct cul_kind *kind, struct cul_slice uuid)
{
	struct cul_slice name = cul_str(kind->name);
	if (cul_starts(name, CUL_LIT("nvidia")) || cul_starts(name, CUL_LIT("dcgm")) || cul_starts(uuid, CUL_LIT("GPU-")))
		return VENDOR_NVIDIA;
	if (cul_starts(name, CUL_LIT("amd")) || cul_starts(name, CUL_LIT("rocm")) || cul_starts(name, CUL_LIT("kfd")))
		return VENDOR_AMD;
	return VENDOR_ANY;
}

static bool fits(const struct place_gpu *g, int host, int vendor)
{
	return g->host == host && (!vendor || !g->vendor || g->vendor == vendor);
}

static int find_gpu(const struct placing *p, int host, int vendor, struct cul_slice bdf, struct cul_slice uuid, int64_t index)
{
	for (size_t i = 0; bdf.size && i < p->gpu_count; i++)
		if (p->gpus[i].host == host && p->gpus[i].bdf && cul_is(cul_str(p->gpus[i].bdf), bdf))
			return (int)i;
	for (size_t i = 0; uuid.size && i < p->gpu_count; i++)
		if (p->gpus[i].uuid && cul_is_nocase(cul_str(p->gpus[i].uuid), uuid) && (p->gpus[i].host == host || host < 0))
			return (int)i;
	for (size_t i = 0; index >= 0 && !bdf.size && !uuid.size && i < p->gpu_count; i++)
		if (fits(&p->gpus[i], host, vendor) && p->gpus[i].index == index)
			return (int)i;
	return -1;
}

static int new_gpu(struct placing *p, int host, int vendor)
{
	if (p->gpu_count >= MOST_GPUS || !place_more(&p->gpus, p->gpu_count, &p->gpu_room, sizeof(*p->gpus)))
		return -1;
	p->gpus[p->gpu_count] = (struct place_gpu){ .host = host, .vendor = vendor, .index = -1 };
	return (int)p->gpu_count++;
}

/* An inventory's row: what it names is one GPU. */
static enum cul_status join_gpu(struct placing *p, struct placed *row, const struct cul_kind *kind, sqlite3_stmt *s)
{
	struct cul_slice bdf = column(s, 2), uuid = column(s, 3), name = column(s, 4), driver = column(s, 5);
	int64_t index = sqlite3_column_type(s, 1) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 1);
	if ((index < 0) + !bdf.size + !uuid.size > (name.size ? 2 : 1))
		return CUL_OK;
	int vendor = vendor_of(kind, uuid), at = find_gpu(p, row->host, vendor, bdf, uuid, index);
	if (at < 0 && index >= 0)
		/* the index alone, if nothing it says differs from what is known */
		for (size_t i = 0; i < p->gpu_count && at < 0; i++) {
			struct place_gpu *g = &p->gpus[i];
			if (fits(g, row->host, vendor) && g->index == index && (!bdf.size || !g->bdf) && (!uuid.size || !g->uuid))
				at = (int)i;
		}
	/* a program that was given some of the GPUs counts them anew: its index must not overrule the tool's */
	bool log = p->sections[row->section - 1].log;
	if (at < 0) {
		at = new_gpu(p, row->host, vendor);
		if (at < 0)
			return CUL_OK;
	}
	struct place_gpu *g = &p->gpus[at];
	if (!g->vendor)
		g->vendor = vendor;
	if (!g->bdf && bdf.size)
		g->bdf = cul_arena_copy(p->arena, bdf);
	if (!g->uuid && uuid.size)
		g->uuid = cul_arena_copy(p->arena, uuid);
	if (name.size && (!g->name || (name.size > strlen(g->name) && !cul_has(name, CUL_LIT("...")))))
		g->name = cul_arena_copy(p->arena, name);
	if (!g->driver && driver.size)
		g->driver = cul_arena_copy(p->arena, driver);
	if (g->index < 0 && index >= 0) {
		bool taken = false;
		for (size_t i = 0; log && i < p->gpu_count && !taken; i++)
			taken = fits(&p->gpus[i], row->host, vendor) && p->gpus[i].index == index;
		if (!taken)
			g->index = index;
	}
	return CUL_OK;
}

/* A row's GPU: by address, UUID, then index. One that no inventory holds is made. */
static enum cul_status resolve_gpu(struct placing *p, struct placed *row, const struct cul_kind *kind, sqlite3_stmt *s)
{
	struct cul_slice bdf = column(s, 2), uuid = column(s, 3);
	int64_t index = sqlite3_column_type(s, 1) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 1);
	if (!bdf.size && !uuid.size && index < 0)
		return CUL_OK;
	int vendor = vendor_of(kind, uuid), at = find_gpu(p, row->host, vendor, bdf, uuid, index);
	if (at < 0 && bdf.size && uuid.size)
		at = find_gpu(p, row->host, vendor, CUL_NONE, uuid, -1);
	if (at < 0) {
		at = new_gpu(p, row->host, vendor);
		if (at < 0)
			return CUL_OK;
		struct place_gpu *g = &p->gpus[at];
		g->bdf = bdf.size ? cul_arena_copy(p->arena, bdf) : NULL;
		g->uuid = uuid.size ? cul_arena_copy(p->arena, uuid) : NULL;
		g->index = bdf.size || uuid.size ? -1 : index;
	}
	row->gpu = at;
	return CUL_OK;
}

/* Other devices' rows (AER, link widths) speak of a GPU where they name its address. */
static enum cul_status device_gpu(struct placing *p, struct placed *row, const struct cul_kind *kind, sqlite3_stmt *s)
{
	char bdf[16];
	for (int i = 1; i <= 2 && row->gpu < 0; i++) {
		struct cul_slice text = column(s, i);
		if (text.size && cul_to_bdf(text, bdf))
			row->gpu = find_gpu(p, row->host, 0, cul_str(bdf), CUL_NONE, -1);
	}
	return CUL_OK;
}

/*
 * What only counts GPUs (an index) and what only names addresses meet where there is one of each; with several, where the
 * tool is nvidia-smi: it counts in the order of the addresses.
 */
static void pair_gpus(struct placing *p)
{
	for (size_t h = 0; h < p->host_count; h++) {
		int indexed[64], addressed[64];
		size_t indices = 0, addresses = 0;
		bool nvidia = true, mixed = false;
		for (size_t i = 0; i < p->gpu_count; i++) {
			const struct place_gpu *g = &p->gpus[i];
			if (g->host != (int)h)
				continue;
			if (g->bdf && g->index < 0 && addresses < 64)
				addressed[addresses++] = (int)i;
			else if (!g->bdf && g->index >= 0 && indices < 64)
				indexed[indices++] = (int)i;
			else
				mixed = true;
			nvidia &= g->vendor == VENDOR_NVIDIA;
		}
		if (mixed || !indices || indices != addresses || (indices > 1 && !nvidia))
			continue;
		for (size_t i = 0; i < indices; i++) {
			int index = -1, address = -1;
			for (size_t j = 0; j < indices; j++) {
				if (indexed[j] >= 0 && (index < 0 || p->gpus[indexed[j]].index < p->gpus[indexed[index]].index))
					index = (int)j;
				if (addressed[j] >= 0 && (address < 0 || strcmp(p->gpus[addressed[j]].bdf, p->gpus[addressed[address]].bdf) < 0))
					address = (int)j;
			}
			struct place_gpu *from = &p->gpus[indexed[index]], *to = &p->gpus[addressed[address]];
			int lost = indexed[index], kept = addressed[address];
			indexed[index] = addressed[address] = -1;
			if (from->vendor && to->vendor && from->vendor != to->vendor)
				continue;
			to->index = from->index;
			to->uuid = to->uuid ? to->uuid : from->uuid;
			to->name = to->name ? to->name : from->name;
			to->driver = to->driver ? to->driver : from->driver;
			from->host = INT_MAX; /* gone */
			for (size_t j = 0; j < p->count; j++)
				if (p->rows[j].gpu == lost)
					p->rows[j].gpu = kept;
		}
	}
}

struct gpu_order {
	struct place_gpu gpu;
	int was;
};

static int by_host_index(const void *a, const void *b)
{
	const struct place_gpu *x = &((const struct gpu_order *)a)->gpu, *y = &((const struct gpu_order *)b)->gpu;
	if (x->host != y->host)
		return x->host < y->host ? -1 : 1;
	if ((x->index < 0) != (y->index < 0))
		return x->index < 0 ? 1 : -1;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return strcmp(x->id, y->id);
}

static enum cul_status gpu_pass(struct placing *p, bool inventories, bool logs, const char *const *fields, size_t count,
				enum cul_status (*each)(struct placing *, struct placed *, const struct cul_kind *, sqlite3_stmt *))
{
	for (size_t i = 0; i < p->c->kind_count; i++) {
		const struct case_kind *k = p->c->kinds[i];
		if (!k->stored || !strcmp(k->kind->name, "record"))
			continue;
		bool any = false;
		for (size_t j = 0; j < count && j < 3; j++)
			any |= place_has(k->kind, fields[j]);
		if (!any || (inventories && k->kind->samples == logs))
			continue;
		enum cul_status status = place_each(p, k, fields, count, each);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

enum cul_status place_gpus(struct placing *p)
{
	static const char *const fields[] = { "gpu_index", "gpu_bdf", "gpu_uuid", "gpu_name", "driver_version" };
	static const char *const devices[] = { "device", "bdf" };
	/* what tools list comes before what logs say */
	enum cul_status status = gpu_pass(p, true, false, fields, 5, join_gpu);
	if (status == CUL_OK)
		status = gpu_pass(p, true, true, fields, 5, join_gpu);
	if (status == CUL_OK)
		status = gpu_pass(p, false, false, fields, 5, resolve_gpu);
	if (status == CUL_OK && p->gpu_count)
		status = gpu_pass(p, false, false, devices, 2, device_gpu);
	if (status != CUL_OK || !p->gpu_count)
		return status;
	pair_gpus(p);
	CUL_AUTO(cul_freep) struct gpu_order *sorted = calloc(p->gpu_count, sizeof(*sorted));
	CUL_AUTO(cul_freep) int *now = calloc(p->gpu_count, sizeof(*now));
	if (!sorted || !now)
		return cul_fail(p->err, CUL_ENOMEM, "gpus: out of memory");
	for (size_t i = 0; i < p->gpu_count; i++) {
		struct place_gpu *g = &p->gpus[i];
		g->id = g->bdf ? g->bdf : g->index >= 0 ? cul_arena_printf(p->arena, "gpu %lld", (long long)g->index) : g->uuid;
		if (!g->id)
			g->id = "gpu";
		sorted[i] = (struct gpu_order){ *g, (int)i };
	}
	qsort(sorted, p->gpu_count, sizeof(*sorted), by_host_index);
	for (size_t i = 0; i < p->gpu_count; i++) {
		p->gpus[i] = sorted[i].gpu;
		now[sorted[i].was] = (int)i;
	}
	for (size_t i = 0; i < p->count; i++)
		if (p->rows[i].gpu >= 0)
			p->rows[i].gpu = now[p->rows[i].gpu];
	while (p->gpu_count && p->gpus[p->gpu_count - 1].host == INT_MAX)
		p->gpu_count--;
	return CUL_OK;
}
