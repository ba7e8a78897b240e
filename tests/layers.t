#!/bin/sh
# The rooms of src/ as a table, and the proof that no include points upward.
#
# rooms:     ROOM: rooms it may include besides itself. A room that is not listed may not exist.
# libraries: PATTERN of a header: the rooms or files that may include it.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/rooms" <<'END'
base:
conf:         base
dev:          base conf
comm:         base conf dev
tensor:       base conf dev comm
backend:      base conf dev comm tensor backend/ref backend/cpu backend/cuda
backend/ref:  base conf dev comm tensor backend
backend/cpu:  base conf dev comm tensor backend
backend/cuda: base conf dev comm tensor backend
chem:         base conf
io:           base conf dev comm
nn:           base conf dev comm tensor
data:         base conf dev comm io chem
model:        base conf dev comm tensor io chem nn data
diffusion:    base conf dev comm tensor io chem nn data model
train:        base conf dev comm tensor io chem nn data model diffusion
eval:         base conf dev comm tensor io chem nn data model diffusion
report:       base conf dev comm tensor io chem nn data model diffusion train eval
app:          base conf dev comm tensor io chem nn data model diffusion train eval report
programs:     base conf dev comm tensor io chem nn data model diffusion train eval report app
END

cat >"$tmp/libraries" <<'END'
mpi\.h                                        comm io app
hdf5\.h|H5.*\.h                               io
cublas.*\.h|cuda.*\.h                         backend/cuda dev comm
nccl\.h                                       comm/nccl.c
cblas\.h|dnnl.*\.h|openblas_config\.h         backend/cpu
(GraphMol|RDGeneral|DataStructs|boost)/.*     chem/morgan_rdkit.cc
gsl/.*|igraph.*                               eval
yaml\.h                                       conf
jansson\.h                                    base/json.c io/safetensors.c io/manifest.c
Random123/.*                                  base backend backend/ref backend/cpu backend/cuda
zlib\.h                                       io/gz.c io/pack.c
xxhash\.h                                     base/hash.c
libdeflate\.h                                 io/inflate.c io/pack.c io/deflate_code.c
isa-l/                                         io/inflate.c
openssl/.*                                    base/sha256.c
ut(hash|list|array)\.h                        base
END

# violations TREE: print "file:line: what is wrong" for every include that breaks a rule.
violations() {
    (cd "$1" && find src mpi data-prep \( -name '*.[ch]' -o -name '*.cc' -o -name '*.cu' \
        -o -name '*.cuh' \) 2>/dev/null | sort | xargs grep -n '^[ 	]*#[ 	]*include' /dev/null) |
    awk -v rooms="$tmp/rooms" -v libraries="$tmp/libraries" '
        function room_of(path) {
            if (match(path, /^backend\/(ref|cpu|cuda)\//)) return substr(path, 1, RLENGTH - 1)
            return match(path, /^[^\/]+\//) ? substr(path, 1, RLENGTH - 1) : ""
        }
        function bad(text) { print where ": " text }
        BEGIN {
            while ((getline line < rooms) > 0) {
                n = split(line, word, /[: ]+/)
                known[word[1]] = 1
                allowed[word[1], word[1]] = 1
                for (i = 2; i <= n; i++) allowed[word[1], word[i]] = 1
            }
            while ((getline line < libraries) > 0) {
                n = split(line, word, / +/)
                pattern[++patterns] = "^(" word[1] ")$"
                for (i = 2; i <= n; i++) may[patterns, word[i]] = 1
            }
        }
        {
            split($0, part, ":")
            where = part[1] ":" part[2]
            file = part[1]
            if (file ~ /^src\//) { sub(/^src\//, "", file); room = room_of(file) }
            else room = "programs"
            if (!(room in known)) { bad("room \"" room "\" is not in the table"); next }
            if (match($0, /"[^"]+"/)) {
                name = substr($0, RSTART + 1, RLENGTH - 2)
                if (name == "config.h" || name == "revision.h") next
                target = room_of(name)
                if (target == "") bad("\"" name "\" is included without its room")
                else if (!((room, target) in allowed)) bad(room " may not include \"" name "\"")
            } else if (match($0, /<[^>]+>/)) {
                name = substr($0, RSTART + 1, RLENGTH - 2)
                for (i = 1; i <= patterns; i++)
                    if (name ~ pattern[i] && !((i, room) in may) && !((i, file) in may))
                        bad(room " may not include <" name ">")
            }
        }'
}

count=0
report() { # report OK TEXT: one TAP line; $tmp/found is shown when it failed
    count=$((count + 1))
    if "$1"; then echo "ok $count - $2"; else echo "not ok $count - $2"; sed 's/^/# /' "$tmp/found"; fi
}

# expect N TEXT FILE INCLUDE: a tree with this one include has N violations.
expect() {
    rm -rf "$tmp/tree"
    mkdir -p "$tmp/tree/$(dirname "$3")"
    printf '/* planted */\n#include %s\n' "$4" >"$tmp/tree/$3"
    violations "$tmp/tree" >"$tmp/found"
    if [ "$(wc -l <"$tmp/found")" -eq "$1" ]; then report true "$2"; else report false "$2"; fi
}

files=$(find "$top/src" -name '*.[ch]' | wc -l)
violations "$top" >"$tmp/found"
if [ "$files" -gt 20 ] && [ ! -s "$tmp/found" ]; then answer=true; else answer=false; fi
report $answer "no include of the tree points upward ($files files read)"

expect 0 "a downward include is accepted" src/model/a.c '"tensor/graph.h"'
expect 1 "an upward include is found" src/base/a.c '"tensor/graph.h"'
expect 1 "an include between neighbours is found" src/train/a.c '"eval/metrics.h"'
expect 1 "a backend header above the backends is found" src/model/a.h '"backend/cpu/gemm.h"'
expect 1 "a backend header in a program is found" mpi/a.c '"backend/cpu/gemm.h"'
expect 1 "one backend that includes another is found" src/backend/cuda/a.cu '"backend/cpu/gemm.h"'
expect 1 "MPI in the engine is found" src/tensor/a.c '<mpi.h>'
expect 0 "MPI in comm is accepted" src/comm/a.c '<mpi.h>'
expect 1 "HDF5 outside io is found" src/train/a.c '<hdf5.h>'
expect 1 "jansson in another file of io is found" src/io/a.c '<jansson.h>'
expect 0 "jansson in its own file is accepted" src/io/manifest.c '<jansson.h>'
expect 1 "an include without its room is found" src/base/a.c '"status.h"'
expect 1 "a room that the table does not know is found" src/attic/a.c '"base/status.h"'
echo "1..$count"
