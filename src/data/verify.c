/* Checking a shard from the outside in: the file, its tables, the rows of its matrices, the meaning
 * of its tables, the proof, the manifest, the inputs. */
#include "data/verify.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "data/leak.h"
#include "data/verify_manifest.h"
#include "io/h5_probe.h"
#include "io/shard_check.h"

enum { LINE = 1024 };

static void say(const scp_verify_request *r, const char *fmt, ...) SCP_PRINTF(2, 3);

static void say(const scp_verify_request *r, const char *fmt, ...)
{
    char line[LINE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (r->say) r->say(r->ctx, line);
}

/* "A549 | Trametinib | 5 uM | plate6" of a profile. */
static const char *key_text(const scp_dataset *d, size_t i, char *buf, size_t size)
{
    int32_t drug = d->p_drug[i];
    snprintf(buf, size, "%s | %s | %g uM | %s", d->line[d->p_line[i]],
             drug < 0 ? "vehicle" : d->drug[drug], d->p_dose[i], d->plate[d->p_plate[i]]);
    return buf;
}

/* ---- what the tables mean ---- */

/* Names that are looked up must be unique, and are written in order where `sorted`. */
static scp_status check_names(const char *path, const char *table, char *const *name, size_t n,
                              bool sorted)
{
    scp_status st = SCP_OK;
    scp_names *seen = NULL;
    size_t at;
    SCP_TRY(scp_names_create(&seen));
    for (size_t i = 0; i < n; i++) {
        SCP_GOTO(done, scp_names_add(seen, name[i], &at));
        if (at != i)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s: /%s row %zu: '%s' stands there twice", path, table,
                          i, name[i]);
        if (sorted && i > 0 && strcmp(name[i - 1], name[i]) >= 0)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s: /%s row %zu: '%s' is out of order", path, table, i,
                          name[i]);
    }
done:
    scp_names_destroy(&seen);
    return st;
}

/* Sorted by plate, line, vehicle first, drug, dose; every key once. */
static int compare_profiles(const scp_dataset *d, size_t a, size_t b)
{
    if (d->p_plate[a] != d->p_plate[b]) return d->p_plate[a] < d->p_plate[b] ? -1 : 1;
    if (d->p_line[a] != d->p_line[b]) return d->p_line[a] < d->p_line[b] ? -1 : 1;
    if (d->p_drug[a] != d->p_drug[b]) return d->p_drug[a] < d->p_drug[b] ? -1 : 1;
    return (d->p_dose[a] > d->p_dose[b]) - (d->p_dose[a] < d->p_dose[b]);
}

static scp_status check_profiles(const char *path, const scp_dataset *d)
{
    for (size_t i = 0; i < d->P; i++) {
        double dose = d->p_dose[i];
        if (!isfinite(dose) || (d->p_drug[i] < 0 ? dose != 0 : dose <= 0))
            SCP_FAIL(SCP_EDATA, "%s: /profile/dose row %zu: %g uM is no dose of a %s", path, i,
                     dose, d->p_drug[i] < 0 ? "vehicle" : "drug");
        if (d->p_cells[i] < 1)
            SCP_FAIL(SCP_EDATA, "%s: /profile/cells row %zu: %" PRId64 " cells", path, i,
                     d->p_cells[i]);
        if (i > 0 && compare_profiles(d, i - 1, i) >= 0)
            SCP_FAIL(SCP_EDATA, "%s: /profile row %zu is out of order, or a key stands there twice",
                     path, i);
    }
    for (size_t i = 1; i < d->N; i++)
        if (d->post[i - 1] >= d->post[i])
            SCP_FAIL(SCP_EDATA, "%s: /pair/post row %zu is out of order", path, i);
    for (size_t i = 0; i < d->n_drugs * SCP_FP_BITS; i++)
        if (d->fp[i] > 1)
            SCP_FAIL(SCP_EDATA, "%s: /drug/fingerprint row %zu: %d is no bit", path,
                     i / SCP_FP_BITS, d->fp[i]);
    return SCP_OK;
}

/* Sub-bulks are parts of a profile's cells, side by side, and together all of them. */
static scp_status check_sub_bulks(const char *path, const scp_dataset *d)
{
    char key[LINE];
    for (size_t i = 0, end; i < d->R; i = end) {
        int32_t p = d->r_profile[i];
        int64_t cells = 0;
        if (i > 0 && d->r_profile[i - 1] > p)
            SCP_FAIL(SCP_EDATA, "%s: /replicate/profile row %zu is out of order", path, i);
        for (end = i; end < d->R && d->r_profile[end] == p; end++) cells += d->r_cells[end];
        if (cells != d->p_cells[p])
            SCP_FAIL(
                SCP_EDATA,
                "%s: /replicate/cells rows %zu to %zu: %" PRId64 " cells of the %" PRId64 " of %s",
                path, i, end - 1, cells, d->p_cells[p], key_text(d, (size_t)p, key, sizeof key));
    }
    return SCP_OK;
}

static scp_status check_meaning(const scp_verify_request *r, const scp_dataset *d)
{
    SCP_TRY(check_names(r->shard, "gene", d->gene, d->G, false));
    SCP_TRY(check_names(r->shard, "line", d->line, d->n_lines, true));
    SCP_TRY(check_names(r->shard, "plate", d->plate, d->n_plates, true));
    SCP_TRY(check_names(r->shard, "drug/name", d->drug, d->n_drugs, true));
    SCP_TRY(check_names(r->shard, "parent", d->parent_name, d->n_parents, false));
    for (size_t g = 0; d->gene_cells && g < d->G; g++)
        if (d->gene_cells[g] < -1)
            SCP_FAIL(SCP_EDATA, "%s: /gene_cells row %zu: %" PRId64 " cells", r->shard, g,
                     d->gene_cells[g]);
    say(r, "ok names: %zu genes, %zu lines, %zu drugs, %zu parents, %zu plates, none twice", d->G,
        d->n_lines, d->n_drugs, d->n_parents, d->n_plates);
    SCP_TRY(check_profiles(r->shard, d));
    say(r,
        "ok profiles: %zu keys in order, doses and cells are possible, every index points "
        "somewhere",
        d->P);
    SCP_TRY(check_sub_bulks(r->shard, d));
    say(r, "ok sub-bulks: %zu, each profile's add up to its cells", d->R);
    return SCP_OK;
}

/* ---- the matrices ---- */

static scp_status judge_rows(const scp_verify_request *r, const scp_dataset *d, scp_shard_matrix m,
                             const scp_shard_rows *c)
{
    char key[LINE], column[64] = "";
    const char *name = scp_shard_matrix_name(m);
    size_t bad = c->bad_sum != SIZE_MAX ? c->bad_sum : c->bad_value;
    if (bad != SIZE_MAX)
        key_text(d, m == SCP_SHARD_PROFILES ? bad : (size_t)d->r_profile[bad], key, sizeof key);
    if (c->bad_sum != SIZE_MAX)
        SCP_FAIL(SCP_EDATA,
                 "%s: /%s row %zu (%s) has not the checksum that is noted for it: the file is "
                 "damaged, run scppdm_prep again",
                 r->shard, name, bad, key);
    if (c->bad_column != SIZE_MAX)
        snprintf(column, sizeof column, ", gene %.40s", d->gene[c->bad_column]);
    if (c->bad_value != SIZE_MAX)
        SCP_FAIL(SCP_EDATA, "%s: /%s row %zu (%s)%s holds a value that is not finite", r->shard,
                 name, bad, key, column);
    if (!c->agrees)
        SCP_FAIL(SCP_EDATA,
                 "%s: the checksum of /%s is not the one that is noted: the file is damaged, run "
                 "scppdm_prep again",
                 r->shard, name);
    say(r, "ok %s: %zu x %zu values, every row has its checksum and is finite, xxh3 %016" PRIx64,
        name, m == SCP_SHARD_PROFILES ? d->P : d->R, d->G, c->digest);
    return SCP_OK;
}

/* ---- all of it ---- */

/* Rank 0: everything but the matrices. */
static scp_status check_tables(const scp_verify_request *r, scp_dataset *d)
{
    char line[LINE];
    if (r->probe) SCP_TRY(scp_probe_shard(r->shard));
    SCP_TRY(scp_shard_read_tables(r->shard, d));
    for (size_t i = 0; scp_shard_table_text(d, i, line, sizeof line); i++) say(r, "ok %s", line);
    return check_meaning(r, d);
}

static scp_status check_rest(const scp_verify_request *r, const scp_dataset *d,
                             const uint64_t matrix[2])
{
    scp_leak_report leaks;
    uint64_t hash = scp_shard_hash(d, matrix);
    if (hash != d->hash)
        SCP_FAIL(SCP_EDATA,
                 "%s: the attribute 'hash' is %016" PRIx64 ", but the content has %016" PRIx64
                 ": the file is damaged, run scppdm_prep again",
                 r->shard, d->hash, hash);
    say(r, "ok content: hash %016" PRIx64, hash);
    SCP_TRY(scp_leak_check(d, &leaks));
    say(r,
        "ok no leak: %zu pairs; keys, combinations, parents and fingerprints in one split each, "
        "every control of its line and plate",
        d->N);
    SCP_TRY(scp_shard_check_manifest(r->shard, d->manifest));
    SCP_TRY(scp_verify_manifest(r->shard, d));
    say(r, "ok manifest: checksum, sizes, splits, cells and proof agree with the tables");
    return SCP_OK;
}

static scp_status check_inputs(scp_comm *comm, const scp_verify_request *r, const scp_dataset *d)
{
    size_t n;
    if (!r->inputs) return SCP_OK;
    SCP_TRY(scp_verify_inputs(comm, r->shard, d->manifest, r->inputs, r->probe, &n));
    if (scp_comm_rank(comm) == 0)
        say(r, "ok inputs: %zu files in %s have the sizes and matrices of the manifest", n,
            r->inputs);
    return SCP_OK;
}

scp_status scp_verify_run(scp_comm *comm, const scp_verify_request *r)
{
    SCP_ARG(comm && r && r->shard, "communicator and shard are required");
    scp_status st = SCP_OK;
    scp_dataset d = { 0 };
    uint64_t digest[2] = { 0, 0 };
    const bool root = scp_comm_rank(comm) == 0;
    if (root) st = check_tables(r, &d);
    SCP_GOTO(done, scp_agree(comm, st));
    int64_t shape[3] = { (int64_t)d.P, (int64_t)d.R, (int64_t)d.G };
    SCP_GOTO(done, scp_comm_bcast(comm, shape, 3, SCP_COMM_I64, 0));
    for (int m = 0; m < 2; m++) {
        scp_shard_rows c;
        SCP_GOTO(done, scp_shard_check_rows(comm, r->shard, (scp_shard_matrix)m, (size_t)shape[m],
                                            (size_t)shape[2], &c));
        if (root) st = judge_rows(r, &d, (scp_shard_matrix)m, &c);
        SCP_GOTO(done, scp_agree(comm, st));
        digest[m] = c.digest;
    }
    if (root) st = check_rest(r, &d, digest);
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_GOTO(done, check_inputs(comm, r, &d));
done:
    scp_dataset_fini(&d);
    return st;
}
