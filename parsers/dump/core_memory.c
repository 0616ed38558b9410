/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The memory of a core: by address, by module, the arguments, the stacks.
 *
 * What coredump_filter leaves out (0x33: file-backed private pages, so the programs' code) has no bytes in the file; the first
 * page of each ELF file is there, and with it the build-id. Arguments: the kernel leaves the auxiliary vector on the stack
 * above the environment above argv above argc (fs/binfmt_elf.c, create_elf_tables()); its copy in NT_AUXV is searched there.
 * The environment is stepped over and never told. Without the programs there is no unwinding: return addresses come from a
 * chain of frame pointers where one holds, else they are guesses.
 */
#include "parsers/dump/core_notes.h"
#include "parsers/peel.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_TOP (8u << 20) /* arguments and environment are 6 MiB at most */
#define POINTERS (1u << 17)
#define CHAIN 256       /* frames followed */
#define WORDS 1024      /* words of a stack looked at for return addresses */
#define FRAME_BYTES (16u << 20)
#define NEAR_STACK (2u << 20)
#define BLOCK (256u << 10) /* read at once where data is searched */
#define SURE 3          /* so many links are no accident */

/* The last segment that starts at or below @address, plus one. */
static size_t upto(const struct cul_core *core, uint64_t address)
{
	size_t low = 0, high = core->segment_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (core->segments[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct cul_core_segment *cul_core_segment(const struct cul_core *core, uint64_t address, bool above)
{
	size_t i = upto(core, address);
	if (i && address < core->segments[i - 1].end)
		return &core->segments[i - 1];
	return above && i < core->segment_count ? &core->segments[i] : NULL;
}

size_t cul_core_read(const struct cul_core *core, uint64_t address, void *buffer, size_t size)
{
	size_t done = 0;
	while (done < size) {
		const struct cul_core_segment *s = cul_core_segment(core, address + done, false);
		uint64_t from = s ? address + done - s->start : 0;
		if (!s || from >= s->there)
			break;
		size_t n = size - done;
		if (n > s->there - from)
			n = (size_t)(s->there - from);
		if (!cul_image_read(core->image, s->offset + from, (char *)buffer + done, n))
			break;
		done += n;
		if (address + done < address)
			break;
	}
	return done;
}

bool cul_core_search(const struct cul_core *core, bool (*wanted)(struct cul_slice path), size_t overlap, size_t *left, cul_core_look look, void *ctx)
{
	unsigned char *block = malloc(BLOCK + overlap);
	bool found = false;

	for (size_t i = 0; block && i < core->segment_count && *left && !found; i++) {
		const struct cul_core_segment *s = &core->segments[i];
		const struct cul_core_map *map = (s->flags & 3) == 2 && s->there ? cul_core_map(core, s->start) : NULL;
		if (!map && (s->flags & 3) == 2 && s->there && s->start)
			map = cul_core_map(core, s->start - 1);
		if (!map || (wanted && !wanted(map->path)))
			continue;
		for (uint64_t at = 0; at < s->there && *left && !found; at += BLOCK) {
			size_t n = cul_core_read(core, s->start + at, block, s->there - at < BLOCK + overlap ? (size_t)(s->there - at) : BLOCK + overlap);
			if (!n)
				break;
			*left -= *left < n ? *left : n;
			found = look(ctx, block, n, s->start + at);
		}
	}
	free(block);
	return found;
}

bool cul_core_word(const struct cul_core *core, uint64_t address, uint64_t *ret)
{
	unsigned char b[8];
	if (cul_core_read(core, address, b, 8) != 8)
		return false;
	*ret = cul_core_u64(b);
	return true;
}

bool cul_core_half(const struct cul_core *core, uint64_t address, uint32_t *ret)
{
	unsigned char b[4];
	if (cul_core_read(core, address, b, 4) != 4)
		return false;
	*ret = cul_core_u32(b);
	return true;
}

const struct cul_core_map *cul_core_map(const struct cul_core *core, uint64_t address)
{
	size_t low = 0, high = core->map_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (core->maps[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < core->maps[low - 1].end ? &core->maps[low - 1] : NULL;
}

uint64_t cul_core_aux(const struct cul_core *core, uint64_t type)
{
	for (size_t i = 0; i + 16 <= core->auxv_size; i += 16)
		if (cul_core_u64(core->auxv + i) == type)
			return cul_core_u64(core->auxv + i + 8);
	return 0;
}

/* ---- modules --------------------------------------------------------------------------------- */

/* {"type":"rpm","name":"expat","version":"2.5.0-2.el9","architecture":"x86_64"} and more (uapi-group.org: package metadata for ELF files) */
static void read_package(struct cul_core_module *m, struct cul_slice json)
{
	struct cul_slice key, value;
	for (int i = 0; i < 32 && cul_json_next(&json, &key, &value); i++) {
		char *to = cul_is(key, CUL_LIT("name")) ? m->package : cul_is(key, CUL_LIT("version")) ? m->version : NULL;
		if (!to || value.size < 3 || value.data[0] != '"' || value.size - 2 >= sizeof(m->package))
			continue;
		for (size_t k = 1; k + 1 < value.size; k++)
			*to++ = value.data[k] > ' ' && value.data[k] < 0x7f && value.data[k] != '\\' ? value.data[k] : '_';
		*to = 0;
	}
}

/* build-id and package, from notes that lie in the file's first page */
static void read_notes(const struct cul_core *core, struct cul_core_module *m, uint64_t at, uint64_t size)
{
	unsigned char notes[4096];
	size_t n = cul_core_read(core, at, notes, size < sizeof(notes) ? (size_t)size : sizeof(notes));
	for (size_t i = 0; i + 16 <= n;) {
		uint64_t names = cul_core_u32(notes + i), bytes = cul_core_u32(notes + i + 4), type = cul_core_u32(notes + i + 8);
		uint64_t desc = i + 12 + ((names + 3) & ~UINT64_C(3));
		if (desc > n || bytes > n - desc)
			return;
		if (type == 3 && names == 4 && !memcmp(notes + i + 12, "GNU", 4) && bytes >= 4 && !m->build_id[0])
			for (size_t k = 0; k < bytes && k < 20; k++)
				snprintf(m->build_id + 2 * k, 3, "%02x", notes[desc + k]);
		if (type == 0xcafe1a7e && names == 4 && !memcmp(notes + i + 12, "FDO", 4) && !m->package[0])
			read_package(m, cul_slice((const char *)notes + desc, strnlen((const char *)notes + desc, bytes)));
		i = (size_t)(desc + ((bytes + 3) & ~UINT64_C(3)));
	}
}

/* The ELF header that lies in memory at the module's base: load bias, build-id, package. */
static void read_header(const struct cul_core *core, struct cul_core_module *m)
{
	unsigned char head[64], phdr[56];
	bool loaded = false;
	m->bias = m->base;
	if (cul_core_read(core, m->base, head, sizeof(head)) != sizeof(head) || memcmp(head, "\177ELF", 4) || head[4] != 2 || head[5] != 1 ||
	    cul_core_u16(head + 54) != sizeof(phdr))
		return;
	uint64_t at = cul_core_u64(head + 32);
	size_t count = cul_core_u16(head + 56);
	for (size_t i = 0; i < count && i < 64; i++) {
		if (at > 1u << 20 || cul_core_read(core, m->base + at + i * sizeof(phdr), phdr, sizeof(phdr)) != sizeof(phdr))
			return;
		uint32_t type = cul_core_u32(phdr);
		uint64_t address = cul_core_u64(phdr + 16);
		if (type == PT_LOAD && !loaded) {
			m->bias = m->base - (address & ~UINT64_C(0xfff));
			loaded = true;
		} else if (type == PT_NOTE) {
			/* in the file's first page: its offset is as good as its address, and known before the first PT_LOAD */
			read_notes(core, m, m->base + cul_core_u64(phdr + 8), cul_core_u64(phdr + 32));
		}
	}
}

static bool executable(const struct cul_core *core, uint64_t address)
{
	const struct cul_core_segment *s = cul_core_segment(core, address, false);
	const struct cul_core_map *map;
	if (s)
		return s->flags & 1;
	/* gcore leaves out what it doesn't save: code, and data that is the file's own, behind the first page */
	return (map = cul_core_map(core, address)) && map->offset;
}

enum cul_status cul_core_modules(struct cul_core *core)
{
	core->modules = calloc(CUL_CORE_MODULES + 1, sizeof(*core->modules));
	if (!core->modules)
		return CUL_ENOMEM;
	struct cul_core_module *m = NULL;
	uint64_t last = 0; /* file offset of the mapping before */
	bool code = false;
	for (size_t i = 0; i <= core->map_count; i++) {
		const struct cul_core_map *map = i < core->map_count ? &core->maps[i] : NULL;
		bool more = m && map && cul_is(map->path, m->path) && map->offset >= last && map->offset;
		if (m && !more) {
			read_header(core, m);
			if (code || m->build_id[0])
				m = NULL; /* it stays */
			else
				*m = (struct cul_core_module){ 0 }, core->module_count--, m = NULL;
		}
		if (!map)
			break;
		if (!more) {
			if (core->module_count >= CUL_CORE_MODULES)
				break;
			m = &core->modules[core->module_count++];
			*m = (struct cul_core_module){ .base = map->start, .path = map->path };
			code = false;
		}
		m->end = map->end;
		last = map->offset;
		code |= executable(core, map->start);
	}
	core->vdso = cul_core_aux(core, 33);
	return CUL_OK;
}

const struct cul_core_module *cul_core_module(const struct cul_core *core, uint64_t address)
{
	size_t low = 0, high = core->module_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (core->modules[middle].base <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < core->modules[low - 1].end ? &core->modules[low - 1] : NULL;
}

/* Last part of a path, without " (deleted)". */
static struct cul_slice base_of(struct cul_slice path)
{
	struct cul_slice base;
	if (cul_ends(path, CUL_LIT(" (deleted)")))
		path.size -= 10;
	return cul_cut_last(path, CUL_LIT("/"), NULL, &base) && base.size ? base : path;
}

const char *cul_core_place(const struct cul_core *core, uint64_t address, char *to, size_t size)
{
	const struct cul_core_module *m = cul_core_module(core, address);
	const struct cul_core_segment *s = cul_core_segment(core, address, false);
	if (m) {
		struct cul_slice base = base_of(m->path);
		snprintf(to, size, "%.*s+0x%llx", (int)(base.size < 200 ? base.size : 200), base.data, (unsigned long long)(address - m->bias));
		for (char *c = to; *c; c++)
			if ((unsigned char)*c <= ' ')
				*c = '_';
	} else if (core->vdso && s && core->vdso >= s->start && core->vdso < s->end) {
		snprintf(to, size, "[vdso]+0x%llx", (unsigned long long)(address - core->vdso));
	} else {
		snprintf(to, size, "%s", !s ? "unmapped" : s->flags & 1 ? "[generated code]" : "[no code]");
	}
	return to;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static size_t read_string(const struct cul_core *core, uint64_t at, char *to, size_t size)
{
	size_t n = cul_core_read(core, at, to, size - 1);
	char *end = memchr(to, 0, n);
	n = end ? (size_t)(end - to) : n;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)to[i] < 0x20 || to[i] == 0x7f)
			to[i] = ' ';
	to[n] = 0;
	return n;
}

bool cul_core_program(const struct cul_core *core, char *to, size_t size)
{
	/* the file that is mapped where the program's headers are: a full path, where AT_EXECFN is what execve() was given */
	uint64_t phdr = cul_core_aux(core, 3), name = cul_core_aux(core, 31);
	const struct cul_core_module *m = phdr ? cul_core_module(core, phdr) : NULL;
	if (m) {
		snprintf(to, size, "%.*s", (int)(m->path.size < 4000 ? m->path.size : 4000), m->path.data);
		return true;
	}
	return name && read_string(core, name, to, size) > 0;
}

/* Where the auxiliary vector lies on the stack: searched from the highest string down. */
static uint64_t find_auxv(const struct cul_core *core)
{
	unsigned char block[4096 + 32];
	uint64_t name = cul_core_aux(core, 31), low;
	const struct cul_core_segment *s = name ? cul_core_segment(core, name, false) : NULL;
	if (!s || core->auxv_size < 32)
		return 0;
	low = name - s->start > STACK_TOP ? name - STACK_TOP : s->start;
	for (uint64_t at = (name & ~UINT64_C(0xfff)); at >= low; at -= 4096) {
		size_t n = cul_core_read(core, at, block, sizeof(block));
		for (size_t i = n >= 32 ? (n - 32) & ~(size_t)7 : 0; n >= 32; i -= 8) {
			if (!memcmp(block + i, core->auxv, 32))
				return at + i;
			if (!i)
				break;
		}
		if (at < 4096)
			break;
	}
	return 0;
}

/* A word below @at, through a window that moves down. */
struct down {
	const struct cul_core *core;
	unsigned char block[4096];
	uint64_t start; /* of what the block holds, 0: nothing */
};

static bool word_down(struct down *d, uint64_t at, uint64_t *ret)
{
	if (!d->start || at < d->start || at - d->start > sizeof(d->block) - 8) {
		if (at < sizeof(d->block))
			return false;
		uint64_t start = at + 8 - sizeof(d->block);
		const struct cul_core_segment *s = cul_core_segment(d->core, at, false);
		if (s && start < s->start)
			start = s->start;
		d->start = 0;
		size_t want = (size_t)(at + 8 - start);
		if (want > sizeof(d->block) || cul_core_read(d->core, start, d->block, want) != want)
			return false;
		d->start = start;
	}
	*ret = cul_core_u64(d->block + (at - d->start));
	return true;
}

bool cul_core_arguments(struct cul_core *core, char *to, size_t size)
{
	uint64_t auxv = find_auxv(core), at, word, count = 0, args;
	struct down d = { .core = core };
	size_t n = 0;
	if (auxv < 64 || !word_down(&d, auxv - 8, &word) || word)
		return false;
	/* the environment's pointers, down to the zero that ends the arguments */
	for (at = auxv - 16; count < POINTERS && at > 8 && word_down(&d, at, &word) && word; at -= 8)
		count++;
	if (count == POINTERS || word)
		return false;
	/* the arguments' pointers, down to how many there are */
	for (args = 0, at -= 8; args < POINTERS && at > 8 && word_down(&d, at, &word) && word != args; at -= 8)
		args++;
	if (args == POINTERS || word != args)
		return false;
	core->argv = at;
	to[0] = 0;
	for (uint64_t i = 0; i < args && n + 2 < size; i++) {
		if (!cul_core_word(core, at + 8 + 8 * i, &word))
			break;
		if (i)
			to[n++] = ' ';
		n += read_string(core, word, to + n, size - n);
	}
	to[n] = 0;
	return n > 0;
}

/* ---- stacks ---------------------------------------------------------------------------------- */

static bool is_code(const struct cul_core *core, uint64_t address)
{
	return address > 4096 && executable(core, address);
}

static size_t by_chain(const struct cul_core *core, const struct cul_core_thread *t, uint64_t at[CUL_CORE_FRAMES])
{
	uint64_t fp = t->fp, next, ret;
	const struct cul_core_segment *s = cul_core_segment(core, t->sp, false);
	/* RISC-V: the pair lies below the frame pointer */
	uint64_t back = core->machine == CUL_CORE_RISCV ? 16 : 0;
	size_t n = 0;
	if (!s)
		return 0;
	for (int i = 0; i < CHAIN && n < CUL_CORE_FRAMES; i++) {
		if (fp & 7 || fp < t->sp + back || fp - back < s->start || fp >= s->end || !cul_core_word(core, fp - back, &next) ||
		    !cul_core_word(core, fp - back + 8, &ret))
			break;
		if (core->machine == CUL_CORE_AARCH64)
			ret &= UINT64_C(0xffffffffffff); /* signed pointers */
		if (!is_code(core, ret))
			return (next || ret) && n < SURE ? 0 : n; /* a chain ends in zeros, or where code without frame pointers begins */
		at[n++] = ret;
		if (next <= fp || next - fp > FRAME_BYTES)
			return next && n < SURE ? 0 : n;
		fp = next;
	}
	return n;
}

size_t cul_core_frames(const struct cul_core *core, const struct cul_core_thread *t, uint64_t at[CUL_CORE_FRAMES], bool *chain)
{
	unsigned char words[WORDS * 8];
	size_t n = t->registers ? by_chain(core, t, at) : 0, bytes;
	*chain = n >= 2;
	if (*chain || !t->registers)
		return *chain ? n : 0;
	n = 0;
	uint64_t sp = (t->sp + 7) & ~UINT64_C(7);
	const struct cul_core_segment *s = cul_core_segment(core, sp, true);
	if (s && s->start <= sp && !s->there) /* in the guard of a stack that ran over */
		s = cul_core_segment(core, s->end, false);
	if (s && s->start > sp && s->start - sp <= NEAR_STACK && s->flags & 2)
		sp = s->start;
	bytes = cul_core_read(core, sp, words, sizeof(words));
	for (size_t i = 0; i + 8 <= bytes && n < CUL_CORE_FRAMES; i += 8) {
		uint64_t word = cul_core_u64(words + i);
		if (is_code(core, word) && cul_core_module(core, word) && (!n || at[n - 1] != word))
			at[n++] = word;
	}
	return n;
}
