/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The memory of a kernel that died, as its dump has it: what kallsyms, BTF, tasks, stacks and locks read.
 *
 * Everything here answers false, NULL or the default where the dump does not have it: a dump is filtered as a rule
 * (makedumpfile -d 31 leaves free, user and cache pages out), and holes in kernel data are normal. Nothing allocates by
 * what the dump says; lists that the dump holds may be circular or garbage, so whoever walks one brings a bound.
 */
#ifndef CUL_PARSERS_DUMP_KMEM_H
#define CUL_PARSERS_DUMP_KMEM_H

#include "base/slice.h"
#include "parsers/parser.h"

struct cul_kmem;

/* ---- pages ---------------------------------------------------------------------------------------- */

enum cul_kmem_page {
	CUL_PAGE_PRESENT,
	CUL_PAGE_FILTERED, /* memory, but left out when the dump was written: unknown, not zero */
	CUL_PAGE_MISSING,  /* no memory there */
	CUL_PAGE_DAMAGED,  /* the dump should have it; cut off or garbled */
};

/** What is at physical address @phys. */
enum cul_kmem_page cul_kmem_page(struct cul_kmem *kmem, uint64_t phys);
/** The next page at or behind *@phys that is present; for scans. False: none. Bring a bound: there may be 2^30 of them. */
bool cul_kmem_next(struct cul_kmem *kmem, uint64_t *phys);
uint64_t cul_kmem_page_size(const struct cul_kmem *kmem);

/** Exactly @size bytes, or false (and @buf is whatever it is): a page of them is not there. */
bool cul_kmem_phys(struct cul_kmem *kmem, uint64_t phys, void *buf, size_t size);
bool cul_kmem_virt(struct cul_kmem *kmem, uint64_t vaddr, void *buf, size_t size);
/** In the address space of a process: @pgd as mm->pgd says it (a kernel virtual address). */
bool cul_kmem_user(struct cul_kmem *kmem, uint64_t pgd, uint64_t vaddr, void *buf, size_t size);
/** Kernel virtual -> physical by the dump's page tables. */
bool cul_kmem_translate(struct cul_kmem *kmem, uint64_t vaddr, uint64_t *phys);

/** Little endian numbers at @vaddr. */
bool cul_kmem_u64(struct cul_kmem *kmem, uint64_t vaddr, uint64_t *ret);
bool cul_kmem_u32(struct cul_kmem *kmem, uint64_t vaddr, uint32_t *ret);
/** A C string of at most @size - 1 bytes, always terminated; cut where memory ends. False: not a byte of it is there. */
bool cul_kmem_text(struct cul_kmem *kmem, uint64_t vaddr, char *buf, size_t size);

/* ---- VMCOREINFO ------------------------------------------------------------------------------------- */

/** SYMBOL(name), hex. */
bool cul_kmem_symbol(const struct cul_kmem *kmem, const char *name, uint64_t *ret);
/** NUMBER(name), signed decimal or 0x. */
bool cul_kmem_number(const struct cul_kmem *kmem, const char *name, int64_t *ret);
/** OFFSET(name), SIZE(name), LENGTH(name): "printk_info.ts_nsec". */
bool cul_kmem_offset(const struct cul_kmem *kmem, const char *name, uint64_t *ret);
bool cul_kmem_size(const struct cul_kmem *kmem, const char *name, uint64_t *ret);
bool cul_kmem_length(const struct cul_kmem *kmem, const char *name, uint64_t *ret);
/** The value of a bare key: "OSRELEASE", "BUILD-ID", "CRASHTIME". Empty: not there. Lives as long as @kmem. */
struct cul_slice cul_kmem_string(const struct cul_kmem *kmem, const char *key);

/* ---- the machine ------------------------------------------------------------------------------------ */

enum cul_kmem_machine { CUL_KMEM_OTHER, CUL_KMEM_X86_64, CUL_KMEM_ARM64 };

enum cul_kmem_machine cul_kmem_machine(const struct cul_kmem *kmem);
/** 4 or 5 on x86-64; 0: kernel addresses can't be translated (only cul_kmem_phys() works). */
int cul_kmem_levels(const struct cul_kmem *kmem);
/** Why not, where it is 0. */
const char *cul_kmem_untranslated(const struct cul_kmem *kmem);
struct cul_slice cul_kmem_release(const struct cul_kmem *kmem);  /* "6.1.0-56-amd64"; may be empty */
struct cul_slice cul_kmem_build_id(const struct cul_kmem *kmem); /* hex digits, may be empty */
/** How far KASLR moved the kernel; false: not known. */
bool cul_kmem_kaslr(const struct cul_kmem *kmem, uint64_t *ret);
/** When it crashed, UTC; { CUL_NO_TIME } if not known. With CUL_CLOCK_UTC. */
struct cul_time cul_kmem_crash_time(const struct cul_kmem *kmem);

/** Registers of a CPU when it was stopped, from its NT_PRSTATUS, in the order of struct user_regs_struct. */
struct cul_kmem_cpu {
	unsigned cpu; /* number of the note: offline CPUs may have none, so check @pid against the task */
	int pid;      /* 0: idle; -1: not told (QEMU) */
	unsigned count;
	/* x86-64 (27): r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss fs_base gs_base ds es fs gs
	 * arm64 (34): x0..x30 sp pc pstate */
	uint64_t regs[34];
};
enum { CUL_X86_BP = 4, CUL_X86_DI = 14, CUL_X86_IP = 16, CUL_X86_SP = 19, CUL_ARM_FP = 29, CUL_ARM_SP = 31, CUL_ARM_PC = 32 };

/** All of them; @count may be 0. */
const struct cul_kmem_cpu *cul_kmem_cpus(const struct cul_kmem *kmem, size_t *count);

/* ---- what comes of it --------------------------------------------------------------------------------- */

/** Emit dump.missing: @stage ("log", "symbols", "types", "tasks", "stacks", "locks") could not be had, and @why. */
enum cul_status cul_kmem_missing(struct cul_parse *parse, const struct cul_kmem *kmem, const char *stage, const char *why);

/**
 * Symbols, types, tasks, stacks, locks: ktask.c. Called by vmcore.c after the log; observes what it finds and, by
 * cul_kmem_missing(), what it can't. ktask.h has CUL_VMCORE_KINDS: the kinds it emits, as a list of CUL_KIND(…) each followed
 * by a comma.
 */
enum cul_status cul_vmcore_tasks(struct cul_parse *parse, struct cul_kmem *kmem);

/* ---- opening: vmcore.c, cli ---------------------------------------------------------------------------- */

struct cul_image;

/** @image is borrowed for the life of *@ret. False: no dump that can be read; @why (of @size bytes) says why in a sentence. */
bool cul_kmem_open(const struct cul_image *image, struct cul_kmem **ret, char *why, size_t size);
/** The same over the files of a set (ksplit.h): they and @images are borrowed. */
bool cul_kmem_open_parts(const struct cul_image *const *images, size_t count, struct cul_kmem **ret, char *why, size_t size);
void cul_kmem_close(struct cul_kmem *kmem);

#endif
