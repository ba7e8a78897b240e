/* scppdm_probe: reads an input's metadata before scppdm_prep does, in a process that may crash. */
#include "io/h5_probe.h"

int main(int argc, char **argv)
{
    return scp_probe_main(argc, argv);
}
