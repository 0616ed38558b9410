/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What envelopes share. Level words are those of syslog, Python logging, slog, zap, glog, log4j, bunyan and serilog; the
 * JSON reader takes one line at a time and never recurses.
 */
#include "parsers/peel.h"

int cul_level(struct cul_slice word)
{
#define L(name, severity) { name, sizeof(name) - 1, severity }
	static const struct {
		char name[12];
		uint8_t size;
		int8_t severity;
	} levels[] = {
		L("info", 6), L("warning", 4), L("error", 3), L("debug", 7), L("warn", 4), L("i", 6), L("w", 4), L("e", 3),
		L("d", 7), L("f", 2), L("c", 2), L("critical", 2), L("fatal", 2), L("err", 3), L("notice", 5), L("crit", 2),
		L("trace", 7), L("information", 6), L("alert", 1), L("emerg", 0), L("emergency", 0), L("panic", 2),
		L("dpanic", 2), L("verbose", 7), L("severe", 3), L("fine", 7), L("inf", 6), L("wrn", 4), L("dbg", 7),
		L("ftl", 2), L("vrb", 7),
	};
#undef L

	if (!word.size || word.size > 11)
		return -1;
	char first = (char)(word.data[0] | 0x20);
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		if (levels[i].name[0] == first && levels[i].size == word.size && cul_is_nocase(word, cul_slice(levels[i].name, word.size)))
			return levels[i].severity;
	return -1;
}

/* ---- who speaks ------------------------------------------------------------------------------ */

void cul_peel_unit(struct cul_slice ident, struct cul_record *rec)
{
	struct cul_slice pid;

	if (ident.size > 2 && ident.data[ident.size - 1] == ']' && cul_cut_last(ident, CUL_LIT("["), &ident, &pid)) {
		pid.size--;
		rec->caller = pid;
	}
	rec->unit = ident;
	rec->kernel = cul_is(ident, CUL_LIT("kernel"));
}

/* an ident with its colon at the start of @text: moves @text behind it */
static bool take_ident(struct cul_slice *text, bool strict, struct cul_slice *ident)
{
	size_t n = 0;

	/* a program's name may hold blanks only in front of its pid; that is rare and not read */
	while (n < text->size && n < 128 && text->data[n] != ' ' && text->data[n] != '\t')
		n++;
	if (n < 2 || text->data[n - 1] != ':')
		return false;
	if ( text->data[0] == '[' || text->data[0] == '(' || text->data[0] == '"' || text->data[0] == '{') {
		if (text->data[0] != '(') /* "(sd-pam)[12]:" is one */
			return false;
	}
	*ident = cul_slice(text->data, n - 1);
	if (strict && !cul_is(*ident, CUL_LIT("kernel"))) {
		struct cul_slice pid;

		if (ident->data[ident->size - 1] != ']' || !cul_cut_last(*ident, CUL_LIT("["), NULL, &pid) || pid.size < 2)
			return false;
		for (size_t i = 0; i + 1 < pid.size; i++)
			if (!cul_peel_digit(pid.data[i]))
				return false;
	} else if (cul_has(*ident, CUL_LIT("=")) || cul_has(*ident, CUL_LIT("::"))) {
		return false;
	}
	*text = cul_from(*text, n);
	cul_skip(text, CUL_LIT(" "));
	return true;
}

bool cul_peel_ident(struct cul_slice text, bool strict, struct cul_record *rec)
{
	struct cul_slice rest = text, ident, host;

	if (!cul_has(text, CUL_LIT(":"))) /* no ident ends without: most lines that come here end here */
		return false;
	if (take_ident(&rest, strict, &ident)) {
		cul_peel_unit(ident, rec);
		rec->message = rest;
		return true;
	}
	host = cul_word(&rest);
	if (!host.size || host.size > 255 || rest.size < 2)
		return false;
	for (size_t i = 0; i < host.size; i++) {
		char c = host.data[i];

		if (!cul_peel_digit(c) && !((c | 32) >= 'a' && (c | 32) <= 'z') && c != '.' && c != '-' && c != '_' && c != ':')
			return false;
	}
	if (host.data[host.size - 1] == ':' || (host.size > 1 && cul_level(host) >= 0))
		return false;
	rest = cul_trim(rest);
	/* busybox: "kern.err kernel:" */
	if (!take_ident(&rest, strict, &ident)) {
		struct cul_slice priority = cul_word(&rest), level;

		if (!cul_cut(priority, CUL_LIT("."), NULL, &level) || cul_level(level) < 0)
			return false;
		rest = cul_trim(rest);
		if (!take_ident(&rest, false, &ident))
			return false;
		cul_peel_severity(rec, cul_level(level));
	}
	rec->host = host;
	cul_peel_unit(ident, rec);
	rec->message = rest;
	return true;
}

struct cul_slice cul_peel_tag(struct cul_slice *text, struct cul_record *rec)
{
	struct cul_slice rest = *text, inner, pid;
	size_t n = 0;

	/* "(VllmWorkerProcess pid=123) (RayWorkerWrapper pid=12, ip=10.0.0.1) [rank0]: " */
	for (int i = 0; i < 4; i++) {
		if (rest.size > 6 && rest.data[0] == '(' && cul_cut(cul_slice(rest.data, rest.size < 160 ? rest.size : 160),
								     CUL_LIT(") "), &inner, NULL) &&
		    cul_has(inner, CUL_LIT("pid="))) {
			if (cul_cut(inner, CUL_LIT("pid="), NULL, &pid))
				rec->caller = cul_digits(&pid);
			n = inner.size + 2;
		} else if (cul_starts(rest, CUL_LIT("[rank")) && cul_cut(cul_slice(rest.data, rest.size < 32 ? rest.size : 32),
									 CUL_LIT("]:"), &inner, NULL)) {
			rec->caller = cul_from(inner, 1);
			n = inner.size + 2;
			if (n < rest.size && rest.data[n] == ' ')
				n++;
		} else {
			break;
		}
		rest = cul_from(rest, n);
	}
	inner = cul_slice(text->data, text->size - rest.size);
	*text = rest;
	return inner;
}

void cul_peel_tagged(struct cul_slice tag, struct cul_slice message, struct cul_record *rec)
{
	bool blank = tag.size && tag.data[tag.size - 1] != ' ';
	size_t need = tag.size + message.size + blank;

	rec->message = message;
	if (!tag.size || !rec->scratch || rec->scratch_size < need)
		return;
	memcpy(rec->scratch, tag.data, tag.size);
	if (blank)
		rec->scratch[tag.size] = ' ';
	if (message.size)
		memcpy(rec->scratch + tag.size + blank, message.data, message.size);
	rec->message = cul_slice(rec->scratch, need);
	rec->scratch += need;
	rec->scratch_size -= need;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t skip_blanks(struct cul_slice text, size_t i)
{
	while (i < text.size && is_blank(text.data[i]))
		i++;
	return i;
}

/* behind the string that begins at @i, or 0 */
static size_t string_end(struct cul_slice text, size_t i)
{
	for (i++; i < text.size; i++) {
		if (text.data[i] == '\\')
			i++;
		else if (text.data[i] == '"')
			return i + 1;
	}
	return 0;
}

/* behind the value that begins at @i, or 0 */
static size_t value_end(struct cul_slice text, size_t i)
{
	size_t depth = 0;

	for (; i < text.size; i++) {
		char c = text.data[i];

		if (c == '"') {
			size_t end = string_end(text, i);

			if (!end)
				return 0;
			if (!depth)
				return end;
			i = end - 1;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			if (!depth)
				return i;
			if (!--depth)
				return i + 1;
		} else if (!depth && (c == ',' || is_blank(c))) {
			return i;
		}
	}
	return 0;
}

bool cul_json_next(struct cul_slice *rest, struct cul_slice *key, struct cul_slice *value)
{
	size_t i = skip_blanks(*rest, 0), end;

	if (i >= rest->size || (rest->data[i] != '{' && rest->data[i] != ','))
		return false;
	i = skip_blanks(*rest, i + 1);
	if (i >= rest->size || rest->data[i] != '"' || !(end = string_end(*rest, i)))
		return false;
	*key = cul_slice(rest->data + i + 1, end - i - 2);
	i = skip_blanks(*rest, end);
	if (i >= rest->size || rest->data[i] != ':')
		return false;
	i = skip_blanks(*rest, i + 1);
	if (i >= rest->size || !(end = value_end(*rest, i)) || end == i)
		return false;
	*value = cul_slice(rest->data + i, end - i);
	*rest = cul_from(*rest, end);
	return true;
}

static int hex4(const char *p)
{
	int n = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;

		if (d < 0)
			return -1;
		n = n * 16 + d;
	}
	return n;
}

/* drop ESC [ … letter in place; returns the new size */
static size_t drop_colours(char *text, size_t size)
{
	size_t out = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == 0x1b) {
			if (i + 1 < size && text[i + 1] == '[') {
				i += 2;
				while (i < size && !((text[i] >= '@') && (text[i] <= '~')))
					i++;
			}
			continue;
		}
		if (c < 0x20 && c != '\t' && c != '\n')
			continue;
		text[out++] = text[i];
	}
	return out;
}

/* bytes of "[104,105]" at @out; SIZE_MAX when it is no such array */
static size_t put_bytes(struct cul_slice raw, char *out)
{
	size_t n = 0, i = skip_blanks(raw, 1);

	while (i < raw.size && raw.data[i] != ']') {
		unsigned value = 0;
		size_t start = i;

		while (i < raw.size && cul_peel_digit(raw.data[i]) && i - start < 4)
			value = value * 10 + (unsigned)(raw.data[i++] - '0');
		if (i == start || value > 255)
			return SIZE_MAX;
		out[n++] = (char)value;
		i = skip_blanks(raw, i);
		if (i < raw.size && raw.data[i] == ',')
			i = skip_blanks(raw, i + 1);
		else if (i >= raw.size || raw.data[i] != ']')
			return SIZE_MAX;
	}
	return n;
}

static size_t put_text(struct cul_slice raw, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.size; i++) {
		char c = raw.data[i];
		int low, high;

		if (c != '\\' || i + 1 >= raw.size) {
			out[n++] = c;
			continue;
		}
		switch (c = raw.data[++i]) {
		case 'n': out[n++] = '\n'; break;
		case 't': out[n++] = '\t'; break;
		case 'r': out[n++] = '\r'; break;
		case 'b': case 'f': break;
		case 'u':
			if (i + 4 >= raw.size)
				break;
			high = hex4(raw.data + i + 1);
			if (high < 0)
				break;
			i += 4;
			if (high >= 0xd800 && high < 0xdc00 && i + 6 < raw.size && raw.data[i + 1] == '\\' && raw.data[i + 2] == 'u' &&
			    (low = hex4(raw.data + i + 3)) >= 0xdc00 && low < 0xe000) {
				n += cul_put_utf8(out + n, 0x10000 + (((uint32_t)high & 0x3ff) << 10 | ((uint32_t)low & 0x3ff)));
				i += 6;
			} else {
				n += cul_put_utf8(out + n, high >= 0xd800 && high < 0xe000 ? 0xfffd : (uint32_t)high);
			}
			break;
		default: out[n++] = c;
		}
	}
	return n;
}

struct cul_slice cul_json_text(struct cul_slice raw, struct cul_record *rec)
{
	bool array = raw.size && raw.data[0] == '[';
	size_t n;

	if (!raw.size || raw.data[0] == '{' || cul_is(raw, CUL_LIT("null")))
		return CUL_NONE;
	if (raw.data[0] != '"' && !array)
		return raw;
	if (!array) {
		if (raw.size < 2)
			return CUL_NONE;
		raw = cul_slice(raw.data + 1, raw.size - 2);
		if (!raw.size || !memchr(raw.data, '\\', raw.size))
			return raw;
	}
	/* unescaped text is never longer than the text it comes from */
	if (!rec->scratch || rec->scratch_size < raw.size)
		return array ? CUL_NONE : raw;
	if (array) {
		n = put_bytes(raw, rec->scratch);
		if (n == SIZE_MAX)
			return CUL_NONE;
	} else {
		n = put_text(raw, rec->scratch);
	}
	n = drop_colours(rec->scratch, n);
	raw = cul_slice(rec->scratch, n);
	rec->scratch += n;
	rec->scratch_size -= n;
	return raw;
}
