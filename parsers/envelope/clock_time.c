/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Lines that begin with nothing but a clock: "02:00:59.123 text", "02:00:59 ERROR text", "02:00:59 [WARN] text" (logback,
 * Lightning, scripts). No date: such times order lines and no more. " 02:00:59 up 5 days" is uptime's.
 */
#include "parsers/peel.h"

static int clock_time_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line, word, level;
	struct cul_time time;

	if (line.size < 12 || !cul_peel_digit(line.data[0]) || line.data[2] != ':' || line.data[5] != ':' || !cul_clock_hms(&rest, &time))
		return 0;
	if (!cul_skip(&rest, CUL_LIT(" ")) || !rest.size || rest.data[0] == ' ')
		return 0;
	word = rest;
	level = cul_word(&word);
	if (cul_is(level, CUL_LIT("up")) || cul_is(level, CUL_LIT("AM")) || cul_is(level, CUL_LIT("PM")))
		return 0;
	/* sar and vmstat print tables behind a clock: a message begins with a letter or a bracket */
	if (!((rest.data[0] | 32) >= 'a' && (rest.data[0] | 32) <= 'z') && rest.data[0] != '[' && rest.data[0] != '<')
		return 0;
	while (level.size && (level.data[0] == '[' || level.data[0] == '<'))
		level = cul_from(level, 1);
	while (level.size && (level.data[level.size - 1] == ']' || level.data[level.size - 1] == ':' || level.data[level.size - 1] == '>'))
		level.size--;
	rec->time = time;
	if (level.size > 1)
		cul_peel_severity(rec, cul_level(level));
	rec->message = rest;
	return 8;
}

const struct cul_envelope cul_envelope_clock_time = {
	.name = "clock_time",
	.about = "lines with a leading clock and no date",
	.begins = "0",
	.peel = clock_time_peel,
};
