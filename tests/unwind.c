/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Callers by culprit-unwind: a core of a program whose calls are known, made here, with that program as its sysroot; then helpers that lie, hang and die.
 * usage: unwind CULPRIT yes|no
 * yes: C++ names are taken apart.
 *
 * The child stops three calls deep; its parent reads registers and memory by ptrace and writes a core as Linux would: notes and the
 * segments that hold the stack and the program's first page. 77, with a word, where tracing isn't allowed or libdw is absent.
 */
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define SEGMENTS 256
#define MOST (8u << 20)

static int bad;
static volatile int depth;

/* ---- what is to be found ------------------------------------------------------------------------------ */

/* no frame pointers, work behind each call: a guess would not do */
__attribute__((noinline)) static int third_call(int n)
{
	char room[256];
	volatile char *at = room;

	at[n & 255] = 1;
	raise(SIGSTOP);
	return at[n & 255] + depth;
}

__attribute__((noinline)) static int second_call(int n)
{
	volatile int more = third_call(n + 1);

	return more + depth;
}

/* as a C++ compiler would call demo::Queue::push(int) */
static int first_call(int n) __asm__("_ZN4demo5Queue4pushEi");
__attribute__((noinline)) static int first_call(int n)
{
	volatile int more = second_call(n + 1);

	return more * depth;
}

__attribute__((noinline)) static int clock_calls(int n)
{
	struct timespec t = { .tv_sec = n };

	raise(SIGSTOP);
	while (t.tv_nsec >= 0)
		clock_gettime(CLOCK_MONOTONIC, &t);
	return (int)t.tv_nsec;
}

/* ---- a core of it ------------------------------------------------------------------------------------- */

static size_t add_note(unsigned char *to, uint32_t type, const void *desc, size_t size)
{
	const uint32_t head[3] = { 5, (uint32_t)size, type };

	memcpy(to, head, sizeof(head));
	memcpy(to + 12, "CORE\0\0\0", 8);
	memcpy(to + 20, desc, size);
	return 20 + ((size + 3) & ~(size_t)3);
}

static bool write_core(pid_t pid, const char *path)
{
	static unsigned char notes[1 << 16], files[1 << 15], buffer[MOST], auxv[4096];
	struct {
		uint64_t start, end, at;
		bool stack;
	} segments[SEGMENTS];
	struct elf_prstatus status = { .pr_pid = pid, .pr_cursig = SIGABRT };
	struct elf_prpsinfo info = { .pr_pid = pid, .pr_fname = "unwind" };
	char line[4600], text[64];
	uint64_t counts[2] = { 0, 1 }, *at = (uint64_t *)(void *)(files + 16);
	size_t count = 0, size = 0, names = 0, n;
	static char paths[1 << 14];
	struct iovec io = { &status.pr_reg, sizeof(status.pr_reg) };

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &io) < 0)
		return false;
	snprintf(text, sizeof(text), "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(text, "r");
	snprintf(text, sizeof(text), "/proc/%d/mem", (int)pid);
	int memory = open(text, O_RDONLY | O_CLOEXEC);
	FILE *out = fopen(path, "w");
	if (!maps || memory < 0 || !out)
		return false;
	while (fgets(line, sizeof(line), maps) && count < SEGMENTS) {
		uint64_t start, end, offset;
		char rights[8], file[4200] = "";

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %4199[^\n]", &start, &end, rights, &offset, file) < 4)
			continue;
		if (file[0] == '/' && counts[0] < 400 && names + strlen(file) < sizeof(paths)) {
			*at++ = start;
			*at++ = end;
			*at++ = offset;
			counts[0]++;
			memcpy(paths + names, file, strlen(file) + 1);
			names += strlen(file) + 1;
		}
		bool stack = !strcmp(file, "[stack]") || !strcmp(file, "[vdso]");
		if (stack || (file[0] == '/' && !offset)) {
			segments[count].start = start;
			segments[count].end = end;
			segments[count++].stack = stack;
		}
	}
	fclose(maps);
	memcpy(files, counts, sizeof(counts));
	n = (size_t)((unsigned char *)at - files);
	memcpy(files + n, paths, names);
	size += add_note(notes + size, NT_PRSTATUS, &status, sizeof(status));
	size += add_note(notes + size, NT_PRPSINFO, &info, sizeof(info));
	size += add_note(notes + size, NT_FILE, files, n + names);
	snprintf(text, sizeof(text), "/proc/%d/auxv", (int)pid);
	int vector = open(text, O_RDONLY | O_CLOEXEC);
	ssize_t got = vector < 0 ? -1 : read(vector, auxv, sizeof(auxv));
	if (got > 0)
		size += add_note(notes + size, NT_AUXV, auxv, (size_t)got);
	if (vector >= 0)
		close(vector);

	uint64_t offset = sizeof(Elf64_Ehdr) + (count + 1) * sizeof(Elf64_Phdr);
	Elf64_Ehdr head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_CORE, .e_version = EV_CURRENT,
			    .e_phoff = sizeof(head), .e_ehsize = sizeof(head), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = (Elf64_Half)(count + 1) };
#ifdef __aarch64__
	head.e_machine = EM_AARCH64;
#else
	head.e_machine = EM_X86_64;
#endif
	fwrite(&head, sizeof(head), 1, out);
	Elf64_Phdr p = { .p_type = PT_NOTE, .p_offset = offset, .p_filesz = size };
	fwrite(&p, sizeof(p), 1, out);
	offset += size;
	for (size_t i = 0; i < count; i++) {
		uint64_t here = segments[i].stack ? segments[i].end - segments[i].start : 4096;

		p = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = segments[i].stack ? PF_R | PF_W : PF_R, .p_offset = offset, .p_vaddr = segments[i].start,
				  .p_filesz = here > MOST ? MOST : here, .p_memsz = segments[i].end - segments[i].start };
		fwrite(&p, sizeof(p), 1, out);
		offset += p.p_filesz;
	}
	fwrite(notes, size, 1, out);
	for (size_t i = 0; i < count; i++) {
		uint64_t here = segments[i].stack ? segments[i].end - segments[i].start : 4096;

		if (here > MOST)
			here = MOST;
		memset(buffer, 0, here);
		if (pread(memory, buffer, here, (off_t)segments[i].start) < 0)
			return false;
		fwrite(buffer, here, 1, out);
	}
	close(memory);
	return fclose(out) == 0;
}

/* Step by step until the program counter lies between two addresses. */
static bool step_into(pid_t pid, uint64_t start, uint64_t end)
{
	int state;

	for (int i = 0; i < 20000; i++) {
		struct elf_prstatus status = { .pr_pid = pid };
		struct iovec io = { &status.pr_reg, sizeof(status.pr_reg) };
		uint64_t pc = 0;

		if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &io) < 0)
			return false;
#ifdef __aarch64__
		memcpy(&pc, (char *)&status.pr_reg + 32 * 8, 8);
#else
		memcpy(&pc, (char *)&status.pr_reg + 16 * 8, 8);
#endif
		if (pc > start + 16 && pc < end)
			return true;
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 || waitpid(pid, &state, 0) < 0 || !WIFSTOPPED(state))
			return false;
	}
	return false;
}

/* A core of a process that was in the vdso, which is in no file. */
__attribute__((noinline)) static bool write_vdso_core(const char *path)
{
	char line[600], text[64];
	uint64_t start = 0, end = 0;
	int state;
	pid_t pid = fork();

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(3);
		_exit(clock_calls(1) & 1);
	}
	if (pid < 0 || waitpid(pid, &state, 0) < 0 || !WIFSTOPPED(state))
		return false;
	snprintf(text, sizeof(text), "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(text, "r");
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "[vdso]"))
			sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end);
	if (maps)
		fclose(maps);
	bool good = start && step_into(pid, start, end) && write_core(pid, path);
	kill(pid, SIGKILL);
	waitpid(pid, &state, 0);
	return good;
}

/* ---- the tool ----------------------------------------------------------------------------------------- */

static char *run(const char *format, const char *a, const char *b, const char *c)
{
	static char text[1 << 18];
	char command[16384];

	snprintf(command, sizeof(command), format, a, b, c);
	FILE *f = popen(command, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[n] = '\0';
	if (f)
		pclose(f);
	return text;
}

static void expect(const char *what, const char *text, const char *part, bool there)
{
	if (!!strstr(text, part) == there)
		return;
	fprintf(stderr, "%s: \"%s\" %s in\n%s\n", what, part, there ? "isn't" : "is", text);
	bad = 1;
}

/* a helper beside a copy of the tool that isn't one */
static void other_helper(const char *culprit, const char *folder, const char *what, const char *script, const char *says)
{
	char path[5000];

	run("cp '%s' '%s/culprit' 2>&1", culprit, folder, "");
	snprintf(path, sizeof(path), "%s/culprit-unwind", folder);
	FILE *f = fopen(path, "w");
	if (!f)
		return;
	fputs(script, f);
	fclose(f);
	chmod(path, 0755);
	char *text = run("'%s/culprit' parse --sysroot / '%s/core' 2>&1", folder, folder, "");
	expect(what, text, says, true);
	expect(what, text, "core.process", true);
	expect(what, text, "unwound=\"libdw\"", false);
}

int main(int argc, char **argv)
{
	char folder[4096], core[4200], self[4096];
	const char *tmp = getenv("TMPDIR");
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int state;

	if (argc < 2 || n <= 0)
		return 2;
	self[n] = '\0';
	if (!strstr(run("'%s' --version 2>&1", argv[1], "", ""), "culprit-unwind")) {
		puts("skipped: this culprit was built without libdw");
		expect("no libdw", run("'%s' parse --sysroot / /dev/null 2>&1", argv[1], "", ""), "built without libdw", true);
		return bad ? 1 : 77;
	}
	pid_t pid = fork();
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(3);
		_exit(first_call(argc) & 1);
	}
	if (pid < 0 || waitpid(pid, &state, 0) < 0 || !WIFSTOPPED(state)) {
		puts("skipped: no process may be traced here");
		return 77;
	}
	snprintf(folder, sizeof(folder), "%s/unwind-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		return 2;
	snprintf(core, sizeof(core), "%s/core", folder);
	bool written = write_core(pid, core);
	kill(pid, SIGKILL);
	waitpid(pid, &state, 0);
	if (!written) {
		puts("skipped: the child's memory can't be read");
		return 77;
	}

	char *text = run("'%s' parse '%s' 2>&1", argv[1], core, "");
	expect("alone", text, "second_call", false);
	expect("alone", text, "core.missing", false);

	/* what systemd-coredump notes down beside it, where the file system keeps that */
	if (!setxattr(core, "user.coredump.hostname", "node7", 5, 0) && !setxattr(core, "user.coredump.timestamp", "1795226459", 10, 0) &&
	    !setxattr(core, "user.coredump.comm", "a\nb", 3, 0)) {
		text = run("'%s' parse --times '%s' 2>&1", argv[1], core, "");
		expect("attributes", text, "host.id host=\"node7\"", true);
		expect("attributes", text, "@2026-11-21T02:00:59.000Z core.process", true);
	} else {
		puts("attributes: not tried, this file system keeps none");
	}

	/* libc between the signal and the calls: from the machine itself */
	text = run("'%s' parse --sysroot / '%s' 2>&1", argv[1], core, "");
	expect("with /", text, argc > 2 && !strcmp(argv[2], "yes") ? " third_call second_call demo::Queue::push main" :
	       " third_call second_call _ZN4demo5Queue4pushEi main", true);
	expect("with /", text, "unwound=\"libdw\"", true);

	/* in the vdso */
	char vdso[4300];
	snprintf(vdso, sizeof(vdso), "%s/vdso.core", folder);
	if (write_vdso_core(vdso)) {
		text = run("'%s' parse --sysroot / '%s' 2>&1", argv[1], vdso, "");
		expect("vdso", text, "clock_gettime clock_calls write_vdso_core main", true);
	} else {
		puts("vdso: not tried, clock_gettime() does not go there");
	}

	/* the program alone, by its name: libc is missing and said so */
	run("mkdir '%s/root' && cp '%s' '%s/root/'", folder, self, folder);
	text = run("'%s' parse --sysroot '%s/root' '%s' 2>&1", argv[1], folder, core);
	expect("without libc", text, "libc", true);
	expect("without libc", text, "not in the folders given", true);

	/* neither a pipe nor another build nor a way out by links is read */
	run("rm '%s/root/'* && mkfifo '%s/root/unwind' && mkdir -p '%s/root/usr'", folder, folder, folder);
	text = run("timeout 20 '%s' parse --sysroot '%s/root' '%s' 2>&1", argv[1], folder, core);
	expect("a pipe", text, "none of this program's files", true);
	run("rm '%s/root/unwind' && ln -s '%s' '%s/root/unwind'", folder, self, folder);
	text = run("'%s' parse --sysroot '%s/root' '%s' 2>&1", argv[1], folder, core);
	expect("a link out", text, "none of this program's files", true);
	run("rm '%s/root/unwind' && cp /bin/sh '%s/root/unwind'", folder, folder, "");
	text = run("'%s' parse --sysroot '%s/root' '%s' 2>&1", argv[1], folder, core);
	expect("another build", text, "other builds of this program's files", true);

	other_helper(argv[1], folder, "dies", "#!/bin/sh\nexit 1\n", "culprit-unwind: it has ended");
	other_helper(argv[1], folder, "is killed", "#!/bin/sh\nkill -SEGV $$\n", "culprit-unwind: it has ended");
	other_helper(argv[1], folder, "lies", "#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\000' 'x' >&0\n", "culprit-unwind: ");
	run("rm -r '%s'", folder, "", "");
	return bad;
}
