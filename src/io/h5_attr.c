/* Attributes and text types: variable-length UTF-8 when written, any text type when read. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/h5.h"
#include "io/h5_chunk.h"
#include "io/h5_heap.h"
#include "io/h5_sound.h"
#include "io/h5_text.h"

scp_status scp_h5_text_type(hid_t *type)
{
    scp_status st = SCP_OK;
    SCP_H5ID_GOTO(done, *type, H5Tcopy(H5T_C_S1));
    SCP_H5_GOTO(done, H5Tset_size(*type, H5T_VARIABLE));
    SCP_H5_GOTO(done, H5Tset_cset(*type, H5T_CSET_UTF8));
done:
    if (st != SCP_OK && *type >= 0) {
        H5Tclose(*type);
        *type = H5I_INVALID_HID;
    }
    return st;
}

scp_status scp_h5_bool_type(hid_t *type)
{
    scp_status st = SCP_OK;
    int8_t no = 0, yes = 1;
    SCP_H5ID_GOTO(done, *type, H5Tenum_create(H5T_STD_I8LE));
    SCP_H5_GOTO(done, H5Tenum_insert(*type, "FALSE", &no));
    SCP_H5_GOTO(done, H5Tenum_insert(*type, "TRUE", &yes));
done:
    if (st != SCP_OK && *type >= 0) {
        H5Tclose(*type);
        *type = H5I_INVALID_HID;
    }
    return st;
}

bool scp_h5_has_attr(hid_t obj, const char *name)
{
    return H5Aexists(obj, name) > 0;
}

/* An open attribute and its size. */
typedef struct open_attr {
    hid_t id, type;
    size_t n;
    char where[1024]; /* "file:/object@name" for messages */
} open_attr;

static void attr_close(open_attr *a)
{
    if (a->type >= 0) H5Tclose(a->type);
    if (a->id >= 0) H5Aclose(a->id);
}

/* An attribute is stored as it is: one that claims more than the file has is damaged. */
static bool fits_file(const open_attr *a)
{
    hid_t file = H5Iget_file_id(a->id);
    size_t size = H5Tis_variable_str(a->type) > 0 ? SCP_H5_REFERENCE_BYTES : H5Tget_size(a->type);
    hsize_t bytes = 0;
    bool fits = file >= 0 && size > 0 && H5Fget_filesize(file, &bytes) >= 0 && a->n <= bytes / size;
    if (file >= 0) H5Fclose(file);
    return fits;
}

static scp_status attr_open(hid_t obj, const char *name, open_attr *a)
{
    scp_status st = SCP_OK;
    hid_t space = H5I_INVALID_HID;
    a->id = a->type = H5I_INVALID_HID;
    scp_h5_where(obj, NULL, a->where, sizeof a->where - 1);
    size_t used = strlen(a->where);
    a->where[used] = '@';
    strncpy(a->where + used + 1, name, sizeof a->where - used - 2);
    a->where[sizeof a->where - 1] = '\0';
    if (!scp_h5_has_attr(obj, name))
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: the attribute is missing", a->where);
    SCP_H5IDAT_GOTO(done, obj, NULL, a->id, H5Aopen(obj, name, H5P_DEFAULT));
    SCP_H5IDAT_GOTO(done, obj, NULL, a->type, H5Aget_type(a->id));
    SCP_H5IDAT_GOTO(done, obj, NULL, space, H5Aget_space(a->id));
    hssize_t n = H5Sget_simple_extent_npoints(space);
    if (n < 0) SCP_FAIL_GOTO(done, SCP_EDATA, "%s: the attribute has no size", a->where);
    a->n = (size_t)n;
    if (!fits_file(a))
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: %zu elements of %zu bytes: more than the file has",
                      a->where, a->n, H5Tget_size(a->type));
done:
    if (space >= 0) H5Sclose(space);
    if (st != SCP_OK) attr_close(a);
    return st;
}

static scp_status attr_transfer(void *ctx, hid_t type, void *buf)
{
    const open_attr *a = ctx;
    scp_status st = SCP_OK;
    bool seen = false;
    if (H5Tis_variable_str(type) > 0)
        SCP_TRY(scp_h5_attr_heap_texts(a->id, a->n, a->where, buf, &seen));
    if (seen) return SCP_OK;
    SCP_H5AT_GOTO(done, a->id, NULL, H5Aread(a->id, type, buf));
done:
    return st;
}

scp_status scp_h5_attr_texts(hid_t obj, const char *name, char ***out, size_t *n)
{
    open_attr a;
    scp_status st = SCP_OK;
    SCP_TRY(attr_open(obj, name, &a));
    *n = a.n;
    SCP_GOTO(done, scp_h5_take_texts(attr_transfer, &a, a.type, a.n, a.where, out));
done:
    attr_close(&a);
    return st;
}

scp_status scp_h5_attr_text(hid_t obj, const char *name, char **out)
{
    char **all = NULL, where[1024];
    size_t n = 0;
    SCP_TRY(scp_h5_attr_texts(obj, name, &all, &n));
    *out = NULL;
    if (n == 1) {
        *out = all[0];
        all[0] = NULL;
    }
    scp_fs_list_free(all, n);
    if (n != 1)
        SCP_FAIL(SCP_EDATA, "%s: attribute %s holds %zu texts, one is needed",
                 scp_h5_where(obj, NULL, where, sizeof where), name, n);
    return SCP_OK;
}

static scp_status attr_numbers(hid_t obj, const char *name, size_t n, hid_t type, void *out)
{
    open_attr a;
    scp_status st = SCP_OK;
    SCP_TRY(attr_open(obj, name, &a));
    if (a.n != n) SCP_FAIL_GOTO(done, SCP_EDATA, "%s: %zu values, %zu are needed", a.where, a.n, n);
    H5T_class_t class = H5Tget_class(a.type);
    if (class != H5T_INTEGER && class != H5T_ENUM &&
        (class != H5T_FLOAT || type != H5T_NATIVE_DOUBLE))
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: not %s", a.where,
                      type == H5T_NATIVE_DOUBLE ? "numbers" : "integers");
    SCP_GOTO(done, scp_h5_check_type(a.type, a.where));
    SCP_GOTO(done, attr_transfer(&a, type, out));
done:
    attr_close(&a);
    return st;
}

scp_status scp_h5_attr_link(hid_t obj, const char *name, char *link, size_t size)
{
    open_attr a;
    scp_status st = SCP_OK;
    hobj_ref_t ref;
    ssize_t len = -1;
    SCP_TRY(attr_open(obj, name, &a));
    if (a.n == 1 && H5Tequal(a.type, H5T_STD_REF_OBJ) > 0) {
        SCP_GOTO(done, attr_transfer(&a, H5T_STD_REF_OBJ, &ref));
        len = H5Rget_name(obj, H5R_OBJECT, &ref, link, size);
        H5Eclear2(H5E_DEFAULT);
    }
    if (len <= 0 || (size_t)len >= size) link[0] = '\0';
done:
    attr_close(&a);
    return st;
}

scp_status scp_h5_attr_i64(hid_t obj, const char *name, size_t n, int64_t *out)
{
    SCP_TRY(attr_numbers(obj, name, n, H5T_NATIVE_INT64, out));
    return SCP_OK;
}

scp_status scp_h5_attr_real(hid_t obj, const char *name, size_t n, double *out)
{
    SCP_TRY(attr_numbers(obj, name, n, H5T_NATIVE_DOUBLE, out));
    return SCP_OK;
}

/* Create an attribute and write it; n < 0 makes a scalar. */
static scp_status attr_set(hid_t obj, const char *name, hid_t type, int64_t n, const void *data)
{
    scp_status st = SCP_OK;
    hid_t space = H5I_INVALID_HID, attr = H5I_INVALID_HID;
    hsize_t dim = n < 0 ? 1 : (hsize_t)n;
    SCP_H5ID_GOTO(done, space, n < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dim, NULL));
    SCP_H5IDAT_GOTO(done, obj, name, attr,
                    H5Acreate2(obj, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
    if (dim > 0) SCP_H5AT_GOTO(done, obj, name, H5Awrite(attr, type, data));
done:
    if (attr >= 0) SCP_H5_KEEP(st, H5Aclose(attr));
    if (space >= 0) H5Sclose(space);
    return st;
}

scp_status scp_h5_set_text(hid_t obj, const char *name, const char *value)
{
    hid_t type;
    SCP_TRY(scp_h5_text_type(&type));
    scp_status st = attr_set(obj, name, type, -1, &value);
    H5Tclose(type);
    return st;
}

scp_status scp_h5_set_texts(hid_t obj, const char *name, const char *const *values, size_t n)
{
    hid_t type;
    SCP_TRY(scp_h5_text_type(&type));
    scp_status st = attr_set(obj, name, type, (int64_t)n, values);
    H5Tclose(type);
    return st;
}

scp_status scp_h5_set_i64(hid_t obj, const char *name, size_t n, const int64_t *values)
{
    SCP_TRY(attr_set(obj, name, H5T_NATIVE_INT64, n ? (int64_t)n : -1, values));
    return SCP_OK;
}

scp_status scp_h5_set_real(hid_t obj, const char *name, size_t n, const double *values)
{
    SCP_TRY(attr_set(obj, name, H5T_NATIVE_DOUBLE, n ? (int64_t)n : -1, values));
    return SCP_OK;
}

scp_status scp_h5_set_bool(hid_t obj, const char *name, bool value)
{
    hid_t type;
    int8_t byte = value;
    SCP_TRY(scp_h5_bool_type(&type));
    scp_status st = attr_set(obj, name, type, -1, &byte);
    H5Tclose(type);
    return st;
}
