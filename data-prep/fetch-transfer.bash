# shellcheck shell=bash disable=SC2154 # the settings are the program's
# Part of fetch-tahoe, which sources it: one request, the blocks of a file, a file until it has its name.
#
# Needs: $out, $tmp, $connections, $block, $retries, $pause, $stall, $hub_url, $checksums, the exit codes,
# say and complain.

# ---- one request ---------------------------------------------------------------------------------------

# headers FILE: of a dump of answers (redirects first): status, length, identity, sha256, md5, crc32c,
# total of Content-Range, Retry-After and the next page; "-" where there is none. The hub names content by
# X-Linked-ETag on its redirect; elsewhere the ETag, or the time of change, of the last answer counts.
headers() {
    awk '
        function or_dash(x) { return x == "" ? "-" : x }
        { sub(/\r$/, "") }
        /^HTTP\// { status = $2; size = etag = changed = total = later = next_page = ""; next }
        {
            key = tolower($0); sub(/:.*/, "", key)
            value = $0; sub(/^[^:]*:[ \t]*/, "", value)
        }
        key == "content-length" { size = value }
        key == "etag" { etag = value }
        key == "last-modified" { changed = value }
        key == "retry-after" && value ~ /^[0-9]+$/ { later = value }
        key == "content-range" && value ~ /\/[0-9]+$/ { total = value; sub(/.*\//, "", total) }
        key == "x-linked-etag" { linked = value }
        key == "x-linked-size" { linked_size = value }
        key == "link" && value ~ /rel="?next/ {
            next_page = value; sub(/^[^<]*</, "", next_page); sub(/>.*/, "", next_page)
        }
        key == "x-goog-hash" {
            n = split(value, part, /, */)
            for (i = 1; i <= n; i++) {
                if (part[i] ~ /^md5=/) md5 = substr(part[i], 5)
                if (part[i] ~ /^crc32c=/) crc = substr(part[i], 8)
            }
        }
        END {
            sha = linked; gsub(/"/, "", sha)
            if (sha !~ /^[0-9a-f]+$/ || length(sha) != 64) sha = ""
            identity = linked != "" ? linked : etag != "" ? etag : changed
            gsub(/^W\/|"/, "", identity)
            gsub(/[ \t]/, "_", identity)
            if (linked_size != "") size = linked_size
            print or_dash(status), or_dash(size), or_dash(identity), or_dash(sha), or_dash(md5), or_dash(crc),
                or_dash(total), or_dash(later), or_dash(next_page)
        }' "$1" 2>/dev/null
}

# judge CURL_EXIT STATUS: what a failed request means. Prints again, changed, gone, denied or never.
judge() {
    case $2 in
    404 | 410) echo gone ;;
    401 | 403) echo denied ;;
    412 | 416) echo changed ;;
    408 | 425 | 429 | 5??) echo again ;;
    4??) echo never ;;
    *) case $1 in
        1 | 2 | 3 | 4 | 27 | 35 | 51 | 53 | 54 | 58 | 59 | 60 | 66 | 77 | 82 | 83 | 90 | 91) echo never ;;
        *) echo again ;;
        esac ;;
    esac
}

explain() { # VERDICT STATUS URL SCRATCH: why a request fails for good
    case $1 in
    gone) echo "$3 is not there (HTTP $2); is --base-url, --dataset or --revision out of date?" ;;
    denied) echo "$3: access denied (HTTP $2); a token may be needed, see HF_TOKEN in --help" ;;
    *) echo "$3: $(tail -n 1 "$4.err" 2>/dev/null)" ;;
    esac
}

code_of() { if [ "$1" = gone ]; then echo "$no_input"; else echo "$io_error"; fi; }

# back_off FAILURES RETRY_AFTER: wait before the next try; what the server asks for counts, up to 5 minutes.
back_off() {
    local s=$((pause << ($1 < 6 ? $1 : 6)))
    if ((s > 60)); then s=60; fi
    if is_number "$2" && ((10#$2 > s)); then s=$((10#$2 < 300 ? 10#$2 : 300)); fi
    # Connections that failed together do not come back together.
    if ((s > 0)); then sleep "$s.$((RANDOM % 10))"; fi
}

alive() { [ ! -e "$tmp/stop" ] && kill -0 $$ 2>/dev/null; }

curl_for() { # URL: the options of curl for it, into $curl_options; the token goes to the hub alone
    curl_options=(-q --silent --show-error --fail --location --connect-timeout 20
        --speed-limit 1024 --speed-time "$stall" --user-agent "scppdm-$program")
    if [ -e "$tmp/token" ] && [[ $1 == "$hub_url"/* ]]; then curl_options+=(--config "$tmp/token"); fi
}

# small URL FILE SCRATCH [CURL_OPTION]...: get a listing, or with --head the headers alone, with retries.
small() {
    local url=$1 file=$2 scratch=$3 failures=0 rc status later verdict
    shift 3
    curl_for "$url"
    while alive; do
        curl "${curl_options[@]}" "$@" --max-time 120 --dump-header "$scratch.head" --output "$file" "$url" \
            2>"$scratch.err"
        rc=$?
        read -r status _ _ _ _ _ _ later _ < <(headers "$scratch.head")
        if [ "$rc" -eq 0 ]; then return 0; fi
        verdict=$(judge $rc "$status")
        if [ "$verdict" != again ]; then
            complain "$(explain "$verdict" "$status" "$url" "$scratch")"
            return "$(code_of "$verdict")"
        fi
        failures=$((failures + 1))
        complain "$(tail -n 1 "$scratch.err") ($url)"
        if ((failures > retries || failures > 4)); then return "$go_on"; fi
        back_off $failures "$later"
    done
    return "$go_on"
}

# ---- checksums of what is here -------------------------------------------------------------------------

# other_sum KIND SIZE: the checksum of stdin.
other_sum() {
    case $1 in
    md5) md5sum ;;
    crc32c) rhash --printf='%{crc32c}' - ;;
    git) { printf 'blob %d\0' "$2"; cat; } | sha1sum ;;
    esac | awk '{ print tolower($1) }'
}

# sums FILE KIND SCRATCH: its SHA-256 and its checksum of that kind, in one reading.
sums() {
    local kind=$2 fifo=$3.fifo sha reader
    if [ "$kind" = sha256 ] || [ "$kind" = - ]; then
        sha=$(sha256sum <"$1") || return
        echo "${sha%% *} ${sha%% *}"
        return
    fi
    rm -f "$fifo"
    mkfifo "$fifo" || return
    other_sum "$kind" "$(stat -c %s "$1")" <"$fifo" >"$3.other" &
    reader=$!
    sha=$(tee "$fifo" <"$1" | sha256sum) && wait "$reader" || return
    echo "${sha%% *} $(cat "$3.other")"
}

noted_sum() { awk -v n="$1" '$2 == n { s = $1 } END { print s }' "$out/SHA256SUMS" 2>/dev/null; }

# note NAME SHA256: into SHA256SUMS; one at a time.
note() {
    (
        flock 8
        if [ -n "$(noted_sum "$1")" ]; then
            awk -v n="$1" '$2 != n' "$out/SHA256SUMS" >"$out/SHA256SUMS.new" &&
                printf '%s  %s\n' "$2" "$1" >>"$out/SHA256SUMS.new" &&
                mv "$out/SHA256SUMS.new" "$out/SHA256SUMS"
        else
            printf '%s  %s\n' "$2" "$1" >>"$out/SHA256SUMS"
        fi
    ) 8>"$tmp/sums.lock"
}

# settle NAME FILE SIZE SUM SCRATCH: FILE is NAME if size and checksum say so; then it gets the name.
# Returns 1 when they do not.
settle() {
    local name=$1 file=$2 want=$4 kind sha other
    kind=${want%%:*}
    if [ "$(stat -c %s "$file")" != "$3" ]; then
        complain "$name: $(stat -c %s "$file") bytes came instead of $3"
        return 1
    fi
    read -r sha other < <(sums "$file" "$kind" "$5")
    [ -n "$sha" ] || { complain "$name: cannot read $file"; return "$io_error"; }
    if [ "$kind" != - ] && [ "$other" != "${want#*:}" ]; then
        complain "$name: $kind checksum $other instead of ${want#*:}"
        return 1
    fi
    if [ "$file" != "$out/$name" ]; then
        { sync "$file" && mv -f "$file" "$out/$name"; } 2>"$5.err" ||
            { complain "$name: $(tail -n 1 "$5.err")"; return "$io_error"; }
        rm -f "$file.state"
    fi
    note "$name" "$sha" || return "$io_error"
    if [ "$kind" = - ]; then say "$name: whole; the source gives no checksum, so its size alone was checked"
    else say "$name: whole, $kind agrees"; fi
}

# ---- one file ------------------------------------------------------------------------------------------

# same IDENTITY IDENTITY: of one content, as far as they can be compared: what the hub lists is a hash, which an
# answer without its X-Linked-ETag does not carry.
same() {
    local hash='^[0-9a-f]{40,64}$'
    [ "$1" = "$2" ] || { [[ $1 =~ $hash ]] && ! [[ $2 =~ $hash ]]; }
}

# attempt URL FILE OFFSET WANT SIZE IDENTITY RANGED SCRATCH: one request for WANT bytes at OFFSET, written in
# place. Sets $got (bytes that count), $later and $why. Returns 0 all there, 1 try again, 2 the server
# ignores ranges, 3 the content is another, 4 never ($code).
attempt() {
    local url=$1 file=$2 offset=$3 want=$4 size=$5 identity=$6 scratch=$8 range=() rcs status length id total
    got=0 later=- why='' code=$io_error
    if [ "$7" = yes ]; then range=(--range "$offset-$((offset + want - 1))"); fi
    rm -f "$scratch.head"
    curl_for "$url"
    curl "${curl_options[@]}" "${range[@]}" --dump-header "$scratch.head" --output /dev/fd/3 \
        --write-out '%{size_download}' "$url" 3>&1 >"$scratch.got" 2>"$scratch.err" |
        dd of="$file" bs=1M seek="$offset" count="$want" oflag=seek_bytes iflag=fullblock,count_bytes \
            conv=notrunc,fdatasync status=none 2>"$scratch.dd"
    rcs=("${PIPESTATUS[@]}")
    if [ "${rcs[1]}" -ne 0 ]; then
        why="writing failed: $(tail -n 1 "$scratch.dd")"
        return 4
    fi
    read -r status length id _ _ _ total later _ < <(headers "$scratch.head")
    case $status in
    206) ;;
    200)
        if ((offset > 0 || want < size)); then return 2; fi
        total=$length ;;
    *)
        why=$(tail -n 1 "$scratch.err")
        case $(judge "${rcs[0]}" "$status") in
        again) return 1 ;;
        changed) return 3 ;;
        *) code=$(code_of "$(judge "${rcs[0]}" "$status")")
            why=$(explain "$(judge "${rcs[0]}" "$status")" "$status" "$url" "$scratch")
            return 4 ;;
        esac ;;
    esac
    if ! same "$identity" "$id" || { [ "$total" != - ] && [ "$total" != "$size" ]; }; then return 3; fi
    got=$(cat "$scratch.got")
    is_number_long "$got" || got=0
    if ((got > want)); then got=$want; fi
    if [ "${rcs[0]}" -eq 0 ] && ((got == want)); then return 0; fi
    why=$(tail -n 1 "$scratch.err")
    why=${why:-"$got of $want bytes came"}
    return 1
}

# fetch_block NAME URL FILE OFFSET LENGTH SIZE IDENTITY RANGED SCRATCH: with retries. Exit status of attempt,
# 1 when it gave up; the cause is printed.
fetch_block() {
    local name=$1 offset=$4 want=$5 ranged=$8 failures=0 got later why code rc
    while alive && [ ! -e "$9.failed" ]; do
        attempt "$2" "$3" "$offset" "$want" "$6" "$7" "$ranged" "$9.$4"
        rc=$?
        if [ "$rc" -eq 4 ]; then
            complain "$name: $why"
            return "$code"
        elif [ $rc -ne 1 ]; then return "$rc"; fi
        if [ "$ranged" = yes ] && ((got > 0)); then
            offset=$((offset + got)) want=$((want - got)) failures=0
        else
            failures=$((failures + 1))
        fi
        if ((want == 0)); then return 0; fi
        if ((failures > retries)); then
            complain "$name: gave up after $failures failures in a row: $why"
            return "$go_on"
        fi
        say "$name: $why; again at byte $offset"
        back_off $failures "$later"
    done
    return "$go_on"
}

# missing STATE SIZE BLOCK: offset and length of the blocks that STATE does not list. A line without its end
# does not count.
missing() {
    awk -v size="$2" -v block="$3" '
        FNR > 1 && NF == 3 && $3 == "ok" { have[$1] = $2 }
        END {
            for (at = 0; at < size; at += block) {
                n = size - at < block ? size - at : block
                offset = sprintf("%.0f", at) # beyond 2^31 in any awk
                if (have[offset] != n) printf "%s %.0f\n", offset, n
            }
        }' "$1"
}

# fetch_blocks NAME URL PART SIZE IDENTITY BLOCK RANGED SCRATCH: every missing block, several at a time.
# Returns 0, or what the first failing block returned.
fetch_blocks() {
    local name=$1 url=$2 part=$3 size=$4 identity=$5 ranged=$7 scratch=$8 at n running=0
    rm -f "$scratch.failed"
    while read -r at n; do
        if ((running >= connections)); then
            wait -n
            running=$((running - 1))
        fi
        if [ -e "$scratch.failed" ]; then break; fi
        {
            fetch_block "$name" "$url" "$part" "$at" "$n" "$size" "$identity" "$ranged" "$scratch"
            rc=$?
            if [ "$rc" -eq 0 ]; then echo "$at $n ok" >>"$part.state"
            else (set -C; echo "$rc" >"$scratch.failed") 2>/dev/null; fi
        } </dev/null &
        running=$((running + 1))
    done < <(missing "$part.state" "$size" "$6")
    wait
    if [ -e "$scratch.failed" ]; then return "$(cat "$scratch.failed")"; fi
    [ -z "$(missing "$part.state" "$size" "$6")" ] || return "$go_on"
}

# open_part NAME PART SIZE IDENTITY: continue what belongs to this content, or begin. Sets $step.
open_part() {
    local version size identity
    if read -r version size identity step 2>/dev/null <"$2.state" && [ -e "$2" ]; then
        if [ "$version $size $identity" = "fetch-tahoe-1 $3 $4" ] && is_number_long "$step" && ((step > 0)); then
            return 0
        fi
        say "$1: the source changed since the last run; anew from the start"
    fi
    step=$block
    # One request for a small file. An empty file is one block of none.
    if (($3 < 2 * block)); then step=$(($3 > 0 ? $3 : 1)); fi
    mkdir -p "${2%/*}" && : >"$2" && echo "fetch-tahoe-1 $3 $4 $step" >"$2.state"
}

# fetch_file NAME URL SIZE SUM IDENTITY SCRATCH: until the file has its name, or an exit code.
fetch_file() {
    local name=$1 url=$2 size=$3 sum=$4 identity=$5 scratch=$6 part=$out/$1.part ranged=yes
    local wrong=0 changes=0 step rc found
    if [ -e "$out/$name" ]; then
        settle "$name" "$out/$name" "$size" "$sum" "$scratch" && return 0
        complain "$name: the file in $out is not what the source holds; remove it to fetch it anew"
        return "$bad_data"
    fi
    while :; do
        open_part "$name" "$part" "$size" "$identity" 2>"$scratch.err" ||
            { complain "$name: $(tail -n 1 "$scratch.err")"; return "$io_error"; }
        if [ "$ranged" = no ]; then step=$((size > 0 ? size : 1)); fi
        fetch_blocks "$name" "$url" "$part" "$size" "$identity" "$step" "$ranged" "$scratch"
        rc=$?
        case $rc in
        0)
            settle "$name" "$part" "$size" "$sum" "$scratch"
            rc=$?
            if [ $rc -ne 1 ]; then return "$rc"; fi
            rm -f "$part" "$part.state"
            wrong=$((wrong + 1))
            if ((wrong > 1)); then return "$bad_data"; fi
            say "$name: fetched once more" ;;
        2)
            if [ "$ranged" = no ]; then return "$io_error"; fi
            say "$name: the server ignores ranges: in one piece, and from the start after a cut"
            ranged=no
            rm -f "$part" "$part.state" ;;
        3)
            rm -f "$part" "$part.state"
            changes=$((changes + 1))
            if ((changes > 3)); then
                complain "$name: the source changes faster than it can be fetched"
                return "$go_on"
            fi
            say "$name: the source changed in between; anew from the start"
            found=$(remote "$url" "$scratch") || return
            # The hub names content by hash: another content there is no answer to what was listed.
            if [[ $sum == sha256:* || $sum == git:* ]] && [ -z "$checksums" ] && [[ $url == "$hub_url"/* ]]; then
                complain "$name: the hub sends other content than it lists"
                return "$bad_data"
            fi
            if [ -n "$checksums" ]; then read -r size _ identity <<<"$found"
            else read -r size sum identity <<<"$found"; fi ;;
        *) return "$rc" ;;
        esac
    done
}
