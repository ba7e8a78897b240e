#!/bin/sh
# What the archives export and call, read with nm.
#
# Exported names begin with scp_. A library function never ends the process, never prints on stdout
# and draws no random number outside base/rng. The engine archive knows neither MPI nor HDF5.
set -u
build=${top_builddir:-.}
engine=$build/libscpengine.a
library=$build/libscppdm.a
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

if ! command -v nm >/dev/null 2>&1; then echo "1..0 # SKIP no nm"; exit 0; fi

# members ARCHIVE...: "object type symbol" for every symbol of the archives.
members() {
    nm -P -A "$@" 2>/dev/null | awk '{ sub(/:$/, "", $1); gsub(/.*\[|\]$/, "", $1); print $1, $3, $2 }'
}

# exports: strong global definitions with a foreign name. What the compilers add for themselves
# (coverage, sanitizers, the registration of CUDA code, nvcc's names for what is local to a file) is theirs.
exports() { awk '$2 ~ /^[TDBRC]$/ && $3 !~ /^(scp_|__gcov|__asan|__odr_asan|__fatbinwrap|_ZTI|_ZTS|_ZN[0-9]+_GLOBAL__N_)/ { print $1 ": " $3 }'; }

# calls NAMES EXCEPT: objects that call one of NAMES, apart from the objects EXCEPT.
calls() {
    awk -v names=" $1 " -v except=" ${2:-} " '$2 == "U" {
        name = $3
        sub(/@.*/, "", name)
        if (index(names, " " name " ") && !index(except, " " $1 " ")) print $1 ": " name
    }'
}

count=0
verdict() { # verdict TEXT: passes when $tmp/found is empty
    count=$((count + 1))
    if [ -s "$tmp/found" ]; then
        echo "not ok $count - $1"
        sed 's/^/# /' "$tmp/found"
    else
        echo "ok $count - $1"
    fi
}

members "$engine" "$library" >"$tmp/all"
members "$engine" >"$tmp/engine"
n=$(grep -c ' scp_' "$tmp/all")
if [ "$n" -lt 50 ]; then echo "only $n names read from $engine" >"$tmp/found"; else : >"$tmp/found"; fi
verdict "the archives were read ($n uses of scp_ names)"

exports <"$tmp/all" >"$tmp/found"
verdict "every exported name begins with scp_"

# A second interrupt from the keyboard ends the process at once: that is sig.o. nvcc gives a function of the
# device a body for the host, which exits: objects that register CUDA code.
device=$(awk '$3 == "__cudaRegisterFatBinary" { print $1 }' "$tmp/all" | tr '\n' ' ')
calls "_exit _Exit quick_exit abort raise __assert_fail MPI_Abort" "world.o sig.o morgan_rdkit.o" \
    <"$tmp/all" >"$tmp/found"
calls "exit" "world.o sig.o morgan_rdkit.o $device" <"$tmp/all" >>"$tmp/found"
verdict "no library object ends the process, except comm/world.c and base/sig.c"

app=$(cd "${top_srcdir:-.}/src/app" && for f in *.c; do printf '%s.o ' "${f%.c}"; done)
calls "printf __printf_chk vprintf puts putchar stdout" "$app" <"$tmp/all" >"$tmp/found"
verdict "no library object writes on stdout, except those of app/"

calls "rand srand random srandom drand48 lrand48 strcpy strcat sprintf vsprintf gets tmpnam mktemp" \
    <"$tmp/all" >"$tmp/found"
verdict "no unbounded copy and no hidden random state"

awk '$2 == "U" && $3 ~ /^(P?MPI_|H5)/ { print $1 ": " $3 }' "$tmp/engine" >"$tmp/found"
verdict "the engine archive calls neither MPI nor HDF5"

# The same filters on a planted object.
printf 'a.o T helper\na.o U abort\nworld.o U abort\na.o T scp_a\na.o t hidden\n' >"$tmp/plant"
{ exports <"$tmp/plant"; calls "abort" "world.o" <"$tmp/plant"; } >"$tmp/seen"
printf 'a.o: helper\na.o: abort\n' | diff - "$tmp/seen" >"$tmp/found"
verdict "a planted foreign name and a planted abort are found, and nothing else"
echo "1..$count"
