/* Every key of the real sets, and of a plate of scppdm_synth, against an independent computation:
 * numpy's (golden/make_real_keys.py), and plain loops in fp64 over the rows of the file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "comm/world.h"
#include "data/prep_file.h"
#include "data/synth.h"
#include "io/h5ad.h"
#include "io/tsv.h"
#include "tap.h"

static scp_comm *world;
static char source[SCP_PATH_MAX];
static scp_tsv *golden;

static const struct real_set {
    const char *name, *data, *drugs, *settings; /* drugs NULL: invented structures; "": in obs */
    size_t profiles, pairs;
} sets[] = {
    { "gbm", "singlecell/gbm_panobinostat_5k.h5ad", "",
      "prep.layout=generic;prep.vehicle=DMSO;prep.obs.line=patient_id;prep.obs.plate=patient_id;"
      "prep.obs.smiles=canonical_smiles",
      10, 5 },
    { "sciplex2", "singlecell/sciplex2_a549_dex_500.h5ad", "",
      "prep.layout=generic;prep.vehicle=Vehicle;prep.dose_unit=uM;prep.obs.line=cell_type;"
      "prep.obs.drug=product_name;prep.obs.dose_unit=none;prep.obs.plate=culture_plate",
      16, 14 },
    { "datlinger", "singlecell/datlinger_cropseq_scperturb_7500.h5ad", NULL,
      "prep.layout=sciplex;prep.obs.dose=none;prep.obs.dose_unit=none;"
      "prep.obs.plate=perturbation_2",
      82, 80 },
    { "perturbench", "singlecell/perturbench_devel_crispr.h5ad", NULL,
      "prep.layout=generic;prep.values=log;prep.obs.line=cell_type;prep.obs.drug=condition;"
      "prep.obs.dose=none;prep.obs.dose_unit=none;prep.obs.plate=dataset",
      64, 60 },
    { "tahoe", "tahoe/plate_layout_synthetic_320.h5ad", "tahoe/drugs.tsv", "", 20, 16 },
    { "era05", "h5ad_format/anndata_v0.5.0.h5ad", NULL,
      "prep.layout=generic;prep.values=log;prep.matrix=raw/X;prep.obs.line=phase;"
      "prep.obs.drug=bulk_labels;prep.vehicle=Dendritic;prep.obs.dose=none;"
      "prep.obs.dose_unit=none;prep.obs.plate=none",
      20, 18 }, /* no vehicle in G2M */
    { "l1000", "bulk/l1000_prnet_demo_ht115.h5ad", "",
      "prep.layout=bulk;prep.obs.line=cell_type;prep.obs.drug=pert_id;prep.vehicle=DMSO;"
      "prep.obs.dose=pert_dose;prep.obs.dose_unit=pert_dose_unit;prep.obs.plate=rna_plate",
      663, 661 },
    { "tggates", "bulk/tggates_small_hepatocyte.h5ad", "", "prep.layout=bulk;prep.obs.line=time_h",
      1178, 843 }, /* three drugs have no structure */
};

/* Sign of a gene by its number: the lowest bit of splitmix64. */
static double sign_of(size_t gene)
{
    uint64_t z = (uint64_t)(gene + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return z & 1 ? 1 : -1;
}

/* A structure for every drug of a set that has none: chains of other lengths. */
static scp_status invent_drugs(const char *set, const char *path)
{
    static const char chain[] = "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC";
    scp_status st = SCP_OK;
    scp_names *seen = NULL;
    scp_strbuf text = { 0 };
    SCP_GOTO(done, scp_names_create(&seen));
    SCP_GOTO(done, scp_strbuf_addf(&text, "drug\tsmiles\n"));
    for (size_t r = 0; r < scp_tsv_n_rows(golden); r++) {
        const char *drug = scp_tsv_text(golden, r, 2);
        size_t have = scp_names_count(seen), at = 0;
        if (strcmp(scp_tsv_text(golden, r, 0), set) != 0 || !drug[0]) continue;
        SCP_GOTO(done, scp_names_add(seen, drug, &at));
        if (at == have)
            SCP_GOTO(done, scp_strbuf_addf(&text, "%s\t%.*sO\n", drug, (int)at + 1, chain));
    }
    SCP_GOTO(done, scp_fs_write_text(path, text.text, text.len));
done:
    scp_strbuf_fini(&text);
    scp_names_destroy(&seen);
    return st;
}

static int64_t find_profile(const scp_dataset *d, size_t r)
{
    double dose = 0;
    if (scp_tsv_real(golden, r, 3, &dose) != SCP_OK) return -1;
    for (size_t p = 0; p < d->P; p++) {
        const char *drug = d->p_drug[p] < 0 ? "" : d->drug[d->p_drug[p]];
        if (d->p_dose[p] == dose && strcmp(drug, scp_tsv_text(golden, r, 2)) == 0 &&
            strcmp(d->line[d->p_line[p]], scp_tsv_text(golden, r, 1)) == 0 &&
            strcmp(d->plate[d->p_plate[p]], scp_tsv_text(golden, r, 4)) == 0)
            return (int64_t)p;
    }
    return -1;
}

/* Every profile of the shard is a row of the golden file. */
static void compare(const struct real_set *s, const scp_dataset *d)
{
    size_t found = 0;
    double worst = 0;
    for (size_t r = 0; r < scp_tsv_n_rows(golden); r++) {
        double mean = 0, signs = 0, want[2] = { NAN, NAN };
        int64_t cells = 0, p;
        if (strcmp(scp_tsv_text(golden, r, 0), s->name) != 0 || (p = find_profile(d, r)) < 0)
            continue;
        if (scp_tsv_int(golden, r, 5, &cells) != SCP_OK ||
            scp_tsv_real(golden, r, 6, &want[0]) != SCP_OK ||
            scp_tsv_real(golden, r, 7, &want[1]) != SCP_OK || cells != d->p_cells[p])
            continue;
        found++;
        for (size_t g = 0; g < d->G; g++) {
            double x = (double)d->x[(size_t)p * d->G + g];
            mean += x;
            signs += x * sign_of(g);
        }
        worst = fmax(
            worst, fmax(fabs(mean / (double)d->G - want[0]), fabs(signs / (double)d->G - want[1])) /
                       (1 + fabs(want[0])));
    }
    tap_ok(found == s->profiles && d->P == s->profiles && d->N == s->pairs,
           "%s: %zu profiles with as many cells, %zu pairs", s->name, found, d->N);
    tap_ok(worst < 1e-6, "%s: numpy's projections, worst difference %.1e", s->name, worst);
}

static void test_set(const struct real_set *s)
{
    char data[SCP_PATH_MAX], drugs[SCP_PATH_MAX];
    const char *found = tap_data(s->data);
    scp_dataset d = { 0 };
    scp_status st = SCP_OK;
    if (!found) {
        tap_skip("the data set is not here", "%s", s->name);
        return;
    }
    snprintf(data, sizeof data, "%s", found);
    snprintf(drugs, sizeof drugs, "%s/drugs.tsv", tap_tmpdir());
    if (!s->drugs)
        st = invent_drugs(s->name, drugs);
    else if (s->drugs[0])
        snprintf(drugs, sizeof drugs, "%s", tap_data(s->drugs) ? tap_data(s->drugs) : "");
    if (st == SCP_OK)
        st = prep_file(world, data, s->settings, s->drugs && !s->drugs[0] ? NULL : drugs, &d);
    if (tap_st(st, "%s: file to pairs", s->name)) compare(s, &d);
    scp_dataset_fini(&d);
}

/* ---- a plate of scppdm_synth ---- */

/* The labels of a plate as they stand. */
typedef struct plate {
    scp_h5ad *f;
    scp_h5ad_text line, drug, pass;
} plate;

static const char *label(const scp_h5ad_text *t, size_t row)
{
    return t->code[row] < 0 ? "" : t->label[t->code[row]];
}

static scp_status open_plate(const char *path, plate *p)
{
    SCP_TRY(scp_h5ad_open(path, &p->f));
    SCP_TRY(scp_h5ad_obs_text(p->f, "cell_line", &p->line));
    SCP_TRY(scp_h5ad_obs_text(p->f, "drug", &p->drug));
    return scp_h5ad_obs_text(p->f, "pass_filter", &p->pass);
}

static void close_plate(plate *p)
{
    scp_h5ad_text_fini(&p->line);
    scp_h5ad_text_fini(&p->drug);
    scp_h5ad_text_fini(&p->pass);
    scp_h5ad_close(&p->f);
}

/* Number of cells and plain mean of a profile; a plate of synth has one dose a drug. */
static scp_status plain_mean(const plate *p, const scp_dataset *d, size_t profile, double *mean,
                             int64_t *cells)
{
    scp_status st = SCP_OK;
    scp_h5ad_rows rows = { 0 };
    const char *line = d->line[d->p_line[profile]];
    const char *drug = d->p_drug[profile] < 0 ? "DMSO_TF" : d->drug[d->p_drug[profile]];
    *cells = 0;
    memset(mean, 0, d->G * sizeof *mean);
    for (size_t row = 0; row < scp_h5ad_n_obs(p->f); row++) {
        const char *name = label(&p->drug, row);
        size_t n = strlen(drug);
        if (strcmp(label(&p->line, row), line) != 0 || strcmp(label(&p->pass, row), "full") != 0 ||
            strncmp(name, drug, n) != 0 || strspn(name + n, " ") != strlen(name + n))
            continue;
        double library = 0;
        SCP_GOTO(done, scp_h5ad_read_rows(p->f, row, 1, &rows));
        for (int64_t k = 0; k < rows.indptr[1]; k++) library += (double)rows.value[k];
        for (int64_t k = 0; k < rows.indptr[1]; k++)
            mean[rows.column[k]] += log1p(1e4 * (double)rows.value[k] / library);
        ++*cells;
    }
    for (size_t g = 0; g < d->G; g++) mean[g] /= (double)*cells;
done:
    scp_h5ad_rows_fini(&rows);
    return st;
}

static void compare_plate(const plate *p, const scp_dataset *d)
{
    double worst = 0, *mean = calloc(d->G, sizeof *mean);
    bool cells = true;
    scp_status st = SCP_OK;
    for (size_t i = 0; mean && i < d->P && st == SCP_OK; i++) {
        int64_t n;
        st = plain_mean(p, d, i, mean, &n);
        cells = cells && n == d->p_cells[i];
        for (size_t g = 0; g < d->G; g++)
            worst = fmax(worst, fabs(mean[g] - (double)d->x[i * d->G + g]));
    }
    free(mean);
    tap_st(st, "a plate of scppdm_synth by plain loops");
    tap_ok(cells && d->P > 30 && d->N > 25, "a plate of scppdm_synth: %zu profiles", d->P);
    tap_ok(worst < 1e-6, "a plate of scppdm_synth: all genes, worst difference %.1e", worst);
}

static void test_synth(void)
{
    scp_synth_config c;
    scp_synth_report r;
    char out[SCP_PATH_MAX], table[SCP_PATH_MAX * 2], file[SCP_PATH_MAX + 32],
        drugs[SCP_PATH_MAX + 32];
    scp_dataset d = { 0 };
    plate p = { 0 };
    snprintf(out, sizeof out, "%s/synth", tap_tmpdir());
    snprintf(table, sizeof table, "%s/data-prep/drugs/drugs.tsv", source);
    snprintf(file, sizeof file, "%s/plate1.h5ad", out);
    snprintf(drugs, sizeof drugs, "%s/drugs.tsv", out);
    scp_synth_config_init(&c);
    c.out = out;
    c.table = table;
    c.preset = SCP_SYNTH_SMALL;
    c.plates = 1;
    c.drugs = 10;
    c.lines = 4;
    c.cells = 20;
    scp_status st = scp_synth_run(world, &c, &r);
    if (st == SCP_OK) st = prep_file(world, file, "", drugs, &d);
    if (st == SCP_OK) st = open_plate(file, &p);
    if (tap_st(st, "a plate of scppdm_synth")) compare_plate(&p, &d);
    close_plate(&p);
    scp_dataset_fini(&d);
}

int main(int argc, char **argv)
{
    char path[SCP_PATH_MAX * 2];
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    scp_log_set_level(SCP_LOG_ERROR);
    snprintf(source, sizeof source, "%s", getenv("top_srcdir") ? getenv("top_srcdir") : ".");
    snprintf(path, sizeof path, "%s/tests/data/golden/real_keys.tsv", source);
    if (tap_st(scp_tsv_read(path, &golden), "golden values"))
        for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) test_set(&sets[i]);
    test_synth();
    scp_tsv_destroy(&golden);
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
