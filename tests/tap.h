/* Test Anything Protocol for C tests. A test calls tap_ok and friends, then returns tap_done(). */
#ifndef SCP_TESTS_TAP_H
#define SCP_TESTS_TAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/** One result line; prints only when tap_set_silent(false). Returns cond. */
bool tap_ok(bool cond, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** |got - want| <= tol (NaN equals NaN); prints both on failure. */
bool tap_near(double got, double want, double tol, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/** |got - want| <= tol * max(1, |want|). */
bool tap_rel(double got, double want, double tol, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool tap_text(const char *got, const char *want, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** st == SCP_OK; prints the error chain on failure. */
bool tap_st(scp_status st, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** st == want and the error message contains `part`. Clears the chain. */
bool tap_fails(scp_status st, scp_status want, const char *part, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void tap_skip(const char *reason, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tap_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** Ranks other than 0 stay silent but still count (an MPI test reduces its conditions first). */
void tap_set_silent(bool silent);
/** The whole test cannot run here: prints "1..0 # SKIP reason" and returns 0 for main. */
int tap_skip_all(const char *reason);
/** Print the plan; exit code for main: 0 when all passed. */
int tap_done(void);

/** Is this the long run of `make check-long` ($SCP_TEST_LONG)? Such a test then tries more. */
bool tap_long(void);

/** A fresh folder under $TMPDIR, removed at exit. Borrowed. */
const char *tap_tmpdir(void);
/** Path of a real data file: $SCPPDM_DATA or ../shared/data beside the source tree; NULL if absent.
 */
const char *tap_data(const char *name);

#endif
