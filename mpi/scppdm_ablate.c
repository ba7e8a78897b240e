/* scppdm_ablate: train and score one ablation of the paper. */
#include "app/app.h"
#include "app/run.h"

int main(int argc, char **argv)
{
    scp_run_settings settings = { 0 };
    scp_app app = {
        .name = "scppdm_ablate",
        .brief = "train and score one ablation, A to F",
        .description =
            "Trains the model of the run folder with one part removed or replaced [paper App. F], "
            "scores it on the chosen splits and writes <run>/eval-ablation-<letter>.",
        .groups = scp_run_groups,
        .settings = &settings,
        .base = scp_run_recall,
        .operands = "[A|B|C|D|E|F]",
    };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN)
        app.status = scp_run_ablate(app.comm, &settings, &app.args);
    return scp_app_end(&app);
}
