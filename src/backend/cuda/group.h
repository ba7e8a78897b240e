/* Calls of a plan that run as one kernel (scp_backend.group). */
#ifndef SCP_BACKEND_CUDA_GROUP_H
#define SCP_BACKEND_CUDA_GROUP_H

#include "tensor/op.h"

extern const scp_group_impl scp_cuda_group;

#endif
