/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The kernel's ring buffer as printed by dmesg, a serial console, pstore, kdump, /dev/kmsg or Talos.
 *
 *   [  812.100000] text                          [  812.100000][    T1] text
 *   <6>[  812.100000] text                       kern  :err   : [  812.100000] text
 *   [Sat Nov 21 02:00:59 2026] text              [  812.100000 <    0.000123>] text
 *   [Nov21 02:00] text   [  +0.000123] text      2026-11-21T02:00:59,123456+01:00 text
 *   host1 login: [  812.100000] text             a serial console that waits for somebody
 *   6,339,5140900,-,caller=T1;text               10.0.0.1: kern:    info: [2026-11-21T02:00:59.1Z]: text (a name in place of the address)
 *
 * Printed by print_prefix() in kernel/printk/printk.c (caller ids with CONFIG_PRINTK_CALLER, since 5.1),
 * util-linux sys-utils/dmesg.c (-x -T -d -e -H --time-format iso) and Talos' kmsg reader. Inside syslog lines only
 * the bracket is dropped: the wall clock stays.
 */
#include "parsers/peel.h"

#include <ctype.h>

/* the facility of dmesg -x and Talos: 1 the kernel's, 2 another, 0 none; moves behind its ':' */
static int take_facility(struct cul_slice *text, int *severity)
{
	static const char *const names[] = { "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
					     "authpriv", "ftp", "local", NULL };
	struct cul_slice rest = *text, name, level;
	size_t i;

	if (!cul_cut(cul_slice(rest.data, rest.size < 12 ? rest.size : 12), CUL_LIT(":"), &name, NULL))
		return 0;
	rest = cul_from(rest, name.size + 1);
	name = cul_trim(name);
	if (name.size == 6 && cul_starts(name, CUL_LIT("local")))
		name.size = 5;
	if (!name.size)
		return 0;
	for (i = 0; names[i] && (names[i][0] != name.data[0] || !cul_is(name, cul_str(names[i]))); i++)
		;
	if (!names[i] || !cul_cut(cul_slice(rest.data, rest.size < 14 ? rest.size : 14), CUL_LIT(":"), &level, NULL))
		return 0;
	rest = cul_from(rest, level.size + 1);
	level = cul_trim(level);
	if (cul_level(level) < 0)
		return 0;
	cul_skip(&rest, CUL_LIT(" "));
	*severity = cul_level(level);
	*text = rest;
	return i ? 2 : 1;
}

/* talosctl: "10.0.0.1: kern:    info: [2026-…]: text", the node by its address or name; what take_facility() says */
static int take_node(struct cul_slice *text, struct cul_record *rec)
{
	struct cul_slice rest = *text, node;
	int facility, severity;

	if (!cul_cut(cul_slice(rest.data, rest.size < 64 ? rest.size : 64), CUL_LIT(": "), &node, NULL) || node.size < 2)
		return 0;
	rest = cul_from(rest, node.size + 2);
	facility = take_facility(&rest, &severity);
	if (!facility || rest.size < 2 || rest.data[0] != '[' || !cul_peel_digit(rest.data[1]))
		return 0;
	for (size_t i = 0; i < node.size; i++)
		if (!isalnum((unsigned char)node.data[i]) && !memchr(".:-_", node.data[i], 4))
			return 0;
	rec->severity = severity;
	rec->host = node;
	*text = rest;
	return facility;
}

/* getty's prompt, which a serial console's next line stands behind */
static bool skip_login(struct cul_slice *text)
{
	struct cul_slice host, rest;

	if (!cul_cut(cul_slice(text->data, text->size < 80 ? text->size : 80), CUL_LIT(" login: ["), &host, NULL) || cul_has(host, CUL_LIT(" ")))
		return false;
	rest = cul_from(*text, host.size + 8);
	if (rest.size < 2 || (rest.data[1] != ' ' && !cul_peel_digit(rest.data[1])))
		return false;
	*text = rest;
	return true;
}

/* "] ", "]: ", then "[    T1] " */
static void take_caller(struct cul_slice *text, struct cul_record *rec)
{
	struct cul_slice rest = *text, caller;

	cul_skip(&rest, CUL_LIT(":"));
	cul_skip(&rest, CUL_LIT(" "));
	if (rest.size > 2 && rest.data[0] == '[') {
		if (cul_cut(cul_slice(rest.data + 1, rest.size - 1 < 14 ? rest.size - 1 : 14), CUL_LIT("]"), &caller, NULL)) {
			size_t whole = caller.size;
			bool good;

			caller = cul_trim(caller);
			good = whole >= 4 && caller.size > 1 && (caller.data[0] == 'T' || caller.data[0] == 'C');
			for (size_t i = 1; good && i < caller.size; i++)
				good = cul_peel_digit(caller.data[i]);
			if (!good && caller.size > 1 && (caller.data[0] == 'T' || caller.data[0] == 'C') && whole < 4) {
				good = true; /* util-linux: [C0], [T1] */
				for (size_t i = 1; good && i < caller.size; i++)
					good = cul_peel_digit(caller.data[i]);
			}
			if (good) {
				rec->caller = caller;
				rest = cul_from(rest, whole + 2);
				cul_skip(&rest, CUL_LIT(" "));
			}
		}
	}
	*text = rest;
}

/* what user space writes to /dev/kmsg stands in the ring buffer too */
static void take_program(struct cul_record *rec)
{
	static const char *const heads[] = { "systemd[", "systemd-", "dracut", "cloud-init[", "(udev-worker)", "[talos]", "[initramfs]",
					     NULL };
	struct cul_slice ident, pid;

	for (const char *const *h = heads; *h; h++) {
		if (!cul_starts(rec->message, cul_str(*h)))
			continue;
		rec->kernel = false;
		if (cul_cut(cul_slice(rec->message.data, rec->message.size < 64 ? rec->message.size : 64), CUL_LIT("]: "), &ident, NULL) &&
		    cul_cut(ident, CUL_LIT("["), &ident, &pid) && ident.size) {
			rec->unit = ident;
			rec->caller = pid;
			rec->message = cul_from(rec->message, (size_t)(pid.data - rec->message.data) + pid.size + 3);
		} else {
			rec->unit = CUL_NONE;
		}
		return;
	}
}

static int accept(struct cul_record *rec, struct cul_slice text, struct cul_time time, int facility, int bits)
{
	cul_peel_time(rec, time);
	rec->kernel = facility != 2;
	rec->unit = rec->kernel ? CUL_LIT("kernel") : CUL_NONE;
	rec->message = text;
	if (rec->kernel)
		take_program(rec);
	return bits;
}

/* "6,339,5140900,-,caller=T1;text" */
static int peel_kmsg(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line, priority, usec, head, caller;
	int64_t prio, us;
	struct cul_time time = { .clock = CUL_CLOCK_BOOT };

	priority = cul_digits(&rest);
	if (!cul_skip(&rest, CUL_LIT(",")) || !cul_digits(&rest).size || !cul_skip(&rest, CUL_LIT(",")))
		return 0;
	usec = cul_digits(&rest);
	if (!usec.size || !cul_skip(&rest, CUL_LIT(",")) || !cul_to_int(priority, &prio) || prio > 255 || !cul_to_int(usec, &us) ||
	    us > INT64_MAX / 1000)
		return 0;
	if (!cul_cut(cul_slice(rest.data, rest.size < 64 ? rest.size : 64), CUL_LIT(";"), &head, NULL))
		return 0;
	rest = cul_from(rest, head.size + 1);
	if (cul_cut(head, CUL_LIT("caller="), NULL, &caller))
		rec->caller = caller;
	rec->severity = (int)(prio & 7);
	time.ns = us * 1000;
	return accept(rec, rest, time, prio >> 3 ? 2 : 1, 28);
}

static int dmesg_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line, digits;
	struct cul_time time = { .ns = CUL_NO_TIME };
	struct cul_record trial;
	int facility = 0, bits = 12, severity = -1, level;
	int64_t priority;

	if (line.size < 6 || (rec->unit.size && !rec->kernel))
		return 0;
	if ((line.data[0] >= 'a' && line.data[0] <= 'z') && !memchr(line.data, ':', line.size < 64 ? line.size : 64))
		return 0; /* neither a facility nor a node */
	if (cul_peel_digit(line.data[0])) {
		int kmsg = line.data[1] == ',' || line.data[2] == ',' || line.data[3] == ',' ? peel_kmsg(line, rec) : 0;

		if (kmsg)
			return kmsg;
		if (cul_peel_iso(rest)) { /* --time-format iso: a comma before six digits, a zone behind them */
			if (line.size < 33 || line.data[10] != 'T' || line.data[19] != ',' || !cul_clock_iso(&rest, &time) ||
			    time.clock != CUL_CLOCK_UTC || !cul_skip(&rest, CUL_LIT(" ")))
				return 0;
			take_caller(&rest, rec);
			return accept(rec, rest, time, 1, 26);
		}
		facility = memchr(line.data, ':', line.size < 64 ? line.size : 64) ? take_node(&rest, rec) : 0;
		if (!facility)
			return 0;
	} else if (line.data[0] >= 'a' && line.data[0] <= 'z') {
		facility = take_facility(&rest, &level);
		if (facility && rest.size && rest.data[0] == '[') {
			rec->severity = level;
			bits += 12;
		} else {
			rest = line;
			facility = take_node(&rest, rec);
			if (!facility && !skip_login(&rest))
				return 0;
		}
	} else if (line.data[0] == '<') {
		rest = cul_from(rest, 1);
		digits = cul_digits(&rest);
		if (!digits.size || digits.size > 3 || !cul_skip(&rest, CUL_LIT(">")) || !cul_to_int(digits, &priority) || priority > 191)
			return 0;
		severity = (int)(priority & 7);
		facility = priority >> 3 ? 2 : 1;
		bits += 8;
	}
	if (!rest.size || rest.data[0] != '[')
		return 0;
	rest = cul_from(rest, 1);
	if (rest.size < 5)
		return 0;
	if (rest.data[0] == ' ' || cul_peel_digit(rest.data[0])) {
		struct cul_slice before = rest;

		if (cul_clock_boot(&rest, &time) || (cul_peel_digit(rest.data[0]) && rest.data[4] == '-' && cul_clock_iso(&rest, &time))) {
			if (time.clock == CUL_CLOCK_BOOT && rest.data - before.data < 8)
				return 0; /* "[ 0.5]" is somebody else's */
			if (time.clock != CUL_CLOCK_BOOT) { /* Talos; its facilities don't tell the kernel's lines from others */
				if (!facility)
					return 0;
				facility = 1;
			}
		} else {
			struct cul_slice delta = cul_trim(rest);

			/* -e, -H: "[  +0.000123] " */
			if (!cul_skip(&delta, CUL_LIT("+")) || !cul_clock_boot(&delta, &time) || !cul_skip(&delta, CUL_LIT("]")))
				return 0;
			if (time.ns < 86400 * CUL_SECOND)
				rec->step_ns = time.ns;
			time = (struct cul_time){ .ns = CUL_NO_TIME };
			take_caller(&delta, rec);
			if (severity >= 0)
				rec->severity = severity;
			return accept(rec, delta, time, facility, bits);
		}
	} else if (rest.size > 12 && rest.data[11] == ']' && rest.data[5] == ' ' && rest.data[8] == ':') {
		/* "[Nov21 02:00] ": the minute, without seconds */
		char text[20];
		struct cul_slice made = { text, 0 };

		memcpy(text, rest.data, 3);
		text[3] = ' ';
		memcpy(text + 4, rest.data + 3, 8);
		memcpy(text + 12, ":00", 3);
		made.size = 15;
		if (!cul_clock_syslog(&made, &time))
			return 0;
		rest = cul_from(rest, 11);
	} else {
		if (!cul_clock_ctime(&rest, &time))
			return 0;
		bits += 4;
	}
	/* -d: " <    0.000123>" */
	if (cul_starts(rest, CUL_LIT(" <"))) {
		struct cul_slice delta;

		if (!cul_cut(cul_slice(rest.data, rest.size < 40 ? rest.size : 40), CUL_LIT(">]"), &delta, NULL))
			return 0;
		rest = cul_from(rest, delta.size + 1);
	}
	if (!cul_skip(&rest, CUL_LIT("]")))
		return 0;
	/* journalctl -o short-monotonic looks the same, with host and ident behind it */
	trial = *rec;
	if (time.clock == CUL_CLOCK_BOOT && !rec->kernel && rest.size > 8 && cul_skip(&rest, CUL_LIT(" "))) {
		struct cul_slice word = rest, host = cul_word(&word);

		if (host.size && host.data[host.size - 1] != ':' && cul_peel_ident(rest, true, &trial) && trial.host.size)
			return 0;
	}
	if (severity >= 0)
		rec->severity = severity;
	take_caller(&rest, rec);
	return accept(rec, rest, time, facility, bits + 8);
}

const struct cul_envelope cul_envelope_dmesg = {
	.name = "dmesg",
	.about = "kernel ring buffer: dmesg in all its forms, serial consoles, pstore, /dev/kmsg, talosctl dmesg",
	.begins = "[<0a",
	.peel = dmesg_peel,
};
