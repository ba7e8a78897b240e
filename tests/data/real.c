/* The real sets with their committed configurations, from file to pairs, against numpy's means
 * (golden/make_real.py). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/opt_prep.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "comm/world.h"
#include "io/shard.h"
#include "tap.h"

static scp_comm *world;
static char folder[SCP_PATH_MAX], source[SCP_PATH_MAX];

static const struct real_set {
    const char *name, *config, *data, *drugs;
    size_t pairs, profiles, drugs_kept, lines;
    bool unseen; /* large enough for UC and UD */
} sets[] = {
    { "gbm", "prep-gbm.yaml", "singlecell/gbm_panobinostat_5k.h5ad", NULL, 5, 10, 1, 5, false },
    { "sciplex2", "prep-sciplex2.yaml", "singlecell/sciplex2_a549_dex_500.h5ad", NULL, 14, 16, 1, 1,
      false },
    { "tahoe", "prep-tahoe-layout.yaml", "tahoe/plate_layout_synthetic_320.h5ad", "tahoe/drugs.tsv",
      16, 20, 4, 4, false },
    { "tggates", "prep-tggates.yaml", "bulk/tggates_small_hepatocyte.h5ad", NULL, 843, 1178, 143, 3,
      true },
};

static scp_status prepare(const struct real_set *s, const char *data, const char *drugs,
                          scp_dataset *d)
{
    scp_prep_settings set = { 0 };
    char path[SCP_PATH_MAX * 2], out[SCP_PATH_MAX + 64], *in = (char *)data;
    const scp_text_list inputs = { .v = &in, .n = 1 };
    scp_status st = SCP_OK;
    snprintf(path, sizeof path, "%s/mpi/conf/%s", source, s->config);
    snprintf(out, sizeof out, "%s/%s.h5", folder, s->name);
    SCP_GOTO(done, scp_conf_defaults(scp_prep_options, &set));
    SCP_GOTO(done, scp_conf_load(scp_prep_options, &set, path));
    SCP_GOTO(done, scp_conf_set(scp_prep_options, &set, "prep.output", out, "test"));
    SCP_GOTO(done, scp_conf_set(scp_prep_options, &set, "prep.probe", "false", "test"));
    if (drugs) SCP_GOTO(done, scp_conf_set(scp_prep_options, &set, "prep.drugs", drugs, "test"));
    SCP_GOTO(done, scp_prep_run(world, &set, &inputs));
    SCP_GOTO(done, scp_shard_read(world, out, d));
done:
    scp_conf_fini(scp_prep_options, &set);
    return st;
}

static int64_t find_text(char *const *v, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i], text) == 0) return (int64_t)i;
    return -1;
}

static int64_t find_profile(const scp_dataset *d, char **cell)
{
    double dose = 0;
    if (scp_parse_real(cell[3], &dose) != SCP_OK) return -1;
    for (size_t p = 0; p < d->P; p++) {
        const char *drug = d->p_drug[p] < 0 ? "" : d->drug[d->p_drug[p]];
        if (strcmp(d->line[d->p_line[p]], cell[1]) == 0 && strcmp(drug, cell[2]) == 0 &&
            d->p_dose[p] == dose && strcmp(d->plate[d->p_plate[p]], cell[4]) == 0)
            return (int64_t)p;
    }
    return -1;
}

/* All rows of the golden file that belong to this set. */
static void compare(const struct real_set *s, const scp_dataset *d)
{
    char path[SCP_PATH_MAX * 2], *text = NULL;
    size_t len, rows = 0, found = 0;
    double worst = 0;
    snprintf(path, sizeof path, "%s/tests/data/golden/real.tsv", source);
    if (!tap_st(scp_fs_read_text(path, &text, &len), "golden values")) return;
    for (char *line = text, *next; line && *line; line = next) {
        char *cell[8];
        double want;
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        if (scp_str_split(line, '\t', cell, 8) != 8 || strcmp(cell[0], s->name) != 0) continue;
        rows++;
        int64_t p = find_profile(d, cell), g = find_text(d->gene, d->G, cell[6]);
        if (p < 0 || g < 0 || scp_parse_real(cell[7], &want) != SCP_OK) {
            tap_diag("no %s | %s | %s | %s, gene %s", cell[1], cell[2], cell[3], cell[4], cell[6]);
            continue;
        }
        found += d->p_cells[p] == atoll(cell[5]);
        worst = fmax(worst, fabs((double)d->x[(size_t)p * d->G + (size_t)g] - want) / want);
    }
    tap_ok(rows >= 15 && found == rows, "%s: %zu golden values of keys with as many cells", s->name,
           rows);
    tap_ok(worst < 1e-6, "%s: numpy's means, worst relative difference %.1e", s->name, worst);
    free(text);
}

static void test_set(const struct real_set *s)
{
    char data[SCP_PATH_MAX];
    const char *drugs = NULL, *found = tap_data(s->data);
    scp_dataset d = { 0 };
    if (!found) {
        tap_skip("the data set is not here", "%s", s->name);
        return;
    }
    snprintf(data, sizeof data, "%s", found);
    if (s->drugs) drugs = tap_data(s->drugs);
    if (!tap_st(prepare(s, data, drugs, &d), "%s: file to pairs", s->name)) return;
    tap_ok(d.N == s->pairs && d.P == s->profiles && d.n_drugs == s->drugs_kept &&
               d.n_lines == s->lines,
           "%s: %zu pairs of %zu drugs in %zu lines", s->name, d.N, d.n_drugs, d.n_lines);
    size_t count[SCP_SPLIT_COUNT] = { 0 };
    for (size_t i = 0; i < d.N; i++) count[d.split[i]]++;
    tap_ok(count[SCP_SPLIT_TRAIN] > 0, "%s: %zu pairs train", s->name, count[SCP_SPLIT_TRAIN]);
    if (s->unseen)
        tap_ok(count[SCP_SPLIT_UC] > 50 && count[SCP_SPLIT_UD] > 50 &&
                   count[SCP_SPLIT_VAL_UC] > 20 && count[SCP_SPLIT_VAL_UD] > 20,
               "%s: UC %zu, UD %zu, validation %zu and %zu", s->name, count[SCP_SPLIT_UC],
               count[SCP_SPLIT_UD], count[SCP_SPLIT_VAL_UC], count[SCP_SPLIT_VAL_UD]);
    compare(s, &d);
    scp_dataset_fini(&d);
}

int main(int argc, char **argv)
{
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    tap_set_silent(scp_comm_rank(world) != 0);
    scp_log_set_level(SCP_LOG_ERROR);
    snprintf(source, sizeof source, "%s", getenv("top_srcdir") ? getenv("top_srcdir") : ".");
    if (scp_comm_rank(world) == 0) snprintf(folder, sizeof folder, "%s", tap_tmpdir());
    if (scp_comm_bcast(world, folder, sizeof folder, SCP_COMM_U8, 0) != SCP_OK) return 1;
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) test_set(&sets[i]);
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
