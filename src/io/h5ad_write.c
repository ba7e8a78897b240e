/* AnnData writer: encodings of AnnData 0.8 and later, under a temporary name until commit. */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/h5ad_writer.h"

enum { TAHOE_CHUNK = 96077, DENSE_CHUNK = 1 << 18 }; /* elements */

size_t scp_h5ad_pack_chunk(const scp_h5ad_write_options *opt)
{
    return opt->chunk ? opt->chunk : TAHOE_CHUNK;
}

/* ---- small parts ---- */

scp_status scp_out_encoding(hid_t object, const char *type, const char *version)
{
    SCP_TRY(scp_h5_set_text(object, "encoding-type", type));
    SCP_TRY(scp_h5_set_text(object, "encoding-version", version));
    return SCP_OK;
}

scp_status scp_out_group(hid_t loc, const char *name, const char *type, const char *version,
                         hid_t *group)
{
    scp_status st = SCP_OK;
    hid_t g = H5I_INVALID_HID;
    SCP_GOTO(done, scp_h5_group_create(loc, name, &g));
    SCP_GOTO(done, scp_out_encoding(g, type, version));
done:
    if (group && st == SCP_OK)
        *group = g;
    else if (g >= 0)
        SCP_H5_KEEP(st, H5Gclose(g));
    return st;
}

scp_h5_layout scp_out_layout(const scp_h5ad_writer *w)
{
    return (scp_h5_layout){ .chunk = { scp_h5ad_pack_chunk(&w->opt) },
                            .shuffle = w->opt.shuffle,
                            .deflate = w->opt.deflate };
}

/* Chunks of a dense matrix: whole rows of about a mebibyte. */
scp_h5_layout scp_out_dense_layout(const scp_h5ad_writer *w)
{
    scp_h5_layout layout = scp_out_layout(w);
    layout.chunk[1] = w->n_vars < DENSE_CHUNK ? w->n_vars : DENSE_CHUNK;
    layout.chunk[0] = layout.chunk[1] ? DENSE_CHUNK / layout.chunk[1] : 1;
    return layout;
}

/* ---- life ---- */

static scp_status begin_file(scp_h5ad_writer *w)
{
    static const char *const dicts[] = { "layers", "obsm", "obsp", "uns", "varm", "varp" };
    SCP_TRY(scp_h5_create(w->tmp, &w->file));
    SCP_TRY(scp_out_encoding(w->file, "anndata", "0.1.0"));
    SCP_TRY(scp_out_group(w->file, "obs", "dataframe", "0.2.0", NULL));
    SCP_TRY(scp_out_group(w->file, "var", "dataframe", "0.2.0", NULL));
    for (size_t i = 0; i < sizeof dicts / sizeof dicts[0]; i++)
        SCP_TRY(scp_out_group(w->file, dicts[i], "dict", "0.1.0", NULL));
    SCP_TRY(scp_out_open_x(w));
    return SCP_OK;
}

scp_status scp_h5ad_writer_create(const char *path, size_t n_obs, size_t n_vars,
                                  const scp_h5ad_write_options *opt, scp_h5ad_writer **out)
{
    scp_status st = SCP_OK;
    scp_h5ad_writer *w = NULL;
    char tmp[SCP_PATH_MAX];
    SCP_ARG(path && opt && out, "path, options and writer are required");
    *out = NULL;
    SCP_ARG(n_vars <= INT32_MAX, "%s: at most %d variables", path, INT32_MAX);
    SCP_TRY(scp_alloc(1, sizeof *w, &w));
    w->file = H5I_INVALID_HID;
    w->n_obs = n_obs;
    w->n_vars = n_vars;
    w->opt = *opt;
    if (!w->opt.threads) w->opt.threads = 1;
    w->obs = (scp_out_frame){ .group = "obs", .n = n_obs };
    w->var = (scp_out_frame){ .group = "var", .n = n_vars };
    SCP_GOTO(done, scp_strdup(path, &w->path));
    SCP_GOTO(done, scp_fs_tmp_name(tmp, sizeof tmp, path));
    SCP_GOTO(done, scp_strdup(tmp, &w->tmp));
    SCP_GOTO(done, scp_names_create(&w->obs.columns));
    SCP_GOTO(done, scp_names_create(&w->var.columns));
    SCP_GOTO(done, begin_file(w));
done:
    if (st != SCP_OK) scp_h5ad_writer_abort(&w);
    *out = w;
    return st;
}

void scp_h5ad_writer_abort(scp_h5ad_writer **out)
{
    scp_h5ad_writer *w = out ? *out : NULL;
    if (!w) return;
    scp_out_drop_x(w);
    if (scp_h5_close(&w->file) != SCP_OK) H5Eclear2(H5E_DEFAULT); /* it is not wanted */
    if (w->tmp) scp_fs_remove(w->tmp);
    scp_names_destroy(&w->obs.columns);
    scp_names_destroy(&w->var.columns);
    free(w->path);
    free(w->tmp);
    free(w->wide);
    free(w->dense);
    free(w);
    *out = NULL;
}

scp_status scp_h5ad_writer_commit(scp_h5ad_writer **w)
{
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_out_finish_x(*w));
    SCP_GOTO(done, scp_out_finish_frame(*w, &(*w)->obs));
    SCP_GOTO(done, scp_out_finish_frame(*w, &(*w)->var));
    SCP_GOTO(done, scp_h5_close(&(*w)->file));
    SCP_GOTO(done, scp_fs_commit((*w)->tmp, (*w)->path));
done:
    scp_h5ad_writer_abort(w);
    return st;
}
