/* Building and freeing the plan of a synthetic screen, see synth_design.h. */
#include "data/synth_design.h"

#include <string.h>

#include "base/mem.h"
#include "chem/drug_table.h"
#include "data/synth_atlas.h"

bool scp_synth_drug_usable(const scp_synth_config *cfg, const struct scp_drug_table *table,
                           size_t i)
{
    scp_drug_row row = scp_drug_table_row(table, i);
    for (size_t t = 0; cfg->traps && t < scp_synth_trap_count; t++)
        if (strcmp(row.name, scp_synth_traps[t].name) == 0) return false;
    return *row.smiles != 0;
}

static size_t usable_drugs(const scp_synth_config *cfg, const scp_drug_table *table)
{
    size_t n = 0;
    for (size_t i = 0; i < scp_drug_table_count(table); i++)
        n += scp_synth_drug_usable(cfg, table, i);
    return n;
}

/* The settings, and which design they ask for. */
static scp_status resolve(scp_synth_design *d)
{
    scp_synth_config *c = &d->cfg;
    size_t n = usable_drugs(c, d->table);
    if (scp_synth_has_text(c->grid) && scp_synth_has_text(c->samples)) {
        const char *list = scp_synth_has_text(c->plate_list)
                               ? c->plate_list
                               : scp_synth_preset_plates((scp_synth_preset)c->preset);
        SCP_TRY(scp_synth_atlas_read(c->samples, list, &d->atlas));
        n = scp_synth_atlas_drugs(d->atlas);
    }
    return scp_synth_config_resolve(c, n);
}

scp_status scp_synth_design_create(const scp_synth_config *cfg, scp_synth_design **out)
{
    scp_status st = SCP_OK;
    scp_synth_design *d = NULL;
    SCP_ARG(cfg && out, "settings and output are required");
    *out = NULL;
    if (!cfg->table || !*cfg->table) SCP_FAIL(SCP_EUSAGE, "a drug table is required");
    SCP_TRY(scp_alloc(1, sizeof *d, &d));
    d->cfg = *cfg;
    SCP_GOTO(fail, scp_names_create(&d->text));
    SCP_GOTO(fail, scp_drug_table_read(cfg->table, &d->table));
    SCP_GOTO(fail, resolve(d));
    d->G = (size_t)d->cfg.genes;
    d->C = (size_t)d->cfg.lines;
    d->D = (size_t)d->cfg.drugs + (d->cfg.traps ? scp_synth_trap_count : 0);
    SCP_GOTO(fail, scp_synth_plan_genes(d));
    SCP_GOTO(fail, scp_synth_plan_lines(d));
    SCP_GOTO(fail, scp_synth_plan_drugs(d));
    SCP_GOTO(fail, scp_synth_plan_plates(d));
    *out = d;
    return SCP_OK;
fail:
    scp_synth_design_destroy(&d);
    return st;
}

void scp_synth_design_destroy(scp_synth_design **dp)
{
    scp_synth_design *d = dp ? *dp : NULL;
    if (!d) return;
    scp_drug_table_destroy(&d->table);
    scp_synth_atlas_destroy(&d->atlas);
    scp_names_destroy(&d->text);
    void *owned[] = { d->kernel, d->held,     d->kriged,    d->kriging_variance,
                      d->line,   d->gene,     d->gene_sets, d->gene_flags,
                      d->base,   d->W,        d->V,         d->X,
                      d->h,      d->line_log, d->drug,      d->pair };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    for (size_t p = 0; d->plate && p < d->n_plates; p++) free(d->plate[p].gene);
    free(d->plate);
    free(d);
    *dp = NULL;
}
