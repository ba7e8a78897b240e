/* Collecting ablations, see ablation.h. */
#include "report/ablation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"

enum { DIGITS = 4 };

const scp_ablation scp_ablations[SCP_ABLATIONS] = {
    { 0, "scppdm", "full model", NULL, NULL, false },
    { 'A', "ablation-A", "no condition", "model.inject", "none", false },
    { 'B', "ablation-B", "Concat+MLP in place of GD-Attn", "model.inject", "concat_mlp", false },
    { 'C', "ablation-C", "drug number in place of structure", "model.drug_encoder", "id", false },
    { 'D', "ablation-D", "one guidance channel", "guidance.kind", "single", true },
    { 'E', "ablation-E", "constant drug guidance", "guidance.dose_map", "constant", true },
    { 'F', "ablation-F", "Concat+Attn in place of GD-Attn", "model.inject", "concat_attn", false },
};

/* "object.member...": the path below the split. */
const char *const scp_ablation_figures[SCP_ABLATION_FIGURES] = {
    "logfc_pearson",
    "logfc_spearman",
    "logfc_pearson_deg",
    "delta_pearson",
    "delta_spearman",
    "delta_pearson_deg",
    "ev",
    "de_overlap_200",
    "dose_spearman",
    "dose_rising",
};

static const struct {
    const char *title, *object, *key, *figure; /* object of the split, key in it, figure of that */
    double best;
} place[SCP_ABLATION_FIGURES] = {
    { "logFC-Pearson", "metrics", "logfc_pearson", "mean", 1 },
    { "logFC-Spearman", "metrics", "logfc_spearman", "mean", 1 },
    { "logFC-Pearson (DEG)", "metrics", "logfc_pearson_deg", "mean", 1 },
    { "Delta-Pearson", "metrics", "pearson_delta", "mean", 1 },
    { "Delta-Spearman", "metrics", "delta_spearman", "mean", 1 },
    { "Delta-Pearson (DEG)", "metrics", "delta_pearson_deg", "mean", 1 },
    { "EV, median", "metrics", "ev", "median", 1 },
    { "DE-overlap@200", "metrics", "de_overlap_200", "mean", 1 },
    { "dose-Spearman", "dose", "spearman", NULL, NAN },
    { "rising dose steps", "dose", "rising", NULL, NAN },
};

static double figure_of(const scp_json *split, size_t i)
{
    double v = NAN;
    const scp_json *at = scp_json_get(scp_json_get(split, place[i].object), place[i].key);
    if (place[i].figure) at = scp_json_get(at, place[i].figure);
    scp_json_kind kind = scp_json_kind_of(at);
    if ((kind == SCP_JSON_REAL || kind == SCP_JSON_INT) &&
        scp_json_as_real(at, place[i].title, &v) != SCP_OK)
        v = NAN;
    return v;
}

static scp_status summary_path(const char *run_dir, const scp_ablation *a, char *path, size_t size)
{
    return a->letter ? scp_str_format(path, size, "%s/eval-%s/summary.json", run_dir, a->model)
                     : scp_str_format(path, size, "%s/eval/summary.json", run_dir);
}

scp_status scp_ablation_read(const char *run_dir, const scp_ablation *a, const char *split,
                             double v[SCP_ABLATION_FIGURES], bool *found)
{
    char path[SCP_PATH_MAX];
    scp_json *json = NULL;
    *found = false;
    for (size_t i = 0; i < SCP_ABLATION_FIGURES; i++) v[i] = NAN;
    SCP_TRY(summary_path(run_dir, a, path, sizeof path));
    if (!scp_fs_exists(path)) return SCP_OK;
    SCP_TRY(scp_json_load(path, &json));
    const scp_json *at = scp_json_get(scp_json_get(scp_json_get(json, "models"), a->model), split);
    *found = at != NULL;
    for (size_t i = 0; *found && i < SCP_ABLATION_FIGURES; i++) v[i] = figure_of(at, i);
    scp_json_destroy(&json);
    return SCP_OK;
}

/* Sums over runs of one row. */
typedef struct sums {
    size_t runs, n[SCP_ABLATION_FIGURES];
    double mean[SCP_ABLATION_FIGURES], square[SCP_ABLATION_FIGURES]; /* Welford's */
} sums;

static scp_status add_run(const char *run_dir, const char *split, sums *row)
{
    for (size_t a = 0; a < SCP_ABLATIONS; a++) {
        double v[SCP_ABLATION_FIGURES];
        bool found;
        SCP_TRY(scp_ablation_read(run_dir, &scp_ablations[a], split, v, &found));
        row[a].runs += found;
        for (size_t i = 0; i < SCP_ABLATION_FIGURES; i++) {
            if (isnan(v[i])) continue;
            double step = v[i] - row[a].mean[i];
            row[a].mean[i] += step / (double)++row[a].n[i];
            row[a].square[i] += step * (v[i] - row[a].mean[i]);
        }
    }
    return SCP_OK;
}

static scp_status add_row(scp_table *t, const scp_ablation *a, const sums *s)
{
    double v[2 * SCP_ABLATION_FIGURES + 1];
    char label[96];
    for (size_t i = 0; i < SCP_ABLATION_FIGURES; i++) {
        double n = (double)s->n[i];
        v[2 * i] = n > 0 ? s->mean[i] : NAN;
        v[2 * i + 1] = n > 1 ? sqrt(s->square[i] / (n - 1) / n) : NAN;
    }
    v[2 * SCP_ABLATION_FIGURES] = (double)s->runs;
    if (a->letter)
        SCP_TRY(scp_str_format(label, sizeof label, "%c", a->letter));
    else
        SCP_TRY(scp_str_format(label, sizeof label, "full"));
    return scp_table_add_row(t, label, v, true);
}

static scp_status lay_out(const char *split, const sums *row, scp_table *t, bool *found)
{
    SCP_TRY(scp_table_init(t, split));
    for (size_t i = 0; i < SCP_ABLATION_FIGURES; i++) {
        SCP_TRY(scp_table_add_column(t, place[i].title, place[i].best, DIGITS));
        SCP_TRY(scp_table_add_column(t, "  s.e.", NAN, DIGITS));
    }
    SCP_TRY(scp_table_add_column(t, "runs", NAN, -1));
    for (size_t a = 0; a < SCP_ABLATIONS; a++) {
        if (!row[a].runs) continue;
        *found = true;
        SCP_TRY(add_row(t, &scp_ablations[a], &row[a]));
        if (scp_ablations[a].letter)
            SCP_TRY(scp_table_note(t, "%c: %s", scp_ablations[a].letter, scp_ablations[a].what));
    }
    return scp_table_note(t, "mean over the runs' means over conditions (EV: medians), and its "
                             "standard error; dose: eval/dose.h");
}

scp_status scp_ablation_table_of(char *const *run, size_t n, const char *split, scp_table *t,
                                 bool *found)
{
    sums row[SCP_ABLATIONS] = { 0 };
    *found = false;
    for (size_t i = 0; i < n; i++) SCP_TRY(add_run(run[i], split, row));
    return lay_out(split, row, t, found);
}

scp_status scp_ablation_table(const char *dir, const char *split, scp_table *t, bool *found)
{
    sums row[SCP_ABLATIONS] = { 0 };
    char **names = NULL;
    size_t n = 0;
    scp_status st = SCP_OK;
    *found = false;
    SCP_GOTO(done, scp_fs_list(dir, "", &names, &n));
    SCP_GOTO(done, add_run(dir, split, row));
    for (size_t i = 0; i < n; i++) {
        char run[SCP_PATH_MAX];
        SCP_GOTO(done, scp_fs_join(run, sizeof run, dir, names[i]));
        if (scp_fs_is_dir(run)) SCP_GOTO(done, add_run(run, split, row));
    }
    SCP_GOTO(done, lay_out(split, row, t, found));
done:
    scp_fs_list_free(names, n);
    return st;
}
