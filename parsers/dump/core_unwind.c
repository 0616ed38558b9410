/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Callers of a core's threads, as somebody who has the program's files finds them.
 *
 * What goes out: the modules with their build-ids, the vdso (kernel's code, in no file), and of each thread its registers and the part
 * of its stack above the stack pointer. That is all that unwinding by .eh_frame reads; the core itself is handed to nobody. What comes
 * back is bounded and put in order here; names lose what isn't text.
 */
#include "parsers/dump/core_notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 256
#define FRAMES 256           /* of one thread */
#define ALL_FRAMES (1u << 14)
#define FIRST_STACK (1u << 20)
#define STACK (128u << 10)
#define VDSO (64u << 10)
#define REGISTERS 112        /* in NT_PRSTATUS */

struct collect {
	const struct cul_core *core;
	struct cul_core_calls *to;
	size_t room, count, thread, in_thread;
	bool failed;
};

/* ---- what is asked -------------------------------------------------------------------------------- */

/* struct user_regs_struct (x86-64), user_pt_regs (aarch64), put in DWARF's order */
static bool take_registers(const struct cul_core *core, const struct cul_core_thread *from, struct cul_unwind_thread *to)
{
	static const unsigned char x86[17] = { 10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16 };
	unsigned char r[34 * 8];
	to->tid = from->tid;
	to->count = core->machine == CUL_CORE_X86_64 ? 17 : core->machine == CUL_CORE_AARCH64 ? 33 : 0;
	if (!to->count || !from->registers || !cul_image_read(core->image, from->at + REGISTERS, r, core->machine == CUL_CORE_X86_64 ? 27 * 8 : sizeof(r)))
		return false;
	for (size_t i = 0; i < to->count; i++)
		to->registers[i] = cul_core_u64(r + (core->machine == CUL_CORE_X86_64 ? x86[i] : i) * 8);
	return true;
}

/* From below the stack pointer (the red zone) up; the stack's upper end where it is less. */
static bool take_stack(const struct cul_core *core, const struct cul_core_thread *from, size_t most, struct cul_unwind_thread *to)
{
	uint64_t at = from->sp & ~UINT64_C(7);
	const struct cul_core_segment *s = cul_core_segment(core, at, false);
	if (!s)
		return true; /* its first frame at least */
	at = at - s->start > 128 ? at - 128 : s->start;
	size_t size = s->end - at < most ? (size_t)(s->end - at) : most;
	char *bytes = malloc(size + 1);
	if (!bytes)
		return false;
	to->stack_at = at;
	to->stack = cul_slice(bytes, cul_core_read(core, at, bytes, size));
	return true;
}

/* All of it or nothing. */
static struct cul_slice take_vdso(const struct cul_core *core)
{
	const struct cul_core_segment *s = core->vdso ? cul_core_segment(core, core->vdso, false) : NULL;
	size_t size = s && s->end - core->vdso < VDSO ? (size_t)(s->end - core->vdso) : 0;
	char *bytes = size ? malloc(size) : NULL;
	if (bytes && (cul_core_read(core, core->vdso, bytes, size) != size || memcmp(bytes, "\177ELF", 4))) {
		free(bytes);
		bytes = NULL;
	}
	return cul_slice(bytes, bytes ? size : 0);
}

/* ---- what is told --------------------------------------------------------------------------------- */

static void take_name(char *to, size_t room, const char *from)
{
	size_t n = 0;
	for (; from && from[n] && n + 1 < room; n++)
		to[n] = (unsigned char)from[n] <= ' ' || (unsigned char)from[n] >= 0x7f ? '_' : from[n];
	to[n] = 0;
}

static bool on_frame(void *ctx, const struct cul_unwind_frame *f)
{
	struct collect *c = ctx;
	if (f->thread >= c->to->threads || f->thread < c->thread || c->count >= ALL_FRAMES)
		return false;
	if (f->thread > c->thread)
		c->in_thread = 0;
	while (c->thread < f->thread)
		c->to->first[++c->thread] = c->count;
	if (c->in_thread++ >= FRAMES)
		return true;
	if (c->count == c->room) {
		size_t room = c->room ? c->room * 2 : 64;
		struct cul_core_call *more = realloc(c->to->calls, room * sizeof(*more));
		if (!more) {
			c->failed = true;
			return false;
		}
		c->to->calls = more;
		c->room = room;
	}
	struct cul_core_call *call = &c->to->calls[c->count++];
	*call = (struct cul_core_call){ .pc = f->pc, .line = f->line > 0 ? f->line : 0 };
	const char *base = f->file ? strrchr(f->file, '/') : NULL;
	take_name(call->function, sizeof(call->function), f->function);
	take_name(call->file, sizeof(call->file), base ? base + 1 : f->file);
	return true;
}

void cul_core_calls_free(struct cul_core_calls *calls)
{
	free(calls->calls);
	free(calls->first);
	*calls = (struct cul_core_calls){ 0 };
}

enum cul_status cul_core_unwind(const struct cul_core *core, const struct cul_unwinder *unwinder, struct cul_core_calls *ret)
{
	size_t count = core->thread_count < THREADS ? core->thread_count : THREADS, paths = 0;
	*ret = (struct cul_core_calls){ 0 };
	if (!unwinder || !count)
		return CUL_OK;
	if (core->machine != CUL_CORE_X86_64 && core->machine != CUL_CORE_AARCH64) {
		snprintf(ret->why, sizeof(ret->why), "callers of this machine's threads are not looked up");
		return CUL_OK;
	}
	struct cul_unwind_thread *threads = calloc(count, sizeof(*threads));
	struct cul_unwind_module *modules = calloc(core->module_count + 1, sizeof(*modules));
	for (size_t i = 0; i < core->module_count; i++)
		paths += core->modules[i].path.size + 1;
	char *path = malloc(paths + 1), *at = path;
	struct cul_unwind what = { .pid = core->pid, .machine = core->machine, .modules = modules, .threads = threads };
	struct collect c = { .core = core, .to = ret };
	bool good = threads && modules && path && (ret->first = calloc(count + 1, sizeof(*ret->first)));

	for (size_t i = 0; good && i < core->module_count; i++) {
		const struct cul_core_module *m = &core->modules[i];
		if (!m->build_id[0])
			continue;
		modules[what.module_count++] = (struct cul_unwind_module){ at, m->build_id, m->base, m->end, m->bias };
		memcpy(at, m->path.data, m->path.size);
		at[m->path.size] = 0;
		at += m->path.size + 1;
	}
	/* a thread that can't be asked about keeps its place */
	for (size_t i = 0; good && i < count; i++)
		if (take_registers(core, &core->threads[i], &threads[i]))
			good = take_stack(core, &core->threads[i], i ? STACK : FIRST_STACK, &threads[i]);
		else
			threads[i].count = 0;
	what.image = take_vdso(core);
	what.image_at = core->vdso;
	if (good) {
		ret->threads = what.thread_count = count;
		if (what.module_count)
			unwinder->unwind(unwinder->ctx, &what, on_frame, &c, ret->why);
		else
			snprintf(ret->why, sizeof(ret->why), "callers are not looked up: no module's build-id is in the core");
		ret->why[sizeof(ret->why) - 1] = 0;
		while (c.thread < count)
			ret->first[++c.thread] = c.count;
	}
	for (size_t i = 0; threads && i < count; i++)
		free((char *)threads[i].stack.data);
	free((char *)what.image.data);
	free(threads);
	free(modules);
	free(path);
	if (good && !c.failed)
		return CUL_OK;
	cul_core_calls_free(ret);
	return CUL_ENOMEM;
}
