/* Gene sets: the file in one block of text, names cut out of it in place. */
#include "io/gmt.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/gz.h"

typedef struct span {
    const char *name, *description;
    size_t first, n; /* its genes among all */
} span;

struct scp_gmt {
    char *text;
    scp_names *names; /* of the sets, in their order */
    span *set;
    const char **gene; /* of all sets, one after the other */
    size_t n_sets, cap_sets, n_genes, cap_genes;
};

/* Add the genes of a line behind its name and description: each once, in order. */
static scp_status take_genes(scp_gmt *g, char *rest, span *s)
{
    scp_status st = SCP_OK;
    scp_names *seen = NULL;
    SCP_TRY(scp_names_create(&seen));
    for (char *next; rest; rest = next) {
        next = strchr(rest, '\t');
        if (next) *next++ = '\0';
        const char *gene = scp_str_trim(rest);
        if (!*gene || scp_names_find(seen, gene) >= 0) continue;
        SCP_GOTO(done, scp_names_add(seen, gene, NULL));
        SCP_GOTO(done, scp_grow(&g->gene, &g->cap_genes, g->n_genes + 1, sizeof *g->gene));
        g->gene[g->n_genes++] = gene;
    }
    s->n = g->n_genes - s->first;
done:
    scp_names_destroy(&seen);
    return st;
}

static scp_status take_line(scp_gmt *g, char *line, const char *file, size_t number)
{
    span s = { .first = g->n_genes };
    size_t index;
    char *description = strchr(line, '\t');
    char *genes = description ? strchr(description + 1, '\t') : NULL;
    if (!genes)
        SCP_FAIL(SCP_EDATA,
                 "%s:%zu: no gene set: name, description and genes are expected, "
                 "separated by tabs",
                 file, number);
    *description++ = '\0';
    *genes++ = '\0';
    s.name = scp_str_trim(line);
    s.description = scp_str_trim(description);
    if (!*s.name) SCP_FAIL(SCP_EDATA, "%s:%zu: a gene set without a name", file, number);
    SCP_TRY(scp_names_add(g->names, s.name, &index));
    if (index < g->n_sets)
        SCP_FAIL(SCP_EDATA, "%s:%zu: gene set %s is there twice", file, number, s.name);
    SCP_TRY(take_genes(g, genes, &s));
    if (s.n == 0) SCP_FAIL(SCP_EDATA, "%s:%zu: gene set %s has no gene", file, number, s.name);
    SCP_TRY(scp_grow(&g->set, &g->cap_sets, g->n_sets + 1, sizeof *g->set));
    g->set[g->n_sets++] = s;
    return SCP_OK;
}

static scp_status take_lines(scp_gmt *g, size_t len, const char *file)
{
    size_t good = scp_str_utf8(g->text, len), number = 0;
    char *at = g->text;
    for (size_t i = 0; good < len && i < good; i++) number += at[i] == '\n';
    if (good < len)
        SCP_FAIL(SCP_EDATA, "%s:%zu: byte 0x%02x is not UTF-8 text", file, number + 1,
                 (unsigned char)at[good]);
    if (len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3;
    for (char *next; at; at = next) {
        next = strchr(at, '\n');
        if (next) *next++ = '\0';
        number++;
        if (at[strspn(at, " \t\r")] != '\0') SCP_TRY(take_line(g, at, file, number));
    }
    if (g->n_sets == 0) SCP_FAIL(SCP_EDATA, "%s: no gene set in it", file);
    return SCP_OK;
}

/* Takes over `text` [len], also on failure. */
static scp_status take_text(char *text, size_t len, const char *name, scp_gmt **out)
{
    scp_status st = SCP_OK;
    scp_gmt *g = NULL;
    *out = NULL;
    SCP_GOTO(fail, scp_alloc(1, sizeof *g, &g));
    g->text = text;
    text = NULL;
    SCP_GOTO(fail, scp_names_create(&g->names));
    SCP_GOTO(fail, take_lines(g, len, name));
    *out = g;
    return SCP_OK;
fail:
    free(text);
    scp_gmt_destroy(&g);
    return st;
}

scp_status scp_gmt_read(const char *path, scp_gmt **out)
{
    char *text = NULL;
    size_t len = 0;
    SCP_ARG(path && out, "path and result are required");
    *out = NULL;
    SCP_TRY(scp_gz_read_text(path, &text, &len));
    SCP_TRY(take_text(text, len, path, out));
    return SCP_OK;
}

scp_status scp_gmt_parse(const char *text, size_t len, const char *name, scp_gmt **out)
{
    char *copy = NULL;
    SCP_ARG(text && name && out, "text, name and result are required");
    *out = NULL;
    SCP_TRY(scp_alloc(len + 1, 1, &copy));
    memcpy(copy, text, len);
    SCP_TRY(take_text(copy, len, name, out));
    return SCP_OK;
}

void scp_gmt_destroy(scp_gmt **gp)
{
    scp_gmt *g = gp ? *gp : NULL;
    if (!g) return;
    scp_names_destroy(&g->names);
    free(g->text);
    free(g->set);
    free(g->gene);
    free(g);
    *gp = NULL;
}

size_t scp_gmt_count(const scp_gmt *g)
{
    return g->n_sets;
}

scp_gene_set scp_gmt_set(const scp_gmt *g, size_t i)
{
    const span *s = &g->set[i];
    return (scp_gene_set){ s->name, s->description, g->gene + s->first, s->n };
}

bool scp_gmt_find(const scp_gmt *g, const char *name, scp_gene_set *set)
{
    int64_t i = scp_names_find(g->names, name);
    if (i >= 0) *set = scp_gmt_set(g, (size_t)i);
    return i >= 0;
}
