/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The kernel's own crashes: oopses, BUG(), warnings, panics.
 *
 *   BUG: kernel NULL pointer dereference, address: 0000000000000018
 *   BUG: unable to handle page fault for address: ffffb0e4c0a3f000
 *   Oops: general protection fault, probably for non-canonical address 0xdead000000000108: 0000 [#1] PREEMPT SMP
 *   kernel BUG at mm/slub.c:4022!
 *   Unable to handle kernel paging request at virtual address ffff800012345678        (arm64)
 *   WARNING: CPU: 3 PID: 812 at drivers/gpu/drm/ttm/ttm_bo.c:362 ttm_bo_release+0x2c1/0x310 [ttm]
 *   WARNING: drivers/x.c:12 at fn+0x1/0x2, CPU#3: python3/812                         (6.19 and later)
 *   Kernel panic - not syncing: Fatal exception
 *
 * Printed by arch/x86/mm/fault.c, arch/x86/kernel/traps.c, arch/arm64/mm/fault.c, lib/bug.c, kernel/panic.c. One event prints
 * several such lines; only its first one is read, the block behind it fills in who and where. "traps: python3[812] general
 * protection fault" is a program's crash and is none of these.
 */
#include "parsers/dump.h"

struct oops {
	struct cul_record rec;
	const char *kind;
	struct cul_slice what, place;
	struct cul_dump dump;
};

static enum cul_status tell(struct cul_parse *parse, const struct oops *oops)
{
	const struct cul_dump *d = &oops->dump;

	return cul_emit(parse, &oops->rec, oops->kind, cul_text("what", oops->what), cul_text("place", oops->place),
			cul_string("function", d->function), cul_text("module", d->module[0] ? cul_str(d->module) : cul_stack_module(&d->stack)), cul_string("comm", d->comm),
			cul_number("pid", cul_str(d->pid)), cul_number("cpu", cul_str(d->cpu)), cul_string("kernel", d->kernel),
			cul_string("taint", d->taint), cul_text("stuck_function", cul_stack_stuck(&d->stack)),
			cul_text("frames", cul_stack_frames(&d->stack)));
}

static bool oops_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct oops *oops = state;
	struct cul_slice text = rec ? rec->message : CUL_NONE;

	/* </TASK> ends the trace of a task's stack, not the block; the end mark does */
	if (rec && cul_is(cul_trim(text), CUL_LIT("</TASK>")))
		return true;
	if (rec && cul_dump_line(&oops->dump, text) != CUL_DUMP_END)
		return true;
	*status = tell(parse, oops);
	return false;
}

static enum cul_status follow(struct cul_parse *parse, const struct cul_record *rec, const char *kind, struct cul_slice what,
			      struct cul_slice place)
{
	struct oops *oops = cul_keep_bytes(parse, sizeof(*oops));

	if (!oops)
		return CUL_ENOMEM;
	oops->kind = kind;
	oops->rec = cul_keep_record(parse, rec);
	oops->what = cul_keep(parse, cul_trim(what));
	oops->place = cul_keep(parse, place);
	return cul_follow(parse, rec, oops_next, oops);
}

static enum cul_status warning(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice place,
			       const struct cul_frame *frame, struct cul_slice cpu, struct cul_slice pid, struct cul_slice comm)
{
	struct oops *oops = cul_keep_bytes(parse, sizeof(*oops));

	if (!oops)
		return CUL_ENOMEM;
	oops->kind = "kernel.warn";
	oops->rec = cul_keep_record(parse, rec);
	oops->what = cul_keep(parse, rec->message);
	oops->place = cul_keep(parse, place);
	cul_dump_copy(oops->dump.cpu, sizeof(oops->dump.cpu), cpu);
	cul_dump_copy(oops->dump.pid, sizeof(oops->dump.pid), cul_digits(&pid));
	cul_dump_copy(oops->dump.comm, sizeof(oops->dump.comm), comm);
	cul_dump_copy(oops->dump.function, sizeof(oops->dump.function), frame->function);
	cul_dump_copy(oops->dump.module, sizeof(oops->dump.module), frame->module);
	return cul_follow(parse, rec, oops_next, oops);
}

/* "CPU: 3 PID: 812 at file:line sym+0x1/0x2 [mod]" */
static enum cul_status old_warning(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice rest)
{
	struct cul_slice cpu = cul_digits(&rest), pid, place;
	struct cul_frame frame = { 0 };

	if (!cul_cut(rest, CUL_LIT("PID: "), NULL, &rest))
		return CUL_OK;
	pid = cul_digits(&rest);
	if (!cul_skip(&rest, CUL_LIT(" at ")))
		return CUL_OK;
	place = cul_word(&rest);
	cul_frame_symbol(cul_trim(rest), &frame);
	return warning(parse, rec, place, &frame, cpu, pid, CUL_NONE);
}

/* "file:line at sym+0x1/0x2, CPU#3: comm/pid", "at sym, CPU#…" */
static enum cul_status new_warning(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice rest)
{
	struct cul_slice place, head, who, cpu, comm = CUL_NONE, pid = CUL_NONE;
	struct cul_frame frame = { 0 };

	if (!cul_cut(rest, CUL_LIT(", CPU#"), &head, &who))
		return CUL_OK;
	cpu = cul_digits(&who);
	if (cul_skip(&who, CUL_LIT(": ")))
		cul_cut_last(who, CUL_LIT("/"), &comm, &pid);
	if (cul_skip(&head, CUL_LIT("at ")))
		place = CUL_NONE;
	else if (!cul_cut(head, CUL_LIT(" at "), &place, &head))
		return CUL_OK;
	cul_frame_symbol(head, &frame);
	return warning(parse, rec, place, &frame, cpu, pid, comm);
}

static enum cul_status oops_record(struct cul_parse *parse, const struct cul_record *rec)
{
	static const char *const heads[] = { "BUG: kernel NULL pointer dereference", "BUG: unable to handle", "general protection fault",
					     "Oops: general protection fault", "divide error: ", "Oops: divide error: ",
					     "Unable to handle kernel ", "BUG: stack guard page", "BUG: TASK stack guard page",
					     "BUG: IRQ stack guard page", "PANIC: double fault", "BUG: KASAN: ", "BUG: Bad page state in",
					     "BUG: scheduling while atomic", "BUG: Bad page map in",
					     "kernel tried to execute NX-protected", NULL };
	struct cul_slice text = rec->message, rest, place;

	if (!cul_kernel_says(rec))
		return CUL_OK;
	rest = text;
	if (cul_skip(&rest, CUL_LIT("Kernel panic - not syncing: ")))
		return cul_emit(parse, rec, "kernel.panic", cul_text("what", rest));
	if (cul_skip(&rest, CUL_LIT("WARNING: ")))
		return cul_skip(&rest, CUL_LIT("CPU: ")) ? old_warning(parse, rec, rest) : new_warning(parse, rec, rest);
	if (cul_skip(&rest, CUL_LIT("kernel BUG at "))) {
		place = rest;
		if (place.size && place.data[place.size - 1] == '!')
			place.size--;
		return follow(parse, rec, "kernel.oops", text, place);
	}
	if (cul_skip(&rest, CUL_LIT("Internal error: "))) /* "Oops" and "Oops - BUG" have had their first line */
		return cul_starts(rest, CUL_LIT("Oops")) ? CUL_OK : follow(parse, rec, "kernel.oops", text, CUL_NONE);
	for (const char *const *h = heads; *h; h++)
		if (cul_starts(text, cul_str(*h)))
			return follow(parse, rec, "kernel.oops", text, CUL_NONE);
	return CUL_OK;
}

#define OOPS_FIELDS F_WHAT, F_PLACE, F_FUNCTION, F_MODULE, F_COMM, F_PID, F_CPU, F_KERNEL, F_TAINT, F_STUCK_FUNCTION, F_FRAMES

const struct cul_parser cul_parser_kernel_oops = {
	.name = "kernel_oops",
	.about = "kernel oopses, BUG(), warnings with their blocks, panics",
	.kinds = CUL_KINDS(CUL_KIND("kernel.oops", 1, "kernel", OOPS_FIELDS), CUL_KIND("kernel.warn", 1, "kernel", OOPS_FIELDS),
			   CUL_KIND("kernel.panic", 1, "kernel", F_WHAT)),
	.needles = CUL_LIST("Kernel panic - not syncing: ", "WARNING: CPU: ", ", CPU#", "kernel BUG at ", "Internal error: ",
			    "BUG: kernel NULL pointer", "BUG: unable to handle", "general protection fault", "divide error: ",
			    "Unable to handle kernel ", "stack guard page was hit", "PANIC: double fault", "BUG: KASAN: ",
			    "BUG: Bad page ", "BUG: scheduling while atomic",
			    "kernel tried to execute NX-protected"),
	.record = oops_record,
};
