/* SPDX-License-Identifier: Apache-2.0 */
/** Core files of programs: made by hand, one lie or truth each, and one that Linux wrote. */
#include "tests/core_made.h"

/* ---- tests ----------------------------------------------------------------------------------- */

static void what_signals_mean(void **state)
{
	static const struct {
		int signal, code;
		uint64_t address, pc, sp;
		const char *event;
	} cases[] = {
		{ 11, 1, 0x18, CODE + 0x1100, STACK + 0x800, "event=null-pointer;" },
		{ 11, 1, 0, 0, STACK + 0x800, "event=null-call;" },
		{ 11, 128, 0, CODE + 0x1100, STACK + 0x800, "event=non-canonical;" }, /* its address 0 is none */
		{ 11, 1, 0x414141410000, CODE + 0x1100, STACK + 0x800, "event=wild-pointer;" },
		{ 11, 1, 0x414141410000, 0x414141410000, STACK + 0x800, "event=wild-call;" },
		{ 11, 2, CODE + 0x10, CODE + 0x1100, STACK + 0x800, "event=protection;" },
		{ 11, 1, STACK - 8, CODE + 0x1100, STACK - 16, "event=stack-overflow;" },
		{ 11, 1, STACK - 8, CODE + 0x1100, HEAP + 0x100, "event=wild-pointer;" }, /* the stack is elsewhere */
		{ 7, 4, HEAP, CODE + 0x1100, STACK + 0x800, "event=memory-failure;" },
		{ 7, 2, CODE + 0x2100, CODE + 0x1100, STACK + 0x800, "event=bus-file;" },
		{ 7, 2, HEAP, CODE + 0x1100, STACK + 0x800, "event=bus;" },
		{ 6, -6, 4242, LIBC + 0x100, STACK + 0x800, "event=abort;" },
		{ 6, 0, 1, LIBC + 0x100, STACK + 0x800, "event=sent;" },
		{ 11, -6, 4242, LIBC + 0x100, STACK + 0x800, "event=raised;" },
		{ 8, 1, CODE + 0x1100, CODE + 0x1100, STACK + 0x800, "event=arithmetic;" },
		{ 19, 128, 0, LIBC + 0x100, STACK + 0x800, "event=snapshot;" }, /* gcore stopped it */
		{ 3, 0, 77, LIBC + 0x100, STACK + 0x800, "process 77 sent the signal" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct told told = told_of(program(cases[i].signal, cases[i].code, cases[i].address, cases[i].pc, cases[i].sp));
		expect(told, cases[i].event);
		expect(told, "comm=server;");
		refuse(told, "core.missing");
		free(told.text);
	}
}

static void guard_pages(void **state)
{
	(void)state;
	struct made *m = program(11, 2, STACK + 0x10000 - 8, CODE + 0x1100, STACK + 0x10000 - 16);
	memory(m, STACK + 0xf000, 0x1000, 0, 0);
	memory(m, STACK + 0x10000, 0x8000, 0x1000, 6);
	struct told told = told_of(m);
	expect(told, "event=stack-overflow;");
	expect(told, "stack of 32 KiB");
	free(told.text);
}

static void shared_memory(void **state)
{
	static const struct {
		const char *path, *event;
	} cases[] = { { "/dev/shm/psm_41f", "event=bus-shm;" }, { "/memfd:ring (deleted)", "event=bus-shm;" }, { "/dev/hugepages/pool", "event=bus-hugepages;" },
		      { "/anon_hugepage (deleted)", "event=bus-hugepages;" }, { "/data/model.gguf", "event=bus-file;" } };
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made *m = calloc(1, sizeof(*m));
		const uint64_t at[][2] = { { HEAP, HEAP + 0x2000 } };
		thread(m, (struct thread){ .tid = 5, .pc = CODE, .sp = STACK + 64 }, 7);
		process(m, 5, "loader");
		siginfo(m, 7, 2, HEAP + 0x1234);
		files(m, at, &cases[i].path, 1);
		memory(m, HEAP, 0x2000, 0, 6);
		memory(m, STACK, 0x1000, 0x1000, 6);
		struct told told = told_of(m);
		expect(told, cases[i].event);
		expect(told, cases[i].path);
		free(told.text);
	}
}

static void places_and_arguments(void **state)
{
	(void)state;
	struct made *m = program(11, 1, 0x18, CODE + 0x1100, STACK + 0x100);
	unsigned char *s = STACK_OF(m), auxv[64] = { 0 };
	static const char *const words[] = { "./server", "--port", "80 80", "TOKEN=secret-word" };
	put64(auxv, 33);
	put64(auxv + 8, STACK + 0x40000);
	put64(auxv + 16, 3);
	put64(auxv + 24, CODE + 64);
	put64(auxv + 32, 31);
	put64(auxv + 40, STACK + 0xff0);
	note(m, 6, auxv, sizeof(auxv));
	for (int i = 0; i < 4; i++)
		memcpy(s + 0xe00 + i * 32, words[i], strlen(words[i]) + 1);
	memcpy(s + 0xff0, "./server", 9);
	put64(s + 0x400, 3);
	for (int i = 0; i < 3; i++)
		put64(s + 0x408 + i * 8, STACK + 0xe00 + (uint64_t)i * 32);
	put64(s + 0x428, STACK + 0xe00 + 3 * 32);
	memcpy(s + 0x438, auxv, sizeof(auxv));
	put64(s + 0x108, CODE + 0x1234); /* may be a return address */
	struct told told = told_of(m);
	expect(told, "command=./server --port 80 80;");
	expect(told, "path=/srv/demo/server;");
	expect(told, "offset=0x1100;");
	expect(told, "build_id=a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3;");
	expect(told, "frames=server+0x1100 server+0x1234; unwound=guess;");
	refuse(told, "secret-word");
	free(told.text);
}

static void frame_pointers(void **state)
{
	(void)state;
	struct made *m = calloc(1, sizeof(*m));
	const uint64_t at[][2] = { { CODE, CODE + 0x3000 } };
	const char *const paths[] = { "/srv/demo/server" };
	thread(m, (struct thread){ .tid = 5, .pc = CODE + 0x10, .sp = STACK + 64, .fp = STACK + 128, .number = UINT64_MAX }, 11);
	process(m, 5, "server");
	files(m, at, paths, 1);
	memory(m, CODE, 0x3000, 0, 5);
	unsigned char *s = memory(m, STACK, 0x1000, 0x1000, 6);
	put64(s + 72, CODE + 0x999); /* none: the chain knows better */
	put64(s + 128, STACK + 256);
	put64(s + 136, CODE + 0x20);
	put64(s + 256, STACK + 512);
	put64(s + 264, CODE + 0x30);
	struct told told = told_of(m);
	expect(told, "frames=server+0x10 server+0x20 server+0x30; unwound=frame-pointers;");
	free(told.text);
}

static void raised_again(void **state)
{
	(void)state;
	struct made *m = program(11, -6, 4242, LIBC + 0x100, STACK + 0x40);
	unsigned char *u = STACK_OF(m) + 0x80, *c = u + 40;
	put64(u, 7);
	put64(c + 15 * 8, STACK + 0x800);
	put64(c + 16 * 8, CODE + 0x1777);
	put64(c + 17 * 8, 0x10246);
	put64(c + 18 * 8, UINT64_C(0x2b000000000033));
	put64(c + 19 * 8, 4);
	put64(c + 20 * 8, 14);
	put64(c + 22 * 8, 0x30);
	struct told told = told_of(m);
	expect(told, "event=null-pointer;");
	expect(told, "address=0x30;");
	expect(told, "offset=0x1777;");
	free(told.text);
}

static void last_words(void **state)
{
	(void)state;
	struct made *m = program(6, -6, 4242, LIBC + 0x100, STACK + 0x40);
	put64(DATA_OF(m) + 0x120, HEAP); /* __abort_msg */
	put32(HEAP_OF(m), 4096);
	strcpy((char *)HEAP_OF(m) + 4, "server: queue.c:41: push: Assertion `q->n < q->max' failed.\n");
	struct told told = told_of(m);
	expect(told, "core.abort-message pid=4242; comm=server; event=assertion; what=server: queue.c:41: push: Assertion `q->n < q->max' failed.;");
	free(told.text);

	m = program(6, -6, 4242, LIBC + 0x100, STACK + 0x40);
	put64(DATA_OF(m) + 0x120, HEAP);
	put32(HEAP_OF(m), 4097); /* no whole pages: something else */
	strcpy((char *)HEAP_OF(m) + 4, "some text of its own");
	told = told_of(m);
	refuse(told, "core.abort-message");
	free(told.text);

	/* an exception of libstdc++ with an old string */
	m = program(6, -6, 4242, LIBC + 0x100, STACK + 0x40);
	unsigned char *h = HEAP_OF(m), *object = h + 0x200;
	put32(object - 128, 1);
	put64(object - 112, LIBC + 0x2800);
	put32(object - 72, 1);
	memcpy(object - 32, "\0++CCUNG", 8);
	put64(object, LIBC + 0x2900);
	put64(object + 8, HEAP + 0x618);
	put64(h + 0x600, 14);
	put64(h + 0x608, 14);
	memcpy(h + 0x618, "no such tensor", 15);
	told = told_of(m);
	expect(told, "event=terminate; what=no such tensor; source=C++ exception on the heap;");
	free(told.text);

	m = program(6, -6, 4242, LIBC + 0x100, STACK + 0x40);
	strcpy((char *)HEAP_OF(m) + 0x301, "fatal error: all goroutines are asleep - deadlock!\n");
	strcpy((char *)HEAP_OF(m) + 0x101, "a log says fatal error: nothing\n");
	told = told_of(m);
	expect(told, "event=go-fatal; what=fatal error: all goroutines are asleep - deadlock!; source=text in memory;");
	free(told.text);
}

/* Three threads: 101 -> 102 -> 103 -> 101; 104 waits for 101 and is in no circle. */
static void circles(void **state)
{
	(void)state;
	struct made *m = calloc(1, sizeof(*m));
	thread(m, (struct thread){ .tid = 100, .pc = CODE, .sp = STACK + 64, .number = UINT64_MAX }, 6);
	for (int i = 1; i <= 4; i++)
		thread(m, (struct thread){ .tid = 100 + i, .pc = CODE, .sp = STACK + 64, .number = 202, .arg = { HEAP + (uint64_t)i * 64, 128, 2 } }, 6);
	process(m, 100, "server");
	unsigned char *h = memory(m, HEAP, 0x1000, 0x1000, 6);
	static const int owners[] = { 0, 102, 103, 101, 101 };
	for (int i = 1; i <= 4; i++) {
		put32(h + i * 64, 2);
		put32(h + i * 64 + 8, (uint64_t)owners[i]);
	}
	struct told told = told_of(m);
	expect(told, "core.futex-cycle pid=100; comm=server; tids=101 102 103; threads=3;");
	expect(told, "tid=104; what=mutex; address=0x555555600100; owner_tid=101; | thread 104 waits for the mutex at 0x555555600100, held by thread 101\n");
	free(told.text);

	/* a semaphore's word is no mutex; an owner that is nobody's tid is none; PI: the word is the tid */
	m = calloc(1, sizeof(*m));
	thread(m, (struct thread){ .tid = 100, .number = 202, .sp = STACK, .arg = { HEAP, 128, 0 } }, 6);
	thread(m, (struct thread){ .tid = 101, .number = 202, .sp = STACK, .arg = { HEAP + 64, 128, 2 } }, 6);
	thread(m, (struct thread){ .tid = 102, .number = 202, .sp = STACK, .arg = { HEAP + 128, 6, 0 } }, 6);
	process(m, 100, "server");
	h = memory(m, HEAP, 0x1000, 0x1000, 6);
	put32(h + 8, 101);
	put32(h + 64, 2);
	put32(h + 64 + 8, 999);
	put32(h + 128, 0x80000000u | 102);
	told = told_of(m);
	expect(told, "tids=102; threads=1;");
	refuse(told, "tid=100; what=");
	refuse(told, "tid=101; what=");
	free(told.text);
}

static void whose_file(void **state)
{
	(void)state;
	struct made *m = program(11, 1, 0x18, CODE + 0x1100, STACK + 0x100);
	m->physical = 0x1000000; /* a kernel's memory */
	struct told told = told_of(m);
	refuse(told, "core.process");
	free(told.text);

	m = program(11, 1, 0x18, CODE, STACK);
	m->class = 1;
	told = told_of(m);
	expect(told, "core.missing why=a core of a 32-bit program: not read here;");
	free(told.text);

	m = program(11, 1, 0x18, CODE, STACK);
	m->type = 3; /* a library */
	told = told_of(m);
	refuse(told, "core.");
	free(told.text);

	m = program(11, 1, 0x18, CODE + 0x1100, STACK + 0x100);
	struct cul_slice bytes = file(m);
	told = tell("dump/core.my\\x2eserver.1000.5c1d0b7e0a9b4f1f8a3c2d1e0f9a8b7c.4242.1795226459000001", bytes);
	expect(told, "core.process @1795226459000001000");
	free(told.text);
	free((char *)bytes.data);
	free(m);
}

/* Cut at any byte: what is missing is said, nothing fails. */
static void cut_short(void **state)
{
	(void)state;
	struct made *m = program(11, 1, 0x18, CODE + 0x1100, STACK + 0x100);
	struct cul_slice bytes = file(m);
	for (size_t cut = 64; cut < bytes.size; cut += cut < 2500 ? 7 : 509) {
		char *copy = malloc(cut);
		assert_non_null(copy);
		memcpy(copy, bytes.data, cut);
		struct told told = tell("core", (struct cul_slice){ copy, cut });
		expect(told, "core.missing");
		free(told.text);
		free(copy);
	}
	free((char *)bytes.data);
	free(m);
}

/* samples/dumps/server.core.zst: a static program of two threads that wait for each other, and a main thread that uses a null pointer. */
static void by_linux(void **state)
{
	(void)state;
	FILE *f = fopen("samples/dumps/server.core.zst", "rb");
	static char bytes[1 << 16];
	assert_non_null(f);
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	struct told told = tell("server.core.zst", (struct cul_slice){ bytes, n });
	expect(told, "command=./server --port 8080 --model tiny;");
	expect(told, "signal=SIGSEGV; signal_code=SEGV_MAPERR; event=null-pointer;");
	expect(told, "address=0x20;");
	expect(told, "core.futex-cycle pid=14628; comm=server; tids=14629 14633; threads=2;");
	expect(told, "image=server; offset=0x401730;");
	expect(told, "syscall=futex;");
	refuse(told, "not-to-be-told");
	refuse(told, "core.missing");
	free(told.text);
}

/* ---- with the program's files; what stands around cores -------------------------------------- */

static struct cul_slice server_core(void)
{
	static char bytes[1 << 16];
	FILE *f = fopen("samples/dumps/server.core.zst", "rb");
	assert_non_null(f);
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	return (struct cul_slice){ bytes, n };
}

static void some_frames(void *ctx, const struct cul_unwind *what, bool (*frame)(void *to, const struct cul_unwind_frame *f), void *to, char why[256])
{
	const char *mode = ctx;
	const struct cul_unwind_frame frames[] = { { 0, what->threads[0].registers[16], "inner call", "/src/a\nb.c", 7 }, { 0, 0x401000, "outer", NULL, 0 },
						   { 1, what->threads[1].registers[16], NULL, NULL, 0 }, { 1, 1, "waits", "w.c", 3 } };
	assert_int_equal(what->machine, 62);
	assert_true(what->module_count > 0 && what->thread_count == 3);
	/* the stack is there, from the red zone up, and nobody's environment is needed for it */
	assert_true(what->threads[0].stack.size > 128 && what->threads[0].registers[7] - what->threads[0].stack_at <= 136);
	if (!strcmp(mode, "backwards"))
		for (size_t i = COUNT(frames); i--;)
			frame(to, &frames[i]);
	else if (!strcmp(mode, "flood"))
		for (size_t i = 0; i < 100000; i++)
			frame(to, &frames[0]);
	else
		for (size_t i = 0; i < COUNT(frames); i++)
			assert_true(frame(to, &frames[i]));
	frame(to, &(const struct cul_unwind_frame){ 99999, 1, "nobody", NULL, 0 });
	snprintf(why, 256, "%s", strcmp(mode, "told") ? "" : "libx.so has no file");
}

static void unwinders(void **state)
{
	(void)state;
	static char mode[3][12] = { "told", "backwards", "flood" };
	struct cul_unwinder u = { .ctx = mode[0], .unwind = some_frames };
	const struct cul_blob blob = { "core", server_core() };
	struct told told = tell_all(&blob, 1, &u);
	expect(told, "frames=inner_call(a_b.c:7) outer;");
	expect(told, "unwound=libdw;");
	expect(told, "frames=inner_call outer; function=inner_call;");
	expect(told, " waits(w.c:3);");
	expect(told, "why=libx.so has no file;");
	refuse(told, "nobody");
	free(told.text);
	u.ctx = mode[1]; /* who answers out of order is heard as far as it makes sense */
	told = tell_all(&blob, 1, &u);
	expect(told, "waits(w.c:3)");
	refuse(told, "outer");
	free(told.text);
	u.ctx = mode[2];
	told = tell_all(&blob, 1, &u);
	expect(told, "inner_call");
	free(told.text);
}

static void efi_parts(void **state)
{
	(void)state;
#define PART(text) { text, sizeof(text) - 1 }
	const struct cul_blob blobs[] = {
		{ "p/dmesg-efi_pstore-179522645901001", PART("Panic#1 Part1\n<4>[  101.100070]  init_incident+0x40/0x1000 [incident]\n<4>[  101.100080]  </TASK>\n") },
		{ "p/dmesg-efi_pstore-179522645901002", PART("Panic#2 Part1\n<6>[  102.000000] another record\n") },
		{ "p/dmesg-efi_pstore-179522645902001", PART("Panic#1 Part2\n<1>[  101.100000] BUG: kernel NULL pointer dereference, address: 0000000000000018\n"
							     "<4>[  101.100030] Oops: 0000 [#1] PREEMPT SMP NOPTI\n<4>[  101.100050] RIP: 0010:null_deref+0x12/0x20 [incident]\n"
							     "<4>[  101.100060] Call Trace:\n<4>[  101.100065]  <TASK>\n") },
		{ "p/dmesg-efi-notes", PART("Panic#1 Part1\n") },
	};
	struct told told = tell_all(blobs, COUNT(blobs), NULL);
	expect(told, "frames=init_incident");
	expect(told, "count=2; part=1;");
	refuse(told, "input.damaged");
	free(told.text);
	/* in any order; and what is missing is told */
	const struct cul_blob turned[] = { blobs[2], blobs[1], blobs[0] };
	told = tell_all(turned, COUNT(turned), NULL);
	expect(told, "frames=init_incident");
	free(told.text);
	/* still packed, between two that are not */
	char packed[3][1024];
	struct cul_blob mixed[4] = { blobs[1] };
	static const char *const names[] = { "p/dmesg-efi_pstore-179522645901001.enc.z", "p/dmesg-efi_pstore-179522645902001.enc.z" };
	for (size_t i = 0; i < 2; i++) {
		const struct cul_slice text = blobs[i * 2].bytes;
		z_stream z = { .next_in = (unsigned char *)(uintptr_t)text.data, .avail_in = (unsigned)text.size, .next_out = (unsigned char *)packed[i], .avail_out = sizeof(packed[i]) };
		assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -12, 4, Z_DEFAULT_STRATEGY), Z_OK);
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		mixed[i + 1] = (struct cul_blob){ names[i], { packed[i], z.total_out } };
		deflateEnd(&z);
	}
	told = tell_all(mixed, 3, NULL);
	expect(told, "frames=init_incident");
	refuse(told, "input.damaged");
	free(told.text);
	mixed[2] = blobs[2];
	told = tell_all(mixed, 3, NULL);
	expect(told, "frames=init_incident");
	free(told.text);
	/* packed by another method, or cut: told, and the other one is read */
	memset(packed[0], 0x5a, 40);
	told = tell_all(mixed, 3, NULL);
	expect(told, "input.damaged");
	expect(told, "function=null_deref");
	free(told.text);
	/* ERST's numbers only count */
	const struct cul_blob erst[] = { { "p/dmesg-erst-7501234567890123777", blobs[0].bytes }, { "p/dmesg-erst-7501234567890123778", blobs[2].bytes } };
	told = tell_all(erst, COUNT(erst), NULL);
	expect(told, "frames=init_incident");
	refuse(told, "input.damaged");
	free(told.text);
	const struct cul_blob torn[] = { { "dmesg-efi-179522645903001", blobs[2].bytes }, { "dmesg-efi-179522645901001", blobs[0].bytes } };
	told = tell_all(torn, COUNT(torn), NULL);
	expect(told, "1 of the parts of this pstore record are not there");
	free(told.text);
}

/* what nobody but its maker can read is named; a text of that name is a text */
static void debugdump(void **state)
{
	(void)state;
	static const char sealed[] = "\x08\x96\x01\xff\xfe\x81\x90\xa0\xb0\xc1\xd2\xe3";
	const struct cul_blob blobs[] = {
		{ "up/dump.zip!rm_14.pb", { sealed, sizeof(sealed) } },
		{ "up/dump.zip!nvlog.gpu014.log", { sealed, sizeof(sealed) } },
		{ "rm_x.pb", { sealed, sizeof(sealed) } },
		{ "nvlog.log", PART("[   10.000000] NVRM: GPU at PCI:0000:3b:00: GPU-11111111-2222-3333-4444-555555555555\n") },
	};
	struct told told = tell_all(blobs, COUNT(blobs), NULL);
	expect(told, "state of the resource manager");
	expect(told, "rm_gpu=14");
	expect(told, "log buffers of a GPU");
	expect(told, "gpu_uuid=GPU-11111111");
	expect(told, "decoded by NVIDIA alone");
	refuse(told, "log buffers of the driver");
	free(told.text);
}

/* apport's way: each line base64 by itself, all of it one packed stream */
static void core_in_a_report(void **state)
{
	(void)state;
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct cul_slice core = server_core();
	char *text = NULL;
	size_t size;
	for (size_t piece = 10; piece < core.size * 2; piece = piece == 10 ? 30000 : core.size * 2 - 1) {
		FILE *f = open_memstream(&text, &size);
		fputs("ProblemType: Crash\nExecutablePath: /usr/bin/server\nSignal: 11\nCoreDump: base64\n", f);
		for (size_t at = 0; at < core.size; at += piece) {
			size_t end = core.size - at < piece ? core.size : at + piece;
			putc(' ', f);
			for (size_t i = at; i < end; i += 3) {
				uint32_t v = 0;
				for (size_t k = 0; k < 3; k++)
					v = v << 8 | (i + k < end ? (unsigned char)core.data[i + k] : 0);
				for (size_t k = 0; k < 4; k++)
					putc(k && i + k - 1 >= end ? '=' : letters[v >> (18 - 6 * k) & 63], f);
			}
			putc('\n', f);
		}
		fputs("Title: server crashed\n", f);
		fclose(f);
		struct told told = tell("_usr_bin_server.1000.crash", (struct cul_slice){ text, size });
		expect(told, "core.dumped comm=server;");
		expect(told, "core.futex-cycle pid=14628;");
		refuse(told, "input.damaged");
		free(told.text);
		told = tell("_usr_bin_server.1000.crash", (struct cul_slice){ text, size / 2 });
		expect(told, "core.dumped comm=server;");
		expect(told, "input.damaged");
		free(told.text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_signals_mean), cmocka_unit_test(guard_pages),  cmocka_unit_test(shared_memory),
		cmocka_unit_test(places_and_arguments), cmocka_unit_test(frame_pointers), cmocka_unit_test(raised_again),
		cmocka_unit_test(last_words),        cmocka_unit_test(circles),      cmocka_unit_test(whose_file),
		cmocka_unit_test(cut_short),         cmocka_unit_test(by_linux),
		cmocka_unit_test(unwinders),         cmocka_unit_test(efi_parts), cmocka_unit_test(debugdump), cmocka_unit_test(core_in_a_report),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
