/* Choice of genes. */
#include "data/genes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

enum { BINS = 20 };

scp_status scp_gene_choice_parse(const char *text, scp_gene_choice *out)
{
    SCP_ARG(text && out, "text and result are required");
    *out = (scp_gene_choice){ .rule = SCP_GENES_FILE, .path = text };
    if (strcmp(text, "all") == 0) out->rule = SCP_GENES_ALL;
    if (strncmp(text, "hvg", 3) != 0 || (text[3] != ':' && text[3] != '\0')) return SCP_OK;
    int64_t n = 0;
    if (text[3] != ':' || scp_parse_int(text + 4, &n) != SCP_OK || n < 1)
        SCP_FAIL(SCP_EUSAGE, "genes '%s': say hvg:N with N at least 1, e.g. hvg:2000", text);
    out->rule = SCP_GENES_HVG;
    out->n = (size_t)n;
    return SCP_OK;
}

static bool is_detected(const scp_gene_moments *m, size_t g)
{
    return m->detected[g] > 0 &&
           (double)m->detected[g] >= SCP_GENES_MIN_DETECTED * (double)m->cells;
}

scp_status scp_genes_detected(const scp_gene_moments *m, int32_t **column, size_t *n)
{
    SCP_ARG(m && column && n, "moments and results are required");
    SCP_TRY(scp_alloc(m->G, sizeof **column, column));
    *n = 0;
    for (size_t g = 0; g < m->G; g++)
        if (is_detected(m, g)) (*column)[(*n)++] = (int32_t)g;
    if (*n > 0) return SCP_OK;
    free(*column);
    *column = NULL;
    SCP_FAIL(SCP_EDATA, "no gene is detected in %g of the %lld training cells",
             SCP_GENES_MIN_DETECTED, (long long)m->cells);
}

typedef struct score {
    int32_t gene;
    int bin;
    double mean, dispersion;
} score;

static int compare_score(const void *pa, const void *pb)
{
    const score *a = pa, *b = pb;
    if (a->dispersion != b->dispersion) return a->dispersion > b->dispersion ? -1 : 1;
    return (a->gene > b->gene) - (a->gene < b->gene);
}

static int compare_column(const void *pa, const void *pb)
{
    int32_t a = *(const int32_t *)pa, b = *(const int32_t *)pb;
    return (a > b) - (a < b);
}

/* Detected genes whose profiles vary. */
static size_t score_genes(const scp_gene_moments *m, score *s)
{
    size_t n = 0;
    double count = (double)m->profiles;
    for (size_t g = 0; g < m->G; g++) {
        double mean = m->sum[g] / count, var = m->square[g] / count - mean * mean;
        if (!is_detected(m, g) || mean <= 0 || var <= 1e-12 * mean * mean) continue;
        s[n++] = (score){ .gene = (int32_t)g, .mean = mean, .dispersion = log(var / mean) };
    }
    return n;
}

/* Standardise the dispersions within bins of the mean; a bin of one gene, or of equal ones, gives
 * zero. */
static void standardise(score *s, size_t n)
{
    double low = HUGE_VAL, high = -HUGE_VAL;
    double sum[BINS] = { 0 }, square[BINS] = { 0 };
    size_t count[BINS] = { 0 };
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, s[i].mean);
        high = fmax(high, s[i].mean);
    }
    for (size_t i = 0; i < n; i++) {
        int bin = high > low ? (int)((s[i].mean - low) / (high - low) * BINS) : 0;
        s[i].bin = bin < BINS ? bin : BINS - 1;
        sum[s[i].bin] += s[i].dispersion;
        count[s[i].bin]++;
    }
    for (size_t i = 0; i < n; i++) {
        s[i].dispersion -= sum[s[i].bin] / (double)count[s[i].bin];
        square[s[i].bin] += s[i].dispersion * s[i].dispersion;
    }
    for (size_t i = 0; i < n; i++) {
        double sd =
            count[s[i].bin] > 1 ? sqrt(square[s[i].bin] / (double)(count[s[i].bin] - 1)) : 0;
        s[i].dispersion = sd > 0 ? s[i].dispersion / sd : 0;
    }
}

scp_status scp_genes_variable(const scp_gene_moments *m, size_t N, int32_t **column, size_t *n)
{
    SCP_ARG(m && column && n && m->profiles > 0, "moments of profiles and results are required");
    score *s = NULL;
    SCP_TRY(scp_alloc(m->G, sizeof *s, &s));
    size_t have = score_genes(m, s);
    standardise(s, have);
    qsort(s, have, sizeof *s, compare_score);
    *n = have < N ? have : N;
    scp_status st = scp_alloc(*n, sizeof **column, column);
    for (size_t i = 0; st == SCP_OK && i < *n; i++) (*column)[i] = s[i].gene;
    free(s);
    SCP_TRY(st);
    qsort(*column, *n, sizeof **column, compare_column);
    if (*n > 0) return SCP_OK;
    free(*column);
    *column = NULL;
    SCP_FAIL(SCP_EDATA, "no gene varies between the %lld training profiles",
             (long long)m->profiles);
}

/* Mark the genes that a list names. */
static scp_status mark_listed(char *text, const char *path, const scp_names *known, bool *keep,
                              size_t *missing)
{
    char *line = text;
    for (size_t number = 1; line; number++) {
        char *next = strchr(line, '\n');
        if (next) *next++ = '\0';
        line[strcspn(line, "\t")] = '\0';
        const char *name = scp_str_trim(line);
        if (name[0] != '\0' && name[0] != '#') {
            int64_t at = scp_names_find(known, name);
            *missing += at < 0;
            if (at >= 0 && keep[at])
                SCP_FAIL(SCP_EDATA, "%s:%zu: gene '%s' is listed twice", path, number, name);
            if (at >= 0) keep[at] = true;
        }
        line = next;
    }
    return SCP_OK;
}

scp_status scp_genes_listed(const char *path, char *const *gene, size_t G, int32_t **column,
                            size_t *n, size_t *missing)
{
    SCP_ARG(path && gene && column && n && missing, "path, genes and results are required");
    scp_status st = SCP_OK;
    scp_names *known = NULL;
    char *text = NULL;
    bool *keep = NULL;
    size_t len, at;
    *column = NULL;
    *n = *missing = 0;
    SCP_GOTO(done, scp_fs_read_text(path, &text, &len));
    SCP_GOTO(done, scp_names_create(&known));
    for (size_t g = 0; g < G; g++) SCP_GOTO(done, scp_names_add(known, gene[g], &at));
    SCP_GOTO(done, scp_alloc(G, sizeof *keep, &keep));
    SCP_GOTO(done, mark_listed(text, path, known, keep, missing));
    SCP_GOTO(done, scp_alloc(G, sizeof **column, column));
    for (size_t g = 0; g < G; g++)
        if (keep[g]) (*column)[(*n)++] = (int32_t)g;
    if (*n == 0) SCP_FAIL_GOTO(done, SCP_EDATA, "%s: none of its genes is in the data", path);
done:
    free(keep);
    free(text);
    scp_names_destroy(&known);
    if (st != SCP_OK) {
        free(*column);
        *column = NULL;
    }
    return st;
}
