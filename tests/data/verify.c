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
#include "io/h5.h"
#include "io/h5ad.h"
#include "io/shard.h"
#include "tap.h"

static scp_comm *world;
static screen scr;
static screen_files files;
static char folder[SCP_PATH_MAX], *shard = files.out, spoilt[SCP_PATH_MAX + 32];
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

static void refused(scp_status st, const char *message, const char *what)
{
    bool told = scp_comm_rank(world) != 0 || strstr(scp_err_message(), message);
    tap_ok(st != SCP_OK && told, "%s", what);
    if (scp_comm_rank(world) == 0) tap_diag("%s", scp_err_message());
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

/* Move the border between two cells: the file keeps its size and its structure. */
static scp_status move_border(const char *path, int64_t by)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID, dset = H5I_INVALID_HID;
    int64_t start;
    file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    SCP_GOTO(done, scp_h5_dataset_open(file, "X/indptr", &dset));
    SCP_GOTO(done, scp_h5_read_slab(dset, H5T_NATIVE_INT64, 7, 1, &start));
    start += by;
    SCP_GOTO(done, scp_h5_write_slab(dset, H5T_NATIVE_INT64, 7, 1, &start));
done:
    if (dset >= 0) H5Dclose(dset);
    SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

static scp_status starts_of(const char *path, uint64_t *digest)
{
    scp_h5ad *f = NULL;
    SCP_TRY(scp_h5ad_open(path, &f));
    scp_status st = scp_h5ad_starts_digest(f, digest);
    scp_h5ad_close(&f);
    return st;
}

static void test_starts(void)
{
    uint64_t before = 0, after = 0;
    scp_status st = SCP_OK;
    if (scp_comm_rank(world) == 0) {
        st = starts_of(files.plate[0], &before);
        SCP_KEEP(st, move_border(files.plate[0], 1));
        SCP_KEEP(st, starts_of(files.plate[0], &after));
        tap_ok(before != after, "the checksum of row starts sees a border that moved");
    }
    tap_st(scp_agree(world, st), "a border between two cells of an input is moved");
    refused(verify(shard, folder), "plate1.h5ad", "moved row starts are found");
    if (scp_comm_rank(world) == 0) st = move_border(files.plate[0], -1);
    tap_st(scp_agree(world, st), "and moved back");
}

/* Two inputs of one base name, in two folders. */
static void test_names(void)
{
    static screen_files twins;
    char sub[2][SCP_PATH_MAX + 8];
    scp_status st = SCP_OK;
    twins = files;
    twins.settings.output = twins.out;
    for (int i = 0; i < 2; i++) {
        snprintf(sub[i], sizeof sub[i], "%s/%c", folder, 'a' + i);
        if (scp_comm_rank(world) == 0) SCP_KEEP(st, scp_fs_mkdirs(sub[i]));
        st = scp_agree(world, st);
        SCP_KEEP(st, scp_fs_join(twins.plate[i], sizeof twins.plate[i], sub[i], "plate.h5ad"));
        if (st == SCP_OK && scp_comm_rank(world) == 0)
            st = screen_write(&scr.file[i], twins.plate[i], NULL);
        st = scp_agree(world, st);
    }
    SCP_KEEP(st, scp_fs_join(twins.out, sizeof twins.out, folder, "twins.h5"));
    SCP_KEEP(st, screen_prepare(world, &twins, false));
    tap_st(st, "a shard of two inputs of the same name");
    tap_st(verify(twins.out, folder), "in the folder above both are found by their paths");
    refused(verify(twins.out, sub[0]), "have the same name",
            "in one of them the name says too little");
}

static void test_inputs(void)
{
    char *text = NULL;
    size_t n = 0;
    scp_status st = SCP_OK;
    bool root = scp_comm_rank(world) == 0;
    tap_st(verify(shard, folder), "with its inputs");
    if (root) st = turn_bit(files.plate[0]);
    tap_st(scp_agree(world, st), "a bit of an input's counts is turned");
    refused(verify(shard, folder), "plate1.h5ad", "an input of another content is named");
    if (root) st = turn_bit(files.plate[0]);
    tap_st(scp_agree(world, root ? st : SCP_OK), "and turned back");
    test_starts();
    test_names();
    if (root) {
        if (scp_fs_read_text(files.plate[1], &text, &n) != SCP_OK ||
            scp_fs_write_text(files.plate[1], text, n - 1) != SCP_OK)
            tap_ok(false, "cannot shorten %s", files.plate[1]);
        free(text);
    }
    refused(verify(shard, folder), "plate2.h5ad has", "an input of another size is named");
    if (root) scp_fs_remove(files.plate[1]);
    st = verify(shard, folder);
    tap_ok(root ? st == SCP_ENOINPUT : st != SCP_OK, "a missing input");
}

int main(int argc, char **argv)
{
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    tap_set_silent(scp_comm_rank(world) != 0);
    scp_log_set_level(SCP_LOG_ERROR);
    if (scp_comm_rank(world) == 0) snprintf(folder, sizeof folder, "%s", tap_tmpdir());
    if (scp_comm_bcast(world, folder, sizeof folder, SCP_COMM_U8, 0) != SCP_OK) return 1;
    snprintf(spoilt, sizeof spoilt, "%s/spoilt.h5", folder);
    screen_make(&scr);
    tap_st(screen_setup(world, &scr, folder, &files), "write a screen");
    files.settings.genes = "hvg:300";
    tap_st(screen_prepare(world, &files, false), "a shard");
    tap_st(verify(shard, NULL), "it passes");
    tap_ok(scp_comm_rank(world) == 0 ? lines > 25 : lines == 0,
           "a line for each of its checks, on rank 0");
    test_meaning();
    test_inputs();
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
