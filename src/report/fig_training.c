/* Loss curves from <run>/metrics.jsonl, metrics-<stage>.jsonl: per stage the losses, the learning
 * rate, the norm of the gradient, the loss scale and the validation score, as far as they were
 * recorded. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "report/figures.h"

enum { STAGES = 16, KEYS = 24 };

/* One stage: rows of numbers. Column 0 is the step. */
typedef struct stage {
    char name[48];
    char key[KEYS][32];
    size_t n_keys;
    double *v; /* [n, KEYS + 1] */
    size_t n, cap;
    double *check; /* [n_check, 2] step, validation score */
    size_t n_check, cap_check;
} stage;

typedef struct record {
    stage stage[STAGES];
    size_t n, bad;
} record;

static void record_fini(record *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->stage[i].v);
        free(r->stage[i].check);
    }
}

static stage *find_stage(record *r, const char *name)
{
    size_t i = 0;
    while (i < r->n && strcmp(r->stage[i].name, name) != 0) i++;
    if (i == STAGES || strlen(name) >= sizeof r->stage[i].name) return NULL;
    if (i == r->n) {
        r->n++;
        memcpy(r->stage[i].name, name, strlen(name) + 1);
    }
    return &r->stage[i];
}

/* What a run that went on from `step` did before and again after it. */
static void forget_after(stage *s, double step)
{
    while (s->n && s->v[(s->n - 1) * (KEYS + 1)] > step) s->n--;
    while (s->n_check && s->check[2 * (s->n_check - 1)] > step) s->n_check--;
}

static size_t key_index(stage *s, const char *key)
{
    size_t i = 0;
    while (i < s->n_keys && strcmp(s->key[i], key) != 0) i++;
    if (i < s->n_keys || i == KEYS || strlen(key) >= sizeof s->key[i]) return i;
    memcpy(s->key[s->n_keys], key, strlen(key) + 1);
    return s->n_keys++;
}

static bool is_number(const scp_json *v)
{
    return scp_json_kind_of(v) == SCP_JSON_REAL || scp_json_kind_of(v) == SCP_JSON_INT;
}

static scp_status take_step(stage *s, const scp_json *line)
{
    static const char *const skip[] = { "step", "skipped", "samples_per_second" };
    const char *key;
    const scp_json *value;
    SCP_TRY(scp_grow(&s->v, &s->cap, (s->n + 1) * (KEYS + 1), sizeof *s->v));
    double *row = s->v + s->n * (KEYS + 1);
    for (size_t i = 0; i <= KEYS; i++) row[i] = NAN;
    SCP_TRY(scp_json_as_real(scp_json_get(line, "step"), "step", row));
    for (void *iter = NULL; scp_json_next(line, &iter, &key, &value);) {
        bool skipped = !is_number(value);
        for (size_t i = 0; i < sizeof skip / sizeof skip[0]; i++)
            skipped |= strcmp(key, skip[i]) == 0;
        size_t at = skipped ? KEYS : key_index(s, key);
        if (at < KEYS) SCP_TRY(scp_json_as_real(value, key, row + 1 + at));
    }
    s->n++;
    return SCP_OK;
}

static scp_status take_check(stage *s, const scp_json *line)
{
    SCP_TRY(scp_grow(&s->check, &s->cap_check, 2 * (s->n_check + 1), sizeof *s->check));
    double *row = s->check + 2 * s->n_check;
    SCP_TRY(scp_json_as_real(scp_json_get(line, "step"), "step", row));
    if (!is_number(scp_json_get(line, "score"))) return SCP_OK;
    SCP_TRY(scp_json_as_real(scp_json_get(line, "score"), "score", row + 1));
    s->n_check++;
    return SCP_OK;
}

static scp_status take_line(record *r, const char *text, size_t len, const char *path)
{
    scp_json *line = NULL;
    const char *event = "", *name = "";
    double from = 0;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_json_parse(text, len, path, &line));
    SCP_GOTO(done, scp_json_as_text(scp_json_get(line, "event"), "event", &event));
    SCP_GOTO(done, scp_json_as_text(scp_json_get(line, "stage"), "stage", &name));
    stage *s = find_stage(r, name);
    if (s && strcmp(event, "step") == 0) SCP_GOTO(done, take_step(s, line));
    if (s && strcmp(event, "validate") == 0) SCP_GOTO(done, take_check(s, line));
    if (!s || strcmp(event, "start") != 0) goto done;
    if (is_number(scp_json_get(line, "resumed_from")))
        SCP_GOTO(done, scp_json_as_real(scp_json_get(line, "resumed_from"), "resumed_from", &from));
    forget_after(s, from);
done:
    scp_json_destroy(&line);
    return st;
}

/* Lines that are cut or strange are counted, not fatal: a killed run is still worth looking at. */
static scp_status read_record(const char *path, record *r)
{
    char *text = NULL;
    size_t len;
    SCP_TRY(scp_fs_read_text(path, &text, &len));
    for (const char *at = text, *end; *at; at = *end ? end + 1 : end) {
        end = at + strcspn(at, "\n");
        if (end == at) continue;
        scp_status st = take_line(r, at, (size_t)(end - at), path);
        if (st == SCP_ENOMEM) {
            free(text);
            return st;
        }
        r->bad += st != SCP_OK;
        scp_err_clear();
    }
    free(text);
    return SCP_OK;
}

static scp_status add_data(const stage *s, scp_strbuf *out)
{
    char text[SCP_REAL_TEXT];
    SCP_TRY(scp_strbuf_addf(out, "# step"));
    for (size_t k = 0; k < s->n_keys; k++) SCP_TRY(scp_strbuf_addf(out, "\t%s", s->key[k]));
    SCP_TRY(scp_strbuf_addf(out, "\n"));
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k <= s->n_keys; k++)
            SCP_TRY(scp_strbuf_addf(out, "%s%s", scp_print_real(s->v[i * (KEYS + 1) + k], text),
                                    k == s->n_keys ? "\n" : "\t"));
    if (!s->n_check) return SCP_OK;
    SCP_TRY(scp_strbuf_addf(out, "\n\n# step\tvalidation score\n"));
    for (size_t i = 0; i < s->n_check; i++)
        SCP_TRY(scp_strbuf_addf(out, "%g\t%.9g\n", s->check[2 * i], s->check[2 * i + 1]));
    return SCP_OK;
}

/* Keys with a panel of their own; all others are losses. */
static const struct {
    const char *key, *title;
} own[] = { { "lr", "learning rate" },
            { "grad_norm", "norm of the gradient" },
            { "loss_scale", "loss scale" } };
enum { OWN = sizeof own / sizeof own[0] };

static bool is_own(const char *key)
{
    for (size_t i = 0; i < OWN; i++)
        if (strcmp(key, own[i].key) == 0) return true;
    return false;
}

/* A logarithmic axis where every loss is positive. */
static bool all_positive(const stage *s, size_t k)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i * (KEYS + 1) + 1 + k] <= 0) return false;
    return true;
}

static scp_status add_losses(const stage *s, scp_strbuf *out)
{
    bool log_axis = true, first = true;
    size_t colour = 0;
    for (size_t k = 0; k < s->n_keys; k++)
        if (!is_own(s->key[k])) log_axis = log_axis && all_positive(s, k);
    SCP_TRY(scp_strbuf_addf(out,
                            "set title 'losses' offset 0, 0.3\n%sset key outside above horizontal "
                            "center maxrows 2 samplen 1.2\nplot ",
                            log_axis ? "set logscale y\n" : ""));
    for (size_t k = 0; k < s->n_keys; k++) {
        if (is_own(s->key[k])) continue;
        SCP_TRY(scp_strbuf_addf(out,
                                "%sDATA index 0 using 1:%zu with lines lw 1.6 lc rgb COLOUR[%zu] "
                                "title ",
                                first ? "" : ", \\\n    ", k + 2, colour++ % 12 + 1));
        SCP_TRY(scp_gnuplot_text(out, s->key[k]));
        first = false;
    }
    return scp_strbuf_addf(out, "%s\nunset logscale y\nunset key\n", first ? "NaN notitle" : "");
}

static scp_status add_panels(const stage *s, scp_strbuf *out, size_t *panels)
{
    *panels = 1;
    SCP_TRY(add_losses(s, out));
    for (size_t k = 0; k < s->n_keys; k++)
        for (size_t i = 0; i < OWN; i++) {
            if (strcmp(s->key[k], own[i].key) != 0) continue;
            ++*panels;
            SCP_TRY(scp_strbuf_addf(out,
                                    "set title '%s'\n%splot DATA index 0 using 1:%zu with lines lw "
                                    "1.4 lc rgb COLOUR[1]\nunset logscale y\n",
                                    own[i].title, i == 2 ? "set logscale y 2\n" : "", k + 2));
        }
    if (!s->n_check) return SCP_OK;
    ++*panels;
    return scp_strbuf_addf(
        out, "set title 'validation score (larger is better)'\nplot DATA index 1 using "
             "1:2 with linespoints pt 7 ps 0.6 lw 1.6 lc rgb COLOUR[3]\n");
}

/* About five marks on the axis of steps, at 1, 2 or 5 times a power of ten. */
static double tic_distance(const stage *s)
{
    double most = s->v[(s->n - 1) * (KEYS + 1)], unit = pow(10, floor(log10(fmax(most / 5, 1))));
    double times = most / 5 / unit;
    return unit * (times > 5 ? 10 : times > 2 ? 5 : times > 1 ? 2 : 1);
}

static scp_status put_stage(const scp_report_run *r, const stage *s)
{
    scp_figure f;
    scp_strbuf body = { 0 };
    size_t panels;
    char stem[80];
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(stem, sizeof stem, "training_%s", s->name));
    SCP_TRY(scp_figure_init(&f, r->prefix, stem, 980, 300));
    SCP_GOTO(done, add_data(s, &f.data));
    SCP_GOTO(done, add_panels(s, &body, &panels));
    f.height = 40 + 260 * (int)((panels + 1) / 2);
    SCP_GOTO(done, scp_strbuf_addf(
                       &f.script,
                       "set xlabel 'step'\nset lmargin 11\nset rmargin 3\nset format y "
                       "'%%g'\nset xtics %.0f\nset multiplot layout %zu, 2\n%sunset multiplot\n",
                       tic_distance(s), (panels + 1) / 2, body.text));
    SCP_GOTO(done,
             scp_strbuf_addf(&f.caption, "Training of stage %s: %zu records.", s->name, s->n));
    st = scp_page_figure(r->p, &f);
done:
    scp_strbuf_fini(&body);
    scp_figure_fini(&f);
    return st;
}

/* metrics.jsonl, then the files of stages that have their own; *any: is there one? */
static scp_status read_records(const char *run, record *rec, bool *any)
{
    char path[SCP_PATH_MAX], **names = NULL;
    size_t n_names = 0;
    scp_status st = SCP_OK;
    SCP_TRY(scp_fs_join(path, sizeof path, run, "metrics.jsonl"));
    *any = scp_fs_exists(path);
    if (*any) SCP_TRY(read_record(path, rec));
    SCP_TRY(scp_fs_list(run, ".jsonl", &names, &n_names));
    for (size_t i = 0; i < n_names; i++) {
        if (strncmp(names[i], "metrics-", 8) != 0) continue;
        SCP_GOTO(done, scp_fs_join(path, sizeof path, run, names[i]));
        SCP_GOTO(done, read_record(path, rec));
        *any = true;
    }
done:
    scp_fs_list_free(names, n_names);
    return st;
}

scp_status scp_fig_training(const scp_report_run *r)
{
    record *rec = NULL;
    size_t shown = 0;
    bool any;
    scp_status st = SCP_OK;
    SCP_TRY(scp_alloc(1, sizeof *rec, &rec));
    SCP_GOTO(done, read_records(r->run, rec, &any));
    if (!any) {
        st = scp_page_missing(r->p, "Training",
                              "%s/metrics.jsonl is not there: the run was not trained here",
                              r->run);
        goto done;
    }
    for (size_t i = 0; i < rec->n; i++) {
        if (!rec->stage[i].n) continue;
        shown++;
        SCP_GOTO(done, put_stage(r, &rec->stage[i]));
    }
    if (rec->bad)
        SCP_GOTO(done, scp_page_paragraph(r->p,
                                          "%zu lines of metrics.jsonl could not be read and "
                                          "are not shown.",
                                          rec->bad));
    if (!shown) st = scp_page_missing(r->p, "Training", "%s/metrics.jsonl has no line of a step",
                                       r->run);
done:
    record_fini(rec);
    free(rec);
    return st;
}
