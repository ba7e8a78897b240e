/* The engine of the mean models: sums over training pairs, shared out by genes. */
#include "model/means_impl.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum {
    TILE = 256
}; /* genes summed at a time: the accumulator of 1,000 groups stays in the cache */

static const struct {
    const char *name;
    bool shifts;
    scp_status (*plan)(scp_means *m); /* NULL: nothing to fit */
} rule[SCP_MEANS_KINDS] = {
    [SCP_MEANS_NO_CHANGE] = { "no_change", true, NULL },
    [SCP_MEANS_PERTURB] = { "perturb_mean", true, scp_perturb_mean_plan },
    [SCP_MEANS_POOLED] = { "perturb_mean_state", true, scp_perturb_state_plan },
    [SCP_MEANS_SIMILAR] = { "nearest_drug", true, scp_nearest_drug_plan },
    [SCP_MEANS_CONTEXT] = { "context_mean", false, scp_context_mean_plan },
    [SCP_MEANS_GLOBAL] = { "global_mean", true, scp_global_mean_plan },
    [SCP_MEANS_LINE] = { "line_mean", true, scp_line_mean_plan },
    [SCP_MEANS_ORACLE] = { "oracle", false, NULL },
    [SCP_MEANS_REPLICATE] = { "replicate", true, scp_replicate_plan },
};

const char *scp_means_name(scp_means_kind kind)
{
    return (unsigned)kind < SCP_MEANS_KINDS ? rule[kind].name : "?";
}

scp_status scp_means_parse(const char *name, scp_means_kind *out)
{
    SCP_ARG(name && out, "name and result are required");
    for (int k = 0; k < SCP_MEANS_KINDS; k++)
        if (strcmp(name, rule[k].name) == 0) {
            *out = (scp_means_kind)k;
            return SCP_OK;
        }
    SCP_FAIL(SCP_EUSAGE, "there is no mean model '%s'", name);
}

/* Means of the controls of every line on genes [g, g + n): origin [n_lines, TILE]. */
static void origin_tile(const scp_means *m, size_t g, size_t n, double *origin)
{
    const scp_dataset *d = m->d;
    for (size_t l = 0; l < d->n_lines; l++) {
        double *to = origin + l * TILE;
        size_t controls = 0;
        memset(to, 0, n * sizeof *to);
        for (size_t p = 0; p < d->P; p++) {
            if (!m->control[p] || (size_t)d->p_line[p] != l) continue;
            for (size_t i = 0; i < n; i++) to[i] += d->x[p * d->G + g + i];
            controls++;
        }
        for (size_t i = 0; controls && i < n; i++) to[i] /= (double)controls;
    }
}

/* Add the pair's profile or shift on genes [g, g + n) to the sums of a group. origin: as
 * origin_tile gives it, NULL for shifts from the pair's own control. */
static void add_pair(const scp_means *m, size_t pair, size_t g, size_t n, const double *origin,
                     double *sum)
{
    const scp_dataset *d = m->d;
    const double w = m->weight ? m->weight[pair] : 1;
    const float *post = d->x + (size_t)d->post[pair] * d->G + g;
    const float *pre = d->x + (size_t)d->pre[pair] * d->G + g;
    const double *from = origin ? origin + (size_t)scp_means_line(m, pair) * TILE : NULL;
    if (from)
        for (size_t i = 0; i < n; i++) sum[i] += w * (post[i] - from[i]);
    else if (m->shifts)
        for (size_t i = 0; i < n; i++) sum[i] += w * ((double)post[i] - pre[i]);
    else
        for (size_t i = 0; i < n; i++) sum[i] += w * post[i];
}

/* Means of every group on genes [g, g + n), summed in the order of the pairs. sum [n_groups, TILE],
 * behind it room for the origins. */
static void sum_tile(scp_means *m, size_t g, size_t n, double *sum)
{
    double *origin = m->control ? sum + m->n_groups * TILE : NULL;
    if (origin) origin_tile(m, g, n, origin);
    memset(sum, 0, m->n_groups * TILE * sizeof *sum);
    for (size_t pair = 0; pair < m->d->N; pair++)
        for (int k = 0; k < SCP_MEANS_GROUPS_PER_PAIR; k++)
            if (m->member[k][pair] >= 0)
                add_pair(m, pair, g, n, origin, sum + (size_t)m->member[k][pair] * TILE);
    for (size_t group = 0; group < m->n_groups; group++) {
        if (!(m->total[group] > 0)) continue;
        for (size_t i = 0; i < n; i++)
            m->table[group * m->d->G + g + i] =
                (float)(sum[group * TILE + i] / m->total[group] + 0.0);
    }
}

/* This rank's genes. */
static scp_status sum_share(scp_means *m, const scp_comm *comm)
{
    size_t begin, end;
    bool failed = false;
    scp_comm_share(comm, m->d->G, &begin, &end);
#pragma omp parallel
    {
        double *sum = malloc((m->n_groups + m->d->n_lines) * TILE * sizeof *sum);
        if (!sum) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for schedule(dynamic)
        for (size_t g = begin; g < end; g += TILE)
            if (sum) sum_tile(m, g, end - g < TILE ? end - g : TILE, sum);
        free(sum);
    }
    if (failed) SCP_FAIL(SCP_ENOMEM, "no memory for the sums of %zu groups", m->n_groups);
    return SCP_OK;
}

static scp_status alloc_pairs(scp_means *m)
{
    const size_t N = m->d->N;
    for (int k = 0; k < SCP_MEANS_GROUPS_PER_PAIR; k++) {
        SCP_TRY(scp_alloc(N, sizeof(int32_t), &m->member[k]));
        memset(m->member[k], -1, N * sizeof(int32_t));
    }
    SCP_TRY(scp_alloc(N, sizeof *m->use, &m->use));
    memset(m->use, -1, N * sizeof *m->use);
    return scp_alloc(N, sizeof *m->source, &m->source);
}

static scp_status prepare(scp_means *m)
{
    size_t training = 0;
    SCP_TRY(alloc_pairs(m));
    if (!rule[m->kind].plan) return SCP_OK;
    for (size_t i = 0; i < m->d->N; i++) training += scp_means_trains(m, i);
    if (!training)
        SCP_FAIL(SCP_EDATA, "the data set has no training pair: nothing to take means of");
    SCP_TRY(rule[m->kind].plan(m));
    SCP_TRY(scp_alloc(m->n_groups, sizeof *m->total, &m->total));
    for (size_t i = 0; i < m->d->N; i++)
        for (int k = 0; k < SCP_MEANS_GROUPS_PER_PAIR; k++)
            if (m->member[k][i] >= 0) m->total[m->member[k][i]] += m->weight ? m->weight[i] : 1;
    return scp_alloc(m->n_groups * m->d->G, sizeof *m->table, &m->table);
}

scp_status scp_means_fit(scp_means_kind kind, scp_comm *comm, const scp_dataset *d, scp_means **out)
{
    SCP_ARG(comm && d && out && (unsigned)kind < SCP_MEANS_KINDS,
            "communicator, data set and kind are required");
    scp_means *m = NULL;
    scp_status st = scp_alloc(1, sizeof *m, &m);
    if (st == SCP_OK) {
        *m = (scp_means){ .kind = kind, .d = d, .shifts = rule[kind].shifts };
        st = prepare(m);
    }
    if (st == SCP_OK && m->n_groups) st = sum_share(m, comm);
    SCP_GOTO(fail, scp_agree(comm, st));
    /* Every entry was set on one rank and is 0 on the others: the sum is exact. */
    if (m->n_groups)
        SCP_GOTO(fail, scp_comm_allreduce(comm, m->table, m->n_groups * d->G, SCP_COMM_F32,
                                          SCP_COMM_SUM));
    *out = m;
    return SCP_OK;
fail:
    scp_means_destroy(&m);
    return st;
}

void scp_means_destroy(scp_means **m)
{
    if (!m || !*m) return;
    for (int k = 0; k < SCP_MEANS_GROUPS_PER_PAIR; k++) free((*m)->member[k]);
    free((*m)->use);
    free((*m)->source);
    free((*m)->weight);
    free((*m)->control);
    free((*m)->total);
    free((*m)->table);
    scp_dose_levels_fini(&(*m)->levels);
    free((*m)->twin);
    free(*m);
    *m = NULL;
}

static scp_status predict_pair(const scp_means *m, int32_t pair, float *out)
{
    const scp_dataset *d = m->d;
    const float *pre = d->x + (size_t)d->pre[pair] * d->G;
    const float *mean = m->use[pair] < 0 ? NULL : m->table + (size_t)m->use[pair] * d->G;
    if (m->kind == SCP_MEANS_REPLICATE) {
        scp_replicate_predict(m, pair, out);
    } else if (m->kind == SCP_MEANS_ORACLE) {
        memcpy(out, d->x + (size_t)d->post[pair] * d->G, d->G * sizeof *out);
    } else if (!m->shifts) {
        if (!mean)
            SCP_FAIL(SCP_EDATA, "%s: cell line %s has no training pair", scp_means_name(m->kind),
                     d->line[scp_means_line(m, (size_t)pair)]);
        memcpy(out, mean, d->G * sizeof *out);
    } else {
        for (size_t g = 0; g < d->G; g++) out[g] = mean ? pre[g] + mean[g] : pre[g];
    }
    return SCP_OK;
}

scp_status scp_means_predict(const scp_means *m, const int32_t *rows, size_t n, float *out)
{
    SCP_ARG(m && (rows || n == 0) && out, "model, pairs and result are required");
    for (size_t i = 0; i < n; i++) {
        if (rows[i] < 0 || (size_t)rows[i] >= m->d->N)
            SCP_FAIL(SCP_EUSAGE, "pair %d is outside the data set of %zu pairs", (int)rows[i],
                     m->d->N);
        SCP_TRY(predict_pair(m, rows[i], out + i * m->d->G));
    }
    return SCP_OK;
}

scp_status scp_means_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    return scp_means_predict(ctx, rows, n, out);
}

void scp_means_count_backoff(const scp_means *m, const int32_t *rows, size_t n,
                             scp_means_backoff *out)
{
    size_t count[] = { [SCP_MEANS_EXACT] = 0, [SCP_MEANS_NEAREST] = 0, [SCP_MEANS_NONE] = 0 };
    for (size_t i = 0; i < n; i++) count[m->source[rows[i]]]++;
    *out = (scp_means_backoff){ .n_exact = count[SCP_MEANS_EXACT],
                                .n_nearest = count[SCP_MEANS_NEAREST],
                                .n_none = count[SCP_MEANS_NONE] };
}

bool scp_means_dose_by_rank(const scp_means *m)
{
    return m->levels.by_rank;
}
