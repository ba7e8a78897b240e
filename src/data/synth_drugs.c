/* Drugs of a synthetic screen: a direction that follows in part from the structure, a strength, and
 * a dose response.
 *
 *   e = tanh( sqrt(s) M z + sqrt(1-s) xi ) + common      z: leading principal axes of the
 * fingerprints
 *
 * s is the share that a model of structures can know, xi the part that none can. `common` acts on
 * the last two programmes of every drug, which gives the mean over other drugs something to
 * predict. With effects by a Gaussian process, e = 0.63 f + common (synth_gp.h).
 *
 *   magnitude = amplitude A_d exp(0.5 q_d.h_c / sqrt K) / (1 + exp(-slope (log10 dose - centre)))
 *
 * with the centre at the drug's log10 EC50 plus a shift of the line. Its log-normal tail is bent
 * below a ceiling, m / sqrt(1 + (m/3)^2), so that no key's counts collapse onto a few genes. */
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "chem/drug_table.h"
#include "chem/morgan.h"
#include "data/synth_atlas.h"
#include "data/synth_gp.h"
#include "data/synth_rng.h"
#include "io/gz.h"

enum { FIRST_COMMON = SCP_SYNTH_P - 2 };

static const double log_strength_mean = -0.5, log_strength_sd = 0.8, inert_factor = 0.1;
static const double log_ec50_mean = -0.3, log_ec50_sd = 0.6, line_ec50_sd = 0.3; /* log10 uM */
static const double hill_slope = 2.3, hill_slope_sd = 0.2;                       /* per decade */
static const double gp_sd = 0.63; /* of a direction: that of the tanh of a normal */
static const double sensitivity_gain = 0.5, magnitude_ceiling = 3.0;

const double scp_synth_dose[3] = { 0.05, 0.5, 5.0 };
const char *const scp_synth_dose_text[3] = { "0.05", "0.5", "5.0" };

/* Names and structures: the drugs of the atlas's wells, those without a structure, too. */
static void take_atlas_drugs(scp_synth_design *d)
{
    for (size_t i = 0; i < d->D; i++) {
        scp_synth_drug *r = &d->drug[i];
        scp_drug_row row = { .smiles = "", .moa = "" };
        r->name = scp_synth_atlas_drug(d->atlas, i, &r->label);
        (void)scp_drug_table_find(d->table, r->name, &row);
        r->smiles = row.smiles;
        r->moa = row.moa;
    }
}

/* Names and structures: the first usable drugs of the table, then the traps. */
static void take_drugs(scp_synth_design *d)
{
    size_t n = 0, from_table = (size_t)d->cfg.drugs;
    for (size_t i = 0; i < scp_drug_table_count(d->table) && n < from_table; i++) {
        if (!scp_synth_drug_usable(&d->cfg, d->table, i)) continue;
        scp_drug_row row = scp_drug_table_row(d->table, i);
        d->drug[n++] = (scp_synth_drug){
            .name = row.name, .label = row.name, .smiles = row.smiles, .moa = row.moa
        };
    }
    for (size_t i = 0; n < d->D; i++) {
        const scp_synth_trap *t = &scp_synth_traps[i];
        d->drug[n++] = (scp_synth_drug){
            .name = t->name, .label = t->label, .smiles = t->smiles, .moa = t->moa
        };
    }
}

/* Fingerprints [D, SCP_MORGAN_BITS]; a drug without structure has no bit. Owned by the caller. */
static scp_status read_bits(const scp_synth_design *d, uint8_t **bits)
{
    SCP_TRY(scp_alloc(d->D * SCP_MORGAN_BITS, 1, bits));
    for (size_t i = 0; i < d->D; i++) {
        scp_structure s = { 0 };
        if (!*d->drug[i].smiles) continue;
        SCP_TRY(scp_structure_parse(d->drug[i].smiles, &s));
        memcpy(*bits + i * SCP_MORGAN_BITS, s.fp, SCP_MORGAN_BITS);
        scp_structure_fini(&s);
    }
    return SCP_OK;
}

/* Structure coordinates of the drugs that have one; those of the others are zero. */
static scp_status place_drugs(scp_synth_design *d, const uint8_t *bits)
{
    scp_status st = SCP_OK;
    uint8_t *known = NULL;
    double *z = NULL;
    size_t n = 0, q = (size_t)d->cfg.axes;
    SCP_GOTO(done, scp_alloc(d->D * SCP_MORGAN_BITS, 1, &known));
    SCP_GOTO(done, scp_alloc(d->D * q, sizeof *z, &z));
    for (size_t i = 0; i < d->D; i++)
        if (*d->drug[i].smiles)
            memcpy(known + n++ * SCP_MORGAN_BITS, bits + i * SCP_MORGAN_BITS, SCP_MORGAN_BITS);
    if (n <= q)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s has a structure for %zu of the %zu drugs, %zu axes need more",
                      d->cfg.table, n, d->D, q);
    SCP_GOTO(done,
             scp_synth_principal_axes(known, n, SCP_MORGAN_BITS, q, (uint64_t)d->cfg.seed, z));
    n = 0;
    for (size_t i = 0; i < d->D; i++)
        if (*d->drug[i].smiles) memcpy(d->drug[i].z, z + n++ * q, q * sizeof *z);
done:
    free(known);
    free(z);
    return st;
}

double scp_synth_common(const scp_synth_design *d, size_t programme)
{
    return programme >= FIRST_COMMON ? d->cfg.common : 0.0;
}

static void draw_direction(const scp_synth_design *d, scp_synth_drug *drug, scp_synth_stream *s)
{
    const scp_synth_config *c = &d->cfg;
    size_t q = (size_t)c->axes;
    for (size_t p = 0; c->effects == SCP_SYNTH_BY_GP && p < SCP_SYNTH_P; p++)
        drug->e[p] = scp_synth_normal(s); /* until all drugs have theirs */
    for (size_t p = 0; c->effects == SCP_SYNTH_BY_AXES && p < SCP_SYNTH_P; p++) {
        double from_structure = 0.0;
        for (size_t a = 0; a < q; a++) from_structure += d->mix[p * q + a] * drug->z[a];
        double mixed =
            sqrt(c->structure) * from_structure + sqrt(1.0 - c->structure) * scp_synth_normal(s);
        drug->e[p] = tanh(mixed) + scp_synth_common(d, p);
    }
}

static void draw_drug(const scp_synth_design *d, scp_synth_drug *drug, uint64_t id)
{
    uint64_t seed = (uint64_t)d->cfg.seed;
    scp_synth_stream s = scp_synth_stream_at(seed, SCP_SYNTH_S_DRUG, id);
    drug->inert = scp_synth_u01(&s) < d->cfg.inert;
    drug->strength = exp(log_strength_mean + log_strength_sd * scp_synth_normal(&s)) *
                     (drug->inert ? inert_factor : 1.0);
    drug->log_ec50 = log_ec50_mean + log_ec50_sd * scp_synth_normal(&s);
    drug->slope = hill_slope * exp(hill_slope_sd * scp_synth_normal(&s));
    draw_direction(d, drug, &s);
    scp_rng_fill_normal(seed, SCP_RNG_SYNTH, SCP_SYNTH_S_SENSITIVITY, id, SCP_SYNTH_K,
                        drug->sensitivity);
}

static void draw_pairs(scp_synth_design *d, size_t drug, uint64_t id)
{
    for (size_t c = 0; c < d->C; c++) {
        scp_synth_pair *pair = &d->pair[c * d->D + drug];
        scp_synth_stream s = scp_synth_stream_at((uint64_t)d->cfg.seed, SCP_SYNTH_S_PAIR, id + c);
        pair->shift = line_ec50_sd * scp_synth_normal(&s);
        for (size_t p = 0; p < SCP_SYNTH_P; p++)
            pair->own[p] = d->cfg.interaction * scp_synth_normal(&s);
    }
}

/* Which drugs are not to be learned from. */
static scp_status read_held(scp_synth_design *d)
{
    scp_status st = SCP_OK;
    const char *path = d->cfg.held_out;
    char *text = NULL;
    size_t len, number = 0;
    if (!scp_synth_has_text(path)) return SCP_OK;
    SCP_GOTO(done, scp_alloc(d->D, 1, &d->held));
    SCP_GOTO(done, scp_gz_read_text(path, &text, &len));
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        const char *name = scp_str_trim(line);
        size_t i = 0;
        number++;
        if (!*name) continue;
        while (i < d->D && strcmp(d->drug[i].name, name) != 0) i++;
        if (i == d->D)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s:%zu: no drug of the screen is called %s", path,
                          number, name);
        d->held[i] = 1;
    }
done:
    free(text);
    return st;
}

/* Directions from the process, e = gp_sd f + common, and the best prediction of them. */
static scp_status draw_process(scp_synth_design *d, const uint8_t *bits)
{
    scp_status st = SCP_OK;
    double *f = NULL;
    SCP_GOTO(done, read_held(d));
    SCP_GOTO(done, scp_alloc(d->D * d->D, sizeof *d->kernel, &d->kernel));
    SCP_GOTO(done, scp_alloc(d->D * SCP_SYNTH_P, sizeof *d->kriged, &d->kriged));
    SCP_GOTO(done, scp_alloc(d->D, sizeof *d->kriging_variance, &d->kriging_variance));
    SCP_GOTO(done, scp_alloc(d->D * SCP_SYNTH_P, sizeof *f, &f));
    for (size_t i = 0; i < d->D; i++)
        memcpy(f + i * SCP_SYNTH_P, d->drug[i].e, sizeof d->drug[i].e);
    scp_synth_gp_kernel(bits, d->D, SCP_MORGAN_BITS, d->cfg.structure, d->kernel);
    SCP_GOTO(done, scp_synth_gp_draw(d->kernel, d->D, f, SCP_SYNTH_P));
    SCP_GOTO(done, scp_synth_krige(d->kernel, d->D, d->held, f, SCP_SYNTH_P, d->kriged,
                                   d->kriging_variance));
    for (size_t i = 0; i < d->D; i++)
        for (size_t p = 0; p < SCP_SYNTH_P; p++) {
            double common = scp_synth_common(d, p);
            d->drug[i].e[p] = gp_sd * f[i * SCP_SYNTH_P + p] + common;
            d->kriged[i * SCP_SYNTH_P + p] = gp_sd * d->kriged[i * SCP_SYNTH_P + p] + common;
        }
done:
    free(f);
    return st;
}

static void draw_drugs(scp_synth_design *d)
{
    size_t q = (size_t)d->cfg.axes;
    scp_rng_fill_normal((uint64_t)d->cfg.seed, SCP_RNG_SYNTH, SCP_SYNTH_S_MIX, 0, SCP_SYNTH_P * q,
                        d->mix);
    for (size_t i = 0; i < SCP_SYNTH_P * q; i++) d->mix[i] /= sqrt((double)q);
    for (size_t i = 0; i < d->D; i++) {
        uint64_t id = scp_hash_text(d->drug[i].name, 0);
        draw_drug(d, &d->drug[i], id);
        draw_pairs(d, i, id);
    }
}

scp_status scp_synth_plan_drugs(scp_synth_design *d)
{
    scp_status st = SCP_OK;
    uint8_t *bits = NULL;
    SCP_GOTO(done, scp_alloc(d->D, sizeof *d->drug, &d->drug));
    SCP_GOTO(done, scp_alloc(d->C * d->D, sizeof *d->pair, &d->pair));
    if (d->atlas)
        take_atlas_drugs(d);
    else
        take_drugs(d);
    SCP_GOTO(done, read_bits(d, &bits));
    SCP_GOTO(done, place_drugs(d, bits));
    draw_drugs(d);
    if (d->cfg.effects == SCP_SYNTH_BY_GP) SCP_GOTO(done, draw_process(d, bits));
done:
    free(bits);
    return st;
}

double scp_synth_magnitude(const scp_synth_design *d, size_t line, size_t drug, int x)
{
    const scp_synth_drug *r = &d->drug[drug];
    const double *h = d->h + line * SCP_SYNTH_K;
    double match = 0.0;
    for (size_t k = 0; k < SCP_SYNTH_K; k++) match += r->sensitivity[k] * h[k];
    double centre = r->log_ec50 + d->pair[line * d->D + drug].shift;
    double g = 1.0 / (1.0 + exp(-r->slope * (log10(scp_synth_dose[x]) - centre)));
    double m = d->cfg.amplitude * r->strength *
               exp(sensitivity_gain * match / sqrt((double)SCP_SYNTH_K)) * g;
    return m / sqrt(1.0 + m * m / (magnitude_ceiling * magnitude_ceiling));
}

void scp_synth_lfc(const scp_synth_design *d, size_t line, size_t drug, int x, float *lfc)
{
    const scp_synth_pair *pair = &d->pair[line * d->D + drug];
    double magnitude = scp_synth_magnitude(d, line, drug, x);
    memset(lfc, 0, d->G * sizeof *lfc);
    for (size_t p = 0; p < SCP_SYNTH_P; p++) {
        float effect = (float)(magnitude * (d->drug[drug].e[p] + pair->own[p]));
        for (size_t g = 0; g < d->G; g++) lfc[g] += effect * d->V[p * d->G + g];
    }
}
