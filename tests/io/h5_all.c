/* Collective transfers: ranks with uneven and empty ranges write one file, in chunks shared by
 * ranks. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "comm/world.h"
#include "io/h5_slab.h"
#include "tap_ranks.h"

enum { ROWS = 23, COLS = 5 };

static scp_comm *world;

/* One result line of all ranks together. */
static void all_ok(scp_status st, const char *what)
{
    st = scp_agree(world, st);
    tap_st(st, "%s", what);
}

/* Rank 0 owns nothing when there are others: an empty range takes part. */
static void my_range(size_t *first, size_t *n)
{
    size_t size = (size_t)scp_comm_size(world), rank = (size_t)scp_comm_rank(world);
    if (size == 1) {
        *first = 0;
        *n = ROWS;
        return;
    }
    *first = rank ? (rank - 1) * ROWS / (size - 1) : 0;
    *n = rank ? rank * ROWS / (size - 1) - *first : 0;
}

static void write_file(const char *path, const float *x)
{
    hid_t file, plain, packed, label;
    size_t dims[2] = { ROWS, COLS }, first, n;
    scp_h5_layout layout = { .chunk = { 4, COLS }, .shuffle = true, .deflate = 4 };
    my_range(&first, &n);
    all_ok(scp_h5_create_all(world, path, &file), "file created by all");
    all_ok(scp_h5_set_text(file, "magic", "test"), "attribute set by all");
    all_ok(scp_h5_dataset_create(file, "plain", H5T_NATIVE_FLOAT, 2, dims, NULL, &plain),
           "contiguous");
    all_ok(scp_h5_dataset_create(file, "g/packed", H5T_NATIVE_FLOAT, 2, dims, &layout, &packed),
           "chunked and filtered");
    all_ok(scp_h5_dataset_create(file, "label", H5T_NATIVE_INT64, 1, dims, NULL, &label), "1-D");
    all_ok(scp_h5_write_slab_all(world, plain, H5T_NATIVE_FLOAT, first, n, x + first * COLS),
           "contiguous rows written");
    all_ok(scp_h5_write_slab_all(world, packed, H5T_NATIVE_FLOAT, first, n, x + first * COLS),
           "filtered rows written, chunks shared by ranks");
    int64_t ids[ROWS];
    for (size_t i = 0; i < n; i++) ids[i] = (int64_t)(first + i) * 10;
    all_ok(scp_h5_write_slab_all(world, label, H5T_NATIVE_INT64, first, n, ids), "labels written");
    tap_fails(scp_h5_write_slab_all(world, plain, H5T_NATIVE_DOUBLE, first, n, x), SCP_EINTERNAL,
              "must be equal", "a type to convert is refused on all ranks");
    H5Dclose(plain);
    H5Dclose(packed);
    H5Dclose(label);
    all_ok(scp_h5_close(&file), "closed by all");
}

static void read_file(const char *path, const float *x)
{
    hid_t file, dset;
    size_t first, n, dims[2] = { ROWS, COLS };
    float mine[ROWS * COLS] = { 0 }, whole[ROWS * COLS] = { 0 };
    my_range(&first, &n);
    all_ok(scp_h5_open_all(world, path, &file), "file opened by all");
    for (int k = 0; k < 2; k++) {
        const char *name = k ? "g/packed" : "plain";
        all_ok(scp_h5_dataset_open(file, name, &dset), name);
        all_ok(scp_h5_read_slab_all(world, dset, H5T_NATIVE_FLOAT, first, n, mine), "rows read");
        tap_ok(tap_everywhere(world, memcmp(mine, x + first * COLS, n * COLS * sizeof *x) == 0),
               "%s: every rank has its rows", name);
        H5Dclose(dset);
    }
    all_ok(scp_h5_close(&file), "closed by all");
    all_ok(scp_h5_open(path, &file), "opened by each");
    all_ok(scp_h5_read(file, "g/packed", H5T_NATIVE_FLOAT, 2, dims, whole), "read whole by each");
    tap_ok(tap_everywhere(world, memcmp(whole, x, sizeof whole) == 0), "the whole matrix is right");
    all_ok(scp_h5_close(&file), "closed by each");
}

/* Rounds far smaller than a rank's share: as many collective calls on every rank, whatever it owns.
 */
static void rounds(const char *path, const float *x)
{
    const scp_h5_layout layout = { .chunk = { 2, COLS }, .deflate = 1 };
    const size_t bytes[] = { 1, 2 * COLS * sizeof(float), 5 * COLS * sizeof(float) };
    size_t dims[2] = { ROWS, COLS }, first, n;
    float mine[ROWS * COLS];
    hid_t file, dset;
    my_range(&first, &n);
    all_ok(scp_h5_create_all(world, path, &file), "file created by all");
    for (size_t k = 0; k < sizeof bytes / sizeof bytes[0]; k++) {
        char name[16];
        all_ok(scp_str_format(name, sizeof name, "x%zu", k), "name");
        all_ok(scp_h5_dataset_create(file, name, H5T_NATIVE_FLOAT, 2, dims, &layout, &dset), name);
        all_ok(scp_h5_transfer_all(world, dset, H5T_NATIVE_FLOAT, first, n, SCP_H5_WRITE,
                                   (void *)(x + first * COLS), bytes[k]),
               "written in rounds");
        memset(mine, 0, sizeof mine);
        all_ok(scp_h5_transfer_all(world, dset, H5T_NATIVE_FLOAT, first, n, SCP_H5_READ, mine,
                                   bytes[k]),
               "read in rounds");
        tap_ok(tap_everywhere(world, memcmp(mine, x + first * COLS, n * COLS * sizeof *x) == 0),
               "rounds of %zu bytes: every rank has its rows", bytes[k]);
        H5Dclose(dset);
    }
    all_ok(scp_h5_close(&file), "closed by all");
}

int main(int argc, char **argv)
{
    float x[ROWS * COLS];
    char path[SCP_PATH_MAX];
    hid_t file;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 70;
    tap_set_silent(scp_comm_rank(world) != 0);
    for (int i = 0; i < ROWS * COLS; i++) x[i] = (float)i * 0.25f;
    void *dir = NULL;
    size_t len = 0;
    if (scp_comm_rank(world) == 0) {
        dir = strdup(tap_tmpdir());
        len = strlen(dir) + 1;
    }
    all_ok(scp_comm_bcast_bytes(world, &dir, &len, 0), "folder agreed");
    all_ok(scp_fs_join(path, sizeof path, dir, "all.h5"), "name");
    write_file(path, x);
    read_file(path, x);
    rounds(path, x);
    scp_status st = scp_h5_open_all(world, "/nonexistent/x.h5", &file);
    tap_ok(tap_everywhere(world, st == SCP_ENOINPUT || st == SCP_EPEER),
           "a missing file fails on every rank");
    st = scp_h5_create_all(world, "/nonexistent/x.h5", &file);
    tap_ok(tap_everywhere(world, st == SCP_EIO || st == SCP_EPEER),
           "and so does a folder that does not exist");
    free(dir);
    int rc = tap_done();
    if (scp_world_end(&world) != SCP_OK) return 70;
    return rc;
}
