/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ollama ps: the models that are loaded and where.
 *
 *   NAME               ID              SIZE      PROCESSOR          CONTEXT    UNTIL
 *   deepseek-r1:32b    38056bbcbb2d    22 GB     48%/52% CPU/GPU    8192       4 minutes from now
 *
 * ListRunningHandler() in ollama's cmd/cmd.go, since 0.1.38; CONTEXT since 0.9. SIZE is decimal (format.HumanBytes). Columns
 * are at least four blanks apart only by luck: they are cut where the header's words stand.
 */
#include "parsers/tables.h"

static bool
is_head(struct cul_slice line)
{
	return cul_is(cul_word(&line), CUL_LIT("NAME")) && cul_is(cul_word(&line), CUL_LIT("ID")) && cul_is(cul_word(&line), CUL_LIT("SIZE")) &&
	       cul_is(cul_word(&line), CUL_LIT("PROCESSOR"));
}

static int
ollama_bid(const struct cul_head *head)
{
	return head->count && is_head(head->lines[0].text) ? 36 : 0;
}

static enum cul_status
ollama_section(struct cul_parse *parse)
{
	struct cul_table table;
	struct cul_line line, head;
	enum cul_status status = CUL_OK;
	size_t context;
	int64_t models = 0;

	if (!cul_line_next(parse, &head))
		return CUL_OK;
	head.text = cul_keep(parse, head.text);
	if (!is_head(head.text)) {
		cul_line_back(parse);
		return CUL_OK;
	}
	cul_table_header(&table, head.text);
	context = cul_table_column(&table, CUL_LIT("CONTEXT"));
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice rest = line.text, name, id, size, unit, processor, first, second;
		struct cul_record rec = cul_table_record(parse, &line);
		struct cul_row row = { 0 };
		double mib, gpu = -1;

		name = cul_word(&rest);
		id = cul_word(&rest);
		size = cul_word(&rest);
		unit = cul_word(&rest);
		if (id.size < 10 || !unit.size || !cul_size_to_mib(cul_slice(size.data, (size_t)(unit.data + unit.size - size.data)), 1, &mib)) {
			cul_line_back(parse);
			break;
		}
		/* "100% GPU", "100% CPU", "48%/52% CPU/GPU", "Unknown" */
		rest = cul_trim(rest);
		processor = first = cul_word(&rest);
		if (cul_has(first, CUL_LIT("%"))) {
			second = cul_word(&rest);
			processor = cul_slice(first.data, (size_t)(second.data + second.size - first.data));
			if (cul_is(second, CUL_LIT("GPU")))
				cul_lead_real(first, &gpu);
			else if (cul_is(second, CUL_LIT("CPU")))
				gpu = 0;
			else if (cul_cut(first, CUL_LIT("/"), NULL, &first))
				cul_lead_real(first, &gpu);
		}
		cul_put(&row, cul_text("model", name));
		cul_put(&row, cul_real("size_mib", mib));
		cul_put(&row, cul_text("processor", processor));
		if (gpu >= 0)
			cul_put(&row, cul_real("gpu_pct", gpu));
		if (context != SIZE_MAX)
			cul_put(&row, cul_number("n_ctx", cul_word(&rest)));
		cul_put(&row, cul_text("until", cul_trim(rest)));
		models++;
		status = cul_row_emit(parse, &rec, "ollama.ps", &row);
	}
	if (status == CUL_OK) {
		struct cul_record rec = cul_table_record(parse, &head);

		status = cul_emit(parse, &rec, "ollama.ps-summary", cul_int("models", models));
	}
	return status;
}

const struct cul_parser cul_parser_ollama_ps = {
	.name = "ollama_ps",
	.about = "ollama ps: loaded models, CPU and GPU share",
	.kinds = CUL_KINDS(CUL_SAMPLES("ollama.ps", 1, "ollama_ps", F_MODEL, F_SIZE_MIB, F_PROCESSOR, F_GPU_PCT, F_N_CTX, F_UNTIL),
			   CUL_SAMPLES("ollama.ps-summary", 1, "ollama_ps", F_MODELS)),
	.needles = CUL_LIST("SIZE      PROCESSOR", "SIZE     PROCESSOR", "SIZE    PROCESSOR", "PROCESSOR    "),
	.first = CUL_LIST("ZNPO"),
	.bid = ollama_bid,
	.section = ollama_section,
};
