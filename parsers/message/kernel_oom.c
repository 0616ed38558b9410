/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The OOM killer: who asked, which memory was full, who died, who were the biggest.
 *
 *   python3 invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0
 *   memory: usage 16777216kB, limit 16777216kB, failcnt 812
 *   [  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name
 *   [   4711]  1000  4711  9437184  4128768 34734080        0             0 python3
 *   oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),…,oom_memcg=/a,task_memcg=/a/b,task=python3,pid=4711,uid=1000
 *   Memory cgroup out of memory: Killed process 4711 (python3) total-vm:37748736kB, anon-rss:16515072kB, file-rss:0kB, …
 *
 * Printed by mm/oom_kill.c and mm/memcontrol.c. Up to 5.0 "Out of memory: Kill process 4711 (python3) score 912 or sacrifice
 * child" and then a bare "Killed process …"; there is no oom-kill: line, and 3.x prints ", UID 1000," in between. Columns of
 * the table changed often, so they are found by their words; its numbers are pages (of 4 KiB: the page size isn't printed).
 * "Killed process" alone, in an excerpt, is enough for a victim.
 */
#include "parsers/dump.h"

#define TOP 10

struct consumer {
	int64_t pid, rss, total_vm, swap, adj;
	char comm[32];
};

struct oom {
	struct cul_record rec; /* the first line */
	char invoker[48], constraint[16], cgroup[256];
	int64_t order, limit_kib;
	int pid_column, columns[4]; /* total_vm, rss, swapents, oom_score_adj: words behind ']' */
	bool table, told;
	unsigned seen, count;
	struct consumer top[TOP];
};

static double mib(int64_t kib)
{
	return (double)kib / 1024.0;
}

/* "anon-rss:123kB" */
static int64_t kib_of(struct cul_slice text, struct cul_slice key)
{
	struct cul_slice rest;
	int64_t n;

	if (!cul_cut(text, key, NULL, &rest) || !cul_to_int(cul_digits(&rest), &n))
		return -1;
	return n;
}

static struct cul_arg size_arg(const char *name, int64_t kib)
{
	return kib < 0 ? cul_int(NULL, 0) : cul_real(name, mib(kib));
}

/* the victim's line; @oom may be NULL */
static enum cul_status tell(struct cul_parse *parse, const struct cul_record *rec, const struct oom *oom)
{
	struct cul_slice text = rec->message, rest, pid, comm = CUL_NONE, adj;
	int64_t total, anon, file, shmem, score;
	const char *constraint = oom && oom->constraint[0] ? oom->constraint : NULL;

	if (!cul_cut(text, CUL_LIT("Killed process "), NULL, &rest))
		return CUL_OK;
	pid = cul_digits(&rest);
	if (!pid.size || !cul_skip(&rest, CUL_LIT(" (")) || !cul_has(rest, CUL_LIT("total-vm:")))
		return CUL_OK;
	if (!cul_cut(rest, CUL_LIT(") total-vm:"), &comm, NULL))
		cul_cut(rest, CUL_LIT("), UID"), &comm, NULL);
	total = kib_of(rest, CUL_LIT("total-vm:"));
	anon = kib_of(rest, CUL_LIT("anon-rss:"));
	file = kib_of(rest, CUL_LIT("file-rss:"));
	shmem = kib_of(rest, CUL_LIT("shmem-rss:"));
	adj = cul_cut(rest, CUL_LIT("oom_score_adj:"), NULL, &adj) ? cul_word(&adj) : CUL_NONE;
	if (!constraint)
		constraint = cul_has(text, CUL_LIT("Memory cgroup out of memory")) ? "memcg" :
			     cul_has(text, CUL_LIT("Out of memory")) ? "global" : NULL;
	return cul_emit(parse, rec, "kernel.oom", cul_number("pid", pid), cul_text("comm", comm),
			anon < 0 ? cul_int(NULL, 0) : cul_real("rss_mib", mib(anon + (file > 0 ? file : 0) + (shmem > 0 ? shmem : 0))),
			size_arg("anon_rss_mib", anon), size_arg("file_rss_mib", file), size_arg("shmem_rss_mib", shmem),
			size_arg("total_vm_mib", total), cul_string("cgroup", oom ? oom->cgroup : NULL),
			cul_string("constraint", constraint),
			cul_to_int(adj, &score) ? cul_int("oom_score_adj", score) : cul_int(NULL, 0),
			cul_string("invoker", oom ? oom->invoker : NULL),
			oom && oom->invoker[0] ? cul_int("order", oom->order) : cul_int(NULL, 0),
			oom && oom->limit_kib ? cul_real("limit_mib", mib(oom->limit_kib)) : cul_int(NULL, 0));
}

static enum cul_status tell_table(struct cul_parse *parse, const struct oom *oom)
{
	enum cul_status status = CUL_OK;

	for (unsigned i = 0; i < oom->count && status == CUL_OK; i++) {
		const struct consumer *c = &oom->top[i];

		status = cul_emit(parse, &oom->rec, "kernel.oom-task", cul_int("pid", c->pid), cul_string("comm", c->comm),
				  cul_real("rss_mib", mib(c->rss * 4)), cul_real("total_vm_mib", mib(c->total_vm * 4)),
				  oom->columns[2] < 0 ? cul_int(NULL, 0) : cul_real("swap_mib", mib(c->swap * 4)),
				  cul_int("oom_score_adj", c->adj));
	}
	return status;
}

/* the header, whatever columns it has */
static bool take_header(struct oom *oom, struct cul_slice text)
{
	static const char *const names[] = { "total_vm", "rss", "swapents", "oom_score_adj" };
	struct cul_slice rest, word;

	if (!cul_starts(text, CUL_LIT("[")) || !cul_cut(text, CUL_LIT("]"), NULL, &rest) || !cul_has(rest, CUL_LIT(" total_vm ")))
		return false;
	for (int c = 0; c < 4; c++)
		oom->columns[c] = -1;
	for (int i = 0; (word = cul_word(&rest)).size && i < 16; i++)
		for (int c = 0; c < 4; c++)
			if (oom->columns[c] < 0 && cul_is(word, cul_str(names[c])))
				oom->columns[c] = i;
	oom->pid_column = oom->columns[3] >= 0 ? oom->columns[3] + 1 : 0; /* the name stands behind the score */
	oom->table = oom->columns[0] >= 0 && oom->columns[1] >= 0 && oom->pid_column > 0;
	return true;
}

static void take_row(struct oom *oom, struct cul_slice text)
{
	struct cul_slice rest, pid, word;
	int64_t values[16] = { 0 };
	struct consumer c = { 0 };
	unsigned at;

	if (!cul_starts(text, CUL_LIT("[")) || !cul_cut(cul_from(text, 1), CUL_LIT("]"), &pid, &rest) || !cul_to_int(cul_trim(pid), &c.pid))
		return;
	for (int i = 0; i < oom->pid_column && i < 16; i++) {
		word = cul_word(&rest);
		if (!cul_to_int(word, &values[i]))
			return;
	}
	c.total_vm = values[oom->columns[0]];
	c.rss = values[oom->columns[1]];
	c.swap = oom->columns[2] >= 0 ? values[oom->columns[2]] : 0;
	c.adj = values[oom->columns[3]];
	if (c.rss < 0 || c.rss > INT64_MAX / 8 || c.total_vm < 0 || c.total_vm > INT64_MAX / 8 || c.swap < 0 || c.swap > INT64_MAX / 8)
		return;
	cul_dump_copy(c.comm, sizeof(c.comm), cul_trim(rest));
	for (at = oom->count; at > 0 && oom->top[at - 1].rss + oom->top[at - 1].swap < c.rss + c.swap; at--)
		if (at < TOP)
			oom->top[at] = oom->top[at - 1];
	if (at < TOP)
		oom->top[at] = c;
	if (oom->count < TOP)
		oom->count++;
}

static void take_constraint(struct oom *oom, struct cul_slice text)
{
	struct cul_slice rest, word, path = CUL_NONE;

	if (cul_cut(text, CUL_LIT("constraint=CONSTRAINT_"), NULL, &rest) && cul_cut(rest, CUL_LIT(","), &word, NULL)) {
		const char *name = cul_is(word, CUL_LIT("NONE")) ? "global" : cul_is(word, CUL_LIT("MEMCG")) ? "memcg" :
				   cul_is(word, CUL_LIT("CPUSET")) ? "cpuset" : "policy";

		cul_dump_copy(oom->constraint, sizeof(oom->constraint), cul_str(name));
	}
	if ((cul_cut(text, CUL_LIT("oom_memcg="), NULL, &path) || cul_cut(text, CUL_LIT("task_memcg="), NULL, &path)) &&
	    (cul_cut(path, CUL_LIT(",task"), &path, NULL) || cul_cut(path, CUL_LIT(","), &path, NULL)))
		cul_dump_copy(oom->cgroup, sizeof(oom->cgroup), path);
}

static bool oom_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct oom *oom = state;
	struct cul_slice text, rest;
	int64_t limit;

	if (!rec && !oom->told) /* the victim's line is missing; the table still tells who was big */
		*status = tell_table(parse, oom);
	if (!rec || oom->told)
		return false;
	text = rec->message;
	if (cul_has(text, CUL_LIT(" invoked oom-killer: ")) || ++oom->seen > 20000)
		return false;
	if (cul_has(text, CUL_LIT("Killed process "))) {
		*status = tell(parse, rec, oom);
		if (*status == CUL_OK)
			*status = tell_table(parse, oom);
		oom->told = true;
		return true; /* one more, so that record() sees that this line has been told */
	}
	if (cul_starts(text, CUL_LIT("oom-kill:"))) {
		take_constraint(oom, text);
	} else if (cul_starts(text, CUL_LIT("memory: usage ")) && cul_cut(text, CUL_LIT("limit "), NULL, &rest)) {
		if (cul_to_int(cul_digits(&rest), &limit) && limit < INT64_MAX / 2)
			oom->limit_kib = limit;
	} else if (cul_starts(text, CUL_LIT("Task in ")) && cul_cut(text, CUL_LIT("as a result of limit of "), NULL, &rest)) {
		cul_dump_copy(oom->cgroup, sizeof(oom->cgroup), rest);
		cul_dump_copy(oom->constraint, sizeof(oom->constraint), CUL_LIT("memcg"));
	} else if (!take_header(oom, text) && oom->table) {
		take_row(oom, text);
	}
	if (oom->seen % 480 == 0) { /* a follower sees 512 records; a table may be longer */
		*status = cul_follow(parse, rec, oom_next, oom);
		return false;
	}
	return true;
}

static enum cul_status oom_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice invoker, rest, order;
	bool invoked = cul_cut(rec->message, CUL_LIT(" invoked oom-killer: "), &invoker, &rest);
	struct oom *oom;

	if (!cul_kernel_says(rec))
		return CUL_OK;
	if (!invoked && !cul_starts(rec->message, CUL_LIT("oom-kill:constraint=")))
		return cul_following(parse, oom_next) ? CUL_OK : tell(parse, rec, NULL);
	if (!invoked && cul_following(parse, oom_next))
		return CUL_OK;
	oom = cul_keep_bytes(parse, sizeof(*oom));
	if (!oom)
		return CUL_ENOMEM;
	oom->rec = cul_keep_record(parse, rec);
	if (invoked) {
		cul_dump_copy(oom->invoker, sizeof(oom->invoker), cul_trim(invoker));
		if (cul_cut(rest, CUL_LIT("order="), NULL, &order))
			cul_to_int(cul_digits(&order), &oom->order);
	} else {
		take_constraint(oom, rec->message);
	}
	return cul_follow(parse, rec, oom_next, oom);
}

const struct cul_parser cul_parser_kernel_oom = {
	.name = "kernel_oom",
	.about = "the OOM killer: victim, constraint, control group, the biggest tasks of its table",
	.kinds = CUL_KINDS(CUL_KIND("kernel.oom", 1, "kernel", F_PID, F_COMM, F_RSS_MIB, F_ANON_RSS_MIB, F_FILE_RSS_MIB, F_SHMEM_RSS_MIB,
				    F_TOTAL_VM_MIB, F_CGROUP, F_CONSTRAINT, F_OOM_SCORE_ADJ, F_INVOKER, F_ORDER, F_LIMIT_MIB),
			   CUL_SAMPLES("kernel.oom-task", 1, "kernel", F_PID, F_COMM, F_RSS_MIB, F_TOTAL_VM_MIB, F_SWAP_MIB,
				       F_OOM_SCORE_ADJ)),
	.needles = CUL_LIST(" invoked oom-killer: ", "oom-kill:constraint=", "Killed process "),
	.record = oom_record,
};
