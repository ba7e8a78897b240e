/* Resolution of drug names to structures and parent groups. */
#include "data/structures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/dataset.h"

_Static_assert((int)SCP_MORGAN_BITS == (int)SCP_FP_BITS, "one fingerprint length");

/* Structure and mechanism of one drug: "" where nobody says. */
static scp_status look_up(const scp_keys *keys, const scp_drug_table *table, size_t i,
                          scp_structures *s)
{
    scp_drug_row row = { .smiles = "", .moa = "" };
    bool listed = table && scp_drug_table_find(table, keys->drug[i], &row);
    const char *smiles = row.smiles[0] ? row.smiles : keys->smiles[i];
    SCP_TRY(scp_strdup(smiles, &s->smiles[i]));
    SCP_TRY(scp_strdup(row.moa[0] ? row.moa : keys->moa[i], &s->moa[i]));
    if (smiles[0] != '\0') return SCP_OK;
    return scp_strdup(table && !listed ? "not in the drug table" : "no structure", &s->why[i]);
}

static scp_status parse(scp_structures *s, size_t i, scp_names *parents)
{
    scp_structure mol;
    size_t at;
    scp_status st = scp_structure_parse(s->smiles[i], &mol);
    if (st == SCP_EDATA) {
        SCP_TRY(scp_strdup(scp_err_message(), &s->why[i]));
        scp_err_clear();
        return SCP_OK;
    }
    SCP_TRY(st);
    memcpy(s->fp + i * SCP_MORGAN_BITS, mol.fp, SCP_MORGAN_BITS);
    st = scp_names_add(parents, mol.parent, &at);
    s->parent[i] = (int32_t)at;
    scp_structure_fini(&mol);
    return st;
}

/* Root of a group in the union-find forest. */
static int32_t root_of(const int32_t *up, int32_t g)
{
    while (up[g] != g) g = up[g];
    return g;
}

/* Join the groups of drugs whose fingerprints are bit-identical; fingerprints are interned as text
 * of hexadecimal digits. */
static scp_status join_identical(scp_structures *s, int32_t *up)
{
    scp_status st = SCP_OK;
    scp_names *seen = NULL;
    int32_t *first = NULL;
    char hex[SCP_MORGAN_BITS / 4 + 1];
    SCP_GOTO(done, scp_names_create(&seen));
    SCP_GOTO(done, scp_alloc(s->n, sizeof *first, &first));
    for (size_t i = 0; i < s->n; i++) {
        if (s->parent[i] < 0) continue;
        const uint8_t *b = s->fp + i * SCP_MORGAN_BITS;
        size_t have = scp_names_count(seen), at;
        for (size_t k = 0; k < SCP_MORGAN_BITS / 4; k++, b += 4)
            hex[k] = "0123456789abcdef"[b[0] << 3 | b[1] << 2 | b[2] << 1 | b[3]];
        hex[sizeof hex - 1] = '\0';
        SCP_GOTO(done, scp_names_add(seen, hex, &at));
        if (at == have) {
            first[at] = s->parent[i];
            continue;
        }
        int32_t a = root_of(up, first[at]), c = root_of(up, s->parent[i]);
        s->joined += a != c;
        up[a > c ? a : c] = a > c ? c : a;
    }
done:
    free(first);
    scp_names_destroy(&seen);
    return st;
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Number the groups by their sorted names; a joined group is named after its smallest parent. */
static scp_status number_groups(scp_structures *s, const scp_names *parents, const int32_t *up)
{
    scp_status st = SCP_OK;
    size_t n = scp_names_count(parents);
    const char **name = NULL; /* [parents] name of the group, at its root */
    int32_t *number = NULL;
    SCP_GOTO(done, scp_alloc(n, sizeof *name, &name));
    SCP_GOTO(done, scp_alloc(n, sizeof *number, &number));
    SCP_GOTO(done, scp_alloc(n, sizeof *s->parent_name, &s->parent_name));
    for (size_t i = 0; i < n; i++) {
        int32_t root = root_of(up, (int32_t)i);
        const char *text = scp_names_get(parents, i);
        if (!name[root] || strcmp(text, name[root]) < 0) name[root] = text;
    }
    for (size_t i = 0; i < n; i++)
        if (name[i]) SCP_GOTO(done, scp_strdup(name[i], &s->parent_name[s->n_parents++]));
    qsort(s->parent_name, s->n_parents, sizeof *s->parent_name, compare_text);
    for (size_t i = 0; i < n; i++) {
        if (!name[i]) continue;
        char **at = bsearch(&name[i], s->parent_name, s->n_parents, sizeof *at, compare_text);
        number[i] = (int32_t)(at - s->parent_name);
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->parent[i] >= 0) s->parent[i] = number[root_of(up, s->parent[i])];
done:
    free(number);
    free(name);
    return st;
}

scp_status scp_structures_resolve(const scp_keys *keys, const scp_drug_table *table,
                                  scp_structures *s)
{
    SCP_ARG(keys && s, "keys and result are required");
    scp_status st = SCP_OK;
    scp_names *parents = NULL;
    int32_t *up = NULL;
    *s = (scp_structures){ .n = keys->n_drugs };
    SCP_GOTO(done, scp_alloc(s->n, sizeof *s->smiles, &s->smiles));
    SCP_GOTO(done, scp_alloc(s->n, sizeof *s->moa, &s->moa));
    SCP_GOTO(done, scp_alloc(s->n, sizeof *s->why, &s->why));
    SCP_GOTO(done, scp_alloc(s->n * SCP_MORGAN_BITS, 1, &s->fp));
    SCP_GOTO(done, scp_alloc(s->n, sizeof *s->parent, &s->parent));
    SCP_GOTO(done, scp_names_create(&parents));
    for (size_t i = 0; i < s->n; i++) {
        s->parent[i] = -1;
        SCP_GOTO(done, look_up(keys, table, i, s));
        if (!s->why[i]) SCP_GOTO(done, parse(s, i, parents));
    }
    SCP_GOTO(done, scp_alloc(scp_names_count(parents), sizeof *up, &up));
    for (size_t i = 0; i < scp_names_count(parents); i++) up[i] = (int32_t)i;
    SCP_GOTO(done, join_identical(s, up));
    SCP_GOTO(done, number_groups(s, parents, up));
done:
    free(up);
    scp_names_destroy(&parents);
    if (st != SCP_OK) scp_structures_fini(s);
    return st;
}

void scp_structures_fini(scp_structures *s)
{
    if (!s) return;
    scp_fs_list_free(s->smiles, s->n);
    scp_fs_list_free(s->moa, s->n);
    scp_fs_list_free(s->why, s->n);
    scp_fs_list_free(s->parent_name, s->n_parents);
    free(s->fp);
    free(s->parent);
    *s = (scp_structures){ 0 };
}
