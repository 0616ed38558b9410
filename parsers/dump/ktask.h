/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What is read from a kernel dump's memory: cul_vmcore_tasks() in kernel.c, and the kinds it emits.
 *
 *   ps.process, ps.summary, host.load, host.memory, task.stack   as the captures and the log say them
 *   dump.task    every task: pid tgid ppid state killable cpu comm idle_s elapsed_s command wait_function on_cpu panicked
 *   dump.panic-task  the task that panicked, or on whose CPU the crash began: pid comm cpu frames
 *   dump.stack   tasks in D, on a CPU, panicked, or that hold a lock: pid comm state cpu trace unwound; trace is a frame a line,
 *                "fuse_get_req+0x21b/0x270 [fuse]", guessed ones with "? " in front; unwound: complete, user (entered from user space), cut, guess, none
 *   dump.lock-wait   pid comm waits for lock (name) of lock_type at address; owner_pid owner_comm where it is known; reader
 *   dump.lock-cycle  tasks (pids in order) and locks of a circle of mutexes; one a circle
 *   dump.blocked-on  what a task waits for in words (what), with device, file system (name), workqueue, work_function
 *   dump.filesystem  mounted file systems: type, name (s_id), frozen (0 no … 4 complete)
 *   dump.module  module version taint status size_mib
 *   dump.summary taint, uptime_s, cpu that crashed, tasks, d_state_tasks
 */
#ifndef CUL_PARSERS_DUMP_KTASK_H
#define CUL_PARSERS_DUMP_KTASK_H

#include "parsers/dump/kmem.h"
#include "parsers/frames.h"
#include "parsers/tables.h"

#define CUL_VMCORE_KINDS                                                                                                       \
	&cul_kind_ps_process, &cul_kind_ps_summary, &cul_kind_host_load, &cul_kind_host_memory, CUL_KIND_TASK_STACK,               \
		CUL_SAMPLES("dump.task", 1, "tasks", F_PID, F_TGID, F_PPID, F_STATE, F_KILLABLE, F_IO_WAIT, F_CPU, F_COMM, F_IDLE_S, \
			    F_ELAPSED_S, F_COMMAND, F_WAIT_FUNCTION, F_ON_CPU, F_PANICKED, F_WORKQUEUE, F_WORK_FUNCTION),         \
		CUL_KIND("dump.panic-task", 1, "tasks", F_PID, F_COMM, F_CPU, F_FRAMES),                                           \
		CUL_SAMPLES("dump.stack", 1, "stack", F_PID, F_COMM, F_STATE, F_CPU, F_TRACE, F_UNWOUND),                          \
		CUL_KIND("dump.lock-wait", 1, "locks", F_PID, F_COMM, F_LOCK, F_LOCK_TYPE, F_ADDRESS, F_READER, F_OWNER_PID,        \
			 F_OWNER_COMM, F_BLOCKED_S),                                                                              \
		CUL_KIND("dump.lock-cycle", 1, "locks", F_PID, F_COMM, F_PIDS, F_COMMS, F_LOCKS, F_TASKS),                         \
		CUL_KIND("dump.blocked-on", 1, "locks", F_PID, F_COMM, F_EVENT, F_WHAT, F_NAME, F_DEVICE, F_OWNER_PID, F_OWNER_COMM, \
			 F_WORKQUEUE, F_WORK_FUNCTION, F_BLOCKED_S),                                                              \
		CUL_SAMPLES("dump.filesystem", 1, "filesystems", F_TYPE, F_NAME, F_FROZEN),                                        \
		CUL_SAMPLES("dump.module", 1, "modules", F_MODULE, F_VERSION, F_TAINT, F_STATUS, F_SIZE_MIB),                      \
		CUL_KIND("dump.summary", 1, "tasks", F_TAINT, F_UPTIME_S, F_CPU, F_TASKS, F_D_STATE_TASKS),

#endif
