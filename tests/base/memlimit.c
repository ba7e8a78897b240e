/* Limits of memory, from files of an invented machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/memlimit.h"
#include "tap.h"

static char root[SCP_PATH_MAX];

static void put(const char *name, const char *text)
{
    char path[SCP_PATH_MAX + 128], dir[SCP_PATH_MAX + 128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    snprintf(dir, sizeof dir, "%s", path);
    *strrchr(dir, '/') = '\0';
    if (scp_fs_mkdirs(dir) != SCP_OK || scp_fs_write_text(path, text, strlen(text)) != SCP_OK)
        abort();
}

static void expect(uint64_t mib, const char *source, const char *what)
{
    const scp_memlimit m = scp_memlimit_read(root);
    tap_ok(m.bytes == mib << 20 && strcmp(m.source, source) == 0, "%s: %llu MiB by %s", what,
           (unsigned long long)(m.bytes >> 20), m.source);
}

int main(void)
{
    unsetenv("SLURM_MEM_PER_NODE");
    snprintf(root, sizeof root, "%s/machine", tap_tmpdir());
    expect(1024, "a guess", "nothing is known");
    put("proc/meminfo", "MemTotal: 65536 kB\nMemAvailable: 40960 kB\n");
    expect(40, "MemAvailable", "a bare machine");
    setenv("SLURM_MEM_PER_NODE", "30", 1);
    expect(30, "SLURM_MEM_PER_NODE", "a job");
    put("proc/self/cgroup", "0::/job/step\n");
    put("sys/fs/cgroup/job/step/memory.max", "max\n");
    put("sys/fs/cgroup/job/memory.max", "26214400\n");
    put("sys/fs/cgroup/job/memory.current", "5242880\n");
    expect(20, "the control group", "a limit of a group above, less what is used");
    put("sys/fs/cgroup/job/memory.stat",
        "anon 1048576\nfile 4194304\ninactive_file 1048576\nactive_file 2097152\n"
        "total_inactive_file 1048576\n");
    expect(23, "the control group", "pages of files are not taken");
    put("sys/fs/cgroup/job/memory.stat", "inactive_file 104857600\n");
    expect(25, "the control group", "nor are they more than what is used");
    put("proc/self/cgroup", "12:cpu:/x\n5:memory:/job\n");
    put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "10485760\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    expect(10, "the control group", "version 1, whose root says that there is no limit");
    put("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "6291456\n");
    put("sys/fs/cgroup/memory/job/memory.stat",
        "inactive_file 1\ntotal_inactive_file 1048576\ntotal_active_file 2097152\n");
    expect(7, "the control group", "version 1, pages of files");
    tap_ok(scp_memlimit_get().bytes > 0, "and on this machine");
    return tap_done();
}
