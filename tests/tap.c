/* TAP writer, see tap.h. */
#include "tap.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    int run, failed;
    bool silent;
    char tmp[4096];
    char data[4096];
} tap;

static void line(bool pass, const char *directive, const char *fmt, va_list ap)
{
    tap.run++;
    tap.failed += !pass;
    if (tap.silent) return;
    printf("%sok %d - ", pass ? "" : "not ", tap.run);
    vprintf(fmt, ap);
    printf("%s\n", directive);
    fflush(stdout);
}

#define LINE(pass, directive)                                                                      \
    do {                                                                                           \
        va_list ap;                                                                                \
        va_start(ap, fmt);                                                                         \
        line((pass), (directive), fmt, ap);                                                        \
        va_end(ap);                                                                                \
    } while (0)

bool tap_ok(bool cond, const char *fmt, ...)
{
    LINE(cond, "");
    return cond;
}

bool tap_near(double got, double want, double tol, const char *fmt, ...)
{
    bool pass = (isnan(got) && isnan(want)) || fabs(got - want) <= tol || got == want;
    LINE(pass, "");
    if (!pass) tap_diag("got %.17g, want %.17g, tolerance %g", got, want, tol);
    return pass;
}

bool tap_rel(double got, double want, double tol, const char *fmt, ...)
{
    bool pass = (isnan(got) && isnan(want)) || fabs(got - want) <= tol * fmax(1.0, fabs(want));
    LINE(pass, "");
    if (!pass) tap_diag("got %.17g, want %.17g, relative tolerance %g", got, want, tol);
    return pass;
}

bool tap_text(const char *got, const char *want, const char *fmt, ...)
{
    bool pass = got && want && strcmp(got, want) == 0;
    LINE(pass, "");
    if (!pass) tap_diag("got \"%s\", want \"%s\"", got ? got : "(null)", want ? want : "(null)");
    return pass;
}

bool tap_st(scp_status st, const char *fmt, ...)
{
    LINE(st == SCP_OK, "");
    if (st != SCP_OK) tap_diag("%s\n%s", scp_status_text(st), scp_err_chain());
    return st == SCP_OK;
}

bool tap_fails(scp_status st, scp_status want, const char *part, const char *fmt, ...)
{
    bool pass = st == want && (!part || strstr(scp_err_message(), part));
    LINE(pass, "");
    if (!pass)
        tap_diag("status %s, want %s; message \"%s\" should contain \"%s\"", scp_status_text(st),
                 scp_status_text(want), scp_err_message(), part ? part : "");
    scp_err_clear();
    return pass;
}

void tap_skip(const char *reason, const char *fmt, ...)
{
    char directive[512];
    snprintf(directive, sizeof directive, " # SKIP %s", reason);
    LINE(true, directive);
}

void tap_diag(const char *fmt, ...)
{
    char text[16384];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *s = text, *save; (s = strtok_r(s, "\n", &save)); s = NULL) printf("# %s\n", s);
    fflush(stdout);
}

void tap_set_silent(bool silent)
{
    tap.silent = silent;
}

int tap_skip_all(const char *reason)
{
    printf("1..0 # SKIP %s\n", reason);
    return 0;
}

int tap_done(void)
{
    if (!tap.silent) printf("1..%d\n", tap.run);
    fflush(stdout);
    return tap.failed > 0;
}

bool tap_long(void)
{
    const char *wanted = getenv("SCP_TEST_LONG");
    return wanted && *wanted;
}

static void remove_tmp(void)
{
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", tap.tmp);
    if (tap.tmp[0] && system(command) != 0) tap_diag("cannot remove %s", tap.tmp);
}

const char *tap_tmpdir(void)
{
    if (!tap.tmp[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(tap.tmp, sizeof tap.tmp, "%s/scppdm-test-XXXXXX", base && *base ? base : "/tmp");
        if (!mkdtemp(tap.tmp)) {
            perror(tap.tmp);
            exit(1);
        }
        atexit(remove_tmp);
    }
    return tap.tmp;
}

const char *tap_data(const char *name)
{
    const char *dir = getenv("SCPPDM_DATA"), *top = getenv("top_srcdir");
    if (dir && *dir)
        snprintf(tap.data, sizeof tap.data, "%s/%s", dir, name);
    else
        snprintf(tap.data, sizeof tap.data, "%s/../shared/data/%s", top ? top : ".", name);
    return access(tap.data, R_OK) == 0 ? tap.data : NULL;
}
