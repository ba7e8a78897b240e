/* Genes of a synthetic screen: abundances, the choice of a panel, names, and which programmes, well
 * axes and cell states each gene takes part in.
 *
 * 24,000 of 62,710 genes are expressed. Log abundance is normal; the first 300 of the universe form
 * a head (mitochondrial, ribosomal, nuclear long non-coding and others) that takes 12 % of the
 * mass. A smaller panel is drawn with probability rising with abundance, and a cell then keeps the
 * share of its counts that falls on the panel, so that noise per gene stays realistic. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/synth_design.h"
#include "data/synth_rng.h"

enum { HEAD = 300, N_MITO = 13 };
enum { AXIS_CYTOPLASM, AXIS_NUCLEAR, AXIS_MITO, AXIS_STRESS, AXIS_HISTONE };

static const double head_share = 0.12,
                    mito_share = 0.055; /* of all counts; mito is part of the head */
static const double mito_sd = 1.5, head_sd = 0.8;
static const double abundance_sd = 1.7; /* over genes, line programmes included */
static const double line_rate = 0.10, line_load_sd = 0.8, head_load_sd = 0.25;
static const double drug_rate = 0.075, drug_load_mean = 0.6, drug_load_sd = 0.5;
static const double well_rate = 0.04, well_load_mean = 1.0, well_load_sd = 0.3;
static const double state_rate = 0.10, cycle_rate = 0.03;

/* Symbols by well axis. The first two lists belong to the head. */
static const char *const mito[N_MITO] = {
    "MT-ND1", "MT-ND2",  "MT-CO1", "MT-CO2", "MT-ATP8", "MT-ATP6", "MT-CO3",
    "MT-ND3", "MT-ND4L", "MT-ND4", "MT-ND5", "MT-ND6",  "MT-CYB",
};
static const char *const cytoplasm[] = {
    "RPLP0", "RPLP1",  "RPL3",  "RPL4",   "RPL5",   "RPL7",  "RPL8",  "RPL10",  "RPL11",
    "RPL13", "RPL13A", "RPL15", "RPL18A", "RPL19",  "RPL28", "RPL32", "RPL37A", "RPL41",
    "RPS2",  "RPS3",   "RPS4X", "RPS6",   "RPS8",   "RPS12", "RPS14", "RPS16",  "RPS18",
    "RPS19", "RPS23",  "RPS24", "RPS27",  "EEF1A1", "EEF2",
};
static const char *const nuclear[] = { "MALAT1", "NEAT1", "KCNQ1OT1", "SNHG14", "XIST", "MEG3" };
static const char *const stress[] = { "FOS",  "FOSB", "JUN",  "JUNB", "EGR1",
                                      "ATF3", "IER2", "IER3", "DUSP1" };
static const char *const histone[] = { "H1-2",   "H1-4", "H2AC6", "H2BC12",
                                       "H2BC21", "H3C2", "H4C3",  "H2AZ1" };

typedef struct symbols {
    const char *const *name;
    size_t n, first;
    int axis;
} symbols;
#define COUNT(list) (sizeof(list) / sizeof *(list))
static const symbols named[] = {
    /* first: gene of the universe */
    { mito, N_MITO, 0, AXIS_MITO },
    { cytoplasm, COUNT(cytoplasm), N_MITO, AXIS_CYTOPLASM },
    { nuclear, COUNT(nuclear), N_MITO + COUNT(cytoplasm), AXIS_NUCLEAR },
    { stress, COUNT(stress), HEAD, AXIS_STRESS },
    { histone, COUNT(histone), HEAD + COUNT(stress), AXIS_HISTONE },
};

/* Symbol of gene u and its axis, or NULL and -1. */
static const char *symbol_of(size_t u, int *axis)
{
    for (size_t i = 0; i < COUNT(named); i++)
        if (u >= named[i].first && u < named[i].first + named[i].n) {
            *axis = named[i].axis;
            return named[i].name[u - named[i].first];
        }
    *axis = -1;
    return NULL;
}

static double normal_of(uint64_t seed, uint64_t step, uint64_t sample)
{
    scp_synth_stream s = scp_synth_stream_at(seed, step, sample);
    return scp_synth_normal(&s);
}

/* Log share of every gene of the universe [SCP_SYNTH_EXPRESSED]; the shares sum to one. */
static void abundances(uint64_t seed, double *a)
{
    double own_sd =
        sqrt(abundance_sd * abundance_sd - SCP_SYNTH_K * line_rate * line_load_sd * line_load_sd);
    const size_t edge[4] = { 0, N_MITO, HEAD, SCP_SYNTH_EXPRESSED };
    const double share[3] = { mito_share, head_share - mito_share, 1.0 - head_share };
    for (int part = 0; part < 3; part++) {
        double sd = part == 0 ? mito_sd : part == 1 ? head_sd : own_sd, sum = 0.0;
        for (size_t u = edge[part]; u < edge[part + 1]; u++) {
            a[u] = sd * normal_of(seed, SCP_SYNTH_S_ABUNDANCE, u);
            sum += exp(a[u]);
        }
        for (size_t u = edge[part]; u < edge[part + 1]; u++) a[u] += log(share[part] / sum);
    }
}

typedef struct pick {
    double key;
    uint32_t u, position;
} pick;

static int by_key(const void *pa, const void *pb)
{
    const pick *a = pa, *b = pb;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return a->u < b->u ? -1 : a->u > b->u;
}

static int by_position(const void *pa, const void *pb)
{
    const pick *a = pa, *b = pb;
    return a->position < b->position ? -1 : a->position > b->position;
}

/* Choose G genes: weighted sampling without replacement by exponential keys (Efraimidis and
 * Spirakis, Information Processing Letters 97, 2006), silent genes last; in the order of the atlas.
 */
static scp_status choose_panel(const scp_synth_design *d, const double *a, pick **out)
{
    uint64_t seed = (uint64_t)d->cfg.seed;
    size_t n = d->G > SCP_SYNTH_EXPRESSED ? d->G : SCP_SYNTH_EXPRESSED;
    pick *p;
    SCP_TRY(scp_alloc(n, sizeof *p, &p));
    for (size_t u = 0; u < n; u++) {
        double uniform = scp_rng_u01(seed, SCP_RNG_SYNTH, SCP_SYNTH_S_PANEL, u, 0);
        p[u].u = (uint32_t)u;
        p[u].position = (uint32_t)scp_rng_permute(seed, SCP_RNG_SYNTH, SCP_SYNTH_S_POSITION,
                                                  SCP_SYNTH_ATLAS_GENES, u);
        /* a panel holds one mitochondrial gene for sure (pcnt_mito), and few more: all would fill
         * it */
        double weight = u < N_MITO ? 1.0 / SCP_SYNTH_EXPRESSED : exp(a[u]);
        p[u].key = u == 0 ? -1.0 : u < SCP_SYNTH_EXPRESSED ? -log(uniform) / weight : HUGE_VAL;
    }
    qsort(p, n, sizeof *p, by_key);
    qsort(p, d->G, sizeof *p, by_position);
    *out = p;
    return SCP_OK;
}

/* Sparse loadings of gene u: load[i, g] for i < n. */
static void load_sparse(const scp_synth_design *d, size_t g, uint32_t u, uint64_t set,
                        uint64_t load, size_t n, double rate, double mean, double sd, float *out)
{
    double in[SCP_SYNTH_K], z[SCP_SYNTH_K];
    uint64_t seed = (uint64_t)d->cfg.seed;
    scp_rng_fill_u01(seed, SCP_RNG_SYNTH, set, u, 0, n, in);
    scp_rng_fill_normal(seed, SCP_RNG_SYNTH, load, u, n, z);
    for (size_t i = 0; i < n; i++)
        out[i * d->G + g] = in[i] < rate ? (float)(mean + sd * z[i]) : 0.0f;
}

/* Well axes: the named genes of the axis, and a random few; cytoplasmic against intronic genes. */
static void load_wells(const scp_synth_design *d, size_t g, uint32_t u, int axis)
{
    scp_synth_stream s = scp_synth_stream_at((uint64_t)d->cfg.seed, SCP_SYNTH_S_WELL_SET, u);
    for (int j = 0; j < SCP_SYNTH_J; j++) {
        bool in = scp_synth_u01(&s) < well_rate || j == axis;
        double x = well_load_mean + well_load_sd * scp_synth_normal(&s);
        if (j == AXIS_CYTOPLASM && axis != AXIS_CYTOPLASM) x = -x;
        d->X[(size_t)j * d->G + g] = in ? (float)x : 0.0f;
    }
}

static uint8_t flags_of(uint64_t seed, uint32_t u)
{
    scp_synth_stream s = scp_synth_stream_at(seed, SCP_SYNTH_S_STATE_SET, u);
    uint8_t flags = u < N_MITO ? SCP_SYNTH_MITO : 0;
    if (scp_synth_u01(&s) < state_rate) flags |= SCP_SYNTH_STATE;
    double cycle = scp_synth_u01(&s);
    if (cycle < cycle_rate)
        flags |= SCP_SYNTH_S;
    else if (cycle < 2.0 * cycle_rate)
        flags |= SCP_SYNTH_G2M;
    return flags;
}

static void plan_gene(scp_synth_design *d, size_t g, const pick *p, const double *a)
{
    int axis;
    const char *symbol = symbol_of(p->u, &axis);
    if (symbol)
        snprintf(d->gene[g], sizeof d->gene[g], "%s", symbol);
    else
        snprintf(d->gene[g], sizeof d->gene[g], "GENE%05u", p->position + 1);
    d->base[g] = p->u < SCP_SYNTH_EXPRESSED ? a[p->u] : -HUGE_VAL;
    d->captured += exp(d->base[g]);
    d->gene_flags[g] = flags_of((uint64_t)d->cfg.seed, p->u);
    load_sparse(d, g, p->u, SCP_SYNTH_S_LINE_SET, SCP_SYNTH_S_LINE_LOAD, SCP_SYNTH_K, line_rate,
                0.0, p->u < HEAD ? head_load_sd : line_load_sd, d->W);
    load_sparse(d, g, p->u, SCP_SYNTH_S_DRUG_SET, SCP_SYNTH_S_DRUG_LOAD, SCP_SYNTH_P, drug_rate,
                drug_load_mean, drug_load_sd, d->V);
    load_wells(d, g, p->u, axis);
}

scp_status scp_synth_plan_genes(scp_synth_design *d)
{
    scp_status st = SCP_OK;
    double *a = NULL;
    pick *panel = NULL;
    SCP_GOTO(done, scp_alloc(SCP_SYNTH_EXPRESSED, sizeof *a, &a));
    SCP_GOTO(done, scp_alloc(d->G, sizeof *d->gene, &d->gene));
    SCP_GOTO(done, scp_alloc(d->G, sizeof *d->gene_flags, &d->gene_flags));
    SCP_GOTO(done, scp_alloc(d->G, sizeof *d->base, &d->base));
    SCP_GOTO(done, scp_alloc(d->G * SCP_SYNTH_K, sizeof *d->W, &d->W));
    SCP_GOTO(done, scp_alloc(d->G * SCP_SYNTH_P, sizeof *d->V, &d->V));
    SCP_GOTO(done, scp_alloc(d->G * SCP_SYNTH_J, sizeof *d->X, &d->X));
    abundances((uint64_t)d->cfg.seed, a);
    SCP_GOTO(done, choose_panel(d, a, &panel));
    d->captured = 0.0;
    for (size_t g = 0; g < d->G; g++) plan_gene(d, g, &panel[g], a);
done:
    free(panel);
    free(a);
    return st;
}
