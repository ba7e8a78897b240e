/* Limits of memory from /proc, the control groups and Slurm. */
#include "base/memlimit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "base/str.h"

#define UNKNOWN UINT64_MAX

static void lower(scp_memlimit *m, uint64_t bytes, const char *source)
{
    if (bytes < m->bytes) *m = (scp_memlimit){ bytes, source };
}

/* A file that holds one number; "max", or nothing to read: no limit. */
static uint64_t number_in(const char *path)
{
    uint64_t n = UNKNOWN;
    FILE *f = fopen(path, "re");
    if (!f) return UNKNOWN;
    if (fscanf(f, "%" SCNu64, &n) != 1) n = UNKNOWN;
    fclose(f);
    return n;
}

static uint64_t available(const char *root)
{
    char path[SCP_PATH_MAX], line[256];
    uint64_t kib = 0;
    bool found = false;
    if (scp_str_format(path, sizeof path, "%s/proc/meminfo", root) != SCP_OK) return UNKNOWN;
    FILE *f = fopen(path, "re");
    if (!f) return UNKNOWN;
    while (!found && fgets(line, sizeof line, f))
        found = sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1;
    fclose(f);
    return found ? kib << 10 : UNKNOWN;
}

/* Pages of files that a group is charged with: the kernel gives them back when memory is asked for.
 * `prefix` is that of the names in memory.stat. */
static uint64_t page_cache(const char *dir, const char *prefix)
{
    char path[SCP_PATH_MAX], line[256], name[128];
    uint64_t all = 0, n = 0;
    if (scp_str_format(path, sizeof path, "%s/memory.stat", dir) != SCP_OK) return 0;
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "%127s %" SCNu64, name, &n) != 2) continue;
        if (strncmp(name, prefix, strlen(prefix)) != 0) continue;
        const char *what = name + strlen(prefix);
        if (strcmp(what, "inactive_file") == 0 || strcmp(what, "active_file") == 0) all += n;
    }
    fclose(f);
    return all;
}

/* What one group may still take. */
static uint64_t left_in(const char *dir, const char *limit, const char *usage, const char *prefix)
{
    char path[SCP_PATH_MAX];
    if (scp_str_format(path, sizeof path, "%s/%s", dir, limit) != SCP_OK) return UNKNOWN;
    uint64_t most = number_in(path);
    if (most == UNKNOWN || most > (uint64_t)1 << 60) return UNKNOWN; /* v1 says "no limit" so */
    if (scp_str_format(path, sizeof path, "%s/%s", dir, usage) != SCP_OK) return UNKNOWN;
    uint64_t used = number_in(path);
    if (used == UNKNOWN) used = 0;
    uint64_t cache = page_cache(dir, prefix);
    used = used > cache ? used - cache : 0;
    return most > used ? most - used : 0;
}

/* The group of this process and all above it. `line` is one of /proc/self/cgroup: "0::/a/b", or
 * "5:memory:/a/b" in version 1. */
static void lower_by_group(scp_memlimit *m, const char *root, char *line)
{
    char dir[SCP_PATH_MAX], *field[3];
    line[strcspn(line, "\n")] = '\0';
    if (scp_str_split(line, ':', field, 3) < 3) return;
    bool v2 = field[1][0] == '\0';
    if (!v2 && strcmp(field[1], "memory") != 0) return;
    char *group = field[2];
    for (;;) {
        const char *tail = strcmp(group, "/") == 0 ? "" : group;
        if (scp_str_format(dir, sizeof dir, "%s/sys/fs/cgroup%s%s", root, v2 ? "" : "/memory",
                           tail) != SCP_OK)
            return;
        lower(m,
              v2 ? left_in(dir, "memory.max", "memory.current", "")
                 : left_in(dir, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
              "the control group");
        char *slash = strrchr(group, '/');
        if (!slash || slash[1] == '\0') return;
        slash[slash == group] = '\0';
    }
}

scp_memlimit scp_memlimit_read(const char *root)
{
    scp_memlimit m = { UNKNOWN, "" };
    char path[SCP_PATH_MAX], line[SCP_PATH_MAX];
    const char *slurm = getenv("SLURM_MEM_PER_NODE");
    int64_t mib = 0;
    lower(&m, available(root), "MemAvailable");
    if (slurm && scp_parse_int(slurm, &mib) == SCP_OK && mib > 0)
        lower(&m, (uint64_t)mib << 20, "SLURM_MEM_PER_NODE");
    if (scp_str_format(path, sizeof path, "%s/proc/self/cgroup", root) == SCP_OK) {
        FILE *f = fopen(path, "re");
        while (f && fgets(line, sizeof line, f)) lower_by_group(&m, root, line);
        if (f) fclose(f);
    }
    if (m.bytes == UNKNOWN) m = (scp_memlimit){ (uint64_t)1 << 30, "a guess" };
    return m;
}

scp_memlimit scp_memlimit_get(void)
{
    return scp_memlimit_read("");
}
