/* SPDX-License-Identifier: Apache-2.0 */
/** A sink that leaves some of its functions out hears nothing of these. */
#include "parsers/state.h"

static enum cul_status no_member(void *ctx, const struct cul_member *member, int *id)
{
	*id = 0;
	return CUL_OK;
}

static enum cul_status no_section(void *ctx, const struct cul_section_info *info, int *id)
{
	*id = 0;
	return CUL_OK;
}

static enum cul_status no_end(void *ctx, int section, const struct cul_section_span *span)
{
	return CUL_OK;
}

static enum cul_status no_observation(void *ctx, const struct cul_observation *observation)
{
	return CUL_OK;
}

struct cul_sink cul_sink_whole(const struct cul_sink *given)
{
	struct cul_sink sink = *given;
	if (!sink.member)
		sink.member = no_member;
	if (!sink.section)
		sink.section = no_section;
	if (!sink.section_end)
		sink.section_end = no_end;
	if (!sink.observe)
		sink.observe = no_observation;
	if (!sink.suspect)
		sink.suspect = no_observation;
	return sink;
}
