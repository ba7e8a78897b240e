/* scppdm_prep, all ranks: plan, sum, choose genes, write, prove, name. */
#include "data/prep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/genes.h"
#include "data/prep_inputs.h"
#include "data/prep_plan.h"

/* Everything that a run holds, so that one place frees it. */
typedef struct prep {
    scp_comm *comm;
    const scp_prep_settings *set;
    scp_gene_choice choice;
    scp_prep_plan plan;
    scp_prep_outcome outcome;
    scp_shard_writer *all;   /* scratch: every gene            */
    scp_shard_writer *shard; /* the result: the chosen columns */
    scp_bulk_result bulk;
    int32_t *column; /* [n_columns]                    */
    size_t n_columns;
} prep;

static bool is_root(const prep *p)
{
    return scp_comm_rank(p->comm) == 0;
}

/* Fail before the work, not after it, when the result could not be written. */
static scp_status check_output(const char *out)
{
    char dir[SCP_PATH_MAX];
    const char *slash = strrchr(out, '/');
    if (scp_fs_is_dir(out)) SCP_FAIL(SCP_EIO, "%s is a folder: name a file", out);
    if (!slash) return scp_fs_check_writable(".");
    snprintf(dir, sizeof dir, "%.*s", slash == out ? 1 : (int)(slash - out), out);
    SCP_TRY(scp_fs_mkdirs(dir));
    return scp_fs_check_writable(dir);
}

static scp_status decide(prep *p)
{
    SCP_TRY(check_output(p->set->output));
    if (p->choice.rule == SCP_GENES_FILE && !scp_fs_exists(p->choice.path))
        SCP_FAIL(SCP_ENOINPUT, "genes '%s': neither all, nor hvg:N, nor a file", p->choice.path);
    SCP_TRY(scp_prep_plan_decide(&p->plan));
    SCP_TRY(scp_prep_plan_sample(&p->plan));
    const scp_dataset *d = &p->plan.tables;
    scp_log(SCP_LOG_INFO, "%zu keys: %zu pairs of %zu drugs in %zu cell lines on %zu plates",
            p->plan.keys.n, d->N, d->n_drugs, d->n_lines, d->n_plates);
    for (int why = SCP_LEFT_NONE + 1; why < SCP_LEFT_COUNT; why++)
        if (p->plan.pairing.n_left[why] > 0)
            scp_log(SCP_LOG_WARN, "%zu keys are left out: %s (named in the manifest)",
                    p->plan.pairing.n_left[why], scp_left_name((scp_left)why));
    return SCP_OK;
}

/* All genes of all profiles into a scratch file beside the result. */
static scp_status sum_cells(prep *p)
{
    char scratch[SCP_PATH_MAX];
    const scp_bulk_plan *b = &p->plan.bulk;
    int n = snprintf(scratch, sizeof scratch, "%s.all-genes", p->set->output);
    if (n < 0 || (size_t)n >= sizeof scratch)
        SCP_FAIL(SCP_EUSAGE, "the name of the output is too long");
    SCP_TRY(scp_shard_create(p->comm, scratch, b->P, b->R, b->G, &p->all));
    return scp_bulk_run(p->comm, b, p->all, &p->bulk);
}

/* A key can turn out empty only if none of its cells has a molecule. */
static scp_status check_empty(const prep *p)
{
    const scp_bulk_plan *b = &p->plan.bulk;
    char text[1024];
    for (size_t i = 0; i < b->P; i++) {
        int64_t cells = 0;
        for (int32_t s = b->first_slot[i]; s < b->first_slot[i + 1]; s++)
            cells += p->bulk.slot_cells[s];
        if (cells == 0)
            SCP_FAIL(SCP_EDATA, "no cell of key %s has any count",
                     scp_key_text(&p->plan.keys, &p->plan.keys.key[p->plan.pairing.profile_key[i]],
                                  text, sizeof text));
    }
    return SCP_OK;
}

static scp_status choose_columns(prep *p, scp_gene_moments *m)
{
    switch (p->choice.rule) {
    case SCP_GENES_ALL:
        return scp_genes_detected(m, &p->column, &p->n_columns);
    case SCP_GENES_HVG:
        SCP_TRY(scp_genes_variable(m, p->choice.n, &p->column, &p->n_columns));
        if (p->n_columns < p->choice.n)
            scp_log(SCP_LOG_WARN, "genes hvg:%zu: only %zu genes vary between training profiles",
                    p->choice.n, p->n_columns);
        return SCP_OK;
    case SCP_GENES_FILE:
        break;
    }
    SCP_TRY(scp_genes_listed(p->choice.path, p->plan.gene, m->G, &p->column, &p->n_columns,
                             &p->outcome.genes_missing));
    if (p->outcome.genes_missing > 0 && p->set->strict)
        SCP_FAIL(SCP_EDATA, "--strict: %zu genes of %s are not in the data",
                 p->outcome.genes_missing, p->choice.path);
    if (p->outcome.genes_missing > 0)
        scp_log(SCP_LOG_WARN, "%zu genes of %s are not in the data", p->outcome.genes_missing,
                p->choice.path);
    return SCP_OK;
}

/* Rank 0 chooses, all ranks hear. */
static scp_status choose_genes(prep *p)
{
    scp_status st = SCP_OK;
    double *sum = NULL, *square = NULL;
    const scp_bulk_plan *b = &p->plan.bulk;
    scp_gene_moments m = { .G = b->G, .cells = p->bulk.train_cells, .detected = p->bulk.detected };
    if (p->choice.rule == SCP_GENES_HVG) {
        st = scp_alloc(b->G, sizeof *sum, &sum);
        SCP_KEEP(st, scp_alloc(b->G, sizeof *square, &square));
        SCP_GOTO(done, scp_agree(p->comm, st));
        SCP_GOTO(done, scp_bulk_moments(p->comm, b, p->all, sum, square));
        m.sum = sum;
        m.square = square;
        for (size_t i = 0; i < b->P; i++) m.profiles += b->train[i];
    }
    if (is_root(p)) st = choose_columns(p, &m);
    SCP_GOTO(done, scp_agree(p->comm, st));
    size_t bytes = p->n_columns * sizeof *p->column;
    void *column = p->column;
    SCP_GOTO(done, scp_comm_bcast_bytes(p->comm, &column, &bytes, 0));
    p->column = column;
    p->n_columns = bytes / sizeof *p->column;
done:
    free(sum);
    free(square);
    return st;
}

/* Complete the tables with what is known only now. */
static scp_status complete_tables(prep *p)
{
    scp_dataset *d = &p->plan.tables;
    const scp_bulk_plan *b = &p->plan.bulk;
    SCP_TRY(scp_alloc(p->n_columns, sizeof *d->gene, &d->gene));
    d->G = p->n_columns;
    for (size_t g = 0; g < d->G; g++) SCP_TRY(scp_strdup(p->plan.gene[p->column[g]], &d->gene[g]));
    SCP_TRY(scp_alloc(b->R, sizeof *d->r_profile, &d->r_profile));
    SCP_TRY(scp_alloc(b->R, sizeof *d->r_cells, &d->r_cells));
    for (size_t i = 0; i < b->P; i++) {
        int32_t first = b->first_slot[i], end = b->first_slot[i + 1];
        d->p_cells[i] = 0;
        for (int32_t s = first; s < end; s++) {
            d->p_cells[i] += p->bulk.slot_cells[s];
            if (end - first == 1) continue;
            d->r_profile[d->R] = (int32_t)i;
            d->r_cells[d->R++] = p->bulk.slot_cells[s];
        }
    }
    return SCP_OK;
}

static scp_status write_shard(prep *p)
{
    scp_status st = SCP_OK;
    const scp_bulk_plan *b = &p->plan.bulk;
    SCP_TRY(scp_shard_create(p->comm, p->set->output, b->P, b->R, p->n_columns, &p->shard));
    SCP_TRY(
        scp_bulk_select(p->comm, b, SCP_SHARD_PROFILES, p->all, p->column, p->n_columns, p->shard));
    SCP_TRY(scp_bulk_select(p->comm, b, SCP_SHARD_REPLICATES, p->all, p->column, p->n_columns,
                            p->shard));
    if (is_root(p)) st = complete_tables(p);
    SCP_TRY(scp_agree(p->comm, st));
    return scp_shard_put_tables(p->shard, &p->plan.tables);
}

/* The proof reads back what was written, and the manifest keeps it. */
static scp_status prove(prep *p, char **manifest)
{
    scp_dataset written = { 0 };
    SCP_TRY(scp_shard_read_tables(scp_shard_writer_path(p->shard), &written));
    scp_status st = scp_leak_check(&written, &p->outcome.leaks);
    scp_dataset_fini(&written);
    SCP_TRY(st);
    p->outcome.empty_cells = p->bulk.empty_cells;
    return scp_prep_manifest(&p->plan, &p->outcome, manifest);
}

static scp_status run(prep *p)
{
    scp_status st = SCP_OK;
    char *manifest = NULL;
    double start = scp_clock_seconds();
    SCP_GOTO(done, scp_prep_inputs_look(p->comm, &p->plan));
    if (is_root(p)) st = decide(p);
    SCP_GOTO(done, scp_agree(p->comm, st));
    SCP_GOTO(done, scp_bulk_plan_share(p->comm, &p->plan.bulk));
    SCP_GOTO(done, sum_cells(p));
    if (is_root(p)) st = check_empty(p);
    SCP_GOTO(done, scp_agree(p->comm, st));
    SCP_GOTO(done, choose_genes(p));
    SCP_GOTO(done, write_shard(p));
    scp_shard_abort(&p->all);
    if (is_root(p)) st = prove(p, &manifest);
    SCP_GOTO(done, scp_agree(p->comm, st));
    SCP_GOTO(done, scp_shard_finish(&p->shard, manifest));
    scp_log(SCP_LOG_INFO, "%s: %zu profiles x %zu genes in %.1f s, peak memory of rank 0 %.0f MiB",
            p->set->output, p->plan.bulk.P, p->n_columns, scp_clock_seconds() - start,
            scp_mem_peak_mib());
done:
    free(manifest);
    scp_shard_abort(&p->shard);
    scp_shard_abort(&p->all);
    return st;
}

scp_status scp_prep_run(scp_comm *comm, const scp_prep_settings *s, const scp_text_list *inputs)
{
    SCP_ARG(comm && s && inputs, "communicator, settings and inputs are required");
    scp_status st = SCP_OK;
    prep p = { .comm = comm, .set = s };
    SCP_GOTO(done, scp_gene_choice_parse(s->genes, &p.choice));
    SCP_GOTO(done, scp_prep_plan_begin(&p.plan, s, inputs));
    SCP_GOTO(done, run(&p));
done:
    scp_bulk_result_fini(&p.bulk);
    scp_prep_plan_fini(&p.plan);
    free(p.column);
    return st;
}
