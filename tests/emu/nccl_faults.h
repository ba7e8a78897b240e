/* What can go wrong in the emulated NCCL of this process, and what it was asked to do. */
#ifndef SCP_TESTS_EMU_NCCL_FAULTS_H
#define SCP_TESTS_EMU_NCCL_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum scp_nccl_fault {
    SCP_NCCL_NO_ID,        /* ncclGetUniqueId fails                                        */
    SCP_NCCL_INIT_FAILS,   /* ncclCommInitRankConfig fails at once                         */
    SCP_NCCL_INIT_LATER,   /* or while it is polled                                        */
    SCP_NCCL_INIT_NEVER,   /* or this rank never arrives                                   */
    SCP_NCCL_REDUCE_FAILS, /* ncclAllReduce fails at once                                  */
    SCP_NCCL_REDUCE_NEVER, /* or what it enqueued does not end before the communicator does */
    SCP_NCCL_CALL_NEVER,   /* or stays in progress for ever                                 */
    SCP_NCCL_REMOTE,       /* ncclCommGetAsyncError tells of another rank's error          */
    SCP_NCCL_ABORT_NEVER,  /* ncclCommAbort does not come back while this is on            */
    SCP_NCCL_FAULTS
} scp_nccl_fault;

void scp_emu_nccl_fault(scp_nccl_fault fault, bool on);

typedef struct scp_nccl_calls {
    long aborts, ended_aborts, finalized, destroyed, polls;
    long reductions;       /* that came to their end on this rank              */
    size_t last_counts[8]; /* their numbers of elements; the newest is the first */
} scp_nccl_calls;

/** Calls so far. */
scp_nccl_calls scp_emu_nccl_calls(void);

#ifdef __cplusplus
}
#endif
#endif
