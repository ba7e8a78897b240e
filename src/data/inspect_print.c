/* An inspection as a page for people, and as one line of JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonl.h"
#include "data/inspect.h"

static const char *const layout_name[] = { "tahoe", "sciplex", "generic", "bulk" };
static const char *const kind_name[] = { "counts", "log", "linear" };
static const char *const encoding_name[] = {
    [SCP_H5AD_CSR] = "CSR", [SCP_H5AD_CSC] = "CSC", [SCP_H5AD_DENSE] = "dense"
};

/* 314.2 GiB */
static const char *bytes_text(double bytes, char buf[32])
{
    static const char *const unit[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
    int u = 0;
    for (; bytes >= 1024 && u < 4; u++) bytes /= 1024;
    snprintf(buf, 32, u ? "%.1f %s" : "%.0f %s", bytes, unit[u]);
    return buf;
}

/* A label of at most 40 bytes, cut between characters. */
static scp_status add_label(scp_strbuf *out, const char *label)
{
    size_t n = strlen(label), cut = n;
    if (n > 40)
        for (cut = 37; cut > 0 && ((unsigned char)label[cut] & 0xc0) == 0x80; cut--) continue;
    SCP_TRY(scp_strbuf_addn(out, label, cut));
    return cut < n ? scp_strbuf_addf(out, "...") : SCP_OK;
}

/* ---- what the file holds ---- */

static scp_status print_array(const char *name, const scp_h5ad_array *a, scp_strbuf *out)
{
    char size[32];
    SCP_TRY(scp_strbuf_addf(out, "      %-8s %s, ", name, a->type));
    if (a->chunk[0] == 0)
        SCP_TRY(scp_strbuf_addf(out, "in one piece"));
    else if (a->rank > 1)
        SCP_TRY(scp_strbuf_addf(out, "chunks of %zu x %zu", a->chunk[0], a->chunk[1]));
    else
        SCP_TRY(scp_strbuf_addf(out, "chunks of %zu", a->chunk[0]));
    return scp_strbuf_addf(out, ", %s, %s\n", a->filters[0] ? a->filters : "not compressed",
                           bytes_text((double)a->bytes, size));
}

static scp_status print_matrix(const scp_h5ad_matrix_info *m, scp_strbuf *out)
{
    double cells = (double)m->n_rows * (double)m->n_cols;
    SCP_TRY(scp_strbuf_addf(out, "  %s: %s, %zu x %zu", m->name, encoding_name[m->kind], m->n_rows,
                            m->n_cols));
    if (m->kind != SCP_H5AD_DENSE)
        SCP_TRY(scp_strbuf_addf(out, ", %zu values (%.2g %%), %.0f a row", m->data.n,
                                cells > 0 ? 100 * (double)m->data.n / cells : 0,
                                m->n_rows > 0 ? (double)m->data.n / (double)m->n_rows : 0));
    SCP_TRY(scp_strbuf_addf(out, "\n"));
    SCP_TRY(print_array("data", &m->data, out));
    if (m->kind == SCP_H5AD_DENSE) return SCP_OK;
    SCP_TRY(print_array("indices", &m->indices, out));
    SCP_TRY(print_array("indptr", &m->indptr, out));
    if (m->kind == SCP_H5AD_CSC)
        SCP_TRY(scp_strbuf_addf(out,
                                "      stored by genes: rows are put together in groups, and every "
                                "group costs a pass over the file\n"));
    return SCP_OK;
}

static scp_status print_columns(const char *title, const scp_h5ad_column_info *c, size_t n,
                                scp_strbuf *out)
{
    if (n > 0) SCP_TRY(scp_strbuf_addf(out, "%s\n", title));
    for (size_t i = 0; i < n; i++) {
        SCP_TRY(scp_strbuf_addf(out, "  %-20s %s, %zu %s%s%s:", c[i].name, c[i].type, c[i].n_labels,
                                c[i].categorical ? "label" : "value", c[i].n_labels == 1 ? "" : "s",
                                c[i].more ? " in the first rows" : ""));
        for (size_t k = 0; k < c[i].n_shown; k++) {
            SCP_TRY(scp_strbuf_addf(out, k ? ", " : " "));
            SCP_TRY(add_label(out, c[i].label[k]));
        }
        SCP_TRY(scp_strbuf_addf(out, c[i].n_shown < c[i].n_labels ? ", ...\n" : "\n"));
    }
    return SCP_OK;
}

static scp_status print_file(const scp_inspection *x, scp_strbuf *out)
{
    char size[32];
    const scp_h5ad_info *f = &x->info;
    SCP_TRY(scp_strbuf_addf(
        out, "%s: %s, %s\n%zu cells (index '%s') x %zu genes (index '%s'):", x->path, f->era,
        bytes_text((double)f->bytes, size), f->n_obs, f->obs_index, f->n_vars, f->var_index));
    for (size_t g = 0; g < f->n_genes; g++)
        SCP_TRY(scp_strbuf_addf(out, "%s %s", g ? "," : "", f->gene[g]));
    SCP_TRY(scp_strbuf_addf(out, "%s\nmatrices%s\n", f->n_genes < f->n_vars ? ", ..." : "",
                            f->n_matrices == 0 ? ": none" : ""));
    for (size_t i = 0; i < f->n_matrices; i++) SCP_TRY(print_matrix(&f->matrix[i], out));
    SCP_TRY(print_columns("obs columns", f->obs, f->n_obs_columns, out));
    return print_columns("var columns", f->var, f->n_var_columns, out);
}

/* ---- how it would be read ---- */

static scp_status print_values(const scp_inspection *x, scp_strbuf *out)
{
    const scp_inspect_values *v = &x->values;
    if (!x->matrix)
        return scp_strbuf_addf(out, "  values: the matrix to read is not there: choose one with "
                                    "--matrix\n");
    if (!x->matrix->data.readable)
        return scp_strbuf_addf(out,
                               "  values: compressed with a filter that cannot be read here: write "
                               "the file anew with gzip\n");
    SCP_TRY(scp_strbuf_addf(out,
                            "  values of %s: %zu of a sample of %zu are not 0, %zu of them whole, "
                            "%zu negative, the largest %g: ",
                            x->matrix->name, v->n - v->zeros, v->n, v->whole, v->negative, v->max));
    if (x->kind >= 0) return scp_strbuf_addf(out, "they look like %s\n", kind_name[x->kind]);
    return scp_strbuf_addf(out, v->negative > 0 ? "centred or scaled values cannot be averaged; "
                                                  "look for counts in raw/X or a layer\n"
                                : v->not_finite > 0 ? "some are not finite\n"
                                                    : "there is nothing to judge by\n");
}

static scp_status print_roles(const scp_inspection *x, scp_strbuf *out)
{
    for (int r = 0; r < SCP_ROLE_COUNT; r++) {
        const scp_inspect_role *role = &x->role[r];
        SCP_TRY(scp_strbuf_addf(out, "  %-10s ", role->name));
        if (!role->column)
            SCP_TRY(scp_strbuf_addf(out, "%s\n",
                                    r == SCP_ROLE_SMILES ? "from the drug table (--drugs)" : "-"));
        else if (role->found)
            SCP_TRY(scp_strbuf_addf(out, "%s\n", role->column));
        else if (role->other)
            SCP_TRY(scp_strbuf_addf(out, "%s is missing; perhaps %s: %s=%s\n", role->column,
                                    role->other, role->option, role->other));
        else
            SCP_TRY(scp_strbuf_addf(out, "%s is missing: name the column with %s%s\n", role->column,
                                    role->option,
                                    r == SCP_ROLE_LINE || r == SCP_ROLE_DRUG ? ""
                                    : r == SCP_ROLE_SMILES ? ", or give a drug table with --drugs"
                                                           : ", or say that there is none"));
    }
    if (!x->vehicle[0])
        return scp_strbuf_addf(out, "  %-10s not found: name its label with --vehicle\n",
                               "vehicle");
    return scp_strbuf_addf(out, "  %-10s '%s'%s\n", "vehicle", x->vehicle,
                           x->vehicle_guess ? " (a guess)" : "");
}

/* Profiles, sums and files that all cells of this file make. */
static scp_status print_cost(const scp_inspection *x, scp_strbuf *out)
{
    char sums[32], disk[32];
    const scp_inspect_screen *s = &x->screen;
    double genes = (double)(x->matrix ? x->matrix->n_cols : x->info.n_vars);
    return scp_strbuf_addf(
        out,
        "  cost: sums of the largest plate (%zu keys x %.0f genes) %s in all, without sub-bulks; "
        "profiles of all genes %s on disk\n",
        s->largest_plate, genes, bytes_text((double)s->largest_plate * genes * 8, sums),
        bytes_text((double)s->keys * genes * 4, disk));
}

static scp_status print_screen(const scp_inspection *x, scp_strbuf *out)
{
    const scp_inspect_screen *s = &x->screen;
    if (x->why[0]) return scp_strbuf_addf(out, "  no keys: %s\n", x->why);
    SCP_TRY(scp_strbuf_addf(out,
                            "  %" PRId64 " cells in %zu keys; cell lines: %zu, drugs: %zu, "
                            "plates: %zu; %" PRId64 " cells in %zu vehicle keys\n",
                            s->cells, s->keys, s->lines, s->drugs, s->plates, s->vehicle_cells,
                            s->vehicle_keys));
    SCP_TRY(scp_strbuf_addf(out,
                            "  cells of a key: median %" PRId64 "; %zu keys have fewer than "
                            "%" PRId64 "\n  doses in uM:",
                            s->median_cells, s->few, x->min_cells));
    for (size_t i = 0; i < s->n_doses && i < sizeof s->dose / sizeof s->dose[0]; i++)
        SCP_TRY(scp_strbuf_addf(out, "%s %g", i ? "," : "", s->dose[i]));
    SCP_TRY(scp_strbuf_addf(out, "%s\n",
                            s->n_doses > sizeof s->dose / sizeof s->dose[0] ? ", ..."
                            : s->n_doses == 0                               ? " none"
                                                                            : ""));
    if (s->left.cells[SCP_CELL_QUALITY] > 0)
        SCP_TRY(scp_strbuf_addf(out, "  left out: %" PRId64 " cells, whose %s is not '%s'\n",
                                s->left.cells[SCP_CELL_QUALITY], x->map.qc, x->map.qc_value));
    for (int why = SCP_CELL_UNLABELLED; why < SCP_CELL_COUNT; why++)
        if (s->left.cells[why] > 0)
            SCP_TRY(scp_strbuf_addf(out, "  left out: %" PRId64 " cells (%s), the first: %s\n",
                                    s->left.cells[why], scp_cell_left_name((scp_cell_left)why),
                                    s->left.first[why]));
    return print_cost(x, out);
}

/* Text as the shell takes it. */
static scp_status add_quoted(scp_strbuf *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-.,:/+=%@";
    if (text[0] && strspn(text, plain) == strlen(text)) return scp_strbuf_addf(out, "%s", text);
    SCP_TRY(scp_strbuf_addf(out, "'"));
    for (; *text; text++) SCP_TRY(scp_strbuf_addf(out, *text == '\'' ? "'\\''" : "%c", *text));
    return scp_strbuf_addf(out, "'");
}

static scp_status add_option(scp_strbuf *out, const char *option, const char *value)
{
    SCP_TRY(scp_strbuf_addf(out, " %s=", option));
    return add_quoted(out, value ? value : "none");
}

static bool differs(const char *a, const char *b)
{
    return (a == NULL) != (b == NULL) || (a && strcmp(a, b) != 0);
}

scp_status scp_inspect_options(const scp_inspection *x, scp_strbuf *out)
{
    const scp_obs_map preset = scp_obs_map_preset((scp_layout)x->layout), *m = &x->map;
    const struct {
        const char *option, *was, *is;
    } column[] = {
        { "--obs-line", preset.line, m->line },       { "--obs-drug", preset.drug, m->drug },
        { "--obs-dose", preset.dose, m->dose },       { "--obs-dose-unit", preset.unit, m->unit },
        { "--obs-plate", preset.plate, m->plate },    { "--qc-column", preset.qc, m->qc },
        { "--obs-smiles", preset.smiles, m->smiles }, { "--vehicle", preset.vehicle, m->vehicle },
    };
    SCP_TRY(scp_strbuf_addf(out, " --layout=%s", layout_name[x->layout]));
    for (size_t i = 0; i < sizeof column / sizeof column[0]; i++) {
        bool structure = strcmp(column[i].option, "--obs-smiles") == 0;
        if (differs(column[i].was, column[i].is) && (column[i].is || !structure))
            SCP_TRY(add_option(out, column[i].option, column[i].is));
    }
    if (m->qc && differs(preset.qc_value, m->qc_value))
        SCP_TRY(add_option(out, "--qc-value", m->qc_value));
    if (m->dose && !m->unit && (preset.unit || differs(preset.dose_unit, m->dose_unit)))
        SCP_TRY(add_option(out, "--dose-unit", m->dose_unit));
    if (x->matrix && strcmp(x->matrix->name, "X") != 0)
        SCP_TRY(add_option(out, "--matrix", x->matrix->name));
    if (x->kind >= 0 && x->kind != (int)preset.values)
        SCP_TRY(add_option(out, "--values", kind_name[x->kind]));
    return m->smiles ? SCP_OK : scp_strbuf_addf(out, " --drugs=FILE.tsv");
}

scp_status scp_inspect_print(const scp_inspection *x, scp_strbuf *out)
{
    SCP_ARG(x && out, "inspection and text are required");
    SCP_TRY(print_file(x, out));
    SCP_TRY(scp_strbuf_addf(out, "as --layout=%s\n", layout_name[x->layout]));
    SCP_TRY(print_values(x, out));
    SCP_TRY(print_roles(x, out));
    SCP_TRY(print_screen(x, out));
    if (x->why[0]) return SCP_OK;
    SCP_TRY(scp_strbuf_addf(out, "read it with\n  scppdm_prep"));
    SCP_TRY(scp_inspect_options(x, out));
    SCP_TRY(scp_strbuf_addf(out, " --output=shard.h5 "));
    SCP_TRY(add_quoted(out, x->path));
    return scp_strbuf_addf(out, "\n");
}

/* ---- JSON ---- */

static void json_array(scp_jsonl *j, const char *name, const scp_h5ad_array *a)
{
    scp_jsonl_open(j, name);
    scp_jsonl_text(j, "type", a->type);
    scp_jsonl_int(j, "elements", (int64_t)a->n);
    scp_jsonl_int(j, "chunk", (int64_t)a->chunk[0]);
    if (a->rank > 1) scp_jsonl_int(j, "chunk_columns", (int64_t)a->chunk[1]);
    scp_jsonl_text(j, "filters", a->filters);
    scp_jsonl_bool(j, "readable", a->readable);
    scp_jsonl_int(j, "bytes", (int64_t)a->bytes);
    scp_jsonl_close(j);
}

static void json_file(scp_jsonl *j, const scp_h5ad_info *f)
{
    scp_jsonl_text(j, "era", f->era);
    scp_jsonl_int(j, "bytes", (int64_t)f->bytes);
    scp_jsonl_int(j, "cells", (int64_t)f->n_obs);
    scp_jsonl_int(j, "genes", (int64_t)f->n_vars);
    scp_jsonl_open(j, "matrices");
    for (size_t i = 0; i < f->n_matrices; i++) {
        const scp_h5ad_matrix_info *m = &f->matrix[i];
        scp_jsonl_open(j, m->name);
        scp_jsonl_text(j, "encoding", encoding_name[m->kind]);
        scp_jsonl_int(j, "rows", (int64_t)m->n_rows);
        scp_jsonl_int(j, "columns", (int64_t)m->n_cols);
        json_array(j, "data", &m->data);
        if (m->kind != SCP_H5AD_DENSE) json_array(j, "indices", &m->indices);
        if (m->kind != SCP_H5AD_DENSE) json_array(j, "indptr", &m->indptr);
        scp_jsonl_close(j);
    }
    scp_jsonl_close(j);
    scp_jsonl_open(j, "obs");
    for (size_t i = 0; i < f->n_obs_columns; i++) {
        scp_jsonl_open(j, f->obs[i].name);
        scp_jsonl_text(j, "type", f->obs[i].type);
        scp_jsonl_int(j, "labels", (int64_t)f->obs[i].n_labels);
        scp_jsonl_bool(j, "more", f->obs[i].more);
        scp_jsonl_close(j);
    }
    scp_jsonl_close(j);
}

static void json_screen(scp_jsonl *j, const scp_inspection *x)
{
    const scp_inspect_screen *s = &x->screen;
    scp_jsonl_open(j, "screen");
    scp_jsonl_int(j, "cells", s->cells);
    scp_jsonl_int(j, "vehicle_cells", s->vehicle_cells);
    scp_jsonl_int(j, "keys", (int64_t)s->keys);
    scp_jsonl_int(j, "vehicle_keys", (int64_t)s->vehicle_keys);
    scp_jsonl_int(j, "keys_below_min_cells", (int64_t)s->few);
    scp_jsonl_int(j, "lines", (int64_t)s->lines);
    scp_jsonl_int(j, "drugs", (int64_t)s->drugs);
    scp_jsonl_int(j, "plates", (int64_t)s->plates);
    scp_jsonl_int(j, "doses", (int64_t)s->n_doses);
    scp_jsonl_open(j, "left_out");
    for (int why = SCP_CELL_KEPT + 1; why < SCP_CELL_COUNT; why++)
        scp_jsonl_int(j, scp_cell_left_name((scp_cell_left)why), s->left.cells[why]);
    scp_jsonl_close(j);
    scp_jsonl_close(j);
}

scp_status scp_inspect_json(const scp_inspection *x, scp_strbuf *out)
{
    SCP_ARG(x && out, "inspection and text are required");
    scp_status st = SCP_OK;
    scp_jsonl j = { 0 };
    scp_strbuf options = { 0 };
    const char *line;
    SCP_GOTO(done, scp_inspect_options(x, &options));
    scp_jsonl_begin(&j);
    scp_jsonl_text(&j, "path", x->path);
    json_file(&j, &x->info);
    scp_jsonl_text(&j, "layout", layout_name[x->layout]);
    scp_jsonl_text(&j, "values", x->kind >= 0 ? kind_name[x->kind] : "");
    scp_jsonl_text(&j, "vehicle", x->vehicle);
    scp_jsonl_text(&j, "options", options.text ? options.text + 1 : "");
    if (x->why[0])
        scp_jsonl_text(&j, "why_not", x->why);
    else
        json_screen(&j, x);
    SCP_GOTO(done, scp_jsonl_end(&j, &line));
    SCP_GOTO(done, scp_strbuf_addf(out, "%s\n", line));
done:
    scp_strbuf_fini(&options);
    scp_jsonl_fini(&j);
    return st;
}
