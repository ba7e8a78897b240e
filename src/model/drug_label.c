/* Treatments and their scaled fingerprints, see drug_label.h. */
#include "model/drug_label.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

static scp_status number(const scp_dataset *d, scp_names *names, scp_drug_labels *l)
{
    for (size_t i = 0; i < d->N; i++) {
        char name[64];
        size_t index;
        int32_t p = d->post[i];
        SCP_TRY(scp_str_format(name, sizeof name, "%d/%.17g", d->p_drug[p], d->p_dose[p]));
        SCP_TRY(scp_names_add(names, name, &index));
        l->of_pair[i] = (int32_t)index;
        if (index < l->n) continue;
        l->drug[l->n] = d->p_drug[p];
        l->scale[l->n++] = log1p(d->p_dose[p]) / M_LN10;
    }
    return SCP_OK;
}

scp_status scp_drug_labels_init(const scp_dataset *d, scp_drug_labels *out)
{
    scp_names *names = NULL;
    scp_status st = SCP_OK;
    *out = (scp_drug_labels){ 0 };
    SCP_GOTO(done, scp_alloc(d->N, sizeof *out->of_pair, &out->of_pair));
    SCP_GOTO(done, scp_alloc(d->N, sizeof *out->drug, &out->drug));
    SCP_GOTO(done, scp_alloc(d->N, sizeof *out->scale, &out->scale));
    SCP_GOTO(done, scp_names_create(&names));
    SCP_GOTO(done, number(d, names, out));
done:
    scp_names_destroy(&names);
    if (st != SCP_OK) scp_drug_labels_fini(out);
    return st;
}

void scp_drug_labels_fini(scp_drug_labels *l)
{
    free(l->drug);
    free(l->scale);
    free(l->of_pair);
    *l = (scp_drug_labels){ 0 };
}

void scp_drug_labels_scaled(const scp_drug_labels *l, const scp_dataset *d, size_t label,
                            float *out)
{
    const uint8_t *bits = d->fp + (size_t)l->drug[label] * SCP_FP_BITS;
    for (size_t b = 0; b < SCP_FP_BITS; b++) out[b] = bits[b] ? (float)l->scale[label] : 0;
}
