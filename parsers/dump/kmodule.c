/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The modules that a kernel has loaded: where they lie, their symbols, unwind tables and types.
 *
 * The list `modules` of struct module (include/linux/module.h). Memory: core_layout and init_layout up to 6.3, mem[] by
 * enum mod_mem_type since 6.4. Symbols: struct mod_kallsyms with ELF symbols; while a module comes up they lie in its init part.
 * A module that is being built (MODULE_STATE_UNFORMED) has none of it yet.
 */
#include <stdio.h>
#include <stdlib.h>

#include "parsers/dump/kernel.h"

#define MOST_SYMBOLS 500000
#define MOST_SYMBOLS_ALL 1000000
#define SYMBOL_SIZE 24 /* Elf64_Sym */
#define SYMBOL_NAMES (16u << 20)
#define MOST_MODULE_BTF (16u << 20)

struct offsets {
	int64_t list, name, state, kallsyms, taints, version, orc_ip, orc, orcs, btf_data, btf_size;
	int64_t symtab, symbols, strtab;
	int64_t core, init, layout_base, layout_size, layout_text; /* up to 6.3 */
	int64_t mem, mem_base, mem_size, mem_stride, mem_text, mem_init_text, mem_types;
};

static bool load_offsets(const struct cul_kernel *k, struct offsets *o)
{
	*o = (struct offsets){
		.list = cul_koffset(k, "module", "list"), .name = cul_koffset(k, "module", "name"),
		.state = cul_koffset(k, "module", "state"), .kallsyms = cul_koffset(k, "module", "kallsyms"),
		.taints = cul_koffset(k, "module", "taints"), .version = cul_koffset(k, "module", "version"),
		.orc_ip = cul_koffset(k, "module", "arch.orc_unwind_ip"), .orc = cul_koffset(k, "module", "arch.orc_unwind"),
		.orcs = cul_koffset(k, "module", "arch.num_orcs"), .btf_data = cul_koffset(k, "module", "btf_data"),
		.btf_size = cul_koffset(k, "module", "btf_data_size"), .symtab = cul_koffset(k, "mod_kallsyms", "symtab"),
		.symbols = cul_koffset(k, "mod_kallsyms", "num_symtab"), .strtab = cul_koffset(k, "mod_kallsyms", "strtab"),
		.core = cul_koffset(k, "module", "core_layout"), .init = cul_koffset(k, "module", "init_layout"),
		.layout_base = cul_koffset(k, "module_layout", "base"), .layout_size = cul_koffset(k, "module_layout", "size"),
		.layout_text = cul_koffset(k, "module_layout", "text_size"), .mem = cul_koffset(k, "module", "mem"),
		.mem_base = cul_koffset(k, "module_memory", "base"), .mem_size = cul_koffset(k, "module_memory", "size"),
		.mem_stride = cul_btf_size(&k->btf, "module_memory"), .mem_init_text = 4, .mem_types = 7,
	};
	cul_btf_enumerator(&k->btf, "mod_mem_type", "MOD_TEXT", &o->mem_text);
	cul_btf_enumerator(&k->btf, "mod_mem_type", "MOD_INIT_TEXT", &o->mem_init_text);
	cul_btf_enumerator(&k->btf, "mod_mem_type", "MOD_MEM_NUM_TYPES", &o->mem_types);
	return o->list >= 0 && o->name >= 0 &&
	       ((o->core >= 0 && o->layout_base >= 0 && o->layout_size >= 0) ||
		(o->mem >= 0 && o->mem_base >= 0 && o->mem_size >= 0 && o->mem_stride > 0));
}

static void add_region(struct cul_kmodule *m, uint64_t base, uint32_t size, bool text)
{
	if (cul_kaddress(base) && size && size < (1u << 28) && m->region_count < sizeof(m->regions) / sizeof(*m->regions))
		m->regions[m->region_count++] = (struct cul_kregion){ base, size, text };
}

static void add_layout(const struct cul_kernel *k, const struct offsets *o, struct cul_kmodule *m, uint64_t at)
{
	uint64_t base = cul_kread_u64(k, at + (uint64_t)o->layout_base);
	uint32_t size = cul_kread_u32(k, at + (uint64_t)o->layout_size);
	uint32_t text = o->layout_text >= 0 ? cul_kread_u32(k, at + (uint64_t)o->layout_text) : size;

	if (text > size)
		text = size;
	add_region(m, base, text, true);
	if (text < size)
		add_region(m, base + text, size - text, false);
}

static bool read_module(const struct cul_kernel *k, const struct offsets *o, uint64_t at, struct cul_kmodule *m)
{
	uint64_t kallsyms, version;

	*m = (struct cul_kmodule){ .address = at };
	if (!cul_kread_text(k, at + (uint64_t)o->name, m->name, 57))
		return false;
	m->state = o->state >= 0 ? cul_kread_u32(k, at + (uint64_t)o->state) : 0;
	if (m->state > 2)
		return false;
	if (o->mem >= 0) {
		for (int64_t i = 0; i < o->mem_types && i < 8; i++) {
			uint64_t mem = at + (uint64_t)(o->mem + i * o->mem_stride);

			add_region(m, cul_kread_u64(k, mem + (uint64_t)o->mem_base), cul_kread_u32(k, mem + (uint64_t)o->mem_size),
				   i == o->mem_text || i == o->mem_init_text);
		}
	} else {
		add_layout(k, o, m, at + (uint64_t)o->core);
		if (o->init >= 0)
			add_layout(k, o, m, at + (uint64_t)o->init);
	}
	if (o->kallsyms >= 0 && o->symtab >= 0 && o->symbols >= 0 && o->strtab >= 0) {
		kallsyms = cul_kread_u64(k, at + (uint64_t)o->kallsyms);
		if (cul_kaddress(kallsyms)) {
			m->symtab = cul_kread_u64(k, kallsyms + (uint64_t)o->symtab);
			m->symbols = cul_kread_u32(k, kallsyms + (uint64_t)o->symbols);
			m->strtab = cul_kread_u64(k, kallsyms + (uint64_t)o->strtab);
		}
	}
	if (o->orc_ip >= 0 && o->orc >= 0 && o->orcs >= 0) {
		m->orc_ip = cul_kread_u64(k, at + (uint64_t)o->orc_ip);
		m->orc = cul_kread_u64(k, at + (uint64_t)o->orc);
		m->orcs = cul_kread_u32(k, at + (uint64_t)o->orcs);
	}
	if (o->btf_data >= 0 && o->btf_size >= 0) {
		m->btf_data = cul_kread_u64(k, at + (uint64_t)o->btf_data);
		m->btf_size = cul_kread_u32(k, at + (uint64_t)o->btf_size);
	}
	if (o->taints >= 0)
		m->taints = cul_kread_u64(k, at + (uint64_t)o->taints);
	if (o->version >= 0) {
		version = cul_kread_u64(k, at + (uint64_t)o->version);
		if (cul_kaddress(version))
			cul_kread_text(k, version, m->version, sizeof(m->version));
	}
	return m->region_count > 0;
}

static void widen(struct cul_kernel *k, const struct cul_kmodule *m)
{
	for (unsigned r = 0; r < m->region_count; r++) {
		uint64_t end = m->regions[r].base + m->regions[r].size;

		if (!k->module_high || m->regions[r].base < k->module_low)
			k->module_low = m->regions[r].base;
		if (end > k->module_high)
			k->module_high = end;
	}
}

/* a name as Kbuild makes it, and memory of its own that the struct itself lies in */
static bool is_module(const struct cul_kmodule *m)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	bool inside = false;

	for (unsigned r = 0; r < m->region_count; r++)
		if (m->address - m->regions[r].base < m->regions[r].size)
			inside = true;
	return inside && m->regions[0].base % 4096 == 0 && m->name[0] && !m->name[strspn(m->name, letters)];
}

/* kallsyms has functions only: the list's head is the one in the image that leads to a struct module and back */
static bool find_list(const struct cul_kernel *k, const struct offsets *o, uint64_t *head)
{
	struct cul_kmodule trial;
	uint64_t words[512];

	for (uint64_t page = k->etext & ~UINT64_C(4095); page < k->image_end; page += 4096) {
		if (!cul_kread(k, page, words, 4096))
			continue;
		for (size_t i = 0; i + 1 < 512; i++) {
			uint64_t at = page + 8 * i, next = words[i], back = words[i + 1];

			if (!cul_kaddress(next) || !cul_kaddress(back) || next % 8 || back % 8 || next - k->stext < k->image_end - k->stext ||
			    cul_kread_u64(k, next + 8) != at || cul_kread_u64(k, back) != at ||
			    !read_module(k, o, next - (uint64_t)o->list, &trial) || !is_module(&trial))
				continue;
			*head = at;
			return true;
		}
	}
	return false;
}

bool cul_kmodules_load(struct cul_kernel *k, const char **why)
{
	struct offsets o;
	uint64_t head, at;
	uint32_t steps = 0;

	if (!load_offsets(k, &o) || !(k->text_only ? find_list(k, &o, &head) : cul_ksymbol(k, "modules", &head))) {
		*why = "no list of modules, or in a form that is not known";
		return false;
	}
	k->modules = cul_arena_get(k->arena, CUL_K_MODULES * sizeof(*k->modules));
	if (!k->modules) {
		*why = "out of memory";
		return false;
	}
	for (at = cul_kread_u64(k, head); at != head && k->module_count < CUL_K_MODULES && steps < 2 * CUL_K_MODULES; steps++) {
		if (!cul_kaddress(at)) {
			*why = "the list of modules breaks off";
			return false;
		}
		if (read_module(k, &o, at - (uint64_t)o.list, &k->modules[k->module_count]))
			widen(k, &k->modules[k->module_count++]);
		at = cul_kread_u64(k, at);
	}
	if (at != head) {
		*why = "the list of modules has no end";
		return false;
	}
	return true;
}

struct cul_kmodule *cul_kmodule_at(const struct cul_kernel *k, uint64_t address)
{
	if (address < k->module_low || address >= k->module_high)
		return NULL;
	for (uint32_t i = 0; i < k->module_count; i++)
		for (unsigned r = 0; r < k->modules[i].region_count; r++)
			if (address - k->modules[i].regions[r].base < k->modules[i].regions[r].size)
				return &k->modules[i];
	return NULL;
}

/* ---- symbols ------------------------------------------------------------------------------------------------------ */

static int by_start(const void *a, const void *b)
{
	const struct cul_ksymbol *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	/* the last one is taken: a variable or function rather than what a linker script put there */
	return (x->type == 1 || x->type == 2) - (y->type == 1 || y->type == 2);
}

static bool inside(const struct cul_kmodule *m, uint64_t address)
{
	for (unsigned r = 0; r < m->region_count; r++)
		if (address - m->regions[r].base < m->regions[r].size)
			return true;
	return false;
}

static void load_symbols(struct cul_kernel *k, struct cul_kmodule *m)
{
	uint8_t chunk[64 * SYMBOL_SIZE];
	uint32_t count = m->symbols;

	m->loaded = true;
	if (!count || count > MOST_SYMBOLS || count > MOST_SYMBOLS_ALL - k->symbols_read || count > k->source.most / SYMBOL_SIZE || !cul_kaddress(m->symtab) || !cul_kaddress(m->strtab))
		return;
	k->symbols_read += count;
	m->table = cul_arena_get(k->arena, count * sizeof(*m->table));
	if (!m->table)
		return;
	for (uint32_t i = 0; i < count; i += 64) {
		uint32_t n = count - i < 64 ? count - i : 64;
		bool all = cul_kread(k, m->symtab + (uint64_t)i * SYMBOL_SIZE, chunk, n * SYMBOL_SIZE);

		for (uint32_t s = 0; s < n; s++) {
			uint8_t *entry = chunk + s * SYMBOL_SIZE;
			uint64_t value;
			uint32_t name;
			uint16_t section;

			/* a page of them may be missing: the others still count */
			if (!all && !cul_kread(k, m->symtab + (uint64_t)(i + s) * SYMBOL_SIZE, entry, SYMBOL_SIZE))
				continue;
			memcpy(&name, entry, 4);
			memcpy(&section, entry + 6, 2);
			memcpy(&value, entry + 8, 8);
			if (!section || !name || name > SYMBOL_NAMES || !inside(m, value))
				continue;
			/* the name is read when it is asked for; until then its place stands in size */
			m->table[m->table_count++] = (struct cul_ksymbol){ .start = value, .size = name, .type = entry[4] & 0xf };
		}
	}
	qsort(m->table, m->table_count, sizeof(*m->table), by_start);
}

static const char *symbol_name(struct cul_kernel *k, const struct cul_kmodule *m, struct cul_ksymbol *s)
{
	char name[128];

	if (!s->name) {
		/* ".L" labels, "$x" mapping symbols, sections: no names of functions */
		if (!cul_kread_text(k, m->strtab + s->size, name, sizeof(name)) || name[0] == '.' || name[0] == '$')
			s->name = "";
		else
			s->name = cul_arena_copy(k->arena, cul_str(name));
	}
	return s->name ? s->name : "";
}

bool cul_kmodule_symbol(struct cul_kernel *k, struct cul_kmodule *m, uint64_t address, struct cul_ksymbol *ret)
{
	uint32_t low = 0, high, next;
	uint64_t end = address + 1;

	if (!m->loaded)
		load_symbols(k, m);
	high = m->table_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (m->table[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	next = low;
	for (unsigned r = 0; r < m->region_count; r++)
		if (address - m->regions[r].base < m->regions[r].size)
			end = m->regions[r].base + m->regions[r].size;
	if (next < m->table_count && m->table[next].start < end)
		end = m->table[next].start;
	for (int tries = 0; low > 0 && tries < 64; tries++) {
		struct cul_ksymbol *s = &m->table[--low];

		if (!*symbol_name(k, m, s))
			continue;
		*ret = (struct cul_ksymbol){ .name = s->name, .start = s->start, .size = end > s->start ? end - s->start : 0, .type = 't' };
		return true;
	}
	return false;
}

/* module.btf_data is cleared when the module is up; the list btf_modules (kernel/bpf/btf.c) has the copy that stays */
static void find_btf(const struct cul_kernel *k, struct cul_kmodule *m)
{
	int64_t list = cul_koffset(k, "btf_module", "list"), module = cul_koffset(k, "btf_module", "module");
	int64_t btf = cul_koffset(k, "btf_module", "btf"), data = cul_koffset(k, "btf", "data"), size = cul_koffset(k, "btf", "data_size");
	uint64_t head, at;

	if (list < 0 || module < 0 || btf < 0 || data < 0 || size < 0 || !cul_ksymbol(k, "btf_modules", &head))
		return;
	at = cul_kread_u64(k, head);
	for (int steps = 0; at != head && cul_kaddress(at) && steps < CUL_K_MODULES; steps++) {
		uint64_t entry = at - (uint64_t)list;

		if (cul_kread_u64(k, entry + (uint64_t)module) == m->address) {
			at = cul_kread_u64(k, entry + (uint64_t)btf);
			if (cul_kaddress(at)) {
				m->btf_data = cul_kread_u64(k, at + (uint64_t)data);
				m->btf_size = cul_kread_u32(k, at + (uint64_t)size);
			}
			return;
		}
		at = cul_kread_u64(k, at);
	}
}

const struct cul_btf *cul_kmodule_btf(struct cul_kernel *k, struct cul_kmodule *m)
{
	const char *why;
	uint8_t *data;

	if (m->typed)
		return m->btf;
	m->typed = true;
	if (!m->btf_size || !cul_kaddress(m->btf_data))
		find_btf(k, m);
	if (!m->btf_size || m->btf_size > MOST_MODULE_BTF || !cul_kaddress(m->btf_data))
		return NULL;
	data = cul_arena_get(k->arena, m->btf_size);
	m->btf = cul_arena_get(k->arena, sizeof(*m->btf));
	if (!data || !m->btf || !cul_kread(k, m->btf_data, data, m->btf_size) ||
	    !cul_btf_load(m->btf, data, m->btf_size, &k->btf, k->arena, &why))
		m->btf = NULL;
	return m->btf;
}

/* ---- telling -------------------------------------------------------------------------------------------------------- */

enum cul_status cul_kmodules_tell(struct cul_kernel *k)
{
	/* lib/module taint flags that a module can have: module_flags_taint() */
	static const struct { int bit; char letter; } flags[] = { { 0, 'P' }, { 12, 'O' }, { 1, 'F' }, { 10, 'C' }, { 13, 'E' },
								  { 15, 'K' }, { 16, 'X' }, { 18, 'N' } };
	static const char *const states[] = { "live", "coming", "going" };
	enum cul_status status = CUL_OK;

	for (uint32_t i = 0; i < k->module_count && status == CUL_OK; i++) {
		const struct cul_kmodule *m = &k->modules[i];
		char taint[16], text[192];
		uint64_t size = 0;
		size_t n = 0;

		for (size_t f = 0; f < sizeof(flags) / sizeof(*flags); f++)
			if (m->taints >> flags[f].bit & 1)
				taint[n++] = flags[f].letter;
		taint[n] = 0;
		for (unsigned r = 0; r < m->region_count; r++)
			size += m->regions[r].size;
		snprintf(text, sizeof(text), "module %s %s%s%s", m->name, m->version, n ? " tainted " : "", taint);
		struct cul_record rec = cul_krecord(k, text);

		status = cul_emit(k->parse, &rec, "dump.module", cul_string("module", m->name), cul_string("version", m->version),
				  cul_string("taint", taint), cul_string("status", states[m->state]),
				  cul_real("size_mib", (double)size / (1 << 20)));
	}
	return status;
}
