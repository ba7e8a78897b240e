/* Settings of the synthetic screen: what the presets (size) and profiles (effects) stand for. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "data/synth_design.h"

/* Few cells a key leave the control noisy, and every other drug of the plate then predicts that
 * noise: the demo has more vehicle cells, and more counts a cell, than the atlas. */
static const scp_synth_config preset_size[] = {
    [SCP_SYNTH_TINY] = { .plates = 2, .lines = 6, .drugs = 8, .genes = 300, .cells = 30,
                         .cells_line_sd = 0.1, .cells_key_sd = 0.1, .vehicle = 1.167,
                         .cells_min = 20, .depth = 1, .lfc = 1, .fraction = 0.025, .deflate = 4 },
    [SCP_SYNTH_DEMO] = { .plates = 3, .lines = 12, .drugs = 90, .genes = 1200,
                         .cells = 45, .cells_line_sd = 0.15, .cells_key_sd = 0.15,
                         .vehicle = 6, .cells_min = 25, .depth = 2.5, .lfc = 1,
                         .fraction = 0.035, .deflate = 1 },
    [SCP_SYNTH_SMALL] = { .plates = 3, .lines = 12, .drugs = 60, .genes = 2000,
                          .cells = 60, .cells_line_sd = 0.3, .cells_key_sd = 0.3,
                          .vehicle = 1.167, .cells_min = 15, .failed_wells = 0.009,
                          .depth = 1, .lfc = 1, .fraction = 0.047, .deflate = 4 },
    [SCP_SYNTH_MEDIUM] = { .plates = 6, .repeat = 1, .lines = 30, .drugs = 180, .genes = 2000,
                           .cells = 100, .cells_line_sd = 0.6, .cells_key_sd = 0.5,
                           .vehicle = 1.167, .cells_min = 5, .failed_wells = 0.009, .depth = 1,
                           .lfc = 1, .fraction = 0.078, .deflate = 4 },
    [SCP_SYNTH_PLATE] = { .plates = 1, .lines = 50, .drugs = 94, .genes = 62710, .cells = 1278,
                          .cells_line_sd = 1.06, .cells_key_sd = 0.64, .vehicle = 1.167,
                          .cells_min = 1, .failed_wells = 0.009, .depth = 1, .lfc = 0,
                          .fraction = 1, .deflate = 1 },
    [SCP_SYNTH_KEYS] = { .plates = 12, .repeat = 1, .mixed = 1, .bridge = 1, .lines = 50,
                         .drugs = 372, .genes = 2000, .cells = 1278, .cells_line_sd = 1.06,
                         .cells_key_sd = 0.64, .vehicle = 1.167, .cells_min = 1,
                         .failed_wells = 0.009, .depth = 1, .lfc = 0, .fraction = 1,
                         .deflate = 0 },
};

static const scp_synth_config profile_effects[] = {
    [SCP_SYNTH_LEARNABLE] = { .axes = 4, .structure = 0.85, .amplitude = 0.9, .common = 0.5,
                              .interaction = 0.175, .inert = 0.05, .toxicity = 0,
                              .sigma_plate = 0.10, .sigma_well = 0.10, .ambient = 0.03,
                              .state = 0.3, .dispersion = 0.2, .library_sd = 0.52 },
    [SCP_SYNTH_REALISTIC] = { .axes = 8, .structure = 0.1, .amplitude = 0.45, .common = 0.5,
                              .interaction = 0.175, .inert = 0.4, .toxicity = 0.3,
                              .sigma_plate = 0.10, .sigma_well = 0.20, .ambient = 0.03,
                              .state = 0.3, .dispersion = 0.2, .library_sd = 0.52 },
    [SCP_SYNTH_PURE] = { .axes = 8, .structure = 1, .amplitude = 0.9, .common = 0,
                         .interaction = 0, .inert = 0, .toxicity = 0, .sigma_plate = 0.10,
                         .sigma_well = 0, .ambient = 0.03, .state = 0.3, .dispersion = 0.2,
                         .library_sd = 0.52 },
};

typedef struct field {
    const char *name;
    size_t offset;
    bool real, effect; /* double or int64_t; from the profile or the preset */
    double min, max;
} field;

#define SIZE_INT(m, lo, hi)  { #m, offsetof(scp_synth_config, m), false, false, lo, hi }
#define SIZE_REAL(m, lo, hi) { #m, offsetof(scp_synth_config, m), true, false, lo, hi }
#define EFFECT(m, lo, hi)    { #m, offsetof(scp_synth_config, m), true, true, lo, hi }

static const field fields[] = {
    SIZE_INT(plates, 1, 99),
    SIZE_INT(repeat, 0, 1),
    SIZE_INT(bridge, 0, 1),
    SIZE_INT(mixed, 0, 1),
    SIZE_INT(lines, 1, SCP_SYNTH_LINES),
    SIZE_INT(drugs, 1, 1e6),
    SIZE_INT(genes, 20, SCP_SYNTH_ATLAS_GENES),
    SIZE_REAL(cells, 1, 1e6),
    SIZE_REAL(cells_line_sd, 0, 3),
    SIZE_REAL(cells_key_sd, 0, 3),
    SIZE_REAL(vehicle, 0.01, 1000),
    SIZE_INT(cells_min, 0, 1e6),
    SIZE_REAL(fraction, 0, 1),
    SIZE_REAL(failed_wells, 0, 1),
    SIZE_REAL(depth, 0.001, 1000),
    SIZE_INT(cells_total, 0, 1e12),
    SIZE_INT(deflate, 0, 9),
    SIZE_INT(lfc, 0, 1),
    { "axes", offsetof(scp_synth_config, axes), false, true, 1, 64 },
    EFFECT(structure, 0, 1),
    EFFECT(amplitude, 0, 10),
    EFFECT(common, 0, 10),
    EFFECT(interaction, 0, 10),
    EFFECT(inert, 0, 1),
    EFFECT(toxicity, 0, 10),
    EFFECT(sigma_plate, 0, 3),
    EFFECT(sigma_well, 0, 3),
    EFFECT(ambient, 0, 1),
    EFFECT(state, 0, 3),
    EFFECT(dispersion, 0, 100),
    EFFECT(library_sd, 0, 3),
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static double get(const scp_synth_config *c, const field *f)
{
    const char *at = (const char *)c + f->offset;
    return f->real ? *(const double *)at : (double)*(const int64_t *)at;
}

static void set(scp_synth_config *c, const field *f, double value)
{
    char *at = (char *)c + f->offset;
    if (f->real)
        *(double *)at = value;
    else
        *(int64_t *)at = (int64_t)value;
}

const char *scp_synth_preset_name(scp_synth_preset p)
{
    static const char *const name[] = { "tiny", "demo", "small", "medium", "plate", "keys" };
    return p >= 0 && p <= SCP_SYNTH_KEYS ? name[p] : "unknown";
}

const char *scp_synth_preset_plates(scp_synth_preset p)
{
    static const char *const list[] = { "1-2", "1-3", "1-3", "1-6,14", "10", "1-14" };
    return list[p];
}

void scp_synth_config_init(scp_synth_config *c)
{
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < N_FIELDS; i++) set(c, &fields[i], -1.0);
    c->seed = 1;
}

scp_status scp_synth_config_text(const scp_synth_config *c, scp_strbuf *out)
{
    SCP_TRY(scp_strbuf_addf(out, "seed: %lld\n", (long long)c->seed));
    for (size_t i = 0; i < N_FIELDS; i++)
        SCP_TRY(scp_strbuf_addf(out, "%s: %.17g\n", fields[i].name, get(c, &fields[i])));
    if (scp_synth_has_text(c->grid))
        SCP_TRY(scp_strbuf_addf(out, "samples: %s\ngrid: %s\nplate_list: %s\n", c->samples, c->grid,
                                c->plate_list ? c->plate_list : ""));
    if (scp_synth_has_text(c->lines_table))
        SCP_TRY(scp_strbuf_addf(out, "lines_table: %s\n", c->lines_table));
    if (scp_synth_has_text(c->genes_table))
        SCP_TRY(scp_strbuf_addf(out, "genes_table: %s\n", c->genes_table));
    if (scp_synth_has_text(c->gene_sets))
        SCP_TRY(scp_strbuf_addf(out, "gene_sets: %s\n", c->gene_sets));
    if (c->effects == SCP_SYNTH_BY_GP) SCP_TRY(scp_strbuf_addf(out, "effects: gp\n"));
    if (scp_synth_has_text(c->held_out))
        SCP_TRY(scp_strbuf_addf(out, "held_out: %s\n", c->held_out));
    return scp_strbuf_addf(out, "traps: %d\n", c->traps);
}

/* Drug wells of the fullest triple: drugs are dealt one by one. */
static int64_t wells_of_a_triple(const scp_synth_config *c)
{
    int64_t triples = (c->plates + 2) / 3, drugs = c->drugs;
    if (c->traps) drugs += (int64_t)scp_synth_trap_count;
    return (drugs + triples - 1) / triples + c->bridge + (c->traps ? SCP_SYNTH_TRAP_WELLS : 0);
}

bool scp_synth_has_text(const char *text)
{
    return text && *text;
}

/* The design is either read or invented. */
static scp_status check_design(scp_synth_config *c)
{
    bool grid = scp_synth_has_text(c->grid), listed = scp_synth_has_text(c->plate_list);
    if (grid != scp_synth_has_text(c->samples))
        SCP_FAIL(SCP_EUSAGE, "the design of the atlas takes two tables: grid and samples");
    if (!grid && listed)
        SCP_FAIL(SCP_EUSAGE, "a list of plates needs the tables of the atlas (grid, samples); an "
                             "invented design takes their number");
    if (grid && (c->plates >= 0 || c->repeat >= 0 || c->bridge >= 0 || c->mixed >= 0 || c->traps))
        SCP_FAIL(SCP_EUSAGE, "plates, repeat, bridge, mixed and traps belong to an invented "
                             "design; plates of the atlas are named by plate-list");
    return SCP_OK;
}

/* Lines and drugs that are not set, for about cells_total cells on the plates: as many keys as that
 * takes, in the proportion of lines to wells of a whole plate. */
static void choose_keys(scp_synth_config *c)
{
    const scp_synth_config *size = &preset_size[c->preset];
    double cells = c->cells < 0.0 ? size->cells : c->cells;
    double plates = (double)(c->plates < 0 ? size->plates : c->plates);
    double keys = (double)c->cells_total / cells / plates;
    double lines = (double)c->lines;
    if (c->lines < 0 && c->drugs < 0)
        lines = round(sqrt(keys * SCP_SYNTH_LINES / SCP_SYNTH_WELLS));
    else if (c->lines < 0)
        lines = round(keys * plates / ((double)c->drugs + 2.0 * plates));
    if (c->lines < 0) c->lines = (int64_t)fmin(fmax(lines, 1.0), SCP_SYNTH_LINES);
    if (c->drugs >= 0) return;
    int64_t least = c->axes < 0 ? profile_effects[c->profile].axes : c->axes;
    double wells = fmin(round(keys / (double)c->lines) - 2.0, SCP_SYNTH_DRUG_WELLS);
    c->drugs = (int64_t)fmax(wells, (double)least + 1.0);
}

scp_status scp_synth_config_resolve(scp_synth_config *c, size_t n_table)
{
    SCP_ARG(c, "settings are required");
    SCP_TRY(check_design(c));
    if (scp_synth_has_text(c->held_out) && c->effects != SCP_SYNTH_BY_GP)
        SCP_FAIL(SCP_EUSAGE, "held-out drugs are for effects by a Gaussian process (effects gp)");
    if (c->preset < 0 || c->preset > SCP_SYNTH_KEYS || c->profile < 0 ||
        c->profile > SCP_SYNTH_PURE)
        SCP_FAIL(SCP_EUSAGE, "preset is one of %s, profile one of %s", SCP_SYNTH_PRESETS,
                 SCP_SYNTH_PROFILES);
    if (c->cells_total > 0 && !scp_synth_has_text(c->grid)) choose_keys(c);
    bool drugs_asked = c->drugs >= 0;
    for (size_t i = 0; i < N_FIELDS; i++) {
        const field *f = &fields[i];
        const scp_synth_config *from =
            f->effect ? &profile_effects[c->profile] : &preset_size[c->preset];
        if (get(c, f) < 0.0) set(c, f, get(from, f));
        double v = get(c, f);
        if (!(v >= f->min && v <= f->max))
            SCP_FAIL(SCP_EUSAGE, "%s is %g, allowed are %g to %g", f->name, v, f->min, f->max);
    }
    if (c->drugs > (int64_t)n_table && drugs_asked && scp_synth_has_text(c->grid))
        SCP_FAIL(SCP_EUSAGE, "%lld drugs asked for, the wells of these plates hold %zu",
                 (long long)c->drugs, n_table);
    if (c->drugs > (int64_t)n_table && drugs_asked)
        SCP_FAIL(SCP_EUSAGE, "%lld drugs asked for, %s has %zu with a structure; name a larger "
                 "table",
                 (long long)c->drugs, c->table ? c->table : "the table", n_table);
    if (c->drugs > (int64_t)n_table) c->drugs = (int64_t)n_table;
    if (c->axes >= c->drugs)
        SCP_FAIL(SCP_EUSAGE, "%lld structure axes need more drugs than the %lld there are",
                 (long long)c->axes, (long long)c->drugs);
    if (!scp_synth_has_text(c->grid) && wells_of_a_triple(c) > SCP_SYNTH_DRUG_WELLS)
        SCP_FAIL(SCP_EUSAGE, "%lld drugs do not fit on %lld plates (a triple of plates holds %d, "
                 "traps and the bridge among them); ask for more plates or fewer drugs",
                 (long long)c->drugs, (long long)c->plates, SCP_SYNTH_DRUG_WELLS);
    return SCP_OK;
}
