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
 * VMCOREINFO names the tables since 6.0 (commit f09bddbd8661). Before, the image behind _stext is searched for the token
 * table: the digits stand for themselves in it ("0\0" to "9\0"), and the index behind it must fit. From there the order above,
 * which all kernels up to 6.3 have, leads back to the others.
 */
#include "parsers/dump/kallsyms.h"

#define MOST_SYMBOLS (4u << 20)
#define MOST_NAME 512	      /* KSYM_NAME_LEN */
#define MOST_TEXT (96u << 20) /* of all names */
#define MOST_IMAGE (96u << 20) /* where the tables are searched */
#define MOST_STEPS 256	      /* through a bucket's neighbours */
#define PAGE 4096

struct tables {
	uint64_t names, tokens, index, offsets, base;
	uint32_t count;
};

struct tokens {
	uint16_t at[256];
	char text[65536 + MOST_NAME];
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

struct stream {
	const struct cul_ksource *source;
	uint64_t next; /* address behind the window */
	size_t at, size;
	uint8_t window[PAGE];
};

static bool stream_byte(struct stream *s, uint8_t *ret)
{
	if (s->at == s->size) {
		s->size = PAGE - s->next % PAGE;
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

/* the tokens of the next name; their number, or -1 */
static int stream_name(struct stream *s, uint8_t tokens[MOST_NAME])
{
	uint8_t low, high = 0;
	int length;

	if (!stream_byte(s, &low) || (low & 0x80 && !stream_byte(s, &high)))
		return -1;
	length = (low & 0x7f) | high << 7;
	if (!length || length >= MOST_NAME)
		return -1;
	for (int i = 0; i < length; i++)
		if (!stream_byte(s, &tokens[i]))
			return -1;
	return length;
}

static size_t unpack(const struct tokens *tokens, const uint8_t *packed, int count, char out[MOST_NAME])
{
	size_t n = 0;

	for (int i = 0; i < count; i++)
		for (const char *t = tokens->text + tokens->at[packed[i]]; *t && n < MOST_NAME - 1; t++)
			out[n++] = *t;
	out[n] = 0;
	return n;
}

/* ---- before 6.0: searching ------------------------------------------------------------------------------------ */

/* is the text at @hit the token "0"? Then the tables */
static bool confirm_tokens(const struct cul_ksource *source, uint64_t hit, uint64_t *table, uint64_t *index)
{
	uint16_t at[256];
	char text[PAGE];
	size_t n = 0, size = sizeof(text);
	int count = '0';

	while (size && !source->read(source->ctx, hit, text, size))
		size /= 2;
	while (count < 256 && n < size) {
		size_t length = strnlen(text + n, size - n);

		if (!length || length > 64 || n + length == size)
			return false;
		n += length + 1;
		count++;
	}
	if (count < 256)
		return false;
	for (int align = 4; align <= 8; align += 4) {
		*index = (hit + n + (uint64_t)align - 1) / (uint64_t)align * (uint64_t)align;
		if (!source->read(source->ctx, *index, at, sizeof(at)) || at[0] || at['0'] < '0' || at['1'] != at['0'] + 2)
			continue;
		for (count = 1; count < 256 && at[count] >= at[count - 1] + 2; count++)
			;
		*table = hit - at['0'];
		if (count == 256 && at[255] < at['0'] + n)
			return true;
	}
	return false;
}

static bool find_tokens(const struct cul_ksource *source, uint64_t start, uint64_t *table, uint64_t *index)
{
	static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
	uint64_t end = MOST_IMAGE < source->most ? MOST_IMAGE : source->most;
	char window[2 * PAGE];
	size_t held = 0; /* the end of the page before */

	start &= ~(uint64_t)(PAGE - 1);
	for (uint64_t at = 0; at < end; at += PAGE) {
		struct cul_slice rest;
		size_t hit;

		if (!source->read(source->ctx, start + at, window + held, PAGE)) {
			held = 0;
			continue;
		}
		rest = cul_slice(window, held + PAGE);
		while ((hit = cul_find(rest, cul_slice(digits, sizeof(digits)))) != SIZE_MAX) {
			uint64_t address = start + at - held + (size_t)(rest.data - window) + hit;

			if (confirm_tokens(source, address, table, index))
				return true;
			rest = cul_from(rest, hit + 1);
		}
		memmove(window, window + held + PAGE - sizeof(digits), sizeof(digits));
		held = sizeof(digits);
	}
	return false;
}

/* markers end in front of @table: where they begin, and how many there are */
static bool find_markers(const struct cul_ksource *source, uint64_t table, uint64_t *markers, uint32_t *count, uint32_t first[2])
{
	uint64_t at = table;
	uint32_t value = 0, next = UINT32_MAX;

	*count = 0;
	/* up to seven bytes of padding */
	for (int i = 0; i < 3 && !value; i++) {
		at -= 4;
		if (!source->read(source->ctx, at, &value, 4))
			return false;
	}
	while (value < next && *count < MOST_SYMBOLS / 256) {
		++*count;
		first[1] = first[0];
		first[0] = value;
		if (!value) {
			*markers = at;
			return *count >= 4;
		}
		next = value;
		at -= 4;
		if (!source->read(source->ctx, at, &value, 4))
			return false;
	}
	return false;
}

/* do 256 names that begin at @names end where the second marker says? */
static bool confirm_names(const struct cul_ksource *source, uint64_t names, uint32_t second)
{
	struct stream stream = { .source = source, .next = names };
	uint8_t packed[MOST_NAME];
	uint64_t used = 0;

	for (int i = 0; i < 256; i++) {
		int n = stream_name(&stream, packed);

		if (n < 0)
			return false;
		used += (uint64_t)n + (n > 0x7f ? 2 : 1);
	}
	return used == second;
}

static bool search(const struct cul_ksource *source, struct tables *t)
{
	uint64_t start, markers;
	uint32_t count, first[2], last, value;

	if (!source->symbol(source->ctx, "_stext", &start) || !find_tokens(source, start, &t->tokens, &t->index) ||
	    !find_markers(source, t->tokens, &markers, &count, first) ||
	    !source->read(source->ctx, markers + 4 * (uint64_t)(count - 1), &last, 4))
		return false;
	/* names lie before the markers, at most 256 of them behind the last marker; num_syms eight bytes before them */
	for (uint64_t at = (markers - last) & ~(uint64_t)7, end = at - 256 * 128; at > end; at -= 8) {
		if (!source->read(source->ctx, at - 8, &value, 4))
			return false;
		if (value <= 256 * (count - 1) || value > 256 * count || !confirm_names(source, at, first[1]))
			continue;
		t->names = at;
		t->count = value;
		t->base = at - 16;
		t->offsets = at - 16 - ((uint64_t)value * 4 + 7) / 8 * 8;
		return true;
	}
	return false;
}

/* ---- the tables ------------------------------------------------------------------------------------------------ */

static uint32_t hash(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h ^ h >> 15;
}

static bool unpack_all(struct cul_kallsyms *syms, const struct cul_ksource *source, const struct tables *t, struct tokens *tokens,
		       struct cul_arena *arena, const char **why)
{
	struct stream stream = { .source = source, .next = t->names };
	uint8_t packed[MOST_NAME];
	char name[MOST_NAME];
	uint64_t total = 0;
	uint32_t n = 0;
	size_t length;

	/* twice: how long are they all, then for good */
	for (uint32_t i = 0; i < t->count; i++) {
		int count = stream_name(&stream, packed);

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
	stream = (struct stream){ .source = source, .next = t->names };
	for (uint32_t i = 0; i < t->count; i++) {
		int count = stream_name(&stream, packed);

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

static bool load_addresses(struct cul_kallsyms *syms, const struct cul_ksource *source, const struct tables *t)
{
	uint64_t base, stext = 0, found = 0;
	int32_t chunk[256];
	bool percpu = true;

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
				found = syms->addresses[i];
	if (found && base + (uint32_t)found == stext)
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
	struct tables t = { 0 };
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
	} else if (search(source, &t)) {
		syms->found = true;
	} else {
		*why = "kallsyms: VMCOREINFO does not say where they are, and they were not found in the image";
		return false;
	}
	if (!t.count || t.count > MOST_SYMBOLS || t.count > source->most / 6) {
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
