/* Drugs whose labels and wells a reader of Tahoe-100M may stumble over, added by `traps`. What each
 * tries: a name that holds the vehicle's, twins of equal fingerprint, a drug without structure,
 * blanks behind a label that the drug table does not have, names with non-ASCII letters, slashes,
 * commas and nested parentheses; a key in two wells, one stray dose on a plate of another, a well
 * that failed. Names and structures are Tahoe-100M's (CC0-1.0). */
#include "data/synth_design.h"

#define TRAMETINIB "CC(=O)Nc1cccc(-n2c(=O)n(C3CC3)c(=O)c3c(Nc4ccc(I)cc4F)n(C)c(=O)c(C)c32)c1"

#define DRUG(n, blank, s, m, ...)                                                                  \
    {                                                                                              \
        .name = n, .label = n blank, .smiles = s, .moa = m, __VA_ARGS__                            \
    }

const scp_synth_trap scp_synth_traps[] = {
    DRUG("Trametinib", "", TRAMETINIB, "MEK inhibitor", .extra = 1),
    DRUG("Trametinib (DMSO_TF solvate)", "", TRAMETINIB, "MEK inhibitor", .extra = 0),
    DRUG("Sacubitril/Valsartan", "", "", "unclear", .extra = 0),
    DRUG("Erdafitinib", " ", "COc1cc(OC)cc(N(CCNC(C)C)c2ccc3ncc(-c4cnn(C)c4)nc3c2)c1",
         "Other TK inhibitor", .extra = 0),
    DRUG("Selinexor", " ", "O=C(C=Cn1cnc(-c2cc(C(F)(F)F)cc(C(F)(F)F)c2)n1)NNc1cnccn1", "unclear",
         .extra = 2),
    DRUG("\u03b3-Oryzanol", "",
         "COc1cc(/C=C/C(=O)O[C@H]2CC[C@]34C[C@]35CC[C@]3(C)[C@@H]([C@H](C)CCC=C(C)C)CC[C@@]3(C)"
         "[C@@H]5CC[C@H]4C2(C)C)ccc1O",
         "DNA methyltransferase inhibitor", .failed = true),
    DRUG("18\u03b2-Glycyrrhetinic acid", "",
         "CC1(C)[C@@H](O)CC[C@]2(C)[C@H]3C(=O)C=C4[C@@H]5C[C@@](C)(C(=O)O)CC[C@]5(C)CC[C@@]4(C)"
         "[C@]3(C)CC[C@@H]12",
         "unclear", .extra = 0),
    DRUG("Dapagliflozin ((2S)-1,2-propanediol, hydrate)", "",
         "CC(O)CO.CCOc1ccc(Cc2cc(C3OC(CO)C(O)C(O)C3O)ccc2Cl)cc1.O", "Glucose transporter inhibitor",
         .extra = 0),
};
const size_t scp_synth_trap_count = sizeof scp_synth_traps / sizeof *scp_synth_traps;
