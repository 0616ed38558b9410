/* SPDX-License-Identifier: Apache-2.0 */
/** Numbers of dumps, least byte first, wherever they stand. */
#ifndef CUL_PARSERS_DUMP_LITTLE_H
#define CUL_PARSERS_DUMP_LITTLE_H

#include <endian.h>
#include <stdint.h>

static inline uint16_t cul_get16(const void *at) { uint16_t v; __builtin_memcpy(&v, at, sizeof(v)); return le16toh(v); }
static inline uint32_t cul_get32(const void *at) { uint32_t v; __builtin_memcpy(&v, at, sizeof(v)); return le32toh(v); }
static inline uint64_t cul_get64(const void *at) { uint64_t v; __builtin_memcpy(&v, at, sizeof(v)); return le64toh(v); }

#endif
