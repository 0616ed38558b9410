/* SPDX-License-Identifier: Apache-2.0 */
/**
 * MIG devices of a GPU (drivers 450 and later) in nvidia-smi -q, as text or XML, and in the table.
 *
 *       MIG Device
 *           Index                         : 0
 *           GPU Instance ID               : 1
 *           Compute Instance ID           : 0
 *           Device Attributes
 *               Shared
 *                   Multiprocessor count  : 42
 *           ECC Errors
 *               Volatile
 *                   SRAM Uncorrectable    : 0
 *           FB Memory Usage
 *               Total                     : 20096 MiB
 *   |  0    1   0   0  |     37MiB / 20096MiB | 42      0 |  3   0    2    0    0 |
 */
#include "parsers/capture/nvidia_log.h"

void
cul_nvidia_mig_put(struct cul_row *row, struct cul_slice gi, struct cul_slice ci, char room[32])
{
	if (!cul_all_digits(gi) || !cul_all_digits(ci) || gi.size + ci.size > 30)
		return;
	memcpy(room, gi.data, gi.size);
	room[gi.size] = '/';
	memcpy(room + gi.size + 1, ci.data, ci.size);
	cul_put(row, cul_text("mig", cul_slice(room, gi.size + 1 + ci.size)));
}

enum cul_status
cul_nvidia_mig_emit(struct cul_parse *parse, struct cul_nvidia_mig *mig, const struct cul_row *who)
{
	struct cul_row row = *who;
	enum cul_status status;
	char room[32];

	if (!mig->row.count)
		return CUL_OK;
	cul_nvidia_mig_put(&row, mig->gi, mig->ci, room);
	for (size_t i = 0; i < mig->row.count; i++)
		cul_put(&row, mig->row.args[i]);
	if (mig->total > 0 && mig->used >= 0)
		cul_put(&row, cul_real("used_pct", mig->used * 100 / mig->total));
	status = cul_row_emit(parse, &mig->rec, "nvidia.smi.mig", &row);
	mig->row.count = 0;
	return status;
}

enum cul_status
cul_nvidia_mig_value(struct cul_parse *parse, struct cul_nvidia_mig *mig, const struct cul_row *who, const struct cul_line *line,
		     const struct cul_slice *names, size_t depth, struct cul_slice key, struct cul_slice value)
{
	struct cul_slice part = depth > 1 ? names[1] : CUL_NONE;
	bool memory = cul_is(part, CUL_LIT("FB Memory Usage"));

	if (depth == 1 && cul_is(key, CUL_LIT("Index"))) {
		enum cul_status status = cul_nvidia_mig_emit(parse, mig, who);

		*mig = (struct cul_nvidia_mig){ .rec = cul_table_record(parse, line), .used = -1, .total = -1 };
		mig->rec.line.text = cul_keep(parse, line->text);
		cul_put(&mig->row, cul_number("mig_index", value));
		return status;
	}
	if (!mig->row.count)
		return CUL_OK;
	if (depth == 1 && cul_is(key, CUL_LIT("GPU Instance ID"))) {
		mig->gi = value;
	} else if (depth == 1 && cul_is(key, CUL_LIT("Compute Instance ID"))) {
		mig->ci = value;
	} else if (cul_is_nocase(key, CUL_LIT("Multiprocessor count"))) {
		cul_put(&mig->row, cul_number("multiprocessors", value));
	} else if (cul_is(part, CUL_LIT("ECC Errors")) && cul_is(key, CUL_LIT("SRAM Uncorrectable"))) {
		cul_put(&mig->row, cul_number("sram_uncorrected", value));
	} else if (memory && cul_is(key, CUL_LIT("Total"))) {
		cul_put(&mig->row, cul_size_mib("total_mib", value, 1048576));
		cul_size_to_mib(value, 1048576, &mig->total);
	} else if (memory && cul_is(key, CUL_LIT("Used"))) {
		cul_put(&mig->row, cul_size_mib("used_mib", value, 1048576));
		cul_size_to_mib(value, 1048576, &mig->used);
	} else if (memory && cul_is(key, CUL_LIT("Free"))) {
		cul_put(&mig->row, cul_size_mib("free_mib", value, 1048576));
	}
	return CUL_OK;
}

enum cul_status
cul_nvidia_mig_line(struct cul_parse *parse, const struct cul_line *line, struct cul_time time, int64_t ordinal, struct cul_slice text)
{
	struct cul_slice cells[6] = { { NULL, 0 } }, words[4], used, total;
	struct cul_record rec = cul_line_record(line, time);
	struct cul_row row = { 0 };
	double used_mib, total_mib;
	char mig[32];

	if (cul_table_split(text, '|', cells, 6) < 3)
		return CUL_OK;
	for (int i = 0; i < 4; i++) {
		words[i] = cul_word(&cells[0]);
		if (!cul_all_digits(words[i]) || words[i].size > 6) /* the head, BAR1 */
			return CUL_OK;
	}
	cul_put(&row, cul_number("gpu_index", words[0]));
	cul_nvidia_mig_put(&row, words[1], words[2], mig);
	cul_put(&row, cul_number("mig_index", words[3]));
	if (cul_cut(cells[1], CUL_LIT(" / "), &used, &total) && cul_size_to_mib(used, 1048576, &used_mib) &&
	    cul_size_to_mib(total, 1048576, &total_mib)) {
		cul_put(&row, cul_real("used_mib", used_mib));
		cul_put(&row, cul_real("total_mib", total_mib));
		if (total_mib > 0)
			cul_put(&row, cul_real("used_pct", used_mib * 100 / total_mib));
	}
	cul_put(&row, cul_number("multiprocessors", cul_word(&cells[2])));
	cul_put(&row, cul_number("sram_uncorrected", cul_word(&cells[2])));
	cul_put(&row, cul_int("capture", ordinal));
	return cul_row_emit(parse, &rec, "nvidia.smi.mig", &row);
}
