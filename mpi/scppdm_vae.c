/* scppdm_vae: train the autoencoder of a run. */
#include "app/app.h"
#include "app/run.h"

int main(int argc, char **argv)
{
    scp_run_settings settings = { 0 };
    scp_app app = {
        .name = "scppdm_vae",
        .brief = "train the autoencoder of a run",
        .description =
            "Trains the encoder and decoder on every control and treated profile of the training "
            "split, then writes the latents of all profiles. A run that stopped goes on from its "
            "newest checkpoint.",
        .groups = scp_run_groups,
        .settings = &settings,
        .base = scp_run_recall,
    };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN)
        app.status = scp_run_vae(app.comm, &settings);
    return scp_app_end(&app);
}
