#!/usr/bin/env bash
# DuEE event sentences: 11,958 training and 1,498 test sentences with 65 event types, for multilabel.
#
#   sh run.sh                  data/train/train.tsv, data/test/test.tsv
#   sh run.sh --from DIR       from local train.csv and test.csv
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="duee_multilabel"
TITLE="Event types of DuEE 1.0 as labels of sentences (2020)"
MANUAL_ADDRESS="https://github.com/percent4/keras_bert_multi_label_cls/tree/a0bf6dd643f72c500d084094ace549df63b04be7/data"
TERMS='Terms: derived from Baidu DuEE 1.0 (event extraction competition 2020), for research; the
repository states no licence. Please cite: Li et al. DuEE: A Large-Scale Dataset for Chinese Event
Extraction in Real-World Scenarios. NLPCC 2020.'

# A commit, not a branch: what is behind these addresses cannot change.
RAW="https://raw.githubusercontent.com/percent4/keras_bert_multi_label_cls/a0bf6dd643f72c500d084094ace549df63b04be7/data"
declare_file train.csv \
    sha256:b2a1f3df8b9b50ebd00fa6b64e97424a024a9716e8715d93cc0ffd83a9a9335d "$RAW/train.csv"
declare_file test.csv \
    sha256:8862b10e82511ffbee42a6123334a6933edf38840f01ebc796b40bb8cb13dbd6 "$RAW/test.csv"

declare_output text train/train.tsv test/test.tsv

prepare_dataset "$@"
