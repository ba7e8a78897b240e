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

# turn_on RANKS NAME COMMAND...: a turn on so many ranks; one is started as its user would, without a launcher.
turn_on() {
    if [ "$1" -eq 1 ]; then
        shift
        turn "$@"
    else
        with=$1
        of=$2
        shift 2
        turn "$of" "$mpirun" -n "$with" "$@"
    fi
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
    cat "$in"/plate*.h5ad >/dev/null # a peer between two turns may have put them out of the page cache
    turn_on "$with" "$of" "$build/scppdm_prep" --config "$top/mpi/conf/prep-demo.yaml" \
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

# numbers N WORD...: these are N finite numbers. To be asked before awk compares: some awks find nan equal to anything.
numbers() {
    if [ $# -ne $(($1 + 1)) ]; then return 1; fi
    shift
    printf '%s\n' "$@" | awk '
        !/^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/ || $1 <= -1e300 || $1 >= 1e300 { bad = 1 }
        END { exit bad }'
}

# agree N MINE THEIRS: two lists of N finite numbers, pairwise the same to 1e-4 of the first.
agree() {
    # shellcheck disable=SC2086 # lists
    numbers $((2 * $1)) $2 $3 && printf '%s\n%s\n' "$2" "$3" | tr -s ' \n' '\n\n' | awk -v n="$1" '
        NF { x[++k] = $1 }
        END {
            for (i = 1; i <= n; i++) {
                d = x[i] - x[i + n]
                limit = 1e-4 * x[i]
                if ((d < 0 ? -d : d) > (limit < 0 ? -limit : limit)) exit 1
            }
        }'
}

# within LIMIT N LIST: N finite numbers, none above LIMIT.
within() {
    # shellcheck disable=SC2086 # a list
    numbers "$2" $3 && printf '%s\n' "$3" | tr -s ' \n' '\n\n' | awk -v limit="$1" 'NF && $1 > limit { bad = 1 }
        END { exit bad }'
}

# column FILE EXPRESSION: an awk expression of the fields of every line of FILE, in ascending order.
column() { awk "{ printf \"%.6g\\n\", $2 }" "$1" | sort -g; }

# Its median (the mean of the two in the middle when there are two), least and greatest.
column_median() {
    column "$@" | awk '{ x[NR] = $1 } END { printf "%.6g\n", (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2 }'
}
column_min() { column "$@" | head -n 1; }
column_max() { column "$@" | tail -n 1; }

# compiled_modes: the modes of torch.compile that the peer names, as far as same_result MODE finds its results right.
compiled_modes() {
    for mode in $("$python" "$bench/peers/$peer_script" modes); do
        if same_result "$mode"; then
            note "torch.compile, $mode: $theirs"
            printf ' %s' "$mode"
        else
            note "torch.compile, $mode, is left out, its results are others: ${theirs:-none} ($work/peer.log)"
        fi
    done
}

# turns_with_peer N: --repeat turns of ours_once and, with a peer, of "$python $peer_script time $peer_file N", eager
# and in every mode of compiled_modes, one after the other. A line a turn: ours in ours.runs, and in
# peer-MODE.runs the seconds of ours beside the fields of the peer, whose last two are MiB: at the most, and before it
# has read anything. Sets what emit says of the peer.
turns_with_peer() {
    modes=
    if [ "$peer" = yes ]; then
        modes="eager"
        if [ "$compile" = yes ]; then modes="eager$(compiled_modes)"; fi
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
            ratio_min=$(column_min "$of" '$2 / $1')
            ratio_max=$(column_max "$of" '$2 / $1')
            peer_mib=$(column_median "$of" '$(NF - 1)')
            peer_idle_mib=$(column_median "$of" '$NF')
        elif [ -z "$compiled" ] || awk -v a="$value" -v b="$compiled" 'BEGIN { exit !(a < b) }'; then
            compiled=$value
            ratio_compiled=$better_than
            ratio_compiled_min=$(column_min "$of" '$2 / $1')
            ratio_compiled_max=$(column_max "$of" '$2 / $1')
            compiled_mode=$mode
        fi
    done
}

# emit: report ours, unit, floor, floor_name, peer_value, peer_name, peak_mib, better (less or more) and
# sizes (a JSON object). floor and peer_value may be empty. A case that sets ratio has its own; ratio_min, ratio_max,
# compiled, compiled_mode, ratio_compiled with its _min and _max, peer_mib and peer_idle_mib are of peers that say so, and
# idle_mib of cases that know it of ours.
emit() {
    if [ "$better" = less ]; then
        ratio=${ratio:-$(divide "$peer_value" "$ours")}
        floor_ratio=$(divide "$ours" "$floor")
    else
        ratio=${ratio:-$(divide "$ours" "$peer_value")}
        floor_ratio=$(divide "$floor" "$ours")
    fi
    spread=
    if [ -n "$ratio_min" ]; then spread=" ($ratio_min to $ratio_max)"; fi
    {
        printf '%-28s %12s %s\n' "$name" value "$unit"
        printf '%-28s %12s\n' "ours ($ranks ranks x $threads)" "$ours"
        printf '%-28s %12s   ours is %s times better%s\n' "${peer_name:-no peer}" "${peer_value:--}" \
            "$ratio" "$spread"
        printf '%-28s %12s   ours takes %s of it\n' "floor: $floor_name" "${floor:--}" "$floor_ratio"
        if [ -n "$compiled" ]; then
            printf '%-28s %12s   ours is %s times better (%s to %s)\n' "torch.compile, $compiled_mode" "$compiled" \
                "$ratio_compiled" "$ratio_compiled_min" "$ratio_compiled_max"
        fi
        printf '%-28s %12s MiB%s\n' "peak memory of a rank" "$peak_mib" \
            "${idle_mib:+, $idle_mib before it has read anything}"
        if [ -n "$peer_mib" ]; then
            printf '%-28s %12s MiB%s\n' "peak memory of the peer" "$peer_mib" \
                "${peer_idle_mib:+, $peer_idle_mib before it has read anything}"
        fi
    } >&2
    printf '{"case": "%s", "ours": %s, "unit": "%s", "peer": %s, "peer_name": "%s", "ratio": %s, ' \
        "$name" "$ours" "$unit" "${peer_value:-null}" "${peer_name:-}" "$ratio"
    if [ -n "$ratio_min" ]; then printf '"ratio_min": %s, "ratio_max": %s, ' "$ratio_min" "$ratio_max"; fi
    if [ -n "$compiled" ]; then
        printf '"compiled": %s, "compiled_mode": "%s", "ratio_compiled": %s, ' "$compiled" "$compiled_mode" \
            "$ratio_compiled"
        printf '"ratio_compiled_min": %s, "ratio_compiled_max": %s, ' "$ratio_compiled_min" "$ratio_compiled_max"
    fi
    if [ -n "$peer_mib" ]; then
        printf '"peer_mib": %s, "peer_idle_mib": %s, "memory_ratio": %s, ' "$peer_mib" "${peer_idle_mib:-null}" \
            "$(divide "$peer_mib" "$peak_mib")"
    fi
    if [ -n "$idle_mib" ]; then printf '"idle_mib": %s, ' "$idle_mib"; fi
    if [ -n "$idle_mib" ] && [ -n "$peer_idle_mib" ]; then
        printf '"memory_ratio_above_idle": %s, ' "$(awk -v a="$peer_mib" -v b="$peer_idle_mib" -v c="$peak_mib" \
            -v d="$idle_mib" 'BEGIN { if (c > d) printf "%.4g", (a - b) / (c - d); else print "null" }')"
    fi
    device=$("$build/bench/bench_step" device) || device=unknown
    printf '"floor": %s, "floor_ratio": %s, "peak_mib": %s, "threads": %s, "device": "%s", "sizes": %s}\n' \
        "${floor:-null}" "$floor_ratio" "$peak_mib" "$((ranks * threads))" "$device" "$sizes"
}
