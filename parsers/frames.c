/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Stack frames and task headers of the kernel.
 *
 *    ? dma_fence_default_wait+0x1a2/0x260 [amdgpu 02022ce4...]
 *   [<0>] rpc_wait_bit_killable+0x24/0xa0 [sunrpc]
 *   task:kworker/3:2     state:D stack:0     pid:312   tgid:312   ppid:2      flags:0x00004000
 *
 * Frames: printk's %pBb and %pB in arch/.../dumpstack.c (a build id since 5.14, the address gone since 4.11),
 * fs/proc/base.c for /proc/PID/stack. Task headers: sched_show_task() in kernel/sched/core.c; columns without names
 * up to 4.x, `tgid:` since 6.12, `task_flags:` since 6.14. Workqueue: print_worker_info() in kernel/workqueue.c.
 */
#include "parsers/frames.h"

const struct cul_kind cul_kind_task_stack = {
	.name = "task.stack",
	.version = 1,
	.stream = "stack",
	.fields = (const struct cul_field *const[]){ F_PID, F_COMM, F_STATE, F_WORKQUEUE, F_WORK_FUNCTION, F_FRAMES,
						     F_WAIT_FUNCTION, F_STUCK_FUNCTION, F_MODULE, NULL },
};

static bool is_symbol(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '$';
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* 0x and hex digits at *at; moves behind them */
static bool skip_hex(struct cul_slice text, size_t *at)
{
	size_t i = *at;

	if (i + 2 >= text.size || text.data[i] != '0' || text.data[i + 1] != 'x' || !is_hex(text.data[i + 2]))
		return false;
	for (i += 2; i < text.size && is_hex(text.data[i]); i++)
		;
	*at = i;
	return true;
}

bool cul_frame_symbol(struct cul_slice text, struct cul_frame *ret)
{
	struct cul_slice name, rest, module = CUL_NONE;
	size_t n = 0, dot;

	while (n < text.size && is_symbol(text.data[n]))
		n++;
	name = cul_slice(text.data, n);
	if (!n || n > 255 || n >= text.size || text.data[n] != '+')
		return false;
	n++;
	if (!skip_hex(text, &n) || n >= text.size || text.data[n] != '/')
		return false;
	n++;
	if (!skip_hex(text, &n))
		return false;
	rest = cul_from(text, n);
	if (rest.size && rest.data[0] != ' ' && rest.data[0] != '\t' && rest.data[0] != ']' && rest.data[0] != ',')
		return false;
	rest = cul_trim(rest);
	if (rest.size && rest.data[0] == '(') /* arm64: (P), (PL) */
		rest = cul_cut(rest, CUL_LIT(")"), NULL, &rest) ? cul_trim(rest) : CUL_NONE;
	if (cul_skip(&rest, CUL_LIT("[")) && cul_cut(rest, CUL_LIT("]"), &module, NULL))
		module = cul_word(&module);
	else
		module = CUL_NONE;
	dot = cul_find(name, CUL_LIT("."));
	if (dot != SIZE_MAX && dot)
		name.size = dot;
	*ret = (struct cul_frame){ .function = name, .module = module, .reliable = true };
	return true;
}

bool cul_frame_read(struct cul_slice line, struct cul_frame *ret)
{
	struct cul_slice text = cul_trim(line);
	bool reliable = true;
	struct cul_frame frame;

	if (text.size < 8 || text.size > 512)
		return false;
	if (cul_skip(&text, CUL_LIT("[<"))) {
		size_t i = 0;

		while (i < text.size && is_hex(text.data[i]))
			i++;
		if (!i || i + 1 >= text.size || text.data[i] != '>' || text.data[i + 1] != ']')
			return false;
		text = cul_trim(cul_from(text, i + 2));
	}
	if (cul_skip(&text, CUL_LIT("? ")))
		reliable = false;
	if (!cul_frame_symbol(cul_trim(text), &frame))
		return false;
	*ret = frame;
	ret->reliable = reliable;
	return true;
}

bool cul_frame_mark(struct cul_slice line)
{
	struct cul_slice text = cul_trim(line);

	if (!text.size)
		return false;
	if (text.data[0] == '<') {
		for (size_t i = 1; i < text.size && i < 12; i++)
			if (text.data[i] == '>')
				return i + 1 == text.size || text.data[i + 1] == ' ';
		return false;
	}
	if (cul_starts(text, CUL_LIT("Call Trace")) || cul_starts(text, CUL_LIT("Call trace")))
		return true;
	return cul_starts(text, CUL_LIT("[<")) && cul_has(text, CUL_LIT(">] 0x"));
}

/* ---- stacks --------------------------------------------------------------------------------- */

static bool is_scheduler(struct cul_slice name)
{
	static const char *const names[] = { "schedule", "__schedule", "io_schedule", "__switch_to", "context_switch",
					     "schedule_timeout", "io_schedule_timeout", "preempt_schedule",
					     "schedule_preempt_disabled", "schedule_hrtimeout_range",
					     "schedule_hrtimeout_range_clock", "schedule_hrtimeout",
					     "schedule_timeout_uninterruptible", "schedule_timeout_interruptible",
					     "schedule_timeout_killable", "schedule_rtlock", "rt_mutex_schedule",
					     "io_schedule_prepare", "__cond_resched", "finish_task_switch", "__sched_text_start",
					     "preempt_schedule_common", "__switch_to_asm", "switch_to", "schedule_user", NULL };

	for (const char *const *n = names; *n; n++)
		if (cul_is(name, cul_str(*n)))
			return true;
	return false;
}

/* built into the kernel, a frame names no module; these prefixes are a file system's or a driver's own */
static bool has_owner(struct cul_slice name)
{
	static const char *const heads[] = { "amdgpu_", "kfd_", "svm_range_", "drm_sched_", "ttm_", "nvidia_", "uvm_", "nv_",
					     "nfs_", "nfs4_", "nfs3_", "rpc_", "xprt_", "xfs_", "xlog_", "ext4_", "jbd2_",
					     "btrfs_", "fuse_", "request_wait_answer", "__fuse_", "ceph_", "cifs_", "smb2_",
					     "ll_", "ptlrpc_", "osc_", "ldlm_", "gfs2_", "dlm_", "ocfs2_", "f2fs_", "zfs_",
					     "txg_", "zio_", "spl_", "nvme_", "__nvme_", "scsi_", "ata_", "md_", "raid5_",
					     "raid1_", "raid10_", "raid1", "dm_", "virtblk_", "nbd_", "rbd_", "loop_",
					     "evict_process_worker", "restore_process_worker", "mlx5", "ib_", "rdma_",
					     "i915_", "xe_", "radeon_", "nouveau_", "vfio_", "kvm_", "gru_", "cgroup_", "jfs_",
					     "reiserfs_", "squashfs_", "ovl_", "p9_", "v9fs_", "afs_", "usb_", "mmc_", "pciehp_",
					     NULL };

	for (const char *const *h = heads; *h; h++)
		if (cul_starts(name, cul_str(*h)))
			return true;
	return false;
}

void cul_stack_add(struct cul_stack *stack, const struct cul_frame *frame)
{
	struct cul_slice name = frame->function;
	unsigned at;

	if (!frame->reliable) {
		if (stack->doubt_size + name.size + 1 > sizeof(stack->doubts))
			return;
		if (stack->doubt_size)
			stack->doubts[stack->doubt_size++] = ' ';
		memcpy(stack->doubts + stack->doubt_size, name.data, name.size);
		stack->doubt_size += name.size;
		stack->doubted++;
		return;
	}
	if (stack->size + name.size + 1 > sizeof(stack->names))
		return;
	if (stack->size)
		stack->names[stack->size++] = ' ';
	at = (unsigned)stack->size;
	memcpy(stack->names + at, name.data, name.size);
	stack->size += name.size;
	stack->count++;
	if (!stack->wait_size && !is_scheduler(name)) {
		stack->wait_at = at;
		stack->wait_size = (unsigned)name.size;
	}
	if (!stack->stuck_size && (frame->module.size || has_owner(name))) {
		size_t n = frame->module.size < sizeof(stack->module) ? frame->module.size : sizeof(stack->module) - 1;

		stack->stuck_at = at;
		stack->stuck_size = (unsigned)name.size;
		if (n)
			memcpy(stack->module, frame->module.data, n);
		stack->module[n] = 0;
	}
}

struct cul_slice cul_stack_frames(const struct cul_stack *stack)
{
	if (stack->size)
		return cul_slice(stack->names, stack->size);
	return stack->doubt_size ? cul_slice(stack->doubts, stack->doubt_size) : CUL_NONE;
}

struct cul_slice cul_stack_wait(const struct cul_stack *stack)
{
	return stack->wait_size ? cul_slice(stack->names + stack->wait_at, stack->wait_size) : CUL_NONE;
}

struct cul_slice cul_stack_stuck(const struct cul_stack *stack)
{
	return stack->stuck_size ? cul_slice(stack->names + stack->stuck_at, stack->stuck_size) : CUL_NONE;
}

struct cul_slice cul_stack_module(const struct cul_stack *stack)
{
	return stack->module[0] ? cul_str(stack->module) : CUL_NONE;
}

/* ---- task headers --------------------------------------------------------------------------- */

static bool all_digits(struct cul_slice a)
{
	if (!a.size || a.size > 10)
		return false;
	for (size_t i = 0; i < a.size; i++)
		if (a.data[i] < '0' || a.data[i] > '9')
			return false;
	return true;
}

/* take the last word off @a */
static struct cul_slice last_word(struct cul_slice *a)
{
	struct cul_slice text = cul_trim(*a);
	size_t n = text.size;

	while (n && text.data[n - 1] != ' ' && text.data[n - 1] != '\t')
		n--;
	*a = cul_slice(text.data, n);
	return cul_from(text, n);
}

static bool is_state(struct cul_slice word)
{
	return word.size == 1 && memchr("RSDTtXZPIKW", word.data[0], 11);
}

bool cul_task_header(struct cul_slice line, struct cul_task *ret)
{
	struct cul_slice text = cul_trim(line), comm, state, pid, word;

	if (text.size > 256)
		return false;
	if (cul_skip(&text, CUL_LIT("task:"))) {
		if (!cul_cut(text, CUL_LIT(" state:"), &comm, &text))
			return false;
		state = cul_word(&text);
		if (!is_state(state) || !cul_cut(text, CUL_LIT(" pid:"), NULL, &text))
			return false;
		text = cul_trim(text);
		pid = cul_digits(&text);
		if (!pid.size)
			return false;
	} else {
		word = last_word(&text);
		if (!cul_starts(word, CUL_LIT("0x")) || word.size < 6 || word.size > 18)
			return false;
		if (!all_digits(last_word(&text)))
			return false;
		pid = last_word(&text);
		if (!all_digits(pid) || !all_digits(last_word(&text)))
			return false;
		state = last_word(&text);
		if (state.size == 16 || state.size == 8) {
			for (size_t i = 0; i < state.size; i++)
				if (!is_hex(state.data[i]))
					return false;
			state = last_word(&text);
		}
		if (!is_state(state))
			return false;
		comm = text;
	}
	comm = cul_trim(comm);
	if (!comm.size || comm.size > 63)
		return false;
	*ret = (struct cul_task){ .comm = comm, .state = state, .pid = pid };
	return true;
}

bool cul_task_workqueue(struct cul_slice line, struct cul_slice *workqueue, struct cul_slice *function)
{
	struct cul_slice text = cul_trim(line), name, func;
	size_t dot;

	if (!cul_skip(&text, CUL_LIT("Workqueue: ")))
		return false;
	/* the name may hold blanks, the function holds none: the last word that is no "[mod]" and no "(desc)" */
	if (!cul_cut(text, CUL_LIT(" ["), &text, NULL))
		cul_cut(text, CUL_LIT(" ("), &text, NULL);
	name = text;
	func = last_word(&name);
	name = cul_trim(name);
	if (!name.size) {
		name = func;
		func = CUL_NONE;
	}
	dot = cul_find(func, CUL_LIT("."));
	if (dot != SIZE_MAX && dot)
		func.size = dot;
	*workqueue = name;
	*function = func;
	return true;
}

struct cul_slice cul_stack_work(struct cul_slice frames)
{
	struct cul_slice before, last;

	if (!cul_cut(frames, CUL_LIT(" process_one_work"), &before, NULL))
		return CUL_NONE;
	return cul_cut_last(before, CUL_LIT(" "), NULL, &last) ? last : before;
}
