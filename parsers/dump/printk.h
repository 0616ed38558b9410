/* SPDX-License-Identifier: Apache-2.0 */
/** The kernel's log out of its memory. */
#ifndef CUL_PARSERS_DUMP_PRINTK_H
#define CUL_PARSERS_DUMP_PRINTK_H

#include "parsers/dump/kmem.h"

enum cul_printk_form {
	CUL_PRINTK_PLAIN, /* byte for byte as `makedumpfile --dump-dmesg` 1.7.2 on x86-64 */
	CUL_PRINTK_FULL,  /* with the level and the caller of each line: "<6>[    1.000000][    T1] text" */
};

struct cul_printk {
	char *text; /* of cul_printk_free(); lines, each with its end */
	size_t size;
	uint64_t records, lost; /* whole; not in the dump, or garbled */
	int64_t last_ns;        /* since boot, of the newest record; CUL_NO_TIME */
};

/** False: there is nothing; @why says why in a sentence. */
bool cul_printk_read(struct cul_kmem *kmem, enum cul_printk_form form, struct cul_printk *ret, char *why, size_t size);
void cul_printk_free(struct cul_printk *log);

#endif
