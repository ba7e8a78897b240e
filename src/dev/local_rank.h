/* Which of the ranks of this node the process is, and what it gets of the node. */
#ifndef SCP_DEV_LOCAL_RANK_H
#define SCP_DEV_LOCAL_RANK_H

/** Number of this process among those of its node, as the launcher says (Open MPI, Slurm, MPICH and
 *  their kin); 0 where none does. Not collective. */
int scp_local_rank(void);

/** Ranks of this node, by the launcher; 1 where none says. Not collective. */
int scp_local_ranks(void);

/** Threads of one of `ranks` ranks of a node with `online` CPUs that may run on `cpus` of them: all
 *  of these where the launcher gave every rank CPUs of its own, else an equal share. At least 1. */
int scp_local_share(int cpus, int online, int ranks);

#endif
