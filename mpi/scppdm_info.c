/* scppdm_info: what this build and this machine offer. */
#include "app/app.h"
#include "app/run.h"

int main(int argc, char **argv)
{
    scp_app app = {
        .name = "scppdm_info",
        .brief = "show version, libraries, communicator and devices",
        .description =
            "Prints what to put into a bug report: version, build features, libraries, the "
            "communicator of this launch and the devices that can be used.",
    };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN) app.status = scp_run_info(app.comm);
    return scp_app_end(&app);
}
