/* Result files read back, ours or cell-eval's, and two of them lined up by the key columns that
 * both have: perturbation, cell_line, plate. Where one has no plates (cell-eval averages them),
 * those of the other are averaged. Not collective. */
#ifndef SCP_EVAL_SCORE_READ_H
#define SCP_EVAL_SCORE_READ_H

#include <stdbool.h>

#include "eval/bootstrap.h"

typedef struct scp_score_rows {
    size_t n, n_cols;
    bool has_line, has_plate;
    bool own_line; /* the line is a column of the file, not in its name */
    char **key;   /* [n] label, line and plate as far as the file has them, tabs between */
    char **label; /* [n] label, tab, line: what discrimination scores belong to */
    char **name;  /* [n_cols] metrics: columns of numbers that are scores, no twins */
    double *v;    /* [n, n_cols]; an empty field is NaN */
} scp_score_rows;

/** Read a results.csv. One without a column cell_line whose name is LINE_results.csv, as cell-eval
 *  names those of a cell type, is of that line. SCP_ENOINPUT; SCP_EDATA names file, line and
 *  column. out: scp_score_rows_fini. */
scp_status scp_score_rows_read(const char *path, scp_score_rows *out) SCP_MUST_USE;

/** All result files of a folder of cell-eval: results.csv, or LINE_results.csv of every line. The
 *  columns of the first file. Several files with a column cell_line are models of ours, not lines,
 *  and SCP_EDATA, as other columns are. out: scp_score_rows_fini. */
scp_status scp_score_rows_read_folder(const char *dir, scp_score_rows *out) SCP_MUST_USE;
void scp_score_rows_fini(scp_score_rows *r);

/* Two files on the conditions and metrics that both have. */
typedef struct scp_score_match {
    size_t n, n_cols;           /* in both */
    size_t only_a, only_b;      /* conditions of one alone */
    const char **name;          /* [n_cols] metrics, borrowed from a */
    scp_comparison *comparison; /* [n_cols] */
} scp_score_match;

/** Compare a with b (eval/bootstrap.h); discrimination scores count once a label. SCP_EDATA when
 *  they share no condition or no metric, a condition occurs twice, or one alone has cell lines and
 *  has several. out: scp_score_match_fini. */
scp_status scp_score_rows_compare(const scp_score_rows *a, const scp_score_rows *b,
                                  int64_t resamples, int64_t seed,
                                  scp_score_match *out) SCP_MUST_USE;
void scp_score_match_fini(scp_score_match *m);

#endif
