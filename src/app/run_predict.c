/* scppdm_predict: the first model's predictions of a split as AnnData. */
#include <stdlib.h>

#include "app/app.h"
#include "app/eval_set.h"
#include "base/fs.h"

static scp_status predict_split(scp_comm *comm, const scp_run_settings *s, const scp_run_open *o,
                                const char *split)
{
    int32_t *rows = NULL;
    size_t n;
    char path[SCP_PATH_MAX];
    scp_run_models m = { 0 };
    scp_status st = SCP_OK;
    SCP_TRY(scp_agree(comm, scp_eval_rows(o, split, &rows, &n)));
    if (!n) SCP_FAIL_GOTO(done, SCP_EDATA, "split %s has no conditions to predict", split);
    if (s->eval.output)
        SCP_GOTO(done, scp_str_format(path, sizeof path, "%s", s->eval.output));
    else
        SCP_GOTO(done, scp_str_format(path, sizeof path, "%s/pred_%s.h5ad", s->paths.run, split));
    SCP_GOTO(done, scp_run_models_open(comm, s, o, rows, n, &m));
    scp_predictor p = scp_run_model_predictor(&m.v[0], path);
    SCP_GOTO(done, scp_pred_write(comm, &o->data, rows, n, &p, (size_t)s->metrics.block));
    if (scp_comm_rank(comm) == 0) scp_app_result(path);
done:
    scp_run_models_close(&m);
    free(rows);
    return st;
}

scp_status scp_run_predict(scp_comm *comm, scp_run_settings *s)
{
    scp_run_open o = { 0 };
    scp_split split;
    scp_status st = SCP_OK;
    if (!s->eval.splits.n || !s->eval.models.n)
        SCP_FAIL(SCP_EUSAGE, "eval.splits and eval.models must name what to predict");
    if (s->eval.output && s->eval.splits.n > 1)
        SCP_FAIL(SCP_EUSAGE,
                 "--output takes the predictions of one split: choose it with --splits");
    for (size_t i = 0; i < s->eval.splits.n; i++)
        SCP_TRY(scp_split_parse(s->eval.splits.v[i], &split));
    scp_run_settings one = *s; /* the file holds the first model: no other has to be there */
    one.eval.models.n = 1;
    one.eval.predictions.n = 0;
    SCP_GOTO(done, scp_run_begin(comm, s, false, &o));
    for (size_t i = 0; i < s->eval.splits.n; i++)
        SCP_GOTO(done, predict_split(comm, &one, &o, s->eval.splits.v[i]));
done:
    scp_run_end(&o);
    return st;
}
