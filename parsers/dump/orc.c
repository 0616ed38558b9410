/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Stacks: unwinding by ORC, the tables that x86-64 kernels carry since 4.14 (CONFIG_UNWINDER_ORC), by frame pointers where
 * there are none (kframe.c), and by searching where neither leads on.
 *
 * __start_orc_unwind_ip: sorted s32, each relative to its own place; __start_orc_unwind: for each a struct orc_entry {s16
 * sp_offset, bp_offset; sp_reg:4, bp_reg:4, type, …}. type and its numbers changed: CALL 0, REGS 1, REGS_PARTIAL 2 and a bit
 * `end` up to 6.3; UNDEFINED 0, END 1, CALL 2, REGS 3, REGS_PARTIAL 4 since 6.4. BTF says where the bits lie, and the member
 * `end` which numbers count. Code: arch/x86/kernel/unwind_orc.c.
 *
 * A function may have no ORC: __crash_kexec of the CPU that panicked. There the stack is searched upward for a return address
 * from which unwinding reaches a proper end; that first frame is a guess. If there is none, all text addresses are shown, as
 * guesses.
 */
#include "parsers/dump/kernel.h"

#define SEARCH_WORDS 1024 /* of a stack, when searching */
#define SEARCH_TRIES 64	  /* addresses that unwinding is tried from */
#define SEARCH_BETWEEN 8  /* guesses shown in front of where unwinding goes on */
#define NO_BITS UINT32_MAX

enum { REG_UNDEFINED, REG_PREV_SP, REG_DX, REG_DI, REG_BP, REG_SP, REG_R10, REG_R13, REG_BP_INDIRECT, REG_SP_INDIRECT };
enum entry_type { T_UNDEFINED, T_END, T_CALL, T_REGS, T_PARTIAL };
/* words of struct pt_regs */
enum { R_R13 = 2, R_BP = 4, R_R10 = 7, R_DX = 12, R_DI = 14, R_IP = 16, R_CS = 17, R_SP = 19, R_COUNT = 21 };

struct entry {
	int64_t sp_offset, bp_offset;
	unsigned sp_reg, bp_reg;
	enum entry_type type;
};

bool cul_ktext(const struct cul_kernel *k, uint64_t address)
{
	if ((address >= k->stext && address < k->etext) || (address >= k->sinittext && address < k->einittext))
		return true;
	for (uint32_t i = 0; address >= k->module_low && address < k->module_high && i < k->module_count; i++)
		for (unsigned r = 0; r < k->modules[i].region_count; r++)
			if (k->modules[i].regions[r].text && address - k->modules[i].regions[r].base < k->modules[i].regions[r].size)
				return true;
	return false;
}

static uint32_t bits_at(const struct cul_kernel *k, uint32_t id, const char *name, uint32_t *bits)
{
	struct cul_btf_member m;

	if (!cul_btf_member(&k->btf, id, name, &m) || m.bit_offset > 56)
		return NO_BITS;
	if (bits)
		*bits = m.bits ? m.bits : 8;
	return (uint32_t)m.bit_offset;
}

bool cul_korc_load(struct cul_kernel *k, const char **why)
{
	uint64_t ip, end, table;
	uint32_t id = cul_btf_find(&k->btf, "orc_entry", CUL_BTF_STRUCT);
	int64_t size = cul_btf_size(&k->btf, "orc_entry");

	k->inactive_size = cul_btf_size(&k->btf, "inactive_task_frame");
	k->inactive_bp = cul_koffset(k, "inactive_task_frame", "bp");
	k->inactive_ip = cul_koffset(k, "inactive_task_frame", "ret_addr");
	if (cul_kmem_machine(k->mem) == CUL_KMEM_ARM64)
		cul_kframe_load(k);
	if (cul_kmem_machine(k->mem) != CUL_KMEM_X86_64)
		return true; /* frame pointers */
	*why = "no ORC tables: stacks are searched, or follow frame pointers";
	if (!id || size < 4 || size > 8 || !cul_ksymbol(k, "__start_orc_unwind_ip", &ip) ||
	    !cul_ksymbol(k, "__stop_orc_unwind_ip", &end) || !cul_ksymbol(k, "__start_orc_unwind", &table) || end <= ip ||
	    (end - ip) / 4 > (1u << 25))
		return false;
	k->orc.ip = ip;
	k->orc.table = table;
	k->orc.count = (uint32_t)((end - ip) / 4);
	k->orc.size = (uint32_t)size;
	k->orc.sp_reg = bits_at(k, id, "sp_reg", NULL);
	k->orc.bp_reg = bits_at(k, id, "bp_reg", NULL);
	k->orc.type = bits_at(k, id, "type", &k->orc.type_bits);
	k->orc.signal = bits_at(k, id, "signal", NULL);
	k->orc.end = bits_at(k, id, "end", NULL);
	k->orc.ready = k->orc.sp_reg != NO_BITS && k->orc.bp_reg != NO_BITS && k->orc.type != NO_BITS && k->orc.type_bits <= 8;
	if (!k->orc.ready)
		*why = "ORC entries in a form that is not known";
	return k->orc.ready;
}

static unsigned bits_of(uint64_t word, uint32_t at, uint32_t bits)
{
	return (unsigned)(word >> at & ((1u << bits) - 1));
}

static bool read_entry(const struct cul_kernel *k, uint64_t ips, uint64_t table, uint32_t count, uint64_t ip, struct entry *e)
{
	uint32_t low = 0, high = count;
	uint64_t word = 0;
	int32_t offset;
	unsigned type;

	if (!count || count > (1u << 25) || !cul_kaddress(ips) || !cul_kaddress(table))
		return false;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		uint64_t at = ips + 4 * (uint64_t)middle;

		if (!cul_kread(k, at, &offset, 4))
			return false;
		if (at + (uint64_t)(int64_t)offset <= ip)
			low = middle;
		else
			high = middle;
	}
	if (!cul_kread(k, ips + 4 * (uint64_t)low, &offset, 4) || ips + 4 * (uint64_t)low + (uint64_t)(int64_t)offset > ip ||
	    !cul_kread(k, table + (uint64_t)k->orc.size * low, &word, k->orc.size))
		return false;
	e->sp_offset = (int16_t)(word & 0xffff);
	e->bp_offset = (int16_t)(word >> 16 & 0xffff);
	e->sp_reg = bits_of(word, k->orc.sp_reg, 4);
	e->bp_reg = bits_of(word, k->orc.bp_reg, 4);
	type = bits_of(word, k->orc.type, k->orc.type_bits);
	if (k->orc.end == NO_BITS) {
		if (type > T_PARTIAL)
			return false;
		e->type = (enum entry_type)type;
	} else if (bits_of(word, k->orc.end, 1)) {
		e->type = T_END;
	} else if (e->sp_reg == REG_UNDEFINED) {
		e->type = T_UNDEFINED;
	} else {
		e->type = type == 0 ? T_CALL : type == 1 ? T_REGS : T_PARTIAL;
	}
	return true;
}

static bool find_entry(const struct cul_kernel *k, uint64_t ip, struct entry *e)
{
	const struct cul_kmodule *m;

	if ((ip >= k->stext && ip < k->etext) || (ip >= k->sinittext && ip < k->einittext))
		return read_entry(k, k->orc.ip, k->orc.table, k->orc.count, ip, e);
	m = cul_kmodule_at(k, ip);
	return m && read_entry(k, m->orc_ip, m->orc, m->orcs, ip, e);
}

static bool add_frame(struct cul_kstack *stack, uint64_t ip, bool exact, bool guessed)
{
	if (stack->count == CUL_K_FRAMES) {
		stack->end = CUL_K_CUT;
		return false;
	}
	stack->frames[stack->count++] = (struct cul_kframe){ ip, exact, guessed };
	return true;
}

/* where the frame before begins */
static bool previous_sp(const struct cul_kernel *k, const struct entry *e, const struct cul_kregs *r, uint64_t *ret)
{
	uint64_t offset = (uint64_t)e->sp_offset, sp;

	switch (e->sp_reg) {
	case REG_SP:
		*ret = r->sp + offset;
		return true;
	case REG_BP:
		*ret = r->bp + offset;
		return true;
	case REG_SP_INDIRECT:
		if (!cul_kread(k, r->sp, &sp, 8))
			return false;
		*ret = sp + offset;
		return true;
	case REG_BP_INDIRECT:
		return cul_kread(k, r->bp + offset, ret, 8);
	case REG_R10:
		*ret = r->r10;
		return true;
	case REG_R13:
		*ret = r->r13;
		return true;
	case REG_DI:
		*ret = r->di;
		return true;
	case REG_DX:
		*ret = r->dx;
		return true;
	default:
		return false;
	}
}

/* one frame back; false: it ended, stack->end says how */
static bool step_orc(const struct cul_kernel *k, struct cul_kregs *r, bool *exact, struct cul_kstack *stack)
{
	uint64_t sp, words[R_COUNT], old_sp = r->sp, old_bp = r->bp;
	struct entry e;

	stack->end = CUL_K_LOST;
	if (!find_entry(k, *exact ? r->ip : r->ip - 1, &e))
		return false;
	if (e.type == T_END) {
		stack->end = CUL_K_TOP;
		return false;
	}
	if (e.type == T_UNDEFINED || !previous_sp(k, &e, r, &sp))
		return false;
	switch (e.type) {
	case T_CALL:
		if (!cul_kread(k, sp - 8, &r->ip, 8))
			return false;
		r->sp = sp;
		*exact = false;
		break;
	case T_REGS:
		if (!cul_kread(k, sp, words, sizeof(words)))
			return false;
		*r = (struct cul_kregs){ .ip = words[R_IP], .sp = words[R_SP], .bp = words[R_BP], .r10 = words[R_R10], .r13 = words[R_R13],
					 .dx = words[R_DX], .di = words[R_DI], .user = (words[R_CS] & 3) == 3 };
		*exact = true;
		break;
	default: /* what the CPU itself pushed: ip, cs, flags, sp, ss */
		if (!cul_kread(k, sp, words, 5 * sizeof(*words)))
			return false;
		r->ip = words[0];
		r->sp = words[3];
		r->user = (words[1] & 3) == 3;
		*exact = true;
	}
	if (r->user) {
		stack->end = CUL_K_USER;
		return false;
	}
	if ((e.bp_reg == REG_PREV_SP && !cul_kread(k, sp + (uint64_t)e.bp_offset, &r->bp, 8)) ||
	    (e.bp_reg == REG_BP && !cul_kread(k, old_bp + (uint64_t)e.bp_offset, &r->bp, 8)))
		return false;
	/* a stack grows down: within one it never leads back */
	return cul_ktext(k, r->ip) && !(e.type == T_CALL && r->sp <= old_sp);
}

/* @r is where it ended */
static void unwind(struct cul_kernel *k, struct cul_kregs *r, bool exact, struct cul_kspan span, bool guessed, struct cul_kstack *stack)
{
	while (add_frame(stack, r->ip, exact, guessed)) {
		guessed = false;
		if (k->orc.ready ? !step_orc(k, r, &exact, stack) : !cul_kframe_step(k, r, &exact, &span, stack))
			return;
	}
}

static bool ended_well(const struct cul_kstack *stack)
{
	return stack->end == CUL_K_TOP || stack->end == CUL_K_USER;
}

static bool known(const struct cul_kstack *stack, uint64_t ip)
{
	return stack->count && stack->frames[stack->count - 1].ip == ip;
}

/* go on by searching, above @from. @bp: the frame pointer last known; functions that don't use it hand it through */
static void search(struct cul_kernel *k, uint64_t from, uint64_t high, uint64_t bp, struct cul_kstack *stack)
{
	unsigned kept = stack->count, tries = 0;
	struct cul_kstack *trial = cul_arena_get(k->arena, sizeof(*trial));
	uint64_t word;

	if (k->searches++ >= CUL_K_SEARCHES || !trial || high <= from || high - from > (1u << 20))
		return;
	from = (from + 7) & ~(uint64_t)7;
	for (uint64_t at = from; (k->orc.ready || k->frame.arm) && at + 8 <= high && (at - from) / 8 < SEARCH_WORDS && tries < SEARCH_TRIES; at += 8) {
		struct cul_kregs regs = { 0 };

		if (!cul_kread(k, at, &word, 8) || !cul_ktext(k, word = cul_kreturn_address(k, word)))
			continue;
		tries++;
		regs.ip = word;
		regs.sp = at + 8;
		regs.bp = bp;
		if (k->frame.arm && (at < from + 8 || !cul_kread(k, at - 8, &regs.bp, 8))) /* a record has both */
			continue;
		trial->count = 0;
		unwind(k, &regs, false, (struct cul_kspan){ .low = from, .high = high }, true, trial);
		if (!ended_well(trial) || trial->count < 2) {
			/* what lies between may be a frame that can't be unwound, or a leftover */
			if (stack->count < kept + SEARCH_BETWEEN && !known(stack, word))
				add_frame(stack, word, false, true);
			continue;
		}
		for (unsigned i = 0; i < trial->count && stack->count < CUL_K_FRAMES; i++)
			stack->frames[stack->count++] = trial->frames[i];
		stack->end = trial->end;
		return;
	}
	stack->count = kept;
	for (uint64_t at = from; at + 8 <= high && (at - from) / 8 < SEARCH_WORDS && stack->count < kept + 40; at += 8)
		if (cul_kread(k, at, &word, 8) && cul_ktext(k, word = cul_kreturn_address(k, word)) && !add_frame(stack, word, false, true))
			break;
	stack->end = CUL_K_LOST;
}

void cul_kunwind(struct cul_kernel *k, const struct cul_kregs *regs, bool exact, struct cul_kspan span, struct cul_kstack *stack)
{
	struct cul_kregs r = *regs;
	uint64_t low = span.low, high = span.high;

	*stack = (struct cul_kstack){ .end = CUL_K_NONE };
	if (regs->user) {
		stack->end = CUL_K_USER;
		return;
	}
	if (cul_ktext(k, regs->ip)) {
		unwind(k, &r, exact, span, false, stack);
		if (ended_well(stack) || stack->end == CUL_K_CUT)
			return;
	}
	/* go on behind what was unwound, where that lies on the same stack */
	if (r.sp < regs->sp || r.sp < low || r.sp >= high)
		r.sp = regs->sp;
	if (r.sp >= low && r.sp < high)
		search(k, r.sp, high, r.bp, stack);
	if (!stack->count)
		stack->end = CUL_K_NONE;
}
