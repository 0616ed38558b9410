/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Syslog lines, and journalctl's short forms, which print the same.
 *
 *   Nov 21 02:00:59 host kernel: text            Nov  1 02:00:59.123456 host sshd[812]: text
 *   <4>Nov 21 02:00:59 host kernel: text         2026-11-21T02:00:59.123456+01:00 host kernel: text
 *   <4>1 2026-11-21T02:00:59.1Z host app 12 - - text
 *   /var/log/syslog.1:Nov 21 02:00:59 host …     (grep over several files)
 *
 * RFC 3164 files by rsyslog, syslog-ng and busybox (there "kern.err kernel:"), rsyslog's ISO form (Debian 12,
 * Ubuntu 24.04), RFC 5424, journalctl -o short, short-precise, short-iso, short-iso-precise with and without
 * host. imklog leaves the kernel's own "[  812.1] " behind "kernel: "; the dmesg envelope strips it.
 */
#include "parsers/peel.h"

static bool take_priority(struct cul_slice *text, int *severity)
{
	struct cul_slice rest = *text, digits;
	int64_t priority;

	if (!cul_skip(&rest, CUL_LIT("<")))
		return false;
	digits = cul_digits(&rest);
	if (digits.size > 3 || !cul_to_int(digits, &priority) || priority > 191 || !cul_skip(&rest, CUL_LIT(">")))
		return false;
	*severity = (int)(priority & 7);
	*text = rest;
	return true;
}

static struct cul_slice nil(struct cul_slice word)
{
	return cul_is(word, CUL_LIT("-")) ? CUL_NONE : word;
}

/* "1 TIME HOST APP PROCID MSGID SD MSG", the priority already taken */
static int peel_5424(struct cul_slice rest, int severity, struct cul_record *rec)
{
	struct cul_time time = { .ns = CUL_NO_TIME };
	struct cul_slice host, app, pid;

	if (!cul_skip(&rest, CUL_LIT("- ")) && !(cul_clock_iso(&rest, &time) && cul_skip(&rest, CUL_LIT(" "))))
		return 0;
	host = cul_word(&rest);
	app = cul_word(&rest);
	pid = cul_word(&rest);
	if (!cul_word(&rest).size)
		return 0;
	rest = cul_trim(rest);
	if (rest.size && rest.data[0] == '[') {
		bool quoted = false;
		size_t i = 0;

		for (; i < rest.size; i++) {
			char c = rest.data[i];

			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = !quoted;
			else if (c == ']' && !quoted && (i + 1 >= rest.size || rest.data[i + 1] != '['))
				break;
		}
		if (i >= rest.size)
			return 0;
		rest = cul_from(rest, i + 1);
	} else if (!cul_skip(&rest, CUL_LIT("-"))) {
		return 0;
	}
	cul_skip(&rest, CUL_LIT(" "));
	cul_skip(&rest, CUL_LIT("\xef\xbb\xbf"));
	cul_peel_time(rec, time);
	rec->severity = severity;
	rec->host = nil(host);
	rec->unit = nil(app);
	rec->caller = nil(pid);
	rec->kernel = cul_is(app, CUL_LIT("kernel"));
	rec->message = rest;
	return 36;
}

static bool is_month(struct cul_slice text)
{
	return text.size >= 16 && (text.data[3] == ' ') && (text.data[0] >= 'A') && (text.data[6] == ' ') && text.data[9] == ':' &&
	       text.data[12] == ':';
}

static int syslog_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line, after;
	struct cul_record trial;
	struct cul_time time;
	int severity = -1, bits = 8;
	bool iso = false;

	if (line.size < 16 || rec->kernel)
		return 0;
	if (line.data[0] == '/') { /* grep's file name, with or without a line number */
		struct cul_slice name;

		if (!cul_cut(cul_slice(line.data, line.size < 256 ? line.size : 256), CUL_LIT(":"), &name, NULL) ||
		    cul_has(name, CUL_LIT(" ")))
			return 0;
		rest = cul_from(line, name.size + 1);
		after = rest;
		if (cul_digits(&after).size && cul_skip(&after, CUL_LIT(":")) && is_month(after))
			rest = after;
	}
	if (rest.size && rest.data[0] == '<') {
		if (!take_priority(&rest, &severity))
			return 0;
		if (cul_skip(&rest, CUL_LIT("1 ")))
			return peel_5424(rest, severity, rec);
		bits += 8;
	}
	after = rest;
	if (is_month(rest)) {
		if (!cul_clock_syslog(&after, &time))
			return 0;
	} else if (cul_peel_iso(rest) && rest.data[10] == 'T') {
		if (!cul_clock_iso(&after, &time))
			return 0;
		iso = true;
	} else {
		return 0;
	}
	if (!cul_skip(&after, CUL_LIT(" ")))
		return 0;
	trial = *rec;
	/* an ISO time is also what containers and programs begin with: there only a pid or "kernel" tells */
	if (cul_peel_ident(after, iso && after.data[-2] == 'Z', &trial)) {
		if (iso && !trial.host.size && !trial.caller.size && !trial.kernel)
			return 0;
		*rec = trial;
		bits += iso ? 14 : 16;
	} else if (!iso) {
		struct cul_slice words = after, host = cul_word(&words);

		words = cul_trim(words);
		if (cul_starts(words, CUL_LIT("last message repeated")) || cul_starts(words, CUL_LIT("message repeated")) ||
		    cul_starts(words, CUL_LIT("-- MARK --"))) {
			rec->host = host;
			after = words;
			bits += 8;
		}
		rec->message = after;
	} else {
		return 0;
	}
	cul_peel_time(rec, time);
	cul_peel_severity(rec, severity);
	return bits;
}

const struct cul_envelope cul_envelope_syslog = {
	.name = "syslog",
	.about = "syslog files (RFC 3164, 5424, rsyslog's ISO form), journalctl -o short and short-iso",
	.peel = syslog_peel,
};
