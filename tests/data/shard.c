/* The shard file: what was written comes back on any number of ranks, the hash depends on the
 * content alone, damage is found, and nothing is left behind without a commit. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "comm/world.h"
#include "io/shard.h"
#include "tap_ranks.h"

enum { G = 7, P = 13, R = 5, N = 9 };

/* Of the data set below; any change of it means that the format has changed: raise the version. */
#define GOLDEN_HASH UINT64_C(0xfe147f5c59b61ffc)

static scp_comm *world;
static char folder[SCP_PATH_MAX];

static void texts(char ***out, size_t n, const char *stem)
{
    char name[64];
    if (scp_alloc(n, sizeof **out, out) != SCP_OK) abort();
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s%zu", stem, i);
        if (scp_strdup(name, &(*out)[i]) != SCP_OK) abort();
    }
}

static void *numbers(size_t n, size_t size)
{
    void *p = NULL;
    if (scp_alloc_bytes(n, size, &p) != SCP_OK) abort();
    return p;
}

static scp_dataset make(void)
{
    scp_dataset d = {
        .G = G, .n_lines = 3, .n_drugs = 4, .n_parents = 2, .n_plates = 2, .P = P, .R = R, .N = N
    };
    texts(&d.gene, G, "GENE");
    texts(&d.line, 3, "line");
    texts(&d.drug, 4, "\xce\xb3-drug, ");
    texts(&d.smiles, 4, "C");
    texts(&d.moa, 4, "");
    texts(&d.parent_name, 2, "P");
    texts(&d.plate, 2, "plate");
    d.parent = numbers(4, sizeof *d.parent);
    d.fp = numbers(4 * SCP_FP_BITS, 1);
    for (int i = 0; i < 4 * SCP_FP_BITS; i++) d.fp[i] = i % 7 == 0;
    d.x = numbers(P * G, sizeof *d.x);
    for (int i = 0; i < P * G; i++) d.x[i] = (float)i / 8;
    d.p_line = numbers(P, sizeof *d.p_line);
    d.p_drug = numbers(P, sizeof *d.p_drug);
    d.p_dose = numbers(P, sizeof *d.p_dose);
    d.gene_cells = numbers(G, sizeof *d.gene_cells);
    for (int i = 0; i < G; i++) d.gene_cells[i] = 10 * i - 1;
    d.p_plate = numbers(P, sizeof *d.p_plate);
    d.p_cells = numbers(P, sizeof *d.p_cells);
    for (int i = 0; i < P; i++) {
        d.p_line[i] = i % 3;
        d.p_drug[i] = i % 5 - 1;
        d.p_dose[i] = 0.05 * i;
        d.p_plate[i] = i % 2;
        d.p_cells[i] = 20 + i;
    }
    d.r_x = numbers(R * G, sizeof *d.r_x);
    for (int i = 0; i < R * G; i++) d.r_x[i] = -(float)i;
    d.r_profile = numbers(R, sizeof *d.r_profile);
    d.r_cells = numbers(R, sizeof *d.r_cells);
    d.post = numbers(N, sizeof *d.post);
    d.pre = numbers(N, sizeof *d.pre);
    d.split = numbers(N, 1);
    for (int i = 0; i < N; i++) {
        d.post[i] = i;
        d.pre[i] = N + i % 4;
        d.split[i] = (uint8_t)(i % SCP_SPLIT_COUNT);
    }
    if (scp_strdup("{\"k\": 1}", &d.manifest) != SCP_OK) abort();
    return d;
}

static bool same(const scp_dataset *a, const scp_dataset *b)
{
    if (a->G != b->G || a->P != b->P || a->R != b->R || a->N != b->N || a->n_drugs != b->n_drugs)
        return false;
    bool texts_same = strcmp(a->manifest, b->manifest) == 0;
    for (size_t i = 0; i < G; i++) texts_same = texts_same && strcmp(a->gene[i], b->gene[i]) == 0;
    for (size_t i = 0; i < 4; i++) texts_same = texts_same && strcmp(a->drug[i], b->drug[i]) == 0;
    return texts_same && memcmp(a->x, b->x, sizeof(float) * P * G) == 0 &&
           memcmp(a->r_x, b->r_x, sizeof(float) * R * G) == 0 &&
           memcmp(a->fp, b->fp, 4 * SCP_FP_BITS) == 0 &&
           memcmp(a->gene_cells, b->gene_cells, sizeof(int64_t) * G) == 0 &&
           memcmp(a->p_dose, b->p_dose, sizeof(double) * P) == 0 &&
           memcmp(a->p_cells, b->p_cells, sizeof(int64_t) * P) == 0 &&
           memcmp(a->p_drug, b->p_drug, sizeof(int32_t) * P) == 0 &&
           memcmp(a->pre, b->pre, sizeof(int32_t) * N) == 0 && memcmp(a->split, b->split, N) == 0;
}

static void test_round_trip(const char *path)
{
    scp_dataset d = make(), back = { 0 };
    tap_st(scp_shard_write(world, path, &d), "written by all ranks");
    tap_st(scp_shard_read(world, path, &back), "read by all ranks");
    tap_ok(tap_everywhere(world, same(&d, &back)), "what was written comes back on every rank");
    tap_ok(tap_everywhere(world, back.x_block.shared == (scp_comm_size(world) > 1) &&
                                     back.r_x_block.shared == back.x_block.shared),
           "the matrices are there once for the ranks of this node");
    tap_ok(back.hash == GOLDEN_HASH, "the hash is that of any number of ranks");
    if (back.hash != GOLDEN_HASH) tap_diag("hash 0x%016llx", (unsigned long long)back.hash);
    scp_dataset_fini(&back);

    scp_dataset tables = { 0 };
    tap_st(scp_shard_read_tables(path, &tables), "tables alone");
    tap_ok(!tables.x && !tables.r_x && tables.N == N && tables.split[4] == 4,
           "without the matrices");
    scp_dataset_fini(&tables);

    d.x[5] += 1;
    tap_st(scp_shard_write(world, path, &d), "written again, one value changed");
    tap_st(scp_shard_read(world, path, &back), "read again");
    tap_ok(back.hash != GOLDEN_HASH, "another hash");
    scp_dataset_fini(&back);
    scp_dataset_fini(&d);
}

/* Overwrite the bytes of a float that is stored exactly once. */
static void damage(const char *path, float value)
{
    if (scp_comm_rank(world) != 0) return;
    int fd = open(path, O_RDWR);
    float found;
    for (off_t at = 0; pread(fd, &found, sizeof found, at) == (ssize_t)sizeof found; at++)
        if (memcmp(&found, &value, sizeof value) == 0) {
            found = value + 1;
            if (pwrite(fd, &found, sizeof found, at) != (ssize_t)sizeof found) abort();
            break;
        }
    close(fd);
}

static void test_damage(const char *path)
{
    scp_dataset d = make(), back = { 0 };
    d.x[8] = 12345.678f;
    tap_st(scp_shard_write(world, path, &d), "a shard to damage");
    damage(path, 12345.678f);
    if (scp_comm_barrier(world) != SCP_OK) abort();
    scp_status st = scp_shard_read(world, path, &back);
    tap_ok(tap_everywhere(world, st != SCP_OK),
           "a changed value is found, and every rank hears of it");
    tap_ok(tap_everywhere(world, strstr(scp_err_message(), "profile/x") != NULL),
           "the message names the dataset");
    tap_ok(back.x == NULL, "nothing is returned");

    if (scp_comm_rank(world) == 0 && truncate(path, 3000) != 0) abort();
    if (scp_comm_barrier(world) != SCP_OK) abort();
    tap_ok(tap_everywhere(world, scp_shard_read(world, path, &back) == SCP_EDATA),
           "a truncated file");
    scp_dataset_fini(&d);
}

static void test_refused(void)
{
    scp_dataset d = make(), back = { 0 };
    char path[SCP_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/missing.h5", folder);
    tap_ok(tap_everywhere(world, scp_shard_read(world, path, &back) == SCP_ENOINPUT),
           "a missing file");
    snprintf(path, sizeof path, "%s/no/such/folder/a.h5", folder);
    tap_ok(tap_everywhere(world, scp_shard_write(world, path, &d) != SCP_OK),
           "a folder that is not there");

    snprintf(path, sizeof path, "%s/half.h5", folder);
    scp_shard_writer *w = NULL;
    const scp_shard_size size = { .P = P, .R = R, .G = G };
    tap_st(scp_shard_create(world, path, &size, &w), "begin a shard");
    tap_ok(!scp_fs_exists(path), "it has no name yet");
    size_t begin, end;
    scp_comm_share(world, P, &begin, &end);
    tap_st(scp_shard_put(w, SCP_SHARD_PROFILES, begin, end - begin, d.x + begin * G), "put rows");
    scp_shard_abort(&w);
    char **left = NULL;
    size_t n = 99;
    if (scp_comm_barrier(world) != SCP_OK) abort();
    tap_st(scp_fs_list(folder, "", &left, &n), "list the folder");
    bool clean = true;
    for (size_t i = 0; i < n; i++) clean = clean && strncmp(left[i], "half.h5", 7) != 0;
    tap_ok(tap_everywhere(world, clean), "abort leaves nothing");
    scp_fs_list_free(left, n);
    scp_dataset_fini(&d);
}

int main(int argc, char **argv)
{
    if (scp_world_begin(&argc, &argv, &world) != SCP_OK) return 1;
    tap_set_silent(scp_comm_rank(world) != 0);
    if (scp_comm_rank(world) == 0) snprintf(folder, sizeof folder, "%s", tap_tmpdir());
    if (scp_comm_bcast(world, folder, sizeof folder, SCP_COMM_U8, 0) != SCP_OK) return 1;
    char path[SCP_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/a.h5", folder);
    test_round_trip(path);
    test_damage(path);
    test_refused();
    int code = tap_done();
    return scp_world_end(&world) == SCP_OK ? code : 1;
}
