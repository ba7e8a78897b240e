/* scppdm_ablate: train and score one ablation of the paper. */
#include "app/app.h"
#include "app/run.h"

int main(int argc, char **argv)
{
    scp_run_settings settings = { 0 };
    scp_app app = {
        .name = "scppdm_ablate",
        .brief = "train and score one ablation, A to F, or print the table of all",
        .description =
            "Trains the model of the run folder with one part removed or replaced [paper App. F], "
            "scores it on the chosen splits, writes <run>/eval-ablation-<letter> and appends its "
            "figures to <run>/ablations.jsonl. D and E differ in sampling only: they take the "
            "network of the full model where the run folder has one of the same settings that is "
            "trained to its end.\n\n"
            "With --collect DIR it prints the figures of the full model (scppdm_eval) and of the "
            "ablations that are done in the run folder DIR, or in the run folders in DIR, with "
            "their standard error over these runs: the paper's Figure 4 as a table.",
        .groups = scp_run_groups,
        .settings = &settings,
        .base = scp_run_recall,
        .operands = "[A|B|C|D|E|F]",
    };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN)
        app.status = scp_run_ablate(app.comm, &settings, &app.args);
    return scp_app_end(&app);
}
