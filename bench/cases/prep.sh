# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run
# Plates of raw cells to profiles and pairs: scppdm_prep against anndata + scipy.
#   ours   wall seconds of the whole program: read, group, average, pair, split, fingerprint, write
#   peer   wall seconds of reading and averaging the same plates, nothing else, in one process
#   floor  wall seconds of inflating the chunks of X, by as many ranks and threads with the same library,
#          and doing nothing

plates=$work/plates
if [ ! -e "$plates/drugs.tsv" ]; then
    note "writing synthetic plates in $plates"
    rm -rf "$plates"
    "$build/scppdm_synth" "$plates" --preset "${1:-demo}" >"$work/synth.log" 2>&1 || {
        tail -n 20 "$work/synth.log" >&2
        exit 70
    }
fi
set -- "$plates"/plate*.h5ad
cat "$@" >/dev/null # all of them from the page cache
mpirun=${MPIRUN:-mpirun}
export OMP_NUM_THREADS="$threads" OPENBLAS_NUM_THREADS="$threads"

rm -f "$work/shard.h5"
fastest "$work/prep.log" "$mpirun" -n "$ranks" "$build/scppdm_prep" --config "$top/mpi/conf/prep-demo.yaml" \
    "$@" --drugs "$plates/drugs.tsv" --output "$work/shard.h5"
ours=$seconds
peak_mib=$peak

fastest "$work/floor.log" "$mpirun" -n "$ranks" "$build/bench/read_floor" "$@"
floor=$seconds
floor_name="inflate the chunks of X"
note "of the floor, without starting and opening: $(cat "$work/floor.log") s"
fastest "$work/stream.log" "$mpirun" -n "$ranks" "$build/bench/read_stream" "$@"
note "the reader alone, rows given to nobody:     $(cat "$work/stream.log") s"

peer_value=
peer_name=
if [ "$peer" = yes ]; then
    python_of anndata scipy numpy
    OMP_NUM_THREADS=$((ranks * threads)) OPENBLAS_NUM_THREADS=$((ranks * threads))
    fastest "$work/peer.log" "$python" "$bench/peers/pseudobulk.py" "$work/peer.npz" "$@"
    peer_value=$seconds
    peer_name="anndata + scipy"
    note "peak memory of the peer: $peak MiB"
    note "$("$python" "$bench/peers/compare.py" "$work/shard.h5" "$work/peer.npz")"
fi

unit=s
better=less
sizes="{\"plates\": $#, \"bytes\": $(cat "$@" | wc -c)}"
emit
