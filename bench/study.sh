# shellcheck shell=sh disable=SC2034,SC2154 # variables shared with bench/run and the cases
# What the studies share: pieces that are done once, run folders, tables over seeds. Sourced by cases.

# piece DIR NAME COMMAND...: run a command with its output in DIR/NAME.log, unless DIR/NAME.done says that the
# same command ended well before. A study that is stopped goes on with the first piece that is missing.
piece() {
    piece_dir=$1
    piece_name=$2
    shift 2
    mkdir -p "$piece_dir"
    if [ -e "$piece_dir/$piece_name.done" ] && [ "$(cat "$piece_dir/$piece_name.done")" = "$*" ]; then return 0; fi
    rm -f "$piece_dir/$piece_name.done"
    note "$piece_dir: $piece_name"
    if ! "$@" >"$piece_dir/$piece_name.log" 2>&1; then
        note "failed: $*"
        tail -n 20 "$piece_dir/$piece_name.log" >&2
        exit 70
    fi
    printf '%s\n' "$*" >"$piece_dir/$piece_name.done"
}

# program NAME ARGUMENT...: one of the programs on the ranks of the study.
program() {
    program_name=$1
    shift
    if [ "$ranks" -eq 1 ]; then "$build/$program_name" "$@"; else "$mpirun" -n "$ranks" "$build/$program_name" "$@"; fi
}

# autoencoder_of RUN FROM: give the run folder the autoencoder of another one.
autoencoder_of() {
    mkdir -p "$1/vae"
    cp "$2/vae/best.h5" "$1/vae/best.h5"
    cp "$2/latents.h5" "$1/latents.h5"
    cp "$2/config.yaml" "$1/config.yaml"
}

# The study of one data set: every model of the tables for --repeat seeds, each step a piece in
# $study/seed<N>. Needs: study (folder), shard_of SEED DIR (a function that makes DIR/shard.h5 and sets eval_more, options
# for scoring), config (settings of the model), more_vae, more_train (further options), baseline_steps, stratum ("line:dose
# level", or empty). May have: study_bounds (rows of what is possible, such as ",truth"), study_share (one of them, of which
# the shares of scppdm, scppdm_residual, regression and kernel are rows), study_kernel (yes: the row `kernel`, which
# needs Python; --no-peer leaves it out), study_members (so many networks from other seeds make the row `ensemble` with scppdm).

study_members=0
study_bounds=
study_share=
study_kernel=
study_baselines="ridge linear_shift mlp mlp_shift"
study_means=perturb_mean,nearest_drug,context_mean,global_mean,line_mean,no_change
# The form of the paper at the sizes of `config`: noise prediction of z_post, one DDIM sample, two knobs.
paper_form="--set diffusion.parameterization=eps --set diffusion.target=post --set guidance.kind=dual
 --set guidance.s_p=1 --set guidance.s_0=3 --set guidance.alpha=2 --set guidance.gamma=-0.5
 --set guidance.readout=draws --set guidance.draws=1 --set guidance.ddim_steps=50 --set guidance.spread=0 --set guidance.doubt=0
 --set choose.s_p=[] --set choose.s_0=[] --set choose.doubt=[]"

# rows_of_study: all rows of its run folders, with commas.
rows_of_study() {
    if [ "$study_members" -gt 0 ]; then rows=,ensemble; else rows=; fi
    printf '%s' "scppdm,scppdm_residual$rows,regression,$(echo "$study_baselines" | tr ' ' ,),$study_means"
    printf '%s' ",autoencoder,autoencoder_residual$study_bounds"
}

# study_member RUN SEED OPTION...: an autoencoder and a network as those of the study's run, from another seed.
study_member() {
    member=$1
    member_seed=$2
    shift 2
    # shellcheck disable=SC2086
    piece "$member" vae program scppdm_vae --config "$config" "$@" --run "$member" \
        --set "vae_train.seed=$member_seed" $more_vae
    # shellcheck disable=SC2086
    piece "$member" scppdm program scppdm_train --config "$config" "$@" --run "$member" \
        --set "train.seed=$member_seed" $more_train
}

# study_seed SEED: all models of one seed.
study_seed() {
    seed=$1
    at=$study/seed$seed
    run=$at/run
    eval_more=
    mkdir -p "$at"
    shard_of "$seed" "$at"
    set -- --shard "$at/shard.h5"
    # shellcheck disable=SC2086 # lists of options
    piece "$run" vae program scppdm_vae --config "$config" "$@" --run "$run" --set "vae_train.seed=$seed" $more_vae
    for model in scppdm regression; do
        # shellcheck disable=SC2086
        piece "$run" "$model" program scppdm_train --config "$config" "$@" --run "$run" --model "$model" \
            --set "train.seed=$seed" $more_train
    done
    for model in $study_baselines; do
        case $model in *_shift) file=${model%_shift} ;; *) file=$model ;; esac
        piece "$run" "$model" program scppdm_train --config "$top/mpi/conf/baseline-$file.yaml" "$@" --run "$run" \
            --model "$model" --set "train.seed=$seed" --set "train.steps=$baseline_steps"
    done
    members=
    m=0
    while [ $m -lt "$study_members" ]; do
        m=$((m + 1))
        # shellcheck disable=SC2086
        study_member "$at/member$m" $((100 * m + seed)) "$@"
        members=$members${members:+,}$at/member$m
    done
    # shellcheck disable=SC2086 # a list of options
    piece "$run" eval program scppdm_eval --run "$run" "$@" --models "$(rows_of_study)" ${members:+--members "$members"} \
        --set eval.h5ad=false $eval_more
    paper=$at/paper
    if [ ! -e "$paper/latents.h5" ]; then autoencoder_of "$paper" "$run"; fi
    # shellcheck disable=SC2086
    piece "$paper" scppdm program scppdm_train --config "$config" "$@" --run "$paper" --set "train.seed=$seed" \
        $more_train $paper_form
    # shellcheck disable=SC2086
    piece "$paper" eval program scppdm_eval --run "$paper" "$@" --models scppdm --set eval.h5ad=false \
        --set guidance.spread=0 $eval_more
    if [ "$study_kernel" = yes ] && [ "$peer" = yes ]; then study_kernel_row "$at" "$@"; fi
}

# study_kernel_row AT OPTION...: what the observed changes tell of a drug by regression with the generator's own covariance
# (peers/kernel_regression.py), as a row `kernel`. It needs Python.
study_kernel_row() {
    kernel=$1/kernel
    shift
    python_of anndata
    piece "$kernel" predict "$python" "$bench/peers/kernel_regression.py" "$kernel/../shard.h5" --write "$kernel/kernel.h5ad"
    # shellcheck disable=SC2086 # a list of options
    piece "$kernel" eval program scppdm_eval --run "$kernel" "$@" --models= --predictions "$kernel/kernel.h5ad" \
        --set eval.h5ad=false $eval_more
}

# scores_of: lines "seed split row strata-file agg-file" of everything that is scored; the splits *_truth, against
# the truth of a synthetic screen, are there where it is. Noise ceilings: "seed split ceiling:NAME - ceilings-file".
scores_of() {
    s=0
    while [ $s -lt "$repeat" ]; do
        s=$((s + 1))
        for split in uc ud uc_truth ud_truth; do
            dir=$study/seed$s/run/eval
            if [ ! -e "$dir/$split/agg_results.csv" ]; then continue; fi
            printf '%s %s scppdm %s %s\n' $s $split "$dir/strata.tsv" "$dir/$split/agg_results.csv"
            printf '%s %s scppdm-paper-form %s %s\n' $s $split "$study/seed$s/paper/eval/strata.tsv" \
                "$study/seed$s/paper/eval/$split/agg_results.csv"
            if [ -e "$study/seed$s/kernel/eval/$split/agg_results.csv" ]; then
                printf '%s %s kernel - %s\n' $s $split "$study/seed$s/kernel/eval/$split/agg_results.csv"
            fi
            for model in $(rows_of_study | tr ',' ' '); do
                if [ "$model" = scppdm ]; then continue; fi
                printf '%s %s %s %s %s\n' $s $split "$model" "$dir/strata.tsv" "$dir/$split/${model}_agg_results.csv"
            done
            for ceiling in within_well between_plate; do
                printf '%s %s ceiling:%s - %s\n' $s $split $ceiling "$dir/ceilings.tsv"
            done
        done
    done
}

# study_tables NAME: tables in Markdown on stderr and in $study/table.md, then one line of JSON a (split, row).
study_tables() {
    scores_of | awk -v stratum="$stratum" -v name="$1" -v md="$study/table.md" -v share="$study_share" '
        function figure(k, m) {
            if (!n[k, m]) return "-"
            mean = sum[k, m] / n[k, m]
            se[k, m] = "null"
            if (n[k, m] == 1) return sprintf("%.4f", mean)
            var = (square[k, m] - n[k, m] * mean * mean) / (n[k, m] - 1)
            se[k, m] = sprintf("%.2g", sqrt(var > 0 ? var / n[k, m] : 0))
            return sprintf("%.4f ± %.4f", mean, se[k, m] + 0)
        }
        function take(k, m, v) {
            if (v == "" || v == "nan") return
            n[k, m]++; sum[k, m] += v; square[k, m] += v * v; value[$1, k, m] = v
        }
        function add_row(k) { if (!(k in seen)) { seen[k] = 1; row[++rows] = k } }
        # agg_results.csv: a column a metric, a line a statistic
        function take_means(file, k,   line, cell, place, f, i, m) {
            while ((getline line < file) > 0) {
                f = split(line, cell, ",")
                if (cell[1] == "statistic") for (i = 1; i <= f; i++) place[cell[i]] = i
                if (cell[1] == "mean") for (m = 1; m <= M; m++) if (metric[m] in place) take(k, m, cell[place[metric[m]]])
            }
            close(file)
        }
        # ceilings.tsv: model, split, ceiling, metric, n, score, measured, limit, fraction; not of errors and sizes
        function take_ceiling(file, k, which, set,   line, cell, m, key) {
            while ((getline line < file) > 0) {
                split(line, cell, "\t")
                if (cell[1] != "scppdm" || cell[2] != set || cell[3] != which) continue
                key = (cell[4] in alias) ? alias[cell[4]] : cell[4]
                for (m = 1; m <= M; m++) if (metric[m] == key && !(key in error)) { add_row(k); take(k, m, cell[8]) }
            }
            close(file)
        }
        function take_stratum(file, k, model, set,   line, cell, f, i, at) {
            while (stratum != "" && (getline line < file) > 0) {
                f = split(line, cell, "\t")
                if (cell[1] == "model") { for (i = 1; i <= f; i++) if (cell[i] == "delta_pearson") at = i }
                else if (cell[1] == model && cell[2] == set && stratum == cell[3] ":" cell[4]) {
                    take(k, M, cell[at]); items[k] += cell[5]
                }
            }
            close(file)
        }
        # shares of the best possible score, seed by seed; not of errors and sizes
        function take_share(set, model,   k, m, s, of) {
            of = set " " share
            if (!(of in seen) || !((set " " model) in seen)) return
            k = set " " model "-of-" share
            for (m = 1; m <= M; m++)
                for (s = 1; s <= seeds && !(metric[m] in error); s++)
                    if (((s, of, m) in value) && value[s, of, m] > 0 && ((s, set " " model, m) in value)) {
                        add_row(k); $1 = s; take(k, m, value[s, set " " model, m] / value[s, of, m])
                    }
        }
        BEGIN {
            M = split("logfc_pearson logfc_spearman logfc_pearson_deg logfc_spearman_deg pearson_delta " \
                "delta_spearman delta_pearson_deg delta_spearman_deg ev ev_deg de_overlap_1000 " \
                "discrimination_score_cosine mse mae norm_ratio", metric, " ")
            alias["delta_pearson"] = "pearson_delta"
            alias["pds_cosine"] = "discrimination_score_cosine"
            error["mse"] = error["mae"] = error["norm_ratio"] = 1
            if (stratum != "") metric[++M] = "pearson_delta at " stratum
        }
        $3 ~ /^ceiling:/ { which = substr($3, 9); take_ceiling($5, $2 " " which, which, $2); next }
        {
            k = $2 " " $3
            if (!($2 in set_seen)) { set_seen[$2] = 1; set_name[++sets] = $2 }
            if ($1 > seeds) seeds = $1
            add_row(k)
            take_means($5, k)
            take_stratum($4, k, $3 == "scppdm-paper-form" ? "scppdm" : $3, $2)
        }
        END {
            shared = split("scppdm scppdm_residual regression kernel", sharer, " ")
            for (t = 1; share != "" && t <= sets; t++)
                for (i = 1; i <= shared; i++) take_share(set_name[t], sharer[i])
            for (t = 1; t <= sets; t++) {
                printf "\n%s, %s: mean over conditions, mean and standard error over seeds\n\n| |", name, set_name[t] > md
                for (m = 1; m <= M; m++) printf " %s |", metric[m] > md
                printf "\n|---|" > md
                for (m = 1; m <= M; m++) printf "---|" > md
                printf "\n" > md
                for (r = 1; r <= rows; r++) {
                    split(row[r], part, " ")
                    if (part[1] != set_name[t]) continue
                    printf "| %s |", part[2] > md
                    json = ""
                    most = 0
                    for (m = 1; m <= M; m++) {
                        printf " %s |", figure(row[r], m) > md
                        if (!n[row[r], m]) continue
                        if (n[row[r], m] > most) most = n[row[r], m]
                        json = json sprintf(", \"%s\": [%.6g, %s]", metric[m], sum[row[r], m] / n[row[r], m], se[row[r], m])
                    }
                    printf "\n" > md
                    printf "{\"case\": \"%s\", \"split\": \"%s\", \"model\": \"%s\", \"seeds\": %d%s%s}\n", name, part[1], part[2],
                        most, stratum == "" ? "" : sprintf(", \"n at %s\": %d", stratum, items[row[r]]), json
                }
            }
        }'
    cat "$study/table.md" >&2
}

# run_study NAME
run_study() {
    study=$work/$1
    s=0
    while [ $s -lt "$repeat" ]; do
        s=$((s + 1))
        study_seed $s
    done
    study_tables "$1"
}
