/* SPDX-License-Identifier: Apache-2.0 */
/** What lies inside a core's memory: packages' notes, Python's threads, goroutines. */
#include "tests/core_made.h"

/* what a distribution wrote into the file at build time */
static void packages(void **state)
{
	(void)state;
	static const char json[] = "{\"type\":\"rpm\",\"name\":\"demo-server\",\"version\":\"2.5.0-2.el9\",\"architecture\":\"x86_64\"}";
	for (size_t cut = 0; cut < sizeof(json); cut += 7) {
		struct made *m = program(11, 1, 0x18, CODE + 0x1100, STACK + 0x100);
		unsigned char *n = m->segments[0].bytes + 0x200 + 36;
		put32(n, 4);
		put32(n + 4, sizeof(json) - cut);
		put32(n + 8, 0xcafe1a7e);
		memcpy(n + 12, "FDO\0", 4);
		memcpy(n + 16, json, sizeof(json));
		put64(m->segments[0].bytes + 64 + 32, 36 + 16 + sizeof(json) + 3);
		struct told told = told_of(m);
		expect(told, "build_id=a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3;");
		if (!cut) {
			expect(told, "threads=1; user=1000; package=demo-server; version=2.5.0-2.el9; |");
			expect(told, "package demo-server 2.5.0-2.el9\n");
		}
		free(told.text);
	}
}

/* ---- Python ---------------------------------------------------------------------------------------- */

/* ASCII strings have the layout of 3.12 and later: length at 16, state at 32, text at 40 */
static void python_text(unsigned char *p, const char *text)
{
	put64(p + 8, DATA + 0xd00);
	put64(p + 16, strlen(text));
	put32(p + 32, 1 << 2 | 8 << 2 | 16 << 2);
	memcpy(p + 40, text, strlen(text));
}

/*
 * A runtime at DATA whose table says that everything stands elsewhere than in any real one: interpreter at HEAP, thread states at HEAP +
 * 0x100 and 0x180, frames at HEAP + 0x200 on, code at HEAP + 0x400 and 0x500, texts from 0x600 on.
 */
static struct made *python(uint64_t version)
{
	static const struct {
		int word;
		uint64_t value;
	} table[] = { { 5, 0x300 }, { 8, 8 }, { 9, 16 }, { 14, 24 }, { 15, 0x1000 }, { 17, 0x1010 }, { 18, 0x1008 }, { 21, 0 }, { 22, 8 }, { 23, 16 }, { 24, 24 }, { 25, 32 },
		      { 29, 0 }, { 30, 8 }, { 31, 16 }, { 33, 24 }, { 35, 16 }, { 36, 24 }, { 37, 24 }, { 38, 32 }, { 39, 40 }, { 43, 64 }, { 45, 8 }, { 65, 16 },
		      { 66, 32 }, { 68, 32 }, { 69, 16 }, { 70, 40 } };
	struct made *m = program(6, -6, 4242, CODE + 0x1100, STACK + 0x100);
	unsigned char *d = DATA_OF(m), *h = HEAP_OF(m);
	put64(h + 0x10, HEAP + 0x100); /* the interpreter: threads, lock */
	put64(h + 0x18, HEAP + 0x80);
	put64(h + 0x88, HEAP + 0x100);
	put32(h + 0x90, 1);
	put64(h + 0x100, HEAP + 0x180); /* a thread: next, interpreter, frame, pthread_self(), tid */
	put64(h + 0x108, HEAP);
	put64(h + 0x110, HEAP + 0x200);
	put64(h + 0x120, 4242);
	put64(h + 0x188, HEAP); /* another, which is no thread of the core */
	put64(h + 0x190, HEAP + 0x260);
	put64(h + 0x1a0, 4243);
	put64(h + 0x200, HEAP + 0x220); /* frames: caller, code, instruction, owner */
	put64(h + 0x208, HEAP + 0x400);
	put64(h + 0x210, HEAP + 0x440 + 4);
	put64(h + 0x220, HEAP + 0x240);
	h[0x238] = 3; /* C's */
	put64(h + 0x248, HEAP + 0x500);
	put64(h + 0x250, HEAP + 0x540 - 2);
	put64(h + 0x260, HEAP + 0x260); /* a circle */
	put64(h + 0x268, HEAP + 0x500);
	put64(h + 0x270, HEAP + 0x540);
	for (int i = 0; i < 2; i++) { /* code objects: type, file, name, lines, first line */
		unsigned char *c = h + 0x400 + i * 0x100;
		put64(c + 8, DATA + 0xe00);
		put64(c + 16, HEAP + 0x600);
		put64(c + 24, HEAP + 0x680 + (uint64_t)i * 0x80);
		put64(c + 32, HEAP + 0x780);
		put32(c + 40, 10);
	}
	python_text(h + 0x600, "/srv/venv/lib/python3.13/site-packages/demo/main loop.py");
	python_text(h + 0x680, "Server.run");
	python_text(h + 0x700, "<module>");
	/* two units at the first line, three at 4 lines on, the rest at no line */
	static const unsigned char lines[] = { 0x80 | 10 << 3 | 1, 0, 0, 0x80 | 13 << 3 | 2, 8, 0x80 | 15 << 3 | 7 };
	put64(h + 0x780 + 16, sizeof(lines));
	memcpy(h + 0x780 + 32, lines, sizeof(lines));
	memcpy(d, "xdebugpy", 8);
	put64(d + 8, version);
	for (size_t i = 0; i < COUNT(table); i++)
		put64(d + 8 * table[i].word, table[i].value);
	put64(d + 0x300, HEAP);
	return m;
}

static void python_frames(void **state)
{
	(void)state;
	struct told told = told_of(python(0x030d02f0));
	expect(told, "core.python pid=4242; tid=4242; comm=server; version=3.13.2; function=Server.run; place=demo/main_loop.py:14; "
		     "frames=Server.run(demo/main_loop.py:14) <module>(demo/main_loop.py:10); count=2; gil=1;");
	expect(told, "thread.stack pid=4242; tid=4242; comm=server; frames=Server.run <module>; function=Server.run;");
	/* the one that goes in a circle is told as far as is sensible */
	expect(told, "tid=4243; comm=server; version=3.13.2; function=<module>; place=demo/main_loop.py:10;");
	expect(told, "count=20000;");
	refuse(told, "core.missing");
	free(told.text);

	/* of a version whose table has another order */
	told = told_of(python(0x031e00f0));
	refuse(told, "core.python");
	expect(told, "this is 3.30, whose layout is not known here");
	free(told.text);

	/* any word of it wrong: never more than what stands there */
	for (size_t at = 0; at < 0x310; at += 8)
		for (int how = 0; how < 4; how++) {
			struct made *m = python(0x030d02f0);
			static const uint64_t values[] = { 0, UINT64_MAX, 0xffff8, HEAP };
			put64(DATA_OF(m) + at, values[how]);
			free(told_of(m).text);
		}
	for (size_t at = 0; at < 0x800; at += 8)
		for (int how = 0; how < 3; how++) {
			struct made *m = python(0x030d02f0);
			static const uint64_t values[] = { HEAP + 0x100, UINT64_MAX, HEAP + 0xffc };
			put64(HEAP_OF(m) + at, values[how]);
			free(told_of(m).text);
		}
}

/* 3.12 has no table: the runtime is what looks like one */
static void python_without_table(void **state)
{
	(void)state;
	for (int good = 1; good >= 0; good--) {
		struct made *m = program(6, -6, 4242, CODE + 0x1100, STACK + 0x100);
		unsigned char *d = DATA_OF(m), *h = HEAP_OF(m);
		put32(d + 0x200, 1);
		put32(d + 0x208, 1);
		put32(d + 0x20c, 1);
		put32(d + 0x210, 1);
		put64(d + 0x200 + 40, HEAP);
		put64(d + 0x200 + 48, HEAP);
		put64(h + 72, HEAP + 0x100);
		put64(h + 0x100 + 16, HEAP);
		put64(h + 0x100 + 144, good ? 4242 : 4999); /* no thread of this core: no interpreter */
		put64(h + 0x100 + 56, HEAP + 0x200);
		put64(h + 0x200, HEAP + 0x240);
		put64(h + 0x240, HEAP + 0x300);
		put64(h + 0x240 + 56, HEAP + 0x300 + 192);
		unsigned char *c = h + 0x300;
		put64(c + 8, DATA + 0xe00);
		put32(c + 68, 7);
		put64(c + 112, HEAP + 0x500);
		put64(c + 128, HEAP + 0x580);
		put64(c + 136, HEAP + 0x600);
		python_text(h + 0x500, "/srv/a.py");
		python_text(h + 0x580, "step");
		put64(h + 0x600 + 16, 2);
		h[0x600 + 32] = 0x80 | 11 << 3;
		struct told told = told_of(m);
		if (good)
			expect(told, "version=3.12; function=step; place=a.py:8; frames=step(a.py:8); count=1;");
		else
			refuse(told, "core.python");
		free(told.text);
	}
}

/* ---- Go --------------------------------------------------------------------------------------------- */

/* Four goroutines whose structures lie at HEAP + 0x400 and on, their stacks in STACK; runtime.allgs in DATA. */
static struct made *golang(int status_at)
{
	struct made *m = program(6, -6, 4242, CODE + 0x1100, STACK + 0x100);
	unsigned char *d = DATA_OF(m), *h = HEAP_OF(m), *s = STACK_OF(m);
	memcpy(d + 0x100, "\xff Go buildinf:\x08\x02", 16);
	d[0x120] = 8;
	memcpy(d + 0x121, "go1.22.3", 8);
	put64(d + 0x200, HEAP);
	put64(d + 0x208, 4);
	put64(d + 0x210, 8);
	for (int i = 0; i < 4; i++) {
		unsigned char *g = h + 0x400 + i * 0x100;
		uint64_t low = STACK + 0x400 + (uint64_t)i * 0x100;
		put64(h + i * 8, HEAP + 0x400 + (uint64_t)i * 0x100);
		put64(g, low);
		put64(g + 8, low + 0x100);
		put64(g + 56, low + 0x40);
		put64(g + 64, CODE + 0x1200);
		put64(g + 72, HEAP + 0x400 + (uint64_t)i * 0x100);
		put64(g + 104, low + 0x60);
		put32(g + status_at, i == 3 ? 6 : 4);
		put64(g + status_at + 8, i ? 17 + (uint64_t)i : 1);
		put64(s + 0x460 + i * 0x100 + 8, i ? CODE + 0x1300 : CODE + 0x1400);
	}
	return m;
}

static void goroutines(void **state)
{
	(void)state;
	for (int status = 144; status <= 152; status += 8) {
		struct told told = told_of(golang(status));
		expect(told, "core.goroutines pid=4242; comm=server; version=go1.22.3; count=2; goroutine=18; status=waiting; frames=server+0x1200 server+0x1300;");
		expect(told, "count=1; goroutine=1; status=waiting; frames=server+0x1200 server+0x1400;");
		expect(told, "a Go program (go1.22.3): goroutines without their functions' names");
		free(told.text);
	}
	for (size_t at = 0; at < 0x700; at += 8)
		for (int how = 0; how < 3; how++) {
			struct made *m = golang(152);
			static const uint64_t values[] = { HEAP + 0x400, UINT64_MAX, 0 };
			put64(HEAP_OF(m) + at, values[how]);
			if (at < 0x200)
				put64(DATA_OF(m) + 0x100 + at, values[how]);
			free(told_of(m).text);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packages),
		cmocka_unit_test(python_frames),
		cmocka_unit_test(python_without_table),
		cmocka_unit_test(goroutines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
