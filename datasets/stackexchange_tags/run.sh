#!/usr/bin/env bash
# Stack Exchange tags: 4,945 training and 4,945 test questions with their tags, for xmlcnn.
#
#   sh run.sh                  data/train/train.tsv, data/test/test.tsv
#   sh run.sh --from DIR       from local valid_src.txt, valid_trg.txt, test_src.txt, test_trg.txt
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="stackexchange_tags"
CONVERTED_AS="weibo_hashtags"
TITLE="Stack Exchange questions and tags (TAKG, 2019)"
MANUAL_ADDRESS="https://github.com/yuewang-cuhk/TAKG/tree/a7952192b5de276a415ea5952b9e2cd137139d48/data/StackExchange"
TERMS='Terms: the repository is under the MIT licence; the questions are under CC BY-SA.
Please cite: Yue Wang, Jing Li, Hou Pong Chan, Irwin King, Michael R. Lyu, Shuming Shi.
Topic-Aware Neural Keyphrase Generation for Social Media Language. ACL 2019.'

# A commit, not a branch: what is behind these addresses cannot change.
RAW="https://raw.githubusercontent.com/yuewang-cuhk/TAKG/a7952192b5de276a415ea5952b9e2cd137139d48/data/StackExchange"
declare_file valid_src.txt \
    sha256:39484291b91d0dd8b00e9d9fa937c6daad9ac66ca309f9c93af53b2b23b32900 "$RAW/valid_src.txt"
declare_file valid_trg.txt \
    sha256:4c209443bc2540f733d20011cba6c72697dd8e3240bb6cddb4f821b8791be963 "$RAW/valid_trg.txt"
declare_file test_src.txt \
    sha256:cd526741097a91c21ff18ee8ad6e02fa4e40544554ac803f28d8794e2fb7d208 "$RAW/test_src.txt"
declare_file test_trg.txt \
    sha256:72db6582c3e5b3a2e6eb626f341c6957b2d23c36a5ab1853242db1c4b1048742 "$RAW/test_trg.txt"

declare_output text train/train.tsv test/test.tsv

prepare_dataset "$@"
