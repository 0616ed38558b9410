/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One JSON object a line: time, level and message under the names that loggers give them.
 *
 *   {"timestamp":"2025-11-21T02:00:59.1Z","level":"ERROR","fields":{"message":"text"},"target":"…"}    tracing (TGI)
 *   {"level":"info","ts":1763690459.1,"caller":"a.go:1","msg":"text"}                                  zap
 *   {"name":"x","hostname":"h","level":50,"msg":"text","time":"2025-11-21T02:00:59.1Z","v":0}          bunyan, pino
 *   {"@t":"2025-11-21T02:00:59.1Z","@l":"Error","@mt":"text"}                                          serilog
 *
 *   {"@timestamp":"…","level":"ERROR","message":"text","stack_trace":"java.lang.OutOfMemoryError: …\n\tat …"}  logstash-logback-encoder
 *   {"_index":"logs","_source":{"@timestamp":"…","host":{"name":"h"},"log":{"level":"error"},"message":"text"}}    Elasticsearch's hits, ECS
 *   {"timestamp":"…","severity":"ERROR","textPayload":"text"}   {…,"jsonPayload":{"message":"text"}}     Google Cloud Logging
 *   {"level":50,"time":…,"msg":"text","err":{"type":"Error","message":"…","stack":"…"}}                  pino; ECS: error.stack_trace
 *
 * What went wrong stands behind the message: the stack, else the error's own words. Bunyan's levels are 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal. Docker's and the journal's own objects are
 * read elsewhere. An object with a time and no message is its own message; one without a time needs a level and a message.
 */
#include "parsers/peel.h"

static int number_level(struct cul_slice raw)
{
	int64_t n;

	if (!cul_to_int(raw, &n))
		return -1;
	return n >= 60 ? 2 : n >= 50 ? 3 : n >= 40 ? 4 : n >= 30 ? 6 : n >= 10 ? 7 : -1;
}

static bool any(struct cul_slice key, const char *const *names)
{
	for (; *names; names++)
		if (cul_is_nocase(key, cul_str(*names)))
			return true;
	return false;
}

static bool put(struct cul_record *rec, struct cul_slice text)
{
	if (!rec->scratch || rec->scratch_size < text.size)
		return false;
	memcpy(rec->scratch, text.data, text.size);
	rec->scratch += text.size;
	rec->scratch_size -= text.size;
	return true;
}

/* The message, and on lines of their own what the logger keeps apart from it. */
static struct cul_slice joined(struct cul_slice message, struct cul_slice raw, struct cul_record *rec)
{
	struct cul_slice words = cul_json_text(raw, rec);
	char *begin = rec->scratch;

	if (words.size < 8 || !message.size || cul_has(message, cul_slice(words.data, words.size < 40 ? words.size : 40)))
		return message;
	if (!put(rec, message) || !put(rec, CUL_LIT("\n")) || !put(rec, words))
		return message;
	return cul_slice(begin, message.size + 1 + words.size);
}

/* The value of the first of @names in the object @value. */
static struct cul_slice inside(struct cul_slice value, const char *const *names)
{
	struct cul_slice name, item;

	for (int j = 0; j < 32 && cul_json_next(&value, &name, &item); j++)
		if (any(name, names))
			return item;
	return CUL_NONE;
}

/* Elasticsearch: the event stands in a hit's _source */
static struct cul_slice event_of(struct cul_slice line)
{
	static const char *const source[] = { "_source", NULL };
	struct cul_slice event = CUL_NONE;

	if (cul_starts(line, CUL_LIT("{\"_")))
		event = inside(line, source);
	return event.size > 15 && event.data[0] == '{' ? event : line;
}

static int json_log_peel(struct cul_slice line, struct cul_record *rec)
{
	static const char *const times[] = { "timestamp", "time", "ts", "@timestamp", "@t", "asctime", "datetime", "lasttimestamp", "eventtime", NULL };
	static const char *const levels[] = { "level", "levelname", "severity", "@l", "lvl", "log.level", "loglevel", NULL };
	static const char *const messages[] = { "message", "msg", "@m", "@mt", "renderedmessage", "messagetemplate", "event", "textpayload", NULL };
	static const char *const hosts[] = { "hostname", "host.name", NULL };
	static const char *const host_names[] = { "hostname", "name", NULL };
	static const char *const programs[] = { "program", "ident", "appname", "app_name", "syslog_identifier", "process.name", NULL };
	static const char *const stacks[] = { "stack_trace", "stacktrace", "stack", "exc_info", "exc_text", "exception", "thrown", "traceback",
					      "error.stack_trace", "exception.stacktrace", "@x", NULL };
	static const char *const errors[] = { "error", "err", "error.message", "exception.message", "reason", NULL };
	struct cul_slice trace = CUL_NONE, error = CUL_NONE;
	struct cul_slice rest = line, key, value, stamp = CUL_NONE, level = CUL_NONE, message = CUL_NONE, host = CUL_NONE, program = CUL_NONE, text;
	struct cul_time time = { .ns = CUL_NO_TIME };
	int severity = -1;

	if (line.size < 16 || line.data[0] != '{' || line.data[line.size - 1] != '}')
		return 0;
	rest = line = event_of(line);
	for (int i = 0; i < 64 && cul_json_next(&rest, &key, &value); i++) {
		if (!stamp.size && any(key, times))
			stamp = value;
		else if (!level.size && any(key, levels))
			level = value;
		else if ((!message.size || cul_is(key, CUL_LIT("@m"))) && any(key, messages))
			message = value;
		else if (!host.size && any(key, hosts))
			host = value;
		else if ((cul_is(key, CUL_LIT("fields")) || cul_is(key, CUL_LIT("jsonPayload"))) && value.data[0] == '{') {
			if (!message.size)
				message = inside(value, messages);
		} else if (!host.size && cul_is(key, CUL_LIT("host")) && value.size && value.data[0] == '{') {
			host = inside(value, host_names);
		} else if (!program.size && cul_is(key, CUL_LIT("process")) && value.size && value.data[0] == '{') {
			program = inside(value, host_names);
		} else if (!program.size && any(key, programs)) {
			program = value;
		} else if (!level.size && cul_is(key, CUL_LIT("log")) && value.size && value.data[0] == '{') {
			level = inside(value, levels);
		} else if (value.size && value.data[0] == '{' && (any(key, errors) || any(key, stacks))) {
			struct cul_slice inner = value, name, item;

			for (int j = 0; j < 32 && cul_json_next(&inner, &name, &item); j++) {
				if (!trace.size && any(name, stacks))
					trace = item;
				else if (!error.size && cul_is(name, CUL_LIT("message")))
					error = item;
			}
		} else if (!trace.size && any(key, stacks)) {
			trace = value;
		} else if (!error.size && any(key, errors)) {
			error = value;
		} else if (cul_is(key, CUL_LIT("log")) || cul_is(key, CUL_LIT("__REALTIME_TIMESTAMP"))) {
			return 0;
		}
	}
	bool bare = message.size < 2 || message.data[0] != '"';
	if (bare ? !stamp.size : !stamp.size && !level.size)
		return 0;
	text = stamp;
	if (stamp.size > 2 && stamp.data[0] == '"')
		text = cul_slice(stamp.data + 1, stamp.size - 2);
	if (text.size) {
		if (cul_peel_iso(text)) {
			if (!cul_clock_iso(&text, &time))
				return 0;
		} else if (!cul_peel_digit(text.data[0]) || !cul_clock_unix(&text, &time)) {
			time.ns = CUL_NO_TIME;
		}
	}
	if (level.size > 2 && level.data[0] == '"')
		severity = cul_level(cul_slice(level.data + 1, level.size - 2));
	else if (level.size)
		severity = number_level(level);
	if (time.ns == CUL_NO_TIME && (bare || severity < 0))
		return 0;
	rec->time = time;
	cul_peel_severity(rec, severity);
	if (host.size > 2 && host.data[0] == '"')
		rec->host = cul_json_text(host, rec);
	if (cul_is(program, CUL_LIT("\"kernel\""))) {
		rec->kernel = true;
		rec->unit = CUL_LIT("kernel");
	}
	rec->message = bare ? line : cul_json_text(message, rec);
	if (trace.size < 10 || trace.data[0] != '"') /* true, null, a list of frames */
		trace = error;
	if (!bare && trace.size > 2 && trace.data[0] == '"')
		rec->message = joined(rec->message, trace, rec);
	while (rec->message.size && rec->message.data[rec->message.size - 1] == '\n')
		rec->message.size--;
	return 30;
}

const struct cul_envelope cul_envelope_json_log = {
	.name = "json_log",
	.about = "one JSON object a line: tracing, zap, bunyan, pino, serilog, python-json-logger",
	.begins = "{",
	.peel = json_log_peel,
};
