#!/bin/sh
# scppdm_prep on a disk that is too small, for its parts or for its shard, by one rank and by two: one message that
# names the file and the room, exit code 74, nothing left that a later step would take, and no rank that waits for
# ever. On file systems that can claim room (tmpfs) and on one that cannot (ext2), where the writes themselves would
# fail. Needs the right to mount. SCP_TEST_LONG=1: more sizes, one where all but the last tables fit.
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"
prep=${top_builddir:-.}/scppdm_prep
plates=${top_builddir:-.}/tests/data/plates
launch=${MPIRUN:-mpirun}
disk=$tmp/disk
mounted=no
trap '[ $mounted = no ] || umount "$disk"; rm -rf "$tmp"' EXIT

attach() { # KIND KIB
    case $1 in
    tmpfs) mount -t tmpfs -o "size=${2}k" tmpfs "$disk" ;;
    ext2)
        rm -f "$tmp/image" && dd if=/dev/zero of="$tmp/image" bs=1k count="$2" &&
            mkfs.ext2 -q -F -m 0 -N 64 "$tmp/image" && mount -o loop "$tmp/image" "$disk" ;;
    esac >"$tmp/mount" 2>&1 && mounted=yes
}
detach() { umount "$disk" && mounted=no; }
run() { # RANKS [OPTION]: $? is 124 when it does not end
    option=${2:-}
    if [ "$1" -eq 1 ]; then set -- timeout 60; else set -- timeout 60 "$launch" -n "$1"; fi
    "$@" "$prep" ${option:+"$option"} --min-cells=3 --memory=100 --no-probe --drugs "$tmp/drugs.tsv" --output "$out" --scratch "$scratch" \
        "$tmp/plate1.h5ad" "$tmp/plate2.h5ad" >"$tmp/stdout" 2>"$tmp/err"
}
refused() { # RANKS [OPTION]
    run "$@"
    [ $? -eq 74 ] && err 'no room for .*MiB are needed\|no space left' && [ ! -e "$out" ] &&
        [ -z "$(find "$disk" -name '*.h5*' -type f)" ]
}

sizes=1200
[ -n "${SCP_TEST_LONG:-}" ] && sizes="64 1200 2200 2680"
mkdir "$disk"
"$plates" "$tmp" >/dev/null 2>"$tmp/err"
report "write plates"
for kind in tmpfs ext2; do
    if ! attach $kind 1200; then
        skip "a full $kind" "it cannot be mounted: $(head -1 "$tmp/mount")"
        continue
    fi
    detach
    for kib in $sizes; do
        [ "$kind,$kib" = ext2,64 ] && continue # no file system is that small
        for ranks in 1 2; do
            [ $ranks -gt 1 ] && ! command -v "$launch" >/dev/null 2>&1 && continue
            attach $kind "$kib" && out=$tmp/out.h5 scratch=$disk && refused $ranks --keep-parts && detach
            report "$kind of $kib KiB for the parts, $ranks ranks: $(sed -n 's/.*\(no room.*\|no space.*\)/\1/p' "$tmp/err" | head -1)"
            attach $kind "$kib" && out=$disk/out.h5 scratch=$tmp/scratch && refused $ranks && detach
            report "$kind of $kib KiB for the shard, $ranks ranks: $(sed -n 's/.*\(no room.*\|no space.*\)/\1/p' "$tmp/err" | head -1)"
            rm -rf "$tmp/scratch"
        done
    done
    attach $kind 1200 && out=$tmp/out.h5 scratch=$disk && run 1 && [ -e "$out" ] && rm "$out" && detach
    report "$kind: one batch makes no part, so it needs no room for one"
    attach $kind 8000 && out=$disk/out.h5 scratch=$disk && run 1 && [ -e "$out" ] && detach
    report "$kind with enough room: the same command succeeds"
done
echo "1..$count"
