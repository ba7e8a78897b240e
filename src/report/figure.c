/* What figures share, see figures.h and page.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/figures.h"

#include <math.h>

enum { MOST = sizeof((scp_classes *)0)->title / sizeof(char *), TITLE = 34 };

const char *scp_split_title(const char *split)
{
    return strcmp(split, "uc") == 0   ? "Unseen combinations (UC)"
           : strcmp(split, "ud") == 0 ? "Unseen drugs (UD)"
                                      : split;
}

scp_status scp_gnuplot_array(scp_strbuf *script, const char *name, const char *const *text,
                             size_t n)
{
    SCP_TRY(scp_strbuf_addf(script, "array %s[%zu] = [", name, n ? n : 1));
    for (size_t i = 0; i < n; i++) {
        if (i) SCP_TRY(scp_strbuf_addf(script, ", "));
        SCP_TRY(scp_gnuplot_text(script, text[i]));
    }
    return scp_strbuf_addf(script, "%s]\n", n ? "" : "''");
}

scp_status scp_short_text(scp_strbuf *b, const char *name, size_t most)
{
    size_t bytes = 0, chars = 0;
    for (; name[bytes]; bytes++) {
        bool starts = ((unsigned char)name[bytes] & 0xC0) != 0x80;
        if (starts && chars == most) break;
        chars += starts;
    }
    SCP_TRY(scp_strbuf_addn(b, name, bytes));
    return name[bytes] ? scp_strbuf_addf(b, "\xe2\x80\xa6") : SCP_OK;
}

/* The largest label that has no class yet, -1 when none has `least` points. */
static int64_t next_largest(const size_t *count, const int32_t *class, size_t n, size_t least)
{
    int64_t best = -1;
    for (size_t i = 0; i < n; i++)
        if (class[i] < 0 && count[i] >= least && (best < 0 || count[i] > count[best]))
            best = (int64_t)i;
    return best;
}

scp_status scp_classes_make(const int32_t *label, size_t n, const char *const *name, size_t n_names,
                            size_t least, scp_classes *out)
{
    size_t *count = NULL;
    int32_t *class = NULL;
    int64_t at;
    scp_status st = SCP_OK;
    *out = (scp_classes){ 0 };
    SCP_GOTO(done, scp_alloc(n_names, sizeof *count, &count));
    SCP_GOTO(done, scp_alloc(n_names, sizeof *class, &class));
    SCP_GOTO(done, scp_alloc(n, sizeof *out->of, &out->of));
    for (size_t i = 0; i < n; i++)
        if (label[i] >= 0) count[label[i]]++;
    for (size_t i = 0; i < n_names; i++) class[i] = -1;
    while (out->n < MOST && (at = next_largest(count, class, n_names, least)) >= 0) {
        scp_strbuf b = { 0 };
        class[at] = (int32_t)out->n;
        st = scp_short_text(&b, name[at], TITLE);
        if (st == SCP_OK) st = scp_strbuf_addf(&b, " (%zu)", count[at]);
        out->title[out->n++] = b.text;
        SCP_GOTO(done, st);
    }
    for (size_t i = 0; i < n; i++) {
        int32_t c = label[i] < 0 ? -1 : class[label[i]];
        out->of[i] = c < 0 ? (int32_t)out->n : c;
        out->other += c < 0;
    }
done:
    free(count);
    free(class);
    return st;
}

void scp_classes_fini(scp_classes *c)
{
    for (size_t i = 0; i < MOST; i++) free(c->title[i]);
    free(c->of);
    *c = (scp_classes){ 0 };
}

scp_status scp_line_text(const scp_report_run *r, scp_strbuf *b, const char *line, size_t most)
{
    SCP_TRY(scp_short_text(b, line, most));
    return r->s->line_unit && *r->s->line_unit ? scp_strbuf_addf(b, " %s", r->s->line_unit)
                                               : SCP_OK;
}

double scp_tic_step(double range, int most)
{
    static const double round_ones[] = { 1, 2, 5 };
    if (!(range > 0) || !isfinite(range)) return 1;
    const double least = range / most, power = pow(10, floor(log10(least)));
    for (size_t i = 0; i < sizeof round_ones / sizeof *round_ones; i++)
        if (round_ones[i] * power >= least) return round_ones[i] * power;
    return 10 * power;
}
