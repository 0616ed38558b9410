/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which machine, which kernel, which system, when: uname -a, uname -r, hostname, date, /etc/os-release, /proc/version.
 *
 *   Linux gpu17 6.8.0-51-generic #52-Ubuntu SMP PREEMPT_DYNAMIC Thu Dec  5 13:09:44 UTC 2024 x86_64 x86_64 x86_64 GNU/Linux
 *   PRETTY_NAME="Ubuntu 24.04.1 LTS"
 *   nvidia-bug-report.sh Version: 35254571      then "Date: ..." and "uname: Linux ..." behind an empty line
 *
 * coreutils' src/uname.c, hostname(1), date(1), os-release(5). A bare word is a host name or a release only where the command
 * or the file's name says so. A date is the capture time of what follows in the same file.
 */
#include "parsers/tables.h"

static bool
is_uname(struct cul_slice line)
{
	return cul_starts(line, CUL_LIT("Linux ")) && (cul_has(line, CUL_LIT(" GNU/Linux")) || cul_has(line, CUL_LIT(" SMP "))) &&
	       cul_has(line, CUL_LIT(" #"));
}

static bool
is_version(struct cul_slice line)
{
	return cul_starts(line, CUL_LIT("Linux version ")) && cul_has(line, CUL_LIT("(gcc")) ;
}

static bool
is_release(struct cul_slice line)
{
	return cul_starts(line, CUL_LIT("PRETTY_NAME=")) || cul_starts(line, CUL_LIT("NAME=\""));
}

static bool
one_word(struct cul_slice line, struct cul_slice *word)
{
	*word = cul_word(&line);
	return word->size && word->size < 256 && cul_blank(line);
}

static bool
is_date(struct cul_slice line, struct cul_time *time)
{
	struct cul_slice text = cul_trim(line);

	if (cul_clock_date(&text, time) && cul_blank(text))
		return true;
	text = cul_trim(line);
	return cul_clock_iso(&text, time) && cul_blank(text);
}

static bool
named(struct cul_slice command, struct cul_slice name, const char *program)
{
	return cul_command_runs(command, program) || cul_is(cul_base_name(name), cul_str(program));
}

/* the head of a report by nvidia-bug-report.sh */
static bool
is_report(struct cul_slice line)
{
	return cul_starts(line, CUL_LIT("nvidia-bug-report.sh Version: "));
}

static int
id_bid(const struct cul_head *head)
{
	struct cul_slice word, line;
	struct cul_time time;

	if (!head->count)
		return 0;
	line = head->lines[0].text;
	if (is_uname(line) || is_release(line))
		return 24;
	if (is_report(line))
		return 24;
	if (is_version(line) && head->begins && head->count < 3)
		return 20;
	if (head->begins && one_word(line, &word) && (cul_command_runs(head->command, "uname") || named(head->command, head->name, "hostname")))
		return 12;
	if (head->begins && named(head->command, head->name, "date") && is_date(line, &time))
		return 16;
	return 0;
}

static enum cul_status
os_release(struct cul_parse *parse, struct cul_line line)
{
	struct cul_record rec = cul_table_record(parse, &line);
	struct cul_slice pretty = CUL_NONE, version = CUL_NONE;

	rec.line.text = cul_keep(parse, line.text);
	for (bool more = true; more; more = cul_line_next(parse, &line)) {
		struct cul_slice key, value;

		if (cul_blank(line.text))
			continue;
		if (!cul_cut(line.text, CUL_LIT("="), &key, &value) || cul_has(key, CUL_LIT(" "))) {
			cul_line_back(parse);
			break;
		}
		if (value.size > 1 && (value.data[0] == '"' || value.data[0] == '\''))
			value = cul_slice(value.data + 1, value.size - 2);
		if (cul_is(key, CUL_LIT("PRETTY_NAME")))
			pretty = cul_keep(parse, value);
		else if (cul_is(key, CUL_LIT("VERSION_ID")))
			version = cul_keep(parse, value);
	}
	return cul_emit(parse, &rec, "host.id", cul_text("os", pretty), cul_text("version", version));
}

static enum cul_status
emit_uname(struct cul_parse *parse, struct cul_record *rec, struct cul_slice text)
{
	struct cul_slice rest = text, host, kernel, arch = CUL_NONE;

	cul_word(&rest);
	host = cul_word(&rest);
	kernel = cul_word(&rest);
	if (cul_cut_last(rest, CUL_LIT(" GNU/Linux"), &rest, NULL) && cul_cut_last(rest, CUL_LIT(" "), NULL, &arch))
		arch = cul_trim(arch);
	rec->host = host;
	return cul_emit(parse, rec, "host.id", cul_text("host", host), cul_text("kernel", kernel), cul_text("arch", arch));
}

/* what follows the version in a few lines: when the report was made, and on which machine */
static enum cul_status
report_head(struct cul_parse *parse)
{
	enum cul_status status = CUL_OK;
	struct cul_line line;
	struct cul_time time;

	for (int i = 0; i < 4 && status == CUL_OK && cul_line_next(parse, &line); i++) {
		struct cul_record rec = cul_table_record(parse, &line);
		struct cul_slice text = line.text;

		if (cul_blank(text))
			continue;
		if (cul_skip(&text, CUL_LIT("Date: "))) {
			if (!is_date(text, &time))
				continue;
			cul_set_capture_time(parse, time);
			rec.time = time;
			status = cul_emit(parse, &rec, "host.id", cul_string("what", "date"));
		} else if (cul_skip(&text, CUL_LIT("uname: ")) && is_uname(text)) {
			status = emit_uname(parse, &rec, text);
		} else {
			cul_line_back(parse);
			break;
		}
	}
	return status;
}

static enum cul_status
id_section(struct cul_parse *parse)
{
	struct cul_slice command = cul_section_command(parse), name = cul_section_name(parse), word, rest;
	struct cul_line line;
	struct cul_time time;

	if (!cul_line_next(parse, &line))
		return CUL_OK;
	struct cul_record rec = cul_table_record(parse, &line);

	if (is_release(line.text))
		return os_release(parse, line);
	if (is_version(line.text)) {
		rest = line.text;
		cul_skip(&rest, CUL_LIT("Linux version "));
		return cul_emit(parse, &rec, "host.id", cul_text("kernel", cul_word(&rest)));
	}
	if (is_report(line.text))
		return report_head(parse);
	if (is_uname(line.text))
		return emit_uname(parse, &rec, line.text);
	if (named(command, name, "date") && is_date(line.text, &time)) {
		cul_set_capture_time(parse, time);
		rec.time = time;
		return cul_emit(parse, &rec, "host.id", cul_string("what", "date"));
	}
	if (one_word(line.text, &word)) {
		if (cul_command_runs(command, "uname") && word.data[0] >= '0' && word.data[0] <= '9')
			return cul_emit(parse, &rec, "host.id", cul_text("kernel", word));
		if (named(command, name, "hostname") || (cul_command_runs(command, "uname") && cul_has(command, CUL_LIT("-n")))) {
			rec.host = word;
			return cul_emit(parse, &rec, "host.id", cul_text("host", word));
		}
	}
	cul_line_back(parse);
	return CUL_OK;
}

const struct cul_parser cul_parser_sys_id = {
	.name = "sys_id",
	.about = "uname, hostname, date, os-release: which machine, when",
	.kinds = CUL_KINDS(&cul_kind_host_id),
	.needles = CUL_LIST(" GNU/Linux", "PRETTY_NAME=", "nvidia-bug-report.sh Version: "),
	.bid = id_bid,
	.section = id_section,
};
