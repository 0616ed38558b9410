/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Statistics that servers and training loops print as pairs, whatever program they are.
 *
 *   60s: running=4 waiting=1 done=5 gen_tok_s=21.1 cuda:0 alloc=36.09GiB reserved=36.26GiB sessions_cached=45
 *   {'loss': 2.1166, 'grad_norm': 1.2, 'learning_rate': 2.3e-05, 'epoch': 0.4}              transformers, swift
 *   [rank0]: step 48210 | loss 2.1166 | lr 2.31e-05 | tokens/s/gpu 2344 | mfu 0.38 | mem 141.2GiB     torchtitan and the like
 *   Epoch: [12][1200/5005]  Time 0.328 (0.318)  Data 0.002 (0.004)  Loss 1.9563e+00 (1.98e+00)        PyTorch's ImageNet example
 *
 * A line counts when at least two names of the list stand in it with a number behind "=", ":" or a blank, one of them a rate, a
 * load, a memory or a loss: "0% packet loss" and prose do not. A loss that is nan or inf is training.not-finite.
 */
#include "culprit/parse.h"
#include "parsers/message/serving.h"

/** The names under which a value is printed; size: with a unit of bytes. */
struct alias {
	const char *name, *field;
	bool size, key; /* key: such a value makes a line one of statistics */
};

static const struct alias aliases[] = {
	{ "gen_tok_s", "tokens_per_s", false, true }, { "tok_s", "tokens_per_s", false, true }, { "tokens_per_s", "tokens_per_s", false, true },
	{ "tokens_per_second", "tokens_per_s", false, true }, { "tokens/s/gpu", "tokens_per_s", false, true }, { "tokens/s", "tokens_per_s", false, true },
	{ "tokens/sec", "tokens_per_s", false, true }, { "tok/s", "tokens_per_s", false, true }, { "tps", "tokens_per_s", false, true },
	{ "throughput", "tokens_per_s", false, true }, { "gen_throughput", "tokens_per_s", false, true },
	{ "prompt_tok_s", "prompt_tokens_per_s", false, true }, { "prefill_tok_s", "prompt_tokens_per_s", false, true },
	{ "running", "running", false, true }, { "num_running", "running", false, true }, { "active", "running", false, false },
	{ "waiting", "waiting", false, true }, { "num_waiting", "waiting", false, true }, { "queued", "waiting", false, true }, { "queue", "waiting", false, true },
	{ "kv_cache_pct", "kv_cache_pct", false, true }, { "kv_usage", "kv_cache_pct", false, true }, { "done", "done", false, false },
	{ "retries", "retries", false, false }, { "sessions_cached", "sessions_cached", false, true }, { "live_kv", "kv_mib", true, true },
	{ "alloc", "allocated_mib", true, true }, { "allocated", "allocated_mib", true, true }, { "reserved", "reserved_mib", true, true },
	{ "mem", "used_mib", true, true }, { "memory", "used_mib", true, true }, { "memory(GiB)", "used_mib", false, true },
	{ "max_mem", "peak_mib", true, true }, { "step", "step", false, false }, { "global_step", "step", false, false }, { "iter", "step", false, false },
	{ "iteration", "step", false, false }, { "it", "step", false, false }, { "loss", "loss", false, true }, { "Loss", "loss", false, true },
	{ "train_loss", "loss", false, true }, { "lm loss", "loss", false, true }, { "grad_norm", "grad_norm", false, false }, { "grad norm", "grad_norm", false, false },
	{ "gnorm", "grad_norm", false, false }, { "lr", "learning_rate", false, false }, { "learning_rate", "learning_rate", false, false },
	{ "learning rate", "learning_rate", false, false }, { "epoch", "epoch", false, false }, { "Data", "data_s", false, false }, { "data", "data_s", false, false },
	{ "data_time", "data_s", false, true }, { "step_time", "step_s", false, true }, { "Time", "step_s", false, false }, { "rank", "rank", false, false },
};

static const struct alias step_time = { "step", "step_s", false, false };

#define STATS_FIELDS 24

/** Where @name stands as a word of its own with a value behind it; the value in @ret. */
static bool value_behind(struct cul_slice m, struct cul_slice name, struct cul_slice *ret)
{
	struct cul_slice rest = m, number;

	for (int i = 0; i < 8; i++) {
		size_t at = cul_find(rest, name);
		const char *found;
		bool mark = false;

		if (at == SIZE_MAX)
			return false;
		found = rest.data + at;
		rest = cul_from(rest, at + name.size);
		if (found > m.data && (is_word(found[-1]) || found[-1] == '/' || found[-1] == '-' || found[-1] == '.' || found[-1] == '@'))
			continue;
		number = rest;
		if (number.size && (number.data[0] == '\'' || number.data[0] == '"'))
			number = cul_from(number, 1);
		while (number.size && memchr(" =:\t[", number.data[0], 5) && number.data - rest.data < 8) {
			mark = true;
			number = cul_from(number, 1);
		}
		if (!mark || !number_at(number).size)
			continue;
		if (number_at(number).size < number.size && (is_word(number.data[number_at(number).size]) || number.data[number_at(number).size] == '-')) {
			/* a unit may follow, a date, an address or a time may not */
			char c = number.data[number_at(number).size];

			if (is_digit(c) || c == '-' || c == '_')
				continue;
		}
		*ret = number;
		return true;
	}
	return false;
}

static enum cul_status stats_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_arg args[STATS_FIELDS];
	struct cul_slice m = rec->message, value, number, rest;
	size_t count = 0, keys = 0;
	bool broken = false;
	struct cul_arg step = cul_text("step", CUL_NONE);

	if (m.size > 2048)
		m.size = 2048;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]) && count < STATS_FIELDS - 2; i++) {
		const struct alias *a = &aliases[i];
		double real;
		bool have = false;

		for (size_t j = 0; j < count; j++)
			have |= !strcmp(args[j].name, a->field);
		if (have || !value_behind(m, cul_str(a->name), &value))
			continue;
		number = number_at(value);
		/* "step 0.31s" is a time */
		if (!strcmp(a->field, "step") && number.size < value.size && value.data[number.size] == 's')
			a = &step_time;
		real = to_real(number);
		if (!strcmp(a->field, "loss") && number.size && !is_digit(number.data[number.size - 1])) {
			broken = true;
			keys++;
			continue;
		}
		if (isnan(real) || isinf(real))
			continue;
		if (a->size) {
			real = mib_at(value);
			if (isnan(real))
				continue;
		} else if (!strcmp(a->name, "memory(GiB)")) {
			real *= 1024;
		} else if (!strcmp(a->name, "kv_usage") && real <= 1) {
			real *= 100;
		}
		if (cul_field_find(cul_str(a->field))->type == CUL_INT) {
			struct cul_arg arg = cul_number(a->field, number);

			if (arg.type != CUL_INT)
				continue;
			args[count] = arg;
			if (!strcmp(a->field, "step"))
				step = arg;
			if (!strcmp(a->field, "rank"))
				args[count] = arg;
		} else {
			args[count] = cul_real(a->field, real);
		}
		count++;
		keys += a->key;
	}
	/* Epoch: [12][1200/5005] */
	if (cul_cut(m, CUL_LIT("Epoch: ["), NULL, &rest) && count + 2 < STATS_FIELDS) {
		struct cul_slice epoch = cul_digits(&rest);

		if (cul_skip(&rest, CUL_LIT("][")) && epoch.size) {
			args[count++] = cul_real("epoch", to_real(epoch));
			step = cul_number("step", cul_digits(&rest));
			args[count++] = step;
		}
	}
	if (broken)
		return cul_emit(parse, rec, "training.not-finite", cul_text("what", cul_trim(m)), step, rank_arg(rec));
	if (!keys || count < 2)
		return CUL_OK;
	for (size_t j = 0; j < count; j++)
		if (!strcmp(args[j].name, "rank"))
			return cul_emit_args(parse, rec, "serving.stats", args, count);
	args[count++] = rank_arg(rec);
	value = number_after(m, CUL_LIT("cuda:"));
	if (value.size && count < STATS_FIELDS)
		args[count++] = cul_number("gpu_index", value);
	return cul_emit_args(parse, rec, "serving.stats", args, count);
}

const struct cul_parser cul_parser_serving_stats = {
	.name = "serving_stats",
	.about = "statistics of servers and training loops printed as pairs: throughput, queue, memory, loss",
	.kinds = CUL_KINDS(
		CUL_SAMPLES("serving.stats", 1, "serving_stats", F_TOKENS_PER_S, F_PROMPT_TOKENS_PER_S, F_RUNNING, F_WAITING, F_KV_CACHE_PCT, F_DONE, F_RETRIES,
			    F_SESSIONS_CACHED, F_KV_MIB, F_ALLOCATED_MIB, F_RESERVED_MIB, F_USED_MIB, F_PEAK_MIB, F_STEP, F_LOSS, F_GRAD_NORM, F_LEARNING_RATE,
			    F_EPOCH, F_DATA_S, F_STEP_S, F_RANK, F_GPU_INDEX),
		CUL_KIND("training.not-finite", 1, "serving_stats", F_WHAT, F_STEP, F_RANK)),
	.needles = CUL_LIST("tok_s=", "tok/s", "tokens/s", "tokens_per_s", "running=", "waiting=", "queued=", "sessions_cached=", "loss ", "loss=", "loss:", "loss\":", "loss':",
			    "Loss ", "Loss: ", "throughput=", "data_time", "step_time"),
	.record = stats_record,
};
