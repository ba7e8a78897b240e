/* Gathering conditions, see conditions.h. */
#include "diffusion/conditions.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* Text that names a condition whatever the order of a shard. */
static uint64_t condition_hash(const scp_dataset *d, int32_t pair)
{
    int32_t p = d->post[pair];
    uint64_t h = scp_hash_text(d->line[d->p_line[p]], 0);
    h = scp_hash_text(d->drug[d->p_drug[p]], h);
    h = scp_hash_bytes(&d->p_dose[p], sizeof d->p_dose[p], h);
    return scp_hash_text(d->plate[d->p_plate[p]], h);
}

/* Which of the pairs rows [n] have a drug that no training pair has. */
static scp_status find_unseen(const scp_dataset *d, const int32_t *rows, size_t n, uint8_t *unseen)
{
    uint8_t *seen = NULL;
    SCP_TRY(scp_alloc(d->n_drugs, sizeof *seen, &seen));
    for (size_t i = 0; i < d->N; i++)
        if (d->split[i] == SCP_SPLIT_TRAIN) seen[d->p_drug[d->post[i]]] = 1;
    for (size_t i = 0; i < n; i++) unseen[i] = !seen[d->p_drug[d->post[rows[i]]]];
    free(seen);
    return SCP_OK;
}

scp_status scp_conditions_pick(const scp_dataset *d, const float *mu, size_t Dz,
                               const int32_t *rows, size_t n, scp_picked *out)
{
    *out = (scp_picked){ 0 };
    SCP_TRY(scp_alloc(n * Dz, sizeof *out->mu_pre, &out->mu_pre));
    SCP_TRY(scp_alloc(n, sizeof *out->drug, &out->drug));
    SCP_TRY(scp_alloc(n, sizeof *out->dose, &out->dose));
    SCP_TRY(scp_alloc(n, sizeof *out->id, &out->id));
    SCP_TRY(scp_alloc(n, sizeof *out->x_pre, &out->x_pre));
    SCP_TRY(scp_alloc(n, sizeof *out->unseen, &out->unseen));
    SCP_TRY(find_unseen(d, rows, n, out->unseen));
    for (size_t i = 0; i < n; i++) {
        int32_t post = d->post[rows[i]];
        memcpy(out->mu_pre + i * Dz, mu + (size_t)d->pre[rows[i]] * Dz, Dz * sizeof *mu);
        out->drug[i] = d->p_drug[post];
        out->dose[i] = d->p_dose[post];
        out->id[i] = condition_hash(d, rows[i]);
        out->x_pre[i] = d->x + (size_t)d->pre[rows[i]] * d->G;
    }
    out->c = (scp_conditions){ .n = n,
                               .mu_pre = out->mu_pre,
                               .drug = out->drug,
                               .dose = out->dose,
                               .id = out->id,
                               .x_pre = out->x_pre,
                               .unseen = out->unseen };
    return SCP_OK;
}

void scp_picked_fini(scp_picked *c)
{
    free(c->mu_pre);
    free(c->drug);
    free(c->dose);
    free(c->id);
    free(c->x_pre);
    free(c->unseen);
    *c = (scp_picked){ 0 };
}
