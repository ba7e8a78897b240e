/* Schedule tables and the DDIM update, see schedule.h. */
#include "diffusion/schedule.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

scp_status scp_schedule_init(scp_schedule *s, int64_t T, double beta_first, double beta_last)
{
    SCP_ARG(T >= 2 && beta_first > 0 && beta_last >= beta_first &&
                beta_last * 1000.0 / (double)T < 1,
            "schedule needs T >= 2 and 0 < beta_first <= beta_last < T/1000");
    *s = (scp_schedule){ .T = T };
    SCP_TRY(scp_alloc((size_t)T, sizeof *s->abar, &s->abar));
    SCP_TRY(scp_alloc((size_t)T, sizeof *s->signal, &s->signal));
    SCP_TRY(scp_alloc((size_t)T, sizeof *s->noise, &s->noise));
    double scale = 1000.0 / (double)T, product = 1;
    for (int64_t t = 0; t < T; t++) {
        double beta = scale * (beta_first + (beta_last - beta_first) * (double)t / (double)(T - 1));
        product *= 1 - beta;
        s->abar[t] = product;
        s->signal[t] = sqrt(product);
        s->noise[t] = sqrt(1 - product);
    }
    return SCP_OK;
}

void scp_schedule_fini(scp_schedule *s)
{
    free(s->abar);
    free(s->signal);
    free(s->noise);
    *s = (scp_schedule){ 0 };
}

void scp_schedule_split(const scp_schedule *s, int64_t t, bool is_v, const double *out,
                        const double *z_t, int64_t n, double *z0, double *eps)
{
    double a = s->signal[t], b = s->noise[t];
    for (int64_t i = 0; i < n; i++) {
        double o = out[i], z = z_t[i];
        z0[i] = is_v ? a * z - b * o : (z - b * o) / a;
        eps[i] = is_v ? b * z + a * o : o;
    }
}

void scp_schedule_ddim(const scp_schedule *s, int64_t t_next, const double *z0, const double *eps,
                       int64_t n, double *z_t)
{
    double a = t_next < 0 ? 1 : s->signal[t_next], b = t_next < 0 ? 0 : s->noise[t_next];
    for (int64_t i = 0; i < n; i++) z_t[i] = a * z0[i] + b * eps[i];
}
