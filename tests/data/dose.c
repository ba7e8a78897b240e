/* Dose labels and units: what Tahoe's plates hold, Python's quoting, and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "data/dose.h"
#include "tap.h"

static void good(const char *label, const char *want_drug, double want_uM)
{
    char *drug = NULL;
    double uM = -1;
    if (tap_st(scp_dose_parse_label(label, &drug, &uM), "parse %s", label)) {
        tap_text(drug, want_drug, "drug");
        tap_ok(uM == want_uM, "dose %g uM", uM);
    }
    free(drug);
}

static void bad(const char *label, const char *part)
{
    char *drug = NULL;
    double uM;
    tap_fails(scp_dose_parse_label(label, &drug, &uM), SCP_EDATA, part, "refuse %s", label);
    tap_ok(drug == NULL, "and leave no name");
}

static void reads(const char *text, const char *unit, scp_dose_kind kind, double uM,
                  const char *drug)
{
    scp_dose d;
    if (tap_st(scp_dose_read(text, unit, &d), "read '%s' %s", text, unit))
        tap_ok(d.kind == kind && d.uM == uM &&
                   (drug ? d.drug && strcmp(d.drug, drug) == 0 : !d.drug),
               "as kind %d, %g uM", (int)kind, uM);
    scp_dose_fini(&d);
}

static void refuses(const char *text, const char *unit, const char *part)
{
    scp_dose d;
    tap_fails(scp_dose_read(text, unit, &d), SCP_EDATA, part, "do not read '%s' %s", text, unit);
    scp_dose_fini(&d);
}

/* Whatever may stand in a dose column. */
static void test_columns(void)
{
    reads("0.05", "uM", SCP_DOSE_GIVEN, 0.05, NULL);
    reads("10000", "nM", SCP_DOSE_GIVEN, 10, NULL);
    reads("5", "pM", SCP_DOSE_GIVEN, 5e-6, NULL);
    reads("3", "nm", SCP_DOSE_GIVEN, 0.003, NULL);
    reads("[('Selinexor ', 0.5, 'uM')]", "nM", SCP_DOSE_GIVEN, 0.5, "Selinexor");
    reads("0", "nM", SCP_DOSE_ZERO, 0, NULL);
    reads("-0.0", "nM", SCP_DOSE_ZERO, 0, NULL);
    reads("[('Aspirin', 0.0, 'uM')]", "nM", SCP_DOSE_ZERO, 0, "Aspirin");
    reads("-666", "-666", SCP_DOSE_NEGATIVE, 0, NULL);
    reads("[('Aspirin', -666, 'uM')]", "nM", SCP_DOSE_NEGATIVE, 0, "Aspirin");
    reads("", "uM", SCP_DOSE_MISSING, 0, NULL);
    reads("nan", "uM", SCP_DOSE_MISSING, 0, NULL);
    reads("NA", "uM", SCP_DOSE_MISSING, 0, NULL);
    reads("[('A', 0.05, 'uM'), ('B', 1.0, 'uM')]", "uM", SCP_DOSE_COMBINATION, 0, NULL);
    refuses("inf", "uM", "inf");
    refuses("1+1", "uM", "1+1");
    refuses("5", "-666", "-666");
    refuses("[('A', 0.05, 'uM')", "uM", "expected");
}

int main(void)
{
    test_columns();
    good("[('8-Hydroxyquinoline', 0.05, 'uM')]", "8-Hydroxyquinoline", 0.05);
    good("[('DMSO_TF', 0.0, 'uM')]", "DMSO_TF", 0);
    good("[('Erdafitinib ', 5.0, 'uM')]", "Erdafitinib", 5);
    good("[('Trametinib (DMSO_TF solvate)', 5.0, 'uM')]", "Trametinib (DMSO_TF solvate)", 5);
    good(" [ ( \"5'-Fluoro, (x)]\" ,\t5e-1 , \"nM\" ) , ] ", "5'-Fluoro, (x)]", 0.0005);
    good("[('it\\'s \\\\ \\x41\\u03b3', 1, 'mM')]", "it's \\ A\xce\xb3", 1000);
    good("[('\xce\xb3-Oryzanol', 50, 'nM')]", "\xce\xb3-Oryzanol", 0.05);
    good("[('x', 1e-6, 'M')]", "x", 1);

    bad("[('A', 0.05, 'uM'), ('B', 1.0, 'uM')]", "combinations are not supported");
    bad("[('A', 0.05, 'furlong')]", "furlong");
    bad("[('A', -1, 'uM')]", "negative");
    bad("[('A', x, 'uM')]", "a number expected");
    bad("[('A', nan, 'uM')]", "number");
    bad("[('A', 0.05)]", "',' expected");
    bad("[('A, 0.05, 'uM')]", "expected");
    bad("[('A\\q', 0.05, 'uM')]", "escape");
    bad("[]", "'(' expected");
    bad("0.05", "'[' expected");
    bad("", "'[' expected");
    bad("[('A', 0.05, 'uM')] and more", "the end expected");

    double a = 0, b = 0, c = 0;
    tap_st(scp_dose_to_uM(50, "nM", &a), "50 nM");
    tap_st(scp_dose_to_uM((double)0.05f, " uM ", &b), "float32 0.05 uM");
    tap_st(scp_dose_to_uM(5e-5, "mM", &c), "5e-5 mM");
    tap_ok(a == 0.05 && b == 0.05 && c == 0.05, "three ways to write one dose give one key");
    tap_st(scp_dose_to_uM(3, "\xc2\xb5M", &a), "the micro sign");
    tap_fails(scp_dose_to_uM(0.0 / 0.0, "uM", &a), SCP_EDATA, "missing", "a missing dose");
    return tap_done();
}
