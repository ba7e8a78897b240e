/* See screen.h. */
#include "train/screen.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"

enum { DOSES = 2, BASE = 100, EFFECT = 101, NOISE = 102, BITS = 103 };

static const double dose[DOSES] = { 0.05, 5 };

static scp_status texts(const char *stem, size_t n, char ***out)
{
    char name[32];
    SCP_TRY(scp_alloc(n, sizeof **out, out));
    for (size_t i = 0; i < n; i++) {
        SCP_TRY(scp_str_format(name, sizeof name, "%s%zu", stem, i));
        SCP_TRY(scp_strdup(name, &(*out)[i]));
    }
    return SCP_OK;
}

static scp_status name_all(scp_dataset *d)
{
    SCP_TRY(texts("gene", d->G, &d->gene));
    SCP_TRY(texts("line", d->n_lines, &d->line));
    SCP_TRY(texts("drug", d->n_drugs, &d->drug));
    SCP_TRY(texts("C", d->n_drugs, &d->smiles));
    SCP_TRY(texts("moa", d->n_drugs, &d->moa));
    SCP_TRY(texts("parent", d->n_parents, &d->parent_name));
    SCP_TRY(texts("plate", d->n_plates, &d->plate));
    return scp_strdup("{}", &d->manifest);
}

static scp_status allocate(scp_dataset *d)
{
    SCP_TRY(scp_alloc(d->n_drugs, sizeof *d->parent, &d->parent));
    SCP_TRY(scp_alloc(d->n_drugs * SCP_FP_BITS, 1, &d->fp));
    SCP_TRY(scp_alloc(d->P * d->G, sizeof *d->x, &d->x));
    SCP_TRY(scp_alloc(d->P, sizeof *d->p_line, &d->p_line));
    SCP_TRY(scp_alloc(d->P, sizeof *d->p_drug, &d->p_drug));
    SCP_TRY(scp_alloc(d->P, sizeof *d->p_dose, &d->p_dose));
    SCP_TRY(scp_alloc(d->P, sizeof *d->p_plate, &d->p_plate));
    SCP_TRY(scp_alloc(d->P, sizeof *d->p_cells, &d->p_cells));
    SCP_TRY(scp_alloc(1, sizeof *d->r_x, &d->r_x));
    SCP_TRY(scp_alloc(1, sizeof *d->r_profile, &d->r_profile));
    SCP_TRY(scp_alloc(1, sizeof *d->r_cells, &d->r_cells));
    SCP_TRY(scp_alloc(d->N, sizeof *d->post, &d->post));
    SCP_TRY(scp_alloc(d->N, sizeof *d->pre, &d->pre));
    return scp_alloc(d->N, sizeof *d->split, &d->split);
}

static void fill_profile(scp_dataset *d, uint64_t seed, size_t p, int line, int drug, double at)
{
    double share = drug < 0 ? 0 : at / (at + 0.5), base, effect, noise;
    d->p_line[p] = line;
    d->p_drug[p] = drug;
    d->p_dose[p] = at;
    d->p_cells[p] = 100;
    for (size_t g = 0; g < d->G; g++) {
        base = scp_rng_u01(seed, BASE, 0, (uint64_t)line, (uint32_t)g);
        effect = drug < 0 ? 0 : 2 * scp_rng_u01(seed, EFFECT, 0, (uint64_t)drug, (uint32_t)g) - 1;
        noise = scp_rng_u01(seed, NOISE, 0, p, (uint32_t)g) - 0.5;
        d->x[p * d->G + g] = (float)fmax(0, 2 * base + share * effect + 0.1 * noise);
    }
}

/* Last drug unseen in test, the one before in validation, combinations held out by a fixed pattern.
 */
static scp_split split_of(const scp_dataset *d, size_t line, size_t drug)
{
    if (drug + 1 == d->n_drugs) return SCP_SPLIT_UD;
    if (drug + 2 == d->n_drugs) return SCP_SPLIT_VAL_UD;
    if ((line + drug) % 7 == 3) return SCP_SPLIT_UC;
    return (line + 2 * drug) % 11 == 5 ? SCP_SPLIT_VAL_UC : SCP_SPLIT_TRAIN;
}

static void fill(scp_dataset *d, uint64_t seed)
{
    size_t p = 0, n = 0;
    for (size_t l = 0; l < d->n_lines; l++) {
        size_t vehicle = p++;
        fill_profile(d, seed, vehicle, (int)l, -1, 0);
        for (size_t j = 0; j < d->n_drugs; j++)
            for (int k = 0; k < DOSES; k++, p++, n++) {
                fill_profile(d, seed, p, (int)l, (int)j, dose[k]);
                d->post[n] = (int32_t)p;
                d->pre[n] = (int32_t)vehicle;
                d->split[n] = (uint8_t)split_of(d, l, j);
            }
    }
    for (size_t j = 0; j < d->n_drugs; j++) {
        d->parent[j] = (int32_t)j;
        for (uint32_t b = 0; b < SCP_FP_BITS; b++)
            d->fp[j * SCP_FP_BITS + b] = scp_rng_u01(seed, BITS, 0, j, b) < 0.05;
    }
    d->hash = scp_hash_bytes(d->x, d->P * d->G * sizeof *d->x, seed);
}

scp_status screen_make(const screen_size *s, scp_dataset *out)
{
    scp_dataset d = { .G = (size_t)s->genes,
                      .n_lines = (size_t)s->lines,
                      .n_drugs = (size_t)s->drugs,
                      .n_parents = (size_t)s->drugs,
                      .n_plates = 1 };
    scp_status st = SCP_OK;
    d.N = d.n_lines * d.n_drugs * DOSES;
    d.P = d.N + d.n_lines;
    SCP_GOTO(fail, name_all(&d));
    SCP_GOTO(fail, allocate(&d));
    fill(&d, s->seed);
    *out = d;
    return SCP_OK;
fail:
    scp_dataset_fini(&d);
    return st;
}
