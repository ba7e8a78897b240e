/* Predictions from an AnnData file: rows are matched with conditions by key, genes by name. */
#include "eval/pred_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/dose.h"
#include "io/h5ad.h"

enum { READ_AHEAD = 256 };

struct scp_pred_file {
    scp_h5ad *file;
    const scp_dataset *d;
    int32_t *gene;   /* [n_vars] our gene of each column */
    int32_t *key_of; /* [d->N] key of a pair that was asked for, else -1 */
    size_t n_keys;
    int64_t *first;      /* [n_keys + 1] where the rows of a key begin in row_of_key */
    int64_t *row_of_key; /* [rows with a key] file rows, by key */
    int64_t *wanted;     /* [n_wanted] file rows of the call under way, in order */
    size_t n_wanted, cap_wanted;
    scp_h5ad_rows block; /* rows read ahead: block_first .. + block.n_rows - 1 */
    size_t block_first;
    double *sum; /* [G] */
};

/* Names of the columns that make the key of a row, the first one that is there: ours and those
 * that files of cell-eval and STATE have. */
static const char *const line_column[] = { "cell_name", "cell_line", "cell_type", "celltype",
                                           NULL };
static const char *const label_column[] = { "drugname_drugconc", "perturbation", "target_gene",
                                            "target", NULL };

typedef struct key_columns {
    scp_h5ad_text line, drug, label, plate;
    double *dose; /* [n_obs], with drug */
    bool has_plate;
    bool has_label;         /* [('drug', 0.5, 'uM')] instead of drug and dose */
    char **label_drug;      /* [labels] drug of a label, NULL of one that is none of these */
    double *label_dose;     /* [labels] */
    const char *only_line;  /* of a file without lines; else NULL */
} key_columns;

static void key_columns_fini(key_columns *c)
{
    scp_fs_list_free(c->label_drug, c->label.n_labels);
    free(c->label_dose);
    scp_h5ad_text_fini(&c->line);
    scp_h5ad_text_fini(&c->drug);
    scp_h5ad_text_fini(&c->label);
    scp_h5ad_text_fini(&c->plate);
    free(c->dose);
}

static const char *first_of(scp_h5ad *f, const char *const *name)
{
    while (*name && !scp_h5ad_has_obs(f, *name)) name++;
    return *name;
}

/* Drug and dose of every label; another kind of label (a control's) has none. */
static scp_status parse_labels(key_columns *c)
{
    SCP_TRY(scp_alloc(c->label.n_labels, sizeof *c->label_drug, &c->label_drug));
    SCP_TRY(scp_alloc(c->label.n_labels, sizeof *c->label_dose, &c->label_dose));
    for (size_t i = 0; i < c->label.n_labels; i++)
        if (scp_dose_parse_label(c->label.label[i], &c->label_drug[i], &c->label_dose[i]) != SCP_OK)
            scp_err_clear();
    return SCP_OK;
}

/* The one line that all pairs are of; a file needs no lines then. */
static scp_status find_only_line(const scp_pred_file *f, const int32_t *rows, size_t n,
                                 key_columns *c)
{
    const scp_dataset *d = f->d;
    for (size_t i = 0; i < n; i++) {
        if (rows[i] < 0 || (size_t)rows[i] >= d->N) continue; /* refused later, by name */
        const char *line = d->line[d->p_line[d->post[rows[i]]]];
        if (c->only_line && strcmp(c->only_line, line) != 0) /* refused with what there is */
            return scp_h5ad_obs_text(f->file, "cell_line", &c->line);
        c->only_line = line;
    }
    return SCP_OK;
}

static scp_status key_columns_read(const scp_pred_file *f, const int32_t *rows, size_t n,
                                   key_columns *c)
{
    const char *line = first_of(f->file, line_column), *label = first_of(f->file, label_column);
    if (line)
        SCP_TRY(scp_h5ad_obs_text(f->file, line, &c->line));
    else
        SCP_TRY(find_only_line(f, rows, n, c));
    c->has_plate = scp_h5ad_has_obs(f->file, "plate");
    if (c->has_plate) SCP_TRY(scp_h5ad_obs_text(f->file, "plate", &c->plate));
    c->has_label = !scp_h5ad_has_obs(f->file, "drug") || !scp_h5ad_has_obs(f->file, "dose_uM");
    if (c->has_label && !label)
        SCP_FAIL(SCP_EDATA,
                 "%s: obs has neither drug and dose_uM nor a label [('drug', 0.5, 'uM')] as "
                 "drugname_drugconc, perturbation, target_gene or target",
                 scp_h5ad_path(f->file));
    if (c->has_label) {
        SCP_TRY(scp_h5ad_obs_text(f->file, label, &c->label));
        return parse_labels(c);
    }
    SCP_TRY(scp_h5ad_obs_text(f->file, "drug", &c->drug));
    return scp_h5ad_obs_real(f->file, "dose_uM", &c->dose);
}

/* Key as text, the same from both sides; doses agree to 6 digits, so that float32 columns match. */
static scp_status format_key(scp_strbuf *b, const char *line, const char *plate, const char *drug,
                             double dose)
{
    b->len = 0;
    return scp_strbuf_addf(b, "%s, plate %s, %s %.6g uM", line, plate ? plate : "any", drug, dose);
}

static scp_status pair_key(const scp_dataset *d, int32_t pair, const key_columns *c, scp_strbuf *b)
{
    int32_t p = d->post[pair];
    return format_key(b, d->line[d->p_line[p]], c->has_plate ? d->plate[d->p_plate[p]] : NULL,
                      d->drug[d->p_drug[p]], d->p_dose[p]);
}

static const char *text_at(const scp_h5ad_text *t, size_t row)
{
    return t->code[row] < 0 ? "" : t->label[t->code[row]];
}

static scp_status row_key(const key_columns *c, size_t row, scp_strbuf *b)
{
    const char *line = c->only_line ? c->only_line : text_at(&c->line, row),
               *plate = c->has_plate ? text_at(&c->plate, row) : NULL;
    if (!c->has_label) return format_key(b, line, plate, text_at(&c->drug, row), c->dose[row]);
    const int32_t label = c->label.code[row];
    if (label >= 0 && c->label_drug[label])
        return format_key(b, line, plate, c->label_drug[label], c->label_dose[label]);
    b->len = 0;
    return scp_strbuf_addf(b, "%s, plate %s, %s", line, plate ? plate : "any",
                           text_at(&c->label, row));
}

/* Dose 0, or the control of cell-eval by its own name. */
static bool is_vehicle(const key_columns *c, size_t row)
{
    if (!c->has_label) return c->dose[row] == 0;
    const int32_t label = c->label.code[row];
    if (label >= 0 && c->label_drug[label]) return c->label_dose[label] == 0;
    return strcmp(text_at(&c->label, row), "non-targeting") == 0;
}

/* What does not match between the genes of a file and those of the data set. */
typedef struct gene_faults {
    size_t strangers, missing;   /* only in the file, only in the data set */
    const char *stranger, *lost; /* the first of each */
    size_t stranger_at;
} gene_faults;

static scp_status refuse_genes(const scp_pred_file *f, const gene_faults *x)
{
    char text[2][256] = { "", "" };
    if (x->strangers)
        snprintf(text[0], sizeof text[0],
                 "%zu genes of the file are not in the data set (first: gene %zu, %.64s)",
                 x->strangers, x->stranger_at + 1, x->stranger);
    if (x->missing)
        snprintf(text[1], sizeof text[1],
                 "%s%zu genes of the data set are not in the file (first: %.64s)",
                 x->strangers ? "; " : "", x->missing, x->lost);
    SCP_FAIL(
        SCP_EDATA,
        "%s: %s%s. A file of predictions has the %zu genes of the shard, in any order: those of "
        "var in real.h5ad",
        scp_h5ad_path(f->file), text[0], text[1], f->d->G);
}

/* Columns of the file as our genes: the same names, in any order. */
static scp_status place_genes(scp_pred_file *f, char *const *name, const scp_names *ours,
                              bool *permuted)
{
    const size_t n = scp_h5ad_n_vars(f->file), G = f->d->G;
    uint8_t *seen = NULL;
    gene_faults x = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(n, sizeof *f->gene, &f->gene));
    SCP_GOTO(done, scp_alloc(G, sizeof *seen, &seen));
    for (size_t v = 0; v < n; v++) {
        const int64_t at = scp_names_find(ours, name[v]);
        if (at < 0 && x.strangers++ == 0) {
            x.stranger = name[v];
            x.stranger_at = v;
        }
        if (at < 0) continue;
        if (seen[at]++)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s: gene %s occurs twice", scp_h5ad_path(f->file),
                          name[v]);
        f->gene[v] = (int32_t)at;
        *permuted |= (size_t)at != v;
    }
    for (size_t g = 0; g < G; g++)
        if (!seen[g] && x.missing++ == 0) x.lost = f->d->gene[g];
    if (x.strangers || x.missing) SCP_GOTO(done, refuse_genes(f, &x));
done:
    free(seen);
    return st;
}

static scp_status match_genes(scp_pred_file *f, bool *permuted)
{
    scp_status st = SCP_OK;
    char **name = NULL;
    scp_names *ours = NULL;
    size_t index;
    SCP_TRY(scp_h5ad_var_names(f->file, &name));
    SCP_GOTO(done, scp_names_create(&ours));
    for (size_t g = 0; g < f->d->G; g++) SCP_GOTO(done, scp_names_add(ours, f->d->gene[g], &index));
    SCP_GOTO(done, place_genes(f, name, ours, permuted));
done:
    scp_names_destroy(&ours);
    scp_fs_list_free(name, scp_h5ad_n_vars(f->file));
    return st;
}

/* Keys of the pairs asked for. */
static scp_status list_keys(scp_pred_file *f, const int32_t *rows, size_t n, const key_columns *c,
                            scp_names *keys)
{
    scp_strbuf text = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(f->d->N, sizeof *f->key_of, &f->key_of));
    memset(f->key_of, -1, f->d->N * sizeof *f->key_of);
    for (size_t i = 0; i < n; i++) {
        size_t key;
        if (rows[i] < 0 || (size_t)rows[i] >= f->d->N)
            SCP_FAIL_GOTO(done, SCP_EUSAGE, "pair %d is outside the data set", (int)rows[i]);
        SCP_GOTO(done, pair_key(f->d, rows[i], c, &text));
        SCP_GOTO(done, scp_names_add(keys, text.text, &key));
        f->key_of[rows[i]] = (int32_t)key;
    }
    f->n_keys = scp_names_count(keys);
done:
    scp_strbuf_fini(&text);
    return st;
}

/* Rows of the file by key: key_of_row [n_obs], then first and row_of_key by counting. */
static scp_status match_rows(scp_pred_file *f, const key_columns *c, const scp_names *keys,
                             scp_pred_file_report *r, scp_strbuf *unused)
{
    const size_t n = scp_h5ad_n_obs(f->file);
    scp_strbuf text = { 0 };
    int32_t *key = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_alloc(n, sizeof *key, &key));
    SCP_GOTO(done, scp_alloc(n, sizeof *f->row_of_key, &f->row_of_key));
    SCP_GOTO(done, scp_alloc(f->n_keys + 2, sizeof *f->first, &f->first));
    for (size_t i = 0; i < n; i++) {
        SCP_GOTO(done, row_key(c, i, &text));
        key[i] = (int32_t)scp_names_find(keys, text.text);
        if (key[i] >= 0)
            f->first[key[i] + 2]++;
        else if (!is_vehicle(c, i) && r->n_unused++ == 0)
            SCP_GOTO(done, scp_strbuf_addf(unused, "row %zu: %s", i + 1, text.text));
    }
    for (size_t k = 0; k < f->n_keys; k++) f->first[k + 2] += f->first[k + 1];
    for (size_t i = 0; i < n; i++)
        if (key[i] >= 0) f->row_of_key[f->first[key[i] + 1]++] = (int64_t)i;
done:
    free(key);
    scp_strbuf_fini(&text);
    return st;
}

static void count_matches(const scp_pred_file *f, const int32_t *rows, size_t n,
                          const scp_names *keys, scp_pred_file_report *r, const char **missing)
{
    for (size_t i = 0; i < n; i++) {
        int32_t k = f->key_of[rows[i]];
        int64_t found = f->first[k + 1] - f->first[k];
        r->n_matched += found > 0;
        r->n_averaged += found > 1;
        if (found == 0 && r->n_missing++ == 0) *missing = scp_names_get(keys, (size_t)k);
    }
}

static void describe(scp_pred_file_report *r, const char *missing, const scp_strbuf *unused)
{
    size_t size = sizeof r->text;
    int at = snprintf(r->text, size, "%zu rows, %zu conditions matched", r->n_rows, r->n_matched);
#define MORE(...)                                                                                  \
    if (at >= 0 && (size_t)at < size) at += snprintf(r->text + at, size - (size_t)at, __VA_ARGS__)
    if (r->n_missing)
        MORE("; %zu conditions without a prediction (first: %s)", r->n_missing, missing);
    if (r->n_unused)
        MORE("; %zu rows that belong to no condition (first: %s)", r->n_unused, unused->text);
    if (r->n_averaged) MORE("; %zu conditions are means of several rows", r->n_averaged);
    if (r->genes_permuted) MORE("; genes are in another order");
    if (r->any_plate) MORE("; no plate column: a prediction serves every plate");
#undef MORE
}

static scp_status match(scp_pred_file *f, const int32_t *rows, size_t n, bool allow_missing,
                        scp_pred_file_report *r)
{
    key_columns c = { 0 };
    scp_names *keys = NULL;
    scp_strbuf unused = { 0 };
    const char *missing = NULL;
    scp_status st = SCP_OK;
    SCP_GOTO(done, key_columns_read(f, rows, n, &c));
    SCP_GOTO(done, scp_names_create(&keys));
    SCP_GOTO(done, list_keys(f, rows, n, &c, keys));
    SCP_GOTO(done, match_rows(f, &c, keys, r, &unused));
    r->n_rows = scp_h5ad_n_obs(f->file);
    r->any_plate = !c.has_plate;
    count_matches(f, rows, n, keys, r, &missing);
    describe(r, missing, &unused);
    if (r->n_missing && !allow_missing)
        SCP_FAIL_GOTO(
            done, SCP_EDATA,
            "%s: %zu of %zu conditions have no prediction, the first is %s; eval.allow_missing "
            "scores the others%s%s",
            scp_h5ad_path(f->file), r->n_missing, n, missing,
            r->n_unused ? ". Of the rows that belong to no condition the first is " : "",
            r->n_unused ? unused.text : "");
done:
    scp_strbuf_fini(&unused);
    scp_names_destroy(&keys);
    key_columns_fini(&c);
    return st;
}

scp_status scp_pred_file_open(const char *path, const scp_dataset *d, const int32_t *rows, size_t n,
                              bool allow_missing, scp_pred_file **out, scp_pred_file_report *report)
{
    SCP_ARG(path && d && rows && out && report, "all arguments are required");
    *report = (scp_pred_file_report){ 0 };
    scp_pred_file *f = NULL;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(1, sizeof *f, &f));
    f->d = d;
    SCP_GOTO(fail, scp_h5ad_open(path, &f->file));
    SCP_GOTO(fail, scp_alloc(d->G, sizeof *f->sum, &f->sum));
    SCP_GOTO(fail, match_genes(f, &report->genes_permuted));
    SCP_GOTO(fail, match(f, rows, n, allow_missing, report));
    *out = f;
    return SCP_OK;
fail:
    scp_pred_file_close(&f);
    return st;
}

void scp_pred_file_close(scp_pred_file **f)
{
    if (!f || !*f) return;
    scp_h5ad_close(&(*f)->file);
    scp_h5ad_rows_fini(&(*f)->block);
    free((*f)->gene);
    free((*f)->key_of);
    free((*f)->first);
    free((*f)->row_of_key);
    free((*f)->wanted);
    free((*f)->sum);
    free(*f);
    *f = NULL;
}

/* File rows that a call needs, in order. */
static scp_status list_wanted(scp_pred_file *f, const int32_t *rows, size_t n)
{
    f->n_wanted = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t k = f->key_of[rows[i]];
        if (k < 0)
            SCP_FAIL(SCP_EINTERNAL, "pair %d was not named when %s was opened", (int)rows[i],
                     scp_h5ad_path(f->file));
        size_t more = (size_t)(f->first[k + 1] - f->first[k]);
        SCP_TRY(scp_grow(&f->wanted, &f->cap_wanted, f->n_wanted + more + 1, sizeof *f->wanted));
        for (size_t j = 0; j < more; j++)
            f->wanted[f->n_wanted++] = f->row_of_key[f->first[k] + (int64_t)j];
    }
    return SCP_OK;
}

/* Add the `at`-th wanted row to f->sum; a run of rows that follow each other is read at once. */
static scp_status add_wanted(scp_pred_file *f, size_t at)
{
    size_t row = (size_t)f->wanted[at];
    if (row < f->block_first || row >= f->block_first + f->block.n_rows) {
        size_t run = 1;
        while (run < READ_AHEAD && at + run < f->n_wanted &&
               (size_t)f->wanted[at + run] == row + run)
            run++;
        f->block.n_rows = 0;
        SCP_TRY(scp_h5ad_read_rows(f->file, row, run, &f->block));
        f->block_first = row;
    }
    size_t i = row - f->block_first;
    for (int64_t e = f->block.indptr[i]; e < f->block.indptr[i + 1]; e++)
        f->sum[f->gene[f->block.column[e]]] += f->block.value[e];
    return SCP_OK;
}

scp_status scp_pred_file_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    scp_pred_file *f = ctx;
    const size_t G = f->d->G;
    SCP_TRY(list_wanted(f, rows, n));
    for (size_t i = 0, at = 0; i < n; i++) {
        int32_t k = f->key_of[rows[i]];
        size_t count = (size_t)(f->first[k + 1] - f->first[k]);
        memset(f->sum, 0, G * sizeof *f->sum);
        for (size_t j = 0; j < count; j++) SCP_TRY(add_wanted(f, at++));
        for (size_t g = 0; g < G; g++)
            out[i * G + g] = count ? (float)(f->sum[g] / (double)count) : NAN;
    }
    return SCP_OK;
}
