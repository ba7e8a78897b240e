/* scppdm_predict: predict the profiles of a split. */
#include "app/app.h"
#include "app/run.h"

int main(int argc, char **argv)
{
    scp_run_settings settings = { 0 };
    scp_app app = {
        .name = "scppdm_predict",
        .brief = "predict the profiles of a split",
        .description =
            "Writes predicted profiles, with the control profiles beside them, as an AnnData file "
            "that cell-eval and scanpy read.",
        .groups = scp_run_groups,
        .settings = &settings,
        .base = scp_run_recall,
    };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN)
        app.status = scp_run_predict(app.comm, &settings);
    return scp_app_end(&app);
}
