/* Reading a status file, and whether the process that wrote it still lives, see beat.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "train/beat.h"
#include "train/beat_process.h"

/* Without a sign for so long a run on another machine counts as dead: a network file system may
 * show a file a minute late. */
#define SECONDS_UNTIL_DEAD 90.0

void scp_beat_boot(char *buf, size_t size)
{
    char boot[64] = "", space[64] = "";
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    buf[0] = '\0';
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    if (f && n > 0 && fgets(boot, sizeof boot, f))
        snprintf(buf, size, "%.*s %s", (int)strcspn(boot, "\n"), boot, space);
    if (f) fclose(f);
}

int64_t scp_beat_process(int64_t pid, char *state)
{
    enum { START_TIME = 22 }; /* field of /proc/<pid>/stat, the first is 1 */
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *f = fopen(path, "re");
    if (!f) return -1;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    char *at = strrchr(text, ')'); /* behind the name, which may hold anything */
    if (!at) return -1;
    if (state) *state = at[1] ? at[2] : '\0';
    for (int field = 2; at && field < START_TIME; field++) at = strchr(at + 1, ' ');
    return at ? strtoll(at, NULL, 10) : -1;
}

static const char *text_of(const scp_json *v, const char *key)
{
    const char *text = "";
    if (scp_json_as_text(scp_json_get(v, key), key, &text) != SCP_OK) {
        scp_err_clear();
        return "";
    }
    return text;
}

static int64_t int_of(const scp_json *v, const char *key, int64_t missing)
{
    int64_t x;
    if (scp_json_as_int(scp_json_get(v, key), key, &x) == SCP_OK) return x;
    scp_err_clear();
    return missing;
}

static double real_of(const scp_json *v, const char *key)
{
    double x;
    if (scp_json_as_real(scp_json_get(v, key), key, &x) == SCP_OK) return x;
    scp_err_clear();
    return NAN;
}

static void get_facts(const scp_json *v, scp_beat_facts *f)
{
    *f = (scp_beat_facts){ .step = int_of(v, "step", 0),
                           .steps = int_of(v, "steps", 0),
                           .resumed_from = int_of(v, "resumed_from", 0),
                           .restarts = int_of(v, "restarts", 0),
                           .checkpoint = int_of(v, "checkpoint", -1),
                           .skipped = int_of(v, "skipped", 0),
                           .loss = real_of(v, "loss"),
                           .samples_per_second = real_of(v, "samples_per_second"),
                           .seconds_left = real_of(v, "seconds_left"),
                           .ranks = (int)int_of(v, "ranks", 1) };
}

/* Does the process live that says it runs? On its own machine that is known; elsewhere its last
 * sign has to be young. */
static void judge(const scp_json *v, scp_beat_view *out)
{
    char boot[128], state = '\0';
    scp_beat_boot(boot, sizeof boot);
    bool here = boot[0] && strcmp(boot, text_of(v, "boot")) == 0;
    double age = here ? scp_clock_seconds() - real_of(v, "clock")
                      : scp_clock_wall() - real_of(v, "wall");
    out->age = isfinite(age) ? fmax(age, 0) : -1;
    if (out->state != SCP_BEAT_RUNNING) return;
    if (here) {
        if (scp_beat_process(out->pid, &state) != int_of(v, "pid_start", -2) || state == 'Z' ||
            state == 'X')
            out->state = SCP_BEAT_DEAD;
        out->halted = state == 'T' || state == 't';
    } else if (out->age < 0 || out->age > SECONDS_UNTIL_DEAD) {
        out->state = SCP_BEAT_DEAD;
    }
}

scp_status scp_beat_read(const char *path, scp_beat_view *out)
{
    scp_json *v = NULL;
    *out = (scp_beat_view){ .state = SCP_BEAT_DEAD };
    SCP_TRY(scp_json_load(path, &v));
    const char *state = text_of(v, "state");
    for (int s = 0; s < SCP_BEAT_DEAD; s++)
        if (strcmp(state, scp_beat_state_name((scp_beat_state)s)) == 0)
            out->state = (scp_beat_state)s;
    snprintf(out->stage, sizeof out->stage, "%s", text_of(v, "stage"));
    snprintf(out->host, sizeof out->host, "%s", text_of(v, "host"));
    snprintf(out->job, sizeof out->job, "%s", text_of(v, "job"));
    snprintf(out->started, sizeof out->started, "%s", text_of(v, "started"));
    snprintf(out->updated, sizeof out->updated, "%s", text_of(v, "updated"));
    snprintf(out->message, sizeof out->message, "%s", text_of(v, "message"));
    out->pid = int_of(v, "pid", -1);
    out->idle = real_of(v, "idle");
    get_facts(v, &out->facts);
    judge(v, out);
    scp_json_destroy(&v);
    return SCP_OK;
}
