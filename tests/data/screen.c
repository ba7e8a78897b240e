/* The small screen, see screen.h. */
#include "data/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "io/h5ad.h"

enum { LINES = 5, DRUGS = 10 };

static const char *const lines[LINES] = { "A549", "RKO", "SW480", "HT29", "H23" };
static const char *const plates[2] = { "plate1", "plate2" };

/* name as in the obs column, name as in the table, structure */
static const struct {
    const char *obs, *table, *smiles;
} drugs[DRUGS] = {
    { "Aspirin", "Aspirin", "CC(=O)Oc1ccccc1C(=O)O" },
    { "Aspirin (sodium)", "Aspirin (sodium)", "CC(=O)Oc1ccccc1C(=O)[O-].[Na+]" },
    { "Caffeine", "Caffeine", "CN1C=NC2=C1C(=O)N(C)C(=O)N2C" },
    { "Erdafitinib ", "Erdafitinib", "CC(C)NCCN(c1cc(OC)cc(OC)c1)c1ccc2ncc(-c3cnn(C)c3)nc2c1" },
    { "Metformin", "Metformin", "CN(C)C(=N)N=C(N)N" },
    { "Trametinib (DMSO_TF solvate)", "Trametinib (DMSO_TF solvate)", "CC(=O)Nc1ccccc1.CS(C)=O" },
    { "5'-Deoxy, (x)", "5'-Deoxy, (x)", "OCC1OC(O)C(O)C1O" },
    { "\xce\xb3-Oryzanol", "\xce\xb3-Oryzanol", "COc1cc(C=CC(=O)OC)ccc1O" },
    { "Verteporfin", "Verteporfin", "" },
    { "Broken", "Broken", "C1CC" },
};
static const char *const vehicle = "DMSO_TF";

/* Dose label as Python prints it; one drug says nM on the first plate. */
static const char *label_of(int drug, int plate)
{
    static char text[DRUGS][2][128];
    char *buf = text[drug][plate];
    char quote = strchr(drugs[drug].obs, '\'') ? '"' : '\'';
    bool nano = drug == 2 && plate == 0;
    snprintf(buf, sizeof text[0][0], "[(%c%s%c, %s, '%s')]", quote, drugs[drug].obs, quote,
             nano         ? "50.0"
             : plate == 0 ? "0.05"
                          : "0.5",
             nano ? "nM" : "uM");
    return buf;
}

static int cells_of(int plate, int line, int drug)
{
    if (drug < 0)
        return plate == 1 && line == 4 ? 2 : 8;         /* too little vehicle for H23 on plate 2 */
    if (plate == 0 && line == 0 && drug == 2) return 2; /* a key of two cells                    */
    return 3 + (plate * 31 + line * 7 + drug * 5) % 6;
}

static void add(screen_cell *all, size_t *n, int plate, int line, int drug, const char *pass)
{
    all[*n] = (screen_cell){ .line = lines[line],
                             .drug = drug < 0 ? vehicle : drugs[drug].obs,
                             .dose = drug < 0 ? "[('DMSO_TF', 0.0, 'uM')]" : label_of(drug, plate),
                             .plate = plates[plate],
                             .pass = pass,
                             .id = (int)*n };
    (*n)++;
}

void screen_make(screen *s)
{
    static screen_cell all[SCREEN_MAX_CELLS];
    size_t n = 0;
    for (int p = 0; p < 2; p++)
        for (int l = 0; l < LINES; l++)
            for (int d = -1; d < DRUGS; d++)
                for (int c = 0; c < cells_of(p, l, d); c++) {
                    add(all, &n, p, l, d, "full");
                    if ((l + d + c) % 9 == 0) add(all, &n, p, l, d, "minimal");
                }
    s->file[0].name = "plate1.h5ad";
    s->file[1].name = "plate2.h5ad";
    s->file[0].n = s->file[1].n = 0;
    for (size_t i = 0; i < n;
         i++) { /* shuffled; one in four cells of plate 2 is in the first file */
        const screen_cell *c = &all[scp_rng_permute(4, SCP_RNG_SYNTH, 0, n, i)];
        screen_file *f = &s->file[c->plate == plates[1] && c->id % 4 != 0];
        f->cell[f->n++] = *c;
    }
}

float screen_count(int id, size_t gene)
{
    double u = scp_rng_u01(17, SCP_RNG_SYNTH, 1, (uint64_t)id, (uint32_t)gene);
    if (gene == 0) return (float)(20 + id % 5);
    if (gene == 2) return 0; /* never detected */
    return u < 0.9 ? 0.0f : (float)(1 + (int)((u - 0.9) * 60) + (int)(gene % 3));
}

const char *screen_gene(size_t gene, char buf[16])
{
    snprintf(buf, 16, "GENE%04zu", gene);
    return buf;
}

size_t screen_spoilt_row(const screen_file *f)
{
    size_t row = 0;
    for (int seen = 0; row < f->n; row++) {
        seen += strcmp(f->cell[row].drug, vehicle) != 0 && strcmp(f->cell[row].pass, "full") == 0;
        if (seen == 8) break;
    }
    return row;
}

/* ---- writing ---- */

static scp_status write_column(scp_h5ad_writer *w, const screen_file *f, const char *name,
                               size_t member, const screen_spoil *spoil)
{
    scp_status st = SCP_OK;
    scp_names *labels = NULL;
    int32_t *code = NULL;
    const char **text = NULL;
    size_t bad = screen_spoilt_row(f);
    if (spoil && spoil->drop && strcmp(spoil->drop, name) == 0) return SCP_OK;
    SCP_GOTO(done, scp_names_create(&labels));
    SCP_GOTO(done, scp_alloc(f->n, sizeof *code, &code));
    for (size_t i = 0; i < f->n; i++) {
        size_t at;
        const char *value = *(const char *const *)((const char *)&f->cell[i] + member);
        if (i == bad && spoil && spoil->dose && strcmp(name, "drugname_drugconc") == 0)
            value = spoil->dose;
        SCP_GOTO(done, scp_names_add(labels, value, &at));
        code[i] = (int32_t)at;
    }
    SCP_GOTO(done, scp_alloc(scp_names_count(labels), sizeof *text, &text));
    for (size_t i = 0; i < scp_names_count(labels); i++) text[i] = scp_names_get(labels, i);
    SCP_GOTO(done, scp_h5ad_write_categorical(w, "obs", name, code, text, scp_names_count(labels)));
done:
    free(text);
    free(code);
    scp_names_destroy(&labels);
    return st;
}

static scp_status write_matrix(scp_h5ad_writer *w, const screen_file *f, const screen_spoil *spoil)
{
    static float row[SCREEN_GENES];
    size_t bad = screen_spoilt_row(f);
    for (size_t i = 0; i < f->n; i++) {
        for (size_t g = 0; g < SCREEN_GENES; g++) row[g] = screen_count(f->cell[i].id, g);
        if (i == bad && spoil && spoil->value != 0) row[5] = spoil->value;
        if (spoil && spoil->empty && strcmp(f->cell[i].drug, spoil->empty) == 0)
            memset(row, 0, sizeof row);
        SCP_TRY(scp_h5ad_write_dense(w, row, 1));
    }
    return SCP_OK;
}

static scp_status write_indices(scp_h5ad_writer *w, const screen_file *f, const screen_spoil *spoil)
{
    static char cell[SCREEN_MAX_CELLS][24], gene[SCREEN_GENES][16];
    static const char *cells[SCREEN_MAX_CELLS], *genes[SCREEN_GENES];
    for (size_t i = 0; i < f->n; i++) {
        snprintf(cell[i], sizeof cell[i], "%02zu_cell-%zu", i % 96, i);
        cells[i] = cell[i];
    }
    for (size_t g = 0; g < SCREEN_GENES; g++) genes[g] = screen_gene(g, gene[g]);
    if (spoil && spoil->gene) genes[3] = spoil->gene;
    SCP_TRY(scp_h5ad_write_index(w, "obs", "BARCODE_SUB_LIB_ID", cells));
    return scp_h5ad_write_index(w, "var", "gene_name", genes);
}

scp_status screen_write(const screen_file *f, const char *path, const screen_spoil *spoil)
{
    scp_status st = SCP_OK;
    scp_h5ad_writer *w = NULL;
    const scp_h5ad_write_options opt = {
        .csr = !spoil || !spoil->dense, .index64 = true, .deflate = 1, .chunk = 5000
    };
    size_t genes = spoil && spoil->no_genes ? 0 : SCREEN_GENES;
    SCP_GOTO(done, scp_h5ad_writer_create(path, f->n, genes, &opt, &w));
    SCP_GOTO(done, write_matrix(w, f, spoil));
    SCP_GOTO(done, write_indices(w, f, spoil));
    SCP_GOTO(done, write_column(w, f, "drugname_drugconc", offsetof(screen_cell, dose), spoil));
    SCP_GOTO(done, write_column(w, f, "drug", offsetof(screen_cell, drug), spoil));
    SCP_GOTO(done, write_column(w, f, "cell_line", offsetof(screen_cell, line), spoil));
    SCP_GOTO(done, write_column(w, f, "pass_filter", offsetof(screen_cell, pass), spoil));
    SCP_GOTO(done, write_column(w, f, "plate", offsetof(screen_cell, plate), spoil));
    SCP_GOTO(done, scp_h5ad_writer_commit(&w));
done:
    scp_h5ad_writer_abort(&w);
    return st;
}

scp_status screen_write_drugs(const char *path)
{
    scp_status st = SCP_OK;
    scp_strbuf text = { 0 };
    SCP_GOTO(done, scp_strbuf_addf(&text, "drug\tcanonical_smiles\tmoa-fine\n"));
    for (int d = 0; d < DRUGS; d++)
        SCP_GOTO(done,
                 scp_strbuf_addf(&text, "%s\t%s\tunclear\n", drugs[d].table, drugs[d].smiles));
    SCP_GOTO(done, scp_fs_write_text(path, text.text, text.len));
done:
    scp_strbuf_fini(&text);
    return st;
}

scp_status screen_setup(scp_comm *comm, const screen *s, const char *folder, screen_files *f)
{
    scp_status st = SCP_OK;
    char dir[SCP_PATH_MAX] = "";
    bool root = scp_comm_rank(comm) == 0;
    *f = (screen_files){ .settings = { .output = f->out,
                                       .drugs = f->drugs,
                                       .min_cells = SCREEN_MIN_CELLS,
                                       .genes = "all",
                                       .ud = 0.15,
                                       .uc = 0.1,
                                       .val = 0.05,
                                       .seed = 3,
                                       .replicates = 3,
                                       .memory = 1024 } };
    if (root) st = scp_str_format(dir, sizeof dir, "%s", folder);
    SCP_TRY(scp_agree(comm, st));
    SCP_TRY(scp_comm_bcast(comm, dir, sizeof dir, SCP_COMM_U8, 0));
    SCP_TRY(scp_fs_join(f->out, sizeof f->out, dir, "out.h5"));
    SCP_TRY(scp_fs_join(f->drugs, sizeof f->drugs, dir, "drugs.tsv"));
    for (int i = 0; i < 2; i++) {
        SCP_TRY(scp_fs_join(f->plate[i], sizeof f->plate[i], dir, s->file[i].name));
        if (root && st == SCP_OK) st = screen_write(&s->file[i], f->plate[i], NULL);
    }
    if (root && st == SCP_OK) st = screen_write_drugs(f->drugs);
    return scp_agree(comm, st);
}

scp_status screen_prepare(scp_comm *comm, screen_files *f, bool reversed)
{
    char *in[2] = { f->plate[reversed], f->plate[!reversed] };
    const scp_text_list inputs = { .v = in, .n = 2 };
    return scp_prep_run(comm, &f->settings, &inputs);
}
