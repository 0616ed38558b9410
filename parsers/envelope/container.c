/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What container runtimes put around a program's lines.
 *
 *   {"log":"text\n","stream":"stderr","time":"2026-11-21T02:00:59.123456789Z"}     Docker's json-file
 *   2026-11-21T02:00:59.123456789Z stderr F text                                   CRI: containerd, CRI-O, podman
 *   2026-11-21T02:00:59.123456789Z text                                            docker logs -t, kubectl logs --timestamps
 *   [pod/name/container] text                                                      kubectl logs --prefix
 *   name-1  | text                                                                 docker compose logs
 *
 * Lines above 16 KiB are split: a Docker piece has no "\n" at its end, a CRI piece is tagged P; the driver joins them.
 */
#include "parsers/peel.h"

static int peel_docker(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line, key, value, log = CUL_NONE, stream = CUL_NONE, stamp = CUL_NONE, when;
	struct cul_time time;

	for (int i = 0; i < 16 && cul_json_next(&rest, &key, &value); i++) {
		if (cul_is(key, CUL_LIT("log")))
			log = value;
		else if (cul_is(key, CUL_LIT("stream")))
			stream = value;
		else if (cul_is(key, CUL_LIT("time")))
			stamp = value;
		else if (!cul_is(key, CUL_LIT("attrs")) && !cul_is(key, CUL_LIT("partial")))
			return 0;
	}
	if (log.size < 2 || log.data[0] != '"' || stamp.size < 22 || !stream.size)
		return 0;
	when = cul_slice(stamp.data + 1, stamp.size - 2);
	if (!cul_clock_iso(&when, &time))
		return 0;
	rec->time = time;
	rec->partial = log.size > 8192 && !cul_ends(log, CUL_LIT("\\n\""));
	rec->message = cul_json_text(log, rec);
	while (rec->message.size && (rec->message.data[rec->message.size - 1] == '\n' || rec->message.data[rec->message.size - 1] == '\r'))
		rec->message.size--;
	return 48;
}

/* "name-1  | text", "name_1 | text": service, number, padding, bar */
static int peel_compose(struct cul_slice line, struct cul_record *rec)
{
	size_t n = 0, end;

	while (n < line.size && n < 64 &&
	       ((line.data[n] >= 'a' && line.data[n] <= 'z') || cul_peel_digit(line.data[n]) || line.data[n] == '-' || line.data[n] == '_' ||
		line.data[n] == '.'))
		n++;
	end = n;
	while (n < line.size && line.data[n] == ' ' && n < 96)
		n++;
	if (end < 3 || n == end || n >= line.size || line.data[n] != '|' || !cul_peel_digit(line.data[end - 1]))
		return 0;
	if (n + 1 < line.size && line.data[n + 1] != ' ')
		return 0;
	for (size_t i = end; i > 1; i--) {
		if (cul_peel_digit(line.data[i - 1]))
			continue;
		if ((line.data[i - 1] != '-' && line.data[i - 1] != '_') || i == end)
			return 0;
		rec->unit = cul_slice(line.data, i - 1);
		rec->message = cul_from(line, n + 2);
		return 8;
	}
	return 0;
}

static int container_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest = line, pod;
	struct cul_time time;
	size_t fraction;

	if (line.size < 8)
		return 0;
	switch (line.data[0]) {
	case '{':
		return cul_starts(line, CUL_LIT("{\"log\":")) || cul_starts(line, CUL_LIT("{\"stream\":")) ? peel_docker(line, rec) : 0;
	case '[':
		if (!cul_skip(&rest, CUL_LIT("[pod/")) ||
		    !cul_cut(cul_slice(rest.data, rest.size < 512 ? rest.size : 512), CUL_LIT("] "), &pod, NULL) || !cul_has(pod, CUL_LIT("/")))
			return 0;
		cul_cut(pod, CUL_LIT("/"), &rec->host, &rec->unit);
		rec->host = CUL_NONE; /* a pod is no host */
		rec->message = cul_from(rest, pod.size + 2);
		return 16;
	default:
		break;
	}
	if (line.data[0] >= 'a' && line.data[0] <= 'z')
		return peel_compose(line, rec);
	if (!cul_peel_iso(line) || line.data[10] != 'T' || !cul_clock_iso(&rest, &time) || time.clock != CUL_CLOCK_UTC)
		return 0;
	fraction = (size_t)(rest.data - line.data);
	if (!rest.size) { /* an empty line behind docker logs -t */
		if (fraction < 28)
			return 0;
		rec->time = time;
		rec->message = rest;
		return 12;
	}
	if (!cul_skip(&rest, CUL_LIT(" ")))
		return 0;
	if (cul_starts(rest, CUL_LIT("stdout ")) || cul_starts(rest, CUL_LIT("stderr "))) {
		struct cul_slice tags;

		rest = cul_from(rest, 7);
		if (!cul_cut(cul_slice(rest.data, rest.size < 32 ? rest.size : 32), CUL_LIT(" "), &tags, NULL))
			tags = rest;
		if (!tags.size || (tags.data[0] != 'F' && tags.data[0] != 'P') || (tags.size > 1 && tags.data[1] != ':'))
			return 0;
		rec->time = time;
		rec->partial = tags.data[0] == 'P';
		rec->message = cul_from(rest, tags.size + 1);
		return 40;
	}
	if (fraction < 28) /* nine digits and a zone, else a program printed it itself */
		return 0;
	rec->time = time;
	rec->message = rest;
	return 14;
}

const struct cul_envelope cul_envelope_container = {
	.name = "container",
	.about = "Docker's json-file, CRI logs, docker logs -t, kubectl logs --timestamps and --prefix, docker compose",
	.begins = "{[0a",
	.peel = container_peel,
};
