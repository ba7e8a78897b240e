/* Products by a measured choice: every way gives the product, with bias and added to; what was found
 * is written once and believed later, by ranks that are running, too; a file that holds something
 * else is refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/machine.h"
#include "base/rng.h"
#include "tap.h"
#include "tensor/op.h"

enum { R = 37, I = 50, O = 70, N = 4000 };

static float x[N], w[N], b[N], dy[N];
static char path[SCP_PATH_MAX];

static void fill(float *v, uint64_t stream)
{
    static double z[N];
    scp_rng_fill_normal(3, 90, 0, stream, N, z);
    for (int i = 0; i < N; i++) v[i] = (float)z[i];
}

typedef struct results {
    float y[R * O], dx[R * I], dw[O * I];
} results;

/* LINEAR forward with bias and backward, the gradient of the weights added to ones. */
static scp_status run_on(scp_device *dev, results *out)
{
    const scp_op_impl *op = NULL;
    scp_node nx = { .shape = SCP_SHAPE(R, I) }, nw = { .shape = SCP_SHAPE(O, I) },
             nb = { .shape = SCP_SHAPE(O) };
    scp_node y = {
        .op = SCP_OP_LINEAR, .shape = SCP_SHAPE(R, O), .n_in = 3, .in = { &nx, &nw, &nb }
    };
    for (size_t i = 0; i < dev->backend->n_ops; i++)
        if (dev->backend->ops[i]->op == SCP_OP_LINEAR) op = dev->backend->ops[i];
    scp_call c = { .node = &y, .in = { x, w, b }, .out = out->y, .dev = dev };
    for (int i = 0; i < O * I; i++) out->dw[i] = 1;
    scp_status st = op ? op->fwd(&c) : SCP_EINTERNAL;
    c.dout = dy;
    c.din[0] = out->dx;
    c.din[1] = out->dw;
    c.add[1] = true;
    return st == SCP_OK ? op->bwd(&c) : st;
}

static scp_status run(results *out)
{
    scp_device *dev = NULL;
    SCP_TRY(scp_device_open("cpu", &dev));
    scp_status st = run_on(dev, out);
    scp_device_close(&dev);
    return st;
}

/* Largest difference from sums in fp64. */
static double error(const results *r)
{
    double worst = 0;
    for (int i = 0; i < R; i++)
        for (int o = 0; o < O; o++) {
            double sum = b[o];
            for (int k = 0; k < I; k++) sum += (double)x[i * I + k] * w[o * I + k];
            worst = fmax(worst, fabs(sum - r->y[i * O + o]));
        }
    for (int i = 0; i < R; i++)
        for (int k = 0; k < I; k++) {
            double sum = 0;
            for (int o = 0; o < O; o++) sum += (double)dy[i * O + o] * w[o * I + k];
            worst = fmax(worst, fabs(sum - r->dx[i * I + k]));
        }
    for (int o = 0; o < O; o++)
        for (int k = 0; k < I; k++) {
            double sum = 1;
            for (int i = 0; i < R; i++) sum += (double)dy[i * O + o] * x[i * I + k];
            worst = fmax(worst, fabs(sum - r->dw[o * I + k]));
        }
    return worst;
}

static int lines_of(const char *file, char **text)
{
    size_t size;
    int n = 0;
    if (scp_fs_read_text(file, text, &size) != SCP_OK) return -1;
    for (size_t i = 0; i < size; i++) n += (*text)[i] == '\n';
    return n;
}

static void measured(void)
{
    static results first, second;
    char *before = NULL, *after = NULL;
    if (!tap_st(run(&first), "a run that measures")) return;
    tap_ok(error(&first) < 2e-4, "the products are right (%.1e)", error(&first));
    tap_ok(lines_of(path, &before) == 3, "a line of the file for each of the three products");
    tap_st(run(&second), "a run that reads them");
    tap_ok(lines_of(path, &after) == 3 && before && after && !strcmp(before, after),
           "measures nothing again");
    tap_ok(!memcmp(&first, &second, sizeof first), "and gives the same bits");
    free(before);
    free(after);
}

/* A file that says a way for all three products, with `more` behind it. */
static void say(int level, const char *way, const char *more)
{
    char lines[1024];
    const int have = scp_omp_threads();
    snprintf(lines, sizeof lines,
             "%d %d %d %d %d 0 1 %s\n%d %d %d %d %d 0 0 %s\n%d %d %d %d %d 1 0 %s\n%s", level, have,
             R, O, I, way, level, have, R, I, O, way, level, have, O, I, R, way, more);
    tap_st(scp_fs_write_text(path, lines, strlen(lines)), "a file that says %s", way);
}

/* The file decides: every way for all three products, on 1 and 2 threads. */
static void forced(const char *way)
{
    static results r;
    char *text = NULL;
    scp_device *dev = NULL;
    if (scp_device_open("cpu", &dev) != SCP_OK) return;
    for (int threads = 1; threads <= 2; threads++) {
#ifdef _OPENMP
        omp_set_num_threads(threads);
#endif
        const int have = scp_omp_threads();
        say(dev->backend->level, way, "");
        memset(&r, 0, sizeof r);
        tap_st(run(&r), "%s by %d threads", way, have);
        tap_ok(error(&r) < 2e-4, "%s: the products are right (%.1e)", way, error(&r));
        tap_ok(lines_of(path, &text) == 3, "%s: nothing was measured", way);
        free(text);
        text = NULL;
    }
#ifdef _OPENMP
    omp_set_num_threads(1);
#endif
    scp_device_close(&dev);
}

/* Two ranks that began without a file: what the first measured is the second one's choice, too; of
 * two that measured, the first line is everybody's; and a line that is being written is none. */
static void shared(void)
{
    static results r, of_file;
    char *before = NULL, *after = NULL, more[64];
    scp_device *one = NULL, *other = NULL, *late = NULL;
    scp_fs_remove(path);
    tap_st(scp_device_open("cpu", &one), "a rank");
    tap_st(scp_device_open("cpu", &other), "another");
    if (!one || !other) return;
    tap_st(run_on(one, &r), "the first measures");
    tap_st(run_on(other, &r), "the second finds it done");
    tap_ok(lines_of(path, &before) == 3, "three lines for two ranks");
    const int level = one->backend->level;
    say(level, "openblas", "");
    tap_st(run(&of_file), "by OpenBLAS");
    snprintf(more, sizeof more, "%d %d %d %d %d 0 1 ours\n%d %d", level, scp_omp_threads(), R, O, I,
             level, scp_omp_threads());
    say(level, "openblas", more);
    tap_st(scp_device_open("cpu", &late), "two lines for a shape, and one that is being written");
    if (late) tap_st(run_on(late, &r), "a run");
    tap_ok(lines_of(path, &after) == 4 && !memcmp(&r, &of_file, sizeof r),
           "the first line counts, and nothing was measured");
    free(before);
    free(after);
    scp_device_close(&one);
    scp_device_close(&other);
    scp_device_close(&late);
}

int main(void)
{
    static const char *const bad[] = { "5 1 3 4 5 0 1 fastest\n", "5 1 3\n",
                                       "5 1 3 4 5 0 1 ours twice\n" };
    scp_device *dev = NULL;
    fill(x, 1), fill(w, 2), fill(b, 3), fill(dy, 4);
    snprintf(path, sizeof path, "%s/products", tap_tmpdir());
    setenv("SCPPDM_PRODUCTS", path, 1);
    measured();
    forced("ours");
    forced("onednn");
    forced("openblas");
    shared();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tap_st(scp_fs_write_text(path, bad[i], strlen(bad[i])), "another file");
        tap_fails(scp_device_open("cpu", &dev), SCP_EDATA, "line 1", "a line that is none");
    }
    setenv("SCPPDM_PRODUCTS", "/nowhere/products", 1);
    static results r;
    tap_fails(run(&r), SCP_EIO, "SCPPDM_PRODUCTS", "a file that cannot be written");
    unsetenv("SCPPDM_PRODUCTS");
    return tap_done();
}
