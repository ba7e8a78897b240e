/* scppdm_train: train a drug-response model. */
#include "app/app.h"
#include "app/run.h"

int main(int argc, char **argv)
{
    scp_run_settings settings = { 0 };
    scp_app app = {
        .name = "scppdm_train",
        .brief = "train a drug-response model",
        .description =
            "Trains the latent-diffusion denoiser on the latents that scppdm_vae wrote. A run that "
            "stopped goes on from its newest checkpoint, on any number of ranks.",
        .groups = scp_run_groups,
        .settings = &settings,
        .base = scp_run_recall,
    };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN)
        app.status = scp_run_train(app.comm, &settings);
    return scp_app_end(&app);
}
