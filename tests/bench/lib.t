#!/bin/sh
# What bench/lib.sh says of numbers: the guards before a peer is timed let nothing through that is no number, and the
# median of an even number of turns is no maximum.
# shellcheck disable=SC2016 # awk expressions
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=bench/lib.sh
. "$top/bench/lib.sh"
turns=$(mktemp) || exit 99
trap 'rm -f "$turns"' EXIT
count=0

# said WANTED WHAT COMMAND...: the status of the command is 0 exactly when WANTED is yes.
said() {
    wanted=$1
    what=$2
    shift 2
    count=$((count + 1))
    if "$@"; then got=yes; else got=no; fi
    if [ "$got" = "$wanted" ]; then echo "ok $count - $what"; else echo "not ok $count - $what: $got"; fi
}

said yes "equal numbers agree" agree 3 "1.5 2e-3 -7" "1.5 0.002 -7.0"
said yes "numbers a line each agree" agree 2 "$(printf '1\n2')" "1 2"
said yes "5e-5 is near enough" agree 2 "2 -2" "2.0001 -2.0001"
said no "5e-4 is too far" agree 2 "2 2" "2 2.001"
said no "5e-4 of a negative number is too far" agree 1 "-2" "-2.001"
for bad in nan -nan NaN inf -inf Infinity 1e999 null '' '1,5' 0x10 1e 5.; do
    case $bad in
    5.) said yes "'5.' is a number" agree 1 5 "$bad" ;;
    *)
        said no "theirs '$bad'" agree 3 "1 2 3" "1 2 $bad"
        said no "ours '$bad'" agree 3 "$bad 2 3" "1 2 3"
        said no "both '$bad'" agree 1 "$bad" "$bad"
        said no "a difference '$bad'" within 1e-4 2 "$bad 1e-6"
        ;;
    esac
done
said no "a number too many" agree 2 "1 2" "1 2 3"
said yes "small differences" within 1e-4 2 "1e-6 0"
said no "a large difference, last" within 1e-4 2 "1e-6 2e-4"

printf '1 30\n2 10\n' >"$turns"
said yes "median of two" [ "$(column_median "$turns" '$2')" = 20 ]
said yes "least and greatest" [ "$(column_min "$turns" '$2') $(column_max "$turns" '$2')" = "10 30" ]
said yes "median of two quotients" [ "$(column_median "$turns" '$2 / $1')" = 17.5 ]
printf '3 7\n' >>"$turns"
said yes "median of three" [ "$(column_median "$turns" '$2')" = 10 ]
printf '4 20\n' >>"$turns"
said yes "median of four" [ "$(column_median "$turns" '$2')" = 15 ]
printf '5\n' >"$turns"
said yes "median of one" [ "$(column_median "$turns" '$1')" = 5 ]

# Of the modes that a peer names those count whose results are right.
fake() { echo "good bad best"; }
same_result() {
    theirs="1 2"
    [ "$1" != bad ]
}
python=fake bench=/nowhere peer_script=none work=/nowhere
said yes "a compiled peer with other results is left out" [ "$(compiled_modes 2>/dev/null)" = " good best" ]

# is_json NAME=VALUE...: emit with these variables prints one line of JSON.
is_json() (
    name=case ours=2 unit=s better=less peak_mib=10 ranks=1 threads=2 sizes='{}' build=/nowhere
    peer_value='' peer_name='' floor='' floor_name=none ratio='' ratio_min='' ratio_max='' compiled=''
    peer_mib='' peer_idle_mib='' idle_mib=''
    for pair in "$@"; do eval "${pair%%=*}=\${pair#*=}"; done
    emit 2>/dev/null | jq -se 'length == 1' >/dev/null 2>&1
)
if command -v jq >/dev/null 2>&1; then
    said yes "JSON without a peer" is_json
    said yes "JSON with a peer that tells no start" is_json peer_value=4 peer_mib=20
    said yes "JSON with the start of both" is_json peer_value=4 peer_mib=20 peer_idle_mib=5 idle_mib=3
    said no "a word where a number belongs" is_json peak_mib=much
fi
echo "1..$count"
