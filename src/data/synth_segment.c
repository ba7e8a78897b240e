/* Drawing and packing a segment, see synth_segment.h.
 *
 * Cells are drawn line by line, whatever their order in the file, so that the tables of a line are
 * in cache for all its cells; each thread keeps the rows it drew, and packing gathers them in the
 * order of the file. */
#include "data/synth_segment.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/team.h"
#include "data/synth_rng.h"
#include "io/pack.h"

enum { MAX_CELLS = 2048, MIN_CELLS = 64, MANY_COUNTS = 6 << 20, TASK = 16 };

typedef struct member { /* of the team */
    scp_synth_drawer *drawer;
    scp_h5ad_rows rows;
    scp_packer *packer[2];
    void *raw, *packed; /* [chunk] of 8 bytes, [bound] */
    scp_synth_tally *tally;
} member;

typedef struct place { /* where a cell's counts are */
    int thread;
    size_t row;
} place;

struct scp_synth_segment {
    const scp_synth_design *d;
    scp_h5ad_write_options opt;
    size_t chunk;
    scp_synth_sampler *sampler;
    bool ready; /* the sampler is at plate, well */
    size_t plate, well;
    member *team; /* [opt.threads] */
    size_t rows;
    uint32_t *order; /* [MAX_CELLS] rows by line */
    int32_t *cell;   /* [MAX_CELLS] number in its key */
    place *place;    /* [MAX_CELLS] */
    int64_t *start;  /* [MAX_CELLS + 1] entries before a row */
    scp_synth_carry carry[2];
    int before;         /* index into carry */
    scp_synth_batch *b; /* of the job at hand */
    scp_status (*aside)(void *ctx);
    void *ctx;
    atomic_size_t next; /* task of the job at hand */
};

/* ---- spans and batches ---- */

/* Cells of a span: few enough for their counts to fit a fixed buffer. */
static int64_t span_cells(const scp_synth_design *d)
{
    double n = MANY_COUNTS / (2300.0 * d->cfg.depth * d->captured);
    return n > MAX_CELLS ? MAX_CELLS : n < MIN_CELLS ? MIN_CELLS : (int64_t)n;
}

scp_status scp_synth_spans(const scp_synth_design *d, size_t plate, scp_synth_span **out, size_t *n)
{
    int64_t most = span_cells(d);
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
        int64_t cells = 0;
        for (size_t c = 0; c < d->C; c++) cells += d->plate[plate].well[w].cells[c];
        for (int64_t first = 0; first < cells; first += most) {
            SCP_TRY(scp_grow(out, &cap, *n + 1, sizeof **out));
            (*out)[(*n)++] =
                (scp_synth_span){ plate, w, first, cells - first < most ? cells - first : most };
        }
    }
    return SCP_OK;
}

scp_status scp_synth_batch_reserve(scp_synth_batch *b, size_t rows, size_t chunks)
{
    SCP_TRY(scp_grow(&b->row, &b->cap, rows, sizeof *b->row));
    size_t cap = b->cap_chunks;
    SCP_TRY(scp_grow(&b->part[0], &cap, chunks, sizeof *b->part[0]));
    return scp_grow(&b->part[1], &b->cap_chunks, chunks, sizeof *b->part[1]);
}

void scp_synth_batch_fini(scp_synth_batch *b)
{
    for (int p = 0; p < 2; p++) {
        for (size_t i = 0; b->part[p] && i < b->cap_chunks; i++) free(b->part[p][i].bytes);
        free(b->part[p]);
    }
    free(b->row);
    *b = (scp_synth_batch){ 0 };
}

/* ---- life ---- */

static size_t chunk_bound(const scp_synth_segment *s, const member *m)
{
    size_t most = 0;
    for (int p = 0; p < 2; p++) {
        size_t width = scp_h5ad_pack_format(&s->opt, (scp_h5ad_part)p).width;
        size_t bound = scp_packer_bound(m->packer[p], s->chunk * width);
        if (bound > most) most = bound;
    }
    return most;
}

static scp_status fill_member(scp_synth_segment *s, member *m)
{
    SCP_TRY(scp_synth_drawer_create(s->sampler, &m->drawer));
    for (int p = 0; p < 2; p++) {
        scp_pack_format format = scp_h5ad_pack_format(&s->opt, (scp_h5ad_part)p);
        SCP_TRY(scp_packer_create(&format, &m->packer[p]));
    }
    SCP_TRY(scp_alloc(s->chunk, sizeof(int64_t), &m->raw));
    SCP_TRY(scp_alloc(chunk_bound(s, m), 1, &m->packed));
    return scp_alloc(1, sizeof *m->tally, &m->tally);
}

scp_status scp_synth_segment_create(const scp_synth_design *d, const scp_h5ad_write_options *opt,
                                    scp_synth_segment **out)
{
    scp_status st = SCP_OK;
    scp_synth_segment *s = NULL;
    *out = NULL;
    SCP_TRY(scp_alloc(1, sizeof *s, &s));
    s->d = d;
    s->opt = *opt;
    s->chunk = scp_h5ad_pack_chunk(opt);
    SCP_GOTO(fail, scp_synth_sampler_create(d, &s->sampler));
    SCP_GOTO(fail, scp_alloc((size_t)opt->threads, sizeof *s->team, &s->team));
    for (int t = 0; t < opt->threads; t++) SCP_GOTO(fail, fill_member(s, &s->team[t]));
    SCP_GOTO(fail, scp_alloc(MAX_CELLS, sizeof *s->order, &s->order));
    SCP_GOTO(fail, scp_alloc(MAX_CELLS, sizeof *s->cell, &s->cell));
    SCP_GOTO(fail, scp_alloc(MAX_CELLS, sizeof *s->place, &s->place));
    SCP_GOTO(fail, scp_alloc(MAX_CELLS + 1, sizeof *s->start, &s->start));
    for (int k = 0; k < 2; k++) {
        SCP_GOTO(fail, scp_alloc(s->chunk, sizeof *s->carry[k].column, &s->carry[k].column));
        SCP_GOTO(fail, scp_alloc(s->chunk, sizeof *s->carry[k].value, &s->carry[k].value));
    }
    *out = s;
    return SCP_OK;
fail:
    scp_synth_segment_destroy(&s);
    return st;
}

void scp_synth_segment_destroy(scp_synth_segment **sp)
{
    scp_synth_segment *s = sp ? *sp : NULL;
    if (!s) return;
    for (int t = 0; s->team && t < s->opt.threads; t++) {
        member *m = &s->team[t];
        scp_synth_drawer_destroy(&m->drawer);
        scp_h5ad_rows_fini(&m->rows);
        for (int p = 0; p < 2; p++) scp_packer_destroy(&m->packer[p]);
        free(m->raw);
        free(m->packed);
        free(m->tally);
    }
    for (int k = 0; k < 2; k++) {
        free(s->carry[k].column);
        free(s->carry[k].value);
    }
    scp_synth_sampler_destroy(&s->sampler);
    void *owned[] = { s->team, s->order, s->cell, s->place, s->start };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    free(s);
    *sp = NULL;
}

/* ---- drawing ---- */

/* Which cells the rows of a span are, and their order by line. */
static void list_cells(scp_synth_segment *s, const scp_synth_span *span, scp_synth_row *row)
{
    const scp_synth_plate *plate = &s->d->plate[span->plate];
    const scp_synth_well *well = &plate->well[span->well];
    uint64_t step = (uint64_t)plate->number << 40 | (uint64_t)span->well << 32 | SCP_SYNTH_S_ORDER;
    uint64_t total = 0;
    size_t first[SCP_SYNTH_LINES + 1] = { 0 };
    for (size_t c = 0; c < s->d->C; c++) total += (uint64_t)well->cells[c];
    for (size_t i = 0; i < s->rows; i++) {
        uint64_t serial = (uint64_t)span->first + i;
        int64_t k =
            (int64_t)scp_rng_permute((uint64_t)s->d->cfg.seed, SCP_RNG_SYNTH, step, total, serial);
        size_t line = 0;
        while (k >= well->cells[line]) k -= well->cells[line++];
        row[i] = (scp_synth_row){ .well = (uint8_t)span->well,
                                  .line = (uint8_t)line,
                                  .serial = (int32_t)serial };
        s->cell[i] = (int32_t)k;
        first[line + 1]++;
    }
    for (size_t c = 0; c < s->d->C; c++) first[c + 1] += first[c];
    for (size_t i = 0; i < s->rows; i++) s->order[first[row[i].line]++] = (uint32_t)i;
}

static void count_row(scp_synth_tally *t, const scp_h5ad_rows *rows, const scp_synth_cell *cell)
{
    int64_t at = cell->counts < SCP_SYNTH_BINS ? cell->counts : SCP_SYNTH_BINS - 1;
    t->counts[at]++;
    t->genes[cell->genes < SCP_SYNTH_BINS ? cell->genes : SCP_SYNTH_BINS - 1]++;
    t->cells++;
    t->sum_counts += cell->counts;
    t->nonzeros += cell->genes;
    t->mito_ppm += (int64_t)(1e6 * (double)cell->mito + 0.5);
    for (int64_t i = rows->indptr[rows->n_rows - 1]; i < rows->indptr[rows->n_rows]; i++)
        t->value[rows->value[i] < SCP_SYNTH_VALUE_BINS ? (int)rows->value[i]
                                                       : SCP_SYNTH_VALUE_BINS - 1]++;
}

static scp_status draw_cells(void *ctx, int thread)
{
    scp_synth_segment *s = ctx;
    member *m = &s->team[thread];
    if (thread == 0 && s->aside) SCP_TRY(s->aside(s->ctx));
    double start = scp_clock_thread_seconds();
    m->rows.n_rows = 0;
    for (size_t at; (at = atomic_fetch_add(&s->next, TASK)) < s->rows;)
        for (size_t k = at; k < at + TASK && k < s->rows; k++) {
            size_t i = s->order[k];
            scp_synth_row *row = &s->b->row[i];
            s->place[i] = (place){ thread, m->rows.n_rows };
            SCP_TRY(scp_synth_draw(m->drawer, row->line, s->cell[i], &m->rows, &row->cell));
            count_row(m->tally, &m->rows, &row->cell);
        }
    m->tally->draw_us += (int64_t)(1e6 * (scp_clock_thread_seconds() - start));
    return SCP_OK;
}

static scp_status go_to_well(scp_synth_segment *s, const scp_synth_span *span)
{
    if (s->ready && s->plate == span->plate && s->well == span->well) return SCP_OK;
    double start = scp_clock_thread_seconds();
    s->ready = false;
    SCP_TRY(scp_synth_sampler_well_team(s->sampler, span->plate, span->well, s->opt.threads));
    s->plate = span->plate;
    s->well = span->well;
    s->ready = true;
    s->team[0].tally->table_us +=
        (int64_t)(1e6 * (scp_clock_thread_seconds() - start)) * s->opt.threads;
    return SCP_OK;
}

scp_status scp_synth_segment_draw(scp_synth_segment *s, const scp_synth_span *span,
                                  scp_status (*aside)(void *ctx), void *ctx, scp_synth_batch *b,
                                  int64_t *entries)
{
    s->rows = span ? (size_t)span->n : 0;
    SCP_TRY(scp_synth_batch_reserve(b, s->rows, 0));
    b->rows = s->rows;
    b->chunks = 0;
    if (span) {
        SCP_TRY(go_to_well(s, span));
        list_cells(s, span, b->row);
    }
    s->b = b;
    s->aside = aside;
    s->ctx = ctx;
    atomic_store(&s->next, 0);
    SCP_TRY(scp_team_run(s->opt.threads, draw_cells, s));
    for (size_t i = 0; i < s->rows; i++) s->start[i + 1] = s->start[i] + b->row[i].cell.genes;
    *entries = s->start[s->rows];
    return SCP_OK;
}

/* ---- packing ---- */

size_t scp_synth_chunk_bound(const scp_synth_segment *s)
{
    return chunk_bound(s, &s->team[0]);
}

scp_synth_carry *scp_synth_segment_before(scp_synth_segment *s)
{
    return &s->carry[s->before];
}

scp_synth_carry *scp_synth_segment_after(scp_synth_segment *s)
{
    return &s->carry[!s->before];
}

void scp_synth_segment_turn(scp_synth_segment *s)
{
    s->before = !s->before;
}

/* Row that holds entry `at`. */
static size_t row_of(const scp_synth_segment *s, int64_t at)
{
    size_t low = 0, high = s->rows;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        *(s->start[mid] <= at ? &low : &high) = mid;
    }
    return low;
}

/* Entries [at, at + n) of carry and rows, values or columns: copied out as 4-byte words. */
static void gather(const scp_synth_segment *s, scp_h5ad_part part, size_t at, size_t n, void *out)
{
    const scp_synth_carry *before = &s->carry[s->before];
    char *to = out;
    size_t some = at < before->n ? before->n - at : 0;
    if (some > n) some = n;
    const void *from =
        part == SCP_H5AD_VALUES ? (void *)(before->value + at) : (void *)(before->column + at);
    if (some > 0) memcpy(to, from, some * 4);
    to += some * 4;
    n -= some;
    int64_t next = (int64_t)(at + some - before->n);
    for (size_t i = n > 0 ? row_of(s, next) : 0; n > 0; i++) {
        const scp_h5ad_rows *rows = &s->team[s->place[i].thread].rows;
        size_t skip = (size_t)(next - s->start[i]), have = (size_t)(s->start[i + 1] - next);
        size_t in_row = (size_t)rows->indptr[s->place[i].row] + skip;
        some = have < n ? have : n;
        memcpy(to,
               part == SCP_H5AD_VALUES ? (void *)(rows->value + in_row)
                                       : (void *)(rows->column + in_row),
               some * 4);
        to += some * 4;
        n -= some;
        next += (int64_t)some;
    }
}

void scp_synth_segment_cut(scp_synth_segment *s, scp_synth_batch *b)
{
    const scp_synth_carry *before = scp_synth_segment_before(s);
    scp_synth_carry *after = scp_synth_segment_after(s);
    size_t total = before->n + (size_t)s->start[s->rows];
    b->chunks = total / s->chunk;
    after->n = total % s->chunk;
    gather(s, SCP_H5AD_COLUMNS, total - after->n, after->n, after->column);
    gather(s, SCP_H5AD_VALUES, total - after->n, after->n, after->value);
}

static scp_status pack_chunk(scp_synth_segment *s, member *m, scp_h5ad_part part, size_t at)
{
    scp_synth_chunk *c = &s->b->part[part][at];
    scp_packer *packer = m->packer[part];
    size_t width = scp_h5ad_pack_format(&s->opt, part).width, bytes = s->chunk * width;
    char *raw = m->raw;
    int32_t *narrow = (int32_t *)(void *)(raw + bytes - 4 * s->chunk); /* in place, upper half */
    gather(s, part, at * s->chunk, s->chunk, narrow);
    if (width == sizeof(int64_t))
        for (size_t i = 0; i < s->chunk; i++) {
            int64_t wide = narrow[i]; /* read before 8 i + 8 bytes are overwritten */
            memcpy(raw + i * sizeof wide, &wide, sizeof wide);
        }
    SCP_TRY(scp_packer_run(packer, raw, bytes, m->packed, &c->n));
    SCP_TRY(scp_grow(&c->bytes, &c->cap, c->n, 1));
    memcpy(c->bytes, m->packed, c->n);
    return SCP_OK;
}

static scp_status pack_chunks(void *ctx, int thread)
{
    scp_synth_segment *s = ctx;
    member *m = &s->team[thread];
    double start = scp_clock_thread_seconds();
    for (size_t at; (at = atomic_fetch_add(&s->next, 1)) < 2 * s->b->chunks;)
        SCP_TRY(pack_chunk(s, m, (scp_h5ad_part)(at % 2), at / 2));
    m->tally->pack_us += (int64_t)(1e6 * (scp_clock_thread_seconds() - start));
    return SCP_OK;
}

scp_status scp_synth_segment_pack(scp_synth_segment *s, scp_synth_batch *b)
{
    s->b = b;
    atomic_store(&s->next, 0);
    if (b->chunks == 0) return SCP_OK;
    return scp_team_run(s->opt.threads, pack_chunks, s);
}

void scp_synth_segment_tally(const scp_synth_segment *s, scp_synth_tally *t)
{
    int64_t *sum = (int64_t *)(void *)t;
    for (int k = 0; k < s->opt.threads; k++) {
        const int64_t *one = (const int64_t *)(const void *)s->team[k].tally;
        for (size_t i = 0; i < sizeof *t / sizeof *sum; i++) sum[i] += one[i];
    }
}
