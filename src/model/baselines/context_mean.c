/* Context mean: the mean training x_post of the cell line, whatever the drug and dose. A line
 * without training pairs cannot be predicted. */
#include "model/means_impl.h"

#include <stdlib.h>

#include "base/mem.h"

scp_status scp_context_mean_plan(scp_means *m)
{
    uint8_t *trained = NULL;
    m->n_groups = m->d->n_lines;
    SCP_TRY(scp_alloc(m->n_groups, sizeof *trained, &trained));
    for (size_t i = 0; i < m->d->N; i++) {
        if (!scp_means_trains(m, i)) continue;
        m->member[0][i] = scp_means_line(m, i);
        trained[scp_means_line(m, i)] = 1;
    }
    for (size_t i = 0; i < m->d->N; i++) {
        bool known = trained[scp_means_line(m, i)];
        m->use[i] = known ? scp_means_line(m, i) : -1;
        m->source[i] = known ? SCP_MEANS_EXACT : SCP_MEANS_NONE;
    }
    free(trained);
    return SCP_OK;
}
