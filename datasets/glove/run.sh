#!/usr/bin/env bash
# GloVe: word vectors of 300 numbers for 400,000 English words, for embedding.file.
#
#   sh run.sh                  data/glove.6B.300d.txt
#   sh run.sh --from DIR       from a local glove.6B.zip
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="glove"
TITLE="GloVe word vectors, Wikipedia 2014 and Gigaword 5 (2014)"
MANUAL_ADDRESS="https://nlp.stanford.edu/projects/glove/"
TERMS='Terms: Public Domain Dedication and License 1.0. Please cite: Jeffrey Pennington,
Richard Socher, Christopher D. Manning. GloVe: Global Vectors for Word Representation. EMNLP 2014.'

# No checksum is published; convert.py checks those inside the zip archive.
declare_file glove.6B.zip unknown \
    "https://nlp.stanford.edu/data/glove.6B.zip" \
    "https://downloads.cs.stanford.edu/nlp/data/glove.6B.zip"

declare_output text glove.6B.300d.txt

prepare_dataset "$@"
