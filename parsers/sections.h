/* SPDX-License-Identifier: Apache-2.0 */
/** Marks that cut a member into sections. Inner to the room. */
#ifndef CUL_PARSERS_SECTIONS_H
#define CUL_PARSERS_SECTIONS_H

#include "culprit/types.h"

enum cul_mark_type {
	CUL_MARK_NONE = 0,
	CUL_MARK_PROMPT, /* a shell prompt with a command */
	CUL_MARK_IDLE,   /* a prompt without one, ^C */
	CUL_MARK_FENCE,  /* ``` or ~~~ */
	CUL_MARK_FILE,   /* ==> name <==, *** name, ++ name, # name of supportconfig */
	CUL_MARK_RULE,   /* a line of underscores (nvidia-bug-report) */
};

struct cul_mark {
	enum cul_mark_type type;
	struct cul_slice command; /* of a prompt */
	struct cul_slice host;    /* of a prompt user@host, or {0} */
	struct cul_slice name;    /* of a file mark */
};

/**
 * May this line, of which the end may still carry a CR, be a mark? False is sure where both are false; cheap. By its beginning;
 * by its first '@', of which @before is what stands before it in the line.
 */
bool cul_mark_begins(struct cul_slice line);
bool cul_mark_user(struct cul_slice before);
/** What mark is this line? */
enum cul_mark_type cul_mark_read(struct cul_slice line, struct cul_mark *mark);
/** Does it begin with a command that people paste ("journalctl -k | tail"), without a prompt? */
bool cul_mark_command(struct cul_slice line);
/** A command by its path alone, as nvidia-bug-report.sh writes it behind a line of underscores: "/usr/bin/lspci -nntv". */
bool cul_mark_path(struct cul_slice line, struct cul_mark *mark);
/** A line of base64: words that stand in it by chance say nothing. */
bool cul_mark_blob(struct cul_slice line);
/** A file name that a line of prose gives to what follows: "This is `dmesg.txt`:", "### dmesg.txt". Empty if none. */
struct cul_slice cul_mark_title(struct cul_slice line);
/** The command that a sosreport's file name was made from: "sos_commands/kernel/dmesg_-T" -> "dmesg -T" into @buffer. Empty if it is none. */
struct cul_slice cul_mark_sos_command(struct cul_slice member, char *buffer, size_t size);

#endif
