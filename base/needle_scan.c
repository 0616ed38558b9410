/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The filters behind a set of needles, one for each kind of processor; which one is taken is asked at run time.
 *
 * Each looks at windows of four bytes: AND over the places of "buckets that allow this byte here". AVX-512 VBMI looks up
 * seven bits at once in two registers; AVX2, SSSE3 and NEON look up the two halves of a byte and AND them, which lets more
 * through. Functions carry their instruction set as an attribute; the rest of the program is built for any processor.
 */
#include <stdlib.h>
#include <string.h>

#include "base/needle_inside.h"

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define X86 1
#include <immintrin.h>
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
#define NEON 1
#include <arm_neon.h>
#endif

/*
 * The places of the set bits behind @out, which has room for four more than there are: four are written without
 * asking, since to guess how many there are would fail too often.
 */
#define TAKE(pass, type, count_bits, first_bit)                                                     \
	do {                                                                                        \
		type left_ = (pass);                                                                \
		size_t found_ = (size_t)count_bits(left_);                                          \
		for (size_t t_ = 0; t_ < 4; t_++, left_ &= left_ - 1)                               \
			out[n + t_] = (uint16_t)(i + (left_ ? (size_t)first_bit(left_) : 0));       \
		for (size_t t_ = 4; __builtin_expect(t_ < found_, 0); t_++, left_ &= left_ - 1)     \
			out[n + t_] = (uint16_t)(i + (size_t)first_bit(left_));                     \
		n += found_;                                                                        \
	} while (0)

/* Four bytes at each place against the map of hashes; needles too short for it by their first byte. */
static size_t run_scalar(const struct cul_filter *f, const char *text, size_t size, uint16_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		uint32_t window;
		memcpy(&window, text + i, sizeof(window));
		uint32_t h = cul_window_hash(cul_fold_window(window));
		out[n] = (uint16_t)i;
		unsigned char c = (unsigned char)text[i];
		n += (f->map[h >> 22] >> (h >> 16) % 64 & 1) | (f->short_first[c / 64] >> c % 64 & 1);
	}
	return n;
}

#ifdef X86
__attribute__((target("ssse3,popcnt"))) static size_t run_ssse3(const struct cul_filter *f, const char *text, size_t size, uint16_t *out)
{
	const __m128i half = _mm_set1_epi8(15), zero = _mm_setzero_si128();
	size_t n = 0;

	for (size_t i = 0; i < size; i += 16) {
		__m128i a = _mm_set1_epi8(-1), b = a;
		for (size_t k = 0; k < CUL_WINDOW_BYTES; k++) {
			__m128i x = _mm_loadu_si128((const __m128i *)(text + i + k));
			__m128i low = _mm_and_si128(x, half), high = _mm_and_si128(_mm_srli_epi16(x, 4), half);
			a = _mm_and_si128(a, _mm_and_si128(_mm_shuffle_epi8(_mm_load_si128((const __m128i *)f->low[0][k]), low),
							   _mm_shuffle_epi8(_mm_load_si128((const __m128i *)f->high[0][k]), high)));
			b = _mm_and_si128(b, _mm_and_si128(_mm_shuffle_epi8(_mm_load_si128((const __m128i *)f->low[1][k]), low),
							   _mm_shuffle_epi8(_mm_load_si128((const __m128i *)f->high[1][k]), high)));
		}
		uint32_t pass = 0xffffu & ~(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_or_si128(a, b), zero));
		if (pass)
			TAKE(pass, uint32_t, __builtin_popcount, __builtin_ctz);
	}
	return n;
}

#define WIDE(table) _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)(table)))
__attribute__((target("avx2,bmi,bmi2,popcnt"))) static size_t run_avx2(const struct cul_filter *f, const char *text, size_t size, uint16_t *out)
{
	const __m256i half = _mm256_set1_epi8(15), zero = _mm256_setzero_si256();
	__m256i l0[CUL_WINDOW_BYTES], h0[CUL_WINDOW_BYTES], l1[CUL_WINDOW_BYTES], h1[CUL_WINDOW_BYTES];
	size_t n = 0;

	for (size_t k = 0; k < CUL_WINDOW_BYTES; k++) {
		l0[k] = WIDE(f->low[0][k]);
		h0[k] = WIDE(f->high[0][k]);
		l1[k] = WIDE(f->low[1][k]);
		h1[k] = WIDE(f->high[1][k]);
	}
	for (size_t i = 0; i < size; i += 32) {
		__m256i a = _mm256_set1_epi8(-1), b = a;
#pragma GCC unroll 4
		for (size_t k = 0; k < CUL_WINDOW_BYTES; k++) {
			__m256i x = _mm256_loadu_si256((const __m256i *)(text + i + k));
			__m256i low = _mm256_and_si256(x, half), high = _mm256_and_si256(_mm256_srli_epi16(x, 4), half);
			a = _mm256_and_si256(a, _mm256_and_si256(_mm256_shuffle_epi8(l0[k], low), _mm256_shuffle_epi8(h0[k], high)));
			b = _mm256_and_si256(b, _mm256_and_si256(_mm256_shuffle_epi8(l1[k], low), _mm256_shuffle_epi8(h1[k], high)));
		}
		uint32_t pass = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_or_si256(a, b), zero));
		if (pass)
			TAKE(pass, uint32_t, __builtin_popcount, __builtin_ctz);
	}
	return n;
}

#define VBMI __attribute__((target("avx512f,avx512bw,avx512vbmi,bmi,bmi2,popcnt")))
VBMI static size_t run_vbmi(const struct cul_filter *f, const char *text, size_t size, uint16_t *out)
{
	__m512i t[2][CUL_WINDOW_BYTES][2];
	size_t n = 0;

	for (size_t g = 0; g < 2; g++)
		for (size_t k = 0; k < CUL_WINDOW_BYTES; k++)
			for (size_t s = 0; s < 2; s++)
				t[g][k][s] = _mm512_load_si512(f->bytes[g][k] + 64 * s);
	for (size_t i = 0; i < size; i += 64) {
		__m512i x0 = _mm512_loadu_si512(text + i), x1 = _mm512_loadu_si512(text + i + 1), x2 = _mm512_loadu_si512(text + i + 2),
			x3 = _mm512_loadu_si512(text + i + 3);
		__m512i a = _mm512_and_si512(_mm512_permutex2var_epi8(t[0][0][0], x0, t[0][0][1]),
					     _mm512_permutex2var_epi8(t[0][1][0], x1, t[0][1][1]));
		__m512i b = _mm512_and_si512(_mm512_permutex2var_epi8(t[1][0][0], x0, t[1][0][1]),
					     _mm512_permutex2var_epi8(t[1][1][0], x1, t[1][1][1]));
		/* 0x80: the AND of all three */
		a = _mm512_ternarylogic_epi64(a, _mm512_permutex2var_epi8(t[0][2][0], x2, t[0][2][1]),
					      _mm512_permutex2var_epi8(t[0][3][0], x3, t[0][3][1]), 0x80);
		b = _mm512_ternarylogic_epi64(b, _mm512_permutex2var_epi8(t[1][2][0], x2, t[1][2][1]),
					      _mm512_permutex2var_epi8(t[1][3][0], x3, t[1][3][1]), 0x80);
		a = _mm512_or_si512(a, b);
		uint64_t pass = _mm512_test_epi8_mask(a, a);
		if (pass)
			TAKE(pass, uint64_t, __builtin_popcountll, __builtin_ctzll);
	}
	return n;
}
#endif

#ifdef NEON
static size_t run_neon(const struct cul_filter *f, const char *text, size_t size, uint16_t *out)
{
	const uint8x16_t half = vdupq_n_u8(15);
	size_t n = 0;

	for (size_t i = 0; i < size; i += 16) {
		uint8x16_t a = vdupq_n_u8(255), b = a;
		for (size_t k = 0; k < CUL_WINDOW_BYTES; k++) {
			uint8x16_t x = vld1q_u8((const uint8_t *)text + i + k), low = vandq_u8(x, half), high = vshrq_n_u8(x, 4);
			a = vandq_u8(a, vandq_u8(vqtbl1q_u8(vld1q_u8(f->low[0][k]), low), vqtbl1q_u8(vld1q_u8(f->high[0][k]), high)));
			b = vandq_u8(b, vandq_u8(vqtbl1q_u8(vld1q_u8(f->low[1][k]), low), vqtbl1q_u8(vld1q_u8(f->high[1][k]), high)));
		}
		a = vorrq_u8(a, b);
		/* four bits of each byte, since there is no movemask */
		uint8x8_t narrow = vshrn_n_u16(vreinterpretq_u16_u8(vtstq_u8(a, a)), 4);
		uint64_t pass = vget_lane_u64(vreinterpret_u64_u8(narrow), 0) & UINT64_C(0x1111111111111111);
		for (; __builtin_expect(pass != 0, 0); pass &= pass - 1)
			out[n++] = (uint16_t)(i + (size_t)__builtin_ctzll(pass) / 4);
	}
	return n;
}
#endif

static bool here(enum cul_isa isa)
{
	switch (isa) {
#ifdef X86
	case CUL_ISA_SSSE3:
		return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt");
	case CUL_ISA_AVX2:
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
	case CUL_ISA_VBMI:
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
		       __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#endif
#ifdef NEON
	case CUL_ISA_NEON:
		return true;
#endif
	default:
		return isa == CUL_ISA_SCALAR;
	}
}

enum cul_isa cul_isa_here(void)
{
	static const struct { const char *name; enum cul_isa isa; } known[] = {
		{ "vbmi", CUL_ISA_VBMI }, { "avx2", CUL_ISA_AVX2 }, { "ssse3", CUL_ISA_SSSE3 }, { "neon", CUL_ISA_NEON }, { "scalar", CUL_ISA_SCALAR },
	};
	const char *wanted = getenv("CULPRIT_ISA");
	size_t i;

#ifdef X86
	__builtin_cpu_init();
#endif
	for (i = 0; wanted && i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(wanted, known[i].name) && here(known[i].isa))
			return known[i].isa;
	for (i = 0; !here(known[i].isa);)
		i++;
	return known[i].isa;
}

cul_filter_run *cul_filter_for(enum cul_isa isa)
{
	switch (isa) {
#ifdef X86
	case CUL_ISA_SSSE3:
		return run_ssse3;
	case CUL_ISA_AVX2:
		return run_avx2;
	case CUL_ISA_VBMI:
		return run_vbmi;
#endif
#ifdef NEON
	case CUL_ISA_NEON:
		return run_neon;
#endif
	default:
		return run_scalar;
	}
}
