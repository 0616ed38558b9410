/* SPDX-License-Identifier: Apache-2.0 */
/**
 * glog, klog and c10: a letter for the severity, month and day, time, thread, file and line.
 *
 *   E1121 02:00:59.123456    1234 server.cc:88] text             Triton, kubelet, absl, Ray
 *   [rank1]:[E1118 20:32:23.955028747 ProcessGroupNCCL.cpp:629] [Rank 1] text     PyTorch 2.4 and later
 *   [E1118 20:32:23.955028747 ProcessGroupNCCL.cpp:629] text     [E ProcessGroupNCCL.cpp:414] text    older, without time
 *   [rank0]:W1118 20:32:23.955000 139 torch/distributed/elastic/multiprocessing/api.py:826] text
 *
 * No year; PyTorch's C++ side pads no month ("E709" is the 9th of July). The rank stays in front of the message.
 */
#include "parsers/peel.h"

static bool is_letter(char c)
{
	return c == 'I' || c == 'W' || c == 'E' || c == 'F' || c == 'V';
}

static int glog_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line, tag = CUL_NONE, where, stamp;
	struct cul_time time = { .ns = CUL_NO_TIME };
	struct cul_record trial = *rec;
	bool bracket = false;
	size_t limit;
	int bits = 20;
	char letter;

	if (line.size < 12 || (line.data[0] != '[' && line.data[0] != '(' && !is_letter(line.data[0])))
		return 0;
	if (line.data[0] == '(' || cul_starts(line, CUL_LIT("[rank"))) {
		tag = cul_peel_tag(&rest, &trial);
		if (!tag.size)
			return 0;
	}
	if (cul_skip(&rest, CUL_LIT("[")))
		bracket = true;
	if (rest.size < 8 || !is_letter(rest.data[0]))
		return 0;
	letter = rest.data[0];
	stamp = cul_from(rest, 1);
	limit = stamp.size < 200 ? stamp.size : 200;
	if (cul_peel_digit(stamp.data[0])) {
		if (!cul_clock_glog(&stamp, &time))
			return 0;
		limit = stamp.size < 200 ? stamp.size : 200;
		if (!cul_cut(cul_slice(stamp.data, limit), CUL_LIT("]"), &where, NULL))
			return 0;
	} else {
		/* "[E ProcessGroupNCCL.cpp:414] " */
		if (!bracket || stamp.data[0] != ' ' || !cul_cut(cul_slice(stamp.data, limit), CUL_LIT("]"), &where, NULL) ||
		    !cul_has(where, CUL_LIT(".cpp:")))
			return 0;
		bits = 12;
	}
	rest = cul_from(stamp, where.size + 1);
	cul_skip(&rest, CUL_LIT(" "));
	if (!bracket) { /* thread, then file:line */
		struct cul_slice words = cul_trim(where), thread = cul_word(&words);

		if (!cul_trim(words).size && !cul_has(thread, CUL_LIT(":")))
			return 0;
		if (!trial.caller.size && cul_peel_digit(thread.data ? thread.data[0] : 0))
			trial.caller = cul_digits(&thread);
	}
	*rec = trial;
	rec->time = time;
	rec->severity = cul_level(cul_slice(&letter, 1));
	cul_peel_tagged(tag, rest, rec);
	return bits;
}

const struct cul_envelope cul_envelope_glog = {
	.name = "glog",
	.about = "glog, klog and PyTorch c10: E1121 02:00:59.123456 1234 file:line] text",
	.begins = "[(IWEFV",
	.peel = glog_peel,
};
