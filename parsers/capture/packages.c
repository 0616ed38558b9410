/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What package managers did, and when: one row for each package that came, went or changed, one for each command that began it.
 *
 *   2026-11-20 06:12:13 upgrade linux-image-amd64:amd64 6.1.119-1 6.1.123-1            dpkg.log
 *   2026-11-20 06:12:14 install gdb:amd64 <none> 13.1-3
 *   Start-Date: 2026-11-20  06:12:10                                                   apt/history.log
 *   Upgrade: nvidia-driver:amd64 (535.183.01-1, 535.216.01-1), libc6:amd64 (2.36-9, 2.36-10)
 *   2026-11-20T06:12:13+0000 SUBDEBUG Upgrade: kernel-core-5.14.0-503.15.1.el9_5.x86_64        dnf.rpm.log
 *   Nov 20 06:12:13 Updated: 1:nvidia-driver-550.127.05-1.el7.x86_64                   yum.log
 *   [2026-11-20T06:12:13+0100] [ALPM] upgraded linux (6.6.1-1 -> 6.6.2-1)              pacman.log
 *   2026-11-20 06:12:13|install|kernel-default|6.4.0-150600.23.25.1|x86_64||repo|…|    zypp/history
 *
 * Written by dpkg's src/common (log_message in lib/dpkg/log.c), apt's apt-pkg/deb/dpkgpm.cc, dnf's dnf/yum/rpmtrans.py, yum's
 * yum/rpmtrans.py, pacman's lib/libalpm (add.c, remove.c; seconds and zone since 5.2), libzypp's zypp/HistoryLog.cc.
 * Actions are told in the same words whoever prints them: installed, upgraded, downgraded, reinstalled, removed, purged; replaced is
 * the old version that dnf names by itself behind the new one. zypp calls an upgrade an install. An epoch before an RPM's name or version
 * and Debian's architecture are left out. Status, trigger and configure lines are read over.
 */
#include <stdio.h>
#include <string.h>

#include "parsers/tables.h"

/* What a word of one of the formats means. NULL: a line of the format that changes nothing. */
struct verb { const char *word, *action; };

static const struct verb dpkg_verbs[] = {
	{ "upgrade", "upgraded" }, { "install", "installed" }, { "remove", "removed" }, { "purge", "purged" }, { "status", NULL },
	{ "configure", NULL }, { "trigproc", NULL }, { "startup", NULL }, { "conffile", NULL }, { "disappear", "removed" }, { NULL, NULL },
};
static const struct verb apt_verbs[] = {
	{ "Upgrade", "upgraded" }, { "Install", "installed" }, { "Remove", "removed" }, { "Purge", "purged" }, { "Downgrade", "downgraded" },
	{ "Reinstall", "reinstalled" }, { "Start-Date", NULL }, { "End-Date", NULL }, { "Commandline", NULL }, { "Requested-By", NULL },
	{ "Error", NULL }, { "Comment", NULL }, { NULL, NULL },
};
static const struct verb rpm_verbs[] = {
	{ "Upgrade", "upgraded" }, { "Updated", "upgraded" }, { "Update", "upgraded" }, { "Installed", "installed" }, { "Install", "installed" },
	{ "Dep-Install", "installed" }, { "Erase", "removed" }, { "Erased", "removed" }, { "Removed", "removed" }, { "Remove", "removed" },
	{ "Downgrade", "downgraded" }, { "Reinstall", "reinstalled" }, { "Obsoleted", "removed" }, { "Upgraded", "replaced" },
	{ "Downgraded", "replaced" }, { "Obsoleting", "installed" }, { NULL, NULL },
};
static const struct verb pacman_verbs[] = {
	{ "upgraded", "upgraded" }, { "installed", "installed" }, { "removed", "removed" }, { "downgraded", "downgraded" },
	{ "reinstalled", "reinstalled" }, { NULL, NULL },
};
static const struct verb zypp_verbs[] = {
	{ "install", "installed" }, { "remove", "removed" }, { "command", NULL }, { "radd", NULL }, { "rremove", NULL }, { "rupdate", NULL },
	{ "ralias", NULL }, { "rurl", NULL }, { "sadd", NULL }, { "patch", NULL }, { NULL, NULL },
};

/** A change as a line tells it. */
struct change {
	const char *action; /* NULL: none */
	struct cul_slice package, version, before;
	struct cul_time time;
	struct cul_slice command; /* what began the changes below */
	bool list; /* apt: @package holds "a:amd64 (1, 2), b:amd64 (3, 4)", or @command is there: the time stands above */
};

static const struct verb *verb_of(const struct verb *verbs, struct cul_slice word)
{
	for (; verbs->word; verbs++)
		if (cul_is(word, cul_str(verbs->word)))
			return verbs;
	return NULL;
}

static struct cul_slice known(struct cul_slice version)
{
	return cul_is(version, CUL_LIT("<none>")) ? CUL_NONE : version;
}

static bool is_version(struct cul_slice text)
{
	return cul_is(text, CUL_LIT("<none>")) || (text.size && text.data[0] >= '0' && text.data[0] <= '9');
}

/* "libc6:amd64" -> libc6 */
static struct cul_slice without_arch(struct cul_slice package)
{
	cul_cut(package, CUL_LIT(":"), &package, NULL);
	return package;
}

/* "1:kernel-core-5.14.0-427.el9.x86_64" -> kernel-core, 5.14.0-427.el9; a name alone stays one */
static void read_rpm(struct cul_slice text, struct change *c)
{
	struct cul_slice name, version, release, rest = text, head;

	if (cul_digits(&rest).size && cul_skip(&rest, CUL_LIT(":")))
		text = rest;
	c->package = text;
	if (!cul_cut_last(text, CUL_LIT("-"), &head, &release) || !cul_cut_last(head, CUL_LIT("-"), &name, &version) || !name.size)
		return;
	rest = version;
	if (cul_digits(&rest).size && cul_skip(&rest, CUL_LIT(":")))
		version = rest;
	if (!version.size || !release.size)
		return;
	cul_cut_last(release, CUL_LIT("."), &release, NULL);
	c->package = name;
	c->version = cul_slice(version.data, (size_t)(release.data + release.size - version.data));
}

/* Whose line is it: 0 nobody's; 1 it fits a format; 2 it names a change or could only be this format's. */
static int read_line(struct cul_slice line, struct change *c)
{
	struct cul_slice rest = line, word, old, new;
	const struct verb *verb;

	*c = (struct change){ .time = { .ns = CUL_NO_TIME } };
	if (!line.size)
		return 0;
	if (line.data[0] == '[') {
		rest = cul_from(line, 1);
		if (!cul_clock_iso(&rest, &c->time) || !cul_skip(&rest, CUL_LIT("] [")))
			return 0;
		if (!cul_skip(&rest, CUL_LIT("ALPM] "))) {
			cul_between(rest, CUL_LIT("PACMAN] Running '"), CUL_LIT("'"), &c->command);
			return cul_starts(rest, CUL_LIT("PACMAN] ")) || cul_starts(rest, CUL_LIT("ALPM-SCRIPTLET] "));
		}
		verb = verb_of(pacman_verbs, cul_word(&rest));
		if (!verb)
			return 1;
		c->package = cul_word(&rest);
		if (!cul_between(rest, CUL_LIT("("), CUL_LIT(")"), &word) || !c->package.size)
			return 1;
		c->action = verb->action;
		if (cul_cut(word, CUL_LIT(" -> "), &c->before, &c->version))
			return 2;
		*(cul_is(cul_str(c->action), CUL_LIT("removed")) ? &c->before : &c->version) = word;
		return 2;
	}
	if (line.data[0] >= 'A' && line.data[0] <= 'Z' && cul_cut(line, CUL_LIT(": "), &word, &rest) && (verb = verb_of(apt_verbs, word)) != NULL) {
		if (cul_is(word, CUL_LIT("Start-Date"))) {
			char stamp[32]; /* two blanks stand between date and time */
			word = cul_word(&rest);
			rest = cul_trim(rest);
			snprintf(stamp, sizeof(stamp), "%.*s %.*s", (int)(word.size < 12 ? word.size : 12), word.data, (int)(rest.size < 16 ? rest.size : 16), rest.data);
			rest = cul_str(stamp);
			return cul_clock_iso(&rest, &c->time) ? 2 : 0;
		}
		c->action = verb->action;
		c->package = rest;
		if (cul_is(word, CUL_LIT("Commandline")))
			c->command = cul_trim(rest);
		c->list = true;
		return 1;
	}
	rest = line;
	if (line.data[0] >= 'A' && line.data[0] <= 'Z') {
		if (!cul_clock_syslog(&rest, &c->time) || !cul_cut(cul_trim(rest), CUL_LIT(": "), &word, &rest) || !(verb = verb_of(rpm_verbs, word)))
			return 0;
		c->action = verb->action;
		read_rpm(cul_trim(rest), c);
		return 2;
	}
	if (line.data[0] < '0' || line.data[0] > '9' || !cul_clock_iso(&rest, &c->time))
		return 0;
	if (cul_skip(&rest, CUL_LIT("|"))) {
		if (!cul_cut(rest, CUL_LIT("|"), &word, &rest) || !(verb = verb_of(zypp_verbs, cul_trim(word))))
			return 0;
		if (!verb->action) {
			if (cul_is(cul_trim(word), CUL_LIT("command")) && cul_cut(rest, CUL_LIT("|"), NULL, &rest))
				cul_cut(rest, CUL_LIT("|"), &c->command, NULL);
			return 1;
		}
		if (!cul_cut(rest, CUL_LIT("|"), &c->package, &rest) || !cul_cut(rest, CUL_LIT("|"), &new, &rest))
			return 0;
		c->action = verb->action;
		*(cul_is(cul_str(c->action), CUL_LIT("removed")) ? &c->before : &c->version) = new;
		return 2;
	}
	if (!cul_skip(&rest, CUL_LIT(" ")))
		return 0;
	word = cul_word(&rest);
	if (cul_is(word, CUL_LIT("SUBDEBUG"))) {
		if (!cul_cut(rest, CUL_LIT(": "), &word, &rest) || !(verb = verb_of(rpm_verbs, cul_trim(word))))
			return 1;
		c->action = verb->action;
		read_rpm(cul_trim(rest), c);
		return 2;
	}
	if (cul_is(word, CUL_LIT("INFO")) || cul_is(word, CUL_LIT("DEBUG")) || cul_is(word, CUL_LIT("CRITICAL")) || cul_is(word, CUL_LIT("ERROR")))
		return 1;
	if (!(verb = verb_of(dpkg_verbs, word)))
		return 0;
	if (!verb->action)
		return 1;
	c->package = without_arch(cul_word(&rest));
	old = cul_word(&rest);
	new = cul_word(&rest);
	if (!c->package.size || !is_version(old) || !is_version(new))
		return 0;
	old = known(old);
	new = known(new);
	c->action = verb->action;
	c->before = old;
	c->version = new;
	if (old.size && cul_is(old, new))
		c->action = "reinstalled";
	return 2;
}

static int packages_bid(const struct cul_head *head)
{
	struct change c;
	int sure = 0, fits = 0;
	size_t count = head->count < 32 ? head->count : 32;

	if (!head->begins)
		return 0;
	for (size_t i = 0; i < count; i++) {
		int here = read_line(cul_trim(head->lines[i].text), &c);
		if (i == 0 && !here && cul_trim(head->lines[0].text).size && !read_line(cul_trim(head->lines[count > 1].text), &c))
			return 0; /* one torn line may stand above */
		sure += here == 2;
		fits += here > 0;
	}
	return sure && 2 * (size_t)fits >= count / 2 ? 30 : 0;
}

static enum cul_status emit_one(struct cul_parse *parse, const struct cul_record *rec, const struct change *c)
{
	if (!c->package.size)
		return CUL_OK;
	bool gone = !strcmp(c->action, "replaced") || !strcmp(c->action, "removed") || !strcmp(c->action, "purged");
	struct cul_slice before = gone && !c->before.size ? c->version : c->before;

	return cul_emit(parse, rec, "package.change", cul_string("action", c->action), cul_text("package", c->package), cul_text("old_version", before),
			cul_text("version", gone ? CUL_NONE : c->version));
}

/* "a:amd64 (1, 2), b:amd64 (3, automatic)"; a package of a removal stands with the version that went */
static enum cul_status emit_list(struct cul_parse *parse, const struct cul_record *rec, const struct change *c)
{
	struct cul_slice rest = c->package, versions, first, second;
	struct change one = { .action = c->action };
	enum cul_status status = CUL_OK;
	bool pairs = cul_is(cul_str(c->action), CUL_LIT("upgraded")) || cul_is(cul_str(c->action), CUL_LIT("downgraded"));

	while (status == CUL_OK && cul_cut(rest, CUL_LIT(" ("), &one.package, &rest) && cul_cut(rest, CUL_LIT(")"), &versions, &rest)) {
		one.package = without_arch(cul_trim(one.package));
		second = CUL_NONE;
		if (!cul_cut(versions, CUL_LIT(", "), &first, &second))
			first = versions;
		one.before = pairs ? first : CUL_NONE;
		one.version = pairs ? second : first;
		status = emit_one(parse, rec, &one);
		cul_skip(&rest, CUL_LIT(", "));
	}
	return status;
}

static enum cul_status packages_section(struct cul_parse *parse)
{
	struct cul_time begun = { .ns = CUL_NO_TIME };
	struct cul_line line, ahead;
	struct change c;
	enum cul_status status = CUL_OK;
	bool first = true;

	for (; status == CUL_OK && cul_line_next(parse, &line); first = false) {
		struct cul_slice text = cul_trim(line.text);
		int here = text.size ? read_line(text, &c) : 1;

		if (!here && !first) {
			/* a scriptlet's own words stand between; what is another format altogether is another's */
			bool goes_on = false;
			for (size_t i = 0; i < 16 && !goes_on && cul_line_peek(parse, i, &ahead); i++)
				goes_on = read_line(cul_trim(ahead.text), &c) > 0;
			if (!goes_on) {
				cul_line_back(parse);
				return CUL_OK;
			}
			cul_line_also(parse, &line, false);
			continue;
		}
		if (!here || !text.size)
			continue;
		cul_line_also(parse, &line, c.action || c.list || c.command.size); /* packages are called liberror */
		struct cul_record rec = cul_line_record(&line, c.list ? begun : c.time);
		if (c.command.size)
			status = cul_emit(parse, &rec, "package.command", cul_text("command", c.command));
		if (c.list) {
			if (c.action)
				status = emit_list(parse, &rec, &c);
			continue;
		}
		if (c.time.ns != CUL_NO_TIME && cul_starts(text, CUL_LIT("Start-Date: ")))
			begun = c.time;
		if (c.action)
			status = emit_one(parse, &rec, &c);
	}
	return status;
}

const struct cul_parser cul_parser_packages = {
	.name = "packages",
	.about = "logs of dpkg, apt, dnf, yum, pacman, zypp: packages that came, went or changed",
	.kinds = CUL_KINDS(CUL_SAMPLES("package.change", 1, "packages", F_ACTION, F_PACKAGE, F_OLD_VERSION, F_VERSION),
			   CUL_SAMPLES("package.command", 1, "packages", F_COMMAND)),
	.bid = packages_bid,
	.section = packages_section,
};
