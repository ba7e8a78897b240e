/* The one table of metrics: names, meaning of a good value, where the paper defines it. */
#include "eval/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(scp_metric_settings, member)

const scp_option scp_metric_options[] = {
    { .key = "eval.pseudo",
      .alias = "pseudo",
      .type = SCP_OPT_REAL,
      .offset = AT(pseudo),
      .def = "0.1",
      .min = 1e-12,
      .max = 1e6,
      .help = "pseudo-count of log2 fold changes, on the scale of the profiles (log1p)",
      .source = "tiny values fill the DEG set with undetected genes; see the sensitivity table" },
    { .key = "eval.deg_k",
      .type = SCP_OPT_INT,
      .offset = AT(deg_k),
      .def = "200",
      .min = 1,
      .max = 1e9,
      .unit = "genes",
      .help = "size of the DEG set, by true absolute log2 fold change",
      .source = "paper App. C.2" },
    { .key = "eval.overlap_k",
      .type = SCP_OPT_INTS,
      .offset = AT(overlap_k),
      .def = "50,100,200,1000",
      .min = 1,
      .max = 1e9,
      .unit = "genes",
      .help = "set sizes of DE-overlap, increasing, at most 8",
      .source = "paper Table 3" },
    { .key = "eval.pseudo_study",
      .type = SCP_OPT_REALS,
      .offset = AT(pseudo_study),
      .def = "1e-5,1e-2,1e-1",
      .min = 1e-12,
      .max = 1e6,
      .help = "pseudo-counts of the sensitivity table, at most 7" },
    { .key = "eval.pds",
      .type = SCP_OPT_BOOL,
      .offset = AT(pds),
      .def = "true",
      .help = "perturbation discrimination scores within each cell line",
      .source = "paper 4.1.2 (5)" },
    { .key = "eval.block",
      .type = SCP_OPT_INT,
      .offset = AT(block),
      .def = "64",
      .min = 1,
      .max = 1e6,
      .unit = "conditions",
      .help = "conditions predicted at a time" },
    { .key = "eval.bootstrap",
      .type = SCP_OPT_INT,
      .offset = AT(bootstrap),
      .def = "1000",
      .min = 0,
      .max = 1e6,
      .help = "resamples of the conditions behind the 95 % intervals and the comparisons of "
              "models; 0: none" },
    { .key = "eval.seed",
      .type = SCP_OPT_INT,
      .offset = AT(seed),
      .def = "1",
      .min = 0,
      .max = 9e15,
      .help = "seed of the resamples" },
    { .key = "eval.fdr",
      .type = SCP_OPT_REAL,
      .offset = AT(fdr),
      .def = "0.05",
      .min = 0,
      .max = 0.5,
      .help = "false discovery rate (Benjamini-Hochberg) of the paired t-tests of the DEG set on "
              "the sub-bulks of the shard; 0: no tests",
      .source = "paper 4.1.2" },
    { .key = NULL },
};

/* What a column is made of. */
enum { CORR = 1, DEG = 2, LFC = 4, LABEL = 8 };

static const struct {
    const char *name, *title, *cell_eval, *paper;
    double best;
    int kind;
} fixed[SCP_METRIC_OVERLAP] = {
#define ROW(id, ...) [SCP_METRIC_##id] = { __VA_ARGS__ }
    ROW(LFC_PEARSON, "logfc_pearson", "logFC-Pearson", NULL, "C.3", 1, CORR | LFC),
    ROW(LFC_SPEARMAN, "logfc_spearman", "logFC-Spearman", NULL, "C.3", 1, CORR | LFC),
    ROW(LFC_PEARSON_DEG, "logfc_pearson_deg", "logFC-Pearson (DEG)", NULL, "C.3", 1, CORR | DEG),
    ROW(LFC_SPEARMAN_DEG, "logfc_spearman_deg", "logFC-Spearman (DEG)", NULL, "C.3", 1, CORR | DEG),
    ROW(DELTA_PEARSON, "delta_pearson", "Delta-Pearson", "pearson_delta", "C.4", 1, CORR),
    ROW(DELTA_SPEARMAN, "delta_spearman", "Delta-Spearman", NULL, "C.4", 1, CORR),
    ROW(DELTA_PEARSON_DEG, "delta_pearson_deg", "Delta-Pearson (DEG)", NULL, "C.4", 1, CORR | DEG),
    ROW(DELTA_SPEARMAN_DEG, "delta_spearman_deg", "Delta-Spearman (DEG)", NULL, "C.4", 1,
        CORR | DEG),
    ROW(EV, "ev", "EV", NULL, "C.5", 1, CORR),
    ROW(EV_DEG, "ev_deg", "EV (DEG)", NULL, "C.5", 1, CORR | DEG),
    ROW(EV_DELTA, "ev_delta", "EV of Delta", NULL, NULL, 1, CORR),
    ROW(EV_DELTA_DEG, "ev_delta_deg", "EV of Delta (DEG)", NULL, NULL, 1, CORR | DEG),
    ROW(MSE, "mse", "MSE", "mse", NULL, 0, 0),
    ROW(MAE, "mae", "MAE", "mae", NULL, 0, 0),
    ROW(MSE_DELTA, "mse_delta", "MSE of Delta", "mse_delta", NULL, 0, 0),
    ROW(MAE_DELTA, "mae_delta", "MAE of Delta", "mae_delta", NULL, 0, 0),
    ROW(NORM_RATIO, "norm_ratio", "norm ratio", NULL, NULL, 1, 0),
    ROW(CLIPPED, "clipped", "clipped share", NULL, NULL, 0, 0),
    ROW(EFFECT, "effect", "size of Delta", NULL, NULL, NAN, 0),
    ROW(EFFECT_TRUE, "effect_true", "size of true Delta", NULL, NULL, NAN, 0),
    ROW(PDS_L1, "pds_l1", "PDS-L1", "discrimination_score_l1", "4.1.2 (5)", 1, LABEL),
    ROW(PDS_L2, "pds_l2", "PDS-L2", "discrimination_score_l2", "4.1.2 (5)", 1, LABEL),
    ROW(PDS_COSINE, "pds_cosine", "PDS-cosine", "discrimination_score_cosine", "4.1.2 (5)", 1,
        LABEL),
    ROW(PDS_COSINE_MID, "pds_cosine_mid", "PDS-cosine-mid", NULL, NULL, 1, LABEL),
#undef ROW
};

static scp_status check_increasing(const char *key, const int64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] < 1 || (i && v[i] <= v[i - 1]))
            SCP_FAIL(SCP_EUSAGE, "%s: sizes must be positive and increasing, got %lld at place %zu",
                     key, (long long)v[i], i + 1);
    return SCP_OK;
}

scp_status scp_metric_settings_check(const scp_metric_settings *s)
{
    SCP_ARG(s, "settings are required");
    if (!(s->pseudo > 0) || !isfinite(s->pseudo))
        SCP_FAIL(SCP_EUSAGE, "eval.pseudo: the pseudo-count must be positive, got %g", s->pseudo);
    if (s->deg_k < 1)
        SCP_FAIL(SCP_EUSAGE, "eval.deg_k: must be at least 1, got %lld", (long long)s->deg_k);
    if (s->block < 1)
        SCP_FAIL(SCP_EUSAGE, "eval.block: must be at least 1, got %lld", (long long)s->block);
    if (s->overlap_k.n > SCP_OVERLAP_MAX)
        SCP_FAIL(SCP_EUSAGE, "eval.overlap_k: %zu set sizes, at most %d are possible",
                 s->overlap_k.n, SCP_OVERLAP_MAX);
    SCP_TRY(check_increasing("eval.overlap_k", s->overlap_k.v, s->overlap_k.n));
    if (s->pseudo_study.n > SCP_PSEUDO_MAX - 1)
        SCP_FAIL(SCP_EUSAGE, "eval.pseudo_study: %zu pseudo-counts, at most %d are possible",
                 s->pseudo_study.n, SCP_PSEUDO_MAX - 1);
    for (size_t i = 0; i < s->pseudo_study.n; i++)
        if (!(s->pseudo_study.v[i] > 0) || !isfinite(s->pseudo_study.v[i]))
            SCP_FAIL(SCP_EUSAGE,
                     "eval.pseudo_study: pseudo-counts must be positive, got %g at place %zu",
                     s->pseudo_study.v[i], i + 1);
    return SCP_OK;
}

void scp_metric_columns_init(const scp_metric_settings *s, size_t G, scp_metric_columns *out)
{
    memset(out, 0, sizeof *out);
    for (int m = 0; m < SCP_METRIC_OVERLAP; m++) {
        scp_metric_column *c = &out->col[m];
        snprintf(c->name, sizeof c->name, "%s", fixed[m].name);
        snprintf(c->title, sizeof c->title, "%s", fixed[m].title);
        c->cell_eval = fixed[m].cell_eval;
        c->paper = fixed[m].paper;
        c->best = fixed[m].best;
        c->nan0 = fixed[m].kind & CORR;
        c->per_label = fixed[m].kind & LABEL;
        c->uses_pseudo = fixed[m].kind & (LFC | DEG);
        if (fixed[m].kind & DEG) c->k = s->deg_k < (int64_t)G ? s->deg_k : (int64_t)G;
    }
    for (size_t i = 0; i < s->overlap_k.n; i++) {
        scp_metric_column *c = &out->col[SCP_METRIC_OVERLAP + i];
        long long k = (long long)s->overlap_k.v[i];
        snprintf(c->name, sizeof c->name, "de_overlap_%lld", k);
        snprintf(c->title, sizeof c->title, "DE-overlap@%lld", k);
        c->paper = "C.6";
        c->best = 1;
        c->uses_pseudo = true;
        c->k = k < (long long)G ? k : (long long)G;
    }
    out->n = SCP_METRIC_OVERLAP + s->overlap_k.n;
}

int scp_metric_columns_find(const scp_metric_columns *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->col[i].name, name) == 0 ||
            (c->col[i].cell_eval && strcmp(c->col[i].cell_eval, name) == 0))
            return (int)i;
    return -1;
}
