/* The report of runs, see report.h. */
#include "report/report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "report/page.h"
#include "report/sections.h"

static scp_status check_runs(char *const *run, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!scp_fs_is_dir(run[i]))
            SCP_FAIL(SCP_ENOINPUT,
                     "run folder %s does not exist: name folders that scppdm_train or "
                     "scppdm_eval wrote",
                     run[i]);
    return SCP_OK;
}

static scp_status add_head(scp_page *p, char *const *run, size_t n)
{
    char now[32];
    time_t t = time(NULL);
    struct tm utc;
    gmtime_r(&t, &utc);
    strftime(now, sizeof now, "%Y-%m-%d %H:%M UTC", &utc);
    scp_strbuf text = { 0 };
    scp_status st = scp_strbuf_addf(&text, "Made by scppdm %s (%s) on %s from", scp_version(),
                                    scp_version_git(), now);
    for (size_t i = 0; i < n && st == SCP_OK; i++)
        st = n == 1 ? scp_strbuf_addf(&text, " %s", run[i])
                    : scp_strbuf_addf(&text, "%s run %zu: %s", i ? "," : "", i + 1, run[i]);
    if (st == SCP_OK) st = scp_page_paragraph(p, "%s", text.text);
    scp_strbuf_fini(&text);
    return st;
}

scp_status scp_report_make(scp_comm *comm, const scp_report_settings *s, char *const *run,
                           size_t n_runs, char *path, size_t size)
{
    char dir[SCP_PATH_MAX];
    scp_page *p = NULL;
    size_t drawn = 0;
    bool root = scp_comm_rank(comm) == 0;
    scp_status st = SCP_OK;
    SCP_ARG(comm && s && run && n_runs && path, "settings and runs are required");
    if (s->output)
        SCP_TRY(scp_str_format(dir, sizeof dir, "%s", s->output));
    else
        SCP_TRY(scp_fs_join(dir, sizeof dir, run[0], "report"));
    SCP_TRY(scp_fs_join(path, size, dir, "index.html"));
    SCP_TRY(scp_agree(comm, root ? check_runs(run, n_runs) : SCP_OK));
    SCP_GOTO(done, scp_agree(comm, root ? scp_page_create(dir, s->title, &p) : SCP_OK));
    SCP_GOTO(done, scp_agree(comm, root ? add_head(p, run, n_runs) : SCP_OK));
    SCP_GOTO(done, scp_sections_add(comm, s, run, n_runs, p));
    if (root) st = scp_page_finish(&p, s->draw ? s->gnuplot : NULL, 2, &drawn);
    SCP_GOTO(done, scp_agree(comm, st));
done:
    scp_page_destroy(&p);
    return st;
}
