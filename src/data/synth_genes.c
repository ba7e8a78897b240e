/* Genes of a synthetic screen: abundances, the choice of a panel, and which programmes, well axes
 * and cell states each gene takes part in.
 *
 * 24,000 of 62,710 genes are expressed. Log abundance is normal; the first 300 of the universe form
 * a head (mitochondrial, ribosomal, nuclear long non-coding and others) that takes 12 % of the
 * mass. Drug programmes are gene sets where the settings name some, else random genes. A smaller
 * panel holds the members of the sets; the rest of it is drawn with probability rising with
 * abundance, and a cell then keeps the share of its counts that falls on the panel, so that noise
 * per gene stays realistic. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/synth_rng.h"
#include "data/synth_universe.h"

static const double most_members = 0.75; /* of a panel, in gene sets */
static const double head_share = 0.12,
                    mito_share = 0.055; /* of all counts; mito is part of the head */
static const double mito_sd = 1.5, head_sd = 0.8;
static const double abundance_sd = 1.7; /* over genes, line programmes included */
static const double line_rate = 0.10, line_load_sd = 0.8, head_load_sd = 0.25;
static const double drug_rate = 0.075, drug_load_mean = 0.6, drug_load_sd = 0.5;
static const double well_rate = 0.04, well_load_mean = 1.0, well_load_sd = 0.3;
static const double state_rate = 0.10, cycle_rate = 0.03;

static double normal_of(uint64_t seed, uint64_t step, uint64_t sample)
{
    scp_synth_stream s = scp_synth_stream_at(seed, step, sample);
    return scp_synth_normal(&s);
}

/* Log share of every expressed gene; the shares sum to one. */
static void abundances(const scp_synth_universe *u, uint64_t seed, double *a)
{
    double own_sd =
        sqrt(abundance_sd * abundance_sd - SCP_SYNTH_K * line_rate * line_load_sd * line_load_sd);
    const size_t edge[4] = { 0, u->mito, u->head, u->expressed };
    const double share[3] = { mito_share, head_share - mito_share, 1.0 - head_share };
    for (int part = 0; part < 3; part++) {
        double sd = part == 0 ? mito_sd : part == 1 ? head_sd : own_sd, sum = 0.0;
        for (size_t i = edge[part]; i < edge[part + 1]; i++) {
            a[i] = sd * normal_of(seed, SCP_SYNTH_S_ABUNDANCE, i);
            sum += exp(a[i]);
        }
        for (size_t i = edge[part]; i < edge[part + 1]; i++) a[i] += log(share[part] / sum);
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
static scp_status choose_panel(const scp_synth_design *d, const scp_synth_universe *universe,
                               const double *a, pick **out)
{
    uint64_t seed = (uint64_t)d->cfg.seed;
    pick *p;
    if ((double)universe->members > most_members * (double)d->G)
        SCP_FAIL(SCP_EUSAGE,
                 "the gene sets have %zu members, which leave too little of %zu genes; "
                 "ask for %.0f or more",
                 universe->members, d->G, ceil((double)universe->members / most_members));
    SCP_TRY(scp_alloc(universe->n, sizeof *p, &p));
    for (size_t u = 0; u < universe->n; u++) {
        double uniform = scp_rng_u01(seed, SCP_RNG_SYNTH, SCP_SYNTH_S_PANEL, u, 0);
        p[u].u = (uint32_t)u;
        p[u].position = universe->gene[u].position;
        /* a panel holds one mitochondrial gene for sure (pcnt_mito), and few more: all would fill
         * it */
        if (u >= universe->expressed)
            p[u].key = HUGE_VAL;
        else if (u == 0 || universe->gene[u].sets)
            p[u].key = -1.0;
        else
            p[u].key = -log(uniform) / (u < universe->mito ? 1.0 / SCP_SYNTH_EXPRESSED : exp(a[u]));
    }
    qsort(p, universe->n, sizeof *p, by_key);
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
        if (j == SCP_SYNTH_AXIS_CYTOPLASM && axis != SCP_SYNTH_AXIS_CYTOPLASM) x = -x;
        d->X[(size_t)j * d->G + g] = in ? (float)x : 0.0f;
    }
}

/* Loadings of the drug programmes on the members of their gene sets. */
static void load_sets(const scp_synth_design *d, size_t g, uint32_t u, unsigned sets)
{
    double z[SCP_SYNTH_P];
    scp_rng_fill_normal((uint64_t)d->cfg.seed, SCP_RNG_SYNTH, SCP_SYNTH_S_DRUG_LOAD, u, SCP_SYNTH_P,
                        z);
    for (size_t p = 0; p < SCP_SYNTH_P; p++)
        d->V[p * d->G + g] = sets >> p & 1 ? (float)(drug_load_mean + drug_load_sd * z[p]) : 0.0f;
}

static uint8_t flags_of(uint64_t seed, uint32_t u, bool mito)
{
    scp_synth_stream s = scp_synth_stream_at(seed, SCP_SYNTH_S_STATE_SET, u);
    uint8_t flags = mito ? SCP_SYNTH_MITO : 0;
    if (scp_synth_u01(&s) < state_rate) flags |= SCP_SYNTH_STATE;
    double cycle = scp_synth_u01(&s);
    if (cycle < cycle_rate)
        flags |= SCP_SYNTH_S;
    else if (cycle < 2.0 * cycle_rate)
        flags |= SCP_SYNTH_G2M;
    return flags;
}

static void plan_gene(scp_synth_design *d, const scp_synth_universe *universe, size_t g,
                      const pick *p, const double *a)
{
    const scp_synth_origin *o = &universe->gene[p->u];
    bool expressed = p->u < universe->expressed;
    if (o->symbol)
        snprintf(d->gene[g], sizeof d->gene[g], "%s", o->symbol);
    else
        snprintf(d->gene[g], sizeof d->gene[g], "GENE%05u", p->position + 1);
    d->base[g] = expressed ? a[p->u] : -HUGE_VAL;
    d->captured += exp(d->base[g]);
    d->gene_sets[g] = o->sets;
    d->gene_flags[g] = flags_of((uint64_t)d->cfg.seed, p->u, p->u < universe->mito);
    load_sparse(d, g, p->u, SCP_SYNTH_S_LINE_SET, SCP_SYNTH_S_LINE_LOAD, SCP_SYNTH_K, line_rate,
                0.0, p->u < universe->head ? head_load_sd : line_load_sd, d->W);
    if (d->set[0])
        load_sets(d, g, p->u, expressed ? o->sets : 0);
    else
        load_sparse(d, g, p->u, SCP_SYNTH_S_DRUG_SET, SCP_SYNTH_S_DRUG_LOAD, SCP_SYNTH_P, drug_rate,
                    drug_load_mean, drug_load_sd, d->V);
    load_wells(d, g, p->u, o->axis);
}

scp_status scp_synth_plan_genes(scp_synth_design *d)
{
    scp_status st = SCP_OK;
    scp_synth_universe universe = { 0 };
    double *a = NULL;
    pick *panel = NULL;
    SCP_GOTO(done, scp_synth_universe_init(d, &universe));
    SCP_GOTO(done, scp_alloc(universe.expressed, sizeof *a, &a));
    SCP_GOTO(done, scp_alloc(d->G, sizeof *d->gene, &d->gene));
    SCP_GOTO(done, scp_alloc(d->G, sizeof *d->gene_sets, &d->gene_sets));
    SCP_GOTO(done, scp_alloc(d->G, sizeof *d->gene_flags, &d->gene_flags));
    SCP_GOTO(done, scp_alloc(d->G, sizeof *d->base, &d->base));
    SCP_GOTO(done, scp_alloc(d->G * SCP_SYNTH_K, sizeof *d->W, &d->W));
    SCP_GOTO(done, scp_alloc(d->G * SCP_SYNTH_P, sizeof *d->V, &d->V));
    SCP_GOTO(done, scp_alloc(d->G * SCP_SYNTH_J, sizeof *d->X, &d->X));
    abundances(&universe, (uint64_t)d->cfg.seed, a);
    SCP_GOTO(done, choose_panel(d, &universe, a, &panel));
    d->captured = 0.0;
    for (size_t g = 0; g < d->G; g++) plan_gene(d, &universe, g, &panel[g], a);
done:
    free(panel);
    free(a);
    scp_synth_universe_fini(&universe);
    return st;
}
