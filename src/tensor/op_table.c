/* The op table: names, arity and shape rules. A rule checks the inputs of a node and sets its
 * shape, type and the reals it keeps (n_aux) or borrows (n_scratch). Contracts: op.h. */
#include "tensor/op.h"

#include <string.h>

bool scp_shape_equal(const scp_shape *a, const scp_shape *b)
{
    return a->n == b->n && memcmp(a->d, b->d, (size_t)a->n * sizeof a->d[0]) == 0;
}

#define IN(i)   (n->in[i]->shape)
#define LAST(i) scp_shape_last(&IN(i))
#define ROWS(i) scp_shape_rows(&IN(i))
/* Shape check with the node's name in the message. */
#define NEED(cond, what)                                                                           \
    do {                                                                                           \
        if (!(cond)) SCP_FAIL(SCP_ESHAPE, "%s '%s': %s", scp_op_table[n->op].name, n->name, what); \
    } while (0)

static bool vector_of(const scp_node *x, int64_t len)
{
    return x->shape.n == 1 && x->shape.d[0] == len;
}

static bool same(const scp_node *a, const scp_node *b)
{
    return a->dtype == b->dtype && scp_shape_equal(&a->shape, &b->shape);
}

static bool scalar(const scp_node *x)
{
    return x->shape.n == 0;
}

static scp_status as_first(scp_node *n)
{
    NEED(n->in[0]->dtype == SCP_REAL, "the input must be real");
    n->shape = IN(0);
    n->dtype = SCP_REAL;
    return SCP_OK;
}

static scp_status leaf(scp_node *n)
{
    for (int i = 0; i < n->shape.n; i++)
        NEED(n->shape.d[i] > 0, "every dimension must be positive");
    return SCP_OK;
}

static scp_status reshape(scp_node *n)
{
    NEED(scp_shape_count(&n->shape) == scp_shape_count(&IN(0)), "the number of elements must stay");
    n->dtype = n->in[0]->dtype;
    return SCP_OK;
}

static scp_status linear(scp_node *n)
{
    NEED(IN(0).n >= 1 && IN(1).n == 2 && LAST(0) == LAST(1), "x [R, I] and W [O, I] must share I");
    NEED(n->n_in < 3 || vector_of(n->in[2], IN(1).d[0]), "b must be [O]");
    SCP_TRY(as_first(n));
    n->shape.d[n->shape.n - 1] = IN(1).d[0];
    if (n->in[0] == n->in[1]) n->n_scratch = (size_t)scp_shape_count(&n->shape); /* dy + dy^T */
    return SCP_OK;
}

static scp_status pairwise(scp_node *n)
{
    NEED(same(n->in[0], n->in[1]), "both inputs must have the same shape");
    return as_first(n);
}

static scp_status prelu(scp_node *n)
{
    NEED(vector_of(n->in[1], 1), "slope must be [1]");
    return as_first(n);
}

static scp_status dropout(scp_node *n)
{
    NEED(n->attr.random.p >= 0 && n->attr.random.p < 1, "p must be in [0, 1)");
    return as_first(n);
}

static scp_status concat(scp_node *n)
{
    int64_t width = 0;
    for (int i = 0; i < n->n_in; i++) {
        NEED(IN(i).n == IN(0).n && IN(i).n >= 1 && ROWS(i) == ROWS(0),
             "all inputs need the same rows");
        width += LAST(i);
    }
    SCP_TRY(as_first(n));
    n->shape.d[n->shape.n - 1] = width;
    return SCP_OK;
}

static scp_status slice(scp_node *n)
{
    int64_t begin = n->attr.slice.begin, len = n->attr.slice.len;
    NEED(IN(0).n >= 1 && begin >= 0 && len > 0 && begin + len <= LAST(0),
         "outside the last dimension");
    SCP_TRY(as_first(n));
    n->shape.d[n->shape.n - 1] = len;
    return SCP_OK;
}

static scp_status gather(scp_node *n)
{
    NEED(IN(0).n == 2 && IN(1).n == 1 && n->in[1]->dtype == SCP_I32,
         "needs table [N, D] and idx [B] I32");
    NEED(n->in[0]->dtype != SCP_I32, "the table must be REAL or U8");
    n->shape = SCP_SHAPE(IN(1).d[0], IN(0).d[1]);
    n->dtype = SCP_REAL;
    return SCP_OK;
}

static scp_status gather_dir(scp_node *n)
{
    NEED(IN(0).n == 2 && IN(1).n == 1 && same(n->in[1], n->in[2]) && n->in[1]->dtype == SCP_I32,
         "needs x [P, G], post [B] I32, pre [B] I32");
    n->shape = SCP_SHAPE(IN(1).d[0], IN(0).d[1]);
    n->dtype = SCP_REAL;
    return SCP_OK;
}

static scp_status layernorm(scp_node *n)
{
    NEED(IN(0).n >= 1 && vector_of(n->in[1], LAST(0)) && vector_of(n->in[2], LAST(0)),
         "gain and bias must be [D]");
    n->n_aux = 2 * (size_t)ROWS(0);
    return as_first(n);
}

static scp_status unit(scp_node *n)
{
    NEED(IN(0).n >= 1, "needs x [.., D]");
    n->n_aux = (size_t)ROWS(0);
    return as_first(n);
}

static scp_status batchnorm(scp_node *n)
{
    NEED(IN(0).n == 2, "x must be [R, D]");
    for (int i = 1; i < 5; i++)
        NEED(vector_of(n->in[i], LAST(0)), "gain, bias and states must be [D]");
    n->n_aux = 2 * (size_t)LAST(0) + 1;     /* mean, rstd, rows of the global batch          */
    n->n_scratch = 4 * (size_t)LAST(0) + 2; /* on cpu 2 D + 1 doubles: what is all-reduced   */
    return as_first(n);
}

static scp_status attn(scp_node *n)
{
    NEED(IN(0).n == 3 && IN(1).n == 3 && same(n->in[1], n->in[2]),
         "needs q [B,M,D], k and v [B,N,D]");
    NEED(IN(0).d[0] == IN(1).d[0] && IN(0).d[2] == IN(1).d[2], "q and k must share B and D");
    NEED(n->attr.heads > 0 && IN(0).d[2] % n->attr.heads == 0, "heads must divide D");
    n->n_aux = (size_t)(IN(0).d[0] * n->attr.heads * IN(0).d[1] * IN(1).d[1]);
    return as_first(n);
}

static scp_status film(scp_node *n)
{
    NEED(same(n->in[0], n->in[1]) && same(n->in[0], n->in[2]), "z, gamma and beta must agree");
    return as_first(n);
}

static scp_status film_ln(scp_node *n)
{
    NEED(IN(0).n == 3 && same(n->in[0], n->in[1]), "H and Hhat must be [B, M, D]");
    NEED(IN(2).n == 2 && same(n->in[2], n->in[3]) && IN(2).d[0] == IN(0).d[0] &&
             IN(2).d[1] == LAST(0),
         "gamma and beta must be [B, D]");
    NEED(vector_of(n->in[4], LAST(0)) && vector_of(n->in[5], LAST(0)),
         "ln gain and bias must be [D]");
    n->n_aux = 2 * (size_t)ROWS(0);
    return as_first(n);
}

static scp_status mask_select(scp_node *n)
{
    NEED(IN(0).n == 2 && vector_of(n->in[1], LAST(0)) && vector_of(n->in[2], IN(0).d[0]) &&
             n->in[2]->dtype == SCP_I32,
         "needs x [B, D], null [D], mask [B] I32");
    return as_first(n);
}

static scp_status random_int(scp_node *n)
{
    NEED(n->shape.n == 1, "the result must be [B]");
    n->dtype = SCP_I32;
    return leaf(n);
}

static scp_status random_real(scp_node *n)
{
    NEED(n->shape.n == 2, "the result must be [B, D]");
    n->dtype = SCP_REAL;
    return leaf(n);
}

static scp_status combine_t(scp_node *n)
{
    NEED(IN(0).n == 2 && same(n->in[0], n->in[1]), "a and b must be [B, D]");
    NEED(vector_of(n->in[2], IN(0).d[0]) && n->in[2]->dtype == SCP_I32, "t must be [B] I32");
    NEED(IN(3).n == 1 && same(n->in[3], n->in[4]), "ca and cb must be [T]");
    return as_first(n);
}

static scp_status scalar_of_pair(scp_node *n)
{
    SCP_TRY(pairwise(n));
    n->shape.n = 0;
    return SCP_OK;
}

static scp_status kl(scp_node *n)
{
    NEED(IN(0).n == 2, "mu must be [B, D]");
    return scalar_of_pair(n);
}

static scp_status align(scp_node *n)
{
    int64_t D = LAST(0);
    NEED(IN(0).n == 2 && same(n->in[0], n->in[1]), "z and p must be [B, D]");
    NEED(IN(2).n == 2 && IN(2).d[0] == D && IN(2).d[1] == D, "M must be [D, D]");
    n->n_aux = 2 * (size_t)ROWS(0);
    SCP_TRY(as_first(n));
    n->shape.n = 0;
    return SCP_OK;
}

static scp_status info_nce(scp_node *n)
{
    int64_t B = ROWS(0), D = LAST(0), K = ROWS(2);
    NEED(IN(0).n == 2 && same(n->in[0], n->in[1]), "z and p must be [B, D]");
    NEED(IN(2).n == 2 && LAST(2) == D, "negatives must be [K, D]");
    NEED(IN(3).n == 2 && IN(3).d[0] == D && IN(3).d[1] == D, "M must be [D, D]");
    NEED(vector_of(n->in[4], B) && vector_of(n->in[5], K) && n->in[4]->dtype == SCP_I32 &&
             n->in[5]->dtype == SCP_I32,
         "key must be [B] I32 and nkey [K] I32");
    NEED(n->attr.nce.tau > 0, "tau must be positive");
    n->n_aux = (size_t)(B * (K + 3));
    n->n_scratch = (size_t)(B * (D + K));
    SCP_TRY(as_first(n));
    n->shape.n = 0;
    return SCP_OK;
}

static scp_status loss_sum(scp_node *n)
{
    int last = n->n_in - 1;
    for (int i = 0; i < last; i++) NEED(scalar(n->in[i]), "every loss must be a scalar");
    NEED(vector_of(n->in[last], last), "weights must be [number of losses]");
    SCP_TRY(as_first(n));
    n->shape.n = 0;
    return SCP_OK;
}

/* Masks of inputs and the result. Mixed precision stores no parameters of norms, slopes, tables of
 * the schedule and losses in half. */
enum {
    IN0 = 1,
    IN1 = 2,
    IN2 = 4,
    IN01 = 3,
    IN12 = 6,
    IN012 = 7,
    IN0123 = 15,
    IN234 = 28,
    IN01234 = 31,
    OUT = SCP_STORED_OUT,
    IN0_OUT = IN0 | OUT,
    IN01_OUT = IN01 | OUT,
    IN012_OUT = IN012 | OUT,
    IN0123_OUT = IN0123 | OUT,
    ALL = OUT - 1,
    ALL_OUT = ALL | OUT
};

/* name, inputs, shape rule, stored, reads */
const scp_op_info scp_op_table[SCP_OP_COUNT] = {
    [SCP_OP_INPUT] = { "input", 0, 0, leaf, 0, 0 },
    [SCP_OP_TABLE] = { "table", 0, 0, leaf, 0, 0 },
    [SCP_OP_PARAM] = { "param", 0, 0, leaf, 0, 0 },
    [SCP_OP_RESHAPE] = { "reshape", 1, 1, reshape, 0, 0 },
    [SCP_OP_LINEAR] = { "linear", 2, 3, linear, IN012_OUT, IN01 },
    [SCP_OP_ADD] = { "add", 2, 2, pairwise, IN01_OUT, 0 },
    [SCP_OP_SUB] = { "sub", 2, 2, pairwise, IN01_OUT, 0 },
    [SCP_OP_MUL] = { "mul", 2, 2, pairwise, IN01_OUT, IN01 },
    [SCP_OP_SCALE] = { "scale", 1, 1, as_first, IN0_OUT, 0 },
    [SCP_OP_ACT] = { "act", 1, 1, as_first, IN0_OUT, IN0 },
    [SCP_OP_PRELU] = { "prelu", 2, 2, prelu, IN0_OUT, IN01 },
    [SCP_OP_CLAMP] = { "clamp", 1, 1, as_first, IN0_OUT, IN0 },
    [SCP_OP_DROPOUT] = { "dropout", 1, 1, dropout, IN0_OUT, 0 },
    [SCP_OP_CONCAT] = { "concat", 1, SCP_MAX_IN, concat, ALL_OUT, 0 },
    [SCP_OP_SLICE] = { "slice", 1, 1, slice, IN0_OUT, 0 },
    [SCP_OP_GATHER] = { "gather", 2, 2, gather, IN0_OUT, IN1 },
    [SCP_OP_GATHER_DIR] = { "gather_dir", 3, 3, gather_dir, OUT, 0 },
    [SCP_OP_LAYERNORM] = { "layernorm", 3, 3, layernorm, IN0_OUT, IN01 },
    [SCP_OP_BATCHNORM] = { "batchnorm", 5, 5, batchnorm, IN0_OUT, IN01 },
    [SCP_OP_UNIT] = { "unit", 1, 1, unit, IN0_OUT, OUT },
    [SCP_OP_ATTN] = { "attn", 3, 3, attn, IN012_OUT, IN012_OUT },
    [SCP_OP_FILM] = { "film", 3, 3, film, IN012_OUT, IN01 },
    [SCP_OP_FILM_LN] = { "film_ln", 6, 6, film_ln, IN0123_OUT, IN01234 },
    [SCP_OP_MASK_SELECT] = { "mask_select", 3, 3, mask_select, IN0_OUT, IN2 },
    [SCP_OP_FOUR_STATE] = { "four_state", 0, 0, random_int, 0, 0 },
    [SCP_OP_RAND_TIME] = { "rand_time", 0, 0, random_int, 0, 0 },
    [SCP_OP_RAND_NORMAL] = { "rand_normal", 0, 0, random_real, OUT, 0 },
    [SCP_OP_REPARAM] = { "reparam", 3, 3, film, IN012_OUT, IN12 },
    [SCP_OP_COMBINE_T] = { "combine_t", 5, 5, combine_t, IN01_OUT, IN234 },
    [SCP_OP_MSE] = { "mse", 2, 2, scalar_of_pair, IN01, IN01 },
    [SCP_OP_KL] = { "kl", 2, 2, kl, IN01, IN01 },
    [SCP_OP_ALIGN] = { "align", 3, 3, align, IN012, IN012 },
    [SCP_OP_INFO_NCE] = { "info_nce", 6, 6, info_nce, IN0123, ALL },
    [SCP_OP_LOSS_SUM] = { "loss_sum", 2, SCP_MAX_IN, loss_sum, 0, ALL },
};
