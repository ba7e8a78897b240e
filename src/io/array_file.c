/* Named arrays in a plain HDF5 file, see array_file.h. */
#include "io/array_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/h5.h"

enum { CHUNK_BYTES = 1 << 18, DEFLATE = 1 };

struct scp_array_file {
    hid_t file, growing; /* growing: dataset that append writes to, or invalid */
    char name[256];      /* of the growing dataset */
    char path[SCP_PATH_MAX], tmp[SCP_PATH_MAX]; /* tmp "": opened for reading */
};

static hid_t memory_type(scp_array_type type)
{
    switch (type) {
    case SCP_ARRAY_F32:
        return H5T_NATIVE_FLOAT;
    case SCP_ARRAY_F64:
        return H5T_NATIVE_DOUBLE;
    case SCP_ARRAY_I32:
        return H5T_NATIVE_INT32;
    case SCP_ARRAY_I64:
        return H5T_NATIVE_INT64;
    }
    return H5I_INVALID_HID;
}

static size_t type_size(scp_array_type type)
{
    return type == SCP_ARRAY_F32 || type == SCP_ARRAY_I32 ? 4 : 8;
}

static scp_status new_file(const char *path, scp_array_file **out)
{
    SCP_ARG(path && out, "path and output are required");
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    (*out)->file = (*out)->growing = H5I_INVALID_HID;
    return scp_str_format((*out)->path, sizeof(*out)->path, "%s", path);
}

scp_status scp_array_file_create(const char *path, scp_array_file **out)
{
    scp_status st = SCP_OK;
    SCP_GOTO(fail, new_file(path, out));
    SCP_GOTO(fail, scp_fs_tmp_name((*out)->tmp, sizeof(*out)->tmp, path));
    SCP_GOTO(fail, scp_h5_create((*out)->tmp, &(*out)->file));
    return SCP_OK;
fail:
    if (out) scp_array_file_close(out);
    return st;
}

scp_status scp_array_file_open(const char *path, scp_array_file **out)
{
    scp_status st = SCP_OK;
    SCP_GOTO(fail, new_file(path, out));
    SCP_GOTO(fail, scp_h5_open(path, &(*out)->file));
    return SCP_OK;
fail:
    if (out) scp_array_file_close(out);
    return st;
}

static scp_status stop_growing(scp_array_file *f)
{
    scp_status st = SCP_OK;
    if (f->growing >= 0) SCP_H5_KEEP(st, H5Dclose(f->growing));
    f->growing = H5I_INVALID_HID;
    return st;
}

scp_status scp_array_file_put(scp_array_file *f, const char *name, scp_array_type type, int rank,
                              const size_t *dims, const void *data)
{
    SCP_ARG(f && name && data, "file, name and data are required");
    return scp_h5_write(f->file, name, memory_type(type), rank, dims, NULL, data);
}

scp_status scp_array_file_append(scp_array_file *f, const char *name, scp_array_type type, size_t n,
                                 size_t width, const void *rows)
{
    SCP_ARG(f && name && rows && width, "file, name and rows are required");
    if (f->growing < 0 || strcmp(f->name, name) != 0) {
        size_t dims[2] = { 0, width }, deep = CHUNK_BYTES / (width * type_size(type));
        scp_h5_layout layout = {
            .chunk = { deep ? deep : 1, width }, .shuffle = true, .deflate = DEFLATE, .grows = true
        };
        SCP_TRY(stop_growing(f));
        SCP_TRY(scp_str_format(f->name, sizeof f->name, "%s", name));
        SCP_TRY(
            scp_h5_dataset_create(f->file, name, memory_type(type), 2, dims, &layout, &f->growing));
    }
    return scp_h5_append(f->growing, memory_type(type), n, rows);
}

scp_status scp_array_file_put_text(scp_array_file *f, const char *name, const char *text)
{
    return scp_h5_write_text(f->file, name, text);
}

scp_status scp_array_file_put_texts(scp_array_file *f, const char *name, const char *const *text,
                                    size_t n)
{
    return scp_h5_write_texts(f->file, name, text, n, NULL);
}

scp_status scp_array_file_get(scp_array_file *f, const char *name, scp_array_type type,
                              size_t dims[3], void **data)
{
    SCP_ARG(f && name && dims && data, "file, name and outputs are required");
    scp_status st = SCP_OK;
    hid_t dset = H5I_INVALID_HID;
    int rank = 0;
    *data = NULL;
    SCP_GOTO(done, scp_h5_dataset_open(f->file, name, &dset));
    SCP_GOTO(done, scp_h5_extent(dset, &rank, dims));
    SCP_GOTO(done, scp_alloc(dims[0] * dims[1] * dims[2], type_size(type), data));
    SCP_GOTO(done, scp_h5_read(f->file, name, memory_type(type), rank, dims, *data));
done:
    if (dset >= 0) SCP_H5_KEEP(st, H5Dclose(dset));
    if (st != SCP_OK) {
        free(*data);
        *data = NULL;
    }
    return st;
}

scp_status scp_array_file_get_texts(scp_array_file *f, const char *name, char ***out, size_t *n)
{
    return scp_h5_read_texts(f->file, name, out, n);
}

scp_status scp_array_file_commit(scp_array_file **fp)
{
    SCP_ARG(fp && *fp && (*fp)->tmp[0], "a file that is being written is required");
    scp_array_file *f = *fp;
    scp_status st = stop_growing(f);
    SCP_KEEP(st, scp_h5_close(&f->file));
    if (st == SCP_OK) st = scp_fs_commit(f->tmp, f->path);
    if (st == SCP_OK) f->tmp[0] = '\0';
    scp_array_file_close(fp);
    return st;
}

void scp_array_file_close(scp_array_file **fp)
{
    scp_array_file *f = fp ? *fp : NULL;
    if (!f) return;
    if (f->growing >= 0) H5Dclose(f->growing);
    if (f->file >= 0) {
        scp_status ignored = scp_h5_close(&f->file); /* nothing of it is kept */
        (void)ignored;
    }
    if (f->tmp[0]) scp_fs_remove(f->tmp);
    free(f);
    *fp = NULL;
}
