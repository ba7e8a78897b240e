/* See synth_truth.h. */
#include "eval/synth_truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/synth_gp.h"
#include "io/array_file.h"

struct scp_synth_truth {
    const scp_dataset *d;
    size_t K;          /* programmes */
    float *V;          /* [K, G] loadings of our genes */
    double *magnitude; /* [N] of a pair; NaN: no truth */
    double *direction; /* [n_lines, n_drugs, K] e + own */
    int32_t *row;      /* [n] pairs with a truth */
    size_t n;
};

/* Tables of the file. */
typedef struct tables {
    scp_array_file *f;
    const char *path;
    char **gene, **line_id, **line_name, **drug;
    size_t n_genes, n_lines, n_names, n_drugs, n_keys;
    float *V;                              /* [K, n_genes] */
    double *e, *own, *dose, *magnitude;    /* [n_drugs, K], [n_lines, n_drugs, K], [n_keys] x 2 */
    int32_t *key_line, *key_drug;          /* [n_keys] */
    scp_names *lines, *ids, *drugs, *keys; /* indices of names */
} tables;

static void tables_fini(tables *t)
{
    scp_array_file_close(&t->f);
    if (t->gene) scp_fs_list_free(t->gene, t->n_genes);
    if (t->line_id) scp_fs_list_free(t->line_id, t->n_lines);
    if (t->line_name) scp_fs_list_free(t->line_name, t->n_names);
    if (t->drug) scp_fs_list_free(t->drug, t->n_drugs);
    void *owned[] = { t->V, t->e, t->own, t->dose, t->magnitude, t->key_line, t->key_drug };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
    scp_names_destroy(&t->lines);
    scp_names_destroy(&t->ids);
    scp_names_destroy(&t->drugs);
    scp_names_destroy(&t->keys);
}

/* An array of this shape: rows x columns, where 0 stands for any number and is filled in. */
static scp_status get(const tables *t, const char *name, scp_array_type type, size_t *rows,
                      size_t *columns, void *out)
{
    size_t dims[3];
    void *data;
    SCP_TRY(scp_array_file_get(t->f, name, type, dims, &data));
    *(void **)out = data;
    if (!*rows) *rows = dims[0];
    if (!*columns) *columns = dims[1];
    if (dims[0] != *rows || dims[1] != *columns || dims[2] != 1)
        SCP_FAIL(SCP_EDATA,
                 "%s: %s has %zu x %zu values, want %zu x %zu: not a truth.h5 of scppdm_synth",
                 t->path, name, dims[0], dims[1], *rows, *columns);
    return SCP_OK;
}

static scp_status read_tables(tables *t, size_t *K)
{
    size_t one = 1, pairs;
    SCP_TRY(scp_array_file_open(t->path, &t->f));
    SCP_TRY(scp_array_file_get_texts(t->f, "gene/name", &t->gene, &t->n_genes));
    SCP_TRY(scp_array_file_get_texts(t->f, "line/id", &t->line_id, &t->n_lines));
    SCP_TRY(scp_array_file_get_texts(t->f, "line/name", &t->line_name, &t->n_names));
    SCP_TRY(scp_array_file_get_texts(t->f, "drug/name", &t->drug, &t->n_drugs));
    if (t->n_names != t->n_lines)
        SCP_FAIL(SCP_EDATA, "%s: %zu names of %zu lines", t->path, t->n_names, t->n_lines);
    SCP_TRY(get(t, "gene/V", SCP_ARRAY_F32, K, &t->n_genes, &t->V));
    SCP_TRY(get(t, "drug/e", SCP_ARRAY_F64, &t->n_drugs, K, &t->e));
    pairs = t->n_lines * t->n_drugs;
    SCP_TRY(get(t, "pair/own", SCP_ARRAY_F64, &pairs, K, &t->own));
    SCP_TRY(get(t, "key/line", SCP_ARRAY_I32, &t->n_keys, &one, &t->key_line));
    SCP_TRY(get(t, "key/drug", SCP_ARRAY_I32, &t->n_keys, &one, &t->key_drug));
    SCP_TRY(get(t, "key/dose", SCP_ARRAY_F64, &t->n_keys, &one, &t->dose));
    return get(t, "key/magnitude", SCP_ARRAY_F64, &t->n_keys, &one, &t->magnitude);
}

/* Has the drug of the file a training pair? known [n_drugs] of the file. */
static void find_known(const tables *t, const scp_dataset *d, uint8_t *known)
{
    for (size_t i = 0; i < d->N; i++) {
        const int32_t drug = d->p_drug[d->post[i]];
        const int64_t at = scp_names_find(t->drugs, d->drug[drug]);
        if (at >= 0 && d->split[i] == SCP_SPLIT_TRAIN) known[at] = 1;
    }
}

/* What kriging needs besides the tables. */
typedef struct process {
    double *K, *c;            /* [n_drugs, n_drugs], [programmes] */
    double *f, *best, *error; /* [n_drugs, programmes] x 2 centred effects, [n_drugs] */
    uint8_t *held;            /* [n_drugs] no training pair */
} process;

static scp_status read_process(const tables *t, size_t programmes, process *p)
{
    size_t D = t->n_drugs, one = 1;
    if (get(t, "drug/covariance", SCP_ARRAY_F64, &D, &D, &p->K) != SCP_OK ||
        get(t, "drug/prior_mean", SCP_ARRAY_F64, &programmes, &one, &p->c) != SCP_OK)
        SCP_FAIL(
            SCP_EDATA,
            "%s holds no effects of a Gaussian process, so their best prediction is not known: "
            "leave out kriging, or make the screen by scppdm_synth --effects gp",
            t->path);
    SCP_TRY(scp_alloc(D * programmes, sizeof *p->f, &p->f));
    SCP_TRY(scp_alloc(D * programmes, sizeof *p->best, &p->best));
    SCP_TRY(scp_alloc(D, sizeof *p->error, &p->error));
    return scp_alloc(D, 1, &p->held);
}

/* Replace the effects that no training pair shows by their best prediction. */
static scp_status krige(tables *t, const scp_dataset *d, size_t P)
{
    process p = { 0 };
    const size_t D = t->n_drugs;
    scp_status st = SCP_OK;
    SCP_GOTO(done, read_process(t, P, &p));
    find_known(t, d, p.held);
    for (size_t i = 0; i < D; i++) {
        p.held[i] = !p.held[i];
        for (size_t k = 0; k < P; k++) p.f[i * P + k] = t->e[i * P + k] - p.c[k];
    }
    SCP_GOTO(done, scp_synth_krige(p.K, D, p.held, p.f, P, p.best, p.error));
    for (size_t i = 0; i < D; i++)
        for (size_t k = 0; p.held[i] && k < P; k++) t->e[i * P + k] = p.best[i * P + k] + p.c[k];
    memset(t->own, 0, t->n_lines * D * P * sizeof *t->own);
done:
    free(p.K);
    free(p.c);
    free(p.f);
    free(p.best);
    free(p.error);
    free(p.held);
    return st;
}

bool scp_synth_truth_row(const char *name, scp_synth_truth_kind *kind)
{
    *kind = strcmp(name, "kriging") == 0 ? SCP_SYNTH_KRIGED : SCP_SYNTH_EXACT;
    return *kind == SCP_SYNTH_KRIGED || strcmp(name, "truth") == 0;
}

static scp_status index_names(char *const *name, size_t n, scp_names **out)
{
    size_t index;
    SCP_TRY(scp_names_create(out));
    for (size_t i = 0; i < n; i++) SCP_TRY(scp_names_add(*out, name[i], &index));
    return SCP_OK;
}

/* Line, drug and dose as a text; doses agree to 6 digits. */
static scp_status key_text(scp_strbuf *b, int64_t line, int64_t drug, double dose)
{
    b->len = 0;
    return scp_strbuf_addf(b, "%lld %lld %.6g", (long long)line, (long long)drug, dose);
}

/* Names of lines and drugs, and the keys by number; a key on several plates counts once. */
static scp_status index_tables(tables *t, double **magnitude)
{
    scp_strbuf text = { 0 };
    scp_status st = SCP_OK;
    size_t index;
    SCP_GOTO(done, index_names(t->line_id, t->n_lines, &t->ids));
    SCP_GOTO(done, index_names(t->line_name, t->n_lines, &t->lines));
    SCP_GOTO(done, index_names(t->drug, t->n_drugs, &t->drugs));
    SCP_GOTO(done, scp_names_create(&t->keys));
    SCP_GOTO(done, scp_alloc(t->n_keys, sizeof **magnitude, magnitude));
    for (size_t i = 0; i < t->n_keys; i++) {
        if (t->key_line[i] < 0 || (size_t)t->key_line[i] >= t->n_lines || t->key_drug[i] < 0 ||
            (size_t)t->key_drug[i] >= t->n_drugs)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s: key %zu has no line or no drug", t->path, i);
        SCP_GOTO(done, key_text(&text, t->key_line[i], t->key_drug[i], t->dose[i]));
        SCP_GOTO(done, scp_names_add(t->keys, text.text, &index));
        (*magnitude)[index] = t->magnitude[i];
    }
done:
    scp_strbuf_fini(&text);
    return st;
}

static scp_status take_genes(scp_synth_truth *out, const tables *t)
{
    const size_t G = out->d->G;
    scp_names *names = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, index_names(t->gene, t->n_genes, &names));
    SCP_GOTO(done, scp_alloc(out->K * G, sizeof *out->V, &out->V));
    for (size_t g = 0; g < G; g++) {
        const int64_t at = scp_names_find(names, out->d->gene[g]);
        if (at < 0)
            SCP_FAIL_GOTO(done, SCP_EDATA,
                          "%s: gene %s of the shard is not in it: the truth is of another "
                          "screen; name the right one with --eval.truth",
                          t->path, out->d->gene[g]);
        for (size_t k = 0; k < out->K; k++) out->V[k * G + g] = t->V[k * t->n_genes + (size_t)at];
    }
done:
    scp_names_destroy(&names);
    return st;
}

static int64_t find_line(const tables *t, const char *name)
{
    const int64_t at = scp_names_find(t->ids, name);
    return at >= 0 ? at : scp_names_find(t->lines, name);
}

/* Directions of all our lines and drugs that the file knows. */
static scp_status take_directions(scp_synth_truth *out, const tables *t)
{
    const scp_dataset *d = out->d;
    const size_t K = out->K;
    SCP_TRY(scp_alloc(d->n_lines * d->n_drugs * K, sizeof *out->direction, &out->direction));
    for (size_t l = 0; l < d->n_lines; l++)
        for (size_t r = 0; r < d->n_drugs; r++) {
            const int64_t line = find_line(t, d->line[l]),
                          drug = scp_names_find(t->drugs, d->drug[r]);
            double *to = out->direction + (l * d->n_drugs + r) * K;
            if (line < 0 || drug < 0) continue;
            const double *e = t->e + (size_t)drug * K,
                         *own = t->own + ((size_t)line * t->n_drugs + (size_t)drug) * K;
            for (size_t k = 0; k < K; k++) to[k] = e[k] + own[k];
        }
    return SCP_OK;
}

static scp_status take_pairs(scp_synth_truth *out, const tables *t, const double *magnitude,
                             const int32_t *rows, size_t n)
{
    const scp_dataset *d = out->d;
    scp_strbuf text = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(d->N, sizeof *out->magnitude, &out->magnitude));
    SCP_GOTO(done, scp_alloc(n, sizeof *out->row, &out->row));
    for (size_t i = 0; i < d->N; i++) out->magnitude[i] = NAN;
    for (size_t i = 0; i < n; i++) {
        const int32_t p = d->post[rows[i]];
        SCP_GOTO(done, key_text(&text, find_line(t, d->line[d->p_line[p]]),
                                scp_names_find(t->drugs, d->drug[d->p_drug[p]]), d->p_dose[p]));
        const int64_t key = scp_names_find(t->keys, text.text);
        if (key < 0) continue;
        out->magnitude[rows[i]] = magnitude[key];
        out->row[out->n++] = rows[i];
    }
done:
    scp_strbuf_fini(&text);
    return st;
}

scp_status scp_synth_truth_open(const char *path, const scp_dataset *d, scp_synth_truth_kind kind,
                                const int32_t *rows, size_t n, scp_synth_truth **out)
{
    SCP_ARG(path && d && rows && n && out, "all arguments are required");
    tables t = { .path = path };
    scp_synth_truth *truth = NULL;
    double *magnitude = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(1, sizeof *truth, &truth));
    truth->d = d;
    SCP_GOTO(done, read_tables(&t, &truth->K));
    SCP_GOTO(done, index_tables(&t, &magnitude));
    if (kind == SCP_SYNTH_KRIGED) SCP_GOTO(done, krige(&t, d, truth->K));
    SCP_GOTO(done, take_genes(truth, &t));
    SCP_GOTO(done, take_directions(truth, &t));
    SCP_GOTO(done, take_pairs(truth, &t, magnitude, rows, n));
done:
    free(magnitude);
    tables_fini(&t);
    if (st != SCP_OK) scp_synth_truth_close(&truth);
    *out = truth;
    return st;
}

void scp_synth_truth_close(scp_synth_truth **t)
{
    if (!t || !*t) return;
    free((*t)->V);
    free((*t)->magnitude);
    free((*t)->direction);
    free((*t)->row);
    free(*t);
    *t = NULL;
}

const int32_t *scp_synth_truth_rows(const scp_synth_truth *t, size_t *n)
{
    *n = t->n;
    return t->row;
}

scp_status scp_synth_truth_lfc(const scp_synth_truth *t, int32_t row, double *lfc)
{
    const scp_dataset *d = t->d;
    const int32_t p = d->post[row];
    const double *e =
        t->direction + ((size_t)d->p_line[p] * d->n_drugs + (size_t)d->p_drug[p]) * t->K;
    if (isnan(t->magnitude[row])) SCP_FAIL(SCP_EINTERNAL, "pair %d has no truth", (int)row);
    memset(lfc, 0, d->G * sizeof *lfc);
    for (size_t k = 0; k < t->K; k++) {
        const double by = t->magnitude[row] * e[k];
        const float *V = t->V + k * d->G;
        for (size_t g = 0; g < d->G; g++) lfc[g] += by * V[g];
    }
    return SCP_OK;
}

scp_status scp_synth_truth_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    const scp_synth_truth *t = ctx;
    const size_t G = t->d->G;
    double *share = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(G, sizeof *share, &share));
    for (size_t i = 0; i < n; i++) {
        const float *pre = t->d->x + (size_t)t->d->pre[rows[i]] * G;
        double before = 0, after = 0;
        SCP_GOTO(done, scp_synth_truth_lfc(t, rows[i], share));
        for (size_t g = 0; g < G; g++) {
            const double s = expm1(pre[g]);
            share[g] = s * exp(share[g]);
            before += s;
            after += share[g];
        }
        const double scale = after > 0 ? before / after : 1;
        for (size_t g = 0; g < G; g++) out[i * G + g] = (float)log1p(scale * share[g]);
    }
done:
    free(share);
    return st;
}

scp_status scp_synth_truth_find(const scp_dataset *d, char *path, size_t size)
{
    SCP_ARG(d && path && size, "data set and room for a path are required");
    scp_json *manifest = NULL;
    const char *input = NULL, *slash;
    const scp_json *value;
    void *iter = NULL;
    scp_status st = SCP_OK;
    path[0] = '\0';
    if (!d->manifest ||
        scp_json_parse(d->manifest, strlen(d->manifest), "the manifest", &manifest)) {
        scp_err_clear();
        return SCP_OK;
    }
    if (scp_json_next(scp_json_get(manifest, "inputs"), &iter, &input, &value) && input) {
        slash = strrchr(input, '/');
        st = scp_str_format(path, size,
                            "%.*s"
                            "truth.h5",
                            slash ? (int)(slash + 1 - input) : 0, input);
        if (st == SCP_OK && !scp_fs_exists(path)) path[0] = '\0';
    }
    scp_json_destroy(&manifest);
    return st;
}
