/* Files for tests/data/prep_cli.sh: "plates DIR" writes the small screen and spoilt copies of its
 * first plate; "plates --hash SHARD" prints the content hash of a shard. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "comm/comm.h"
#include "data/screen.h"
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

int main(int argc, char **argv)
{
    scp_status st = SCP_EUSAGE;
    if (argc == 2) st = write_all(argv[1]);
    if (argc == 3 && strcmp(argv[1], "--hash") == 0) st = print_hash(argv[2]);
    if (st != SCP_OK) fprintf(stderr, "%s: %s", argv[0], scp_err_chain());
    return scp_status_exit_code(st);
}
