/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a minidump's exception means, in words: Linux signals, Windows codes, Mach exceptions.
 *
 * Linux: code is the signal, flags its si_code (Breakpad's linux_handler, Crashpad's snapshot); Windows: winnt.h, ntstatus.h, an
 * access violation says in its first two parameters what was tried and where; macOS: mach/exception_types.h.
 */
#include "parsers/dump/minidump.h"

#include <stdio.h>
#include <string.h>

struct code {
	uint32_t number;
	const char *name, *event, *why;
};

static const struct code on_linux[] = {
	{ 4, "SIGILL", "illegal-instruction", "an instruction that the CPU doesn't know, or a trap that the compiler put there" },
	{ 5, "SIGTRAP", "trap", "a breakpoint, or a check that the program makes of itself" },
	{ 6, "SIGABRT", "abort", "the program ended itself: a failed check, an exception that nobody caught" },
	{ 7, "SIGBUS", "bus", "memory that is mapped could not be had" },
	{ 8, "SIGFPE", "arithmetic", "a division by zero or an overflow" },
	{ 11, "SIGSEGV", "wild-pointer", "an address that isn't mapped" },
	{ 31, "SIGSYS", "trap", "a system call that a seccomp filter forbids" },
	{ 0xffffffff, NULL, "snapshot", "the program asked for this dump; it did not crash" },
};
static const struct code on_windows[] = {
	{ 0xc0000005, "EXCEPTION_ACCESS_VIOLATION", "wild-pointer", "an address that isn't mapped, or not for that" },
	{ 0xc0000006, "EXCEPTION_IN_PAGE_ERROR", "bus", "a page of a mapped file could not be read" },
	{ 0xc000001d, "EXCEPTION_ILLEGAL_INSTRUCTION", "illegal-instruction", "an instruction that the CPU doesn't know" },
	{ 0xc0000094, "EXCEPTION_INT_DIVIDE_BY_ZERO", "arithmetic", "a division by zero" },
	{ 0xc0000096, "EXCEPTION_PRIV_INSTRUCTION", "illegal-instruction", "an instruction that needs privileges" },
	{ 0xc00000fd, "EXCEPTION_STACK_OVERFLOW", "stack-overflow", "the stack is used up" },
	{ 0xc0000374, "STATUS_HEAP_CORRUPTION", "heap-corruption", "the heap was found damaged" },
	{ 0xc0000409, "STATUS_STACK_BUFFER_OVERRUN", "abort", "fail-fast: a check of the run-time or a damaged stack" },
	{ 0xc0000420, "STATUS_ASSERTION_FAILURE", "abort", "a failed assertion" },
	{ 0xc0000017, "STATUS_NO_MEMORY", "out-of-memory", "no memory was left" },
	{ 0xe0000008, "out of memory", "out-of-memory", "an allocation failed and the program gave up" },
	{ 0xe06d7363, "C++ exception", "abort", "an exception that nobody caught" },
	{ 0xe0434352, "CLR exception", "abort", "a .NET exception that nobody caught" },
	{ 0x80000003, "EXCEPTION_BREAKPOINT", "trap", "a breakpoint, or a check that the program makes of itself" },
	{ 0x0517a7ed, NULL, "snapshot", "the program asked for this dump; it did not crash" },
};
static const struct code on_macos[] = {
	{ 1, "EXC_BAD_ACCESS", "wild-pointer", "an address that isn't mapped, or not for that" },
	{ 2, "EXC_BAD_INSTRUCTION", "illegal-instruction", "an instruction that the CPU doesn't know" },
	{ 3, "EXC_ARITHMETIC", "arithmetic", "a division by zero or an overflow" },
	{ 5, "EXC_SOFTWARE", "abort", "the program raised it" },
	{ 6, "EXC_BREAKPOINT", "trap", "a breakpoint, or a check that the program makes of itself" },
	{ 10, "EXC_CRASH", "abort", "the program ended itself" },
	{ 11, "EXC_RESOURCE", "unknown", "a limit of the system was met" },
	{ 12, "EXC_GUARD", "abort", "a guarded resource was misused" },
	{ 0x43507378, NULL, "snapshot", "the program asked for this dump; it did not crash" },
};

static const char *code_name(const struct cul_minidump_fault *f)
{
	if (f->system == CUL_MINIDUMP_LINUX && (f->code == 11 || f->code == 7)) {
		switch ((int32_t)f->flags) {
		case 1:
			return f->code == 11 ? "SEGV_MAPERR" : "BUS_ADRALN";
		case 2:
			return f->code == 11 ? "SEGV_ACCERR" : "BUS_ADRERR";
		case 3:
			return f->code == 11 ? "SEGV_BNDERR" : "BUS_OBJERR";
		case 128:
			return "SI_KERNEL";
		}
	}
	if (f->system == CUL_MINIDUMP_LINUX && (int32_t)f->flags == 0 && f->code < 65)
		return "SI_USER";
	if (f->system == CUL_MINIDUMP_LINUX && (int32_t)f->flags == -6)
		return "SI_TKILL";
	if (f->system == CUL_MINIDUMP_MACOS && f->code == 1)
		return f->flags == 1 ? "KERN_INVALID_ADDRESS" : f->flags == 2 ? "KERN_PROTECTION_FAILURE" : NULL;
	if (f->code == 0xc0000005 && f->parameters >= 2)
		return f->information[0] == 0 ? "read" : f->information[0] == 1 ? "write" : f->information[0] == 8 ? "execute" : NULL;
	return NULL;
}

void cul_minidump_address(struct cul_minidump_fault *f)
{
	bool windows = f->system == CUL_MINIDUMP_WINDOWS && (f->code == 0xc0000005 || f->code == 0xc0000006) && f->parameters >= 2;

	f->fault_address = windows ? f->information[1] : f->address;
}

void cul_minidump_judge(const struct cul_minidump_fault *f, bool died, struct cul_minidump_words *w)
{
	const struct code *list = f->system == CUL_MINIDUMP_WINDOWS ? on_windows : f->system == CUL_MINIDUMP_MACOS ? on_macos : on_linux;
	size_t count = f->system == CUL_MINIDUMP_WINDOWS ? sizeof(on_windows) : f->system == CUL_MINIDUMP_MACOS ? sizeof(on_macos) : sizeof(on_linux);
	uint64_t at = f->fault_address;

	*w = (struct cul_minidump_words){ .event = died ? "unknown" : "snapshot" };
	if (!died) {
		snprintf(w->why, sizeof(w->why), "no exception is told: somebody asked for this dump");
		return;
	}
	for (size_t i = 0; i < count / sizeof(*list); i++)
		if (list[i].number == f->code) {
			w->signal = list[i].name;
			w->event = list[i].event;
			snprintf(w->why, sizeof(w->why), "%s", list[i].why);
		}
	w->code = w->signal ? code_name(f) : NULL;
	if (!w->signal && strcmp(w->event, "snapshot"))
		snprintf(w->why, sizeof(w->why), "exception code 0x%x", (unsigned)f->code);
	if (strcmp(w->event, "wild-pointer") && strcmp(w->event, "bus"))
		return;
	if (w->code && (!strcmp(w->code, "SI_USER") || !strcmp(w->code, "SI_TKILL"))) {
		w->event = "sent";
		snprintf(w->why, sizeof(w->why), "a process sent the signal");
		return;
	}
	w->addressed = true;
	if (w->code && !strcmp(w->code, "SI_KERNEL")) {
		w->addressed = false; /* the CPU doesn't tell it */
		w->event = "non-canonical";
		snprintf(w->why, sizeof(w->why), "an address that no x86-64 program can have: a pointer that was overwritten or freed");
	} else if (!strcmp(w->event, "bus")) {
		return;
	} else if (f->pc < 4096) {
		w->event = "null-call";
		snprintf(w->why, sizeof(w->why), "a function pointer that was never set was called");
	} else if (at < 4096) {
		w->event = "null-pointer";
		snprintf(w->why, sizeof(w->why), "null pointer: address 0x%llx was used%s", (unsigned long long)at, at ? ", a field of an object that isn't there" : "");
	} else if (f->sp && at < f->sp + 4096 && f->sp < at + 65536) {
		w->event = "stack-overflow";
		snprintf(w->why, sizeof(w->why), "the address lies right at the stack pointer: the stack is used up");
	} else if (at == f->pc) {
		w->event = "wild-call";
		snprintf(w->why, sizeof(w->why), "what was called is no code");
	} else if (w->code && (!strcmp(w->code, "SEGV_ACCERR") || !strcmp(w->code, "KERN_PROTECTION_FAILURE"))) {
		w->event = "protection";
		snprintf(w->why, sizeof(w->why), "the address is mapped, but not for that");
	}
}
