/* scppdm_ablate: one ablation of the paper's App. F from training to a table row, and the table of
 * all. Only settings differ from the full model; the autoencoder and its latents are those of the
 * run folder. An ablation of the sampling (D, E) has the full model's network: where the run folder
 * holds one of the same settings that is trained to its end, nothing is trained. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/run_common.h"
#include "base/jsonl.h"
#include "base/log.h"
#include "diffusion/weights.h"
#include "report/ablation.h"

static scp_status choose(const scp_run_settings *s, const scp_text_list *args,
                         const scp_ablation **out)
{
    int64_t index = s->ablate.index + 1; /* the table begins with the full model */
    if (args->n == 1 && args->v[0][0] && !args->v[0][1])
        for (index = 1; index < SCP_ABLATIONS && scp_ablations[index].letter != args->v[0][0];)
            index++;
    else if (args->n)
        SCP_FAIL(SCP_EUSAGE, "give one ablation, A to F");
    if (index < 1 || index >= SCP_ABLATIONS)
        SCP_FAIL(SCP_EUSAGE,
                 "name the ablation: a letter A to F, or --index 0 to 5 (a job array's task "
                 "number); --collect DIR prints the table of those that are done");
    *out = &scp_ablations[index];
    return SCP_OK;
}

/* Is <run>/<stage> a network of these settings, trained to the end? */
static bool is_trained(const scp_run_settings *s, const char *stage, const char *method)
{
    char dir[SCP_PATH_MAX], path[SCP_PATH_MAX], *text = NULL;
    scp_ckpt *c = NULL;
    scp_weights_head head;
    bool same = false;
    if (scp_fs_join(dir, sizeof dir, s->paths.run, stage) == SCP_OK &&
        scp_ckpt_name(path, sizeof path, dir, s->train.steps) == SCP_OK && scp_fs_exists(path) &&
        scp_ckpt_open(path, &c) == SCP_OK && scp_weights_get_head(c, &head) == SCP_OK &&
        scp_ckpt_get_text(c, "method", &text) == SCP_OK)
        same = head.steps == s->train.steps && head.seed == s->train.seed &&
               head.batch == s->train.batch && strcmp(text, method) == 0;
    scp_err_clear();
    free(text);
    scp_ckpt_close(&c);
    return same;
}

/* The stage whose network an ablation of the sampling can take, NULL for none. Rank 0 looks. */
static scp_status find_network(scp_comm *comm, const scp_run_settings *s, const char **stage)
{
    static const char *const candidate[] = { "train", "ablation-D", "ablation-E" };
    enum { N = sizeof candidate / sizeof candidate[0] };
    scp_strbuf method = { 0 };
    int32_t found = N;
    *stage = NULL;
    scp_status st = scp_conf_dump(scp_method_groups, &s->method, &method);
    if (st == SCP_OK && scp_comm_rank(comm) == 0 && !s->paths.fresh && s->paths.run)
        for (found = 0; found < N && !is_trained(s, candidate[found], method.text);) found++;
    scp_strbuf_fini(&method);
    SCP_TRY(scp_agree(comm, st));
    SCP_TRY(scp_comm_bcast(comm, &found, 1, SCP_COMM_I32, 0));
    if (found < N) *stage = candidate[found];
    return SCP_OK;
}

/* One line a split in <run>/ablations.jsonl. Rank 0. */
static scp_status append_row(const scp_run_settings *s, const scp_ablation *a, const char *split)
{
    char path[SCP_PATH_MAX], letter[2] = { a->letter };
    double v[SCP_ABLATION_FIGURES];
    const char *line;
    bool found;
    scp_jsonl j = { 0 };
    SCP_TRY(scp_ablation_read(s->paths.run, a, split, v, &found));
    if (!found) return SCP_OK;
    SCP_TRY(scp_fs_join(path, sizeof path, s->paths.run, "ablations.jsonl"));
    scp_jsonl_begin(&j);
    scp_jsonl_text(&j, "ablation", letter);
    scp_jsonl_text(&j, "what", a->what);
    scp_jsonl_text(&j, "split", split);
    scp_jsonl_int(&j, "seed", s->train.seed);
    if (s->ablate.network) scp_jsonl_text(&j, "network", s->ablate.network);
    for (size_t i = 0; i < SCP_ABLATION_FIGURES; i++)
        scp_jsonl_real(&j, scp_ablation_figures[i], v[i]);
    scp_status st = scp_jsonl_end(&j, &line);
    if (st == SCP_OK) st = scp_jsonl_append(path, line);
    scp_jsonl_fini(&j);
    return st;
}

static scp_status append_rows(const scp_run_settings *s, const scp_ablation *a)
{
    for (size_t i = 0; i < s->eval.splits.n; i++) SCP_TRY(append_row(s, a, s->eval.splits.v[i]));
    return SCP_OK;
}

static scp_status print_split(const scp_run_settings *s, const char *split, bool *any)
{
    scp_table t = { 0 };
    scp_strbuf text = { 0 };
    bool found = false;
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_ablation_table(s->ablate.collect, split, &t, &found));
    if (!found) goto done;
    *any = true;
    SCP_GOTO(done, scp_strbuf_addf(&text, "\n%s: ablations\n", split));
    SCP_GOTO(done, scp_table_print(&t, (scp_table_format)s->eval.format, true, &text));
    scp_app_result(text.text);
done:
    scp_table_fini(&t);
    scp_strbuf_fini(&text);
    return st;
}

/* The table of what is done. Rank 0. */
static scp_status collect(const scp_run_settings *s)
{
    bool any = false;
    for (size_t i = 0; i < s->eval.splits.n; i++)
        SCP_TRY(print_split(s, s->eval.splits.v[i], &any));
    if (!any)
        SCP_FAIL(SCP_ENOINPUT,
                 "%s holds no scores of an ablation (eval-ablation-*/summary.json of a run folder, "
                 "or of run folders in it)",
                 s->ablate.collect);
    return SCP_OK;
}

static scp_status train(scp_comm *comm, scp_run_settings *s, const scp_ablation *a)
{
    if (a->sampling) SCP_TRY(find_network(comm, s, &s->ablate.network));
    if (s->ablate.network) {
        scp_log(SCP_LOG_INFO,
                "ablation %c differs in sampling only: it takes the network of %s/%s, chosen on "
                "validation with that model's guidance; nothing is trained",
                a->letter, s->paths.run, s->ablate.network);
        return SCP_OK;
    }
    if (a->sampling)
        scp_log(SCP_LOG_INFO,
                "ablation %c differs in sampling only, but the run folder holds no network of "
                "these settings that is trained to its end: it trains one",
                a->letter);
    return scp_run_train(comm, s);
}

scp_status scp_run_ablate(scp_comm *comm, scp_run_settings *s, const scp_text_list *args)
{
    const scp_ablation *a = NULL;
    if (s->ablate.collect) return scp_agree(comm, scp_comm_rank(comm) == 0 ? collect(s) : SCP_OK);
    SCP_TRY(choose(s, args, &a));
    SCP_TRY(scp_conf_set(scp_run_groups, s, a->key, a->value, a->model));
    SCP_TRY(scp_conf_set(scp_run_groups, s, "model", a->model, a->model));
    SCP_TRY(scp_conf_set(scp_run_groups, s, "eval.models", a->model, a->model));
    SCP_TRY(scp_conf_set(scp_run_groups, s, "eval.h5ad", "false", a->model));
    /* with the guidance of the full model */
    s->choose.s_p.n = s->choose.s_0.n = s->choose.doubt.n = 0;
    scp_log(SCP_LOG_INFO, "ablation %c: %s (%s=%s)", a->letter, a->what, a->key, a->value);
    SCP_TRY(train(comm, s, a));
    SCP_TRY(scp_run_eval(comm, s));
    return scp_agree(comm, scp_comm_rank(comm) == 0 ? append_rows(s, a) : SCP_OK);
}
