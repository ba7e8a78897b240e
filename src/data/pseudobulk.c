/* The collective part of pseudobulk: batches, and the streaming of the files that each needs. */
#include "data/pseudobulk.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/progress.h"
#include "data/bulk_impl.h"

static bool is_root(const scp_bulk_work *w)
{
    return scp_comm_rank(w->comm) == 0;
}

/* What all ranks must know of a file to read it. */
enum { FIRST, END, WANTED, CELLS, BYTES, MODIFIED, FACTS };

/* Rows of a file that the batch wants: all rows when the digest of the file is still to be taken,
 * else the range from the first wanted to the last; and what file it was when it was planned. */
static scp_status share_facts(scp_bulk_work *w, size_t file, int64_t fact[FACTS])
{
    const scp_bulk_plan *p = w->plan;
    memset(fact, 0, FACTS * sizeof *fact);
    for (size_t i = 0; is_root(w) && i < p->file_cells[file]; i++) {
        int32_t at = p->cell_slot[file][i];
        if (at < w->sink.first || at >= w->sink.end) continue;
        if (fact[WANTED]++ == 0) fact[FIRST] = (int64_t)i;
        fact[END] = (int64_t)i + 1;
    }
    if (is_root(w)) {
        fact[CELLS] = (int64_t)p->file_cells[file];
        fact[BYTES] = p->stamp[file].bytes;
        fact[MODIFIED] = p->stamp[file].modified;
    }
    if (is_root(w) && fact[WANTED] > 0 && !w->known[file]) {
        fact[FIRST] = 0;
        fact[END] = fact[CELLS];
    }
    SCP_TRY(scp_comm_bcast(w->comm, fact, FACTS, SCP_COMM_I64, 0));
    w->planned += fact[WANTED];
    return SCP_OK;
}

/* Slots of those rows; *slot is owned by the caller on ranks other than 0. */
static scp_status share_slots(const scp_bulk_work *w, size_t file, const int64_t fact[FACTS],
                              int32_t **slot)
{
    scp_status st = SCP_OK;
    size_t n = (size_t)(fact[END] - fact[FIRST]);
    if (is_root(w))
        *slot = w->plan->cell_slot[file] + fact[FIRST];
    else
        st = scp_alloc(n, sizeof **slot, slot);
    SCP_TRY(scp_agree(w->comm, st));
    return scp_comm_bcast(w->comm, *slot, n, SCP_COMM_I32, 0);
}

static scp_status add_file(scp_bulk_work *w, size_t file)
{
    scp_status st = SCP_OK;
    int64_t fact[FACTS];
    int32_t *slot = NULL;
    uint64_t digest = 0;
    SCP_GOTO(done, share_facts(w, file, fact));
    if (fact[WANTED] == 0) goto done;
    SCP_GOTO(done, share_slots(w, file, fact, &slot));
    const scp_bulk_rows rows = { .path = w->plan->path[file],
                                 .matrix = w->plan->matrix,
                                 .cells = (size_t)fact[CELLS],
                                 .genes = w->plan->G,
                                 .stamp = { fact[BYTES], fact[MODIFIED] },
                                 .first = (size_t)fact[FIRST],
                                 .n = (size_t)(fact[END] - fact[FIRST]),
                                 .slot = slot,
                                 .rank = scp_comm_rank(w->comm),
                                 .size = scp_comm_size(w->comm) };
    st = scp_bulk_read(&rows, &w->sink, w->known[file] ? NULL : &digest);
    SCP_GOTO(done, scp_agree(w->comm, st));
    if (w->known[file]) goto done;
    SCP_GOTO(done, scp_comm_allreduce(w->comm, &digest, 1, SCP_COMM_I64, SCP_COMM_SUM));
    w->digest[file] = digest;
    w->took[file] = 1;
done:
    if (!is_root(w)) free(slot);
    return st;
}

static void drop_batch(scp_bulk_work *w)
{
    scp_sums_fini(&w->sums);
    scp_part_fini(&w->part);
    free(w->place);
    w->place = NULL;
}

/* `only`: what comes out stays in the accumulators. */
static scp_status do_batch(scp_bulk_work *w, scp_bulk_range b, bool only)
{
    scp_status st = SCP_OK;
    const scp_bulk_plan *p = w->plan;
    const scp_sums_order order = { .G = p->G, .hot = p->hot, .place = p->place };
    w->sink.first = p->first_slot[b.first];
    w->sink.end = p->first_slot[b.end];
    w->part = (scp_part){ .plan = p->hash,
                          .first = b.first,
                          .end = b.end,
                          .rows = { b.end - b.first, scp_bulk_sub_bulks(p, b) },
                          .slots = scp_bulk_slots(p, b),
                          .n_files = p->n_files };
    w->planned = 0;
    memset(w->took, 0, p->n_files);
    memset(w->digest, 0, p->n_files * sizeof *w->digest);
    memset(w->detected, 0, p->G * sizeof *w->detected);
    st =
        scp_sums_create(&w->sums, &order, w->slot_train + w->sink.first, w->part.slots, p->threads);
    if (st == SCP_OK) st = scp_bulk_sink_begin(&w->sink);
    SCP_GOTO(done, scp_agree(w->comm, st));
    for (size_t f = 0; f < p->n_files; f++) SCP_GOTO(done, add_file(w, f));
    st = scp_bulk_sink_finish(&w->sink, w->detected, &w->part.train_cells, &w->part.empty_cells);
    SCP_GOTO(done, scp_agree(w->comm, st));
    SCP_GOTO(done, only ? scp_bulk_finish_only(w, b) : scp_bulk_finish(w, b));
    for (size_t f = 0; f < p->n_files; f++) w->known[f] |= w->took[f];
done:
    if (st != SCP_OK || !only) drop_batch(w);
    return st;
}

/* Cells of profiles that no part has. */
static int64_t cells_to_add(const scp_bulk_work *w)
{
    const scp_bulk_plan *p = w->plan;
    int64_t n = 0;
    for (scp_bulk_range g = scp_bulk_parts_gap(w->parts, 0, p->P); g.first < g.end;
         g = scp_bulk_parts_gap(w->parts, g.end, p->P)) {
        int32_t first = p->first_slot[g.first], end = p->first_slot[g.end];
        for (size_t f = 0; f < p->n_files; f++)
            for (size_t i = 0; i < p->file_cells[f]; i++)
                n += p->cell_slot[f][i] >= first && p->cell_slot[f][i] < end;
    }
    return n;
}

size_t scp_bulk_buffers(const scp_comm *comm, const scp_bulk_plan *p)
{
    size_t pack = scp_bulk_pack_bytes(p);
    size_t sink = scp_bulk_sink_bytes(p->threads, p->G, (size_t)p->first_slot[p->P]);
    const scp_rows_shape shape = { .columns = p->G, .single_writer = p->single_writer };
    if (scp_comm_size(comm) > 1) pack += pack / 2; /* MPI's, reducing */
    pack += scp_rows_file_buffer(comm, &shape);
    return (pack > sink ? pack : sink) + /* one after the other */
           p->G * (6 * sizeof(int64_t) + 3 * sizeof(int32_t) + 3 * sizeof(double));
}

/* Memory and progress of a run. Not collective. */
static scp_status prepare(scp_bulk_work *w)
{
    const scp_bulk_plan *p = w->plan;
    size_t slots = (size_t)p->first_slot[p->P];
    SCP_TRY(scp_alloc(slots, sizeof *w->slot_cells, &w->slot_cells));
    SCP_TRY(scp_alloc(slots, sizeof *w->slot_train, &w->slot_train));
    SCP_TRY(scp_alloc(p->G, sizeof *w->detected, &w->detected));
    SCP_TRY(scp_alloc(p->n_files, sizeof *w->known, &w->known));
    SCP_TRY(scp_alloc(p->n_files, sizeof *w->took, &w->took));
    SCP_TRY(scp_alloc(p->n_files, sizeof *w->digest, &w->digest));
    for (size_t i = 0; i < p->P; i++)
        memset(w->slot_train + p->first_slot[i], p->train[i],
               scp_bulk_slots(p, (scp_bulk_range){ i, i + 1 }));
    for (size_t i = 0; i < w->parts->n; i++)
        for (size_t f = 0; f < p->n_files; f++) w->known[f] |= w->parts->part[i].has_digest[f];
    w->pack_slots = scp_bulk_pack_slots(p, p->G);
    w->sink = (scp_bulk_sink){ .values = p->values,
                               .threads = p->threads,
                               .sums = &w->sums,
                               .slot_cells = w->slot_cells,
                               .slot_train = w->slot_train };
    SCP_TRY(scp_bulk_sink_open(&w->sink));
    int64_t cells = is_root(w) ? cells_to_add(w) : 0;
    return scp_progress_create("cells", cells, is_root(w) && cells > 0, &w->sink.progress.show);
}

void scp_bulk_work_destroy(scp_bulk_work **work)
{
    if (!work || !*work) return;
    scp_bulk_work *w = *work;
    drop_batch(w);
    scp_progress_destroy(&w->sink.progress.show);
    scp_bulk_sink_fini(&w->sink);
    free(w->slot_cells);
    free(w->slot_train);
    free(w->detected);
    free(w->known);
    free(w->took);
    free(w->digest);
    free(w);
    *work = NULL;
}

/* Every stretch of profiles that no part has, batch by batch. *only: it was one batch, and it is
 * in the accumulators. */
static scp_status do_gaps(scp_bulk_work *w, bool *only)
{
    const scp_bulk_plan *p = w->plan;
    *only = false;
    for (size_t from = 0;;) {
        scp_bulk_range gap = scp_bulk_parts_gap(w->parts, from, p->P);
        if (gap.first >= gap.end) return SCP_OK;
        scp_bulk_range batch = scp_bulk_batch(p, gap.first, gap.end);
        *only = !p->keep_parts && batch.first == 0 && batch.end == p->P;
        SCP_TRY(do_batch(w, batch, *only));
        from = batch.end;
    }
}

static scp_status alloc_result(const scp_bulk_plan *p, scp_bulk_result *out)
{
    SCP_TRY(scp_alloc((size_t)p->first_slot[p->P], sizeof *out->slot_cells, &out->slot_cells));
    SCP_TRY(scp_alloc(p->G, sizeof *out->detected, &out->detected));
    SCP_TRY(scp_alloc(p->G, sizeof *out->sum, &out->sum));
    SCP_TRY(scp_alloc(p->G, sizeof *out->square, &out->square));
    SCP_TRY(scp_alloc(p->n_files, sizeof *out->digest, &out->digest));
    return scp_alloc(p->n_files, sizeof *out->has_digest, &out->has_digest);
}

scp_status scp_bulk_run(scp_comm *comm, const scp_bulk_plan *plan, const char *dir, bool own,
                        scp_bulk_result *out)
{
    SCP_ARG(comm && plan && dir && out, "communicator, plan, folder and result are required");
    scp_status st = SCP_OK;
    scp_bulk_work *w = NULL;
    bool only = false;
    *out = (scp_bulk_result){ 0 };
    SCP_GOTO(done, scp_agree(comm, scp_alloc(1, sizeof *w, &w)));
    *w = (scp_bulk_work){ .comm = comm, .plan = plan };
    SCP_GOTO(done, scp_bulk_parts_open(comm, plan, dir, own, &out->parts));
    w->parts = out->parts;
    SCP_GOTO(done, scp_agree(comm, prepare(w)));
    SCP_GOTO(done, do_gaps(w, &only));
    st = alloc_result(plan, out);
    if (st == SCP_OK) st = scp_bulk_totals(plan, out);
    SCP_GOTO(done, scp_agree(comm, st));
    if (only) {
        scp_progress_destroy(&w->sink.progress.show);
        out->only = w;
        w = NULL;
    }
done:
    scp_bulk_work_destroy(&w);
    return st;
}

static void remove_parts(const scp_bulk_parts *p)
{
    char path[SCP_PATH_MAX];
    for (size_t i = 0; i < p->n; i++) {
        const scp_bulk_range r = { p->part[i].first, p->part[i].end };
        if (scp_bulk_part_path(p, r, path, sizeof path) == SCP_OK) scp_fs_remove(path);
    }
}

void scp_bulk_result_fini(scp_comm *comm, scp_bulk_result *r, bool keep)
{
    if (!r) return;
    if (r->parts && !keep && scp_comm_rank(comm) == 0) remove_parts(r->parts);
    scp_bulk_work_destroy(&r->only);
    scp_bulk_parts_destroy(&r->parts);
    free(r->slot_cells);
    free(r->detected);
    free(r->sum);
    free(r->square);
    free(r->digest);
    free(r->has_digest);
    *r = (scp_bulk_result){ 0 };
}
