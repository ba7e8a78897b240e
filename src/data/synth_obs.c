/* The obs columns of a plate, written in pieces as cells are drawn, as Tahoe-100M has them. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/synth_plate.h"

enum { SUBLIBRARIES = 16, FIRST_SUBLIBRARY = 1009, FIRST_SAMPLE = 1495, ROUND = 384 };
enum { INDEX_CHARS = 40, LABEL_CHARS = 32, PIECE = 4096, BASE = 10 };

static const double minimal_share = 0.05;
static const char vehicle[] = "DMSO_TF";

/* Columns in the order of the frame. The first is its index. */
enum column {
    C_INDEX,
    C_SAMPLE,
    C_GENES,
    C_COUNTS,
    C_READS,
    C_DOSE,
    C_DRUG,
    C_LINE,
    C_SUBLIBRARY,
    C_BARCODE,
    C_MITO,
    C_S,
    C_G2M,
    C_PHASE,
    C_QUALITY,
    C_NAME,
    C_PLATE,
    COLUMNS
};

struct scp_synth_obs {
    const scp_synth_design *d;
    const scp_synth_plate *plate;
    scp_h5ad_writer *w;
    scp_h5ad_column *column[COLUMNS];
    int32_t code[COLUMNS][SCP_SYNTH_WELLS]; /* categorical: from what the row says to its label */
    size_t n, done;
    uint16_t *genes; /* [n] of the cells so far: who is minimal is known at the end */
    union {
        int64_t i64[PIECE];
        double f64[PIECE];
        float f32[PIECE];
        int32_t code[PIECE];
        const char *text[PIECE];
    } x;
    char text[PIECE][INDEX_CHARS];
};

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

/* ---- categories ---- */

/* What a row says in a categorical column: an index below SCP_SYNTH_WELLS. */
static size_t said(const scp_synth_row *r, int column)
{
    switch (column) {
    case C_SAMPLE:
    case C_DOSE:
    case C_DRUG:
        return r->well;
    case C_LINE:
    case C_NAME:
        return r->line;
    case C_SUBLIBRARY:
        return (size_t)r->serial % SUBLIBRARIES;
    case C_PHASE:
        return (size_t)r->cell.phase;
    default:
        return 0;
    }
}

typedef struct label {
    const char *text;
    size_t old;
} label;

static int by_text(const void *a, const void *b)
{
    return strcmp(((const label *)a)->text, ((const label *)b)->text);
}

/* Begin a categorical whose rows say i for text[i]; NULL is said by none. Labels are sorted and
 * repeats merged, as pandas makes them. */
static scp_status begin_category(scp_synth_obs *o, int column, const char *name,
                                 const char *const *text, size_t n)
{
    label l[SCP_SYNTH_WELLS];
    const char *list[SCP_SYNTH_WELLS];
    size_t used = 0, merged = 0;
    for (size_t i = 0; i < n; i++)
        if (text[i]) l[used++] = (label){ text[i], i };
    qsort(l, used, sizeof *l, by_text);
    for (size_t i = 0; i < used; i++) {
        if (i == 0 || strcmp(l[i].text, l[i - 1].text) != 0) list[merged++] = l[i].text;
        o->code[column][l[i].old] = (int32_t)merged - 1;
    }
    return scp_h5ad_column_begin_categorical(o->w, "obs", name, list, merged, &o->column[column]);
}

static int64_t well_cells(const scp_synth_obs *o, size_t w)
{
    int64_t n = 0;
    for (size_t c = 0; c < o->d->C; c++) n += o->plate->well[w].cells[c];
    return n;
}

/* "smp_1495" and on, 96 a plate. */
static scp_status begin_samples(scp_synth_obs *o)
{
    char text[SCP_SYNTH_WELLS][LABEL_CHARS];
    const char *list[SCP_SYNTH_WELLS];
    int first = FIRST_SAMPLE + SCP_SYNTH_WELLS * (o->plate->number - 1);
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
        snprintf(text[w], sizeof text[w], "smp_%d", first + (int)w);
        list[w] = well_cells(o, w) > 0 ? text[w] : NULL;
    }
    return begin_category(o, C_SAMPLE, "sample", list, SCP_SYNTH_WELLS);
}

/* "lib_1009" and on. */
static scp_status begin_sublibraries(scp_synth_obs *o)
{
    char text[SUBLIBRARIES][LABEL_CHARS];
    const char *list[SUBLIBRARIES];
    int64_t most = 0;
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++)
        if (well_cells(o, w) > most) most = well_cells(o, w);
    for (int i = 0; i < SUBLIBRARIES; i++) {
        snprintf(text[i], sizeof text[i], "lib_%d", FIRST_SUBLIBRARY + i);
        list[i] = i < most ? text[i] : NULL;
    }
    return begin_category(o, C_SUBLIBRARY, "sublibrary", list, SUBLIBRARIES);
}

/* Column of the well's drug, or of its dose label. */
static scp_status begin_drugs(scp_synth_obs *o, int column, const char *name)
{
    scp_status st = SCP_OK;
    scp_strbuf text[SCP_SYNTH_WELLS] = { 0 };
    const char *list[SCP_SYNTH_WELLS] = { 0 };
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
        const scp_synth_well *well = &o->plate->well[w];
        if (well_cells(o, w) == 0) continue;
        const char *drug = well->drug < 0 ? vehicle : o->d->drug[well->drug].label;
        const char *dose = well->drug < 0 ? "0.0" : scp_synth_dose_text[well->dose];
        if (column == C_DOSE)
            SCP_GOTO(done, scp_synth_dose_label(drug, dose, &text[w]));
        else
            SCP_GOTO(done, scp_strbuf_addf(&text[w], "%s", drug));
        list[w] = text[w].text;
    }
    SCP_GOTO(done, begin_category(o, column, name, list, SCP_SYNTH_WELLS));
done:
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) scp_strbuf_fini(&text[w]);
    return st;
}

static scp_status begin_lines(scp_synth_obs *o, int column, const char *name)
{
    const char *list[SCP_SYNTH_LINES] = { 0 };
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++)
        for (size_t c = 0; c < o->d->C; c++)
            if (o->plate->well[w].cells[c] > 0)
                list[c] = column == C_LINE ? o->d->line[c].id : o->d->line[c].name;
    return begin_category(o, column, name, list, o->d->C);
}

/* ---- begin ---- */

static scp_status begin_columns(scp_synth_obs *o)
{
    static const char *const phases[] = { "G1", "S", "G2M" }, *const qualities[] = { "full",
                                                                                     "minimal" };
    char plate[LABEL_CHARS];
    const char *plates[1] = { plate };
    scp_h5ad_column **c = o->column;
    snprintf(plate, sizeof plate, "plate%d", o->plate->number);
    SCP_TRY(scp_h5ad_column_begin(o->w, "obs", "BARCODE_SUB_LIB_ID", SCP_H5AD_INDEX, &c[C_INDEX]));
    SCP_TRY(begin_samples(o));
    SCP_TRY(scp_h5ad_column_begin(o->w, "obs", "gene_count", SCP_H5AD_INT, &c[C_GENES]));
    SCP_TRY(scp_h5ad_column_begin(o->w, "obs", "tscp_count", SCP_H5AD_INT, &c[C_COUNTS]));
    SCP_TRY(scp_h5ad_column_begin(o->w, "obs", "mread_count", SCP_H5AD_INT, &c[C_READS]));
    SCP_TRY(begin_drugs(o, C_DOSE, "drugname_drugconc"));
    SCP_TRY(begin_drugs(o, C_DRUG, "drug"));
    SCP_TRY(begin_lines(o, C_LINE, "cell_line"));
    SCP_TRY(begin_sublibraries(o));
    SCP_TRY(scp_h5ad_column_begin(o->w, "obs", "BARCODE", SCP_H5AD_TEXT, &c[C_BARCODE]));
    SCP_TRY(scp_h5ad_column_begin(o->w, "obs", "pcnt_mito", SCP_H5AD_F32, &c[C_MITO]));
    SCP_TRY(scp_h5ad_column_begin(o->w, "obs", "S_score", SCP_H5AD_REAL, &c[C_S]));
    SCP_TRY(scp_h5ad_column_begin(o->w, "obs", "G2M_score", SCP_H5AD_REAL, &c[C_G2M]));
    SCP_TRY(begin_category(o, C_PHASE, "phase", phases, 3));
    SCP_TRY(begin_category(o, C_QUALITY, "pass_filter", qualities, 2));
    SCP_TRY(begin_lines(o, C_NAME, "cell_name"));
    return begin_category(o, C_PLATE, "plate", plates, 1);
}

scp_status scp_synth_obs_create(const scp_synth_design *d, size_t plate, scp_h5ad_writer *w,
                                scp_synth_obs **out)
{
    scp_status st = SCP_OK;
    scp_synth_obs *o = NULL;
    SCP_TRY(scp_alloc(1, sizeof *o, &o));
    o->d = d;
    o->plate = &d->plate[plate];
    o->w = w;
    o->n = (size_t)scp_synth_plate_cells(d, plate);
    SCP_GOTO(done, scp_alloc(o->n, sizeof *o->genes, &o->genes));
    SCP_GOTO(done, begin_columns(o));
done:
    if (st != SCP_OK) scp_synth_obs_destroy(&o);
    *out = o;
    return st;
}

void scp_synth_obs_destroy(scp_synth_obs **op)
{
    scp_synth_obs *o = op ? *op : NULL;
    if (!o) return;
    for (int c = 0; c < COLUMNS; c++) scp_h5ad_column_drop(&o->column[c]);
    free(o->genes);
    free(o);
    *op = NULL;
}

/* ---- pieces ---- */

static char *add_number(char *to, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= BASE) to[i] = (char)('0' + value % BASE);
    return to + digits;
}

/* Barcodes "01_001_001": well, then two rounds of labels; with the sublibrary they name a cell:
 * "01_001_001-lib_1009". The barcode is the first BARCODE characters of it. */
static scp_status append_barcodes(scp_synth_obs *o, const scp_synth_row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int k = row[i].serial / SUBLIBRARIES, round = k / ROUND + 1;
        char *to = add_number(o->text[i], row[i].well + 1, 2);
        *to++ = '_';
        to = add_number(to, k % ROUND + 1, 3);
        *to++ = '_';
        to = add_number(to, round, round > 999 ? 6 : 3);
        memcpy(to, "-lib_", 5);
        to = add_number(to + 5, FIRST_SUBLIBRARY + row[i].serial % SUBLIBRARIES, 4);
        *to = '\0';
        o->x.text[i] = o->text[i];
    }
    SCP_TRY(scp_h5ad_column_append(o->column[C_INDEX], n, o->x.text));
    for (size_t i = 0; i < n; i++) *strchr(o->text[i], '-') = '\0';
    return scp_h5ad_column_append(o->column[C_BARCODE], n, o->x.text);
}

static scp_status append_codes(scp_synth_obs *o, const scp_synth_row *row, size_t n)
{
    static const int coded[] = { C_SAMPLE,     C_DOSE,  C_DRUG, C_LINE,
                                 C_SUBLIBRARY, C_PHASE, C_NAME, C_PLATE };
    for (size_t k = 0; k < sizeof coded / sizeof *coded; k++) {
        const int32_t *code = o->code[coded[k]];
        for (size_t i = 0; i < n; i++) o->x.code[i] = code[said(&row[i], coded[k])];
        SCP_TRY(scp_h5ad_column_append(o->column[coded[k]], n, o->x.code));
    }
    return SCP_OK;
}

#define APPEND_NUMBERS(o, c, field, member)                                                        \
    do {                                                                                           \
        for (size_t i = 0; i < n; i++) (o)->x.field[i] = row[i].cell.member;                       \
        SCP_TRY(scp_h5ad_column_append((o)->column[c], n, (o)->x.field));                          \
    } while (0)

static scp_status append_piece(scp_synth_obs *o, const scp_synth_row *row, size_t n)
{
    SCP_TRY(append_barcodes(o, row, n));
    SCP_TRY(append_codes(o, row, n));
    APPEND_NUMBERS(o, C_GENES, i64, genes);
    APPEND_NUMBERS(o, C_COUNTS, i64, counts);
    APPEND_NUMBERS(o, C_READS, i64, reads);
    APPEND_NUMBERS(o, C_MITO, f32, mito);
    APPEND_NUMBERS(o, C_S, f64, s_score);
    APPEND_NUMBERS(o, C_G2M, f64, g2m_score);
    for (size_t i = 0; i < n; i++) o->genes[o->done + i] = (uint16_t)row[i].cell.genes;
    for (size_t i = 0; i < n; i++) o->x.code[i] = row[i].cell.genes;
    SCP_TRY(scp_h5ad_write_lengths(o->w, o->x.code, n));
    o->done += n;
    return SCP_OK;
}

scp_status scp_synth_obs_append(scp_synth_obs *o, const scp_synth_row *row, size_t n)
{
    SCP_ARG(n <= o->n - o->done, "%zu cells on top of %zu of %zu", n, o->done, o->n);
    for (size_t at = 0; at < n; at += PIECE)
        SCP_TRY(append_piece(o, row + at, n - at < PIECE ? n - at : PIECE));
    return SCP_OK;
}

/* ---- end ---- */

/* The cells with fewest genes, ties by their place in the file, are `minimal`. */
static scp_status append_quality(scp_synth_obs *o, int64_t *full)
{
    size_t *bins = NULL, minimal = (size_t)(minimal_share * (double)o->n), edge = 0, left = minimal;
    scp_status st = SCP_OK;
    *full = (int64_t)(o->n - minimal);
    SCP_TRY(scp_alloc(UINT16_MAX + 1, sizeof *bins, &bins));
    for (size_t i = 0; i < o->n; i++) bins[o->genes[i]]++;
    while (edge < UINT16_MAX && left >= bins[edge]) left -= bins[edge++];
    for (size_t at = 0; at < o->n; at += PIECE) {
        size_t n = o->n - at < PIECE ? o->n - at : PIECE;
        for (size_t i = 0; i < n; i++) {
            bool tie = o->genes[at + i] == edge && left > 0;
            left -= tie;
            o->x.code[i] = o->code[C_QUALITY][o->genes[at + i] < edge || tie];
        }
        SCP_GOTO(done, scp_h5ad_column_append(o->column[C_QUALITY], n, o->x.code));
    }
done:
    free(bins);
    return st;
}

scp_status scp_synth_obs_end(scp_synth_obs *o, int64_t *full)
{
    SCP_TRY(append_quality(o, full));
    for (int c = 0; c < COLUMNS; c++) SCP_TRY(scp_h5ad_column_end(&o->column[c]));
    return SCP_OK;
}
