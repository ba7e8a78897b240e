/* See prep_file.h. */
#include "data/prep_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/opt_prep.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/h5ad.h"
#include "io/shard.h"
#include "tap.h"

static scp_status apply(scp_prep_settings *set, const char *settings)
{
    char *copy = NULL, *item[16];
    scp_status st = scp_strdup(settings, &copy);
    size_t n = st == SCP_OK && copy[0] ? scp_str_split(copy, ';', item, 16) : 0;
    for (size_t i = 0; i < n && st == SCP_OK; i++) {
        char *value = strchr(item[i], '=');
        if (!value) continue;
        *value++ = '\0';
        st = scp_conf_set(scp_prep_options, set, item[i], value, "test");
    }
    free(copy);
    return st;
}

/* The genes of a file as a list: the shard then has all of them, in this order. */
static scp_status list_genes(const char *input, const char *matrix, const char *path)
{
    scp_h5ad *f = NULL;
    char **gene = NULL;
    size_t n = 0;
    scp_strbuf list = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done, scp_h5ad_open(input, &f));
    SCP_GOTO(done, scp_h5ad_select_matrix(f, matrix));
    n = scp_h5ad_n_vars(f);
    SCP_GOTO(done, scp_h5ad_var_names(f, &gene));
    for (size_t g = 0; g < n; g++) SCP_GOTO(done, scp_strbuf_addf(&list, "%s\n", gene[g]));
    SCP_GOTO(done, scp_fs_write_text(path, list.text, list.len));
done:
    scp_strbuf_fini(&list);
    scp_fs_list_free(gene, n);
    scp_h5ad_close(&f);
    return st;
}

scp_status prep_file(scp_comm *comm, const char *input, const char *settings, const char *drugs,
                     scp_dataset *d)
{
    static const char *const fixed[][2] = { { "prep.min_cells", "1" }, { "prep.split.ud", "0" },
                                            { "prep.split.uc", "0" },  { "prep.split.val", "0" },
                                            { "prep.memory", "256" },  { "prep.probe", "false" } };
    scp_prep_settings set = { 0 };
    char in[SCP_PATH_MAX], folder[SCP_PATH_MAX] = "", *v = in;
    char out[SCP_PATH_MAX + 16], genes[SCP_PATH_MAX + 16];
    const scp_text_list inputs = { .v = &v, .n = 1 };
    scp_status st = SCP_OK;
    bool root = scp_comm_rank(comm) == 0;
    snprintf(in, sizeof in, "%s", input);
    if (root) snprintf(folder, sizeof folder, "%s", tap_tmpdir());
    SCP_TRY(scp_comm_bcast(comm, folder, sizeof folder, SCP_COMM_U8, 0));
    snprintf(out, sizeof out, "%s/shard.h5", folder);
    snprintf(genes, sizeof genes, "%s/genes.txt", folder);
    SCP_GOTO(done, scp_conf_defaults(scp_prep_options, &set));
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        SCP_GOTO(done, scp_conf_set(scp_prep_options, &set, fixed[i][0], fixed[i][1], "test"));
    SCP_GOTO(done, scp_conf_set(scp_prep_options, &set, "prep.output", out, "test"));
    SCP_GOTO(done, scp_conf_set(scp_prep_options, &set, "prep.genes", genes, "test"));
    if (drugs) SCP_GOTO(done, scp_conf_set(scp_prep_options, &set, "prep.drugs", drugs, "test"));
    SCP_GOTO(done, apply(&set, settings));
    if (root) st = list_genes(in, set.matrix, genes);
    SCP_GOTO(done, scp_agree(comm, st));
    SCP_GOTO(done, scp_prep_run(comm, &set, &inputs));
    SCP_GOTO(done, scp_shard_read(comm, out, d));
done:
    scp_conf_fini(scp_prep_options, &set);
    return st;
}
