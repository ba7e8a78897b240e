/* Checkpoints of a run folder: which is the latest, which may go. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/ckpt.h"

scp_status scp_ckpt_name(char *buf, size_t size, const char *dir, int64_t step)
{
    SCP_TRY(scp_str_format(buf, size, "%s/ckpt-%" PRId64 ".h5", dir, step));
    return SCP_OK;
}

/* The step in "ckpt-<step>.h5", or -1. */
static int64_t step_of(const char *name)
{
    char digits[32];
    int64_t step;
    size_t len = strlen(name);
    if (len < 9 || len >= sizeof digits + 8 || strncmp(name, "ckpt-", 5) != 0 ||
        strcmp(name + len - 3, ".h5") != 0)
        return -1;
    memcpy(digits, name + 5, len - 8);
    digits[len - 8] = '\0';
    if (strspn(digits, "0123456789") != len - 8) return -1;
    if (scp_parse_int(digits, &step) == SCP_OK) return step;
    scp_err_clear();
    return -1;
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Steps of all checkpoints in the folder, newest first. *steps: free. */
static scp_status list_steps(const char *dir, int64_t **steps, size_t *n)
{
    scp_status st = SCP_OK;
    char **names = NULL;
    size_t n_names = 0;
    *steps = NULL;
    *n = 0;
    SCP_TRY(scp_fs_list(dir, ".h5", &names, &n_names));
    SCP_GOTO(done, scp_alloc(n_names, sizeof **steps, steps));
    for (size_t i = 0; i < n_names; i++)
        if (step_of(names[i]) >= 0) (*steps)[(*n)++] = step_of(names[i]);
    qsort(*steps, *n, sizeof **steps, newest_first);
done:
    scp_fs_list_free(names, n_names);
    return st;
}

static scp_status remove_step(const char *dir, int64_t step, const char *why)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_ckpt_name(path, sizeof path, dir, step));
    scp_fs_remove(path);
    if (scp_fs_exists(path)) scp_log(SCP_LOG_WARN, "%s: %s stays", path, why);
    return SCP_OK;
}

/* One newer than that which is published was passed over when the run went on from an older one: it
 * is damaged, or the run was set back. It would count among those kept, or pass for the newest. */
scp_status scp_ckpt_publish(const char *dir, int64_t step, int64_t keep)
{
    scp_status st = SCP_OK;
    char path[SCP_PATH_MAX], latest[SCP_PATH_MAX], line[64];
    int64_t *steps = NULL;
    size_t n = 0, kept = 0;
    SCP_TRY(scp_ckpt_name(path, sizeof path, dir, step));
    SCP_ARG(scp_fs_exists(path), "%s: a checkpoint is committed before it is published", path);
    SCP_TRY(scp_fs_join(latest, sizeof latest, dir, "LATEST"));
    SCP_TRY(scp_str_format(line, sizeof line, "ckpt-%" PRId64 ".h5\n", step));
    SCP_TRY(scp_fs_write_text(latest, line, strlen(line)));
    if (keep <= 0) return SCP_OK;
    SCP_GOTO(done, list_steps(dir, &steps, &n));
    for (size_t i = 0; i < n; i++)
        if (steps[i] > step)
            SCP_GOTO(done, remove_step(dir, steps[i], "a checkpoint that was passed over"));
        else if (kept++ >= (size_t)keep)
            SCP_GOTO(done, remove_step(dir, steps[i], "an old checkpoint"));
done:
    free(steps);
    return st;
}

/* The step that LATEST names; SCP_EDATA when it does not name one. */
static scp_status read_latest(const char *dir, int64_t *step)
{
    char path[SCP_PATH_MAX], *text = NULL;
    size_t len = 0;
    SCP_TRY(scp_fs_join(path, sizeof path, dir, "LATEST"));
    SCP_TRY(scp_fs_read_text(path, &text, &len));
    *step = step_of(scp_str_trim(text));
    free(text);
    if (*step < 0) SCP_FAIL(SCP_EDATA, "%s: does not name a checkpoint", path);
    return SCP_OK;
}

static scp_status open_step(const char *dir, int64_t step, scp_ckpt **out)
{
    char path[SCP_PATH_MAX];
    SCP_TRY(scp_ckpt_name(path, sizeof path, dir, step));
    SCP_TRY(scp_ckpt_open(path, out));
    return SCP_OK;
}

/* Log the error at hand as a warning and forget it. */
static void pass_over(const char *what)
{
    scp_log(SCP_LOG_WARN, "%s; %s", scp_err_message(), what);
    scp_err_clear();
}

scp_status scp_ckpt_latest(const char *dir, scp_ckpt **out, int64_t *step)
{
    scp_status st = SCP_OK;
    int64_t *steps = NULL, named = -1;
    size_t n = 0;
    *out = NULL;
    SCP_GOTO(done, list_steps(dir, &steps, &n));
    if (n == 0)
        SCP_FAIL_GOTO(done, SCP_ENOINPUT, "%s: no checkpoint (ckpt-<step>.h5) in this folder", dir);
    if (read_latest(dir, &named) == SCP_OK && open_step(dir, named, out) == SCP_OK) {
        *step = named;
        goto done;
    }
    pass_over("looking for the newest checkpoint that opens");
    for (size_t i = 0; i < n; i++) {
        if (steps[i] == named) continue;
        if (open_step(dir, steps[i], out) == SCP_OK) {
            *step = steps[i];
            scp_log(SCP_LOG_WARN, "%s: using the checkpoint of step %" PRId64, dir, *step);
            goto done;
        }
        pass_over("looking for an older one");
    }
    SCP_FAIL_GOTO(done, SCP_EDATA, "%s: none of %zu checkpoints opens", dir, n);
done:
    free(steps);
    return st;
}
