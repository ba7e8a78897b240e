/* How much memory this process and its neighbours on the machine may use. Not collective. */
#ifndef SCP_BASE_MEMLIMIT_H
#define SCP_BASE_MEMLIMIT_H

#include <stdint.h>

/* What set the limit, for messages. */
typedef struct scp_memlimit {
    uint64_t bytes;
    const char *source; /* "MemAvailable", "SLURM_MEM_PER_NODE", "the control group" */
} scp_memlimit;

/** The least of: memory that the kernel calls available; what Slurm gave this job on the node
 *  ($SLURM_MEM_PER_NODE, MiB); what the control groups of this process may still take,
 *  where pages of files that the kernel can give back do not count as taken. 1 GiB when nothing is
 *  known. */
scp_memlimit scp_memlimit_get(void);

/** The same with the files below `root` ("" in a running system): for tests. */
scp_memlimit scp_memlimit_read(const char *root);

#endif
