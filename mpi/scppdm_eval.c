/* scppdm_eval: score predictions on unseen combinations and unseen drugs. */
#include "app/app.h"
#include "app/run.h"

int main(int argc, char **argv)
{
    scp_run_settings settings = { 0 };
    scp_app app = {
        .name = "scppdm_eval",
        .brief = "score predictions on unseen combinations and unseen drugs",
        .description =
            "Predicts and scores the chosen models on the chosen splits and prints one table a "
            "split; results.csv, agg_results.csv, summary.json, tables of tests, ceilings and "
            "comparisons, and AnnData files go to <run>/eval.\n\n"
            "With --predictions FILE.h5ad it scores anybody's predictions; with --models= nothing "
            "else, and the run folder may be an empty one. With --compare RUN,RUN it compares runs "
            "that were scored. With --sweep.* it scores the first model at every point of a grid of "
            "sampling settings: in one job, or one point a task of a job array with --sweep.index.",
        .groups = scp_run_groups,
        .settings = &settings,
        .base = scp_run_recall,
    };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN)
        app.status = scp_run_eval(app.comm, &settings);
    return scp_app_end(&app);
}
