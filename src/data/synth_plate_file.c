/* One plate as an h5ad file, column by column as Tahoe-100M's own plates. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "data/synth_rng.h"
#include "data/synth_write.h"

enum { BLOCK = 4096, SUBLIBRARIES = 16, FIRST_SUBLIBRARY = 1009, FIRST_SAMPLE = 1495, ROUND = 384 };
enum { BARCODE_CHARS = 24, INDEX_CHARS = 40, LABEL_CHARS = 32 };

static const double minimal_share = 0.05;
static const char vehicle[] = "DMSO_TF";

typedef struct row { /* one cell */
    uint8_t well, line;
    int32_t serial; /* in its well */
    bool full;
    scp_synth_cell cell;
} row;

typedef struct plate_file {
    const scp_synth_design *d;
    const scp_synth_plate *plate;
    scp_h5ad_writer *w;
    size_t n;
    row *row;      /* [n] */
    int32_t *code; /* [n] scratch of a categorical column */
    void *number;  /* [n] scratch, 8 bytes each */
} plate_file;

scp_status scp_synth_dose_label(const char *drug, const char *dose, scp_strbuf *out)
{
    char quote = strchr(drug, '\'') && !strchr(drug, '"') ? '"' : '\'';
    SCP_TRY(scp_strbuf_addf(out, "[(%c", quote));
    for (const char *s = drug; *s; s++) {
        if (*s == quote || *s == '\\') SCP_TRY(scp_strbuf_addn(out, "\\", 1));
        SCP_TRY(scp_strbuf_addn(out, s, 1));
    }
    return scp_strbuf_addf(out, "%c, %s, 'uM')]", quote, dose);
}

/* ---- cells ---- */

/* Cell k of a well, counted line by line: its line, and its number in the key. */
static size_t line_of(const scp_synth_well *well, int64_t k, int32_t *cell)
{
    size_t c = 0;
    while (k >= well->cells[c]) k -= well->cells[c++];
    *cell = (int32_t)k;
    return c;
}

static void tally_row(scp_synth_tally *t, const scp_h5ad_rows *rows, const scp_synth_cell *cell)
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

static scp_status flush_rows(plate_file *f, scp_h5ad_rows *rows, scp_synth_tally *t)
{
    double start = scp_clock_seconds();
    if (rows->n_rows > 0) SCP_TRY(scp_h5ad_write_rows(f->w, rows));
    rows->n_rows = 0;
    t->write_us += (int64_t)(1e6 * (scp_clock_seconds() - start));
    return SCP_OK;
}

/* The cells of a well in an order that mixes its lines. */
static scp_status write_well(plate_file *f, scp_synth_sampler *s, size_t w, size_t *at,
                             scp_h5ad_rows *rows, scp_synth_tally *t)
{
    const scp_synth_well *well = &f->plate->well[w];
    int64_t n = 0;
    double start = scp_clock_seconds();
    for (size_t c = 0; c < f->d->C; c++) n += well->cells[c];
    if (n == 0) return SCP_OK;
    scp_synth_sampler_well(s, (size_t)(f->plate - f->d->plate), w);
    uint64_t step = (uint64_t)f->plate->number << 40 | (uint64_t)w << 32 | SCP_SYNTH_S_ORDER;
    for (int64_t k = 0; k < n; k++) {
        row *r = &f->row[(*at)++];
        int32_t cell;
        size_t line = line_of(well,
                              (int64_t)scp_rng_permute((uint64_t)f->d->cfg.seed, SCP_RNG_SYNTH,
                                                       step, (uint64_t)n, (uint64_t)k),
                              &cell);
        r->well = (uint8_t)w;
        r->line = (uint8_t)line;
        r->serial = (int32_t)k;
        SCP_TRY(scp_synth_sampler_cell(s, line, cell, rows, &r->cell));
        tally_row(t, rows, &r->cell);
        if (rows->n_rows == BLOCK) {
            t->draw_us += (int64_t)(1e6 * (scp_clock_seconds() - start));
            SCP_TRY(flush_rows(f, rows, t));
            start = scp_clock_seconds();
        }
    }
    t->draw_us += (int64_t)(1e6 * (scp_clock_seconds() - start));
    return SCP_OK;
}

static scp_status write_counts(plate_file *f, scp_synth_sampler *s, scp_synth_tally *t)
{
    scp_status st = SCP_OK;
    scp_h5ad_rows rows = { 0 };
    size_t at = 0;
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) SCP_GOTO(done, write_well(f, s, w, &at, &rows, t));
    SCP_GOTO(done, flush_rows(f, &rows, t));
done:
    scp_h5ad_rows_fini(&rows);
    return st;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The cells with fewest genes, ties by their place in the file, are `minimal`. */
static void judge_quality(plate_file *f, scp_synth_tally *t)
{
    uint64_t *order = f->number;
    for (size_t i = 0; i < f->n; i++) {
        order[i] = (uint64_t)f->row[i].cell.genes << 32 | i;
        f->row[i].full = true;
    }
    qsort(order, f->n, sizeof *order, by_value);
    size_t minimal = (size_t)(minimal_share * (double)f->n);
    for (size_t i = 0; i < minimal; i++) f->row[(uint32_t)order[i]].full = false;
    t->full += (int64_t)(f->n - minimal);
}

/* ---- columns ---- */

typedef struct label {
    char *text;
    int32_t old;
} label;

static int by_text(const void *a, const void *b)
{
    return strcmp(((const label *)a)->text, ((const label *)b)->text);
}

/* Write a categorical from codes in f->code and their labels: sorted, repeats merged, those that no
 * row uses dropped, as pandas makes them. text[i] may be NULL when nothing uses it. */
static scp_status write_category(plate_file *f, const char *column, char **text, size_t n)
{
    scp_status st = SCP_OK;
    label *l = NULL;
    int32_t *to = NULL;
    const char **name = NULL;
    size_t used = 0, merged = 0;
    SCP_GOTO(done, scp_alloc(n, sizeof *to, &to));
    SCP_GOTO(done, scp_alloc(n, sizeof *l, &l));
    SCP_GOTO(done, scp_alloc(n, sizeof *name, &name));
    for (size_t i = 0; i < f->n; i++) to[f->code[i]] = 1;
    for (size_t i = 0; i < n; i++)
        if (to[i]) l[used++] = (label){ text[i], (int32_t)i };
    qsort(l, used, sizeof *l, by_text);
    for (size_t i = 0; i < used; i++) {
        if (i == 0 || strcmp(l[i].text, l[i - 1].text) != 0) name[merged++] = l[i].text;
        to[l[i].old] = (int32_t)merged - 1;
    }
    for (size_t i = 0; i < f->n; i++) f->code[i] = to[f->code[i]];
    SCP_GOTO(done, scp_h5ad_write_categorical(f->w, "obs", column, f->code, name, merged));
done:
    free(l);
    free(to);
    free(name);
    return st;
}

enum { BY_WELL, BY_LINE, BY_SUBLIBRARY, BY_PHASE, BY_QUALITY, BY_PLATE };

static int32_t code_of(const row *r, int what)
{
    switch (what) {
    case BY_WELL:
        return r->well;
    case BY_LINE:
        return r->line;
    case BY_SUBLIBRARY:
        return r->serial % SUBLIBRARIES;
    case BY_PHASE:
        return r->cell.phase;
    case BY_QUALITY:
        return r->full;
    default:
        return 0;
    }
}

static scp_status write_coded(plate_file *f, const char *column, int what, char **text, size_t n)
{
    for (size_t i = 0; i < f->n; i++) f->code[i] = code_of(&f->row[i], what);
    return write_category(f, column, text, n);
}

/* "smp_1495" and on, 96 a plate; "lib_1009" and on. */
static scp_status write_numbered(plate_file *f, const char *column, int what, const char *format,
                                 int first, size_t n)
{
    char text[SCP_SYNTH_WELLS][LABEL_CHARS], *list[SCP_SYNTH_WELLS];
    for (size_t i = 0; i < n; i++) {
        snprintf(text[i], sizeof text[i], format, first + (int)i);
        list[i] = text[i];
    }
    return write_coded(f, column, what, list, n);
}

/* Column of the well's drug, or of its dose label. */
static scp_status write_drug(plate_file *f, const char *column, bool with_dose)
{
    scp_status st = SCP_OK;
    scp_strbuf label_text[SCP_SYNTH_WELLS] = { 0 };
    char *list[SCP_SYNTH_WELLS] = { 0 };
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
        int drug = f->plate->well[w].drug;
        if (drug == SCP_SYNTH_EMPTY) continue;
        const char *name = drug < 0 ? vehicle : f->d->drug[drug].label;
        const char *dose = drug < 0 ? "0.0" : scp_synth_dose_text[f->plate->well[w].dose];
        if (with_dose)
            SCP_GOTO(done, scp_synth_dose_label(name, dose, &label_text[w]));
        else
            SCP_GOTO(done, scp_strbuf_addf(&label_text[w], "%s", name));
        list[w] = label_text[w].text;
    }
    SCP_GOTO(done, write_coded(f, column, BY_WELL, list, SCP_SYNTH_WELLS));
done:
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) scp_strbuf_fini(&label_text[w]);
    return st;
}

static scp_status write_line(plate_file *f, const char *column, bool by_id)
{
    char *list[SCP_SYNTH_LINES];
    for (size_t c = 0; c < f->d->C; c++)
        list[c] = (char *)(by_id ? f->d->line[c].id : f->d->line[c].name);
    return write_coded(f, column, BY_LINE, list, f->d->C);
}

/* Barcodes "01_001_001": well, then two rounds of labels. With the sublibrary they name a cell. */
static scp_status write_barcodes(plate_file *f, bool as_index)
{
    scp_status st = SCP_OK;
    size_t width = as_index ? INDEX_CHARS : BARCODE_CHARS;
    char *text = NULL;
    const char **list = f->number;
    SCP_GOTO(done, scp_alloc(f->n, width, &text));
    for (size_t i = 0; i < f->n; i++) {
        const row *r = &f->row[i];
        int k = r->serial / SUBLIBRARIES, used;
        list[i] = text + i * width;
        used = snprintf(text + i * width, width, "%02d_%03d_%03d", r->well + 1, k % ROUND + 1,
                        k / ROUND + 1);
        if (as_index)
            snprintf(text + i * width + used, width - (size_t)used, "-lib_%d",
                     FIRST_SUBLIBRARY + r->serial % SUBLIBRARIES);
    }
    if (as_index)
        SCP_GOTO(done, scp_h5ad_write_index(f->w, "obs", "BARCODE_SUB_LIB_ID", list));
    else
        SCP_GOTO(done, scp_h5ad_write_text(f->w, "obs", "BARCODE", list));
done:
    free(text);
    return st;
}

#define WRITE_NUMBERS(f, column, type, member, call)                                               \
    do {                                                                                           \
        type *x = (f)->number;                                                                     \
        for (size_t i = 0; i < (f)->n; i++) x[i] = (f)->row[i].cell.member;                        \
        SCP_TRY(call((f)->w, "obs", column, x));                                                   \
    } while (0)

static scp_status write_obs(plate_file *f)
{
    static char *const phases[] = { "G1", "S", "G2M" }, *const qualities[] = { "minimal", "full" };
    char plate[LABEL_CHARS], *plates[1] = { plate };
    int first = FIRST_SAMPLE + SCP_SYNTH_WELLS * (f->plate->number - 1);
    snprintf(plate, sizeof plate, "plate%d", f->plate->number);
    SCP_TRY(write_barcodes(f, true));
    SCP_TRY(write_numbered(f, "sample", BY_WELL, "smp_%d", first, SCP_SYNTH_WELLS));
    WRITE_NUMBERS(f, "gene_count", int64_t, genes, scp_h5ad_write_int);
    WRITE_NUMBERS(f, "tscp_count", int64_t, counts, scp_h5ad_write_int);
    WRITE_NUMBERS(f, "mread_count", int64_t, reads, scp_h5ad_write_int);
    SCP_TRY(write_drug(f, "drugname_drugconc", true));
    SCP_TRY(write_drug(f, "drug", false));
    SCP_TRY(write_line(f, "cell_line", true));
    SCP_TRY(
        write_numbered(f, "sublibrary", BY_SUBLIBRARY, "lib_%d", FIRST_SUBLIBRARY, SUBLIBRARIES));
    SCP_TRY(write_barcodes(f, false));
    WRITE_NUMBERS(f, "pcnt_mito", float, mito, scp_h5ad_write_f32);
    WRITE_NUMBERS(f, "S_score", double, s_score, scp_h5ad_write_real);
    WRITE_NUMBERS(f, "G2M_score", double, g2m_score, scp_h5ad_write_real);
    SCP_TRY(write_coded(f, "phase", BY_PHASE, (char **)phases, 3));
    SCP_TRY(write_coded(f, "pass_filter", BY_QUALITY, (char **)qualities, 2));
    SCP_TRY(write_line(f, "cell_name", false));
    return write_coded(f, "plate", BY_PLATE, plates, 1);
}

static scp_status write_var(plate_file *f)
{
    const char **name = NULL;
    SCP_TRY(scp_alloc(f->d->G, sizeof *name, &name));
    for (size_t g = 0; g < f->d->G; g++) name[g] = f->d->gene[g];
    scp_status st = scp_h5ad_write_index(f->w, "var", "gene_name", name);
    free(name);
    return st;
}

scp_status scp_synth_write_plate(const scp_synth_design *d, scp_synth_sampler *s, size_t plate,
                                 const char *path, scp_synth_tally *tally)
{
    scp_status st = SCP_OK;
    plate_file f = { .d = d,
                     .plate = &d->plate[plate],
                     .n = (size_t)scp_synth_plate_cells(d, plate) };
    scp_h5ad_write_options options = { .csr = true,
                                       .index64 = true,
                                       .deflate = (int)d->cfg.deflate };
    SCP_GOTO(done, scp_alloc(f.n, sizeof *f.row, &f.row));
    SCP_GOTO(done, scp_alloc(f.n, sizeof *f.code, &f.code));
    SCP_GOTO(done, scp_alloc(f.n, 8, &f.number));
    SCP_GOTO(done, scp_h5ad_writer_create(path, f.n, d->G, &options, &f.w));
    SCP_GOTO(done, write_counts(&f, s, tally));
    judge_quality(&f, tally);
    double start = scp_clock_seconds();
    SCP_GOTO(done, write_obs(&f));
    SCP_GOTO(done, write_var(&f));
    SCP_GOTO(done, scp_h5ad_writer_commit(&f.w));
    tally->write_us += (int64_t)(1e6 * (scp_clock_seconds() - start));
done:
    scp_h5ad_writer_abort(&f.w);
    free(f.row);
    free(f.code);
    free(f.number);
    return st;
}
