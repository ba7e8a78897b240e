/* UMAP by igraph, see umap.h. */
#include "config.h"

#include "eval/umap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_blas.h>

#include "base/mem.h"
#include "base/rng.h"

#ifdef HAVE_IGRAPH
#include <igraph/igraph.h>
#endif

#define AT(member) offsetof(scp_umap_settings, member)

/* Rows of distances at a time. */
enum { BLOCK = 256 };

const scp_option scp_umap_options[] = {
    { .key = "umap.neighbors",
      .type = SCP_OPT_INT,
      .offset = AT(neighbors),
      .def = "15",
      .min = 2,
      .max = 500,
      .help = "Nearest neighbours of a point.",
      .source = "umap-learn" },
    { .key = "umap.min_dist",
      .type = SCP_OPT_REAL,
      .offset = AT(min_dist),
      .def = "0.1",
      .min = 0,
      .max = 1,
      .help = "Least distance of two points in the layout.",
      .source = "umap-learn" },
    { .key = "umap.epochs",
      .type = SCP_OPT_INT,
      .offset = AT(epochs),
      .def = "500",
      .min = 10,
      .max = 1e5,
      .help = "Rounds of the layout.",
      .source = "umap-learn, for small data" },
    { .key = "umap.points",
      .type = SCP_OPT_INT,
      .offset = AT(points),
      .def = "3000",
      .min = 4,
      .max = 1e6,
      .help = "Points of a figure at most; more are thinned evenly." },
    { .key = "umap.seed",
      .type = SCP_OPT_INT,
      .offset = AT(seed),
      .def = "1",
      .min = 0,
      .max = 4294967295.0,
      .help = "Seed of the layout." },
    { .key = NULL },
};

/* Keep j among the k nearest of a row, nearest first. */
static void keep_nearest(int32_t *index, double *dist, size_t *have, size_t k, size_t j, double d)
{
    if (*have == k && !(d < dist[k - 1])) return;
    size_t at = *have < k ? (*have)++ : k - 1;
    for (; at > 0 && d < dist[at - 1]; at--) {
        dist[at] = dist[at - 1];
        index[at] = index[at - 1];
    }
    dist[at] = d;
    index[at] = (int32_t)j;
}

/* Rows moved by the mean of all, so that squares of the expansion below cancel little. */
static void centre(const float *x, size_t n, size_t dim, double *to, double *square)
{
    for (size_t c = 0; c < dim; c++) {
        double mean = 0;
        for (size_t i = 0; i < n; i++) mean += (double)x[i * dim + c] / (double)n;
        for (size_t i = 0; i < n; i++) to[i * dim + c] = (double)x[i * dim + c] - mean;
    }
    for (size_t i = 0; i < n; i++) {
        square[i] = 0;
        for (size_t c = 0; c < dim; c++) square[i] += to[i * dim + c] * to[i * dim + c];
    }
}

/* |a - b|^2 = |a|^2 + |b|^2 - 2 <a, b>: one product a block of rows. */
static void nearest_block(double *rows, const double *square, size_t n, size_t dim, size_t first,
                          size_t m, size_t k, double *dot, int32_t *index, double *dist)
{
    gsl_matrix_view all = gsl_matrix_view_array(rows, n, dim);
    gsl_matrix_view some = gsl_matrix_view_array(rows + first * dim, m, dim);
    gsl_matrix_view to = gsl_matrix_view_array(dot, m, n);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, &some.matrix, &all.matrix, 0, &to.matrix);
    for (size_t i = 0; i < m; i++) {
        size_t have = 0, row = first + i;
        for (size_t j = 0; j < n; j++) {
            double d = square[row] + square[j] - 2 * dot[i * n + j];
            if (j != row) keep_nearest(index + row * k, dist + row * k, &have, k, j, d > 0 ? d : 0);
        }
        for (size_t j = 0; j < k; j++) dist[row * k + j] = sqrt(dist[row * k + j]);
    }
}

scp_status scp_nearest(const float *x, size_t n, size_t dim, size_t k, int32_t *index, double *dist)
{
    SCP_ARG(x && index && dist && dim && k && k < n, "rows, and fewer neighbours than rows");
    double *rows = NULL, *square = NULL, *dot = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(n * dim, sizeof *rows, &rows));
    SCP_GOTO(done, scp_alloc(n, sizeof *square, &square));
    SCP_GOTO(done, scp_alloc(BLOCK * n, sizeof *dot, &dot));
    centre(x, n, dim, rows, square);
    for (size_t first = 0; first < n; first += BLOCK)
        nearest_block(rows, square, n, dim, first, n - first < BLOCK ? n - first : BLOCK, k, dot,
                      index, dist);
done:
    free(rows);
    free(square);
    free(dot);
    return st;
}

bool scp_umap_available(void)
{
#ifdef HAVE_IGRAPH
    return true;
#else
    return false;
#endif
}

#ifdef HAVE_IGRAPH
enum { POWER_ROUNDS = 40 };
#define START_SPREAD 10.0 /* of the first layout: points of one cluster are then near each other   \
                           */

/* One product of the power method, v = X' X v without the part along `other`, and its length. */
static double power_step(const gsl_matrix *x, gsl_vector *v, const gsl_vector *other,
                         gsl_vector *score)
{
    double along = 0;
    gsl_blas_dgemv(CblasNoTrans, 1, x, v, 0, score);
    gsl_blas_dgemv(CblasTrans, 1, x, score, 0, v);
    if (other) gsl_blas_ddot(other, v, &along);
    if (other) gsl_blas_daxpy(-along, other, v);
    double length = gsl_blas_dnrm2(v);
    if (length > 0) gsl_blas_dscal(1 / length, v);
    return length;
}

/* The first layout: the two main axes of the points. A random one would leave clusters on top of
 * each other, which many epochs do not part. xy [n, 2] */
static scp_status principal(const float *x, size_t n, size_t dim, uint64_t seed, double *xy)
{
    double *rows = NULL, *axis = NULL, *score = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(n * dim, sizeof *rows, &rows));
    SCP_GOTO(done, scp_alloc(2 * dim, sizeof *axis, &axis));
    SCP_GOTO(done, scp_alloc(n, sizeof *score, &score));
    centre(x, n, dim, rows, score);
    gsl_matrix_view all = gsl_matrix_view_array(rows, n, dim);
    gsl_vector_view to = gsl_vector_view_array(score, n), first = gsl_vector_view_array(axis, dim);
    for (size_t c = 0; c < 2; c++) {
        gsl_vector_view v = gsl_vector_view_array(axis + c * dim, dim);
        double most = 0;
        scp_rng_fill_normal(seed, SCP_RNG_LAYOUT, c, 0, dim, axis + c * dim);
        for (int i = 0; i < POWER_ROUNDS; i++)
            (void)power_step(&all.matrix, &v.vector, c ? &first.vector : NULL, &to.vector);
        gsl_blas_dgemv(CblasNoTrans, 1, &all.matrix, &v.vector, 0, &to.vector);
        for (size_t i = 0; i < n; i++) most = fmax(most, fabs(score[i]));
        for (size_t i = 0; i < n; i++)
            xy[2 * i + c] = most > 0 ? START_SPREAD * score[i] / most : 0;
    }
done:
    free(rows);
    free(axis);
    free(score);
    return st;
}

/* The last argument of the layout: up to 0.10.2 the share of points that repel another one in an
 * epoch; since then whether the distances are weights. */
#if IGRAPH_VERSION_MAJOR > 0 || IGRAPH_VERSION_MINOR > 10 || IGRAPH_VERSION_PATCH > 2
#define UMAP_LAST false
#else
#define UMAP_LAST 0.3
#endif

/* igraph's own errors come back as codes; its handler would end the process. */
#define IG(call)                                                                                   \
    do {                                                                                           \
        igraph_error_t code_ = (call);                                                             \
        if (code_ != IGRAPH_SUCCESS)                                                               \
            SCP_FAIL_GOTO(done, SCP_EINTERNAL, "igraph: %s", igraph_strerror(code_));              \
    } while (0)

/* Was the edge of i and j added from j's side? */
static bool is_twice(const int32_t *index, size_t k, size_t i, size_t j)
{
    if (j > i) return false;
    for (size_t c = 0; c < k; c++)
        if ((size_t)index[j * k + c] == i) return true;
    return false;
}

/* From the layout in xy to a better one. */
static scp_status lay_out(const int32_t *index, const double *dist, size_t n, size_t k,
                          const scp_umap_settings *s, double *xy)
{
    igraph_t graph;
    igraph_vector_int_t edge;
    igraph_vector_t length;
    igraph_matrix_t place;
    bool have_graph = false;
    scp_status st = SCP_OK;
    (void)igraph_set_error_handler(igraph_error_handler_ignore);
    if (igraph_vector_int_init(&edge, 0) != IGRAPH_SUCCESS)
        SCP_FAIL(SCP_ENOMEM, "no memory for the neighbour graph");
    (void)igraph_vector_init(&length, 0);
    (void)igraph_matrix_init(&place, (igraph_integer_t)n, 2);
    for (size_t i = 0; i < 2 * n; i++)
        MATRIX(place, (igraph_integer_t)(i / 2), (igraph_integer_t)(i % 2)) = xy[i];
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < k; c++) {
            size_t j = (size_t)index[i * k + c];
            if (is_twice(index, k, i, j)) continue;
            IG(igraph_vector_int_push_back(&edge, (igraph_integer_t)i));
            IG(igraph_vector_int_push_back(&edge, (igraph_integer_t)j));
            IG(igraph_vector_push_back(&length, dist[i * k + c]));
        }
    IG(igraph_create(&graph, &edge, (igraph_integer_t)n, IGRAPH_UNDIRECTED));
    have_graph = true;
    IG(igraph_rng_seed(igraph_rng_default(), (igraph_uint_t)s->seed));
    IG(igraph_layout_umap(&graph, &place, true, &length, s->min_dist, (igraph_integer_t)s->epochs,
                          UMAP_LAST));
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 2; c++)
            xy[2 * i + c] = MATRIX(place, (igraph_integer_t)i, (igraph_integer_t)c);
done:
    if (have_graph) igraph_destroy(&graph);
    igraph_vector_int_destroy(&edge);
    igraph_vector_destroy(&length);
    igraph_matrix_destroy(&place);
    return st;
}
#endif

scp_status scp_umap(const float *x, size_t n, size_t dim, const scp_umap_settings *s, double *xy)
{
    SCP_ARG(x && s && xy, "points and settings are required");
    if (n < 4) SCP_FAIL(SCP_EDATA, "%zu points: a layout needs at least 4", n);
    for (size_t i = 0; i < n * dim; i++)
        if (!isfinite(x[i])) SCP_FAIL(SCP_EDATA, "point %zu is not finite", i / dim);
#ifdef HAVE_IGRAPH
    size_t k = (size_t)s->neighbors < n - 1 ? (size_t)s->neighbors : n - 1;
    int32_t *index = NULL;
    double *dist = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(n * k, sizeof *index, &index));
    SCP_GOTO(done, scp_alloc(n * k, sizeof *dist, &dist));
    SCP_GOTO(done, scp_nearest(x, n, dim, k, index, dist));
    SCP_GOTO(done, principal(x, n, dim, (uint64_t)s->seed, xy));
    SCP_GOTO(done, lay_out(index, dist, n, k, s, xy));
done:
    free(index);
    free(dist);
    return st;
#else
    SCP_FAIL(SCP_EUSAGE, "this build has no igraph, so it lays nothing out: configure "
                         "--with-igraph (Debian: apt-get install libigraph-dev)");
#endif
}
