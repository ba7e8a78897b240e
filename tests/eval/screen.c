/* Small screens for tests, see screen.h. */
#include "eval/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "eval/golden_file.h"

enum { MAX_ROWS = 256, MAX_METRICS = 64 };

/* Index of a name in a list that grows. */
static scp_status name_index(char ***list, size_t *n, const char *name, int32_t *out)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp((*list)[i], name) == 0) {
            *out = (int32_t)i;
            return SCP_OK;
        }
    size_t room = *n;
    SCP_TRY(scp_grow(list, &room, *n + 1, sizeof **list));
    SCP_TRY(scp_strdup(name, &(*list)[*n]));
    *out = (int32_t)(*n)++;
    return SCP_OK;
}

static scp_status add_profile(scp_dataset *d, const screen_row *r, size_t p)
{
    SCP_TRY(name_index(&d->line, &d->n_lines, r->line, &d->p_line[p]));
    SCP_TRY(name_index(&d->plate, &d->n_plates, r->plate, &d->p_plate[p]));
    d->p_drug[p] = -1;
    if (r->drug) SCP_TRY(name_index(&d->drug, &d->n_drugs, r->drug, &d->p_drug[p]));
    d->p_dose[p] = r->drug ? r->dose : 0;
    d->p_cells[p] = 100;
    memcpy(d->x + p * d->G, r->x, d->G * sizeof *r->x);
    return SCP_OK;
}

static scp_status pair_up(scp_dataset *d, const screen_row *row)
{
    for (size_t p = 0; p < d->P; p++) {
        if (d->p_drug[p] < 0) continue;
        size_t c = 0;
        while (c < d->P && !(d->p_drug[c] < 0 && d->p_line[c] == d->p_line[p] &&
                             d->p_plate[c] == d->p_plate[p]))
            c++;
        if (c == d->P) SCP_FAIL(SCP_EDATA, "row %zu has no control", p);
        d->post[d->N] = (int32_t)p;
        d->pre[d->N] = (int32_t)c;
        d->split[d->N++] = (uint8_t)row[p].split;
    }
    return SCP_OK;
}

scp_status screen_make(size_t G, const screen_row *row, size_t n, scp_dataset *d)
{
    char name[32];
    *d = (scp_dataset){ .G = G, .P = n };
    SCP_TRY(scp_alloc(G, sizeof *d->gene, &d->gene));
    for (size_t g = 0; g < G; g++) {
        snprintf(name, sizeof name, "GENE%zu", g);
        SCP_TRY(scp_strdup(name, &d->gene[g]));
    }
    SCP_TRY(scp_alloc(n * G, sizeof *d->x, &d->x));
    SCP_TRY(scp_alloc(n, sizeof *d->p_line, &d->p_line));
    SCP_TRY(scp_alloc(n, sizeof *d->p_drug, &d->p_drug));
    SCP_TRY(scp_alloc(n, sizeof *d->p_dose, &d->p_dose));
    SCP_TRY(scp_alloc(n, sizeof *d->p_plate, &d->p_plate));
    SCP_TRY(scp_alloc(n, sizeof *d->p_cells, &d->p_cells));
    SCP_TRY(scp_alloc(n, sizeof *d->post, &d->post));
    SCP_TRY(scp_alloc(n, sizeof *d->pre, &d->pre));
    SCP_TRY(scp_alloc(n, sizeof *d->split, &d->split));
    for (size_t p = 0; p < n; p++) SCP_TRY(add_profile(d, &row[p], p));
    return pair_up(d, row);
}

/* What screen_read collects; texts and profiles are freed with it. */
typedef struct reading {
    screen_row row[MAX_ROWS];
    float *pred[MAX_ROWS];
    double value[MAX_ROWS][MAX_METRICS];
    size_t n, n_values;
} reading;

static void read_line(const golden_file *f, screen *s, reading *r)
{
    screen_row *last = r->n ? &r->row[r->n - 1] : NULL;
    if (golden_is(f, "control")) {
        r->row[r->n++] =
            (screen_row){ .line = f->field[1], .plate = f->field[2], .x = golden_floats(f, 3) };
    } else if (golden_is(f, "condition")) {
        r->row[r->n++] = (screen_row){ .line = f->field[1],
                                       .drug = f->field[2],
                                       .dose = strtod(f->field[3], NULL),
                                       .plate = f->field[4],
                                       .split = SCP_SPLIT_UC };
        r->n_values = 0;
    } else if (golden_is(f, "post")) {
        last->x = golden_floats(f, 1);
    } else if (golden_is(f, "pred")) {
        r->pred[r->n - 1] = golden_floats(f, 1);
    } else if (golden_is(f, "metric") && r->n_values < MAX_METRICS) {
        snprintf(s->metric[r->n_values], sizeof s->metric[0], "%s", f->field[1]);
        r->value[r->n - 1][r->n_values++] = strtod(f->field[2], NULL);
        s->n_metrics = r->n_values;
    }
}

static scp_status finish(screen *s, const reading *r, size_t G)
{
    SCP_TRY(screen_make(G, r->row, r->n, &s->d));
    SCP_TRY(scp_alloc(s->d.N * G, sizeof *s->pred, &s->pred));
    SCP_TRY(scp_alloc(s->d.N * s->n_metrics, sizeof *s->golden, &s->golden));
    for (size_t i = 0; i < s->d.N; i++) {
        size_t p = (size_t)s->d.post[i];
        memcpy(s->pred + i * G, r->pred[p], G * sizeof *s->pred);
        memcpy(s->golden + i * s->n_metrics, r->value[p], s->n_metrics * sizeof *s->golden);
    }
    return SCP_OK;
}

scp_status screen_read(screen *s)
{
    golden_file f;
    reading *r = NULL;
    size_t G = 0;
    scp_status st = SCP_OK;
    *s = (screen){ 0 };
    if (!golden_open(&f, "metrics_screen.tsv")) SCP_FAIL(SCP_ENOINPUT, "no metrics_screen.tsv");
    SCP_GOTO(done, scp_alloc(1, sizeof *r, &r));
    SCP_GOTO(done, scp_alloc(MAX_METRICS, sizeof *s->metric, &s->metric));
    while (golden_next(&f) && r->n < MAX_ROWS) {
        if (golden_is(&f, "screen")) {
            G = strtoul(f.field[1], NULL, 10);
            s->deg_k = strtol(f.field[2], NULL, 10);
            s->pseudo = strtod(f.field[3], NULL);
        } else {
            read_line(&f, s, r);
        }
    }
    SCP_GOTO(done, finish(s, r, G));
done:
    for (size_t i = 0; r && i < r->n; i++) {
        free((void *)r->row[i].x);
        free(r->pred[i]);
    }
    free(r);
    golden_close(&f);
    return st;
}

void screen_fini(screen *s)
{
    scp_dataset_fini(&s->d);
    free(s->pred);
    free(s->metric);
    free(s->golden);
    *s = (screen){ 0 };
}

scp_status screen_fill(void *ctx, const int32_t *rows, size_t n, float *out)
{
    const screen *s = ctx;
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * s->d.G, s->pred + (size_t)rows[i] * s->d.G, s->d.G * sizeof *out);
    return SCP_OK;
}
