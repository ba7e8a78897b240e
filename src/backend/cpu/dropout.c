/* Dropout on cpu. One Philox block decides four elements; the words and the integer threshold are
 * those of ref, so the masks are the same bits. Pieces of CHUNK elements of a row go to the
 * threads. Nothing is stored: the backward pass draws the words again. */
#include "backend/cpu/cpu_ops.h"
#include "backend/cpu/par.h"
#include "backend/host_ops.h"
#include "base/rng.h"

enum { CHUNK = 1024 }; /* a multiple of the four words of a block */

typedef struct dropper {
    const scp_step *step;
    uint32_t stream;
    uint32_t threshold;
    float scale;
} dropper;

static inline float pass(uint32_t word, uint32_t threshold, float value)
{
    return word < threshold ? 0.0f : value;
}

/* Elements [first, first + n) of a row, n <= CHUNK; y and x point at the first of them. */
static void drop(const dropper *d, float *y, const float *x, int64_t row, int64_t first, int64_t n,
                 bool add)
{
    const scp_step *step = d->step;
    const uint32_t threshold = d->threshold;
    const float scale = d->scale;
    uint32_t word[CHUNK];
    scp_rng_fill_words(step->seed, d->stream, (uint64_t)step->step, (uint64_t)(step->row0 + row),
                       (uint32_t)(first / 4), (size_t)(n + 3) / 4, word);
    if (add) {
#pragma omp simd
        for (int64_t e = 0; e < n; e++) y[e] += pass(word[e], threshold, scale * x[e]);
    } else {
#pragma omp simd
        for (int64_t e = 0; e < n; e++) y[e] = pass(word[e], threshold, scale * x[e]);
    }
}

static void apply(const scp_call *c, float *y, const float *x, bool add)
{
    int64_t rows = scp_batch_rows(&c->node->shape), width = scp_batch_width(&c->node->shape);
    double p = c->node->attr.random.p;
    dropper d = { c->step, c->node->attr.random.stream, scp_drop_threshold(p),
                  (float)(1.0 / (1.0 - p)) };
#pragma omp parallel for collapse(2) schedule(static) if (rows * width > SCP_PAR_MIN / 8)
    for (int64_t row = 0; row < rows; row++)
        for (int64_t first = 0; first < width; first += CHUNK) {
            int64_t at = row * width + first, n = scp_min(CHUNK, width - first);
            if (c->step->train)
                drop(&d, y + at, x + at, row, first, n, add);
            else if (add)
                scp_axpy(1.0f, x + at, y + at, n);
            else
                memcpy(y + at, x + at, (size_t)n * sizeof *y);
        }
}

static scp_status dropout_fwd(const scp_call *c)
{
    apply(c, c->out, c->in[0], false);
    return SCP_OK;
}
static scp_status dropout_bwd(const scp_call *c)
{
    if (c->din[0]) apply(c, c->din[0], c->dout, c->add[0]);
    return SCP_OK;
}
const scp_op_impl SCP_CPU(dropout) = { .op = SCP_OP_DROPOUT,
                                      .fwd = dropout_fwd,
                                      .bwd = dropout_bwd };
