/* SPDX-License-Identifier: Apache-2.0 */
/** The parts of mkpack: mkpack.c reads, mkpack_write.c writes. */
#ifndef CUL_RULES_MKPACK_H
#define CUL_RULES_MKPACK_H

#include <stdio.h>

#include "rules/rule.h"

/** A string of C. */
void mkpack_string(FILE *out, const char *text, size_t size);
/**
 * All that @rules hold as the C of cul_builtin_pack, behind an array `tools`. False: no memory, or something that has no place in a pack
 * (said on stderr).
 */
bool mkpack_write(FILE *out, const struct cul_rules *rules, const struct cul_nodes *nodes);

#endif
