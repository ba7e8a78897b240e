/* scppdm_eval --sweep.*: the first model at every point of a grid of sampling settings. The points
 * have a file each, so that tasks of an array do not meet; sweep.tsv is made of all that are there
 * and belong to the checkpoint in use. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/eval_set.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "diffusion/weights.h"
#include "report/score_table.h"

enum { S_P, S_0, ALPHA, GAMMA, STEPS, DRAWS, AXES };
static const char *const axis_name[AXES] = {
    "s_p", "s_0", "alpha", "gamma", "ddim_steps", "draws"
};

typedef struct sweep {
    scp_comm *comm;
    scp_run_settings *s;
    scp_run_open o;
    size_t count[AXES]; /* values of an axis, 1 when it is not swept */
    size_t points;
    char dir[SCP_PATH_MAX];
    char training[20]; /* of the points: a hash of the checkpoint and of what is not swept */
    scp_scores *scores; /* [n] of the points done on one split */
    size_t n;
} sweep;

static size_t at_least_one(size_t n)
{
    return n ? n : 1;
}

static scp_status count_points(sweep *w)
{
    const scp_sweep_choice *c = &w->s->sweep;
    const size_t n[AXES] = { c->s_p.n, c->s_0.n, c->alpha.n, c->gamma.n, c->steps.n, c->draws.n };
    w->points = 1;
    for (int a = 0; a < AXES; a++) {
        w->count[a] = at_least_one(n[a]);
        w->points *= w->count[a];
        if (w->points > 100000)
            SCP_FAIL(SCP_EUSAGE, "sweep: more than 100000 points; give shorter lists");
    }
    if (c->index >= 0 && (size_t)c->index >= w->points)
        SCP_FAIL(SCP_EUSAGE, "sweep.index %lld: the grid has %zu points, 0 to %zu",
                 (long long)c->index, w->points, w->points - 1);
    if ((c->steps.n || c->draws.n) && w->s->guidance.readout == SCP_READOUT_MEAN)
        SCP_FAIL(SCP_EUSAGE, "sweep.steps and sweep.draws say nothing of a posterior mean: add "
                             "--guidance.readout draws");
    return SCP_OK;
}

/* Settings of a point: the last axis changes fastest. */
static scp_guidance guidance_at(const sweep *w, size_t point)
{
    const scp_sweep_choice *c = &w->s->sweep;
    scp_guidance g = w->s->guidance;
    size_t i[AXES];
    for (int a = AXES; a-- > 0; point /= w->count[a]) i[a] = point % w->count[a];
    if (c->s_p.n) g.s_p = c->s_p.v[i[S_P]];
    if (c->s_0.n) g.s_0 = c->s_0.v[i[S_0]];
    if (c->alpha.n) g.alpha = c->alpha.v[i[ALPHA]];
    if (c->gamma.n) g.gamma = c->gamma.v[i[GAMMA]];
    if (c->steps.n) g.ddim_steps = c->steps.v[i[STEPS]];
    if (c->draws.n) g.draws = c->draws.v[i[DRAWS]];
    return g;
}

static void values_of(const scp_guidance *g, double v[AXES])
{
    const double all[AXES] = { g->s_p,          g->s_0, g->alpha, g->gamma, (double)g->ddim_steps,
                               (double)g->draws };
    memcpy(v, all, sizeof all);
}

/* "s_p=1 s_0=3": the axes that are swept. */
static scp_status label_of(const sweep *w, const scp_guidance *g, scp_strbuf *b)
{
    double v[AXES];
    values_of(g, v);
    b->len = 0;
    for (int a = 0; a < AXES; a++)
        if (w->count[a] > 1 || w->points == 1)
            SCP_TRY(scp_strbuf_addf(b, "%s%s=%g", b->len ? " " : "", axis_name[a], v[a]));
    return SCP_OK;
}

/* Every byte of the checkpoint that is scored. */
static scp_status add_checkpoint(const sweep *w, scp_hasher *h)
{
    scp_ckpt *c = NULL;
    char chunk[16384];
    scp_status st = SCP_OK;
    SCP_TRY(scp_weights_open(w->s->paths.run, scp_run_stage(w->s->eval.models.v[0]), &c));
    FILE *f = fopen(scp_ckpt_path(c), "re");
    if (!f) SCP_FAIL_GOTO(done, SCP_EIO, "%s cannot be read again", scp_ckpt_path(c));
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) scp_hasher_add(h, chunk, n);
    if (ferror(f)) st = SCP_EIO;
    fclose(f);
    if (st != SCP_OK) SCP_FAIL_GOTO(done, st, "%s cannot be read to its end", scp_ckpt_path(c));
done:
    scp_ckpt_close(&c);
    return st;
}

/* What tells the points of this training, and of these settings beside the axes, from others. */
static scp_status name_training(sweep *w)
{
    static const scp_option_group groups[] = {
        { scp_guidance_options, offsetof(scp_run_settings, guidance), "sampling and guidance" },
        { scp_metric_options, offsetof(scp_run_settings, metrics), "metrics" },
        { 0 },
    };
    scp_run_settings same = *w->s;
    scp_guidance *g = &same.guidance;
    scp_strbuf text = { 0 };
    scp_status st = SCP_OK;
    scp_hasher *h = scp_hasher_create();
    if (!h) SCP_FAIL(SCP_ENOMEM, "no memory for a hash");
    g->s_p = g->s_0 = g->alpha = g->gamma = 0;
    g->ddim_steps = g->draws = 1;
    g->block = same.metrics.block = 1;
    SCP_GOTO(done, scp_conf_dump(groups, &same, &text));
    scp_hasher_add(h, text.text, text.len);
    SCP_GOTO(done, add_checkpoint(w, h));
    SCP_GOTO(done, scp_str_format(w->training, sizeof w->training, "%016" PRIx64,
                                  scp_hasher_value(h)));
done:
    scp_hasher_destroy(&h);
    scp_strbuf_fini(&text);
    return st;
}

static scp_status add_figures(const sweep *w, scp_strbuf *b, const scp_scores *s,
                              const double axis[AXES])
{
    char text[SCP_REAL_TEXT];
    SCP_TRY(scp_strbuf_addf(b, "%s\t%s", s->split, w->training));
    for (int a = 0; a < AXES; a++)
        SCP_TRY(scp_strbuf_addf(b, "\t%s", scp_print_real(axis[a], text)));
    SCP_TRY(scp_strbuf_addf(b, "\t%zu", s->n));
    for (size_t c = 0; c < s->cols.n; c++) {
        SCP_TRY(scp_strbuf_addf(b, "\t%s", scp_print_real(s->all[c].mean, text)));
        SCP_TRY(scp_strbuf_addf(b, "\t%s", scp_print_real(s->all[c].median, text)));
    }
    return scp_strbuf_addn(b, "\n", 1);
}

static scp_status add_header(scp_strbuf *b, const scp_scores *s)
{
    SCP_TRY(scp_strbuf_addf(b, "split\ttraining"));
    for (int a = 0; a < AXES; a++) SCP_TRY(scp_strbuf_addf(b, "\t%s", axis_name[a]));
    SCP_TRY(scp_strbuf_addf(b, "\tn"));
    for (size_t c = 0; c < s->cols.n; c++)
        SCP_TRY(
            scp_strbuf_addf(b, "\t%s_mean\t%s_median", s->cols.col[c].name, s->cols.col[c].name));
    return scp_strbuf_addn(b, "\n", 1);
}

/* One row in a file of its own, named by split and settings. */
static scp_status write_point(const sweep *w, const scp_scores *s, const scp_guidance *g)
{
    double v[AXES];
    char path[SCP_PATH_MAX];
    scp_strbuf b = { 0 };
    scp_status st = SCP_OK;
    values_of(g, v);
    SCP_GOTO(done,
             scp_str_format(path, sizeof path, "%s/%s_%s_%g_%g_%g_%g_%g_%g.tsv", w->dir, s->split,
                            w->training, v[S_P], v[S_0], v[ALPHA], v[GAMMA], v[STEPS], v[DRAWS]));
    SCP_GOTO(done, add_header(&b, s));
    SCP_GOTO(done, add_figures(w, &b, s, v));
    SCP_GOTO(done, scp_fs_write_text(path, b.text, b.len));
done:
    scp_strbuf_fini(&b);
    return st;
}

/* Append the row of a point's file. */
static scp_status add_file(const sweep *w, const char *name, scp_strbuf *b)
{
    char path[SCP_PATH_MAX], *text = NULL;
    size_t len;
    SCP_TRY(scp_fs_join(path, sizeof path, w->dir, name));
    SCP_TRY(scp_fs_read_text(path, &text, &len));
    const char *line = strchr(text, '\n');
    const size_t head = line && b->len ? (size_t)(line + 1 - text) : 0;
    scp_status st = scp_strbuf_addn(b, text + head, len - head);
    free(text);
    return st;
}

/* <run>/eval/sweep.tsv of the points of this training that are there. *n: files looked at. */
static scp_status collect_once(const sweep *w, size_t *n)
{
    char path[SCP_PATH_MAX], **name = NULL;
    scp_strbuf b = { 0 };
    scp_status st = SCP_OK;
    SCP_TRY(scp_fs_list(w->dir, ".tsv", &name, n));
    for (size_t i = 0; i < *n; i++)
        if (strstr(name[i], w->training)) SCP_GOTO(done, add_file(w, name[i], &b));
    SCP_GOTO(done, scp_str_format(path, sizeof path, "%s.tsv", w->dir));
    SCP_GOTO(done, scp_fs_write_text(path, b.text, b.len));
done:
    scp_strbuf_fini(&b);
    scp_fs_list_free(name, *n);
    return st;
}

/* Tasks that end together each write the table: the last to do so may not have seen the point of
 * another. So every task looks again after its table is in place. */
static scp_status collect(const sweep *w)
{
    for (size_t used = 0, now = 1; now > used;) {
        char **name = NULL;
        SCP_TRY(collect_once(w, &used));
        SCP_TRY(scp_fs_list(w->dir, ".tsv", &name, &now));
        scp_fs_list_free(name, now);
    }
    return SCP_OK;
}

static scp_status score_point(sweep *w, const char *split, const int32_t *rows, size_t n,
                              size_t point)
{
    scp_run_settings one = *w->s;
    scp_run_models m = { 0 };
    scp_strbuf label = { 0 };
    scp_scores *out = &w->scores[w->n];
    scp_status st = SCP_OK;
    one.guidance = guidance_at(w, point);
    one.eval.models.n = 1;
    one.eval.predictions.n = 0;
    SCP_GOTO(done, scp_agree(w->comm, label_of(w, &one.guidance, &label)));
    SCP_GOTO(done, scp_run_models_open(w->comm, &one, &w->o, rows, n, &m));
    scp_predictor p = scp_run_model_predictor(&m.v[0], NULL);
    p.name = label.text;
    SCP_GOTO(done, scp_evaluate(w->comm, &w->o.data, rows, n, split, &p, 1, &one.metrics, out));
    w->n++;
    scp_log(SCP_LOG_INFO, "%s: point %zu of %zu, %s", split, point + 1, w->points, label.text);
    st = scp_comm_rank(w->comm) == 0 ? write_point(w, out, &one.guidance) : SCP_OK;
    SCP_GOTO(done, scp_agree(w->comm, st));
done:
    scp_run_models_close(&m);
    scp_strbuf_fini(&label);
    return st;
}

static scp_status print_points(const sweep *w)
{
    scp_table t = { 0 };
    char heading[96];
    snprintf(heading, sizeof heading, "%s: sweep, median over %zu conditions", w->scores->split,
             w->scores->n);
    scp_status st = scp_score_table(w->scores, w->n, SCP_FIGURE_MEDIAN, NULL, &t);
    if (st == SCP_OK) st = scp_eval_print(w->s, &t, true, heading);
    scp_table_fini(&t);
    return st;
}

static void release_scores(sweep *w)
{
    for (size_t i = 0; i < w->n; i++) scp_scores_fini(&w->scores[i]);
    w->n = 0;
}

static scp_status sweep_split(sweep *w, const char *split)
{
    const int64_t index = w->s->sweep.index;
    const size_t begin = index >= 0 ? (size_t)index : 0, end = index >= 0 ? begin + 1 : w->points;
    int32_t *rows = NULL;
    size_t n;
    scp_status st = SCP_OK;
    SCP_TRY(scp_agree(w->comm, scp_eval_rows(&w->o, split, &rows, &n)));
    if (!n) {
        scp_log(SCP_LOG_WARN, "split %s has no conditions: nothing to score", split);
        goto done;
    }
    for (size_t p = begin; p < end; p++) SCP_GOTO(done, score_point(w, split, rows, n, p));
    SCP_GOTO(done, scp_agree(w->comm, scp_comm_rank(w->comm) == 0 ? print_points(w) : SCP_OK));
done:
    release_scores(w);
    free(rows);
    return st;
}

static scp_status prepare(sweep *w)
{
    SCP_TRY(scp_alloc(w->points, sizeof *w->scores, &w->scores));
    if (scp_comm_rank(w->comm) != 0) return SCP_OK;
    SCP_TRY(name_training(w));
    return scp_fs_mkdirs(w->dir);
}

scp_status scp_run_sweep(scp_comm *comm, scp_run_settings *s)
{
    sweep w = { .comm = comm, .s = s };
    scp_status st = SCP_OK;
    if (!s->eval.models.n || !scp_run_stage(s->eval.models.v[0]))
        SCP_FAIL(SCP_EUSAGE, "sweep: the first of eval.models must be one that is sampled, such as "
                             "scppdm");
    SCP_TRY(count_points(&w));
    SCP_TRY(scp_str_format(w.dir, sizeof w.dir, "%s/eval/sweep", s->paths.run ? s->paths.run : ""));
    SCP_GOTO(done, scp_run_begin(comm, s, false, &w.o));
    SCP_GOTO(done, scp_agree(comm, prepare(&w)));
    for (size_t i = 0; i < s->eval.splits.n; i++)
        SCP_GOTO(done, sweep_split(&w, s->eval.splits.v[i]));
    SCP_GOTO(done, scp_agree(comm, scp_comm_rank(comm) == 0 ? collect(&w) : SCP_OK));
done:
    free(w.scores);
    scp_run_end(&w.o);
    return st;
}
