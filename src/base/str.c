/* Text buffer, number parsing and printing, small string helpers. */
#include "config.h" /* _GNU_SOURCE for strtod_l */

#include "base/str.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

scp_status scp_strbuf_addn(scp_strbuf *b, const char *s, size_t n)
{
    SCP_TRY(scp_grow(&b->text, &b->cap, b->len + n + 1, 1));
    if (n) memcpy(b->text + b->len, s, n);
    b->len += n;
    b->text[b->len] = '\0';
    return SCP_OK;
}

scp_status scp_strbuf_addf(scp_strbuf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    scp_status st = n < 0 ? scp_err_raise(SCP_EINTERNAL, __FILE__, __LINE__, NULL,
                                          "cannot format text by \"%s\"", fmt)
                          : scp_grow(&b->text, &b->cap, b->len + (size_t)n + 1, 1);
    if (st == SCP_OK) b->len += (size_t)vsnprintf(b->text + b->len, (size_t)n + 1, fmt, again);
    va_end(again);
    return st;
}

void scp_strbuf_fini(scp_strbuf *b)
{
    free(b->text);
    *b = (scp_strbuf){ 0 };
}

static bool only_blanks(const char *s)
{
    return s[strspn(s, " \t\r\n")] == '\0';
}

scp_status scp_parse_real(const char *text, double *out)
{
    SCP_ARG(text && out, "text and result are required");
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* glibc's own constant, no allocation */
    char *end;
    double x = strtod_l(text, &end, c);
    freelocale(c);
    if (end == text || !only_blanks(end) || !isfinite(x) || strpbrk(text, "xXnN"))
        SCP_FAIL(SCP_EDATA, "\"%s\" is not a finite number", text);
    *out = x;
    return SCP_OK;
}

scp_status scp_parse_int(const char *text, int64_t *out)
{
    SCP_ARG(text && out, "text and result are required");
    char *end;
    errno = 0;
    long long x = strtoll(text, &end, 10);
    if (end == text || !only_blanks(end)) SCP_FAIL(SCP_EDATA, "\"%s\" is not an integer", text);
    if (errno == ERANGE) SCP_FAIL(SCP_EDATA, "\"%s\" does not fit into 64 bits", text);
    *out = x;
    return SCP_OK;
}

const char *scp_print_real(double x, char buf[SCP_REAL_TEXT])
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = uselocale(c);
    /* A normal double that has a decimal of at most 15 digits prints as it with %.15g. */
    for (int digits = fabs(x) < DBL_MIN ? 1 : DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(buf, SCP_REAL_TEXT, "%.*g", digits, x);
        if (strtod(buf, NULL) == x) break;
    }
    uselocale(before);
    freelocale(c);
    return buf;
}

char *scp_str_trim(char *s)
{
    s += strspn(s, " \t\r\n");
    size_t n = strlen(s);
    while (n > 0 && strchr(" \t\r\n", s[n - 1])) n--;
    s[n] = '\0';
    return s;
}

size_t scp_str_split(char *s, char sep, char **fields, size_t max)
{
    size_t n = 0;
    for (char *at = s; at; n++) {
        char *next = strchr(at, sep);
        if (n < max) fields[n] = at;
        if (next && n + 1 < max) *next = '\0';
        at = next ? next + 1 : NULL;
    }
    return n;
}

size_t scp_str_distance(const char *a, const char *b)
{
    enum { MAX = 64 };
    size_t na = strnlen(a, MAX), nb = strnlen(b, MAX), row[MAX + 1];
    for (size_t j = 0; j <= nb; j++) row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t swap = diagonal + (a[i - 1] != b[j - 1]);
            size_t edit = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = swap < edit ? swap : edit;
        }
    }
    return row[nb];
}

scp_status scp_str_format(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= size)
        SCP_FAIL(SCP_EUSAGE, "\"%.80s...\" is too long: at most %zu characters", size ? buf : "",
                 size ? size - 1 : 0);
    return SCP_OK;
}

/* Length of the valid UTF-8 sequence at s, 0 when there is none. Overlong forms, surrogates and
 * code points beyond U+10FFFF are not valid (RFC 3629). */
static size_t utf8_length(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80) return s[0] != 0;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) return 0;
    if (s[0] == 0xed && s[1] > 0x9f) return 0;
    if (s[0] == 0xf0 && s[1] < 0x90) return 0;
    if (s[0] == 0xf4 && s[1] > 0x8f) return 0;
    return n;
}

size_t scp_str_utf8(const char *text, size_t len)
{
    size_t i = 0;
    for (size_t n; i < len; i += n) {
        n = utf8_length((const unsigned char *)text + i, len - i);
        if (n == 0) return i;
    }
    return len;
}
