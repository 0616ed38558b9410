/* SPDX-License-Identifier: Apache-2.0 */
/** VMCOREINFO as kernel/crash_core.c (vmcore_info.c since 6.9) and the arch's part write it: SYMBOL(x)=hex, OFFSET(a.b)=n, NUMBER(x)=n, KEY=text. */
#include "parsers/dump/vmcoreinfo.h"

#include <stdio.h>

struct cul_slice cul_info_get(struct cul_slice info, const char *key)
{
	struct cul_slice line, name = cul_str(key);
	while (info.size) {
		if (!cul_cut(info, CUL_LIT("\n"), &line, &info)) {
			line = info;
			info = CUL_NONE;
		}
		if (cul_skip(&line, name) && cul_skip(&line, CUL_LIT("=")))
			return line;
	}
	return CUL_NONE;
}

struct cul_slice cul_info_of(struct cul_slice info, const char *kind, const char *name)
{
	char key[128];
	int n = snprintf(key, sizeof(key), "%s(%s)", kind, name);
	return n > 0 && (size_t)n < sizeof(key) ? cul_info_get(info, key) : CUL_NONE;
}

bool cul_info_symbol(struct cul_slice info, const char *name, uint64_t *ret)
{
	return cul_to_hex(cul_info_of(info, "SYMBOL", name), ret);
}

bool cul_info_number(struct cul_slice info, const char *name, int64_t *ret)
{
	struct cul_slice text = cul_info_of(info, "NUMBER", name);
	uint64_t hex;
	if (cul_to_int(text, ret))
		return true;
	/* arm64 writes addresses so; they don't fit a signed number */
	if (!cul_starts(text, CUL_LIT("0x")) || !cul_to_hex(text, &hex))
		return false;
	*ret = (int64_t)hex;
	return true;
}

bool cul_info_count(struct cul_slice info, const char *kind, const char *name, uint64_t *ret)
{
	int64_t n;
	if (!cul_to_int(cul_info_of(info, kind, name), &n) || n < 0)
		return false;
	*ret = (uint64_t)n;
	return true;
}

size_t cul_info_claim(const char *page, size_t size)
{
	struct cul_slice text = { page, strnlen(page, size) };
	return cul_starts(text, CUL_LIT("OSRELEASE=")) && cul_has(text, CUL_LIT("\nPAGESIZE=")) && cul_has(text, CUL_LIT("\nSYMBOL(")) ? text.size : 0;
}
