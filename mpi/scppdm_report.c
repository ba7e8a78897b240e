/* scppdm_report: one page of tables and figures from run folders. */
#include "app/app.h"
#include "app/opt_report.h"

int main(int argc, char **argv)
{
    scp_report_settings settings = { 0 };
    scp_app app = { .name = "scppdm_report",
                    .brief = "make a page of tables and figures from run folders",
                    .description = scp_report_description,
                    .groups = scp_report_options,
                    .settings = &settings,
                    .operands = "RUN..." };
    if (scp_app_begin(&app, &argc, &argv) == SCP_APP_RUN)
        app.status = scp_report_program(app.comm, &settings, &app.args);
    return scp_app_end(&app);
}
