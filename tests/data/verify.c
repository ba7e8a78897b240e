/* scppdm_prep --verify: a good shard passes on any number of ranks; a shard whose checksums are
 * right but whose content makes no sense is refused, and the message names table, row or number. */
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
#include "data/verify.h"
#include "io/shard.h"
#include "tap.h"

static scp_comm *world;
static char folder[SCP_PATH_MAX], shard[SCP_PATH_MAX + 32], spoilt[SCP_PATH_MAX + 32];
static int lines;

static void count_line(void *ctx, const char *line)
{
    (void)ctx;
    lines += strncmp(line, "ok ", 3) == 0;
}

static scp_status verify(const char *path, const char *inputs)
{
    const scp_verify_request r = { .shard = path, .inputs = inputs, .say = count_line };
    lines = 0;
    return scp_verify_run(world, &r);
}

static scp_status make_shard(void)
{
    static screen scr;
    scp_status st = SCP_OK;
    char plate[2][SCP_PATH_MAX + 32], drugs[SCP_PATH_MAX + 32], *in[2] = { plate[0], plate[1] };
    const scp_text_list inputs = { .v = in, .n = 2 };
    const scp_prep_settings s = { .output = shard,
                                  .drugs = drugs,
                                  .min_cells = SCREEN_MIN_CELLS,
                                  .genes = "hvg:300",
                                  .ud = 0.15,
                                  .uc = 0.1,
                                  .val = 0.05,
                                  .seed = 3,
                                  .replicates = 3,
                                  .memory = 1024 };
    screen_make(&scr);
    snprintf(drugs, sizeof drugs, "%s/drugs.tsv", folder);
    for (int i = 0; i < 2; i++) snprintf(plate[i], sizeof plate[i], "%s/plate%d.h5ad", folder, i);
    if (scp_comm_rank(world) == 0) {
        st = screen_write_drugs(drugs);
        for (int i = 0; i < 2; i++) SCP_KEEP(st, screen_write(&scr.file[i], plate[i], NULL));
    }
    SCP_TRY(scp_agree(world, st));
    return scp_prep_run(world, &s, &inputs);
}

/* Replace the first occurrence of `from` in the manifest by a text of the same length. */
static void edit(char *manifest, const char *from, const char *to)
{
    char *at = strstr(manifest, from);
    if (at && strlen(from) == strlen(to)) memcpy(at, to, strlen(to));
}

/* The ranks of a node share what they read, and none may write there. */
static void own(float **x, scp_node_block *b)
{
    float *copy = NULL;
    if (!b->base || scp_alloc(b->bytes, 1, &copy) != SCP_OK) abort();
    memcpy(copy, b->base, b->bytes);
    scp_node_block_fini(b);
    *x = copy;
}

static void spoil_value(scp_dataset *d)
{
    d->x[7 * d->G + 2] = NAN;
}
static void spoil_sub_bulk(scp_dataset *d)
{
    d->r_x[4 * d->G] = INFINITY;
}
static void spoil_dose(scp_dataset *d)
{
    d->p_dose[d->post[3]] = -1;
}
static void spoil_cells(scp_dataset *d)
{
    d->r_cells[0]++;
}
static void spoil_order(scp_dataset *d)
{
    int32_t swap = d->p_line[0];
    d->p_line[0] = d->p_line[d->P - 1];
    d->p_line[d->P - 1] = swap;
}
static void spoil_name(scp_dataset *d)
{
    memcpy(d->gene[1], d->gene[0], strlen(d->gene[0]) + 1);
}
static void spoil_bit(scp_dataset *d)
{
    d->fp[2 * SCP_FP_BITS + 5] = 2;
}
static void spoil_pair(scp_dataset *d)
{
    d->pre[0] = d->post[0];
}
static void spoil_split(scp_dataset *d)
{
    for (size_t i = 0; i < d->N; i++) /* one pair of an unseen drug moves into training */
        if (d->split[i] == SCP_SPLIT_UD) {
            d->split[i] = SCP_SPLIT_TRAIN;
            return;
        }
}
static void spoil_sizes(scp_dataset *d)
{
    edit(d->manifest, "\"pairs\":", "\"paIrs\":");
}
static void spoil_left(scp_dataset *d)
{
    edit(d->manifest, "\"quality\": 6", "\"quality\": 7");
}
static void spoil_proof(scp_dataset *d)
{
    edit(d->manifest, "\"passed\": true", "\"passed\": 1234");
}
static void spoil_json(scp_dataset *d)
{
    d->manifest[0] = '[';
}

static void test_meaning(void)
{
    const struct {
        const char *what, *says;
        void (*spoil)(scp_dataset *d);
    } c[] = {
        { "a value that is no number", "/profile/x row 7 (", spoil_value },
        { "an infinite value in a sub-bulk", "/replicate/x row 4 (", spoil_sub_bulk },
        { "a negative dose", "/profile/dose row", spoil_dose },
        { "sub-bulks of more cells than the profile", "/replicate/cells rows 0", spoil_cells },
        { "profiles out of order", "out of order", spoil_order },
        { "a gene that stands there twice", "/gene row 1", spoil_name },
        { "a fingerprint of more than bits", "/drug/fingerprint row 2", spoil_bit },
        { "a treated profile as control", "the splits leak", spoil_pair },
        { "a leak", "the splits leak", spoil_split },
        { "sizes that are not those of the tables", "manifest", spoil_sizes },
        { "cells that do not add up", "leaves out", spoil_left },
        { "a proof that did not pass", "leak_proof/passed", spoil_proof },
        { "a manifest that is no JSON", "spoilt.h5", spoil_json },
    };
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        scp_dataset d = { 0 };
        if (!tap_st(scp_shard_read(world, shard, &d), "read")) continue;
        own(&d.x, &d.x_block);
        own(&d.r_x, &d.r_x_block);
        c[i].spoil(&d);
        tap_st(scp_shard_write(world, spoilt, &d), "written with right checksums: %s", c[i].what);
        scp_status st = verify(spoilt, NULL);
        tap_ok(st != SCP_OK, "%s is refused", c[i].what);
        bool named =
            scp_comm_rank(world) != 0 || (st == SCP_EDATA && strstr(scp_err_message(), c[i].says));
        tap_ok(named, "and the message says '%s'", c[i].says);
        if (!named) tap_diag("%s", scp_err_message());
        scp_dataset_fini(&d);
    }
}

/* Turn one bit of the stored counts; the size stays. */
static scp_status turn_bit(const char *path)
{
    char *text = NULL;
    size_t n = 0;
    SCP_TRY(scp_fs_read_text(path, &text, &n));
    text[n / 3] ^= 1;
    scp_status st = scp_fs_write_text(path, text, n);
    free(text);
    return st;
}

static void test_inputs(void)
{
    char path[SCP_PATH_MAX + 32], *text = NULL;
    size_t n = 0;
    scp_status st = SCP_OK;
    tap_st(verify(shard, folder), "with its inputs");
    snprintf(path, sizeof path, "%s/plate0.h5ad", folder);
    if (scp_comm_rank(world) == 0) st = turn_bit(path);
    tap_st(scp_agree(world, st), "a bit of an input's counts is turned");
    st = verify(shard, folder);
    tap_ok(st != SCP_OK && (scp_comm_rank(world) != 0 || strstr(scp_err_message(), "plate0.h5ad")),
           "an input of another content is named");
    if (scp_comm_rank(world) == 0) tap_diag("%s", scp_err_message());
    if (scp_comm_rank(world) == 0) st = turn_bit(path);
    tap_st(scp_agree(world, scp_comm_rank(world) == 0 ? st : SCP_OK), "and turned back");
    if (scp_comm_rank(world) == 0) {
        snprintf(path, sizeof path, "%s/plate1.h5ad", folder);
        if (scp_fs_read_text(path, &text, &n) != SCP_OK ||
            scp_fs_write_text(path, text, n - 1) != SCP_OK)
            tap_ok(false, "cannot shorten %s", path);
        free(text);
    }
    st = verify(shard, folder);
    tap_ok(st != SCP_OK &&
               (scp_comm_rank(world) != 0 || strstr(scp_err_message(), "plate1.h5ad has")),
           "an input of another size is named");
    if (scp_comm_rank(world) == 0) scp_fs_remove(path);
    st = verify(shard, folder);
    tap_ok(scp_comm_rank(world) != 0 ? st != SCP_OK : st == SCP_ENOINPUT, "a missing input");
}

int main(int argc, char **argv)
{
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    tap_set_silent(scp_comm_rank(world) != 0);
    scp_log_set_level(SCP_LOG_ERROR);
    if (scp_comm_rank(world) == 0) snprintf(folder, sizeof folder, "%s", tap_tmpdir());
    if (scp_comm_bcast(world, folder, sizeof folder, SCP_COMM_U8, 0) != SCP_OK) return 1;
    snprintf(shard, sizeof shard, "%s/shard.h5", folder);
    snprintf(spoilt, sizeof spoilt, "%s/spoilt.h5", folder);
    tap_st(make_shard(), "a shard");
    tap_st(verify(shard, NULL), "it passes");
    tap_ok(scp_comm_rank(world) == 0 ? lines > 25 : lines == 0,
           "a line for each of its checks, on rank 0");
    test_meaning();
    test_inputs();
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
