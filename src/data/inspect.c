/* Inspection: facts of the file, the layout that fits best, and a trial grouping of its cells. */
#include "data/inspect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/prep_plan.h"

enum { SAMPLE = 1 << 16, LAYOUTS = SCP_LAYOUT_BULK + 1 };

/* Names that data sets give to what we need, the likelier first. */
static const char *const known_line[] = { "cell_line",  "cell_type", "cell_line_id",
                                          "cell_name",  "celltype",  "cell_id",
                                          "CellLine",   "cellline",  "line",
                                          "patient_id", NULL };
static const char *const known_drug[] = { "drug",      "perturbation", "product_name", "condition",
                                          "compound",  "sm_name",      "pert_id",      "pert_iname",
                                          "treatment", "Drug",         "Treatment",    NULL };
static const char *const known_dose[] = {
    "drugname_drugconc", "dose_value", "dose",     "dose_uM", "pert_dose",
    "concentration",     "Dose",       "dose_val", NULL
};
static const char *const known_unit[] = { "dose_unit", "pert_dose_unit", "concentration_unit",
                                          NULL };
static const char *const known_plate[] = { "plate",      "rna_plate",     "det_plate",
                                           "plate_name", "culture_plate", "batch",
                                           "replicate",  "Plate",         NULL };
static const char *const known_qc[] = { "pass_filter", NULL };
static const char *const known_smiles[] = { "SMILES", "canonical_smiles", "smiles", NULL };
static const char *const *const known[SCP_ROLE_COUNT] = {
    [SCP_ROLE_LINE] = known_line,     [SCP_ROLE_DRUG] = known_drug,   [SCP_ROLE_DOSE] = known_dose,
    [SCP_ROLE_UNIT] = known_unit,     [SCP_ROLE_PLATE] = known_plate, [SCP_ROLE_QC] = known_qc,
    [SCP_ROLE_SMILES] = known_smiles,
};
static const char *const known_vehicle[] = { "DMSO_TF",   "control",       "Control",
                                             "ctrl",      "DMSO",          "dmso",
                                             "Vehicle",   "vehicle",       "Dimethyl Sulfoxide",
                                             "untreated", "non-targeting", "NT",
                                             NULL };

static void set_roles(const scp_obs_map *m, scp_inspect_role role[SCP_ROLE_COUNT])
{
    const scp_inspect_role is[SCP_ROLE_COUNT] = {
        [SCP_ROLE_LINE] = { "cell line", "--obs-line", m->line, false, NULL },
        [SCP_ROLE_DRUG] = { "drug", "--obs-drug", m->drug, false, NULL },
        [SCP_ROLE_DOSE] = { "dose", "--obs-dose", m->dose, false, NULL },
        [SCP_ROLE_UNIT] = { "dose unit", "--obs-dose-unit", m->unit, false, NULL },
        [SCP_ROLE_PLATE] = { "plate", "--obs-plate", m->plate, false, NULL },
        [SCP_ROLE_QC] = { "quality", "--qc-column", m->qc, false, NULL },
        [SCP_ROLE_SMILES] = { "structure", "--obs-smiles", m->smiles, false, NULL },
    };
    memcpy(role, is, sizeof is);
}

/* Columns of other names that may hold what was not found. */
static void find_roles(const scp_h5ad_info *info, scp_inspect_role role[SCP_ROLE_COUNT])
{
    for (int r = 0; r < SCP_ROLE_COUNT; r++) {
        role[r].found = scp_h5ad_info_obs(info, role[r].column) != NULL;
        if (!role[r].column || role[r].found) continue;
        for (const char *const *k = known[r]; *k && !role[r].other; k++)
            if (scp_h5ad_info_obs(info, *k)) role[r].other = *k;
    }
}

/* Is one of the labels of the drug column this one? */
static bool has_label(const scp_h5ad_text *drug, const char *label)
{
    for (size_t i = 0; label && i < drug->n_labels; i++)
        if (strcmp(scp_str_trim(drug->label[i]), label) == 0) return true;
    return false;
}

static int score_of(const scp_inspect_role *role, bool vehicle)
{
    static const int weight[SCP_ROLE_COUNT] = {
        [SCP_ROLE_LINE] = 4,  [SCP_ROLE_DRUG] = 4, [SCP_ROLE_DOSE] = 3,  [SCP_ROLE_UNIT] = 1,
        [SCP_ROLE_PLATE] = 2, [SCP_ROLE_QC] = 2,   [SCP_ROLE_SMILES] = 1
    };
    int score = 4 * vehicle;
    for (int r = 0; r < SCP_ROLE_COUNT; r++) score += role[r].found ? weight[r] : 0;
    return score;
}

/* How well a layout fits; its map and roles go to x when it is the best so far. */
static scp_status try_layout(const scp_prep_settings *set, scp_h5ad *f, int layout,
                             scp_inspection *x, int *best)
{
    scp_status st = SCP_OK;
    scp_prep_settings s = *set;
    scp_inspect_role role[SCP_ROLE_COUNT];
    scp_h5ad_text drug = { 0 };
    s.layout = layout;
    const scp_obs_map map = scp_prep_map(&s);
    set_roles(&map, role);
    find_roles(&x->info, role);
    if (role[SCP_ROLE_DRUG].found) SCP_GOTO(done, scp_h5ad_obs_text(f, map.drug, &drug));
    bool vehicle = has_label(&drug, map.vehicle);
    int score = 2 * score_of(role, vehicle) + (layout == set->layout);
    bool fits = x->kind < 0 || (layout == SCP_LAYOUT_BULK) == (x->kind != SCP_VALUES_COUNTS);
    score += fits;
    if (score <= *best) goto done;
    *best = score;
    x->layout = layout;
    x->map = map;
    memcpy(x->role, role, sizeof role);
done:
    scp_h5ad_text_fini(&drug);
    return st;
}

/* Take the columns of other names, and leave out what the file does not have. */
static void adopt(scp_inspection *x)
{
    const char **slot[SCP_ROLE_COUNT] = {
        [SCP_ROLE_LINE] = &x->map.line,     [SCP_ROLE_DRUG] = &x->map.drug,
        [SCP_ROLE_DOSE] = &x->map.dose,     [SCP_ROLE_UNIT] = &x->map.unit,
        [SCP_ROLE_PLATE] = &x->map.plate,   [SCP_ROLE_QC] = &x->map.qc,
        [SCP_ROLE_SMILES] = &x->map.smiles,
    };
    for (int r = 0; r < SCP_ROLE_COUNT; r++)
        if (x->role[r].column && !x->role[r].found) *slot[r] = x->role[r].other;
    if (!x->map.unit && !x->map.dose_unit) x->map.dose_unit = "uM";
    x->map.moa = NULL;
}

static scp_status find_vehicle(scp_h5ad *f, scp_inspection *x)
{
    scp_h5ad_text drug = { 0 };
    const char *label = x->map.vehicle;
    if (!x->map.drug) return SCP_OK;
    SCP_TRY(scp_h5ad_obs_text(f, x->map.drug, &drug));
    if (!has_label(&drug, label)) {
        x->vehicle_guess = true;
        label = NULL;
        for (const char *const *k = known_vehicle; *k && !label; k++)
            if (has_label(&drug, *k)) label = *k;
    }
    snprintf(x->vehicle, sizeof x->vehicle, "%s", label ? label : "");
    scp_h5ad_text_fini(&drug);
    if (label) x->map.vehicle = label;
    return SCP_OK;
}

/* ---- the numbers ---- */

static scp_status look_at_values(const scp_prep_settings *s, scp_inspection *x)
{
    scp_status st = SCP_OK;
    double *value = NULL;
    scp_inspect_values *v = &x->values;
    const char *name = s->matrix && s->matrix[0] ? s->matrix : "X";
    x->kind = -1;
    for (size_t i = 0; i < x->info.n_matrices; i++)
        if (strcmp(x->info.matrix[i].name, name) == 0) x->matrix = &x->info.matrix[i];
    if (!x->matrix || !x->matrix->data.readable) return SCP_OK;
    SCP_GOTO(done, scp_alloc(SAMPLE, sizeof *value, &value));
    SCP_GOTO(done, scp_h5ad_info_sample(x->path, x->matrix, SAMPLE, value, &v->n));
    for (size_t i = 0; i < v->n; i++) {
        v->not_finite += !isfinite(value[i]);
        v->zeros += value[i] == 0;
        v->negative += value[i] < 0;
        v->whole += value[i] != 0 && value[i] == floor(value[i]);
        v->max = fmax(v->max, value[i]);
    }
    if (v->n == v->zeros || v->negative + v->not_finite > 0) goto done;
    x->kind = v->whole + v->zeros == v->n ? SCP_VALUES_COUNTS
              : v->max < 25               ? SCP_VALUES_LOG
                                          : SCP_VALUES_LINEAR;
done:
    free(value);
    return st;
}

/* ---- the cells ---- */

static int compare_real(const void *pa, const void *pb)
{
    double a = *(const double *)pa, b = *(const double *)pb;
    return (a > b) - (a < b);
}

static int compare_int(const void *pa, const void *pb)
{
    int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;
    return (a > b) - (a < b);
}

static scp_status count_doses(const scp_keys *k, scp_inspect_screen *s)
{
    double *dose = NULL;
    size_t n = 0;
    SCP_TRY(scp_alloc(k->n, sizeof *dose, &dose));
    for (size_t i = 0; i < k->n; i++)
        if (k->key[i].drug >= 0) dose[n++] = k->key[i].dose;
    qsort(dose, n, sizeof *dose, compare_real);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && dose[i] == dose[i - 1]) continue;
        if (s->n_doses < sizeof s->dose / sizeof s->dose[0]) s->dose[s->n_doses] = dose[i];
        s->n_doses++;
    }
    free(dose);
    return SCP_OK;
}

/* keys->cells is sorted here, the keys are not needed any more. */
static scp_status summarise(scp_keys *k, int64_t min_cells, scp_inspect_screen *s)
{
    *s = (scp_inspect_screen){ .left = k->left,
                               .lines = k->n_lines,
                               .drugs = k->n_drugs,
                               .plates = k->n_plates,
                               .keys = k->n };
    size_t run = 0;
    for (size_t i = 0; i < k->n; i++) {
        run = i > 0 && k->key[i].plate == k->key[i - 1].plate ? run + 1 : 1;
        if (run > s->largest_plate) s->largest_plate = run;
        s->cells += k->cells[i];
        s->few += k->cells[i] < min_cells;
        if (k->key[i].drug != SCP_VEHICLE) continue;
        s->vehicle_keys++;
        s->vehicle_cells += k->cells[i];
    }
    SCP_TRY(count_doses(k, s));
    qsort(k->cells, k->n, sizeof *k->cells, compare_int);
    s->median_cells = k->n > 0 ? k->cells[k->n / 2] : 0;
    return SCP_OK;
}

static scp_status group_cells(scp_h5ad *f, scp_inspection *x)
{
    scp_status st = SCP_OK;
    scp_keys_builder *b = NULL;
    scp_keys keys = { 0 };
    if (!x->map.line || !x->map.drug || !x->vehicle[0]) {
        snprintf(x->why, sizeof x->why, "%s is not known",
                 !x->map.line   ? "the column of the cell line"
                 : !x->map.drug ? "the column of the drug"
                                : "the label of the vehicle");
        return SCP_OK;
    }
    SCP_GOTO(done, scp_keys_builder_create(&x->map, 1, &b));
    SCP_GOTO(done, scp_keys_add_file(b, f));
    SCP_GOTO(done, scp_keys_finish(b, &keys));
    SCP_GOTO(done, summarise(&keys, x->min_cells, &x->screen));
done:
    if (st == SCP_EDATA) {
        snprintf(x->why, sizeof x->why, "%s", scp_err_message());
        scp_err_clear();
        st = SCP_OK;
    }
    scp_keys_fini(&keys);
    scp_keys_builder_destroy(&b);
    return st;
}

scp_status scp_inspect(const scp_prep_settings *set, const char *path, scp_inspection *x)
{
    SCP_ARG(set && path && x, "settings, path and result are required");
    scp_status st = SCP_OK;
    scp_h5ad *f = NULL;
    int best = INT32_MIN;
    *x = (scp_inspection){ .path = path };
    SCP_GOTO(done, scp_h5ad_info_read(path, &x->info));
    SCP_GOTO(done, look_at_values(set, x));
    st = scp_h5ad_open(path, &f);
    if (st == SCP_EDATA) { /* it was described above; what stops the reader is worth saying */
        snprintf(x->why, sizeof x->why, "%s", scp_err_message());
        scp_err_clear();
        st = SCP_OK;
        x->map = scp_prep_map(set);
        set_roles(&x->map, x->role);
        find_roles(&x->info, x->role);
        goto done;
    }
    SCP_GOTO(done, st);
    for (int layout = 0; layout < LAYOUTS; layout++)
        SCP_GOTO(done, try_layout(set, f, layout, x, &best));
    adopt(x);
    x->min_cells = set->min_cells > 0 ? set->min_cells : x->map.min_cells;
    SCP_GOTO(done, find_vehicle(f, x));
    SCP_GOTO(done, group_cells(f, x));
done:
    scp_h5ad_close(&f);
    return st;
}

void scp_inspection_fini(scp_inspection *x)
{
    if (!x) return;
    scp_h5ad_info_fini(&x->info);
    *x = (scp_inspection){ 0 };
}
