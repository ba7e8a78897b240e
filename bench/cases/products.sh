# shellcheck shell=sh disable=SC2034,SC2154 # variables of bench/run
# Matrix products of the models by the cpu backend, oneDNN and OpenBLAS: bench_products. One process.
#   ours   geometric mean of the GFLOP/s of all shapes and directions
#   peer   the same of the faster of the two libraries, shape by shape
# -- RUNS   passes, whose median counts (default 30)

threads=$((ranks * threads))
ranks=1
export OMP_NUM_THREADS="$threads" OPENBLAS_NUM_THREADS="$threads"
"$build/bench/bench_products" "${1:-30}" >"$work/products.txt"
cat "$work/products.txt" >&2
# shellcheck disable=SC2046 # two fields
set -- $(awk -F '|' '/^[0-9]/ {
        for (i = 2; i <= 4; i++) {
            split($i, r, " ")
            ours += log(r[1]); best += log(r[2] > r[3] ? r[2] : r[3]); n++
        } }
    END { printf "%.4g %.4g\n", exp(ours / n), exp(best / n) }' "$work/products.txt")
ours=$1
peer_value=$2
peer_name="oneDNN or OpenBLAS, the better for each"
unit=GFLOP/s
better='more'
floor=
floor_name="none"
peak_mib=null
sizes="{\"shapes\": 13}"
emit
