/* The rank on the node from the launcher's environment: it is there before MPI is, so that a GPU is
 * bound before anything touches it. */
#include "dev/local_rank.h"

#include <stddef.h>
#include <stdlib.h>

/* The first number (of "4(x2)": 4) in the first of these variables that has one, least .. 4095;
 * else what is given. */
static int first_of(const char *const *names, long least, int otherwise)
{
    for (; *names; names++) {
        const char *text = getenv(*names);
        char *end = NULL;
        if (!text || !*text) continue;
        long value = strtol(text, &end, 10);
        if (end != text && (*end == '\0' || *end == '(') && value >= least && value < 4096)
            return (int)value;
    }
    return otherwise;
}

int scp_local_rank(void)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID",
                                         "PALS_LOCAL_RANKID",          "MPI_LOCALRANKID",
                                         "MV2_COMM_WORLD_LOCAL_RANK",  NULL };
    return first_of(names, 0, 0);
}

int scp_local_ranks(void)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_STEP_TASKS_PER_NODE",
                                         "PALS_LOCAL_SIZE",            "MPI_LOCALNRANKS",
                                         "MV2_COMM_WORLD_LOCAL_SIZE",  NULL };
    return first_of(names, 1, 1);
}

int scp_local_share(int cpus, int online, int ranks)
{
    int share = (long)cpus * ranks > online ? online / ranks : cpus;
    if (share > cpus) share = cpus;
    return share < 1 ? 1 : share;
}
