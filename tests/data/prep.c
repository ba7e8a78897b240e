/* scppdm_prep as a library: every profile against a naive computation, sub-bulks, batches, the
 * order of files, and one rank against many. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "comm/world.h"
#include "data/prep.h"
#include "data/screen.h"
#include "io/shard.h"
#include "tap_ranks.h"

static scp_comm *world;
static screen scr;
static screen_files files;
static scp_prep_settings usual; /* before a test changes some */

/* Run prep and read its shard back. */
static bool prepare(scp_comm *comm, const scp_prep_settings *s, bool reversed, scp_dataset *d)
{
    files.settings = *s;
    *d = (scp_dataset){ 0 };
    scp_status st = screen_prepare(comm, &files, reversed);
    if (st == SCP_OK) st = scp_shard_read(comm, s->output, d);
    return tap_st(st, "prepare, %d ranks, %lld MiB%s", scp_comm_size(comm), (long long)s->memory,
                  reversed ? ", files reversed" : "");
}

/* Is this cell one of a profile? Names in the file may have trailing blanks. */
static bool belongs(const scp_dataset *d, size_t profile, const screen_cell *c)
{
    int32_t drug = d->p_drug[profile];
    const char *name = drug < 0 ? "DMSO_TF" : d->drug[drug];
    size_t n = strlen(name);
    return strncmp(c->drug, name, n) == 0 && strspn(c->drug + n, " ") == strlen(c->drug + n) &&
           strcmp(c->line, d->line[d->p_line[profile]]) == 0 &&
           strcmp(c->plate, d->plate[d->p_plate[profile]]) == 0 && strcmp(c->pass, "full") == 0;
}

/* Plain mean over the cells of a profile, all genes; returns the number of cells. */
static int64_t naive(const scp_dataset *d, size_t profile, double *mean)
{
    int64_t cells = 0;
    memset(mean, 0, SCREEN_GENES * sizeof *mean);
    for (int f = 0; f < 2; f++)
        for (size_t i = 0; i < scr.file[f].n; i++) {
            const screen_cell *c = &scr.file[f].cell[i];
            if (!belongs(d, profile, c)) continue;
            double library = 0;
            for (size_t g = 0; g < SCREEN_GENES; g++) library += (double)screen_count(c->id, g);
            for (size_t g = 0; g < SCREEN_GENES; g++)
                mean[g] += log1p(1e4 * (double)screen_count(c->id, g) / library);
            cells++;
        }
    for (size_t g = 0; g < SCREEN_GENES; g++) mean[g] /= (double)cells;
    return cells;
}

static void test_profiles(const scp_dataset *d)
{
    static double mean[SCREEN_GENES];
    double worst = 0;
    bool cells = true;
    size_t column[SCREEN_GENES];
    for (size_t g = 0; g < d->G; g++) column[g] = (size_t)atoi(d->gene[g] + 4);
    for (size_t p = 0; p < d->P; p++) {
        cells = cells && naive(d, p, mean) == d->p_cells[p];
        for (size_t g = 0; g < d->G; g++)
            worst = fmax(worst, fabs(mean[column[g]] - (double)d->x[p * d->G + g]) /
                                    (1 + mean[column[g]]));
    }
    tap_ok(d->P == 80 && d->N == 71, "80 profiles, 71 pairs");
    tap_ok(d->G == SCREEN_GENES - 1 && column[1] == 1 && column[2] == 3,
           "the gene that no cell has is dropped");
    tap_ok(cells, "every profile counts its cells");
    tap_ok(worst < 6e-8, "all profiles are the naive means, worst relative difference %.1e", worst);
    tap_ok(strstr(d->manifest, "\"passed\": true") != NULL, "the manifest keeps the proof");
    tap_ok(strstr(d->manifest, "Verteporfin") &&
               strstr(d->manifest, "A549 | Caffeine | 0.05 uM | plate1"),
           "and names what was left out");
}

/* Is a profile that of a held-out pair, or its control? */
static bool is_held_out(const scp_dataset *d, size_t profile)
{
    for (size_t i = 0; i < d->N; i++)
        if (d->split[i] != SCP_SPLIT_TRAIN &&
            ((size_t)d->post[i] == profile || (size_t)d->pre[i] == profile))
            return true;
    return false;
}

static void test_sub_bulks(const scp_dataset *d)
{
    bool whole = true, even = true, held = true;
    double worst = 0;
    size_t with = 0;
    for (size_t r = 0; r < d->R;) {
        size_t end = r, p = (size_t)d->r_profile[r];
        int64_t cells = 0, least = INT64_MAX, most = 0;
        for (; end < d->R && (size_t)d->r_profile[end] == p; end++) {
            cells += d->r_cells[end];
            least = d->r_cells[end] < least ? d->r_cells[end] : least;
            most = d->r_cells[end] > most ? d->r_cells[end] : most;
        }
        whole = whole && cells == d->p_cells[p] && end - r == 3;
        even = even && most - least <= 1;
        for (size_t g = 0; g < d->G; g++) {
            double sum = 0;
            for (size_t k = r; k < end; k++)
                sum += (double)d->r_cells[k] * (double)d->r_x[k * d->G + g];
            worst = fmax(worst, fabs(sum / (double)cells - (double)d->x[p * d->G + g]));
        }
        held = held && is_held_out(d, p);
        with++;
        r = end;
    }
    size_t test = 0;
    for (size_t i = 0; i < d->P; i++) test += is_held_out(d, i);
    tap_ok(test > 0 && with == test && held,
           "every held-out profile and every control of one has sub-bulks, no other");
    tap_ok(whole && even, "they share its cells evenly");
    tap_ok(worst < 1e-6, "and average to it, worst difference %.1e", worst);
}

static void test_same(const scp_dataset *d)
{
    scp_prep_settings s = usual;
    scp_dataset other;
    if (prepare(world, &s, true, &other)) tap_ok(other.hash == d->hash, "the same content");
    scp_dataset_fini(&other);
    s.memory = 1; /* 43 slots of 3000 genes */
    if (prepare(world, &s, false, &other)) tap_ok(other.hash == d->hash, "the same content");
    scp_dataset_fini(&other);

    scp_comm *self = NULL;
    char alone[SCP_PATH_MAX + 64];
    snprintf(alone, sizeof alone, "%s.alone-%d", files.out, scp_comm_rank(world));
    s = usual;
    s.output = alone;
    tap_st(scp_comm_create_self(&self), "a communicator of one");
    bool same = prepare(self, &s, false, &other) && other.hash == d->hash;
    scp_dataset_fini(&other);
    scp_comm_destroy(&self);
    tap_ok_ranks(world, same, "every rank alone writes what all write together");
}

/* A list in its own order, with a gene that the plates lack. */
static void test_list(const scp_dataset *d)
{
    const char *text = "GENE0500\nNOSUCH\nGENE0003\nGENE0001\n";
    const size_t at[4] = { 500, SCREEN_GENES, 3, 1 };
    char path[SCP_PATH_MAX + 32];
    scp_prep_settings s = usual;
    scp_dataset v;
    scp_status st = SCP_OK;
    snprintf(path, sizeof path, "%s.list.txt", files.out);
    if (scp_comm_rank(world) == 0) st = scp_fs_write_text(path, text, strlen(text));
    tap_st(scp_agree(world, st), "a list of genes");
    s.genes = path;
    if (prepare(world, &s, false, &v)) {
        bool order = v.G == 4, zero = v.gene_cells[1] == -1, counts = true;
        for (size_t g = 0; order && g < 4; g++) {
            if (at[g] == SCREEN_GENES) continue;
            size_t k = 0;
            while (k < d->G && strcmp(d->gene[k], v.gene[g]) != 0) k++;
            order = k < d->G && (size_t)atoi(v.gene[g] + 4) == at[g];
            counts = counts && v.gene_cells[g] == d->gene_cells[k] && v.gene_cells[g] > 0;
            for (size_t i = 0; order && i < v.P; i++)
                order = memcmp(&v.x[i * 4 + g], &d->x[i * d->G + k], sizeof *v.x) == 0;
        }
        for (size_t i = 0; i < v.P; i++)
            zero = zero && memcmp(&v.x[i * 4 + 1], &(float){ 0 }, 4) == 0;
        tap_ok(order, "its order is that of the columns");
        tap_ok(zero && strcmp(v.gene[1], "NOSUCH") == 0, "the missing gene is a column of zeros");
        tap_ok(counts, "cells of a gene do not depend on the choice");
        tap_ok(strstr(v.manifest, "\"zero_filled\": 1") && strstr(v.manifest, "\"NOSUCH\": 1"),
               "and named in the manifest");
    }
    scp_dataset_fini(&v);
    s.strict = true;
    char *in[2] = { files.plate[0], files.plate[1] };
    const scp_text_list inputs = { .v = in, .n = 2 };
    st = scp_prep_run(world, &s, &inputs);
    tap_ok(st != SCP_OK, "--strict refuses");
}

static void test_choices(const scp_dataset *d)
{
    scp_prep_settings s = usual;
    scp_dataset v;
    s.genes = "hvg:100";
    if (prepare(world, &s, false, &v)) {
        bool same = v.G == 100 && v.P == d->P;
        for (size_t g = 0, k = 0; same && g < v.G; g++) {
            while (k < d->G && strcmp(d->gene[k], v.gene[g]) != 0) k++;
            same = k < d->G && memcmp(&v.x[5 * v.G + g], &d->x[5 * d->G + k], sizeof *v.x) == 0;
        }
        tap_ok(same, "100 variable genes, in order, with the values they had");
    }
    scp_dataset_fini(&v);
    test_list(d);
    s.genes = "all";
    s.seed = 4;
    s.replicates = 0;
    if (prepare(world, &s, false, &v)) {
        tap_ok(v.R == 0 && memcmp(v.split, d->split, d->N) != 0, "another seed, no sub-bulks");
        tap_ok(memcmp(v.x, d->x, d->P * d->G * sizeof *d->x) == 0, "but the same profiles");
    }
    scp_dataset_fini(&v);
    s.strict = true;
    char *in[2] = { files.plate[0], files.plate[1] };
    const scp_text_list inputs = { .v = in, .n = 2 };
    scp_fs_remove(files.out);
    if (scp_comm_barrier(world) != SCP_OK) abort();
    scp_status st = scp_prep_run(world, &s, &inputs);
    tap_ok((st == SCP_EDATA || st == SCP_EPEER) && strstr(scp_err_message(), "--strict"),
           "--strict stops");
    tap_ok(!scp_fs_exists(files.out), "and leaves no file");
}

/* Nothing has a mean of no cells. By rows that is seen before reading, else after. */
static void test_empty(void)
{
    const screen_spoil spoil[2] = { { .empty = "Aspirin" }, { .empty = "Aspirin", .dense = true } };
    static const char *const layout[2] = { "by rows", "dense" };
    const scp_text_list one = { .v = (char *[]){ files.plate[0] }, .n = 1 };
    bool root = scp_comm_rank(world) == 0;
    files.settings = usual;
    for (int i = 0; i < 2; i++) {
        scp_strbuf text = { 0 };
        scp_status st = root ? screen_write(&scr.file[0], files.plate[0], &spoil[i]) : SCP_OK;
        tap_st(scp_agree(world, st), "%s: a plate with a drug of empty cells", layout[i]);
        st = scp_prep_dry_run(world, &usual, &one, &text);
        tap_ok((st == SCP_OK) == (i == 1), "%s: the plan %s", layout[i],
               i ? "cannot know" : "refuses it");
        st = scp_prep_run(world, &usual, &one);
        tap_ok((st == SCP_EDATA || st == SCP_EPEER) && strstr(scp_err_message(), "has any count") &&
                   strstr(scp_err_message(), "Aspirin"),
               "%s: the key is named", layout[i]);
        scp_strbuf_fini(&text);
    }
}

int main(int argc, char **argv)
{
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    bool root = scp_comm_rank(world) == 0;
    tap_set_silent(!root);
    scp_log_set_level(SCP_LOG_ERROR);
    screen_make(&scr);
    tap_st(screen_setup(world, &scr, root ? tap_tmpdir() : NULL, &files), "write a screen");
    usual = files.settings;

    scp_dataset d;
    scp_prep_settings s = usual;
    if (prepare(world, &s, false, &d)) {
        test_profiles(&d);
        test_sub_bulks(&d);
        test_same(&d);
        test_choices(&d);
    }
    scp_dataset_fini(&d);
    test_empty();
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
