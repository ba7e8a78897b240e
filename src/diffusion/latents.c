/* Latents of every profile, see latents.h. */
#include "diffusion/latents.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "io/ckpt.h"

enum { BLOCK = 64 };

scp_status scp_latents_encode(scp_comm *comm, scp_params *vae, const scp_vae_config *cfg,
                              const scp_dataset *d, float *mu)
{
    size_t begin, end, total, Dz = (size_t)cfg->latent;
    float *mine = NULL, *all = NULL;
    scp_status st;
    scp_comm_share(comm, d->P, &begin, &end);
    st = scp_alloc((end - begin) * Dz, sizeof *mine, &mine);
    if (st == SCP_OK)
        st = scp_vae_encode_rows(vae, cfg, d->x + begin * d->G, end - begin, d->G, BLOCK, mine);
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_GOTO(done, scp_comm_allgatherv(comm, mine, (end - begin) * Dz, SCP_COMM_F32, (void **)&all,
                                       &total, NULL));
    memcpy(mu, all, d->P * Dz * sizeof *mu);
done:
    free(mine);
    free(all);
    return st;
}

static scp_status write_file(const char *run_dir, const scp_dataset *d, int64_t Dz, const float *mu)
{
    char path[SCP_PATH_MAX];
    int64_t hash = (int64_t)d->hash;
    scp_ckpt_writer *w = NULL;
    SCP_TRY(scp_fs_join(path, sizeof path, run_dir, "latents.h5"));
    SCP_TRY(scp_ckpt_writer_create(path, &w));
    scp_status st = scp_ckpt_add_f32(w, "mu", mu, d->P * (size_t)Dz);
    if (st == SCP_OK) st = scp_ckpt_add_i64(w, "data_hash", &hash, 1);
    if (st == SCP_OK) return scp_ckpt_writer_commit(&w);
    scp_ckpt_writer_abort(&w);
    return st;
}

scp_status scp_latents_write(scp_comm *comm, const char *run_dir, const scp_dataset *d, int64_t Dz,
                             const float *mu)
{
    scp_status st = scp_comm_rank(comm) == 0 ? write_file(run_dir, d, Dz, mu) : SCP_OK;
    return scp_agree(comm, st);
}

scp_status scp_latents_discard(scp_comm *comm, const char *run_dir)
{
    char path[SCP_PATH_MAX];
    scp_status st = scp_fs_join(path, sizeof path, run_dir, "latents.h5");
    if (st == SCP_OK && scp_comm_rank(comm) == 0) scp_fs_remove(path);
    return scp_agree(comm, st);
}

/* Open <run>/latents.h5 of these data. */
static scp_status open_latents(const char *run_dir, const scp_dataset *d, scp_ckpt **out)
{
    char path[SCP_PATH_MAX];
    int64_t hash;
    SCP_TRY(scp_fs_join(path, sizeof path, run_dir, "latents.h5"));
    if (!scp_fs_exists(path))
        SCP_FAIL(SCP_ENOINPUT, "%s is missing: train the autoencoder first (scppdm_vae --run %s)",
                 path, run_dir);
    SCP_TRY(scp_ckpt_open(path, out));
    SCP_TRY(scp_ckpt_get_i64(*out, "data_hash", &hash, 1));
    if ((uint64_t)hash != d->hash)
        SCP_FAIL(SCP_EDATA,
                 "%s belongs to another shard than the one given: check --shard, or run "
                 "scppdm_vae on this one",
                 path);
    return SCP_OK;
}

/* *Dz 0: the width that the file has. */
static scp_status read_latents(const char *run_dir, const scp_dataset *d, int64_t *Dz, float **mu)
{
    scp_ckpt *c = NULL;
    size_t length;
    *mu = NULL;
    scp_status st = open_latents(run_dir, d, &c);
    if (st != SCP_OK) goto done;
    SCP_GOTO(done, scp_ckpt_length(c, "mu", &length));
    if (!*Dz) *Dz = (int64_t)(length / d->P);
    SCP_GOTO(done, scp_alloc(d->P * (size_t)*Dz, sizeof **mu, mu));
    SCP_GOTO(done, scp_ckpt_get_f32(c, "mu", *mu, d->P * (size_t)*Dz));
done:
    scp_ckpt_close(&c);
    if (st != SCP_OK) {
        free(*mu);
        *mu = NULL;
    }
    return st;
}

scp_status scp_latents_read(const char *run_dir, const scp_dataset *d, int64_t Dz, float **mu)
{
    return read_latents(run_dir, d, &Dz, mu);
}

scp_status scp_latents_read_any(const char *run_dir, const scp_dataset *d, int64_t *Dz, float **mu)
{
    *Dz = 0;
    return read_latents(run_dir, d, Dz, mu);
}

uint64_t scp_latents_hash(const scp_dataset *d, int64_t Dz, const float *mu)
{
    return scp_hash_bytes(mu, d->P * (size_t)Dz * sizeof *mu, d->hash);
}
