/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a signal means: number, si_code and address of NT_SIGINFO against what is mapped where.
 *
 * Numbers and codes as in include/uapi/asm-generic/siginfo.h. SIGSEGV with SI_KERNEL is a general protection fault on x86 (a
 * non-canonical address); its address reads 0 and means nothing. A crash handler (Python's faulthandler, Breakpad, Go, absl) mostly raises
 * the signal once more, and then siginfo tells of that: registers, trap and address of the first one still lie in the frame that the
 * kernel built on the handler's stack (struct rt_sigframe of arch/x86/include/asm/sigframe.h), and are searched there.
 */
#include "parsers/dump/core_notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SIG_ILL = 4, SIG_TRAP = 5, SIG_ABRT = 6, SIG_BUS = 7, SIG_FPE = 8, SIG_SEGV = 11, SIG_STOP = 19 };
enum { SI_KERNEL = 128, SI_USER = 0, SI_TKILL = -6, SI_QUEUE = -1 };
#define LOW_ADDRESS 0x10000 /* vm.mmap_min_addr: nothing is ever mapped below */
#define GUARD (1u << 20)    /* stack_guard_gap: 256 pages below the main thread's stack */
#define BIG_FRAME (1u << 20)
#define HANDLER_STACK (64u << 10)
#define HANDLER_FRAME (16u << 10) /* with AVX-512 and AMX state it is 11 KiB */
#define FRAME (40 + 23 * 8)

struct code_name {
	int signal, code;
	const char *name, *words;
};
static const struct code_name codes[] = {
	{ SIG_SEGV, 1, "SEGV_MAPERR", "nothing is mapped there" },
	{ SIG_SEGV, 2, "SEGV_ACCERR", "the mapping forbids that access" },
	{ SIG_SEGV, 3, "SEGV_BNDERR", "bounds check failed" },
	{ SIG_SEGV, 4, "SEGV_PKUERR", "forbidden by a memory protection key" },
	{ SIG_SEGV, 5, "SEGV_ACCADI", "ADI not enabled for the object" },
	{ SIG_SEGV, 8, "SEGV_MTEAERR", "memory tag mismatch, told late" },
	{ SIG_SEGV, 9, "SEGV_MTESERR", "memory tag mismatch" },
	{ SIG_SEGV, 10, "SEGV_CPERR", "control protection fault: a return address was changed" },
	{ SIG_BUS, 1, "BUS_ADRALN", "misaligned address" },
	{ SIG_BUS, 2, "BUS_ADRERR", "no memory behind the mapping" },
	{ SIG_BUS, 3, "BUS_OBJERR", "hardware error of the object" },
	{ SIG_BUS, 4, "BUS_MCEERR_AR", "the memory there has failed (uncorrected error)" },
	{ SIG_BUS, 5, "BUS_MCEERR_AO", "memory has failed (uncorrected error, not yet used)" },
	{ SIG_ILL, 1, "ILL_ILLOPC", "illegal opcode" },
	{ SIG_ILL, 2, "ILL_ILLOPN", "illegal operand" },
	{ SIG_ILL, 5, "ILL_PRVOPC", "privileged opcode" },
	{ SIG_FPE, 1, "FPE_INTDIV", "integer division by zero or overflow" },
	{ SIG_FPE, 3, "FPE_FLTDIV", "floating-point division by zero" },
	{ SIG_TRAP, 1, "TRAP_BRKPT", "breakpoint" },
	{ SIG_TRAP, 2, "TRAP_TRACE", "trace trap" },
};

const char *cul_core_signal_name(int number)
{
	static const char *const names[] = { NULL, "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE",
					     "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT",
					     "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU",
					     "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS" };
	return number > 0 && (size_t)number < sizeof(names) / sizeof(names[0]) ? names[number] : NULL;
}

static bool is_fault(int signal)
{
	return signal == SIG_SEGV || signal == SIG_BUS || signal == SIG_ILL || signal == SIG_FPE || signal == SIG_TRAP;
}

static bool sent(const struct cul_core_signal *s)
{
	return s->told && (s->code <= 0);
}

/* Numbers of x86's traps: what signal they bring. */
static bool trap_brings(uint64_t trap, int signal)
{
	switch (trap) {
	case 0: case 16: case 19: return signal == SIG_FPE;
	case 6: return signal == SIG_ILL;
	case 13: return signal == SIG_SEGV;
	case 14: return signal == SIG_SEGV || signal == SIG_BUS;
	default: return false;
	}
}

/* struct ucontext: flags, link (0), stack (3 words), then sigcontext in words: rsp 15, rip 16, flags 17, cs 18, err 19, trapno 20, cr2 22 */
static bool frame_at(struct cul_core *core, const unsigned char *u, bool over)
{
	const unsigned char *c = u + 40;
	struct cul_core_signal *s = &core->signal;
	uint64_t pc = cul_core_u64(c + 16 * 8), sp = cul_core_u64(c + 15 * 8), trap = cul_core_u64(c + 20 * 8), cr2 = cul_core_u64(c + 22 * 8);
	int signal = s->number == SIG_ABRT ? SIG_SEGV : s->number;
	if (cul_core_u64(u) > 15 || cul_core_u64(u + 8) || cul_core_u16(c + 18 * 8) != 0x33 || !(cul_core_u64(c + 17 * 8) & 2) || !trap_brings(trap, signal))
		return false;
	const struct cul_core_segment *code = cul_core_segment(core, pc, false);
	if ((!code || !(code->flags & 1)) && !(trap == 14 && pc == cr2))
		return false;
	/* below the stack pointer lies what is over: it counts if the handler has gone back to where it came from.
	 * abort()'s own frame may hold the number of a trap of long ago. */
	if (over ? pc != core->threads[0].pc : s->number == SIG_ABRT && pc == core->threads[0].pc)
		return false;
	s->number = signal;
	s->code = trap == 13 ? SI_KERNEL : trap != 14 ? 1 : signal == SIG_BUS || cul_core_u64(c + 19 * 8) & 1 ? 2 : 1;
	s->address = trap == 14 ? cr2 : pc;
	s->pc = pc;
	s->sp = sp;
	s->raised_again = true;
	return true;
}

void cul_core_first_signal(struct cul_core *core)
{
	const struct cul_core_signal *s = &core->signal;
	unsigned char block[4096 + FRAME];
	if (core->machine != CUL_CORE_X86_64 || !core->thread_count || !sent(s) || !(is_fault(s->number) || s->number == SIG_ABRT))
		return;
	uint64_t sp = (core->threads[0].sp + 7) & ~UINT64_C(7), from = sp > HANDLER_FRAME ? sp - HANDLER_FRAME : 0;
	for (uint64_t at = 0; at < HANDLER_STACK + HANDLER_FRAME; at += 4096) {
		size_t n = cul_core_read(core, from + at, block, sizeof(block));
		for (size_t i = 0; i < 4096 && i + FRAME <= n; i += 8)
			if (frame_at(core, block + i, from + at + i < sp))
				return;
		if (n < sizeof(block) && from + at >= sp)
			return;
	}
}

static void __attribute__((format(printf, 2, 3))) say(struct cul_core_fault *f, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(f->why, sizeof(f->why), format, args);
	va_end(args);
}

/* A stack that ends just above the fault: grown to its limit, or a guard page below it. */
static const struct cul_core_segment *stack_above(const struct cul_core *core, uint64_t address, uint64_t sp)
{
	const struct cul_core_segment *s = cul_core_segment(core, address, true);
	if (s && address >= s->start && !(s->flags & 2)) /* the guard: its own mapping without any right */
		s = s->flags & 7 || s->end - address > GUARD ? NULL : cul_core_segment(core, s->end, false);
	if (!s || !(s->flags & 2) || s->start <= address || s->start - address > GUARD + 4096)
		return NULL;
	/* the stack pointer is there too: in the guard, or so low that the frame at hand reaches into it */
	bool near = sp < s->start ? s->start - sp <= GUARD + BIG_FRAME : sp - s->start <= BIG_FRAME / 16 && sp < s->end;
	return near && (sp > address ? sp - address : address - sp) <= BIG_FRAME + GUARD ? s : NULL;
}

static void judge_segv(const struct cul_core *core, struct cul_core_fault *f, uint64_t pc, uint64_t sp)
{
	const struct cul_core_signal *s = &core->signal;
	unsigned long long address = s->address;
	if (s->code == SI_KERNEL) {
		f->event = "non-canonical";
		f->address = false;
		say(f, "general protection fault: the address used is none that can exist (a pointer overwritten with other data, or freed memory used)");
		return;
	}
	const struct cul_core_segment *at = cul_core_segment(core, s->address, false), *stack = stack_above(core, s->address, sp);
	if (s->address == pc && s->address < LOW_ADDRESS) {
		f->event = "null-call";
		say(f, "a function was called through a null pointer (0x%llx)", address);
	} else if (s->address < LOW_ADDRESS) {
		f->event = "null-pointer";
		say(f, "null pointer: address 0x%llx was used%s", address, s->address ? ", a field of an object that isn't there" : "");
	} else if (stack) {
		f->event = "stack-overflow";
		say(f, "stack overflow: address 0x%llx lies below the stack of %llu KiB that the stack pointer 0x%llx is in", address,
		    (unsigned long long)(stack->end - stack->start) / 1024, (unsigned long long)sp);
	} else if (s->address == pc) {
		f->event = "wild-call";
		say(f, "code was called at 0x%llx, where %s", address, at ? "is none that may run" : "nothing is mapped");
	} else if (s->code == 10 || s->code == 8 || s->code == 9) {
		f->event = "tag-mismatch";
		say(f, "%s at 0x%llx", s->code == 10 ? "control protection fault" : "memory tag mismatch (freed or foreign memory used)", address);
	} else if (s->code == 2 || at) {
		f->event = "protection";
		say(f, "address 0x%llx is mapped, but not for that (%s%s%s)", address, at && at->flags & 4 ? "r" : "-",
		    at && at->flags & 2 ? "w" : "-", at && at->flags & 1 ? "x" : "-");
	} else {
		f->event = "wild-pointer";
		say(f, "nothing is mapped at address 0x%llx: a pointer that was overwritten, freed or never set", address);
	}
}

static void judge_bus(const struct cul_core *core, struct cul_core_fault *f)
{
	const struct cul_core_signal *s = &core->signal;
	const struct cul_core_map *map = cul_core_map(core, s->address);
	unsigned long long address = s->address;
	struct cul_slice path = map ? map->path : CUL_NONE;
	if (s->code == 4 || s->code == 5) {
		f->event = "memory-failure";
		say(f, "the memory behind address 0x%llx has an uncorrected hardware error", address);
	} else if (s->code == 1) {
		f->event = "alignment";
		say(f, "misaligned access to 0x%llx", address);
	} else if (path.size && (cul_has(path, CUL_LIT("hugepage")) || cul_has(path, CUL_LIT("/dev/huge")) || cul_has(path, CUL_LIT("hugetlb")))) {
		f->event = "bus-hugepages";
		say(f, "no huge page was left for address 0x%llx", address);
	} else if (cul_starts(path, CUL_LIT("/dev/shm/")) || cul_starts(path, CUL_LIT("/memfd:")) || cul_starts(path, CUL_LIT("/SYSV")) || cul_starts(path, CUL_LIT("/run/")) ||
		   cul_starts(path, CUL_LIT("/dev/zero"))) {
		f->event = "bus-shm";
		say(f, "no memory for address 0x%llx of shared memory: its file system or memory limit is full, or it was made shorter", address);
	} else if (path.size && !cul_starts(path, CUL_LIT("/dev/"))) {
		f->event = "bus-file";
		say(f, "the mapped file has no data for address 0x%llx: it was truncated or replaced in place, or reading it failed", address);
	} else {
		f->event = "bus";
		say(f, "no memory could be had for address 0x%llx", address);
	}
}

void cul_core_judge(const struct cul_core *core, struct cul_core_fault *f)
{
	const struct cul_core_signal *s = &core->signal;
	const struct cul_core_thread *t = core->thread_count ? &core->threads[0] : NULL;
	const struct cul_core_map *map;
	uint64_t pc = s->raised_again ? s->pc : t ? t->pc : 0, sp = s->raised_again ? s->sp : t ? t->sp : 0;
	*f = (struct cul_core_fault){ .signal = cul_core_signal_name(s->number), .event = "unknown" };
	for (size_t i = 0; s->told && i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].signal == s->number && codes[i].code == s->code) {
			f->code = codes[i].name;
			say(f, "%s", codes[i].words);
		}
	if (s->told && !f->code)
		f->code = s->code == SI_USER ? "SI_USER" : s->code == SI_TKILL ? "SI_TKILL" : s->code == SI_QUEUE ? "SI_QUEUE" : s->code == SI_KERNEL ? "SI_KERNEL" : NULL;
	if (s->number == SIG_STOP) { /* gcore attaches to it with that */
		f->event = "snapshot";
		say(f, "the process was alive: the core is a snapshot");
	} else if (!s->told) {
		f->event = s->number == SIG_ABRT ? "abort" : s->number ? "unknown" : "snapshot";
		if (!s->number)
			say(f, "the process was alive: the core is a snapshot");
	} else if (s->number == SIG_ABRT) {
		f->event = s->code == SI_USER && s->sender != core->pid ? "sent" : "abort";
		say(f, s->code == SI_USER && s->sender != core->pid ? "process %lld sent SIGABRT" : "the program ended itself", (long long)s->sender);
	} else if (sent(s)) {
		bool self = s->sender == core->pid || !s->sender;
		f->event = is_fault(s->number) && self ? "raised" : "sent";
		if (self)
			say(f, is_fault(s->number) ? "the program raised the signal itself (a crash handler does so when it is done)" : "the program sent itself the signal");
		else
			say(f, "process %lld sent the signal", (long long)s->sender);
	} else if (is_fault(s->number)) {
		f->address = true;
		if (s->number == SIG_SEGV)
			judge_segv(core, f, pc, sp);
		else if (s->number == SIG_BUS)
			judge_bus(core, f);
		else
			f->event = s->number == SIG_FPE ? "arithmetic" : s->number == SIG_ILL ? "illegal-instruction" : "trap";
	}
	map = f->address && (s->number == SIG_SEGV || s->number == SIG_BUS) ? cul_core_map(core, s->address) : NULL;
	if (map)
		snprintf(f->file, sizeof(f->file), "%.*s", (int)(map->path.size < 255 ? map->path.size : 255), map->path.data);
}
