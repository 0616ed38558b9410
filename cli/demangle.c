/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Function names as people write them: of C++ by libsupc++ (where there is one: HAVE_DEMANGLE), of Rust's older scheme by hand.
 *
 *   _ZN4demo5Queue4pushERKSs                                demo::Queue::push       the Itanium C++ ABI, chapter 5
 *   _ZNSt6vectorIiSaIiEE9push_backEOi                       std::vector::push_back
 *   _ZN4core9panicking5panic17h0123456789abcdefE            core::panicking::panic
 *   _ZN50_$LT$demo..Queue$u20$as$u20$demo..Push$GT$4push17h… <demo::Queue_as_demo::Push>::push      rustc_symbol_mangling's legacy.rs
 *
 * Parameters, template arguments, return types and Rust's hash stay out: frames are compared by name, and gdb's are kept the same way.
 * Rust's v0 names (_R…) are left as they are. Part of culprit-unwind, whose input is hostile: names are cut first.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unwind.h"

#define LONGEST 4096 /* of a mangled name */

#ifdef HAVE_DEMANGLE
extern char *__cxa_demangle(const char *mangled, char *to, size_t *size, int *status);

struct out {
	char *to;
	size_t size, used;
};

static void put(struct out *o, char c)
{
	if (o->used + 1 < o->size)
		o->to[o->used++] = (unsigned char)c <= ' ' ? '_' : c;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

/* "operator<<", "operator()", "operator new[]", "operator bool": what belongs to the name. Where its arguments begin. */
static const char *put_operator(struct out *o, const char *at)
{
	for (int i = 0; i < 8; i++)
		put(o, *at++);
	if (!strncmp(at, "()", 2) || !strncmp(at, "[]", 2)) {
		put(o, *at++);
		put(o, *at++);
	} else if (*at == ' ') {
		while (*at && *at != '(' && *at != '<')
			put(o, *at++);
	} else {
		while (*at && strchr("<>=+-*/%^&|~!,", *at))
			put(o, *at++);
	}
	return at;
}

/* "std::vector<int>& demo::f<int>(int, char const*) const [clone .cold]" -> demo::f */
static void put_name(struct out *o, const char *at)
{
	const char *const begin = at;
	int depth = 0;
	while (*at) {
		if (!depth && !strncmp(at, "operator", 8) && !is_word(at[8]) && (at == begin || !is_word(at[-1]))) {
			at = put_operator(o, at);
			continue;
		}
		if (!depth && !strncmp(at, "(anonymous namespace)", 21)) {
			for (int i = 0; i < 21; i++)
				put(o, *at++);
			continue;
		}
		if (!depth && (*at == '{' || *at == '\'')) { /* {lambda(int)#1}, 'lambda'(int) */
			char end = *at == '{' ? '}' : '\'';
			do
				put(o, *at++);
			while (*at && *at != end);
			if (*at)
				put(o, *at++);
			continue;
		}
		if (!depth && o->used >= 8 && *at == '(' && !strncmp(o->to + o->used - 8, "decltype", 8) && o->used == 8) {
			int open = 0; /* a return type */
			do
				open += (*at == '(') - (*at == ')');
			while (*++at && open);
			o->used = 0;
			continue;
		}
		if (*at == '<') {
			depth++;
		} else if (*at == '>' && (at == begin || at[-1] != '-')) {
			depth -= depth > 0;
		} else if (!depth && *at == '(') {
			break;
		} else if (!depth && *at == ' ') {
			o->used = 0; /* what stood before was what it returns */
		} else if (!depth && !(strchr("*&", *at) && !o->used)) {
			put(o, *at);
		}
		at++;
	}
	o->to[o->used] = '\0';
}

/* "…::h0123456789abcdef" */
static size_t without_hash(const char *name)
{
	size_t n = strlen(name);
	return n > 19 && !strncmp(name + n - 19, "::h", 3) && strspn(name + n - 16, "0123456789abcdef") == 16 ? n - 19 : 0;
}

static void put_rust(struct out *o, const char *at, size_t n)
{
	static const struct {
		const char *code, *text;
	} codes[] = { { "$LT$", "<" }, { "$GT$", ">" }, { "$RF$", "&" }, { "$BP$", "*" }, { "$C$", "," }, { "$LP$", "(" }, { "$RP$", ")" }, { "$u20$", " " },
		      { "$u27$", "'" }, { "$u5b$", "[" }, { "$u5d$", "]" }, { "$u7b$", "{" }, { "$u7d$", "}" }, { "$u7e$", "~" }, { "..", "::" } };
	const char *end = at + n;
	if (*at == '_' && at[1] == '$')
		at++;
	while (at < end) {
		size_t i = 0;
		while (i < sizeof(codes) / sizeof(codes[0]) && strncmp(at, codes[i].code, strlen(codes[i].code)) != 0)
			i++;
		if (!strncmp(at, "::_$", 4)) {
			put(o, ':');
			put(o, ':');
			at += 3;
		} else if (i == sizeof(codes) / sizeof(codes[0])) {
			put(o, *at++);
		} else {
			for (const char *c = codes[i].text; *c; c++)
				put(o, *c);
			at += strlen(codes[i].code);
		}
	}
	o->to[o->used] = '\0';
}

/* False: it is no mangled name. */
static bool demangle(const char *symbol, size_t n, char *to, size_t size)
{
	struct out o = { to, size, 0 };
	char mangled[LONGEST], *begin = mangled, *suffix, *name;
	int status = 0;

	if (n < 3 || n >= sizeof(mangled) || (strncmp(symbol, "_Z", 2) && strncmp(symbol, "__Z", 3)))
		return false;
	memcpy(mangled, symbol, n);
	mangled[n] = '\0';
	begin += mangled[1] == '_';
	/* what compilers split off keeps its suffix behind the name: f.cold, f.part.0 */
	suffix = strchr(mangled, '.');
	name = __cxa_demangle(begin, NULL, NULL, &status);
	if (!name && suffix && suffix[1] != '.' && suffix[1] != '_') {
		*suffix = '\0';
		name = __cxa_demangle(begin, NULL, NULL, &status);
	}
	if (name && without_hash(name))
		put_rust(&o, name, without_hash(name));
	else if (name)
		put_name(&o, name);
	free(name);
	return o.used > 0;
}
#else
static bool demangle(const char *symbol, size_t n, char *to, size_t size)
{
	(void)symbol, (void)n, (void)to, (void)size;
	return false;
}
#endif

void function_name(const char *symbol, char *to, size_t size)
{
	size_t n = strcspn(symbol, "@"); /* name@VERSION */

	if (!demangle(symbol, n, to, size))
		snprintf(to, size, "%.*s", (int)(n < size ? n : size - 1), symbol);
}
