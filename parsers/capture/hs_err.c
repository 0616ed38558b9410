/* SPDX-License-Identifier: Apache-2.0 */
/**
 * hs_err_pid4242.log: what the HotSpot VM writes when it crashes or gets no memory from the system.
 *
 *   # A fatal error has been detected by the Java Runtime Environment:
 *   #  SIGSEGV (0xb) at pc=0x00007f4fd15c2a13, pid=4242, tid=93
 *   # Problematic frame:
 *   # C  [libzip.so+0x4f13]  newEntry+0x63
 *   ---------------  T H R E A D  ---------------
 *   Current thread (0x00007f4fcc01a000):  JavaThread "main" [_thread_in_native, id=93, stack(…)]
 *   siginfo: si_signo: 11 (SIGSEGV), si_code: 1 (SEGV_MAPERR), si_addr: 0x0000000000000008
 *
 *   # There is insufficient memory for the Java Runtime Environment to continue.
 *   # Native memory allocation (mmap) failed to map 16384 bytes for committing reserved memory.
 *
 * VMError::report() in src/hotspot/share/utilities/vmError.cpp, the same since JDK 6 but for spellings (siginfo, the summary
 * since 9, "Error detail:" since 21). The first part also goes to standard output; there no line without '#' follows. A frame's
 * letter: C native, V libjvm, v stub, J compiled, j interpreted, A adapter. Environment and arguments stay where they are.
 */
#include <math.h>

#include "parsers/tables.h"

#define MAPS 1000000 /* more are not counted */

enum place { IN_HEAD, IN_THREAD, IN_NATIVE, IN_JAVA, IN_HEAP, IN_MAPS, IN_OTHER };

struct names {
	char text[3000];
	size_t size;
	int count;
};

struct jvm {
	struct cul_record rec;
	struct cul_slice event, signal, pc, pid, tid, what, place_text, operation, version;
	struct cul_slice frame_type, image, offset, function, path, thread, state, vm_operation, address, code_name;
	double bytes, heap_used, heap_total, elapsed, limit;
	int64_t mappings;
	struct names native, java;
	struct cul_row memory;
	enum place place;
	bool placed, expect_frame, tabled;
};

/* ---- frames --------------------------------------------------------------------------------------- */

struct java_frame {
	struct cul_slice type, image, offset, function;
};

/** "newEntry+0x63", "Foo::bar(int, char)+0x24" -> without arguments and offset; operators and templates keep their words */
static struct cul_slice
bare_name(struct cul_slice text)
{
	size_t depth = 0, n = 0;

	text = cul_trim(text);
	for (; n < text.size; n++) {
		char c = text.data[n];

		if (c == '<')
			depth++;
		else if (c == '>' && depth)
			depth--;
		else if (!depth && (c == '(' || (c == '+' && n + 1 < text.size && text.data[n + 1] == '0') || (c == ' ' && n)))
			break;
	}
	return cul_slice(text.data, n);
}

/** "C  [libzip.so+0x4f13]  newEntry+0x63", "J 1234 c2 java.util.HashMap.get(Ljava/lang/Object;)… (23 bytes) @ …", "j  a.b.C.m(I)V+0" */
static bool
frame_read(struct cul_slice line, struct java_frame *f)
{
	struct cul_slice rest = line, inside, word;

	*f = (struct java_frame){ 0 };
	if (line.size < 4 || !strchr("CVvJjA", line.data[0]) || line.data[1] != ' ')
		return false;
	f->type = cul_slice(line.data, 1);
	rest = cul_trim(cul_from(line, 1));
	if (rest.size && rest.data[0] == '[') {
		if (!cul_between(rest, CUL_LIT("["), CUL_LIT("]"), &inside) || !cul_cut_last(inside, CUL_LIT("+"), &f->image, &f->offset))
			return false;
		f->function = bare_name(cul_from(rest, inside.size + 2));
		return true;
	}
	if (f->type.data[0] == 'C' || f->type.data[0] == 'V') { /* an address that lies in nothing known */
		f->offset = cul_starts(rest, CUL_LIT("0x")) ? cul_word(&rest) : CUL_NONE;
		return f->offset.size > 0;
	}
	if (f->type.data[0] == 'v') {
		cul_skip(&rest, CUL_LIT("~"));
		cul_skip(&rest, CUL_LIT("StubRoutines::"));
		f->function = bare_name(rest);
		return f->function.size > 0;
	}
	for (word = cul_word(&rest); word.size; word = cul_word(&rest)) {
		struct cul_slice name = word;

		if (cul_cut(word, CUL_LIT("("), &name, NULL) && cul_has(name, CUL_LIT("."))) {
			f->function = name;
			return true;
		}
	}
	return false;
}

static void
add_name(struct names *names, const struct java_frame *f)
{
	struct cul_slice name = f->function.size ? f->function : f->image;

	if (!name.size || names->count >= 64 || names->size + name.size + 1 >= sizeof(names->text))
		return;
	if (names->size)
		names->text[names->size++] = ' ';
	for (size_t i = 0; i < name.size; i++)
		names->text[names->size++] = name.data[i] == ' ' || name.data[i] == '\t' ? '_' : name.data[i];
	names->count++;
}

/* ---- the head ------------------------------------------------------------------------------------- */

/** "#  SIGSEGV (0xb) at pc=0x…, pid=1, tid=2", "#  Internal Error (x.cpp:12), pid=…", "#  Out of Memory Error (os_linux.cpp:1), pid=…" */
static bool
take_kind(struct cul_parse *parse, struct jvm *j, struct cul_slice text, const struct cul_line *line)
{
	struct cul_slice before, rest, inside;
	size_t first = 0;

	if (!cul_cut(text, CUL_LIT(", pid="), &before, &rest))
		return false;
	while (first < before.size && before.data[first] != '(' && before.data[first] != ',')
		first++;
	j->pid = cul_keep(parse, cul_digits(&rest));
	if (cul_skip(&rest, CUL_LIT(", tid=")))
		j->tid = cul_keep(parse, cul_word(&rest));
	if (cul_starts(before, CUL_LIT("Internal Error")) || cul_starts(before, CUL_LIT("Out of Memory Error"))) {
		if (cul_between(before, CUL_LIT("("), CUL_LIT(")"), &inside))
			j->place_text = cul_keep(parse, inside);
		if (!j->event.size || cul_is(j->event, CUL_LIT("signal")))
			j->event = before.data[0] == 'I' ? CUL_LIT("internal-error") : CUL_LIT("out-of-memory");
	} else {
		j->signal = cul_keep(parse, cul_trim(cul_slice(before.data, first)));
		if (cul_cut(before, CUL_LIT(" at pc="), NULL, &rest))
			j->pc = cul_keep(parse, cul_word(&rest));
		if (cul_has(before, CUL_LIT("(sent by kill)")))
			j->code_name = CUL_LIT("SI_USER");
		if (!j->event.size)
			j->event = CUL_LIT("signal");
	}
	j->rec.line = *line;
	j->rec.line.text = cul_keep(parse, line->text);
	j->rec.message = j->rec.line.text;
	j->placed = true;
	return true;
}

/** "Native memory allocation (mmap) failed to map 16384 bytes for committing reserved memory." */
static void
take_allocation(struct cul_parse *parse, struct jvm *j, struct cul_slice text)
{
	struct cul_slice call, rest, number;

	if (cul_between(text, CUL_LIT("("), CUL_LIT(")"), &call))
		j->operation = cul_keep(parse, call);
	if (!cul_cut(text, CUL_LIT(" failed to "), NULL, &rest))
		return;
	cul_word(&rest);
	rest = cul_trim(rest);
	number = cul_digits(&rest);
	cul_to_real(number, &j->bytes);
	if (cul_cut(rest, CUL_LIT(" for "), NULL, &rest) || cul_cut(rest, CUL_LIT("Error detail: "), NULL, &rest))
		j->what = cul_keep(parse, cul_ends(rest, CUL_LIT(".")) ? cul_slice(rest.data, rest.size - 1) : rest);
}

static void
take_head(struct cul_parse *parse, struct jvm *j, const struct cul_line *line)
{
	struct cul_slice text = cul_trim(cul_from(line->text, 1)), value;
	struct java_frame f;

	if (j->expect_frame && frame_read(text, &f)) {
		j->expect_frame = false;
		j->frame_type = cul_keep(parse, f.type);
		j->image = cul_keep(parse, f.image);
		j->offset = cul_keep(parse, f.offset);
		j->function = cul_keep(parse, f.function);
	} else if (cul_starts(text, CUL_LIT("There is insufficient memory for the Java"))) {
		j->event = CUL_LIT("out-of-memory");
	} else if (cul_starts(text, CUL_LIT("Native memory allocation ("))) {
		take_allocation(parse, j, text);
	} else if (cul_starts(text, CUL_LIT("JRE version: "))) {
		if (cul_cut(text, CUL_LIT("(build "), NULL, &value) && cul_cut(value, CUL_LIT(")"), &value, NULL) && value.size)
			j->version = cul_keep(parse, value);
		else if (cul_between(text, CUL_LIT("("), CUL_LIT(")"), &value))
			j->version = cul_keep(parse, value);
	} else if (cul_starts(text, CUL_LIT("Problematic frame:"))) {
		j->expect_frame = true;
	} else if (!j->what.size && j->placed &&
		   (cul_starts(text, CUL_LIT("Error: ")) || cul_starts(text, CUL_LIT("fatal error: ")) || cul_starts(text, CUL_LIT("guarantee(")) ||
		    cul_starts(text, CUL_LIT("assert(")))) {
		j->what = cul_keep(parse, text);
	} else if (!j->pid.size) {
		take_kind(parse, j, text, line);
	}
}

/* ---- the rest -------------------------------------------------------------------------------------- */

/** Behind "Current thread (0x…):  ": JavaThread "main" daemon [_thread_in_native, id=93, stack(…)] */
static void
take_thread(struct cul_parse *parse, struct jvm *j, struct cul_slice text)
{
	struct cul_slice rest, name;

	if (!cul_cut(text, CUL_LIT("):"), NULL, &rest))
		return;
	if (cul_cut(rest, CUL_LIT("\""), NULL, &name) && cul_cut(name, CUL_LIT("\""), &name, &rest))
		j->thread = cul_keep(parse, name);
	else
		j->thread = cul_keep(parse, cul_word(&rest));
	if (cul_cut(rest, CUL_LIT("[_thread_"), NULL, &name)) {
		cul_cut(name, CUL_LIT(","), &name, NULL);
		j->state = cul_keep(parse, name);
	}
}

static void
take_siginfo(struct cul_parse *parse, struct jvm *j, struct cul_slice text)
{
	struct cul_slice rest, word;

	if (cul_cut(text, CUL_LIT("si_addr: "), NULL, &rest) || cul_cut(text, CUL_LIT("si_addr="), NULL, &rest) ||
	    cul_cut(text, CUL_LIT(" address "), NULL, &rest))
		j->address = cul_keep(parse, cul_word(&rest));
	if (cul_cut(text, CUL_LIT("si_code"), NULL, &rest) && cul_between(rest, CUL_LIT("("), CUL_LIT(")"), &word))
		j->code_name = cul_keep(parse, word);
}

/** "garbage-first heap   total 262144K, used 61440K [0x…", "ZHeap   used 118M, capacity 256M, max …": spaces of a generation have no total */
static void
take_heap(struct jvm *j, struct cul_slice text)
{
	struct cul_slice rest, word;
	double value;

	text = cul_trim(text);
	if (cul_starts(text, CUL_LIT("Metaspace")) || cul_starts(text, CUL_LIT("class space")))
		return;
	if (!cul_cut(text, CUL_LIT(" total "), NULL, &rest) && !cul_cut(text, CUL_LIT(" capacity "), NULL, &rest) &&
	    !(cul_has(text, CUL_LIT(" committed, ")) && cul_cut(text, CUL_LIT(" soft max, "), NULL, &rest)))
		return;
	word = cul_word(&rest);
	if (cul_size_to_mib(word.size && word.data[word.size - 1] == ',' ? cul_slice(word.data, word.size - 1) : word, 1, &value))
		j->heap_total += value;
	if (cul_cut(text, CUL_LIT(" used "), NULL, &rest)) {
		word = cul_word(&rest);
		if (cul_size_to_mib(word.size && word.data[word.size - 1] == ',' ? cul_slice(word.data, word.size - 1) : word, 1, &value))
			j->heap_used += value;
	}
}

/** "Memory: 4k page, physical 32767000k(123456k free), swap 0k(0k free)"; 8 and later may say "physical 63G(…" */
static void
take_memory(struct jvm *j, struct cul_slice text)
{
	struct cul_slice rest, total, free;

	if (j->tabled || !cul_cut(text, CUL_LIT("physical "), NULL, &rest) || !cul_cut(rest, CUL_LIT("("), &total, &rest) ||
	    !cul_cut(rest, CUL_LIT(" free)"), &free, &rest))
		return;
	cul_put(&j->memory, cul_size_mib("total_mib", total, 1));
	cul_put(&j->memory, cul_size_mib("free_mib", free, 1));
	if (cul_cut(rest, CUL_LIT("swap "), NULL, &rest) && cul_cut(rest, CUL_LIT("("), &total, &rest) && cul_cut(rest, CUL_LIT(" free)"), &free, NULL)) {
		cul_put(&j->memory, cul_size_mib("swap_total_mib", total, 1));
		cul_put(&j->memory, cul_size_mib("swap_free_mib", free, 1));
	}
	j->tabled = true;
}

static enum cul_status
take_system(struct cul_parse *parse, struct jvm *j, const struct cul_line *line)
{
	struct cul_slice text = line->text, value;
	struct cul_record rec = cul_table_record(parse, line);

	if (cul_starts(text, CUL_LIT("Memory:")))
		take_memory(j, text);
	else if (cul_starts(text, CUL_LIT("MemAvailable:")) && cul_cut(text, CUL_LIT(":"), NULL, &value))
		cul_put(&j->memory, cul_size_mib("available_mib", cul_trim(value), 1024));
	else if (cul_starts(text, CUL_LIT("CommitLimit:")) && cul_cut(text, CUL_LIT(":"), NULL, &value))
		cul_put(&j->memory, cul_size_mib("commit_limit_mib", cul_trim(value), 1024));
	else if (cul_starts(text, CUL_LIT("Committed_AS:")) && cul_cut(text, CUL_LIT(":"), NULL, &value))
		cul_put(&j->memory, cul_size_mib("committed_mib", cul_trim(value), 1024));
	else if (cul_starts(text, CUL_LIT("memory_limit_in_bytes: ")) && cul_cut(text, CUL_LIT(": "), NULL, &value))
		cul_size_to_mib(cul_trim(value), 1, &j->limit);
	else if (cul_starts(text, CUL_LIT("/proc/sys/vm/max_map_count")) && cul_cut_last(text, CUL_LIT(":"), NULL, &value))
		return cul_emit(parse, &rec, "host.setting", cul_string("key", "vm.max_map_count"), cul_text("value", cul_trim(value)));
	return CUL_OK;
}

/** A mapping of the library that the problematic frame lies in: its whole path */
static void
take_mapping(struct cul_parse *parse, struct jvm *j, struct cul_slice text)
{
	struct cul_slice path;

	if (j->mappings < MAPS)
		j->mappings++;
	if (!j->path.size && j->image.size && cul_cut_last(text, CUL_LIT(" "), NULL, &path) && cul_is(cul_base_name(cul_trim(path)), j->image))
		j->path = cul_keep(parse, cul_trim(path));
	if (!j->path.size && j->image.size && cul_cut_last(text, CUL_LIT("\t"), NULL, &path) && cul_is(cul_base_name(cul_trim(path)), j->image))
		j->path = cul_keep(parse, cul_trim(path));
}

static enum cul_status
take_line(struct cul_parse *parse, struct jvm *j, const struct cul_line *line)
{
	struct cul_slice text = line->text, rest;
	struct java_frame f;
	struct cul_time time;

	if (cul_starts(text, CUL_LIT("#")) && j->place == IN_HEAD) {
		take_head(parse, j, line);
		return CUL_OK;
	}
	if (cul_blank(text)) {
		if (j->place != IN_HEAD)
			j->place = IN_OTHER;
		return CUL_OK;
	}
	if (cul_starts(text, CUL_LIT("Current thread"))) {
		take_thread(parse, j, text);
	} else if (cul_starts(text, CUL_LIT("siginfo:"))) {
		take_siginfo(parse, j, text);
	} else if (cul_starts(text, CUL_LIT("VM_Operation (")) && cul_cut(text, CUL_LIT("): "), NULL, &rest)) {
		cul_cut(rest, CUL_LIT(","), &rest, NULL);
		j->vm_operation = cul_keep(parse, rest);
	} else if (cul_starts(text, CUL_LIT("Native frames:"))) {
		j->place = IN_NATIVE;
	} else if (cul_starts(text, CUL_LIT("Java frames:"))) {
		j->place = IN_JAVA;
	} else if (cul_is(text, CUL_LIT("Heap:")) || cul_is(text, CUL_LIT("Heap"))) {
		j->place = IN_HEAP;
	} else if (cul_starts(text, CUL_LIT("Dynamic libraries:"))) {
		j->place = IN_MAPS;
	} else if (cul_starts(text, CUL_LIT("Time: ")) || cul_starts(text, CUL_LIT("time: "))) {
		rest = cul_trim(cul_from(text, 6));
		if (cul_clock_ctime(&rest, &time)) {
			j->rec.time = time;
			cul_set_capture_time(parse, time);
		}
		if (cul_cut(text, CUL_LIT("elapsed time: "), NULL, &rest))
			cul_lead_real(rest, &j->elapsed);
	} else if (cul_starts(text, CUL_LIT("elapsed time: "))) {
		cul_lead_real(cul_from(text, 14), &j->elapsed);
	} else if (j->place == IN_NATIVE || j->place == IN_JAVA) {
		if (frame_read(text, &f))
			add_name(j->place == IN_NATIVE ? &j->native : &j->java, &f);
	} else if (j->place == IN_HEAP) {
		take_heap(j, text);
	} else if (j->place == IN_MAPS) {
		take_mapping(parse, j, text);
	} else {
		return take_system(parse, j, line);
	}
	return CUL_OK;
}

static bool
is_first(struct cul_slice line)
{
	return cul_is(cul_trim(line), CUL_LIT("# A fatal error has been detected by the Java Runtime Environment:")) ||
	       cul_is(cul_trim(line), CUL_LIT("# An unexpected error has been detected by Java Runtime Environment:")) ||
	       cul_is(cul_trim(line), CUL_LIT("# There is insufficient memory for the Java Runtime Environment to continue."));
}

static int
hs_err_bid(const struct cul_head *head)
{
	for (size_t i = 0; i < head->count && i < 3; i++) {
		if (is_first(head->lines[i].text))
			return 64;
		if (!cul_is(cul_trim(head->lines[i].text), CUL_LIT("#")))
			return 0;
	}
	return 0;
}

static enum cul_status
hs_err_emit(struct cul_parse *parse, const struct jvm *j)
{
	return cul_emit(parse, &j->rec, "jvm.fatal", cul_text("event", j->event), cul_text("signal", j->signal), cul_text("reasons", j->code_name),
			cul_text("address", j->address), cul_number("pid", j->pid), cul_text("what", j->what), cul_text("place", j->place_text),
			cul_text("operation", j->operation.size ? j->operation : j->vm_operation), cul_real("size_mib", j->bytes > 0 ? j->bytes / 1048576 : (double)NAN),
			cul_text("frame_type", j->frame_type), cul_text("image", j->image), cul_text("offset", j->offset),
			cul_text("function", j->function), cul_text("path", j->path), cul_text("thread", j->thread), cul_text("state_word", j->state),
			cul_text("frames", cul_slice(j->native.text, j->native.size)), cul_text("java_frames", cul_slice(j->java.text, j->java.size)),
			cul_real("heap_used_mib", j->heap_total > 0 ? j->heap_used : (double)NAN), cul_real("heap_total_mib", j->heap_total > 0 ? j->heap_total : (double)NAN),
			cul_real("limit_mib", j->limit > 0 ? j->limit : (double)NAN), cul_real("elapsed_s", j->elapsed > 0 ? j->elapsed : (double)NAN),
			j->mappings ? cul_int("mappings", j->mappings) : (struct cul_arg){ 0 }, cul_text("version", j->version));
}

static enum cul_status
hs_err_section(struct cul_parse *parse)
{
	struct jvm *j = cul_keep_bytes(parse, sizeof(*j));
	struct cul_line line;
	enum cul_status status = CUL_OK;
	bool whole = false;

	if (!j)
		return CUL_ENOMEM;
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		if (!j->rec.line.number) {
			j->rec = cul_table_record(parse, &line);
			j->rec.line.text = cul_keep(parse, line.text);
			j->rec.message = j->rec.line.text;
		}
		if (cul_starts(line.text, CUL_LIT("---------------  "))) {
			whole = true;
			j->place = IN_OTHER;
			continue;
		}
		/* what went to standard output ends with its last '#' */
		if (!whole && !cul_starts(line.text, CUL_LIT("#")) && !cul_blank(line.text)) {
			cul_line_back(parse);
			break;
		}
		if (whole && cul_is(line.text, CUL_LIT("END.")))
			break;
		if (j->placed && whole && is_first(line.text)) {
			cul_line_back(parse);
			break;
		}
		status = take_line(parse, j, &line);
	}
	if (status != CUL_OK || !j->rec.line.number || !j->event.size)
		return status;
	if (j->tabled) {
		struct cul_record rec = cul_table_record(parse, &j->rec.line);

		status = cul_row_emit(parse, &rec, "host.memory", &j->memory);
	}
	return status == CUL_OK ? hs_err_emit(parse, j) : status;
}

const struct cul_parser cul_parser_hs_err = {
	.name = "hs_err",
	.about = "hs_err_pid*.log: the Java VM's word on its own crash or lack of memory",
	.kinds = CUL_KINDS(CUL_KIND("jvm.fatal", 1, "hs_err", F_EVENT, F_SIGNAL, F_REASONS, F_ADDRESS, F_PID, F_WHAT, F_PLACE, F_OPERATION, F_SIZE_MIB,
				    F_FRAME_TYPE, F_IMAGE, F_OFFSET, F_FUNCTION, F_PATH, F_THREAD, F_STATE_WORD, F_FRAMES, F_JAVA_FRAMES,
				    F_HEAP_USED_MIB, F_HEAP_TOTAL_MIB, F_LIMIT_MIB, F_ELAPSED_S, F_MAPPINGS, F_VERSION),
			   &cul_kind_host_memory, &cul_kind_host_setting),
	.first = CUL_LIST("#"),
	.bid = hs_err_bid,
	.section = hs_err_section,
};
