/* The CUDA backend, listed by backend/table.c when HAVE_CUDA is defined. */
#ifndef SCP_BACKEND_CUDA_REGISTER_H
#define SCP_BACKEND_CUDA_REGISTER_H

#include "dev/device.h"

extern const scp_backend scp_cuda_backend;

#endif
