/* Reading tests/golden/ TSV files: lines of tab-separated fields, '#' lines skipped. */
#ifndef SCP_TESTS_EVAL_GOLDEN_FILE_H
#define SCP_TESTS_EVAL_GOLDEN_FILE_H

#include <stddef.h>

typedef struct golden_file {
    char *text, *next;
    char *field[4096];
    size_t n; /* fields of the current line */
} golden_file;

/** Open a file of the golden folder of the source tree. False when it is missing. */
int golden_open(golden_file *f, const char *name);
/** Next line into field, n; 0 at the end. */
int golden_next(golden_file *f);
/** Is the current line of this kind (first field)? */
int golden_is(const golden_file *f, const char *kind);
/** Fields 1 .. as float32 values [n - 1]; caller frees. */
float *golden_floats(const golden_file *f, size_t from);
void golden_close(golden_file *f);

#endif
