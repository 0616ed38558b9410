/* SPDX-License-Identifier: Apache-2.0 */
/** Bytes kept for what needs seeking: in memory, from 64 MiB on in an unlinked temporary file, with a limit. */
#ifndef CUL_BASE_SPOOL_H
#define CUL_BASE_SPOOL_H

#include "culprit/types.h"

struct cul_spool;

struct cul_spool *cul_spool_new(uint64_t limit); /* NULL: out of memory */
void cul_spool_free(struct cul_spool *spool);
/** Append. Returns CUL_OK, CUL_ELIMIT (nothing is appended), CUL_EIO (no temporary file, no room), CUL_ENOMEM. */
CUL_MUST_CHECK enum cul_status cul_spool_add(struct cul_spool *spool, const void *data, size_t size);
/** Up to @size bytes from @offset; 0 at the end and when the file can't be read. */
size_t cul_spool_read(const struct cul_spool *spool, uint64_t offset, void *buffer, size_t size);
/** What is in memory goes to the temporary file, which many that are kept at once should do. False: there is none; all is as it was. */
bool cul_spool_settle(struct cul_spool *spool);
uint64_t cul_spool_size(const struct cul_spool *spool);

#endif
