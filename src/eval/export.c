/* Predictions of a plan to AnnData files, written by rank 0 as the blocks come in. */
#include "eval/export.h"

#include <string.h>

#include "base/mem.h"
#include "eval/pred_file.h"

struct scp_export {
    scp_comm *comm;
    const scp_dataset *d;
    const scp_eval_plan *plan;
    size_t n_models;
    bool *wanted, *spread;    /* [n_models] is there a file, and has it a spread? */
    scp_pred_writer **writer; /* [n_models] on rank 0 */
    scp_pred_key *key;        /* of every row of a file, on rank 0 */
    size_t n_keys;
    int32_t *control; /* [n_control] vehicle profiles at the end of a file */
    size_t n_control;
    float *block;  /* [max_block, G] a block on its way */
    scp_status st; /* first failure of a write on rank 0 */
};

static scp_status open_writers(scp_export *e, const scp_predictor *model)
{
    if (scp_comm_rank(e->comm) != 0) return SCP_OK;
    SCP_TRY(scp_pred_keys(e->d, e->plan->row, e->plan->n, &e->key, &e->n_keys, &e->control,
                          &e->n_control));
    for (size_t m = 0; m < e->n_models; m++) {
        if (!e->wanted[m]) continue;
        SCP_TRY(scp_pred_writer_create(model[m].h5ad, e->d->gene, e->d->G, e->key, e->n_keys, NULL,
                                       &e->writer[m]));
        if (e->spread[m]) SCP_TRY(scp_pred_writer_begin_spread(e->writer[m], model[m].samples));
    }
    return SCP_OK;
}

static scp_status prepare(scp_export *e, const scp_predictor *model)
{
    SCP_TRY(scp_alloc(e->n_models, sizeof *e->wanted, &e->wanted));
    SCP_TRY(scp_alloc(e->n_models, sizeof *e->spread, &e->spread));
    SCP_TRY(scp_alloc(e->n_models, sizeof *e->writer, &e->writer));
    SCP_TRY(scp_alloc(e->plan->max_block * e->d->G, sizeof *e->block, &e->block));
    for (size_t m = 0; m < e->n_models; m++) {
        e->wanted[m] = model[m].h5ad != NULL;
        e->spread[m] = e->wanted[m] && model[m].spread;
    }
    return open_writers(e, model);
}

scp_status scp_export_begin(scp_comm *comm, const scp_dataset *d, const scp_eval_plan *plan,
                            const scp_predictor *model, size_t n_models, scp_export **out)
{
    *out = NULL;
    size_t wanted = 0;
    for (size_t m = 0; m < n_models; m++) wanted += model[m].h5ad != NULL;
    if (!wanted) return SCP_OK;
    scp_export *e = NULL;
    scp_status st = scp_alloc(1, sizeof *e, &e);
    if (st == SCP_OK) {
        *e = (scp_export){ .comm = comm, .d = d, .plan = plan, .n_models = n_models };
        st = prepare(e, model);
    }
    st = scp_agree(comm, st);
    if (st != SCP_OK) {
        scp_export_abort(&e);
        return st;
    }
    *out = e;
    return SCP_OK;
}

/* One block from its owner to the file of model m: what `add` does with it there. */
static scp_status pass_block(scp_export *e, size_t m, size_t b, const float *from,
                             scp_status (*add)(scp_pred_writer *, const float *, size_t))
{
    size_t begin, end;
    scp_eval_plan_block(e->plan, b, &begin, &end);
    const int owner = scp_eval_plan_owner(b, scp_comm_size(e->comm)), rank = scp_comm_rank(e->comm);
    const size_t values = (end - begin) * e->d->G;
    if (rank == owner) memcpy(e->block, from, values * sizeof *from);
    SCP_TRY(scp_comm_bcast(e->comm, e->block, values, SCP_COMM_F32, owner));
    if (rank == 0 && e->st == SCP_OK) e->st = add(e->writer[m], e->block, end - begin);
    return SCP_OK;
}

scp_status scp_export_round(scp_export *e, size_t round, const float *pred, float *const *sd)
{
    if (!e) return SCP_OK;
    const size_t size = (size_t)scp_comm_size(e->comm), width = e->plan->max_block * e->d->G;
    for (size_t b = round * size; b < (round + 1) * size && b < e->plan->n_blocks; b++)
        for (size_t m = 0; m < e->n_models; m++) {
            if (e->wanted[m]) SCP_TRY(pass_block(e, m, b, pred + m * width, scp_pred_writer_add));
            if (e->spread[m]) SCP_TRY(pass_block(e, m, b, sd[m], scp_pred_writer_add_spread));
        }
    return SCP_OK;
}

static scp_status finish(scp_export *e)
{
    SCP_TRY(e->st);
    for (size_t m = 0; m < e->n_models; m++) {
        if (!e->writer[m]) continue;
        for (size_t i = 0; i < e->n_control; i++)
            SCP_TRY(scp_pred_writer_add_true(e->writer[m],
                                             e->d->x + (size_t)e->control[i] * e->d->G, 1));
        if (e->spread[m]) SCP_TRY(scp_pred_writer_add_spread(e->writer[m], NULL, e->n_control));
        SCP_TRY(scp_pred_writer_commit(&e->writer[m]));
    }
    return SCP_OK;
}

scp_status scp_export_end(scp_export **e)
{
    if (!*e) return SCP_OK;
    scp_status st = scp_agree((*e)->comm, finish(*e));
    scp_export_abort(e);
    return st;
}

void scp_export_abort(scp_export **e)
{
    if (!e || !*e) return;
    for (size_t m = 0; (*e)->writer && m < (*e)->n_models; m++)
        scp_pred_writer_abort(&(*e)->writer[m]);
    free((*e)->writer);
    free((*e)->wanted);
    free((*e)->spread);
    free((*e)->key);
    free((*e)->control);
    free((*e)->block);
    free(*e);
    *e = NULL;
}

scp_status scp_pred_write(scp_comm *comm, const scp_dataset *d, const int32_t *rows, size_t n,
                          const scp_predictor *model, size_t block)
{
    SCP_ARG(comm && d && model && model->h5ad && block > 0,
            "communicator, data set, model and file are required");
    scp_eval_plan plan;
    SCP_TRY(scp_eval_plan_init(&plan, d, rows, n, block));
    scp_export *e = NULL;
    float *pred = NULL, *sd = NULL;
    const size_t rank = (size_t)scp_comm_rank(comm), size = (size_t)scp_comm_size(comm);
    scp_status st = scp_alloc(plan.max_block * d->G, sizeof *pred, &pred);
    if (st == SCP_OK && model->spread) st = scp_alloc(plan.max_block * d->G, sizeof *sd, &sd);
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_GOTO(done, scp_export_begin(comm, d, &plan, model, 1, &e));
    for (size_t round = 0; round * size < plan.n_blocks; round++) {
        scp_status mine = SCP_OK;
        if (round * size + rank < plan.n_blocks) {
            size_t begin, end;
            scp_eval_plan_block(&plan, round * size + rank, &begin, &end);
            mine = model->fill(model->ctx, plan.row + begin, end - begin, pred);
            if (mine == SCP_OK && model->spread)
                mine = model->spread(model->ctx, plan.row + begin, end - begin, sd);
        }
        SCP_GOTO(done, scp_agree(comm, mine));
        SCP_GOTO(done, scp_export_round(e, round, pred, &sd));
    }
    SCP_GOTO(done, scp_export_end(&e));
done:
    scp_export_abort(&e);
    free(pred);
    free(sd);
    scp_eval_plan_fini(&plan);
    return st;
}
