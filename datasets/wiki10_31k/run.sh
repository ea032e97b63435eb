#!/usr/bin/env bash
# Wiki10-31K: Wikipedia articles and their social tags, for xmlcnn.
#
#   sh run.sh                  data/train/train.tsv, data/test/test.tsv
#   sh run.sh --from DIR       from a local Wiki10-31K.tar.gz (zip or tar, whatever its name says)
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="wiki10_31k"
CONVERTED_AS="eurlex4k"
TITLE="Wiki10-31K, as prepared for AttentionXML (2019)"
MANUAL_ADDRESS="https://github.com/yourh/AttentionXML#datasets"
TERMS='Terms: the articles are under CC BY-SA; the preparation is free for non-commercial use.
Please cite: Arkaitz Zubiaga. Enhancing Navigation on Wikipedia with Social Tags. 2012; and
Ronghi You et al. AttentionXML. NeurIPS 2019.'

# No checksum of the archive is published.
declare_file Wiki10-31K.tar.gz unknown \
    "https://drive.google.com/uc?export=download&id=1Tv4MHQzDWTUC9hRFihRhG8_jt1h0VhnR"

declare_output text train/train.tsv test/test.tsv

prepare_dataset "$@"
