/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A user-space core file in memory's terms: what was mapped where, which threads there were, what of it is in the file.
 *
 * core_notes.c reads header, segments and notes; core_memory.c reads memory by address, modules, arguments, stacks;
 * core_fault.c says what a signal means; core_text.c finds what the program said last; core_futex.c who waits for whom;
 * core_python.c what Python ran; core_go.c goroutines; elf_core.c tells it all. Addresses are the program's own. Little-endian, 64 bit.
 */
#ifndef CUL_PARSERS_DUMP_CORE_NOTES_H
#define CUL_PARSERS_DUMP_CORE_NOTES_H

#include "parsers/image.h"
#include "parsers/parser.h"

#define CUL_CORE_SEGMENTS (1u << 18) /* vm.max_map_count is 65530; some raise it */
#define CUL_CORE_NOTES (1u << 20)
#define CUL_CORE_THREADS (1u << 16)
#define CUL_CORE_MODULES 4096
#define CUL_CORE_FILES_BYTES (16u << 20) /* an NT_FILE note: the kernel's own limit is 4 MiB, by sysctl at most 16 */
#define CUL_CORE_FRAMES 24

enum cul_core_machine { CUL_CORE_X86_64 = 62, CUL_CORE_AARCH64 = 183, CUL_CORE_RISCV = 243 };

struct cul_core_segment {
	uint64_t start, end, offset;
	uint64_t there; /* bytes of it that are in the file */
	uint32_t flags; /* PF_X 1, PF_W 2, PF_R 4 */
};

/** A mapping of a file (NT_FILE). */
struct cul_core_map {
	uint64_t start, end, offset;
	struct cul_slice path;
};

struct cul_core_module {
	uint64_t base, end, bias; /* bias: what to take off an address to get the file's own */
	struct cul_slice path;
	char build_id[41];
	char package[80], version[80]; /* as the ELF note of its package says, may be empty */
};

struct cul_core_thread {
	int64_t tid;
	int64_t number;  /* of the system call it is in, -1: in none, or unknown */
	uint64_t arg[4]; /* of that call */
	uint64_t pc, sp, fp, lr, tls;
	uint64_t at;     /* offset of its NT_PRSTATUS in the file */
	bool registers; /* the machine is one whose registers are known here */
};

struct cul_core_signal {
	int number, code;
	bool told; /* NT_SIGINFO was there */
	uint64_t address;
	int64_t sender, sender_uid;
	bool raised_again; /* a handler raised it again: code, address and pc are those of the first, found on the stack */
	uint64_t pc, sp;   /* of that first one */
};

struct cul_core {
	const struct cul_image *image;
	unsigned machine;
	struct cul_core_segment *segments; /* by address */
	size_t segment_count;
	struct cul_core_map *maps; /* by address */
	size_t map_count;
	char *map_bytes;
	struct cul_core_module *modules; /* by address */
	size_t module_count;
	struct cul_core_thread *threads; /* the one that died first */
	size_t thread_count;
	unsigned char *auxv;
	size_t auxv_size;
	int64_t pid, uid;
	char comm[17], psargs[81];
	struct cul_core_signal signal;
	uint64_t promised, missing; /* bytes that the headers promise; of which are not there */
	bool notes_cut;             /* some notes are not there or damaged */
	uint64_t vdso;
	uint64_t argv; /* where argc stands on the stack: above it lie arguments and environment */
};

static inline uint16_t cul_core_u16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t cul_core_u32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t cul_core_u64(const unsigned char *p)
{
	return (uint64_t)cul_core_u32(p) | (uint64_t)cul_core_u32(p + 4) << 32;
}

/* ---- core_notes.c */
/** Header, segments, notes. CUL_OK also where @why tells what could not be read (it is then no core to go on with). */
enum cul_status cul_core_load(struct cul_core *core, const struct cul_image *image, const char **why);
void cul_core_free(struct cul_core *core);

/* ---- core_memory.c */
/** Up to @size bytes of the program's memory at @address; fewer where the core has no more. */
size_t cul_core_read(const struct cul_core *core, uint64_t address, void *buffer, size_t size);
bool cul_core_word(const struct cul_core *core, uint64_t address, uint64_t *ret);
bool cul_core_half(const struct cul_core *core, uint64_t address, uint32_t *ret);
/** @size bytes at @at of the program's memory. True: that was it, look no further. */
typedef bool (*cul_core_look)(void *ctx, const unsigned char *bytes, size_t size, uint64_t at);
/**
 * Search the writable data of files and what follows on it (.bss), block by block; each has the first @overlap bytes of the next behind it.
 * @wanted says by its path which files' are meant; NULL: all. @left: bytes that may still be looked through, less what was. True: @look was
 * satisfied; false also where there is no memory.
 */
bool cul_core_search(const struct cul_core *core, bool (*wanted)(struct cul_slice path), size_t overlap, size_t *left, cul_core_look look, void *ctx);
/** The segment that holds @address, or the next one above it with @above; NULL. */
const struct cul_core_segment *cul_core_segment(const struct cul_core *core, uint64_t address, bool above);
const struct cul_core_map *cul_core_map(const struct cul_core *core, uint64_t address);
const struct cul_core_module *cul_core_module(const struct cul_core *core, uint64_t address);
/** Modules from mappings and the ELF headers that are in the core. */
enum cul_status cul_core_modules(struct cul_core *core);
/** "libc.so.6+0x8b12b", "[vdso]+0x9c0", "[stack]", "[anonymous]", "unmapped" into @to. Returns @to. */
const char *cul_core_place(const struct cul_core *core, uint64_t address, char *to, size_t size);
/** A value of the auxiliary vector; 0 when it isn't there. */
uint64_t cul_core_aux(const struct cul_core *core, uint64_t type);
/** Arguments, joined by blanks, into @to; sets core->argv. False: they are not in the core. */
bool cul_core_arguments(struct cul_core *core, char *to, size_t size);
/** Path of the program: AT_EXECFN or the mapped file at AT_PHDR, into @to. */
bool cul_core_program(const struct cul_core *core, char *to, size_t size);
/** Return addresses of @thread into @at: by frame pointers if they hold a chain (*@chain), else words that may be some. */
size_t cul_core_frames(const struct cul_core *core, const struct cul_core_thread *thread, uint64_t at[CUL_CORE_FRAMES], bool *chain);

/* ---- core_unwind.c */
struct cul_core_call {
	uint64_t pc;
	char function[128], file[96]; /* may be empty */
	int line;
};
struct cul_core_calls {
	struct cul_core_call *calls; /* thread by thread */
	size_t *first;               /* of a thread: where its calls begin; one more than threads */
	size_t threads;
	char why[256];               /* what keeps (some) frames from being known; may be empty */
};
/** Ask @unwinder about the first threads; CUL_ENOMEM. Nothing asked or nothing found is CUL_OK with no calls. */
enum cul_status cul_core_unwind(const struct cul_core *core, const struct cul_unwinder *unwinder, struct cul_core_calls *ret);
void cul_core_calls_free(struct cul_core_calls *calls);

/* ---- core_fault.c */
struct cul_core_fault {
	const char *signal, *code; /* "SIGSEGV", "SEGV_MAPERR"; code may be NULL */
	const char *event;         /* the class: null-pointer, stack-overflow, … */
	char why[400];
	char file[256]; /* the file mapped at the fault address */
	bool address;   /* the fault has one */
};
/** Where a handler raised the signal again, find the first one on the stack (x86-64). */
void cul_core_first_signal(struct cul_core *core);
void cul_core_judge(const struct cul_core *core, struct cul_core_fault *fault);
const char *cul_core_signal_name(int number);

/* ---- core_text.c */
struct cul_core_words {
	const char *event, *source; /* as native.abort has them; "glibc's abort message", … */
	char text[512];
	char exception[128];
};
/** What the program said last. False: nothing was found. */
bool cul_core_last_words(const struct cul_core *core, struct cul_core_words *words);

/* ---- core_futex.c */
struct cul_core_wait {
	size_t thread, owner; /* indexes; owner is SIZE_MAX if it is no thread of this core */
	int64_t owner_tid;
	uint64_t lock;
	const char *what; /* "mutex", "rwlock" */
};
/** Threads that wait for a lock whose owner is known; at most @room. */
size_t cul_core_waits(const struct cul_core *core, struct cul_core_wait *waits, size_t room);
/** Number each cycle: @ret[i] is 1, 2, … for a wait that is part of one, else 0. Returns how many cycles there are. */
size_t cul_core_cycles(const struct cul_core *core, const struct cul_core_wait *waits, size_t count, size_t *ret);

/* ---- core_go.c */
extern const struct cul_kind cul_kind_core_goroutines;
/** The same of a Go program's goroutines, those with equal stacks together, as core.goroutines. */
enum cul_status cul_core_go(struct cul_parse *parse, const struct cul_core *core, struct cul_time time, char why[200]);

/* ---- core_python.c */
extern const struct cul_kind cul_kind_core_python;
/** Tell what each thread of a CPython runs, as core.python and thread.stack. @why: what was not read, or empty. */
enum cul_status cul_core_python(struct cul_parse *parse, const struct cul_core *core, struct cul_time time, char why[200]);

#endif
