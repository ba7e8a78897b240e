/* Building, feeding and running op cases, see cases.h. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "ops/cases.h"
#include "tensor/plan_impl.h"

enum { MAX_LEAVES = 16, SEED = 11 };

typedef struct leaf {
    scp_node *node;
    int32_t *ints;
    double *reals;
    void *table;
} leaf;

struct scp_case_ctx {
    bool bench, copied;
    scp_device *dev;
    leaf leaf[MAX_LEAVES];
    int n;
};

struct scp_case_run {
    scp_case_ctx ctx;
    scp_params *params;
    scp_graph *g;
    scp_plan *plan;
    scp_node *y, *loss;
};

bool scp_case_bench(const scp_case_ctx *ctx)
{
    return ctx->bench;
}

static leaf *keep(scp_case_ctx *ctx, scp_node *node)
{
    static leaf none;
    if (!node || ctx->n == MAX_LEAVES) return &none;
    ctx->leaf[ctx->n].node = node;
    return &ctx->leaf[ctx->n++];
}

scp_node *scp_case_param(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape,
                         double sd)
{
    scp_node *p = scp_param(g, name, shape, (scp_init){ SCP_INIT_NORMAL, sd });
    return ctx->copied ? scp_scale(g, p, 1) : p;
}

scp_node *scp_case_ints_from(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape,
                             const int32_t *values)
{
    size_t n = (size_t)scp_shape_count(&shape);
    leaf *l = keep(ctx, scp_input(g, name, SCP_I32, shape));
    if (l->node && scp_alloc(n, sizeof *l->ints, &l->ints) == SCP_OK)
        memcpy(l->ints, values, n * sizeof *values);
    return l->node;
}

scp_node *scp_case_ints(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape,
                        int32_t bound)
{
    size_t n = (size_t)scp_shape_count(&shape);
    int32_t *values = NULL;
    if (scp_alloc(n, sizeof *values, &values) != SCP_OK) return NULL;
    for (size_t i = 0; i < n; i++)
        values[i] = (int32_t)scp_rng_below(SEED, 100, 0, scp_hash_text(name, 0), (uint32_t)i,
                                           (uint64_t)bound);
    scp_node *node = scp_case_ints_from(ctx, g, name, shape, values);
    free(values);
    return node;
}

scp_node *scp_case_reals_from(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape,
                              const double *values)
{
    size_t n = (size_t)scp_shape_count(&shape);
    leaf *l = keep(ctx, scp_input(g, name, SCP_REAL, shape));
    if (l->node && scp_alloc(n, sizeof *l->reals, &l->reals) == SCP_OK)
        memcpy(l->reals, values, n * sizeof *values);
    return ctx->copied ? scp_scale(g, l->node, 1) : l->node;
}

scp_node *scp_case_reals(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape)
{
    size_t n = (size_t)scp_shape_count(&shape);
    double *values = NULL;
    if (scp_alloc(n, sizeof *values, &values) != SCP_OK) return NULL;
    scp_rng_fill_normal(SEED, 101, 0, scp_hash_text(name, 0), n, values);
    scp_node *node = scp_case_reals_from(ctx, g, name, shape, values);
    free(values);
    return node;
}

scp_node *scp_case_bits(scp_case_ctx *ctx, scp_graph *g, const char *name, scp_shape shape)
{
    size_t n = (size_t)scp_shape_count(&shape);
    uint8_t *host = NULL;
    leaf *l = keep(ctx, scp_resident(g, name, SCP_U8, shape));
    if (!l->node || scp_alloc(n, 1, &host) != SCP_OK) return NULL;
    for (size_t i = 0; i < n; i++)
        host[i] = scp_rng_u01(SEED, 102, 0, scp_hash_text(name, 0), (uint32_t)i) < 0.3;
    if (scp_device_alloc(ctx->dev, n, &l->table) == SCP_OK &&
        ctx->dev->backend->write(ctx->dev, l->table, host, n) != SCP_OK)
        l->node = NULL;
    free(host);
    return l->node;
}

/* <c, y> by one LINEAR row: c is an input, so it has no gradient of its own. */
static scp_node *scalar_of(scp_case_ctx *ctx, scp_graph *g, scp_node *y)
{
    if (!y) return NULL;
    int64_t n = scp_shape_count(&y->shape);
    scp_node *c = scp_case_reals(ctx, g, "loss_weights", SCP_SHAPE(1, n));
    scp_node *dot = scp_matmul_t(g, scp_reshape(g, y, SCP_SHAPE(1, n)), c);
    return scp_reshape(g, dot, (scp_shape){ .n = 0 });
}

static scp_status feed(scp_case_run *run)
{
    for (int i = 0; i < run->ctx.n; i++) {
        leaf *l = &run->ctx.leaf[i];
        if (l->ints) SCP_TRY(scp_plan_feed_i32(run->plan, l->node, l->ints));
        if (l->reals) SCP_TRY(scp_plan_feed_f64(run->plan, l->node, l->reals));
        if (l->table) SCP_TRY(scp_plan_bind(run->plan, l->node, l->table));
    }
    return SCP_OK;
}

static scp_status start(const scp_op_case *oc, const char *device, scp_plan_config cfg, bool bench,
                        bool copied, scp_case_run **out)
{
    scp_case_run *run = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(1, sizeof *run, &run));
    run->ctx.bench = bench;
    run->ctx.copied = copied;
    SCP_GOTO(fail, scp_device_open(device, &run->ctx.dev));
    SCP_GOTO(fail, scp_params_create(run->ctx.dev, SEED, &run->params));
    SCP_GOTO(fail, scp_graph_create(run->params, &run->g));
    run->y = scp_output(run->g, oc->build(&run->ctx, run->g));
    run->loss = scp_output(run->g, scalar_of(&run->ctx, run->g, run->y));
    SCP_GOTO(fail, scp_graph_status(run->g));
    if (!run->y) SCP_FAIL_GOTO(fail, SCP_EINTERNAL, "case %s built nothing", oc->name);
    SCP_GOTO(fail, scp_plan_create_with(run->g, run->loss->needs_grad ? run->loss : NULL, NULL,
                                        &cfg, &run->plan));
    SCP_GOTO(fail, feed(run));
    *out = run;
    return SCP_OK;
fail:
    scp_case_stop(&run);
    return st;
}

scp_status scp_case_start(const scp_op_case *oc, const char *device, bool bench, scp_case_run **out)
{
    return start(oc, device, (scp_plan_config){ .store = SCP_REAL }, bench, false, out);
}

scp_status scp_case_start_keeping(const scp_op_case *oc, const char *device, bool bench,
                                  scp_case_run **out)
{
    return start(oc, device, (scp_plan_config){ .keep = true }, bench, false, out);
}

scp_status scp_case_start_copied(const scp_op_case *oc, const char *device, scp_case_run **out)
{
    return start(oc, device, (scp_plan_config){ .keep = true }, false, true, out);
}

scp_status scp_case_start_as(const scp_op_case *oc, const char *device, scp_dtype store,
                             scp_case_run **out)
{
    return start(oc, device, (scp_plan_config){ .store = store }, false, false, out);
}

static bool read_backward(const scp_plan *p, int root)
{
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        if (!scp_plan_runs_backward(p, n)) continue;
        if (n->id == root && scp_plan_reads(n, SCP_MAX_IN)) return true;
        for (int k = 0; k < n->n_in; k++)
            if (p->slot[n->in[k]->id].root == root && scp_plan_reads(n, k)) return true;
    }
    return false;
}

scp_status scp_case_poison(scp_case_run *run)
{
    const scp_plan *p = run->plan;
    for (size_t i = 0; i < p->n; i++) {
        const scp_node *n = scp_graph_node(p->g, i);
        if (!p->slot[i].impl || read_backward(p, n->id)) continue;
        size_t bytes = scp_device_bytes(p->dev, n->dtype, (size_t)scp_shape_count(&n->shape));
        uint8_t *nan = NULL;
        SCP_TRY(scp_alloc(bytes, 1, &nan));
        memset(nan, 0xff, bytes);
        scp_status st = p->dev->backend->write(p->dev, scp_plan_value(p, n), nan, bytes);
        free(nan);
        SCP_TRY(st);
    }
    return SCP_OK;
}

void scp_case_stop(scp_case_run **rp)
{
    if (!rp || !*rp) return;
    scp_case_run *run = *rp;
    scp_plan_destroy(&run->plan);
    scp_graph_destroy(&run->g);
    scp_params_destroy(&run->params);
    for (int i = 0; i < run->ctx.n; i++) {
        free(run->ctx.leaf[i].ints);
        free(run->ctx.leaf[i].reals);
        scp_device_release(run->ctx.dev, run->ctx.leaf[i].table);
    }
    scp_device_close(&run->ctx.dev);
    free(run);
    *rp = NULL;
}

scp_status scp_case_forward(scp_case_run *run)
{
    scp_step step = { .seed = SEED, .step = 3, .row0 = 5, .train = true };
    return scp_plan_forward(run->plan, &step);
}

scp_status scp_case_backward(scp_case_run *run)
{
    return scp_plan_backward(run->plan);
}

scp_graph *scp_case_graph(const scp_case_run *run)
{
    return run->g;
}

scp_params *scp_case_params(const scp_case_run *run)
{
    return run->params;
}

scp_node *scp_case_result(const scp_case_run *run)
{
    return run->y;
}

scp_status scp_case_fetch(scp_case_run *run, double *y)
{
    return scp_plan_fetch_f64(run->plan, run->y, y);
}

scp_status scp_case_loss(scp_case_run *run, double *loss)
{
    return scp_plan_fetch_f64(run->plan, run->loss, loss);
}

bool scp_case_has_grad(const scp_case_run *run)
{
    return run->loss->needs_grad;
}

scp_plan *scp_case_plan(const scp_case_run *run)
{
    return run->plan;
}
