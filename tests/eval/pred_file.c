/* Predictions as AnnData files: what is written comes back, on any number of ranks; predictions of
 * foreign files are matched by key and by gene.
 * With a folder as argument it only writes real_uc.h5ad and pred_uc.h5ad there, for
 * tests/eval/anndata_opens.sh and tests/golden/make_cell_eval_golden.py. */
#include "eval/pred_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "comm/world.h"
#include "eval/screen.h"
#include "io/h5ad.h"
#include "tap_ranks.h"

static scp_comm *world;
static screen s;
static int32_t *rows;
static size_t n_rows;
static int64_t overlap_k[] = { 10, 50 };

static bool leader(void)
{
    return scp_comm_rank(world) == 0;
}

static void test_label(void)
{
    static const struct {
        const char *drug, *want;
        double dose;
    } c[] = {
        { "Drug A", "[('Drug A', 0.05, 'uM')]", 0.05 },
        { "Drug A", "[('Drug A', 5.0, 'uM')]", 5 },
        { "Drug A", "[('Drug A', 1e-05, 'uM')]", 1e-5 },
        { "Drug A", "[('Drug A', 250.0, 'uM')]", 250 },
        { "5'-Azacytidine", "[(\"5'-Azacytidine\", 0.5, 'uM')]", 0.5 },
        { "a\"'b", "[('a\"\\'b', 0.5, 'uM')]", 0.5 },
        { NULL, "[('DMSO_TF', 0.0, 'uM')]", 3 },
    };
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        char *got = NULL;
        if (scp_pred_label(c[i].drug, c[i].dose, &got) == SCP_OK)
            tap_text(got, c[i].want, "label %zu as Python prints it", i);
        free(got);
    }
}

static scp_metric_settings settings(void)
{
    return (scp_metric_settings){
        .pseudo = s.pseudo, .deg_k = s.deg_k, .overlap_k = { overlap_k, 2 }, .pds = true, .block = 3
    };
}

static scp_status evaluate(const scp_predictor *model, scp_scores *out)
{
    scp_metric_settings set = settings();
    return scp_evaluate(world, &s.d, rows, n_rows, "uc", model, 1, &set, out);
}

/* Whole matrix of a file, dense [*n, G]; NULL when it cannot be read. */
static float *read_matrix(const char *path, size_t *n)
{
    scp_h5ad *f = NULL;
    scp_h5ad_rows r = { 0 };
    float *x = NULL;
    if (scp_h5ad_open(path, &f) != SCP_OK) return NULL;
    *n = scp_h5ad_n_obs(f);
    if (scp_h5ad_n_vars(f) == s.d.G && scp_h5ad_read_rows(f, 0, *n, &r) == SCP_OK) {
        x = calloc(*n * s.d.G, sizeof *x);
        for (size_t i = 0; x && i < *n; i++)
            for (int64_t e = r.indptr[i]; e < r.indptr[i + 1]; e++)
                x[i * s.d.G + (size_t)r.column[e]] = r.value[e];
    }
    scp_h5ad_rows_fini(&r);
    scp_h5ad_close(&f);
    return x;
}

/* Rows of a prediction file: predictions in the order of the scores, cut at 0, then controls. */
static bool content_is(const float *x, size_t n, const scp_scores *got, const float *source,
                       const int32_t *index)
{
    const size_t G = s.d.G;
    if (!x || n != got->n + 3) return false;
    for (size_t i = 0; i < got->n; i++)
        for (size_t g = 0; g < G; g++) {
            float v = source[(size_t)index[got->row[i]] * G + g];
            if (x[i * G + g] != (v < 0 ? 0 : v)) return false;
        }
    for (size_t i = got->n, p = 0; i < n; i++, p++) {
        while (s.d.p_drug[p] >= 0) p++; /* the screen's fourth control is used by no condition */
        if (memcmp(x + i * G, s.d.x + p * G, G * sizeof *x) != 0) return false;
    }
    return true;
}

static void test_columns(const char *path, const scp_scores *got)
{
    scp_h5ad *f = NULL;
    scp_h5ad_text label = { 0 }, line = { 0 };
    double *dose = NULL;
    char **gene = NULL;
    bool same = scp_h5ad_open(path, &f) == SCP_OK &&
                scp_h5ad_obs_text(f, "drugname_drugconc", &label) == SCP_OK &&
                scp_h5ad_obs_text(f, "cell_name", &line) == SCP_OK &&
                scp_h5ad_obs_real(f, "dose_uM", &dose) == SCP_OK &&
                scp_h5ad_var_names(f, &gene) == SCP_OK;
    for (size_t i = 0; same && i < got->n; i++) {
        int32_t p = s.d.post[got->row[i]];
        same = dose[i] == s.d.p_dose[p] &&
               strcmp(line.label[line.code[i]], s.d.line[s.d.p_line[p]]) == 0 &&
               strstr(label.label[label.code[i]], s.d.drug[s.d.p_drug[p]]) != NULL;
    }
    tap_ok(same && strcmp(gene[s.d.G - 1], s.d.gene[s.d.G - 1]) == 0,
           "keys and genes of the file are those of the conditions");
    tap_ok(same && dose[got->n] == 0 &&
               strcmp(label.label[label.code[got->n]], "[('DMSO_TF', 0.0, 'uM')]") == 0,
           "controls carry the vehicle's label");
    if (gene) scp_fs_list_free(gene, s.d.G);
    free(dose);
    scp_h5ad_text_fini(&label);
    scp_h5ad_text_fini(&line);
    scp_h5ad_close(&f);
}

static void test_write(const char *dir)
{
    char scored[SCP_PATH_MAX], plain[SCP_PATH_MAX], real[SCP_PATH_MAX];
    snprintf(scored, sizeof scored, "%s/pred_uc.h5ad", dir);
    snprintf(plain, sizeof plain, "%s/pred_plain.h5ad", dir);
    snprintf(real, sizeof real, "%s/real_uc.h5ad", dir);
    scp_predictor model = { .name = "table", .fill = screen_fill, .ctx = &s, .h5ad = scored };
    scp_scores got;
    if (!tap_st(evaluate(&model, &got), "predictions written while scored")) return;
    model.h5ad = plain;
    tap_st(scp_pred_write(world, &s.d, rows, n_rows, &model, 5), "predictions written alone");
    if (leader()) {
        size_t n = 0;
        int32_t *pair = NULL;
        if (scp_alloc(s.d.N, sizeof *pair, &pair) != SCP_OK) return;
        for (size_t i = 0; i < s.d.N; i++) pair[i] = (int32_t)i;
        float *x = read_matrix(scored, &n);
        tap_ok(content_is(x, n, &got, s.pred, pair), "predictions, cut at 0, then the controls");
        free(x);
        x = read_matrix(plain, &n);
        tap_ok(content_is(x, n, &got, s.pred, pair), "the same without scores");
        free(x);
        tap_st(scp_pred_write_real(&s.d, rows, n_rows, real), "truth written");
        x = read_matrix(real, &n);
        tap_ok(content_is(x, n, &got, s.d.x, s.d.post), "true profiles, then the same controls");
        free(x);
        free(pair);
        test_columns(scored, &got);
    }
    scp_scores_fini(&got);
}

/* A spread that is a function of the pair and the gene. */
static float spread_of(int32_t pair, size_t g)
{
    return 0.01f * (float)(pair + 1) + 0.001f * (float)(g % 7);
}

static scp_status fill_spread(void *ctx, const int32_t *pair, size_t n, float *sd)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        for (size_t g = 0; g < s.d.G; g++) sd[i * s.d.G + g] = spread_of(pair[i], g);
    return SCP_OK;
}

/* layers/sd of a file: the spread of each condition, zeros for the controls. */
static bool layer_is(const char *path, const scp_scores *got)
{
    scp_h5ad *f = NULL;
    scp_h5ad_rows r = { 0 };
    size_t n = 0, G = s.d.G, seen = 0;
    bool same = scp_h5ad_open(path, &f) == SCP_OK &&
                scp_h5ad_select_matrix(f, "layers/sd") == SCP_OK &&
                scp_h5ad_read_rows(f, 0, n = scp_h5ad_n_obs(f), &r) == SCP_OK && n == got->n + 3;
    for (size_t i = 0; same && i < n; i++)
        for (int64_t e = r.indptr[i]; same && e < r.indptr[i + 1]; e++, seen++)
            same = i < got->n && r.value[e] == spread_of(got->row[i], (size_t)r.column[e]);
    scp_h5ad_rows_fini(&r);
    scp_h5ad_close(&f);
    return same && seen == got->n * G;
}

static void test_spread(const char *dir)
{
    char scored[SCP_PATH_MAX], plain[SCP_PATH_MAX];
    snprintf(scored, sizeof scored, "%s/pred_sd.h5ad", dir);
    snprintf(plain, sizeof plain, "%s/pred_sd_plain.h5ad", dir);
    scp_predictor model = { .name = "table",
                            .fill = screen_fill,
                            .ctx = &s,
                            .h5ad = scored,
                            .spread = fill_spread,
                            .samples = 4 };
    scp_scores got;
    scp_coverage want = { .samples = 4 };
    double *noise = NULL;
    if (!tap_st(evaluate(&model, &got), "a spread written while scored")) return;
    model.h5ad = plain;
    tap_st(scp_pred_write(world, &s.d, rows, n_rows, &model, 5), "and alone");
    if (leader()) {
        tap_ok(layer_is(scored, &got), "layers/sd: the spread, zeros for controls");
        tap_ok(layer_is(plain, &got), "the same without scores");
    }
    if (tap_st(scp_alloc(s.d.G, sizeof *noise, &noise), "room")) {
        float sd[2048];
        scp_coverage_noise(&s.d, noise);
        for (size_t i = 0; i < n_rows; i++) {
            (void)fill_spread(NULL, &rows[i], 1, sd);
            scp_coverage_add(&want, &s.d, rows[i], s.pred + (size_t)rows[i] * s.d.G, sd, noise,
                             s.pseudo);
        }
        tap_ok(
            tap_everywhere(world, memcmp(&want, &got.coverage, sizeof want) == 0 && want.n[0] > 0),
            "its coverage is counted once over all ranks");
    }
    free(noise);
    scp_scores_fini(&got);
}

static bool same_but_clipped(const scp_scores *a, const scp_scores *b)
{
    for (size_t i = 0; i < a->n; i++)
        for (size_t c = 0; c < a->cols.n; c++)
            if (c != SCP_METRIC_CLIPPED &&
                scp_scores_value(a, 0, i, c) != scp_scores_value(b, 0, i, c))
                return false;
    return a->n == b->n;
}

static void test_read_back(const char *dir)
{
    char path[SCP_PATH_MAX];
    snprintf(path, sizeof path, "%s/pred_uc.h5ad", dir);
    scp_pred_file *f = NULL;
    scp_pred_file_report report;
    scp_scores direct, back;
    scp_predictor model = { .name = "table", .fill = screen_fill, .ctx = &s };
    if (!tap_st(evaluate(&model, &direct), "scores of the predictions")) return;
    scp_status st = scp_pred_file_open(path, &s.d, rows, n_rows, false, &f, &report);
    if (!tap_st(scp_agree(world, st), "the file opens on every rank")) return;
    tap_ok(report.n_matched == n_rows && !report.n_missing && !report.n_unused &&
               !report.n_averaged && !report.genes_permuted && !report.any_plate,
           "every condition has its row: %s", report.text);
    model = (scp_predictor){ .name = "file", .fill = scp_pred_file_fill, .ctx = f };
    if (tap_st(evaluate(&model, &back), "scores of the file"))
        tap_ok(tap_everywhere(world, same_but_clipped(&direct, &back)), "are the same bits");
    scp_scores_fini(&direct);
    scp_scores_fini(&back);
    scp_pred_file_close(&f);
}

static void test_writer_errors(const char *dir)
{
    char path[SCP_PATH_MAX];
    snprintf(path, sizeof path, "%s/bad.h5ad", dir);
    const scp_pred_key key = { .line = "CVCL_A", .drug = "Drug A", .plate = "plate1", .dose = 5 };
    scp_pred_writer *w = NULL;
    float *x = calloc(s.d.G, sizeof *x);
    if (!x || !tap_st(scp_pred_writer_create(path, s.d.gene, s.d.G, &key, 1, "seed: 1\n", &w),
                      "a writer"))
        return;
    x[4] = NAN;
    tap_fails(scp_pred_writer_add(w, x, 1), SCP_EDATA, "Drug A 5 uM",
              "NaN is refused, with the key");
    x[4] = -1;
    tap_fails(scp_pred_writer_add_true(w, x, 1), SCP_EDATA, "not negative",
              "a negative true value is caught by the writer");
    tap_st(scp_pred_writer_add(w, x, 1), "a negative prediction is cut");
    tap_fails(scp_pred_writer_add(w, x, 1), SCP_EINTERNAL, "more rows", "one row too many");
    scp_pred_writer_abort(&w);
    tap_ok(!scp_fs_exists(path), "an aborted file does not appear");
    tap_st(scp_pred_writer_create(path, s.d.gene, s.d.G, &key, 1, NULL, &w), "again");
    tap_fails(scp_pred_writer_commit(&w), SCP_EINTERNAL, "0 of 1", "a row is missing");
    tap_ok(!scp_fs_exists(path), "and nothing appears");
    free(x);
}

/* A foreign file: genes reversed, dense, chosen obs columns; `n` rows take the predictions of
 * pair[i], with `extra` added. */
typedef struct foreign {
    size_t n;
    int32_t pair[32];
    float extra[32];
    bool plate, label, other_gene;
    const char *line_name, *label_name; /* columns; NULL: cell_line, drugname_drugconc */
    bool no_line;
} foreign;

static scp_status write_foreign(const char *path, const foreign *spec)
{
    const size_t G = s.d.G, n = spec->n;
    const scp_h5ad_write_options options = { .csr = false };
    const char *gene[128], *line[32], *drug[32], *plate[32], *name[32];
    char *label[32], number[32][8];
    double dose[32];
    float row[128];
    scp_h5ad_writer *w = NULL;
    SCP_TRY(scp_h5ad_writer_create(path, n, G, &options, &w));
    for (size_t g = 0; g < G; g++) gene[g] = s.d.gene[G - 1 - g];
    if (spec->other_gene) gene[7] = "ALIEN";
    for (size_t i = 0; i < n; i++) {
        int32_t p = s.d.post[spec->pair[i]];
        snprintf(number[i], sizeof number[i], "r%zu", i);
        name[i] = number[i];
        line[i] = s.d.line[s.d.p_line[p]];
        drug[i] = s.d.drug[s.d.p_drug[p]];
        plate[i] = s.d.plate[s.d.p_plate[p]];
        dose[i] = (float)s.d.p_dose[p]; /* a column that was single precision once */
        SCP_TRY(scp_pred_label(drug[i], s.d.p_dose[p], &label[i]));
        for (size_t g = 0; g < G; g++)
            row[g] = s.pred[(size_t)spec->pair[i] * G + G - 1 - g] + spec->extra[i];
        SCP_TRY(scp_h5ad_write_dense(w, row, 1));
    }
    SCP_TRY(scp_h5ad_write_index(w, "obs", "_index", name));
    SCP_TRY(scp_h5ad_write_index(w, "var", "_index", gene));
    if (!spec->no_line)
        SCP_TRY(
            scp_h5ad_write_text(w, "obs", spec->line_name ? spec->line_name : "cell_line", line));
    if (spec->plate) SCP_TRY(scp_h5ad_write_text(w, "obs", "plate", plate));
    if (spec->label) {
        SCP_TRY(scp_h5ad_write_text(w, "obs",
                                    spec->label_name ? spec->label_name : "drugname_drugconc",
                                    (const char *const *)label));
    } else {
        SCP_TRY(scp_h5ad_write_text(w, "obs", "drug", drug));
        SCP_TRY(scp_h5ad_write_real(w, "obs", "dose_uM", dose));
    }
    for (size_t i = 0; i < n; i++) free(label[i]);
    return scp_h5ad_writer_commit(&w);
}

/* |f(pair) - the table's prediction| over the genes, at most. */
static double difference(scp_pred_file *f, int32_t pair)
{
    float out[128];
    double worst = 0;
    if (scp_pred_file_fill(f, &pair, 1, out) != SCP_OK) return INFINITY;
    for (size_t g = 0; g < s.d.G; g++)
        worst = fmax(worst, fabs((double)out[g] - s.pred[(size_t)pair * s.d.G + g]));
    return worst;
}

/* Names of columns that cell-eval's users have; a file of one line without any. */
static void test_cell_eval_keys(const char *dir)
{
    char path[SCP_PATH_MAX];
    scp_pred_file *f = NULL;
    scp_pred_file_report r;
    const int32_t asked[] = { 2, 9, 4 };
    static const char *const names[][2] = { { "cell_type", "target_gene" },
                                            { "celltype", "target" },
                                            { "cell_name", "perturbation" } };
    foreign spec = { .n = 3, .pair = { 4, 9, 2 }, .label = true, .plate = true };
    snprintf(path, sizeof path, "%s/cell_eval_keys.h5ad", dir);
    for (size_t k = 0; k < 3; k++) {
        spec.line_name = names[k][0];
        spec.label_name = names[k][1];
        tap_st(write_foreign(path, &spec), "columns %s and %s", names[k][0], names[k][1]);
        if (tap_st(scp_pred_file_open(path, &s.d, asked, 3, false, &f, &r), "it opens"))
            tap_ok(r.n_matched == 3 && difference(f, 9) == 0, "every condition: %s", r.text);
        scp_pred_file_close(&f);
    }
    spec.no_line = true;
    tap_st(write_foreign(path, &spec), "no column of lines");
    if (tap_st(scp_pred_file_open(path, &s.d, asked, 1, false, &f, &r), "conditions of one line"))
        tap_ok(r.n_matched == 1 && difference(f, 2) == 0, "need none: %s", r.text);
    scp_pred_file_close(&f);
    int32_t lines[2] = { asked[0], -1 };
    for (int32_t i = 0; i < (int32_t)s.d.N && lines[1] < 0; i++)
        if (s.d.p_line[s.d.post[i]] != s.d.p_line[s.d.post[asked[0]]]) lines[1] = i;
    tap_fails(scp_pred_file_open(path, &s.d, lines, 2, true, &f, &r), SCP_EDATA, "cell_line",
              "of several lines they do");
    spec.no_line = false;
    spec.label_name = "gene";
    tap_st(write_foreign(path, &spec), "labels in a column of another name");
    tap_fails(scp_pred_file_open(path, &s.d, asked, 3, false, &f, &r), SCP_EDATA, "target_gene",
              "the names that would do are listed");
}

static void test_foreign(const char *dir)
{
    char path[SCP_PATH_MAX];
    scp_pred_file *f = NULL;
    scp_pred_file_report r;
    snprintf(path, sizeof path, "%s/foreign.h5ad", dir);
    const int32_t asked[] = { 2, 9, 4 };
    float out[128] = { 0 };

    foreign spec = {
        .n = 5, .pair = { 4, 9, 2, 9, 11 }, .extra = { 0, 0.5f, 0, -0.5f, 0 }, .plate = true
    };
    tap_st(write_foreign(path, &spec), "a foreign file: dense, genes reversed, replicate rows");
    if (tap_st(scp_pred_file_open(path, &s.d, asked, 3, false, &f, &r), "it opens")) {
        tap_ok(r.n_matched == 3 && r.n_unused == 1 && r.n_averaged == 1 && r.genes_permuted,
               "matches are counted: %s", r.text);
        tap_ok(strstr(r.text, "row 5: ") != NULL, "the unused row is named");
        tap_ok(difference(f, 2) == 0 && difference(f, 4) == 0, "genes are put in order");
        tap_near(difference(f, 9), 0, 1e-6, "rows of one key are averaged");
        int32_t stranger = 11;
        tap_fails(scp_pred_file_fill(f, &stranger, 1, out), SCP_EINTERNAL, "pair 11",
                  "a pair that was not asked for");
    }
    scp_pred_file_close(&f);

    const int32_t more[] = { 2, 9, 4, 15 };
    tap_fails(scp_pred_file_open(path, &s.d, more, 4, false, &f, &r), SCP_EDATA,
              "1 of 4 conditions have no prediction", "a missing condition is an error");
    if (tap_st(scp_pred_file_open(path, &s.d, more, 4, true, &f, &r), "unless it may be missing"))
        tap_ok(scp_pred_file_fill(f, &more[3], 1, out) == SCP_OK && isnan(out[0]),
               "it is NaN then: %s", r.text);
    scp_pred_file_close(&f);

    spec.plate = false;
    spec.label = true;
    tap_st(write_foreign(path, &spec), "with a label column and no plate");
    if (tap_st(scp_pred_file_open(path, &s.d, asked, 3, false, &f, &r), "it opens"))
        tap_ok(r.any_plate && r.n_matched == 3, "a prediction serves every plate: %s", r.text);
    scp_pred_file_close(&f);

    spec.other_gene = true;
    tap_st(write_foreign(path, &spec), "with a gene that is not ours");
    tap_fails(scp_pred_file_open(path, &s.d, asked, 3, false, &f, &r), SCP_EDATA, "ALIEN",
              "it is named");
    tap_fails(scp_pred_file_open("/nonexistent.h5ad", &s.d, asked, 3, false, &f, &r), SCP_ENOINPUT,
              "/nonexistent.h5ad", "a missing file");
}

static void test_unwritable(void)
{
    scp_predictor model = {
        .name = "table", .fill = screen_fill, .ctx = &s, .h5ad = "/nonexistent/folder/pred.h5ad"
    };
    scp_scores got;
    scp_status st = evaluate(&model, &got);
    tap_ok(tap_everywhere(world, st != SCP_OK), "a folder that does not exist fails on every rank");
    scp_err_clear();
}

int main(int argc, char **argv)
{
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 70;
    tap_set_silent(!leader());
    void *dir = NULL;
    size_t len = 0;
    if (leader()) {
        dir = strdup(argc > 1 ? argv[1] : tap_tmpdir());
        len = strlen(dir) + 1;
    }
    if (scp_comm_bcast_bytes(world, &dir, &len, 0) != SCP_OK || screen_read(&s) != SCP_OK ||
        scp_dataset_rows(&s.d, SCP_SPLIT_UC, &rows, &n_rows) != SCP_OK)
        return 70;
    test_write(dir);
    if (argc == 1) {
        test_spread(dir);
        test_read_back(dir);
        test_unwritable();
        if (leader()) {
            test_label();
            test_writer_errors(dir);
            test_foreign(dir);
            test_cell_eval_keys(dir);
        }
    }
    free(dir);
    free(rows);
    screen_fini(&s);
    int rc = tap_done();
    if (scp_world_end(&world) != SCP_OK) return 70;
    return rc;
}
