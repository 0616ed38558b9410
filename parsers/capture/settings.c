/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Settings, a key and a value a line: sysctl, systemctl show, ulimit -a, /proc/PID/limits, /proc/sys/…, /proc/cmdline, modprobe.d.
 *
 *   net.netfilter.nf_conntrack_max = 262144
 *   TasksMax=512
 *   max user processes                          (-u) 4096
 *   Max open files            1024                 1048576              files
 *
 * procps-ng's src/sysctl.c, systemd's systemctl-show.c, bash's ulimit, fs/proc/base.c. Read only where the command or the file's
 * name says what it is, for "a = b" is everybody's. Of a limit the soft value is taken.
 */
#include "parsers/tables.h"

enum form { FORM_NONE, FORM_PAIRS, FORM_ULIMIT, FORM_LIMITS, FORM_FILES, FORM_CMDLINE };

static enum form
form_of(struct cul_slice command, struct cul_slice name)
{
	struct cul_slice base = cul_base_name(name);

	bool told = command.size > 0;

	if ((told && (cul_command_runs(command, "sysctl") || (cul_command_runs(command, "systemctl") && cul_has(command, CUL_LIT(" show"))))) ||
	    cul_has(base, CUL_LIT("sysctl")))
		return FORM_PAIRS;
	if ((told && cul_command_runs(command, "ulimit")) || cul_has(base, CUL_LIT("ulimit")))
		return FORM_ULIMIT;
	if ((told && cul_has(command, CUL_LIT("/proc/")) && cul_has(command, CUL_LIT("/limits"))) ||
	    (cul_ends(name, CUL_LIT("/limits")) && cul_has(name, CUL_LIT("proc/"))))
		return FORM_LIMITS;
	if ((told && cul_has(command, CUL_LIT("/proc/cmdline"))) || cul_is(base, CUL_LIT("cmdline")) || cul_is(base, CUL_LIT("cmdline.txt")))
		return FORM_CMDLINE;
	if (told && cul_command_runs(command, "cat") && cul_has(command, CUL_LIT("/proc/sys/")))
		return FORM_FILES;
	return FORM_NONE;
}

static bool
pair(struct cul_slice line, struct cul_slice *key, struct cul_slice *value)
{
	if (!cul_cut(line, CUL_LIT("="), key, value))
		return false;
	*key = cul_trim(*key);
	*value = cul_trim(*value);
	return key->size && !cul_has(*key, CUL_LIT(" ")) && key->size < 128;
}

static bool
setting(enum form form, struct cul_slice line, struct cul_slice *key, struct cul_slice *value)
{
	struct cul_slice rest;

	if (form == FORM_PAIRS)
		return pair(line, key, value);
	if (form == FORM_ULIMIT) { /* "open files   (-n) 1024" */
		if (!cul_cut(line, CUL_LIT("("), key, &rest) || !cul_cut(rest, CUL_LIT(")"), NULL, value))
			return false;
	} else { /* columns two blanks or more apart */
		if (!cul_cut(line, CUL_LIT("  "), key, &rest))
			return false;
		*value = cul_word(&rest);
	}
	*key = cul_trim(*key);
	*value = cul_trim(*value);
	return key->size && value->size;
}

static int
settings_bid(const struct cul_head *head)
{
	struct cul_slice key, value;
	enum form form;

	if (!head->count)
		return 0;
	if (cul_starts(head->lines[0].text, CUL_LIT("Limit                     Soft Limit")))
		return 24;
	if (cul_starts(head->lines[0].text, CUL_LIT("BOOT_IMAGE=")) && cul_has(head->lines[0].text, CUL_LIT(" root=")))
		return 16;
	if (!head->begins)
		return 0;
	form = form_of(head->command, head->name);
	if (form == FORM_FILES || form == FORM_CMDLINE)
		return cul_blank(head->lines[0].text) ? 0 : 8;
	return form != FORM_NONE && setting(form, head->lines[0].text, &key, &value) ? 12 : 0;
}

static enum cul_status
emit_setting(struct cul_parse *parse, const struct cul_line *line, struct cul_slice key, struct cul_slice value)
{
	struct cul_record rec = cul_table_record(parse, line);

	return cul_emit(parse, &rec, "host.setting", cul_text("key", key), cul_text("value", value));
}

/** "cat /proc/sys/kernel/threads-max /proc/sys/kernel/pid_max": a value a line, in that order, keys as sysctl has them. */
static enum cul_status
files(struct cul_parse *parse)
{
	struct cul_slice command = cul_section_command(parse), word;
	struct cul_line line;
	enum cul_status status = CUL_OK;

	for (word = cul_word(&command); word.size && status == CUL_OK; word = cul_word(&command)) {
		char key[128];
		size_t size;

		if (word.data[0] == '|' || word.data[0] == ';')
			break;
		if (!cul_skip(&word, CUL_LIT("/proc/sys/")) || word.size >= sizeof(key))
			continue;
		for (size = 0; size < word.size; size++)
			key[size] = word.data[size] == '/' ? '.' : word.data[size];
		if (!cul_line_next(parse, &line))
			break;
		if (cul_starts(line.text, CUL_LIT("cat: ")))
			continue;
		status = emit_setting(parse, &line, cul_slice(key, size), cul_trim(line.text));
	}
	return status;
}

static enum cul_status
cmdline(struct cul_parse *parse, const struct cul_line *line)
{
	struct cul_slice rest = line->text, word, key, value;
	enum cul_status status = CUL_OK;

	for (word = cul_word(&rest); word.size && status == CUL_OK; word = cul_word(&rest)) {
		if (!cul_cut(word, CUL_LIT("="), &key, &value)) {
			key = word;
			value = CUL_LIT("1");
		}
		status = emit_setting(parse, line, key, value);
	}
	return status;
}

static enum cul_status
settings_section(struct cul_parse *parse)
{
	enum form form = form_of(cul_section_command(parse), cul_section_name(parse));
	struct cul_slice key, value;
	struct cul_line line;
	enum cul_status status = CUL_OK;

	if (cul_line_peek(parse, 0, &line) && cul_starts(line.text, CUL_LIT("Limit                     Soft Limit")))
		form = FORM_LIMITS;
	else if (cul_line_peek(parse, 0, &line) && cul_starts(line.text, CUL_LIT("BOOT_IMAGE=")))
		form = FORM_CMDLINE;
	if (form == FORM_FILES)
		return files(parse);
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		if (form == FORM_CMDLINE)
			return cmdline(parse, &line);
		if (form == FORM_LIMITS && cul_starts(line.text, CUL_LIT("Limit  ")))
			continue;
		if (!setting(form, line.text, &key, &value)) {
			cul_line_back(parse);
			break;
		}
		status = emit_setting(parse, &line, key, value);
	}
	return status;
}

const struct cul_parser cul_parser_settings = {
	.name = "settings",
	.about = "sysctl, systemctl show, ulimit, limits, kernel command line",
	.kinds = CUL_KINDS(&cul_kind_host_setting),
	.needles = CUL_LIST("Limit                     Soft Limit", "BOOT_IMAGE="),
	.bid = settings_bid,
	.section = settings_section,
};
