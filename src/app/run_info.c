/* scppdm_info: what this build and this machine offer, or how a run is doing. */
#include "app/app.h"
#include "app/run.h"
#include "app/run_status.h"
#include "base/version.h"
#include "comm/world.h"
#include "dev/device.h"

static const scp_option rows[] = {
    { "run", NULL, SCP_OPT_TEXT, offsetof(scp_info_settings, run), NULL, 0, 0, NULL, NULL,
      "Run folder whose state to show; the exit code is 0 finished, 75 running, 85 stopped or "
      "killed with a checkpoint (start it again), 70 failed, 66 no run there.",
      NULL },
    { "json", NULL, SCP_OPT_BOOL, offsetof(scp_info_settings, json), "false", 0, 0, NULL, NULL,
      "Show the state of --run as one JSON object.", NULL },
    { 0 },
};

const scp_option_group scp_info_groups[] = { { rows, 0, "run" }, { 0 } };

static scp_status show_build(scp_comm *comm)
{
    int size = scp_comm_size(comm);
    scp_strbuf text = { 0 };
    scp_status st = SCP_OK;
    SCP_GOTO(done,
             scp_strbuf_addf(&text, "scppdm %s (%s)\n%s\ncommunicator: %s, %d rank%s\ndevices:\n",
                             scp_version(), scp_version_git(), scp_version_build(),
                             scp_comm_name(comm), size, size == 1 ? "" : "s"));
    for (size_t i = 0; scp_backends[i]; i++) {
        const char *why = "";
        bool usable = scp_backends[i]->available(&why);
        SCP_GOTO(done,
                 scp_strbuf_addf(&text, "  %-5s %s%s\n", scp_backends[i]->name,
                                 usable ? "available" : "not available: ", usable ? "" : why));
    }
    scp_app_result(text.text);
done:
    scp_strbuf_fini(&text);
    return st;
}

static scp_status show_run(const scp_info_settings *s, int *code)
{
    scp_strbuf text = { 0 };
    scp_status st = scp_run_status(s->run, s->json, &text, code);
    if (st == SCP_OK) scp_app_result(text.text);
    scp_strbuf_fini(&text);
    return st;
}

scp_status scp_run_info(scp_comm *comm, const scp_info_settings *s, int *code)
{
    *code = 0;
    if (!s->run && s->json) SCP_FAIL(SCP_EUSAGE, "--json goes with --run DIR");
    if (scp_comm_rank(comm) != 0) return SCP_OK;
    return s->run ? show_run(s, code) : show_build(comm);
}
