/* scppdm_info: what this build and this machine offer. */
#include "app/app.h"
#include "app/run.h"
#include "base/version.h"
#include "comm/world.h"
#include "dev/device.h"

scp_status scp_run_info(scp_comm *comm)
{
    int size = scp_comm_size(comm);
    scp_strbuf text = { 0 };
    scp_status st = SCP_OK;
    if (scp_comm_rank(comm) != 0) return SCP_OK;
    SCP_GOTO(done,
             scp_strbuf_addf(&text, "scppdm %s (%s)\n%s\ncommunicator: %s, %d rank%s\ndevices:\n",
                             scp_version(), scp_version_git(), scp_version_build(),
                             scp_comm_name(comm), size, size == 1 ? "" : "s"));
    for (size_t i = 0; scp_backends[i]; i++) {
        const char *why = "";
        bool usable = scp_backends[i]->available(&why);
        SCP_GOTO(done,
                 scp_strbuf_addf(&text, "  %-5s %s%s\n", scp_backends[i]->name,
                                 usable ? "available" : "not available: ", usable ? "" : why));
    }
    scp_app_result(text.text);
done:
    scp_strbuf_fini(&text);
    return st;
}
