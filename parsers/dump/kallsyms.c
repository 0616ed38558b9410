/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kallsyms: names and addresses of the kernel's symbols, packed by scripts/kallsyms.c at build time (CONFIG_KALLSYMS).
 *
 *   kallsyms_offsets[num]      s32, relative to kallsyms_relative_base
 *   kallsyms_num_syms          u32
 *   kallsyms_names             for each symbol a length (one byte; since 6.1 two when bit 7 is set) and that many tokens
 *   kallsyms_markers           offset in names of each 256th symbol
 *   kallsyms_token_table       256 strings, one behind the other
 *   kallsyms_token_index[256]  u16: where each begins
 *
 * The first letter of an unpacked name is its type. With CONFIG_KALLSYMS_ABSOLUTE_PERCPU (x86 SMP up to 6.14) a negative offset
 * is base - 1 - offset and the others are absolute; without it each is base + u32. Which it is, is tried on _stext.
 *
 * VMCOREINFO names the tables since 6.0 (commit f09bddbd8661); before, kallsyms_search.c looks for them.
 */
#include "parsers/dump/kallsyms_tables.h"

#define MOST_TEXT (96u << 20) /* of all names */
#define MOST_STEPS 256	      /* through a bucket's neighbours */

struct tokens {
	uint16_t at[256];
	char text[65536 + CUL_KALLSYMS_NAME];
};

static bool load_tokens(const struct cul_ksource *source, uint64_t table, uint64_t index, struct tokens *tokens)
{
	size_t size = 0;

	if (!source->read(source->ctx, index, tokens->at, sizeof(tokens->at)))
		return false;
	for (int i = 0; i < 256; i++)
		if (tokens->at[i] > size)
			size = tokens->at[i];
	/* the last one is short; what stands behind it is not needed */
	memset(tokens->text, 0, sizeof(tokens->text));
	if (!source->read(source->ctx, table, tokens->text, size + 64))
		return false;
	tokens->text[size + 64] = 0;
	return true;
}

/* ---- reading names: a window onto them ----------------------------------------------------------------------- */

static bool stream_byte(struct cul_kallsyms_stream *s, uint8_t *ret)
{
	if (s->at == s->size) {
		s->size = CUL_KALLSYMS_PAGE - s->next % CUL_KALLSYMS_PAGE;
		s->at = 0;
		if (!s->source->read(s->source->ctx, s->next, s->window, s->size)) {
			s->size = 0;
			return false;
		}
		s->next += s->size;
	}
	*ret = s->window[s->at++];
	return true;
}

int cul_kallsyms_name(struct cul_kallsyms_stream *s, uint8_t tokens[CUL_KALLSYMS_NAME])
{
	uint8_t low, high = 0;
	int length;

	if (!stream_byte(s, &low) || (low & 0x80 && !stream_byte(s, &high)))
		return -1;
	length = (low & 0x7f) | high << 7;
	if (!length || length >= CUL_KALLSYMS_NAME)
		return -1;
	for (int i = 0; i < length; i++)
		if (!stream_byte(s, &tokens[i]))
			return -1;
	return length;
}

static size_t unpack(const struct tokens *tokens, const uint8_t *packed, int count, char out[CUL_KALLSYMS_NAME])
{
	size_t n = 0;

	for (int i = 0; i < count; i++)
		for (const char *t = tokens->text + tokens->at[packed[i]]; *t && n < CUL_KALLSYMS_NAME - 1; t++)
			out[n++] = *t;
	out[n] = 0;
	return n;
}

/* ---- the tables ------------------------------------------------------------------------------------------------ */

static uint32_t hash(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h ^ h >> 15;
}

static bool unpack_all(struct cul_kallsyms *syms, const struct cul_ksource *source, const struct cul_kallsyms_tables *t, struct tokens *tokens,
		       struct cul_arena *arena, const char **why)
{
	struct cul_kallsyms_stream stream = { .source = source, .next = t->names };
	uint8_t packed[CUL_KALLSYMS_NAME];
	char name[CUL_KALLSYMS_NAME];
	uint64_t total = 0;
	uint32_t n = 0;
	size_t length;

	/* twice: how long are they all, then for good */
	for (uint32_t i = 0; i < t->count; i++) {
		int count = cul_kallsyms_name(&stream, packed);

		if (count < 0) {
			*why = "kallsyms: the names are not all in the dump";
			return false;
		}
		total += unpack(tokens, packed, count, name) + 1;
		if (total > MOST_TEXT) {
			*why = "kallsyms: names without end";
			return false;
		}
	}
	syms->text = cul_arena_get(arena, total + 1);
	if (!syms->text) {
		*why = "kallsyms: out of memory";
		return false;
	}
	stream = (struct cul_kallsyms_stream){ .source = source, .next = t->names };
	for (uint32_t i = 0; i < t->count; i++) {
		int count = cul_kallsyms_name(&stream, packed);

		if (count < 0)
			return false;
		length = unpack(tokens, packed, count, name) + 1;
		if (n + length > total)
			return false;
		memcpy(syms->text + n, name, length);
		syms->names[i] = n;
		n += (uint32_t)length;
	}
	return true;
}

static bool load_addresses(struct cul_kallsyms *syms, const struct cul_ksource *source, const struct cul_kallsyms_tables *t)
{
	uint64_t base, stext = 0, offset_of_stext = 0;
	bool percpu = true, found = false;
	int32_t chunk[256];

	if (!source->read(source->ctx, t->base, &base, 8))
		return false;
	for (uint32_t i = 0; i < t->count; i += 256) {
		uint32_t n = t->count - i < 256 ? t->count - i : 256;

		if (!source->read(source->ctx, t->offsets + 4 * (uint64_t)i, chunk, n * sizeof(*chunk)))
			return false;
		for (uint32_t k = 0; k < n; k++)
			syms->addresses[i + k] = (uint64_t)(int64_t)chunk[k];
	}
	if (source->symbol(source->ctx, "_stext", &stext))
		for (uint32_t i = 0; i < t->count && !found; i++)
			if (!strcmp(syms->text + syms->names[i] + (syms->text[syms->names[i]] != 0), "_stext"))
				offset_of_stext = syms->addresses[i], found = true; /* may be 0 */
	if (found && base + (uint32_t)offset_of_stext == stext)
		percpu = false;
	for (uint32_t i = 0; i < t->count; i++) {
		int64_t offset = (int64_t)syms->addresses[i];

		syms->addresses[i] = !percpu ? base + (uint32_t)offset : offset >= 0 ? (uint64_t)offset : base - 1 - (uint64_t)offset;
	}
	return true;
}

/* the kernel sorts them by offset; negative ones (all of the text) lie behind the others then: one heap sort */
static bool before(const struct cul_kallsyms *s, uint32_t a, uint32_t b)
{
	return s->addresses[a] != s->addresses[b] ? s->addresses[a] < s->addresses[b] : s->names[a] < s->names[b];
}

static void swap_symbols(struct cul_kallsyms *s, uint32_t a, uint32_t b)
{
	uint64_t address = s->addresses[a];
	uint32_t name = s->names[a];

	s->addresses[a] = s->addresses[b];
	s->names[a] = s->names[b];
	s->addresses[b] = address;
	s->names[b] = name;
}

static void sift(struct cul_kallsyms *s, uint32_t at, uint32_t count)
{
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= count)
			return;
		if (child + 1 < count && before(s, child, child + 1))
			child++;
		if (!before(s, at, child))
			return;
		swap_symbols(s, at, child);
		at = child;
	}
}

static void sort_symbols(struct cul_kallsyms *s)
{
	uint32_t i = 1;

	while (i < s->count && !before(s, i, i - 1))
		i++;
	if (i >= s->count)
		return;
	for (i = s->count / 2; i-- > 0;)
		sift(s, i, s->count);
	for (i = s->count; i-- > 1;) {
		swap_symbols(s, 0, i);
		sift(s, 0, i);
	}
}

static bool index_names(struct cul_kallsyms *syms, struct cul_arena *arena)
{
	uint32_t buckets = 16;

	while (buckets < 2 * syms->count)
		buckets *= 2;
	syms->bucket_mask = buckets - 1;
	syms->buckets = cul_arena_get(arena, buckets * sizeof(*syms->buckets));
	if (!syms->buckets)
		return false;
	for (uint32_t i = 0; i < syms->count; i++) {
		const char *name = syms->text + syms->names[i];
		uint32_t at = hash(name + (*name != 0)) & syms->bucket_mask;

		for (int step = 0; step < MOST_STEPS; step++, at = (at + 1) & syms->bucket_mask)
			if (!syms->buckets[at]) {
				syms->buckets[at] = i + 1;
				break;
			}
	}
	return true;
}

bool cul_kallsyms_load(struct cul_kallsyms *syms, const struct cul_ksource *source, struct cul_arena *arena, const char **why)
{
	struct tokens *tokens = cul_arena_get(arena, sizeof(*tokens));
	struct cul_kallsyms_tables t = { 0 };
	uint64_t number = 0;

	*syms = (struct cul_kallsyms){ 0 };
	*why = "kallsyms: out of memory";
	if (!tokens)
		return false;
	if (source->symbol(source->ctx, "kallsyms_names", &t.names) && source->symbol(source->ctx, "kallsyms_num_syms", &number) &&
	    source->symbol(source->ctx, "kallsyms_token_table", &t.tokens) &&
	    source->symbol(source->ctx, "kallsyms_token_index", &t.index) &&
	    source->symbol(source->ctx, "kallsyms_offsets", &t.offsets) &&
	    source->symbol(source->ctx, "kallsyms_relative_base", &t.base)) {
		if (!source->read(source->ctx, number, &t.count, 4)) {
			*why = "kallsyms: the tables are not in the dump";
			return false;
		}
	} else if (cul_kallsyms_search(source, &t)) {
		syms->found = true;
	} else {
		*why = "kallsyms: VMCOREINFO does not say where they are, and they were not found in the image";
		return false;
	}
	if (!t.count || t.count > CUL_KALLSYMS_MOST || t.count > source->most / 6) {
		*why = "kallsyms: a number of symbols that can't be";
		return false;
	}
	if (!load_tokens(source, t.tokens, t.index, tokens)) {
		*why = "kallsyms: the tokens are not in the dump";
		return false;
	}
	syms->addresses = cul_arena_get(arena, t.count * sizeof(*syms->addresses));
	syms->names = cul_arena_get(arena, t.count * sizeof(*syms->names));
	if (!syms->addresses || !syms->names || !unpack_all(syms, source, &t, tokens, arena, why))
		return false;
	if (!load_addresses(syms, source, &t)) {
		*why = "kallsyms: the addresses are not all in the dump";
		return false;
	}
	syms->count = t.count;
	sort_symbols(syms);
	*why = "kallsyms: out of memory";
	if (!index_names(syms, arena))
		return false;
	*why = NULL;
	return true;
}

bool cul_kallsyms_find(const struct cul_kallsyms *syms, const char *name, uint64_t *ret)
{
	if (!syms->buckets)
		return false;
	for (uint32_t step = 0, at = hash(name) & syms->bucket_mask; step < MOST_STEPS && syms->buckets[at];
	     step++, at = (at + 1) & syms->bucket_mask) {
		uint32_t i = syms->buckets[at] - 1;
		const char *has = syms->text + syms->names[i];

		if (*has && !strcmp(has + 1, name)) {
			*ret = syms->addresses[i];
			return true;
		}
	}
	return false;
}

bool cul_kallsyms_at(const struct cul_kallsyms *syms, uint64_t address, struct cul_ksymbol *ret)
{
	uint32_t low = 0, high = syms->count, next;
	const char *name;

	if (!syms->count || address < syms->addresses[0])
		return false;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (syms->addresses[middle] <= address)
			low = middle;
		else
			high = middle;
	}
	next = low + 1;
	while (low && syms->addresses[low - 1] == syms->addresses[low])
		low--;
	name = syms->text + syms->names[low];
	*ret = (struct cul_ksymbol){ .name = name + (*name != 0), .start = syms->addresses[low], .type = *name,
				     .size = next < syms->count ? syms->addresses[next] - syms->addresses[low] : 0 };
	return true;
}
