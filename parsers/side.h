/* SPDX-License-Identifier: Apache-2.0 */
/** Small members read side by side (side.c). Inner to the room. */
#ifndef CUL_PARSERS_SIDE_H
#define CUL_PARSERS_SIDE_H

#include "parsers/state.h"

struct cul_side;

/** NULL: out of memory, or no threads are wanted. */
struct cul_side *cul_side_new(struct cul_parse *parse);
/** The bundle's member at hand goes with the others, all of it: it is small, whole text and no dump. What others told comes to the sink. */
void cul_side_take(struct cul_side *side, const struct cul_member *member);
/** All that was taken has come to the sink. */
void cul_side_flush(struct cul_side *side);
void cul_side_free(struct cul_side *side);

/* ---- parse.c ---- */
/** A parse of its own over the same needles, which tells @sink; one thread. NULL: out of memory. */
struct cul_parse *cul_parse_beside(struct cul_parse *parse, const struct cul_sink *sink, struct cul_error *err);
void cul_parse_done(struct cul_parse *parse);
/** @bundle's member at hand as text; @name lives until the call returns. @between is called behind its text, before what stood inside of it. */
void cul_parse_member(struct cul_parse *parse, struct cul_bundle *bundle, const char *name, int member, void (*between)(void *ctx), void *ctx);
/** What is wrong with the member of id @member. */
enum cul_status cul_parse_damage(struct cul_parse *parse, int member, const char *why);

#endif
