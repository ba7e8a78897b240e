/* Writing a plate by a group of ranks.
 *
 * Rounds: in round t rank r draws span t x ranks + r. Then all learn how many entries each has, the
 * carry goes from rank to rank along the chain (and from the last to rank 0, for the next round),
 * and every rank packs the chunks that end in its span. While the next round is drawn, ranks send
 * rows and packed chunks to rank 0, which writes them in order. So a chunk holds the same entries
 * for any number of ranks, and rank 0 holds one rank's rows and one chunk at a time. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "data/synth_plate.h"

typedef struct plate_job {
    scp_comm *comm;
    int rank, ranks;
    const scp_synth_design *d;
    scp_synth_segment *s;
    scp_synth_span *span;
    size_t n_spans, next;         /* first span of the round at hand */
    int64_t offset;               /* entries before this round */
    int64_t *entries;             /* [ranks] of this round */
    size_t chunk;                 /* entries */
    scp_synth_batch batch[2], in; /* alternating; in: rows and a chunk received */
    int at;
    /* what the last round left to deliver */
    bool due;
    size_t due_first;   /* its first span */
    size_t *due_chunks; /* [ranks] */
    int64_t write_us;
    /* rank 0 */
    scp_h5ad_writer *w;
    scp_synth_obs *obs;
} plate_job;

scp_h5ad_write_options scp_synth_storage(const scp_synth_design *d)
{
    return (scp_h5ad_write_options){
        .csr = true, .index64 = true, .deflate = (int)d->cfg.deflate, .threads = (int)d->cfg.threads
    };
}

/* Rows of rank r in the round that began at span `first`. */
static size_t rows_of(const plate_job *j, size_t first, int r)
{
    size_t at = first + (size_t)r;
    return at < j->n_spans ? (size_t)j->span[at].n : 0;
}

/* ---- deliver ---- */

static scp_status send_batch(plate_job *j, const scp_synth_batch *b)
{
    SCP_TRY(scp_comm_send(j->comm, b->row, b->rows * sizeof *b->row, 0));
    for (size_t i = 0; i < 2 * b->chunks; i++) {
        const scp_synth_chunk *c = &b->part[i % 2][i / 2];
        SCP_TRY(scp_comm_send(j->comm, &c->n, sizeof c->n, 0));
        SCP_TRY(scp_comm_send(j->comm, c->bytes, c->n, 0));
    }
    return SCP_OK;
}

static void add_time(int64_t *us, double start)
{
    *us += (int64_t)(1e6 * (scp_clock_thread_seconds() - start));
}

static scp_status write_own(plate_job *j, const scp_synth_batch *b)
{
    SCP_TRY(scp_synth_obs_append(j->obs, b->row, b->rows));
    for (size_t i = 0; i < 2 * b->chunks; i++) {
        const scp_synth_chunk *c = &b->part[i % 2][i / 2];
        SCP_TRY(scp_h5ad_write_packed(j->w, (scp_h5ad_part)(i % 2), c->bytes, c->n));
    }
    return SCP_OK;
}

/* Receive and write the batch of rank r. *st: of writing; receiving goes on when that failed, or
 * the sender would wait for ever. Returns what the communicator says. */
static scp_status receive_batch(plate_job *j, int r, scp_status *st)
{
    scp_synth_chunk *c = &j->in.part[0][0];
    size_t rows = rows_of(j, j->due_first, r);
    SCP_TRY(scp_comm_recv(j->comm, j->in.row, rows * sizeof *j->in.row, r));
    double start = scp_clock_thread_seconds();
    if (*st == SCP_OK) *st = scp_synth_obs_append(j->obs, j->in.row, rows);
    add_time(&j->write_us, start);
    for (size_t i = 0; i < 2 * j->due_chunks[r]; i++) {
        SCP_TRY(scp_comm_recv(j->comm, &c->n, sizeof c->n, r));
        SCP_ARG(c->n <= c->cap, "rank %d sends a chunk of %zu bytes", r, c->n);
        SCP_TRY(scp_comm_recv(j->comm, c->bytes, c->n, r));
        start = scp_clock_thread_seconds();
        if (*st == SCP_OK)
            *st = scp_h5ad_write_packed(j->w, (scp_h5ad_part)(i % 2), c->bytes, c->n);
        add_time(&j->write_us, start);
    }
    return SCP_OK;
}

/* Bring the last round's batches to the file. */
static scp_status deliver(void *ctx)
{
    plate_job *j = ctx;
    const scp_synth_batch *b = &j->batch[!j->at];
    scp_status st = SCP_OK;
    if (!j->due) return SCP_OK;
    j->due = false;
    if (j->rank > 0) {
        SCP_TRY(send_batch(j, b));
    } else {
        double start = scp_clock_thread_seconds();
        st = write_own(j, b);
        add_time(&j->write_us, start);
        for (int r = 1; r < j->ranks; r++) SCP_TRY(receive_batch(j, r, &st));
    }
    return st;
}

/* ---- rounds ---- */

static scp_status share_entries(plate_job *j, int64_t mine)
{
    memset(j->entries, 0, (size_t)j->ranks * sizeof *j->entries);
    j->entries[j->rank] = mine;
    return scp_comm_allreduce(j->comm, j->entries, (size_t)j->ranks, SCP_COMM_I64, SCP_COMM_SUM);
}

static scp_status send_carry(plate_job *j, const scp_synth_carry *c, int to)
{
    SCP_TRY(scp_comm_send(j->comm, c->column, c->n * sizeof *c->column, to));
    return scp_comm_send(j->comm, c->value, c->n * sizeof *c->value, to);
}

static scp_status receive_carry(plate_job *j, scp_synth_carry *c, size_t n, int from)
{
    c->n = n;
    SCP_TRY(scp_comm_recv(j->comm, c->column, n * sizeof *c->column, from));
    return scp_comm_recv(j->comm, c->value, n * sizeof *c->value, from);
}

/* Entries before this rank in *offset, and the chunks that end with each rank; j->offset goes on to
 * the next round. */
static void count_chunks(plate_job *j, int64_t *offset)
{
    for (int r = 0; r < j->ranks; r++) {
        if (r == j->rank) *offset = j->offset;
        size_t before = (size_t)(j->offset % (int64_t)j->chunk) + (size_t)j->entries[r];
        j->due_chunks[r] = before / j->chunk;
        j->offset += j->entries[r];
    }
}

/* The carry along the chain of ranks: it ends with rank 0, for the next round. All memory is there:
 * a rank that stopped here would leave the next one waiting. */
static scp_status pass_carry(plate_job *j, scp_synth_batch *b, int64_t offset)
{
    int last = j->ranks - 1;
    if (j->rank > 0)
        SCP_TRY(receive_carry(j, scp_synth_segment_before(j->s),
                              (size_t)(offset % (int64_t)j->chunk), j->rank - 1));
    scp_synth_segment_cut(j->s, b);
    if (last == 0) return SCP_OK;
    SCP_TRY(send_carry(j, scp_synth_segment_after(j->s), j->rank == last ? 0 : j->rank + 1));
    if (j->rank == 0)
        SCP_TRY(receive_carry(j, scp_synth_segment_after(j->s),
                              (size_t)(j->offset % (int64_t)j->chunk), last));
    return SCP_OK;
}

static scp_status run_round(plate_job *j)
{
    size_t mine = j->next + (size_t)j->rank;
    const scp_synth_span *span = mine < j->n_spans ? &j->span[mine] : NULL;
    scp_synth_batch *b = &j->batch[j->at];
    int64_t entries = 0, offset = 0;
    scp_status st = scp_synth_segment_draw(j->s, span, deliver, j, b, &entries);
    if (j->due) SCP_KEEP(st, deliver(j)); /* failed before: the others wait all the same */
    SCP_TRY(scp_agree(j->comm, st));
    SCP_TRY(share_entries(j, entries));
    count_chunks(j, &offset);
    st = scp_synth_batch_reserve(b, 0, j->due_chunks[j->rank]);
    SCP_TRY(scp_agree(j->comm, st));
    SCP_TRY(pass_carry(j, b, offset));
    st = scp_synth_segment_pack(j->s, b);
    SCP_TRY(scp_agree(j->comm, st));
    scp_synth_segment_turn(j->s);
    j->due = true;
    j->due_first = j->next;
    j->next += (size_t)j->ranks;
    j->at = !j->at;
    return SCP_OK;
}

/* ---- file ---- */

static scp_status write_var(plate_job *j)
{
    const char **name = NULL;
    SCP_TRY(scp_alloc(j->d->G, sizeof *name, &name));
    for (size_t g = 0; g < j->d->G; g++) name[g] = j->d->gene[g];
    scp_status st = scp_h5ad_write_index(j->w, "var", "gene_name", name);
    free(name);
    return st;
}

static scp_status begin(plate_job *j, size_t plate, const char *path)
{
    scp_h5ad_write_options opt = scp_synth_storage(j->d);
    size_t ranks = (size_t)j->ranks, most = 0;
    scp_synth_segment_before(j->s)->n = 0;
    j->chunk = scp_h5ad_pack_chunk(&opt);
    SCP_TRY(scp_alloc(ranks, sizeof *j->entries, &j->entries));
    SCP_TRY(scp_alloc(ranks, sizeof *j->due_chunks, &j->due_chunks));
    SCP_TRY(scp_synth_spans(j->d, plate, &j->span, &j->n_spans));
    if (j->rank > 0) return SCP_OK;
    for (size_t i = 0; i < j->n_spans; i++)
        if ((size_t)j->span[i].n > most) most = (size_t)j->span[i].n;
    SCP_TRY(scp_synth_batch_reserve(&j->in, most, 1));
    scp_synth_chunk *c = &j->in.part[0][0];
    SCP_TRY(scp_grow(&c->bytes, &c->cap, scp_synth_chunk_bound(j->s), 1));
    opt.threads = 1; /* chunks come packed */
    SCP_TRY(scp_h5ad_writer_create(path, (size_t)scp_synth_plate_cells(j->d, plate), j->d->G, &opt,
                                   &j->w));
    return scp_synth_obs_create(j->d, plate, j->w, &j->obs);
}

static scp_status finish(plate_job *j, int64_t *full)
{
    SCP_TRY(deliver(j));
    if (j->rank > 0) return SCP_OK;
    const scp_synth_carry *rest = scp_synth_segment_before(j->s);
    double start = scp_clock_thread_seconds();
    SCP_TRY(scp_h5ad_write_entries(j->w, rest->column, rest->value, rest->n));
    SCP_TRY(scp_synth_obs_end(j->obs, full));
    scp_synth_obs_destroy(&j->obs);
    SCP_TRY(write_var(j));
    SCP_TRY(scp_h5ad_writer_commit(&j->w));
    add_time(&j->write_us, start);
    return SCP_OK;
}

scp_status scp_synth_write_plate(scp_comm *comm, const scp_synth_design *d, scp_synth_segment *s,
                                 size_t plate, const char *path, int64_t *full, int64_t *write_us)
{
    plate_job j = {
        .comm = comm, .rank = scp_comm_rank(comm), .ranks = scp_comm_size(comm), .d = d, .s = s
    };
    scp_status st = begin(&j, plate, path);
    *full = 0;
    SCP_GOTO(done, scp_agree(comm, st));
    while (j.next < j.n_spans) SCP_GOTO(done, run_round(&j));
    st = finish(&j, full);
    SCP_GOTO(done, scp_agree(comm, st));
done:
    *write_us = j.write_us;
    scp_synth_obs_destroy(&j.obs);
    scp_h5ad_writer_abort(&j.w);
    for (int k = 0; k < 2; k++) scp_synth_batch_fini(&j.batch[k]);
    scp_synth_batch_fini(&j.in);
    free(j.entries);
    free(j.due_chunks);
    free(j.span);
    return st;
}
