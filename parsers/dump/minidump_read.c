/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The streams of a minidump: system, modules, threads and their names, exception, and Linux' texts.
 *
 * Layouts: google_breakpad/common/minidump_format.h, Microsoft's minidumpapiset.h. Each length is held against the file; lists against
 * their stream. The command line of Linux is kept, the environment never looked at.
 */
#include "parsers/dump/minidump.h"

#include <stdio.h>
#include <stdlib.h>

#include "parsers/tables.h"

#define MODULES 4096
#define THREADS 4096
#define TEXT_BYTES (1u << 20) /* of a Linux stream; maps of a browser are 200 KiB */

/** A length-prefixed string: UTF-16 (@wide) or UTF-8, cut to what fits; control bytes become '?'. */
void
cul_minidump_string(const struct cul_minidump *d, uint32_t at, bool wide, char *to, size_t room)
{
	unsigned char head[4], raw[1024];
	size_t size, n = 0;

	to[0] = 0;
	if (!at || !cul_minidump_get(d, at, head, 4))
		return;
	size = cul_minidump_u32(head) < sizeof(raw) ? cul_minidump_u32(head) : sizeof(raw);
	if (!cul_minidump_get(d, (uint64_t)at + 4, raw, size))
		return;
	for (size_t i = 0; wide ? i + 1 < size : i < size; i += wide ? 2 : 1) {
		uint32_t c = wide ? raw[i] | (uint32_t)raw[i + 1] << 8 : raw[i];

		if (!c || n + 5 > room)
			break;
		if (wide && c >= 0xd800 && c < 0xe000)
			c = 0xfffd;
		if (c < 0x20 || c == 0x7f)
			c = '?';
		if (wide)
			n += cul_put_utf8(to + n, c);
		else
			to[n++] = (char)c;
	}
	to[n] = 0;
}

/** All of a text stream up to a limit; the caller frees it. */
static struct cul_slice
get_text(const struct cul_minidump *d, struct cul_minidump_place where)
{
	size_t size = where.size < TEXT_BYTES ? where.size : TEXT_BYTES;
	char *text = size ? malloc(size) : NULL;

	if (!text || !cul_minidump_get(d, where.at, text, size)) {
		free(text);
		return CUL_NONE;
	}
	return cul_slice(text, size);
}

/* ---- what is where ---------------------------------------------------------------------------------- */

const struct cul_minidump_module *
cul_minidump_module(const struct cul_minidump *d, uint64_t pc)
{
	for (size_t i = 0; i < d->module_count; i++)
		if (pc >= d->modules[i].base && pc - d->modules[i].base < d->modules[i].size)
			return &d->modules[i];
	return NULL;
}

struct cul_slice
cul_minidump_module_name(const struct cul_minidump_module *m)
{
	return m ? cul_base_name(cul_str(m->path)) : CUL_NONE;
}

static void
get_context(const struct cul_minidump *d, struct cul_minidump_place where, uint64_t *pc, uint64_t *sp)
{
	/* by architecture: where the program counter and the stack pointer stand, and their width */
	static const struct {
		const char *arch;
		uint32_t pc, sp, wide;
	} layouts[] = { { "x86_64", 0xf8, 0x98, 8 }, { "x86", 0xb8, 0xc4, 4 }, { "aarch64", 264, 256, 8 }, { "arm", 64, 56, 4 } };
	unsigned char raw[8];

	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		if (strcmp(d->arch, layouts[i].arch) || where.size < layouts[i].pc + layouts[i].wide)
			continue;
		memset(raw, 0, sizeof(raw));
		if (cul_minidump_get(d, (uint64_t)where.at + layouts[i].pc, raw, layouts[i].wide))
			*pc = cul_minidump_u64(raw);
		memset(raw, 0, sizeof(raw));
		if (cul_minidump_get(d, (uint64_t)where.at + layouts[i].sp, raw, layouts[i].wide))
			*sp = cul_minidump_u64(raw);
	}
}

/** A list of records of @each bytes behind its count; some writers align the first to 8. */
size_t
cul_minidump_list(const struct cul_minidump *d, struct cul_minidump_place where, size_t each, size_t most, uint64_t *first)
{
	unsigned char head[4];
	uint64_t count;

	if (where.size < 4 || !cul_minidump_get(d, where.at, head, 4))
		return 0;
	count = cul_minidump_u32(head);
	*first = (uint64_t)where.at + 4;
	if (where.size >= 8 && (uint64_t)where.size - 8 == count * each)
		*first += 4;
	if (count > (where.size - 4) / each)
		count = (where.size - 4) / each;
	return count < most ? (size_t)count : most;
}

static void
take_build_id(struct cul_minidump *d, struct cul_minidump_module *m, struct cul_minidump_place cv)
{
	unsigned char raw[64];
	size_t size = cv.size < sizeof(raw) ? cv.size : sizeof(raw), n = 0, from, to;

	if (size < 8 || !cul_minidump_get(d, cv.at, raw, size))
		return;
	if (cul_minidump_u32(raw) == 0x4270454c) { /* BpEL: the ELF build id as it is */
		from = 4;
		to = size < 36 ? size : 36;
	} else if (cul_minidump_u32(raw) == 0x53445352 && size >= 24) { /* RSDS: a GUID, then an age */
		if (d->fault.system == CUL_MINIDUMP_WINDOWS) {
			snprintf(m->build_id, sizeof(m->build_id), "%08X%04X%04X%02X%02X%02X%02X%02X%02X%02X%02X%X", cul_minidump_u32(raw + 4), raw[8] | raw[9] << 8,
				 raw[10] | raw[11] << 8, raw[12], raw[13], raw[14], raw[15], raw[16], raw[17], raw[18], raw[19], cul_minidump_u32(raw + 20));
			return;
		}
		from = 4;
		to = 20;
	} else {
		return;
	}
	for (size_t i = from; i < to; i++)
		n += (size_t)snprintf(m->build_id + n, sizeof(m->build_id) - n, "%02x", raw[i]);
}

static bool
take_modules(struct cul_minidump *d, struct cul_minidump_place where)
{
	unsigned char raw[108];
	uint64_t at = 0;
	size_t count = cul_minidump_list(d, where, sizeof(raw), MODULES, &at);

	if (!count || d->modules)
		return true;
	d->modules = calloc(count, sizeof(*d->modules));
	for (size_t i = 0; d->modules && i < count && cul_minidump_get(d, at + i * sizeof(raw), raw, sizeof(raw)); i++) {
		struct cul_minidump_module *m = &d->modules[d->module_count++];

		m->base = cul_minidump_u64(raw);
		m->size = cul_minidump_u32(raw + 8);
		cul_minidump_string(d, cul_minidump_u32(raw + 20), true, m->path, sizeof(m->path));
		if (cul_minidump_u32(raw + 24) == 0xfeef04bd && (cul_minidump_u32(raw + 32) || cul_minidump_u32(raw + 36)))
			snprintf(m->version, sizeof(m->version), "%u.%u.%u.%u", cul_minidump_u32(raw + 32) >> 16, cul_minidump_u32(raw + 32) & 0xffff, cul_minidump_u32(raw + 36) >> 16,
				 cul_minidump_u32(raw + 36) & 0xffff);
		take_build_id(d, m, (struct cul_minidump_place){ cul_minidump_u32(raw + 76), cul_minidump_u32(raw + 80) });
	}
	return d->modules != NULL;
}

static bool
take_threads(struct cul_minidump *d, struct cul_minidump_place where)
{
	unsigned char raw[48];
	uint64_t at = 0;
	size_t count = cul_minidump_list(d, where, sizeof(raw), THREADS, &at);

	if (!count || d->threads)
		return true;
	d->threads = calloc(count, sizeof(*d->threads));
	for (size_t i = 0; d->threads && i < count && cul_minidump_get(d, at + i * sizeof(raw), raw, sizeof(raw)); i++) {
		struct cul_minidump_thread *t = &d->threads[d->thread_count++];

		t->tid = cul_minidump_u32(raw);
		t->stack_start = cul_minidump_u64(raw + 24);
		t->stack = (struct cul_minidump_place){ cul_minidump_u32(raw + 32), cul_minidump_u32(raw + 36) };
		get_context(d, (struct cul_minidump_place){ cul_minidump_u32(raw + 40), cul_minidump_u32(raw + 44) }, &t->pc, &t->sp);
	}
	return d->threads != NULL;
}

static void
take_names(struct cul_minidump *d, struct cul_minidump_place where)
{
	unsigned char raw[12];
	uint64_t at = 0;
	size_t count = cul_minidump_list(d, where, sizeof(raw), THREADS, &at), next = 0;

	for (size_t i = 0; i < count && cul_minidump_get(d, at + i * sizeof(raw), raw, sizeof(raw)); i++) {
		uint64_t name = cul_minidump_u64(raw + 4);

		/* both lists are in the same order; one round at most for what isn't */
		for (size_t k = 0; k < d->thread_count && k < 64 && name <= UINT32_MAX; k++) {
			struct cul_minidump_thread *t = &d->threads[(next + k) % d->thread_count];

			if (t->tid != cul_minidump_u32(raw))
				continue;
			cul_minidump_string(d, (uint32_t)name, true, t->name, sizeof(t->name));
			next = (next + k + 1) % d->thread_count;
			break;
		}
	}
}

static void
take_exception(struct cul_minidump *d, struct cul_minidump_place where)
{
	unsigned char raw[168];

	if (where.size < sizeof(raw) || !cul_minidump_get(d, where.at, raw, sizeof(raw)))
		return;
	d->died = true;
	d->tid = cul_minidump_u32(raw);
	d->fault.code = cul_minidump_u32(raw + 8);
	d->fault.flags = cul_minidump_u32(raw + 12);
	d->fault.address = cul_minidump_u64(raw + 24);
	d->fault.parameters = cul_minidump_u32(raw + 32);
	d->fault.information[0] = cul_minidump_u64(raw + 40);
	d->fault.information[1] = cul_minidump_u64(raw + 48);
	d->context = (struct cul_minidump_place){ cul_minidump_u32(raw + 160), cul_minidump_u32(raw + 164) };
}

static void
take_system(struct cul_minidump *d, struct cul_minidump_place where)
{
	static const struct {
		unsigned number;
		const char *arch;
	} archs[] = { { 0, "x86" }, { 5, "arm" }, { 9, "x86_64" }, { 12, "aarch64" }, { 0x8003, "aarch64" } };
	unsigned char raw[28];
	char words[200];
	uint32_t platform;

	if (!cul_minidump_get(d, where.at, raw, where.size < sizeof(raw) ? 0 : sizeof(raw)) || where.size < sizeof(raw))
		return;
	for (size_t i = 0; i < sizeof(archs) / sizeof(*archs); i++)
		if (archs[i].number == (raw[0] | (unsigned)raw[1] << 8))
			snprintf(d->arch, sizeof(d->arch), "%s", archs[i].arch);
	platform = cul_minidump_u32(raw + 20);
	cul_minidump_string(d, cul_minidump_u32(raw + 24), true, words, sizeof(words));
	d->fault.system = platform <= 3 ? CUL_MINIDUMP_WINDOWS : platform == 0x8101 || platform == 0x8102 ? CUL_MINIDUMP_MACOS : CUL_MINIDUMP_LINUX;
	if (d->fault.system == CUL_MINIDUMP_LINUX)
		snprintf(d->os, sizeof(d->os), "%s", words[0] ? words : platform == 0x8203 ? "Android" : platform == 0x8201 ? "Linux" : "");
	else
		snprintf(d->os, sizeof(d->os), "%s %u.%u.%u%s%s", d->fault.system == CUL_MINIDUMP_WINDOWS ? "Windows" : platform == 0x8101 ? "macOS" : "iOS", cul_minidump_u32(raw + 8),
			 cul_minidump_u32(raw + 12), cul_minidump_u32(raw + 16), words[0] ? " " : "", words);
}

/* ---- Linux streams ----------------------------------------------------------------------------------- */

static void
take_status(struct cul_minidump *d, struct cul_slice text)
{
	struct cul_slice line, value;

	for (int i = 0; i < 80 && text.size; i++) {
		if (!cul_cut(text, CUL_LIT("\n"), &line, &text)) {
			line = text;
			text = CUL_NONE;
		}
		value = cul_trim(cul_from(line, 5));
		if (cul_starts(line, CUL_LIT("Name:")))
			snprintf(d->comm, sizeof(d->comm), "%.*s", (int)(value.size < 60 ? value.size : 60), value.data);
		value = cul_trim(cul_from(line, 4));
		if (cul_starts(line, CUL_LIT("Pid:")) && d->pid < 0)
			cul_to_int(value, &d->pid);
	}
}

static void
take_command(struct cul_minidump *d, struct cul_slice text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.size && n + 1 < sizeof(d->command); i++) {
		unsigned char c = (unsigned char)text.data[i];

		d->command[n++] = (char)(c < 0x20 || c == 0x7f ? ' ' : c);
	}
	while (n && d->command[n - 1] == ' ')
		n--;
	d->command[n] = 0;
}

/** The file that is mapped where the fault was. */
static void
take_maps(struct cul_minidump *d, struct cul_slice text)
{
	struct cul_slice line, from, to, rest;
	uint64_t low, high;

	while (text.size) {
		if (!cul_cut(text, CUL_LIT("\n"), &line, &text)) {
			line = text;
			text = CUL_NONE;
		}
		if (!cul_cut(line, CUL_LIT("-"), &from, &rest) || !cul_cut(rest, CUL_LIT(" "), &to, &rest) || !cul_to_hex(from, &low) ||
		    !cul_to_hex(to, &high) || d->fault.fault_address < low || d->fault.fault_address >= high)
			continue;
		for (int i = 0; i < 4; i++)
			cul_word(&rest);
		rest = cul_trim(rest);
		if (rest.size)
			snprintf(d->mapped, sizeof(d->mapped), "%.*s", (int)(rest.size < 500 ? rest.size : 500), rest.data);
		return;
	}
}

/** Streams in the order in which they need each other. */
enum cul_status
cul_minidump_streams(struct cul_minidump *d, const struct cul_minidump_place streams[CUL_MINIDUMP_STREAMS])
{
	struct cul_slice text;
	unsigned char raw[12];

	take_system(d, streams[CUL_MINIDUMP_SYSTEM]);
	if (!take_modules(d, streams[CUL_MINIDUMP_MODULES]) || !take_threads(d, streams[CUL_MINIDUMP_THREADS]))
		return CUL_ENOMEM;
	take_exception(d, streams[CUL_MINIDUMP_EXCEPTION]);
	cul_minidump_address(&d->fault);
	take_names(d, streams[CUL_MINIDUMP_NAMES]);
	if (streams[CUL_MINIDUMP_MISC].size >= sizeof(raw) && cul_minidump_get(d, streams[CUL_MINIDUMP_MISC].at, raw, sizeof(raw)) && cul_minidump_u32(raw + 4) & 1)
		d->pid = cul_minidump_u32(raw + 8);
	if ((text = get_text(d, streams[CUL_MINIDUMP_STATUS])).size)
		take_status(d, text);
	free((char *)text.data);
	if ((text = get_text(d, streams[CUL_MINIDUMP_COMMAND])).size)
		take_command(d, text);
	free((char *)text.data);
	if (d->died && (text = get_text(d, streams[CUL_MINIDUMP_MAPS])).size) {
		take_maps(d, text);
		free((char *)text.data);
	}
	/* the first module is the program */
	if (d->module_count)
		snprintf(d->path, sizeof(d->path), "%s", d->modules[0].path);
	if (!d->comm[0] && d->path[0])
		snprintf(d->comm, sizeof(d->comm), "%.60s", cul_base_name(cul_str(d->path)).data);
	for (d->died_at = 0; d->died && d->died_at < d->thread_count && d->threads[d->died_at].tid != d->tid; d->died_at++)
		;
	if (!d->died)
		d->died_at = d->thread_count;
	/* the exception's own context is that of the fault; the thread's is that of the handler */
	if (d->died_at < d->thread_count)
		get_context(d, d->context, &d->threads[d->died_at].pc, &d->threads[d->died_at].sp);
	return CUL_OK;
}
