/* Every layout that users hold gives the pseudobulk that numpy computes: one invented screen in all
 * encodings of matrix, columns and doses (layouts/, written and read back by
 * golden/make_layouts.py). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "comm/world.h"
#include "data/prep_file.h"
#include "tap.h"

enum { GENES = 24, HEAD = 6, COLUMNS = HEAD + GENES, MAX_ROWS = 128 };

/* One row of truth.tsv; texts point into the file. */
typedef struct truth {
    const char *kind, *line, *drug, *plate;
    double dose, mean[GENES];
    int64_t cells;
} truth;

static scp_comm *world;
static char folder[SCP_PATH_MAX], drugs[SCP_PATH_MAX];
static const char *gene[GENES];
static truth row[MAX_ROWS];
static size_t n_rows;

static scp_status text_of(const char *name, char **text)
{
    char path[SCP_PATH_MAX + 64];
    size_t len;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return scp_fs_read_text(path, text, &len);
}

/* Next line of a text, NULL at the end; moves *at on. */
static char *next_line(char **at)
{
    char *line = *at, *end = line ? strchr(line, '\n') : NULL;
    if (end) *end = '\0';
    *at = end ? end + 1 : NULL;
    return line && *line ? line : NULL;
}

static scp_status read_truth(char *text)
{
    char *cell[COLUMNS], *at = text, *line = next_line(&at);
    if (scp_str_split(line, '\t', cell, COLUMNS) != COLUMNS) SCP_FAIL(SCP_EDATA, "truth.tsv");
    for (size_t g = 0; g < GENES; g++) gene[g] = cell[HEAD + g];
    while ((line = next_line(&at)) && n_rows < MAX_ROWS) {
        truth *t = &row[n_rows++];
        if (scp_str_split(line, '\t', cell, COLUMNS) != COLUMNS) SCP_FAIL(SCP_EDATA, "truth.tsv");
        *t = (truth){ .kind = cell[0], .line = cell[1], .drug = cell[2], .plate = cell[4] };
        SCP_TRY(scp_parse_real(cell[3], &t->dose));
        SCP_TRY(scp_parse_int(cell[5], &t->cells));
        for (size_t g = 0; g < GENES; g++) SCP_TRY(scp_parse_real(cell[HEAD + g], &t->mean[g]));
    }
    return SCP_OK;
}

static bool same_key(const scp_dataset *d, size_t p, const truth *t)
{
    const char *drug = d->p_drug[p] < 0 ? "" : d->drug[d->p_drug[p]];
    return strcmp(d->line[d->p_line[p]], t->line) == 0 && strcmp(drug, t->drug) == 0 &&
           strcmp(d->plate[d->p_plate[p]], t->plate) == 0 && d->p_dose[p] == t->dose;
}

/* All keys, all genes. */
static void compare(const scp_dataset *d, const char *file, const char *kind)
{
    size_t wanted = 0, found = 0;
    double worst = 0;
    bool names = d->G == GENES;
    for (size_t g = 0; names && g < GENES; g++) names = strcmp(d->gene[g], gene[g]) == 0;
    for (size_t i = 0; i < n_rows; i++) {
        const truth *t = &row[i];
        if (strcmp(t->kind, kind) != 0) continue;
        wanted++;
        for (size_t p = 0; names && p < d->P; p++) {
            if (!same_key(d, p, t) || d->p_cells[p] != t->cells) continue;
            found++;
            for (size_t g = 0; g < GENES; g++)
                worst = fmax(worst, fabs((double)d->x[p * GENES + g] - t->mean[g]));
        }
    }
    tap_ok(names && wanted > 0 && found == wanted && d->P == wanted && d->N > 0,
           "%s: %zu keys and no other, %zu pairs", file, wanted, d->N);
    tap_ok(worst < 1e-6, "%s: numpy's means, worst difference %.1e", file, worst);
}

/* Several ranks share the reading of the matrix; labels are read by one. */
static bool concerns_all(const char *file)
{
    static const char *const matrix[] = { "csr_", "csc_", "dense_", "raw_", "layer_" };
    for (size_t i = 0; i < sizeof matrix / sizeof matrix[0]; i++)
        if (strncmp(file, matrix[i], strlen(matrix[i])) == 0) return true;
    return scp_comm_size(world) == 1;
}

int main(int argc, char **argv)
{
    char *table = NULL, *list = NULL, *line, *cell[3];
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    tap_set_silent(scp_comm_rank(world) != 0);
    scp_log_set_level(SCP_LOG_ERROR);
    snprintf(folder, sizeof folder, "%s/tests/data/layouts",
             getenv("top_srcdir") ? getenv("top_srcdir") : ".");
    snprintf(drugs, sizeof drugs, "%.*s/drugs.tsv", SCP_PATH_MAX - 16, folder);
    if (tap_st(text_of("truth.tsv", &table), "truth") && tap_st(read_truth(table), "its rows") &&
        tap_st(text_of("files.tsv", &list), "files")) {
        char *at = list;
        next_line(&at);
        while ((line = next_line(&at)) && scp_str_split(line, '\t', cell, 3) == 3) {
            scp_dataset d = { 0 };
            char in[SCP_PATH_MAX + 64];
            if (!concerns_all(cell[0])) continue;
            snprintf(in, sizeof in, "%s/%s", folder, cell[0]);
            if (tap_st(prep_file(world, in, cell[1], drugs, &d), "%s: from file to pairs", cell[0]))
                compare(&d, cell[0], cell[2]);
            scp_dataset_fini(&d);
        }
    }
    free(list);
    free(table);
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
