/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A dump's machine as a whole: taint, uptime, load, memory, mounted file systems.
 *
 * tainted_mask (kernel/panic.c), avenrun (kernel/sched/loadavg.c, 11 bits behind the point), _totalram_pages, vm_zone_stat and
 * vm_node_stat by the enumerators of BTF (what CPUs have counted and not yet handed in is left out), super_blocks (fs/super.c).
 */
#include <math.h>
#include <stdio.h>

#include "parsers/dump/kernel.h"
#include "parsers/tables.h"

#define MOST_SUPERS 20000
#define SUPERS_TOLD 256

static void taint_letters(const struct cul_kernel *k, char out[32])
{
	static const char letters[] = "PFSRMBUDAWCIOELKXTNJ";
	uint64_t at, mask;
	size_t n = 0;

	if (cul_ksymbol(k, "tainted_mask", &at) && cul_kread(k, at, &mask, 8))
		for (size_t i = 0; i < sizeof(letters) - 1; i++)
			if (mask >> i & 1)
				out[n++] = letters[i];
	out[n] = 0;
}

static enum cul_status tell_kernel(struct cul_kernel *k)
{
	struct cul_slice release = cul_kmem_release(k->mem);
	int64_t waiting = 0;
	char taint[32], text[160];
	int cpu = -1;

	taint_letters(k, taint);
	for (uint32_t i = 0; i < k->task_count; i++) {
		waiting += k->tasks[i].letter == 'D';
		if (k->tasks[i].panicked)
			cpu = (int)k->tasks[i].cpu;
	}
	snprintf(text, sizeof(text), "kernel %.*s, up %.0f s, %u tasks%s%s", (int)(release.size < 64 ? release.size : 64),
		 release.size ? release.data : "", (double)k->clock_ns / 1e9, k->task_count, taint[0] ? ", tainted " : "", taint);
	struct cul_record rec = cul_krecord(k, text);

	return cul_emit(k->parse, &rec, "dump.summary", cul_string("taint", taint),
			cul_real("uptime_s", k->clock_ns ? (double)k->clock_ns / 1e9 : NAN), cpu >= 0 ? cul_int("cpu", cpu) : cul_int(NULL, 0),
			cul_int("tasks", k->task_count), cul_int("d_state_tasks", waiting));
}

static enum cul_status tell_load(struct cul_kernel *k)
{
	uint64_t at, average[3];
	double load[3];
	char text[96];
	int64_t running = 0;

	if (!cul_ksymbol(k, "avenrun", &at) || !cul_kread(k, at, average, sizeof(average)))
		return CUL_OK;
	for (int i = 0; i < 3; i++) {
		load[i] = (double)average[i] / 2048;
		if (load[i] > 1e6)
			return CUL_OK;
	}
	for (uint32_t i = 0; i < k->task_count; i++)
		running += k->tasks[i].letter == 'R' && k->tasks[i].pid;
	snprintf(text, sizeof(text), "load average: %.2f, %.2f, %.2f", load[0], load[1], load[2]);
	struct cul_record rec = cul_krecord(k, text);

	return cul_emit(k->parse, &rec, "host.load", cul_real("load_1m", load[0]), cul_real("load_5m", load[1]), cul_real("load_15m", load[2]),
			cul_real("uptime_s", k->clock_ns ? (double)k->clock_ns / 1e9 : NAN), cul_int("running_tasks", running),
			cul_int("tasks", k->task_count));
}

/* pages that a counter says, or -1 */
static double pages(const struct cul_kernel *k, const char *array, const char *in, const char *name)
{
	int64_t index = 0, value;
	uint64_t at;

	if ((in && (!cul_btf_enumerator(&k->btf, in, name, &index) || index < 0 || index > 512)) || !cul_ksymbol(k, array, &at) ||
	    !cul_kread(k, at + 8 * (uint64_t)index, &value, 8) || value < 0 || value > (int64_t)1 << 40)
		return -1;
	return (double)value;
}

static enum cul_status tell_memory(struct cul_kernel *k)
{
	double mib = (double)cul_kmem_page_size(k->mem) / (1 << 20);
	double total = pages(k, "_totalram_pages", NULL, NULL), free = pages(k, "vm_zone_stat", "zone_stat_item", "NR_FREE_PAGES");
	double active = pages(k, "vm_node_stat", "node_stat_item", "NR_ACTIVE_FILE");
	double inactive = pages(k, "vm_node_stat", "node_stat_item", "NR_INACTIVE_FILE");
	double dirty = pages(k, "vm_node_stat", "node_stat_item", "NR_FILE_DIRTY");
	double written = pages(k, "vm_node_stat", "node_stat_item", "NR_WRITEBACK");
	double shared = pages(k, "vm_node_stat", "node_stat_item", "NR_SHMEM");
	double reserve = pages(k, "totalreserve_pages", NULL, NULL), available = NAN;
	char text[96];

	if (total <= 0)
		return CUL_OK;
	if (free >= 0 && active >= 0 && inactive >= 0 && reserve >= 0) {
		/* si_mem_available(), without what slabs could give back */
		double cache = active + inactive;

		available = fmax(free - reserve, 0) + cache - fmin(cache / 2, reserve);
	}
	snprintf(text, sizeof(text), "memory: %.0f MiB, %.0f MiB free", total * mib, free < 0 ? 0 : free * mib);
	struct cul_record rec = cul_krecord(k, text);

	return cul_emit(k->parse, &rec, "host.memory", cul_real("total_mib", total * mib), cul_real("free_mib", free < 0 ? NAN : free * mib),
			cul_real("available_mib", available * mib), cul_real("shared_mib", shared < 0 ? NAN : shared * mib),
			cul_real("cache_mib", active < 0 || inactive < 0 ? NAN : (active + inactive) * mib),
			cul_real("dirty_mib", dirty < 0 ? NAN : dirty * mib), cul_real("writeback_mib", written < 0 ? NAN : written * mib));
}

static bool has_device(const struct cul_kernel *k, uint64_t super)
{
	int64_t device = cul_koffset(k, "super_block", "s_bdev");

	return device >= 0 && cul_kaddress(cul_kread_u64(k, super + (uint64_t)device));
}

static bool is_storage(const char *type)
{
	static const char *const types[] = { "fuse", "nfs", "ceph", "cifs", "smb", "lustre", "overlay", "9p", "virtiofs", "zfs", "gpfs", "btrfs",
					     "afs", "beegfs", "wekafs", NULL };

	for (const char *const *t = types; *t; t++)
		if (!strncmp(type, *t, strlen(*t)) && strcmp(type, "fusectl"))
			return true;
	return false;
}

static enum cul_status tell_file_systems(struct cul_kernel *k)
{
	int64_t list = cul_koffset(k, "super_block", "s_list");
	enum cul_status status = CUL_OK;
	char type[32], id[40], text[128];
	uint64_t head, at;
	int frozen, told = 0;

	if (list < 0 || !cul_ksymbol(k, "super_blocks", &head))
		return CUL_OK;
	at = cul_kread_u64(k, head);
	for (int steps = 0; at != head && steps < MOST_SUPERS && status == CUL_OK; steps++) {
		if (!cul_kaddress(at))
			return cul_kmissing(k, "filesystems", "the list of mounted file systems is not all in the dump");
		if (cul_ksuper(k, at - (uint64_t)list, type, id, &frozen) && told < SUPERS_TOLD &&
		    (frozen || is_storage(type) || has_device(k, at - (uint64_t)list))) {
			told++;
			snprintf(text, sizeof(text), "file system %s %s%s", type, id, frozen ? " is frozen" : "");
			struct cul_record rec = cul_krecord(k, text);

			status = cul_emit(k->parse, &rec, "dump.filesystem", cul_string("type", type), cul_string("name", id),
					  cul_int("frozen", frozen));
		}
		at = cul_kread_u64(k, at);
	}
	return status;
}

enum cul_status cul_kinfo_tell(struct cul_kernel *k)
{
	enum cul_status status = tell_kernel(k);

	if (status == CUL_OK)
		status = tell_load(k);
	if (status == CUL_OK)
		status = tell_memory(k);
	return status == CUL_OK ? tell_file_systems(k) : status;
}
