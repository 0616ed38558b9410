/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Small members are read side by side: a batch of them is parsed by whoever is free, what it tells is written down, and the thread that
 * reads the bundle tells the sink in the bundle's order. A report's thousands of small files take as many threads as there are.
 *
 * What comes to the sink is the same as without: each batch has a parse of its own, whose state a member begins anew anyway.
 */
#include "parsers/side.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "parsers/image.h"
#include "parsers/opened.h"

#define CREW 15
#define BATCHES (3 * (CREW + 1))
#define MEMBERS 64          /* of a batch */
#define BYTES (256u << 10)  /* the same: more than these and it is full */
#define GROWS (16u << 20)   /* a file that grows while it is read is read so far */

struct wrong {
	size_t member; /* index; of what lies before it if @before */
	bool before;
	char *name, *why;
};

struct told {
	enum { MEMBER, SECTION, OBSERVATION, SUSPECT, SECTION_END, TEXT } what;
	union {
		struct {
			struct cul_member member;
			size_t name;
		};
		struct cul_section_info section;
		struct cul_observation observation;
		struct {
			struct cul_section_span span;
			size_t streams;
		};
		struct {
			struct cul_slice text;
			int64_t offset, line;
			int of;
		};
	};
};

struct batch {
	enum { FILLING, READY, TAKEN, DONE } state;
	struct {
		struct cul_member head;
		size_t name, from, size; /* of bytes */
	} members[MEMBERS];
	size_t count;
	char *bytes;
	size_t size, room;
	struct wrong *wrong;
	size_t wrong_count, wrong_room;

	/* what it tells; its pointers are offsets of @log, 0: NULL */
	struct told *told;
	size_t told_count, told_room;
	char *log;
	size_t log_size, log_room;
	int *ids; /* the sink's, of members */
	int id_count, sections;
	bool no_memory;
	struct cul_tally tally;
	struct cul_error err;
	enum cul_status failed;
};

struct worker {
	struct cul_side *side;
	struct cul_parse *parse;
	struct cul_bundle *bundle;
	struct cul_error err;
	struct batch *batch; /* at hand */
	size_t member;
	pthread_t thread;
	bool runs;
};

struct cul_side {
	struct cul_parse *parse;
	struct worker workers[CREW + 1]; /* the first one is the thread's that reads */
	size_t crew, running;
	struct batch *batches[BATCHES];
	size_t first, count, most; /* in the bundle's order */
	struct batch *filling; /* the last of them, or NULL: nobody else looks at it */
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	bool stop;
};

/* ---- writing down --------------------------------------------------------------------------- */

static size_t put(struct batch *b, const void *data, size_t size)
{
	size_t at = b->log_size ? b->log_size : 16, end = (at + size + 15) & ~(size_t)15;
	if (end > b->log_room) {
		size_t room = end * 2 > 64u << 10 ? end * 2 : 64u << 10;
		char *log = realloc(b->log, room);
		if (!log) {
			b->no_memory = true;
			return 0;
		}
		b->log = log;
		b->log_room = room;
	}
	if (size)
		memcpy(b->log + at, data, size);
	b->log_size = end;
	return at;
}

static void hold(struct batch *b, struct cul_slice *s)
{
	if (s->data)
		s->data = (const char *)put(b, s->data, s->size);
}

static enum cul_status tell(struct batch *b, const struct told *t)
{
	if (b->no_memory) /* what it points to was not written down: nobody may replay it */
		return CUL_ENOMEM;
	if (b->told_count == b->told_room) {
		size_t room = b->told_room ? b->told_room * 2 : 256;
		struct told *told = realloc(b->told, room * sizeof(*told));
		if (!told)
			return CUL_ENOMEM;
		b->told = told;
		b->told_room = room;
	}
	b->told[b->told_count++] = *t;
	return CUL_OK;
}

static enum cul_status on_member(void *ctx, const struct cul_member *member, int *id)
{
	struct batch *b = ((struct worker *)ctx)->batch;
	struct told t = { .what = MEMBER };
	*id = b->id_count++;
	t.member = *member;
	t.name = put(b, member->name, strlen(member->name) + 1);
	return tell(b, &t);
}

static enum cul_status on_section(void *ctx, const struct cul_section_info *info, int *id)
{
	struct batch *b = ((struct worker *)ctx)->batch;
	struct told t = { .what = SECTION };
	t.section = *info;
	hold(b, &t.section.command);
	hold(b, &t.section.path);
	*id = b->sections++;
	return tell(b, &t);
}

static enum cul_status observation(struct worker *w, const struct cul_observation *o, int what)
{
	struct batch *b = w->batch;
	struct cul_value values[CUL_FIELDS * 2];
	struct told t = { .what = what };
	size_t n = o->count < CUL_FIELDS * 2 ? o->count : CUL_FIELDS * 2;
	for (size_t i = 0; i < n; i++) {
		values[i] = o->values[i];
		if (values[i].type == CUL_TEXT)
			hold(b, &values[i].s);
	}
	t.observation = *o;
	t.observation.count = n;
	t.observation.values = n ? (const struct cul_value *)put(b, values, n * sizeof(*values)) : NULL;
	hold(b, &t.observation.host);
	hold(b, &t.observation.unit);
	hold(b, &t.observation.text);
	return tell(b, &t);
}

static enum cul_status on_observe(void *ctx, const struct cul_observation *o)
{
	return observation(ctx, o, OBSERVATION);
}

static enum cul_status on_suspect(void *ctx, const struct cul_observation *o)
{
	return observation(ctx, o, SUSPECT);
}

static enum cul_status on_section_end(void *ctx, int section, const struct cul_section_span *span)
{
	struct batch *b = ((struct worker *)ctx)->batch;
	struct told t = { .what = SECTION_END };
	size_t n = 0;
	while (span->streams && span->streams[n])
		n++;
	t.span = *span;
	t.streams = span->streams ? put(b, span->streams, (n + 1) * sizeof(*span->streams)) : 0;
	return tell(b, &t);
}

static enum cul_status on_text(void *ctx, int member, struct cul_slice text, int64_t offset, int64_t line)
{
	struct batch *b = ((struct worker *)ctx)->batch;
	struct told t = { .what = TEXT };
	t.text = text;
	hold(b, &t.text);
	t.offset = offset;
	t.line = line;
	t.of = member;
	return tell(b, &t);
}

/* ---- parsing -------------------------------------------------------------------------------- */

/* What went wrong before or with the member at hand, told by its parse. */
static void tell_wrong(struct worker *w, bool before)
{
	struct batch *b = w->batch;
	struct cul_parse *p = w->parse;
	for (size_t i = 0; i < b->wrong_count && !p->failed; i++) {
		const struct wrong *wrong = &b->wrong[i];
		if (wrong->member != w->member || wrong->before != before)
			continue;
		int id = p->member;
		if (before || strcmp(wrong->name, b->bytes + b->members[w->member].name) != 0) {
			struct cul_member lost = { .name = wrong->name, .mtime_ns = CUL_NO_TIME, .size = -1 };
			cul_parse_fail(p, p->sink->member(p->sink->ctx, &lost, &id));
		}
		if (!p->failed)
			cul_parse_damage(p, id, wrong->why);
	}
}

static void between(void *ctx)
{
	tell_wrong(ctx, false);
}

static void parse(struct worker *w, struct batch *b)
{
	struct cul_parse *p = w->parse;
	w->batch = b;
	p->tally = (struct cul_tally){ 0 };
	p->failed = CUL_OK;
	w->err = (struct cul_error){ 0 };
	for (w->member = 0; w->member < b->count && !p->failed; w->member++) {
		struct cul_member head = b->members[w->member].head;
		int id = 0;
		head.name = b->bytes + b->members[w->member].name;
		tell_wrong(w, true);
		p->tally.members++;
		if (p->failed || cul_parse_fail(p, p->sink->member(p->sink->ctx, &head, &id)) != CUL_OK)
			break;
		cul_bundle_refill(w->bundle, cul_slice(b->bytes + b->members[w->member].from, b->members[w->member].size));
		cul_parse_member(p, w->bundle, head.name, id, between, w);
	}
	b->tally = p->tally;
	b->failed = p->failed;
	b->err = w->err;
}

/* The oldest batch that nobody has; NULL: not more than @spare of them wait. */
static struct batch *waiting(struct cul_side *side, size_t spare)
{
	struct batch *ret = NULL;
	size_t count = 0;
	for (size_t i = 0; i < side->count && count <= spare; i++) {
		struct batch *b = side->batches[(side->first + i) % side->most];
		count += b->state == READY;
		if (b->state == READY && !ret)
			ret = b;
	}
	if (count <= spare)
		return NULL;
	ret->state = TAKEN;
	return ret;
}

static void *run(void *ctx)
{
	struct worker *w = ctx;
	struct cul_side *side = w->side;
	pthread_mutex_lock(&side->lock);
	while (!side->stop) {
		struct batch *b = waiting(side, 0);
		if (!b) {
			pthread_cond_wait(&side->work, &side->lock);
			continue;
		}
		pthread_mutex_unlock(&side->lock);
		parse(w, b);
		pthread_mutex_lock(&side->lock);
		b->state = DONE;
		pthread_cond_signal(&side->done);
	}
	pthread_mutex_unlock(&side->lock);
	return NULL;
}

/* ---- telling -------------------------------------------------------------------------------- */

static void found(const struct batch *b, struct cul_slice *s)
{
	if (s->data)
		s->data = b->log + (uintptr_t)s->data;
}

static void replay(struct cul_side *side, struct batch *b)
{
	struct cul_parse *p = side->parse;
	const struct cul_sink *sink = p->sink;
	int *ids = b->ids, section = 0, next = 0;
	for (size_t i = 0; i < b->told_count && !p->failed; i++) {
		struct told *t = &b->told[i];
		enum cul_status status = CUL_OK;
		switch (t->what) {
		case MEMBER:
			t->member.name = b->log + t->name;
			status = sink->member(sink->ctx, &t->member, &ids[next]);
			next++;
			break;
		case SECTION:
			found(b, &t->section.command);
			found(b, &t->section.path);
			t->section.member = ids[t->section.member];
			status = sink->section(sink->ctx, &t->section, &section);
			break;
		case OBSERVATION:
		case SUSPECT: {
			struct cul_observation *o = &t->observation;
			struct cul_value *values = o->values ? (struct cul_value *)(void *)(b->log + (uintptr_t)o->values) : NULL;
			for (size_t k = 0; k < o->count; k++)
				if (values[k].type == CUL_TEXT)
					found(b, &values[k].s);
			o->values = values;
			o->section = section;
			found(b, &o->host);
			found(b, &o->unit);
			found(b, &o->text);
			status = t->what == SUSPECT ? sink->suspect(sink->ctx, o) : sink->observe(sink->ctx, o);
			break;
		}
		case SECTION_END:
			t->span.streams = t->streams ? (const char *const *)(const void *)(b->log + t->streams) : NULL;
			status = sink->section_end(sink->ctx, section, &t->span);
			break;
		case TEXT:
			found(b, &t->text);
			status = sink->text(sink->ctx, ids[t->of], t->text, t->offset, t->line);
			break;
		}
		cul_parse_fail(p, status);
	}
	p->tally.members += b->tally.members;
	p->tally.sections += b->tally.sections;
	p->tally.lines += b->tally.lines;
	p->tally.records += b->tally.records;
	p->tally.observations += b->tally.observations;
	p->tally.damaged += b->tally.damaged;
	p->tally.bytes += b->tally.bytes;
	if (b->failed && !p->failed) {
		if (p->err)
			*p->err = b->err;
		cul_parse_fail(p, b->failed);
	}
}

static void empty(struct batch *b)
{
	for (size_t i = 0; i < b->wrong_count; i++) {
		free(b->wrong[i].name);
		free(b->wrong[i].why);
	}
	b->count = b->size = b->wrong_count = b->told_count = b->log_size = 0;
	b->id_count = b->sections = 0;
	b->state = FILLING;
}

/* The oldest batch comes to the sink; whoever waits for it lends a hand, but leaves one for each of the others, who would have to wait for him. */
static void tell_oldest(struct cul_side *side)
{
	struct batch *b = side->batches[side->first];
	pthread_mutex_lock(&side->lock);
	while (b->state != DONE) {
		struct batch *other = waiting(side, side->running);
		if (!other) {
			pthread_cond_wait(&side->done, &side->lock);
			continue;
		}
		pthread_mutex_unlock(&side->lock);
		parse(&side->workers[0], other);
		pthread_mutex_lock(&side->lock);
		other->state = DONE;
	}
	side->first = (side->first + 1) % side->most;
	side->count--;
	pthread_mutex_unlock(&side->lock);
	b->ids = calloc((size_t)b->id_count + 1, sizeof(*b->ids));
	if (!b->ids)
		cul_parse_no_memory(side->parse);
	else if (!side->parse->failed)
		replay(side, b);
	free(b->ids);
	b->ids = NULL;
	empty(b);
}

/* ---- taking --------------------------------------------------------------------------------- */

static void hand_over(struct cul_side *side)
{
	if (!side->filling)
		return;
	pthread_mutex_lock(&side->lock);
	side->filling->state = READY;
	side->filling = NULL;
	pthread_cond_signal(&side->work);
	pthread_mutex_unlock(&side->lock);
}

static bool note_wrong(struct cul_side *side, struct batch *b, bool before)
{
	const char *name, *why;
	while (cul_bundle_damage(side->parse->bundle, &name, &why)) {
		if (b->wrong_count == b->wrong_room) {
			size_t room = b->wrong_room ? b->wrong_room * 2 : 16;
			struct wrong *grown = realloc(b->wrong, room * sizeof(*grown));
			if (!grown)
				return false;
			b->wrong = grown;
			b->wrong_room = room;
		}
		struct wrong w = { b->count, before, strdup(name ? name : ""), strdup(why) };
		b->wrong[b->wrong_count++] = w;
		if (!w.name || !w.why)
			return false;
	}
	return true;
}

/* Room for so many bytes behind what @b has. */
static bool has_room(struct batch *b, size_t size)
{
	while (b->room - b->size < size) {
		size_t room = b->room ? b->room * 2 : BYTES + (64u << 10);
		char *bytes = realloc(b->bytes, room);
		if (!bytes)
			return false;
		b->bytes = bytes;
		b->room = room;
	}
	return true;
}

/* All of the member at hand behind what @b has. */
static bool read_all(struct cul_side *side, struct batch *b)
{
	size_t from = b->size;
	for (;;) {
		if (!has_room(b, 4096))
			return false;
		size_t n = cul_bundle_read(side->parse->bundle, b->bytes + b->size, b->room - b->size);
		b->size += n;
		if (!n || b->size - from > GROWS)
			return true;
	}
}

void cul_side_take(struct cul_side *side, const struct cul_member *member)
{
	struct batch *b = side->filling;
	if (!b) {
		while (side->count == side->most)
			tell_oldest(side);
		size_t at = (side->first + side->count) % side->most;
		b = side->batches[at] ? side->batches[at] : calloc(1, sizeof(*b));
		side->batches[at] = b;
		if (!b) {
			cul_parse_no_memory(side->parse);
			return;
		}
		pthread_mutex_lock(&side->lock);
		side->count++;
		side->filling = b;
		pthread_mutex_unlock(&side->lock);
	}
	size_t name = b->size, size = strlen(member->name) + 1;
	if (!has_room(b, size)) {
		cul_parse_no_memory(side->parse);
		return;
	}
	memcpy(b->bytes + name, member->name, size);
	b->size += size;
	b->members[b->count].head = *member;
	bool good = note_wrong(side, b, true) && read_all(side, b) && note_wrong(side, b, false);
	b->members[b->count].name = name;
	b->members[b->count].from = name + size;
	b->members[b->count].size = b->size - (name + size);
	b->count++;
	if (!good)
		cul_parse_no_memory(side->parse);
	if (b->count == MEMBERS || b->size >= BYTES)
		hand_over(side);
}

void cul_side_flush(struct cul_side *side)
{
	if (!side)
		return;
	hand_over(side);
	while (side->count)
		tell_oldest(side);
}

/* ---- the crew ------------------------------------------------------------------------------- */

static bool hire(struct cul_side *side, struct worker *w)
{
	static const struct cul_blob none = { "", { "", 0 } };
	struct cul_sink sink = { w, on_member, on_section, on_observe, on_section_end, on_suspect, side->parse->sink->text ? on_text : NULL };
	w->side = side;
	w->parse = cul_parse_beside(side->parse, &sink, &w->err);
	return w->parse && cul_bundle_memory(&none, 1, &side->parse->limits, &w->bundle, NULL) == CUL_OK;
}

struct cul_side *cul_side_new(struct cul_parse *parse)
{
	struct cul_side *side = calloc(1, sizeof(*side));
	if (!side)
		return NULL;
	side->parse = parse;
	pthread_mutex_init(&side->lock, NULL);
	pthread_cond_init(&side->work, NULL);
	pthread_cond_init(&side->done, NULL);
	size_t wanted = parse->limits.threads < CREW + 1 ? parse->limits.threads : CREW + 1;
	side->most = 3 * wanted;
	bool good = hire(side, &side->workers[0]);
	for (size_t i = 1; good && i < wanted; i++) {
		struct worker *w = &side->workers[i];
		side->crew = i;
		good = hire(side, w);
		w->runs = good && !pthread_create(&w->thread, NULL, run, w);
		side->running += w->runs;
	}
	if (good)
		return side;
	cul_side_free(side);
	return NULL;
}

void cul_side_free(struct cul_side *side)
{
	if (!side)
		return;
	pthread_mutex_lock(&side->lock);
	side->stop = true;
	pthread_cond_broadcast(&side->work);
	pthread_mutex_unlock(&side->lock);
	for (size_t i = 0; i <= side->crew; i++) {
		struct worker *w = &side->workers[i];
		if (w->runs)
			pthread_join(w->thread, NULL);
		if (w->parse)
			cul_parse_done(w->parse);
		cul_bundle_close(w->bundle);
	}
	for (size_t i = 0; i < BATCHES; i++) {
		struct batch *b = side->batches[i];
		if (!b)
			continue;
		empty(b);
		free(b->bytes);
		free(b->wrong);
		free(b->told);
		free(b->log);
		free(b);
	}
	pthread_mutex_destroy(&side->lock);
	pthread_cond_destroy(&side->work);
	pthread_cond_destroy(&side->done);
	free(side);
}
