/* safetensors: what is written comes back; bytes as the format says; hostile headers are refused.
 */
#include "io/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "tap.h"

static char path[SCP_PATH_MAX];

static void round_trip(void)
{
    const float w[6] = { 1, -2, 3.5f, INFINITY, 0, 1e-38f };
    const int64_t step = 42;
    const double none[1] = { 0 };
    const scp_st_tensor tensors[] = {
        { .name = "decoder.W", .type = SCP_ST_F32, .rank = 2, .shape = { 2, 3 }, .data = w },
        { .name = "step", .type = SCP_ST_I64, .rank = 0, .data = &step },
        { .name = "em\"pty\n", .type = SCP_ST_F64, .rank = 2, .shape = { 0, 5 }, .data = none },
    };
    const scp_st_meta meta[] = { { "format", "pt" }, { "genes", "γ" } };
    scp_st_file *f = NULL;
    float back[6];
    int64_t got = 0;
    tap_st(scp_st_write(path, tensors, 3, meta, 2), "written");
    if (!tap_st(scp_st_open(path, &f), "opens")) return;
    tap_ok(scp_st_count(f) == 3, "three tensors");
    int64_t i = scp_st_find(f, "decoder.W");
    tap_ok(i >= 0 && scp_st_get(f, (size_t)i)->rank == 2 && scp_st_get(f, (size_t)i)->shape[1] == 3,
           "shape");
    tap_st(scp_st_read_f32(f, (size_t)i, back), "values");
    tap_ok(memcmp(back, w, sizeof w) == 0, "values come back bit for bit");
    i = scp_st_find(f, "step");
    tap_st(scp_st_read(f, (size_t)i, &got), "scalar");
    tap_ok(got == 42 && scp_st_elements(scp_st_get(f, (size_t)i)) == 1, "scalar comes back");
    tap_fails(scp_st_read_f32(f, (size_t)i, back), SCP_EDATA, "\"step\" is I64",
              "integers are no reals");
    i = scp_st_find(f, "em\"pty\n");
    tap_ok(i >= 0 && scp_st_elements(scp_st_get(f, (size_t)i)) == 0,
           "an empty tensor, an odd name");
    tap_text(scp_st_metadata(f, "genes"), "γ", "metadata");
    tap_ok(!scp_st_metadata(f, "other") && scp_st_find(f, "other") == -1, "what is not there");
    scp_st_close(&f);
    const scp_st_tensor twice[] = { tensors[0], tensors[0] };
    tap_fails(scp_st_write(path, twice, 2, NULL, 0), SCP_EINTERNAL, "twice", "a name twice");
    tap_fails(scp_st_write("/nonexistent/w", tensors, 1, NULL, 0), SCP_EIO, "/nonexistent",
              "no folder");
}

/* A file from a header text and data bytes. */
static void forge(const char *header, size_t claimed, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)claimed >> (8 * i));
    if (!f || fwrite(length, 1, 8, f) != 8 ||
        fwrite(header, 1, strlen(header), f) != strlen(header) || fwrite(data, 1, n, f) != n ||
        fclose(f) != 0)
        tap_ok(false, "cannot forge %s", path);
}

static void half_precision(void)
{
    const char *header = "{\"h\":{\"dtype\":\"F16\",\"shape\":[5],\"data_offsets\":[0,10]},"
                         "\"b\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[10,12]}}  ";
    const uint16_t raw[6] = { 0x3c00, 0xc000, 0x0001, 0x7bff, 0xfc00, 0x3fc0 };
    scp_st_file *f = NULL;
    float x[5], b = 0;
    forge(header, strlen(header), raw, sizeof raw);
    if (!tap_st(scp_st_open(path, &f), "half-precision file opens")) return;
    tap_st(scp_st_read_f32(f, 0, x), "F16");
    tap_ok(x[0] == 1 && x[1] == -2 && x[2] == 0x1p-24f && x[3] == 65504 && x[4] == -INFINITY,
           "F16 values");
    tap_st(scp_st_read_f32(f, 1, &b), "BF16");
    tap_ok(b == 1.5f, "BF16 value");
    scp_st_close(&f);
}

static void hostile(const char *header, size_t claimed, size_t n, const char *part,
                    const char *what)
{
    const char data[64] = { 0 };
    scp_st_file *f = NULL;
    forge(header, claimed ? claimed : strlen(header), data, n);
    tap_fails(scp_st_open(path, &f), SCP_EDATA, part, "%s", what);
    scp_st_close(&f);
}

#define ONE(type, shape, range)                                                                    \
    "{\"w\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" range "}}"

static void hostile_headers(void)
{
    scp_st_file *f = NULL;
    hostile("{}", SIZE_MAX, 0, "18446744073709551615", "a header longer than everything");
    hostile("{}", 1000, 8, "truncated", "a header longer than the file");
    hostile("[1]", 0, 0, "not JSON", "a header that is no object");
    hostile("{\"w\":", 0, 0, "not valid JSON", "a header cut off");
    hostile("{\"w\":1}", 0, 0, "dtype, shape", "an entry that is a number");
    hostile("{\"w\":{\"dtype\":\"F32\"}}", 0, 0, "dtype, shape", "an entry without a shape");
    hostile(ONE("Q7", "[1]", "[0,4]"), 0, 4, "unknown dtype", "an unknown type");
    hostile(ONE("F32", "[2]", "[0,4]"), 0, 4, "4 bytes for a shape of 8",
            "a shape that does not fit");
    hostile(ONE("F32", "[-1]", "[0,4]"), 0, 4, "impossible shape", "a negative size");
    hostile(ONE("F32", "[1.5]", "[0,4]"), 0, 4, NULL, "a size that is no integer");
    hostile(ONE("F32", "[4611686018427387904,4]", "[0,0]"), 0, 0, "impossible shape",
            "a shape whose bytes overflow to 0");
    hostile(ONE("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 0, 4, "shape", "too many dimensions");
    hostile(ONE("F32", "[2]", "[0,8]"), 0, 4, "truncated", "data cut off");
    hostile(ONE("F32", "[1]", "[4,0]"), 0, 4, "[4, 0)", "a range backwards");
    hostile(ONE("F32", "[1]", "[-4,0]"), 0, 4, "[-4, 0)", "a negative offset");
    hostile(ONE("F32", "[1]", "[0]"), 0, 4, "two data_offsets", "one offset");
    hostile(ONE("F32", "[1]", "[4,8]"), 0, 8, "hole", "a hole at the beginning");
    hostile(ONE("F32", "[1]", "[0,4]"), 0, 8, "8 bytes of data", "data that nobody claims");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
            "\"b\":{\"dtype\":\"U8\",\"shape\":[6],\"data_offsets\":[2,8]}}",
            0, 8, "overlap", "tensors that overlap");
    hostile("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
            "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
            0, 1, "duplicate", "a name twice");
    hostile("{\"__metadata__\":{\"k\":1}}", 0, 0, "__metadata__", "metadata that is no text");
    forge("", 0, "", 0);
    tap_fails(scp_st_open(path, &f), SCP_EDATA, path, "an empty header");
    tap_fails(scp_st_open("/nonexistent.safetensors", &f), SCP_ENOINPUT, "/nonexistent",
              "missing file");
}

/* Every cut of a good file is refused. */
static void cuts(void)
{
    const float w[4] = { 1, 2, 3, 4 };
    const scp_st_tensor t = {
        .name = "w", .type = SCP_ST_F32, .rank = 1, .shape = { 4 }, .data = w
    };
    char *bytes = NULL;
    size_t n = 0, missed = 0;
    scp_st_file *f = NULL;
    tap_st(scp_st_write(path, &t, 1, NULL, 0), "written");
    tap_st(scp_fs_read_text(path, &bytes, &n), "bytes");
    tap_ok(n % 8 == 0 && bytes[8] == '{', "data is aligned to 8 bytes");
    for (size_t k = 0; k < n; k++) {
        FILE *out = fopen(path, "wb");
        if (!out || fwrite(bytes, 1, k, out) != k || fclose(out) != 0) missed++;
        missed += scp_st_open(path, &f) != SCP_EDATA;
        scp_st_close(&f);
    }
    tap_ok(missed == 0, "all %zu cuts are bad data", n);
    free(bytes);
}

int main(void)
{
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "w.safetensors"), "name");
    round_trip();
    half_precision();
    hostile_headers();
    cuts();
    return tap_done();
}
