/* AnnData writer: columns of obs and var, layers, uns. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/h5ad_writer.h"

static scp_status write_values(hid_t loc, const char *name, hid_t type, size_t n,
                               const scp_h5_layout *layout, const void *values)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_write(loc, name, type, 1, &n, layout, values));
    SCP_GOTO(done, scp_h5_dataset_open(loc, name, &dset));
    SCP_GOTO(done, scp_out_encoding(dset, "array", "0.2.0"));
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    return st;
}

static scp_status write_strings(hid_t loc, const char *name, const char *const *values, size_t n)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_write_texts(loc, name, values, n, NULL));
    SCP_GOTO(done, scp_h5_dataset_open(loc, name, &dset));
    SCP_GOTO(done, scp_out_encoding(dset, "string-array", "0.2.0"));
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    return st;
}

/* ---- frames ---- */

/* The frame `group`, and "group/name" as a new path; the name must be usable and new. */
static scp_status place(scp_h5ad_writer *w, const char *group, const char *name,
                        scp_out_frame **frame, char *path, size_t size)
{
    *frame = strcmp(group, "obs") == 0 ? &w->obs : strcmp(group, "var") == 0 ? &w->var : NULL;
    SCP_ARG(*frame, "%s: \"%s\" is not a frame; obs and var are", w->path, group);
    SCP_ARG(name[0] && !strchr(name, '/') && strcmp(name, ".") != 0,
            "%s: \"%s\" cannot name a column", w->path, name);
    SCP_TRY(scp_str_format(path, size, "%s/%s", group, name));
    SCP_ARG(!scp_h5_exists(w->file, path), "%s: %s is written twice", w->path, path);
    return SCP_OK;
}

scp_status scp_h5ad_write_index(scp_h5ad_writer *w, const char *group, const char *name,
                                const char *const *values)
{
    scp_status st = SCP_OK;
    scp_out_frame *frame;
    hid_t g = H5I_INVALID_HID;
    char path[1024];
    SCP_TRY(place(w, group, name, &frame, path, sizeof path));
    SCP_ARG(!frame->has_index, "%s: the index of %s is written twice", w->path, group);
    SCP_GOTO(done, write_strings(w->file, path, values, frame->n));
    SCP_GOTO(done, scp_h5_group_open(w->file, group, &g));
    SCP_GOTO(done, scp_h5_set_text(g, "_index", name));
    frame->has_index = true;
done:
    if (g >= 0) SCP_H5_KEEP(st, H5Gclose(g));
    return st;
}

static scp_status write_codes(const scp_h5ad_writer *w, hid_t group, const int32_t *codes, size_t n,
                              size_t n_labels)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    const scp_h5_layout layout = scp_out_layout(w);
    hid_t type = n_labels <= INT8_MAX    ? H5T_STD_I8LE
                 : n_labels <= INT16_MAX ? H5T_STD_I16LE
                                         : H5T_STD_I32LE;
    SCP_GOTO(done, scp_h5_dataset_create(group, "codes", type, 1, &n, &layout, &dset));
    SCP_GOTO(done, scp_out_encoding(dset, "array", "0.2.0"));
    SCP_GOTO(done, scp_h5_write_slab(dset, H5T_NATIVE_INT32, 0, n, codes));
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    return st;
}

scp_status scp_h5ad_write_categorical(scp_h5ad_writer *w, const char *group, const char *name,
                                      const int32_t *codes, const char *const *labels,
                                      size_t n_labels)
{
    scp_status st = SCP_OK;
    scp_out_frame *frame;
    hid_t g = H5I_INVALID_HID;
    char path[1024];
    SCP_TRY(place(w, group, name, &frame, path, sizeof path));
    for (size_t i = 0; i < frame->n; i++)
        SCP_ARG(codes[i] >= -1 && (codes[i] < 0 || (size_t)codes[i] < n_labels),
                "%s: %s: row %zu has category %d of %zu", w->path, path, i, codes[i], n_labels);
    SCP_GOTO(done, scp_out_group(w->file, path, "categorical", "0.2.0", &g));
    SCP_GOTO(done, scp_h5_set_bool(g, "ordered", false));
    SCP_GOTO(done, write_codes(w, g, codes, frame->n, n_labels));
    SCP_GOTO(done, write_strings(g, "categories", labels, n_labels));
    SCP_GOTO(done, scp_names_add(frame->columns, name, NULL));
done:
    if (g >= 0) SCP_H5_KEEP(st, H5Gclose(g));
    return st;
}

static scp_status write_numbers(scp_h5ad_writer *w, const char *group, const char *name, hid_t type,
                                const void *values)
{
    const scp_h5_layout layout = scp_out_layout(w);
    scp_out_frame *frame;
    char path[1024];
    SCP_TRY(place(w, group, name, &frame, path, sizeof path));
    SCP_TRY(write_values(w->file, path, type, frame->n, &layout, values));
    SCP_TRY(scp_names_add(frame->columns, name, NULL));
    return SCP_OK;
}

scp_status scp_h5ad_write_real(scp_h5ad_writer *w, const char *group, const char *name,
                               const double *values)
{
    SCP_TRY(write_numbers(w, group, name, H5T_NATIVE_DOUBLE, values));
    return SCP_OK;
}

scp_status scp_h5ad_write_f32(scp_h5ad_writer *w, const char *group, const char *name,
                              const float *values)
{
    SCP_TRY(write_numbers(w, group, name, H5T_NATIVE_FLOAT, values));
    return SCP_OK;
}

scp_status scp_h5ad_write_int(scp_h5ad_writer *w, const char *group, const char *name,
                              const int64_t *values)
{
    SCP_TRY(write_numbers(w, group, name, H5T_NATIVE_INT64, values));
    return SCP_OK;
}

scp_status scp_h5ad_write_text(scp_h5ad_writer *w, const char *group, const char *name,
                               const char *const *values)
{
    scp_out_frame *frame;
    char path[1024];
    SCP_TRY(place(w, group, name, &frame, path, sizeof path));
    SCP_TRY(write_strings(w->file, path, values, frame->n));
    SCP_TRY(scp_names_add(frame->columns, name, NULL));
    return SCP_OK;
}

scp_status scp_out_finish_frame(const scp_h5ad_writer *w, const scp_out_frame *frame)
{
    scp_status st = SCP_OK;
    hid_t g = H5I_INVALID_HID;
    const char **names = NULL;
    size_t n = scp_names_count(frame->columns);
    SCP_ARG(frame->has_index, "%s: the index of %s was not written", w->path, frame->group);
    SCP_GOTO(done, scp_alloc(n, sizeof *names, &names));
    for (size_t i = 0; i < n; i++) names[i] = scp_names_get(frame->columns, i);
    SCP_GOTO(done, scp_h5_group_open(w->file, frame->group, &g));
    SCP_GOTO(done, scp_h5_set_texts(g, "column-order", names, n));
done:
    if (g >= 0) SCP_H5_KEEP(st, H5Gclose(g));
    free(names);
    return st;
}

/* ---- the rest ---- */

scp_status scp_h5ad_write_layer(scp_h5ad_writer *w, const char *name, const float *x)
{
    scp_status st = SCP_OK;
    hid_t layers = H5I_INVALID_HID, dset = H5I_INVALID_HID;
    const scp_h5_layout layout = scp_out_dense_layout(w);
    size_t dims[2] = { w->n_obs, w->n_vars };
    SCP_GOTO(done, scp_h5_group_open(w->file, "layers", &layers));
    SCP_GOTO(done, scp_h5_dataset_create(layers, name, H5T_IEEE_F32LE, 2, dims, &layout, &dset));
    SCP_GOTO(done, scp_h5_write_slab(dset, H5T_NATIVE_FLOAT, 0, w->n_obs, x));
    SCP_GOTO(done, scp_out_encoding(dset, "array", "0.2.0"));
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    if (layers >= 0) SCP_H5_KEEP(st, H5Gclose(layers));
    return st;
}

scp_status scp_h5ad_write_uns_text(scp_h5ad_writer *w, const char *name, const char *text)
{
    scp_status st = SCP_OK;
    hid_t uns = H5I_INVALID_HID, dset = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_group_open(w->file, "uns", &uns));
    SCP_GOTO(done, scp_h5_write_text(uns, name, text));
    SCP_GOTO(done, scp_h5_dataset_open(uns, name, &dset));
    SCP_GOTO(done, scp_out_encoding(dset, "string", "0.2.0"));
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    if (uns >= 0) SCP_H5_KEEP(st, H5Gclose(uns));
    return st;
}
