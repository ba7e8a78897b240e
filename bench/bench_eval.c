/* Inputs of `bench/run eval`: a made-up screen of one control a line and two doses a drug, all of
 * it to be scored, and predictions of it.
 *
 * usage: bench_eval FOLDER LINES DRUGS GENES     2 x LINES x DRUGS conditions; writes shard.h5,
 * real.h5ad and pred.h5ad into the folder */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/str.h"
#include "comm/world.h"
#include "eval/pred_file.h"
#include "io/shard.h"
#include "train/screen.h"

enum { NOISE = 200, PATH = 4096 };

/* A model that has half of the change right: x_pre + 0.5 (x_post - x_pre) + noise. */
static scp_status predict(void *ctx, const int32_t *rows, size_t n, float *out)
{
    const scp_dataset *d = ctx;
    for (size_t i = 0; i < n; i++) {
        const float *post = d->x + (size_t)d->post[rows[i]] * d->G,
                    *pre = d->x + (size_t)d->pre[rows[i]] * d->G;
        for (size_t g = 0; g < d->G; g++) {
            double u = scp_rng_u01(1, NOISE, 0, (uint64_t)rows[i], (uint32_t)g);
            out[i * d->G + g] = 0.5f * (post[g] + pre[g]) + (float)(u - 0.5);
        }
    }
    return SCP_OK;
}

static scp_status write_all(scp_comm *world, const char *dir, scp_dataset *d)
{
    char path[3][PATH];
    static const char *const name[] = { "shard.h5", "real.h5ad", "pred.h5ad" };
    int32_t *rows = NULL;
    size_t n;
    for (int i = 0; i < 3; i++) SCP_TRY(scp_str_format(path[i], PATH, "%s/%s", dir, name[i]));
    memset(d->split, SCP_SPLIT_UC, d->N);
    SCP_TRY(scp_shard_write(world, path[0], d));
    SCP_TRY(scp_dataset_rows(d, SCP_SPLIT_UC, &rows, &n));
    const scp_predictor model = { .name = "half", .fill = predict, .ctx = d, .h5ad = path[2] };
    scp_status st = scp_pred_write_real(d, rows, n, path[1]);
    if (st == SCP_OK) st = scp_pred_write(world, d, rows, n, &model, 64);
    free(rows);
    return st;
}

int main(int argc, char **argv)
{
    scp_comm *world;
    scp_dataset d = { 0 };
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK || argc != 5) return 64;
    const screen_size size = { atoi(argv[2]), atoi(argv[3]), atoi(argv[4]), 1 };
    scp_status st = screen_make(&size, &d);
    if (st == SCP_OK) st = write_all(world, argv[1], &d);
    if (st != SCP_OK) fprintf(stderr, "%s\n%s", scp_err_message(), scp_err_chain());
    scp_dataset_fini(&d);
    return scp_world_end(&world) != SCP_OK || st != SCP_OK;
}
