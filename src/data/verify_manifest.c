/* The manifest of a shard, checked; its members: doc/man/scppdm-shard.5. */
#include "data/verify_manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* Member `key` of object `in`, a whole number. */
static scp_status get_int(const char *path, const char *where, const scp_json *in, const char *key,
                          int64_t *out)
{
    char what[256];
    snprintf(what, sizeof what, "%.120s: manifest %s/%s", path, where, key);
    const scp_json *v = scp_json_get(in, key);
    if (!v) SCP_FAIL(SCP_EDATA, "%s is missing", what);
    return scp_json_as_int(v, what, out);
}

static scp_status expect_int(const char *path, const char *where, const scp_json *in,
                             const char *key, int64_t want)
{
    int64_t have;
    SCP_TRY(get_int(path, where, in, key, &have));
    if (have != want)
        SCP_FAIL(SCP_EDATA, "%s: manifest %s/%s is %" PRId64 ", the tables have %" PRId64, path,
                 where, key, have, want);
    return SCP_OK;
}

static scp_status check_sizes(const char *path, const scp_json *m, const scp_dataset *d)
{
    const struct {
        const char *key;
        size_t n;
    } want[] = { { "genes", d->G },           { "lines", d->n_lines },   { "drugs", d->n_drugs },
                 { "parents", d->n_parents }, { "plates", d->n_plates }, { "profiles", d->P },
                 { "sub_bulks", d->R },       { "pairs", d->N } };
    const scp_json *sizes = scp_json_get(m, "sizes");
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        SCP_TRY(expect_int(path, "sizes", sizes, want[i].key, (int64_t)want[i].n));
    return SCP_OK;
}

/* Genes of a list that the data lack. */
static scp_status check_genes(const char *path, const scp_json *m, const scp_dataset *d)
{
    int64_t missing = 0;
    const scp_json *genes = scp_json_get(m, "genes");
    for (size_t g = 0; d->gene_cells && g < d->G; g++) missing += d->gene_cells[g] < 0;
    SCP_TRY(expect_int(path, "genes", genes, "chosen", (int64_t)d->G));
    return expect_int(path, "genes", genes, "zero_filled", missing);
}

static scp_status check_split(const char *path, const scp_json *splits, const scp_dataset *d, int s,
                              uint8_t *combo, uint8_t *parent)
{
    int64_t pairs = 0, combos = 0, parents = 0;
    const char *name = scp_split_name((scp_split)s);
    const scp_json *in = scp_json_get(splits, name);
    memset(combo, 0, d->n_lines * d->n_parents);
    memset(parent, 0, d->n_parents);
    for (size_t i = 0; i < d->N; i++) {
        if (d->split[i] != s) continue;
        size_t g = (size_t)d->parent[d->p_drug[d->post[i]]];
        uint8_t *c = &combo[(size_t)d->p_line[d->post[i]] * d->n_parents + g];
        pairs++;
        combos += !*c;
        parents += !parent[g];
        *c = parent[g] = 1;
    }
    SCP_TRY(expect_int(path, name, in, "pairs", pairs));
    SCP_TRY(expect_int(path, name, in, "combinations", combos));
    return expect_int(path, name, in, "parents", parents);
}

static scp_status check_splits(const char *path, const scp_json *m, const scp_dataset *d)
{
    scp_status st = SCP_OK;
    uint8_t *combo = NULL, *parent = NULL;
    SCP_GOTO(done, scp_alloc(d->n_lines * d->n_parents, 1, &combo));
    SCP_GOTO(done, scp_alloc(d->n_parents, 1, &parent));
    for (int s = 0; s < SCP_SPLIT_COUNT; s++)
        SCP_GOTO(done, check_split(path, scp_json_get(m, "splits"), d, s, combo, parent));
done:
    free(combo);
    free(parent);
    return st;
}

/* Sum of a whole number over the members of an object: the member itself, or its member `key`. */
static scp_status add_members(const char *path, const char *where, const scp_json *in,
                              const char *key, int64_t *sum)
{
    void *iter = NULL;
    const char *name;
    const scp_json *value;
    while (scp_json_next(in, &iter, &name, &value)) {
        int64_t n;
        SCP_TRY(get_int(path, where, key ? value : in, key ? key : name, &n));
        *sum += n;
    }
    return SCP_OK;
}

/* The keys that were left out for one reason: as many as are named, and their cells. */
static scp_status check_left_keys(const char *path, const char *why, const scp_json *left,
                                  int64_t *cells)
{
    int64_t named = 0;
    const scp_json *key = scp_json_get(left, "cells_of_key");
    SCP_TRY(expect_int(path, why, left, "keys", (int64_t)scp_json_count(key)));
    SCP_TRY(add_members(path, why, key, NULL, &named));
    SCP_TRY(expect_int(path, why, left, "cells", named));
    *cells += named;
    return SCP_OK;
}

/* Every cell that was read is in a profile or counted as left out. */
static scp_status check_cells(const char *path, const scp_json *m, const scp_dataset *d)
{
    const scp_json *left = scp_json_get(m, "left_out"), *value;
    int64_t read = 0, kept = 0, out = 0;
    void *iter = NULL;
    const char *why;
    for (size_t i = 0; i < d->P; i++) kept += d->p_cells[i];
    SCP_TRY(add_members(path, "inputs", scp_json_get(m, "inputs"), "cells", &read));
    SCP_TRY(add_members(path, "left_out/cells", scp_json_get(left, "cells"), NULL, &out));
    while (scp_json_next(left, &iter, &why, &value))
        if (scp_json_get(value, "cells_of_key")) SCP_TRY(check_left_keys(path, why, value, &out));
    if (read != kept + out)
        SCP_FAIL(SCP_EDATA,
                 "%s: the inputs had %" PRId64 " cells, the profiles have %" PRId64
                 " and the manifest leaves out %" PRId64,
                 path, read, kept, out);
    return SCP_OK;
}

static scp_status check_proof(const char *path, const scp_json *m)
{
    bool passed = false;
    void *iter = NULL;
    const char *name;
    const scp_json *proof = scp_json_get(m, "leak_proof"), *value;
    SCP_TRY(scp_json_as_bool(scp_json_get(proof, "passed"), "manifest leak_proof/passed", &passed));
    if (!passed) SCP_FAIL(SCP_EDATA, "%s: manifest leak_proof/passed is false", path);
    while (scp_json_next(proof, &iter, &name, &value))
        if (scp_json_kind_of(value) == SCP_JSON_INT)
            SCP_TRY(expect_int(path, "leak_proof", proof, name, 0));
    return SCP_OK;
}

scp_status scp_verify_manifest(const char *path, const scp_dataset *d)
{
    SCP_ARG(path && d && d->manifest, "a path and tables with a manifest are required");
    scp_status st = SCP_OK;
    scp_json *m = NULL;
    SCP_TRY(scp_json_parse(d->manifest, strlen(d->manifest), path, &m));
    SCP_GOTO(done, check_sizes(path, m, d));
    SCP_GOTO(done, check_genes(path, m, d));
    SCP_GOTO(done, check_splits(path, m, d));
    SCP_GOTO(done, check_cells(path, m, d));
    SCP_GOTO(done, check_proof(path, m));
done:
    scp_json_destroy(&m);
    return st;
}
