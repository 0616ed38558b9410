/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Stacks by frame pointers: all of arm64, which compiles with them throughout, and x86-64 without ORC (CONFIG_UNWINDER_FRAME_POINTER).
 *
 * arm64 (arch/arm64/kernel/stacktrace.c, entry.S): x29 points to a record {x29 before, x30}, each further up than the last; on an
 * interrupt's stack the chain leads over to the task's. An exception leaves a record in its struct pt_regs (stackframe), with the
 * address where it struck in place of x30. The first record of a task is {0, 0}; where struct frame_record_meta is (6.13), that of an
 * exception is too, and a third word says which it is: 1 the last, 2 registers. Where a CPU stood in a function
 * that has made no record, x30 alone tells who called. With pointer authentication return addresses are signed in the bits above
 * the address (VMCOREINFO's KERNELPACMASK), which are ones in all of the kernel's.
 */
#include "parsers/dump/kernel.h"

#define META_REGISTERS 2
#define MODE_USER(pstate) (!((pstate) & 0xf)) /* EL0 */

void cul_kframe_load(struct cul_kernel *k)
{
	int64_t bits;

	k->frame = (struct cul_kframe_layout){
		.arm = true, .record = cul_koffset(k, "pt_regs", "stackframe"), .registers = cul_koffset(k, "pt_regs", "regs"),
		.pc = cul_koffset(k, "pt_regs", "pc"), .pstate = cul_koffset(k, "pt_regs", "pstate"),
		.typed = cul_btf_size(&k->btf, "frame_record_meta") > 0,
	};
	/* a kernel for 52 bits puts itself where 48 reach */
	if (!cul_kmem_number(k->mem, "VA_BITS", &bits) || bits < 36 || bits > 48)
		bits = 48;
	k->frame.signature = ~UINT64_C(0) << bits;
}

uint64_t cul_kreturn_address(const struct cul_kernel *k, uint64_t word)
{
	return k->frame.arm && word >> 55 & 1 ? word | k->frame.signature : word;
}

static bool take_registers(const struct cul_kernel *k, uint64_t at, struct cul_kregs *r)
{
	uint64_t registers[31], pc, pstate;

	if (k->frame.registers < 0 || k->frame.pc < 0 || k->frame.pstate < 0 ||
	    !cul_kread(k, at + (uint64_t)k->frame.registers, registers, sizeof(registers)) || !cul_kread(k, at + (uint64_t)k->frame.pc, &pc, 8) ||
	    !cul_kread(k, at + (uint64_t)k->frame.pstate, &pstate, 8))
		return false;
	r->ip = pc;
	r->bp = registers[29];
	r->lr = registers[30];
	r->user = MODE_USER(pstate);
	return true;
}

/* {0, 0} at @at: false, and how the stack ended; or @r is what an exception struck */
static bool last_record(const struct cul_kernel *k, uint64_t at, struct cul_kregs *r, bool *exact, struct cul_kstack *stack)
{
	struct cul_kregs struck = *r;
	uint64_t type = 0;

	stack->end = CUL_K_TOP;
	if (k->frame.record < 0 || !take_registers(k, at - (uint64_t)k->frame.record, &struck))
		return false;
	if (struck.user && struck.ip)
		stack->end = CUL_K_USER;
	if (struck.user || !k->frame.typed || !cul_kread(k, at + 16, &type, 8) || type != META_REGISTERS)
		return false;
	stack->end = CUL_K_LOST;
	*r = struck;
	*exact = true;
	return cul_ktext(k, r->ip);
}

/* the caller is in x30 only where the function at the front has made no record yet, or never does */
static bool take_link(struct cul_kernel *k, struct cul_kregs *r, uint64_t saved)
{
	uint64_t link = cul_kreturn_address(k, r->lr);
	struct cul_kname here, there;

	r->lr = 0;
	if (!link || link == saved || !cul_ktext(k, link) || !cul_kname_at(k, r->ip, true, &here) || !cul_kname_at(k, link, false, &there) ||
	    r->ip - here.offset == link - there.offset) /* it came back from what it called */
		return false;
	r->ip = link;
	return true;
}

static bool inside(uint64_t record, uint64_t low, uint64_t high)
{
	return high >= 16 && record >= low && record <= high - 16;
}

bool cul_kframe_step(struct cul_kernel *k, struct cul_kregs *r, bool *exact, struct cul_kspan *span, struct cul_kstack *stack)
{
	uint64_t words[2], at = r->bp;

	stack->end = CUL_K_LOST;
	if (!inside(at, span->low, span->high) && inside(at, span->task_low, span->task_high)) {
		span->low = span->task_low;
		span->high = span->task_high;
		r->sp = at;
	}
	if (k->frame.arm && !at && !(*exact && r->lr)) { /* kernels before 5.11 begin with nothing */
		stack->end = CUL_K_TOP;
		return false;
	}
	if (at % 8 || !inside(at, span->low, span->high) || at < r->sp + (k->frame.arm ? 0 : 1) || !cul_kread(k, at, words, sizeof(words)))
		return false;
	words[1] = cul_kreturn_address(k, words[1]);
	if (k->frame.arm && *exact && take_link(k, r, words[1])) {
		*exact = false;
		return true;
	}
	*exact = false;
	r->lr = 0;
	if (k->frame.arm && !words[0] && !words[1]) {
		r->sp = at + 16;
		return last_record(k, at, r, exact, stack);
	}
	if (k->frame.arm && k->frame.record >= 0 && !k->frame.typed) {
		struct cul_kregs struck = *r;

		if (take_registers(k, at - (uint64_t)k->frame.record, &struck) && struck.ip == words[1] && struck.bp == words[0]) {
			*exact = true;
			r->lr = struck.lr;
		}
	}
	r->sp = k->frame.arm ? at + 16 : at;
	r->bp = words[0];
	r->ip = words[1];
	return cul_ktext(k, r->ip);
}
