/* The mean of trained runs, see ensemble.h. */
#include "eval/ensemble.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct scp_ensemble {
    scp_predict **member; /* [n] */
    size_t n, G;
};

scp_status scp_ensemble_open(scp_device *dev, const scp_dataset *d, const char *const *run_dir,
                             size_t n, const char *stage, const scp_guidance *guidance,
                             scp_ensemble **out)
{
    SCP_ARG(run_dir && n && guidance && out, "run folders, guidance and result are required");
    scp_ensemble *e = NULL;
    scp_status st = SCP_OK;
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *e, &e));
    e->G = d->G;
    SCP_GOTO(fail, scp_alloc(n, sizeof *e->member, &e->member));
    for (; e->n < n; e->n++)
        SCP_GOTO(fail, scp_predict_open(dev, d, run_dir[e->n], stage, guidance, &e->member[e->n]));
    *out = e;
    return SCP_OK;
fail:
    scp_ensemble_close(&e);
    return st;
}

void scp_ensemble_close(scp_ensemble **ep)
{
    if (!ep || !*ep) return;
    for (size_t i = 0; i < (*ep)->n; i++) scp_predict_close(&(*ep)->member[i]);
    free((*ep)->member);
    free(*ep);
    *ep = NULL;
}

scp_status scp_ensemble_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    const scp_ensemble *e = ctx;
    const size_t values = n * e->G;
    float *one = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(values, sizeof *one, &one));
    memset(out, 0, values * sizeof *out);
    for (size_t m = 0; m < e->n; m++) {
        SCP_GOTO(done, scp_predict_fill(e->member[m], rows, n, one));
        for (size_t i = 0; i < values; i++) out[i] += (one[i] < 0 ? 0 : one[i]) / (float)e->n;
    }
done:
    free(one);
    return st;
}
