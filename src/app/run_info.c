/* scppdm_info: what this build and this machine offer. */
#include <stdio.h>

#include "app/run.h"
#include "base/version.h"
#include "comm/world.h"
#include "dev/device.h"

scp_status scp_run_info(scp_comm *comm)
{
    int size = scp_comm_size(comm);
    if (scp_comm_rank(comm) != 0) return SCP_OK;
    printf("scppdm %s (%s)\n%s\n", scp_version(), scp_version_git(), scp_version_build());
    printf("communicator: %s, %d rank%s\ndevices:\n", scp_comm_name(comm), size, size == 1 ? "" : "s");
    for (size_t i = 0; scp_backends[i]; i++) {
        const char *why = "";
        bool usable = scp_backends[i]->available(&why);
        printf("  %-5s %s%s\n", scp_backends[i]->name, usable ? "available" : "not available: ", usable ? "" : why);
    }
    return SCP_OK;
}
