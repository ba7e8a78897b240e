/* Means over drugs: what any drug of a dose level does.
 *
 * Global mean ("mean of other drugs"): x_pre + mean shift x_post - x_pre of all training pairs at
 * the dose level, whatever the drug and the cell line. For an unseen drug these are all other
 * drugs. Line mean: the same within the cell line; a (line, level) that was never trained takes the
 * line at any dose, and an unknown line has shift 0. */
#include <stdlib.h>

#include "base/mem.h"
#include "model/means_impl.h"

/* Each training pair counts in a fine group and in a coarse one; a pair reads its fine group when
 * that was trained, else the coarse one. fine, coarse: [N]. */
static scp_status plan_two_steps(scp_means *m, const int32_t *fine, const int32_t *coarse)
{
    uint8_t *trained = NULL;
    SCP_TRY(scp_alloc(m->n_groups, sizeof *trained, &trained));
    for (size_t i = 0; i < m->d->N; i++) {
        if (!scp_means_trains(m, i)) continue;
        m->member[0][i] = fine[i];
        m->member[1][i] = coarse[i];
        trained[fine[i]] = trained[coarse[i]] = 1;
    }
    for (size_t i = 0; i < m->d->N; i++) {
        m->use[i] = trained[fine[i]] ? fine[i] : trained[coarse[i]] ? coarse[i] : -1;
        m->source[i] = m->use[i] == fine[i] ? SCP_MEANS_EXACT
                       : m->use[i] < 0      ? SCP_MEANS_NONE
                                            : SCP_MEANS_NEAREST;
    }
    free(trained);
    return SCP_OK;
}

/* by_line: groups (line, level), then line; else level, then everything. */
static scp_status plan(scp_means *m, bool by_line)
{
    scp_status st = SCP_OK;
    int32_t *fine = NULL, *coarse = NULL;
    SCP_TRY(scp_dose_levels_init(m->d, &m->levels));
    const size_t contexts = by_line ? m->d->n_lines : 1;
    m->n_groups = contexts * (m->levels.n + 1);
    SCP_GOTO(done, scp_alloc(m->d->N, sizeof *fine, &fine));
    SCP_GOTO(done, scp_alloc(m->d->N, sizeof *coarse, &coarse));
    for (size_t i = 0; i < m->d->N; i++) {
        int32_t context = by_line ? scp_means_line(m, i) : 0;
        fine[i] = context * (int32_t)(m->levels.n + 1) + m->levels.level[i];
        coarse[i] = context * (int32_t)(m->levels.n + 1) + (int32_t)m->levels.n;
    }
    SCP_GOTO(done, plan_two_steps(m, fine, coarse));
done:
    free(fine);
    free(coarse);
    return st;
}

scp_status scp_global_mean_plan(scp_means *m)
{
    return plan(m, false);
}

scp_status scp_line_mean_plan(scp_means *m)
{
    return plan(m, true);
}
