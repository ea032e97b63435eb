#!/usr/bin/env bash
# CAIL 2019, labour disputes: sentences of 151 cases with 20 labels, many without any; multilabel.
#
#   sh run.sh                  data/train/train.tsv, data/valid/valid.tsv, data/test/test.tsv
#   sh run.sh --from DIR       from a local labor_data_small_selected.json
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="cail2019"
TITLE="CAIL 2019 element recognition, labour disputes, small set"
MANUAL_ADDRESS="https://github.com/HuiResearch/cail2019_track2/tree/3bf263f662c54bdc48583a08930276736e1bf7f1/data/labor"
TERMS='Terms: public set of the China AI and Law challenge 2019, for research; the repository states
no licence. Origin: https://github.com/china-ai-law-challenge/CAIL2019'

# A commit, not a branch: what is behind this address cannot change.
declare_file labor_data_small_selected.json \
    sha256:a5a7b30b04ae373d32eb11cf1e0d6ff19561c67a49138d432d9c55934039d63d \
    "https://raw.githubusercontent.com/HuiResearch/cail2019_track2/3bf263f662c54bdc48583a08930276736e1bf7f1/data/labor/data_small_selected.json"

declare_output text train/train.tsv valid/valid.tsv test/test.tsv

prepare_dataset "$@"
