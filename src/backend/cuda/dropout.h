/* DROPOUT with the activation before it and the sum behind it as one call; as the members of
 * scp_group_impl. */
#ifndef SCP_BACKEND_CUDA_DROPOUT_H
#define SCP_BACKEND_CUDA_DROPOUT_H

#include "backend/cuda/cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

bool scp_cuda_dropout_joins(const scp_node *const *have, int n, const scp_node *next);
scp_status scp_cuda_dropout_fwd(const scp_call *c, int n) SCP_MUST_USE;
scp_status scp_cuda_dropout_bwd(const scp_call *c, int n) SCP_MUST_USE;

#ifdef __cplusplus
}
#endif

#endif
