/* SPDX-License-Identifier: Apache-2.0 */
/** Source code, histories of packages and manuals: text that speaks of troubles and reports none. */
#ifndef CUL_PARSERS_WRITING_H
#define CUL_PARSERS_WRITING_H

#include "culprit/types.h"
#include "parsers/lines.h"

/** Is this member such a text? Its name says so, or what its first lines look like (of a member that has just begun). */
bool cul_is_writing(struct cul_slice member, struct cul_lines *lines);
/** The same of what stands in a Markdown fence, whose first line is the next one: rules, definitions of alerts, settings, code. */
bool cul_is_quoted_writing(struct cul_slice fence, struct cul_lines *lines);
/** Settings of some program (of a member that has just begun): no log, whatever words stand in them; captures may read it. */
bool cul_is_settings(struct cul_slice member, struct cul_lines *lines);
/** A ticket or a mail (.md, .markdown, .eml, or a .txt that has fences or begins with the heads of a mail; of a member that has just begun): people write there, and paste between fences. */
bool cul_is_ticket(struct cul_slice member, struct cul_lines *lines);
/** Does a line that a person wrote (outside a fence) speak of long ago or of another machine alone, with all that it quotes? */
bool cul_is_hearsay(struct cul_slice line);
/**
 * Is the pasted block that begins or goes on with the next line led in ("... another node printed this:") as another machine's, or told to be over below it?
 * @itself: the line taken last may be of the block; else it opens it. Looks at most 80 lines back.
 */
bool cul_is_told_of(struct cul_lines *lines, bool itself);
/** Is this the opening line of a fence whose text a person wrote: ```markdown, ```md? (Logs are pasted under ```text.) */
bool cul_is_prose(struct cul_slice fence);
/** A file name of a ticket or a mail, whatever stands in it: .md, .markdown, .eml. */
bool cul_is_letter(struct cul_slice name);
/** Is it the log of a monitor of Nagios' kind (of a member that has just begun): "[1765076402] SERVICE ALERT: host;service;state;..."? */
bool cul_is_alert_log(struct cul_lines *lines);
/** Is the next line of such a log about a state that it says is over: the same host and service are OK in one of the lines in view? */
bool cul_is_recovered(struct cul_lines *lines);
/** Does a person's line show how a message was put into the log by hand, for a drill say: logger -p kern.err "...", echo ... > /dev/kmsg? */
bool cul_is_injected(struct cul_slice line);
/** Is it the log of a run of tests (of a member that has just begun)? */
bool cul_is_trials(struct cul_lines *lines);
/** Does a run of tests begin with this line: behind what a CI job installed, say? */
bool cul_begins_trials(struct cul_slice line);
/** Stands the next line in what a test printed that passed? Looks 200 lines back and as far ahead as there is a view. */
bool cul_in_passed_trial(struct cul_lines *lines);
/** Settings and papers of a bundle, and what the collector says of itself: no logs of the machine, whatever words stand in them. */
bool cul_is_paper(struct cul_slice name);
/** May lines without any envelope be a log's? A program's output is; what a command of a report printed is not. */
bool cul_is_loggish(struct cul_slice name);

#endif
