/* Choice of genes: detection, dispersion, lists. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "data/genes.h"
#include "tap.h"

enum { G = 60 };

static void test_parse(void)
{
    scp_gene_choice c;
    tap_st(scp_gene_choice_parse("all", &c), "all");
    tap_ok(c.rule == SCP_GENES_ALL, "all genes");
    tap_st(scp_gene_choice_parse("hvg:2000", &c), "hvg:2000");
    tap_ok(c.rule == SCP_GENES_HVG && c.n == 2000, "2000 variable genes");
    tap_st(scp_gene_choice_parse("hvg-list.txt", &c), "a file whose name begins with hvg");
    tap_ok(c.rule == SCP_GENES_FILE, "is a file");
    tap_fails(scp_gene_choice_parse("hvg:0", &c), SCP_EUSAGE, "hvg:N", "no genes");
    tap_fails(scp_gene_choice_parse("hvg:many", &c), SCP_EUSAGE, "hvg:N", "not a number");
    tap_fails(scp_gene_choice_parse("hvg", &c), SCP_EUSAGE, "hvg:N", "no number");
}

static void test_detected(void)
{
    int64_t detected[5] = { 0, 2, 3, 1000, 3000 };
    scp_gene_moments m = { .G = 5, .cells = 3000, .detected = detected };
    int32_t *column = NULL;
    size_t n = 0;
    tap_st(scp_genes_detected(&m, &column, &n), "detection in 3000 cells");
    tap_ok(n == 3 && column[0] == 2 && column[2] == 4, "at least 0.1 %%: 3 cells");
    free(column);
    m.cells = 10000000;
    tap_fails(scp_genes_detected(&m, &column, &n), SCP_EDATA, "no gene", "nothing is detected");
}

/* Genes of one mean in three bins; in each bin one gene varies more than the others. */
static void test_variable(void)
{
    int64_t detected[G];
    double sum[G], square[G];
    for (int g = 0; g < G; g++) {
        double mean = 1 + g / 20, spread = g % 20 == 7 ? 1.0 : 0.1 + 0.001 * (g % 20);
        detected[g] = 100;
        sum[g] = 50 * mean;
        square[g] = 50 * (mean * mean + spread);
    }
    square[8] = sum[8] * sum[8] / 50; /* does not vary */
    detected[27] = 0;                 /* would be chosen, but is not detected */
    scp_gene_moments m = {
        .G = G, .cells = 1000, .detected = detected, .profiles = 50, .sum = sum, .square = square
    };
    int32_t *column = NULL;
    size_t n = 0;
    tap_st(scp_genes_variable(&m, 2, &column, &n), "two variable genes");
    tap_ok(n == 2 && column[0] == 7 && column[1] == 47,
           "the outlier of each bin of means, in order");
    free(column);
    tap_st(scp_genes_variable(&m, 1000, &column, &n), "more than there are");
    bool without = true;
    for (size_t i = 0; i < n; i++) without = without && column[i] != 8 && column[i] != 27;
    tap_ok(n == G - 2 && without, "all that vary and are detected");
    free(column);
}

static void test_listed(void)
{
    char *gene[] = { "TP53", "MYC", "KRAS", "EGFR" };
    char path[SCP_PATH_MAX];
    const char *text = "# a list\nKRAS\tmore\r\n\nNOSUCH\nMYC\n", *twice = "MYC\nMYC\n",
               *absent = "MYC\nX\nX\n", *none = "X\n";
    scp_gene_list l = { 0 };
    snprintf(path, sizeof path, "%s/genes.txt", tap_tmpdir());
    tap_st(scp_fs_write_text(path, text, strlen(text)), "a list");
    tap_st(scp_genes_listed(path, gene, 4, &l), "read it");
    tap_ok(l.n == 3 && l.column[0] == 2 && l.column[2] == 1, "its order stays");
    tap_ok(l.missing == 1 && l.column[1] == -1 && strcmp(l.name[1], "NOSUCH") == 0,
           "a gene that the data lack keeps its place");
    scp_gene_list_fini(&l);
    tap_st(scp_fs_write_text(path, twice, strlen(twice)), "another");
    tap_fails(scp_genes_listed(path, gene, 4, &l), SCP_EDATA, "genes.txt:2", "twice");
    tap_st(scp_fs_write_text(path, absent, strlen(absent)), "another");
    tap_fails(scp_genes_listed(path, gene, 4, &l), SCP_EDATA, "listed twice",
              "twice, and not in the data");
    tap_st(scp_fs_write_text(path, none, strlen(none)), "another");
    tap_fails(scp_genes_listed(path, gene, 4, &l), SCP_EDATA, "none of its", "none");
    tap_fails(scp_genes_listed("/nonexistent", gene, 4, &l), SCP_ENOINPUT, "/nonexistent",
              "no file");
}

int main(void)
{
    test_parse();
    test_detected();
    test_variable();
    test_listed();
    return tap_done();
}
