/* Write a made-up screen as a shard: make_screen PATH LINES DRUGS GENES SEED. For tests that run
 * the programs. The drugs have three mechanisms in turn, and drug 3 the structure of drug 0. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/world.h"
#include "io/shard.h"
#include "train/screen.h"

static void relate_drugs(scp_dataset *d)
{
    for (size_t i = 0; i < d->n_drugs; i++) d->moa[i][3] = (char)('0' + i % 3);
    if (d->n_drugs > 3) memcpy(d->fp + 3 * SCP_FP_BITS, d->fp, SCP_FP_BITS);
}

static scp_status make(scp_comm *world, char **argv)
{
    screen_size size = { .lines = atoi(argv[2]),
                         .drugs = atoi(argv[3]),
                         .genes = atoi(argv[4]),
                         .seed = (uint64_t)atoi(argv[5]) };
    scp_dataset d = { 0 };
    SCP_TRY(screen_make(&size, &d));
    relate_drugs(&d);
    scp_status st = scp_shard_write(world, argv[1], &d);
    scp_dataset_fini(&d);
    return st;
}

int main(int argc, char **argv)
{
    scp_comm *world;
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK || argc != 6) return 1;
    scp_status st = make(world, argv);
    if (st != SCP_OK) fprintf(stderr, "%s\n%s", scp_err_message(), scp_err_chain());
    return scp_world_end(&world) != SCP_OK || st != SCP_OK;
}
