/* Named arrays in a file: what is written comes back, in any numeric type; nothing without a
 * commit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "io/array_file.h"
#include "tap.h"

static char path[4200];

static void test_write(void)
{
    scp_array_file *f = NULL;
    const double real[6] = { 0, 1, 2.5, -3, 4, 5 }, one = 7.25;
    const int32_t rows[4][3] = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 }, { 10, 11, 12 } };
    const char *const names[2] = { "first", "\xce\xb3-second" };
    if (!tap_st(scp_array_file_create(path, &f), "create")) return;
    tap_ok(!scp_fs_exists(path), "nothing under the name yet");
    tap_st(scp_array_file_put(f, "group/real", SCP_ARRAY_F64, 2, (size_t[]){ 2, 3 }, real),
           "matrix");
    tap_st(scp_array_file_put(f, "one", SCP_ARRAY_F64, 0, NULL, &one), "scalar");
    tap_st(scp_array_file_append(f, "group/rows", SCP_ARRAY_I32, 1, 3, rows), "first row");
    tap_st(scp_array_file_append(f, "group/rows", SCP_ARRAY_I32, 3, 3, rows[1]), "three more");
    tap_st(scp_array_file_append(f, "other", SCP_ARRAY_I32, 2, 6, rows), "another growing matrix");
    tap_st(scp_array_file_put_texts(f, "group/names", names, 2), "texts");
    tap_st(scp_array_file_put_text(f, "note", "made by a test"), "text");
    tap_st(scp_array_file_commit(&f), "commit");
    tap_ok(f == NULL && scp_fs_exists(path), "the file is there");
}

static void test_read(void)
{
    scp_array_file *f = NULL;
    double *real = NULL, *one = NULL;
    int64_t *rows = NULL, *other = NULL;
    char **names = NULL;
    size_t dims[3], n = 0;
    if (!tap_st(scp_array_file_open(path, &f), "open")) return;
    if (tap_st(scp_array_file_get(f, "group/real", SCP_ARRAY_F64, dims, (void **)&real), "matrix"))
        tap_ok(dims[0] == 2 && dims[1] == 3 && dims[2] == 1 && real[2] == 2.5 && real[5] == 5,
               "as it was written");
    if (tap_st(scp_array_file_get(f, "one", SCP_ARRAY_F64, dims, (void **)&one), "scalar"))
        tap_ok(*one == 7.25, "as it was written");
    bool good = tap_st(scp_array_file_get(f, "group/rows", SCP_ARRAY_I64, dims, (void **)&rows),
                       "32-bit integers read as 64-bit");
    for (int i = 0; good && i < 12; i++) good = rows[i] == i + 1;
    tap_ok(good && dims[0] == 4 && dims[1] == 3, "four rows in order");
    if (tap_st(scp_array_file_get(f, "other", SCP_ARRAY_I64, dims, (void **)&other), "the other"))
        tap_ok(dims[0] == 2 && dims[1] == 6 && other[11] == 12, "two rows of six");
    if (tap_st(scp_array_file_get_texts(f, "group/names", &names, &n), "texts"))
        tap_ok(n == 2 && strcmp(names[1], "\xce\xb3-second") == 0, "in UTF-8");
    void *none = NULL;
    tap_fails(scp_array_file_get(f, "missing", SCP_ARRAY_F64, dims, &none), SCP_EDATA, "missing",
              "an array that is not there is named");
    tap_ok(none == NULL, "and gives nothing");
    scp_array_file_close(&f);
    scp_fs_list_free(names, n);
    free(real);
    free(one);
    free(rows);
    free(other);
}

static void test_abandon(void)
{
    scp_array_file *f = NULL;
    char left[4300], **names = NULL;
    const float x = 1.0f;
    size_t n = 0;
    snprintf(left, sizeof left, "%s/abandoned", tap_tmpdir());
    tap_st(scp_fs_mkdirs(left), "a folder");
    strncat(left, "/x.h5", sizeof left - strlen(left) - 1);
    tap_st(scp_array_file_create(left, &f), "create");
    tap_st(scp_array_file_append(f, "x", SCP_ARRAY_F32, 1, 1, &x), "append");
    scp_array_file_close(&f);
    *strrchr(left, '/') = '\0';
    tap_st(scp_fs_list(left, "", &names, &n), "list");
    tap_ok(n == 0, "closing without a commit leaves nothing");
    scp_fs_list_free(names, n);
    tap_fails(scp_array_file_open("/nonexistent/x.h5", &f), SCP_ENOINPUT, "x.h5", "a missing file");
    tap_fails(scp_array_file_create("/nonexistent/x.h5", &f), SCP_EIO, "x.h5", "a missing folder");
    tap_ok(f == NULL, "gives no handle");
}

int main(void)
{
    snprintf(path, sizeof path, "%s/arrays.h5", tap_tmpdir());
    test_write();
    test_read();
    test_abandon();
    return tap_done();
}
