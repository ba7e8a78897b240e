/* The operations of the engine: what each computes, its shapes and attributes, and the contract
 * that a backend implements. One row per op in op_table.c holds the shape rule; one scp_op_impl per
 * op and backend holds the forward and the backward function.
 *
 * Letters: B batch rows, R any leading dimensions flattened, D width, M tokens, K negatives, T
 * times. "row" of a random op is dimension 0; its global sample is step->row0 + row, so that draws
 * do not depend on the number of ranks. Losses are means over the rows of this rank; with equal
 * rows per rank, averaging gradients over ranks gives the gradient of the global mean. */
#ifndef SCP_TENSOR_OP_H
#define SCP_TENSOR_OP_H

#include <stdint.h>

#include "base/status.h"
#include "dev/device.h"

enum { SCP_MAX_IN = 8, SCP_MAX_DIM = 4 };

typedef struct scp_shape {
    int n; /* dimensions, 0 = scalar */
    int64_t d[SCP_MAX_DIM];
} scp_shape;

/** Shape literals: SCP_SHAPE(B, M, d). */
#define SCP_SHAPE(...)                                                                             \
    ((scp_shape){ .n = (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)),                \
                  .d = { __VA_ARGS__ } })

typedef enum scp_op {
    /* ---- leaves ---- */
    /* filled by the caller before a run (scp_plan_feed) */
    SCP_OP_INPUT,
    /* resident data bound once (scp_plan_bind) */
    SCP_OP_TABLE,
    /* a parameter or a state of the parameter store */
    SCP_OP_PARAM,

    /* ---- views ---- */
    /* x -> same elements, other shape; no copy */
    SCP_OP_RESHAPE,

    /* ---- dense ---- */
    /* x [R, I], W [O, I], b [O] or absent -> x W^T + b [R, O] */
    SCP_OP_LINEAR,

    /* ---- element-wise ---- */
    /* a, b same shape -> a + b */
    SCP_OP_ADD,
    /* a, b same shape -> a - b */
    SCP_OP_SUB,
    /* a, b same shape -> a * b */
    SCP_OP_MUL,
    /* x -> attr.scale * x */
    SCP_OP_SCALE,
    /* x -> act(x), attr.act.kind (slope for LEAKY_RELU) */
    SCP_OP_ACT,
    /* x, slope [1] -> x > 0 ? x : slope * x */
    SCP_OP_PRELU,
    /* x -> min(max(x, lo), hi); gradient passes strictly inside */
    SCP_OP_CLAMP,
    /* x -> x * keep / (1 - p) in training, x otherwise; attr.random */
    SCP_OP_DROPOUT,

    /* ---- layout ---- */
    /* n inputs [R, D_i] -> [R, sum D_i] (last dimension) */
    SCP_OP_CONCAT,
    /* x [R, D] -> x[:, begin : begin + len]; attr.slice */
    SCP_OP_SLICE,
    /* table [N, D] (REAL or U8), idx [B] I32 -> rows [B, D]; gradient scatters-adds */
    SCP_OP_GATHER,
    /* x [P, G], post [B], pre [B] I32 -> unit rows (x_post - x_pre)/|.| [paper eq. 9]; |.| <
     * 1e-6 gives a zero row. No gradient */
    SCP_OP_GATHER_DIR,

    /* ---- normalisation ---- */
    /* x [R, D], g [D], b [D] -> g (x - mean)/sqrt(var + eps) + b per row; attr.norm */
    SCP_OP_LAYERNORM,
    /* x [R, D], g [D], b [D], mean [D] state, var [D] state; training: statistics of the
     * *global* batch (all ranks, biased variance), states move by `momentum` with the unbiased
     * variance; else the states */
    SCP_OP_BATCHNORM,
    /* x [.., D] -> x / |x| per row; a row shorter than SCP_UNIT_FLOOR is divided by that */
    SCP_OP_UNIT,

    /* ---- attention and modulation ---- */
    /* q [B, M, D], k [B, N, D], v [B, N, D], attr.heads -> [B, M, D]: softmax(q k^T /
     * sqrt(D/heads)) v per head [paper eq. 30-31, without W_O] */
    SCP_OP_ATTN,
    /* z, g, b [B, D] -> z + (g * z + b) [paper eq. 6, residual FiLM] */
    SCP_OP_FILM,
    /* H, Hhat [B, M, D], gamma, beta [B, D], ln_g, ln_b [D] -> LN(H + gamma * Hhat + beta)
     * [paper eq. 32]; attr.norm.eps */
    SCP_OP_FILM_LN,
    /* x [B, D], null [D], mask [B] I32 -> mask & attr.mask.bit ? null : x [eq. 8] */
    SCP_OP_MASK_SELECT,

    /* ---- random ---- */
    /* -> mask [B] I32: bit 1 with p_pre (drop pre), bit 2 with p_drug, independent */
    SCP_OP_FOUR_STATE,
    /* -> t [B] I32 uniform in [0, attr.random.T) */
    SCP_OP_RAND_TIME,
    /* -> [B, D] standard normal */
    SCP_OP_RAND_NORMAL,
    /* mu, logvar, eps same shape -> mu + exp(logvar/2) eps */
    SCP_OP_REPARAM,
    /* a, b [B, D], t [B] I32, ca [T], cb [T] -> ca[t] a + cb[t] b (q-sample, v) */
    SCP_OP_COMBINE_T,

    /* ---- losses: scalars ---- */
    /* a, b same shape -> mean((a - b)^2) [paper eq. 13, mean reduction] */
    SCP_OP_MSE,
    /* mu, logvar [B, D] -> mean over B of 1/2 sum(mu^2 + e^lv - 1 - lv) / D */
    SCP_OP_KL,
    /* z [B, D], p [B, D] = V W, M [D, D] = W^T W -> mean of 2 - 2 <p, z>/sqrt(z^T M z) = |v -
     * Wz/|Wz||^2 for unit v [paper eq. 10]; all-zero rows of p count 0 */
    SCP_OP_ALIGN,
    /* z, p [B, D], n [K, D], M [D, D], key [B] I32, nkey [K] I32 -> mean of -log e^{s_i} /
     * (e^{s_i} + sum_k e^{s_ik}), s = <., z>/(sqrt(z^T M z) tau); nkey == key left out; all-zero
     * rows of p count 0 [paper eq. 11] */
    SCP_OP_INFO_NCE,
    /* n scalars, w [n] -> sum w_i l_i (w last) [paper eq. 12, 14] */
    SCP_OP_LOSS_SUM,
    SCP_OP_COUNT
} scp_op;

/* z^T M z of ALIGN and INFO_NCE is not taken below this; a row at the floor has a constant norm. */
#define SCP_NORM_FLOOR 1e-12

/* UNIT divides by no norm below this. */
#define SCP_UNIT_FLOOR 1e-12

typedef enum scp_act {
    SCP_ACT_SILU,
    SCP_ACT_RELU,
    SCP_ACT_GELU,
    SCP_ACT_TANH,
    SCP_ACT_LEAKY_RELU
} scp_act;

typedef union scp_attr {
    double scale;
    struct {
        scp_act kind;
        double slope;
    } act;
    struct {
        double lo, hi;
    } clamp;
    struct {
        int64_t begin, len;
    } slice;
    struct {
        double eps, momentum;
    } norm;
    int heads;
    struct {
        int bit;
    } mask;
    struct {             /* DROPOUT, FOUR_STATE, RAND_TIME, RAND_NORMAL */
        uint32_t stream; /* purpose argument of the scp_rng calls: one per node, from its name */
        double p, p2;    /* DROPOUT: p; FOUR_STATE: p_pre, p_drug */
        int64_t T;
    } random;
    struct {
        double tau;
    } nce;
} scp_attr;

/* A recorded operation. Owned by its graph; read-only after building. */
typedef struct scp_node scp_node;
struct scp_node {
    int id; /* position in the graph, also the order of execution   */
    scp_op op;
    scp_dtype dtype;
    scp_shape shape;
    int n_in;
    scp_node *in[SCP_MAX_IN];
    scp_attr attr;
    bool needs_grad;
    bool output;      /* kept and readable after a run                          */
    bool steady;      /* a leaf that changes only before scp_plan_forward       */
    bool exact;       /* never stored in half                                   */
    size_t param;     /* SCP_OP_PARAM: index in the store                       */
    size_t n_aux;     /* reals the forward keeps for the backward               */
    size_t n_scratch; /* reals of working memory of one call                    */
    char *name;       /* scoped, e.g. "denoiser/block0/attn"                    */
};

/* What changes from step to step. */
typedef struct scp_step {
    uint64_t seed;
    int64_t step;
    int64_t row0; /* global sample of this rank's row 0 */
    bool train;   /* dropout, batch statistics          */
} scp_step;

struct scp_comm;

/* One call of an op. Pointers are device memory of the node's type; reals are double on ref, float
 * on cpu. Shapes are in node->shape and node->in[i]->shape. */
typedef struct scp_call {
    const scp_node *node;
    const void *in[SCP_MAX_IN]; /* BATCHNORM writes its state inputs through these in training */
    void *out;             /* forward: to fill; backward: the forward's value                    */
    const void *dout;      /* backward: gradient of the output                                   */
    void *din[SCP_MAX_IN]; /* backward: NULL where not wanted                                    */
    bool
        add[SCP_MAX_IN]; /* backward: true adds to din[i], false overwrites it. When one node is two
                            inputs, din repeats and the later has add set: write in index order */
    void *aux;           /* [n_aux] reals: written by forward, read by backward                */
    void *scratch;       /* [n_scratch] reals, undefined content                               */
    const scp_step *step; /* device memory: random ops read it when they run, not when called   */
    bool train;           /* step->train, which does not change during the life of a capture    */
    /* Storage of reals under mixed precision: SCP_REAL unless the plan's policy says F16 or BF16.
     * aux, scratch, states and gradients of parameters are SCP_REAL always. */
    scp_dtype in_type[SCP_MAX_IN], out_type, din_type[SCP_MAX_IN];
    /* F16 or BF16: every real that the policy stores so is a value of it, and kept as a real, on a
     * device of the host; its types above are SCP_REAL. Else SCP_REAL. */
    scp_dtype emulated;
    struct scp_comm *comm; /* for statistics over the global batch; NULL: this rank alone        */
    scp_device *dev;
} scp_call;

typedef struct scp_op_impl {
    scp_op op;
    scp_status (*fwd)(const scp_call *c);
    scp_status (*bwd)(const scp_call *c); /* NULL: no gradient flows */
} scp_op_impl;

enum { SCP_GROUP_MAX = 8 };

/* Calls that follow each other as one, c [n] in the order of the forward pass, n to SCP_GROUP_MAX.
 * What they write is what the calls would one by one, backward from the last to the first. */
typedef struct scp_group_impl {
    /** May `next` follow the n nodes of `have`? All of them have a backward call, or none. */
    bool (*joins)(const scp_node *const *have, int n, const scp_node *next);
    scp_status (*fwd)(const scp_call *c, int n);
    scp_status (*bwd)(const scp_call *c, int n);
} scp_group_impl;

/* Row of the op table: the shape rule checks inputs and sets shape, dtype, n_aux and n_scratch. */
typedef struct scp_op_info {
    const char *name;
    int min_in, max_in;
    scp_status (*infer)(scp_node *n);
    unsigned stored; /* mixed precision: bit i: input i, SCP_STORED_OUT: the result, may be F16 or
                        BF16, all of them of one type; what is not named is SCP_REAL */
    unsigned reads;  /* values that backward reads on some backend, the same bits; the memory of
                        others may be in use again by then (tests/tensor/reads.c) */
} scp_op_info;

enum { SCP_STORED_OUT = 1 << SCP_MAX_IN }; /* the result, in both masks */

extern const scp_op_info scp_op_table[SCP_OP_COUNT];

/* Shape helpers. */
static inline int64_t scp_shape_count(const scp_shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->n; i++) n *= s->d[i];
    return n;
}
/* Size of the last dimension (1 for a scalar) and the product of the others. */
static inline int64_t scp_shape_last(const scp_shape *s)
{
    return s->n ? s->d[s->n - 1] : 1;
}
static inline int64_t scp_shape_rows(const scp_shape *s)
{
    int64_t n = 1;
    for (int i = 0; i + 1 < s->n; i++) n *= s->d[i];
    return n;
}
bool scp_shape_equal(const scp_shape *a, const scp_shape *b);

#endif
