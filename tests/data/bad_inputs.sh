#!/bin/sh
# Bad input to scppdm_prep on 1, 2 and 4 ranks: one message that names what and where, the exit code
# of its kind, and no file left. With $SCP_TEST_LONG every case runs on every number of ranks.
prep=${top_builddir:-.}/scppdm_prep
plates=${top_builddir:-.}/tests/data/plates
launch=${MPIRUN:-mpirun}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"
export OMP_NUM_THREADS=1
if [ -n "${SCP_TEST_LONG:-}" ]; then some="1 2 4"; else some=1; fi
command -v "$launch" >/dev/null 2>&1 || { echo "1..0 # SKIP no $launch"; exit 0; }

# run RANKS ARGUMENT...: on one rank without a launcher. stderr in $tmp/err, exit code in $got.
run() {
    ranks=$1; shift
    if [ "$ranks" -eq 1 ]; then "$prep" "$@" >"$tmp/stdout" 2>"$tmp/err" </dev/null
    else "$launch" -n "$ranks" "$prep" "$@" >"$tmp/stdout" 2>"$tmp/err" </dev/null; fi
    got=$?
}

# bad RANKS CODE TEXT WHAT ARGUMENT...: TEXT may hold several parts, separated by '|'.
bad() {
    list=$1 code=$2 text=$3 what=$4; shift 4
    for n in $list; do
        count=$((count + 1)) why=
        run "$n" --min-cells=3 --drugs "$drugs" --output "$tmp/out/shard.h5" "$@"
        [ "$got" -eq "$code" ] || why="exit code $got"
        [ "$(grep -c 'scppdm_prep: error: ' "$tmp/err")" -eq 1 ] || why="$why, not one message"
        rest=$text
        while [ -n "$rest" ]; do
            part=${rest%%|*}
            case $rest in *'|'*) rest=${rest#*|} ;; *) rest= ;; esac
            grep -F 'scppdm_prep: error: ' "$tmp/err" | grep -q -F -e "$part" || why="$why, no '$part'"
        done
        left=$(find "$tmp/out" -type f)
        [ -z "$left" ] || { why="$why, left: $left"; rm -rf "$tmp/out"; mkdir "$tmp/out"; }
        if [ -z "$why" ]; then echo "ok $count - $what: exit $code, $n ranks"; else
            echo "not ok $count - $what, $n ranks: ${why#, }"
            sed 's/^/# err: /' "$tmp/err" | head -20
        fi
    done
}

mkdir "$tmp/out"
row=$("$plates" "$tmp" 2>/dev/null)
drugs=$tmp/drugs.tsv good=$tmp/plate1.h5ad

: >"$tmp/empty.h5ad"
echo "this is not HDF5" >"$tmp/text.h5ad"
mkdir "$tmp/folder.h5ad"
size=$(wc -c <"$good")
bad "$some" 66 "none.h5ad" "a missing file" "$good" "$tmp/none.h5ad"
bad "$some" 66 "folder.h5ad|a folder" "a folder" "$good" "$tmp/folder.h5ad"
bad "$some" 65 "empty.h5ad" "an empty file" "$good" "$tmp/empty.h5ad"
bad "$some" 65 "text.h5ad" "not HDF5" "$good" "$tmp/text.h5ad"
for part in 1 50 95; do
    head -c $((size * part / 100)) "$good" >"$tmp/cut$part.h5ad"
    bad "$some" 65 "cut$part.h5ad" "a file cut at $part %" "$tmp/cut$part.h5ad"
done
bad "$some" 65 "no-column.h5ad|cell_line|there are: |drugname_drugconc, drug" "no obs column: those there are listed" \
    "$tmp/no-column.h5ad"
bad "$some" 65 "'DMSO'|'DMSO_TF' (|cells)|--vehicle" "a wrong vehicle label: the most frequent ones are listed" \
    --vehicle=DMSO "$good"
bad "$some" 65 "no cell is left|'perfect'" "all cells filtered" --qc-value=perfect "$good"
bad "$some" 65 "other-genes.h5ad|ELSE" "genes that differ between plates" "$good" "$tmp/other-genes.h5ad"
bad "$some" 65 "twice.h5ad|GENE0007|--var-gene" "a gene twice" "$tmp/twice.h5ad"
bad "${SCP_TEST_LONG:+1 2 }4" 65 "negative.h5ad|$row|negative" "a negative count" "$tmp/negative.h5ad"
bad "$some" 65 "nan.h5ad|$row" "a count that is NaN" "$tmp/nan.h5ad"
bad "$some" 65 "fraction.h5ad|$row|--values=log" "a fractional count" "$tmp/fraction.h5ad"
: >"$tmp/file"
count=$((count + 1))
run 1 --drugs "$drugs" --output "$tmp/file/shard.h5" "$good"
if [ $got -eq 74 ] && grep -q "$tmp/file" "$tmp/err"; then echo "ok $count - an output that cannot be written: exit 74"
else echo "not ok $count - an output that cannot be written: exit $got"; fi

# A plate that one rank alone cannot read: a name space of its own shows that rank a cut file.
cat >"$tmp/rank.sh" <<'END'
#!/bin/sh
if [ "${OMPI_COMM_WORLD_RANK:-0}" = 1 ]; then
    exec unshare -rm sh -c 'mount --bind "$SHOWN" "$PLATE" && exec "$PREP" "$@"' sh "$@"
fi
exec "$PREP" "$@"
END
chmod +x "$tmp/rank.sh"
what="a plate that is cut on one rank alone"
if unshare -rm true 2>/dev/null; then
    SHOWN=$tmp/cut50.h5ad PLATE=$good PREP=$prep OMPI_MCA_btl_vader_single_copy_mechanism=none
    export SHOWN PLATE PREP OMPI_MCA_btl_vader_single_copy_mechanism
    prep=$tmp/rank.sh
    bad "${SCP_TEST_LONG:+4 }2" 65 "[1 |plate1.h5ad" "$what" "$good"
    prep=$PREP
else skip "$what" "no name space of our own"; fi

# A helper that dies as the HDF5 library does on some damaged files.
for fate in SEGV ABRT XCPU; do
    printf '#!/bin/sh\necho "obs/drug"\nulimit -c 0\nkill -%s $$\n' $fate >"$tmp/dies-$fate"
    chmod +x "$tmp/dies-$fate"
done
printf '#!/bin/sh\necho "obs/drug"\nexit 71\n' >"$tmp/memory"
printf '#!/bin/sh\nkill -TERM $$\n' >"$tmp/stopped"
chmod +x "$tmp/memory" "$tmp/stopped"
SCPPDM_PROBE=$tmp/dies-SEGV; export SCPPDM_PROBE
bad "$some" 65 "plate1.h5ad: the HDF5 library crashes while reading obs/drug (signal 11|checksum" "a file that crashes HDF5" "$good"
SCPPDM_PROBE=$tmp/dies-ABRT
bad 1 65 "crashes while reading obs/drug (signal 6" "a file that makes HDF5 abort" "$good"
SCPPDM_PROBE=$tmp/dies-XCPU
bad 1 65 "does not come to an end while reading obs/drug" "a file that HDF5 reads for ever" "$good"
SCPPDM_PROBE=$tmp/memory
bad 1 65 "reading obs/drug asks for more memory" "a file that asks for all memory" "$good"
SCPPDM_PROBE=$tmp/stopped
bad 1 75 "stopped by signal 15" "a helper that was stopped from outside" "$good"
SCPPDM_PROBE=$tmp/none
bad 1 74 "SCPPDM_PROBE=$tmp/none" "a helper that is not there" "$good"
unset SCPPDM_PROBE

# Checksums beside the inputs: as sha256sum writes them, one folder above, and in a file of its own.
bad 1 66 "plate1.h5ad: no checksum" "--check-inputs without a checksum" --check-inputs "$good"
(cd "$tmp" && sha256sum plate1.h5ad plate2.h5ad >SHA256SUMS)
cp "$tmp/plate2.h5ad" "$tmp/spoilt.h5ad"
mkdir "$tmp/down"
cp "$good" "$tmp/down/a.h5ad"
(cd "$tmp" && sha256sum down/a.h5ad >>SHA256SUMS)
cp "$tmp/plate2.h5ad" "$tmp/down/b.h5ad"
(cd "$tmp/down" && sha256sum b.h5ad >b.h5ad.sha256)
for pair in "plate1.h5ad plate2.h5ad" "down/a.h5ad down/b.h5ad"; do
    count=$((count + 1))
    run 1 --min-cells=3 --drugs "$drugs" --check-inputs --output "$tmp/checked.h5" "$tmp/${pair% *}" "$tmp/${pair#* }"
    if [ $got -eq 0 ] && grep -q "2 inputs agree with their checksums" "$tmp/err"; then
        echo "ok $count - --check-inputs: $pair agree"
    else echo "not ok $count - --check-inputs: $pair, exit $got"; sed 's/^/# err: /' "$tmp/err"; fi
done
# One bit of a label: no reader can see that; a checksum can.
at=$(grep -a -b -o "Caffeine" "$tmp/plate2.h5ad" | head -1 | cut -d: -f1)
printf 'D' | dd of="$tmp/plate2.h5ad" bs=1 seek="$at" conv=notrunc 2>/dev/null
bad "${SCP_TEST_LONG:+1 4 }2" 65 "plate2.h5ad: its SHA-256 is |SHA256SUMS says |fetch it again" "--check-inputs: a letter of a label has changed" \
    --check-inputs "$good" "$tmp/plate2.h5ad"
echo "1..$count"
