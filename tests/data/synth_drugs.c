/* The drug table that comes with the program: every structure parses, no two drugs share a parent,
 * and where Tahoe-100M's own table has the drug the parents agree. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "chem/drug_table.h"
#include "chem/morgan.h"
#include "tap.h"

/* Lower-case name without a salt or hydrate in parentheses at its end. */
static void base_name(const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s", name);
    char *open = strrchr(out, '(');
    size_t len = strlen(out);
    if (open && open != out && len > 0 && out[len - 1] == ')') *open = '\0';
    for (char *s = out; *s; s++) *s = (char)tolower((unsigned char)*s);
    scp_str_trim(out);
}

static void test_table(const scp_drug_table *t)
{
    scp_names *parents = NULL;
    size_t n = scp_drug_table_count(t), bad = 0, twins = 0, unlabelled = 0;
    if (scp_names_create(&parents) != SCP_OK) exit(1);
    for (size_t i = 0; i < n; i++) {
        scp_drug_row row = scp_drug_table_row(t, i);
        scp_structure s = { 0 };
        size_t index;
        unlabelled += !*row.moa;
        if (scp_structure_parse(row.smiles, &s) != SCP_OK) {
            tap_diag("%s: %s", row.name, scp_err_message());
            bad++;
            continue;
        }
        if (scp_names_find(parents, s.parent) >= 0) {
            tap_diag("%s has the parent of an earlier drug", row.name);
            twins++;
        }
        if (scp_names_add(parents, s.parent, &index) != SCP_OK) exit(1);
        scp_structure_fini(&s);
    }
    scp_names_destroy(&parents);
    tap_ok(n >= 100 && bad == 0, "RDKit reads all %zu structures", n);
    tap_ok(twins == 0, "no two drugs have one parent");
    tap_ok(unlabelled == 0, "every drug has a mechanism");
}

static void compare(const scp_drug_row *ours, const scp_drug_row *theirs, size_t *shared,
                    size_t *differ)
{
    scp_structure a = { 0 }, b = { 0 };
    if (scp_structure_parse(ours->smiles, &a) == SCP_OK &&
        scp_structure_parse(theirs->smiles, &b) == SCP_OK) {
        (*shared)++;
        if (strcmp(a.parent, b.parent) != 0) {
            tap_diag("%s: ours %s, %s has %s", ours->name, a.parent, theirs->name, b.parent);
            (*differ)++;
        }
    }
    scp_structure_fini(&a);
    scp_structure_fini(&b);
}

static void test_against_tahoe(const scp_drug_table *t)
{
    const char *path = tap_data("tahoe/drugs.tsv");
    scp_drug_table *tahoe = NULL;
    char a[256], b[256];
    size_t shared = 0, differ = 0;
    if (!path) {
        tap_skip("no ../shared/data", "structures agree with Tahoe-100M's table");
        return;
    }
    if (!tap_st(scp_drug_table_read(path, &tahoe), "read Tahoe-100M's table")) return;
    for (size_t i = 0; i < scp_drug_table_count(t); i++) {
        scp_drug_row ours = scp_drug_table_row(t, i);
        base_name(ours.name, a, sizeof a);
        for (size_t j = 0; j < scp_drug_table_count(tahoe); j++) {
            scp_drug_row theirs = scp_drug_table_row(tahoe, j);
            base_name(theirs.name, b, sizeof b);
            if (*theirs.smiles && strcmp(a, b) == 0) compare(&ours, &theirs, &shared, &differ);
        }
    }
    tap_ok(shared >= 50 && differ == 0, "%zu structures agree with Tahoe-100M's table, %zu differ",
           shared - differ, differ);
    scp_drug_table_destroy(&tahoe);
}

int main(void)
{
    const char *top = getenv("top_srcdir");
    char path[4096];
    scp_drug_table *t = NULL;
    snprintf(path, sizeof path, "%s/data-prep/drugs/drugs.tsv", top ? top : ".");
    if (tap_st(scp_drug_table_read(path, &t), "read the table")) {
        test_table(t);
        test_against_tahoe(t);
    }
    scp_drug_table_destroy(&t);
    return tap_done();
}
