/* Discrimination scores of many predictions against the labels of a line.
 *
 * What decides the time is N distances a prediction over G genes. They are screened in fp32: labels
 * come in tiles of TILE, whose effects are made of their profiles piece by piece (CHUNK genes) and
 * used for ROWS predictions while they lie in the cache. A block of 2 predictions x 2 labels takes
 * 4 loads for 4 pairs, so the units that add are the limit, not memory: a difference, its magnitude
 * and two sums (the inner product serves L2 and cosine).
 *
 * |sum of fp32 terms - the true one| <= (m + 3) u sum |terms|, u = 2^-24, for a term that passes
 * through m additions; + 3: the term itself and the two inputs are rounded. A chunk is summed in
 * LANES columns, so m = CHUNK / LANES + log2(LANES), whatever the machine; chunks in fp64. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/mem.h"
#include "eval/pds_impl.h"

enum { LANES = 16, CHUNK = 2048, TILE = 32, ROWS = 64 };

static const double rounding = (CHUNK / LANES + 8) * 5.9604644775390625e-08;
static const double rounding_sum = 1e-10; /* of sums in fp64, far above G 2^-53 */
static const double least_norms = 1e-20;  /* below, fp32 could underflow */

typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef int32_t bits __attribute__((vector_size(LANES * sizeof(int32_t))));

typedef struct size_of { /* of an effect */
    double l1, squares;
} size_of;

typedef struct work { /* of a thread */
    double *f, *r;    /* [G] effects in fp64 */
    float *label;     /* [TILE, CHUNK] */
    double *l1, *dot; /* [ROWS, TILE] sums */
} work;

struct scp_pds_line {
    size_t G, N, chunks;
    const scp_pds_effect *label; /* [N] borrowed */
    size_of *size;               /* [N] of the labels */
    size_t cap_size;
    float *f; /* [n, chunks, CHUNK] predictions of a call, zeros beyond the last gene */
    size_t cap_f;
    size_of *f_size; /* [n] */
    size_t cap_f_size;
    scp_pds_places *places; /* [n] own distances */
    size_t cap_places;
    scp_pds_places *found; /* [n] counts of all tiles so far */
    size_t cap_found;
    int n_threads;
    work *work;
};

/* ---- effects ---- */

/* x cut at 0; what is not finite becomes NaN. */
static inline float cut(float x)
{
    return !(fabsf(x) <= 3.402823466e38f) ? NAN : x < 0 ? 0 : x;
}

SCP_ANY_MACHINE
static void add_plate(const float *post, const float *pre, size_t n, double plates, double *out)
{
    for (size_t g = 0; g < n; g++) out[g] += ((double)cut(post[g]) - (double)pre[g]) / plates;
}

void scp_pds_effect_values(const scp_pds_effect *e, size_t first, size_t n, double *out)
{
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < e->plates; i++)
        add_plate(e->post[i] + first, e->pre[i] + first, n, (double)e->plates, out);
}

SCP_ANY_MACHINE
static void one_plate(const float *post, const float *pre, size_t n, float *out)
{
    for (size_t g = 0; g < n; g++) out[g] = cut(post[g]) - pre[g];
}

/* Genes of chunk c in fp32, zeros beyond the last; `wide` [CHUNK] is scratch. */
static void narrow(const scp_pds_effect *e, size_t G, size_t c, double *wide, float *out)
{
    const size_t first = c * CHUNK, n = G - first < CHUNK ? G - first : CHUNK;
    if (e->plates == 1) {
        one_plate(e->post[0] + first, e->pre[0] + first, n, out);
    } else {
        scp_pds_effect_values(e, first, n, wide);
        for (size_t g = 0; g < n; g++) out[g] = (float)wide[g];
    }
    memset(out + n, 0, (CHUNK - n) * sizeof *out);
}

static size_of measure(const double *x, size_t G)
{
    double l1 = 0, squares = 0;
#pragma omp simd reduction(+ : l1, squares)
    for (size_t g = 0; g < G; g++) {
        l1 += fabs(x[g]);
        squares += x[g] * x[g];
    }
    return (size_of){ l1, squares };
}

/* ---- a line ---- */

void scp_pds_line_destroy(scp_pds_line **l)
{
    if (!l || !*l) return;
    for (int t = 0; t < (*l)->n_threads && (*l)->work; t++) {
        free((*l)->work[t].f);
        free((*l)->work[t].label);
        free((*l)->work[t].l1);
    }
    free((*l)->work);
    free((*l)->size);
    free((*l)->f);
    free((*l)->f_size);
    free((*l)->places);
    free((*l)->found);
    free(*l);
    *l = NULL;
}

static scp_status work_init(work *w, size_t genes)
{
    SCP_TRY(scp_alloc(2 * genes, sizeof *w->f, &w->f));
    SCP_TRY(scp_alloc(TILE * CHUNK, sizeof *w->label, &w->label));
    SCP_TRY(scp_alloc(2 * ROWS * TILE, sizeof *w->l1, &w->l1));
    w->r = w->f + genes;
    w->dot = w->l1 + ROWS * TILE;
    return SCP_OK;
}

scp_status scp_pds_line_create(size_t G, scp_pds_line **out)
{
    SCP_ARG(G > 0 && out, "a number of genes and a result are required");
    scp_pds_line *l = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(1, sizeof *l, &l));
    l->G = G;
    l->chunks = (G + CHUNK - 1) / CHUNK;
    l->n_threads = scp_omp_threads();
    SCP_GOTO(fail, scp_alloc((size_t)l->n_threads, sizeof *l->work, &l->work));
    for (int t = 0; t < l->n_threads; t++)
        SCP_GOTO(fail, work_init(&l->work[t], l->chunks * CHUNK));
    *out = l;
    return SCP_OK;
fail:
    scp_pds_line_destroy(&l);
    return st;
}

scp_status scp_pds_line_begin(scp_pds_line *l, const scp_pds_effect *label, size_t N)
{
    SCP_ARG(l && label && N > 0, "a line and labels are required");
    SCP_TRY(scp_grow(&l->size, &l->cap_size, N, sizeof *l->size));
    l->label = label;
    l->N = N;
#pragma omp parallel for schedule(static)
    for (size_t q = 0; q < N; q++) {
        double *r = l->work[scp_omp_thread()].r;
        scp_pds_effect_values(&label[q], 0, l->G, r);
        l->size[q] = measure(r, l->G);
    }
    return SCP_OK;
}

/* ---- screening ---- */

/* Two predictions against two labels over one chunk. */
SCP_ANY_MACHINE
static void pairs(const float *f0, const float *f1, const float *r0, const float *r1, double l1[4],
                  double dot[4])
{
    const bits positive = (bits){ 0 } + INT32_MAX;
    lanes a0 = { 0 }, a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    for (size_t i = 0; i < CHUNK; i += LANES) {
        const lanes x = *(const lanes *)(f0 + i), y = *(const lanes *)(f1 + i),
                    u = *(const lanes *)(r0 + i), v = *(const lanes *)(r1 + i);
        a0 += (lanes)((bits)(x - u) & positive);
        a1 += (lanes)((bits)(x - v) & positive);
        a2 += (lanes)((bits)(y - u) & positive);
        a3 += (lanes)((bits)(y - v) & positive);
        b0 += x * u;
        b1 += x * v;
        b2 += y * u;
        b3 += y * v;
    }
    float sum[8][LANES];
    const lanes all[8] = { a0, a1, a2, a3, b0, b1, b2, b3 };
    memcpy(sum, all, sizeof sum);
    for (size_t width = LANES / 2; width; width /= 2)
        for (int k = 0; k < 8; k++)
            for (size_t i = 0; i < width; i++) sum[k][i] += sum[k][i + width];
    for (int k = 0; k < 4; k++) {
        l1[k] = sum[k][0];
        dot[k] = sum[k + 4][0];
    }
}

/* Add a chunk of `rows` predictions, stride apart, to their sums with `labels` labels; an odd last
 * one is done twice, its second copy is not stored. */
static void add_chunk(work *w, const float *f, size_t stride, size_t rows, size_t labels)
{
    for (size_t q = 0; q < labels; q += 2)
        for (size_t p = 0; p < rows; p += 2) {
            const size_t q1 = q + 1 < labels ? q + 1 : q, p1 = p + 1 < rows ? p + 1 : p;
            const size_t at[] = { p * TILE + q, p * TILE + q1, p1 * TILE + q, p1 * TILE + q1 };
            double l1[4], dot[4];
            pairs(f + p * stride, f + p1 * stride, w->label + q * CHUNK, w->label + q1 * CHUNK, l1,
                  dot);
            for (int i = 0; i < 4; i++) {
                if ((i & 1 && q1 == q) || (i & 2 && p1 == p)) continue;
                w->l1[at[i]] += l1[i];
                w->dot[at[i]] += dot[i];
            }
        }
}

/* Sums of the predictions [p, p + rows) with the labels [q, q + labels). */
static void screen(const scp_pds_line *l, work *w, size_t p, size_t rows, size_t q, size_t labels)
{
    const size_t stride = l->chunks * CHUNK;
    memset(w->l1, 0, 2 * ROWS * TILE * sizeof *w->l1);
    for (size_t c = 0; c < l->chunks; c++) {
        for (size_t i = 0; i < labels; i++)
            narrow(&l->label[q + i], l->G, c, w->r, w->label + i * CHUNK);
        add_chunk(w, l->f + p * stride + c * CHUNK, stride, rows, labels);
    }
}

/* -1 nearer than the own label, 1 farther, 0 not told: d is within `error` of the distance. */
static int side(double d, double own, double error)
{
    return d - own > error ? 1 : own - d > error ? -1 : 0;
}

/* Sides of one label by the three distances; false when one is not told. */
static bool judge(const double own[SCP_PDS_KINDS], size_of f, size_of r, double l1, double dot,
                  int to[SCP_PDS_KINDS])
{
    const double norms = sqrt(f.squares) * sqrt(r.squares), l1s = f.l1 + r.l1,
                 squares = f.squares + r.squares;
    if (!(norms > least_norms) || !isfinite(l1) || !isfinite(dot)) return false;
    to[SCP_PDS_L1] = side(l1, own[SCP_PDS_L1], (rounding + rounding_sum) * l1s);
    to[SCP_PDS_L2] = side(squares - 2 * dot, own[SCP_PDS_L2],
                          2 * rounding * norms + rounding_sum * squares);
    to[SCP_PDS_COSINE] = side(1 - dot / norms, own[SCP_PDS_COSINE], rounding + rounding_sum);
    return to[SCP_PDS_L1] && to[SCP_PDS_L2] && to[SCP_PDS_COSINE];
}

/* ---- scores ---- */

/* No change at all: its distance from a label is the label's size. */
static bool is_zero(size_of f)
{
    return f.l1 == 0 && f.squares == 0;
}

static void distances_of_zero(size_of r, double d[SCP_PDS_KINDS])
{
    d[SCP_PDS_L1] = r.l1;
    d[SCP_PDS_L2] = r.squares;
    d[SCP_PDS_COSINE] = isnan(r.l1) ? NAN : 1;
}

/* Prediction i: its size, its distance from its own label, its values in fp32. */
static void prepare(scp_pds_line *l, const scp_pds_effect *f, size_t own, size_t i)
{
    work *w = &l->work[scp_omp_thread()];
    scp_pds_places *p = &l->places[i];
    *p = (scp_pds_places){ .unknown = l->N < 2 };
    scp_pds_effect_values(f, 0, l->G, w->f);
    l->f_size[i] = measure(w->f, l->G);
    if (is_zero(l->f_size[i])) {
        distances_of_zero(l->size[own], p->own);
    } else {
        scp_pds_effect_values(&l->label[own], 0, l->G, w->r);
        scp_pds_distances(w->f, w->r, l->G, NULL, p->own);
    }
    for (int k = 0; k < SCP_PDS_KINDS; k++) p->unknown |= !isfinite(p->own[k]);
    l->found[i] = *p;
    for (size_t c = 0; c < l->chunks; c++)
        narrow(f, l->G, c, w->r, l->f + (i * l->chunks + c) * CHUNK);
}

/* Labels [q, q + labels) but the own one counted for prediction i; its sums are row `at` of w. */
static void count_tile(const scp_pds_line *l, work *w, const scp_pds_effect *f, size_t own,
                       size_t i, size_t at, size_t q, size_t labels, scp_pds_places *p)
{
    const size_of size = l->f_size[i];
    bool wide = false; /* w->f is this prediction */
    for (size_t t = 0; t < labels && !p->unknown; t++) {
        double d[SCP_PDS_KINDS];
        int to[SCP_PDS_KINDS];
        if (q + t == own) continue;
        if (is_zero(size)) {
            distances_of_zero(l->size[q + t], d);
            scp_pds_count(p, d);
            continue;
        }
        if (judge(p->own, size, l->size[q + t], w->l1[at * TILE + t], w->dot[at * TILE + t], to)) {
            for (int k = 0; k < SCP_PDS_KINDS; k++) p->k[k] += to[k] < 0;
            continue;
        }
        if (!wide) scp_pds_effect_values(f, 0, l->G, w->f);
        wide = true;
        scp_pds_effect_values(&l->label[q + t], 0, l->G, w->r);
        scp_pds_distances(w->f, w->r, l->G, NULL, d);
        scp_pds_count(p, d);
    }
}

/* Counts of a tile to those of all; several threads do so at a time. */
static void add_places(const scp_pds_places *p, scp_pds_places *all)
{
    for (int k = 0; k < SCP_PDS_KINDS; k++) {
#pragma omp atomic
        all->k[k] += p->k[k];
    }
    if (p->unknown) {
#pragma omp atomic write
        all->unknown = true;
    }
}

/* A group of predictions against a tile of labels. Counts are multiples of 1/2: their sums over
 * tiles are exact in any order. */
static void score_tile(scp_pds_line *l, const scp_pds_effect *f, const size_t *own, size_t first,
                       size_t rows, size_t q)
{
    work *w = &l->work[scp_omp_thread()];
    const size_t labels = l->N - q < TILE ? l->N - q : TILE;
    scp_pds_places p[ROWS];
    screen(l, w, first, rows, q, labels);
    for (size_t i = 0; i < rows; i++) {
        p[i] = (scp_pds_places){ .unknown = l->places[first + i].unknown };
        memcpy(p[i].own, l->places[first + i].own, sizeof p[i].own);
        count_tile(l, w, &f[first + i], own[first + i], first + i, i, q, labels, &p[i]);
    }
    for (size_t i = 0; i < rows; i++) add_places(&p[i], &l->found[first + i]);
}

scp_status scp_pds_line_score(scp_pds_line *l, const scp_pds_effect *f, const size_t *own, size_t n,
                              scp_pds_scores *out)
{
    SCP_ARG(l && l->label && f && own && out, "a line that has begun and predictions are required");
    SCP_TRY(scp_grow(&l->f, &l->cap_f, n * l->chunks * CHUNK, sizeof *l->f));
    SCP_TRY(scp_grow(&l->f_size, &l->cap_f_size, n, sizeof *l->f_size));
    SCP_TRY(scp_grow(&l->places, &l->cap_places, n, sizeof *l->places));
    SCP_TRY(scp_grow(&l->found, &l->cap_found, n, sizeof *l->found));
#pragma omp parallel
    {
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < n; i++) prepare(l, &f[i], own[i], i);
#pragma omp for schedule(dynamic) collapse(2)
        for (size_t first = 0; first < n; first += ROWS)
            for (size_t q = 0; q < l->N; q += TILE)
                score_tile(l, f, own, first, n - first < ROWS ? n - first : ROWS, q);
    }
    for (size_t i = 0; i < n; i++) out[i] = scp_pds_scores_of(&l->found[i], l->N);
    return SCP_OK;
}
