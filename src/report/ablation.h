/* The ablation table [paper Figure 4]: scores of the full model and of ablations A to F, collected
 * from run folders, one a seed. Reads files only. Not collective. */
#ifndef SCP_REPORT_ABLATION_H
#define SCP_REPORT_ABLATION_H

#include "report/table.h"

/** A row of the table. The full model's scores are <run>/eval/summary.json, those of ablation X
 *  <run>/eval-ablation-X/summary.json. */
typedef struct scp_ablation {
    char letter;             /* 'A' to 'F'; 0: the full model                        */
    const char *model;       /* its name in the summary: "ablation-A", or "scppdm"   */
    const char *what;        /* "no condition"                                       */
    const char *key, *value; /* the one setting that differs, NULL in the full model */
    bool sampling;           /* differs in sampling only: the network is the full model's */
} scp_ablation;

enum { SCP_ABLATIONS = 7 };

/** The full model, then A to F. */
extern const scp_ablation scp_ablations[SCP_ABLATIONS];

/* The figures of a row: names, where they stand in a summary. */
enum { SCP_ABLATION_FIGURES = 10 };
extern const char *const scp_ablation_figures[SCP_ABLATION_FIGURES];

/** Read the figures of one ablation in one run folder and split. *found false, and NaN, when there
 *  are none; SCP_EDATA when the summary cannot be read. */
scp_status scp_ablation_read(const char *run_dir, const scp_ablation *a, const char *split,
                             double v[SCP_ABLATION_FIGURES], bool *found) SCP_MUST_USE;

/** The table of one split over these run folders: mean and standard error. A row without any run is
 *  left out; *found is false when all are. t: scp_table_fini in any case. */
scp_status scp_ablation_table_of(char *const *run, size_t n, const char *split, scp_table *t,
                                 bool *found) SCP_MUST_USE;

/** The table of one split: mean and standard error over the run folders below dir (or dir itself).
 *  A row without any run is left out; *found is false when all are. SCP_ENOINPUT when dir is
 *  missing. t: scp_table_fini in any case. */
scp_status scp_ablation_table(const char *dir, const char *split, scp_table *t,
                              bool *found) SCP_MUST_USE;

#endif
