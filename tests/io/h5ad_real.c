/* Real .h5ad files against facts found by AnnData's own reader (tests/golden/make_h5ad_golden.py):
 * files of all eras, every obs column, both indices, X and raw/X. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "io/h5ad.h"
#include "io/tsv.h"
#include "tap.h"

enum { BLOCK = 113 }; /* rows read at a time: does not divide any of the files */

/* What can be said about one element. */
typedef struct facts {
    double n_obs, n_vars, nnz, sum, weighted, missing, distinct;
    uint64_t text;
} facts;

static uint64_t fnv1a(uint64_t h, const char *s)
{
    for (; *s; s++) h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    return (h ^ '\n') * UINT64_C(0x100000001b3);
}

static scp_status matrix_facts(scp_h5ad *f, const char *name, facts *out)
{
    scp_h5ad_rows rows = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_h5ad_select_matrix(f, name));
    *out = (facts){ .n_obs = (double)scp_h5ad_n_obs(f), .n_vars = (double)scp_h5ad_n_vars(f) };
    for (size_t first = 0; first < scp_h5ad_n_obs(f); first += BLOCK) {
        size_t left = scp_h5ad_n_obs(f) - first, n = left < BLOCK ? left : BLOCK;
        SCP_GOTO(done, scp_h5ad_read_rows(f, first, n, &rows));
        for (size_t i = 0; i < n; i++)
            for (int64_t k = rows.indptr[i]; k < rows.indptr[i + 1]; k++) {
                out->nnz += rows.value[k] != 0;
                out->sum += rows.value[k];
                out->weighted += (double)rows.value[k] * (double)((first + i) % 97 + 1) *
                                 (double)(rows.column[k] % 89 + 1);
            }
    }
done:
    scp_h5ad_rows_fini(&rows);
    return st;
}

static scp_status index_facts(scp_h5ad *f, bool obs, facts *out)
{
    char **names = NULL;
    size_t n = obs ? scp_h5ad_n_obs(f) : scp_h5ad_n_vars(f);
    *out = (facts){ .text = UINT64_C(0xcbf29ce484222325) };
    if (obs)
        SCP_TRY(scp_h5ad_obs_names(f, &names));
    else
        SCP_TRY(scp_h5ad_var_names(f, &names));
    for (size_t i = 0; i < n; i++) out->text = fnv1a(out->text, names[i]);
    scp_fs_list_free(names, n);
    return SCP_OK;
}

/* A column as text always; as numbers when `numeric`, because only then it must parse. */
static scp_status column_facts(scp_h5ad *f, const char *column, bool numeric, facts *out)
{
    scp_h5ad_text text;
    *out = (facts){ .text = UINT64_C(0xcbf29ce484222325) };
    SCP_TRY(scp_h5ad_obs_text(f, column, &text));
    bool used[1 << 16] = { false };
    for (size_t i = 0; i < text.n; i++) {
        int32_t c = text.code[i];
        out->missing += c < 0;
        out->text = fnv1a(out->text, c < 0 ? "" : text.label[c]);
        if (c < 0 || c >= 1 << 16 || used[c]) continue;
        used[c] = true;
        out->distinct++;
    }
    scp_h5ad_text_fini(&text);
    if (!numeric) return SCP_OK;
    double *x = NULL;
    SCP_TRY(scp_h5ad_obs_real(f, column, &x));
    out->missing = 0;
    for (size_t i = 0; i < scp_h5ad_n_obs(f); i++) {
        out->missing += isnan(x[i]);
        if (!isfinite(x[i])) continue;
        out->sum += x[i];
        out->weighted += x[i] * (double)(i % 97 + 1);
    }
    free(x);
    return SCP_OK;
}

static scp_status element_facts(scp_h5ad *f, const char *element, bool numeric, facts *out)
{
    if (strcmp(element, "obs index") == 0 || strcmp(element, "var index") == 0)
        SCP_TRY(index_facts(f, element[0] == 'o', out));
    else if (strncmp(element, "obs/", 4) == 0)
        SCP_TRY(column_facts(f, element + 4, numeric, out));
    else
        SCP_TRY(matrix_facts(f, element, out));
    return SCP_OK;
}

static bool agrees(const facts *got, const char *fact, const char *want, double tolerance)
{
    const struct {
        const char *name;
        double value;
    } number[] = {
        { "n_obs", got->n_obs },       { "n_vars", got->n_vars },     { "nnz", got->nnz },
        { "sum", got->sum },           { "weighted", got->weighted }, { "missing", got->missing },
        { "distinct", got->distinct },
    };
    char hash[32];
    double value = NAN;
    snprintf(hash, sizeof hash, "%016" PRIx64, got->text);
    if (strcmp(fact, "text") == 0) return strcmp(hash, want) == 0;
    if (scp_parse_real(want, &value) != SCP_OK) return false;
    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++)
        if (strcmp(fact, number[i].name) == 0)
            return fabs(number[i].value - value) <= tolerance * fmax(1, fabs(value));
    return false;
}

/* Rows [begin, end) of the golden table belong to one element of an open file. */
static void check_element(scp_h5ad *f, const scp_tsv *t, size_t begin, size_t end)
{
    const char *file = scp_tsv_text(t, begin, 0), *element = scp_tsv_text(t, begin, 1);
    facts got;
    bool numeric = false, fine = true;
    for (size_t r = begin; r < end; r++) numeric |= strcmp(scp_tsv_text(t, r, 2), "sum") == 0;
    scp_status st = element_facts(f, element, numeric, &got);
    if (st != SCP_OK) {
        tap_st(st, "%s: %s", file, element);
        return;
    }
    for (size_t r = begin; r < end; r++) {
        const char *fact = scp_tsv_text(t, r, 2), *want = scp_tsv_text(t, r, 3);
        if (agrees(&got, fact, want, 1e-12)) continue;
        fine = false;
        tap_diag("%s: want %s", fact, want);
    }
    tap_ok(fine, "%s: %s: %zu facts", file, element, end - begin);
}

static void check_file(const scp_tsv *t, size_t begin, size_t end)
{
    const char *name = scp_tsv_text(t, begin, 0), *path = tap_data(name);
    scp_h5ad *f = NULL;
    if (!path) {
        tap_skip("no real data here", "%s", name);
        return;
    }
    if (!tap_st(scp_h5ad_open(path, &f), "%s opens", name)) return;
    for (size_t r = begin, next; r < end; r = next) {
        for (next = r; next < end && !strcmp(scp_tsv_text(t, next, 1), scp_tsv_text(t, r, 1));)
            next++;
        check_element(f, t, r, next);
        if (strcmp(scp_tsv_text(t, r, 1), "raw/X") == 0)
            tap_st(scp_h5ad_select_matrix(f, "X"), "%s: back to X", name);
    }
    scp_h5ad_close(&f);
}

int main(void)
{
    char path[SCP_PATH_MAX];
    const char *top = getenv("top_srcdir");
    scp_tsv *t = NULL;
    tap_st(scp_fs_join(path, sizeof path, top ? top : ".", "tests/golden/h5ad.tsv"),
           "golden table");
    if (!tap_st(scp_tsv_read(path, &t), "golden table read")) return tap_done();
    for (size_t r = 0, next; r < scp_tsv_n_rows(t); r = next) {
        for (next = r;
             next < scp_tsv_n_rows(t) && !strcmp(scp_tsv_text(t, next, 0), scp_tsv_text(t, r, 0));)
            next++;
        check_file(t, r, next);
    }
    scp_tsv_destroy(&t);
    return tap_done();
}
