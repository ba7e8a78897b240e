/* Ordering the conditions of an evaluation and cutting them into blocks. */
#include "eval/plan.h"

#include <stdlib.h>

#include "base/mem.h"

/* What a condition is sorted by. */
typedef struct sort_key {
    double dose;
    int32_t line, drug, plate, row;
} sort_key;

static int by_condition(const void *a, const void *b)
{
    const sort_key *x = a, *y = b;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    if (x->drug != y->drug) return x->drug < y->drug ? -1 : 1;
    if (x->dose != y->dose) return x->dose < y->dose ? -1 : 1;
    if (x->plate != y->plate) return x->plate < y->plate ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static scp_status read_keys(const scp_dataset *d, const int32_t *rows, size_t n, sort_key *key)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i] < 0 || (size_t)rows[i] >= d->N)
            SCP_FAIL(SCP_EUSAGE, "pair %d is outside the data set of %zu pairs", (int)rows[i],
                     d->N);
        int32_t p = d->post[rows[i]];
        key[i] = (sort_key){ .dose = d->p_dose[p],
                             .line = d->p_line[p],
                             .drug = d->p_drug[p],
                             .plate = d->p_plate[p],
                             .row = rows[i] };
    }
    qsort(key, n, sizeof *key, by_condition);
    return SCP_OK;
}

static void find_labels(scp_eval_plan *p, const sort_key *key)
{
    for (size_t i = 0; i < p->n; i++) {
        bool first = i == 0 || key[i].line != key[i - 1].line || key[i].drug != key[i - 1].drug ||
                     key[i].dose != key[i - 1].dose;
        if (first) {
            p->label_begin[p->n_labels] = i;
            p->label_line[p->n_labels++] = key[i].line;
        }
        p->row[i] = key[i].row;
        p->label[i] = (int32_t)(p->n_labels - 1);
    }
    p->label_begin[p->n_labels] = p->n;
    for (size_t first = 0, end; first < p->n_labels; first = end) {
        for (end = first; end < p->n_labels && p->label_line[end] == p->label_line[first];) end++;
        for (size_t l = first; l < end; l++) {
            p->line_begin[l] = first;
            p->line_end[l] = end;
        }
    }
}

/* Blocks of equal size as far as labels allow, so that ranks get equal shares: the next one begins
 * at the first label that lies beyond its even place. */
static void cut_blocks(scp_eval_plan *p, size_t block)
{
    const size_t n_blocks = (p->n + block - 1) / block;
    for (size_t l = 0; l < p->n_labels; l++)
        if (p->label_begin[l] * n_blocks >= p->n_blocks * p->n) p->block_begin[p->n_blocks++] = l;
    p->block_begin[p->n_blocks] = p->n_labels;
    for (size_t b = 0; b < p->n_blocks; b++) {
        size_t first, end;
        scp_eval_plan_block(p, b, &first, &end);
        if (end - first > p->max_block) p->max_block = end - first;
    }
}

scp_status scp_eval_plan_init(scp_eval_plan *p, const scp_dataset *d, const int32_t *rows, size_t n,
                              size_t block)
{
    SCP_ARG(p && d && (rows || n == 0) && block > 0,
            "plan, data set, pairs and block size are required");
    *p = (scp_eval_plan){ .n = n };
    if (n == 0) SCP_FAIL(SCP_EUSAGE, "there is no condition to predict or score");
    scp_status st = SCP_OK;
    sort_key *key = NULL;
    SCP_GOTO(done, scp_alloc(n, sizeof *key, &key));
    SCP_GOTO(done, read_keys(d, rows, n, key));
    SCP_GOTO(done, scp_alloc(n, sizeof *p->row, &p->row));
    SCP_GOTO(done, scp_alloc(n, sizeof *p->label, &p->label));
    SCP_GOTO(done, scp_alloc(n + 1, sizeof *p->label_begin, &p->label_begin));
    SCP_GOTO(done, scp_alloc(n, sizeof *p->label_line, &p->label_line));
    SCP_GOTO(done, scp_alloc(n, sizeof *p->line_begin, &p->line_begin));
    SCP_GOTO(done, scp_alloc(n, sizeof *p->line_end, &p->line_end));
    SCP_GOTO(done, scp_alloc(n + 1, sizeof *p->block_begin, &p->block_begin));
    find_labels(p, key);
    cut_blocks(p, block);
done:
    free(key);
    if (st != SCP_OK) scp_eval_plan_fini(p);
    return st;
}

void scp_eval_plan_fini(scp_eval_plan *p)
{
    if (!p) return;
    free(p->row);
    free(p->label);
    free(p->label_begin);
    free(p->label_line);
    free(p->line_begin);
    free(p->line_end);
    free(p->block_begin);
    *p = (scp_eval_plan){ 0 };
}

void scp_eval_plan_block(const scp_eval_plan *p, size_t block, size_t *begin, size_t *end)
{
    *begin = p->label_begin[p->block_begin[block]];
    *end = p->label_begin[p->block_begin[block + 1]];
}
