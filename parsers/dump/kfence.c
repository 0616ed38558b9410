/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Whose fence a task waits for: dma_fence_default_wait() of drivers/dma-buf/dma-fence.c hangs a struct default_wait_cb of its stack into
 * the fence's list of callbacks, {list_head node; func; task}, with func = dma_fence_default_wait_cb. Both words beside each other are proof.
 *
 * The list leads back to its head, which lies in the fence: what has operations with a name of their own and a get_driver_name among
 * them is one. Operations tell the driver, context and number which fence it is; drm_sched's fences have their scheduler's name, amdgpu's
 * their ring's, both types of modules. A wait for any of several fences keeps its callbacks elsewhere: of that nothing is told.
 */
#include <stdio.h>

#include "parsers/dump/klock.h"

#define MOST_CALLBACKS 256

struct fence {
	uint64_t address;
	struct cul_kname operations;
};

/* what has its name at its first byte */
static bool named(struct cul_kernel *k, uint64_t address, struct cul_kname *ret)
{
	return cul_kaddress(address) && cul_kname_at(k, address, true, ret) && !ret->offset && ret->name[0];
}

static bool is_fence(struct cul_kernel *k, uint64_t head, struct fence *ret)
{
	int64_t list = cul_koffset(k, "dma_fence", "cb_list"), operations = cul_koffset(k, "dma_fence", "ops");
	int64_t driver = cul_koffset(k, "dma_fence_ops", "get_driver_name");
	struct cul_kname name;
	uint64_t at, function;

	if (list < 0 || operations < 0 || driver < 0)
		return false;
	ret->address = head - (uint64_t)list;
	at = cul_kread_u64(k, ret->address + (uint64_t)operations);
	if (!named(k, at, &ret->operations))
		return false;
	function = cul_kread_u64(k, at + (uint64_t)driver);
	return cul_ktext(k, function) && named(k, function, &name);
}

static bool find_fence(struct cul_klocks *l, const struct cul_ktask *t, struct fence *ret)
{
	struct cul_kernel *k = l->k;
	int64_t node = cul_koffset(k, "dma_fence_cb", "node"), func = cul_koffset(k, "dma_fence_cb", "func");
	uint64_t function, at;

	if (node < 0 || func != node + 16 || !cul_ksymbol(k, "dma_fence_default_wait_cb", &function))
		return false;
	for (uint32_t i = 2; i + 1 < l->size; i++) {
		if (l->words[i] != function || l->words[i + 1] != t->address)
			continue;
		/* the newest waiter stands behind the head, so backwards is the short way */
		at = l->words[i - 1];
		for (int steps = 0; steps < MOST_CALLBACKS && cul_kaddress(at) && at != l->base + 8 * (uint64_t)(i - 2); steps++) {
			if (is_fence(k, at, ret))
				return true;
			at = cul_kread_u64(k, at + 8);
		}
	}
	return false;
}

/* "gfx_0.0.0": what works the fence off, and the module that drives it; either may stay as it is */
static void find_ring(struct cul_kernel *k, const struct fence *f, char ring[32], const char **driver)
{
	bool scheduled = !strcmp(f->operations.name, "drm_sched_fence_ops_scheduled"), finished = !strcmp(f->operations.name, "drm_sched_fence_ops_finished");
	const struct cul_btf *types;
	struct cul_kname name;
	int64_t in, to, text, operations;
	uint64_t at;

	if (scheduled || finished) {
		types = cul_ktypes_of(k, "gpu_sched");
		in = cul_btf_offset(types, "drm_sched_fence", scheduled ? "scheduled" : "finished");
		to = cul_btf_offset(types, "drm_sched_fence", "sched");
		text = cul_btf_offset(types, "drm_gpu_scheduler", "name");
		operations = cul_btf_offset(types, "drm_gpu_scheduler", "ops");
		at = in < 0 || to < 0 ? 0 : cul_kread_u64(k, f->address - (uint64_t)in + (uint64_t)to);
		if (!cul_kaddress(at) || text < 0 || operations < 0)
			return;
		if (named(k, cul_kread_u64(k, at + (uint64_t)operations), &name) && name.module)
			*driver = name.module;
		at = cul_kread_u64(k, at + (uint64_t)text);
		if (!cul_kaddress(at) || !cul_kread_text(k, at, ring, 32) || strchr(ring, '?'))
			ring[0] = 0;
	} else if (!strcmp(f->operations.name, "amdgpu_fence_ops")) {
		types = cul_ktypes_of(k, "amdgpu");
		in = cul_btf_offset(types, "amdgpu_fence", "base");
		to = cul_btf_offset(types, "amdgpu_fence", "ring");
		text = cul_btf_offset(types, "amdgpu_ring", "name");
		at = in < 0 || to < 0 || text < 0 ? 0 : cul_kread_u64(k, f->address - (uint64_t)in + (uint64_t)to);
		if (!cul_kaddress(at) || !cul_kread_text(k, at + (uint64_t)text, ring, 17) || strchr(ring, '?'))
			ring[0] = 0;
	}
}

bool cul_kfence_find(struct cul_klocks *l, const struct cul_ktask *t, char what[160], char name[96])
{
	struct cul_kernel *k = l->k;
	int64_t context = cul_koffset(k, "dma_fence", "context"), number = cul_koffset(k, "dma_fence", "seqno"), flags = cul_koffset(k, "dma_fence", "flags");
	char ring[32] = "", which[64] = "";
	const char *driver;
	struct fence f;

	if (!find_fence(l, t, &f))
		return false;
	driver = f.operations.module;
	find_ring(k, &f, ring, &driver);
	if (context >= 0 && number >= 0)
		snprintf(which, sizeof(which), ", context %llu, number %llu", (unsigned long long)cul_kread_u64(k, f.address + (uint64_t)context),
			 (unsigned long long)cul_kread_u64(k, f.address + (uint64_t)number));
	snprintf(name, 96, "%.40s%s%.31s%s", f.operations.name, driver ? " [" : "", driver ? driver : "", driver ? "]" : "");
	snprintf(what, 160, "a fence of %.31s%s%.31s%s%s", driver ? driver : f.operations.name, ring[0] ? ", ring " : "", ring, which,
		 flags >= 0 && cul_kread_u64(k, f.address + (uint64_t)flags) & 1 ? ", which is signaled" : "");
	return true;
}
