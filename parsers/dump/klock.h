/* SPDX-License-Identifier: Apache-2.0 */
/** Waiters on stacks: shared by klock.c (locks) and kblocked.c (everything else). */
#ifndef CUL_PARSERS_DUMP_KLOCK_H
#define CUL_PARSERS_DUMP_KLOCK_H

#include "parsers/dump/kernel.h"

enum cul_klock_type { CUL_K_MUTEX, CUL_K_RWSEM, CUL_K_PERCPU_RWSEM };

/** A task that waits for a lock. */
struct cul_kwait {
	struct cul_ktask *task, *owner; /* owner: NULL: unknown, or nobody */
	enum cul_klock_type type;
	bool reader, owner_reads; /* it wants to read; one of several readers holds it, this is the last one known */
	uint64_t lock;
	char name[128];
	int mark; /* of the walk along owners */
};

struct cul_klocks {
	struct cul_kernel *k;
	struct cul_kwait *waits;
	uint32_t count, steps;
	uint64_t *words; /* the stack at hand, in use from @base on */
	uint64_t base;
	uint32_t size;
};

static inline bool cul_kon_stack(const struct cul_klocks *l, const struct cul_ktask *t, uint64_t address)
{
	return address >= t->stack && address < t->stack + l->k->stack_size;
}

/** A node of a list that tasks wait in: the members of the struct it stands in. */
struct cul_knode {
	const char *type, *task, *list;
	const char *function; /* member that says who wakes it, or NULL */
	const char *is;	      /* symbol that it must be */
};

/** The waiter of @t on the stack at hand, and the head of the list that it hangs in. */
bool cul_kfind_waiter(struct cul_klocks *l, const struct cul_ktask *t, const struct cul_knode *node, uint64_t *waiter, uint64_t *head);
/** "lock_b [incident]": a variable's name without "+0x0". */
void cul_kname_variable(struct cul_kernel *k, uint64_t address, char *out, size_t size);
/** The super block whose write lock @sem is. */
bool cul_kfrozen_super(struct cul_kernel *k, uint64_t sem, char type[32], char id[40], int *frozen);
/** The types of a module, or the kernel's where it is built in or has none. */
const struct cul_btf *cul_ktypes_of(struct cul_kernel *k, const char *module);
/** kfence.c: the GPU's fence that @t waits for, in words, and its operations' name. False: not found; both are as they were. */
bool cul_kfence_find(struct cul_klocks *l, const struct cul_ktask *t, char what[160], char name[96]);
/** Tell what else than a lock @t waits for; @lock: the one that it waits for, or NULL. */
enum cul_status cul_kblocked_tell(struct cul_klocks *l, struct cul_ktask *t, const struct cul_kwait *lock);

#endif
