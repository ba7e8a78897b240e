/* Gene sets in GMT files (Broad Institute): one set a line, fields separated by tabs: name,
 * description, genes. Plain or gzip. Not collective. */
#ifndef SCP_IO_GMT_H
#define SCP_IO_GMT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct scp_gmt scp_gmt;

/* One set; everything is borrowed from the file. */
typedef struct scp_gene_set {
    const char *name;
    const char *description; /* "" when empty */
    const char *const *gene; /* [n] in the order of the file, each once */
    size_t n;
} scp_gene_set;

/** Read all sets. Blanks around fields are cut, empty gene fields and empty lines are skipped, and
 * a gene that a set names twice counts once. SCP_ENOINPUT missing; SCP_EDATA with file and line: no
 *  description, no gene, no name, two sets of one name, no set at all, text that is not UTF-8.
 *  *out: scp_gmt_destroy. */
scp_status scp_gmt_read(const char *path, scp_gmt **out) SCP_MUST_USE;
/** The same from text; `name` stands for the file in messages. */
scp_status scp_gmt_parse(const char *text, size_t len, const char *name,
                         scp_gmt **out) SCP_MUST_USE;
void scp_gmt_destroy(scp_gmt **g);

size_t scp_gmt_count(const scp_gmt *g);
/** i-th set, in the order of the file. */
scp_gene_set scp_gmt_set(const scp_gmt *g, size_t i);
/** Find a set by its whole name; false when there is none. */
bool scp_gmt_find(const scp_gmt *g, const char *name, scp_gene_set *set);

#endif
