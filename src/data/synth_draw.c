/* Drawing cells without visiting every gene.
 *
 * Counts are gamma-Poisson: mean mu, variance mu + a mu^2 (a = dispersion). Such a count is a
 * compound Poisson: Poisson(ln(1+y)/a) clusters with y = a mu, their sizes logarithmic with
 * parameter y/(1+y). So the clusters of all genes of a cell are thinned from one Poisson process of
 * rate sum mu: each proposal picks its gene from an alias table and becomes a cluster of size k
 * with probability (y/(1+y))^k / (k y), or nothing with what is left. This is exact and costs one
 * step a count; the size of the library and the state of the cell only set how many proposals each
 * class of genes gets.
 *
 * A proposal takes two random words: one for slot and gene, one for the size of the cluster. Words
 * are made in batches past those of the cell's own draws, and slots of a batch are fetched before
 * the first is used. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "data/synth_rng.h"
#include "data/synth_tables.h"

enum { MAX_CLUSTER = 100000, BATCH = 512, FIRST_BLOCK = 1 << 16 };

const scp_synth_library scp_synth_library_sizes = { .median = 1748.0,
                                                    .min = 390.0,
                                                    .max = 54000.0,
                                                    .large_share = 0.06,
                                                    .large_mean = 1.0,
                                                    .large_sd = 0.5,
                                                    .shift = 0.034 };
static const double s_share = 0.25, g2m_share = 0.20;
static const double reads_per_count = 1.21;

typedef struct proposal { /* of a cluster, its size not settled */
    double u;
    float y;
    uint32_t gene;
} proposal;

struct scp_synth_drawer {
    const scp_synth_sampler *s;
    uint32_t *count;   /* [E] of the cell at hand */
    uint64_t *touched; /* [E / 64 + 1] bit set of genes with a count */
    uint32_t word[2 * BATCH];
    proposal waiting[BATCH];
};

scp_status scp_synth_drawer_create(const scp_synth_sampler *s, scp_synth_drawer **out)
{
    scp_status st = SCP_OK;
    scp_synth_drawer *w = NULL;
    SCP_TRY(scp_alloc(1, sizeof *w, &w));
    w->s = s;
    SCP_GOTO(fail, scp_alloc(s->E, sizeof *w->count, &w->count));
    SCP_GOTO(fail, scp_alloc(s->E / 64 + 1, sizeof *w->touched, &w->touched));
    *out = w;
    return SCP_OK;
fail:
    scp_synth_drawer_destroy(&w);
    return st;
}

void scp_synth_drawer_destroy(scp_synth_drawer **wp)
{
    scp_synth_drawer *w = wp ? *wp : NULL;
    if (!w) return;
    free(w->count);
    free(w->touched);
    free(w);
    *wp = NULL;
}

/* ---- a cell's own draws ---- */

/* Expected counts of a cell over all genes of the atlas. */
static double draw_library(const scp_synth_design *d, const scp_synth_well *well,
                           scp_synth_stream *r)
{
    const scp_synth_library *l = &scp_synth_library_sizes;
    double log_size = log(l->median);
    if (d->cfg.library_sd > 0.0) {
        log_size += d->cfg.library_sd * scp_synth_normal(r) - l->shift;
        if (scp_synth_u01(r) < l->large_share)
            log_size += l->large_mean + l->large_sd * scp_synth_normal(r);
    }
    return fmin(fmax(exp(log_size), l->min), l->max) * well->depth * d->cfg.depth;
}

/* Phase and scores that agree with the usual rule: G1 when both are negative, else the larger. */
static void draw_phase(scp_synth_stream *r, scp_synth_cell *out)
{
    double u = scp_synth_u01(r);
    double up = 0.02 + fabs(0.2 + 0.1 * scp_synth_normal(r)),
           down = -0.01 - fabs(0.08 * scp_synth_normal(r));
    double down2 = -0.01 - fabs(0.08 * scp_synth_normal(r));
    out->phase = u < s_share               ? SCP_SYNTH_PHASE_S
                 : u < s_share + g2m_share ? SCP_SYNTH_PHASE_G2M
                                           : SCP_SYNTH_PHASE_G1;
    out->s_score = out->phase == SCP_SYNTH_PHASE_S ? up : down;
    out->g2m_score = out->phase == SCP_SYNTH_PHASE_G2M ? up : down2;
}

/* Factor of the means of each class of genes, from the cell's state and phase. */
static void state_factors(const scp_synth_design *d, scp_synth_stream *r, int phase,
                          double factor[SCP_SYNTH_CLASSES])
{
    double state = exp(d->cfg.state * scp_synth_normal(r)), cycle = exp(d->cfg.state);
    for (int k = 0; k < SCP_SYNTH_CLASSES; k++) {
        int flags = k << 1;
        factor[k] = flags & SCP_SYNTH_STATE ? state : 1.0;
        if ((flags & SCP_SYNTH_S && phase == SCP_SYNTH_PHASE_S) ||
            (flags & SCP_SYNTH_G2M && phase == SCP_SYNTH_PHASE_G2M))
            factor[k] *= cycle;
    }
}

/* ---- counts ---- */

/* Size of a cluster that is not 1: P(k) = (y/(1+y))^k / (k y), P(0) the rest; u uniform, at least
 * P(1). The sum is taken only until u is inside a term or past what all further ones can add. */
static uint32_t cluster_size(double u, double y)
{
    double term = 1.0 / (1.0 + y), p = y * term, sum = term;
    for (uint32_t k = 2; k < MAX_CLUSTER; k++) {
        term *= p;
        sum += term / k;
        if (u < sum) return k;
        if (u >= sum + term * y / (k + 1)) return 0;
    }
    return 0;
}

/* m proposals on a table of n slots, with the words of this batch; gain: y of a share of one.
 * Clusters of one, nearly all, are counted without a branch; the others wait for a second pass. */
static void propose(scp_synth_drawer *w, const scp_synth_slot *slots, size_t n, size_t m,
                    float gain)
{
    const uint32_t *word = w->word;
    uint32_t *count = w->count;
    uint64_t *touched = w->touched;
    size_t waiting = 0;
    for (size_t i = 0; i < m; i++) __builtin_prefetch(&slots[(uint64_t)word[2 * i] * n >> 32]);
    for (size_t i = 0; i < m; i++) {
        uint64_t at = (uint64_t)word[2 * i] * n;
        const scp_synth_slot *slot = &slots[at >> 32];
        size_t other = (uint32_t)at >= slot->keep, e = slot->gene[other];
        double y = (double)(gain * slot->rate[other]), u = scp_rng_to_u01(word[2 * i + 1]);
        uint32_t one = u * (1.0 + y) < 1.0;
        count[e] += one;
        touched[e / 64] |= (uint64_t)one << (e % 64);
        w->waiting[waiting] = (proposal){ u, (float)y, (uint32_t)e };
        waiting += 1 - one;
    }
    for (size_t i = 0; i < waiting; i++) {
        const proposal *q = &w->waiting[i];
        uint32_t k = cluster_size(q->u, (double)q->y);
        count[q->gene] += k;
        touched[q->gene / 64] |= (uint64_t)(k > 0) << (q->gene % 64);
    }
}

static void draw_counts(scp_synth_drawer *w, size_t line, double library,
                        const double factor[SCP_SYNTH_CLASSES], scp_synth_stream *r)
{
    const scp_synth_sampler *s = w->s;
    uint32_t block = FIRST_BLOCK;
    for (size_t k = 0; k < SCP_SYNTH_CLASSES; k++) {
        const scp_synth_slot *slots = s->slot + line * s->E + s->first[k];
        double size = library * factor[k];
        int64_t n = scp_synth_poisson(r, size * s->mass[line][k]);
        while (n > 0) {
            size_t m = n < BATCH ? (size_t)n : BATCH, blocks = (m + 1) / 2;
            scp_rng_fill_words(r->seed, SCP_RNG_SYNTH, r->step, r->sample, block, blocks, w->word);
            propose(w, slots, s->first[k + 1] - s->first[k], m,
                    (float)(s->d->cfg.dispersion * size));
            block += (uint32_t)blocks;
            n -= (int64_t)m;
        }
    }
}

/* ---- rows ---- */

/* Room for one more row of `nnz` entries. */
static scp_status reserve_row(scp_h5ad_rows *rows, size_t nnz)
{
    size_t n = rows->n_rows, cap_values = rows->cap_nnz;
    size_t have = n ? (size_t)rows->indptr[n] : 0;
    SCP_TRY(scp_grow(&rows->indptr, &rows->cap_rows, n + 2, sizeof *rows->indptr));
    SCP_TRY(scp_grow(&rows->value, &cap_values, have + nnz, sizeof *rows->value));
    return scp_grow(&rows->column, &rows->cap_nnz, have + nnz, sizeof *rows->column);
}

/* Append the counts as a row, in the order of the genes, and clear them. */
static scp_status take_row(scp_synth_drawer *w, scp_h5ad_rows *rows, scp_synth_cell *out)
{
    const scp_synth_sampler *s = w->s;
    size_t words = s->E / 64 + 1, need = 0, at;
    uint64_t counts = 0, mito = 0;
    for (size_t i = 0; i < words; i++) need += (size_t)__builtin_popcountll(w->touched[i]);
    SCP_TRY(reserve_row(rows, need));
    at = (size_t)rows->indptr[rows->n_rows];
    for (size_t i = 0; i < words; i++) {
        for (uint64_t bits = w->touched[i]; bits; bits &= bits - 1) {
            size_t e = i * 64 + (size_t)__builtin_ctzll(bits);
            uint32_t k = w->count[e];
            w->count[e] = 0;
            rows->column[at] = s->gene[e];
            rows->value[at++] = (float)k;
            counts += k;
            mito += s->flags[e] & SCP_SYNTH_MITO ? k : 0;
        }
        w->touched[i] = 0;
    }
    rows->indptr[++rows->n_rows] = (int64_t)at;
    out->genes = (int32_t)need;
    out->counts = (int64_t)counts;
    out->mito = counts ? (float)((double)mito / (double)counts) : 0.0f;
    return SCP_OK;
}

scp_status scp_synth_draw(scp_synth_drawer *w, size_t line, int32_t cell, scp_h5ad_rows *rows,
                          scp_synth_cell *out)
{
    const scp_synth_design *d = w->s->d;
    const scp_synth_plate *plate = &d->plate[w->s->plate];
    uint64_t step = scp_synth_cell_step(plate->number, w->s->well, line);
    scp_synth_stream r = scp_synth_stream_at((uint64_t)d->cfg.seed, step, (uint64_t)cell);
    double factor[SCP_SYNTH_CLASSES], library = draw_library(d, &plate->well[w->s->well], &r);
    draw_phase(&r, out);
    state_factors(d, &r, out->phase, factor);
    draw_counts(w, line, library, factor, &r);
    SCP_TRY(take_row(w, rows, out));
    out->reads = (int64_t)((double)out->counts * reads_per_count + scp_synth_u01(&r));
    return SCP_OK;
}
