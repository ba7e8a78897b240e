/* Chemical structures through RDKit, behind a C interface: canonical and parent SMILES, Morgan
 * fingerprints. The only door to RDKit; exceptions and its log stay inside. */
#ifndef SCP_CHEM_MORGAN_H
#define SCP_CHEM_MORGAN_H

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SCP_MORGAN_BITS = 1024, /* paper App. D */
    SCP_MORGAN_RADIUS = 2
};

/* What the project knows of a molecule. Caller-owned: zero-initialise, scp_structure_fini. */
typedef struct scp_structure {
    char *canonical; /* RDKit's canonical SMILES of the input, stereo included */
    char *parent;    /* of the parent: largest fragment, neutralised, stereo removed; salts,
                        solvates and isomers share it */
    uint8_t fp[SCP_MORGAN_BITS]; /* Morgan fingerprint of the input, radius 2, one byte a bit, 0
                        or 1: chirality off, bond types on, folded by identifier mod 1024 */
} scp_structure;

/** Parse a SMILES and fill `out`. SCP_EDATA with the text when RDKit rejects it or it is empty;
 *  `out` is then zeroed. Not collective. */
scp_status scp_structure_parse(const char *smiles, scp_structure *out) SCP_MUST_USE;
void scp_structure_fini(scp_structure *s);

/** RDKit's version, e.g. "2022.09.3". Never NULL. */
const char *scp_rdkit_version(void);

#ifdef __cplusplus
}
#endif
#endif
