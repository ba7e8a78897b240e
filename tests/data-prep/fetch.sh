#!/bin/bash
# fetch-tahoe against a server on localhost that fails in every way a download meets: in the end the files are
# right, or there is a clear error, an exit code and no file.
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
fetch=${top_srcdir:-.}/data-prep/fetch-tahoe
server=${top_builddir:-.}/tests/data-prep/http_server
for tool in curl flock dd sha256sum; do
    if ! command -v $tool >/dev/null 2>&1; then echo "1..0 # SKIP no $tool"; exit 0; fi
done
# Files that are synced many times, in memory where there is room: the test is of the program, not of the disk.
if [ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" -gt 200000 ] 2>/dev/null && [ -w /dev/shm ]; then
    export TMPDIR="${TMPDIR:-/dev/shm}"
fi
# shellcheck source=tests/tap.sh
. "${top_srcdir:-.}/tests/tap.sh"
server_pid=
cleanup() {
    if [ -n "$server_pid" ]; then kill "$server_pid" && wait "$server_pid"; fi 2>/dev/null
    rm -rf "$tmp"
}
trap cleanup EXIT
unset HF_TOKEN HF_ENDPOINT http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY
export no_proxy='*' TMPDIR="$tmp"
out=$tmp/out log=$tmp/www/log

plate() { echo "h5ad/plate$1_filt_Vevo_Tahoe100M_WServicesFrom_ParseGigalab.h5ad"; }
faults() { printf '%s\n' "$@" >"$tmp/www/faults"; rm -f "$log"; }
begin() { # FAULT...: a new folder and these faults
    rm -rf "$out"
    faults "$@"
}
# Plate 1 unless told otherwise; blocks of 1 MiB, no waiting.
usual() {
    echo --what plates --plates 1 --out "$out" --base-url "$url/atlas" --hub-url "$url/hub" \
        --block 1 --pause 0 --retries 2
}
get() { # ARGUMENT...
    # shellcheck disable=SC2046 # a list of words
    "$fetch" $(usual) "$@" >"$tmp/said" 2>&1
}
start() { # ARGUMENT...: the same, behind; its process is $run
    # shellcheck disable=SC2046
    "$fetch" $(usual) "$@" >"$tmp/said" 2>&1 &
    run=$!
}
said() { grep -q -F -e "$1" "$tmp/said" || { echo "# not said: $1"; return 1; }; }
asked() { grep -c -e "$1" "$log"; }
asked_for() { # COUNT: so many GETs; the server may note the last one a moment later
    for _ in $(seq 40); do if [ "$(asked '^GET')" -eq "$1" ]; then return; fi; sleep 0.05; done
    echo "# $(asked '^GET') requests instead of $1"
    return 1
}
whole() { # NAME [SOURCE]: as the server has it, noted, and nothing else around
    cmp "$tmp/www/${2:-atlas/$1}" "$out/$1" && (cd "$out" && grep -q -F "$1" SHA256SUMS &&
        sha256sum --quiet -c SHA256SUMS) && [ ! -e "$out/$1.part" ] && [ ! -e "$out/$1.part.state" ]
}
no_file() { [ ! -e "$out/$(plate 1)" ] && ! grep -q plate1_ "$out/SHA256SUMS" 2>/dev/null; }
fails() { # CODE ARGUMENT...
    local want=$1 code
    shift
    get "$@"
    code=$?
    [ $code -eq "$want" ] || { echo "# exit code $code, want $want"; return 1; }
}
md5_header() { # FILE: the headers of the bucket
    # shellcheck disable=SC2059 # the bytes of the sum
    printf 'x-goog-hash: crc32c=AAAAAA==\nx-goog-hash: md5=%s\n' \
        "$(printf "$(md5sum <"$1" | cut -c 1-32 | sed 's/../\\x&/g')" | base64)"
}

p1=$(plate 1) p2=$(plate 2) path=/atlas/$(plate 1)
mkdir -p "$tmp/www/atlas/h5ad" "$tmp/www/atlas/tutorial"
size=3500001
head -c $size /dev/urandom >"$tmp/www/atlas/$p1"
head -c 2000000 /dev/urandom >"$tmp/www/atlas/$p2"
head -c 300000 /dev/urandom >"$tmp/www/atlas/tutorial/plate3_2k-obs.h5ad"
head -c $size /dev/urandom >"$tmp/www/atlas/$p1.next"
md5_header "$tmp/www/atlas/$p1" >"$tmp/www/atlas/$p1.headers"
"$server" "$tmp/www" "$tmp/port" &
server_pid=$!
for _ in $(seq 100); do if [ -s "$tmp/port" ]; then break; fi; sleep 0.05; done
url=http://127.0.0.1:$(cat "$tmp/port")
: >"$tmp/said"

# A connection that stalls, beside the other tests: curl takes its time.
cp "$tmp/www/atlas/$p2" "$tmp/www/atlas/$(plate 3)"
echo "/atlas/$(plate 3) stall 200000 1" >"$tmp/www/faults"
"$fetch" --what plates --plates 3 --out "$tmp/stalled" --base-url "$url/atlas" --pause 0 --stall 1 \
    >"$tmp/stalled.said" 2>&1 &
stalled=$!
for _ in $(seq 100); do if grep -q -s ^GET "$log"; then break; fi; sleep 0.05; done

# ---- without faults
begin
get --dry-run && [ -z "$(find "$out" -type f)" ] && said "1 of 1 files" && said "3.5 MB" && said md5
report "--dry-run: name, size, checksum; nothing is written"
begin
get --what plates,tutorial --plates 1-2 && whole "$p1" && whole "$p2" && whole tutorial/plate3_2k-obs.h5ad &&
    said "md5 agrees" && said "its size alone was checked" && [ "$(asked '206$')" -ge 6 ]
report "two plates and the tutorial, in ranges; what has no checksum is named"
faults
get --what plates,tutorial --plates 1-2 && said "0 of 3 files" && [ "$(asked '^GET')" -eq 0 ]
report "again: nothing is fetched"
get --verify && said "3 files agree"
report "--verify"
printf x | dd of="$out/$p1" bs=1 seek=1000 conv=notrunc status=none
fails 65 --verify && said "$p1"
report "--verify: a changed byte: exit 65, the file is named"
rm "$out/SHA256SUMS"
fails 65 && said "not what the source holds"
report "a file of another origin that differs: exit 65, it is left alone"
cp "$tmp/www/atlas/$p1" "$out/$p1"
faults
get && whole "$p1" && [ "$(asked '^GET')" -eq 0 ]
report "a file of another origin that is right is taken over"

# ---- connections
begin "$path cut 300000 3"
get && whole "$p1" && said "again at byte" && asked_for 7
report "cut three times: what is missing is asked for, no more"
begin "$path cut 0 99"
fails 75 && said "gave up after 3 failures" && said "goes on" && no_file
report "always cut: exit 75, no file"
faults
get && whole "$p1"
report "and the next run ends it"
begin "$path status 500 2" "$path refuse 503 1" "$path refuse 500 2"
get && whole "$p1" && said "error: 503; again"
report "500 and 503 with Retry-After, on HEAD too: tried again"
begin "$path status 429 99"
fails 75 && no_file
report "429 for ever: exit 75"
begin "$path status 404 99"
fails 66 && said "is not there (HTTP 404)" && no_file
report "404: exit 66, with a hint"
begin "$path status 403 99"
fails 74 && said "access denied" && no_file
report "403: exit 74"
begin "$path noranges 0 99"
get && whole "$p1" && said "ignores ranges"
report "ranges ignored: in one piece"
begin "$path noranges 0 99" "$path cut 100000 1"
get && whole "$p1"
report "ranges ignored, then a cut in front"
url_off=http://127.0.0.1:1
"$fetch" --what plates --plates 1 --out "$out" --base-url $url_off --pause 0 --retries 1 >"$tmp/said" 2>&1
[ $? -eq 75 ] && said "curl: (7)"
report "no server: exit 75, curl's own words"

# 35 GB in 522 blocks: the first, one behind 2^32 and the last are here, the line of another was cut.
printf 'fetch-tahoe-1 35000000001 x 67108864\n0 67108864 ok\n6710886400 67108864 ok\n' >"$tmp/state"
printf '34963718144 36281857 ok\n7046430720 67108864' >>"$tmp/state"
(
    # shellcheck source=/dev/null
    . "${top_srcdir:-.}/data-prep/fetch-transfer.bash"
    missing "$tmp/state" 35000000001 67108864
) >"$tmp/said"
[ "$(wc -l <"$tmp/said")" -eq 519 ] && said "7046430720 67108864" && ! grep -q -e ^6710886400 -e '^0 ' "$tmp/said" &&
    [ "$(tail -n 1 "$tmp/said")" = "34896609280 67108864" ]
report "the missing blocks of a file of 35 GB"

# ---- contents
begin "$path flip 1500000 4"
get && whole "$p1" && said "md5 checksum" && said "fetched once more"
report "a turned bit: noticed, fetched once more"
begin "$path flip 1500000 999"
fails 65 && said "md5 checksum" && no_file && [ ! -e "$out/$p1.part" ]
report "a turned bit every time: exit 65, no file"
begin "$path short 1000 6"
get && whole "$p1" && said "again at byte"
report "answers that end 1000 bytes early: the rest is asked for"
begin "$path long 77 99"
fails 75 && said "changes faster" && no_file
report "ranges of a file of another length: exit 75, no file"
cp "$tmp/www/atlas/$p1.next" "$tmp/www/atlas/$p1.keep"
begin "$path change 0 2"
get && said "the source changed in between" && whole "$p1" "atlas/$p1.next"
report "another ETag in between: anew, and the new version is whole"
begin "$path cut 100000 1" "$path refuse 404 99"
fails 66 --connections 1 && [ -e "$out/$p1.part" ]
report "a file that goes away: exit 66, what came is kept"
faults "$path change 0 0"
get && said "changed since the last run" && whole "$p1" "atlas/$p1.next"
report "another version since the last run: anew"
begin
sha256sum "$tmp/www/atlas/$p2" | sed 's,  .*/,  ,' >"$tmp/sums"
get --plates 2 --checksums "$tmp/sums" && said "sha256 agrees"
report "--checksums: agrees"
begin
sed "s/^..../0000/" "$tmp/sums" >"$tmp/wrong"
fails 65 --plates 2 --checksums "$tmp/wrong" && [ ! -e "$out/$p2" ]
report "--checksums: another sum: exit 65, no file"

# CRC32C alone, as the bucket gives for files that were put together from parts. Without rhash a stand-in
# knows the sum of the one text, 123456789 [RFC 3720 gives the polynomial; e3069283 is its check value].
printf 123456789 >"$tmp/www/atlas/$(plate 5)"
echo 'x-goog-hash: crc32c=4waSgw==' >"$tmp/www/atlas/$(plate 5).headers"
if ! command -v rhash >/dev/null 2>&1; then
    mkdir "$tmp/bin"
    # shellcheck disable=SC2016 # for the inner shell
    printf '#!/bin/sh\nif [ "$(cat)" = 123456789 ]; then echo E3069283; else echo 0; fi\n' >"$tmp/bin/rhash"
    chmod +x "$tmp/bin/rhash"
    PATH=$PATH:$tmp/bin
fi
begin
get --plates 5 && said "crc32c agrees" && whole "$(plate 5)"
report "CRC32C agrees"
echo 'x-goog-hash: crc32c=4waSgA==' >"$tmp/www/atlas/$(plate 5).headers"
begin
fails 65 --plates 5 && said "crc32c checksum e3069283 instead of e3069280" && [ ! -e "$out/$(plate 5)" ]
report "CRC32C differs: exit 65, no file"

# ---- the hub: a listing in two pages, a redirect to another path, hashes in headers
hub=$tmp/www/hub
rev=2dc57900b7981cfcf5e211527169a0b006546a95
tree=$hub/api/datasets/tahoebio/Tahoe-100M/tree/$rev
files=$hub/datasets/tahoebio/Tahoe-100M/resolve/$rev
mkdir -p "$tree/more" "$files/data" "$files/metadata" "$tmp/www/cdn"
hub_file() { # NAME BYTES: on the CDN, a redirect from the hub; prints its line of the listing
    local sha
    head -c "$2" /dev/urandom >"$tmp/www/cdn/${1##*/}"
    sha=$(sha256sum <"$tmp/www/cdn/${1##*/}")
    echo "$url/cdn/${1##*/}" >"$files/$1.redirect"
    printf 'X-Linked-ETag: "%s"\nX-Linked-Size: %d\n' "${sha%% *}" "$2" >"$files/$1.headers"
    printf '{"type":"file","path":"%s","oid":"%040d","size":%d,"lfs":{"oid":"%s","size":%d}}' "$1" 1 "$2" \
        "${sha%% *}" "$2"
}
if command -v jq >/dev/null 2>&1; then
    { echo "[$(hub_file data/train-00000-of-03388.parquet 70000),"
        echo '{"type":"directory","path":"data/x","oid":"1","size":0}]'; } >"$tree/data"
    echo "Link: <$url/hub/api/datasets/tahoebio/Tahoe-100M/tree/$rev/more/data?cursor=abc>; rel=\"next\"" \
        >"$tree/data.headers"
    echo "[$(hub_file data/train-00001-of-03388.parquet 80000)]" >"$tree/more/data"
    printf small >"$files/metadata/sample_metadata.parquet"
    echo "[$(hub_file metadata/drug_metadata.parquet 50000)," \
        "$(hub_file metadata/obs_metadata.parquet 60000)," \
        "{\"type\":\"file\",\"path\":\"metadata/../../../etc/drug_metadata.parquet\",\"oid\":\"1\",\"size\":5}," \
        "{\"type\":\"file\",\"path\":\"metadata/sample_metadata.parquet\",\"size\":5,\"oid\":\"$(
            { printf 'blob 5\0'; printf small; } | sha1sum | cut -c 1-40)\"}]" >"$tree/metadata"
    one=/cdn/train-00000-of-03388.parquet
    begin "$one cut 30000 1"
    get --what parquet,metadata --shards 0-1 &&
        whole data/train-00000-of-03388.parquet cdn/train-00000-of-03388.parquet &&
        whole data/train-00001-of-03388.parquet cdn/train-00001-of-03388.parquet &&
        whole metadata/drug_metadata.parquet cdn/drug_metadata.parquet && said "sha256 agrees" &&
        said "git agrees" && [ ! -e "$out/metadata/obs_metadata.parquet" ] && [ "$(wc -l <"$out/SHA256SUMS")" -eq 4 ]
    report "the hub: pages of a listing, redirects, a cut, SHA-256 and git hashes; nothing outside its folders"
    begin
    fails 66 --what parquet --shards 0-5 && said "6 shards asked for, 2 listed"
    report "shards that are not listed: exit 66"
    begin "$one flip 5 99"
    fails 65 --what parquet --shards 0 && [ ! -e "$out/data/train-00000-of-03388.parquet" ]
    report "a shard with a turned bit: exit 65, no file"
    echo 'X-Linked-ETag: "0000000000000000000000000000000000000000000000000000000000000000"' \
        >"$files/data/train-00001-of-03388.parquet.headers"
    begin
    fails 65 --what parquet --shards 1 && said "other content than it lists"
    report "a shard that is not the one listed: exit 65"

    # A listing from a server that means ill: what should be a number or a sum is neither.
    listed() { # JSON of size and checksum: the drug table, in a listing
        echo "[{\"type\":\"file\",\"path\":\"metadata/drug_metadata.parquet\",$1}]" >"$tree/metadata"
    }
    refused() { # JSON: is no size or checksum, and nothing is run, fetched or written
        listed "$1"
        begin
        fails 74 --what metadata && said "no right size and checksum of metadata/drug_metadata.parquet" &&
            [ ! -e "$tmp/ran" ] && [ -z "$(find "$out" -type f)" ]
    }
    # shellcheck disable=SC2016 # not for this shell
    refused '"oid":"1","size":"x[$(touch '"$tmp/ran"')]"' &&
        refused '"oid":"1","size":"x[$(touch${IFS}'"$tmp/ran"')]"' &&
        refused '"oid":"1","size":5,"lfs":{"oid":"00","size":"x[$(touch${IFS}'"$tmp/ran"')]"}' &&
        refused '"oid":"1","size":1000000000000000000' && refused '"oid":"1","size":-5' &&
        refused '"oid":"1","size":"010"' && refused '"oid":"x[1]","size":5' && refused '"size":5'
    report "a listing whose sizes or checksums are none: exit 74, nothing of it is run"
    listed '"oid":"1","size":5},{"type":"file","path":"metadata/drug_metadata.parquet","oid":"2","size":6},
        {"type":"file","path":"data/gene_metadata.parquet","oid":"1","size":"a b"'
    begin
    get --what metadata --dry-run && said "1 of 1 files" && said "5 B"
    report "a file listed twice, and one of another folder: the first counts, the other does not"
else
    skip "the hub" "no jq"
fi

# ---- here
begin
fails 64 --plates 1-15 && said "--plates 1-15" && fails 64 --what plate && fails 64 --colour && fails 64 --jobs 0
report "usage: exit 64, the option is named"
begin
truncate -s 3T "$tmp/www/atlas/$(plate 7)" 2>/dev/null &&
    if [ "$(df --output=avail -B1 "$tmp" | tail -n 1)" -lt 3000000000000 ]; then
        fails 74 --plates 7 && said "has room for" && [ "$(asked '^GET')" -eq 0 ]
        report "no room: exit 74 before anything is fetched"
    else
        skip "no room" "this disk holds 3 TB"
    fi
begin
(trap '' XFSZ; ulimit -f 2000; fails 74) && said "writing failed" && no_file
report "a write that fails: exit 74, no file"
mkdir "$tmp/locks"
# shellcheck disable=SC2016 # not for this shell
printf '#!/bin/sh\nif [ "$1" = -n ]; then echo "flock: 9: No locks available" >&2; exit 71; fi\nexec %s "$@"\n' \
    "$(command -v flock)" >"$tmp/locks/flock"
chmod +x "$tmp/locks/flock"
begin
PATH=$tmp/locks:$PATH get && whole "$p1" && said "No locks available" && ! grep -q "another fetch" "$tmp/said"
report "a file system without locks: a warning, and on it goes"
begin "$path stall 900000 4"
start --stall 60
for _ in $(seq 100); do if [ -e "$log" ] && [ "$(asked ^GET)" -eq 4 ]; then break; fi; sleep 0.05; done
kill -TERM $run
wait $run
[ $? -eq 75 ] && said "stopped; the same command goes on" && no_file && [ -e "$out/$p1.part" ]
report "SIGTERM: exit 75, says how to go on"
! grep -q -s -a -e "$url/[a]tlas/h5ad/plate1_" /proc/[0-9]*/cmdline
report "no curl is left behind"
faults
get && whole "$p1"
report "and the same command goes on"

# Killed at many points, without a chance to clean up; cuts in between.
begin "$path cut 400000 20"
for k in $(seq $((${#SCP_TEST_LONG} > 0 ? 40 : 4))); do
    start --connections 2
    sleep "0.$((k * 7 % 40 + 10))"
    kill -9 $run 2>/dev/null
    wait $run 2>/dev/null
    if [ -e "$out/$p1" ] && ! cmp -s "$tmp/www/atlas/$p1" "$out/$p1"; then break; fi
done
get && whole "$p1"
report "kill -9 again and again: never a wrong file, and the last run ends it"
wait $stalled && cmp "$tmp/www/atlas/$(plate 3)" "$tmp/stalled/$(plate 3)" &&
    grep -q "Operation too slow.*again at byte 200000" "$tmp/stalled.said"
report "a connection that stalls is cut and continued"
echo "1..$count"
