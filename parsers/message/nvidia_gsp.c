/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What NVIDIA's kernel module prints of the GPU's own processor (GSP) when that stops answering or crashes.
 *
 *   NVRM: GPU0 GSP RPC buffer contains function 76 (GSP_RM_CONTROL) and data 0x000000002080a097 0x0000000000000490.
 *   NVRM: GPU0 RPC history (CPU -> GSP):
 *   NVRM:     entry function                   data0              data1              ts_start           ts_end             duration actively_polling
 *   NVRM:      0    76   GSP_RM_CONTROL        0x000000002080a097 0x0000000000000490 0x000609ffebd7f5bd 0x0000000000000000          y
 *   NVRM:     -1    103  GSP_RM_ALLOC          0x00000000000090cc 0x0000000000000000 0x000609ffebc8aa58 0x000609ffebc8ac44    492us
 *   NVRM: GPU0 RPC event history (CPU <- GSP):
 *
 * kgspLogRpcDebugInfo() in src/nvidia/src/kernel/gpu/gsp/kernel_gsp.c of open-gpu-kernel-modules, behind an Xid 119, since 525; a sequence
 * number stands before data0 since 575. An entry's number counts backwards from the newest; names are cut to 21 characters. Without an end
 * there was no answer.
 *
 *   NVRM: kgspHealthCheck_TU102: ****************************** GSP-CrashCat Report *******************************
 *   NVRM: kgspPrintGspBinBuildId_IMPL: GSP bin buildId: 4f09…
 *   NVRM: Xid (PCI:0000:23:00): 120, GSP task exception: load access page fault (cause:0xd) @ pc:0x13636b2, partition:2#0, task:3
 *   NVRM:     Reported by libos partition:2#4 kernel v3.1 [0] @ ts:1787168183
 *   NVRM:     RISC-V CSR State:
 *   NVRM:         sepc:0x0000000001001b30     stval:0x0000000000000000  scause:0x0000000000000002
 *
 * src/nvidia/src/kernel/gpu/gsp/arch/turing/kernel_gsp_tu102.c and crashcat/; the build id since 575. Addresses mean something to NVIDIA
 * alone, who has the firmware's symbols; equal ones of two crashes are the same fault.
 */
#include "parsers/dump.h"

#define ROWS 10    /* of a table, with its head */
#define REPORT 120 /* lines of a crash report */

static bool nvrm_text(const struct cul_record *rec, struct cul_slice *text)
{
	return cul_cut(rec->message, CUL_LIT("NVRM: "), NULL, text);
}

/* "GPU0 " at the start: its number, and what follows */
static struct cul_slice gpu_number(struct cul_slice *text)
{
	struct cul_slice rest = *text, number;

	if (!cul_skip(&rest, CUL_LIT("GPU")))
		return CUL_NONE;
	number = cul_digits(&rest);
	if (!number.size || !cul_skip(&rest, CUL_LIT(" ")))
		return CUL_NONE;
	*text = rest;
	return number;
}

/* ---- tables ------------------------------------------------------------------------------------------- */

struct table {
	const char *kind;
	char gpu[12];
	int lines;
};

/* "492us", "3 s": milliseconds; NaN: none. */
static double milliseconds(struct cul_slice number, struct cul_slice unit)
{
	int64_t value;

	if (!cul_to_int(number, &value))
		return __builtin_nan("");
	return cul_starts(unit, CUL_LIT("us")) ? (double)value / 1000 : cul_starts(unit, CUL_LIT("ms")) ? (double)value : (double)value * 1000;
}

static bool row(struct cul_parse *parse, const struct table *t, const struct cul_record *rec, struct cul_slice text, enum cul_status *status)
{
	struct cul_slice entry = cul_word(&text), function = cul_word(&text), name = cul_word(&text), sequence = CUL_NONE, data[4], word;
	struct cul_slice number = function;
	int64_t age;

	cul_skip(&entry, CUL_LIT("-"));
	if (!cul_to_int(entry, &age) || age > 99 || !cul_digits(&number).size || number.size || !name.size)
		return false;
	word = cul_word(&text);
	if (!cul_starts(word, CUL_LIT("0x"))) {
		sequence = word;
		word = cul_word(&text);
	}
	for (int i = 0; i < 4; i++) {
		if (word.size != 18 || !cul_starts(word, CUL_LIT("0x")))
			return false;
		data[i] = word;
		if (i < 3)
			word = cul_word(&text);
	}
	bool answered = cul_skip(&data[3], CUL_LIT("0x")) && !cul_is(data[3], CUL_LIT("0000000000000000"));
	text = cul_trim(text);
	number = cul_digits(&text);
	*status = cul_emit(parse, rec, t->kind, cul_number("rm_gpu", cul_str(t->gpu)), cul_int("entry", age), cul_number("rpc", function),
			   cul_text("function", name), cul_number("sequence", sequence), cul_text("data0", data[0]), cul_text("data1", data[1]),
			   cul_real("duration_ms", answered ? milliseconds(number, cul_trim(text)) : __builtin_nan("")), cul_flag("answered", answered));
	return true;
}

static bool table_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct table *t = state;
	struct cul_slice text;

	if (!rec || !nvrm_text(rec, &text) || ++t->lines > ROWS || !cul_starts(text, CUL_LIT(" ")))
		return false;
	text = cul_trim(text);
	if (cul_starts(text, CUL_LIT("entry function")))
		return true;
	return row(parse, t, rec, text, status) && *status == CUL_OK;
}

static enum cul_status table(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice gpu, const char *kind)
{
	struct table *t = cul_keep_bytes(parse, sizeof(*t));

	if (!t)
		return CUL_ENOMEM;
	*t = (struct table){ .kind = kind };
	cul_dump_copy(t->gpu, sizeof(t->gpu), gpu);
	return cul_follow(parse, rec, table_next, t);
}

static enum cul_status buffer(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice gpu, struct cul_slice text)
{
	struct cul_slice number = cul_digits(&text), name = CUL_NONE, sequence = CUL_NONE, data = CUL_NONE, more;

	cul_between(text, CUL_LIT("("), CUL_LIT(")"), &name);
	if (cul_cut(text, CUL_LIT(" sequence "), NULL, &sequence))
		sequence = cul_digits(&sequence);
	cul_cut(text, CUL_LIT(" and data "), NULL, &data);
	more = data;
	data = cul_word(&more);
	more = cul_word(&more);
	if (more.size && more.data[more.size - 1] == '.')
		more.size--;
	return cul_emit(parse, rec, "nvidia.gsp-buffer", cul_number("rm_gpu", gpu), cul_number("rpc", number), cul_text("function", name),
			cul_number("sequence", sequence), cul_text("data0", data), cul_text("data1", more));
}

/* ---- the crash report ----------------------------------------------------------------------------------- */

struct report {
	struct cul_record rec;
	int lines;
	bool watchdog, told;
	char bdf[24], what[200], pc[24], partition[16], task[12], build_id[64], epc[24], value[24], cause[24];
};

/* "sepc:0x…" in a line of registers; "pc:0x…" */
static void register_of(struct cul_slice text, const char *name, char *to, size_t size)
{
	struct cul_slice rest;

	if (!to[0] && cul_cut(text, cul_str(name), NULL, &rest) && cul_starts(rest, CUL_LIT("0x"))) {
		struct cul_slice value = rest;

		for (value.size = 2; value.size < rest.size && value.size < size - 1 && strchr("0123456789abcdef", rest.data[value.size]); value.size++)
			;
		cul_dump_copy(to, size, value);
	}
}

static void report_line(struct report *r, struct cul_slice text)
{
	struct cul_slice rest = text, number;

	if (cul_skip(&rest, CUL_LIT("Xid ("))) {
		struct cul_slice where;

		if (!cul_cut(rest, CUL_LIT("): "), &where, &rest) || !cul_cut(rest, CUL_LIT(", "), NULL, &rest))
			return;
		cul_dump_copy(r->bdf, sizeof(r->bdf), where);
		cul_cut(rest, CUL_LIT(" @ pc:"), &where, NULL);
		if (cul_cut(rest, CUL_LIT("name="), NULL, &number) && cul_cut(number, CUL_LIT(", "), NULL, &number) && cul_cut(number, CUL_LIT(" @ pc:"), &number, NULL))
			where = number;
		cul_dump_copy(r->what, sizeof(r->what), where);
		register_of(rest, "pc:", r->pc, sizeof(r->pc));
		if (cul_cut(rest, CUL_LIT("partition:"), NULL, &number) && cul_cut(number, CUL_LIT(","), &number, NULL))
			cul_dump_copy(r->partition, sizeof(r->partition), number);
		if (cul_cut(rest, CUL_LIT("task:"), NULL, &number))
			cul_dump_copy(r->task, sizeof(r->task), cul_digits(&number));
	} else if (cul_cut(text, CUL_LIT("GSP bin buildId: "), NULL, &rest)) {
		cul_dump_copy(r->build_id, sizeof(r->build_id), cul_word(&rest));
	} else {
		register_of(text, "sepc:", r->epc, sizeof(r->epc));
		register_of(text, "stval:", r->value, sizeof(r->value));
		register_of(text, "scause:", r->cause, sizeof(r->cause));
	}
}

static enum cul_status report_tell(struct cul_parse *parse, const struct report *r)
{
	if (!r->what[0])
		return CUL_OK;
	return cul_emit(parse, &r->rec, "nvidia.gsp-crash", cul_bdf("gpu_bdf", cul_str(r->bdf)), cul_string("what", r->what), cul_flag("watchdog", r->watchdog),
			cul_string("address", r->pc[0] ? r->pc : r->epc[0] ? r->epc : NULL), cul_string("build_id", r->build_id[0] ? r->build_id : NULL),
			cul_string("partition", r->partition[0] ? r->partition : NULL), cul_number("task", cul_str(r->task)),
			cul_string("stval", r->value[0] ? r->value : NULL), cul_string("scause", r->cause[0] ? r->cause : NULL));
}

static bool crashes(struct cul_slice text)
{
	return cul_has(text, CUL_LIT("GSP-CrashCat Report")) || cul_has(text, CUL_LIT("LibOS Task Watchdog Report"));
}

static bool report_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct report *r = state;
	struct cul_slice text;
	bool ours = rec && nvrm_text(rec, &text) && ++r->lines <= REPORT && !crashes(text);

	/* what isn't indented is of the report only up to the Xid */
	if (ours && (cul_starts(text, CUL_LIT(" ")) || !r->what[0])) {
		bool first = !r->what[0];

		report_line(r, text);
		if (first && r->what[0])
			r->rec = cul_keep_record(parse, rec);
		return true;
	}
	*status = report_tell(parse, r);
	return false;
}

static enum cul_status report(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice text)
{
	struct report *r = cul_keep_bytes(parse, sizeof(*r));

	if (!r)
		return CUL_ENOMEM;
	memset(r, 0, sizeof(*r));
	r->rec = cul_keep_record(parse, rec);
	r->watchdog = cul_has(text, CUL_LIT("Watchdog Report"));
	report_line(r, text);
	return cul_follow(parse, rec, report_next, r);
}

/* ---- records ---------------------------------------------------------------------------------------------- */

static enum cul_status gsp_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice text, rest, gpu;

	if (!cul_kernel_says(rec) || !nvrm_text(rec, &text))
		return CUL_OK;
	if (crashes(text) || (cul_starts(text, CUL_LIT("Xid (")) && cul_has(text, CUL_LIT(" @ pc:")) && !cul_following(parse, report_next)))
		return report(parse, rec, text);
	rest = text;
	gpu = gpu_number(&rest);
	if (!gpu.size)
		return CUL_OK;
	if (cul_skip(&rest, CUL_LIT("GSP RPC buffer contains function ")))
		return buffer(parse, rec, gpu, rest);
	if (cul_starts(rest, CUL_LIT("RPC history (CPU -> GSP)")))
		return table(parse, rec, gpu, "nvidia.gsp-rpc");
	if (cul_starts(rest, CUL_LIT("RPC event history (CPU <- GSP)")))
		return table(parse, rec, gpu, "nvidia.gsp-event");
	return CUL_OK;
}

#define GSP_ENTRY F_RM_GPU, F_ENTRY, F_RPC, F_FUNCTION, F_SEQUENCE, F_DATA0, F_DATA1, F_DURATION_MS, F_ANSWERED

const struct cul_parser cul_parser_nvidia_gsp = {
	.name = "nvidia_gsp",
	.about = "NVIDIA's GSP: calls that it was asked and did not answer, crash reports of its firmware",
	.kinds = CUL_KINDS(CUL_KIND("nvidia.gsp-rpc", 1, "kernel", GSP_ENTRY), CUL_KIND("nvidia.gsp-event", 1, "kernel", GSP_ENTRY),
			   CUL_KIND("nvidia.gsp-buffer", 1, "kernel", F_RM_GPU, F_RPC, F_FUNCTION, F_SEQUENCE, F_DATA0, F_DATA1),
			   CUL_KIND("nvidia.gsp-crash", 1, "kernel", F_GPU_BDF, F_WHAT, F_WATCHDOG, F_ADDRESS, F_BUILD_ID, F_PARTITION, F_TASK, F_STVAL, F_SCAUSE)),
	.needles = CUL_LIST("GSP RPC buffer contains", "RPC history (CPU -> GSP)", "RPC event history (CPU <- GSP)", "GSP-CrashCat Report",
			    "LibOS Task Watchdog Report", " @ pc:0x"),
	.record = gsp_record,
};
