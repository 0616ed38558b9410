/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Goroutines of a Go program in its core, without the binary.
 *
 * The version stands in .go.buildinfo (since 1.13; the text itself since 1.18), which is data: "\xff Go buildinf:", pointer size, flags, at 32 a
 * length and "go1.22.3" (cmd/go's debug/buildinfo). runtime.allgs is a slice in .bss whose elements are g structures, and a g
 * names itself: g.sched.g is its own address (src/runtime/runtime2.go: stack lo and hi at 0 and 8; sched, a gobuf, at 56: sp, pc, g). Where
 * atomicstatus and goid stand differs by version (144 and 152; 152 and 160 in 1.23 and 1.24): the place is taken at which every one has
 * a status that exists and a number. Go keeps frame pointers on x86-64 and arm64: callers are a chain, told as file+offset. Names
 * lie in pages that a core leaves out; a debugger has them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/dump/core_notes.h"
#include "parsers/tables.h"

#define SEARCH (64u << 20)
#define OVERLAP 256
#define GOROUTINES (1u << 16) /* that are looked at */
#define CHECKED 8             /* which have to fit for a slice to be the one */
#define DEEP 12               /* callers */
#define GROUPS 64             /* of equal stacks that are told */
#define TRIES 100000

const struct cul_kind cul_kind_core_goroutines = {
	.name = "core.goroutines",
	.version = 1,
	.stream = "elf_core",
	.samples = true,
	.fields = (const struct cul_field *const[]){ F_PID, F_COMM, F_VERSION, F_COUNT, F_GOROUTINE, F_STATUS, F_FRAMES, NULL },
};

struct goroutine {
	uint64_t hash, id;
	uint64_t at[DEEP];
	size_t frames;
	int status;
};

struct go {
	const struct cul_core *core;
	char version[40];
	uint64_t all, count;
	size_t status, tries;
};

static const char *status_name(int status)
{
	static const char *const names[] = { "idle", "runnable", "running", "in a system call", "waiting", NULL, "dead", NULL, "copying its stack", "preempted" };
	status &= ~0x1000; /* being scanned by the collector */
	return status >= 0 && (size_t)status < sizeof(names) / sizeof(names[0]) ? names[status] : NULL;
}

/* Is @at a g? */
static bool is_g(struct go *go, uint64_t at, unsigned char g[192])
{
	uint64_t low, high;
	if (!go->tries || at & 7 || at < 4096)
		return false;
	go->tries--;
	if (cul_core_read(go->core, at, g, 192) != 192 || cul_core_u64(g + 72) != at)
		return false;
	low = cul_core_u64(g);
	high = cul_core_u64(g + 8);
	return low <= high && high - low <= UINT64_C(1) << 30; /* none: it is dead */
}

static bool fits(struct go *go, size_t status)
{
	unsigned char g[192];
	uint64_t at;
	size_t n = go->count < 64 ? (size_t)go->count : 64;
	for (size_t i = 0; i < n; i++) {
		if (!cul_core_word(go->core, go->all + 8 * i, &at) || !is_g(go, at, g) || !status_name((int)cul_core_u32(g + status)))
			return false;
		uint64_t id = cul_core_u64(g + status + 8);
		/* the first is main's; idle is none that waits in the list */
		if (!id || id > UINT64_C(1) << 40 || (!i && id != 1) || !(cul_core_u32(g + status) & ~0x1000u))
			return false;
	}
	return true;
}

static bool is_slice(struct go *go, const unsigned char *p)
{
	unsigned char g[192];
	uint64_t at;
	go->all = cul_core_u64(p);
	go->count = cul_core_u64(p + 8);
	if (!go->count || go->count > cul_core_u64(p + 16) || cul_core_u64(p + 16) > 1u << 26 || go->all & 7 || go->all < 4096)
		return false;
	for (size_t i = 0; i < go->count && i < CHECKED; i++)
		if (!go->tries || !cul_core_word(go->core, go->all + 8 * i, &at) || !is_g(go, at, g))
			return go->tries -= go->tries > 0, false;
	for (go->status = 144; go->status <= 152; go->status += 8)
		if (fits(go, go->status))
			return true;
	return false;
}

static void take_version(struct go *go, const unsigned char *p, size_t left)
{
	size_t n = left > 33 ? p[32] : 0, i = 0;
	if (n < 3 || n >= sizeof(go->version) || left < 33 + n || !(p[15] & 2) || memcmp(p + 33, "go", 2)) {
		snprintf(go->version, sizeof(go->version), "go");
		return;
	}
	for (; i < n; i++)
		go->version[i] = p[33 + i] > ' ' && p[33 + i] < 0x7f ? (char)p[33 + i] : '_';
	go->version[i] = 0;
}

static bool find_version(void *ctx, const unsigned char *block, size_t size, uint64_t at)
{
	const unsigned char *p = memmem(block, size, "\xff Go buildinf:", 14);
	(void)at;
	if (!p || (p - block) & 15)
		return false;
	take_version(ctx, p, (size_t)(block + size - p));
	return true;
}

static bool find_slice(void *ctx, const unsigned char *block, size_t size, uint64_t at)
{
	(void)at;
	for (size_t k = 0; k + 24 <= size; k += 8)
		if ((block[k] & 7) == 0 && is_slice(ctx, block + k))
			return true;
	return false;
}

static int by_stack(const void *a, const void *b)
{
	const struct goroutine *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void take_goroutine(struct go *go, const unsigned char *g, struct goroutine *to)
{
	uint64_t low = cul_core_u64(g), high = cul_core_u64(g + 8), sp = cul_core_u64(g + 56), fp, ret;
	*to = (struct goroutine){ .id = cul_core_u64(g + go->status + 8), .status = (int)cul_core_u32(g + go->status) & ~0x1000 };
	if (to->status != 2 && sp >= low && sp < high) { /* a running one's are in its thread's registers */
		to->at[to->frames++] = cul_core_u64(g + 64);
		/* gobuf's last word; 1.25 has one word less before it */
		fp = cul_core_u64(g + 104);
		if (fp < sp || fp >= high)
			fp = cul_core_u64(g + 96);
		while (to->frames < DEEP && !(fp & 7) && fp >= sp && fp + 16 <= high && cul_core_word(go->core, fp + 8, &ret) && ret) {
			to->at[to->frames++] = ret;
			sp = fp + 16;
			if (!cul_core_word(go->core, fp, &fp))
				break;
		}
	}
	to->hash = UINT64_C(14695981039346656037) ^ (uint64_t)to->status;
	for (size_t i = 0; i < to->frames; i++)
		to->hash = (to->hash ^ to->at[i]) * UINT64_C(1099511628211);
}

static enum cul_status tell_group(struct cul_parse *parse, const struct go *go, const struct goroutine *g, size_t count, struct cul_time time)
{
	char frames[2048], text[700], place[280];
	const char *status = status_name(g->status);
	size_t n = 0;
	for (size_t i = 0; i < g->frames && n + 100 < sizeof(frames); i++) {
		cul_core_place(go->core, g->at[i], place, sizeof(place));
		for (char *c = place; *c; c++)
			if (*c == ' ') /* "[no code]" */
				*c = '_';
		n += (size_t)snprintf(frames + n, sizeof(frames) - n, "%s%.90s", i ? " " : "", place);
	}
	frames[n] = 0;
	snprintf(text, sizeof(text), "%s: %zu goroutine%s %s, %s%llu: %.500s", go->version, count, count == 1 ? "" : "s", status ? status : "?",
		 count == 1 ? "" : "the first is ", (unsigned long long)g->id, frames);
	struct cul_record rec = cul_dump_record(parse, time, cul_str(text));
	return cul_emit(parse, &rec, "core.goroutines", cul_int("pid", go->core->pid), cul_string("comm", go->core->comm[0] ? go->core->comm : NULL),
			cul_string("version", go->version), cul_int("count", (int64_t)count), cul_int("goroutine", (int64_t)g->id), cul_string("status", status),
			cul_text("frames", cul_slice(frames, n)));
}

static int by_count(const void *a, const void *b)
{
	const size_t *x = a, *y = b;
	return x[1] != y[1] ? (x[1] > y[1] ? -1 : 1) : x[0] < y[0] ? -1 : 1;
}

static enum cul_status tell_all(struct cul_parse *parse, struct go *go, struct cul_time time)
{
	size_t room = go->count < GOROUTINES ? (size_t)go->count : GOROUTINES, n = 0, groups = 0;
	struct goroutine *all = calloc(room, sizeof(*all));
	size_t (*group)[2] = calloc(room, sizeof(*group)); /* first, how many */
	enum cul_status status = all && group ? CUL_OK : CUL_ENOMEM;
	unsigned char g[192];
	uint64_t at;
	go->tries = GOROUTINES;
	for (size_t i = 0; status == CUL_OK && i < room; i++)
		if (cul_core_word(go->core, go->all + 8 * i, &at) && is_g(go, at, g) && (cul_core_u32(g + go->status) & ~0x1000u) != 6)
			take_goroutine(go, g, &all[n++]);
	if (status == CUL_OK)
		qsort(all, n, sizeof(*all), by_stack);
	for (size_t i = 0; status == CUL_OK && i < n; i++) {
		if (!i || all[i].hash != all[i - 1].hash)
			group[groups++][0] = i;
		group[groups - 1][1]++;
	}
	if (status == CUL_OK)
		qsort(group, groups, sizeof(*group), by_count);
	for (size_t i = 0; status == CUL_OK && i < groups && i < GROUPS; i++)
		status = tell_group(parse, go, &all[group[i][0]], group[i][1], time);
	free(all);
	free(group);
	return status;
}

enum cul_status cul_core_go(struct cul_parse *parse, const struct cul_core *core, struct cul_time time, char why[200])
{
	struct go go = { .core = core, .tries = TRIES };
	why[0] = 0;
	size_t left = SEARCH;
	if (!cul_core_search(core, NULL, OVERLAP, &left, find_version, &go))
		return CUL_OK;
	left = SEARCH;
	bool found = cul_core_search(core, NULL, OVERLAP, &left, find_slice, &go);
	snprintf(why, 200, found ? "a Go program (%s): goroutines without their functions' names; dlv core PROGRAM CORE has them"
				 : "a Go program (%s): its goroutines are not read; dlv core PROGRAM CORE has them", go.version);
	return found ? tell_all(parse, &go, time) : CUL_OK;
}
