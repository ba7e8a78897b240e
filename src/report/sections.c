/* The sections of a report, see sections.h. */
#include "report/sections.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "report/comparisons.h"
#include "report/figures.h"
#include "report/summary.h"

#define DEFAULT_PSEUDO 0.1 /* of scppdm_eval */

static scp_status heading(const scp_report_run *r, int level, const char *what, const char *split)
{
    char text[256];
    SCP_TRY(scp_str_format(text, sizeof text, "%s%s%s%.100s", r->label, what, split ? ": " : "",
                           split ? scp_split_title(split) : ""));
    return scp_page_heading(r->p, level, text);
}

static scp_status add_score_table(const scp_report_run *r, const scp_summary *sum,
                                  const char *split, scp_summary_part part, const char *title)
{
    static const char *const word[] = { "scores", "metrics", "dose", "of_within_well",
                                        "of_between_plate" };
    char name[128];
    scp_table t = { 0 };
    bool found;
    scp_status st = scp_summary_table(sum, split, part, r->s->statistic == 1, &t, &found);
    if (st == SCP_OK)
        st = scp_str_format(name, sizeof name, "%s%s_%.60s", r->prefix, word[part], split);
    if (st == SCP_OK && found && title) st = scp_page_heading(r->p, 3, title);
    if (st == SCP_OK && found) st = scp_page_table(r->p, &t, true, name);
    scp_table_fini(&t);
    return st;
}

/* A synthetic screen was scored against its truth as well. */
static scp_status add_truth(const scp_report_run *r, const scp_summary *sum, const char *split)
{
    char name[128];
    SCP_TRY(scp_str_format(name, sizeof name, "%.100s_truth", split));
    if (!scp_summary_has(sum, name)) return SCP_OK;
    return add_score_table(r, sum, name, SCP_SUMMARY_PAPER,
                           "Against the truth of the synthetic screen, without its noise");
}

static scp_status add_scores(const scp_report_run *r, const scp_summary *sum, const char *split)
{
    double share, fdr;
    SCP_TRY(heading(r, 2, "Scores", split));
    if (!scp_summary_has(sum, split))
        return scp_page_missing(r->p, scp_split_title(split),
                                "%s/eval/summary.json has no scores of split %s", r->run, split);
    SCP_TRY(add_score_table(r, sum, split, SCP_SUMMARY_PAPER, NULL));
    if (scp_summary_deg_share(sum, split, &share, &fdr))
        SCP_TRY(scp_page_paragraph(r->p,
                                   "Of the DEG sets, %.1f %% of the genes pass a paired t-test "
                                   "at a false discovery rate of %g (mean over conditions).",
                                   100 * share, fdr));
    SCP_TRY(add_score_table(r, sum, split, SCP_SUMMARY_OF_WITHIN,
                            "Mean scores as a fraction of the within-well ceiling"));
    SCP_TRY(add_score_table(r, sum, split, SCP_SUMMARY_OF_BETWEEN,
                            "Mean scores as a fraction of the between-plate ceiling"));
    SCP_TRY(add_score_table(r, sum, split, SCP_SUMMARY_REST, "Further metrics"));
    SCP_TRY(scp_comparisons_add(r, split));
    SCP_TRY(add_truth(r, sum, split));
    SCP_TRY(add_score_table(r, sum, split, SCP_SUMMARY_DOSE, "Dose behaviour"));
    return scp_fig_dose(r, split);
}

static scp_status write_long(const scp_report_run *r, const scp_summary *sum)
{
    char path[SCP_PATH_MAX];
    scp_strbuf text = { 0 };
    scp_status st = scp_summary_long(sum, r->run, &text);
    if (st == SCP_OK)
        st =
            scp_str_format(path, sizeof path, "%s/%sall_scores.tsv", scp_page_dir(r->p), r->prefix);
    if (st == SCP_OK && text.len) st = scp_fs_write_text(path, text.text, text.len);
    scp_strbuf_fini(&text);
    return st;
}

static scp_status add_all_scores(scp_report_run *r)
{
    scp_summary *sum = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_summary_open(r->run, &sum));
    if (!sum) {
        SCP_TRY(heading(r, 2, "Scores", NULL));
        return scp_page_missing(r->p, "Scores",
                                "%s/eval/summary.json is not there: run scppdm_eval "
                                "--run %s",
                                r->run, r->run);
    }
    if (scp_summary_pseudo(sum) > 0) r->pseudo = scp_summary_pseudo(sum);
    for (size_t i = 0; i < r->s->splits.n; i++)
        SCP_GOTO(done, add_scores(r, sum, r->s->splits.v[i]));
    st = write_long(r, sum);
done:
    scp_summary_close(&sum);
    return st;
}

/* Figures of the profiles of a split. Rank 0. */
static scp_status add_profiles(const scp_report_run *r, const char *split)
{
    scp_profiles p = { 0 };
    scp_status st = SCP_OK;
    SCP_TRY(heading(r, 2, "Predicted profiles", split));
    if (!r->model[0])
        return scp_page_missing(
            r->p, "UMAP by cell line, violins, enrichment",
            "%s/eval/%s has no real.h5ad and pred_%s.h5ad: run scppdm_eval with "
            "eval.h5ad=true",
            r->run, split, r->s->model ? r->s->model : "MODEL");
    SCP_TRY(scp_page_paragraph(r->p, "Predictions of model %s.", r->model));
    SCP_GOTO(done, scp_profiles_open(r->run, split, r->model, &p));
    SCP_GOTO(done, scp_fig_lines(r, split, &p));
    st = scp_fig_violins(r, split, &p);
done:
    scp_profiles_close(&p);
    return st;
}

/* Rank 0's share of a split: everything but the enrichment. *enrich: there are profiles and sets.
 */
static scp_status add_split_root(const scp_report_run *r, const char *split, const scp_gmt *gmt,
                                 int32_t *enrich)
{
    SCP_TRY(add_profiles(r, split));
    *enrich = gmt && r->model[0];
    if (*enrich) return scp_page_heading(r->p, 3, "Enrichment of gene sets");
    if (gmt) return SCP_OK; /* the profiles are missing: said already */
    return scp_page_missing(r->p, "Enrichment of gene sets",
                            "no gene sets: name a GMT file by --gene-sets");
}

/* Everything of a split beside its scores. Collective. */
static scp_status add_split(scp_comm *comm, scp_report_run *r, const char *split,
                            const scp_gmt *gmt)
{
    bool root = scp_comm_rank(comm) == 0;
    int32_t enrich = 0;
    SCP_TRY(
        scp_agree(comm, scp_profiles_find(r->run, split, r->s->model, r->model, sizeof r->model)));
    SCP_TRY(scp_agree(comm, root ? add_split_root(r, split, gmt, &enrich) : SCP_OK));
    SCP_TRY(scp_comm_bcast(comm, &enrich, 1, SCP_COMM_I32, 0));
    return enrich ? scp_fig_enrichment(comm, r, split, gmt) : SCP_OK;
}

static scp_status add_drugs_and_training(const scp_report_run *r)
{
    SCP_TRY(heading(r, 2, "Mechanisms of the drugs", NULL));
    SCP_TRY(scp_fig_moa(r));
    SCP_TRY(heading(r, 2, "Training", NULL));
    return scp_fig_training(r);
}

static scp_status add_run(scp_comm *comm, scp_report_run *r, const scp_gmt *gmt)
{
    bool root = scp_comm_rank(comm) == 0;
    SCP_TRY(scp_agree(comm, root ? add_all_scores(r) : SCP_OK));
    SCP_TRY(scp_comm_bcast(comm, &r->pseudo, 1, SCP_COMM_F64, 0));
    for (size_t i = 0; i < r->s->splits.n; i++) SCP_TRY(add_split(comm, r, r->s->splits.v[i], gmt));
    return scp_agree(comm, root ? add_drugs_and_training(r) : SCP_OK);
}

scp_status scp_sections_add(scp_comm *comm, const scp_report_settings *s, char *const *run,
                            size_t n_runs, scp_page *p)
{
    scp_gmt *gmt = NULL;
    scp_status st = SCP_OK;
    if (s->gene_sets) SCP_TRY(scp_agree(comm, scp_gmt_read(s->gene_sets, &gmt)));
    for (size_t i = 0; i < n_runs; i++) {
        scp_report_run r = { .s = s, .run = run[i], .pseudo = DEFAULT_PSEUDO, .p = p };
        if (n_runs > 1) {
            snprintf(r.prefix, sizeof r.prefix, "r%zu_", i + 1);
            snprintf(r.label, sizeof r.label, "Run %zu. ", i + 1);
        }
        SCP_GOTO(done, add_run(comm, &r, gmt));
    }
    SCP_GOTO(done, scp_agree(comm, scp_comm_rank(comm) == 0 ? scp_fig_ablations(s, run, n_runs, p)
                                                            : SCP_OK));
done:
    scp_gmt_destroy(&gmt);
    return st;
}
