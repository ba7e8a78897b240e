/* True and predicted profiles of a split, see profiles.h. */
#include "report/profiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/h5ad.h"

static const char vehicle[] = "DMSO_TF"; /* eval/pred_file.h */

/* Rows of a file read ahead. */
typedef struct window {
    scp_h5ad *file;
    scp_h5ad_rows block;
    size_t first; /* row of the file */
} window;

struct scp_profile_rows {
    window real, pred, control; /* the control's is a row at a time */
    size_t *true_row, *pred_row; /* [n] of the condition */
    size_t *control_row;         /* [n_control] */
    float *held;                 /* [SCP_PROFILES_CONTROLS, G] controls read last */
    size_t held_of[SCP_PROFILES_CONTROLS], n_held, next; /* which; n_control: none */
    float *x;                    /* [G] */
};

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

/* A row of a file, dense. */
static scp_status read_row(window *w, size_t row, size_t ahead, size_t G, float *out)
{
    const size_t n = scp_h5ad_n_obs(w->file);
    if (row < w->first || row >= w->first + w->block.n_rows) {
        w->block.n_rows = 0;
        SCP_TRY(scp_h5ad_read_rows(w->file, row, n - row < ahead ? n - row : ahead, &w->block));
        w->first = row;
    }
    const size_t i = row - w->first;
    memset(out, 0, G * sizeof *out);
    for (int64_t k = w->block.indptr[i]; k < w->block.indptr[i + 1]; k++)
        out[w->block.column[k]] += w->block.value[k];
    return SCP_OK;
}

/* Keys in the order of the real file. */
typedef struct plan {
    scp_names *condition, *control;
} plan;

static void plan_fini(plan *w)
{
    scp_names_destroy(&w->condition);
    scp_names_destroy(&w->control);
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
    SCP_GOTO(done, scp_alloc(rows, sizeof *p->rows->true_row, &p->rows->true_row));
    SCP_GOTO(done, scp_alloc(rows, sizeof *p->rows->pred_row, &p->rows->pred_row));
    SCP_GOTO(done, scp_alloc(rows, sizeof *p->rows->control_row, &p->rows->control_row));
    for (size_t row = 0; row < rows; row++) {
        scp_names *of = is_control(k, row) ? w->control : w->condition;
        size_t before = scp_names_count(of);
        SCP_GOTO(done, key_text(k, row, &key));
        SCP_GOTO(done, scp_names_add(of, key.text, &index));
        if (index != before)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s: row %zu has the key of an earlier row",
                          scp_h5ad_path(f), row);
        (of == w->control ? p->rows->control_row : p->rows->true_row)[index] = row;
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

/* Rows of the predictions by condition; every condition must have one, the last one counts. */
static scp_status match_predictions(scp_profiles *p, const plan *w, scp_h5ad *f, const keys *k)
{
    scp_strbuf key = { 0 };
    uint8_t *seen = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(p->n, 1, &seen));
    for (size_t row = 0; row < scp_h5ad_n_obs(f); row++) {
        SCP_GOTO(done, key_text(k, row, &key));
        int64_t at = is_control(k, row) ? -1 : scp_names_find(w->condition, key.text);
        if (at < 0) continue;
        p->rows->pred_row[at] = row;
        seen[at] = 1;
    }
    for (size_t i = 0; i < p->n; i++)
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

static scp_status match_real(scp_profiles *p, plan *w)
{
    scp_h5ad *f = p->rows->real.file;
    keys k = { 0 };
    scp_status st = SCP_OK;
    p->G = scp_h5ad_n_vars(f);
    SCP_GOTO(done, scp_h5ad_var_names(f, &p->gene));
    SCP_GOTO(done, keys_read(f, &k));
    SCP_GOTO(done, number_rows(p, f, &k, w));
    st = find_controls(p, scp_h5ad_path(f), w);
done:
    keys_fini(&k);
    return st;
}

static scp_status match_pred(scp_profiles *p, const plan *w)
{
    scp_h5ad *f = p->rows->pred.file;
    keys k = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, check_genes(p, f));
    SCP_GOTO(done, keys_read(f, &k));
    st = match_predictions(p, w, f, &k);
done:
    keys_fini(&k);
    return st;
}

static scp_status make_room(scp_profiles *p)
{
    struct scp_profile_rows *r = p->rows;
    r->n_held = p->n_control < SCP_PROFILES_CONTROLS ? p->n_control : SCP_PROFILES_CONTROLS;
    for (size_t i = 0; i < r->n_held; i++) r->held_of[i] = p->n_control;
    SCP_TRY(scp_alloc(r->n_held * p->G, sizeof *r->held, &r->held));
    return scp_alloc(p->G, sizeof *r->x, &r->x);
}

scp_status scp_profiles_open(const char *run, const char *split, const char *model, scp_profiles *p)
{
    char path[SCP_PATH_MAX];
    plan w = { 0 };
    scp_status st = SCP_OK;
    *p = (scp_profiles){ 0 };
    SCP_TRY(scp_str_format(p->model, sizeof p->model, "%s", model));
    SCP_TRY(scp_alloc(1, sizeof *p->rows, &p->rows));
    SCP_GOTO(done, path_of(run, split, NULL, path));
    SCP_GOTO(done, scp_h5ad_open(path, &p->rows->real.file));
    p->rows->control.file = p->rows->real.file;
    SCP_GOTO(done, match_real(p, &w));
    SCP_GOTO(done, path_of(run, split, model, path));
    SCP_GOTO(done, scp_h5ad_open(path, &p->rows->pred.file));
    SCP_GOTO(done, match_pred(p, &w));
    st = make_room(p);
done:
    plan_fini(&w);
    return st;
}

static void rows_close(struct scp_profile_rows *r)
{
    if (!r) return;
    scp_h5ad_rows_fini(&r->real.block);
    scp_h5ad_rows_fini(&r->pred.block);
    scp_h5ad_rows_fini(&r->control.block);
    scp_h5ad_close(&r->real.file); /* the controls', too */
    scp_h5ad_close(&r->pred.file);
    free(r->true_row);
    free(r->pred_row);
    free(r->control_row);
    free(r->held);
    free(r->x);
    free(r);
}

void scp_profiles_close(scp_profiles *p)
{
    rows_close(p->rows);
    scp_fs_list_free(p->gene, p->gene ? p->G : 0);
    scp_names_destroy(&p->line);
    scp_names_destroy(&p->drug);
    scp_names_destroy(&p->plate);
    free(p->l);
    free(p->d);
    free(p->p);
    free(p->dose);
    free(p->pre);
    *p = (scp_profiles){ 0 };
}

scp_status scp_profiles_row(scp_profiles *p, size_t i, bool predicted, float *out)
{
    struct scp_profile_rows *r = p->rows;
    SCP_ARG(i < p->n && out, "a condition and room for its profile are required");
    return read_row(predicted ? &r->pred : &r->real, (predicted ? r->pred_row : r->true_row)[i],
                    SCP_PROFILES_WINDOW, p->G, out);
}

/* A control, from those that were read last where it is one of them. */
static scp_status control_of(scp_profiles *p, size_t i, const float **out)
{
    struct scp_profile_rows *r = p->rows;
    const size_t control = (size_t)p->pre[i];
    for (size_t k = 0; k < r->n_held; k++)
        if (r->held_of[k] == control) {
            *out = r->held + k * p->G;
            return SCP_OK;
        }
    const size_t at = r->next++ % r->n_held;
    r->held_of[at] = p->n_control;
    SCP_TRY(read_row(&r->control, r->control_row[control], 1, p->G, r->held + at * p->G));
    r->held_of[at] = control;
    *out = r->held + at * p->G;
    return SCP_OK;
}

scp_status scp_profiles_logfc(scp_profiles *p, size_t i, bool predicted, double pseudo, double *out)
{
    const float *pre = NULL, *x = p->rows->x;
    SCP_TRY(scp_profiles_row(p, i, predicted, p->rows->x));
    SCP_TRY(control_of(p, i, &pre));
    for (size_t g = 0; g < p->G; g++)
        out[g] = log2((fmax(x[g], 0) + pseudo) / (fmax(pre[g], 0) + pseudo));
    return SCP_OK;
}

scp_status scp_profiles_label(const scp_profiles *p, size_t i, scp_strbuf *out)
{
    return scp_strbuf_addf(out, "%s, %s %g \xc2\xb5M, plate %s",
                           scp_names_get(p->line, (size_t)p->l[i]),
                           scp_names_get(p->drug, (size_t)p->d[i]), p->dose[i],
                           scp_names_get(p->plate, (size_t)p->p[i]));
}
