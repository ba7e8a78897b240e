/* The rank on the node from the launcher's environment: it is there before MPI is, so that a GPU is
 * bound before anything touches it. */
#include "dev/local_rank.h"

#include <stddef.h>
#include <stdlib.h>

int scp_local_rank(void)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID",
                                         "PALS_LOCAL_RANKID", "MPI_LOCALRANKID",
                                         "MV2_COMM_WORLD_LOCAL_RANK" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = getenv(names[i]);
        char *end = NULL;
        if (!text || !*text) continue;
        long value = strtol(text, &end, 10);
        if (*end == '\0' && value >= 0 && value < 4096) return (int)value;
    }
    return 0;
}
