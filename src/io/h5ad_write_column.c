/* AnnData writer: columns of obs and var, whole or in pieces. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/h5ad_writer.h"

enum { CODES = 4096 }; /* narrowed at a time */

struct scp_h5ad_column {
    scp_h5ad_writer *w;
    char *path;
    scp_h5ad_column_kind kind;
    size_t n, done, n_labels;
    size_t width;    /* categorical: bytes of a code */
    scp_h5_out *out; /* numbers and codes */
    hid_t text;      /* texts */
};

/* ---- begin ---- */

static scp_status new_column(scp_h5ad_writer *w, const scp_out_frame *frame, const char *path,
                             scp_h5ad_column_kind kind, scp_h5ad_column **out)
{
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    **out = (scp_h5ad_column){ .w = w, .kind = kind, .n = frame->n, .text = H5I_INVALID_HID };
    SCP_GOTO(done, scp_strdup(path, &(*out)->path));
done:
    if (st != SCP_OK) scp_h5ad_column_drop(out);
    return st;
}

static scp_status begin_text(scp_h5ad_column *c)
{
    scp_status st = SCP_OK;
    hid_t type = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_text_type(&type));
    SCP_GOTO(done, scp_h5_dataset_create(c->w->file, c->path, type, 1, &c->n, NULL, &c->text));
    SCP_GOTO(done, scp_out_encoding(c->text, "string-array", "0.2.0"));
done:
    if (type >= 0) H5Tclose(type);
    return st;
}

static scp_status begin_numbers(scp_h5ad_column *c, hid_t loc, const char *name, hid_t type)
{
    const scp_h5_layout layout = scp_out_layout(c->w);
    SCP_TRY(scp_h5_out_create(loc, name, type, 1, &c->n, &layout, 1, &c->out));
    return scp_out_encoding(scp_h5_out_dataset(c->out), "array", "0.2.0");
}

static scp_status set_index(scp_h5ad_column *c, scp_out_frame *frame, const char *name)
{
    scp_status st = SCP_OK;
    hid_t g = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_group_open(c->w->file, frame->group, &g));
    SCP_GOTO(done, scp_h5_set_text(g, "_index", name));
    frame->has_index = true;
done:
    if (g >= 0) SCP_H5_KEEP(st, H5Gclose(g));
    return st;
}

scp_status scp_h5ad_column_begin(scp_h5ad_writer *w, const char *group, const char *name,
                                 scp_h5ad_column_kind kind, scp_h5ad_column **out)
{
    scp_status st = SCP_OK;
    scp_out_frame *frame;
    scp_h5ad_column *c = NULL;
    char path[1024];
    *out = NULL;
    SCP_ARG(kind != SCP_H5AD_CATEGORY, "%s: categories need labels", name);
    SCP_TRY(scp_out_place(w, group, name, &frame, path, sizeof path));
    SCP_ARG(kind != SCP_H5AD_INDEX || !frame->has_index, "%s: the index of %s is written twice",
            w->path, group);
    SCP_TRY(new_column(w, frame, path, kind, &c));
    if (kind == SCP_H5AD_TEXT || kind == SCP_H5AD_INDEX)
        SCP_GOTO(done, begin_text(c));
    else
        SCP_GOTO(done, begin_numbers(c, w->file, path,
                                     kind == SCP_H5AD_INT    ? H5T_NATIVE_INT64
                                     : kind == SCP_H5AD_REAL ? H5T_NATIVE_DOUBLE
                                                             : H5T_NATIVE_FLOAT));
    if (kind == SCP_H5AD_INDEX)
        SCP_GOTO(done, set_index(c, frame, name));
    else
        SCP_GOTO(done, scp_names_add(frame->columns, name, NULL));
done:
    if (st != SCP_OK) scp_h5ad_column_drop(&c);
    *out = c;
    return st;
}

scp_status scp_h5ad_column_begin_categorical(scp_h5ad_writer *w, const char *group,
                                             const char *name, const char *const *labels,
                                             size_t n_labels, scp_h5ad_column **out)
{
    scp_status st = SCP_OK;
    scp_out_frame *frame;
    scp_h5ad_column *c = NULL;
    hid_t g = H5I_INVALID_HID;
    char path[1024];
    *out = NULL;
    SCP_TRY(scp_out_place(w, group, name, &frame, path, sizeof path));
    SCP_TRY(new_column(w, frame, path, SCP_H5AD_CATEGORY, &c));
    c->n_labels = n_labels;
    c->width = n_labels <= INT8_MAX ? 1 : n_labels <= INT16_MAX ? 2 : 4;
    SCP_GOTO(done, scp_out_group(w->file, path, "categorical", "0.2.0", &g));
    SCP_GOTO(done, scp_h5_set_bool(g, "ordered", false));
    SCP_GOTO(done, begin_numbers(c, g, "codes",
                                 c->width == 1   ? H5T_NATIVE_INT8
                                 : c->width == 2 ? H5T_NATIVE_INT16
                                                 : H5T_NATIVE_INT32));
    SCP_GOTO(done, scp_out_strings(g, "categories", labels, n_labels));
    SCP_GOTO(done, scp_names_add(frame->columns, name, NULL));
done:
    if (g >= 0) SCP_H5_KEEP(st, H5Gclose(g));
    if (st != SCP_OK) scp_h5ad_column_drop(&c);
    *out = c;
    return st;
}

/* ---- pieces ---- */

static scp_status append_codes(scp_h5ad_column *c, size_t n, const int32_t *code)
{
    union {
        int8_t i8[CODES];
        int16_t i16[CODES];
    } narrow;
    for (size_t i = 0; i < n; i++)
        SCP_ARG(code[i] >= -1 && (code[i] < 0 || (size_t)code[i] < c->n_labels),
                "%s: %s: row %zu has category %d of %zu", c->w->path, c->path, c->done + i, code[i],
                c->n_labels);
    if (c->width == 4) return scp_h5_out_append(c->out, n, code);
    for (size_t at = 0; at < n; at += CODES) {
        size_t some = n - at < CODES ? n - at : CODES;
        for (size_t i = 0; i < some; i++)
            if (c->width == 1)
                narrow.i8[i] = (int8_t)code[at + i];
            else
                narrow.i16[i] = (int16_t)code[at + i];
        SCP_TRY(scp_h5_out_append(c->out, some, &narrow));
    }
    return SCP_OK;
}

scp_status scp_h5ad_column_append(scp_h5ad_column *c, size_t n, const void *values)
{
    scp_status st = SCP_OK;
    hid_t type = H5I_INVALID_HID;
    SCP_ARG(n <= c->n - c->done, "%s: %s: %zu rows on top of %zu, the frame has %zu", c->w->path,
            c->path, n, c->done, c->n);
    if (c->kind == SCP_H5AD_CATEGORY) {
        SCP_GOTO(done, append_codes(c, n, values));
    } else if (c->out) {
        SCP_GOTO(done, scp_h5_out_append(c->out, n, values));
    } else {
        SCP_GOTO(done, scp_h5_text_type(&type));
        SCP_GOTO(done, scp_h5_write_slab(c->text, type, c->done, n, values));
    }
    c->done += n;
done:
    if (type >= 0) H5Tclose(type);
    return st;
}

scp_status scp_h5ad_column_end(scp_h5ad_column **cp)
{
    scp_status st = SCP_OK;
    scp_h5ad_column *c = *cp;
    if (c->done != c->n)
        SCP_FAIL_GOTO(done, SCP_EINTERNAL, "%s: %s: %zu of %zu rows were written", c->w->path,
                      c->path, c->done, c->n);
    if (c->out) SCP_GOTO(done, scp_h5_out_close(&c->out));
done:
    scp_h5ad_column_drop(cp);
    return st;
}

void scp_h5ad_column_drop(scp_h5ad_column **cp)
{
    scp_h5ad_column *c = cp ? *cp : NULL;
    if (!c) return;
    scp_h5_out_drop(&c->out);
    if (c->text >= 0) H5Dclose(c->text);
    free(c->path);
    free(c);
    *cp = NULL;
}

/* ---- whole columns ---- */

static scp_status write_whole(scp_h5ad_writer *w, const char *group, const char *name,
                              scp_h5ad_column_kind kind, const void *values)
{
    scp_status st = SCP_OK;
    scp_h5ad_column *c = NULL;
    SCP_GOTO(done, scp_h5ad_column_begin(w, group, name, kind, &c));
    SCP_GOTO(done, scp_h5ad_column_append(c, c->n, values));
    SCP_GOTO(done, scp_h5ad_column_end(&c));
done:
    scp_h5ad_column_drop(&c);
    return st;
}

scp_status scp_h5ad_write_index(scp_h5ad_writer *w, const char *group, const char *name,
                                const char *const *values)
{
    return write_whole(w, group, name, SCP_H5AD_INDEX, values);
}

scp_status scp_h5ad_write_real(scp_h5ad_writer *w, const char *group, const char *name,
                               const double *values)
{
    return write_whole(w, group, name, SCP_H5AD_REAL, values);
}

scp_status scp_h5ad_write_f32(scp_h5ad_writer *w, const char *group, const char *name,
                              const float *values)
{
    return write_whole(w, group, name, SCP_H5AD_F32, values);
}

scp_status scp_h5ad_write_int(scp_h5ad_writer *w, const char *group, const char *name,
                              const int64_t *values)
{
    return write_whole(w, group, name, SCP_H5AD_INT, values);
}

scp_status scp_h5ad_write_text(scp_h5ad_writer *w, const char *group, const char *name,
                               const char *const *values)
{
    return write_whole(w, group, name, SCP_H5AD_TEXT, values);
}

scp_status scp_h5ad_write_categorical(scp_h5ad_writer *w, const char *group, const char *name,
                                      const int32_t *codes, const char *const *labels,
                                      size_t n_labels)
{
    scp_status st = SCP_OK;
    scp_h5ad_column *c = NULL;
    SCP_GOTO(done, scp_h5ad_column_begin_categorical(w, group, name, labels, n_labels, &c));
    SCP_GOTO(done, scp_h5ad_column_append(c, c->n, codes));
    SCP_GOTO(done, scp_h5ad_column_end(&c));
done:
    scp_h5ad_column_drop(&c);
    return st;
}
