/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A time in brackets at the start of a line.
 *
 *   [2025-10-15 10:47:27 TP0] text                                        SGLang; also DP0, PP0, EP0
 *   [2026-08-22 12:19:04,123] [INFO] [file.py:123:func] [Rank 0] text     DeepSpeed, torchrun's Python side
 *   [2026-06-26 18:56:29,054 W 74 74] (raylet) file.cc:58: text           Ray's C++ side
 *   [2026-11-21T02:00:59.123] error: text                                 Slurm
 *   [02:00:59] text
 *
 * SGLang's tags of workers stay in front of the message, as "[TP0] text".
 */
#include "parsers/peel.h"

static int bracket_time_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line, tag = CUL_NONE, inside, word, level;
	struct cul_record trial = *rec;
	struct cul_time time;
	int bits = 14, severity = -1;
	char made[64];

	if (line.size < 11 || (line.data[0] != '[' && line.data[0] != '('))
		return 0;
	if (line.data[0] == '(' || line.data[1] == 'r')
		tag = cul_peel_tag(&rest, &trial);
	if (!cul_skip(&rest, CUL_LIT("[")) || rest.size < 9 || !cul_peel_digit(rest.data[0]))
		return 0;
	if (cul_peel_iso(rest)) {
		if (!cul_clock_iso(&rest, &time))
			return 0;
	} else {
		if (rest.data[2] != ':' || rest.data[5] != ':' || !cul_clock_hms(&rest, &time))
			return 0;
		bits = 8;
	}
	if (!cul_cut(cul_slice(rest.data, rest.size < 64 ? rest.size : 64), CUL_LIT("]"), &inside, NULL))
		return 0;
	rest = cul_from(rest, inside.size + 1);
	cul_skip(&rest, CUL_LIT(":"));
	cul_skip(&rest, CUL_LIT(" "));
	inside = cul_trim(inside);
	if (inside.size) {
		struct cul_slice words = inside;

		word = cul_word(&words);
		if (word.size == 1 && cul_level(word) >= 0) { /* Ray: level, pid, tid */
			severity = cul_level(word);
			words = cul_trim(words);
			trial.caller = cul_digits(&words);
			bits += 10;
		} else if (!tag.size && inside.size < sizeof(made) - 3) {
			made[0] = '[';
			memcpy(made + 1, inside.data, inside.size);
			made[inside.size + 1] = ']';
			tag = cul_slice(made, inside.size + 2);
			trial.caller = inside;
			bits += 6;
		}
	}
	/* "[INFO]", "error:", "INFO:" */
	word = rest;
	level = cul_word(&word);
	if (level.size > 2 && level.data[0] == '[' && level.data[level.size - 1] == ']')
		level = cul_slice(level.data + 1, level.size - 2);
	else if (level.size > 2 && level.data[level.size - 1] == ':')
		level.size--;
	if (severity < 0 && level.size > 1)
		severity = cul_level(level);
	*rec = trial;
	rec->time = time;
	cul_peel_severity(rec, severity);
	cul_peel_tagged(tag, rest, rec);
	return bits;
}

const struct cul_envelope cul_envelope_bracket_time = {
	.name = "bracket_time",
	.about = "lines with a time in brackets: SGLang, DeepSpeed, Ray, Slurm",
	.begins = "[(",
	.peel = bracket_time_peel,
};
