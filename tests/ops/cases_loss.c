/* Cases of MSE, KL, ALIGN, INFO_NCE and LOSS_SUM. */
#include "ops/cases.h"

static scp_node *matrix(scp_case_ctx *ctx, scp_graph *g, const char *name, int64_t rows,
                        int64_t width, double sd)
{
    return scp_case_param(ctx, g, name, SCP_SHAPE(rows, width), sd);
}

static scp_node *mse(scp_case_ctx *ctx, scp_graph *g)
{
    int64_t B = SCP_SIZE(ctx, 3, 256), D = SCP_SIZE(ctx, 7, 128);
    return scp_mse(g, matrix(ctx, g, "a", B, D, 1), matrix(ctx, g, "b", B, D, 1));
}

static scp_node *mse_threads(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_mse(g, matrix(ctx, g, "a", 300, 200, 1), matrix(ctx, g, "b", 300, 200, 1));
}

static scp_node *mse_tokens(scp_case_ctx *ctx, scp_graph *g)
{
    scp_shape s = SCP_SHAPE(2, 3, 4);
    return scp_mse(g, scp_case_param(ctx, g, "a", s, 1), scp_case_reals(ctx, g, "b", s));
}

static scp_node *kl(scp_case_ctx *ctx, scp_graph *g)
{
    int64_t B = SCP_SIZE(ctx, 3, 256), D = SCP_SIZE(ctx, 7, 128);
    return scp_kl(g, matrix(ctx, g, "mu", B, D, 1), matrix(ctx, g, "logvar", B, D, 1));
}

/* Close to the prior, where e^lv - 1 - lv is a small difference. */
static scp_node *kl_near_prior(scp_case_ctx *ctx, scp_graph *g)
{
    return scp_kl(g, matrix(ctx, g, "mu", 300, 200, 1e-4),
                  matrix(ctx, g, "logvar", 300, 200, 1e-3));
}

/* W^T W of a W that is given transposed, [D, G]. */
static scp_node *gram(scp_case_ctx *ctx, scp_graph *g, int64_t D, int64_t G)
{
    scp_node *Wt = matrix(ctx, g, "Wt", D, G, 0.5);
    return scp_matmul_t(g, Wt, Wt);
}

/* Rows of a parameter, of which every `period`-th is zero. */
static scp_node *with_zero_rows(scp_case_ctx *ctx, scp_graph *g, int64_t B, int64_t D, int period)
{
    enum { MAX_B = 512 };
    static const double zero[256];
    int32_t mask[MAX_B] = { 0 };
    for (int64_t b = 0; b < B && b < MAX_B; b += period) mask[b] = 1;
    scp_node *null_row = scp_case_reals_from(ctx, g, "zero", SCP_SHAPE(D), zero);
    return scp_mask_select(g, matrix(ctx, g, "p", B, D, 1), null_row,
                           scp_case_ints_from(ctx, g, "is_zero", SCP_SHAPE(B), mask), 1);
}

static scp_node *align(scp_case_ctx *ctx, scp_graph *g)
{
    int64_t B = SCP_SIZE(ctx, 4, 256), D = SCP_SIZE(ctx, 5, 128);
    scp_node *z = matrix(ctx, g, "z", B, D, 1), *p = matrix(ctx, g, "p", B, D, 1);
    return scp_align(g, z, p, gram(ctx, g, D, SCP_SIZE(ctx, 9, 2000)));
}

static scp_node *align_zero_rows(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *z = matrix(ctx, g, "z", 7, 6, 1), *p = with_zero_rows(ctx, g, 7, 6, 3);
    return scp_align(g, z, p, gram(ctx, g, 6, 11));
}

static scp_node *align_threads(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *z = matrix(ctx, g, "z", 300, 33, 1), *p = with_zero_rows(ctx, g, 300, 33, 50);
    return scp_align(g, z, p, gram(ctx, g, 33, 40));
}

/* Any M with z^T M z > 0 is allowed, not only a symmetric one: here W^T W + 1 b^T. */
static scp_node *lopsided(scp_case_ctx *ctx, scp_graph *g, int64_t D)
{
    scp_node *Wt = matrix(ctx, g, "Wt", D, 12, 1);
    return scp_linear(g, Wt, Wt, scp_case_param(ctx, g, "b", SCP_SHAPE(D), 0.1));
}

static scp_node *align_lopsided(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *z = matrix(ctx, g, "z", 4, 5, 1), *p = matrix(ctx, g, "p", 4, 5, 1);
    return scp_align(g, z, p, lopsided(ctx, g, 5));
}

/* z = 0 stays finite: the norm is at its floor. Compared, not differentiated. */
static scp_node *align_at_floor(scp_case_ctx *ctx, scp_graph *g)
{
    scp_node *z = matrix(ctx, g, "z", 3, 4, 0), *p = matrix(ctx, g, "p", 3, 4, 1);
    return scp_align(g, z, p, gram(ctx, g, 4, 7));
}

/* Keys in 0..bound-1, so that about K / bound negatives of a row are left out. */
static scp_node *nce_with(scp_case_ctx *ctx, scp_graph *g, scp_node *p, int64_t K, int32_t bound,
                          scp_node *M, double tau)
{
    if (!p || !M) return NULL;
    int64_t B = p->shape.d[0], D = p->shape.d[1];
    scp_node *z = matrix(ctx, g, "z", B, D, 1), *n = matrix(ctx, g, "n", K, D, 1);
    scp_node *key = scp_case_ints(ctx, g, "key", SCP_SHAPE(B), bound);
    return scp_info_nce(g, z, p, n, M, key, scp_case_ints(ctx, g, "nkey", SCP_SHAPE(K), bound),
                        tau);
}

static scp_node *info_nce(scp_case_ctx *ctx, scp_graph *g)
{
    int64_t B = SCP_SIZE(ctx, 4, 256), D = SCP_SIZE(ctx, 5, 128), K = SCP_SIZE(ctx, 7, 1024);
    return nce_with(ctx, g, matrix(ctx, g, "p", B, D, 1), K, SCP_SIZE(ctx, 4, 300),
                    gram(ctx, g, D, SCP_SIZE(ctx, 9, 2000)), 0.5);
}

static scp_node *info_nce_zero_rows(scp_case_ctx *ctx, scp_graph *g)
{
    return nce_with(ctx, g, with_zero_rows(ctx, g, 7, 6, 3), 9, 5, gram(ctx, g, 6, 11), 0.5);
}

/* Every pair left out: the loss is 0, and so is its gradient. */
static scp_node *info_nce_no_negatives(scp_case_ctx *ctx, scp_graph *g)
{
    return nce_with(ctx, g, matrix(ctx, g, "p", 3, 4, 1), 5, 1, gram(ctx, g, 4, 7), 0.5);
}

/* Logits of about a hundred: the sum of exponentials must not overflow. */
static scp_node *info_nce_cold(scp_case_ctx *ctx, scp_graph *g)
{
    return nce_with(ctx, g, matrix(ctx, g, "p", 6, 5, 1), 12, 8, gram(ctx, g, 5, 9), 0.005);
}

static scp_node *info_nce_lopsided(scp_case_ctx *ctx, scp_graph *g)
{
    return nce_with(ctx, g, matrix(ctx, g, "p", 4, 5, 1), 6, 3, lopsided(ctx, g, 5), 0.5);
}

static scp_node *info_nce_threads(scp_case_ctx *ctx, scp_graph *g)
{
    return nce_with(ctx, g, with_zero_rows(ctx, g, 300, 33, 50), 130, 40, gram(ctx, g, 33, 40),
                    0.2);
}

/* The positives as negatives, by one node: its gradient comes from both sides. */
static scp_node *info_nce_in_batch(scp_case_ctx *ctx, scp_graph *g)
{
    static const int32_t row[] = { 0, 1, 2, 3, 4 };
    scp_node *z = matrix(ctx, g, "z", 5, 4, 1), *p = matrix(ctx, g, "p", 5, 4, 1);
    scp_node *key = scp_case_ints_from(ctx, g, "key", SCP_SHAPE(5), row);
    return scp_info_nce(g, z, p, p, gram(ctx, g, 4, 7), key, key, 0.3);
}

static scp_node *loss_sum(scp_case_ctx *ctx, scp_graph *g)
{
    static const double weight[] = { 1.0, 0.1, -0.7 };
    scp_node *a = matrix(ctx, g, "a", 3, 4, 1), *b = matrix(ctx, g, "b", 3, 4, 1);
    scp_node *loss[] = { scp_mse(g, a, b), scp_kl(g, a, b), NULL };
    loss[2] = loss[0]; /* twice the same loss: its gradient adds up */
    return scp_loss_sum(g, 3, loss, scp_case_reals_from(ctx, g, "w", SCP_SHAPE(3), weight));
}

const scp_op_case scp_cases_loss[] = {
    { "mse", mse, 1e-6, 1e-6, 1e-6 },
    { "mse_threads", mse_threads, 1e-6, 1e-6, 1e-6 },
    { "mse_tokens", mse_tokens, 1e-6, 1e-6, 1e-6 },
    { "kl", kl, 1e-6, 1e-6, 1e-6 },
    { "kl_near_prior", kl_near_prior, 1e-6, 1e-6, 1e-6 },
    { "align", align, 1e-6, 2e-6, 1e-6 },
    { "align_zero_rows", align_zero_rows, 1e-6, 2e-6, 1e-6 },
    { "align_threads", align_threads, 1e-6, 2e-6, 1e-6 },
    { "align_lopsided", align_lopsided, 1e-6, 2e-6, 1e-6 },
    { "align_at_floor", align_at_floor, 1e-6, 2e-6, 0 },
    { "info_nce", info_nce, 1e-6, 2e-6, 1e-6 },
    { "info_nce_zero_rows", info_nce_zero_rows, 1e-6, 2e-6, 1e-6 },
    { "info_nce_no_negatives", info_nce_no_negatives, 1e-6, 2e-6, 1e-6 },
    { "info_nce_cold", info_nce_cold, 1e-6, 1e-5, 1e-6 },
    { "info_nce_lopsided", info_nce_lopsided, 1e-6, 2e-6, 1e-6 },
    { "info_nce_threads", info_nce_threads, 1e-6, 2e-6, 1e-6 },
    { "info_nce_in_batch", info_nce_in_batch, 1e-6, 2e-6, 1e-6 },
    { "loss_sum", loss_sum, 1e-6, 1e-6, 1e-6 },
    { NULL, NULL, 0, 0, 0 },
};
