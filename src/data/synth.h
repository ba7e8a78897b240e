/* A synthetic drug screen with known truth, in the on-disk layout of Tahoe-100M's plates.
 *
 * What is imitated: plates in triples with one dose each, two vehicle wells a plate, all cell lines
 * pooled in every well, library sizes, overdispersed counts, plate, well and ambient nuisance. What
 * is known: the log fold change of every key, how far it follows from the drug's structure, and
 * every coefficient in between. Numbers are counter-based: a file depends on the settings alone,
 * not on the number of ranks. */
#ifndef SCP_DATA_SYNTH_H
#define SCP_DATA_SYNTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "comm/comm.h"

/* Size of the screen. */
typedef enum scp_synth_preset {
    SCP_SYNTH_TINY,   /* 2 plates, 6 lines, 8 drugs, 300 genes, 30 cells a key: unit tests */
    SCP_SYNTH_DEMO,   /* 3 plates, 12 lines, 90 drugs, 1,200 genes: one to learn from at once */
    SCP_SYNTH_SMALL,  /* 3 plates, 12 lines, 60 drugs, 2,000 genes, 60 cells a key */
    SCP_SYNTH_MEDIUM, /* 6 plates and a repeat of the sixth, 30 lines, all drugs, 2,000 genes */
    SCP_SYNTH_PLATE,  /* one plate of 50 lines, 62,710 genes, 1,278 cells a key */
    SCP_SYNTH_KEYS    /* 14 plates of 50 lines, 2,000 genes: keysN.h5ad of means instead of cells */
} scp_synth_preset;

/* How effects and nuisance are mixed. */
typedef enum scp_synth_profile {
    SCP_SYNTH_LEARNABLE, /* most of a drug's direction follows from its structure, mild nuisance */
    SCP_SYNTH_REALISTIC, /* little does, half the amplitude, strong wells, 40 % inert drugs */
    SCP_SYNTH_PURE       /* everything does: no well effect, interaction or common response */
} scp_synth_profile;

/* How directions follow from structures. */
typedef enum scp_synth_effects {
    SCP_SYNTH_BY_AXES, /* tanh of principal axes of the fingerprints */
    SCP_SYNTH_BY_GP    /* Gaussian process over similarities: the best prediction is known */
} scp_synth_effects;

#define SCP_SYNTH_EFFECTS  "axes|gp"
#define SCP_SYNTH_PRESETS  "tiny|demo|small|medium|plate|keys"
#define SCP_SYNTH_PROFILES "learnable|realistic|pure"

/* Settings. A negative number means: as the preset (size) or the profile (effects) has it.
 * scp_synth_config_init sets every number to -1 and the seed to 1. */
typedef struct scp_synth_config {
    char *out;           /* folder for plateN.h5ad, tables, truth.h5 */
    char *table;         /* drug table, see chem/drug_table.h */
    int preset, profile; /* scp_synth_preset, scp_synth_profile */
    int effects;         /* scp_synth_effects */
    char *held_out;      /* with BY_GP: a file of drug names, one a line; the best prediction of
                            these is from the other drugs. NULL: of each drug from all others */
    /* tables of the atlas instead of invented names and places; each NULL or "": none */
    char *samples, *grid; /* wells, and cells of every key: both or none, see synth_atlas.h */
    char *plate_list;     /* with them: which plates, such as 1-3,14; NULL: as the preset */
    char *lines_table;    /* TSV: Cell_ID_Cellosaur, cell_name, Organ */
    char *genes_table;    /* TSV: gene_symbol, all genes in the order of the plates */
    char *gene_sets;      /* GMT: 12 of its sets are the drug programmes */
    int64_t seed;
    int64_t threads; /* of a rank; 0: scp_team_default. The files do not depend on it */
    double comm_timeout; /* s that ranks may wait for each other; 0: for ever */
    /* size */
    int64_t plates;       /* plates 3t+1, 3t+2, 3t+3 hold drug set t at 0.05, 0.5 and 5 uM */
    int64_t repeat;       /* 1: one more plate, the last drug set at 5 uM again */
    int64_t bridge;       /* 1: the first drug at 0.05 uM in a well of every plate, too */
    int64_t mixed;        /* 1: one more plate with drugs of all sets at all three doses */
    bool traps;           /* labels and wells that a reader may stumble over, see synth_traps.c */
    int64_t lines;        /* 1..50 */
    int64_t drugs;        /* first so many of the table; at most 94 a triple */
    int64_t genes;        /* up to 24,000 expressed ones, then silent ones up to 62,710 */
    double cells;         /* median cells of a treated key */
    double cells_line_sd; /* spread of ln cells between lines */
    double cells_key_sd;  /* and between keys of a line */
    double vehicle;       /* cells of a line in a vehicle well, as a multiple of `cells` */
    int64_t cells_min;    /* no key of a good well has fewer, unless the grid has fewer */
    double fraction;      /* with a grid: share of its cells */
    double failed_wells;  /* share of wells with 1 to 16 cells a line, as 50 to 800 of 50 lines */
    double depth;         /* factor of the library size */
    int64_t cells_total;  /* 0, or the cells of the screen: lines and drugs that are not set are
                             chosen for `cells` a key, and counts of keys are scaled to it */
    int64_t deflate;      /* 0..9 */
    int64_t lfc;          /* 1: truth.h5 holds the log fold changes of all keys, too */
    /* drug effects */
    int64_t axes;       /* principal axes of the fingerprints that carry the structure part */
    double structure;   /* s, share of a drug's direction that follows from the axes */
    double amplitude;   /* overall factor of the log fold changes */
    double common;      /* stress response that all drugs share, on two programmes */
    double interaction; /* sd of the line's own part of a drug's direction */
    double inert;       /* share of drugs with a tenth of their amplitude */
    double toxicity;    /* cells of a key x exp(-toxicity magnitude^2) */
    /* nuisance and counts */
    double sigma_plate; /* sd of the log effect of a plate on each gene */
    double sigma_well;  /* sd of a well's coefficients on five gene axes */
    double ambient;     /* share of counts from the well's pooled profile */
    double state;       /* sd of the state axis of a line's cells, amplitude of the cell cycle */
    double dispersion;  /* variance = mean + dispersion mean^2 */
    double library_sd;  /* sd of ln library size; 0 also drops its tail of large cells */
} scp_synth_config;

/* One line of the comparison of what came out with the real atlas. */
typedef struct scp_synth_stat {
    const char *name;
    double achieved, target; /* target NaN: nothing to compare with at these settings */
    const char *source;      /* where the target comes from */
} scp_synth_stat;

enum { SCP_SYNTH_MAX_STATS = 24 };

typedef struct scp_synth_report {
    size_t plates, wells, keys; /* keys: treated (line, drug, dose, plate) */
    bool means; /* key means were written: `cells` counts them */
    int64_t cells, nonzeros;
    /* computing time summed over ranks and threads: tables of wells, drawing, packing X, the rest
     * of writing; and wall time from start to end */
    double seconds_table, seconds_draw, seconds_pack, seconds_write, seconds_wall;
    int cores; /* ranks x threads */
    size_t n;
    scp_synth_stat stat[SCP_SYNTH_MAX_STATS];
} scp_synth_report;

/** "tiny", "demo", ... */
const char *scp_synth_preset_name(scp_synth_preset p);

void scp_synth_config_init(scp_synth_config *c);

/** Replace every negative number by the value of preset and profile, and check ranges.
 *  @param n_table  drugs in the table: a preset that wants more takes them all; a setting that
 *  wants more is SCP_EUSAGE. Not collective. */
scp_status scp_synth_config_resolve(scp_synth_config *c, size_t n_table) SCP_MUST_USE;

/** The settings as lines "name: value". Appends. */
scp_status scp_synth_config_text(const scp_synth_config *c, scp_strbuf *out) SCP_MUST_USE;

/** Write the screen into c->out (created when missing). Plates are dealt to groups of ranks, a
 *  plate is drawn by all ranks of its group; the last rank writes the tables and truth.h5. Files
 *  appear whole or not at all, and are the same bytes for any number of ranks and threads.
 *  SCP_EUSAGE bad settings, SCP_ENOINPUT or SCP_EDATA tables, SCP_EIO. `report` is filled on every
 *  rank. Collective. */
scp_status scp_synth_run(scp_comm *comm, const scp_synth_config *c,
                         scp_synth_report *report) SCP_MUST_USE;

#endif
