/* See chain.h. The number of the step is the one thing that changes along the chain: it is fed to
 * the graph from a ring of records on the device (tensor/step.h), written once. */
#include "diffusion/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dev/stream.h"
#include "diffusion/net.h"
#include "tensor/plan.h"
#include "tensor/step.h"

enum { Z, PRE, DRUG, FUSED, WEIGHT, TIME, KEEP, ADD, TABLES };

struct scp_chain {
    scp_device *dev;
    scp_params *model;
    scp_chain_sizes size;
    int64_t Dz;
    scp_graph *g;
    scp_plan *plan;
    scp_node *table[TABLES], *step_rows, *step_block, *step_one, *next;
    void *memory[TABLES];
    scp_step_ring ring;
    void *records;
    scp_program *program;
    const void *weights; /* where they were when the head ran */
    bool ran, set;       /* set: and the head has not run since */
};

static size_t count(const scp_chain *c, int i)
{
    return (size_t)scp_shape_count(&c->table[i]->shape);
}

/* The network may be in half; what it gives, and what is made of it, is not. */
static scp_node *exact(scp_chain *c, scp_node *x)
{
    return scp_exact(c->g, x);
}

/* z of a condition beside itself, so that its passes are consecutive rows. */
static scp_node *repeat(scp_chain *c, scp_node *z)
{
    scp_node *same[SCP_MAX_IN] = { z, z, z, z };
    if (c->size.passes == 1) return z;
    return scp_reshape(c->g, scp_concat(c->g, (int)c->size.passes, same),
                       SCP_SHAPE(c->size.block * c->size.passes, c->Dz));
}

static scp_node *guided(scp_chain *c, scp_node *out)
{
    const int64_t P = c->size.passes;
    if (P > 1) out = scp_reshape(c->g, out, SCP_SHAPE(c->size.block, P * c->Dz));
    out = exact(c, scp_mul(c->g, out, c->table[WEIGHT]));
    scp_node *sum = P > 1 ? exact(c, scp_slice(c->g, out, 0, c->Dz)) : out;
    for (int64_t p = 1; p < P; p++)
        sum = exact(c, scp_add(c->g, sum, exact(c, scp_slice(c->g, out, p * c->Dz, c->Dz))));
    return sum;
}

static scp_status build(scp_chain *c, const scp_method *method)
{
    scp_method m = *method;
    m.model.dropout = 0; /* does nothing here but copy */
    const int64_t B = c->size.block, R = B * c->size.passes, S = c->size.steps;
    scp_graph *g = c->g;
    c->table[Z] = scp_resident(g, "z", SCP_REAL, SCP_SHAPE(B, c->Dz));
    c->table[PRE] = scp_resident(g, "pre", SCP_REAL, SCP_SHAPE(R, c->Dz));
    c->table[DRUG] = scp_resident(g, "drug", SCP_REAL, SCP_SHAPE(R, m.model.drug_dim));
    c->table[FUSED] = scp_resident(g, "fused", SCP_REAL, SCP_SHAPE(R, m.model.cond_dim));
    c->table[WEIGHT] = scp_resident(g, "weight", SCP_REAL, SCP_SHAPE(B, c->size.passes * c->Dz));
    c->table[TIME] = scp_resident(g, "time", SCP_REAL, SCP_SHAPE(S, m.model.time_dim));
    c->table[KEEP] = scp_resident(g, "keep", SCP_REAL, SCP_SHAPE(S));
    c->table[ADD] = scp_resident(g, "add", SCP_REAL, SCP_SHAPE(S));
    c->step_rows = scp_input(g, "step_rows", SCP_I32, SCP_SHAPE(R));
    c->step_block = scp_input(g, "step_block", SCP_I32, SCP_SHAPE(B));
    c->step_one = scp_input(g, "step_one", SCP_I32, SCP_SHAPE(1));
    for (int i = 0; i < TABLES; i++)
        if (i != Z) scp_steady(g, c->table[i]);
    const scp_cond cond = { .pre = c->table[PRE],
                            .drug = c->table[DRUG],
                            .fused = c->table[FUSED] };
    const scp_time_in time = { c->table[TIME], c->step_rows, c->step_one };
    scp_node *out = exact(c, scp_denoiser_build(g, &m.model, repeat(c, c->table[Z]), &time, &cond));
    c->next = exact(c, scp_combine_t(g, c->table[Z], out ? guided(c, out) : NULL, c->step_block,
                                     c->table[KEEP], c->table[ADD]));
    (void)scp_output(g, c->next);
    return scp_graph_status(g);
}

/* z' = a z + b out of one step: scp_schedule_split, then scp_schedule_ddim. */
static void coefficients(const scp_schedule *s, bool is_v, int64_t t, int64_t t_next, double *a,
                         double *b)
{
    const double signal = s->signal[t], noise = s->noise[t],
                 signal_next = t_next < 0 ? 1 : s->signal[t_next],
                 noise_next = t_next < 0 ? 0 : s->noise[t_next];
    *a = is_v ? signal_next * signal + noise_next * noise : signal_next / signal;
    *b = is_v ? noise_next * signal - signal_next * noise
              : noise_next - signal_next * noise / signal;
}

static scp_status fill_tables(scp_chain *c, const scp_method *m, const scp_schedule *s)
{
    const size_t S = (size_t)c->size.steps;
    const bool is_v = m->diffusion.parameterization == SCP_PREDICT_V;
    double *keep = NULL, *add = NULL;
    int64_t *time = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(S, sizeof *time, &time));
    SCP_GOTO(done, scp_alloc(S, sizeof *keep, &keep));
    SCP_GOTO(done, scp_alloc(S, sizeof *add, &add));
    for (int64_t k = 0; k < c->size.steps; k++) {
        const int64_t t = scp_schedule_time(s, c->size.steps, k),
                      next =
                          k + 1 < c->size.steps ? scp_schedule_time(s, c->size.steps, k + 1) : -1;
        time[k] = t;
        coefficients(s, is_v, t, next, &keep[k], &add[k]);
    }
    SCP_GOTO(done,
             scp_net_time_table(c->dev, time, c->size.steps, m->model.time_dim, &c->memory[TIME]));
    SCP_GOTO(done, scp_device_write_f64(c->dev, c->memory[KEEP], keep, S));
    SCP_GOTO(done, scp_device_write_f64(c->dev, c->memory[ADD], add, S));
done:
    free(time);
    free(keep);
    free(add);
    return st;
}

/* Record k holds k in all inputs. */
static scp_status write_records(scp_chain *c)
{
    size_t feed_bytes = 0;
    void *feed = scp_plan_feed_block(c->plan, &feed_bytes);
    const size_t bytes = scp_step_record_bytes(feed_bytes), rows = count(c, WEIGHT) / (size_t)c->Dz;
    char *host = NULL;
    int32_t *k = NULL;
    scp_step_state *state = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc((size_t)c->size.steps, bytes, &host));
    SCP_GOTO(done, scp_alloc(rows, sizeof *k, &k));
    for (int64_t step = 0; step < c->size.steps; step++) {
        for (size_t i = 0; i < rows; i++) k[i] = (int32_t)step;
        scp_plan_feed_to(c->plan, host + (size_t)step * bytes + SCP_STEP_HEAD);
        SCP_GOTO(done, scp_plan_feed_i32(c->plan, c->step_rows, k));
        SCP_GOTO(done, scp_plan_feed_i32(c->plan, c->step_block, k));
        SCP_GOTO(done, scp_plan_feed_i32(c->plan, c->step_one, k));
    }
    SCP_GOTO(done, scp_device_alloc(c->dev, (size_t)c->size.steps * bytes, &c->records));
    SCP_GOTO(done, c->dev->backend->write(c->dev, c->records, host, (size_t)c->size.steps * bytes));
    SCP_GOTO(done, scp_device_alloc(c->dev, sizeof *state, (void **)&state));
    c->ring = (scp_step_ring){ .state = state,
                               .records = c->records,
                               .slots = c->size.steps,
                               .feed = feed,
                               .feed_bytes = feed_bytes };
done:
    scp_plan_feed_to(c->plan, NULL);
    free(host);
    free(k);
    return st;
}

static scp_status fill(scp_chain *c, const scp_method *m, const scp_schedule *s)
{
    SCP_ARG(c->size.passes >= 1 && c->size.passes <= SCP_MAX_IN, "too many passes");
    SCP_ARG(c->dev->backend->step, "device %s has no steps", c->dev->backend->name);
    SCP_TRY(scp_graph_create(c->model, &c->g));
    SCP_TRY(build(c, m));
    const scp_plan_config how = { .store = c->size.store, .own = true };
    SCP_TRY(scp_plan_create_with(c->g, NULL, NULL, &how, &c->plan));
    for (int i = 0; i < TABLES; i++)
        if (i != TIME)
            SCP_TRY(scp_device_alloc(c->dev, scp_device_bytes(c->dev, SCP_REAL, count(c, i)),
                                     &c->memory[i]));
    SCP_TRY(fill_tables(c, m, s));
    for (int i = 0; i < TABLES; i++) SCP_TRY(scp_plan_bind(c->plan, c->table[i], c->memory[i]));
    return write_records(c);
}

scp_status scp_chain_create(const scp_method *m, const scp_schedule *schedule, scp_params *model,
                            const scp_chain_sizes *sizes, scp_chain **out)
{
    scp_chain *c = NULL;
    SCP_TRY(scp_alloc(1, sizeof *c, &c));
    c->dev = scp_params_device(model);
    c->model = model;
    c->size = *sizes;
    c->Dz = m->vae.latent;
    scp_status st = fill(c, m, schedule);
    if (st == SCP_OK)
        *out = c;
    else
        scp_chain_destroy(&c);
    return st;
}

void scp_chain_destroy(scp_chain **cp)
{
    if (!cp || !*cp) return;
    scp_chain *c = *cp;
    scp_program_destroy(c->dev, &c->program);
    scp_plan_destroy(&c->plan);
    scp_graph_destroy(&c->g);
    for (int i = 0; i < TABLES; i++) scp_device_release(c->dev, c->memory[i]);
    scp_device_release(c->dev, c->records);
    scp_device_release(c->dev, c->ring.state);
    free(c);
    *cp = NULL;
}

/* Rows [passes, block] of the caller to rows [block, passes] of the graph. */
static scp_status put(scp_chain *c, int table, const float *from, float *work)
{
    const size_t B = (size_t)c->size.block, P = (size_t)c->size.passes,
                 width = count(c, table) / (B * P);
    for (size_t p = 0; p < P; p++)
        for (size_t i = 0; i < B; i++)
            memcpy(work + (i * P + p) * width, from + (p * B + i) * width, width * sizeof *work);
    return scp_device_write_f32(c->dev, c->memory[table], work, count(c, table));
}

scp_status scp_chain_set(scp_chain *c, const scp_chain_conditions *in)
{
    const size_t B = (size_t)c->size.block, P = (size_t)c->size.passes, Dz = (size_t)c->Dz;
    size_t most = count(c, WEIGHT);
    for (int i = PRE; i <= FUSED; i++) most = count(c, i) > most ? count(c, i) : most;
    float *work = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(most, sizeof *work, &work));
    SCP_GOTO(done, put(c, PRE, in->pre, work));
    SCP_GOTO(done, put(c, DRUG, in->drug, work));
    SCP_GOTO(done, put(c, FUSED, in->fused, work));
    for (size_t i = 0; i < B; i++)
        for (size_t p = 0; p < P; p++)
            for (size_t k = 0; k < Dz; k++)
                work[(i * P + p) * Dz + k] = (float)in->weight[p * B + i];
    SCP_GOTO(done, scp_device_write_f32(c->dev, c->memory[WEIGHT], work, count(c, WEIGHT)));
    c->set = true;
done:
    free(work);
    return st;
}

static scp_status enqueue(scp_chain *c)
{
    const size_t bytes = scp_device_bytes(c->dev, SCP_REAL, count(c, Z));
    for (int64_t k = 0; k < c->size.steps; k++) {
        SCP_TRY(c->dev->backend->step->load(c->dev, &c->ring));
        SCP_TRY(scp_plan_enqueue_again(c->plan, &c->ring.state->now.step));
        SCP_TRY(scp_stream_copy(c->dev, SCP_STREAM_MAIN, SCP_COPY_ON_DEVICE, c->memory[Z],
                                scp_plan_memory(c->plan, c->next), bytes));
    }
    return SCP_OK;
}

/* Recorded at the second run, and again when the store has exchanged its weights for the
 * average. */
static scp_status record(scp_chain *c)
{
    if (c->program) return SCP_OK;
    SCP_TRY(scp_capture_begin(c->dev));
    scp_status st = enqueue(c);
    SCP_KEEP(st, scp_capture_end(c->dev, &c->program));
    return st;
}

/* What does not depend on z, where the conditions are new or the store has exchanged its
 * weights. */
static scp_status run_head(scp_chain *c)
{
    const void *weights = scp_params_arena(c->model, SCP_ARENA_W);
    if (!c->set && c->weights == weights) return SCP_OK;
    if (c->weights != weights) scp_program_destroy(c->dev, &c->program);
    c->weights = weights;
    c->set = false;
    return scp_plan_enqueue_head(c->plan);
}

scp_status scp_chain_run(scp_chain *c, double *z)
{
    SCP_TRY(scp_device_write_f64(c->dev, c->memory[Z], z, count(c, Z)));
    SCP_TRY(run_head(c));
    if (c->ran && scp_capture_possible(c->dev)) {
        SCP_TRY(record(c));
        SCP_TRY(scp_program_launch(c->dev, c->program));
    } else {
        SCP_TRY(enqueue(c));
    }
    c->ran = true;
    return scp_device_read_f64(c->dev, z, c->memory[Z], count(c, Z));
}
