/* Dose units and the dose label: a list of (name, number, unit) tuples as Python prints it. */
#include "data/dose.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { UNIT_BYTES = 32, NUMBER_BYTES = 64 };

/* 6 significant digits, by way of text: the same double whatever arithmetic led here. */
static double round_dose(double uM)
{
    char text[NUMBER_BYTES];
    double rounded = uM;
    snprintf(text, sizeof text, "%.6g", uM);
    return scp_parse_real(text, &rounded) == SCP_OK ? rounded : uM;
}

scp_status scp_dose_to_uM(double value, const char *unit, double *uM)
{
    static const struct {
        const char *name;
        double times, over;
    } units[] = {
        { "uM", 1, 1 },        { "nM", 1, 1e3 }, { "mM", 1e3, 1 },
        { "M", 1e6, 1 },       { "um", 1, 1 },   { "\xc2\xb5M", 1, 1 },
        { "\xce\xbcM", 1, 1 }, { "nm", 1, 1e3 }, { "pM", 1, 1e6 },
    };
    SCP_ARG(unit && uM, "unit and result are required");
    char name[UNIT_BYTES];
    snprintf(name, sizeof name, "%s", unit);
    const char *trimmed = scp_str_trim(name);
    if (!isfinite(value)) SCP_FAIL(SCP_EDATA, "a dose is missing or not a finite number");
    if (value < 0) SCP_FAIL(SCP_EDATA, "a dose of %g %s is negative", value, trimmed);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(trimmed, units[i].name) == 0) {
            *uM = round_dose(value * units[i].times / units[i].over);
            return SCP_OK;
        }
    SCP_FAIL(SCP_EDATA, "'%s' is not a unit of dose: use pM, nM, uM, mM or M", trimmed);
}

/* The label under the cursor; every function below moves it past what it read. */
typedef struct cursor {
    const char *at;
    const char *whole;
} cursor;

static scp_status malformed(const cursor *c, const char *wanted)
{
    SCP_FAIL(SCP_EDATA,
             "dose label %s: %s expected at character %d; it should look like "
             "[('drug', 0.05, 'uM')]",
             c->whole, wanted, (int)(c->at - c->whole) + 1);
}

static void skip_blanks(cursor *c)
{
    c->at += strspn(c->at, " \t\r\n");
}

static bool next_is(cursor *c, char ch)
{
    skip_blanks(c);
    return *c->at == ch;
}

static scp_status expect(cursor *c, char ch)
{
    const char wanted[] = { '\'', ch, '\'', '\0' };
    if (!next_is(c, ch)) return malformed(c, wanted);
    c->at++;
    return SCP_OK;
}

static int hex_digit(char ch)
{
    if (ch >= '0' && ch <= '9') return ch - '0';
    if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
    if (ch >= 'A' && ch <= 'F') return ch - 'A' + 10;
    return -1;
}

/* Code point to UTF-8; returns the number of bytes. */
static size_t put_utf8(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = n - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(lead[n] | code);
    return n;
}

/* One escape after the back-slash, as Python's repr writes them: \\ \' \" \n \r \t \xhh \uhhhh
 * \Uhhhhhhhh. */
static scp_status read_escape(cursor *c, char *out, size_t *n)
{
    static const char plain[] = "\\'\"nrt", value[] = "\\'\"\n\r\t";
    char kind = *c->at;
    const char *hit = kind ? strchr(plain, kind) : NULL;
    if (hit) {
        c->at++;
        out[(*n)++] = value[hit - plain];
        return SCP_OK;
    }
    int digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (digits == 0) return malformed(c, "an escape such as \\' or \\x27");
    uint32_t code = 0;
    c->at++;
    for (int i = 0; i < digits; i++, c->at++) {
        int d = hex_digit(*c->at);
        if (d < 0) return malformed(c, "a hexadecimal digit");
        code = code << 4 | (uint32_t)d;
    }
    if (code == 0 || code > 0x10ffff) return malformed(c, "a valid code point");
    *n += put_utf8(code, out + *n);
    return SCP_OK;
}

/* A quoted string into out [strlen of the rest + 1]. */
static scp_status read_quoted(cursor *c, char *out)
{
    skip_blanks(c);
    char quote = *c->at;
    size_t n = 0;
    if (quote != '\'' && quote != '"') return malformed(c, "a quoted text");
    for (c->at++; *c->at != quote;) {
        if (*c->at == '\0') return malformed(c, "the closing quote");
        if (*c->at == '\\') {
            c->at++;
            SCP_TRY(read_escape(c, out, &n));
        } else {
            out[n++] = *c->at++;
        }
    }
    c->at++;
    out[n] = '\0';
    return SCP_OK;
}

static scp_status read_number(cursor *c, double *value)
{
    char text[NUMBER_BYTES];
    skip_blanks(c);
    size_t n = strcspn(c->at, ",)] \t\r\n");
    if (n == 0 || n >= sizeof text) return malformed(c, "a number");
    memcpy(text, c->at, n);
    text[n] = '\0';
    if (scp_parse_real(text, value) != SCP_OK) return malformed(c, "a number");
    c->at += n;
    return SCP_OK;
}

/* A label as it stands. */
typedef struct label {
    char *name, *unit; /* of the first drug */
    double value;
    bool several;
} label;

/* ( name , number , unit [,] ) */
static scp_status read_tuple(cursor *c, label *l)
{
    SCP_TRY(expect(c, '('));
    SCP_TRY(read_quoted(c, l->name));
    SCP_TRY(expect(c, ','));
    SCP_TRY(read_number(c, &l->value));
    SCP_TRY(expect(c, ','));
    SCP_TRY(read_quoted(c, l->unit));
    if (next_is(c, ',')) c->at++;
    return expect(c, ')');
}

/* [ tuple [, tuple ...] [,] ]; of several drugs nothing is read but the first. */
static scp_status read_list(cursor *c, label *l)
{
    SCP_TRY(expect(c, '['));
    SCP_TRY(read_tuple(c, l));
    if (next_is(c, ',')) {
        c->at++;
        l->several = next_is(c, '(');
        if (l->several) return SCP_OK;
    }
    SCP_TRY(expect(c, ']'));
    skip_blanks(c);
    return *c->at == '\0' ? SCP_OK : malformed(c, "the end");
}

/* l: label_fini, also after an error. */
static scp_status read_label(const char *text, label *l)
{
    cursor c = { text, text };
    size_t room = strlen(text) + 1;
    *l = (label){ 0 };
    SCP_TRY(scp_alloc(room, 1, &l->name));
    SCP_TRY(scp_alloc(room, 1, &l->unit));
    return read_list(&c, l);
}

static void label_fini(label *l)
{
    free(l->name);
    free(l->unit);
}

scp_status scp_dose_parse_label(const char *text, char **drug, double *uM)
{
    SCP_ARG(text && uM, "label and result are required");
    scp_status st = SCP_OK;
    label l;
    SCP_GOTO(done, read_label(text, &l));
    if (l.several)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "dose label %s holds several drugs: combinations are not supported, remove "
                      "these cells",
                      text);
    SCP_GOTO(done, scp_dose_to_uM(l.value, l.unit, uM));
    if (drug) SCP_GOTO(done, scp_strdup(scp_str_trim(l.name), drug));
done:
    label_fini(&l);
    return st;
}

bool scp_dose_is_missing(const char *text)
{
    static const char *const missing[] = { "", "nan", "NaN", "NA", "<NA>", "None" };
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        if (strcmp(text, missing[i]) == 0) return true;
    return false;
}

/* A number of a known unit, or one that says that there is no dose. */
static scp_status judge(double value, const char *unit, scp_dose *d)
{
    if (value <= 0) {
        d->kind = value < 0 ? SCP_DOSE_NEGATIVE : SCP_DOSE_ZERO;
        return SCP_OK;
    }
    SCP_TRY(scp_dose_to_uM(value, unit, &d->uM));
    d->kind = SCP_DOSE_GIVEN;
    return SCP_OK;
}

scp_status scp_dose_read(const char *text, const char *unit, scp_dose *d)
{
    SCP_ARG(text && d, "text and result are required");
    scp_status st = SCP_OK;
    label l = { 0 };
    double value = 0;
    *d = (scp_dose){ 0 };
    if (scp_dose_is_missing(text)) {
        d->kind = SCP_DOSE_MISSING;
    } else if (text[0] != '[') {
        SCP_ARG(unit, "a number needs a unit");
        SCP_GOTO(done, scp_parse_real(text, &value));
        SCP_GOTO(done, judge(value, unit, d));
    } else {
        SCP_GOTO(done, read_label(text, &l));
        d->kind = SCP_DOSE_COMBINATION;
        if (l.several) goto done;
        SCP_GOTO(done, judge(l.value, l.unit, d));
        SCP_GOTO(done, scp_strdup(scp_str_trim(l.name), &d->drug));
    }
done:
    label_fini(&l);
    return st;
}

void scp_dose_fini(scp_dose *d)
{
    free(d->drug);
    *d = (scp_dose){ 0 };
}
