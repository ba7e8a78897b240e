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
    python=$given_python
    if [ -n "$python" ]; then return; fi
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

# turns_with_peer N: --repeat turns of ours_once and, with a peer, of "$python $peer_script time $peer_file N", eager
# and in every mode of torch.compile that it names, one after the other. A line a turn: ours in ours.runs, and in
# peer-MODE.runs the seconds of ours beside the fields of the peer, whose last two are MiB: at the most, and before it
# has read anything. Sets what emit says of the peer.
turns_with_peer() {
    modes=
    if [ "$peer" = yes ]; then
        modes="eager"
        if [ "$compile" = yes ]; then modes="eager $("$python" "$bench/peers/$peer_script" modes)"; fi
    fi
    rm -f "$work"/ours.runs "$work"/peer-*.runs
    i=0
    while [ $i -lt "$repeat" ]; do
        i=$((i + 1))
        mine_now=$(ours_once)
        printf '%s\n' "$mine_now" >>"$work/ours.runs"
        note "turn $i: ours $mine_now"
        for mode in $modes; do
            theirs_now=$("$python" "$bench/peers/$peer_script" time "$peer_file" "$1" "$mode" 2>"$work/peer.log") || {
                note "the peer failed, mode $mode:"
                tail -n 5 "$work/peer.log" >&2
                if [ "$mode" = eager ]; then exit 70; fi
                continue
            }
            printf '%s %s\n' "${mine_now%% *}" "$theirs_now" >>"$work/peer-$mode.runs"
            note "        $mode $theirs_now"
        done
    done
    for mode in $modes; do
        of=$work/peer-$mode.runs
        if [ ! -e "$of" ]; then continue; fi
        value=$(column_median "$of" '$2')
        better_than=$(column_median "$of" '$2 / $1')
        if [ "$mode" = eager ]; then
            peer_value=$value
            ratio=$better_than
            peer_mib=$(column_median "$of" '$(NF - 1)')
            peer_idle_mib=$(column_median "$of" '$NF')
        elif [ -z "$compiled" ] || awk -v a="$value" -v b="$compiled" 'BEGIN { exit !(a < b) }'; then
            compiled=$value
            ratio_compiled=$better_than
            compiled_mode=$mode
        fi
    done
}

# emit: report ours, unit, floor, floor_name, peer_value, peer_name, peak_mib, better (less or more) and
# sizes (a JSON object). floor and peer_value may be empty. A case that sets ratio has its own; compiled,
# ratio_compiled, compiled_mode, peer_mib and peer_idle_mib are of peers that say so.
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
        if [ -n "$compiled" ]; then
            printf '%-28s %12s   ours is %s times better\n' "torch.compile, $compiled_mode" "$compiled" "$ratio_compiled"
        fi
        printf '%-28s %12s MiB\n' "peak memory of a rank" "$peak_mib"
        if [ -n "$peer_mib" ]; then
            printf '%-28s %12s MiB, %s before it has read anything\n' "peak memory of the peer" "$peer_mib" \
                "$peer_idle_mib"
        fi
    } >&2
    printf '{"case": "%s", "ours": %s, "unit": "%s", "peer": %s, "peer_name": "%s", "ratio": %s, ' \
        "$name" "$ours" "$unit" "${peer_value:-null}" "${peer_name:-}" "$ratio"
    if [ -n "$compiled" ]; then
        printf '"compiled": %s, "compiled_mode": "%s", "ratio_compiled": %s, ' "$compiled" "$compiled_mode" \
            "$ratio_compiled"
    fi
    if [ -n "$peer_mib" ]; then
        printf '"peer_mib": %s, "peer_idle_mib": %s, "memory_ratio": %s, ' "$peer_mib" "$peer_idle_mib" \
            "$(divide "$peer_mib" "$peak_mib")"
    fi
    printf '"floor": %s, "floor_ratio": %s, "peak_mib": %s, "threads": %s, "sizes": %s}\n' \
        "${floor:-null}" "$floor_ratio" "$peak_mib" "$((ranks * threads))" "$sizes"
}
