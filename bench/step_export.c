/* See step_export.h. */
#include "step_export.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "io/safetensors.h"

enum { MAX_TENSORS = 512, MAX_META = 16, NAME = 160 };

typedef struct export
{
    toy *t;
    scp_st_tensor tensor[MAX_TENSORS];
    char name[MAX_TENSORS][NAME];
    void *owned[MAX_TENSORS];
    size_t n, n_owned, n_meta;
    scp_st_meta meta[MAX_META];
    char value[MAX_META][SCP_REAL_TEXT];
}
export;

static scp_status add(export *e, scp_st_type type, const char *prefix, const char *name,
                      const scp_shape *shape, const void *data)
{
    SCP_ARG(e->n < MAX_TENSORS, "more than %d tensors", MAX_TENSORS);
    scp_st_tensor *x = &e->tensor[e->n];
    SCP_TRY(scp_str_format(e->name[e->n], NAME, "%s%s", prefix, name));
    *x = (scp_st_tensor){ .name = e->name[e->n], .type = type, .rank = shape->n, .data = data };
    for (int i = 0; i < shape->n; i++) x->shape[i] = shape->d[i];
    e->n++;
    return SCP_OK;
}

/* Room for the values of one tensor, freed with the export. */
static scp_status room(export *e, const scp_shape *shape, size_t size, void **out)
{
    SCP_ARG(e->n_owned < MAX_TENSORS, "more than %d tensors", MAX_TENSORS);
    SCP_TRY(scp_alloc((size_t)scp_shape_count(shape), size, out));
    e->owned[e->n_owned++] = *out;
    return SCP_OK;
}

static scp_status add_input(export *e, const scp_node *x)
{
    void *data;
    SCP_TRY(room(e, &x->shape, 4, &data));
    if (x->dtype == SCP_I32)
        SCP_TRY(scp_plan_fetch_i32(e->t->plan, x, data));
    else
        SCP_TRY(scp_plan_fetch_f32(e->t->plan, x, data));
    return add(e, x->dtype == SCP_I32 ? SCP_ST_I32 : SCP_ST_F32, "", x->name, &x->shape, data);
}

/* Resident tables of reals, as scp_tables_bind binds them. */
static scp_status add_tables(export *e)
{
    const scp_tables *t = &e->t->tables;
    const scp_train_nodes *n = &e->t->nodes;
    const struct {
        const scp_node *node;
        const void *memory;
    } row[] = { { n->profiles, t->profiles }, { n->z_pre, t->z_pre },   { n->z_0, t->z_0 },
                { n->dose, t->dose },         { n->signal, t->signal }, { n->noise, t->noise },
                { n->time, t->time } };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        const scp_shape *shape = &row[i].node->shape;
        void *data;
        SCP_TRY(room(e, shape, 4, &data));
        SCP_TRY(
            scp_device_read_f32(e->t->dev, data, row[i].memory, (size_t)scp_shape_count(shape)));
        SCP_TRY(add(e, SCP_ST_F32, "", row[i].node->name, shape, data));
    }
    return SCP_OK;
}

/* The draws are functions of (seed, stream, step, sample): no need to have kept them. */
static scp_status add_draws(export *e, const scp_node *x)
{
    const scp_step *s = &e->t->step;
    uint64_t step = (uint64_t)s->step;
    int64_t B = x->shape.d[0], D = scp_shape_last(&x->shape);
    void *data;
    double *row = NULL;
    SCP_TRY(room(e, &x->shape, 4, &data));
    SCP_TRY(scp_alloc((size_t)(D > 2 ? D : 2), sizeof *row, &row));
    e->owned[e->n_owned++] = row;
    for (int64_t b = 0; b < B; b++) {
        uint64_t sample = (uint64_t)(s->row0 + b);
        uint32_t stream = x->attr.random.stream;
        if (x->op == SCP_OP_RAND_TIME) {
            ((int32_t *)data)[b] = (int32_t)scp_rng_below(s->seed, stream, step, sample, 0,
                                                          (uint64_t)x->attr.random.T);
        } else if (x->op == SCP_OP_FOUR_STATE) {
            scp_rng_fill_u01(s->seed, stream, step, sample, 0, 2, row);
            ((int32_t *)data)[b] =
                (row[0] < x->attr.random.p ? 1 : 0) | (row[1] < x->attr.random.p2 ? 2 : 0);
        } else {
            scp_rng_fill_normal(s->seed, stream, step, sample, (size_t)D, row);
            for (int64_t d = 0; d < D; d++) ((float *)data)[b * D + d] = (float)row[d];
        }
    }
    return add(e, x->dtype == SCP_I32 ? SCP_ST_I32 : SCP_ST_F32, "", x->name, &x->shape, data);
}

static scp_status add_weights(export *e)
{
    const scp_params *p = e->t->params;
    scp_shape all = SCP_SHAPE((int64_t)scp_params_total(p));
    float *w;
    SCP_TRY(room(e, &all, sizeof *w, (void **)&w));
    SCP_TRY(scp_params_read_f32(p, SCP_ARENA_W, 0, scp_params_total(p), w));
    for (size_t i = 0; i < scp_params_count(p); i++) {
        const scp_param_info *info = scp_params_info(p, i);
        SCP_TRY(add(e, SCP_ST_F32, "w:", info->name, &info->shape, w + info->offset));
    }
    return SCP_OK;
}

static scp_status add_number(export *e, const char *key, double value)
{
    SCP_ARG(e->n_meta < MAX_META, "more than %d settings", MAX_META);
    scp_print_real(value, e->value[e->n_meta]);
    e->meta[e->n_meta] = (scp_st_meta){ key, e->value[e->n_meta] };
    e->n_meta++;
    return SCP_OK;
}

static scp_status add_optimiser(export *e, const scp_train_config *c, double lr)
{
    SCP_TRY(add_number(e, "lr", lr));
    SCP_TRY(add_number(e, "beta1", c->beta1));
    SCP_TRY(add_number(e, "beta2", c->beta2));
    SCP_TRY(add_number(e, "eps", c->eps));
    SCP_TRY(add_number(e, "weight_decay", c->weight_decay));
    SCP_TRY(add_number(e, "clip", c->clip));
    return add_number(e, "ema", c->ema);
}

static scp_status add_settings(export *e)
{
    const scp_method *m = &e->t->m;
    SCP_TRY(add_number(e, "tau", m->diffusion.tau));
    SCP_TRY(add_number(e, "drop_pre", m->diffusion.drop_pre));
    SCP_TRY(add_number(e, "drop_drug", m->diffusion.drop_drug));
    SCP_TRY(add_number(e, "tokens", (double)m->model.tokens));
    SCP_TRY(add_number(e, "heads", (double)m->model.heads));
    return add_number(e, "blocks", (double)m->model.blocks);
}

static scp_status add_profiles(export *e)
{
    const scp_node *profiles = e->t->vae.profiles;
    return add(e, SCP_ST_F32, "", profiles->name, &profiles->shape, e->t->data.x);
}

/* What maps a pair to its rows in the other tables, to draw further batches. */
static scp_status add_pairs(export *e)
{
    const scp_dataset *d = &e->t->data;
    const scp_shape N = SCP_SHAPE((int64_t)d->N), fp = e->t->nodes.drugs->shape;
    SCP_TRY(add(e, SCP_ST_U8, "", "drugs", &fp, d->fp));
    SCP_TRY(add(e, SCP_ST_I32, "pair:", "post", &N, d->post));
    SCP_TRY(add(e, SCP_ST_I32, "pair:", "pre", &N, d->pre));
    SCP_TRY(add(e, SCP_ST_I32, "pair:", "drug", &N, e->t->tables.pair_drug));
    return add(e, SCP_ST_I32, "pair:", "key", &N, e->t->tables.pair_key);
}

static scp_status fill(export *e, const scp_train_config *c, double lr)
{
    SCP_TRY(add_weights(e));
    SCP_TRY(add_optimiser(e, c, lr));
    if (e->t->vae.loss) {
        SCP_TRY(add_profiles(e));
    } else {
        SCP_TRY(add_settings(e));
        SCP_TRY(add_tables(e));
        SCP_TRY(add_pairs(e));
    }
    for (size_t i = 0; i < scp_graph_size(e->t->g); i++) {
        const scp_node *x = scp_graph_node(e->t->g, i);
        if (x->op == SCP_OP_INPUT) SCP_TRY(add_input(e, x));
        if (x->op == SCP_OP_RAND_TIME || x->op == SCP_OP_RAND_NORMAL || x->op == SCP_OP_FOUR_STATE)
            SCP_TRY(add_draws(e, x));
    }
    return SCP_OK;
}

scp_status step_export(toy *t, const scp_train_config *c, double lr, const char *path)
{
    export *e = NULL;
    SCP_TRY(scp_alloc(1, sizeof *e, &e));
    e->t = t;
    scp_status st = fill(e, c, lr);
    if (st == SCP_OK) st = scp_st_write(path, e->tensor, e->n, e->meta, e->n_meta);
    for (size_t i = 0; i < e->n_owned; i++) free(e->owned[i]);
    free(e);
    return st;
}
