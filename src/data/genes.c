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

/* Add one name of the list. */
static scp_status take_name(scp_gene_list *l, const char *name, const scp_names *known,
                            scp_names *listed, size_t cap[2])
{
    size_t at;
    SCP_TRY(scp_names_add(listed, name, &at));
    if (at < l->n) SCP_FAIL(SCP_EDATA, "gene '%s' is listed twice", name);
    SCP_TRY(scp_grow(&l->name, &cap[0], l->n + 1, sizeof *l->name));
    SCP_TRY(scp_grow(&l->column, &cap[1], l->n + 1, sizeof *l->column));
    SCP_TRY(scp_strdup(name, &l->name[l->n]));
    l->column[l->n] = (int32_t)scp_names_find(known, name);
    l->missing += l->column[l->n++] < 0;
    return SCP_OK;
}

static scp_status take_lines(scp_gene_list *l, char *text, const char *path, const scp_names *known,
                             scp_names *listed)
{
    char *line = text;
    size_t cap[2] = { 0 };
    for (size_t number = 1; line; number++) {
        char *next = strchr(line, '\n');
        if (next) *next++ = '\0';
        line[strcspn(line, "\t")] = '\0';
        const char *name = scp_str_trim(line);
        if (name[0] != '\0' && name[0] != '#') {
            scp_status st = take_name(l, name, known, listed, cap);
            if (st == SCP_EDATA)
                SCP_FAIL(SCP_EDATA, "%s:%zu: gene '%s' is listed twice", path, number, name);
            SCP_TRY(st);
        }
        line = next;
    }
    return SCP_OK;
}

scp_status scp_genes_listed(const char *path, char *const *gene, size_t G, scp_gene_list *out)
{
    SCP_ARG(path && gene && out, "path, genes and result are required");
    scp_status st = SCP_OK;
    scp_names *known = NULL, *listed = NULL;
    char *text = NULL;
    size_t len, at;
    *out = (scp_gene_list){ 0 };
    SCP_GOTO(done, scp_fs_read_text(path, &text, &len));
    SCP_GOTO(done, scp_names_create(&known));
    SCP_GOTO(done, scp_names_create(&listed));
    for (size_t g = 0; g < G; g++) SCP_GOTO(done, scp_names_add(known, gene[g], &at));
    SCP_GOTO(done, take_lines(out, text, path, known, listed));
    if (out->n == out->missing)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: none of its %zu genes is in the data", path, out->n);
done:
    free(text);
    scp_names_destroy(&known);
    scp_names_destroy(&listed);
    if (st != SCP_OK) scp_gene_list_fini(out);
    return st;
}

void scp_gene_list_fini(scp_gene_list *l)
{
    if (!l) return;
    scp_fs_list_free(l->name, l->n);
    free(l->column);
    *l = (scp_gene_list){ 0 };
}
