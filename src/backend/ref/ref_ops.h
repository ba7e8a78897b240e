/* The operations of the ref backend, by file: plain fp64 loops, the oracle of every other backend.
 * What each computes and the layout of a call: tensor/op.h. */
#ifndef SCP_BACKEND_REF_OPS_H
#define SCP_BACKEND_REF_OPS_H

#include "tensor/op.h"

/* elementwise.c */
extern const scp_op_impl scp_ref_add, scp_ref_sub, scp_ref_mul, scp_ref_scale, scp_ref_act, scp_ref_prelu,
    scp_ref_clamp;

/* dropout.c */
extern const scp_op_impl scp_ref_dropout;

/* layout.c */
extern const scp_op_impl scp_ref_concat, scp_ref_slice, scp_ref_gather, scp_ref_gather_dir;

/* norm.c */
extern const scp_op_impl scp_ref_layernorm, scp_ref_batchnorm;

#endif
