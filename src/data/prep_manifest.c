/* The manifest of a shard: what went in, what was decided, what was left out and why, and the proof
 * of no leak. JSON objects only; names are keys, so that a reader can look them up. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/jsonl.h"
#include "base/mem.h"
#include "base/version.h"
#include "data/prep_plan.h"
#include "io/h5_version.h"

enum { NAMED_GENES = 20 }; /* missing genes of a list that are named */

static void write_settings(scp_jsonl *j, const scp_prep_plan *p)
{
    static const char *const layout[] = { "tahoe", "sciplex", "generic", "bulk" };
    static const char *const values[] = { "counts", "log", "linear" };
    static const char *const formula[] = { "mean over cells of log1p(10000 * count / library)",
                                           "mean over cells of the values",
                                           "mean over cells of log1p(value)" };
    const scp_prep_settings *s = p->set;
    const struct {
        const char *key, *column;
    } column[] = {
        { "line", p->map.line },      { "drug", p->map.drug },   { "dose", p->map.dose },
        { "dose_unit", p->map.unit }, { "plate", p->map.plate }, { "smiles", p->map.smiles },
        { "moa", p->map.moa },        { "qc", p->map.qc },
    };
    scp_jsonl_open(j, "settings");
    scp_jsonl_text(j, "layout", layout[s->layout]);
    scp_jsonl_text(j, "values", values[p->map.values]);
    scp_jsonl_text(j, "normalisation", formula[p->map.values]);
    scp_jsonl_text(j, "matrix", p->bulk.matrix);
    scp_jsonl_text(j, "vehicle", p->map.vehicle);
    if (p->map.qc) scp_jsonl_text(j, "qc_value", p->map.qc_value);
    scp_jsonl_text(j, "drugs", s->drugs ? s->drugs : "");
    scp_jsonl_text(j, "genes", s->genes);
    scp_jsonl_int(j, "min_cells", p->min_cells);
    scp_jsonl_int(j, "replicates", s->replicates);
    scp_jsonl_int(j, "seed", s->seed);
    scp_jsonl_real(j, "share_ud", s->ud);
    scp_jsonl_real(j, "share_uc", s->uc);
    scp_jsonl_real(j, "share_val", s->val);
    scp_jsonl_open(j, "obs");
    for (size_t i = 0; i < sizeof column / sizeof column[0]; i++)
        if (column[i].column) scp_jsonl_text(j, column[i].key, column[i].column);
    scp_jsonl_close(j);
    scp_jsonl_close(j);
}

/* A checksum as the shard's attributes have them. */
static void write_digest(scp_jsonl *j, const char *key, uint64_t digest)
{
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, digest);
    scp_jsonl_text(j, key, text);
}

static void write_inputs(scp_jsonl *j, const scp_prep_plan *p, const scp_prep_outcome *o)
{
    scp_jsonl_open(j, "inputs");
    for (size_t i = 0; i < p->n_files; i++) {
        scp_jsonl_open(j, p->input[i].path);
        scp_jsonl_int(j, "cells", p->input[i].cells);
        scp_jsonl_int(j, "bytes", p->input[i].bytes);
        scp_jsonl_real(j, "modified", (double)p->input[i].modified / 1e9);
        write_digest(j, "labels_xxh3", p->input[i].labels);
        if (o->bulk->has_digest[i])
            write_digest(j, "stored_xxh3", o->bulk->digest[i] + p->input[i].starts);
        scp_jsonl_close(j);
    }
    scp_jsonl_close(j);
}

static void write_sizes(scp_jsonl *j, const scp_prep_plan *p)
{
    const scp_dataset *d = &p->tables;
    scp_jsonl_open(j, "sizes");
    scp_jsonl_int(j, "genes_read", (int64_t)p->bulk.G);
    scp_jsonl_int(j, "genes", (int64_t)d->G);
    scp_jsonl_int(j, "lines", (int64_t)d->n_lines);
    scp_jsonl_int(j, "drugs", (int64_t)d->n_drugs);
    scp_jsonl_int(j, "parents", (int64_t)d->n_parents);
    scp_jsonl_int(j, "plates", (int64_t)d->n_plates);
    scp_jsonl_int(j, "profiles", (int64_t)d->P);
    scp_jsonl_int(j, "sub_bulks", (int64_t)d->R);
    scp_jsonl_int(j, "pairs", (int64_t)d->N);
    scp_jsonl_int(j, "keys_read", (int64_t)p->keys.n);
    scp_jsonl_close(j);
}

/* Which genes, by which rule, and what is missing. */
static void write_genes(scp_jsonl *j, const scp_prep_plan *p, const scp_prep_outcome *o)
{
    static const char *const rule[] = { "all", "hvg", "list" };
    int64_t found = 0;
    size_t named = 0;
    for (size_t g = 0; g < p->bulk.G; g++) found += o->bulk->detected[g] > 0;
    scp_jsonl_open(j, "genes");
    scp_jsonl_text(j, "rule", rule[o->rule]);
    write_digest(j, "names_xxh3", p->genes);
    scp_jsonl_int(j, "read", (int64_t)p->bulk.G);
    scp_jsonl_int(j, "training_cells", o->bulk->train_cells);
    scp_jsonl_int(j, "found_in_training", found);
    scp_jsonl_int(j, "chosen", (int64_t)p->tables.G);
    scp_jsonl_int(j, "zero_filled", (int64_t)o->list.missing);
    scp_jsonl_open(j, "zero_filled_first");
    for (size_t i = 0; i < o->list.n && named < NAMED_GENES; i++)
        if (o->list.column[i] < 0) {
            scp_jsonl_int(j, o->list.name[i], (int64_t)i);
            named++;
        }
    scp_jsonl_close(j);
    scp_jsonl_close(j);
}

/* Pairs, (line, parent) combinations and parents of every split. */
static scp_status write_splits(scp_jsonl *j, const scp_dataset *d)
{
    scp_status st = SCP_OK;
    uint8_t *combo = NULL, *parent = NULL;
    size_t cells = d->n_lines * d->n_parents;
    SCP_GOTO(done, scp_alloc(cells, 1, &combo));
    SCP_GOTO(done, scp_alloc(d->n_parents, 1, &parent));
    scp_jsonl_open(j, "splits");
    for (int s = 0; s < SCP_SPLIT_COUNT; s++) {
        int64_t pairs = 0, combos = 0, parents = 0;
        memset(combo, 0, cells);
        memset(parent, 0, d->n_parents);
        for (size_t i = 0; i < d->N; i++) {
            if (d->split[i] != s) continue;
            size_t g = (size_t)d->parent[d->p_drug[d->post[i]]];
            pairs++;
            combo[(size_t)d->p_line[d->post[i]] * d->n_parents + g] = parent[g] = 1;
        }
        for (size_t i = 0; i < cells; i++) combos += combo[i];
        for (size_t i = 0; i < d->n_parents; i++) parents += parent[i];
        scp_jsonl_open(j, scp_split_name((scp_split)s));
        scp_jsonl_int(j, "pairs", pairs);
        scp_jsonl_int(j, "combinations", combos);
        scp_jsonl_int(j, "parents", parents);
        scp_jsonl_close(j);
    }
    scp_jsonl_close(j);
done:
    free(parent);
    free(combo);
    return st;
}

static void write_left_keys(scp_jsonl *j, const scp_prep_plan *p, scp_left why)
{
    char name[1024];
    int64_t cells = 0;
    scp_jsonl_open(j, scp_left_name(why));
    scp_jsonl_int(j, "keys", (int64_t)p->pairing.n_left[why]);
    for (size_t i = 0; i < p->keys.n; i++)
        if (p->pairing.left[i] == why) cells += p->keys.cells[i];
    scp_jsonl_int(j, "cells", cells);
    scp_jsonl_open(j, "cells_of_key");
    for (size_t i = 0; i < p->keys.n; i++)
        if (p->pairing.left[i] == why)
            scp_jsonl_int(j, scp_key_text(&p->keys, &p->keys.key[i], name, sizeof name),
                          p->keys.cells[i]);
    scp_jsonl_close(j);
    scp_jsonl_close(j);
}

/* A drug counts as left out when a cell of it was seen. */
static scp_status write_left(scp_jsonl *j, const scp_prep_plan *p, const scp_prep_outcome *o)
{
    bool *seen = NULL;
    SCP_TRY(scp_alloc(p->keys.n_drugs, sizeof *seen, &seen));
    for (size_t i = 0; i < p->keys.n; i++)
        if (p->keys.key[i].drug >= 0) seen[p->keys.key[i].drug] = true;
    scp_jsonl_open(j, "left_out");
    scp_jsonl_open(j, "cells");
    for (int why = SCP_CELL_KEPT + 1; why < SCP_CELL_COUNT; why++)
        scp_jsonl_int(j, scp_cell_left_name((scp_cell_left)why), p->keys.left.cells[why]);
    scp_jsonl_int(j, "empty", o->bulk->empty_cells);
    scp_jsonl_close(j);
    scp_jsonl_open(j, "drugs");
    for (size_t i = 0; i < p->keys.n_drugs; i++)
        if (seen[i] && p->drugs.why[i]) scp_jsonl_text(j, p->keys.drug[i], p->drugs.why[i]);
    scp_jsonl_close(j);
    for (int why = SCP_LEFT_NONE + 1; why < SCP_LEFT_COUNT; why++)
        write_left_keys(j, p, (scp_left)why);
    scp_jsonl_int(j, "genes_of_list", (int64_t)o->list.missing);
    scp_jsonl_close(j);
    free(seen);
    return SCP_OK;
}

static void write_proof(scp_jsonl *j, const scp_leak_report *r)
{
    scp_jsonl_open(j, "leak_proof");
    scp_jsonl_int(j, "keys", (int64_t)r->keys);
    scp_jsonl_int(j, "combinations", (int64_t)r->combinations);
    scp_jsonl_int(j, "parents", (int64_t)r->parents);
    scp_jsonl_int(j, "fingerprints", (int64_t)r->fingerprints);
    scp_jsonl_int(j, "unseen", (int64_t)r->unseen);
    scp_jsonl_int(j, "pairing", (int64_t)r->pairing);
    scp_jsonl_bool(j, "passed", r->first[0] == '\0');
    scp_jsonl_close(j);
}

scp_status scp_prep_manifest(const scp_prep_plan *p, const scp_prep_outcome *o, char **text)
{
    scp_status st = SCP_OK;
    scp_jsonl j = { 0 };
    const char *json;
    char now[32], hdf5[32];
    scp_clock_utc(now, sizeof now);
    scp_jsonl_begin(&j);
    scp_jsonl_text(&j, "program", "scppdm_prep");
    scp_jsonl_text(&j, "version", scp_version());
    scp_jsonl_text(&j, "git", scp_version_git());
    scp_jsonl_text(&j, "rdkit", scp_rdkit_version());
    scp_jsonl_text(&j, "hdf5", scp_h5_version(hdf5, sizeof hdf5));
    scp_jsonl_text(&j, "created", now);
    write_settings(&j, p);
    write_inputs(&j, p, o);
    write_sizes(&j, p);
    write_genes(&j, p, o);
    SCP_GOTO(done, write_splits(&j, &p->tables));
    SCP_GOTO(done, write_left(&j, p, o));
    scp_jsonl_int(&j, "parents_joined_by_fingerprint", (int64_t)p->drugs.joined);
    write_proof(&j, &o->leaks);
    SCP_GOTO(done, scp_jsonl_end(&j, &json));
    SCP_GOTO(done, scp_strdup(json, text));
done:
    scp_jsonl_fini(&j);
    return st;
}
