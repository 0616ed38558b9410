/* SPDX-License-Identifier: Apache-2.0 */
/** cul_report_write(): gathers what all writers need and hands on to one of them; and the words that they share. */
#include "culprit/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"
#include "report/escape.h"
#include "report/parts.h"

CUL_GUARD(cul_arena_freep, struct cul_arena, cul_arena_free)

const char *cul_words(struct cul_report *r, const char *format, ...)
{
	va_list list, again;
	char *ret = NULL;

	va_start(list, format);
	va_copy(again, list);
	int n = vsnprintf(NULL, 0, format, list);
	if (n >= 0)
		ret = cul_arena_get(r->arena, (size_t)n + 1);
	if (ret)
		vsnprintf(ret, (size_t)n + 1, format, again);
	va_end(again);
	va_end(list);
	return ret ? ret : "";
}

/* ---- values -------------------------------------------------------------------------------- */

const char *cul_value_words(struct cul_report *r, const struct cul_value *value)
{
	char buf[40];

	switch (value->type) {
	case CUL_INT:
		return cul_words(r, "%" PRId64, value->i);
	case CUL_FLAG:
		return value->i ? "yes" : "no";
	case CUL_REAL:
		return cul_words(r, "%s", cul_print_real(value->r, buf));
	case CUL_TEXT:
		return cul_words(r, "%.*s", (int)(value->s.size < 4096 ? value->s.size : 4096), value->s.size ? value->s.data : "");
	default:
		return "";
	}
}

/* of a path its last name, of a hash or a UUID what tells it from others */
static const char *brief(struct cul_report *r, const char *text)
{
	const char *name = text;

	if (strlen(text) > 20 && text[4] == '-' && text[10] == 'T' && text[19] == 'Z')
		return text; /* a sentence with its time */
	if (strlen(text) > 12 && strncmp(text, "/dev/", 5) != 0)
		for (const char *at = text; *at; at++)
			if ((*at == '/' || *at == '\\') && at[1])
				name = at + 1;
	if (!strncmp(name, "sha256", 6) && strlen(name) > 30)
		return cul_words(r, "%.19s…", name);
	if (!strncmp(name, "GPU-", 4) && strlen(name) == 40)
		return cul_words(r, "%.12s…", name);
	return name;
}

static const char *join_values(struct cul_report *r, const struct cul_fact *fact, size_t most)
{
	const char *text = "";

	for (size_t i = 0; i < fact->count && i < most; i++)
		text = cul_words(r, "%s%s%s", text, i ? ", " : "", brief(r, cul_value_words(r, &fact->values[i])));
	if (fact->count > most)
		text = cul_words(r, "%s +%zu", text, fact->count - most);
	return text;
}

/* ---- acts ---------------------------------------------------------------------------------- */

enum whom { NOBODY, PROCESS, JOB, GPU, HARDWARE, HOST };

static const struct act {
	const char *name;
	const char *words[2];
	const char *cost[2]; /* %s: whom it hits */
	enum whom whom;
} acts[] = {
	{ "wait", { "wait; it passes by itself", "等待，问题会自行恢复" },
	  { "costs time only; %s waits meanwhile", "只需时间；期间 %s 需要等待" }, PROCESS },
	{ "restart-process", { "restart the process", "重启该进程" },
	  { "requests in flight are lost; hits the users of %s", "进行中的请求会丢失；影响 %s 的使用者" }, PROCESS },
	{ "fix-config", { "change the configuration", "修改配置" },
	  { "works after a restart of %s; its users lose the requests in flight", "重新启动 %s 后生效，届时其使用者进行中的请求会丢失" }, PROCESS },
	{ "fix-job", { "fix the job and start it again", "修正作业并重新启动" },
	  { "what %s did since its last checkpoint is lost; other jobs go on", "%s 自最近检查点以来的工作会丢失，不影响其他作业" }, JOB },
	{ "reset-gpu", { "stop what runs on the GPU and reset it", "停止该 GPU 上的进程并重置 GPU" },
	  { "every process on %s ends; the other GPUs go on", "%s 上的所有进程都会结束，其他 GPU 不受影响" }, GPU },
	{ "drain-reboot", { "drain the host and reboot it", "排空主机并重启" },
	  { "all work on %s ends; hits everybody who uses it", "%s 上的所有工作都会结束，影响其全部使用者" }, HOST },
	{ "power-cycle", { "drain the host, switch its power off and on again", "排空主机并断电重启" },
	  { "all work on %s ends; a warm reboot is not enough", "%s 上的所有工作都会结束；热重启不够" }, HOST },
	{ "replace-hardware", { "take it out of service and have the hardware replaced", "停止使用并更换硬件" },
	  { "%s can't be used until then", "在此之前 %s 无法使用" }, HARDWARE },
	{ "update-software", { "update the software", "更新软件" },
	  { "needs a restart of %s; its users lose the requests in flight", "%s 需要重新启动，其使用者进行中的请求会丢失" }, PROCESS },
	{ "none", { "nothing; no action is needed", "无需操作" }, { "", "" }, NOBODY },
};

/* what a setting or an update needs to take effect, where that is more than a restart: %s is the host */
static const struct {
	const char *needs;
	const char *cost[2];
} takes_effect[] = {
	{ "reboot", { "works from the next boot of %s on: all work there ends", "%s 下次启动后生效，届时其上所有工作都会结束" } },
	{ "power", { "%s has to be switched off for it: all work there ends", "需要将 %s 断电，届时其上所有工作都会结束" } },
	{ "reset", { "needs a reset of the GPU: every process on it ends, on %s", "需要重置 %s 的 GPU，其上的所有进程都会结束" } },
};

static const struct act *find_act(const char *name)
{
	for (size_t i = 0; name && i < sizeof(acts) / sizeof(acts[0]); i++)
		if (!strcmp(acts[i].name, name))
			return &acts[i];
	return NULL;
}

const char *cul_act_words(const struct cul_report *r, const char *name)
{
	const struct act *act = find_act(name ? name : "none");

	return act ? act->words[r->lang] : name;
}

static bool host_known(const struct cul_report *r, const struct cul_finding *f)
{
	return f->host >= 0 && (size_t)f->host < r->host_count && strcmp(r->hosts[f->host].name, "host") != 0;
}

static const char *host_name(const struct cul_report *r, const struct cul_finding *f)
{
	static const char *const unnamed[] = { "this host", "该主机" };

	return host_known(r, f) ? r->hosts[f->host].name : unnamed[r->lang];
}

/* the entity of one of these names, else the fact; NULL */
static const char *named(struct cul_report *r, const struct cul_finding *f, const char *const *names)
{
	for (; *names; names++)
		for (int in_facts = 0; in_facts < 2; in_facts++) {
			const struct cul_fact *list = in_facts ? f->facts : f->entities;
			size_t count = in_facts ? f->fact_count : f->entity_count;

			for (size_t i = 0; i < count; i++)
				if (list[i].name && !strcmp(list[i].name, *names) && list[i].count)
					return cul_words(r, list[i].count < 2 ? "%s" : r->lang ? "%s 等" : "%s and others",
							 brief(r, cul_value_words(r, &list[i].values[0])));
		}
	return NULL;
}

/* the program that a rule of this room is about */
static const char *service_of(const char *cause)
{
	static const char *const services[][2] = {
		{ "ollama.", "Ollama" }, { "llamacpp.", "llama.cpp" }, { "vllm.", "vLLM" }, { "sglang.", "SGLang" }, { "lmdeploy.", "LMDeploy" },
		{ "tgi.", "TGI" }, { "triton.", "Triton" }, { "ray.", "Ray" }, { "slurm.", "Slurm" }, { "jvm.", "the JVM" },
	};

	for (size_t i = 0; cause && i < sizeof(services) / sizeof(services[0]); i++)
		if (!strncmp(cause, services[i][0], strlen(services[i][0])))
			return services[i][1];
	return NULL;
}

static const char *process_words(struct cul_report *r, const struct cul_finding *f, bool job)
{
	static const char *const names[] = { "unit", "comm", "process", "process_name", "program", "exe", NULL }, *const pids[] = { "pid", NULL };
	static const char *const unnamed[][2] = { { "the program", "该程序" }, { "the job", "该作业" } }, *const jobs[] = { "job_id", "job", NULL };
	const char *name = named(r, f, names), *pid = named(r, f, pids), *text;
	const char *number = job ? named(r, f, jobs) : NULL;

	if (number && *number && !strchr(number, ' ')) {
		name = cul_words(r, r->lang ? "作业 %s" : "job %s", number);
		pid = NULL;
	}
	bool others = name && strchr(name, ' ');
	if ((!name || !*name) && !(job && f->cause && !strncmp(f->cause, "slurm.", 6))) /* Slurm goes on, whatever its job does */
		name = service_of(f->cause);
	if (name)
		text = pid && !others && !strchr(pid, ' ') ? cul_words(r, "%s (pid %s)", name, pid) : name;
	else if (pid && strlen(pid) < 32)
		text = job ? cul_words(r, r->lang ? "作业 (pid %s)" : "the job (pid %s)", pid) : cul_words(r, "pid %s", pid);
	else
		text = unnamed[job][r->lang];
	return host_known(r, f) ? cul_words(r, r->lang ? "%s 上的 %s" : "%2$s on %1$s", host_name(r, f), text) : text;
}

const char *cul_act_cost(struct cul_report *r, const struct cul_finding *f)
{
	static const char *const gpus[] = { "gpu", "gpu_bdf", "gpu_index", NULL }, *const hardware[] = { "device", "dimm", "label", NULL };
	static const char *const the_gpu[] = { "the GPU", "该 GPU" };
	const struct act *act = find_act(f->act ? f->act : "none");
	const char *whom = NULL, *mark, *cost;

	if (!act)
		return "";
	cost = act->cost[r->lang];
	whom = host_name(r, f);
	if (act->whom == GPU || act->whom == HARDWARE) {
		const char *gpu = named(r, f, gpus), *device = act->whom == HARDWARE ? named(r, f, hardware) : NULL;

		if (gpu)
			gpu = cul_words(r, strncmp(gpu, "gpu", 3) != 0 && strncmp(gpu, "GPU", 3) != 0 ? "GPU %s" : "%s", gpu);
		whom = gpu ? gpu : device ? device : act->whom == GPU ? the_gpu[r->lang] : NULL;
		whom = !whom ? host_name(r, f) : host_known(r, f) ? cul_words(r, r->lang ? "%s 的 %s" : "%2$s of %1$s", host_name(r, f), whom) : whom;
	} else if (act->whom == PROCESS || act->whom == JOB) {
		const char *needs = NULL;

		/* the first step that needs anything says what the change costs */
		for (size_t i = 0; i < f->remedy_count && !needs && act->whom == PROCESS; i++)
			if (f->remedy[i].needs && strcmp(f->remedy[i].needs, "none") != 0)
				needs = f->remedy[i].needs;
		if (!strcmp(act->name, "fix-config") && f->remedy_count && !needs)
			return r->lang ? "无需重启主机" : "no reboot is needed";
		whom = process_words(r, f, act->whom == JOB);
		for (size_t i = 0; needs && i < sizeof(takes_effect) / sizeof(takes_effect[0]); i++)
			if (!strcmp(takes_effect[i].needs, needs) && (!strcmp(act->name, "fix-config") || !strcmp(act->name, "update-software"))) {
				cost = takes_effect[i].cost[r->lang];
				whom = host_name(r, f);
			}
	}
	mark = strstr(cost, "%s");
	if (!mark)
		return cost;
	return cul_words(r, "%.*s%s%s", (int)(mark - cost), cost, whom, mark + 2);
}

const char *cul_look_first(struct cul_report *r, const struct cul_finding *f)
{
	const char *what = f->remedy_count ? f->remedy[0].what : NULL, *run = f->remedy_count ? f->remedy[0].run : NULL;

	/* a notice asks for nothing */
	if ((f->act && strcmp(f->act, "none") != 0) || f->severity > 4)
		return "";
	if (!run && f->capture_count)
		run = f->captures[0];
	/* the steps below give the command where it is a long one */
	if (what && run && strlen(what) + strlen(run) > 120)
		run = NULL;
	if (!what && !run)
		return r->lang ? "先查明原因再处理；下列各行是线索" : "first find the cause; the lines below are where to begin";
	return cul_words(r, r->lang ? "先查明原因再处理：%s%s%s" : "first find the cause: %s%s%s", what ? what : "", what && run ? "  $ " : "",
			 run ? run : "");
}

/* ---- other words --------------------------------------------------------------------------- */

const char *cul_role_name(enum cul_role role)
{
	static const char *const names[] = { "root", "contributing", "symptom", "background" };

	return (size_t)role < sizeof(names) / sizeof(names[0]) ? names[role] : "background";
}

const char *cul_severity_name(int severity)
{
	static const char *const names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

	return severity >= 0 && severity < 8 ? names[severity] : "info";
}

const char *cul_source_name(const struct cul_report *r, int member)
{
	return cul_case_source_name(r->c, member);
}

/* "gpu 0000:08:00.0"; "" for a host that nothing names */
static const char *entity(struct cul_report *r, const struct cul_fact *fact, size_t most)
{
	const char *values = join_values(r, fact, most), *name = fact->name;

	if (!*values || (!strcmp(name, "host") && !strcmp(values, "host")))
		return "";
	/* "gpu 0" names itself */
	if ((!strncmp(values, name, strlen(name)) && values[strlen(name)] == ' ') || (!strcmp(name, "gpu") && !strncmp(values, "GPU-", 4)))
		name = "";
	return cul_words(r, "%s%s%s", name, *name ? " " : "", values);
}

const char *cul_entity_words(struct cul_report *r, const struct cul_finding *f)
{
	const char *text = "";

	/* the host first, then the rest as the rule names them */
	for (size_t n = 0; n < 2 * f->entity_count; n++) {
		size_t i = n % f->entity_count;
		if (!strcmp(f->entities[i].name, "host") != (n < f->entity_count))
			continue;
		const char *one = entity(r, &f->entities[i], 3);
		text = cul_words(r, "%s%s%s", text, *text && *one ? ", " : "", one);
	}
	return text;
}

const char *cul_entity_short(struct cul_report *r, const struct cul_finding *f, const char *title, size_t columns, bool *all)
{
	static const char *const ranks[] = { "host", "gpu", "device", "unit", "rank", "", "pid", "model" };
	const size_t last = sizeof(ranks) / sizeof(ranks[0]);
	const char *text = "";

	*all = true;
	for (size_t rank = 0; rank < last; rank++)
		for (size_t i = 0; i < f->entity_count; i++) {
			const struct cul_fact *fact = &f->entities[i];
			size_t of = 5;

			for (size_t k = 0; k < last; k++)
				if (*ranks[k] && !strcmp(fact->name, ranks[k]))
					of = k;
			if (of != rank || !fact->count)
				continue;
			const char *one = entity(r, fact, 1), *value = brief(r, cul_value_words(r, &fact->values[0]));
			if (!*one || (fact->count == 1 && strlen(value) >= 3 && strstr(title, value)))
				continue;
			const char *more = cul_words(r, "%s%s%s", text, *text ? ", " : "", one);
			if (cul_columns(cul_harmless(r->arena, cul_str(more))) > columns) {
				*all = false;
				continue;
			}
			*all = *all && (fact->count == 1 || fact->count > 3);
			text = more;
		}
	return text;
}

static bool noise(const char *text)
{
	static const char *const heads[] = { "Traceback (most recent call last)", "The above exception was the direct cause",
					     "During handling of the above exception", "frame #", "terminate called after throwing",
					     "TORCH_USE_CUDA_DSA", "CUDA kernel errors might be asynchronously", "Exception raised from ",
					     "<NO_OTHER_FAILURES>", "(ERST) support is initialized",
					     "module verification failed: signature", "ACPI BIOS Error", "ACPI Error: AE_NOT_FOUND", "Root Cause (first observed failure)" };
	size_t size = strlen(text);

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (strstr(text, heads[i]))
			return true;
	if (strstr(text, "apparmor=\"ALLOWED\""))
		return true;
	/* a counter that stands at nothing */
	while (size && strchr(" \t", text[size - 1]))
		size--;
	return (size > 2 && !strncmp(text + size - 2, " 0", 2)) || (size > 4 && !strncmp(text + size - 4, "0x00", 4)) ||
	       (size > 4 && !strncmp(text + size - 4, " 0x0", 4));
}

bool cul_worth_a_line(const struct cul_report *r, const struct cul_template *t)
{
	if (noise(t->specimen && *t->specimen ? t->specimen : t->text ? t->text : ""))
		return false;
	for (size_t i = 0; i < r->verdict->count; i++) {
		const struct cul_finding *f = &r->verdict->findings[i];

		for (size_t k = 0; k < f->evidence_count; k++)
			if (f->evidence[k].row->line == t->line && t->source && !strcmp(cul_source_name(r, f->evidence[k].row->member), t->source))
				return false;
	}
	return true;
}

const char *cul_fact_words(struct cul_report *r, const struct cul_finding *f, const char *const *names)
{
	for (; *names; names++)
		for (size_t i = 0; i < f->fact_count; i++)
			if (f->facts[i].name && !strcmp(f->facts[i].name, *names) && f->facts[i].count)
				return join_values(r, &f->facts[i], 4);
	return NULL;
}

/* "2026-11-20T06:12:13Z, words" for people; without the date where it is @day's */
static const char *dated_words(struct cul_report *r, const char *text, const char *day)
{
	if (strlen(text) < 20 || text[4] != '-' || text[10] != 'T' || text[19] != 'Z')
		return text;
	const char *rest = text + 20;
	rest += *rest == ',' ? 1 : !strncmp(rest, "，", 3) ? 3 : 0;
	rest += *rest == ' ';
	const char *comma = r->lang ? "，" : ", ";
	return !strncmp(text, day, 10) ? cul_words(r, "%.8s%s%s", text + 11, comma, rest) : cul_words(r, "%.10s %.8s%s%s", text, text + 11, comma, rest);
}

const char *cul_before_words(struct cul_report *r, const struct cul_finding *f, const char *const *names)
{
	int64_t onset = f->onset_ns != CUL_NO_TIME ? f->onset_ns : f->first_ns;
	const char *text = NULL, *day = cul_time_words(r, onset);

	for (; *names && !text; names++)
		for (size_t i = 0; i < f->fact_count; i++)
			for (size_t k = 0; !strcmp(f->facts[i].name, *names) && k < f->facts[i].count && k < 4; k++) {
				const char *one = dated_words(r, cul_value_words(r, &f->facts[i].values[k]), day);
				text = text ? cul_words(r, r->lang ? "%s；%s" : "%s; %s", text, one) : one;
			}
	return text;
}

const char *const cul_good_facts[] = { "last_known_good", "last_good", NULL };
const char *const cul_change_facts[] = { "changed", "changed_between", "what_changed", NULL };

const char *cul_time_words(struct cul_report *r, int64_t ns)
{
	char buf[32];

	if (ns == CUL_NO_TIME || !cul_clock_print(ns, buf)[0])
		return "";
	return cul_words(r, "%.10s %.8s UTC", buf, buf + 11);
}

/* of the deciding lines, those of the first one's boot: the earliest or the latest time on the kernel's own clock */
static const char *boot_words(struct cul_report *r, const struct cul_finding *f, bool latest)
{
	const struct cul_row *found = NULL;

	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct cul_row *row = f->evidence[i].row;

		if (f->evidence[i].role != CUL_MUST || row->boot_ns == CUL_NO_TIME || (found && (row->boot != found->boot || row->host != found->host)))
			continue;
		if (!found || (latest ? row->boot_ns > found->boot_ns : row->boot_ns < found->boot_ns))
			found = row;
	}
	if (!found)
		return "";
	return cul_words(r, r->lang ? "启动后 %.1f 秒" : "%.1f s after the boot", (double)found->boot_ns / 1e9);
}

const char *cul_first_words(struct cul_report *r, const struct cul_finding *f)
{
	int64_t ns = f->onset_ns != CUL_NO_TIME ? f->onset_ns : f->first_ns;

	return ns != CUL_NO_TIME ? cul_time_words(r, ns) : boot_words(r, f, false);
}

const char *cul_last_words(struct cul_report *r, const struct cul_finding *f)
{
	bool dated = f->onset_ns != CUL_NO_TIME || f->first_ns != CUL_NO_TIME || f->last_ns != CUL_NO_TIME;

	return dated ? cul_time_words(r, f->last_ns) : boot_words(r, f, true);
}

const char *cul_count_words(struct cul_report *r, int64_t n)
{
	char digits[24], text[40];
	int size = snprintf(digits, sizeof(digits), "%" PRId64, n), at = 0;

	for (int i = 0; i < size; i++) {
		if (i && (size - i) % 3 == 0 && digits[i - 1] != '-')
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return cul_words(r, "%s", text);
}

const char *cul_bytes_words(struct cul_report *r, int64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes / 1024;
	int unit = 0;

	if (bytes < 1024)
		return cul_words(r, "%" PRId64 " B", bytes);
	for (; n >= 1024 && unit < 3; unit++)
		n /= 1024;
	return cul_words(r, n < 10 ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

const struct cul_finding *cul_runner_up(const struct cul_report *r)
{
	for (size_t i = 0; r->lead && i < r->verdict->count; i++) {
		const struct cul_finding *f = &r->verdict->findings[i];

		if (f != r->lead && f->role == CUL_ROLE_ROOT && !f->waived)
			return f;
	}
	return NULL;
}

/* One line of a file; in a dump, which has none (0), one text. */
static bool same_line(const struct cul_evidence *a, const struct cul_evidence *b)
{
	return a->row->member == b->row->member && a->row->line == b->row->line && (a->row->line || cul_is(a->row->text, b->row->text));
}

size_t cul_pick_evidence(const struct cul_finding *f, const struct cul_evidence **picked, size_t most)
{
	bool taken[64] = { false };
	size_t count = 0, all = f->evidence_count < 64 ? f->evidence_count : 64;

	/* first round: one of each term and source; second: what else there is, in its order */
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < all && count < most; i++) {
			const struct cul_evidence *e = &f->evidence[i];
			bool seen = taken[i];

			for (size_t k = 0; !round && k < i && !seen; k++)
				seen = taken[k] && (same_line(&f->evidence[k], e) || (f->evidence[k].row->member == e->row->member && e->term &&
										     f->evidence[k].term && !strcmp(f->evidence[k].term, e->term)));
			size_t same = 0;
			for (size_t k = 0; round && k < all && !seen; k++) {
				if (!taken[k] || f->evidence[k].row->member != e->row->member)
					continue;
				seen = same_line(&f->evidence[k], e);
				same += e->term && f->evidence[k].term && !strcmp(f->evidence[k].term, e->term);
			}
			/* a third line of the same kind says nothing new */
			seen = seen || same >= 2;
			if (seen)
				continue;
			taken[i] = true;
			picked[count++] = e;
		}
	/* picked above in order of choice; shown in the order in which the rule found them decisive */
	count = 0;
	for (size_t i = 0; i < all && count < most; i++)
		if (taken[i])
			picked[count++] = &f->evidence[i];
	return count;
}

const char *cul_readers(struct cul_report *r, size_t most)
{
	const char *text = "";
	size_t count = 0;
	struct cul_slice seen[64];

	struct cul_source s;
	const char *former = NULL;

	for (size_t i = 0; cul_case_source(r->c, i, &s); i++) {
		struct cul_slice rest = cul_str(s.read_as == former ? NULL : s.read_as), name;

		former = s.read_as;
		while (rest.size) {
			if (!cul_cut(rest, CUL_LIT(","), &name, &rest)) {
				name = rest;
				rest = CUL_NONE;
			}
			name = cul_trim(name);
			bool known = !name.size;
			for (size_t k = 0; k < count && !known; k++)
				known = cul_is(seen[k], name);
			if (known || count == sizeof(seen) / sizeof(seen[0]))
				continue;
			seen[count++] = name;
		}
	}
	for (size_t i = 0; i < count && i < most; i++)
		text = cul_words(r, "%s%s%.*s", text, i ? ", " : "", (int)seen[i].size, seen[i].data);
	return count > most ? cul_words(r, "%s, …", text) : text;
}

void cul_report_span(const struct cul_report *r, int64_t *first, int64_t *last)
{
	*first = *last = CUL_NO_TIME;
	struct cul_source s;

	for (size_t i = 0; cul_case_source(r->c, i, &s); i++) {
		if (s.first_ns != CUL_NO_TIME && (*first == CUL_NO_TIME || s.first_ns < *first))
			*first = s.first_ns;
		if (s.last_ns != CUL_NO_TIME && (*last == CUL_NO_TIME || s.last_ns > *last))
			*last = s.last_ns;
	}
}

enum cul_status cul_report_write(struct cul_case *c, const struct cul_verdict *verdict, const struct cul_report_options *options,
				 FILE *out, struct cul_error *err)
{
	static const struct cul_report_options defaults = { .seconds = -1 };
	CUL_AUTO(cul_arena_freep) struct cul_arena *arena = cul_arena_new();
	struct cul_report r = { .c = c, .verdict = verdict, .options = options ? options : &defaults, .arena = arena, .out = out };
	enum cul_status status = CUL_OK;
	struct cul_source source;

	if (!arena)
		return cul_fail(err, CUL_ENOMEM, "the report: out of memory");
	r.lang = r.options->lang && !strncmp(r.options->lang, "zh", 2);
	r.hosts = cul_case_hosts(c, &r.host_count);
	r.gpus = cul_case_gpus(c, &r.gpu_count);
	r.source_count = cul_case_source_count(c);
	r.damage = cul_case_damage(c, &r.damage_count);
	for (size_t i = 0; cul_case_source(c, i, &source); i++) {
		r.lines += source.lines > 0 ? source.lines : 0;
		r.bytes += source.bytes > 0 ? source.bytes : 0;
	}
	r.members = (int64_t)r.source_count;
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->lead && verdict->findings[i].order == verdict->lead)
			r.lead = &verdict->findings[i];

	errno = 0;
	switch (r.options->format) {
	case CUL_REPORT_TEXT:
		cul_report_text(&r);
		break;
	case CUL_REPORT_JSON:
		status = cul_report_json(&r, err);
		break;
	case CUL_REPORT_MARKDOWN:
		cul_report_markdown(&r);
		break;
	case CUL_REPORT_DOT:
		cul_report_dot(&r);
		break;
	case CUL_REPORT_HTML:
		cul_report_html(&r);
		break;
	default:
		return cul_fail(err, CUL_EUSE, "the report: this format is not one that is written; there are text, JSON, Markdown, HTML and dot");
	}
	if (status != CUL_OK)
		return status;
	if (fflush(out) || ferror(out))
		return cul_fail(err, CUL_EIO, "the report could not be written: %s", errno ? strerror(errno) : "output error");
	return CUL_OK;
}
