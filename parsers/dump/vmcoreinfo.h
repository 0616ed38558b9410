/* SPDX-License-Identifier: Apache-2.0 */
/** VMCOREINFO: the lines KEY=VALUE that a kernel writes about itself for those who read its dump. Inner to parsers/dump. */
#ifndef CUL_PARSERS_DUMP_VMCOREINFO_H
#define CUL_PARSERS_DUMP_VMCOREINFO_H

#include "base/slice.h"

/** The value of @key, or of KIND(name); empty if it isn't there. */
struct cul_slice cul_info_get(struct cul_slice info, const char *key);
struct cul_slice cul_info_of(struct cul_slice info, const char *kind, const char *name);
/** SYMBOL(): hex without 0x. NUMBER(): signed decimal, or 0x. OFFSET, SIZE, LENGTH: decimal. False, nothing written, if it isn't there or no number. */
bool cul_info_symbol(struct cul_slice info, const char *name, uint64_t *ret);
bool cul_info_number(struct cul_slice info, const char *name, int64_t *ret);
bool cul_info_count(struct cul_slice info, const char *kind, const char *name, uint64_t *ret);
/** Does @page begin as VMCOREINFO does? Its length, else 0. */
size_t cul_info_claim(const char *page, size_t size);

#endif
