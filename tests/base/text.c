/* Strings, numbers, names, memory and the error chain. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "tap.h"

static void numbers(void)
{
    static const struct {
        const char *text;
        double want;
    } good[] = { { "1", 1 },        { " -2.5e-3\t", -2.5e-3 },
                 { "1e-4", 1e-4 },  { ".5", 0.5 },
                 { "+7", 7 },       { "0\n", 0 },
                 { "1e308", 1e308 } };
    static const char *const bad[] = { "",    " ",     "x",    "1,5", "1.5 2", "nan",
                                       "inf", "1e999", "0x10", "1e",  "--1",   "1_000" };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        double x = -1;
        scp_status st = scp_parse_real(good[i].text, &x);
        tap_ok(st == SCP_OK && x == good[i].want, "real \"%.8s\"",
               good[i].text[0] == '0' ? "0" : good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double x = 42;
        tap_fails(scp_parse_real(bad[i], &x), SCP_EDATA, bad[i], "\"%s\" is no real", bad[i]);
        if (x != 42) tap_ok(false, "result untouched by \"%s\"", bad[i]);
    }
    int64_t n = 0;
    tap_ok(scp_parse_int("-9223372036854775808", &n) == SCP_OK && n == INT64_MIN, "least integer");
    tap_ok(scp_parse_int(" 12 ", &n) == SCP_OK && n == 12, "integer between blanks");
    tap_fails(scp_parse_int("9223372036854775808", &n), SCP_EDATA, "64 bits", "integer too large");
    tap_fails(scp_parse_int("1.0", &n), SCP_EDATA, "1.0", "1.0 is no integer");
    tap_fails(scp_parse_int("0x10", &n), SCP_EDATA, "0x10", "hexadecimal is refused");
}

static void printing(void)
{
    static const struct {
        double x;
        const char *want;
    } cases[] = { { 0.1, "0.1" },
                  { 1, "1" },
                  { -2.5, "-2.5" },
                  { 1e-4, "0.0001" },
                  { 1e-5, "1e-05" },
                  { 0.1 + 0.2, "0.30000000000000004" },
                  { 1.0 / 3, "0.3333333333333333" },
                  { 5e-324, "5e-324" },
                  { 0, "0" },
                  { DBL_MAX, "1.7976931348623157e+308" },
                  { -INFINITY, "-inf" } };
    char buf[SCP_REAL_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        tap_text(scp_print_real(cases[i].x, buf), cases[i].want, "shortest text of %s",
                 cases[i].want);
    bool exact = true;
    for (uint32_t i = 0; i < 20000; i++) { /* random bit patterns read back exactly */
        uint32_t w[4];
        double x, back;
        scp_rng_block(5, 0, 0, 0, i, w);
        memcpy(&x, w, sizeof x);
        if (!isfinite(x)) continue;
        exact &= scp_parse_real(scp_print_real(x, buf), &back) == SCP_OK && back == x;
    }
    tap_ok(exact, "20,000 random doubles read back exactly");
    if (setlocale(LC_ALL, "de_DE.UTF-8")) {
        double x = 0;
        tap_text(scp_print_real(0.5, buf), "0.5", "a point under a German locale");
        tap_ok(scp_parse_real("0.5", &x) == SCP_OK && x == 0.5,
               "0.5 is read under a German locale");
        setlocale(LC_ALL, "C");
    } else {
        tap_skip("no de_DE.UTF-8 locale", "numbers under another locale");
    }
}

static void pieces(void)
{
    char trim[] = " \t a b\r\n", empty[] = "  ", split[] = "a,,b,c", all[] = "a,b", *f[8];
    tap_text(scp_str_trim(trim), "a b", "trim");
    tap_text(scp_str_trim(empty), "", "trim of blanks");
    tap_ok(scp_str_split(all, ',', f, 8) == 2 && !strcmp(f[0], "a") && !strcmp(f[1], "b"), "split");
    tap_ok(scp_str_split(split, ',', f, 3) == 4,
           "split reports more fields than there is room for");
    tap_text(f[1], "", "an empty field is a field");
    tap_text(f[2], "b,c", "the last field keeps the rest");
    tap_ok(scp_str_distance("kitten", "sitting") == 3, "distance kitten, sitting");
    tap_ok(scp_str_distance("", "abc") == 3 && scp_str_distance("abc", "abc") == 0,
           "distance at the ends");
    char small[8];
    tap_st(scp_str_format(small, sizeof small, "%s", "1234567"), "a text that just fits");
    tap_fails(scp_str_format(small, sizeof small, "%s", "12345678"), SCP_EUSAGE, "too long",
              "a text too long by one");
    scp_strbuf b = { 0 };
    bool good = true;
    for (int i = 0; i < 1000; i++) good &= scp_strbuf_addf(&b, "%d,", i % 10) == SCP_OK;
    tap_ok(good && b.len == 2000 && strlen(b.text) == 2000, "buffer grows");
    scp_strbuf_fini(&b);
    tap_ok(!b.text && b.len == 0, "buffer is empty after fini");
}

static void names(void)
{
    scp_names *n;
    size_t index, bad = 0;
    char text[32];
    if (!tap_st(scp_names_create(&n), "create names")) return;
    for (size_t i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "gene-%zu", i);
        if (scp_names_add(n, text, &index) != SCP_OK || index != i) bad++;
    }
    tap_ok(bad == 0 && scp_names_count(n) == 5000, "5,000 names get consecutive numbers");
    tap_ok(scp_names_add(n, "gene-77", &index) == SCP_OK && index == 77,
           "a known name keeps its number");
    tap_ok(scp_names_count(n) == 5000, "and is not counted again");
    tap_ok(scp_names_find(n, "gene-4999") == 4999, "find");
    tap_ok(scp_names_find(n, "gene-5000") == -1, "find what is absent");
    tap_text(scp_names_get(n, 123), "gene-123", "get by number");
    tap_ok(scp_names_get(n, 5000) == NULL, "get beyond the end");
    tap_ok(scp_names_add(n, "", NULL) == SCP_OK && scp_names_find(n, "") == 5000, "the empty name");
    scp_names_destroy(&n);
    tap_ok(n == NULL, "destroy nulls the pointer");
    scp_names_destroy(&n);
}

static scp_status inner(void)
{
    SCP_FAIL(SCP_EDATA, "row %d is negative", 7);
}

static scp_status outer(bool by_goto)
{
    scp_status st = SCP_OK;
    if (!by_goto) SCP_TRY(inner());
    SCP_GOTO(done, inner());
done:
    SCP_KEEP(st, SCP_EIO);
    return st;
}

static void errors(void)
{
    tap_ok(outer(false) == SCP_EDATA, "SCP_TRY hands the status on");
    tap_text(scp_err_message(), "row 7 is negative", "message of the innermost frame");
    tap_ok(strstr(scp_err_chain(), "inner()") != NULL, "the chain has the call's text");
    tap_ok(outer(true) == SCP_EDATA, "cleanup never hides the first failure");
    int lines = 0;
    for (const char *c = scp_err_chain(); *c; c++) lines += *c == '\n';
    tap_ok(lines == 2, "a new error starts a new chain");
    for (int i = 0; i < 1000; i++)
        (void)scp_err_frame(SCP_EIO, "file.c", i, "a call of some length");
    tap_ok(strlen(scp_err_chain()) < 8192, "a deep chain is cut, not overrun");
    scp_err_clear();
    tap_text(scp_err_chain(), "", "clear");
    tap_ok(scp_status_exit_code(SCP_EUSAGE) == 64 && scp_status_exit_code(SCP_EREQUEUE) == 85,
           "exit codes");
    tap_text(scp_status_text((scp_status)-99), scp_status_text(SCP_EINTERNAL), "an unknown status");
}

static void memory(void)
{
    double *x;
    tap_st(scp_alloc(0, sizeof *x, &x), "no elements");
    tap_ok(x != NULL, "give a pointer all the same");
    free(x);
    tap_fails(scp_alloc(SIZE_MAX / 4, sizeof *x, &x), SCP_ENOMEM, "does not fit",
              "overflow of a size");
    tap_ok(x == NULL, "result is NULL then");
    int *v = NULL;
    size_t have = 0;
    tap_st(scp_grow(&v, &have, 3, sizeof *v), "grow from nothing");
    v[0] = 5;
    tap_st(scp_grow(&v, &have, 1000, sizeof *v), "grow");
    bool zero = true;
    for (size_t i = 1; i < have; i++) zero &= v[i] == 0;
    tap_ok(v[0] == 5 && zero && have >= 1000, "old elements stay, new ones are zero");
    tap_fails(scp_grow(&v, &have, SIZE_MAX / 2, sizeof *v), SCP_ENOMEM, "does not fit",
              "grow too far");
    tap_ok(v[0] == 5, "and keep what there was");
    free(v);
    tap_ok(scp_mem_peak_mib() > 0.5, "peak memory is known");
}

static void hashes(void)
{
    /* XXH3_64bits of the empty input with seed 0, from the xxHash specification's test vectors. */
    tap_ok(scp_hash_text("", 0) == UINT64_C(0x2d06800538d394c2), "XXH3 of nothing");
    const char text[] = "the same bytes in two pieces";
    scp_hasher *h = scp_hasher_create();
    scp_hasher_add(h, text, 9);
    scp_hasher_add(h, text + 9, strlen(text) - 9);
    tap_ok(scp_hasher_value(h) == scp_hash_bytes(text, strlen(text), 0),
           "streaming equals one piece");
    scp_hasher_destroy(&h);
    tap_ok(h == NULL && scp_hash_text("a", 1) != scp_hash_text("a", 2), "seeds matter");
}

int main(void)
{
    numbers();
    printing();
    pieces();
    names();
    errors();
    memory();
    hashes();
    char utc[32];
    scp_clock_utc(utc, sizeof utc);
    tap_ok(strlen(utc) == 20 && utc[10] == 'T' && utc[19] == 'Z', "time as ISO 8601: %s", utc);
    return tap_done();
}
