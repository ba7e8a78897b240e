/* Parting counts, see bulk_split.h. */
#include "data/bulk_split.h"

#include "data/bulk_sums.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define WIDE 1
#else
#define WIDE 0
#endif

static void split_plain(const uint16_t *near, const int32_t *column, const float *value, size_t n,
                        scp_count_lists *to)
{
    size_t ones = to->ones, smalls = to->smalls, rests = to->rests;
    for (size_t i = 0; i < n; i++) {
        uint32_t at = near[column[i]], count = (uint32_t)(int32_t)value[i];
        bool kept = (at != SCP_NOT_NEAR) & (count - 1 < SCP_SMALL_COUNTS - 1);
        to->one[ones] = (uint16_t)at;
        to->small[smalls] = at << SCP_ENTRY_PLACE | count;
        to->rest[rests] = (uint32_t)i;
        ones += kept & (count == 1);
        smalls += kept & (count != 1);
        rests += !kept & (count != 0);
    }
    to->ones = ones;
    to->smalls = smalls;
    to->rests = rests;
}

#if WIDE
enum { LANES = SCP_SPLIT_MORE };

#define WIDE_TARGET __attribute__((target("avx512f,avx512bw,avx512vl")))

/* near[at[k]] of all lanes. One by one: a gather instruction takes 1.4 times as long. */
WIDE_TARGET static inline __m512i look_up(const uint16_t *near, __m512i at)
{
    _Alignas(64) uint32_t c[LANES];
    _mm512_store_si512(c, at);
    return _mm512_cvtepu16_epi32(_mm256_setr_epi16(
        (short)near[c[0]], (short)near[c[1]], (short)near[c[2]], (short)near[c[3]],
        (short)near[c[4]], (short)near[c[5]], (short)near[c[6]], (short)near[c[7]],
        (short)near[c[8]], (short)near[c[9]], (short)near[c[10]], (short)near[c[11]],
        (short)near[c[12]], (short)near[c[13]], (short)near[c[14]], (short)near[c[15]]));
}

WIDE_TARGET static void split_wide(const uint16_t *near, const int32_t *column, const float *value,
                                   size_t n, scp_count_lists *to)
{
    const __m512i far = _mm512_set1_epi32(SCP_NOT_NEAR), one = _mm512_set1_epi32(1);
    const __m512i two = _mm512_set1_epi32(2), large = _mm512_set1_epi32(SCP_SMALL_COUNTS - 2);
    __m512i index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t ones = to->ones, smalls = to->smalls;
    for (size_t i = 0; i < n; i += LANES) {
        const __mmask16 in = (__mmask16)(n - i < LANES ? (1u << (n - i)) - 1 : 0xffff);
        __m512i at = _mm512_maskz_loadu_epi32(in, column + i);
        __m512i count = _mm512_cvttps_epi32(_mm512_maskz_loadu_ps(in, value + i));
        at = look_up(near, at);
        __mmask16 hot = _mm512_mask_cmpneq_epu32_mask(in, at, far);
        __mmask16 is_one = _mm512_mask_cmpeq_epu32_mask(hot, count, one);
        __mmask16 is_small = _mm512_mask_cmplt_epu32_mask(hot, _mm512_sub_epi32(count, two), large);
        __mmask16 is_rest =
            _mm512_mask_test_epi32_mask((__mmask16)(in & ~(is_one | is_small)), count, count);
        __m512i entry = _mm512_or_si512(_mm512_slli_epi32(at, SCP_ENTRY_PLACE), count);
        _mm256_storeu_si256((void *)(to->one + ones),
                            _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(is_one, at)));
        _mm512_storeu_si512(to->small + smalls, _mm512_maskz_compress_epi32(is_small, entry));
        ones += (size_t)__builtin_popcount(is_one);
        smalls += (size_t)__builtin_popcount(is_small);
        if (__builtin_expect(is_rest != 0, 0)) {
            _mm512_storeu_si512(to->rest + to->rests, _mm512_maskz_compress_epi32(is_rest, index));
            to->rests += (size_t)__builtin_popcount(is_rest);
        }
        index = _mm512_add_epi32(index, _mm512_set1_epi32(LANES));
    }
    to->ones = ones;
    to->smalls = smalls;
}
#endif

scp_split_fn *scp_split_choose(bool plain)
{
#if WIDE
    if (!plain && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return split_wide;
#else
    (void)plain;
#endif
    return split_plain;
}
