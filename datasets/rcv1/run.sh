#!/usr/bin/env bash
# RCV1-v2: Reuters stories of 1996 and 1997 with 103 topics, for xmlcnn; from your own copy.
#
#   sh run.sh                  says where to ask for a copy
#   sh run.sh --from DIR       data/train/train.tsv, data/test/test.tsv from your files
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="rcv1"
TITLE="RCV1-v2, the LYRL2004 split (2004)"
MANUAL_ADDRESS="https://trec.nist.gov/data/reuters/reuters.html (the stories) and
  http://www.jmlr.org/papers/volume5/lewis04a/lyrl2004_rcv1v2_README.htm (tokens and topics)"
TERMS='Terms: the stories may not be passed on; NIST gives them to those who sign an agreement.
Please cite: David D. Lewis, Yiming Yang, Tony G. Rose, Fan Li. RCV1: A New Benchmark Collection
for Text Categorization Research. JMLR 5 (2004).'

# No address: there is nothing to download without an agreement.
for name in lyrl2004_tokens_train.dat lyrl2004_tokens_test_pt0.dat lyrl2004_tokens_test_pt1.dat \
    lyrl2004_tokens_test_pt2.dat lyrl2004_tokens_test_pt3.dat rcv1-v2.topics.qrels; do
    declare_file "$name" unknown
done

declare_output text train/train.tsv test/test.tsv

prepare_dataset "$@"
