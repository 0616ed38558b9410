/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Header, segments and notes of an ELF core.
 *
 * Written by fs/binfmt_elf.c of Linux (elf_core_dump(), fill_note_info()) and by gdb's gcore: NT_PRSTATUS for each thread, the
 * one that died first; NT_PRPSINFO; NT_SIGINFO and NT_FILE since 3.7; NT_AUXV. struct elf_prstatus has its registers at 112 on
 * every 64-bit machine. With 65535 segments or more the number stands in section 0. Nothing is believed: a core may be cut
 * anywhere (disk full, ulimit -c, ProcessSizeMax= of systemd-coredump) or be made up.
 */
#include "parsers/dump/core_notes.h"

#include <stdlib.h>
#include <string.h>

enum { PT_LOAD = 1, PT_NOTE = 4 };
enum { NT_PRSTATUS = 1, NT_PRPSINFO = 3, NT_AUXV = 6, NT_SIGINFO = 0x53494749, NT_FILE = 0x46494c45 };
#define HEADER 64
#define PHDR 56
#define PRSTATUS_REGS 112
#define AUXV_BYTES 4096

static void take_registers(const struct cul_core *core, struct cul_core_thread *t, const unsigned char *desc, size_t size)
{
	const unsigned char *r = desc + PRSTATUS_REGS;
	t->number = -1;
	if (core->machine == CUL_CORE_X86_64 && size >= PRSTATUS_REGS + 27 * 8) {
		static const int args[4] = { 14, 13, 12, 7 }; /* rdi, rsi, rdx, r10 */
		t->number = (int64_t)cul_core_u64(r + 15 * 8);
		for (size_t i = 0; i < 4; i++)
			t->arg[i] = cul_core_u64(r + (size_t)args[i] * 8);
		t->pc = cul_core_u64(r + 16 * 8);
		t->sp = cul_core_u64(r + 19 * 8);
		t->fp = cul_core_u64(r + 4 * 8);
		t->tls = cul_core_u64(r + 21 * 8);
		t->registers = true;
	} else if (core->machine == CUL_CORE_AARCH64 && size >= PRSTATUS_REGS + 34 * 8) {
		/* whether it is in a call isn't told: x8 is what the last one was, or any number */
		t->number = (int64_t)(cul_core_u64(r + 8 * 8) & 0xffff);
		for (size_t i = 0; i < 4; i++)
			t->arg[i] = cul_core_u64(r + i * 8);
		t->fp = cul_core_u64(r + 29 * 8);
		t->lr = cul_core_u64(r + 30 * 8);
		t->sp = cul_core_u64(r + 31 * 8);
		t->pc = cul_core_u64(r + 32 * 8);
		t->registers = true;
	} else if (core->machine == CUL_CORE_RISCV && size >= PRSTATUS_REGS + 32 * 8) {
		t->pc = cul_core_u64(r);
		t->lr = cul_core_u64(r + 8);
		t->sp = cul_core_u64(r + 16);
		t->fp = cul_core_u64(r + 64);
		t->registers = true;
	}
}

static bool take_thread(struct cul_core *core, const unsigned char *desc, size_t size, uint64_t offset)
{
	if (size < PRSTATUS_REGS || core->thread_count >= CUL_CORE_THREADS)
		return true;
	if (!(core->thread_count & (core->thread_count - 1))) { /* none, or a power of two: full */
		size_t room = core->thread_count ? core->thread_count * 2 : 1;
		struct cul_core_thread *more = realloc(core->threads, room * sizeof(*more));
		if (!more)
			return false;
		core->threads = more;
	}
	struct cul_core_thread *t = &core->threads[core->thread_count++];
	*t = (struct cul_core_thread){ .tid = (int32_t)cul_core_u32(desc + 32), .at = offset };
	if (core->thread_count == 1 && !core->signal.told)
		core->signal.number = cul_core_u16(desc + 12);
	take_registers(core, t, desc, size);
	return true;
}

static void take_siginfo(struct cul_core *core, const unsigned char *d, size_t size)
{
	if (size < 32 || core->signal.told)
		return;
	core->signal.told = true;
	core->signal.number = (int)cul_core_u32(d);
	core->signal.code = (int)cul_core_u32(d + 8);
	core->signal.address = cul_core_u64(d + 16);
	core->signal.sender = (int32_t)cul_core_u32(d + 16);
	core->signal.sender_uid = cul_core_u32(d + 20);
}

static void take_text(char *to, size_t size, const unsigned char *from)
{
	for (size_t i = 0; i < size; i++)
		to[i] = from[i] && (from[i] < 0x20 || from[i] == 0x7f) ? '?' : (char)from[i];
	to[size] = 0;
}

static int by_start(const void *a, const void *b)
{
	const struct cul_core_map *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* @d: count, page size, { start, end, page offset } each, names. It is kept. */
static bool take_files(struct cul_core *core, unsigned char *d, size_t size)
{
	uint64_t count = cul_core_u64(d), page = cul_core_u64(d + 8);
	if (core->maps || count > (size - 16) / 25 || !page || page > 1u << 24)
		return true;
	core->maps = calloc(count + 1, sizeof(*core->maps));
	if (!core->maps)
		return false;
	size_t at = 16 + (size_t)count * 24;
	for (size_t i = 0; i < count && at < size; i++) {
		const unsigned char *end = memchr(d + at, 0, size - at);
		if (!end)
			break;
		struct cul_core_map m = { .start = cul_core_u64(d + 16 + i * 24), .end = cul_core_u64(d + 24 + i * 24),
					  .path = { (char *)d + at, (size_t)(end - d) - at } };
		if (!__builtin_mul_overflow(cul_core_u64(d + 32 + i * 24), page, &m.offset) && m.end > m.start)
			core->maps[core->map_count++] = m;
		at = (size_t)(end - d) + 1;
	}
	qsort(core->maps, core->map_count, sizeof(*core->maps), by_start);
	return true;
}

/* One note's content: small ones into @buffer, files and auxv kept. */
static bool take_note(struct cul_core *core, uint32_t type, uint64_t offset, size_t size)
{
	unsigned char buffer[512] = { 0 };
	size_t n = size < sizeof(buffer) ? size : sizeof(buffer);
	if (type == NT_FILE && !core->map_bytes && size >= 16 && size <= CUL_CORE_FILES_BYTES) {
		core->map_bytes = malloc(size);
		if (!core->map_bytes)
			return false;
		if (cul_image_read(core->image, offset, core->map_bytes, size))
			return take_files(core, (unsigned char *)core->map_bytes, size);
		core->notes_cut = true;
		return true;
	}
	if (type == NT_AUXV && !core->auxv) {
		n = size < AUXV_BYTES ? size & ~(size_t)15 : AUXV_BYTES;
		core->auxv = malloc(n + 16);
		if (!core->auxv)
			return false;
		memset(core->auxv + n, 0, 16);
		if (n && cul_image_read(core->image, offset, core->auxv, n))
			core->auxv_size = n;
		return true;
	}
	if (type != NT_PRSTATUS && type != NT_PRPSINFO && type != NT_SIGINFO)
		return true;
	if (!cul_image_read(core->image, offset, buffer, n)) {
		core->notes_cut = true;
		return true;
	}
	if (type == NT_PRSTATUS)
		return take_thread(core, buffer, n, offset);
	if (type == NT_SIGINFO) {
		take_siginfo(core, buffer, n);
	} else if (n >= 136 && !core->comm[0]) {
		core->uid = cul_core_u32(buffer + 16);
		core->pid = (int32_t)cul_core_u32(buffer + 24);
		take_text(core->comm, 16, buffer + 40);
		take_text(core->psargs, 80, buffer + 56);
	}
	return true;
}

static bool take_notes(struct cul_core *core, uint64_t at, uint64_t end, size_t *left)
{
	unsigned char head[12];
	while (at + 12 <= end && *left) {
		--*left;
		if (!cul_image_read(core->image, at, head, 12)) {
			core->notes_cut = true;
			return true;
		}
		uint64_t names = cul_core_u32(head), size = cul_core_u32(head + 4);
		uint32_t type = cul_core_u32(head + 8);
		uint64_t desc = at + 12 + ((names + 3) & ~UINT64_C(3));
		if (desc > end || size > end - desc) {
			core->notes_cut = true;
			return true;
		}
		bool ours = names == 5 && cul_image_read(core->image, at + 12, head, 5) && !memcmp(head, "CORE", 5);
		if (ours && !take_note(core, type, desc, (size_t)size))
			return false;
		at = desc + ((size + 3) & ~UINT64_C(3));
	}
	return true;
}

static int by_address(const void *a, const void *b)
{
	const struct cul_core_segment *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

static void take_segment(struct cul_core *core, const unsigned char *p)
{
	struct cul_core_segment s = { .start = cul_core_u64(p + 16), .offset = cul_core_u64(p + 8), .flags = cul_core_u32(p + 4) };
	uint64_t in_file = cul_core_u64(p + 32), in_memory = cul_core_u64(p + 40), end, size = (uint64_t)core->image->size;
	if (in_file > in_memory)
		in_memory = in_file;
	if (!in_memory || __builtin_add_overflow(s.start, in_memory, &s.end) || __builtin_add_overflow(s.offset, in_file, &end))
		return;
	s.there = s.offset >= size ? 0 : in_file < size - s.offset ? in_file : size - s.offset;
	if (__builtin_add_overflow(core->missing, in_file - s.there, &core->missing))
		core->missing = UINT64_MAX;
	if (in_file && end > core->promised)
		core->promised = end;
	core->segments[core->segment_count++] = s;
}

enum cul_status cul_core_load(struct cul_core *core, const struct cul_image *image, const char **why)
{
	unsigned char head[HEADER], phdr[PHDR], section[64];
	size_t left = CUL_CORE_NOTES;
	*core = (struct cul_core){ .image = image, .uid = -1 };
	*why = NULL;
	if (!cul_image_read(image, 0, head, sizeof(head))) {
		*why = "a core file that ends inside its header";
		return CUL_OK;
	}
	if (head[4] == 1)
		*why = "a core of a 32-bit program: not read here";
	else if (head[5] != 1)
		*why = "a core of a big-endian machine: not read here";
	else if (cul_core_u16(head + 54) != PHDR)
		*why = "a core file whose program headers have a wrong size";
	if (*why)
		return CUL_OK;
	core->machine = cul_core_u16(head + 18);
	uint64_t at = cul_core_u64(head + 32), sections = cul_core_u64(head + 40), count = cul_core_u16(head + 56);
	if (count == 0xffff && cul_image_read(image, sections, section, sizeof(section)))
		count = cul_core_u32(section + 44);
	if (count > CUL_CORE_SEGMENTS)
		count = CUL_CORE_SEGMENTS;
	core->segments = calloc((size_t)count + 1, sizeof(*core->segments));
	if (!core->segments)
		return CUL_ENOMEM;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t where;
		if (__builtin_add_overflow(at, i * PHDR, &where) || !cul_image_read(image, where, phdr, sizeof(phdr))) {
			*why = "a core file that ends inside its program headers";
			return CUL_OK;
		}
		if (cul_core_u32(phdr) == PT_LOAD)
			take_segment(core, phdr);
	}
	qsort(core->segments, core->segment_count, sizeof(*core->segments), by_address);
	/* notes last: they are few, and how much is missing is told even where they are not there */
	for (uint64_t i = 0; i < count && left; i++) {
		uint64_t end;
		if (!cul_image_read(image, at + i * PHDR, phdr, sizeof(phdr)) || cul_core_u32(phdr) != PT_NOTE ||
		    __builtin_add_overflow(cul_core_u64(phdr + 8), cul_core_u64(phdr + 32), &end))
			continue;
		if (!take_notes(core, cul_core_u64(phdr + 8), end, &left))
			return CUL_ENOMEM;
	}
	if (!core->pid && core->thread_count)
		core->pid = core->threads[0].tid;
	return CUL_OK;
}

void cul_core_free(struct cul_core *core)
{
	free(core->segments);
	free(core->maps);
	free(core->map_bytes);
	free(core->modules);
	free(core->threads);
	free(core->auxv);
}
