/* SPDX-License-Identifier: Apache-2.0 */
/**
 * dmesg -J, --json (util-linux 2.38 and later), with -x too.
 *
 *   {
 *      "dmesg": [
 *         {
 *            "fac": "kern",
 *            "pri": 6,
 *            "time":     0.000000,
 *            "caller": "T0",
 *            "msg": "Linux version 6.8.0 …"
 *         },{
 *
 * print_record() in sys-utils/dmesg.c. The level is a number (with its facility), or a word with -x. Each becomes the line that dmesg -r prints,
 * "<6>[    0.000000] [    T0] Linux version …", and is read as such.
 */
#include "parsers/dump/json_stream.h"
#include "parsers/parser.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/slice.h"

#define MOST (64u << 20) /* a kernel's log has 16 MiB where it is large */

struct lines {
	char *text;
	size_t size, room;
	int64_t count;
	bool full; /* there were more */
};

static int dmesg_claim(struct cul_slice head, struct cul_slice name)
{
	struct cul_slice rest = cul_trim(head);
	if (!cul_skip(&rest, CUL_LIT("{")))
		return 0;
	rest = cul_trim(rest);
	if (!cul_skip(&rest, CUL_LIT("\"dmesg\"")))
		return 0;
	rest = cul_trim(rest);
	if (!cul_skip(&rest, CUL_LIT(":")))
		return 0;
	return cul_starts(cul_trim(rest), CUL_LIT("[")) ? 64 : 0;
}

static int level_of(const cJSON *pri)
{
	static const char *const words[] = { "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug" };
	if (cJSON_IsNumber(pri) && pri->valueint >= 0)
		return pri->valueint & 7;
	for (int i = 0; cJSON_IsString(pri) && i < 8; i++)
		if (cul_starts(cul_str(pri->valuestring), cul_str(words[i])))
			return i;
	return -1;
}

static enum cul_status take(void *ctx, const cJSON *object)
{
	struct lines *out = ctx;
	const cJSON *msg = cJSON_GetObjectItemCaseSensitive(object, "msg"), *time = cJSON_GetObjectItemCaseSensitive(object, "time");
	const cJSON *caller = cJSON_GetObjectItemCaseSensitive(object, "caller");
	int level = level_of(cJSON_GetObjectItemCaseSensitive(object, "pri"));
	struct cul_slice text;

	if (!cJSON_IsString(msg) || out->full)
		return CUL_OK;
	text = cul_str(msg->valuestring);
	if (text.size + 160 > out->room - out->size) {
		size_t room = (out->size + text.size + 4096) * 2;
		if (room > MOST) {
			out->full = true;
			return CUL_OK;
		}
		char *more = realloc(out->text, room);
		if (!more)
			return CUL_ENOMEM;
		out->text = more;
		out->room = room;
	}
	if (level >= 0)
		out->size += (size_t)sprintf(out->text + out->size, "<%d>", level);
	if (cJSON_IsNumber(time) && time->valuedouble >= 0 && time->valuedouble < 1e10)
		out->size += (size_t)snprintf(out->text + out->size, 48, "[%12.6f] ", time->valuedouble);
	else if (cJSON_IsString(time))
		out->size += (size_t)snprintf(out->text + out->size, 48, "%.40s ", time->valuestring);
	if (cJSON_IsString(caller))
		out->size += (size_t)snprintf(out->text + out->size, 32, "[%6.16s] ", caller->valuestring);
	for (size_t i = 0; i < text.size; i++)
		out->text[out->size++] = (unsigned char)text.data[i] < ' ' && text.data[i] != '\n' && text.data[i] != '\t' ? ' ' : text.data[i];
	out->text[out->size++] = '\n';
	out->count++;
	return CUL_OK;
}

static enum cul_status dmesg_open(struct cul_parse *parse, const struct cul_image *image)
{
	struct cul_record rec = cul_dump_record(parse, (struct cul_time){ .ns = CUL_NO_TIME }, cul_section_name(parse));
	struct lines out = { 0 };
	bool damaged = false;
	enum cul_status status = cul_json_stream(image, 2, take, &out, &damaged);

	if (status == CUL_OK)
		status = cul_emit(parse, &rec, "dmesg.json", cul_int("count", out.count));
	if (status == CUL_OK && (damaged || out.full))
		status = cul_damaged(parse, &rec, damaged ? "JSON of dmesg that is cut off or garbled" : "JSON of dmesg that is larger than what is read of one file");
	if (status == CUL_OK && out.size)
		status = cul_dump_text(parse, "dmesg", cul_slice(out.text, out.size));
	free(out.text);
	return status;
}

const struct cul_parser cul_parser_dmesg_json = {
	.name = "dmesg_json",
	.about = "dmesg --json",
	.kinds = CUL_KINDS(CUL_KIND("dmesg.json", 1, "dmesg_json", F_COUNT)),
	.claim = dmesg_claim,
	.open = dmesg_open,
};
