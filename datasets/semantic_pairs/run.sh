#!/usr/bin/env bash
# Chinese pairs that mean the same, and a corpus to find them in, for batchneg and hardestneg.
#
#   sh run.sh                  data/semantic_pair_train.tsv, same_semantic.tsv, corpus_file, ...
#   sh run.sh --from DIR       from local files, in the folders that --help names
#   sh run.sh --help
if [ -z "${BASH_VERSION:-}" ]; then exec bash "$0" "$@"; fi
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source-path=SCRIPTDIR source=../fetch.sh
. "$HERE/../fetch.sh"

DATASET="semantic_pairs"
TITLE="Chinese sentence pairs: AFQMC, LCQMC, PAWS-X, SimCLUE"
MANUAL_ADDRESS="https://github.com/zejunwang1/CSTS and https://github.com/CLUEbenchmark/SimCLUE"
TERMS='Terms: academic research only, no commercial use (readme of CSTS); SimCLUE joins data sets
under their own terms. Please cite: Liu et al. LCQMC. COLING 2018. Xu et al. CLUE (AFQMC). COLING
2020. Yang et al. PAWS-X. EMNLP 2019. SimCLUE, github.com/CLUEbenchmark/SimCLUE, 2022.'

# Commits, not branches: what is behind these addresses cannot change.
CSTS="https://raw.githubusercontent.com/zejunwang1/CSTS/2e7eeedf505c78bf39d34f836773081cfc98af0c"
SIMCLUE="https://raw.githubusercontent.com/CLUEbenchmark/SimCLUE/96bdefe6dedd39eb3bd3a668547356e7a46d70af/datasets"
declare_file afqmc/train.txt \
    sha256:48642eebd4dcd2fa099ad20b47fdbda456bdc396f8359aa4384a452a36f31eb7 "$CSTS/AFQMC/train.txt"
declare_file afqmc/dev.txt \
    sha256:bd5136527078950a4d624a3d903ce86950cafb26b5092559b64c418e015f0df3 "$CSTS/AFQMC/dev.txt"
declare_file lcqmc_dev_test/dev.txt \
    sha256:d3cd41ed89b8f6196a76ebff2aa03d5ecf42edcd12942aa865d34f7e570af7c2 "$CSTS/LCQMC/dev.txt"
declare_file lcqmc_dev_test/test.txt \
    sha256:8969f9c16050f40df9da6f591443a47bc14c17a504a354ee4cc4ab5b9aa303d9 "$CSTS/LCQMC/test.txt"
declare_file pawsx_zh_dev_test/dev_2k.tsv \
    sha256:56fb229726a56de26275945020dee87fa6465b1b9903701f498c8d431d0150dd "$CSTS/PAWS-X/dev_2k.tsv"
declare_file pawsx_zh_dev_test/test_2k.tsv \
    sha256:293bbf383c1c43874518abae837232cf3859b84a8a416975d9c7fe086867f762 "$CSTS/PAWS-X/test_2k.tsv"
declare_file simclue/train_pair_postive_1w.json \
    sha256:27eb57d3ebe79a57e4d17f54885ead628fa5333bee400eb02346381d2277b92c \
    "$SIMCLUE/train_pair_postive_1w.json"
declare_file simclue/train_rank_1w.json \
    sha256:e1f8a9c8d0f107485d9d9f4f7ee8c48e0c91f30453fc920940c7e5a702a516df \
    "$SIMCLUE/train_rank_1w.json"

declare_output text semantic_pair_train.tsv semantic_triplet_train.tsv afqmc_dev.tsv \
    lcqmc_test.tsv same_semantic.tsv corpus_file unlabelled.txt

prepare_dataset "$@"
