# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # variables of bench/run
# scppdm_prep on one plate of all genes with 1 rank and with --ranks: `ours` is how many times faster.
# -- CELLS   of the plate (default 1000000)

what=${1:-1000000}
plates_of "$work/plates-$what" --preset plate --deflate 4 --cells-total "$what"
rm -f "$work/one.runs" "$work/all.runs"
i=0
while [ $i -lt "$repeat" ]; do
    i=$((i + 1))
    prep_turn one "$plates" 1
    prep_turn all "$plates" "$ranks"
done
one=$(column_median "$work/one.runs" '$1')
all=$(column_median "$work/all.runs" '$1')
note "1 rank: $one s, $ranks ranks: $all s"
ours=$(divide "$one" "$all")
unit="times"
better='more'
floor=$ranks
floor_name="as many times as ranks"
peer_value=
peer_name=
peak_mib=$(column_median "$work/all.runs" '$2')
sizes="{\"cells\": $what, \"seconds_1\": $one, \"seconds_$ranks\": $all}"
emit
