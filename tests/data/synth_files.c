/* Files of a synthetic screen: the layout of Tahoe's plates object by object, labels and counts
 * that agree with each other, truth that agrees with the plan, statistics near the atlas, refusals.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "chem/drug_table.h"
#include "data/dose.h"
#include "data/synth_write.h"
#include "io/array_file.h"
#include "io/h5.h"
#include "tap.h"

static char table[SCP_PATH_MAX], folder[SCP_PATH_MAX / 2];

static scp_synth_config settings(void)
{
    scp_synth_config c;
    scp_synth_config_init(&c);
    c.table = table;
    c.out = folder;
    return c;
}

static const char *in_folder(const char *name)
{
    static char path[2][SCP_PATH_MAX];
    static int turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static bool run(const scp_synth_config *c, scp_synth_report *r)
{
    scp_comm *self = NULL;
    bool good = tap_st(scp_comm_create_self(&self), "a communicator") &&
                tap_st(scp_synth_run(self, c, r), "the generator runs");
    scp_comm_destroy(&self);
    return good;
}

/* ---- layout ---- */

/* "name kind type encoding version" of one object, and the columns of a frame. */
static scp_status describe(hid_t loc, const char *name, scp_strbuf *out)
{
    scp_status st = SCP_OK;
    char *encoding = NULL, *version = NULL, **columns = NULL;
    size_t n = 0;
    hid_t id = H5Oopen(loc, name, H5P_DEFAULT);
    SCP_GOTO(done, scp_h5_attr_text(id, "encoding-type", &encoding));
    SCP_GOTO(done, scp_h5_attr_text(id, "encoding-version", &version));
    SCP_GOTO(done, scp_strbuf_addf(out, "%s %s %s", name, encoding, version));
    if (scp_h5_is_dataset(loc, name)) {
        hid_t type = H5Dget_type(id);
        H5T_class_t class = H5Tget_class(type);
        if (class == H5T_STRING)
            SCP_GOTO(done, scp_strbuf_addf(out, " text"));
        else
            SCP_GOTO(done, scp_strbuf_addf(out, " %s%zu", class == H5T_FLOAT ? "f" : "i",
                                           8 * H5Tget_size(type)));
        H5Tclose(type);
    }
    SCP_GOTO(done, scp_strbuf_addf(out, "\n"));
    if (strcmp(encoding, "dataframe") == 0) {
        SCP_GOTO(done, scp_h5_attr_texts(id, "column-order", &columns, &n));
        for (size_t i = 0; i < n; i++)
            SCP_GOTO(done, scp_strbuf_addf(out, "%s column %zu %s\n", name, i, columns[i]));
    }
done:
    free(encoding);
    free(version);
    scp_fs_list_free(columns, n);
    if (id >= 0) H5Oclose(id);
    return st;
}

typedef struct visit {
    scp_strbuf *out;
    scp_status st;
} visit;

static herr_t visit_object(hid_t root, const char *name, const H5O_info_t *info, void *user)
{
    visit *v = user;
    (void)info;
    if (strncmp(name, "X/", 2) == 0)
        return 0; /* parts of the matrix have no encoding: checked below */
    v->st = describe(root, name, v->out);
    return v->st != SCP_OK;
}

static scp_status list_file(const char *path, scp_strbuf *out)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID;
    visit v = { .out = out };
    SCP_GOTO(done, scp_h5_open(path, &file));
    SCP_H5_GOTO(done, H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, visit_object, &v));
done:
    if (file >= 0) SCP_KEEP(st, scp_h5_close(&file));
    return st == SCP_OK ? v.st : st;
}

static void compare_listing(const char *path, const char *want, const char *what)
{
    scp_strbuf got = { 0 };
    if (tap_st(list_file(path, &got), "list %s", what))
        if (!tap_ok(strcmp(got.text, want) == 0,
                    "%s has Tahoe's groups, columns, encodings and types", what))
            tap_diag("%s", got.text);
    scp_strbuf_fini(&got);
}

static void check_matrix_part(hid_t file, const char *name, size_t bytes, H5T_class_t class,
                              size_t chunk)
{
    hid_t dset = H5Dopen2(file, name, H5P_DEFAULT), type = H5Dget_type(dset),
          plist = H5Dget_create_plist(dset);
    unsigned flags, config;
    size_t n_elements = 0;
    hsize_t have = 0;
    H5Z_filter_t filter = H5Pget_filter2(plist, 0, &flags, &n_elements, NULL, 0, NULL, &config);
    H5Pget_chunk(plist, 1, &have);
    tap_ok(H5Tget_size(type) == bytes && H5Tget_class(type) == class &&
               H5Pget_nfilters(plist) == 1 && filter == H5Z_FILTER_DEFLATE &&
               (chunk == 0 || have == chunk),
           "%s: %zu bytes an element, deflate alone, chunks of %llu", name, bytes,
           (unsigned long long)have);
    H5Pclose(plist);
    H5Tclose(type);
    H5Dclose(dset);
}

static void test_layout(void)
{
    char *want = NULL, path[SCP_PATH_MAX];
    size_t len;
    const char *top = getenv("top_srcdir"),
               *atlas = tap_data("tahoe/plate_layout_synthetic_320.h5ad");
    snprintf(path, sizeof path, "%s/tests/data/golden/plate_layout.txt", top ? top : ".");
    if (!tap_st(scp_fs_read_text(path, &want, &len), "the golden listing")) return;
    compare_listing(in_folder("plate1.h5ad"), want, "our plate");
    if (atlas)
        compare_listing(atlas, want, "the file in the layout of the atlas");
    else
        tap_skip("no ../shared/data", "the file in the layout of the atlas");
    free(want);
    hid_t file = H5I_INVALID_HID;
    if (!tap_st(scp_h5_open(in_folder("plate1.h5ad"), &file), "open")) return;
    check_matrix_part(file, "X/data", 4, H5T_FLOAT, 96077);
    check_matrix_part(file, "X/indices", 8, H5T_INTEGER, 96077);
    check_matrix_part(file, "X/indptr", 8, H5T_INTEGER, 0);
    tap_st(scp_h5_close(&file), "close");
}

/* ---- content ---- */

typedef struct plate { /* what the test reads of a plate */
    scp_h5ad *f;
    scp_h5ad_text sample, drug, label, line, name, quality, barcode;
    double *genes, *counts;
    char **index;
} plate;

static scp_status plate_read(plate *p, const char *path)
{
    SCP_TRY(scp_h5ad_open(path, &p->f));
    SCP_TRY(scp_h5ad_obs_text(p->f, "sample", &p->sample));
    SCP_TRY(scp_h5ad_obs_text(p->f, "drug", &p->drug));
    SCP_TRY(scp_h5ad_obs_text(p->f, "drugname_drugconc", &p->label));
    SCP_TRY(scp_h5ad_obs_text(p->f, "cell_line", &p->line));
    SCP_TRY(scp_h5ad_obs_text(p->f, "cell_name", &p->name));
    SCP_TRY(scp_h5ad_obs_text(p->f, "pass_filter", &p->quality));
    SCP_TRY(scp_h5ad_obs_text(p->f, "BARCODE", &p->barcode));
    SCP_TRY(scp_h5ad_obs_real(p->f, "gene_count", &p->genes));
    SCP_TRY(scp_h5ad_obs_real(p->f, "tscp_count", &p->counts));
    return scp_h5ad_obs_names(p->f, &p->index);
}

static void plate_free(plate *p)
{
    scp_h5ad_text *text[] = { &p->sample, &p->drug,    &p->label,  &p->line,
                              &p->name,   &p->quality, &p->barcode };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) scp_h5ad_text_fini(text[i]);
    scp_fs_list_free(p->index, p->f ? scp_h5ad_n_obs(p->f) : 0);
    free(p->genes);
    free(p->counts);
    scp_h5ad_close(&p->f);
}

static const char *text_at(const scp_h5ad_text *t, size_t i)
{
    return t->code[i] < 0 ? "" : t->label[t->code[i]];
}

/* The well of a cell: sample number and barcode must name the same one. 0-based, or -1. */
static int well_of(const plate *p, size_t i, int number)
{
    int sample = 0, position = 0;
    if (sscanf(text_at(&p->sample, i), "smp_%d", &sample) != 1) return -1;
    if (sscanf(text_at(&p->barcode, i), "%d_", &position) != 1) return -1;
    int well = sample - 1495 - 96 * (number - 1);
    return well == position - 1 && well >= 0 && well < SCP_SYNTH_WELLS ? well : -1;
}

static size_t line_index(const scp_synth_design *d, const char *id)
{
    size_t c = 0;
    while (c < d->C && strcmp(d->line[c].id, id) != 0) c++;
    return c;
}

static void check_labels(const plate *p, const scp_synth_design *d, size_t at)
{
    const scp_synth_plate *plan = &d->plate[at];
    size_t n = scp_h5ad_n_obs(p->f), wrong = 0, minimal = 0, repeated = 0;
    int32_t cells[SCP_SYNTH_WELLS][SCP_SYNTH_LINES] = { 0 };
    scp_names *seen = NULL;
    if (scp_names_create(&seen) != SCP_OK) exit(1);
    for (size_t i = 0; i < n; i++) {
        int well = well_of(p, i, plan->number);
        size_t line = line_index(d, text_at(&p->line, i)), index;
        if (well < 0 || line >= d->C || plan->well[well].drug == SCP_SYNTH_EMPTY) {
            wrong++;
            continue;
        }
        cells[well][line]++;
        int drug = plan->well[well].drug;
        char *name = NULL;
        double dose = -1.0, want = drug < 0 ? 0.0 : scp_synth_dose[plan->well[well].dose];
        wrong += scp_dose_parse_label(text_at(&p->label, i), &name, &dose) != SCP_OK ||
                 dose != want || strcmp(name, drug < 0 ? "DMSO_TF" : d->drug[drug].name) != 0 ||
                 strcmp(drug < 0 ? "DMSO_TF" : d->drug[drug].label, text_at(&p->drug, i)) != 0 ||
                 strcmp(text_at(&p->name, i), d->line[line].name) != 0;
        free(name);
        minimal += strcmp(text_at(&p->quality, i), "minimal") == 0;
        if (scp_names_find(seen, p->index[i]) >= 0) repeated++;
        if (scp_names_add(seen, p->index[i], &index) != SCP_OK) exit(1);
    }
    scp_names_destroy(&seen);
    for (int w = 0; w < SCP_SYNTH_WELLS; w++)
        for (size_t c = 0; c < d->C; c++) wrong += cells[w][c] != plan->well[w].cells[c];
    tap_ok(n > 0 && wrong == 0, "plate %d: well, drug, dose, line and cell numbers as planned",
           plan->number);
    tap_ok(repeated == 0, "no two cells share an index");
    tap_ok(minimal == n / 20, "5 %% of the cells are minimal");
}

static void check_counts(const plate *p, int number)
{
    scp_h5ad_rows rows = { 0 };
    size_t n = scp_h5ad_n_obs(p->f), wrong = 0, lowest_full = SIZE_MAX, highest_minimal = 0;
    if (!tap_st(scp_h5ad_read_rows(p->f, 0, n, &rows), "read all rows")) return;
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0;
        int64_t begin = rows.indptr[i], end = rows.indptr[i + 1];
        for (int64_t k = begin; k < end; k++) {
            sum += (double)rows.value[k];
            wrong += rows.value[k] < 1.0f || rows.value[k] != floorf(rows.value[k]) ||
                     (k > begin && rows.column[k] <= rows.column[k - 1]);
        }
        wrong += sum != p->counts[i] || (double)(end - begin) != p->genes[i];
        size_t genes = (size_t)(end - begin);
        if (strcmp(text_at(&p->quality, i), "full") == 0)
            lowest_full = genes < lowest_full ? genes : lowest_full;
        else
            highest_minimal = genes > highest_minimal ? genes : highest_minimal;
    }
    tap_ok(wrong == 0,
           "plate %d: positive integers in ascending columns; gene_count and tscp_count are theirs",
           number);
    tap_ok(highest_minimal <= lowest_full, "minimal cells have the fewest genes");
    scp_h5ad_rows_fini(&rows);
}

static void test_content(const scp_synth_design *d)
{
    char name[32];
    for (size_t i = 0; i < d->n_plates; i++) {
        plate p = { 0 };
        snprintf(name, sizeof name, "plate%d.h5ad", d->plate[i].number);
        if (tap_st(plate_read(&p, in_folder(name)), "read %s", name)) {
            check_labels(&p, d, i);
            check_counts(&p, d->plate[i].number);
        }
        plate_free(&p);
    }
    scp_drug_table *t = NULL;
    if (tap_st(scp_drug_table_read(in_folder("drugs.tsv"), &t), "drugs.tsv reads as a drug table"))
        tap_ok(scp_drug_table_count(t) == d->D, "and holds the drugs of the screen");
    scp_drug_table_destroy(&t);
}

static void test_truth(const scp_synth_design *d)
{
    scp_array_file *f = NULL;
    float *lfc = NULL, *want = NULL;
    int32_t *line = NULL, *drug = NULL;
    double *dose = NULL, *e = NULL;
    size_t dims[3], n[3];
    if (tap_st(scp_array_file_open(in_folder("truth.h5"), &f), "open the truth") &&
        tap_st(scp_array_file_get(f, "key/lfc", SCP_ARRAY_F32, dims, (void **)&lfc),
               "log fold changes") &&
        tap_st(scp_array_file_get(f, "key/line", SCP_ARRAY_I32, n, (void **)&line), "lines") &&
        tap_st(scp_array_file_get(f, "key/drug", SCP_ARRAY_I32, n, (void **)&drug), "drugs") &&
        tap_st(scp_array_file_get(f, "key/dose", SCP_ARRAY_F64, n, (void **)&dose), "doses") &&
        tap_st(scp_array_file_get(f, "drug/e", SCP_ARRAY_F64, n, (void **)&e), "directions") &&
        scp_alloc(d->G, sizeof *want, &want) == SCP_OK) {
        size_t wrong = 0;
        for (size_t k = 0; k < dims[0]; k++) {
            int x = dose[k] == 0.05 ? 0 : dose[k] == 0.5 ? 1 : 2;
            scp_synth_lfc(d, (size_t)line[k], (size_t)drug[k], x, want);
            wrong += memcmp(want, lfc + k * d->G, d->G * sizeof *want) != 0;
        }
        tap_ok(dims[0] == 2 * d->D * d->C && dims[1] == d->G && wrong == 0,
               "one row a treated key, as planned");
        wrong = 0;
        for (size_t i = 0; i < d->D; i++)
            for (size_t p = 0; p < SCP_SYNTH_P; p++)
                wrong += e[i * SCP_SYNTH_P + p] != d->drug[i].e[p];
        tap_ok(n[0] == d->D && n[1] == SCP_SYNTH_P && wrong == 0, "directions as planned");
    }
    scp_array_file_close(&f);
    free(lfc);
    free(want);
    free(line);
    free(drug);
    free(dose);
    free(e);
}

/* All genes of the atlas, the realistic mix of effects: within 15 % of the atlas. */
static void test_statistics(void)
{
    scp_synth_config c = settings();
    scp_synth_report r;
    c.profile = SCP_SYNTH_REALISTIC;
    c.genes = SCP_SYNTH_ATLAS_GENES;
    c.lfc = 0;
    c.plates = 1;
    c.drugs = 14;
    c.lines = 5;
    c.cells = 60;
    c.deflate = 1;
    if (!run(&c, &r)) return;
    size_t compared = 0;
    for (size_t i = 0; i < r.n; i++) {
        const scp_synth_stat *s = &r.stat[i];
        if (isnan(s->target)) continue;
        compared++;
        tap_ok(fabs(s->achieved / s->target - 1.0) <= 0.15, "%s: %g, target %g (%s)", s->name,
               s->achieved, s->target, s->source);
    }
    tap_ok(compared >= 17, "%zu statistics compared", compared);
}

static void test_refusals(void)
{
    scp_synth_config c = settings();
    scp_synth_report r;
    scp_comm *self = NULL;
    char blocked[SCP_PATH_MAX];
    snprintf(blocked, sizeof blocked, "%s/drugs.tsv/x", folder);
    if (!tap_st(scp_comm_create_self(&self), "a communicator")) return;
    c.out = blocked;
    tap_fails(scp_synth_run(self, &c, &r), SCP_EIO, "drugs.tsv", "a folder below a file");
    c.out = NULL;
    tap_fails(scp_synth_run(self, &c, &r), SCP_EUSAGE, "folder", "no folder");
    scp_comm_destroy(&self);
}

int main(void)
{
    const char *top = getenv("top_srcdir");
    snprintf(table, sizeof table, "%s/data-prep/drugs/drugs.tsv", top ? top : ".");
    snprintf(folder, sizeof folder, "%s/new/screen", tap_tmpdir());
    scp_synth_config c = settings();
    scp_synth_report r;
    scp_synth_design *d = NULL;
    if (run(&c, &r) && tap_st(scp_synth_design_create(&c, &d), "its plan")) {
        test_layout();
        test_content(d);
        test_truth(d);
    }
    scp_synth_design_destroy(&d);
    c.traps = true;
    c.bridge = c.mixed = 1;
    snprintf(folder, sizeof folder, "%s/traps", tap_tmpdir());
    if (run(&c, &r) && tap_st(scp_synth_design_create(&c, &d), "a plan with traps"))
        test_content(d);
    scp_synth_design_destroy(&d);
    test_statistics();
    test_refusals();
    return tap_done();
}
