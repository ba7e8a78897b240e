/* Files and folders, see fs.h. System errors become SCP_EIO, a missing input SCP_ENOINPUT. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

bool scp_fs_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool scp_fs_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static scp_status read_error(const char *what, const char *path)
{
    bool missing = errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    SCP_FAIL(missing ? SCP_ENOINPUT : SCP_EIO, "cannot %s %s: %s", what, path, strerror(errno));
}

static scp_status write_error(const char *what, const char *path)
{
    SCP_FAIL(SCP_EIO, "cannot %s %s: %s", what, path, strerror(errno));
}

scp_status scp_fs_size(const char *path, int64_t *bytes)
{
    struct stat info;
    if (stat(path, &info) != 0) return read_error("read", path);
    *bytes = (int64_t)info.st_size;
    return SCP_OK;
}

scp_status scp_fs_stamp_get(const char *path, scp_fs_stamp *out)
{
    struct stat info;
    if (stat(path, &info) != 0)
        SCP_FAIL(SCP_ENOINPUT, "cannot read %s: %s", path, strerror(errno));
    out->bytes = (int64_t)info.st_size;
    out->modified = (int64_t)info.st_mtim.tv_sec * 1000000000 + (int64_t)info.st_mtim.tv_nsec;
    return SCP_OK;
}

scp_status scp_fs_mkdirs(const char *path)
{
    char part[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(part, sizeof part, "%s", path));
    for (char *at = part + 1;; at++) {
        char kept = *at;
        if (kept != '/' && kept != '\0') continue;
        *at = '\0';
        if (mkdir(part, 0777) != 0 && !(errno == EEXIST && scp_fs_is_dir(part)))
            return write_error("create folder", part);
        if (kept == '\0') return SCP_OK;
        *at = kept;
    }
}

scp_status scp_fs_check_writable(const char *dir)
{
    char probe[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(probe, sizeof probe, "%s/.scppdm-probe.%ld", dir, (long)getpid()));
    int fd = open(probe, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return write_error("create files in folder", dir);
    close(fd);
    unlink(probe);
    return SCP_OK;
}

bool scp_fs_from_program(char *buf, size_t size, const char *place)
{
    char self[SCP_PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash) return false;
    int len = snprintf(buf, size, "%.*s/%s", (int)(slash - self), self, place);
    return len > 0 && (size_t)len < size && scp_fs_exists(buf);
}

scp_status scp_fs_join(char *buf, size_t size, const char *dir, const char *name)
{
    size_t n = strlen(dir);
    const char *slash = n == 0 || dir[n - 1] == '/' ? "" : "/";
    return scp_str_format(buf, size, "%s%s%s", dir, slash, name);
}

scp_status scp_fs_read_text(const char *path, char **text, size_t *len)
{
    scp_status st = SCP_OK;
    scp_strbuf b = { 0 };
    char chunk[16384];
    *text = NULL;
    if (scp_fs_is_dir(path)) SCP_FAIL(SCP_ENOINPUT, "%s is a folder, a file is required", path);
    FILE *f = fopen(path, "re");
    if (!f) return read_error("open", path);
    size_t n;
    SCP_GOTO(done, scp_strbuf_addn(&b, "", 0));
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        SCP_GOTO(done, scp_strbuf_addn(&b, chunk, n));
    if (ferror(f)) st = read_error("read", path);
done:
    fclose(f);
    if (st != SCP_OK) {
        scp_strbuf_fini(&b);
        return st;
    }
    *text = b.text;
    if (len) *len = b.len;
    return SCP_OK;
}

scp_status scp_fs_tmp_name(char *buf, size_t size, const char *path)
{
    char host[64] = "";
    if (gethostname(host, sizeof host - 1) != 0 || !host[0])
        SCP_TRY(scp_str_format(host, sizeof host, "host"));
    host[strcspn(host, ".")] = '\0';
    return scp_str_format(buf, size, "%s.tmp.%s.%ld", path, host, (long)getpid());
}

/* fsync a file or a folder by name. */
static scp_status sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) return write_error("open for fsync", path);
    int rc = fsync(fd), why = errno;
    close(fd);
    errno = why;
    /* Some file systems refuse fsync on a folder; the rename itself has already happened. */
    if (rc != 0 && !(errno == EINVAL && (flags & O_DIRECTORY))) return write_error("fsync", path);
    return SCP_OK;
}

scp_status scp_fs_commit(const char *tmp, const char *path)
{
    char copy[SCP_PATH_MAX];
    SCP_TRY(scp_str_format(copy, sizeof copy, "%s", path));
    scp_status st = sync_path(tmp, O_RDONLY);
    if (st == SCP_OK && rename(tmp, path) != 0) st = write_error("rename a temporary to", path);
    if (st == SCP_OK) return sync_path(dirname(copy), O_RDONLY | O_DIRECTORY);
    scp_fs_remove(tmp);
    return st;
}

scp_status scp_fs_write_fd(int fd, const void *data, size_t n, const char *path)
{
    const size_t most = (size_t)1 << 30; /* of one call */
    for (const char *at = data; n > 0;) {
        ssize_t done = write(fd, at, n < most ? n : most);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return write_error("write", path);
        at += done;
        n -= (size_t)done;
    }
    return SCP_OK;
}

scp_status scp_fs_sync(const char *path)
{
    return sync_path(path, O_RDONLY);
}

/* Write a temporary with the text. */
static scp_status write_tmp(const char *tmp, const char *path, const char *text, size_t len)
{
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return write_error("write", path);
    scp_status st = scp_fs_write_fd(fd, text, len, path);
    if (close(fd) != 0 && st == SCP_OK) st = write_error("write", path);
    if (st != SCP_OK) scp_fs_remove(tmp);
    return st;
}

scp_status scp_fs_write_text(const char *path, const char *text, size_t len)
{
    char tmp[SCP_PATH_MAX];
    SCP_TRY(scp_fs_tmp_name(tmp, sizeof tmp, path));
    SCP_TRY(write_tmp(tmp, path, text, len));
    return scp_fs_commit(tmp, path);
}

scp_status scp_fs_post_text(const char *path, const char *text, size_t len)
{
    char tmp[SCP_PATH_MAX];
    SCP_TRY(scp_fs_tmp_name(tmp, sizeof tmp, path));
    SCP_TRY(write_tmp(tmp, path, text, len));
    if (rename(tmp, path) == 0) return SCP_OK;
    scp_status st = write_error("rename a temporary to", path);
    scp_fs_remove(tmp);
    return st;
}

/* Is this the name of a temporary, of file `of` or (NULL) of any? */
static bool is_tmp(const char *name, const char *of)
{
    const char *tail = name;
    for (const char *next; (next = strstr(tail, ".tmp."));) tail = next + 5;
    size_t stem = tail > name ? (size_t)(tail - name) - 5 : 0;
    const char *dot = strchr(tail, '.'); /* behind the name of the node */
    if (dot) tail = dot + 1;
    return stem > 0 && *tail && strspn(tail, "0123456789") == strlen(tail) &&
           (!of || (strlen(of) == stem && memcmp(of, name, stem) == 0));
}

size_t scp_fs_sweep(const char *dir, const char *name)
{
    char found[SCP_PATH_MAX];
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!is_tmp(e->d_name, name)) continue;
        int len = snprintf(found, sizeof found, "%s/%s", dir, e->d_name);
        if (len < 0 || (size_t)len >= sizeof found) continue;
        scp_fs_remove(found);
        n++;
    }
    if (d) closedir(d);
    return n;
}

void scp_fs_remove(const char *path)
{
    unlink(path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

scp_status scp_fs_list(const char *dir, const char *suffix, char ***names, size_t *n)
{
    scp_status st = SCP_OK;
    size_t cap = 0, tail = strlen(suffix);
    *names = NULL;
    *n = 0;
    DIR *d = opendir(dir);
    if (!d) return read_error("list folder", dir);
    SCP_GOTO(done, scp_grow(names, &cap, 1, sizeof **names));
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        bool self = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
        if (self || len < tail || strcmp(e->d_name + len - tail, suffix) != 0) continue;
        SCP_GOTO(done, scp_grow(names, &cap, *n + 1, sizeof **names));
        SCP_GOTO(done, scp_strdup(e->d_name, &(*names)[*n]));
        ++*n;
    }
    qsort(*names, *n, sizeof **names, by_name);
done:
    closedir(d);
    if (st != SCP_OK) {
        scp_fs_list_free(*names, *n);
        *names = NULL;
        *n = 0;
    }
    return st;
}

void scp_fs_list_free(char **names, size_t n)
{
    for (size_t i = 0; names && i < n; i++) free(names[i]);
    free(names);
}
