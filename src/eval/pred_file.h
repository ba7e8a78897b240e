/* Predictions as AnnData files, in the layout that cell-eval and STATE read: X log1p as CSR, obs
 * columns drugname_drugconc, drug, cell_name (categorical), dose_uM (real), plate (categorical),
 * and the vehicle profiles, unchanged, beside the treated ones. Predictions of a model with a
 * distribution have a dense layer sd, the standard deviation over its samples. */
#ifndef SCP_EVAL_PRED_FILE_H
#define SCP_EVAL_PRED_FILE_H

#include "io/dataset.h"
#include "eval/evaluate.h"

/* One row of a prediction file. Names are borrowed; drug NULL: vehicle. */
typedef struct scp_pred_key {
    const char *line, *drug, *plate;
    double dose; /* uM */
} scp_pred_key;

typedef struct scp_pred_writer scp_pred_writer;

/** Open a file of n rows with these keys, in order. The file appears when it is committed.
 *  @param gene  [G] names, borrowed  @param key  [n], borrowed until commit or abort
 *  @param config  text kept under uns/scppdm_config, or NULL. Not collective. */
scp_status scp_pred_writer_create(const char *path, char *const *gene, size_t G,
                                  const scp_pred_key *key, size_t n, const char *config,
                                  scp_pred_writer **out) SCP_MUST_USE;
/** Append predicted rows x [n, G]. Entries below 0 become 0; NaN or infinity is SCP_EDATA with the
 *  key. Not collective. */
scp_status scp_pred_writer_add(scp_pred_writer *w, const float *x, size_t n) SCP_MUST_USE;
/** Append true rows unchanged: an entry below 0 is SCP_EDATA too (readers of the file refuse it).
 */
scp_status scp_pred_writer_add_true(scp_pred_writer *w, const float *x, size_t n) SCP_MUST_USE;
/** Start layers/sd, the spread of the predictions over `samples` samples, beside X; right after
 * create. */
scp_status scp_pred_writer_begin_spread(scp_pred_writer *w, size_t samples) SCP_MUST_USE;
/** Append rows of the spread sd [n, G]; NULL: zeros, as controls have. NaN, infinity and values
 * below 0 are SCP_EDATA. */
scp_status scp_pred_writer_add_spread(scp_pred_writer *w, const float *sd, size_t n) SCP_MUST_USE;
/** All rows must have been written. Destroys w in any case. */
scp_status scp_pred_writer_commit(scp_pred_writer **w) SCP_MUST_USE;
void scp_pred_writer_abort(scp_pred_writer **w);

/** "[('Drug', 0.5, 'uM')]" as in Tahoe's drugname_drugconc; the vehicle (drug NULL) is
 *  "[('DMSO_TF', 0.0, 'uM')]". *out owned by the caller. */
scp_status scp_pred_label(const char *drug, double dose, char **out) SCP_MUST_USE;

/** Keys of an evaluation file: the pairs in the order of scp_scores, then the vehicle profiles that
 *  are their controls. *key [*n] owned by the caller (free); names belong to d. *control
 * [*n_control] profiles of the vehicle rows, owned by the caller. Not collective. */
scp_status scp_pred_keys(const scp_dataset *d, const int32_t *ordered_rows, size_t n_rows,
                         scp_pred_key **key, size_t *n, int32_t **control,
                         size_t *n_control) SCP_MUST_USE;

/** Write the truth of some pairs in the same layout (real_<split>.h5ad). Not collective. */
scp_status scp_pred_write_real(const scp_dataset *d, const int32_t *rows, size_t n,
                               const char *path) SCP_MUST_USE;

/** Write the predictions of some pairs (pred_<split>.h5ad) without scoring. Every rank predicts,
 * rank 0 writes. Collective. */
scp_status scp_pred_write(scp_comm *comm, const scp_dataset *d, const int32_t *rows, size_t n,
                          const scp_predictor *model, size_t block) SCP_MUST_USE;

/* Predictions read back from an AnnData file, ours or foreign. */
typedef struct scp_pred_file scp_pred_file;

typedef struct scp_pred_file_report {
    size_t n_rows;       /* rows of the file */
    size_t n_matched;    /* conditions asked for that have a prediction */
    size_t n_missing;    /* conditions asked for without one */
    size_t n_unused;     /* treated rows that belong to no condition asked for */
    size_t n_averaged;   /* conditions with more than one row (their mean is used) */
    bool genes_permuted; /* same genes in another order */
    bool any_plate;      /* no plate column: one prediction serves every plate of a label */
    char text[512];      /* the above in words, with the first missing condition and unused row */
} scp_pred_file_report;

/** Open predictions for some pairs of d. Columns of obs, the first that is there: cell_name,
 *  cell_line, cell_type, celltype (none is needed when the pairs are of one line); plate
 *  (optional); drug + dose_uM, or else labels [('drug', 0.5, 'uM')] as drugname_drugconc,
 *  perturbation, target_gene, target. Genes must be those of d, in any order.
 *  @param allow_missing  conditions without a prediction are NaN instead of SCP_EDATA
 *  @return SCP_EDATA names the file and the gene, column or condition that does not match.
 *  Every rank opens the file on its own; not collective. *out: scp_pred_file_close. */
scp_status scp_pred_file_open(const char *path, const scp_dataset *d, const int32_t *rows, size_t n,
                              bool allow_missing, scp_pred_file **out,
                              scp_pred_file_report *report) SCP_MUST_USE;
void scp_pred_file_close(scp_pred_file **f);

/** A scp_predictor.fill; ctx is the scp_pred_file. */
scp_status scp_pred_file_fill(void *ctx, const int32_t *rows, size_t n, float *out) SCP_MUST_USE;

#endif
