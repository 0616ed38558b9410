/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A Linux kernel's memory after a crash: what it was, how whole the dump is, and the kernel's log, which all other parsers then
 * read as a text of its own. Written by makedumpfile or cp from /proc/vmcore (kdump), and by QEMU (`virsh dump --memory-only`).
 *
 * Nothing but the file is needed: where things are, VMCOREINFO says (Linux 2.6.24 and later), and its page tables are in the dump.
 * It comes in steps, each of which may fail alone: container, VMCOREINFO, translation, log, then symbols and all that hangs on them
 * (ktask.c). A step that fails is a dump.missing with its reason; what is cut off or garbled is damage too.
 */
#include <stdio.h>

#include "parsers/dump/ksplit.h"
#include "parsers/dump/ktask.h"
#include "parsers/dump/ktranslate.h"
#include "parsers/dump/printk.h"
#include "parsers/dump/vmcoreinfo.h"

#define ELF_NOTES 64 /* looked at for a claim */

/* ---- claim ------------------------------------------------------------------------------------------------ */

/* A core of a program is ELF too: it has no physical addresses, and no memory in the kernel's half but the vsyscall page. */
static bool is_kernel_elf(struct cul_slice head)
{
	const char *h = head.data;
	if (head.size < 64 || !cul_starts(head, CUL_LIT("\177ELF\2\1")) || cul_get16(h + 16) != 4 /* ET_CORE */ || cul_get16(h + 54) != 56)
		return false;
	uint64_t at = cul_get64(h + 32), count = cul_get16(h + 56);
	for (uint64_t i = 0; i < count && at <= head.size && head.size - at >= 56; i++, at += 56) {
		const char *p = h + at;
		uint32_t type = cul_get32(p);
		uint64_t place = cul_get64(p + 8), vaddr = cul_get64(p + 16), phys = cul_get64(p + 24), size = cul_get64(p + 32);
		if (type == 1 && phys && phys != UINT64_MAX)
			return true;
		if (type == 1 && vaddr >= 0xffff800000000000 && (vaddr & ~0xfffull) != 0xffffffffff600000)
			return true;
		if (type != 4 || place >= head.size)
			continue;
		struct cul_slice notes = { h + place, size < head.size - place ? size : head.size - place };
		for (size_t k = 0; k < ELF_NOTES && notes.size >= 12; k++) {
			uint64_t name = cul_get32(notes.data), desc = cul_get32(notes.data + 4);
			struct cul_slice text = { notes.data + 12, name < notes.size - 12 ? name : notes.size - 12 };
			if (cul_starts(text, CUL_LIT("VMCOREINFO")) || cul_is(text, CUL_LIT("QEMU\0")))
				return true;
			uint64_t whole = 12 + ((name + 3) & ~3ull) + ((desc + 3) & ~3ull);
			notes = whole < notes.size ? cul_from(notes, (size_t)whole) : CUL_NONE;
		}
	}
	return false;
}

static int claim(struct cul_slice head, struct cul_slice name)
{
	(void)name;
	if (cul_starts(head, CUL_LIT("makedumpfile\0\0\0\0")))
		return 128;
	if (cul_starts(head, CUL_LIT("KDUMP   ")) || cul_starts(head, CUL_LIT("DISKDUMP")))
		return 80;
	return is_kernel_elf(head) ? 120 : 0;
}

/* ---- what it was --------------------------------------------------------------------------------------------- */

enum cul_status cul_kmem_missing(struct cul_parse *parse, const struct cul_kmem *m, const char *stage, const char *why)
{
	struct cul_time none = { .ns = CUL_NO_TIME };
	struct cul_record rec = cul_dump_record(parse, m ? cul_kmem_crash_time(m) : none, cul_str(why));
	return cul_emit(parse, &rec, "dump.missing", cul_string("stage", stage), cul_string("why", why));
}

/* struct new_utsname: six names of 65 bytes; the host's is the second */
static bool read_host(struct cul_kmem *m, char host[65])
{
	uint64_t uts, name;
	if (!cul_kmem_symbol(m, "init_uts_ns", &uts) || !cul_kmem_offset(m, "uts_namespace.name", &name) || name > 4096 ||
	    !cul_kmem_text(m, uts + name + 65, host, 65)) {
		snprintf(host, 65, "%.64s", m->image.node);
	}
	for (const char *c = host; *c; c++)
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
			return false;
	return host[0] && strcmp(host, "(none)") && strcmp(host, "localhost");
}

/* The first panic that is said: those behind it are its consequences. */
static struct cul_slice find_panic(struct cul_slice log)
{
	static const char *const words[] = { "Kernel panic - not syncing: ", "sysrq: Trigger a crash" };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct cul_slice rest, line;
		size_t at = cul_find(log, cul_str(words[i]));
		if (at == SIZE_MAX)
			continue;
		rest = cul_from(log, at);
		return cul_cut(rest, CUL_LIT("\n"), &line, NULL) ? line : rest;
	}
	return CUL_NONE;
}

static const char *filtered_text(const struct cul_kimage *k, char text[64])
{
	static const char *const names[] = { "zero", "cache", "cache-private", "user", "free" };
	size_t n = 0;
	text[0] = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && k->has_level; i++)
		if (k->level >> i & 1)
			n += (size_t)snprintf(text + n, 64 - n, "%s%s", n ? " " : "", names[i]);
	return text;
}

static enum cul_status tell(struct cul_parse *parse, struct cul_kmem *m, const struct cul_printk *log)
{
	static const char *const machines[] = { NULL, "x86_64", "aarch64" };
	const struct cul_kimage *k = &m->image;
	struct cul_slice kernel = cul_kmem_release(m), panic = find_panic(cul_slice(log->text, log->size));
	struct cul_time crashed = cul_kmem_crash_time(m);
	char form[48], packing[48], filtered[64], host[65], line[512], when[32] = "";
	cul_kimage_form_text(k, form);
	cul_kimage_packing_text(k, packing);
	bool named = read_host(m, host);
	if (crashed.ns != CUL_NO_TIME)
		cul_clock_print(crashed.ns, when);
	snprintf(line, sizeof(line), "%s: kernel %.*s%s%s%s%s%s%.*s", form, kernel.size ? (int)kernel.size : 7, kernel.size ? kernel.data : "unknown",
		 named ? " on " : "", named ? host : "", when[0] ? ", crashed " : "", when, panic.size ? ": " : "", (int)(panic.size < 200 ? panic.size : 200), panic.data ? panic.data : "");
	struct cul_record rec = cul_dump_record(parse, crashed, cul_str(line));
	if (crashed.ns != CUL_NO_TIME)
		cul_set_capture_time(parse, crashed);
	if (named)
		cul_set_host(parse, cul_str(host));
	bool up = log->last_ns != CUL_NO_TIME;
	return cul_emit(parse, &rec, "dump.kernel", cul_text("kernel", kernel),
			cul_string("arch", m->machine ? machines[m->machine] : k->machine[0] ? k->machine : NULL),
			cul_text("build_id", cul_kmem_build_id(m)), cul_text("host", named ? cul_str(host) : CUL_NONE),
			cul_real("uptime_s", up ? (double)log->last_ns / 1e9 : __builtin_nan("")), cul_text("panic", panic),
			cul_string("form", form), cul_text("packing", k->form == CUL_KIMAGE_KDUMP ? cul_str(packing) : CUL_NONE),
			k->cpu_count || k->declared_cpus ? cul_int("cpu_count", k->cpu_count ? (int64_t)k->cpu_count : k->declared_cpus) : cul_text("cpu_count", CUL_NONE),
			cul_real("total_mib", (double)(k->memory >> 10) / 1024), cul_flag("incomplete", k->incomplete || k->lacking),
			k->has_level ? cul_int("dump_level", k->level) : cul_text("dump_level", CUL_NONE), cul_string("filtered", filtered_text(k, filtered)),
			m->levels ? cul_int("paging", m->levels) : cul_text("paging", CUL_NONE),
			k->split ? cul_int("parts", k->part_count) : cul_text("parts", CUL_NONE),
			log->text ? cul_int("log_records", (int64_t)log->records) : cul_text("log_records", CUL_NONE),
			log->lost ? cul_int("log_lost", (int64_t)log->lost) : cul_text("log_lost", CUL_NONE));
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

#define GAPS 8 /* missing files that are told one by one */

/* Where the pages are that no file here has. */
static enum cul_status tell_gaps(struct cul_parse *parse, struct cul_kmem *m, const struct cul_record *rec)
{
	struct cul_kimage *k = &m->image;
	uint64_t pfn = 0, end, pages;
	enum cul_status status = CUL_OK;
	char why[240];
	for (int i = 0; i < GAPS && status == CUL_OK && cul_kimage_gap(k, &pfn, &end, &pages); i++, pfn = end) {
		snprintf(why, sizeof(why), "a file of the set (makedumpfile --split) is not here: the one with %llu pages of the memory between %llu and %llu MiB",
			 (unsigned long long)pages, (unsigned long long)(pfn * (k->page_size >> 10) >> 10), (unsigned long long)((end * (k->page_size >> 10) + 1023) >> 10));
		status = cul_damaged(parse, rec, why);
	}
	return status;
}

static enum cul_status tell_damage(struct cul_parse *parse, struct cul_kmem *m, const struct cul_printk *log, const char *log_why)
{
	const struct cul_kimage *k = &m->image;
	struct cul_record rec = cul_dump_record(parse, cul_kmem_crash_time(m), CUL_NONE);
	char why[160];
	enum cul_status status = CUL_OK;
	if (k->cut)
		status = cul_damaged(parse, &rec, "the dump's end is missing: it is cut off, or still being written");
	else if (k->incomplete)
		status = cul_damaged(parse, &rec, "the dump is incomplete: whoever wrote it ran out of room (status flag of its header)");
	if (status == CUL_OK && k->split)
		status = tell_gaps(parse, m, &rec);
	if (status == CUL_OK && !m->info.size)
		status = cul_kmem_missing(parse, m, "container", "no VMCOREINFO, neither in a note nor in memory: QEMU writes it if the guest has a vmcoreinfo device and the qemu_fw_cfg module");
	else if (status == CUL_OK && !m->levels)
		status = cul_kmem_missing(parse, m, "translation", m->why);
	else if (status == CUL_OK && !m->tables)
		status = cul_kmem_missing(parse, m, "translation", "the kernel's page tables are not in the dump: only its own image can be read");
	if (status == CUL_OK && !log->text) { /* every dump has one: to do without is damage */
		snprintf(why, sizeof(why), "no kernel log: %.140s", log_why);
		status = cul_damaged(parse, &rec, why);
		if (status == CUL_OK)
			status = cul_kmem_missing(parse, m, "log", log_why);
	}
	if (status == CUL_OK && log->text && log->lost) {
		snprintf(why, sizeof(why), "%llu of %llu records are not in the dump", (unsigned long long)log->lost, (unsigned long long)(log->lost + log->records));
		status = cul_kmem_missing(parse, m, "log", why);
	}
	return status;
}

enum cul_status cul_vmcore_part(struct cul_parse *parse, const struct cul_ksplit_file *file, size_t at, size_t count)
{
	const struct cul_ksplit *s = &file->split;
	uint64_t kib = s->page_size >> 10;
	bool sane = s->start <= s->end && s->end < UINT64_C(1) << 40;
	struct cul_record rec = cul_dump_record(parse, (struct cul_time){ .ns = CUL_NO_TIME }, CUL_NONE);
	return cul_emit(parse, &rec, "dump.part", cul_int("part", (int64_t)at + 1), cul_int("parts", (int64_t)count),
			cul_real("from_mib", sane ? (double)(s->start * kib) / 1024 : __builtin_nan("")),
			cul_real("to_mib", sane ? (double)(s->end * kib) / 1024 : __builtin_nan("")));
}

static enum cul_status open_dump(struct cul_parse *parse, const struct cul_image *image)
{
	return cul_vmcore_open(parse, &image, 1);
}

enum cul_status cul_vmcore_open(struct cul_parse *parse, const struct cul_image *const *images, size_t count)
{
	struct cul_kmem *m = NULL;
	struct cul_printk log = { .last_ns = CUL_NO_TIME };
	char why[256] = "";
	if (!cul_kmem_open_parts(images, count, &m, why, sizeof(why))) {
		struct cul_record rec = cul_dump_record(parse, (struct cul_time){ .ns = CUL_NO_TIME }, cul_str(why));
		enum cul_status status = cul_damaged(parse, &rec, why);
		return status == CUL_OK ? cul_kmem_missing(parse, NULL, "container", why) : status;
	}
	cul_printk_read(m, CUL_PRINTK_FULL, &log, why, sizeof(why));
	enum cul_status status = tell(parse, m, &log);
	if (status == CUL_OK)
		status = tell_damage(parse, m, &log, why);
	if (status == CUL_OK && log.text)
		status = cul_dump_text(parse, "dmesg", cul_slice(log.text, log.size));
	cul_printk_free(&log);
	if (status == CUL_OK && m->levels)
		status = cul_vmcore_tasks(parse, m);
	if (status == CUL_OK && m->image.damaged) {
		struct cul_record rec = cul_dump_record(parse, cul_kmem_crash_time(m), CUL_NONE);
		snprintf(why, sizeof(why), "%llu pages that the dump should have are cut off or garbled", (unsigned long long)m->image.damaged);
		status = cul_damaged(parse, &rec, why);
	}
	cul_kmem_close(m);
	return status;
}

const struct cul_parser cul_parser_vmcore = {
	.name = "vmcore",
	.about = "kernel dumps: kdump-compressed, ELF, flattened (makedumpfile, QEMU, virsh dump)",
	.kinds = CUL_KINDS(CUL_KIND("dump.kernel", 2, "", F_KERNEL, F_ARCH, F_BUILD_ID, F_HOST, F_UPTIME_S, F_PANIC, F_FORM, F_PACKING, F_CPU_COUNT, F_TOTAL_MIB,
				    F_INCOMPLETE, F_DUMP_LEVEL, F_FILTERED, F_PAGING, F_PARTS, F_LOG_RECORDS, F_LOG_LOST),
			   CUL_KIND("dump.part", 1, "", F_PART, F_PARTS, F_FROM_MIB, F_TO_MIB),
			   CUL_VMCORE_KINDS
			   CUL_KIND("dump.missing", 1, "", F_STAGE, F_WHY)),
	.claim = claim,
	.open = open_dump,
};
