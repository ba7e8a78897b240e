# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run
# A synthetic plate of all genes: scppdm_synth, from settings to a compressed file.
#   ours   cells per second and core of the whole program, by the wall clock
#   peer   none
#   floor  cells per second and core of packing the same X with the same compressor, nothing else
#
# -- CELLS [LEVEL]   cells of the plate (default: 100,000), compression level (default: 1, as the preset's)

cells=${1:-100000}
level=${2:-1}
plate=$work/synth
mpirun=${MPIRUN:-mpirun}
export OMP_NUM_THREADS="$threads" OPENBLAS_NUM_THREADS="$threads"

rm -f "$work/synth.runs" "$work/floor.runs" "$work/synth.rates"
i=0
while [ $i -lt "$repeat" ]; do
    i=$((i + 1))
    rm -rf "$plate"
    turn_on "$ranks" synth "$build/scppdm_synth" "$plate" --preset plate --cells-total "$cells" \
        --deflate "$level"
    sed -n 's|.*cells/s a core: \([0-9]*\) drawn, \([0-9]*\) in the file; \([0-9]*\) cells/s on \([0-9]*\) cores|\1 \2 \3 \4|p' \
        "$work/synth.log" >>"$work/synth.rates"
    turn floor "$build/bench/pack_floor" "$plate/plate1.h5ad" "$level"
done

made=$(sed -n 's/.* treated keys, \([0-9]*\) cells, .*/\1/p' "$work/synth.log")
entries=$(sed -n 's/.* cells, \([0-9]*\) non-zeros/\1/p' "$work/synth.log")
drawn=$(column_median "$work/synth.rates" '$1')
computed=$(column_median "$work/synth.rates" '$2')
ours=$(column_median "$work/synth.rates" '$3 / $4')
floor=$(awk -v n="$made" '{ print n / $1 }' "$work/floor.log")
floor_name="packing X again, level $level"
peak_mib=$(column_median "$work/synth.runs" '$2')
peer_value=
peer_name=
note "of computing time: $drawn cells/s a core drawn, $computed in the file; $(grep computing "$work/synth.log")"
note "bytes: X $(awk '{ print $2 }' "$work/floor.log"), all $(wc -c <"$plate/plate1.h5ad")"

unit="cells/s a core"
better=more
sizes="{\"cells\": $made, \"genes\": 62710, \"nonzeros\": $entries, \"level\": $level, \"bytes\": $(wc -c <"$plate/plate1.h5ad"), \
\"drawn\": $drawn, \"computed\": $computed}"
emit
