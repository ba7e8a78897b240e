#!/bin/sh
# scppdm_prep that is killed, stopped, disturbed: whatever happened before, the same command ends with the same
# content, nothing that a later step would take appears before, and finished parts are not done again.
# SCP_TEST_LONG=1: 20 random kill points instead of 4; ranks x threads x --single-writer, all of them.
# shellcheck disable=SC2086 # lists of processes are split at blanks
prep=${top_builddir:-.}/scppdm_prep
plates=${top_builddir:-.}/tests/data/plates
synth=${top_builddir:-.}/scppdm_synth
launch=${MPIRUN:-mpirun}
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"
export OMP_NUM_THREADS=1

run() { "$prep" --min-cells=3 --drugs "$tmp/drugs.tsv" --output "$out" "$@" "$tmp/plate1.h5ad" "$tmp/plate2.h5ad" \
    >"$tmp/stdout" 2>"$tmp/err"; }
ranks() { # N OPTION...
    n=$1; shift
    "$launch" -n "$n" "$prep" --min-cells=3 --drugs "$tmp/drugs.tsv" --output "$out" "$@" \
        "$tmp/plate2.h5ad" "$tmp/plate1.h5ad" >"$tmp/stdout" 2>"$tmp/err"
}
start() { # the same in the background: $job is the program itself
    "$prep" --min-cells=3 --drugs "$tmp/drugs.tsv" --output "$out" "$@" "$tmp/plate1.h5ad" "$tmp/plate2.h5ad" \
        >"$tmp/stdout" 2>"$tmp/err" &
    job=$!
}
children() { # PID
    cat /proc/[0-9]*/status 2>/dev/null | awk -v p="$1" '/^Pid:/ { pid = $2 } /^PPid:/ && $2 == p { print pid }'
}
wait_for_parts() { # N: or the end of $job
    tries=0
    while [ "$(parts)" -lt "$1" ] && kill -0 $job 2>/dev/null && [ $tries -lt 500 ]; do
        tries=$((tries + 1)); sleep 0.002
    done
}
same() { [ "$("$plates" --hash "$out")" = "$want" ]; }
parts() { find "$out.parts" -name 'part-*.h5' 2>/dev/null | wc -l; }
alone() { # the output is all that is left
    [ "$(find "$tmp/out" -type f | wc -l)" -eq 1 ] && [ ! -e "$out.parts" ] && [ -e "$out" ]
}
random() { # BELOW
    od -An -N2 -tu2 /dev/urandom | awk -v n="$1" '{ print $1 % n }'
}

mkdir "$tmp/out"
out=$tmp/out/shard.h5
"$plates" "$tmp" >/dev/null 2>"$tmp/err"
report "write plates"
run --threads=1
want=$("$plates" --hash "$out")
[ -n "$want" ] && alone
report "one rank, one thread"

# ---- the same content ----
for threads in 2 3; do
    rm -f "$out"
    run --threads=$threads --memory=1 && same && alone
    report "$threads threads in little memory write the same"
done
rm -f "$out"
run --single-writer && same
report "--single-writer of one rank writes the same"
if command -v "$launch" >/dev/null 2>&1; then
    for n in 2 3 4; do
        rm -f "$out"
        ranks $n --threads=$((n % 2 + 1)) --memory=1 && same && alone
        report "$n ranks x $((n % 2 + 1)) threads in little memory write the same"
    done
    rm -f "$out"
    ranks 3 --single-writer --memory=1 && same && alone
    report "--single-writer of 3 ranks writes the same"
    if [ -n "${SCP_TEST_LONG:-}" ]; then
        for n in 1 2 3 4; do
            for threads in 1 2; do
                for writer in true false; do
                    rm -f "$out"
                    ranks $n --threads=$threads --single-writer=$writer --memory=2 && same && alone
                    report "$n ranks x $threads threads, --single-writer=$writer, write the same"
                done
            done
        done
    fi
else
    skip "several ranks" "no $launch"
fi

# ---- parts ----
rm -f "$out"
run --memory=1 --keep-parts && same && [ "$(parts)" -ge 4 ]
report "--keep-parts keeps them"
made=$(parts)
rm -f "$out"
run --memory=1 --keep-parts && same && [ "$(grep -c 'taken over' "$tmp/err")" -eq "$made" ] && ! err ' cells '
report "all parts are taken over, no cell is read"
some=$(find "$out.parts" -name 'part-*.h5' | sort | sed -n 2p)
rm -f "$out" "$some"
ranks_or_one() { if command -v "$launch" >/dev/null 2>&1; then ranks 2 "$@"; else run "$@"; fi; }
ranks_or_one --memory=100 --keep-parts && same && [ "$(grep -c 'taken over' "$tmp/err")" -eq $((made - 1)) ] &&
    [ -e "$some" ]
report "a missing part is done again, on other ranks, with other memory"
size=$(wc -c <"$some")
for at in $((size / 2)) $((size * 3 / 4)) 2100; do # rows, tables, header
    rm -f "$out"
    printf '\125\252\125\252\125\252\125\252' | dd of="$some" bs=1 seek="$at" conv=notrunc 2>/dev/null
    ranks_or_one --keep-parts && same && err "is removed" &&
        [ "$(grep -c 'taken over' "$tmp/err")" -eq $((made - 1)) ]
    report "a part damaged at byte $at is refused and done again"
done
rm -f "$out"
head -c 3000 "$some" >"$some.cut" && mv "$some.cut" "$some"
run --keep-parts && same && err "is removed"
report "a truncated part is refused and done again"
rm -f "$out"
mv "$some" "$tmp/away" && ln -s "$tmp/not-there" "$some"
! run --keep-parts && err "$some: no such file" && ! err "is removed" && [ -L "$some" ] && [ ! -e "$out" ] &&
    mv "$tmp/away" "$some" && run --keep-parts && same && [ "$(grep -c 'taken over' "$tmp/err")" -eq "$made" ]
report "a part that cannot be read now ends the run and stays; later it is taken over"
rm -f "$out"
run --keep-parts --seed=2 && ! same && ! err 'taken over' && [ "$(grep -c 'another plan' "$tmp/err")" -eq "$made" ]
report "another seed is another plan: its parts are not taken"
touch "$tmp/plate2.h5ad"
rm -f "$out"
run && same && ! err 'taken over' && err 'another plan' && alone
report "an input that was written to is another plan"
rm -f "$out"
touch "$out.tmp.1234567" && mkdir "$out.parts" && touch "$out.parts/part-0000000-0000001.h5.tmp.77"
run && same && alone && err 'was killed is removed'
report "temporaries of dead runs are removed"
mkdir "$tmp/scratch"
run --scratch="$tmp/scratch" --keep-parts --memory=1 && same && [ ! -e "$out.parts" ] &&
    [ "$(find "$tmp/scratch/shard.h5.parts" -name 'part-*.h5' | wc -l)" -ge 4 ]
report "--scratch holds the parts"
rm -rf "$tmp/scratch"

# ---- one run at a time ----
if command -v flock >/dev/null 2>&1; then
    rm -f "$out"
    flock "$out.lock" sh -c "\"$prep\" --drugs \"$tmp/drugs.tsv\" --output \"$out\" \"$tmp/plate1.h5ad\"" \
        >"$tmp/stdout" 2>"$tmp/err"
    [ $? -eq 75 ] && err 'another run holds' && [ ! -e "$out" ]
    report "an output that another run writes: exit 75"
    rm -f "$out.lock"
else
    skip "a lock" "no flock"
fi

# ---- the plan ----
rm -f "$out"
run --dry-run --memory=1 && [ -z "$(find "$tmp/out" -mindepth 1)" ] &&
    grep -q 'plate1.h5ad: 422 cells, 301 kept, .* 5 passes' "$tmp/stdout" && grep -q 'batches *5 of' "$tmp/stdout"
report "--dry-run says how often each plate is read, and writes nothing"

# ---- kill -9 ----
points=4 needed=1 interrupted=0 point=0
[ -n "${SCP_TEST_LONG:-}" ] && points=20 needed=10
while [ $point -lt $points ]; do
    point=$((point + 1))
    rm -rf "$out" "$out.parts"
    k=$(random 3) delay=$(random 20)
    if [ $((point % 2)) -eq 0 ] && command -v "$launch" >/dev/null 2>&1; then
        how="2 ranks"
        "$launch" -n 2 "$prep" --min-cells=3 --drugs "$tmp/drugs.tsv" --output "$out" --memory=1 \
            "$tmp/plate2.h5ad" "$tmp/plate1.h5ad" >"$tmp/stdout" 2>"$tmp/err" &
        job=$!
    else
        how="1 rank"
        start --memory=1
    fi
    wait_for_parts "$k"
    sleep "0.0$(printf %02d "$delay")"
    ranks=$(children $job) # of mpirun; some launchers have a helper between
    for r in $ranks; do ranks="$ranks $(children "$r")"; done
    kill -9 $ranks $job 2>/dev/null
    wait $job 2>/dev/null
    for r in $ranks; do # not our children: nobody waits for them
        tries=0
        while kill -0 "$r" 2>/dev/null && [ $tries -lt 500 ]; do tries=$((tries + 1)); sleep 0.002; done
    done
    done_before=$(parts)
    whole=no fine=yes
    if [ -e "$out" ]; then
        whole=yes
        same || fine=no
    else
        interrupted=$((interrupted + 1))
    fi
    [ $fine = yes ] && run --memory=2 && same && alone &&
        { [ $whole = yes ] || [ "$(grep -c 'taken over' "$tmp/err")" -eq "$done_before" ]; }
    report "$how killed after $k parts and $delay ms: $done_before taken over, output whole before: $whole"
done
[ $interrupted -ge $needed ]
report "$interrupted of $points kills came before the end"

# ---- one batch, which makes no part ----
points=2 interrupted=0 point=0
[ -n "${SCP_TEST_LONG:-}" ] && points=20
while [ $point -lt $points ]; do
    point=$((point + 1))
    rm -rf "$out" "$out.parts"
    delay=$(random $((30 * point)))
    start
    sleep "0.0$(printf %02d "$delay")"
    kill -9 $job 2>/dev/null
    wait $job 2>/dev/null
    fine=yes
    if [ -e "$out" ]; then same || fine=no; else interrupted=$((interrupted + 1)); fi
    [ $fine = yes ] && [ "$(parts)" -eq 0 ] && run && same && alone && ! err 'taken over'
    report "one batch killed after $delay ms: nothing is taken for a part, and it begins again"
done
[ $interrupted -ge 1 ]
report "$interrupted of $points kills came before the end"
rm -f "$out"
run --keep-parts && [ "$(parts)" -eq 1 ] && rm -f "$out" && run && same && alone && err 'taken over' && ! err ' cells '
report "a part that has it all is taken over by a run that would make none"

# ---- stop and go on ----
stops=0 rc=0
while [ $rc -ne 85 ] && [ $stops -lt 10 ]; do # a run that ends before its signal is tried again
    stops=$((stops + 1))
    rm -rf "$out" "$out.parts"
    start --memory=1
    wait_for_parts 1
    kill -TERM $job 2>/dev/null
    wait $job
    rc=$?
    [ $rc -eq 85 ] || [ $rc -eq 0 ] || break
done
[ $rc -eq 85 ] && err 'goes on' && [ ! -e "$out" ] && [ "$(parts)" -ge 1 ]
report "SIGTERM: exit 85, parts stay"
run --memory=1 && same && alone
report "and the same command goes on"

# ---- a plate that changes ----
stops=0 rc=0
while [ $rc -eq 0 ] && [ $stops -lt 10 ]; do
    stops=$((stops + 1))
    rm -rf "$out" "$out.parts"
    start --memory=1
    wait_for_parts 1
    touch "$tmp/plate1.h5ad" "$tmp/plate2.h5ad"
    wait $job
    rc=$?
done
[ $rc -eq 65 ] && err 'plate[12].h5ad changed while it was read' && [ ! -e "$out" ]
report "a plate that is written to while it is read: exit 65"
run && same && alone
report "and the next run starts anew"

# ---- one part a plate, with the memory that there is ----
"$synth" "$tmp/screen" --preset tiny --plates 3 --repeat 0 --mixed 0 >"$tmp/stdout" 2>"$tmp/err" &&
    [ "$(find "$tmp/screen" -name '*.h5ad' | wc -l)" -eq 3 ]
report "three plates in three files"
out=$tmp/out/screen.h5
set -- --min-cells=3 --threads=1 --drugs "$tmp/screen/drugs.tsv" --output "$out"
"$prep" "$@" --keep-parts "$tmp"/screen/*.h5ad >"$tmp/stdout" 2>"$tmp/err" && [ "$(parts)" -eq 3 ]
report "three parts without --memory"
want=$("$plates" --hash "$out")
stops=0 rc=0
while [ $rc -ne 137 ] && [ $stops -lt 10 ]; do
    stops=$((stops + 1))
    rm -rf "$out" "$out.parts"
    "$prep" "$@" "$tmp"/screen/*.h5ad >"$tmp/stdout" 2>"$tmp/err" &
    job=$!
    wait_for_parts 1
    kill -9 $job 2>/dev/null
    wait $job 2>/dev/null
    rc=$?
done
done_before=$(parts)
[ $rc -eq 137 ] && [ "$done_before" -ge 1 ] && [ ! -e "$out" ] && "$prep" "$@" "$tmp"/screen/*.h5ad 2>"$tmp/err" &&
    same && [ "$(grep -c 'taken over' "$tmp/err")" -eq "$done_before" ]
report "killed after $done_before of them: a restart takes them over"
echo "1..$count"
