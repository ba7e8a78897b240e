/* The plan of a run as text: what --dry-run says. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/bulk_sums.h"
#include "data/prep_memory.h"

typedef struct batches {
    size_t n, cap;
    scp_bulk_range *range;
    int32_t *of_slot; /* [slots] batch of a slot */
} batches;

static scp_status cut(const scp_bulk_plan *b, batches *all)
{
    SCP_TRY(scp_alloc((size_t)b->first_slot[b->P], sizeof *all->of_slot, &all->of_slot));
    for (size_t at = 0; at < b->P;) {
        scp_bulk_range r = scp_bulk_batch(b, at, b->P);
        SCP_TRY(scp_grow(&all->range, &all->cap, all->n + 1, sizeof *all->range));
        for (int32_t s = b->first_slot[r.first]; s < b->first_slot[r.end]; s++)
            all->of_slot[s] = (int32_t)all->n;
        all->range[all->n++] = r;
        at = r.end;
    }
    return SCP_OK;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* One line a file: its cells, and how often its matrix is read. */
static scp_status print_files(const scp_prep_plan *p, const batches *all, scp_strbuf *t)
{
    scp_status st = SCP_OK;
    uint8_t *seen = NULL;
    SCP_TRY(scp_alloc(all->n, 1, &seen));
    for (size_t f = 0; f < p->n_files; f++) {
        size_t kept = 0, passes = 0;
        memset(seen, 0, all->n);
        for (size_t i = 0; i < p->bulk.file_cells[f]; i++) {
            int32_t slot = p->bulk.cell_slot[f][i];
            if (slot < 0) continue;
            kept++;
            seen[all->of_slot[slot]] = 1;
        }
        for (size_t i = 0; i < all->n; i++) passes += seen[i];
        SCP_GOTO(done, scp_strbuf_addf(
                           t, "  file         %s: %lld cells, %zu kept, %.1f MiB, %zu pass%s\n",
                           p->path[f], (long long)p->input[f].cells, kept,
                           (double)p->input[f].bytes / 1048576, passes, passes == 1 ? "" : "es"));
    }
done:
    free(seen);
    return st;
}

static scp_status print_left(const scp_prep_plan *p, scp_strbuf *t)
{
    for (int why = SCP_CELL_KEPT + 1; why < SCP_CELL_COUNT; why++)
        if (p->keys.left.cells[why] > 0)
            SCP_TRY(scp_strbuf_addf(t, "  left out     %lld cells: %s\n",
                                    (long long)p->keys.left.cells[why],
                                    scp_cell_left_name((scp_cell_left)why)));
    for (int why = SCP_LEFT_NONE + 1; why < SCP_LEFT_COUNT; why++) {
        int64_t cells = 0;
        size_t keys = p->pairing.n_left[why];
        for (size_t i = 0; i < p->keys.n; i++)
            if (p->pairing.left[i] == why) cells += p->keys.cells[i];
        if (keys > 0)
            SCP_TRY(scp_strbuf_addf(t, "  left out     %zu key%s of %lld cells: %s\n", keys,
                                    plural(keys), (long long)cells, scp_left_name((scp_left)why)));
    }
    return SCP_OK;
}

static scp_status print_keys(const scp_prep_plan *p, scp_strbuf *t)
{
    const scp_dataset *d = &p->tables;
    size_t pairs[SCP_SPLIT_COUNT] = { 0 };
    for (size_t i = 0; i < d->N; i++) pairs[d->split[i]]++;
    SCP_TRY(scp_strbuf_addf(t, "  keys         %zu: %zu profiles, %zu pairs, %zu sub-bulks\n",
                            p->keys.n, d->P, d->N, p->bulk.R));
    SCP_TRY(scp_strbuf_addf(t, "  names        %zu drugs, %zu cell lines, %zu plate%s, %zu genes\n",
                            d->n_drugs, d->n_lines, d->n_plates, plural(d->n_plates), p->bulk.G));
    SCP_TRY(scp_strbuf_addf(t, "  pairs       "));
    for (int s = 0; s < SCP_SPLIT_COUNT; s++)
        SCP_TRY(scp_strbuf_addf(t, " %s %zu%s", scp_split_name((scp_split)s), pairs[s],
                                s + 1 < SCP_SPLIT_COUNT ? "," : "\n"));
    return SCP_OK;
}

static double mib(size_t bytes)
{
    return (double)bytes / 1048576;
}

static scp_status print_batches(const scp_prep_plan *p, const batches *all, scp_strbuf *t)
{
    const scp_bulk_plan *b = &p->bulk;
    size_t slots = (size_t)b->first_slot[b->P], most = 0;
    for (size_t i = 0; i < all->n; i++) {
        size_t n = scp_bulk_slots(b, all->range[i]);
        if (n > most) most = n;
    }
    return scp_strbuf_addf(t, "  batches      %zu of at most %zu of %zu slots (%.1f MiB of sums)\n",
                           all->n, most, slots, mib(most * scp_sums_slot_bytes(b->G)));
}

static scp_status print_memory(const scp_comm *comm, const scp_prep_plan *p, scp_strbuf *t)
{
    scp_prep_memory m;
    SCP_TRY(scp_prep_memory_plan(comm, p, &m));
    const struct {
        const char *what;
        size_t bytes;
    } line[] = {
        { "planning (resident)", m.now },    { "sums, at most", m.sums },
        { "reader, all threads", m.reader }, { "exchange and threads", m.buffers },
        { "HDF5 and MPI-IO", m.system },     { "peak to be expected", m.peak },
    };
    for (size_t i = 0; i < sizeof line / sizeof line[0]; i++)
        SCP_TRY(scp_strbuf_addf(t, "  memory       %-21s %10.1f MiB a rank\n", line[i].what,
                                mib(line[i].bytes)));
    return SCP_OK;
}

static scp_status print_disk(const scp_prep_plan *p, const batches *all, scp_strbuf *t)
{
    const scp_bulk_plan *b = &p->bulk;
    size_t bytes = (b->P + b->R) * b->G * sizeof(float);
    if (all->n == 1 && !b->keep_parts)
        SCP_TRY(scp_strbuf_addf(t, "  disk         no parts: the one batch goes into the shard\n"));
    else
        SCP_TRY(scp_strbuf_addf(t, "  disk         parts %.1f MiB at most, %s at the end\n",
                                mib(bytes), b->keep_parts ? "kept" : "removed"));
    return scp_strbuf_addf(t, "  disk         shard %.1f MiB at most (genes %s)\n", mib(bytes),
                           p->set->genes);
}

scp_status scp_prep_plan_print(const scp_comm *comm, const scp_prep_plan *p, scp_strbuf *t)
{
    SCP_ARG(comm && p && t, "plan and text are required");
    scp_status st = SCP_OK;
    batches all = { 0 };
    int ranks = scp_comm_size(comm);
    SCP_GOTO(done, cut(&p->bulk, &all));
    SCP_GOTO(done, scp_strbuf_addf(t, "plan of %s for %d rank%s x %d thread%s\n", p->set->output,
                                   ranks, plural((size_t)ranks), p->bulk.threads,
                                   plural((size_t)p->bulk.threads)));
    SCP_GOTO(done, print_files(p, &all, t));
    SCP_GOTO(done, print_left(p, t));
    SCP_GOTO(done, print_keys(p, t));
    SCP_GOTO(done, print_batches(p, &all, t));
    SCP_GOTO(done, print_memory(comm, p, t));
    SCP_GOTO(done, print_disk(p, &all, t));
done:
    free(all.of_slot);
    free(all.range);
    return st;
}
