#!/bin/sh
# Wrong settings of the run programs: exit 64 before any work, and a message that names the value and the way out.
bin=${top_builddir:-.}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"

usage() { # WHAT TEXT TEXT PROGRAM ARGUMENT...
    what=$1 first=$2 second=$3; shift 3
    count=$((count + 1))
    program=$1; shift
    "$bin/$program" "$@" >"$tmp/stdout" 2>"$tmp/err" </dev/null
    rc=$?
    if [ $rc -eq 64 ] && grep -q -F -e "$first" "$tmp/err" && grep -q -F -e "$second" "$tmp/err" &&
        [ ! -e "$tmp/run" ]; then
        echo "ok $count - $program: $what"
    else
        echo "not ok $count - $program: $what"
        echo "# exit code $rc"
        sed 's/^/# err: /' "$tmp/err" | tail -20
    fi
}

for program in scppdm_vae scppdm_train scppdm_predict scppdm_eval; do
    usage "no run folder" "--run" "--help" $program
    usage "no shard" "--shard" "$tmp/run" "$program" --run "$tmp/run"
    usage "a device that is not there" "abacus" "cpu" "$program" --run "$tmp/run" --shard x.h5 --device abacus
done
usage "a form of tables that is not known" "html" "markdown" scppdm_eval --run "$tmp/run" --format html
usage "a second split that is not known" "'xx'" "val_uc" scppdm_eval --run "$tmp/run" --shard x.h5 --splits uc,xx
usage "a split that is not known" "'xx'" "val_uc" scppdm_predict --run "$tmp/run" --shard x.h5 --splits xx
usage "one file for two splits" "--output" "--splits" scppdm_predict --run "$tmp/run" --shard x.h5 --output y.h5ad
usage "no letter" "A to F" "--index" scppdm_ablate --run "$tmp/run" --shard x.h5
usage "a model that cannot be trained" "perturb_mean" "regression" \
    scppdm_train --run "$tmp/run" --shard x.h5 --model perturb_mean
echo "1..$count"
