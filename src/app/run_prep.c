/* What scppdm_prep does: prepare a shard, say how it would, look at files, or check a shard. */
#include "app/app.h"
#include "app/opt_prep.h"
#include "base/mem.h"
#include "base/sig.h"
#include "comm/world.h"
#include "data/inspect.h"
#include "data/prep_inputs.h"
#include "data/verify.h"

/* One file on stdout. */
static scp_status inspect_file(const scp_prep_settings *s, char *path)
{
    scp_status st = SCP_OK;
    scp_inspection x = { 0 };
    scp_strbuf text = { 0 };
    SCP_GOTO(done, scp_prep_inputs_probe(s, &path, 1));
    SCP_GOTO(done, scp_inspect(s, path, &x));
    SCP_GOTO(done, s->json ? scp_inspect_json(&x, &text) : scp_inspect_print(&x, &text));
    scp_app_result(text.text);
done:
    scp_strbuf_fini(&text);
    scp_inspection_fini(&x);
    return st;
}

static scp_status inspect_files(const scp_prep_settings *s, const scp_text_list *files)
{
    if (files->n == 0) SCP_FAIL(SCP_EUSAGE, "no input: name one or more .h5ad files");
    for (size_t i = 0; i < files->n; i++) SCP_TRY(inspect_file(s, files->v[i]));
    return SCP_OK;
}

static void say(void *ctx, const char *line)
{
    (void)ctx;
    scp_app_result(line);
}

static scp_status verify(scp_comm *comm, const scp_prep_settings *s, const scp_text_list *files)
{
    const scp_verify_request r = {
        .shard = s->verify, .inputs = s->inputs[0] ? s->inputs : NULL, .probe = s->probe, .say = say
    };
    if (files->n > 0)
        SCP_FAIL(SCP_EUSAGE, "--verify takes no files; name the folder of the inputs by --inputs");
    return scp_verify_run(comm, &r);
}

/* The plan on stdout. */
static scp_status dry_run(scp_comm *comm, const scp_prep_settings *s, const scp_text_list *files)
{
    scp_strbuf text = { 0 };
    scp_status st = scp_prep_dry_run(comm, s, files, &text);
    if (st == SCP_OK && text.text) scp_app_result(text.text);
    scp_strbuf_fini(&text);
    return st;
}

scp_status scp_prep_program(scp_comm *comm, const scp_prep_settings *s, const scp_text_list *files)
{
    SCP_ARG(comm && s && files, "communicator, settings and files are required");
    scp_mem_return_large(); /* tables of millions of cells come and go */
    const bool looks = s->verify[0] || s->dry_run || s->inspect;
    if (!looks) SCP_TRY(scp_sig_install()); /* a signal ends the run where it can go on later */
    SCP_TRY(scp_world_watch(s->comm_timeout, "--comm-timeout"));
    if (s->verify[0]) return verify(comm, s, files);
    if (s->inputs[0]) SCP_FAIL(SCP_EUSAGE, "--inputs goes with --verify");
    if (s->dry_run && !s->inspect) return dry_run(comm, s, files);
    if (!s->inspect) return scp_prep_run(comm, s, files);
    return scp_agree(comm, scp_comm_rank(comm) == 0 ? inspect_files(s, files) : SCP_OK);
}
