/* See net.h. */
#include "diffusion/net.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tensor/plan.h"

struct scp_net {
    scp_device *dev;
    scp_graph *g;
    scp_plan *plan;
    scp_node *z, *row, *one, *out; /* row: the time of every row, one: that of all */
    scp_node *table;
    scp_cond cond;
    void *time_memory;
    int32_t *k; /* [rows] */
    int64_t times, rows;
    bool fresh; /* conditions were set since the last run */
};

scp_status scp_net_time_table(scp_device *dev, const int64_t *time, int64_t n, int64_t time_dim,
                              void **out)
{
    const size_t values = (size_t)(n * time_dim);
    double *code = NULL;
    void *memory = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(values, sizeof *code, &code));
    for (int64_t i = 0; i < n; i++) scp_time_code((double)time[i], time_dim, code + i * time_dim);
    SCP_GOTO(done, scp_device_alloc(dev, scp_device_bytes(dev, SCP_REAL, values), &memory));
    *out = memory;
    SCP_GOTO(done, scp_device_write_f64(dev, memory, code, values));
done:
    free(code);
    return st;
}

static scp_status build(scp_net *s, const scp_method *method)
{
    const int64_t R = s->rows;
    scp_method m = *method;
    scp_graph *g = s->g;
    m.model.dropout = 0; /* does nothing here but copy */
    s->z = scp_input(g, "z_t", SCP_REAL, SCP_SHAPE(R, m.vae.latent));
    s->row = scp_input(g, "t", SCP_I32, SCP_SHAPE(R));
    s->one = scp_input(g, "t_all", SCP_I32, SCP_SHAPE(1));
    s->table = scp_steady(
        g, scp_resident(g, "time", SCP_REAL, SCP_SHAPE(s->times, m.model.time_dim)));
    s->cond.pre = scp_steady(g, scp_input(g, "pre", SCP_REAL, SCP_SHAPE(R, m.vae.latent)));
    s->cond.drug = scp_steady(g, scp_input(g, "drug", SCP_REAL, SCP_SHAPE(R, m.model.drug_dim)));
    s->cond.fused = scp_steady(g, scp_input(g, "fused", SCP_REAL, SCP_SHAPE(R, m.model.cond_dim)));
    const scp_time_in time = { .code = s->table, .row = s->row, .one = s->one };
    s->out = scp_output(g, scp_denoiser_build(g, &m.model, s->z, &time, &s->cond));
    return scp_graph_status(g);
}

static scp_status fill(scp_net *s, const scp_method *m, scp_params *model, const int64_t *time)
{
    SCP_TRY(scp_graph_create(model, &s->g));
    SCP_TRY(build(s, m));
    SCP_TRY(scp_plan_create(s->g, NULL, NULL, &s->plan));
    SCP_TRY(scp_net_time_table(s->dev, time, s->times, m->model.time_dim, &s->time_memory));
    SCP_TRY(scp_plan_bind(s->plan, s->table, s->time_memory));
    return scp_alloc((size_t)s->rows, sizeof *s->k, &s->k);
}

scp_status scp_net_create(const scp_method *m, scp_params *model, const int64_t *time, int64_t n,
                          int64_t rows, scp_net **out)
{
    scp_net *s = NULL;
    SCP_TRY(scp_alloc(1, sizeof *s, &s));
    s->dev = scp_params_device(model);
    s->times = n;
    s->rows = rows;
    scp_status st = fill(s, m, model, time);
    if (st == SCP_OK)
        *out = s;
    else
        scp_net_destroy(&s);
    return st;
}

void scp_net_destroy(scp_net **net)
{
    if (!net || !*net) return;
    scp_net *s = *net;
    scp_plan_destroy(&s->plan);
    scp_graph_destroy(&s->g);
    scp_device_release(s->dev, s->time_memory);
    free(s->k);
    free(s);
    *net = NULL;
}

double scp_net_flops(const scp_net *s, bool later)
{
    return scp_plan_flops(s->plan, later);
}

scp_status scp_net_set(scp_net *s, const float *pre, const float *drug, const float *fused)
{
    s->fresh = true;
    SCP_TRY(scp_plan_feed_f32(s->plan, s->cond.pre, pre));
    SCP_TRY(scp_plan_feed_f32(s->plan, s->cond.drug, drug));
    return scp_plan_feed_f32(s->plan, s->cond.fused, fused);
}

scp_status scp_net_run(scp_net *s, int64_t k, const float *z, double *out)
{
    const scp_step step = { .train = false };
    SCP_ARG(k >= 0 && k < s->times, "no such time");
    for (int64_t i = 0; i < s->rows; i++) s->k[i] = (int32_t)k;
    SCP_TRY(scp_plan_feed_f32(s->plan, s->z, z));
    SCP_TRY(scp_plan_feed_i32(s->plan, s->row, s->k));
    SCP_TRY(scp_plan_feed_i32(s->plan, s->one, s->k));
    SCP_TRY(s->fresh ? scp_plan_forward(s->plan, &step) : scp_plan_again(s->plan, &step));
    s->fresh = false;
    return scp_plan_fetch_f64(s->plan, s->out, out);
}
