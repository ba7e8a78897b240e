/* The sections of a report, see sections.h. */
#include "report/sections.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "report/summary.h"

/* One run on its way to the page. */
typedef struct run_state {
    const scp_report_settings *s;
    const char *run;
    char prefix[32]; /* of the files of its figures and tables */
    char label[48];  /* before headings when there are several runs */
    scp_page *p;
} run_state;

static const char *split_title(const char *split)
{
    return strcmp(split, "uc") == 0   ? "Unseen combinations (UC)"
           : strcmp(split, "ud") == 0 ? "Unseen drugs (UD)"
                                      : split;
}

static scp_status add_score_table(const run_state *r, const scp_summary *sum, const char *split,
                                  scp_summary_part part, const char *word)
{
    char name[128];
    scp_table t = { 0 };
    bool found;
    scp_status st = scp_summary_table(sum, split, part, r->s->statistic == 1, &t, &found);
    if (st == SCP_OK) st = scp_str_format(name, sizeof name, "%s%s_%.60s", r->prefix, word, split);
    if (st == SCP_OK && found) st = scp_page_table(r->p, &t, true, name);
    scp_table_fini(&t);
    return st;
}

static scp_status add_scores(const run_state *r, const scp_summary *sum)
{
    char heading[192];
    for (size_t i = 0; i < r->s->splits.n; i++) {
        const char *split = r->s->splits.v[i];
        snprintf(heading, sizeof heading, "%sScores: %.100s", r->label, split_title(split));
        SCP_TRY(scp_page_heading(r->p, 2, heading));
        if (!scp_summary_has(sum, split)) {
            SCP_TRY(
                scp_page_missing(r->p, heading, "eval/summary.json has no scores of %s", split));
            continue;
        }
        SCP_TRY(add_score_table(r, sum, split, SCP_SUMMARY_PAPER, "scores"));
        SCP_TRY(scp_page_heading(r->p, 3, "Further metrics"));
        SCP_TRY(add_score_table(r, sum, split, SCP_SUMMARY_REST, "metrics"));
        SCP_TRY(scp_page_heading(r->p, 3, "Dose behaviour"));
        SCP_TRY(add_score_table(r, sum, split, SCP_SUMMARY_DOSE, "dose"));
    }
    return SCP_OK;
}

static scp_status add_run(scp_comm *comm, const run_state *r)
{
    scp_summary *sum = NULL;
    bool root = scp_comm_rank(comm) == 0;
    scp_status st = root ? scp_summary_open(r->run, &sum) : SCP_OK;
    if (root && st == SCP_OK)
        st = sum ? add_scores(r, sum)
                 : scp_page_missing(r->p, "Scores",
                                    "%s/eval/summary.json is not there: run "
                                    "scppdm_eval --run %s",
                                    r->run, r->run);
    scp_summary_close(&sum);
    return scp_agree(comm, st);
}

scp_status scp_sections_add(scp_comm *comm, const scp_report_settings *s, char *const *run,
                            size_t n_runs, scp_page *p)
{
    for (size_t i = 0; i < n_runs; i++) {
        run_state r = { .s = s, .run = run[i], .p = p };
        if (n_runs > 1) {
            snprintf(r.prefix, sizeof r.prefix, "r%zu_", i + 1);
            snprintf(r.label, sizeof r.label, "Run %zu. ", i + 1);
        }
        SCP_TRY(add_run(comm, &r));
    }
    return SCP_OK;
}
