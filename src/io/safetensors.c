/* safetensors reader and writer, see safetensors.h. */
#include "io/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/jsonl.h"
#include "base/mem.h"

enum { HEADER_MAX = 100000000 }; /* the reference implementation's limit */

static const struct {
    const char *name;
    size_t size;
} types[SCP_ST_TYPES] = {
    [SCP_ST_F32] = { "F32", 4 },         [SCP_ST_F64] = { "F64", 8 },
    [SCP_ST_F16] = { "F16", 2 },         [SCP_ST_BF16] = { "BF16", 2 },
    [SCP_ST_I64] = { "I64", 8 },         [SCP_ST_I32] = { "I32", 4 },
    [SCP_ST_I16] = { "I16", 2 },         [SCP_ST_I8] = { "I8", 1 },
    [SCP_ST_U64] = { "U64", 8 },         [SCP_ST_U32] = { "U32", 4 },
    [SCP_ST_U16] = { "U16", 2 },         [SCP_ST_U8] = { "U8", 1 },
    [SCP_ST_BOOL] = { "BOOL", 1 },       [SCP_ST_F8_E4M3] = { "F8_E4M3", 1 },
    [SCP_ST_F8_E5M2] = { "F8_E5M2", 1 },
};

const char *scp_st_type_name(scp_st_type t)
{
    return types[t].name;
}

size_t scp_st_type_size(scp_st_type t)
{
    return types[t].size;
}

size_t scp_st_elements(const scp_st_tensor *t)
{
    size_t n = 1;
    for (int d = 0; d < t->rank; d++) n *= (size_t)t->shape[d];
    return n;
}

static size_t tensor_bytes(const scp_st_tensor *t)
{
    return scp_st_elements(t) * types[t->type].size;
}

/* ---- writing ---- */

static scp_status add_entry(scp_jsonl *j, const scp_st_tensor *t, size_t *at)
{
    scp_status st = SCP_OK;
    scp_strbuf shape = { 0 };
    char range[64];
    SCP_GOTO(done, scp_strbuf_addf(&shape, "["));
    for (int d = 0; d < t->rank; d++)
        SCP_GOTO(done, scp_strbuf_addf(&shape, "%s%" PRId64, d ? ", " : "", t->shape[d]));
    SCP_GOTO(done, scp_strbuf_addf(&shape, "]"));
    SCP_GOTO(done, scp_str_format(range, sizeof range, "[%zu, %zu]", *at, *at + tensor_bytes(t)));
    *at += tensor_bytes(t);
    scp_jsonl_open(j, t->name);
    scp_jsonl_text(j, "dtype", types[t->type].name);
    scp_jsonl_raw(j, "shape", shape.text);
    scp_jsonl_raw(j, "data_offsets", range);
    scp_jsonl_close(j);
done:
    scp_strbuf_fini(&shape);
    return st;
}

/* Header text, padded with blanks so that the data begins at a multiple of 8. */
static scp_status build_header(const scp_st_tensor *tensors, size_t n, const scp_st_meta *meta,
                               size_t n_meta, scp_strbuf *out)
{
    scp_status st = SCP_OK;
    scp_jsonl j = { 0 };
    const char *text;
    size_t at = 0;
    scp_jsonl_begin(&j);
    if (n_meta > 0) {
        scp_jsonl_open(&j, "__metadata__");
        for (size_t i = 0; i < n_meta; i++) scp_jsonl_text(&j, meta[i].key, meta[i].value);
        scp_jsonl_close(&j);
    }
    for (size_t i = 0; i < n; i++) SCP_GOTO(done, add_entry(&j, &tensors[i], &at));
    SCP_GOTO(done, scp_jsonl_end(&j, &text));
    SCP_GOTO(done, scp_strbuf_addf(out, "%s", text));
    while (out->len > 0 && out->text[out->len - 1] == '\n') out->text[--out->len] = '\0';
    while (out->len % 8 != 0) SCP_GOTO(done, scp_strbuf_addn(out, " ", 1));
done:
    scp_jsonl_fini(&j);
    return st;
}

static scp_status put(FILE *f, const char *path, const void *data, size_t n)
{
    if (n > 0 && fwrite(data, 1, n, f) != n)
        SCP_FAIL(SCP_EIO, "%s: cannot write: %s", path, strerror(errno));
    return SCP_OK;
}

static scp_status check_arguments(const scp_st_tensor *tensors, size_t n)
{
    scp_status st = SCP_OK;
    scp_names *names = NULL;
    size_t index;
    SCP_TRY(scp_names_create(&names));
    for (size_t i = 0; i < n; i++) {
        SCP_GOTO(done, scp_names_add(names, tensors[i].name, &index));
        if (index != i || strcmp(tensors[i].name, "__metadata__") == 0 || tensors[i].rank < 0 ||
            tensors[i].rank > SCP_ST_MAX_RANK)
            SCP_FAIL_GOTO(done, SCP_EINTERNAL, "tensor %zu, \"%s\": a name twice, or a bad rank", i,
                          tensors[i].name);
    }
done:
    scp_names_destroy(&names);
    return st;
}

scp_status scp_st_write(const char *path, const scp_st_tensor *tensors, size_t n,
                        const scp_st_meta *meta, size_t n_meta)
{
    scp_status st = SCP_OK;
    scp_strbuf header = { 0 };
    char tmp[SCP_PATH_MAX];
    uint8_t length[8];
    FILE *f = NULL;
    SCP_TRY(check_arguments(tensors, n));
    SCP_TRY(scp_fs_tmp_name(tmp, sizeof tmp, path));
    SCP_GOTO(done, build_header(tensors, n, meta, n_meta, &header));
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)header.len >> (8 * i));
    f = fopen(tmp, "wbe");
    if (!f) SCP_FAIL_GOTO(done, SCP_EIO, "%s: cannot create: %s", tmp, strerror(errno));
    SCP_GOTO(done, put(f, tmp, length, sizeof length));
    SCP_GOTO(done, put(f, tmp, header.text, header.len));
    for (size_t i = 0; i < n; i++)
        SCP_GOTO(done, put(f, tmp, tensors[i].data, tensor_bytes(&tensors[i])));
    int closed = fclose(f);
    f = NULL;
    if (closed != 0) SCP_FAIL_GOTO(done, SCP_EIO, "%s: cannot write: %s", tmp, strerror(errno));
    SCP_GOTO(done, scp_fs_commit(tmp, path));
done:
    if (f) fclose(f);
    if (st != SCP_OK) scp_fs_remove(tmp);
    scp_strbuf_fini(&header);
    return st;
}

/* ---- reading ---- */

typedef struct entry {
    scp_st_tensor t;
    uint64_t begin, end; /* bytes, from the end of the header */
} entry;

struct scp_st_file {
    char *path;
    int fd;
    scp_json *header; /* owns the names and texts */
    entry *entries;
    size_t n;
    uint64_t data_at, data_bytes;
};

/* Read exactly n bytes at a place. */
static scp_status read_at(const scp_st_file *f, void *out, size_t n, uint64_t at)
{
    char *to = out;
    while (n > 0) {
        ssize_t got = pread(f->fd, to, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) SCP_FAIL(SCP_EIO, "%s: cannot read: %s", f->path, strerror(errno));
        if (got == 0) SCP_FAIL(SCP_EDATA, "%s: truncated", f->path);
        to += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return SCP_OK;
}

static scp_status load_header(scp_st_file *f)
{
    scp_status st = SCP_OK;
    uint8_t raw[8];
    uint64_t length = 0;
    int64_t size = 0;
    char *text = NULL;
    SCP_TRY(scp_fs_size(f->path, &size));
    if (size < 8)
        SCP_FAIL(SCP_EDATA, "%s: %" PRId64 " bytes are no safetensors file", f->path, size);
    SCP_TRY(read_at(f, raw, sizeof raw, 0));
    for (int i = 0; i < 8; i++) length |= (uint64_t)raw[i] << (8 * i);
    if (length > HEADER_MAX || length > (uint64_t)size - 8)
        SCP_FAIL(SCP_EDATA,
                 "%s: a header of %" PRIu64 " bytes in a file of %" PRId64 "; not "
                 "safetensors, or truncated",
                 f->path, length, size);
    SCP_TRY(scp_alloc((size_t)length + 1, 1, &text));
    SCP_GOTO(done, read_at(f, text, (size_t)length, 8));
    if (text[0] != '{') SCP_FAIL_GOTO(done, SCP_EDATA, "%s: the header is not JSON", f->path);
    SCP_GOTO(done, scp_json_parse(text, (size_t)length, f->path, &f->header));
    f->data_at = 8 + length;
    f->data_bytes = (uint64_t)size - f->data_at;
done:
    free(text);
    return st;
}

static scp_status parse_type(const scp_st_file *f, const char *name, const scp_json *v,
                             scp_st_type *out)
{
    const char *text;
    SCP_TRY(scp_json_as_text(v, "dtype", &text));
    for (int i = 0; i < SCP_ST_TYPES; i++)
        if (strcmp(text, types[i].name) == 0) {
            *out = (scp_st_type)i;
            return SCP_OK;
        }
    SCP_FAIL(SCP_EDATA, "%s: tensor \"%s\": unknown dtype \"%s\"", f->path, name, text);
}

/* Shape and its number of bytes, which must not overflow. */
static scp_status parse_shape(const scp_st_file *f, const scp_json *v, entry *e, uint64_t *bytes)
{
    size_t rank = scp_json_count(v);
    if (scp_json_kind_of(v) != SCP_JSON_LIST || rank > SCP_ST_MAX_RANK)
        SCP_FAIL(SCP_EDATA, "%s: tensor \"%s\": the shape is not a list of up to %d sizes", f->path,
                 e->t.name, SCP_ST_MAX_RANK);
    e->t.rank = (int)rank;
    *bytes = types[e->t.type].size;
    for (size_t d = 0; d < rank; d++) {
        SCP_TRY(scp_json_as_int(scp_json_at(v, d), "size", &e->t.shape[d]));
        if (e->t.shape[d] < 0 || __builtin_mul_overflow(*bytes, (uint64_t)e->t.shape[d], bytes))
            SCP_FAIL(SCP_EDATA, "%s: tensor \"%s\": impossible shape", f->path, e->t.name);
    }
    return SCP_OK;
}

static scp_status parse_entry(const scp_st_file *f, const char *name, const scp_json *v, entry *e)
{
    const scp_json *range = scp_json_get(v, "data_offsets");
    int64_t begin = 0, end = 0;
    uint64_t bytes = 0;
    e->t.name = name;
    if (scp_json_kind_of(v) != SCP_JSON_OBJECT || scp_json_count(v) != 3 ||
        scp_json_kind_of(range) != SCP_JSON_LIST || scp_json_count(range) != 2)
        SCP_FAIL(SCP_EDATA, "%s: tensor \"%s\": dtype, shape and two data_offsets are needed",
                 f->path, name);
    SCP_TRY(parse_type(f, name, scp_json_get(v, "dtype"), &e->t.type));
    SCP_TRY(parse_shape(f, scp_json_get(v, "shape"), e, &bytes));
    SCP_TRY(scp_json_as_int(scp_json_at(range, 0), "data_offsets", &begin));
    SCP_TRY(scp_json_as_int(scp_json_at(range, 1), "data_offsets", &end));
    if (begin < 0 || end < begin || (uint64_t)end > f->data_bytes)
        SCP_FAIL(SCP_EDATA,
                 "%s: tensor \"%s\": bytes [%" PRId64 ", %" PRId64 ") of %" PRIu64
                 "; truncated or damaged",
                 f->path, name, begin, end, f->data_bytes);
    if ((uint64_t)(end - begin) != bytes)
        SCP_FAIL(SCP_EDATA, "%s: tensor \"%s\": %" PRId64 " bytes for a shape of %" PRIu64, f->path,
                 name, end - begin, bytes);
    e->begin = (uint64_t)begin;
    e->end = (uint64_t)end;
    return SCP_OK;
}

static int by_begin(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static scp_status check_meta(const scp_st_file *f, const scp_json *meta)
{
    void *iter = NULL;
    const char *key;
    const scp_json *v;
    bool fine = scp_json_kind_of(meta) == SCP_JSON_OBJECT;
    while (fine && scp_json_next(meta, &iter, &key, &v))
        fine = scp_json_kind_of(v) == SCP_JSON_TEXT;
    if (!fine) SCP_FAIL(SCP_EDATA, "%s: __metadata__ is not a table of texts", f->path);
    return SCP_OK;
}

static scp_status parse_header(scp_st_file *f)
{
    void *iter = NULL;
    const char *name;
    const scp_json *v;
    uint64_t at = 0;
    if (scp_json_kind_of(f->header) != SCP_JSON_OBJECT)
        SCP_FAIL(SCP_EDATA, "%s: the header is not a JSON object", f->path);
    SCP_TRY(scp_alloc(scp_json_count(f->header), sizeof *f->entries, &f->entries));
    while (scp_json_next(f->header, &iter, &name, &v)) {
        if (strcmp(name, "__metadata__") == 0) {
            SCP_TRY(check_meta(f, v));
            continue;
        }
        SCP_TRY(parse_entry(f, name, v, &f->entries[f->n]));
        f->n++;
    }
    qsort(f->entries, f->n, sizeof *f->entries, by_begin);
    for (size_t i = 0; i < f->n; at = f->entries[i++].end)
        if (f->entries[i].begin != at)
            SCP_FAIL(SCP_EDATA,
                     "%s: tensor \"%s\" begins at byte %" PRIu64 ", %" PRIu64 " was expected: "
                     "tensors overlap or leave a hole",
                     f->path, f->entries[i].t.name, f->entries[i].begin, at);
    if (at != f->data_bytes)
        SCP_FAIL(SCP_EDATA, "%s: %" PRIu64 " bytes of data, the tensors take %" PRIu64, f->path,
                 f->data_bytes, at);
    return SCP_OK;
}

scp_status scp_st_open(const char *path, scp_st_file **out)
{
    scp_status st = SCP_OK;
    scp_st_file *f = NULL;
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *f, &f));
    f->fd = -1;
    SCP_GOTO(done, scp_strdup(path, &f->path));
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        SCP_FAIL_GOTO(done, errno == ENOENT ? SCP_ENOINPUT : SCP_EIO, "%s: cannot open: %s", path,
                      strerror(errno));
    SCP_GOTO(done, load_header(f));
    SCP_GOTO(done, parse_header(f));
done:
    if (st != SCP_OK) scp_st_close(&f);
    *out = f;
    return st;
}

void scp_st_close(scp_st_file **f)
{
    if (!f || !*f) return;
    if ((*f)->fd >= 0) close((*f)->fd);
    scp_json_destroy(&(*f)->header);
    free((*f)->entries);
    free((*f)->path);
    free(*f);
    *f = NULL;
}

size_t scp_st_count(const scp_st_file *f)
{
    return f->n;
}

const scp_st_tensor *scp_st_get(const scp_st_file *f, size_t i)
{
    return &f->entries[i].t;
}

int64_t scp_st_find(const scp_st_file *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->entries[i].t.name, name) == 0) return (int64_t)i;
    return -1;
}

const char *scp_st_metadata(const scp_st_file *f, const char *key)
{
    const char *text = NULL;
    const scp_json *v = scp_json_get(scp_json_get(f->header, "__metadata__"), key);
    return v && scp_json_as_text(v, key, &text) == SCP_OK ? text : NULL;
}

scp_status scp_st_read(const scp_st_file *f, size_t i, void *out)
{
    const entry *e = &f->entries[i];
    SCP_TRY(read_at(f, out, (size_t)(e->end - e->begin), f->data_at + e->begin));
    return SCP_OK;
}

/* IEEE half to single: exact. */
static float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 1023,
             bits;
    float x;
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24 */
        x = (float)fraction * 0x1p-24f;
        return sign ? -x : x;
    }
    bits = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    memcpy(&x, &bits, sizeof x);
    return x;
}

scp_status scp_st_read_f32(const scp_st_file *f, size_t i, float *out)
{
    scp_status st = SCP_OK;
    const scp_st_tensor *t = scp_st_get(f, i);
    size_t n = scp_st_elements(t);
    void *raw = NULL;
    if (t->type == SCP_ST_F32) {
        SCP_TRY(scp_st_read(f, i, out));
        return SCP_OK;
    }
    if (t->type != SCP_ST_F64 && t->type != SCP_ST_F16 && t->type != SCP_ST_BF16)
        SCP_FAIL(SCP_EDATA, "%s: tensor \"%s\" is %s; reals are needed", f->path, t->name,
                 types[t->type].name);
    SCP_TRY(scp_alloc(n, types[t->type].size, &raw));
    SCP_GOTO(done, scp_st_read(f, i, raw));
    for (size_t k = 0; k < n; k++) {
        uint32_t wide = t->type == SCP_ST_BF16 ? (uint32_t)((uint16_t *)raw)[k] << 16 : 0;
        if (t->type == SCP_ST_F64)
            out[k] = (float)((double *)raw)[k];
        else if (t->type == SCP_ST_F16)
            out[k] = half_to_float(((uint16_t *)raw)[k]);
        else
            memcpy(&out[k], &wide, sizeof wide);
    }
done:
    free(raw);
    return st;
}
