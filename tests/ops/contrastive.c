/* ALIGN and INFO_NCE against their straightforward form. The ops never see W z; here it is made
 * over the genes, normalised, compared with the directions v as equations 10 and 11 say, and
 * differentiated by the chain rule through u = Wz/|Wz|. Values and gradients agree to 1e-10. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "tap.h"
#include "tensor/plan.h"

enum { B = 5, G = 17, D = 6, K = 8, ZERO_ROW = 3 };
static const double tau = 0.1, tolerance = 1e-10;
static const int32_t key[B] = { 0, 1, 2, 3, 4 }, nkey[K] = { 5, 1, 6, 7, 0, 0, 2, 9 };

/* The data: z, v (positives, one without direction), neg (K more directions) and W [G, D]. */
typedef struct setting {
    double z[B][D], v[B][G], neg[K][G], W[G][D];
} setting;

/* A loss and its gradients. */
typedef struct result {
    double loss, dz[B][D], dW[G][D];
} result;

static void fill_directions(double *rows, int n, uint32_t purpose)
{
    for (int i = 0; i < n; i++) {
        double *row = rows + i * G, norm = 0;
        scp_rng_fill_normal(7, purpose, 0, (uint64_t)i, G, row);
        for (int j = 0; j < G; j++) norm += row[j] * row[j];
        for (int j = 0; j < G; j++) row[j] /= sqrt(norm);
    }
}

static void make_setting(setting *s)
{
    scp_rng_fill_normal(7, 1, 0, 0, sizeof s->z / sizeof(double), &s->z[0][0]);
    scp_rng_fill_normal(7, 2, 0, 0, sizeof s->W / sizeof(double), &s->W[0][0]);
    fill_directions(&s->v[0][0], B, 3);
    fill_directions(&s->neg[0][0], K, 4);
    memset(s->v[ZERO_ROW], 0, sizeof s->v[ZERO_ROW]);
}

/* y = W z, u = y/|y|; returns |y|. */
static double decode(const setting *s, int b, double u[G])
{
    double norm = 0;
    for (int i = 0; i < G; i++) {
        u[i] = 0;
        for (int d = 0; d < D; d++) u[i] += s->W[i][d] * s->z[b][d];
        norm += u[i] * u[i];
    }
    norm = sqrt(norm);
    for (int i = 0; i < G; i++) u[i] /= norm;
    return norm;
}

/* From du to dz and dW: dy = (I - u u^T) du/|y|. */
static void decode_bwd(const setting *s, int b, const double u[G], double norm, const double du[G],
                       result *r)
{
    double along = 0;
    for (int i = 0; i < G; i++) along += u[i] * du[i];
    for (int i = 0; i < G; i++)
        for (int d = 0; d < D; d++) {
            double dy = (du[i] - along * u[i]) / norm;
            r->dz[b][d] += s->W[i][d] * dy;
            r->dW[i][d] += dy * s->z[b][d];
        }
}

static void plain_align(const setting *s, result *r)
{
    for (int b = 0; b < B; b++) {
        double u[G], du[G], norm = decode(s, b, u);
        if (b == ZERO_ROW) continue;
        for (int i = 0; i < G; i++) {
            r->loss += (s->v[b][i] - u[i]) * (s->v[b][i] - u[i]) / B;
            du[i] = 2 * (u[i] - s->v[b][i]) / B;
        }
        decode_bwd(s, b, u, norm, du, r);
    }
}

static double similarity(const double v[G], const double u[G])
{
    double s = 0;
    for (int i = 0; i < G; i++) s += v[i] * u[i] / tau;
    return s;
}

static void plain_info_nce(const setting *s, result *r)
{
    for (int b = 0; b < B; b++) {
        double u[G], du[G], norm = decode(s, b, u);
        if (b == ZERO_ROW) continue;
        double positive = exp(similarity(s->v[b], u)), sum = positive;
        for (int k = 0; k < K; k++)
            if (nkey[k] != key[b]) sum += exp(similarity(s->neg[k], u));
        r->loss -= log(positive / sum) / B;
        for (int i = 0; i < G; i++) {
            du[i] = (positive / sum - 1) * s->v[b][i] / (tau * B);
            for (int k = 0; k < K; k++)
                if (nkey[k] != key[b])
                    du[i] += exp(similarity(s->neg[k], u)) / sum * s->neg[k][i] / (tau * B);
        }
        decode_bwd(s, b, u, norm, du, r);
    }
}

/* The graph as the models build it: one product of the directions with W, and its Gram matrix. */
typedef struct nodes {
    scp_node *z, *Wt, *v, *neg, *key, *nkey, *loss;
} nodes;

static void build(scp_graph *g, bool nce, nodes *n)
{
    scp_init none = { SCP_INIT_CONST, 0 };
    n->z = scp_param(g, "z", SCP_SHAPE(B, D), none);
    n->Wt = scp_param(g, "Wt", SCP_SHAPE(D, G), none);
    n->v = scp_input(g, "v", SCP_REAL, SCP_SHAPE(B, G));
    n->neg = scp_input(g, "neg", SCP_REAL, SCP_SHAPE(K, G));
    n->key = scp_input(g, "key", SCP_I32, SCP_SHAPE(B));
    n->nkey = scp_input(g, "nkey", SCP_I32, SCP_SHAPE(K));
    scp_node *p = scp_matmul_t(g, n->v, n->Wt), *M = scp_matmul_t(g, n->Wt, n->Wt);
    n->loss =
        nce ? scp_info_nce(g, n->z, p, scp_matmul_t(g, n->neg, n->Wt), M, n->key, n->nkey, tau)
            : scp_align(g, n->z, p, M);
    scp_output(g, n->loss);
}

static scp_status feed(scp_params *store, scp_plan *plan, const nodes *n, const setting *s)
{
    double Wt[D][G];
    for (int i = 0; i < G; i++)
        for (int d = 0; d < D; d++) Wt[d][i] = s->W[i][d];
    size_t at_z = scp_params_info(store, n->z->param)->offset,
           at_W = scp_params_info(store, n->Wt->param)->offset;
    SCP_TRY(scp_params_write_f64(store, SCP_ARENA_W, at_z, B * D, &s->z[0][0]));
    SCP_TRY(scp_params_write_f64(store, SCP_ARENA_W, at_W, D * G, &Wt[0][0]));
    SCP_TRY(scp_plan_feed_f64(plan, n->v, &s->v[0][0]));
    SCP_TRY(scp_plan_feed_f64(plan, n->neg, &s->neg[0][0]));
    SCP_TRY(scp_plan_feed_i32(plan, n->key, key));
    return scp_plan_feed_i32(plan, n->nkey, nkey);
}

static scp_status engine(const setting *s, bool nce, result *r)
{
    scp_device *dev = NULL;
    scp_params *store = NULL;
    scp_graph *g = NULL;
    scp_plan *plan = NULL;
    scp_status st = SCP_OK;
    scp_step step = { .seed = 1 };
    nodes n;
    double dWt[D][G];
    SCP_GOTO(done, scp_device_open("ref", &dev));
    SCP_GOTO(done, scp_params_create(dev, 1, &store));
    SCP_GOTO(done, scp_graph_create(store, &g));
    build(g, nce, &n);
    SCP_GOTO(done, scp_plan_create(g, n.loss, NULL, &plan));
    SCP_GOTO(done, feed(store, plan, &n, s));
    SCP_GOTO(done, scp_plan_forward(plan, &step));
    SCP_GOTO(done, scp_plan_backward(plan));
    SCP_GOTO(done, scp_plan_fetch_f64(plan, n.loss, &r->loss));
    SCP_GOTO(done, scp_plan_fetch_grad_f64(plan, n.z, &r->dz[0][0]));
    SCP_GOTO(done, scp_plan_fetch_grad_f64(plan, n.Wt, &dWt[0][0]));
    for (int i = 0; i < G; i++)
        for (int d = 0; d < D; d++) r->dW[i][d] = dWt[d][i];
done:
    scp_plan_destroy(&plan);
    scp_graph_destroy(&g);
    scp_params_destroy(&store);
    scp_device_close(&dev);
    return st;
}

static double largest_difference(const double *a, const double *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs(a[i] - b[i]));
    return worst;
}

int main(void)
{
    setting s;
    make_setting(&s);
    for (int nce = 0; nce < 2; nce++) {
        const char *name = nce ? "info_nce" : "align";
        result plain = { 0 }, got = { 0 };
        (nce ? plain_info_nce : plain_align)(&s, &plain);
        if (!tap_st(engine(&s, nce, &got), "%s runs", name)) continue;
        tap_ok(plain.loss > 0.1, "%s: the plain loss is not trivial", name);
        tap_near(got.loss, plain.loss, tolerance, "%s: loss", name);
        tap_near(largest_difference(&got.dz[0][0], &plain.dz[0][0], B * D), 0, tolerance,
                 "%s: gradient of z", name);
        tap_near(largest_difference(&got.dW[0][0], &plain.dW[0][0], G * D), 0, tolerance,
                 "%s: gradient of W", name);
        double none[D] = { 0 };
        tap_ok(memcmp(got.dz[ZERO_ROW], none, sizeof none) == 0,
               "%s: a row without direction teaches nothing", name);
    }
    return tap_done();
}
