# shellcheck shell=sh disable=SC2034,SC2154 # variables shared with bench/run and the cases
# What every benchmark case uses: timing, the peer's Python, the table and the line of JSON. Sourced.

note() { printf '%s\n' "$*" >&2; }

# turn NAME COMMAND...: one timed run, its output in NAME.log under $work; appends "seconds MiB", the MiB of
# the largest process, to NAME.runs.
turn() {
    log=$work/$1
    shift
    if ! /usr/bin/time -o "$log.time" -f '%e %M' "$@" >"$log.log" 2>&1; then
        note "failed: $*"
        tail -n 20 "$log.log" >&2
        exit 70
    fi
    awk '{ print $1, $2 / 1024 }' "$log.time" >>"$log.runs"
}

# plates_of DIR OPTION...: plates by scppdm_synth in DIR, unless they are there.
plates_of() {
    plates=$1
    shift
    if [ ! -e "$plates/drugs.tsv" ]; then
        note "writing synthetic plates in $plates"
        rm -rf "$plates"
        "$mpirun" -n "$ranks" "$build/scppdm_synth" "$plates" "$@" >"$work/synth.log" 2>&1 || {
            tail -n 20 "$work/synth.log" >&2
            exit 70
        }
    fi
    cat "$plates"/plate*.h5ad >/dev/null # into the page cache, as far as it is large enough
}

# prep_turn NAME DIR RANKS [OPTION...]: one timed run of scppdm_prep over the plates in DIR, all genes, to
# $work/shard.h5.
prep_turn() {
    of=$1
    in=$2
    with=$3
    shift 3
    rm -rf "$work/shard.h5" "$work/shard.h5.parts"
    turn "$of" "$mpirun" -n "$with" "$build/scppdm_prep" --config "$top/mpi/conf/prep-demo.yaml" \
        "$in"/plate*.h5ad --genes all --drugs "$in/drugs.tsv" --output "$work/shard.h5" "$@"
}

# python_of PACKAGE...: a private environment under $work with these packages; sets python.
python_of() {
    python=$work/venv/bin/python
    if [ ! -x "$python" ]; then python3 -m venv "$work/venv" || exit 69; fi
    stamp=$work/venv/$(printf '%s_' "$@" | tr -c 'A-Za-z0-9_.\n' '_')
    if [ ! -e "$stamp" ]; then
        note "installing $* in $work/venv"
        "$work/venv/bin/pip" install -q --disable-pip-version-check "$@" >"$work/pip.log" 2>&1 || {
            note "pip could not install $*; see $work/pip.log, or use --no-peer"
            exit 69
        }
        : >"$stamp"
    fi
}

# divide A B: A/B with 4 digits, null when one is missing.
divide() { awk -v a="$1" -v b="$2" 'BEGIN { if (a == "" || b == "" || b == 0) print "null"; else printf "%.4g\n", a / b }'; }

# column_median FILE EXPRESSION: median over the lines of FILE of an awk expression of their fields.
column_median() {
    awk "{ printf \"%.6g\\n\", $2 }" "$1" | sort -g | awk '{ x[NR] = $1 } END { print x[int(NR / 2) + 1] }'
}

# emit: report ours, unit, floor, floor_name, peer_value, peer_name, peak_mib, better (less or more) and
# sizes (a JSON object). floor and peer_value may be empty. A case that sets ratio has its own.
emit() {
    if [ "$better" = less ]; then
        ratio=${ratio:-$(divide "$peer_value" "$ours")}
        floor_ratio=$(divide "$ours" "$floor")
    else
        ratio=${ratio:-$(divide "$ours" "$peer_value")}
        floor_ratio=$(divide "$floor" "$ours")
    fi
    {
        printf '%-28s %12s %s\n' "$name" value "$unit"
        printf '%-28s %12s\n' "ours ($ranks ranks x $threads)" "$ours"
        printf '%-28s %12s   ours is %s times better\n' "${peer_name:-no peer}" "${peer_value:--}" "$ratio"
        printf '%-28s %12s   ours takes %s of it\n' "floor: $floor_name" "${floor:--}" "$floor_ratio"
        printf '%-28s %12s MiB\n' "peak memory of a rank" "$peak_mib"
    } >&2
    printf '{"case": "%s", "ours": %s, "unit": "%s", "peer": %s, "peer_name": "%s", "ratio": %s, ' \
        "$name" "$ours" "$unit" "${peer_value:-null}" "${peer_name:-}" "$ratio"
    printf '"floor": %s, "floor_ratio": %s, "peak_mib": %s, "threads": %s, "sizes": %s}\n' \
        "${floor:-null}" "$floor_ratio" "$peak_mib" "$((ranks * threads))" "$sizes"
}
