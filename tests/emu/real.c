/* The tests of the emulation on a real device: there is no order to choose, and nothing to refuse.
 */
#include "emu/emu.h"

void scp_emu_set_order(scp_emu_order order)
{
    (void)order;
}

void scp_emu_refuse_epilogues(unsigned mask)
{
    (void)mask;
}

long scp_emu_complaints(void)
{
    return 0;
}
