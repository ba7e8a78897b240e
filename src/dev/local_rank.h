/* Which of the ranks of this node the process is. */
#ifndef SCP_DEV_LOCAL_RANK_H
#define SCP_DEV_LOCAL_RANK_H

/** Number of this process among those of its node, as the launcher says (Open MPI, Slurm, MPICH and
 *  their kin); 0 where none does. Not collective. */
int scp_local_rank(void);

#endif
