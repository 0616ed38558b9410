/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Variables of a kernel whose kallsyms names functions only (CONFIG_KALLSYMS_ALL off: Debian's arm64 kernels up to 6.1).
 *
 * What is exported to modules stands in __ksymtab (include/linux/export-internal.h, since 4.19 struct kernel_symbol of relative
 * offsets: s32 value, s32 name, since 5.4 s32 namespace): the image behind the text is searched for the name, then for the entry that
 * points to it. BTF is found by how it begins, the largest of them; run queues and super blocks along pointers from init_task.
 */
#include <stdlib.h>

#include "parsers/dump/kernel.h"

#define MOST_IMAGE (96u << 20) /* behind the text */
#define MOST_GAP (16u << 20)   /* what is not there in a row: the image ends (init memory is freed) */
#define MOST_BTF (64u << 20)
#define PLACES 256	       /* where names stand, of all */
#define PAGE 4096
#define NAME 32		       /* longest name wanted, with its NUL */

static const char *const wanted[] = { "init_task", "__per_cpu_offset", "nr_cpu_ids", "avenrun", "_totalram_pages", "vm_zone_stat", "vm_node_stat" };

#define WANTED (sizeof(wanted) / sizeof(*wanted))

struct place {
	uint64_t address;
	const char *name;
};

struct finding {
	struct cul_kernel *k;
	struct place places[PLACES];
	size_t count;
	uint64_t btf, btf_size;
	uint32_t before; /* the word in front of a page */
	bool has_before;
};

static void found(struct cul_kernel *k, const char *name, uint64_t value)
{
	if (k->found_count < sizeof(k->found) / sizeof(*k->found))
		k->found[k->found_count++] = (struct cul_kfound){ name, value };
}

bool cul_kfound_at(const struct cul_kernel *k, const char *name, uint64_t *ret)
{
	for (unsigned i = 0; i < k->found_count; i++)
		if (!strcmp(k->found[i].name, name)) {
			*ret = k->found[i].value;
			return true;
		}
	return false;
}

/* ---- through the image --------------------------------------------------------------------------------------------------- */

/* @page of bytes at @address, NAME of those in front of it included; what stands in it */
static void look_for_names(struct finding *f, uint64_t address, const char *page, size_t size)
{
	for (size_t i = 0; i < WANTED; i++) {
		struct cul_slice rest = cul_slice(page, size), name = cul_slice(wanted[i], strlen(wanted[i]) + 1);
		size_t hit;

		/* one that ends in the bytes in front was seen there */
		while (f->count < PLACES && (hit = cul_find(rest, name)) != SIZE_MAX) {
			size_t at = (size_t)(rest.data - page) + hit;

			if (at + name.size > NAME)
				f->places[f->count++] = (struct place){ address + at, wanted[i] };
			rest = cul_from(rest, hit + 1);
		}
	}
}

/* struct btf_header: magic and version, its length, types from 0, strings right behind them */
static void look_for_btf(struct finding *f, uint64_t address)
{
	uint32_t h[6];
	uint64_t size;

	if (!cul_kread(f->k, address, h, sizeof(h)) || h[1] != sizeof(h) || h[2] || h[4] != h[3])
		return;
	size = sizeof(h) + (uint64_t)h[3] + h[5];
	if (size > f->btf_size && size <= MOST_BTF) {
		f->btf = address;
		f->btf_size = size;
	}
}

static void look_at_words(struct finding *f, uint64_t address, const uint32_t *words)
{
	for (size_t i = 0; i < PAGE / 4; i++)
		if (words[i] == 0x0001eb9f)
			look_for_btf(f, address + 4 * i);
}

static void look_for_entries(struct finding *f, uint64_t address, const uint32_t *words)
{
	for (size_t i = 0; i < PAGE / 4; i++) {
		uint64_t at = address + 4 * i, to = at + (uint64_t)(int64_t)(int32_t)words[i], value, known;

		if (to < f->places[0].address || to > f->places[f->count - 1].address || (!i && !f->has_before))
			continue;
		value = at - 4 + (uint64_t)(int64_t)(int32_t)(i ? words[i - 1] : f->before);
		if (value < f->k->stext || value >= f->k->image_end)
			continue;
		for (size_t p = 0; p < f->count; p++)
			if (f->places[p].address == to && !cul_kfound_at(f->k, f->places[p].name, &known))
				found(f->k, f->places[p].name, value);
	}
}

/* both passes: first names and BTF, then the entries that point to names */
static void through_image(struct finding *f, bool entries)
{
	struct cul_kernel *k = f->k;
	uint64_t start = (k->etext + PAGE - 1) & ~(uint64_t)(PAGE - 1), most = MOST_IMAGE < k->source.most ? MOST_IMAGE : k->source.most;
	uint64_t end = entries ? k->image_end : start + most;
	union {
		char bytes[NAME + PAGE];
		uint32_t words[(NAME + PAGE) / 4];
	} window;
	uint64_t gap = 0;

	memset(window.bytes, 0xff, NAME);
	f->has_before = false;
	for (uint64_t at = start; at < end && gap < MOST_GAP; at += PAGE) {
		if (!cul_kread(k, at, window.bytes + NAME, PAGE)) {
			memset(window.bytes, 0xff, NAME);
			f->has_before = false;
			gap += PAGE;
			continue;
		}
		gap = 0;
		if (entries) {
			look_for_entries(f, at, window.words + NAME / 4);
		} else {
			look_for_names(f, at - NAME, window.bytes, sizeof(window.bytes));
			look_at_words(f, at, window.words + NAME / 4);
			k->image_end = at + PAGE;
		}
		f->before = window.words[(NAME + PAGE) / 4 - 1];
		f->has_before = true;
		memcpy(window.bytes, window.bytes + PAGE, NAME);
	}
}

static int by_address(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

void cul_kfind_symbols(struct cul_kernel *k)
{
	struct finding *f = cul_arena_get(k->arena, sizeof(*f));
	uint64_t at;

	if (!f || !k->etext || cul_ksymbol(k, "init_task", &at))
		return;
	*f = (struct finding){ .k = k };
	k->text_only = true;
	k->image_end = k->etext;
	through_image(f, false);
	if (f->count) {
		qsort(f->places, f->count, sizeof(*f->places), by_address);
		through_image(f, true);
	}
	if (f->btf) {
		found(k, "__start_BTF", f->btf);
		found(k, "__stop_BTF", f->btf + f->btf_size);
	}
}

/* ---- along pointers ------------------------------------------------------------------------------------------------------- */

/* the run queue that init_task was on says of which CPU it is */
static void find_queues(struct cul_kernel *k, uint64_t init)
{
	int64_t group = cul_koffset(k, "task_struct", "se.cfs_rq"), queue = cul_koffset(k, "cfs_rq", "rq"), number = cul_koffset(k, "rq", "cpu");
	int64_t current = cul_koffset(k, "rq", "curr");
	uint64_t offsets, at, base;
	uint32_t cpu;

	if (group < 0 || queue < 0 || number < 0 || current < 0 || !cul_ksymbol(k, "__per_cpu_offset", &offsets))
		return;
	at = cul_kread_u64(k, init + (uint64_t)group);
	at = cul_kaddress(at) ? cul_kread_u64(k, at + (uint64_t)queue) : 0;
	if (!cul_kaddress(at) || !cul_kread(k, at + (uint64_t)number, &cpu, 4) || cpu >= CUL_K_CPUS ||
	    !cul_kaddress(cul_kread_u64(k, at + (uint64_t)current)))
		return;
	base = cul_kread_u64(k, offsets + 8 * (uint64_t)cpu);
	if (base)
		found(k, "runqueues", at - base);
}

/* the circle that init_task's root file system is in: its head lies in the image */
static void find_supers(struct cul_kernel *k, uint64_t init)
{
	int64_t fs = cul_koffset(k, "task_struct", "fs"), root = cul_koffset(k, "fs_struct", "root.mnt");
	int64_t super = cul_koffset(k, "vfsmount", "mnt_sb"), list = cul_koffset(k, "super_block", "s_list");
	uint64_t at;

	if (fs < 0 || root < 0 || super < 0 || list < 0)
		return;
	at = cul_kread_u64(k, init + (uint64_t)fs);
	at = cul_kaddress(at) ? cul_kread_u64(k, at + (uint64_t)root) : 0;
	at = cul_kaddress(at) ? cul_kread_u64(k, at + (uint64_t)super) : 0;
	at = cul_kaddress(at) ? at + (uint64_t)list : 0;
	for (int steps = 0; steps < CUL_K_LIST && cul_kaddress(at); steps++) {
		if (at >= k->etext && at < k->image_end) {
			found(k, "super_blocks", at);
			return;
		}
		at = cul_kread_u64(k, at);
	}
}

void cul_kfind_lists(struct cul_kernel *k)
{
	uint64_t init;

	if (!k->text_only || !cul_kfound_at(k, "init_task", &init))
		return;
	find_queues(k, init);
	find_supers(k, init);
}
