/* All operations of the cpu backend at one level. */
#include "backend/cpu/cpu_ops.h"

const scp_op_impl *const SCP_CPU(ops)[SCP_CPU_OPS] = {
    /* linear.c */
    &SCP_CPU(linear),
    /* elementwise.c, dropout.c */
    &SCP_CPU(add),
    &SCP_CPU(sub),
    &SCP_CPU(mul),
    &SCP_CPU(scale),
    &SCP_CPU(act),
    &SCP_CPU(prelu),
    &SCP_CPU(clamp),
    &SCP_CPU(dropout),
    /* layout.c */
    &SCP_CPU(concat),
    &SCP_CPU(slice),
    &SCP_CPU(gather),
    &SCP_CPU(gather_dir),
    /* norm.c, unit.c */
    &SCP_CPU(layernorm),
    &SCP_CPU(unit),
    &SCP_CPU(batchnorm),
    /* attn.c */
    &SCP_CPU(attn),
    /* film.c */
    &SCP_CPU(film),
    &SCP_CPU(film_ln),
    &SCP_CPU(mask_select),
    /* diffuse.c */
    &SCP_CPU(four_state),
    &SCP_CPU(rand_time),
    &SCP_CPU(rand_normal),
    &SCP_CPU(reparam),
    &SCP_CPU(combine_t),
    /* loss.c */
    &SCP_CPU(mse),
    &SCP_CPU(kl),
    &SCP_CPU(align),
    &SCP_CPU(loss_sum),
    /* infonce.c */
    &SCP_CPU(info_nce),
};
