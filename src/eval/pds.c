/* Perturbation discrimination scores. One prediction is compared with all true effects (not the
 * other way round), effects are signed, and ties share the mean of their ranks. */
#include "eval/pds.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/mem.h"

enum { L1, L2, COSINE, KINDS };

/* Inlined twice, so that the form without dropped genes has no test in its loop. */
static inline __attribute__((always_inline)) void
distances(const double *f, const double *r, size_t G, const uint8_t *drop, double d[KINDS])
{
    double l1 = 0, l2 = 0, fr = 0, ff = 0, rr = 0;
#pragma omp simd reduction(+ : l1, l2, fr, ff, rr)
    for (size_t g = 0; g < G; g++) {
        double keep = drop ? !drop[g] : 1;
        double x = keep * f[g], y = keep * r[g], e = x - y;
        l1 += fabs(e);
        l2 += e * e;
        fr += x * y;
        ff += x * x;
        rr += y * y;
    }
    d[L1] = l1;
    d[L2] = l2; /* squared: same order */
    d[COSINE] = ff > 0 && rr > 0 ? 1 - fr / (sqrt(ff) * sqrt(rr)) : 1;
    if (isnan(l1)) d[COSINE] = NAN; /* no comparison above holds for NaN */
}

static void distances_to(const double *f, const double *r, size_t G, const uint8_t *drop,
                         double d[KINDS])
{
    if (drop)
        distances(f, r, G, drop, d);
    else
        distances(f, r, G, NULL, d);
}

/* Labels nearer than the own one, by distance; a tie counts half. */
typedef struct places {
    double own[KINDS], k[KINDS];
    bool unknown; /* a distance is not finite */
} places;

static void count_exactly(places *p, const double *f, const double *r, size_t G,
                          const uint8_t *drop)
{
    double d[KINDS];
    distances_to(f, r, G, drop, d);
    for (int i = 0; i < KINDS; i++) {
        p->unknown |= !isfinite(d[i]) || !isfinite(p->own[i]);
        p->k[i] += d[i] < p->own[i] ? 1 : d[i] == p->own[i] ? 0.5 : 0;
    }
}

static scp_pds_scores scores_of(const places *p, size_t N)
{
    const double n = (double)N;
    scp_pds_scores s = { NAN, NAN, NAN, NAN };
    if (p->unknown) return s;
    return (scp_pds_scores){ .l1 = 1 - p->k[L1] / n,
                             .l2 = 1 - p->k[L2] / n,
                             .cosine = 1 - p->k[COSINE] / n,
                             .cosine_mid = 1 - p->k[COSINE] / (n - 1) };
}

void scp_pds_score(const double *f, const double *r, size_t N, size_t G, size_t own,
                   const uint8_t *drop, scp_pds_scores *out)
{
    places p = { .unknown = N < 2 };
    distances_to(f, r + own * G, G, drop, p.own);
    for (size_t q = 0; q < N && !p.unknown; q++)
        if (q != own) count_exactly(&p, f, r + q * G, G, drop);
    *out = scores_of(&p, N);
}

/* ---- many predictions against the labels of a line ----
 *
 * What decides the time is N distances a prediction over G genes. A tile of 2 predictions x 2
 * labels takes 4 loads for 4 pairs, so the units that add are the limit, not memory: a difference,
 * its magnitude and two sums (the inner product serves L2 and cosine) for 16 genes at a time.
 * Labels lie in pieces of CHUNK genes, so that they are read in one stream for ROWS predictions. */
enum { CHUNK = 512, ROWS = 16 };

/* |sum of n fp32 terms - the true one| <= (n + 2) u sum |terms| in any order, u = 2^-24; + 2 for
 * terms made of rounded inputs. A chunk is summed in fp32, chunks in fp64. */
static const double rounding = (CHUNK + 8) * 5.9604644775390625e-08;
static const double rounding_sum = 1e-10; /* of sums in fp64, far above G 2^-53 */
static const double least_norms = 1e-20;  /* below, fp32 could underflow; zero vectors, too */

typedef struct size_of { /* of an effect */
    double l1, squares;
} size_of;

typedef struct work { /* of a thread */
    float *f;         /* [ROWS, CHUNK] */
    double *l1, *dot; /* [ROWS, cap] with every label */
} work;

struct scp_pds_line {
    size_t G, N, cap, chunks;
    double *effect; /* [cap, G] */
    float *label;   /* [chunks, N, CHUNK] */
    size_of *size;  /* [cap] */
    int n_threads;
    work *work;
};

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
        SCP_GOTO(fail, scp_alloc(ROWS * CHUNK, sizeof *l->work->f, &l->work[t].f));
    *out = l;
    return SCP_OK;
fail:
    scp_pds_line_destroy(&l);
    return st;
}

static void release_labels(scp_pds_line *l)
{
    for (int t = 0; t < l->n_threads && l->work; t++) {
        free(l->work[t].l1);
        free(l->work[t].dot);
        l->work[t].l1 = l->work[t].dot = NULL;
    }
    free(l->effect);
    free(l->label);
    free(l->size);
    l->effect = NULL;
    l->label = NULL;
    l->size = NULL;
    l->cap = 0;
}

void scp_pds_line_destroy(scp_pds_line **l)
{
    if (!l || !*l) return;
    release_labels(*l);
    for (int t = 0; t < (*l)->n_threads && (*l)->work; t++) free((*l)->work[t].f);
    free((*l)->work);
    free(*l);
    *l = NULL;
}

static scp_status make_room(scp_pds_line *l, size_t N)
{
    release_labels(l);
    SCP_TRY(scp_alloc(N * l->G, sizeof *l->effect, &l->effect));
    SCP_TRY(scp_alloc(l->chunks * N * CHUNK, sizeof *l->label, &l->label));
    SCP_TRY(scp_alloc(N, sizeof *l->size, &l->size));
    for (int t = 0; t < l->n_threads; t++) {
        SCP_TRY(scp_alloc(ROWS * N, sizeof(double), &l->work[t].l1));
        SCP_TRY(scp_alloc(ROWS * N, sizeof(double), &l->work[t].dot));
    }
    l->cap = N;
    return SCP_OK;
}

scp_status scp_pds_line_begin(scp_pds_line *l, size_t N, double **effect)
{
    SCP_ARG(l && N > 0 && effect, "a line, labels and a result are required");
    if (N > l->cap) SCP_TRY(make_room(l, N));
    l->N = N;
    memset(l->effect, 0, N * l->G * sizeof *l->effect);
    *effect = l->effect;
    return SCP_OK;
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

/* Genes of chunk c as fp32, zeros beyond the last. */
static void narrow(const scp_pds_line *l, const double *x, size_t c, float *out)
{
    size_t first = c * CHUNK, n = l->G - first < CHUNK ? l->G - first : CHUNK;
    for (size_t i = 0; i < n; i++) out[i] = (float)x[first + i];
    for (size_t i = n; i < CHUNK; i++) out[i] = 0;
}

void scp_pds_line_ready(scp_pds_line *l)
{
#pragma omp parallel for schedule(static)
    for (size_t q = 0; q < l->N; q++) {
        const double *x = l->effect + q * l->G;
        l->size[q] = measure(x, l->G);
        for (size_t c = 0; c < l->chunks; c++) narrow(l, x, c, l->label + (c * l->N + q) * CHUNK);
    }
}

/* Two predictions against two labels over one chunk. */
SCP_ANY_MACHINE
static void tile(const float *f0, const float *f1, const float *r0, const float *r1, float l1[4],
                 float dot[4])
{
    float a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
#pragma omp simd reduction(+ : a0, a1, a2, a3, b0, b1, b2, b3)
    for (size_t i = 0; i < CHUNK; i++) {
        float x = f0[i], y = f1[i], u = r0[i], v = r1[i];
        a0 += fabsf(x - u);
        a1 += fabsf(x - v);
        a2 += fabsf(y - u);
        a3 += fabsf(y - v);
        b0 += x * u;
        b1 += x * v;
        b2 += y * u;
        b3 += y * v;
    }
    const float l[] = { a0, a1, a2, a3 }, d[] = { b0, b1, b2, b3 };
    memcpy(l1, l, sizeof l);
    memcpy(dot, d, sizeof d);
}

/* Add chunk c of `rows` predictions to their sums with every label; an odd last one is done twice,
 * its second copy is not stored. */
static void add_chunk(const scp_pds_line *l, work *w, size_t c, size_t rows)
{
    const float *label = l->label + c * l->N * CHUNK;
    for (size_t q = 0; q < l->N; q += 2)
        for (size_t p = 0; p < rows; p += 2) {
            const size_t q1 = q + 1 < l->N ? q + 1 : q, p1 = p + 1 < rows ? p + 1 : p;
            const size_t at[] = { p * l->N + q, p * l->N + q1, p1 * l->N + q, p1 * l->N + q1 };
            float l1[4], dot[4];
            tile(w->f + p * CHUNK, w->f + p1 * CHUNK, label + q * CHUNK, label + q1 * CHUNK, l1,
                 dot);
            for (int i = 0; i < 4; i++) {
                if ((i & 1 && q1 == q) || (i & 2 && p1 == p)) continue;
                w->l1[at[i]] += l1[i];
                w->dot[at[i]] += dot[i];
            }
        }
}

static void screen(const scp_pds_line *l, work *w, const double *f, size_t rows)
{
    memset(w->l1, 0, rows * l->N * sizeof *w->l1);
    memset(w->dot, 0, rows * l->N * sizeof *w->dot);
    for (size_t c = 0; c < l->chunks; c++) {
        for (size_t p = 0; p < rows; p++) narrow(l, f + p * l->G, c, w->f + p * CHUNK);
        add_chunk(l, w, c, rows);
    }
}

/* -1 nearer than the own label, 1 farther, 0 not told: d is within `error` of the distance. */
static int side(double d, double own, double error)
{
    return d - own > error ? 1 : own - d > error ? -1 : 0;
}

/* Sides of one label by the three distances; false when one is not told. */
static bool judge(const places *p, size_of f, size_of r, double l1, double dot, int to[KINDS])
{
    const double norms = sqrt(f.squares) * sqrt(r.squares), l1s = f.l1 + r.l1,
                 squares = f.squares + r.squares;
    if (!(norms > least_norms) || !isfinite(l1) || !isfinite(dot)) return false;
    to[L1] = side(l1, p->own[L1], (rounding + rounding_sum) * l1s);
    to[L2] = side(squares - 2 * dot, p->own[L2], 2 * rounding * norms + rounding_sum * squares);
    to[COSINE] = side(1 - dot / norms, p->own[COSINE], rounding + rounding_sum);
    return to[L1] && to[L2] && to[COSINE];
}

static void score_row(const scp_pds_line *l, const double *f, size_t own, const double *l1,
                      const double *dot, scp_pds_scores *out)
{
    places p = { .unknown = l->N < 2 };
    const size_of size = measure(f, l->G);
    distances_to(f, l->effect + own * l->G, l->G, NULL, p.own);
    for (int i = 0; i < KINDS; i++) p.unknown |= !isfinite(p.own[i]);
    for (size_t q = 0; q < l->N && !p.unknown; q++) {
        int to[KINDS];
        if (q == own) continue;
        if (judge(&p, size, l->size[q], l1[q], dot[q], to))
            for (int i = 0; i < KINDS; i++) p.k[i] += to[i] < 0;
        else
            count_exactly(&p, f, l->effect + q * l->G, l->G, NULL);
    }
    *out = scores_of(&p, l->N);
}

void scp_pds_line_score(scp_pds_line *l, const double *f, const size_t *own, size_t n,
                        scp_pds_scores *out)
{
#pragma omp parallel for schedule(dynamic)
    for (size_t first = 0; first < n; first += ROWS) {
        const size_t rows = n - first < ROWS ? n - first : ROWS;
        work *w = &l->work[scp_omp_thread()];
        screen(l, w, f + first * l->G, rows);
        for (size_t i = 0; i < rows; i++)
            score_row(l, f + (first + i) * l->G, own[first + i], w->l1 + i * l->N,
                      w->dot + i * l->N, &out[first + i]);
    }
}
