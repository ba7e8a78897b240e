/* Which drug is in which well of an invented screen.
 *
 * As Tahoe-100M: plates 3t+1, 3t+2, 3t+3 hold drug set t at 0.05, 0.5 and 5 uM in the same places;
 * the last two of 96 wells hold vehicle. Drugs are dealt to sets and wells at random, so that
 * neither set nor place tells the mechanism. On request one drug stands at 0.05 uM on every plate
 * (there: Adagrasib), one plate mixes drugs and doses (there: plate 13, vehicle in wells 23 and
 * 24), and one repeats the last set at the top dose (there: plate 14). */
#include <string.h>

#include "base/mem.h"
#include "data/synth_atlas.h"
#include "data/synth_rng.h"

enum {
    MIXED_NUMBER = 13,
    REPEAT_NUMBER = 14,
    BRIDGE_DRUG = 0,
    BRIDGE_WELL = 93,
    MIXED_VEHICLE = 22
};

/* Wells of the mixed plate by dose, and where in the drugs of the plate each dose begins. */
static const size_t mixed_wells[3] = { 39, 30, 25 }, mixed_from[3] = { 0, 13, 0 };
static const size_t mixed_drugs = 43;

/* Drugs of set t in the order of their wells: used [n]. */
static size_t deal(const scp_synth_design *d, size_t t, size_t sets, int *used)
{
    uint64_t seed = (uint64_t)d->cfg.seed;
    size_t n = 0;
    for (size_t i = t; i < d->D; i += sets)
        used[n++] = (int)scp_rng_permute(seed, SCP_RNG_SYNTH, SCP_SYNTH_S_DEAL, d->D, i);
    return n;
}

/* Well of the i-th drug of a set. The bridge, when there is one, has its own well. */
static size_t place_of(const scp_synth_design *d, size_t set, size_t i)
{
    size_t free_wells = SCP_SYNTH_DRUG_WELLS - (size_t)d->cfg.bridge;
    for (size_t w = 0; w < free_wells; w++)
        if (scp_rng_permute((uint64_t)d->cfg.seed, SCP_RNG_SYNTH,
                            (uint64_t)set << 32 | SCP_SYNTH_S_PLACE, free_wells, w) == i)
            return w;
    return SCP_SYNTH_DRUG_WELLS;
}

static void clear_plate(scp_synth_plate *plate, size_t vehicle)
{
    for (size_t w = 0; w < SCP_SYNTH_WELLS; w++)
        plate->well[w] = (scp_synth_well){ .drug = SCP_SYNTH_EMPTY };
    plate->well[vehicle].drug = plate->well[vehicle + 1].drug = SCP_SYNTH_VEHICLE;
}

static void put(scp_synth_plate *plate, size_t w, int drug, int dose)
{
    plate->well[w].drug = drug;
    plate->well[w].dose = dose;
}

static void put_bridge(const scp_synth_design *d, scp_synth_plate *plate)
{
    if (d->cfg.bridge) put(plate, BRIDGE_WELL, BRIDGE_DRUG, 0);
}

/* Traps stand at the end of the drugs; their wells beyond the set's are on the set's first plate.
 */
static void put_traps(const scp_synth_design *d, scp_synth_plate *plate, size_t set,
                      const int *used, size_t n, int dose)
{
    size_t first = d->D - scp_synth_trap_count, next = n;
    for (size_t i = 0; i < n; i++) {
        if ((size_t)used[i] < first) continue;
        const scp_synth_trap *t = &scp_synth_traps[(size_t)used[i] - first];
        plate->well[place_of(d, set, i)].failed = t->failed;
        if (t->extra) put(plate, place_of(d, set, next++), used[i], (dose + t->extra - 1) % 3);
    }
}

static void lay_set(const scp_synth_design *d, scp_synth_plate *plate, size_t set, size_t sets,
                    int dose, bool first)
{
    int used[SCP_SYNTH_DRUG_WELLS];
    size_t n = deal(d, set, sets, used);
    clear_plate(plate, SCP_SYNTH_DRUG_WELLS);
    for (size_t i = 0; i < n; i++) put(plate, place_of(d, set, i), used[i], dose);
    put_bridge(d, plate);
    if (d->cfg.traps && first) put_traps(d, plate, set, used, n, dose);
}

static void lay_mixed(const scp_synth_design *d, scp_synth_plate *plate)
{
    size_t drugs = d->D < mixed_drugs ? d->D : mixed_drugs, w = 0;
    clear_plate(plate, MIXED_VEHICLE);
    for (int dose = 0; dose < 3; dose++)
        for (size_t i = 0; i < mixed_wells[dose] && i < drugs; i++) {
            if (w == MIXED_VEHICLE) w += 2;
            int drug = (int)scp_rng_permute((uint64_t)d->cfg.seed, SCP_RNG_SYNTH, SCP_SYNTH_S_DEAL,
                                            d->D, (mixed_from[dose] + i) % drugs);
            put(plate, w++, drug, dose);
        }
    put_bridge(d, plate);
}

scp_status scp_synth_plan_layout(scp_synth_design *d)
{
    if (d->atlas) return scp_synth_atlas_layout(d->atlas, d);
    size_t plates = (size_t)d->cfg.plates, sets = (plates + 2) / 3;
    SCP_TRY(
        scp_alloc(plates + (size_t)(d->cfg.mixed + d->cfg.repeat), sizeof *d->plate, &d->plate));
    for (size_t p = 0; p < plates; p++) {
        scp_synth_plate *plate = &d->plate[d->n_plates++];
        plate->number = (int)p + 1;
        lay_set(d, plate, p / 3, sets, (int)(p % 3), p % 3 == 0);
    }
    int number = (int)plates + 1;
    if (d->cfg.mixed) {
        scp_synth_plate *plate = &d->plate[d->n_plates++];
        plate->number = number < MIXED_NUMBER ? MIXED_NUMBER : number;
        number = plate->number + 1;
        lay_mixed(d, plate);
    }
    if (d->cfg.repeat) {
        scp_synth_plate *plate = &d->plate[d->n_plates++];
        plate->number = number < REPEAT_NUMBER ? REPEAT_NUMBER : number;
        lay_set(d, plate, sets - 1, sets, 2, false);
    }
    return SCP_OK;
}
