/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A kernel inside a dump: its symbols, types, modules and tasks. Inner to the dumps' parsers.
 *
 * All that is read may be missing (filtered pages, a torn dump) or made up: each read can fail, each list is walked so far and
 * no further, and what could not be had is told as dump.missing.
 */
#ifndef CUL_PARSERS_DUMP_KERNEL_H
#define CUL_PARSERS_DUMP_KERNEL_H

#include "parsers/dump/btf.h"
#include "parsers/dump/kallsyms.h"
#include "parsers/dump/kmem.h"

#define CUL_K_TASKS 65536   /* read at most */
#define CUL_K_STACKS 4096   /* unwound at most */
#define CUL_K_FRAMES 64	    /* of one stack; deeper ones are cut */
#define CUL_K_MODULES 1024
#define CUL_K_CPUS 8192
#define CUL_K_LIST 65536    /* steps along any other list */
#define CUL_K_SEARCHES 512  /* stacks searched at most */

/** CPU registers that unwinding begins with. */
struct cul_kregs {
	uint64_t ip, sp, bp;
	uint64_t r10, r13, dx, di;
	uint64_t lr; /* arm64's x30; 0: not known */
	bool user; /* the CPU was in user space */
};

struct cul_kframe {
	uint64_t ip;
	bool exact;   /* ip is where it stood (interrupted, on the CPU), not the address behind a call */
	bool guessed; /* found by searching the stack, not by unwinding */
};

enum cul_kend { CUL_K_CUT, CUL_K_TOP, CUL_K_USER, CUL_K_LOST, CUL_K_NONE }; /* how a stack ended; NONE: it is not in the dump */

/** Where a stack lies. */
struct cul_kspan {
	uint64_t low, high;
	uint64_t task_low, task_high; /* the task's own, which one of an interrupt leads to; 0: none, or the same */
};

/** Where frame pointers lead: arm64's struct pt_regs; offsets, -1: no such member. */
struct cul_kframe_layout {
	bool arm, typed;    /* typed: records of exceptions are marked as such */
	int64_t record, registers, pc, pstate;
	uint64_t signature; /* bits that pointer authentication may have changed */
};

struct cul_kstack {
	struct cul_kframe frames[CUL_K_FRAMES];
	unsigned count;
	enum cul_kend end;
};

struct cul_kregion {
	uint64_t base, size;
	bool text;
};

struct cul_kmodule {
	char name[64], version[32];
	uint64_t address; /* of its struct module */
	struct cul_kregion regions[8];
	unsigned region_count;
	uint64_t symtab, strtab, orc_ip, orc, btf_data;
	uint32_t symbols, orcs, btf_size;
	uint64_t taints;
	unsigned state; /* 0 live, 1 coming, 2 going */
	bool loaded, typed; /* symbols, types: read once, when first asked for */
	struct cul_ksymbol *table; /* ascending */
	uint32_t table_count;
	struct cul_btf *btf;
};

struct cul_ktask {
	uint64_t address, stack, sp, mm, signal, parent, worker, vfork_done;
	int64_t idle_ns; /* since it last got a CPU; -1: unknown */
	int64_t age_ns;	 /* since it was started; -1: unknown */
	uint32_t pid, tgid, ppid, state, exit_state, flags, cpu;
	bool on_cpu, panicked, iowait, active; /* active: chosen by its run queue */
	char letter;	/* as ps shows it */
	char comm[17];
	char wait_function[96];
	char work_function[96], workqueue[64];
	const char *command; /* arguments joined by blanks, or NULL */
	struct cul_kstack *stack_frames; /* NULL: not unwound */
};

struct cul_kernel {
	struct cul_parse *parse;
	struct cul_kmem *mem;
	struct cul_arena *arena;
	struct cul_ksource source;
	struct cul_kallsyms syms;
	struct cul_btf btf;
	struct cul_time time; /* when the dump was taken */
	uint64_t clock_ns;    /* newest run queue clock; 0: unknown */
	uint64_t stack_size;
	uint64_t stext, etext, sinittext, einittext;
	bool text_only;	    /* kallsyms has functions only */
	uint64_t image_end; /* of text_only: where the kernel's image ends */
	struct cul_kfound {
		const char *name;
		uint64_t value;
	} found[16];	    /* variables that kallsyms does not have */
	unsigned found_count;
	struct {
		uint64_t ip, table;
		uint32_t count, size;
		uint32_t sp_reg, bp_reg, type, type_bits, signal, end; /* bit offsets; UINT32_MAX: no such member */
		bool ready;
	} orc;
	struct cul_kframe_layout frame;
	int64_t inactive_size, inactive_bp, inactive_ip; /* struct inactive_task_frame */
	int64_t thread_fp, thread_pc; /* arm64: in task_struct; -1 elsewhere */
	struct cul_kmodule *modules;
	uint32_t module_count;
	struct cul_ktask *tasks;
	uint32_t task_count, task_room;
	uint32_t *task_buckets, task_mask; /* index + 1 by address */
	uint32_t missing; /* dump.missing told so far */
	uint32_t symbols_read; /* of all modules */
	uint32_t searches;     /* stacks searched so far */
	uint32_t thread_steps; /* along lists of threads so far */
	uint64_t module_low, module_high; /* no module lies outside */
	bool tasks_cut;
};

/* ---- kernel.c: memory, symbols, types ------------------------------------------------------------------------------ */

bool cul_kread(const struct cul_kernel *k, uint64_t address, void *buffer, size_t size);
uint64_t cul_kread_u64(const struct cul_kernel *k, uint64_t address); /* 0: not there */
uint32_t cul_kread_u32(const struct cul_kernel *k, uint64_t address);
/** A NUL-terminated text of at most @size - 1 bytes; what isn't printable is '?'. False: not there or empty. */
bool cul_kread_text(const struct cul_kernel *k, uint64_t address, char *out, size_t size);
/** Address of a symbol: kallsyms, else VMCOREINFO. */
bool cul_ksymbol(const struct cul_kernel *k, const char *name, uint64_t *ret);
static inline int64_t cul_koffset(const struct cul_kernel *k, const char *type, const char *path)
{
	return cul_btf_offset(&k->btf, type, path);
}
/** Does @address look like one of the kernel's half? */
static inline bool cul_kaddress(uint64_t address)
{
	return address >= 0xff00000000000000ull;
}

struct cul_kname {
	char name[96]; /* without .isra.0 and the like it is cul_kname_plain() */
	const char *module; /* NULL: the kernel itself */
	uint64_t offset, size;
};

/** The symbol at @address; @exact: it is no return address. False: it has no name. */
bool cul_kname_at(struct cul_kernel *k, uint64_t address, bool exact, struct cul_kname *ret);
/** "lock_a+0x0 [incident]" of a variable or function, in @out; empty if it has no name. */
void cul_kname_print(struct cul_kernel *k, uint64_t address, char *out, size_t size);
/** Tell that a stage failed: dump.missing. */
enum cul_status cul_kmissing(struct cul_kernel *k, const char *stage, const char *why);
struct cul_record cul_krecord(const struct cul_kernel *k, const char *text);

/* ---- kfind.c ----------------------------------------------------------------------------------------------------------- */

/** Where kallsyms has functions only: search the image for the variables that the others here ask for. */
void cul_kfind_symbols(struct cul_kernel *k);
/** The same by types: once BTF is there. */
void cul_kfind_lists(struct cul_kernel *k);
bool cul_kfound_at(const struct cul_kernel *k, const char *name, uint64_t *ret);

/* ---- kmodule.c -------------------------------------------------------------------------------------------------------- */

bool cul_kmodules_load(struct cul_kernel *k, const char **why);
struct cul_kmodule *cul_kmodule_at(const struct cul_kernel *k, uint64_t address);
bool cul_kmodule_symbol(struct cul_kernel *k, struct cul_kmodule *module, uint64_t address, struct cul_ksymbol *ret);
/** The module's own types over the kernel's; NULL: it has none. */
const struct cul_btf *cul_kmodule_btf(struct cul_kernel *k, struct cul_kmodule *module);
enum cul_status cul_kmodules_tell(struct cul_kernel *k);

/* ---- orc.c ------------------------------------------------------------------------------------------------------------ */

bool cul_ktext(const struct cul_kernel *k, uint64_t address);
bool cul_korc_load(struct cul_kernel *k, const char **why);
/** Unwind from @regs; @span bounds the stack for frame pointers, and for what is only searched. */
void cul_kunwind(struct cul_kernel *k, const struct cul_kregs *regs, bool exact, struct cul_kspan span, struct cul_kstack *stack);

/* ---- kframe.c --------------------------------------------------------------------------------------------------------- */

void cul_kframe_load(struct cul_kernel *k);
/** A return address without its signature. */
uint64_t cul_kreturn_address(const struct cul_kernel *k, uint64_t word);
/** One frame back along frame pointers. False: it ended, stack->end says how. */
bool cul_kframe_step(struct cul_kernel *k, struct cul_kregs *r, bool *exact, struct cul_kspan *span, struct cul_kstack *stack);

/* ---- ktask.c ---------------------------------------------------------------------------------------------------------- */

bool cul_ktasks_load(struct cul_kernel *k, const char **why);
struct cul_ktask *cul_ktask_at(const struct cul_kernel *k, uint64_t address);
enum cul_status cul_ktasks_tell(struct cul_kernel *k);

/* ---- kstack.c --------------------------------------------------------------------------------------------------------- */

void cul_ktasks_unwind(struct cul_kernel *k);
/** Is @name among the frames of @task that are no guesses? A trailing '*' stands for any end. */
bool cul_ktask_in(struct cul_kernel *k, const struct cul_ktask *task, const char *name);

/* ---- klock.c, kinfo.c ------------------------------------------------------------------------------------------------- */

enum cul_status cul_klocks_tell(struct cul_kernel *k);
enum cul_status cul_kinfo_tell(struct cul_kernel *k);
/** "ext4 sda1" of the super block at @address. @frozen: 0 not, else its level. False: it is none. */
bool cul_ksuper(struct cul_kernel *k, uint64_t address, char type[32], char id[40], int *frozen);

#endif
