/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Layers of bytes: a file, a piece of memory or an archive's entry at the bottom, decompressors upon
 * it. Inner to the room; bundle.c stacks them.
 */
#ifndef CUL_PARSERS_UNPACK_H
#define CUL_PARSERS_UNPACK_H

#include "culprit/types.h"

enum cul_packing { CUL_PACKING_NONE = 0, CUL_PACKING_GZ, CUL_PACKING_XZ, CUL_PACKING_ZST, CUL_PACKING_BZ2, CUL_PACKING_LZ4 };

struct cul_layer;

/** @fd is taken over and closed. */
struct cul_layer *cul_layer_file(int fd);
/** @bytes are borrowed for the layer's life. */
struct cul_layer *cul_layer_memory(struct cul_slice bytes);
/** Bytes by call-back: returns the count, 0 at the end; on damage 0 and *why a sentence (static or living with @ctx). */
struct cul_layer *cul_layer_calls(size_t (*read)(void *ctx, void *buffer, size_t size, const char **why), void *ctx);
/** Unpack what @below gives; takes it over. NULL: out of memory or the library lacks that format (@below then stays the caller's). */
struct cul_layer *cul_layer_unpack(struct cul_layer *below, enum cul_packing packing, const struct cul_limits *limits);
void cul_layer_free(struct cul_layer *layer);

/** At least 600 bytes from the current place, without taking them (fewer at the end). */
struct cul_slice cul_layer_peek(struct cul_layer *layer);
/** Up to @size bytes; 0 at the end. */
size_t cul_layer_read(struct cul_layer *layer, void *buffer, size_t size);
/** Why it ended early, or NULL. */
const char *cul_layer_damage(const struct cul_layer *layer);
/** The descriptor of a seekable bottom file that nobody has read from but by peeking, or -1. */
int cul_layer_seekable(const struct cul_layer *layer);
/** Bytes taken from the bottom layer. */
int64_t cul_layer_taken(const struct cul_layer *layer);
enum cul_packing cul_packing_of(struct cul_slice head);

#endif
