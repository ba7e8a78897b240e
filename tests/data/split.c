/* Splits: shares, what stays seen, independence of order and numbering; and that the proof finds
 * every kind of planted leak. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/leak.h"
#include "data/split.h"
#include "tap.h"

enum { LINES = 8, PARENTS = 60, DRUGS = 66, DOSES = 3 };

static void *zeros(size_t n, size_t size)
{
    void *p = NULL;
    if (scp_alloc_bytes(n, size, &p) != SCP_OK) abort();
    return p;
}

static char *text(const char *fmt, int a)
{
    char buf[64], *copy = NULL;
    snprintf(buf, sizeof buf, fmt, a);
    if (scp_strdup(buf, &copy) != SCP_OK) abort();
    return copy;
}

/* Every line x drug x dose on plate "dose", a vehicle per line and plate. The last 6 drugs are
 * salts of parents 0 to 5. Names do not depend on `turn`, which rotates all numbering. */
static scp_dataset make(int turn)
{
    scp_dataset d = {
        .G = 1, .n_lines = LINES, .n_drugs = DRUGS, .n_parents = PARENTS, .n_plates = DOSES
    };
    d.line = zeros(LINES, sizeof *d.line);
    d.drug = zeros(DRUGS, sizeof *d.drug);
    d.parent_name = zeros(PARENTS, sizeof *d.parent_name);
    d.plate = zeros(DOSES, sizeof *d.plate);
    d.parent = zeros(DRUGS, sizeof *d.parent);
    d.fp = zeros(DRUGS * SCP_FP_BITS, 1);
    for (int i = 0; i < LINES; i++) d.line[i] = text("line%d", (i + turn) % LINES);
    for (int i = 0; i < DOSES; i++) d.plate[i] = text("plate%d", (i + turn) % DOSES);
    for (int i = 0; i < PARENTS; i++) d.parent_name[i] = text("parent%d", (i + turn) % PARENTS);
    for (int i = 0; i < DRUGS; i++) {
        int drug = (i + turn) % DRUGS;
        d.drug[i] = text("drug%d", drug);
        d.parent[i] = (drug % PARENTS + PARENTS - turn % PARENTS) % PARENTS;
        for (int b = 0; b < 8; b++)
            d.fp[(size_t)i * SCP_FP_BITS + (size_t)b] = (uint8_t)(drug >> b & 1);
    }
    size_t most = LINES * DOSES * (DRUGS + 1);
    d.p_line = zeros(most, sizeof *d.p_line);
    d.p_drug = zeros(most, sizeof *d.p_drug);
    d.p_dose = zeros(most, sizeof *d.p_dose);
    d.p_plate = zeros(most, sizeof *d.p_plate);
    d.post = zeros(most, sizeof *d.post);
    d.pre = zeros(most, sizeof *d.pre);
    d.split = zeros(most, 1);
    for (int p = 0; p < DOSES; p++)
        for (int l = 0; l < LINES; l++) {
            int32_t control = (int32_t)d.P;
            for (int g = -1; g < DRUGS; g++, d.P++) {
                d.p_line[d.P] = l;
                d.p_drug[d.P] = g;
                d.p_plate[d.P] = p;
                d.p_dose[d.P] = g < 0 ? 0 : 0.05 * (d.plate[p][5] - '0' + 1);
                if (g < 0) continue;
                d.post[d.N] = (int32_t)d.P;
                d.pre[d.N++] = control;
            }
        }
    return d;
}

static size_t count_parents(const scp_dataset *d, scp_split s)
{
    bool seen[PARENTS] = { false };
    size_t n = 0;
    for (size_t i = 0; i < d->N; i++)
        if (d->split[i] == s) seen[d->parent[d->p_drug[d->post[i]]]] = true;
    for (int i = 0; i < PARENTS; i++) n += seen[i];
    return n;
}

static size_t count_combos(const scp_dataset *d, scp_split s)
{
    bool seen[LINES][PARENTS] = { { false } };
    size_t n = 0;
    for (size_t i = 0; i < d->N; i++)
        if (d->split[i] == s) seen[d->p_line[d->post[i]]][d->parent[d->p_drug[d->post[i]]]] = true;
    for (int i = 0; i < LINES * PARENTS; i++) n += seen[i / PARENTS][i % PARENTS];
    return n;
}

static void test_shares(const scp_split_settings *set)
{
    scp_dataset d = make(0);
    scp_leak_report r;
    tap_st(scp_split_draw(&d, set), "draw");
    tap_ok(count_parents(&d, SCP_SPLIT_UD) == 6, "UD is 10 %% of 60 parent groups");
    tap_ok(count_parents(&d, SCP_SPLIT_VAL_UD) == 3, "its validation 5 %%");
    tap_ok(count_combos(&d, SCP_SPLIT_UC) == 41, "UC is 10 %% of the other 51 x 8 combinations");
    tap_ok(count_combos(&d, SCP_SPLIT_VAL_UC) == 20, "its validation 5 %%");
    tap_st(scp_leak_check(&d, &r), "the proof holds");
    tap_ok(r.keys + r.combinations + r.parents + r.fingerprints + r.unseen + r.pairing == 0,
           "no violation");
    scp_split_settings other = *set;
    uint8_t *first = zeros(d.N, 1);
    memcpy(first, d.split, d.N);
    other.seed++;
    tap_st(scp_split_draw(&d, &other), "another seed");
    tap_ok(memcmp(first, d.split, d.N) != 0, "gives another draw");
    free(first);
    scp_dataset_fini(&d);
}

static void name_of(const scp_dataset *d, size_t i, char *buf, size_t size)
{
    int32_t p = d->post[i];
    snprintf(buf, size, "%s|%s|%s", d->line[d->p_line[p]], d->drug[d->p_drug[p]],
             d->plate[d->p_plate[p]]);
}

static void test_numbering(const scp_split_settings *set)
{
    scp_dataset a = make(0), b = make(5);
    tap_st(scp_split_draw(&a, set), "draw");
    tap_st(scp_split_draw(&b, set), "draw with other numbers for the same names");
    size_t differ = 0, found = 0;
    char x[128], y[128];
    for (size_t i = 0; i < a.N; i += 17) {
        name_of(&a, i, x, sizeof x);
        for (size_t k = 0; k < b.N; k++) {
            name_of(&b, k, y, sizeof y);
            if (strcmp(x, y) != 0) continue;
            found++;
            differ += a.split[i] != b.split[k];
        }
    }
    tap_ok(found == (a.N + 16) / 17 && differ == 0, "every key is in the same split");
    scp_dataset_fini(&a);
    scp_dataset_fini(&b);
}

/* One line, or one drug: nothing can be held out without losing sight of it. */
static void test_small(const scp_split_settings *set)
{
    scp_dataset d = make(0);
    scp_leak_report r;
    size_t n = 0;
    for (size_t i = 0; i < d.N; i++)
        if (d.p_drug[d.post[i]] == 3 && d.p_line[d.post[i]] == 0) {
            d.post[n] = d.post[i];
            d.pre[n++] = d.pre[i];
        }
    d.N = n;
    tap_st(scp_split_draw(&d, set), "one line, one drug");
    bool train = true;
    for (size_t i = 0; i < d.N; i++) train = train && d.split[i] == SCP_SPLIT_TRAIN;
    tap_ok(train, "everything trains");
    scp_dataset_fini(&d);

    d = make(0);
    n = 0;
    for (size_t i = 0; i < d.N; i++) /* each line has its own drugs: no combination can be taken */
        if (d.p_drug[d.post[i]] % LINES == d.p_line[d.post[i]] && d.p_drug[d.post[i]] < PARENTS) {
            d.post[n] = d.post[i];
            d.pre[n++] = d.pre[i];
        }
    d.N = n;
    tap_st(scp_split_draw(&d, set), "no drug is in two lines");
    tap_ok(count_combos(&d, SCP_SPLIT_UC) == 0 && count_parents(&d, SCP_SPLIT_UD) == 6,
           "no UC, but UD");
    tap_st(scp_leak_check(&d, &r), "and the proof holds");
    scp_dataset_fini(&d);
}

static size_t first_of(const scp_dataset *d, scp_split s)
{
    for (size_t i = 0; i < d->N; i++)
        if (d->split[i] == s) return i;
    return 0;
}

static void test_planted(const scp_split_settings *set)
{
    scp_dataset d = make(0);
    scp_leak_report r;
    tap_st(scp_split_draw(&d, set), "draw");
    size_t uc = first_of(&d, SCP_SPLIT_UC), ud = first_of(&d, SCP_SPLIT_UD),
           train = first_of(&d, 0);

    d.split[uc] = SCP_SPLIT_TRAIN;
    tap_fails(scp_leak_check(&d, &r), SCP_EDATA, "leak",
              "one dose of a UC combination in training");
    tap_ok(r.combinations > 0, "is counted as a combination");
    d.split[uc] = SCP_SPLIT_UC;

    d.split[ud] = SCP_SPLIT_TRAIN;
    tap_fails(scp_leak_check(&d, &r), SCP_EDATA, "parent compound",
              "one key of an unseen drug in training");
    tap_ok(r.parents > 0 && r.fingerprints > 0, "is counted as parent and as fingerprint");
    d.split[ud] = SCP_SPLIT_UD;

    int32_t a = d.p_drug[d.post[ud]], b = d.p_drug[d.post[train]];
    memcpy(d.fp + (size_t)a * SCP_FP_BITS, d.fp + (size_t)b * SCP_FP_BITS, SCP_FP_BITS);
    tap_fails(scp_leak_check(&d, &r), SCP_EDATA, "fingerprint",
              "an unseen drug with a known fingerprint");
    tap_ok(r.fingerprints > 0 && r.parents == 0 && r.keys == 0, "is counted as that alone");
    d.fp[(size_t)a * SCP_FP_BITS + 1000] = 1;

    int32_t post = d.post[train];
    d.post[train] = d.post[ud];
    tap_fails(scp_leak_check(&d, &r), SCP_EDATA, "", "a profile that is in two pairs");
    tap_ok(r.keys > 0 || r.pairing > 0, "is counted");
    d.post[train] = post;

    int32_t pre = d.pre[train];
    d.pre[train] = d.pre[d.N - 1];
    tap_fails(scp_leak_check(&d, &r), SCP_EDATA, "vehicle", "a control of another plate");
    tap_ok(r.pairing == 1, "is counted");
    d.pre[train] = pre;

    for (size_t i = 0; i < d.N; i++)
        if (d.p_line[d.post[i]] == 2 && d.split[i] == SCP_SPLIT_TRAIN)
            d.split[i] = SCP_SPLIT_VAL_UC;
    tap_fails(scp_leak_check(&d, &r), SCP_EDATA, "not in training",
              "a line that training never sees");
    tap_ok(r.unseen > 0, "is counted");
    scp_dataset_fini(&d);
}

int main(void)
{
    const scp_split_settings set = { .seed = 11, .ud = 0.1, .uc = 0.1, .val = 0.05 };
    test_shares(&set);
    test_numbering(&set);
    test_small(&set);
    test_planted(&set);
    return tap_done();
}
