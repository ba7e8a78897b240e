/* See choose.h. A library gets one piece of the result for each thread, so its operands are packed
 * as seldom as may be. */
#include "backend/cpu/choose.h"

#include <cblas.h>
#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cpu/par.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/jsonl.h"
#include "base/machine.h"
#include "base/mem.h"
#include "base/str.h"

/* TRIES: runs of each way, the best of which counts. A piece is a multiple of EDGE. */
enum { TRIES = 5, EDGE = 16 };
/* Another way than ours must be faster by this much: less is chance. */
#define MARGIN 1.03

static const char *const way_name[SCP_WAYS] = { "ours", "onednn", "openblas" };

typedef struct shape {
    int64_t level, threads, m, n, k, trans_a, trans_b;
} shape;

typedef struct entry {
    shape of;
    scp_way way;
} entry;

struct scp_choice {
    char path[SCP_PATH_MAX];
    entry *entry;
    size_t n, cap;
};

/* Rows [r, r + rows) and columns [c, c + cols) of the result. */
static void piece(const scp_gemm_product *p, scp_way way, int64_t r, int64_t c, int64_t rows,
                  int64_t cols)
{
    const bool ta = p->trans_a, tb = p->trans_b;
    const float *A = ta ? p->A + r : p->A + r * p->k, *B = tb ? p->B + c * p->k : p->B + c;
    const int64_t lda = ta ? p->m : p->k, ldb = tb ? p->k : p->n;
    float *C = p->C + r * p->n + c, beta = p->add || p->bias ? 1.0f : 0.0f;
    for (int64_t i = 0; p->bias && i < rows; i++)
        memcpy(C + i * p->n, p->bias + c, (size_t)cols * sizeof *C);
    if (way == SCP_WAY_ONEDNN &&
        dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', rows, cols, p->k, 1.0f, A, lda, B, ldb, beta, C,
                   p->n) == dnnl_success)
        return;
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans,
                (int)rows, (int)cols, (int)p->k, 1.0f, A, (int)lda, B, (int)ldb, beta, C,
                (int)p->n);
}

/* The longer side of the result is cut, a piece for each thread. */
static void by_library(const scp_gemm_product *p, scp_way way)
{
    const bool down = p->m >= p->n;
    const int64_t side = down ? p->m : p->n, threads = scp_omp_threads();
    const int64_t length = ((side + threads - 1) / threads + EDGE - 1) / EDGE * EDGE;
#pragma omp parallel for schedule(static) if (length < side)
    for (int64_t at = 0; at < side; at += length) {
        const int64_t size = scp_min(length, side - at);
        if (down)
            piece(p, way, at, 0, size, p->n);
        else
            piece(p, way, 0, at, p->m, size);
    }
}

static void multiply(const scp_gemm_product *p, scp_way way,
                     void (*ours)(const scp_gemm_product *p))
{
    if (way == SCP_WAY_OURS)
        ours(p);
    else
        by_library(p, way);
}

/* The fastest way, into memory of its own: the result may be added to. */
static scp_status measure(const scp_gemm_product *p, void (*ours)(const scp_gemm_product *p),
                          scp_way *best)
{
    double seconds[SCP_WAYS];
    float *C = NULL;
    SCP_TRY(scp_alloc((size_t)(p->m * p->n), sizeof *C, &C));
    scp_gemm_product trial = *p;
    trial.C = C;
    *best = SCP_WAY_OURS;
    for (int way = 0; way < SCP_WAYS; way++) {
        seconds[way] = 1e30;
        for (int i = 0; i < TRIES; i++) {
            const double start = scp_clock_seconds();
            multiply(&trial, (scp_way)way, ours);
            const double took = scp_clock_seconds() - start;
            seconds[way] = took < seconds[way] ? took : seconds[way];
        }
        if (way != SCP_WAY_OURS && seconds[way] < seconds[*best] &&
            seconds[way] * MARGIN < seconds[SCP_WAY_OURS])
            *best = (scp_way)way;
    }
    free(C);
    return SCP_OK;
}

static const entry *find(const scp_choice *c, const shape *of)
{
    for (size_t i = 0; i < c->n; i++)
        if (!memcmp(&c->entry[i].of, of, sizeof *of)) return &c->entry[i];
    return NULL;
}

/* What is known of a shape already stays. */
static scp_status remember(scp_choice *c, const shape *of, scp_way way)
{
    if (find(c, of)) return SCP_OK;
    SCP_TRY(scp_grow(&c->entry, &c->cap, c->n + 1, sizeof *c->entry));
    c->entry[c->n++] = (entry){ *of, way };
    return SCP_OK;
}

/* One line, one write: ranks share the file. */
static scp_status append(const scp_choice *c, const shape *s, scp_way way)
{
    char line[192];
    SCP_TRY(scp_str_format(line, sizeof line, "%lld %lld %lld %lld %lld %lld %lld %s",
                           (long long)s->level, (long long)s->threads, (long long)s->m,
                           (long long)s->n, (long long)s->k, (long long)s->trans_a,
                           (long long)s->trans_b, way_name[way]));
    if (scp_jsonl_append(c->path, line) == SCP_OK) return SCP_OK;
    scp_err_copy why;
    scp_err_save(&why);
    SCP_FAIL(SCP_EIO, "SCPPDM_PRODUCTS: %s", why.message);
}

static bool parse(const char *line, entry *e)
{
    long long v[7];
    char name[16];
    int end = 0;
    if (sscanf(line, "%lld %lld %lld %lld %lld %lld %lld %15s %n", &v[0], &v[1], &v[2], &v[3],
               &v[4], &v[5], &v[6], name, &end) != 8 ||
        line[end])
        return false;
    e->of = (shape){ v[0], v[1], v[2], v[3], v[4], v[5], v[6] };
    for (e->way = 0; e->way < SCP_WAYS; e->way++)
        if (!strcmp(name, way_name[e->way])) return true;
    return false;
}

/* Lines of shapes that are not known yet. A last line without its end is being written. */
static scp_status read_file(scp_choice *c)
{
    char *text = NULL;
    size_t size, number = 0;
    entry e;
    scp_status st = SCP_OK;
    if (!scp_fs_exists(c->path)) return SCP_OK;
    SCP_TRY(scp_fs_read_text(c->path, &text, &size));
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        number++;
        if (!parse(line, &e))
            SCP_FAIL_GOTO(done, SCP_EDATA,
                          "SCPPDM_PRODUCTS: %s, line %zu is not \"level threads m n k 0|1 0|1 "
                          "ours|onednn|openblas\"; remove the file and it will be made anew",
                          c->path, number);
        SCP_GOTO(done, remember(c, &e.of, e.way));
    }
done:
    free(text);
    return st;
}

scp_status scp_choice_open(scp_choice **out)
{
    const char *path = getenv("SCPPDM_PRODUCTS");
    scp_choice *c = NULL;
    *out = NULL;
    if (!path || !*path) return SCP_OK;
    SCP_TRY(scp_alloc(1, sizeof *c, &c));
    scp_status st = scp_str_format(c->path, sizeof c->path, "%s", path);
    if (st == SCP_OK) st = read_file(c);
    if (st == SCP_OK)
        *out = c;
    else
        scp_choice_close(&c);
    return st;
}

void scp_choice_close(scp_choice **c)
{
    if (!*c) return;
    free((*c)->entry);
    free(*c);
    *c = NULL;
}

/* Measure a shape, unless another rank has. Of several that did, the first line of the file counts
 * for all, as it will when the file is read again. */
static scp_status learn(scp_choice *c, const shape *of, const scp_gemm_product *p,
                        void (*ours)(const scp_gemm_product *p))
{
    scp_way way = SCP_WAY_OURS;
    SCP_TRY(read_file(c));
    if (find(c, of)) return SCP_OK;
    SCP_TRY(measure(p, ours, &way));
    SCP_TRY(append(c, of, way));
    SCP_TRY(read_file(c));
    return remember(c, of, way);
}

scp_status scp_choice_multiply(scp_choice *c, int level, const scp_gemm_product *p,
                               void (*ours)(const scp_gemm_product *p))
{
    const shape of = { level, scp_omp_threads(), p->m, p->n, p->k, p->trans_a, p->trans_b };
    if (!c || p->bf16 || p->m * p->n * p->k == 0) {
        ours(p);
        return SCP_OK;
    }
    if (!find(c, &of)) SCP_TRY(learn(c, &of, p, ours));
    multiply(p, find(c, &of)->way, ours);
    return SCP_OK;
}
