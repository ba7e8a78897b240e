/* The universe of genes: 62,710 of which 24,000 are expressed. The head of the abundances and the
 * axes of well effects are genes known by name; all others are placed at random. */
#include "data/synth_universe.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "data/synth_rng.h"
#include "io/gmt.h"
#include "io/tsv.h"

enum { HEAD = 300 };

/* Symbols by well axis. The first three lists belong to the head. */
static const char *const mito[] = {
    "MT-ND1", "MT-ND2",  "MT-CO1", "MT-CO2", "MT-ATP8", "MT-ATP6", "MT-CO3",
    "MT-ND3", "MT-ND4L", "MT-ND4", "MT-ND5", "MT-ND6",  "MT-CYB",
};
static const char *const cytoplasm[] = {
    "RPLP0", "RPLP1",  "RPL3",  "RPL4",   "RPL5",   "RPL7",  "RPL8",  "RPL10",  "RPL11",
    "RPL13", "RPL13A", "RPL15", "RPL18A", "RPL19",  "RPL28", "RPL32", "RPL37A", "RPL41",
    "RPS2",  "RPS3",   "RPS4X", "RPS6",   "RPS8",   "RPS12", "RPS14", "RPS16",  "RPS18",
    "RPS19", "RPS23",  "RPS24", "RPS27",  "EEF1A1", "EEF2",
};
static const char *const nuclear[] = { "MALAT1", "NEAT1", "KCNQ1OT1", "SNHG14", "XIST", "MEG3" };
static const char *const stress[] = { "FOS",  "FOSB", "JUN",  "JUNB", "EGR1",
                                      "ATF3", "IER2", "IER3", "DUSP1" };
static const char *const histone[] = { "H1-2",   "H1-4", "H2AC6", "H2BC12",
                                       "H2BC21", "H3C2", "H4C3",  "H2AZ1" };

typedef struct symbols {
    const char *const *name;
    size_t n;
    int axis;
    bool head;
} symbols;
#define COUNT(list) (sizeof(list) / sizeof *(list))
static const symbols named[] = {
    { mito, COUNT(mito), SCP_SYNTH_AXIS_MITO, true },
    { cytoplasm, COUNT(cytoplasm), SCP_SYNTH_AXIS_CYTOPLASM, true },
    { nuclear, COUNT(nuclear), SCP_SYNTH_AXIS_NUCLEAR, true },
    { stress, COUNT(stress), SCP_SYNTH_AXIS_STRESS, false },
    { histone, COUNT(histone), SCP_SYNTH_AXIS_HISTONE, false },
};

/* Ranks of the genes of a table; within a rank the order is random. Ranks below 100 x lists are
 * places in the lists above. */
enum { RANK_HEAD = 1000, RANK_AXIS = 2000, RANK_MEMBER = 3000, RANK_NAMED, RANK_SILENT };

/* ---- gene sets ---- */

/* Programmes that a screen of cancer drugs would show, the two of the paper first. A name may have
 * more before these words, such as HALLMARK_. Sets of other files are taken in their order. */
static const char *const wanted[] = {
    "KRAS_SIGNALING_UP",
    "PI3K_AKT_MTOR_SIGNALING",
    "P53_PATHWAY",
    "E2F_TARGETS",
    "UNFOLDED_PROTEIN_RESPONSE",
    "CHOLESTEROL_HOMEOSTASIS",
    "TNFA_SIGNALING_VIA_NFKB",
    "INTERFERON_ALPHA_RESPONSE",
    "HYPOXIA",
    "MYC_TARGETS_V2",
    "OXIDATIVE_PHOSPHORYLATION",
    "REACTIVE_OXYGEN_SPECIES_PATHWAY",
};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* The sets of the programmes: index [SCP_SYNTH_P] into the file. */
static scp_status choose_sets(const scp_gmt *g, const char *path, size_t index[SCP_SYNTH_P])
{
    size_t n = 0, all = scp_gmt_count(g);
    bool *taken;
    if (all < SCP_SYNTH_P)
        SCP_FAIL(SCP_EDATA, "%s: %zu gene sets, the %d programmes need one each", path, all,
                 SCP_SYNTH_P);
    SCP_TRY(scp_alloc(all, sizeof *taken, &taken));
    for (size_t w = 0; w < COUNT(wanted) && n < SCP_SYNTH_P; w++)
        for (size_t i = 0; i < all; i++)
            if (!taken[i] && ends_with(scp_gmt_set(g, i).name, wanted[w])) {
                taken[i] = true;
                index[n++] = i;
                break;
            }
    for (size_t i = 0; i < all && n < SCP_SYNTH_P; i++)
        if (!taken[i]) index[n++] = i;
    free(taken);
    return SCP_OK;
}

/* Members of the chosen sets: names, and the sets of each as bits. */
typedef struct members {
    scp_names *name;
    uint16_t *sets;
    size_t cap;
} members;

static scp_status read_members(scp_synth_design *d, members *m)
{
    scp_status st = SCP_OK;
    scp_gmt *g = NULL;
    size_t index[SCP_SYNTH_P], at;
    SCP_TRY(scp_names_create(&m->name));
    if (!scp_synth_has_text(d->cfg.gene_sets)) return SCP_OK;
    SCP_GOTO(done, scp_gmt_read(d->cfg.gene_sets, &g));
    SCP_GOTO(done, choose_sets(g, d->cfg.gene_sets, index));
    for (size_t p = 0; p < SCP_SYNTH_P; p++) {
        scp_gene_set s = scp_gmt_set(g, index[p]);
        SCP_GOTO(done, scp_names_add(d->text, s.name, &at));
        d->set[p] = scp_names_get(d->text, at);
        for (size_t i = 0; i < s.n; i++) {
            SCP_GOTO(done, scp_names_add(m->name, s.gene[i], &at));
            SCP_GOTO(done, scp_grow(&m->sets, &m->cap, at + 1, sizeof *m->sets));
            m->sets[at] |= (uint16_t)(1u << p);
        }
    }
done:
    scp_gmt_destroy(&g);
    return st;
}

static uint16_t sets_of(const members *m, const char *symbol)
{
    int64_t at = scp_names_find(m->name, symbol);
    return at < 0 ? 0 : m->sets[at];
}

/* ---- invented names ---- */

static scp_status put(scp_synth_design *d, scp_synth_universe *u, size_t at, const char *symbol,
                      int axis, const members *m)
{
    size_t index;
    if (at >= u->expressed)
        SCP_FAIL(SCP_EDATA, "%s: more genes than the %d that are expressed", d->cfg.gene_sets,
                 SCP_SYNTH_EXPRESSED);
    SCP_TRY(scp_names_add(d->text, symbol, &index));
    u->gene[at].symbol = scp_names_get(d->text, index);
    u->gene[at].axis = (int16_t)axis;
    u->gene[at].sets = sets_of(m, symbol);
    return SCP_OK;
}

/* Known names in front, those of the head below HEAD; then the members of the sets. */
static scp_status invent(scp_synth_design *d, scp_synth_universe *u, const members *m)
{
    size_t in_head = 0, behind = HEAD;
    scp_names *known = NULL;
    scp_status st = SCP_OK;
    u->n = d->G > SCP_SYNTH_EXPRESSED ? d->G : SCP_SYNTH_EXPRESSED;
    u->expressed = SCP_SYNTH_EXPRESSED;
    u->mito = COUNT(mito);
    u->head = HEAD;
    SCP_GOTO(done, scp_names_create(&known));
    SCP_GOTO(done, scp_alloc(u->n, sizeof *u->gene, &u->gene));
    for (size_t i = 0; i < u->n; i++) {
        u->gene[i].axis = -1;
        u->gene[i].position = (uint32_t)scp_rng_permute(
            (uint64_t)d->cfg.seed, SCP_RNG_SYNTH, SCP_SYNTH_S_POSITION, SCP_SYNTH_ATLAS_GENES, i);
    }
    for (size_t l = 0; l < COUNT(named); l++)
        for (size_t i = 0; i < named[l].n; i++) {
            SCP_GOTO(done, scp_names_add(known, named[l].name[i], NULL));
            SCP_GOTO(done, put(d, u, named[l].head ? in_head++ : behind++, named[l].name[i],
                               named[l].axis, m));
        }
    for (size_t i = 0; i < scp_names_count(m->name); i++) {
        const char *symbol = scp_names_get(m->name, i);
        if (scp_names_find(known, symbol) < 0) SCP_GOTO(done, put(d, u, behind++, symbol, -1, m));
    }
done:
    scp_names_destroy(&known);
    return st;
}

/* ---- names of a table ---- */

typedef struct row {
    uint32_t position, rank;
    double order; /* within the rank */
    int axis;
} row;

static int by_rank(const void *pa, const void *pb)
{
    const row *a = pa, *b = pb;
    if (a->rank != b->rank) return a->rank < b->rank ? -1 : 1;
    if (a->order != b->order) return a->order < b->order ? -1 : 1;
    return a->position < b->position ? -1 : a->position > b->position;
}

/* RPL7, RPS4X, RPL13A; not the pseudogenes, RPL7P9, that outnumber them. */
static bool is_ribosomal(const char *s)
{
    if (strncmp(s, "RPL", 3) != 0 && strncmp(s, "RPS", 3) != 0) return false;
    s += 3;
    if (!isdigit((unsigned char)*s)) return false;
    while (isdigit((unsigned char)*s)) s++;
    return *s == '\0' || (s[1] == '\0' && strchr("ALXY", *s));
}

static row rank_of(const char *symbol, uint32_t position, const members *m, uint64_t seed)
{
    row r = { .position = position, .axis = -1 };
    r.order = scp_rng_u01(seed, SCP_RNG_SYNTH, SCP_SYNTH_S_POSITION, position, 1);
    for (uint32_t l = 0; l < COUNT(named); l++)
        for (uint32_t i = 0; i < named[l].n; i++)
            if (strcmp(symbol, named[l].name[i]) == 0) {
                r.rank = (named[l].head ? 0 : RANK_AXIS) + 100 * l + i;
                r.axis = named[l].axis;
                return r;
            }
    r.rank = is_ribosomal(symbol)              ? RANK_HEAD
             : sets_of(m, symbol)              ? RANK_MEMBER
             : strncmp(symbol, "ENSG", 4) == 0 ? RANK_SILENT
                                               : RANK_NAMED;
    return r;
}

static scp_status rank_table(const scp_tsv *t, size_t column, const members *m, uint64_t seed,
                             const char *path, row *r)
{
    scp_status st = SCP_OK;
    scp_names *seen = NULL;
    SCP_TRY(scp_names_create(&seen));
    for (size_t i = 0; i < scp_tsv_n_rows(t); i++) {
        const char *symbol = scp_tsv_text(t, i, column);
        size_t at;
        if (!*symbol || strlen(symbol) >= SCP_SYNTH_SYMBOL)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s:%zu: gene \"%s\": a name has 1 to %d letters", path,
                          scp_tsv_line(t, i), symbol, SCP_SYNTH_SYMBOL - 1);
        SCP_GOTO(done, scp_names_add(seen, symbol, &at));
        if (at < i)
            SCP_FAIL_GOTO(done, SCP_EDATA, "%s:%zu: gene %s is in line %zu, too", path,
                          scp_tsv_line(t, i), symbol, scp_tsv_line(t, at));
        r[i] = rank_of(symbol, (uint32_t)i, m, seed);
    }
done:
    scp_names_destroy(&seen);
    return st;
}

static scp_status take_table(scp_synth_design *d, const scp_tsv *t, size_t column, const row *r,
                             const members *m, scp_synth_universe *u)
{
    for (size_t i = 0; i < u->n; i++) {
        size_t at;
        const char *symbol = scp_tsv_text(t, r[i].position, column);
        SCP_TRY(scp_names_add(d->text, symbol, &at));
        u->gene[i] = (scp_synth_origin){ .symbol = scp_names_get(d->text, at),
                                         .position = r[i].position,
                                         .axis = (int16_t)r[i].axis,
                                         .sets = sets_of(m, symbol) };
        u->mito += r[i].axis == SCP_SYNTH_AXIS_MITO;
    }
    return SCP_OK;
}

/* The head: known names, then ribosomal genes, then what comes first of the others. */
static scp_status read_table(scp_synth_design *d, scp_synth_universe *u, const members *m)
{
    scp_status st = SCP_OK;
    scp_tsv *t = NULL;
    row *r = NULL;
    const char *path = d->cfg.genes_table;
    size_t column;
    SCP_GOTO(done, scp_tsv_read(path, &t));
    SCP_GOTO(done, scp_tsv_column(t, "gene_symbol", &column));
    u->n = scp_tsv_n_rows(t);
    if (u->n < d->G || u->n <= HEAD)
        SCP_FAIL_GOTO(done, SCP_EDATA,
                      "%s: %zu genes; the screen asks for %zu, and %d are the least", path, u->n,
                      d->G, HEAD + 1);
    u->expressed = u->n < SCP_SYNTH_EXPRESSED ? u->n : SCP_SYNTH_EXPRESSED;
    u->head = HEAD;
    SCP_GOTO(done, scp_alloc(u->n, sizeof *r, &r));
    SCP_GOTO(done, scp_alloc(u->n, sizeof *u->gene, &u->gene));
    SCP_GOTO(done, rank_table(t, column, m, (uint64_t)d->cfg.seed, path, r));
    qsort(r, u->n, sizeof *r, by_rank);
    SCP_GOTO(done, take_table(d, t, column, r, m, u));
    if (u->mito == 0)
        SCP_FAIL_GOTO(done, SCP_EDATA, "%s: no mitochondrial gene (MT-ND1, ...) among its symbols",
                      path);
done:
    free(r);
    scp_tsv_destroy(&t);
    return st;
}

scp_status scp_synth_universe_init(scp_synth_design *d, scp_synth_universe *u)
{
    scp_status st = SCP_OK;
    members m = { 0 };
    *u = (scp_synth_universe){ 0 };
    SCP_GOTO(done, read_members(d, &m));
    if (scp_synth_has_text(d->cfg.genes_table))
        SCP_GOTO(done, read_table(d, u, &m));
    else
        SCP_GOTO(done, invent(d, u, &m));
    for (size_t i = 0; i < u->expressed; i++) u->members += u->gene[i].sets != 0;
done:
    scp_names_destroy(&m.name);
    free(m.sets);
    return st;
}

void scp_synth_universe_fini(scp_synth_universe *u)
{
    free(u->gene);
    *u = (scp_synth_universe){ 0 };
}
