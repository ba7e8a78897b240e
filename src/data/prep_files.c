/* Locks and folders of a run. */
#include "data/prep_files.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static scp_status dir_name(const char *path, char *dir, size_t size)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return scp_str_format(dir, size, ".");
    return scp_str_format(dir, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

scp_status scp_prep_files_name(const scp_prep_settings *s, scp_prep_files *f)
{
    *f = (scp_prep_files){ 0 };
    if (s->scratch && s->scratch[0])
        return scp_str_format(f->parts, sizeof f->parts, "%s/%s.parts", s->scratch,
                              base_name(s->output));
    return scp_str_format(f->parts, sizeof f->parts, "%s.parts", s->output);
}

static scp_status take_lock(const char *path, bool *works, scp_run_lock **out)
{
    SCP_TRY(scp_run_lock_take(path, works, out));
    if (!*works)
        scp_log(SCP_LOG_WARN,
                "the file system of %s has no locks: see to it yourself that no second run writes "
                "there",
                path);
    return SCP_OK;
}

/* Temporaries of the output: we hold the lock, so whoever made them is dead. */
static scp_status remove_stale(const char *output, const char *dir)
{
    char **name = NULL, path[SCP_PATH_MAX], stem[SCP_PATH_MAX];
    size_t n = 0;
    scp_status st = SCP_OK;
    SCP_TRY(scp_str_format(stem, sizeof stem, "%s.tmp.", base_name(output)));
    SCP_GOTO(done, scp_fs_list(dir, "", &name, &n));
    for (size_t i = 0; i < n; i++) {
        if (strncmp(name[i], stem, strlen(stem)) != 0) continue;
        SCP_GOTO(done, scp_fs_join(path, sizeof path, dir, name[i]));
        scp_log(SCP_LOG_INFO, "%s of a run that was killed is removed", path);
        scp_fs_remove(path);
    }
done:
    scp_fs_list_free(name, n);
    return st;
}

scp_status scp_prep_files_begin(const scp_prep_settings *s, scp_prep_files *f)
{
    char dir[SCP_PATH_MAX], lock[SCP_PATH_MAX];
    bool works = false;
    if (scp_fs_is_dir(s->output)) SCP_FAIL(SCP_EIO, "%s is a folder: name a file", s->output);
    SCP_TRY(dir_name(s->output, dir, sizeof dir));
    SCP_TRY(scp_fs_mkdirs(dir));
    SCP_TRY(scp_fs_check_writable(dir));
    SCP_TRY(scp_str_format(lock, sizeof lock, "%s.lock", s->output));
    SCP_TRY(take_lock(lock, &works, &f->output));
    if (works) SCP_TRY(remove_stale(s->output, dir));
    SCP_TRY(scp_fs_mkdirs(f->parts));
    SCP_TRY(scp_fs_join(lock, sizeof lock, f->parts, "lock"));
    return take_lock(lock, &f->locked, &f->own);
}

void scp_prep_files_end(scp_prep_files *f)
{
    bool made = f->own != NULL;
    scp_run_lock_release(&f->own);
    if (made) (void)rmdir(f->parts); /* refused while parts are in it */
    scp_run_lock_release(&f->output);
}
