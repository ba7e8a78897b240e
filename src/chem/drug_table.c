/* Reader of the drug table. The rows point into the text of the file, which the table keeps. */
#include "chem/drug_table.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

enum { MAX_COLUMNS = 256 };

struct scp_drug_table {
    char *text;
    scp_names *names;
    scp_drug_row *row; /* [names] */
    size_t cap;
};

typedef struct columns {
    int name, smiles, moa;
    size_t n;
} columns;

static int find_column(char *const *head, size_t n, const char *const *wanted)
{
    for (; *wanted; wanted++)
        for (size_t i = 0; i < n; i++)
            if (strcasecmp(head[i], *wanted) == 0) return (int)i;
    return -1;
}

static scp_status read_header(char *line, const char *path, columns *c)
{
    static const char *const name[] = { "drug", "name", NULL };
    static const char *const smiles[] = { "canonical_smiles", "smiles", NULL };
    static const char *const moa[] = { "moa-fine", "moa_fine", "moa", NULL };
    char *head[MAX_COLUMNS];
    c->n = scp_str_split(line, '\t', head, MAX_COLUMNS);
    if (c->n > MAX_COLUMNS)
        SCP_FAIL(SCP_EDATA, "%s:1: more than %d columns in a drug table", path, (int)MAX_COLUMNS);
    for (size_t i = 0; i < c->n; i++) head[i] = scp_str_trim(head[i]);
    c->name = find_column(head, c->n, name);
    c->smiles = find_column(head, c->n, smiles);
    c->moa = find_column(head, c->n, moa);
    if (c->name < 0)
        SCP_FAIL(SCP_EDATA, "%s:1: no column 'drug' or 'name' (tab-separated header expected)",
                 path);
    if (c->smiles < 0) SCP_FAIL(SCP_EDATA, "%s:1: no column 'canonical_smiles' or 'smiles'", path);
    return SCP_OK;
}

static scp_status add_row(scp_drug_table *t, const columns *c, char *line, const char *path,
                          size_t number)
{
    char *cell[MAX_COLUMNS];
    size_t n = scp_str_split(line, '\t', cell, MAX_COLUMNS);
    if (n != c->n)
        SCP_FAIL(SCP_EDATA, "%s:%zu: %zu cells where the header has %zu columns", path, number, n,
                 c->n);
    scp_drug_row row = { .name = scp_str_trim(cell[c->name]),
                         .smiles = scp_str_trim(cell[c->smiles]),
                         .moa = c->moa < 0 ? "" : scp_str_trim(cell[c->moa]) };
    if (row.name[0] == '\0') SCP_FAIL(SCP_EDATA, "%s:%zu: a drug without a name", path, number);
    size_t have = scp_names_count(t->names), at;
    SCP_TRY(scp_names_add(t->names, row.name, &at));
    if (at < have) {
        if (strcmp(t->row[at].smiles, row.smiles) != 0)
            SCP_FAIL(SCP_EDATA, "%s:%zu: '%s' has another structure in an earlier row", path,
                     number, row.name);
        return SCP_OK;
    }
    SCP_TRY(scp_grow(&t->row, &t->cap, at + 1, sizeof *t->row));
    t->row[at] = row;
    return SCP_OK;
}

static scp_status read_rows(scp_drug_table *t, const char *path)
{
    columns c = { 0 };
    char *line = t->text;
    for (size_t number = 1; line; number++) {
        char *next = strchr(line, '\n');
        if (next) *next++ = '\0';
        if (number == 1)
            SCP_TRY(read_header(line, path, &c));
        else if (strspn(line, " \t\r") != strlen(line))
            SCP_TRY(add_row(t, &c, line, path, number));
        line = next;
    }
    return SCP_OK;
}

scp_status scp_drug_table_read(const char *path, scp_drug_table **out)
{
    SCP_ARG(path && out, "path and result are required");
    scp_status st = SCP_OK;
    scp_drug_table *t = NULL;
    size_t len;
    SCP_TRY(scp_alloc(1, sizeof *t, &t));
    SCP_GOTO(done, scp_fs_read_text(path, &t->text, &len));
    SCP_GOTO(done, scp_names_create(&t->names));
    SCP_GOTO(done, read_rows(t, path));
done:
    if (st != SCP_OK) scp_drug_table_destroy(&t);
    *out = t;
    return st;
}

void scp_drug_table_destroy(scp_drug_table **t)
{
    if (!t || !*t) return;
    scp_names_destroy(&(*t)->names);
    free((*t)->row);
    free((*t)->text);
    free(*t);
    *t = NULL;
}

size_t scp_drug_table_count(const scp_drug_table *t)
{
    return scp_names_count(t->names);
}

scp_drug_row scp_drug_table_row(const scp_drug_table *t, size_t i)
{
    return t->row[i];
}

bool scp_drug_table_find(const scp_drug_table *t, const char *name, scp_drug_row *row)
{
    int64_t at = scp_names_find(t->names, name);
    if (at < 0) return false;
    *row = t->row[at];
    return true;
}
