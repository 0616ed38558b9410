/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Who holds a device: fuser -v and lsof /dev/….
 *
 *                        USER        PID ACCESS COMMAND
 *   /dev/nvidia0:        yz        30514 F...m python
 *                        yz        30515 F...m python
 *   COMMAND   PID USER   FD   TYPE  DEVICE SIZE/OFF NODE NAME
 *   python  30514   yz  mem    CHR   195,0           607 /dev/nvidia0
 *
 * psmisc's fuser.c (print_matches; access F open for writing, f open, m mapped, c current directory, e program, r root);
 * lsof 4.x. Lines of lsof that are no device are left out. Both print nothing when nobody holds the device: a prompt with
 * such a command and an empty answer (or the shell's own "exit 1") is an answer as well, device.holders with holders=0.
 */
#include "parsers/fields.h"
#include "parsers/tables.h"

static bool
begins(struct cul_slice line, char c)
{
	size_t n = 0;

	while (n < line.size && (line.data[n] == ' ' || (line.data[n] >= '\t' && line.data[n] <= '\r')))
		n++;
	return n < line.size && line.data[n] == c;
}

static bool
is_fuser(struct cul_slice line)
{
	return begins(line, 'U') && cul_is(cul_word(&line), CUL_LIT("USER")) && cul_is(cul_word(&line), CUL_LIT("PID")) && cul_is(cul_word(&line), CUL_LIT("ACCESS")) &&
	       cul_is(cul_word(&line), CUL_LIT("COMMAND"));
}

static bool
is_lsof(struct cul_slice line)
{
	return begins(line, 'C') && cul_is(cul_word(&line), CUL_LIT("COMMAND")) && cul_is(cul_word(&line), CUL_LIT("PID")) && cul_has(line, CUL_LIT(" FD ")) &&
	       cul_has(line, CUL_LIT("NAME"));
}

/** "sudo fuser -v /dev/nvidia*; echo $?" of a prompt: it asks who holds a device, and no filter stands behind it. */
static bool
asks(struct cul_slice command)
{
	struct cul_slice word = cul_word(&command);

	while (cul_is(word, CUL_LIT("sudo")) || cul_is(word, CUL_LIT("-n")))
		word = cul_word(&command);
	return (cul_is(word, CUL_LIT("fuser")) || cul_is(word, CUL_LIT("lsof"))) && cul_has(command, CUL_LIT("/dev/")) &&
	       !cul_has(command, CUL_LIT("|"));
}

static bool
is_exit(struct cul_slice line)
{
	return (cul_skip(&line, CUL_LIT("exit ")) || cul_skip(&line, CUL_LIT("rc=")) || cul_skip(&line, CUL_LIT("exit=")) ||
		cul_skip(&line, CUL_LIT("exit status "))) && cul_is(cul_trim(line), CUL_LIT("1"));
}

/** A table may begin behind this line. */
static bool
may_precede(struct cul_slice line)
{
	return cul_starts(line, CUL_LIT("lsof: WARNING")) || cul_blank(line) || cul_has(line, CUL_LIT("Cannot stat")) ||
	       cul_has(line, CUL_LIT("Output information may be incomplete"));
}

static int
fuser_bid(const struct cul_head *head)
{
	size_t seen = 0;

	if (head->begins && asks(head->command)) {
		while (seen < head->count && seen < 3 && (cul_blank(head->lines[seen].text) || is_exit(head->lines[seen].text)))
			seen++;
		if (seen == head->count)
			return 16;
	}
	for (size_t i = 0; i < head->count && i < 3; i++) {
		if (!is_fuser(head->lines[i].text) && !is_lsof(head->lines[i].text))
			continue;
		while (i > 0 && may_precede(head->lines[i - 1].text))
			i--;
		return i ? 0 : 32;
	}
	return 0;
}

static struct cul_arg
gpu_of(struct cul_slice device)
{
	return cul_skip(&device, CUL_LIT("/dev/nvidia")) && cul_all_digits(device) ? cul_number("gpu_index", device)
										  : cul_text("gpu_index", CUL_NONE);
}

static enum cul_status
fuser_row(struct cul_parse *parse, const struct cul_line *line, struct cul_slice *device, bool *mine)
{
	struct cul_slice rest = line->text, word, user, pid, access;
	struct cul_record rec = cul_table_record(parse, line);

	*mine = true;
	if (rest.size && rest.data[0] != ' ' && rest.data[0] != '\t') {
		word = cul_word(&rest);
		if (word.size < 2 || word.data[word.size - 1] != ':' || word.data[0] != '/') {
			*mine = false;
			return CUL_OK;
		}
		*device = cul_keep(parse, cul_slice(word.data, word.size - 1));
	}
	user = cul_word(&rest);
	pid = cul_word(&rest);
	access = cul_word(&rest);
	if (!cul_all_digits(pid)) { /* "kernel mount /" */
		*mine = cul_is(pid, CUL_LIT("kernel")) || !user.size;
		return CUL_OK;
	}
	return cul_emit(parse, &rec, "device.holder", cul_text("device", *device), cul_number("pid", pid), cul_text("user", user),
			cul_text("access", access), cul_text("comm", cul_trim(rest)), gpu_of(*device));
}

static enum cul_status
lsof_row(struct cul_parse *parse, const struct cul_line *line, bool *mine)
{
	struct cul_slice rest = line->text, comm = cul_word(&rest), pid, user, fd, name;
	struct cul_record rec = cul_table_record(parse, line);

	pid = cul_word(&rest);
	user = cul_word(&rest);
	*mine = cul_all_digits(pid);
	if (!*mine)
		return CUL_OK;
	if (cul_all_digits(user)) /* lsof -K: a thread */
		user = cul_word(&rest);
	fd = cul_word(&rest);
	name = cul_trim(rest);
	if (!cul_cut_last(name, CUL_LIT(" /dev/"), NULL, &name))
		return CUL_OK;
	name = cul_slice(name.data - 5, name.size + 5);
	return cul_emit(parse, &rec, "device.holder", cul_text("device", name), cul_number("pid", pid), cul_text("user", user),
			cul_text("access", fd), cul_text("comm", comm), gpu_of(name));
}

static enum cul_status
fuser_section(struct cul_parse *parse)
{
	struct cul_slice device = CUL_NONE;
	struct cul_line line;
	enum cul_status status = CUL_OK;
	bool lsof = false, begun = false, mine = true, other = false;

	while (status == CUL_OK && cul_line_next(parse, &line)) {
		if (is_fuser(line.text) || is_lsof(line.text)) {
			lsof = is_lsof(line.text);
			begun = true;
			continue;
		}
		if (!begun) {
			other = other || !(cul_blank(line.text) || is_exit(line.text));
			continue;
		}
		if (cul_blank(line.text))
			break;
		status = lsof ? lsof_row(parse, &line, &mine) : fuser_row(parse, &line, &device, &mine);
		if (!mine) {
			cul_line_back(parse);
			break;
		}
	}
	if (status == CUL_OK && !begun && !other && asks(cul_section_command(parse))) {
		struct cul_line first = cul_section_line(parse);
		struct cul_record rec = cul_table_record(parse, &first);

		status = cul_emit(parse, &rec, "device.holders", cul_int("holders", 0), cul_text("command", cul_section_command(parse)));
	}
	return status;
}

const struct cul_parser cul_parser_fuser = {
	.name = "fuser",
	.about = "fuser -v, lsof: which processes hold a device",
	.kinds = CUL_KINDS(&cul_kind_device_holder,
			   CUL_SAMPLES("device.holders", 1, "fuser", F_HOLDERS, F_COMMAND)),
	.needles = CUL_LIST("PID ACCESS COMMAND", "FD   TYPE", "SIZE/OFF"),
	.bid = fuser_bid,
	.section = fuser_section,
};
