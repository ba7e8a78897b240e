/* Result files read back, ours or cell-eval's, and two of them lined up. Conditions are matched by
 * the key columns of their files, so both must have the same ones. Not collective. */
#ifndef SCP_EVAL_SCORE_READ_H
#define SCP_EVAL_SCORE_READ_H

#include "eval/bootstrap.h"

typedef struct scp_score_rows {
    size_t n, n_cols;
    char **key;   /* [n] "label, line, plate", as far as the file has them */
    char **label; /* [n] "label, line": what discrimination scores belong to */
    char **name;  /* [n_cols] metrics: columns of numbers that are scores, no twins */
    double *v;    /* [n, n_cols]; an empty field is NaN */
} scp_score_rows;

/** Read a results.csv. SCP_ENOINPUT; SCP_EDATA names file, line and column. out:
 *  scp_score_rows_fini. */
scp_status scp_score_rows_read(const char *path, scp_score_rows *out) SCP_MUST_USE;
void scp_score_rows_fini(scp_score_rows *r);

/* Two files on the conditions and metrics that both have. */
typedef struct scp_score_match {
    size_t n, n_cols;           /* in both */
    size_t only_a, only_b;      /* conditions of one alone */
    const char **name;          /* [n_cols] metrics, borrowed from a */
    scp_comparison *comparison; /* [n_cols] */
} scp_score_match;

/** Compare a with b (eval/bootstrap.h); discrimination scores count once a label. SCP_EDATA when
 *  they share no condition or no metric, or a condition occurs twice. out: scp_score_match_fini. */
scp_status scp_score_rows_compare(const scp_score_rows *a, const scp_score_rows *b,
                                  int64_t resamples, int64_t seed,
                                  scp_score_match *out) SCP_MUST_USE;
void scp_score_match_fini(scp_score_match *m);

#endif
