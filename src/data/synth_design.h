/* The plan of a synthetic screen: genes, lines, drugs, plates, and the true effects. A pure
 * function of the settings, built alike on every rank. Private to the generator and its tests.
 *
 *   G genes   K line programmes   P drug programmes   J well axes   C lines   D drugs
 *
 * log rate of gene g in a cell of line c, drug d, dose x, plate p, well w (natural logarithm):
 *   line_log[c,g] + LFC[g] + plate[p,g] + sum_j coef[w,j] X[j,g]
 *   LFC[g] = magnitude(c,d,x) sum_p V[p,g] (e[d,p] + own[c,d,p]) */
#ifndef SCP_DATA_SYNTH_DESIGN_H
#define SCP_DATA_SYNTH_DESIGN_H

#include "data/synth.h"

enum {
    SCP_SYNTH_LINES = 50,
    SCP_SYNTH_ATLAS_GENES = 62710,
    SCP_SYNTH_EXPRESSED = 24000,
    SCP_SYNTH_WELLS = 96,      /* 8 rows of 12 */
    SCP_SYNTH_DRUG_WELLS = 94, /* two hold vehicle */
    SCP_SYNTH_K = 16,
    SCP_SYNTH_P = 12,
    SCP_SYNTH_J = 5,
    SCP_SYNTH_SYMBOL = 32 /* bytes of a gene's name */
};

/* A well's drug, when it is none. */
enum { SCP_SYNTH_VEHICLE = -1, SCP_SYNTH_EMPTY = -2 };

/* What a gene takes part in. */
enum {
    SCP_SYNTH_MITO = 1,  /* mitochondrial: pcnt_mito */
    SCP_SYNTH_STATE = 2, /* rises with the state axis of a cell */
    SCP_SYNTH_S = 4,     /* up in S phase */
    SCP_SYNTH_G2M = 8    /* up in G2/M phase */
};

typedef struct scp_synth_line {
    const char *id, *name, *organ; /* Cellosaurus id, usual name */
} scp_synth_line;

typedef struct scp_synth_drug {
    const char *name, *smiles, *moa; /* borrowed from the plan; smiles "" when it is not known */
    const char *label;               /* what the plates call it: blanks may trail */
    double z[64];                    /* [axes] structure coordinates, unit variance over drugs    */
    double e[SCP_SYNTH_P];           /* programme effects                                         */
    double strength;                 /* A_d, inert drugs a tenth                                  */
    int32_t inert;                   /* 0 or 1                                                    */
    double log_ec50;                 /* log10 uM                                                  */
    double slope;
    double sensitivity[SCP_SYNTH_K]; /* how the line's programmes scale its strength              */
} scp_synth_drug;

typedef struct scp_synth_pair { /* of a line and a drug */
    double own[SCP_SYNTH_P];
    double shift; /* of log10 EC50 */
} scp_synth_pair;

typedef struct scp_synth_well {
    int drug;     /* index, SCP_SYNTH_VEHICLE or SCP_SYNTH_EMPTY */
    int dose;     /* index into scp_synth_dose; of no meaning without a drug */
    bool failed;
    double depth; /* factor of the library size, plate and well together */
    double coef[SCP_SYNTH_J];
    int32_t cells[SCP_SYNTH_LINES]; /* by line */
} scp_synth_well;

typedef struct scp_synth_plate {
    int number;   /* plateN */
    float *gene;  /* [G] log effect */
    scp_synth_well well[SCP_SYNTH_WELLS];
} scp_synth_plate;

typedef struct scp_synth_design {
    scp_synth_config cfg;  /* resolved; its texts are borrowed */
    struct scp_drug_table *table;
    struct scp_names *text; /* texts that belong to no table */
    struct scp_synth_atlas *atlas; /* the design that was read; NULL: invented */
    size_t G, C, D, n_plates;
    char (*gene)[SCP_SYNTH_SYMBOL]; /* [G] */
    uint8_t *gene_flags;   /* [G] */
    uint16_t *gene_sets;   /* [G] bit p: a member of the gene set of programme p */
    const char *set[SCP_SYNTH_P]; /* names of the gene sets; NULL: programmes are random genes */
    double *base;          /* [G] log abundance; -infinity when never expressed */
    double captured;       /* share of a cell's counts that falls on these genes */
    float *W, *V, *X;      /* [K, G], [P, G], [J, G] */
    double *h;             /* [C, K] */
    float *line_log;       /* [C, G] log share of a vehicle cell's counts; sums to captured */
    scp_synth_line *line;  /* [C] */
    scp_synth_drug *drug;  /* [D] */
    scp_synth_pair *pair;  /* [C, D] */
    double mix[SCP_SYNTH_P * 64]; /* [P, axes] */
    double *kernel;        /* [D, D] BY_GP: covariance of a programme, before its scale */
    uint8_t *held;         /* [D] 1: not to be learned from; NULL: no list was given */
    double *kriged;        /* [D, P] best prediction of e */
    double *kriging_variance; /* [D] of each programme's error, in units of its variance */
    scp_synth_plate *plate; /* [n_plates] */
} scp_synth_design;

/* Drugs of --traps, and where they stand beside the wells of their set. */
typedef struct scp_synth_trap {
    const char *name, *label, *smiles, *moa; /* as scp_synth_drug */
    int extra;   /* 1: a second well at the plate's dose; 2: one at the next dose; 0: none */
    bool failed; /* the wells of its first plate fail */
} scp_synth_trap;
enum { SCP_SYNTH_TRAP_WELLS = 2 }; /* wells with `extra` */

/* Library sizes: log-normal, a share of cells larger by another log-normal; clipped. */
typedef struct scp_synth_library {
    double median, min, max; /* counts over all genes, before the depth of the well */
    double large_share, large_mean, large_sd; /* of ln size */
    double shift; /* ln size that large cells add to the median: all others are so much smaller */
} scp_synth_library;
extern const scp_synth_library scp_synth_library_sizes;

extern const scp_synth_trap scp_synth_traps[];
extern const size_t scp_synth_trap_count;
extern const double scp_synth_dose[3];            /* uM */
extern const char *const scp_synth_dose_text[3];  /* as Python prints them */

/** Build the plan: resolves the settings, reads the drug table. SCP_EUSAGE, SCP_ENOINPUT,
 *  SCP_EDATA. *out: scp_synth_design_destroy. Not collective. */
scp_status scp_synth_design_create(const scp_synth_config *cfg, scp_synth_design **out)
    SCP_MUST_USE;
void scp_synth_design_destroy(scp_synth_design **d);

/* Its steps, in this order. */
scp_status scp_synth_plan_genes(scp_synth_design *d) SCP_MUST_USE;
scp_status scp_synth_plan_lines(scp_synth_design *d) SCP_MUST_USE;
scp_status scp_synth_plan_drugs(scp_synth_design *d) SCP_MUST_USE;
scp_status scp_synth_plan_plates(scp_synth_design *d) SCP_MUST_USE;

/** Is there a name in this setting? */
bool scp_synth_has_text(const char *text);
/** Plates of the atlas that a preset stands for, as a list. */
const char *scp_synth_preset_plates(scp_synth_preset p);

/** Put drugs and vehicle into the wells of all plates, as the settings say: numbers, drugs and
 *  doses, and which wells fail for sure. Allocates d->plate. */
scp_status scp_synth_plan_layout(scp_synth_design *d) SCP_MUST_USE;

/** Leading q principal axes of n binary rows: the coordinates of the rows, each axis with mean 0,
 *  variance 1 and its largest entry positive. z [n, q] owned by the caller, q < n. */
scp_status scp_synth_principal_axes(const uint8_t *bits, size_t n, size_t width, size_t q,
                                    uint64_t seed, double *z) SCP_MUST_USE;

/** May the invented screen take drug i of the table? It has a structure, and no trap its name. */
bool scp_synth_drug_usable(const scp_synth_config *cfg, const struct scp_drug_table *table,
                           size_t i);

/** What all drugs have in common on a programme: the mean of its effects by a Gaussian process. */
double scp_synth_common(const scp_synth_design *d, size_t programme);

/** True strength of a drug in a line at dose index x, amplitude included. */
double scp_synth_magnitude(const scp_synth_design *d, size_t line, size_t drug, int x);
/** True log fold change of a key, natural logarithm. lfc [G] owned by the caller. */
void scp_synth_lfc(const scp_synth_design *d, size_t line, size_t drug, int x, float *lfc);

/** Cells of a plate. */
int64_t scp_synth_plate_cells(const scp_synth_design *d, size_t plate);

#endif
