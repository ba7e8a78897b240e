/* Options and report of scppdm_synth. */
#include "app/opt_synth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/team.h"
#include "comm/world.h"

#define AT(member) offsetof(scp_synth_config, member)
#define NUMBER(key, kind, member, top, unit_text, help_text)                                       \
    {                                                                                              \
        key, NULL, kind, AT(member), "-1", -1, top, NULL, unit_text, help_text, NULL               \
    }

#define TABLE(key, member, help_text)                                                              \
    {                                                                                              \
        key, NULL, SCP_OPT_TEXT, AT(member), NULL, 0, 0, NULL, NULL, help_text, NULL               \
    }

const scp_option scp_synth_options[] = {
    { "preset", NULL, SCP_OPT_ENUM, AT(preset), "tiny", 0, 0, SCP_SYNTH_PRESETS, NULL,
      "size of the screen; numbers of -1 below are taken from it", NULL },
    { "profile", NULL, SCP_OPT_ENUM, AT(profile), "learnable", 0, 0, SCP_SYNTH_PROFILES, NULL,
      "mix of effects and nuisance; numbers of -1 below are taken from it", NULL },
    { "seed", NULL, SCP_OPT_INT, AT(seed), "1", 0, -1, NULL, NULL, "seed of all random numbers",
      NULL },
    { "threads", NULL, SCP_OPT_INT, AT(threads), "0", 0, SCP_TEAM_MAX, NULL, NULL,
      "threads of a rank; 0: $OMP_NUM_THREADS, or the CPUs it may run on", NULL },
    { "comm_timeout", "comm-timeout", SCP_OPT_REAL, AT(comm_timeout), "3600", 0, 1e9, NULL, "s",
      "end the job (exit code 75) when ranks wait for each other longer than this: one hangs or is "
      "gone; 0: wait for ever",
      NULL },
    { "table", "drugs-table", SCP_OPT_TEXT, AT(table), NULL, 0, 0, NULL, NULL,
      "drug table (TSV: drug, canonical_smiles, moa-fine) instead of the one that comes with the "
      "program",
      NULL },
    TABLE("samples", samples,
          "sample table of the atlas (TSV, plain or gzip): real wells instead of invented ones"),
    TABLE("grid", grid, "condition grid of the atlas (TSV): cells of every key; with --samples"),
    TABLE("plate-list", plate_list,
          "with --grid: plates to write, such as 1-3,14 (default: as the preset)"),
    NUMBER("fraction", SCP_OPT_REAL, fraction, 1, NULL, "with --grid: share of its cells"),
    TABLE("lines-table", lines_table,
          "cell lines (TSV: Cell_ID_Cellosaur, cell_name, Organ), the first of them are taken"),
    TABLE("genes-table", genes_table,
          "genes (TSV: gene_symbol) in the order of the plates instead of invented names"),
    TABLE("gene-sets", gene_sets,
          "gene sets (GMT): 12 of them are what drugs act on, the paper's two if they are there"),
    NUMBER("plates", SCP_OPT_INT, plates, 99, NULL,
           "plates, in triples of one drug set at 0.05, 0.5, 5 uM"),
    NUMBER("repeat", SCP_OPT_INT, repeat, 1, NULL,
           "1: one more plate, the last drug set at 5 uM again"),
    NUMBER("bridge", SCP_OPT_INT, bridge, 1, NULL,
           "1: the first drug at 0.05 uM in a well of every plate, too"),
    NUMBER("mixed", SCP_OPT_INT, mixed, 1, NULL,
           "1: one more plate, with drugs of all sets at all three doses"),
    { "traps", NULL, SCP_OPT_BOOL, AT(traps), "false", 0, 0, NULL, NULL,
      "add drugs, labels and wells that a reader of Tahoe-100M may stumble over", NULL },
    NUMBER("lines", SCP_OPT_INT, lines, 50, NULL, "cell lines in every well"),
    NUMBER("drugs", SCP_OPT_INT, drugs, 100000, NULL,
           "drugs, the first of the table; at most 94 a triple"),
    NUMBER("genes", SCP_OPT_INT, genes, 62710, NULL, "genes, 24,000 of them expressed"),
    NUMBER("cells", SCP_OPT_REAL, cells, 1e6, "cells", "median cells of a treated key"),
    NUMBER("cells-total", SCP_OPT_INT, cells_total, 1e12, "cells",
           "cells of the screen; lines and drugs that are not set are chosen for it"),
    NUMBER("cells-line-sd", SCP_OPT_REAL, cells_line_sd, 3, NULL,
           "spread of ln cells between lines"),
    NUMBER("cells-key-sd", SCP_OPT_REAL, cells_key_sd, 3, NULL,
           "spread of ln cells between keys of a line"),
    NUMBER("vehicle", SCP_OPT_REAL, vehicle, 1000, NULL,
           "cells of a line in a vehicle well, times those of a key"),
    NUMBER("cells-min", SCP_OPT_INT, cells_min, 1e6, "cells",
           "least cells of a key in a well that worked"),
    NUMBER("failed-wells", SCP_OPT_REAL, failed_wells, 1, NULL,
           "share of wells with 1 to 16 cells a line"),
    { "effects", NULL, SCP_OPT_ENUM, AT(effects), "axes", 0, 0, SCP_SYNTH_EFFECTS, NULL,
      "how directions follow from structures: axes of the fingerprints, or a Gaussian process "
      "whose best prediction truth.h5 holds",
      NULL },
    TABLE("held-out", held_out,
          "with --effects gp: drug names, one a line, predicted from the other drugs (default: "
          "each from all others)"),
    NUMBER("axes", SCP_OPT_INT, axes, 64, NULL,
           "principal axes of the fingerprints that set directions"),
    NUMBER("structure", SCP_OPT_REAL, structure, 1, NULL,
           "share of a drug's direction that follows from them"),
    NUMBER("amplitude", SCP_OPT_REAL, amplitude, 10, NULL, "factor of all true log fold changes"),
    NUMBER("common", SCP_OPT_REAL, common, 10, NULL, "stress response that all drugs share"),
    NUMBER("interaction", SCP_OPT_REAL, interaction, 10, NULL,
           "sd of a line's own part of a direction"),
    NUMBER("inert", SCP_OPT_REAL, inert, 1, NULL, "share of drugs with a tenth of their strength"),
    NUMBER("toxicity", SCP_OPT_REAL, toxicity, 10, NULL,
           "cells of a key x exp(-toxicity magnitude^2)"),
    NUMBER("sigma-plate", SCP_OPT_REAL, sigma_plate, 3, NULL,
           "sd of a plate's log effect on a gene"),
    NUMBER("sigma-well", SCP_OPT_REAL, sigma_well, 3, NULL,
           "sd of a well's effect on five gene axes"),
    NUMBER("ambient", SCP_OPT_REAL, ambient, 1, NULL,
           "share of counts from the well's pooled profile"),
    NUMBER("state", SCP_OPT_REAL, state, 3, NULL,
           "sd of cell state and amplitude of the cell cycle"),
    NUMBER("dispersion", SCP_OPT_REAL, dispersion, 100, NULL,
           "variance = mean + dispersion mean^2"),
    NUMBER("library-sd", SCP_OPT_REAL, library_sd, 3, NULL, "sd of ln library size"),
    NUMBER("depth", SCP_OPT_REAL, depth, 1000, NULL, "factor of the library size"),
    NUMBER("deflate", SCP_OPT_INT, deflate, 9, NULL,
           "compression level of the plates: 1 is fast, by coders for what X is; from 2 on X is "
           "packed by zlib, as h5py and anndata do (4: Tahoe's)"),
    NUMBER("lfc", SCP_OPT_INT, lfc, 1, NULL, "1: log fold changes of all keys in truth.h5"),
    { 0 }
};

scp_status scp_synth_options_finish(scp_synth_config *c, const scp_text_list *operands,
                                    const char *tables)
{
    if (operands->n != 1)
        SCP_FAIL(SCP_EUSAGE, "one output folder is expected, %zu were given", operands->n);
    free(c->out);
    SCP_TRY(scp_strdup(operands->v[0], &c->out));
    if (c->table && *c->table) return SCP_OK;
    char *list, *path[8], near[SCP_PATH_MAX];
    SCP_TRY(scp_strdup(tables, &list));
    size_t n = scp_str_split(list, ':', path, 8);
    scp_status st = SCP_OK;
    free(c->table);
    c->table = NULL;
    for (size_t i = 0; i < n && i < 8 && st == SCP_OK && !c->table; i++)
        if (path[i][0] != '/' && scp_fs_from_program(near, sizeof near, path[i]))
            st = scp_strdup(near, &c->table);
        else if (path[i][0] == '/' && scp_fs_exists(path[i]))
            st = scp_strdup(path[i], &c->table);
    free(list);
    SCP_TRY(st);
    if (!c->table) SCP_FAIL(SCP_ENOINPUT, "no drug table at %s; name one with --table", tables);
    return SCP_OK;
}

/* Microseconds of computing a cell, by what they went into. */
static scp_status report_speed(const scp_synth_report *r, scp_strbuf *out)
{
    double us = 1e6 / (double)r->cells;
    double all = r->seconds_table + r->seconds_draw + r->seconds_pack + r->seconds_write;
    SCP_TRY(scp_strbuf_addf(
        out, "computing, us a cell: tables %.2f, drawing %.2f, packing %.2f, writing %.2f\n",
        us * r->seconds_table, us * r->seconds_draw, us * r->seconds_pack, us * r->seconds_write));
    return scp_strbuf_addf(
        out, "cells/s a core: %.0f drawn, %.0f in the file; %.0f cells/s on %d cores\n\n",
        (double)r->cells / (r->seconds_table + r->seconds_draw), (double)r->cells / all,
        (double)r->cells / r->seconds_wall, r->cores);
}

scp_status scp_synth_report_text(const scp_synth_report *r, scp_strbuf *out)
{
    SCP_TRY(scp_strbuf_addf(
        out, "%zu plates, %zu wells, %zu treated keys, %lld %s, %lld non-zeros\n", r->plates,
        r->wells, r->keys, (long long)r->cells, r->means ? "means of a line in a well" : "cells",
        (long long)r->nonzeros));
    if (!r->means) SCP_TRY(report_speed(r, out));
    SCP_TRY(scp_strbuf_addf(out, "%-32s %12s %12s %8s  %s\n", "", "achieved", "target", "ratio",
                            "from"));
    for (size_t i = 0; i < r->n; i++) {
        const scp_synth_stat *s = &r->stat[i];
        SCP_TRY(scp_strbuf_addf(out, "%-32s %12.4g ", s->name, s->achieved));
        if (isnan(s->target))
            SCP_TRY(scp_strbuf_addf(out, "%12s %8s  not at these settings\n", "-", "-"));
        else
            SCP_TRY(scp_strbuf_addf(out, "%12.4g %8.3f  %s\n", s->target, s->achieved / s->target,
                                    s->source));
    }
    return SCP_OK;
}

scp_status scp_synth_program(scp_comm *comm, scp_synth_config *c, const scp_text_list *operands,
                             const char *tables)
{
    scp_synth_report report;
    scp_strbuf text = { 0 };
    double start = scp_clock_seconds();
    SCP_TRY(scp_synth_options_finish(c, operands, tables));
    SCP_TRY(scp_world_watch(c->comm_timeout, "--comm-timeout"));
    SCP_TRY(scp_synth_run(comm, c, &report));
    if (scp_comm_rank(comm) != 0) return SCP_OK;
    scp_status st = scp_synth_report_text(&report, &text);
    if (st == SCP_OK)
        printf("%s: preset %s\n%s\nwall time %.1f s\n", c->out,
               scp_synth_preset_name((scp_synth_preset)c->preset), text.text,
               scp_clock_seconds() - start);
    scp_strbuf_fini(&text);
    return st;
}
