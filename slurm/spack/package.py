# Spack recipe. Copy it to packages/scppdm/package.py of a repository of your own (spack repo create), then
#     spack dev-build scppdm@main        in a clone of the sources
# or give the release's archive in `url` with its checksum.
from spack.package import *


class Scppdm(AutotoolsPackage, CudaPackage):
    """Distributed pipeline from the raw cells of a drug screen to a latent-diffusion model of drug
    responses, and its scores on unseen combinations and unseen drugs."""

    license("Apache-2.0")

    version("main")

    variant("native", default=False, description="Compile for the building machine's processor only")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("autoconf@2.71:", type="build")
    depends_on("automake@1.16:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("jq", type="test")

    depends_on("mpi@3:")
    depends_on("hdf5@1.10.5: +mpi")
    depends_on("openblas threads=openmp")
    depends_on("onednn@2.6: cpu_runtime=omp")
    depends_on("rdkit@2022.09: ~python")
    depends_on("boost")
    depends_on("libyaml")
    depends_on("jansson@2.13:")
    depends_on("random123")
    depends_on("gsl@2.7:")
    depends_on("xxhash@0.8:")
    depends_on("libdeflate@1.10:")
    depends_on("isa-l")
    depends_on("igraph@0.10:")
    depends_on("openssl@3:")
    depends_on("uthash")
    depends_on("zlib-api")
    depends_on("nccl", when="+cuda")
    depends_on("gnuplot", type="run")

    # Read by name: configure has one option for each.
    with_prefix = {
        "mpi": "mpi",
        "hdf5": "hdf5",
        "blas": "openblas",
        "onednn": "onednn",
        "rdkit": "rdkit",
        "yaml": "libyaml",
        "jansson": "jansson",
        "random123": "random123",
        "gsl": "gsl",
        "xxhash": "xxhash",
        "libdeflate": "libdeflate",
        "isal": "isa-l",
        "igraph": "igraph",
        "crypto": "openssl",
        "zlib": "zlib-api",
    }

    def autoreconf(self, spec, prefix):
        Executable("./bootstrap")()

    def configure_args(self):
        spec = self.spec
        args = ["--with-{0}={1}".format(option, spec[name].prefix) for option, name in self.with_prefix.items()]
        args += self.enable_or_disable("native")
        args.append("CPPFLAGS=-I{0} -I{1}".format(spec["boost"].prefix.include, spec["uthash"].prefix.include))
        if spec.satisfies("+cuda"):
            args.append("--with-cuda={0}".format(spec["cuda"].prefix))
            args.append("--with-nccl={0}".format(spec["nccl"].prefix))
            arch = spec.variants["cuda_arch"].value
            if arch != ("none",):
                args.append("--with-cuda-arch={0}".format(",".join(arch)))
        else:
            args.append("--without-cuda")
        return args

    def setup_run_environment(self, env):
        env.set("SCPPDM_SHARE", self.prefix.share.scppdm)
