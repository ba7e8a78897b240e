/* Files for tests/data/prep_cli.sh: "plates DIR" writes the small screen and spoilt copies of its
 * first plate; "plates --hash SHARD" prints the content hash of a shard; "plates --csc|--dense FROM
 * TO" writes a plate with its X stored by columns or as an array. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "comm/comm.h"
#include "data/screen.h"
#include "io/h5.h"
#include "io/h5ad.h"
#include "io/shard.h"

static scp_status write_all(const char *dir)
{
    static screen s;
    static const struct {
        const char *name;
        screen_spoil spoil;
    } spoilt[] = {
        { "no-column.h5ad", { .drop = "cell_line" } },
        { "bad-dose.h5ad", { .dose = "[('Aspirin', much, 'uM')]" } },
        { "combination.h5ad", { .dose = "[('A', 1.0, 'uM'), ('B', 1.0, 'uM')]" } },
        { "negative.h5ad", { .value = -3 } },
        { "nan.h5ad", { .value = NAN } },
        { "fraction.h5ad", { .value = 2.5f } },
        { "other-genes.h5ad", { .gene = "ELSE" } },
        { "twice.h5ad", { .gene = "GENE0007" } },
        { "no-genes.h5ad", { .no_genes = true } },
    };
    char path[SCP_PATH_MAX];
    screen_make(&s);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, s.file[i].name);
        SCP_TRY(screen_write(&s.file[i], path, NULL));
    }
    for (size_t i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, spoilt[i].name);
        SCP_TRY(screen_write(&s.file[0], path, &spoilt[i].spoil));
    }
    snprintf(path, sizeof path, "%s/drugs.tsv", dir);
    SCP_TRY(screen_write_drugs(path));
    printf("row %zu\n", screen_spoilt_row(&s.file[0]));
    return SCP_OK;
}

static scp_status print_hash(const char *path)
{
    scp_comm *self = NULL;
    scp_dataset d = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_comm_create_self(&self));
    SCP_GOTO(done, scp_shard_read(self, path, &d));
    printf("%016" PRIx64 "\n", d.hash);
done:
    scp_dataset_fini(&d);
    scp_comm_destroy(&self);
    return st;
}

/* X of a file by columns, or as an array, with compressed chunks. */
static scp_status put_matrix(hid_t file, scp_h5ad *from, bool csc)
{
    scp_status st = SCP_OK;
    size_t n = scp_h5ad_n_obs(from), G = scp_h5ad_n_vars(from), at = 0, dims[2] = { n, G };
    const scp_h5_layout rows = { .chunk = { 16, G }, .deflate = 1 };
    const scp_h5_layout list = { .chunk = { 96077 }, .deflate = 1 };
    const int64_t shape[2] = { (int64_t)n, (int64_t)G };
    float *x = NULL, *value = NULL;
    int32_t *row = NULL;
    int64_t *start = NULL;
    scp_h5ad_rows r = { 0 };
    SCP_GOTO(done, scp_h5ad_read_rows(from, 0, n, &r));
    size_t nnz = (size_t)r.indptr[n], starts = G + 1;
    SCP_GOTO(done, scp_alloc(n * G, sizeof *x, &x));
    SCP_GOTO(done, scp_alloc(nnz, sizeof *value, &value));
    SCP_GOTO(done, scp_alloc(nnz, sizeof *row, &row));
    SCP_GOTO(done, scp_alloc(starts, sizeof *start, &start));
    for (size_t i = 0; i < n; i++)
        for (int64_t k = r.indptr[i]; k < r.indptr[i + 1]; k++)
            x[i * G + (size_t)r.column[k]] = r.value[k];
    if (!csc) {
        SCP_GOTO(done, scp_h5_write(file, "X", H5T_NATIVE_FLOAT, 2, dims, &rows, x));
        goto done;
    }
    for (size_t g = 0; g < G; start[++g] = (int64_t)at)
        for (size_t i = 0; i < n; i++)
            if (x[i * G + g] != 0) {
                row[at] = (int32_t)i;
                value[at++] = x[i * G + g];
            }
    hid_t group;
    SCP_GOTO(done, scp_h5_group_create(file, "X", &group));
    SCP_KEEP(st, scp_h5_set_text(group, "encoding-type", "csc_matrix"));
    SCP_KEEP(st, scp_h5_set_i64(group, "shape", 2, shape));
    SCP_KEEP(st, scp_h5_write(group, "data", H5T_NATIVE_FLOAT, 1, &at, &list, value));
    SCP_KEEP(st, scp_h5_write(group, "indices", H5T_NATIVE_INT32, 1, &at, &list, row));
    SCP_KEEP(st, scp_h5_write(group, "indptr", H5T_NATIVE_INT64, 1, &starts, &list, start));
    H5Gclose(group);
done:
    scp_h5ad_rows_fini(&r);
    free(x);
    free(value);
    free(row);
    free(start);
    return st;
}

/* A plate with its X stored in another way. */
static scp_status store_as(const char *how, const char *from, const char *to)
{
    scp_status st = SCP_OK;
    scp_h5ad *f = NULL;
    hid_t in = H5I_INVALID_HID, out = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5ad_open(from, &f));
    SCP_GOTO(done, scp_h5_open(from, &in));
    SCP_GOTO(done, scp_h5_create(to, &out));
    SCP_H5_GOTO(done, H5Ocopy(in, "obs", out, "obs", H5P_DEFAULT, H5P_DEFAULT));
    SCP_H5_GOTO(done, H5Ocopy(in, "var", out, "var", H5P_DEFAULT, H5P_DEFAULT));
    SCP_GOTO(done, put_matrix(out, f, strcmp(how, "--csc") == 0));
done:
    SCP_KEEP(st, scp_h5_close(&out));
    SCP_KEEP(st, scp_h5_close(&in));
    scp_h5ad_close(&f);
    return st;
}

int main(int argc, char **argv)
{
    scp_status st = SCP_EUSAGE;
    if (argc == 2) st = write_all(argv[1]);
    if (argc == 3 && strcmp(argv[1], "--hash") == 0) st = print_hash(argv[2]);
    if (argc == 4) st = store_as(argv[1], argv[2], argv[3]);
    if (st != SCP_OK) fprintf(stderr, "%s: %s", argv[0], scp_err_chain());
    return scp_status_exit_code(st);
}
