/* True and predicted profiles of a split, see profiles.h. */
#include "report/profiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/h5ad.h"

enum { BLOCK = 256 };

static const char vehicle[] = "DMSO_TF"; /* eval/pred_file.h */

/* The keys of a file's rows. */
typedef struct keys {
    scp_h5ad_text line, drug, plate;
    double *dose;
} keys;

static void keys_fini(keys *k)
{
    scp_h5ad_text_fini(&k->line);
    scp_h5ad_text_fini(&k->drug);
    scp_h5ad_text_fini(&k->plate);
    free(k->dose);
}

static scp_status keys_read(scp_h5ad *f, keys *k)
{
    SCP_TRY(scp_h5ad_obs_text(f, "cell_name", &k->line));
    SCP_TRY(scp_h5ad_obs_text(f, "drug", &k->drug));
    SCP_TRY(scp_h5ad_obs_text(f, "plate", &k->plate));
    return scp_h5ad_obs_real(f, "dose_uM", &k->dose);
}

static const char *text_of(const scp_h5ad_text *t, size_t row)
{
    return t->code[row] < 0 ? "" : t->label[t->code[row]];
}

static bool is_control(const keys *k, size_t row)
{
    return strcmp(text_of(&k->drug, row), vehicle) == 0;
}

/* A row's key as text; controls have neither drug nor dose. */
static scp_status key_text(const keys *k, size_t row, scp_strbuf *out)
{
    out->len = 0;
    if (is_control(k, row))
        return scp_strbuf_addf(out, "%s\t%s", text_of(&k->line, row), text_of(&k->plate, row));
    return scp_strbuf_addf(out, "%s\t%s\t%s\t%.6g", text_of(&k->line, row), text_of(&k->plate, row),
                           text_of(&k->drug, row), k->dose[row]);
}

static scp_status path_of(const char *run, const char *split, const char *model,
                          char path[SCP_PATH_MAX])
{
    return scp_str_format(path, SCP_PATH_MAX, "%s/eval/%s/%s%s.h5ad", run, split,
                          model ? "pred_" : "real", model ? model : "");
}

/* The model whose file comes first, preferably scppdm's; "" when there is none. */
static scp_status first_model(const char *run, const char *split, char *found, size_t size)
{
    static const char preferred[] = "scppdm";
    char dir[SCP_PATH_MAX], **name = NULL;
    size_t n = 0;
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(dir, sizeof dir, "%s/eval/%s", run, split));
    if (!scp_fs_is_dir(dir)) return SCP_OK;
    SCP_TRY(scp_fs_list(dir, ".h5ad", &name, &n));
    for (size_t i = 0; i < n && st == SCP_OK && strcmp(found, preferred) != 0; i++) {
        size_t len = strlen(name[i]);
        if (strncmp(name[i], "pred_", 5) != 0) continue;
        name[i][len - 5] = '\0';
        if (!found[0] || strcmp(name[i] + 5, preferred) == 0)
            st = scp_str_format(found, size, "%s", name[i] + 5);
    }
    scp_fs_list_free(name, n);
    return st;
}

scp_status scp_profiles_find(const char *run, const char *split, const char *model, char *found,
                             size_t size)
{
    char real[SCP_PATH_MAX], pred[SCP_PATH_MAX];
    found[0] = '\0';
    if (model)
        SCP_TRY(scp_str_format(found, size, "%s", model));
    else
        SCP_TRY(first_model(run, split, found, size));
    if (!found[0]) return SCP_OK;
    SCP_TRY(path_of(run, split, NULL, real));
    SCP_TRY(path_of(run, split, found, pred));
    if (!scp_fs_exists(real) || !scp_fs_exists(pred)) found[0] = '\0';
    return SCP_OK;
}

/* Dense rows of a file: those with a destination. */
static scp_status read_rows(scp_h5ad *f, float *const *to, size_t G)
{
    scp_h5ad_rows block = { 0 };
    size_t n = scp_h5ad_n_obs(f);
    scp_status st = SCP_OK;
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t m = n - first < BLOCK ? n - first : BLOCK, wanted = 0;
        for (size_t i = 0; i < m; i++) wanted += to[first + i] != NULL;
        if (!wanted) continue;
        SCP_GOTO(done, scp_h5ad_read_rows(f, first, m, &block));
        for (size_t i = 0; i < m; i++) {
            float *x = to[first + i];
            if (!x) continue;
            memset(x, 0, G * sizeof *x);
            for (int64_t k = block.indptr[i]; k < block.indptr[i + 1]; k++)
                x[block.column[k]] += block.value[k];
        }
    }
done:
    scp_h5ad_rows_fini(&block);
    return st;
}

/* Where the rows of the two files go. */
typedef struct plan {
    scp_names *condition, *control; /* keys in the order of the real file */
    float **real, **pred;           /* [rows] destinations                */
} plan;

static void plan_fini(plan *w)
{
    scp_names_destroy(&w->condition);
    scp_names_destroy(&w->control);
    free(w->real);
    free(w->pred);
}

static scp_status add_condition(scp_profiles *p, const keys *k, size_t row, size_t i)
{
    size_t index;
    SCP_TRY(scp_names_add(p->line, text_of(&k->line, row), &index));
    p->l[i] = (int32_t)index;
    SCP_TRY(scp_names_add(p->drug, text_of(&k->drug, row), &index));
    p->d[i] = (int32_t)index;
    SCP_TRY(scp_names_add(p->plate, text_of(&k->plate, row), &index));
    p->p[i] = (int32_t)index;
    p->dose[i] = k->dose[row];
    return SCP_OK;
}

/* Number the conditions and controls of the real file. */
static scp_status number_rows(scp_profiles *p, scp_h5ad *f, const keys *k, plan *w)
{
    size_t rows = scp_h5ad_n_obs(f), index;
    scp_strbuf key = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_names_create(&w->condition));
    SCP_GOTO(done, scp_names_create(&w->control));
    SCP_GOTO(done, scp_names_create(&p->line));
    SCP_GOTO(done, scp_names_create(&p->drug));
    SCP_GOTO(done, scp_names_create(&p->plate));
    SCP_GOTO(done, scp_alloc(rows, sizeof *p->l, &p->l));
    SCP_GOTO(done, scp_alloc(rows, sizeof *p->d, &p->d));
    SCP_GOTO(done, scp_alloc(rows, sizeof *p->p, &p->p));
    SCP_GOTO(done, scp_alloc(rows, sizeof *p->pre, &p->pre));
    SCP_GOTO(done, scp_alloc(rows, sizeof *p->dose, &p->dose));
    for (size_t row = 0; row < rows; row++) {
        scp_names *of = is_control(k, row) ? w->control : w->condition;
        size_t before = scp_names_count(of);
        SCP_GOTO(done, key_text(k, row, &key));
        SCP_GOTO(done, scp_names_add(of, key.text, &index));
        if (index != before)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s: row %zu has the key of an earlier row",
                          scp_h5ad_path(f), row);
        if (of == w->condition) SCP_GOTO(done, add_condition(p, k, row, index));
    }
    p->n = scp_names_count(w->condition);
    p->n_control = scp_names_count(w->control);
    if (!p->n) SCP_FAIL_GOTO(done, SCP_EDATA, "%s has no treated row", scp_h5ad_path(f));
done:
    scp_strbuf_fini(&key);
    return st;
}

static scp_status find_controls(scp_profiles *p, const char *path, const plan *w)
{
    scp_strbuf key = { 0 };
    scp_status st = SCP_OK;
    for (size_t i = 0; i < p->n; i++) {
        key.len = 0;
        SCP_GOTO(done, scp_strbuf_addf(&key, "%s\t%s", scp_names_get(p->line, (size_t)p->l[i]),
                                       scp_names_get(p->plate, (size_t)p->p[i])));
        int64_t at = scp_names_find(w->control, key.text);
        if (at < 0)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s has no %s row of cell line %s on plate %s", path,
                          vehicle, scp_names_get(p->line, (size_t)p->l[i]),
                          scp_names_get(p->plate, (size_t)p->p[i]));
        p->pre[i] = (int32_t)at;
    }
done:
    scp_strbuf_fini(&key);
    return st;
}

/* Destination of a row of either file; NULL: not held here. */
static float *place_of(const scp_profiles *p, const plan *w, const char *key, bool control,
                       float *matrix)
{
    int64_t at = scp_names_find(control ? w->control : w->condition, key);
    if (at < 0) return NULL;
    if (control) return matrix == p->truth ? p->control + (size_t)at * p->G : NULL;
    if ((size_t)at < p->first || (size_t)at >= p->first + p->count) return NULL;
    return matrix + ((size_t)at - p->first) * p->G;
}

/* Destinations of a file's rows; every condition held must get a row. */
static scp_status place_rows(const scp_profiles *p, const plan *w, scp_h5ad *f, const keys *k,
                             float *matrix, float ***out)
{
    scp_strbuf key = { 0 };
    size_t found = 0;
    uint8_t *seen = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(scp_h5ad_n_obs(f), sizeof **out, out));
    SCP_GOTO(done, scp_alloc(p->n, 1, &seen));
    for (size_t row = 0; row < scp_h5ad_n_obs(f); row++) {
        bool control = is_control(k, row);
        SCP_GOTO(done, key_text(k, row, &key));
        (*out)[row] = place_of(p, w, key.text, control, matrix);
        int64_t at = control ? -1 : scp_names_find(w->condition, key.text);
        if (at < 0) continue;
        found += !seen[at];
        seen[at] = 1;
    }
    for (size_t i = 0; i < p->n && found < p->n; i++)
        if (!seen[i])
            SCP_FAIL_GOTO(done, SCP_EDATA,
                          "%s has no row of %s, %s %g uM, plate %s, which the true profiles have: "
                          "run scppdm_eval again",
                          scp_h5ad_path(f), scp_names_get(p->line, (size_t)p->l[i]),
                          scp_names_get(p->drug, (size_t)p->d[i]), p->dose[i],
                          scp_names_get(p->plate, (size_t)p->p[i]));
done:
    scp_strbuf_fini(&key);
    free(seen);
    return st;
}

static scp_status check_genes(const scp_profiles *p, scp_h5ad *f)
{
    char **gene = NULL;
    scp_status st = SCP_OK;
    if (scp_h5ad_n_vars(f) != p->G)
        SCP_FAIL(SCP_EDATA, "%s has %zu genes, the true profiles have %zu", scp_h5ad_path(f),
                 scp_h5ad_n_vars(f), p->G);
    SCP_TRY(scp_h5ad_var_names(f, &gene));
    for (size_t g = 0; g < p->G && st == SCP_OK; g++)
        if (strcmp(gene[g], p->gene[g]) != 0)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s: gene %zu is %s, that of the true profiles is %s",
                          scp_h5ad_path(f), g + 1, gene[g], p->gene[g]);
done:
    scp_fs_list_free(gene, p->G);
    return st;
}

static scp_status read_real(scp_profiles *p, scp_h5ad *f, size_t rank, size_t size, plan *w)
{
    keys k = { 0 };
    scp_status st = SCP_OK;
    p->G = scp_h5ad_n_vars(f);
    SCP_GOTO(done, scp_h5ad_var_names(f, &p->gene));
    SCP_GOTO(done, keys_read(f, &k));
    SCP_GOTO(done, number_rows(p, f, &k, w));
    SCP_GOTO(done, find_controls(p, scp_h5ad_path(f), w));
    p->first = p->n * rank / size;
    p->count = p->n * (rank + 1) / size - p->first;
    SCP_GOTO(done, scp_alloc(p->n_control * p->G, sizeof *p->control, &p->control));
    SCP_GOTO(done, scp_alloc(p->count * p->G, sizeof *p->truth, &p->truth));
    SCP_GOTO(done, scp_alloc(p->count * p->G, sizeof *p->pred, &p->pred));
    SCP_GOTO(done, place_rows(p, w, f, &k, p->truth, &w->real));
    st = read_rows(f, w->real, p->G);
done:
    keys_fini(&k);
    return st;
}

static scp_status read_pred(scp_profiles *p, scp_h5ad *f, plan *w)
{
    keys k = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, check_genes(p, f));
    SCP_GOTO(done, keys_read(f, &k));
    SCP_GOTO(done, place_rows(p, w, f, &k, p->pred, &w->pred));
    st = read_rows(f, w->pred, p->G);
done:
    keys_fini(&k);
    return st;
}

scp_status scp_profiles_read(const char *run, const char *split, const char *model, size_t rank,
                             size_t size, scp_profiles *p)
{
    char path[SCP_PATH_MAX];
    scp_h5ad *real = NULL, *pred = NULL;
    plan w = { 0 };
    scp_status st = SCP_OK;
    *p = (scp_profiles){ 0 };
    SCP_TRY(scp_str_format(p->model, sizeof p->model, "%s", model));
    SCP_TRY(path_of(run, split, NULL, path));
    SCP_GOTO(done, scp_h5ad_open(path, &real));
    SCP_GOTO(done, read_real(p, real, rank, size, &w));
    SCP_GOTO(done, path_of(run, split, model, path));
    SCP_GOTO(done, scp_h5ad_open(path, &pred));
    SCP_GOTO(done, read_pred(p, pred, &w));
done:
    scp_h5ad_close(&real);
    scp_h5ad_close(&pred);
    plan_fini(&w);
    return st;
}

void scp_profiles_fini(scp_profiles *p)
{
    scp_fs_list_free(p->gene, p->gene ? p->G : 0);
    scp_names_destroy(&p->line);
    scp_names_destroy(&p->drug);
    scp_names_destroy(&p->plate);
    free(p->l);
    free(p->d);
    free(p->p);
    free(p->dose);
    free(p->pre);
    free(p->control);
    free(p->truth);
    free(p->pred);
    *p = (scp_profiles){ 0 };
}

void scp_profiles_logfc(const scp_profiles *p, size_t i, bool predicted, double pseudo, double *out)
{
    const float *x = (predicted ? p->pred : p->truth) + i * p->G;
    const float *pre = p->control + (size_t)p->pre[p->first + i] * p->G;
    for (size_t g = 0; g < p->G; g++)
        out[g] = log2((fmax(x[g], 0) + pseudo) / (fmax(pre[g], 0) + pseudo));
}

scp_status scp_profiles_label(const scp_profiles *p, size_t i, scp_strbuf *out)
{
    return scp_strbuf_addf(out, "%s, %s %g \xc2\xb5M, plate %s",
                           scp_names_get(p->line, (size_t)p->l[i]),
                           scp_names_get(p->drug, (size_t)p->d[i]), p->dose[i],
                           scp_names_get(p->plate, (size_t)p->p[i]));
}
