/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What tasks wait for that is no lock: a frozen file system, a device, a page, a FUSE daemon, a child, a grace period.
 *
 * The functions on a task's stack say which kind of wait it is; the waiter on its stack leads to the thing itself where its type is
 * known: completions by struct swait_queue, everything else by struct wait_queue_entry. fuse_conn and mapped_device are types
 * of modules (fs/fuse/fuse_i.h, drivers/md/dm-core.h): they come from the module's own BTF, or the kernel's if built in.
 */
#include <stdio.h>

#include "parsers/dump/klock.h"

/* ---- other waits -------------------------------------------------------------------------------------------------------- */

#define MOST_FDS 1024	   /* of one process */
#define MOST_FILES 200000 /* of all */

struct blocked {
	const char *event;
	char what[160], name[96], device[48];
	struct cul_ktask *owner;
};

const struct cul_btf *cul_ktypes_of(struct cul_kernel *k, const char *module)
{
	for (uint32_t i = 0; i < k->module_count; i++)
		if (!strcmp(k->modules[i].name, module)) {
			const struct cul_btf *types = cul_kmodule_btf(k, &k->modules[i]);

			return types ? types : &k->btf;
		}
	return &k->btf;
}

/* is the variable at @address called so? */
static bool is_called(struct cul_kernel *k, uint64_t address, const char *name)
{
	struct cul_kname has;

	return cul_kaddress(address) && cul_kname_at(k, address, true, &has) && !has.offset && !strcmp(has.name, name);
}

/* a device-mapper device whose I/O is held back: DMF_BLOCK_IO_FOR_SUSPEND or DMF_SUSPENDED */
static bool is_suspended(struct cul_kernel *k, uint64_t disk)
{
	int64_t operations = cul_koffset(k, "gendisk", "fops"), data = cul_koffset(k, "gendisk", "private_data"), flags;
	uint64_t at;

	if (operations < 0 || data < 0)
		return false;
	at = cul_kread_u64(k, disk + (uint64_t)operations);
	if (!is_called(k, at, "dm_blk_dops") && !is_called(k, at, "dm_rq_blk_dops"))
		return false;
	flags = cul_btf_offset(cul_ktypes_of(k, "dm_mod"), "mapped_device", "flags");
	at = cul_kread_u64(k, disk + (uint64_t)data);
	return flags >= 0 && cul_kaddress(at) && cul_kread_u64(k, at + (uint64_t)flags) & 3;
}

/* the device of a bio that somebody on this stack sent and waits for */
static bool bio_device(struct cul_klocks *l, uint64_t completion, char device[48], bool *suspended)
{
	struct cul_kernel *k = l->k;
	int64_t data = cul_koffset(k, "bio", "bi_private"), bdev = cul_koffset(k, "bio", "bi_bdev");
	int64_t disk = cul_koffset(k, "block_device", "bd_disk"), name = cul_koffset(k, "gendisk", "disk_name");
	int64_t end = cul_koffset(k, "bio", "bi_end_io");
	uint64_t at, done;

	if (data < 0 || bdev < 0 || disk < 0 || name < 0 || end < 0 || !cul_ksymbol(k, "submit_bio_wait_endio", &done))
		return false;
	/* the bio lies on the stack, or a pointer to it does */
	for (uint32_t i = 0; i < l->size; i++) {
		uint64_t bio = l->words[i] == completion ? l->base + 8 * (uint64_t)i - (uint64_t)data : l->words[i];

		if (!cul_kaddress(bio) || bio % 8 || cul_kread_u64(k, bio + (uint64_t)end) != done ||
		    cul_kread_u64(k, bio + (uint64_t)data) != completion)
			continue;
		at = cul_kread_u64(k, bio + (uint64_t)bdev);
		at = cul_kaddress(at) ? cul_kread_u64(k, at + (uint64_t)disk) : 0;
		*suspended = cul_kaddress(at) && is_suspended(k, at);
		return cul_kaddress(at) && cul_kread_text(k, at + (uint64_t)name, device, 33);
	}
	return false;
}

/* the file system of a page that is waited for */
static bool page_file_system(struct cul_klocks *l, const struct cul_ktask *t, char name[96])
{
	struct cul_kernel *k = l->k;
	int64_t page = cul_koffset(k, "wait_page_queue", "folio"), wait = cul_koffset(k, "wait_page_queue", "wait");
	int64_t mapping = cul_koffset(k, "page", "mapping"), host = cul_koffset(k, "address_space", "host"), sb = cul_koffset(k, "inode", "i_sb");
	static const struct cul_knode node = { "wait_queue_entry", "private", "entry", "func", "wake_page_function" };
	uint64_t waiter, head, at;
	char type[32], id[40];
	int frozen;

	if (page < 0)
		page = cul_koffset(k, "wait_page_queue", "page");
	if (page < 0 || wait < 0 || mapping < 0 || host < 0 || sb < 0 || !cul_kfind_waiter(l, t, &node, &waiter, &head))
		return false;
	at = cul_kread_u64(k, waiter - (uint64_t)wait + (uint64_t)page);
	at = cul_kaddress(at) ? cul_kread_u64(k, at + (uint64_t)mapping) & ~(uint64_t)3 : 0;
	at = cul_kaddress(at) ? cul_kread_u64(k, at + (uint64_t)host) : 0;
	at = cul_kaddress(at) ? cul_kread_u64(k, at + (uint64_t)sb) : 0;
	if (!cul_kaddress(at) || !cul_ksuper(k, at, type, id, &frozen))
		return false;
	snprintf(name, 96, "%s %s", type, id);
	return true;
}

static struct cul_ktask *vfork_child(struct cul_klocks *l, const struct cul_ktask *t)
{
	for (uint32_t i = 0; i < l->k->task_count; i++)
		if (l->k->tasks[i].vfork_done && cul_kon_stack(l, t, l->k->tasks[i].vfork_done))
			return &l->k->tasks[i];
	return NULL;
}

/* the connection whose daemon @t waits for; 0: not found */
static uint64_t fuse_connection(struct cul_klocks *l, const struct cul_ktask *t)
{
	static const struct cul_knode plain = { "wait_queue_entry", "private", "entry", "func", "autoremove_wake_function" };
	const struct cul_btf *types = cul_ktypes_of(l->k, "fuse");
	uint64_t waiter, head, at;
	int64_t list, mount, connection;

	if (!cul_kfind_waiter(l, t, &plain, &waiter, &head))
		return 0;
	if (cul_ktask_in(l->k, t, "fuse_get_req")) {
		list = cul_btf_offset(types, "fuse_conn", "blocked_waitq.head");
		return list < 0 ? 0 : head - (uint64_t)list;
	}
	list = cul_btf_offset(types, "fuse_req", "waitq.head");
	mount = cul_btf_offset(types, "fuse_req", "fm");
	connection = cul_btf_offset(types, "fuse_mount", "fc");
	if (list < 0 || mount < 0 || connection < 0)
		return 0;
	at = cul_kread_u64(l->k, head - (uint64_t)list + (uint64_t)mount);
	return cul_kaddress(at) ? cul_kread_u64(l->k, at + (uint64_t)connection) : 0;
}

/* who has /dev/fuse open for this connection */
static struct cul_ktask *fuse_daemon(struct cul_klocks *l, uint64_t connection)
{
	struct cul_kernel *k = l->k;
	int64_t files = cul_koffset(k, "task_struct", "files"), table = cul_koffset(k, "files_struct", "fdt");
	int64_t count = cul_koffset(k, "fdtable", "max_fds"), array = cul_koffset(k, "fdtable", "fd");
	int64_t operations = cul_koffset(k, "file", "f_op"), data = cul_koffset(k, "file", "private_data");
	int64_t back = cul_btf_offset(cul_ktypes_of(k, "fuse"), "fuse_dev", "fc");
	int budget = MOST_FILES;

	if (files < 0 || table < 0 || count < 0 || array < 0 || operations < 0 || data < 0 || back < 0)
		return NULL;
	for (uint32_t i = 0; i < k->task_count && budget > 0; i++) {
		uint64_t at = k->tasks[i].mm ? cul_kread_u64(k, k->tasks[i].address + (uint64_t)files) : 0, fds;
		uint32_t most;

		if (!cul_kaddress(at) || k->tasks[i].pid != k->tasks[i].tgid)
			continue;
		at = cul_kread_u64(k, at + (uint64_t)table);
		if (!cul_kaddress(at))
			continue;
		most = cul_kread_u32(k, at + (uint64_t)count);
		fds = cul_kread_u64(k, at + (uint64_t)array);
		for (uint32_t fd = 0; fd < most && fd < MOST_FDS && cul_kaddress(fds) && budget > 0; fd++, budget--) {
			uint64_t file = cul_kread_u64(k, fds + 8 * (uint64_t)fd), device;

			if (!cul_kaddress(file) || !is_called(k, cul_kread_u64(k, file + (uint64_t)operations), "fuse_dev_operations"))
				continue;
			device = cul_kread_u64(k, file + (uint64_t)data);
			if (cul_kaddress(device) && cul_kread_u64(k, device + (uint64_t)back) == connection)
				return &k->tasks[i];
		}
	}
	return NULL;
}

static void find_fuse(struct cul_klocks *l, const struct cul_ktask *t, struct blocked *b)
{
	int64_t device = cul_btf_offset(cul_ktypes_of(l->k, "fuse"), "fuse_conn", "dev");
	uint64_t connection = fuse_connection(l, t);
	uint32_t number;

	if (!cul_kaddress(connection))
		return;
	b->owner = fuse_daemon(l, connection);
	/* /sys/fs/fuse/connections is by the minor number */
	if (device >= 0 && cul_kread(l->k, connection + (uint64_t)device, &number, 4) && number >> 20 == 0)
		snprintf(b->name, sizeof(b->name), "%u", number & 0xfffff);
	if (b->owner)
		snprintf(b->what, sizeof(b->what), "the FUSE daemon %s (pid %u)", b->owner->comm, b->owner->pid);
}

/* functions that say by their name what is waited for; the first that stands in the stack counts */
static const struct { const char *function, *event, *what; } known[] = {
	{ "__wait_rcu_gp", "rcu", "an RCU grace period, which a CPU or task holds up" },
	{ "synchronize_rcu*", "rcu", "an RCU grace period, which a CPU or task holds up" },
	{ "request_wait_answer", "fuse", "a FUSE daemon's answer" },
	{ "fuse_get_req", "fuse", "a FUSE daemon, which has taken no request for long" },
	{ "rpc_wait_bit_killable", "nfs", "an NFS or other RPC server" },
	{ "__rpc_execute", "nfs", "an NFS or other RPC server" },
	{ "dma_fence_default_wait", "gpu", "a GPU's fence" },
	{ "dma_fence_wait*", "gpu", "a GPU's fence" },
	{ "dma_resv_wait_timeout", "gpu", "a GPU's fences on a buffer" },
	{ "amdgpu_*", "gpu", "something in amdgpu" },
	{ "__flush_work*", "work", "another work item to end" },
	{ "flush_workqueue*", "work", "all work of a workqueue to end" },
	{ "__bio_queue_enter", "queue", "a block device's queue that is frozen" },
	{ "blk_queue_enter", "queue", "a block device's queue that is frozen" },
	{ "blk_mq_get_tag", "queue", "a free request of a block device" },
	{ "jbd2_log_wait_commit", "journal", "a journal's commit" },
	{ "wait_transaction_locked", "journal", "a journal's transaction" },
	{ "balance_dirty_pages*", "writeback", "dirty pages to be written" },
};

static bool find_blocked(struct cul_klocks *l, struct cul_ktask *t, const struct cul_kwait *lock, struct blocked *b)
{
	static const struct cul_knode completion = { "swait_queue", "task", "task_list", NULL, NULL };
	struct cul_kernel *k = l->k;
	uint64_t waiter, head;
	bool suspended = false;
	int64_t list;

	*b = (struct blocked){ 0 };
	if (lock && lock->type == CUL_K_PERCPU_RWSEM) {
		char type[32], id[40];
		int frozen;

		if (!cul_kfrozen_super(k, lock->lock, type, id, &frozen) || !frozen)
			return false;
		b->event = "frozen-filesystem";
		snprintf(b->name, sizeof(b->name), "%s %s", type, id);
		snprintf(b->what, sizeof(b->what), "file system %s %s, which is frozen", type, id);
		return true;
	}
	if (lock)
		return false;
	if (cul_ktask_in(k, t, "wait_for_vfork_done") || (cul_ktask_in(k, t, "wait_for_completion*") && cul_ktask_in(k, t, "__do_sys_vfork"))) {
		b->event = "vfork";
		b->owner = vfork_child(l, t);
		snprintf(b->what, sizeof(b->what), "its vfork child to exec or exit");
		return true;
	}
	if (cul_ktask_in(k, t, "folio_wait_bit*") || cul_ktask_in(k, t, "wait_on_page_bit*") || cul_ktask_in(k, t, "__folio_lock*") ||
	    cul_ktask_in(k, t, "__lock_page*")) {
		b->event = "page";
		if (page_file_system(l, t, b->name))
			snprintf(b->what, sizeof(b->what), "a page of %s", b->name);
		else
			snprintf(b->what, sizeof(b->what), "a page to be read or written");
		return true;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!cul_ktask_in(k, t, known[i].function))
			continue;
		b->event = known[i].event;
		snprintf(b->what, sizeof(b->what), "%s", known[i].what);
		if (!strcmp(b->event, "fuse"))
			find_fuse(l, t, b);
		else if (!strcmp(b->event, "gpu"))
			cul_kfence_find(l, t, b->what, b->name);
		return true;
	}
	list = cul_koffset(k, "completion", "wait.task_list");
	if (!cul_ktask_in(k, t, "__wait_for_common") && !cul_ktask_in(k, t, "wait_for_completion*") && !cul_ktask_in(k, t, "do_wait_for_common"))
		return false;
	b->event = "completion";
	snprintf(b->what, sizeof(b->what), "something to be completed");
	if (list < 0 || !cul_kfind_waiter(l, t, &completion, &waiter, &head))
		return true;
	if (cul_ktask_in(k, t, "submit_bio_wait")) {
		b->event = "bio";
		if (bio_device(l, head - (uint64_t)list, b->device, &suspended))
			snprintf(b->what, sizeof(b->what), "block device %s%s", b->device,
				 suspended ? ", a device-mapper device that is suspended" : " to read or write");
		else
			snprintf(b->what, sizeof(b->what), "a block device to read or write");
		if (suspended)
			b->event = "suspended-device";
		return true;
	}
	cul_kname_variable(k, head - (uint64_t)list, b->name, sizeof(b->name));
	if (b->name[0])
		snprintf(b->what, sizeof(b->what), "%s to be completed", b->name);
	return true;
}

static enum cul_status tell_blocked(struct cul_kernel *k, const struct cul_ktask *t, const struct blocked *b)
{
	char text[320];

	snprintf(text, sizeof(text), "%s (pid %u) waits for %s%s%s", t->comm, t->pid, b->what[0] ? b->what : "something",
		 t->work_function[0] ? ", in work item " : "", t->work_function);
	struct cul_record rec = cul_krecord(k, text);

	return cul_emit(k->parse, &rec, "dump.blocked-on", cul_int("pid", t->pid), cul_string("comm", t->comm), cul_string("event", b->event),
			cul_string("what", b->what), cul_string("name", b->name), cul_string("device", b->device),
			b->owner ? cul_int("owner_pid", b->owner->pid) : cul_int(NULL, 0),
			cul_string("owner_comm", b->owner ? b->owner->comm : NULL), cul_string("workqueue", t->workqueue),
			cul_string("work_function", t->work_function),
			t->idle_ns >= 0 ? cul_since(cul_int("blocked_s", t->idle_ns / CUL_SECOND)) : cul_int(NULL, 0));
}

enum cul_status cul_kblocked_tell(struct cul_klocks *l, struct cul_ktask *t, const struct cul_kwait *lock)
{
	struct blocked b;

	return find_blocked(l, t, lock, &b) ? tell_blocked(l->k, t, &b) : CUL_OK;
}
