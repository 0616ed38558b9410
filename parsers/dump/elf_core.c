/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A core file of a program: ELF, ET_CORE, 64 bit, little-endian; written by Linux (fs/coredump.c, since ever) or gdb's gcore.
 *
 * Told without any binary: the program and its arguments, the signal and what it means, the last words, each thread's place as
 * module+offset with the build-id (eu-addr2line -e FILE OFFSET, debuginfod-find), locks that threads hold against one another, what
 * is missing; what the threads of a Python program ran (core_python.c) and a Go program's goroutines (core_go.c). Frames behind the first
 * are a chain of frame pointers or a guess, and marked so, but where somebody has the program's files (core_unwind.c). The environment
 * is never told.
 *
 * Names as systemd-coredump gives them, core.COMM.UID.BOOTID.PID.USEC[.zst], bring the time (src/coredump/coredump.c, make_filename()).
 * So do the attributes user.coredump.* of its file, and the host, where nothing has dropped them.
 * A kernel dump is ET_CORE too (VMCOREINFO, kernel addresses) and belongs to another opener.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/dump/core_notes.h"
#include "parsers/tables.h"

#define TOLD_THREADS 256
#define TOLD_MODULES 512
#define WAITS 4096
#define CYCLE_TOLD 64

struct file_name {
	struct cul_time time;
	char comm[64];
	int64_t pid, uid;
	bool ours;
};

/** Slices point into the bundle's. */
struct beside {
	struct cul_slice exe, host;
	int signal; /* 0: not told */
	int64_t uid;
	bool has_uid;
};

/* ---- whose file is it ---------------------------------------------------------------------- */

static int core_claim(struct cul_slice head, struct cul_slice name)
{
	const unsigned char *h = (const unsigned char *)head.data;
	size_t count, user = 0;
	uint64_t at;
	(void)name;
	if (head.size < 64 || memcmp(h, "\177ELF", 4) || h[4] < 1 || h[4] > 2 || h[5] < 1 || h[5] > 2)
		return 0;
	if (h[5] == 2)
		return h[16] == 0 && h[17] == 4 ? 20 : 0; /* said by name */
	if (cul_core_u16(h + 16) != 4)
		return 0;
	if (h[4] == 1)
		return 20;
	if (cul_has(head, CUL_LIT("VMCOREINFO")) || cul_has(head, CUL_LIT("KDUMP")))
		return 0;
	at = cul_core_u64(h + 32);
	count = cul_core_u16(h + 56);
	for (size_t i = 0; i < count && at <= head.size && head.size - at >= 56; i++, at += 56) {
		const unsigned char *p = h + at;
		uint64_t virtual = cul_core_u64(p + 16), physical = cul_core_u64(p + 24);
		if (cul_core_u32(p) != 1)
			continue;
		if (physical || (virtual >> 56 && virtual < UINT64_C(0xffffffffff600000))) /* but for the vsyscall page */
			return 0;
		user += virtual != 0;
	}
	return user ? 64 : 16;
}

/** "…/core.python3.1000.5c1d….4242.1795226459000000.zst" */
static struct file_name read_name(struct cul_slice name)
{
	struct file_name f = { .time.ns = CUL_NO_TIME };
	struct cul_slice rest, usec, pid, boot, uid;
	int64_t us;
	if (cul_cut_last(name, CUL_LIT("/"), NULL, &rest))
		name = rest;
	for (int i = 0; i < 2; i++) { /* .zst, .lz4, .xz */
		if (!cul_cut_last(name, CUL_LIT("."), &rest, &usec))
			return f;
		if (cul_to_int(usec, &us) && usec.size >= 15)
			break;
		name = rest;
	}
	if (!cul_skip(&rest, CUL_LIT("core.")) || usec.size < 15 || !cul_to_int(usec, &us) || us <= 0 || us > INT64_MAX / 1000 ||
	    !cul_cut_last(rest, CUL_LIT("."), &rest, &pid) || !cul_to_int(pid, &f.pid) || !cul_cut_last(rest, CUL_LIT("."), &rest, &boot) ||
	    boot.size != 32 || !cul_cut_last(rest, CUL_LIT("."), &rest, &uid) || !cul_to_int(uid, &f.uid) || !rest.size)
		return f;
	snprintf(f.comm, sizeof(f.comm), "%.*s", (int)(rest.size < 60 ? rest.size : 60), rest.data);
	f.time = (struct cul_time){ .ns = us * 1000, .clock = CUL_CLOCK_UTC };
	f.ours = true;
	return f;
}

/** user.coredump.*: what systemd-coredump knew. The name's own time is finer where both are there. */
static struct beside read_beside(struct cul_slice text, struct file_name *name)
{
	struct beside b = { CUL_NONE };
	struct cul_slice line, key, value;
	int64_t n;
	while (cul_cut(text, CUL_LIT("\n"), &line, &text)) {
		if (!cul_cut(line, CUL_LIT("="), &key, &value))
			continue;
		if (cul_is(key, CUL_LIT("exe")))
			b.exe = value;
		else if (cul_is(key, CUL_LIT("hostname")))
			b.host = value;
		else if (cul_is(key, CUL_LIT("signal")) && cul_to_int(value, &n) && n > 0 && n < 65)
			b.signal = (int)n;
		else if (cul_is(key, CUL_LIT("uid")) && cul_to_int(value, &n))
			b.uid = n, b.has_uid = true;
		else if (name->ours)
			continue;
		else if (cul_is(key, CUL_LIT("pid")) && cul_to_int(value, &n))
			name->pid = n;
		else if (cul_is(key, CUL_LIT("comm")))
			snprintf(name->comm, sizeof(name->comm), "%.*s", (int)(value.size < 60 ? value.size : 60), value.data);
		else if (cul_is(key, CUL_LIT("timestamp")) && cul_to_int(value, &n) && n > 0 && n < INT64_MAX / 1000) /* s, or us, by version */
			name->time = (struct cul_time){ .ns = n < INT64_C(9000000000) ? n * 1000000000 : n * 1000, .clock = CUL_CLOCK_UTC };
	}
	name->ours |= name->comm[0] != 0;
	return b;
}

/* ---- what is told ---------------------------------------------------------------------------- */

static struct cul_arg hex(const char *name, char buffer[20], uint64_t value)
{
	snprintf(buffer, 20, "0x%llx", (unsigned long long)value);
	return cul_string(name, buffer);
}

/* "libc.so.6+0x8b12b" -> image, offset; what is in no module keeps its word as the image */
static void split_place(const char *place, struct cul_slice *image, struct cul_slice *offset)
{
	*image = cul_str(place);
	*offset = CUL_NONE;
	cul_cut_last(*image, CUL_LIT("+"), image, offset);
}

static const char *call_name(const struct cul_core *core, const struct cul_core_thread *t, char *to, size_t size)
{
	static const struct {
		int x86, arm;
		const char *name;
	} calls[] = { { 202, 98, "futex" }, { 0, 63, "read" }, { 1, 64, "write" }, { 7, -1, "poll" }, { 271, 73, "ppoll" }, { 23, -1, "select" },
		      { 270, 72, "pselect6" }, { 232, -1, "epoll_wait" }, { 281, 22, "epoll_pwait" }, { 35, 101, "nanosleep" },
		      { 230, 115, "clock_nanosleep" }, { 16, 29, "ioctl" }, { 45, 207, "recvfrom" }, { 47, 212, "recvmsg" }, { 61, 260, "wait4" },
		      { 247, 95, "waitid" }, { 34, -1, "pause" }, { 288, 242, "accept4" }, { 43, 202, "accept" }, { 234, 131, "tgkill" },
		      { 128, 137, "rt_sigtimedwait" }, { 74, 82, "fsync" }, { 24, 124, "sched_yield" }, { 219, -1, "restart_syscall" },
		      { 17, 67, "pread64" }, { 18, 68, "pwrite64" }, { 426, 426, "io_uring_enter" }, { 130, 133, "rt_sigsuspend" } };
	/* elsewhere than on x86-64 nothing tells whether a thread is in a call at all */
	if (!t->registers || core->machine != CUL_CORE_X86_64 || t->number < 0 || t->number > 1023)
		return NULL;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].x86 == t->number)
			return calls[i].name;
	snprintf(to, size, "%d", (int)t->number);
	return to;
}

/* "main(server.c:41)", "libc.so.6+0x2724a" */
static const char *call_text(const struct cul_core *core, const struct cul_core_call *call, bool source, char *to, size_t size)
{
	if (!call->function[0])
		return cul_core_place(core, call->pc, to, size);
	if (source && call->file[0] && call->line)
		snprintf(to, size, "%s(%s:%d)", call->function, call->file, call->line);
	else
		snprintf(to, size, "%s", call->function);
	return to;
}

static size_t call_texts(const struct cul_core *core, const struct cul_core_call *calls, size_t count, bool source, char *to, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < count && n + 280 < size; i++) {
		char text[280];
		n += (size_t)snprintf(to + n, size - n, "%s%s", i ? " " : "", call_text(core, &calls[i], source, text, sizeof(text)));
	}
	return n;
}

/* The same as a debugger would have printed it. */
static enum cul_status tell_stack(struct cul_parse *parse, const struct cul_core *core, const struct cul_core_thread *t,
				  const struct cul_core_call *calls, size_t count, struct cul_time time)
{
	char frames[4096], text[400], first[280];
	size_t n = call_texts(core, calls, count, false, frames, sizeof(frames));
	snprintf(text, sizeof(text), "stack of thread %lld: %.300s", (long long)t->tid, frames);
	struct cul_record rec = cul_dump_record(parse, time, cul_str(text));
	return cul_emit(parse, &rec, "thread.stack", cul_int("pid", core->pid), cul_int("tid", t->tid), cul_string("comm", core->comm[0] ? core->comm : NULL),
			cul_text("frames", cul_slice(frames, n)), cul_string("function", call_text(core, calls, false, first, sizeof(first))));
}

static enum cul_status tell_thread(struct cul_parse *parse, const struct cul_core *core, size_t which, const struct cul_core_calls *unwound,
				   struct cul_time time)
{
	const struct cul_core_thread *t = &core->threads[which];
	uint64_t at[CUL_CORE_FRAMES], pc = t->pc;
	char place[280], frames[4096], text[900], number[16], address[20];
	struct cul_core_thread first = *t;
	struct cul_slice image, offset;
	size_t n = 0;
	bool chain = false;
	if (!which && core->signal.raised_again) { /* where the handler was entered, not where it ended */
		first.pc = pc = core->signal.pc;
		first.sp = core->signal.sp;
		first.fp = 0;
	}
	const struct cul_core_module *m = t->registers ? cul_core_module(core, pc) : NULL;
	const char *call = call_name(core, t, number, sizeof(number));
	size_t count = cul_core_frames(core, &first, at, &chain);
	if (t->registers)
		n = (size_t)snprintf(frames, sizeof(frames), "%s", cul_core_place(core, pc, place, sizeof(place)));
	for (size_t i = 0; i < count && n + 100 < sizeof(frames); i++) {
		char frame[280];
		n += (size_t)snprintf(frames + n, sizeof(frames) - n, " %.90s", cul_core_place(core, at[i], frame, sizeof(frame)));
	}
	const char *how = !t->registers ? NULL : !count ? "frame-0" : chain ? "frame-pointers" : "guess";
	const struct cul_core_call *calls = unwound->calls && which < unwound->threads ? unwound->calls + unwound->first[which] : NULL;
	size_t known = calls ? unwound->first[which + 1] - unwound->first[which] : 0;
	if (known > 1 || (known && (calls[0].function[0] || !count))) {
		n = call_texts(core, calls, known, true, frames, sizeof(frames));
		how = "libdw";
	} else {
		known = 0;
	}
	split_place(t->registers ? place : "", &image, &offset);
	snprintf(text, sizeof(text), "thread %lld%s in %s%s%s%s%s%s", (long long)t->tid, which ? "" : ", the one that died,", t->registers ? place : "?",
		 known && calls[0].function[0] ? ", " : "", known ? calls[0].function : "", call ? ", system call " : "", call ? call : "",
		 known || !count ? "" : chain ? "; callers by frame pointers" : "; callers are guesses");
	struct cul_record rec = cul_dump_record(parse, time, cul_str(text));
	enum cul_status status = !known ? CUL_OK : tell_stack(parse, core, t, calls, known, time);
	return status != CUL_OK ? status : cul_emit(parse, &rec, "core.thread", cul_int("pid", core->pid), cul_int("tid", t->tid), cul_text("image", image),
			cul_text("offset", offset), m && m->build_id[0] ? cul_string("build_id", m->build_id) : cul_string("build_id", NULL),
			hex("address", address, pc), cul_string("syscall", call), n ? cul_text("frames", cul_slice(frames, n)) : cul_string("frames", NULL),
			cul_string("unwound", how));
}

static enum cul_status tell_process(struct cul_parse *parse, struct cul_core *core, const struct file_name *name, struct cul_slice exe,
				    struct cul_core_fault *fault)
{
	const struct cul_core_thread *t = core->thread_count ? &core->threads[0] : NULL;
	char command[4096], path[4096], place[280] = "", address[20], user[24], text[1200];
	bool args = cul_core_arguments(core, command, sizeof(command)), program = cul_core_program(core, path, sizeof(path));
	struct cul_slice image = CUL_NONE, offset = CUL_NONE;
	uint64_t pc;
	const struct cul_core_module *m = NULL;
	cul_core_first_signal(core);
	cul_core_judge(core, fault);
	pc = core->signal.raised_again ? core->signal.pc : t ? t->pc : 0;
	if (t && t->registers) {
		m = cul_core_module(core, pc);
		split_place(cul_core_place(core, pc, place, sizeof(place)), &image, &offset);
	}
	snprintf(user, sizeof(user), "%lld", (long long)core->uid);
	int n = snprintf(text, sizeof(text), "core of %s, pid %lld, %zu thread%s: %s%s%s%s", core->comm[0] ? core->comm : name->ours ? name->comm : "?",
			 (long long)core->pid, core->thread_count, core->thread_count == 1 ? "" : "s", fault->signal ? fault->signal : "no signal", fault->code ? " (" : "",
			 fault->code ? fault->code : "", fault->code ? ")" : "");
	if (fault->address && n > 0 && (size_t)n < sizeof(text))
		n += snprintf(text + n, sizeof(text) - (size_t)n, " at 0x%llx", (unsigned long long)core->signal.address);
	if (t && t->registers && n > 0 && (size_t)n < sizeof(text))
		n += snprintf(text + n, sizeof(text) - (size_t)n, " in %s, thread %lld%s", place, (long long)t->tid,
			      core->signal.raised_again ? " (first signal, found on the handler's stack)" : "");
	if (fault->why[0] && n > 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, ": %s%s%s", fault->why, fault->file[0] ? "; mapped there: " : "", fault->file);
	struct cul_record rec = cul_dump_record(parse, name->time, cul_str(text));
	return cul_emit(parse, &rec, "core.process", cul_int("pid", core->pid), cul_string("comm", core->comm[0] ? core->comm : name->ours ? name->comm : NULL),
			cul_text("path", program ? cul_str(path) : exe), cul_string("command", args ? command : core->psargs[0] ? core->psargs : NULL),
			cul_string("user", core->uid >= 0 ? user : NULL), cul_string("signal", fault->signal), cul_string("signal_code", fault->code),
			cul_string("event", fault->event), cul_string("why", fault->why[0] ? fault->why : NULL),
			fault->address ? hex("address", address, core->signal.address) : cul_string("address", NULL),
			cul_string("mapped", fault->file[0] ? fault->file : NULL), t ? cul_int("tid", t->tid) : cul_string("tid", NULL),
			cul_text("image", image), cul_text("offset", offset), cul_string("build_id", m && m->build_id[0] ? m->build_id : NULL),
			cul_int("threads", (int64_t)core->thread_count), cul_string("package", m && m->package[0] ? m->package : NULL),
			cul_string("version", m && m->version[0] ? m->version : NULL));
}

static enum cul_status tell_words(struct cul_parse *parse, const struct cul_core *core, struct cul_time time)
{
	struct cul_core_words w;
	char text[800];
	if (!cul_core_last_words(core, &w))
		return CUL_OK;
	snprintf(text, sizeof(text), "%s: %s", w.source, w.text[0] ? w.text : "(no text)");
	struct cul_record rec = cul_dump_record(parse, time, cul_str(text));
	return cul_emit(parse, &rec, "core.abort-message", cul_int("pid", core->pid), cul_string("comm", core->comm[0] ? core->comm : NULL),
			cul_string("event", w.event), cul_string("what", w.text[0] ? w.text : NULL), cul_string("source", w.source));
}

static enum cul_status tell_cycle(struct cul_parse *parse, const struct cul_core *core, const struct cul_core_wait *waits, size_t count,
				  const size_t *cycle, size_t which, struct cul_time time)
{
	char tids[512], text[900];
	size_t n = 0, m = 0, threads = 0, at = SIZE_MAX, steps = 0;
	for (size_t i = count; i--;)
		if (cycle[i] == which) {
			at = i; /* the first */
			threads++;
		}
	for (size_t first = at; at != SIZE_MAX && (steps == 0 || at != first) && steps < CYCLE_TOLD; steps++) {
		const struct cul_core_wait *w = &waits[at];
		if (n + 24 < sizeof(tids))
			n += (size_t)snprintf(tids + n, sizeof(tids) - n, "%s%lld", n ? " " : "", (long long)core->threads[w->thread].tid);
		if (m + 96 < sizeof(text))
			m += (size_t)snprintf(text + m, sizeof(text) - m, "%sthread %lld waits for %s 0x%llx that %lld holds", m ? "; " : "",
					      (long long)core->threads[w->thread].tid, w->what, (unsigned long long)w->lock, (long long)w->owner_tid);
		for (at = 0; at < count && waits[at].thread != w->owner; at++)
			;
		if (at == count)
			break;
	}
	struct cul_record rec = cul_dump_record(parse, time, cul_slice(text, m));
	return cul_emit(parse, &rec, "core.futex-cycle", cul_int("pid", core->pid), cul_string("comm", core->comm[0] ? core->comm : NULL),
			cul_text("tids", cul_slice(tids, n)), cul_int("threads", (int64_t)threads), cul_text("what", cul_slice(text, m)));
}

static enum cul_status tell_locks(struct cul_parse *parse, const struct cul_core *core, struct cul_time time)
{
	struct cul_core_wait *waits = calloc(WAITS, sizeof(*waits));
	size_t *cycle = calloc(WAITS, sizeof(*cycle));
	enum cul_status status = waits && cycle ? CUL_OK : CUL_ENOMEM;
	char text[200], address[20];
	size_t count = status == CUL_OK ? cul_core_waits(core, waits, WAITS) : 0, cycles = status == CUL_OK ? cul_core_cycles(core, waits, count, cycle) : 0;
	for (size_t i = 1; i <= cycles && i <= 16 && status == CUL_OK; i++)
		status = tell_cycle(parse, core, waits, count, cycle, i, time);
	for (size_t i = 0; i < count && i < TOLD_THREADS && status == CUL_OK; i++) {
		int64_t tid = core->threads[waits[i].thread].tid;
		snprintf(text, sizeof(text), "thread %lld waits for the %s at 0x%llx, held by thread %lld%s", (long long)tid, waits[i].what,
			 (unsigned long long)waits[i].lock, (long long)waits[i].owner_tid, cycle[i] ? ": part of a circle" : "");
		struct cul_record rec = cul_dump_record(parse, time, cul_str(text));
		status = cul_emit(parse, &rec, "core.futex-wait", cul_int("pid", core->pid), cul_int("tid", tid), cul_string("what", waits[i].what),
				  hex("address", address, waits[i].lock), cul_int("owner_tid", waits[i].owner_tid));
	}
	free(waits);
	free(cycle);
	return status;
}

static enum cul_status tell_missing(struct cul_parse *parse, const struct cul_core *core, const struct cul_core_fault *fault,
				    const struct cul_core_calls *unwound, const char *runtime, struct cul_time time)
{
	char text[1000] = "";
	double mib = (double)core->missing / (1 << 20);
	if (core->missing)
		snprintf(text, sizeof(text), "the core is cut short: %.1f of %.1f MiB are missing (disk full, ulimit -c, or a size limit of systemd-coredump)",
			 mib, (double)core->promised / (1 << 20));
	else if (core->notes_cut)
		snprintf(text, sizeof(text), "some of the core's notes are damaged");
	else if (core->thread_count && core->threads[0].registers && strcmp(fault->event, "stack-overflow") && !cul_core_read(core, core->threads[0].sp & ~UINT64_C(7), &(char){ 0 }, 1))
		snprintf(text, sizeof(text), "the stack of the thread that died is not in the core");
	if (!core->thread_count) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof(text) - n, "%sno thread is told in it", n ? "; " : "");
	}
	if (unwound->why[0]) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof(text) - n, "%s%s", n ? "; " : "", unwound->why);
	}
	if (runtime[0]) {
		size_t n = strlen(text);
		snprintf(text + n, sizeof(text) - n, "%s%s", n ? "; " : "", runtime);
	}
	if (!text[0])
		return CUL_OK;
	struct cul_record rec = cul_dump_record(parse, time, cul_str(text));
	return cul_emit(parse, &rec, "core.missing", cul_int("pid", core->pid), cul_string("comm", core->comm[0] ? core->comm : NULL), cul_string("why", text),
			core->missing ? cul_real("missing_mib", mib) : cul_string("missing_mib", NULL));
}

static enum cul_status tell_modules(struct cul_parse *parse, const struct cul_core *core, struct cul_time time)
{
	enum cul_status status = CUL_OK;
	for (size_t i = 0; i < core->module_count && i < TOLD_MODULES && status == CUL_OK; i++) {
		const struct cul_core_module *m = &core->modules[i];
		char text[600], base[20];
		snprintf(text, sizeof(text), "%.*s at 0x%llx%s%s%s%s%s%s", (int)(m->path.size < 300 ? m->path.size : 300), m->path.data, (unsigned long long)m->base,
			 m->build_id[0] ? " build-id " : "", m->build_id, m->package[0] ? " package " : "", m->package,
			 m->version[0] ? " " : "", m->version);
		struct cul_record rec = cul_dump_record(parse, time, cul_str(text));
		status = cul_emit(parse, &rec, "core.module", cul_int("pid", core->pid), cul_text("path", m->path),
				  cul_string("build_id", m->build_id[0] ? m->build_id : NULL), hex("base", base, m->base),
				  cul_real("size_mib", (double)(m->end - m->base) / (1 << 20)), cul_string("package", m->package[0] ? m->package : NULL),
				  cul_string("version", m->version[0] ? m->version : NULL));
	}
	return status;
}

static enum cul_status core_open(struct cul_parse *parse, const struct cul_image *image)
{
	struct file_name name = read_name(cul_section_name(parse));
	struct beside beside = read_beside(cul_dump_beside(parse), &name);
	struct cul_core core;
	struct cul_core_calls unwound = { 0 };
	struct cul_core_fault fault;
	const char *why;
	char python[200], go[200];
	enum cul_status status = cul_core_load(&core, image, &why);
	if (status == CUL_OK && why) {
		struct cul_record rec = cul_dump_record(parse, name.time, cul_str(why));
		status = cul_emit(parse, &rec, "core.missing", name.ours ? cul_int("pid", name.pid) : cul_string("pid", NULL),
				  cul_string("comm", name.ours ? name.comm : NULL), cul_string("why", why));
		if (status == CUL_OK)
			status = cul_damaged(parse, &rec, why);
	} else if (status == CUL_OK) {
		if (!core.pid && name.ours)
			core.pid = name.pid;
		if (!core.signal.number)
			core.signal.number = beside.signal;
		if (core.uid < 0 && beside.has_uid)
			core.uid = beside.uid;
		cul_set_host(parse, beside.host);
		status = cul_core_modules(&core);
		if (status == CUL_OK)
			status = tell_process(parse, &core, &name, beside.exe, &fault);
		if (status == CUL_OK)
			status = tell_words(parse, &core, name.time);
		if (status == CUL_OK)
			status = tell_locks(parse, &core, name.time);
		if (status == CUL_OK)
			status = cul_core_unwind(&core, cul_dump_unwinder(parse), &unwound);
		if (status == CUL_OK)
			status = cul_core_python(parse, &core, name.time, python);
		if (status == CUL_OK)
			status = cul_core_go(parse, &core, name.time, go);
		if (status == CUL_OK)
			status = tell_missing(parse, &core, &fault, &unwound, python[0] ? python : go, name.time);
		for (size_t i = 0; i < core.thread_count && i < TOLD_THREADS && status == CUL_OK; i++)
			status = tell_thread(parse, &core, i, &unwound, name.time);
		if (status == CUL_OK)
			status = tell_modules(parse, &core, name.time);
	}
	cul_core_calls_free(&unwound);
	cul_core_free(&core);
	return status;
}

const struct cul_parser cul_parser_elf_core = {
	.name = "elf_core",
	.about = "core files of programs: signal, threads, modules, last words, locks",
	.kinds = CUL_KINDS(CUL_SAMPLES("core.process", 2, "elf_core", F_PID, F_COMM, F_PATH, F_COMMAND, F_USER, F_SIGNAL, F_SIGNAL_CODE, F_EVENT, F_WHY,
				       F_ADDRESS, F_MAPPED, F_TID, F_IMAGE, F_OFFSET, F_BUILD_ID, F_THREADS, F_PACKAGE, F_VERSION),
			   CUL_SAMPLES("core.abort-message", 1, "elf_core", F_PID, F_COMM, F_EVENT, F_WHAT, F_SOURCE),
			   CUL_SAMPLES("core.futex-cycle", 1, "elf_core", F_PID, F_COMM, F_TIDS, F_THREADS, F_WHAT),
			   CUL_SAMPLES("core.futex-wait", 1, "elf_core", F_PID, F_TID, F_WHAT, F_ADDRESS, F_OWNER_TID),
			   CUL_SAMPLES("core.missing", 1, "elf_core", F_PID, F_COMM, F_WHY, F_MISSING_MIB),
			   CUL_SAMPLES("core.thread", 1, "elf_core", F_PID, F_TID, F_IMAGE, F_OFFSET, F_BUILD_ID, F_ADDRESS, F_SYSCALL, F_FRAMES, F_UNWOUND),
			   &cul_kind_core_python, &cul_kind_core_goroutines, &cul_kind_thread_stack,
			   CUL_SAMPLES("core.module", 2, "elf_core", F_PID, F_PATH, F_BUILD_ID, F_BASE, F_SIZE_MIB, F_PACKAGE, F_VERSION)),
	.claim = core_claim,
	.open = core_open,
};
