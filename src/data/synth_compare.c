/* What came out of the generator beside the real atlas: cells, counts and genes a cell, values.
 *
 * Counts a cell are compared after scaling by what the settings change on purpose: the share of
 * counts that the panel captures, and the depth of plates and wells. Genes a cell and values depend
 * on the whole transcriptome, so they are compared when all expressed genes are there; over the
 * atlas's plates genes grow as counts to the power 0.75 (plates 3 and 6: 1,132 and 1,622 genes,
 * 1,704 and 2,761 counts). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/synth_write.h"

static void add(scp_synth_report *r, const char *name, double achieved, double target,
                const char *source)
{
    if (r->n < SCP_SYNTH_MAX_STATS)
        r->stat[r->n++] = (scp_synth_stat){ name, achieved, target, source };
}

/* Smallest bin that at least a share p of the entries do not exceed. */
static double quantile(const int64_t *bins, size_t n, double p)
{
    int64_t total = 0, seen = 0;
    for (size_t i = 0; i < n; i++) total += bins[i];
    for (size_t i = 0; i < n; i++) {
        seen += bins[i];
        if (total > 0 && (double)seen >= p * (double)total) return (double)i;
    }
    return NAN;
}

static double mean(const int64_t *bins, size_t n)
{
    double total = 0.0, sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += (double)bins[i];
        sum += (double)bins[i] * (double)i;
    }
    return sum / total;
}

static double spread(const int64_t *bins, size_t n)
{
    double total = 0.0, square = 0.0, centre = mean(bins, n);
    for (size_t i = 0; i < n; i++) {
        total += (double)bins[i];
        square += (double)bins[i] * ((double)i - centre) * ((double)i - centre);
    }
    return sqrt(square / total);
}

/* Geometric mean of the depth over cells. */
static double mean_depth(const scp_synth_design *d)
{
    double sum = 0.0, cells = 0.0;
    for (size_t p = 0; p < d->n_plates; p++)
        for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
            const scp_synth_well *well = &d->plate[p].well[w];
            double n = 0.0;
            for (size_t c = 0; c < d->C; c++) n += well->cells[c];
            if (n > 0.0) sum += n * log(well->depth);
            cells += n;
        }
    return exp(sum / cells) * d->cfg.depth;
}

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

/* Median cells of the treated keys of good wells, taken line by line to need no memory: the median
 * over lines of the median over wells. */
static double median_cells(const scp_synth_design *d)
{
    int32_t line_median[SCP_SYNTH_LINES], n[99 * SCP_SYNTH_WELLS + SCP_SYNTH_WELLS];
    for (size_t c = 0; c < d->C; c++) {
        size_t m = 0;
        for (size_t p = 0; p < d->n_plates; p++)
            for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
                const scp_synth_well *well = &d->plate[p].well[w];
                if (well->drug >= 0 && !well->failed) n[m++] = well->cells[c];
            }
        qsort(n, m, sizeof *n, by_number);
        line_median[c] = m ? n[m / 2] : 0;
    }
    qsort(line_median, d->C, sizeof *line_median, by_number);
    return line_median[d->C / 2];
}

/* Is there another well of this drug and dose before it on the plate? */
static bool seen_before(const scp_synth_plate *plate, size_t w)
{
    const scp_synth_well *at = &plate->well[w];
    for (size_t v = 0; v < w; v++)
        if (plate->well[v].drug == at->drug && plate->well[v].dose == at->dose) return true;
    return false;
}

static void count_keys(const scp_synth_design *d, scp_synth_report *r)
{
    r->plates = d->n_plates;
    r->wells = r->keys = 0;
    for (size_t p = 0; p < d->n_plates; p++)
        for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
            const scp_synth_well *well = &d->plate[p].well[w];
            r->wells += well->drug != SCP_SYNTH_EMPTY;
            if (well->drug < 0 || seen_before(&d->plate[p], w)) continue;
            for (size_t c = 0; c < d->C; c++) r->keys += well->cells[c] > 0;
        }
}

void scp_synth_compare(const scp_synth_design *d, const scp_synth_tally *t, scp_synth_report *r)
{
    static const char atlas[] = "Tahoe-100M plate 10", design[] = "settings";
    bool whole = d->G >= SCP_SYNTH_EXPRESSED && d->cfg.depth == 1.0;
    bool usual = d->cfg.library_sd == 0.52;
    double scale = usual ? mean_depth(d) * d->captured : NAN, value = whole && usual ? 1.0 : NAN;
    double gene = value * pow(mean_depth(d), 0.75);
    memset(r, 0, sizeof *r);
    count_keys(d, r);
    r->cells = t->cells;
    r->nonzeros = t->nonzeros;
    r->seconds_table = (double)t->table_us * 1e-6;
    r->seconds_draw = (double)t->draw_us * 1e-6;
    r->seconds_pack = (double)t->pack_us * 1e-6;
    r->seconds_write = (double)t->write_us * 1e-6;
    add(r, "cells of a treated key, median", median_cells(d),
        d->cfg.toxicity > 0.0 || d->atlas ? NAN : d->cfg.cells, design);
    r->means = d->cfg.preset == SCP_SYNTH_KEYS;
    if (r->means) return; /* no cell was drawn */
    add(r, "share with pass_filter full", (double)t->full / (double)t->cells, 0.95, "Tahoe-100M");
    add(r, "share of counts on these genes", d->captured, d->G >= SCP_SYNTH_EXPRESSED ? 1.0 : NAN,
        design);
    add(r, "counts a cell, quartile 1", quantile(t->counts, SCP_SYNTH_BINS, 0.25), 1230.0 * scale,
        atlas);
    add(r, "counts a cell, median", quantile(t->counts, SCP_SYNTH_BINS, 0.50), 1748.0 * scale,
        atlas);
    add(r, "counts a cell, quartile 3", quantile(t->counts, SCP_SYNTH_BINS, 0.75), 2583.0 * scale,
        atlas);
    add(r, "counts a cell, mean", (double)t->sum_counts / (double)t->cells, 2214.0 * scale, atlas);
    add(r, "counts a cell, sd", spread(t->counts, SCP_SYNTH_BINS), 1833.0 * scale, atlas);
    add(r, "genes a cell, quartile 1", quantile(t->genes, SCP_SYNTH_BINS, 0.25), 896.0 * gene,
        atlas);
    add(r, "genes a cell, median", quantile(t->genes, SCP_SYNTH_BINS, 0.50), 1209.0 * gene, atlas);
    add(r, "genes a cell, quartile 3", quantile(t->genes, SCP_SYNTH_BINS, 0.75), 1661.0 * gene,
        atlas);
    add(r, "genes a cell, mean", (double)t->nonzeros / (double)t->cells, 1382.0 * gene, atlas);
    add(r, "genes a cell, sd", spread(t->genes, SCP_SYNTH_BINS), 735.0 * gene, atlas);
    add(r, "share of entries above 0", (double)t->nonzeros / ((double)t->cells * (double)d->G),
        d->G == SCP_SYNTH_ATLAS_GENES ? 0.023 * gene : NAN, "Tahoe-100M");
    add(r, "non-zero value, mean", mean(t->value, SCP_SYNTH_VALUE_BINS), 1.60 * value,
        "Tahoe-100M");
    add(r, "non-zero value, share of ones", (double)t->value[1] / (double)t->nonzeros, 0.78 * value,
        "fit to Tahoe-100M");
    add(r, "non-zero value, 95 %", quantile(t->value, SCP_SYNTH_VALUE_BINS, 0.95), 3.0 * value,
        "Tahoe-100M");
    add(r, "non-zero value, 99 %", quantile(t->value, SCP_SYNTH_VALUE_BINS, 0.99), 7.0 * value,
        "Tahoe-100M");
    add(r, "mitochondrial share, mean", (double)t->mito_ppm * 1e-6 / (double)t->cells,
        0.062 * value, "Tahoe-100M");
}
