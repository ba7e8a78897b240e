/* Metadata of an AnnData file, see h5ad_info.h. */
#include "io/h5ad_info.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/h5.h"
#include "io/h5ad_field.h"
#include "io/h5ad_frame.h"

static void append(char *text, size_t size, const char *fmt, ...) SCP_PRINTF(3, 4);

static void append(char *text, size_t size, const char *fmt, ...)
{
    va_list ap;
    size_t n = strlen(text);
    va_start(ap, fmt);
    vsnprintf(text + n, size - n, fmt, ap);
    va_end(ap);
}

/* ---- arrays ---- */

static void describe_filters(hid_t dcpl, scp_h5ad_array *a)
{
    int n = H5Pget_nfilters(dcpl);
    a->readable = true;
    for (int i = 0; i < n; i++) {
        char name[64] = "";
        unsigned flags, config, value[4] = { 0 };
        size_t n_values = 4;
        H5Z_filter_t id =
            H5Pget_filter2(dcpl, (unsigned)i, &flags, &n_values, value, sizeof name, name, &config);
        if (id < 0) continue;
        a->readable = a->readable && H5Zfilter_avail(id) > 0;
        append(a->filters, sizeof a->filters, "%s%s", i ? ", " : "", name[0] ? name : "unknown");
        if (id == H5Z_FILTER_DEFLATE) append(a->filters, sizeof a->filters, " %u", value[0]);
        if (H5Zfilter_avail(id) <= 0)
            append(a->filters, sizeof a->filters, " (filter %d, which cannot be read here)", id);
    }
}

static scp_status describe_array(hid_t loc, const char *name, scp_h5ad_array *a)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID, type = H5I_INVALID_HID, dcpl = H5I_INVALID_HID;
    size_t dims[SCP_H5_MAX_RANK];
    hsize_t chunk[SCP_H5_MAX_RANK] = { 0 };
    SCP_H5IDAT_GOTO(done, loc, name, dset, H5Dopen2(loc, name, H5P_DEFAULT));
    SCP_GOTO(done, scp_h5_extent(dset, &a->rank, dims));
    a->n = 1;
    for (int i = 0; i < a->rank; i++) a->n *= dims[i];
    SCP_H5IDAT_GOTO(done, loc, name, type, H5Dget_type(dset));
    scp_field_type_name(type, a->type, sizeof a->type);
    SCP_H5IDAT_GOTO(done, loc, name, dcpl, H5Dget_create_plist(dset));
    if (H5Pget_layout(dcpl) == H5D_CHUNKED && H5Pget_chunk(dcpl, SCP_H5_MAX_RANK, chunk) > 0)
        for (int i = 0; i < 2; i++) a->chunk[i] = (size_t)chunk[i];
    describe_filters(dcpl, a);
    a->bytes = H5Dget_storage_size(dset);
done:
    if (dcpl >= 0) H5Pclose(dcpl);
    if (type >= 0) H5Tclose(type);
    if (dset >= 0) H5Dclose(dset);
    return st;
}

/* ---- matrices ---- */

static scp_status describe_sparse(hid_t group, scp_h5ad_matrix_info *m)
{
    scp_status st = SCP_OK;
    bool old =
        !scp_h5_has_attr(group, "encoding-type") && scp_h5_has_attr(group, "h5sparse_format");
    char *format = NULL;
    int64_t shape[2];
    SCP_GOTO(done, scp_h5_attr_text(group, old ? "h5sparse_format" : "encoding-type", &format));
    m->kind = strncmp(format, "csc", 3) == 0 ? SCP_H5AD_CSC : SCP_H5AD_CSR;
    SCP_GOTO(done, scp_h5_attr_i64(group, old ? "h5sparse_shape" : "shape", 2, shape));
    m->n_rows = shape[0] > 0 ? (size_t)shape[0] : 0;
    m->n_cols = shape[1] > 0 ? (size_t)shape[1] : 0;
    SCP_GOTO(done, describe_array(group, "data", &m->data));
    SCP_GOTO(done, describe_array(group, "indices", &m->indices));
    SCP_GOTO(done, describe_array(group, "indptr", &m->indptr));
done:
    free(format);
    return st;
}

static scp_status describe_dense(hid_t file, const char *path, scp_h5ad_matrix_info *m)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    int rank;
    size_t dims[SCP_H5_MAX_RANK];
    m->kind = SCP_H5AD_DENSE;
    SCP_GOTO(done, describe_array(file, path, &m->data));
    SCP_H5IDAT_GOTO(done, file, path, dset, H5Dopen2(file, path, H5P_DEFAULT));
    SCP_GOTO(done, scp_h5_extent(dset, &rank, dims));
    m->n_rows = dims[0];
    m->n_cols = rank > 1 ? dims[1] : 1;
done:
    if (dset >= 0) H5Dclose(dset);
    return st;
}

/* A sparse group has an encoding; an array that is absent may be an element of type null. */
static bool is_sparse(hid_t file, const char *path)
{
    char part[1024];
    return scp_h5_is_group(file, path) &&
           scp_str_format(part, sizeof part, "%s/indptr", path) == SCP_OK &&
           scp_h5_exists(file, part);
}

static bool is_array(hid_t file, const char *path)
{
    int rank = 0;
    size_t dims[SCP_H5_MAX_RANK];
    hid_t dset = scp_h5_is_dataset(file, path) ? H5Dopen2(file, path, H5P_DEFAULT) : -1;
    bool fine = dset >= 0 && scp_h5_extent(dset, &rank, dims) == SCP_OK && rank == 2;
    if (dset >= 0) H5Dclose(dset);
    if (!fine) scp_err_clear();
    return fine;
}

static scp_status add_matrix(hid_t file, const char *path, const char *name, scp_h5ad_info *info)
{
    scp_status st = SCP_OK;
    hid_t group = H5I_INVALID_HID;
    size_t cap = info->n_matrices;
    bool sparse = is_sparse(file, path);
    if (!sparse && !is_array(file, path)) return SCP_OK;
    SCP_TRY(scp_grow(&info->matrix, &cap, info->n_matrices + 1, sizeof *info->matrix));
    scp_h5ad_matrix_info *m = &info->matrix[info->n_matrices];
    *m = (scp_h5ad_matrix_info){ 0 };
    SCP_TRY(scp_strdup(name, &m->name));
    info->n_matrices++;
    if (!sparse) return describe_dense(file, path, m);
    SCP_GOTO(done, scp_h5_group_open(file, path, &group));
    SCP_GOTO(done, describe_sparse(group, m));
done:
    if (group >= 0) H5Gclose(group);
    return st;
}

static herr_t add_link(hid_t group, const char *name, const H5L_info_t *link, void *data)
{
    (void)group;
    (void)link;
    return scp_names_add(data, name, NULL) == SCP_OK ? 0 : -1;
}

static scp_status add_layers(hid_t file, scp_h5ad_info *info)
{
    scp_status st = SCP_OK;
    scp_names *names = NULL;
    hid_t group = H5I_INVALID_HID;
    char path[1024];
    if (!scp_h5_is_group(file, "layers")) return SCP_OK;
    SCP_GOTO(done, scp_names_create(&names));
    SCP_GOTO(done, scp_h5_group_open(file, "layers", &group));
    SCP_H5AT_GOTO(done, group, NULL,
                  H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, add_link, names));
    for (size_t i = 0; i < scp_names_count(names); i++) {
        SCP_GOTO(done, scp_str_format(path, sizeof path, "layers/%s", scp_names_get(names, i)));
        SCP_GOTO(done, add_matrix(file, path, path, info));
    }
done:
    if (group >= 0) H5Gclose(group);
    scp_names_destroy(&names);
    return st;
}

/* ---- frames ---- */

static scp_status describe_columns(const scp_frame *f, scp_h5ad_column_info **out, size_t *n)
{
    SCP_TRY(scp_alloc(f->n_columns, sizeof **out, out));
    *n = f->n_columns;
    for (size_t i = 0; i < f->n_columns; i++) {
        scp_h5ad_column_info *c = &(*out)[i];
        SCP_TRY(scp_strdup(f->column[i], &c->name));
        if (scp_frame_look(f, f->column[i], c) == SCP_OK) continue;
        snprintf(c->type, sizeof c->type, "not readable");
        scp_err_clear();
    }
    return SCP_OK;
}

static scp_status describe_frames(hid_t file, scp_h5ad_info *info)
{
    scp_status st = SCP_OK;
    scp_frame obs = { 0 }, var = { 0 };
    scp_h5ad_column_info genes = { 0 };
    SCP_GOTO(done, scp_frame_open(file, "obs", &obs));
    SCP_GOTO(done, scp_frame_open(file, "var", &var));
    info->n_obs = obs.n;
    info->n_vars = var.n;
    SCP_GOTO(done, scp_strdup(obs.index, &info->obs_index));
    SCP_GOTO(done, scp_strdup(var.index, &info->var_index));
    SCP_GOTO(done, describe_columns(&obs, &info->obs, &info->n_obs_columns));
    SCP_GOTO(done, describe_columns(&var, &info->var, &info->n_var_columns));
    SCP_GOTO(done, scp_frame_look(&var, var.index, &genes));
    info->gene = genes.label;
    info->n_genes = genes.n_shown;
done:
    scp_frame_fini(&obs);
    scp_frame_fini(&var);
    return st;
}

static const char *era_of(hid_t file)
{
    char *version = NULL;
    const char *era = "AnnData 0.8 or later";
    hid_t obs = H5I_INVALID_HID;
    if (scp_h5_is_dataset(file, "obs")) return "AnnData 0.5 or 0.6 (frames as compound tables)";
    if (scp_h5_group_open(file, "obs", &obs) == SCP_OK && !scp_h5_has_attr(file, "encoding-type")) {
        era = "unknown: neither root nor frames say how they are encoded";
        if (scp_h5_has_attr(obs, "encoding-version") &&
            scp_h5_attr_text(obs, "encoding-version", &version) == SCP_OK)
            era = strcmp(version, "0.1.0") == 0 ? "AnnData 0.7 (labels beside the frame)"
                                                : "parts of AnnData 0.8 or later";
    }
    free(version);
    if (obs >= 0) H5Gclose(obs);
    return era;
}

scp_status scp_h5ad_info_read(const char *path, scp_h5ad_info *info)
{
    SCP_ARG(path && info, "path and result are required");
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    int64_t bytes = 0;
    *info = (scp_h5ad_info){ 0 };
    SCP_GOTO(done, scp_h5_open(path, &file));
    SCP_GOTO(done, scp_fs_size(path, &bytes));
    info->bytes = (uint64_t)bytes;
    if (!scp_h5_exists(file, "obs") || !scp_h5_exists(file, "var"))
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: not an AnnData file: it has no obs or no var", path);
    info->era = era_of(file);
    SCP_GOTO(done, describe_frames(file, info));
    SCP_GOTO(done, add_matrix(file, "X", "X", info));
    SCP_GOTO(done,
             add_matrix(file, scp_h5_exists(file, "raw/X") ? "raw/X" : "raw.X", "raw/X", info));
    SCP_GOTO(done, add_layers(file, info));
done:
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

enum { PLACES = 16 };

/* Entries of dimension 0 that a sample takes at one place, and the numbers in each. */
static scp_status read_places(hid_t dset, size_t cap, double *value, size_t *n)
{
    int rank;
    size_t dims[SCP_H5_MAX_RANK];
    SCP_TRY(scp_h5_extent(dset, &rank, dims));
    size_t width = rank > 1 ? dims[1] : 1, all = dims[0];
    size_t each = width > 0 ? cap / PLACES / width : 0;
    if (all == 0 || width == 0 || width > cap) return SCP_OK;
    if (each == 0) each = 1;
    for (size_t i = 0, end = 0; i < PLACES && *n + each * width <= cap; i++) {
        size_t first = all / PLACES * i + all % PLACES * i / PLACES;
        if (first < end) first = end;
        end = first + each < all ? first + each : all;
        if (end == first) continue;
        SCP_TRY(scp_h5_read_slab(dset, H5T_NATIVE_DOUBLE, first, end - first, value + *n));
        *n += (end - first) * width;
    }
    return SCP_OK;
}

scp_status scp_h5ad_info_sample(const char *path, const scp_h5ad_matrix_info *m, size_t cap,
                                double *value, size_t *n)
{
    SCP_ARG(path && m && value && n, "path, matrix and results are required");
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID, dset = H5I_INVALID_HID;
    char name[1024];
    *n = 0;
    SCP_GOTO(done, scp_h5_open(path, &file));
    const char *at =
        strcmp(m->name, "raw/X") == 0 && !scp_h5_exists(file, "raw/X") ? "raw.X" : m->name;
    SCP_GOTO(done,
             scp_str_format(name, sizeof name, m->kind == SCP_H5AD_DENSE ? "%s" : "%s/data", at));
    SCP_GOTO(done, scp_h5_dataset_open_cached(file, name, &dset));
    SCP_GOTO(done, scp_h5_check_number(dset, false));
    SCP_GOTO(done, read_places(dset, cap, value, n));
done:
    if (dset >= 0) H5Dclose(dset);
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

static void columns_fini(scp_h5ad_column_info *c, size_t n)
{
    for (size_t i = 0; c && i < n; i++) {
        free(c[i].name);
        scp_fs_list_free(c[i].label, c[i].n_shown);
    }
    free(c);
}

void scp_h5ad_info_fini(scp_h5ad_info *info)
{
    if (!info) return;
    columns_fini(info->obs, info->n_obs_columns);
    columns_fini(info->var, info->n_var_columns);
    for (size_t i = 0; i < info->n_matrices; i++) free(info->matrix[i].name);
    free(info->matrix);
    scp_fs_list_free(info->gene, info->n_genes);
    free(info->obs_index);
    free(info->var_index);
    *info = (scp_h5ad_info){ 0 };
}

const scp_h5ad_column_info *scp_h5ad_info_obs(const scp_h5ad_info *info, const char *name)
{
    for (size_t i = 0; name && i < info->n_obs_columns; i++)
        if (strcmp(info->obs[i].name, name) == 0) return &info->obs[i];
    return NULL;
}
