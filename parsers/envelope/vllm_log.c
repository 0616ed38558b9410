/* SPDX-License-Identifier: Apache-2.0 */
/**
 * vLLM's log lines, with the tags of processes and Ray workers before them.
 *
 *   INFO 05-09 00:49:33 [core.py:387] text
 *   ERROR 05-09 00:49:33 scheduler.py:1057] text                            up to 0.7
 *   (EngineCore_DP0 pid=272) ERROR 05-09 00:49:33 [core.py:387] Traceback (most recent call last):
 *   (RayWorkerWrapper pid=12, ip=10.0.0.2) WARNING 05-09 00:49:33 [utils.py:7] text
 *
 * Format of vllm/logger.py, NewLineFormatter: every line of a traceback has the prefix. No year, local time. The tag
 * stays in front of the message, level, time and place go.
 */
#include "parsers/peel.h"

static int vllm_log_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line, tag = CUL_NONE, level, place;
	struct cul_record trial = *rec;
	struct cul_time time;

	if (line.size < 16 || !(line.data[0] == '(' || line.data[0] == '[' || strchr("IWDECFNTPAV", line.data[0])))
		return 0;
	if (line.data[0] == '(' || line.data[0] == '[')
		tag = cul_peel_tag(&rest, &trial);
	level = cul_word(&rest);
	if (level.size < 4 || level.size > 8 || level.data[0] < 'A' || level.data[0] > 'Z' || cul_level(level) < 0)
		return 0;
	rest = cul_trim(rest);
	if (rest.size < 14 || rest.data[2] != '-' || rest.data[5] != ' ' || !cul_clock_monthday(&rest, &time))
		return 0;
	cul_skip(&rest, CUL_LIT(" "));
	/* "[core.py:387] " or "core.py:387] " */
	if (cul_cut(cul_slice(rest.data, rest.size < 96 ? rest.size : 96), CUL_LIT("]"), &place, NULL) &&
	    (cul_has(place, CUL_LIT(".py:")) || cul_has(place, CUL_LIT(".cpp:"))) && !cul_has(place, CUL_LIT(" "))) {
		rest = cul_from(rest, place.size + 1);
		cul_skip(&rest, CUL_LIT(" "));
	}
	*rec = trial;
	rec->time = time;
	rec->severity = cul_level(level);
	cul_peel_tagged(tag, rest, rec);
	return 28;
}

const struct cul_envelope cul_envelope_vllm_log = {
	.name = "vllm_log",
	.about = "vLLM: INFO 05-09 00:49:33 [core.py:387] text, with process tags before it",
	.begins = "([IWDECFNTPAV",
	.peel = vllm_log_peel,
};
