/* Plate-matched pairing and the tables of the shard. */
#include "data/pair.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const left_name[SCP_LEFT_COUNT] = {
    [SCP_LEFT_NONE] = "",
    [SCP_LEFT_NO_STRUCTURE] = "no_structure",
    [SCP_LEFT_FEW_CELLS] = "few_cells",
    [SCP_LEFT_NO_CONTROL] = "no_control",
};

const char *scp_left_name(scp_left why)
{
    return (unsigned)why < SCP_LEFT_COUNT ? left_name[why] : "?";
}

/* Keys are sorted by (plate, line, vehicle first): the control of a run of keys heads the run. */
static scp_status decide(const scp_keys *keys, const scp_structures *drugs, int64_t min_cells,
                         scp_pairing *p)
{
    const scp_key *head = NULL; /* first key of the current (plate, line) */
    bool control = false;
    for (size_t i = 0; i < keys->n; i++) {
        const scp_key *k = &keys->key[i];
        if (!head || k->plate != head->plate || k->line != head->line) {
            head = k;
            control = k->drug == SCP_VEHICLE && keys->cells[i] >= min_cells;
        }
        scp_left why = SCP_LEFT_NONE;
        if (k->drug >= 0 && drugs->why[k->drug])
            why = SCP_LEFT_NO_STRUCTURE;
        else if (keys->cells[i] < min_cells)
            why = SCP_LEFT_FEW_CELLS;
        else if (k->drug >= 0 && !control)
            why = SCP_LEFT_NO_CONTROL;
        p->left[i] = (uint8_t)why;
        p->n_left[why]++;
        p->key_profile[i] = why == SCP_LEFT_NONE ? (int32_t)p->P : -1;
        if (why == SCP_LEFT_NONE) p->profile_key[p->P++] = (int32_t)i;
    }
    size_t treated = 0;
    for (size_t i = 0; i < p->P; i++) treated += keys->key[p->profile_key[i]].drug >= 0;
    if (treated > 0) return SCP_OK;
    SCP_FAIL(SCP_EDATA,
             "no treated key is left of %zu keys: %zu have no usable structure, %zu fewer than "
             "%lld cells, %zu no control on their plate",
             keys->n, p->n_left[SCP_LEFT_NO_STRUCTURE], p->n_left[SCP_LEFT_FEW_CELLS],
             (long long)min_cells, p->n_left[SCP_LEFT_NO_CONTROL]);
}

/* Keep the names that are used: new numbers, -1 for unused ones. */
static scp_status keep_used(char *const *name, const bool *used, size_t n, char ***out,
                            size_t *n_out, int32_t *number)
{
    SCP_TRY(scp_alloc(n, sizeof **out, out));
    for (size_t i = 0; i < n; i++) {
        number[i] = used[i] ? (int32_t)*n_out : -1;
        if (used[i]) SCP_TRY(scp_strdup(name[i], &(*out)[(*n_out)++]));
    }
    return SCP_OK;
}

/* Which names of each kind the profiles use, and their new numbers. */
typedef struct usage {
    bool *line, *drug, *plate, *parent;
    int32_t *line_no, *drug_no, *plate_no, *parent_no;
} usage;

static scp_status find_usage(const scp_keys *keys, const scp_structures *drugs,
                             const scp_pairing *p, usage *u)
{
    SCP_TRY(scp_alloc(keys->n_lines, sizeof *u->line, &u->line));
    SCP_TRY(scp_alloc(keys->n_drugs, sizeof *u->drug, &u->drug));
    SCP_TRY(scp_alloc(keys->n_plates, sizeof *u->plate, &u->plate));
    SCP_TRY(scp_alloc(drugs->n_parents, sizeof *u->parent, &u->parent));
    SCP_TRY(scp_alloc(keys->n_lines, sizeof *u->line_no, &u->line_no));
    SCP_TRY(scp_alloc(keys->n_drugs, sizeof *u->drug_no, &u->drug_no));
    SCP_TRY(scp_alloc(keys->n_plates, sizeof *u->plate_no, &u->plate_no));
    SCP_TRY(scp_alloc(drugs->n_parents, sizeof *u->parent_no, &u->parent_no));
    for (size_t i = 0; i < p->P; i++) {
        const scp_key *k = &keys->key[p->profile_key[i]];
        u->line[k->line] = u->plate[k->plate] = true;
        if (k->drug >= 0) u->drug[k->drug] = u->parent[drugs->parent[k->drug]] = true;
    }
    return SCP_OK;
}

static void usage_fini(usage *u)
{
    void *const block[] = { u->line,    u->drug,    u->plate,    u->parent,
                            u->line_no, u->drug_no, u->plate_no, u->parent_no };
    for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) free(block[i]);
}

static scp_status fill_drugs(const scp_keys *keys, const scp_structures *drugs, usage *u,
                             scp_dataset *d)
{
    SCP_TRY(keep_used(keys->line, u->line, keys->n_lines, &d->line, &d->n_lines, u->line_no));
    SCP_TRY(keep_used(keys->plate, u->plate, keys->n_plates, &d->plate, &d->n_plates, u->plate_no));
    SCP_TRY(keep_used(drugs->parent_name, u->parent, drugs->n_parents, &d->parent_name,
                      &d->n_parents, u->parent_no));
    SCP_TRY(keep_used(keys->drug, u->drug, keys->n_drugs, &d->drug, &d->n_drugs, u->drug_no));
    SCP_TRY(scp_alloc(d->n_drugs, sizeof *d->smiles, &d->smiles));
    SCP_TRY(scp_alloc(d->n_drugs, sizeof *d->moa, &d->moa));
    SCP_TRY(scp_alloc(d->n_drugs, sizeof *d->parent, &d->parent));
    SCP_TRY(scp_alloc(d->n_drugs * SCP_FP_BITS, 1, &d->fp));
    for (size_t i = 0; i < keys->n_drugs; i++) {
        if (!u->drug[i]) continue;
        size_t at = (size_t)u->drug_no[i];
        SCP_TRY(scp_strdup(drugs->smiles[i], &d->smiles[at]));
        SCP_TRY(scp_strdup(drugs->moa[i], &d->moa[at]));
        d->parent[at] = u->parent_no[drugs->parent[i]];
        memcpy(d->fp + at * SCP_FP_BITS, drugs->fp + i * SCP_FP_BITS, SCP_FP_BITS);
    }
    return SCP_OK;
}

static scp_status fill_profiles(const scp_keys *keys, const scp_pairing *p, const usage *u,
                                scp_dataset *d)
{
    d->P = p->P;
    SCP_TRY(scp_alloc(d->P, sizeof *d->p_line, &d->p_line));
    SCP_TRY(scp_alloc(d->P, sizeof *d->p_drug, &d->p_drug));
    SCP_TRY(scp_alloc(d->P, sizeof *d->p_dose, &d->p_dose));
    SCP_TRY(scp_alloc(d->P, sizeof *d->p_plate, &d->p_plate));
    SCP_TRY(scp_alloc(d->P, sizeof *d->p_cells, &d->p_cells));
    SCP_TRY(scp_alloc(d->P, sizeof *d->post, &d->post));
    SCP_TRY(scp_alloc(d->P, sizeof *d->pre, &d->pre));
    SCP_TRY(scp_alloc(d->P, sizeof *d->split, &d->split));
    int32_t control = -1;
    for (size_t i = 0; i < d->P; i++) {
        const scp_key *k = &keys->key[p->profile_key[i]];
        d->p_line[i] = u->line_no[k->line];
        d->p_drug[i] = k->drug >= 0 ? u->drug_no[k->drug] : SCP_VEHICLE;
        d->p_dose[i] = k->dose;
        d->p_plate[i] = u->plate_no[k->plate];
        d->p_cells[i] = keys->cells[p->profile_key[i]];
        if (k->drug == SCP_VEHICLE) {
            control = (int32_t)i;
        } else {
            d->post[d->N] = (int32_t)i;
            d->pre[d->N++] = control;
        }
    }
    return SCP_OK;
}

scp_status scp_pair(const scp_keys *keys, const scp_structures *drugs, int64_t min_cells,
                    scp_pairing *p, scp_dataset *d)
{
    SCP_ARG(keys && drugs && p && d && drugs->n == keys->n_drugs,
            "keys and their drugs are required");
    scp_status st = SCP_OK;
    usage u = { 0 };
    *p = (scp_pairing){ 0 };
    SCP_GOTO(done, scp_alloc(keys->n, sizeof *p->left, &p->left));
    SCP_GOTO(done, scp_alloc(keys->n, sizeof *p->profile_key, &p->profile_key));
    SCP_GOTO(done, scp_alloc(keys->n, sizeof *p->key_profile, &p->key_profile));
    SCP_GOTO(done, decide(keys, drugs, min_cells, p));
    SCP_GOTO(done, find_usage(keys, drugs, p, &u));
    SCP_GOTO(done, fill_drugs(keys, drugs, &u, d));
    SCP_GOTO(done, fill_profiles(keys, p, &u, d));
done:
    usage_fini(&u);
    if (st != SCP_OK) {
        scp_pairing_fini(p);
        scp_dataset_fini(d);
    }
    return st;
}

void scp_pairing_fini(scp_pairing *p)
{
    if (!p) return;
    free(p->left);
    free(p->profile_key);
    free(p->key_profile);
    *p = (scp_pairing){ 0 };
}
