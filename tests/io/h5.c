/* HDF5 helpers on one process: errors carry HDF5's words, texts of every kind, slabs, layouts. */
#include "io/h5.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "tap.h"

static char path[SCP_PATH_MAX];

static scp_status call_that_fails(void)
{
    SCP_H5(H5Gopen2(H5I_INVALID_HID, "nowhere", H5P_DEFAULT));
    return SCP_OK;
}

static void errors(void)
{
    hid_t file;
    tap_fails(scp_h5_open("/nonexistent/x.h5", &file), SCP_ENOINPUT, "/nonexistent/x.h5",
              "a missing file is named");
    tap_fails(scp_h5_create("/nonexistent/x.h5", &file), SCP_EIO, "/nonexistent/x.h5",
              "a folder that does not exist is an input/output error");
    scp_status st = scp_fs_write_text(path, "not HDF5", 8);
    tap_st(st, "text file written");
    tap_fails(scp_h5_open(path, &file), SCP_EDATA, path, "a text file is not HDF5");
    st = call_that_fails();
    tap_ok(st != SCP_OK && strstr(scp_err_chain(), "H5Gopen2(H5I_INVALID_HID"),
           "the chain holds the literal call");
    tap_ok(strstr(scp_err_message(), "not a location") != NULL, "and HDF5's reason");
    scp_err_clear();
}

static void texts(hid_t file)
{
    const char *words[] = { "", "γ-Oryzanol", "a, b/c (d)", "x\ny" };
    char **back = NULL, *one = NULL;
    size_t n = 0;
    tap_st(scp_h5_write_texts(file, "words", words, 4, NULL), "texts written");
    tap_st(scp_h5_read_texts(file, "words", &back, &n), "texts read");
    bool same = n == 4;
    for (size_t i = 0; same && i < n; i++) same = strcmp(back[i], words[i]) == 0;
    tap_ok(same, "texts come back byte for byte");
    scp_fs_list_free(back, n);
    tap_st(scp_h5_write_text(file, "one", "18β"), "scalar text written");
    tap_st(scp_h5_read_text(file, "one", &one), "scalar text read");
    tap_text(one, "18β", "scalar text comes back");
    free(one);
    tap_fails(scp_h5_read_text(file, "words", &one), SCP_EDATA, ":/words",
              "an array is not one text, and the message names the object");

    hid_t type = H5Tcopy(H5T_C_S1);
    size_t dim = 3;
    H5Tset_size(type, 4);
    H5Tset_strpad(type, H5T_STR_SPACEPAD);
    tap_st(scp_h5_write(file, "fixed", type, 1, &dim, NULL, "ab  cdef    "), "fixed texts written");
    tap_st(scp_h5_read_texts(file, "fixed", &back, &n), "fixed texts read");
    tap_ok(n == 3 && !strcmp(back[0], "ab") && !strcmp(back[1], "cdef") && !strcmp(back[2], ""),
           "padding of fixed texts is removed");
    scp_fs_list_free(back, n);
    H5Tclose(type);
    tap_st(scp_h5_write_texts(file, "none", NULL, 0, NULL), "empty array written");
    tap_st(scp_h5_read_texts(file, "none", &back, &n), "empty array read");
    tap_ok(n == 0 && back, "an empty array is a list of none");
    scp_fs_list_free(back, n);
}

/* n references to the object itself. */
static void set_references(hid_t obj, const char *name, hsize_t n)
{
    hobj_ref_t ref[2];
    hid_t space = H5Screate_simple(1, &n, NULL);
    hid_t attr = H5Acreate2(obj, name, H5T_STD_REF_OBJ, space, H5P_DEFAULT, H5P_DEFAULT);
    bool fine = H5Rcreate(&ref[0], obj, ".", H5R_OBJECT, H5I_INVALID_HID) >= 0 &&
                H5Rcreate(&ref[1], obj, ".", H5R_OBJECT, H5I_INVALID_HID) >= 0 &&
                H5Awrite(attr, H5T_STD_REF_OBJ, ref) >= 0;
    tap_ok(fine, "%s: references set", name);
    H5Aclose(attr);
    H5Sclose(space);
}

static void attributes(hid_t file)
{
    hid_t group;
    const char *names[] = { "drug", "cell_line" };
    int64_t shape[2] = { 7, 1234567890123 }, got[2] = { 0 }, one = 0;
    double real = 0;
    char **back = NULL, *text = NULL, link[64] = "?";
    size_t n = 0;
    tap_st(scp_h5_group_create(file, "a/b", &group), "group and parent created");
    tap_st(scp_h5_set_text(group, "encoding-type", "dataframe"), "text set");
    tap_st(scp_h5_set_texts(group, "column-order", names, 2), "texts set");
    tap_st(scp_h5_set_texts(group, "empty", NULL, 0), "empty texts set");
    tap_st(scp_h5_set_i64(group, "shape", 2, shape), "integers set");
    tap_st(scp_h5_set_i64(group, "one", 0, &shape[1]), "scalar integer set");
    tap_st(scp_h5_set_real(group, "real", 0, &(double){ 0.25 }), "scalar real set");
    tap_st(scp_h5_set_bool(group, "ordered", true), "boolean set");
    tap_st(scp_h5_attr_text(group, "encoding-type", &text), "text read");
    tap_text(text, "dataframe", "text attribute comes back");
    free(text);
    tap_st(scp_h5_attr_texts(group, "column-order", &back, &n), "texts read");
    tap_ok(n == 2 && !strcmp(back[1], "cell_line"), "text array attribute comes back");
    scp_fs_list_free(back, n);
    tap_st(scp_h5_attr_texts(group, "empty", &back, &n), "empty texts read");
    tap_ok(n == 0, "empty text array attribute comes back");
    scp_fs_list_free(back, n);
    tap_st(scp_h5_attr_i64(group, "shape", 2, got), "integers read");
    tap_ok(got[0] == 7 && got[1] == shape[1], "64-bit integers come back");
    tap_st(scp_h5_attr_i64(group, "ordered", 1, &one), "a boolean reads as an integer");
    tap_ok(one == 1, "and is 1");
    tap_st(scp_h5_attr_real(group, "real", 1, &real), "real read");
    tap_near(real, 0.25, 0, "real attribute comes back");
    tap_fails(scp_h5_attr_i64(group, "shape", 3, got), SCP_EDATA, "@shape",
              "wrong count is refused");
    tap_st(scp_h5_attr_link(group, "shape", link, sizeof link), "integers as a reference");
    tap_text(link, "", "are none");
    set_references(group, "two", 2);
    tap_st(scp_h5_attr_link(group, "two", link, sizeof link), "two references");
    tap_text(link, "", "are not one, and nothing is written beyond it");
    set_references(group, "categories", 1);
    tap_st(scp_h5_attr_link(group, "categories", link, sizeof link), "one reference");
    tap_text(link, "/a/b", "leads to its object");
    tap_fails(scp_h5_attr_i64(group, "nope", 1, got), SCP_EDATA, "/a/b@nope", "missing is named");
    tap_fails(scp_h5_attr_text(group, "one", &text), SCP_EDATA, "text was expected",
              "a number is not a text");
    tap_ok(scp_h5_exists(file, "a/b") && !scp_h5_exists(file, "a/c/d") &&
               !scp_h5_exists(file, "z/b"),
           "existence along a path");
    tap_ok(scp_h5_is_group(file, "a") && !scp_h5_is_dataset(file, "a") &&
               scp_h5_is_dataset(file, "words"),
           "kinds of objects");
    H5Gclose(group);
}

static void arrays(hid_t file)
{
    enum { R = 10, C = 3 };
    double x[R][C], back[R][C] = { { 0 } };
    float narrow[2] = { 0 };
    size_t dims[2] = { R, C }, wrong[2] = { C, R }, got[SCP_H5_MAX_RANK], dim = 2;
    int rank = 0;
    hid_t dset = H5I_INVALID_HID;
    scp_h5_layout layout = { .chunk = { 4, 100 }, .shuffle = true, .deflate = 4 };
    for (int i = 0; i < R * C; i++) x[i / C][i % C] = i * 0.5;
    tap_st(scp_h5_write(file, "x", H5T_NATIVE_DOUBLE, 2, dims, &layout, x), "matrix written");
    tap_st(scp_h5_read(file, "x", H5T_NATIVE_DOUBLE, 2, dims, back), "matrix read");
    tap_ok(memcmp(x, back, sizeof x) == 0, "matrix comes back");
    tap_fails(scp_h5_read(file, "x", H5T_NATIVE_DOUBLE, 2, wrong, back), SCP_EDATA,
              "[10, 3], expected [3, 10]", "both shapes are named");
    tap_fails(scp_h5_read(file, "words", H5T_NATIVE_DOUBLE, 1, (size_t[]){ 4 }, back), SCP_EDATA,
              "numbers were expected", "text is not numbers");
    tap_st(scp_h5_dataset_open(file, "x", &dset), "dataset opened");
    tap_st(scp_h5_extent(dset, &rank, got), "extent");
    tap_ok(rank == 2 && got[0] == R && got[1] == C, "extent is 10 x 3");
    tap_st(scp_h5_read_slab(dset, H5T_NATIVE_DOUBLE, 4, 3, back), "rows 4..6 read");
    tap_ok(memcmp(back, x[4], sizeof x[0] * 3) == 0, "rows 4..6 are right");
    tap_st(scp_h5_read_slab(dset, H5T_NATIVE_DOUBLE, R, 0, NULL), "an empty slab is fine");
    tap_fails(scp_h5_read_slab(dset, H5T_NATIVE_DOUBLE, 8, 3, back), SCP_EINTERNAL, "[8, 11) of 10",
              "a slab that leaves the dataset");
    H5Dclose(dset);

    layout.grows = true;
    tap_st(
        scp_h5_dataset_create(file, "grown", H5T_NATIVE_FLOAT, 1, (size_t[]){ 0 }, &layout, &dset),
        "growing dataset created");
    tap_st(scp_h5_append(dset, H5T_NATIVE_FLOAT, 1, &(float){ 1.5f }), "append one");
    tap_st(scp_h5_append(dset, H5T_NATIVE_FLOAT, 1, &(float){ 2.5f }), "append another");
    H5Dclose(dset);
    tap_st(scp_h5_read(file, "grown", H5T_NATIVE_FLOAT, 1, &dim, narrow), "grown read");
    tap_ok(narrow[0] == 1.5f && narrow[1] == 2.5f, "grown dataset holds both");
    tap_st(scp_h5_write(file, "empty", H5T_NATIVE_FLOAT, 2, (size_t[]){ 0, 5 }, &layout, NULL),
           "a matrix without rows is written");

    int64_t i = 0;
    double r = 0;
    tap_st(scp_h5_write_i64(file, "i", -5), "integer scalar written");
    tap_st(scp_h5_read_i64(file, "i", &i), "integer scalar read");
    tap_st(scp_h5_write_real(file, "r", 0.1), "real scalar written");
    tap_st(scp_h5_read_real(file, "r", &r), "real scalar read");
    tap_ok(i == -5 && r == 0.1, "scalars come back");
    tap_fails(scp_h5_write_i64(file, "i", 3), SCP_EDATA, ":/i", "a name is used once");
}

/* A dataset of 12 bytes whose only chunk is stored as given, under a filter. HDF5 lets one create a
 * dataset with a filter that is absent, but not with one that can only decode. */
static void raw_chunk(hid_t file, const char *name, H5Z_filter_t filter, const void *bytes,
                      size_t n)
{
    hsize_t dim = 12, zero = 0;
    const unsigned client[3] = { 4, 0x0105, 12 }; /* as h5py stores them for LZF */
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &dim, NULL);
    if (H5Zfilter_avail(filter) > 0) H5Zunregister(filter);
    H5Pset_chunk(dcpl, 1, &dim);
    H5Pset_filter(dcpl, filter, H5Z_FLAG_OPTIONAL, 3, client);
    hid_t dset = H5Dcreate2(file, name, H5T_NATIVE_UINT8, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    tap_ok(dset >= 0 && H5Dwrite_chunk(dset, H5P_DEFAULT, 0, &zero, n, bytes) >= 0,
           "dataset with filter %d made", (int)filter);
    H5Dclose(dset);
    H5Sclose(space);
    H5Pclose(dcpl);
    tap_st(scp_h5_init(), "filters are back");
}

/* LZF is read; a filter that HDF5 does not have is named before anything is read. */
static void filters(hid_t file)
{
    /* "abc" as a literal run of 3, then 9 bytes from 3 back (LZF's format) */
    const uint8_t good[] = { 2, 'a', 'b', 'c', 7 << 5, 0, 2 };
    const uint8_t far[] = { 2, 'a', 'b', 'c', 7 << 5, 0, 3 }, cut[] = { 2, 'a', 'b', 'c', 7 << 5 };
    const uint8_t longer[] = { 2, 'a', 'b', 'c', 7 << 5, 1, 2 };
    uint8_t v[12];
    size_t n = 12;
    raw_chunk(file, "lzf", 32000, good, sizeof good);
    tap_st(scp_h5_read(file, "lzf", H5T_NATIVE_UINT8, 1, &n, v), "LZF chunk read");
    tap_ok(memcmp(v, "abcabcabcabc", 12) == 0, "LZF chunk is right");
    raw_chunk(file, "far", 32000, far, sizeof far);
    tap_fails(scp_h5_read(file, "far", H5T_NATIVE_UINT8, 1, &n, v), SCP_EDATA, ":/far",
              "LZF that refers to before its beginning");
    raw_chunk(file, "cut", 32000, cut, sizeof cut);
    tap_fails(scp_h5_read(file, "cut", H5T_NATIVE_UINT8, 1, &n, v), SCP_EDATA, ":/cut",
              "LZF cut off");
    raw_chunk(file, "longer", 32000, longer, sizeof longer);
    tap_fails(scp_h5_read(file, "longer", H5T_NATIVE_UINT8, 1, &n, v), SCP_EDATA, ":/longer",
              "LZF longer than the chunk");
    raw_chunk(file, "zstd", 32015, good, sizeof good);
    tap_fails(scp_h5_read(file, "zstd", H5T_NATIVE_UINT8, 1, &n, v), SCP_EDATA, "filter 32015",
              "a filter that is not there is named");
}

int main(void)
{
    hid_t file = H5I_INVALID_HID;
    tap_st(scp_fs_join(path, sizeof path, tap_tmpdir(), "t.h5"), "temporary name");
    tap_st(scp_h5_init(), "HDF5 starts");
    errors();
    tap_st(scp_h5_create(path, &file), "file created");
    texts(file);
    attributes(file);
    arrays(file);
    filters(file);
    tap_ok(H5Fget_obj_count(file, H5F_OBJ_ALL) == 1, "only the file itself is open");
    tap_st(scp_h5_close(&file), "file closed");
    tap_ok(file < 0, "handle is invalid after closing");
    tap_st(scp_h5_open(path, &file), "file opened again");
    tap_ok(scp_h5_exists(file, "a/b"), "content is there");
    tap_st(scp_h5_close(&file), "closed again");
    return tap_done();
}
