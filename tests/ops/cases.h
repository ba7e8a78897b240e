/* One declaration per op case drives three things: parity of every backend with ref, the gradient
 * against finite differences on ref, and the timing of bench/bench_ops.
 *
 * A case builds a few nodes from leaves made by the functions below and returns the result node y;
 * the harness takes the scalar <c, y> with fixed random c as the loss. Leaves made by
 * scp_case_param are checked for their gradients. */
#ifndef SCP_TESTS_OPS_CASES_H
#define SCP_TESTS_OPS_CASES_H

#include "tensor/plan.h"

typedef struct scp_case_ctx scp_case_ctx;

typedef struct scp_op_case {
    const char *name;                                    /* unique, starts with the op's name    */
    scp_node *(*build)(scp_case_ctx *ctx, scp_graph *g); /* result: REAL of any shape            */
    double tol_f32; /* forward, cpu against ref: largest error over the largest value            */
    double tol_grad32; /* the same for gradients */
    double tol_fd; /* ref gradient against central differences; 0: no gradient to check         */
} scp_op_case;

/** Bench sizes instead of test sizes? Use as SCP_SIZE(ctx, 5, 256). */
bool scp_case_bench(const scp_case_ctx *ctx);
#define SCP_SIZE(ctx, small, big) (scp_case_bench(ctx) ? (big) : (small))

/** A real leaf with N(0, sd) values, the same on every backend; its gradient is checked. */
scp_node *scp_case_param(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape,
                         double sd);
/** Integers in [0, bound), or given values [count]. */
scp_node *scp_case_ints(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape,
                        int32_t bound);
scp_node *scp_case_ints_from(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape,
                             const int32_t *values);
/** A real input without gradient: N(0, 1), or given values [count]. */
scp_node *scp_case_reals(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape);
scp_node *scp_case_reals_from(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape,
                              const double *values);
/** A resident U8 table of 0/1 bits. */
scp_node *scp_case_bits(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape);

/* The lists, one per family; each ends with a NULL name. */
extern const scp_op_case scp_cases_linear[];
extern const scp_op_case scp_cases_elementwise[], scp_cases_layout[], scp_cases_norm[];
extern const scp_op_case scp_cases_group[]; /* several ops, see there */
extern const scp_op_case scp_cases_attn[], scp_cases_film[], scp_cases_diffuse[], scp_cases_loss[];

/** All lists, NULL-terminated. */
extern const scp_op_case *const scp_case_lists[];

/* Running a case. */
typedef struct scp_case_run scp_case_run;
/** Build the case on a device ("ref", "cpu") and plan it. */
scp_status scp_case_start(const scp_op_case *oc, const char *device, bool bench,
                          scp_case_run **out);
/** The same in memory that is never used twice: backward may run again, and times are those of the
 *  ops alone. */
scp_status scp_case_start_keeping(const scp_op_case *oc, const char *device, bool bench,
                                  scp_case_run **out);
/** The same at test size, with every real leaf copied into a value first. */
scp_status scp_case_start_copied(const scp_op_case *oc, const char *device, scp_case_run **out);
/** After forward in a run that keeps its memory: fill every value that no backward call reads
 *  (scp_plan_reads) with bytes 0xff, NaN. */
scp_status scp_case_poison(scp_case_run *run);
/** The same at test size in mixed precision (scp_plan_create_as). */
scp_status scp_case_start_as(const scp_op_case *oc, const char *device, scp_dtype store,
                             scp_case_run **out);
void scp_case_stop(scp_case_run **run);
scp_status scp_case_forward(scp_case_run *run);
scp_status scp_case_backward(scp_case_run *run);
scp_graph *scp_case_graph(const scp_case_run *run);
scp_params *scp_case_params(const scp_case_run *run);
/** The result node; NULL gradient functions when nothing is trainable. */
scp_node *scp_case_result(const scp_case_run *run);
scp_status scp_case_fetch(scp_case_run *run, double *y);
/** Value of the scalar loss. */
scp_status scp_case_loss(scp_case_run *run, double *loss);
bool scp_case_has_grad(const scp_case_run *run);
/** The plan, borrowed: the values of single nodes. */
scp_plan *scp_case_plan(const scp_case_run *run);

/** Bound of a case in mixed precision, where an op reads the same halves as ref and computes in
 *  fp32: the rounding of what it writes, and of what it reads back (an earlier result, a sum to add
 *  to). */
static inline double scp_case_tol_half(scp_dtype store, double tol_f32)
{
    return tol_f32 + 2.5 * (store == SCP_F16 ? 1.0 / 2048 : 1.0 / 256);
}

#endif
