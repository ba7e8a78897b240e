#!/bin/sh
# The recipes of package managers: what can be said of them without Spack, EasyBuild and Apptainer. They parse, the
# options that they give to configure exist, and the image has the libraries that the programs need.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$top/build}
cd "$top" || exit 99
spack=slurm/spack/package.py
easybuild=$(echo slurm/easybuild/scppdm-*.eb)
images="slurm/scppdm.def slurm/scppdm-cuda.def"
install="build-aux/image.sh" # what both do inside

count=0
report() { # WHAT WRONG: WRONG is empty when all is well
    count=$((count + 1))
    if [ -z "$2" ]; then echo "ok $count - $1"; else
        echo "not ok $count - $1"
        echo "$2" | sed 's/^/# /'
    fi
}
skip() { # WHAT WHY
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}

for file in $spack slurm/easybuild/*.eb; do
    if command -v python3 >/dev/null 2>&1; then
        report "$file is Python" \
            "$(python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' "$file" 2>&1)"
    else
        skip "$file is Python" "no python3"
    fi
done

known=$("$top/configure" --help 2>/dev/null)
# unknown OPTION...: those that configure does not know.
unknown() {
    for option in "$@"; do
        echo "$known" | grep -qE "^ +$option([=[ ]|\$)" || echo "configure has no $option"
    done
}
# shellcheck disable=SC2046 # lists of words
report "$spack: its options are those of configure" "$(unknown $(
    sed -n '/with_prefix = {/,/}/s/^ *"\([a-z0-9]*\)": .*/--with-\1/p' $spack
    grep -oE -e '--with-[a-z][a-z-]*' $spack
    sed -n 's/.*enable_or_disable("\([a-z]*\)").*/--enable-\1/p' $spack
))"
# The recipe itself, with stand-ins for what Spack gives it.
# spack_arguments VARIANT: what it gives to configure, a line each.
spack_arguments() {
    python3 - "$spack" "$1" <<'END'
import sys, types
recipe, variant = sys.argv[1:]
class Prefix(str):
    def __getattr__(self, name): return Prefix(self + "/" + name)
class Spec:
    variants = {"cuda_arch": types.SimpleNamespace(value=("80", "90"))}
    def __getitem__(self, name): return types.SimpleNamespace(prefix=Prefix("/" + name))
    def satisfies(self, what): return what == variant
class Package:
    spec = Spec()
    def enable_or_disable(self, name): return ["--disable-" + name]
module = types.ModuleType("spack.package")
module.AutotoolsPackage, module.CudaPackage = Package, type("CudaPackage", (), {})
for name in "license version variant depends_on Executable".split():
    setattr(module, name, lambda *a, **k: None)
sys.modules["spack"], sys.modules["spack.package"] = types.ModuleType("spack"), module
scope = {}
exec(compile(open(recipe).read(), recipe, "exec"), scope)
print("\n".join(scope["Scppdm"]().configure_args()))
END
}
if command -v python3 >/dev/null 2>&1; then
    for variant in +cuda ~cuda; do
        # shellcheck disable=SC2046
        report "$spack $variant: what it gives to configure is known there" "$(
            unknown $(spack_arguments $variant 2>&1 | sed -n 's/^\(--[a-z0-9-]*\).*/\1/p' | sed 's/--without-/--with-/; s/--disable-/--enable-/')
            spack_arguments $variant 2>&1 >/dev/null
        )"
    done
    report "$spack +cuda: names toolkit, NCCL and GPUs" "$(spack_arguments +cuda |
        grep -cxE -e '--with-(cuda=/cuda|nccl=/nccl|cuda-arch=80,90)' | sed '/^3$/d; s/$/ of 3/')"
else
    skip "$spack: what it gives to configure" "no python3"
fi
# A library that configure looks for is in all.
for file in $easybuild; do
    # shellcheck disable=SC2046
    report "$file: its options are those of configure" \
        "$(unknown $(grep -o -e '--with[a-z]*-[a-z0-9-]*' "$file" | sed 's/--without-/--with-/'))"
done
for file in $spack $easybuild; do
    report "$file: every library of configure is there" "$(
        echo "$known" | sed -n 's/^  --with-\([a-z0-9]*\)\(=DIR\|\[=DIR\).*/\1/p' | while read -r name; do
            case $name in cuda | nccl | mpi) continue ;; esac
            grep -qE "(\"$name\":|--with(out)?-$name)" "$file" || echo "no --with-$name"
        done
    )"
done
version=$(sed -n 's/^AC_INIT(\[scppdm\], \[\(.*\)\])/\1/p' configure.ac)
for file in $easybuild; do
    report "$file: it is for this version, and named as EasyBuild wants" "$(
        grep -qx "version = '$version'" "$file" || echo "not $version"
        cuda=$(sed -n "s/^ *('CUDA', '\([0-9.]*\)'.*/-CUDA-\1/p" "$file")
        [ "${file##*/}" = "scppdm-$version-foss-2023a$cuda.eb" ] || echo "not scppdm-$version-foss-2023a$cuda.eb"
    )"
    report "$file: what it looks for is installed" "$(
        grep -o "'\(bin\|libexec/scppdm\)/[a-z_]*'" "$file" | tr -d "'" | while read -r file; do
            [ -x "$build/${file##*/}" ] || echo "no program ${file##*/}"
        done
    )"
done
# shellcheck disable=SC2086
set -- $easybuild
report "$1 is $2 with CUDA, nothing else" "$(diff "$1" "$2" | grep '^[<>] [^#]' | grep -vi -e cuda -e nccl)"

section=$(mktemp) || exit 99
trap 'rm -f "$section"' EXIT
for image in $images; do
    report "$image: its sections are those of Apptainer" "$(
        grep -o '^%[a-z]*' "$image" |
            grep -vxE '%(files|post|environment|test|runscript|labels|help|setup|startscript|arguments)'
    )"
    report "$image: what a stage takes from another, that one makes or has" "$(
        stages=" $(sed -n 's/^Stage: //p' "$image" | tr '\n' ' ')"
        sed -n 's/^%files from //p' "$image" | while read -r from; do
            case $stages in *" $from "*) ;; *) echo "no stage $from" ;; esac
        done
        sed -n 's|^ *\(sh \)\{0,1\}/src/\([^ ]*\).*|\2|p' "$image" | while read -r file; do
            [ -e "$file" ] || echo "no $file in the sources"
        done
    )"
    # shellcheck disable=SC2046
    report "$image: its options are those of configure" "$(unknown $(grep -o -e '--with[a-z]*-[a-z0-9-]*' "$image"))"
    for name in %post %environment %test %runscript; do
        awk -v want="$name" '/^(%|Bootstrap:)/ { on = $1 == want; next } on' "$image" >"$section"
        report "$image: $name is a shell script" "$(sh -n "$section" 2>&1
            if command -v shellcheck >/dev/null 2>&1; then shellcheck --shell=sh --exclude=SC2164 "$section" 2>&1; fi)"
    done
done
# shellcheck disable=SC2086
set -- $images
report "$2 is $1 with CUDA, nothing else" "$(
    for image in "$@"; do
        sed -e '/^ *#/d' -e '/^Stage: cuda/,/^Stage: build/d' -e '/^Stage: build/d' -e '/%files from cuda/,/^$/d' \
            -e '/^%help/,$d' -e 's/image.sh build .*/image.sh build/' -e 's/ scppdm-cuda$/ scppdm/' "$image" |
            grep -viE '(/|_)cuda|cuda/|nccl|ld_library|backends|From: (nvidia|debian)|^Bootstrap|^$'
    done | sort | uniq -c | awk '$1 % 2 { print }'
)"
report "$2: has the libraries that the build with CUDA is linked with" "$(
    for library in $(sed -n 's/^ *CUDA_LIBS=//p' m4/scp_cuda.m4 | grep -o -e '-l[a-zA-Z]*' | sort -u) -lnccl; do
        case $library in -lstdc++ | -lstdc) continue ;; -lcublas*) library=-lcublas ;; esac
        grep -q "lib${library#-l}[^ ]*\.so" "$2" || echo "no ${library#-l}"
    done
)"
if command -v dpkg-query >/dev/null 2>&1 && command -v readelf >/dev/null 2>&1 &&
    grep -q 'VERSION_ID="12"' /etc/os-release; then
    listed=" $(sed -n '/^runtime="/,/"$/p' $install | tr -s '"\n' ' ') "
    report "$install: the packages of all libraries are installed" "$(
        for program in scppdm_prep scppdm_train scppdm_report scppdm_probe; do
            readelf -d "$build/$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
        done | sort -u | while read -r name; do
            path=$(/sbin/ldconfig -p | sed -n "s|^[[:space:]]*$name .*=> ||p" | head -n 1)
            package=$(dpkg-query -S "$(readlink -f "$path")" 2>/dev/null | sed 's/[:,].*//' | head -n 1)
            case $listed in *" ${package:-none} "*) ;; *)
                case $package in libc6 | '') ;; *) echo "$name: $package" ;; esac ;;
            esac
        done
    )"
else
    skip "$install: the packages of all libraries are installed" "not Debian 12, or no readelf"
fi
echo "1..$count"
