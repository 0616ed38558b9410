/* SPDX-License-Identifier: Apache-2.0 */
/** kallsyms: the symbols that a kernel carries about itself. Inner to the dumps' parsers. */
#ifndef CUL_PARSERS_DUMP_KALLSYMS_H
#define CUL_PARSERS_DUMP_KALLSYMS_H

#include "base/arena.h"
#include "base/slice.h"

/** Where the kernel's memory and VMCOREINFO's symbols come from. */
struct cul_ksource {
	bool (*read)(void *ctx, uint64_t address, void *buffer, size_t size); /* all of it, or false */
	bool (*symbol)(void *ctx, const char *name, uint64_t *ret);
	void *ctx;
	uint64_t most; /* bytes that the dump can hold at most: no table is larger */
};

struct cul_kallsyms {
	uint64_t *addresses; /* ascending */
	uint32_t *names;     /* of each, in @text */
	char *text;          /* type letter, name, NUL; one behind the other */
	uint32_t count;
	uint32_t *buckets, bucket_mask; /* index + 1 by name; 0 is free */
	bool found;          /* no VMCOREINFO told where they are: they were searched for */
};

struct cul_ksymbol {
	const char *name;
	uint64_t start, size; /* size: up to the next symbol; 0: the last one */
	char type;            /* as nm prints it */
};

/** False: @why says what is missing. */
bool cul_kallsyms_load(struct cul_kallsyms *syms, const struct cul_ksource *source, struct cul_arena *arena, const char **why);
bool cul_kallsyms_find(const struct cul_kallsyms *syms, const char *name, uint64_t *ret);
/** The symbol that @address lies in or behind. */
bool cul_kallsyms_at(const struct cul_kallsyms *syms, uint64_t address, struct cul_ksymbol *ret);

#endif
