/* Predictions and truth as AnnData files in the layout of Tahoe's plates and cell-eval. */
#include "eval/pred_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "eval/plan.h"
#include "io/h5ad.h"

static const char vehicle[] = "DMSO_TF";

struct scp_pred_writer {
    char *path;
    const scp_pred_key *key; /* [n] */
    size_t G, n, written;
    scp_h5ad_writer *file;
    scp_h5ad_layer *spread;
    size_t spread_written;
    float *row; /* [G] a row cut at 0 */
};

/* A Python string literal: single quotes unless the text has one and no double quote. */
static scp_status add_literal(scp_strbuf *b, const char *text)
{
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
    SCP_TRY(scp_strbuf_addn(b, &quote, 1));
    for (; *text; text++) {
        if (*text == quote || *text == '\\') SCP_TRY(scp_strbuf_addn(b, "\\", 1));
        SCP_TRY(scp_strbuf_addn(b, text, 1));
    }
    return scp_strbuf_addn(b, &quote, 1);
}

scp_status scp_pred_label(const char *drug, double dose, char **out)
{
    SCP_ARG(out, "a place for the label is required");
    char number[SCP_REAL_TEXT];
    scp_strbuf b = { 0 };
    scp_status st = SCP_OK;
    scp_print_real(drug ? dose : 0, number);
    SCP_GOTO(fail, scp_strbuf_addn(&b, "[(", 2));
    SCP_GOTO(fail, add_literal(&b, drug ? drug : vehicle));
    SCP_GOTO(fail,
             scp_strbuf_addf(&b, ", %s%s, 'uM')]", number, strpbrk(number, ".en") ? "" : ".0"));
    *out = b.text;
    return SCP_OK;
fail:
    scp_strbuf_fini(&b);
    return st;
}

/* A categorical column under construction. */
typedef struct category {
    scp_names *names;
    int32_t *code;
    const char **label;
} category;

static scp_status category_init(category *c, size_t n)
{
    *c = (category){ 0 };
    SCP_TRY(scp_names_create(&c->names));
    return scp_alloc(n, sizeof *c->code, &c->code);
}

static scp_status category_set(category *c, size_t i, const char *text)
{
    size_t index;
    SCP_TRY(scp_names_add(c->names, text, &index));
    c->code[i] = (int32_t)index;
    return SCP_OK;
}

static scp_status category_write(category *c, scp_h5ad_writer *file, const char *name)
{
    size_t n = scp_names_count(c->names);
    SCP_TRY(scp_alloc(n, sizeof *c->label, &c->label));
    for (size_t i = 0; i < n; i++) c->label[i] = scp_names_get(c->names, i);
    return scp_h5ad_write_categorical(file, "obs", name, c->code, c->label, n);
}

static void category_fini(category *c)
{
    scp_names_destroy(&c->names);
    free(c->code);
    free(c->label);
}

enum { LABEL, DRUG, LINE, PLATE, COLUMNS };
static const char *const column_name[COLUMNS] = { "drugname_drugconc", "drug", "cell_name",
                                                  "plate" };

static scp_status set_row(category *col, size_t i, const scp_pred_key *key)
{
    char *label = NULL;
    SCP_TRY(scp_pred_label(key->drug, key->dose, &label));
    scp_status st = category_set(&col[LABEL], i, label);
    free(label);
    SCP_TRY(st);
    SCP_TRY(category_set(&col[DRUG], i, key->drug ? key->drug : vehicle));
    SCP_TRY(category_set(&col[LINE], i, key->line));
    return category_set(&col[PLATE], i, key->plate);
}

static scp_status write_obs(scp_h5ad_writer *file, const scp_pred_key *key, size_t n)
{
    scp_status st = SCP_OK;
    category col[COLUMNS] = { { 0 } };
    double *dose = NULL;
    for (size_t c = 0; c < COLUMNS; c++) SCP_GOTO(done, category_init(&col[c], n));
    SCP_GOTO(done, scp_alloc(n, sizeof *dose, &dose));
    for (size_t i = 0; i < n; i++) {
        SCP_GOTO(done, set_row(col, i, &key[i]));
        dose[i] = key[i].drug ? key[i].dose : 0;
    }
    for (size_t c = 0; c < COLUMNS; c++)
        SCP_GOTO(done, category_write(&col[c], file, column_name[c]));
    SCP_GOTO(done, scp_h5ad_write_real(file, "obs", "dose_uM", dose));
done:
    free(dose);
    for (size_t c = 0; c < COLUMNS; c++) category_fini(&col[c]);
    return st;
}

/* obs names are running numbers, as text. */
static scp_status write_indices(scp_h5ad_writer *file, char *const *gene, size_t n)
{
    enum { WIDTH = 24 };
    scp_status st = SCP_OK;
    char *text = NULL;
    const char **name = NULL;
    SCP_GOTO(done, scp_alloc(n, WIDTH, &text));
    SCP_GOTO(done, scp_alloc(n, sizeof *name, &name));
    for (size_t i = 0; i < n; i++) {
        snprintf(text + i * WIDTH, WIDTH, "%zu", i);
        name[i] = text + i * WIDTH;
    }
    SCP_GOTO(done, scp_h5ad_write_index(file, "obs", "_index", name));
    SCP_GOTO(done, scp_h5ad_write_index(file, "var", "_index", (const char *const *)gene));
done:
    free(name);
    free(text);
    return st;
}

scp_status scp_pred_writer_create(const char *path, char *const *gene, size_t G,
                                  const scp_pred_key *key, size_t n, const char *config,
                                  scp_pred_writer **out)
{
    SCP_ARG(path && gene && key && out && G > 0, "path, genes, keys and result are required");
    scp_status st = SCP_OK;
    scp_pred_writer *w = NULL;
    SCP_TRY(scp_alloc(1, sizeof *w, &w));
    *w = (scp_pred_writer){ .key = key, .G = G, .n = n };
    SCP_GOTO(fail, scp_strdup(path, &w->path));
    SCP_GOTO(fail, scp_alloc(G, sizeof *w->row, &w->row));
    const scp_h5ad_write_options options = { .csr = true, .deflate = 4, .shuffle = true };
    SCP_GOTO(fail, scp_h5ad_writer_create(path, n, G, &options, &w->file));
    SCP_GOTO(fail, write_indices(w->file, gene, n));
    SCP_GOTO(fail, write_obs(w->file, key, n));
    if (config) SCP_GOTO(fail, scp_h5ad_write_uns_text(w->file, "scppdm_config", config));
    *out = w;
    return SCP_OK;
fail:
    scp_pred_writer_abort(&w);
    return st;
}

/* Row i of x into w->row; negative entries become 0 (`cut`) or are an error. */
static scp_status take_row(scp_pred_writer *w, const float *x, bool cut)
{
    const scp_pred_key *k = &w->key[w->written];
    for (size_t g = 0; g < w->G; g++) {
        if (!isfinite(x[g]) || (x[g] < 0 && !cut))
            SCP_FAIL(SCP_EDATA,
                     "%s: the profile of %s, %s %g uM, plate %s is %g at gene %zu: log1p "
                     "expression must be finite and not negative",
                     w->path, k->line, k->drug ? k->drug : vehicle, k->dose, k->plate, x[g], g + 1);
        w->row[g] = x[g] < 0 ? 0 : x[g];
    }
    return SCP_OK;
}

static scp_status add_rows(scp_pred_writer *w, const float *x, size_t n, bool cut)
{
    SCP_ARG(w && (x || n == 0), "writer and rows are required");
    if (n > w->n - w->written)
        SCP_FAIL(SCP_EINTERNAL, "%s: more rows than the %zu announced", w->path, w->n);
    for (size_t i = 0; i < n; i++, w->written++) {
        SCP_TRY(take_row(w, x + i * w->G, cut));
        SCP_TRY(scp_h5ad_write_dense(w->file, w->row, 1));
    }
    return SCP_OK;
}

scp_status scp_pred_writer_add(scp_pred_writer *w, const float *x, size_t n)
{
    return add_rows(w, x, n, true);
}

scp_status scp_pred_writer_add_true(scp_pred_writer *w, const float *x, size_t n)
{
    return add_rows(w, x, n, false);
}

scp_status scp_pred_writer_begin_spread(scp_pred_writer *w, size_t samples)
{
    char text[160];
    SCP_TRY(scp_str_format(text, sizeof text,
                           "layers/sd: standard deviation over %zu samples of the model, each "
                           "decoded by itself; 0 for controls",
                           samples));
    SCP_TRY(scp_h5ad_write_uns_text(w->file, "sd", text));
    return scp_h5ad_layer_begin(w->file, "sd", &w->spread);
}

/* A row of the spread as it is written: sd, or zeros. */
static scp_status spread_row(scp_pred_writer *w, const float *sd)
{
    const scp_pred_key *k = &w->key[w->spread_written];
    for (size_t g = 0; g < w->G; g++) {
        w->row[g] = sd ? sd[g] : 0;
        if (!isfinite(w->row[g]) || w->row[g] < 0)
            SCP_FAIL(SCP_EDATA, "%s: the spread of %s, %s %g uM, plate %s is %g at gene %zu",
                     w->path, k->line, k->drug ? k->drug : vehicle, k->dose, k->plate, w->row[g],
                     g + 1);
    }
    return SCP_OK;
}

scp_status scp_pred_writer_add_spread(scp_pred_writer *w, const float *sd, size_t n)
{
    SCP_ARG(w && w->spread && n <= w->n - w->spread_written, "a spread and its rows are required");
    for (size_t i = 0; i < n; i++, w->spread_written++) {
        SCP_TRY(spread_row(w, sd ? sd + i * w->G : NULL));
        SCP_TRY(scp_h5ad_layer_append(w->spread, w->row, 1));
    }
    return SCP_OK;
}

scp_status scp_pred_writer_commit(scp_pred_writer **w)
{
    SCP_ARG(w && *w, "a writer is required");
    scp_status st = SCP_OK;
    if ((*w)->written != (*w)->n)
        SCP_FAIL_GOTO(done, SCP_EINTERNAL, "%s: %zu of %zu rows were written", (*w)->path,
                      (*w)->written, (*w)->n);
    if ((*w)->spread) SCP_GOTO(done, scp_h5ad_layer_end(&(*w)->spread));
    SCP_GOTO(done, scp_h5ad_writer_commit(&(*w)->file));
done:
    scp_pred_writer_abort(w);
    return st;
}

void scp_pred_writer_abort(scp_pred_writer **w)
{
    if (!w || !*w) return;
    scp_h5ad_layer_drop(&(*w)->spread);
    scp_h5ad_writer_abort(&(*w)->file);
    free((*w)->row);
    free((*w)->path);
    free(*w);
    *w = NULL;
}

static scp_pred_key key_of(const scp_dataset *d, int32_t p)
{
    return (scp_pred_key){ .line = d->line[d->p_line[p]],
                           .drug = d->p_drug[p] < 0 ? NULL : d->drug[d->p_drug[p]],
                           .plate = d->plate[d->p_plate[p]],
                           .dose = d->p_dose[p] };
}

scp_status scp_pred_keys(const scp_dataset *d, const int32_t *ordered_rows, size_t n_rows,
                         scp_pred_key **key, size_t *n, int32_t **control, size_t *n_control)
{
    SCP_ARG(d && ordered_rows && key && n && control && n_control, "all arguments are required");
    scp_status st = SCP_OK;
    uint8_t *used = NULL;
    *key = NULL;
    *control = NULL;
    *n_control = 0;
    SCP_GOTO(fail, scp_alloc(d->P, sizeof *used, &used));
    for (size_t i = 0; i < n_rows; i++) used[d->pre[ordered_rows[i]]] = 1;
    for (size_t p = 0; p < d->P; p++) *n_control += used[p];
    *n = n_rows + *n_control;
    SCP_GOTO(fail, scp_alloc(*n, sizeof **key, key));
    SCP_GOTO(fail, scp_alloc(*n_control, sizeof **control, control));
    for (size_t i = 0; i < n_rows; i++) (*key)[i] = key_of(d, d->post[ordered_rows[i]]);
    for (size_t p = 0, c = 0; p < d->P; p++) {
        if (!used[p]) continue;
        (*key)[n_rows + c] = key_of(d, (int32_t)p);
        (*control)[c++] = (int32_t)p;
    }
    free(used);
    return SCP_OK;
fail:
    free(used);
    free(*key);
    *key = NULL;
    return st;
}

scp_status scp_pred_write_real(const scp_dataset *d, const int32_t *rows, size_t n,
                               const char *path)
{
    SCP_ARG(d && path, "data set and path are required");
    scp_eval_plan plan = { 0 };
    scp_pred_writer *w = NULL;
    scp_pred_key *key = NULL;
    int32_t *control = NULL;
    size_t n_keys = 0, n_control = 0;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_eval_plan_init(&plan, d, rows, n, 1));
    SCP_GOTO(done, scp_pred_keys(d, plan.row, n, &key, &n_keys, &control, &n_control));
    SCP_GOTO(done, scp_pred_writer_create(path, d->gene, d->G, key, n_keys, NULL, &w));
    for (size_t i = 0; i < n; i++)
        SCP_GOTO(done, scp_pred_writer_add_true(w, d->x + (size_t)d->post[plan.row[i]] * d->G, 1));
    for (size_t i = 0; i < n_control; i++)
        SCP_GOTO(done, scp_pred_writer_add_true(w, d->x + (size_t)control[i] * d->G, 1));
    SCP_GOTO(done, scp_pred_writer_commit(&w));
done:
    scp_pred_writer_abort(&w);
    free(control);
    free(key);
    scp_eval_plan_fini(&plan);
    return st;
}
