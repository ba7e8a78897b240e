/* The embedding of the drugs by mechanism of action, and how well it separates them [App. H.2]. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/option.h"
#include "dev/device.h"
#include "eval/drug_embed.h"
#include "io/shard.h"
#include "report/figures.h"

/* The drugs, their vectors, and the number of each one's mechanism (-1: unknown). */
typedef struct drugs {
    scp_dataset d;
    float *x; /* [n_drugs, dim] */
    size_t dim;
    scp_names *moa;
    int32_t *label; /* [n_drugs] */
} drugs;

static void drugs_fini(drugs *g)
{
    scp_dataset_fini(&g->d);
    scp_names_destroy(&g->moa);
    free(g->x);
    free(g->label);
}

/* The shard of the run: the option, or "shard:" in <run>/config.yaml; *path NULL when there is
 * none. */
static scp_status find_shard(const scp_report_run *r, char **path)
{
    typedef struct known {
        char *shard;
    } known;
    char file[SCP_PATH_MAX], *text = NULL;
    size_t len;
    *path = NULL;
    if (r->s->shard) return scp_strdup(r->s->shard, path);
    SCP_TRY(scp_fs_join(file, sizeof file, r->run, "config.yaml"));
    if (!scp_fs_exists(file)) return SCP_OK;
    SCP_TRY(scp_fs_read_text(file, &text, &len));
    /* only this key: the rest belongs to other programs' tables */
    char *line = strncmp(text, "shard:", 6) == 0 ? text : strstr(text, "\nshard:");
    scp_status st = SCP_OK;
    if (line) {
        static const scp_option row[] = {
            { .key = "shard", .type = SCP_OPT_TEXT, .offset = 0, .help = "shard" }, { .key = NULL }
        };
        const scp_option_group groups[] = { { .rows = row, .title = "" }, { .rows = NULL } };
        known k = { NULL };
        line += *line == '\n';
        st = scp_conf_defaults(groups, &k);
        if (st == SCP_OK) st = scp_conf_load_text(groups, &k, line, strcspn(line, "\n"), file);
        if (st == SCP_OK && k.shard) st = scp_strdup(k.shard, path);
        scp_conf_fini(groups, &k);
    }
    free(text);
    return st;
}

static scp_status label_drugs(drugs *g)
{
    SCP_TRY(scp_names_create(&g->moa));
    SCP_TRY(scp_alloc(g->d.n_drugs, sizeof *g->label, &g->label));
    for (size_t i = 0; i < g->d.n_drugs; i++) {
        size_t index;
        g->label[i] = -1;
        if (!g->d.moa || !g->d.moa[i][0]) continue;
        SCP_TRY(scp_names_add(g->moa, g->d.moa[i], &index));
        g->label[i] = (int32_t)index;
    }
    return SCP_OK;
}

static scp_status embed(const scp_report_run *r, drugs *g)
{
    scp_device *dev = NULL;
    SCP_TRY(scp_device_open(r->s->device, &dev));
    scp_status st = scp_drug_embed(dev, &g->d, r->run, r->s->moa.dose, &g->x, &g->dim);
    scp_device_close(&dev);
    return st;
}

/* The vectors as a table: drug, mechanism, v1, v2, ... */
static scp_status write_vectors(const scp_report_run *r, const drugs *g)
{
    char path[SCP_PATH_MAX];
    scp_strbuf b = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_strbuf_addf(&b, "drug\tmechanism"));
    for (size_t c = 0; c < g->dim; c++) SCP_GOTO(done, scp_strbuf_addf(&b, "\tv%zu", c + 1));
    for (size_t i = 0; i < g->d.n_drugs; i++) {
        SCP_GOTO(done, scp_strbuf_addf(&b, "\n"));
        SCP_GOTO(done, scp_tsv_field(&b, g->d.drug[i]));
        SCP_GOTO(done, scp_strbuf_addf(&b, "\t"));
        SCP_GOTO(done, scp_tsv_field(&b, g->d.moa ? g->d.moa[i] : ""));
        for (size_t c = 0; c < g->dim; c++)
            SCP_GOTO(done, scp_strbuf_addf(&b, "\t%.9g", (double)g->x[i * g->dim + c]));
    }
    SCP_GOTO(done, scp_strbuf_addf(&b, "\n"));
    SCP_GOTO(done, scp_str_format(path, sizeof path, "%s/%sdrug_vectors.tsv", scp_page_dir(r->p),
                                  r->prefix));
    st = scp_fs_write_text(path, b.text, b.len);
done:
    scp_strbuf_fini(&b);
    return st;
}

static scp_status put_table(const scp_report_run *r, const drugs *g)
{
    scp_moa_result m;
    scp_table t = { 0 };
    char name[64];
    scp_status st = scp_moa_score(g->x, g->label, g->d.n_drugs, g->dim, &r->s->moa, &m);
    if (st == SCP_EDATA) {
        st = scp_page_missing(r->p, "Mechanism scores", "%s", scp_err_message());
        scp_err_clear();
        return st;
    }
    SCP_TRY(st);
    const scp_moa_figure *row[] = { &m.purity, &m.silhouette };
    const char *const title[] = { "kNN purity", "silhouette" };
    const char *const column[] = { "value", "null mean", "null s.d.", "p" };
    SCP_GOTO(done, scp_table_init(&t, "measure"));
    for (size_t c = 0; c < 4; c++) SCP_GOTO(done, scp_table_add_column(&t, column[c], NAN, 4));
    for (size_t i = 0; i < 2; i++)
        SCP_GOTO(done, scp_table_add_row(&t, title[i],
                                         (double[]){ row[i]->value, row[i]->null_mean,
                                                     row[i]->null_sd, row[i]->p },
                                         true));
    SCP_GOTO(done,
             scp_table_note(&t,
                            "%zu drugs of %zu mechanisms with %lld drugs or more; purity over "
                            "%lld neighbours; null: %lld permutations of the mechanisms",
                            m.n, m.n_classes, (long long)r->s->moa.min_class, (long long)m.k,
                            (long long)r->s->moa.permutations));
    SCP_GOTO(done, scp_str_format(name, sizeof name, "%smoa", r->prefix));
    st = scp_page_table(r->p, &t, false, name);
done:
    scp_table_fini(&t);
    return st;
}

static scp_status fill(const drugs *g, const scp_classes *c, const double *xy, scp_figure *f)
{
    SCP_TRY(scp_strbuf_addf(&f->data, "# x\ty\tclass\tdrug\tmechanism\n"));
    for (size_t i = 0; i < g->d.n_drugs; i++) {
        SCP_TRY(
            scp_strbuf_addf(&f->data, "%.5g\t%.5g\t%d\t", xy[2 * i], xy[2 * i + 1], (int)c->of[i]));
        SCP_TRY(scp_tsv_field(&f->data, g->d.drug[i]));
        SCP_TRY(scp_strbuf_addf(&f->data, "\t"));
        SCP_TRY(scp_tsv_field(&f->data, g->d.moa && g->d.moa[i][0] ? g->d.moa[i] : "unknown"));
        SCP_TRY(scp_strbuf_addf(&f->data, "\n"));
    }
    SCP_TRY(scp_gnuplot_array(&f->script, "NAME", (const char *const *)c->title, c->n));
    return scp_strbuf_addf(
        &f->script,
        "N = %zu\nset format ''\nset tics scale 0\nunset grid\nset border 15 lc rgb '#999999'\n"
        "set xlabel 'UMAP 1'\nset ylabel 'UMAP 2' offset 1\n"
        "set offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05\nset rmargin at screen 0.6\n"
        "set key at screen 0.615, screen 0.95 left top\n"
        "plot DATA using (int($3) >= N ? $1 : NaN):2 with points pt 7 ps 0.5 lc rgb '#c4c4c4' %s, "
        "\\\n"
        "    for [i = 1:N] DATA using (int($3) == i - 1 ? $1 : NaN):2 with points pt SHAPE(i) ps "
        "0.9 lc "
        "rgb "
        "COLOUR[i] title NAME[i]\n",
        c->n, c->other ? "title 'other or unknown'" : "notitle");
}

static scp_status put_umap(const scp_report_run *r, const drugs *g)
{
    scp_figure f;
    scp_classes c = { 0 };
    const char **name = NULL;
    double *xy = NULL;
    size_t n = scp_names_count(g->moa);
    scp_status st = SCP_OK;
    SCP_TRY(scp_figure_init(&f, r->prefix, "umap_drugs", 900, 500));
    SCP_GOTO(done, scp_alloc(n, sizeof *name, &name));
    for (size_t i = 0; i < n; i++) name[i] = scp_names_get(g->moa, i);
    SCP_GOTO(done, scp_alloc(2 * g->d.n_drugs, sizeof *xy, &xy));
    SCP_GOTO(done, scp_umap(g->x, g->d.n_drugs, g->dim, &r->s->umap, xy));
    SCP_GOTO(done,
             scp_classes_make(g->label, g->d.n_drugs, name, n, (size_t)r->s->moa.min_class, &c));
    SCP_GOTO(done, fill(g, &c, xy, &f));
    SCP_GOTO(done,
             scp_strbuf_addf(&f.caption,
                             "UMAP of the vectors that the model gives to the %zu drugs of the "
                             "data (at %g \xc2\xb5M), by mechanism of action; in brackets: drugs "
                             "of the mechanism.",
                             g->d.n_drugs, r->s->moa.dose));
    st = scp_page_figure(r->p, &f);
done:
    free(name);
    free(xy);
    scp_classes_fini(&c);
    scp_figure_fini(&f);
    return st;
}

/* What is missing or of other data leaves the section out. */
static scp_status or_missing(const scp_report_run *r, scp_status st)
{
    if (st != SCP_ENOINPUT && st != SCP_EDATA) return st;
    st = scp_page_missing(r->p, "Mechanisms of the drugs", "%s", scp_err_message());
    scp_err_clear();
    return st;
}

scp_status scp_fig_moa(const scp_report_run *r)
{
    char *shard = NULL;
    drugs g = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, find_shard(r, &shard));
    if (!shard) {
        st = scp_page_missing(r->p, "Mechanisms of the drugs",
                              "the run does not name its shard; name it by --shard");
        goto done;
    }
    st = scp_shard_read_tables(shard, &g.d);
    if (st == SCP_OK) st = embed(r, &g);
    if (st != SCP_OK) {
        st = or_missing(r, st);
        goto done;
    }
    SCP_GOTO(done, write_vectors(r, &g));
    SCP_GOTO(done, label_drugs(&g));
    if (!scp_names_count(g.moa)) {
        st = scp_page_missing(
            r->p, "Mechanisms of the drugs",
            "no drug of %s has a mechanism of action (a column of the drug table)", shard);
        goto done;
    }
    SCP_GOTO(done, put_table(r, &g));
    if (scp_umap_available() && g.d.n_drugs >= 4)
        st = put_umap(r, &g);
    else
        st = scp_page_missing(r->p, "UMAP of the drugs",
                              scp_umap_available() ? "there are fewer than 4 drugs"
                                                   : "this build has no igraph (Debian: "
                                                     "apt-get install libigraph-dev, then "
                                                     "configure again)");
done:
    free(shard);
    drugs_fini(&g);
    return st;
}
