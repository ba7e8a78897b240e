/* Values of a column in blocks: the one place that knows how elements are stored. */
#include "io/h5ad_field.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/h5_heap.h"
#include "io/h5_slab.h"
#include "io/h5_sound.h"
#include "io/h5_text.h"

enum { BLOCK = 1 << 16 }; /* elements read at a time */

static scp_status classify(scp_field *f)
{
    SCP_TRY(scp_h5_check_type(f->type, f->where));
    switch (H5Tget_class(f->type)) {
    case H5T_STRING:
        f->kind = SCP_FIELD_TEXT;
        return SCP_OK;
    case H5T_INTEGER:
        f->kind = SCP_FIELD_INT;
        return SCP_OK;
    case H5T_FLOAT:
        f->kind = SCP_FIELD_REAL;
        f->narrow = H5Tget_size(f->type) <= sizeof(float);
        return SCP_OK;
    case H5T_ENUM:
        f->kind = H5Tget_nmembers(f->type) == 2 ? SCP_FIELD_BOOL : SCP_FIELD_INT;
        return SCP_OK;
    default:
        SCP_FAIL(SCP_EDATA, "%s: neither text, numbers nor booleans", f->where);
    }
}

static scp_status field_length(scp_field *f)
{
    int rank = 0;
    size_t dims[SCP_H5_MAX_RANK];
    SCP_TRY(scp_h5_extent(f->dset, &rank, dims));
    if (rank > 1) SCP_FAIL(SCP_EDATA, "%s: %d dimensions, a column has one", f->where, rank);
    f->n = dims[0];
    return scp_h5_check_stored(f->dset, f->where);
}

static void field_init(hid_t loc, const char *name, scp_field *f)
{
    *f = (scp_field){ .dset = H5I_INVALID_HID, .mask = H5I_INVALID_HID, .type = H5I_INVALID_HID };
    scp_h5_where(loc, name, f->where, sizeof f->where);
}

/* Group of "values" and "mask": nullable-integer, nullable-boolean, nullable-string-array. */
static scp_status open_nullable(hid_t loc, const char *name, scp_field *f)
{
    scp_status st = SCP_OK;
    hid_t group = H5I_INVALID_HID;
    int rank = 0;
    size_t dims[SCP_H5_MAX_RANK];
    SCP_GOTO(done, scp_h5_group_open(loc, name, &group));
    if (!scp_h5_is_dataset(group, "values") || !scp_h5_is_dataset(group, "mask"))
        SCP_FAIL_GOTO(
            done, SCP_EDATA,
            "%s: a group that is neither categorical nor nullable; text, numbers, booleans "
            "and categories are understood",
            f->where);
    SCP_GOTO(done, scp_h5_dataset_open(group, "values", &f->dset));
    SCP_GOTO(done, scp_h5_dataset_open(group, "mask", &f->mask));
    SCP_GOTO(done, field_length(f));
    SCP_GOTO(done, scp_h5_extent(f->mask, &rank, dims));
    if (rank != 1 || dims[0] != f->n)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: %zu values, but a mask of %zu", f->where, f->n,
                      dims[0]);
    SCP_GOTO(done, scp_h5_check_stored(f->mask, f->where));
done:
    if (group >= 0) H5Gclose(group);
    return st;
}

scp_status scp_field_open(hid_t loc, const char *name, scp_field *f)
{
    scp_status st = SCP_OK;
    field_init(loc, name, f);
    if (scp_h5_is_group(loc, name)) {
        SCP_GOTO(done, open_nullable(loc, name, f));
    } else {
        SCP_GOTO(done, scp_h5_dataset_open(loc, name, &f->dset));
        SCP_GOTO(done, field_length(f));
    }
    SCP_H5IDAT_GOTO(done, loc, name, f->type, H5Dget_type(f->dset));
    SCP_GOTO(done, classify(f));
done:
    return st;
}

scp_status scp_field_open_member(hid_t loc, const char *name, const char *member, scp_field *f)
{
    scp_status st = SCP_OK;
    hid_t compound = H5I_INVALID_HID;
    field_init(loc, name, f);
    SCP_GOTO(done, scp_strdup(member, &f->member));
    SCP_GOTO(done, scp_h5_dataset_open(loc, name, &f->dset));
    SCP_GOTO(done, field_length(f));
    SCP_H5IDAT_GOTO(done, loc, name, compound, H5Dget_type(f->dset));
    int at = H5Tget_class(compound) == H5T_COMPOUND ? H5Tget_member_index(compound, member) : -1;
    if (at < 0) SCP_FAIL_GOTO(done, SCP_EDATA, "%s: no field \"%s\"", f->where, member);
    SCP_H5IDAT_GOTO(done, loc, name, f->type, H5Tget_member_type(compound, (unsigned)at));
    SCP_GOTO(done, classify(f));
done:
    if (compound >= 0) H5Tclose(compound);
    return st;
}

void scp_field_close(scp_field *f)
{
    if (f->type >= 0) H5Tclose(f->type);
    if (f->mask >= 0) H5Dclose(f->mask);
    if (f->dset >= 0) H5Dclose(f->dset);
    free(f->member);
    f->type = f->mask = f->dset = H5I_INVALID_HID;
    f->member = NULL;
}

void scp_field_type_name(hid_t type, char *name, size_t size)
{
    const char *order = H5Tget_order(type) == H5T_ORDER_BE ? "big-endian " : "";
    size_t bytes = H5Tget_size(type);
    switch (H5Tget_class(type)) {
    case H5T_STRING:
        if (H5Tis_variable_str(type) > 0)
            snprintf(name, size, "text");
        else
            snprintf(name, size, "text of %zu bytes", bytes);
        return;
    case H5T_INTEGER:
        snprintf(name, size, "%s%sint%zu", bytes > 1 ? order : "",
                 H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", 8 * bytes);
        return;
    case H5T_FLOAT:
        snprintf(name, size, "%sfloat%zu", order, 8 * bytes);
        return;
    case H5T_ENUM:
        snprintf(name, size, H5Tget_nmembers(type) == 2 ? "boolean" : "enumeration");
        return;
    default:
        snprintf(name, size, "another type");
    }
}

/* Elements [first, first + n) as memory of `type`. */
typedef struct part {
    const scp_field *field;
    size_t first, n;
} part;

static scp_status read_part(void *ctx, hid_t type, void *buf)
{
    const part *p = ctx;
    const scp_field *f = p->field;
    scp_status st = SCP_OK;
    hid_t wrapped = H5I_INVALID_HID;
    scp_h5_slab s = { H5I_INVALID_HID, H5I_INVALID_HID };
    int rank = 0;
    size_t dims[SCP_H5_MAX_RANK];
    SCP_GOTO(done, scp_h5_extent(f->dset, &rank, dims));
    if (rank > 0) SCP_GOTO(done, scp_h5_slab_select(f->dset, p->first, p->n, &s));
    if (f->member) { /* a compound of this one member, laid out as a plain array */
        SCP_H5ID_GOTO(done, wrapped, H5Tcreate(H5T_COMPOUND, H5Tget_size(type)));
        SCP_H5_GOTO(done, H5Tinsert(wrapped, f->member, 0, type));
    }
    SCP_H5AT_GOTO(done, f->dset, NULL,
                  H5Dread(f->dset, f->member ? wrapped : type, rank ? s.mem_space : H5S_ALL,
                          rank ? s.file_space : H5S_ALL, H5P_DEFAULT, buf));
done:
    if (wrapped >= 0) H5Tclose(wrapped);
    scp_h5_slab_fini(&s);
    return st;
}

static scp_status read_mask(const scp_field *f, size_t first, size_t n, int8_t *mask)
{
    memset(mask, 0, n);
    if (f->mask >= 0) SCP_TRY(scp_h5_read_slab(f->mask, H5T_NATIVE_INT8, first, n, mask));
    return SCP_OK;
}

/* A real of 32 bits, as the double of fewest digits that rounds to it. */
static double widen(double x)
{
    char text[SCP_REAL_TEXT];
    for (int digits = 6; digits < 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtof(text, NULL) == (float)x) return strtod(text, NULL);
    }
    return x;
}

static scp_status print_number(const scp_field *f, const void *buf, size_t i, char **text)
{
    char digits[SCP_REAL_TEXT];
    if (f->kind == SCP_FIELD_REAL) {
        double x = ((const double *)buf)[i];
        SCP_TRY(scp_strdup(scp_print_real(f->narrow && isfinite(x) ? widen(x) : x, digits), text));
        return SCP_OK;
    }
    int64_t v = ((const int64_t *)buf)[i];
    snprintf(digits, sizeof digits, "%" PRId64, v);
    SCP_TRY(scp_strdup(f->kind == SCP_FIELD_BOOL ? (v ? "True" : "False") : digits, text));
    return SCP_OK;
}

/* Texts of one block, and which of them are missing. */
static scp_status block_texts(const scp_field *f, size_t first, size_t n, char ***out,
                              int8_t *missing)
{
    scp_status st = SCP_OK;
    part p = { f, first, n };
    void *buf = NULL;
    char **texts = NULL;
    *out = NULL;
    SCP_TRY(read_mask(f, first, n, missing));
    if (f->kind == SCP_FIELD_TEXT) {
        SCP_TRY(scp_h5_check_texts(f->dset, first, n));
        SCP_TRY(scp_h5_take_texts(read_part, &p, f->type, n, f->where, out));
        return SCP_OK;
    }
    SCP_GOTO(done, scp_alloc(n, sizeof(int64_t), &buf));
    SCP_GOTO(done, scp_alloc(n, sizeof *texts, &texts));
    bool real = f->kind == SCP_FIELD_REAL;
    SCP_GOTO(done, read_part(&p, real ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64, buf));
    for (size_t i = 0; i < n; i++) {
        SCP_GOTO(done, print_number(f, buf, i, &texts[i]));
        missing[i] |= real && isnan(((double *)buf)[i]);
    }
done:
    free(buf);
    if (st != SCP_OK)
        scp_fs_list_free(texts, n);
    else
        *out = texts;
    return st;
}

static size_t block_size(const scp_field *f, size_t first)
{
    return f->n - first < BLOCK ? f->n - first : BLOCK;
}

scp_status scp_field_texts(const scp_field *f, char ***out)
{
    scp_status st = SCP_OK;
    char **all = NULL, **some = NULL;
    int8_t missing[BLOCK];
    *out = NULL;
    SCP_TRY(scp_alloc(f->n, sizeof *all, &all));
    for (size_t first = 0; first < f->n; first += BLOCK) {
        size_t n = block_size(f, first);
        SCP_GOTO(done, block_texts(f, first, n, &some, missing));
        for (size_t i = 0; i < n; i++)
            if (missing[i]) some[i][0] = '\0';
        memcpy(all + first, some, n * sizeof *all);
        free(some);
    }
done:
    if (st != SCP_OK)
        scp_fs_list_free(all, f->n);
    else
        *out = all;
    return st;
}

scp_status scp_field_encode(const scp_field *f, scp_names *names, int32_t *codes)
{
    int8_t missing[BLOCK];
    for (size_t first = 0; first < f->n; first += BLOCK) {
        size_t n = block_size(f, first);
        char **texts = NULL;
        scp_status st = SCP_OK;
        SCP_TRY(block_texts(f, first, n, &texts, missing));
        for (size_t i = 0; i < n && st == SCP_OK; i++) {
            size_t index = 0;
            if (!missing[i]) st = scp_names_add(names, texts[i], &index);
            codes[first + i] = missing[i] ? -1 : (int32_t)index;
        }
        scp_fs_list_free(texts, n);
        SCP_TRY(st);
    }
    return SCP_OK;
}

bool scp_field_real_of(const char *text, double *out)
{
    static const char *const absent[] = { "", "nan", "NaN", "NA", "<NA>", "None" };
    *out = NAN;
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        if (strcmp(text, absent[i]) == 0) return true;
    if (scp_parse_real(text, out) == SCP_OK) return true;
    scp_err_clear();
    *out = NAN;
    return false;
}

/* Texts of a block as numbers. */
static scp_status block_parsed(const scp_field *f, size_t first, size_t n, double *out)
{
    char **texts = NULL;
    scp_status st = SCP_OK;
    int8_t missing[BLOCK];
    SCP_TRY(block_texts(f, first, n, &texts, missing));
    for (size_t i = 0; i < n && st == SCP_OK; i++)
        if (!missing[i] && !scp_field_real_of(texts[i], &out[i]))
            st =
                scp_err_raise(SCP_EDATA, __FILE__, __LINE__, NULL,
                              "%s: row %zu: \"%s\" is not a number", f->where, first + i, texts[i]);
    scp_fs_list_free(texts, n);
    return st;
}

scp_status scp_field_reals(const scp_field *f, double *out)
{
    int8_t missing[BLOCK];
    for (size_t first = 0; first < f->n; first += BLOCK) {
        part p = { f, first, block_size(f, first) };
        if (f->kind == SCP_FIELD_TEXT)
            SCP_TRY(block_parsed(f, first, p.n, out + first));
        else
            SCP_TRY(read_part(&p, H5T_NATIVE_DOUBLE, out + first));
        SCP_TRY(read_mask(f, first, p.n, missing));
        for (size_t i = 0; i < p.n; i++)
            if (missing[i]) out[first + i] = NAN;
    }
    return SCP_OK;
}

scp_status scp_field_ints(const scp_field *f, int32_t *out)
{
    part p = { f, 0, f->n };
    if (f->kind != SCP_FIELD_INT && f->kind != SCP_FIELD_BOOL)
        SCP_FAIL(SCP_EDATA, "%s: integers were expected", f->where);
    if (f->n > 0) SCP_TRY(read_part(&p, H5T_NATIVE_INT32, out));
    return SCP_OK;
}
