/* Score tables from summary.json, see summary.h. */
#include "report/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "report/score_table.h"

enum { DIGITS = 3, OVERLAPS = 64 };

struct scp_summary {
    char path[SCP_PATH_MAX];
    scp_json *json;
    const scp_json *models;
};

scp_status scp_summary_open(const char *run, scp_summary **out)
{
    scp_summary *s = NULL;
    scp_status st = SCP_OK;
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *s, &s));
    SCP_GOTO(fail, scp_str_format(s->path, sizeof s->path, "%s/eval/summary.json", run));
    if (!scp_fs_exists(s->path)) goto fail; /* *out stays NULL */
    SCP_GOTO(fail, scp_json_load(s->path, &s->json));
    s->models = scp_json_get(s->json, "models");
    if (scp_json_kind_of(s->models) != SCP_JSON_OBJECT)
        SCP_FAIL_GOTO(fail, SCP_EDATA,
                      "%s has no object \"models\": it is not a summary of scppdm_eval; run "
                      "scppdm_eval again",
                      s->path);
    *out = s;
    return SCP_OK;
fail:
    scp_summary_close(&s);
    return st;
}

void scp_summary_close(scp_summary **s)
{
    if (!s || !*s) return;
    scp_json_destroy(&(*s)->json);
    free(*s);
    *s = NULL;
}

/* A number, NaN when it is absent or null. */
static double number(const scp_json *v)
{
    double x = NAN;
    scp_json_kind kind = scp_json_kind_of(v);
    bool is = kind == SCP_JSON_REAL || kind == SCP_JSON_INT;
    if (is && scp_json_as_real(v, "summary", &x) != SCP_OK) scp_err_clear();
    return x;
}

double scp_summary_pseudo(const scp_summary *s)
{
    return number(scp_json_get(scp_json_get(s->json, "settings"), "pseudo"));
}

bool scp_summary_has(const scp_summary *s, const char *split)
{
    const char *key;
    const scp_json *model;
    for (void *iter = NULL; scp_json_next(s->models, &iter, &key, &model);)
        if (scp_json_get(model, split)) return true;
    return false;
}

/* Names of the metrics of a split over all models, in the order of their first appearance. */
static scp_status list_metrics(const scp_summary *s, const char *split, scp_names **out)
{
    const char *key, *metric;
    const scp_json *model, *value;
    size_t index;
    SCP_TRY(scp_names_create(out));
    for (void *iter = NULL; scp_json_next(s->models, &iter, &key, &model);) {
        const scp_json *metrics = scp_json_get(scp_json_get(model, split), "metrics");
        for (void *at = NULL; scp_json_next(metrics, &at, &metric, &value);)
            SCP_TRY(scp_names_add(*out, metric, &index));
    }
    return SCP_OK;
}

void scp_summary_columns(const scp_names *names, scp_metric_columns *cols)
{
    int64_t k[SCP_OVERLAP_MAX];
    scp_metric_settings s = { .pseudo = 0.1, .deg_k = 1, .overlap_k = { k, 0 } };
    for (size_t i = 0; i < scp_names_count(names) && s.overlap_k.n < SCP_OVERLAP_MAX; i++) {
        const char *name = scp_names_get(names, i);
        if (strncmp(name, "de_overlap_", 11) == 0 &&
            scp_parse_int(name + 11, &k[s.overlap_k.n]) == SCP_OK)
            s.overlap_k.n++;
    }
    scp_err_clear();
    scp_metric_columns_init(&s, 1, cols);
}

static bool of_paper(const char *name)
{
    return strncmp(name, "logfc_", 6) == 0 || strncmp(name, "delta_", 6) == 0 ||
           strcmp(name, "pearson_delta") == 0 || strncmp(name, "de_overlap_", 11) == 0;
}

static bool is_ev(const char *name)
{
    return strcmp(name, "ev") == 0 || strcmp(name, "ev_deg") == 0;
}

/* A column of the table to be: a metric and the figure of it. */
typedef struct wanted {
    const char *name;
    const char *figure, *interval; /* keys of the summary */
} wanted;

static scp_status want(scp_table *t, wanted *list, size_t *n, const char *name,
                       const scp_metric_columns *cols, bool mean, bool say)
{
    char title[64];
    int c = scp_metric_columns_find(cols, name);
    SCP_TRY(scp_str_format(title, sizeof title, "%.40s%s", c >= 0 ? cols->col[c].title : name,
                           !say   ? ""
                           : mean ? ", mean"
                                  : ", median"));
    list[(*n)++] = (wanted){ name, mean ? "mean" : "median", mean ? "mean_ci" : "median_ci" };
    return scp_table_add_column(t, title, c >= 0 ? cols->col[c].best : NAN, DIGITS);
}

/* Where a summary has the fraction of a ceiling; NULL: the part is none of fractions. */
static const char *fraction_key(scp_summary_part part)
{
    return part == SCP_SUMMARY_OF_WITHIN    ? "of_within_well"
           : part == SCP_SUMMARY_OF_BETWEEN ? "of_between_plate"
                                            : NULL;
}

/* The best value of what is better the larger it is. */
#define LARGEST 1e6

static scp_status want_fraction(scp_table *t, wanted *list, size_t *n, const char *name,
                                const scp_metric_columns *cols, const char *key)
{
    int c = scp_metric_columns_find(cols, name);
    if (c < 0 || cols->col[c].best != 1) return SCP_OK;
    list[(*n)++] = (wanted){ name, key, NULL };
    return scp_table_add_column(t, cols->col[c].title, LARGEST, DIGITS);
}

/* Has some model of the split this figure of a metric? */
static bool has_figure(const scp_summary *s, const char *split, const char *name, const char *key)
{
    const char *model;
    const scp_json *value;
    for (void *iter = NULL; scp_json_next(s->models, &iter, &model, &value);) {
        const scp_json *metrics = scp_json_get(scp_json_get(value, split), "metrics");
        if (!isnan(number(scp_json_get(scp_json_get(metrics, name), key)))) return true;
    }
    return false;
}

static scp_status choose(const scp_summary *s, const char *split, const scp_names *names,
                         scp_summary_part part, bool mean, scp_table *t, wanted *list, size_t *n)
{
    scp_metric_columns cols;
    scp_summary_columns(names, &cols);
    *n = 0;
    for (size_t i = 0; i < scp_names_count(names); i++) {
        const char *name = scp_names_get(names, i);
        bool paper = of_paper(name);
        if (fraction_key(part) && !has_figure(s, split, name, fraction_key(part))) continue;
        if (fraction_key(part)) {
            SCP_TRY(want_fraction(t, list, n, name, &cols, fraction_key(part)));
            continue;
        }
        if (is_ev(name) || paper != (part == SCP_SUMMARY_PAPER)) continue;
        SCP_TRY(want(t, list, n, name, &cols, mean, false));
    }
    for (int figure = 0; part == SCP_SUMMARY_PAPER && figure < 2; figure++)
        for (size_t i = 0; i < scp_names_count(names); i++)
            if (is_ev(scp_names_get(names, i)))
                SCP_TRY(want(t, list, n, scp_names_get(names, i), &cols, figure == 0, true));
    return SCP_OK;
}

static scp_status add_model(scp_table *t, const char *model, const scp_json *metrics,
                            const wanted *list, size_t n)
{
    double *v = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(n, sizeof *v, &v));
    for (size_t i = 0; i < n; i++)
        v[i] = number(scp_json_get(scp_json_get(metrics, list[i].name), list[i].figure));
    SCP_GOTO(done, scp_table_add_row(t, model, v, scp_score_ranked(model)));
    for (size_t i = 0; i < n; i++) {
        if (!list[i].interval) continue;
        const scp_json *ci = scp_json_get(scp_json_get(metrics, list[i].name), list[i].interval);
        if (scp_json_count(ci) == 2)
            SCP_GOTO(done, scp_table_interval(t, i, number(scp_json_at(ci, 0)),
                                              number(scp_json_at(ci, 1))));
    }
done:
    free(v);
    return st;
}

static scp_status metric_table(const scp_summary *s, const char *split, scp_summary_part part,
                               bool mean, scp_table *t, bool *found)
{
    scp_names *names = NULL;
    wanted *list = NULL;
    size_t n = 0;
    const char *model;
    const scp_json *value;
    scp_status st = SCP_OK;
    SCP_GOTO(done, list_metrics(s, split, &names));
    SCP_GOTO(done, scp_alloc(2 * scp_names_count(names) + 1, sizeof *list, &list));
    SCP_GOTO(done, choose(s, split, names, part, mean, t, list, &n));
    *found = n > 0;
    for (void *iter = NULL; n && scp_json_next(s->models, &iter, &model, &value);) {
        const scp_json *at = scp_json_get(value, split);
        if (fraction_key(part) && !scp_score_ranked(model)) continue; /* ceilings themselves */
        if (at) SCP_GOTO(done, add_model(t, model, scp_json_get(at, "metrics"), list, n));
    }
done:
    scp_names_destroy(&names);
    free(list);
    return st;
}

static scp_status dose_table(const scp_summary *s, const char *split, scp_table *t, bool *found)
{
    static const struct {
        const char *key, *title;
        double best;
    } column[] = { { "spearman", "Spearman, predicted", NAN },
                   { "spearman_true", "Spearman, true", NAN },
                   { "rising", "rising steps, predicted", NAN },
                   { "rising_true", "rising steps, true", NAN },
                   { "order", "order as in truth", 1 } };
    enum { N = sizeof column / sizeof column[0] };
    const char *model;
    const scp_json *value;
    double groups = 0;
    for (size_t i = 0; i < N; i++)
        SCP_TRY(scp_table_add_column(t, column[i].title, column[i].best, DIGITS));
    for (void *iter = NULL; scp_json_next(s->models, &iter, &model, &value);) {
        const scp_json *dose = scp_json_get(scp_json_get(value, split), "dose");
        double v[N];
        if (!(number(scp_json_get(dose, "groups")) > 0)) continue;
        groups = number(scp_json_get(dose, "groups"));
        for (size_t i = 0; i < N; i++) v[i] = number(scp_json_get(dose, column[i].key));
        SCP_TRY(scp_table_add_row(t, model, v, scp_score_ranked(model)));
        *found = true;
    }
    return scp_table_note(
        t,
        "Size of the effect (norm of Delta) against dose, mean over %.0f pairs of "
        "a cell line and a drug with two doses or more",
        groups);
}

static scp_status add_notes(const scp_summary *s, const char *split, bool mean, scp_table *t)
{
    const scp_json *settings = scp_json_get(s->json, "settings"), *value = NULL;
    const char *model;
    void *iter = NULL;
    while (scp_json_next(s->models, &iter, &model, &value) && !scp_json_get(value, split)) {
    }
    const scp_json *at = scp_json_get(value, split);
    SCP_TRY(scp_table_note(t,
                           "Best bold, second underlined; models in italics read the truth and are "
                           "no candidates. %s over %.0f conditions, %.0f genes",
                           mean ? "Mean" : "Median", number(scp_json_get(at, "conditions")),
                           number(scp_json_get(settings, "genes"))));
    return scp_table_note(
        t,
        "logFC with pseudo-count %g on the log1p scale; DEG: the %.0f genes of "
        "largest true |logFC|",
        number(scp_json_get(settings, "pseudo")),
        fmin(number(scp_json_get(settings, "deg_k")), number(scp_json_get(settings, "genes"))));
}

scp_status scp_summary_table(const scp_summary *s, const char *split, scp_summary_part part,
                             bool mean, scp_table *t, bool *found)
{
    SCP_ARG(s && split && t && found, "summary, split and table are required");
    *found = false;
    SCP_TRY(scp_table_init(t, split));
    if (part == SCP_SUMMARY_DOSE) return dose_table(s, split, t, found);
    SCP_TRY(metric_table(s, split, part, mean, t, found));
    return *found && part == SCP_SUMMARY_PAPER ? add_notes(s, split, mean, t) : SCP_OK;
}

bool scp_summary_deg_share(const scp_summary *s, const char *split, double *mean, double *fdr)
{
    char key[SCP_REAL_TEXT];
    const scp_json *at = scp_json_get(scp_json_get(s->json, "significance"), split);
    const scp_json *share =
        scp_json_get(scp_json_get(at, "share_of_deg"), scp_print_real(scp_summary_pseudo(s), key));
    *mean = number(scp_json_get(share, "mean"));
    *fdr = number(scp_json_get(at, "fdr"));
    return !isnan(*mean) && !isnan(*fdr);
}

static scp_status add_long(scp_strbuf *out, const char *const name[4], const scp_json *m)
{
    static const char *const key[] = { "mean", "median", "std", "n", "n_nan" };
    char text[SCP_REAL_TEXT];
    for (size_t i = 0; i < 4; i++) SCP_TRY(scp_strbuf_addf(out, "%s%s", i ? "\t" : "", name[i]));
    for (size_t i = 0; i < sizeof key / sizeof key[0]; i++)
        SCP_TRY(
            scp_strbuf_addf(out, "\t%s", scp_print_real(number(scp_json_get(m, key[i])), text)));
    for (size_t i = 0; i < 4; i++) {
        const scp_json *ci = scp_json_get(m, i < 2 ? "mean_ci" : "median_ci");
        SCP_TRY(scp_strbuf_addf(out, "\t%s", scp_print_real(number(scp_json_at(ci, i % 2)), text)));
    }
    return scp_strbuf_addf(out, "\n");
}

scp_status scp_summary_long(const scp_summary *s, const char *run, scp_strbuf *out)
{
    const char *name[4] = { run };
    const scp_json *model, *split, *metric;
    if (!out->len)
        SCP_TRY(scp_strbuf_addf(out,
                                "run\tmodel\tsplit\tmetric\tmean\tmedian\tstd\tn\tn_nan\tmean_low"
                                "\tmean_high\tmedian_low\tmedian_high\n"));
    for (void *i = NULL; scp_json_next(s->models, &i, &name[1], &model);)
        for (void *j = NULL; scp_json_next(model, &j, &name[2], &split);)
            for (void *k = NULL;
                 scp_json_next(scp_json_get(split, "metrics"), &k, &name[3], &metric);)
                SCP_TRY(add_long(out, name, metric));
    return SCP_OK;
}
