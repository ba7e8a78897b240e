/* The screen of mutate_files.h and its layouts; what the writer does not know is made with HDF5. */
#include "data/mutate_files.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "io/h5.h"
#include "io/h5ad.h"

enum { CELLS = 120, GENES = 60, COLUMNS = 5, LABELS = 16, WIDTH = 40, CHUNK = 500 };

static const char *const column_name[COLUMNS] = { "cell_line", "drug", "drugname_drugconc",
                                                  "plate", "pass_filter" };

/* The texts of a column, and the same dictionary-encoded. */
typedef struct text_column {
    char text[CELLS][WIDTH];
    const char *value[CELLS];
    int32_t code[CELLS];
    const char *label[LABELS];
    size_t n_labels;
} text_column;

typedef struct specimen {
    text_column column[COLUMNS];
    char cell[CELLS][WIDTH], gene[GENES][WIDTH];
    const char *cells[CELLS], *genes[GENES];
    float x[CELLS][GENES];
} specimen;

const char *mutate_layout_name(mutate_layout layout)
{
    static const char *const name[MUTATE_LAYOUTS] = { "CSR gzip",  "CSR plain", "dense gzip",
                                                      "CSC gzip", "0.7 era",   "text columns" };
    return name[layout];
}

static void cell_texts(specimen *s, size_t i)
{
    static const char *const drug[] = { "DMSO_TF", "Trametinib", "\xce\xb3-Oryzanol", "Aspirin" };
    size_t d = i % 4;
    double dose = d == 0 ? 0 : i % 8 < 4 ? 0.05 : 5;
    snprintf(s->column[0].text[i], WIDTH, "%s", i / 4 % 2 ? "A549" : "RKO");
    snprintf(s->column[1].text[i], WIDTH, "%s", drug[d]);
    snprintf(s->column[2].text[i], WIDTH, "[('%s', %g, 'uM')]", drug[d], dose);
    snprintf(s->column[3].text[i], WIDTH, "plate1");
    snprintf(s->column[4].text[i], WIDTH, "%s", i % 11 == 5 ? "minimal" : "full");
}

static void encode(text_column *c)
{
    c->n_labels = 0;
    for (size_t i = 0; i < CELLS; i++) {
        size_t at = 0;
        c->value[i] = c->text[i];
        while (at < c->n_labels && strcmp(c->label[at], c->text[i]) != 0) at++;
        if (at == c->n_labels) c->label[c->n_labels++] = c->text[i];
        c->code[i] = (int32_t)at;
    }
}

static void make(specimen *s)
{
    for (size_t i = 0; i < CELLS; i++) {
        cell_texts(s, i);
        snprintf(s->cell[i], WIDTH, "cell-%zu", i);
        s->cells[i] = s->cell[i];
        for (size_t g = 0; g < GENES; g++) {
            uint64_t n = scp_rng_below(5, SCP_RNG_SYNTH, i, g, 0, 40);
            s->x[i][g] = n < 12 ? (float)(1 + n * n / 8) : 0;
        }
    }
    for (size_t g = 0; g < GENES; g++) {
        snprintf(s->gene[g], WIDTH, "GENE%zu", g);
        s->genes[g] = s->gene[g];
    }
    for (size_t k = 0; k < COLUMNS; k++) encode(&s->column[k]);
}

/* ---- by the writer of src/io ---- */

static scp_status write_by_writer(const specimen *s, const char *path,
                                  const scp_h5ad_write_options *opt)
{
    scp_status st = SCP_OK;
    scp_h5ad_writer *w = NULL;
    SCP_TRY(scp_h5ad_writer_create(path, CELLS, GENES, opt, &w));
    SCP_GOTO(done, scp_h5ad_write_dense(w, s->x[0], CELLS));
    SCP_GOTO(done, scp_h5ad_write_index(w, "obs", "BARCODE", s->cells));
    SCP_GOTO(done, scp_h5ad_write_index(w, "var", "gene_name", s->genes));
    for (size_t k = 0; k < COLUMNS; k++) {
        const text_column *c = &s->column[k];
        SCP_GOTO(done, scp_h5ad_write_categorical(w, "obs", column_name[k], c->code, c->label,
                                                  c->n_labels));
    }
    SCP_GOTO(done, scp_h5ad_writer_commit(&w));
done:
    scp_h5ad_writer_abort(&w);
    return st;
}

/* ---- by hand ---- */

static scp_status frame_create(hid_t file, const char *name, const char *const *index, size_t n,
                               const char *const *columns, size_t n_columns, hid_t *frame)
{
    SCP_TRY(scp_h5_group_create(file, name, frame));
    SCP_TRY(scp_h5_set_text(*frame, "encoding-type", "dataframe"));
    SCP_TRY(scp_h5_set_text(*frame, "_index", "_index"));
    SCP_TRY(scp_h5_set_texts(*frame, "column-order", columns, n_columns));
    return scp_h5_write_texts(*frame, "_index", index, n, NULL);
}

/* Codes of 8 bits beside the frame's labels, which a reference names: 0.7. */
static scp_status put_old(hid_t obs, const char *name, const text_column *c)
{
    scp_status st = SCP_OK;
    int8_t code[CELLS];
    size_t n = CELLS;
    hid_t dset = H5I_INVALID_HID, space = H5I_INVALID_HID, attr = H5I_INVALID_HID;
    char labels[64];
    hobj_ref_t ref;
    for (size_t i = 0; i < CELLS; i++) code[i] = (int8_t)c->code[i];
    snprintf(labels, sizeof labels, "__categories/%s", name);
    SCP_GOTO(done, scp_h5_write_texts(obs, labels, c->label, c->n_labels, NULL));
    SCP_GOTO(done, scp_h5_write(obs, name, H5T_NATIVE_INT8, 1, &n, NULL, code));
    SCP_GOTO(done, scp_h5_dataset_open(obs, name, &dset));
    SCP_H5ID_GOTO(done, space, H5Screate(H5S_SCALAR));
    SCP_H5_GOTO(done, H5Rcreate(&ref, obs, labels, H5R_OBJECT, H5I_INVALID_HID));
    SCP_H5ID_GOTO(done, attr,
                  H5Acreate2(dset, "categories", H5T_STD_REF_OBJ, space, H5P_DEFAULT, H5P_DEFAULT));
    SCP_H5_GOTO(done, H5Awrite(attr, H5T_STD_REF_OBJ, &ref));
done:
    if (attr >= 0) H5Aclose(attr);
    if (space >= 0) H5Sclose(space);
    if (dset >= 0) H5Dclose(dset);
    return st;
}

/* Every other column as text of fixed length. */
static scp_status put_text(hid_t obs, const char *name, const text_column *c, bool fixed)
{
    size_t n = CELLS;
    if (!fixed) return scp_h5_write_texts(obs, name, c->value, CELLS, NULL);
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, WIDTH);
    H5Tset_cset(type, H5T_CSET_UTF8);
    scp_status st = scp_h5_write(obs, name, type, 1, &n, NULL, c->text);
    H5Tclose(type);
    return st;
}

static scp_status put_categorical(hid_t obs, const char *name, const text_column *c)
{
    hid_t group;
    size_t n = CELLS;
    const scp_h5_layout gzip = { .chunk = { 64 }, .deflate = 4 };
    SCP_TRY(scp_h5_group_create(obs, name, &group));
    scp_status st = scp_h5_set_text(group, "encoding-type", "categorical");
    SCP_KEEP(st, scp_h5_write(group, "codes", H5T_NATIVE_INT32, 1, &n, &gzip, c->code));
    SCP_KEEP(st, scp_h5_write_texts(group, "categories", c->label, c->n_labels, NULL));
    H5Gclose(group);
    return st;
}

/* X by rows or by columns, in compressed chunks. */
static scp_status put_sparse(hid_t file, const specimen *s, bool columns)
{
    static int64_t start[CELLS + 1];
    static int32_t index[CELLS * GENES];
    static float value[CELLS * GENES];
    const scp_h5_layout gzip = { .chunk = { CHUNK }, .deflate = 4 };
    const int64_t shape[2] = { CELLS, GENES };
    size_t n = 0, outer = columns ? GENES : CELLS, inner = columns ? CELLS : GENES;
    hid_t group;
    for (size_t i = 0; i < outer; i++) {
        for (size_t j = 0; j < inner; j++) {
            float v = columns ? s->x[j][i] : s->x[i][j];
            index[n] = (int32_t)j;
            value[n] = v;
            n += v != 0;
        }
        start[i + 1] = (int64_t)n;
    }
    size_t ends = outer + 1;
    SCP_TRY(scp_h5_group_create(file, "X", &group));
    scp_status st = scp_h5_set_text(group, "encoding-type", columns ? "csc_matrix" : "csr_matrix");
    SCP_KEEP(st, scp_h5_set_i64(group, "shape", 2, shape));
    SCP_KEEP(st, scp_h5_write(group, "data", H5T_NATIVE_FLOAT, 1, &n, &gzip, value));
    SCP_KEEP(st, scp_h5_write(group, "indices", H5T_NATIVE_INT32, 1, &n, &gzip, index));
    SCP_KEEP(st, scp_h5_write(group, "indptr", H5T_NATIVE_INT64, 1, &ends, &gzip, start));
    H5Gclose(group);
    return st;
}

static scp_status write_by_hand(const specimen *s, const char *path, mutate_layout layout)
{
    scp_status st = SCP_OK;
    hid_t file = H5I_INVALID_HID, obs = H5I_INVALID_HID, var = H5I_INVALID_HID;
    const size_t dims[2] = { CELLS, GENES };
    SCP_TRY(scp_h5_create(path, &file));
    SCP_GOTO(done, frame_create(file, "obs", s->cells, CELLS, column_name, COLUMNS, &obs));
    SCP_GOTO(done, frame_create(file, "var", s->genes, GENES, NULL, 0, &var));
    for (size_t k = 0; k < COLUMNS; k++) {
        const text_column *c = &s->column[k];
        st = layout == MUTATE_OLD    ? put_old(obs, column_name[k], c)
             : layout == MUTATE_TEXT ? put_text(obs, column_name[k], c, k % 2)
                                     : put_categorical(obs, column_name[k], c);
        SCP_GOTO(done, st);
    }
    if (layout == MUTATE_TEXT)
        SCP_GOTO(done, scp_h5_write(file, "X", H5T_NATIVE_FLOAT, 2, dims, NULL, s->x));
    else
        SCP_GOTO(done, put_sparse(file, s, layout == MUTATE_CSC));
done:
    if (var >= 0) H5Gclose(var);
    if (obs >= 0) H5Gclose(obs);
    SCP_KEEP(st, scp_h5_close(&file));
    return st;
}

scp_status mutate_write(mutate_layout layout, const char *path)
{
    static specimen s;
    const scp_h5ad_write_options csr = { .csr = true,
                                         .index64 = true,
                                         .deflate = 4,
                                         .chunk = CHUNK },
                                 plain = { .csr = true, .chunk = CHUNK },
                                 dense = { .deflate = 4, .shuffle = true, .chunk = CHUNK };
    make(&s);
    switch (layout) {
    case MUTATE_CSR:
        return write_by_writer(&s, path, &csr);
    case MUTATE_CSR_PLAIN:
        return write_by_writer(&s, path, &plain);
    case MUTATE_DENSE:
        return write_by_writer(&s, path, &dense);
    default:
        return write_by_hand(&s, path, layout);
    }
}
