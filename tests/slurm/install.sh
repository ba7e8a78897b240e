#!/bin/sh
# make install into a DESTDIR, the tree moved elsewhere and used there, make uninstall: nothing is left. Every program
# has a manual page and completion with all its options.
set -u
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${top_builddir:-$top/build}
unset MAKEFLAGS MFLAGS MAKELEVEL SCPPDM_PROBE SCPPDM_SITE SCPPDM_SLURM_DIR SLURM_JOB_ID
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

count=0
ok() { # ok TEXT COMMAND...
    count=$((count + 1))
    text=$1
    shift
    if "$@"; then echo "ok $count - $text"; return; fi
    echo "not ok $count - $text"
    tail -n 8 "$tmp"/*.log 2>/dev/null | sed 's/^/# /'
}
says() { grep -q -e "$2" "$1" 2>/dev/null; }

make -C "$build" install DESTDIR="$tmp/dest" >"$tmp/install.log" 2>&1
ok "make install DESTDIR=DIR" test $? = 0
prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")
root="$tmp/moved here"
mv "$tmp/dest$prefix" "$root" 2>"$tmp/mv.log"
ok "it wrote below the prefix in DIR" test -x "$root/bin/scppdm_train"
ok "and nowhere else in it" test -z "$(find "$tmp/dest" ! -type d)"
share=$root/share/scppdm

# undescribed FILE: options of --help, in $tmp/options, that are not in the file.
undescribed() {
    [ -s "$tmp/options" ] || echo none
    sed 's/\\-/-/g' "$1" >"$tmp/text" 2>&1
    while read -r option; do
        grep -qF -e "$option" "$tmp/text" || echo "$option"
    done <"$tmp/options"
}
for program in "$root"/bin/scppdm_*; do
    program=${program##*/}
    "$root/bin/$program" --help | grep -oE '^ +(-[a-z], )?--[A-Za-z0-9_.-]+' | grep -oE -e '--[A-Za-z0-9_.-]+' |
        sed 's/^--no-/--/' | sort -u >"$tmp/options"
    ok "$program: all options are in its manual page" \
        test -z "$(undescribed "$root/share/man/man1/$program.1")"
    completion=$root/share/bash-completion/completions/$program
    ok "$program: and in its completion" test -z "$(undescribed "$completion")"
    ok "$program: which bash reads" bash -n "$completion"
done

# The moved tree stands on its own: its drug table, settings, helper and job scripts.
sed -i '2s/^[^\t]*/Moved drug/' "$share/drugs/drugs.tsv"
"$root/bin/scppdm_synth" --preset tiny "$tmp/plates" >"$tmp/synth.log" 2>&1
ok "scppdm_synth takes the moved drug table" says "$tmp/plates/drugs.tsv" '^Moved drug'
prep() {
    "$root/bin/scppdm_prep" --config "$share/conf/prep-demo.yaml" --prep.min_cells=5 "$tmp"/plates/plate*.h5ad \
        --drugs "$tmp/plates/drugs.tsv" --output "$tmp/shard.h5" >"$tmp/prep.log" 2>&1
}
prep
ok "scppdm_prep runs with the moved helper and settings" test -s "$tmp/shard.h5"
mv "$root/libexec/scppdm/scppdm_probe" "$tmp/probe"
rm -f "$tmp/shard.h5"
prep
ok "and says so when the helper is gone" says "$tmp/prep.log" 'scppdm_probe.*beside this program'
mv "$tmp/probe" "$root/libexec/scppdm/scppdm_probe"

ok "the moved pipeline.sh finds its site file and configurations" sh -c "cd '$tmp' && HOME='$tmp' \
    SCPPDM_CONFIG=paper.yaml '$share/slurm/pipeline.sh' --dry-run >'$tmp/pipeline.log' 2>&1"
ok "its jobs are the moved scripts" says "$tmp/pipeline.log" 'moved.*here/share/scppdm/slurm/train.sh'

# The modulefile, with the commands of a module system that a Tcl shell lacks.
count=$((count + 1))
if command -v tclsh >/dev/null 2>&1; then
    module=$(echo "$root"/share/modulefiles/scppdm/*)
    cat >"$tmp/module.tcl" <<'END'
proc module-whatis {text} {}
proc conflict {name} {}
proc prepend-path {name path} { if {![file isdirectory $path]} { puts "not there: $name $path"; exit 1 } }
proc setenv {name value} { if {![file isdirectory $value]} { puts "not there: $name $value"; exit 1 } }
set ModulesCurrentModulefile [lindex $argv 0]
source $ModulesCurrentModulefile
ModulesHelp
END
    if tclsh "$tmp/module.tcl" "$module" >"$tmp/module.log" 2>&1; then
        echo "ok $count - the modulefile names folders of the moved tree"
    else
        echo "not ok $count - the modulefile names folders of the moved tree"
        sed 's/^/# /' "$tmp/module.log"
    fi
else
    echo "ok $count - the modulefile # SKIP no tclsh"
fi

mv "$root" "$tmp/dest$prefix"
make -C "$build" uninstall DESTDIR="$tmp/dest" >"$tmp/uninstall.log" 2>&1
ok "make uninstall leaves no file" test -z "$(find "$tmp/dest" ! -type d)"
ok "and no folder of ours" test -z "$(find "$tmp/dest$prefix" -mindepth 1 -name 'scppdm*')"

make -C "$build" install-data-local DESTDIR="$tmp/dest" >"$tmp/install.log" 2>&1
site=$tmp/dest$prefix/share/scppdm/slurm/site.conf
echo 'SCPPDM_PARTITION=mine' >>"$site"
make -C "$build" install-data-local DESTDIR="$tmp/dest" >"$tmp/install.log" 2>&1
ok "installing again keeps a site file that was edited" says "$site" '^SCPPDM_PARTITION=mine'
make -C "$build" uninstall-local DESTDIR="$tmp/dest" >"$tmp/uninstall.log" 2>&1
ok "so does uninstalling, and it is all that stays" test "$(find "$tmp/dest" ! -type d)" = "$site"
echo "1..$count"
