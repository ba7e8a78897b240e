/* scppdm_prep --inspect: what a file holds, and how scppdm_prep would read it. */
#ifndef SCP_DATA_INSPECT_H
#define SCP_DATA_INSPECT_H

#include "base/str.h"
#include "data/keys.h"
#include "data/prep.h"
#include "io/h5ad_info.h"

/* One name that scppdm_prep needs, and the obs column that has it. */
typedef struct scp_inspect_role {
    const char *name;   /* "cell line"                                             */
    const char *option; /* "--obs-line"                                            */
    const char *column; /* what the layout and the overrides say; NULL: none       */
    bool found;         /* ... and the file has it                                 */
    const char *other;  /* a column of the file that has this name elsewhere, or NULL */
} scp_inspect_role;

enum {
    SCP_ROLE_LINE,
    SCP_ROLE_DRUG,
    SCP_ROLE_DOSE,
    SCP_ROLE_UNIT,
    SCP_ROLE_PLATE,
    SCP_ROLE_QC,
    SCP_ROLE_SMILES,
    SCP_ROLE_COUNT
};

/* A look at the numbers of the matrix. */
typedef struct scp_inspect_values {
    size_t n, zeros, whole, negative, not_finite;
    double max;
} scp_inspect_values;

/* What the cells give, when the columns that are needed were found. */
typedef struct scp_inspect_screen {
    int64_t cells, vehicle_cells; /* in keys */
    scp_cells_left left;
    size_t lines, drugs, plates, keys, vehicle_keys, few; /* few: keys below min_cells        */
    int64_t median_cells;                                 /* of a key                         */
    size_t n_doses, largest_plate;                        /* largest: keys of one plate       */
    double dose[16];                                      /* the smallest distinct ones, uM   */
} scp_inspect_screen;

/* Zero-initialise, scp_inspection_fini. */
typedef struct scp_inspection {
    const char *path; /* borrowed */
    scp_h5ad_info info;
    const scp_h5ad_matrix_info *matrix; /* the one to read, or NULL */
    scp_inspect_values values;
    int kind;        /* scp_values that fits the numbers, -1: none does               */
    int layout;      /* scp_layout that fits best                                     */
    scp_obs_map map; /* of that layout, with overrides and with the columns of `other` */
    scp_inspect_role role[SCP_ROLE_COUNT];
    char vehicle[256];  /* the label of the control as it would be read, "" not found  */
    bool vehicle_guess; /* it is not what the layout says                             */
    char why[512];      /* why no key can be made, "" otherwise                       */
    scp_inspect_screen screen;
    int64_t min_cells;
} scp_inspection;

/** Look at one file. Reads metadata, the label columns, and a sample of the matrix. What cannot be
 *  read as a screen is said in x->why; SCP_ENOINPUT and SCP_EDATA only when it is no AnnData file.
 *  settings: the layout and overrides to start from. x: scp_inspection_fini, also after an error.
 *  Not collective. */
scp_status scp_inspect(const scp_prep_settings *settings, const char *path,
                       scp_inspection *x) SCP_MUST_USE;
void scp_inspection_fini(scp_inspection *x);

/** Append a page for people, or one line of JSON. */
scp_status scp_inspect_print(const scp_inspection *x, scp_strbuf *out) SCP_MUST_USE;
scp_status scp_inspect_json(const scp_inspection *x, scp_strbuf *out) SCP_MUST_USE;

/** The options that scppdm_prep needs beside the layout to read the file so, e.g.
 *  " --obs-line=cell_type --vehicle=DMSO"; "" when there are none. */
scp_status scp_inspect_options(const scp_inspection *x, scp_strbuf *out) SCP_MUST_USE;

#endif
