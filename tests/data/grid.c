/* The condition grid of Tahoe-100M (65,943 keys, 100,648,790 cells) goes through planning: keys,
 * structures, pairs, splits, proof, slots, manifest. Counts are those of pandas
 * (golden/make_grid.py); sizes of the splits follow from the tables by plain counting. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "data/grid_keys.h"
#include "data/prep_plan.h"
#include "io/tsv.h"
#include "tap.h"

static scp_tsv *golden;

/* A value of grid.tsv. */
static int64_t want(const char *fmt, ...) SCP_PRINTF(1, 2);

static int64_t want(const char *fmt, ...)
{
    char name[128];
    int64_t value = -1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    for (size_t r = 0; r < scp_tsv_n_rows(golden); r++)
        if (strcmp(scp_tsv_text(golden, r, 0), name) == 0 &&
            scp_tsv_int(golden, r, 1, &value) == SCP_OK)
            return value;
    tap_ok(false, "golden value %s", name);
    return value;
}

static void test_keys(const scp_keys *k)
{
    int64_t cells = 0, vehicle = 0;
    for (size_t i = 0; i < k->n; i++) {
        cells += k->cells[i];
        vehicle += k->key[i].drug == SCP_VEHICLE;
    }
    tap_ok((int64_t)k->n == want("keys") && vehicle == want("vehicle") && vehicle == 700 &&
               (int64_t)k->n - vehicle == want("treated") && (int64_t)k->n - vehicle == 65243,
           "65,243 treated keys and 700 vehicle keys");
    tap_ok(cells == want("cells"), "%lld cells", (long long)cells);
    tap_ok((int64_t)k->n_lines == want("lines") && (int64_t)k->n_plates == want("plates") &&
               (int64_t)k->n_drugs == want("drugs"),
           "50 lines, 14 plates, 379 drugs");
}

static void test_drugs(const scp_prep_plan *p)
{
    int64_t bare = 0;
    bool named = true;
    for (size_t i = 0; i < p->drugs.n; i++) {
        if (!p->drugs.why[i]) continue;
        bare++;
        named = named && (strcmp(p->keys.drug[i], "Verteporfin") == 0 ||
                          strcmp(p->keys.drug[i], "Sacubitril/Valsartan") == 0);
    }
    tap_ok(bare == want("drugs_without_structure") && named,
           "Verteporfin and Sacubitril/Valsartan have no structure, no other drug: blanks are cut");
    tap_ok((int64_t)p->drugs.n_parents == want("parents") && p->drugs.n_parents == 351 &&
               p->drugs.n - (size_t)bare == 377,
           "377 structures have 351 parents");
}

/* Keys left out, as the manifest has them. */
static void test_left(const scp_json *manifest, int least, const char *why)
{
    int64_t keys = -1, cells = -1;
    const scp_json *of = scp_json_get(scp_json_get(manifest, "left_out"), why);
    if (scp_json_as_int(scp_json_get(of, "keys"), "keys", &keys) != SCP_OK ||
        scp_json_as_int(scp_json_get(of, "cells"), "cells", &cells) != SCP_OK)
        scp_err_clear();
    tap_ok(keys == want("min%d.%s.keys", least, why) && cells == want("min%d.%s.cells", least, why),
           "%d cells at least: %s leaves out %lld keys, %lld cells", least, why, (long long)keys,
           (long long)cells);
    tap_ok((int64_t)scp_json_count(scp_json_get(of, "cells_of_key")) == keys, "each by name");
}

static void test_pairs(const scp_prep_plan *p, int least)
{
    const scp_dataset *d = &p->tables;
    bool plates = true;
    tap_ok((int64_t)d->P == want("min%d.profiles", least) &&
               (int64_t)d->N == want("min%d.pairs", least),
           "%zu profiles, %zu pairs", d->P, d->N);
    for (size_t plate = 0; plate < d->n_plates; plate++) {
        int64_t n = 0;
        for (size_t i = 0; i < d->N; i++) n += d->p_plate[d->post[i]] == (int32_t)plate;
        plates = plates && n == want("min%d.%s.pairs", least, d->plate[plate]);
    }
    tap_ok(plates, "as many pairs on every plate");
}

/* Combinations (line, parent) of each split, by marking. */
static void count_combos(const scp_dataset *d, size_t combos[SCP_SPLIT_COUNT],
                         size_t parents[SCP_SPLIT_COUNT])
{
    size_t n = d->n_lines * d->n_parents;
    uint8_t *split = calloc(n, 1), *group = calloc(d->n_parents, 1);
    memset(combos, 0, SCP_SPLIT_COUNT * sizeof *combos);
    memset(parents, 0, SCP_SPLIT_COUNT * sizeof *parents);
    if (!split || !group) abort();
    for (size_t i = 0; i < d->N; i++) {
        size_t g = (size_t)d->parent[d->p_drug[d->post[i]]];
        split[(size_t)d->p_line[d->post[i]] * d->n_parents + g] = (uint8_t)(d->split[i] + 1);
        group[g] |= (uint8_t)(1u << d->split[i]);
    }
    for (size_t i = 0; i < n; i++)
        if (split[i]) combos[split[i] - 1]++;
    for (size_t g = 0; g < d->n_parents; g++)
        for (int s = 0; s < SCP_SPLIT_COUNT; s++) parents[s] += group[g] >> s & 1;
    free(group);
    free(split);
}

static size_t share(double of, size_t n)
{
    return (size_t)floor(of * (double)n + 0.5);
}

static void test_splits(const scp_prep_plan *p, int least)
{
    const scp_dataset *d = &p->tables;
    size_t combos[SCP_SPLIT_COUNT], parents[SCP_SPLIT_COUNT], all = 0;
    scp_leak_report leaks;
    count_combos(d, combos, parents);
    for (int s = 0; s < SCP_SPLIT_COUNT; s++) all += combos[s];
    tap_ok((int64_t)all == want("min%d.combinations", least), "%zu combinations", all);
    tap_ok(parents[SCP_SPLIT_UD] == share(0.1, d->n_parents) &&
               parents[SCP_SPLIT_VAL_UD] == share(0.05, d->n_parents),
           "UD: %zu of %zu parents, validation %zu", parents[SCP_SPLIT_UD], d->n_parents,
           parents[SCP_SPLIT_VAL_UD]);
    all -= combos[SCP_SPLIT_UD] + combos[SCP_SPLIT_VAL_UD];
    tap_ok(combos[SCP_SPLIT_UC] == share(0.1, all) && combos[SCP_SPLIT_VAL_UC] == share(0.05, all),
           "UC: %zu of the other %zu combinations, validation %zu", combos[SCP_SPLIT_UC], all,
           combos[SCP_SPLIT_VAL_UC]);
    tap_st(scp_leak_check(d, &leaks), "no leak; every line and drug of UC is seen in training");
}

/* A held-out profile and its control have four sub-bulks, every other profile one slot. */
static void test_slots(const scp_prep_plan *p)
{
    const scp_dataset *d = &p->tables;
    size_t held = 0, pairs = 0;
    bool right = true;
    uint8_t *with = calloc(d->P, 1);
    if (!with) abort();
    for (size_t i = 0; i < d->N; i++) {
        if (d->split[i] == SCP_SPLIT_TRAIN) continue;
        with[d->post[i]] = with[d->pre[i]] = 1;
        pairs++;
    }
    for (size_t i = 0; i < d->P; i++) {
        held += with[i];
        right = right && p->bulk.first_slot[i + 1] - p->bulk.first_slot[i] == (with[i] ? 4 : 1);
    }
    tap_ok(right && p->bulk.R == 4 * held,
           "four sub-bulks for each of %zu profiles of %zu held-out pairs", held, pairs);
    free(with);
}

static void test_manifest(const scp_prep_plan *p, int least)
{
    static const char *const why[] = { "no_structure", "few_cells", "no_control" };
    char *text = NULL;
    scp_json *manifest = NULL;
    int64_t pairs = 0, sum = 0, n;
    const scp_bulk_result none = { 0 };
    const scp_prep_outcome outcome = { .bulk = &none };
    scp_status st = scp_prep_manifest(p, &outcome, &text);
    if (st == SCP_OK) st = scp_json_parse(text, strlen(text), "manifest", &manifest);
    if (tap_st(st, "manifest")) {
        const scp_json *sizes = scp_json_get(manifest, "sizes"),
                       *splits = scp_json_get(manifest, "splits");
        for (size_t i = 0; i < 3; i++) test_left(manifest, least, why[i]);
        for (int s = 0; s < SCP_SPLIT_COUNT; s++)
            if (scp_json_as_int(
                    scp_json_get(scp_json_get(splits, scp_split_name((scp_split)s)), "pairs"),
                    "pairs", &n) == SCP_OK)
                sum += n;
        tap_ok(scp_json_as_int(scp_json_get(sizes, "pairs"), "pairs", &pairs) == SCP_OK &&
                   pairs == want("min%d.pairs", least) && sum == pairs,
               "the manifest has all pairs, each in one split");
        tap_ok(scp_json_count(scp_json_get(scp_json_get(manifest, "left_out"), "drugs")) == 2,
               "and two drugs left out");
    }
    scp_json_destroy(&manifest);
    free(text);
}

static void test_plan(const char *grid, const char *drugs, int least)
{
    scp_prep_settings set = { .drugs = (char *)drugs,
                              .genes = "all",
                              .ud = 0.1,
                              .uc = 0.1,
                              .val = 0.05,
                              .seed = 1,
                              .replicates = 4 };
    scp_prep_plan p = { .set = &set, .map = scp_prep_map(&set), .min_cells = least };
    p.bulk.matrix = "X";
    double start = scp_clock_seconds();
    scp_status st = grid_keys(grid, &p.map, &p.keys);
    double read = scp_clock_seconds();
    if (st == SCP_OK) st = scp_prep_plan_keys(&p);
    double seconds = scp_clock_seconds() - read;
    if (tap_st(st, "plan with %d cells at least", least)) {
        tap_diag("%zu keys: read in %.2f s, planned in %.2f s", p.keys.n, read - start, seconds);
        tap_ok(seconds < 20, "planning takes seconds");
        test_keys(&p.keys);
        test_drugs(&p);
        test_pairs(&p, least);
        test_splits(&p, least);
        test_slots(&p);
        test_manifest(&p, least);
    }
    scp_prep_plan_fini(&p);
}

int main(void)
{
    char path[SCP_PATH_MAX], grid[SCP_PATH_MAX];
    const char *found = tap_data("tahoe/condition_grid.tsv.gz");
    if (!found) return tap_skip_all("the condition grid is not here");
    snprintf(grid, sizeof grid, "%s", found);
    snprintf(path, sizeof path, "%s/tests/data/golden/grid.tsv",
             getenv("top_srcdir") ? getenv("top_srcdir") : ".");
    const char *drugs = tap_data("tahoe/drugs.tsv");
    if (drugs && tap_st(scp_tsv_read(path, &golden), "golden counts")) {
        test_plan(grid, drugs, 20);
        if (tap_long()) test_plan(grid, drugs, 50);
    }
    scp_tsv_destroy(&golden);
    return tap_done();
}
