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

/* ---- acts ---------------------------------------------------------------------------------- */

enum whom { NOBODY, PROCESS, JOB, GPU, HOST };

static const struct act {
	const char *name;
	const char *words[2];
	const char *cost[2]; /* %s: whom it hits */
	enum whom whom;
} acts[] = {
	{ "wait", { "wait; it passes by itself", "等待，问题会自行恢复" }, { "costs nothing but time", "除时间外没有代价" }, NOBODY },
	{ "restart-process", { "restart the process", "重启该进程" },
	  { "requests in flight are lost; hits the users of %s", "进行中的请求会丢失；影响 %s 的使用者" }, PROCESS },
	{ "fix-config", { "change the configuration", "修改配置" },
	  { "takes effect when %s is started again; requests in flight are lost then", "重新启动 %s 后生效，届时进行中的请求会丢失" }, PROCESS },
	{ "fix-job", { "fix the job and start it again", "修正作业并重新启动" },
	  { "the job starts over from its last checkpoint; hits nobody else", "作业从最近的检查点重新开始，不影响他人" }, JOB },
	{ "reset-gpu", { "stop what runs on the GPU and reset it", "停止该 GPU 上的进程并重置 GPU" },
	  { "every process on %s ends; the other GPUs go on", "%s 上的所有进程都会结束，其他 GPU 不受影响" }, GPU },
	{ "drain-reboot", { "drain the host and reboot it", "排空主机并重启" },
	  { "all work on %s ends; hits everybody who uses it", "%s 上的所有工作都会结束，影响其全部使用者" }, HOST },
	{ "power-cycle", { "drain the host, switch its power off and on again", "排空主机并断电重启" },
	  { "all work on %s ends; a warm reboot is not enough", "%s 上的所有工作都会结束；热重启不够" }, HOST },
	{ "replace-hardware", { "take it out of service and have the hardware replaced", "停止使用并更换硬件" },
	  { "%s is out of service until then", "在此之前 %s 无法使用" }, HOST },
	{ "update-software", { "update the software", "更新软件" },
	  { "what runs on %s has to be started again", "%s 上运行的服务需要重新启动" }, HOST },
	{ "none", { "nothing; no action is needed", "无需操作" }, { "", "" }, NOBODY },
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

static const char *host_name(const struct cul_report *r, const struct cul_finding *f)
{
	static const char *const unnamed[] = { "this host", "该主机" };

	if (f->host >= 0 && (size_t)f->host < r->host_count && strcmp(r->hosts[f->host].name, "host") != 0)
		return r->hosts[f->host].name;
	return unnamed[r->lang];
}

/* the entity of one of these names, else the fact; NULL */
static const char *named(struct cul_report *r, const struct cul_finding *f, const char *const *names)
{
	for (; *names; names++)
		for (size_t i = 0; i < f->entity_count; i++)
			if (!strcmp(f->entities[i].name, *names) && f->entities[i].count)
				return cul_value_words(r, &f->entities[i].values[0]);
	return NULL;
}

const char *cul_act_cost(struct cul_report *r, const struct cul_finding *f)
{
	static const char *const processes[] = { "comm", "unit", "model", NULL };
	static const char *const gpus[] = { "gpu", "gpu_bdf", "gpu_index", NULL };
	static const char *const the_process[] = { "the process", "该进程" }, *const the_gpu[] = { "the GPU", "该 GPU" };
	static const char *const the_service[] = { "the service", "该服务" };
	const struct act *act = find_act(f->act ? f->act : "none");
	const char *whom = NULL, *mark;

	if (!act)
		return "";
	mark = strstr(act->cost[r->lang], "%s");
	if (!mark)
		return act->cost[r->lang];
	if (act->whom == PROCESS) {
		whom = named(r, f, processes);
		if (!whom)
			whom = !strcmp(act->name, "fix-config") ? the_service[r->lang] : the_process[r->lang];
	} else if (act->whom == GPU) {
		whom = named(r, f, gpus);
		whom = whom ? cul_words(r, strncmp(whom, "gpu", 3) != 0 ? "GPU %s" : "%s", whom) : the_gpu[r->lang];
	} else {
		whom = host_name(r, f);
	}
	return cul_words(r, "%.*s%s%s", (int)(mark - act->cost[r->lang]), act->cost[r->lang], whom, mark + 2);
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
	return member >= 0 && (size_t)member < r->source_count && r->sources[member].name ? r->sources[member].name : "?";
}

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

static const char *join_values(struct cul_report *r, const struct cul_fact *fact, size_t most)
{
	const char *text = "";

	for (size_t i = 0; i < fact->count && i < most; i++)
		text = cul_words(r, "%s%s%s", text, i ? ", " : "", cul_value_words(r, &fact->values[i]));
	if (fact->count > most)
		text = cul_words(r, "%s +%zu", text, fact->count - most);
	return text;
}

const char *cul_entity_words(struct cul_report *r, const struct cul_finding *f)
{
	const char *text = "";

	/* the host first, then the rest as the rule names them */
	for (size_t n = 0; n < 2 * f->entity_count; n++) {
		size_t i = n % f->entity_count;
		if (!strcmp(f->entities[i].name, "host") != (n < f->entity_count))
			continue;
		const char *values = join_values(r, &f->entities[i], 3), *name = f->entities[i].name;

		/* "gpu 0" names itself; a host that nothing names is none */
		if (!strcmp(name, "host") && !strcmp(values, "host"))
			continue;
		if (!strncmp(values, name, strlen(name)) && values[strlen(name)] == ' ')
			name = "";
		text = cul_words(r, "%s%s%s%s%s", text, *text ? ", " : "", name, *name ? " " : "", values);
	}
	return text;
}

const char *cul_fact_words(struct cul_report *r, const struct cul_finding *f, const char *const *names)
{
	for (; *names; names++)
		for (size_t i = 0; i < f->fact_count; i++)
			if (f->facts[i].name && !strcmp(f->facts[i].name, *names) && f->facts[i].count)
				return join_values(r, &f->facts[i], 4);
	return NULL;
}

const char *cul_time_words(struct cul_report *r, int64_t ns)
{
	char buf[32];

	if (ns == CUL_NO_TIME || !cul_clock_print(ns, buf)[0])
		return "";
	return cul_words(r, "%.10s %.8s UTC", buf, buf + 11);
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
				seen = taken[k] && f->evidence[k].row->member == e->row->member &&
				       (f->evidence[k].row->line == e->row->line ||
					(e->term && f->evidence[k].term && !strcmp(f->evidence[k].term, e->term)));
			for (size_t k = 0; round && k < all && !seen; k++)
				seen = taken[k] && f->evidence[k].row->member == e->row->member && f->evidence[k].row->line == e->row->line;
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

	for (size_t i = 0; i < r->source_count; i++) {
		struct cul_slice rest = cul_str(r->sources[i].read_as), name;

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
	for (size_t i = 0; i < r->source_count; i++) {
		const struct cul_source *s = &r->sources[i];

		if (s->first_ns != CUL_NO_TIME && (*first == CUL_NO_TIME || s->first_ns < *first))
			*first = s->first_ns;
		if (s->last_ns != CUL_NO_TIME && (*last == CUL_NO_TIME || s->last_ns > *last))
			*last = s->last_ns;
	}
}

enum cul_status cul_report_write(struct cul_case *c, const struct cul_verdict *verdict, const struct cul_report_options *options,
				 FILE *out, struct cul_error *err)
{
	static const struct cul_report_options defaults = { .seconds = -1 };
	CUL_AUTO(cul_arena_freep) struct cul_arena *arena = cul_arena_new();
	struct cul_report r = { .c = c, .verdict = verdict, .options = options ? options : &defaults, .arena = arena, .out = out };
	enum cul_status status = CUL_OK;

	if (!arena)
		return cul_fail(err, CUL_ENOMEM, "the report: out of memory");
	r.lang = r.options->lang && !strncmp(r.options->lang, "zh", 2);
	r.hosts = cul_case_hosts(c, &r.host_count);
	r.gpus = cul_case_gpus(c, &r.gpu_count);
	r.sources = cul_case_sources(c, &r.source_count);
	r.damage = cul_case_damage(c, &r.damage_count);
	for (size_t i = 0; i < r.source_count; i++) {
		r.lines += r.sources[i].lines > 0 ? r.sources[i].lines : 0;
		r.bytes += r.sources[i].bytes > 0 ? r.sources[i].bytes : 0;
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
	default:
		return cul_fail(err, CUL_EUSE, "the report: this format is not one that is written; there are text, JSON and Markdown");
	}
	if (status != CUL_OK)
		return status;
	if (fflush(out) || ferror(out))
		return cul_fail(err, CUL_EIO, "the report could not be written: %s", errno ? strerror(errno) : "output error");
	return CUL_OK;
}
