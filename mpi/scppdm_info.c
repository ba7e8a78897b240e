/* scppdm_info: what this build and this machine offer, and how a run is doing. */
#include "app/app.h"
#include "app/run.h"

int main(int argc, char **argv)
{
    scp_info_settings settings = { 0 };
    scp_app app = {
        .name = "scppdm_info",
        .brief = "show what a build can do, or how a run is doing",
        .description =
            "Prints what to put into a bug report: version, build features, libraries, the "
            "communicator of this launch and the devices that can be used.\n\n"
            "With --run, how the runs in a folder are doing: running, finished, stopped, failed or "
            "dead, since when, at which step, with which checkpoint. It reads files only, on any "
            "machine that sees the folder, while the run goes on or after its end.",
        .groups = scp_info_groups,
        .settings = &settings,
    };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN)
        app.status = scp_run_info(app.comm, &settings, &app.exit_code);
    return scp_app_end(&app);
}
