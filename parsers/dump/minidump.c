/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Minidumps: what Breakpad, Crashpad (Chromium, Electron, Qt, game engines, CUDA's own tools) and Windows write when a program dies.
 *
 * A head "MDMP" with 0xa793 as version, a directory of streams {type, size, offset}, and streams of fixed records; strings are UTF-16
 * with their length in bytes before them. Layouts: google_breakpad/common/minidump_format.h, crashpad's minidump_extensions.h,
 * Microsoft's minidumpapiset.h. Of the Linux streams, status, command line and maps are read; the environment is not.
 * A thread's place is a module and an offset in it; the words on the dead thread's stack that point into modules are
 * told as guesses. Kinds are those of cores, so that whoever judges a crash need not know who wrote it down. Little-endian.
 */
#include <stdio.h>
#include <stdlib.h>

#include "parsers/dump/minidump.h"
#include "parsers/tables.h"

#define STREAMS 512
#define ANNOTATED 4096 /* modules whose annotations are looked at */
#define TOLD_THREADS 128
#define TOLD_MODULES 512
#define ANNOTATIONS 64
#define STACK_BYTES 8192u     /* looked at for guesses */
#define GUESSES 16

enum stream { S_THREADS = 3, S_MODULES = 4, S_EXCEPTION = 6, S_SYSTEM = 7, S_MISC = 15, S_NAMES = 24, S_STATUS = 0x47670004,
	      S_LSB = 0x47670005, S_COMMAND = 0x47670006, S_MAPS = 0x47670009, S_CRASHPAD = 0x43500001 };

/* ---- annotations --------------------------------------------------------------------------------------- */

static enum cul_status
tell_dictionary(const struct cul_minidump *d, struct cul_minidump_place where, unsigned *left)
{
	unsigned char raw[8];
	uint64_t at = 0;
	size_t count = cul_minidump_list(d, where, sizeof(raw), ANNOTATIONS, &at);
	enum cul_status status = CUL_OK;
	char key[128], value[512], text[700];

	for (size_t i = 0; i < count && *left && status == CUL_OK && cul_minidump_get(d, at + i * sizeof(raw), raw, sizeof(raw)); i++, --*left) {
		cul_minidump_string(d, cul_minidump_u32(raw), false, key, sizeof(key));
		cul_minidump_string(d, cul_minidump_u32(raw + 4), false, value, sizeof(value));
		if (!key[0])
			continue;
		snprintf(text, sizeof(text), "%s: %s", key, value);
		struct cul_record rec = cul_dump_record(d->parse, d->time, cul_str(text));
		status = cul_emit(d->parse, &rec, "minidump.annotation", d->pid >= 0 ? cul_int("pid", d->pid) : cul_string("pid", NULL), cul_string("key", key), cul_string("value", value));
	}
	return status;
}

/** Crashpad's: of the process, then of each module that brought some. */
static enum cul_status
tell_annotations(const struct cul_minidump *d, struct cul_minidump_place where)
{
	unsigned char raw[52], link[12], info[20];
	unsigned left = ANNOTATIONS;
	uint64_t at = 0;
	enum cul_status status;
	size_t count;

	if (where.size < sizeof(raw) || !cul_minidump_get(d, where.at, raw, sizeof(raw)))
		return CUL_OK;
	status = tell_dictionary(d, (struct cul_minidump_place){ cul_minidump_u32(raw + 36), cul_minidump_u32(raw + 40) }, &left);
	count = cul_minidump_list(d, (struct cul_minidump_place){ cul_minidump_u32(raw + 44), cul_minidump_u32(raw + 48) }, sizeof(link), ANNOTATED, &at);
	for (size_t i = 0; i < count && left && status == CUL_OK && cul_minidump_get(d, at + i * sizeof(link), link, sizeof(link)); i++)
		if (cul_minidump_u32(link + 4) >= sizeof(info) && cul_minidump_get(d, cul_minidump_u32(link + 8), info, sizeof(info)))
			status = tell_dictionary(d, (struct cul_minidump_place){ cul_minidump_u32(info + 12), cul_minidump_u32(info + 16) }, &left);
	return status;
}

/* ---- telling ------------------------------------------------------------------------------------------- */

static size_t
guess(const struct cul_minidump *d, const struct cul_minidump_thread *t, char *frames, size_t room)
{
	unsigned char raw[STACK_BYTES];
	size_t wide = !strcmp(d->arch, "x86") || !strcmp(d->arch, "arm") ? 4 : 8, n = 0, found = 0, size;
	uint64_t into = t->sp - t->stack_start;

	if (t->sp < t->stack_start || into >= t->stack.size)
		return 0;
	size = t->stack.size - into < sizeof(raw) ? (size_t)(t->stack.size - into) : sizeof(raw);
	if (!cul_minidump_get(d, t->stack.at + into, raw, size))
		return 0;
	for (size_t i = 0; i + wide <= size && found < GUESSES && n + 100 < room; i += wide) {
		uint64_t word = wide == 4 ? cul_minidump_u32(raw + i) : cul_minidump_u64(raw + i);
		const struct cul_minidump_module *m = word > 0xffff ? cul_minidump_module(d, word) : NULL;
		struct cul_slice name = cul_minidump_module_name(m);

		if (!m || word - m->base < 0x1000) /* heads are no code */
			continue;
		n += (size_t)snprintf(frames + n, room - n, " %.*s+0x%llx", (int)(name.size < 60 ? name.size : 60), name.data, (unsigned long long)(word - m->base));
		found++;
	}
	return found;
}

static enum cul_status
tell_thread(const struct cul_minidump *d, const struct cul_minidump_thread *t, bool died)
{
	const struct cul_minidump_module *m = cul_minidump_module(d, t->pc);
	struct cul_slice name = cul_minidump_module_name(m);
	char offset[24] = "", address[24], frames[2000] = "", text[400];
	size_t guesses = 0;

	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)t->pc);
	if (m)
		snprintf(offset, sizeof(offset), "0x%llx", (unsigned long long)(t->pc - m->base));
	snprintf(frames, sizeof(frames), "%.*s%s%s", (int)(name.size < 60 ? name.size : 60), m ? name.data : "", m ? "+" : "", m ? offset : address);
	if (died)
		guesses = guess(d, t, frames + strlen(frames), sizeof(frames) - strlen(frames));
	snprintf(text, sizeof(text), "thread %u%s%s%s%s in %.*s%s%s", t->tid, t->name[0] ? " (" : "", t->name, t->name[0] ? ")" : "",
		 died ? ", the one that died," : "", (int)name.size, m ? name.data : "", m ? "+" : "", m ? offset : address);
	struct cul_record rec = cul_dump_record(d->parse, d->time, cul_str(text));
	return cul_emit(d->parse, &rec, "core.thread", d->pid >= 0 ? cul_int("pid", d->pid) : cul_string("pid", NULL), cul_int("tid", t->tid),
			cul_string("thread", t->name[0] ? t->name : NULL), cul_text("image", name), cul_string("offset", offset[0] ? offset : NULL),
			cul_string("build_id", m && m->build_id[0] ? m->build_id : NULL), cul_string("address", address), cul_string("frames", frames),
			cul_string("unwound", guesses ? "guess" : "frame-0"));
}

static enum cul_status
tell_process(struct cul_minidump *d)
{
	const struct cul_minidump_thread *t = d->died_at < d->thread_count ? &d->threads[d->died_at] : NULL;
	const struct cul_minidump_module *m = t ? cul_minidump_module(d, t->pc) : NULL;
	struct cul_slice name = cul_minidump_module_name(m);
	struct cul_minidump_words w;
	char offset[24] = "", address[24], text[900];
	uint64_t pc = t ? t->pc : 0;

	d->fault.pc = pc;
	d->fault.sp = t ? t->sp : 0;
	cul_minidump_judge(&d->fault, d->died, &w);
	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)d->fault.fault_address);
	if (m)
		snprintf(offset, sizeof(offset), "0x%llx", (unsigned long long)(pc - m->base));
	snprintf(text, sizeof(text), "minidump of %s, pid %lld, %zu threads: %s%s%s%s in %.*s%s%s: %s", d->comm[0] ? d->comm : "?", (long long)d->pid,
		 d->thread_count, w.signal ? w.signal : "no exception", w.code ? " (" : "", w.code ? w.code : "", w.code ? ")" : "", (int)name.size,
		 m ? name.data : "?", m ? "+" : "", offset, w.why);
	struct cul_record rec = cul_dump_record(d->parse, d->time, cul_str(text));
	return cul_emit(d->parse, &rec, "core.process", d->pid >= 0 ? cul_int("pid", d->pid) : cul_string("pid", NULL), cul_string("comm", d->comm[0] ? d->comm : NULL),
			cul_string("path", d->path[0] ? d->path : NULL), cul_string("command", d->command[0] ? d->command : NULL),
			cul_string("signal", w.signal), cul_string("signal_code", w.code), cul_string("event", w.event), cul_string("why", w.why[0] ? w.why : NULL),
			w.addressed ? cul_string("address", address) : cul_string("address", NULL), cul_string("mapped", d->mapped[0] ? d->mapped : NULL),
			d->died ? cul_int("tid", d->tid) : cul_string("tid", NULL), cul_text("image", name), cul_string("offset", offset[0] ? offset : NULL),
			cul_string("build_id", m && m->build_id[0] ? m->build_id : NULL), cul_int("threads", (int64_t)d->thread_count));
}

static enum cul_status
tell_modules(const struct cul_minidump *d)
{
	enum cul_status status = CUL_OK;
	char text[640], base[24];

	for (size_t i = 0; i < d->module_count && i < TOLD_MODULES && status == CUL_OK; i++) {
		const struct cul_minidump_module *m = &d->modules[i];

		snprintf(base, sizeof(base), "0x%llx", (unsigned long long)m->base);
		snprintf(text, sizeof(text), "%s%s%s at %s%s%s", m->path, m->version[0] ? " " : "", m->version, base, m->build_id[0] ? " build-id " : "", m->build_id);
		struct cul_record rec = cul_dump_record(d->parse, d->time, cul_str(text));
		status = cul_emit(d->parse, &rec, "core.module", d->pid >= 0 ? cul_int("pid", d->pid) : cul_string("pid", NULL), cul_string("path", m->path),
				  cul_string("build_id", m->build_id[0] ? m->build_id : NULL), cul_string("base", base),
				  cul_real("size_mib", (double)m->size / (1 << 20)), cul_string("version", m->version[0] ? m->version : NULL));
	}
	return status;
}

static enum cul_status
damaged(struct cul_minidump *d, const char *why)
{
	struct cul_record rec = cul_dump_record(d->parse, d->time, cul_str(why));

	return cul_damaged(d->parse, &rec, why);
}

static enum cul_status
read_dump(struct cul_minidump *d)
{
	static const uint32_t wanted[CUL_MINIDUMP_STREAMS] = { S_SYSTEM, S_MODULES, S_EXCEPTION, S_THREADS, S_NAMES, S_MISC, S_STATUS, S_COMMAND, S_MAPS, S_CRASHPAD };
	struct cul_minidump_place streams[CUL_MINIDUMP_STREAMS] = { { 0 } };
	unsigned char head[32], entry[12];
	enum cul_status status;
	uint32_t count;

	if (!cul_minidump_get(d, 0, head, sizeof(head)))
		return damaged(d, "the minidump ends within its head");
	if (cul_minidump_u32(head + 20))
		d->time = (struct cul_time){ .ns = (int64_t)cul_minidump_u32(head + 20) * CUL_SECOND, .clock = CUL_CLOCK_UTC };
	cul_set_capture_time(d->parse, d->time);
	count = cul_minidump_u32(head + 8) < STREAMS ? cul_minidump_u32(head + 8) : STREAMS;
	for (uint32_t i = 0; i < count; i++) {
		if (!cul_minidump_get(d, (uint64_t)cul_minidump_u32(head + 12) + (uint64_t)i * 12, entry, sizeof(entry))) {
			status = damaged(d, "the minidump's directory of streams is cut short");
			if (status != CUL_OK)
				return status;
			break;
		}
		for (size_t k = 0; k < CUL_MINIDUMP_STREAMS; k++)
			if (cul_minidump_u32(entry) == wanted[k] && !streams[k].size)
				streams[k] = (struct cul_minidump_place){ cul_minidump_u32(entry + 4), cul_minidump_u32(entry + 8) };
	}
	status = cul_minidump_streams(d, streams);
	if (status == CUL_OK && !d->thread_count && !d->module_count)
		return damaged(d, "the minidump has neither threads nor modules");
	if (status == CUL_OK && d->os[0]) {
		struct cul_record rec = cul_dump_record(d->parse, d->time, cul_str(d->os));

		status = cul_emit(d->parse, &rec, "host.id", cul_string("os", d->os), cul_string("arch", d->arch[0] ? d->arch : NULL));
	}
	if (status == CUL_OK)
		status = tell_process(d);
	if (status == CUL_OK && d->died_at < d->thread_count)
		status = tell_thread(d, &d->threads[d->died_at], true);
	for (size_t i = 0; i < d->thread_count && i < TOLD_THREADS && status == CUL_OK; i++)
		if (i != d->died_at)
			status = tell_thread(d, &d->threads[i], false);
	if (status == CUL_OK)
		status = tell_modules(d);
	return status == CUL_OK ? tell_annotations(d, streams[CUL_MINIDUMP_CRASHPAD]) : status;
}

static enum cul_status
minidump_open(struct cul_parse *parse, const struct cul_image *image)
{
	struct cul_minidump *d = calloc(1, sizeof(*d));
	enum cul_status status;

	if (!d)
		return CUL_ENOMEM;
	d->parse = parse;
	d->image = image;
	d->pid = -1;
	d->time.ns = CUL_NO_TIME;
	status = read_dump(d);
	free(d->modules);
	free(d->threads);
	free(d);
	return status;
}

static int
minidump_claim(struct cul_slice head, struct cul_slice name)
{
	(void)name;
	return head.size >= 8 && cul_starts(head, CUL_LIT("MDMP\x93\xa7")) ? 48 : 0;
}

const struct cul_parser cul_parser_minidump = {
	.name = "minidump",
	.about = "minidumps of Breakpad, Crashpad and Windows: exception, threads, modules, annotations",
	.kinds = CUL_KINDS(CUL_SAMPLES("core.process", 1, "minidump", F_PID, F_COMM, F_PATH, F_COMMAND, F_SIGNAL, F_SIGNAL_CODE, F_EVENT, F_WHY, F_ADDRESS,
				       F_MAPPED, F_TID, F_IMAGE, F_OFFSET, F_BUILD_ID, F_THREADS),
			   CUL_SAMPLES("core.thread", 1, "minidump", F_PID, F_TID, F_THREAD, F_IMAGE, F_OFFSET, F_BUILD_ID, F_ADDRESS, F_FRAMES, F_UNWOUND),
			   CUL_SAMPLES("core.module", 1, "minidump", F_PID, F_PATH, F_BUILD_ID, F_BASE, F_SIZE_MIB, F_VERSION),
			   CUL_SAMPLES("minidump.annotation", 1, "minidump", F_PID, F_KEY, F_VALUE), &cul_kind_host_id),
	.claim = minidump_claim,
	.open = minidump_open,
};
