/* The sampling loop, see ddim.h. */
#include "diffusion/ddim.h"

scp_status scp_ddim_sample(const scp_ddim *d, int64_t n, double *z, double *z0, double *eps,
                           double *out)
{
    const scp_schedule *s = d->schedule;
    for (int64_t k = 0; k < d->steps; k++) {
        int64_t t = scp_schedule_time(s, d->steps, k);
        SCP_TRY(d->network(d->ctx, t, z, out));
        scp_schedule_split(s, t, d->is_v, out, z, n, z0, eps);
        scp_schedule_ddim(s, k + 1 < d->steps ? scp_schedule_time(s, d->steps, k + 1) : -1, z0, eps,
                          n, z);
    }
    return SCP_OK;
}
