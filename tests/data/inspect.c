/* scppdm_prep --inspect as a library: storage and labels of the fixtures of layouts/, the layout
 * that fits, and that the options it proposes make the right keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/opt_prep.h"
#include "base/fs.h"
#include "data/inspect.h"
#include "tap.h"

enum { KEYS = 17, VEHICLE_KEYS = 4, CELLS = 58, MINIMAL = 4 }; /* of make_layouts.py */

static char folder[SCP_PATH_MAX];

static bool look(const char *file, const char *matrix, scp_inspection *x)
{
    scp_prep_settings set = { 0 };
    static char path[SCP_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s.h5ad", folder, file);
    scp_status st = scp_conf_defaults(scp_prep_options, &set);
    if (st == SCP_OK) st = scp_conf_set(scp_prep_options, &set, "prep.matrix", matrix, "test");
    if (st == SCP_OK) st = scp_inspect(&set, path, x);
    x->map = (scp_obs_map){ .values = x->map.values }; /* its texts go with the settings */
    scp_conf_fini(scp_prep_options, &set);
    return tap_st(st, "look at %s", file);
}

static const scp_h5ad_matrix_info *matrix_of(const scp_inspection *x, const char *name)
{
    for (size_t i = 0; i < x->info.n_matrices; i++)
        if (strcmp(x->info.matrix[i].name, name) == 0) return &x->info.matrix[i];
    return NULL;
}

/* How X is stored. */
static void stored(const char *file, scp_h5ad_kind kind, const char *data, const char *indices,
                   const char *filters, size_t chunk)
{
    scp_inspection x = { 0 };
    if (look(file, "X", &x)) {
        const scp_h5ad_matrix_info *m = matrix_of(&x, "X");
        tap_ok(m && m->kind == kind && m->n_cols == 24 && m->n_rows == x.info.n_obs &&
                   x.info.n_obs == CELLS + MINIMAL,
               "%s: kind and shape", file);
        if (m) {
            tap_text(m->data.type, data, "%s: values", file);
            tap_text(m->indices.type, indices, "%s: indices", file);
            tap_text(m->data.filters, filters, "%s: filters", file);
            tap_ok(m->data.readable && m->data.chunk[0] == chunk, "%s: chunks", file);
        }
        tap_ok(x.kind == SCP_VALUES_COUNTS && x.layout == SCP_LAYOUT_TAHOE && !x.why[0],
               "%s: counts in Tahoe's layout", file);
        tap_text(x.vehicle, "DMSO_TF", "%s: vehicle", file);
        tap_ok(x.screen.keys == KEYS && x.screen.vehicle_keys == VEHICLE_KEYS &&
                   x.screen.cells == CELLS && x.screen.left.cells[SCP_CELL_QUALITY] == MINIMAL &&
                   x.screen.n_doses == 3 && x.screen.dose[0] == 0.05 && x.screen.lines == 2 &&
                   x.screen.drugs == 3 && x.screen.plates == 2,
               "%s: keys, cells, doses", file);
    }
    scp_inspection_fini(&x);
}

/* Type of the drug column. */
static void labels(const char *file, const char *matrix, const char *column, const char *type,
                   const char *era)
{
    scp_inspection x = { 0 };
    if (look(file, matrix, &x)) {
        const scp_h5ad_column_info *c = scp_h5ad_info_obs(&x.info, column);
        tap_text(c ? c->type : "", type, "%s: type of the labels", file);
        tap_ok(c && c->n_labels == 4 && c->n_shown == 4, "%s: four labels", file);
        tap_ok(strstr(x.info.era, era) != NULL, "%s: %s", file, x.info.era);
        tap_ok(x.info.n_genes == 8 && strcmp(x.info.gene[0], "GENE00") == 0, "%s: genes", file);
        tap_ok(x.screen.keys == KEYS, "%s: %zu keys", file, x.screen.keys);
    }
    scp_inspection_fini(&x);
}

/* What it proposes, as a command line. */
static void proposes(const char *file, const char *matrix, const char *options, size_t keys)
{
    scp_prep_settings set = { 0 };
    char path[SCP_PATH_MAX + 64];
    scp_inspection x = { 0 };
    scp_strbuf text = { 0 }, page = { 0 }, json = { 0 };
    snprintf(path, sizeof path, "%s/%s.h5ad", folder, file);
    scp_status st = scp_conf_defaults(scp_prep_options, &set);
    if (st == SCP_OK) st = scp_conf_set(scp_prep_options, &set, "prep.matrix", matrix, "test");
    if (st == SCP_OK) st = scp_inspect(&set, path, &x);
    if (st == SCP_OK) st = scp_inspect_options(&x, &text);
    if (st == SCP_OK) st = scp_inspect_print(&x, &page);
    if (st == SCP_OK) st = scp_inspect_json(&x, &json);
    if (tap_st(st, "look at %s", file)) {
        tap_text(text.text, options, "%s: options", file);
        tap_ok(x.screen.keys == keys && !x.why[0], "%s: %zu keys", file, x.screen.keys);
        tap_ok(strstr(page.text, options) && strstr(json.text, "\"screen\""), "%s: printed", file);
    }
    scp_strbuf_fini(&text);
    scp_strbuf_fini(&page);
    scp_strbuf_fini(&json);
    scp_inspection_fini(&x);
    scp_conf_fini(scp_prep_options, &set);
}

/* Cells that are no treatment, by reason. */
static void leaves(const char *file, const int64_t want[SCP_CELL_COUNT])
{
    char path[SCP_PATH_MAX + 64];
    scp_prep_settings set = { .qc_column = "none", .vehicle = "DMSO_TF" };
    scp_inspection x = { 0 };
    scp_strbuf page = { 0 };
    snprintf(path, sizeof path, "%s/%s.h5ad", folder, file);
    scp_status st = scp_inspect(&set, path, &x);
    if (st == SCP_OK) st = scp_inspect_print(&x, &page);
    if (tap_st(st, "look at %s", file)) {
        tap_ok(x.screen.keys == KEYS && x.screen.cells == CELLS, "%s: as many keys", file);
        for (int why = SCP_CELL_KEPT + 1; why < SCP_CELL_COUNT; why++)
            tap_ok(
                x.screen.left.cells[why] == want[why] &&
                    (want[why] == 0 || strstr(page.text, scp_cell_left_name((scp_cell_left)why))),
                "%s: %s %lld", file, scp_cell_left_name((scp_cell_left)why), (long long)want[why]);
    }
    scp_strbuf_fini(&page);
    scp_inspection_fini(&x);
}

/* A filter that nobody here can undo: described, and said to be the obstacle. */
static void test_refused(void)
{
    char path[SCP_PATH_MAX + 64];
    scp_prep_settings set = { 0 };
    scp_inspection x = { 0 };
    scp_strbuf page = { 0 };
    snprintf(path, sizeof path, "%s/refused_zstd.h5ad", folder);
    scp_status st = scp_inspect(&set, path, &x);
    if (st == SCP_OK) st = scp_inspect_print(&x, &page);
    if (tap_st(st, "look at values under zstd")) {
        const scp_h5ad_matrix_info *m = matrix_of(&x, "X");
        tap_ok(m && !m->data.readable && m->indices.readable, "the values cannot be read");
        tap_ok(strstr(m ? m->data.filters : "", "filter 32015, which cannot be read here") &&
                   strstr(page.text, "write the file anew with gzip"),
               "the filter is named, and the way out");
        tap_ok(strstr(x.why, "32015") && x.role[SCP_ROLE_DRUG].found &&
                   strstr(page.text, "no keys"),
               "the columns are there all the same");
    }
    scp_strbuf_fini(&page);
    scp_inspection_fini(&x);
}

/* Every real file can be looked at, and what is proposed groups its cells. */
static void test_real(void)
{
    static const struct {
        const char *file, *options;
        size_t keys; /* 0: it is no screen */
    } real[] = {
        { "tahoe/plate_layout_synthetic_320.h5ad", " --layout=tahoe --drugs=FILE.tsv", 20 },
        { "singlecell/gbm_panobinostat_5k.h5ad",
          " --layout=generic --obs-line=patient_id --obs-plate=none --obs-smiles=canonical_smiles "
          "--vehicle=DMSO",
          10 },
        { "singlecell/sciplex2_a549_dex_500.h5ad",
          " --layout=generic --obs-line=cell_type --obs-drug=product_name --obs-dose-unit=none "
          "--obs-plate=culture_plate --vehicle=Vehicle --dose-unit=uM",
          16 },
        { "singlecell/datlinger_cropseq_scperturb_7500.h5ad",
          " --layout=sciplex --obs-dose=none --obs-dose-unit=none --obs-plate=none "
          "--drugs=FILE.tsv",
          41 },
        { "bulk/tggates_small_hepatocyte.h5ad", " --layout=bulk", 1192 },
        { "h5ad_format/anndata_v0.5.0.h5ad", NULL, 0 },
        { "h5ad_format/anndata_v0.7.0.h5ad", NULL, 0 },
        { "h5ad_format/anndata_v0.7.8.h5ad", NULL, 0 },
        { "h5ad_format/anndata_v0.11.4.h5ad", NULL, 0 },
        { "singlecell/perturbench_devel_crispr.h5ad", NULL, 0 },
        { "bulk/l1000_prnet_demo_ht115.h5ad", NULL, 0 },
        { "bulk/tahoe_rank_signatures_10lines.h5ad", NULL, 0 },
    };
    for (size_t i = 0; i < sizeof real / sizeof real[0]; i++) {
        char path[SCP_PATH_MAX];
        scp_prep_settings set = { 0 };
        scp_inspection x = { 0 };
        scp_strbuf options = { 0 }, page = { 0 };
        const char *found = tap_data(real[i].file);
        if (!found) {
            tap_skip("the data set is not here", "%s", real[i].file);
            continue;
        }
        snprintf(path, sizeof path, "%s", found);
        scp_status st = scp_inspect(&set, path, &x);
        if (st == SCP_OK) st = scp_inspect_options(&x, &options);
        if (st == SCP_OK) st = scp_inspect_print(&x, &page);
        if (tap_st(st, "look at %s", real[i].file) && real[i].options) {
            tap_text(options.text, real[i].options, "%s: options", real[i].file);
            tap_ok(x.screen.keys == real[i].keys, "%s: %zu keys", real[i].file, x.screen.keys);
        }
        scp_strbuf_fini(&options);
        scp_strbuf_fini(&page);
        scp_inspection_fini(&x);
    }
}

static void test_errors(void)
{
    scp_prep_settings set = { 0 };
    scp_inspection x = { 0 };
    char path[SCP_PATH_MAX + 64];
    tap_fails(scp_inspect(&set, "/nowhere/x.h5ad", &x), SCP_ENOINPUT, "x.h5ad", "a missing file");
    scp_inspection_fini(&x);
    snprintf(path, sizeof path, "%s/truth.tsv", folder);
    tap_fails(scp_inspect(&set, path, &x), SCP_EDATA, "truth.tsv", "a file that is not HDF5");
    scp_inspection_fini(&x);
    set.obs_line = "nobody";
    snprintf(path, sizeof path, "%s/csr_i32_f4_gzip.h5ad", folder);
    tap_st(scp_inspect(&set, path, &x), "an override that names no column");
    tap_ok(!x.role[SCP_ROLE_LINE].found && x.role[SCP_ROLE_LINE].other &&
               strcmp(x.role[SCP_ROLE_LINE].other, "cell_line") == 0,
           "is said to be missing, and another is proposed");
    scp_inspection_fini(&x);
}

int main(void)
{
    snprintf(folder, sizeof folder, "%s/tests/data/layouts",
             getenv("top_srcdir") ? getenv("top_srcdir") : ".");
    stored("csr_i64_f4_gzip", SCP_H5AD_CSR, "float32", "int64", "deflate 4", 97);
    stored("csr_u16_u2_gzip_shuffle", SCP_H5AD_CSR, "uint16", "uint16", "shuffle, deflate 4", 97);
    stored("csr_u1_contiguous", SCP_H5AD_CSR, "uint8", "int32", "", 0);
    stored("csr_i4_lzf", SCP_H5AD_CSR, "int32", "int32", "lzf", 97);
    stored("csr_big_endian_checksum", SCP_H5AD_CSR, "big-endian float32", "big-endian int32",
           "deflate 4, fletcher32", 97);
    stored("csc_i64_u2_lzf", SCP_H5AD_CSC, "uint16", "int64", "lzf", 97);
    stored("dense_f8_lzf", SCP_H5AD_DENSE, "float64", "", "lzf", 9);
    stored("dense_f4_contiguous", SCP_H5AD_DENSE, "float32", "", "", 0);
    labels("csr_i64_f4_gzip", "X", "drug", "categorical of text, int8 codes", "0.8 or later");
    labels("codes_i32", "X", "drug", "categorical of text, int32 codes", "0.8 or later");
    labels("obs_text", "X", "drug", "text", "0.8 or later");
    labels("obs_nullable", "X", "drug", "nullable text", "0.8 or later");
    labels("obs_nullable_categories", "X", "drug", "categorical of nullable text, int8 codes",
           "0.8 or later");
    labels("era_07", "X", "drug", "categorical of text, int8 codes", "0.7");
    labels("era_05", "raw/X", "drug", "categorical of text, int8 codes", "0.5");
    proposes("library", "X", " --layout=tahoe --drugs=FILE.tsv", KEYS);
    proposes("raw_csc", "raw/X", " --layout=tahoe --matrix=raw/X --drugs=FILE.tsv", KEYS);
    proposes("layer_csr", "layers/counts",
             " --layout=tahoe --matrix=layers/counts --drugs=FILE.tsv", KEYS);
    proposes("layer_csr", "X", " --layout=tahoe --values=log --drugs=FILE.tsv", KEYS);
    proposes("sciplex", "X", " --layout=sciplex --drugs=FILE.tsv", KEYS);
    proposes("generic", "X", " --layout=generic", KEYS);
    proposes("bulk_log", "X", " --layout=bulk", KEYS);
    proposes("dose_nM_i8", "X", " --layout=tahoe --obs-dose=dose --drugs=FILE.tsv", KEYS);
    proposes("chemcpa", "X",
             " --layout=bulk --obs-line=cell_type --obs-drug=condition --obs-dose-unit=none "
             "--obs-plate=replicate --dose-unit=uM",
             KEYS);
    leaves("dose_faults",
           (const int64_t[SCP_CELL_COUNT]){
               [SCP_CELL_NO_DOSE] = 2, [SCP_CELL_ZERO_DOSE] = 1, [SCP_CELL_NEGATIVE_DOSE] = 1 });
    leaves("label_combination",
           (const int64_t[SCP_CELL_COUNT]){ [SCP_CELL_COMBINATION] = MINIMAL });
    proposes("op3", "layers/counts",
             " --layout=generic --obs-line=cell_type --obs-drug=sm_name --obs-dose=dose_uM "
             "--obs-dose-unit=none --obs-plate=plate_name --vehicle='Dimethyl Sulfoxide' "
             "--dose-unit=uM --matrix=layers/counts",
             KEYS);
    proposes("l1000", "X",
             " --layout=bulk --obs-line=cell_type --obs-drug=pert_id --obs-dose=pert_dose "
             "--obs-dose-unit=pert_dose_unit --obs-plate=rna_plate --vehicle=DMSO",
             KEYS);
    test_refused();
    test_real();
    test_errors();
    return tap_done();
}
