/* Resident tables, see tables.h. */
#include "train/tables.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

/* A device table of reals from host doubles. */
static scp_status upload(scp_device *dev, const double *host, size_t n, void **out)
{
    SCP_TRY(scp_device_alloc(dev, scp_device_bytes(dev, SCP_REAL, n), out));
    return scp_device_write_f64(dev, *out, host, n);
}

/* Standardised state and target of every pair [paper 3.1; decisions: standardised latents]. */
static scp_status latent_tables(scp_tables *t, const scp_method *m, const scp_dataset *d,
                                const float *mu, const scp_latent_stats *s)
{
    size_t Dz = (size_t)s->Dz;
    bool shift = m->diffusion.target == SCP_TARGET_SHIFT;
    double *pre = NULL, *target = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(d->N * Dz, sizeof *pre, &pre));
    SCP_GOTO(done, scp_alloc(d->N * Dz, sizeof *target, &target));
    for (size_t i = 0; i < d->N; i++)
        for (size_t k = 0; k < Dz; k++) {
            double a = mu[(size_t)d->pre[i] * Dz + k], b = mu[(size_t)d->post[i] * Dz + k];
            pre[i * Dz + k] = (a - s->pre_mean[k]) / s->pre_std[k];
            target[i * Dz + k] = ((shift ? b - a : b) - s->target_mean[k]) / s->target_std[k];
        }
    SCP_GOTO(done, upload(t->dev, pre, d->N * Dz, &t->z_pre));
    SCP_GOTO(done, upload(t->dev, target, d->N * Dz, &t->z_0));
done:
    free(pre);
    free(target);
    return st;
}

static scp_status dose_table(scp_tables *t, const scp_dataset *d)
{
    double *code = NULL;
    SCP_TRY(scp_alloc(d->N * SCP_DOSE_CODE, sizeof *code, &code));
    for (size_t i = 0; i < d->N; i++)
        scp_dose_code(d->p_dose[d->post[i]], code + i * SCP_DOSE_CODE);
    scp_status st = upload(t->dev, code, d->N * SCP_DOSE_CODE, &t->dose);
    free(code);
    return st;
}

static scp_status schedule_tables(scp_tables *t, const scp_method *m)
{
    const scp_diffusion_config *f = &m->diffusion;
    size_t T = (size_t)f->T, dim = (size_t)m->model.time_dim;
    scp_schedule s;
    double *work = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_schedule_init(&s, f->T, f->beta_first, f->beta_last));
    SCP_GOTO(done, scp_alloc(T * (dim > 1 ? dim : 1), sizeof *work, &work));
    SCP_GOTO(done, upload(t->dev, s.signal, T, &t->signal));
    SCP_GOTO(done, upload(t->dev, s.noise, T, &t->noise));
    for (size_t i = 0; i < T; i++) work[i] = -s.noise[i];
    SCP_GOTO(done, upload(t->dev, work, T, &t->neg_noise));
    for (size_t i = 0; i < T; i++) scp_time_code((double)i, (int64_t)dim, work + i * dim);
    SCP_GOTO(done, upload(t->dev, work, T * dim, &t->time));
done:
    free(work);
    scp_schedule_fini(&s);
    return st;
}

static scp_status pair_ids(scp_tables *t, const scp_dataset *d)
{
    scp_names *keys = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(d->N, sizeof *t->pair_drug, &t->pair_drug));
    SCP_TRY(scp_alloc(d->N, sizeof *t->pair_key, &t->pair_key));
    SCP_TRY(scp_names_create(&keys));
    for (size_t i = 0; i < d->N; i++) {
        char name[96];
        size_t index;
        int32_t p = d->post[i];
        t->pair_drug[i] = d->p_drug[p];
        SCP_GOTO(done, scp_str_format(name, sizeof name, "%d/%d/%.17g", d->p_line[p], d->p_drug[p],
                                      d->p_dose[p]));
        SCP_GOTO(done, scp_names_add(keys, name, &index));
        t->pair_key[i] = (int32_t)index;
    }
done:
    scp_names_destroy(&keys);
    return st;
}

scp_status scp_tables_init(scp_tables *t, scp_device *dev, const scp_method *m,
                           const scp_dataset *d, const float *mu, const scp_latent_stats *stats)
{
    size_t bits = d->n_drugs * SCP_FP_BITS;
    *t = (scp_tables){ .dev = dev, .x = d->x };
    SCP_TRY(scp_device_view_f32(dev, d->x, d->P * d->G, &t->profiles));
    SCP_TRY(scp_device_alloc(dev, bits, &t->drugs));
    SCP_TRY(dev->backend->write(dev, t->drugs, d->fp, bits));
    SCP_TRY(latent_tables(t, m, d, mu, stats));
    SCP_TRY(dose_table(t, d));
    SCP_TRY(schedule_tables(t, m));
    return pair_ids(t, d);
}

void scp_tables_fini(scp_tables *t)
{
    if (t->dev) scp_device_view_end(t->dev, t->profiles, t->x);
    void *owned[] = { t->z_pre,  t->z_0,   t->dose,      t->drugs,
                      t->signal, t->noise, t->neg_noise, t->time };
    for (size_t i = 0; t->dev && i < sizeof owned / sizeof owned[0]; i++)
        scp_device_release(t->dev, owned[i]);
    free(t->pair_drug);
    free(t->pair_key);
    *t = (scp_tables){ 0 };
}

scp_status scp_tables_bind(const scp_tables *t, scp_plan *plan, const scp_train_nodes *n)
{
    const struct {
        const scp_node *node;
        void *memory;
    } row[] = { { n->profiles, t->profiles }, { n->z_pre, t->z_pre },
                { n->z_0, t->z_0 },           { n->dose, t->dose },
                { n->drugs, t->drugs },       { n->signal, t->signal },
                { n->noise, t->noise },       { n->neg_noise, t->neg_noise },
                { n->time, t->time } };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        SCP_TRY(scp_plan_bind(plan, row[i].node, row[i].memory));
    return SCP_OK;
}
