# shellcheck shell=sh disable=SC2016,SC2034,SC2154 # awk programs; variables of bench/run
# Settings compared on the validation split: bench/run tune -- LIST SHARD... where SHARD is a file of scppdm_prep
# with %d for the seed, of which there are --repeat. A line of LIST is the name of a row and settings:
#   name [vae:KEY=VALUE] [train:KEY=VALUE] [eval:KEY=VALUE]...
# that are added to the file of settings named in LIST by "config FILE". Autoencoder, training and scoring are pieces
# that rows share where they agree and that are not repeated when the study is started again.
# The table: mean over seeds of the mean Delta-Pearson of the conditions, and its standard error over seeds.

list=${1:?tune needs a list of settings}
shard=${2:?tune needs a shard, with %d for the seed}
stratum=${3:-}
# shellcheck source=bench/study.sh
. "$bench/study.sh"
tune=$work/tune-$(basename "$list" .txt)
config=$top/$(awk '$1 == "config" { print $2 }' "$list")

# settings_of STAGE WORD...: the settings of a stage among the words of a row.
settings_of() {
    stage=$1
    shift
    for word; do
        case $word in
        "$stage":*) printf ' --set %s' "${word#"$stage":}" ;;
        esac
    done
}

# key_of TEXT: a name for a set of settings.
key_of() { printf '%s' "$1" | cksum | awk '{ print $1 }'; }

# score_of DIR: "mean count" of Delta-Pearson over val_uc, over val_ud, and over the stratum of both.
score_of() {
    awk -F '\t' -v stratum="$stratum" '
        NR == 1 { for (i = 1; i <= NF; i++) if ($i == "delta_pearson") at = i; next }
        $at != "" && $at != "nan" {
            n[$2] += $5; sum[$2] += $5 * $at
            if (stratum == $3 ":" $4) { n["stratum"] += $5; sum["stratum"] += $5 * $at }
        }
        END { printf "%g %d %g %d %g %d\n", n["val_uc"] ? sum["val_uc"] / n["val_uc"] : "nan", n["val_uc"],
                  n["val_ud"] ? sum["val_ud"] / n["val_ud"] : "nan", n["val_ud"],
                  n["stratum"] ? sum["stratum"] / n["stratum"] : "nan", n["stratum"] }' "$1/eval/strata.tsv"
}

row() {
    row_name=$1
    shift
    vae=$(settings_of vae "$@")
    train=$(settings_of train "$@")
    eval=$(settings_of eval "$@")
    s=0
    while [ $s -lt "$repeat" ]; do
        s=$((s + 1))
        # shellcheck disable=SC2059 # the shard's name holds the place of the seed
        file=$(printf "$shard" $s)
        from=$tune/seed$s/vae-$(key_of "$vae")
        to=$from-$(key_of "$vae$train")
        # shellcheck disable=SC2086 # lists of options
        piece "$from" vae program scppdm_vae --config "$config" --shard "$file" --run "$from" \
            --set vae_train.seed=$s $vae
        [ -e "$to/latents.h5" ] || autoencoder_of "$to" "$from"
        # shellcheck disable=SC2086
        piece "$to" train program scppdm_train --config "$config" --shard "$file" --run "$to" \
            --set train.seed=$s $vae $train
        # shellcheck disable=SC2086
        piece "$to" "eval-$(key_of "$eval")" program scppdm_eval --run "$to" --splits val_uc,val_ud \
            --set eval.models=scppdm --set eval.h5ad=false --set eval.pds=false $eval
        if [ ! -e "$to/score-$(key_of "$eval")" ]; then score_of "$to" >"$to/score-$(key_of "$eval")"; fi
        printf '%s %s\n' "$row_name" "$(cat "$to/score-$(key_of "$eval")")" >>"$tune/scores.new"
    done
}

mkdir -p "$tune"
: >"$tune/scores.new"
while read -r name words; do
    case $name in '' | '#'* | config) continue ;; esac
    # shellcheck disable=SC2086 # words of a row
    row "$name" $words
done <"$list"
mv "$tune/scores.new" "$tune/scores"
awk -v stratum="$stratum" '
    function figure(k, f) {
        mean = sum[k, f] / count[k]
        var = count[k] > 1 ? (square[k, f] - count[k] * mean * mean) / (count[k] - 1) : 0
        return sprintf("%.4f ± %.4f", mean, sqrt(var > 0 ? var / count[k] : 0))
    }
    {
        if (!($1 in count)) name[++rows] = $1
        count[$1]++
        for (f = 1; f <= 3; f++) { v = $(2 * f); sum[$1, f] += v; square[$1, f] += v * v; n[$1, f] += $(2 * f + 1) }
        v = ($2 + $4) / 2; sum[$1, 4] += v; square[$1, 4] += v * v
    }
    END {
        printf "| settings | val UC | val UD | mean | %s | seeds | n UC, UD |\n|---|---|---|---|---|---|---|\n", stratum
        for (r = 1; r <= rows; r++) {
            k = name[r]
            printf "| %s | %s | %s | %s | %s | %d | %d, %d |\n", k, figure(k, 1), figure(k, 2), figure(k, 4),
                figure(k, 3), count[k], n[k, 1], n[k, 2]
        }
    }' "$tune/scores" | tee "$tune/table.md" >&2
printf '{"case": "tune", "list": "%s", "rows": %s}\n' "$(basename "$list")" \
    "$(awk 'BEGIN { printf "[" } { printf "%s[\"%s\", %s, %s, %s]", (NR > 1 ? ", " : ""), $1, $2, $4, $6 } END { print "]" }' "$tune/scores")"
