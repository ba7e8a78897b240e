#!/bin/sh
# The common part of every program, through tests/cli/prog: what it prints, its exit codes, and how
# a job ends when one rank or all ranks fail.
prog=${top_builddir:-.}/tests/cli/prog
launch=${MPIRUN:-mpirun}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"

run() { # CODE ARGUMENT...: on one rank, without a launcher
    want=$1; shift
    "$prog" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ $got -eq "$want" ] || { echo "# exit code $got, want $want"; return 1; }
}
job() { # CODE ARGUMENT...: on three ranks
    want=$1; shift
    timeout 60 "$launch" -n 3 "$prog" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ $got -eq "$want" ] || { echo "# exit code $got, want $want"; return 1; }
}

run 0 --help && out '^Usage: app_prog \[OPTION\]... PLATE.h5ad...$' && out -- '--steps=N, --train.steps=N' &&
    out 'from 1 to 1000000, in steps' && out 'paper App. D' && out 'none|all|agreed|alone'
report "--help has usage, options, range, unit, source, choices"
! awk 'length > 100' "$tmp/out" | grep -q .
report "--help fits 100 columns"
run 0 --version && out '^app_prog [0-9.]* (revision ' && out '^compiler: ' && out '^mpi: '
report "--version has revision, compiler, libraries"
run 0 --print-config --steps=7 --set out=run && out '^  steps: 7$' && out '^out: run$'
report "--print-config"
cp "$tmp/out" "$tmp/a.yaml"
run 0 --print-config --config "$tmp/a.yaml" && cmp -s "$tmp/out" "$tmp/a.yaml"
report "--print-config reads back to itself"
run 0 a.h5ad --fresh -- -b && out '^arg a.h5ad$' && out '^arg -b$'
report "operands"

run 64 --stepz=3 && err 'did you mean "train.steps"' && err "Try 'app_prog --help'"
report "an unknown option: exit 64, with the way out"
run 64 --steps=0 && err 'from 1 to 1000000'
report "a value out of range: exit 64"
run 66 --config "$tmp/none.yaml" && err "none.yaml"
report "a missing settings file: exit 66"
printf 'train:\n  stpes: 1\n' >"$tmp/bad.yaml"
run 64 --config "$tmp/bad.yaml" && err "bad.yaml:2: \"train.stpes\" is not a setting"
report "a wrong settings file: exit 64, file and line"
if [ -w /dev/full ]; then
    "$prog" --help >/dev/full 2>"$tmp/err"
    [ $? -eq 74 ] && err 'standard output'
    report "a full standard output: exit 74"
else
    skip "a full standard output" "no /dev/full"
fi

run 0 --completion && sh -c 'command -v bash' >/dev/null && bash -n "$tmp/out" &&
    bash -c '. "$1"; COMP_WORDS=(app_prog --fail = a); COMP_CWORD=3; _app_prog; echo "${COMPREPLY[*]}"' \
        x "$tmp/out" | grep -qx 'all agreed alone'
report "--completion completes choices in bash"
run 0 --help-man && out '^\.TH APP_PROG 1' && out '^\.SH EXIT STATUS'
report "--help-man"
if command -v man >/dev/null 2>&1; then
    LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$tmp/out" >"$tmp/page" 2>"$tmp/err" && ! grep -q . "$tmp/err" &&
        grep -q 'Learning rate' "$tmp/page"
    report "the manual page has no warnings"
else
    skip "the manual page has no warnings" "no man"
fi

if command -v "$launch" >/dev/null 2>&1; then
    job 0 --steps=5 && [ "$(grep -c '^ranks 3 steps 5$' "$tmp/out")" -eq 1 ]
    report "three ranks run"
    job 0 --help && [ "$(grep -c '^Usage' "$tmp/out")" -eq 1 ]
    report "--help once on three ranks"
    job 64 --nothing && [ "$(grep -c 'is not a setting' "$tmp/err")" -eq 1 ]
    report "a usage error once on three ranks, exit 64"
    job 0 --config "$tmp/a.yaml" && out 'steps 7$'
    report "settings read on rank 0 reach the others"
    job 65 --fail=all && [ "$(grep -c 'error: \[0 .*\] plate1.h5ad: row 7' "$tmp/err")" -eq 1 ] &&
        ! err 'MPI_ABORT'
    report "all ranks fail alike: one report, exit 65, no abort"
    job 66 --fail=agreed --fail_rank=1 && [ "$(grep -c 'error: \[1 .*\] cannot open plate2' "$tmp/err")" -eq 1 ] &&
        [ "$(grep -c 'app_prog: error' "$tmp/err")" -eq 1 ] && err 'scp_agree'
    report "one rank fails and all agree: its report with the chain, its exit code"
    job 66 --fail=alone --fail_rank=2 && err 'error: \[2 .*\] cannot open plate2'
    report "one rank fails while the others wait: report and abort with its exit code"
else
    skip "jobs of several ranks" "no $launch"
fi
echo "1..$count"
