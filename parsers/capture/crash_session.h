/* SPDX-License-Identifier: Apache-2.0 */
/** Lines of the crash utility: task headers, frames, states. For crash_session.c. */
#ifndef CUL_PARSERS_CAPTURE_CRASH_SESSION_H
#define CUL_PARSERS_CAPTURE_CRASH_SESSION_H

#include "parsers/frames.h"

/** crash's two letters -> the kernel's one. IN S, UN D, RU R, ST and TR T, ZO Z, DE X, ID I, WA and others as they are. */
static inline struct cul_slice state_of(struct cul_slice word)
{
	static const struct {
		char crash[3], letter[2];
	} states[] = { { "RU", "R" }, { "IN", "S" }, { "UN", "D" }, { "ID", "I" }, { "ST", "T" }, { "TR", "T" }, { "ZO", "Z" }, { "DE", "X" } };

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (cul_is(word, cul_str(states[i].crash)))
			return cul_str(states[i].letter);
	return CUL_NONE;
}

/** "PID: 4242     TASK: ffff9a8f0a3b8000  CPU: 3    COMMAND: "python3"" anywhere in @line */
static inline bool task_header(struct cul_slice line, struct cul_slice *pid, struct cul_slice *cpu, struct cul_slice *comm)
{
	struct cul_slice rest;

	*cpu = CUL_NONE;
	if (!cul_cut(line, CUL_LIT("PID: "), NULL, &rest))
		return false;
	*pid = cul_digits(&rest);
	if (!pid->size || !cul_cut(rest, CUL_LIT("TASK: "), NULL, &rest))
		return false;
	if (cul_cut(rest, CUL_LIT("CPU: "), NULL, cpu))
		*cpu = cul_digits(cpu);
	if (!cul_cut(rest, CUL_LIT("COMMAND: \""), NULL, comm))
		return false;
	return cul_cut_last(*comm, CUL_LIT("\""), comm, NULL);
}

/** " #5 [ffffa54c01a3be10] amdgpu_vm_wait_idle+42 at ffffffffc0a1b2c3 [amdgpu]", "#5 [c0003fe] (c0003f8) schedule at …" (arm64, ppc64) */
static inline bool stack_frame(struct cul_slice line, struct cul_frame *frame)
{
	struct cul_slice rest = cul_trim(line), name, inside;
	size_t n = 0;

	if (!cul_skip(&rest, CUL_LIT("#")) || !cul_digits(&rest).size || !cul_skip(&rest, CUL_LIT(" [")) ||
	    !cul_cut(rest, CUL_LIT("] "), &inside, &rest) || inside.size > 18 || !cul_cut(rest, CUL_LIT(" at "), &name, &rest))
		return false;
	name = cul_trim(name);
	if (cul_ends(name, CUL_LIT(" (via)"))) /* a guess of the unwinder has the address only */
		name.size -= 6;
	while (n < name.size && name.data[n] != '+' && name.data[n] != ' ' && name.data[n] != '.')
		n++;
	name.size = n ? n : name.size;
	if (!name.size || name.data[0] == '(')
		return false;
	*frame = (struct cul_frame){ .function = name, .reliable = true };
	cul_word(&rest);
	if (cul_between(rest, CUL_LIT("["), CUL_LIT("]"), &inside))
		frame->module = inside;
	return true;
}

#endif
