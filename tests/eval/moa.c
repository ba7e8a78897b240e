/* Mechanisms in an embedding: scikit-learn's values, closed forms, the null; and UMAP. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "eval/moa.h"
#include "eval/umap.h"
#include "io/tsv.h"
#include "tap.h"

static scp_tsv *golden(const char *name)
{
    char path[SCP_PATH_MAX];
    scp_tsv *t = NULL;
    const char *top = getenv("top_srcdir");
    snprintf(path, sizeof path, "%s/tests/golden/%s", top ? top : ".", name);
    tap_st(scp_tsv_read(path, &t), "%s", name);
    return t;
}

static double real_at(const scp_tsv *t, size_t row, size_t column)
{
    double v;
    return scp_tsv_real(t, row, column, &v) == SCP_OK ? v : NAN;
}

static void test_scikit_learn(void)
{
    scp_tsv *t = golden("moa.tsv"), *want = golden("moa_want.tsv");
    size_t n = scp_tsv_n_rows(t), dim = scp_tsv_n_columns(t) - 1;
    float *x = calloc(n * dim, sizeof *x);
    int32_t *label = calloc(n, sizeof *label);
    double *dist = calloc(n * n, sizeof *dist), got;
    for (size_t i = 0; i < n; i++) {
        label[i] = (int32_t)real_at(t, i, 0);
        for (size_t c = 0; c < dim; c++) x[i * dim + c] = (float)real_at(t, i, c + 1);
    }
    scp_distances(x, n, dim, dist);
    for (size_t i = 0; i < scp_tsv_n_rows(want); i++) {
        const char *what = scp_tsv_text(want, i, 0);
        size_t k = (size_t)real_at(want, i, 1);
        if (k)
            got = scp_knn_purity(dist, label, n, k);
        else
            tap_st(scp_silhouette(dist, label, n, 6, &got), "silhouette");
        tap_near(got, real_at(want, i, 2), 1e-6, "%s, k %zu, as scikit-learn's", what, k);
    }
    const scp_moa_settings s = { .k = 5, .permutations = 400, .min_class = 2, .seed = 3 };
    scp_moa_result r, again;
    tap_st(scp_moa_score(x, label, n, dim, &s, &r), "with a null");
    tap_near(r.purity.value, real_at(want, 2, 2), 1e-9, "the same purity");
    tap_ok(r.n == n && r.n_classes == 6 && r.k == 5, "all drugs take part");
    double pairs = 0, count[6] = { 0 };
    for (size_t i = 0; i < n; i++) count[label[i]]++;
    for (size_t c = 0; c < 6; c++) pairs += count[c] * (count[c] - 1);
    tap_near(r.purity.null_mean, pairs / (double)(n * (n - 1)), 4 * r.purity.null_sd / 20,
             "the null's mean purity is the chance of a pair, within 4 standard errors");
    tap_near(r.purity.p, 1 / 401.0, 1e-12, "no permutation reaches these classes");
    tap_near(r.silhouette.p, 1 / 401.0, 1e-12, "in the silhouette neither");
    tap_st(scp_moa_score(x, label, n, dim, &s, &again), "once more");
    tap_ok(memcmp(&r, &again, sizeof r) == 0, "gives the same bits");
    free(x);
    free(label);
    free(dist);
    scp_tsv_destroy(&t);
    scp_tsv_destroy(&want);
}

static void test_closed_forms(void)
{
    /* On a line: 0 1 | 10 11 | 30 */
    const float x[] = { 0, 1, 10, 11, 30 };
    const int32_t label[] = { 0, 0, 1, 1, 2 };
    double dist[25], s;
    scp_distances(x, 5, 1, dist);
    tap_near(scp_knn_purity(dist, label, 5, 1), 0.8, 1e-15, "purity of the nearest neighbour");
    tap_st(scp_silhouette(dist, label, 5, 3, &s), "silhouette");
    tap_near(s, (9.5 / 10.5 + 8.5 / 9.5 + 8.5 / 9.5 + 9.5 / 10.5 + 0) / 5, 1e-15,
             "of two pairs and a class of one, which counts 0");
    tap_ok(isnan(scp_knn_purity(dist, label, 5, 5)), "as many neighbours as points: NaN");
}

static void test_choice(void)
{
    const float x[] = { 0, 1, 2, 10, 11, 12, 50, 60, NAN };
    const int32_t label[] = { 4, 4, 4, 1, 1, 1, 2, -1, -1 };
    scp_moa_settings s = { .k = 50, .permutations = 100, .min_class = 3, .seed = 1 };
    scp_moa_result r;
    tap_st(scp_moa_score(x, label, 9, 1, &s, &r), "small classes and drugs without one");
    tap_ok(r.n == 6 && r.n_classes == 2 && r.k == 5, "take no part; k is cut to what there is");
    s.k = 2;
    tap_st(scp_moa_score(x, label, 9, 1, &s, &r), "two neighbours");
    tap_near(r.purity.value, 1, 0, "are of the own class");
    s.min_class = 4;
    tap_fails(scp_moa_score(x, label, 9, 1, &s, &r), SCP_EDATA, "moa.min_class",
              "no class is large enough");
    const int32_t all[] = { 0, 0, 0, 1, 1, 1, 0, 1, 1 };
    s.min_class = 2;
    tap_fails(scp_moa_score(x, all, 9, 1, &s, &r), SCP_EDATA, "not finite", "an embedding of NaN");
}

enum { BLOBS = 4, EACH = 30, DIM = 20, POINTS = BLOBS * EACH };

static void make_blobs(float *x, int32_t *label)
{
    double z[POINTS * DIM];
    scp_rng_fill_normal(5, SCP_RNG_SYNTH, 0, 0, POINTS * DIM, z);
    for (size_t i = 0; i < POINTS; i++) {
        label[i] = (int32_t)(i % BLOBS);
        for (size_t c = 0; c < DIM; c++)
            x[i * DIM + c] = (float)(z[i * DIM + c] + (c % BLOBS == i % BLOBS ? 4 : 0));
    }
}

static void test_nearest(const float *x)
{
    enum { K = 7 };
    static double dist[POINTS * POINTS], near[POINTS * K];
    static int32_t index[POINTS * K];
    size_t bad = 0;
    scp_distances(x, POINTS, DIM, dist);
    tap_st(scp_nearest(x, POINTS, DIM, K, index, near), "nearest neighbours by products");
    for (size_t i = 0; i < POINTS; i++)
        for (size_t k = 0; k < K; k++) {
            size_t closer = 0;
            double d = dist[i * POINTS + (size_t)index[i * K + k]];
            for (size_t j = 0; j < POINTS; j++) closer += j != i && dist[i * POINTS + j] < d;
            bad += closer != k || fabs(d - near[i * K + k]) > 1e-6;
        }
    tap_ok(bad == 0, "are those of all distances, in order");
}

static void test_umap(void)
{
    static float x[POINTS * DIM], flat[POINTS * 2];
    static double xy[POINTS * 2], again[POINTS * 2], dist[POINTS * POINTS];
    int32_t label[POINTS];
    const scp_umap_settings s = { .neighbors = 10, .min_dist = 0.1, .epochs = 200, .seed = 1 };
    make_blobs(x, label);
    test_nearest(x);
    if (!scp_umap_available()) {
        tap_fails(scp_umap(x, POINTS, DIM, &s, xy), SCP_EUSAGE, "igraph", "no igraph: said so");
        tap_skip("this build has no igraph", "a layout");
        return;
    }
    tap_st(scp_umap(x, POINTS, DIM, &s, xy), "a layout of four blobs");
    for (size_t i = 0; i < 2 * POINTS; i++) flat[i] = (float)xy[i];
    scp_distances(flat, POINTS, 2, dist);
    double purity = scp_knn_purity(dist, label, POINTS, 5);
    tap_ok(purity > 0.95, "keeps them apart (purity %.3f)", purity);
    tap_st(scp_umap(x, POINTS, DIM, &s, again), "once more");
    tap_ok(memcmp(xy, again, sizeof xy) == 0, "is the same layout");
    tap_fails(scp_umap(x, 3, DIM, &s, xy), SCP_EDATA, "at least 4", "three points");
    x[5] = INFINITY;
    tap_fails(scp_umap(x, POINTS, DIM, &s, xy), SCP_EDATA, "point 0", "a point at infinity");
}

int main(void)
{
    test_scikit_learn();
    test_closed_forms();
    test_choice();
    test_umap();
    return tap_done();
}
