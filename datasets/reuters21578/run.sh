#!/usr/bin/env bash
# Reuters-21578, ModApte split: 7,770 training and 3,019 test stories with 90 topics, for xmlcnn.
#
#   sh run.sh                  data/train/train.tsv, data/test/test.tsv
#   sh run.sh --from DIR       from a local reuters21578.tar.gz
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="reuters21578"
TITLE="Reuters-21578 text categorization collection, Distribution 1.0 (1997)"
MANUAL_ADDRESS="http://www.daviddlewis.com/resources/testcollections/reuters21578/"
TERMS='Terms: free for research purposes only; the stories are the copyright of Reuters Ltd.
Please cite: "Reuters-21578, Distribution 1.0" and, as their maker, David D. Lewis.'

# No checksum of the archive is published; convert.py knows those of the files inside.
declare_file reuters21578.tar.gz unknown \
    "http://www.daviddlewis.com/resources/testcollections/reuters21578/reuters21578.tar.gz" \
    "https://archive.ics.uci.edu/ml/machine-learning-databases/reuters21578-mld/reuters21578.tar.gz" \
    "https://kdd.ics.uci.edu/databases/reuters21578/reuters21578.tar.gz"

declare_output text train/train.tsv test/test.tsv

prepare_dataset "$@"
