/* Frames, see h5ad_frame.h. A column is a field of values, or a field of codes and one of labels.
 */
#include "io/h5ad_frame.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/h5ad_field.h"

typedef struct column {
    bool categorical;
    scp_field values; /* or codes            */
    scp_field labels; /* categorical only    */
} column;

static void column_close(column *c)
{
    scp_field_close(&c->values);
    scp_field_close(&c->labels);
}

/* The labels of a 0.7 column: a reference in attribute "categories", or the name in __categories.
 */
static scp_status open_referenced(hid_t dset, hid_t frame, const char *name, column *c)
{
    char link[512] = "";
    if (scp_h5_has_attr(dset, "categories"))
        SCP_TRY(scp_h5_attr_link(dset, "categories", link, sizeof link));
    if (!link[0]) SCP_TRY(scp_str_format(link, sizeof link, "__categories/%s", name));
    c->categorical = true;
    SCP_TRY(scp_field_open(frame, link, &c->labels));
    return SCP_OK;
}

static scp_status open_in_group(const scp_frame *f, const char *name, column *c)
{
    scp_status st = SCP_OK;
    hid_t frame = H5I_INVALID_HID;
    char part[1024];
    SCP_GOTO(done, scp_h5_group_open(f->file, f->path, &frame));
    SCP_GOTO(done, scp_str_format(part, sizeof part, "%s/codes", name));
    if (scp_h5_is_group(frame, name) && scp_h5_exists(frame, part)) {
        c->categorical = true;
        SCP_GOTO(done, scp_field_open(frame, part, &c->values));
        SCP_GOTO(done, scp_str_format(part, sizeof part, "%s/categories", name));
        SCP_GOTO(done, scp_field_open(frame, part, &c->labels));
        goto done;
    }
    SCP_GOTO(done, scp_field_open(frame, name, &c->values));
    SCP_GOTO(done, scp_str_format(part, sizeof part, "__categories/%s", name));
    if (scp_h5_has_attr(c->values.dset, "categories") || scp_h5_exists(frame, part))
        SCP_GOTO(done, open_referenced(c->values.dset, frame, name, c));
done:
    if (frame >= 0) H5Gclose(frame);
    return st;
}

static scp_status open_in_compound(const scp_frame *f, const char *name, column *c)
{
    scp_status st = SCP_OK;
    char link[512];
    SCP_GOTO(done, scp_field_open_member(f->file, f->path, name, &c->values));
    if (c->values.kind != SCP_FIELD_INT) goto done;
    SCP_GOTO(done, scp_str_format(link, sizeof link, "uns/%s_categories", name));
    if (!scp_h5_exists(f->file, link)) goto done;
    c->categorical = true;
    SCP_GOTO(done, scp_field_open(f->file, link, &c->labels));
done:
    return st;
}

static scp_status unknown_column(const scp_frame *f, const char *name)
{
    scp_status st = SCP_OK;
    scp_strbuf list = { 0 };
    char where[1024];
    for (size_t i = 0; i < f->n_columns && st == SCP_OK; i++)
        st = scp_strbuf_addf(&list, "%s%s", i ? ", " : "", f->column[i]);
    if (st == SCP_OK)
        st = scp_err_raise(SCP_EDATA, __FILE__, __LINE__, NULL,
                           "%s: no column \"%s\"; there are: %s",
                           scp_h5_where(f->file, f->path, where, sizeof where), name,
                           f->n_columns ? list.text : "none");
    scp_strbuf_fini(&list);
    return st;
}

static scp_status column_open(const scp_frame *f, const char *name, column *c)
{
    const hid_t none = H5I_INVALID_HID;
    *c = (column){ .values = { .dset = none, .mask = none, .type = none },
                   .labels = { .dset = none, .mask = none, .type = none } };
    if (!scp_frame_has(f, name)) SCP_TRY(unknown_column(f, name));
    if (f->compound)
        SCP_TRY(open_in_compound(f, name, c));
    else
        SCP_TRY(open_in_group(f, name, c));
    if (f->n != SIZE_MAX && c->values.n != f->n)
        SCP_FAIL(SCP_EDATA, "%s: %zu values, but the frame has %zu rows", c->values.where,
                 c->values.n, f->n);
    return SCP_OK;
}

/* ---- the frame itself ---- */

static herr_t add_link(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    (void)group;
    (void)info;
    return strcmp(name, "__categories") != 0 && scp_names_add(data, name, NULL) != SCP_OK ? -1 : 0;
}

/* Columns from the attribute "column-order", or every member when there is none. */
static scp_status group_columns(hid_t group, scp_names *names)
{
    scp_status st = SCP_OK;
    char **order = NULL;
    size_t n = 0;
    if (scp_h5_has_attr(group, "column-order")) {
        SCP_GOTO(done, scp_h5_attr_texts(group, "column-order", &order, &n));
        for (size_t i = 0; i < n; i++) SCP_GOTO(done, scp_names_add(names, order[i], NULL));
    } else {
        SCP_H5AT_GOTO(done, group, NULL,
                      H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, add_link, names));
    }
done:
    scp_fs_list_free(order, n);
    return st;
}

static scp_status group_members(scp_frame *f, scp_names *names)
{
    scp_status st = SCP_OK;
    hid_t group = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_group_open(f->file, f->path, &group));
    if (scp_h5_has_attr(group, "_index"))
        SCP_GOTO(done, scp_h5_attr_text(group, "_index", &f->index));
    else
        SCP_GOTO(done, scp_strdup(scp_h5_exists(group, "_index") ? "_index" : "index", &f->index));
    SCP_GOTO(done, group_columns(group, names));
done:
    if (group >= 0) H5Gclose(group);
    return st;
}

/* The index of a compound is the member "index", or the first text. */
static scp_status compound_members(scp_frame *f, scp_names *names)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID, type = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_dataset_open(f->file, f->path, &dset));
    SCP_H5IDAT_GOTO(done, dset, NULL, type, H5Dget_type(dset));
    int n = H5Tget_class(type) == H5T_COMPOUND ? H5Tget_nmembers(type) : 0;
    int index = n > 0 ? H5Tget_member_index(type, "index") : -1;
    H5Eclear2(H5E_DEFAULT);
    for (int i = 0; i < n && index < 0; i++)
        if (H5Tget_member_class(type, (unsigned)i) == H5T_STRING) index = i;
    for (int i = 0; i < n; i++) {
        char *name = H5Tget_member_name(type, (unsigned)i);
        st = name ? scp_names_add(names, name, NULL) : SCP_OK;
        if (st == SCP_OK && i == index) st = scp_strdup(name, &f->index);
        H5free_memory(name);
        SCP_GOTO(done, st);
    }
done:
    if (type >= 0) H5Tclose(type);
    if (dset >= 0) H5Dclose(dset);
    return st;
}

/* Keep the names that are not the index. */
static scp_status keep_columns(scp_frame *f, const scp_names *names)
{
    size_t n = scp_names_count(names);
    SCP_TRY(scp_alloc(n, sizeof *f->column, &f->column));
    for (size_t i = 0; i < n; i++) {
        const char *name = scp_names_get(names, i);
        if (strcmp(name, f->index) == 0) continue;
        SCP_TRY(scp_strdup(name, &f->column[f->n_columns]));
        f->n_columns++;
    }
    return SCP_OK;
}

scp_status scp_frame_open(hid_t file, const char *path, scp_frame *f)
{
    scp_status st = SCP_OK;
    scp_names *names = NULL;
    column index;
    char where[1024];
    *f = (scp_frame){ .file = file, .n = SIZE_MAX };
    scp_h5_where(file, path, where, sizeof where);
    SCP_GOTO(done, scp_strdup(path, &f->path));
    SCP_GOTO(done, scp_names_create(&names));
    f->compound = scp_h5_is_dataset(file, path);
    if (f->compound)
        SCP_GOTO(done, compound_members(f, names));
    else if (scp_h5_is_group(file, path))
        SCP_GOTO(done, group_members(f, names));
    else
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: missing; an AnnData file has the frames obs and var",
                      where);
    if (!f->index || !f->index[0])
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: a data frame without an index", where);
    SCP_GOTO(done, keep_columns(f, names));
    st = column_open(f, f->index, &index);
    f->n = index.values.n;
    column_close(&index);
    if (st != SCP_OK) (void)scp_err_frame(st, __FILE__, __LINE__, "index of the frame");
done:
    scp_names_destroy(&names);
    return st;
}

void scp_frame_fini(scp_frame *f)
{
    free(f->path);
    free(f->index);
    scp_fs_list_free(f->column, f->n_columns);
    *f = (scp_frame){ .file = H5I_INVALID_HID };
}

bool scp_frame_has(const scp_frame *f, const char *name)
{
    if (f->index && strcmp(name, f->index) == 0) return true;
    for (size_t i = 0; i < f->n_columns; i++)
        if (strcmp(name, f->column[i]) == 0) return true;
    return false;
}

/* ---- reading columns ---- */

static scp_status read_codes(const column *c, int32_t *codes)
{
    SCP_TRY(scp_field_ints(&c->values, codes));
    for (size_t i = 0; i < c->values.n; i++)
        if (codes[i] < -1 || (codes[i] >= 0 && (size_t)codes[i] >= c->labels.n))
            SCP_FAIL(SCP_EDATA, "%s: row %zu: category %d, but there are %zu", c->values.where, i,
                     codes[i], c->labels.n);
    return SCP_OK;
}

static scp_status names_to_labels(const scp_names *names, scp_h5ad_text *out)
{
    size_t n = scp_names_count(names);
    SCP_TRY(scp_alloc(n, sizeof *out->label, &out->label));
    out->n_labels = n;
    for (size_t i = 0; i < n; i++) SCP_TRY(scp_strdup(scp_names_get(names, i), &out->label[i]));
    return SCP_OK;
}

scp_status scp_frame_text(const scp_frame *f, const char *name, scp_h5ad_text *out)
{
    scp_status st = SCP_OK;
    scp_names *names = NULL;
    column c;
    *out = (scp_h5ad_text){ .n = f->n };
    SCP_GOTO(done, column_open(f, name, &c));
    SCP_GOTO(done, scp_alloc(f->n, sizeof *out->code, &out->code));
    if (c.categorical) {
        SCP_GOTO(done, scp_field_texts(&c.labels, &out->label));
        out->n_labels = c.labels.n;
        SCP_GOTO(done, read_codes(&c, out->code));
    } else {
        SCP_GOTO(done, scp_names_create(&names));
        SCP_GOTO(done, scp_field_encode(&c.values, names, out->code));
        SCP_GOTO(done, names_to_labels(names, out));
    }
done:
    scp_names_destroy(&names);
    column_close(&c);
    if (st != SCP_OK) scp_h5ad_text_fini(out);
    return st;
}

/* Values of labels by their codes; a label that no row uses may be anything. */
static scp_status reals_of_labels(const column *c, double *out)
{
    scp_status st = SCP_OK;
    char **label = NULL;
    int32_t *codes = NULL;
    double *value = NULL;
    bool *bad = NULL;
    size_t n = c->labels.n;
    SCP_GOTO(done, scp_alloc(n, sizeof *value, &value));
    SCP_GOTO(done, scp_alloc(n, sizeof *bad, &bad));
    SCP_GOTO(done, scp_alloc(c->values.n, sizeof *codes, &codes));
    SCP_GOTO(done, read_codes(c, codes));
    if (c->labels.kind == SCP_FIELD_TEXT) {
        SCP_GOTO(done, scp_field_texts(&c->labels, &label));
        for (size_t i = 0; i < n; i++) bad[i] = !scp_field_real_of(label[i], &value[i]);
    } else {
        SCP_GOTO(done, scp_field_reals(&c->labels, value));
    }
    for (size_t i = 0; i < c->values.n; i++) {
        if (codes[i] >= 0 && bad[codes[i]])
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s: row %zu: \"%s\" is not a number", c->values.where,
                          i, label[codes[i]]);
        out[i] = codes[i] < 0 ? NAN : value[codes[i]];
    }
done:
    scp_fs_list_free(label, n);
    free(codes);
    free(value);
    free(bad);
    return st;
}

scp_status scp_frame_real(const scp_frame *f, const char *name, double **out)
{
    scp_status st = SCP_OK;
    column c;
    *out = NULL;
    SCP_GOTO(done, column_open(f, name, &c));
    SCP_GOTO(done, scp_alloc(f->n, sizeof **out, out));
    if (c.categorical)
        SCP_GOTO(done, reals_of_labels(&c, *out));
    else
        SCP_GOTO(done, scp_field_reals(&c.values, *out));
done:
    column_close(&c);
    if (st != SCP_OK) {
        free(*out);
        *out = NULL;
    }
    return st;
}

scp_status scp_frame_index(const scp_frame *f, char ***out)
{
    scp_status st = SCP_OK;
    column c;
    scp_h5ad_text text = { 0 };
    *out = NULL;
    SCP_GOTO(done, column_open(f, f->index, &c));
    if (!c.categorical) {
        SCP_GOTO(done, scp_field_texts(&c.values, out));
        goto done;
    }
    SCP_GOTO(done, scp_frame_text(f, f->index, &text));
    SCP_GOTO(done, scp_alloc(f->n, sizeof **out, out));
    for (size_t i = 0; i < f->n && st == SCP_OK; i++)
        st = scp_strdup(text.code[i] < 0 ? "" : text.label[text.code[i]], &(*out)[i]);
done:
    scp_h5ad_text_fini(&text);
    column_close(&c);
    if (st != SCP_OK) {
        scp_fs_list_free(*out, f->n);
        *out = NULL;
    }
    return st;
}

/* ---- a look ---- */

static size_t at_most(size_t n, size_t limit)
{
    return n < limit ? n : limit;
}

static void name_type(const column *c, scp_h5ad_column_info *out)
{
    char values[32];
    const scp_field *f = c->categorical ? &c->labels : &c->values;
    const char *nullable = f->mask >= 0 ? "nullable " : "";
    scp_field_type_name(f->type, values, sizeof values);
    if (!c->categorical) {
        snprintf(out->type, sizeof out->type, "%s%s", nullable, values);
        return;
    }
    int n = snprintf(out->type, sizeof out->type, "categorical of %s%s, ", nullable, values);
    scp_field_type_name(c->values.type, values, sizeof values);
    snprintf(out->type + n, sizeof out->type - (size_t)n, "%.12s codes", values);
}

/* Distinct values of the first rows. */
static scp_status look_at_rows(column *c, scp_h5ad_column_info *out)
{
    scp_status st = SCP_OK;
    scp_names *names = NULL;
    int32_t *codes = NULL;
    out->more = c->values.n > SCP_INFO_ROWS;
    c->values.n = at_most(c->values.n, SCP_INFO_ROWS);
    SCP_GOTO(done, scp_names_create(&names));
    SCP_GOTO(done, scp_alloc(c->values.n, sizeof *codes, &codes));
    SCP_GOTO(done, scp_field_encode(&c->values, names, codes));
    out->n_labels = scp_names_count(names);
    size_t shown = at_most(out->n_labels, SCP_INFO_LABELS);
    SCP_GOTO(done, scp_alloc(shown, sizeof *out->label, &out->label));
    for (; out->n_shown < shown; out->n_shown++)
        SCP_GOTO(done, scp_strdup(scp_names_get(names, out->n_shown), &out->label[out->n_shown]));
done:
    free(codes);
    scp_names_destroy(&names);
    return st;
}

scp_status scp_frame_look(const scp_frame *f, const char *name, scp_h5ad_column_info *out)
{
    scp_status st = SCP_OK;
    column c;
    SCP_GOTO(done, column_open(f, name, &c));
    name_type(&c, out);
    out->categorical = c.categorical;
    if (!c.categorical) {
        SCP_GOTO(done, look_at_rows(&c, out));
        goto done;
    }
    out->n_labels = c.labels.n;
    c.labels.n = at_most(c.labels.n, SCP_INFO_LABELS);
    SCP_GOTO(done, scp_field_texts(&c.labels, &out->label));
    out->n_shown = c.labels.n;
done:
    column_close(&c);
    return st;
}
