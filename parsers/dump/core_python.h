/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where CPython keeps what its threads run, as numbers. core_python.c finds the interpreter and its threads, core_python_code.c reads
 * frames and code objects.
 */
#ifndef CUL_PARSERS_DUMP_CORE_PYTHON_H
#define CUL_PARSERS_DUMP_CORE_PYTHON_H

#include "parsers/dump/core_notes.h"

/** Offsets in CPython's structures, bytes. 0 where a member may lack: it does. */
struct cul_python_layout {
	int minor;          /* of 3.x */
	uint32_t hex;       /* PY_VERSION_HEX, or 0 */
	bool free_threaded;
	uint32_t head;      /* _PyRuntime.interpreters.head */
	uint32_t next_interpreter, threads;             /* PyInterpreterState */
	uint32_t next_thread, interpreter, thread_id, native_id, frame, cframe; /* PyThreadState; cframe: a pointer stands between, frame is in what it points to */
	uint32_t code, back, instruction, owner, copy;  /* the frame; to 3.10 instruction is f_lasti; copy: tlbc_index */
	uint32_t filename, name, qualname, lines, first, bytes, copies; /* PyCodeObject; copies: co_tlbc */
	uint32_t type, text_state, text_length, ascii, compact, bytes_size, bytes_data; /* objects */
	uint32_t gil, gil_locked, gil_holder;           /* gil: in the interpreter, a pointer; 0: the two are in the runtime */
};

struct cul_python_frame {
	char function[160], file[160]; /* UTF-8 without blanks */
	int64_t line;                  /* 0: not known */
};

/** What is known of a core's Python while it is read. */
struct cul_python {
	const struct cul_core *core;
	struct cul_python_layout at;
	uint64_t runtime;
	uint64_t code_type, text_type; /* of the objects: all have the same; 0 until one was seen */
	size_t reads;                  /* what may still be read */
};

/** The word at @at, counted as a read. False: it is not in the core, or too much was read of it. */
bool cul_python_word(struct cul_python *py, uint64_t at, uint64_t *ret);
/**
 * The frame at @frame into @ret; @back is its caller's, 0 at the end. False: there is no frame. A frame that isn't Python's own code
 * (an entry from C) leaves @ret->function empty. @ret NULL: the caller alone is wanted.
 */
bool cul_python_frame(struct cul_python *py, uint64_t frame, struct cul_python_frame *ret, uint64_t *back);

#endif
