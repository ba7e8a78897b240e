/* scppdm_prep: plates and a drug table in, one shard file out; or checks of a shard. */
#include "app/app.h"
#include "app/opt_prep.h"

int main(int argc, char **argv)
{
    scp_prep_settings settings = { 0 };
    scp_app app = { .name = "scppdm_prep",
                    .brief = "turn the plates of a drug screen into a shard of pairs",
                    .description = scp_prep_description,
                    .groups = scp_prep_options,
                    .settings = &settings,
                    .operands = "PLATE.h5ad..." };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN)
        app.status = scp_prep_program(app.comm, &settings, &app.args);
    return scp_app_end(&app);
}
