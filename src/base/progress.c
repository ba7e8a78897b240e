/* Progress, see progress.h. The rate counts from the first update, so that a resumed run, which
 * starts at some thousand units done, shows its own speed. */
#include "base/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define SECONDS_ON_TERMINAL 0.1
#define SECONDS_IN_BATCH    10.0

enum { BAR_CELLS = 24, LINE_BYTES = 512 };

struct scp_progress {
    char *label;
    int64_t total, first, done;
    double began, first_at, shown_at;
    bool enabled, terminal, updated;
    char note[128];
};

scp_status scp_progress_create(const char *label, int64_t total, bool enabled, scp_progress **out)
{
    SCP_TRY(scp_alloc(1, sizeof **out, out));
    scp_progress *p = *out;
    scp_status st = scp_strdup(label, &p->label);
    if (st != SCP_OK) {
        free(p);
        *out = NULL;
        return st;
    }
    const char *term = getenv("TERM");
    p->total = total;
    p->enabled = enabled;
    p->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    p->began = p->shown_at = scp_clock_seconds();
    return SCP_OK;
}

/* 75 -> "1:15", 3675 -> "1:01:15". */
static void print_time(double seconds, char *buf, size_t size)
{
    int64_t s = seconds > 0 ? (int64_t)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(buf, size, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    else
        snprintf(buf, size, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

static void print_figures(const scp_progress *p, double now, bool last, char *buf, size_t size)
{
    char rate[48] = "", time[48], eta[64] = "";
    double speed = now > p->first_at ? (double)(p->done - p->first) / (now - p->first_at) : 0;
    if (speed > 0) snprintf(rate, sizeof rate, ", %.3g/s", speed);
    print_time(now - p->began, time, sizeof time);
    if (!last && speed > 0 && p->total > p->done) {
        char left[48];
        print_time((double)(p->total - p->done) / speed, left, sizeof left);
        snprintf(eta, sizeof eta, ", %s left", left);
    }
    char share[64];
    if (p->total > 0)
        snprintf(share, sizeof share, "%" PRId64 "/%" PRId64 " (%.0f %%)", p->done, p->total,
                 100.0 * (double)p->done / (double)p->total);
    else
        snprintf(share, sizeof share, "%" PRId64, p->done);
    snprintf(buf, size, "%s%s, %s%s%s%s", share, rate, time, eta, p->note[0] ? ", " : "", p->note);
}

static void show_on_terminal(const scp_progress *p, const char *figures)
{
    char line[LINE_BYTES], bar[BAR_CELLS + 4] = "";
    struct winsize window;
    int columns =
        ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 ? window.ws_col : 80;
    if (p->total > 0) {
        int64_t done = p->done < p->total ? p->done : p->total;
        int full = (int)((double)done / (double)p->total * BAR_CELLS);
        bar[0] = '[';
        memset(bar + 1, '#', (size_t)full);
        memset(bar + 1 + full, '.', (size_t)(BAR_CELLS - full));
        memcpy(bar + 1 + BAR_CELLS, "] ", 3);
    }
    snprintf(line, sizeof line, "%s %s%s", p->label, bar, figures);
    fprintf(stderr, "\r\033[K%.*s", columns - 1, line);
    fflush(stderr);
}

static void show(scp_progress *p, double now, bool last)
{
    char figures[LINE_BYTES / 2];
    print_figures(p, now, last, figures, sizeof figures);
    p->shown_at = now;
    if (p->terminal && !last)
        show_on_terminal(p, figures);
    else
        scp_log(SCP_LOG_INFO, "%s %s", p->label, figures);
}

void scp_progress_update(scp_progress *p, int64_t done, const char *note)
{
    if (!p || !p->enabled || scp_log_get_level() < SCP_LOG_INFO) return;
    double now = scp_clock_seconds();
    if (!p->updated) {
        p->updated = true;
        p->first = done;
        p->first_at = now;
    }
    p->done = done;
    snprintf(p->note, sizeof p->note, "%s", note ? note : "");
    if (now - p->shown_at >= (p->terminal ? SECONDS_ON_TERMINAL : SECONDS_IN_BATCH))
        show(p, now, false);
}

void scp_progress_destroy(scp_progress **p)
{
    if (!p || !*p) return;
    if ((*p)->updated) show(*p, scp_clock_seconds(), true);
    free((*p)->label);
    free(*p);
    *p = NULL;
}
