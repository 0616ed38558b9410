/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Access logs of web servers: Common and Combined Log Format, and what writes like it.
 *
 *   10.1.2.3 - - [14/Mar/2026:09:26:03 +0000] "GET /v1/models HTTP/1.1" 200 512 "-" "curl/8.5.0"   Apache, nginx, Caddy, Traefik
 *   fe80::1 - alice [14/Mar/2026:09:26:03 +0000] "POST /api HTTP/2.0" 502 157                       the same
 *   127.0.0.1 - - [14/Mar/2026 09:26:03] "GET / HTTP/1.1" 200 -                                     Python's http.server, Werkzeug
 *
 * Format: Apache's mod_log_config, nginx' ngx_http_log_module, Lib/http/server.py. The time is all that is taken; the line stays the message.
 * A request is no complaint, whatever words its path has; a status of 500 and more is a warning.
 */
#include "parsers/peel.h"

static int access_log_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice before, rest, word, request, status = CUL_NONE;
	struct cul_time time;
	int64_t code;

	if (line.size < 40)
		return 0;
	before = cul_slice(line.data, line.size < 160 ? line.size : 160);
	if (!memchr(before.data, '[', before.size) || !cul_cut(before, CUL_LIT(" ["), &before, NULL))
		return 0;
	rest = cul_from(line, before.size + 2);
	if (rest.size < 24 || !cul_peel_digit(rest.data[0]) || !cul_peel_digit(rest.data[1]) || rest.data[2] != '/' || rest.data[6] != '/')
		return 0;
	/* client, identity, user */
	for (int i = 0; i < 3; i++) {
		word = cul_word(&before);
		if (!word.size)
			return 0;
	}
	if (before.size)
		return 0;
	if (!cul_cut(cul_slice(rest.data, rest.size < 40 ? rest.size : 40), CUL_LIT("] \""), &word, NULL) || !cul_stamp(word, &time))
		return 0;
	request = cul_from(rest, word.size + 3);
	cul_cut(request, CUL_LIT("\" "), NULL, &status);
	cul_peel_time(rec, time);
	cul_peel_severity(rec, cul_to_int(cul_digits(&status), &code) && code >= 500 ? 4 : 6);
	return 28;
}

const struct cul_envelope cul_envelope_access_log = {
	.name = "access_log",
	.about = "access logs: Common and Combined Log Format, Python's http.server",
	.begins = "0a:-",
	.peel = access_log_peel,
};
