/* A process that nobody launched: MPI starts no daemon for it, and what told MPI so is not there for
 * the processes that it starts; what the user has set stays. */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "comm/world.h"
#include "tap.h"

int main(int argc, char **argv)
{
    scp_comm *world = NULL;
    if (getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK"))
        return tap_skip_all("started by a launcher");
    unsetenv("OMPI_MCA_ess_singleton_isolated");
    setenv("OMPI_MCA_pml", "^ucx", 1);
    tap_st(scp_world_begin(&argc, &argv, &world), "MPI begins without a launcher");
    tap_ok(world && scp_comm_size(world) == 1, "a world of one rank");
    tap_ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "without a process beside it");
    tap_ok(!getenv("OMPI_MCA_ess_singleton_isolated"), "the setting is gone afterwards");
    tap_text(getenv("OMPI_MCA_pml"), "^ucx", "one of the user stays");
    tap_st(scp_world_end(&world), "and MPI ends");
    return tap_done();
}
