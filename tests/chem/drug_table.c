/* The drug table: columns by header, trimmed names, and what is refused. */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "chem/drug_table.h"
#include "tap.h"

static char path[SCP_PATH_MAX];

static scp_status read_text(const char *text, scp_drug_table **t)
{
    snprintf(path, sizeof path, "%s/drugs.tsv", tap_tmpdir());
    scp_status st = scp_fs_write_text(path, text, strlen(text));
    return st == SCP_OK ? scp_drug_table_read(path, t) : st;
}

static void test_columns(void)
{
    scp_drug_table *t = NULL;
    scp_drug_row row;
    if (!tap_st(read_text("targets\tMOA-fine\tDrug\tcanonical_smiles\r\n"
                          "x\tMEK inhibitor\tTrametinib \tCC\r\n"
                          "\t\tSacubitril/Valsartan\t\r\n"
                          "\n"
                          "y\tunclear\t18β-Glycyrrhetinic acid, (x)\tCCO",
                          &t),
                "columns in any order, CRLF, an empty line, no newline at the end"))
        return;
    tap_ok(scp_drug_table_count(t) == 3, "three drugs");
    tap_ok(scp_drug_table_find(t, "Trametinib", &row),
           "a name with a trailing blank is found trimmed");
    tap_text(row.smiles, "CC", "structure");
    tap_text(row.moa, "MEK inhibitor", "mechanism");
    tap_ok(scp_drug_table_find(t, "Sacubitril/Valsartan", &row) && row.smiles[0] == '\0' &&
               row.moa[0] == '\0',
           "a drug without structure is there, with empty cells");
    tap_ok(scp_drug_table_find(t, "18β-Glycyrrhetinic acid, (x)", &row),
           "UTF-8, comma, parentheses");
    tap_text(scp_drug_table_row(t, 2).smiles, "CCO", "row by index");
    tap_ok(!scp_drug_table_find(t, "trametinib", &row), "names are case-sensitive");
    scp_drug_table_destroy(&t);
    tap_ok(t == NULL, "destroyed");
}

static void test_refused(void)
{
    scp_drug_table *t = NULL;
    tap_fails(scp_drug_table_read("/nonexistent/drugs.tsv", &t), SCP_ENOINPUT, "/nonexistent",
              "a missing file");
    tap_fails(read_text("name\tformula\nA\tC\n", &t), SCP_EDATA, "smiles", "no structure column");
    tap_fails(read_text("compound\tsmiles\nA\tC\n", &t), SCP_EDATA, "'drug'", "no name column");
    tap_fails(read_text("drug\tsmiles\nA\tC\nB\n", &t), SCP_EDATA, "drugs.tsv:3", "a short row");
    tap_fails(read_text("drug\tsmiles\nA\tC\n \tC\n", &t), SCP_EDATA, "drugs.tsv:3",
              "a row without name");
    tap_fails(read_text("drug\tsmiles\nA\tC\nA\tCC\n", &t), SCP_EDATA, "'A'", "two structures");
    tap_st(read_text("drug\tsmiles\nA\tC\nA\tC\n", &t), "the same row twice is no contradiction");
    tap_ok(t && scp_drug_table_count(t) == 1, "and counts once");
    scp_drug_table_destroy(&t);
}

static void test_tahoe(void)
{
    const char *file = tap_data("tahoe/drugs.tsv");
    if (!file) {
        tap_skip("no tahoe/drugs.tsv", "Tahoe's drug table");
        return;
    }
    scp_drug_table *t = NULL;
    scp_drug_row row;
    if (!tap_st(scp_drug_table_read(file, &t), "read Tahoe's drug table")) return;
    size_t with = 0;
    for (size_t i = 0; i < scp_drug_table_count(t); i++)
        with += scp_drug_table_row(t, i).smiles[0] != '\0';
    tap_ok(scp_drug_table_count(t) == 379 && with == 377, "379 drugs, 377 with a structure");
    tap_ok(scp_drug_table_find(t, "Trametinib (DMSO_TF solvate)", &row), "the solvate is a drug");
    tap_ok(!scp_drug_table_find(t, "DMSO_TF", &row), "the vehicle is not");
    scp_drug_table_destroy(&t);
}

int main(void)
{
    test_columns();
    test_refused();
    test_tahoe();
    return tap_done();
}
