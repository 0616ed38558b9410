/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A kernel inside a dump, without its debuginfo: what the other files here stand on, and the order in which they come.
 *
 * VMCOREINFO leads to kallsyms, kallsyms (kfind.c where it has functions only) to BTF (between __start_BTF and __stop_BTF), and those
 * two to everything else. Each stage needs the ones before it; where one fails, dump.missing says so and what stands on it is left out.
 */
#include <stdio.h>

#include "parsers/dump/kernel.h"
#include "parsers/dump/ktask.h"

#define MOST_BTF (64u << 20)
#define MISSING_TOLD 24

/* ---- memory ---------------------------------------------------------------------------------------------------- */

bool cul_kread(const struct cul_kernel *k, uint64_t address, void *buffer, size_t size)
{
	return address && k->source.read(k->source.ctx, address, buffer, size);
}

uint64_t cul_kread_u64(const struct cul_kernel *k, uint64_t address)
{
	uint64_t v;

	return cul_kread(k, address, &v, sizeof(v)) ? v : 0;
}

uint32_t cul_kread_u32(const struct cul_kernel *k, uint64_t address)
{
	uint32_t v;

	return cul_kread(k, address, &v, sizeof(v)) ? v : 0;
}

bool cul_kread_text(const struct cul_kernel *k, uint64_t address, char *out, size_t size)
{
	size_t have = 0;

	while (have + 1 < size) {
		size_t n = 4096 - (address + have) % 4096, end;

		if (n > size - 1 - have)
			n = size - 1 - have;
		if (!cul_kread(k, address + have, out + have, n))
			break;
		end = strnlen(out + have, n);
		have += end;
		if (end < n)
			break;
	}
	out[have] = 0;
	for (size_t i = 0; i < have; i++)
		if (out[i] < 0x20 || out[i] > 0x7e)
			out[i] = '?';
	return have > 0;
}

bool cul_ksymbol(const struct cul_kernel *k, const char *name, uint64_t *ret)
{
	return cul_kallsyms_find(&k->syms, name, ret) || cul_kfound_at(k, name, ret) || k->source.symbol(k->source.ctx, name, ret);
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

bool cul_kname_at(struct cul_kernel *k, uint64_t address, bool exact, struct cul_kname *ret)
{
	/* a call that never returns is the last instruction of its function: the address behind belongs to the next */
	uint64_t at = exact ? address : address - 1;
	struct cul_kmodule *module = cul_kmodule_at(k, at);
	struct cul_ksymbol symbol;

	if (k->text_only && !cul_ktext(k, at)) /* modules then keep names of functions only, too */
		return false;
	if (module ? !cul_kmodule_symbol(k, module, at, &symbol) : !cul_kallsyms_at(&k->syms, at, &symbol))
		return false;
	if (!module && (symbol.size > (1u << 30) || address - symbol.start > (1u << 30)))
		return false;
	snprintf(ret->name, sizeof(ret->name), "%s", symbol.name);
	ret->module = module ? module->name : NULL;
	ret->offset = address - symbol.start;
	ret->size = symbol.size;
	return true;
}

void cul_kname_print(struct cul_kernel *k, uint64_t address, char *out, size_t size)
{
	struct cul_kname name;

	*out = 0;
	if (cul_kname_at(k, address, true, &name))
		snprintf(out, size, "%s+0x%llx%s%s%s", name.name, (unsigned long long)name.offset, name.module ? " [" : "",
			 name.module ? name.module : "", name.module ? "]" : "");
}

/* ---- telling ---------------------------------------------------------------------------------------------------- */

enum cul_status cul_kmissing(struct cul_kernel *k, const char *stage, const char *why)
{
	if (k->missing++ >= MISSING_TOLD)
		return CUL_OK;
	return cul_kmem_missing(k->parse, k->mem, stage, why);
}

struct cul_record cul_krecord(const struct cul_kernel *k, const char *text)
{
	struct cul_record rec = cul_dump_record(k->parse, k->time, cul_str(text));

	rec.unit = CUL_LIT("kernel");
	rec.kernel = true;
	return rec;
}

/* ---- the stages --------------------------------------------------------------------------------------------------- */

static bool load_types(struct cul_kernel *k, const char **why)
{
	uint64_t start, stop;
	uint8_t *data;

	if (!cul_ksymbol(k, "__start_BTF", &start) || !cul_ksymbol(k, "__stop_BTF", &stop)) {
		*why = k->text_only ? "kallsyms has functions only (CONFIG_KALLSYMS_ALL), and no BTF was found in the image" :
				      "this kernel was built without BTF (CONFIG_DEBUG_INFO_BTF)";
		return false;
	}
	if (stop <= start || stop - start > MOST_BTF || stop - start > k->source.most) {
		*why = "BTF: a size that can't be";
		return false;
	}
	data = cul_arena_get(k->arena, stop - start);
	if (!data || !cul_kread(k, start, data, stop - start)) {
		*why = data ? "BTF is not all in the dump" : "BTF: out of memory";
		return false;
	}
	return cul_btf_load(&k->btf, data, stop - start, NULL, k->arena, why);
}

static bool read_virtual(void *ctx, uint64_t address, void *buffer, size_t size)
{
	return cul_kmem_virt(ctx, address, buffer, size);
}

static bool find_symbol(void *ctx, const char *name, uint64_t *ret)
{
	return cul_kmem_symbol(ctx, name, ret);
}

/* the newest run queue's clock: the time that the log's time stamps are in */
static void load_clock(struct cul_kernel *k)
{
	uint64_t queues, offsets;
	int64_t clock = cul_koffset(k, "rq", "clock");
	uint32_t cpus = CUL_K_CPUS;
	uint64_t at;

	if (clock < 0 || !cul_ksymbol(k, "runqueues", &queues) || !cul_ksymbol(k, "__per_cpu_offset", &offsets))
		return;
	if (cul_ksymbol(k, "nr_cpu_ids", &at) && cul_kread_u32(k, at) && cul_kread_u32(k, at) < cpus)
		cpus = cul_kread_u32(k, at);
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		uint64_t base = cul_kread_u64(k, offsets + 8 * (uint64_t)cpu), ns;

		if (!cul_kaddress(base + queues))
			continue;
		ns = cul_kread_u64(k, base + queues + (uint64_t)clock);
		if (ns > k->clock_ns && ns < (uint64_t)INT64_MAX / 2)
			k->clock_ns = ns;
	}
	/* the dump was taken at that time of the log, whatever the wall clock said */
	if (k->time.ns == CUL_NO_TIME && k->clock_ns)
		k->time = (struct cul_time){ .ns = (int64_t)k->clock_ns, .clock = CUL_CLOCK_BOOT };
}

static enum cul_status stages(struct cul_kernel *k)
{
	const char *why = NULL;
	enum cul_status status;

	if (!cul_kmem_levels(k->mem))
		return cul_kmissing(k, "symbols", "kernel addresses can't be translated");
	if (!cul_kallsyms_load(&k->syms, &k->source, k->arena, &why))
		return cul_kmissing(k, "symbols", why);
	cul_ksymbol(k, "_stext", &k->stext);
	cul_ksymbol(k, "_etext", &k->etext);
	cul_ksymbol(k, "_sinittext", &k->sinittext);
	cul_ksymbol(k, "_einittext", &k->einittext);
	cul_kfind_symbols(k);
	if (!load_types(k, &why))
		return cul_kmissing(k, "types", why);
	cul_kfind_lists(k);
	load_clock(k);
	if (!cul_kmodules_load(k, &why)) {
		status = cul_kmissing(k, "modules", why);
		if (status != CUL_OK)
			return status;
	}
	if (!cul_korc_load(k, &why)) {
		status = cul_kmissing(k, "stacks", why);
		if (status != CUL_OK)
			return status;
	}
	if (!cul_ktasks_load(k, &why))
		return cul_kmissing(k, "tasks", why);
	cul_ktasks_unwind(k);
	status = cul_kinfo_tell(k);
	if (status == CUL_OK)
		status = cul_kmodules_tell(k);
	if (status == CUL_OK)
		status = cul_ktasks_tell(k);
	return status == CUL_OK ? cul_klocks_tell(k) : status;
}

enum cul_status cul_vmcore_tasks(struct cul_parse *parse, struct cul_kmem *kmem)
{
	struct cul_arena *arena = cul_arena_new();
	struct cul_kernel *k = arena ? cul_arena_get(arena, sizeof(*k)) : NULL;
	enum cul_status status = CUL_ENOMEM;

	if (k) {
		*k = (struct cul_kernel){ .parse = parse, .mem = kmem, .arena = arena, .time = cul_kmem_crash_time(kmem),
					  .source = { read_virtual, find_symbol, kmem, 1u << 30 } };
		status = stages(k);
	}
	if (arena)
		cul_arena_free(arena);
	return status;
}
