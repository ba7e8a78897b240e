#!/bin/sh
# What the container images of slurm/ do inside, as root on Debian 12. The sources are in /src.
#   image.sh build [ARGUMENT...]   install what the build needs, build, install into /opt/scppdm; ARGUMENT... for configure
#   image.sh run                   install the libraries that the programs load
set -eu
prefix=/opt/scppdm
# Of the libraries in `packages` of prereqs.sh, what runs; curl is for fetch-tahoe, gnuplot for scppdm_report.
runtime="openmpi-bin libopenmpi3 libhdf5-openmpi-103-1 libopenblas0-openmp libdnnl2 librdkit1 libyaml-0-2
    libjansson4 libgsl27 libxxhash0 libdeflate0 libisal2 libigraph3 libssl3 zlib1g libgomp1 libstdc++6 libgcc-s1
    gnuplot-nox curl ca-certificates"

install() { # PACKAGES
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    # shellcheck disable=SC2086 # a list of words
    apt-get install -y --no-install-recommends $1
}

case ${1:-} in
build)
    shift
    # shellcheck source=build-aux/prereqs.sh
    . /src/build-aux/prereqs.sh
    install "$packages"
    cd /src
    ./bootstrap
    mkdir -p /tmp/build
    cd /tmp/build
    /src/configure --prefix="$prefix" "$@"
    make -j"$(nproc)"
    make install-strip
    ;;
run)
    install "$runtime"
    rm -rf /var/lib/apt/lists/*
    ;;
*)
    echo "usage: image.sh build [ARGUMENT...] | run" >&2
    exit 64
    ;;
esac
