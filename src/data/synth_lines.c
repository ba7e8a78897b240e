/* Cell lines of a synthetic screen: the 50 lines of Tahoe-100M by their Cellosaurus ids, and an
 * expression profile for each from sparse programmes shared by lines of one organ. */
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "data/synth_design.h"
#include "data/synth_rng.h"
#include "io/tsv.h"

/* Ordered so that the first few lines span the organs. */
static const scp_synth_line lines[SCP_SYNTH_LINES] = {
    { "CVCL_0023", "A549", "Lung" },
    { "CVCL_0218", "COLO 205", "Bowel" },
    { "CVCL_0428", "MIA PaCa-2", "Pancreas" },
    { "CVCL_0179", "BT-474", "Breast" },
    { "CVCL_0069", "SK-MEL-2", "Skin" },
    { "CVCL_1098", "HepG2/C3A", "Liver" },
    { "CVCL_0131", "A-172", "CNS/Brain" },
    { "CVCL_0028", "AN3 CA", "Uterus" },
    { "CVCL_0459", "NCI-H460", "Lung" },
    { "CVCL_0320", "HT-29", "Bowel" },
    { "CVCL_0480", "PANC-1", "Pancreas" },
    { "CVCL_0332", "HS-578T", "Breast" },
    { "CVCL_0099", "SNU-1", "Esophagus/Stomach" },
    { "CVCL_0359", "J82", "Bladder/Urinary Tract" },
    { "CVCL_1056", "A498", "Kidney" },
    { "CVCL_1094", "C-33 A", "Cervix" },
    { "CVCL_1125", "CHP-212", "Peripheral Nervous System" },
    { "CVCL_1381", "LOX-IMVI", "Skin" },
    { "CVCL_0366", "SNU-423", "Liver" },
    { "CVCL_1239", "H4", "CNS/Brain" },
    { "CVCL_0293", "HEC-1-A", "Uterus" },
    { "CVCL_0371", "KATO III", "Esophagus/Stomach" },
    { "CVCL_0546", "SW480", "Bowel" },
    { "CVCL_1119", "CFPAC-1", "Pancreas" },
    { "CVCL_1547", "NCI-H23", "Lung" },
    { "CVCL_0152", "AsPC-1", "Pancreas" },
    { "CVCL_0292", "HCT15", "Bowel" },
    { "CVCL_0334", "Hs 766T", "Pancreas" },
    { "CVCL_0397", "LS 180", "Bowel" },
    { "CVCL_0399", "LoVo", "Bowel" },
    { "CVCL_0504", "RKO", "Bowel" },
    { "CVCL_1055", "A-427", "Lung" },
    { "CVCL_1097", "C32", "Skin" },
    { "CVCL_1285", "HOP62", "Lung" },
    { "CVCL_1478", "NCI-H1573", "Lung" },
    { "CVCL_1495", "NCI-H1792", "Lung" },
    { "CVCL_1517", "NCI-H2030", "Lung" },
    { "CVCL_1531", "NCI-H2122", "Lung" },
    { "CVCL_1550", "NCI-H2347", "Lung" },
    { "CVCL_1571", "NCI-H596", "Lung" },
    { "CVCL_1577", "NCI-H661", "Lung" },
    { "CVCL_1635", "Panc 03.27", "Pancreas" },
    { "CVCL_1666", "RPMI-7951", "Skin" },
    { "CVCL_1693", "SHP-77", "Lung" },
    { "CVCL_1715", "SW 1088", "CNS/Brain" },
    { "CVCL_1716", "SW 1271", "Lung" },
    { "CVCL_1717", "SW1417", "Bowel" },
    { "CVCL_1724", "SW48", "Bowel" },
    { "CVCL_1731", "SW 900", "Lung" },
    { "CVCL_C466", "hTERT-HPNE", "Pancreas" },
};

static const double organ_weight = 0.55, own_weight = 0.84; /* squares sum to 1.01: unit variance */

/* log share of each gene: base + W h - W^2/2, scaled so that the panel holds its share of the
 * counts. The last term keeps the mean over lines of each gene's share at its base. */
static void line_profile(scp_synth_design *d, size_t c, double *eta)
{
    const double *h = d->h + c * SCP_SYNTH_K;
    for (size_t g = 0; g < d->G; g++) eta[g] = d->base[g];
    for (size_t k = 0; k < SCP_SYNTH_K; k++)
        for (size_t g = 0; g < d->G; g++) {
            double w = d->W[k * d->G + g];
            eta[g] += w * h[k] - 0.5 * w * w;
        }
    double sum = 0.0;
    for (size_t g = 0; g < d->G; g++) sum += exp(eta[g]);
    double shift = log(d->captured / sum);
    for (size_t g = 0; g < d->G; g++) d->line_log[c * d->G + g] = (float)(eta[g] + shift);
}

/* Lines of a table: one row a line, or several (a line and its mutations). */
static scp_status read_lines(scp_synth_design *d)
{
    scp_status st = SCP_OK;
    scp_tsv *t = NULL;
    scp_names *seen = NULL;
    size_t id, name, organ, n = 0;
    const char *path = d->cfg.lines_table;
    SCP_GOTO(done, scp_names_create(&seen));
    SCP_GOTO(done, scp_tsv_read(path, &t));
    SCP_GOTO(done, scp_tsv_column(t, "Cell_ID_Cellosaur", &id));
    SCP_GOTO(done, scp_tsv_column(t, "cell_name", &name));
    SCP_GOTO(done, scp_tsv_column(t, "Organ", &organ));
    for (size_t i = 0; i < scp_tsv_n_rows(t) && n < d->C; i++) {
        const char **to[] = { &d->line[n].id, &d->line[n].name, &d->line[n].organ };
        const size_t column[] = { id, name, organ };
        size_t at;
        SCP_GOTO(done, scp_names_add(seen, scp_tsv_text(t, i, id), &at));
        if (at < n) continue;
        for (int k = 0; k < 3; k++) {
            SCP_GOTO(done, scp_names_add(d->text, scp_tsv_text(t, i, column[k]), &at));
            *to[k] = scp_names_get(d->text, at);
        }
        if (!*d->line[n++].id)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s:%zu: a line without an id", path,
                          scp_tsv_line(t, i));
    }
    if (n < d->C)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: %zu lines, the screen asks for %zu", path, n, d->C);
done:
    scp_tsv_destroy(&t);
    scp_names_destroy(&seen);
    return st;
}

scp_status scp_synth_plan_lines(scp_synth_design *d)
{
    scp_status st = SCP_OK;
    uint64_t seed = (uint64_t)d->cfg.seed;
    double *eta = NULL, organ[SCP_SYNTH_K], own[SCP_SYNTH_K];
    SCP_GOTO(done, scp_alloc(d->C * SCP_SYNTH_K, sizeof *d->h, &d->h));
    SCP_GOTO(done, scp_alloc(d->C * d->G, sizeof *d->line_log, &d->line_log));
    SCP_GOTO(done, scp_alloc(d->G, sizeof *eta, &eta));
    SCP_GOTO(done, scp_alloc(d->C, sizeof *d->line, &d->line));
    if (scp_synth_has_text(d->cfg.lines_table))
        SCP_GOTO(done, read_lines(d));
    else
        memcpy(d->line, lines, d->C * sizeof *d->line);
    for (size_t c = 0; c < d->C; c++) {
        uint64_t organ_id = scp_hash_text(d->line[c].organ, 0);
        scp_rng_fill_normal(seed, SCP_RNG_SYNTH, SCP_SYNTH_S_ORGAN, organ_id, SCP_SYNTH_K, organ);
        scp_rng_fill_normal(seed, SCP_RNG_SYNTH, SCP_SYNTH_S_LINE, c, SCP_SYNTH_K, own);
        for (size_t k = 0; k < SCP_SYNTH_K; k++)
            d->h[c * SCP_SYNTH_K + k] = organ_weight * organ[k] + own_weight * own[k];
        line_profile(d, c, eta);
    }
done:
    free(eta);
    return st;
}
