/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Landlock for files, seccomp for everything else.
 *
 * Landlock (Linux 5.13) by its three system calls: glibc has no functions for them. Its version is asked for at run time, since the
 * header is that of the build machine: 2 adds REFER, 3 TRUNCATE, 4 TCP, 5 ioctl on devices, 6 signals and abstract sockets.
 *
 * The filter is a list of what is allowed. Anything else answers ENOSYS, so that a library tries what it did on older kernels;
 * network and exec answer EPERM; what no library of ours calls and exploits do (ptrace, bpf, modules, mounts, …) ends the process. It is
 * written as BPF here, not with libseccomp, because of its cost at each start: 150 rules took 100 us to make and 250 to 350 us to load
 * there; a balanced tree over ranges of numbers takes a fifth of that.
 */
#include "culprit/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/archive.h"
#include "base/error.h"
#include "base/jq.h"

#ifdef __linux__
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- files: Landlock --------------------------------------------------------------------------- */

#ifdef SYS_landlock_create_ruleset

/* linux/landlock.h as of version 6; that of the build machine may be older */
enum {
	FS_EXECUTE = 1 << 0, FS_WRITE_FILE = 1 << 1, FS_READ_FILE = 1 << 2, FS_READ_DIR = 1 << 3, FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5, FS_MAKE_REG = 1 << 8, FS_REFER = 1 << 13, FS_TRUNCATE = 1 << 14, FS_IOCTL_DEV = 1 << 15,
	FS_VERSION_1 = (1 << 13) - 1,
	FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV,
	FS_READ = FS_READ_FILE | FS_READ_DIR,
	FS_WRITE = FS_READ | FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE,
	NET_TCP = 3,
	SCOPES = 3,
	ASK_VERSION = 1,
	RULE_PATH_BENEATH = 1,
};
struct ruleset {
	uint64_t fs, net, scopes;
};
struct path_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

#define PROC_MAGIC 0x9fa0

/* what the C library, libarchive's character sets and SQLite open by themselves */
static const char *const system_reads[] = {
	"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/etc/ld.so.cache", "/etc/localtime", "/etc/locale.alias",
	"/usr/share/zoneinfo", "/usr/share/locale", "/usr/share/i18n", "/sys/devices/system/cpu", "/dev/urandom", "/dev/null",
#ifdef LATE_ARCHIVE_FOLDER
	LATE_ARCHIVE_FOLDER,
#endif
#ifdef LATE_JQ_FOLDER
	LATE_JQ_FOLDER,
#endif
#if SANITIZED
	"/proc", /* the leak check reads its own maps and threads */
#endif
};

static int landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);

	return version < 0 ? 0 : (int)version;
}

/* @handled: what this kernel's version knows */
static bool grant(int ruleset, const char *path, uint64_t allowed, uint64_t handled)
{
	struct path_beneath rule = { .allowed = allowed & handled, .parent = open(path, O_PATH | O_CLOEXEC) };
	struct stat st;

	if (rule.parent < 0)
		return true; /* not there, or not for us: that stays so */
	if (fstat(rule.parent, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= FS_OF_FILES;
	/* EBADFD: a pipe behind /dev/fd, which Landlock leaves alone */
	bool done = !rule.allowed || syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) == 0 || errno == EBADFD;
	close(rule.parent);
	return done;
}

static bool any_in_proc(const struct cul_sandbox *how)
{
	struct statfs fs;

	for (size_t i = 0; i < how->read_count; i++)
		if (statfs(how->read[i], &fs) == 0 && fs.f_type == PROC_MAGIC)
			return true;
	return false;
}

/* false: failed halfway */
static bool lock_files(const struct cul_sandbox *how)
{
	int version = landlock_version();

	if (version < 1 || any_in_proc(how))
		return true;
	const struct ruleset all = {
		.fs = (uint64_t)FS_VERSION_1 | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) | (version >= 5 ? FS_IOCTL_DEV : 0),
		.net = version >= 4 ? NET_TCP : 0,
		.scopes = version >= 6 ? SCOPES : 0,
	};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (ruleset < 0)
		return false;
	bool done = true;
	for (size_t i = 0; i < sizeof(system_reads) / sizeof(system_reads[0]); i++)
		done = grant(ruleset, system_reads[i], FS_READ, all.fs) && done;
	for (size_t i = 0; i < how->read_count; i++)
		done = grant(ruleset, how->read[i], FS_READ, all.fs) && done;
	for (size_t i = 0; i < how->write_count; i++)
		done = grant(ruleset, how->write[i], FS_WRITE, all.fs) && done;
	if (how->spool) {
		const char *slash = strrchr(how->spool, '/');
		char parent[4096];

		done = grant(ruleset, how->spool, FS_WRITE, all.fs) && done;
		snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - how->spool) + 1 : 1, slash ? how->spool : ".");
		done = grant(ruleset, parent, FS_REMOVE_DIR, all.fs) && done;
	}
	done = done && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	close(ruleset);
	return done;
}

#else
static int landlock_version(void)
{
	return 0;
}

static bool lock_files(const struct cul_sandbox *how)
{
	return true;
}
#endif

/* ---- system calls: seccomp ----------------------------------------------------------------------- */

#if defined(__x86_64__) && !defined(__ILP32__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && !defined(__ILP32__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#endif

#if defined(MACHINE) && defined(SECCOMP_RET_KILL_PROCESS)
#define HAVE_FILTER 1

enum verdict { UNKNOWN, ALLOW, REFUSE, KILL, IOCTL, CLONE, PRCTL, OF_SELF, PID_SELF };

static const struct {
	uint16_t number;
	uint8_t verdict;
} calls[] = {
#define X(name, verdict) { SYS_##name, verdict },
	/* open files */
	X(read, ALLOW) X(readv, ALLOW) X(pread64, ALLOW) X(preadv, ALLOW) X(write, ALLOW) X(writev, ALLOW) X(pwrite64, ALLOW)
	X(pwritev, ALLOW) X(lseek, ALLOW) X(close, ALLOW) X(dup, ALLOW) X(dup3, ALLOW) X(fcntl, ALLOW) X(flock, ALLOW)
	X(fstat, ALLOW) X(fstatfs, ALLOW) X(fsync, ALLOW) X(fdatasync, ALLOW) X(sync_file_range, ALLOW) X(ftruncate, ALLOW)
	X(fallocate, ALLOW) X(fadvise64, ALLOW) X(readahead, ALLOW) X(getdents64, ALLOW) X(fchmod, ALLOW) X(fchown, ALLOW)
	X(ppoll, ALLOW) X(pselect6, ALLOW) X(pipe2, ALLOW) X(eventfd2, ALLOW) X(ioctl, IOCTL) X(sendfile, ALLOW) X(copy_file_range, ALLOW)
	/* names of files: Landlock decides which */
	X(fgetxattr, ALLOW) X(openat, ALLOW) X(newfstatat, ALLOW) X(statx, ALLOW) X(statfs, ALLOW) X(faccessat, ALLOW) X(readlinkat, ALLOW) X(getcwd, ALLOW)
	X(unlinkat, ALLOW) X(renameat2, ALLOW) X(truncate, ALLOW) X(umask, ALLOW)
	/* memory */
	X(mmap, ALLOW) X(munmap, ALLOW) X(mremap, ALLOW) X(mprotect, ALLOW) X(madvise, ALLOW) X(brk, ALLOW) X(msync, ALLOW)
	X(mincore, ALLOW) X(membarrier, ALLOW)
	/* threads, clocks, signals */
	X(clone, CLONE) X(set_tid_address, ALLOW) X(set_robust_list, ALLOW) X(get_robust_list, ALLOW) X(futex, ALLOW)
	X(sched_yield, ALLOW) X(sched_getaffinity, ALLOW) X(sched_setaffinity, ALLOW) X(sched_getparam, ALLOW) X(sched_getscheduler, ALLOW)
	X(getcpu, ALLOW) X(nanosleep, ALLOW) X(clock_nanosleep, ALLOW) X(clock_gettime, ALLOW) X(clock_getres, ALLOW)
	X(gettimeofday, ALLOW) X(times, ALLOW) X(rt_sigaction, ALLOW) X(rt_sigprocmask, ALLOW) X(rt_sigreturn, ALLOW)
	X(rt_sigsuspend, ALLOW) X(rt_sigtimedwait, ALLOW) X(rt_sigpending, ALLOW) X(sigaltstack, ALLOW) X(restart_syscall, ALLOW)
	X(tgkill, OF_SELF) X(kill, OF_SELF) X(exit, ALLOW) X(exit_group, ALLOW)
	/* this process, this machine */
	X(getpid, ALLOW) X(gettid, ALLOW) X(getppid, ALLOW) X(getuid, ALLOW) X(geteuid, ALLOW) X(getgid, ALLOW) X(getegid, ALLOW)
	X(getgroups, ALLOW) X(getrusage, ALLOW) X(prlimit64, PID_SELF) X(uname, ALLOW) X(sysinfo, ALLOW) X(getrandom, ALLOW)
	X(prctl, PRCTL)
#ifdef SYS_rseq
	X(rseq, ALLOW)
#endif
#ifdef SYS_faccessat2
	X(faccessat2, ALLOW)
#endif
#ifdef SYS_close_range
	X(close_range, ALLOW)
#endif
#ifdef SYS_getrlimit
	X(getrlimit, ALLOW)
#endif
#ifdef SYS_renameat
	X(renameat, ALLOW)
#endif
#ifdef SYS_riscv_flush_icache
	X(riscv_flush_icache, ALLOW)
#endif
#ifdef SYS_open /* machines that are older than openat */
	X(open, ALLOW) X(stat, ALLOW) X(lstat, ALLOW) X(access, ALLOW) X(readlink, ALLOW) X(unlink, ALLOW) X(rmdir, ALLOW) X(rename, ALLOW)
	X(getdents, ALLOW) X(dup2, ALLOW) X(poll, ALLOW) X(select, ALLOW) X(pipe, ALLOW) X(time, ALLOW) X(arch_prctl, ALLOW)
#endif

	/* asked for in good faith by some library, perhaps */
	X(socket, REFUSE) X(socketpair, REFUSE) X(connect, REFUSE) X(bind, REFUSE) X(listen, REFUSE) X(accept, REFUSE) X(accept4, REFUSE)
	X(sendto, REFUSE) X(sendmsg, REFUSE) X(sendmmsg, REFUSE) X(recvfrom, REFUSE) X(recvmsg, REFUSE) X(execve, REFUSE)
	X(execveat, REFUSE) X(setuid, REFUSE) X(setgid, REFUSE) X(setreuid, REFUSE) X(setregid, REFUSE) X(setresuid, REFUSE)
	X(setresgid, REFUSE) X(setgroups, REFUSE) X(setsid, REFUSE) X(mknodat, REFUSE) X(symlinkat, REFUSE) X(linkat, REFUSE)
	X(fchmodat, REFUSE) X(fchownat, REFUSE)
#ifdef SYS_fork
	X(fork, REFUSE) X(vfork, REFUSE) X(mknod, REFUSE) X(symlink, REFUSE) X(link, REFUSE) X(chmod, REFUSE) X(chown, REFUSE) X(lchown, REFUSE)
#endif
#ifdef SYS_io_uring_setup
	X(io_uring_setup, REFUSE) X(io_uring_enter, REFUSE) X(io_uring_register, REFUSE)
#endif

	/* never */
	X(process_vm_writev, KILL) X(kexec_load, KILL) X(init_module, KILL) X(finit_module, KILL) X(delete_module, KILL)
	X(bpf, KILL) X(userfaultfd, KILL) X(open_by_handle_at, KILL) X(name_to_handle_at, KILL) X(mount, KILL) X(umount2, KILL)
	X(pivot_root, KILL) X(chroot, KILL) X(setns, KILL) X(unshare, KILL) X(perf_event_open, KILL) X(add_key, KILL) X(request_key, KILL)
	X(keyctl, KILL) X(swapon, KILL) X(swapoff, KILL) X(reboot, KILL) X(sethostname, KILL) X(setdomainname, KILL) X(settimeofday, KILL)
	X(clock_settime, KILL) X(clock_adjtime, KILL) X(adjtimex, KILL) X(acct, KILL) X(quotactl, KILL) X(syslog, KILL)
	X(vhangup, KILL) X(fanotify_init, KILL)
#ifdef SYS_kexec_file_load
	X(kexec_file_load, KILL)
#endif
#ifdef SYS_move_mount
	X(move_mount, KILL) X(open_tree, KILL) X(fsopen, KILL) X(fsconfig, KILL) X(fsmount, KILL) X(fspick, KILL)
#endif
#ifdef SYS_pidfd_getfd
	X(pidfd_getfd, KILL)
#endif
#ifdef SYS_iopl
	X(iopl, KILL) X(ioperm, KILL)
#endif
#if SANITIZED /* the leak check stops the threads by tracing them */
	X(ptrace, ALLOW) X(process_vm_readv, ALLOW) X(wait4, ALLOW)
#else
	X(ptrace, KILL) X(process_vm_readv, KILL)
#endif
#undef X
};

#define NUMBERS 512 /* system calls above are newer than this list: unknown */
#define PROGRAM_ROOM 2048

struct program {
	struct sock_filter at[PROGRAM_ROOM];
	size_t size;
	uint32_t self; /* this process */
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (p->size < PROGRAM_ROOM)
		p->at[p->size++] = (struct sock_filter){ code, yes, no, k };
}

static void put_return(struct program *p, uint32_t what)
{
	put(p, BPF_RET | BPF_K, what, 0, 0);
}

static void put_argument(struct program *p, size_t index)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offsetof(struct seccomp_data, args) + 8 * index), 0, 0);
}

/* one of @values lets through, anything else fails with @error */
static void put_choice(struct program *p, size_t index, const uint32_t *values, size_t count, int error)
{
	put_argument(p, index);
	for (size_t i = 0; i < count; i++) {
		put(p, BPF_JMP | BPF_JEQ | BPF_K, values[i], 0, 1);
		put_return(p, SECCOMP_RET_ALLOW);
	}
	put_return(p, SECCOMP_RET_ERRNO | (uint32_t)error);
}

static void put_verdict(struct program *p, uint8_t verdict)
{
	/* isatty() and the width of a terminal; not TIOCSTI, which types into it */
	static const uint32_t ioctls[] = {
		TCGETS, TIOCGWINSZ, FIONREAD,
#ifdef TCGETS2
		0x802c542a, /* TCGETS2: its macro wants struct termios2 of a header that clashes with termios.h */
#endif
	};
	static const uint32_t prctls[] = { PR_SET_NAME, PR_GET_NAME, 0x53564d41 /* PR_SET_VMA: glibc names its arenas */ };

	switch (verdict) {
	case ALLOW: put_return(p, SECCOMP_RET_ALLOW); return;
	case REFUSE: put_return(p, SECCOMP_RET_ERRNO | EPERM); return;
	case KILL: put_return(p, SECCOMP_RET_KILL_PROCESS); return;
	case IOCTL: put_choice(p, 1, ioctls, sizeof(ioctls) / sizeof(ioctls[0]), ENOTTY); return;
	case PRCTL:
		if (SANITIZED)
			put_return(p, SECCOMP_RET_ALLOW);
		else
			put_choice(p, 0, prctls, sizeof(prctls) / sizeof(prctls[0]), EINVAL);
		return;
	case OF_SELF: put_choice(p, 0, &p->self, 1, EPERM); return;
	case PID_SELF: put_choice(p, 0, (const uint32_t[]){ 0, p->self }, 2, EPERM); return;
	case CLONE: /* a thread, no process */
		if (!SANITIZED) {
			put_argument(p, 0);
			put(p, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
			put_return(p, SECCOMP_RET_ERRNO | EPERM);
		}
		put_return(p, SECCOMP_RET_ALLOW);
		return;
	default: put_return(p, SECCOMP_RET_ERRNO | ENOSYS); return; /* clone3 too: what it is to make stands in memory, clone's in a register */
	}
}

/* a balanced tree over runs of equal verdicts: depth 8, where a chain would have 200 */
static void put_tree(struct program *p, const uint16_t *starts, const uint8_t *verdicts, size_t count)
{
	if (count == 1) {
		put_verdict(p, verdicts[0]);
		return;
	}
	size_t half = count / 2, test, jump;

	/* jumps of a condition reach 255 instructions only: where the lower half is longer, one without takes it on */
	test = p->size;
	put(p, BPF_JMP | BPF_JGE | BPF_K, starts[half], 0, 0);
	put_tree(p, starts, verdicts, half);
	jump = p->size - test - 1;
	if (jump <= 255 && test < PROGRAM_ROOM) {
		p->at[test].jt = (uint8_t)jump;
	} else {
		p->size = test;
		put(p, BPF_JMP | BPF_JGE | BPF_K, starts[half], 0, 1);
		put(p, BPF_JMP | BPF_JA, (uint32_t)jump, 0, 0);
		put_tree(p, starts, verdicts, half);
	}
	put_tree(p, starts + half, verdicts + half, count - half);
}

static bool lock_calls(void)
{
	uint8_t of_number[NUMBERS + 1] = { 0 }, verdicts[NUMBERS + 1];
	uint16_t starts[NUMBERS + 1];
	size_t count = 0;
	struct program p;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].number < NUMBERS)
			of_number[calls[i].number] = calls[i].verdict;
	for (size_t i = 0; i <= NUMBERS; i++)
		/* those that look at arguments stand alone */
		if (!i || of_number[i] != of_number[i - 1] || of_number[i] >= IOCTL) {
			starts[count] = (uint16_t)i;
			verdicts[count++] = of_number[i];
		}
	p.size = 0;
	p.self = (uint32_t)getpid();
	put(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	put(&p, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
	put_return(&p, SECCOMP_RET_KILL_PROCESS); /* 32-bit calls of a 64-bit process; those of x32 are above NUMBERS */
	put(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	put_tree(&p, starts, verdicts, count);
	if (p.size >= PROGRAM_ROOM)
		return false;
	const struct sock_fprog program = { (unsigned short)p.size, p.at };
	/* EINVAL: a kernel without; EPERM, EACCES: a container that forbids */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0 || errno == EINVAL || errno == EPERM || errno == EACCES ||
	       errno == ENOSYS;
}
#endif

/* ---- both ------------------------------------------------------------------------------------------ */

enum cul_status cul_sandbox_enter(const struct cul_sandbox *how, struct cul_error *err)
{
	/* what only this knows would not be found any more */
	if (getenv("LD_LIBRARY_PATH")) {
		(void)cul_archive_lacks();
		(void)cul_jq_here();
	}
	/* both want it: nobody behind this may gain rights by exec */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return CUL_OK;
	if (!lock_files(how))
		return cul_fail(err, CUL_EIO, "sandbox: Landlock failed: %s", strerror(errno));
#ifdef HAVE_FILTER
	if (!lock_calls())
		return cul_fail(err, CUL_EIO, "sandbox: seccomp failed: %s", strerror(errno));
#endif
	return CUL_OK;
}

const char *cul_sandbox_about(char text[64])
{
	int version = landlock_version();
	bool filter = false;

#ifdef HAVE_FILTER
	/* a NULL program: EFAULT where filters can be set at all */
	filter = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) < 0 && errno == EFAULT;
#endif
	if (version > 0)
		snprintf(text, 64, "Landlock %d%s", version, filter ? ", seccomp" : "");
	else
		snprintf(text, 64, "%s", filter ? "seccomp" : "none");
	return text;
}

#else

enum cul_status cul_sandbox_enter(const struct cul_sandbox *how, struct cul_error *err)
{
	return CUL_OK;
}

const char *cul_sandbox_about(char text[64])
{
	snprintf(text, 64, "none");
	return text;
}
#endif
