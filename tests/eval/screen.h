/* Small screens for tests: a data set from a list of controls and conditions, and the screen of
 * tests/golden/metrics_screen.tsv with its predictions and golden metrics. */
#ifndef SCP_TESTS_EVAL_SCREEN_H
#define SCP_TESTS_EVAL_SCREEN_H

#include "io/dataset.h"

typedef struct screen_row {
    const char *line, *drug, *plate; /* drug NULL: the control of (line, plate) */
    double dose;
    scp_split split;
    const float *x; /* [G] */
} screen_row;

/** Pairs in the order of the rows that have a drug; controls may come anywhere. Names are copied.
 */
scp_status screen_make(size_t G, const screen_row *row, size_t n, scp_dataset *out) SCP_MUST_USE;

typedef struct screen {
    scp_dataset d;
    double pseudo;
    long deg_k;
    float *pred;        /* [d.N, G] */
    size_t n_metrics;   /* of a condition */
    char (*metric)[32]; /* [n_metrics] names */
    double *golden;     /* [d.N, n_metrics] */
} screen;

/** The golden screen: every pair is in split UC. */
scp_status screen_read(screen *s) SCP_MUST_USE;
void screen_fini(screen *s);

/** A scp_predictor.fill that returns s->pred. */
scp_status screen_fill(void *s, const int32_t *rows, size_t n, float *out);

#endif
