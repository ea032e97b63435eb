#!/usr/bin/env bash
# Weibo hashtags: 4,630 training and 4,630 test posts with their hashtags, for tagspace.
#
#   sh run.sh                  data/train/train.tsv, data/test/test.tsv
#   sh run.sh --from DIR       from local valid_src.txt, valid_trg.txt, test_src.txt, test_trg.txt
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="weibo_hashtags"
TITLE="Weibo posts and hashtags (TAKG, 2019)"
MANUAL_ADDRESS="https://github.com/yuewang-cuhk/TAKG/tree/a7952192b5de276a415ea5952b9e2cd137139d48/data/Weibo"
TERMS='Terms: the repository is under the MIT licence; the posts belong to the users of Weibo.
Please cite: Yue Wang, Jing Li, Hou Pong Chan, Irwin King, Michael R. Lyu, Shuming Shi.
Topic-Aware Neural Keyphrase Generation for Social Media Language. ACL 2019.'

# A commit, not a branch: what is behind these addresses cannot change.
RAW="https://raw.githubusercontent.com/yuewang-cuhk/TAKG/a7952192b5de276a415ea5952b9e2cd137139d48/data/Weibo"
declare_file valid_src.txt \
    sha256:76abec1fef69e220c0d3432f52e99a9022e5adb9b2c884ea687401329ab86592 "$RAW/valid_src.txt"
declare_file valid_trg.txt \
    sha256:30997d23b1452b8943f0ab5ff13906ac4b2213c0cf4fd1c47c24f3915df46908 "$RAW/valid_trg.txt"
declare_file test_src.txt \
    sha256:2609fc247c3639415bbf90354f4d2d25606bf9af071abd12cec283fea203a07e "$RAW/test_src.txt"
declare_file test_trg.txt \
    sha256:d19d6dcd431302e8a546d34f5b1772c6931ad9c41219d032b4190358e1610ebe "$RAW/test_trg.txt"

declare_output text train/train.tsv test/test.tsv

prepare_dataset "$@"
