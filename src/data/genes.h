/* Which genes a shard keeps: all detected, the most variable, or a list. */
#ifndef SCP_DATA_GENES_H
#define SCP_DATA_GENES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define SCP_GENES_MIN_DETECTED 0.001 /* share of training cells in which a kept gene is found */

typedef enum scp_gene_rule { SCP_GENES_ALL, SCP_GENES_HVG, SCP_GENES_FILE } scp_gene_rule;

typedef struct scp_gene_choice {
    scp_gene_rule rule;
    size_t n;         /* hvg:N                                  */
    const char *path; /* a list, one gene a line; borrowed      */
} scp_gene_choice;

/** "all", "hvg:N", or the name of a file. SCP_EUSAGE for hvg without a positive number. */
scp_status scp_gene_choice_parse(const char *text, scp_gene_choice *out) SCP_MUST_USE;

/* What the training split says of every gene: over cells for detection, over profiles for
 * spread. */
typedef struct scp_gene_moments {
    size_t G;
    int64_t cells;           /* training cells                                        */
    const int64_t *detected; /* [G] of them, those with a value above 0               */
    int64_t profiles;        /* training profiles, vehicle included; 0 unless for hvg */
    const double *sum;       /* [G] of profile values                                 */
    const double *square;    /* [G] of their squares                                  */
} scp_gene_moments;

/** Genes detected in at least SCP_GENES_MIN_DETECTED of the training cells, in order. *column [*n]
 *  owned by the caller. */
scp_status scp_genes_detected(const scp_gene_moments *m, int32_t **column, size_t *n) SCP_MUST_USE;

/** The N detected genes of largest normalised dispersion, in order of the matrix: dispersion
 *  log(variance / mean) of the training profiles, standardised within 20 bins of equal width of the
 *  mean (the bins of Seurat and scanpy, Satija et al. 2015, on profiles instead of cells). Fewer
 *  when fewer vary. *column [*n] owned by the caller. */
scp_status scp_genes_variable(const scp_gene_moments *m, size_t N, int32_t **column,
                              size_t *n) SCP_MUST_USE;

/* A list of genes, in its own order. Zero-initialise, scp_gene_list_fini. */
typedef struct scp_gene_list {
    size_t n, missing; /* genes; of them, those that the data do not have */
    char **name;       /* [n] */
    int32_t *column;   /* [n] in the data, -1: missing                    */
} scp_gene_list;

/** Genes of a list file: the first column of every line (up to a tab); blank lines and lines that
 *  begin with # are skipped. The order is that of the file. `gene` [G] are those of the data.
 *  SCP_ENOINPUT; SCP_EDATA when a name stands twice, or none is in the data. */
scp_status scp_genes_listed(const char *path, char *const *gene, size_t G,
                            scp_gene_list *out) SCP_MUST_USE;
void scp_gene_list_fini(scp_gene_list *l);

#endif
