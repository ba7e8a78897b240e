/* See step_export.h. */
#include "step_export.h"

#include "base/rng.h"
#include "sheet.h"

typedef struct export {
    toy *t;
    sheet *s;
} export;

static scp_status add_input(export *e, const scp_node *x)
{
    void *data;
    SCP_TRY(sheet_room(e->s, &x->shape, 4, &data));
    if (x->dtype == SCP_I32)
        SCP_TRY(scp_plan_fetch_i32(e->t->plan, x, data));
    else
        SCP_TRY(scp_plan_fetch_f32(e->t->plan, x, data));
    return sheet_add(e->s, x->dtype == SCP_I32 ? SCP_ST_I32 : SCP_ST_F32, "", x->name, &x->shape,
                     data);
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
        SCP_TRY(sheet_room(e->s, shape, 4, &data));
        SCP_TRY(
            scp_device_read_f32(e->t->dev, data, row[i].memory, (size_t)scp_shape_count(shape)));
        SCP_TRY(sheet_add(e->s, SCP_ST_F32, "", row[i].node->name, shape, data));
    }
    return SCP_OK;
}

/* The draws are functions of (seed, stream, step, sample): no need to have kept them. */
static scp_status add_draws(export *e, const scp_node *x)
{
    const scp_step *s = &e->t->step;
    uint64_t step = (uint64_t)s->step;
    int64_t B = x->shape.d[0], D = scp_shape_last(&x->shape);
    void *data, *room;
    SCP_TRY(sheet_room(e->s, &x->shape, 4, &data));
    SCP_TRY(sheet_room(e->s, &SCP_SHAPE(D > 2 ? D : 2), sizeof(double), &room));
    double *row = room;
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
    return sheet_add(e->s, x->dtype == SCP_I32 ? SCP_ST_I32 : SCP_ST_F32, "", x->name, &x->shape,
                     data);
}

static scp_status add_optimiser(export *e, const scp_train_config *c, double lr)
{
    SCP_TRY(sheet_add_number(e->s, "lr", lr));
    SCP_TRY(sheet_add_number(e->s, "beta1", c->beta1));
    SCP_TRY(sheet_add_number(e->s, "beta2", c->beta2));
    SCP_TRY(sheet_add_number(e->s, "eps", c->eps));
    SCP_TRY(sheet_add_number(e->s, "weight_decay", c->weight_decay));
    SCP_TRY(sheet_add_number(e->s, "clip", c->clip));
    return sheet_add_number(e->s, "ema", c->ema);
}

static scp_status add_settings(export *e)
{
    const scp_method *m = &e->t->m;
    SCP_TRY(sheet_add_number(e->s, "tau", m->diffusion.tau));
    SCP_TRY(sheet_add_number(e->s, "drop_pre", m->diffusion.drop_pre));
    SCP_TRY(sheet_add_number(e->s, "drop_drug", m->diffusion.drop_drug));
    SCP_TRY(sheet_add_number(e->s, "tokens", (double)m->model.tokens));
    SCP_TRY(sheet_add_number(e->s, "heads", (double)m->model.heads));
    return sheet_add_number(e->s, "blocks", (double)m->model.blocks);
}

static scp_status add_profiles(export *e)
{
    const scp_node *profiles = e->t->vae.profiles;
    return sheet_add(e->s, SCP_ST_F32, "", profiles->name, &profiles->shape, e->t->data.x);
}

/* What maps a pair to its rows in the other tables, to draw further batches. */
static scp_status add_pairs(export *e)
{
    const scp_dataset *d = &e->t->data;
    const scp_shape N = SCP_SHAPE((int64_t)d->N), fp = e->t->nodes.drugs->shape;
    SCP_TRY(sheet_add(e->s, SCP_ST_U8, "", "drugs", &fp, d->fp));
    SCP_TRY(sheet_add(e->s, SCP_ST_I32, "pair:", "post", &N, d->post));
    SCP_TRY(sheet_add(e->s, SCP_ST_I32, "pair:", "pre", &N, d->pre));
    SCP_TRY(sheet_add(e->s, SCP_ST_I32, "pair:", "drug", &N, e->t->tables.pair_drug));
    return sheet_add(e->s, SCP_ST_I32, "pair:", "key", &N, e->t->tables.pair_key);
}

static scp_status fill(export *e, const scp_train_config *c, double lr)
{
    SCP_TRY(sheet_add_weights(e->s, e->t->params));
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
    export e = { .t = t };
    SCP_TRY(sheet_create(&e.s));
    scp_status st = fill(&e, c, lr);
    if (st == SCP_OK) st = sheet_write(e.s, path);
    sheet_destroy(&e.s);
    return st;
}
