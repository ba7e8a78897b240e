#!/bin/sh
# The documents name what exists: every equation of the paper, 1 to 32, has a row in doc/equations.md, and
# the functions, files and tests that the documents name are there.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$top" || exit 99
count=0

report() { # WHAT MISSING: MISSING is empty when all is well
    count=$((count + 1))
    if [ -z "$2" ]; then echo "ok $count - $1"; else
        echo "not ok $count - $1"
        echo "$2" | sed 's/^/# /'
    fi
}

# equations FILE: numbers of the first column, ranges written out.
equations() {
    sed -n 's/^| eq\. \([0-9, -]*\).*/\1/p' "$1" | sed 's/[, ][, ]*/\n/g' |
        awk -F- 'NF == 1 && $1 != "" { print $1 } NF == 2 { for (i = $1; i <= $2; i++) print i }'
}
# quoted FILE: what stands in backticks.
# shellcheck disable=SC2016
quoted() { grep -o '`[^`]*`' "$1" | tr -d '`' | sort -u; }
# there PATH: a file, a folder, a pattern, or a test by the name of its program.
there() {
    # shellcheck disable=SC2086
    for found in $1 "${1%.*}.c"; do
        if [ -e "$found" ]; then return 0; fi
    done
    return 1
}

have=$(equations doc/equations.md | sort -nu | tr '\n' ' ')
missing=$(for n in $(seq 1 32); do
    case " $have" in *" $n "*) ;; *) echo "equation $n" ;; esac
done)
report "every equation has a row" "$missing"

for file in README.md bench/README.md doc/*.md; do
    missing=$(quoted "$file" | grep -E '^(src|tests|mpi|data-prep|slurm|bench|doc|m4)/[^ ]*$' | while read -r path; do
        if ! there "$path"; then echo "$path"; fi
    done)
    report "$file: files that it names" "$missing"
    missing=$(quoted "$file" | grep -oE '^scp_[a-z0-9_]+' | sort -u | while read -r name; do
        if ! grep -rqw "$name" src; then echo "$name"; fi
    done)
    report "$file: functions that it names" "$missing"
done
# The last cell of a fault names the tests that try it, or says "same" or "both" below one that does.
# shellcheck disable=SC2016
tested=$(awk -F'|' '/^\| fault / { named = ""; next } /^\|[- |]*$/ { next }
    /^\|/ { if ($(NF - 1) ~ /`tests\//) named = $(NF - 1)
            else if (named == "" || $(NF - 1) !~ /same|both/) print "no test: " $2 }
    !/^\|/ { named = "" }' doc/reliability.md)
report "doc/reliability.md: every fault has a test" "$tested"
# shellcheck disable=SC2016
report "doc/reliability.md: make check or make check-long runs them" "$(grep '^|' doc/reliability.md | grep -o '`tests/[^`]*`' | tr -d '`' | sort -u |
    while read -r path; do
        cat tests/*/local.mk | sed -e ':join' -e '/\\$/{' -e N -e 's/\\\n//' -e 'b join' -e '}' |
            grep -qE "(TESTS|_tests) [+]?=.*[[:space:]]$path([[:space:]]|\$)" || echo "$path"
    done)"
echo "1..$count"
