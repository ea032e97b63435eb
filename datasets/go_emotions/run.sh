#!/usr/bin/env bash
# GoEmotions: English comments with 27 emotions or `neutral`, one or several each, for multilabel.
#
#   sh run.sh                  data/train/train.tsv, data/valid/valid.tsv, data/test/test.tsv
#   sh run.sh --from DIR       from local train.tsv, dev.tsv, test.tsv, emotions.txt
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="go_emotions"
TITLE="GoEmotions, filtered to labels that two raters agree on (2020)"
MANUAL_ADDRESS="https://github.com/google-research/google-research/tree/master/goemotions/data"
TERMS='Terms: the data set is under CC BY 4.0; the comments belong to users of Reddit.
Please cite: Demszky et al. GoEmotions: A Dataset of Fine-Grained Emotions. ACL 2020.'

# No checksums are published.
RAW="https://raw.githubusercontent.com/google-research/google-research/master/goemotions/data"
for name in train.tsv dev.tsv test.tsv emotions.txt; do
    declare_file "$name" unknown "$RAW/$name"
done

declare_output text train/train.tsv valid/valid.tsv test/test.tsv

prepare_dataset "$@"
