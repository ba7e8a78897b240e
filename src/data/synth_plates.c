/* Plates of a synthetic screen: which drug is in which well, the nuisance of plates and wells, and
 * how many cells each key has.
 *
 * As Tahoe-100M: plates 3t+1, 3t+2, 3t+3 hold drug set t at 0.05, 0.5 and 5 uM in the same places;
 * the last two of 96 wells hold vehicle. Drugs are dealt to sets and wells at random, so that
 * neither set nor place tells the mechanism. */
#include <math.h>

#include "base/mem.h"
#include "data/synth_design.h"
#include "data/synth_rng.h"

enum { REPEAT_NUMBER = 14, ROWS = 8, COLUMNS = 12, MIN_FAILED = 50, MAX_FAILED = 800 };

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
    well->failed = scp_synth_u01(&s) < d->cfg.failed_wells;
    well->depth = plate_depth[(plate->number - 1) % 14] * exp(well_depth_sd * scp_synth_normal(&s));
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
    double left = MIN_FAILED + (MAX_FAILED - MIN_FAILED) * scp_synth_u01(&s);
    for (size_t c = 0; c < d->C; c++)
        well->cells[c] = well->failed ? (int32_t)(n[c] / total * left)
                                      : (int32_t)fmax(round(n[c]), (double)cfg->cells_min);
}

/* Drugs of set t in the order of their wells: used [n]. */
static size_t deal(const scp_synth_design *d, size_t t, size_t sets, int *used)
{
    uint64_t seed = (uint64_t)d->cfg.seed;
    size_t n = 0;
    for (size_t i = t; i < d->D; i += sets)
        used[n++] = (int)scp_rng_permute(seed, SCP_RNG_SYNTH, SCP_SYNTH_S_DEAL, d->D, i);
    return n;
}

static scp_status plan_plate(scp_synth_design *d, scp_synth_plate *plate, size_t set, size_t sets,
                             int dose)
{
    uint64_t seed = (uint64_t)d->cfg.seed;
    int used[SCP_SYNTH_DRUG_WELLS];
    size_t n = deal(d, set, sets, used);
    SCP_TRY(scp_alloc(d->G, sizeof *plate->gene, &plate->gene));
    for (size_t g = 0; g < d->G; g++) {
        scp_synth_stream s =
            scp_synth_stream_at(seed, SCP_SYNTH_S_PLATE, (uint64_t)plate->number << 32 | g);
        plate->gene[g] = (float)(d->cfg.sigma_plate * scp_synth_normal(&s));
    }
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++) {
        scp_synth_well *well = &plate->well[w];
        well->drug = SCP_SYNTH_VEHICLE;
        well->dose = dose;
        if (w < SCP_SYNTH_DRUG_WELLS) {
            size_t at = (size_t)scp_rng_permute(seed, SCP_RNG_SYNTH,
                                                (uint64_t)set << 32 | SCP_SYNTH_S_PLACE,
                                                SCP_SYNTH_DRUG_WELLS, w);
            well->drug = at < n ? used[at] : SCP_SYNTH_EMPTY;
        }
        if (well->drug == SCP_SYNTH_EMPTY) continue;
        draw_well(d, plate, w, well);
        count_cells(d, plate, w, well);
    }
    return SCP_OK;
}

scp_status scp_synth_plan_plates(scp_synth_design *d)
{
    size_t main_plates = (size_t)d->cfg.plates, sets = (main_plates + 2) / 3;
    d->n_plates = main_plates + (size_t)d->cfg.repeat;
    SCP_TRY(scp_alloc(d->n_plates, sizeof *d->plate, &d->plate));
    for (size_t p = 0; p < d->n_plates; p++) {
        scp_synth_plate *plate = &d->plate[p];
        bool repeat = p == main_plates;
        plate->number = (int)p + 1;
        if (repeat && plate->number < REPEAT_NUMBER) plate->number = REPEAT_NUMBER;
        SCP_TRY(plan_plate(d, plate, repeat ? sets - 1 : p / 3, sets, repeat ? 2 : (int)(p % 3)));
    }
    return SCP_OK;
}

int64_t scp_synth_plate_cells(const scp_synth_design *d, size_t plate)
{
    int64_t n = 0;
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++)
        for (size_t c = 0; c < d->C; c++) n += d->plate[plate].well[w].cells[c];
    return n;
}
