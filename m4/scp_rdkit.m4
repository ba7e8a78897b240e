# SCP_RDKIT: RDKit, a C++ library without a pkg-config module; its headers live in include/rdkit.
AC_DEFUN([SCP_RDKIT], [
scp_rdkit_libs="-lRDKitMolStandardize -lRDKitFingerprints -lRDKitSmilesParse -lRDKitDescriptors"
scp_rdkit_libs="$scp_rdkit_libs -lRDKitGraphMol -lRDKitDataStructs -lRDKitRDGeneral -lstdc++"
SCP_FIND([RDKIT], [rdkit], [RDKit], [], [$scp_rdkit_libs])
scp_rdkit_root=${scp_dir:-/usr}
RDKIT_CFLAGS="$RDKIT_CFLAGS -I$scp_rdkit_root/include/rdkit"
RDKIT_CPPFLAGS=$RDKIT_CFLAGS
AC_SUBST([RDKIT_CPPFLAGS])
AC_LANG_PUSH([C++])
SCP_LINK([RDKIT], [RDKit with MorganGenerator], [[#include <memory>
#include <GraphMol/GraphMol.h>
#include <GraphMol/SmilesParse/SmilesParse.h>
#include <GraphMol/Fingerprints/MorganGenerator.h>]],
    [[std::unique_ptr<RDKit::ROMol> m(RDKit::SmilesToMol("CCO"));
      return RDKit::MorganFingerprint::getMorganGenerator<std::uint32_t>(2) == nullptr || !m]],
    [], [SCP_MISSING([RDKit 2022.09 or later], [librdkit-dev libboost-dev], [--with-rdkit=DIR])])
AC_LANG_POP([C++])
])
