/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit-unwind: callers of a dead program's threads by libdwfl (elfutils). culprit starts it for --sysroot and --debuginfo.
 *
 * It never sees the core: registers, stacks, modules and the vdso's image come over standard input (unwind.h), and answers go back the same way. Files
 * are opened beneath the folders given and nowhere else (links are followed as if the folder were the root), regular ones only, and
 * used only if their build-id is the module's. Nothing is asked of a network: libdwfl's own ways to find files are not in use, and there is no
 * environment. It has limits on memory, CPU and time, and enters the same sandbox as culprit. What it can't do it doesn't answer: culprit tells.
 */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "culprit/culprit.h"
#include "unwind.h"

#define FOLDERS 64
#define DEPTH 64 /* of a path */
#define LINKS 32 /* in a path */
#define TOLD 4
#define VDSO "[vdso]"

static struct {
	int fds[FOLDERS];
	size_t count;
} folders;

/* the vdso at hand */
static struct {
	unsigned char bytes[UNWIND_IMAGE];
	size_t size;
} image;

struct asked {
	struct unwind_head head;
	struct unwind_module *modules;
	struct unwind_thread *threads;
	unsigned char **stacks;
	size_t at; /* the thread at hand */
	unsigned frames;
};

static bool take(void *to, size_t size)
{
	for (char *at = to; size;) {
		ssize_t n = read(STDIN_FILENO, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static void answer(const struct unwind_answer *a)
{
	const char *at = (const char *)a;

	for (size_t left = sizeof(*a); left;) {
		ssize_t n = write(STDIN_FILENO, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(1);
		at += n;
		left -= (size_t)n;
	}
}

/* ---- files ------------------------------------------------------------------------------------------- */

/*
 * @path beneath @root: each part by itself, so that neither ".." nor a link leads out; an absolute link begins at @root again.
 * A regular file, or -1.
 */
static int open_beneath(int root, const char *path)
{
	char rest[8192], part[256];
	int stack[DEPTH], links = 0, fd = -1;
	size_t depth = 0;
	struct stat st;

	if (snprintf(rest, sizeof(rest), "%s", path) >= (int)sizeof(rest))
		return -1;
	while (fd < 0) {
		char *at = rest + strspn(rest, "/");
		size_t n = strcspn(at, "/");

		if (!n || n >= sizeof(part))
			break;
		memcpy(part, at, n);
		part[n] = '\0';
		memmove(rest, at + n, strlen(at + n) + 1);
		bool end = !rest[strspn(rest, "/")];
		int here = depth ? stack[depth - 1] : root;

		if (!strcmp(part, "."))
			continue;
		if (!strcmp(part, "..")) {
			if (depth)
				close(stack[--depth]);
			continue;
		}
		if (fstatat(here, part, &st, AT_SYMLINK_NOFOLLOW) < 0)
			break;
		if (S_ISLNK(st.st_mode)) {
			char to[4096], next[8192];
			ssize_t size = links++ < LINKS ? readlinkat(here, part, to, sizeof(to) - 1) : -1;

			if (size <= 0)
				break;
			to[size] = '\0';
			while (to[0] == '/' && depth)
				close(stack[--depth]);
			if (snprintf(next, sizeof(next), "%s/%s", to, rest) >= (int)sizeof(next))
				break;
			memcpy(rest, next, strlen(next) + 1);
			continue;
		}
		if (end ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode) || depth == DEPTH)
			break;
		int next = openat(here, part, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (end ? 0 : O_DIRECTORY));
		if (next < 0)
			break;
		if (end)
			fd = next;
		else
			stack[depth++] = next;
	}
	while (depth)
		close(stack[--depth]);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Is the file the one with that build-id? @whole: and a program or library, not its debug information alone. */
static bool is_it(int fd, const char *build_id, bool whole)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const void *bits = NULL;
	GElf_Ehdr head;
	char hex[130] = "";
	bool good = elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &head) && (head.e_type == ET_DYN || head.e_type == ET_EXEC);
	ssize_t n = good ? dwelf_elf_gnu_build_id(elf, &bits) : -1;

	for (ssize_t i = 0; i < n && i < 64; i++)
		snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)bits)[i]);
	good = n > 0 && n <= 64 && !strcmp(hex, build_id);
	for (size_t i = 0, count = 0; good && whole && elf_getphdrnum(elf, &count) == 0 && i < count && i < 64; i++) {
		GElf_Phdr p;
		GElf_Shdr s;
		Elf_Scn *scn = NULL;

		/* in a file of debug information the code has no bytes: its sections say NOBITS */
		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD || !(p.p_flags & PF_X))
			continue;
		while ((scn = elf_nextscn(elf, scn)))
			if (gelf_getshdr(scn, &s) && s.sh_flags & SHF_EXECINSTR && s.sh_type == SHT_NOBITS)
				good = false;
		break;
	}
	elf_end(elf);
	return good;
}

/* In every folder, by each of @forms ("%s" of it once). @other: a file was there and wasn't it. */
static int find(const char *const *forms, const char *const *names, size_t count, const char *build_id, bool whole, bool *other)
{
	for (size_t f = 0; f < folders.count; f++)
		for (size_t i = 0; i < count; i++) {
			char path[4096];

			if (!names[i] || !names[i][0] || snprintf(path, sizeof(path), "%s%s%s", forms[2 * i], names[i], forms[2 * i + 1]) >= (int)sizeof(path))
				continue;
			int fd = open_beneath(folders.fds[f], path);
			if (fd < 0)
				continue;
			if (is_it(fd, build_id, whole))
				return fd;
			close(fd);
			*other = true;
		}
	return -1;
}

/* "ab/cdef…" */
static bool split_id(const char *build_id, char to[80])
{
	if (strlen(build_id) < 6 || strspn(build_id, "0123456789abcdef") != strlen(build_id))
		return false;
	snprintf(to, 80, "%.2s/%.70s", build_id, build_id + 2);
	return true;
}

static int find_program(const struct unwind_module *m, bool *other)
{
	static const char *const forms[] = { "", "", "usr", "", "", "", ".build-id/", "", "usr/lib/debug/.build-id/", "", "usr/lib/.build-id/", "", "", "" };
	char id[80], path[sizeof(m->path)];
	const char *base = strrchr(m->path, '/'), *gone;

	snprintf(path, sizeof(path), "%s", m->path);
	if ((gone = strstr(path, " (deleted)")) && !gone[10])
		path[gone - path] = '\0';
	if (!split_id(m->build_id, id))
		return -1;
	const char *const names[] = { path, path, !strncmp(path, "/usr/", 5) ? path + 4 : NULL, id, id, id, base ? base + 1 : path };
	return find(forms, names, sizeof(names) / sizeof(names[0]), m->build_id, true, other);
}

static int on_debuginfo(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base, const char *file, const char *link, GElf_Word crc, char **ret)
{
	static const char *const forms[] = { ".build-id/", ".debug", "usr/lib/debug/.build-id/", ".debug", "usr/lib/debug", ".debug", "", ".debug",
					     "", "", "usr/lib/debug/", "", "", "" };
	const struct unwind_module *m = data ? *data : NULL;
	char id[80], beside[2048] = "";
	bool other;

	/* what libdwfl asks with a path is the supplement that dwz makes: another file with another build-id */
	if (!m || !split_id(m->build_id, id) || (link && strchr(link, '/')))
		return -1;
	const char *slash = strrchr(m->path, '/');
	if (slash && link)
		snprintf(beside, sizeof(beside), "%.*s/%s", (int)(slash - m->path), m->path, link);
	const char *const names[] = { id, id, m->path, m->path, beside, beside, link };
	return find(forms, names, sizeof(names) / sizeof(names[0]), m->build_id, false, &other);
}

static int on_elf(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base, char **file, Elf **elf)
{
	/* only the vdso has no file yet */
	*elf = image.size && !strcmp(name, VDSO) ? elf_memory((char *)image.bytes, image.size) : NULL;
	return -1;
}

/* ---- threads ----------------------------------------------------------------------------------------- */

static pid_t on_next_thread(Dwfl *dwfl, void *ctx, void **thread)
{
	struct asked *a = ctx;

	for (a->at = *thread ? a->at + 1 : 0; a->at < a->head.threads; a->at++)
		if (a->threads[a->at].count) {
			*thread = &a->threads[a->at];
			return (pid_t)a->at + 1; /* ids in a core may repeat or be none */
		}
	return 0;
}

static bool on_memory(Dwfl *dwfl, Dwarf_Addr at, Dwarf_Word *ret, void *ctx)
{
	const struct asked *a = ctx;
	const struct unwind_thread *t = a->at < a->head.threads ? &a->threads[a->at] : NULL;

	if (!t || at < t->stack_at || t->stack_size < sizeof(*ret) || at - t->stack_at > t->stack_size - sizeof(*ret))
		return false;
	memcpy(ret, a->stacks[a->at] + (at - t->stack_at), sizeof(*ret));
	return true;
}

static bool on_registers(Dwfl_Thread *thread, void *ctx)
{
	const struct unwind_thread *t = ctx;
	Dwarf_Word registers[33];
	bool arm = t->count == 33;

	for (size_t i = 0; i < 33; i++)
		registers[i] = t->registers[i];
	if (arm)
		dwfl_thread_state_register_pc(thread, registers[32]);
	return dwfl_thread_state_registers(thread, 0, arm ? 32 : (unsigned)t->count, registers);
}

static int on_frame(Dwfl_Frame *state, void *ctx)
{
	struct asked *a = ctx;
	struct unwind_answer frame = { .thread = (uint32_t)a->at };
	Dwarf_Addr pc;
	bool activation;

	if (a->frames++ == UNWIND_FRAMES || !dwfl_frame_pc(state, &pc, &activation))
		return DWARF_CB_ABORT;
	frame.pc = pc;
	/* a call may be the last instruction of its function */
	Dwarf_Addr in = pc - (activation ? 0 : 1);
	Dwfl *dwfl = dwfl_thread_dwfl(dwfl_frame_thread(state));
	Dwfl_Module *mod = dwfl_addrmodule(dwfl, in);
	const char *name = mod ? dwfl_module_addrname(mod, in) : NULL;
	Dwfl_Line *line = mod ? dwfl_module_getsrc(mod, in) : NULL;

	if (name)
		function_name(name, frame.function, sizeof(frame.function));
	if (line) {
		int number = 0;
		const char *file = dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL), *base = file ? strrchr(file, '/') : NULL;

		if (file) {
			snprintf(frame.file, sizeof(frame.file), "%.127s", base ? base + 1 : file);
			frame.line = number;
		}
	}
	answer(&frame);
	return DWARF_CB_OK;
}

static int on_thread(Dwfl_Thread *thread, void *ctx)
{
	struct asked *a = ctx;

	a->frames = 0;
	dwfl_thread_getframes(thread, on_frame, ctx); /* -1 is how a stack ends, too */
	return DWARF_CB_OK;
}

/* ---- one core ---------------------------------------------------------------------------------------- */

static void unwind(struct asked *a)
{
	static const Dwfl_Callbacks callbacks = { .find_elf = on_elf, .find_debuginfo = on_debuginfo, .section_address = dwfl_offline_section_address };
	static const Dwfl_Thread_Callbacks threads = { .next_thread = on_next_thread, .memory_read = on_memory, .set_initial_registers = on_registers };
	struct unwind_answer end = { .last = 1 };
	char names[160] = "";
	size_t found = 0, lost = 0, size = 0;
	bool changed = false;
	Dwfl *dwfl = dwfl_begin(&callbacks);

	if (!dwfl)
		_exit(1);
	dwfl_report_begin(dwfl);
	for (size_t i = 0; i < a->head.modules; i++) {
		struct unwind_module *m = &a->modules[i];
		bool other = false;
		int fd = find_program(m, &other);
		void **data;
		const char *base = strrchr(m->path, '/');
		Dwfl_Module *mod = fd < 0 ? NULL : dwfl_report_elf(dwfl, m->path, m->path, fd, m->bias, true);

		if (mod) {
			dwfl_module_info(mod, &data, NULL, NULL, NULL, NULL, NULL, NULL);
			*data = m;
			found++;
			continue;
		}
		if (fd >= 0)
			close(fd);
		base = base ? base + 1 : m->path;
		if (!strncmp(base, "linux-vdso", 10) || !strncmp(base, "[vdso", 5))
			continue;
		changed |= other;
		if (lost++ < TOLD)
			size += (size_t)snprintf(names + size, sizeof(names) - size, "%s%.30s%s", size ? ", " : "", base, other ? " (another build)" : "");
	}
	if (image.size)
		dwfl_report_module(dwfl, VDSO, a->head.image_at, a->head.image_at + image.size);
	dwfl_report_end(dwfl, NULL, NULL);
	if (found && dwfl_attach_state(dwfl, NULL, (pid_t)(a->head.pid > 0 && a->head.pid < INT32_MAX ? a->head.pid : 1), &threads, a))
		dwfl_getthreads(dwfl, on_thread, a);
	if (!found)
		snprintf(end.function, sizeof(end.function), "callers are not known: %s", changed ? "the folders given hold other builds of this program's files"
											   : "none of this program's files are in the folders given");
	else if (lost)
		snprintf(end.function, sizeof(end.function), "callers behind these are not known, whose files are not in the folders given: %s%s", names, lost > TOLD ? ", …" : "");
	dwfl_end(dwfl);
	answer(&end);
}

static void *room(size_t count, size_t size)
{
	void *p = calloc(count + 1, size);

	if (!p)
		_exit(1);
	return p;
}

static bool serve(void)
{
	struct asked a = { 0 };

	if (!take(&a.head, sizeof(a.head)) || a.head.magic != UNWIND_MAGIC || a.head.modules > UNWIND_MODULES || a.head.threads > UNWIND_THREADS || a.head.image_size > UNWIND_IMAGE)
		return false;
	alarm(UNWIND_SECONDS);
	image.size = a.head.image_size;
	if (!take(image.bytes, image.size))
		return false;
	a.modules = room(a.head.modules, sizeof(*a.modules));
	a.threads = room(a.head.threads, sizeof(*a.threads));
	a.stacks = room(a.head.threads, sizeof(*a.stacks));
	for (size_t i = 0; i < a.head.modules; i++) {
		if (!take(&a.modules[i], sizeof(a.modules[i])))
			return false;
		a.modules[i].build_id[sizeof(a.modules[i].build_id) - 1] = a.modules[i].path[sizeof(a.modules[i].path) - 1] = '\0';
	}
	for (size_t i = 0; i < a.head.threads; i++) {
		struct unwind_thread *t = &a.threads[i];

		if (!take(t, sizeof(*t)) || t->stack_size > UNWIND_STACK || t->count > 33)
			return false;
		a.stacks[i] = room(t->stack_size, 1);
		if (!take(a.stacks[i], t->stack_size))
			return false;
	}
	unwind(&a);
	for (size_t i = 0; i < a.head.threads; i++)
		free(a.stacks[i]);
	free(a.stacks);
	free(a.threads);
	free(a.modules);
	alarm(0);
	return true;
}

static void limit(int what, rlim_t most)
{
	struct rlimit l;

	if (getrlimit(what, &l) == 0) {
		if (most < l.rlim_max || l.rlim_max == RLIM_INFINITY)
			l.rlim_max = most;
		l.rlim_cur = l.rlim_max;
		setrlimit(what, &l);
	}
}

int main(int argc, char **argv)
{
	const char *read[FOLDERS];
	struct cul_sandbox how = { .read = read };
	struct cul_error err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	clearenv();
	for (int i = 2; i < argc; i += 2) { /* both options say a folder; either may hold both kinds of files */
		int fd = folders.count < FOLDERS ? open(argv[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

		if (fd < 0)
			continue;
		folders.fds[folders.count++] = fd;
		read[how.read_count++] = argv[i];
	}
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CPU, 600);
	limit(RLIMIT_NOFILE, UNWIND_MODULES * 2 + 256);
#ifndef SANITIZED
	limit(RLIMIT_AS, (rlim_t)16 << 30); /* libdwfl maps the files, some of which are gigabytes */
#endif
	if (cul_sandbox_enter(&how, &err) != CUL_OK)
		return 1;
	elf_version(EV_CURRENT);
	while (serve())
		;
	return 0;
}
