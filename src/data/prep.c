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
#include "data/prep_files.h"
#include "data/prep_inputs.h"
#include "data/prep_memory.h"
#include "data/prep_plan.h"

/* Everything that a run holds, so that one place frees it. */
typedef struct prep {
    scp_comm *comm;
    const scp_prep_settings *set;
    scp_gene_choice choice;
    scp_prep_plan plan;
    scp_prep_outcome outcome;
    scp_prep_files files;
    scp_shard_writer *shard; /* the result: the chosen columns */
    scp_bulk_result bulk;
    int32_t *column; /* [n_columns]                    */
    size_t n_columns;
    bool finished;
} prep;

static bool is_root(const prep *p)
{
    return scp_comm_rank(p->comm) == 0;
}

static scp_status decide(prep *p)
{
    if (p->choice.rule == SCP_GENES_FILE && !scp_fs_exists(p->choice.path))
        SCP_FAIL(SCP_ENOINPUT, "genes '%s': neither all, nor hvg:N, nor a file", p->choice.path);
    SCP_TRY(scp_prep_plan_decide(&p->plan));
    scp_prep_memory_warn(&p->plan);
    const scp_dataset *d = &p->plan.tables;
    scp_log(SCP_LOG_INFO, "%zu keys: %zu pairs of %zu drugs in %zu cell lines on %zu plate%s",
            p->plan.keys.n, d->N, d->n_drugs, d->n_lines, d->n_plates, d->n_plates == 1 ? "" : "s");
    for (int why = SCP_LEFT_NONE + 1; why < SCP_LEFT_COUNT; why++)
        if (p->plan.pairing.n_left[why] > 0)
            scp_log(SCP_LOG_WARN, "%zu %s left out: %s (named in the manifest)",
                    p->plan.pairing.n_left[why],
                    p->plan.pairing.n_left[why] == 1 ? "key is" : "keys are",
                    scp_left_name((scp_left)why));
    return scp_prep_plan_check_filled(&p->plan);
}

/* The genes of a list in its order; those that the data lack are columns of zeros. */
static scp_status take_list(prep *p)
{
    scp_gene_list *l = &p->outcome.list;
    char some[256] = "";
    SCP_TRY(scp_genes_listed(p->choice.path, p->plan.gene, p->plan.bulk.G, l));
    for (size_t i = 0, named = 0; i < l->n && named < 5; i++) {
        size_t at = strlen(some);
        if (l->column[i] >= 0) continue;
        snprintf(some + at, sizeof some - at, "%s%s", named++ > 0 ? ", " : "", l->name[i]);
    }
    if (l->missing > 0 && p->set->strict)
        SCP_FAIL(SCP_EDATA, "--strict: %zu of %zu genes of %s are not in the data: %s%s",
                 l->missing, l->n, p->choice.path, some, l->missing > 5 ? ", ..." : "");
    if (l->missing > 0)
        scp_log(SCP_LOG_WARN, "%zu of %zu genes of %s are not in the data and become 0: %s%s",
                l->missing, l->n, p->choice.path, some, l->missing > 5 ? ", ..." : "");
    SCP_TRY(scp_alloc(l->n, sizeof *p->column, &p->column));
    memcpy(p->column, l->column, l->n * sizeof *p->column);
    p->n_columns = l->n;
    return SCP_OK;
}

static scp_status choose_columns(prep *p, const scp_gene_moments *m)
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
    return take_list(p);
}

/* Rank 0 chooses, all ranks hear. */
static scp_status choose_genes(prep *p)
{
    scp_status st = SCP_OK;
    const scp_gene_moments m = { .G = p->plan.bulk.G,
                                 .cells = p->bulk.train_cells,
                                 .detected = p->bulk.detected,
                                 .profiles = p->bulk.profiles,
                                 .sum = p->bulk.sum,
                                 .square = p->bulk.square };
    if (is_root(p)) st = choose_columns(p, &m);
    SCP_TRY(scp_agree(p->comm, st));
    size_t bytes = p->n_columns * sizeof *p->column;
    void *column = p->column;
    SCP_TRY(scp_comm_bcast_bytes(p->comm, &column, &bytes, 0));
    p->column = column;
    p->n_columns = bytes / sizeof *p->column;
    return SCP_OK;
}

/* Complete the tables with what is known only now. */
static scp_status complete_tables(prep *p)
{
    scp_dataset *d = &p->plan.tables;
    const scp_bulk_plan *b = &p->plan.bulk;
    SCP_TRY(scp_alloc(p->n_columns, sizeof *d->gene, &d->gene));
    d->G = p->n_columns;
    SCP_TRY(scp_alloc(p->n_columns, sizeof *d->gene_cells, &d->gene_cells));
    for (size_t g = 0; g < d->G; g++) {
        int32_t at = p->column[g];
        d->gene_cells[g] = at < 0 ? -1 : p->bulk.detected[at];
        SCP_TRY(scp_strdup(at < 0 ? p->outcome.list.name[g] : p->plan.gene[at], &d->gene[g]));
    }
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
    const scp_shard_size size = {
        .P = b->P, .R = b->R, .G = p->n_columns, .single_writer = b->single_writer
    };
    SCP_TRY(scp_shard_create(p->comm, p->set->output, &size, &p->shard));
    SCP_TRY(scp_bulk_merge(p->comm, b, &p->bulk, p->column, p->n_columns, p->shard));
    if (is_root(p)) st = complete_tables(p);
    SCP_TRY(scp_agree(p->comm, st));
    return scp_shard_put_tables(p->shard, &p->plan.tables);
}

/* The proof reads back what was written, and the manifest keeps it. */
static scp_status prove(prep *p, char **manifest)
{
    scp_dataset written = { 0 };
    SCP_TRY(scp_shard_writer_tables(p->shard, &written));
    scp_status st = scp_leak_check(&written, &p->outcome.leaks);
    scp_dataset_fini(&written);
    SCP_TRY(st);
    p->outcome.bulk = &p->bulk;
    p->outcome.rule = p->choice.rule;
    return scp_prep_manifest(&p->plan, &p->outcome, manifest);
}

/* Rank 0, before any other rank does anything. */
static scp_status begin(prep *p)
{
    SCP_TRY(scp_prep_files_begin(p->set, &p->files));
    SCP_TRY(decide(p));
    return scp_prep_plan_sample(&p->plan);
}

scp_status scp_prep_dry_run(scp_comm *comm, const scp_prep_settings *s, const scp_text_list *inputs,
                            scp_strbuf *text)
{
    SCP_ARG(comm && s && inputs && text, "communicator, settings, inputs and text are required");
    scp_status st = SCP_OK;
    prep p = { .comm = comm, .set = s };
    SCP_GOTO(done, scp_gene_choice_parse(s->genes, &p.choice));
    SCP_GOTO(done, scp_prep_plan_begin(&p.plan, s, inputs));
    SCP_GOTO(done, scp_prep_inputs_look(comm, &p.plan));
    SCP_GOTO(done, scp_prep_memory_choose(comm, &p.plan));
    if (is_root(&p)) st = decide(&p);
    if (is_root(&p) && st == SCP_OK) st = scp_prep_plan_print(comm, &p.plan, text);
    st = scp_agree(comm, st);
done:
    scp_prep_plan_fini(&p.plan);
    return st;
}

static scp_status run(prep *p)
{
    scp_status st = SCP_OK;
    char *manifest = NULL;
    double start = scp_clock_seconds();
    p->plan.bulk.moments = p->choice.rule == SCP_GENES_HVG;
    SCP_GOTO(done, scp_prep_inputs_look(p->comm, &p->plan));
    SCP_GOTO(done, scp_prep_memory_choose(p->comm, &p->plan));
    if (is_root(p)) st = begin(p);
    SCP_GOTO(done, scp_agree(p->comm, st));
    SCP_GOTO(done, scp_bulk_plan_share(p->comm, &p->plan.bulk));
    SCP_GOTO(done, scp_bulk_run(p->comm, &p->plan.bulk, p->files.parts, p->files.locked, &p->bulk));
    if (is_root(p)) st = scp_prep_plan_check_cells(&p->plan, p->bulk.slot_cells);
    SCP_GOTO(done, scp_agree(p->comm, st));
    SCP_GOTO(done, choose_genes(p));
    SCP_GOTO(done, write_shard(p));
    if (is_root(p)) st = prove(p, &manifest);
    SCP_GOTO(done, scp_agree(p->comm, st));
    SCP_GOTO(done, scp_shard_finish(&p->shard, manifest));
    p->finished = true;
    scp_log(SCP_LOG_INFO, "%s: %zu profiles x %zu genes in %.1f s, peak memory of rank 0 %.0f MiB",
            p->set->output, p->plan.bulk.P, p->n_columns, scp_clock_seconds() - start,
            scp_mem_peak_mib());
done:
    free(manifest);
    scp_shard_abort(&p->shard);
    return st;
}

scp_status scp_prep_run(scp_comm *comm, const scp_prep_settings *s, const scp_text_list *inputs)
{
    SCP_ARG(comm && s && inputs, "communicator, settings and inputs are required");
    scp_status st = SCP_OK;
    prep p = { .comm = comm, .set = s };
    SCP_GOTO(done, scp_gene_choice_parse(s->genes, &p.choice));
    SCP_GOTO(done, scp_prep_plan_begin(&p.plan, s, inputs));
    SCP_GOTO(done, scp_prep_files_name(s, &p.files));
    SCP_GOTO(done, run(&p));
done:
    scp_bulk_result_fini(comm, &p.bulk, !p.finished || s->keep_parts);
    if (scp_comm_rank(comm) == 0) scp_prep_files_end(&p.files);
    scp_prep_plan_fini(&p.plan);
    scp_gene_list_fini(&p.outcome.list);
    free(p.column);
    return st;
}
