# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # variables of bench/run
# Plates of raw cells to profiles and pairs: scppdm_prep against scanpy.
#   ours   wall seconds of the whole program: read, group, average, pair, split, fingerprint, write
#   peer   wall seconds of read_h5ad, normalize_total, log1p and get.aggregate, in one process
#   floor  wall seconds of fetching and inflating the same chunks, with as many ranks and threads
#
# -- demo            three plates of 1,200 genes (the default); or another preset of scppdm_synth
# -- CELLS [BLOCK]   one plate of so many cells and 62,710 genes, packed by zlib's level 4 as Tahoe's files are. The
#                    peer takes BLOCK cells at a time; 0 (the default): the whole plate at once

what=${1:-demo}
block=${2:-0}
case $what in
*[!0-9]*) set -- --preset "$what" ;;
*) set -- --preset plate --deflate 4 --cells-total "$what" ;;
esac
plates=$work/plates-$what
plates_of "$plates" "$@"
set -- "$plates"/plate*.h5ad
if [ "$peer" = yes ]; then python_of scanpy; fi
rm -f "$work/prep.runs" "$work/floor.runs" "$work/stream.runs" "$work/peer.runs"
i=0
while [ $i -lt "$repeat" ]; do
    i=$((i + 1))
    prep_turn prep "$plates" "$ranks"
    turn_on "$ranks" floor "$build/bench/read_floor" "$@"
    turn_on "$ranks" stream "$build/bench/read_stream" "$@"
    if [ "$peer" = no ]; then continue; fi
    turn peer env OMP_NUM_THREADS=$((ranks * threads)) NUMBA_NUM_THREADS=$((ranks * threads)) \
        "$python" "$bench/peers/scanpy_aggregate.py" "$work/peer.npz" "$block" "$@"
done

ours=$(column_median "$work/prep.runs" '$1')
peak_mib=$(column_median "$work/prep.runs" '$2')
floor=$(column_median "$work/floor.runs" '$1')
floor_name="fetch and inflate the chunks"
note "of the floor, without starting and opening: $(cat "$work/floor.log") s"
note "the reader alone, rows given to nobody:     $(cat "$work/stream.log") s"
peer_value=
peer_name=
if [ "$peer" = yes ]; then
    peer_value=$(column_median "$work/peer.runs" '$1')
    peer_name="scanpy get.aggregate"
    peer_mib=$(column_median "$work/peer.runs" '$2')
    note "peak memory of the peer: $peer_mib MiB, $(divide "$peer_mib" "$(awk "BEGIN { print $peak_mib * $ranks }")") \
times that of all ranks of ours"
    note "the peer: $(grep ' read ' "$work/peer.log")"
    note "$("$python" "$bench/peers/compare.py" "$work/shard.h5" "$work/peer.npz" "$1")"
fi
cells=$(sed -n 's/.*: \([0-9]*\) cells$/\1/p' "$work/prep.log" | awk '{ n += $1 } END { print n }')
awk -v n="$cells" -v s="$ours" -v cores=$((ranks * threads)) 'BEGIN {
    rate = n / s / cores
    printf "%d cells, %.0f cells/s a core; 100 million cells: %.0f min on 1 core, %.0f on 4, %.1f on 64\n",
        n, rate, 1e8 / rate / 60, 1e8 / rate / 240, 1e8 / rate / 3840 }' >&2

unit=s
better=less
sizes="{\"plates\": $#, \"cells\": $cells, \"bytes\": $(cat "$@" | wc -c), \"peer_block\": $block, \"peer_mib\": ${peer_mib:-null}}"
emit
