/* Datasets: creation, whole transfers, slabs of dimension 0. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/h5.h"
#include "io/h5_heap.h"
#include "io/h5_slab.h"
#include "io/h5_sound.h"
#include "io/h5_text.h"

scp_status scp_h5_extent(hid_t dset, int *rank, size_t dims[SCP_H5_MAX_RANK])
{
    scp_status st = SCP_OK;
    hid_t space = H5I_INVALID_HID;
    hsize_t ext[H5S_MAX_RANK];
    char where[1024];
    SCP_H5IDAT_GOTO(done, dset, NULL, space, H5Dget_space(dset));
    int n = H5Sget_simple_extent_dims(space, ext, NULL);
    if (n < 0 || n > SCP_H5_MAX_RANK || H5Sget_simple_extent_type(space) == H5S_NULL)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: not an array of 0 to %d dimensions",
                      scp_h5_where(dset, NULL, where, sizeof where), SCP_H5_MAX_RANK);
    *rank = n;
    for (int d = 0; d < SCP_H5_MAX_RANK; d++) dims[d] = d < n ? (size_t)ext[d] : 1;
done:
    if (space >= 0) H5Sclose(space);
    return st;
}

/* Creation properties of a layout; dims decide where a chunk is cut. */
static scp_status creation(int rank, const size_t *dims, const scp_h5_layout *layout, hid_t *dcpl)
{
    scp_status st = SCP_OK;
    hsize_t chunk[SCP_H5_MAX_RANK];
    bool empty = false;
    SCP_H5ID_GOTO(done, *dcpl, H5Pcreate(H5P_DATASET_CREATE));
    SCP_H5_GOTO(done, H5Pset_obj_track_times(*dcpl, false)); /* equal content, equal bytes */
    if (rank == 0 || !layout || layout->chunk[0] == 0) goto done;
    for (int d = 0; d < rank; d++) {
        bool free_end = d == 0 && layout->grows;
        chunk[d] = layout->chunk[d] && (free_end || layout->chunk[d] < dims[d]) ? layout->chunk[d]
                                                                                : dims[d];
        if (free_end && chunk[d] == 0) chunk[d] = 1;
        empty |= chunk[d] == 0;
    }
    if (empty) goto done; /* nothing to store: contiguous */
    SCP_H5_GOTO(done, H5Pset_chunk(*dcpl, rank, chunk));
    if (layout->shuffle) SCP_H5_GOTO(done, H5Pset_shuffle(*dcpl));
    if (layout->deflate) SCP_H5_GOTO(done, H5Pset_deflate(*dcpl, (unsigned)layout->deflate));
done:
    return st;
}

scp_status scp_h5_dataset_create(hid_t loc, const char *name, hid_t type, int rank,
                                 const size_t *dims, const scp_h5_layout *layout, hid_t *dset)
{
    SCP_ARG(rank >= 0 && rank <= SCP_H5_MAX_RANK, "a dataset has 0 to %d dimensions",
            SCP_H5_MAX_RANK);
    scp_status st = SCP_OK;
    hid_t dcpl = H5I_INVALID_HID, lcpl = H5I_INVALID_HID, space = H5I_INVALID_HID,
          id = H5I_INVALID_HID;
    hsize_t ext[SCP_H5_MAX_RANK], max[SCP_H5_MAX_RANK];
    for (int d = 0; d < rank; d++) ext[d] = max[d] = dims[d];
    if (layout && layout->grows) max[0] = H5S_UNLIMITED;
    SCP_GOTO(done, creation(rank, dims, layout, &dcpl));
    SCP_GOTO(done, scp_h5_parents(&lcpl));
    SCP_H5ID_GOTO(done, space, rank ? H5Screate_simple(rank, ext, max) : H5Screate(H5S_SCALAR));
    SCP_H5IDAT_GOTO(done, loc, name, id,
                    H5Dcreate2(loc, name, type, space, lcpl, dcpl, H5P_DEFAULT));
done:
    if (space >= 0) H5Sclose(space);
    if (lcpl >= 0) H5Pclose(lcpl);
    if (dcpl >= 0) H5Pclose(dcpl);
    if (dset)
        *dset = id;
    else if (id >= 0)
        SCP_H5_KEEP(st, H5Dclose(id));
    return st;
}

scp_status scp_h5_write(hid_t loc, const char *name, hid_t type, int rank, const size_t *dims,
                        const scp_h5_layout *layout, const void *data)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    size_t n = 1;
    for (int d = 0; d < rank; d++) n *= dims[d];
    SCP_GOTO(done, scp_h5_dataset_create(loc, name, type, rank, dims, layout, &dset));
    if (n > 0)
        SCP_H5AT_GOTO(done, loc, name, H5Dwrite(dset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    return st;
}

scp_status scp_h5_check_number(hid_t dset, bool integer)
{
    scp_status st = SCP_OK;
    hid_t type = H5Dget_type(dset);
    H5T_class_t class = type >= 0 ? H5Tget_class(type) : H5T_NO_CLASS;
    char where[1024];
    scp_h5_where(dset, NULL, where, sizeof where);
    if (type >= 0) st = scp_h5_check_type(type, where);
    if (type >= 0) H5Tclose(type);
    SCP_TRY(st);
    if (class != H5T_INTEGER && class != H5T_ENUM && (integer || class != H5T_FLOAT))
        SCP_FAIL(SCP_EDATA, "%s: %s were expected, but it holds another type", where,
                 integer ? "integers" : "numbers");
    return SCP_OK;
}

static scp_status check_extent(hid_t dset, int rank, const size_t *dims)
{
    int have_rank = 0;
    size_t have[SCP_H5_MAX_RANK];
    char where[1024], shape[2][96];
    SCP_TRY(scp_h5_extent(dset, &have_rank, have));
    bool same = have_rank == rank;
    for (int d = 0; same && d < rank; d++) same = have[d] == dims[d];
    if (same) return SCP_OK;
    for (int k = 0; k < 2; k++) {
        const size_t *v = k ? dims : have;
        int r = k ? rank : have_rank, used = 0;
        shape[k][0] = '\0';
        for (int d = 0; d < r; d++)
            used += snprintf(shape[k] + used, sizeof shape[k] - (size_t)used, "%s%zu",
                             d ? ", " : "", v[d]);
    }
    SCP_FAIL(SCP_EDATA, "%s: the shape is [%s], expected [%s]",
             scp_h5_where(dset, NULL, where, sizeof where), shape[0], shape[1]);
}

scp_status scp_h5_read(hid_t loc, const char *name, hid_t type, int rank, const size_t *dims,
                       void *data)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    size_t n = 1;
    for (int d = 0; d < rank; d++) n *= dims[d];
    SCP_GOTO(done, scp_h5_dataset_open(loc, name, &dset));
    SCP_GOTO(done, check_extent(dset, rank, dims));
    if (H5Tget_class(type) == H5T_INTEGER || H5Tget_class(type) == H5T_FLOAT)
        SCP_GOTO(done, scp_h5_check_number(dset, H5Tget_class(type) == H5T_INTEGER));
    if (n > 0)
        SCP_H5AT_GOTO(done, loc, name, H5Dread(dset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
done:
    if (dset >= 0) H5Dclose(dset);
    return st;
}

scp_status scp_h5_write_i64(hid_t loc, const char *name, int64_t value)
{
    SCP_TRY(scp_h5_write(loc, name, H5T_NATIVE_INT64, 0, NULL, NULL, &value));
    return SCP_OK;
}

scp_status scp_h5_read_i64(hid_t loc, const char *name, int64_t *out)
{
    SCP_TRY(scp_h5_read(loc, name, H5T_NATIVE_INT64, 0, NULL, out));
    return SCP_OK;
}

scp_status scp_h5_write_real(hid_t loc, const char *name, double value)
{
    SCP_TRY(scp_h5_write(loc, name, H5T_NATIVE_DOUBLE, 0, NULL, NULL, &value));
    return SCP_OK;
}

scp_status scp_h5_read_real(hid_t loc, const char *name, double *out)
{
    SCP_TRY(scp_h5_read(loc, name, H5T_NATIVE_DOUBLE, 0, NULL, out));
    return SCP_OK;
}

/* ---- texts ---- */

static scp_status text_transfer(void *ctx, hid_t type, void *buf)
{
    const hid_t *dset = ctx;
    scp_status st = SCP_OK;
    SCP_H5AT_GOTO(done, *dset, NULL, H5Dread(*dset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buf));
done:
    return st;
}

static scp_status read_texts(hid_t loc, const char *name, int want_rank, char ***out, size_t *n)
{
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID, type = H5I_INVALID_HID;
    size_t dims[SCP_H5_MAX_RANK];
    int rank = 0;
    char where[1024];
    *out = NULL;
    SCP_GOTO(done, scp_h5_dataset_open(loc, name, &dset));
    scp_h5_where(dset, NULL, where, sizeof where);
    SCP_GOTO(done, scp_h5_extent(dset, &rank, dims));
    if (rank != want_rank)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: %s text was expected, it has %d dimensions", where,
                      want_rank ? "an array of" : "one", rank);
    SCP_H5IDAT_GOTO(done, loc, name, type, H5Dget_type(dset));
    *n = dims[0];
    SCP_GOTO(done, scp_h5_check_texts(dset, 0, dims[0]));
    SCP_GOTO(done, scp_h5_take_texts(text_transfer, &dset, type, dims[0], where, out));
done:
    if (type >= 0) H5Tclose(type);
    if (dset >= 0) H5Dclose(dset);
    return st;
}

scp_status scp_h5_read_texts(hid_t loc, const char *name, char ***out, size_t *n)
{
    SCP_TRY(read_texts(loc, name, 1, out, n));
    return SCP_OK;
}

scp_status scp_h5_read_text(hid_t loc, const char *name, char **out)
{
    char **one = NULL;
    size_t n = 0;
    *out = NULL;
    SCP_TRY(read_texts(loc, name, 0, &one, &n));
    *out = one[0];
    free(one);
    return SCP_OK;
}

scp_status scp_h5_write_texts(hid_t loc, const char *name, const char *const *values, size_t n,
                              const scp_h5_layout *layout)
{
    hid_t type;
    SCP_TRY(scp_h5_text_type(&type));
    scp_status st = scp_h5_write(loc, name, type, 1, &n, layout, values);
    H5Tclose(type);
    return st;
}

scp_status scp_h5_write_text(hid_t loc, const char *name, const char *value)
{
    hid_t type;
    SCP_TRY(scp_h5_text_type(&type));
    scp_status st = scp_h5_write(loc, name, type, 0, NULL, NULL, &value);
    H5Tclose(type);
    return st;
}
