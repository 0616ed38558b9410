/* SPDX-License-Identifier: Apache-2.0 */
/**
 * HTTP requests as servers log them.
 *
 *   [GIN] 2025/03/04 - 17:00:27 | 200 |      62.521µs |   192.168.30.18 | GET      "/api/ps"       gin's default logger (Ollama, LocalAI)
 *   INFO:     10.0.0.1:41234 - "POST /v1/chat/completions HTTP/1.1" 200 OK                          uvicorn (vLLM, SGLang, LMDeploy)
 *   srv  log_server_r: request: POST /completion 127.0.0.1 200                                      llama-server, 2024
 *   srv  log_server_r: done request: POST /v1/chat/completions 127.0.0.1 200                        llama-server, from 2025-04
 *
 * gin prints durations as Go does (µs, ms, s, m, h) and ANSI colours, which are gone here. uvicorn prints no time and no
 * duration. A request's duration lies before its line. Apache's and nginx' combined logs are not read here.
 */
#include "parsers/message/serving.h"

static enum cul_status gin(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice cells[6], path;
	size_t count, first = 0;
	int64_t code;
	double took = NAN;

	count = cul_table_split(m, '|', cells, 6);
	/* an envelope that took the time took the first bar with it, or left it */
	while (first < count && !(cul_trim(cells[first]).size == 3 && cul_to_int(cul_trim(cells[first]), &code)))
		first++;
	if (count - first < 4 || first == count)
		return CUL_OK;
	cul_to_seconds(cul_trim(cells[first + 1]), &took);
	path = cul_trim(cells[first + 3]);
	m = cul_word(&path);
	path = cul_trim(path);
	if (cul_skip(&path, CUL_LIT("\"")))
		cul_cut(path, CUL_LIT("\""), &path, NULL);
	if (cul_ends(path, CUL_LIT("\\")))
		path.size--;
	return cul_emit(parse, rec, "http.request", cul_int("status_code", code), cul_since(cul_real("duration_s", took)), cul_text("method", m),
			cul_text("path", path), cul_text("client", cul_trim(cells[first + 2])));
}

static bool is_method(struct cul_slice word)
{
	return cul_is(word, CUL_LIT("GET")) || cul_is(word, CUL_LIT("POST")) || cul_is(word, CUL_LIT("PUT")) || cul_is(word, CUL_LIT("HEAD")) ||
	       cul_is(word, CUL_LIT("DELETE")) || cul_is(word, CUL_LIT("OPTIONS")) || cul_is(word, CUL_LIT("PATCH"));
}

static enum cul_status access_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, before, rest, method, path, client, status;
	int64_t code;

	if (cul_has(rec->line.text, CUL_LIT("[GIN]")))
		return cul_has(m, CUL_LIT("|")) ? gin(parse, rec, m) : gin(parse, rec, rec->line.text);
	if (cul_cut(m, CUL_LIT("request: "), NULL, &rest) && cul_has(m, CUL_LIT("log_server_r"))) {
		method = cul_word(&rest);
		path = cul_word(&rest);
		client = cul_word(&rest);
		status = cul_word(&rest);
		if (!is_method(method) || !cul_to_int(status, &code))
			return CUL_OK;
		return cul_emit(parse, rec, "http.request", cul_int("status_code", code), cul_text("method", method), cul_text("path", path),
				cul_text("client", client));
	}
	if (cul_has(m, CUL_LIT("log_server_request]"))) {
		/* llama-server until the spring of 2024 and its forks: key="value" pairs */
		if (!cul_logfmt(m, CUL_LIT("status"), &status) || !cul_to_int(status, &code) || !cul_logfmt(m, CUL_LIT("method"), &method) ||
		    !cul_logfmt(m, CUL_LIT("path"), &path))
			return CUL_OK;
		return cul_emit(parse, rec, "http.request", cul_int("status_code", code), cul_text("method", method), cul_text("path", path),
				text_of("client", m, CUL_LIT("remote_addr")));
	}
	if (!cul_cut(m, CUL_LIT(" - \""), &before, &rest) || !cul_cut(rest, CUL_LIT("\" "), &rest, &status))
		return CUL_OK;
	method = cul_word(&rest);
	path = cul_word(&rest);
	status = cul_word(&status);
	if (!is_method(method) || !cul_starts(cul_trim(rest), CUL_LIT("HTTP/")) || status.size != 3 || !cul_to_int(status, &code))
		return CUL_OK;
	client = before;
	cul_cut_last(client, CUL_LIT(" "), NULL, &client);
	cul_cut_last(client, CUL_LIT(":"), &client, NULL);
	return cul_emit(parse, rec, "http.request", cul_int("status_code", code), cul_text("method", method), cul_text("path", path),
			cul_text("client", client));
}

const struct cul_parser cul_parser_http_access = {
	.name = "http_access",
	.about = "HTTP requests logged by gin, uvicorn and llama-server",
	.kinds = CUL_KINDS(CUL_SAMPLES("http.request", 1, "http_access", F_STATUS_CODE, F_DURATION_S, F_METHOD, F_PATH, F_CLIENT)),
	/* nginx and Apache have '] "GET ' there: millions of lines that are none of these servers' */
	.needles = CUL_LIST("[GIN] ", " - \"GET ", " - \"POST ", " - \"PUT ", " - \"HEAD ", " - \"DELETE ", " - \"OPTIONS ", " - \"PATCH ",
			    "log_server_r: ", "log_server_request] "),
	.record = access_record,
};
