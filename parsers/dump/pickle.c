/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Python's pickle, protocols 2 to 5, as plain data.
 *
 * A pickle is a program for a small stack machine; most of its opcodes can import and call anything. Here only those run
 * that make numbers, texts, lists, tuples and dicts. The one call that is taken is the one that torch's own C++ Pickler
 * (torch/csrc/jit/serialization/pickler.cpp) writes around a list of numbers: torch.jit._pickle.build_intlist and its
 * like, which give their argument back. Everything else is refused by name. Opcodes: Lib/pickle.py, Lib/pickletools.py.
 *
 * Bounded: bytes of the file, values, containers, memo, open marks. Each opcode takes at least one byte and makes at most one value.
 */
#include "parsers/dump/pickle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_ITEMS (8u << 20)
#define MOST_CONTAINERS (1u << 20)
#define MOST_MEMO (4u << 20)
#define MOST_MARKS 128

bool cul_plain_make(struct cul_plain_tree *tree, enum cul_plain_type type, struct cul_plain *ret)
{
	struct cul_plain_items *items = tree->containers < MOST_CONTAINERS ? calloc(1, sizeof(*items)) : NULL;

	if (!items)
		return false;
	tree->containers++;
	items->next = tree->all;
	tree->all = items;
	*ret = (struct cul_plain){ .type = type, .items = items };
	return true;
}

static bool more_room(struct cul_plain **at, uint32_t *room, uint32_t want)
{
	uint32_t size = *room ? *room : 4;

	while (size < want)
		size *= 2;
	if (size <= *room)
		return true;
	struct cul_plain *larger = realloc(*at, (size_t)size * sizeof(*larger));
	if (!larger)
		return false;
	*at = larger;
	*room = size;
	return true;
}

static bool add_all(struct cul_plain_tree *tree, struct cul_plain *list, const struct cul_plain *values, uint32_t count)
{
	struct cul_plain_items *items = list->items;

	if (tree->items + count > MOST_ITEMS || !more_room(&items->at, &items->room, items->count + count))
		return false;
	if (count)
		memcpy(items->at + items->count, values, count * sizeof(*values));
	items->count += count;
	tree->items += count;
	return true;
}

bool cul_plain_add(struct cul_plain_tree *tree, struct cul_plain *list, struct cul_plain value)
{
	return add_all(tree, list, &value, 1);
}

void cul_plain_free(struct cul_plain_tree *tree)
{
	for (struct cul_plain_items *i = tree->all, *next; i; i = next) {
		next = i->next;
		free(i->at);
		free(i);
	}
	*tree = (struct cul_plain_tree){ .all = NULL };
}

struct cul_plain cul_plain_get(struct cul_plain dict, const char *key)
{
	size_t size = strlen(key);

	for (uint32_t i = 0; dict.type == CUL_PLAIN_DICT && i + 1 < dict.items->count; i += 2) {
		const struct cul_plain *k = &dict.items->at[i];
		if (k->type == CUL_PLAIN_TEXT && k->size == size && !memcmp(k->text, key, size))
			return k[1];
	}
	return (struct cul_plain){ .type = CUL_PLAIN_NONE };
}

bool cul_plain_int(struct cul_plain v, int64_t *ret)
{
	switch (v.type) {
	case CUL_PLAIN_INT:
		*ret = v.i;
		return true;
	case CUL_PLAIN_REAL:
		if (!(fabs(v.r) < 9.2e18))
			return false;
		*ret = (int64_t)v.r;
		return true;
	case CUL_PLAIN_TEXT:
		return cul_to_int(cul_plain_text(v), ret);
	default:
		return false;
	}
}

/* ---- the machine ---------------------------------------------------------------------------- */

struct machine {
	struct cul_plain_tree *tree;
	const uint8_t *p, *end;
	struct cul_plain *stack, *memo;
	uint32_t depth, stack_room, memo_count, memo_room;
	uint32_t marks[MOST_MARKS], mark_count;
	const char *why;
};

static bool fail(struct machine *m, const char *why)
{
	if (!m->why)
		m->why = why;
	return false;
}

static const char torn[] = "a pickle that ends too early", no_room[] = "a pickle with more values than are read", senseless[] = "a pickle that makes no sense";

static const uint8_t *take(struct machine *m, uint64_t size)
{
	const uint8_t *at = m->p;

	if (size > (uint64_t)(m->end - m->p)) {
		fail(m, torn);
		return NULL;
	}
	m->p += size;
	return at;
}

static uint64_t little(const uint8_t *at, unsigned size)
{
	uint64_t value = 0;

	while (size--)
		value = value << 8 | at[size];
	return value;
}

static bool push(struct machine *m, struct cul_plain value)
{
	if (m->depth >= MOST_ITEMS || !more_room(&m->stack, &m->stack_room, m->depth + 1))
		return fail(m, no_room);
	m->stack[m->depth++] = value;
	return true;
}

/* What lies above the last mark (or the bottom) and may be taken. */
static uint32_t within(const struct machine *m)
{
	return m->depth - (m->mark_count ? m->marks[m->mark_count - 1] : 0);
}

static bool push_int(struct machine *m, unsigned size, bool is_signed)
{
	const uint8_t *at = take(m, size);

	if (!at)
		return false;
	uint64_t v = little(at, size);
	return push(m, (struct cul_plain){ .type = CUL_PLAIN_INT, .i = is_signed && size == 4 ? (int32_t)(uint32_t)v : (int64_t)v });
}

static bool push_long(struct machine *m)
{
	const uint8_t *size = take(m, 1), *at = size ? take(m, *size) : NULL;

	if (!at)
		return false;
	if (*size > 8)
		return fail(m, "a pickle with a number of more than 64 bits");
	uint64_t v = little(at, *size);
	if (*size && *size < 8 && at[*size - 1] & 0x80)
		v |= UINT64_MAX << 8 * *size;
	return push(m, (struct cul_plain){ .type = CUL_PLAIN_INT, .i = (int64_t)v });
}

static bool push_real(struct machine *m)
{
	const uint8_t *at = take(m, 8);
	uint64_t bits = 0;
	struct cul_plain v = { .type = CUL_PLAIN_REAL };

	if (!at)
		return false;
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | at[i];
	memcpy(&v.r, &bits, sizeof(v.r));
	return push(m, v);
}

static bool push_text(struct machine *m, unsigned width)
{
	const uint8_t *at = take(m, width);
	uint64_t size = at ? little(at, width) : 0;

	at = at ? take(m, size) : NULL;
	if (!at)
		return false;
	return push(m, (struct cul_plain){ .type = CUL_PLAIN_TEXT, .size = (uint32_t)size, .text = (const char *)at });
}

static bool push_new(struct machine *m, enum cul_plain_type type)
{
	struct cul_plain made;

	return cul_plain_make(m->tree, type, &made) ? push(m, made) : fail(m, no_room);
}

/* The top @count values as one list. */
static bool tuple(struct machine *m, uint32_t count)
{
	struct cul_plain made;

	if (count > within(m))
		return fail(m, senseless);
	if (!cul_plain_make(m->tree, CUL_PLAIN_LIST, &made) || !add_all(m->tree, &made, m->stack + m->depth - count, count))
		return fail(m, no_room);
	m->depth -= count;
	return push(m, made);
}

static bool unmark(struct machine *m, uint32_t *ret)
{
	if (!m->mark_count)
		return fail(m, senseless);
	*ret = m->depth - m->marks[--m->mark_count];
	return true;
}

/* The top @count values into the list or dict below them. */
static bool fill(struct machine *m, uint32_t count, enum cul_plain_type type)
{
	if (within(m) < count + 1 || (type == CUL_PLAIN_DICT && count % 2) || m->stack[m->depth - count - 1].type != type)
		return fail(m, senseless);
	if (!add_all(m->tree, &m->stack[m->depth - count - 1], m->stack + m->depth - count, count))
		return fail(m, no_room);
	m->depth -= count;
	return true;
}

static bool put(struct machine *m, uint64_t index)
{
	if (!within(m))
		return fail(m, senseless);
	if (index >= MOST_MEMO || index > (uint64_t)m->memo_count + 65536) /* writers count up */
		return fail(m, "a pickle whose memo has holes");
	if (!more_room(&m->memo, &m->memo_room, (uint32_t)index + 1))
		return fail(m, no_room);
	while (m->memo_count <= index)
		m->memo[m->memo_count++] = (struct cul_plain){ .type = CUL_PLAIN_NONE };
	m->memo[index] = m->stack[m->depth - 1];
	return true;
}

static bool put_at(struct machine *m, unsigned width)
{
	const uint8_t *at = take(m, width);

	return at && put(m, little(at, width));
}

static bool get(struct machine *m, unsigned width)
{
	const uint8_t *at = take(m, width);

	if (!at)
		return false;
	uint64_t index = little(at, width);
	return index < m->memo_count ? push(m, m->memo[index]) : fail(m, "a pickle that asks its memo for what is not in it");
}

static bool global(struct machine *m, char room[160])
{
	static const char *const known[] = { "torch.jit._pickle\nbuild_intlist\n", "torch.jit._pickle\nbuild_doublelist\n",
					     "torch.jit._pickle\nbuild_boollist\n" };
	struct cul_slice left = cul_slice((const char *)m->p, (size_t)(m->end - m->p)), module, name;

	if (!cul_cut(left, CUL_LIT("\n"), &module, &left) || !cul_cut(left, CUL_LIT("\n"), &name, &left))
		return fail(m, torn);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (cul_starts(cul_slice((const char *)m->p, (size_t)(m->end - m->p)), cul_str(known[i]))) {
			m->p = (const uint8_t *)left.data;
			return push(m, (struct cul_plain){ .type = CUL_PLAIN_IDENTITY });
		}
	int n = 0;
	n += snprintf(room, 160, "a pickle that wants to import ");
	for (size_t i = 0; i < module.size + 1 + name.size && n < 140; i++) {
		char c = i < module.size ? module.data[i] : i == module.size ? '.' : name.data[i - module.size - 1];
		room[n++] = c > ' ' && c < 127 ? c : '?';
	}
	snprintf(room + n, (size_t)(160 - n), ": refused");
	return fail(m, room);
}

/* build_intlist(list) is that list. */
static bool reduce(struct machine *m)
{
	if (within(m) < 2)
		return fail(m, senseless);
	struct cul_plain args = m->stack[m->depth - 1];
	if (m->stack[m->depth - 2].type != CUL_PLAIN_IDENTITY || cul_plain_count(args) != 1 || args.type != CUL_PLAIN_LIST)
		return fail(m, "a pickle that wants to call something: refused");
	m->depth -= 2;
	return push(m, args.items->at[0]);
}

static bool step(struct machine *m, uint8_t op, char room[160])
{
	const uint8_t *at;
	uint32_t count;

	switch (op) {
	case 0x80: /* PROTO */
		at = take(m, 1);
		return at && (*at >= 2 && *at <= 5 ? true : fail(m, "a pickle of a protocol that is not read"));
	case 0x95: /* FRAME */
		return take(m, 8) != NULL;
	case '(':
		if (m->mark_count == MOST_MARKS)
			return fail(m, "a pickle that is nested too deeply");
		m->marks[m->mark_count++] = m->depth;
		return true;
	case '}':
		return push_new(m, CUL_PLAIN_DICT);
	case ']': case ')':
		return push_new(m, CUL_PLAIN_LIST);
	case 'J':
		return push_int(m, 4, true);
	case 'K':
		return push_int(m, 1, false);
	case 'M':
		return push_int(m, 2, false);
	case 0x8a:
		return push_long(m);
	case 'G':
		return push_real(m);
	case 'X':
		return push_text(m, 4);
	case 0x8c:
		return push_text(m, 1);
	case 0x8d:
		at = m->end - m->p >= 8 ? m->p : NULL;
		return at && little(at, 8) > UINT32_MAX ? fail(m, torn) : push_text(m, 8);
	case 0x88: case 0x89:
		return push(m, (struct cul_plain){ .type = CUL_PLAIN_FLAG, .i = op == 0x88 });
	case 'N':
		return push(m, (struct cul_plain){ .type = CUL_PLAIN_NONE });
	case 'q':
		return put_at(m, 1);
	case 'r':
		return put_at(m, 4);
	case 0x94:
		return put(m, m->memo_count);
	case 'h':
		return get(m, 1);
	case 'j':
		return get(m, 4);
	case 'a':
		return fill(m, 1, CUL_PLAIN_LIST);
	case 'e':
		return unmark(m, &count) && fill(m, count, CUL_PLAIN_LIST);
	case 's':
		return fill(m, 2, CUL_PLAIN_DICT);
	case 'u':
		return unmark(m, &count) && fill(m, count, CUL_PLAIN_DICT);
	case 't':
		return unmark(m, &count) && tuple(m, count);
	case 0x85: case 0x86: case 0x87:
		return tuple(m, op - 0x84u);
	case 'c':
		return global(m, room);
	case 'R':
		return reduce(m);
	default:
		snprintf(room, 160, "a pickle with opcode 0x%02x, which may run code: refused", op);
		return fail(m, room);
	}
}

/* A torn end: what lies above each open mark goes where it was meant to. */
static void close_marks(struct machine *m)
{
	while (m->mark_count) {
		uint32_t count = m->depth - m->marks[--m->mark_count];
		struct cul_plain *into = within(m) > count ? &m->stack[m->depth - count - 1] : NULL;
		if (into && into->type == CUL_PLAIN_DICT)
			count -= count % 2;
		if (into && (into->type == CUL_PLAIN_DICT || into->type == CUL_PLAIN_LIST))
			add_all(m->tree, into, into + 1, count);
		if (into)
			m->depth = (uint32_t)(into - m->stack) + 1;
	}
}

const char *cul_pickle_read(struct cul_slice bytes, struct cul_plain_tree *tree, char room[160])
{
	struct machine m = { .tree = tree, .p = (const uint8_t *)bytes.data };
	bool done = false;

	m.end = m.p + bytes.size;
	*tree = (struct cul_plain_tree){ .all = NULL };
	if (!more_room(&m.stack, &m.stack_room, 64))
		fail(&m, no_room);
	while (!done && !m.why) {
		const uint8_t *op = take(&m, 1);
		if (op && *op == '.') { /* STOP */
			done = true;
			if (m.depth != 1 || m.mark_count)
				fail(&m, senseless);
		} else if (op) {
			step(&m, *op, room);
		}
	}
	if (m.why == torn)
		close_marks(&m);
	if (m.depth && (!m.why || m.why == torn))
		tree->root = m.stack[0];
	free(m.stack);
	free(m.memo);
	return m.why;
}
