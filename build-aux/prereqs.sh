# shellcheck shell=sh disable=SC2034,SC2154 # variables shared with the script that sources this
# Shared by ./check and ./demo: messages, missing Debian packages, configure and make. Sourced, POSIX sh.
# Needs: $top (source folder), $build (build folder), $jobs; writes logs under $build/setup.

packages="gcc g++ make autoconf automake pkgconf time
    libopenmpi-dev openmpi-bin libhdf5-openmpi-dev libopenblas-openmp-dev libdnnl-dev
    librdkit-dev libboost-dev libyaml-dev libjansson-dev librandom123-dev libgsl-dev
    libxxhash-dev libdeflate-dev libisal-dev libssl-dev uthash-dev zlib1g-dev curl jq
    libigraph-dev gnuplot-nox"

say() { printf '%s\n' "$*"; }

complain() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

# step K/N TEXT: one progress line with the seconds since the start.
step() { say "[$1] $2 ($(($(date +%s) - started)) s)"; }

# quietly LOG COMMAND...: run with the output in a file; on failure show its end and return 1.
quietly() {
    log=$build/setup/$1
    shift
    mkdir -p "$build/setup"
    if ("$@") >"$log" 2>&1 </dev/null; then return 0; fi
    complain "failed: $* (whole log: $log)"
    tail -n 30 "$log" >&2
    return 1
}

# missing_packages NAME...: those that dpkg does not list as installed.
missing_packages() {
    for p in "$@"; do
        dpkg-query -W -f='${Status}\n' "$p" 2>/dev/null | grep -q '^install ok installed' || printf '%s ' "$p"
    done
}

# install_packages NAME...: apt-get what is missing, as root or through sudo. On a system without
# apt-get nothing is done: configure names what it does not find.
install_packages() {
    if ! command -v apt-get >/dev/null 2>&1; then
        say "    no apt-get on this system: configure will name what is missing"
        return 0
    fi
    # shellcheck disable=SC2046,SC2086 # a list of words
    set -- $(missing_packages "$@")
    if [ $# -eq 0 ]; then return 0; fi
    root=
    if [ "$(id -u)" -ne 0 ]; then
        root=sudo
        if ! command -v sudo >/dev/null 2>&1; then
            complain "these packages are missing; install them as root: apt-get install $*"
            return 1
        fi
    fi
    say "    installing: $*"
    options="-y -q --no-install-recommends -o DPkg::Lock::Timeout=300"
    # shellcheck disable=SC2086
    quietly apt-update.log $root apt-get update &&
        quietly apt-install.log $root env DEBIAN_FRONTEND=noninteractive apt-get install $options "$@"
}

# newer_than FILE: true when a build description of the tree is newer than FILE, or FILE is missing.
newer_than() {
    [ ! -e "$1" ] || [ -n "$(find "$top/configure.ac" "$top/Makefile.am" "$top/m4" "$top/src" "$top/mpi" \
        "$top/data-prep" "$top/tests" "$top/bench" "$top/doc" "$top/slurm" -newer "$1" \
        \( -name '*.m4' -o -name '*.mk' -o -name '*.am' -o -name '*.ac' \) -print)" ]
}

configure_in_build() { cd "$build" && "$top/configure" "$@"; }

# configure_tree ARGUMENT...: bootstrap and configure $build; skipped when nothing changed.
configure_tree() {
    if newer_than "$top/configure"; then quietly bootstrap.log "$top/bootstrap" || return 1; fi
    said="$top $*"
    if [ ! -e "$build/Makefile" ] || [ -n "$(find "$top/configure" -newer "$build/config.status" 2>/dev/null)" ] ||
        [ "$(cat "$build/setup/arguments" 2>/dev/null)" != "$said" ]; then
        quietly configure.log configure_in_build "$@" || return 1
        printf '%s\n' "$said" >"$build/setup/arguments"
    fi
}

# build_tree TARGET...: make. Compiler warnings are shown.
build_tree() {
    quietly make.log make -C "$build" -j "$jobs" "$@" || return 1
    grep -E 'warning:' "$build/setup/make.log" || :
}
