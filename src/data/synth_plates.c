/* Plates of a synthetic screen: the nuisance of plates and wells, and how many cells each key has.
 * Which drug is in which well: synth_layout.c. */
#include <math.h>

#include "base/mem.h"
#include "data/synth_atlas.h"
#include "data/synth_rng.h"

enum { ROWS = 8, COLUMNS = 12, MIN_FAILED = 50, MAX_FAILED = 800 }; /* cells of 50 lines */

/* Mean counts of the real plates 1 to 14, divided by their mean, 2,293. */
static const double plate_depth[14] = { 1.067, 1.071, 0.743, 1.014, 0.889, 1.204, 0.829,
                                        1.073, 0.981, 1.019, 0.927, 1.123, 0.993, 1.065 };
static const double well_depth_sd = 0.08;
static const double place_share =
    0.2; /* of a well coefficient's variance: its place on the plate */

/* Where well w lies on a gradient in direction `angle`: unit variance over a plate. */
static double gradient_at(size_t w, double angle)
{
    const double row_sd = sqrt((ROWS * ROWS - 1) / 12.0),
                 column_sd = sqrt((COLUMNS * COLUMNS - 1) / 12.0);
    double y = ((double)(w / COLUMNS) - (ROWS - 1) / 2.0) / row_sd;
    double x = ((double)(w % COLUMNS) - (COLUMNS - 1) / 2.0) / column_sd;
    return cos(angle) * x + sin(angle) * y;
}

static void draw_well(const scp_synth_design *d, const scp_synth_plate *plate, size_t w,
                      scp_synth_well *well)
{
    uint64_t seed = (uint64_t)d->cfg.seed;
    scp_synth_stream s =
        scp_synth_stream_at(seed, SCP_SYNTH_S_WELL, (uint64_t)plate->number << 8 | w);
    bool fails = scp_synth_u01(&s) < d->cfg.failed_wells;
    double depth =
        plate_depth[(plate->number - 1) % 14] * exp(well_depth_sd * scp_synth_normal(&s));
    if (well->depth <= 0.0) well->depth = depth;
    if (!d->atlas) well->failed |= fails;
    for (int j = 0; j < SCP_SYNTH_J; j++) {
        double angle =
            2.0 * M_PI * scp_rng_u01(seed, SCP_RNG_SYNTH, SCP_SYNTH_S_GRADIENT, (uint64_t)j, 0);
        well->coef[j] = d->cfg.sigma_well * (sqrt(1.0 - place_share) * scp_synth_normal(&s) +
                                             sqrt(place_share) * gradient_at(w, angle));
    }
}

static void count_cells(const scp_synth_design *d, const scp_synth_plate *plate, size_t w,
                        scp_synth_well *well)
{
    const scp_synth_config *cfg = &d->cfg;
    uint64_t seed = (uint64_t)cfg->seed;
    double n[SCP_SYNTH_LINES], total = 0.0;
    scp_synth_stream s =
        scp_synth_stream_at(seed, SCP_SYNTH_S_COUNT, (uint64_t)plate->number << 8 | w);
    for (size_t c = 0; c < d->C; c++) {
        scp_synth_stream line = scp_synth_stream_at(seed, SCP_SYNTH_S_COUNT, UINT64_C(1) << 20 | c);
        double log_n = log(cfg->cells) + cfg->cells_line_sd * scp_synth_normal(&line) +
                       cfg->cells_key_sd * scp_synth_normal(&s);
        if (well->drug >= 0) {
            double m = scp_synth_magnitude(d, c, (size_t)well->drug, well->dose);
            log_n -= cfg->toxicity * m * m;
        } else {
            log_n += log(cfg->vehicle);
        }
        total += n[c] = exp(log_n);
    }
    double left = (MIN_FAILED + (MAX_FAILED - MIN_FAILED) * scp_synth_u01(&s)) * (double)d->C /
                  SCP_SYNTH_LINES;
    for (size_t c = 0; c < d->C; c++)
        well->cells[c] = well->failed ? (int32_t)(n[c] / total * left)
                                      : (int32_t)fmax(round(n[c]), (double)cfg->cells_min);
}

static scp_status plan_plate(scp_synth_design *d, scp_synth_plate *plate)
{
    uint64_t seed = (uint64_t)d->cfg.seed;
    SCP_TRY(scp_alloc(d->G, sizeof *plate->gene, &plate->gene));
    for (size_t g = 0; g < d->G; g++) {
        scp_synth_stream s =
            scp_synth_stream_at(seed, SCP_SYNTH_S_PLATE, (uint64_t)plate->number << 32 | g);
        plate->gene[g] = (float)(d->cfg.sigma_plate * scp_synth_normal(&s));
    }
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
        scp_synth_well *well = &plate->well[w];
        if (well->drug == SCP_SYNTH_EMPTY) continue;
        draw_well(d, plate, w, well);
        if (!d->atlas) count_cells(d, plate, w, well);
    }
    return SCP_OK;
}

/* Scale the cells of all keys so that they are cells_total together, to the rounding of keys. */
static void fit_total(scp_synth_design *d)
{
    double total = 0.0;
    for (size_t p = 0; p < d->n_plates; p++) total += (double)scp_synth_plate_cells(d, p);
    for (size_t p = 0; p < d->n_plates; p++)
        for (size_t w = 0; w < SCP_SYNTH_WELLS; w++)
            for (size_t c = 0; c < d->C; c++) {
                int32_t *n = &d->plate[p].well[w].cells[c];
                double scaled = round(*n * ((double)d->cfg.cells_total / total));
                if (*n > 0) *n = (int32_t)fmax(scaled, fmin((double)d->cfg.cells_min, *n));
            }
}

scp_status scp_synth_plan_plates(scp_synth_design *d)
{
    SCP_TRY(scp_synth_plan_layout(d));
    for (size_t p = 0; p < d->n_plates; p++) SCP_TRY(plan_plate(d, &d->plate[p]));
    if (d->atlas) SCP_TRY(scp_synth_atlas_cells(d->cfg.grid, d));
    if (d->cfg.cells_total > 0) fit_total(d);
    return SCP_OK;
}

int64_t scp_synth_plate_cells(const scp_synth_design *d, size_t plate)
{
    int64_t n = 0;
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++)
        for (size_t c = 0; c < d->C; c++) n += d->plate[plate].well[w].cells[c];
    return n;
}
