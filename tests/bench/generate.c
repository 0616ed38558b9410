/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Data to measure by, the same bytes for the same arguments on every machine:
 *
 *   generate log BYTES SEED [SUSPECT [MATCH [TELEMETRY]]]   mixed logs; so many of a million lines look severe, so many match
 *                                           a rule, so many are measurements and requests that parsers keep
 *   generate kind NAME BYTES SEED           one kind of them; "kinds" lists the names
 *   generate tree MEMBERS BYTES SEED        a tar like a sosreport's: a few large logs, many small captures
 *   generate tiny MEMBERS SEED              a tar of that many files of 20 to 200 bytes
 *   generate nest DEPTH BYTES SEED          a tar in a tar in a tar
 *   generate giant BYTES LINE SEED          ordinary lines, and one line of LINE bytes among them
 *   generate repeat BYTES SEED              four complaints that come again and again
 *
 * All go to standard output. Lines stand in segments of one kind, as they do in files: 64 KiB to 2 MiB each. The forms are
 * those of the programs that print them, as in parsers/; the words are this tool's own.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "messages.h"
#include "text.h"

/* ---- time, as each program writes it --------------------------------------------------------- */

static struct tm *clock_now(void)
{
	static struct tm tm;
	static time_t known;
	time_t t = (time_t)(now_us / 1000000);

	if (t != known) {
		gmtime_r(&t, &tm);
		known = t;
	}
	return &tm;
}

static void hms(void)
{
	struct tm *t = clock_now();

	number((uint64_t)t->tm_hour, 2);
	*at++ = ':';
	number((uint64_t)t->tm_min, 2);
	*at++ = ':';
	number((uint64_t)t->tm_sec, 2);
}

static void date(char between)
{
	struct tm *t = clock_now();

	number((uint64_t)t->tm_year + 1900, 4);
	*at++ = between;
	number((uint64_t)t->tm_mon + 1, 2);
	*at++ = between;
	number((uint64_t)t->tm_mday, 2);
}

static void date_time(char between, char fraction, int digits)
{
	static const uint64_t unit[] = { 1, 100000, 10000, 1000, 100, 10, 1 };

	date('-');
	*at++ = between;
	hms();
	if (digits) {
		*at++ = fraction;
		number(digits <= 6 ? now_us % 1000000 / unit[digits] : now_us % 1000000, digits <= 6 ? digits : 6);
		if (digits > 6)
			number(below(1000), 3);
	}
}

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

static void bsd(void)
{
	struct tm *t = clock_now();

	put(months[t->tm_mon]);
	put(t->tm_mday < 10 ? "  " : " ");
	number((uint64_t)t->tm_mday, 1);
	*at++ = ' ';
	hms();
}

/* ---- kinds ----------------------------------------------------------------------------------- */

/* what the next message shall be, by the shares that were asked for */
enum tone { ORDINARY, SEVERE, MATCHING, TELEMETRY };

static bool calm(enum tone tone)
{
	return tone == ORDINARY || tone == TELEMETRY;
}

static void kernel_message(enum tone tone)
{
	if (tone == MATCHING)
		ONE_OF(kernel_matching);
	else if (tone == SEVERE)
		ONE_OF(kernel_severe);
	else if (tone == TELEMETRY)
		ONE_OF(kernel_telemetry);
	else
		MOSTLY(kernel_lines);
}

static void server_message(enum tone tone)
{
	if (tone == MATCHING)
		ONE_OF(server_matching);
	else if (tone == SEVERE)
		ONE_OF(server_severe);
	else if (tone == TELEMETRY)
		ONE_OF(server_telemetry);
	else
		MOSTLY(server_lines);
}

static void daemon_message(enum tone tone)
{
	/* a system's journal holds the kernel's lines as well */
	*at++ = ' ';
	put(host);
	*at++ = ' ';
	if (tone == MATCHING || tone == TELEMETRY || below(3) == 0) {
		put("kernel: ");
		kernel_message(tone);
	} else {
		ONE_OF(programs);
		put(": ");
		if (tone == SEVERE)
			ONE_OF(daemon_severe);
		else
			MOSTLY(daemon_lines);
	}
}

static void journal_short(enum tone tone) { bsd(); daemon_message(tone); }
static void journal_precise(enum tone tone) { bsd(); *at++ = '.'; number(now_us % 1000000, 6); daemon_message(tone); }
static void journal_iso(enum tone tone) { date_time('T', 0, 0); put("+0000"); daemon_message(tone); }
static void syslog_bsd(enum tone tone) { put("<"); number(8 * below(24) + 6, 1); put(">"); bsd(); daemon_message(tone); }

static void json_text(void (*message)(enum tone), enum tone tone)
{
	char *from = at, copy[4096];

	message(tone);
	size_t n = (size_t)(at - from);
	n = n < sizeof(copy) ? n : sizeof(copy);
	memcpy(copy, from, n);
	at = from;
	for (size_t i = 0; i < n; i++) {
		if (copy[i] == '"' || copy[i] == '\\')
			*at++ = '\\';
		*at++ = copy[i];
	}
}

static void journal_json(enum tone tone)
{
	put("{\"__REALTIME_TIMESTAMP\":\"");
	number(now_us, 1);
	put("\",\"_HOSTNAME\":\"");
	put(host);
	fill("\",\"PRIORITY\":\"6\",\"_PID\":\"{5}\",\"_BOOT_ID\":\"3c1f0e5ab72d4c11957e60f0a8d2b964\",\"SYSLOG_IDENTIFIER\":\"");
	put(tone == MATCHING ? "kernel" : words[skewed(WORDS)]);
	put("\",\"MESSAGE\":\"");
	json_text(tone == MATCHING ? kernel_message : server_message, tone);
	put("\"}");
}

static void dmesg(enum tone tone)
{
	uint64_t us = now_us - boot_us;

	*at++ = '[';
	for (uint64_t s = us / 1000000, width = 10000; width > 1 && s < width; width /= 10)
		*at++ = ' ';
	number(us / 1000000, 1);
	*at++ = '.';
	number(us % 1000000, 6);
	put("] ");
	kernel_message(tone);
}

static void dmesg_time(enum tone tone)
{
	struct tm *t = clock_now();

	*at++ = '[';
	put(days[t->tm_wday]);
	*at++ = ' ';
	bsd();
	*at++ = ' ';
	number((uint64_t)t->tm_year + 1900, 4);
	put("] ");
	kernel_message(tone);
}

static void syslog_5424(enum tone tone)
{
	put("<"); /* of 20 one is a warning, the others inform */
	number(8 * below(24) + (tone == SEVERE ? 3 : below(20) ? 6 : 4), 1);
	put(">1 ");
	date_time('T', '.', 6);
	put("Z ");
	put(host);
	fill(" {w} {5} ID{1-60} [origin ip=\"{i}\"] ");
	server_message(tone);
}

static void ollama(enum tone tone)
{
	uint32_t which = tone == SEVERE || tone == MATCHING ? 0 : below(3);

	if (which == 2) {
		if (tone == TELEMETRY)
			ONE_OF(llama_telemetry);
		else
			ONE_OF(llama_lines);
	} else if (which == 1 && tone == TELEMETRY) {
		put("[GIN] ");
		date('/');
		put(" - ");
		hms();
		ONE_OF(gin_lines);
	} else {
		put("time=");
		date_time('T', '.', 3);
		put(calm(tone) ? "Z level=INFO " : "Z level=ERROR ");
		if (tone == MATCHING)
			ONE_OF(ollama_matching);
		else if (tone == SEVERE)
			ONE_OF(ollama_severe);
		else if (tone == TELEMETRY)
			ONE_OF(ollama_telemetry);
		else
			ONE_OF(ollama_lines);
	}
}

static void vllm(enum tone tone)
{
	struct tm *t = clock_now();

	if (below(4) == 0)
		fill(tone == ORDINARY ? "(APIServer pid={5}) " : "(EngineCore_0 pid={5}) ");
	put(calm(tone) ? "INFO " : "ERROR ");
	number((uint64_t)t->tm_mon + 1, 2);
	*at++ = '-';
	number((uint64_t)t->tm_mday, 2);
	*at++ = ' ';
	hms();
	*at++ = ' ';
	if (tone == MATCHING)
		ONE_OF(vllm_matching);
	else if (tone == SEVERE)
		ONE_OF(vllm_severe);
	else if (tone == TELEMETRY)
		ONE_OF(vllm_telemetry);
	else
		MOSTLY(vllm_lines);
}

static const char *const agents[] = {
	"Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0", "curl/8.5.0", "python-requests/2.32.3", "Go-http-client/1.1",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15",
	"Prometheus/2.53.0", "kube-probe/1.30", "okhttp/4.12.0",
};

static void access_log(enum tone tone)
{
	struct tm *t = clock_now();

	(void)tone; /* a request is a request */
	fill("{i} - - [");
	number((uint64_t)t->tm_mday, 2);
	*at++ = '/';
	put(months[t->tm_mon]);
	*at++ = '/';
	number((uint64_t)t->tm_year + 1900, 4);
	*at++ = ':';
	hms();
	put(" +0000] ");
	MOSTLY(request_lines);
	put(agents[skewed(COUNT(agents))]);
	*at++ = '"';
}

static void nginx_error(enum tone tone)
{
	date('/');
	*at++ = ' ';
	hms();
	fill(calm(tone) ? " [info] {5}#{5}: *{c} " : " [error] {5}#{5}: *{c} ");
	if (calm(tone))
		ONE_OF(nginx_lines);
	else
		ONE_OF(nginx_severe);
	fill(", client: {i}, server: {h}, request: \"GET {p} HTTP/1.1\", host: \"{h}\"");
}

static void python_log(enum tone tone)
{
	date_time(' ', ',', 3);
	fill(calm(tone) ? " - {w}.{w} - INFO - " : " - {w}.{w} - ERROR - ");
	server_message(tone);
}

static void glog(enum tone tone)
{
	struct tm *t = clock_now();

	*at++ = calm(tone) ? 'I' : 'E';
	number((uint64_t)t->tm_mon + 1, 2);
	number((uint64_t)t->tm_mday, 2);
	*at++ = ' ';
	hms();
	*at++ = '.';
	number(now_us % 1000000, 6);
	fill(" {5} {w}_{w}.cc:{20-2900}] ");
	server_message(tone);
}

static void torchrun(enum tone tone)
{
	fill("[rank{0-7}]:[");
	*at++ = calm(tone) ? 'I' : 'E';
	struct tm *t = clock_now();
	number((uint64_t)t->tm_mon + 1, 2);
	number((uint64_t)t->tm_mday, 2);
	*at++ = ' ';
	hms();
	*at++ = '.';
	number(now_us % 1000000, 6);
	fill(" {5} torch/distributed/{w}.py:{20-900}] ");
	server_message(tone);
}

static void docker_json(enum tone tone)
{
	put("{\"log\":\"");
	json_text(server_message, tone);
	put(below(2) ? "\\n\",\"stream\":\"stderr\",\"time\":\"" : "\\n\",\"stream\":\"stdout\",\"time\":\"");
	date_time('T', '.', 9);
	put("Z\"}");
}

static void cri(enum tone tone)
{
	date_time('T', '.', 9);
	put(below(2) ? "Z stderr F " : "Z stdout F ");
	server_message(tone);
}

static void audit(enum tone tone)
{
	(void)tone;
	fill("type=SYSCALL msg=audit({e}.");
	number(now_us / 1000 % 1000, 3);
	fill(":{c}): ");
	MOSTLY(audit_lines);
}

static void nccl(enum tone tone)
{
	fill("{h}:{5}:{5} [{0-7}] NCCL ");
	if (tone == MATCHING)
		ONE_OF(nccl_matching);
	else if (tone == SEVERE)
		ONE_OF(nccl_severe);
	else if (tone == TELEMETRY)
		ONE_OF(nccl_telemetry);
	else
		MOSTLY(nccl_lines);
}

static void epoch(enum tone tone)
{
	number(now_us / 1000000, 1);
	*at++ = '.';
	number(now_us / 1000 % 1000, 3);
	*at++ = ' ';
	server_message(tone);
}

static void json_log(enum tone tone)
{
	put("{\"ts\":\"");
	date_time('T', '.', 3);
	put(calm(tone) ? "Z\",\"level\":\"info\",\"logger\":\"" : "Z\",\"level\":\"error\",\"logger\":\"");
	fill("{w}\",\"msg\":\"");
	json_text(server_message, tone);
	fill("\",\"trace\":\"{x16}\",\"ms\":{4}}");
}

static void logfmt(enum tone tone)
{
	put("time=");
	date_time('T', '.', 6);
	put(calm(tone) ? "Z level=info msg=\"" : "Z level=error msg=\"");
	json_text(server_message, tone);
	fill("\" component={w} elapsed={4}ms");
}

static void stack_text(enum tone tone)
{
	(void)tone; /* a C++ or Java stack in a log: lines without a time */
	ONE_OF(stack_lines);
}

static const struct kind {
	const char *name;
	void (*write)(enum tone tone);
	unsigned share;
} kinds[] = {
	{ "journal_short", journal_short, 15 }, { "journal_precise", journal_precise, 6 }, { "journal_iso", journal_iso, 6 },
	{ "journal_json", journal_json, 3 }, { "dmesg", dmesg, 6 }, { "dmesg_time", dmesg_time, 3 }, { "syslog", syslog_bsd, 6 },
	{ "syslog_5424", syslog_5424, 4 }, { "ollama", ollama, 8 }, { "vllm", vllm, 8 }, { "nginx_access", access_log, 12 },
	{ "nginx_error", nginx_error, 2 }, { "python_logging", python_log, 6 }, { "glog", glog, 2 }, { "torchrun", torchrun, 2 },
	{ "docker_json", docker_json, 4 }, { "cri", cri, 4 }, { "audit", audit, 3 }, { "nccl", nccl, 3 }, { "epoch", epoch, 1 },
	{ "json_log", json_log, 3 }, { "logfmt", logfmt, 2 }, { "stack", stack_text, 1 },
};

static uint32_t severe_ppm, matching_ppm, telemetry_ppm;

static size_t write_line(const struct kind *kind)
{
	uint32_t r = below(1000000);
	enum tone tone = r < matching_ppm ? MATCHING : r < matching_ppm + severe_ppm ? SEVERE :
			 r < matching_ppm + severe_ppm + telemetry_ppm ? TELEMETRY : ORDINARY;

	now_us += below(9000);
	at = line;
	kind->write(tone);
	*at++ = '\n';
	return (size_t)(at - line);
}

static const struct kind *any_kind(void)
{
	unsigned sum = 0, r;

	for (size_t i = 0; i < COUNT(kinds); i++)
		sum += kinds[i].share;
	r = below(sum);
	for (size_t i = 0;; i++) {
		if (r < kinds[i].share)
			return &kinds[i];
		r -= kinds[i].share;
	}
}

static const struct kind *kind_called(const char *name)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	fprintf(stderr, "generate: no kind is called %s\n", name);
	exit(2);
}

/* ---- output ---------------------------------------------------------------------------------- */

static uint64_t written; /* to standard output, for tar's blocks */

static void out(const void *bytes, size_t size)
{
	if (fwrite(bytes, 1, size, stdout) != size) {
		perror("generate");
		exit(1);
	}
	written += size;
}

static void some_log(uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes;) {
		const struct kind *kind = any_kind();
		uint64_t segment = (64u << 10) + below(2u << 20), part = 0;

		host = hosts[skewed(COUNT(hosts))];
		while (part < segment && done + part < bytes) {
			size_t n = write_line(kind);

			out(line, n);
			part += n;
		}
		done += part;
	}
}

static void head_of(const char *name, uint64_t size)
{
	char head[512] = { 0 };
	unsigned sum = 0;

	snprintf(head, 100, "%s", name);
	memcpy(head + 100, "0000644", 8);
	memcpy(head + 108, "0000000", 8);
	memcpy(head + 116, "0000000", 8);
	snprintf(head + 124, 12, "%011llo", (unsigned long long)size);
	memcpy(head + 136, "15121630200", 12);
	memset(head + 148, ' ', 8);
	head[156] = '0';
	memcpy(head + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(head); i++)
		sum += (unsigned char)head[i];
	snprintf(head + 148, 8, "%06o", sum & 0777777u);
	out(head, sizeof(head));
}

static void fill_block(void)
{
	static const char zero[512];

	if (written % 512)
		out(zero, 512 - written % 512);
}

static void end_of_tar(void)
{
	static const char zero[1024];

	out(zero, sizeof(zero));
}

/* A member of exactly @size bytes; the last line may be cut, as a log that is copied while it grows. */
static void log_member(const char *name, const struct kind *kind, uint64_t size)
{
	head_of(name, size);
	while (size) {
		size_t n = write_line(kind);

		n = n < size ? n : (size_t)size;
		out(line, n);
		size -= n;
	}
	fill_block();
}

static size_t write_setting(const char *pattern)
{
	at = line;
	fill(pattern);
	*at++ = '\n';
	return (size_t)(at - line);
}

/* the logs of a report that hold nearly all of its bytes: in thousandths of them */
static const struct { const char *name, *kind; unsigned share; } large[] = {
	{ "sos_commands/logs/journalctl_--no-pager", "journal_short", 260 }, { "var/log/messages", "syslog", 90 },
	{ "sos_commands/logs/journalctl_--no-pager_--boot", "journal_precise", 90 }, { "var/log/audit/audit.log", "audit", 50 },
	{ "var/log/dmesg", "dmesg", 20 }, { "sos_commands/kernel/dmesg_-T", "dmesg_time", 20 }, { "var/log/nginx/access.log", "nginx_access", 60 },
	{ "var/log/nginx/error.log", "nginx_error", 10 }, { "var/log/ollama/server.log", "ollama", 50 }, { "var/log/vllm/vllm.log", "vllm", 50 },
	{ "var/log/train/rank0.log", "torchrun", 20 }, { "var/log/train/nccl.log", "nccl", 30 }, { "var/log/pods/app/0.log", "cri", 40 },
	{ "var/lib/docker/containers/c0/c0-json.log", "docker_json", 40 }, { "var/log/app/app.log", "python_logging", 40 },
	{ "sos_commands/logs/journal.json", "journal_json", 20 },
};
static const char *const places[] = {
	"sos_commands/process", "sos_commands/networking", "sos_commands/pci", "sos_commands/systemd", "sos_commands/block", "etc/sysconfig",
	"etc/systemd/system", "proc/sys/net", "sys/class/net", "sos_commands/nvidia", "var/log/pods/misc", "usr/share/doc",
};

static void tree(unsigned members, uint64_t bytes, const char *top)
{
	char name[100];
	unsigned many = members > COUNT(large) ? members - (unsigned)COUNT(large) : 0;
	uint64_t rest = bytes * 110 / 1000;

	for (size_t i = 0; i < COUNT(large) && i < members; i++) {
		host = hosts[0];
		snprintf(name, sizeof(name), "%s/%s", top, large[i].name);
		log_member(name, kind_called(large[i].kind), bytes * large[i].share / 1000);
	}
	for (unsigned i = 0; i < many; i++) {
		/* most are small, a few are not */
		uint64_t mean = rest / many, size = below(8) ? below((uint32_t)(mean / 2 + 64)) : below((uint32_t)(mean * 8 + 64));

		snprintf(name, sizeof(name), "%s/%s/%s_%05u", top, places[below(COUNT(places))], words[below(WORDS)], i);
		head_of(name, size);
		const char *const *set = i % 5 == 0 ? process_lines : setting_lines;
		size_t count = i % 5 == 0 ? COUNT(process_lines) : COUNT(setting_lines);
		while (size) {
			size_t n = write_setting(set[below((uint32_t)count)]);

			n = n < size ? n : (size_t)size;
			out(line, n);
			size -= n;
		}
		fill_block();
	}
	end_of_tar();
}

static void tiny(unsigned members)
{
	char name[100];

	for (unsigned i = 0; i < members; i++) {
		uint64_t size = 20 + below(180);

		snprintf(name, sizeof(name), "cluster/%03u/%s/%06u", i / 1000, words[i / 50 % WORDS], i);
		head_of(name, size);
		while (size) {
			size_t n = write_setting(setting_lines[below(COUNT(setting_lines))]);

			n = n < size ? n : (size_t)size;
			out(line, n);
			size -= n;
		}
		fill_block();
	}
	end_of_tar();
}

/* The inner tar's size has to stand in front of it: one of depth n is a head, the next one, a log and the end. */
static uint64_t nest_size(unsigned depth, uint64_t log)
{
	uint64_t inner = depth ? 512 + (nest_size(depth - 1, log) + 511) / 512 * 512 : 0;

	return inner + 512 + (log + 511) / 512 * 512 + 1024;
}

static void nest(unsigned depth, uint64_t log)
{
	char name[64];

	if (depth) {
		snprintf(name, sizeof(name), "level%u/collected.tar", depth);
		head_of(name, nest_size(depth - 1, log));
		nest(depth - 1, log);
		fill_block();
	}
	snprintf(name, sizeof(name), "level%u/messages", depth);
	log_member(name, &kinds[depth % COUNT(kinds)], log);
	end_of_tar();
}

static void giant(uint64_t bytes, uint64_t long_one)
{
	uint64_t around = bytes > long_one ? (bytes - long_one) / 2 : 0;

	some_log(around);
	for (uint64_t done = 0; done < long_one; done += (uint64_t)(at - line)) {
		/* minified JSON of a dump; never a line's end */
		at = line;
		fill("{{\"id\":{9},\"{w}\":\"{s}\",\"at\":{e},\"tags\":[\"{w}\",\"{w}\"]},");
		out(line, (size_t)(at - line));
	}
	out("\n", 1);
	some_log(around);
}

static void repeat(uint64_t bytes)
{
	for (uint64_t done = 0; done < bytes;) {
		now_us += below(2000);
		at = line;
		bsd();
		put(" gpu-01 ");
		MOSTLY(repeating);
		*at++ = '\n';
		out(line, (size_t)(at - line));
		done += (uint64_t)(at - line);
	}
}

static uint64_t value(int argc, char **argv, int i)
{
	if (i >= argc) {
		fputs("generate: something is missing; see the head of tests/bench/generate.c\n", stderr);
		exit(2);
	}
	return strtoull(argv[i], NULL, 10);
}

int main(int argc, char **argv)
{
	static char buffer[1 << 20];
	const char *what = argc > 1 ? argv[1] : "";
	static const struct { const char *name; int seed; } modes[] = {
		{ "log", 3 }, { "kind", 4 }, { "tree", 4 }, { "tiny", 3 }, { "nest", 4 }, { "giant", 4 }, { "repeat", 3 },
	};

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	make_words();
	for (size_t i = 0; i < COUNT(modes); i++)
		if (!strcmp(modes[i].name, what))
			state = value(argc, argv, modes[i].seed) * 0x9e3779b97f4a7c15u + 1;
	if (!strcmp(what, "log")) {
		severe_ppm = argc > 4 ? (uint32_t)value(argc, argv, 4) : 0;
		matching_ppm = argc > 5 ? (uint32_t)value(argc, argv, 5) : 0;
		telemetry_ppm = argc > 6 ? (uint32_t)value(argc, argv, 6) : 0;
		some_log(value(argc, argv, 2));
	} else if (!strcmp(what, "kind")) {
		const struct kind *kind = kind_called(argv[2]);

		for (uint64_t done = 0, n; done < value(argc, argv, 3); done += n)
			out(line, n = write_line(kind));
	} else if (!strcmp(what, "kinds")) {
		for (size_t i = 0; i < COUNT(kinds); i++)
			puts(kinds[i].name);
	} else if (!strcmp(what, "tree")) {
		matching_ppm = 100;
		severe_ppm = 2000;
		tree((unsigned)value(argc, argv, 2), value(argc, argv, 3), "sosreport-gpu-01");
	} else if (!strcmp(what, "tiny")) {
		tiny((unsigned)value(argc, argv, 2));
	} else if (!strcmp(what, "nest")) {
		matching_ppm = 100;
		nest((unsigned)value(argc, argv, 2), value(argc, argv, 3));
	} else if (!strcmp(what, "giant")) {
		matching_ppm = 100;
		giant(value(argc, argv, 2), value(argc, argv, 3));
	} else if (!strcmp(what, "repeat")) {
		repeat(value(argc, argv, 2));
	} else {
		fputs("usage: generate log|kind|kinds|tree|tiny|nest|giant|repeat ...; see the head of tests/bench/generate.c\n", stderr);
		return 2;
	}
	if (fflush(stdout) || ferror(stdout)) {
		perror("generate");
		return 1;
	}
	return 0;
}
