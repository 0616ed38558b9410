/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Lines that carry time and level as key=value, and gin's request lines. The message stays whole: it is data.
 *
 *   time=2025-11-21T02:00:59.123+01:00 level=INFO source=sched.go:517 msg="text"      Go's slog (Ollama)
 *   time="2025-11-21T02:00:59Z" level=error msg="text"                                logrus (containerd, dockerd)
 *   ts=2025-11-21T02:00:59.1Z caller=main.go:12 level=warn msg=text                   go-kit (Prometheus exporters)
 *   [GIN] 2025/11/21 - 02:00:59 | 200 |  1.2ms |  127.0.0.1 | POST  "/api/chat"
 *   INFO [launch_slot] text | tid="13880" timestamp=1777298629 id_slot=0              llama-server up to b3500
 */
#include "parsers/peel.h"

static int go_slog_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice head = cul_slice(line.data, line.size < 512 ? line.size : 512), value, rest = line;
	struct cul_time time;
	int bits = 24;

	if (line.size < 20)
		return 0;
	switch (line.data[0]) {
	case '[':
		if (cul_skip(&rest, CUL_LIT("[GIN] ")) && rest.size > 24 && cul_peel_iso(rest) && cul_starts(cul_from(rest, 10), CUL_LIT(" - "))) {
			char text[20];
			struct cul_slice made = cul_slice(text, 19);

			memcpy(text, rest.data, 11);
			memcpy(text + 11, rest.data + 13, 8);
			if (!cul_clock_iso(&made, &time))
				return 0;
			rec->time = time;
			return 40;
		}
		return 0;
	case 't':
		if (!cul_starts(line, CUL_LIT("time=")) && !cul_starts(line, CUL_LIT("ts=")))
			return 0;
		break;
	case 'l':
		if (!cul_starts(line, CUL_LIT("level=")))
			return 0;
		break;
	case 'I': case 'W': case 'E': case 'V': case 'D':
		if (!cul_has(cul_slice(head.data, 8), CUL_LIT(" [")) || !cul_logfmt(line, CUL_LIT("timestamp"), &value) ||
		    value.size < 10 || !cul_clock_unix(&value, &time))
			return 0;
		rec->time = time;
		cul_peel_severity(rec, cul_level(cul_word(&rest)));
		return bits;
	default:
		return 0;
	}
	if (!cul_logfmt(head, CUL_LIT("time"), &value) && !cul_logfmt(head, CUL_LIT("ts"), &value))
		return 0;
	if (cul_peel_iso(value)) {
		if (!cul_clock_iso(&value, &time))
			return 0;
	} else if (!cul_clock_unix(&value, &time)) {
		return 0;
	}
	rec->time = time;
	if (cul_logfmt(head, CUL_LIT("level"), &value) || cul_logfmt(head, CUL_LIT("lvl"), &value)) {
		for (size_t i = 0; i < value.size; i++)
			if (value.data[i] == '-' || value.data[i] == '+') /* DEBUG-4 */
				value.size = i;
		cul_peel_severity(rec, cul_level(value));
		bits += 8;
	}
	return bits;
}

const struct cul_envelope cul_envelope_go_slog = {
	.name = "go_slog",
	.about = "key=value logs: slog, logrus, go-kit; gin's request lines; old llama-server",
	.begins = "[tlIWEVD",
	.peel = go_slog_peel,
};
