/* Drawing cells without visiting every gene.
 *
 * Counts are gamma-Poisson: mean mu, variance mu + a mu^2 (a = dispersion). Such a count is a
 * compound Poisson: Poisson(ln(1+y)/a) clusters with y = a mu, their sizes logarithmic with
 * parameter y/(1+y). So the clusters of all genes of a cell are thinned from one Poisson process of
 * rate sum mu: each proposal picks its gene from the key's alias table and becomes a cluster of
 * size k with probability (y/(1+y))^k / (k y), or nothing with what is left. This is exact, costs
 * one step per count and needs one table a key: the size of the library and the state of the cell
 * enter the thinning only. */
#include "data/synth_cells.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "data/synth_rng.h"

enum { STATES = 8, MAX_CLUSTER = 100000 };

static const double library_median = 1748.0, library_min = 390.0, library_max = 54000.0;
static const double large_share = 0.06, large_mean = 1.0, large_sd = 0.5; /* of ln library size */
static const double s_share = 0.25, g2m_share = 0.20;
static const double reads_per_count = 1.21;

/* A gene in the alias table of a key, and what drawing it needs: one cache line holds four. */
typedef struct slot {
    uint32_t keep, other; /* of 2^32: keep this gene, else take the other */
    float rate;           /* expected share of the counts */
    uint32_t factor;      /* index into the state factors */
} slot;

struct scp_synth_sampler {
    const scp_synth_design *d;
    size_t plate, well;
    float *rate;           /* [C, G] */
    slot *slot;            /* [C, G] */
    double *pool, *weight; /* [G] scratch */
    uint32_t *stack;       /* [G] scratch */
    uint32_t *count;       /* [G] of the cell at hand */
    uint64_t *touched;     /* [G / 64] bit set of genes with a count */
};

scp_status scp_synth_sampler_create(const scp_synth_design *d, scp_synth_sampler **out)
{
    scp_status st = SCP_OK;
    scp_synth_sampler *s = NULL;
    SCP_ARG(d && out, "plan and output are required");
    SCP_TRY(scp_alloc(1, sizeof *s, &s));
    s->d = d;
    SCP_GOTO(fail, scp_alloc(d->C * d->G, sizeof *s->rate, &s->rate));
    SCP_GOTO(fail, scp_alloc(d->C * d->G, sizeof *s->slot, &s->slot));
    SCP_GOTO(fail, scp_alloc(d->G, sizeof *s->pool, &s->pool));
    SCP_GOTO(fail, scp_alloc(d->G, sizeof *s->weight, &s->weight));
    SCP_GOTO(fail, scp_alloc(d->G, sizeof *s->stack, &s->stack));
    SCP_GOTO(fail, scp_alloc(d->G, sizeof *s->count, &s->count));
    SCP_GOTO(fail, scp_alloc(d->G / 64 + 1, sizeof *s->touched, &s->touched));
    *out = s;
    return SCP_OK;
fail:
    scp_synth_sampler_destroy(&s);
    return st;
}

void scp_synth_sampler_destroy(scp_synth_sampler **sp)
{
    scp_synth_sampler *s = sp ? *sp : NULL;
    if (!s) return;
    void *owned[] = { s->rate, s->slot, s->pool, s->weight, s->stack, s->count, s->touched };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    free(s);
    *sp = NULL;
}

/* Profile of a key before ambient counts; sums to `captured`. */
static void key_rates(const scp_synth_design *d, const scp_synth_plate *plate,
                      const scp_synth_well *well, size_t line, float *rate)
{
    size_t G = d->G;
    double sum = 0.0;
    if (well->drug >= 0)
        scp_synth_lfc(d, line, (size_t)well->drug, well->dose, rate);
    else
        memset(rate, 0, G * sizeof *rate);
    for (int j = 0; j < SCP_SYNTH_J; j++)
        for (size_t g = 0; g < G; g++) rate[g] += (float)well->coef[j] * d->X[(size_t)j * G + g];
    for (size_t g = 0; g < G; g++) {
        rate[g] = expf(d->line_log[line * G + g] + plate->gene[g] + rate[g]);
        sum += rate[g];
    }
    float scale = (float)(d->captured / sum);
    for (size_t g = 0; g < G; g++) rate[g] *= scale;
}

/* Alias table of a profile (Vose, IEEE Trans. Software Engineering 17, 1991). Small genes grow from
 * the front of the stack, large ones from its back. */
static void build_alias(scp_synth_sampler *s, size_t line, double sum)
{
    size_t G = s->d->G, small = 0, large = G;
    const float *rate = s->rate + line * G;
    double *weight = s->weight;
    slot *out = s->slot + line * G;
    for (size_t g = 0; g < G; g++) {
        /* what rounding leaves over keeps its own gene */
        out[g] = (slot){ UINT32_MAX, (uint32_t)g, rate[g], s->d->gene_flags[g] >> 1 };
        weight[g] = (double)rate[g] * (double)G / sum;
        if (weight[g] < 1.0)
            s->stack[small++] = (uint32_t)g;
        else
            s->stack[--large] = (uint32_t)g;
    }
    while (small > 0 && large < G) {
        uint32_t a = s->stack[--small], b = s->stack[large];
        out[a].keep = (uint32_t)fmin(weight[a] * 4294967296.0, 4294967295.0);
        out[a].other = b;
        weight[b] -= 1.0 - weight[a];
        if (weight[b] < 1.0) {
            large++;
            s->stack[small++] = b;
        }
    }
}

void scp_synth_sampler_well(scp_synth_sampler *s, size_t plate, size_t well)
{
    const scp_synth_design *d = s->d;
    const scp_synth_well *at = &d->plate[plate].well[well];
    double cells = 0.0;
    s->plate = plate;
    s->well = well;
    memset(s->pool, 0, d->G * sizeof *s->pool);
    for (size_t c = 0; c < d->C; c++) {
        if (at->cells[c] == 0) continue;
        float *rate = s->rate + c * d->G;
        key_rates(d, &d->plate[plate], at, c, rate);
        cells += at->cells[c];
        for (size_t g = 0; g < d->G; g++) s->pool[g] += at->cells[c] * (double)rate[g];
    }
    for (size_t c = 0; c < d->C; c++) {
        if (at->cells[c] == 0) continue;
        float *rate = s->rate + c * d->G;
        double ambient = d->cfg.ambient, sum = 0.0;
        for (size_t g = 0; g < d->G; g++) {
            rate[g] = (float)((1.0 - ambient) * (double)rate[g] + ambient * s->pool[g] / cells);
            sum += (double)rate[g];
        }
        build_alias(s, c, sum);
    }
}

const float *scp_synth_sampler_rates(const scp_synth_sampler *s, size_t line)
{
    return s->rate + line * s->d->G;
}

/* Expected counts of a cell over all genes of the atlas. */
static double draw_library(const scp_synth_design *d, const scp_synth_well *well,
                           scp_synth_stream *r)
{
    double log_size = log(library_median);
    if (d->cfg.library_sd > 0.0) {
        log_size += d->cfg.library_sd * scp_synth_normal(r);
        if (scp_synth_u01(r) < large_share) log_size += large_mean + large_sd * scp_synth_normal(r);
    }
    return fmin(fmax(exp(log_size), library_min), library_max) * well->depth * d->cfg.depth;
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

/* Factor of a gene's mean by its flags (shifted past the mitochondrial bit), from the cell's state
 * and phase. Returns the largest, which bounds the thinning. */
static double state_factors(const scp_synth_design *d, scp_synth_stream *r, int phase,
                            double factor[STATES])
{
    double state = exp(d->cfg.state * scp_synth_normal(r)), cycle = exp(d->cfg.state), top = 0.0;
    for (int f = 0; f < STATES; f++) {
        int flags = f << 1;
        factor[f] = flags & SCP_SYNTH_STATE ? state : 1.0;
        if ((flags & SCP_SYNTH_S && phase == SCP_SYNTH_PHASE_S) ||
            (flags & SCP_SYNTH_G2M && phase == SCP_SYNTH_PHASE_G2M))
            factor[f] *= cycle;
        top = fmax(top, factor[f]);
    }
    return top;
}

/* Size of the cluster that a proposal becomes: P(k) = (y/(1+y))^k / (k y), P(0) the rest; u
 * uniform. Nearly all proposals are settled by the first two terms and a bound of the others. */
static inline uint32_t cluster_size(double u, double y)
{
    if (u * (1.0 + y) < 1.0) return 1;
    double term = 1.0 / (1.0 + y), p = y * term, sum = term;
    term *= p;
    sum += 0.5 * term;
    if (u < sum) return 2;
    if (u >= sum + term * y / 3.0 || u >= log1p(y) / y) return 0;
    uint32_t k = 2;
    while (u >= sum && k < MAX_CLUSTER) {
        term *= p;
        sum += term / ++k;
    }
    return k;
}

static void draw_counts(scp_synth_sampler *s, size_t line, double library,
                        const double factor[STATES], double top, scp_synth_stream *r)
{
    size_t G = s->d->G;
    const slot *slots = s->slot + line * G;
    double refuse[STATES], gain[STATES];
    for (int f = 0; f < STATES; f++) {
        refuse[f] = top / factor[f]; /* a uniform times this is above one: thinned away */
        gain[f] = s->d->cfg.dispersion * library * factor[f];
    }
    for (int64_t n = scp_synth_poisson(r, library * s->d->captured * top); n > 0; n--) {
        uint64_t at = (uint64_t)scp_synth_bits(r) * G;
        size_t g = at >> 32;
        if ((uint32_t)at >= slots[g].keep) g = slots[g].other;
        double u = scp_synth_u01(r) * refuse[slots[g].factor];
        if (u >= 1.0) continue;
        uint32_t k = cluster_size(u, gain[slots[g].factor] * (double)slots[g].rate);
        if (k == 0) continue;
        s->count[g] += k;
        s->touched[g / 64] |= UINT64_C(1) << (g % 64);
    }
}

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
static scp_status take_row(scp_synth_sampler *s, scp_h5ad_rows *rows, scp_synth_cell *out)
{
    const scp_synth_design *d = s->d;
    size_t words = d->G / 64 + 1, need = 0, mito = 0;
    for (size_t i = 0; i < words; i++) need += (size_t)__builtin_popcountll(s->touched[i]);
    SCP_TRY(reserve_row(rows, need));
    size_t at = (size_t)rows->indptr[rows->n_rows];
    out->counts = 0;
    out->genes = (int32_t)need;
    for (size_t i = 0; i < words; i++) {
        for (uint64_t bits = s->touched[i]; bits; bits &= bits - 1) {
            size_t g = i * 64 + (size_t)__builtin_ctzll(bits);
            uint32_t k = s->count[g];
            s->count[g] = 0;
            rows->column[at] = (int32_t)g;
            rows->value[at++] = (float)k;
            out->counts += k;
            if (d->gene_flags[g] & SCP_SYNTH_MITO) mito += k;
        }
        s->touched[i] = 0;
    }
    rows->indptr[++rows->n_rows] = (int64_t)at;
    out->mito = out->counts ? (float)((double)mito / (double)out->counts) : 0.0f;
    return SCP_OK;
}

scp_status scp_synth_sampler_cell(scp_synth_sampler *s, size_t line, int32_t cell,
                                  scp_h5ad_rows *rows, scp_synth_cell *out)
{
    const scp_synth_plate *plate = &s->d->plate[s->plate];
    uint64_t step = scp_synth_cell_step(plate->number, s->well, line);
    scp_synth_stream r = scp_synth_stream_at((uint64_t)s->d->cfg.seed, step, (uint64_t)cell);
    double factor[STATES], library = draw_library(s->d, &plate->well[s->well], &r);
    draw_phase(&r, out);
    double top = state_factors(s->d, &r, out->phase, factor);
    draw_counts(s, line, library, factor, top, &r);
    SCP_TRY(take_row(s, rows, out));
    out->reads = (int64_t)((double)out->counts * reads_per_count + scp_synth_u01(&r));
    return SCP_OK;
}
