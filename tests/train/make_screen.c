/* Write a made-up screen as a shard: make_screen PATH LINES DRUGS GENES SEED. For tests that run
 * the programs. */
#include <stdio.h>
#include <stdlib.h>

#include "comm/world.h"
#include "io/shard.h"
#include "train/screen.h"

static scp_status make(scp_comm *world, char **argv)
{
    screen_size size = { .lines = atoi(argv[2]),
                         .drugs = atoi(argv[3]),
                         .genes = atoi(argv[4]),
                         .seed = (uint64_t)atoi(argv[5]) };
    scp_dataset d = { 0 };
    SCP_TRY(screen_make(&size, &d));
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
