/* AnnData writer: frames as a whole, layers, uns. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/h5ad_writer.h"

scp_status scp_out_strings(hid_t loc, const char *name, const char *const *values, size_t n)
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

scp_status scp_out_place(scp_h5ad_writer *w, const char *group, const char *name,
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

scp_status scp_h5ad_layer_begin(scp_h5ad_writer *w, const char *name, scp_h5ad_layer **out)
{
    scp_status st = SCP_OK;
    hid_t layers = H5I_INVALID_HID;
    const scp_h5_layout layout = scp_out_dense_layout(w);
    size_t dims[2] = { w->n_obs, w->n_vars };
    *out = NULL;
    SCP_GOTO(done, scp_h5_group_open(w->file, "layers", &layers));
    SCP_GOTO(done, scp_h5_out_create(layers, name, H5T_NATIVE_FLOAT, 2, dims, &layout,
                                     w->opt.threads, out));
    SCP_GOTO(done, scp_out_encoding(scp_h5_out_dataset(*out), "array", "0.2.0"));
done:
    if (layers >= 0) SCP_H5_KEEP(st, H5Gclose(layers));
    if (st != SCP_OK) scp_h5_out_drop(out);
    return st;
}

scp_status scp_h5ad_layer_append(scp_h5ad_layer *layer, const float *x, size_t n)
{
    return scp_h5_out_append(layer, n, x);
}

scp_status scp_h5ad_layer_end(scp_h5ad_layer **layer)
{
    return scp_h5_out_close(layer);
}

void scp_h5ad_layer_drop(scp_h5ad_layer **layer)
{
    scp_h5_out_drop(layer);
}

scp_status scp_h5ad_write_layer(scp_h5ad_writer *w, const char *name, const float *x)
{
    scp_h5ad_layer *layer = NULL;
    SCP_TRY(scp_h5ad_layer_begin(w, name, &layer));
    scp_status st = scp_h5ad_layer_append(layer, x, w->n_obs);
    if (st == SCP_OK) return scp_h5ad_layer_end(&layer);
    scp_h5ad_layer_drop(&layer);
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
