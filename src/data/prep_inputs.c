/* Inputs are looked at before they are read, see prep_inputs.h. */
#include "data/prep_inputs.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/h5_probe.h"

enum { JOBS = 4 }; /* files looked at at a time */

static scp_status probe(const scp_prep_plan *p)
{
    const scp_obs_map *m = &p->map;
    const char *const column[] = { m->line,  m->drug,   m->dose, m->unit,
                                   m->plate, m->smiles, m->moa,  m->qc };
    scp_probe_request *r = NULL;
    SCP_TRY(scp_alloc(p->n_files, sizeof *r, &r));
    for (size_t i = 0; i < p->n_files; i++)
        r[i] = (scp_probe_request){ .path = p->path[i],
                                    .matrix = p->bulk.matrix,
                                    .gene = p->set->var_gene,
                                    .obs = column,
                                    .n_obs = sizeof column / sizeof column[0] };
    scp_status st = scp_probe_h5ad(r, p->n_files, JOBS);
    free(r);
    return st;
}

scp_status scp_prep_inputs_look(scp_comm *comm, const scp_prep_plan *p)
{
    SCP_ARG(comm && p && p->set, "communicator and plan are required");
    scp_status st = SCP_OK;
    if (p->set->probe && scp_comm_rank(comm) == 0) st = probe(p);
    return scp_agree(comm, st);
}
