#!/usr/bin/env bash
# Sets up .venv, trains tagspace on its sample data, infers and shows three predictions.
#
#     bash tools/quickstart.sh
#
# It runs from any directory and may be run again.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup_environment.sh"

config=models/tagspace/config.yaml

show() {
    say "\$ $*"
    "$@"
}

# shellcheck disable=SC2119  # no argument: training needs no extra
set_up_environment
cd "$root"
python=${venv_python#"$root/"}
say "" "training tagspace on models/tagspace/data"
show "$python" tools/trainer.py -m $config -o runner.resume=none
say "" "evaluating it on the test rows, with three of its predictions"
show "$python" tools/infer.py -m $config
say "" "next, with texts and tags of your own, a line each: text<TAB>tag" \
    "  $python tools/new_model.py my_tags --data FILE.tsv" \
    "or look at this run in a browser:" \
    "  $python -m pip install -e '.[report]' && $python tools/report.py --watch models/tagspace/output_model"
