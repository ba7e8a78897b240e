/* Inflating: streams of several levels come back whole; every damaged byte is found, by either
 * library. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/rng.h"
#include "io/inflate.h"
#include "tap.h"

enum { N = 20000, BYTES = 8 * N };

static int64_t plain[N];
static uint8_t packed[2 * BYTES], out[BYTES + 1];
static scp_inflater *inflater;

/* Columns of cells: rising, and again. */
static void make_plain(void)
{
    int64_t at = 0;
    for (uint32_t i = 0; i < N; i++) {
        at += 1 + (int64_t)scp_rng_below(6, SCP_RNG_SYNTH, 0, 0, i, 80);
        plain[i] = at %= 62710;
    }
}

static bool comes_back(bool integers, size_t n, size_t size)
{
    memset(out, 0xa5, sizeof out);
    return scp_inflate(inflater, integers, packed, n, out, size) && out[size] == 0xa5 &&
           memcmp(out, plain, size) == 0;
}

static void test_whole(int level)
{
    uLongf n = sizeof packed;
    tap_ok(compress2(packed, &n, (const Bytef *)plain, BYTES, level) == Z_OK, "level %d", level);
    for (int integers = 0; integers < 2; integers++) {
        const char *what = integers ? "integers" : "reals";
        tap_ok(comes_back(integers, n, BYTES), "level %d: %s come back", level, what);
        tap_ok(!comes_back(integers, n, BYTES - 1) && !comes_back(integers, n - 1, BYTES) &&
                   !comes_back(integers, 5, BYTES) && !comes_back(integers, 0, BYTES),
               "level %d: %s: another length is none", level, what);
    }
}

/* A flipped bit anywhere: head, codes, numbers, checksum. */
static void test_flips(void)
{
    uLongf n = sizeof packed;
    size_t silent = 0, tried = 0;
    if (!tap_ok(compress2(packed, &n, (const Bytef *)plain, BYTES, 4) == Z_OK, "a stream")) return;
    for (size_t at = 0; at < n; at += at < 64 || n - at < 64 ? 1 : 97)
        for (unsigned bit = 0; bit < 8; bit++)
            for (int integers = 0; integers < 2; integers++, tried++) {
                packed[at] ^= (uint8_t)(1u << bit);
                silent += scp_inflate(inflater, integers, packed, n, out, BYTES) &&
                          memcmp(out, plain, BYTES) != 0;
                packed[at] ^= (uint8_t)(1u << bit);
            }
    tap_ok(silent == 0, "%zu flipped bits: none gives other numbers", tried);
    for (unsigned bit = 0; bit < 8; bit++) {
        packed[n - 1] ^= (uint8_t)(1u << bit);
        silent += comes_back(true, n, BYTES) || comes_back(false, n, BYTES);
        packed[n - 1] ^= (uint8_t)(1u << bit);
    }
    tap_ok(silent == 0, "a checksum that is not its own is refused");
    packed[0] = 0x79;
    packed[1] = 0xda ^ 1;
    tap_ok(!comes_back(true, n, BYTES) && !comes_back(false, n, BYTES), "so is another head");
}

int main(void)
{
    make_plain();
    if (!tap_st(scp_inflater_create(&inflater), "an inflater")) return tap_done();
    const int level[] = { 0, 1, 4, 9 };
    for (size_t i = 0; i < sizeof level / sizeof *level; i++) test_whole(level[i]);
    test_flips();
    scp_inflater_destroy(&inflater);
    return tap_done();
}
