# shellcheck shell=sh
# What shell tests share: a folder of their own in $tmp, numbered results, looks at what a program said. A script
# keeps what a program said in $tmp/stdout or $tmp/out, and in $tmp/err, or both in $tmp/log, and ends with: echo "1..$count"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/scppdm-test-XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
count=0
export OMPI_MCA_ess_singleton_isolated=1 # a program without a launcher starts no daemon beside it

report() { # WHAT: the result of the command before
    rc=$?
    count=$((count + 1))
    if [ $rc -eq 0 ]; then echo "ok $count - $1"; return; fi
    echo "not ok $count - $1"
    for said in stdout out said err log; do
        if [ -f "$tmp/$said" ]; then sed "s/^/# $said: /" "$tmp/$said" | tail -20; fi
    done
}
skip() { # WHAT WHY
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}
run() { # CODE PROGRAM ARGUMENT...
    want=$1; shift
    timeout 60 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ $got -eq "$want" ] || { echo "# exit code $got, want $want"; return 1; }
}
err() { grep -q -e "$1" "$tmp/err"; }
out() { grep -q -e "$1" "$tmp/out"; }
