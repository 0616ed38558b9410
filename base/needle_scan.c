/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The filters behind a set of needles, one for each kind of processor; which one is taken is asked at run time.
 *
 * Each looks up the hash of five bytes in a map of bits, at every second place. AVX2 does it for sixteen places at a time, with gathers;
 * functions carry their instruction set as an attribute, the rest of the program is built for any processor.
 */
#include <stdlib.h>
#include <string.h>

#include "base/needle_inside.h"

#if (defined(__x86_64__) || defined(__i386__)) && defined(__GNUC__)
#define X86 1
#include <immintrin.h>
#endif

static size_t run_scalar(const struct cul_filter *f, const char *text, size_t size, uint16_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i += CUL_STRIDE) {
		uint32_t first, last;
		memcpy(&first, text + i, sizeof(first));
		memcpy(&last, text + i + 1, sizeof(last));
		uint32_t h = cul_window_hash(cul_fold(first), cul_fold(last)) >> (32 - CUL_MAP_BITS);
		out[n] = (uint16_t)i;
		n += f->map[h / 32] >> h % 32 & 1;
	}
	return n;
}

#ifdef X86
#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))
/* The bits of eight places: every fourth from @text on. */
AVX2 static inline uint32_t eight(const struct cul_filter *f, const char *text)
{
	const __m256i fold = _mm256_set1_epi32(0x20202020);
	__m256i first = _mm256_or_si256(_mm256_loadu_si256((const __m256i *)(const void *)text), fold);
	__m256i last = _mm256_or_si256(_mm256_loadu_si256((const __m256i *)(const void *)(text + 1)), fold);
	__m256i sum = _mm256_add_epi32(_mm256_mullo_epi32(first, _mm256_set1_epi32((int)0x9e3779b1u)), _mm256_mullo_epi32(last, _mm256_set1_epi32((int)0x85ebca6bu)));
	__m256i h = _mm256_srli_epi32(sum, 32 - CUL_MAP_BITS);
	__m256i words = _mm256_i32gather_epi32((const int *)(const void *)f->map, _mm256_srli_epi32(h, 5), 4);
	/* bit h % 32 goes to the top */
	return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_sllv_epi32(words, _mm256_andnot_si256(h, _mm256_set1_epi32(31)))));
}

AVX2 static size_t run_avx2(const struct cul_filter *f, const char *text, size_t size, uint16_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i += 64) {
		uint32_t even = eight(f, text + i) | eight(f, text + i + 32) << 8, odd = eight(f, text + i + 2) | eight(f, text + i + 34) << 8;
		uint32_t pass = _pdep_u32(even, 0x55555555u) | _pdep_u32(odd, 0xaaaaaaaau);
		size_t found = (size_t)__builtin_popcount(pass);
		/* three are written without asking, since to guess how many there are would fail too often */
		for (size_t t = 0; t < 3; t++, pass &= pass - 1)
			out[n + t] = (uint16_t)(i + 2 * (size_t)_tzcnt_u32(pass));
		for (size_t t = 3; __builtin_expect(t < found, 0); t++, pass &= pass - 1)
			out[n + t] = (uint16_t)(i + 2 * (size_t)_tzcnt_u32(pass));
		n += found;
	}
	return n;
}
#endif

static bool here(enum cul_isa isa)
{
#ifdef X86
	if (isa == CUL_ISA_AVX2)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#endif
	return isa == CUL_ISA_SCALAR;
}

enum cul_isa cul_isa_here(void)
{
	const char *wanted = getenv("CULPRIT_ISA");
#ifdef X86
	__builtin_cpu_init();
#endif
	return !here(CUL_ISA_AVX2) || (wanted && !strcmp(wanted, "scalar")) ? CUL_ISA_SCALAR : CUL_ISA_AVX2;
}

cul_filter_run *cul_filter_for(enum cul_isa isa)
{
#ifdef X86
	if (isa == CUL_ISA_AVX2)
		return run_avx2;
#endif
	(void)isa;
	return run_scalar;
}
