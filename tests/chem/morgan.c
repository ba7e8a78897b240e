/* RDKit shim: fingerprints, canonical and parent SMILES equal the values of Python's RDKit, and all
 * of Tahoe's drugs where the reference files are present. Golden file: golden/make_morgan.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "chem/morgan.h"
#include "tap.h"

/* Is the set of on-bits exactly the comma-separated list? */
static bool bits_equal(const uint8_t *fp, char *list)
{
    uint8_t want[SCP_MORGAN_BITS] = { 0 };
    for (char *s = strtok(list, ","); s; s = strtok(NULL, ",")) want[atoi(s)] = 1;
    return memcmp(fp, want, sizeof want) == 0;
}

/* Next line of a text, NULL at the end; splits it at tabs. */
static bool next_row(char **text, char **cell, size_t n)
{
    if (!*text || **text == '\0') return false;
    char *line = *text;
    *text = strchr(line, '\n');
    if (*text) *(*text)++ = '\0';
    return scp_str_split(line, '\t', cell, n) == n;
}

static char *read_table(const char *path)
{
    char *text = NULL;
    size_t len;
    if (!tap_st(scp_fs_read_text(path, &text, &len), "read %s", path)) return NULL;
    return text;
}

static void test_golden(void)
{
    char path[SCP_PATH_MAX];
    snprintf(path, sizeof path, "%s/tests/chem/golden/morgan.tsv",
             getenv("top_srcdir") ? getenv("top_srcdir") : ".");
    char *text = read_table(path), *at = text, *cell[4];
    if (!text) return;
    int rows = 0;
    next_row(&at, cell, 4);
    while (next_row(&at, cell, 4)) {
        scp_structure s;
        if (!tap_st(scp_structure_parse(cell[0], &s), "parse %s", cell[0])) continue;
        tap_text(s.canonical, cell[1], "canonical SMILES");
        tap_text(s.parent, cell[2], "parent");
        tap_ok(bits_equal(s.fp, cell[3]), "all 1024 bits");
        scp_structure_fini(&s);
        rows++;
    }
    tap_ok(rows == 13, "all rows of the golden table");
    free(text);
}

static void test_rejects(void)
{
    scp_structure s;
    tap_fails(scp_structure_parse("C1CC", &s), SCP_EDATA, "C1CC", "an open ring is rejected");
    tap_fails(scp_structure_parse("not a molecule", &s), SCP_EDATA, "not a molecule",
              "text is rejected");
    tap_fails(scp_structure_parse("C(C)(C)(C)(C)C", &s), SCP_EDATA, "RDKit",
              "five bonds are rejected");
    tap_fails(scp_structure_parse("", &s), SCP_EDATA, "RDKit", "an empty structure is rejected");
    tap_ok(s.canonical == NULL && s.parent == NULL, "nothing is left behind");
    tap_ok(strlen(scp_rdkit_version()) >= 9, "version %s", scp_rdkit_version());
}

static void test_tahoe_bits(void)
{
    const char *path = tap_data("tahoe/morgan_r2_1024_rdkit.tsv");
    if (!path) {
        tap_skip("no tahoe/morgan_r2_1024_rdkit.tsv", "fingerprints of all of Tahoe's drugs");
        return;
    }
    char *text = read_table(path), *at = text, *cell[6];
    if (!text) return;
    int rows = 0, wrong = 0;
    next_row(&at, cell, 6);
    while (next_row(&at, cell, 6)) {
        scp_structure s;
        rows++;
        if (scp_structure_parse(cell[1], &s) != SCP_OK) {
            wrong++;
            continue;
        }
        bool same = bits_equal(s.fp, cell[5]) && strcmp(s.canonical, cell[2]) == 0;
        if (!same) tap_diag("%s differs", cell[0]);
        wrong += !same;
        scp_structure_fini(&s);
    }
    tap_ok(rows == 377 && wrong == 0, "bits and canonical SMILES of %d drugs, %d wrong", rows,
           wrong);
    free(text);
}

static void test_tahoe_parents(void)
{
    const char *drugs = tap_data("tahoe/morgan_r2_1024_rdkit.tsv");
    char *drug_text = drugs ? read_table(drugs) : NULL;
    const char *groups = tap_data("tahoe/drug_parent_groups.tsv");
    if (!drug_text || !groups) {
        tap_skip("no tahoe/drug_parent_groups.tsv", "parents of all of Tahoe's drugs");
        free(drug_text);
        return;
    }
    char *group_text = read_table(groups);
    scp_names *parents = NULL;
    tap_st(scp_names_create(&parents), "name list");
    int rows = 0, wrong = 0;
    char *at = group_text, *cell[4];
    next_row(&at, cell, 4);
    /* Both files are sorted by name; the two drugs without a structure are in the groups only. */
    char *drug_at = drug_text, *drug[6];
    next_row(&drug_at, drug, 6);
    while (next_row(&at, cell, 4)) {
        if (cell[1][0] == '\0') continue;
        scp_structure s;
        size_t index;
        rows++;
        if (!next_row(&drug_at, drug, 6) || strcmp(drug[0], cell[0]) != 0 ||
            scp_structure_parse(drug[1], &s) != SCP_OK) {
            wrong++;
            continue;
        }
        wrong += strcmp(s.parent, cell[1]) != 0;
        if (scp_names_add(parents, s.parent, &index) != SCP_OK) wrong++;
        scp_structure_fini(&s);
    }
    tap_ok(rows == 377 && wrong == 0, "parents of %d drugs, %d wrong", rows, wrong);
    tap_ok(scp_names_count(parents) == 351, "377 drugs make 351 parent groups");
    scp_names_destroy(&parents);
    free(group_text);
    free(drug_text);
}

int main(void)
{
    test_golden();
    test_rejects();
    test_tahoe_bits();
    test_tahoe_parents();
    return tap_done();
}
