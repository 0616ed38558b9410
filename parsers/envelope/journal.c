/* SPDX-License-Identifier: Apache-2.0 */
/**
 * journalctl in the forms that aren't syslog's: JSON, full, unix and monotonic times.
 *
 *   {"__REALTIME_TIMESTAMP":"1795226459000000","_HOSTNAME":"h","MESSAGE":"text",…}      -o json, json-seq, json-sse
 *   Sat 2026-11-21 02:00:59 UTC host ident[12]: text                                    -o short-full, with-unit
 *   1795226459.123456 host ident[12]: text                                              -o short-unix
 *   [  812.100000] host ident[12]: text    [  812.100000 <    0.000123 >] host ident: text   -o short-monotonic, short-delta
 *
 * Printed by src/shared/logs-show.c of systemd. In JSON a MESSAGE that isn't UTF-8 is an array of byte numbers, one that is
 * too long is null; a kernel line carries its own clock in _SOURCE_MONOTONIC_TIMESTAMP. -o short and short-iso are read by
 * the syslog envelope, -o export, verbose and json-pretty (several lines a record) are turned into lines by dump/journal_*.c.
 */
#include "parsers/peel.h"

static bool micros(struct cul_slice raw, int64_t *ret)
{
	int64_t us;

	if (raw.size >= 2 && raw.data[0] == '"')
		raw = cul_slice(raw.data + 1, raw.size - 2);
	if (!cul_to_int(raw, &us) || us < 0 || us > INT64_MAX / 1000)
		return false;
	*ret = us * 1000;
	return true;
}

static int peel_json(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line, key, value, message = CUL_NONE, ident = CUL_NONE, host = CUL_NONE, pid = CUL_NONE,
			 transport = CUL_NONE, unit = CUL_NONE, comm = CUL_NONE;
	int64_t realtime = CUL_NO_TIME, monotonic = CUL_NO_TIME, source = CUL_NO_TIME, source_real = CUL_NO_TIME, priority = -1;

	if (!cul_has(cul_slice(line.data, line.size < 65536 ? line.size : 65536), CUL_LIT("\"__REALTIME_TIMESTAMP\"")))
		return 0;
	for (int i = 0; i < 512 && cul_json_next(&rest, &key, &value); i++) {
		if (cul_is(key, CUL_LIT("MESSAGE")))
			message = value;
		else if (cul_is(key, CUL_LIT("__REALTIME_TIMESTAMP")))
			micros(value, &realtime);
		else if (cul_is(key, CUL_LIT("__MONOTONIC_TIMESTAMP")))
			micros(value, &monotonic);
		else if (cul_is(key, CUL_LIT("_SOURCE_MONOTONIC_TIMESTAMP")))
			micros(value, &source);
		else if (cul_is(key, CUL_LIT("_SOURCE_REALTIME_TIMESTAMP")))
			micros(value, &source_real);
		else if (cul_is(key, CUL_LIT("_HOSTNAME")))
			host = value;
		else if (cul_is(key, CUL_LIT("SYSLOG_IDENTIFIER")))
			ident = value;
		else if (cul_is(key, CUL_LIT("CONTAINER_NAME")) || cul_is(key, CUL_LIT("_SYSTEMD_UNIT")))
			unit = value;
		else if (cul_is(key, CUL_LIT("_COMM")))
			comm = value;
		else if (cul_is(key, CUL_LIT("_PID")) || (cul_is(key, CUL_LIT("SYSLOG_PID")) && !pid.size))
			pid = value;
		else if (cul_is(key, CUL_LIT("_TRANSPORT")))
			transport = value;
		else if (cul_is(key, CUL_LIT("PRIORITY")) && value.size == 3 && cul_peel_digit(value.data[1]))
			priority = value.data[1] - '0';
	}
	if (realtime == CUL_NO_TIME)
		return 0;
	rec->time = (struct cul_time){ .ns = source_real != CUL_NO_TIME ? source_real : realtime, .clock = CUL_CLOCK_UTC };
	rec->kernel = cul_is(transport, CUL_LIT("\"kernel\"")) || (!transport.size && cul_is(ident, CUL_LIT("\"kernel\"")));
	rec->boot_ns = rec->kernel && source != CUL_NO_TIME ? source : monotonic;
	rec->host = cul_json_text(host, rec);
	rec->unit = rec->kernel ? CUL_LIT("kernel") : cul_json_text(ident.size ? ident : unit.size ? unit : comm, rec);
	rec->caller = cul_json_text(pid, rec);
	if (priority >= 0 && priority <= 7)
		rec->severity = (int)priority;
	rec->message = cul_trim(cul_json_text(message, rec));
	while (rec->message.size && rec->message.data[rec->message.size - 1] == '\n')
		rec->message.size--;
	return 64;
}

/* a zone's name or offset behind the time, when the clock left it there */
static void skip_zone(struct cul_slice *text)
{
	struct cul_slice rest = *text, word;

	if (!cul_skip(&rest, CUL_LIT(" ")))
		return;
	word = cul_word(&rest);
	if (word.size < 2 || word.size > 6)
		return;
	for (size_t i = 0; i < word.size; i++)
		if (!(word.data[i] >= 'A' && word.data[i] <= 'Z') && !cul_peel_digit(word.data[i]) && word.data[i] != '+' && word.data[i] != '-')
			return;
	*text = rest;
}

static int journal_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line;
	struct cul_record trial;
	struct cul_time time;

	if (line.size < 20)
		return 0;
	if (line.data[0] == 0x1e)
		rest = cul_from(rest, 1);
	else if (line.data[0] == 'd')
		cul_skip(&rest, CUL_LIT("data: "));
	if (rest.data[0] == '{')
		return peel_json(rest, rec);
	if (line.data[0] == '[') { /* short-monotonic, short-delta */
		struct cul_slice delta;

		rest = cul_from(rest, 1);
		if (!cul_clock_boot(&rest, &time) || (size_t)(rest.data - line.data) < 9)
			return 0;
		if (cul_starts(rest, CUL_LIT(" <"))) {
			if (!cul_cut(cul_slice(rest.data, rest.size < 48 ? rest.size : 48), CUL_LIT(">]"), &delta, NULL))
				return 0;
			rest = cul_from(rest, delta.size + 1);
		}
		trial = *rec;
		if (!cul_skip(&rest, CUL_LIT("] ")) || !cul_peel_ident(rest, true, &trial) || !trial.host.size)
			return 0;
		*rec = trial;
		rec->time = time;
		return 30;
	}
	if (cul_peel_digit(line.data[0])) { /* short-unix */
		size_t n = 0;

		while (n < line.size && cul_peel_digit(line.data[n]))
			n++;
		if (n < 9 || n > 11 || n + 7 >= line.size || line.data[n] != '.' || !cul_has(cul_from(line, n), CUL_LIT(":")))
			return 0;
		trial = *rec;
		if (!cul_clock_unix(&rest, &time) ||
		    !cul_skip(&rest, CUL_LIT(" ")) || !cul_peel_ident(rest, false, &trial) || (!trial.host.size && !trial.caller.size))
			return 0;
		*rec = trial;
		rec->time = time;
		return 28;
	}
	/* short-full: a weekday of any language, then an ISO date */
	if (line.data[0] >= 'A' || (unsigned char)line.data[0] >= 0x80) {
		size_t n = 0;

		while (n < 8 && line.data[n] != ' ')
			n++;
		rest = cul_from(line, n + 1);
		if (n < 2 || n == 8 || !cul_peel_iso(rest) || rest.data[10] != ' ' || !cul_clock_iso(&rest, &time))
			return 0;
		if (rest.size && rest.data[0] == ' ') {
			struct cul_slice plain = rest;

			if (time.clock != CUL_CLOCK_UTC)
				skip_zone(&rest);
			if (!rest.size || rest.data[0] != ' ')
				rest = plain;
		}
		trial = *rec;
		if (!cul_skip(&rest, CUL_LIT(" ")) || !cul_peel_ident(rest, false, &trial))
			return 0;
		*rec = trial;
		rec->time = time;
		return 30;
	}
	return 0;
}

const struct cul_envelope cul_envelope_journal = {
	.name = "journal",
	.about = "journalctl -o json, short-full, with-unit, short-unix, short-monotonic, short-delta",
	.peel = journal_peel,
};
