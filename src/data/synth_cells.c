/* The expected profiles of a well's cell lines, and tables to draw genes from them.
 *
 * Genes that are never expressed are left out from the start. The others are in classes by what the
 * state of a cell does to them; each class of a key has an alias table of its own (Vose, IEEE
 * Trans. Software Engineering 17, 1991), so that a cell draws each class at its own rate and thins
 * nothing away for it. */
#include "data/synth_cells.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/team.h"
#include "data/synth_tables.h"

typedef struct scratch { /* of one thread */
    float *lfc;          /* [G] */
    double *weight;      /* [E] */
    uint16_t *stack;     /* [E] */
} scratch;

/* ---- life ---- */

/* Expressed genes, and their classes. */
static scp_status list_genes(scp_synth_sampler *s)
{
    const scp_synth_design *d = s->d;
    SCP_TRY(scp_alloc(d->G, sizeof *s->gene, &s->gene));
    for (size_t g = 0; g < d->G; g++)
        if (isfinite(d->base[g])) s->gene[s->E++] = (int32_t)g;
    SCP_TRY(scp_alloc(s->E, sizeof *s->flags, &s->flags));
    SCP_TRY(scp_alloc(s->E, sizeof *s->member, &s->member));
    for (size_t e = 0; e < s->E; e++) s->flags[e] = d->gene_flags[s->gene[e]];
    size_t n = 0;
    for (size_t k = 0; k < SCP_SYNTH_CLASSES; k++) {
        s->first[k] = n;
        for (size_t e = 0; e < s->E; e++)
            if (s->flags[e] >> 1 == k) s->member[n++] = (uint16_t)e;
    }
    s->first[SCP_SYNTH_CLASSES] = n;
    SCP_ARG(n == s->E, "%zu of %zu expressed genes have a class", n, s->E);
    return SCP_OK;
}

/* Rows [n, G] of the plan at the expressed genes: [n, E]. */
static scp_status gather(const scp_synth_sampler *s, const float *from, size_t n, float **out)
{
    SCP_TRY(scp_alloc(n * s->E, sizeof **out, out));
    for (size_t i = 0; i < n; i++)
        for (size_t e = 0; e < s->E; e++)
            (*out)[i * s->E + e] = from[i * s->d->G + (size_t)s->gene[e]];
    return SCP_OK;
}

static void free_scratch(scp_synth_sampler *s)
{
    scratch *of = s->scratch;
    for (int t = 0; t < s->threads; t++) {
        free(of[t].lfc);
        free(of[t].weight);
        free(of[t].stack);
    }
    free(of);
    s->scratch = NULL;
    s->threads = 0;
}

static scp_status need_scratch(scp_synth_sampler *s, int threads)
{
    if (threads <= s->threads) return SCP_OK;
    free_scratch(s);
    scratch *of = NULL;
    SCP_TRY(scp_alloc((size_t)threads, sizeof *of, &of));
    s->scratch = of;
    s->threads = threads;
    for (int t = 0; t < threads; t++) {
        SCP_TRY(scp_alloc(s->d->G, sizeof *of->lfc, &of[t].lfc));
        SCP_TRY(scp_alloc(s->E, sizeof *of->weight, &of[t].weight));
        SCP_TRY(scp_alloc(s->E, sizeof *of->stack, &of[t].stack));
    }
    return SCP_OK;
}

scp_status scp_synth_sampler_create(const scp_synth_design *d, scp_synth_sampler **out)
{
    scp_status st = SCP_OK;
    scp_synth_sampler *s = NULL;
    SCP_ARG(d && out, "plan and output are required");
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *s, &s));
    s->d = d;
    SCP_GOTO(fail, list_genes(s));
    SCP_GOTO(fail, gather(s, d->line_log, d->C, &s->line_log));
    SCP_GOTO(fail, gather(s, d->X, SCP_SYNTH_J, &s->axis));
    SCP_GOTO(fail, scp_alloc(d->C * s->E, sizeof *s->rate, &s->rate));
    SCP_GOTO(fail, scp_alloc(d->C * s->E, sizeof *s->slot, &s->slot));
    SCP_GOTO(fail, scp_alloc(d->C, sizeof *s->mass, &s->mass));
    SCP_GOTO(fail, scp_alloc(s->E, sizeof *s->pool, &s->pool));
    SCP_GOTO(fail, scp_alloc(d->G, sizeof *s->spread, &s->spread));
    SCP_GOTO(fail, need_scratch(s, 1));
    SCP_GOTO(fail, scp_synth_drawer_create(s, &s->drawer));
    *out = s;
    return SCP_OK;
fail:
    scp_synth_sampler_destroy(&s);
    return st;
}

void scp_synth_sampler_destroy(scp_synth_sampler **sp)
{
    scp_synth_sampler *s = sp ? *sp : NULL;
    if (!s) return;
    free_scratch(s);
    scp_synth_drawer_destroy(&s->drawer);
    void *owned[] = { s->gene, s->flags, s->member, s->line_log, s->axis,
                      s->rate, s->slot,  s->mass,   s->pool,     s->spread };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    free(s);
    *sp = NULL;
}

/* ---- profiles ---- */

static const scp_synth_well *well_of(const scp_synth_sampler *s)
{
    return &s->d->plate[s->plate].well[s->well];
}

/* Profile of a key before ambient counts; sums to `captured`. lfc [G] scratch. */
static void key_rates(scp_synth_sampler *s, size_t line, float *lfc)
{
    const scp_synth_design *d = s->d;
    const scp_synth_well *well = well_of(s);
    const float *plate = d->plate[s->plate].gene, *own = s->line_log + line * s->E;
    float *rate = s->rate + line * s->E;
    double sum = 0.0;
    if (well->drug >= 0)
        scp_synth_lfc(d, line, (size_t)well->drug, well->dose, lfc);
    else
        memset(lfc, 0, d->G * sizeof *lfc);
    for (size_t e = 0; e < s->E; e++) rate[e] = lfc[s->gene[e]] + plate[s->gene[e]] + own[e];
    for (size_t j = 0; j < SCP_SYNTH_J; j++)
        for (size_t e = 0; e < s->E; e++) rate[e] += (float)well->coef[j] * s->axis[j * s->E + e];
    for (size_t e = 0; e < s->E; e++) {
        rate[e] = expf(rate[e]);
        sum += (double)rate[e];
    }
    float scale = (float)(d->captured / sum);
    for (size_t e = 0; e < s->E; e++) rate[e] *= scale;
}

/* The well's pooled profile. */
static void pool_rates(scp_synth_sampler *s)
{
    const scp_synth_well *well = well_of(s);
    double cells = 0.0;
    for (size_t c = 0; c < s->d->C; c++) cells += well->cells[c];
    memset(s->pool, 0, s->E * sizeof *s->pool);
    for (size_t c = 0; c < s->d->C; c++) {
        if (well->cells[c] == 0) continue;
        const float *rate = s->rate + c * s->E;
        double share = well->cells[c] / cells;
        for (size_t e = 0; e < s->E; e++) s->pool[e] += share * (double)rate[e];
    }
}

/* ---- tables ---- */

/* Alias table over n genes of weight rate. Small ones grow from the front of the stack, large ones
 * from its back. */
static void build_alias(const float *rate, const uint16_t *gene, size_t n, double mass,
                        const scratch *x, scp_synth_slot *out)
{
    size_t small = 0, large = n;
    double scale = (double)n / mass;
    for (size_t i = 0; i < n; i++) {
        /* what rounding leaves over keeps its own gene */
        float own = rate[gene[i]];
        out[i] = (scp_synth_slot){ UINT32_MAX, { gene[i], gene[i] }, { own, own } };
        x->weight[i] = (double)own * scale;
        if (x->weight[i] < 1.0)
            x->stack[small++] = (uint16_t)i;
        else
            x->stack[--large] = (uint16_t)i;
    }
    while (small > 0 && large < n) {
        size_t a = x->stack[--small], b = x->stack[large];
        out[a].keep = (uint32_t)fmin(x->weight[a] * 4294967296.0, 4294967295.0);
        out[a].gene[1] = gene[b];
        out[a].rate[1] = out[b].rate[0];
        x->weight[b] -= 1.0 - x->weight[a];
        if (x->weight[b] < 1.0) {
            large++;
            x->stack[small++] = (uint16_t)b;
        }
    }
}

/* Add a line's ambient counts and make its tables. */
static void build_tables(scp_synth_sampler *s, size_t line, const scratch *x)
{
    float *rate = s->rate + line * s->E, ambient = (float)s->d->cfg.ambient;
    for (size_t e = 0; e < s->E; e++)
        rate[e] = (1.0f - ambient) * rate[e] + ambient * (float)s->pool[e];
    for (size_t k = 0; k < SCP_SYNTH_CLASSES; k++) {
        const uint16_t *gene = s->member + s->first[k];
        size_t n = s->first[k + 1] - s->first[k];
        double mass = 0.0;
        for (size_t i = 0; i < n; i++) mass += (double)rate[gene[i]];
        s->mass[line][k] = mass;
        build_alias(rate, gene, n, mass, x, s->slot + line * s->E + s->first[k]);
    }
}

/* ---- a well ---- */

typedef struct job { /* lines dealt to threads */
    scp_synth_sampler *s;
    int threads;
    bool tables; /* second half */
} job;

static scp_status do_lines(void *ctx, int thread)
{
    const job *j = ctx;
    scratch *x = &((scratch *)j->s->scratch)[thread];
    for (size_t c = (size_t)thread; c < j->s->d->C; c += (size_t)j->threads) {
        if (well_of(j->s)->cells[c] == 0) continue;
        if (j->tables)
            build_tables(j->s, c, x);
        else
            key_rates(j->s, c, x->lfc);
    }
    return SCP_OK;
}

scp_status scp_synth_sampler_well_team(scp_synth_sampler *s, size_t plate, size_t well, int threads)
{
    job j = { .s = s, .threads = threads };
    SCP_TRY(need_scratch(s, threads));
    s->plate = plate;
    s->well = well;
    SCP_TRY(scp_team_run(threads, do_lines, &j));
    pool_rates(s);
    j.tables = true;
    return scp_team_run(threads, do_lines, &j);
}

void scp_synth_sampler_well(scp_synth_sampler *s, size_t plate, size_t well)
{
    job j = { .s = s, .threads = 1 };
    s->plate = plate;
    s->well = well;
    (void)do_lines(&j, 0);
    pool_rates(s);
    j.tables = true;
    (void)do_lines(&j, 0);
}

const float *scp_synth_sampler_rates(scp_synth_sampler *s, size_t line)
{
    for (size_t e = 0; e < s->E; e++) s->spread[s->gene[e]] = s->rate[line * s->E + e];
    return s->spread;
}

scp_status scp_synth_sampler_cell(scp_synth_sampler *s, size_t line, int32_t cell,
                                  scp_h5ad_rows *rows, scp_synth_cell *out)
{
    return scp_synth_draw(s->drawer, line, cell, rows, out);
}
