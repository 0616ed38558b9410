/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit scan PATH... -o CASE: read bundles into a case file, then judge it and print what the default command prints.
 *
 * The first path makes the case (or is added to it, with --add), the others are added to that. The library
 * puts a finished case in the place of the former one in one step, so a kill leaves one of the two.
 */
#include "commands.h"

#include <string.h>
#include <unistd.h>

int run_scan(const struct options *o)
{
	AUTO(rules_freep) struct cul_rules *rules = NULL;
	AUTO(case_closep) struct cul_case *c = NULL;
	AUTO(asked_free) struct asked ask = { 0 };
	struct cul_tally tally = { 0 };
	struct cul_error err = { 0 };
	const char *target = o->output, *input = o->args[0];
	size_t first = 0;
	double start = now_s();

	if (!target && o->add && o->count > 1) {
		target = o->args[0];
		input = o->args[first = 1];
	}
	if (!target) {
		complain("scan: no case to write; usage: culprit scan PATH... -o CASE");
		return EXIT_USE;
	}
	if (access(target, F_OK) == 0 && !is_case(target)) {
		/* an evidence file given as -o by mistake must not be lost */
		complain("%s: exists and is not a case; it is left as it is", target);
		return EXIT_USE;
	}
	if (o->add && !is_case(target)) {
		complain("%s: no such case to add to", target);
		return EXIT_UNREADABLE;
	}
	for (size_t i = first; i < o->count; i++)
		if (is_case(o->args[i])) {
			complain("%s: is a case already; \"culprit judge\" judges it again", o->args[i]);
			return EXIT_USE;
		}
	if (load_rules(o, &rules, &err) != CUL_OK)
		return failed(err.status, &err);
	int prepared = asked_prepare(o, rules, &ask);
	if (prepared != EXIT_DONE)
		return prepared;

	for (size_t i = first; i < o->count; i++) {
		struct cul_tally one = { 0 };

		if (c)
			cul_case_close(c);
		c = NULL;
		enum cul_status status = scan_path(o, o->args[i], target, o->add || i > first, cul_rules_interests(rules), &one, &c, &err);
		if (status == CUL_ELIMIT && c)
			complain("%s", err.text);
		else if (status != CUL_OK)
			return failed(status, &err);
		tally.members += one.members;
		tally.sections += one.sections;
		tally.lines += one.lines;
		tally.records += one.records;
		tally.observations += one.observations;
		tally.damaged += one.damaged;
		tally.bytes += one.bytes;
	}
	return judge_and_print(o, &ask, rules, c, o->count - first > 1 || o->add ? target : input, o->add ? NULL : &tally,
			       now_s() - start, stdout);
}
