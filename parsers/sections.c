/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Marks that cut a member into sections: shell prompts with a command (bash, root's #, fish-like
 * user@host, cmd.exe, PowerShell), Markdown fences, `==> file <==` of head and tail, the marks of
 * nvidia-bug-report.sh (`*** path`, a line of underscores), supportconfig's `# /bin/command`, watch(1)'s header.
 *
 * A mark has to be sure: a log line that is taken for a prompt tears a record apart. A bare "# " is one only
 * before a command that people paste.
 */
#include "parsers/sections.h"

#include <ctype.h>

#include "base/slice.h"

static const char *const commands[] = {
	"amd-smi", "awk", "biosdecode", "cat", "clinfo", "coredumpctl", "crictl", "curl", "date", "dcgmi", "df", "dkms", "dmesg", "dmidecode",
	"docker", "dpkg", "du", "echo", "edac-util", "egrep", "env", "ethtool", "fdisk", "find", "findmnt", "for", "free", "fuser", "gdb", "grep", "head",
	"hostname", "hostnamectl", "htop", "ibstat", "ibstatus", "ibv_devinfo", "iostat", "ip", "ipmitool", "journalctl", "kubectl", "last", "ldd", "ls", "lsblk", "lscpu",
	"lsmod", "lsof", "lspci", "mdadm", "modinfo", "mount", "mpstat", "netstat", "nfsstat", "nproc", "numactl", "nvidia-bug-report.sh",
	"nvidia-debugdump", "nvidia-smi", "nvme", "nvcc", "ollama", "pgrep", "pidstat", "podman", "ps", "pstree", "py-spy", "python", "python3", "ras-mc-ctl",
	"rocm-smi", "rocm_agent_enumerator", "rocminfo", "rpm", "sacct", "sar", "scontrol", "sensors", "sinfo", "smartctl", "squeue", "ss", "strace", "sudo", "swapon",
	"sysctl", "systemctl", "systemd-detect-virt", "tail", "talosctl", "tasklist", "timedatectl", "top", "ulimit", "uname", "uptime", "vmstat", "w", "watch",
	"wc", "who", "xfs_info", "xfs_repair", "zpool", "zcat", "zgrep", "show_gids", "perf", "cuda-gdb", "nvidia-container-cli", "getent", "id", "lscgroup", "sleep", "watch",
};

static bool known_command(struct cul_slice text)
{
	struct cul_slice word = cul_word(&text);
	while (cul_is(word, CUL_LIT("sudo")) || cul_is(word, CUL_LIT("time")) || cul_is(word, CUL_LIT("watch")) || cul_starts(word, CUL_LIT("-"))) {
		if (!text.size)
			return cul_is(word, CUL_LIT("watch"));
		word = cul_word(&text);
	}
	struct cul_slice base = word, dir;
	if (cul_starts(word, CUL_LIT("/")) && cul_cut_last(word, CUL_LIT("/"), &dir, &base))
		if (cul_has(dir, CUL_LIT("bin")))
			word = base;
	if (word.size && word.data[word.size - 1] == ';')
		word.size--;
	for (size_t i = 0; i < word.size; i++) /* most words behind "# " are a remark's */
		if (!islower((unsigned char)word.data[i]) && !isdigit((unsigned char)word.data[i]) && !memchr("-_.", word.data[i], 3))
			return false;
	for (size_t i = 0; word.size && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i][0] == word.data[0] && cul_is(word, cul_str(commands[i])))
			return true;
	return false;
}

static bool name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

/* user@host:dir$ cmd, [user@host dir]# cmd, (venv) user@host:~$ cmd, user@host ~ % cmd */
static bool at_prompt(struct cul_slice line, struct cul_mark *mark)
{
	struct cul_slice text = line, venv;
	bool bracket = false;
	if (cul_starts(text, CUL_LIT("(")) && cul_cut(text, CUL_LIT(") "), &venv, &text) && venv.size > 40)
		return false;
	if (cul_skip(&text, CUL_LIT("[")))
		bracket = true;
	size_t user = 0;
	if (text.size && isdigit((unsigned char)text.data[0]))
		return false;
	while (user < text.size && user < 64 && name_byte(text.data[user]))
		user++;
	if (!user || user >= text.size || text.data[user] != '@')
		return false;
	text = cul_from(text, user + 1);
	size_t host = 0;
	while (host < text.size && host < 128 && name_byte(text.data[host]))
		host++;
	if (!host)
		return false;
	struct cul_slice name = cul_slice(text.data, host);
	text = cul_from(text, host);
	/* up to the sign: a directory without blanks, or with them inside brackets */
	size_t i = 0;
	if (bracket) {
		while (i < text.size && i < 200 && text.data[i] != ']')
			i++;
		if (i >= text.size || text.data[i] != ']')
			return false;
		i++;
	} else {
		if (i < text.size && (text.data[i] == ':' || text.data[i] == ' '))
			i++;
		while (i < text.size && i < 200 && text.data[i] != ' ' && text.data[i] != '$' && text.data[i] != '#' && text.data[i] != '%' && text.data[i] != '>')
			i++;
		if (i < text.size && text.data[i] == ' ')
			i++;
	}
	if (i >= text.size || !strchr("$#%>", text.data[i]))
		return false;
	text = cul_from(text, i + 1);
	if (text.size && text.data[0] != ' ')
		return false;
	mark->host = name;
	mark->command = cul_trim(text);
	return true;
}

static bool windows_prompt(struct cul_slice line, struct cul_mark *mark)
{
	struct cul_slice text = line;
	cul_skip(&text, CUL_LIT("PS "));
	if (text.size < 4 || !isalpha((unsigned char)text.data[0]) || text.data[1] != ':' || text.data[2] != '\\')
		return false;
	size_t i = 3;
	while (i < text.size && i < 200 && text.data[i] != '>' && text.data[i] != '"')
		i++;
	if (i >= text.size || text.data[i] != '>')
		return false;
	mark->command = cul_trim(cul_from(text, i + 1));
	return true;
}

/* crash> bt -a, crash_x86_64> log: the crash utility. The prompt stays in the command, for its ps is not everybody's ps. */
static bool crash_prompt(struct cul_slice line, struct cul_mark *mark)
{
	static const char *const words[] = { "bt", "foreach", "ps", "log", "dmesg", "sys", "mod", "runq", "dev", "kmem", "set", "struct", "union", "p", "px",
					     "pd", "rd", "dis", "task", "files", "vm", "mount", "net", "irq", "timer", "list", "tree", "search", "sym", "whatis",
					     "waitq", "swap", "sig", "mach", "help", "quit", "q", "exit", "extend", "sbitmapq", "ipcs", "rcu", "dump", "gdb", "mutex" };
	struct cul_slice name, rest, word;
	if (!cul_cut(cul_slice(line.data, line.size < 24 ? line.size : 24), CUL_LIT(">"), &name, NULL))
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (!name_byte(name.data[i]))
			return false;
	rest = cul_from(line, name.size + 1);
	if (rest.size && rest.data[0] != ' ')
		return false;
	rest = cul_trim(rest);
	mark->command = rest.size ? cul_trim(line) : CUL_NONE;
	word = cul_word(&rest);
	for (size_t i = 0; word.size && i < sizeof(words) / sizeof(words[0]); i++)
		if (cul_is(word, cul_str(words[i])))
			return true;
	return !word.size;
}

enum cul_mark_type cul_mark_read(struct cul_slice line, struct cul_mark *mark)
{
	*mark = (struct cul_mark){ 0 };
	if (!line.size)
		return CUL_MARK_NONE;
	struct cul_slice rest, name;
	switch (line.data[0]) {
	case '`':
	case '~':
		if (cul_starts(line, CUL_LIT("```")) || cul_starts(line, CUL_LIT("~~~")))
			return line.size < 40 ? (mark->type = CUL_MARK_FENCE) : CUL_MARK_NONE;
		return CUL_MARK_NONE;
	case '$':
		rest = cul_from(line, 1);
		if (line.size == 1 || !cul_trim(rest).size)
			return mark->type = CUL_MARK_IDLE;
		if (rest.data[0] == ' ' && rest.size > 1 && (isalpha((unsigned char)rest.data[1]) || rest.data[1] == '/' || rest.data[1] == '.')) {
			mark->command = cul_trim(rest);
			return mark->type = CUL_MARK_PROMPT;
		}
		return CUL_MARK_NONE;
	case '#':
		rest = cul_from(line, 1);
		if (rest.size && rest.data[0] == ' ' && known_command(cul_trim(rest))) {
			mark->command = cul_trim(rest);
			return mark->type = CUL_MARK_PROMPT;
		}
		return CUL_MARK_NONE;
	case '=':
		if (cul_starts(line, CUL_LIT("==> ")) && cul_cut_last(line, CUL_LIT(" <=="), &name, &rest) && name.size > 4) {
			mark->name = cul_from(name, 4);
			return mark->type = CUL_MARK_FILE;
		}
		return CUL_MARK_NONE;
	case '*':
		if (cul_starts(line, CUL_LIT("*** ls: "))) /* of the file that the mark before it named */
			return mark->type = CUL_MARK_IDLE;
		if (cul_starts(line, CUL_LIT("*** /")) && !cul_has(line, CUL_LIT("***  "))) {
			mark->name = cul_trim(cul_from(line, 4));
			return mark->type = CUL_MARK_FILE;
		}
		return CUL_MARK_NONE;
	case '_':
		if (line.size >= 40 && line.size < 120) {
			for (size_t i = 0; i < line.size; i++)
				if (line.data[i] != '_')
					return CUL_MARK_NONE;
			return mark->type = CUL_MARK_RULE;
		}
		return CUL_MARK_NONE;
	case '^':
		return cul_is(cul_trim(line), CUL_LIT("^C")) ? (mark->type = CUL_MARK_IDLE) : CUL_MARK_NONE;
	case '+':
		rest = cul_from(line, 2);
		if (cul_starts(line, CUL_LIT("+ ")) || (cul_starts(line, CUL_LIT("++ ")) && (rest = cul_from(line, 3)).size))
			if (known_command(rest)) {
				mark->command = cul_trim(rest);
				return mark->type = CUL_MARK_PROMPT;
			}
		return CUL_MARK_NONE;
	case 'E':
		if (cul_starts(line, CUL_LIT("Every ")) && cul_cut(cul_from(line, 6), CUL_LIT("s: "), &name, &rest) && name.size < 8) {
			mark->command = cul_trim(rest);
			if (cul_cut(rest, CUL_LIT("   "), &rest, NULL))
				mark->command = cul_trim(rest);
			return mark->type = CUL_MARK_PROMPT;
		}
		break;
	case 'c':
		if (cul_starts(line, CUL_LIT("crash")) && crash_prompt(line, mark))
			return mark->type = mark->command.size ? CUL_MARK_PROMPT : CUL_MARK_IDLE;
		*mark = (struct cul_mark){ 0 };
		break;
	case ' ':
	case '\t':
		return CUL_MARK_NONE;
	default:
		break;
	}
	bool prompt = (line.size > 2 && (line.data[1] == ':' || cul_starts(line, CUL_LIT("PS "))) && windows_prompt(line, mark)) ||
		      (memchr(line.data, '@', line.size < 96 ? line.size : 96) && at_prompt(line, mark));
	if (!prompt)
		return CUL_MARK_NONE;
	return mark->type = mark->command.size ? CUL_MARK_PROMPT : CUL_MARK_IDLE;
}

bool cul_mark_begins(struct cul_slice line)
{
	switch (line.size ? line.data[0] : ' ') {
	case '`':
	case '~':
	case '$':
	case '#':
	case '=':
	case '*':
	case '_':
	case '^':
	case '+':
		return true;
	case 'E':
		return cul_starts(line, CUL_LIT("Every "));
	case 'P':
		return cul_starts(line, CUL_LIT("PS "));
	case 'c':
		return cul_starts(line, CUL_LIT("crash"));
	default:
		return line.size > 2 && line.data[1] == ':' && line.data[2] == '\\';
	}
}

bool cul_mark_user(struct cul_slice before)
{
	size_t i = 0;
	if (before.size >= 96 || !before.size || isdigit((unsigned char)before.data[0])) /* a time begins with a digit, no name of a user does */
		return false;
	if (before.data[0] == '(') /* a Python environment: may hold blanks */
		return true;
	if (before.data[0] == '[')
		i = 1;
	while (i < before.size && name_byte(before.data[i]))
		i++;
	return i == before.size;
}

bool cul_mark_command(struct cul_slice line)
{
	return known_command(cul_trim(line));
}

bool cul_mark_path(struct cul_slice line, struct cul_mark *mark)
{
	*mark = (struct cul_mark){ 0 };
	if (!cul_starts(line, CUL_LIT("/")) || !known_command(line))
		return false;
	mark->type = CUL_MARK_PROMPT;
	mark->command = cul_trim(line);
	return true;
}

bool cul_mark_blob(struct cul_slice line)
{
	if (line.size < 60 || line.size > 100)
		return false;
	for (size_t i = 0; i < line.size; i++)
		if (!isalnum((unsigned char)line.data[i]) && line.data[i] != '+' && line.data[i] != '/' && line.data[i] != '=')
			return false;
	return true;
}

static bool file_like(struct cul_slice word)
{
	static const struct cul_slice ends[] = { { ".txt", 4 }, { ".log", 4 }, { ".csv", 4 }, { ".json", 5 }, { ".out", 4 }, { ".err", 4 }, { ".md", 3 } };
	if (word.size < 2 || word.size > 200)
		return false;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (cul_ends(word, ends[i]))
			return true;
	return cul_starts(word, CUL_LIT("/var/log/")) || cul_starts(word, CUL_LIT("/proc/")) || cul_starts(word, CUL_LIT("sos_commands/"));
}

struct cul_slice cul_mark_title(struct cul_slice line)
{
	struct cul_slice inner, word;
	if (line.size > 300)
		return CUL_NONE;
	if (cul_between(line, CUL_LIT("`"), CUL_LIT("`"), &inner) && inner.size < 200 && !cul_has(inner, CUL_LIT(" ")))
		return inner;
	while ((word = cul_word(&line)).size) {
		while (word.size && strchr(":,;()*\"'`", word.data[word.size - 1]))
			word.size--;
		while (word.size && strchr("(*\"'`", word.data[0]))
			word = cul_from(word, 1);
		if (file_like(word))
			return word;
	}
	return CUL_NONE;
}

struct cul_slice cul_mark_sos_command(struct cul_slice member, char *buffer, size_t size)
{
	struct cul_slice rest, file;
	if (!cul_cut(member, CUL_LIT("sos_commands/"), NULL, &rest) || !cul_cut_last(rest, CUL_LIT("/"), NULL, &file))
		return CUL_NONE;
	if (!file.size || file.size >= size)
		return CUL_NONE;
	for (size_t i = 0; i < file.size; i++)
		buffer[i] = file.data[i] == '_' ? ' ' : file.data[i];
	return cul_slice(buffer, file.size);
}
