# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # variables of bench/run
# Peak memory of scppdm_prep over plates of the same 650 keys and all genes, and more and more cells:
# `ours` is the largest over the smallest. One rank counts.
# -- CELLS...   of the plates (default 100000 1000000 5000000: 20 GB of disk)

if [ $# -eq 0 ]; then set -- 100000 1000000 5000000; fi
list=
low=
peak_mib=0
for what in "$@"; do
    plates_of "$work/keys650-$what" --preset plate --lines 50 --drugs 13 --cells-total "$what"
    rm -f "$work/memory.runs"
    prep_turn memory "$plates" "$ranks" --min-cells 1 # or fewer cells have fewer keys
    mib=$(column_median "$work/memory.runs" '$2')
    note "$what cells: $mib MiB a rank, $(column_median "$work/memory.runs" '$1') s"
    list="$list${list:+, }\"$what\": $mib"
    low=$(awk -v a="$mib" -v b="$low" 'BEGIN { print (b == "" || a < b ? a : b) }')
    peak_mib=$(awk -v a="$mib" -v b="$peak_mib" 'BEGIN { print (a > b ? a : b) }')
done
ours=$(divide "$peak_mib" "$low")
unit="times"
better=less
floor=1
floor_name="flat"
peer_value=
peer_name=
sizes="{\"mib_by_cells\": {$list}}"
emit
