/* The plan of a pseudobulk: sharing it, and cutting it into batches. */
#include <stdlib.h>

#include "base/mem.h"
#include "data/bulk_read.h"
#include "data/pseudobulk.h"

scp_status scp_bulk_plan_share(scp_comm *comm, scp_bulk_plan *p)
{
    SCP_ARG(comm && p, "communicator and plan are required");
    scp_status st = SCP_OK;
    bool root = scp_comm_rank(comm) == 0;
    int64_t head[] = { (int64_t)p->G,      (int64_t)p->P,   (int64_t)p->R,
                       (int64_t)p->values, (int64_t)p->hot, (int64_t)p->hash };
    SCP_TRY(scp_comm_bcast(comm, head, sizeof head / sizeof head[0], SCP_COMM_I64, 0));
    p->G = (size_t)head[0];
    p->P = (size_t)head[1];
    p->R = (size_t)head[2];
    p->values = (scp_values)head[3];
    p->hot = (size_t)head[4];
    p->hash = (uint64_t)head[5];
    if (!root) {
        st = scp_alloc(p->P + 1, sizeof *p->first_slot, &p->first_slot);
        SCP_KEEP(st, scp_alloc(p->P, sizeof *p->plate, &p->plate));
        SCP_KEEP(st, scp_alloc(p->P, sizeof *p->seam, &p->seam));
        SCP_KEEP(st, scp_alloc(p->P, sizeof *p->train, &p->train));
        SCP_KEEP(st, scp_alloc(p->G, sizeof *p->place, &p->place));
    }
    SCP_TRY(scp_agree(comm, st));
    SCP_TRY(scp_comm_bcast(comm, p->first_slot, p->P + 1, SCP_COMM_I32, 0));
    SCP_TRY(scp_comm_bcast(comm, p->plate, p->P, SCP_COMM_I32, 0));
    SCP_TRY(scp_comm_bcast(comm, p->seam, p->P, SCP_COMM_U8, 0));
    SCP_TRY(scp_comm_bcast(comm, p->place, p->G, SCP_COMM_I32, 0));
    return scp_comm_bcast(comm, p->train, p->P, SCP_COMM_U8, 0);
}

void scp_bulk_plan_fini(scp_bulk_plan *p)
{
    if (!p) return;
    for (size_t f = 0; p->cell_slot && f < p->n_files; f++) free(p->cell_slot[f]);
    free(p->cell_slot);
    free(p->file_cells);
    free(p->stamp);
    free(p->first_slot);
    free(p->plate);
    free(p->seam);
    free(p->train);
    free(p->place);
    *p = (scp_bulk_plan){ 0 };
}

size_t scp_bulk_slots(const scp_bulk_plan *p, scp_bulk_range r)
{
    return (size_t)(p->first_slot[r.end] - p->first_slot[r.first]);
}

size_t scp_bulk_sub_bulks(const scp_bulk_plan *p, scp_bulk_range r)
{
    size_t rows = 0;
    for (size_t i = r.first; i < r.end; i++) {
        size_t n = scp_bulk_slots(p, (scp_bulk_range){ i, i + 1 });
        rows += n > 1 ? n : 0;
    }
    return rows;
}

scp_bulk_range scp_bulk_batch(const scp_bulk_plan *p, size_t first, size_t limit)
{
    size_t room = p->memory / scp_sums_slot_bytes(p->G), end = first;
    while (end < limit) {
        size_t plate_end = end;
        while (plate_end < limit && p->plate[plate_end] == p->plate[end]) plate_end++;
        if (scp_bulk_slots(p, (scp_bulk_range){ first, plate_end }) > room) break;
        end = plate_end;
        if (end < limit && p->seam[end]) break;
    }
    if (end > first) return (scp_bulk_range){ first, end };
    for (end = first + 1; end < limit && p->plate[end] == p->plate[first]; end++)
        if (scp_bulk_slots(p, (scp_bulk_range){ first, end + 1 }) > room) break;
    return (scp_bulk_range){ first, end };
}
