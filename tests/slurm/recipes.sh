#!/bin/sh
# The recipes of package managers: what can be said of them without Spack, EasyBuild and Apptainer. They parse, the
# options that they give to configure exist, and the image has the libraries that the programs need.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$top/build}
cd "$top" || exit 99
spack=slurm/spack/package.py
easybuild=$(echo slurm/easybuild/*.eb)
image=slurm/scppdm.def

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

for file in $spack $easybuild; do
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
# shellcheck disable=SC2046
report "$easybuild: its options are those of configure" \
    "$(unknown $(grep -o -e '--with[a-z]*-[a-z0-9-]*' "$easybuild" | sed 's/--without-/--with-/'))"
# A library that configure looks for is in both.
for file in $spack "$easybuild"; do
    report "$file: every library of configure is there" "$(
        echo "$known" | sed -n 's/^  --with-\([a-z0-9]*\)\(=DIR\|\[=DIR\).*/\1/p' | while read -r name; do
            case $name in cuda | nccl | mpi) continue ;; esac
            grep -qE "(\"$name\":|--with(out)?-$name)" "$file" || echo "no --with-$name"
        done
    )"
done
version=$(sed -n 's/^AC_INIT(\[scppdm\], \[\(.*\)\])/\1/p' configure.ac)
report "$easybuild: it is for this version" "$(grep -qx "version = '$version'" "$easybuild" || echo "not $version")"
report "$easybuild: what it looks for is installed" "$(
    grep -o "'\(bin\|libexec/scppdm\)/[a-z_]*'" "$easybuild" | tr -d "'" | while read -r file; do
        [ -x "$build/${file##*/}" ] || echo "no program ${file##*/}"
    done
)"

report "$image: its sections are those of Apptainer" "$(
    grep -o '^%[a-z]*' $image | grep -vxE '%(files|post|environment|test|runscript|labels|help|setup|startscript|arguments)'
)"
for section in %post %environment %test %runscript; do
    awk -v want="$section" '/^(%|Bootstrap:)/ { on = $1 == want; next } on' $image >"${TMPDIR:-/tmp}/scppdm-def.$$"
    report "$image: $section is a shell script" "$(sh -n "${TMPDIR:-/tmp}/scppdm-def.$$" 2>&1)"
    rm -f "${TMPDIR:-/tmp}/scppdm-def.$$"
done
if command -v dpkg-query >/dev/null 2>&1 && command -v readelf >/dev/null 2>&1 &&
    grep -q 'VERSION_ID="12"' /etc/os-release; then
    listed=" $(sed -n '/^Stage: run/,$p' $image | tr -s '\n\134' ' ') "
    report "$image: the packages of all libraries are installed" "$(
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
    skip "$image: the packages of all libraries are installed" "not Debian 12, or no readelf"
fi
echo "1..$count"
