/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Lines that begin with a full date and time, as programs print them.
 *
 *   2025-03-01 12:00:00,123 - lmdeploy - ERROR - engine.py:88 - text      logging.basicConfig, LMDeploy, GPUStack
 *   2025-03-01 12:00:00,123 INFO worker.py:1234 -- text                   Ray
 *   2025-03-01 12:00:00.123 | ERROR    | module:function:12 - text        loguru
 *   2025-03-01T12:00:00.123456Z ERROR text_generation_launcher: text      tracing (TGI)
 *   2025/03/01 12:00:00 routes.go:953: text    2025/03/01 12:00:00 [error] 7#7: text     Go's log, nginx
 *   [rank0]: 2024-11-17 03:27:06 | INFO | text
 *
 * The time goes; of "- name - LEVEL - " nothing stays, elsewhere level and logger stay in the message. A comma right behind
 * the time is a table's (CSV), and is left to those who read tables.
 */
#include "parsers/peel.h"

/* the word at the start of @text without brackets and colon */
static struct cul_slice bare_word(struct cul_slice text)
{
	struct cul_slice word = cul_word(&text);

	while (word.size && (word.data[0] == '[' || word.data[0] == '|' || word.data[0] == '<'))
		word = cul_from(word, 1);
	while (word.size && (word.data[word.size - 1] == ']' || word.data[word.size - 1] == ':' || word.data[word.size - 1] == '|' ||
			     word.data[word.size - 1] == '>' || word.data[word.size - 1] == ','))
		word.size--;
	return word;
}

static int python_logging_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line, tag = CUL_NONE, name, level, message, words;
	struct cul_record trial;
	struct cul_time time;
	int bits = 10, severity = -1;

	if (line.size < 20 || (cul_peel_digit(line.data[0]) && !cul_peel_iso(line)))
		return 0;
	trial = *rec;
	if (line.data[0] == '[' || line.data[0] == '(')
		tag = cul_peel_tag(&rest, &trial);
	if (!cul_peel_iso(rest) || !cul_clock_iso(&rest, &time))
		return 0;
	if (!rest.size || (rest.data[0] != ' ' && rest.data[0] != '\t' && rest.data[0] != ':' && rest.data[0] != '|'))
		return 0;
	rest = cul_from(rest, 1);
	message = rest;
	if ((cul_starts(rest, CUL_LIT("- ")) && cul_cut(cul_from(rest, 2), CUL_LIT(" - "), &name, &words)) && name.size < 128 &&
	    cul_cut(words, CUL_LIT(" - "), &level, &message) && cul_level(cul_trim(level)) >= 0 && cul_trim(level).size > 1) {
		severity = cul_level(cul_trim(level));
		bits = 26;
	} else {
		message = rest;
		words = rest;
		for (int i = 0; i < 3 && severity < 0; i++) {
			struct cul_slice word = bare_word(words);

			if (word.size > 1 && word.size < 12)
				severity = cul_level(word);
			if (severity < 0 && word.size > 1 && i)
				break; /* the level is the first or second real word, or none */
			cul_word(&words);
			words = cul_trim(words);
		}
		if (severity >= 0) {
			bits = 14;
			while (message.size && message.data[0] == ' ') /* a level padded to a width */
				message = cul_from(message, 1);
		}
	}
	*rec = trial;
	rec->time = time;
	cul_peel_severity(rec, severity);
	cul_peel_tagged(tag, message, rec);
	return bits;
}

const struct cul_envelope cul_envelope_python_logging = {
	.name = "python_logging",
	.about = "lines with a leading date and time: Python logging, loguru, tracing, Go's log, nginx",
	.begins = "[(0",
	.peel = python_logging_peel,
};
