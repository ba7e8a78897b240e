/* RDKit behind the C interface of morgan.h. Bits: MorganGenerator [Rogers and Hahn 2010], the same
 * for the classic call and for Python's rdFingerprintGenerator. */
extern "C" {
#include "base/status.h"
}
#include "chem/morgan.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>

#include <DataStructs/ExplicitBitVect.h>
#include <GraphMol/Fingerprints/MorganGenerator.h>
#include <GraphMol/GraphMol.h>
#include <GraphMol/MolOps.h>
#include <GraphMol/MolStandardize/Charge.h>
#include <GraphMol/MolStandardize/Fragment.h>
#include <GraphMol/SmilesParse/SmilesParse.h>
#include <GraphMol/SmilesParse/SmilesWrite.h>
#include <RDGeneral/RDLog.h>
#include <RDGeneral/versions.h>

namespace
{

using Mol = std::unique_ptr<RDKit::ROMol>;

/* Largest fragment, neutralised, without stereo: what a salt, a solvate and an isomer share. */
std::string parent_smiles(const RDKit::ROMol &mol)
{
    RDKit::MolStandardize::LargestFragmentChooser chooser;
    RDKit::MolStandardize::Uncharger uncharger;
    Mol fragment(chooser.choose(mol));
    Mol neutral(uncharger.uncharge(*fragment));
    RDKit::MolOps::removeStereochemistry(*neutral);
    return RDKit::MolToSmiles(*neutral);
}

void fingerprint(const RDKit::ROMol &mol, uint8_t bits[SCP_MORGAN_BITS])
{
    std::unique_ptr<RDKit::FingerprintGenerator<std::uint32_t>> generator(
        RDKit::MorganFingerprint::getMorganGenerator<std::uint32_t>(
            SCP_MORGAN_RADIUS, false /* count simulation */, false /* chirality */,
            true /* bond types */, false /* only non-zero invariants */, nullptr, nullptr,
            SCP_MORGAN_BITS));
    std::unique_ptr<ExplicitBitVect> fp(generator->getFingerprint(mol));
    for (unsigned i = 0; i < SCP_MORGAN_BITS; i++) bits[i] = fp->getBit(i) ? 1 : 0;
}

char *copy(const std::string &s)
{
    return strdup(s.c_str());
}

scp_status parse(const char *smiles, scp_structure *out)
{
    RDLog::LogStateSetter silence; /* every logger off until the end of the scope */
    Mol mol(RDKit::SmilesToMol(std::string(smiles)));
    if (!mol || mol->getNumAtoms() == 0)
        SCP_FAIL(SCP_EDATA, "RDKit rejects the structure '%.200s'", smiles);
    out->canonical = copy(RDKit::MolToSmiles(*mol));
    out->parent = copy(parent_smiles(*mol));
    if (!out->canonical || !out->parent) SCP_FAIL(SCP_ENOMEM, "no memory for a SMILES");
    fingerprint(*mol, out->fp);
    return SCP_OK;
}

} // namespace

extern "C" scp_status scp_structure_parse(const char *smiles, scp_structure *out)
{
    SCP_ARG(smiles && out, "SMILES and result are required");
    std::memset(out, 0, sizeof *out);
    scp_status st;
    try {
        st = parse(smiles, out);
    } catch (const std::exception &e) {
        st = scp_err_raise(SCP_EDATA, __FILE__, __LINE__, nullptr,
                           "RDKit fails on the structure '%.200s': %s", smiles, e.what());
    } catch (...) {
        st = scp_err_raise(SCP_EDATA, __FILE__, __LINE__, nullptr,
                           "RDKit fails on the structure '%.200s'", smiles);
    }
    if (st != SCP_OK) scp_structure_fini(out);
    return st;
}

extern "C" void scp_structure_fini(scp_structure *s)
{
    if (!s) return;
    std::free(s->canonical);
    std::free(s->parent);
    std::memset(s, 0, sizeof *s);
}

extern "C" const char *scp_rdkit_version(void)
{
    return RDKit::rdkitVersion;
}
