#!/usr/bin/env bash
# AG News: 120,000 training and 7,600 test articles in four topics, for tagspace.
#
#   sh run.sh                  raw text:       data/train/train.tsv, data/test/test.tsv
#   sh run.sh --format ids     PaddleRec form: data/ids/
#   sh run.sh --from DIR       from local train.csv and test.csv
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="ag_news"
TITLE="AG News topic classification (version 3, 2015)"
MANUAL_ADDRESS="https://github.com/mhjabreel/CharCnn_Keras/tree/master/data/ag_news_csv"
TERMS='Terms: "provided by the academic community for research purposes [...] and any other
non-commercial activity" (readme.txt of the data set). The articles belong to their publishers.
Please cite: Xiang Zhang, Junbo Zhao, Yann LeCun. Character-level Convolutional Networks for
Text Classification. NIPS 2015. Origin: http://www.di.unipi.it/~gulli/AG_corpus_of_news_articles.html'

RAW="https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv"
ARCHIVE="https://s3.amazonaws.com/fast-ai-nlp/ag_news_csv.tgz"
declare_file train.csv \
    sha256:76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e \
    "$RAW/train.csv" "$ARCHIVE#ag_news_csv/train.csv"
declare_file test.csv \
    sha256:521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699 \
    "$RAW/test.csv" "$ARCHIVE#ag_news_csv/test.csv"

declare_output text train/train.tsv test/test.tsv
declare_output ids ids/train/train.txt ids/test/test.txt ids/words.txt

prepare_dataset "$@"
