/* scppdm_ablate: one ablation of the paper's App. F from training to a table row. Only settings
 * differ from the full model; the autoencoder and its latents are those of the run folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/run.h"
#include "base/fs.h"
#include "base/log.h"

static const struct ablation {
    char letter;
    const char *key, *value, *what;
} ablations[] = {
    { 'A', "model.inject", "none", "no condition" },
    { 'B', "model.inject", "concat_mlp", "Concat+MLP in place of GD-Attn" },
    { 'C', "model.drug_encoder", "id", "drug number in place of structure" },
    { 'D', "guidance.kind", "single", "one guidance channel" },
    { 'E', "guidance.dose_map", "constant", "constant drug guidance" },
    { 'F', "model.inject", "concat_attn", "Concat+Attn in place of GD-Attn" },
};

enum { N_ABLATIONS = sizeof ablations / sizeof ablations[0] };

static scp_status choose(const scp_run_settings *s, const scp_text_list *args,
                         const struct ablation **out)
{
    int64_t index = s->ablate.index;
    if (args->n == 1 && args->v[0][0] && !args->v[0][1])
        for (index = 0; index < N_ABLATIONS && ablations[index].letter != args->v[0][0]; index++)
            continue;
    else if (args->n)
        SCP_FAIL(SCP_EUSAGE, "give one ablation, A to F");
    if (index < 0 || index >= N_ABLATIONS)
        SCP_FAIL(
            SCP_EUSAGE,
            "name the ablation: a letter A to F, or --index 0 to 5 (a job array's task number)");
    *out = &ablations[index];
    return SCP_OK;
}

scp_status scp_run_ablate(scp_comm *comm, scp_run_settings *s, const scp_text_list *args)
{
    const struct ablation *a = NULL;
    char name[32];
    SCP_TRY(choose(s, args, &a));
    SCP_TRY(scp_str_format(name, sizeof name, "ablation-%c", a->letter));
    SCP_TRY(scp_conf_set(scp_run_groups, s, a->key, a->value, name));
    SCP_TRY(scp_conf_set(scp_run_groups, s, "model", name, name));
    SCP_TRY(scp_conf_set(scp_run_groups, s, "eval.models", name, name));
    SCP_TRY(scp_conf_set(scp_run_groups, s, "eval.h5ad", "false", name));
    scp_log(SCP_LOG_INFO, "ablation %c: %s (%s=%s)", a->letter, a->what, a->key, a->value);
    SCP_TRY(scp_run_train(comm, s));
    return scp_run_eval(comm, s);
}
